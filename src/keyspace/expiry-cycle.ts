import type { Clock } from '../base/clock.ts';
import type { Database } from './database.ts';
import { removeExpiredFields } from './field-expiry.ts';
import { type Keyspace, NOTIFY_EXPIRED } from './keyspace.ts';
import { dueAt } from './record.ts';
import { isHot, NO_EXPIRY, PARTITION_COUNT } from './slot-table.ts';

const SLOTS_PER_PAGE = 64;
/** Fields that are removed between two looks at the clock. */
const FIELDS_PER_STEP = 256;

/**
 * Removes hot keys, and fields of hot hashes, whose time has come. Each page of the index has a hint of the first second at which a hot key in it,
 * or a field, may expire; the cycle walks the partitions and visits the pages whose second has passed, removes what expired and makes
 * the hint exact. Cold keys expire by the tier's lists. A cycle goes on where the last one stopped.
 */
export class ExpiryCycle {
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  readonly #slots = new Int32Array(SLOTS_PER_PAGE * 2);
  /** When the present run has to stop. */
  #endUs = 0;
  #database = 0;
  #partition = 0;

  constructor(keyspace: Keyspace, clock: Clock) {
    this.#keyspace = keyspace;
    this.#clock = clock;
  }

  /** Runs once over all partitions, or until `microseconds` have passed. Returns whether it came round. */
  run(microseconds: number): boolean {
    const keyspace = this.#keyspace;
    this.#endUs = this.#clock.monotonicUs() + microseconds;
    const second = Math.floor(keyspace.nowMs / 1000);
    const total = keyspace.databases.length;
    for (let visited = 0; visited < total; ) {
      const database = keyspace.databases[this.#database % total];
      if (this.#partition === PARTITION_COUNT || database.expiringCount + database.fieldExpiringCount === 0) {
        this.#partition = 0;
        this.#database = (this.#database + 1) % total;
        visited++;
        continue;
      }
      const partition = this.#partition++;
      for (let page = 0; ; page++) {
        page = database.table.findExpiring(partition, page, second);
        if (page < 0) break;
        this.#visit(database, partition, page);
        if (this.#isOver) {
          keyspace.statistics.expiredTimeCapReached++;
          return false;
        }
      }
    }
    return true;
  }

  get #isOver(): boolean {
    return this.#clock.monotonicUs() > this.#endUs;
  }

  #visit(database: Database, partition: number, page: number): void {
    const { table } = database;
    const { nowMs, settings } = this.#keyspace;
    const slots = this.#slots;
    const count = table.copyPage(partition, page, slots);
    let earliest = NO_EXPIRY;
    let expired = 0;
    for (let at = 0; at < count; at++) {
      const word0 = slots[at * 2];
      const word1 = slots[at * 2 + 1];
      if (!isHot(word0) || !table.findLocation(partition, word0, word1)) continue;
      const entry = database.load(partition);
      const due = dueAt(entry);
      if (due < 0) continue;
      if (due <= nowMs) {
        slots[expired * 2] = word0;
        slots[expired * 2 + 1] = word1;
        expired++;
      } else {
        earliest = Math.min(earliest, Math.floor(due / 1000));
      }
    }
    // Before the removals: they shift slots of the next page in, and lower the hint for them.
    table.setExpiryHint(partition, page, earliest);
    for (let at = 0; at < expired; at++) {
      if (!table.findLocation(partition, slots[at * 2], slots[at * 2 + 1])) continue;
      const { expireAt } = database.load(partition);
      if (expireAt >= 0 && expireAt <= nowMs) {
        database.removeBySystem(NOTIFY_EXPIRED, 'expired', settings.lazyExpire);
      } else {
        while (removeExpiredFields(this.#keyspace, database, FIELDS_PER_STEP) && !this.#isOver);
      }
    }
  }
}
