import { describe, expect, test } from 'vitest';
import { addDecimals, classifyDecimal } from './long-double.ts';

// Sums as redis-server 7.0.15's INCRBYFLOAT replies them on x86-64.
describe('addDecimals', () => {
  test.each([
    ['0', '0', '0'],
    ['10.5', '0.1', '10.6'],
    ['5.0e3', '2.0e2', '5200'],
    ['0.1', '0.2', '0.3'],
    ['-1', '1', '0'],
    ['-0', '-0', '0'],
    ['3', '1.1', '4.1'],
    ['1.23', '0', '1.23'],
    // The 17th digit shows the 64-bit mantissa.
    ['61.000000001', '0xd0e', '3403.00000000100000008'],
    ['444.873', '0x350', '1292.873'],
    ['0x269c.8', '089.000000000003', '9973.50000000000300027'],
    ['-17703006.59349035192326', '0x391p3', '-17695702.59349035192281008'],
    ['18446744073709551615', '1', '18446744073709551616'],
    ['18446744073709551616', '1', '18446744073709551616'],
    // Halfway between two mantissas, to the even one; a little more, up.
    ['18446744073709551617', '0', '18446744073709551616'],
    ['18446744073709551619', '0', '18446744073709551620'],
    ['18446744073709551617.0000000000000000000000000001', '0', '18446744073709551618'],
    ['36893488147419103232', '3', '36893488147419103236'],
    ['0.00000000000000001', '0', '0.00000000000000001'],
    ['0.000000000000000005', '0', '0'],
    ['0.0000000000000000051', '0', '0.00000000000000001'],
    ['-0.000000000000000001', '0', '0'],
    ['1e4932', '-1e4932', '0'],
    ['3.6e-4951', '1', '1'],
  ])('%s + %s', (left, right, sum) => {
    expect(addDecimals(left, right)).toBe(sum);
    expect(addDecimals(right, left)).toBe(sum);
  });

  test('a sum that overflows is none', () => {
    expect(addDecimals('1e4932', '1e4932')).toBeUndefined();
    expect(addDecimals('-1e4932', '-1e4932')).toBeUndefined();
  });

  test('what is not finite has no sum', () => {
    expect(addDecimals('inf', '1')).toBeUndefined();
    expect(addDecimals('1', 'x')).toBeUndefined();
  });
});

describe('classifyDecimal', () => {
  test.each([
    '0',
    '-0',
    '+1',
    '1.',
    '.5',
    '007',
    '1e5',
    '1E-5',
    '1e0000001',
    '0e99999999',
    '0x10',
    '0x1.8P-3',
    '3.6e-4951',
  ])('%s is finite', (text) => {
    expect(classifyDecimal(text)).toBe('finite');
  });

  test.each(['inf', '-INF', '+Infinity'])('%s is infinite', (text) => {
    expect(classifyDecimal(text)).toBe('infinite');
  });

  test.each([
    '',
    '.',
    ' 1',
    '1 ',
    '1e',
    'nan',
    '0x',
    '0x1p',
    '1_0',
    '1e4933',
    '1e-4952',
    '0x1p16384',
    '0x1p-16446',
  ])('%j is invalid', (text) => {
    expect(classifyDecimal(text)).toBe('invalid');
  });

  test('at most 5,119 characters are read', () => {
    expect(classifyDecimal(`0.${'1'.repeat(5117)}`)).toBe('finite');
    expect(classifyDecimal(`0.${'1'.repeat(5118)}`)).toBe('invalid');
  });
});
