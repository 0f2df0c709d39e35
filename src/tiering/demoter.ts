import { hasReferences, withoutReference } from '../heat/references.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { TYPE_PAGE } from '../keyspace/record.ts';
import { SEGMENT_MASK, segmentOf } from '../memory/arena.ts';

/** Records that the hand passes at once, and how often at most in one step that demotes none. */
const BATCH_RECORDS = 32;
const BATCHES_MAX = 16;

/** What became of a record that was to be demoted. */
export type Demotion = 'demoted' | 'skipped' | 'full';

/**
 * Chooses what leaves RAM: a hand goes round over the hot records in the order of their addresses, takes a reference from
 * those that were used since it passed last, and demotes the others (heat/references.ts). New records take the places of
 * those that have left, so that the hand comes to them last. It costs the same however few keys are hot, and reads memory in
 * order.
 */
export class Demoter {
  readonly #keyspace: Keyspace;
  readonly #batch = new Float64Array(BATCH_RECORDS);
  #hand = 0;
  /** How many the last pass over a batch demoted. */
  #demoted = 0;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  /**
   * Moves the hand on by some records and demotes through `demote`, which acts on the record that its database has loaded:
   * `skipped` says that this one can't be demoted, `full` that none can now. Returns how many were demoted or lost a
   * reference, or -1 after `full`. If `pressed` records are demoted although they have references where there are no
   * others. `pagesOnly` leaves out all but pages of collections.
   */
  step(pressed: boolean, demote: (database: Database) => Demotion, pagesOnly = false): number {
    const { arena } = this.#keyspace;
    let moved = 0;
    for (let batch = 0; batch < BATCHES_MAX && moved === 0; batch++) {
      const count = arena.sweep(this.#hand, BATCH_RECORDS, this.#batch);
      if (count === 0) return 0;
      const next = arena.sweptTo;
      const passed = this.#pass(count, demote, pagesOnly, false);
      if (passed < 0) return -1;
      moved += passed;
      if (pressed && this.#demoted === 0) {
        const forced = this.#pass(count, demote, pagesOnly, true);
        if (forced < 0) return -1;
        moved += forced;
      }
      this.#hand = next;
    }
    return moved;
  }

  #pass(count: number, demote: (database: Database) => Demotion, pagesOnly: boolean, force: boolean): number {
    const { arena } = this.#keyspace;
    let moved = 0;
    this.#demoted = 0;
    for (let at = 0; at < count; at++) {
      const address = this.#batch[at];
      if (arena.isFree(address)) continue;
      const words = arena.words[segmentOf(address)];
      const word = (address & SEGMENT_MASK) << 1;
      if (pagesOnly && (words[word] & 15) !== TYPE_PAGE) continue;
      if (!force && hasReferences(words[word + 1])) {
        words[word + 1] = withoutReference(words[word + 1]);
        moved++;
        continue;
      }
      const database = this.#keyspace.ownerOf(address);
      if (database === undefined) continue;
      const demotion = demote(database);
      if (demotion === 'full') {
        this.#hand = address;
        return -1;
      }
      if (demotion === 'demoted') {
        moved++;
        this.#demoted++;
      }
    }
    return moved;
  }
}
