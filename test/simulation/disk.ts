import { dirname } from 'node:path';
import { type Files, type OpenFile, systemFiles } from '../../src/base/files.ts';
import type { Random } from '../../src/base/random.ts';
import type { TierDisk } from '../../src/server/engine.ts';
import type { Blocks } from '../../src/tiering/cold-store-environment.ts';

const BLOCK_FILE_BYTES = 4096;
const EMPTY_FILE_BYTES = 8192;
const COMMIT_MS_MAX = 150;
/** As LMDB's error for a write that was cut short, and for a full disk. */
const EIO = 5;
const ENOSPC = 28;

/** A data file: what was written by ordinary calls, how much of it is on the disk, and the blocks that were committed to it. */
interface DataFile {
  bytes: Uint8Array;
  synced: Uint8Array;
  readonly blocks: Map<number, Buffer>;
}

/** What a name stands for: a file, or null for a directory. */
type Named = DataFile | null;

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

/** A call that waits for the disk. */
interface Syncing {
  readonly dueMs: number;
  readonly end: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * A disk in memory below a production tier: files, and a model of what LMDB does with them. A commit takes a while, is whole or
 * not at all, and is lost by a crash. A power cut takes back what was written and not synced, names too. Faults are those that a disk has: no room, calls that fail, reads that fail or come
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
  #names = new Map<string, Named>();
  /** The names that a power cut leaves. */
  readonly #durableNames = new Map<string, Named>();
  /** Files of which the last commit failed: closing them never ends. */
  #failed = new WeakSet<DataFile>();
  #commits: Commit[] = [];
  #syncs: Syncing[] = [];
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
    for (const file of this.#names.values()) if (file !== null) bytes += sizeOf(file);
    return bytes;
  }

