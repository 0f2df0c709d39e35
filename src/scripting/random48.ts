/**
 * The generator behind `math.random` in scripts, the same on every machine: drand48 of POSIX (rand.c of Redis). A state of
 * 48 bits, in two halves of 24, is multiplied by 0x5deece66d and 11 is added.
 */
const FACTOR_HIGH = 0x5de;
const FACTOR_LOW = 0xece66d;
const INCREMENT = 0xb;
const HALF = 2 ** 24;
const SEED_LOW_BITS = 0x330e;

export class Random48 {
  #high = 0x1234ab;
  #low = 0xcd330e;

  /** Begins anew from an integer of 32 bits. */
  seed(seed: number): void {
    this.#high = (seed >>> 8) & 0xffffff;
    this.#low = ((seed & 0xff) << 16) | SEED_LOW_BITS;
  }

  /** The next integer from 0 to 2^31 - 1. */
  next(): number {
    const low = FACTOR_LOW * this.#low + INCREMENT;
    const carry = Math.floor(low / HALF);
    this.#high = (FACTOR_LOW * this.#high + FACTOR_HIGH * this.#low + carry) % HALF;
    this.#low = low % HALF;
    return this.#high * 128 + (this.#low >>> 17);
  }
}
