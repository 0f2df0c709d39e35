import { readUint48, sliceBytes } from '../../base/bytes.ts';
import { LEAF_HEAD_BYTES } from '../pages/counted-tree.ts';
import { DetachedRecord } from '../pages/detached-record.ts';
import { INLINE_AGAIN_BYTES, INLINE_BYTES_MAX } from '../pages/element-table.ts';
import { PAGED, structureAt } from '../pages/head.ts';
import { lengthBytes, readLength } from '../pages/length-code.ts';
import { LinearHash } from '../pages/linear-hash.ts';
import { RecordBytes } from '../pages/record-bytes.ts';
import type { PageStore, RecordStore, ValueStore } from '../pages/record-store.ts';
import { freePages } from '../pages/walk.ts';
import { ENCODING_LISTPACK } from './encoding.ts';
import { readScore, SCORE_BYTES, writeScore } from './score.ts';
import { itemBytes, ScoreTree, writeItem } from './score-tree.ts';

/** Structures of a sorted set in pages: the scores by member, and the members in order. */
const SCORES = 0;
const ORDER = 1;
const STRUCTURE_COUNT = 2;

/**
 * A sorted set: a tree of its members in order, which while it is small is the value's own record, and in pages also a table of
 * the scores by member.
 *
 * One object serves one value after another: `open` takes the one that a database found last. To change it open it for writing and
 * call `save` at the end. The member found or moved to last is told by `bytes`, `memberOffset`, `memberLength` and `score` until
 * the next call. Members that are given to it are lent for the call; they must not lie in this value.
 */
export class SortedSetValue {
  /** Payload bytes of a sorted set without members, which are zeros. */
  static readonly emptyBytes = LEAF_HEAD_BYTES;

  bytes: Uint8Array = new Uint8Array(0);
  memberOffset = 0;
  memberLength = 0;
  score = 0;
  readonly #tree = new ScoreTree(ORDER);
  readonly #scores = new LinearHash(SCORES, SCORE_BYTES);
  readonly #root = new RecordBytes();
  #store!: RecordStore;
  #pages!: PageStore;
  #collection = 0;
  #isPaged = false;
  /** Of a small value: the place of the member that `find` found last. */
  #number = 0;
  /** The part that a scan is in goes along the order, as that of a small value does. */
  #scansOrder = false;
  #item = new Uint8Array(256);

  /** Takes the value that a database found last. */
  open(store: ValueStore, isForWriting: boolean): void {
    if (isForWriting) store.makeHot();
    this.#open(store, store.pages);
  }

  /** Takes a new value without members that no key has yet; `store` tells where its pages are to be. */
  begin(store: ValueStore, encoding: number): void {
    this.#open(new DetachedRecord(encoding, LEAF_HEAD_BYTES), store.pages);
  }

