import type { Clock } from '../base/clock.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { SEGMENT_BYTES } from '../memory/arena.ts';

/** Idle memory that is kept for growth, and the share of the arena that may be idle besides. */
const IDLE_BYTES_MIN = 4 * 1024 * 1024;
const IDLE_FRACTION_MIN = 0.05;
/** A segment fuller than this is not worth emptying. */
const VACATED_FRACTION_MAX = 0.9;

/** Gives memory back that lies idle between records: moves what lives in the emptiest segment, and gives the segment back. */
export class Compaction {
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;

  constructor(keyspace: Keyspace, clock: Clock) {
    this.#keyspace = keyspace;
    this.#clock = clock;
  }

  /** Goes on for so many microseconds where too much lies idle. True while there is more to do. */
  run(microseconds: number): boolean {
    const { arena } = this.#keyspace;
    const idleBytes = arena.idleBytes - IDLE_BYTES_MIN - arena.touchedBytes * IDLE_FRACTION_MIN;
    return this.#vacate(idleBytes, microseconds) && arena.isVacating;
  }

  /** Empties segments as long as that makes less memory idle. */
  finish(): void {
    const { arena } = this.#keyspace;
    let idleBefore = Number.POSITIVE_INFINITY;
    while (arena.isVacating || arena.idleBytes < idleBefore) {
      idleBefore = arena.idleBytes;
      if (!this.#vacate(idleBefore, Number.POSITIVE_INFINITY)) break;
    }
  }

  /**
   * Empties the emptiest segment, or goes on with it, for so many microseconds. False if there is none of which what lives would
   * find room in so many idle bytes.
   */
  #vacate(idleBytes: number, microseconds: number): boolean {
    const { arena } = this.#keyspace;
    if (!arena.isVacating) {
      const liveBytesMax = Math.min(idleBytes, SEGMENT_BYTES * VACATED_FRACTION_MAX);
      if (idleBytes <= 0 || !arena.vacate(liveBytesMax)) return false;
    }
    const startUs = this.#clock.monotonicUs();
    while (arena.isVacating && this.#clock.monotonicUs() - startUs < microseconds) {
      arena.vacateSome(1, this.#relocate);
    }
    return true;
  }

  readonly #relocate = (address: number): void => {
    this.#keyspace.ownerOf(address)?.relocate();
  };
}
