import type { Clock } from '../base/clock.ts';
import type { Files } from '../base/files.ts';
import { sketchBytes, TOUCHES_TO_PROMOTE, TouchSketch } from '../heat/touch-sketch.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import type { Database } from '../keyspace/database.ts';
import { removeExpiredFields } from '../keyspace/field-expiry.ts';
import { type ColdTier, type Keyspace, NOTIFY_EXPIRED } from '../keyspace/keyspace.ts';
import { GROWTH_BYTES_MAX } from '../keyspace/page-growth.ts';
import { dueAt, Entry, EPOCH, WARM } from '../keyspace/record.ts';
import { coldWord } from '../keyspace/slot-table.ts';
import type { Ledger } from '../memory/ledger.ts';
import { QuantileHistogram } from '../metrics/quantile-histogram.ts';
import type { CurveReport, TierReport } from '../metrics/tier-report.ts';
import { ColdExpiry, LIST_BYTES } from './cold-expiry.ts';
import {
  COLD_HEADER_BYTES_MAX,
  ColdRecordReader,
  ColdRecordWriter,
  coldBytes,
  TIER_DATABASE,
} from './cold-record.ts';
import { ColdStore, RECORD_BYTES_MAX, type SavedStore } from './cold-store.ts';
import { BLOCK_BYTES, type BlockStorage, lmdbStorage } from './cold-store-environment.ts';
import { Demoter, type Demotion } from './demoter.ts';
import { LargeDemotion } from './large-demotion.ts';
import { WritePace } from './pace.ts';
import { Pins } from './pins.ts';
import { Reclaimer } from './reclaimer.ts';
import { nameOf, type SlowReadSettings, SlowReads } from './slow-reads.ts';

const TYPE_LIST_OF_SLOTS = 15;
const LIST_NAME_BYTES = 4;
/** The space that a stored list takes: it is always full. */
const STORED_LIST_BYTES = coldBytes(LIST_NAME_BYTES, LIST_BYTES, 0);
/** RAM of a stored list's name and place. */
const NAMED_LIST_BYTES = 96;
/** The least memory of touches. */
const SKETCH_BYTES_MIN = 1 << 20;
/** Values above this fraction of the budget are served from their cold record, not promoted. */
const PROMOTED_FRACTION_MAX = 1 / 16;
/** Records below this are demoted at once whatever the store's size. */
const LARGE_BYTES_MIN = 4 * 1024 * 1024;
/** Samples in a row without a record that can be demoted, after which balancing gives up for now. */
const FRUITLESS_STEPS_MAX = 2;
/** The same while a command waits for it. */
const FRUITLESS_RELIEF_MAX = 32;
/** Appended bytes after which the space that the files take is looked at again. */
const SPACE_CHECK_BYTES = 64 * 1024;
/** With less than this share of the SSD budget living, nothing is evicted for want of it: reclaiming gives it back. */
const LIVE_FRACTION_TO_WAIT = 3 / 4;
/** A record that expires within so many milliseconds is left to do so as long as nobody waits for memory. */
const SPARED_MS = 5000;
/** Share of the budget that pinned keys may take. */
const PINNED_FRACTION_MAX = 1 / 2;
/** Parts and multiples of the present RAM that the curve tells of. */
const CURVE_FACTORS = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8];
/** Names of one slow read that are looked up, which is as many as are kept; the others are counted only. */
const NAMES_LOGGED_MAX = 30;
const NO_NAME = new Uint8Array(0);
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
/** Blocks that were fetched lately are known in a table of this many places, which is emptied after so many fetches. */
const NEAR_PLACES = 1 << 15;
const NEAR_FETCHES_MAX = 1 << 16;
/** Places are 8 bytes apart; in one block there are so many. */
const BLOCK_SHIFT = 9;
const UNITS_PER_BLOCK = 1 << BLOCK_SHIFT;
/** About the longest record of a page of elements. */
const PAGE_RECORD_BYTES = 2304;
/** While look-ups go aside, a round of prefetch quicker than this, per block, found them in the page cache. */
const CACHED_FETCH_US = 40;

/**
 * The least budget that is sensible. Index, sketch and batches take up to 10 MiB, and what the process takes besides up to a
 * quarter of the budget: with the usual threshold more than a fifth of this one is left for hot records.
 */
