import { writeUint32, writeUint48 } from '../base/bytes.ts';
import type { KeyHash } from '../base/hash.ts';
import type { PageStore, Payload } from '../types/pages/record-store.ts';
import type { Database } from './database.ts';
import { TYPE_PAGE } from './record.ts';

/** Bytes of a page's name: its collection (6), structure (1) and number (4). */
const NAME_BYTES = 11;

/**
 * The pages of a database's collections. They are records in a table of their own, named by collection, structure and number
 * (types/pages/head.ts), so that they are demoted, promoted, moved and reclaimed as keys are, and no directory refers to them.
 */
export class PageTable implements PageStore {
  readonly keyHash: KeyHash;
  /** The table: a database whose keys are pages' names. */
  readonly records: Database;
  readonly #takeCollection: () => number;
  readonly #how: number;
  readonly #name = new Uint8Array(NAME_BYTES);
  readonly #nameView = new DataView(this.#name.buffer);

  /** `how` is how pages are looked up: see Database.find. */
  constructor(records: Database, keyHash: KeyHash, takeCollection: () => number, how: number) {
    this.records = records;
    this.keyHash = keyHash;
    this.#takeCollection = takeCollection;
    this.#how = how;
  }

  get entry(): Payload {
    return this.records.entry;
  }

  takeCollection(): number {
    return this.#takeCollection();
  }

  find(collection: number, structure: number, page: number): boolean {
    const name = this.#name;
    writeUint48(name, 0, collection);
    name[6] = structure;
    writeUint32(name, 7, page);
    return this.records.findViewed(name, this.#nameView, 0, NAME_BYTES, this.#how);
  }

  create(collection: number, structure: number, page: number, length: number, room: number): Payload {
    this.find(collection, structure, page);
    this.records.store(TYPE_PAGE, 0, length, -1);
    return room > length ? this.records.reshape(length, room, 0) : this.records.entry;
  }

  remove(): void {
    this.records.remove();
  }

  reshape(payloadLength: number, room: number, encoding: number): Payload {
    return this.records.reshape(payloadLength, room, encoding);
  }

  makeHot(): Payload {
    return this.records.makeHot();
  }
}
