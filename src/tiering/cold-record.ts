import { compressSync, uncompressSync } from 'lz4-napi';
import { copyBytes, writeUint32 } from '../base/bytes.ts';
import { crc32 } from '../base/crc32.ts';
import { ACCESS_MASK } from '../heat/access.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import {
  type Entry,
  EXPIRES,
  expiryOf,
  FLAGS_SHIFT,
  headerBytes,
  KEY_LENGTH_SHIFT,
  LONG_KEY,
  recordWord,
  WARM,
} from '../keyspace/record.ts';

/**
 * The layout of a cold record, in 32-bit little-endian words; it begins at a multiple of 8 bytes and is filled up to one
 * with zeros:
 *
 *     word 0   CRC-32 of all that follows
 *     word 1   database id (24 bits), codec (8)
 *     words    the hot record's header without the place of a cold copy (keyspace/record.ts)
 *     + 1      stored length of the payload                               if the codec is not {@link CODEC_NONE}
 *     key, payload as the codec stores it
 *
 * docs/formats/cold-record.md describes it.
 */
const PREFIX_BYTES = 8;
/** Database id of records that are the tier's own: lists of expiring slots. */
export const TIER_DATABASE = 0;
const CODEC_NONE = 0;
const CODEC_LZ4 = 1;
/** Bytes that are enough to learn a record's length. */
export const COLD_HEADER_BYTES_MAX = PREFIX_BYTES + 12 + 8 + 4 + 4;

/** Payloads below this are not worth compressing: the call costs microseconds and saves little (docs/adr/0005). */
const COMPRESSED_BYTES_MIN = 1024;
/** Payloads above this would hold everybody up for milliseconds. */
const COMPRESSED_BYTES_MAX = 1024 * 1024;
/** Compressed to more than this fraction it is stored as it is. */
const RATIO_MAX = 7 / 8;
/** After attempts that did not pay, at most so many records are left as they are. */
const SKIPPED_COUNT_MAX = 64;
/** Scratch above this is not kept. */
const SCRATCH_BYTES_MAX = 1024 * 1024;
const SCRATCH_BYTES_MIN = 16 * 1024;

/** Space that a record without compression takes in the cold store: the unit in which live and dead space are counted. */
export function coldBytes(keyLength: number, payloadLength: number, flags: number): number {
  return (PREFIX_BYTES + headerBytes(flags & ~WARM) + keyLength + payloadLength + 7) & ~7;
}

/** Writes cold records from hot entries. Compression is given up for a while where it has not paid. */
export class ColdRecordWriter {
  /** The encoded record is `bytes[0 … length)`, until the next call. */
  bytes = new Uint8Array(SCRATCH_BYTES_MIN);
  length = 0;
  #skip = 0;
  #skipLength = 0;

  /** Encodes the record that `entry` tells of. `compression` allows LZ4 for payloads from a kilobyte to a mebibyte. */
  encode(entry: Entry, databaseId: number, compression: boolean): void {
    let payload: Uint8Array = entry.bytes;
    let payloadOffset = entry.payloadOffset;
    let stored = entry.payloadLength;
    let codec = CODEC_NONE;
    if (
      compression &&
      stored >= COMPRESSED_BYTES_MIN &&
      stored <= COMPRESSED_BYTES_MAX &&
      this.#worthTrying()
    ) {
      const packed = compressSync(
        Buffer.from(entry.bytes.buffer as ArrayBuffer, entry.bytes.byteOffset + payloadOffset, stored),
      );
      if (packed.length <= stored * RATIO_MAX) {
        payload = packed;
        payloadOffset = 0;
        stored = packed.length;
        codec = CODEC_LZ4;
        this.#skipLength = 0;
      } else {
        this.#skipLength = Math.min(SKIPPED_COUNT_MAX, this.#skipLength * 2 + 1);
        this.#skip = this.#skipLength;
      }
    }
    const head = this.#writeHead(entry, databaseId, codec, stored, stored);
    const bytes = this.bytes;
    copyBytes(payload, payloadOffset, bytes, head, stored);
    const length = head + stored;
    writeUint32(bytes, 0, crc32(bytes, 4, length - 4));
    this.length = (length + 7) & ~7;
    bytes.fill(0, length, this.length);
  }

  /**
   * Encodes all of a record but its payload, which is to follow uncompressed, with zeros after it up to a multiple of 8 bytes.
   * Linear in the payload, whose checksum it takes.
   */
  encodeHead(entry: Entry, databaseId: number): void {
    this.length = this.#writeHead(entry, databaseId, CODEC_NONE, entry.payloadLength, 0);
    writeUint32(this.bytes, 0, this.#checksumBefore(entry));
  }

  /** Whether the payload that `entry` tells of is still the one that `encodeHead` was called with. */
  isCurrent(entry: Entry): boolean {
    return readWord(this.bytes, 0) === (this.#checksumBefore(entry) | 0);
  }

  /** The checksum of a record of which everything before the payload is in `bytes`. */
  #checksumBefore(entry: Entry): number {
    const head = crc32(this.bytes, 4, this.length - 4);
    return crc32(entry.bytes, entry.payloadOffset, entry.payloadLength, head);
  }

  /** Writes everything before the payload but the checksum, making room for `room` bytes after it; returns where that ends. */
  #writeHead(entry: Entry, databaseId: number, codec: number, stored: number, room: number): number {
    const flags = entry.flags & ~WARM;
    const head = PREFIX_BYTES + headerBytes(flags) + (codec === CODEC_NONE ? 0 : 4);
    const length = head + entry.keyLength + room + 8;
    if (length > this.bytes.length) {
      this.bytes = new Uint8Array(length > SCRATCH_BYTES_MAX ? length : length * 2);
    } else if (this.bytes.length > SCRATCH_BYTES_MAX * 2) {
      this.bytes = new Uint8Array(Math.max(length, SCRATCH_BYTES_MIN));
    }
    const bytes = this.bytes;
    writeUint32(bytes, 4, (databaseId & 0xffffff) | (codec << 24));
    writeUint32(bytes, 8, recordWord(entry.type, entry.encoding, flags, entry.keyLength));
    writeUint32(bytes, 12, entry.access & ACCESS_MASK);
    writeUint32(bytes, 16, entry.payloadLength);
    let at = 20;
    if ((flags & EXPIRES) !== 0) {
      writeUint32(bytes, at, entry.expireAt | 0);
      writeUint32(bytes, at + 4, Math.floor(entry.expireAt / 0x100000000));
      at += 8;
    }
    if ((flags & LONG_KEY) !== 0) {
      writeUint32(bytes, at, entry.keyLength);
      at += 4;
    }
    if (codec !== CODEC_NONE) writeUint32(bytes, at, stored);
    copyBytes(entry.bytes, entry.keyOffset, bytes, head, entry.keyLength);
    return head + entry.keyLength;
  }

