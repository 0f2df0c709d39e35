import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { callAll, connect, errorText, fields, type TestClient } from '../support/client.ts';
import {
  type DirectiveValue,
  eventually,
  hasRedis,
  runThermocline,
  startRedis,
  startThermocline,
  type TestServer,
  temporaryDirectory,
} from '../support/servers.ts';

// Each test starts several servers.
vi.setConfig({ testTimeout: 120_000 });

const FLEX = {
  'enable-flex': 'yes',
  'flex-storage-path': 'ssd',
  'flex-checkpoint-interval': 0,
  maxmemory: '64mb',
};
const WITH_LOG = { ...FLEX, appendonly: 'yes', appendfsync: 'always' };

type Directives = Record<string, DirectiveValue>;

async function start(directory: string, directives: Directives = FLEX): Promise<[TestServer, TestClient]> {
  const server = await startThermocline(directives, { directory });
  return [server, await connect(server.port)];
}

/** Starts a server that is expected to end by itself with an error; what it said. */
async function refusal(directory: string, directives: Directives = FLEX): Promise<string> {
  const words = Object.entries({ bind: '127.0.0.1', port: 0, dir: directory, ...directives }).flatMap(
    ([name, value]) => [`--${name}`, `${value}`],
  );
  const { status, output } = await runThermocline(words, { directory });
  expect(status).toBe(1);
  return output;
}

async function checkpoint(client: TestClient): Promise<void> {
  await eventually(async () => (await flex(client)).flex_checkpoint_in_progress === '0', 'none is taken');
  const before = await flex(client);
  expect(await client.call('FLEX', 'CHECKPOINT')).toBe('Checkpoint started');
  await eventually(async () => {
    const now = await flex(client);
    return now.flex_checkpoint_in_progress === '0' && now.flex_checkpoints !== before.flex_checkpoints;
  }, 'the checkpoint is taken');
  expect(await flex(client)).toMatchObject({ flex_last_checkpoint_status: 'ok' });
}

async function flex(client: TestClient): Promise<Record<string, string>> {
  return fields(await client.call('INFO', 'flex'));
}

async function keysOf(client: TestClient): Promise<string[]> {
  const keys = new Set<string>();
  let cursor = '0';
  do {
    const [next, some] = (await client.call('SCAN', cursor, 'COUNT', '1000')) as [string, string[]];
    cursor = next;
    for (const key of some) keys.add(key);
  } while (cursor !== '0');
  return [...keys].sort();
}

const range = (count: number) => Array.from({ length: count }, (_, at) => at);

/** Values of each type, small and in pages, keys that expire, several databases, a function. */
async function fill(client: TestClient): Promise<void> {
  await client.call('MSET', 'string', 'text', 'number', '42', 'long', 'long'.repeat(1000));
  await client.call('SET', 'huge', 'huge'.repeat(100_000));
  await client.call('SET', 'expires', 'later', 'PXAT', '33333333333333');
  await client.call('RPUSH', 'list', 'a', 'b', 'c');
  await client.call('RPUSH', 'long list', ...range(5000));
  await client.call('HSET', 'hash', 'field', 'value');
  await client.call('HSET', 'long hash', ...range(10_000));
  await client.call('HPEXPIREAT', 'long hash', '33333333333333', 'FIELDS', '1', '0');
  await client.call('SADD', 'set', 'member');
  await client.call('SADD', 'long set', ...range(5000).map((at) => `member ${at}`));
  await client.call('ZADD', 'zset', '1.5', 'member');
  await client.call('ZADD', 'long zset', ...range(5000).flatMap((at) => [at, `member ${at}`]));
  for (const at of range(300)) await client.call('XADD', 'stream', `${at + 1}-0`, 'at', at);
  await client.call('XGROUP', 'CREATE', 'stream', 'group', '0');
  await client.call('XREADGROUP', 'GROUP', 'group', 'consumer', 'COUNT', '10', 'STREAMS', 'stream', '>');
  await client.call('SELECT', '3');
  await client.call('SET', 'elsewhere', 'three');
  await client.call('HSET', 'long hash', ...range(2000));
  await client.call('SELECT', '0');
  await callAll(
    client,
    range(3000).map((at) => ['SET', `key:${at}`, `value ${at}`]),
    '+OK\r\n',
  );
  await client.call(
    'FUNCTION',
    'LOAD',
    "#!lua name=lib\nredis.register_function('f', function() return 7 end)",
  );
}

