/** One slow command (SLOWLOG GET). */
export interface SlowLogEntry {
  readonly id: number;
  readonly timeSeconds: number;
  readonly microseconds: number;
  readonly words: readonly Uint8Array[];
  readonly address: string;
  readonly clientName: string;
}

const WORDS_MAX = 32;
const WORD_BYTES_MAX = 128;

/** The slow log: the newest commands that took longer than `slowlog-log-slower-than`, at most `slowlog-max-len`. */
export class SlowLog {
  readonly entries: SlowLogEntry[] = [];
  #nextId = 0;

  /** Adds a command, cutting long ones as Redis does (slowlogCreateEntry), and drops the oldest beyond `countMax`. */
  add(
    timeSeconds: number,
    microseconds: number,
    words: { readonly count: number; copy(at: number): Uint8Array },
    address: string,
    clientName: string,
    countMax: number,
  ): void {
    const kept: Uint8Array[] = [];
    const count = Math.min(words.count, WORDS_MAX);
    for (let at = 0; at < count; at++) {
      if (at === WORDS_MAX - 1 && words.count > WORDS_MAX) {
        kept.push(Buffer.from(`... (${words.count - WORDS_MAX + 1} more arguments)`));
        break;
      }
      const word = words.copy(at);
      if (word.length <= WORD_BYTES_MAX) kept.push(word);
      else {
        const more = Buffer.from(`... (${word.length - WORD_BYTES_MAX} more bytes)`);
        kept.push(Buffer.concat([word.subarray(0, WORD_BYTES_MAX), more]));
      }
    }
    this.entries.unshift({ id: this.#nextId++, timeSeconds, microseconds, words: kept, address, clientName });
    this.trim(countMax);
  }

  trim(countMax: number): void {
    if (this.entries.length > countMax) this.entries.length = countMax;
  }

  reset(): void {
    this.entries.length = 0;
  }
}
