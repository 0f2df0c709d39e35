import { expect, test } from 'vitest';
import { SeededRandom } from '../../base/random.ts';
import { countBits, findBit } from './bits.ts';

function bitOf(bytes: Uint8Array, offset: number, bit: number): number {
  return (bytes[offset + (bit >> 3)] >> (7 - (bit & 7))) & 1;
}

test('counts and finds the bits of any range, at any alignment', () => {
  const random = new SeededRandom(1);
  for (let round = 0; round < 600; round++) {
    const offset = random.below(12);
    const length = 1 + random.below(round % 3 === 0 ? 400 : 20);
    const memory = new Uint8Array(offset + length + 16).subarray(random.below(5));
    // Long stretches of one kind, so that finding has to skip.
    const fill = [0, 0xff][random.below(2)];
    for (let at = 0; at < memory.length; at++) memory[at] = random.below(40) === 0 ? random.below(256) : fill;
    const first = random.below(length * 8);
    const last = Math.max(first - 1, random.below(length * 8));
    let count = 0;
    const found = [-1, -1];
    for (let bit = last; bit >= first; bit--) {
      found[bitOf(memory, offset, bit)] = bit;
      count += bitOf(memory, offset, bit);
    }
    expect(countBits(memory, offset, first, last)).toBe(count);
    expect([findBit(memory, offset, first, last, 0), findBit(memory, offset, first, last, 1)]).toEqual(found);
  }
});

test('counts long ranges of ones', () => {
  const bytes = new Uint8Array(100_003).fill(0xff);
  expect(countBits(bytes, 1, 0, 800_015)).toBe(800_016);
  expect(countBits(bytes, 1, 3, 800_010)).toBe(800_008);
  expect(findBit(bytes, 0, 0, 800_023, 0)).toBe(-1);
});

test('bits beyond 2^32', () => {
  const bytes = new Uint8Array(2 ** 29 + 2);
  bytes[2 ** 29 + 1] = 0x10;
  const bit = 2 ** 32 + 11;
  expect(findBit(bytes, 0, 5, bit, 1)).toBe(bit);
  expect(findBit(bytes, 0, bit, bit, 0)).toBe(-1);
  expect(countBits(bytes, 0, 2 ** 32, bit)).toBe(1);
});
