import { describe, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { hasRedis } from '../support/servers.ts';
import { chance, float, key, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

/** Elements: mostly numbers, and names of which some are keys. */
function element(random: Random): Word {
  if (chance(random, 70)) return String(random.below(60) - 10);
  if (chance(random, 40)) return float(random);
  return chance(random, 50) ? pick(random, ['a', 'b', 'x', '', ' 7', 'Z', 'zz']) : value(random);
}

function numeral(random: Random): Word {
  return chance(random, 80)
    ? String(random.below(60) - 10)
    : pick(random, ['1.5', '-0.25', '1e3', '0x10', ' 3', '-0', '', 'inf']);
}

function several(random: Random, make: (random: Random) => Word): Word[] {
  const words: Word[] = [];
  do words.push(make(random));
  while (chance(random, 80));
  return words;
}

function pattern(random: Random): Word {
  return pick(random, [
    'w_*',
    '*',
    'h_*->f',
    'h_*->g',
    '*->f',
    'h_*->',
    '#',
    'nosort',
    'w_*_*',
    '*w_',
    '\x00*',
    '',
    'a',
  ]);
}

/** Options; with `isStored` none that leaves the order open. */
function options(random: Random, isStored: boolean): Word[] {
  const words: Word[] = [];
  const isAlphabetic = chance(random, 40);
  if (isAlphabetic) words.push('ALPHA');
  if (chance(random, 40)) words.push(pick(random, ['ASC', 'DESC']));
  if (chance(random, 40)) words.push('LIMIT', number(random), number(random));
  if (chance(random, 35) && !(isAlphabetic && isStored)) words.push('BY', pattern(random));
  while (chance(random, 35)) words.push('GET', pattern(random));
  return words;
}

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  (random) => ['RPUSH', key(random), ...several(random, numeral)],
  (random) => ['RPUSH', key(random), ...several(random, element)],
  (random) => ['SADD', key(random), ...several(random, numeral)],
  (random) => ['SADD', key(random), ...several(random, element)],
  (random) => ['ZADD', key(random), ...several(random, numeral).flatMap((word, at) => [String(at), word])],
  (random) => ['SET', `w_${random.below(60) - 10}`, chance(random, 90) ? numeral(random) : value(random)],
  (random) => ['HSET', `h_${random.below(60) - 10}`, 'f', numeral(random), 'g', element(random)],
  (random) => ['SORT', key(random)],
  (random) => ['SORT', key(random), 'ALPHA'],
  (random) => ['SORT', key(random), ...options(random, false)],
  (random) => ['SORT_RO', key(random), ...options(random, false)],
  (random) => ['SORT', key(random), ...options(random, true), 'STORE', key(random)],
  (random) => ['SORT', key(random), 'STORE', key(random), ...options(random, true)],
  (random) => ['SORT', key(random), pick(random, ['LIMIT', 'GET', 'BY', 'STORE', 'ALPHA', 'x', ''])],
  (random) => ['LRANGE', key(random), '0', '-1'],
  (random) => ['DEL', key(random)],
];

/** After a number beyond a double's range Redis refuses others too, since it does not reset `errno`. */
function isBeyondDoubles(words: readonly Word[]): boolean {
  return words.some((word) => /e[+-]?\d{3}/i.test(word.toString('latin1')));
}

describe.skipIf(!hasRedis)('SORT replies as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(
      pair,
      (random) => pick(random, COMMANDS)(random),
      commandCount(20_000),
      () => 0,
      isBeyondDoubles,
    );
  });
});
