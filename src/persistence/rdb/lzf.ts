import { RdbError } from './rdb-error.ts';

/**
 * The LZF format of Marc Lehmann's liblzf, in which Redis compresses strings. A control byte begins each part:
 *
 * - `000LLLLL`: L + 1 literal bytes follow;
 * - `LLLooooo oooooooo` (L from 1 to 6): copy L + 2 bytes from o + 1 bytes back;
 * - `111ooooo LLLLLLLL oooooooo`: copy L + 9 bytes from o + 1 bytes back.
 */
const LITERALS_MAX = 32;
const DISTANCE_MAX = 1 << 13;
const COPY_MIN = 3;
const COPY_MAX = 264;
/** Longest copy in the two-byte form. */
const SHORT_COPY_MAX = 8;

const HASH_BITS = 14;
/** Positions by hash of three bytes, counted over all calls: what an earlier call left lies below `base`. */
const positions = new Int32Array(1 << HASH_BITS);
let base = 1;

/**
 * Compresses a range into `target` and returns the bytes written, or 0 if they would be more than `capacity`.
 * `target` holds at least `capacity` bytes.
 */
export function compressLzf(
  source: Uint8Array,
  offset: number,
  length: number,
  target: Uint8Array,
  capacity: number,
): number {
  if (base > 2 ** 31 - 1 - length) {
    positions.fill(0);
    base = 1;
  }
  const shift = base - offset;
  const end = offset + length;
  const lastTriple = end - COPY_MIN;
  let written = 0;
  let literals = offset;
  let at = offset;
  while (at <= lastTriple) {
    const hash = hashTriple(source, at);
    const candidate = positions[hash] - shift;
    positions[hash] = at + shift;
    const distance = at - candidate;
    if (
      candidate < offset ||
      distance > DISTANCE_MAX ||
      source[candidate] !== source[at] ||
      source[candidate + 1] !== source[at + 1] ||
      source[candidate + 2] !== source[at + 2]
    ) {
      at++;
      continue;
    }
    const lengthMax = Math.min(end - at, COPY_MAX);
    let copied = COPY_MIN;
    while (copied < lengthMax && source[candidate + copied] === source[at + copied]) copied++;
    written = writeLiterals(source, literals, at, target, written, capacity);
    if (written < 0 || written + 3 > capacity) {
      base += length;
      return 0;
    }
    const back = distance - 1;
    if (copied <= SHORT_COPY_MAX) {
      target[written++] = ((copied - 2) << 5) | (back >> 8);
    } else {
      target[written++] = 0xe0 | (back >> 8);
      target[written++] = copied - 9;
    }
    target[written++] = back & 0xff;
    at += copied;
    literals = at;
    // The copy's last positions are the likely beginnings of the next one.
    for (let position = at - 2; position < at && position <= lastTriple; position++) {
      positions[hashTriple(source, position)] = position + shift;
    }
  }
  base += length;
  written = writeLiterals(source, literals, end, target, written, capacity);
  return Math.max(written, 0);
}

function hashTriple(bytes: Uint8Array, at: number): number {
  const triple = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
  return Math.imul(triple, 0x9e3779b1) >>> (32 - HASH_BITS);
}

/** Writes a run of literals and returns where it ended, or -1 if there is no room. */
function writeLiterals(
  source: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  written: number,
  capacity: number,
): number {
  const count = to - from;
  if (written + count + Math.ceil(count / LITERALS_MAX) > capacity) return -1;
  for (let at = from; at < to; ) {
    const runEnd = Math.min(at + LITERALS_MAX, to);
    target[written++] = runEnd - at - 1;
    while (at < runEnd) target[written++] = source[at++];
  }
  return written;
}

/**
 * How many bytes a compressed range decompresses to, found without decompressing it, so that no hostile length is
 * believed. Throws {@link RdbError} if a part is cut short or copies from before the beginning.
 */
export function decompressedLength(source: Uint8Array, offset: number, length: number): number {
  const end = offset + length;
  let total = 0;
  let at = offset;
  while (at < end) {
    const control = source[at++];
    if (control < LITERALS_MAX) {
      at += control + 1;
      total += control + 1;
    } else {
      let copied = control >> 5;
      if (copied === 7 && at < end) copied += source[at++];
      if (at < end && ((control & 0x1f) << 8) + source[at] + 1 > total) {
        throw new RdbError('LZF data copies from before its beginning');
      }
      at++;
      total += copied + 2;
    }
  }
  if (at !== end) throw new RdbError('LZF data is cut short');
  return total;
}

/** Decompresses a range that {@link decompressedLength} has accepted into `target`, which has room for that length. */
export function decompressLzf(source: Uint8Array, offset: number, length: number, target: Uint8Array): void {
  const end = offset + length;
  let written = 0;
  let at = offset;
  while (at < end) {
    const control = source[at++];
    if (control < LITERALS_MAX) {
      for (const runEnd = at + control + 1; at < runEnd; ) target[written++] = source[at++];
    } else {
      let copied = (control >> 5) + 2;
      if (copied === 9) copied += source[at++];
      let from = written - ((control & 0x1f) << 8) - source[at++] - 1;
      // A copy may overlap what it writes: that is how a run is stored.
      for (const copyEnd = written + copied; written < copyEnd; ) target[written++] = target[from++];
    }
  }
}
