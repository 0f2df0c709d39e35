import { Redis, type RedisOptions } from 'ioredis';
import { BasicClientSideCache, createClient, defineScript } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect, type TestClient } from '../support/client.ts';
import {
  atEnd,
  eventually,
  freePort,
  startThermocline,
  type TestServer,
  temporaryDirectory,
} from '../support/servers.ts';
import { expectTierUsed, MODES, startMode } from './modes.ts';

interface Options {
  readonly db?: number;
  readonly enableAutoPipelining?: boolean;
  readonly scripts?: NonNullable<RedisOptions['scripts']>;
}

const INCREASE = "return redis.call('INCRBY', KEYS[1], ARGV[1])";

describe.each(MODES)('clients of a server $title', (mode) => {
  let server: TestServer;
  let admin: TestClient;

  beforeAll(async () => {
    server = await startMode(mode);
    admin = await connect(server.port);
  });

  beforeEach(async () => {
    await admin.call('FLUSHALL');
  });

  afterAll(() => expectTierUsed(mode, server));

  describe.each([2, 3] as const)('ioredis over RESP%i', (protocol) => {
    function open(options: Options = {}): Redis {
      const redis = new Redis({ port: server.port, protocol, ...options });
      redis.on('error', () => {});
      atEnd(() => redis.disconnect());
      return redis;
    }

    test('pipelines by hand and by itself', async () => {
      const redis = open({ enableAutoPipelining: true });
      const replies = await redis
        .pipeline()
        .hset('hash', { a: '1', b: '2' })
        .hgetall('hash')
        .zadd('sorted', 1, 'one', 2, 'two')
        .zrange('sorted', '0', '-1', 'WITHSCORES')
        .lpush('list', 'x')
        .incr('list')
        .exec();
      expect(replies?.map(([error, reply]) => error?.message ?? reply)).toEqual([
        2,
        { a: '1', b: '2' },
        2,
        ['one', '1', 'two', '2'],
        1,
        'WRONGTYPE Operation against a key holding the wrong kind of value',
      ]);
      const values = await Promise.all(
        Array.from({ length: 500 }, (_, index) => redis.set(`k${index}`, index)),
      );
      expect(new Set(values)).toEqual(new Set(['OK']));
      expect(await Promise.all(Array.from({ length: 500 }, (_, index) => redis.get(`k${index}`)))).toEqual(
        Array.from({ length: 500 }, (_, index) => `${index}`),
      );
    });

    test('runs scripts in a pipeline, which the server may not know yet', async () => {
      const redis = open({ scripts: { increase: { lua: INCREASE, numberOfKeys: 1 } } });
      await redis.script('FLUSH');
      const { increase } = redis as unknown as { increase(key: string, by: number): Promise<number> };
      expect(await Promise.all([1, 2, 3].map((by) => increase.call(redis, 'n', by)))).toEqual([1, 3, 6]);
      await redis.script('FLUSH');
      const pipeline = redis.pipeline() as unknown as {
        increase(key: string, by: number): { exec(): Promise<unknown> };
      };
      expect(await pipeline.increase('n', 10).exec()).toEqual([[null, 16]]);
    });

    test('subscribes to channels, patterns and shards', async () => {
      const subscriber = open();
      const messages: string[] = [];
      subscriber.on('message', (...words) => messages.push(words.join(' ')));
      subscriber.on('pmessage', (...words) => messages.push(words.join(' ')));
      subscriber.on('smessage', (...words) => messages.push(words.join(' ')));
      expect(await subscriber.subscribe('news', 'sport')).toBe(2);
      expect(await subscriber.psubscribe('n*')).toBe(3);
      expect(await subscriber.ssubscribe('shard')).toBe(1);
      const publisher = open();
      expect(await publisher.publish('news', 'one')).toBe(2);
      expect(await publisher.spublish('shard', 'two')).toBe(1);
      await eventually(() => messages.length === 3, 'the messages are there');
      expect(messages).toEqual(['news one', 'n* news one', 'shard two']);
      expect(await publisher.pubsub('NUMSUB', 'news')).toEqual(['news', 1]);
      expect(await subscriber.unsubscribe('news')).toBe(2);
    });

    test('waits in blocking commands and reads streams', async () => {
      const [redis, waiting] = [open(), open()];
      const popped = waiting.blpop('list', 0);
      await redis.rpush('list', 'value');
      expect(await popped).toEqual(['list', 'value']);
      await redis.xgroup('CREATE', 'stream', 'group', '$', 'MKSTREAM');
      const read = waiting.xreadgroup(
        'GROUP',
        'group',
        'me',
        'COUNT',
        10,
        'BLOCK',
        0,
        'STREAMS',
        'stream',
        '>',
      );
      const id = await redis.xadd('stream', '*', 'field', 'value');
      expect(JSON.stringify(await read)).toContain(`["${id}",["field","value"]]`);
      expect(await redis.xack('stream', 'group', `${id}`)).toBe(1);
    });

    test('monitors', async () => {
      const monitor = await open().monitor();
      atEnd(() => monitor.disconnect());
      const seen: string[][] = [];
      monitor.on('monitor', (_time: string, words: string[], source: string, database: string) =>
        seen.push([source === 'lua' ? 'lua' : 'client', database, ...words]),
      );
      const redis = open({ db: 3 });
      await redis.eval("return redis.call('SET', KEYS[1], ARGV[1])", 1, 'key', 'value');
      await eventually(() => seen.some((entry) => entry[0] === 'lua'), 'the script’s command is seen');
      expect(seen.slice(-2)).toEqual([
        ['client', '3', 'eval', "return redis.call('SET', KEYS[1], ARGV[1])", '1', 'key', 'value'],
        ['lua', '3', 'SET', 'key', 'value'],
      ]);
    });
  });

  describe.each([2, 3] as const)('node-redis over RESP%i', (RESP) => {
    const url = () => `redis://127.0.0.1:${server.port}`;
    const increase = defineScript({
      NUMBER_OF_KEYS: 1,
      SCRIPT: INCREASE,
      parseCommand(parser, key: string, by: number) {
        parser.pushKey(key);
        parser.push(`${by}`);
      },
      transformReply: (reply: number) => reply,
    });

    async function open() {
      const client = createClient({ RESP, url: url(), scripts: { increase } });
      client.on('error', () => {});
      await client.connect();
      atEnd(() => client.destroy());
      return client;
    }

    test('pipelines, also without a transaction', async () => {
      const client = await open();
      expect(
        await client
          .multi()
          .hSet('hash', { a: '1', b: '2' })
          .hGetAll('hash')
          .zAdd('sorted', [{ score: 1.5, value: 'one' }])
          .zRangeWithScores('sorted', 0, -1)
          .execAsPipeline(),
      ).toEqual([2, { a: '1', b: '2' }, 1, [{ score: 1.5, value: 'one' }]]);
      expect(await client.increase('n', 2)).toBe(2);
      await client.scriptFlush();
      expect(await client.increase('n', 3)).toBe(5);
      expect(await client.multi().increase('n', 1).increase('n', 1).exec()).toEqual([6, 7]);
    });

    test('subscribes to channels, patterns and shards', async () => {
      const [subscriber, publisher] = [await open(), await open()];
      const messages: string[] = [];
      const listener = (message: string, channel: string) => messages.push(`${channel} ${message}`);
      await subscriber.subscribe('news', listener);
      await subscriber.pSubscribe('n*', listener);
      await subscriber.sSubscribe('shard', listener);
      expect(await publisher.publish('news', 'one')).toBe(2);
      expect(await publisher.sPublish('shard', 'two')).toBe(1);
      await eventually(() => messages.length === 3, 'the messages are there');
      expect(messages).toEqual(['news one', 'news one', 'shard two']);
      await subscriber.unsubscribe('news');
      expect(await publisher.publish('news', 'again')).toBe(1);
    });

    test('reads streams by groups', async () => {
      const client = await open();
      await client.xGroupCreate('stream', 'group', '0', { MKSTREAM: true });
      const id = await client.xAdd('stream', '*', { field: 'value' });
      const read = await client.xReadGroup('group', 'me', { key: 'stream', id: '>' });
      expect(JSON.stringify(read)).toContain(id);
      expect((await client.xPending('stream', 'group')).pending).toBe(1);
      expect(await client.xAck('stream', 'group', id)).toBe(1);
      expect((await client.xInfoStream('stream')).length).toBe(1);
    });
  });

  test('node-redis caches on its own side and forgets what others change', async () => {
    const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 100, evictPolicy: 'LRU' });
    const client = createClient({ RESP: 3, url: `redis://127.0.0.1:${server.port}`, clientSideCache: cache });
    client.on('error', () => {});
    await client.connect();
    atEnd(() => client.destroy());
    await admin.call('SET', 'key', '1');
    for (let count = 0; count < 10; count++) expect(await client.get('key')).toBe('1');
    expect(cache.stats().hitCount).toBe(9);
    await admin.call('SET', 'key', '2');
    await eventually(async () => (await client.get('key')) === '2', 'the change has come');
    await client.hGetAll('hash');
    expect(cache.size()).toBe(2);
    await admin.call('FLUSHALL');
    await eventually(() => cache.size() === 0, 'all is forgotten');
    expect(await client.get('key')).toBe(null);
  });
});

