import {
  type KeyPattern,
  SequentialPattern,
  ShiftingPattern,
  ZipfianPattern,
  ZipfianRanks,
} from '../key-patterns.ts';
import { Random } from '../random.ts';

/** A stream of accesses to keys 0 to `keyLimit - 1`. */
export interface Trace {
  readonly name: string;
  /** Keys that the stream is about; RAM sizes are fractions of it. */
  readonly keyCount: number;
  /** One more than the largest key: keys that are read once only lie behind the others. */
  readonly keyLimit: number;
  readonly keys: Uint32Array;
}

/** How a stream of accesses is made. */
export interface TraceSource {
  readonly name: string;
  readonly make: (random: Random, keyCount: number) => KeyPattern;
}

/** Share of accesses to keys that are never seen again, in the trace of one-hit wonders. */
const ONE_HIT_SHARE = 0.3;
/** A scan reads half as many keys as are popular, once in five times as many accesses. */
const SCAN_PERIOD = 5;
const SCAN_LENGTH = 0.5;

/** A popular set, and now and then a scan over further keys, which only scans read. */
class PeriodicScans implements KeyPattern {
  readonly #popular: KeyPattern;
  readonly #scan: KeyPattern;
  readonly #period: number;
  readonly #length: number;
  #position = 0;

  constructor(random: Random, count: number) {
    this.#popular = new ZipfianPattern(random, count, 0.99);
    this.#scan = new SequentialPattern(count, count);
    this.#period = count * SCAN_PERIOD;
    this.#length = Math.floor(count * SCAN_LENGTH);
  }

  next(): number {
    const at = this.#position++ % this.#period;
    return at >= this.#period - this.#length ? this.#scan.next() : this.#popular.next();
  }
}

/** A popular set among keys that are read once. */
class OneHitWonders implements KeyPattern {
  readonly #random: Random;
  readonly #popular: KeyPattern;
  #fresh: number;

  constructor(random: Random, count: number) {
    this.#random = random;
    this.#popular = new ZipfianPattern(random, count, 0.99);
    this.#fresh = count;
  }

  next(): number {
    return this.#random.fraction() < ONE_HIT_SHARE ? this.#fresh++ : this.#popular.next();
  }
}

/** Four fifths of the accesses go to a fifth of the keys (YCSB's hotspot distribution). */
class Hotspot implements KeyPattern {
  readonly #random: Random;
  readonly #count: number;

  constructor(random: Random, count: number) {
    this.#random = random;
    this.#count = count;
  }

  next(): number {
    const hot = Math.floor(this.#count / 5);
    return this.#random.fraction() < 0.8
      ? this.#random.below(hot)
      : hot + this.#random.below(this.#count - hot);
  }
}

/** One access in twenty makes a key; the others read, the newer the likelier (YCSB's workload D). */
class Latest implements KeyPattern {
  readonly #random: Random;
  readonly #ages: ZipfianRanks;
  #newest: number;

  constructor(random: Random, count: number) {
    this.#random = random;
    this.#ages = new ZipfianRanks(random, count, 0.99);
    this.#newest = count - 1;
  }

  next(): number {
    return this.#random.fraction() < 0.05 ? ++this.#newest : this.#newest - this.#ages.next();
  }
}

const zipfian = (theta: number): TraceSource => ({
  name: `zipf ${theta}`,
  make: (random, count) => new ZipfianPattern(random, count, theta),
});

/** The traces of the comparison, all made from published parameters and a seed. */
export const TRACE_SOURCES: readonly TraceSource[] = [
  zipfian(0.8),
  zipfian(0.99),
  zipfian(1.2),
  { name: 'zipf 0.99 with scans', make: (random, count) => new PeriodicScans(random, count) },
  { name: 'shifting hot set', make: (random, count) => new ShiftingPattern(random, count, 0.99) },
  { name: 'loop', make: (_random, count) => new SequentialPattern(count) },
  { name: 'one-hit wonders', make: (random, count) => new OneHitWonders(random, count) },
  { name: 'hotspot', make: (random, count) => new Hotspot(random, count) },
  { name: 'latest', make: (random, count) => new Latest(random, count) },
];

/** Draws a trace of `length` accesses; the same seed gives the same one. */
export function drawTrace(source: TraceSource, seed: number, keyCount: number, length: number): Trace {
  const pattern = source.make(new Random(seed), keyCount);
  const keys = new Uint32Array(length);
  let largest = keyCount - 1;
  for (let at = 0; at < length; at++) {
    keys[at] = pattern.next();
    if (keys[at] > largest) largest = keys[at];
  }
  return { name: source.name, keyCount, keyLimit: largest + 1, keys };
}
