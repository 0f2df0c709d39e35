import { join } from 'node:path';
import { errorReason } from '../../base/files.ts';
import type { CheckpointControl, CheckpointReport } from '../../command-table/checkpoint-control.ts';
import type { Database } from '../../keyspace/database.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import { EPOCH, FLAGS_SHIFT, WARM } from '../../keyspace/record.ts';
import type { RecordKeeper } from '../../keyspace/record-keeper.ts';
import { LOCATION_UPPER_MASK } from '../../keyspace/slot-table.ts';
import { SEGMENT_MASK, SLAB_BLOCKS_MAX, segmentOf } from '../../memory/arena.ts';
import { TIER_DATABASE } from '../../tiering/cold-record.ts';
import { environmentNumber, type SavedStore } from '../../tiering/cold-store.ts';
import type { Environment } from '../../tiering/cold-store-environment.ts';
import type { PlaceJournal, Tier } from '../../tiering/tier.ts';
import type { LogMark, LogPosition } from '../aof/position.ts';
import type { PersistenceHost } from '../host.ts';
import {
  encodeCheckpoint,
  type SavedFreeing,
  type SavedState,
  type SavedTable,
  type SnapshotMark,
} from './checkpoint-file.ts';
import { HotSet } from './hot-set.ts';
import { IndexBaseWriter, type SavedBase } from './index-base.ts';
import { ADDED, PlaceLog, type SavedLog } from './place-log.ts';

/** Microseconds of copying records, or of writing the index, in one run of the cron. */
const SLICE_US = 700;
/** The index is written anew when its log has more than this share of its bytes, and more than so many. */
const LOG_FRACTION_MAX = 1 / 4;
const LOG_BYTES_MIN = 1024 * 1024;
/** The same when the server ends. */
const LOG_FRACTION_AT_END = 1 / 32;
/** A log so much larger than its index is given up until the next checkpoint, which writes the index. */
const LOG_FACTOR_MAX = 2;
const LOG_BYTES_KEPT = 64 * 1024 * 1024;
/** Files that wait for the next checkpoint before they go have it taken when they are more than this share of what lives. */
const HELD_FRACTION_MAX = 1 / 32;
const HELD_BYTES_MIN = 1024 * 1024;
/** What a checkpoint waits for is asked for often at first. */
const POLLED_MS_MAX = 2000;
/** Seconds before a checkpoint that failed is tried again by itself. */
const RETRY_SECONDS = 5;
/** Names of the files of checkpoints in the tier's folder. */
export const FILE_NAME = /^(checkpoint|index|places)-(\d{8})(\.tmp)?$/;

/** The append-only file as checkpoints see it. */
export interface CheckpointedLog {
  /** Where it is now, null if it is off. The next command appended names its database. */
  mark(): LogMark | null;
  isSyncedTo(appendedBytes: number): boolean;
  /** Has what was appended synced in another thread. */
  syncSoon(): void;
  /** The increment that the newest checkpoint names and those after it are kept; null if it names none. */
  keepFrom(position: LogPosition | null): void;
}

/** What checkpoints need of the server. */
export interface CheckpointHost extends PersistenceHost {
  readonly tier: Tier;
  readonly appendLog: CheckpointedLog;
  /** A transaction is being run, or data is loaded: no cut can be made. */
  isInTransaction(): boolean;
  /** Bytes of memory that count against the budget. */
  chargedBytes(): number;
  /** A name for a new tier, fit to tell it from all others. */
  newTierName(): string;
}

/** What is noted at a cut, between two commands. */
interface Cut {
  readonly number: number;
  readonly startMs: number;
  readonly tables: readonly SavedTable[];
  readonly nextNumbers: readonly [number, number];
  readonly log: LogMark | null;
  readonly functions: readonly string[];
  readonly freeing: readonly SavedFreeing[];
  /** Living bytes of the cut's records, by environment and database. */
  readonly live: Map<Environment, Map<number, number>>;
  readonly dirty: number;
}

/** A cut whose records are all copied: what waits for the disk. */
interface Closed {
  readonly cut: Cut;
  readonly state: SavedState;
  readonly bytes: Uint8Array;
  readonly mark: number;
}

