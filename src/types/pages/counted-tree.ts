import { copyBytes, readUint32, writeUint32 } from '../../base/bytes.ts';
import { FORM_TREE, readDouble, writeDouble } from './head.ts';
import {
  INNER_HEAD_BYTES,
  innerEntryBytes,
  innerEntryEnd,
  separatorAt,
  separatorLength,
} from './inner-page.ts';
import { writeLength } from './length-code.ts';
import { RecordBytes } from './record-bytes.ts';
import { type PageStore, type RecordStore, roomFor } from './record-store.ts';

/** Bytes before the first item of a leaf: how many items it has. */
export const LEAF_HEAD_BYTES = 2;
const LEAF_BYTES_MAX = 2048;
const LEAF_BYTES_MIN = LEAF_BYTES_MAX / 4;
/** Two leaves become one if it is not larger than this. */
const MERGED_BYTES_MAX = (LEAF_BYTES_MAX * 3) / 4;
const LEAF_COUNT_MAX = 0xffff;
const INNER_BYTES_MAX = 2048;
const HEIGHT_MAX = 16;
const NO_BYTES = new Uint8Array(0);

/**
 * Items in order, in a B+tree of pages whose inner ones count the items below them, so that an item is found by its place in the
 * order as well as by its key: sorted sets, lists, streams. While the value is small, its own record is the only leaf.
 *
 * The tree has one cursor, an item or the place after the last one of a leaf. An item's bytes are
 * `leaf.bytes[itemStart … itemEnd)`. What an item is and how items sort is the subclass's: it keeps the key that is looked for.
 * Items are inserted and removed where the cursor is, immediately after it was moved there; the cursor is nowhere
 * afterwards. The state is small and belongs to the value's head: `read` and `write` move it.
 */
export abstract class CountedTree {
  /** The leaf that the cursor is in. */
  readonly leaf = new RecordBytes();
  count = 0;
  /** Bytes of all items. */
  itemBytes = 0;
  /** Items before the cursor in the leaf; after `seekKey` and `seekRank`, `rank` is how many are before it in all. */
  itemNumber = 0;
  rank = 0;
  /** Where in the leaf the cursor is, from the leaf's first byte on. */
  #at = LEAF_HEAD_BYTES;
  #leafCount = 0;
  /** Levels of inner pages; -1 while the value's own record is the leaf. */
  #height = -1;
  #root = 0;
  #pageNumbers = 0;
  #pages!: PageStore;
  #collection = 0;
  readonly #structure: number;
  readonly #inner = new RecordBytes();
  /** The inner pages above the leaf, from the root on, and where in each the entry of the next one is. */
  readonly #pathPages = new Float64Array(HEIGHT_MAX);
  readonly #pathEntries = new Int32Array(HEIGHT_MAX);
  #leafPage = 0;
  /** Where the items of the leaf begin, for going backwards; none if it is empty. */
  #starts: number[] = [];

  constructor(structure: number) {
    this.#structure = structure;
  }

  /** Where the item that begins at `at` ends. */
  protected abstract endOf(bytes: Uint8Array, at: number): number;

  /** Order of the item at `at` against the key looked for: negative if it is before it, 0 if it is that. */
  protected abstract compare(bytes: Uint8Array, at: number): number;

  /** Order of a separator against the key looked for. */
  protected abstract compareSeparator(bytes: Uint8Array, at: number, length: number): number;

  /** Separator of the item at `at` from those before it, in an array of its own; empty if items have no keys. */
  protected abstract separatorOf(bytes: Uint8Array, at: number): Uint8Array;

  /** Takes a value whose own record, which its store found last, is the only leaf. */
  openInline(store: RecordStore): void {
    this.#height = -1;
    this.leaf.load(store);
    this.#enterLeaf();
    this.count = this.#leafCount;
    this.itemBytes = this.leaf.length - LEAF_HEAD_BYTES;
  }

  get isInline(): boolean {
    return this.#height < 0;
  }

