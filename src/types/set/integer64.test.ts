import fc from 'fast-check';
import { expect, test } from 'vitest';
import { INTEGER_TEXT_BYTES, Integer64 } from './integer64.ts';

const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc
    .tuple(fc.nat(63), fc.integer({ min: -3, max: 3 }), fc.boolean())
    .map(([bit, near, isNegative]) => (isNegative ? -(2n ** BigInt(bit)) : 2n ** BigInt(bit)) + BigInt(near))
    .filter((value) => value >= -(2n ** 63n) && value < 2n ** 63n),
);

test('every 64-bit integer is read and written as a bigint is', () => {
  const target = new Uint8Array(INTEGER_TEXT_BYTES + 2);
  const value = new Integer64();
  fc.assert(
    fc.property(integer, (expected) => {
      const text = Buffer.from(`x${expected}x`);
      expect(value.parse(text, 1, text.length - 2)).toBe(true);
      expect([value.upper, value.lower >>> 0]).toEqual([
        Number(expected >> 32n),
        Number(expected & 0xffffffffn),
      ]);
      const length = value.write(target, 1);
      expect(Buffer.from(target.subarray(1, 1 + length)).toString()).toBe(String(expected));
      const width = [2, 4, 8].find((bytes) => BigInt.asIntN(bytes * 8, expected) === expected);
      expect(value.width).toBe(width);
    }),
    { numRuns: 2000 },
  );
});

test.each(['', '-', '+1', '01', '-0', ' 1', '1 ', '1.0', '9223372036854775808', '-9223372036854775809', 'a'])(
  '%j is no integer',
  (text) => {
    const bytes = Buffer.from(text);
    expect(new Integer64().parse(bytes, 0, bytes.length)).toBe(false);
  },
);
