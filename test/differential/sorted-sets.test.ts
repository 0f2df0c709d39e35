import { describe, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { hasRedis } from '../support/servers.ts';
import { bytes, chance, EDGES, KEYS, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

/** In these keys all scores are 0, as ranges of bytes need. */
const LEX_KEYS = [KEYS[6], KEYS[7]];
const SCORED_KEYS = KEYS.filter((name) => !LEX_KEYS.includes(name));
/** Scores that every version of Redis writes alike. */
const SCORES = ['0', '-0', '1', '2', '-3', '1.5', '-2.25', '1e3', '0x10', 'inf', '-inf', '+inf', 'Infinity'];
const NOT_SCORES = ['nan', 'abc', '', '1e400', '1.5x', ' 1', '1 ', '(1', '\x00', '1\x00'];
/** Ends of ranges of scores. */
const BOUNDS = [
  ...SCORES,
  ...SCORES.map((score) => `(${score}`),
  '',
  '(',
  ' 1',
  '1 ',
  '((1',
  '[1',
  'x',
  '1\x00x',
];
const LEX_BOUNDS = [
  '-',
  '+',
  '[',
  '(',
  '[a',
  '(a',
  '[b',
  '(m:1',
  '[m:2',
  '(z',
  '[\xff',
  'a',
  '',
  '--',
  '+\x00',
  '[\x00',
];

function key(random: Random): Buffer {
  return SCORED_KEYS[Math.min(random.below(SCORED_KEYS.length), random.below(SCORED_KEYS.length))];
}

function score(random: Random): Word {
  const kind = random.below(20);
  if (kind === 0) return pick(random, NOT_SCORES);
  if (kind < 8) return pick(random, SCORES);
  return kind < 16 ? String(random.below(30) - 10) : String((random.below(4000) - 2000) / 16);
}

function member(random: Random): Word {
  const kind = random.below(20);
  if (kind < 8) return pick(random, ['a', 'b', 'c', 'aa', 'ab', 'm:1']);
  if (kind < 12) return String(random.below(20));
  if (kind < 14) return pick(random, EDGES);
  if (kind < 17) return bytes(random, 5);
  if (kind < 19) return many(random);
  // Around 64 bytes, where sorted sets stop being listpacks.
  return Buffer.alloc(63 + random.below(3), 'e');
}

/** One of more members than a small sorted set has. */
function many(random: Random): Word {
  return `m:${random.below(600)}`.padEnd(10 + random.below(3) * 20, '.');
}

function pairs(random: Random): Word[] {
  const words: Word[] = [];
  do words.push(score(random), member(random));
  while (chance(random, 50));
  return words;
}

function manyPairs(random: Random): Word[] {
  const words: Word[] = [];
  for (let count = random.below(70); count >= 0; count--) words.push(String(random.below(300)), many(random));
  return words;
}

function addOptions(random: Random): Word[] {
  const words: Word[] = [];
  while (chance(random, 40)) words.push(pick(random, ['NX', 'XX', 'GT', 'LT', 'CH', 'INCR']));
  return words;
}

function members(random: Random): Word[] {
  const words: Word[] = [];
  do words.push(chance(random, 50) ? member(random) : many(random));
  while (chance(random, 60));
  return words;
}

function rank(random: Random): Word {
  return chance(random, 95) ? String(random.below(40) - 20) : number(random);
}

function scoreRange(random: Random): Word[] {
  const bound = () => (chance(random, 60) ? String(random.below(300)) : pick(random, BOUNDS));
  return [bound(), bound()];
}

function lexRange(random: Random): Word[] {
  const bound = () =>
    chance(random, 50) ? pick(random, LEX_BOUNDS) : `${pick(random, ['[', '('])}${many(random)}`;
  return [bound(), bound()];
}

function limit(random: Random): Word[] {
  return chance(random, 40) ? ['LIMIT', rank(random), rank(random)] : [];
}

function withScores(random: Random): Word[] {
  return chance(random, 50) ? ['WITHSCORES'] : [];
}

/** A range as ZRANGE and ZRANGESTORE take it, of a key and with its options. */
function anyRange(random: Random): Word[] {
  const reverse = chance(random, 40) ? ['REV'] : [];
  const kind = random.below(3);
  if (kind === 0) return [key(random), rank(random), rank(random), ...reverse];
  if (kind === 1) return [key(random), ...scoreRange(random), 'BYSCORE', ...reverse, ...limit(random)];
  return [pick(random, LEX_KEYS), ...lexRange(random), 'BYLEX', ...reverse, ...limit(random)];
}

function sources(random: Random): Word[] {
  const names: Word[] = [key(random)];
  while (chance(random, 60)) names.push(key(random));
  return [chance(random, 97) ? String(names.length) : number(random), ...names];
}

function weighed(random: Random): Word[] {
  const words = sources(random);
  const count = words.length - 1;
  if (chance(random, 40)) words.push('WEIGHTS', ...Array.from({ length: count }, () => score(random)));
  if (chance(random, 40)) words.push('AGGREGATE', pick(random, ['SUM', 'MIN', 'MAX', 'sum', 'avg']));
  return words;
}

function pop(random: Random): Word[] {
  const words = [...sources(random), pick(random, ['MIN', 'MAX'])];
  if (chance(random, 60))
    words.push('COUNT', chance(random, 90) ? String(1 + random.below(30)) : number(random));
  return words;
}

const READS: readonly ((random: Random) => Word[])[] = [
  (random) => ['ZSCORE', key(random), member(random)],
  (random) => ['ZMSCORE', key(random), ...members(random)],
  (random) => ['ZCARD', key(random)],
  (random) => ['ZCOUNT', key(random), ...scoreRange(random)],
  (random) => ['ZLEXCOUNT', pick(random, LEX_KEYS), ...lexRange(random)],
  (random) => ['ZRANK', key(random), chance(random, 50) ? member(random) : many(random)],
  (random) => ['ZREVRANK', key(random), chance(random, 50) ? member(random) : many(random)],
  (random) => ['ZRANGE', ...anyRange(random), ...withScores(random)],
  (random) => ['ZRANGE', key(random), '0', '-1', 'WITHSCORES'],
  (random) => ['ZREVRANGE', key(random), rank(random), rank(random), ...withScores(random)],
  (random) => ['ZRANGEBYSCORE', key(random), ...scoreRange(random), ...withScores(random), ...limit(random)],
  (random) => [
    'ZREVRANGEBYSCORE',
    key(random),
    ...scoreRange(random),
    ...limit(random),
    ...withScores(random),
  ],
  (random) => ['ZRANGEBYLEX', pick(random, LEX_KEYS), ...lexRange(random), ...limit(random)],
  (random) => ['ZREVRANGEBYLEX', pick(random, LEX_KEYS), ...lexRange(random), ...limit(random)],
  (random) => ['ZRANDMEMBER', key(random)],
  (random) => ['ZRANDMEMBER', key(random), String(random.below(60) - 30), ...withScores(random)],
  (random) => ['ZSCAN', key(random), '0', 'COUNT', '10000'],
  (random) => [
    'ZSCAN',
    key(random),
    '0',
    'MATCH',
    pick(random, ['*', 'a*', '[0-9]', 'm:1*', '']),
    'COUNT',
    '10000',
  ],
  (random) => ['ZUNION', ...weighed(random), ...withScores(random)],
  (random) => ['ZINTER', ...weighed(random), ...withScores(random)],
  (random) => ['ZDIFF', ...sources(random), ...withScores(random)],
  (random) => ['ZINTERCARD', ...sources(random), ...(chance(random, 50) ? ['LIMIT', rank(random)] : [])],
  (random) => ['OBJECT', 'ENCODING', key(random)],
  (random) => ['TYPE', key(random)],
];

const WRITES: readonly ((random: Random) => Word[])[] = [
  (random) => ['ZADD', key(random), ...pairs(random)],
  (random) => ['ZADD', key(random), ...manyPairs(random)],
  (random) => ['ZADD', key(random), ...manyPairs(random)],
  (random) => ['ZADD', key(random), ...addOptions(random), ...pairs(random)],
  (random) => ['ZADD', key(random), ...addOptions(random), ...manyPairs(random)],
  (random) => [
    'ZADD',
    key(random),
    ...addOptions(random),
    score(random),
    member(random),
    ...pick(random, [[], ['x'], ['NX']]),
  ],
  (random) => ['ZADD', pick(random, LEX_KEYS), '0', chance(random, 50) ? member(random) : many(random)],
  (random) => [
    'ZADD',
    pick(random, LEX_KEYS),
    ...manyPairs(random).map((word, at) => (at % 2 === 0 ? '0' : word)),
  ],
  (random) => ['ZINCRBY', key(random), score(random), member(random)],
  (random) => ['ZREM', key(random), ...members(random)],
  (random) => ['ZREM', pick(random, LEX_KEYS), ...members(random)],
  (random) => ['ZREMRANGEBYRANK', key(random), rank(random), rank(random)],
  (random) => ['ZREMRANGEBYSCORE', key(random), ...scoreRange(random)],
  (random) => ['ZREMRANGEBYLEX', pick(random, LEX_KEYS), ...lexRange(random)],
  (random) => ['ZPOPMIN', key(random), ...(chance(random, 50) ? [rank(random)] : [])],
  (random) => ['ZPOPMAX', key(random), ...(chance(random, 50) ? [rank(random)] : [])],
  (random) => ['ZMPOP', ...pop(random)],
  (random) => ['ZRANGESTORE', key(random), ...anyRange(random)],
  (random) => ['ZUNIONSTORE', key(random), ...weighed(random)],
  (random) => ['ZINTERSTORE', key(random), ...weighed(random)],
  (random) => ['ZDIFFSTORE', key(random), ...sources(random)],
  (random) => ['SADD', key(random), ...members(random)],
  (random) => ['SADD', key(random), String(random.below(20)), String(random.below(20))],
  (random) => ['RENAME', key(random), key(random)],
  (random) => ['COPY', key(random), key(random), 'REPLACE'],
];

const RARE: readonly ((random: Random) => Word[])[] = [
  (random) => ['SET', key(random), value(random)],
  (random) => ['DEL', key(random), key(random)],
  (random) => ['DEL', pick(random, LEX_KEYS)],
  (random) => ['BZPOPMIN', key(random), key(random), '0.001'],
  (random) => ['BZPOPMAX', key(random), pick(random, ['0.001', '-1', 'x'])],
  (random) => ['BZMPOP', '0.001', ...pop(random)],
];

function command(random: Random): Word[] {
  const kind = random.below(30);
  return pick(random, kind === 0 ? RARE : kind < 15 ? READS : WRITES)(random);
}

describe.skipIf(!hasRedis)('commands on sorted sets reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(pair, command, commandCount(30_000));
  });
});
