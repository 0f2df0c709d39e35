/**
 * Counting and finding bits in a range of bytes. Bits are numbered as Redis does: bit 0 is the most significant one of
 * the first byte. Long ranges are taken 32 bits at a time.
 */

const WORD_BYTES = 4;
/** Shorter ranges are not worth a view of words. */
const WORDWISE_BYTES_MIN = 64;
/** Words whose bytes' counts, at most 8 each, add up within a byte. */
const WORDS_PER_SUM = 31;

/** Bits set in each byte. */
const BYTE_COUNTS = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte.toString(2).replaceAll('0', '').length,
);

/** How many of the bits from `first` to `last`, both counted from byte `offset` on and both included, are set. */
export function countBits(bytes: Uint8Array, offset: number, first: number, last: number): number {
  if (first > last) return 0;
  const firstByte = offset + Math.floor(first / 8);
  const lastByte = offset + Math.floor(last / 8);
  const firstMask = 0xff >> (first & 7);
  const lastMask = (0xff << (7 - (last & 7))) & 0xff;
  if (firstByte === lastByte) return BYTE_COUNTS[bytes[firstByte] & firstMask & lastMask];
  return (
    BYTE_COUNTS[bytes[firstByte] & firstMask] +
    countBytes(bytes, firstByte + 1, lastByte) +
    BYTE_COUNTS[bytes[lastByte] & lastMask]
  );
}

/** Bits set in the bytes from `from` up to but without `to`. */
function countBytes(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  let at = from;
  if (to - from >= WORDWISE_BYTES_MIN) {
    while (((bytes.byteOffset + at) & (WORD_BYTES - 1)) !== 0) count += BYTE_COUNTS[bytes[at++]];
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, Math.floor((to - at) / WORD_BYTES));
    count += countWords(words);
    at += words.length * WORD_BYTES;
  }
  while (at < to) count += BYTE_COUNTS[bytes[at++]];
  return count;
}

/** Bits set in all words: counts per two bits, per four, per byte, then the bytes of several words added at once. */
function countWords(words: Int32Array): number {
  let count = 0;
  for (let at = 0; at < words.length; ) {
    const end = Math.min(at + WORDS_PER_SUM, words.length);
    let sums = 0;
    for (; at < end; at++) {
      let word = words[at];
      word = (word - ((word >>> 1) & 0x55555555)) | 0;
      word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
      sums = (sums + ((word + (word >>> 4)) & 0x0f0f0f0f)) | 0;
    }
    count += (sums & 0xff) + ((sums >>> 8) & 0xff) + ((sums >>> 16) & 0xff) + (sums >>> 24);
  }
  return count;
}

/** The first of the bits from `first` to `last`, counted from byte `offset` on, that is `bit`; -1 if there is none. */
export function findBit(bytes: Uint8Array, offset: number, first: number, last: number, bit: number): number {
  if (first > last) return -1;
  const firstByte = offset + Math.floor(first / 8);
  const lastByte = offset + Math.floor(last / 8);
  /** What a byte without the bit looks like. */
  const skipped = bit === 1 ? 0 : 0xff;
  const lastMask = (0xff << (7 - (last & 7))) & 0xff;
  let at = firstByte;
  let found = (bytes[at] ^ skipped) & (0xff >> (first & 7));
  if (at < lastByte && found === 0) {
    at = skipBytes(bytes, at + 1, lastByte, skipped);
    found = bytes[at] ^ skipped;
  }
  if (at === lastByte) found &= lastMask;
  return found === 0 ? -1 : (at - offset) * 8 + Math.clz32(found) - 24;
}

/** The first byte from `from` on that is not `skipped` (0 or 0xff), or `to`. */
function skipBytes(bytes: Uint8Array, from: number, to: number, skipped: number): number {
  let at = from;
  if (to - from >= WORDWISE_BYTES_MIN) {
    for (; ((bytes.byteOffset + at) & (WORD_BYTES - 1)) !== 0; at++) if (bytes[at] !== skipped) return at;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, Math.floor((to - at) / WORD_BYTES));
    const skippedWord = skipped === 0 ? 0 : -1;
    let word = 0;
    while (word < words.length && words[word] === skippedWord) word++;
    at += word * WORD_BYTES;
  }
  while (at < to && bytes[at] === skipped) at++;
  return at;
}
