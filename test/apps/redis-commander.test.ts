import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, test } from 'vitest';
import { connect, encodeCommand, type TestClient } from '../support/client.ts';
import { atEnd, eventually, freePort, type TestServer, temporaryDirectory } from '../support/servers.ts';
import { hasBrowser, startBrowser } from './browser.ts';
import { expectTierUsed, MODES, startMode } from './modes.ts';

const COMMANDER = join(import.meta.dirname, '../../node_modules/redis-commander/bin/redis-commander.js');

describe.skipIf(!hasBrowser).each(MODES)('redis-commander on a server $title', (mode) => {
  let server: TestServer;
  let client: TestClient;
  let url: string;

  beforeAll(async () => {
    server = await startMode(mode);
    client = await connect(server.port);
    const data: (string | number)[][] = [
      ['SET', 'greeting', 'hello from the server'],
      ['SET', 'session:1', 'one', 'EX', 1000],
      ['SET', 'session:2', 'two'],
      ['HSET', 'user:ada', 'name', 'Ada Lovelace', 'born', 1815],
      ['RPUSH', 'queue', 'first', 'second'],
      ['SADD', 'tags', 'red', 'green'],
      ['ZADD', 'board', 10, 'ada', 20, 'grace'],
      ['XADD', 'events', '1-1', 'kind', 'start'],
    ];
    client.send(Buffer.concat(data.map((words) => encodeCommand(...words))));
    await client.rawReplies(data.length);
    const port = await freePort();
    const directory = temporaryDirectory();
    const args = ['--redis-host', '127.0.0.1', '--redis-port', `${server.port}`, '--redis-label', 'test'];
    const web = spawn(
      process.execPath,
      [COMMANDER, ...args, '--address', '127.0.0.1', '--port', `${port}`, '--noload', '--nosave'],
      { cwd: directory, env: { ...process.env, HOME: directory }, stdio: 'ignore' },
    );
    atEnd(() => {
      web.kill('SIGKILL');
    });
    url = `http://127.0.0.1:${port}`;
    await eventually(
      () =>
        fetch(url).then(
          (response) => response.ok,
          () => false,
        ),
      'it serves',
      60_000,
    );
  });

  test('shows the keys and values, and changes them', async () => {
    const browser = await startBrowser();
    const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    await page.goto(url);
    const tree = page.locator('#keyTree');
    await tree.getByText('greeting').waitFor();
    for (const name of ['session', 'user', 'queue', 'tags', 'board', 'events']) {
      await tree.getByText(name, { exact: false }).first().waitFor();
    }
    await tree.getByText('greeting').click();
    const text = page.locator('#stringValue');
    await eventually(async () => (await text.inputValue()) === 'hello from the server', 'the value is shown');
    await text.fill('changed in a browser');
    await page.locator('#editStringForm #saveKeyButton').click();
    await eventually(
      async () => (await client.call('GET', 'greeting')) === 'changed in a browser',
      'it is saved',
    );
    await tree.getByText('queue').click();
    await page.locator('#body').getByText('second').first().waitFor();
    await tree.getByText('board').click();
    await page.locator('#body').getByText('grace').first().waitFor();
    const directory = process.env.THERMOCLINE_SCREENSHOTS;
    if (directory !== undefined) {
      mkdirSync(directory, { recursive: true });
      const name = mode.title.replaceAll(' ', '-');
      writeFileSync(join(directory, `redis-commander-${name}.png`), await page.screenshot());
    }
    await expectTierUsed(mode, server);
  });
});
