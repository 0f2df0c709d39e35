import { latin1 } from '../../base/bytes.ts';
import { Crc64 } from '../../base/crc64.ts';
import { parseDouble } from '../../base/numbers.ts';
import type { LentBytes } from './lent-bytes.ts';
import { decompressedLength, decompressLzf } from './lzf.ts';
import { RdbError } from './rdb-error.ts';
import { StringEncoding } from './types.ts';

/** Puts bytes at the beginning of `target` and returns how many, at least one; 0 at the end. */
export type ReadSource = (target: Uint8Array) => number;

const BUFFER_BYTES = 1 << 16;
/** A buffer above this is given back once its long string is taken. */
const KEPT_BYTES_MAX = 1 << 20;
const EMPTY = new Uint8Array(0);
/** Longest string. It also keeps every allocation below what a typed array can be. */
const STRING_BYTES_MAX = 2 ** 32 - 1;

/** Lengths of the old text form of doubles that stand for what has no digits. */
const NEGATIVE_INFINITY = 255;
const POSITIVE_INFINITY = 254;
const NOT_A_NUMBER = 253;

/**
 * Reads the primitives of RDB (rdb.c: rdbLoad…) from bytes in memory, or from a source that is asked for more as needed.
 * Every read is checked against what is left and throws {@link RdbError} beyond it. Memory follows the bytes that have
 * arrived, never a length that they declare.
 */
export class RdbReader {
  #bytes: Uint8Array = EMPTY;
  #view: DataView = new DataView(EMPTY.buffer);
  #position = 0;
  #end = 0;
  #source: ReadSource | null = null;
  /** Bytes that the source still has; Infinity if that is not known. */
  #sourceBytes = 0;
  #consumedBefore = 0;
  readonly #crc = new Crc64();
  #sums = false;
  #summedTo = 0;
  #lengthLow = 0;
  #lengthHigh = 0;

  /** Reads a range of bytes from now on. It is lent: strings are ranges of it. */
  openBytes(bytes: Uint8Array, offset: number, length: number): void {
    this.#source = null;
    this.#sourceBytes = 0;
    this.#sums = false;
    this.#begin(bytes, offset, offset + length);
  }

  /** Reads what a source gives, of `totalBytes` or Infinity, and if it `sums`, keeps the {@link checksum}. */
  openSource(source: ReadSource, totalBytes: number, sums: boolean): void {
    this.#source = source;
    this.#sums = sums;
    this.#sourceBytes = totalBytes;
    this.#begin(new Uint8Array(BUFFER_BYTES), 0, 0);
  }

  /** Bytes read since the reader was opened. */
  get consumedBytes(): number {
    return this.#consumedBefore + this.#position;
  }

  /** Bytes not yet read; Infinity if the source does not tell. */
  get bytesLeft(): number {
    return this.#end - this.#position + this.#sourceBytes;
  }

