import { writeUint32, writeUint48 } from '../base/bytes.ts';
import type { KeyHash } from '../base/hash.ts';
import type { PageStore, Payload } from '../types/pages/record-store.ts';
import type { Database } from './database.ts';
import { REPLACE } from './look-up.ts';
import type { PageGrowth } from './page-growth.ts';
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
  readonly #growth: PageGrowth | null;
  readonly #name = new Uint8Array(NAME_BYTES);
  readonly #nameView = new DataView(this.#name.buffer);

  /** `how` is how pages are looked up: see Database.find. `growth` counts those that are made or made hot. */
  constructor(
    records: Database,
    keyHash: KeyHash,
    takeCollection: () => number,
    how: number,
    growth: PageGrowth | null = null,
  ) {
    this.records = records;
    this.keyHash = keyHash;
    this.#takeCollection = takeCollection;
    this.#how = how;
    this.#growth = growth;
  }

  get entry(): Payload {
    return this.records.entry;
  }

  get isPlain(): boolean {
    return this.records.isPlain;
  }

  get reliefCount(): number {
    return this.#growth === null ? 0 : this.#growth.reliefCount;
  }

  takeCollection(): number {
    return this.#takeCollection();
  }

  find(collection: number, structure: number, page: number): boolean {
    if (this.#growth?.asksForRelief === true) this.records.relieve();
    this.#setName(collection, structure, page);
    return this.records.findViewed(this.#name, this.#nameView, 0, NAME_BYTES, this.#how);
  }

  findToRemove(collection: number, structure: number, page: number): boolean {
    this.#setName(collection, structure, page);
    return this.records.findViewed(this.#name, this.#nameView, 0, NAME_BYTES, REPLACE);
  }

  /** As {@link find}, but it is no access. */
  peek(collection: number, structure: number, page: number): boolean {
    this.#setName(collection, structure, page);
    return this.records.findViewed(this.#name, this.#nameView, 0, NAME_BYTES, 0);
  }

  /** Whether looking the page up reads the cold store; see Database.needsCold. */
  needsCold(collection: number, structure: number, page: number): boolean {
    this.#setName(collection, structure, page);
    return this.records.needsCold(this.#name, 0, NAME_BYTES);
  }

  /** The name of a page, until another one is asked for or looked up. */
  nameOf(collection: number, structure: number, page: number): Uint8Array {
    this.#setName(collection, structure, page);
    return this.#name;
  }

  create(collection: number, structure: number, page: number, length: number, room: number): Payload {
    this.find(collection, structure, page);
    if (this.#growth !== null) this.#growth.bytes += Math.max(length, room);
    this.records.store(TYPE_PAGE, 0, length, -1);
    return room > length ? this.records.reshape(length, room, 0) : this.records.entry;
  }

  remove(): void {
    this.records.remove();
  }

  reshape(payloadLength: number, room: number, encoding: number): Payload {
    this.#noteGrowth();
    return this.records.reshape(payloadLength, room, encoding);
  }

  makeHot(): Payload {
    this.#noteGrowth();
    return this.records.makeHot();
  }

  #noteGrowth(): void {
    const { entry } = this.records;
    if (this.#growth !== null && !entry.hot) this.#growth.bytes += entry.payloadLength;
  }

  #setName(collection: number, structure: number, page: number): void {
    const name = this.#name;
    writeUint48(name, 0, collection);
    name[6] = structure;
    writeUint32(name, 7, page);
  }
}
