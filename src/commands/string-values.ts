import { copyBytes, equalBytes, sliceBytes } from '../base/bytes.ts';
import { addXxh3, beginXxh3, endXxh3, xxh3Hex } from '../base/xxh3.ts';
import type { Database } from '../keyspace/database.ts';
import { TYPE_STRING } from '../keyspace/record.ts';
import type { Encoder } from '../resp/encoder.ts';
import { PAGED } from '../types/pages/head.ts';
import {
  CHUNKED_HEAD_BYTES,
  ChunkedString,
  INLINE_BYTES_MAX,
  stringLength,
} from '../types/string/chunked-string.ts';
import { ENCODING_RAW, encodingOf } from '../types/string/encoding.ts';

/** What commands do with strings whether they are whole in their record or in chunks. */

const CHUNKED = ENCODING_RAW | PAGED;
const string = new ChunkedString();

/** Whether the string found last is in chunks. */
export function isChunked(database: Database): boolean {
  return (database.entry.encoding & PAGED) !== 0;
}

/** The string in chunks found last, to be read until the next string is opened. */
export function openChunks(database: Database): ChunkedString {
  string.open(database, false);
  return string;
}

/**
 * The string of the key that was looked up last, to be written in chunks: it is taken into them, or made if it is missing
 * (`found` as `findOfType` told), which is told as a change. Call `save` at the end.
 */
export function writeChunks(database: Database, found: 'found' | 'missing'): ChunkedString {
  if (found === 'missing') {
    database.store(TYPE_STRING, CHUNKED, CHUNKED_HEAD_BYTES, -1);
    string.create(database);
  } else if (isChunked(database)) {
    string.open(database, true);
  } else {
    string.adopt(database);
  }
  return string;
}

/** Whether the string of the key that was looked up last has to be in chunks once it is `length` bytes long. */
export function needsChunks(database: Database, found: 'found' | 'missing', length: number): boolean {
  return length > INLINE_BYTES_MAX || (found === 'found' && isChunked(database));
}

/** Sets the key that was looked up last to a string, whose bytes lie in no record. */
export function storeString(
  database: Database,
  bytes: Uint8Array,
  offset: number,
  length: number,
  expireAt: number,
): void {
  if (length > INLINE_BYTES_MAX) {
    database.overwrite(TYPE_STRING, CHUNKED, CHUNKED_HEAD_BYTES, expireAt);
    string.create(database);
    string.write(0, bytes, offset, length);
    string.extend(length);
    string.save();
    return;
  }
  const entry = database.overwrite(TYPE_STRING, encodingOf(bytes, offset, length), length, expireAt);
  copyBytes(bytes, offset, entry.bytes, entry.payloadOffset, length);
}

/** Replies `length` bytes of the string found last from `start` on, which are within it. */
export function replyRange(reply: Encoder, database: Database, start: number, length: number): void {
  const { entry } = database;
  if (!isChunked(database)) {
    reply.bulk(entry.bytes, entry.payloadOffset + start, length);
    return;
  }
  string.open(database, false);
  reply.beginBulk(length);
  string.tell(start, start + length, (bytes, offset, count) => reply.bulkPart(bytes, offset, count));
  reply.endBulk();
}

/** A copy of the string found last. */
export function copyString(database: Database): Uint8Array {
  const { entry } = database;
  if (!isChunked(database)) return sliceBytes(entry.bytes, entry.payloadOffset, entry.payloadLength);
  string.open(database, false);
  const copy = new Uint8Array(string.length);
  string.read(0, copy.length, copy, 0);
  return copy;
}

/** Whether the string found last has just these bytes. */
export function equalsString(database: Database, bytes: Uint8Array, offset: number, length: number): boolean {
  const { entry } = database;
  if (stringLength(entry) !== length) return false;
  if (!isChunked(database)) return equalBytes(entry.bytes, entry.payloadOffset, bytes, offset, length);
  string.open(database, false);
  let isSame = true;
  let at = offset;
  string.tell(0, length, (part, from, count) => {
    isSame = isSame && equalBytes(part, from, bytes, at, count);
    at += count;
  });
  return isSame;
}

/** The XXH3 digest of the string found last, as DIGEST replies it. */
export function digestOf(database: Database): string {
  const { entry } = database;
  if (!isChunked(database)) return xxh3Hex(entry.bytes, entry.payloadOffset, entry.payloadLength);
  string.open(database, false);
  beginXxh3();
  string.tell(0, string.length, addXxh3);
  return endXxh3();
}
