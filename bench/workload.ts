import type { KeyPattern } from './key-patterns.ts';
import type { Random } from './random.ts';

/** A stream of operations. `next` moves on to the next one, whose fields then describe it. */
export interface Workload {
  readonly key: number;
  readonly isRead: boolean;
  /** Writes the operations where they are neither GET nor SET of `key`. */
  readonly command?: CommandWriter;
  next(): void;
}

/** Writes the present operation of a workload as a request of RESP. */
export interface CommandWriter {
  /** The most bytes that a request has. */
  readonly bytesMax: number;
  /** Returns where the request ends. */
  write(bytes: Uint8Array, offset: number): number;
}

/** Reads and writes of the keys that a pattern draws, in the given proportion. */
export class PatternWorkload implements Workload {
  key = 0;
  isRead = true;
  private readonly pattern: KeyPattern;
  private readonly random: Random;
  private readonly readRatio: number;

  /** `readRatio` is the share of reads, from 0 to 1. */
  constructor(pattern: KeyPattern, random: Random, readRatio: number) {
    this.pattern = pattern;
    this.random = random;
    this.readRatio = readRatio;
  }

  next(): void {
    this.key = this.pattern.next();
    this.isRead = this.readRatio === 1 || this.random.fraction() < this.readRatio;
  }
}

/**
 * How the phases divide the keys. The hot phase uses the first `hotCount` keys; the cold phase reads each key of a
 * reserve at most once, and the mixed phase leaves the reserve alone, so that cold keys are never read before. The
 * reserve follows the hot keys: it is loaded early, and so has left RAM by the end of the loading.
 */
export class KeyDomains {
  readonly keyCount: number;
  readonly hotCount: number;
  readonly reserveCount: number;

  /** Without a cold phase nothing is reserved. */
  constructor(keyCount: number, hotCount: number, hasColdPhase: boolean) {
    this.keyCount = keyCount;
    this.hotCount = Math.min(hotCount, keyCount);
    this.reserveCount = hasColdPhase ? Math.floor((keyCount - this.hotCount) / 2) : 0;
  }

  /** The number of keys of the mixed phase. */
  get mixedCount(): number {
    return this.keyCount - this.reserveCount;
  }

  /** The pattern over all keys but the reserve; `pattern` draws from 0 to `mixedCount - 1`. */
  mixed(pattern: KeyPattern): KeyPattern {
    const { hotCount, reserveCount } = this;
    return {
      next() {
        const index = pattern.next();
        return index < hotCount ? index : index + reserveCount;
      },
    };
  }

  /** The pattern over the reserve; `pattern` draws from 0 to `reserveCount - 1`. */
  cold(pattern: KeyPattern): KeyPattern {
    const { hotCount } = this;
    return { next: () => hotCount + pattern.next() };
  }
}