/**
 * Checkpoints of the tier: the data set at one moment, from which a later process goes on without loading it.
 *
 * Problem: the index and the hot records are in RAM and change all the time. There is no fork, and a checkpoint must cost what
 * has changed since the last one.
 *
 * Design: what is saved is the set of places, one in the cold store for each key and page. It is on disk as a base (index-base.ts)
 * and a log of what was added and removed since (place-log.ts), which the tier feeds as it moves records. Records that are only in
 * RAM have no place: they are what a checkpoint has to copy. A cut is made between two commands. Each record that has no copy says
 * by one bit on which side of the last cut it was changed; a walk over the arena copies those of before it, a few at a time, and a
 * command that is about to change one has it copied first. The log tells apart what belongs to the cut and what comes after it.
 * When all are copied the cut is closed, and the checkpoint is on the disk once these are, in this order: the append-only file, the
 * cold store, the index and its log, and a small file that names them all.
 *
 * Environments of the store that are dead stay until a checkpoint of after their death is on the disk (ColdStore.retire).
 *
 * Emptying a database takes away what the walk has yet to copy. The cut is void then: the walk goes on, so that every bit means
 * the same again, and another cut is made.
 */
export class Checkpoints implements RecordKeeper, PlaceJournal, CheckpointControl {
  readonly #host: CheckpointHost;
  readonly #addresses = new Float64Array(SLAB_BLOCKS_MAX);
  readonly #name: string;
  readonly #snapshot: () => SnapshotMark | null;
  readonly #hotSet: HotSet;
  #base: SavedBase | null = null;
  /** Logs since the base that are whole and on the disk, and the one that is written to. */
  #logs: readonly SavedLog[] = [];
  #log: PlaceLog | null = null;
  #baseWriter: IndexBaseWriter | null = null;
  #isFolding = false;
  #cut: Cut | null = null;
  #isVoid = false;
  #walkedTo = 0;
  #closed: Closed | null = null;
  #isPublishing = false;
  #isWanted = false;
  /** The last one is being taken. */
  #isEnding = false;
  #nextFile = 1;
  /** The last two checkpoints on the disk. */
  #published: readonly SavedState[] = [];
  #knownFolders = new Set<string>();
  #savedDirty = -1;
  #savedOperations = -1;
  #lastMs: number;
  #failedMs = Number.NEGATIVE_INFINITY;
  #failure = '';
  #lastDurationMs = -1;
  #count = 0;

  /**
   * `recovered` are the checkpoints that this process goes on from, newest first. `snapshot` tells of the file of the snapshot that
   * a new tier was begun with.
   */
  constructor(host: CheckpointHost, recovered: readonly SavedState[], snapshot: () => SnapshotMark | null) {
    this.#host = host;
    const { clock } = host;
    this.#hotSet = new HotSet({ ...host, monotonicUs: () => clock.monotonicUs() });
    this.#lastMs = host.clock.wallMs();
    this.#published = recovered.slice(0, 2);
    const newest = recovered.at(0);
    this.#name = newest?.tier ?? host.newTierName();
    this.#snapshot = newest === undefined ? snapshot : () => newest.snapshot;
    const { store } = host.tier;
    if (newest !== undefined) {
      store.cutCount = newest.number;
      store.durableCut = newest.number;
      this.#base = newest.base;
      this.#logs = newest.logs;
    }
    for (const name of host.files.list(store.path)) {
      const match = FILE_NAME.exec(name);
      if (match !== null && match[1] !== 'checkpoint')
        this.#nextFile = Math.max(this.#nextFile, Number(match[2]) + 1);
    }
    host.tier.journal = this;
  }