  /** Begins an empty tree in pages. */
  begin(pages: PageStore, collection: number): void {
    this.#pages = pages;
    this.#collection = collection;
    this.count = 0;
    this.itemBytes = 0;
    this.#height = 0;
    this.#root = 0;
    this.#pageNumbers = 0;
  }

  read(pages: PageStore, collection: number, bytes: Uint8Array, at: number): void {
    this.#pages = pages;
    this.#collection = collection;
    this.#height = bytes[at + 1];
    this.#pageNumbers = readUint32(bytes, at + 4);
    this.#root = readUint32(bytes, at + 8);
    this.count = readUint32(bytes, at + 12);
    this.itemBytes = readDouble(bytes, at + 16);
  }

  write(bytes: Uint8Array, at: number): void {
    bytes[at] = FORM_TREE;
    bytes[at + 1] = this.#height;
    bytes[at + 2] = 0;
    bytes[at + 3] = 0;
    writeUint32(bytes, at + 4, this.#pageNumbers);
    writeUint32(bytes, at + 8, this.#root);
    writeUint32(bytes, at + 12, this.count);
    writeDouble(bytes, at + 16, this.itemBytes);
  }

  /** Where in `leaf.bytes` the item under the cursor begins and ends. */
  get itemStart(): number {
    return this.leaf.offset + this.#at;
  }

  get itemEnd(): number {
    return this.endOf(this.leaf.bytes, this.leaf.offset + this.#at);
  }

  /** Items in the leaf from the cursor on. */
  get leafRest(): number {
    return this.#leafCount - this.itemNumber;
  }

  /** Moves to the first item; false if there is none. */
  seekFirst(): boolean {
    return this.seekRank(0);
  }

  /** Moves to the last item; false if there is none. */
  seekLast(): boolean {
    if (!this.seekEnd()) return false;
    return this.previous();
  }

  /** Moves behind the last item; false if there is none. */
  seekEnd(): boolean {
    if (this.count === 0) {
      this.#seekNowhere();
      return false;
    }
    let page = this.#root;
    for (let level = 0; level < this.#height; level++) {
      const { bytes, offset } = this.#loadInner(page);
      const entry = bytes[offset + 2] | (bytes[offset + 3] << 8);
      this.#pathPages[level] = page;
      this.#pathEntries[level] = entry;
      page = readUint32(bytes, offset + entry);
    }
    this.#loadLeaf(page);
    this.#at = this.leaf.length;
    this.itemNumber = this.#leafCount;
    this.rank = this.count;
    return true;
  }

  /** Moves to the item with `rank` items before it, or behind the last one; false if there is no such item. */
  seekRank(rank: number): boolean {
    if (rank >= this.count) {
      this.seekEnd();
      return false;
    }
    let page = this.#root;
    let rest = rank;
    for (let level = 0; level < this.#height; level++) {
      const { bytes, offset, length } = this.#loadInner(page);
      let at = offset + INNER_HEAD_BYTES;
      let below = readUint32(bytes, at + 4);
      for (const end = offset + length; rest >= below && at < end; below = readUint32(bytes, at + 4)) {
        rest -= below;
        at = innerEntryEnd(bytes, at);
      }
      this.#pathPages[level] = page;
      this.#pathEntries[level] = at - offset;
      page = readUint32(bytes, at);
    }
    this.#loadLeaf(page);
    const { bytes, offset } = this.leaf;
    let at = offset + LEAF_HEAD_BYTES;
    for (let number = 0; number < rest; number++) at = this.endOf(bytes, at);
    this.#at = at - offset;
    this.itemNumber = rest;
    this.rank = rank;
    return true;
  }

  /**
   * Moves to the first item that is not before the key looked for, and is in the leaf where that key belongs: else behind that
   * leaf's last item, where `settle` goes on to the next leaf. Whether the item is the one looked for.
   */
  seekKey(): boolean {
    this.rank = 0;
    if (this.count === 0) {
      this.#seekNowhere();
      return false;
    }
    let page = this.#root;
    let below = this.count;
    for (let level = 0; level < this.#height; level++) {
      const inner = this.#loadInner(page);
      const { bytes, offset } = inner;
      const last = offset + lastEntryOf(inner);
      let at = offset + INNER_HEAD_BYTES;
      // What is looked for is at the end more often than elsewhere, where streams grow.
      if (
        last > at &&
        this.compareSeparator(bytes, separatorAt(bytes, last), separatorLength(bytes, last)) <= 0
      ) {
        this.rank += below - readUint32(bytes, last + 4);
        at = last;
      }
      while (at < last) {
        const next = innerEntryEnd(bytes, at);
        if (this.compareSeparator(bytes, separatorAt(bytes, next), separatorLength(bytes, next)) > 0) break;
        this.rank += readUint32(bytes, at + 4);
        at = next;
      }
      below = readUint32(bytes, at + 4);
      this.#pathPages[level] = page;
      this.#pathEntries[level] = at - offset;
      page = readUint32(bytes, at);
    }
    this.#loadLeaf(page);
    const { bytes, offset } = this.leaf;
    const count = this.#leafCount;
    let at = offset + LEAF_HEAD_BYTES;
    let order = -1;
    let number = this.#numberByHalving(bytes, at, count);
    at += number * this.fixedBytes;
    for (; number < count; number++) {
      order = this.compare(bytes, at);
      if (order >= 0) break;
      at = this.endOf(bytes, at);
    }
    this.#at = at - offset;
    this.itemNumber = number;
    this.rank += number;
    return order === 0;
  }

  /** Bytes of every item, where all have as many; else 0. */
  protected get fixedBytes(): number {
    return 0;
  }

  /** How many of the leaf's items, which begin at `start` and have as many bytes, are before the key looked for; 0 for others. */
  #numberByHalving(bytes: Uint8Array, start: number, count: number): number {
    const size = this.fixedBytes;
    let number = 0;
    for (let end = size === 0 ? 0 : count; number < end; ) {
      const middle = (number + end) >>> 1;
      if (this.compare(bytes, start + middle * size) < 0) number = middle + 1;
      else end = middle;
    }
    return number;
  }

  /** Moves from behind a leaf's last item to the next leaf's first one. Whether there is an item under the cursor. */
  settle(): boolean {
    return this.itemNumber < this.#leafCount || this.#nextLeaf();
  }

  /** Moves to the next item; false at the end. */
  next(): boolean {
    if (this.itemNumber >= this.#leafCount) return this.#nextLeaf();
    this.#at = this.endOf(this.leaf.bytes, this.leaf.offset + this.#at) - this.leaf.offset;
    this.itemNumber++;
    return this.itemNumber < this.#leafCount || this.#nextLeaf();
  }

  /** Moves to the item before; false at the beginning. */
  previous(): boolean {
    if (this.itemNumber === 0) {
      if (!this.#previousLeaf()) return false;
      this.itemNumber = this.#leafCount;
    }
    const starts = this.#starts;
    if (starts.length === 0) {
      const { bytes, offset } = this.leaf;
      let at = offset + LEAF_HEAD_BYTES;
      for (let number = 0; number < this.#leafCount; number++) {
        starts.push(at - offset);
        at = this.endOf(bytes, at);
      }
    }
    this.#at = starts[--this.itemNumber];
    return true;
  }

  /** Inserts an item before the cursor: bytes that must not lie in this value. */
  insert(item: Uint8Array, itemOffset: number, length: number): void {
    const { leaf } = this;
    this.count++;
    this.itemBytes += length;
    if (this.#height >= 0 && this.count === 1) {
      this.#beginLeaf(item, itemOffset, length);
      return;
    }
    const isFull =
      this.#height >= 0 &&
      (leaf.length + length > LEAF_BYTES_MAX || this.#leafCount === LEAF_COUNT_MAX) &&
      this.#leafCount > 0;
    if (isFull) {
      this.#splitLeaf(item, itemOffset, length);
      return;
    }
    this.#insertInLeaf(item, itemOffset, length);
    for (let level = this.#height - 1; level >= 0; level--) this.#addToCount(level, 1);
  }

  /**
   * Removes up to `most` items from the cursor on, all from its leaf, and returns how many: at least one, if there is an item
   * under the cursor.
   */
  remove(most: number): number {
    const { leaf } = this;
    const removed = Math.min(most, this.leafRest);
    if (removed === 0) return 0;
    this.count -= removed;
    if (this.#height >= 0 && removed === this.#leafCount) {
      this.itemBytes -= leaf.length - LEAF_HEAD_BYTES;
      this.#pages.remove();
      this.#removeChild(this.#height - 1, removed);
      return removed;
    }
    let end = leaf.offset + this.#at;
    for (let number = 0; number < removed; number++) end = this.endOf(leaf.bytes, end);
    this.itemBytes -= end - leaf.offset - this.#at;
    leaf.splice(this.#at, end - leaf.offset - this.#at, 0);
    this.#setLeafCount(this.#leafCount - removed);
    for (let level = this.#height - 1; level >= 0; level--) this.#addToCount(level, -removed);
    if (this.#height > 0 && leaf.length < LEAF_BYTES_MIN) this.#mergeLeaf();
    return removed;
  }

  /**
   * Replaces `removed` bytes of the item under the cursor, from `at` (as `itemStart` tells) on, by as many undefined ones as
   * `inserted` says. The item stays one item, of the same place in the order, and under the cursor.
   */
  edit(at: number, removed: number, inserted: number): void {
    this.itemBytes += inserted - removed;
    this.leaf.splice(at - this.leaf.offset, removed, inserted);
    this.#starts = [];
  }

  /** Bytes of the only leaf, its head included; infinite if there are inner pages. */
  get soleLeafBytes(): number {
    if (this.#height > 0) return Number.POSITIVE_INFINITY;
    if (this.#height === 0 && this.count > 0) this.seekFirst();
    return this.count === 0 ? LEAF_HEAD_BYTES : this.leaf.length;
  }

  /** Makes a leaf that is a value's own record the first page of a tree in pages. The record's bytes are free then. */
  toPages(pages: PageStore, collection: number): void {
    const { leaf, count, itemBytes } = this;
    const content = leaf.bytes.slice(leaf.offset, leaf.offset + leaf.length);
    this.begin(pages, collection);
    this.count = count;
    this.itemBytes = itemBytes;
    if (count === 0) return;
    this.#pageNumbers = 1;
    const made = pages.create(collection, this.#structure, 0, content.length, roomFor(content.length));
    made.bytes.set(content, made.payloadOffset);
  }

  /** Takes the only leaf's bytes out of its page, which is removed: they are to be the value's own record again. */
  takeSoleLeaf(): Uint8Array {
    if (this.count === 0) return new Uint8Array(LEAF_HEAD_BYTES);
    this.seekFirst();
    const content = this.leaf.bytes.slice(this.leaf.offset, this.leaf.offset + this.leaf.length);
    this.#pages.remove();
    return content;
  }

  #seekNowhere(): void {
    if (this.#height < 0) {
      this.#enterLeaf();
      return;
    }
    this.#leafCount = 0;
    this.itemNumber = 0;
    this.rank = 0;
  }

  #loadInner(page: number): RecordBytes {
    this.#find(page);
    this.#inner.load(this.#pages);
    return this.#inner;
  }

  #loadLeaf(page: number): void {
    if (this.#height >= 0) {
      this.#leafPage = page;
      this.#find(page);
      this.leaf.load(this.#pages);
    }
    this.#enterLeaf();
  }

  #enterLeaf(): void {
    const { bytes, offset } = this.leaf;
    this.#leafCount = bytes[offset] | (bytes[offset + 1] << 8);
    this.#at = LEAF_HEAD_BYTES;
    this.itemNumber = 0;
    if (this.#starts.length > 0) this.#starts = [];
  }

  #find(page: number): void {
    if (this.#pages.find(this.#collection, this.#structure, page)) return;
    throw new Error('a page of a value is missing');
  }

  #setLeafCount(count: number): void {
    const { bytes, offset } = this.leaf;
    bytes[offset] = count;
    bytes[offset + 1] = count >>> 8;
    this.#leafCount = count;
    if (this.#starts.length > 0) this.#starts = [];
  }

  #beginLeaf(item: Uint8Array, itemOffset: number, length: number): void {
    this.#height = 0;
    this.#root = this.#pageNumbers++;
    this.#makeLeaf(this.#root, item, itemOffset, length);
  }

  /** A new leaf with one item. */
  #makeLeaf(page: number, item: Uint8Array, itemOffset: number, length: number): void {
    const size = LEAF_HEAD_BYTES + length;
    const { bytes, payloadOffset } = this.#create(page, size, roomFor(size));
    bytes[payloadOffset] = 1;
    bytes[payloadOffset + 1] = 0;
    copyBytes(item, itemOffset, bytes, payloadOffset + LEAF_HEAD_BYTES, length);
  }

  #create(page: number, length: number, room: number) {
    return this.#pages.create(this.#collection, this.#structure, page, length, room);
  }

  #insertInLeaf(item: Uint8Array, itemOffset: number, length: number): void {
    const { leaf } = this;
    leaf.splice(this.#at, 0, length);
    copyBytes(item, itemOffset, leaf.bytes, leaf.offset + this.#at, length);
    this.#setLeafCount(this.#leafCount + 1);
  }

  /** Divides the leaf, which has no room for an item, and inserts the item. */
  #splitLeaf(item: Uint8Array, itemOffset: number, length: number): void {
    const { leaf } = this;
    const page = this.#pageNumbers++;
    const level = this.#height - 1;
    const count = this.#leafCount;
    if (this.itemNumber === count && this.#isAtEdge(true)) {
      this.#makeLeaf(page, item, itemOffset, length);
      this.#addChild(level, count, page, 1, this.separatorOf(item, itemOffset));
      return;
    }
    this.#find(this.#leafPage);
    // Also a leaf of one large item, which can't be divided, gets a neighbour.
    if (this.itemNumber === 0 && (count === 1 || this.#isAtEdge(false))) {
      // The new leaf takes what is here, this one the item, so that the entries above stay in order.
      const content = leaf.bytes.slice(leaf.offset, leaf.offset + leaf.length);
      leaf.replace(LEAF_HEAD_BYTES + length);
      copyBytes(item, itemOffset, leaf.bytes, leaf.offset + LEAF_HEAD_BYTES, length);
      this.#setLeafCount(1);
      const made = this.#create(page, content.length, content.length);
      made.bytes.set(content, made.payloadOffset);
      this.#addChild(level, 1, page, count, this.separatorOf(content, LEAF_HEAD_BYTES));
      return;
    }
    const { bytes, offset } = leaf;
    let at = this.endOf(bytes, offset + LEAF_HEAD_BYTES);
    let kept = 1;
    const middle = offset + (leaf.length >>> 1);
    while (kept < count - 1 && at < middle) {
      at = this.endOf(bytes, at);
      kept++;
    }
    const splitAt = count === 1 ? leaf.length : at - offset;
    const moved = new Uint8Array(LEAF_HEAD_BYTES + leaf.length - splitAt);
    moved.set(bytes.subarray(offset + splitAt, offset + leaf.length), LEAF_HEAD_BYTES);
    const movedCount = count - kept;
    moved[0] = movedCount;
    moved[1] = movedCount >>> 8;
    leaf.splice(splitAt, leaf.length - splitAt, 0);
    this.#setLeafCount(kept);
    const isOnLeft = this.itemNumber <= kept && movedCount > 0;
    if (isOnLeft) this.#insertInLeaf(item, itemOffset, length);
    const leftCount = this.#leafCount;
    const made = this.#create(page, moved.length, roomFor(moved.length));
    made.bytes.set(moved, made.payloadOffset);
    let separator = movedCount === 0 ? NO_BYTES : this.separatorOf(moved, LEAF_HEAD_BYTES);
    let rightCount = movedCount;
    if (!isOnLeft) {
      const at = this.#at - splitAt + LEAF_HEAD_BYTES;
      if (movedCount === 0) separator = this.separatorOf(item, itemOffset);
      this.#leafPage = page;
      leaf.load(this.#pages);
      this.#enterLeaf();
      this.#at = at;
      this.#insertInLeaf(item, itemOffset, length);
      rightCount++;
    }
    this.#addChild(level, leftCount, page, rightCount, separator);
  }

  /** Whether the path leads along the last entries of all inner pages, or along the first. */
  #isAtEdge(isLast: boolean): boolean {
    for (let level = 0; level < this.#height; level++) {
      const entry = this.#pathEntries[level];
      if (!isLast) {
        if (entry !== INNER_HEAD_BYTES) return false;
        continue;
      }
      const { bytes, offset } = this.#loadInner(this.#pathPages[level]);
      if (entry !== (bytes[offset + 2] | (bytes[offset + 3] << 8))) return false;
    }
    return true;
  }

  /**
   * Enters a page that was divided off the one on the path below `level`, which has `leftCount` items now. One item has been
   * added below in all.
   */
  #addChild(level: number, leftCount: number, page: number, rightCount: number, separator: Uint8Array): void {
    if (level < 0) {
      this.#growRoot(leftCount, page, rightCount, separator);
      return;
    }
    const inner = this.#loadInner(this.#pathPages[level]);
    const entry = this.#pathEntries[level];
    const next = innerEntryEnd(inner.bytes, inner.offset + entry) - inner.offset;
    const isLast = next === inner.length;
    inner.splice(next, 0, innerEntryBytes(separator.length));
    writeUint32(inner.bytes, inner.offset + entry + 4, leftCount);
    writeEntry(inner.bytes, inner.offset + next, page, rightCount, separator, separator.length);
    addToInnerCount(inner, 1);
    setLastEntry(inner, isLast ? next : lastEntryOf(inner) + innerEntryBytes(separator.length));
    if (inner.length <= INNER_BYTES_MAX || innerCountOf(inner) < 4) {
      for (let above = level - 1; above >= 0; above--) this.#addToCount(above, 1);
      return;
    }
    this.#splitInner(level, inner, isLast);
  }

  #splitInner(level: number, inner: RecordBytes, wasAppended: boolean): void {
    const { bytes, offset, length } = inner;
    const count = innerCountOf(inner);
    const middle = wasAppended ? length : length >>> 1;
    let at = INNER_HEAD_BYTES;
    let before = 0;
    let kept = 0;
    let leftItems = 0;
    while (kept < count - 1 && (kept === 0 || at < middle)) {
      leftItems += readUint32(bytes, offset + at + 4);
      before = at;
      at = innerEntryEnd(bytes, offset + at) - offset;
      kept++;
    }
    let rightItems = 0;
    for (let rest = offset + at; rest < offset + length; rest = innerEntryEnd(bytes, rest))
      rightItems += readUint32(bytes, rest + 4);
    const separatorFrom = separatorAt(bytes, offset + at);
    const separator = bytes.slice(separatorFrom, separatorFrom + separatorLength(bytes, offset + at));
    const moved = new Uint8Array(INNER_HEAD_BYTES + length - at);
    moved.set(bytes.subarray(offset + at, offset + length), INNER_HEAD_BYTES);
    const movedCount = count - kept;
    moved[0] = movedCount;
    moved[1] = movedCount >>> 8;
    const movedLast = lastEntryOf(inner) - at + INNER_HEAD_BYTES;
    moved[2] = movedLast;
    moved[3] = movedLast >>> 8;
    inner.splice(at, length - at, 0);
    addToInnerCount(inner, -movedCount);
    setLastEntry(inner, before);
    const page = this.#pageNumbers++;
    const made = this.#create(page, moved.length, roomFor(moved.length));
    made.bytes.set(moved, made.payloadOffset);
    this.#addChild(level - 1, leftItems, page, rightItems, separator);
  }

  #growRoot(leftCount: number, page: number, rightCount: number, separator: Uint8Array): void {
    const first = INNER_HEAD_BYTES;
    const second = first + innerEntryBytes(0);
    const size = second + innerEntryBytes(separator.length);
    const root = this.#pageNumbers++;
    const { bytes, payloadOffset } = this.#create(root, size, roomFor(size));
    bytes[payloadOffset] = 2;
    bytes[payloadOffset + 1] = 0;
    bytes[payloadOffset + 2] = second;
    bytes[payloadOffset + 3] = 0;
    writeEntry(bytes, payloadOffset + first, this.#root, leftCount, NO_BYTES, 0);
    writeEntry(bytes, payloadOffset + second, page, rightCount, separator, separator.length);
    this.#root = root;
    this.#height++;
  }

  #addToCount(level: number, change: number): void {
    this.#find(this.#pathPages[level]);
    const { bytes, payloadOffset } = this.#pages.makeHot();
    const at = payloadOffset + this.#pathEntries[level] + 4;
    writeUint32(bytes, at, readUint32(bytes, at) + change);
  }

  /** Takes the entry on the path out of the inner page at `level`, below which `removed` items are gone. */
  #removeChild(level: number, removed: number): void {
    if (level < 0) {
      this.#height = 0;
      return;
    }
    const inner = this.#loadInner(this.#pathPages[level]);
    const count = innerCountOf(inner);
    if (count === 1) {
      this.#pages.remove();
      this.#removeChild(level - 1, removed);
      return;
    }
    this.#takeEntry(inner, this.#pathEntries[level]);
    if (level > 0) {
      for (let above = level - 1; above >= 0; above--) this.#addToCount(above, -removed);
    } else if (count === 2) {
      this.#root = readUint32(inner.bytes, inner.offset + INNER_HEAD_BYTES);
      this.#pages.remove();
      this.#height--;
      this.#shrinkRoot();
    }
  }

  /** Gives up roots that have one child. */
  #shrinkRoot(): void {
    while (this.#height > 0) {
      const inner = this.#loadInner(this.#root);
      if (innerCountOf(inner) > 1) return;
      this.#root = readUint32(inner.bytes, inner.offset + INNER_HEAD_BYTES);
      this.#pages.remove();
      this.#height--;
    }
  }

  #takeEntry(inner: RecordBytes, entry: number): void {
    const { bytes, offset } = inner;
    const size = innerEntryEnd(bytes, offset + entry) - offset - entry;
    let last = lastEntryOf(inner);
    if (entry === last) {
      last = INNER_HEAD_BYTES;
      for (let at = INNER_HEAD_BYTES; at < entry; at = innerEntryEnd(bytes, offset + at) - offset) last = at;
    } else {
      last -= size;
    }
    inner.splice(entry, size, 0);
    addToInnerCount(inner, -1);
    setLastEntry(inner, last);
  }

  /** Puts the leaf together with a neighbour under the same inner page, if both are one page then. */
  #mergeLeaf(): void {
    const level = this.#height - 1;
    const parent = this.#pathPages[level];
    const inner = this.#loadInner(parent);
    if (innerCountOf(inner) === 1) return;
    const { bytes, offset } = inner;
    let left = this.#pathEntries[level];
    if (left === lastEntryOf(inner)) {
      let before = INNER_HEAD_BYTES;
      for (let at = INNER_HEAD_BYTES; at < left; at = innerEntryEnd(bytes, offset + at) - offset) before = at;
      left = before;
    }
    const right = innerEntryEnd(bytes, offset + left) - offset;
    const leftPage = readUint32(bytes, offset + left);
    const rightPage = readUint32(bytes, offset + right);
    const rightCount = readUint32(bytes, offset + right + 4);
    const { leaf } = this;
    this.#loadLeaf(rightPage);
    const rightLength = leaf.length;
    const content = leaf.bytes.slice(leaf.offset + LEAF_HEAD_BYTES, leaf.offset + rightLength);
    this.#loadLeaf(leftPage);
    const leftCount = this.#leafCount;
    if (leaf.length + content.length > MERGED_BYTES_MAX || leftCount + rightCount > LEAF_COUNT_MAX) return;
    const end = leaf.length;
    leaf.splice(end, 0, content.length);
    leaf.bytes.set(content, leaf.offset + end);
    this.#setLeafCount(leftCount + rightCount);
    this.#find(rightPage);
    this.#pages.remove();
    this.#pathEntries[level] = right;
    const node = this.#loadInner(parent);
    const hasOneLeft = innerCountOf(node) === 2;
    this.#takeEntry(node, right);
    writeUint32(node.bytes, node.offset + left + 4, leftCount + rightCount);
    if (level === 0 && hasOneLeft) {
      this.#root = leftPage;
      this.#pages.remove();
      this.#height = 0;
    }
  }

  #nextLeaf(): boolean {
    for (let level = this.#height - 1; level >= 0; level--) {
      const { bytes, offset, length } = this.#loadInner(this.#pathPages[level]);
      const next = innerEntryEnd(bytes, offset + this.#pathEntries[level]) - offset;
      if (next >= length) continue;
      this.#pathEntries[level] = next;
      this.#descend(level, readUint32(bytes, offset + next), true);
      return true;
    }
    return false;
  }

  #previousLeaf(): boolean {
    for (let level = this.#height - 1; level >= 0; level--) {
      const { bytes, offset } = this.#loadInner(this.#pathPages[level]);
      const entry = this.#pathEntries[level];
      if (entry === INNER_HEAD_BYTES) continue;
      let before = INNER_HEAD_BYTES;
      for (let at = INNER_HEAD_BYTES; at < entry; at = innerEntryEnd(bytes, offset + at) - offset)
        before = at;
      this.#pathEntries[level] = before;
      this.#descend(level, readUint32(bytes, offset + before), false);
      return true;
    }
    return false;
  }

