import { copyBytes, equalBytes, readUint48, writeUint48 } from '../../base/bytes.ts';
import { lengthBytes, readLength, writeLength } from './length-code.ts';
import type { RecordBytes } from './record-bytes.ts';

/** Values of their own length, with an expiry where they have one, as fields of a hash. */
export const VARIABLE = -1;
/** Bytes before the first element. */
export const PAGE_HEAD_BYTES = 2;
const EXPIRY_BYTES = 6;

/**
 * A page of elements, which are found by scanning: docs/formats/pages.md. The page begins with a count (2 bytes); an element is
 *
 *     tag       1 byte of its key's hash: nearly all others are passed over by it
 *     key's length                                 (length-code.ts)
 *     value's length × 2, + 1 if it expires        if values are of variable length
 *     expiry    6 bytes, milliseconds since 1970   if it expires
 *     key, value
 *
 * One object is a cursor: it holds the page it was set to and what is known of the element found last. Offsets are into
 * `bytes`.
 */
export class HashedPage {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  elementStart = 0;
  elementEnd = 0;
  tag = 0;
  keyOffset = 0;
  keyLength = 0;
  valueOffset = 0;
  valueLength = 0;
  /** Milliseconds since 1970, or -1. */
  expireAt = -1;
  readonly #valueWidth: number;

  /** `valueWidth` is how many bytes each value has, 0 for none, or {@link VARIABLE}. */
  constructor(valueWidth: number) {
    this.#valueWidth = valueWidth;
  }

  get count(): number {
    return this.bytes[this.start] | (this.bytes[this.start + 1] << 8);
  }

  set count(count: number) {
    this.bytes[this.start] = count;
    this.bytes[this.start + 1] = count >>> 8;
  }

  /** Takes the page in a byte range; the cursor is before its first element. */
  reset(bytes: Uint8Array, offset: number, length: number): void {
    this.bytes = bytes;
    this.start = offset;
    this.end = offset + length;
    this.elementEnd = offset + PAGE_HEAD_BYTES;
  }

  /** Moves to the next element; false at the end. */
  next(): boolean {
    const at = this.elementEnd;
    if (at >= this.end) return false;
    this.#read(at);
    return true;
  }

  /** Moves to the element with a key; false if there is none. */
  find(tag: number, key: Uint8Array, keyOffset: number, keyLength: number): boolean {
    const { bytes, end } = this;
    const isVariable = this.#valueWidth < 0;
    let at = this.start + PAGE_HEAD_BYTES;
    while (at < end) {
      let next = at + 1;
      let length = bytes[next++];
      if (length >= 0x80) {
        length = readLength(bytes, at + 1);
        next = at + 1 + lengthBytes(length);
      }
      let valueLength = this.#valueWidth;
      if (isVariable) {
        let code = bytes[next];
        if (code >= 0x80) {
          code = readLength(bytes, next);
          next += lengthBytes(code);
        } else next++;
        if ((code & 1) !== 0) next += EXPIRY_BYTES;
        valueLength = code >>> 1;
      }
      if (length === keyLength && bytes[at] === tag && equalBytes(bytes, next, key, keyOffset, length)) {
        this.#read(at);
        return true;
      }
      at = next + length + valueLength;
    }
    return false;
  }

  /** Moves to the element with a number from 0 on, below the count. */
  seek(number: number): void {
    this.elementEnd = this.start + PAGE_HEAD_BYTES;
    for (let at = 0; at <= number; at++) this.next();
  }

  #read(at: number): void {
    const { bytes } = this;
    this.elementStart = at;
    this.tag = bytes[at++];
    const keyLength = readLength(bytes, at);
    at += lengthBytes(keyLength);
    let valueLength = this.#valueWidth;
    this.expireAt = -1;
    if (valueLength < 0) {
      const code = readLength(bytes, at);
      at += lengthBytes(code);
      valueLength = code >>> 1;
      if ((code & 1) !== 0) {
        this.expireAt = readUint48(bytes, at);
        at += EXPIRY_BYTES;
      }
    }
    this.keyOffset = at;
    this.keyLength = keyLength;
    this.valueOffset = at + keyLength;
    this.valueLength = valueLength;
    this.elementEnd = this.valueOffset + valueLength;
  }

  /** Bytes that an element takes. */
  elementBytes(keyLength: number, valueLength: number, expireAt: number): number {
    const head = 1 + lengthBytes(keyLength) + keyLength + valueLength;
    if (this.#valueWidth >= 0) return head;
    return expireAt < 0
      ? head + lengthBytes(valueLength * 2)
      : head + lengthBytes(valueLength * 2 + 1) + EXPIRY_BYTES;
  }

  /** Writes an element from `at` on, whose value's bytes are left as they are; returns where the value belongs. */
  writeHead(
    bytes: Uint8Array,
    at: number,
    tag: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    valueLength: number,
    expireAt: number,
  ): number {
    bytes[at++] = tag;
    at = writeLength(bytes, at, keyLength);
    if (this.#valueWidth < 0) {
      at = writeLength(bytes, at, valueLength * 2 + (expireAt < 0 ? 0 : 1));
      if (expireAt >= 0) {
        writeUint48(bytes, at, expireAt);
        at += EXPIRY_BYTES;
      }
    }
    copyBytes(key, keyOffset, bytes, at, keyLength);
    return at + keyLength;
  }

  /** Takes the page in a record that was made longer by one element at its end, and writes and counts that. */
  append(
    record: RecordBytes,
    size: number,
    tag: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    value: Uint8Array,
    valueOffset: number,
    valueLength: number,
    expireAt: number,
  ): void {
    this.reset(record.bytes, record.offset, record.length);
    const { bytes } = this;
    const at = this.writeHead(bytes, this.end - size, tag, key, keyOffset, keyLength, valueLength, expireAt);
    copyBytes(value, valueOffset, bytes, at, valueLength);
    this.count++;
  }

  /**
   * Gives the element under the cursor, in the record that holds the page, a value of another length or expiry; its bytes are
   * undefined then, at `valueOffset`.
   */
  resizeValue(record: RecordBytes, valueLength: number, expireAt: number): void {
    const { keyLength } = this;
    const at = this.elementStart - this.start;
    const before = this.elementEnd - this.elementStart;
    const after = this.elementBytes(keyLength, valueLength, expireAt);
    const headBefore = this.keyOffset - this.elementStart;
    const headAfter = after - keyLength - valueLength;
    if (after === before && headAfter === headBefore) {
      record.write();
    } else {
      // The key moves with its head's length: made room for first, or given up last.
      record.splice(at + before, 0, Math.max(0, after - before));
      const element = record.offset + at;
      record.bytes.copyWithin(element + headAfter, element + headBefore, element + headBefore + keyLength);
      if (after < before) record.splice(at + after, before - after, 0);
    }
    const { bytes } = record;
    const element = record.offset + at;
    this.writeHead(
      bytes,
      element,
      bytes[element],
      bytes,
      element + headAfter,
      keyLength,
      valueLength,
      expireAt,
    );
    this.reset(bytes, record.offset, record.length);
    this.#read(element);
  }

  /** Removes the element under the cursor from the record that holds the page; the cursor is before the next one then. */
  remove(record: RecordBytes): void {
    const at = this.elementStart - this.start;
    record.splice(at, this.elementEnd - this.elementStart, 0);
    this.reset(record.bytes, record.offset, record.length);
    this.count--;
    this.elementEnd = this.start + at;
  }
}
