import { readUint32, readUint48 } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import type { ChangeWatcher } from '../keyspace/change-watcher.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { PageTable } from '../keyspace/page-table.ts';
import { TYPE_STRING } from '../keyspace/record.ts';
import { PARTITION_COUNT } from '../keyspace/slot-table.ts';
import { PAGED } from '../types/pages/head.ts';
import type { ValueStore } from '../types/pages/record-store.ts';
import { PlaceSet } from './place-set.ts';
import { PreservedPages, PreservedValue, untouchedPages } from './preserved-value.ts';
import { RDB_VERSION_MAX, RDB_VERSION_WRITTEN } from './rdb/types.ts';
import { rdbTypeOf, type ValueOutput, ValueWriter } from './value-writer.ts';

/** Keys, and elements of a value in pages, between two looks at the clock. */
const KEYS_PER_STEP = 32;
const ELEMENTS_PER_STEP = 128;
/** A string above this is written rather than kept before it changes, where that can be. */
const KEPT_BYTES_MAX = 1 << 16;
/** Where a page's name has its structure and its number. */
const STRUCTURE_AT = 6;
const NUMBER_AT = 7;

/** Where the keys of a snapshot go. */
export interface SnapshotSink {
  /** The keys that follow are of the database that had this number. Told whenever that changes, and so more than once. */
  selectDatabase(number: number): void;
  /** Begins a key; its value goes to what is returned. Expiry is in milliseconds, -1 for none; the key's bytes are lent. */
  beginKey(
    rdbType: number,
    access: number,
    expireAt: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
  ): ValueOutput;
}

/** A database and how far the walk over it has come. */
interface Progress {
  readonly database: Database;
  /** What SELECT called it when the snapshot began. */
  readonly number: number;
  readonly places: PlaceSet;
  pages: PageTable | null;
  /** The next place to be visited; the partition is the count of them at the end. */
  partition: number;
  tag: number;
}

/**
 * All keys as they are at one moment, told to a sink a little at a time while commands go on changing them.
 *
 * Problem: there is no fork, and no time to copy. Every key has to be told as it was when the snapshot began.
 *
 * Design: a walk visits each database's index in the order of hashes, as SCAN does; growth, moves between the tiers, and
 * exchanges of databases do not upset it. A place of the index, partition and tag, is either behind the walk or ahead of it. Before
 * anything at a place ahead first changes, be it a key that is there or one to come, all keys at it are copied and queued, and
 * the place is marked; the walk passes marked places over. So the keys at a place are those of the beginning whoever
 * comes first, and no record carries a mark that would have to be kept, compared or cleaned.
 *
 * Of a value in pages only the head is copied. Its pages are kept one by one before they first change, and looked at through
 * those that are kept. The walk itself treats such a value the same way, so that it can be written in parts. Pages of a value
 * that is gone are freed when it was written.
 *
 * What is kept takes RAM, which {@link relieve} keeps within bounds: called before a command, it writes what is kept. Emptying a database makes the
 * snapshot useless (`wasCleared`): what is left of it would be more than what is kept.
 *
 * Rejected: a version in each record. In 8 bits it comes round, and then a record that was left alone for long looks like a
 * changed one; cold records can't be rewritten for it.
 */
export class Snapshot implements ChangeWatcher {
  /** The oldest version of RDB that has what is told. */
  readonly version: number;
  /** Keys when the snapshot began, and those that were told. */
  readonly keyCount: number;
  keysDone = 0;
  /** A database was emptied: there is no use in going on. */
  wasCleared = false;
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  readonly #databases: Progress[] = [];
  readonly #progress = new Map<Database, Progress>();
  readonly #values = new ValueWriter();
  /** Kept values that are to be written; those before `#next` were. */
  #queue: PreservedValue[] = [];
  #next = 0;
  /** Values in pages that are kept and not yet written, by their collections. */
  readonly #paged = new Map<number, PreservedPages>();
  #sink!: SnapshotSink;
  /** The kept value that is being written. */
  #current: PreservedValue | null = null;
  #selected = -1;
  #at = 0;
  #keptBytes = 0;
  #error: unknown = null;

