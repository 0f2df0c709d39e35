import { join, resolve } from 'node:path';
import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb';
import { errorReason, type Files, LockedError } from '../base/files.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';

/** Bytes of a block, the value of one LMDB record: with the page's header of 24 bytes it fills a page (docs/adr/0001). */
export const BLOCK_BYTES = 4072;
const PAGE_BYTES = 4096;
/** The map is reserved address space: the blocks, a fiftieth for LMDB's tree, and room. */
const MAP_SLACK_BYTES = 4 * 1024 * 1024;
/** File bytes per block with LMDB's tree, until the file is complete and can be asked. */
const FILE_BYTES_PER_BLOCK = PAGE_BYTES * 1.011;
const EMPTY_FILE_BYTES = 2 * PAGE_BYTES;
/** Length of the lock file that LMDB makes for its usual number of readers. */
const LOCK_FILE_BYTES = 8272;
const LOCK_NAME = 'lock.mdb';
const DATA_NAME = 'blocks.mdb';

/** What is in an environment's files. */
export interface Blocks {
  /**
   * Commits blocks in one transaction off the main thread, all or none. Their bytes stay as they are until the promise
   * settles; it resolves when they are on the disk, and rejects with the system's reason as its message.
   */
  write(firstBlock: number, blocks: readonly Buffer[], count: number): Promise<void>;
  /** As {@link write}, at once; throws the system's error. What is being written goes before it. */
  writeAtOnce(firstBlock: number, blocks: readonly Buffer[], count: number): void;
  /** A committed block, lent until the next get of any environment; undefined if it is not there. Throws if it can't be read. */
  get(block: number): Buffer | undefined;
  /** Reads blocks into the page cache off the main thread; `done` is called then, and also if it fails. */
  prefetch(blocks: number[], done: () => void): void;
  /** Closes the files; never settles after a failed commit. */
  close(): Promise<void>;
}

/** What keeps blocks on a disk: {@link lmdbStorage}, or what a simulation puts in its place. */
export interface BlockStorage {
  /** Opens the blocks in a data file that exists. Throws the storage's error. */
  open(path: string, blockLimit: number, isReadOnly: boolean): Blocks;
  /**
   * Takes a tier's folder for this process and returns what gives it back. Throws LockedError if the folder is in use, else
   * the system's error.
   */
  lock(path: string, files: Files): () => Promise<void>;
}

/** What a checkpoint keeps of an environment. */
export interface SavedEnvironment {
  /** Its number in places, and its folder's name. */
  readonly number: number;
  readonly folder: string;
  readonly blockLimit: number;
  readonly usedBytes: number;
  readonly appendedBytes: number;
  readonly youngest: number;
  /** Living bytes by database. */
  readonly live: readonly (readonly [databaseId: number, bytes: number])[];
  /** All of it was committed, and it was closed by its writer. */
  readonly isComplete: boolean;
}

/**
 * One LMDB environment of the cold store, in a folder of its own: written once from its first block on, sealed, and then
 * only read until it is removed (docs/adr/0002). All environments have files of the same name, since lmdb keeps the last one
 * of each name.
 */
export class Environment {
  /** Its number in places, which is free again after it was removed. */
  readonly number: number;
  readonly path: string;
  readonly blockLimit: number;
  /** Bytes appended to its stream of blocks, those not yet committed among them. */
  usedBytes = 0;
  /** Batches of blocks that are not committed. */
  pendingBatches = 0;
  /** The records appended, those that a key refers to, and of those by database, as they are without compression. */
  appendedBytes = 0;
  liveBytes = 0;
  readonly liveByDatabase = new Map<number, number>();
  /** The store's count of fresh bytes when its youngest record was written. */
  youngest = 0;
  /** No more is appended. */
  sealed = false;

  readonly #files: Files;
  readonly #storage: BlockStorage;
  #blocks: Blocks | null;
  #isWriter = true;
  #prefetches = 0;
  #completeBytes = 0;
  /** What waits for the prefetches under way. */
  #afterPrefetch: (() => void) | null = null;

