/**
 * A seeded generator of pseudo-random numbers (sfc32, Chris Doty-Humphrey's PractRand). The same seed gives the
 * same workload, so that servers side by side and repeated runs see the same keys in the same order.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: number) {
    this.a = mix32(seed);
    this.b = mix32(this.a + 1);
    this.c = mix32(this.b + 1);
    for (let round = 0; round < 12; round++) this.next();
  }

  /** An integer from 0 to 2^32 - 1. */
  next(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number from 0 to below 1, with 32 random bits. */
  fraction(): number {
    return this.next() / 4_294_967_296;
  }

  /** An integer from 0 to `limit - 1`, for limits to 2^32. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }
}

/** A bijection of 32-bit integers that scatters neighbours (the finalizer of MurmurHash3); 0 to 2^32 - 1. */
export function mix32(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
