import { describe, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { hasRedis } from '../support/servers.ts';
import { chance, key, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

/** Elements: few, so that searches find some, and now and then one that fills pages. */
function element(random: Random): Word {
  if (chance(random, 60)) return pick(random, ['x', 'y', 'z', '', '7', '-12']);
  if (chance(random, 20)) return Buffer.alloc(600 + random.below(3000), 97 + random.below(3));
  return value(random);
}

function elements(random: Random): Word[] {
  const words: Word[] = [];
  do words.push(element(random));
  while (chance(random, chance(random, 10) ? 97 : 50));
  return words;
}

function side(random: Random): Word {
  return pick(random, ['LEFT', 'RIGHT', 'left', 'Right']);
}

/** Redis refuses the lowest RANK since 7.2. */
function lposOptions(random: Random): Word[] {
  const words: Word[] = [];
  while (chance(random, 50)) words.push(pick(random, ['RANK', 'COUNT', 'MAXLEN']), number(random));
  return words.includes('-9223372036854775808') ? [] : words;
}

function lmpop(random: Random): Word[] {
  const keys = Array.from({ length: 1 + random.below(3) }, () => key(random));
  const count = chance(random, 90) ? String(keys.length) : number(random);
  return [count, ...keys, side(random), ...(chance(random, 50) ? ['COUNT', number(random)] : [])];
}

/** None waits for long; but it is a tenth of a second until Redis sees that the time is over. */
const BLOCKING: readonly ((random: Random) => Word[])[] = [
  (random) => ['BLPOP', key(random), key(random), '0.001'],
  (random) => ['BRPOP', key(random), '0.001'],
  (random) => ['BLMOVE', key(random), key(random), side(random), side(random), '0.001'],
  (random) => ['BRPOPLPUSH', key(random), key(random), '0.001'],
  (random) => ['BLMPOP', '0.001', ...lmpop(random)],
  (random) => ['BLPOP', key(random), pick(random, ['-1', 'x', 'nan', ''])],
];

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  (random) => ['LPUSH', key(random), ...elements(random)],
  (random) => ['RPUSH', key(random), ...elements(random)],
  (random) => ['RPUSH', key(random), ...elements(random)],
  (random) => ['LPUSHX', key(random), ...elements(random)],
  (random) => ['RPUSHX', key(random), ...elements(random)],
  (random) => ['LPOP', key(random)],
  (random) => ['RPOP', key(random)],
  (random) => ['LPOP', key(random), number(random)],
  (random) => ['RPOP', key(random), number(random)],
  (random) => ['LLEN', key(random)],
  (random) => ['LINDEX', key(random), number(random)],
  (random) => ['LSET', key(random), number(random), element(random)],
  (random) => ['LRANGE', key(random), '0', '-1'],
  (random) => ['LRANGE', key(random), number(random), number(random)],
  (random) => ['LTRIM', key(random), number(random), number(random)],
  (random) => ['LREM', key(random), number(random), element(random)],
  (random) => [
    'LINSERT',
    key(random),
    pick(random, ['BEFORE', 'AFTER', 'x']),
    element(random),
    element(random),
  ],
  (random) => ['LPOS', key(random), element(random), ...lposOptions(random)],
  (random) => ['LMOVE', key(random), key(random), side(random), side(random)],
  (random) => ['RPOPLPUSH', key(random), key(random)],
  (random) => ['LMPOP', ...lmpop(random)],
  (random) => (chance(random, 15) ? pick(random, BLOCKING)(random) : ['LLEN', key(random)]),
  (random) => ['TYPE', key(random)],
  (random) => ['RENAME', key(random), key(random)],
  (random) => ['COPY', key(random), key(random), 'REPLACE'],
  (random) => ['SET', key(random), value(random)],
  (random) => ['DEL', key(random)],
];

describe.skipIf(!hasRedis)('list commands reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(pair, (random) => pick(random, COMMANDS)(random), commandCount(20_000));
  });
});
