import type { Client } from '../command-table/client.ts';
import type { Command } from '../command-table/command.ts';
import type { Config } from '../config/config.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Ledger } from '../memory/ledger.ts';
import type { Arguments } from '../resp/arguments.ts';
import { Evictor } from '../tiering/evictor.ts';
import type { Tier } from '../tiering/tier.ts';
import type { Admission } from './pipeline.ts';
import { ResidencyGate } from './residency.ts';

/** Microseconds of demotion that one command over the budget may cause. */
const PRESSED_BALANCE_US = 500;
/** Evictions that one command may cause. */
const EVICTIONS_PER_COMMAND = 64;
/** Hot records below this share of the budget are not worth waiting for. */
const HOT_FRACTION_MIN = 1 / 64;

/**
 * Decides whether a command may run now: whether memory allows it (`maxmemory` with its policies; with Flex on the tier's
 * budget), and whether the cold records that it reads should be fetched first ({@link ResidencyGate}).
 */
export class MemoryAdmission implements Admission {
  /** Bytes that memory is kept within; 0 for no limit. */
  limitBytes = 0;
  readonly #keyspace: Keyspace;
  readonly #ledger: Ledger;
  readonly #config: Config;
  readonly #evictor: Evictor;
  readonly #tier: Tier | null;
  readonly #gate: ResidencyGate | null;
  /** Everything in the ledger but records and index pages, which change with each command; measured by `refresh`. */
  #otherBytes = 0;

  constructor(keyspace: Keyspace, ledger: Ledger, config: Config, tier: Tier | null) {
    this.#keyspace = keyspace;
    this.#ledger = ledger;
    this.#config = config;
    this.#tier = tier;
    this.#gate = tier === null ? null : new ResidencyGate(keyspace, tier);
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

  relieve(): void {
    const tier = this.#tier;
    if (tier !== null && this.limitBytes > 0 && this.#chargedBytes > tier.waitBytes) tier.balanceAtOnce();
  }

  #admitByTier(tier: Tier): 'run' | 'wait' | 'full' | string {
    tier.balance(PRESSED_BALANCE_US);
    if (this.#chargedBytes <= tier.waitBytes) return 'run';
    if (tier.isStorageFull && tier.isFreeingSpace) return 'wait';
    // Slots alone can fill the budget; then the store is full whatever room the SSD has.
    if (tier.isStorageExhausted || this.#keyspace.overheadBytes > tier.thresholdBytes) return this.#evict();
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

  /** Evicts some of what is over the limit with Flex off, without waiting for a command; whether there is more to evict. */
  evictExcess(): boolean {
    if (this.#tier !== null || this.limitBytes === 0 || this.#chargedBytes <= this.limitBytes) return false;
    return this.#evict() === 'run' && this.#chargedBytes > this.limitBytes;
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
    return this.#gate?.mustFetch(command, words, client) ?? false;
  }

  /** Has the records that commands wait for fetched; `done` is called when they are there. False if none wait. */
  fetch(done: () => void): boolean {
    return this.#gate?.fetch(done) ?? false;
  }
}
