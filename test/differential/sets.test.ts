import { describe, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { hasRedis } from '../support/servers.ts';
import { chance, key, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

/** Integers at the limits of the widths of an intset. */
const LIMITS = [
  '32767',
  '32768',
  '-32768',
  '-32769',
  '2147483647',
  '2147483648',
  '-2147483648',
  '-2147483649',
  '9223372036854775807',
  '-9223372036854775808',
];

/** Members: few, so that sets meet; integers often enough that sets stay intsets. */
function member(random: Random): Word {
  if (chance(random, 55)) return String(random.below(30) - 6);
  if (chance(random, 20)) return pick(random, LIMITS);
  if (chance(random, 60)) return pick(random, ['x', 'y', 'z', '', 'xyz']);
  if (chance(random, 15)) return Buffer.alloc(60 + random.below(1500), 97 + random.below(3));
  return value(random);
}

function integer(random: Random): Word {
  return chance(random, 90) ? String(random.below(100) - 20) : pick(random, LIMITS);
}

function several(random: Random, make: (random: Random) => Word, morePercent = 50): Word[] {
  const words: Word[] = [];
  do words.push(make(random));
  while (chance(random, morePercent));
  return words;
}

function range(random: Random): Word[] {
  const count = pick(random, [130, 520]);
  const prefix = pick(random, ['', '', 'member:']);
  return Array.from({ length: count }, (_, at) => `${prefix}${at}`);
}

function keys(random: Random): Word[] {
  return several(random, key, 60);
}

function counted(random: Random): Word[] {
  const names = keys(random);
  return [String(names.length), ...names];
}

function sintercard(random: Random): Word[] {
  const names = keys(random);
  const count = chance(random, 90) ? String(names.length) : number(random);
  return [count, ...names, ...(chance(random, 50) ? ['LIMIT', number(random)] : [])];
}

/** A count that takes all or none: what a random choice leaves would differ. */
function count(random: Random): Word {
  return pick(random, ['0', '-1', 'x', '', '1000000', '9223372036854775807', '9223372036854775808', '-0']);
}

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  (random) => ['SADD', key(random), ...several(random, member)],
  (random) => ['SADD', key(random), ...several(random, member, 90)],
  (random) => ['SADD', key(random), ...several(random, integer, 80)],
  (random) => ['SADD', key(random), ...(chance(random, 15) ? range(random) : several(random, integer))],
  (random) => ['SREM', key(random), ...several(random, member)],
  (random) => ['SREM', key(random), ...several(random, member, 95)],
  (random) => ['SISMEMBER', key(random), member(random)],
  (random) => ['SMISMEMBER', key(random), ...several(random, member)],
  (random) => ['SCARD', key(random)],
  (random) => ['SMEMBERS', key(random)],
  (random) => ['SMOVE', key(random), key(random), member(random)],
  (random) => ['SPOP', key(random), count(random)],
  (random) => ['SRANDMEMBER', key(random), count(random)],
  (random) => ['SINTER', ...keys(random)],
  (random) => ['SUNION', ...keys(random)],
  (random) => ['SDIFF', ...keys(random)],
  (random) => ['SINTERSTORE', key(random), ...keys(random)],
  (random) => ['SUNIONSTORE', key(random), ...keys(random)],
  (random) => ['SDIFFSTORE', key(random), ...keys(random)],
  (random) => ['SINTERCARD', ...sintercard(random)],
  (random) => [pick(random, ['ZUNION', 'ZINTER', 'ZDIFF', 'ZINTERCARD']), ...counted(random)],
  (random) => ['SSCAN', key(random), '0', 'COUNT', '100000'],
  (random) => ['SSCAN', key(random), number(random), 'MATCH', pick(random, ['*', '1*', '[x-z]', '-?'])],
  (random) => ['SSCAN', key(random), '0', pick(random, ['COUNT', 'MATCH', 'TYPE']), number(random)],
  (random) => ['OBJECT', 'ENCODING', key(random)],
  (random) => ['TYPE', key(random)],
  (random) => ['RENAME', key(random), key(random)],
  (random) => ['COPY', key(random), key(random), 'REPLACE'],
  (random) => ['EXPIRE', key(random), '100000'],
  (random) => ['TTL', key(random)],
  (random) => ['SET', key(random), value(random)],
  (random) => ['DEL', key(random)],
];

describe.skipIf(!hasRedis)('set commands reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(pair, (random) => pick(random, COMMANDS)(random), commandCount(20_000));
  });
});
