import { open, type RootDatabase } from 'lmdb';
import { assert } from '../base/assert.ts';
import { copyBytes } from '../base/bytes.ts';
import type { Files } from '../base/files.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';

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
 * copying what lives out of it and removing its folder. See docs/adr/0001 for the figures.
 *
 * Appended bytes are in RAM until their batch of blocks is committed, off the main thread, and are read from there until
 * then; `isBusy` says that as many batches are under way as may be. A batch that fails stays and is tried again.
 *
 * A place is a number of 39 bits: environment (14), block (16), offset in units of 8 bytes (9).
 */
export const BLOCK_BYTES = 4072;
const UNIT_BYTES = 8;
const BLOCK_UNITS = BLOCK_BYTES / UNIT_BYTES;
const OFFSET_BITS = 9;
const BLOCK_BITS = 16;
const ENVIRONMENT_COUNT_MAX = 1 << 14;
const BLOCKS_MAX = 1 << BLOCK_BITS;
const BLOCKS_MIN = 1024;
/** Environments that the store aims at: the size of a new one follows from the size of all. */
const ENVIRONMENTS_AIM = 64;

const BATCH_BLOCKS = 64;
const BATCH_BYTES = BATCH_BLOCKS * BLOCK_BYTES;
const BATCHES_MAX = 8;
const RETRY_MS = 500;
/** The map is reserved address space: the blocks, LMDB's own pages, and room. */
const MAP_SLACK_BYTES = 4 * 1024 * 1024;

/** A batch of blocks in RAM, from being filled until it is committed. */
interface Batch {
  readonly bytes: Uint8Array;
  /** One view per block, for LMDB. */
  readonly blocks: Buffer[];
  firstBlock: number;
  environment: Environment;
}

/** One LMDB environment of the log. */
export interface Environment {
  readonly number: number;
  /** Order of filling among all environments ever made. */
  readonly sequence: number;
  readonly path: string;
  readonly blockLimit: number;
  /** Null once all was committed after sealing, until it is read: then it is opened for reading only. */
  database: RootDatabase<Buffer, number> | null;
  /** Blocks appended, those not yet committed among them. */
  blockCount: number;
  /** Bytes of records that keys refer to, and of those by database. */
  liveBytes: number;
  readonly liveByDatabase: Map<number, number>;
  /** No more is appended. */
  sealed: boolean;
}

/** Figures of the store. */
export interface ColdStoreReport {
  readonly environmentCount: number;
  readonly fileBytes: number;
  readonly liveBytes: number;
  readonly bufferBytes: number;
  readonly writtenBytes: number;
  readonly writeErrors: number;
  readonly fault: string;
}

export class ColdStore {
  readonly path: string;
  /** Environments by number; holes where a number is free. */
  readonly environments: (Environment | undefined)[] = [];
  /** Called when a batch was committed or given up: who waited for room may go on. */
  onProgress: () => void = () => {};
  /** Called when writing begins to fail (with the reason) and when it works again (empty). */
  onFault: (reason: string) => void = () => {};
  /** Bytes appended since the start, reclaiming included. */
  writtenBytes = 0;
  writeErrors = 0;
  /** Why the store can't write at present, or empty. */
  fault = '';

  /** The last place given by `append`. */
  placeUpper = 0;
  placeLower = 0;

  readonly #files: Files;
  #head: Environment | null = null;
  #current: Batch | null = null;
  #filled = 0;
  readonly #inFlight: Batch[] = [];
  readonly #spare: Batch[] = [];
  readonly #retries = new Set<NodeJS.Timeout>();
  #sequence = 0;
  #closed = false;
  /** What LMDB's buffer holds. */
  #lastEnvironment: Environment | null = null;
  #lastBlock = -1;
  #lmdbBuffer: Buffer | null = null;
  #lmdbBytes: Uint8Array = new Uint8Array(0);
  #assembled = new Uint8Array(BLOCK_BYTES * 5);

  /** `path` is a folder that exists and belongs to this process alone. Files of an earlier run in it are removed. */
  constructor(path: string, files: Files) {
    this.path = path;
    this.#files = files;
  }

  /** Bytes on disk, as the blocks that were handed to LMDB. */
  get fileBytes(): number {
    let blocks = 0;
    for (const environment of this.environments)
      if (environment !== undefined) blocks += environment.blockCount;
    return blocks * 4096;
  }

  get liveBytes(): number {
    let bytes = 0;
    for (const environment of this.environments)
      if (environment !== undefined) bytes += environment.liveBytes;
    return bytes;
  }

