import type { Trace } from './traces.ts';

/** The hit ratio of an LRU cache at any size, exactly: from the distance of each access of a trace. */
export class ExactCurve {
  /** Bytes of an LRU cache that would have had the key, ascending; accesses of keys never seen before are not among them. */
  readonly #distances: Float64Array;
  readonly #accessCount: number;

  /** `sizes` has the bytes of each key. Time and memory are linear in the trace, but for a logarithm. */
  constructor({ keys }: Trace, sizes: Float64Array) {
    const sums = new Float64Array(keys.length + 1);
    const last = new Int32Array(sizes.length);
    const distances = new Float64Array(keys.length);
    let found = 0;
    let total = 0;
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at];
      const size = sizes[key];
      const before = last[key];
      if (before > 0) {
        let sum = 0;
        for (let node = before; node > 0; node -= node & -node) sum += sums[node];
        distances[found++] = total - sum + size;
        for (let node = before; node < sums.length; node += node & -node) sums[node] -= size;
        total -= size;
      }
      last[key] = at + 1;
      for (let node = at + 1; node < sums.length; node += node & -node) sums[node] += size;
      total += size;
    }
    this.#distances = distances.subarray(0, found).sort();
    this.#accessCount = keys.length;
  }

  /** Share of the accesses, 0 to 1, that a cache of so many bytes would have had. */
  hitRatio(bytes: number): number {
    let from = 0;
    let to = this.#distances.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#distances[middle] <= bytes) from = middle + 1;
      else to = middle;
    }
    return from / this.#accessCount;
  }
}
