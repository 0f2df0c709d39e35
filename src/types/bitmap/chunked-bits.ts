import type { ChunkedString } from '../string/chunked-string.ts';
import { countBits, findBit } from './bits.ts';
import { type FieldValue, readField, writeField } from './field.ts';

/** The bytes that hold a field of 64 bits at any bit. */
const window = new Uint8Array(9);

/** As `countBits` for a string in chunks. Linear in the chunks of the range. */
export function countBitsInChunks(string: ChunkedString, first: number, last: number): number {
  if (first > last) return 0;
  const end = Math.floor(last / 8) + 1;
  let count = 0;
  for (let at = Math.floor(first / 8); at < end; ) {
    const length = string.part(at, end);
    if (string.stored > 0) {
      const start = at * 8;
      const lastStored = Math.min(last - start, string.stored * 8 - 1);
      count += countBits(string.bytes, string.offset, Math.max(0, first - start), lastStored);
    }
    at += length;
  }
  return count;
}

/** As `findBit` for a string in chunks. */
export function findBitInChunks(string: ChunkedString, first: number, last: number, bit: number): number {
  if (first > last) return -1;
  const end = Math.floor(last / 8) + 1;
  for (let at = Math.floor(first / 8); at < end; ) {
    const length = string.part(at, end);
    const start = at * 8;
    const from = Math.max(0, first - start);
    const storedBits = string.stored * 8;
    if (storedBits > 0) {
      const found = findBit(string.bytes, string.offset, from, Math.min(last - start, storedBits - 1), bit);
      if (found >= 0) return start + found;
    }
    const zeros = Math.max(from, storedBits);
    if (bit === 0 && zeros < length * 8 && start + zeros <= last) return start + zeros;
    at += length;
  }
  return -1;
}

/** As `readField` for a string in chunks. */
export function readFieldInChunks(
  string: ChunkedString,
  bit: number,
  width: number,
  isSigned: boolean,
): FieldValue {
  const length = loadWindow(string, bit, width);
  return readField(window, 0, length, bit & 7, width, isSigned);
}

/** As `writeField` for a string in chunks, which is open for writing. */
export function writeFieldInChunks(
  string: ChunkedString,
  bit: number,
  width: number,
  value: FieldValue,
): void {
  const length = loadWindow(string, bit, width);
  writeField(window, 0, bit & 7, width, value);
  string.write(Math.floor(bit / 8), window, 0, length);
}

/** Copies the bytes of a field; returns how many they are. */
function loadWindow(string: ChunkedString, bit: number, width: number): number {
  const length = ((bit & 7) + width + 7) >> 3;
  string.read(Math.floor(bit / 8), length, window, 0);
  return length;
}
