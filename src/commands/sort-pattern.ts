import { copyBytes, viewOf } from '../base/bytes.ts';
import type { Call } from '../command-table/call.ts';
import { READ } from '../keyspace/database.ts';
import { TYPE_HASH, TYPE_STRING } from '../keyspace/record.ts';
import { HashValue } from '../types/hash/hash.ts';
import { RecordBytes } from '../types/pages/record-bytes.ts';
import { copyString, isChunked } from './string-values.ts';

const HASH_SIGN = 35;
const STAR = 42;
const MINUS = 45;
const GREATER = 62;

const hash = new HashValue();
const string = new RecordBytes();
/** The name of the key that is looked up. */
let name = new Uint8Array(256);
let nameView = viewOf(name);

/**
 * What BY or GET of SORT names (sort.c, lookupKeyByPattern): the element itself by `#`; else, the element being put in place of
 * the first star, a key that holds a string, or before `->` one that holds a hash with the field that follows. Both are looked
 * for before the first zero byte, where a string ends in C. The value that was found last is told by `bytes`, `offset` and
 * `length` until the next look-up of any pattern.
 */
export class SortPattern {
  bytes: Uint8Array = name;
  offset = 0;
  length = 0;
  readonly #pattern: Uint8Array;
  readonly #isElement: boolean;
  readonly #star: number;
  /** Where the key's name ends, and where the field begins: -1 for a string. */
  readonly #nameEnd: number;
  readonly #field: number;

  /** The pattern's bytes are kept. */
  constructor(pattern: Uint8Array) {
    this.#pattern = pattern;
    const zero = pattern.indexOf(0);
    const text = zero < 0 ? pattern : pattern.subarray(0, zero);
    this.#isElement = text.length === 1 && text[0] === HASH_SIGN;
    this.#star = text.indexOf(STAR);
    let arrow = this.#star < 0 ? text.length : this.#star + 1;
    while (arrow < text.length && (text[arrow] !== MINUS || text[arrow + 1] !== GREATER)) arrow++;
    const hasField = arrow + 2 < text.length;
    this.#nameEnd = hasField ? arrow : pattern.length;
    this.#field = hasField ? arrow + 2 : -1;
  }

  /** There is a star: the pattern stands for other keys. */
  get hasStar(): boolean {
    return this.#star >= 0;
  }

  /** Looks up the value that an element, whose bytes are lent, stands for; false if there is none. */
  find(call: Call, element: Uint8Array, offset: number, length: number): boolean {
    if (this.#isElement) return this.#take(element, offset, length);
    if (this.#star < 0) return false;
    const { database } = call;
    const nameLength = this.#makeName(element, offset, length);
    if (!database.findViewed(name, nameView, 0, nameLength, READ)) return false;
    if (this.#field < 0) {
      if (database.entry.type !== TYPE_STRING) return false;
      if (isChunked(database)) {
        const copy = copyString(database);
        return this.#take(copy, 0, copy.length);
      }
      string.load(database);
      return this.#take(string.bytes, string.offset, string.length);
    }
    if (database.entry.type !== TYPE_HASH) return false;
    hash.open(database, false);
    const { keyspace } = call;
    if (!hash.find(this.#pattern, this.#field, this.#pattern.length - this.#field)) return false;
    if (hash.isExpired(keyspace.nowMs) && !keyspace.expiryPaused) return false;
    const { page } = hash;
    return this.#take(page.bytes, page.valueOffset, page.valueLength);
  }

  #take(bytes: Uint8Array, offset: number, length: number): true {
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    return true;
  }

  /** Puts the element in place of the star; returns the name's length. */
  #makeName(element: Uint8Array, offset: number, length: number): number {
    const star = this.#star;
    const after = this.#nameEnd - star - 1;
    const total = star + length + after;
    if (name.length < total) {
      name = new Uint8Array(total * 2);
      nameView = viewOf(name);
    }
    copyBytes(this.#pattern, 0, name, 0, star);
    copyBytes(element, offset, name, star, length);
    copyBytes(this.#pattern, star + 1, name, star + length, after);
    return total;
  }
}
