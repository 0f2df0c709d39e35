import { latin1 } from '../../base/bytes.ts';
import { writeInteger } from '../../base/numbers.ts';

/** Bytes of an id as keys of trees and RDB files hold it. */
export const ID_BYTES = 16;
/** Longest id as text: two numbers of 20 digits and the dash. */
export const ID_TEXT_BYTES = 41;

const HALF = 0x100000000;
const UINT32_MAX = 0xffffffff;
/** Digits of a number that is exact as a double. */
const SAFE_DIGITS = 15;
/** A text longer than this is no id. */
const TEXT_LENGTH_MAX = 127;
const DASH = 45;
const STAR = 42;
const UINT64_LIMIT = 2n ** 64n;
const INT64_MAGNITUDE_MAX = 2n ** 63n;

/** What a text is: an id, a time whose sequence number is to be chosen (`ms-*`), or neither. */
export type IdForm = 'id' | 'time' | 'invalid';

/** An id of a stream: milliseconds and a sequence number, unsigned 64-bit integers of which the halves are kept. */
export class StreamId {
  msHigh = 0;
  msLow = 0;
  sequenceHigh = 0;
  sequenceLow = 0;

  get isZero(): boolean {
    return (this.msHigh | this.msLow | this.sequenceHigh | this.sequenceLow) === 0;
  }

  get isMax(): boolean {
    return (
      this.msHigh === UINT32_MAX &&
      this.msLow === UINT32_MAX &&
      this.sequenceHigh === UINT32_MAX &&
      this.sequenceLow === UINT32_MAX
    );
  }

  setMin(): void {
    this.msHigh = 0;
    this.msLow = 0;
    this.sequenceHigh = 0;
    this.sequenceLow = 0;
  }

  setMax(): void {
    this.msHigh = UINT32_MAX;
    this.msLow = UINT32_MAX;
    this.sequenceHigh = UINT32_MAX;
    this.sequenceLow = UINT32_MAX;
  }

  /** Takes the first id of a time in milliseconds, below 2^53. */
  setTime(ms: number): void {
    this.msHigh = Math.floor(ms / HALF);
    this.msLow = ms >>> 0;
    this.sequenceHigh = 0;
    this.sequenceLow = 0;
  }

  copy(other: StreamId): void {
    this.msHigh = other.msHigh;
    this.msLow = other.msLow;
    this.sequenceHigh = other.sequenceHigh;
    this.sequenceLow = other.sequenceLow;
  }

  /** Negative, 0 or positive, as this id is before, the same as, or after the other. */
  compare(other: StreamId): number {
    if (this.msHigh !== other.msHigh) return this.msHigh - other.msHigh;
    if (this.msLow !== other.msLow) return this.msLow - other.msLow;
    if (this.sequenceHigh !== other.sequenceHigh) return this.sequenceHigh - other.sequenceHigh;
    return this.sequenceLow - other.sequenceLow;
  }

  hasTimeOf(other: StreamId): boolean {
    return this.msHigh === other.msHigh && this.msLow === other.msLow;
  }

  /** Whether the sequence number is the largest. */
  get isLastOfTime(): boolean {
    return this.sequenceHigh === UINT32_MAX && this.sequenceLow === UINT32_MAX;
  }

  /** Moves on to the next id; false if it was the last one and is the first now. */
  increment(): boolean {
    this.sequenceLow = (this.sequenceLow + 1) >>> 0;
    if (this.sequenceLow !== 0) return true;
    this.sequenceHigh = (this.sequenceHigh + 1) >>> 0;
    if (this.sequenceHigh !== 0) return true;
    this.msLow = (this.msLow + 1) >>> 0;
    if (this.msLow !== 0) return true;
    this.msHigh = (this.msHigh + 1) >>> 0;
    return this.msHigh !== 0;
  }

  /** Moves to the id before; false if it was the first one and is the last now. */
  decrement(): boolean {
    const isFirst = this.isZero;
    this.sequenceLow = (this.sequenceLow - 1) >>> 0;
    if (this.sequenceLow !== UINT32_MAX) return true;
    this.sequenceHigh = (this.sequenceHigh - 1) >>> 0;
    if (this.sequenceHigh !== UINT32_MAX) return true;
    this.msLow = (this.msLow - 1) >>> 0;
    if (this.msLow !== UINT32_MAX) return true;
    this.msHigh = (this.msHigh - 1) >>> 0;
    return !isFirst;
  }

  /** Reads 16 bytes, big-endian. */
  read(bytes: Uint8Array, at: number): void {
    this.msHigh = readHalf(bytes, at);
    this.msLow = readHalf(bytes, at + 4);
    this.sequenceHigh = readHalf(bytes, at + 8);
    this.sequenceLow = readHalf(bytes, at + 12);
  }

