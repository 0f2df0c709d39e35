import { isCanonicalInteger, parseInteger, writeInteger } from '../../base/numbers.ts';

const TWO_TO_32 = 0x100000000;
const TWO_TO_16 = 0x10000;
/** Digits that are exact as a double, and what follows them. */
const EXACT_DIGITS = 15;
const LOW_DIGITS = 9;
const LOW_LIMIT = 1e9;
/** Upper halves below this belong to integers within ±2^53. */
const EXACT_UPPER_MAX = 2 ** 21;

/** Bytes that an integer's decimal digits and sign take at most. */
export const INTEGER_TEXT_BYTES = 20;

/** A signed 64-bit integer in two halves: integers of a set are compared and stored without a bigint for each. */
export class Integer64 {
  /** Bits 32 to 63, signed. */
  upper = 0;
  /** Bits 0 to 31, as a signed number. */
  lower = 0;

  /** Takes the integer that the bytes are in canonical decimal form; false if they are none. */
  parse(bytes: Uint8Array, offset: number, length: number): boolean {
    const exact = parseInteger(bytes, offset, length);
    if (!Number.isNaN(exact)) {
      this.upper = Math.floor(exact / TWO_TO_32);
      this.lower = exact | 0;
      return true;
    }
    if (length <= EXACT_DIGITS || !isCanonicalInteger(bytes, offset, length)) return false;
    const isNegative = bytes[offset] === 45;
    const end = offset + length;
    let high = 0;
    let low = 0;
    for (let at = isNegative ? offset + 1 : offset; at < end; at++) {
      if (at < end - LOW_DIGITS) high = high * 10 + bytes[at] - 48;
      else low = low * 10 + bytes[at] - 48;
    }
    // high × 10^9 + low, the factor in parts of 16 bits so that products stay exact.
    const upperPart = Math.floor(high / TWO_TO_16) * LOW_LIMIT;
    const lowerPart = (high % TWO_TO_16) * LOW_LIMIT + low + (upperPart % TWO_TO_16) * TWO_TO_16;
    const lower = lowerPart % TWO_TO_32;
    const upper = Math.floor(upperPart / TWO_TO_16) + Math.floor(lowerPart / TWO_TO_32);
    this.lower = (isNegative ? -lower : lower) | 0;
    this.upper = (isNegative ? (lower === 0 ? -upper : ~upper) : upper) | 0;
    return true;
  }

  /** Bytes that hold the integer: 2, 4 or 8. */
  get width(): number {
    if (this.upper !== this.lower >> 31) return 8;
    return (this.lower << 16) >> 16 === this.lower ? 2 : 4;
  }

  /** Writes the integer in decimal; returns how many bytes. */
  write(target: Uint8Array, at: number): number {
    let { upper } = this;
    let lower = this.lower >>> 0;
    if (upper >= -EXACT_UPPER_MAX && upper < EXACT_UPPER_MAX) {
      const exact = upper * TWO_TO_32 + lower;
      if (Number.isSafeInteger(exact)) return writeInteger(target, at, exact);
    }
    const isNegative = upper < 0;
    if (isNegative) {
      upper = lower === 0 ? -upper : ~upper;
      lower = (TWO_TO_32 - lower) % TWO_TO_32;
      target[at] = 45;
    }
    // Divided by 10^9 in parts of 16 bits, which stay exact.
    let rest = (upper % LOW_LIMIT) * TWO_TO_16 + Math.floor(lower / TWO_TO_16);
    let high = Math.floor(upper / LOW_LIMIT) * TWO_TO_32 + Math.floor(rest / LOW_LIMIT) * TWO_TO_16;
    rest = (rest % LOW_LIMIT) * TWO_TO_16 + (lower % TWO_TO_16);
    high += Math.floor(rest / LOW_LIMIT);
    const start = isNegative ? at + 1 : at;
    const highEnd = start + writeInteger(target, start, high);
    let low = rest % LOW_LIMIT;
    for (let place = highEnd + LOW_DIGITS - 1; place >= highEnd; place--) {
      target[place] = 48 + (low % 10);
      low = Math.floor(low / 10);
    }
    return highEnd + LOW_DIGITS - at;
  }
}