export const MEMORY_BYTES_MIN = 32 * 1024 * 1024;

/** Where in the cold store a record is: see ColdTier. */
export interface ColdPlace {
  readonly upper: number;
  readonly lower: number;
}

/** Settings of the tier, read when needed so that CONFIG SET takes effect. */
export interface TierSettings extends SlowReadSettings {
  /** Bytes of RAM to stay within. */
  readonly memoryBytes: number;
  /** Fraction of it at which demotion starts. */
  readonly hotThreshold: number;
  /** Bytes of SSD to stay within, or 0 for no limit. */
  readonly storageBytes: number;
  /** Bytes that demotion may write in a second, or 0 for no limit. */
  readonly writeBytesPerSecond: number;
}

/**
 * Who is told of each change of which places of the cold store belong to keys and pages: those of cold slots and of cold
 * copies. A slot is given by its partition and its two words as if it were cold.
 */
export interface PlaceJournal {
  /** `isOfCut` tells of a record that the cut of the checkpoint being taken finds as it is. */
  added(
    databaseId: number,
    partition: number,
    word0: number,
    word1: number,
    liveBytes: number,
    isOfCut: boolean,
  ): void;
  removed(databaseId: number, partition: number, word0: number, word1: number): void;
}

/** What a checkpoint keeps of the tier besides the store: words that {@link Tier.restore} takes. */
export type SavedExpiry = Int32Array;

/**
 * The SSD tier as the rest of the server sees it: it reads cold records for the keyspace, demotes what is coldest when
 * memory passes the threshold, promotes what is touched again, reclaims space and removes cold keys that expired.
 */
