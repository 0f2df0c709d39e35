import { equalBytes } from '../base/bytes.ts';
import type { Database } from './database.ts';
import type { Keyspace } from './keyspace.ts';
import { Entry } from './record.ts';
import { isHot, locationOf, partitionOf, tagOf } from './slot-table.ts';

/** Bytes of a slot of the index. */
export const SLOT_BYTES = 8;

const entry = new Entry();

/**
 * Bytes of RAM that a key of a database takes, its block and its slot, without reading the cold store: of a cold one its slot
 * alone. 0 if it is not there.
 */
export function ramBytesOf(
  { keyHash, arena }: Keyspace,
  database: Database,
  key: Uint8Array,
  offset: number,
  length: number,
): number {
  if (database.needsCold(key, offset, length)) return SLOT_BYTES;
  const { table } = database;
  const tag = tagOf(keyHash.hashBytes(key, offset, length));
  if (!table.first(partitionOf(keyHash.upper), tag)) return 0;
  do {
    if (!isHot(table.word0)) continue;
    entry.readHot(arena, locationOf(table.word0, table.word1));
    if (entry.keyLength === length && equalBytes(entry.bytes, entry.keyOffset, key, offset, length))
      return SLOT_BYTES + arena.blockBytes(entry.address);
  } while (table.nextSame());
  return 0;
}
