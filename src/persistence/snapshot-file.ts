import { dirname, join } from 'node:path';
import type { Files, OpenFile } from '../base/files.ts';
import { lfuCounter, lruIdleMs } from '../heat/access.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { RdbFileWriter } from './rdb/file-writer.ts';
import type { Snapshot, SnapshotSink } from './snapshot.ts';
import type { ValueOutput } from './value-writer.ts';

/** Bytes after which what was written is sent to the disk, so that the end need not wait for all of it. */
const SYNCED_BYTES = 4 * 1024 * 1024;

/** How a file of a snapshot is written, and what is in it besides keys. */
export interface SnapshotFileOptions {
  readonly path: string;
  readonly compresses: boolean;
  readonly hasChecksum: boolean;
  /** Sends to the disk what is written as it is written. */
  readonly syncsOften: boolean;
  /** What the policy keeps of accesses to keys, which is written with them. */
  readonly access: 'idle time' | 'frequency' | 'nothing';
  /** Names and values in their order. */
  readonly auxiliary: readonly (readonly [name: string, value: string])[];
  /** Sources of libraries of functions. */
  readonly functions: readonly Uint8Array[];
}

/**
 * Writes a snapshot as an RDB file, under a temporary name until it is whole and on the disk. Every method but `discard` throws
 * the system's error, and then `discard` is to be called.
 */
export class SnapshotFile implements SnapshotSink {
  readonly #files: Files;
  readonly #keyspace: Keyspace;
  readonly #options: SnapshotFileOptions;
  readonly #path: string;
  readonly #file: OpenFile;
  #isOpen = true;
  readonly #writer: RdbFileWriter;
  readonly #sizes = new Map<number, readonly [keyCount: number, expireCount: number]>();
  readonly #selected = new Set<number>();
  readonly #nowMs: number;
  #unsyncedBytes = 0;
  /** Until what was sent to the disk is there. */
  #syncing: Promise<void> | null = null;
  #syncError: unknown = null;

  /** Makes the file and writes what comes before the keys. */
  constructor(files: Files, keyspace: Keyspace, snapshot: Snapshot, options: SnapshotFileOptions) {
    this.#files = files;
    this.#keyspace = keyspace;
    this.#options = options;
    this.#nowMs = keyspace.nowMs;
    for (const { number, size, expiringCount } of keyspace.databases)
      this.#sizes.set(number, [size, expiringCount]);
    this.#path = join(dirname(options.path), `temp-${process.pid}.rdb`);
    this.#file = files.open(this.#path, 'write');
    const { compresses, hasChecksum } = options;
    this.#writer = new RdbFileWriter((bytes, offset, length) => this.#write(bytes, offset, length), {
      version: snapshot.version,
      compresses,
      hasChecksum,
    });
    for (const [name, value] of options.auxiliary) this.#writer.writeAuxiliary(name, value);
    for (const source of options.functions) this.#writer.writeFunction(source, 0, source.length);
  }

  selectDatabase(number: number): void {
    if (this.#selected.has(number)) {
      this.#writer.selectDatabase(number);
      return;
    }
    this.#selected.add(number);
    const [keyCount, expireCount] = this.#sizes.get(number) ?? [0, 0];
    this.#writer.beginDatabase(number, keyCount, expireCount);
  }

  beginKey(
    rdbType: number,
    access: number,
    expireAt: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
  ): ValueOutput {
    const writer = this.#writer;
    if (expireAt >= 0) writer.writeExpiry(expireAt);
    if (this.#options.access === 'idle time') {
      writer.writeIdle(Math.floor(lruIdleMs(access, this.#nowMs) / 1000));
    } else if (this.#options.access === 'frequency') {
      writer.writeFrequency(lfuCounter(access, this.#nowMs, this.#keyspace.settings.lfuDecayMinutes));
    }
    return writer.beginKey(rdbType, key, keyOffset, keyLength);
  }

  /** Ends the file, and puts it in the place of the old one when it is on the disk. */
  finish(): void {
    this.#writer.end();
    this.#file.sync();
    this.#publish();
  }

  /** As {@link finish}, waiting for the disk in another thread. A file that is discarded meanwhile stays away. */
  async finishAside(): Promise<void> {
    this.#writer.end();
    await this.#syncing;
    await this.#file.syncAside();
    if (this.#isOpen) this.#publish();
  }

  /** Removes what was written. */
  discard(): void {
    try {
      this.#close();
      this.#files.remove(this.#path);
    } catch {
      // The next snapshot takes the same name.
    }
  }

  #publish(): void {
    if (this.#syncError !== null) throw this.#syncError;
    this.#close();
    const { path } = this.#options;
    this.#files.rename(this.#path, path);
    this.#files.syncDirectory(dirname(path));
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#syncing === null) this.#file.close();
    else void this.#syncing.then(() => this.#file.close());
  }

  #write(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#syncError !== null) throw this.#syncError;
    for (let done = 0; done < length; ) done += this.#file.write(bytes, offset + done, length - done);
    if (!this.#options.syncsOften) return;
    this.#unsyncedBytes += length;
    if (this.#unsyncedBytes < SYNCED_BYTES || this.#syncing !== null) return;
    this.#unsyncedBytes = 0;
    this.#syncing = this.#sendToDisk();
  }

  async #sendToDisk(): Promise<void> {
    try {
      await this.#file.syncAside();
    } catch (error) {
      this.#syncError = error;
    }
    this.#syncing = null;
  }
}