async function expectFilled(client: TestClient): Promise<void> {
  expect(await client.call('MGET', 'string', 'number', 'long')).toEqual(['text', '42', 'long'.repeat(1000)]);
  expect(await client.call('GET', 'huge')).toBe('huge'.repeat(100_000));
  expect(await client.call('GETRANGE', 'huge', '399996', '-1')).toBe('huge');
  expect(await client.call('PEXPIRETIME', 'expires')).toBe(33333333333333);
  expect(await client.call('LRANGE', 'list', '0', '-1')).toEqual(['a', 'b', 'c']);
  expect(await client.call('LRANGE', 'long list', '0', '-1')).toEqual(range(5000).map(String));
  expect(await client.call('HGET', 'hash', 'field')).toBe('value');
  expect(await client.call('HLEN', 'long hash')).toBe(5000);
  expect(await client.call('HGET', 'long hash', '9998')).toBe('9999');
  expect(await client.call('HPEXPIRETIME', 'long hash', 'FIELDS', '2', '0', '2')).toEqual([
    33333333333333, -1,
  ]);
  expect(await client.call('SCARD', 'long set')).toBe(5000);
  expect(await client.call('SMISMEMBER', 'long set', 'member 4999', 'none')).toEqual([1, 0]);
  expect(await client.call('ZSCORE', 'zset', 'member')).toBe('1.5');
  expect(await client.call('ZRANK', 'long zset', 'member 4321')).toBe(4321);
  expect(await client.call('XLEN', 'stream')).toBe(300);
  expect(await client.call('XPENDING', 'stream', 'group')).toEqual([10, '1-0', '10-0', [['consumer', '10']]]);
  expect(await client.call('FCALL', 'f', '0')).toBe(7);
  const keys = await keysOf(client);
  expect(await client.call('DBSIZE')).toBe(keys.length);
  expect(keys.length).toBe(3014);
  await client.call('SELECT', '3');
  expect(await keysOf(client)).toEqual(['elsewhere', 'long hash']);
  expect(await client.call('HLEN', 'long hash')).toBe(1000);
  await client.call('SELECT', '0');
  expect(fields(await client.call('INFO', 'keyspace'))).toMatchObject({
    db0: expect.stringContaining('keys=3014,expires=1,'),
    db3: 'keys=2,expires=0,avg_ttl=0,subexpiry=0',
  });
}

