import { equalBytes, readUint48, sliceBytes } from '../base/bytes.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { headerBytes, TYPE_PAGE } from '../keyspace/record.ts';
import { blockBytesFor } from '../memory/arena.ts';
import { elementBytes, PAGED } from '../types/pages/head.ts';
import { pagesOf } from '../types/pages/walk.ts';

/** Bits of the hash's second word that the identity of a name has besides the first. */
const UPPER_MASK = (1 << 21) - 1;
/** About the RAM of a pin besides its name. */
const PIN_BYTES = 240;
const NO_COLLECTION = -1;

interface Pin {
  readonly name: Uint8Array;
  /** The pages of its value, if it is kept in pages. */
  collection: number;
  /** RAM of the key and its value when it was last looked at. */
  bytes: number;
  isStale: boolean;
}

/**
 * Names of keys that stay in RAM with all of their value. A pin is of a name in a database: it holds for whatever is kept
 * there later, until it is taken off, and goes where SWAPDB takes its database. RENAME leaves it behind.
 *
 * A set of names beside the records rather than a bit in each: pages are made and split without knowing whose they are, and
 * as long as nothing is pinned it costs a comparison.
 */
export class Pins {
  /** Names that are pinned. */
  count = 0;
  /** RAM of all that is pinned, as far as it was looked at; what the elements of values in pages take is about right. */
  bytes = 0;

  readonly #keyspace: Keyspace;
  readonly #byDatabase = new Map<Database, Map<number, Pin>>();
  readonly #collections = new Set<number>();
  #stale: { readonly database: Database; readonly pin: Pin }[] = [];
  #nameBytes = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  /** Bytes of RAM that the names take. */
  get byteCount(): number {
    return this.#nameBytes + this.count * PIN_BYTES;
  }

  /** RAM that the key that a database found last would take with all of its value. */
  sizeOf({ entry }: Database): number {
    const { flags, encoding, keyLength, payloadLength } = entry;
    const own = blockBytesFor(headerBytes(flags) + keyLength + payloadLength);
    return own + ((encoding & PAGED) !== 0 ? elementBytes(entry) : 0);
  }

  /** Pins the key that a database found last, and makes it hot with all of its pages. False if it was pinned before. */
  add(database: Database): boolean {
    const { bytes, keyOffset, keyLength } = database.entry;
    const name = sliceBytes(bytes, keyOffset, keyLength);
    if (this.#find(database, name, 0, name.length) !== undefined) return false;
    let pins = this.#byDatabase.get(database);
    if (pins === undefined) {
      pins = new Map();
      this.#byDatabase.set(database, pins);
    }
    const pin: Pin = { name, collection: NO_COLLECTION, bytes: 0, isStale: false };
    pins.set(this.#identityOf(this.#keyspace.keyHash.hashBytes(name, 0, name.length)), pin);
    this.count++;
    this.#nameBytes += name.length;
    this.#look(database, pin);
    return true;
  }

  /** Takes a pin off; false if there is none of that name. */
  remove(database: Database, key: Uint8Array, offset: number, length: number): boolean {
    const pin = this.#find(database, key, offset, length);
    if (pin === undefined) return false;
    const pins = this.#byDatabase.get(database) as Map<number, Pin>;
    pins.delete(this.#identityOf(this.#keyspace.keyHash.hashBytes(key, offset, length)));
    if (pins.size === 0) this.#byDatabase.delete(database);
    this.#stale = this.#stale.filter((stale) => stale.pin !== pin);
    this.#collections.delete(pin.collection);
    this.bytes -= pin.bytes;
    this.count--;
    this.#nameBytes -= pin.name.length;
    return true;
  }

  has(database: Database, key: Uint8Array, offset: number, length: number): boolean {
    return this.count > 0 && this.#find(database, key, offset, length) !== undefined;
  }

  /** Whether the hot record that a database, or a table of pages, has loaded is a pinned key or part of its value. */
  holds(database: Database): boolean {
    const { type, bytes, view, keyOffset, keyLength } = database.entry;
    if (type === TYPE_PAGE) return this.#collections.has(readUint48(bytes, keyOffset));
    const lower = this.#keyspace.keyHash.hash(view, keyOffset, keyLength);
    return this.#find(database, bytes, keyOffset, keyLength, lower) !== undefined;
  }

  /** The names pinned in a database. */
  namesIn(database: Database): Uint8Array[] {
    return [...(this.#byDatabase.get(database)?.values() ?? [])].map(({ name }) => name);
  }

  /** A key has changed: if it is pinned it is looked at again by the next {@link refresh}. */
  changed(database: Database, key: Uint8Array, offset: number, length: number): void {
    const pin = this.#find(database, key, offset, length);
    if (pin === undefined || pin.isStale) return;
    pin.isStale = true;
    this.#stale.push({ database, pin });
  }

  /** All keys of a database have changed. */
  databaseChanged(database: Database): void {
    const pins = this.#byDatabase.get(database);
    if (pins === undefined) return;
    for (const { name } of pins.values()) this.changed(database, name, 0, name.length);
  }

  /** Looks at the pinned keys that have changed. What databases found last is lost. */
  refresh(): void {
    if (this.#stale.length === 0) return;
    for (const { database, pin } of this.#stale.splice(0)) {
      pin.isStale = false;
      this.#look(database, pin);
    }
  }

  /** Takes the size of a pinned key, and makes its value hot if it is another than before. */
  #look(database: Database, pin: Pin): void {
    this.bytes -= pin.bytes;
    pin.bytes = 0;
    let collection = NO_COLLECTION;
    try {
      if (database.peekRaw(pin.name, 0, pin.name.length)) {
        database.promote();
        const { entry, pages } = database;
        pin.bytes = this.sizeOf(database);
        if ((entry.encoding & PAGED) !== 0) {
          const head = sliceBytes(entry.bytes, entry.payloadOffset, entry.payloadLength);
          collection = readUint48(head, 0);
          this.#collections.add(collection);
          if (collection !== pin.collection) for (const _ of pagesOf(head, pages)) pages.records.promote();
        }
      }
    } catch (error) {
      // Whoever reads it meets the error again.
      if (!(error instanceof ColdRecordError)) throw error;
    }
    if (pin.collection !== collection) this.#collections.delete(pin.collection);
    pin.collection = collection;
    this.bytes += pin.bytes;
  }

  #find(
    database: Database,
    key: Uint8Array,
    offset: number,
    length: number,
    hash = this.#keyspace.keyHash.hashBytes(key, offset, length),
  ): Pin | undefined {
    const pin = this.#byDatabase.get(database)?.get(this.#identityOf(hash));
    if (pin === undefined || pin.name.length !== length) return undefined;
    return equalBytes(pin.name, 0, key, offset, length) ? pin : undefined;
  }

  /** 53 bits of the name's hash, which was taken last: two names with the same are not met with. */
  #identityOf(hash: number): number {
    return (hash >>> 0) + (this.#keyspace.keyHash.upper & UPPER_MASK) * 0x100000000;
  }
}
