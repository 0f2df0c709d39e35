import type { Database } from './database.ts';

/**
 * Who keeps hot records as they were at one moment while it writes them down: told before one that the keyspace's present epoch
 * has not seen changes, goes or moves. Databases are as they were before the call when it returns, and it throws nothing.
 */
export interface RecordKeeper {
  /** The hot record that a database has found or loaded is about to change, to go or to be moved. */
  beforeChange(database: Database): void;
  /** All records of a database are about to go. */
  cleared(): void;
}