describe('a start after a clean shutdown', () => {
  test('has all that there was, hot and cold, and again', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory);
    await fill(client);
    await client.call('FLEX', 'DEMOTE', ...range(1000).map((at) => `key:${at}`), 'long hash', 'stream');
    await server.close();
    for (let life = 0; life < 2; life++) {
      [server, client] = await start(directory);
      expect(server.log()).toMatch(/Checkpoint \d+ of the tier taken up: 3016 keys/);
      await expectFilled(client);
      // What is changed and changed back makes another checkpoint.
      await client.call('SET', 'key:1', 'changed');
      await client.call('RENAME', 'long list', 'renamed');
      await client.call('COPY', 'long zset', 'copied');
      await client.call('DEL', 'copied');
      await client.call('RENAME', 'renamed', 'long list');
      await client.call('SET', 'key:1', 'value 1');
      if (life === 1) await client.call('SHUTDOWN').catch(() => {});
      else await server.close();
      expect(await server.exited).toBe(0);
    }
  });

  test('brings back what was hot, and only that', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory);
    await callAll(
      client,
      range(2000).map((at) => ['SET', `key:${at}`, `value ${at}`]),
      '+OK\r\n',
    );
    await client.call('FLEX', 'DEMOTE', ...range(1500).map((at) => `key:${at}`));
    await server.close();
    [server, client] = await start(directory);
    await eventually(async () => (await flex(client)).flex_warming === '0', 'the hot set is back');
    expect(await flex(client)).toMatchObject({
      flex_keys_to_warm: '500',
      flex_warmed_keys: '500',
      flex_hot_keys: '500',
      flex_cold_keys: '1500',
    });
    expect(await client.call('FLEX', 'TIER', 'key:1700')).toBe('warm');
    expect(await client.call('FLEX', 'TIER', 'key:100')).toBe('cold');
    expect(await client.call('GET', 'key:1700')).toBe('value 1700');
  });

  test('forgets what was flushed, swapped, moved or has expired', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory);
    await fill(client);
    await checkpoint(client);
    await client.call('SELECT', '3');
    await client.call('FLUSHDB');
    await client.call('SET', 'new', 'in three');
    await client.call('SELECT', '0');
    await client.call('SWAPDB', '0', '5');
    await client.call('RPUSH', 'here now', ...range(2000));
    await client.call('SET', 'short', 'gone soon', 'PX', '1');
    await client.call('SELECT', '5');
    await client.call('MOVE', 'long list', '7');
    await client.call('DEL', 'long hash');
    await server.close();
    [server, client] = await start(directory);
    expect(await keysOf(client)).toEqual(['here now']);
    expect(await client.call('LRANGE', 'here now', '0', '-1')).toEqual(range(2000).map(String));
    await client.call('SELECT', '3');
    expect(await keysOf(client)).toEqual(['new']);
    await client.call('SELECT', '7');
    expect(await client.call('LLEN', 'long list')).toBe(5000);
    await client.call('SELECT', '5');
    expect(await client.call('DBSIZE')).toBe(3012);
    expect(await client.call('EXISTS', 'long hash', 'long list', 'string')).toBe(1);
    expect(await client.call('ZRANK', 'long zset', 'member 4321')).toBe(4321);
    await client.call('FLUSHALL');
    await server.close();
    [server, client] = await start(directory);
    expect(fields(await client.call('INFO', 'keyspace'))).toEqual({});
    expect((await flex(client)).flex_cold_keys).toBe('0');
  });

  test('cold keys expire as they would have, and the space of what is dead comes back', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory);
    await callAll(
      client,
      range(500).map((at) => ['SET', `key:${at}`, 'x'.repeat(5000), 'PX', '1500']),
      '+OK\r\n',
    );
    await client.call('FLEX', 'DEMOTE', ...range(500).map((at) => `key:${at}`));
    await server.close();
    [server, client] = await start(directory);
    await eventually(async () => (await client.call('DBSIZE')) === 0, 'all are gone');
    expect((await flex(client)).flex_cold_bytes).toBe('0');
    await server.close();
  });

  test('SHUTDOWN NOSAVE leaves the checkpoint before', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory);
    await client.call('SET', 'kept', '1');
    await checkpoint(client);
    await client.call('SET', 'lost', '1');
    await client.call('SHUTDOWN', 'NOSAVE').catch(() => {});
    expect(await server.exited).toBe(0);
    [server, client] = await start(directory);
    expect(await keysOf(client)).toEqual(['kept']);
  });
});

