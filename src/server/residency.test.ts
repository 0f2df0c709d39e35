import { beforeEach, describe, expect, test } from 'vitest';
import { createEngine, type TestEngine, type Word } from '../../test/support/engine.ts';
import { WatchedDisk } from '../../test/support/watched-disk.ts';
import { SeededRandom } from '../base/random.ts';
import type { Client } from '../command-table/client.ts';
import { Arguments } from '../resp/arguments.ts';

/** A read of the device takes so long. */
const READ_MS = 0.2;

let disk: WatchedDisk;
let engine: TestEngine;

/** Runs commands with all keys in RAM, then has all of them on the device and nothing in buffers. */
async function prepare(...commands: Word[][]): Promise<void> {
  const random = new SeededRandom(5);
  const filler = Buffer.alloc(64 * 1024);
  for (const words of commands) expect(engine.run(...words).value).not.toBeInstanceOf(Error);
  for (let number = 0; number < 40; number++) {
    for (let at = 0; at < filler.length; at += 4) filler.writeUInt32LE(random.uint32(), at);
    engine.run('set', `filler${number}`, filler);
  }
  await disk.settle();
  for (let number = 0; number < 10; number++) {
    const words = Arguments.of([Buffer.from('strlen'), Buffer.from(`filler${number}`)]);
    engine.pipeline.execute(engine.client, words, false);
  }
  engine.reply.length = 0;
  expect(engine.tier?.isFetchingAside).toBe(true);
  disk.unfetchedReadCount = 0;
}

/** Offers a command once: its reply, or null if it waits. */
function offer(client: Client, ...words: Word[]): string | null {
  const { reply, pipeline } = engine;
  const parts = words.map((word) => (word instanceof Uint8Array ? word : Buffer.from(String(word))));
  engine.beginBatch();
  const start = reply.length;
  const ran = pipeline.execute(client, Arguments.of(parts), true);
  const text = Buffer.from(reply.buffer.subarray(start, reply.length)).toString('latin1');
  reply.length = start;
  engine.endTick();
  return ran ? text : null;
}

/** Offers a command until it runs, ending fetches; how often it waited. */
function wait(client: Client, ...words: Word[]): { reply: string; rounds: number } {
  for (let rounds = 0; ; rounds++) {
    const reply = offer(client, ...words);
    if (reply !== null) return { reply, rounds };
    expect(disk.isFetching).toBe(true);
    endFetch();
  }
}

const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const element = (at: number): string => `element-${String(at).padStart(6, '0')}`;

/** Ends the fetch under way, which has taken as long as the device does. */
function endFetch(): void {
  engine.clock.advance(READ_MS * 20);
  disk.endFetch();
}

beforeEach(() => {
  disk = new WatchedDisk();
  disk.onRead = (isFetched) => {
    if (!isFetched) engine.clock.advance(READ_MS);
  };
  engine = createEngine({ residency: 'demoted', disk: disk.disk });
});

const HASH = ['hset', 'h', ...range(4000).flatMap((at) => [element(at), `value-${at}`])];
const SET = ['sadd', 's', ...range(4000).map(element)];
const SORTED = ['zadd', 'z', ...range(4000).flatMap((at) => [at, element(at)])];
const LIST = ['rpush', 'l', ...range(4000).map(element)];
const STREAM = [
  'eval',
  "for at = 1, 1200 do redis.call('xadd', 'x', at .. '-1', 'name', string.format('element-%06d', at - 1)) end",
  0,
];

