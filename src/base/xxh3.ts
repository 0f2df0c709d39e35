import { createXXHash3, type IHasher } from 'hash-wasm';

const hasher: IHasher = await createXXHash3(0, 0);

/** The XXH3 64-bit hash of a byte range as 16 lower-case hexadecimal digits, as DIGEST replies it. */
export function xxh3Hex(bytes: Uint8Array, offset: number, length: number): string {
  hasher.init();
  hasher.update(bytes.subarray(offset, offset + length));
  return hasher.digest('hex');
}
