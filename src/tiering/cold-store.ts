import { basename, join } from 'node:path';
import { assert } from '../base/assert.ts';
import { copyBytes } from '../base/bytes.ts';
import { errorReason, type Files, LockedError } from '../base/files.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import {
  BLOCK_BYTES,
  type BlockStorage,
  Environment,
  lmdbStorage,
  type SavedEnvironment,
} from './cold-store-environment.ts';

/**
 * The SSD tier: a log of bytes in LMDB environments.
 *
 * Problem: one LMDB file never shrinks, random deletes rewrite a page each, and a leaf page holds a record with 18 bytes
 * of overhead or, above 2 KB, wastes up to half of an overflow page.
 *
 * Design: the store is a log, filled in order and cut into environments of bounded size. A value in an environment is
 * one block of 4,072 bytes, which with LMDB's 24-byte page header fills one page; its key is the block's number. Records lie in the
 * stream of blocks back to back at multiples of 8 bytes, and straddle blocks where they fall so. Nothing is ever changed
 * or deleted in LMDB: records die by being forgotten, an environment counts what lives in it, and its space comes back by
 * copying what lives out of it and removing its folder (docs/adr/0001). The log has two heads, for fresh records and for those
 * that cleaning moves, since they differ in how long they live (docs/adr/0003). A record that is larger than most has an
 * environment of its own, to which it is appended in steps.
 *
 * Appended bytes are in RAM until their batch of blocks is committed, off the main thread, and are read from there until
 * then; `isBusy` says that as many batches are under way as may be. A batch that fails stays in RAM and is tried again until it
 * succeeds; until then nothing should be appended (docs/adr/0004).
 *
 * A place is a number of 39 bits: environment (14), block (16), offset in units of 8 bytes (9). docs/formats/block-log.md
 * describes the files.
 */
const UNIT_BYTES = 8;
const OFFSET_BITS = 9;
const OFFSET_MASK = (1 << OFFSET_BITS) - 1;
const BLOCK_BITS = 16;
const BLOCKS_MAX = 1 << BLOCK_BITS;
const BLOCK_MASK = BLOCKS_MAX - 1;
const LOWER_NUMBER_BITS = 32 - BLOCK_BITS - OFFSET_BITS;
const LOWER_NUMBER_MASK = (1 << LOWER_NUMBER_BITS) - 1;
const ENVIRONMENT_COUNT_MAX = 1 << 14;
/** The longest record that can be appended. */
export const RECORD_BYTES_MAX = (BLOCKS_MAX - 1) * BLOCK_BYTES;

/** Environments that the store aims at: the size of a new one follows from the size of all, and is 4 MiB at least. */
const ENVIRONMENTS_AIM = 64;
const BATCH_BLOCKS = 256;
const BATCH_BYTES = BATCH_BLOCKS * BLOCK_BYTES;
const BLOCKS_MIN = 4 * BATCH_BLOCKS;
/** Batches being committed at which the store counts as busy. */
const BATCHES_MAX = 4;
/** Free space below which a failed write is put down to a full disk, and not tried again. */
const FREE_BYTES_MIN = 2 * 1024 * 1024;
/** The number of that error, which LMDB gives. */
const ENOSPC = 28;
const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 4000;
/** Scratch above this is not kept. */
const SCRATCH_BYTES_MAX = 1024 * 1024;
/** Names of environments' folders. */
const FOLDER_NAME = /^\d{8}$/;

/** A batch of blocks in RAM, from being filled until it is committed. */
interface Batch {
  readonly bytes: Uint8Array;
  /** One view per block, for LMDB. */
  readonly blocks: readonly Buffer[];
  environment: Environment;
  firstBlock: number;
  /** Bytes in it. */
  usedBytes: number;
  /** Order in which batches were begun. */
  order: number;
  /** The last commit of it that ended has failed. */
  hasFailed: boolean;
  /** The commit under way, which resolves whether it fails or not. */
  commit: Promise<void> | null;
}

/** Where the log grows. */
interface Head {
  environment: Environment | null;
  batch: Batch | null;
}

/** What a checkpoint keeps of the store. */
export interface SavedStore {
  readonly freshBytes: number;
  readonly environments: readonly SavedEnvironment[];
}

