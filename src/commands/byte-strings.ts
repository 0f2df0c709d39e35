import { constants } from 'node:buffer';
import { compareBytes, copyBytes } from '../base/bytes.ts';
import { ReplyError } from '../resp/reply.ts';

const BYTES_INITIAL = 1024;
const TOO_LONG = 'ERR the elements are longer than a buffer can be';

/** Byte strings by number, in one buffer of their own: no object for each. */
export class ByteStrings {
  bytes = new Uint8Array(BYTES_INITIAL);
  count = 0;
  /** Where each begins, and where the last one ends. */
  readonly #starts: Float64Array;

  /** For up to `limit` strings. */
  constructor(limit: number) {
    this.#starts = new Float64Array(limit + 1);
  }

  /** Adds a copy of the bytes. Throws ReplyError if they become too many. */
  push(bytes: Uint8Array, offset: number, length: number): void {
    const start = this.#starts[this.count];
    const end = start + length;
    if (end > this.bytes.length) this.#grow(end);
    copyBytes(bytes, offset, this.bytes, start, length);
    this.#starts[++this.count] = end;
  }

  offset(number: number): number {
    return this.#starts[number];
  }

  length(number: number): number {
    return this.#starts[number + 1] - this.#starts[number];
  }

  /** Order of two of them by their bytes. */
  compare(left: number, right: number): number {
    const { bytes } = this;
    return compareBytes(
      bytes,
      this.offset(left),
      this.length(left),
      bytes,
      this.offset(right),
      this.length(right),
    );
  }

  /** As {@link compare} of the bytes before the first zero byte, as C compares strings. */
  compareText(left: number, right: number): number {
    const { bytes } = this;
    return compareBytes(
      bytes,
      this.offset(left),
      this.#textLength(left),
      bytes,
      this.offset(right),
      this.#textLength(right),
    );
  }

  #textLength(number: number): number {
    const offset = this.offset(number);
    const length = this.length(number);
    for (let at = 0; at < length; at++) if (this.bytes[offset + at] === 0) return at;
    return length;
  }

  #grow(needed: number): void {
    if (needed > constants.MAX_LENGTH) throw new ReplyError(TOO_LONG);
    const larger = new Uint8Array(Math.min(Math.max(needed, this.bytes.length * 2), constants.MAX_LENGTH));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}