  /** Goes down from the child `page` of the inner page at `level` along the first or the last entries. */
  #descend(level: number, page: number, isFirst: boolean): void {
    let child = page;
    for (let below = level + 1; below < this.#height; below++) {
      const inner = this.#loadInner(child);
      const entry = isFirst ? INNER_HEAD_BYTES : lastEntryOf(inner);
      this.#pathPages[below] = child;
      this.#pathEntries[below] = entry;
      child = readUint32(inner.bytes, inner.offset + entry);
    }
    this.#loadLeaf(child);
  }
}

function innerCountOf(inner: RecordBytes): number {
  return inner.bytes[inner.offset] | (inner.bytes[inner.offset + 1] << 8);
}

function addToInnerCount(inner: RecordBytes, change: number): void {
  const count = innerCountOf(inner) + change;
  inner.bytes[inner.offset] = count;
  inner.bytes[inner.offset + 1] = count >>> 8;
}

function lastEntryOf(inner: RecordBytes): number {
  return inner.bytes[inner.offset + 2] | (inner.bytes[inner.offset + 3] << 8);
}

function setLastEntry(inner: RecordBytes, entry: number): void {
  inner.bytes[inner.offset + 2] = entry;
  inner.bytes[inner.offset + 3] = entry >>> 8;
}

function writeEntry(
  bytes: Uint8Array,
  at: number,
  page: number,
  count: number,
  separator: Uint8Array,
  length: number,
): void {
  writeUint32(bytes, at, page);
  writeUint32(bytes, at + 4, count);
  const from = writeLength(bytes, at + 8, length);
  copyBytes(separator, 0, bytes, from, length);
}
