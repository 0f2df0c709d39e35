import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StreamId } from './id.ts';

function parsed(text: string, isUpperBound = false): string {
  const id = new StreamId();
  const bytes = Buffer.from(`<${text}>`, 'latin1');
  const form = id.parse(bytes, 1, bytes.length - 2, isUpperBound);
  return form === 'id' ? id.toString() : form;
}

test.each([
  ['5-3', '5-3'],
  ['5', '5-0'],
  ['0-0', '0-0'],
  ['18446744073709551615-18446744073709551615', '18446744073709551615-18446744073709551615'],
  ['18446744073709551616-0', 'invalid'],
  ['9007199254740993-1', '9007199254740993-1'],
  ['007-01', '7-1'],
  ['5-*', 'time'],
  ['*', 'invalid'],
  ['-', 'invalid'],
  ['+', 'invalid'],
  ['', 'invalid'],
  ['5-', 'invalid'],
  ['5-3-1', 'invalid'],
  ['5--3', 'invalid'],
  ['5- 3', '5-3'],
  ['5-+3', '5-3'],
  ['5- -1', '5-18446744073709551615'],
  ['5\0abc', '5-0'],
  ['x', 'invalid'],
  [`${'0'.repeat(128)}1`, 'invalid'],
])('%j is %s', (text, id) => {
  expect(parsed(text)).toBe(id);
});

test('an upper bound has the largest sequence number where none is given', () => {
  expect(parsed('7', true)).toBe('7-18446744073709551615');
  expect(parsed('7-1', true)).toBe('7-1');
});

const number64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n),
);

test('ids are as 128-bit numbers', () => {
  fc.assert(
    fc.property(number64, number64, number64, number64, (ms, sequence, otherMs, otherSequence) => {
      const id = new StreamId();
      const other = new StreamId();
      const whole = (ms << 64n) | sequence;
      const otherWhole = (otherMs << 64n) | otherSequence;
      const text = Buffer.from(`${ms}-${sequence}`);
      const otherText = Buffer.from(`${otherMs}-${otherSequence}`);
      expect(id.parse(text, 0, text.length, false)).toBe('id');
      expect(other.parse(otherText, 0, otherText.length, false)).toBe('id');
      expect(id.toString()).toBe(text.toString());
      expect(Math.sign(id.compare(other))).toBe(whole < otherWhole ? -1 : Number(whole > otherWhole));
      const bytes = new Uint8Array(16);
      id.write(bytes, 0);
      expect(BigInt(`0x${Buffer.from(bytes).toString('hex')}`)).toBe(whole);
      other.read(bytes, 0);
      expect(other.compare(id)).toBe(0);
      const next = (whole + 1n) % 2n ** 128n;
      expect(other.increment()).toBe(next !== 0n);
      expect(other.toString()).toBe(`${next >> 64n}-${next & (2n ** 64n - 1n)}`);
      other.decrement();
      expect(other.compare(id)).toBe(0);
      expect(other.decrement()).toBe(whole !== 0n);
    }),
  );
});
