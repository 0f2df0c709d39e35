import { describe, expect, test } from 'vitest';
import { SeededRandom, secretEquals, secretHex, systemRandom } from './random.ts';

describe('SeededRandom', () => {
  test("is sfc32 after twelve rounds, as PractRand's source has it", () => {
    const random = new SeededRandom(1, 2, 3);
    expect(Array.from({ length: 4 }, () => random.uint32())).toEqual([
      1936341825, 3001364500, 1029104839, 3987121759,
    ]);
    const fromOneWord = new SeededRandom(42);
    expect(Array.from({ length: 3 }, () => fromOneWord.uint32())).toEqual([
      2887583565, 2293090523, 2716497665,
    ]);
  });

  test('below() is even over its range', () => {
    const random = new SeededRandom(7);
    const counts = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 100_000; draw++) counts[random.below(10)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    expect(random.below(1)).toBe(0);
  });

  test('below() stays under any limit, and reaches the upper half of large ones', () => {
    const random = new SeededRandom(7);
    for (const limit of [3, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 40 + 1, 2 ** 53]) {
      let largest = 0;
      for (let draw = 0; draw < 1000; draw++) {
        const value = random.below(limit);
        expect(Number.isSafeInteger(value)).toBe(true);
        largest = Math.max(largest, value);
      }
      expect(largest).toBeLessThan(limit);
      expect(largest).toBeGreaterThanOrEqual(Math.floor(limit / 2));
    }
  });
});

test('the system seeds every generator anew', () => {
  const draws = () => {
    const random = systemRandom();
    return [random.uint32(), random.uint32(), random.uint32()].join();
  };
  expect(draws()).not.toBe(draws());
});

test('secrets', () => {
  expect(secretHex(20)).toMatch(/^[0-9a-f]{40}$/);
  expect(secretHex(20)).not.toBe(secretHex(20));
  expect(secretEquals(Buffer.from('abc'), Buffer.from('abc'))).toBe(true);
  expect(secretEquals(Buffer.from('abc'), Buffer.from('abd'))).toBe(false);
  expect(secretEquals(Buffer.from('abc'), Buffer.from('abcd'))).toBe(false);
});
