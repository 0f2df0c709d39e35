import type { Random } from '../../base/random.ts';
import { DetachedRecord, DetachedValue } from '../pages/detached-record.ts';
import { ElementTable } from '../pages/element-table.ts';
import type { RecordBytes } from '../pages/record-bytes.ts';
import type { ValueStore } from '../pages/record-store.ts';
import { freePages } from '../pages/walk.ts';
import {
  ENCODING_HASHTABLE,
  ENCODING_INTSET,
  ENCODING_LISTPACK,
  intsetEntriesMax,
  type SetLimits,
} from './encoding.ts';
import { INTEGER_TEXT_BYTES, Integer64 } from './integer64.ts';
import { Integers } from './integers.ts';

const NO_BYTES = new Uint8Array(0);
const EMPTY_BYTES = ElementTable.emptyBytes;

/**
 * A set: integers in order while it is an intset (integers.ts), else a table of its members. One object serves one value after
 * another: `open` takes the one that a database found last. To change it open it for writing and call `save` at the end.
 *
 * The member that was moved to last is told by `bytes`, `offset` and `length`, until the next call on this set. Members that are
 * given to it are lent for the call; those that are added must not lie in this set.
 */
export class SetValue {
  /** Payload bytes of a set without members, which are zeros. */
  static readonly emptyBytes = EMPTY_BYTES;

  bytes: Uint8Array = NO_BYTES;
  offset = 0;
  length = 0;
  readonly #table = new ElementTable(0, 1);
  readonly #integers = new Integers();
  #isIntset = false;
  #reservedPages = 1;
  #store!: ValueStore;
  readonly #value = new Integer64();
  /** The member of an intset in decimal. */
  readonly #text = new Uint8Array(INTEGER_TEXT_BYTES);
  /** Of an intset: the place that a walk is before, and that of the member moved to last. */
  #next = 0;
  #place = 0;
  /** The part of the value that a walk is in ends with its page. */
  #isInPart = false;
  #random!: Random;
  readonly #below = (limit: number): number => this.#random.below(limit);

  /** Takes the value that a database found last. */
  open(store: ValueStore, isForWriting: boolean): void {
    this.#store = store;
    this.#reservedPages = 1;
    this.#isIntset = (store.entry.encoding & 7) === ENCODING_INTSET;
    if (!this.#isIntset) {
      this.#table.open(store, isForWriting);
      return;
    }
    if (isForWriting) store.makeHot();
    this.#integers.open(store);
  }

  /** Takes a new value without members that no key has yet; `store` tells where its pages are to be. */
  begin(store: ValueStore, encoding: number): void {
    this.open(new DetachedValue(encoding, EMPTY_BYTES, store.pages), true);
  }

  /** See ElementTable. */
  get pageCount(): number {
    return this.#isIntset ? 1 : this.#table.pageCount;
  }

