import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LentBytes } from './lent-bytes.ts';
import { RdbError } from './rdb-error.ts';
import { RdbReader, type ReadSource } from './reader.ts';
import { RdbWriter } from './writer.ts';

function readerOf(hex: string): RdbReader {
  const bytes = Buffer.from(hex, 'hex');
  const reader = new RdbReader();
  reader.openBytes(bytes, 0, bytes.length);
  return reader;
}

function written(write: (writer: RdbWriter) => void): string {
  const writer = new RdbWriter();
  write(writer);
  return Buffer.from(writer.bytes.subarray(0, writer.length)).toString('hex');
}

function stringIn(reader: RdbReader): string {
  const target = new LentBytes();
  reader.readString(target);
  return Buffer.from(target.bytes.subarray(target.offset, target.offset + target.length)).toString('latin1');
}

/** Gives the bytes in parts of `size`. */
function inParts(bytes: Uint8Array, size: number): ReadSource {
  let at = 0;
  return (target) => {
    const count = Math.min(size, target.length, bytes.length - at);
    target.set(bytes.subarray(at, at + count));
    at += count;
    return count;
  };
}

describe('lengths', () => {
  test.each([
    [0, '00'],
    [63, '3f'],
    [64, '4040'],
    [16383, '7fff'],
    [16384, '8000004000'],
    [2 ** 32 - 1, '80ffffffff'],
    [2 ** 32, '810000000100000000'],
    [Number.MAX_SAFE_INTEGER, '81001fffffffffffff'],
  ])('%d is %s', (length, hex) => {
    expect(written((writer) => writer.writeLength(length))).toBe(hex);
    expect(readerOf(hex).readLength()).toBe(length);
  });

  test('of 64 bits keep every bit', () => {
    for (const value of [0n, 16383n, 2n ** 32n, 2n ** 63n + 1n, 2n ** 64n - 1n]) {
      expect(readerOf(written((writer) => writer.writeLength64(value))).readLength64()).toBe(value);
    }
    expect(written((writer) => writer.writeLength64(-1n))).toBe('81ffffffffffffffff');
  });

  test.each(['', '40', '80000000', '81000000000000', '82', 'c0', '8100200000000000 00'.replace(' ', '')])(
    '%j is none',
    (hex) => {
      expect(() => readerOf(hex).readLength()).toThrow(RdbError);
    },
  );

  test('a count is compared with the bytes that are left', () => {
    expect(readerOf('02aabb').readCount(1)).toBe(2);
    expect(() => readerOf('02aabb').readCount(2)).toThrow(RdbError);
  });
});

