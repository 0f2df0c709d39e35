import type { Database } from './database.ts';

/**
 * Who has to see keys and pages as they were: told of each before it first changes. It may read `database.entry` and nothing else
 * of the keyspace, and throws nothing.
 */
export interface ChangeWatcher {
  /** Whether what is at a place of the index is to be kept before it changes. Asked once for each place. */
  takesPlace(database: Database, partition: number, tag: number): boolean;
  /** Takes the key that a database has loaded, as it is now. */
  takeKey(database: Database): void;
  /** A key that should have been taken can't be read. */
  failed(error: unknown): void;
  /** Takes the page that a table of pages found, or missed (`isThere`), by its name, before it changes or is made. */
  takePage(pages: Database, isThere: boolean, name: Uint8Array, nameOffset: number): void;
  /** Whether the pages of a value that is gone, by its head, have to stay until they were read: then `walk` frees them later. */
  keepsPages(head: Uint8Array, walk: IterableIterator<void>): boolean;
  /** All keys of a database are about to go. */
  cleared(database: Database): void;
}
