import { copyBytes, readUint32, viewOf } from '../../base/bytes.ts';
import { parseInteger, parseInteger64 } from '../../base/numbers.ts';
import type { LentBytes } from './lent-bytes.ts';
import type { PackedCursor } from './packed.ts';
import { RdbError } from './rdb-error.ts';

/**
 * The listpack of Redis (listpack.c): total bytes (32 bits), number of elements (16 bits, 65535 if unknown), elements,
 * 0xff. An element is its encoding, its data, and the length of both once more so that it can be read backwards: 7 bits
 * per byte, the last byte first, all but the first with the upper bit set.
 *
 * | first byte          | element                                |
 * | ------------------- | -------------------------------------- |
 * | `0xxxxxxx`          | integer from 0 to 127                  |
 * | `10xxxxxx`          | string of up to 63 bytes               |
 * | `110xxxxx xxxxxxxx` | signed integer of 13 bits              |
 * | `1110xxxx xxxxxxxx` | string of up to 4095 bytes             |
 * | `0xf0`              | string, length in 32 bits              |
 * | `0xf1` to `0xf4`    | signed integer of 16, 24, 32, 64 bits  |
 */
export const LISTPACK_HEADER_BYTES = 6;
const COUNT_UNKNOWN = 0xffff;
const END = 0xff;
/** Elements up to these lengths have 1, 2, 3 and 4 bytes of backward length (lpEncodeBacklen). */
const BACKWARD_LIMITS = [127, 16382, 2097150, 268435454];
/** Longest text of an integer of 64 bits. */
const INTEGER_TEXT_MAX = 20;
/** Texts up to this length are integers that a double holds, or none. */
const SAFE_TEXT_MAX = 15;

function corrupt(): never {
  throw new RdbError('Listpack integrity check failed.');
}

function backwardBytes(length: number): number {
  let bytes = 1;
  while (bytes < 5 && length > BACKWARD_LIMITS[bytes - 1]) bytes++;
  return bytes;
}

export class ListpackCursor implements PackedCursor {
  declaredCount = -1;
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;
  /** Where the byte that ends the listpack is. */
  #end = 0;
  #count = 0;

