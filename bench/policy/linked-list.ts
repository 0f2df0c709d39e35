const NONE = -1;

/** Queues of keys, each key in one of them at most, without an object per key. */
export class LinkedKeys {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  /** `keyLimit` is one more than the largest key. */
  constructor(keyLimit: number) {
    this.#next = new Int32Array(keyLimit);
    this.#previous = new Int32Array(keyLimit);
  }

  queue(): KeyQueue {
    return new KeyQueue(this.#next, this.#previous);
  }
}

/** One queue of {@link LinkedKeys}. */
export class KeyQueue {
  length = 0;
  /** The key put in last, and the one that has been in for longest; -1 if it is empty. */
  newest = NONE;
  oldest = NONE;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(next: Int32Array, previous: Int32Array) {
    this.#next = next;
    this.#previous = previous;
  }

  push(key: number): void {
    this.#next[key] = this.newest;
    this.#previous[key] = NONE;
    if (this.newest === NONE) this.oldest = key;
    else this.#previous[this.newest] = key;
    this.newest = key;
    this.length++;
  }

  remove(key: number): void {
    const next = this.#next[key];
    const previous = this.#previous[key];
    if (previous === NONE) this.newest = next;
    else this.#next[previous] = next;
    if (next === NONE) this.oldest = previous;
    else this.#previous[next] = previous;
    this.length--;
  }

  /** Takes the oldest key out. */
  shift(): number {
    const key = this.oldest;
    this.remove(key);
    return key;
  }

  /** The key put in after this one, or -1. */
  newerThan(key: number): number {
    return this.#previous[key];
  }
}
