import { copyBytes } from '../base/bytes.ts';
import { lfuWith, lruIdleFor } from '../heat/access.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { ValueBuilder } from './value-builder.ts';

/** Stores the value that was built under the key that the database looked up last; `expireAt` is milliseconds or -1. */
export function storeBuilt(database: Database, built: ValueBuilder, expireAt: number): void {
  const { type, encoding, bytes, length } = built;
  const entry = database.store(type, encoding, length, expireAt);
  copyBytes(bytes, 0, entry.bytes, entry.payloadOffset, length);
  built.release();
  database.noteFieldExpiry();
}

/**
 * Gives the key stored last the access history that was told with it (objectSetLRUOrLFU): its access counter, which counts under an
 * LFU policy, or for how many seconds it was not used; -1 for what is not told.
 */
export function restoreAccess(
  keyspace: Keyspace,
  database: Database,
  frequency: number,
  idleSeconds: number,
): void {
  const { nowMs, settings } = keyspace;
  if (settings.lfu) {
    if (frequency >= 0) database.setAccess(lfuWith(frequency, nowMs));
  } else if (idleSeconds >= 0) {
    database.setAccess(lruIdleFor(idleSeconds, nowMs));
  }
}
