import { latin1Bytes } from '../base/bytes.ts';
import { REDIS_VERSION } from '../base/version.ts';
import { CommandSnapshot } from './aof/command-snapshot.ts';
import { ORIGIN_FIELD } from './checkpoint/tier-start.ts';
import { keyDelayUs, type PersistenceHost } from './host.ts';
import type { WriteTarget } from './rdb/writer.ts';
import { RdbSnapshot } from './rdb-snapshot.ts';
import { Snapshot } from './snapshot.ts';
import { SnapshotFile } from './snapshot-file.ts';

/** What is written where. */
export interface SnapshotWritingOptions {
  readonly path: string;
  /** The file is the base of a log. */
  readonly isLogBase: boolean;
  /** It is written as the commands that make the data set, not as an RDB file. */
  readonly isOfCommands?: boolean;
  /** What is written; all if not given. */
  readonly parts?: { readonly keys: boolean; readonly functions: boolean };
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
  readonly #host: PersistenceHost;
  /** When the next key may be written, with `rdb-key-save-delay`. */
  #nextKeyUs = 0;
  readonly #snapshot: Snapshot;
  readonly #file: SnapshotFile;

  constructor(host: PersistenceHost, options: SnapshotWritingOptions) {
    const { files, keyspace, clock } = host;
    const { path, isLogBase, isOfCommands = false, syncsOften, isInBackground } = options;
    this.#host = host;
    this.path = path;
    this.startMs = clock.wallMs();
    this.#snapshot = new Snapshot(keyspace, clock, isInBackground);
    try {
      this.#file = new SnapshotFile(files, { path, syncsOften }, (target) =>
        isOfCommands
          ? openCommandSnapshot(host, target)
          : openRdbSnapshot(host, target, this.#snapshot.version, isLogBase, options.parts?.functions),
      );
      this.#snapshot.attach(this.#file.format);
      if (options.parts?.keys === false) this.#snapshot.end();
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
    const delayUs = keyDelayUs(this.#host.config.values['rdb-key-save-delay']);
    if (delayUs === 0) {
      this.#snapshot.run(microseconds);
      return this.#isTold;
    }
    const nowUs = this.#host.clock.monotonicUs();
    if (nowUs < this.#nextKeyUs) return this.#isTold;
    const before = this.#snapshot.keysDone;
    this.#snapshot.run(0);
    this.#nextKeyUs = nowUs + delayUs * (this.#snapshot.keysDone - before);
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

/** Begins an RDB file of the data set, with what the configuration asks for. */
export function openRdbSnapshot(
  host: PersistenceHost,
  target: WriteTarget,
  version: number,
  isLogBase: boolean,
  hasFunctions = true,
): RdbSnapshot {
  const { keyspace, clock, config } = host;
  const { rdbcompression, rdbchecksum, 'maxmemory-policy': policy } = config.values;
  const origin = host.origin();
  return new RdbSnapshot(target, keyspace, {
    version,
    compresses: rdbcompression,
    hasChecksum: rdbchecksum,
    access: policy.endsWith('-lru') ? 'idle time' : policy.endsWith('-lfu') ? 'frequency' : 'nothing',
    auxiliary: [
      ['redis-ver', REDIS_VERSION],
      ['redis-bits', '64'],
      ['ctime', `${Math.floor(clock.wallMs() / 1000)}`],
      ['used-mem', `${host.usedBytes()}`],
      ['aof-base', isLogBase ? '1' : '0'],
      ...(origin === null ? [] : [[ORIGIN_FIELD, `${origin.tier}:${origin.cut}`] as const]),
    ],
    functions: hasFunctions ? functionSources(host) : [],
  });
}

function openCommandSnapshot(host: PersistenceHost, target: WriteTarget): CommandSnapshot {
  const { clock, config } = host;
  return new CommandSnapshot(target, {
    second: config.values['aof-timestamp-enabled'] ? Math.floor(clock.wallMs() / 1000) : null,
    functions: functionSources(host),
  });
}

function functionSources(host: PersistenceHost): Uint8Array[] {
  return host.scripts.libraries.map((library) => latin1Bytes(library.code));
}
