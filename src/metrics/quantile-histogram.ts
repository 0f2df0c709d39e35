/** Parts of a microsecond that are told apart. */
const UNITS_PER_MICROSECOND = 16;
/** Each doubling is cut into so many equal buckets: a quantile is right to 1/16. */
const BUCKETS_PER_DOUBLING = 16;
const SUB_BITS = 4;
const UNITS_MAX = 0x7fffffff;

/** Durations from a sixteenth of a microsecond to two minutes in buckets that grow with them (as HdrHistogram's). */
export class QuantileHistogram {
  readonly #counts = new Float64Array((32 - SUB_BITS + 1) * BUCKETS_PER_DOUBLING);
  count = 0;
  /** The longest duration in microseconds, and that of all together, exactly. */
  max = 0;
  sum = 0;

  /** Counts a duration. Constant time, allocates nothing. */
  record(microseconds: number): void {
    const units = Math.min(microseconds * UNITS_PER_MICROSECOND, UNITS_MAX) | 0;
    this.#counts[bucketOf(units)]++;
    this.count++;
    this.sum += microseconds;
    if (microseconds > this.max) this.max = microseconds;
  }

  /** How many durations do not exceed so many microseconds, as far as the buckets tell. */
  countUpTo(microseconds: number): number {
    const last = bucketOf(Math.min(microseconds * UNITS_PER_MICROSECOND, UNITS_MAX) | 0);
    let counted = 0;
    for (let bucket = 0; bucket < last; bucket++) counted += this.#counts[bucket];
    return counted;
  }

  /** The duration in microseconds that a share (0 to 1) of all does not exceed; 0 if there are none. */
  quantile(share: number): number {
    let left = Math.ceil(this.count * share);
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      left -= this.#counts[bucket];
      if (left <= 0 && this.count > 0) return Math.min(this.max, upperEndOf(bucket) / UNITS_PER_MICROSECOND);
    }
    return this.max;
  }
}

function bucketOf(units: number): number {
  if (units < BUCKETS_PER_DOUBLING) return units;
  const shift = 31 - Math.clz32(units) - SUB_BITS;
  return (shift + 1) * BUCKETS_PER_DOUBLING + (units >>> shift) - BUCKETS_PER_DOUBLING;
}

/** The first duration, in units, that is too long for a bucket. */
function upperEndOf(bucket: number): number {
  if (bucket < BUCKETS_PER_DOUBLING) return bucket + 1;
  const shift = Math.floor(bucket / BUCKETS_PER_DOUBLING) - 1;
  return ((bucket % BUCKETS_PER_DOUBLING) + BUCKETS_PER_DOUBLING + 1) * 2 ** shift;
}
