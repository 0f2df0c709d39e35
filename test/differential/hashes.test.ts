import { describe, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { hasRedis } from '../support/servers.ts';
import { chance, float, key, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

/** Few fields, so that commands meet, and many of one kind, so that hashes grow beyond a page. */
function field(random: Random): Word {
  if (chance(random, 60)) return pick(random, ['f', 'g', 'h', '', '7', '\x00\xff']);
  return chance(random, 70) ? `field:${random.below(700)}` : value(random);
}

/** Lengths around that of the longest value in a listpack, and such that fill pages. */
function content(random: Random): Word {
  if (chance(random, 10)) return Buffer.alloc(62 + random.below(5), 'v');
  return chance(random, 4) ? Buffer.alloc(random.below(6000), 'w') : value(random);
}

function pairs(random: Random): Word[] {
  const words: Word[] = [];
  do words.push(field(random), content(random));
  while (chance(random, chance(random, 8) ? 98 : 50));
  return words;
}

/** Longer than a listpack may be at once, now and then. */
function manyPairs(random: Random): Word[] {
  const count = pick(random, [100, 300, 511, 512, 513]);
  return Array.from({ length: count }, (_, at) => [`many:${at}`, `${at}`]).flat();
}

function fields(random: Random): Word[] {
  const words: Word[] = [];
  do words.push(field(random));
  while (chance(random, 60));
  return words;
}

function scanOptions(random: Random): Word[] {
  const words: Word[] = chance(random, 80) ? ['COUNT', '1000000'] : [];
  while (chance(random, 30)) {
    if (chance(random, 50)) words.push('MATCH', pick(random, ['*', 'f*', '[^f]*', '?']));
    else words.push('COUNT', number(random));
  }
  return words;
}

/** Redis 7.0 ends at the lowest count that it takes. */
function randomCount(random: Random): Word {
  const count = number(random);
  return /^-?\d{3,}$/.test(String(count)) ? '5' : count;
}

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  (random) => ['HSET', key(random), ...pairs(random)],
  (random) => ['HSET', key(random), ...pairs(random)],
  (random) => ['HMSET', key(random), ...(chance(random, 10) ? manyPairs(random) : pairs(random))],
  (random) => ['HSETNX', key(random), field(random), content(random)],
  (random) => ['HGET', key(random), field(random)],
  (random) => ['HMGET', key(random), ...fields(random)],
  (random) => ['HGETALL', key(random)],
  (random) => ['HKEYS', key(random)],
  (random) => ['HVALS', key(random)],
  (random) => ['HLEN', key(random)],
  (random) => ['HSTRLEN', key(random), field(random)],
  (random) => ['HEXISTS', key(random), field(random)],
  (random) => ['HDEL', key(random), ...fields(random)],
  (random) => ['HDEL', key(random), ...Array.from({ length: 350 }, (_, at) => `many:${at}`)],
  (random) => ['HINCRBY', key(random), field(random), number(random)],
  (random) => ['HINCRBYFLOAT', key(random), field(random), float(random)],
  (random) => ['HRANDFIELD', key(random)],
  (random) => ['HRANDFIELD', key(random), randomCount(random)],
  (random) => ['HRANDFIELD', key(random), randomCount(random), 'WITHVALUES'],
  (random) => ['HSCAN', key(random), pick(random, ['0', '0', '0', '5', 'x', '']), ...scanOptions(random)],
  (random) => ['OBJECT', 'ENCODING', key(random)],
  (random) => ['DEL', key(random)],
  (random) => ['RENAME', key(random), key(random)],
  (random) => ['COPY', key(random), key(random), 'REPLACE'],
  (random) => ['SET', key(random), value(random)],
  (random) => ['TYPE', key(random)],
];

describe.skipIf(!hasRedis)('hash commands reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(pair, (random) => pick(random, COMMANDS)(random), commandCount(20_000));
  });
});
