import { expect, test } from 'vitest';
import { viewOf } from '../../base/bytes.ts';
import { SeededRandom } from '../../base/random.ts';
import { patternOf } from './hash.ts';

const MULTIPLIER = 0xc6a4a7935bd1e995n;
const uint64 = (value: bigint) => BigInt.asUintN(64, value);

/** MurmurHash64A as published, in 64-bit integers. */
function murmurHash64A(bytes: Uint8Array, seed: bigint): bigint {
  let hash = seed ^ uint64(BigInt(bytes.length) * MULTIPLIER);
  const word = (from: number, to: number) =>
    bytes.subarray(from, to).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const whole = bytes.length & ~7;
  for (let at = 0; at < whole; at += 8) {
    let part = uint64(word(at, at + 8) * MULTIPLIER);
    part = uint64((part ^ (part >> 47n)) * MULTIPLIER);
    hash = uint64((hash ^ part) * MULTIPLIER);
  }
  if (whole < bytes.length) hash = uint64((hash ^ word(whole, bytes.length)) * MULTIPLIER);
  hash = uint64((hash ^ (hash >> 47n)) * MULTIPLIER);
  return hash ^ (hash >> 47n);
}

test('register and run come from MurmurHash64A', () => {
  const random = new SeededRandom(4);
  let longest = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: random.below(40) + 3 }, () => random.below(256));
    const hash = murmurHash64A(bytes.subarray(3), 0xadc83b19n);
    const rest = (hash >> 14n) | (1n << 50n);
    const run = rest.toString(2).length - rest.toString(2).lastIndexOf('1');
    longest = Math.max(longest, run);
    expect(patternOf(viewOf(bytes), 3, bytes.length - 3)).toBe(Number(hash & 0x3fffn) | (run << 14));
  }
  expect(longest).toBeGreaterThan(10);
});
