import { compareBytes, sliceBytes } from '../../base/bytes.ts';
import { CountedTree } from '../pages/counted-tree.ts';
import { lengthBytes, readLength } from '../pages/length-code.ts';

/** Contents of their own length, which is stored before them (length-code.ts). */
export const VARIABLE = -1;

/** Items of a key of a fixed length and a content, in the order of the keys' bytes. */
export class KeyedTree extends CountedTree {
  /** The key to look for: the caller writes it. */
  readonly key: Uint8Array;
  readonly #contentBytes: number;

  /** `contentBytes` is how many bytes each content has, or {@link VARIABLE}. */
  constructor(structure: number, keyBytes: number, contentBytes: number) {
    super(structure);
    this.key = new Uint8Array(keyBytes);
    this.#contentBytes = contentBytes;
  }

  /** Where in `leaf.bytes` the content of the item under the cursor begins. */
  get contentStart(): number {
    const at = this.itemStart + this.key.length;
    return this.#contentBytes < 0 ? at + lengthBytes(readLength(this.leaf.bytes, at)) : at;
  }

  /** Whether the item under the cursor has the first `length` bytes of the key looked for. */
  hasPrefix(length: number): boolean {
    const { bytes } = this.leaf;
    const at = this.itemStart;
    for (let byte = 0; byte < length; byte++) if (bytes[at + byte] !== this.key[byte]) return false;
    return true;
  }

  /** How many items are before the key, whether it is there or not. */
  rankOfKey(): number {
    this.seekKey();
    return this.rank;
  }

  /** Removes the items whose keys begin with the first `length` bytes of the key, which is zeros from there on. */
  removePrefix(length: number): void {
    for (;;) {
      this.seekKey();
      if (!this.settle() || !this.hasPrefix(length)) return;
      const { bytes } = this.leaf;
      let at = this.itemStart;
      let count = 0;
      for (const rest = this.leafRest; count < rest; count++) {
        if (compareBytes(bytes, at, length, this.key, 0, length) !== 0) break;
        at = this.endOf(bytes, at);
      }
      this.remove(count);
    }
  }

  protected override get fixedBytes(): number {
    return this.#contentBytes < 0 ? 0 : this.key.length + this.#contentBytes;
  }

  protected endOf(bytes: Uint8Array, at: number): number {
    const contentAt = at + this.key.length;
    if (this.#contentBytes >= 0) return contentAt + this.#contentBytes;
    const length = readLength(bytes, contentAt);
    return contentAt + lengthBytes(length) + length;
  }

  protected compare(bytes: Uint8Array, at: number): number {
    const { key } = this;
    for (let byte = 0; byte < key.length; byte++) {
      const difference = bytes[at + byte] - key[byte];
      if (difference !== 0) return difference;
    }
    return 0;
  }

  protected compareSeparator(bytes: Uint8Array, at: number): number {
    return this.compare(bytes, at);
  }

  protected separatorOf(bytes: Uint8Array, at: number): Uint8Array {
    return sliceBytes(bytes, at, this.key.length);
  }
}
