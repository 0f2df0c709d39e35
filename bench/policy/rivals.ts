import { mix32, Random } from '../random.ts';
import { type KeyQueue, LinkedKeys } from './linked-list.ts';

/** A cache of `capacity` keys of one size. */
export interface Policy {
  /** Accesses a key; whether it was in the cache. Afterwards it may or may not be. */
  access(key: number): boolean;
}

/** Makes a policy for keys below `keyLimit`. */
export type PolicyFactory = (capacity: number, keyLimit: number) => Policy;

/** Least recently used, exactly. */
export class Lru implements Policy {
  readonly #capacity: number;
  readonly #queue: KeyQueue;
  readonly #isIn: Uint8Array;

  constructor(capacity: number, keyLimit: number) {
    this.#capacity = capacity;
    this.#queue = new LinkedKeys(keyLimit).queue();
    this.#isIn = new Uint8Array(keyLimit);
  }

  access(key: number): boolean {
    const isHit = this.#isIn[key] === 1;
    if (isHit) this.#queue.remove(key);
    else if (this.#queue.length === this.#capacity) this.#isIn[this.#queue.shift()] = 0;
    this.#queue.push(key);
    this.#isIn[key] = 1;
    return isHit;
  }
}

/** Keys in the cache in an array, so that one can be drawn at random. */
export class Residents {
  length = 0;
  readonly #keys: Int32Array;
  readonly #places: Int32Array;

  constructor(capacity: number, keyLimit: number) {
    this.#keys = new Int32Array(capacity + 1);
    this.#places = new Int32Array(keyLimit).fill(-1);
  }

  has(key: number): boolean {
    return this.#places[key] >= 0;
  }

  add(key: number): void {
    this.#places[key] = this.length;
    this.#keys[this.length++] = key;
  }

  remove(key: number): void {
    const place = this.#places[key];
    const last = this.#keys[--this.length];
    this.#keys[place] = last;
    this.#places[last] = place;
    this.#places[key] = -1;
  }

  at(place: number): number {
    return this.#keys[place];
  }
}

const POOL_KEYS = 16;

/**
 * What redis-server does under allkeys-lru and allkeys-lfu: `samples` keys drawn at random go into a pool of the 16 worst seen,
 * whose worst is evicted (evict.c). The clock of LRU is exact here; LFU's counter is its logarithmic one, with `factor` and
 * decay per `decayAccesses` accesses.
 */
export class RedisSampled implements Policy {
  readonly #capacity: number;
  readonly #samples: number;
  readonly #lfu: boolean;
  readonly #residents: Residents;
  readonly #touched: Float64Array;
  readonly #counters: Uint8Array;
  readonly #decayAccesses: number;
  readonly #random = new Random(7);
  readonly #pool: { key: number; score: number }[] = [];
  #now = 0;

  constructor(capacity: number, keyLimit: number, lfu: boolean, samples = 5, decayAccesses = 3_000_000) {
    this.#capacity = capacity;
    this.#samples = samples;
    this.#lfu = lfu;
    this.#residents = new Residents(capacity, keyLimit);
    this.#touched = new Float64Array(keyLimit);
    this.#counters = new Uint8Array(keyLimit);
    this.#decayAccesses = decayAccesses;
  }

