const BLOCK_BYTES_MIN = 1024;
const BLOCK_BYTES_MAX = 16 * 1024;

/** Bytes to a client that does not read: small ones are packed into blocks, so that they cost little more than their length. */
export class Backlog {
  byteCount = 0;
  #blocks: Buffer[] = [];
  /** The block that is being filled up to `#end`, or null. */
  #block: Buffer | null = null;
  #end = 0;

  /** Appends bytes that will not change. */
  add(bytes: Buffer): void {
    this.#closeBlock();
    this.#blocks.push(bytes);
    this.byteCount += bytes.length;
  }

  /** Appends a copy of bytes. */
  addCopy(bytes: Buffer): void {
    if (this.#block === null || this.#end + bytes.length > this.#block.length) {
      this.#closeBlock();
      const wanted = Math.min(Math.max(this.byteCount, BLOCK_BYTES_MIN), BLOCK_BYTES_MAX);
      this.#block = Buffer.allocUnsafeSlow(Math.max(wanted, bytes.length));
    }
    this.#block.set(bytes, this.#end);
    this.#end += bytes.length;
    this.byteCount += bytes.length;
  }

  /** All bytes in their order; nothing is left then. */
  take(): Buffer[] {
    this.#closeBlock();
    const blocks = this.#blocks;
    this.#blocks = [];
    this.byteCount = 0;
    return blocks;
  }

  /** The first bytes, so many at most; they are not there any more then. */
  takeFirst(countMax: number): Buffer[] {
    this.#closeBlock();
    const taken: Buffer[] = [];
    let left = countMax;
    let at = 0;
    for (; at < this.#blocks.length && left > 0; at++) {
      const block = this.#blocks[at];
      if (block.length > left) break;
      taken.push(block);
      left -= block.length;
    }
    if (at < this.#blocks.length && left > 0) {
      taken.push(this.#blocks[at].subarray(0, left));
      this.#blocks[at] = this.#blocks[at].subarray(left);
      left = 0;
    }
    this.#blocks.splice(0, at);
    this.byteCount -= countMax - left;
    return taken;
  }

  #closeBlock(): void {
    if (this.#block !== null) this.#blocks.push(this.#block.subarray(0, this.#end));
    this.#block = null;
    this.#end = 0;
  }
}
