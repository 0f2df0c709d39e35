import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { connect, encodeCommand, fields, type TestClient } from '../support/client.ts';
import { populate, serverValue, sorted } from '../support/server-values.ts';
import {
  eventually,
  freePort,
  hasRedis,
  runThermocline,
  startRedis,
  startThermocline,
  type TestServer,
  temporaryDirectory,
} from '../support/servers.ts';

const hasCheck = spawnSync('redis-check-aof', ['--version']).status === 0;

const LOGGING = { appendonly: 'yes', 'enable-debug-command': 'yes', save: '' };

const logFiles = (directory: string) =>
  readdirSync(join(directory, 'appendonlydir')).filter((name) => name !== 'thermocline.lock');

const persistence = async (client: TestClient) => fields(await client.call('INFO', 'persistence'));

async function rewrite(client: TestClient): Promise<void> {
  const before = Number((await persistence(client)).aof_rewrites);
  expect(await client.call('BGREWRITEAOF')).toBe('Background append only file rewriting started');
  await eventually(async () => {
    const { aof_rewrite_in_progress, aof_rewrites } = await persistence(client);
    return aof_rewrite_in_progress === '0' && Number(aof_rewrites) > before;
  }, 'the log is rewritten');
  expect((await persistence(client)).aof_last_bgrewrite_status).toBe('ok');
}

/** Values of all types, some that expire, changed in ways that are not propagated as they came. */
async function fill(client: TestClient, seed: number, prefix: string): Promise<void> {
  const keys = await populate(client, new SeededRandom(seed), prefix);
  const lines = [
    `SET ${prefix}:expiring 1 EX 10000`,
    `SETEX ${prefix}:setex 10000 v`,
    `GETEX ${prefix}:setex PX 20000000`,
    `SET ${prefix}:n 1`,
    `INCRBYFLOAT ${prefix}:n 1.25`,
    `HINCRBYFLOAT ${prefix}:h f 0.5`,
    `SADD ${prefix}:s a b c d e`,
    `SPOP ${prefix}:s 2`,
    `GEOADD ${prefix}:g 1 2 a`,
    `PFADD ${prefix}:p a b`,
    `XADD ${prefix}:x * f v`,
    `XGROUP CREATE ${prefix}:x group 0`,
    `XREADGROUP GROUP group c STREAMS ${prefix}:x >`,
    'MULTI',
    `INCR ${prefix}:m`,
    'SELECT 3',
    `RPUSH ${prefix}:l a`,
    'EXEC',
    'SELECT 0',
    `SWAPDB 0 3`,
    `SWAPDB 0 3`,
    `RENAME ${keys[0]} ${prefix}:renamed`,
    `COPY ${prefix}:renamed ${prefix}:copied DB 2`,
    `DEL ${keys[1]}`,
  ];
  for (const line of lines) await client.call(...line.split(' '));
  await client.call(
    'EVAL',
    "redis.call('SET', KEYS[1], 1) redis.call('INCR', KEYS[1])",
    1,
    `${prefix}:script`,
  );
  await client.call(
    'FUNCTION',
    'LOAD',
    'REPLACE',
    `#!lua name=${prefix}\nredis.register_function('${prefix}', function() return 7 end)`,
  );
}

const digest = (client: TestClient) => client.call('DEBUG', 'DIGEST');

/**
 * All keys with their values and times; versions of Redis do not agree on the digest of scores. Of groups, what XCLAIM can't tell
 * is left out: how many entries were read, when a consumer was seen, and those that have nothing.
 */
async function state(client: TestClient): Promise<Record<string, string>> {
  const shown = (name: string, part: unknown): unknown => {
    if (['entriesRead', 'seenTimeMs', 'activeTimeMs'].includes(name)) return undefined;
    if (name === 'consumers')
      return (part as { pending: string[] }[]).filter(({ pending }) => pending.length > 0);
    return typeof part === 'bigint' || part === Number.POSITIVE_INFINITY ? `${part}` : part;
  };
  const found: [string, string][] = [];
  for (let database = 0; database < 4; database++) {
    await client.call('SELECT', database);
    for (const key of (await client.call('KEYS', '*')) as string[]) {
      const time = await client.call('PEXPIRETIME', key);
      found.push([
        `${database} ${key}`,
        `${time} ${JSON.stringify(sorted(await serverValue(client, key)), shown)}`,
      ]);
    }
  }
  await client.call('SELECT', 0);
  return Object.fromEntries(found.sort(([left], [right]) => (left < right ? -1 : 1)));
}

