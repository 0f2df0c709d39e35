import { dirname } from 'node:path';
import { type Files, systemFiles } from '../../src/base/files.ts';
import type { Random } from '../../src/base/random.ts';
import type { TierDisk } from '../../src/server/engine.ts';
import type { Blocks } from '../../src/tiering/cold-store-environment.ts';

const BLOCK_FILE_BYTES = 4096;
const EMPTY_FILE_BYTES = 8192;
const COMMIT_MS_MAX = 150;
/** As LMDB's error for a write that was cut short, and for a full disk. */
const EIO = 5;
const ENOSPC = 28;

/** A data file: what was written by ordinary calls, and the blocks that were committed to it. */
interface DataFile {
  readonly bytes: Uint8Array;
  readonly blocks: Map<number, Buffer>;
}

/** A commit under way. */
interface Commit {
  readonly file: DataFile;
  readonly firstBlock: number;
  readonly blocks: readonly Buffer[];
  /** The blocks as they were when the commit began. */
  readonly copies: readonly Buffer[];
  readonly dueMs: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * A disk in memory below a production tier: files, and a model of what LMDB does with them. A commit takes a while, is whole or
 * not at all, and is lost by a crash. Faults are those that a disk has: no room, calls that fail, reads that fail or come
 * back wrong. It throws where the tier breaks the rules of LMDB's use.
 */
export class SimulatedDisk {
  readonly disk: TierDisk;
  /** Bytes that files and blocks may take together. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Of a hundred commits, calls that writing makes, and calls that reading makes, so many fail. */
  commitFailurePercent = 0;
  writeCallFailurePercent = 0;
  readCallFailurePercent = 0;
  /** The next reads of blocks fail, or bring damaged bytes. */
  readFault: 'none' | 'fails' | 'damaged' = 'none';
  /** Called for each read of a block, which may take a while. */
  onRead: () => void = () => {};
  readonly counts = { commits: 0, failedCommits: 0, failedCalls: 0, failedReads: 0 };

  readonly #random: Random;
  readonly #directories = new Set<string>();
  readonly #files = new Map<string, DataFile>();
  /** Files of which the last commit failed: closing them never ends. */
  readonly #failed = new WeakSet<DataFile>();
  #commits: Commit[] = [];
  #prefetches: { readonly dueMs: number; readonly done: () => void }[] = [];
  #isLocked = false;
  #nowMs = 0;
  /** Files opened before a crash are no one's after it. */
  #generation = 0;