describe.each(MODES)('after a restart of the server $title', (mode) => {
  /** A server that can be started again on the same port with the same data. */
  async function restartable(): Promise<{ port: number; restart(): Promise<void> }> {
    const directives = {
      ...mode.directives,
      port: await freePort(),
      appendonly: true,
      appendfsync: 'always',
    };
    const directory = temporaryDirectory();
    let server = await startThermocline(directives, { directory });
    return {
      port: server.port,
      restart: async () => {
        await server.kill();
        server = await startThermocline(directives, { directory });
      },
    };
  }

  test('ioredis goes on, with its subscriptions and its data', async () => {
    const { port, restart } = await restartable();
    const options = { port, db: 2, retryStrategy: () => 20, maxRetriesPerRequest: null };
    const [redis, subscriber] = [new Redis(options), new Redis(options)];
    const messages: string[] = [];
    for (const each of [redis, subscriber]) {
      each.on('error', () => {});
      atEnd(() => each.disconnect());
    }
    subscriber.on('message', (_, message) => messages.push(message));
    await subscriber.subscribe('channel');
    await redis.set('key', 'kept');
    const waiting = redis.duplicate();
    waiting.on('error', () => {});
    atEnd(() => waiting.disconnect());
    const popped = waiting.blpop('list', 0);
    await eventually(async () => /blpop/.test(`${await redis.client('LIST')}`), 'a client waits');
    await restart();
    expect(await redis.get('key')).toBe('kept');
    await eventually(async () => (await redis.publish('channel', 'hello')) === 1, 'it is subscribed again');
    await eventually(() => messages.includes('hello'), 'the message is there');
    await redis.rpush('list', 'for who waits');
    expect(await popped).toEqual(['list', 'for who waits']);
  });

  test('node-redis goes on, with its subscriptions and its data', async () => {
    const { port, restart } = await restartable();
    const options = { url: `redis://127.0.0.1:${port}/2`, socket: { reconnectStrategy: () => 20 } };
    const [client, subscriber] = [createClient(options), createClient(options)];
    for (const each of [client, subscriber]) {
      each.on('error', () => {});
      await each.connect();
      atEnd(() => each.destroy());
    }
    const messages: string[] = [];
    await subscriber.subscribe('channel', (message) => messages.push(message));
    await client.set('key', 'kept');
    await restart();
    await eventually(
      async () => (await client.get('key').catch(() => null)) === 'kept',
      'it is connected again',
    );
    await eventually(async () => (await client.publish('channel', 'hello')) === 1, 'it is subscribed again');
    await eventually(() => messages.includes('hello'), 'the message is there');
  });
});