describe.skipIf(!hasRedis)('with the real redis-server', () => {
  test.each([
    ['after a rewrite', true, 'yes'],
    ['as it came', false, 'yes'],
    ['after a rewrite as commands', true, 'no'],
  ])('it loads what is logged here, %s', async (_, rewrites, preamble) => {
    const server = await startThermocline({ ...LOGGING, 'aof-use-rdb-preamble': preamble });
    const client = await connect(server.port);
    await fill(client, 1, 'one');
    if (rewrites) await rewrite(client);
    await fill(client, 2, 'two');
    const expected = await state(client);
    await server.close();
    const { directory } = server;
    if (hasCheck) {
      const check = spawnSync('redis-check-aof', [
        join(directory, 'appendonlydir', 'appendonly.aof.manifest'),
      ]);
      expect(`${check.stdout}`).toContain('All AOF files and manifest are valid');
      expect(check.status).toBe(0);
    }
    const redis = await startRedis({ ...LOGGING, dir: directory });
    const other = await connect(redis.port);
    expect(await state(other)).toEqual(expected);
    expect(await other.call('FCALL', 'one', 0)).toBe(7);
    // And back, with what it has appended.
    await fill(other, 3, 'three');
    const changed = await state(other);
    await redis.kill();
    const again = await startThermocline(LOGGING, { directory });
    const third = await connect(again.port);
    expect(await state(third)).toEqual(changed);
    expect(await third.call('FCALL', 'three', 0)).toBe(7);
  });

  test.each(['yes', 'no'])('what it logs is loaded here, aof-use-rdb-preamble %s', async (preamble) => {
    const redis = await startRedis({
      ...LOGGING,
      'aof-use-rdb-preamble': preamble,
      'aof-timestamp-enabled': 'yes',
    });
    const client = await connect(redis.port);
    await fill(client, 4, 'one');
    await client.call('BGREWRITEAOF');
    await eventually(
      async () => (await persistence(client)).aof_rewrite_in_progress === '0',
      'it is rewritten',
    );
    await fill(client, 5, 'two');
    const expected = await state(client);
    await redis.close();
    const { directory } = redis;
    const server = await startThermocline(LOGGING, { directory });
    const other = await connect(server.port);
    expect(await state(other)).toEqual(expected);
    expect(await other.call('FCALL', 'two', 0)).toBe(7);
    await rewrite(other);
    await fill(other, 6, 'three');
    const changed = await state(other);
    await server.close();
    const back = await connect((await startRedis({ ...LOGGING, dir: directory })).port);
    expect(await state(back)).toEqual(changed);
  });

  test('names that need quotes', async () => {
    const names = { appendfilename: 'my "log".aof', appenddirname: 'my logs' };
    const server = await startThermocline({ ...LOGGING, ...names });
    const client = await connect(server.port);
    await client.call('SET', 'a', '1');
    await rewrite(client);
    await client.call('SET', 'b', '2');
    await server.close();
    const redis = await connect((await startRedis({ ...LOGGING, ...names, dir: server.directory })).port);
    expect(await redis.call('MGET', 'a', 'b')).toEqual(['1', '2']);
  });
});

