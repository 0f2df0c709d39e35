import { describe, expect, test } from 'vitest';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import { connect } from '../support/client.ts';
import { hasRedis, startRedis, startThermocline } from '../support/servers.ts';
import { chance, expiry, key, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

const PATTERNS: readonly Word[] = [
  '*',
  '?',
  '??',
  'a',
  '[a-c]',
  '[^a]',
  '[c-a]',
  '[a-',
  '[',
  '[]',
  '[^]',
  '\\a',
  '\\',
  '*[x]*',
  'k{*}',
  '**a**',
  'long*x',
  '*w*r*',
  '',
  '\x00*',
];

function conditions(random: Random): Word[] {
  const words: Word[] = [];
  while (chance(random, 35)) words.push(pick(random, ['NX', 'XX', 'GT', 'LT']));
  return words;
}

function copyOptions(random: Random): Word[] {
  const words: Word[] = [];
  while (chance(random, 40)) {
    if (chance(random, 50)) words.push('REPLACE');
    else words.push('DB', database(random));
  }
  return words;
}

function database(random: Random): Word {
  return chance(random, 85) ? String(random.below(3)) : chance(random, 50) ? '16' : number(random);
}

function scanOptions(random: Random): Word[] {
  const words: Word[] = [];
  if (chance(random, 40)) words.push('MATCH', pick(random, PATTERNS));
  if (chance(random, 80)) words.push('COUNT', chance(random, 80) ? '1000' : number(random));
  if (chance(random, 20)) words.push('TYPE', pick(random, ['string', 'STRING', 'hash', 'zset', 'none', 'x']));
  return words;
}

const READS: readonly ((random: Random) => Word[])[] = [
  (random) => ['GET', key(random)],
  (random) => ['EXISTS', key(random), key(random), key(random)],
  (random) => ['TYPE', key(random)],
  (random) => ['TOUCH', key(random), key(random)],
  (random) => ['TTL', key(random)],
  (random) => ['PTTL', key(random)],
  (random) => ['EXPIRETIME', key(random)],
  (random) => ['PEXPIRETIME', key(random)],
  (random) => ['OBJECT', 'ENCODING', key(random)],
  (random) => [
    'OBJECT',
    pick(random, ['IDLETIME', 'REFCOUNT', 'FREQ', 'ENCODING', 'HELP', 'X']),
    key(random),
  ],
  () => ['OBJECT', 'HELP'],
  () => ['DBSIZE'],
  () => ['RANDOMKEY'],
  (random) => ['KEYS', pick(random, PATTERNS)],
  (random) => ['SCAN', chance(random, 90) ? '0' : number(random), ...scanOptions(random)],
  () => ['WAIT', '0', '0'],
];

const WRITES: readonly ((random: Random) => Word[])[] = [
  (random) => ['SET', key(random), value(random)],
  (random) => ['SET', key(random), value(random), 'PXAT', String(32503680000000 + random.below(9))],
  (random) => ['DEL', key(random), key(random)],
  (random) => ['UNLINK', key(random)],
  (random) => ['RENAME', key(random), key(random)],
  (random) => ['RENAMENX', key(random), key(random)],
  (random) => ['COPY', key(random), key(random), ...copyOptions(random)],
  (random) => ['MOVE', key(random), database(random)],
  (random) => ['EXPIRE', key(random), expiry(random, true, false), ...conditions(random)],
  (random) => ['PEXPIRE', key(random), expiry(random, false, false), ...conditions(random)],
  (random) => ['EXPIREAT', key(random), expiry(random, true, true), ...conditions(random)],
  (random) => ['PEXPIREAT', key(random), expiry(random, false, true), ...conditions(random)],
  (random) => ['PERSIST', key(random)],
  (random) => ['APPEND', key(random), value(random)],
];

const RARE: readonly ((random: Random) => Word[])[] = [
  (random) => ['SELECT', database(random)],
  (random) => ['SWAPDB', database(random), database(random)],
  (random) => ['FLUSHDB', ...pick(random, [[], ['SYNC'], ['ASYNC'], ['X']])],
  (random) => ['FLUSHALL', ...pick(random, [[], ['SYNC'], ['ASYNC']])],
];

function command(random: Random): Word[] {
  const kind = random.below(20);
  return pick(random, kind === 0 ? RARE : kind < 10 ? READS : WRITES)(random);
}

describe.skipIf(!hasRedis)('key commands reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(pair, command, commandCount(40_000));
  });
});

