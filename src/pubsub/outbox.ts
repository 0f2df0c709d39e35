const BLOCK_BYTES = 64 * 1024;

/**
 * Messages written after each other into blocks that are never written again, so that all receivers can be sent the same
 * bytes without a copy of their own; and to a receiver of several messages in a row they are one range.
 */
export class Outbox {
  /** The message appended last is `block[start … end)`. */
  block: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;

  /** Appends a copy of `bytes[0 … length)` with another first byte. */
  append(bytes: Uint8Array, length: number, first: number): void {
    if (this.end + length > this.block.length) {
      this.block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, length));
      this.end = 0;
    }
    this.start = this.end;
    this.end += length;
    this.block.set(bytes.subarray(0, length), this.start);
    this.block[this.start] = first;
  }

  /** Lets the block go, once its last message was handed on. */
  release(): void {
    this.block = Buffer.alloc(0);
    this.start = 0;
    this.end = 0;
  }
}
