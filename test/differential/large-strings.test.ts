import { describe, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { CHUNK_BYTES, INLINE_BYTES_MAX } from '../../src/types/string/chunked-string.ts';
import { hasRedis } from '../support/servers.ts';
import { chance, key, number, pick, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

const BORDERS = [0, 1, 2, 3, 4, 5, 9].map((chunks) => chunks * CHUNK_BYTES).concat(INLINE_BYTES_MAX);

/** A place about the borders of chunks, and about the length above which a string is in chunks. */
function place(random: Random): number {
  return Math.max(0, pick(random, BORDERS) + random.below(9) - 4);
}

function position(random: Random): Word {
  const kind = random.below(20);
  if (kind === 0) return number(random);
  return String(kind < 5 ? -place(random) : place(random));
}

function bitOffset(random: Random): Word {
  return chance(random, 97) ? String(place(random) * 8 + random.below(8)) : number(random);
}

function text(random: Random): Buffer {
  const length = chance(random, 50) ? random.below(20) : place(random);
  const bytes = Buffer.alloc(length, pick(random, ['\x00', '\xff', 'ab', 'abcdefghijklm']), 'latin1');
  for (let change = random.below(8); change > 0 && length > 0; change--)
    bytes[random.below(length)] = random.below(256);
  return bytes;
}

function range(random: Random): Word[] {
  const words = [position(random), position(random)];
  if (chance(random, 30)) words.push(pick(random, ['BIT', 'BYTE']));
  return words;
}

function fieldOperations(random: Random): Word[] {
  const words: Word[] = [];
  do {
    const type = `${pick(random, ['i', 'u'])}${1 + random.below(63)}`;
    const kind = random.below(8);
    if (kind < 3) words.push('GET', type, bitOffset(random));
    else if (kind < 4) words.push('OVERFLOW', pick(random, ['WRAP', 'SAT', 'FAIL']));
    else words.push(pick(random, ['SET', 'INCRBY']), type, bitOffset(random), String(random.below(2 ** 30)));
  } while (chance(random, 50));
  return words;
}

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  (random) => ['SET', key(random), text(random)],
  (random) => ['SET', key(random), text(random)],
  (random) => ['SET', key(random), text(random), pick(random, ['GET', 'KEEPTTL', 'NX', 'XX'])],
  (random) => ['GETSET', key(random), text(random)],
  (random) => ['GETDEL', key(random)],
  (random) => ['GETEX', key(random), 'PXAT', '32503680000000'],
  (random) => ['APPEND', key(random), text(random)],
  (random) => ['APPEND', key(random), text(random)],
  (random) => ['SETRANGE', key(random), String(place(random)), text(random)],
  (random) => ['SETRANGE', key(random), String(place(random)), text(random)],
  (random) => ['GETRANGE', key(random), position(random), position(random)],
  (random) => ['GETRANGE', key(random), position(random), position(random)],
  (random) => ['GET', key(random)],
  (random) => ['STRLEN', key(random)],
  (random) => ['MGET', key(random), key(random)],
  (random) => ['MSET', key(random), text(random), key(random), text(random)],
  (random) => ['SETBIT', key(random), bitOffset(random), pick(random, ['0', '1'])],
  (random) => ['SETBIT', key(random), bitOffset(random), pick(random, ['0', '1'])],
  (random) => ['GETBIT', key(random), bitOffset(random)],
  (random) => ['BITCOUNT', key(random), ...range(random)],
  (random) => ['BITPOS', key(random), pick(random, ['0', '1']), ...range(random)],
  (random) => ['BITPOS', key(random), pick(random, ['0', '1'])],
  (random) => ['BITOP', pick(random, ['AND', 'OR', 'XOR']), key(random), key(random), key(random)],
  (random) => ['BITOP', 'NOT', key(random), key(random)],
  (random) => ['BITFIELD', key(random), ...fieldOperations(random)],
  (random) => ['BITFIELD', key(random), ...fieldOperations(random)],
  (random) => [pick(random, ['INCR', 'DECR']), key(random)],
  (random) => ['INCRBYFLOAT', key(random), '1.5'],
  (random) => [pick(random, ['PFADD', 'PFCOUNT', 'PFMERGE']), key(random), key(random)],
  (random) => ['COPY', key(random), key(random), 'REPLACE'],
  (random) => ['RENAME', key(random), key(random)],
  (random) => ['DEBUG', 'DIGEST-VALUE', key(random), key(random)],
  (random) => ['OBJECT', 'ENCODING', key(random)],
  (random) => ['PERSIST', key(random)],
  (random) => ['DEL', key(random)],
];

describe.skipIf(!hasRedis)('commands on long strings reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    const generate = (random: Random) => pick(random, COMMANDS)(random);
    await compareSequences(pair, generate, commandCount(4000));
  });
});
