import type { Clock } from '../../base/clock.ts';
import type { Files } from '../../base/files.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import { Snapshot } from '../snapshot.ts';
import { SnapshotFile, type SnapshotFileOptions } from '../snapshot-file.ts';

/**
 * The writing of a new base: the data set as it was when this was made, a part at a time. Its methods throw the system's errors and
 * those of a cold store that can't be read; then, or where it is not wanted any longer, `discard` is to be called.
 */
export class Rewrite {
  readonly path: string;
  readonly startMs: number;
  keptBytesPeak = 0;
  /** All is told, and the file is on its way to the disk. */
  isFinishing = false;
  readonly #snapshot: Snapshot;
  readonly #file: SnapshotFile;

  constructor(
    files: Files,
    keyspace: Keyspace,
    clock: Clock,
    isInBackground: boolean,
    options: SnapshotFileOptions,
  ) {
    this.path = options.path;
    this.startMs = clock.wallMs();
    this.#snapshot = new Snapshot(keyspace, clock, isInBackground);
    try {
      this.#file = new SnapshotFile(files, keyspace, this.#snapshot, options);
      this.#snapshot.attach(this.#file);
    } catch (error) {
      this.#snapshot.end();
      throw error;
    }
  }

  /** Bytes kept in RAM of what has changed since. */
  get byteCount(): number {
    return this.#snapshot.byteCount;
  }

  /** A database was emptied: it is better to begin anew. */
  get wasCleared(): boolean {
    return this.#snapshot.wasCleared;
  }

  /** Goes on for about so many microseconds; true once all is told. */
  run(microseconds: number): boolean {
    this.keptBytesPeak = Math.max(this.keptBytesPeak, this.#snapshot.byteCount);
    this.#snapshot.run(microseconds);
    return this.#snapshot.isDone && !this.#snapshot.wasCleared;
  }

  /** Writes what is kept until that is no more than so many bytes; true once all is told. */
  relieve(byteLimit: number): boolean {
    this.keptBytesPeak = Math.max(this.keptBytesPeak, this.#snapshot.byteCount);
    this.#snapshot.relieve(byteLimit);
    return this.#snapshot.isDone && !this.#snapshot.wasCleared;
  }

  /** Puts the whole file on the disk under its name, in another thread. */
  async finish(): Promise<void> {
    this.isFinishing = true;
    this.#snapshot.end();
    await this.#file.finishAside();
  }

  /** Writes everything at once. */
  runToEnd(): void {
    try {
      while (!this.#snapshot.isDone) this.#snapshot.run(Number.POSITIVE_INFINITY);
      this.#file.finish();
    } finally {
      this.#snapshot.end();
    }
  }

  discard(): void {
    this.#snapshot.end();
    this.#file.discard();
  }
}
