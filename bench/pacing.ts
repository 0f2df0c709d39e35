/** When a phase ends: after so many operations or so much time, whichever comes first. Infinity for no limit. */
export interface PhaseLimit {
  readonly operations: number;
  readonly durationMs: number;
}

/** Decides when operations may be sent. Times are milliseconds of one clock that the caller reads. */
export interface Pacing {
  /** Operations handed out so far. */
  readonly issued: number;
  /** Sets the time that durations and schedules count from. */
  begin(nowMs: number): void;
  /** Hands out up to `countMax` operations that may be sent now; their sequence numbers end at `issued`. */
  take(nowMs: number, countMax: number): number;
  /** Whether no operation will be handed out any more. */
  finished(nowMs: number): boolean;
  /** When the next operation is due; in the past if it waits for a connection. */
  nextDueMs(): number;
  /** When the operation should have started, which its latency counts from; `sentMs` is when it was sent. */
  startOf(sequence: number, sentMs: number): number;
  /** Operations that were due before the end and never handed out. */
  unsent(): number;
}

/** A closed loop: a free connection sends at once, and latency counts from sending. */
export class ClosedLoop implements Pacing {
  issued = 0;
  private readonly limit: PhaseLimit;
  private endMs = Infinity;

  constructor(limit: PhaseLimit) {
    this.limit = limit;
  }

  begin(nowMs: number): void {
    this.endMs = nowMs + this.limit.durationMs;
  }

  take(nowMs: number, countMax: number): number {
    if (nowMs >= this.endMs) return 0;
    const count = Math.min(countMax, this.limit.operations - this.issued);
    this.issued += count;
    return count;
  }

  finished(nowMs: number): boolean {
    return nowMs >= this.endMs || this.issued >= this.limit.operations;
  }

  nextDueMs(): number {
    return -Infinity;
  }

  startOf(_sequence: number, sentMs: number): number {
    return sentMs;
  }

  unsent(): number {
    return 0;
  }
}

/**
 * An open loop: operation i is due at `begin + i / rate`, whatever the server does. Latency counts from that moment,
 * so a stall is charged to every operation that it delayed (no coordinated omission: Gil Tene, "How NOT to measure
 * latency"); an operation that found no free connection waits with its clock running.
 */
export class OpenLoop implements Pacing {
  issued = 0;
  private readonly ratePerMs: number;
  private readonly operationsMax: number;
  private readonly durationMs: number;
  private beginMs = 0;

  /** `ratePerSecond` is above 0. */
  constructor(limit: PhaseLimit, ratePerSecond: number) {
    this.ratePerMs = ratePerSecond / 1000;
    this.durationMs = limit.durationMs;
    this.operationsMax = Math.min(limit.operations, Math.ceil(limit.durationMs * this.ratePerMs));
  }

  begin(nowMs: number): void {
    this.beginMs = nowMs;
  }

  take(nowMs: number, countMax: number): number {
    if (this.finished(nowMs)) return 0;
    const due = Math.min(this.operationsMax, Math.floor((nowMs - this.beginMs) * this.ratePerMs) + 1);
    const count = Math.max(0, Math.min(countMax, due - this.issued));
    this.issued += count;
    return count;
  }

  finished(nowMs: number): boolean {
    return this.issued >= this.operationsMax || nowMs - this.beginMs >= this.durationMs;
  }

  nextDueMs(): number {
    return this.startOf(this.issued, 0);
  }

  startOf(sequence: number, _sentMs: number): number {
    return this.beginMs + sequence / this.ratePerMs;
  }

  unsent(): number {
    return Number.isFinite(this.durationMs) ? this.operationsMax - this.issued : 0;
  }
}
