import { copyBytes, equalBytes, viewOf } from '../../base/bytes.ts';
import type { ListpackBuilder } from './listpack.ts';
import { STREAM_ID_BYTES, StreamItemFlag } from './types.ts';

/** Strings one behind the other. */
class StringList {
  bytes = new Uint8Array(256);
  /** Where each string ends. */
  readonly ends: number[] = [];
  #length = 0;

  clear(): void {
    this.ends.length = 0;
    this.#length = 0;
  }

  push(bytes: Uint8Array, offset: number, length: number): void {
    const end = this.#length + length;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, end));
      larger.set(this.bytes.subarray(0, this.#length));
      this.bytes = larger;
    }
    copyBytes(bytes, offset, this.bytes, this.#length, length);
    this.#length = end;
    this.ends.push(end);
  }

  copy(other: StringList): void {
    this.clear();
    this.push(other.bytes, 0, other.#length);
    this.ends.length = 0;
    for (let index = 0; index < other.ends.length; index++) this.ends.push(other.ends[index]);
  }

  equals(other: StringList): boolean {
    if (this.ends.length !== other.ends.length || this.#length !== other.#length) return false;
    for (let index = 0; index < this.ends.length; index++) {
      if (this.ends[index] !== other.ends[index]) return false;
    }
    return equalBytes(this.bytes, 0, other.bytes, 0, this.#length);
  }

  appendTo(listpack: ListpackBuilder, index: number): void {
    const begin = index === 0 ? 0 : this.ends[index - 1];
    listpack.append(this.bytes, begin, this.ends[index] - begin);
  }
}

/** Builds the listpack of a stream's node (see StreamReader). An entry is held until all its names are known. */
export class StreamNodeBuilder {
  /** The node's id: that of its first entry. */
  readonly id = new Uint8Array(STREAM_ID_BYTES);
  /** Fields that the entry still waits for. */
  fieldsLeft = 0;
  readonly #idView = viewOf(this.id);
  readonly #listpack: ListpackBuilder;
  readonly #entryId = new Uint8Array(STREAM_ID_BYTES);
  readonly #entryIdView = viewOf(this.#entryId);
  readonly #values = new StringList();
  readonly #names = new StringList();
  readonly #masterNames = new StringList();

  /** Appends to `listpack`, which is empty before a node's first entry. */
  constructor(listpack: ListpackBuilder) {
    this.#listpack = listpack;
  }

  beginEntry(id: Uint8Array, fieldCount: number): void {
    this.#entryId.set(id.subarray(0, STREAM_ID_BYTES));
    this.fieldsLeft = fieldCount;
    this.#names.clear();
    this.#values.clear();
  }

  addField(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
  ): void {
    this.fieldsLeft--;
    this.#names.push(nameBytes, nameOffset, nameLength);
    this.#values.push(valueBytes, valueOffset, valueLength);
  }

  /** Appends the entry, and before a node's first one the master entry of a node of `entryCount`. */
  endEntry(entryCount: number): void {
    const listpack = this.#listpack;
    const fieldCount = this.#values.ends.length;
    if (listpack.count === 0) this.#appendMaster(entryCount);
    const hasMasterFields = this.#names.equals(this.#masterNames);
    listpack.appendInteger(hasMasterFields ? StreamItemFlag.SAME_FIELDS : 0);
    this.#appendDifference(0);
    this.#appendDifference(8);
    if (!hasMasterFields) listpack.appendInteger(fieldCount);
    for (let field = 0; field < fieldCount; field++) {
      if (!hasMasterFields) this.#names.appendTo(listpack, field);
      this.#values.appendTo(listpack, field);
    }
    listpack.appendInteger(hasMasterFields ? fieldCount + 3 : 2 * fieldCount + 4);
  }

  #appendMaster(entryCount: number): void {
    const listpack = this.#listpack;
    const { length } = this.#names.ends;
    this.id.set(this.#entryId);
    listpack.appendInteger(entryCount);
    listpack.appendInteger(0);
    listpack.appendInteger(length);
    for (let field = 0; field < length; field++) this.#names.appendTo(listpack, field);
    listpack.appendInteger(0);
    this.#masterNames.copy(this.#names);
  }

  /** What one half of the entry's id, at 0 or 8, is above that of the node, modulo 2^64. */
  #appendDifference(half: number): void {
    const low = this.#entryIdView.getUint32(half + 4) - this.#idView.getUint32(half + 4);
    const high = this.#entryIdView.getUint32(half) - this.#idView.getUint32(half) - (low < 0 ? 1 : 0);
    this.#listpack.appendInteger64(low | 0, high | 0);
  }
}