describe('starting and ending', () => {
  test('SIGTERM and SHUTDOWN leave everything on disk', async () => {
    const directory = temporaryDirectory();
    const first = await startThermocline({ ...LOGGING, appendfsync: 'no' }, { directory });
    const client = await connect(first.port);
    for (let at = 0; at < 100; at++) await client.call('RPUSH', 'l', at);
    await first.close();
    const second = await startThermocline({ ...LOGGING, appendfsync: 'everysec' }, { directory });
    const other = await connect(second.port);
    expect(await other.call('LLEN', 'l')).toBe(100);
    other.send(Buffer.concat([encodeCommand('RPUSH', 'l', 'last'), encodeCommand('SHUTDOWN')]));
    expect(await second.exited).toBe(0);
    const third = await startThermocline(LOGGING, { directory });
    expect(await (await connect(third.port)).call('LRANGE', 'l', '-1', '-1')).toEqual(['last']);
  });

  test('a server that is killed leaves what it has written', async () => {
    const directory = temporaryDirectory();
    const server = await startThermocline({ ...LOGGING, appendfsync: 'no' }, { directory });
    const client = await connect(server.port);
    for (let at = 0; at < 100; at++) await client.call('RPUSH', 'l', at);
    await server.kill();
    const again = await startThermocline(LOGGING, { directory });
    expect(await (await connect(again.port)).call('LLEN', 'l')).toBe(100);
  });

  test('an end that is cut off is cut off, and told', async () => {
    const directory = temporaryDirectory();
    const server = await startThermocline(LOGGING, { directory });
    const client = await connect(server.port);
    await client.call('SET', 'a', '1');
    await client.call('SET', 'b', '1');
    await server.close();
    const path = join(directory, 'appendonlydir', 'appendonly.aof.1.incr.aof');
    const bytes = readFileSync(path).length;
    truncateSync(path, bytes - 3);
    const strict = await runThermocline([
      '--appendonly',
      'yes',
      '--dir',
      directory,
      '--aof-load-truncated',
      'no',
      '--port',
      `${await freePort()}`,
    ]);
    expect(strict.status).toBe(1);
    expect(strict.output).toContain(
      'Unexpected end of file reading the append only file appendonly.aof.1.incr.aof',
    );
    const again = await startThermocline(LOGGING, { directory });
    expect(again.log()).toMatch(/short read while loading the AOF file appendonly\.aof\.1\.incr\.aof!!!/);
    expect(again.log()).toMatch(/Truncating the AOF appendonly\.aof\.1\.incr\.aof at offset \d+/);
    expect(await (await connect(again.port)).call('MGET', 'a', 'b')).toEqual(['1', null]);
  });

  test.each<[string, (directory: string) => void, RegExp]>([
    [
      'a file that is no log',
      (directory) => appendFileSync(join(directory, 'appendonly.aof.1.incr.aof'), 'garbage'),
      /Bad file format reading the append only file appendonly\.aof\.1\.incr\.aof/,
    ],
    [
      'a manifest that is none',
      (directory) => writeFileSync(join(directory, 'appendonly.aof.manifest'), 'garbage\n'),
      /Invalid AOF manifest file format/,
    ],
    [
      'a base that is damaged',
      (directory) => {
        const path = join(directory, 'appendonly.aof.1.base.rdb');
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1] ^= 0x40;
        writeFileSync(path, bytes);
      },
      /Error reading the RDB base file appendonly\.aof\.1\.base\.rdb/,
    ],
  ])('%s: the server does not start, and says why', async (_, damage, reason) => {
    const server = await startThermocline(LOGGING);
    await server.close();
    damage(join(server.directory, 'appendonlydir'));
    const { status, output } = await runThermocline([
      '--appendonly',
      'yes',
      '--dir',
      server.directory,
      '--port',
      `${await freePort()}`,
    ]);
    expect(status).toBe(1);
    expect(output).toMatch(reason);
  });

  test('a second server on the same directory does not start', async () => {
    const { directory } = await startThermocline(LOGGING);
    const { status, output } = await runThermocline([
      '--appendonly',
      'yes',
      '--dir',
      directory,
      '--port',
      `${await freePort()}`,
    ]);
    expect(status).toBe(1);
    expect(output).toMatch(/Can't use the append only directory .* is held by process/);
  });

  test('while a large log is loaded, clients are told, and the log tells how far it is', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'appendonlydir'));
    const count = 150_000;
    const value = 'x'.repeat(100);
    const parts = [encodeCommand('SELECT', 0)];
    for (let at = 0; at < count; at++) parts.push(encodeCommand('SET', `key:${at}`, value));
    writeFileSync(join(directory, 'appendonlydir', 'appendonly.aof.1.incr.aof'), Buffer.concat(parts));
    writeFileSync(
      join(directory, 'appendonlydir', 'appendonly.aof.manifest'),
      'file appendonly.aof.1.incr.aof seq 1 type i\n',
    );
    const port = await freePort();
    const starting = startThermocline({ ...LOGGING, port }, { directory });
    let client: TestClient | null = null;
    await eventually(async () => {
      client = await connect(port).catch(() => null);
      return client !== null;
    }, 'it listens');
    const replies: unknown[] = [];
    for (let reply: unknown = null; reply !== 'PONG'; replies.push(reply)) {
      const told = client as unknown as TestClient;
      told.send(encodeCommand('PING'));
      reply = await told.reply();
      if (reply === 'PONG') break;
      expect(`${reply}`).toContain('LOADING Redis is loading the dataset in memory');
      const info = await persistence(told);
      if (info.loading === '1') expect(Number(info.loading_total_bytes)).toBeGreaterThan(count * 100);
    }
    const server = await starting;
    expect(server.log()).toMatch(/Loading the AOF: \d+ % done/);
    expect(await (client as unknown as TestClient).call('DBSIZE')).toBe(count);
  });
});

