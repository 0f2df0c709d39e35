import { readUint32, readUint48, sliceBytes } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { type Entry, TYPE_PAGE } from '../keyspace/record.ts';
import { SlowLog } from '../metrics/slow-log.ts';

/** Which cold reads are logged. */
export interface SlowReadSettings {
  /** Those that take so many microseconds; none below 0. */
  readonly slowReadMicroseconds: number;
  /** How many are kept. */
  readonly slowReadsMax: number;
}

/** The slow log of cold reads: how each was made (`in-place` or `aside`), so many bytes, and the names of what was read. */
export class SlowReads extends SlowLog {
  /** All of them, those that are not kept too. */
  total = 0;
  readonly #clock: Clock;
  readonly #settings: SlowReadSettings;

  constructor(clock: Clock, settings: SlowReadSettings) {
    super();
    this.#clock = clock;
    this.#settings = settings;
  }

  /** Whether a read that took so long belongs into the log. */
  isSlow(microseconds: number): boolean {
    const { slowReadMicroseconds } = this.#settings;
    return slowReadMicroseconds >= 0 && microseconds >= slowReadMicroseconds;
  }

  note(
    microseconds: number,
    way: 'in-place' | 'aside',
    byteCount: number,
    names: readonly Uint8Array[],
  ): void {
    const words = [Buffer.from(way), Buffer.from(String(byteCount)), ...names];
    const seconds = Math.floor(this.#clock.wallMs() / 1000);
    this.total++;
    this.add(
      seconds,
      microseconds,
      { count: words.length, copy: (at) => words[at] },
      '',
      '',
      this.#settings.slowReadsMax,
    );
  }
}

/** What the log calls a record: its key, or which page it is. */
export function nameOf({ type, bytes, keyOffset, keyLength }: Entry): Uint8Array {
  if (type !== TYPE_PAGE) return sliceBytes(bytes, keyOffset, keyLength);
  const collection = readUint48(bytes, keyOffset);
  return Buffer.from(`page ${readUint32(bytes, keyOffset + 7)} of collection ${collection}`);
}
