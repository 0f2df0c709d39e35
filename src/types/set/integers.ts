import { RecordBytes } from '../pages/record-bytes.ts';
import type { RecordStore } from '../pages/record-store.ts';
import type { Integer64 } from './integer64.ts';

/** Bytes before the first integer: the width's code (0, 1 or 2 for 2, 4 or 8 bytes) and 0. */
const HEAD_BYTES = 2;

/**
 * A set of integers as the payload of a record, in ascending order and as wide as the one that needs most, little-endian: as
 * the intset of Redis. Members are found by binary search.
 */
export class Integers {
  readonly record = new RecordBytes();
  /** Place of the integer found last, or of the one missed last, where it belongs. */
  place = 0;

  /** Takes the payload of the record that a store found last. */
  open(store: RecordStore): void {
    this.record.load(store);
  }

  get count(): number {
    return (this.record.length - HEAD_BYTES) / this.#width;
  }

  /** Moves to an integer; false if it is not there. */
  find(value: Integer64): boolean {
    const { upper, lower } = value;
    const { bytes, offset } = this.record;
    const width = this.#width;
    let from = 0;
    let to = this.count;
    if (value.width > width) {
      this.place = upper < 0 ? 0 : to;
      return false;
    }
    while (from < to) {
      const middle = (from + to) >>> 1;
      const at = offset + HEAD_BYTES + middle * width;
      const itsLower = lowerAt(bytes, at, width);
      let order = width === 8 ? upperAt(bytes, at) - upper : itsLower - lower;
      if (order === 0 && width === 8) order = (itsLower >>> 0) - (lower >>> 0);
      if (order === 0) {
        this.place = middle;
        return true;
      }
      if (order < 0) from = middle + 1;
      else to = middle;
    }
    this.place = from;
    return false;
  }

  /** Adds the integer that was missed last. */
  insert(value: Integer64): void {
    const { record, place } = this;
    if (value.width > this.#width) this.#widen(value.width, place === 0 && value.upper < 0);
    else record.splice(HEAD_BYTES + place * this.#width, 0, this.#width);
    const width = this.#width;
    const at = record.offset + HEAD_BYTES + place * width;
    writeInteger(record.bytes, at, width, value.upper, value.lower);
  }

  /** Removes the integer at a place. */
  removeAt(place: number): void {
    const width = this.#width;
    this.record.splice(HEAD_BYTES + place * width, width, 0);
  }

  /** Reads the integer at a place. */
  read(place: number, value: Integer64): void {
    const width = this.#width;
    const { bytes, offset } = this.record;
    const at = offset + HEAD_BYTES + place * width;
    value.lower = lowerAt(bytes, at, width);
    value.upper = width === 8 ? upperAt(bytes, at) : value.lower >> 31;
  }

  get #width(): number {
    return 2 << this.record.bytes[this.record.offset];
  }

  /** Gives all integers another width, and makes room for one more at an end. */
  #widen(width: number, isFirst: boolean): void {
    const { record, count } = this;
    const before = this.#width;
    const length = HEAD_BYTES + (count + 1) * width;
    record.splice(record.length, 0, length - record.length);
    const { bytes, offset } = record;
    bytes[offset] = width === 4 ? 1 : 2;
    const start = offset + HEAD_BYTES;
    const shift = isFirst ? 1 : 0;
    // From the last one on, for they grow into what lies behind them.
    for (let place = count - 1; place >= 0; place--) {
      const at = start + place * before;
      const lower = lowerAt(bytes, at, before);
      writeInteger(bytes, start + (place + shift) * width, width, lower >> 31, lower);
    }
  }
}

function lowerAt(bytes: Uint8Array, at: number, width: number): number {
  if (width === 2) return ((bytes[at] | (bytes[at + 1] << 8)) << 16) >> 16;
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

function upperAt(bytes: Uint8Array, at: number): number {
  return lowerAt(bytes, at + 4, 4);
}

function writeInteger(bytes: Uint8Array, at: number, width: number, upper: number, lower: number): void {
  bytes[at] = lower;
  bytes[at + 1] = lower >>> 8;
  if (width === 2) return;
  bytes[at + 2] = lower >>> 16;
  bytes[at + 3] = lower >>> 24;
  if (width === 4) return;
  bytes[at + 4] = upper;
  bytes[at + 5] = upper >>> 8;
  bytes[at + 6] = upper >>> 16;
  bytes[at + 7] = upper >>> 24;
}
