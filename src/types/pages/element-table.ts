import { copyBytes, readUint48 } from '../../base/bytes.ts';
import { DetachedRecord } from './detached-record.ts';
import { HashedPage, PAGE_HEAD_BYTES } from './hashed-page.ts';
import { PAGED, structureAt } from './head.ts';
import { LinearHash } from './linear-hash.ts';
import { RecordBytes } from './record-bytes.ts';
import type { PageStore, RecordStore, ValueStore } from './record-store.ts';

/** A page within the value's own record grows up to this; beyond it the value is kept in pages of its own. */
export const INLINE_BYTES_MAX = 4096;
/** A value whose only page has shrunk to this comes back into its record. */
export const INLINE_AGAIN_BYTES = 1024;

/**
 * Elements of a hash or a set: one page within the value's own record while that is small, then pages by linear hashing.
 *
 * One object serves one value after another: `open` takes the one that a database found last. To change it open it for
 * writing, which makes its record hot before pages are looked at, and call `save` at the end. The element that was found or
 * moved to last is told by `page`, until the next call.
 */
export class ElementTable {
  readonly #valueWidth: number;
  readonly #structureCount: number;
  readonly #inlinePage: HashedPage;
  readonly #hash: LinearHash;
  /** The value's own record. */
  protected readonly root = new RecordBytes();
  protected pages!: PageStore;
  protected collection = 0;
  /** The cursor. */
  page: HashedPage;
  #isPaged = false;
  #tag = 0;
  #nextPage = 0;
  /** Pages that a new value has from the beginning, once it is in pages. */
  #reservedPages = 1;

  /** `valueWidth` as in HashedPage; `structureCount` is how many structures a head describes, of which this is the first. */
  constructor(valueWidth: number, structureCount: number) {
    this.#valueWidth = valueWidth;
    this.#structureCount = structureCount;
    this.#inlinePage = new HashedPage(valueWidth);
    this.#hash = new LinearHash(0, valueWidth);
    this.page = this.#inlinePage;
  }

  /** Payload bytes of a value without elements, which are zeros. */
  static readonly emptyBytes = PAGE_HEAD_BYTES;

  /** Takes the value that a database found last. */
  open(store: ValueStore, isForWriting: boolean): void {
    if (isForWriting) store.makeHot();
    this.#open(store, store.pages);
  }

  /** Takes a new value without elements that no key has yet; `store` tells where its pages are to be. */
  begin(store: ValueStore, encoding: number): void {
    this.#open(new DetachedRecord(encoding, PAGE_HEAD_BYTES), store.pages);
  }

