import { hasReferences, withoutReference, withReference } from '../../src/heat/references.ts';
import { sketchBytes, TOUCHES_TO_PROMOTE, TouchSketch } from '../../src/heat/touch-sketch.ts';
import { mix32 } from '../random.ts';
import type { Policy } from './rivals.ts';

/** Bytes of a hot record in RAM, from which the sketch's size follows: keys and values as in Meta's ETC pool. */
const RECORD_BYTES = 400;

/**
 * Thermocline's own: reads of cold keys promote at the second recent touch that the sketch remembers, and the demoter's hand
 * goes round the hot records in the order of their places. It runs the server's own code over an array for the arena.
 */
export class Tiered implements Policy {
  readonly #capacity: number;
  readonly #sketch: TouchSketch;
  readonly #keys: Int32Array;
  readonly #words: Int32Array;
  readonly #places: Int32Array;
  #count = 0;
  #hand = 0;

  constructor(capacity: number, keyLimit: number) {
    this.#capacity = capacity;
    this.#sketch = new TouchSketch(sketchBytes(capacity * RECORD_BYTES, 4));
    this.#keys = new Int32Array(capacity);
    this.#words = new Int32Array(capacity);
    this.#places = new Int32Array(keyLimit).fill(-1);
  }

  access(key: number): boolean {
    const place = this.#places[key];
    if (place >= 0) {
      this.#words[place] = withReference(this.#words[place]);
      return true;
    }
    const isFull = this.#count === this.#capacity;
    if (this.#sketch.touch(mix32(key)) < TOUCHES_TO_PROMOTE && isFull) return false;
    const free = isFull ? this.#demote() : this.#count++;
    this.#keys[free] = key;
    this.#words[free] = 0;
    this.#places[key] = free;
    return false;
  }

  #demote(): number {
    for (;;) {
      const place = this.#hand;
      this.#hand = place + 1 === this.#capacity ? 0 : place + 1;
      if (!hasReferences(this.#words[place])) {
        this.#places[this.#keys[place]] = -1;
        return place;
      }
      this.#words[place] = withoutReference(this.#words[place]);
    }
  }
}
