import type { Database } from './database.ts';
import { isHot, NO_EXPIRY, PARTITION_COUNT } from './slot-table.ts';

const KEYS_MAX = 64;

/** Mean time to live of some hot keys of a database that expire, in milliseconds; 0 if there are none. */
export function averageTtlMs(database: Database, nowMs: number): number {
  const { table } = database;
  const slots = new Int32Array(128);
  let sum = 0;
  let count = 0;
  if (database.expiringCount === 0) return 0;
  for (let partition = 0; partition < PARTITION_COUNT && count < KEYS_MAX; partition++) {
    const page = table.findExpiring(partition, 0, NO_EXPIRY - 1);
    if (page < 0) continue;
    const used = table.copyPage(partition, page, slots);
    for (let at = 0; at < used * 2; at += 2) {
      if (!isHot(slots[at]) || !table.findLocation(partition, slots[at], slots[at + 1])) continue;
      const { expireAt } = database.load(partition);
      if (expireAt < 0) continue;
      sum += Math.max(0, expireAt - nowMs);
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}
