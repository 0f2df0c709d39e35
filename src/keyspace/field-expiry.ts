import { HashValue } from '../types/hash/hash.ts';
import { ColdRecordError } from './cold-record-error.ts';
import type { Database } from './database.ts';
import type { Keyspace } from './keyspace.ts';

const hash = new HashValue();

/**
 * Removes fields whose time has come, `most` at most, from the hash that a database found or loaded last. Whether there may be
 * more of them. A hash of which a page can't be read keeps the rest.
 */
export function removeExpiredFields(keyspace: Keyspace, database: Database, most: number): boolean {
  database.keepName();
  hash.open(database, true);
  const names: Uint8Array[] = [];
  let isMore = false;
  try {
    isMore = hash.removeExpired(keyspace.nowMs, most, names);
  } catch (error) {
    if (!(error instanceof ColdRecordError)) throw error;
  }
  hash.save();
  if (names.length > 0) database.fieldsExpired(names, hash.count === 0);
  return isMore && hash.count > 0;
}
