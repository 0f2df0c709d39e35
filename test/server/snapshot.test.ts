import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { connect, fields, type TestClient } from '../support/client.ts';
import type { Value } from '../support/rdb-values.ts';
import { call, configure, NODES, PACKED, populate, serverValue, UNPACKED } from '../support/server-values.ts';
import {
  eventually,
  hasRedis,
  runThermocline,
  startRedis,
  startThermocline,
  type TestServer,
  temporaryDirectory,
} from '../support/servers.ts';

const hasCheck = spawnSync('redis-check-rdb', ['--version']).status === 0;
const LIBRARY = "#!lua name=numbers\nredis.register_function('one', function() return 1 end)";
const EXPIRE_AT = 9_999_999_999_999;

/** Directives of a server with and without the tier. */
function directives(flex: boolean): Record<string, string | boolean> {
  return flex
    ? { 'enable-flex': true, 'flex-storage-path': temporaryDirectory(), maxmemory: '64mb' }
    : { 'enable-flex': false };
}

/** Fills two databases with values of all types; what the server says of them. */
async function fill(client: TestClient): Promise<Map<string, Value>> {
  const random = new SeededRandom(7);
  const values = new Map<string, Value>();
  await configure(client, NODES);
  await call(client, 'FUNCTION', 'LOAD', LIBRARY);
  for (const [index, limits] of [PACKED, UNPACKED].entries()) {
    await call(client, 'SELECT', index * 5);
    await configure(client, limits);
    const keys = await populate(client, random, 'saved');
    for (const key of keys) values.set(`${index * 5}/${key}`, await serverValue(client, key));
    await call(client, 'PEXPIREAT', keys[0], EXPIRE_AT);
  }
  return values;
}

async function compare(client: TestClient, values: ReadonlyMap<string, Value>): Promise<void> {
  let database = '';
  for (const [name, value] of values) {
    const [number, key] = [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)];
    if (number !== database) {
      database = number;
      await call(client, 'SELECT', database);
      expect(await call(client, 'DBSIZE')).toBe(values.size / 2);
    }
    expect({ name, value: await serverValue(client, key) }).toEqual({ name, value });
    expect(await call(client, 'PEXPIRETIME', key)).toBe(key === 'saved:string:0' ? EXPIRE_AT : -1);
  }
  expect(await call(client, 'FCALL', 'one', 0)).toBe(1);
}

async function isSaving(client: TestClient): Promise<boolean> {
  return fields(await client.call('INFO', 'persistence')).rdb_bgsave_in_progress === '1';
}

async function end(server: TestServer, client: TestClient, ...words: string[]): Promise<void> {
  client.send(`SHUTDOWN ${words.join(' ')}\r\n`);
  expect(await server.exited).toBe(0);
}

