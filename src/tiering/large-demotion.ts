import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { WARM } from '../keyspace/record.ts';
import { ColdRecordWriter, coldBytes } from './cold-record.ts';
import type { ColdStore } from './cold-store.ts';

/** Bytes copied in one step. */
const STEP_BYTES = 1024 * 1024;
const PADDING = new Uint8Array(8);

/**
 * Demotes one large record in steps, so that neither the commands that wait nor the RAM in batches grow with it. The key stays
 * hot meanwhile and may be used and changed: a checksum before the first step and after the last tells whether it was, and
 * the copy is given up then.
 */
export class LargeDemotion {
  readonly #keyspace: Keyspace;
  readonly #store: ColdStore;
  readonly #writer = new ColdRecordWriter();
  #database: Database | null = null;
  #databaseId = 0;
  #key: Uint8Array = PADDING;
  #address = 0;
  #encoding = 0;
  #expireAt = -1;
  #payloadLength = 0;
  #copied = 0;

  constructor(keyspace: Keyspace, store: ColdStore) {
    this.#keyspace = keyspace;
    this.#store = store;
  }

  get isActive(): boolean {
    return this.#database !== null;
  }

  /** Begins with the hot record that a database has loaded, which has no cold copy. False if the store can't take it now. */
  begin(database: Database): boolean {
    const { entry } = database;
    this.#writer.encodeHead(entry, database.id);
    if (!this.#store.beginLarge((this.#writer.length + entry.payloadLength + 7) & ~7)) return false;
    this.#database = database;
    this.#databaseId = database.id;
    this.#key = entry.bytes.slice(entry.keyOffset, entry.keyOffset + entry.keyLength);
    this.#address = entry.address;
    this.#encoding = entry.encoding;
    this.#expireAt = entry.expireAt;
    this.#payloadLength = entry.payloadLength;
    this.#copied = 0;
    this.#store.extendLarge(this.#writer.bytes, 0, this.#writer.length);
    return true;
  }

  /**
   * Copies one step. When all is copied, `place` is called with the database, which has loaded the record, to put it at the
   * place that the store gives. Call while `isActive` and the store is not busy.
   */
  step(place: (database: Database) => void): void {
    const database = this.#database as Database;
    const store = this.#store;
    if (!this.#isThere(database)) {
      this.#abandon();
      return;
    }
    const { entry } = database;
    const part = Math.min(STEP_BYTES, this.#payloadLength - this.#copied);
    store.extendLarge(entry.bytes, entry.payloadOffset + this.#copied, part);
    this.#copied += part;
    if (this.#copied < this.#payloadLength) return;
    if (!this.#writer.isCurrent(entry)) {
      this.#abandon();
      return;
    }
    const length = this.#writer.length + this.#payloadLength;
    store.extendLarge(PADDING, 0, ((length + 7) & ~7) - length);
    store.finishLarge(
      coldBytes(entry.keyLength, entry.payloadLength, entry.flags),
      this.#databaseId & 0xffffff,
    );
    this.#database = null;
    place(database);
  }

  /** Whether the record is still what it was, but for the bytes of its payload; the database has loaded it then. */
  #isThere(database: Database): boolean {
    if (this.#keyspace.databaseOf(this.#databaseId) !== database) return false;
    if (!database.peekRaw(this.#key, 0, this.#key.length)) return false;
    const { entry } = database;
    return (
      entry.hot &&
      (entry.flags & WARM) === 0 &&
      entry.address === this.#address &&
      entry.encoding === this.#encoding &&
      entry.expireAt === this.#expireAt &&
      entry.payloadLength === this.#payloadLength
    );
  }

  #abandon(): void {
    this.#database = null;
    this.#store.abandonLarge();
  }
}