  /** Bytes that are known to be left: {@link bytesLeft}, or what the buffer holds. */
  get bytesLeftKnown(): number {
    return Number.isFinite(this.#sourceBytes) ? this.bytesLeft : this.#end - this.#position;
  }

  /** The CRC-64 of all bytes read so far, 0 if the reader does not sum. Good until the next read. */
  checksum(): Crc64 {
    this.#sum();
    return this.#crc;
  }

  readByte(): number {
    this.#need(1);
    return this.#bytes[this.#position++];
  }

  /** Lends the next `length` bytes. */
  readBytes(length: number, target: LentBytes): void {
    this.#need(length);
    target.lend(this.#bytes, this.#position, length);
    this.#position += length;
  }

  skipBytes(length: number): void {
    this.#need(length);
    this.#position += length;
  }

  /** A length, up to 2^53 - 1. */
  readLength(): number {
    this.#readLength();
    const length = this.#lengthHigh * 2 ** 32 + this.#lengthLow;
    if (length > Number.MAX_SAFE_INTEGER) throw new RdbError('Length out of range');
    return length;
  }

  /** The number of elements that follow, of at least `bytesEach` bytes; throws if so many cannot be left. */
  readCount(bytesEach: number): number {
    const count = this.readLength();
    if (count * bytesEach > this.bytesLeft) throw new RdbError('More elements than the bytes left can hold');
    return count;
  }

  /** A number stored as a length, of all 64 bits, unsigned. */
  readLength64(): bigint {
    this.#readLength();
    return (BigInt(this.#lengthHigh) << 32n) | BigInt(this.#lengthLow);
  }

  /** A stream id stored as two lengths into the 16 bytes of `target`. */
  readStreamId(target: DataView): void {
    this.#readLength();
    target.setUint32(0, this.#lengthHigh);
    target.setUint32(4, this.#lengthLow);
    this.#readLength();
    target.setUint32(8, this.#lengthHigh);
    target.setUint32(12, this.#lengthLow);
  }

  /** A string of any encoding. */
  readString(target: LentBytes): void {
    this.#need(1);
    const first = this.#bytes[this.#position];
    if (first < 0xc0) {
      this.readBytes(this.#readStringLength(), target);
      return;
    }
    this.#position++;
    switch (first & 0x3f) {
      case StringEncoding.INT8: {
        this.#need(1);
        const value = this.#view.getInt8(this.#position);
        this.#position += 1;
        target.lendInteger(value, value >> 31);
        break;
      }
      case StringEncoding.INT16: {
        this.#need(2);
        const value = this.#view.getInt16(this.#position, true);
        this.#position += 2;
        target.lendInteger(value, value >> 31);
        break;
      }
      case StringEncoding.INT32: {
        this.#need(4);
        const value = this.#view.getInt32(this.#position, true);
        this.#position += 4;
        target.lendInteger(value, value >> 31);
        break;
      }
      case StringEncoding.LZF:
        this.#readCompressed(target);
        break;
      default:
        throw new RdbError(`Unknown RDB string encoding type ${first & 0x3f}`);
    }
  }

  /** The length of a string that comes as it is, in its bytes, which follow; -1 for an encoded one, not yet begun. */
  readPlainLength(): number {
    this.#need(1);
    return this.#bytes[this.#position] < 0xc0 ? this.#readStringLength() : -1;
  }

  /** Lends the bytes that are there, at least one and up to `lengthMax`, which is not 0. */
  readPart(lengthMax: number, target: LentBytes): void {
    this.#need(1);
    this.readBytes(Math.min(lengthMax, this.#end - this.#position), target);
  }

  /** Passes over a string without decompressing it. */
  skipString(): void {
    this.#need(1);
    const first = this.#bytes[this.#position];
    if (first < 0xc0) {
      this.skipBytes(this.#readStringLength());
      return;
    }
    this.#position++;
    const encoding = first & 0x3f;
    if (encoding === StringEncoding.LZF) {
      const compressed = this.#readStringLength();
      this.#readStringLength();
      this.skipBytes(compressed);
    } else if (encoding <= StringEncoding.INT32) {
      this.skipBytes(1 << encoding);
    } else {
      throw new RdbError(`Unknown RDB string encoding type ${encoding}`);
    }
  }

  /** A double in binary. */
  readDouble(): number {
    this.#need(8);
    const value = this.#view.getFloat64(this.#position, true);
    this.#position += 8;
    return value;
  }

  /** A double in the text form of ZSET: a length and its digits, or a length that stands for infinity or NaN. */
  readTextDouble(): number {
    const length = this.readByte();
    if (length === NEGATIVE_INFINITY) return Number.NEGATIVE_INFINITY;
    if (length === POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    if (length === NOT_A_NUMBER) return Number.NaN;
    this.#need(length);
    const value = parseDouble(this.#bytes, this.#position, length);
    if (Number.isNaN(value)) throw new RdbError('Not a number where a double was expected');
    this.#position += length;
    return value;
  }

  /** A time in milliseconds, or any signed integer of 64 bits; rounded beyond 2^53. */
  readMilliseconds(): number {
    this.#need(8);
    const low = this.#view.getUint32(this.#position, true);
    const high = this.#view.getInt32(this.#position + 4, true);
    this.#position += 8;
    return high * 2 ** 32 + low;
  }

  /** A time in seconds, in the form before RDB version 3. */
  readSeconds(): number {
    this.#need(4);
    const value = this.#view.getInt32(this.#position, true);
    this.#position += 4;
    return value;
  }

  /** Bytes as a string of one character each. */
  readText(length: number): string {
    this.#need(length);
    const text = latin1(this.#bytes, this.#position, length);
    this.#position += length;
    return text;
  }

  #begin(bytes: Uint8Array, position: number, end: number): void {
    this.#setBuffer(bytes);
    this.#position = position;
    this.#end = end;
    this.#consumedBefore = -position;
    this.#summedTo = position;
    this.#crc.low = 0;
    this.#crc.high = 0;
  }

  #setBuffer(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #readLength(): void {
    const first = this.readByte();
    this.#lengthHigh = 0;
    if (first < 0x40) {
      this.#lengthLow = first;
    } else if (first < 0x80) {
      this.#lengthLow = ((first & 0x3f) << 8) | this.readByte();
    } else if (first === 0x80 || first === 0x81) {
      this.#need(first === 0x80 ? 4 : 8);
      if (first === 0x81) {
        this.#lengthHigh = this.#view.getUint32(this.#position);
        this.#position += 4;
      }
      this.#lengthLow = this.#view.getUint32(this.#position);
      this.#position += 4;
    } else {
      throw new RdbError(`Unknown length encoding ${first}`);
    }
  }

  #readStringLength(): number {
    const length = this.readLength();
    if (length > STRING_BYTES_MAX) throw new RdbError('String too long');
    return length;
  }

  #readCompressed(target: LentBytes): void {
    const compressed = this.#readStringLength();
    const length = this.#readStringLength();
    this.#need(compressed);
    const at = this.#position;
    if (decompressedLength(this.#bytes, at, compressed) !== length) {
      throw new RdbError('Invalid LZF compressed string');
    }
    decompressLzf(this.#bytes, at, compressed, target.fill(length));
    this.#position = at + compressed;
  }

  /** Sees to it that `count` bytes lie at the position. */
  #need(count: number): void {
    if (this.#end - this.#position < count) this.#refill(count);
  }

  #refill(count: number): void {
    const source = this.#source;
    if (source === null || count > this.bytesLeft) throw new RdbError('Unexpected end of the RDB data');
    this.#sum();
    this.#consumedBefore += this.#position;
    const kept = this.#bytes.subarray(this.#position, this.#end);
    const isOversized = this.#bytes.length > KEPT_BYTES_MAX && count <= BUFFER_BYTES;
    if (isOversized && kept.length <= BUFFER_BYTES) {
      const smaller = new Uint8Array(BUFFER_BYTES);
      smaller.set(kept);
      this.#setBuffer(smaller);
    } else {
      this.#bytes.copyWithin(0, this.#position, this.#end);
    }
    this.#end = kept.length;
    this.#position = 0;
    this.#summedTo = 0;
    while (this.#end < count) {
      if (this.#end === this.#bytes.length) {
        // Doubling from what has arrived: a hostile length alone allocates nothing.
        const larger = new Uint8Array(Math.min(Math.max(count, BUFFER_BYTES), this.#bytes.length * 2));
        larger.set(this.#bytes);
        this.#setBuffer(larger);
      }
      const room = Math.min(this.#bytes.length - this.#end, this.#sourceBytes);
      const read = source(this.#bytes.subarray(this.#end, this.#end + room));
      if (read === 0) throw new RdbError('Unexpected end of the RDB data');
      this.#end += read;
      this.#sourceBytes -= read;
    }
  }

  #sum(): void {
    if (!this.#sums) return;
    this.#crc.update(this.#bytes, this.#summedTo, this.#position - this.#summedTo);
    this.#summedTo = this.#position;
  }
}
