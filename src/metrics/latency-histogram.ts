/** Values below twice this many nanoseconds are told apart; each doubling above is cut into so many parts. */
const PARTS = 128;
const PART_BITS = 7;
const COUNT_MAX = (30 - PART_BITS) * PARTS + PARTS;
/** Exponents of the first and the last power that LATENCY HISTOGRAM tells: 2^10 to 2^30 nanoseconds. */
const FIRST_EXPONENT = 10;
const LAST_EXPONENT = 30;
const NANOSECONDS_MAX = 1e9;

/**
 * Durations from a nanosecond to a second, right to a 128th, in the buckets of the HDR histogram of two digits that Redis keeps
 * (hdr_histogram.c). Longer durations count as a second.
 */
export class LatencyHistogram {
  /** Counts by bucket; empty until the first duration. */
  #counts = new Float64Array(0);
  count = 0;

  /** Counts a duration. Constant time, allocates nothing but for the first one. */
  record(microseconds: number): void {
    if (this.#counts.length === 0) this.#counts = new Float64Array(COUNT_MAX);
    this.#counts[bucketOf(Math.max(1, Math.min(microseconds * 1000, NANOSECONDS_MAX)) | 0)]++;
    this.count++;
  }

  /**
   * Calls `visit` for each power of two of a nanosecond from 2^10 to 2^30 that durations lie below, with its upper limit in
   * microseconds and how many durations do not exceed it (fillCommandCDF of latency.c). What a bucket can't tell from the
   * power itself lies below it.
   */
  forEachBucket(visit: (microseconds: number, cumulativeCount: number) => void): void {
    let cumulative = 0;
    let bucket = 0;
    for (let exponent = FIRST_EXPONENT; exponent <= LAST_EXPONENT; exponent++) {
      const before = cumulative;
      const last = exponent === LAST_EXPONENT ? COUNT_MAX - 1 : bucketOf(2 ** exponent);
      for (; bucket <= last; bucket++) cumulative += this.#counts[bucket] ?? 0;
      const highest = exponent === LAST_EXPONENT ? 2 ** exponent - 1 : highestOf(last);
      if (cumulative > before) visit(Math.floor(highest / 1000), cumulative);
    }
  }

  /** The duration in microseconds that so many percent of all do not exceed; of 0 percent, the shortest (hdr_value_at_percentile). */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.floor((percent / 100) * this.count + 0.5));
    let cumulative = 0;
    let bucket = 0;
    for (; bucket < COUNT_MAX - 1; bucket++) {
      cumulative += this.#counts[bucket] ?? 0;
      if (cumulative >= wanted) break;
    }
    return (percent === 0 ? lowestOf(bucket) : highestOf(bucket)) / 1000;
  }

  reset(): void {
    this.#counts.fill(0);
    this.count = 0;
  }
}

function bucketOf(nanoseconds: number): number {
  const shift = 31 - PART_BITS - Math.clz32(nanoseconds | (2 * PARTS - 1));
  return shift * PARTS + (nanoseconds >>> shift);
}

function lowestOf(bucket: number): number {
  const shift = shiftOf(bucket);
  return (bucket - shift * PARTS) * 2 ** shift;
}

function highestOf(bucket: number): number {
  return lowestOf(bucket) + 2 ** shiftOf(bucket) - 1;
}

/** A bucket holds so many powers of two of nanoseconds. */
function shiftOf(bucket: number): number {
  return Math.max(0, Math.floor(bucket / PARTS) - 1);
}
