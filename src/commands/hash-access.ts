import type { Call } from '../command-table/call.ts';
import { READ, WRITE } from '../keyspace/database.ts';
import { NOTIFY_HASH } from '../keyspace/keyspace.ts';
import { TYPE_HASH } from '../keyspace/record.ts';
import { ENCODING_HASH_TABLE, ENCODING_LISTPACK } from '../types/hash/encoding.ts';
import { HashValue } from '../types/hash/hash.ts';
import { findOfType, storeEmpty } from './typed-keys.ts';

/** The hash of the command being run. */
export const hash = new HashValue();
let isThere = false;
let isWritable = false;

/** Looks the hash in argument 1 up and opens it; replies WRONGTYPE and returns null for another type. */
export function openHash(call: Call, isForWriting: boolean): 'found' | 'missing' | null {
  isThere = false;
  const found = findOfType(call, 1, TYPE_HASH, isForWriting ? WRITE : READ);
  if (found !== 'found') return found;
  hash.open(call.database, isForWriting);
  isThere = true;
  isWritable = isForWriting;
  return 'found';
}

/** Makes the hash that was looked up last if it is missing, or is gone since its last field expired; `changed` counts 1 then. */
export function createHash(call: Call): boolean {
  if (isThere) return false;
  storeEmpty(call, TYPE_HASH, ENCODING_LISTPACK, HashValue.emptyBytes);
  hash.open(call.database, true);
  isThere = true;
  isWritable = true;
  return true;
}

/**
 * Moves to the field in argument `at`. One whose time has come is removed, with the hash if it was its last one, as in Redis any
 * access to it does, and is as missing.
 */
export function findField(call: Call, at: number): boolean {
  const { buffer, offsets, lengths } = call.words;
  if (!isThere || !hash.find(buffer, offsets[at], lengths[at])) return false;
  const { keyspace } = call;
  if (hash.page.expireAt < 0 || !hash.isExpired(keyspace.nowMs) || keyspace.expiryPaused) return true;
  // While clients are paused only those that write all the same change anything.
  if (keyspace.removalsHeld && !isWritable) return false;
  expireField(call, at);
  return false;
}

function expireField(call: Call, at: number): void {
  const { database, words } = call;
  if (!isWritable) {
    call.find(1, 0);
    hash.open(database, true);
    isWritable = true;
  }
  hash.find(words.buffer, words.offsets[at], words.lengths[at]);
  hash.remove();
  hash.save();
  isThere = hash.count > 0;
  database.fieldsExpired([words.copy(at)], !isThere);
}

/** In place of an expiry: the field keeps the one that it has, if it is there. */
export const KEEP = -2;

/**
 * Gives the field in argument `at` a value, whose bytes must not lie in the hash, and an expiry: milliseconds, -1 for none, or
 * {@link KEEP}. Whether the field is new. The hash is open for writing.
 */
export function setField(
  call: Call,
  at: number,
  value: Uint8Array,
  valueOffset: number,
  valueLength: number,
  expireAt: number,
): boolean {
  const { buffer, offsets, lengths } = call.words;
  if (hash.find(buffer, offsets[at], lengths[at])) {
    hash.setValue(value, valueOffset, valueLength, expireAt === KEEP ? hash.page.expireAt : expireAt);
    return false;
  }
  hash.insert(buffer, offsets[at], lengths[at], value, valueOffset, valueLength, Math.max(-1, expireAt));
  if ((hash.encoding & ENCODING_HASH_TABLE) === 0) {
    const { values } = call.services.config;
    if (hash.count > values['hash-max-listpack-entries']) hash.becomeHashTable();
  }
  return true;
}

/** Makes the hash a hash table if so many fields, or an argument from `first` to `last`, is beyond the limits of a listpack. */
export function fitListpack(call: Call, fieldCount: number, first: number, last: number): void {
  if ((hash.encoding & ENCODING_HASH_TABLE) !== 0) return;
  const { lengths } = call.words;
  const { values } = call.services.config;
  let isTooLarge = fieldCount > values['hash-max-listpack-entries'];
  const lengthMax = values['hash-max-listpack-value'];
  for (let at = first; at <= last && !isTooLarge; at++) isTooLarge = lengths[at] > lengthMax;
  if (isTooLarge) hash.becomeHashTable();
}

/** Ends a command that set fields: `count` changes, of which one was counted if the hash is new. */
export function endSetting(call: Call, count: number, isNew: boolean, event: string): void {
  const { database } = call;
  hash.save();
  database.changed(isNew ? count - 1 : count);
  database.notify(NOTIFY_HASH, event);
}

/** Ends a command that removed `count` fields, at least one: tells the event, and removes the hash if it became empty. */
export function endRemoving(call: Call, count: number): void {
  const { database } = call;
  if (isThere) hash.save();
  const isEmpty = isThere && hash.count === 0;
  // The removal of the key counts as one of the changes.
  database.changed(isEmpty ? count - 1 : count);
  database.notify(NOTIFY_HASH, 'hdel');
  if (!isEmpty) return;
  isThere = false;
  database.delete();
}
