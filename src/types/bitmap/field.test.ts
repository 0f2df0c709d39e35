import { expect, test } from 'vitest';
import { SeededRandom } from '../../base/random.ts';
import { addFields, type FieldValue, fitField, type Overflow, readField, writeField } from './field.ts';

test('fields of every width at every bit are read back, and nothing around them changes', () => {
  const random = new SeededRandom(2);
  for (let width = 1; width <= 64; width++) {
    for (let bit = 0; bit < 20; bit++) {
      const bytes = Uint8Array.from({ length: 14 }, () => random.below(256));
      const before = bitsOf(bytes);
      const pattern = Array.from({ length: width }, () => random.below(2)).join('');
      for (const isSigned of [false, true]) {
        const whole = BigInt(`0b${pattern}`);
        const value = isSigned ? BigInt.asIntN(width, whole) : whole;
        writeField(bytes, 1, bit, width, width <= 53 ? Number(value) : value);
        expect(bitsOf(bytes)).toBe(before.slice(0, 8 + bit) + pattern + before.slice(8 + bit + width));
        const read = readField(bytes, 1, 13, bit, width, isSigned);
        expect([typeof read, BigInt(read)]).toEqual([width <= 53 ? 'number' : 'bigint', value]);
      }
    }
  }
});

function bitsOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
}

test('what lies beyond the string reads as zeros', () => {
  const bytes = new Uint8Array(4).fill(0xff);
  expect(readField(bytes, 0, 2, 12, 8, false)).toBe(0xf0);
  expect(readField(bytes, 0, 2, 400, 64, true)).toBe(0n);
});

test.each<[FieldValue, number, boolean, Overflow, FieldValue | null]>([
  [255, 8, false, 'fail', 255],
  [256, 8, false, 'fail', null],
  [256, 8, false, 'wrap', 0],
  [-1, 8, false, 'wrap', 255],
  [-1, 8, false, 'sat', 0],
  [300, 8, false, 'sat', 255],
  [128, 8, true, 'wrap', -128],
  [-129, 8, true, 'wrap', 127],
  [-129, 8, true, 'sat', -128],
  [2 ** 52, 53, true, 'wrap', -(2 ** 52)],
  [2n ** 53n, 53, false, 'wrap', 0],
  [2n ** 62n, 8, true, 'sat', 127],
  [-(2n ** 62n), 8, true, 'sat', -128],
  [2n ** 63n, 64, true, 'wrap', -(2n ** 63n)],
  [2n ** 63n, 64, true, 'sat', 2n ** 63n - 1n],
  [-(2n ** 63n) - 1n, 64, true, 'sat', -(2n ** 63n)],
  [2n ** 63n, 64, true, 'fail', null],
  [5, 63, false, 'fail', 5n],
])('%s in %i bits (signed: %s), %s: %s', (value, width, isSigned, overflow, expected) => {
  expect(fitField(value, width, isSigned, overflow)).toBe(expected);
});

test('sums are exact', () => {
  expect(addFields(2 ** 53 - 1, 1)).toBe(2n ** 53n);
  expect(addFields(2 ** 53 - 1, 2)).toBe(2n ** 53n + 1n);
  expect(addFields(-5, 3)).toBe(-2);
  expect(addFields(-5n, 3)).toBe(-2n);
});
