/**
 * A fixed-size memory of touches of cold keys: a count-min sketch of 4-bit counters, two rows, halved when as many
 * touches as it has counters were recorded (Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission
 * Policy"). A cold key has no header in RAM; this tells whether it was touched before.
 */
export class TouchSketch {
  readonly #counters: Uint8Array;
  readonly #mask: number;
  #touchesUntilHalving: number;

  /** `bytes` is a power of two: the memory to use, two counters a byte. */
  constructor(bytes: number) {
    this.#counters = new Uint8Array(bytes);
    this.#mask = bytes - 1;
    this.#touchesUntilHalving = bytes;
  }

  get byteCount(): number {
    return this.#counters.length;
  }

  /** Records a touch of the key with this 32-bit hash and returns the estimate of its recent touches, 1 to 15. */
  touch(hash: number): number {
    if (--this.#touchesUntilHalving <= 0) this.#halve();
    const first = this.#slot(hash, 0x9e3779b1);
    const second = this.#slot(hash, 0x85ebca6b);
    const counters = this.#counters;
    // The rows are the low and the high half of the bytes.
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

  #halve(): void {
    const counters = this.#counters;
    for (let at = 0; at < counters.length; at++) counters[at] = (counters[at] >>> 1) & 0x77;
    this.#touchesUntilHalving = counters.length >>> 1;
  }
}
