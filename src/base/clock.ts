/** Time, so that tests and the simulation can bring their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** Microseconds since some start, never going back. */
  monotonicUs(): number;
}

/** The machine's time. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicUs: () => performance.now() * 1000,
};

/** A clock that moves when told, by parts of a millisecond too. */
export class ManualClock implements Clock {
  nowMs: number;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  wallMs(): number {
    return Math.floor(this.nowMs);
  }

  monotonicUs(): number {
    return this.nowMs * 1000;
  }

  advance(ms: number): void {
    this.nowMs += ms;
  }
}
