import { beforeAll, describe, expect, test } from 'vitest';
import { connect, encodeCommand, errorText, fields, type TestClient } from '../support/client.ts';
import { eventually, startThermocline, type TestServer } from '../support/servers.ts';

const MB = 1024 * 1024;
const OOM = "OOM command not allowed when used memory > 'maxmemory'.";
const VALUE = 'v'.repeat(1000);

let server: TestServer;

beforeAll(async () => {
  server = await startThermocline();
});

async function info(client: TestClient): Promise<Record<string, string>> {
  return fields(await client.call('INFO', 'memory', 'stats', 'keyspace'));
}

/** An empty store with `count` keys of 1 KB in it, the odd ones volatile, and a budget of what they take and `roomBytes`. */
async function filled(policy: string, count: number, roomBytes: number): Promise<TestClient> {
  const client = await connect(server.port);
  await client.call('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', policy, 'maxmemory-samples', '20');
  await client.call('FLUSHALL');
  await client.call('CONFIG', 'RESETSTAT');
  const commands: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const ttl = index % 2 === 1 ? ['EX', 10_000 + index] : [];
    commands.push(encodeCommand('SET', `key:${index}`, VALUE, ...ttl));
  }
  client.send(Buffer.concat(commands));
  await client.rawReplies(count);
  const used = Number((await info(client)).used_memory);
  expect(await client.call('CONFIG', 'SET', 'maxmemory', used + roomBytes)).toBe('OK');
  return client;
}

/** Sets new keys; how many were refused. */
async function add(client: TestClient, count: number): Promise<number> {
  let refused = 0;
  for (let index = 0; index < count; index++) {
    const reply = await client.call('SET', `new:${index}`, VALUE);
    if (reply !== 'OK') {
      expect(errorText(reply)).toBe(OOM);
      refused++;
    }
  }
  return refused;
}

async function existing(client: TestClient, indexes: number[]): Promise<number> {
  return (await client.call('EXISTS', ...indexes.map((index) => `key:${index}`))) as number;
}

const numbers = (count: number, first: number, step: number) =>
  Array.from({ length: count }, (_, index) => first + index * step);

describe('noeviction', () => {
  test('refuses what may grow memory, and allows the rest', async () => {
    const client = await filled('noeviction', 1000, -100_000);
    for (const words of [
      ['SET', 'a', '1'],
      ['INCR', 'a'],
      ['APPEND', 'key:0', 'x'],
      ['MSET', 'a', '1'],
      ['SETRANGE', 'key:0', '0', 'x'],
      ['COPY', 'key:0', 'a'],
      ['GETSET', 'key:0', 'x'],
    ]) {
      expect(errorText(await client.call(...words))).toBe(OOM);
    }
    expect(await client.call('GET', 'key:0')).toBe(VALUE);
    expect(await client.call('EXPIRE', 'key:0', '1000')).toBe(1);
    expect(await client.call('RENAME', 'key:0', 'a')).toBe('OK');
    expect(await client.call('DBSIZE')).toBe(1000);
    expect((await info(client)).evicted_keys).toBe('0');
    expect(await client.call('DEL', ...numbers(400, 100, 1).map((index) => `key:${index}`))).toBe(400);
    expect(await client.call('SET', 'a', '1')).toBe('OK');
  });

  test('is lifted by a larger maxmemory, and set in force by a smaller one', async () => {
    const client = await filled('noeviction', 100, -10_000);
    expect(errorText(await client.call('SET', 'a', '1'))).toBe(OOM);
    await client.call('CONFIG', 'SET', 'maxmemory', '1gb');
    expect(await client.call('SET', 'a', '1')).toBe('OK');
    await client.call('CONFIG', 'SET', 'maxmemory', '1');
    expect(errorText(await client.call('SET', 'a', '2'))).toBe(OOM);
    await client.call('CONFIG', 'SET', 'maxmemory', '0');
    expect(await client.call('SET', 'a', '2')).toBe('OK');
  });
});

describe.each([
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
])('%s', (policy) => {
  const isVolatile = policy.startsWith('volatile');

  test('evicts to make room, and only what it may', async () => {
    const client = await filled(policy, 4000, 0);
    expect(await add(client, 1000)).toBe(0);
    const { evicted_keys, used_memory, maxmemory } = await info(client);
    expect(Number(evicted_keys)).toBeGreaterThan(800);
    expect(Number(used_memory)).toBeLessThan(Number(maxmemory) + 64 * 1024);
    expect(await client.call('DBSIZE')).toBe(5000 - Number(evicted_keys));
    if (isVolatile) {
      expect(await existing(client, numbers(2000, 0, 2))).toBe(2000);
      expect(await client.call('EXISTS', ...numbers(1000, 0, 1).map((index) => `new:${index}`))).toBe(1000);
    }
  });

  test.runIf(isVolatile)('refuses when no volatile key is left', async () => {
    const client = await filled(policy, 400, 0);
    const refused = await add(client, 600);
    expect(refused).toBeGreaterThan(300);
    expect(await existing(client, numbers(200, 1, 2))).toBe(0);
    expect(await existing(client, numbers(200, 0, 2))).toBe(200);
  });

  test('follows a maxmemory that is lowered', async () => {
    const client = await filled(policy, 4000, 0);
    const { used_memory } = await info(client);
    await client.call('CONFIG', 'SET', 'maxmemory', Math.floor(Number(used_memory) * 0.8));
    await add(client, 100);
    const after = await info(client);
    expect(Number(after.used_memory)).toBeLessThan(Number(after.maxmemory) + 64 * 1024);
  });
});

describe('what is evicted first', () => {
  test('allkeys-lru: what was used longest ago', async () => {
    const client = await filled('allkeys-lru', 4000, 8 * MB);
    // The clock of LRU runs in seconds, here as in Redis.
    await eventually(
      async () => Number(await client.call('OBJECT', 'IDLETIME', 'key:3999')) >= 2,
      'the keys have been idle',
    );
    await client.call('TOUCH', ...numbers(2000, 0, 2).map((index) => `key:${index}`));
    const { used_memory } = await info(client);
    await client.call('CONFIG', 'SET', 'maxmemory', used_memory);
    await add(client, 1000);
    expect(await existing(client, numbers(2000, 0, 2))).toBeGreaterThan(1900);
  });

  test('allkeys-lfu: what was used least often', async () => {
    const client = await filled('allkeys-lfu', 4000, 8 * MB);
    const used = numbers(1000, 0, 4).map((index) => `key:${index}`);
    for (let round = 0; round < 30; round++) await client.call('MGET', ...used);
    const { used_memory } = await info(client);
    await client.call('CONFIG', 'SET', 'maxmemory', used_memory);
    await add(client, 1000);
    expect(await existing(client, numbers(1000, 0, 4))).toBeGreaterThan(950);
  });

  test('volatile-ttl: what expires soonest', async () => {
    const client = await filled('volatile-ttl', 4000, 0);
    await add(client, 1000);
    const soon = await existing(client, numbers(500, 1, 2));
    const late = await existing(client, numbers(500, 3001, 2));
    expect(soon).toBeLessThan(100);
    expect(late).toBeGreaterThan(450);
  });
});
