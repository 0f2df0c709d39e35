import { createHash, randomBytes, randomFillSync, timingSafeEqual } from 'node:crypto';

/** Randomness, so that tests and the simulation can replay theirs. */
export interface Random {
  /** An integer from 0 to 2^32 - 1. */
  uint32(): number;
  /** An integer from 0 up to but without `limit`, which is at most 2^53. */
  below(limit: number): number;
}

/** A fast generator, not for secrets: sfc32 (Chris Doty-Humphrey, PractRand), which passes the usual batteries of tests. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Up to 96 bits of seed. */
  constructor(seed: number, second = 0x9e3779b9, third = 0x243f6a88) {
    this.#a = seed | 0;
    this.#b = second | 0;
    this.#c = third | 0;
    for (let round = 0; round < 12; round++) this.uint32();
  }

  uint32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    this.#c |= 0;
    return result >>> 0;
  }

  below(limit: number): number {
    if (limit <= 0x100000000) return Math.floor((this.uint32() / 0x100000000) * limit);
    return Math.floor(((this.uint32() * 0x200000 + (this.uint32() >>> 11)) / 2 ** 53) * limit);
  }
}

/** A generator seeded by the system. */
export function systemRandom(): SeededRandom {
  const seed = new Uint32Array(3);
  randomFillSync(seed);
  return new SeededRandom(seed[0], seed[1], seed[2]);
}

/** Bytes fit for secrets and names that must not be guessed, as hexadecimal digits. */
export function secretHex(byteCount: number): string {
  return randomBytes(byteCount).toString('hex');
}

/** Whether two secrets are the same, in a time that does not tell where they differ. */
export function secretEquals(left: Uint8Array, right: Uint8Array): boolean {
  const digest = (secret: Uint8Array) => createHash('sha256').update(secret).digest();
  return timingSafeEqual(digest(left), digest(right));
}
