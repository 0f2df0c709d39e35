import { viewOf } from './bytes.ts';

/** Larger memory, such as the arena's, is not held on to. */
const VIEWED_BYTES_MAX = 1024 * 1024;

/**
 * Keyed hash of key names.
 *
 * HalfSipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", and the Linux kernel's `hsiphash`): a keyed
 * pseudo-random function made of 32-bit additions, rotations and exclusive-ors, which JavaScript computes natively.
 * Being keyed, it leaves a client no way to choose names that collide. The keyspace needs 35 bits: 32 are the
 * function's output, the rest are taken from the other half of its final state.
 */
export class KeyHash {
  /** Second word of the last hash: 32 further bits of the final state. */
  upper = 0;

  /** The bytes hashed last without a view, and the view made for them. */
  #viewed: Uint8Array = new Uint8Array(0);
  #view = viewOf(this.#viewed);
  #key0 = 0;
  #key1 = 0;

  /** The two words of the secret, any 32-bit values. */
  constructor(key0: number, key1: number) {
    this.rekey([key0, key1]);
  }

  /** The two words of the secret. */
  get secret(): readonly [number, number] {
    return [this.#key0, this.#key1];
  }

  /** Takes another secret; only while nothing is kept by a hash. */
  rekey([key0, key1]: readonly [number, number]): void {
    this.#key0 = key0 | 0;
    this.#key1 = key1 | 0;
  }

  /** The hash of the bytes under a view as a signed 32-bit integer; leaves {@link upper} set. Linear in `length`. */
  hash(bytes: DataView, offset: number, length: number): number {
    const key0 = this.#key0;
    const key1 = this.#key1;
    let v0 = key0;
    let v1 = key1;
    let v2 = 0x6c796765 ^ key0;
    let v3 = 0x74656462 ^ key1;
    const end = offset + (length & ~3);
    let at = offset;
    for (; at < end; at += 4) {
      const word = bytes.getInt32(at, true);
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = (v1 << 5) | (v1 >>> 27);
      v1 ^= v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = (v3 << 8) | (v3 >>> 24);
      v3 ^= v2;
      v0 = (v0 + v3) | 0;
      v3 = (v3 << 7) | (v3 >>> 25);
      v3 ^= v0;
      v2 = (v2 + v1) | 0;
      v1 = (v1 << 13) | (v1 >>> 19);
      v1 ^= v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    let last = length << 24;
    switch (length & 3) {
      case 3:
        last |= (bytes.getUint8(at + 2) << 16) | bytes.getUint16(at, true);
        break;
      case 2:
        last |= bytes.getUint16(at, true);
        break;
      case 1:
        last |= bytes.getUint8(at);
        break;
      default:
    }
    // The last word's round and the three finalization rounds are the same steps.
    v3 ^= last;
    for (let round = 0; round < 4; round++) {
      v0 = (v0 + v1) | 0;
      v1 = (v1 << 5) | (v1 >>> 27);
      v1 ^= v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = (v3 << 8) | (v3 >>> 24);
      v3 ^= v2;
      v0 = (v0 + v3) | 0;
      v3 = (v3 << 7) | (v3 >>> 25);
      v3 ^= v0;
      v2 = (v2 + v1) | 0;
      v1 = (v1 << 13) | (v1 >>> 19);
      v1 ^= v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      if (round === 0) {
        v0 ^= last;
        v2 ^= 0xff;
      }
    }
    this.upper = v0 ^ v2;
    return v1 ^ v3;
  }

  /** As {@link hash} for bytes without a view, for which it makes one; that of a buffer as connections have is kept. */
  hashBytes(bytes: Uint8Array, offset: number, length: number): number {
    if (bytes !== this.#viewed) {
      if (bytes.length > VIEWED_BYTES_MAX) return this.hash(viewOf(bytes), offset, length);
      this.#viewed = bytes;
      this.#view = viewOf(bytes);
    }
    return this.hash(this.#view, offset, length);
  }
}