  constructor(random: Random) {
    this.#random = random;
    this.disk = {
      files: this.#makeFiles(),
      storage: {
        open: (path, _, isReadOnly) => {
          this.#mayFail(path, isReadOnly ? this.readCallFailurePercent : this.writeCallFailurePercent);
          return this.#open(path);
        },
        lock: () => {
          if (this.#isLocked) throw new Error('locked twice');
          this.#isLocked = true;
          return async () => {
            this.#isLocked = false;
          };
        },
      },
    };
  }

  get usedBytes(): number {
    let bytes = 0;
    for (const file of this.#files.values()) bytes += sizeOf(file);
    return bytes;
  }

  /** Folders of environments that are there. */
  get folderCount(): number {
    return [...this.#directories].filter((path) => /\/\d{8}$/.test(path)).length;
  }

  /** Ends what is due: commits succeed or fail, prefetches are done. */
  advanceTo(nowMs: number): void {
    this.#nowMs = nowMs;
    const due = this.#commits.filter((commit) => commit.dueMs <= nowMs);
    this.#commits = this.#commits.filter((commit) => commit.dueMs > nowMs);
    for (const commit of due) this.#end(commit);
    const fetched = this.#prefetches.filter((prefetch) => prefetch.dueMs <= nowMs);
    this.#prefetches = this.#prefetches.filter((prefetch) => prefetch.dueMs > nowMs);
    for (const { done } of fetched) done();
  }

  /** The process ends without a word: commits under way are lost, and what is committed stays. */
  crash(): void {
    this.#commits = [];
    this.#prefetches = [];
    this.#isLocked = false;
    this.#generation++;
  }

  #end(commit: Commit): void {
    const { file, firstBlock, blocks, copies } = commit;
    for (const [at, block] of blocks.entries()) {
      if (!block.equals(copies[at])) throw new Error('a block was changed while it was committed');
    }
    if (this.usedBytes + blocks.length * BLOCK_FILE_BYTES > this.capacityBytes) {
      this.#failed.add(file);
      this.counts.failedCommits++;
      commit.reject(failure('No space left on device', ENOSPC));
    } else if (this.#random.below(100) < this.commitFailurePercent) {
      this.#failed.add(file);
      this.counts.failedCommits++;
      commit.reject(failure('Input/output error', EIO));
    } else {
      for (const [at, copy] of copies.entries()) file.blocks.set(firstBlock + at, copy);
      this.#failed.delete(file);
      this.counts.commits++;
      commit.resolve();
    }
  }

  #open(path: string): Blocks {
    const file = this.#files.get(path);
    if (file === undefined) throw failure(`ENOENT: no such file or directory, open '${path}'`, 'ENOENT');
    const generation = this.#generation;
    let isOpen = true;
    const check = () => {
      if (!isOpen || generation !== this.#generation) throw new Error('used after it was closed');
      if (this.#files.get(path) !== file) throw new Error('used after it was removed');
    };
    return {
      write: (firstBlock, all, count) => {
        check();
        if (this.#commits.some((commit) => commit.file === file)) throw new Error('two commits at a time');
        const blocks = all.slice(0, count);
        for (let at = 0; at < count; at++) {
          if (file.blocks.has(firstBlock + at)) throw new Error('a block was committed twice');
        }
        return new Promise((resolve, reject) => {
          this.#commits.push({
            file,
            firstBlock,
            blocks,
            copies: blocks.map((block) => Buffer.from(block)),
            dueMs: this.#nowMs + this.#random.below(COMMIT_MS_MAX),
            resolve,
            reject,
          });
        });
      },
      get: (block) => {
        check();
        this.onRead();
        return this.#read(file, block);
      },
      prefetch: (_, done) => {
        check();
        this.#prefetches.push({ dueMs: this.#nowMs + this.#random.below(20), done });
      },
      close: () => {
        isOpen = false;
        return this.#failed.has(file) ? new Promise(() => {}) : Promise.resolve();
      },
    };
  }

  #read(file: DataFile, block: number): Buffer | undefined {
    if (this.readFault !== 'none') this.counts.failedReads++;
    if (this.readFault === 'fails') throw failure('Input/output error', EIO);
    const found = file.blocks.get(block);
    if (found === undefined || this.readFault === 'none') return found && Buffer.from(found);
    const damaged = Buffer.from(found);
    for (let at = 0; at < damaged.length; at++) damaged[at] ^= 0x40;
    return damaged;
  }

  #mayFail(path: string, percent: number): void {
    if (this.#random.below(100) >= percent) return;
    this.counts.failedCalls++;
    const [code, text] =
      this.#random.below(2) === 0 ? ['EIO', 'i/o error'] : ['EMFILE', 'too many open files'];
    throw failure(`${code}: ${text}, open '${path}'`, code);
  }

  #makeFiles(): Files {
    const faulty = (path: string) => this.#mayFail(path, this.writeCallFailurePercent);
    const removeTree = (path: string) => {
      const isWithin = (name: string) => name === path || name.startsWith(`${path}/`);
      for (const name of this.#files.keys()) if (isWithin(name)) this.#files.delete(name);
      for (const name of this.#directories) if (isWithin(name)) this.#directories.delete(name);
    };
    return {
      ...systemFiles,
      makeDirectory: (path) => {
        faulty(path);
        for (let name = path; name !== '/'; name = dirname(name)) this.#directories.add(name);
      },
      write: (path, contents) => {
        faulty(path);
        if (this.usedBytes + contents.length > this.capacityBytes)
          throw failure(`ENOSPC: no space left on device, write '${path}'`, 'ENOSPC');
        this.#files.set(path, { bytes: contents, blocks: new Map() });
      },
      exists: (path) => this.#files.has(path) || this.#directories.has(path),
      list: (path) =>
        [...this.#directories]
          .filter((name) => dirname(name) === path)
          .map((name) => name.slice(path.length + 1)),
      removeTree,
      removeTreeAside: async (path) => {
        faulty(path);
        removeTree(path);
      },
      statistics: (path) => {
        this.#mayFail(path, this.readCallFailurePercent);
        const file = this.#files.get(path);
        if (file === undefined && !this.#directories.has(path)) return undefined;
        const sizeBytes = file === undefined ? 0 : sizeOf(file);
        return { sizeBytes, allocatedBytes: sizeBytes, modifiedMs: 0, isDirectory: file === undefined };
      },
      freeBytes: (path) => {
        faulty(path);
        return Math.max(0, this.capacityBytes - this.usedBytes);
      },
    };
  }
}

function sizeOf({ bytes, blocks }: DataFile): number {
  return blocks.size === 0 ? bytes.length : EMPTY_FILE_BYTES + blocks.size * BLOCK_FILE_BYTES;
}

function failure(message: string, code: string | number): Error {
  return Object.assign(new Error(message), { code });
}
