import type { Clock } from '../base/clock.ts';
import type { Files } from '../base/files.ts';
import { TouchSketch } from '../heat/touch-sketch.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import type { Database } from '../keyspace/database.ts';
import { removeExpiredFields } from '../keyspace/field-expiry.ts';
import { type ColdTier, type Keyspace, NOTIFY_EXPIRED } from '../keyspace/keyspace.ts';
import { dueAt, Entry, WARM } from '../keyspace/record.ts';
import type { Ledger } from '../memory/ledger.ts';
import { QuantileHistogram } from '../metrics/quantile-histogram.ts';
import type { TierReport } from '../metrics/tier-report.ts';
import { ColdExpiry, LIST_BYTES } from './cold-expiry.ts';
import {
  COLD_HEADER_BYTES_MAX,
  ColdRecordReader,
  ColdRecordWriter,
  coldBytes,
  TIER_DATABASE,
} from './cold-record.ts';
import { ColdStore, RECORD_BYTES_MAX } from './cold-store.ts';
import { type BlockStorage, lmdbStorage } from './cold-store-environment.ts';
import { Demoter, type Demotion } from './demoter.ts';
import { LargeDemotion } from './large-demotion.ts';
import { Reclaimer } from './reclaimer.ts';

const TYPE_LIST_OF_SLOTS = 15;
const LIST_NAME_BYTES = 4;
/** The space that a stored list takes: it is always full. */
const STORED_LIST_BYTES = coldBytes(LIST_NAME_BYTES, LIST_BYTES, 0);
/** RAM of a stored list's name and place. */
const NAMED_LIST_BYTES = 96;
/** The memory of touches: a fraction of the budget within limits. */
const SKETCH_FRACTION = 1 / 64;
const SKETCH_BYTES_MIN = 1 << 20;
const SKETCH_BYTES_MAX = 1 << 24;
/** A cold key is promoted at this many recent touches. */
const TOUCHES_TO_PROMOTE = 2;
/** Values above this fraction of the budget are served from their cold record, not promoted. */
const PROMOTED_FRACTION_MAX = 1 / 16;
/** Records below this are demoted at once whatever the store's size. */
const LARGE_BYTES_MIN = 4 * 1024 * 1024;
/** Samples in a row without a record that can be demoted, after which balancing gives up for now. */
const FRUITLESS_STEPS_MAX = 2;
/** Appended bytes after which the space that the files take is looked at again. */
const SPACE_CHECK_BYTES = 64 * 1024;
/** Steps of reclaiming, and expired keys and microseconds of removing them, in one run of the housekeeping. */
const RECLAIM_STEPS = 4;
const EXPIRED_KEYS_MAX = 512;
const EXPIRED_US_MAX = 1000;
/** Fields removed from a cold hash at once. */
const EXPIRED_FIELDS_MAX = 64;
/** A cold read that takes longer than this waited for the device. */
const DEVICE_READ_US = 60;
/** Reads of the device, less the many from the page cache, after which look-ups go aside. */
const DEVICE_READS_TO_FETCH = 8;
/** While look-ups go aside, a round of prefetch quicker than this, per block, found them in the page cache. */
const CACHED_FETCH_US = 40;

/**
 * The least budget that is sensible. Index, sketch and batches take up to 10 MiB, and what the process takes besides up to a
 * quarter of the budget: with the usual threshold another quarter of this one is left for hot records.
 */
export const MEMORY_BYTES_MIN = 32 * 1024 * 1024;

/** Settings of the tier, read when needed so that CONFIG SET takes effect. */
export interface TierSettings {
  /** Bytes of RAM to stay within. */
  readonly memoryBytes: number;
  /** Fraction of it at which demotion starts. */
  readonly hotThreshold: number;
  /** Bytes of SSD to stay within, or 0 for no limit. */
  readonly storageBytes: number;
}

/**
 * The SSD tier as the rest of the server sees it: it reads cold records for the keyspace, demotes what is coldest when
 * memory passes the threshold, promotes what is touched again, reclaims space and removes cold keys that expired.
 */
export class Tier implements ColdTier {
  readonly store: ColdStore;
  /** Who waits for room or for fetched blocks is called when there may be some. */
  onProgress: () => void = () => {};
  demotions = 0;
  warmDemotions = 0;
  demotedBytes = 0;
  coldReads = 0;
  coldReadErrors = 0;
  fetchedBlocks = 0;
  fetchRounds = 0;