  access(key: number): boolean {
    this.#now++;
    const isHit = this.#residents.has(key);
    if (isHit) {
      const counter = this.#counterOf(key);
      const base = Math.max(0, counter - 5);
      this.#counters[key] =
        counter < 255 && this.#random.fraction() * (base * 10 + 1) < 1 ? counter + 1 : counter;
    } else {
      if (this.#residents.length === this.#capacity) this.#evict();
      this.#residents.add(key);
      this.#counters[key] = 5;
    }
    this.#touched[key] = this.#now;
    return isHit;
  }

  #counterOf(key: number): number {
    const periods = Math.floor((this.#now - this.#touched[key]) / this.#decayAccesses);
    return Math.max(0, this.#counters[key] - periods);
  }

  #evict(): void {
    const pool = this.#pool;
    for (;;) {
      for (let sample = 0; sample < this.#samples; sample++) {
        const key = this.#residents.at(this.#random.below(this.#residents.length));
        const score = this.#lfu ? 255 - this.#counterOf(key) : this.#now - this.#touched[key];
        if (pool.some((each) => each.key === key)) continue;
        if (pool.length === POOL_KEYS && score < pool[0].score) continue;
        if (pool.length === POOL_KEYS) pool.shift();
        let at = pool.length;
        while (at > 0 && pool[at - 1].score > score) at--;
        pool.splice(at, 0, { key, score });
      }
      for (let worst = pool.pop(); worst !== undefined; worst = pool.pop()) {
        if (!this.#residents.has(worst.key)) continue;
        this.#residents.remove(worst.key);
        return;
      }
    }
  }
}

/** SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU", NSDI 2024). */
export class Sieve implements Policy {
  readonly #capacity: number;
  readonly #queue: KeyQueue;
  readonly #isIn: Uint8Array;
  readonly #visited: Uint8Array;
  #hand = -1;

  constructor(capacity: number, keyLimit: number) {
    this.#capacity = capacity;
    this.#queue = new LinkedKeys(keyLimit).queue();
    this.#isIn = new Uint8Array(keyLimit);
    this.#visited = new Uint8Array(keyLimit);
  }

  access(key: number): boolean {
    if (this.#isIn[key] === 1) {
      this.#visited[key] = 1;
      return true;
    }
    if (this.#queue.length === this.#capacity) this.#evict();
    this.#queue.push(key);
    this.#isIn[key] = 1;
    this.#visited[key] = 0;
    return false;
  }

  #evict(): void {
    let hand = this.#hand === -1 ? this.#queue.oldest : this.#hand;
    while (this.#visited[hand] === 1) {
      this.#visited[hand] = 0;
      hand = this.#queue.newerThan(hand);
      if (hand === -1) hand = this.#queue.oldest;
    }
    this.#hand = this.#queue.newerThan(hand);
    this.#queue.remove(hand);
    this.#isIn[hand] = 0;
  }
}

const GHOST = 3;

/** S3-FIFO (Yang, Zhang, Qiu, Yue, Vigfusson: "FIFO Queues are All You Need for Cache Eviction", SOSP 2023). */
export class S3Fifo implements Policy {
  readonly #smallCapacity: number;
  readonly #mainCapacity: number;
  readonly #small: KeyQueue;
  readonly #main: KeyQueue;
  readonly #ghosts: KeyQueue;
  /** 0 nowhere, 1 small, 2 main, 3 ghost. */
  readonly #where: Uint8Array;
  readonly #frequency: Uint8Array;

  constructor(capacity: number, keyLimit: number) {
    this.#smallCapacity = Math.max(1, Math.floor(capacity / 10));
    this.#mainCapacity = capacity - this.#smallCapacity;
    const keys = new LinkedKeys(keyLimit);
    this.#small = keys.queue();
    this.#main = keys.queue();
    this.#ghosts = keys.queue();
    this.#where = new Uint8Array(keyLimit);
    this.#frequency = new Uint8Array(keyLimit);
  }

  access(key: number): boolean {
    const where = this.#where[key];
    if (where === 1 || where === 2) {
      if (this.#frequency[key] < 3) this.#frequency[key]++;
      return true;
    }
    while (this.#small.length + this.#main.length >= this.#smallCapacity + this.#mainCapacity) this.#evict();
    if (this.#where[key] === GHOST) {
      this.#ghosts.remove(key);
      this.#put(this.#main, 2, key);
    } else {
      this.#put(this.#small, 1, key);
    }
    this.#frequency[key] = 0;
    return false;
  }

  #put(queue: KeyQueue, where: number, key: number): void {
    queue.push(key);
    this.#where[key] = where;
  }

  #evict(): void {
    if (this.#small.length >= this.#smallCapacity || this.#main.length === 0) this.#evictSmall();
    else this.#evictMain();
  }

  #evictSmall(): void {
    while (this.#small.length > 0) {
      const key = this.#small.shift();
      if (this.#frequency[key] > 1) {
        this.#frequency[key] = 0;
        this.#put(this.#main, 2, key);
        if (this.#main.length > this.#mainCapacity) {
          this.#evictMain();
          return;
        }
        continue;
      }
      this.#put(this.#ghosts, GHOST, key);
      if (this.#ghosts.length > this.#mainCapacity) this.#where[this.#ghosts.shift()] = 0;
      return;
    }
  }

  #evictMain(): void {
    for (;;) {
      const key = this.#main.shift();
      if (this.#frequency[key] === 0) {
        this.#where[key] = 0;
        return;
      }
      this.#frequency[key]--;
      this.#main.push(key);
    }
  }
}

const WINDOW_SHARE = 0.01;
const PROTECTED_SHARE = 0.8;
const SKETCH_ROWS = 4;

/**
 * W-TinyLFU (Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission Policy"): a window of 1 %, a main part of
 * probation and protected segments, and a count-min sketch of 4-bit counters, halved every ten times the capacity.
 */
export class WindowTinyLfu implements Policy {
  readonly #windowCapacity: number;
  readonly #mainCapacity: number;
  readonly #protectedCapacity: number;
  readonly #window: KeyQueue;
  readonly #probation: KeyQueue;
  readonly #protected: KeyQueue;
  /** 0 nowhere, 1 window, 2 probation, 3 protected. */
  readonly #where: Uint8Array;
  readonly #counters: Uint8Array;
  readonly #mask: number;
  readonly #period: number;
  #additions = 0;

  constructor(capacity: number, keyLimit: number) {
    this.#windowCapacity = Math.max(1, Math.floor(capacity * WINDOW_SHARE));
    this.#mainCapacity = capacity - this.#windowCapacity;
    this.#protectedCapacity = Math.floor(this.#mainCapacity * PROTECTED_SHARE);
    const keys = new LinkedKeys(keyLimit);
    this.#window = keys.queue();
    this.#probation = keys.queue();
    this.#protected = keys.queue();
    this.#where = new Uint8Array(keyLimit);
    const width = 2 ** Math.ceil(Math.log2(capacity * 4));
    this.#mask = width - 1;
    this.#counters = new Uint8Array(width * SKETCH_ROWS);
    this.#period = capacity * 10;
  }

  access(key: number): boolean {
    this.#count(key);
    const where = this.#where[key];
    if (where === 1) {
      this.#window.remove(key);
      this.#window.push(key);
      return true;
    }
    if (where === 2) {
      this.#probation.remove(key);
      this.#put(this.#protected, 3, key);
      if (this.#protected.length > this.#protectedCapacity)
        this.#put(this.#probation, 2, this.#protected.shift());
      return true;
    }
    if (where === 3) {
      this.#protected.remove(key);
      this.#protected.push(key);
      return true;
    }
    this.#put(this.#window, 1, key);
    if (this.#window.length > this.#windowCapacity) this.#admit(this.#window.shift());
    return false;
  }

  #put(queue: KeyQueue, where: number, key: number): void {
    queue.push(key);
    this.#where[key] = where;
  }

  #admit(candidate: number): void {
    if (this.#probation.length + this.#protected.length < this.#mainCapacity) {
      this.#put(this.#probation, 2, candidate);
      return;
    }
    const queue = this.#probation.length > 0 ? this.#probation : this.#protected;
    if (this.#estimate(candidate) > this.#estimate(queue.oldest)) {
      this.#where[queue.shift()] = 0;
      this.#put(this.#probation, 2, candidate);
    } else {
      this.#where[candidate] = 0;
    }
  }

  #place(key: number, row: number): number {
    return row * (this.#mask + 1) + (mix32(key + Math.imul(row + 1, 0x9e3779b1)) & this.#mask);
  }

  #estimate(key: number): number {
    let least = 15;
    for (let row = 0; row < SKETCH_ROWS; row++) {
      least = Math.min(least, this.#counters[this.#place(key, row)]);
    }
    return least;
  }

  #count(key: number): void {
    for (let row = 0; row < SKETCH_ROWS; row++) {
      const place = this.#place(key, row);
      if (this.#counters[place] < 15) this.#counters[place]++;
    }
    if (++this.#additions < this.#period) return;
    this.#additions = 0;
    for (let at = 0; at < this.#counters.length; at++) this.#counters[at] >>>= 1;
  }
}