describe.each([false, true])('snapshots (Flex %s)', (flex) => {
  test.runIf(hasRedis && hasCheck)('a file is loaded by redis-server, and one of its is loaded', async () => {
    const directory = temporaryDirectory();
    const ours = await startThermocline({ save: '', ...directives(flex) }, { directory });
    const own = await connect(ours.port);
    const made = await fill(own);
    await call(own, 'BGSAVE');
    await eventually(async () => !(await isSaving(own)), 'the snapshot is written');
    const check = spawnSync('redis-check-rdb', [join(directory, 'dump.rdb')], { encoding: 'utf8' });
    expect({ status: check.status, output: check.stdout }).toMatchObject({ status: 0 });
    await end(ours, own);

    const theirs = await startRedis({ dir: directory });
    const other = await connect(theirs.port);
    await compare(other, made);
    await call(other, 'SAVE');
    await end(theirs, other, 'NOSAVE');

    const again = await startThermocline({ save: '', ...directives(flex) }, { directory });
    await compare(await connect(again.port), made);
    expect(again.log()).toMatch(/Loading RDB produced by version 7/);
    expect(again.log()).toMatch(/Done loading RDB, keys loaded: \d+, keys expired: 0/);
  });

  test('an orderly end writes one where there are save points', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'mine.rdb');
    const options = { ...directives(flex), dbfilename: 'mine.rdb' };
    const start = async (save: string): Promise<[TestServer, TestClient]> => {
      const server = await startThermocline({ save: save.split(' '), ...options }, { directory });
      return [server, await connect(server.port)];
    };
    let [server, client] = await start('900 1');
    await client.call('SET', 'a', '1');
    await end(server, client);
    expect(existsSync(file)).toBe(true);
    [server, client] = await start('900 1');
    expect(await client.call('GET', 'a')).toBe('1');
    await client.call('SET', 'a', '2');
    server.process.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    [server, client] = await start('900 1');
    expect(await client.call('GET', 'a')).toBe('2');
    await client.call('SET', 'a', '3');
    await end(server, client, 'NOSAVE');
    [server, client] = await start('900 1');
    expect(await client.call('GET', 'a')).toBe('2');
    await client.call('CONFIG', 'SET', 'save', '');
    await client.call('SET', 'a', '4');
    await end(server, client);
    [server, client] = await start('900 1');
    // With Flex on the tier's last checkpoint has it.
    expect(await client.call('GET', 'a')).toBe(flex ? '4' : '2');
    await client.call('CONFIG', 'SET', 'save', '');
    await client.call('SET', 'a', '5');
    await end(server, client, 'SAVE');
    [server, client] = await start('900 1');
    expect(await client.call('GET', 'a')).toBe('5');
    expect(readdirSync(directory).filter((name) => name.startsWith('temp-'))).toEqual([]);
  });

  test('a snapshot is exact while clients write', async () => {
    const directory = temporaryDirectory();
    const server = await startThermocline(
      { save: '', ...directives(flex), 'enable-debug-command': true },
      { directory },
    );
    const [client, writer] = [await connect(server.port), await connect(server.port)];
    const count = 30_000;
    await client.call('DEBUG', 'POPULATE', count, 'key', 200);
    for (let at = 0; at < 20; at++) {
      await client.call('SADD', 'set', ...Array.from({ length: 500 }, (_, member) => `${at} ${member}`));
    }
    await client.call('BGSAVE');
    for (let at = 0; at < 3000; at += 100) {
      const commands = Array.from({ length: 100 }, (_, each) => {
        const key = (at + each) * 10;
        return `SET key:${key} changed\r\nDEL key:${key + 1}\r\nSET new:${key} x\r\nSREM set "${each % 20} ${at / 10}"\r\n`;
      });
      writer.send(commands.join(''));
      await writer.rawReplies(400);
    }
    await writer.call('DEL', 'set');
    await eventually(async () => !(await isSaving(client)), 'the snapshot is written');
    expect(fields(await client.call('INFO', 'persistence')).rdb_last_bgsave_status).toBe('ok');
    await server.kill();

    const again = await startThermocline({ save: '', ...directives(flex) }, { directory });
    const reader = await connect(again.port);
    expect(await reader.call('DBSIZE')).toBe(count + 1);
    expect(await reader.call('SCARD', 'set')).toBe(10_000);
    expect(await reader.call('GET', 'new:0')).toBeNull();
    for (let key = 0; key < count; key += 997) {
      expect(await reader.call('GETRANGE', `key:${key}`, 0, 4)).toBe('value');
    }
  });
});

describe('at the start', () => {
  test('a broken file ends the server', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'dump.rdb'), 'no snapshot at all');
    const { status, output } = await runThermocline(['--port', '0', '--dir', directory]);
    expect(status).toBe(1);
    expect(output).toMatch(/Can't load .*dump\.rdb: Wrong signature trying to load DB from file/);
    expect(readFileSync(join(directory, 'dump.rdb'), 'utf8')).toBe('no snapshot at all');
  });

  test('a file of more than memory has room for goes to the SSD', async () => {
    const directory = temporaryDirectory();
    const big = await startThermocline({ save: '', 'enable-debug-command': true }, { directory });
    const client = await connect(big.port);
    await client.call('DEBUG', 'POPULATE', 60_000, 'key', 1000);
    const value = 'x'.repeat(500);
    for (let at = 0; at < 150_000; at += 1000) {
      await client.call(
        'HSET',
        'large',
        ...Array.from({ length: 1000 }, (_, each) => [`field ${at + each}`, value]).flat(),
      );
    }
    await client.call('SAVE');
    await end(big, client, 'NOSAVE');
    const small = await startThermocline(
      { save: '', 'enable-flex': true, 'flex-storage-path': temporaryDirectory(), maxmemory: '48mb' },
      { directory },
    );
    const reader = await connect(small.port);
    expect(await reader.call('DBSIZE')).toBe(60_001);
    expect(await reader.call('STRLEN', 'key:59999')).toBe(1000);
    expect(await reader.call('HLEN', 'large')).toBe(150_000);
    expect(await reader.call('HSTRLEN', 'large', 'field 77777')).toBe(500);
    expect(Number(fields(await reader.call('INFO', 'memory')).used_memory_peak)).toBeLessThan(48 * 2 ** 20);
  });
});

test('a server whose snapshot can not be written goes on, unless it is told to end', async () => {
  const directory = temporaryDirectory();
  const server = await startThermocline({ save: ['900', '1'] }, { directory });
  const client = await connect(server.port);
  await client.call('SET', 'a', '1');
  mkdirSync(join(directory, 'dump.rdb', 'sub'), { recursive: true });
  expect(String(await client.call('SHUTDOWN'))).toMatch(/ERR Errors trying to SHUTDOWN\. Check logs\./);
  expect(await client.call('GET', 'a')).toBe('1');
  server.process.kill('SIGTERM');
  await server.logged(/can't exit[\s\S]*can't exit/);
  expect(await client.call('GET', 'a')).toBe('1');
  rmSync(join(directory, 'dump.rdb'), { recursive: true });
  await end(server, client);
});
