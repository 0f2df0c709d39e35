import { lfuCounter, lruIdleMs } from '../heat/access.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { RdbFileWriter } from './rdb/file-writer.ts';
import type { WriteTarget } from './rdb/writer.ts';
import type { SnapshotSink } from './snapshot.ts';
import type { ValueOutput } from './value-writer.ts';

/** What a snapshot is written as. */
export interface SnapshotFormat extends SnapshotSink {
  /** Writes what follows the last key, and hands what is left to the target. */
  end(): void;
}

/** What is in an RDB file besides keys, and how it is written. */
export interface RdbSnapshotOptions {
  readonly version: number;
  readonly compresses: boolean;
  readonly hasChecksum: boolean;
  /** What the policy keeps of accesses to keys, which is written with them. */
  readonly access: 'idle time' | 'frequency' | 'nothing';
  /** Names and values in their order. */
  readonly auxiliary: readonly (readonly [name: string, value: string])[];
  /** Sources of libraries of functions. */
  readonly functions: readonly Uint8Array[];
}

/** Writes a snapshot as an RDB file. It throws what its target throws. */
export class RdbSnapshot implements SnapshotFormat {
  readonly #keyspace: Keyspace;
  readonly #access: RdbSnapshotOptions['access'];
  readonly #writer: RdbFileWriter;
  readonly #sizes = new Map<number, readonly [keyCount: number, expireCount: number]>();
  readonly #selected = new Set<number>();
  readonly #nowMs: number;

  /** Writes what comes before the keys; to be made when the snapshot is, whose databases it counts. */
  constructor(target: WriteTarget, keyspace: Keyspace, options: RdbSnapshotOptions) {
    this.#keyspace = keyspace;
    this.#access = options.access;
    this.#nowMs = keyspace.nowMs;
    for (const { number, size, expiringCount } of keyspace.databases)
      this.#sizes.set(number, [size, expiringCount]);
    const { version, compresses, hasChecksum } = options;
    this.#writer = new RdbFileWriter(target, { version, compresses, hasChecksum });
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
    if (this.#access === 'idle time') {
      writer.writeIdle(Math.floor(lruIdleMs(access, this.#nowMs) / 1000));
    } else if (this.#access === 'frequency') {
      writer.writeFrequency(lfuCounter(access, this.#nowMs, this.#keyspace.settings.lfuDecayMinutes));
    }
    return writer.beginKey(rdbType, key, keyOffset, keyLength);
  }

  end(): void {
    this.#writer.end();
  }
}
