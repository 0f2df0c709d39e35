import { describe, expect, test } from 'vitest';
import { latin1Bytes } from './bytes.ts';
import {
  formatDouble,
  INT64_MAX,
  INT64_MIN,
  integerLength,
  isCanonicalInteger,
  parseDouble,
  parseInteger,
  parseInteger64,
  parseInteger64Rounded,
  writeInteger,
} from './numbers.ts';

/** Applies to the text between digits that must not be read. */
function within<T>(text: string, read: (bytes: Uint8Array, offset: number, length: number) => T): T {
  return read(latin1Bytes(`-1${text}9`), 2, text.length);
}

const NO_INTEGERS = [
  '',
  '-',
  '+1',
  '-0',
  '00',
  '01',
  '-01',
  ' 1',
  '1 ',
  '1.0',
  '1e3',
  'a',
  '0x10',
  '1\0',
  '--1',
];

describe('integers', () => {
  test.each(NO_INTEGERS)('%j is none', (text) => {
    expect(within(text, parseInteger)).toBeNaN();
    expect(within(text, parseInteger64)).toBeUndefined();
    expect(within(text, isCanonicalInteger)).toBe(false);
  });

  test.each(['0', '7', '-7', '10', '2147483648', '999999999999999', '9007199254740991', '-9007199254740991'])(
    '%s is exact as a number',
    (text) => {
      expect(within(text, parseInteger)).toBe(Number(text));
      expect(within(text, parseInteger64)).toBe(BigInt(text));
      expect(within(text, isCanonicalInteger)).toBe(true);
    },
  );

  test.each([
    '9007199254740992',
    '-9007199254740993',
    '123456789012345678',
    '9223372036754775807',
    `${INT64_MAX}`,
    `${INT64_MIN}`,
  ])('%s is one of 64 bits only', (text) => {
    expect(within(text, parseInteger)).toBeNaN();
    expect(within(text, parseInteger64)).toBe(BigInt(text));
    expect(within(text, isCanonicalInteger)).toBe(true);
  });

  test.each(['9223372036854775808', '-9223372036854775809', '9999999999999999999', '10000000000000000000'])(
    '%s is beyond 64 bits',
    (text) => {
      expect(within(text, parseInteger)).toBeNaN();
      expect(within(text, parseInteger64)).toBeUndefined();
      expect(within(text, isCanonicalInteger)).toBe(false);
    },
  );

  test.each(['0', '-7', '9007199254740991', '9007199254740993', `${INT64_MAX}`, `${INT64_MIN}`])(
    '%s is rounded to a double if need be',
    (text) => {
      expect(within(text, parseInteger64Rounded)).toBe(Number(text));
    },
  );

  test.each(['', '-0', '1.5', '9223372036854775808'])('%j has no rounded value', (text) => {
    expect(within(text, parseInteger64Rounded)).toBeNaN();
  });

  test('are written as they are read', () => {
    const target = new Uint8Array(24);
    const values = [0, 9, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53];
    for (let power = 1; power < 1e16; power *= 10) values.push(power - 1, power, power + 1);
    for (const value of values.flatMap((magnitude) => [magnitude, -magnitude])) {
      target.fill(0);
      const length = writeInteger(target, 3, value);
      expect(String.fromCharCode(...target.subarray(3, 3 + length))).toBe(String(value));
      expect(integerLength(value)).toBe(length);
      expect([target[2], target[3 + length]]).toEqual([0, 0]);
    }
  });
});

// Accepted and refused as by redis-server 7.0.15's ZADD.
describe('parseDouble', () => {
  test.each([
    ['0', 0],
    ['-0', -0],
    ['-0.0', -0],
    ['+3', 3],
    ['007', 7],
    ['3.14', 3.14],
    ['.5', 0.5],
    ['1.', 1],
    ['1e5', 1e5],
    ['-1.5E-3', -0.0015],
    ['9007199254740993', 9007199254740992],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['4.9e-324', Number.MIN_VALUE],
    ['0e99999999', 0],
    ['1e0000001', 10],
    ['inf', Number.POSITIVE_INFINITY],
    ['+Infinity', Number.POSITIVE_INFINITY],
    ['-INF', Number.NEGATIVE_INFINITY],
    ['0x10', 16],
    ['-0X1.8p3', -12],
    ['0x.8', 0.5],
    ['0x1.', 1],
    ['-0x0', -0],
    ['0x1p-1074', Number.MIN_VALUE],
    // Halfway between two doubles, to the even one; with another bit, up.
    ['0x20000000000001', 2 ** 53],
    ['0x20000000000001.1', 2 ** 53 + 2],
    ['0x1.8p-1074', 2 * Number.MIN_VALUE],
  ])('%s', (text, value) => {
    expect(within(text, parseDouble)).toBe(value);
  });

  test.each([
    '',
    ' 1',
    '1 ',
    '.',
    'e5',
    '1e',
    '1e+',
    '--1',
    '1_0',
    '1\0',
    '0b1',
    '0x',
    '0x.',
    '0x1p',
    'nan',
    'NaN',
    'nan(1)',
    'infi',
    '1e309',
    '-1e400',
    '2e-324',
    '1e-99999999',
    '0x1p1024',
    '0x1p-1076',
    '0x1p99999999',
  ])('%j is none', (text) => {
    expect(within(text, parseDouble)).toBeNaN();
  });

  test('long text takes no quadratic time and no stack', () => {
    expect(within(`${'1'.repeat(5000)}x`, parseDouble)).toBeNaN();
    expect(within('1'.repeat(1_000_000), parseDouble)).toBeNaN();
  });
});

// As d2string of Redis 7.2 and later writes them.
test.each([
  [0, '0'],
  [-0, '-0'],
  [3, '3'],
  [-17, '-17'],
  [3.14, '3.14'],
  [0.1 + 0.2, '0.30000000000000004'],
  [-2.5, '-2.5'],
  [1e15, '1000000000000000'],
  [1e18, '1000000000000000000'],
  [2 ** 62, '4611686018427387904'],
  [-(2 ** 62), '-4611686018427387904'],
  [2 ** 63, '9223372036854776000'],
  [1e19, '1e+19'],
  [1e20, '1e+20'],
  [-1.5e300, '-1.5e+300'],
  [0.001, '0.001'],
  [0.000001, '0.000001'],
  [0.0000001, '1e-7'],
  [0.00012345, '1.2345e-4'],
  [0.000012345, '1.2345e-5'],
  [1.2345678e-5, '1.2345678e-5'],
  [Number.MAX_VALUE, '1.7976931348623157e+308'],
  [Number.MIN_VALUE, '5e-324'],
  [Number.POSITIVE_INFINITY, 'inf'],
  [Number.NEGATIVE_INFINITY, '-inf'],
  [Number.NaN, 'nan'],
])('formatDouble(%s) is %s', (value, text) => {
  expect(formatDouble(value)).toBe(text);
});