/** Which records go together. */
export type HeadName = 'fresh' | 'moved';

/** Figures of the store. */
export interface ColdStoreReport {
  /** Environments, their files' bytes, and how many of those are of environments that wait for their removal. */
  readonly environmentCount: number;
  readonly fileBytes: number;
  readonly retiredBytes: number;
  /** Bytes of records that a key refers to, as they are without compression. */
  readonly liveBytes: number;
  /** RAM in batches. */
  readonly bufferBytes: number;
  /** Bytes appended since the start. */
  readonly freshBytes: number;
  readonly movedBytes: number;
  readonly writeErrors: number;
  /** Why the store can't write at present, or empty; whether that is because the disk is full. */
  readonly fault: string;
  readonly isDiskFull: boolean;
}

export class ColdStore {
  readonly path: string;
  /** Environments by number; holes where a number is free. */
  readonly environments: (Environment | undefined)[] = [];
  /** Environments of an earlier run that were removed at the start. */
  readonly removedEnvironments: number;
  /** Called when a batch was committed or given up: who waited for room may go on. */
  onProgress: () => void = () => {};
  /** Called when writing begins to fail (with the reason) and when it works again (empty). */
  onFault: (reason: string) => void = () => {};
  /** Bytes appended since the start, of fresh records and of those moved by cleaning. */
  freshBytes = 0;
  movedBytes = 0;
  writeErrors = 0;
  /**
   * How many checkpoints were begun, and the newest that is on the disk, 0 for none: what it refers to stays until a later one
   * is there.
   */
  cutCount = 0;
  durableCut = 0;
  /** Why the store can't write at present, or empty. */
  fault = '';
  /** The fault is that the disk is full. */
  isDiskFull = false;
  /** Batches are committed on this thread as they fill up: for a command that may not end before there is room. */
  commitsAtOnce = false;

  /** The last place given by `append` or `finishLarge`. */
  placeUpper = 0;
  placeLower = 0;
  /** Where the place is in the bytes that the last `read` returned, and how many bytes follow from there on. */
  offset = 0;
  available = 0;

  readonly #files: Files;
  readonly #storage: BlockStorage;
  readonly #unlock: () => Promise<void>;
  readonly #fresh: Head = { environment: null, batch: null };
  readonly #moved: Head = { environment: null, batch: null };
  readonly #large: Head = { environment: null, batch: null };
  readonly #heads: readonly Head[] = [this.#fresh, this.#moved, this.#large];
  /** Submitted and not committed, failed ones among them. */
  readonly #inFlight: Batch[] = [];
  readonly #spare: Batch[] = [];
  /**
   * Environments of which nothing lives, each with the first batch whose commit it need not wait for, and the checkpoints that
   * had been begun by then.
   */
  readonly #retired: { readonly environment: Environment; readonly order: number; readonly cut: number }[] =
    [];
  /** Blocks that a new environment needs, after one could not be made; else 0. */
  #unmade = 0;
  /** An environment made when that was possible again, until a head needs it. */
  #prepared: Environment | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #retryMs = RETRY_MS_MIN;
  #order = 0;
  #sequence = 0;
  #closed = false;
  /** What LMDB's buffer holds. */
  #lastEnvironment: Environment | null = null;
  #lastBlock = -1;
  #lmdbBuffer: Buffer | null = null;
  #lmdbBytes: Uint8Array = new Uint8Array(0);
  #assembled = new Uint8Array(BLOCK_BYTES * 5);

  /**
   * Takes a folder, which must exist, for this process. `recover` tells, once the folder is taken, what of an earlier run's
   * environments is to be taken over; the others are removed. Throws an Error with a message for people if it is in use, can't
   * be written or is full, or with that of `recover`.
   */
  constructor(
    path: string,
    files: Files,
    storage: BlockStorage = lmdbStorage,
    recover: () => SavedStore | null = () => null,
  ) {
    this.path = path;
    this.#files = files;
    this.#storage = storage;
    try {
      if (files.statistics(path)?.isDirectory !== true) throw new Error('There is no such directory');
      this.#unlock = storage.lock(path, files);
    } catch (error) {
      throw failureToOpen(path, error);
    }
    try {
      const saved = recover();
      const named = new Set(saved?.environments.map(({ folder }) => folder));
      const folders = files.list(path).filter((name) => FOLDER_NAME.test(name));
      const stale = folders.filter((name) => !named.has(name));
      for (const name of stale) files.removeTree(join(path, name));
      this.removedEnvironments = stale.length;
      if (saved !== null) this.#adopt(saved);
      this.#sequence = folders.length === 0 ? 0 : Number(folders.at(-1)) + 1;
      if (files.freeBytes(path) < FREE_BYTES_MIN) throw new Error('No space left on device');
    } catch (error) {
      void this.#unlock();
      throw failureToOpen(path, error);
    }
  }

