import { equalBytes } from '../../base/bytes.ts';
import type { Arguments } from '../../resp/arguments.ts';
import { lengthBytes, readLength, writeLength } from '../pages/length-code.ts';

/** Lists that a stream keeps; the names of further ones are in their entries. */
const LISTS_MAX = 63;
const LISTS_BYTES_MAX = 2048;

/**
 * Lists of field names that entries of a stream refer to by number, from 1 on: entries with the same fields do not repeat them.
 * A list is the bytes that follow, the number of names, and the length and bytes of each name (lengths by length-code.ts).
 */
export class FieldLists {
  count = 0;
  /** Where lists begin, in the bytes that were loaded. */
  readonly #starts = new Int32Array(LISTS_MAX + 1);
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  #start = 0;

  /** Takes the lists in a byte range, which the caller says again after it moved. */
  load(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    let count = 0;
    for (let at = start; at < end; ) {
      const length = readLength(bytes, at);
      at += lengthBytes(length);
      this.#starts[++count] = at;
      at += length;
    }
    this.count = count;
  }

  /** The names' bytes: from `startOf` a list on, their number comes first. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  startOf(list: number): number {
    return this.#starts[list];
  }

  /** Whether a further list of so many bytes has no room. */
  isFull(length: number): boolean {
    return this.count === LISTS_MAX || this.#end - this.#start + length > LISTS_BYTES_MAX;
  }

  /** Number of the list of the names that are every other argument from `at` on; 0 if there is none. */
  find(words: Arguments, at: number, fieldCount: number): number {
    for (let list = this.count; list > 0; list--) if (this.#matches(list, words, at, fieldCount)) return list;
    return 0;
  }

  #matches(list: number, words: Arguments, at: number, fieldCount: number): boolean {
    const bytes = this.#bytes;
    let from = this.#starts[list];
    if (readLength(bytes, from) !== fieldCount) return false;
    from += lengthBytes(fieldCount);
    for (let field = 0; field < fieldCount; field++) {
      const word = at + field * 2;
      const length = readLength(bytes, from);
      from += lengthBytes(length);
      if (length !== words.lengths[word]) return false;
      if (!equalBytes(bytes, from, words.buffer, words.offsets[word], length)) return false;
      from += length;
    }
    return true;
  }
}

/** Bytes of a list of the names that are every other argument from `at` on. */
export function listBytes(words: Arguments, at: number, fieldCount: number): number {
  const length = namesBytes(words, at, fieldCount);
  return lengthBytes(length) + length;
}

function namesBytes(words: Arguments, at: number, fieldCount: number): number {
  let bytes = lengthBytes(fieldCount);
  for (let field = 0; field < fieldCount; field++) {
    const length = words.lengths[at + field * 2];
    bytes += lengthBytes(length) + length;
  }
  return bytes;
}

/** Writes such a list. */
export function writeList(
  bytes: Uint8Array,
  start: number,
  words: Arguments,
  at: number,
  fieldCount: number,
): void {
  let to = writeLength(bytes, start, namesBytes(words, at, fieldCount));
  to = writeLength(bytes, to, fieldCount);
  for (let field = 0; field < fieldCount; field++) to = writeWord(bytes, to, words, at + field * 2);
}

/** Writes the length and the bytes of an argument; returns where they end. */
export function writeWord(bytes: Uint8Array, at: number, words: Arguments, word: number): number {
  const length = words.lengths[word];
  const to = writeLength(bytes, at, length);
  const offset = words.offsets[word];
  if (length <= 32) for (let byte = 0; byte < length; byte++) bytes[to + byte] = words.buffer[offset + byte];
  else bytes.set(words.buffer.subarray(offset, offset + length), to);
  return to + length;
}