describe('a start after SIGKILL', () => {
  test('goes on from the last checkpoint without an append-only file', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory);
    await client.call('SET', 'before any', '1');
    await server.kill();
    [server, client] = await start(directory);
    expect(await client.call('DBSIZE')).toBe(0);
    await fill(client);
    await checkpoint(client);
    await client.call('DEL', 'string', 'long list');
    await client.call('SET', 'lost', '1');
    await server.kill();
    [server, client] = await start(directory);
    await expectFilled(client);
  });

  test('goes on from the last checkpoint and the append-only file after it', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory, WITH_LOG);
    await fill(client);
    await client.call('SET', 'string', 'other');
    await checkpoint(client);
    await client.call('INCR', 'counter');
    await client.call('SET', 'string', 'text');
    await client.call('SELECT', '3');
    await client.call('INCR', 'counter');
    await server.kill();
    for (let life = 1; life < 3; life++) {
      [server, client] = await start(directory, WITH_LOG);
      expect(await client.call('GET', 'counter')).toBe(`${life}`);
      expect(await client.call('GET', 'string')).toBe('text');
      await client.call('INCR', 'counter');
      if (life === 1) await client.call('BGREWRITEAOF');
      if (life === 1) await server.logged(/AOF rewrite finished successfully/);
      await client.call('SELECT', '3');
      expect(await client.call('GET', 'counter')).toBe('1');
      await server.kill();
    }
    [server, client] = await start(directory, WITH_LOG);
    await client.call('DEL', 'counter');
    await client.call('SELECT', '3');
    await client.call('DEL', 'counter');
    await client.call('SELECT', '0');
    await expectFilled(client);
    // The log is whole by the rules of Redis, with the tier or without it.
    await server.close();
    [server, client] = await start(directory, {
      appendonly: 'yes',
      save: '',
      'flex-storage-path': 'elsewhere',
    });
    await expectFilled(client);
  });

  test('a checkpoint that is damaged gives way to the one before, and a damaged index is an error', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory);
    await client.call('SET', 'first', '1');
    await checkpoint(client);
    await client.call('SET', 'second', '1');
    await checkpoint(client);
    await server.kill();
    const tier = join(directory, 'ssd');
    const flip = (name: string, at: number) => {
      const bytes = readFileSync(join(tier, name));
      bytes[at < 0 ? bytes.length + at : at] ^= 1;
      writeFileSync(join(tier, name), bytes);
    };
    flip('checkpoint-00000002', 40);
    [server, client] = await start(directory);
    expect(server.log()).toMatch(/checkpoint-00000002 fails its checksum/);
    expect(await keysOf(client)).toEqual(['first']);
    await server.kill();
    const index = readdirSync(tier).filter((name) => name.startsWith('index-'));
    for (const name of index) flip(name, -1);
    expect(await refusal(directory)).toMatch(/Can't use checkpoint 1 .*fails its checksum/);
    flip('checkpoint-00000001', 30);
    expect(await refusal(directory)).toMatch(/no checkpoint can be used/);
  });
});

