import { copyBytes, readUint48, writeUint32 } from '../../base/bytes.ts';
import {
  FORM_NUMBERED,
  PAGED,
  readDouble,
  STRUCTURE_BYTES,
  structureAt,
  writeDouble,
} from '../pages/head.ts';
import { RecordBytes } from '../pages/record-bytes.ts';
import type { PageStore, Payload, ValueStore } from '../pages/record-store.ts';

/** A longer string is kept in chunks. */
export const INLINE_BYTES_MAX = 64 * 1024;
/** Bytes of the string in one chunk: with its header and name it just fits a block of 16 KiB (docs/adr/0008). */
export const CHUNK_BYTES = 16 * 1024 - 64;
/** Payload bytes of such a string's record. */
export const CHUNKED_HEAD_BYTES = structureAt(0, 1);
const STRUCTURE = 0;
const LENGTH_AT = structureAt(0, STRUCTURE) + STRUCTURE_BYTES - 8;

const NONE = new Uint8Array(0);
const ZEROS = new Uint8Array(CHUNK_BYTES);

/** The length of a string by its record, in chunks or not. */
export function stringLength({ encoding, bytes, payloadOffset, payloadLength }: Payload): number {
  return (encoding & PAGED) === 0 ? payloadLength : readDouble(bytes, payloadOffset + LENGTH_AT);
}

/**
 * A string in chunks: pages by number, of which chunk n has the bytes from n × {@link CHUNK_BYTES} on. What a chunk is too short
 * for, or one that is missing would have, are zeros. So a bit far out, or a byte in the middle, costs one chunk.
 *
 * One object serves one string after another: `open` takes the one that a database found last. To change it open it for
 * writing, and call `save` at the end.
 */
export class ChunkedString {
  length = 0;
  /**
   * The part looked at last: `stored` bytes from `bytes[offset]` on, good until another record is looked at. What the part has
   * besides are zeros.
   */
  bytes: Uint8Array = NONE;
  offset = 0;
  stored = 0;
  readonly #root = new RecordBytes();
  #pages!: PageStore;
  #collection = 0;

  /** Takes the string in chunks that a database found last. */
  open(store: ValueStore, isForWriting: boolean): void {
    const root = this.#root;
    if (isForWriting) store.makeHot();
    root.load(store);
    this.#pages = store.pages;
    this.#collection = readUint48(root.bytes, root.offset);
    this.length = readDouble(root.bytes, root.offset + LENGTH_AT);
  }