describe('a command on a cold page', () => {
  test('waits for its page alone, while others run', async () => {
    await prepare(HASH, ['set', 'hot', '1']);
    const other = engine.connect();
    engine.keyspace.databases[0].peekRaw(Buffer.from('hot'), 0, 3);
    engine.keyspace.databases[0].promote();
    disk.unfetchedReadCount = 0;
    expect(offer(engine.client, 'hget', 'h', element(7))).toBeNull();
    expect(offer(other, 'get', 'hot')).toBe('$1\r\n1\r\n');
    // Being offered again before the fetch has ended neither runs it nor sends for more.
    expect(offer(engine.client, 'hget', 'h', element(7))).toBeNull();
    expect(disk.fetchCount).toBe(1);
    const { reply, rounds } = wait(engine.client, 'hget', 'h', element(7));
    expect(reply).toBe('$7\r\nvalue-7\r\n');
    expect(rounds).toBe(2);
    // The head and the page, of which each may lie in two blocks.
    expect(disk.fetchedCount).toBeLessThanOrEqual(4);
    expect(disk.unfetchedReadCount).toBe(0);
  });

  test('runs at once when its page was fetched lately', async () => {
    await prepare(HASH);
    wait(engine.client, 'hget', 'h', element(7));
    expect(wait(engine.connect(), 'hget', 'h', element(7)).rounds).toBe(0);
  });

  test('runs at once while what it needs is in RAM', async () => {
    await prepare(HASH);
    expect(wait(engine.client, 'ping').rounds).toBe(0);
    expect(wait(engine.client, 'set', 'new', '1').rounds).toBe(0);
    expect(wait(engine.client, 'get', 'new').rounds).toBe(0);
  });
});

