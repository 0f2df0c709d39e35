import { describe, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { hasRedis } from '../support/servers.ts';
import { chance, expiry, float, key, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

const EXPIRY_OPTIONS = ['EX', 'PX', 'EXAT', 'PXAT'];

function expiryOption(random: Random): Word[] {
  const name = pick(random, EXPIRY_OPTIONS);
  return [name, expiry(random, name.startsWith('EX'), name.endsWith('AT'))];
}

function setOptions(random: Random): Word[] {
  const words: Word[] = [];
  while (chance(random, 45)) {
    const kind = random.below(6);
    if (kind < 2) words.push(...expiryOption(random));
    else words.push(['NX', 'XX', 'GET', 'KEEPTTL'][kind - 2]);
  }
  return words;
}

function pairs(random: Random): Word[] {
  const words: Word[] = [];
  do words.push(key(random), value(random));
  while (chance(random, 50));
  return words;
}

function lcsOptions(random: Random): Word[] {
  const words: Word[] = [];
  while (chance(random, 50)) {
    const kind = random.below(4);
    if (kind === 3) words.push('MINMATCHLEN', number(random));
    else words.push(['IDX', 'LEN', 'WITHMATCHLEN'][kind]);
  }
  return words;
}

function getexOptions(random: Random): Word[] {
  const words: Word[] = [];
  if (chance(random, 50)) words.push(...expiryOption(random));
  if (chance(random, 25)) words.push('PERSIST');
  return words;
}

function setrangeOffset(random: Random): Word {
  return chance(random, 80) ? String(random.below(60)) : chance(random, 50) ? '536870912' : number(random);
}

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  (random) => ['GET', key(random)],
  (random) => ['SET', key(random), value(random)],
  (random) => ['SET', key(random), value(random), ...setOptions(random)],
  (random) => ['SET', key(random), value(random), ...setOptions(random)],
  (random) => ['SETNX', key(random), value(random)],
  (random) => ['SETEX', key(random), expiry(random, true, false), value(random)],
  (random) => ['PSETEX', key(random), expiry(random, false, false), value(random)],
  (random) => ['GETSET', key(random), value(random)],
  (random) => ['GETDEL', key(random)],
  (random) => ['GETEX', key(random), ...getexOptions(random)],
  (random) => ['STRLEN', key(random)],
  (random) => ['APPEND', key(random), value(random)],
  (random) => ['SETRANGE', key(random), setrangeOffset(random), value(random)],
  (random) => ['GETRANGE', key(random), number(random), number(random)],
  (random) => ['SUBSTR', key(random), number(random), number(random)],
  (random) => ['MGET', key(random), key(random), key(random)],
  (random) => ['MSET', ...pairs(random)],
  (random) => ['MSETNX', ...pairs(random)],
  (random) => ['INCR', key(random)],
  (random) => ['DECR', key(random)],
  (random) => ['INCRBY', key(random), number(random)],
  (random) => ['DECRBY', key(random), number(random)],
  (random) => ['INCRBYFLOAT', key(random), float(random)],
  (random) => ['LCS', key(random), key(random), ...lcsOptions(random)],
  (random) => ['OBJECT', 'ENCODING', key(random)],
  (random) => ['PEXPIRETIME', key(random)],
  (random) => ['DEL', key(random)],
];

describe.skipIf(!hasRedis)('string commands reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(pair, (random) => pick(random, COMMANDS)(random), commandCount(40_000));
  });
});