  /**
   * Begins: what is told is the state of now. A keyspace has one snapshot at a time that `watches` changes; one that is told at
   * once need not.
   */
  constructor(keyspace: Keyspace, clock: Clock, watches: boolean) {
    this.#keyspace = keyspace;
    this.#clock = clock;
    let keyCount = 0;
    let hasFieldExpiry = false;
    for (const database of keyspace.databases) {
      if (database.size === 0) continue;
      keyCount += database.size;
      if (database.fieldExpiringCount > 0) hasFieldExpiry = true;
    }
    for (const database of keyspace.databases) {
      const { number } = database;
      const progress = { database, number, places: new PlaceSet(), pages: null, partition: 0, tag: 0 };
      this.#databases.push(progress);
      this.#progress.set(database, progress);
    }
    this.keyCount = keyCount;
    this.version = hasFieldExpiry ? RDB_VERSION_MAX : RDB_VERSION_WRITTEN;
    if (watches) keyspace.watcher = this;
  }

  /** Says where the keys go. */
  attach(sink: SnapshotSink): void {
    this.#sink = sink;
  }

  /** Bytes of RAM in what is kept. */
  get byteCount(): number {
    let bytes = this.#keptBytes;
    for (const { places } of this.#databases) bytes += places.byteCount;
    return bytes;
  }

  /** Whether all has been told. */
  get isDone(): boolean {
    return this.#at === this.#databases.length && this.#next === this.#queue.length && !this.#values.isActive;
  }

  /** Goes on for about so many microseconds. Throws what the sink threw, and ColdRecordError for a key that can't be read. */
  run(microseconds: number): void {
    const end = this.#clock.monotonicUs() + microseconds;
    while (!this.isDone && this.#error === null) {
      this.#step();
      if (this.#clock.monotonicUs() >= end) break;
    }
    if (this.#error !== null) throw this.#error;
  }

  /** Goes on until what is kept takes no more than `byteLimit`, or all is told. Throws as {@link run}. */
  relieve(byteLimit: number): void {
    while (!this.isDone && this.#error === null && this.byteCount > byteLimit) this.#step();
    if (this.#error !== null) throw this.#error;
  }

  /** Ends, finished or not: nothing is kept any more. */
  end(): void {
    if (this.#keyspace.watcher === this) this.#keyspace.watcher = null;
    this.#values.abandon();
    this.#queue = [];
    this.#next = 0;
    this.#at = this.#databases.length;
    for (const { freeing } of this.#paged.values())
      if (freeing !== null) this.#keyspace.events.detached(freeing);
    this.#paged.clear();
    this.#progress.clear();
  }

  takesPlace(database: Database, partition: number, tag: number): boolean {
    const progress = this.#progress.get(database);
    if (progress === undefined) return false;
    if (partition < progress.partition || (partition === progress.partition && tag < progress.tag))
      return false;
    return progress.places.add(partition, tag);
  }

  takeKey(database: Database): void {
    const progress = this.#progress.get(database) as Progress;
    const { entry } = database;
    if (entry.payloadLength > KEPT_BYTES_MAX && !this.#values.isActive && (entry.encoding & PAGED) === 0) {
      try {
        this.#writeLoaded(progress);
      } catch (error) {
        this.failed(error);
      }
      return;
    }
    this.#keep(progress);
  }

  failed(error: unknown): void {
    this.#error ??= error;
  }

  takePage(pages: Database, isThere: boolean, name: Uint8Array, nameOffset: number): void {
    const kept = this.#paged.get(readUint48(name, nameOffset));
    if (kept === undefined) return;
    const before = kept.byteCount;
    kept.keep(
      readUint32(name, nameOffset + NUMBER_AT),
      name[nameOffset + STRUCTURE_AT],
      pages.entry,
      isThere,
    );
    this.#keptBytes += kept.byteCount - before;
  }

  keepsPages(head: Uint8Array, walk: IterableIterator<void>): boolean {
    const kept = this.#paged.get(readUint48(head, 0));
    if (kept === undefined) return false;
    kept.freeing = walk;
    return true;
  }

  cleared(database: Database): void {
    if (database.size === 0) return;
    this.wasCleared = true;
    this.end();
  }

  #step(): void {
    const values = this.#values;
    if (values.isActive) {
      values.step(ELEMENTS_PER_STEP);
      if (!values.isActive) this.#endCurrent();
    } else if (this.#next < this.#queue.length) {
      this.#beginKept(this.#queue[this.#next++]);
    } else {
      if (this.#next > 0) {
        this.#queue = [];
        this.#next = 0;
      }
      this.#walk(this.#databases[this.#at]);
    }
  }

  /** Visits some places, up to the first value in pages. */
  #walk(progress: Progress): void {
    const { database, places } = progress;
    const { table } = database;
    while (progress.partition < PARTITION_COUNT && !table.seekAtLeast(progress.partition, progress.tag)) {
      this.#leavePartition(progress);
    }
    if (progress.partition === PARTITION_COUNT) {
      this.#at++;
      return;
    }
    const { partition } = progress;
    for (let left = KEYS_PER_STEP, more = true; more; left--) {
      const { tag } = table;
      if (tag !== progress.tag && (left <= 0 || this.#queue.length > 0)) {
        progress.tag = tag;
        return;
      }
      progress.tag = tag;
      if (!places.has(partition, tag)) {
        database.load(partition);
        if ((database.entry.encoding & PAGED) !== 0) this.#keep(progress);
        else this.#writeLoaded(progress);
      }
      more = table.next();
    }
    this.#leavePartition(progress);
  }

  #leavePartition(progress: Progress): void {
    progress.places.clear(progress.partition);
    progress.partition++;
    progress.tag = 0;
  }

  /** Copies the key that a database has loaded, to be written later. */
  #keep(progress: Progress): void {
    const { database } = progress;
    const { entry } = database;
    let preserved: PreservedPages | null = null;
    const isPaged = (entry.encoding & PAGED) !== 0;
    if (isPaged || entry.type !== TYPE_STRING)
      progress.pages ??= untouchedPages(database, this.#keyspace.keyHash);
    if (isPaged) {
      const collection = readUint48(entry.bytes, entry.payloadOffset);
      preserved = new PreservedPages(collection, progress.pages as PageTable);
      this.#paged.set(collection, preserved);
    }
    const kept = new PreservedValue(database, progress.number, progress.pages, preserved);
    this.#keptBytes += kept.byteCount;
    this.#queue.push(kept);
  }

  #beginKept(kept: PreservedValue): void {
    this.#current = kept;
    const { type, access, expireAt, keyLength, entry } = kept;
    this.#begin(kept, type, kept.databaseNumber, access, expireAt, entry.bytes, 0, keyLength);
    if (!this.#values.isActive) this.#endCurrent();
  }

  #endCurrent(): void {
    const kept = this.#current as PreservedValue;
    this.#current = null;
    this.#keptBytes -= kept.byteCount;
    if (kept.preservedPages === null) return;
    const { freeing, byteCount } = kept.preservedPages;
    this.#keptBytes -= byteCount;
    this.#paged.delete(readUint48(kept.entry.bytes, kept.entry.payloadOffset));
    if (freeing !== null) this.#keyspace.events.detached(freeing);
  }

  /** Writes the key that a database has loaded, whose value is in its record. */
  #writeLoaded({ database, number }: Progress): void {
    const { type, access, expireAt, bytes, keyOffset, keyLength } = database.entry;
    this.#begin(database, type, number, access, expireAt, bytes, keyOffset, keyLength);
    this.#values.finish();
  }

  #begin(
    store: ValueStore,
    type: number,
    databaseNumber: number,
    access: number,
    expireAt: number,
    bytes: Uint8Array,
    keyOffset: number,
    keyLength: number,
  ): void {
    const sink = this.#sink;
    if (databaseNumber !== this.#selected) {
      this.#selected = databaseNumber;
      sink.selectDatabase(databaseNumber);
    }
    const rdbType = rdbTypeOf(type, store.entry, this.version);
    const output = sink.beginKey(rdbType, access, expireAt, bytes, keyOffset, keyLength);
    this.keysDone++;
    this.#values.begin(store, type, rdbType, output);
  }
}
