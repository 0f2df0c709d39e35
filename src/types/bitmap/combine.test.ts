import { expect, test } from 'vitest';
import { SeededRandom } from '../../base/random.ts';
import { Combination, OPERATIONS } from './combine.ts';

/** What each operation makes of the bits of all sources at one place, the first one's first. */
const EXPECTED: Record<keyof typeof OPERATIONS, (bits: number[]) => number> = {
  and: (bits) => Math.min(...bits),
  or: (bits) => Math.max(...bits),
  xor: (bits) => bits.reduce((sum, bit) => sum ^ bit),
  not: ([bit]) => 1 - bit,
  diff: ([first, ...others]) => first & (1 - Math.max(...others)),
  diff1: ([first, ...others]) => (1 - first) & Math.max(...others),
  andor: ([first, ...others]) => first & Math.max(...others),
  one: (bits) => (bits.filter((bit) => bit === 1).length === 1 ? 1 : 0),
};

test.each(Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[])('%s', (name) => {
  const random = new SeededRandom(3);
  const operation = OPERATIONS[name];
  for (const longest of [1, 3, 4, 9, 70_001]) {
    const count = name === 'not' ? 1 : 2 + random.below(4);
    const sources = Array.from({ length: count }, (_, at) => {
      const length = at === count - 1 ? longest : random.below(longest + 1);
      return Uint8Array.from({ length: length + 2 }, () => random.below(256));
    });
    const result = new Combination(operation, longest + 5);
    result.begin(longest);
    const add = (at: number) =>
      result.add(at === 0 ? operation.first : operation.others, sources[at], 2, sources[at].length - 2);
    if (!operation.firstComesLast) add(0);
    for (let at = 1; at < count; at++) add(at);
    if (operation.firstComesLast) add(0);
    const expected = Uint8Array.from({ length: longest }, (_, at) => {
      let byte = 0;
      for (let bit = 0; bit < 8; bit++) {
        byte |= EXPECTED[name](sources.map((source) => ((source[at + 2] ?? 0) >> bit) & 1)) << bit;
      }
      return byte;
    });
    expect(Buffer.from(result.bytes).equals(expected)).toBe(true);
  }
});
