import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect, errorText, fields, type TestClient } from '../support/client.ts';
import {
  hasRedis,
  runThermocline,
  startRedis,
  startThermocline,
  temporaryDirectory,
} from '../support/servers.ts';

const FILE = `# A comment that stays.
maxmemory 100mb

# Another one.
timeout 30
client-output-buffer-limit pubsub 1mb 1mb 10
requirepass "with space"
`;

async function open(configText = FILE): Promise<{ client: TestClient; file: string; directory: string }> {
  const server = await startThermocline({}, { configText });
  const client = await connect(server.port);
  if (configText.includes('requirepass')) await client.call('AUTH', 'with space');
  return { client, file: join(server.directory, 'thermocline.conf'), directory: server.directory };
}

describe('CONFIG', () => {
  test('GET takes names and patterns, several at once', async () => {
    const { client } = await open();
    expect(await client.call('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '104857600']);
    expect(await client.call('CONFIG', 'GET', 'TIMEOUT', 'nosuch')).toEqual(['TIMEOUT', '30']);
    const some = (await client.call('CONFIG', 'GET', 'maxmemory*', 'flex-*')) as string[];
    expect(some).toEqual(
      expect.arrayContaining(['maxmemory-policy', 'flex-hot-threshold', 'maxmemory-samples']),
    );
    await client.call('HELLO', '3');
    const every = (await client.call('CONFIG', 'GET', '*')) as Map<string, string>;
    expect(every.size).toBeGreaterThan(100);
    expect(every.get('client-output-buffer-limit')).toBe(
      'normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 1048576 10',
    );
  });

  test('SET changes several or none', async () => {
    const { client } = await open();
    expect(await client.call('CONFIG', 'SET', 'timeout', '7', 'maxmemory', '1gb')).toBe('OK');
    expect(await client.call('CONFIG', 'GET', 'timeout')).toEqual(['timeout', '7']);
    const bad = await client.call('CONFIG', 'SET', 'timeout', '8', 'maxmemory-policy', 'nosuch');
    expect(errorText(bad)).toMatch(
      /^ERR CONFIG SET failed \(possibly related to argument 'maxmemory-policy'\)/,
    );
    expect(await client.call('CONFIG', 'GET', 'timeout')).toEqual(['timeout', '7']);
  });

  test('REWRITE keeps comments, and the server starts from it again', async () => {
    const { client, file, directory } = await open();
    await client.call(
      'CONFIG',
      'SET',
      'timeout',
      '77',
      'maxmemory-policy',
      'allkeys-lfu',
      'requirepass',
      'a "b"',
    );
    expect(await client.call('CONFIG', 'REWRITE')).toBe('OK');
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('# A comment that stays.\nmaxmemory 100mb\n\n# Another one.\ntimeout 77\n');
    expect(text).toContain('maxmemory-policy allkeys-lfu\n');
    const again = await startThermocline({}, { configText: text, directory });
    const second = await connect(again.port);
    expect(await second.call('AUTH', 'a "b"')).toBe('OK');
    expect(await second.call('CONFIG', 'GET', 'timeout')).toEqual(['timeout', '77']);
    expect(await second.call('CONFIG', 'GET', 'client-output-buffer-limit')).toEqual([
      'client-output-buffer-limit',
      'normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 1048576 10',
    ]);
  });

  test('REWRITE needs a file', async () => {
    const client = await connect((await startThermocline()).port);
    expect(errorText(await client.call('CONFIG', 'REWRITE'))).toBe(
      'ERR The server is running without a config file',
    );
  });

  test('RESETSTAT sets the figures to zero', async () => {
    const { client } = await open();
    await client.call('GET', 'missing');
    await client.call('NOSUCH');
    const names = [
      'keyspace_misses',
      'total_error_replies',
      'total_connections_received',
      'rejected_connections',
    ];
    const before = fields(await client.call('INFO', 'everything'));
    expect(before).toMatchObject({
      keyspace_misses: '1',
      total_error_replies: '1',
      errorstat_ERR: 'count=1',
    });
    expect(before.cmdstat_get).toMatch(/^calls=1,/);
    expect(await client.call('CONFIG', 'RESETSTAT')).toBe('OK');
    const after = fields(await client.call('INFO', 'everything'));
    for (const name of names) expect(after[name]).toBe('0');
    expect(after.cmdstat_get).toBeUndefined();
    expect(after.errorstat_ERR).toBeUndefined();
    expect(Number(after.total_commands_processed)).toBeLessThan(Number(before.total_commands_processed));
  });

  test.skipIf(!hasRedis)('answers mistakes as Redis', async () => {
    const ours = await connect((await startThermocline()).port);
    const theirs = await connect((await startRedis()).port);
    for (const words of [
      ['GET'],
      ['SET', 'timeout'],
      ['SET', 'nosuch', '1'],
      ['SET', 'timeout', 'x'],
      ['SET', 'timeout', '-1'],
      ['SET', 'timeout', '1', 'timeout', '2'],
      ['SET', 'timeout', '1', 'nosuch', '2'],
      ['SET', 'maxmemory-policy', 'x'],
      ['SET', 'databases', '3'],
      ['SET', 'daemonize', 'yes'],
      ['SET', 'protected-mode', 'x'],
      ['SET', 'timeout', '1', 'maxmemory'],
      ['NOSUCH'],
      ['REWRITE', 'x'],
    ]) {
      expect([words, await ours.call('CONFIG', ...words)]).toEqual([
        words,
        await theirs.call('CONFIG', ...words),
      ]);
    }
  });
});

describe('the configuration comes', () => {
  test('from standard input after a file, with options over both', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'it.conf');
    writeFileSync(file, 'timeout 1\nmaxclients 50\nloglevel warning\n');
    // A value that can't be tells that standard input was read, and by which line.
    const input = 'timeout 2\nmaxclients 60\nnosuch 3\n';
    const { status, output } = await runThermocline([file, '-', '--timeout', '3'], { input, directory });
    expect(status).toBe(1);
    expect(output).toContain("Reading standard input, at line 3\n>>> 'nosuch 3'");
    const server = await startThermocline(
      { timeout: 3 },
      { configText: 'timeout 1\nmaxclients 50\n', input: 'maxclients 60\n' },
    );
    const client = await connect(server.port);
    expect(await client.call('CONFIG', 'GET', 'timeout')).toEqual(['timeout', '3']);
    expect(await client.call('CONFIG', 'GET', 'maxclients')).toEqual(['maxclients', '60']);
  });

  test('with a warning for what does nothing here', async () => {
    const server = await startThermocline({}, { configText: 'io-threads 4\n' });
    expect(server.log()).toMatch(/thermocline\.conf, line 1: 'io-threads' is accepted but has no effect/);
  });
});
