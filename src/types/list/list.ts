import { copyBytes, equalBytes, readUint48 } from '../../base/bytes.ts';
import { CountedTree, LEAF_HEAD_BYTES } from '../pages/counted-tree.ts';
import { INLINE_BYTES_MAX } from '../pages/element-table.ts';
import { PAGED, structureAt } from '../pages/head.ts';
import { lengthBytes, readLength, writeLength } from '../pages/length-code.ts';
import { RecordBytes } from '../pages/record-bytes.ts';
import type { ValueStore } from '../pages/record-store.ts';

const NO_BYTES = new Uint8Array(0);
const STRUCTURE_COUNT = 1;
/** Elements are kept in the value's own record up to so many pages' bytes, and come back into it when they are few. */
const INLINE_PAGES_MAX = 2;
const INLINE_AGAIN_PAGES = 1 / 4;

/** Elements in a tree by their place: an item is its length (length-code.ts) and its bytes. */
class ElementTree extends CountedTree {
  protected endOf(bytes: Uint8Array, at: number): number {
    const length = readLength(bytes, at);
    return at + lengthBytes(length) + length;
  }

  protected compare(): number {
    throw new Error('elements of a list have no order but their place');
  }

  protected compareSeparator(): number {
    throw new Error('elements of a list have no order but their place');
  }

  protected separatorOf(): Uint8Array {
    return NO_BYTES;
  }
}

/**
 * A list: its elements in a tree that counts them. One object serves one value after another: `open` takes the one that a
 * database found last; after changes `save` writes its head. The element under the cursor is told by `bytes`, `offset` and
 * `length` until the next call.
 */
export class ListValue {
  /** Payload bytes of a list without elements, which are zeros. */
  static readonly emptyBytes = LEAF_HEAD_BYTES;

  readonly #tree = new ElementTree(0);
  readonly #root = new RecordBytes();
  #store!: ValueStore;
  #isPaged = false;
  #item = new Uint8Array(256);

  /** Takes the value that a database found last. */
  open(store: ValueStore, isForWriting: boolean): void {
    if (isForWriting) store.makeHot();
    this.#store = store;
    this.#isPaged = (store.entry.encoding & PAGED) !== 0;
    if (!this.#isPaged) {
      this.#tree.openInline(store);
      return;
    }
    const root = this.#root;
    root.load(store);
    this.#tree.read(
      store.pages,
      readUint48(root.bytes, root.offset),
      root.bytes,
      structureAt(root.offset, 0),
    );
  }

  /** Pages are divided above so many bytes, so that larger elements come to have pages of their own; 2048 unless it is set. */
  set pageBytesMax(bytes: number) {
    this.#tree.leafBytesMax = bytes;
  }

  get count(): number {
    return this.#tree.count;
  }

  /** About the bytes of a listpack of all elements. */
  get listpackBytes(): number {
    return this.#tree.itemBytes + this.#tree.count;
  }

  get isPaged(): boolean {
    return this.#isPaged;
  }

  /** The encoding that clients see. */
  get encoding(): number {
    return this.#record.encoding & ~PAGED;
  }

  set encoding(encoding: number) {
    const record = this.#record;
    record.setEncoding(encoding | (record.encoding & PAGED));
  }

  /** The value's own record. */
  get #record(): RecordBytes {
    return this.#isPaged ? this.#root : this.#tree.leaf;
  }

  get bytes(): Uint8Array {
    return this.#tree.leaf.bytes;
  }

  get offset(): number {
    const at = this.#tree.itemStart;
    return at + lengthBytes(readLength(this.#tree.leaf.bytes, at));
  }

  get length(): number {
    return readLength(this.#tree.leaf.bytes, this.#tree.itemStart);
  }

  /** Moves to the element at a place from 0 on; false if there is none. */
  seek(place: number): boolean {
    return this.#tree.seekRank(place);
  }

  /** Moves to the first or the last element; false if there is none. */
  seekEnd(isFirst: boolean): boolean {
    return isFirst ? this.#tree.seekFirst() : this.#tree.seekLast();
  }

  next(): boolean {
    return this.#tree.next();
  }

  previous(): boolean {
    return this.#tree.previous();
  }

  /** Whether the element under the cursor has these bytes. */
  equals(bytes: Uint8Array, offset: number, length: number): boolean {
    return this.length === length && equalBytes(this.bytes, this.offset, bytes, offset, length);
  }

  /** Adds an element at an end; its bytes must not lie in this list. */
  push(isFirst: boolean, bytes: Uint8Array, offset: number, length: number): void {
    if (isFirst) this.#tree.seekFirst();
    else this.#tree.seekEnd();
    this.#insert(bytes, offset, length);
  }

  /** Adds an element before the one at a place, or at the end. */
  insertAt(place: number, bytes: Uint8Array, offset: number, length: number): void {
    this.#tree.seekRank(place);
    this.#insert(bytes, offset, length);
  }

  /** Replaces the element that was moved to last. */
  replace(bytes: Uint8Array, offset: number, length: number): void {
    const tree = this.#tree;
    const start = tree.itemStart;
    const head = lengthBytes(length);
    tree.edit(start, tree.itemEnd - start, head + length);
    const at = tree.itemStart;
    writeLength(tree.leaf.bytes, at, length);
    copyBytes(bytes, offset, tree.leaf.bytes, at + head, length);
    this.#fit();
  }

  /** Removes `count` elements from a place on. */
  removeAt(place: number, count: number): void {
    for (let left = Math.min(count, this.count - place); left > 0; ) {
      this.#tree.seekRank(place);
      left -= this.#tree.remove(left);
    }
    this.#fit();
  }

  /** Writes what the head tells of. Call after changes. */
  save(): void {
    if (!this.#isPaged) return;
    const root = this.#root;
    root.write();
    this.#tree.write(root.bytes, structureAt(root.offset, 0));
  }

  #insert(bytes: Uint8Array, offset: number, length: number): void {
    const head = lengthBytes(length);
    if (this.#item.length < head + length) this.#item = new Uint8Array((head + length) * 2);
    const item = this.#item;
    writeLength(item, 0, length);
    copyBytes(bytes, offset, item, head, length);
    this.#tree.insert(item, 0, head + length);
    if (item.length > INLINE_BYTES_MAX * 16) this.#item = new Uint8Array(256);
    this.#fit();
  }

  /** Moves the elements between the value's own record and pages as their size asks for. */
  #fit(): void {
    const tree = this.#tree;
    if (!this.#isPaged) {
      if (tree.itemBytes > tree.leafBytesMax * INLINE_PAGES_MAX) this.#toPages();
    } else if (
      tree.itemBytes <= tree.leafBytesMax * INLINE_AGAIN_PAGES &&
      tree.soleLeafBytes <= tree.leafBytesMax * INLINE_AGAIN_PAGES * 2
    ) {
      this.#toInline();
    }
  }

  #toPages(): void {
    const store = this.#store;
    const collection = store.pages.takeCollection();
    this.#tree.toPages(store.pages, collection);
    const root = this.#root;
    root.load(store);
    root.becomeHead(collection, STRUCTURE_COUNT, 0);
    this.#isPaged = true;
    this.save();
  }

  #toInline(): void {
    this.#root.becomeInline(this.#tree.takeSoleLeaf());
    this.#isPaged = false;
    this.#tree.openInline(this.#store);
  }
}
