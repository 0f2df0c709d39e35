import { createClient } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { atEnd, eventually, type TestServer } from '../support/servers.ts';
import { expectTierUsed, MODES, startMode } from './modes.ts';

const RELEASE =
  "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

/** Takes what is due from a sorted set and puts it into a list, in one step. */
const MOVE_DUE = `local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 100)
if #due > 0 then
  redis.call('ZREM', KEYS[1], unpack(due))
  redis.call('RPUSH', KEYS[2], unpack(due))
end
return #due`;

describe.each(MODES)('what caches are used for, $title', (mode) => {
  let server: TestServer;
  let client: Awaited<ReturnType<typeof open>>;

  async function open() {
    const opened = createClient({ url: `redis://127.0.0.1:${server.port}` });
    opened.on('error', () => {});
    await opened.connect();
    atEnd(() => opened.destroy());
    return opened;
  }

  beforeAll(async () => {
    server = await startMode(mode);
    client = await open();
  });

  beforeEach(async () => {
    await client.flushAll();
  });

  afterAll(() => expectTierUsed(mode, server));

  test('sessions that live as long as they are used', async () => {
    const key = 'session:1';
    await client.multi().hSet(key, { user: 'ada', role: 'admin' }).expire(key, 100).exec();
    expect(await client.hGetAll(key)).toEqual({ user: 'ada', role: 'admin' });
    expect(await client.expire(key, 1000, 'GT')).toBe(1);
    expect(await client.ttl(key)).toBeGreaterThan(990);
    await client.pExpire(key, 100);
    await eventually(async () => (await client.exists(key)) === 0, 'it has expired');
    expect(await client.hGetAll(key)).toEqual({});
    await client.set('token', 'x', { expiration: { type: 'EX', value: 100 } });
    expect(await client.getEx('token', { type: 'EX', value: 1000 })).toBe('x');
    expect(await client.ttl('token')).toBeGreaterThan(990);
  });

  test('a sliding-window rate limit on a sorted set', async () => {
    async function allowed(user: string, now: number, windowMs: number, most: number): Promise<boolean> {
      const key = `rate:${user}`;
      const [, , count] = await client
        .multi()
        .zRemRangeByScore(key, '-inf', `(${now - windowMs}`)
        .zAdd(key, { score: now, value: `${now}` })
        .zCard(key)
        .pExpire(key, windowMs)
        .exec();
      return Number(count) <= most;
    }
    const answers: boolean[] = [];
    for (const now of [1000, 1100, 1200, 1300, 2050, 2350]) answers.push(await allowed('ada', now, 1000, 3));
    expect(answers).toEqual([true, true, true, false, false, true]);
    expect(await allowed('bob', 2350, 1000, 3)).toBe(true);
    expect(await client.zCard('rate:ada')).toBe(2);
  });

  test('a lock that only its owner releases', async () => {
    const take = (owner: string, ms: number) =>
      client.set('lock', owner, { condition: 'NX', expiration: { type: 'PX', value: ms } });
    const release = (owner: string) => client.eval(RELEASE, { keys: ['lock'], arguments: [owner] });
    expect(await take('a', 100_000)).toBe('OK');
    expect(await take('b', 100_000)).toBe(null);
    expect(await release('b')).toBe(0);
    expect(await release('a')).toBe(1);
    expect(await take('b', 50)).toBe('OK');
    await eventually(async () => (await take('c', 100_000)) === 'OK', 'the lock of b is over');
    expect(await release('b')).toBe(0);
    expect(await client.get('lock')).toBe('c');
  });

  test('cache-aside, with a mark for what is not there', async () => {
    const database = new Map([['user:1', 'Ada']]);
    let reads = 0;
    async function load(key: string): Promise<string | null> {
      const cached = await client.get(`cache:${key}`);
      if (cached !== null) return cached === '' ? null : cached;
      reads++;
      const value = database.get(key) ?? null;
      await client.set(`cache:${key}`, value ?? '', { expiration: { type: 'EX', value: 100 } });
      return value;
    }
    for (let round = 0; round < 3; round++) {
      expect(await load('user:1')).toBe('Ada');
      expect(await load('user:2')).toBe(null);
    }
    expect(reads).toBe(2);
    database.set('user:2', 'Bob');
    await client.del('cache:user:2');
    expect(await load('user:2')).toBe('Bob');
  });

  test('a leaderboard', async () => {
    const players = Array.from({ length: 2000 }, (_, index) => ({
      score: (index * 7919) % 2000,
      value: `p${index}`,
    }));
    await client.zAdd('board', players);
    await client.zIncrBy('board', 5000, 'p42');
    const sorted = players
      .map((player) => (player.value === 'p42' ? { ...player, score: player.score + 5000 } : player))
      .sort((left, right) => right.score - left.score);
    expect(await client.zRangeWithScores('board', 0, 9, { REV: true })).toEqual(
      sorted.slice(0, 10).map(({ score, value }) => ({ value, score })),
    );
    expect(await client.zRevRank('board', 'p42')).toBe(0);
    const rank = sorted.findIndex((player) => player.value === 'p1234');
    expect(await client.zRevRank('board', 'p1234')).toBe(rank);
    expect(await client.zRange('board', rank - 2, rank + 2, { REV: true })).toEqual(
      sorted.slice(rank - 2, rank + 3).map((player) => player.value),
    );
    expect(await client.zCount('board', 1000, '(1500')).toBe(
      sorted.filter((player) => player.score >= 1000 && player.score < 1500).length,
    );
  });

  test('unique visitors by HyperLogLog', async () => {
    for (let day = 0; day < 3; day++) {
      const visitors = Array.from({ length: 5000 }, (_, index) => `visitor:${day * 2500 + index}`);
      for (let at = 0; at < visitors.length; at += 1000)
        await client.pfAdd(`day:${day}`, visitors.slice(at, at + 1000));
    }
    const days = ['day:0', 'day:1', 'day:2'];
    for (const day of days) expect(Math.abs((await client.pfCount(day)) - 5000)).toBeLessThan(200);
    // 5,000 + 2,500 + 2,500; three standard errors are 2.4 %.
    expect(Math.abs((await client.pfCount(days)) - 10_000)).toBeLessThan(300);
    await client.pfMerge('all', days);
    expect(await client.pfCount('all')).toBe(await client.pfCount(days));
  });

  test('stream groups give out again what was not acknowledged', async () => {
    await client.xGroupCreate('orders', 'workers', '0', { MKSTREAM: true });
    const ids: string[] = [];
    for (let index = 0; index < 100; index++)
      ids.push(await client.xAdd('orders', '*', { order: `${index}` }));
    const read = async (consumer: string, count: number) => {
      const streams = (await client.xReadGroup(
        'workers',
        consumer,
        { key: 'orders', id: '>' },
        { COUNT: count },
      )) as { messages: { id: string }[] }[] | null;
      return streams?.[0].messages.map((message) => message.id) ?? [];
    };
    const dead = await read('dead', 40);
    expect(dead).toEqual(ids.slice(0, 40));
    const alive = await read('alive', 100);
    expect(alive).toEqual(ids.slice(40));
    expect(await client.xAck('orders', 'workers', alive)).toBe(60);
    expect((await client.xPending('orders', 'workers')).consumers).toEqual([
      { name: 'dead', deliveriesCounter: 40 },
    ]);
    const claimed: string[] = [];
    for (let cursor = '0-0'; ; ) {
      const { nextId, messages } = await client.xAutoClaim('orders', 'workers', 'alive', 0, cursor, {
        COUNT: 15,
      });
      claimed.push(...messages.flatMap((message) => (message === null ? [] : [String(message.id)])));
      if (nextId === '0-0') break;
      cursor = String(nextId);
    }
    expect(claimed).toEqual(dead);
    const pending = await client.xPendingRange('orders', 'workers', '-', '+', 100);
    expect(new Set(pending.map((entry) => `${entry.consumer} ${entry.deliveriesCounter}`))).toEqual(
      new Set(['alive 2']),
    );
    expect(await client.xAck('orders', 'workers', claimed)).toBe(40);
    expect((await client.xPending('orders', 'workers')).pending).toBe(0);
    expect(await client.xTrim('orders', 'MAXLEN', 10)).toBe(90);
  });

  test('a delayed queue on a sorted set', async () => {
    await client.zAdd('delayed', [
      { score: 1000, value: 'first' },
      { score: 3000, value: 'third' },
      { score: 2000, value: 'second' },
    ]);
    const move = (now: number) =>
      client.eval(MOVE_DUE, { keys: ['delayed', 'ready'], arguments: [`${now}`] });
    const worker = await open();
    const popped = worker.blPop('ready', 0);
    expect(await move(999)).toBe(0);
    expect(await move(2500)).toBe(2);
    expect(await popped).toEqual({ key: 'ready', element: 'first' });
    expect(await worker.blPop('ready', 0)).toEqual({ key: 'ready', element: 'second' });
    expect(await move(3000)).toBe(1);
    expect(await client.lMove('ready', 'at work', 'LEFT', 'RIGHT')).toBe('third');
    expect(await client.exists(['delayed', 'ready'])).toBe(0);
  });

  test('a message to many subscribers', async () => {
    const received: string[][] = [];
    for (let index = 0; index < 30; index++) {
      const messages: string[] = [];
      received.push(messages);
      const subscriber = await open();
      const listener = (message: string) => messages.push(message);
      if (index % 3 === 0) await subscriber.pSubscribe('room:*', listener);
      else await subscriber.subscribe('room:1', listener);
    }
    const sent = Array.from({ length: 50 }, (_, index) => `message ${index}`);
    expect(await Promise.all(sent.map((message) => client.publish('room:1', message)))).toEqual(
      Array(50).fill(30),
    );
    await eventually(() => received.every((messages) => messages.length === 50), 'all have all of them');
    for (const messages of received) expect(messages).toEqual(sent);
  });

  test('what is near', async () => {
    await client.geoAdd('cities', [
      { longitude: 2.3522, latitude: 48.8566, member: 'Paris' },
      { longitude: 4.3517, latitude: 50.8503, member: 'Brussels' },
      { longitude: -0.1276, latitude: 51.5072, member: 'London' },
      { longitude: 13.405, latitude: 52.52, member: 'Berlin' },
    ]);
    expect(await client.geoSearch('cities', 'Paris', { radius: 400, unit: 'km' }, { SORT: 'ASC' })).toEqual([
      'Paris',
      'Brussels',
      'London',
    ]);
    const near = await client.geoSearchWith(
      'cities',
      { longitude: 13, latitude: 52 },
      { width: 200, height: 200, unit: 'km' },
      ['WITHDIST'],
    );
    expect(near.map((each) => each.member)).toEqual(['Berlin']);
    expect(Number(await client.geoDist('cities', 'Paris', 'London', 'km'))).toBeCloseTo(343.5, 0);
  });
});
