import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareBytes,
  copyBytes,
  copyShort,
  equalBytes,
  equalsIgnoringCase,
  equalViews,
  latin1,
  latin1Bytes,
  sliceBytes,
  viewOf,
} from './bytes.ts';

const anyBytes = fc.uint8Array({ maxLength: 120 });

describe('copying', () => {
  test.each([
    ['copyBytes', copyBytes],
    [
      'copyShort',
      (source: Uint8Array, from: number, target: Uint8Array, to: number, length: number) =>
        copyShort(viewOf(source), from, viewOf(target), to, length),
    ],
  ])('%s copies the range and nothing beside it', (_, copy) => {
    fc.assert(
      fc.property(anyBytes, fc.nat(7), fc.nat(7), (bytes, from, to) => {
        const source = Uint8Array.from([...new Array<number>(from).fill(1), ...bytes, 1]);
        const target = new Uint8Array(to + bytes.length + 5).fill(0xee);
        copy(source, from, target, to, bytes.length);
        const filler = (count: number) => new Array<number>(count).fill(0xee);
        expect([...target]).toEqual([...filler(to), ...bytes, ...filler(5)]);
      }),
    );
  });

  test('sliceBytes makes a copy, of a Buffer too', () => {
    const buffer = Buffer.from('abcdef');
    const slice = sliceBytes(buffer, 1, 3);
    buffer.fill('x');
    expect(latin1(slice, 0, slice.length)).toBe('bcd');
    expect(slice.buffer.byteLength).toBe(3);
  });
});

describe('comparing', () => {
  test('equality and order are those of Buffer', () => {
    const small = fc.uint8Array({ maxLength: 9, max: 2 });
    fc.assert(
      fc.property(small, small, fc.nat(3), (left, right, offset) => {
        const shifted = Uint8Array.from([...new Array<number>(offset).fill(9), ...right]);
        const order = compareBytes(left, 0, left.length, shifted, offset, right.length);
        expect(Math.sign(order)).toBe(Buffer.compare(left, right));
        const length = Math.min(left.length, right.length);
        const same = Buffer.from(left.subarray(0, length)).equals(right.subarray(0, length));
        expect(equalBytes(left, 0, shifted, offset, length)).toBe(same);
        expect(equalViews(viewOf(left), 0, viewOf(shifted), offset, length)).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['get', true],
    ['GET', true],
    ['gEt', true],
    ['ge', false],
    ['gets', false],
    ['g\x65T', true],
    ['\x07et', false],
    ['GE\xd4', false],
  ])('%j is get in some case: %s', (text, same) => {
    const bytes = latin1Bytes(`..${text}`);
    expect(equalsIgnoringCase(bytes, 2, text.length, 'get')).toBe(same);
  });
});

test('latin1 and latin1Bytes are inverse, for arrays that begin within their buffer too', () => {
  fc.assert(
    fc.property(anyBytes, fc.nat(5), (bytes, offset) => {
      const within = Uint8Array.from([...new Array<number>(offset).fill(7), ...bytes]).subarray(offset);
      expect([...latin1Bytes(latin1(within, 0, within.length))]).toEqual([...bytes]);
    }),
  );
});
