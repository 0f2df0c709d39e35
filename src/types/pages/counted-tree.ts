import { copyBytes, readUint32, writeUint32 } from '../../base/bytes.ts';
import { FORM_TREE, readDouble, writeDouble } from './head.ts';
import {
  type Child,
  childCount,
  childPage,
  countBelow,
  halfOf,
  insertChild,
  removeChild,
  separatorEnd,
  separatorStart,
  separatorsAt,
  setCountBelow,
  splitChildren,
  sumBelow,
  twoChildrenBytes,
  writeTwoChildren,
} from './inner-page.ts';
import { RecordBytes } from './record-bytes.ts';
import { type PageStore, type RecordStore, roomFor } from './record-store.ts';

/** Bytes before the first item of a leaf: how many items it has. */
export const LEAF_HEAD_BYTES = 2;
/** Bytes of the largest leaf of more than one item, its head included. */
export const LEAF_BYTES_MAX = 2048;
/** A leaf below this share of the largest looks for one to become one with. */
const LEAF_FRACTION_MIN = 1 / 4;
/** Two leaves become one if it is not larger than this share. */
const MERGED_FRACTION_MAX = 3 / 4;
const LEAF_COUNT_MAX = 0xffff;
const INNER_BYTES_MAX = 4096;
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
  /** A leaf that would grow beyond this is divided. */
  leafBytesMax = LEAF_BYTES_MAX;
  /** Bytes of all items. */
  itemBytes = 0;
  /** Items before the cursor in the leaf. */
  itemNumber = 0;
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
  /**
   * The inner pages above the leaf, from the root on: the number of each, its bytes, which child the way goes on through, and
   * whether it can be changed as it is. Of the first `#pathDepth` of them the bytes are those of now, until the next call: other
   * values may be changed then, and pages move.
   */
  readonly #pathPages = new Float64Array(HEIGHT_MAX);
  readonly #path: RecordBytes[] = [];
  readonly #pathChildren = new Int32Array(HEIGHT_MAX);
  readonly #pathIsPlain = new Uint8Array(HEIGHT_MAX);
  #pathDepth = 0;
  /** The store's `reliefCount` when the cursor began to move. */
  #pathReliefs: number | undefined = 0;
  /** Where the items of the leaf begin, for going backwards, if there is one. */
  #starts = new Int32Array(128);
  #hasStarts = false;

  constructor(structure: number) {
    this.#structure = structure;
  }

  /** Where the item that begins at `at` ends. */
  protected abstract endOf(bytes: Uint8Array, at: number): number;

  /** Order of the item at `at` against the key looked for: negative if it is before it, 0 if it is that. */
  protected abstract compare(bytes: Uint8Array, at: number): number;

  /** Order of a separator against the key looked for. */
  protected abstract compareSeparator(bytes: Uint8Array, at: number, length: number): number;

  /**
   * A separator of the item at `at` from those before it, in an array of its own: it does not sort after the item, but after
   * the one before, which is `before` at `beforeAt`. Empty if items have no keys.
   */
  protected abstract separatorOf(
    bytes: Uint8Array,
    at: number,
    before: Uint8Array,
    beforeAt: number,
  ): Uint8Array;

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
    this.#pathDepth = 0;
  }

  read(pages: PageStore, collection: number, bytes: Uint8Array, at: number): void {
    this.#pages = pages;
    this.#collection = collection;
    this.#height = bytes[at + 1];
    this.#pageNumbers = readUint32(bytes, at + 4);
    this.#root = readUint32(bytes, at + 8);
    this.count = readUint32(bytes, at + 12);
    this.itemBytes = readDouble(bytes, at + 16);
    this.#pathDepth = 0;
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

  /** How many items are before the cursor in all. */
  get rank(): number {
    let rank = this.itemNumber;
    if (this.count === 0) return rank;
    for (let level = 0; level < this.#height; level++) {
      const { bytes, offset } = this.#path[level];
      rank += sumBelow(bytes, offset, 0, this.#pathChildren[level]);
    }
    return rank;
  }

  /** Whether no item is behind the one under the cursor. */
  protected get isAtLast(): boolean {
    return this.itemNumber + 1 === this.#leafCount && this.#isAtEdge(true);
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
    this.#leavePath();
    this.#descend(0, this.#root, false);
    this.#at = this.leaf.length;
    this.itemNumber = this.#leafCount;
    return true;
  }

  /** Moves to the item with `rank` items before it, or behind the last one; false if there is no such item. */
  seekRank(rank: number): boolean {
    if (rank >= this.count) {
      this.seekEnd();
      return false;
    }
    this.#leavePath();
    let page = this.#root;
    let rest = rank;
    for (let level = 0; level < this.#height; level++) {
      const { bytes, offset } = this.#enter(level, page);
      const last = childCount(bytes, offset) - 1;
      let child = 0;
      for (let below = countBelow(bytes, offset, 0); rest >= below && child < last; ) {
        rest -= below;
        below = countBelow(bytes, offset, ++child);
      }
      this.#pathChildren[level] = child;
      page = childPage(bytes, offset, child);
    }
    this.#loadLeaf(page);
    const { bytes, offset } = this.leaf;
    let at = offset + LEAF_HEAD_BYTES;
    for (let number = 0; number < rest; number++) at = this.endOf(bytes, at);
    this.#at = at - offset;
    this.itemNumber = rest;
    return true;
  }

  /**
   * Moves to the first item that is not before the key looked for, and is in the leaf where that key belongs: else behind that
   * leaf's last item, where `settle` goes on to the next leaf. Whether the item is the one looked for. With `isAgain` nothing
   * but this tree was looked at or changed since it was moved along last.
   */
  seekKey(isAgain = false): boolean {
    if (this.count === 0) {
      this.#seekNowhere();
      return false;
    }
    if (!isAgain) this.#leavePath();
    let page = this.#root;
    for (let level = 0; level < this.#height; level++) {
      const { bytes, offset } = this.#enter(level, page);
      const separators = separatorsAt(bytes, offset);
      // The last child whose separator is not after the key.
      let child = 0;
      for (let end = childCount(bytes, offset); end - child > 1; ) {
        const middle = (child + end) >>> 1;
        const start = separatorEnd(bytes, offset, middle - 1);
        const length = separatorEnd(bytes, offset, middle) - start;
        if (this.compareSeparator(bytes, separators + start, length) > 0) end = middle;
        else child = middle;
      }
      this.#pathChildren[level] = child;
      page = childPage(bytes, offset, child);
    }
    this.#loadLeaf(page);
    return this.seekInLeaf(this.leaf.bytes, this.leaf.offset + LEAF_HEAD_BYTES, this.#leafCount);
  }

  /**
   * Moves to the first of the leaf's items, `count` from `start` on, that is not before the key looked for, or behind the last
   * one: by `moveInLeaf`. Whether it is the item looked for.
   */
  protected seekInLeaf(bytes: Uint8Array, start: number, count: number): boolean {
    let order = -1;
    let number = this.#numberByHalving(bytes, start, count);
    let at = start + number * this.fixedBytes;
    for (; number < count; number++) {
      order = this.compare(bytes, at);
      if (order >= 0) break;
      at = this.endOf(bytes, at);
    }
    this.moveInLeaf(at, number);
    return order === 0;
  }

  /** Puts the cursor before the leaf's item that begins at `at` and has `number` items before it there. */
  protected moveInLeaf(at: number, number: number): void {
    this.#at = at - this.leaf.offset;
    this.itemNumber = number;
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
    if (!this.#hasStarts) this.#findStarts();
    this.#at = this.#starts[--this.itemNumber];
    return true;
  }

  #findStarts(): void {
    const count = this.#leafCount;
    if (this.#starts.length < count) this.#starts = new Int32Array(count * 2);
    const { bytes, offset } = this.leaf;
    let at = offset + LEAF_HEAD_BYTES;
    for (let number = 0; number < count; number++) {
      this.#starts[number] = at - offset;
      at = this.endOf(bytes, at);
    }
    this.#hasStarts = true;
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
      (leaf.length + length > this.leafBytesMax || this.#leafCount === LEAF_COUNT_MAX) &&
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
    if (this.#height > 0 && leaf.length < this.leafBytesMax * LEAF_FRACTION_MIN) this.#mergeLeaf();
    return removed;
  }

  /**
   * Replaces `removed` bytes of the item under the cursor, from `at` (as `itemStart` tells) on, by as many undefined ones as
   * `inserted` says. The item stays one item, of the same place in the order, and under the cursor.
   */
  edit(at: number, removed: number, inserted: number): void {
    this.itemBytes += inserted - removed;
    this.leaf.splice(at - this.leaf.offset, removed, inserted);
    this.#hasStarts = false;
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
  }

  /** Forgets the inner pages on the path: the cursor begins to move. */
  #leavePath(): void {
    this.#pathDepth = 0;
    if (this.#height > 0) this.#pathReliefs = this.#pages.reliefCount;
  }

  /** Whether the inner page at `level` on the path is known and where it was. */
  #isInPlace(level: number): boolean {
    return level < this.#pathDepth && this.#pages.reliefCount === this.#pathReliefs;
  }

  /** The inner page `page`, which comes to be the one at `level` on the path if it is not there. */
  #enter(level: number, page: number): RecordBytes {
    if (this.#isInPlace(level) && this.#pathPages[level] === page) return this.#path[level];
    return this.#load(level, page);
  }

  /** As {@link enter}, and found last. What is below it on the path is no longer known. */
  #load(level: number, page: number): RecordBytes {
    this.#pathDepth = level;
    this.#find(page);
    if (this.#path.length === level) this.#path.push(new RecordBytes());
    const inner = this.#path[level];
    inner.load(this.#pages);
    this.#pathPages[level] = page;
    this.#pathIsPlain[level] = this.#pages.isPlain === true ? 1 : 0;
    this.#pathDepth = level + 1;
    return inner;
  }

  #loadLeaf(page: number): void {
    if (this.#height >= 0) {
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
    this.#hasStarts = false;
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
    this.#hasStarts = false;
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
    // Where elements are added at an end, a leaf grows to its full size soon.
    const isGrowing = this.#height > 0 && (this.itemNumber === 0 || this.itemNumber === this.#leafCount);
    leaf.splice(this.#at, 0, length, isGrowing ? Math.min(leaf.length * 2, this.leafBytesMax) : 0);
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
      this.#findStarts();
      const before = leaf.offset + this.#starts[count - 1];
      const separator = this.separatorOf(item, itemOffset, leaf.bytes, before);
      this.#makeLeaf(page, item, itemOffset, length);
      this.#addChild(level, count, { page, count: 1, separator });
      return;
    }
    // Also a leaf of one large item, which can't be divided, gets a neighbour.
    if (this.itemNumber === 0 && (count === 1 || this.#isAtEdge(false))) {
      // The new leaf takes what is here, this one the item, so that the entries above stay in order.
      const content = leaf.bytes.slice(leaf.offset, leaf.offset + leaf.length);
      const separator = this.separatorOf(content, LEAF_HEAD_BYTES, item, itemOffset);
      leaf.replace(LEAF_HEAD_BYTES + length);
      copyBytes(item, itemOffset, leaf.bytes, leaf.offset + LEAF_HEAD_BYTES, length);
      this.#setLeafCount(1);
      const made = this.#create(page, content.length, content.length);
      made.bytes.set(content, made.payloadOffset);
      this.#addChild(level, 1, { page, count, separator });
      return;
    }
    const { bytes, offset } = leaf;
    let before = offset + LEAF_HEAD_BYTES;
    let at = this.endOf(bytes, before);
    let kept = 1;
    const middle = offset + (leaf.length >>> 1);
    while (kept < count - 1 && at < middle) {
      before = at;
      at = this.endOf(bytes, at);
      kept++;
    }
    const splitAt = at - offset;
    const movedCount = count - kept;
    const isOnLeft = this.itemNumber <= kept && movedCount > 0;
    let separator: Uint8Array;
    if (movedCount === 0) separator = this.separatorOf(item, itemOffset, bytes, before);
    else if (isOnLeft && this.itemNumber === kept) separator = this.separatorOf(bytes, at, item, itemOffset);
    else separator = this.separatorOf(bytes, at, bytes, before);
    const moved = new Uint8Array(LEAF_HEAD_BYTES + leaf.length - splitAt);
    moved.set(bytes.subarray(at, offset + leaf.length), LEAF_HEAD_BYTES);
    moved[0] = movedCount;
    moved[1] = movedCount >>> 8;
    leaf.splice(splitAt, leaf.length - splitAt, 0);
    this.#setLeafCount(kept);
    if (isOnLeft) this.#insertInLeaf(item, itemOffset, length);
    const leftCount = this.#leafCount;
    const made = this.#create(page, moved.length, roomFor(moved.length));
    made.bytes.set(moved, made.payloadOffset);
    if (!isOnLeft) {
      const to = this.#at - splitAt + LEAF_HEAD_BYTES;
      leaf.load(this.#pages);
      this.#enterLeaf();
      this.#at = to;
      this.#insertInLeaf(item, itemOffset, length);
    }
    this.#addChild(level, leftCount, { page, count: isOnLeft ? movedCount : movedCount + 1, separator });
  }

  /** Whether the path leads through the last children of all inner pages, or through the first. */
  #isAtEdge(isLast: boolean): boolean {
    for (let level = 0; level < this.#height; level++) {
      const { bytes, offset } = this.#path[level];
      if (this.#pathChildren[level] !== (isLast ? childCount(bytes, offset) - 1 : 0)) return false;
    }
    return true;
  }

  /**
   * Enters a page that was divided off the one on the path below `level`, which has `leftCount` items now. One item has been
   * added below in all.
   */
  #addChild(level: number, leftCount: number, child: Child): void {
    if (level < 0) {
      this.#growRoot(leftCount, child);
      return;
    }
    const inner = this.#load(level, this.#pathPages[level]);
    const index = this.#pathChildren[level];
    const isLast = index === childCount(inner.bytes, inner.offset) - 1;
    insertChild(inner, index + 1, child);
    setCountBelow(inner.bytes, inner.offset, index, leftCount);
    if (inner.length > INNER_BYTES_MAX && childCount(inner.bytes, inner.offset) >= 4)
      this.#splitInner(level, inner, isLast);
    else for (let above = level - 1; above >= 0; above--) this.#addToCount(above, 1);
    this.#pathDepth = 0;
  }

  #splitInner(level: number, inner: RecordBytes, wasAppended: boolean): void {
    const count = childCount(inner.bytes, inner.offset);
    const kept = wasAppended ? count - 1 : halfOf(inner.bytes, inner.offset, inner.length);
    const { bytes, offset } = inner;
    const leftItems = sumBelow(bytes, offset, 0, kept);
    const rightItems = sumBelow(bytes, offset, kept, count);
    const separators = separatorsAt(bytes, offset);
    const separator = bytes.slice(
      separators + separatorStart(bytes, offset, kept),
      separators + separatorEnd(bytes, offset, kept),
    );
    const moved = splitChildren(inner, kept);
    const page = this.#pageNumbers++;
    const made = this.#create(page, moved.length, roomFor(moved.length));
    made.bytes.set(moved, made.payloadOffset);
    this.#addChild(level - 1, leftItems, { page, count: rightItems, separator });
  }

  #growRoot(leftCount: number, child: Child): void {
    const first = { page: this.#root, count: leftCount, separator: NO_BYTES };
    const size = twoChildrenBytes(first, child);
    const root = this.#pageNumbers++;
    const { bytes, payloadOffset } = this.#create(root, size, roomFor(size));
    writeTwoChildren(bytes, payloadOffset, first, child);
    this.#root = root;
    this.#height++;
    this.#pathDepth = 0;
  }

  #addToCount(level: number, change: number): void {
    const child = this.#pathChildren[level];
    if (this.#pathIsPlain[level] === 1 && this.#isInPlace(level)) {
      const { bytes, offset } = this.#path[level];
      setCountBelow(bytes, offset, child, countBelow(bytes, offset, child) + change);
      return;
    }
    this.#find(this.#pathPages[level]);
    const { bytes, payloadOffset } = this.#pages.makeHot();
    setCountBelow(bytes, payloadOffset, child, countBelow(bytes, payloadOffset, child) + change);
    this.#pathDepth = Math.min(this.#pathDepth, level);
  }

  /** Takes the child on the path out of the inner page at `level`, below which `removed` items are gone. */
  #removeChild(level: number, removed: number): void {
    if (level < 0) {
      this.#height = 0;
      return;
    }
    const inner = this.#load(level, this.#pathPages[level]);
    const count = childCount(inner.bytes, inner.offset);
    if (count === 1) {
      this.#pages.remove();
      this.#removeChild(level - 1, removed);
      return;
    }
    removeChild(inner, this.#pathChildren[level]);
    if (level > 0) {
      for (let above = level - 1; above >= 0; above--) this.#addToCount(above, -removed);
    } else if (count === 2) {
      this.#root = childPage(inner.bytes, inner.offset, 0);
      this.#pages.remove();
      this.#height--;
      this.#shrinkRoot();
    }
    this.#pathDepth = 0;
  }

  /** Gives up roots that have one child. */
  #shrinkRoot(): void {
    while (this.#height > 0) {
      const inner = this.#load(0, this.#root);
      if (childCount(inner.bytes, inner.offset) > 1) return;
      this.#root = childPage(inner.bytes, inner.offset, 0);
      this.#pages.remove();
      this.#height--;
    }
  }

  /** Puts the leaf together with a neighbour under the same inner page, if both are one page then. */
  #mergeLeaf(): void {
    const level = this.#height - 1;
    const { bytes, offset } = this.#enter(level, this.#pathPages[level]);
    const children = childCount(bytes, offset);
    if (children === 1) return;
    const left = Math.min(this.#pathChildren[level], children - 2);
    const right = left + 1;
    const leftPage = childPage(bytes, offset, left);
    const rightPage = childPage(bytes, offset, right);
    const rightCount = countBelow(bytes, offset, right);
    const { leaf } = this;
    this.#loadLeaf(rightPage);
    const rightLength = leaf.length;
    const content = leaf.bytes.slice(leaf.offset + LEAF_HEAD_BYTES, leaf.offset + rightLength);
    this.#loadLeaf(leftPage);
    const leftCount = this.#leafCount;
    if (
      leaf.length + content.length > this.leafBytesMax * MERGED_FRACTION_MAX ||
      leftCount + rightCount > LEAF_COUNT_MAX
    )
      return;
    const end = leaf.length;
    leaf.splice(end, 0, content.length);
    leaf.bytes.set(content, leaf.offset + end);
    this.#setLeafCount(leftCount + rightCount);
    this.#find(rightPage);
    this.#pages.remove();
    const node = this.#load(level, this.#pathPages[level]);
    removeChild(node, right);
    setCountBelow(node.bytes, node.offset, left, leftCount + rightCount);
    if (level === 0 && children === 2) {
      this.#root = leftPage;
      this.#pages.remove();
      this.#height = 0;
    }
    this.#pathDepth = 0;
  }

  #nextLeaf(): boolean {
    for (let level = this.#height - 1; level >= 0; level--) {
      const { bytes, offset } = this.#load(level, this.#pathPages[level]);
      const next = this.#pathChildren[level] + 1;
      if (next === childCount(bytes, offset)) continue;
      this.#pathChildren[level] = next;
      this.#descend(level + 1, childPage(bytes, offset, next), true);
      return true;
    }
    return false;
  }

  #previousLeaf(): boolean {
    for (let level = this.#height - 1; level >= 0; level--) {
      const child = this.#pathChildren[level];
      if (child === 0) continue;
      const { bytes, offset } = this.#load(level, this.#pathPages[level]);
      this.#pathChildren[level] = child - 1;
      this.#descend(level + 1, childPage(bytes, offset, child - 1), false);
      return true;
    }
    return false;
  }

  /** Goes down from `page`, which is at `level`, through the first or the last children. */
  #descend(level: number, page: number, isFirst: boolean): void {
    let child = page;
    for (let below = level; below < this.#height; below++) {
      const { bytes, offset } = this.#enter(below, child);
      const index = isFirst ? 0 : childCount(bytes, offset) - 1;
      this.#pathChildren[below] = index;
      child = childPage(bytes, offset, index);
    }
    this.#loadLeaf(child);
  }
}