  /** The tier's name, and how many cuts were made: what a snapshot that is written now is known by. */
  get origin(): { readonly tier: string; readonly cut: number } {
    return { tier: this.#name, cut: this.#host.tier.store.cutCount };
  }

  /** The newest checkpoint on the disk, null if there is none. */
  get newest(): SavedState | null {
    return this.#published.at(0) ?? null;
  }

  get isActive(): boolean {
    return this.#isFolding || this.#cut !== null || this.#closed !== null;
  }

  /** Bytes of RAM that the log and the checkpoint under way take. */
  get byteCount(): number {
    return (
      (this.#log?.byteCount ?? 0) +
      this.#addresses.byteLength +
      (this.#closed?.bytes.length ?? 0) +
      this.#hotSet.byteCount
    );
  }

  get report(): CheckpointReport {
    const newest = this.newest;
    return {
      isActive: this.isActive,
      count: this.#count,
      number: newest?.number ?? 0,
      lastMs: newest?.createdMs ?? 0,
      lastDurationMs: this.#lastDurationMs,
      failure: this.#failure,
      copiedBytes: this.#host.tier.copiedBytes,
      logBytes: this.#logBytes,
      indexBytes: this.#base?.bytes ?? 0,
      heldBytes: this.#host.tier.store.heldBytes,
      isWarming: this.#hotSet.isWarming,
      warmedKeys: this.#hotSet.warmedKeys,
      keysToWarm: this.#hotSet.keysToWarm,
    };
  }

  request(): boolean {
    if (this.isActive) return false;
    this.#isWanted = true;
    return true;
  }

  /** Data is there. Where it `goesOn` from the recovered checkpoint, whose tables are filled, changes are logged from now on. */
  begin(goesOn: boolean): void {
    if (!goesOn) this.#dropLog();
    else if (this.#base !== null || this.#logs.length > 0) this.#openLog();
    if (goesOn) this.#hotSet.warm();
    this.#savedDirty = goesOn ? this.#host.keyspace.dirty : -1;
    this.#savedOperations = this.#log?.count ?? -1;
  }

  added(
    databaseId: number,
    partition: number,
    word0: number,
    word1: number,
    liveBytes: number,
    isOfCut: boolean,
  ): void {
    this.#log?.add(databaseId, partition | ADDED, word0, word1, isOfCut);
    if (!isOfCut || this.#cut === null) return;
    const { environments } = this.#host.tier.store;
    const environment = environments[environmentNumber(word0 & LOCATION_UPPER_MASK, word1)] as Environment;
    const { live } = this.#cut;
    let byDatabase = live.get(environment);
    if (byDatabase === undefined) {
      byDatabase = new Map();
      live.set(environment, byDatabase);
    }
    const id = databaseId & 0xffffff;
    byDatabase.set(id, (byDatabase.get(id) ?? 0) + liveBytes);
  }

  removed(databaseId: number, partition: number, word0: number, word1: number): void {
    this.#log?.add(databaseId, partition, word0, word1, false);
  }

  beforeChange(database: Database): void {
    const { entry } = database;
    const { tier, keyspace } = this.#host;
    if (!entry.hot || (entry.flags & WARM) !== 0 || !tier.isOfCut(entry)) return;
    if (!this.#isVoid) {
      try {
        if (!tier.preserve(database)) this.#giveUp(new Error(`the SSD tier can't be written: ${tier.fault}`));
      } catch (error) {
        this.#giveUp(error);
      }
    }
    const { words, word } = entry;
    words[word + 1] = (words[word + 1] & ~EPOCH) | keyspace.epoch;
  }

  cleared(): void {
    this.#isVoid = true;
  }

  /** The work between commands. Whether there is more to do at once. */
  cron(): boolean {
    if (this.#isEnding) return false;
    if (!this.isActive) {
      if (!this.#isDue()) {
        if (this.#logBytes > Math.max(LOG_BYTES_KEPT, (this.#base?.bytes ?? 0) * LOG_FACTOR_MAX))
          this.#dropLog();
        return this.#hotSet.cron(this.newest !== null);
      }
      this.#begin();
    }
    const isMore = this.#step(SLICE_US);
    return this.#hotSet.cron(false) || isMore;
  }

  /**
   * Takes a checkpoint to the end, while nobody runs commands, from which a start is quick: most of the index is in its base.
   * Rejects with the reason if it can't be taken.
   */
  async finish(): Promise<void> {
    this.#isEnding = true;
    try {
      await this.#drain();
      if (this.newest === null || this.#isChanged || this.#failure !== '') {
        this.#isWanted = false;
        this.#failure = '';
        if (this.#logBytes > (this.#base?.bytes ?? 0) * LOG_FRACTION_AT_END) this.#dropLog();
        this.#cutNow();
        await this.#drain();
        if (this.#failure !== '') throw new Error(this.#failure);
      }
      await this.#hotSet.writeNow();
    } catch (error) {
      this.#isEnding = false;
      throw error;
    }
  }

  /** Goes on until nothing is under way. */
  async #drain(): Promise<void> {
    const { store } = this.#host.tier;
    while (this.isActive) {
      this.#step(Number.POSITIVE_INFINITY);
      if (this.isActive) await new Promise((resolve) => setTimeout(resolve, 1));
      if (store.fault !== '') throw new Error(store.fault);
    }
  }

  close(): void {
    const { keyspace, tier } = this.#host;
    tier.journal = null;
    keyspace.keeper = null;
    this.#log?.close();
    this.#log = null;
    this.#baseWriter?.close();
    this.#hotSet.close();
  }

  get #logBytes(): number {
    let count = this.#log?.count ?? 0;
    for (const log of this.#logs) count += log.count;
    return count * 16;
  }

  get #isChanged(): boolean {
    return (
      this.#host.keyspace.dirty !== this.#savedDirty || (this.#log?.count ?? -1) !== this.#savedOperations
    );
  }

  #isDue(): boolean {
    const { clock, config, tier, isInTransaction } = this.#host;
    if (isInTransaction()) return false;
    if (this.#isWanted) return true;
    const nowMs = clock.wallMs();
    if (nowMs - this.#failedMs < RETRY_SECONDS * 1000) return false;
    const { store } = tier;
    if (store.fault !== '') return false;
    if (tier.isStorageFull && store.heldBytes > 0) return true;
    if (store.heldBytes > store.liveFileBytes * HELD_FRACTION_MAX + HELD_BYTES_MIN) return true;
    const interval = config.values['flex-checkpoint-interval'];
    return interval > 0 && nowMs - this.#lastMs >= interval * 1000 && this.#isChanged;
  }

  #begin(): void {
    this.#isWanted = false;
    this.#failure = '';
    if (this.#log === null || this.#log.failure !== null || this.#isLogLong) this.#fold();
    else this.#cutNow();
  }

  get #isLogLong(): boolean {
    return this.#logBytes > Math.max(LOG_BYTES_MIN, (this.#base?.bytes ?? 0) * LOG_FRACTION_MAX);
  }

  /** Begins to write the index anew, and a log of what changes meanwhile. */
  #fold(): void {
    const { files, tier, keyspace } = this.#host;
    const folder = tier.store.path;
    this.#dropLog();
    try {
      const name = this.#takeFile();
      this.#log = new PlaceLog(files, folder, `places-${name}`);
      this.#baseWriter = new IndexBaseWriter(files, folder, `index-${name}`, keyspace);
      this.#isFolding = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  #takeFile(): string {
    return String(this.#nextFile++).padStart(8, '0');
  }

  #openLog(): void {
    const { files, tier, log } = this.#host;
    try {
      this.#log = new PlaceLog(files, tier.store.path, `places-${this.#takeFile()}`);
    } catch (error) {
      // The next checkpoint writes the whole index.
      log(`Can't make a file for the index's changes: ${errorReason(error)}`);
    }
  }

  /** Nothing goes on from the present base. */
  #dropLog(): void {
    this.#log?.close();
    this.#log = null;
    this.#baseWriter?.close();
    this.#baseWriter = null;
    this.#isFolding = false;
    this.#base = null;
    this.#logs = [];
  }

  #step(microseconds: number): boolean {
    const endUs = this.#host.clock.monotonicUs() + microseconds;
    if (this.#isFolding) {
      if (!this.#foldSome(endUs)) return true;
      if (!this.isActive && this.#baseWriter === null) return false;
    }
    if (!this.isActive) {
      if (this.#host.isInTransaction()) return true;
      this.#cutNow();
    }
    if (this.#cut !== null && this.#walk(endUs)) this.#closeCut();
    if (this.#closed !== null && !this.#isPublishing) this.#publishWhereReady(this.#closed);
    if (this.#closed !== null && !this.#isPublishing)
      return this.#host.clock.wallMs() - this.#closed.cut.startMs < POLLED_MS_MAX;
    return this.#cut !== null && !this.#host.tier.store.isBusy;
  }

  /** Writes some of the index; true when it is done, or given up. */
  #foldSome(endUs: number): boolean {
    const { clock } = this.#host;
    const writer = this.#baseWriter as IndexBaseWriter;
    const log = this.#log as PlaceLog;
    try {
      if (log.failure !== null) throw log.failure;
      while (writer.step(log.count)) if (clock.monotonicUs() >= endUs) return false;
      this.#base = writer.end();
    } catch (error) {
      this.#fail(error);
      return true;
    }
    this.#isFolding = false;
    return true;
  }

  /** Makes the cut. */
  #cutNow(): void {
    const { keyspace, tier, clock, appendLog, scripts } = this.#host;
    const { store } = tier;
    const live = new Map<Environment, Map<number, number>>();
    for (const environment of store.environments)
      if (environment !== undefined) live.set(environment, new Map(environment.liveByDatabase));
    this.#cut = {
      number: ++store.cutCount,
      startMs: clock.wallMs(),
      tables: describeTables(keyspace),
      nextNumbers: keyspace.nextNumbers,
      log: appendLog.mark(),
      functions: scripts.libraries.map(({ code }) => code),
      freeing: [...keyspace.freeing]
        .filter(({ database, id }) => database.id === id)
        .map(({ database, head }) => ({
          database: database.number,
          head: Buffer.from(head).toString('base64'),
        })),
      live,
      dirty: keyspace.dirty,
    };
    this.#isVoid = false;
    this.#walkedTo = 0;
    this.#log?.openCut();
    keyspace.epoch ^= EPOCH;
    keyspace.keeper = this;
  }

  /** Copies some of the records that are only in RAM; true when none is left. */
  #walk(endUs: number): boolean {
    const { keyspace, tier, clock } = this.#host;
    const { arena } = keyspace;
    const addresses = this.#addresses;
    for (;;) {
      const count = arena.slabBlocks(this.#walkedTo, addresses);
      if (count === 0) return true;
      // Copying may have the demoter sweep.
      const next = arena.sweptTo;
      for (let at = 0; at < count; at++) {
        const address = addresses[at];
        const words = arena.words[segmentOf(address)];
        const word = (address & SEGMENT_MASK) << 1;
        if (((words[word] >>> FLAGS_SHIFT) & WARM) !== 0 || (words[word + 1] & EPOCH) === keyspace.epoch)
          continue;
        if (tier.store.isBusy) return false;
        const database = keyspace.ownerOf(address);
        // What was flushed is still to be freed.
        if (database === undefined) continue;
        try {
          if (!tier.copy(database)) return false;
        } catch (error) {
          this.#giveUp(error);
          database.entry.words[database.entry.word + 1] ^= EPOCH;
        }
        if (clock.monotonicUs() >= endUs) return false;
      }
      this.#walkedTo = next;
      if (clock.monotonicUs() >= endUs) return false;
    }
  }

  /** The cut can't be saved any more. */
  #giveUp(error: unknown): void {
    if (this.#isVoid) return;
    this.#isVoid = true;
    this.#tellFailure(error);
  }

  /** All records of the cut have a place: notes what else belongs to it. */
  #closeCut(): void {
    const cut = this.#cut as Cut;
    const { keyspace, tier, log } = this.#host;
    const { store } = tier;
    keyspace.keeper = null;
    this.#cut = null;
    const logged = this.#log?.closeCut();
    if (this.#isVoid || (this.#log !== null && this.#log.failure !== null)) {
      if (!this.#isVoid) this.#tellFailure((this.#log as PlaceLog).failure);
      else if (this.#failure === '') {
        log('A database was emptied: the checkpoint begins anew', 'verbose');
        this.#isWanted = true;
      }
      return;
    }
    try {
      if (logged === undefined) this.#writeBase();
    } catch (error) {
      this.#fail(error);
      return;
    }
    const mark = store.submit();
    const expiry = tier.saveExpiry();
    const state: SavedState = {
      number: cut.number,
      createdMs: cut.startMs,
      tier: this.#name,
      secret: keyspace.keyHash.secret,
      nextNumbers: cut.nextNumbers,
      tables: cut.tables,
      base: this.#base,
      logs: logged === undefined || logged.count === 0 ? this.#logs : [...this.#logs, logged],
      store: withoutDead(store.save((environment) => this.#liveOf(cut, environment))),
      position: cut.log?.position ?? null,
      functions: cut.functions,
      freeing: cut.freeing,
      snapshot: this.#snapshot(),
    };
    this.#savedOperations = this.#log?.count ?? -1;
    this.#closed = { cut, state, bytes: encodeCheckpoint({ state, expiry }), mark };
  }

  /** Living bytes of an environment at a cut; what the tier keeps for itself is that of now. */
  #liveOf(cut: Cut, environment: Environment): (readonly [number, number])[] {
    const live = new Map(cut.live.get(environment));
    live.delete(TIER_DATABASE);
    const ofTier = environment.liveByDatabase.get(TIER_DATABASE) ?? 0;
    if (ofTier > 0) live.set(TIER_DATABASE, ofTier);
    return [...live].filter(([, bytes]) => bytes > 0);
  }

  /** Writes the index at once, where there is no log of what changes: nobody runs commands. */
  #writeBase(): void {
    const { files, tier, keyspace } = this.#host;
    const folder = tier.store.path;
    const name = this.#takeFile();
    const writer = new IndexBaseWriter(files, folder, `index-${name}`, keyspace);
    this.#baseWriter = writer;
    while (writer.step(0));
    this.#base = writer.end();
    this.#logs = [];
    this.#log = new PlaceLog(files, folder, `places-${name}`);
  }

  /** Puts a checkpoint on the disk as soon as all that it refers to is there. */
  #publishWhereReady(closed: Closed): void {
    const { tier, appendLog } = this.#host;
    const { cut, mark } = closed;
    if (cut.log !== null && !appendLog.isSyncedTo(cut.log.appendedBytes)) {
      appendLog.syncSoon();
      return;
    }
    if (!tier.store.isCommitted(mark)) return;
    this.#isPublishing = true;
    this.#publish(closed).then(
      () => this.#succeed(closed),
      (error) => {
        this.#isPublishing = false;
        this.#closed = null;
        this.#fail(error);
      },
    );
  }

  async #publish({ state, bytes }: Closed): Promise<void> {
    const { files, tier } = this.#host;
    const folder = tier.store.path;
    if (this.#baseWriter !== null) {
      await this.#baseWriter.sync();
      this.#baseWriter.close();
      this.#baseWriter = null;
    }
    await this.#log?.sync();
    for (const environment of state.store.environments) {
      if (this.#knownFolders.has(environment.folder)) continue;
      await files.syncDirectoryAside(join(folder, environment.folder));
    }
    await files.syncDirectoryAside(folder);
    const path = join(folder, checkpointName(state.number));
    const temporary = `${path}.tmp`;
    const file = files.open(temporary, 'write');
    try {
      for (let done = 0; done < bytes.length; ) done += file.write(bytes, done, bytes.length - done);
      await file.syncAside();
    } finally {
      file.close();
    }
    files.rename(temporary, path);
    await files.syncDirectoryAside(folder);
  }

  #succeed({ cut, state }: Closed): void {
    const { tier, clock, appendLog, log } = this.#host;
    this.#isPublishing = false;
    this.#closed = null;
    this.#published = [state, ...this.#published].slice(0, 2);
    this.#knownFolders = new Set(state.store.environments.map(({ folder }) => folder));
    this.#savedDirty = cut.dirty;
    this.#lastMs = cut.startMs;
    this.#lastDurationMs = clock.wallMs() - cut.startMs;
    this.#count++;
    tier.store.releaseCut(state.number);
    appendLog.keepFrom(state.position);
    this.#removeOld();
    log(`Checkpoint ${state.number} is on the disk`, 'verbose');
  }

  /** Removes files that neither the last two checkpoints nor the next one need. */
  #removeOld(): void {
    const { files, tier } = this.#host;
    const folder = tier.store.path;
    const kept = new Set<string | undefined>([this.#log?.name, this.#base?.name, this.#baseWriter?.name]);
    for (const { number, base, logs } of this.#published) {
      kept.add(checkpointName(number)).add(base?.name);
      for (const { name } of logs) kept.add(name);
    }
    let names: string[];
    try {
      names = files.list(folder).filter((name) => FILE_NAME.test(name) && !kept.has(name));
    } catch {
      return;
    }
    // What can't be removed now is tried again after the next checkpoint.
    for (const name of names) files.removeAside(join(folder, name)).catch(() => {});
  }

  /** What is written is of no use, and the next checkpoint writes the index anew. */
  #fail(error: unknown): void {
    this.#dropLog();
    this.#tellFailure(error);
  }

  #tellFailure(error: unknown): void {
    const { clock, log } = this.#host;
    this.#failedMs = clock.wallMs();
    this.#failure = errorReason(error);
    log(`Taking a checkpoint failed: ${this.#failure}`);
  }
}

/** The name of a checkpoint's file. */
export function checkpointName(number: number): string {
  return `checkpoint-${String(number).padStart(8, '0')}`;
}

/** Only environments in which something lives: what is in the others may never have been written. */
function withoutDead({ freshBytes, environments }: SavedStore): SavedStore {
  return { freshBytes, environments: environments.filter(({ live }) => live.length > 0) };
}

/** What is noted of the tables that hold something. */
function describeTables(keyspace: Keyspace): SavedTable[] {
  const tables: SavedTable[] = [];
  for (const keys of keyspace.databases) {
    for (const table of [keys, keys.pageRecords]) {
      if (table === undefined || table.size === 0) continue;
      const { id, size: count, expiringCount, fieldExpiringCount } = table;
      const holdsPages = table !== keys;
      tables.push({ id, database: keys.number, holdsPages, count, expiringCount, fieldExpiringCount });
    }
  }
  return tables;
}