  /** Writes 16 bytes, big-endian, whose order is that of ids. */
  write(bytes: Uint8Array, at: number): void {
    writeHalf(bytes, at, this.msHigh);
    writeHalf(bytes, at + 4, this.msLow);
    writeHalf(bytes, at + 8, this.sequenceHigh);
    writeHalf(bytes, at + 12, this.sequenceLow);
  }

  /** Writes `ms-sequence`; returns how many bytes. */
  writeText(target: Uint8Array, offset: number): number {
    let at = offset + writeUnsigned(target, offset, this.msHigh, this.msLow);
    target[at++] = DASH;
    at += writeUnsigned(target, at, this.sequenceHigh, this.sequenceLow);
    return at - offset;
  }

  toString(): string {
    const text = new Uint8Array(ID_TEXT_BYTES);
    return latin1(text, 0, this.writeText(text, 0));
  }

  /**
   * Reads an id as commands take it (streamGenericParseIDOrReply): `ms-sequence`, `ms` alone, for which the sequence number
   * is the smallest or the largest, or `ms-*`, which leaves it 0. The id is undefined after an invalid text.
   */
  parse(bytes: Uint8Array, offset: number, length: number, isUpperBound: boolean): IdForm {
    const end = offset + length;
    let at = this.#parseDigits(bytes, offset, end, true);
    if (at < 0) return this.#parseSlowly(bytes, offset, length, isUpperBound);
    if (at === end) {
      this.sequenceHigh = isUpperBound ? UINT32_MAX : 0;
      this.sequenceLow = this.sequenceHigh;
      return 'id';
    }
    if (bytes[at++] !== DASH) return this.#parseSlowly(bytes, offset, length, isUpperBound);
    if (this.#parseDigits(bytes, at, end, false) === end) return 'id';
    return this.#parseSlowly(bytes, offset, length, isUpperBound);
  }

  /** Takes the digits from `at` on as one of the two numbers; where they end, or -1 if there are none or too many. */
  #parseDigits(bytes: Uint8Array, at: number, end: number, isTime: boolean): number {
    const last = Math.min(end, at + SAFE_DIGITS + 1);
    const start = at;
    let value = 0;
    for (; at < last; at++) {
      const digit = bytes[at] - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = at - start;
    if (digits === 0 || digits > SAFE_DIGITS) return -1;
    this.#set(isTime, Math.floor(value / HALF), value >>> 0);
    return at;
  }

  #set(isTime: boolean, high: number, low: number): void {
    if (isTime) {
      this.msHigh = high;
      this.msLow = low;
    } else {
      this.sequenceHigh = high;
      this.sequenceLow = low;
    }
  }

  #parseSlowly(bytes: Uint8Array, offset: number, length: number, isUpperBound: boolean): IdForm {
    if (length > TEXT_LENGTH_MAX) return 'invalid';
    // Redis reads the text up to its first zero byte, as C does.
    const [text] = latin1(bytes, offset, length).split('\0', 1);
    const dash = text.indexOf('-');
    const ms = parseUnsigned(dash < 0 ? text : text.slice(0, dash));
    if (ms === undefined) return 'invalid';
    this.#set(true, Number(ms >> 32n), Number(ms & 0xffffffffn));
    if (dash < 0) {
      this.#set(false, isUpperBound ? UINT32_MAX : 0, isUpperBound ? UINT32_MAX : 0);
      return 'id';
    }
    const rest = text.slice(dash + 1);
    if (rest.length === 1 && rest.charCodeAt(0) === STAR) {
      this.#set(false, 0, 0);
      return 'time';
    }
    const sequence = parseUnsigned(rest);
    if (sequence === undefined) return 'invalid';
    this.#set(false, Number(sequence >> 32n), Number(sequence & 0xffffffffn));
    return 'id';
  }
}

/** An unsigned 64-bit integer as string2ull reads it: strtoull(3), but for the negative ones that are written plainly. */
function parseUnsigned(text: string): bigint | undefined {
  const match = /^[\t-\r ]*([+-]?)(\d+)$/.exec(text);
  if (match === null) return undefined;
  const value = BigInt(match[2]);
  if (value >= UINT64_LIMIT) return undefined;
  if (match[1] !== '-') return value;
  if (/^-[1-9]/.test(text) && value <= INT64_MAGNITUDE_MAX) return undefined;
  return BigInt.asUintN(64, -value);
}

function readHalf(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

function writeHalf(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes an unsigned 64-bit integer in decimal; returns how many bytes. */
function writeUnsigned(target: Uint8Array, offset: number, high: number, low: number): number {
  if (high < 0x200000) return writeInteger(target, offset, high * HALF + low);
  const text = ((BigInt(high) << 32n) | BigInt(low)).toString();
  for (let at = 0; at < text.length; at++) target[offset + at] = text.charCodeAt(at);
  return text.length;
}
