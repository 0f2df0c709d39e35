import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Reply } from '../../src/resp/reply.ts';
import { callAll, connect, errorText, fields, type TestClient } from '../support/client.ts';
import { createGenerator } from '../support/generator.ts';
import {
  eventually,
  runThermocline,
  startThermocline,
  type TestServer,
  temporaryDirectory,
} from '../support/servers.ts';

const FLEX = { 'enable-flex': true, 'flex-storage-path': 'ssd' };

async function info(client: TestClient): Promise<Record<string, string>> {
  return fields(await client.call('INFO', 'flex', 'memory', 'stats', 'keyspace'));
}

describe('cold keys', () => {
  let server: TestServer;
  let client: TestClient;

  beforeAll(async () => {
    server = await startThermocline({ ...FLEX, maxmemory: '64mb' });
    client = await connect(server.port);
  });

  test('FLEX TIER, DEMOTE and PROMOTE move a key', async () => {
    await client.call('MSET', 'a', '1', 'b', 'x'.repeat(5000));
    expect(await client.call('FLEX', 'TIER', 'a')).toBe('hot');
    expect(await client.call('FLEX', 'DEMOTE', 'a', 'b', 'missing')).toBe(2);
    expect(await client.call('FLEX', 'DEMOTE', 'a')).toBe(0);
    expect(await client.call('FLEX', 'TIER', 'a')).toBe('cold');
    expect(await client.call('FLEX', 'TIER', 'missing')).toBe(null);
    expect(await client.call('FLEX', 'PROMOTE', 'a', 'b')).toBe(2);
    expect(await client.call('FLEX', 'TIER', 'b')).toMatch(/^(hot|warm)$/);
    expect(await client.call('MGET', 'a', 'b')).toEqual(['1', 'x'.repeat(5000)]);
    expect(errorText(await client.call('FLEX', 'DEMOTE', 'missing'))).toBe('ERR no such key');
    const stats = (await client.call('FLEX', 'STATS')) as unknown[];
    expect(stats[stats.indexOf('demotions') + 1]).toBeGreaterThanOrEqual(2);
    expect(stats).toContain('cold_read_p99_us');
  });

  test('keep type, expiry and everything else', async () => {
    await client.call('SET', 'cold', 'value', 'EX', '1000');
    await client.call('FLEX', 'DEMOTE', 'cold');
    expect(await client.call('TYPE', 'cold')).toBe('string');
    expect(await client.call('TTL', 'cold')).toBeGreaterThan(990);
    expect(await client.call('EXPIRE', 'cold', '2000', 'GT')).toBe(1);
    expect(await client.call('EXPIRE', 'cold', '100', 'GT')).toBe(0);
    expect(await client.call('TTL', 'cold')).toBeGreaterThan(1990);
    expect(await client.call('STRLEN', 'cold')).toBe(5);
    expect(await client.call('EXISTS', 'cold', 'cold')).toBe(2);
    await client.call('FLEX', 'DEMOTE', 'cold');
    expect(await client.call('PERSIST', 'cold')).toBe(1);
    expect(await client.call('TTL', 'cold')).toBe(-1);
    await client.call('FLEX', 'DEMOTE', 'cold');
    expect(await client.call('RENAME', 'cold', 'renamed')).toBe('OK');
    await client.call('FLEX', 'DEMOTE', 'renamed');
    expect(await client.call('COPY', 'renamed', 'copy')).toBe(1);
    await client.call('FLEX', 'DEMOTE', 'renamed', 'copy');
    expect(await client.call('APPEND', 'copy', '!')).toBe(6);
    expect(await client.call('GETDEL', 'renamed')).toBe('value');
    expect(await client.call('MGET', 'cold', 'renamed', 'copy')).toEqual([null, null, 'value!']);
  });

  test('expire, though nobody looks at them', async () => {
    await client.call('FLUSHALL');
    await client.call('CONFIG', 'RESETSTAT');
    const commands: (string | number)[][] = [];
    for (let index = 0; index < 1000; index++)
      commands.push(['SET', `short:${index}`, 'x', 'PX', 400 + (index % 200)]);
    for (let index = 0; index < 100; index++) commands.push(['SET', `long:${index}`, 'x', 'EX', 1000]);
    await callAll(client, commands, '+OK\r\n');
    const half = Array.from({ length: 500 }, (_, index) => `short:${index}`);
    expect(await client.call('FLEX', 'DEMOTE', ...half, 'long:0')).toBe(501);
    await eventually(async () => (await client.call('DBSIZE')) === 100, 'the short-lived keys have gone');
    expect((await info(client)).expired_keys).toBe('1000');
    expect(await client.call('TTL', 'long:0')).toBeGreaterThan(990);
    expect((await info(client)).db0).toMatch(/^keys=100,expires=100,/);
    await client.call('FLUSHALL');
  });

  test('of several databases stay apart through SWAPDB and MOVE', async () => {
    await client.call('SET', 'k', 'zero');
    await client.call('SELECT', '1');
    await client.call('SET', 'k', 'one');
    await client.call('FLEX', 'DEMOTE', 'k');
    expect(await client.call('SWAPDB', '0', '1')).toBe('OK');
    expect(await client.call('GET', 'k')).toBe('zero');
    await client.call('FLEX', 'DEMOTE', 'k');
    expect(await client.call('MOVE', 'k', '2')).toBe(1);
    await client.call('SELECT', '2');
    expect(await client.call('GET', 'k')).toBe('zero');
    await client.call('SELECT', '0');
    expect(await client.call('GET', 'k')).toBe('one');
    await client.call('FLUSHALL');
  });
});