  #open(store: RecordStore, pages: PageStore): void {
    const { root } = this;
    this.#reservedPages = 1;
    root.load(store);
    this.pages = pages;
    this.#isPaged = (root.encoding & PAGED) !== 0;
    if (this.#isPaged) {
      this.collection = readUint48(root.bytes, root.offset);
      this.#hash.read(pages, this.collection, root.bytes, structureAt(root.offset, 0));
      this.page = this.#hash.page;
      this.readRest(root.bytes, structureAt(root.offset, 1));
    } else {
      this.page = this.#inlinePage;
      this.page.reset(root.bytes, root.offset, root.length);
    }
  }

  /** The encoding that clients see, which the type defines: below 8. */
  get encoding(): number {
    return this.root.encoding & ~PAGED;
  }

  set encoding(encoding: number) {
    if (encoding !== this.encoding) this.root.setEncoding(encoding | (this.root.encoding & PAGED));
    if (!this.#isPaged) this.page.reset(this.root.bytes, this.root.offset, this.root.length);
  }

  get isPaged(): boolean {
    return this.#isPaged;
  }

  /** The value's own bytes, to be copied when it is stored under a key. */
  get payload(): RecordBytes {
    return this.root;
  }

  /** Pages of a value in pages; 1 for others. */
  get pageCount(): number {
    return this.#isPaged ? this.#hash.pageCount : 1;
  }

  /**
   * The value, which is new, will have at least the elements of one with so many pages. They come in the order of these pages where
   * they are added in that of the other's, which keeps those in use few.
   */
  reserve(pageCount: number): void {
    this.#reservedPages = pageCount;
  }

  get count(): number {
    return this.#isPaged ? this.#hash.count : this.#inlinePage.count;
  }

  /** Moves to the element with a key. */
  find(key: Uint8Array, offset: number, length: number): boolean {
    if (this.#isPaged) return this.#hash.find(key, offset, length);
    const { keyHash } = this.pages;
    keyHash.hashBytes(key, offset, length);
    this.#tag = keyHash.upper & 0xff;
    return this.page.find(this.#tag, key, offset, length);
  }

  /** Moves to an element of a value in pages by the two words of its key's hash and its expiry. */
  protected findHashed(hash: number, upper: number, expireAt: number): boolean {
    return this.#hash.findHashed(hash, upper, expireAt);
  }

  /** Makes an element with the key that was missed last and a value, whose bytes must not lie in this value. */
  insert(
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    value: Uint8Array,
    valueOffset: number,
    valueLength: number,
    expireAt: number,
  ): void {
    if (this.#isPaged) {
      this.#hash.insert(key, keyOffset, keyLength, value, valueOffset, valueLength, expireAt);
      return;
    }
    const { root, page } = this;
    const size = page.elementBytes(keyLength, valueLength, expireAt);
    root.splice(root.length, 0, size);
    page.append(root, size, this.#tag, key, keyOffset, keyLength, value, valueOffset, valueLength, expireAt);
    if (root.length > INLINE_BYTES_MAX) this.#toPages();
  }

  /** Gives the element found last another value, whose bytes must not lie in this value, and expiry. */
  setValue(value: Uint8Array, valueOffset: number, valueLength: number, expireAt: number): void {
    this.resizeValue(valueLength, expireAt);
    const { page } = this;
    copyBytes(value, valueOffset, page.bytes, page.valueOffset, valueLength);
    if (!this.#isPaged && this.root.length > INLINE_BYTES_MAX) this.#toPages();
  }

  /** Removes the element found last. */
  remove(): void {
    if (!this.#isPaged) {
      this.page.remove(this.root);
      return;
    }
    this.#hash.remove();
    if (this.#hash.pageCount === 1) this.#toInline();
  }

  /** Writes what the head tells of. Call after changes. */
  save(): void {
    if (!this.#isPaged) return;
    const { root } = this;
    root.write();
    this.#hash.write(root.bytes, structureAt(root.offset, 0));
    this.writeRest(root.bytes, structureAt(root.offset, 1));
  }

  /** Before the first element of a walk over all of them, in which nothing is changed. */
  rewind(): void {
    this.#nextPage = 0;
    if (this.#isPaged) this.page.reset(this.page.bytes, 0, PAGE_HEAD_BYTES);
    else this.page.reset(this.root.bytes, this.root.offset, this.root.length);
  }

  /** Moves to the next element; false at the end. */
  next(): boolean {
    while (!this.page.next()) {
      if (!this.#isPaged) return false;
      do {
        if (this.#nextPage === this.#hash.pageCount) return false;
      } while (!this.#hash.loadPage(this.#nextPage++));
    }
    return true;
  }

  /**
   * Sets `page` before the first element of a part of the value and returns where a scan goes on, 0 at the end; see
   * LinearHash.scan. A small value is one part.
   */
  scan(position: number): number {
    if (this.#isPaged) return this.#hash.scan(position);
    this.rewind();
    return 0;
  }

  /** Moves to an element chosen uniformly; there must be one. `random(n)` answers an integer below n. */
  seekRandom(random: (limit: number) => number): void {
    if (this.#isPaged) this.#hash.seekRandom(random);
    else this.page.seek(random(this.page.count));
  }

  /** Reads what else the head describes, from structure 1 on. */
  protected readRest(_bytes: Uint8Array, _at: number): void {}

  /** Writes it. */
  protected writeRest(_bytes: Uint8Array, _at: number): void {}

  /** Bytes after the structures in a head. */
  protected get restBytes(): number {
    return 0;
  }

  /** The value came into pages: what else belongs to it may too. */
  protected becamePaged(): void {}

  /** Gives the element found last a value of another length or expiry; its bytes are undefined, at `page.valueOffset`. */
  protected resizeValue(valueLength: number, expireAt: number): void {
    if (this.#isPaged) this.#hash.resizeValue(valueLength, expireAt);
    else this.page.resizeValue(this.root, valueLength, expireAt);
  }

  #toPages(): void {
    const { root } = this;
    const bytes = root.bytes.slice(root.offset, root.offset + root.length);
    const source = new HashedPage(this.#valueWidth);
    source.reset(bytes, 0, bytes.length);
    this.collection = this.pages.takeCollection();
    const hash = this.#hash;
    hash.begin(this.pages, this.collection, this.#reservedPages);
    while (source.next()) {
      hash.find(bytes, source.keyOffset, source.keyLength);
      hash.insert(
        bytes,
        source.keyOffset,
        source.keyLength,
        bytes,
        source.valueOffset,
        source.valueLength,
        source.expireAt,
      );
    }
    this.#isPaged = true;
    this.page = hash.page;
    root.becomeHead(this.collection, this.#structureCount, this.restBytes);
    this.becamePaged();
    this.save();
  }

  #toInline(): void {
    const hash = this.#hash;
    if (hash.pageCount > 1 || !this.canBeInline) return;
    const { root } = this;
    const isThere = hash.loadPage(0);
    const { page } = hash;
    const length = isThere ? page.end - page.start : PAGE_HEAD_BYTES;
    if (length > INLINE_AGAIN_BYTES) return;
    const bytes = isThere ? page.bytes.slice(page.start, page.end) : new Uint8Array(PAGE_HEAD_BYTES);
    if (isThere) this.pages.remove();
    root.becomeInline(bytes);
    this.#isPaged = false;
    this.page = this.#inlinePage;
    this.page.reset(root.bytes, root.offset, length);
  }

  /** Whether the value may come back into its record. */
  protected get canBeInline(): boolean {
    return true;
  }
}