  /** Makes the record that a database found or made last an empty string in chunks, whatever its payload was. */
  create(store: ValueStore): void {
    this.#pages = store.pages;
    this.#collection = store.pages.takeCollection();
    this.length = 0;
    const root = this.#root;
    root.load(store);
    root.becomeHead(this.#collection, 1, 0);
  }

  /** Takes the string that a database found last, which is whole in its record, into chunks, for writing. */
  adopt(store: ValueStore): void {
    store.makeHot();
    const root = this.#root;
    root.load(store);
    this.#pages = store.pages;
    this.#collection = store.pages.takeCollection();
    this.length = 0;
    this.write(0, root.bytes, root.offset, root.length);
    root.becomeHead(this.#collection, 1, 0);
  }

  /** Writes what the head tells. Call after changes. */
  save(): void {
    const root = this.#root;
    root.write();
    const at = structureAt(root.offset, STRUCTURE);
    root.bytes[at] = FORM_NUMBERED;
    writeUint32(root.bytes, at + 4, Math.ceil(this.length / CHUNK_BYTES));
    writeDouble(root.bytes, root.offset + LENGTH_AT, this.length);
  }

  /**
   * Looks at the part of the string from `position` up to the end of its chunk or `end`, which is within the string: `bytes`,
   * `offset` and `stored` tell of it. Returns the part's length.
   */
  part(position: number, end: number): number {
    const chunk = Math.floor(position / CHUNK_BYTES);
    const within = position - chunk * CHUNK_BYTES;
    const length = Math.min(CHUNK_BYTES - within, end - position);
    this.stored = 0;
    if (this.#pages.find(this.#collection, STRUCTURE, chunk)) {
      const { bytes, payloadOffset, payloadLength } = this.#pages.entry;
      this.bytes = bytes;
      this.offset = payloadOffset + within;
      this.stored = Math.max(0, Math.min(length, payloadLength - within));
    }
    return length;
  }

  /** The byte at a position; 0 beyond the end. */
  byteAt(position: number): number {
    this.part(position, position + 1);
    return this.stored === 0 ? 0 : this.bytes[this.offset];
  }

  /** Tells the bytes from `from` up to `end`, which are within the string, in parts, zeros included; each is lent for the call. */
  tell(from: number, end: number, take: (bytes: Uint8Array, offset: number, length: number) => void): void {
    for (let at = from; at < end; ) {
      const length = this.part(at, end);
      if (this.stored > 0) take(this.bytes, this.offset, this.stored);
      if (this.stored < length) take(ZEROS, 0, length - this.stored);
      at += length;
    }
  }

  /** Copies `length` bytes from `position` on, zeros for those beyond the end. */
  read(position: number, length: number, target: Uint8Array, targetOffset: number): void {
    const end = position + length;
    for (let at = position; at < end; ) {
      const to = targetOffset + at - position;
      const partLength = this.part(at, end);
      copyBytes(this.bytes, this.offset, target, to, this.stored);
      target.fill(0, to + this.stored, to + partLength);
      at += partLength;
    }
  }

  /** Puts bytes, which lie in no record of the cold tier, at a position; what lies between the end and there becomes zeros. */
  write(position: number, source: Uint8Array, offset: number, length: number): void {
    this.#checkChunks(position, Math.min(position + length, this.length));
    for (let done = 0; done < length; ) {
      const at = position + done;
      const chunk = Math.floor(at / CHUNK_BYTES);
      const within = at - chunk * CHUNK_BYTES;
      const count = Math.min(CHUNK_BYTES - within, length - done);
      this.#writeChunk(chunk, within, source, offset + done, count);
      done += count;
    }
    this.extend(position + length);
  }

  /** Makes the string at least so long, by zeros. */
  extend(length: number): void {
    if (length > this.length) this.length = length;
  }

  /** Reads the chunks of a range, so that one that can't be read is met before any is changed. */
  #checkChunks(position: number, end: number): void {
    const first = Math.floor(position / CHUNK_BYTES);
    const last = Math.ceil(end / CHUNK_BYTES) - 1;
    if (last <= first) return;
    for (let chunk = first; chunk <= last; chunk++) this.#pages.find(this.#collection, STRUCTURE, chunk);
  }

  #writeChunk(chunk: number, within: number, source: Uint8Array, offset: number, length: number): void {
    const pages = this.#pages;
    const end = within + length;
    let { entry } = pages;
    if (!pages.find(this.#collection, STRUCTURE, chunk)) {
      if (areZeros(source, offset, length)) return;
      entry = pages.create(this.#collection, STRUCTURE, chunk, end, end);
      entry.bytes.fill(0, entry.payloadOffset, entry.payloadOffset + within);
    } else if (entry.payloadLength >= end) {
      entry = pages.makeHot();
    } else {
      const before = entry.payloadLength;
      entry = pages.reshape(end, Math.min(CHUNK_BYTES, end * 2), 0);
      if (before < within) {
        entry.bytes.fill(0, entry.payloadOffset + before, entry.payloadOffset + within);
      }
    }
    copyBytes(source, offset, entry.bytes, entry.payloadOffset + within, length);
  }
}

function areZeros(bytes: Uint8Array, offset: number, length: number): boolean {
  for (let at = offset; at < offset + length; at++) if (bytes[at] !== 0) return false;
  return true;
}