  #open(store: RecordStore, pages: PageStore): void {
    this.#store = store;
    this.#pages = pages;
    this.#isPaged = (store.entry.encoding & PAGED) !== 0;
    if (!this.#isPaged) {
      this.#tree.openInline(store);
      return;
    }
    const root = this.#root;
    root.load(store);
    const { bytes, offset } = root;
    this.#collection = readUint48(bytes, offset);
    this.#scores.read(pages, this.#collection, bytes, structureAt(offset, SCORES));
    this.#tree.read(pages, this.#collection, bytes, structureAt(offset, ORDER));
  }

  /** What is walked along stays as it is while other values change: pages are copied. */
  set copiesPages(copies: boolean) {
    this.#tree.leaf.copies = copies;
  }

  get count(): number {
    return this.#tree.count;
  }

  get isPaged(): boolean {
    return this.#isPaged;
  }

  /** The value's own bytes, to be copied when it is stored under a key. */
  get payload(): RecordBytes {
    return this.#isPaged ? this.#root : this.#tree.leaf;
  }

  /** The encoding that clients see (encoding.ts). */
  get encoding(): number {
    return this.payload.encoding & ~PAGED;
  }

  set encoding(encoding: number) {
    if (encoding === this.encoding) return;
    this.payload.setEncoding(encoding | (this.#isPaged ? PAGED : 0));
  }

  /** Takes the encoding of a small value. Linear in the members with a score of 0. */
  compact(): void {
    this.encoding = ENCODING_LISTPACK;
    const end = this.rankOfScore(0, true);
    for (let rank = this.rankOfScore(0, false); rank < end; rank++) {
      this.seekRank(rank);
      if (!Object.is(this.score, -0)) continue;
      const member = sliceBytes(this.bytes, this.memberOffset, this.memberLength);
      this.find(member, 0, member.length);
      this.update(member, 0, member.length, 0);
    }
  }

  /** Moves to a member. */
  find(member: Uint8Array, offset: number, length: number): boolean {
    if (this.#isPaged) {
      if (!this.#scores.find(member, offset, length)) return false;
      this.#takeHashed();
      return true;
    }
    const tree = this.#tree;
    this.#number = tree.numberInLeaf(member, offset, length);
    if (this.#number < 0) return false;
    this.#take(tree.leaf.bytes, tree.foundAt);
    return true;
  }

  /** How many members are before the one that `find` found last, whose bytes are given again. */
  rank(member: Uint8Array, offset: number, length: number): number {
    if (!this.#isPaged) return this.#number;
    this.#tree.seekItem(this.score, member, offset, length);
    return this.#tree.rank;
  }

  /** Adds the member that `find` missed last. */
  insert(member: Uint8Array, offset: number, length: number, newScore: number): void {
    const score = this.#kept(newScore);
    const item = this.#makeItem(member, offset, length, score);
    if (this.#isPaged) this.#scores.insert(member, offset, length, item, 0, SCORE_BYTES, -1);
    this.#tree.seekItem(score, member, offset, length);
    this.#tree.insert(item, 0, itemBytes(length));
    if (!this.#isPaged && this.#tree.leaf.length > INLINE_BYTES_MAX) this.#toPages();
  }

  /** Gives the member that `find` found last, whose bytes are given again, another score. */
  update(member: Uint8Array, offset: number, length: number, newScore: number): void {
    const tree = this.#tree;
    const score = this.#kept(newScore);
    if (this.#isPaged) {
      const { page } = this.#scores;
      this.#scores.resizeValue(SCORE_BYTES, -1);
      writeScore(page.bytes, page.valueOffset, score);
      tree.seekItem(this.score, member, offset, length);
    } else {
      tree.seekRank(this.#number);
    }
    const isHigher = score > this.score;
    this.score = score;
    if (isHigher && tree.raise(score, member, offset, length)) return;
    tree.remove(1);
    const item = this.#makeItem(member, offset, length, score);
    tree.seekItem(score, member, offset, length, true);
    tree.insert(item, 0, itemBytes(length));
  }

  /** Removes the member that `find` found last, whose bytes are given again. */
  remove(member: Uint8Array, offset: number, length: number): void {
    const tree = this.#tree;
    if (!this.#isPaged) {
      tree.seekRank(this.#number);
      tree.remove(1);
      return;
    }
    this.#scores.remove();
    tree.seekItem(this.score, member, offset, length);
    tree.remove(1);
    this.#toInline();
  }

  /** Removes `count` members from the one with `rank` members before it on, as many as there must be. */
  removeRange(rank: number, count: number): void {
    const tree = this.#tree;
    for (let left = count; left > 0; ) {
      this.copiesPages = true;
      tree.seekRank(rank);
      this.copiesPages = false;
      if (this.#isPaged) {
        this.#removeScores(Math.min(left, tree.leafRest));
        tree.seekRank(rank);
      }
      left -= tree.remove(left);
    }
    if (this.#isPaged) this.#toInline();
  }

  /** Removes the scores of `count` members from the cursor on, which are in one leaf. */
  #removeScores(count: number): void {
    const tree = this.#tree;
    const { bytes } = tree.leaf;
    let at = tree.itemStart;
    for (let number = 0; number < count; number++) {
      const length = readLength(bytes, at + SCORE_BYTES);
      const memberAt = at + SCORE_BYTES + lengthBytes(length);
      this.#scores.find(bytes, memberAt, length);
      this.#scores.remove();
      at = memberAt + length;
    }
  }

  /** Moves to the member with `rank` members before it; false if there is none. */
  seekRank(rank: number): boolean {
    return this.#tree.seekRank(rank) && this.#takeItem();
  }

  /** From a member that `seekRank` or the like led to: moves to the next one in order; false at the end. */
  next(): boolean {
    return this.#tree.next() && this.#takeItem();
  }

  /** Moves to the one before; false at the beginning. */
  previous(): boolean {
    return this.#tree.previous() && this.#takeItem();
  }

  /** How many members have a score below `score`; with `isAfter`, not above it. */
  rankOfScore(score: number, isAfter: boolean): number {
    return this.#tree.rankOfScore(score, isAfter);
  }

  /** How many members sort before `member`, all scores being the same; with `isAfter`, not after it. */
  rankOfMember(member: Uint8Array, offset: number, length: number, isAfter: boolean): number {
    return this.#tree.rankOfMember(member, offset, length, isAfter);
  }

  /**
   * Goes before the first member of a part of the value, which `nextScanned` moves along, and returns where the scan goes on, 0 at
   * the end; see LinearHash.scan. A small value is one part.
   */
  scan(position: number): number {
    this.#scansOrder = !this.#isPaged;
    if (this.#isPaged) return this.#scores.scan(position);
    this.#number = 0;
    return 0;
  }

  /** Moves to the next member of the part; false at its end. */
  nextScanned(): boolean {
    if (this.#scansOrder) return this.#number === 0 ? this.seekRank(this.#number++) : this.next();
    if (!this.#scores.page.next()) return false;
    this.#takeHashed();
    return true;
  }

  /** Writes what the head tells of. Call after changes. */
  save(): void {
    if (!this.#isPaged) return;
    const root = this.#root;
    root.write();
    this.#scores.write(root.bytes, structureAt(root.offset, SCORES));
    this.#tree.write(root.bytes, structureAt(root.offset, ORDER));
  }

  /** A walk that frees the pages of a value that `begin` began and no key is to have. */
  drop(): IterableIterator<void> {
    if (!this.#isPaged) return [][Symbol.iterator]();
    this.save();
    const { bytes, offset, length } = this.#root;
    return freePages(sliceBytes(bytes, offset, length), this.#pages);
  }

  /** A score as it is kept: with the encoding of a small value there is no -0, as in Redis. */
  #kept(score: number): number {
    return this.encoding === ENCODING_LISTPACK ? score + 0 : score;
  }

  #takeHashed(): void {
    const { page } = this.#scores;
    this.bytes = page.bytes;
    this.memberOffset = page.keyOffset;
    this.memberLength = page.keyLength;
    this.score = readScore(page.bytes, page.valueOffset);
  }

  #takeItem(): true {
    this.#take(this.#tree.leaf.bytes, this.#tree.itemStart);
    return true;
  }

  /** Takes the item that begins at `at`. */
  #take(bytes: Uint8Array, at: number): void {
    const length = readLength(bytes, at + SCORE_BYTES);
    this.bytes = bytes;
    this.memberOffset = at + SCORE_BYTES + lengthBytes(length);
    this.memberLength = length;
    this.score = readScore(bytes, at);
  }

  #makeItem(member: Uint8Array, offset: number, length: number, score: number): Uint8Array {
    const size = itemBytes(length);
    if (this.#item.length < size) this.#item = new Uint8Array(size * 2);
    writeItem(this.#item, 0, score, member, offset, length);
    return this.#item;
  }

  #toPages(): void {
    const { leaf } = this.#tree;
    const content = leaf.bytes.slice(leaf.offset, leaf.offset + leaf.length);
    const pages = this.#pages;
    const collection = pages.takeCollection();
    this.#collection = collection;
    this.#tree.toPages(pages, collection);
    const scores = this.#scores;
    scores.begin(pages, collection);
    for (let at = LEAF_HEAD_BYTES; at < content.length; ) {
      const length = readLength(content, at + SCORE_BYTES);
      const memberAt = at + SCORE_BYTES + lengthBytes(length);
      scores.find(content, memberAt, length);
      scores.insert(content, memberAt, length, content, at, SCORE_BYTES, -1);
      at = memberAt + length;
    }
    this.#isPaged = true;
    const root = this.#root;
    root.load(this.#store);
    root.becomeHead(collection, STRUCTURE_COUNT, 0);
    this.save();
  }

  /** Takes a value that has become small back into its record. */
  #toInline(): void {
    const scores = this.#scores;
    const tree = this.#tree;
    if (scores.pageCount > 1 || tree.soleLeafBytes > INLINE_AGAIN_BYTES) return;
    const content = tree.takeSoleLeaf();
    if (scores.loadPage(0)) this.#pages.remove();
    const root = this.#root;
    root.becomeInline(content);
    this.#isPaged = false;
    tree.openInline(this.#store);
  }
}
