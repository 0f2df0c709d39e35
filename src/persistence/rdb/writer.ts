import { copyBytes } from '../../base/bytes.ts';
import { parseInteger } from '../../base/numbers.ts';
import { compressLzf } from './lzf.ts';
import { StringEncoding } from './types.ts';

/** Takes bytes that were written; the range is lent for the call. */
export type WriteTarget = (bytes: Uint8Array, offset: number, length: number) => void;

const BUFFER_BYTES = 1 << 16;
/** Longest text of an integer of 32 bits. */
const INTEGER_TEXT_MAX = 11;
/** Shorter strings are not compressed, as in Redis (rdbSaveRawString). */
const COMPRESSED_BYTES_MIN = 21;
/** What compression must save. */
const SAVED_BYTES_MIN = 4;
const SCRATCH_BYTES_MAX = 1 << 20;

/**
 * Writes the primitives of RDB (rdb.c: rdbSave…) into a growing array, or with a target in parts through one that stays
 * small.
 */
export class RdbWriter {
  /** What is written and not handed to the target lies in front, {@link length} bytes. */
  bytes = new Uint8Array(256);
  length = 0;
  /** Strings above 20 bytes are compressed where it saves something (`rdbcompression`). */
  compresses = true;
  #view = new DataView(this.bytes.buffer);
  readonly #target: WriteTarget | null;
  #compressed = new Uint8Array(0);

  constructor(target: WriteTarget | null = null) {
    this.#target = target;
    if (target !== null) this.#setBuffer(new Uint8Array(BUFFER_BYTES));
  }

  /** Hands what was written to the target. */
  flush(): void {
    if (this.#target === null || this.length === 0) return;
    this.#target(this.bytes, 0, this.length);
    this.length = 0;
  }

  writeByte(value: number): void {
    this.#reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Bytes as they are. A long range goes to the target straight from the caller's array. */
  writeBytes(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#target !== null && length >= BUFFER_BYTES) {
      this.flush();
      this.#target(bytes, offset, length);
      return;
    }
    this.#reserve(length);
    copyBytes(bytes, offset, this.bytes, this.length, length);
    this.length += length;
  }

  /** A length, from 0 to 2^53 - 1. A string that is written in parts is its length and then its bytes. */
  writeLength(value: number): void {
    this.#reserve(9);
    if (value < 0x40) {
      this.bytes[this.length++] = value;
    } else if (value < 0x4000) {
      this.bytes[this.length++] = 0x40 | (value >> 8);
      this.bytes[this.length++] = value & 0xff;
    } else {
      this.#writeLongLength(Math.floor(value / 2 ** 32), value >>> 0);
    }
  }

  /** A number of 64 bits as a length; a negative one as its two's complement. */
  writeLength64(value: bigint): void {
    const unsigned = BigInt.asUintN(64, value);
    if (unsigned < 0x4000n) this.writeLength(Number(unsigned));
    else {
      this.#reserve(9);
      this.#writeLongLength(Number(unsigned >> 32n), Number(unsigned & 0xffffffffn));
    }
  }

  /** The 16 bytes of a stream id as two lengths. */
  writeStreamId(id: Uint8Array): void {
    for (let at = 0; at < 16; at += 8) {
      const high = ((id[at] << 24) | (id[at + 1] << 16) | (id[at + 2] << 8) | id[at + 3]) >>> 0;
      const low = ((id[at + 4] << 24) | (id[at + 5] << 16) | (id[at + 6] << 8) | id[at + 7]) >>> 0;
      if (high === 0 && low < 0x4000) {
        this.writeLength(low);
      } else {
        this.#reserve(9);
        this.#writeLongLength(high, low);
      }
    }
  }

  /** A string: as an integer where it is the text of one of 32 bits, compressed where that helps, else as it is. */
  writeString(bytes: Uint8Array, offset: number, length: number): void {
    if (length <= INTEGER_TEXT_MAX && this.#writeInteger(parseInteger(bytes, offset, length))) return;
    if (this.compresses && length >= COMPRESSED_BYTES_MIN && this.#writeCompressed(bytes, offset, length)) {
      return;
    }
    this.writeLength(length);
    this.writeBytes(bytes, offset, length);
  }

  /** A double in binary. */
  writeDouble(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** A time in milliseconds, or any integer within ±2^53. */
  writeMilliseconds(value: number): void {
    this.#reserve(8);
    this.#view.setUint32(this.length, value >>> 0, true);
    this.#view.setInt32(this.length + 4, Math.floor(value / 2 ** 32), true);
    this.length += 8;
  }

  #writeLongLength(high: number, low: number): void {
    this.bytes[this.length++] = high === 0 ? 0x80 : 0x81;
    if (high !== 0) {
      this.#view.setUint32(this.length, high);
      this.length += 4;
    }
    this.#view.setUint32(this.length, low);
    this.length += 4;
  }

  #writeInteger(value: number): boolean {
    // NaN is no integer of 32 bits either.
    if ((value | 0) !== value) return false;
    this.#reserve(5);
    const at = this.length;
    if (value >= -0x80 && value <= 0x7f) {
      this.bytes[at] = 0xc0 | StringEncoding.INT8;
      this.#view.setInt8(at + 1, value);
      this.length += 2;
    } else if (value >= -0x8000 && value <= 0x7fff) {
      this.bytes[at] = 0xc0 | StringEncoding.INT16;
      this.#view.setInt16(at + 1, value, true);
      this.length += 3;
    } else {
      this.bytes[at] = 0xc0 | StringEncoding.INT32;
      this.#view.setInt32(at + 1, value, true);
      this.length += 5;
    }
    return true;
  }

  #writeCompressed(bytes: Uint8Array, offset: number, length: number): boolean {
    const capacity = length - SAVED_BYTES_MIN;
    if (this.#compressed.length < capacity) this.#compressed = new Uint8Array(capacity);
    const compressed = compressLzf(bytes, offset, length, this.#compressed, capacity);
    if (compressed > 0) {
      this.writeByte(0xc0 | StringEncoding.LZF);
      this.writeLength(compressed);
      this.writeLength(length);
      this.writeBytes(this.#compressed, 0, compressed);
    }
    if (this.#compressed.length > SCRATCH_BYTES_MAX) this.#compressed = new Uint8Array(0);
    return compressed > 0;
  }

  /** Makes room for `count` bytes; without a target, or for more than its buffer, by growing. */
  #reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    this.flush();
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.#setBuffer(larger);
  }

  #setBuffer(bytes: Uint8Array<ArrayBuffer>): void {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
