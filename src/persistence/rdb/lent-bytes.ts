import { writeInteger } from '../../base/numbers.ts';

const EMPTY = new Uint8Array(0);
const TEXT_BYTES = 32;
/** A scratch array above this is not kept once a short one does. */
const KEPT_BYTES_MAX = 1 << 20;

/**
 * A string as a reader lends it: a range of the reader's bytes, or of this object's own. Both are good until the reader
 * or this object is used again.
 */
export class LentBytes {
  bytes: Uint8Array = EMPTY;
  offset = 0;
  length = 0;
  /** The string was stored as an integer, whose two's complement {@link low} and {@link high} are. */
  isInteger = false;
  /** Halves of the integer as signed 32-bit numbers. */
  low = 0;
  high = 0;
  #own = new Uint8Array(TEXT_BYTES);

  /** The integer as a double, rounded beyond 2^53. */
  get integer(): number {
    return this.high * 2 ** 32 + (this.low >>> 0);
  }

  /** Takes a range of bytes that another owns. */
  lend(bytes: Uint8Array, offset: number, length: number): void {
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    this.isInteger = false;
  }

  /** Takes an integer of 64 bits; the string is its decimal text. */
  lendInteger(low: number, high: number): void {
    this.low = low | 0;
    this.high = high | 0;
    const value = this.integer;
    const text = this.#reserve(TEXT_BYTES);
    let length: number;
    if (Number.isSafeInteger(value)) {
      length = writeInteger(text, 0, value);
    } else {
      const digits = ((BigInt(this.high) << 32n) | BigInt(this.low >>> 0)).toString();
      length = digits.length;
      for (let at = 0; at < length; at++) text[at] = digits.charCodeAt(at);
    }
    this.lend(text, 0, length);
    this.isInteger = true;
  }

  /** An array of this object of at least `length` bytes, which is the string from now on: the caller fills it. */
  fill(length: number): Uint8Array {
    const bytes = this.#reserve(length);
    this.lend(bytes, 0, length);
    return bytes;
  }

  /** Copies a lent range into this object's own array, so that its reader may go on. */
  keep(): void {
    const { bytes, offset, length } = this;
    if (bytes === this.#own) return;
    this.#reserve(length).set(bytes.subarray(offset, offset + length));
    this.bytes = this.#own;
    this.offset = 0;
  }

  #reserve(length: number): Uint8Array {
    const size = this.#own.length;
    const isOversized = size > KEPT_BYTES_MAX && length <= KEPT_BYTES_MAX;
    if (size < length || isOversized) {
      this.#own = new Uint8Array(isOversized ? length : Math.max(length, Math.min(size * 2, KEPT_BYTES_MAX)));
    }
    return this.#own;
  }
}
