import { copyBytes, readUint48, sliceBytes, writeUint48 } from '../../base/bytes.ts';
import { ElementTable } from '../pages/element-table.ts';
import { VARIABLE } from '../pages/hashed-page.ts';
import { STRUCTURE_BYTES } from '../pages/head.ts';
import type { ValueStore } from '../pages/record-store.ts';
import {
  ENCODING_HASH_TABLE,
  ENCODING_LISTPACK_EX,
  earliestOf,
  FIELDS_EXPIRE,
  STRUCTURE_COUNT,
} from './encoding.ts';
import { ExpiryTree } from './expiry-tree.ts';

const EXPIRY_BYTES = 6;
/** Fields that are removed between two looks at the tree of those that expire. */
const BATCH = 64;
const SCRATCH_BYTES_MAX = 65536;

let scratch = new Uint8Array(1024);

/**
 * A hash: fields with values, of which some may expire. In pages, those are in a tree by their times too, whose first one the
 * head tells; a small hash is scanned.
 *
 * `page` tells of the field that was found or moved to last, expired or not: `isExpired` says.
 */
export class HashValue extends ElementTable {
  readonly #tree = new ExpiryTree(1);
  #earliest = -1;
  /** A field's expiry was given, changed or removed since `open`. */
  #isExpiryChanged = false;
  readonly #dueExpiries = new Float64Array(BATCH);
  readonly #dueHashes = new Int32Array(BATCH * 2);

  constructor() {
    super(VARIABLE, STRUCTURE_COUNT);
  }

  override open(store: ValueStore, isForWriting: boolean): void {
    this.#isExpiryChanged = false;
    super.open(store, isForWriting);
  }

  override begin(store: ValueStore, encoding: number): void {
    this.#isExpiryChanged = false;
    super.begin(store, encoding);
  }

  /** Whether the time of the field found last has come. */
  isExpired(nowMs: number): boolean {
    const { expireAt } = this.page;
    return expireAt >= 0 && expireAt <= nowMs;
  }

  /** Some field expires, as far as changes were saved. */
  get fieldsExpire(): boolean {
    return (this.encoding & FIELDS_EXPIRE) !== 0;
  }

  /** A field beyond the limits of a listpack is to come, or has: it is a hash table from now on. */
  becomeHashTable(): void {
    if ((this.encoding & ENCODING_HASH_TABLE) === 0)
      this.encoding = ENCODING_HASH_TABLE | (this.encoding & FIELDS_EXPIRE);
  }

  /** Fields are to get expiries: a listpack is one with expiries from now on. */
  becomeExpiring(): void {
    if ((this.encoding & (ENCODING_HASH_TABLE | ENCODING_LISTPACK_EX)) === 0)
      this.encoding = this.encoding | ENCODING_LISTPACK_EX;
  }

  override insert(
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    value: Uint8Array,
    valueOffset: number,
    valueLength: number,
    expireAt: number,
  ): void {
    const wasPaged = this.isPaged;
    if (expireAt >= 0) this.#isExpiryChanged = true;
    super.insert(key, keyOffset, keyLength, value, valueOffset, valueLength, expireAt);
    if (expireAt < 0 || !wasPaged) return;
    const { keyHash } = this.pages;
    const hash = keyHash.hashBytes(key, keyOffset, keyLength);
    this.#tree.add(expireAt, hash, keyHash.upper);
  }

  override setValue(value: Uint8Array, valueOffset: number, valueLength: number, expireAt: number): void {
    const { page, isPaged } = this;
    const before = page.expireAt;
    if (before === expireAt) {
      super.setValue(value, valueOffset, valueLength, expireAt);
      return;
    }
    this.#isExpiryChanged = true;
    const { keyHash } = this.pages;
    const hash = keyHash.hashBytes(page.bytes, page.keyOffset, page.keyLength);
    const { upper } = keyHash;
    super.setValue(value, valueOffset, valueLength, expireAt);
    if (!isPaged) return;
    if (before >= 0) this.#tree.delete(before, hash, upper);
    if (expireAt >= 0) this.#tree.add(expireAt, hash, upper);
  }

  /** Gives the field found last another expiry, or none (-1); the cursor is anywhere afterwards. */
  setExpiry(expireAt: number): void {
    const { bytes, valueOffset, valueLength } = this.page;
    if (valueLength > scratch.length) scratch = new Uint8Array(valueLength);
    copyBytes(bytes, valueOffset, scratch, 0, valueLength);
    this.setValue(scratch, 0, valueLength, expireAt);
    if (scratch.length > SCRATCH_BYTES_MAX) scratch = new Uint8Array(SCRATCH_BYTES_MAX);
  }