  /** See ElementTable; a set that is an intset has its pages when it becomes a table. */
  reserve(pageCount: number): void {
    this.#reservedPages = pageCount;
    if (!this.#isIntset) this.#table.reserve(pageCount);
  }

  get count(): number {
    return this.#isIntset ? this.#integers.count : this.#table.count;
  }

  /** The encoding that clients see (encoding.ts). */
  get encoding(): number {
    return this.#isIntset ? ENCODING_INTSET : this.#table.encoding;
  }

  get isPaged(): boolean {
    return !this.#isIntset && this.#table.isPaged;
  }

  /** The value's own bytes, to be copied when it is stored under a key. */
  get payload(): RecordBytes {
    return this.#isIntset ? this.#integers.record : this.#table.payload;
  }

  /** Whether a member is there. The member that was moved to is another one afterwards. */
  has(bytes: Uint8Array, offset: number, length: number): boolean {
    if (!this.#isIntset) return this.#table.find(bytes, offset, length);
    return this.#value.parse(bytes, offset, length) && this.#integers.find(this.#value);
  }

  /** Adds a member, changing the encoding where it needs to be (setTypeAdd); false if it is there. */
  add(limits: SetLimits, bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.#isIntset) {
      const value = this.#value;
      if (value.parse(bytes, offset, length)) {
        if (this.#integers.find(value)) return false;
        this.#integers.insert(value);
        if (this.#integers.count > intsetEntriesMax(limits)) this.#toTable(ENCODING_HASHTABLE);
        return true;
      }
      this.#toTable(this.#fitsListpack(limits, length) ? ENCODING_LISTPACK : ENCODING_HASHTABLE);
      this.#table.find(bytes, offset, length);
    } else {
      const table = this.#table;
      if (table.find(bytes, offset, length)) return false;
      if (table.encoding === ENCODING_LISTPACK && !isListpackMember(limits, table.count, length)) {
        table.encoding = ENCODING_HASHTABLE;
        table.find(bytes, offset, length);
      }
    }
    this.#table.insert(bytes, offset, length, NO_BYTES, 0, 0, -1);
    return true;
  }

  /** So many members are to be added: those that make the set too large for its encoding change it (setTypeMaybeConvert). */
  anticipate(limits: SetLimits, count: number): void {
    if (this.#isIntset) {
      if (count > limits['set-max-intset-entries']) this.#toTable(ENCODING_HASHTABLE);
    } else if (this.#table.encoding === ENCODING_LISTPACK && count > limits['set-max-listpack-entries']) {
      this.#table.encoding = ENCODING_HASHTABLE;
    }
  }

  /** Removes a member; false if it is not there. */
  remove(bytes: Uint8Array, offset: number, length: number): boolean {
    if (!this.has(bytes, offset, length)) return false;
    if (this.#isIntset) this.#integers.removeAt(this.#integers.place);
    else this.#table.remove();
    return true;
  }

  /** Removes the member that `seekRandom` moved to, the last call on this set. */
  removeFound(): void {
    if (this.#isIntset) this.#integers.removeAt(this.#place);
    else this.#table.remove();
  }

  /** Moves to a member chosen uniformly; there must be one. */
  seekRandom(random: Random): void {
    if (this.#isIntset) {
      this.#takeInteger(random.below(this.#integers.count));
      return;
    }
    this.#random = random;
    this.#table.seekRandom(this.#below);
    this.#takeElement();
  }

  /** Goes before the first member of a walk over all of them, in which nothing is changed and none is looked for. */
  rewind(): void {
    this.#isInPart = false;
    this.#next = 0;
    if (!this.#isIntset) this.#table.rewind();
  }

  /**
   * Goes before the first member of a part of the set and returns where a scan goes on, 0 at the end; see LinearHash.scan. A
   * small set is one part.
   */
  scan(position: number): number {
    this.#isInPart = true;
    this.#next = 0;
    return this.#isIntset ? 0 : this.#table.scan(position);
  }

  /** Moves to the next member of the walk or the part; false at its end. */
  next(): boolean {
    if (this.#isIntset) {
      if (this.#next === this.#integers.count) return false;
      this.#takeInteger(this.#next++);
      return true;
    }
    const isThere = this.#isInPart ? this.#table.page.next() : this.#table.next();
    if (isThere) this.#takeElement();
    return isThere;
  }

  /** Whether the member that was moved to is an integer. */
  get isAtInteger(): boolean {
    return this.#isIntset || this.#value.parse(this.bytes, this.offset, this.length);
  }

  /** Writes what the head tells of. Call after changes. */
  save(): void {
    if (!this.#isIntset) this.#table.save();
  }

  /** The walk that frees the pages of a value that `begin` began and no key is to have. */
  drop(): IterableIterator<void> {
    this.save();
    const { bytes, offset, length } = this.payload;
    const head = this.isPaged ? bytes.slice(offset, offset + length) : NO_HEAD;
    return freePages(head, this.#store.pages);
  }

  #takeElement(): void {
    const { page } = this.#table;
    this.bytes = page.bytes;
    this.offset = page.keyOffset;
    this.length = page.keyLength;
  }

  #takeInteger(place: number): void {
    this.#place = place;
    this.#integers.read(place, this.#value);
    this.bytes = this.#text;
    this.offset = 0;
    this.length = this.#value.write(this.#text, 0);
  }

  /** Whether an intset and a member that is no integer fit a listpack together. */
  #fitsListpack(limits: SetLimits, length: number): boolean {
    const { count } = this.#integers;
    if (!isListpackMember(limits, count, length)) return false;
    for (let place = 0; place < count; place += Math.max(1, count - 1)) {
      this.#takeInteger(place);
      if (this.length > limits['set-max-listpack-value']) return false;
    }
    return true;
  }

  #toTable(encoding: number): void {
    const integers = this.#integers;
    const { record } = integers;
    const source = new Integers();
    source.open(new CopiedRecord(record));
    record.replace(EMPTY_BYTES);
    record.bytes.fill(0, record.offset, record.offset + EMPTY_BYTES);
    record.setEncoding(encoding);
    this.#isIntset = false;
    const table = this.#table;
    table.open(this.#store, true);
    table.reserve(this.#reservedPages);
    const text = this.#text;
    const value = this.#value;
    const { count } = source;
    for (let place = 0; place < count; place++) {
      source.read(place, value);
      const length = value.write(text, 0);
      table.find(text, 0, length);
      table.insert(text, 0, length, NO_BYTES, 0, 0, -1);
    }
  }
}

/** The head of a value without structures. */
const NO_HEAD = new Uint8Array(8);

/** A copy of a record's bytes. */
class CopiedRecord extends DetachedRecord {
  constructor({ bytes, offset, length, encoding }: RecordBytes) {
    super(encoding, length);
    this.bytes.set(bytes.subarray(offset, offset + length));
  }
}

/** Whether a listpack of `count` members takes one more of a length. */
function isListpackMember(limits: SetLimits, count: number, length: number): boolean {
  return count < limits['set-max-listpack-entries'] && length <= limits['set-max-listpack-value'];
}
