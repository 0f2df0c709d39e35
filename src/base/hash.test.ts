import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyHash } from './hash.ts';

const MASK = 0xffffffffn;

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (32n - bits))) & MASK;
}

/** HalfSipHash-1-3 word by word as the reference code has it: the hash and the other half of the final state. */
function reference(key0: number, key1: number, bytes: readonly number[]): [hash: number, upper: number] {
  const k0 = BigInt(key0 >>> 0);
  const k1 = BigInt(key1 >>> 0);
  let [v0, v1, v2, v3] = [k0, k1, 0x6c796765n ^ k0, 0x74656462n ^ k1];
  const round = () => {
    v0 = (v0 + v1) & MASK;
    v1 = rotate(v1, 5n) ^ v0;
    v0 = rotate(v0, 16n);
    v2 = (v2 + v3) & MASK;
    v3 = rotate(v3, 8n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotate(v3, 7n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotate(v1, 13n) ^ v2;
    v2 = rotate(v2, 16n);
  };
  const words: bigint[] = [];
  const whole = bytes.length - (bytes.length % 4);
  for (let at = 0; at < whole; at += 4) {
    words.push(
      bytes.slice(at, at + 4).reduce((word, byte, place) => word | (BigInt(byte) << BigInt(8 * place)), 0n),
    );
  }
  words.push(
    bytes
      .slice(whole)
      .reduce(
        (word, byte, place) => word | (BigInt(byte) << BigInt(8 * place)),
        BigInt(bytes.length & 0xff) << 24n,
      ),
  );
  for (const word of words) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let at = 0; at < 3; at++) round();
  return [Number(v1 ^ v3) | 0, Number(v0 ^ v2) | 0];
}

describe('KeyHash', () => {
  test('is HalfSipHash-1-3, at any offset and of any length', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer(),
        fc.array(fc.nat(255), { maxLength: 300 }),
        fc.nat(9),
        (key0, key1, bytes, offset) => {
          const buffer = Uint8Array.from([...new Array<number>(offset).fill(0xaa), ...bytes, 0xbb, 0xbb]);
          const keyHash = new KeyHash(key0, key1);
          const hash = keyHash.hashBytes(buffer, offset, bytes.length);
          expect([hash, keyHash.upper]).toEqual(reference(key0, key1, bytes));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('depends on the key', () => {
    const bytes = Buffer.from('user:1000');
    expect(new KeyHash(1, 2).hashBytes(bytes, 0, bytes.length)).not.toBe(
      new KeyHash(1, 3).hashBytes(bytes, 0, bytes.length),
    );
  });
});
