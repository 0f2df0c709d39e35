import { readUint32 } from '../../base/bytes.ts';
import type { LentBytes } from './lent-bytes.ts';
import type { PackedCursor } from './packed.ts';
import { RdbError } from './rdb-error.ts';

/**
 * The zipmap of Redis before 2.6 (zipmap.c): number of fields (a byte, 254 if unknown), then field and value in turn,
 * 0xff. Each is its length (a byte, or 254 and 32 bits, little-endian) and its bytes; behind a value's length there is a
 * byte that tells how many unused bytes follow the value.
 */
const COUNT_UNKNOWN = 254;
const LONG_LENGTH = 254;
const END = 0xff;

function corrupt(): never {
  throw new RdbError('Zipmap integrity check failed.');
}

export class ZipmapCursor implements PackedCursor {
  declaredCount = -1;
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;
  #end = 0;
  #count = 0;

  open(structure: LentBytes): void {
    const { bytes, offset, length } = structure;
    this.#end = offset + length - 1;
    if (length < 2 || bytes[this.#end] !== END) corrupt();
    this.declaredCount = bytes[offset] >= COUNT_UNKNOWN ? -1 : bytes[offset] * 2;
    this.#bytes = bytes;
    this.#position = offset + 1;
    this.#count = 0;
  }

  next(element: LentBytes): boolean {
    const bytes = this.#bytes;
    let at = this.#position;
    if (at === this.#end) {
      if (this.declaredCount >= 0 && this.declaredCount !== this.#count) corrupt();
      return false;
    }
    let length = bytes[at++];
    if (length === END) corrupt();
    if (length === LONG_LENGTH) {
      if (at + 4 > this.#end) corrupt();
      length = readUint32(bytes, at);
      at += 4;
    }
    const isValue = this.#count % 2 === 1;
    let unused = 0;
    if (isValue) {
      if (at >= this.#end) corrupt();
      unused = bytes[at++];
    }
    if (at + length + unused > this.#end) corrupt();
    element.lend(bytes, at, length);
    this.#position = at + length + unused;
    this.#count++;
    return true;
  }
}