describe.skipIf(!hasRedis)('walks', () => {
  /** All that a walk with these options returns, each once. */
  async function walk(client: Awaited<ReturnType<typeof connect>>, options: readonly string[]) {
    const found = new Set<string>();
    let cursor = '0';
    do {
      const [next, names] = (await client.call('SCAN', cursor, ...options)) as [string, string[]];
      for (const name of names) found.add(name);
      cursor = next;
    } while (cursor !== '0');
    return [...found].sort();
  }

  test('SCAN in steps of any size finds what Redis finds, and all that stays while the table changes', async () => {
    const [thermocline, redis] = await Promise.all([startThermocline(), startRedis()]);
    const [ours, theirs] = await Promise.all([connect(thermocline.port), connect(redis.port)]);
    const random = new SeededRandom(7);
    for (let at = 0; at < 3000; at++) {
      const words = ['SET', `key:${at}`, `${at}`, ...(at % 3 === 0 ? ['EX', '100000'] : [])];
      await Promise.all([ours.call(...words), theirs.call(...words)]);
    }
    for (const options of [
      [],
      ['COUNT', '1'],
      ['COUNT', '7', 'MATCH', 'key:1*'],
      ['MATCH', '*[13]', 'TYPE', 'string'],
      ['TYPE', 'list'],
      ['COUNT', '100000'],
    ]) {
      expect(await walk(ours, options)).toEqual(await walk(theirs, options));
    }
    const found = new Set<string>();
    let cursor = '0';
    let made = 0;
    do {
      const [next, names] = (await ours.call('SCAN', cursor, 'COUNT', '20')) as [string, string[]];
      for (const name of names) found.add(name);
      cursor = next;
      for (let at = 0; at < 60; at++) await ours.call('SET', `new:${made++}`, 'x');
      if (chance(random, 50))
        for (let at = 0; at < 100; at++) await ours.call('DEL', `new:${random.below(made)}`);
    } while (cursor !== '0');
    expect([...found].filter((name) => name.startsWith('key:'))).toHaveLength(3000);
  });
});

describe.skipIf(!hasRedis)('keys that expire', () => {
  test('are gone for every command once their time has passed', async () => {
    const [thermocline, redis] = await Promise.all([startThermocline(), startRedis()]);
    const commands: string[][] = [
      ['GET', 'k'],
      ['EXISTS', 'k'],
      ['TYPE', 'k'],
      ['TTL', 'k'],
      ['EXPIRETIME', 'k'],
      ['PERSIST', 'k'],
      ['EXPIRE', 'k', '100'],
      ['RENAME', 'k', 'l'],
      ['COPY', 'k', 'l'],
      ['MOVE', 'k', '1'],
      ['APPEND', 'k', 'x'],
      ['INCR', 'k'],
      ['GETEX', 'k', 'PERSIST'],
      ['SET', 'k', 'v', 'XX'],
      ['SET', 'k', 'v', 'KEEPTTL', 'GET'],
      ['SETNX', 'k', 'v'],
      ['MSETNX', 'k', 'v', 'l', 'w'],
      ['KEYS', '*'],
      ['SCAN', '0', 'COUNT', '100'],
      ['RANDOMKEY'],
      ['OBJECT', 'ENCODING', 'k'],
      ['DEL', 'k'],
      ['TOUCH', 'k'],
    ];
    for (const command of commands) {
      const outcomes = await Promise.all(
        [thermocline, redis].map(async ({ port }) => {
          const client = await connect(port);
          await client.call('FLUSHALL');
          await client.call('SET', 'k', '7', 'PX', '1');
          // The server's own clock says when it is over.
          while (Number(await client.call('PTTL', 'k')) >= 0);
          const replies = [await client.call(...command)];
          replies.push(
            await client.call('GET', 'k'),
            await client.call('PTTL', 'k'),
            await client.call('DBSIZE'),
          );
          client.close();
          return replies;
        }),
      );
      expect({ command, replies: outcomes[0] }).toEqual({ command, replies: outcomes[1] });
    }
  });
});