  /**
   * Makes the files and opens them for writing. They are written by ordinary calls first: LMDB ends the process where it
   * can't write those of a new environment (docs/adr/0004). Throws the system's or LMDB's error, leaving no files.
   *
   * With `saved` takes the files that an earlier process left, to which nothing is appended. One that was not complete is
   * opened for writing first, which takes LMDB back to what is on the disk (docs/adr/0002).
   */
  constructor(
    number: number,
    path: string,
    blockLimit: number,
    files: Files,
    storage: BlockStorage = lmdbStorage,
    saved?: SavedEnvironment,
  ) {
    this.number = number;
    this.path = path;
    this.blockLimit = blockLimit;
    this.#files = files;
    this.#storage = storage;
    if (saved !== undefined) {
      this.#blocks = saved.isComplete ? null : storage.open(this.#dataPath, blockLimit, false);
      this.#adopt(saved);
      return;
    }
    try {
      files.makeDirectory(path);
      // Not synced: on the main thread that would hold up every client, and nothing refers to the files yet.
      files.write(`${this.#dataPath}-lock`, new Uint8Array(LOCK_FILE_BYTES));
      files.write(this.#dataPath, emptyEnvironment());
      this.#blocks = storage.open(this.#dataPath, blockLimit, false);
    } catch (error) {
      files.removeTree(path);
      throw error;
    }
  }

  #adopt({ usedBytes, appendedBytes, youngest, live, isComplete }: SavedEnvironment): void {
    this.usedBytes = usedBytes;
    this.appendedBytes = appendedBytes;
    this.youngest = youngest;
    for (const [databaseId, bytes] of live) {
      this.liveByDatabase.set(databaseId, bytes);
      this.liveBytes += bytes;
    }
    this.sealed = true;
    this.#isWriter = !isComplete;
    this.#completeBytes = this.#files.statistics(this.#dataPath)?.sizeBytes ?? 0;
    this.settle();
  }

  /** All of it is on the disk, and nothing more will be written. */
  get isComplete(): boolean {
    return !this.#isWriter;
  }