describe('a record that is damaged on the SSD', () => {
  /** Values that are told from each other anywhere in a file, and can't be compressed. */
  const textOf = (index: number) => `<${index}>${createGenerator(index).bytes(200).toString('hex')}`;
  const COUNT = 6000;

  test('is an error of its key alone, which is logged and counted', async () => {
    const server = await startThermocline({ ...FLEX, maxmemory: '64mb' });
    const client = await connect(server.port);
    const names = Array.from({ length: COUNT }, (_, index) => `key:${index}`);
    await callAll(
      client,
      names.map((name, index) => ['SET', name, textOf(index)]),
      '+OK\r\n',
    );
    for (let at = 0; at < COUNT; at += 1000) {
      const part = names.slice(at, at + 1000);
      await eventually(async () => {
        await client.call('FLEX', 'DEMOTE', ...part);
        return (await info(client)).flex_cold_keys === `${at + 1000}`;
      }, 'the keys are cold');
    }
    const victim = 1234;
    const file = join(server.directory, 'ssd', '00000000', 'blocks.mdb');
    const bytes = Buffer.from(textOf(victim).slice(0, 40));
    await eventually(() => readFileSync(file).includes(bytes), 'the record is on the disk');
    const descriptor = openSync(file, 'r+');
    writeSync(descriptor, Buffer.from([bytes[20] ^ 1]), 0, 1, readFileSync(file).indexOf(bytes) + 20);
    closeSync(descriptor);

    const expected =
      "IOERR the value of this key can't be read from the SSD tier: its record fails its checksum";
    for (const words of [['GET'], ['TTL'], ['APPEND', 'x'], ['STRLEN']]) {
      const [command, ...rest] = words;
      expect(errorText(await client.call(command, `key:${victim}`, ...rest))).toBe(expected);
    }
    await client.call('MULTI');
    for (const index of [victim - 1, victim, victim + 1]) await client.call('GET', `key:${index}`);
    const [before, damaged, after] = (await client.call('EXEC')) as Reply[];
    expect([before, errorText(damaged), after]).toEqual([textOf(victim - 1), expected, textOf(victim + 1)]);
    expect(server.log().split("A cold record can't be read: its record fails its checksum")).toHaveLength(6);
    expect(await info(client)).toMatchObject({ flex_cold_read_errors: '5', flex_fault: 'none' });
    expect(await client.call('DBSIZE')).toBe(COUNT);
    for (let index = 0; index < COUNT; index++) {
      if (index !== victim) expect(await client.call('GET', `key:${index}`)).toBe(textOf(index));
    }
    expect(await client.call('SET', 'another', 'x')).toBe('OK');
    expect(await client.call('DEL', `key:${victim}`)).toBe(1);
    expect(await client.call('GET', `key:${victim}`)).toBe(null);
    expect(await client.call('DBSIZE')).toBe(COUNT);
    expect(await client.call('FLUSHALL')).toBe('OK');
    await server.close();
  });
});