describe('reads nothing by itself', () => {
  test.each<[string, Word[], string]>([
    ['HGET', ['hget', 'h', element(3)], '$7\r\nvalue-3\r\n'],
    [
      'HMGET',
      ['hmget', 'h', element(3), 'none', element(9)],
      '*3\r\n$7\r\nvalue-3\r\n$-1\r\n$7\r\nvalue-9\r\n',
    ],
    ['HSET', ['hset', 'h', element(3), 'new', element(4), 'new'], ':0\r\n'],
    ['HDEL', ['hdel', 'h', element(3), element(5)], ':2\r\n'],
    ['HINCRBY', ['hincrby', 'h', 'number', 5], ':5\r\n'],
    ['HGETEX', ['hgetex', 'h', 'fields', 1, element(8)], '*1\r\n$7\r\nvalue-8\r\n'],
  ])('%s', async (_, words, expected) => {
    await prepare(HASH);
    expect(wait(engine.client, ...words).reply).toBe(expected);
    expect(disk.unfetchedReadCount).toBe(0);
  });

  test.each<[string, Word[], string]>([
    ['SISMEMBER', ['sismember', 's', element(3)], ':1\r\n'],
    ['SMISMEMBER', ['smismember', 's', element(3), 'none'], '*2\r\n:1\r\n:0\r\n'],
    ['SADD', ['sadd', 's', 'one', 'two', element(1)], ':2\r\n'],
    ['SREM', ['srem', 's', element(1), element(2)], ':2\r\n'],
    ['SMOVE', ['smove', 's', 'other', element(1)], ':1\r\n'],
    ['SINTERCARD', ['sintercard', 1, 's'], ':4000\r\n'],
    ['SUNIONSTORE', ['sunionstore', 'target', 's'], ':4000\r\n'],
  ])('%s', async (_, words, expected) => {
    await prepare(SET);
    expect(wait(engine.client, ...words).reply).toBe(expected);
    expect(disk.unfetchedReadCount).toBe(0);
  });

  test.each<[string, Word[], string]>([
    ['ZSCORE', ['zscore', 'z', element(3)], '$1\r\n3\r\n'],
    ['ZRANK', ['zrank', 'z', element(3)], ':3\r\n'],
    ['ZADD', ['zadd', 'z', 'ch', 1.5, 'new', 3000, element(5)], ':2\r\n'],
    ['ZREM', ['zrem', 'z', element(5)], ':1\r\n'],
    [
      'ZRANGE by rank',
      ['zrange', 'z', 1999, 2000],
      `*2\r\n$14\r\n${element(1999)}\r\n$14\r\n${element(2000)}\r\n`,
    ],
    [
      'ZRANGE by score',
      ['zrange', 'z', '(1999', '2001', 'byscore'],
      `*2\r\n$14\r\n${element(2000)}\r\n$14\r\n${element(2001)}\r\n`,
    ],
    [
      'ZREVRANGEBYSCORE',
      ['zrevrangebyscore', 'z', '2001', '(1999', 'limit', 0, 1],
      `*1\r\n$14\r\n${element(2001)}\r\n`,
    ],
    ['ZCOUNT', ['zcount', 'z', 100, 3000], ':2901\r\n'],
  ])('%s', async (_, words, expected) => {
    await prepare(SORTED);
    expect(wait(engine.client, ...words).reply).toBe(expected);
    expect(disk.unfetchedReadCount).toBe(0);
  });

  test.each<[string, Word[], string]>([
    ['LINDEX', ['lindex', 'l', -2], `$14\r\n${element(3998)}\r\n`],
    ['LSET', ['lset', 'l', 2000, 'new'], '+OK\r\n'],
    ['LRANGE', ['lrange', 'l', 1999, 2000], `*2\r\n$14\r\n${element(1999)}\r\n$14\r\n${element(2000)}\r\n`],
    ['LPUSH', ['lpush', 'l', 'new'], ':4001\r\n'],
    ['RPUSH', ['rpush', 'l', 'new'], ':4001\r\n'],
    ['LPOP', ['lpop', 'l'], `$14\r\n${element(0)}\r\n`],
    ['RPOP', ['rpop', 'l', 1], `*1\r\n$14\r\n${element(3999)}\r\n`],
    ['LMOVE', ['lmove', 'l', 'l', 'left', 'right'], `$14\r\n${element(0)}\r\n`],
    ['BLPOP', ['blpop', 'l', 0], `*2\r\n$1\r\nl\r\n$14\r\n${element(0)}\r\n`],
  ])('%s', async (_, words, expected) => {
    await prepare(LIST);
    expect(wait(engine.client, ...words).reply).toBe(expected);
    expect(disk.unfetchedReadCount).toBe(0);
  });

  test.each<[string, Word[], string]>([
    ['XADD', ['xadd', 'x', '5000-1', 'name', 'v'], '$6\r\n5000-1\r\n'],
    [
      'XRANGE',
      ['xrange', 'x', 600, 600],
      `*1\r\n*2\r\n$5\r\n600-1\r\n*2\r\n$4\r\nname\r\n$14\r\n${element(599)}\r\n`,
    ],
    [
      'XREVRANGE',
      ['xrevrange', 'x', 600, '-', 'count', 1],
      `*1\r\n*2\r\n$5\r\n600-1\r\n*2\r\n$4\r\nname\r\n$14\r\n${element(599)}\r\n`,
    ],
    [
      'XREAD',
      ['xread', 'count', 1, 'streams', 'x', '599-1'],
      `*1\r\n*2\r\n$1\r\nx\r\n*1\r\n*2\r\n$5\r\n600-1\r\n*2\r\n$4\r\nname\r\n$14\r\n${element(599)}\r\n`,
    ],
    ['XDEL', ['xdel', 'x', '600-1', '700-1'], ':2\r\n'],
  ])('%s', async (_, words, expected) => {
    await prepare(STREAM);
    expect(wait(engine.client, ...words).reply).toBe(expected);
    expect(disk.unfetchedReadCount).toBe(0);
  });

  test('whole reads', async () => {
    await prepare(HASH, SET, SORTED, LIST);
    expect(wait(engine.client, 'hgetall', 'h').reply).toMatch(/^\*8000\r\n/);
    expect(wait(engine.client, 'smembers', 's').reply).toMatch(/^\*4000\r\n/);
    expect(wait(engine.client, 'zrange', 'z', 0, -1).reply).toMatch(/^\*4000\r\n/);
    expect(wait(engine.client, 'lrange', 'l', 0, -1).reply).toMatch(/^\*4000\r\n/);
    expect(disk.unfetchedReadCount).toBe(0);
  });

  test('scans', async () => {
    await prepare(SET);
    let cursor = '0';
    let count = 0;
    do {
      const { reply } = wait(engine.client, 'sscan', 's', cursor, 'count', 100);
      const [, next] = /^\*2\r\n\$\d+\r\n(\d+)\r\n\*(\d+)/.exec(reply) ?? [];
      cursor = next;
      count += Number(/\r\n\*(\d+)\r\n/.exec(reply)?.[1]);
    } while (cursor !== '0');
    expect(count).toBe(4000);
    expect(disk.unfetchedReadCount).toBe(0);
  });
});

