/** Loops over byte ranges. Below about 48 bytes a loop beats `set` and `Buffer.compare`, whose calls cost more. */

const LOOP_BYTES_MAX = 48;

/** Copies `length` bytes; the ranges may overlap only if both lie in one array and `length` exceeds no gap backwards. */
export function copyBytes(
  source: Uint8Array,
  sourceOffset: number,
  target: Uint8Array,
  targetOffset: number,
  length: number,
): void {
  if (length <= LOOP_BYTES_MAX) {
    for (let at = 0; at < length; at++) target[targetOffset + at] = source[sourceOffset + at];
  } else {
    target.set(source.subarray(sourceOffset, sourceOffset + length), targetOffset);
  }
}

/** Whether two ranges of the same length hold the same bytes. */
export function equalBytes(
  left: Uint8Array,
  leftOffset: number,
  right: Uint8Array,
  rightOffset: number,
  length: number,
): boolean {
  for (let at = 0; at < length; at++) if (left[leftOffset + at] !== right[rightOffset + at]) return false;
  return true;
}

/** Lexicographic order of two byte ranges: negative, 0 or positive, a prefix before what it begins. */
export function compareBytes(
  left: Uint8Array,
  leftOffset: number,
  leftLength: number,
  right: Uint8Array,
  rightOffset: number,
  rightLength: number,
): number {
  const common = leftLength < rightLength ? leftLength : rightLength;
  for (let at = 0; at < common; at++) {
    const difference = left[leftOffset + at] - right[rightOffset + at];
    if (difference !== 0) return difference;
  }
  return leftLength - rightLength;
}

/** Whether the bytes are `word`, which is lower-case ASCII, in any case of letters. */
export function equalsIgnoringCase(bytes: Uint8Array, offset: number, length: number, word: string): boolean {
  if (length !== word.length) return false;
  for (let at = 0; at < length; at++) {
    let byte = bytes[offset + at];
    if (byte >= 65 && byte <= 90) byte |= 32;
    if (byte !== word.charCodeAt(at)) return false;
  }
  return true;
}

/** The bytes as a string of one character per byte; the inverse of {@link latin1Bytes}. */
export function latin1(bytes: Uint8Array, offset: number, length: number): string {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + offset, length).toString('latin1');
}

/** A new array with a byte per character of `text`, whose characters are below 256. */
export function latin1Bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
