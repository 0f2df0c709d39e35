import { equalsIgnoringCase, latin1, sliceBytes, viewOf } from '../base/bytes.ts';

const NO_VIEW = new DataView(new ArrayBuffer(0));

/**
 * The arguments of one command, the command's name being number 0, as offsets into the buffer that they arrived in.
 * They hold for as long as the command runs; what must outlive it is copied ({@link copy}, {@link detach}).
 */
export class Arguments {
  buffer: Uint8Array = new Uint8Array(0);
  /** The same bytes under a view. */
  view: DataView = NO_VIEW;
  offsets = new Int32Array(16);
  lengths = new Int32Array(16);
  count = 0;

  /** Adds an argument. */
  push(offset: number, length: number): void {
    if (this.count === this.offsets.length) this.#grow();
    this.offsets[this.count] = offset;
    this.lengths[this.count++] = length;
  }

  /** Moves all offsets by the same amount, after the bytes were moved. */
  shift(by: number): void {
    for (let at = 0; at < this.count; at++) this.offsets[at] += by;
  }

  /** Whether argument `at` is `word` (lower-case ASCII) in any case. */
  is(at: number, word: string): boolean {
    return equalsIgnoringCase(this.buffer, this.offsets[at], this.lengths[at], word);
  }

  /** Argument `at` as a string of one character per byte. */
  text(at: number): string {
    return latin1(this.buffer, this.offsets[at], this.lengths[at]);
  }

  /** A copy of argument `at`, owned by the caller. */
  copy(at: number): Uint8Array {
    return sliceBytes(this.buffer, this.offsets[at], this.lengths[at]);
  }

  /** Bytes of all arguments. */
  get byteCount(): number {
    let bytes = 0;
    for (let at = 0; at < this.count; at++) bytes += this.lengths[at];
    return bytes;
  }

  /** A copy of all arguments with bytes of its own, for a command that waits. */
  detach(): Arguments {
    const copy = new Arguments();
    const buffer = new Uint8Array(this.byteCount);
    copy.buffer = buffer;
    copy.view = viewOf(buffer);
    copy.offsets = new Int32Array(this.count);
    copy.lengths = this.lengths.slice(0, this.count);
    copy.count = this.count;
    let offset = 0;
    for (let at = 0; at < this.count; at++) {
      buffer.set(this.buffer.subarray(this.offsets[at], this.offsets[at] + this.lengths[at]), offset);
      copy.offsets[at] = offset;
      offset += this.lengths[at];
    }
    return copy;
  }

  /** The same arguments over the same bytes, with offsets of its own. */
  clone(): Arguments {
    const copy = new Arguments();
    copy.buffer = this.buffer;
    copy.view = this.view;
    copy.offsets = this.offsets.slice();
    copy.lengths = this.lengths.slice();
    copy.count = this.count;
    return copy;
  }

  /** The arguments in `parts`, with bytes of its own. */
  static of(parts: readonly Uint8Array[]): Arguments {
    const all = new Arguments();
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    all.buffer = new Uint8Array(bytes);
    all.view = viewOf(all.buffer);
    let offset = 0;
    for (const part of parts) {
      all.buffer.set(part, offset);
      all.push(offset, part.length);
      offset += part.length;
    }
    return all;
  }

  #grow(): void {
    const offsets = new Int32Array(this.count * 2);
    const lengths = new Int32Array(this.count * 2);
    offsets.set(this.offsets);
    lengths.set(this.lengths);
    this.offsets = offsets;
    this.lengths = lengths;
  }
}