test('a value in many blocks is fetched whole', async () => {
  const value = Buffer.alloc(50_000);
  for (let at = 0; at < value.length; at++) value[at] = (at * at) >>> 3;
  await prepare(['set', 'long', value]);
  expect(wait(engine.client, 'get', 'long').reply).toBe(`$50000\r\n${value.toString('latin1')}\r\n`);
  expect(disk.unfetchedReadCount).toBe(0);
});

test.each<[string, Word[], string]>([
  ['GETRANGE', ['getrange', 'long', 500_000, 500_003], '$4\r\nxxxx\r\n'],
  ['SETRANGE', ['setrange', 'long', 500_000, 'y'], ':1000000\r\n'],
  ['GETBIT', ['getbit', 'long', 4_000_001], ':1\r\n'],
  ['APPEND', ['append', 'long', 'y'], ':1000001\r\n'],
])('%s reads a chunk', async (_, words, expected) => {
  await prepare(['set', 'long', 'x'.repeat(1_000_000)]);
  expect(wait(engine.client, ...words).reply).toBe(expected);
  expect(disk.unfetchedReadCount).toBe(0);
  expect(disk.fetchedCount).toBeLessThan(20);
});

describe('a transaction', () => {
  test('has the keys of all its commands fetched together before it runs', async () => {
    await prepare(HASH, ['set', 'a', '1'], ['set', 'b', '2'], LIST);
    const { client } = engine;
    expect(offer(client, 'multi')).toBe('+OK\r\n');
    for (const words of [
      ['get', 'a'],
      ['hget', 'h', element(1)],
      ['lindex', 'l', '0'],
      ['get', 'b'],
    ])
      expect(offer(client, ...words)).toBe('+QUEUED\r\n');
    const { reply, rounds } = wait(client, 'exec');
    expect(reply).toBe(`*4\r\n$1\r\n1\r\n$7\r\nvalue-1\r\n$14\r\n${element(0)}\r\n$1\r\n2\r\n`);
    expect(disk.unfetchedReadCount).toBe(0);
    expect(rounds).toBeLessThanOrEqual(4);
  });

  test('follows SELECT', async () => {
    await prepare(['select', '1'], ['set', 'a', '1'], ['select', '0']);
    const { client } = engine;
    offer(client, 'multi');
    offer(client, 'select', '1');
    offer(client, 'get', 'a');
    expect(wait(client, 'exec').reply).toBe('*2\r\n+OK\r\n$1\r\n1\r\n');
    expect(disk.unfetchedReadCount).toBe(0);
  });

  test('that will be refused is not waited for', async () => {
    await prepare(['set', 'a', '1']);
    const { client } = engine;
    offer(client, 'multi');
    offer(client, 'get', 'a');
    offer(client, 'nonsense');
    expect(offer(client, 'exec')).toMatch(/^-EXECABORT/);
  });
});

describe('a script', () => {
  test('has the keys that it declares fetched', async () => {
    await prepare(['set', 'a', '1'], ['set', 'b', '2']);
    const script = "return redis.call('mget', KEYS[1], KEYS[2])";
    expect(wait(engine.client, 'eval', script, 2, 'a', 'b').reply).toBe('*2\r\n$1\r\n1\r\n$1\r\n2\r\n');
    expect(disk.unfetchedReadCount).toBe(0);
  });
});
