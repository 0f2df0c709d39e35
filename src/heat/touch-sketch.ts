/** A cold key is promoted at this many recent touches. */
export const TOUCHES_TO_PROMOTE = 2;
/** Share of the budget that a sketch takes, and the most that it takes. */
const BUDGET_SHARE = 1 / 64;
const BYTES_MAX = 1 << 24;

/** The size of a sketch for a budget of so many bytes: a power of two, at least `bytesMin`. */
export function sketchBytes(memoryBytes: number, bytesMin: number): number {
  const wanted = Math.min(BYTES_MAX, Math.max(bytesMin, memoryBytes * BUDGET_SHARE));
  return 2 ** Math.floor(Math.log2(wanted));
}

/**
 * A fixed-size memory of touches of cold keys, which have no header in RAM: it tells whether a key was touched before.
 *
 * A count-min sketch of 4-bit counters in two rows, the low and the high halves of its bytes, in which old touches count for
 * less and less (Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission Policy"). Where TinyLFU halves all
 * counters at once, which for 16 MiB would take milliseconds, a hand halves eight of them at each touch, and so comes round
 * once in a quarter as many touches as a row has counters. An eighth of the counters at most are therefore in use, and of a
 * scan over keys that were never touched about one in seventy seems to have been.
 */
export class TouchSketch {
  readonly #counters: Uint8Array;
  /** The same memory, eight counters a word, for the hand. */
  readonly #words: Int32Array;
  readonly #mask: number;
  #hand = 0;

  /** `bytes` is the memory to use, a power of two of 4 at least. */
  constructor(bytes: number) {
    this.#counters = new Uint8Array(bytes);
    this.#words = new Int32Array(this.#counters.buffer);
    this.#mask = bytes - 1;
  }

  /** Its memory. Counters of another sketch of the same size may be set in it. */
  get bytes(): Uint8Array {
    return this.#counters;
  }

  get byteCount(): number {
    return this.#counters.length;
  }

  /** Records a touch of the key with this 32-bit hash and returns the estimate of its recent touches, 1 to 15. */
  touch(hash: number): number {
    const hand = this.#hand;
    this.#words[hand] = (this.#words[hand] >>> 1) & 0x77777777;
    this.#hand = hand + 1 === this.#words.length ? 0 : hand + 1;
    const first = this.#slot(hash, 0x9e3779b1);
    const second = this.#slot(hash, 0x85ebca6b);
    const counters = this.#counters;
    const low = (counters[first] & 15) + 1;
    const high = (counters[second] >>> 4) + 1;
    if (low <= 15) counters[first] = (counters[first] & 0xf0) | low;
    if (high <= 15) counters[second] = (counters[second] & 0x0f) | (high << 4);
    return Math.min(low, high, 15);
  }

  /** The estimate, 0 to 15, without a touch. */
  estimate(hash: number): number {
    const low = this.#counters[this.#slot(hash, 0x9e3779b1)] & 15;
    const high = this.#counters[this.#slot(hash, 0x85ebca6b)] >>> 4;
    return Math.min(low, high);
  }

  #slot(hash: number, multiplier: number): number {
    const mixed = Math.imul(hash ^ (hash >>> 15), multiplier);
    return (mixed ^ (mixed >>> 13)) & this.#mask;
  }
}
