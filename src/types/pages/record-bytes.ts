import { writeUint48 } from '../../base/bytes.ts';
import { PAGED, STRUCTURE_COUNT_AT, structureAt } from './head.ts';
import { type RecordStore, roomFor } from './record-store.ts';

const NONE = new Uint8Array(0);

/**
 * The bytes of one record, a value's own payload or a page: `bytes[offset … offset + length)`. They stay readable while other
 * records are read: those of a cold record are copied. They end to be so when the record is changed by another way, or the
 * tier may demote it: between commands, or where a long command lets it.
 *
 * The mutators act on the record that its store found last, which must be this one.
 */
export class RecordBytes {
  bytes: Uint8Array = NONE;
  offset = 0;
  length = 0;
  encoding = 0;
  #store!: RecordStore;
  #scratch: Uint8Array = NONE;

  /** Takes the record that a store found last. */
  load(store: RecordStore): void {
    this.#store = store;
    const { entry } = store;
    if (entry.hot) {
      this.#take();
      return;
    }
    const length = entry.payloadLength;
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(Math.max(length, 4096));
    this.#scratch.set(entry.bytes.subarray(entry.payloadOffset, entry.payloadOffset + length));
    this.bytes = this.#scratch;
    this.offset = 0;
    this.length = length;
    this.encoding = entry.encoding;
  }

  /** Makes the record hot and its bytes writable. */
  write(): void {
    this.#store.makeHot();
    this.#take();
  }

  /** Replaces `removed` bytes at position `at` by `inserted` undefined ones. */
  splice(at: number, removed: number, inserted: number): void {
    const { length } = this;
    const after = length - removed + inserted;
    if (inserted > removed) {
      this.#store.reshape(after, roomFor(after), this.encoding);
      this.#take();
      const from = this.offset + at + removed;
      this.bytes.copyWithin(this.offset + at + inserted, from, this.offset + length);
    } else {
      this.write();
      if (removed === inserted) return;
      const from = this.offset + at + removed;
      this.bytes.copyWithin(this.offset + at + inserted, from, this.offset + length);
      this.#store.reshape(after, after, this.encoding);
      this.#take();
    }
  }

  /** Gives all of the record's bytes up for `length` undefined ones. */
  replace(length: number): void {
    this.#store.reshape(length, length, this.encoding);
    this.#take();
  }

  /** Makes the record the head of a collection, whose structures and what else it keeps are zeros yet. */
  becomeHead(collection: number, structureCount: number, restBytes: number): void {
    const length = structureAt(0, structureCount) + restBytes;
    this.#store.reshape(length, length, this.encoding | PAGED);
    this.#take();
    const { bytes, offset } = this;
    bytes.fill(0, offset, offset + length);
    writeUint48(bytes, offset, collection);
    bytes[offset + STRUCTURE_COUNT_AT] = structureCount;
  }

  /** Makes the record, which is a head, hold all of a value again. */
  becomeInline(content: Uint8Array): void {
    this.#store.reshape(content.length, content.length, this.encoding & ~PAGED);
    this.#take();
    this.bytes.set(content, this.offset);
  }

  /** Changes the encoding that the record's header tells. */
  setEncoding(encoding: number): void {
    this.#store.reshape(this.length, this.length, encoding);
    this.#take();
  }

  #take(): void {
    const { entry } = this.#store;
    this.bytes = entry.bytes;
    this.offset = entry.payloadOffset;
    this.length = entry.payloadLength;
    this.encoding = entry.encoding;
  }
}
