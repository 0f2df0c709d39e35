import type { KeyHash } from '../../base/hash.ts';

/** Where a record's payload is: what the keyspace's entries tell of it. */
export interface Payload {
  /** The arena's memory for a hot record; else scratch of the cold tier, until its next read. */
  readonly bytes: Uint8Array;
  readonly hot: boolean;
  readonly encoding: number;
  readonly payloadOffset: number;
  readonly payloadLength: number;
}

/** Records by name, of which one was found last: what structures of values need of the keyspace. */
export interface RecordStore {
  /** The record found last. */
  readonly entry: Payload;
  /**
   * Gives the record found last another payload length, keeping its bytes up to the shorter one, in a block with room for
   * `room` bytes, and makes it hot.
   */
  reshape(payloadLength: number, room: number, encoding: number): Payload;
  /** Makes the record found last hot, as a change to it needs. */
  makeHot(): Payload;
}

/**
 * The pages of collections: records named by a collection's number, one of its structures and a page's number. Each is hot or
 * cold by itself.
 */
export interface PageStore extends RecordStore {
  readonly keyHash: KeyHash;
  /** Whether the page found last can be changed as it is, since `makeHot` would do nothing. */
  readonly isPlain?: boolean;
  /** While this stays the same within a command, hot pages that are not changed stay where they are. */
  readonly reliefCount?: number;
  /** A number that no collection has had. */
  takeCollection(): number;
  /** Looks a page up. Throws ColdRecordError when its cold record can't be read. */
  find(collection: number, structure: number, page: number): boolean;
  /** As `find`, to remove the page: one that can't be read is found too, and is empty. */
  findToRemove(collection: number, structure: number, page: number): boolean;
  /** Makes a page that is not there; its content is undefined. */
  create(collection: number, structure: number, page: number, length: number, room: number): Payload;
  /** Removes the page found last. */
  remove(): void;
}

/** A value's own payload and the pages of its database. */
export interface ValueStore extends RecordStore {
  readonly pages: PageStore;
}

/** Room for growth in a block: a growing record need not move each time. */
export function roomFor(length: number): number {
  return length + (length >>> 3);
}
