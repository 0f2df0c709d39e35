import { lfuCounter, lruIdleMs } from '../heat/access.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import type { Database } from '../keyspace/database.ts';
import { type Keyspace, NOTIFY_EVICTED } from '../keyspace/keyspace.ts';
import type { Entry } from '../keyspace/record.ts';
import { NO_EXPIRY, PARTITION_COUNT } from '../keyspace/slot-table.ts';

/** `maxmemory-policy`. */
export type EvictionPolicy =
  | 'noeviction'
  | 'allkeys-lru'
  | 'allkeys-lfu'
  | 'allkeys-random'
  | 'volatile-lru'
  | 'volatile-lfu'
  | 'volatile-random'
  | 'volatile-ttl'
  | 'allkeys-lrm'
  | 'volatile-lrm';

const POOL_SIZE = 16;
const SLOTS_PER_PAGE = 64;

interface Candidate {
  readonly database: Database;
  readonly partition: number;
  readonly word0: number;
  readonly word1: number;
  /** Larger goes first. */
  readonly score: number;
}

/**
 * Evicts keys when memory, or with Flex on the SSD budget, is used up: takes `maxmemory-samples` keys of each database,
 * keeps the best of them in a pool across calls and removes the best of the pool (evict.c).
 */
export class Evictor {
  readonly #keyspace: Keyspace;
  #pool: Candidate[] = [];
  readonly #slots = new Int32Array(SLOTS_PER_PAGE * 2);

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  /** Evicts one key by the policy. False if there is none that it allows to evict. */
  evictOne(policy: EvictionPolicy, samples: number, lazily: boolean): boolean {
    if (policy === 'noeviction') return false;
    for (let attempt = 0; attempt < 8; attempt++) {
      if (policy.endsWith('-random')) this.#pool = [];
      for (const database of this.#keyspace.databases) {
        if (database.size > 0) this.#sample(database, policy, policy.endsWith('-random') ? 1 : samples);
      }
      this.#pool.sort((left, right) => left.score - right.score);
      if (this.#pool.length > POOL_SIZE) this.#pool.splice(0, this.#pool.length - POOL_SIZE);
      for (;;) {
        const best = this.#pool.pop();
        if (best === undefined) break;
        if (this.#evict(best, lazily)) return true;
      }
    }
    return false;
  }

  #evict(candidate: Candidate, lazily: boolean): boolean {
    const { database, partition, word0, word1 } = candidate;
    if (!database.table.findLocation(partition, word0, word1)) return false;
    try {
      database.load(partition);
    } catch (error) {
      if (error instanceof ColdRecordError) return false;
      throw error;
    }
    database.removeBySystem(NOTIFY_EVICTED, 'evicted', lazily);
    return true;
  }

  #sample(database: Database, policy: EvictionPolicy, samples: number): void {
    const { table } = database;
    const { random } = this.#keyspace;
    if (!policy.startsWith('volatile')) {
      for (let taken = 0; taken < samples; taken++) {
        if (!table.seekRandom((limit) => random.below(limit))) return;
        this.#consider(database, table.partition, policy);
      }
      return;
    }
    if (database.expiringCount === 0) return;
    const first = random.below(PARTITION_COUNT);
    let taken = 0;
    for (let step = 0; step < PARTITION_COUNT && taken < samples; step++) {
      const partition = (first + step) % PARTITION_COUNT;
      // A page may be of hashes of which only fields expire.
      for (let page = 0; taken < samples; page++) {
        page = table.findExpiring(partition, page, NO_EXPIRY - 1);
        if (page < 0) break;
        const count = table.copyPage(partition, page, this.#slots);
        const start = random.below(Math.max(1, count));
        for (let at = 0; at < count && taken < samples; at++) {
          const slot = ((start + at) % count) * 2;
          if (!table.findLocation(partition, this.#slots[slot], this.#slots[slot + 1])) continue;
          if (this.#consider(database, partition, policy)) taken++;
        }
      }
    }
  }

  #consider(database: Database, partition: number, policy: EvictionPolicy): boolean {
    const { table } = database;
    const { word0, word1 } = table;
    let entry: Entry;
    try {
      entry = database.load(partition);
    } catch (error) {
      if (error instanceof ColdRecordError) return false;
      throw error;
    }
    if (policy.startsWith('volatile') && entry.expireAt < 0) return false;
    this.#pool.push({ database, partition, word0, word1, score: this.#score(entry, policy) });
    return true;
  }

  #score(entry: Entry, policy: EvictionPolicy): number {
    const { nowMs, settings, random } = this.#keyspace;
    if (policy.endsWith('-random')) return random.uint32();
    if (policy === 'volatile-ttl') return -entry.expireAt;
    if (policy.endsWith('-lfu')) return 255 - lfuCounter(entry.access, nowMs, settings.lfuDecayMinutes);
    return lruIdleMs(entry.access, nowMs);
  }
}
