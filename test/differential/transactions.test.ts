import { describe, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { hasRedis } from '../support/servers.ts';
import { chance, key, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  () => ['MULTI'],
  () => ['MULTI'],
  () => ['EXEC'],
  () => ['EXEC'],
  () => ['EXEC'],
  () => ['DISCARD'],
  () => ['UNWATCH'],
  (random) => ['WATCH', key(random)],
  (random) => ['WATCH', key(random), key(random)],
  (random) => ['SET', key(random), value(random)],
  (random) => ['SET', key(random), value(random)],
  (random) => ['SET', key(random), value(random), 'PXAT', '32503680000000'],
  (random) => ['GET', key(random)],
  (random) => ['GETEX', key(random), 'PERSIST'],
  (random) => ['DEL', key(random)],
  (random) => ['INCR', key(random)],
  (random) => ['APPEND', key(random), value(random)],
  (random) => ['MGET', key(random), key(random)],
  (random) => ['MSETNX', key(random), value(random), key(random), value(random)],
  (random) => ['PEXPIREAT', key(random), pick(random, ['32503680000001', '1', '0'])],
  (random) => ['PERSIST', key(random)],
  (random) => ['TOUCH', key(random)],
  (random) => ['RENAME', key(random), key(random)],
  (random) => ['COPY', key(random), key(random), 'DB', '1'],
  (random) => ['MOVE', key(random), pick(random, ['0', '1'])],
  (random) => ['SELECT', pick(random, ['0', '0', '0', '1', '99'])],
  () => ['SWAPDB', '0', '1'],
  (random) => pick(random, [['FLUSHDB'], ['FLUSHALL'], ['FLUSHDB', 'ASYNC']]),
  (random) => ['LCS', key(random), key(random), 'IDX'],
  (random) => ['ECHO', value(random)],
  () => ['PING'],
  () => ['DBSIZE'],
  () => ['RESET'],
  (random) => ['NOSUCH', value(random)],
  (random) => ['GETRANGE', key(random), number(random), number(random)],
  (random) => ['CLIENT', pick(random, ['GETNAME', 'NOSUCH'])],
  (random) => ['HELLO', pick(random, ['4', 'x'])],
];

describe.skipIf(!hasRedis)('transactions of two connections reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(
      pair,
      (random) => pick(random, COMMANDS)(random),
      commandCount(12_000),
      (random) => (chance(random, 65) ? 0 : 1),
    );
  });
});
