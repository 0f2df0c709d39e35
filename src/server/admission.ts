import type { Client } from '../command-table/client.ts';
import type { Command } from '../command-table/command.ts';
import { KeyPositions } from '../command-table/keys.ts';
import type { Config } from '../config/config.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { LOCATION_UPPER_MASK } from '../keyspace/slot-table.ts';
import type { Ledger } from '../memory/ledger.ts';
import type { Arguments } from '../resp/arguments.ts';
import { Evictor } from '../tiering/evictor.ts';
import type { Tier } from '../tiering/tier.ts';
import type { Admission } from './pipeline.ts';

/** Microseconds of demotion that one command over the budget may cause. */
const PRESSED_BALANCE_US = 500;
/** Evictions that one command may cause. */
const EVICTIONS_PER_COMMAND = 64;
/** Rounds of waiting for fetched blocks after which a command reads by itself. */
const FETCH_ROUNDS_MAX = 2;

/** Hot records below this share of the budget are not worth waiting for. */
const HOT_FRACTION_MIN = 1 / 64;

interface Place {
  readonly upper: number;
  readonly lower: number;
}

/**
 * Decides whether a command may run now: whether memory allows it (`maxmemory` with its policies; with Flex on the tier's
 * budget), and whether the cold records of its keys should be fetched first.
 */
export class MemoryAdmission implements Admission {
  /** Bytes that memory is kept within; 0 for no limit. */
  limitBytes = 0;
  readonly #keyspace: Keyspace;
  readonly #ledger: Ledger;
  readonly #config: Config;
  readonly #evictor: Evictor;
  readonly #tier: Tier | null;
  readonly #keys = new KeyPositions();
  /** Everything in the ledger but records and index pages, which change with each command; measured by `refresh`. */
  #otherBytes = 0;
  #places: Place[] = [];
  readonly #rounds = new WeakMap<Client, number>();

  constructor(keyspace: Keyspace, ledger: Ledger, config: Config, tier: Tier | null) {
    this.#keyspace = keyspace;
    this.#ledger = ledger;
    this.#config = config;
    this.#tier = tier;
    this.#evictor = new Evictor(keyspace);
  }

  /** Measures again what does not change with each command. */
  refresh(): void {
    const { arena, indexArena } = this.#keyspace;
    // Without a tier `maxmemory` is compared with used_memory, as in Redis.
    const bytes = this.#tier === null ? this.#ledger.usedBytes : this.#ledger.chargedBytes;
    this.#otherBytes = bytes - arena.usedBytes - indexArena.usedBytes;
  }

  get #chargedBytes(): number {
    const { arena, indexArena } = this.#keyspace;
    return arena.usedBytes + indexArena.usedBytes + this.#otherBytes;
  }

  admitWrite(): 'run' | 'wait' | 'full' | string {
    if (this.limitBytes === 0) return 'run';
    if (this.#tier === null) return this.#chargedBytes <= this.limitBytes ? 'run' : this.#evict();
    if (this.#chargedBytes <= this.#tier.waitBytes) return 'run';
    return this.#admitByTier(this.#tier);
  }

  #admitByTier(tier: Tier): 'run' | 'wait' | 'full' | string {
    tier.balance(PRESSED_BALANCE_US);
    if (this.#chargedBytes <= tier.waitBytes) return 'run';
    // Slots alone can fill the budget; then the store is full whatever room the SSD has.
    if (tier.isStorageFull || this.#keyspace.overheadBytes > tier.thresholdBytes) return this.#evict();
    if (tier.fault !== '') {
      if (this.#chargedBytes <= this.limitBytes) return 'run';
      return tier.isDiskFull
        ? 'MISCONF The disk of the SSD tier is full, and so is memory. Commands that may grow the data set are refused until there is room.'
        : `MISCONF The SSD tier can't be written (${tier.fault}), and memory is full. Commands that may grow the data set are refused until it can.`;
    }
    // With next to nothing left to demote, what fills memory is not data, and waiting would not end.
    const hotBytes = this.#keyspace.arena.usedBytes;
    if (!tier.store.isBusy && hotBytes < this.limitBytes * HOT_FRACTION_MIN) {
      return this.#chargedBytes <= this.limitBytes ? 'run' : 'full';
    }
    return 'wait';
  }

  /** Evicts by policy until memory fits. */
  #evict(): 'run' | 'full' {
    if (this.#keyspace.removalsHeld) return 'run';
    const { values } = this.#config;
    const policy = values['maxmemory-policy'];
    const tier = this.#tier;
    for (let evicted = 0; evicted < EVICTIONS_PER_COMMAND; evicted++) {
      if (!this.#evictor.evictOne(policy, values['maxmemory-samples'], values['lazyfree-lazy-eviction']))
        return 'full';
      if (tier === null ? this.#chargedBytes <= this.limitBytes : evicted >= 2) return 'run';
    }
    return 'run';
  }

  mustFetch(command: Command, words: Arguments, client: Client): boolean {
    const tier = this.#tier;
    if (tier === null || !tier.isFetchingAside) return false;
    const rounds = this.#rounds.get(client) ?? 0;
    const database = this.#keyspace.databases[client.databaseNumber];
    const before = this.#places.length;
    if (rounds < FETCH_ROUNDS_MAX) {
      for (const at of this.#keys.find(command.row.keys, words).positions) {
        if (!database.needsCold(words.buffer, words.offsets[at], words.lengths[at])) continue;
        const { word0, word1 } = database.table;
        this.#places.push({ upper: word0 & LOCATION_UPPER_MASK, lower: word1 });
      }
    }
    const waits = this.#places.length > before;
    this.#rounds.set(client, waits ? rounds + 1 : 0);
    return waits;
  }

  /** Has the blocks that commands wait for fetched; `done` is called when they are there. False if none wait. */
  fetch(done: () => void): boolean {
    if (this.#places.length === 0 || this.#tier === null) return false;
    const places = this.#places;
    this.#places = [];
    this.#tier.fetch(places, done);
    return true;
  }
}
