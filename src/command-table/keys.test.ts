import { describe, expect, test } from 'vitest';
import { Arguments } from '../resp/arguments.ts';
import { KeyPositions, keyRange } from './keys.ts';
import type { KeyFlag, KeySpec } from './row.ts';

const ALL = { last: -1, step: 1, limit: 0 };

function at(index: number, find: KeySpec['find'], ...flags: KeyFlag[]): KeySpec {
  return { flags, begin: { index }, find };
}

/** The key specifications of commands as Redis has them. */
const SPECS = {
  get: [at(1, { last: 0, step: 1, limit: 0 })],
  lcs: [at(1, { last: 1, step: 1, limit: 0 })],
  del: [at(1, ALL)],
  mset: [at(1, { last: -1, step: 2, limit: 0 })],
  bitop: [at(2, { last: 0, step: 1, limit: 0 }), at(3, ALL)],
  blpop: [at(1, { last: -2, step: 1, limit: 0 })],
  eval: [at(2, { count: 0, first: 1, step: 1 })],
  zunionstore: [at(1, { last: 0, step: 1, limit: 0 }), at(2, { count: 0, first: 1, step: 1 })],
  xread: [{ flags: [], begin: { keyword: 'STREAMS', from: 1 }, find: { last: -1, step: 1, limit: 2 } }],
  migrate: [
    at(3, { last: 0, step: 1, limit: 0 }),
    { flags: ['incomplete'], begin: { keyword: 'KEYS', from: -2 }, find: ALL },
  ],
  spublish: [at(1, { last: 0, step: 1, limit: 0 }, 'not_key')],
  sort: [at(1, { last: 0, step: 1, limit: 0 }), at(1, 'unknown')],
} satisfies Record<string, KeySpec[]>;

describe('the keys of a call', () => {
  test.each<[call: string, keys: string[], invalid?: 'invalid']>([
    ['get a', ['a']],
    ['lcs a b len', ['a', 'b']],
    ['lcs a', [], 'invalid'],
    ['del a b a', ['a', 'b', 'a']],
    ['del', [], 'invalid'],
    ['mset a 1 b 2', ['a', 'b']],
    ['mset a 1 b', ['a', 'b']],
    ['bitop and d a b', ['d', 'a', 'b']],
    ['blpop a b 0', ['a', 'b']],
    ['eval x 2 a b c', ['a', 'b']],
    ['eval x 0 a', [], 'invalid'],
    ['eval x 3 a', [], 'invalid'],
    ['eval x -1 a', [], 'invalid'],
    ['eval x y a', [], 'invalid'],
    ['eval x 01 a', [], 'invalid'],
    ['eval x 9223372036854775807 a', [], 'invalid'],
    ['eval x', [], 'invalid'],
    ['zunionstore d 2 a b', ['d', 'a', 'b']],
    // What fits is told even if not all does: it is what a gate can make hot.
    ['zunionstore d 0 a b', ['d'], 'invalid'],
    ['xread count 2 streams a b 0 0', ['a', 'b']],
    ['xread count 2 a b', [], 'invalid'],
    ['xread streams', [], 'invalid'],
    ['migrate host 1 k 0 5', ['k'], 'invalid'],
    ['migrate host 1 k 0 5 keys a b', ['k', 'a', 'b'], 'invalid'],
    ['migrate host 1 k 0 5 keys a', ['k', 'a'], 'invalid'],
    ['spublish a b', []],
    ['sort a by b', ['a'], 'invalid'],
  ])('%s', (call, keys, invalid) => {
    const words = Arguments.of(call.split(' ').map((word) => Buffer.from(word)));
    const specs: readonly KeySpec[] = SPECS[words.text(0) as keyof typeof SPECS];
    const found = new KeyPositions().find(specs, words);
    expect(found.positions.map((position) => words.text(position))).toEqual(keys);
    expect(found.invalid).toBe(invalid === 'invalid');
    expect(found.specs).toHaveLength(keys.length);
    expect(found.specs.every((spec) => specs.includes(spec))).toBe(true);
  });
});

test.each<[keyof typeof SPECS, number, number, number, boolean]>([
  ['get', 1, 1, 1, false],
  ['lcs', 1, 2, 1, false],
  ['del', 1, -1, 1, false],
  ['mset', 1, -1, 2, false],
  ['bitop', 2, -1, 1, false],
  ['blpop', 1, -2, 1, false],
  ['eval', 0, 0, 0, true],
  ['zunionstore', 1, 1, 1, true],
  ['xread', 0, 0, 0, true],
  ['migrate', 3, 3, 1, true],
  ['sort', 1, 1, 1, true],
])('the range of keys of %s', (name, first, last, step, isPartial) => {
  expect(keyRange(SPECS[name])).toEqual({ first, last, step, isPartial });
});

test('no specifications, no range', () => {
  expect(keyRange([])).toEqual({ first: 0, last: 0, step: 0, isPartial: false });
});

describe('a key that only the command itself can locate', () => {
  const specs: KeySpec[] = [
    at(1, { last: 0, step: 1, limit: 0 }),
    {
      ...at(1, 'unknown', 'OW', 'update'),
      locate: (words) => {
        for (let index = words.count - 2; index > 1; index--) if (words.is(index, 'store')) return index + 1;
        return -1;
      },
    },
  ];

  test.each([
    ['sort a', ['a']],
    ['sort a store b', ['a', 'b']],
    ['sort a store b store c', ['a', 'c']],
  ])('%s', (line, keys) => {
    const words = Arguments.of(line.split(' ').map((word) => Buffer.from(word)));
    const found = new KeyPositions().find(specs, words);
    expect(found.positions.map((position) => words.text(position))).toEqual(keys);
    expect(found.invalid).toBe(false);
  });
});