  open(structure: LentBytes): void {
    const { bytes, offset, length } = structure;
    if (length < LISTPACK_HEADER_BYTES + 1) corrupt();
    const declaredBytes = readUint32(bytes, offset);
    this.#end = offset + length - 1;
    if (declaredBytes !== length || bytes[this.#end] !== END) corrupt();
    const count = bytes[offset + 4] | (bytes[offset + 5] << 8);
    this.declaredCount = count === COUNT_UNKNOWN ? -1 : count;
    this.#bytes = bytes;
    this.#position = offset + LISTPACK_HEADER_BYTES;
    this.#count = 0;
  }

  /** Begins where another cursor stands, to read the same elements again. */
  openAt(other: ListpackCursor): void {
    this.declaredCount = other.declaredCount;
    this.#bytes = other.#bytes;
    this.#position = other.#position;
    this.#end = other.#end;
    this.#count = other.#count;
  }

  /** Bytes of the elements that are left. */
  get bytesLeft(): number {
    return this.#end - this.#position;
  }

  next(element: LentBytes): boolean {
    const bytes = this.#bytes;
    const start = this.#position;
    if (start === this.#end) {
      if (this.declaredCount >= 0 && this.declaredCount !== this.#count) corrupt();
      return false;
    }
    const first = bytes[start];
    const headerBytes = headerLength(first);
    if (start + headerBytes > this.#end) corrupt();
    let stringBytes = -1;
    if ((first & 0xc0) === 0x80) stringBytes = first & 0x3f;
    else if ((first & 0xf0) === 0xe0) stringBytes = ((first & 0x0f) << 8) | bytes[start + 1];
    else if (first === 0xf0) {
      stringBytes = readUint32(bytes, start + 1);
    }
    const elementBytes = headerBytes + Math.max(stringBytes, 0);
    const next = start + elementBytes + backwardBytes(elementBytes);
    if (next > this.#end) corrupt();
    this.#checkBackward(elementBytes, next);
    if (stringBytes >= 0) element.lend(bytes, start + headerBytes, stringBytes);
    else this.#lendInteger(first, start + 1, element);
    this.#position = next;
    this.#count++;
    return true;
  }

  #checkBackward(length: number, end: number): void {
    let left = length;
    let at = end - 1;
    for (let bytes = backwardBytes(length); bytes > 1; bytes--) {
      if (this.#bytes[at--] !== ((left & 0x7f) | 0x80)) corrupt();
      left >>>= 7;
    }
    if (this.#bytes[at] !== left) corrupt();
  }

  #lendInteger(first: number, at: number, element: LentBytes): void {
    const bytes = this.#bytes;
    let low: number;
    if (first < 0x80) low = first;
    else if ((first & 0xe0) === 0xc0) low = (((first & 0x1f) << 27) >> 19) | bytes[at];
    else if (first === 0xf1) low = ((bytes[at] << 16) | (bytes[at + 1] << 24)) >> 16;
    else if (first === 0xf2) low = ((bytes[at] << 8) | (bytes[at + 1] << 16) | (bytes[at + 2] << 24)) >> 8;
    else low = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    const high =
      first === 0xf4
        ? bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24)
        : low >> 31;
    element.lendInteger(low, high);
  }
}

/** Bytes of an element before a string's data, or of a whole integer. */
function headerLength(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xf0) return 2;
  switch (first) {
    case 0xf0:
      return 5;
    case 0xf1:
      return 3;
    case 0xf2:
      return 4;
    case 0xf3:
      return 5;
    case 0xf4:
      return 9;
    default:
      return corrupt();
  }
}

/** Builds a listpack, encoding each element as Redis does: what is the text of an integer as that integer. */
export class ListpackBuilder {
  /** The listpack lies in front, {@link length} bytes, whole after {@link finish}. */
  bytes = new Uint8Array(1024);
  length = LISTPACK_HEADER_BYTES;
  count = 0;
  #view = viewOf(this.bytes);

  /** Begins a new listpack. */
  reset(): void {
    this.length = LISTPACK_HEADER_BYTES;
    this.count = 0;
  }

  append(bytes: Uint8Array, offset: number, length: number): void {
    if (length <= INTEGER_TEXT_MAX) {
      const value = parseInteger(bytes, offset, length);
      if (!Number.isNaN(value)) {
        this.appendInteger(value);
        return;
      }
      if (length > SAFE_TEXT_MAX) {
        const large = parseInteger64(bytes, offset, length);
        if (large !== undefined) {
          this.appendInteger64(Number(BigInt.asIntN(32, large)), Number(large >> 32n));
          return;
        }
      }
    }
    this.#reserve(length);
    let headerBytes: number;
    if (length < 64) {
      this.bytes[this.length] = 0x80 | length;
      headerBytes = 1;
    } else if (length < 4096) {
      this.bytes[this.length] = 0xe0 | (length >> 8);
      this.bytes[this.length + 1] = length & 0xff;
      headerBytes = 2;
    } else {
      this.bytes[this.length] = 0xf0;
      this.#view.setUint32(this.length + 1, length, true);
      headerBytes = 5;
    }
    copyBytes(bytes, offset, this.bytes, this.length + headerBytes, length);
    this.#end(headerBytes + length);
  }

  /** An integer within ±2^53. */
  appendInteger(value: number): void {
    this.appendInteger64(value | 0, Math.floor(value / 2 ** 32));
  }

  /** An integer of 64 bits by its halves. */
  appendInteger64(low: number, high: number): void {
    this.#reserve(0);
    const at = this.length;
    if (high !== low >> 31) {
      this.bytes[at] = 0xf4;
      this.#view.setInt32(at + 1, low, true);
      this.#view.setInt32(at + 5, high, true);
      this.#end(9);
    } else if (low >= 0 && low < 128) {
      this.bytes[at] = low;
      this.#end(1);
    } else if (low >= -4096 && low < 4096) {
      this.bytes[at] = 0xc0 | ((low >> 8) & 0x1f);
      this.bytes[at + 1] = low & 0xff;
      this.#end(2);
    } else {
      const size = low >= -0x8000 && low < 0x8000 ? 2 : low >= -0x800000 && low < 0x800000 ? 3 : 4;
      this.bytes[at] = 0xf1 + size - 2;
      for (let byte = 0; byte < size; byte++) this.bytes[at + 1 + byte] = low >> (8 * byte);
      this.#end(1 + size);
    }
  }

  /** Ends the listpack; its bytes are good until the builder is used again. */
  finish(): void {
    this.#reserve(0);
    this.bytes[this.length++] = END;
    this.#view.setUint32(0, this.length, true);
    this.#view.setUint16(4, Math.min(this.count, COUNT_UNKNOWN), true);
  }

  #end(length: number): void {
    const backward = backwardBytes(length);
    let at = this.length + length + backward - 1;
    let left = length;
    for (let bytes = backward; bytes > 1; bytes--) {
      this.bytes[at--] = (left & 0x7f) | 0x80;
      left >>>= 7;
    }
    this.bytes[at] = left;
    this.length += length + backward;
    this.count++;
  }

  /** Makes room for an element with a string of `length` bytes. */
  #reserve(length: number): void {
    const needed = this.length + length + 16;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, needed));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    this.#view = viewOf(larger);
  }
}
