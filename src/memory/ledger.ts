/** Anonymous memory of the process that no account covers and that is not charged: the runtime and its code. */
const UNCHARGED_BYTES = 64 * 1024 * 1024;

/** Accounts of memory. */
export type Account = 'records' | 'index' | 'clients' | 'scripts' | 'tier' | 'other';

/**
 * The sum of all memory that the server answers for: `used_memory`. Each account is measured by who owns the memory, so
 * the sum is exact. What the process holds besides (`unaccounted`, from its resident memory) is charged to the budget of
 * the tier too, beyond an allowance for the runtime itself.
 */
export class Ledger {
  readonly #measures: Record<Account, () => number> = {
    records: zero,
    index: zero,
    clients: zero,
    scripts: zero,
    tier: zero,
    other: zero,
  };
  /** Largest sum seen by `observe`. */
  peakBytes = 0;
  /** Bytes of resident anonymous memory at the last `observe`. */
  residentAnonymousBytes = 0;
  #chargedBytes = 0;

  /** Sets how an account is measured; called whenever the sum is asked for. */
  open(account: Account, measure: () => number): void {
    this.#measures[account] = measure;
  }

  bytesOf(account: Account): number {
    return this.#measures[account]();
  }

  /** The sum of the accounts. */
  get usedBytes(): number {
    const measures = this.#measures;
    return (
      measures.records() +
      measures.index() +
      measures.clients() +
      measures.scripts() +
      measures.tier() +
      measures.other()
    );
  }

  /** The sum and what the process holds beyond it and the allowance: what the tier's budget must cover. */
  get chargedBytes(): number {
    return this.usedBytes + this.#chargedBytes;
  }

  /**
   * Takes the process's resident anonymous memory (RssAnon + RssShmem), of which `idleBytes` are in the arenas and free to
   * be handed out. At most `chargeBytesMax` are charged beyond the accounts, so that a budget smaller than what the
   * runtime takes leaves room for data.
   */
  observe(residentAnonymousBytes: number, idleBytes: number, chargeBytesMax: number): void {
    const used = this.usedBytes;
    this.peakBytes = Math.max(this.peakBytes, used);
    this.residentAnonymousBytes = residentAnonymousBytes;
    const beyond = residentAnonymousBytes - used - idleBytes - UNCHARGED_BYTES;
    this.#chargedBytes = Math.max(0, Math.min(beyond, chargeBytesMax));
  }
}

function zero(): number {
  return 0;
}
