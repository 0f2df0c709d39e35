import { lfuCounter, lruIdleMs } from '../heat/access.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { SEGMENT_MASK, segmentOf } from '../memory/arena.ts';

const SLABS_PER_SAMPLE = 8;
const RECORDS_PER_SLAB = 8;
const SAMPLE_COUNT = SLABS_PER_SAMPLE * RECORDS_PER_SLAB;
/** Of a sample the coldest eighth goes, under pressure the coldest quarter. */
const VICTIMS_CALM = SAMPLE_COUNT / 8;
const VICTIMS_PRESSED = SAMPLE_COUNT / 4;

/** What became of a record that was to be demoted. */
export type Demotion = 'demoted' | 'skipped' | 'full';

/**
 * Chooses what leaves RAM: samples a few records of each of some slabs and takes the coldest of them, by the access bits
 * that the eviction policy keeps. Sampling slabs rather than the index costs the same however few keys are hot, and reads
 * memory in order; several slabs, since the records of one are of one age.
 */
export class Demoter {
  readonly #keyspace: Keyspace;
  readonly #addresses = new Float64Array(SAMPLE_COUNT);
  readonly #part = new Float64Array(RECORDS_PER_SLAB);
  readonly #warmth = new Float64Array(SAMPLE_COUNT);

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  /**
   * Demotes the coldest of one sample through `demote`, which acts on the record that its database has loaded: `skipped` says
   * that this one can't be demoted, `full` that none can now. Returns how many were demoted, or -1 after `full`.
   */
  step(pressed: boolean, demote: (database: Database) => Demotion): number {
    const count = this.#sample();
    const victims = Math.min(count, pressed ? VICTIMS_PRESSED : VICTIMS_CALM);
    let demoted = 0;
    for (let victim = 0; victim < victims; victim++) {
      let coldest = victim;
      for (let at = victim + 1; at < count; at++) if (this.#warmth[at] < this.#warmth[coldest]) coldest = at;
      const address = this.#addresses[coldest];
      this.#addresses[coldest] = this.#addresses[victim];
      this.#warmth[coldest] = this.#warmth[victim];
      // A slab visited twice can put a record into the sample twice.
      if (this.#keyspace.arena.isFree(address)) continue;
      const database = this.#keyspace.ownerOf(address);
      if (database === undefined) continue;
      const demotion = demote(database);
      if (demotion === 'full') return -1;
      if (demotion === 'demoted') demoted++;
    }
    return demoted;
  }

  #sample(): number {
    const { arena, random } = this.#keyspace;
    const total = arena.slabTotal;
    let count = 0;
    for (let slab = 0; slab < SLABS_PER_SAMPLE; slab++) {
      const found = arena.sample(
        random.below(total),
        random.uint32() / 0x100000000,
        RECORDS_PER_SLAB,
        this.#part,
      );
      for (let at = 0; at < found; at++) {
        const address = this.#part[at];
        this.#addresses[count] = address;
        this.#warmth[count++] = this.#warmthOf(address);
      }
    }
    return count;
  }

  /** Larger for what should stay: the counter under LFU, else the less idle. */
  #warmthOf(address: number): number {
    const keyspace = this.#keyspace;
    const access = keyspace.arena.words[segmentOf(address)][((address & SEGMENT_MASK) << 1) + 1] & 0xffffff;
    const { lfu, lfuDecayMinutes } = keyspace.settings;
    return lfu ? lfuCounter(access, keyspace.nowMs, lfuDecayMinutes) : -lruIdleMs(access, keyspace.nowMs);
  }
}
