import { createXXHash3, type IHasher } from 'hash-wasm';

const hasher: IHasher = await createXXHash3(0, 0);

/** The XXH3 64-bit hash of a byte range as 16 lower-case hexadecimal digits, as DIGEST replies it. */
export function xxh3Hex(bytes: Uint8Array, offset: number, length: number): string {
  beginXxh3();
  addXxh3(bytes, offset, length);
  return endXxh3();
}

/** Begins the hash of bytes that are told in parts. */
export function beginXxh3(): void {
  hasher.init();
}

/** Adds the next part. */
export function addXxh3(bytes: Uint8Array, offset: number, length: number): void {
  hasher.update(bytes.subarray(offset, offset + length));
}

/** The hash of all parts, as {@link xxh3Hex} gives it. */
export function endXxh3(): string {
  return hasher.digest('hex');
}
