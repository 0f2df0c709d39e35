const BUCKET_COUNT = 21;
/** Exponents of the first and the last bucket: 2^10 to 2^30 nanoseconds. */
const FIRST_EXPONENT = 10;
const NANOSECONDS_MAX = 1e9;

/**
 * Durations counted by powers of two of a nanosecond from 2^10 to 2^30, as LATENCY HISTOGRAM tells them. Redis keeps an
 * HDR histogram of two digits and reports it at these powers (fillCommandCDF of latency.c), so a bucket takes in what its
 * histogram can't tell from the power itself: up to a 128th more. Longer durations than a second count as a second.
 */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKET_COUNT);
  count = 0;

  /** Counts a duration. Constant time, allocates nothing. */
  record(microseconds: number): void {
    const nanoseconds = Math.min(microseconds * 1000, NANOSECONDS_MAX) | 0;
    let bucket = 0;
    if (nanoseconds >= 1 << FIRST_EXPONENT) {
      const exponent = 31 - Math.clz32(nanoseconds);
      const power = 1 << exponent;
      bucket = exponent - FIRST_EXPONENT + (nanoseconds < power + (power >>> 7) ? 0 : 1);
    }
    this.#counts[bucket]++;
    this.count++;
  }

  /** Calls `visit` for each bucket in use with its upper limit in microseconds and how many durations do not exceed it. */
  forEachBucket(visit: (microseconds: number, cumulativeCount: number) => void): void {
    let cumulative = 0;
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
      if (this.#counts[bucket] === 0) continue;
      cumulative += this.#counts[bucket];
      const power = 2 ** (bucket + FIRST_EXPONENT);
      const highest = bucket === BUCKET_COUNT - 1 ? power - 1 : power + power / 128 - 1;
      visit(Math.floor(highest / 1000), cumulative);
    }
  }

  reset(): void {
    this.#counts.fill(0);
    this.count = 0;
  }
}