describe('other files beside the tier', () => {
  test('a snapshot of before the tier is taken over once', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory, { save: '' });
    await fill(client);
    await client.call('SAVE');
    await server.close();
    [server, client] = await start(directory);
    await expectFilled(client);
    await client.call('SET', 'new', '1');
    await server.close();
    [server, client] = await start(directory);
    expect(await client.call('GET', 'new')).toBe('1');
    // Its own snapshots may lie there.
    await client.call('SAVE');
    await client.call('SET', 'newer', '1');
    await server.close();
    [server, client] = await start(directory);
    expect(await client.call('MGET', 'new', 'newer')).toEqual(['1', '1']);
    await server.close();
  });

  test('a snapshot of another server is an error that tells what to do', async () => {
    const directory = temporaryDirectory();
    const other = temporaryDirectory();
    const [server, client] = await start(directory);
    await client.call('SET', 'here', '1');
    await server.close();
    const [second, secondClient] = await start(other);
    await secondClient.call('SET', 'there', '1');
    await secondClient.call('SAVE');
    await second.close();
    cpSync(join(other, 'dump.rdb'), join(directory, 'dump.rdb'));
    expect(await refusal(directory)).toMatch(
      /dump\.rdb is not a snapshot of the SSD tier at .*To import it, move .* away/,
    );
    renameSync(join(directory, 'ssd'), join(directory, 'old'));
    const [third, thirdClient] = await start(directory);
    expect(await keysOf(thirdClient)).toEqual(['there']);
    await third.close();
  });

  test('an append-only file is taken over at first, and one of another server is an error', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory, { appendonly: 'yes', save: '' });
    await fill(client);
    await server.close();
    [server, client] = await start(directory, WITH_LOG);
    await expectFilled(client);
    await client.call('SET', 'new', '1');
    await server.kill();
    [server, client] = await start(directory, WITH_LOG);
    expect(await client.call('GET', 'new')).toBe('1');
    await server.close();
    rmSync(join(directory, 'appendonlydir'), { recursive: true });
    const [second, secondClient] = await start(directory, {
      appendonly: 'yes',
      save: '',
      'flex-storage-path': 'none',
    });
    await secondClient.call('SET', 'foreign', '1');
    await second.close();
    expect(await refusal(directory, WITH_LOG)).toMatch(/append-only file is not that of the SSD tier/);
  });

  test('the append-only file may be switched off and on between starts', async () => {
    const directory = temporaryDirectory();
    let [server, client] = await start(directory, WITH_LOG);
    await client.call('SET', 'key', 'logged');
    await server.close();
    // What changes without it is in the tier alone.
    [server, client] = await start(directory);
    await client.call('SET', 'key', 'in the tier');
    await server.close();
    [server, client] = await start(directory, WITH_LOG);
    expect(await client.call('GET', 'key')).toBe('in the tier');
    await server.logged(/AOF rewrite finished successfully/);
    await client.call('SET', 'key', 'logged again');
    await server.kill();
    [server, client] = await start(directory, WITH_LOG);
    expect(await client.call('GET', 'key')).toBe('logged again');
    await client.call('CONFIG', 'SET', 'appendonly', 'no');
    await client.call('SET', 'key', 'without');
    await checkpoint(client);
    await client.call('CONFIG', 'SET', 'appendonly', 'yes');
    await server.logged(/AOF rewrite finished successfully/);
    await client.call('SET', 'key', 'with');
    await server.kill();
    [server, client] = await start(directory, WITH_LOG);
    expect(await client.call('GET', 'key')).toBe('with');
  });

  test('without Flex a tier with data is an error that tells how to export it', async () => {
    const directory = temporaryDirectory();
    const [server, client] = await start(directory);
    await client.call('SET', 'key', '1');
    await server.close();
    expect(await refusal(directory, { 'flex-storage-path': 'ssd' })).toMatch(
      /holds a data set, and enable-flex is off\. To export it, start with enable-flex yes and SAVE/,
    );
  });

  test.skipIf(!hasRedis)('the log that the tier has written is loaded by redis-server', async () => {
    const directory = temporaryDirectory();
    const [server, client] = await start(directory, WITH_LOG);
    await callAll(
      client,
      range(1000).map((at) => ['SET', `key:${at}`, `value ${at}`]),
      '+OK\r\n',
    );
    await client.call('BGREWRITEAOF');
    await server.logged(/AOF rewrite finished successfully/);
    await checkpoint(client);
    await client.call('SET', 'last', '1');
    await server.close();
    expect(readFileSync(join(directory, 'appendonlydir', 'appendonly.aof.manifest'), 'latin1')).toMatch(
      / tier [0-9a-f]{32} cut \d/,
    );
    const copy = temporaryDirectory();
    cpSync(join(directory, 'appendonlydir'), join(copy, 'appendonlydir'), { recursive: true });
    const redis = await startRedis({ dir: copy, appendonly: 'yes' });
    const redisClient = await connect(redis.port);
    expect(await redisClient.call('DBSIZE')).toBe(1001);
  });
});

test('FLEX CHECKPOINT without Flex, and while one is taken', async () => {
  const directory = temporaryDirectory();
  const [plain, plainClient] = await start(directory, {});
  expect(errorText(await plainClient.call('FLEX', 'CHECKPOINT'))).toBe(
    'ERR Flex is off: start the server with enable-flex yes',
  );
  await plain.close();
});

test('checkpoints are taken by time, cost what has changed, and leave few files', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'ssd'));
  const [server, client] = await start(directory, { ...FLEX, 'flex-checkpoint-interval': 1 });
  await callAll(
    client,
    range(20_000).map((at) => ['SET', `key:${at}`, 'x'.repeat(300)]),
    '+OK\r\n',
  );
  await eventually(async () => Number((await flex(client)).flex_checkpoints) >= 1, 'there is one');
  await checkpoint(client);
  const first = Number((await flex(client)).flex_checkpoint_bytes_copied);
  await client.call('SET', 'key:1', 'changed');
  await checkpoint(client);
  expect(Number((await flex(client)).flex_checkpoint_bytes_copied) - first).toBeLessThan(1000);
  const count = (await flex(client)).flex_checkpoints;
  // Nothing has changed, so none is taken.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect((await flex(client)).flex_checkpoints).toBe(count);
  const files = readdirSync(join(directory, 'ssd'));
  expect(files.filter((name) => name.startsWith('checkpoint-')).length).toBe(2);
  expect(files.filter((name) => name.startsWith('index-')).length).toBeLessThanOrEqual(2);
  expect(existsSync(join(directory, 'dump.rdb'))).toBe(false);
  await server.close();
});
