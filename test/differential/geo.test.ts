import { describe, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { hasRedis } from '../support/servers.ts';
import { chance, key, number, pick, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

function degrees(random: Random, limit: number): Word {
  if (chance(random, 4)) return number(random);
  // Many places near each other, some anywhere.
  const spread = chance(random, 60) ? 2 : limit;
  return ((random.uint32() / 0x80000000 - 1) * spread).toFixed(random.below(8));
}

function place(random: Random): Word[] {
  return [degrees(random, 180), degrees(random, 85)];
}

function member(random: Random): Word {
  return `m${random.below(40)}`;
}

function unit(random: Random): Word {
  return pick(random, ['m', 'km', 'ft', 'mi', 'KM', chance(random, 10) ? 'x' : 'km']);
}

function length(random: Random): Word {
  if (chance(random, 5)) return number(random);
  return (10 ** random.below(5) * (1 + random.below(90))).toString();
}

function places(random: Random): Word[] {
  const words: Word[] = [];
  do words.push(...place(random), member(random));
  while (chance(random, chance(random, 20) ? 95 : 60));
  return words;
}

/** COUNT goes with an order that has no ties: places are rarely as far as each other. */
function options(random: Random): Word[] {
  const words: Word[] = [];
  while (chance(random, 55)) {
    words.push(pick(random, ['WITHCOORD', 'WITHDIST', 'WITHHASH', 'ASC', 'DESC', 'ASC', 'ANY']));
    if (chance(random, 20)) words.push('COUNT', number(random));
  }
  return words;
}

function from(random: Random): Word[] {
  return chance(random, 50) ? ['FROMMEMBER', member(random)] : ['FROMLONLAT', ...place(random)];
}

function by(random: Random): Word[] {
  if (chance(random, 50)) return ['BYRADIUS', length(random), unit(random)];
  return ['BYBOX', length(random), length(random), unit(random)];
}

/** Not STOREDIST: the last digit of a distance is up to the sine of the C library. */
function store(random: Random): Word[] {
  return chance(random, 30) ? ['STORE', key(random)] : [];
}

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  (random) => ['GEOADD', key(random), ...places(random)],
  (random) => ['GEOADD', key(random), ...places(random)],
  (random) => ['GEOADD', key(random), pick(random, ['NX', 'XX', 'CH']), ...places(random)],
  (random) => ['GEODIST', key(random), member(random), member(random), unit(random)],
  (random) => ['GEODIST', key(random), member(random), member(random)],
  (random) => ['GEOHASH', key(random), member(random), member(random)],
  (random) => ['GEOPOS', key(random), member(random), member(random)],
  (random) => ['GEOSEARCH', key(random), ...from(random), ...by(random), ...options(random)],
  (random) => ['GEOSEARCH', key(random), ...from(random), ...by(random), 'ASC', ...options(random)],
  (random) => ['GEOSEARCHSTORE', key(random), key(random), ...from(random), ...by(random)],
  (random) => [
    'GEORADIUS',
    key(random),
    ...place(random),
    length(random),
    unit(random),
    ...options(random),
    ...store(random),
  ],
  (random) => [
    'GEORADIUS_RO',
    key(random),
    ...place(random),
    length(random),
    unit(random),
    ...options(random),
  ],
  (random) => [
    'GEORADIUSBYMEMBER',
    key(random),
    member(random),
    length(random),
    unit(random),
    ...options(random),
    ...store(random),
  ],
  (random) => [
    'GEORADIUSBYMEMBER_RO',
    key(random),
    member(random),
    length(random),
    unit(random),
    ...options(random),
  ],
  (random) => ['ZRANGE', key(random), '0', '-1', 'WITHSCORES'],
  (random) => ['ZREM', key(random), member(random)],
  (random) => ['DEL', key(random)],
];

describe.skipIf(!hasRedis)('geo commands reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(pair, (random) => pick(random, COMMANDS)(random), commandCount(15_000));
  });
});
