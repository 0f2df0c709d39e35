import { copyBytes, equalBytes, sliceBytes } from '../base/bytes.ts';
import type { KeyHash } from '../base/hash.ts';
import { Arena, SEGMENT_MASK, segmentOf } from '../memory/arena.ts';

/**
 * Which clients have read which keys: the table of client-side caching. A million keys and more, each with a few readers, so
 * nothing of it is a JavaScript object: a key is a record in an arena, found by linear hashing, which grows by one bucket for
 * each key, so that no insertion takes long.
 *
 * A record is words and then bytes: the next record of its bucket, the hash, the length of the key, the number of readers,
 * the key's bytes filled up to whole words, and the readers' numbers in ascending order.
 */
const NEXT = 0;
const HASH = 1;
const KEY_LENGTH = 2;
const READER_COUNT = 3;
const HEADER_WORDS = 4;

const BUCKETS_PER_SEGMENT = 4096;
const NONE = 0;

export class TrackedKeys {
  keyCount = 0;
  /** Readers of all keys together. */
  itemCount = 0;
  /** The readers of the key that was taken last: `readers[0 … readerCount)`. */
  readers = new Int32Array(16);
  readerCount = 0;
  readonly #hash: KeyHash;
  #arena = new Arena();
  /** The first record of each bucket. */
  #buckets: Int32Array[] = [new Int32Array(BUCKETS_PER_SEGMENT)];
  #bucketCount = 1;
  /** Buckets are numbered by the lowest bits of the hash under this mask, those below `#split` by one bit more. */
  #mask = 0;
  #split = 0;
  /** The record before the one that `#find` found last in its bucket, or NONE. */
  #before = NONE;
  /** The bucket at which `takeAny` goes on. */
  #cursor = 0;

  /** `hash` may be shared. */
  constructor(hash: KeyHash) {
    this.#hash = hash;
  }

  /** Bytes that the table takes. */
  get byteCount(): number {
    return this.#arena.usedBytes + this.#buckets.length * BUCKETS_PER_SEGMENT * 4;
  }

  /** Bytes of the arena that are free to be handed out again. */
  get idleBytes(): number {
    return this.#arena.idleBytes;
  }