  readonly #keyspace: Keyspace;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #settings: TierSettings;
  readonly #writer = new ColdRecordWriter();
  readonly #reader = new ColdRecordReader();
  #sketch: TouchSketch;
  readonly #demoter: Demoter;
  readonly #large: LargeDemotion;
  readonly #reclaimer: Reclaimer;
  readonly #expiry: ColdExpiry;
  /** Where stored lists of expiring slots are, by name: upper and lower word of the place. */
  readonly #lists = new Map<number, readonly [number, number]>();
  readonly #listEntry = new Entry();
  #nextList = 1;
  readonly #readTimes = new QuantileHistogram();
  /** Whether the store takes records at present. */
  #isStorable = true;
  #spaceCheckBytes = 0;
  #deviceReads = 0;
  #fetchingAside = false;
  readonly #onError: (error: ColdRecordError) => void;

  /**
   * Takes the folder at `path`, which must exist, for this process. `onReadError` is told of each cold record that can't be
   * read. Throws an Error with a message for people if the folder can't be used (see ColdStore).
   */
  constructor(
    keyspace: Keyspace,
    ledger: Ledger,
    clock: Clock,
    settings: TierSettings,
    path: string,
    files: Files,
    onReadError: (error: ColdRecordError) => void,
    storage: BlockStorage = lmdbStorage,
  ) {
    this.#keyspace = keyspace;
    this.#ledger = ledger;
    this.#clock = clock;
    this.#settings = settings;
    this.#onError = onReadError;
    this.store = new ColdStore(path, files, storage);
    this.store.onProgress = () => this.onProgress();
    this.#sketch = new TouchSketch(sketchBytes(settings.memoryBytes));
    this.#demoter = new Demoter(keyspace);
    this.#large = new LargeDemotion(keyspace, this.store);
    this.#expiry = new ColdExpiry({
      write: (words) => this.#writeList(words),
      take: (name) => this.#takeList(name),
    });
    this.#reclaimer = new Reclaimer(keyspace, this.store, new ColdRecordReader(), {
      moveList: (upper, lower, entry, bytes, offset, length, youngest) =>
        this.#moveList(upper, lower, entry, bytes, offset, length, youngest),
      movedExpiring: (database, expireAt) => this.#noteExpiry(database, expireAt),
    });
    keyspace.cold = this;
  }

  /** Bytes of RAM that the tier itself uses. */
  get byteCount(): number {
    return (
      this.store.bufferBytes +
      this.#sketch.byteCount +
      this.#expiry.byteCount +
      this.#lists.size * NAMED_LIST_BYTES
    );
  }

  read(upper: number, lower: number, entry: Entry): void {
    const start = this.#clock.monotonicUs();
    this.coldReads++;
    try {
      this.#readRecord(upper, lower, entry);
    } catch (error) {
      this.coldReadErrors++;
      this.store.forgetBlock();
      if (error instanceof ColdRecordError) this.#onError(error);
      throw error;
    }
    const microseconds = this.#clock.monotonicUs() - start;
    this.#readTimes.record(microseconds);
    if (microseconds > DEVICE_READ_US) {
      if (++this.#deviceReads >= DEVICE_READS_TO_FETCH) this.#fetchingAside = true;
    } else if (this.#deviceReads > 0) {
      this.#deviceReads -= 1 / 64;
    }
  }

  release(
    upper: number,
    lower: number,
    databaseId: number,
    keyLength: number,
    payloadLength: number,
    flags: number,
  ): void {
    this.store.release(upper, lower, coldBytes(keyLength, payloadLength, flags), databaseId & 0xffffff);
  }

  releaseDatabase(databaseId: number): void {
    this.store.releaseDatabase(databaseId & 0xffffff);
  }

  admits(hash: number, entryBytes: number): boolean {
    const touches = this.#sketch.touch(hash);
    if (touches < TOUCHES_TO_PROMOTE) return false;
    if (entryBytes > this.#settings.memoryBytes * PROMOTED_FRACTION_MAX) return false;
    // With the budget full and nothing to write with, a promotion would only push it over.
    return this.#ledger.chargedBytes < this.#settings.memoryBytes;
  }

  accessOf(hash: number, stored: number): number {
    if (!this.#keyspace.settings.lfu) return stored;
    return Math.min(255, (stored & 0xff) + this.#sketch.estimate(hash)) | (stored & ~0xff);
  }

  /** Whether look-ups of cold keys should wait for their blocks to be fetched off the main thread. */
  get isFetchingAside(): boolean {
    return this.#fetchingAside;
  }

  /** Fetches the blocks of places aside; `done` is called when they are in the page cache. */
  fetch(places: readonly { upper: number; lower: number }[], done: () => void): void {
    const start = this.#clock.monotonicUs();
    this.fetchRounds++;
    this.fetchedBlocks += places.length;
    this.store.prefetch(places, () => {
      const microseconds = this.#clock.monotonicUs() - start;
      if (microseconds / places.length < CACHED_FETCH_US) {
        this.#deviceReads -= 1 / 4;
        if (this.#deviceReads <= 0) {
          this.#deviceReads = 0;
          this.#fetchingAside = false;
        }
      }
      done();
    });
  }

  /** Why the store can't write at present, or empty; then hot keys that changed can't be demoted. */
  get fault(): string {
    return this.store.fault;
  }

  /** The fault is that the disk is full. */
  get isDiskFull(): boolean {
    return this.store.isDiskFull;
  }

  /** Environments of an earlier run that were removed at the start. */
  get removedEnvironments(): number {
    return this.store.removedEnvironments;
  }

  /** Charged memory above which writers should wait: midway between where demotion starts and the budget. */
  get waitBytes(): number {
    return (this.thresholdBytes + this.#settings.memoryBytes) / 2;
  }

  /** Bytes of charged memory above which demotion starts. */
  get thresholdBytes(): number {
    return this.#settings.memoryBytes * this.#settings.hotThreshold;
  }

  /** Whether the SSD budget is used up. */
  get isStorageFull(): boolean {
    const limit = this.#settings.storageBytes;
    return limit > 0 && this.store.fileBytes >= limit;
  }

  /**
   * Demotes until memory is below the threshold, for about `microseconds`, and four times that while it is above the budget
   * itself. Stops when the store is busy, or nothing can be demoted. Called after each batch of commands and by the cron.
   */
  balance(microseconds: number): void {
    const { memoryBytes } = this.#settings;
    const threshold = this.thresholdBytes;
    let charged = this.#ledger.chargedBytes;
    if (charged <= threshold || memoryBytes === 0) return;
    const { arena } = this.#keyspace;
    const { store } = this;
    const otherBytes = charged - arena.usedBytes;
    const start = this.#clock.monotonicUs();
    let fruitless = 0;
    while (charged > threshold) {
      // A record with a cold copy needs no store, so with a fault there may be something to demote.
      if (store.isBusy && store.fault === '') return;
      const isPressed = charged > memoryBytes;
      if (this.#large.isActive && !store.isBusy) {
        this.#stepLarge();
      } else {
        this.#isStorable = store.fault === '' && !this.isStorageFull && this.#keepSpace();
        const demoted = this.#demoter.step(isPressed, this.#demote);
        if (demoted < 0) return;
        fruitless = demoted === 0 ? fruitless + 1 : 0;
        if (fruitless === FRUITLESS_STEPS_MAX) return;
      }
      if (this.#clock.monotonicUs() - start > (isPressed ? microseconds * 4 : microseconds)) return;
      charged = otherBytes + arena.usedBytes;
    }
  }

  /** Fits the memory of touches to another budget; what it knew is forgotten where its size changes. */
  fitToBudget(): void {
    const bytes = sketchBytes(this.#settings.memoryBytes);
    if (bytes !== this.#sketch.byteCount) this.#sketch = new TouchSketch(bytes);
  }

  /** Housekeeping of one tick: reclaims space and removes cold keys that expired, each for a bounded time. */
  maintain(): void {
    const { store } = this;
    if (this.#large.isActive && !store.isBusy) this.#stepLarge();
    for (let step = 0; step < RECLAIM_STEPS && this.#isReclaimable; step++) this.#reclaimer.step();
    if (store.hasRetired && !this.#isReclaimable && store.fault === '') store.flushMoved();
    this.#expire();
  }

  /** Whether housekeeping has more to do, so that the cron should come again soon. */
  get isReclaiming(): boolean {
    return this.#isReclaimable || this.#expiry.isDue(this.#keyspace.nowMs);
  }

  /** Demotes the key that a database found last; false if it is cold already or the store can't take it now. */
  demote(database: Database): boolean {
    if (!database.entry.hot) return false;
    const { keyOffset, keyLength, bytes } = database.entry;
    if (!database.peekRaw(bytes, keyOffset, keyLength)) return false;
    this.#isStorable = this.store.fault === '' && !this.isStorageFull;
    return this.#demote(database) === 'demoted';
  }

  /** Stops writing and closes the store. */
  close(): Promise<void> {
    return this.store.close();
  }

  report(): TierReport {
    const { databases, arena, statistics } = this.#keyspace;
    let keys = 0;
    let coldKeys = 0;
    for (const database of databases) {
      keys += database.size;
      coldKeys += database.coldCount;
    }
    const { liveBytes, ...ofStore } = this.store.report();
    const times = this.#readTimes;
    return {
      ...ofStore,
      path: this.store.path,
      hotKeys: keys - coldKeys,
      coldKeys,
      hotBytes: arena.usedBytes,
      coldLiveBytes: liveBytes,
      demotions: this.demotions,
      warmDemotions: this.warmDemotions,
      promotions: statistics.promotions,
      demotedBytes: this.demotedBytes,
      writtenBytes: ofStore.freshBytes + ofStore.movedBytes,
      reclaimedEnvironments: this.#reclaimer.reclaimedCount,
      damagedEnvironments: this.#reclaimer.damagedCount,
      coldReads: this.coldReads,
      coldReadErrors: this.coldReadErrors,
      coldReadMicrosecondsP50: times.quantile(0.5),
      coldReadMicrosecondsP99: times.quantile(0.99),
      coldReadMicrosecondsMax: times.max,
      fetchedBlocks: this.fetchedBlocks,
      fetchRounds: this.fetchRounds,
      isFetchingAside: this.#fetchingAside,
      storageBytes: this.#settings.storageBytes,
    };
  }

  #readRecord(upper: number, lower: number, entry: Entry): void {
    const { store } = this;
    const reader = this.#reader;
    let bytes = store.read(upper, lower, COLD_HEADER_BYTES_MAX);
    if (store.available < 24) throw new ColdRecordError('its record is cut short');
    reader.measure(bytes, store.offset, store.bytesFrom(upper, lower), entry);
    if (reader.length > store.available) {
      bytes = store.read(upper, lower, reader.length);
      if (store.available < reader.length) throw new ColdRecordError('its record is cut short');
    }
    reader.verify(bytes, store.offset, entry);
  }

  get #isReclaimable(): boolean {
    return !this.store.isBusy && this.#reclaimer.isWanted(this.isStorageFull);
  }

  /** Reclaims where that has fallen behind; false where demotion has to wait for it. */
  #keepSpace(): boolean {
    const { store } = this;
    const appendedBytes = store.freshBytes + store.movedBytes;
    if (appendedBytes < this.#spaceCheckBytes) return true;
    if (this.#reclaimer.isBehind) this.#reclaimer.step();
    else this.#spaceCheckBytes = appendedBytes + SPACE_CHECK_BYTES;
    if (!this.#reclaimer.isOverdue) return true;
    store.flushMoved();
    return false;
  }

  /** Demotes the hot record that a database has loaded. */
  readonly #demote = (database: Database): Demotion => {
    const { store } = this;
    const { entry } = database;
    if ((entry.flags & WARM) !== 0) {
      this.#place(database, database.warmUpper, database.warmLower);
      this.warmDemotions++;
      return 'demoted';
    }
    if (!this.#isStorable) return 'skipped';
    if (store.isBusy) return 'full';
    const live = coldBytes(entry.keyLength, entry.payloadLength, entry.flags);
    if (live > RECORD_BYTES_MAX) return 'skipped';
    if (live > LARGE_BYTES_MIN && live > store.largeBytesMin) {
      if (this.#large.isActive) return 'skipped';
      return this.#large.begin(database) ? 'demoted' : 'full';
    }
    this.#writer.encode(entry, database.id, true);
    const { bytes, length } = this.#writer;
    const databaseId = database.id & 0xffffff;
    if (!store.append('fresh', bytes, 0, length, live, databaseId, store.freshBytes)) return 'full';
    this.demotedBytes += entry.keyLength + entry.payloadLength;
    this.#place(database, store.placeUpper, store.placeLower);
    return 'demoted';
  };

  #stepLarge(): void {
    this.#large.step((database) => {
      this.demotedBytes += database.entry.keyLength + database.entry.payloadLength;
      this.#place(database, this.store.placeUpper, this.store.placeLower);
    });
  }

  /** Puts the hot record that a database has loaded at its cold copy's place. */
  #place(database: Database, upper: number, lower: number): void {
    const due = dueAt(database.entry);
    database.demoteTo(upper, lower);
    this.demotions++;
    if (due >= 0) this.#noteExpiry(database, due);
  }

  /** Remembers the time at which the key, or a field of it, expires whose cold slot a database's table stopped at. */
  #noteExpiry(database: Database, expireAt: number): void {
    const { table } = database;
    this.#expiry.add(expireAt, this.#keyspace.nowMs, table.partition, table.word0, table.word1, database.id);
  }

  /** Removes cold keys whose time has come, for a bounded time. */
  #expire(): void {
    const keyspace = this.#keyspace;
    if (keyspace.expiryPaused || keyspace.removalsHeld) return;
    const expiry = this.#expiry;
    const start = this.#clock.monotonicUs();
    for (let count = 0; count < EXPIRED_KEYS_MAX && expiry.next(keyspace.nowMs); count++) {
      const database = keyspace.databaseOf(expiry.databaseId);
      if (database?.table.findLocation(expiry.partition, expiry.word0, expiry.word1)) {
        this.#removeIfExpired(database, expiry.partition);
      }
      if (this.#clock.monotonicUs() - start > EXPIRED_US_MAX) return;
    }
  }

  #removeIfExpired(database: Database, partition: number): void {
    const { nowMs } = this.#keyspace;
    try {
      // The place may have been given to another record since.
      const entry = database.load(partition);
      const due = dueAt(entry);
      if (due < 0 || due > nowMs) return;
      if (entry.expireAt < 0 || entry.expireAt > nowMs) {
        // What is left is for the cycle over hot keys: the hash is hot now.
        removeExpiredFields(this.#keyspace, database, EXPIRED_FIELDS_MAX);
        return;
      }
    } catch (error) {
      if (error instanceof ColdRecordError) return;
      throw error;
    }
    database.removeBySystem(NOTIFY_EXPIRED, 'expired', this.#keyspace.settings.lazyExpire);
  }

  /** Appends a list of slots, under a name that is its record's key. */
  #writeList(words: Int32Array): number {
    const { store } = this;
    if (store.fault !== '') return -1;
    const name = this.#nextList;
    const entry = this.#listEntry;
    const bytes = new Uint8Array(LIST_NAME_BYTES + words.byteLength);
    new DataView(bytes.buffer).setUint32(0, name, true);
    bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), LIST_NAME_BYTES);
    entry.bytes = bytes;
    entry.type = TYPE_LIST_OF_SLOTS;
    entry.encoding = 0;
    entry.flags = 0;
    entry.access = 0;
    entry.expireAt = -1;
    entry.keyOffset = 0;
    entry.keyLength = LIST_NAME_BYTES;
    entry.payloadOffset = LIST_NAME_BYTES;
    entry.payloadLength = words.byteLength;
    this.#writer.encode(entry, TIER_DATABASE, false);
    const { bytes: record, length } = this.#writer;
    if (!store.append('fresh', record, 0, length, STORED_LIST_BYTES, TIER_DATABASE, store.freshBytes)) {
      return -1;
    }
    this.#nextList++;
    this.#lists.set(name, [store.placeUpper, store.placeLower]);
    return name;
  }

  #takeList(name: number): Int32Array {
    const [upper, lower] = this.#lists.get(name) as readonly [number, number];
    this.#lists.delete(name);
    const entry = this.#listEntry;
    try {
      this.#readRecord(upper, lower, entry);
    } catch (error) {
      // The keys that it named expire when they are looked up.
      if (!(error instanceof ColdRecordError)) throw error;
      this.#onError(error);
      entry.payloadLength = 0;
    }
    this.store.release(upper, lower, STORED_LIST_BYTES, TIER_DATABASE);
    const copy = entry.bytes.slice(entry.payloadOffset, entry.payloadOffset + entry.payloadLength);
    return new Int32Array(copy.buffer, 0, copy.length / 4);
  }

  #moveList(
    upper: number,
    lower: number,
    entry: Entry,
    bytes: Uint8Array,
    offset: number,
    length: number,
    youngest: number,
  ): boolean {
    const view = new DataView(entry.bytes.buffer, entry.bytes.byteOffset + entry.keyOffset);
    const name = view.getUint32(0, true);
    const place = this.#lists.get(name);
    if (place === undefined || place[0] !== upper || place[1] !== lower) return true;
    const { store } = this;
    if (!store.append('moved', bytes, offset, length, STORED_LIST_BYTES, TIER_DATABASE, youngest))
      return false;
    store.release(upper, lower, STORED_LIST_BYTES, TIER_DATABASE);
    this.#lists.set(name, [store.placeUpper, store.placeLower]);
    return true;
  }
}

/** A power of two. */
function sketchBytes(memoryBytes: number): number {
  const wanted = Math.min(SKETCH_BYTES_MAX, Math.max(SKETCH_BYTES_MIN, memoryBytes * SKETCH_FRACTION));
  return 2 ** Math.floor(Math.log2(wanted));
}