describe('with Flex off', () => {
  test('FLEX says so', async () => {
    const off = await connect((await startThermocline()).port);
    for (const words of [['STATS'], ['DEMOTE', 'a'], ['PROMOTE', 'a']]) {
      expect(errorText(await off.call('FLEX', ...words))).toMatch(/^ERR Flex is off/);
    }
    expect(fields(await off.call('INFO', 'flex'))).toEqual({ flex_enabled: '0' });
  });
});

describe('the least sensible budget', () => {
  const WARNING = /leaves next to nothing for hot data with Flex on: maxmemory should be 32mb at least/g;

  test('is told where less is given, at the start and by CONFIG SET', async () => {
    const server = await startThermocline({ ...FLEX, maxmemory: '31mb' });
    const client = await connect(server.port);
    const warnings = () => server.log().match(WARNING)?.length ?? 0;
    expect(warnings()).toBe(1);
    expect(await client.call('CONFIG', 'SET', 'maxmemory', '32mb')).toBe('OK');
    expect(await client.call('CONFIG', 'SET', 'maxmemory', '64mb')).toBe('OK');
    expect(warnings()).toBe(1);
    expect(await client.call('CONFIG', 'SET', 'maxmemory', '8mb', 'timeout', '0')).toBe('OK');
    await eventually(() => warnings() === 2, 'the warning is logged');
    const off = await startThermocline({ maxmemory: '1mb' });
    expect(off.log()).not.toMatch(WARNING);
  });

  test('leaves a fifth of it for hot data', async () => {
    const server = await startThermocline({ ...FLEX, maxmemory: '32mb' });
    const client = await connect(server.port);
    const value = createGenerator(1).bytes(500).toString('hex');
    const commands = Array.from({ length: 40_000 }, (_, index) => ['SET', `key:${index}`, value]);
    await callAll(client, commands, '+OK\r\n');
    expect(Number((await info(client)).flex_hot_bytes)).toBeGreaterThan((32 * 1024 * 1024) / 5);
  });
});

describe('the storage path', () => {
  test('is made with its parents', async () => {
    const server = await startThermocline({ ...FLEX, 'flex-storage-path': 'a/b/c', maxmemory: '64mb' });
    expect(existsSync(join(server.directory, 'a', 'b', 'c'))).toBe(true);
    expect(server.log()).toContain(`the tier is at ${join(server.directory, 'a', 'b', 'c')}`);
  });

  async function failsWith(path: string, directory: string): Promise<string> {
    const { status, output } = await runThermocline(
      [
        '--port',
        '0',
        '--bind',
        '127.0.0.1',
        '--dir',
        directory,
        '--enable-flex',
        'yes',
        '--flex-storage-path',
        path,
      ],
      { directory },
    );
    expect(status).toBe(1);
    expect(output).not.toMatch(/^ +at /m);
    expect(output).toContain(path);
    return output;
  }

  test('that is a file, or below one, ends the start', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'file'), 'not a directory');
    expect(await failsWith('file', directory)).toMatch(/File already exists|Not a directory/);
    expect(await failsWith('file/below', directory)).toMatch(/Not a directory/);
  });

  test.skipIf(process.getuid?.() === 0)('that is read-only ends the start', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'locked'));
    chmodSync(join(directory, 'locked'), 0o555);
    expect(await failsWith('locked', directory)).toMatch(/Permission denied/);
  });

  test('that no one can write ends the start', async () => {
    expect(await failsWith('/sys/thermocline', temporaryDirectory())).toMatch(/Can't use the SSD tier/);
  });

  test('that another server holds ends the start', async () => {
    const server = await startThermocline({ ...FLEX, maxmemory: '64mb' });
    const output = await failsWith('ssd', server.directory);
    expect(output).toContain(`Another process uses it`);
    await server.kill();
    const next = await startThermocline({ ...FLEX, maxmemory: '64mb' }, { directory: server.directory });
    await next.close();
  });
});
