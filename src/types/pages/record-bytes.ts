import { copyBytes, writeUint48 } from '../../base/bytes.ts';
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
  /** The bytes of hot records are copied as those of cold ones are: for who reads a record while others change. */
  copies = false;
  #store!: RecordStore;
  #scratch: Uint8Array = NONE;

  /** Takes the record that a store found last. */
  load(store: RecordStore): void {
    this.#store = store;
    const { entry } = store;
    this.#take();
    if (!entry.hot || this.copies) this.#copy();
  }

  /** Makes the record hot and its bytes writable. */
  write(): void {
    this.#store.makeHot();
    this.#take();
  }

  /**
   * Replaces `removed` bytes at position `at` by `inserted` undefined ones. A record that has to move for that gets room for
   * `room` bytes, if that is more than otherwise.
   */
  splice(at: number, removed: number, inserted: number, room = 0): void {
    const { length } = this;
    const after = length - removed + inserted;
    if (inserted > removed) {
      this.#store.reshape(after, Math.max(room, roomFor(after)), this.encoding);
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

  #copy(): void {
    const { length } = this;
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(Math.max(length, 4096));
    copyBytes(this.bytes, this.offset, this.#scratch, 0, length);
    this.bytes = this.#scratch;
    this.offset = 0;
  }

  #take(): void {
    const { entry } = this.#store;
    this.bytes = entry.bytes;
    this.offset = entry.payloadOffset;
    this.length = entry.payloadLength;
    this.encoding = entry.encoding;
  }
}
