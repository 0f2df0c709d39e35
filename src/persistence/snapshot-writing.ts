import { latin1Bytes } from '../base/bytes.ts';
import { REDIS_VERSION } from '../base/version.ts';
import type { PersistenceHost } from './host.ts';
import { Snapshot } from './snapshot.ts';
import { SnapshotFile } from './snapshot-file.ts';

/** What is written where. */
export interface SnapshotWritingOptions {
  readonly path: string;
  /** The file is the base of a log. */
  readonly isLogBase: boolean;
  /** What was written goes to the disk as it comes, not all at the end. */
  readonly syncsOften: boolean;
  /** Changes are watched for, so that it may be written a part at a time. */
  readonly isInBackground: boolean;
}

/**
 * The writing of a snapshot to a file: the data set as it was when this was made, at once or a part at a time. Its methods throw the
 * system's errors and those of a cold store that can't be read; then, or where it is not wanted any longer, `discard` is to be
 * called.
 */
export class SnapshotWriting {
  readonly path: string;
  readonly startMs: number;
  keptBytesPeak = 0;
  /** All is told, and the file is on its way to the disk. */
  isFinishing = false;
  readonly #snapshot: Snapshot;
  readonly #file: SnapshotFile;

  constructor(host: PersistenceHost, options: SnapshotWritingOptions) {
    const { files, keyspace, clock, config, scripts } = host;
    const { path, isLogBase, syncsOften, isInBackground } = options;
    const { rdbcompression, rdbchecksum, 'maxmemory-policy': policy } = config.values;
    this.path = path;
    this.startMs = clock.wallMs();
    this.#snapshot = new Snapshot(keyspace, clock, isInBackground);
    try {
      this.#file = new SnapshotFile(files, keyspace, this.#snapshot, {
        path,
        compresses: rdbcompression,
        hasChecksum: rdbchecksum,
        syncsOften,
        access: policy.endsWith('-lru') ? 'idle time' : policy.endsWith('-lfu') ? 'frequency' : 'nothing',
        auxiliary: [
          ['redis-ver', REDIS_VERSION],
          ['redis-bits', '64'],
          ['ctime', `${Math.floor(clock.wallMs() / 1000)}`],
          ['used-mem', `${host.usedBytes()}`],
          ['aof-base', isLogBase ? '1' : '0'],
        ],
        functions: scripts.libraries.map((library) => latin1Bytes(library.code)),
      });
      this.#snapshot.attach(this.#file);
    } catch (error) {
      this.#snapshot.end();
      throw error;
    }
  }

  /** Keys when it began, and those that were written. */
  get keyCount(): number {
    return this.#snapshot.keyCount;
  }

  get keysDone(): number {
    return this.#snapshot.keysDone;
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
    this.#notePeak();
    this.#snapshot.run(microseconds);
    return this.#isTold;
  }

  /** Whether more is kept than so many bytes. */
  isAbove(byteLimit: number): boolean {
    this.#notePeak();
    return this.#snapshot.byteCount > byteLimit;
  }

  /** Writes what is kept until that is no more than so many bytes; true once all is told. */
  relieve(byteLimit: number): boolean {
    this.#snapshot.relieve(byteLimit);
    return this.#isTold;
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

  get #isTold(): boolean {
    return this.#snapshot.isDone && !this.#snapshot.wasCleared;
  }

  #notePeak(): void {
    this.keptBytesPeak = Math.max(this.keptBytesPeak, this.#snapshot.byteCount);
  }
}
