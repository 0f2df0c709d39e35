import type { Random } from './random.ts';

/** A stream of key indices. `next` never allocates. */
export interface KeyPattern {
  /** The next index, from 0 to `count - 1` of the pattern's domain. */
  next(): number;
}

/** Every key equally likely. */
export class UniformPattern implements KeyPattern {
  private readonly random: Random;
  private readonly count: number;

  constructor(random: Random, count: number) {
    this.random = random;
    this.count = count;
  }

  next(): number {
    return this.random.below(this.count);
  }
}

/** Ascending indices from the first one on, `count` of them, and again from the first. */
export class SequentialPattern implements KeyPattern {
  private readonly first: number;
  private readonly end: number;
  private index: number;

  constructor(count: number, first = 0) {
    this.first = first;
    this.end = first + count;
    this.index = first;
  }

  next(): number {
    const index = this.index;
    this.index = index + 1 === this.end ? this.first : index + 1;
    return index;
  }
}

/**
 * Every index of the domain exactly once in a scattered order, then again: `i -> (i × multiplier) mod count` with a
 * multiplier that shares no factor with the count. Neighbours in this order are far apart in the order of loading.
 */
export class Permutation implements KeyPattern {
  private readonly count: number;
  private readonly multiplier: number;
  private position = 0;

  constructor(count: number) {
    this.count = count;
    this.multiplier = scatteringMultiplier(count);
  }

  /** The index at a position; positions wrap at the count. */
  at(position: number): number {
    return multiplyModulo(position % this.count, this.multiplier, this.count);
  }

  next(): number {
    return this.at(this.position++);
  }
}

/**
 * Ranks 0 to `count - 1` where rank r has probability proportional to `1 / (r + 1)^theta`. Exact, in constant time
 * and without a table: rejection-inversion (W. Hörmann and G. Derflinger, "Rejection-inversion to generate variates
 * from monotone discrete distributions", ACM TOMACS 6(3), 1996).
 */
export class ZipfianRanks {
  private readonly random: Random;
  private readonly count: number;
  private readonly theta: number;
  private readonly integralAtFirst: number;
  private readonly integralAtLast: number;
  private readonly acceptance: number;

  constructor(random: Random, count: number, theta: number) {
    this.random = random;
    this.count = count;
    this.theta = theta;
    this.integralAtFirst = this.integral(1.5) - 1;
    this.integralAtLast = this.integral(count + 0.5);
    this.acceptance = 2 - this.integralInverse(this.integral(2.5) - this.density(2));
  }

  next(): number {
    for (;;) {
      const area =
        this.integralAtLast + this.random.fraction() * (this.integralAtFirst - this.integralAtLast);
      const x = this.integralInverse(area);
      const rank = Math.min(this.count, Math.max(1, Math.floor(x + 0.5)));
      if (rank - x <= this.acceptance || area >= this.integral(rank + 0.5) - this.density(rank))
        return rank - 1;
    }
  }

  private density(x: number): number {
    return Math.exp(-this.theta * Math.log(x));
  }

  private integral(x: number): number {
    const logarithm = Math.log(x);
    const product = (1 - this.theta) * logarithm;
    // expm1(p)/p, whose limit at theta = 1 is 1.
    return (Math.abs(product) > 1e-8 ? Math.expm1(product) / product : 1 + product / 2) * logarithm;
  }

  private integralInverse(x: number): number {
    const product = Math.max(-1, x * (1 - this.theta));
    return Math.exp((Math.abs(product) > 1e-8 ? Math.log1p(product) / product : 1 - product / 2) * x);
  }
}

/** Zipfian popularity, with the popular keys scattered over the domain. */
export class ZipfianPattern implements KeyPattern {
  private readonly ranks: ZipfianRanks;
  private readonly places: Permutation;

  constructor(random: Random, count: number, theta: number) {
    this.ranks = new ZipfianRanks(random, count, theta);
    this.places = new Permutation(count);
  }

