import { compareBytes, readUint32, sliceBytes, writeUint32 } from '../../base/bytes.ts';
import { CountedTree } from '../pages/counted-tree.ts';

/** An item: expiry (6 bytes, the highest first), then the 64 bits of the field's hash. */
const ITEM_BYTES = 14;
const HASH_AT = 6;
const UPPER_AT = 10;

/**
 * The fields of a hash that expire, in the order of their times. A field is told by the 64 bits of its hash, by which the table
 * of fields finds it; two fields that have them in common are two items.
 */
export class ExpiryTree extends CountedTree {
  readonly #key = new Uint8Array(ITEM_BYTES);

  /** Of the item under the cursor. */
  get expireAt(): number {
    const { bytes } = this.leaf;
    let expireAt = 0;
    for (let at = this.itemStart, end = at + HASH_AT; at < end; at++) expireAt = expireAt * 256 + bytes[at];
    return expireAt;
  }

  get hash(): number {
    return readUint32(this.leaf.bytes, this.itemStart + HASH_AT) | 0;
  }

  get hashUpper(): number {
    return readUint32(this.leaf.bytes, this.itemStart + UPPER_AT) | 0;
  }

  add(expireAt: number, hash: number, hashUpper: number): void {
    this.#lookFor(expireAt, hash, hashUpper);
    this.seekKey();
    this.insert(this.#key, 0, ITEM_BYTES);
  }

  /** Takes an item out, if it is there. */
  delete(expireAt: number, hash: number, hashUpper: number): void {
    this.#lookFor(expireAt, hash, hashUpper);
    if (this.seekKey()) this.remove(1);
  }

  protected endOf(_bytes: Uint8Array, at: number): number {
    return at + ITEM_BYTES;
  }

  protected compare(bytes: Uint8Array, at: number): number {
    return compareBytes(bytes, at, ITEM_BYTES, this.#key, 0, ITEM_BYTES);
  }

  protected compareSeparator(bytes: Uint8Array, at: number, length: number): number {
    return compareBytes(bytes, at, length, this.#key, 0, ITEM_BYTES);
  }

  protected separatorOf(bytes: Uint8Array, at: number): Uint8Array {
    return sliceBytes(bytes, at, ITEM_BYTES);
  }

  #lookFor(expireAt: number, hash: number, hashUpper: number): void {
    const key = this.#key;
    let rest = expireAt;
    for (let at = HASH_AT - 1; at >= 0; at--) {
      const upper = Math.floor(rest / 256);
      key[at] = rest - upper * 256;
      rest = upper;
    }
    writeUint32(key, HASH_AT, hash);
    writeUint32(key, UPPER_AT, hashUpper);
  }
}