  #worthTrying(): boolean {
    if (this.#skip === 0) return true;
    this.#skip--;
    return false;
  }
}

/** Reads cold records. */
export class ColdRecordReader {
  /** Bytes of the record in the stream, padding included: set by {@link measure}. */
  length = 0;
  databaseId = 0;
  #stored = 0;
  #head = 0;
  #codec = 0;
  #scratch = new Uint8Array(SCRATCH_BYTES_MIN);

  /**
   * Reads the header at `offset`, of which {@link COLD_HEADER_BYTES_MAX} bytes must be there (anything may follow the
   * record's own). Sets `length`, `databaseId`, and the header's fields and places of `entry`. They are not to be trusted
   * before `verify`, but the lengths are within `lengthMax`. Throws ColdRecordError.
   */
  measure(bytes: Uint8Array, offset: number, lengthMax: number, entry: Entry): void {
    const second = readWord(bytes, offset + 4);
    const head = readWord(bytes, offset + 8);
    const flags = (head >>> FLAGS_SHIFT) & 0xff;
    this.databaseId = second & 0xffffff;
    this.#codec = second >>> 24;
    entry.type = head & 15;
    entry.encoding = (head >>> 4) & 15;
    entry.flags = flags;
    entry.access = readWord(bytes, offset + 12) & 0xffffff;
    entry.payloadLength = readWord(bytes, offset + 16);
    let at = offset + 20;
    entry.expireAt = -1;
    if ((flags & EXPIRES) !== 0) {
      entry.expireAt = expiryOf(readWord(bytes, at), readWord(bytes, at + 4));
      at += 8;
    }
    entry.keyLength = head >>> KEY_LENGTH_SHIFT;
    if ((flags & LONG_KEY) !== 0) {
      entry.keyLength = readWord(bytes, at);
      at += 4;
    }
    this.#stored = entry.payloadLength;
    if (this.#codec !== CODEC_NONE) {
      this.#stored = readWord(bytes, at);
      at += 4;
    }
    this.#head = at - offset;
    const length = this.#head + entry.keyLength + this.#stored;
    if (
      this.#codec > CODEC_LZ4 ||
      (flags & WARM) !== 0 ||
      entry.keyLength < 0 ||
      this.#stored < 0 ||
      entry.payloadLength < 0 ||
      length > lengthMax
    ) {
      throw new ColdRecordError('its record is damaged');
    }
    this.length = (length + 7) & ~7;
    entry.bytes = bytes;
    entry.keyOffset = at;
    entry.payloadOffset = at + entry.keyLength;
  }

  /** Checks the whole record at `offset`, measured before, and points `entry` at its key and payload. */
  verify(bytes: Uint8Array, offset: number, entry: Entry): void {
    const length = this.#head + entry.keyLength + this.#stored;
    if ((crc32(bytes, offset + 4, length - 4) | 0) !== readWord(bytes, offset)) {
      throw new ColdRecordError('its record fails its checksum');
    }
    entry.bytes = bytes;
    entry.keyOffset = offset + this.#head;
    entry.payloadOffset = entry.keyOffset + entry.keyLength;
    if (this.#codec === CODEC_LZ4) this.#unpack(bytes, entry);
  }

  #unpack(bytes: Uint8Array, entry: Entry): void {
    const packed = Buffer.from(
      bytes.buffer as ArrayBuffer,
      bytes.byteOffset + entry.payloadOffset,
      this.#stored,
    );
    // The size that the block begins with is what the decompressor allocates.
    if (packed.length < 4 || packed.readUInt32LE(0) !== entry.payloadLength) {
      throw new ColdRecordError('its record is damaged');
    }
    let raw: Buffer;
    try {
      raw = uncompressSync(packed);
    } catch {
      throw new ColdRecordError("its record can't be decompressed");
    }
    if (raw.length !== entry.payloadLength) throw new ColdRecordError('its record is damaged');
    const total = entry.keyLength + raw.length;
    if (this.#scratch.length < total) this.#scratch = new Uint8Array(total * 2);
    copyBytes(bytes, entry.keyOffset, this.#scratch, 0, entry.keyLength);
    copyBytes(raw, 0, this.#scratch, entry.keyLength, raw.length);
    entry.bytes = this.#scratch;
    entry.keyOffset = 0;
    entry.payloadOffset = entry.keyLength;
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}