  get #dataPath(): string {
    return join(this.path, DATA_NAME);
  }

  get blockCount(): number {
    return Math.ceil(this.usedBytes / BLOCK_BYTES);
  }

  /** Bytes of its file: what it has once it is complete, before that what it comes to. */
  get fileBytes(): number {
    return this.#completeBytes > 0
      ? this.#completeBytes
      : EMPTY_FILE_BYTES + Math.ceil(this.blockCount * FILE_BYTES_PER_BLOCK);
  }

  /** The fraction of its records that lives, 0 to 1. */
  get liveFraction(): number {
    return this.appendedBytes === 0 ? 0 : this.liveBytes / this.appendedBytes;
  }

  /** Commits blocks: see {@link Blocks.write}. */
  write(firstBlock: number, blocks: readonly Buffer[], count: number): Promise<void> {
    return (this.#blocks as Blocks).write(firstBlock, blocks, count);
  }

  /** Commits blocks: see {@link Blocks.writeAtOnce}. */
  writeAtOnce(firstBlock: number, blocks: readonly Buffer[], count: number): void {
    (this.#blocks as Blocks).writeAtOnce(firstBlock, blocks, count);
  }

  /**
   * A committed block, in a buffer that the next get of any environment overwrites; undefined if it is not there. Throws
   * ColdRecordError.
   */
  get(block: number): Buffer | undefined {
    try {
      return this.#opened().get(block);
    } catch (error) {
      throw error instanceof ColdRecordError ? error : new ColdRecordError(errorReason(error));
    }
  }

  /** Reads blocks into the page cache off the main thread; `done` is called then, and also if it fails. */
  prefetch(blocks: number[], done: () => void): void {
    let opened: Blocks;
    try {
      opened = this.#opened();
    } catch {
      // Whoever reads them meets the error again.
      setImmediate(done);
      return;
    }
    this.#prefetches++;
    opened.prefetch(blocks, () => {
      this.#prefetches--;
      if (this.#prefetches === 0 && this.#afterPrefetch !== null) {
        const after = this.#afterPrefetch;
        this.#afterPrefetch = null;
        after();
      }
      done();
    });
  }

  /**
   * To be called when it was sealed or a batch of it was committed: once it is complete it is closed, and opened for reading
   * when it is read. LMDB keeps the memory of a writer's dirty pages, megabytes, for as long as it is open.
   */
  settle(): void {
    if (!this.sealed || this.pendingBatches > 0 || !this.#isWriter) return;
    // In a turn of its own: closing takes some microtasks, and a look-up between them would share the writer's memory.
    setImmediate(() => this.#closeWriter());
  }

  /** Closes it and removes its files, once no prefetch is under way. Nothing may read it from now on. */
  remove(): void {
    if (this.#prefetches > 0) {
      this.#afterPrefetch = () => this.remove();
      return;
    }
    // A file that can't be removed is tried again at the next start.
    this.close()
      .then(() => this.#files.removeTreeAside(this.path))
      .catch(() => {});
  }

  /** Closes it. Never settles after a failed commit: then the environment is left open until the process ends. */
  async close(): Promise<void> {
    const blocks = this.#blocks;
    this.#blocks = null;
    this.#isWriter = false;
    await blocks?.close();
  }

  #closeWriter(): void {
    const blocks = this.#blocks;
    if (!this.#isWriter || blocks === null) return;
    if (this.#prefetches > 0) {
      this.#afterPrefetch ??= () => this.#closeWriter();
      return;
    }
    this.#isWriter = false;
    this.#blocks = null;
    void blocks.close();
    try {
      this.#completeBytes = this.#files.statistics(this.#dataPath)?.sizeBytes ?? 0;
    } catch {
      // What it comes to is told instead.
    }
  }

  #opened(): Blocks {
    if (this.#blocks === null) {
      // LMDB ends the process when it reads behind the end of a file that was cut short.
      const found = this.#files.statistics(this.#dataPath);
      if (found === undefined) throw new ColdRecordError('its file is missing');
      if (found.sizeBytes < this.blockCount * PAGE_BYTES) throw new ColdRecordError('its file is cut short');
      this.#blocks = this.#storage.open(this.#dataPath, this.blockLimit, true);
    }
    return this.#blocks;
  }
}

/** Why an environment that a checkpoint names, in a folder of the tier at `path`, can't be used; undefined if it can. */
export function damageOfSaved(path: string, saved: SavedEnvironment, files: Files): string | undefined {
  const data = join(path, saved.folder, DATA_NAME);
  const found = files.statistics(data);
  if (found === undefined) return `${data} is missing`;
  const { sizeBytes } = found;
  const blockCount = Math.ceil(saved.usedBytes / BLOCK_BYTES);
  if (sizeBytes < EMPTY_FILE_BYTES + blockCount * PAGE_BYTES) return `${data} is cut short`;
  const start = new Uint8Array(EMPTY_FILE_BYTES);
  const file = files.open(data, 'read');
  try {
    file.read(start, 0, start.length, 0);
  } finally {
    file.close();
  }
  const damage = damageOfEnvironment(start, sizeBytes);
  return damage === undefined ? undefined : `${data} ${damage}`;
}

/** Blocks in an LMDB environment. */
class LmdbBlocks implements Blocks {
  readonly #database: RootDatabase<Buffer, number>;

  constructor(database: RootDatabase<Buffer, number>) {
    this.#database = database;
  }

  async write(firstBlock: number, blocks: readonly Buffer[], count: number): Promise<void> {
    const database = this.#database;
    try {
      await database.batch(() => {
        for (let at = 0; at < count; at++) database.put(firstBlock + at, blocks[at]);
      });
    } catch (error) {
      const cause = (error as { commitError?: Promise<never> }).commitError;
      if (cause === undefined) throw error;
      await cause;
    }
  }

  writeAtOnce(firstBlock: number, blocks: readonly Buffer[], count: number): void {
    const database = this.#database;
    database.transactionSync(() => {
      for (let at = 0; at < count; at++) database.putSync(firstBlock + at, blocks[at]);
    });
  }

  get(block: number): Buffer | undefined {
    return this.#database.getBinaryFast(block);
  }

  prefetch(blocks: number[], done: () => void): void {
    this.#database.prefetch(blocks, done);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/** LMDB, the storage of a server. */
export const lmdbStorage: BlockStorage = {
  open: (path, blockLimit, isReadOnly) => new LmdbBlocks(openDatabase(path, blockLimit, isReadOnly)),
  lock: lockTier,
};

function openDatabase(path: string, blockLimit: number, readOnly: boolean): RootDatabase<Buffer, number> {
  const options: RootDatabaseOptionsWithPath & { readonly noReadAhead: boolean } = {
    path,
    encoding: 'binary',
    keyEncoding: 'uint32',
    mapSize: Math.ceil(blockLimit * PAGE_BYTES * 1.02) + MAP_SLACK_BYTES,
    maxDbs: 1,
    noReadAhead: true,
    // With batching by event turns a failed commit is an unhandled rejection besides.
    eventTurnBatching: false,
    ...(readOnly ? { readOnly } : { overlappingSync: true }),
  };
  return open<Buffer, number>(options);
}

/** Folders of tiers that this process holds: opening a lock twice in a process and closing one would give up both. */
const held = new Set<string>();

/**
 * Takes a tier's folder for this process and returns what gives it back. The lock is LMDB's table of readers in an
 * environment of its own, behind which is a lock of the kernel: it ends with the process however that ends, and holds between
 * containers. Throws LockedError if the folder is in use, else the system's error.
 */
export function lockTier(path: string, files: Files): () => Promise<void> {
  const folder = resolve(path);
  if (held.has(folder)) throw new LockedError('This process uses it already');
  const file = join(folder, LOCK_NAME);
  if (!files.exists(file)) {
    // Of two processes that start at once, one makes the lock.
    const release = files.lockFile(join(folder, 'lock.new'));
    try {
      if (!files.exists(file)) {
        files.write(`${file}-lock`, new Uint8Array(LOCK_FILE_BYTES));
        files.writeAtomic(file, emptyEnvironment());
      }
    } finally {
      release();
    }
  }
  const bytes = files.readBytes(file);
  const damage = damageOfEnvironment(bytes, bytes.length);
  if (damage !== undefined) throw new Error(`${file} ${damage}; remove it if no process uses the tier`);
  const database = openDatabase(file, 1, false);
  let readerCount: number;
  try {
    readerCount = (database.getStats() as { numReaders: number }).numReaders;
  } catch {
    readerCount = Number.POSITIVE_INFINITY;
  }
  if (readerCount > 1) {
    void database.close();
    throw new LockedError('Another process uses it');
  }
  held.add(folder);
  return async () => {
    await database.close();
    held.delete(folder);
  };
}

/**
 * An environment as LMDB makes it for {@link openDatabase}, without records and for pages of 4,096 bytes on every machine: two
 * pages of meta data, and a third meta in the middle of the first page. Words of 32 bits, little-endian, that are not zero.
 */
const EMPTY_ENVIRONMENT: readonly (readonly [offset: number, word: number])[] = [
  ...[0, 0x1000].flatMap((page): [number, number][] => [
    [page + 0x10, 0x80000],
    [page + 0x18, 0xbeefc0de],
    [page + 0x1c, 2],
  ]),
  ...[0, 0x800, 0x1000].flatMap((page): [number, number][] => [
    [page + 0x28, MAP_SLACK_BYTES],
    [page + 0x30, PAGE_BYTES],
    [page + 0x34, page === 0x1000 ? 0x5008 : 0x4008],
    [page + 0x58, 0xffffffff],
    [page + 0x5c, 0xffffffff],
    [page + 0x64, page === 0 ? 0 : 8],
    [page + 0x88, 0xffffffff],
    [page + 0x8c, 0xffffffff],
    [page + 0x90, 1],
    [page + 0x98, page === 0 ? 0 : 1],
  ]),
  [0x1000, 1],
];

/** The data file of an environment without records. */
export function emptyEnvironment(): Uint8Array {
  const bytes = new Uint8Array(EMPTY_FILE_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [offset, word] of EMPTY_ENVIRONMENT) view.setUint32(offset, word, true);
  return bytes;
}

/**
 * What is wrong with an environment's data file of `fileBytes` bytes, of which the first 8,192 are given, that would end the
 * process when LMDB opened or read it; undefined if it may be opened (docs/adr/0004).
 */
export function damageOfEnvironment(bytes: Uint8Array, fileBytes: number): string | undefined {
  if (bytes.length < EMPTY_FILE_BYTES) return 'is cut short';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const page of [0, PAGE_BYTES]) {
    const isMeta =
      view.getUint16(page + 18, true) === 8 &&
      view.getUint32(page + 24, true) === 0xbeefc0de &&
      (view.getUint32(page + 28, true) & 0xffff) === 2;
    if (!isMeta) return 'is not an LMDB environment, or damaged';
    if (view.getUint32(page + 48, true) !== PAGE_BYTES) return 'has pages of another size';
  }
  for (const meta of [0, 2048, PAGE_BYTES]) {
    const lastPage = Number(view.getBigUint64(meta + 144, true));
    if (fileBytes < (lastPage + 1) * PAGE_BYTES) return 'is cut short';
  }
  return undefined;
}