  /** Remembers that a client has read a key. Takes time in the logarithm of the key's readers. */
  add(key: Uint8Array, offset: number, length: number, reader: number): void {
    const hash = this.#hash.hashBytes(key, offset, length) | 0;
    const bucket = this.#bucketOf(hash);
    const address = this.#find(bucket, hash, key, offset, length);
    if (address !== NONE) {
      this.#addReader(bucket, this.#before, address, reader);
      return;
    }
    const words = wordsFor(length);
    const added = this.#arena.allocate((words + 1) * 4);
    this.#setWord(added, NEXT, this.#first(bucket));
    this.#setWord(added, HASH, hash);
    this.#setWord(added, KEY_LENGTH, length);
    this.#setWord(added, READER_COUNT, 1);
    copyBytes(key, offset, this.#arena.bytes[segmentOf(added)], keyOffset(added), length);
    this.#setWord(added, words, reader);
    this.#setFirst(bucket, added);
    this.keyCount++;
    this.itemCount++;
    if (this.keyCount > this.#bucketCount) this.#splitBucket();
  }

  /** Forgets a key; its readers are in `readers`. False if nobody has read it. */
  take(key: Uint8Array, offset: number, length: number): boolean {
    const hash = this.#hash.hashBytes(key, offset, length) | 0;
    const bucket = this.#bucketOf(hash);
    const address = this.#find(bucket, hash, key, offset, length);
    if (address === NONE) return false;
    this.#remove(bucket, this.#before, address);
    return true;
  }

  /** Forgets some key, as {@link take}, and returns it; null if there is none. */
  takeAny(): Uint8Array | null {
    if (this.keyCount === 0) return null;
    let address = NONE;
    do {
      this.#cursor = this.#cursor + 1 >= this.#bucketCount ? 0 : this.#cursor + 1;
      address = this.#first(this.#cursor);
    } while (address === NONE);
    const bytes = this.#arena.bytes[segmentOf(address)];
    const key = sliceBytes(bytes, keyOffset(address), this.#word(address, KEY_LENGTH));
    this.#remove(this.#cursor, NONE, address);
    return key;
  }

  /** Forgets all keys, in constant time. */
  clear(): void {
    if (this.#bucketCount === 1 && this.keyCount === 0) return;
    this.keyCount = 0;
    this.itemCount = 0;
    this.#arena = new Arena();
    this.#buckets = [new Int32Array(BUCKETS_PER_SEGMENT)];
    this.#bucketCount = 1;
    this.#mask = 0;
    this.#split = 0;
    this.#cursor = 0;
  }

  #addReader(bucket: number, before: number, address: number, reader: number): void {
    const count = this.#word(address, READER_COUNT);
    const firstReader = wordsFor(this.#word(address, KEY_LENGTH));
    const place = this.#readerPlace(address, firstReader, count, reader);
    if (place < 0) return;
    const words = firstReader + count + 1;
    const record =
      words * 4 > this.#arena.blockBytes(address) ? this.#move(bucket, before, address, words) : address;
    const memory = this.#arena.words[segmentOf(record)];
    const start = wordOf(record) + firstReader;
    memory.copyWithin(start + place + 1, start + place, start + count);
    memory[start + place] = reader;
    this.#setWord(record, READER_COUNT, count + 1);
    this.itemCount++;
  }

  /** Where a reader is to be put among those of a record, or -1 if it is there. */
  #readerPlace(address: number, firstReader: number, count: number, reader: number): number {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#word(address, firstReader + middle);
      if (other === reader) return -1;
      if (other < reader) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Moves a record to a block with room for so many words. */
  #move(bucket: number, before: number, address: number, words: number): number {
    const arena = this.#arena;
    const used = wordsFor(this.#word(address, KEY_LENGTH)) + this.#word(address, READER_COUNT);
    const moved = arena.allocate(words * 4);
    const from = wordOf(address);
    const source = arena.words[segmentOf(address)];
    arena.words[segmentOf(moved)].set(source.subarray(from, from + used), wordOf(moved));
    this.#link(bucket, before, moved);
    arena.free(address);
    return moved;
  }

  #remove(bucket: number, before: number, address: number): void {
    const count = this.#word(address, READER_COUNT);
    const start = wordOf(address) + wordsFor(this.#word(address, KEY_LENGTH));
    if (count > this.readers.length) this.readers = new Int32Array(count * 2);
    this.readers.set(this.#arena.words[segmentOf(address)].subarray(start, start + count));
    this.readerCount = count;
    this.#link(bucket, before, this.#word(address, NEXT));
    this.#arena.free(address);
    this.keyCount--;
    this.itemCount -= count;
  }

  /** Has a bucket, or the record `before` in it, go on with the record at `address`. */
  #link(bucket: number, before: number, address: number): void {
    if (before === NONE) this.#setFirst(bucket, address);
    else this.#setWord(before, NEXT, address);
  }

  /** The record of a key in its bucket, or NONE. */
  #find(bucket: number, hash: number, key: Uint8Array, offset: number, length: number): number {
    this.#before = NONE;
    let address = this.#first(bucket);
    while (address !== NONE && !this.#matches(address, hash, key, offset, length)) {
      this.#before = address;
      address = this.#word(address, NEXT) >>> 0;
    }
    return address;
  }

  #matches(address: number, hash: number, key: Uint8Array, offset: number, length: number): boolean {
    return (
      this.#word(address, HASH) === hash &&
      this.#word(address, KEY_LENGTH) === length &&
      equalBytes(this.#arena.bytes[segmentOf(address)], keyOffset(address), key, offset, length)
    );
  }

  /** Divides the records of the next bucket between it and a new one. */
  #splitBucket(): void {
    const kept = this.#split;
    const added = this.#bucketCount++;
    if (added === this.#buckets.length * BUCKETS_PER_SEGMENT)
      this.#buckets.push(new Int32Array(BUCKETS_PER_SEGMENT));
    const bit = this.#mask + 1;
    let address = this.#first(kept);
    this.#setFirst(kept, NONE);
    while (address !== NONE) {
      const next = this.#word(address, NEXT) >>> 0;
      const bucket = (this.#word(address, HASH) & bit) === 0 ? kept : added;
      this.#setWord(address, NEXT, this.#first(bucket));
      this.#setFirst(bucket, address);
      address = next;
    }
    this.#split++;
    if (this.#split === bit) {
      this.#mask = this.#mask * 2 + 1;
      this.#split = 0;
    }
  }

  #bucketOf(hash: number): number {
    const bucket = hash & this.#mask;
    return bucket < this.#split ? hash & (this.#mask * 2 + 1) : bucket;
  }

  #first(bucket: number): number {
    return this.#buckets[(bucket / BUCKETS_PER_SEGMENT) | 0][bucket % BUCKETS_PER_SEGMENT] >>> 0;
  }

  #setFirst(bucket: number, address: number): void {
    this.#buckets[(bucket / BUCKETS_PER_SEGMENT) | 0][bucket % BUCKETS_PER_SEGMENT] = address;
  }

  #word(address: number, word: number): number {
    return this.#arena.words[segmentOf(address)][wordOf(address) + word];
  }

  #setWord(address: number, word: number, value: number): void {
    this.#arena.words[segmentOf(address)][wordOf(address) + word] = value;
  }
}

/** Words before the readers of a key of this length. */
function wordsFor(keyLength: number): number {
  return HEADER_WORDS + ((keyLength + 3) >> 2);
}

/** Where a record begins among the words of its segment. */
function wordOf(address: number): number {
  return (address & SEGMENT_MASK) << 1;
}

/** Where its key begins among the bytes. */
function keyOffset(address: number): number {
  return (wordOf(address) + HEADER_WORDS) * 4;
}