  override remove(): void {
    const { page, isPaged } = this;
    const { expireAt } = page;
    if (expireAt < 0) {
      super.remove();
      return;
    }
    this.#isExpiryChanged = true;
    const { keyHash } = this.pages;
    const hash = keyHash.hashBytes(page.bytes, page.keyOffset, page.keyLength);
    const { upper } = keyHash;
    super.remove();
    if (isPaged) this.#tree.delete(expireAt, hash, upper);
  }

  /**
   * Removes fields whose time has come, `most` at most, and adds copies of their names to `names`. Whether there may be more of
   * them.
   */
  removeExpired(nowMs: number, most: number, names: Uint8Array[]): boolean {
    let left = most;
    if (!this.isPaged) {
      this.rewind();
      const { page } = this;
      while (left > 0 && page.next()) {
        if (!this.isExpired(nowMs)) continue;
        names.push(sliceBytes(page.bytes, page.keyOffset, page.keyLength));
        this.remove();
        left--;
      }
      return left === 0;
    }
    while (left > 0) {
      const count = this.#takeDue(nowMs, Math.min(left, BATCH));
      if (count === 0) return false;
      left -= count;
      this.#isExpiryChanged = true;
      for (let at = 0; at < count; at++) {
        const isThere = this.findHashed(
          this.#dueHashes[at * 2],
          this.#dueHashes[at * 2 + 1],
          this.#dueExpiries[at],
        );
        if (!isThere) continue;
        const { bytes, keyOffset, keyLength } = this.page;
        names.push(sliceBytes(bytes, keyOffset, keyLength));
        super.remove();
      }
      this.#tree.seekFirst();
      this.#tree.remove(count);
    }
    return true;
  }

  /** Writes what the head and the encoding tell. Call after changes. */
  override save(): void {
    if (this.#isExpiryChanged) {
      this.#isExpiryChanged = false;
      this.#earliest = this.#findEarliest();
      const encoding = this.#earliest < 0 ? this.encoding & ~FIELDS_EXPIRE : this.encoding | FIELDS_EXPIRE;
      this.encoding = encoding;
    }
    super.save();
  }

  protected override readRest(bytes: Uint8Array, at: number): void {
    this.#tree.read(this.pages, this.collection, bytes, at);
    this.#earliest = readUint48(bytes, at + STRUCTURE_BYTES) || -1;
  }

  protected override writeRest(bytes: Uint8Array, at: number): void {
    this.#tree.write(bytes, at);
    writeUint48(bytes, at + STRUCTURE_BYTES, Math.max(0, this.#earliest));
  }

  protected override get restBytes(): number {
    return EXPIRY_BYTES;
  }

  protected override becamePaged(): void {
    const tree = this.#tree;
    tree.begin(this.pages, this.collection);
    if (!this.#isExpiryChanged && !this.fieldsExpire) return;
    this.#isExpiryChanged = true;
    const { keyHash } = this.pages;
    this.rewind();
    while (this.next()) {
      const { bytes, keyOffset, keyLength, expireAt } = this.page;
      if (expireAt < 0) continue;
      const hash = keyHash.hashBytes(bytes, keyOffset, keyLength);
      tree.add(expireAt, hash, keyHash.upper);
    }
  }

  protected override get canBeInline(): boolean {
    return this.#tree.count === 0;
  }

  #findEarliest(): number {
    if (this.isPaged) return this.#tree.seekFirst() ? this.#tree.expireAt : -1;
    this.rewind();
    return earliestOf(this.page);
  }

  /** Notes the first items of the tree whose time has come, of its first leaf and `most` at most; returns how many. */
  #takeDue(nowMs: number, most: number): number {
    const tree = this.#tree;
    if (!tree.seekFirst()) return 0;
    const limit = Math.min(most, tree.leafRest);
    let count = 0;
    while (count < limit && tree.expireAt <= nowMs) {
      this.#dueExpiries[count] = tree.expireAt;
      this.#dueHashes[count * 2] = tree.hash;
      this.#dueHashes[count * 2 + 1] = tree.hashUpper;
      count++;
      if (!tree.next()) break;
    }
    return count;
  }
}
