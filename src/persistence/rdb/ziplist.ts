import type { LentBytes } from './lent-bytes.ts';
import type { PackedCursor } from './packed.ts';
import { RdbError } from './rdb-error.ts';

/**
 * The ziplist of Redis up to 6.2 (ziplist.c): total bytes (32 bits), offset of the last element (32), number of elements
 * (16, 65535 if unknown), elements, 0xff; all little-endian. An element begins with the length of the one before: a
 * byte, or 0xfe and 32 bits. Then:
 *
 * | first byte       | element                                                  |
 * | ---------------- | -------------------------------------------------------- |
 * | `00xxxxxx`       | string of up to 63 bytes                                 |
 * | `01xxxxxx` + 1   | string of up to 16383 bytes, big-endian                  |
 * | `0x80` + 4       | string, length in 32 bits, big-endian                    |
 * | `0xc0` `0xd0` `0xe0` `0xf0` `0xfe` | signed integer of 16, 32, 64, 24, 8 bits |
 * | `0xf1` to `0xfd` | the integers from 0 to 12                                |
 */
const HEADER_BYTES = 10;
const COUNT_UNKNOWN = 0xffff;
const END = 0xff;
const LONG_PREVIOUS = 0xfe;

function corrupt(): never {
  throw new RdbError('Ziplist integrity check failed.');
}

export class ZiplistCursor implements PackedCursor {
  declaredCount = -1;
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));
  #position = 0;
  #end = 0;
  #count = 0;
  #previousBytes = 0;
  /** Where the last element must begin. */
  #tail = 0;

  open(structure: LentBytes): void {
    const { bytes, offset, length } = structure;
    if (length < HEADER_BYTES + 1) corrupt();
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
    this.#end = offset + length - 1;
    if (this.#view.getUint32(offset, true) !== length || bytes[this.#end] !== END) corrupt();
    this.#tail = offset + this.#view.getUint32(offset + 4, true);
    const count = this.#view.getUint16(offset + 8, true);
    this.declaredCount = count === COUNT_UNKNOWN ? -1 : count;
    this.#position = offset + HEADER_BYTES;
    this.#count = 0;
    this.#previousBytes = 0;
  }

  next(element: LentBytes): boolean {
    const start = this.#position;
    if (start === this.#end) {
      if (this.#tail !== start - this.#previousBytes) corrupt();
      if (this.declaredCount >= 0 && this.declaredCount !== this.#count) corrupt();
      return false;
    }
    let at = start + 1;
    let previousBytes = this.#bytes[start];
    if (previousBytes === LONG_PREVIOUS) {
      this.#check(at + 4);
      previousBytes = this.#view.getUint32(at, true);
      at += 4;
    }
    if (previousBytes !== this.#previousBytes) corrupt();
    this.#check(at + 1);
    const first = this.#bytes[at++];
    this.#position =
      first < 0xc0 ? this.#readString(first, at, element) : this.#readInteger(first, at, element);
    this.#previousBytes = this.#position - start;
    this.#count++;
    return true;
  }

  #readString(first: number, position: number, element: LentBytes): number {
    let at = position;
    let length: number;
    if (first < 0x40) {
      length = first;
    } else if (first < 0x80) {
      this.#check(at + 1);
      length = ((first & 0x3f) << 8) | this.#bytes[at++];
    } else {
      if (first !== 0x80) corrupt();
      this.#check(at + 4);
      length = this.#view.getUint32(at);
      at += 4;
    }
    this.#check(at + length);
    element.lend(this.#bytes, at, length);
    return at + length;
  }

  #readInteger(first: number, at: number, element: LentBytes): number {
    const size = integerBytes(first);
    this.#check(at + size);
    const view = this.#view;
    let low: number;
    let high: number | undefined;
    switch (first) {
      case 0xc0:
        low = view.getInt16(at, true);
        break;
      case 0xd0:
        low = view.getInt32(at, true);
        break;
      case 0xe0:
        low = view.getInt32(at, true);
        high = view.getInt32(at + 4, true);
        break;
      case 0xf0:
        low = view.getUint8(at) | (view.getInt16(at + 1, true) << 8);
        break;
      case 0xfe:
        low = view.getInt8(at);
        break;
      default:
        low = (first & 0x0f) - 1;
    }
    element.lendInteger(low, high ?? low >> 31);
    return at + size;
  }

  #check(end: number): void {
    if (end > this.#end) corrupt();
  }
}

/** Bytes of an integer behind its encoding. */
function integerBytes(first: number): number {
  switch (first) {
    case 0xc0:
      return 2;
    case 0xd0:
      return 4;
    case 0xe0:
      return 8;
    case 0xf0:
      return 3;
    case 0xfe:
      return 1;
    default:
      return first >= 0xf1 && first <= 0xfd ? 0 : corrupt();
  }
}