  next(): number {
    return this.places.at(this.ranks.next());
  }
}

/** Draws between two slides of {@link ShiftingPattern}. */
const DRAWS_PER_SHIFT = 100;

/**
 * Zipfian popularity that drifts: after every {@link DRAWS_PER_SHIFT} draws each key moves up one rank and the most
 * popular key falls to the last. A cache has to keep forgetting.
 */
export class ShiftingPattern implements KeyPattern {
  private readonly ranks: ZipfianRanks;
  private readonly places: Permutation;
  private draws = 0;
  private shift = 0;

  constructor(random: Random, count: number, theta: number) {
    this.ranks = new ZipfianRanks(random, count, theta);
    this.places = new Permutation(count);
  }

  next(): number {
    if (++this.draws === DRAWS_PER_SHIFT) {
      this.draws = 0;
      this.shift++;
    }
    return this.places.at(this.ranks.next() + this.shift);
  }
}

/** Keys of one run of {@link ScanHeavyPattern}. */
const SCAN_KEYS = 10_000;

/**
 * Half of the draws come from scans of {@link SCAN_KEYS} neighbouring keys that start anywhere, half from a zipfian
 * hot set, interleaved at random: the pattern that washes a plain LRU out.
 */
export class ScanHeavyPattern implements KeyPattern {
  private readonly random: Random;
  private readonly count: number;
  private readonly hot: ZipfianPattern;
  private scanKey = 0;
  private scanLeft = 0;

  constructor(random: Random, count: number, theta: number) {
    this.random = random;
    this.count = count;
    this.hot = new ZipfianPattern(random, count, theta);
  }

  next(): number {
    if (this.random.next() >>> 31 === 0) return this.hot.next();
    if (this.scanLeft === 0) {
      this.scanLeft = SCAN_KEYS;
      this.scanKey = this.random.below(this.count);
    }
    this.scanLeft--;
    const key = this.scanKey;
    this.scanKey = key + 1 === this.count ? 0 : key + 1;
    return key;
  }
}

/** The popularity exponent where none is given: YCSB's. */
const THETA_DEFAULT = 0.99;

/**
 * Makes the pattern that a text names: `uniform`, `sequential`, `zipfian`, `shifting` or `scan-heavy`; the last three
 * take an exponent, as in `zipfian(1.2)`. Throws an Error for any other text.
 */
export function keyPattern(text: string, random: Random, count: number): KeyPattern {
  const match = /^([a-z-]+)(?:\(([0-9.]+)\))?$/.exec(text);
  const name = match?.[1];
  const theta = match?.[2] === undefined ? THETA_DEFAULT : Number(match[2]);
  if (name === 'uniform' && match?.[2] === undefined) return new UniformPattern(random, count);
  if (name === 'sequential' && match?.[2] === undefined) return new SequentialPattern(count);
  if (theta > 0) {
    if (name === 'zipfian') return new ZipfianPattern(random, count, theta);
    if (name === 'shifting') return new ShiftingPattern(random, count, theta);
    if (name === 'scan-heavy') return new ScanHeavyPattern(random, count, theta);
  }
  throw new Error(
    `unknown key pattern '${text}': use uniform, sequential, zipfian(θ), shifting(θ) or scan-heavy(θ)`,
  );
}

/** A multiplier near the golden section of `count` that shares no factor with it. */
function scatteringMultiplier(count: number): number {
  let multiplier = Math.max(1, Math.floor(count * 0.6180339887498949));
  while (greatestCommonDivisor(multiplier, count) !== 1) multiplier++;
  return multiplier;
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}

/** `left × right mod modulus` for factors below 2^31, where the plain product would pass 2^53. */
function multiplyModulo(left: number, right: number, modulus: number): number {
  if (modulus < 94_906_265) return (left * right) % modulus;
  const high = Math.floor(right / 65_536);
  const low = right % 65_536;
  return (((((left * high) % modulus) * 65_536) % modulus) + left * low) % modulus;
}
