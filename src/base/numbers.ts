import { latin1 } from './bytes.ts';

/** Numbers as Redis reads them from arguments and writes them into replies (util.c: string2ll, ll2string, string2d). */
const SAFE_DIGITS = 15;
export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;

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
  if (digits < 1 || digits > 16) return Number.NaN;
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
  if (length < 1 || length > 20) return undefined;
  const small = parseInteger(bytes, offset, length);
  if (!Number.isNaN(small)) return BigInt(small);
  const text = latin1(bytes, offset, length);
  if (!/^-?[1-9][0-9]*$/.test(text)) return undefined;
  const value = BigInt(text);
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined;
}

/** Whether the bytes are a signed 64-bit integer in its canonical form, which Redis encodes as `int`. */
export function isCanonicalInteger(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < 1 || length > 20) return false;
  const first = bytes[offset];
  if (first !== 45 && (first < 48 || first > 57)) return false;
  if (length <= SAFE_DIGITS) return !Number.isNaN(parseInteger(bytes, offset, length));
  return parseInteger64(bytes, offset, length) !== undefined;
}

/** Digits, and the sign, of an integer within ±2^53. */
export function integerLength(value: number): number {
  let magnitude = value < 0 ? -value : value;
  let length = value < 0 ? 2 : 1;
  while (magnitude >= 10) {
    magnitude = Math.floor(magnitude / 10);
    length++;
  }
  return length;
}

/** Writes an integer within ±2^53 in decimal; returns how many bytes. */
export function writeInteger(target: Uint8Array, offset: number, value: number): number {
  const length = integerLength(value);
  let magnitude = value < 0 ? -value : value;
  for (let at = offset + length - 1; at >= offset + (value < 0 ? 1 : 0); at--) {
    const quotient = Math.floor(magnitude / 10);
    target[at] = 48 + (magnitude - quotient * 10);
    magnitude = quotient;
  }
  if (value < 0) target[offset] = 45;
  return length;
}

/**
 * The double that the bytes are, as Redis takes it from an argument: what strtod reads in full, without spaces around
 * it; NaN if they are none. Decimal, hexadecimal integers, `inf` and `infinity` in any case.
 */
export function parseDouble(bytes: Uint8Array, offset: number, length: number): number {
  if (length < 1 || length > 400) return Number.NaN;
  const text = latin1(bytes, offset, length);
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  const infinity = /^([+-]?)inf(inity)?$/i.exec(text);
  if (infinity !== null) return infinity[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const hexadecimal = /^([+-]?)0x([0-9a-f]+)$/i.exec(text);
  if (hexadecimal !== null) return Number(`0x${hexadecimal[2]}`) * (hexadecimal[1] === '-' ? -1 : 1);
  return Number.NaN;
}

/** A double in its shortest form that reads back the same, with the exponent's form of C (fpconv_dtoa in Redis 7). */
export function formatDouble(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  if (value === Number.NEGATIVE_INFINITY) return '-inf';
  if (Number.isNaN(value)) return 'nan';
  if (Object.is(value, -0)) return '-0';
  return String(value);
}