  /** Bytes of RAM in batches. */
  get bufferBytes(): number {
    return (this.#inFlight.length + this.#spare.length + (this.#current === null ? 0 : 1)) * BATCH_BYTES;
  }

  /** As much is being written as may be: nothing should be appended now. */
  get isBusy(): boolean {
    return this.#inFlight.length >= BATCHES_MAX || this.fault !== '';
  }

  /** The longest record that can be appended. */
  get recordBytesMax(): number {
    return (BLOCKS_MAX - 1) * BLOCK_BYTES;
  }

  /** Bytes from a place to the end of its environment's stream. */
  bytesFrom(upper: number, lower: number): number {
    const environment = this.environments[environmentNumber(upper, lower)];
    if (environment === undefined) return 0;
    const block = (lower >>> OFFSET_BITS) & (BLOCKS_MAX - 1);
    return (environment.blockCount - block) * BLOCK_BYTES - (lower & ((1 << OFFSET_BITS) - 1)) * UNIT_BYTES;
  }

  /**
   * Appends a record of `length` bytes, a multiple of 8, and counts it as living. Its place is left in `placeUpper` and
   * `placeLower`. The bytes are copied.
   */
  append(bytes: Uint8Array, length: number, liveBytes: number, databaseId: number): void {
    const environment = this.#headFor(length);
    if (this.#current === null) this.#openBatch(environment);
    let batch = this.#current as Batch;
    const position = batch.firstBlock * BLOCK_BYTES + this.#filled;
    const block = Math.floor(position / BLOCK_BYTES);
    const offset = (position - block * BLOCK_BYTES) / UNIT_BYTES;
    this.placeUpper = environment.number >>> 7;
    this.placeLower =
      ((environment.number & 0x7f) << (BLOCK_BITS + OFFSET_BITS)) | (block << OFFSET_BITS) | offset;
    let copied = 0;
    for (;;) {
      const part = Math.min(length - copied, BATCH_BYTES - this.#filled);
      copyBytes(bytes, copied, batch.bytes, this.#filled, part);
      copied += part;
      this.#filled += part;
      environment.blockCount = batch.firstBlock + Math.ceil(this.#filled / BLOCK_BYTES);
      if (this.#filled === BATCH_BYTES) {
        this.#submit();
        if (copied < length) {
          this.#openBatch(environment);
          batch = this.#current as unknown as Batch;
        }
      }
      if (copied === length) break;
    }
    this.writtenBytes += length;
    environment.liveBytes += liveBytes;
    environment.liveByDatabase.set(databaseId, (environment.liveByDatabase.get(databaseId) ?? 0) + liveBytes);
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

  /** All records of a database are dead. */
  releaseDatabase(databaseId: number): void {
    for (const environment of this.environments) {
      if (environment === undefined) continue;
      environment.liveBytes -= environment.liveByDatabase.get(databaseId) ?? 0;
      environment.liveByDatabase.delete(databaseId);
    }
  }

  /** Bytes after the last `read`'s position that its bytes hold. */
  available = 0;
  /** Where in the returned bytes the place is. */
  offset = 0;

  /**
   * The bytes from a place on, at least `want` of them unless the environment ends before. They are scratch, good until
   * the next call; `offset` and `available` say where in them. Throws ColdRecordError if LMDB can't read them.
   */
  read(upper: number, lower: number, want: number): Uint8Array {
    const environment = this.environments[environmentNumber(upper, lower)];
    if (environment === undefined) throw new ColdRecordError('its place is unknown');
    const block = (lower >>> OFFSET_BITS) & (BLOCKS_MAX - 1);
    const offset = (lower & ((1 << OFFSET_BITS) - 1)) * UNIT_BYTES;
    const batch = this.#batchOf(environment, block);
    if (batch !== null) {
      const at = (block - batch.firstBlock) * BLOCK_BYTES + offset;
      const end = batch === this.#current ? this.#filled : BATCH_BYTES;
      if (at + want <= end) {
        this.offset = at;
        this.available = end - at;
        return batch.bytes;
      }
    } else if (offset + want <= BLOCK_BYTES) {
      this.offset = offset;
      this.available = BLOCK_BYTES - offset;
      return this.#block(environment, block);
    }
    return this.#assemble(environment, block, offset, want);
  }

  /** Has the blocks at these places read into the page cache off the main thread; `done` is called then. */
  prefetch(places: readonly { upper: number; lower: number }[], done: () => void): void {
    const byEnvironment = new Map<Environment, number[]>();
    for (const { upper, lower } of places) {
      const environment = this.environments[environmentNumber(upper, lower)];
      if (environment === undefined) continue;
      const block = (lower >>> OFFSET_BITS) & (BLOCKS_MAX - 1);
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
      this.#opened(environment).prefetch(blocks, () => {
        if (--left === 0) done();
      });
    }
  }

  /** Seals the environment being filled, if anything is in it, so that it too can be reclaimed. */
  sealHead(): void {
    if (this.#head === null || this.#head.blockCount === 0) return;
    if (this.#current !== null && this.#filled > 0) this.#submit();
    const sealed = this.#head;
    sealed.sealed = true;
    this.#head = null;
    this.#current = null;
    this.#filled = 0;
    if (!this.#isBeingWritten(sealed)) this.#closeWriter(sealed);
  }

  /** Closes an environment that nothing refers to any more and removes its files. */
  async remove(environment: Environment): Promise<void> {
    assert(environment.sealed, 'an environment that is being filled is not removed');
    delete this.environments[environment.number];
    if (this.#lastEnvironment === environment) this.#lastEnvironment = null;
    await environment.database?.close();
    this.#files.removeTree(environment.path);
  }

  /** Stops writing and closes all environments. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#retries) clearTimeout(timer);
    for (const environment of this.environments) await environment?.database?.close();
    this.environments.length = 0;
  }

  #headFor(length: number): Environment {
    let head = this.#head;
    if (head !== null) {
      const used = head.blockCount * BLOCK_BYTES;
      if (used + length <= head.blockLimit * BLOCK_BYTES) return head;
      this.sealHead();
    }
    head = this.#openEnvironment(Math.ceil(length / BLOCK_BYTES) + 1);
    this.#head = head;
    return head;
  }

  #openEnvironment(blocksNeeded: number): Environment {
    let number = 0;
    while (this.environments[number] !== undefined) number++;
    if (number >= ENVIRONMENT_COUNT_MAX)
      throw new ColdRecordError('the store has as many environments as it can');
    const aim = Math.ceil(this.fileBytes / 4096 / ENVIRONMENTS_AIM / BATCH_BLOCKS) * BATCH_BLOCKS;
    const blockLimit = Math.min(BLOCKS_MAX, Math.max(BLOCKS_MIN, aim, blocksNeeded));
    if (blocksNeeded > blockLimit) throw new ColdRecordError('the record is larger than an environment');
    const sequence = this.#sequence++;
    const path = `${this.path}/${String(sequence).padStart(8, '0')}`;
    this.#files.makeDirectory(path);
    const database = openBlocks(path, blockLimit, false);
    const environment: Environment = {
      number,
      sequence,
      path,
      blockLimit,
      database,
      blockCount: 0,
      liveBytes: 0,
      liveByDatabase: new Map(),
      sealed: false,
    };
    this.environments[number] = environment;
    return environment;
  }

  #opened(environment: Environment): RootDatabase<Buffer, number> {
    environment.database ??= openBlocks(environment.path, environment.blockLimit, true);
    return environment.database;
  }

  #isBeingWritten(environment: Environment): boolean {
    for (const batch of this.#inFlight) if (batch.environment === environment) return true;
    return false;
  }

  /**
   * LMDB keeps the memory of a writer's dirty pages for as long as an environment is open for writing, megabytes each. A
   * sealed one is closed and, when it is read, opened for reading.
   */
  #closeWriter(environment: Environment): void {
    const { database } = environment;
    environment.database = null;
    if (environment === this.#lastEnvironment) this.#lastBlock = -1;
    database?.close().catch((error: unknown) => this.onFault(String(error)));
  }

  #openBatch(environment: Environment): void {
    const batch = this.#spare.pop() ?? newBatch(environment);
    batch.environment = environment;
    batch.firstBlock = environment.blockCount;
    this.#current = batch;
    this.#filled = 0;
  }

  /** Hands the batch being filled to LMDB's writer. */
  #submit(): void {
    const batch = this.#current as Batch;
    const count = Math.ceil(this.#filled / BLOCK_BYTES);
    batch.bytes.fill(0, this.#filled, count * BLOCK_BYTES);
    this.#current = null;
    this.#filled = 0;
    this.#inFlight.push(batch);
    this.#write(batch, count);
  }

  #write(batch: Batch, count: number): void {
    const database = batch.environment.database as RootDatabase<Buffer, number>;
    let written: Promise<unknown> = Promise.resolve();
    try {
      for (let at = 0; at < count; at++) written = database.put(batch.firstBlock + at, batch.blocks[at]);
    } catch (error) {
      written = Promise.reject(error);
    }
    written.then(
      () => {
        this.#inFlight.splice(this.#inFlight.indexOf(batch), 1);
        if (this.#spare.length < 2) this.#spare.push(batch);
        const { environment } = batch;
        if (environment.sealed && !this.#isBeingWritten(environment)) this.#closeWriter(environment);
        if (this.fault !== '') {
          this.fault = '';
          this.onFault('');
        }
        this.onProgress();
      },
      (error: unknown) => {
        if (this.#closed) return;
        this.writeErrors++;
        const reason = error instanceof Error ? error.message : String(error);
        if (this.fault === '') {
          this.fault = reason;
          this.onFault(reason);
        }
        const timer = setTimeout(() => {
          this.#retries.delete(timer);
          this.#write(batch, count);
        }, RETRY_MS);
        timer.unref();
        this.#retries.add(timer);
        this.onProgress();
      },
    );
  }

  #batchOf(environment: Environment, block: number): Batch | null {
    const current = this.#current;
    if (current !== null && current.environment === environment && block >= current.firstBlock)
      return current;
    for (const batch of this.#inFlight) {
      if (
        batch.environment === environment &&
        block >= batch.firstBlock &&
        block < batch.firstBlock + BATCH_BLOCKS
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
    let found: Buffer | undefined;
    try {
      found = this.#opened(environment).getBinaryFast(block);
    } catch (error) {
      throw new ColdRecordError(error instanceof Error ? error.message : String(error));
    }
    if (found === undefined) throw new ColdRecordError('its block is missing');
    if (found !== this.#lmdbBuffer) {
      this.#lmdbBuffer = found;
      this.#lmdbBytes = new Uint8Array(
        found.buffer as ArrayBuffer,
        found.byteOffset,
        Math.max(BLOCK_BYTES, found.buffer.byteLength - found.byteOffset),
      );
    }
    this.#lastEnvironment = environment;
    this.#lastBlock = block;
    return this.#lmdbBytes;
  }

  #assemble(environment: Environment, block: number, offset: number, want: number): Uint8Array {
    if (this.#assembled.length < want + BLOCK_BYTES) this.#assembled = new Uint8Array(want * 2 + BLOCK_BYTES);
    const target = this.#assembled;
    let filled = 0;
    let from = offset;
    for (let at = block; filled < want && at < environment.blockCount; at++) {
      const batch = this.#batchOf(environment, at);
      let part = BLOCK_BYTES - from;
      if (batch !== null) {
        const start = (at - batch.firstBlock) * BLOCK_BYTES + from;
        const end = batch === this.#current ? this.#filled : BATCH_BYTES;
        part = Math.min(part, end - start);
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
  return (upper << 7) | (lower >>> (BLOCK_BITS + OFFSET_BITS));
}

/** The place `bytes` into an environment's stream: its lower word; the upper is `number >>> 7`. */
export function placeAt(number: number, bytes: number): number {
  const block = Math.floor(bytes / BLOCK_BYTES);
  const offset = (bytes - block * BLOCK_BYTES) / UNIT_BYTES;
  return ((number & 0x7f) << (BLOCK_BITS + OFFSET_BITS)) | (block << OFFSET_BITS) | offset;
}

function openBlocks(path: string, blockLimit: number, readOnly: boolean): RootDatabase<Buffer, number> {
  return open<Buffer, number>({
    path: `${path}/blocks.mdb`,
    encoding: 'binary',
    keyEncoding: 'uint32',
    mapSize: blockLimit * 4096 + MAP_SLACK_BYTES,
    noReadAhead: true,
    noMemInit: true,
    readOnly,
    // Commits do not wait for the disk; `flushed` tells when they are on it.
    ...(readOnly ? {} : { overlappingSync: true }),
    maxDbs: 1,
  } as Parameters<typeof open>[0]) as RootDatabase<Buffer, number>;
}

function newBatch(environment: Environment): Batch {
  const bytes = new Uint8Array(BATCH_BYTES);
  const blocks: Buffer[] = [];
  for (let at = 0; at < BATCH_BLOCKS; at++)
    blocks.push(Buffer.from(bytes.buffer, at * BLOCK_BYTES, BLOCK_BYTES));
  return { bytes, blocks, firstBlock: 0, environment };
}

assert(BLOCK_UNITS < 1 << OFFSET_BITS, 'an offset must fit its bits');
