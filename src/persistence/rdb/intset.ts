import type { LentBytes } from './lent-bytes.ts';
import type { PackedCursor } from './packed.ts';
import { RdbError } from './rdb-error.ts';

/**
 * The intset of Redis (intset.c): bytes per integer (32 bits: 2, 4 or 8), number of integers (32), then the integers in
 * ascending order; all little-endian.
 */
const HEADER_BYTES = 8;

function corrupt(): never {
  throw new RdbError('Intset integrity check failed.');
}

export class IntsetCursor implements PackedCursor {
  declaredCount = -1;
  #view = new DataView(new ArrayBuffer(0));
  #size = 2;
  #position = 0;
  #end = 0;
  #isFirst = true;
  #previousLow = 0;
  #previousHigh = 0;

  open(structure: LentBytes): void {
    const { bytes, offset, length } = structure;
    if (length < HEADER_BYTES) corrupt();
    this.#view = new DataView(bytes.buffer as ArrayBuffer, bytes.byteOffset + offset, length);
    this.#size = this.#view.getUint32(0, true);
    this.declaredCount = this.#view.getUint32(4, true);
    if (this.#size !== 2 && this.#size !== 4 && this.#size !== 8) corrupt();
    if (this.declaredCount === 0 || HEADER_BYTES + this.declaredCount * this.#size !== length) corrupt();
    this.#position = HEADER_BYTES;
    this.#end = length;
    this.#isFirst = true;
  }

  next(element: LentBytes): boolean {
    const at = this.#position;
    if (at === this.#end) return false;
    const view = this.#view;
    const low = this.#size === 2 ? view.getInt16(at, true) : view.getInt32(at, true);
    const high = this.#size === 8 ? view.getInt32(at + 4, true) : low >> 31;
    const isAscending =
      high > this.#previousHigh || (high === this.#previousHigh && low >>> 0 > this.#previousLow >>> 0);
    if (!this.#isFirst && !isAscending) corrupt();
    this.#isFirst = false;
    this.#previousLow = low;
    this.#previousHigh = high;
    this.#position = at + this.#size;
    element.lendInteger(low, high);
    return true;
  }
}

/** The bytes of an intset with these integers, which are sorted in place. */
export function encodeIntset(integers: BigInt64Array): Uint8Array {
  integers.sort();
  const { length } = integers;
  let size = 2;
  // The extremes are at the ends.
  for (const extreme of length === 0 ? [] : [integers[0], integers[length - 1]]) {
    if (BigInt.asIntN(16, extreme) !== extreme) size = Math.max(size, 4);
    if (BigInt.asIntN(32, extreme) !== extreme) size = 8;
  }
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + length * size));
  view.setUint32(0, size, true);
  view.setUint32(4, length, true);
  for (let index = 0; index < length; index++) {
    const at = HEADER_BYTES + index * size;
    if (size === 8) view.setBigInt64(at, integers[index], true);
    else if (size === 4) view.setInt32(at, Number(integers[index]), true);
    else view.setInt16(at, Number(integers[index]), true);
  }
  return new Uint8Array(view.buffer);
}