export class Tier implements ColdTier {
  readonly store: ColdStore;
  /** Who waits for room or for fetched blocks is called when there may be some. */
  onProgress: () => void = () => {};
  journal: PlaceJournal | null = null;
  demotions = 0;
  warmDemotions = 0;
  demotedBytes = 0;
  /** Bytes of keys and values that were copied for checkpoints. */
  copiedBytes = 0;
  coldReads = 0;
  coldReadErrors = 0;
  fetchedBlocks = 0;
  fetchRounds = 0;
  readonly slowReads: SlowReads;
  /** How often demotion had to wait for `flex-write-rate-limit`. */
  writePauses = 0;
  readonly pins: Pins;

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
  readonly #pace: WritePace;
  /** Whether what is demoted waits for its pace. */
  #isPaced = false;
  #paceTimer: NodeJS.Timeout | null = null;
  /** Whether the store takes records at present. */
  #isStorable = true;
  /** Whether pinned records stay in RAM at present, and how many were passed over. */
  #isHoldingPins = false;
  #passedPins = 0;
  /** Whether records that expire soon are left in RAM to do so. */
  #isSparing = false;
  #spaceCheckBytes = 0;
  #deviceReads = 0;
  #fetchingAside = false;
  /** Numbers of blocks, each at the place that its number says; none before look-ups first went aside. */
  #near = new Float64Array(0);
  #nearFetches = 0;
  readonly #measured = new Entry();
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
    recover?: () => SavedStore | null,
  ) {
    this.#keyspace = keyspace;
    this.#ledger = ledger;
    this.#clock = clock;
    this.#settings = settings;
    this.#onError = onReadError;
    this.store = new ColdStore(path, files, storage, recover);
    this.store.onProgress = () => this.onProgress();
    this.#sketch = new TouchSketch(sketchBytes(settings.memoryBytes, SKETCH_BYTES_MIN));
    this.#demoter = new Demoter(keyspace);
    this.#large = new LargeDemotion(keyspace, this.store);
    this.#expiry = new ColdExpiry({
      write: (words) => this.#writeList(words),
      take: (name) => this.#takeList(name),
    });
    this.#reclaimer = new Reclaimer(keyspace, this.store, new ColdRecordReader(), {
      moveList: (upper, lower, entry, bytes, offset, length, youngest) =>
        this.#moveList(upper, lower, entry, bytes, offset, length, youngest),
      moved: (database, word0, word1, liveBytes, expireAt) =>
        this.#noteMove(database, word0, word1, liveBytes, expireAt),
    });
    this.slowReads = new SlowReads(clock, settings);
    this.pins = new Pins(keyspace);
    this.#pace = new WritePace(clock, () => settings.writeBytesPerSecond);
    keyspace.cold = this;
    keyspace.reuse.begin(keyspace.statistics.hits);
  }

  /** Bytes of RAM that the tier itself uses. */
  get byteCount(): number {
    return (
      this.store.bufferBytes +
      this.#sketch.byteCount +
      this.#expiry.byteCount +
      this.#near.byteLength +
      this.#lists.size * NAMED_LIST_BYTES +
      this.pins.byteCount +
      this.#keyspace.reuse.byteCount
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
    if (this.slowReads.isSlow(microseconds)) {
      this.slowReads.note(microseconds, 'in-place', entry.keyLength + entry.payloadLength, [nameOf(entry)]);
    }
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
    partition: number,
    tag: number,
    entry: Entry,
  ): void {
    const bytes = coldBytes(entry.keyLength, entry.payloadLength, entry.flags);
    this.store.release(upper, lower, bytes, databaseId & 0xffffff);
    this.journal?.removed(databaseId, partition, coldWord(tag, upper), lower);
  }

  abandon(upper: number, lower: number, databaseId: number, partition: number, tag: number): void {
    this.#onError(
      new ColdRecordError('a damaged one was given up, since the key of its hash was removed or replaced'),
    );
    this.journal?.removed(databaseId, partition, coldWord(tag, upper), lower);
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

  /** Whether the record at a place can be read without waiting for the device: it was fetched lately, or is not written yet. */
  isNear(upper: number, lower: number): boolean {
    const { store } = this;
    if (store.isBuffered(upper, lower)) return true;
    if (!this.#isHeaderNear(upper, lower)) return false;
    const first = blockNumber(upper, lower);
    const end = first + this.#blocksFrom(upper, lower);
    for (let block = first + 1; block < end; block++) if (!this.#isBlockNear(block)) return false;
    return true;
  }

  #isHeaderNear(upper: number, lower: number): boolean {
    const block = blockNumber(upper, lower);
    const isDivided = offsetInBlock(lower) + COLD_HEADER_BYTES_MAX > BLOCK_BYTES;
    return this.#isBlockNear(block) && (!isDivided || this.#isBlockNear(block + 1));
  }

  #isBlockNear(block: number): boolean {
    return this.#near[block % NEAR_PLACES] === block;
  }

  /** Fetches the records at places aside; `done` is called when they are in the page cache. */
  fetch(places: readonly ColdPlace[], done: () => void): void {
    const start = this.#clock.monotonicUs();
    const wanted = this.#blocksOf(places);
    this.fetchRounds++;
    this.fetchedBlocks += wanted.length;
    this.store.prefetch(wanted, () => {
      const microseconds = this.#clock.monotonicUs() - start;
      this.#noteNear(wanted);
      if (this.slowReads.isSlow(microseconds)) {
        this.slowReads.note(microseconds, 'aside', wanted.length * BLOCK_BYTES, this.#namesOf(places));
      }
      if (microseconds / wanted.length < CACHED_FETCH_US) {
        this.#deviceReads -= 1 / 4;
        if (this.#deviceReads <= 0) {
          this.#deviceReads = 0;
          this.#fetchingAside = false;
        }
      }
      done();
    });
  }

  /** Names of the records at places, which are near; those that can't be read are left out. */
  #namesOf(places: readonly ColdPlace[]): Uint8Array[] {
    const names: Uint8Array[] = [];
    for (const { upper, lower } of places) {
      if (names.length === NAMES_LOGGED_MAX)
        return [...names, ...new Array(places.length - names.length).fill(NO_NAME)];
      try {
        this.#readRecord(upper, lower, this.#measured);
        names.push(nameOf(this.#measured));
      } catch (error) {
        if (!(error instanceof ColdRecordError)) throw error;
      }
    }
    return names;
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

  /** Whether the SSD budget is used up by what is needed: nothing of it only waits for the next checkpoint. */
  get isStorageExhausted(): boolean {
    const limit = this.#settings.storageBytes;
    return limit > 0 && this.store.fileBytes - this.store.heldBytes >= limit;
  }

  /** Whether what is pinned stays in RAM: it does unless it has become too much. */
  get arePinsHeld(): boolean {
    return this.pins.bytes <= this.pinnedBytesMax;
  }

  #holdPins(): void {
    this.pins.refresh();
    this.#isHoldingPins = this.pins.count > 0 && this.arePinsHeld;
  }

  /** RAM that pinned keys may take: those that take more are not held, nor are any others. */
  get pinnedBytesMax(): number {
    const { memoryBytes } = this.#settings;
    return memoryBytes === 0 ? Number.POSITIVE_INFINITY : memoryBytes * PINNED_FRACTION_MAX;
  }

  /**
   * What share of the reads would find their key in RAM with more or less RAM, if the least recently used left first: an
   * estimate (heat/reuse-curve.ts). What is not records takes as much of each RAM as it does of the present one.
   */
  curve(): CurveReport {
    const { reuse, arena, statistics } = this.#keyspace;
    const { memoryBytes } = this.#settings;
    const otherBytes = this.#ledger.chargedBytes - arena.usedBytes;
    const points = CURVE_FACTORS.map((factor) => {
      const recordBytes = factor * this.thresholdBytes - otherBytes;
      return {
        factor,
        memoryBytes: factor * memoryBytes,
        hitRatio: reuse.hitRatio(recordBytes, statistics.hits),
      };
    });
    const { sampleCount, rate, firstFraction } = reuse;
    return { sampledKeys: sampleCount, samplingRate: rate, firstFraction, points };
  }

  /** Begins the curve anew. */
  resetCurve(): void {
    this.#keyspace.reuse.begin(this.#keyspace.statistics.hits);
  }

  /** Whether the SSD budget is used up. */
  get isStorageFull(): boolean {
    const limit = this.#settings.storageBytes;
    return limit > 0 && this.store.fileBytes >= limit;
  }

  /** Whether much of the SSD budget is taken by what is dead, and is being given back. */
  get isFreeingSpace(): boolean {
    const { store } = this;
    if (store.fault !== '' || store.liveFileBytes > this.#settings.storageBytes * LIVE_FRACTION_TO_WAIT)
      return false;
    return store.retiredBytes > 0 || this.#reclaimer.isWanted(true);
  }

  /**
   * Demotes until memory is below the threshold, for about `microseconds`, and four times that while it is above the budget
   * itself. Stops when the store is busy, or nothing can be demoted. Called after each batch of commands and by the cron.
   * True if the time was up before it was done.
   */
  balance(microseconds: number): boolean {
    const { memoryBytes } = this.#settings;
    const threshold = this.thresholdBytes;
    let charged = this.#ledger.chargedBytes;
    if (charged <= threshold || memoryBytes === 0) return false;
    const { arena } = this.#keyspace;
    const { store } = this;
    const otherBytes = charged - arena.usedBytes;
    const start = this.#clock.monotonicUs();
    let fruitless = 0;
    this.#holdPins();
    while (charged > threshold) {
      // A record with a cold copy needs no store, so with a fault there may be something to demote.
      if (store.isBusy && store.fault === '') return false;
      const isPressed = charged > memoryBytes;
      const isPaused = !this.#pace.hasRoom;
      if (isPaused) this.#pause();
      this.#isPaced = true;
      if (this.#large.isActive && !store.isBusy && !isPaused) {
        this.#stepLarge();
      } else {
        this.#isStorable = store.fault === '' && !isPaused && !this.isStorageFull && this.#keepSpace();
        this.#isSparing = charged <= this.waitBytes;
        this.#passedPins = 0;
        const demoted = this.#demoter.step(isPressed, this.#demote);
        if (demoted < 0) return false;
        fruitless = demoted === 0 ? fruitless + 1 : 0;
        if (fruitless >= (this.#passedPins > 0 ? FRUITLESS_RELIEF_MAX : FRUITLESS_STEPS_MAX)) return false;
      }
      if (this.#clock.monotonicUs() - start > (isPressed ? microseconds * 4 : microseconds)) return true;
      charged = otherBytes + arena.usedBytes;
    }
    return false;
  }

  relieve(): void {
    const { memoryBytes } = this.#settings;
    if (memoryBytes > 0) this.#demoteAtOnce(true);
  }

  /** Between two commands that are run as one: demotes as long as memory is filled too much, and waits for the device if it must. */
  balanceAtOnce(): void {
    if (this.#settings.memoryBytes > 0) this.#demoteAtOnce(false);
  }

  #demoteAtOnce(isWithinCommand: boolean): void {
    const { store } = this;
    const { arena, growth } = this.#keyspace;
    const limit = Math.min(this.waitBytes, this.#settings.memoryBytes - GROWTH_BYTES_MAX);
    const otherBytes = this.#ledger.chargedBytes - arena.usedBytes;
    let fruitless = 0;
    if (!isWithinCommand) this.#holdPins();
    store.commitsAtOnce = true;
    growth.isWithinCommand = isWithinCommand;
    try {
      while (otherBytes + arena.usedBytes - growth.heldBytes > limit && fruitless < FRUITLESS_RELIEF_MAX) {
        this.#isStorable = store.fault === '' && !this.isStorageFull;
        this.#isSparing = false;
        this.#isPaced = false;
        const demoted = this.#demoter.step(true, this.#demote, isWithinCommand);
        if (demoted < 0) return;
        fruitless = demoted === 0 ? fruitless + 1 : 0;
      }
    } finally {
      growth.isWithinCommand = false;
      store.commitsAtOnce = false;
    }
  }

  /** Fits the memory of touches to another budget; what it knew is forgotten where its size changes. */
  fitToBudget(): void {
    const bytes = sketchBytes(this.#settings.memoryBytes, SKETCH_BYTES_MIN);
    if (bytes !== this.#sketch.byteCount) this.#sketch = new TouchSketch(bytes);
  }

  /** Housekeeping of one tick: reclaims space and removes cold keys that expired, each for a bounded time. */
  maintain(): void {
    const { store } = this;
    this.pins.refresh();
    if (this.#large.isActive && !store.isBusy && this.#pace.hasRoom) this.#stepLarge();
    for (let step = 0; step < RECLAIM_STEPS && this.#isReclaimable; step++) this.#reclaimer.step();
    if (store.hasRetired && !this.#isReclaimable && store.fault === '') store.flushMoved();
    this.#expire();
  }

  /** Whether housekeeping has more to do, so that the cron should come again soon. */
  get isReclaiming(): boolean {
    const { nowMs, keeper } = this.#keyspace;
    return this.#isReclaimable || (keeper === null && this.#expiry.isDue(nowMs));
  }

  /** Demotes the key that a database found last; false if it is cold already or the store can't take it now. */
  demote(database: Database): boolean {
    if (!database.entry.hot) return false;
    const { keyOffset, keyLength, bytes } = database.entry;
    if (!database.peekRaw(bytes, keyOffset, keyLength)) return false;
    this.#isStorable = this.store.fault === '' && !this.isStorageFull;
    this.#isSparing = false;
    this.#isPaced = false;
    this.#isHoldingPins = this.pins.count > 0 && this.arePinsHeld;
    return this.#demote(database) === 'demoted';
  }

  /** Stops writing and closes the store. */
  close(): Promise<void> {
    if (this.#paceTimer !== null) clearTimeout(this.#paceTimer);
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
      coldReadTimes: times,
      fetchedBlocks: this.fetchedBlocks,
      fetchRounds: this.fetchRounds,
      isFetchingAside: this.#fetchingAside,
      storageBytes: this.#settings.storageBytes,
      slowReads: this.slowReads.total,
      pinnedKeys: this.pins.count,
      pinnedBytes: this.pins.bytes,
      arePinsHeld: this.arePinsHeld,
      writeBytesPerSecond: this.#settings.writeBytesPerSecond,
      writePauses: this.writePauses,
      curve: this.curve(),
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

  /** A place in each block that is to be fetched for the records at places. */
  #blocksOf(places: readonly ColdPlace[]): ColdPlace[] {
    const blocks = new Set<number>();
    const wanted: ColdPlace[] = [];
    for (const { upper, lower } of places) {
      const first = blockNumber(upper, lower);
      const count = this.#isHeaderNear(upper, lower) ? this.#blocksFrom(upper, lower) : blocksAtLeast(lower);
      for (let number = 0; number < count; number++) {
        if (blocks.has(first + number) || this.#isBlockNear(first + number)) continue;
        blocks.add(first + number);
        wanted.push({ upper, lower: (lower & ~(UNITS_PER_BLOCK - 1)) + number * UNITS_PER_BLOCK });
      }
    }
    return wanted;
  }

  /** How many blocks the record at a place lies in, by its header, which is near. */
  #blocksFrom(upper: number, lower: number): number {
    const { store } = this;
    try {
      const bytes = store.read(upper, lower, COLD_HEADER_BYTES_MAX);
      this.#reader.measure(bytes, store.offset, store.bytesFrom(upper, lower), this.#measured);
      return Math.ceil((offsetInBlock(lower) + this.#reader.length) / BLOCK_BYTES);
    } catch (error) {
      // Whoever reads it meets the error again.
      if (error instanceof ColdRecordError) return 1;
      throw error;
    }
  }

  #noteNear(blocks: readonly ColdPlace[]): void {
    this.#nearFetches += blocks.length;
    if (this.#near.length === 0 || this.#nearFetches > NEAR_FETCHES_MAX) {
      this.#near = new Float64Array(NEAR_PLACES).fill(-1);
      this.#nearFetches = 0;
    }
    for (const { upper, lower } of blocks) {
      const block = blockNumber(upper, lower);
      this.#near[block % NEAR_PLACES] = block;
    }
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
    if (this.#isHoldingPins && this.pins.holds(database)) {
      this.#passedPins++;
      return 'skipped';
    }
    if ((entry.flags & WARM) !== 0) {
      this.#place(database, database.warmUpper, database.warmLower);
      this.warmDemotions++;
      return 'demoted';
    }
    if (!this.#isStorable || (this.#isPaced && !this.#pace.hasRoom)) return 'skipped';
    if (this.#isSparing && entry.expireAt >= 0 && entry.expireAt - this.#keyspace.nowMs < SPARED_MS)
      return 'skipped';
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
    this.#pace.take(length);
    this.demotedBytes += entry.keyLength + entry.payloadLength;
    this.#place(database, store.placeUpper, store.placeLower);
    return 'demoted';
  };

  #stepLarge(): void {
    const { store } = this;
    const { freshBytes } = store;
    this.#large.step((database) => {
      const { keyLength, payloadLength, flags } = database.entry;
      if (this.pins.count > 0 && this.arePinsHeld && this.pins.holds(database)) {
        const live = coldBytes(keyLength, payloadLength, flags);
        store.release(store.placeUpper, store.placeLower, live, database.id & 0xffffff);
        return;
      }
      this.demotedBytes += keyLength + payloadLength;
      this.#place(database, store.placeUpper, store.placeLower);
    });
    this.#pace.take(store.freshBytes - freshBytes);
  }

  /** Has who waits for room look again when something may be written. */
  #pause(): void {
    if (this.#paceTimer !== null) return;
    this.writePauses++;
    this.#paceTimer = setTimeout(() => {
      this.#paceTimer = null;
      this.onProgress();
    }, this.#pace.waitMs);
    this.#paceTimer.unref();
  }

  /** Puts the hot record that a database has loaded at its cold copy's place. */
  #place(database: Database, upper: number, lower: number): void {
    const { entry } = database;
    const due = dueAt(entry);
    if ((entry.flags & WARM) === 0) this.#tellAdded(database, upper, lower);
    database.demoteTo(upper, lower);
    this.demotions++;
    if (due >= 0) this.#noteExpiry(database, upper, lower, due);
  }

  /** Tells the journal of the first cold copy of the hot record that a database has loaded. */
  #tellAdded(database: Database, upper: number, lower: number): void {
    if (this.journal === null) return;
    const { id, partition, tag, entry } = database;
    const live = coldBytes(entry.keyLength, entry.payloadLength, entry.flags);
    this.journal.added(id, partition, coldWord(tag, upper), lower, live, this.isOfCut(entry));
  }

  /** Whether a hot record has not changed since the cut of the checkpoint that is being taken. */
  isOfCut(entry: Entry): boolean {
    const { keeper, epoch } = this.#keyspace;
    return keeper !== null && (entry.words[entry.word + 1] & EPOCH) !== epoch;
  }

  /** Remembers the time at which the key, or a field of it, expires that a database has loaded and that has a record at a place. */
  #noteExpiry(database: Database, upper: number, lower: number, expireAt: number): void {
    const { partition, tag, id } = database;
    this.#expiry.add(expireAt, this.#keyspace.nowMs, partition, coldWord(tag, upper), lower, id);
  }

  /** The cold slot that a database's table stopped at had these words before its record was moved. */
  #noteMove(
    { id, table }: Database,
    word0: number,
    word1: number,
    liveBytes: number,
    expireAt: number,
  ): void {
    const { partition } = table;
    this.journal?.removed(id, partition, word0, word1);
    this.journal?.added(id, partition, table.word0, table.word1, liveBytes, false);
    if (expireAt < 0) return;
    this.#expiry.add(expireAt, this.#keyspace.nowMs, partition, table.word0, table.word1, id);
  }

  /**
   * Writes a cold copy of the hot record that a database has loaded, which has none; it is warm then. False if the store can't
   * take it. A record larger than the store's can be is an Error.
   */
  copy(database: Database): boolean {
    const due = dueAt(database.entry);
    if (!this.#append(database)) return false;
    const { placeUpper, placeLower } = this.store;
    this.#tellAdded(database, placeUpper, placeLower);
    database.makeWarm(placeUpper, placeLower);
    if (due >= 0) this.#noteExpiry(database, placeUpper, placeLower, due);
    return true;
  }

  /** As {@link copy} for a record that is about to change: the copy is the cut's alone. The record stays as it is. */
  preserve(database: Database): boolean {
    const { store } = this;
    const { entry, id, partition, tag } = database;
    if (!this.#append(database)) return false;
    const { placeUpper, placeLower } = store;
    this.#tellAdded(database, placeUpper, placeLower);
    const due = dueAt(entry);
    if (due >= 0) this.#noteExpiry(database, placeUpper, placeLower, due);
    this.release(placeUpper, placeLower, id, partition, tag, entry);
    return true;
  }

  /** Appends the record that a database has loaded, for a checkpoint. */
  #append(database: Database): boolean {
    const { store } = this;
    const { entry, id } = database;
    const live = coldBytes(entry.keyLength, entry.payloadLength, entry.flags);
    if (live > RECORD_BYTES_MAX)
      throw new Error(`a record of ${live} bytes is longer than the tier's can be`);
    this.#writer.encode(entry, id, true);
    const { bytes, length } = this.#writer;
    this.copiedBytes += entry.keyLength + entry.payloadLength;
    return store.append('fresh', bytes, 0, length, live, id & 0xffffff, store.freshBytes);
  }

  /** Which cold keys expire when: good until the next call on the tier. */
  saveExpiry(): SavedExpiry {
    const buckets = this.#expiry.save();
    const words = new Int32Array(2 + this.#lists.size * 3 + buckets.length);
    words[0] = this.#nextList;
    words[1] = this.#lists.size;
    let at = 2;
    for (const [name, [upper, lower]] of this.#lists) {
      words[at++] = name;
      words[at++] = upper;
      words[at++] = lower;
    }
    words.set(buckets, at);
    return words;
  }

  /** Takes what another process has kept with {@link saveExpiry}. */
  restoreExpiry(words: SavedExpiry): void {
    this.#nextList = words[0];
    let at = 2;
    for (let left = words[1]; left > 0; left--, at += 3)
      this.#lists.set(words[at], [words[at + 1], words[at + 2]]);
    this.#expiry.restore(words.subarray(at));
  }

  /** What is known of touches of cold keys, to be kept and given back: the sketch's own memory. */
  get touches(): Uint8Array {
    return this.#sketch.bytes;
  }

  /** Removes cold keys whose time has come, for a bounded time. */
  #expire(): void {
    const keyspace = this.#keyspace;
    // What a checkpoint is to find must not be given up before it is taken.
    if (keyspace.expiryPaused || keyspace.removalsHeld || keyspace.keeper !== null) return;
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

/** The number of the block that a place is in, among all environments'. */
function blockNumber(upper: number, lower: number): number {
  return upper * (0x100000000 / UNITS_PER_BLOCK) + (lower >>> BLOCK_SHIFT);
}

/** How many blocks a record is fetched with before its length is known: a page lies in two at most. */
function blocksAtLeast(lower: number): number {
  return offsetInBlock(lower) + PAGE_RECORD_BYTES > BLOCK_BYTES ? 2 : 1;
}

function offsetInBlock(lower: number): number {
  return (lower & (UNITS_PER_BLOCK - 1)) * 8;
}
