import { readUint48 } from '../../base/bytes.ts';
import { HashedPage, VARIABLE } from '../pages/hashed-page.ts';
import { PAGED, structureAt } from '../pages/head.ts';

/** Encodings of hashes as OBJECT ENCODING tells them: a listpack unless one of these bits says otherwise. */
export const ENCODING_LISTPACK = 0;
export const ENCODING_HASH_TABLE = 2;
/** A listpack that has had a field with an expiry. */
export const ENCODING_LISTPACK_EX = 4;
/** Beside each of them: a bit that says that a field expires now. */
export const FIELDS_EXPIRE = 1;

/** Structures of a head: the fields, and those that expire in the order of their times. */
export const STRUCTURE_COUNT = 2;
/** Where a head keeps the earliest expiry of a field, 6 bytes, 0 if none expires. */
const EARLIEST_AT = structureAt(0, STRUCTURE_COUNT);

const page = new HashedPage(VARIABLE);

/** The encoding's name. */
export function encodingName(encoding: number): string {
  if ((encoding & ENCODING_HASH_TABLE) !== 0) return 'hashtable';
  return (encoding & ENCODING_LISTPACK_EX) !== 0 ? 'listpackex' : 'listpack';
}

/** The earliest expiry of a field in milliseconds, or -1, of a hash by its record's payload. */
export function earliestFieldExpiry(
  encoding: number,
  payload: Uint8Array,
  offset: number,
  length: number,
): number {
  if ((encoding & FIELDS_EXPIRE) === 0) return -1;
  if ((encoding & PAGED) !== 0) return readUint48(payload, offset + EARLIEST_AT) || -1;
  page.reset(payload, offset, length);
  return earliestOf(page);
}

/** The earliest expiry of an element of a page from its cursor on, or -1. */
export function earliestOf(elements: HashedPage): number {
  let earliest = -1;
  while (elements.next()) {
    const { expireAt } = elements;
    if (expireAt >= 0 && (earliest < 0 || expireAt < earliest)) earliest = expireAt;
  }
  return earliest;
}
