import { sliceBytes } from '../base/bytes.ts';
import type { KeyHash } from '../base/hash.ts';
import type { Database } from '../keyspace/database.ts';
import { PageTable } from '../keyspace/page-table.ts';
import type { Entry } from '../keyspace/record.ts';
import type { PageStore, Payload, RecordStore, ValueStore } from '../types/pages/record-store.ts';

const NONE = new Uint8Array(0);
/** About what an object and its bytes cost besides them. */
const OBJECT_BYTES = 200;
const STRUCTURE_FACTOR = 2 ** 32;

/** Where a record's bytes were found; whoever loads them copies them, so that they last while others change. */
class ReadPayload implements Payload {
  bytes: Uint8Array = NONE;
  encoding = 0;
  payloadOffset = 0;
  payloadLength = 0;
  readonly hot = false;
}

/** A store that is only read. */
class ReadRecord implements RecordStore {
  readonly entry = new ReadPayload();

  reshape(): never {
    throw new Error('a value of a snapshot is not changed');
  }

  makeHot(): never {
    throw new Error('a value of a snapshot is not changed');
  }
}

/** The pages of a value as they were when it was preserved: those that have changed since are kept here. */
export class PreservedPages extends ReadRecord implements PageStore {
  readonly keyHash: KeyHash;
  /** Bytes of the pages that are kept. */
  byteCount = 0;
  /** The walk that frees the pages, if the value is gone. */
  freeing: IterableIterator<void> | null = null;
  readonly #collection: number;
  readonly #table: PageTable;
  /** Pages by structure and number; null for one that was not there. */
  readonly #images = new Map<number, Uint8Array | null>();

  /** `table` reads the pages as they are now, and leaves no trace of that. */
  constructor(collection: number, table: PageTable) {
    super();
    this.keyHash = table.keyHash;
    this.#collection = collection;
    this.#table = table;
  }

  /** Keeps a page before it first changes, or that it is not there. */
  keep(page: number, structure: number, entry: Entry, isThere: boolean): void {
    const name = structure * STRUCTURE_FACTOR + page;
    if (this.#images.has(name)) return;
    const image = isThere ? sliceBytes(entry.bytes, entry.payloadOffset, entry.payloadLength) : null;
    this.#images.set(name, image);
    this.byteCount += OBJECT_BYTES + (image?.length ?? 0);
  }

  find(collection: number, structure: number, page: number): boolean {
    if (collection !== this.#collection) throw new Error('a page of another value');
    const { entry } = this;
    const image = this.#images.get(structure * STRUCTURE_FACTOR + page);
    if (image === null) return false;
    if (image !== undefined) {
      entry.bytes = image;
      entry.payloadOffset = 0;
      entry.payloadLength = image.length;
      return true;
    }
    if (!this.#table.find(collection, structure, page)) return false;
    const found = this.#table.entry;
    entry.bytes = found.bytes;
    entry.payloadOffset = found.payloadOffset;
    entry.payloadLength = found.payloadLength;
    entry.encoding = found.encoding;
    return true;
  }

  takeCollection(): never {
    throw new Error('a value of a snapshot is not changed');
  }

  findToRemove(): never {
    throw new Error('a value of a snapshot is not changed');
  }

  create(): never {
    throw new Error('a value of a snapshot is not changed');
  }

  remove(): never {
    throw new Error('a value of a snapshot is not changed');
  }
}

/** A key as it was: a copy of its record, and its pages if it has some. */
export class PreservedValue extends ReadRecord implements ValueStore {
  readonly type: number;
  readonly access: number;
  readonly expireAt: number;
  readonly keyLength: number;
  /** The number of the key's database when the snapshot began. */
  readonly databaseNumber: number;
  /** Its pages as they were, if its payload is a head. */
  readonly preservedPages: PreservedPages | null;
  readonly #pages: PageStore | null;

  /** Copies what the database has loaded; the key's bytes come first. Only a string in its record has no use for `pages`. */
  constructor(
    database: Database,
    databaseNumber: number,
    pages: PageStore | null,
    preservedPages: PreservedPages | null,
  ) {
    super();
    const { entry: found } = database;
    const { entry } = this;
    this.type = found.type;
    this.access = found.access;
    this.expireAt = found.expireAt;
    this.keyLength = found.keyLength;
    this.databaseNumber = databaseNumber;
    this.preservedPages = preservedPages;
    this.#pages = preservedPages ?? pages;
    entry.bytes = new Uint8Array(found.keyLength + found.payloadLength);
    entry.bytes.set(found.bytes.subarray(found.keyOffset, found.keyOffset + found.keyLength));
    const payload = found.bytes.subarray(found.payloadOffset, found.payloadOffset + found.payloadLength);
    entry.bytes.set(payload, found.keyLength);
    entry.encoding = found.encoding;
    entry.payloadOffset = found.keyLength;
    entry.payloadLength = found.payloadLength;
  }

  /** Bytes of RAM, the pages apart. */
  get byteCount(): number {
    return OBJECT_BYTES + this.entry.bytes.length;
  }

  get pages(): PageStore {
    if (this.#pages === null) throw new Error('a value without pages');
    return this.#pages;
  }
}

/** The pages of a database, read without leaving a trace. */
export function untouchedPages(database: Database, keyHash: KeyHash): PageTable {
  const refuse = (): never => {
    throw new Error('a value of a snapshot is not changed');
  };
  return new PageTable(database.pages.records, keyHash, refuse, 0);
}
