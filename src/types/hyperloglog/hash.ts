/** Bits of the hash that choose a register; the others are looked at for their run of zeros. */
export const INDEX_BITS = 14;
const PATTERN_BITS = 64 - INDEX_BITS;

const SEED = 0xadc83b19 | 0;
/** The multiplier 0xc6a4a7935bd1e995 in halves, and its lower half in quarters. */
const MULTIPLIER_UPPER = 0xc6a4a793 | 0;
const MULTIPLIER_LOWER = 0x5bd1e995;
const QUARTER_1 = MULTIPLIER_LOWER >>> 16;
const QUARTER_0 = MULTIPLIER_LOWER & 0xffff;

/** The upper half of the 64-bit product of `lower` and the multiplier's lower half. */
function carryOf(lower: number): number {
  const upper16 = lower >>> 16;
  const lower16 = lower & 0xffff;
  const middle = (Math.imul(upper16, QUARTER_0) >>> 0) + (Math.imul(lower16, QUARTER_0) >>> 16);
  const further = (Math.imul(lower16, QUARTER_1) >>> 0) + (middle & 0xffff);
  // Both quotients are below 2^17: a double divides exactly where the sum has more than 32 bits.
  return (Math.imul(upper16, QUARTER_1) + ((middle / 0x10000) | 0) + ((further / 0x10000) | 0)) | 0;
}

/** The upper half of the product of a 64-bit number and the multiplier; the lower one is a plain `Math.imul`. */
function productUpper(upper: number, lower: number): number {
  return (carryOf(lower) + Math.imul(lower, MULTIPLIER_UPPER) + Math.imul(upper, MULTIPLIER_LOWER)) | 0;
}

/**
 * Where an element of a HyperLogLog counts: `register | run << INDEX_BITS`, with `run` the length of the pattern 0…01
 * in its hash, 1 to 51. The hash is MurmurHash64A (Austin Appleby) under the seed that Redis uses (hyperloglog.c,
 * hllPatLen), computed in 32-bit halves. Linear in `length`, allocates nothing.
 */
export function patternOf(bytes: DataView, offset: number, length: number): number {
  let lower = Math.imul(length, MULTIPLIER_LOWER) ^ SEED;
  let upper = productUpper(0, length);
  let at = offset;
  for (const end = offset + length - (length & 7); at < end; at += 8) {
    let wordLower = bytes.getInt32(at, true);
    let wordUpper = bytes.getInt32(at + 4, true);
    wordUpper = productUpper(wordUpper, wordLower);
    wordLower = Math.imul(wordLower, MULTIPLIER_LOWER);
    wordLower ^= wordUpper >>> 15;
    wordUpper = productUpper(wordUpper, wordLower);
    wordLower = Math.imul(wordLower, MULTIPLIER_LOWER);
    lower ^= wordLower;
    upper ^= wordUpper;
    upper = productUpper(upper, lower);
    lower = Math.imul(lower, MULTIPLIER_LOWER);
  }
  const rest = length & 7;
  if (rest > 0) {
    for (let index = 0; index < rest; index++) {
      const byte = bytes.getUint8(at + index) << ((index & 3) * 8);
      if (index < 4) lower ^= byte;
      else upper ^= byte;
    }
    upper = productUpper(upper, lower);
    lower = Math.imul(lower, MULTIPLIER_LOWER);
  }
  lower ^= upper >>> 15;
  upper = productUpper(upper, lower);
  lower = Math.imul(lower, MULTIPLIER_LOWER);
  lower ^= upper >>> 15;
  const register = lower & ((1 << INDEX_BITS) - 1);
  const low = (lower >>> INDEX_BITS) | (upper << (32 - INDEX_BITS));
  // A bit beyond the pattern ends a run of nothing but zeros.
  const high = (upper >>> INDEX_BITS) | (1 << (PATTERN_BITS - 32));
  return register | ((low !== 0 ? trailingZeros(low) + 1 : trailingZeros(high) + 33) << INDEX_BITS);
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
