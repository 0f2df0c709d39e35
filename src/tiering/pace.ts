import type { Clock } from '../base/clock.ts';

/** What may be written at once after a pause: so much of a second's, and so many bytes at least. */
const BURST_SECONDS = 0.05;
const BURST_BYTES_MIN = 64 * 1024;
/** Who waits looks again after so many milliseconds at least and at most. */
const WAIT_MS_MIN = 2;
const WAIT_MS_MAX = 1000;

/** A token bucket: paces writes to so many bytes a second. What exceeds the bucket is a debt that later writes wait for. */
export class WritePace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: () => number;
  #tokens = 0;
  #filledUs: number;

  /** `bytesPerSecond` answers the rate at present, 0 for none. */
  constructor(clock: Clock, bytesPerSecond: () => number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#filledUs = clock.monotonicUs();
  }

  /** Whether something may be written now, however long it is. */
  get hasRoom(): boolean {
    if (this.#bytesPerSecond() === 0) return true;
    this.#fill();
    return this.#tokens > 0;
  }

  /** Milliseconds after which to look again, where there is no room. */
  get waitMs(): number {
    this.#fill();
    const ms = Math.ceil((-this.#tokens / this.#bytesPerSecond()) * 1000);
    return Math.min(WAIT_MS_MAX, Math.max(WAIT_MS_MIN, ms));
  }

  /** So many bytes were written. */
  take(bytes: number): void {
    if (this.#bytesPerSecond() === 0) {
      // Nothing will be owed when there is a rate again.
      this.#tokens = 0;
      return;
    }
    this.#fill();
    this.#tokens -= bytes;
  }

  #fill(): void {
    const rate = this.#bytesPerSecond();
    const nowUs = this.#clock.monotonicUs();
    const burst = Math.max(BURST_BYTES_MIN, rate * BURST_SECONDS);
    this.#tokens = Math.min(burst, this.#tokens + (rate * (nowUs - this.#filledUs)) / 1_000_000);
    this.#filledUs = nowUs;
  }
}