  #adopt({ freshBytes, environments }: SavedStore): void {
    this.freshBytes = freshBytes;
    for (const saved of environments) {
      const { number, folder, blockLimit } = saved;
      const path = join(this.path, folder);
      this.environments[number] = new Environment(
        number,
        path,
        blockLimit,
        this.#files,
        this.#storage,
        saved,
      );
    }
  }

  /** What a checkpoint keeps: all environments, with the bytes of them that live as `live` says. */
  save(live: (environment: Environment) => readonly (readonly [number, number])[]): SavedStore {
    const environments: SavedEnvironment[] = [];
    for (const environment of this.environments) {
      if (environment === undefined) continue;
      const { number, path, blockLimit, usedBytes, appendedBytes, youngest, isComplete } = environment;
      environments.push({
        number,
        folder: basename(path),
        blockLimit,
        usedBytes,
        appendedBytes,
        youngest,
        live: live(environment),
        isComplete,
      });
    }
    return { freshBytes: this.freshBytes, environments };
  }

  /** Has all records that were appended committed; {@link isCommitted} tells when those up to the returned mark are. */
  submit(): number {
    for (const head of [this.#fresh, this.#moved]) if (head.batch !== null) this.#submit(head);
    return this.#order;
  }

  isCommitted(mark: number): boolean {
    for (const batch of this.#inFlight) if (batch.order < mark) return false;
    return true;
  }

  /** A checkpoint is on the disk: what only earlier ones refer to can go. */
  releaseCut(cut: number): void {
    this.durableCut = cut;
    this.#removeRetired();
  }

  /** Bytes on disk. */
  get fileBytes(): number {
    let bytes = 0;
    for (const environment of this.environments)
      if (environment !== undefined) bytes += environment.fileBytes;
    return bytes;
  }

  /** The part of `fileBytes` that living records take. */
  get liveFileBytes(): number {
    let bytes = 0;
    for (const environment of this.environments)
      if (environment !== undefined) bytes += environment.fileBytes * environment.liveFraction;
    return bytes;
  }

  /** The part of `fileBytes` in environments that only wait for their removal. */
  get retiredBytes(): number {
    let bytes = 0;
    for (const { environment } of this.#retired) bytes += environment.fileBytes;
    return bytes;
  }

  /** Bytes of the records that keys refer to, as they are without compression. */
  get liveBytes(): number {
    let bytes = 0;
    for (const environment of this.environments)
      if (environment !== undefined) bytes += environment.liveBytes;
    return bytes;
  }

  /** Bytes of RAM in batches. */
  get bufferBytes(): number {
    let count = this.#inFlight.length + this.#spare.length;
    for (const head of this.#heads) if (head.batch !== null) count++;
    return count * BATCH_BYTES;
  }

  /** As much is being written as may be, or writing fails: nothing should be appended now. */
  get isBusy(): boolean {
    return (this.#inFlight.length >= BATCHES_MAX && !this.commitsAtOnce) || this.fault !== '';
  }

  /** Records longer than this are to be appended in steps: a step of one batch is never a long pause. */
  get largeBytesMin(): number {
    return Math.min(32 * 1024 * 1024, Math.max(BLOCKS_MIN * BLOCK_BYTES, this.fileBytes / 1024));
  }

  report(): ColdStoreReport {
    let environmentCount = 0;
    for (const environment of this.environments) if (environment !== undefined) environmentCount++;
    const { fileBytes, retiredBytes, liveBytes, bufferBytes, freshBytes, movedBytes } = this;
    const { writeErrors, fault, isDiskFull } = this;
    return {
      environmentCount,
      fileBytes,
      retiredBytes,
      liveBytes,
      bufferBytes,
      freshBytes,
      movedBytes,
      writeErrors,
      fault,
      isDiskFull,
    };
  }

  /** Bytes from a place to the end of its environment's stream. */
  bytesFrom(upper: number, lower: number): number {
    const environment = this.environments[environmentNumber(upper, lower)];
    return environment === undefined ? 0 : environment.usedBytes - bytesOf(lower);
  }

  /**
   * Appends a record of `length` bytes, a multiple of 8, which are copied, and counts `liveBytes` as living. Its place is left
   * in `placeUpper` and `placeLower`. `youngest` is the count of fresh bytes when it was written first: `freshBytes` for a
   * fresh one. False if an environment is needed and can't be made: the store has a fault then.
   */
  append(
    name: HeadName,
    bytes: Uint8Array,
    offset: number,
    length: number,
    liveBytes: number,
    databaseId: number,
    youngest: number,
  ): boolean {
    const head = name === 'fresh' ? this.#fresh : this.#moved;
    let { environment } = head;
    if (environment === null || !hasRoom(environment, head.batch, length)) {
      this.#seal(head);
      environment = this.#makeEnvironment(Math.ceil(length / BLOCK_BYTES));
      if (environment === null) return false;
      head.environment = environment;
    }
    head.batch ??= this.#takeBatch(environment);
    this.placeUpper = placeUpperOf(environment.number);
    this.placeLower = placeAt(environment.number, environment.usedBytes);
    this.#copyIn(head, bytes, offset, length);
    if (name === 'fresh') this.freshBytes += length;
    else this.movedBytes += length;
    this.#count(environment, liveBytes, databaseId, youngest);
    return true;
  }

  /**
   * Begins a record of `length` bytes in an environment of its own; {@link extendLarge} appends them. One at a time. False if
   * no environment can be made.
   */
  beginLarge(length: number): boolean {
    assert(this.#large.environment === null, 'one large record at a time');
    this.#large.environment = this.#makeEnvironment(Math.ceil(length / BLOCK_BYTES));
    return this.#large.environment !== null;
  }

  /** Appends further bytes of the large record, which are copied. */
  extendLarge(bytes: Uint8Array, offset: number, length: number): void {
    this.#copyIn(this.#large, bytes, offset, length);
    this.freshBytes += length;
  }

  /** Ends the large record, which is whole, and counts it as living. Its place is left in `placeUpper` and `placeLower`. */
  finishLarge(liveBytes: number, databaseId: number): void {
    const environment = this.#large.environment as Environment;
    this.placeUpper = placeUpperOf(environment.number);
    this.placeLower = placeAt(environment.number, 0);
    this.#count(environment, liveBytes, databaseId, this.freshBytes);
    this.#seal(this.#large);
  }

  /** Gives the large record up. */
  abandonLarge(): void {
    const environment = this.#large.environment as Environment;
    this.#seal(this.#large);
    this.retire(environment);
  }

  /** A record is dead. */
  release(upper: number, lower: number, liveBytes: number, databaseId: number): void {
    const environment = this.environments[environmentNumber(upper, lower)];
    assert(environment !== undefined, 'a place in an environment that is gone');
    const ofDatabase = environment.liveByDatabase.get(databaseId);
    // A database that was emptied took its records with it already.
    if (ofDatabase === undefined) return;
    environment.liveBytes -= liveBytes;
    environment.liveByDatabase.set(databaseId, ofDatabase - liveBytes);
  }

  /** All records that there are are dead: they are not what the keys will be. */
  forgetAll(): void {
    for (const environment of this.environments) {
      if (environment === undefined) continue;
      environment.liveByDatabase.clear();
      environment.liveBytes = 0;
      this.retire(environment);
    }
  }

  /** All records of a database are dead. */
  releaseDatabase(databaseId: number): void {
    for (const environment of this.environments) {
      if (environment === undefined) continue;
      environment.liveBytes -= environment.liveByDatabase.get(databaseId) ?? 0;
      environment.liveByDatabase.delete(databaseId);
    }
  }

  /**
   * The bytes from a place on, at least `want` of them unless the environment ends before. They are scratch, good until
   * the next call; `offset` and `available` say where in them. Throws ColdRecordError if LMDB can't read them.
   */
  read(upper: number, lower: number, want: number): Uint8Array {
    const environment = this.environments[environmentNumber(upper, lower)];
    if (environment === undefined) throw new ColdRecordError('its place is unknown');
    const block = (lower >>> OFFSET_BITS) & BLOCK_MASK;
    const offset = (lower & OFFSET_MASK) * UNIT_BYTES;
    const batch = this.#batchOf(environment, block);
    if (batch !== null) {
      const at = (block - batch.firstBlock) * BLOCK_BYTES + offset;
      if (at + want <= batch.usedBytes) {
        this.offset = at;
        this.available = batch.usedBytes - at;
        return batch.bytes;
      }
    } else if (offset + want <= BLOCK_BYTES) {
      const bytes = this.#block(environment, block);
      this.offset = offset;
      this.available = BLOCK_BYTES - offset;
      return bytes;
    }
    return this.#assemble(environment, block, offset, want);
  }

  /** Whether the record at a place begins in a batch that is still in RAM. */
  isBuffered(upper: number, lower: number): boolean {
    const environment = this.environments[environmentNumber(upper, lower)];
    return (
      environment !== undefined && this.#batchOf(environment, (lower >>> OFFSET_BITS) & BLOCK_MASK) !== null
    );
  }

  /** The next read asks LMDB for its block even if the last one read it: for bytes that turned out to be damaged. */
  forgetBlock(): void {
    this.#lastBlock = -1;
  }

  /** Has the blocks at these places read into the page cache off the main thread; `done` is called then. */
  prefetch(places: readonly { upper: number; lower: number }[], done: () => void): void {
    const byEnvironment = new Map<Environment, number[]>();
    for (const { upper, lower } of places) {
      const environment = this.environments[environmentNumber(upper, lower)];
      if (environment === undefined) continue;
      const block = (lower >>> OFFSET_BITS) & BLOCK_MASK;
      if (this.#batchOf(environment, block) !== null) continue;
      const blocks = byEnvironment.get(environment);
      if (blocks === undefined) byEnvironment.set(environment, [block]);
      else blocks.push(block);
    }
    let left = byEnvironment.size;
    if (left === 0) {
      setImmediate(done);
      return;
    }
    for (const [environment, blocks] of byEnvironment) {
      environment.prefetch(blocks, () => {
        if (--left === 0) done();
      });
    }
  }

  /** Seals heads of a batch or more of which less than `liveFractionMax` lives, so that they can be reclaimed. True if any. */
  sealHeads(liveFractionMax: number): boolean {
    let isAnySealed = false;
    for (const head of [this.#fresh, this.#moved]) {
      const { environment } = head;
      if (environment === null || environment.usedBytes < BATCH_BYTES) continue;
      if (environment.liveFraction >= liveFractionMax) continue;
      this.#seal(head);
      isAnySealed = true;
    }
    return isAnySealed;
  }

  /**
   * Removes a sealed environment, of which nothing may live, once what was moved out of it until now is on the disk and no
   * checkpoint refers to it.
   */
  retire(environment: Environment): void {
    assert(environment.sealed && environment.liveBytes === 0, 'only what is sealed and dead can go');
    this.#retired.push({ environment, order: this.#order, cut: this.cutCount });
    this.#removeRetired();
  }

  /** Whether environments wait for moved records to be committed. */
  get hasRetired(): boolean {
    const { batch } = this.#moved;
    return batch !== null && this.#retired.some(({ order }) => order > batch.order);
  }

  /** Bytes of environments that only wait for the next checkpoint. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { environment, cut } of this.#retired) if (this.#isHeld(cut)) bytes += environment.fileBytes;
    return bytes;
  }

  /** Whether a checkpoint refers to what was retired when so many were begun. */
  #isHeld(cut: number): boolean {
    return cut >= Math.max(1, this.durableCut);
  }

  /** Whether an environment only waits for its removal. */
  isRetired(environment: Environment): boolean {
    return this.#retired.some((retired) => retired.environment === environment);
  }

  /** Hands the batch of moved records to LMDB's writer although there is room in it. */
  flushMoved(): void {
    if (this.#moved.batch !== null) this.#submit(this.#moved);
  }

  /** Stops writing, waits for the commits under way, closes all environments and gives the folder back. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    await Promise.all(this.#inFlight.map((batch) => batch.commit));
    for (const environment of this.environments) {
      if (environment === undefined) continue;
      // After a failed commit closing would wait for ever.
      if (this.#inFlight.some((batch) => batch.hasFailed && batch.environment === environment)) continue;
      await environment.close();
    }
    this.environments.length = 0;
    await this.#unlock();
  }

  #count(environment: Environment, liveBytes: number, databaseId: number, youngest: number): void {
    environment.appendedBytes += liveBytes;
    environment.liveBytes += liveBytes;
    environment.liveByDatabase.set(databaseId, (environment.liveByDatabase.get(databaseId) ?? 0) + liveBytes);
    if (youngest > environment.youngest) environment.youngest = youngest;
  }

  #copyIn(head: Head, bytes: Uint8Array, offset: number, length: number): void {
    const environment = head.environment as Environment;
    let copied = 0;
    while (copied < length) {
      head.batch ??= this.#takeBatch(environment);
      const batch: Batch = head.batch;
      const part = Math.min(length - copied, BATCH_BYTES - batch.usedBytes);
      copyBytes(bytes, offset + copied, batch.bytes, batch.usedBytes, part);
      copied += part;
      batch.usedBytes += part;
      environment.usedBytes += part;
      if (batch.usedBytes === BATCH_BYTES) this.#submit(head);
    }
  }

  /** Null if none can be made, which is a fault. */
  #makeEnvironment(blocksNeeded: number): Environment | null {
    const prepared = this.#prepared;
    if (prepared !== null && prepared.blockLimit >= blocksNeeded) {
      this.#prepared = null;
      return prepared;
    }
    let number = 0;
    while (this.environments[number] !== undefined) number++;
    const aim = Math.ceil(this.fileBytes / BLOCK_BYTES / ENVIRONMENTS_AIM / BATCH_BLOCKS) * BATCH_BLOCKS;
    const blockLimit = Math.min(BLOCKS_MAX, Math.max(BLOCKS_MIN, aim, blocksNeeded));
    assert(blocksNeeded <= blockLimit, 'a record longer than an environment');
    const path = join(this.path, String(this.#sequence++).padStart(8, '0'));
    try {
      if (number >= ENVIRONMENT_COUNT_MAX) throw new Error('the tier has as many environments as it can');
      const environment = new Environment(number, path, blockLimit, this.#files, this.#storage);
      this.environments[number] = environment;
      return environment;
    } catch (error) {
      this.#unmade = blocksNeeded;
      this.#failed(error);
      return null;
    }
  }

  #seal(head: Head): void {
    const { environment } = head;
    if (environment === null) return;
    if (head.batch !== null) this.#submit(head);
    head.environment = null;
    environment.sealed = true;
    environment.settle();
  }

  #takeBatch(environment: Environment): Batch {
    const batch = this.#spare.pop() ?? newBatch(environment);
    batch.environment = environment;
    // A flush leaves a block partly filled, and it stays so.
    environment.usedBytes = environment.blockCount * BLOCK_BYTES;
    batch.firstBlock = environment.blockCount;
    batch.usedBytes = 0;
    batch.order = this.#order++;
    batch.hasFailed = false;
    environment.pendingBatches++;
    return batch;
  }

  /** Hands a head's batch to LMDB's writer. */
  #submit(head: Head): void {
    const batch = head.batch as Batch;
    head.batch = null;
    batch.bytes.fill(0, batch.usedBytes, Math.ceil(batch.usedBytes / BLOCK_BYTES) * BLOCK_BYTES);
    if (this.commitsAtOnce && this.#commitAtOnce(batch)) return;
    this.#inFlight.push(batch);
    this.#commitNext(batch.environment);
  }

  /** Commits a batch on this thread; false if that fails, which is tried again as of any batch. */
  #commitAtOnce(batch: Batch): boolean {
    const { environment } = batch;
    try {
      environment.writeAtOnce(batch.firstBlock, batch.blocks, Math.ceil(batch.usedBytes / BLOCK_BYTES));
    } catch (error) {
      batch.hasFailed = true;
      this.#failed(error);
      return false;
    }
    this.#spare.push(batch);
    environment.pendingBatches--;
    environment.settle();
    return true;
  }

  /**
   * Commits an environment's next batch if none is being committed or failed: with several under way lmdb may leave the
   * promises of those behind one that fails unsettled.
   */
  #commitNext(environment: Environment): void {
    const batch = this.#inFlight.find((candidate) => candidate.environment === environment);
    if (batch !== undefined && batch.commit === null && !batch.hasFailed) this.#commit(batch);
  }

  #commit(batch: Batch): void {
    const { environment } = batch;
    batch.commit = environment
      .write(batch.firstBlock, batch.blocks, Math.ceil(batch.usedBytes / BLOCK_BYTES))
      .then(
        () => {
          batch.commit = null;
          this.#inFlight.splice(this.#inFlight.indexOf(batch), 1);
          this.#spare.push(batch);
          environment.pendingBatches--;
          if (this.#closed) return;
          this.#commitNext(environment);
          environment.settle();
          this.#removeRetired();
          this.#recover();
          this.onProgress();
        },
        (error: unknown) => {
          batch.commit = null;
          batch.hasFailed = true;
          if (!this.#closed) this.#failed(error);
        },
      );
  }

  /** A write failed: says so, and tries again by and by. */
  #failed(error: unknown): void {
    this.writeErrors++;
    // LMDB tells of a write that was cut short as an I/O error.
    const code: unknown = (error as { code?: unknown }).code;
    this.isDiskFull = code === 'ENOSPC' || code === ENOSPC || this.#isFull();
    const reason = this.isDiskFull ? 'No space left on device' : errorReason(error);
    if (this.fault !== reason) {
      this.fault = reason;
      this.onFault(reason);
    }
    this.#retryLater();
    this.onProgress();
  }

  #isFull(): boolean {
    try {
      return this.#files.freeBytes(this.path) < FREE_BYTES_MIN;
    } catch {
      return false;
    }
  }

  #retryLater(): void {
    if (this.#retryTimer !== null) return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
      this.#retry();
    }, this.#retryMs);
    this.#retryTimer.unref();
  }

  #retry(): void {
    if (this.isDiskFull && this.#isFull()) {
      this.#retryLater();
      return;
    }
    if (this.#unmade > 0) {
      const blocksNeeded = this.#unmade;
      this.#unmade = 0;
      this.#prepared = this.#makeEnvironment(blocksNeeded);
      if (this.#prepared === null) return;
    }
    for (const batch of this.#inFlight) if (batch.hasFailed && batch.commit === null) this.#commit(batch);
    this.#recover();
  }

  /** Ends the fault when nothing is left of it. */
  #recover(): void {
    if (this.fault === '' || this.#unmade > 0) return;
    for (const batch of this.#inFlight) if (batch.hasFailed) return;
    this.fault = '';
    this.isDiskFull = false;
    this.#retryMs = RETRY_MS_MIN;
    this.onFault('');
    this.onProgress();
  }

  #removeRetired(): void {
    if (this.#retired.length === 0) return;
    let unwritten = this.#moved.batch?.order ?? this.#order;
    for (const batch of this.#inFlight) if (batch.order < unwritten) unwritten = batch.order;
    for (let at = this.#retired.length - 1; at >= 0; at--) {
      const { environment, order, cut } = this.#retired[at];
      if (order > unwritten || environment.pendingBatches > 0 || this.#isHeld(cut)) continue;
      this.#retired.splice(at, 1);
      delete this.environments[environment.number];
      if (this.#lastEnvironment === environment) this.#lastEnvironment = null;
      environment.remove();
    }
  }

  #batchOf(environment: Environment, block: number): Batch | null {
    if (environment.pendingBatches === 0) return null;
    for (const head of this.#heads) {
      const { batch } = head;
      if (batch !== null && batch.environment === environment && block >= batch.firstBlock) return batch;
    }
    for (const batch of this.#inFlight) {
      if (
        batch.environment === environment &&
        block >= batch.firstBlock &&
        block < batch.firstBlock + Math.ceil(batch.usedBytes / BLOCK_BYTES)
      ) {
        return batch;
      }
    }
    return null;
  }

  /** A committed block; LMDB copies it into one buffer that each get reuses. */
  #block(environment: Environment, block: number): Uint8Array {
    // A committed block never changes, so the last one read is good for as long as it is in the buffer.
    if (environment === this.#lastEnvironment && block === this.#lastBlock) return this.#lmdbBytes;
    this.#lastBlock = -1;
    const found = environment.get(block);
    if (found === undefined) throw new ColdRecordError('its block is missing');
    if (found !== this.#lmdbBuffer) {
      this.#lmdbBuffer = found;
      this.#lmdbBytes = new Uint8Array(found.buffer as ArrayBuffer, found.byteOffset, BLOCK_BYTES);
    }
    this.#lastEnvironment = environment;
    this.#lastBlock = block;
    return this.#lmdbBytes;
  }

  #assemble(environment: Environment, block: number, offset: number, want: number): Uint8Array {
    let target = this.#assembled;
    if (target.length < want) {
      target = new Uint8Array(want > SCRATCH_BYTES_MAX ? want : want * 2);
      if (want <= SCRATCH_BYTES_MAX) this.#assembled = target;
    }
    let filled = 0;
    let from = offset;
    for (let at = block; filled < want && at < environment.blockCount; at++) {
      const batch = this.#batchOf(environment, at);
      let part = Math.min(BLOCK_BYTES - from, want - filled);
      if (batch !== null) {
        const start = (at - batch.firstBlock) * BLOCK_BYTES + from;
        part = Math.min(part, batch.usedBytes - start);
        if (part <= 0) break;
        copyBytes(batch.bytes, start, target, filled, part);
      } else {
        copyBytes(this.#block(environment, at), from, target, filled, part);
      }
      filled += part;
      from = 0;
    }
    this.offset = 0;
    this.available = filled;
    return target;
  }
}

/** The environment's number in a place. */
export function environmentNumber(upper: number, lower: number): number {
  return (upper << LOWER_NUMBER_BITS) | (lower >>> (BLOCK_BITS + OFFSET_BITS));
}

/** The lower word of the place `bytes` into an environment's stream; the upper one is {@link placeUpperOf}. */
export function placeAt(number: number, bytes: number): number {
  const block = Math.floor(bytes / BLOCK_BYTES);
  const offset = (bytes - block * BLOCK_BYTES) / UNIT_BYTES;
  return ((number & LOWER_NUMBER_MASK) << (BLOCK_BITS + OFFSET_BITS)) | (block << OFFSET_BITS) | offset;
}

/** Whether a record fits behind what an environment holds; the first one always does. */
function hasRoom(environment: Environment, batch: Batch | null, length: number): boolean {
  const { usedBytes, blockCount, blockLimit } = environment;
  if (usedBytes === 0) return length <= blockLimit * BLOCK_BYTES;
  return (batch === null ? blockCount * BLOCK_BYTES : usedBytes) + length <= blockLimit * BLOCK_BYTES;
}

/** The upper 7 bits of the places in an environment. */
export function placeUpperOf(number: number): number {
  return number >>> LOWER_NUMBER_BITS;
}

/** How far into its environment's stream a place is. */
function bytesOf(lower: number): number {
  return ((lower >>> OFFSET_BITS) & BLOCK_MASK) * BLOCK_BYTES + (lower & OFFSET_MASK) * UNIT_BYTES;
}

function newBatch(environment: Environment): Batch {
  const bytes = new Uint8Array(BATCH_BYTES);
  const blocks: Buffer[] = [];
  for (let at = 0; at < BATCH_BLOCKS; at++)
    blocks.push(Buffer.from(bytes.buffer, at * BLOCK_BYTES, BLOCK_BYTES));
  return {
    bytes,
    blocks,
    environment,
    firstBlock: 0,
    usedBytes: 0,
    order: 0,
    hasFailed: false,
    commit: null,
  };
}

function failureToOpen(path: string, error: unknown): Error {
  const text = `Can't use the SSD tier at ${path}: ${errorReason(error)}`;
  return error instanceof LockedError ? new LockedError(text) : new Error(text);
}
