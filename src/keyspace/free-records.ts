import type { Arena } from '../memory/arena.ts';
import { freePages } from '../types/pages/walk.ts';
import type { Database } from './database.ts';
import type { Keyspace } from './keyspace.ts';
import { COLD, locationOf, PARTITION_COUNT, type SlotTable } from './slot-table.ts';

/** Frees the hot records of a table that nobody uses any more, and its slots, a partition at a time, after `ofPages`. */
export function* freeRecords(
  table: SlotTable,
  arena: Arena,
  ofPages: IterableIterator<void> | undefined,
): IterableIterator<void> {
  if (ofPages !== undefined) yield* ofPages;
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    if (table.partitionCount(partition) === 0) continue;
    if (table.seekAtLeast(partition, 0)) {
      do {
        if ((table.word0 & COLD) === 0) arena.free(locationOf(table.word0, table.word1));
      } while (table.next());
    }
    table.clearPartition(partition);
    yield;
  }
}

/** Frees the pages of a value that is gone, by its head, a few at a time; until it has ended a checkpoint tells of them. */
export function freeValue(database: Database, keyspace: Keyspace, head: Uint8Array): IterableIterator<void> {
  const value = { database, id: database.id, head };
  keyspace.freeing.add(value);
  return (function* free(): IterableIterator<void> {
    yield* freePages(head, database.pages);
    keyspace.freeing.delete(value);
  })();
}
