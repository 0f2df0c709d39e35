import { constants } from 'node:buffer';
import { copyBytes, copyShort, SHORT_BYTES_MAX, viewOf } from '../base/bytes.ts';
import { formatDouble } from '../base/numbers.ts';
import { ReplyError } from './reply.ts';

const BUFFER_BYTES_INITIAL = 16 * 1024;
/** No buffer can be longer. */
export const REPLY_BYTES_MAX = constants.MAX_LENGTH;
const REPLY_TOO_LONG = 'ERR the reply is longer than a buffer can be';
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;

/** The reply is longer than {@link Encoder.lengthMax} allows. */
export class ReplyLimitError extends Error {
  override name = 'ReplyLimitError';
}

/** Bytes ready to be copied into a reply. */
function encoded(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

const OK = encoded('+OK\r\n');
const NULL_RESP2 = encoded('$-1\r\n');
const NULL_ARRAY_RESP2 = encoded('*-1\r\n');
const NULL_RESP3 = encoded('_\r\n');
const TRUE = encoded('#t\r\n');
const FALSE = encoded('#f\r\n');

/**
 * Writes replies into one growing buffer: RESP2 or RESP3 by `protocol`. All replies of a batch of commands go into it,
 * and the connection sends them in one write.
 */
export class Encoder {
  /** What was written is `buffer[0 … length)`; the buffer is replaced when it grows. */
  buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_INITIAL);
  #view: DataView = viewOf(this.buffer);
  length = 0;
  /** 2 or 3, as the client chose by HELLO. */
  protocol = 2;
  /** Errors written since the start, so that the caller can tell whether a command failed. */
  errorCount = 0;
  /** The buffer is not made larger than this: what would need that throws {@link ReplyLimitError}. */
  lengthMax = REPLY_BYTES_MAX;
  /** The last error's text without the dash. */
  lastError = '';

  /** Gives the buffer away, to a socket that has not sent it whole, and goes on with a fresh one. */
  release(): Buffer {
    const full = this.buffer;
    this.buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_INITIAL);
    this.#view = viewOf(this.buffer);
    this.length = 0;
    return full;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count > this.buffer.length) this.#grow(count);
  }

  ok(): void {
    this.raw(OK);
  }

  /** Bytes that are a reply already. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    copyBytes(bytes, 0, this.buffer, this.length, bytes.length);
    this.length += bytes.length;
  }

  /** A simple string, of characters below 256 without line ends. */
  simple(text: string): void {
    this.#line(43, text);
  }

  /** An error: its code and text without the dash. Line ends in it become spaces. */
  error(text: string): void {
    this.errorCount++;
    this.lastError = text;
    this.#line(45, /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, ' ') : text);
  }

  /** An integer within ±2^53. */
  integer(value: number): void {
    this.#header(58, value);
  }

  /** A 64-bit integer. */
  bigInteger(value: bigint): void {
    this.#line(58, value.toString());
  }

  bulk(bytes: Uint8Array, offset: number, length: number): void {
    this.reserve(length + 24);
    this.#header(36, length);
    copyBytes(bytes, offset, this.buffer, this.length, length);
    this.length += length;
    this.#lineEnd();
  }

  /** Begins a bulk string of `length` bytes, which {@link bulkPart} then writes and {@link endBulk} ends. */
  beginBulk(length: number): void {
    this.reserve(length + 24);
    this.#header(36, length);
  }

  /** The next bytes of the bulk string that was begun. */
  bulkPart(bytes: Uint8Array, offset: number, length: number): void {
    copyBytes(bytes, offset, this.buffer, this.length, length);
    this.length += length;
  }

  endBulk(): void {
    this.#lineEnd();
  }

  /** As {@link bulk} for bytes that a view shows too, at the same offset: quicker for short ones. */
  bulkViewed(bytes: Uint8Array, view: DataView, offset: number, length: number): void {
    if (length > SHORT_BYTES_MAX) {
      this.bulk(bytes, offset, length);
      return;
    }
    this.reserve(length + 24);
    this.#header(36, length);
    copyShort(view, offset, this.#view, this.length, length);
    this.length += length;
    this.#lineEnd();
  }

  /** A bulk string of characters below 256. */
  bulkText(text: string): void {
    this.reserve(text.length + 24);
    this.#header(36, text.length);
    this.#text(text);
    this.#lineEnd();
  }

  /** A bulk string of any characters, in UTF-8. */
  bulkUtf8(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    this.bulk(bytes, 0, bytes.length);
  }

  /** An integer as a bulk string. */
  bulkInteger(value: number | bigint): void {
    this.bulkText(value.toString());
  }

  /** The null of the protocol in place of a bulk string. */
  null(): void {
    this.raw(this.protocol === 3 ? NULL_RESP3 : NULL_RESP2);
  }

  /** The null of the protocol in place of an array. */
  nullArray(): void {
    this.raw(this.protocol === 3 ? NULL_RESP3 : NULL_ARRAY_RESP2);
  }

  /** Head of an array of `count` elements, which the caller writes next. */
  array(count: number): void {
    this.#header(42, count);
  }

  /** Head of a map of `count` pairs; in RESP2 an array of twice as many elements. */
  map(count: number): void {
    if (this.protocol === 3) this.#header(37, count);
    else this.#header(42, count * 2);
  }

  /** Head of a set; in RESP2 an array. */
  set(count: number): void {
    this.#header(this.protocol === 3 ? 126 : 42, count);
  }

  /** Head of a push message; in RESP2 an array. */
  push(count: number): void {
    this.#header(this.protocol === 3 ? 62 : 42, count);
  }

  /** A double; in RESP2 a bulk string. */
  double(value: number): void {
    const text = formatDouble(value);
    if (this.protocol === 3) this.#line(44, text);
    else this.bulkText(text);
  }

  /** A boolean; in RESP2 the integers 1 and 0. */
  boolean(value: boolean): void {
    if (this.protocol === 3) this.raw(value ? TRUE : FALSE);
    else this.integer(value ? 1 : 0);
  }

  /** Text for people, with its format of three letters (`txt`, `mkd`); in RESP2 a bulk string. */
  verbatim(format: string, text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    if (this.protocol !== 3) {
      this.bulk(bytes, 0, bytes.length);
      return;
    }
    this.reserve(bytes.length + 28);
    this.#header(61, bytes.length + 4);
    this.#text(`${format}:`);
    copyBytes(bytes, 0, this.buffer, this.length, bytes.length);
    this.length += bytes.length;
    this.#lineEnd();
  }

  /**
   * Starts an aggregate whose size is not known yet, and returns a mark for {@link closeArray} (or closeMap, closeSet).
   */
  open(): number {
    return this.length;
  }

  /** Puts the head of an array of `count` elements before what was written since the mark. Linear in those bytes. */
  closeArray(mark: number, count: number): void {
    this.#close(mark, 42, count);
  }

  /** As {@link closeArray}, for a map of `count` pairs. */
  closeMap(mark: number, count: number): void {
    if (this.protocol === 3) this.#close(mark, 37, count);
    else this.#close(mark, 42, count * 2);
  }

  /** As {@link closeArray}, for a set. */
  closeSet(mark: number, count: number): void {
    this.#close(mark, this.protocol === 3 ? 126 : 42, count);
  }

  #close(mark: number, type: number, count: number): void {
    const body = this.length - mark;
    const headBytes = 3 + String(count).length;
    this.reserve(headBytes);
    this.buffer.copyWithin(mark + headBytes, mark, this.length);
    this.length = mark;
    this.#header(type, count);
    this.length += body;
  }

  #line(type: number, text: string): void {
    this.reserve(text.length + 3);
    this.buffer[this.length++] = type;
    this.#text(text);
    this.#lineEnd();
  }

  #text(text: string): void {
    if (text.length > 32) {
      this.length += this.buffer.write(text, this.length, 'latin1');
      return;
    }
    const buffer = this.buffer;
    let at = this.length;
    for (let index = 0; index < text.length; index++) buffer[at++] = text.charCodeAt(index);
    this.length = at;
  }

  #lineEnd(): void {
    this.buffer[this.length++] = CARRIAGE_RETURN;
    this.buffer[this.length++] = LINE_FEED;
  }

  /** A type byte, a decimal integer within ±2^53 and the line end. */
  #header(type: number, value: number): void {
    this.reserve(24);
    const buffer = this.buffer;
    let at = this.length;
    buffer[at++] = type;
    if (value < 0) {
      buffer[at++] = 45;
      value = -value;
    }
    let limit = 10;
    let digits = 1;
    while (value >= limit) {
      limit *= 10;
      digits++;
    }
    let write = at + digits;
    at = write;
    while (value >= 0x40000000) {
      const quotient = Math.floor(value / 10);
      buffer[--write] = 48 + (value - quotient * 10);
      value = quotient;
    }
    let small = value | 0;
    do {
      const quotient = (small / 10) | 0;
      buffer[--write] = 48 + (small - quotient * 10);
      small = quotient;
    } while (small > 0);
    buffer[at++] = CARRIAGE_RETURN;
    buffer[at++] = LINE_FEED;
    this.length = at;
  }

  #grow(count: number): void {
    const needed = this.length + count;
    if (needed > this.lengthMax) {
      throw this.lengthMax < REPLY_BYTES_MAX ? new ReplyLimitError() : new ReplyError(REPLY_TOO_LONG);
    }
    const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(this.buffer.length * 2, needed), this.lengthMax));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
    this.#view = viewOf(larger);
  }
}
