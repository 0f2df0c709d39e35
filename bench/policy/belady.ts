import type { Trace } from './traces.ts';

/**
 * Hits of the best possible cache of `capacity` keys, which knows the future: what is used again last leaves, and what is used
 * again later than all in the cache does not enter (Bélády: "A study of replacement algorithms for a virtual-storage computer").
 * Counts from the access at `from` on.
 */
export function beladyHits(trace: Trace, capacity: number, from: number): number {
  const { keys, keyLimit } = trace;
  const nextUses = new Int32Array(keys.length);
  const seen = new Int32Array(keyLimit).fill(keys.length);
  for (let at = keys.length - 1; at >= 0; at--) {
    nextUses[at] = seen[keys[at]];
    seen[keys[at]] = at;
  }
  const heap = new LatestFirst(keys.length + 1);
  /** When each key in the cache is used next; 0 for those not in it. */
  const due = new Int32Array(keyLimit);
  let count = 0;
  let hits = 0;
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at];
    const isHit = due[key] > 0;
    if (isHit && at >= from) hits++;
    if (!isHit) count++;
    due[key] = nextUses[at];
    heap.push(nextUses[at], key);
    while (count > capacity) {
      const victim = heap.pop();
      // An entry of before the key's last use is stale.
      if (due[victim] !== heap.poppedTime) continue;
      due[victim] = 0;
      count--;
    }
  }
  return hits;
}

/** A binary heap of times with keys, the latest on top. */
class LatestFirst {
  poppedTime = 0;
  readonly #times: Int32Array;
  readonly #keys: Int32Array;
  #length = 0;

  constructor(capacity: number) {
    this.#times = new Int32Array(capacity);
    this.#keys = new Int32Array(capacity);
  }

  push(time: number, key: number): void {
    let at = this.#length++;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#times[above] >= time) break;
      this.#times[at] = this.#times[above];
      this.#keys[at] = this.#keys[above];
      at = above;
    }
    this.#times[at] = time;
    this.#keys[at] = key;
  }

  pop(): number {
    const key = this.#keys[0];
    this.poppedTime = this.#times[0];
    const last = --this.#length;
    const time = this.#times[last];
    const moved = this.#keys[last];
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= last) break;
      if (below + 1 < last && this.#times[below + 1] > this.#times[below]) below++;
      if (this.#times[below] <= time) break;
      this.#times[at] = this.#times[below];
      this.#keys[at] = this.#keys[below];
      at = below;
    }
    this.#times[at] = time;
    this.#keys[at] = moved;
    return key;
  }
}
