/** Loops over byte ranges. A call of `set` or `Buffer.compare` costs as much as a loop over some 28 bytes. */

const LOOP_BYTES_MAX = 28;
/** Longest range for which `copyShort` is the faster way. */
export const SHORT_BYTES_MAX = 192;

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

/** Copies a short range, eight bytes at a step through views: faster than `set` up to some 250 bytes, and no garbage. */
export function copyShort(
  source: DataView,
  sourceOffset: number,
  target: DataView,
  targetOffset: number,
  length: number,
): void {
  let at = 0;
  for (const end = length - 7; at < end; at += 8) {
    const first = source.getInt32(sourceOffset + at, true);
    const second = source.getInt32(sourceOffset + at + 4, true);
    target.setInt32(targetOffset + at, first, true);
    target.setInt32(targetOffset + at + 4, second, true);
  }
  for (; at < length; at++) target.setUint8(targetOffset + at, source.getUint8(sourceOffset + at));
}

/** Whether two ranges of the same length hold the same bytes, four at a step. */
export function equalViews(
  left: DataView,
  leftOffset: number,
  right: DataView,
  rightOffset: number,
  length: number,
): boolean {
  let at = 0;
  for (const end = length - 3; at < end; at += 4) {
    if (left.getInt32(leftOffset + at, true) !== right.getInt32(rightOffset + at, true)) return false;
  }
  for (; at < length; at++)
    if (left.getUint8(leftOffset + at) !== right.getUint8(rightOffset + at)) return false;
  return true;
}

/** A new array with the bytes of a range. (`slice` of a Buffer would be a view, unlike that of other arrays.) */
export function sliceBytes(bytes: Uint8Array, offset: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(offset, offset + length));
}

/** A view of the same bytes as an array. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
  const common = Math.min(leftLength, rightLength);
  for (let at = 0; at < common; at++) {
    const difference = left[leftOffset + at] - right[rightOffset + at];
    if (difference !== 0) return difference;
  }
  return leftLength - rightLength;
}

/** Numbers without sign as records hold them, lowest byte first; they need not be aligned. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function readUint48(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) + (bytes[at + 4] | (bytes[at + 5] << 8)) * 0x100000000;
}

export function writeUint48(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, value);
  const upper = Math.floor(value / 0x100000000);
  bytes[at + 4] = upper;
  bytes[at + 5] = upper >>> 8;
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