describe('at run time', () => {
  test('the log is switched on and off', async () => {
    const directory = temporaryDirectory();
    const server = await startThermocline({ save: '', 'enable-debug-command': 'yes' }, { directory });
    const client = await connect(server.port);
    await fill(client, 7, 'one');
    expect(await client.call('CONFIG', 'SET', 'appendonly', 'yes')).toBe('OK');
    await client.call('SET', 'during', '1');
    await eventually(
      async () => (await persistence(client)).aof_rewrite_in_progress === '0',
      'it is written',
    );
    await client.call('SET', 'after', '1');
    const expected = await digest(client);
    await server.kill();
    const again = await startThermocline(LOGGING, { directory });
    const other = await connect(again.port);
    expect(await digest(other)).toBe(expected);
    expect(await other.call('CONFIG', 'SET', 'appendonly', 'no')).toBe('OK');
    await other.call('FLUSHALL');
    await again.close();
    expect(await digest(await connect((await startThermocline(LOGGING, { directory })).port))).toBe(expected);
  });

  test('SHUTDOWN waits for nothing that would be lost', async () => {
    const server = await startThermocline({ save: '', 'enable-debug-command': 'yes' });
    const client = await connect(server.port);
    await client.call('DEBUG', 'POPULATE', 200_000);
    await client.call('CONFIG', 'SET', 'appendonly', 'yes');
    client.send(encodeCommand('SHUTDOWN'));
    const reply = await client.rawReply().catch(() => null);
    if (reply !== null) {
      expect(`${reply}`).toBe('-ERR Errors trying to SHUTDOWN. Check logs.\r\n');
      await client.call('SHUTDOWN', 'FORCE').catch(() => null);
    }
    await server.exited;
    expect(server.log()).toContain(reply === null ? 'bye bye' : "Writing initial AOF, can't exit.");
  });

  test('rewrites follow each other under load, and nothing is left behind', async () => {
    const server = await startThermocline({
      ...LOGGING,
      appendfsync: 'always',
      'auto-aof-rewrite-min-size': '20kb',
      'auto-aof-rewrite-percentage': 50,
    });
    const client = await connect(server.port);
    const value = 'x'.repeat(1000);
    await eventually(
      async () => {
        client.send(
          Buffer.concat(
            Array.from({ length: 50 }, (_, at) => encodeCommand('SET', `key:${at % 7}`, `${at}${value}`)),
          ),
        );
        await client.rawReplies(50);
        return Number((await persistence(client)).aof_rewrites) >= 5;
      },
      'five rewrites were begun',
      60_000,
    );
    await eventually(
      async () => (await persistence(client)).aof_rewrite_in_progress === '0',
      'none is going on',
    );
    const expected = await digest(client);
    await eventually(() => logFiles(server.directory).length === 3, 'old files are removed');
    await server.kill();
    const again = await startThermocline(LOGGING, { directory: server.directory });
    expect(await digest(await connect(again.port))).toBe(expected);
  });

  test('WAITAOF answers when what was written is on disk', async () => {
    const server = await startThermocline({ ...LOGGING, appendfsync: 'everysec' });
    const client = await connect(server.port);
    await client.call('SET', 'a', '1');
    expect(await client.call('WAITAOF', 1, 0, 0)).toEqual([1, 0]);
    client.send(
      Buffer.concat([
        encodeCommand('SET', 'b', '1'),
        encodeCommand('WAITAOF', 1, 0, 0),
        encodeCommand('PING'),
      ]),
    );
    expect(await client.reply()).toBe('OK');
    expect(await client.reply()).toEqual([1, 0]);
    expect(await client.reply()).toBe('PONG');
    await client.call('CONFIG', 'SET', 'appendfsync', 'always');
    client.send(Buffer.concat([encodeCommand('SET', 'c', '1'), encodeCommand('WAITAOF', 1, 0, 0)]));
    expect(await client.reply()).toBe('OK');
    expect(await client.reply()).toEqual([1, 0]);
  });

  test('expired and evicted keys are deleted in the log too', async () => {
    const server: TestServer = await startThermocline({
      ...LOGGING,
      maxmemory: '3mb',
      'maxmemory-policy': 'allkeys-random',
    });
    const client = await connect(server.port);
    await client.call('SET', 'gone', '1', 'PX', 20);
    for (let at = 0; at < 3000; at++) client.send(encodeCommand('SET', `key:${at}`, 'x'.repeat(1000)));
    await client.rawReplies(3000);
    await eventually(async () => (await client.call('EXISTS', 'gone')) === 0, 'it has expired');
    expect(Number(fields(await client.call('INFO', 'stats')).evicted_keys)).toBeGreaterThan(0);
    const size = await client.call('DBSIZE');
    const expected = await digest(client);
    await server.close();
    const log = `${readFileSync(join(server.directory, 'appendonlydir', 'appendonly.aof.1.incr.aof'))}`;
    expect(log).toContain('DEL\r\n$4\r\ngone');
    const again = await connect((await startThermocline(LOGGING, { directory: server.directory })).port);
    expect(await again.call('DBSIZE')).toBe(size);
    expect(await digest(again)).toBe(expected);
    expect(existsSync(join(server.directory, 'dump.rdb'))).toBe(false);
  });
});
