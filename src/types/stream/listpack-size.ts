import { isCanonicalInteger, parseInteger } from '../../base/numbers.ts';

/** Bytes that elements take in Redis's listpacks (listpack.c), by which it divides a stream into nodes. */

/** Longest text that may be an integer. */
const INTEGER_LENGTH_MAX = 20;

/** Bytes of a listpack without elements. */
export const LISTPACK_EMPTY_BYTES = 7;

/** Bytes of a string, which is stored as an integer where it is one. */
export function stringElementBytes(bytes: Uint8Array, offset: number, length: number): number {
  if (length <= INTEGER_LENGTH_MAX && isCanonicalInteger(bytes, offset, length)) {
    const value = parseInteger(bytes, offset, length);
    return integerElementBytes(Number.isNaN(value) ? Number.MAX_SAFE_INTEGER : value);
  }
  let head = 5;
  if (length < 64) head = 1;
  else if (length < 4096) head = 2;
  return head + length + lengthOfBackLength(head + length);
}

/** Bytes of an integer. */
export function integerElementBytes(value: number): number {
  if (value >= 0 && value <= 127) return 2;
  if (value >= -0x1000 && value <= 0xfff) return 3;
  if (value >= -0x8000 && value <= 0x7fff) return 4;
  if (value >= -0x800000 && value <= 0x7fffff) return 5;
  return value >= -0x80000000 && value <= 0x7fffffff ? 6 : 10;
}

function lengthOfBackLength(length: number): number {
  if (length <= 127) return 1;
  if (length < 16383) return 2;
  if (length < 2097151) return 3;
  return length < 268435455 ? 4 : 5;
}
