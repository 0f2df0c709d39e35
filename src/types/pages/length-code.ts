/**
 * Lengths as pages store them: seven bits a byte from the lowest on, the highest bit saying that another follows (LEB128).
 */

/** Bytes that a length below 2^32 takes: 1 to 5. */
export function lengthBytes(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x4000) return 2;
  if (length < 0x200000) return 3;
  return length < 0x10000000 ? 4 : 5;
}

/** Writes a length below 2^32 and returns where it ends. */
export function writeLength(bytes: Uint8Array, at: number, length: number): number {
  let rest = length;
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** Reads a length; it ends `lengthBytes` of it further on. */
export function readLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first < 0x80) return first;
  let length = first & 0x7f;
  for (let shift = 7; shift < 35; shift += 7) {
    const byte = bytes[++at];
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return length >>> 0;
}