  /** Folders of environments that are there. */
  get folderCount(): number {
    return [...this.#names.keys()].filter((path) => /\/\d{8}$/.test(path)).length;
  }

  /** Ends what is due: commits succeed or fail, prefetches are done. */
  advanceTo(nowMs: number): void {
    this.#nowMs = nowMs;
    const due = this.#commits.filter((commit) => commit.dueMs <= nowMs);
    this.#commits = this.#commits.filter((commit) => commit.dueMs > nowMs);
    for (const commit of due) this.#end(commit);
    const synced = this.#syncs.filter((sync) => sync.dueMs <= nowMs);
    this.#syncs = this.#syncs.filter((sync) => sync.dueMs > nowMs);
    for (const { end } of synced) end();
    const fetched = this.#prefetches.filter((prefetch) => prefetch.dueMs <= nowMs);
    this.#prefetches = this.#prefetches.filter((prefetch) => prefetch.dueMs > nowMs);
    for (const { done } of fetched) done();
  }

  /** The process ends without a word: commits under way are lost, and what is committed or written stays. */
  crash(): void {
    this.#commits = [];
    this.#syncs = [];
    this.#prefetches = [];
    this.#failed = new WeakSet();
    this.#isLocked = false;
    this.#generation++;
  }

  /** As {@link crash}, and the machine with it: what was not synced is lost, or half of it, or comes back as noise. */
  cutPower(): void {
    this.crash();
    this.#names = new Map(this.#durableNames);
    for (const path of [...this.#names.keys()]) {
      for (let above = dirname(path); above !== '/'; above = dirname(above))
        if (!this.#durableNames.has(above) && above.startsWith('/simulated/')) this.#names.delete(path);
    }
    for (const file of this.#names.values()) {
      if (file === null || file.blocks.size > 0) continue;
      const { bytes, synced } = file;
      const left = synced.length + this.#random.below(Math.max(0, bytes.length - synced.length) + 1);
      const after = new Uint8Array(left);
      after.set(bytes.subarray(0, left));
      for (let at = synced.length; at < left; at++) if (this.#random.below(4) === 0) after[at] = 0;
      after.set(synced);
      file.bytes = after;
      file.synced = after.slice();
    }
  }

  /** Flips a bit of a file whose name a pattern describes; false if there is none. */
  damage(pattern: RegExp): boolean {
    const names = [...this.#names.keys()].filter((name) => pattern.test(name)).sort();
    const file = this.#names.get(names.at(-1) ?? '');
    if (file === undefined || file === null || file.bytes.length === 0) return false;
    const at = this.#random.below(file.bytes.length);
    file.bytes = file.bytes.slice();
    file.bytes[at] ^= 1 << this.#random.below(8);
    file.synced = file.bytes;
    return true;
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
    const file = this.#names.get(path);
    if (file === undefined || file === null)
      throw failure(`ENOENT: no such file or directory, open '${path}'`, 'ENOENT');
    const generation = this.#generation;
    let isOpen = true;
    const check = () => {
      if (!isOpen || generation !== this.#generation) throw new Error('used after it was closed');
      if (this.#names.get(path) !== file) throw new Error('used after it was removed');
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
      writeAtOnce: (firstBlock, all, count) => {
        check();
        for (let at = 0; at < count; at++) file.blocks.set(firstBlock + at, Buffer.from(all[at]));
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

  /** Ends after a while, unless it fails; a crash leaves it unsettled. */
  #later(path: string, done: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        try {
          this.#mayFail(path, this.writeCallFailurePercent);
          done();
          resolve();
        } catch (error) {
          reject(error);
        }
      };
      this.#syncs.push({ dueMs: this.#nowMs + this.#random.below(50), end, reject });
    });
  }

  #makeFiles(): Files {
    const faulty = (path: string) => this.#mayFail(path, this.writeCallFailurePercent);
    const names = () => this.#names;
    const isWithin = (name: string, path: string) => name === path || name.startsWith(`${path}/`);
    const removeTree = (path: string) => {
      for (const name of [...names().keys()]) if (isWithin(name, path)) names().delete(name);
      // What nobody syncs comes back after a power cut, or does not.
      for (const name of [...this.#durableNames.keys()]) {
        if (isWithin(name, path) && this.#random.below(2) === 0) this.#durableNames.delete(name);
      }
    };
    const makeDirectory = (path: string) => {
      for (let name = path; name !== '/'; name = dirname(name))
        if (!names().has(name)) names().set(name, null);
    };
    const syncDirectory = (path: string) => {
      for (const name of [...this.#durableNames.keys()])
        if (dirname(name) === path && !names().has(name)) this.#durableNames.delete(name);
      for (const [name, file] of names()) if (dirname(name) === path) this.#durableNames.set(name, file);
    };
    const remove = (path: string) => {
      names().delete(path);
    };
    return {
      ...systemFiles,
      makeDirectory: (path) => {
        faulty(path);
        makeDirectory(path);
        // The tier's own folder is not what is tried here.
        for (let name = path; name !== '/'; name = dirname(name))
          if (!/\d{8}$/.test(name)) this.#durableNames.set(name, null);
      },
      write: (path, contents) => {
        faulty(path);
        this.#take(path, contents.length);
        names().set(path, { bytes: contents, synced: new Uint8Array(0), blocks: new Map() });
      },
      open: (path, how) => this.#openFile(path, how),
      readBytes: (path) => {
        this.#mayFail(path, this.readCallFailurePercent);
        return Buffer.from(this.#fileAt(path).bytes);
      },
      rename: (from, to) => {
        faulty(from);
        names().set(to, this.#fileAt(from));
        names().delete(from);
      },
      syncDirectory,
      syncDirectoryAside: (path) => this.#later(path, () => syncDirectory(path)),
      exists: (path) => names().has(path),
      list: (path) =>
        [...names().keys()]
          .filter((name) => dirname(name) === path)
          .map((name) => name.slice(path.length + 1))
          .sort(),
      remove,
      removeAside: async (path) => {
        faulty(path);
        remove(path);
      },
      removeTree,
      removeTreeAside: async (path) => {
        faulty(path);
        removeTree(path);
      },
      statistics: (path) => {
        this.#mayFail(path, this.readCallFailurePercent);
        const file = names().get(path);
        if (file === undefined) return undefined;
        const sizeBytes = file === null ? 0 : sizeOf(file);
        return { sizeBytes, allocatedBytes: sizeBytes, modifiedMs: 0, isDirectory: file === null };
      },
      freeBytes: (path) => {
        faulty(path);
        return Math.max(0, this.capacityBytes - this.usedBytes);
      },
    };
  }

  #fileAt(path: string): DataFile {
    const file = this.#names.get(path);
    if (file === undefined || file === null)
      throw failure(`ENOENT: no such file or directory, open '${path}'`, 'ENOENT');
    return file;
  }

  #take(path: string, bytes: number): void {
    if (this.usedBytes + bytes > this.capacityBytes)
      throw failure(`ENOSPC: no space left on device, write '${path}'`, 'ENOSPC');
  }

  #openFile(path: string, how: 'read' | 'append' | 'write'): OpenFile {
    this.#mayFail(path, how === 'read' ? this.readCallFailurePercent : this.writeCallFailurePercent);
    if (how === 'write' || (how === 'append' && !this.#names.has(path))) {
      this.#names.set(path, { bytes: new Uint8Array(0), synced: new Uint8Array(0), blocks: new Map() });
    }
    const file = this.#fileAt(path);
    const generation = this.#generation;
    let isOpen = true;
    const check = () => {
      if (!isOpen || generation !== this.#generation) throw new Error('a file was used after it was closed');
    };
    const sync = () => {
      file.synced = file.bytes;
    };
    return {
      size: () => file.bytes.length,
      read: (target, offset, length, position) => {
        check();
        const part = file.bytes.subarray(position, position + length);
        target.set(part, offset);
        return part.length;
      },
      write: (bytes, offset, length) => {
        check();
        this.#mayFail(path, this.writeCallFailurePercent);
        // A write may be short.
        const taken = this.#random.below(8) === 0 ? 1 + this.#random.below(length) : length;
        this.#take(path, taken);
        const longer = new Uint8Array(file.bytes.length + taken);
        longer.set(file.bytes);
        longer.set(bytes.subarray(offset, offset + taken), file.bytes.length);
        file.bytes = longer;
        return taken;
      },
      truncate: (sizeBytes) => {
        file.bytes = file.bytes.slice(0, sizeBytes);
      },
      sync: () => {
        check();
        sync();
      },
      syncAside: () => {
        check();
        const { bytes } = file;
        return this.#later(path, () => {
          if (bytes.length > file.synced.length) file.synced = bytes;
        });
      },
      close: () => {
        isOpen = false;
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
