import { latin1 } from './bytes.ts';
import { INFINITE, parseHexadecimal, roundBinary } from './long-double.ts';

/** Numbers as Redis reads them from arguments and writes them into replies (util.c: string2ll, ll2string, string2d). */

/** Integers of so many digits are exact as doubles. */
const SAFE_DIGITS = 15;
export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;
const INT64_DIGITS = 19;
/** The largest 64-bit integer, 9223372036854775807, in two parts; the last one is one more below zero. */
const INT64_LOW_DIGITS = 9;
const INT64_MAX_HIGH = 9_223_372_036;
const INT64_MAX_LOW = 854_775_807;

/** Bits of a double's mantissa, and the exponent of the smallest subnormal one. */
const DOUBLE_BITS = 53;
const DOUBLE_EXPONENT_MIN = -1074;
/** Longest text that is read as a double; Redis has no limit of its own. */
const DOUBLE_LENGTH_MAX = 5119;
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
/** Integers up to this magnitude are written without an exponent (util.c, double2ll). */
const PLAIN_INTEGER_MAX = 2 ** 62;

/**
 * The decimal integer that the bytes are, if it is within ±(2^53 - 1); NaN if they are none or it is larger. No sign but
 * minus, no leading zeros, no spaces.
 */
export function parseInteger(bytes: Uint8Array, offset: number, length: number): number {
  let at = offset;
  const end = offset + length;
  const negative = length > 0 && bytes[at] === 45;
  if (negative) at++;
  const digits = end - at;
  if (digits < 1 || digits > SAFE_DIGITS + 1) return Number.NaN;
  if (bytes[at] === 48) return digits === 1 && !negative ? 0 : Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at] - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  if (digits > SAFE_DIGITS && !Number.isSafeInteger(value)) return Number.NaN;
  return negative ? -value : value;
}

/** As {@link parseInteger} over the whole signed 64-bit range; undefined if the bytes are no such integer. */
export function parseInteger64(bytes: Uint8Array, offset: number, length: number): bigint | undefined {
  return isCanonicalInteger(bytes, offset, length) ? BigInt(latin1(bytes, offset, length)) : undefined;
}

/** As {@link parseInteger64}, rounded to a double where it is beyond 2^53; NaN if the bytes are no such integer. */
export function parseInteger64Rounded(bytes: Uint8Array, offset: number, length: number): number {
  const small = parseInteger(bytes, offset, length);
  return Number.isNaN(small) ? Number(parseInteger64(bytes, offset, length) ?? Number.NaN) : small;
}

/** Whether the bytes are a signed 64-bit integer in its canonical form, which Redis encodes as `int`. */
export function isCanonicalInteger(bytes: Uint8Array, offset: number, length: number): boolean {
  const negative = length > 0 && bytes[offset] === 45;
  const start = negative ? offset + 1 : offset;
  const end = offset + length;
  const digits = end - start;
  if (digits < 1 || digits > INT64_DIGITS) return false;
  if (bytes[start] === 48) return digits === 1 && !negative;
  let high = 0;
  let low = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at] - 48;
    if (digit < 0 || digit > 9) return false;
    if (at < end - INT64_LOW_DIGITS) high = high * 10 + digit;
    else low = low * 10 + digit;
  }
  return high < INT64_MAX_HIGH || (high === INT64_MAX_HIGH && low <= INT64_MAX_LOW + (negative ? 1 : 0));
}

/** Digits, and the sign, of an integer within ±2^53. */
export function integerLength(value: number): number {
  const magnitude = value < 0 ? -value : value;
  let length = value < 0 ? 2 : 1;
  for (let limit = 10; magnitude >= limit; limit *= 10) length++;
  return length;
}

/** Writes an integer within ±2^53 in decimal; returns how many bytes. */
export function writeInteger(target: Uint8Array, offset: number, value: number): number {
  const length = integerLength(value);
  let at = offset + length;
  let large = value < 0 ? -value : value;
  while (large > 0x7fffffff) {
    const quotient = Math.floor(large / 10);
    target[--at] = 48 + (large - quotient * 10);
    large = quotient;
  }
  let magnitude = large | 0;
  do {
    const quotient = (magnitude / 10) | 0;
    target[--at] = 48 + (magnitude - quotient * 10);
    magnitude = quotient;
  } while (magnitude > 0);
  if (value < 0) target[offset] = 45;
  return length;
}

/**
 * The double that the bytes are, as Redis takes it from an argument (string2d): what strtod(3) reads in full, without
 * spaces around it; NaN if they are none. That is decimal and hexadecimal floating point, and `inf` or `infinity` in any
 * case; what overflows, and what underflows to zero, is refused.
 */
export function parseDouble(bytes: Uint8Array, offset: number, length: number): number {
  const integer = parseInteger(bytes, offset, length);
  if (!Number.isNaN(integer)) return integer;
  if (length < 1 || length > DOUBLE_LENGTH_MAX) return Number.NaN;
  const text = latin1(bytes, offset, length);
  if (DECIMAL.test(text)) {
    const value = Number(text);
    if (value === 0 ? /^[^e]*[1-9]/i.test(text) : !Number.isFinite(value)) return Number.NaN;
    return value;
  }
  if (INFINITE.test(text)) return text[0] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const exact = parseHexadecimal(text);
  if (exact === undefined) return Number.NaN;
  const rounded = roundBinary(exact.mantissa, 1n, exact.exponent, DOUBLE_BITS, DOUBLE_EXPONENT_MIN);
  const magnitude = Number(rounded.mantissa) * 2 ** rounded.exponent;
  if (magnitude === 0 ? exact.mantissa !== 0n : !Number.isFinite(magnitude)) return Number.NaN;
  return exact.isNegative ? -magnitude : magnitude;
}

/**
 * A double as Redis 7.2 and later reply it (d2string): integers up to 2^62 in full, else the shortest digits that read
 * back the same, laid out as fpconv_dtoa does. Redis finds them by Grisu2, which misses the shortest for about one double
 * in a thousand, mostly powers of two and beyond 10^21: for these Redis writes more digits of the same value.
 */
export function formatDouble(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  if (value === Number.NEGATIVE_INFINITY) return '-inf';
  if (Number.isNaN(value)) return 'nan';
  if (Object.is(value, -0)) return '-0';
  if (Number.isSafeInteger(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) <= PLAIN_INTEGER_MAX) return BigInt(value).toString();
  const sign = value < 0 ? '-' : '';
  const [mantissa, power] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number(power);
  /** Zeros to append to the digits, or, if negative, digits behind the point. */
  const scale = exponent - (digits.length - 1);
  const magnitude = Math.abs(exponent);
  if (scale >= 0 && magnitude < digits.length + 7) return sign + digits + '0'.repeat(scale);
  if (scale < 0 && (scale > -7 || magnitude < 4)) {
    const point = digits.length + scale;
    return point > 0
      ? `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
      : `${sign}0.${'0'.repeat(-point)}${digits}`;
  }
  return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${magnitude}`;
}
