const SAMPLES_MAX = 160;

/** A spike of an event: when, and its longest duration within that second. */
export interface LatencySample {
  readonly timeSeconds: number;
  milliseconds: number;
}

/** The samples of one event. */
export interface LatencyEvent {
  readonly samples: LatencySample[];
  maxMilliseconds: number;
}

/** The latency monitor: spikes above `latency-monitor-threshold` by event (latency.c, LATENCY LATEST and HISTORY). */
export class LatencyMonitor {
  readonly events = new Map<string, LatencyEvent>();

  /** Records a duration of an event if it reaches the threshold; threshold 0 switches the monitor off. */
  record(event: string, milliseconds: number, timeSeconds: number, thresholdMilliseconds: number): void {
    if (thresholdMilliseconds === 0 || milliseconds < thresholdMilliseconds) return;
    let known = this.events.get(event);
    if (known === undefined) {
      known = { samples: [], maxMilliseconds: 0 };
      this.events.set(event, known);
    }
    known.maxMilliseconds = Math.max(known.maxMilliseconds, milliseconds);
    const last = known.samples.at(-1);
    if (last?.timeSeconds === timeSeconds) {
      last.milliseconds = Math.max(last.milliseconds, milliseconds);
      return;
    }
    known.samples.push({ timeSeconds, milliseconds });
    if (known.samples.length > SAMPLES_MAX) known.samples.shift();
  }

  /** Forgets the named events, or all; how many were known. */
  reset(names: readonly string[]): number {
    const before = this.events.size;
    if (names.length === 0) this.events.clear();
    for (const name of names) this.events.delete(name);
    return before - this.events.size;
  }
}
