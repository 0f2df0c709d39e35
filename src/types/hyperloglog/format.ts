import { readUint32, writeUint32 } from '../../base/bytes.ts';

import { INDEX_BITS } from './hash.ts';

/**
 * HyperLogLog as Redis keeps it in a string (hyperloglog.c), so that values move between both byte for byte.
 *
 * A HyperLogLog (Flajolet, Fusy, Gandouet, Meunier: "HyperLogLog: the analysis of a near-optimal cardinality estimation
 * algorithm") is 16,384 registers. An element's hash chooses one, which keeps the longest run of zeros that the rest of
 * the hash of any of its elements began with. From the registers the number of different elements is estimated with a
 * standard error of 0.81 %.
 *
 *     "HYLL"  encoding (1 byte)  zeros (3)  cardinality (8 bytes, little-endian)  registers
 *
 * The cardinality is the last estimate; its highest bit says that the registers changed since. In the dense encoding
 * (0) the registers are 6 bits each, from the least significant bit of the first byte on. In the sparse one (1) they are
 * runs, of which see sparse.ts. A value begins sparse and becomes dense when it grows beyond `hll-sparse-max-bytes` or a
 * register beyond what a run can hold; it never goes back.
 */
export const HEADER_BYTES = 16;
export const REGISTER_COUNT = 1 << INDEX_BITS;
export const REGISTER_MASK = REGISTER_COUNT - 1;
export const DENSE_BYTES = HEADER_BYTES + (REGISTER_COUNT * 6) / 8;
export const DENSE = 0;
export const SPARSE = 1;

const MAGIC = 0x4c4c5948;
const ENCODING_AT = 4;
const CARDINALITY_AT = 8;
/** The last byte of the cardinality, whose highest bit says that it is stale. */
const STALE_AT = 15;
const STALE = 0x80;

/** Whether the bytes are a HyperLogLog as far as its header and length tell (isHLLObjectOrReply). */
export function isHyperLogLog(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < HEADER_BYTES || readUint32(bytes, offset) !== MAGIC) return false;
  const encoding = encodingAt(bytes, offset);
  return encoding === SPARSE || (encoding === DENSE && length === DENSE_BYTES);
}

export function encodingAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset + ENCODING_AT];
}

export function setEncoding(bytes: Uint8Array, offset: number, encoding: number): void {
  bytes[offset + ENCODING_AT] = encoding;
}

/** Writes the header of a HyperLogLog without elements, whose cardinality is known: 0. */
export function writeHeader(bytes: Uint8Array, offset: number, encoding: number): void {
  bytes.fill(0, offset, offset + HEADER_BYTES);
  writeUint32(bytes, offset, MAGIC);
  setEncoding(bytes, offset, encoding);
}

/** Whether the registers changed since the cardinality was estimated. */
export function isStale(bytes: Uint8Array, offset: number): boolean {
  return (bytes[offset + STALE_AT] & STALE) !== 0;
}

/** Notes that the registers changed. */
export function setStale(bytes: Uint8Array, offset: number): void {
  bytes[offset + STALE_AT] |= STALE;
}

/** The estimate in the header, rounded where it is beyond 2^53. */
export function cardinalityAt(bytes: Uint8Array, offset: number): number {
  return (
    readUint32(bytes, offset + CARDINALITY_AT + 4) * 2 ** 32 + readUint32(bytes, offset + CARDINALITY_AT)
  );
}

/** Puts an estimate into the header. */
export function setCardinality(bytes: Uint8Array, offset: number, cardinality: number): void {
  writeUint32(bytes, offset + CARDINALITY_AT, cardinality % 2 ** 32);
  writeUint32(bytes, offset + CARDINALITY_AT + 4, Math.floor(cardinality / 2 ** 32));
}
