import { dirname, join } from 'node:path';
import type { Files, OpenFile } from '../base/files.ts';
import type { WriteTarget } from './rdb/writer.ts';
import type { SnapshotFormat } from './rdb-snapshot.ts';

/** Bytes after which what was written is sent to the disk, so that the end need not wait for all of it. */
const SYNCED_BYTES = 4 * 1024 * 1024;

/** How a file of a snapshot is written. */
export interface SnapshotFileOptions {
  readonly path: string;
  /** Sends to the disk what is written as it is written. */
  readonly syncsOften: boolean;
}

/**
 * Writes a snapshot as a file, under a temporary name until it is whole and on the disk. Every method but `discard` throws
 * the system's error, and then `discard` is to be called.
 */
export class SnapshotFile {
  /** What is to be told the keys. */
  readonly format: SnapshotFormat;
  readonly #files: Files;
  readonly #options: SnapshotFileOptions;
  readonly #path: string;
  readonly #file: OpenFile;
  #isOpen = true;
  #unsyncedBytes = 0;
  /** Until what was sent to the disk is there. */
  #syncing: Promise<void> | null = null;
  #syncError: unknown = null;

  /** Makes the file and has the format that `open` gives write what comes before the keys. */
  constructor(files: Files, options: SnapshotFileOptions, open: (target: WriteTarget) => SnapshotFormat) {
    this.#files = files;
    this.#options = options;
    this.#path = join(dirname(options.path), `temp-${process.pid}.rdb`);
    this.#file = files.open(this.#path, 'write');
    this.format = open((bytes, offset, length) => this.#write(bytes, offset, length));
  }

  /** Ends the file, and puts it in the place of the old one when it is on the disk. */
  finish(): void {
    this.format.end();
    this.#file.sync();
    this.#publish();
  }

  /** As {@link finish}, waiting for the disk in another thread. A file that is discarded meanwhile stays away. */
  async finishAside(): Promise<void> {
    this.format.end();
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
