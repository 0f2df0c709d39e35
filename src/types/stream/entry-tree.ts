import { CountedTree } from '../pages/counted-tree.ts';
import { lengthBytes, readLength } from '../pages/length-code.ts';
import type { StreamId } from './id.ts';

/** Longest id in an item. */
const PLACE_BYTES_MAX = 17;
const HALF = 0x100000000;

/**
 * The entries of a stream in the order of their ids. An item is
 *
 *     length of what follows                                     (length-code.ts)
 *     place       the id, below
 *     fields × 2, + 1 if a node of Redis begins with the entry   (length-code.ts)
 *     content
 *
 * A place is the id less the stream's base, the time of the oldest entry: a byte with the lengths of the two numbers (upper
 * and lower 4 bits), milliseconds and sequence number, big-endian without leading zeros. Its order is that of ids, and it
 * does not depend on the leaf. A separator is a place.
 */
export class EntryTree extends CountedTree {
  /** The time that places count from. */
  baseHigh = 0;
  baseLow = 0;
  readonly #target = new Uint8Array(PLACE_BYTES_MAX);

  /** Moves to the entry with an id, or to where it belongs: see `seekKey`. */
  seek(id: StreamId): boolean {
    const isBefore = id.msHigh !== this.baseHigh ? id.msHigh < this.baseHigh : id.msLow < this.baseLow;
    if (isBefore) this.#target[0] = 0;
    else this.writePlace(this.#target, 0, id);
    return this.seekKey() && !isBefore;
  }

  /** Writes the place of an id that is not before the base; returns where it ends. */
  writePlace(bytes: Uint8Array, at: number, id: StreamId): number {
    const isBorrowing = id.msLow < this.baseLow;
    const low = (id.msLow - this.baseLow) >>> 0;
    const high = id.msHigh - this.baseHigh - (isBorrowing ? 1 : 0);
    let end = writeNumber(bytes, at + 1, high, low);
    const timeBytes = end - at - 1;
    end = writeNumber(bytes, end, id.sequenceHigh, id.sequenceLow);
    bytes[at] = (timeBytes << 4) | (end - at - 1 - timeBytes);
    return end;
  }

  /** Reads the id of the item under the cursor. */
  readId(id: StreamId): void {
    const { bytes } = this.leaf;
    let at = this.placeStart;
    const timeBytes = bytes[at] >>> 4;
    const sequenceBytes = bytes[at] & 15;
    at++;
    const low = readLow(bytes, at, timeBytes) + this.baseLow;
    id.msLow = low >>> 0;
    id.msHigh = (readHigh(bytes, at, timeBytes) + this.baseHigh + (low >= HALF ? 1 : 0)) >>> 0;
    at += timeBytes;
    id.sequenceLow = readLow(bytes, at, sequenceBytes);
    id.sequenceHigh = readHigh(bytes, at, sequenceBytes);
  }

  /** Where in `leaf.bytes` the place of the item under the cursor begins. */
  get placeStart(): number {
    const at = this.itemStart;
    return at + lengthBytes(readLength(this.leaf.bytes, at));
  }

  protected endOf(bytes: Uint8Array, at: number): number {
    const length = bytes[at];
    if (length < 0x80) return at + 1 + length;
    const long = readLength(bytes, at);
    return at + lengthBytes(long) + long;
  }

  protected compare(bytes: Uint8Array, at: number): number {
    return comparePlaces(
      bytes,
      bytes[at] < 0x80 ? at + 1 : at + lengthBytes(readLength(bytes, at)),
      this.#target,
    );
  }

  protected compareSeparator(bytes: Uint8Array, at: number): number {
    return comparePlaces(bytes, at, this.#target);
  }

  protected separatorOf(bytes: Uint8Array, at: number): Uint8Array {
    const start = at + lengthBytes(readLength(bytes, at));
    return bytes.slice(start, placeEnd(bytes, start));
  }
}

/** Where the place that begins at `at` ends. */
export function placeEnd(bytes: Uint8Array, at: number): number {
  return at + 1 + (bytes[at] >>> 4) + (bytes[at] & 15);
}

/** Order of the place at `at` against the one that `target` begins with. */
function comparePlaces(bytes: Uint8Array, at: number, target: Uint8Array): number {
  const lengths = bytes[at];
  const targetLengths = target[0];
  const timeBytes = lengths >>> 4;
  let difference = timeBytes - (targetLengths >>> 4);
  if (difference !== 0) return difference;
  for (let byte = 1; byte <= timeBytes; byte++) {
    difference = bytes[at + byte] - target[byte];
    if (difference !== 0) return difference;
  }
  const sequenceBytes = lengths & 15;
  difference = sequenceBytes - (targetLengths & 15);
  if (difference !== 0) return difference;
  const end = timeBytes + sequenceBytes;
  for (let byte = timeBytes + 1; byte <= end; byte++) {
    difference = bytes[at + byte] - target[byte];
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Writes an integer of two halves, big-endian without leading zeros; returns where it ends. */
function writeNumber(bytes: Uint8Array, at: number, high: number, low: number): number {
  const end = at + (high !== 0 ? 4 + byteCount(high) : byteCount(low));
  let rest = low;
  for (let byte = end - 1; byte >= at; byte--) {
    if (byte === end - 5) rest = high;
    bytes[byte] = rest;
    rest >>>= 8;
  }
  return end;
}

function byteCount(value: number): number {
  if (value < 0x100) return value === 0 ? 0 : 1;
  if (value < 0x10000) return 2;
  return value < 0x1000000 ? 3 : 4;
}

function readLow(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let byte = Math.max(0, length - 4); byte < length; byte++) value = (value << 8) | bytes[at + byte];
  return value >>> 0;
}

function readHigh(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let byte = 0; byte < length - 4; byte++) value = (value << 8) | bytes[at + byte];
  return value >>> 0;
}
