import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LentBytes } from './lent-bytes.ts';
import { ListpackBuilder, ListpackCursor } from './listpack.ts';
import { RdbError } from './rdb-error.ts';

function build(texts: readonly string[]): Buffer {
  const builder = new ListpackBuilder();
  for (const text of texts) builder.append(Buffer.from(text, 'latin1'), 0, text.length);
  builder.finish();
  return Buffer.from(builder.bytes.subarray(0, builder.length));
}

function read(bytes: Buffer): string[] {
  const structure = new LentBytes();
  structure.lend(bytes, 0, bytes.length);
  const cursor = new ListpackCursor();
  cursor.open(structure);
  const element = new LentBytes();
  const texts: string[] = [];
  while (cursor.next(element)) {
    const { offset, length } = element;
    texts.push(Buffer.from(element.bytes.subarray(offset, offset + length)).toString('latin1'));
  }
  return texts;
}

/** As redis-server 7.0.15 builds it. */
const GOLDEN =
  '3200000008008161020101dfff02f1881303f270110104f34054890005f4005ed0b20000000009f4ffffffffffffff7f09ff';
const TEXTS = ['a', '1', '-1', '5000', '70000', '9000000', '3000000000', '9223372036854775807'];

describe('a listpack', () => {
  test('is built and read as by Redis', () => {
    expect(build(TEXTS).toString('hex')).toBe(GOLDEN);
    expect(read(Buffer.from(GOLDEN, 'hex'))).toEqual(TEXTS);
  });

  test('keeps integers at the limits of their encodings', () => {
    const integers = [0, 7, 12, 15, 23, 31, 63].flatMap((bits) =>
      [-1n, 0n, 1n].flatMap((more) => [2n ** BigInt(bits) + more, -(2n ** BigInt(bits)) + more]),
    );
    const texts = integers.map(String);
    expect(read(build(texts))).toEqual(texts);
  });

  test.each([0, 63, 64, 125, 126, 127, 4095, 4096, 16379, 16380, 16381, 2_097_140, 2_097_150])(
    'keeps a string of %d bytes',
    (length) => {
      const texts = ['x'.repeat(length), 'end'];
      expect(read(build(texts))).toEqual(texts);
    },
  );

  test('does not count beyond 65534', () => {
    const texts = Array.from({ length: 65_536 }, (_, index) => `${index}`);
    const bytes = build(texts);
    expect(bytes.readUInt16LE(4)).toBe(0xffff);
    expect(read(bytes)).toEqual(texts);
  });

  test('keeps any strings', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary-ascii' }),
      fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
    );
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        expect(read(build(texts))).toEqual(texts);
      }),
    );
  });

  test.each([
    ['no end', '06000000 0000'],
    ['another size', '08000000 0000ff'],
    ['an element too few', '09000000 0200 0101 ff'],
    ['an element too many', '0b000000 0100 0101 0101 ff'],
    ['a string beyond the end', '0a000000 0100 836161 ff'],
    ['an unknown encoding', '09000000 0100 f501 ff'],
    ['a wrong backward length', '09000000 0100 0102 ff'],
    ['an end within', '0b000000 0200 0101 ffff ff'],
  ])('with %s is refused', (_, hex) => {
    expect(() => read(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toThrow(RdbError);
  });
});
