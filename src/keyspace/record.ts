import { ACCESS_MASK } from '../heat/access.ts';
import { REFERENCES_MASK } from '../heat/references.ts';
import { type Arena, SEGMENT_MASK, segmentOf } from '../memory/arena.ts';
import { earliestFieldExpiry, FIELDS_EXPIRE } from '../types/hash/encoding.ts';

/**
 * The layout of a record in the arena, in 32-bit little-endian words:
 *
 *     word 0   type (4 bits), encoding (4), flags (8), key length (16; 0xffff: see the long-key word)
 *     word 1   access history (24 bits, see heat/access.ts), epoch (1),
 *              references (2, see heat/references.ts), 0 (5)
 *     word 2   payload length in bytes
 *     + 2      expiry, lower and upper half of milliseconds since the epoch      if flag EXPIRES
 *     + 2      place of the still valid cold copy, as in a cold slot's words     if flag WARM
 *     + 1      key length                                                        if flag LONG_KEY
 *     key, payload
 *
 * A cold record holds the same words, so that demoting and promoting are copies.
 */
export const HEADER_BYTES = 12;

export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_SORTED_SET = 3;
export const TYPE_HASH = 4;
export const TYPE_STREAM = 6;
/** Not a value of a key but a page of one (types/pages/head.ts). */
export const TYPE_PAGE = 14;

/** Names as TYPE replies them, by type. */
export const TYPE_NAMES: readonly string[] = ['string', 'list', 'set', 'zset', 'hash', 'module', 'stream'];

/** Bit of word 1: which side of the last checkpoint's cut the record was changed on (keyspace/record-keeper.ts). */
export const EPOCH = 1 << 24;

export const EXPIRES = 1;
export const WARM = 2;
export const LONG_KEY = 4;
const EXTRA_FLAGS = EXPIRES | WARM | LONG_KEY;
export const FLAGS_SHIFT = 8;
export const KEY_LENGTH_SHIFT = 16;
export const SHORT_KEY_MAX = 0xfffe;

/** Bytes of the optional words, by the flags that call for them. */
const extraBytes = [0, 8, 8, 16, 4, 12, 12, 20];

/** Bytes before the key, by flags. */
export function headerBytes(flags: number): number {
  return HEADER_BYTES + extraBytes[flags & EXTRA_FLAGS];
}

/** Word 0. */
export function recordWord(type: number, encoding: number, flags: number, keyLength: number): number {
  const length = keyLength > SHORT_KEY_MAX ? 0xffff : keyLength;
  return type | (encoding << 4) | (flags << FLAGS_SHIFT) | (length << KEY_LENGTH_SHIFT);
}

/** An expiry's two words read as milliseconds. */
export function expiryOf(lower: number, upper: number): number {
  return upper * 0x100000000 + (lower >>> 0);
}

/**
 * Where a key's record is and what its header says. The database fills one and hands it out: it holds until the next
 * call on any database. `bytes` is the arena segment for a hot record, else the cold store's scratch: the payload may
 * be written only after the database made the record hot.
 */
export class Entry {
  bytes: Uint8Array = new Uint8Array(0);
  /** The same memory as words, for a hot record. */
  words: Int32Array = new Int32Array(0);
  /** The same memory under a view, for a hot record. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Index in `words` of the record's first word. */
  word = 0;
  hot = true;
  /** Arena address of a hot record. */
  address = 0;
  type = 0;
  encoding = 0;
  flags = 0;
  access = 0;
  /** Milliseconds since the epoch, or -1. */
  expireAt = -1;
  keyOffset = 0;
  keyLength = 0;
  payloadOffset = 0;
  payloadLength = 0;

  /** Tells of a cold record that can't be read, of which only the key's length is known. */
  forget(keyLength: number): void {
    this.hot = false;
    this.type = 0;
    this.encoding = 0;
    this.flags = 0;
    this.access = 0;
    this.expireAt = -1;
    this.keyLength = keyLength;
    this.payloadLength = 0;
  }

  /** Takes the record at an address. */
  readHot(arena: Arena, address: number): void {
    const segment = segmentOf(address);
    const words = arena.words[segment];
    const word = (address & SEGMENT_MASK) << 1;
    const head = words[word];
    const flags = (head >>> FLAGS_SHIFT) & 0xff;
    this.bytes = arena.bytes[segment];
    this.words = words;
    this.view = arena.views[segment];
    this.word = word;
    this.hot = true;
    this.address = address;
    this.type = head & 15;
    this.encoding = (head >>> 4) & 15;
    this.flags = flags;
    this.access = words[word + 1] & (ACCESS_MASK | REFERENCES_MASK);
    this.payloadLength = words[word + 2];
    this.expireAt = (flags & EXPIRES) !== 0 ? expiryOf(words[word + 3], words[word + 4]) : -1;
    const start = word * 4 + ((flags & 7) === 0 ? HEADER_BYTES : headerBytes(flags));
    const length = (flags & LONG_KEY) !== 0 ? words[(start >>> 2) - 1] : head >>> KEY_LENGTH_SHIFT;
    this.keyOffset = start;
    this.keyLength = length;
    this.payloadOffset = start + length;
  }
}

/** Whether fields of a record of this type and encoding expire. */
export function fieldsExpire(type: number, encoding: number): boolean {
  return type === TYPE_HASH && (encoding & FIELDS_EXPIRE) !== 0;
}

/** The earliest time, in milliseconds, at which the key of a record or a field of it expires, or -1. */
export function dueAt(entry: Entry): number {
  const { type, encoding, expireAt } = entry;
  if (!fieldsExpire(type, encoding)) return expireAt;
  const field = earliestFieldExpiry(encoding, entry.bytes, entry.payloadOffset, entry.payloadLength);
  return expireAt >= 0 && (field < 0 || expireAt < field) ? expireAt : field;
}

/** Writes the header of the record at an address, of the present epoch; `upper` and `lower` are its cold copy's place, if it is warm. */
export function writeHeader(
  { arena, epoch }: { readonly arena: Arena; readonly epoch: number },
  address: number,
  type: number,
  encoding: number,
  flags: number,
  access: number,
  keyLength: number,
  payloadLength: number,
  expireAt: number,
  upper: number,
  lower: number,
): void {
  const words = arena.words[segmentOf(address)];
  let word = (address & SEGMENT_MASK) << 1;
  words[word] = recordWord(type, encoding, flags, keyLength);
  words[word + 1] = access | epoch;
  words[word + 2] = payloadLength;
  word += 3;
  if ((flags & EXPIRES) !== 0) {
    words[word] = expireAt | 0;
    words[word + 1] = Math.floor(expireAt / 0x100000000);
    word += 2;
  }
  if ((flags & WARM) !== 0) {
    words[word] = lower;
    words[word + 1] = upper;
    word += 2;
  }
  if ((flags & LONG_KEY) !== 0) words[word] = keyLength;
}

/**
 * Writes the header of a record at an address that has the name and the value of the record loaded into `entry`, with other
 * flags, expiry and place of a cold copy: see {@link writeHeader}.
 */
export function writeHeaderOf(
  keyspace: { readonly arena: Arena; readonly epoch: number },
  entry: Entry,
  address: number,
  flags: number,
  expireAt: number,
  upper: number,
  lower: number,
): void {
  const { type, encoding, access, keyLength, payloadLength } = entry;
  writeHeader(
    keyspace,
    address,
    type,
    encoding,
    flags,
    access,
    keyLength,
    payloadLength,
    expireAt,
    upper,
    lower,
  );
}
