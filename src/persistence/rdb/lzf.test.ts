import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compressLzf, decompressedLength, decompressLzf } from './lzf.ts';
import { RdbError } from './rdb-error.ts';

function compress(bytes: Uint8Array, capacity = bytes.length * 2 + 16): Uint8Array {
  const target = new Uint8Array(capacity);
  return target.subarray(0, compressLzf(bytes, 0, bytes.length, target, capacity));
}

function decompress(bytes: Uint8Array): Uint8Array {
  const target = new Uint8Array(decompressedLength(bytes, 0, bytes.length));
  decompressLzf(bytes, 0, bytes.length, target);
  return target;
}

describe('LZF', () => {
  test.each([
    ['a run', '016161e02f000161 61', 'a'.repeat(60)],
    ['literals', '026162 63', 'abc'],
    ['a short copy', '026162632002', 'abcabc'],
    ['a long copy', '02616263e00a02', 'abc'.repeat(7) + 'a'.repeat(1)],
  ])('decompresses %s', (_, hex, text) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    expect(Buffer.from(decompress(bytes)).toString()).toBe(text);
  });

  test('whatever is compressed decompresses to the same', () => {
    const letters = fc.integer({ min: 97, max: 99 });
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.array(letters, { maxLength: 2000 }));
    fc.assert(
      fc.property(bytes, (content) => {
        const source = Uint8Array.from(content);
        expect(Buffer.from(decompress(compress(source))).equals(Buffer.from(source))).toBe(true);
      }),
    );
  });

  test('copies as far as 8 KiB back, and no farther', () => {
    const block = Uint8Array.from({ length: 8192 }, (_, at) => (at * 2654435761) >>> 13);
    expect(compress(Buffer.concat([block, block])).length).toBeLessThan(8192 + 600);
    const apart = Buffer.concat([block.subarray(0, 100), new Uint8Array(9000), block.subarray(0, 100)]);
    expect(Buffer.from(decompress(compress(apart))).equals(apart)).toBe(true);
  });

  test('gives up where the result would not fit', () => {
    const source = Buffer.from('abcdefghijklmnopqrstuvwxyz');
    expect(compressLzf(source, 0, source.length, new Uint8Array(64), source.length - 4)).toBe(0);
  });

  test.each(['20', '2000', '01', '016100e0', '0161e0ff', '016120ff', '1f00'])('refuses %s', (hex) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(() => decompressedLength(bytes, 0, bytes.length)).toThrow(RdbError);
  });
});
