import { compareBytes, copyBytes, readUint32, writeUint32 } from '../../base/bytes.ts';
import { CountedTree } from '../pages/counted-tree.ts';
import { lengthBytes, readLength, writeLength } from '../pages/length-code.ts';

const OWNER_BYTES = 4;
const NUMBER_BYTES = 4;
const NO_BYTES = new Uint8Array(0);

/**
 * Numbers by name, each within an owner: of the groups of a stream, and of the consumers of a group. An item is the owner (4
 * bytes, big-endian), the name's length (length-code.ts) and bytes, and the number (4, little-endian). Items are in the order
 * of owners, then of the names' bytes.
 */
export class NameTree extends CountedTree {
  #owner = 0;
  #name: Uint8Array = NO_BYTES;
  #offset = 0;
  #length = 0;
  #item = new Uint8Array(64);

  /** Moves to a name, or to where it belongs: see `seekKey`. The bytes are lent for the call. */
  seek(owner: number, name: Uint8Array, offset: number, length: number): boolean {
    this.#owner = owner;
    this.#name = name;
    this.#offset = offset;
    this.#length = length;
    return this.seekKey();
  }

  /** Moves to an owner's first name. */
  seekOwner(owner: number): boolean {
    this.seek(owner, NO_BYTES, 0, 0);
    return this.settle() && this.owner === owner;
  }

  /** How many names an owner has. */
  countOf(owner: number): number {
    this.seek(owner + 1, NO_BYTES, 0, 0);
    const end = this.rank;
    this.seek(owner, NO_BYTES, 0, 0);
    return end - this.rank;
  }

  /** Adds the name that `seek` missed last. */
  add(owner: number, name: Uint8Array, offset: number, length: number, number: number): void {
    const size = OWNER_BYTES + lengthBytes(length) + length + NUMBER_BYTES;
    if (this.#item.length < size) this.#item = new Uint8Array(size);
    const item = this.#item;
    writeOwner(item, 0, owner);
    const at = writeLength(item, OWNER_BYTES, length);
    copyBytes(name, offset, item, at, length);
    writeUint32(item, at + length, number);
    this.insert(item, 0, size);
  }

  /** Removes all names of an owner. */
  removeOwner(owner: number): void {
    while (this.seekOwner(owner)) {
      const { bytes } = this.leaf;
      let at = this.itemStart;
      let count = 0;
      for (const rest = this.leafRest; count < rest && readOwner(bytes, at) === owner; count++)
        at = this.endOf(bytes, at);
      this.remove(count);
    }
  }

  get owner(): number {
    return readOwner(this.leaf.bytes, this.itemStart);
  }

  get nameLength(): number {
    return readLength(this.leaf.bytes, this.itemStart + OWNER_BYTES);
  }

  get nameOffset(): number {
    const at = this.itemStart + OWNER_BYTES;
    return at + lengthBytes(readLength(this.leaf.bytes, at));
  }

  get number(): number {
    return readUint32(this.leaf.bytes, this.itemEnd - NUMBER_BYTES);
  }

  protected endOf(bytes: Uint8Array, at: number): number {
    const length = readLength(bytes, at + OWNER_BYTES);
    return at + OWNER_BYTES + lengthBytes(length) + length + NUMBER_BYTES;
  }

  protected compare(bytes: Uint8Array, at: number): number {
    const length = readLength(bytes, at + OWNER_BYTES);
    return this.#compareTo(bytes, at, at + OWNER_BYTES + lengthBytes(length), length);
  }

  protected compareSeparator(bytes: Uint8Array, at: number, length: number): number {
    return this.#compareTo(bytes, at, at + OWNER_BYTES, length - OWNER_BYTES);
  }

  protected separatorOf(bytes: Uint8Array, at: number): Uint8Array {
    const length = readLength(bytes, at + OWNER_BYTES);
    const separator = new Uint8Array(OWNER_BYTES + length);
    copyBytes(bytes, at, separator, 0, OWNER_BYTES);
    copyBytes(bytes, at + OWNER_BYTES + lengthBytes(length), separator, OWNER_BYTES, length);
    return separator;
  }

  #compareTo(bytes: Uint8Array, at: number, nameAt: number, length: number): number {
    const owner = readOwner(bytes, at);
    if (owner !== this.#owner) return owner < this.#owner ? -1 : 1;
    return compareBytes(bytes, nameAt, length, this.#name, this.#offset, this.#length);
  }
}

/** Writes a number in 4 bytes whose order is the number's. */
export function writeOwner(bytes: Uint8Array, at: number, owner: number): void {
  bytes[at] = owner >>> 24;
  bytes[at + 1] = owner >>> 16;
  bytes[at + 2] = owner >>> 8;
  bytes[at + 3] = owner;
}

export function readOwner(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