describe('strings', () => {
  test.each([
    ['', '00'],
    ['hello', '0568656c6c6f'],
    ['0', 'c000'],
    ['-128', 'c080'],
    ['-129', 'c17fff'],
    ['32767', 'c1ff7f'],
    ['-32769', 'c2ff7fffff'],
    ['2147483647', 'c2ffffff7f'],
    ['2147483648', '0a32313437343833363438'],
    ['-0', '022d30'],
    ['007', '03303037'],
    ['a'.repeat(60), 'c3093c016161e02f00016161'],
  ])('%j is %s', (text, hex) => {
    expect(stringIn(readerOf(hex))).toBe(text);
    if (text.length === 60) return;
    const bytes = Buffer.from(text);
    expect(written((writer) => writer.writeString(bytes, 0, bytes.length))).toBe(hex);
  });

  test('are compressed above 20 bytes, where asked for', () => {
    const bytes = Buffer.alloc(21, 'a');
    expect(written((writer) => writer.writeString(bytes, 0, 21))).toMatch(/^c3..15/);
    expect(written((writer) => writer.writeString(bytes, 0, 20))).toMatch(/^14/);
    const plain = written((writer) => {
      writer.compresses = false;
      writer.writeString(bytes, 0, 21);
    });
    expect(plain).toMatch(/^15/);
  });

  test.each([
    ['beyond the end', '0568656c6c'],
    ['of an unknown encoding', 'c4'],
    ['that decompresses to another length', 'c3093d016161e02f00016161'],
    ['of a length that nothing could hold', '81ffffffffffffffff'],
    ['cut within LZF', 'c3093c016161'],
  ])('%s are refused', (_, hex) => {
    expect(() => stringIn(readerOf(hex))).toThrow(RdbError);
  });

  test('a huge declared length allocates nothing', () => {
    expect(() => stringIn(readerOf('c30580ffffffff0461616161'))).toThrow(RdbError);
    const reader = new RdbReader();
    reader.openSource(inParts(Buffer.from('80fffffff000', 'hex'), 3), Number.POSITIVE_INFINITY, false);
    expect(() => stringIn(reader)).toThrow('Unexpected end');
  });

  test('whatever is written is read, in memory and from a source in parts', () => {
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer().map((value) => Buffer.from(`${value}`)),
    );
    fc.assert(
      fc.property(
        fc.array(text),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        (strings, size, compresses) => {
          const parts: Buffer[] = [];
          const writer = new RdbWriter((bytes, offset, length) => {
            parts.push(Buffer.from(bytes.subarray(offset, offset + length)));
          });
          writer.compresses = compresses;
          for (const bytes of strings) writer.writeString(bytes, 0, bytes.length);
          writer.flush();
          const all = Buffer.concat(parts);
          const expected = strings.map((bytes) => Buffer.from(bytes).toString('latin1'));
          const memory = readerOf(all.toString('hex'));
          expect(strings.map(() => stringIn(memory))).toEqual(expected);
          const source = new RdbReader();
          source.openSource(inParts(all, size), all.length, true);
          expect(strings.map(() => stringIn(source))).toEqual(expected);
          expect([memory.bytesLeft, source.bytesLeft, source.consumedBytes]).toEqual([0, 0, all.length]);
        },
      ),
    );
  });

  test('long ones go through a small writer, and come from a source of unknown length', () => {
    const long = Buffer.alloc(3_000_000, 'abcdefg');
    const parts: Buffer[] = [];
    const writer = new RdbWriter((bytes, offset, length) => {
      parts.push(Buffer.from(bytes.subarray(offset, offset + length)));
    });
    writer.compresses = false;
    for (let time = 0; time < 3; time++) {
      writer.writeString(long, 0, long.length);
      writer.writeString(Buffer.from('short'), 0, 5);
    }
    writer.flush();
    expect(writer.bytes.length).toBe(1 << 16);
    const reader = new RdbReader();
    reader.openSource(inParts(Buffer.concat(parts), 40_000), Number.POSITIVE_INFINITY, false);
    for (let time = 0; time < 3; time++) {
      expect(stringIn(reader) === long.toString('latin1')).toBe(true);
      expect(stringIn(reader)).toBe('short');
    }
  });
});

describe('numbers', () => {
  test.each([0, -0, 1.5, -2.25e300, Number.POSITIVE_INFINITY, 5e-324])('the double %d', (value) => {
    expect(readerOf(written((writer) => writer.writeDouble(value))).readDouble()).toBe(value);
  });

  test.each([
    ['0331 2e35', 1.5],
    ['ff', Number.NEGATIVE_INFINITY],
    ['fe', Number.POSITIVE_INFINITY],
    ['fd', Number.NaN],
    ['16332e3239393939393939393939393939393938323233', 3.3],
  ])('the text %s is the double %d', (hex, value) => {
    expect(readerOf(hex.replace(' ', '')).readTextDouble()).toBe(value);
  });

  test.each(['00', '0378', '0178'])('the text %s is no double', (hex) => {
    expect(() => readerOf(hex).readTextDouble()).toThrow(RdbError);
  });

  test.each([0, -1, 1_700_000_000_000, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])(
    'the time %d',
    (value) => {
      expect(readerOf(written((writer) => writer.writeMilliseconds(value))).readMilliseconds()).toBe(value);
    },
  );
});
