import { Redis } from 'ioredis';
import { createClient, RESP_TYPES } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually, startThermocline, type TestServer } from '../support/servers.ts';

const BINARY = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

let server: TestServer;

beforeAll(async () => {
  server = await startThermocline();
});

describe.each([2, 3] as const)('node-redis over RESP%i', (RESP) => {
  const open = () => createClient({ RESP, url: `redis://127.0.0.1:${server.port}` });
  let client: ReturnType<typeof open>;

  beforeAll(async () => {
    client = open();
    client.on('error', () => {});
    await client.connect();
  });
  beforeEach(async () => {
    await client.flushAll();
  });
  afterAll(() => client.destroy());

  test('sends commands, alone and at once', async () => {
    expect(await client.set('key', 'value', { expiration: { type: 'EX', value: 100 } })).toBe('OK');
    expect(await client.get('key')).toBe('value');
    expect(await client.ttl('key')).toBeGreaterThan(98);
    expect(await client.expire('key', 1000, 'GT')).toBe(1);
    expect(await client.get('missing')).toBe(null);
    const replies = await Promise.all(Array.from({ length: 1000 }, () => client.incr('counter')));
    expect(replies).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
    expect(await client.mGet(['key', 'missing', 'counter'])).toEqual(['value', null, '1000']);
    await expect(client.incr('key')).rejects.toThrow('value is not an integer or out of range');
  });

  test('runs transactions', async () => {
    expect(await client.multi().set('a', '1').incrBy('a', 5).get('a').exec()).toEqual(['OK', 6, '6']);
    await client.watch('a');
    const other = await client.duplicate().connect();
    await other.set('a', 'changed');
    await expect(client.multi().set('a', 'mine').exec()).rejects.toThrow(/watched keys/i);
    expect(await client.get('a')).toBe('changed');
    other.destroy();
  });

  test('scans', async () => {
    const names = Array.from({ length: 500 }, (_, index) => `scan:${index}`);
    await client.mSet(names.map((name): [string, string] => [name, 'x']));
    await client.set('other', 'x');
    const found = new Set<string>();
    for await (const keys of client.scanIterator({ MATCH: 'scan:*', COUNT: 50 })) {
      for (const key of keys) found.add(key);
    }
    expect([...found].sort()).toEqual([...names].sort());
  });

  test('takes binary keys and values', async () => {
    const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    await client.set(BINARY, BINARY);
    expect((await binary.get(BINARY))?.equals(BINARY)).toBe(true);
    expect((await binary.keys('*')).map((key) => key.equals(BINARY))).toEqual([true]);
  });

  test('comes back after CLIENT KILL', async () => {
    const victim = open();
    victim.on('error', () => {});
    await victim.connect();
    const id = await victim.clientId();
    expect(await client.clientKill({ filter: 'ID', id })).toBe(1);
    await eventually(
      async () => (await victim.clientId().catch(() => id)) !== id,
      'the client has another connection',
    );
    expect(await victim.set('after', 'kill')).toBe('OK');
    victim.destroy();
  });

  test('describes itself', async () => {
    const info = await client.clientInfo();
    expect(info).toMatchObject({ libName: expect.stringContaining('node-redis'), resp: RESP });
    expect(await client.info('server')).toContain('redis_version:8.');
    expect(await client.configGet('maxmemory')).toMatchObject({ maxmemory: '0' });
  });
});

describe.each([2, 3] as const)('ioredis over RESP%i', (protocol) => {
  const open = () => new Redis({ port: server.port, host: '127.0.0.1', protocol });
  let client: Redis;

  beforeAll(() => {
    client = open();
    client.on('error', () => {});
  });
  beforeEach(async () => {
    await client.flushall();
  });
  afterAll(() => client.disconnect());

  test('speaks the protocol', async () => {
    expect(await client.client('INFO')).toContain(`resp=${protocol}`);
  });

  test('sends commands, alone and in a pipeline', async () => {
    expect(await client.set('key', 'value', 'EX', 100, 'NX')).toBe('OK');
    expect(await client.set('key', 'other', 'NX')).toBe(null);
    expect(await client.ttl('key')).toBeGreaterThan(98);
    const pipeline = client.pipeline();
    for (let index = 0; index < 1000; index++) pipeline.set(`key:${index}`, `${index}`).get(`key:${index}`);
    pipeline.incr('key');
    const replies = (await pipeline.exec()) ?? [];
    expect(replies).toHaveLength(2001);
    expect(
      replies
        .slice(0, -1)
        .every(([error, value], at) => !error && value === (at % 2 ? `${(at - 1) / 2}` : 'OK')),
    ).toBe(true);
    expect(replies[2000][0]?.message).toBe('ERR value is not an integer or out of range');
    expect(await client.dbsize()).toBe(1001);
  });

  test('runs transactions', async () => {
    expect(await client.multi().set('a', '1').incrby('a', 5).get('a').exec()).toEqual([
      [null, 'OK'],
      [null, 6],
      [null, '6'],
    ]);
    await client.watch('a');
    const other = open();
    await other.set('a', 'changed');
    expect(await client.multi().set('a', 'mine').exec()).toBe(null);
    other.disconnect();
  });

  test('scans', async () => {
    await client.mset(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`scan:${index}`, 'x'])));
    const found = new Set<string>();
    for await (const keys of client.scanStream({ match: 'scan:*', count: 50 })) {
      for (const key of keys as string[]) found.add(key);
    }
    expect(found.size).toBe(500);
  });

  test('takes binary keys and values', async () => {
    await client.set(BINARY, BINARY);
    expect((await client.getBuffer(BINARY))?.equals(BINARY)).toBe(true);
    expect(await client.getBuffer(BINARY.toString('latin1'))).toBe(null);
  });

  test('comes back after CLIENT KILL', async () => {
    const victim = open();
    victim.on('error', () => {});
    const id = await victim.client('ID');
    await client.client('KILL', 'ID', id);
    await eventually(
      async () => (await victim.client('ID').catch(() => id)) !== id,
      'there is another connection',
    );
    expect(await victim.set('after', 'kill')).toBe('OK');
    victim.disconnect();
  });
});
