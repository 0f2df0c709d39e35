/**
 * Integers of 1 to 64 bits at any bit of a string, the most significant bit first (BITFIELD). Up to 53 bits they are
 * numbers, beyond that bigints.
 */
export type FieldValue = number | bigint;

/** What becomes of a value that a field can't hold. */
export type Overflow = 'wrap' | 'sat' | 'fail';

/** Widest field whose values are numbers. */
const NUMBER_BITS_MAX = 53;
const HALF_BITS = 32;

/** The field of `width` bits at bit `bit` of a string; what lies beyond its end reads as zeros. */
export function readField(
  bytes: Uint8Array,
  offset: number,
  length: number,
  bit: number,
  width: number,
  isSigned: boolean,
): FieldValue {
  if (width <= NUMBER_BITS_MAX) {
    const value = readBits(bytes, offset, length, bit, width);
    return isSigned && value >= 2 ** (width - 1) ? value - 2 ** width : value;
  }
  const upper = BigInt(readBits(bytes, offset, length, bit, width - HALF_BITS));
  const lower = BigInt(readBits(bytes, offset, length, bit + width - HALF_BITS, HALF_BITS));
  const value = (upper << BigInt(HALF_BITS)) | lower;
  return isSigned ? BigInt.asIntN(width, value) : value;
}

/** Writes the lower `width` bits of a value that the field can hold; the string must reach to the field's end. */
export function writeField(
  bytes: Uint8Array,
  offset: number,
  bit: number,
  width: number,
  value: FieldValue,
): void {
  if (typeof value === 'number') {
    writeBits(bytes, offset, bit, width, value < 0 ? value + 2 ** width : value);
    return;
  }
  const unsigned = BigInt.asUintN(width, value);
  writeBits(bytes, offset, bit, width - HALF_BITS, Number(unsigned >> BigInt(HALF_BITS)));
  writeBits(bytes, offset, bit + width - HALF_BITS, HALF_BITS, Number(BigInt.asUintN(HALF_BITS, unsigned)));
}

/** The sum, exactly. */
export function addFields(left: FieldValue, right: FieldValue): FieldValue {
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return BigInt(left) + BigInt(right);
}

/** The value as a field holds it: itself where it fits, else by the kind of overflow; null for one that fails. */
export function fitField(
  value: FieldValue,
  width: number,
  isSigned: boolean,
  overflow: Overflow,
): FieldValue | null {
  if (typeof value === 'bigint' || width > NUMBER_BITS_MAX) {
    return fitWide(BigInt(value), width, isSigned, overflow);
  }
  const span = 2 ** width;
  const max = (isSigned ? span / 2 : span) - 1;
  const min = isSigned ? -span / 2 : 0;
  if (value >= min && value <= max) return value;
  if (overflow === 'fail') return null;
  if (overflow === 'sat') return value > max ? max : min;
  const wrapped = value - Math.floor(value / span) * span;
  return wrapped > max ? wrapped - span : wrapped;
}

function fitWide(value: bigint, width: number, isSigned: boolean, overflow: Overflow): FieldValue | null {
  const wrapped = isSigned ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
  let fitted = wrapped;
  if (wrapped !== value) {
    if (overflow === 'fail') return null;
    if (overflow === 'sat') {
      const span = 1n << BigInt(width);
      if (value > 0n) fitted = (isSigned ? span / 2n : span) - 1n;
      else fitted = isSigned ? -span / 2n : 0n;
    }
  }
  return width > NUMBER_BITS_MAX ? fitted : Number(fitted);
}

/** At most 53 bits as an unsigned number. */
function readBits(bytes: Uint8Array, offset: number, length: number, bit: number, count: number): number {
  let value = 0;
  let at = Math.floor(bit / 8);
  let inByte = bit & 7;
  for (let left = count; left > 0; at++) {
    const taken = Math.min(8 - inByte, left);
    const byte = at < length ? bytes[offset + at] : 0;
    value = value * (1 << taken) + ((byte >> (8 - inByte - taken)) & ((1 << taken) - 1));
    left -= taken;
    inByte = 0;
  }
  return value;
}

/** Writes an unsigned number of at most 53 bits. */
function writeBits(bytes: Uint8Array, offset: number, bit: number, count: number, value: number): void {
  const last = bit + count - 1;
  let at = offset + Math.floor(last / 8);
  let shift = 7 - (last & 7);
  let rest = value;
  for (let left = count; left > 0; at--) {
    const taken = Math.min(8 - shift, left);
    const mask = (1 << taken) - 1;
    const upper = Math.floor(rest / (1 << taken));
    bytes[at] = (bytes[at] & ~(mask << shift)) | ((rest - upper * (1 << taken)) << shift);
    rest = upper;
    left -= taken;
    shift = 0;
  }
}
