import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import KeyvRedis from '@keyv/redis';
import { createAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import { Keyv } from 'keyv';
import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { createClient } from 'redis';
import { Server as SocketServer } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect, type TestClient } from '../support/client.ts';
import { atEnd, eventually, type TestServer } from '../support/servers.ts';
import { expectTierUsed, MODES, startMode } from './modes.ts';

declare module 'express-session' {
  interface SessionData {
    views: number;
  }
}

interface Lock {
  readonly value: string;
  extend(durationMs: number): Promise<Lock>;
  release(): Promise<unknown>;
}

/** redlock 5: its package names no types for an import. */
const { default: Redlock } = createRequire(import.meta.url)('redlock') as {
  default: new (
    clients: Redis[],
    settings: object,
  ) => {
    acquire(resources: string[], durationMs: number): Promise<Lock>;
    using<T>(
      resources: string[],
      durationMs: number,
      run: (signal: { aborted: boolean }) => Promise<T>,
    ): Promise<T>;
  };
};

/** Listens on a free port of 127.0.0.1 until the test ends. */
async function listen(server: HttpServer): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(MODES)('$title', (mode) => {
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

  function ioredis(): Redis {
    const redis = new Redis({ port: server.port });
    redis.on('error', () => {});
    atEnd(() => redis.disconnect());
    return redis;
  }

  async function nodeRedis() {
    const client = createClient({ url: `redis://127.0.0.1:${server.port}` });
    client.on('error', () => {});
    await client.connect();
    atEnd(() => client.close());
    return client;
  }

  describe('connect-redis under express-session', () => {
    async function start(ttlSeconds: number): Promise<{ url: string; store: RedisStore }> {
      const store = new RedisStore({ client: await nodeRedis(), prefix: 'session:', ttl: ttlSeconds });
      const app = express();
      app.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false }));
      app.get('/', (request, response) => {
        request.session.views = (request.session.views ?? 0) + 1;
        response.send(`${request.session.views}`);
      });
      app.get('/leave', (request, response) => {
        request.session.destroy(() => response.send('left'));
      });
      return { url: await listen(createServer(app)), store };
    }

    async function get(url: string, cookie?: string): Promise<{ text: string; cookie: string }> {
      const response = await fetch(url, { headers: cookie === undefined ? {} : { cookie } });
      const set = response.headers.get('set-cookie')?.split(';')[0];
      return { text: await response.text(), cookie: set ?? cookie ?? '' };
    }

    test('keeps each visitor’s session', async () => {
      const { url, store } = await start(1000);
      const first = await get(url);
      const second = await get(url);
      expect(first.cookie).not.toBe(second.cookie);
      for (let views = 2; views <= 5; views++) expect((await get(url, first.cookie)).text).toBe(`${views}`);
      expect((await get(url, second.cookie)).text).toBe('2');
      const keys = (await admin.call('KEYS', 'session:*')) as string[];
      expect(keys).toHaveLength(2);
      expect(await admin.call('TTL', keys[0])).toBeGreaterThan(900);
      expect(await store.length()).toBe(2);
      expect(((await store.all()) as { views: number }[]).map((each) => each.views).sort()).toEqual([2, 5]);
      expect((await get(`${url}/leave`, first.cookie)).text).toBe('left');
      expect((await get(url, first.cookie)).text).toBe('1');
    });

    test('forgets a session when its time is over', async () => {
      const { url } = await start(1);
      const { cookie } = await get(url);
      await eventually(async () => (await admin.call('DBSIZE')) === 0, 'it has expired');
      expect((await get(url, cookie)).text).toBe('1');
    });
  });

  describe.each(['ioredis', 'node-redis'] as const)('rate-limiter-flexible with %s', (library) => {
    async function limiter(options: object): Promise<RateLimiterRedis> {
      const storeClient = library === 'ioredis' ? ioredis() : await nodeRedis();
      return new RateLimiterRedis({
        storeClient,
        useRedisPackage: library === 'node-redis',
        points: 5,
        duration: 100,
        ...options,
      });
    }

    test('counts what is consumed and refuses the rest', async () => {
      const limited = await limiter({});
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => limited.consume('user')));
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(5);
      const refused = results.find((result) => result.status === 'rejected')?.reason as RateLimiterRes;
      expect(refused.remainingPoints).toBe(0);
      expect(refused.msBeforeNext).toBeGreaterThan(90_000);
      expect((await limited.get('user'))?.consumedPoints).toBe(8);
      expect((await limited.consume('other')).remainingPoints).toBe(4);
      await limited.reward('user', 5);
      expect((await limited.get('user'))?.consumedPoints).toBe(3);
      await limited.delete('user');
      expect(await limited.get('user')).toBe(null);
    });

    test('opens again after its time, and blocks who goes on', async () => {
      const limited = await limiter({ points: 1, duration: 1 });
      await limited.consume('user');
      await expect(limited.consume('user')).rejects.toMatchObject({ remainingPoints: 0 });
      await eventually(
        () =>
          limited.consume('user').then(
            () => true,
            () => false,
          ),
        'the second is over',
      );
      await limited.block('user', 100);
      await expect(limited.consume('user')).rejects.toMatchObject({ isFirstInDuration: false });
      expect(await admin.call('TTL', 'rlflx:user')).toBeGreaterThan(90);
    });
  });

  describe('redlock', () => {
    test('lets one in at a time', async () => {
      const redlock = new Redlock([ioredis()], { retryCount: 1000, retryDelay: 5, retryJitter: 5 });
      let inside = 0;
      let most = 0;
      let total = 0;
      await Promise.all(
        Array.from({ length: 10 }, () =>
          redlock.using(['resource'], 5000, async () => {
            most = Math.max(most, ++inside);
            const before = total;
            await admin.call('PING');
            total = before + 1;
            inside--;
          }),
        ),
      );
      expect([most, total]).toEqual([1, 10]);
    });

    test('extends and releases what is its own only', async () => {
      const impatient = new Redlock([ioredis()], { retryCount: 0 });
      const lock = await impatient.acquire(['a', 'b'], 1000);
      expect(await admin.call('GET', 'a')).toBe(lock.value);
      await expect(impatient.acquire(['b'], 1000)).rejects.toThrow();
      const extended = await lock.extend(100_000);
      expect(await admin.call('PTTL', 'b')).toBeGreaterThan(90_000);
      await admin.call('SET', 'a', 'someone else');
      await expect(extended.release()).rejects.toThrow();
      expect(await admin.call('GET', 'a')).toBe('someone else');
    });
  });

  test('keyv keeps values in namespaces', async () => {
    const open = (namespace: string) => {
      const keyv = new Keyv(new KeyvRedis(`redis://127.0.0.1:${server.port}`), { namespace });
      atEnd(() => keyv.disconnect());
      return keyv;
    };
    const [users, pages] = [open('users'), open('pages')];
    expect(await users.set('one', { name: 'Ada', tags: ['x', 'y'] })).toBe(true);
    await users.setMany([
      { key: 'two', value: 2 },
      { key: 'three', value: '3', ttl: 100_000 },
    ]);
    await pages.set('one', '<html>', 1);
    expect(await users.get('one')).toEqual({ name: 'Ada', tags: ['x', 'y'] });
    expect(await users.getMany(['one', 'two', 'none'])).toEqual([
      { name: 'Ada', tags: ['x', 'y'] },
      2,
      undefined,
    ]);
    expect(await users.has('two')).toBe(true);
    expect(await admin.call('PTTL', 'users::users:three')).toBeGreaterThan(90_000);
    await eventually(async () => (await pages.get('one')) === undefined, 'the page has expired');
    const found: string[] = [];
    for await (const [key] of users.iterator!('users')) found.push(key as string);
    expect(found.sort()).toEqual(['one', 'three', 'two']);
    await pages.set('kept', 1);
    await users.clear();
    expect(await users.get('one')).toBe(undefined);
    expect(await pages.get('kept')).toBe(1);
  });

  describe.each(['pub/sub', 'sharded pub/sub', 'streams'] as const)(
    'socket.io with an adapter over %s',
    (kind) => {
      async function adapter() {
        if (kind === 'streams') return createStreamsAdapter(await nodeRedis(), { blockTimeInMs: 100 });
        if (kind === 'pub/sub') return createAdapter(ioredis(), ioredis());
        const { createShardedAdapter } = await import('@socket.io/redis-adapter');
        return createShardedAdapter(await nodeRedis(), await nodeRedis());
      }

      /** Two web servers that share the Redis server, each with one client. */
      async function start(): Promise<{ servers: SocketServer[]; clients: Socket[] }> {
        const servers: SocketServer[] = [];
        const clients: Socket[] = [];
        for (let index = 0; index < 2; index++) {
          const http = createServer();
          const sockets = new SocketServer(http, { adapter: await adapter() });
          sockets.on('connection', (socket) => {
            socket.on('join', (room: string, done: () => void) => {
              void Promise.resolve(socket.join(room)).then(done);
            });
            socket.on('question', (answer: (text: string) => void) => answer(`answer ${index}`));
          });
          const url = await listen(http);
          atEnd(() => sockets.close());
          const client = io(url, { transports: ['websocket'], forceNew: true, reconnection: false });
          atEnd(() => {
            client.disconnect();
          });
          await new Promise<void>((resolve, reject) => {
            client.on('connect', resolve);
            client.on('connect_error', reject);
          });
          servers.push(sockets);
          clients.push(client);
        }
        const [first, second] = servers;
        await eventually(
          async () => (await first.fetchSockets()).length === 2 && (await second.fetchSockets()).length === 2,
          'the servers know each other',
        );
        return { servers, clients };
      }

      test('reaches the clients of every server', async () => {
        const { servers, clients } = await start();
        const received: string[] = [];
        clients.forEach((client, index) => {
          client.on('news', (text) => received.push(`${index} ${text}`));
        });
        servers[0].emit('news', 'all');
        await eventually(() => received.length === 2, 'both have it');
        expect(received.sort()).toEqual(['0 all', '1 all']);
        await clients[1].emitWithAck('join', 'room');
        await eventually(
          async () => (await servers[0].in('room').fetchSockets()).length === 1,
          'the room is known',
        );
        servers[0].to('room').emit('news', 'room');
        await eventually(() => received.length === 3, 'the one in the room has it');
        expect(received.at(-1)).toBe('1 room');
        servers[0].in('room').disconnectSockets(true);
        await eventually(() => clients[1].disconnected, 'it is disconnected from the other server');
        expect(clients[0].connected).toBe(true);
      });

      test('asks the other servers', async () => {
        const { servers } = await start();
        servers[1].on('sum', (left: number, right: number, reply: (sum: number) => void) =>
          reply(left + right),
        );
        expect(await servers[0].serverSideEmitWithAck('sum', 2, 3)).toEqual([5]);
      });
    },
  );
});
