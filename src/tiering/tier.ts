import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Clock } from '../base/clock.ts';
import type { Files } from '../base/files.ts';
import { TouchSketch } from '../heat/touch-sketch.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import type { Database } from '../keyspace/database.ts';
import { type ColdTier, type Keyspace, NOTIFY_EXPIRED } from '../keyspace/keyspace.ts';
import { Entry, EXPIRES, WARM } from '../keyspace/record.ts';
import { coldWord, hotWord, partitionOf, tagOf } from '../keyspace/slot-table.ts';
import type { Ledger } from '../memory/ledger.ts';
import type { TierReport } from '../metrics/tier-report.ts';
import { ColdExpiry } from './cold-expiry.ts';
import { COLD_HEADER_BYTES_MAX, ColdRecordReader, ColdRecordWriter, coldBytes } from './cold-record.ts';
import { ColdStore } from './cold-store.ts';
import { Demoter } from './demoter.ts';
import { Reclaimer } from './reclaimer.ts';

/** Database id of records that are the tier's own: lists of expiring slots. */
const TIER_DATABASE = 0;
const TYPE_LIST_OF_SLOTS = 15;
const SKETCH_BYTES = 1 << 20;
/** A cold key is promoted at this many recent touches. */
const TOUCHES_TO_PROMOTE = 2;
/** Values above this fraction of the budget are served from their cold record, not promoted. */
const PROMOTED_FRACTION_MAX = 1 / 16;
/** Log bytes that one step of reclaiming looks at. */
const RECLAIM_STEP_BYTES = 512 * 1024;
/** A cold read that takes longer than this waited for the device. */
const DEVICE_READ_US = 60;
/** Reads of the device, less the many from the page cache, after which look-ups go aside. */
const DEVICE_READS_TO_FETCH = 8;
/** While look-ups go aside, a round of prefetch quicker than this, per block, found them in the page cache. */
const CACHED_FETCH_US = 40;

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
  readonly #sketch = new TouchSketch(SKETCH_BYTES);
  readonly #demoter: Demoter;
  readonly #reclaimer: Reclaimer;
  readonly #expiry: ColdExpiry;
  /** Where stored lists of expiring slots are, by name: upper and lower word of the place. */
  readonly #lists = new Map<number, readonly [number, number]>();
  readonly #listEntry = new Entry();
  #nextList = 1;
  readonly #readTimes: RecordableHistogram = createHistogram();
  #deviceReads = 0;
  #fetchingAside = false;
  readonly #onError: (error: ColdRecordError) => void;

  /** `onReadError` is told of each cold record that can't be read. */
  constructor(
    keyspace: Keyspace,
    ledger: Ledger,
    clock: Clock,
    settings: TierSettings,
    path: string,
    files: Files,
    onReadError: (error: ColdRecordError) => void,
  ) {
    this.#keyspace = keyspace;
    this.#ledger = ledger;
    this.#clock = clock;
    this.#settings = settings;
    this.#onError = onReadError;
    this.store = new ColdStore(path, files);
    this.store.onProgress = () => this.onProgress();
    this.#demoter = new Demoter(keyspace);
    this.#expiry = new ColdExpiry({
      write: (words) => this.#writeList(words),
      take: (name) => this.#takeList(name),
    });
    this.#reclaimer = new Reclaimer(
      keyspace,
      this.store,
      new ColdRecordReader(),
      (upper, lower, entry, bytes, length) => this.#moveList(upper, lower, entry, bytes, length),
    );
    keyspace.cold = this;
  }

  /** Bytes of RAM that the tier itself uses. */
  get byteCount(): number {
    return this.store.bufferBytes + this.#sketch.byteCount + this.#expiry.byteCount + this.#lists.size * 96;
  }

  read(upper: number, lower: number, entry: Entry): void {
    const start = this.#clock.monotonicUs();
    this.coldReads++;
    try {
      this.#readRecord(upper, lower, entry);
    } catch (error) {
      this.coldReadErrors++;
      if (error instanceof ColdRecordError) this.#onError(error);
      throw error;
    }
    const microseconds = this.#clock.monotonicUs() - start;
    this.#readTimes.record(Math.max(1, Math.round(microseconds)));
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
   * Demotes until memory is below the threshold, for at most `microseconds` unless it is above the budget itself, where
   * what is above it goes first. Called after each batch of commands and by the cron.
   */
  balance(microseconds: number): void {
    const threshold = this.thresholdBytes;
    let charged = this.#ledger.chargedBytes;
    if (charged <= threshold) return;
    const start = this.#clock.monotonicUs();
    const demote = (database: Database) => this.#demoteLoaded(database);
    while (charged > threshold) {
      const pressed = charged > this.#settings.memoryBytes;
      if (!this.#demoter.step(pressed, demote)) break;
      if (this.#clock.monotonicUs() - start > (pressed ? microseconds * 4 : microseconds)) break;
      charged = this.#ledger.chargedBytes;
    }
  }

  /** Housekeeping of one tick: reclaims space and removes cold keys that expired, each for a bounded time. */
  maintain(): void {
    const urgent = this.isStorageFull;
    if (this.#reclaimer.isWanted(urgent)) {
      if (urgent) this.store.sealHead();
      this.#reclaimer.step(RECLAIM_STEP_BYTES);
    }
    if (!this.#keyspace.settings.activeExpire) return;
    this.#expiry.due(this.#keyspace.nowMs, 512, (slot) => {
      const database = this.#keyspace.databases.find((candidate) => candidate.id === slot.databaseId);
      if (database === undefined) return;
      if (!database.table.findLocation(slot.partition, slot.word0, slot.word1)) return;
      try {
        const entry = database.load(slot.partition);
        if (entry.expireAt < 0 || entry.expireAt > this.#keyspace.nowMs) return;
        database.removeBySystem(NOTIFY_EXPIRED, 'expired', this.#keyspace.settings.lazyExpire);
      } catch (error) {
        if (!(error instanceof ColdRecordError)) throw error;
      }
    });
  }

  /** Whether reclaiming has more to do, so that the cron should come again soon. */
  get isReclaiming(): boolean {
    return this.#reclaimer.isActive || this.#reclaimer.isWanted(this.isStorageFull);
  }

  /** Demotes the key that a database found last; false if it is cold already or the store can't take it now. */
  demote(database: Database): boolean {
    if (!database.entry.hot) return false;
    const { keyOffset, keyLength, bytes } = database.entry;
    if (!database.peekRaw(bytes, keyOffset, keyLength)) return false;
    return this.#demoteLoaded(database);
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
    const { store } = this;
    let environmentCount = 0;
    for (const environment of store.environments) if (environment !== undefined) environmentCount++;
    const times = this.#readTimes;
    const measured = times.count > 0;
    return {
      path: store.path,
      hotKeys: keys - coldKeys,
      coldKeys,
      hotBytes: arena.usedBytes,
      coldLiveBytes: store.liveBytes,
      fileBytes: store.fileBytes,
      environmentCount,
      bufferBytes: store.bufferBytes,
      demotions: this.demotions,
      warmDemotions: this.warmDemotions,
      promotions: statistics.promotions,
      demotedBytes: this.demotedBytes,
      writtenBytes: store.writtenBytes,
      reclaimedEnvironments: this.#reclaimer.reclaimedCount,
      coldReads: this.coldReads,
      coldReadErrors: this.coldReadErrors,
      coldReadMicrosecondsP50: measured ? times.percentile(50) : 0,
      coldReadMicrosecondsP99: measured ? times.percentile(99) : 0,
      coldReadMicrosecondsMax: measured ? times.max : 0,
      fetchedBlocks: this.fetchedBlocks,
      fetchRounds: this.fetchRounds,
      isFetchingAside: this.#fetchingAside,
      writeErrors: store.writeErrors,
      fault: store.fault,
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

  /** Demotes the hot record that a database has loaded. */
  #demoteLoaded(database: Database): boolean {
    const { store } = this;
    const entry = database.entry;
    if ((entry.flags & WARM) !== 0) {
      const upper = database.warmUpper;
      const lower = database.warmLower;
      this.#noteExpiry(database, entry, upper, lower);
      database.demoteTo(upper, lower);
      this.demotions++;
      this.warmDemotions++;
      return true;
    }
    if (store.isBusy || this.isStorageFull) return false;
    const live = coldBytes(entry.keyLength, entry.payloadLength, entry.flags);
    if (live > store.recordBytesMax) return true;
    this.#writer.encode(entry, database.id, true);
    store.append(this.#writer.bytes, this.#writer.length, live, database.id & 0xffffff);
    this.demotions++;
    this.demotedBytes += entry.keyLength + entry.payloadLength;
    this.#noteExpiry(database, entry, store.placeUpper, store.placeLower);
    database.demoteTo(store.placeUpper, store.placeLower);
    return true;
  }

  #noteExpiry(database: Database, entry: Entry, upper: number, lower: number): void {
    if ((entry.flags & EXPIRES) === 0) return;
    const hash = this.#keyspace.keyHash.hashBytes(entry.bytes, entry.keyOffset, entry.keyLength);
    const partition = partitionOf(this.#keyspace.keyHash.upper);
    // Appending a full list moves the place that the store gave last.
    const { placeUpper, placeLower } = this.store;
    this.#expiry.add(
      entry.expireAt,
      this.#keyspace.nowMs,
      partition,
      coldWord(tagOf(hash), upper),
      lower,
      database.id,
    );
    this.store.placeUpper = placeUpper;
    this.store.placeLower = placeLower;
    // The same goes for the slot that the table stopped at.
    database.table.findLocation(partition, hotWord(tagOf(hash), entry.address), entry.address | 0);
  }

  #writeList(words: Int32Array): number {
    const name = this.#nextList++;
    const entry = this.#listEntry;
    const bytes = new Uint8Array(4 + words.byteLength);
    new DataView(bytes.buffer).setUint32(0, name, true);
    bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), 4);
    entry.bytes = bytes;
    entry.type = TYPE_LIST_OF_SLOTS;
    entry.encoding = 0;
    entry.flags = 0;
    entry.access = 0;
    entry.expireAt = -1;
    entry.keyOffset = 0;
    entry.keyLength = 4;
    entry.payloadOffset = 4;
    entry.payloadLength = words.byteLength;
    this.#writer.encode(entry, TIER_DATABASE, false);
    this.store.append(
      this.#writer.bytes,
      this.#writer.length,
      coldBytes(4, words.byteLength, 0),
      TIER_DATABASE,
    );
    this.#lists.set(name, [this.store.placeUpper, this.store.placeLower]);
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
      if (error instanceof ColdRecordError) this.#onError(error);
      return new Int32Array(0);
    }
    this.store.release(upper, lower, coldBytes(4, entry.payloadLength, 0), TIER_DATABASE);
    const copy = entry.bytes.slice(entry.payloadOffset, entry.payloadOffset + entry.payloadLength);
    return new Int32Array(copy.buffer);
  }

  #moveList(upper: number, lower: number, entry: Entry, bytes: Uint8Array, length: number): void {
    const name = new DataView(entry.bytes.buffer, entry.bytes.byteOffset + entry.keyOffset).getUint32(
      0,
      true,
    );
    const place = this.#lists.get(name);
    if (place === undefined || place[0] !== upper || place[1] !== lower) return;
    const live = coldBytes(4, entry.payloadLength, 0);
    this.store.append(bytes, length, live, TIER_DATABASE);
    this.store.release(upper, lower, live, TIER_DATABASE);
    this.#lists.set(name, [this.store.placeUpper, this.store.placeLower]);
  }
}
