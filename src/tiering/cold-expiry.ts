/**
 * Which cold keys expire when: lists of slots by time bucket.
 *
 * A cold key has no header in RAM, so its expiry is remembered in a list for its time bucket, 16 bytes an entry. A full
 * list of 4 KiB is appended to the cold store and only its place is kept, so that the RAM is bounded by the open lists. An
 * entry is a hint: when its bucket is due, the slot it names is looked up, and if it still refers to the same cold record
 * the key has expired. Keys that were deleted, changed or promoted meanwhile are passed over; nothing is ever removed from a list.
 * A bucket is at most a sixteenth of the time to live wide, so a cold key goes at the latest that much after its
 * time (a look-up removes it at once).
 */
const ENTRY_WORDS = 4;
const ENTRIES_PER_LIST = 255;

/** A cold slot that may have expired. */
export interface ExpiredSlot {
  partition: number;
  word0: number;
  word1: number;
  databaseId: number;
}

/** A list's bytes kept elsewhere. */
export interface ListStore {
  /** Keeps a list and returns a name for it. */
  write(words: Int32Array): number;
  /** The list of a name, which is given up by this call. */
  take(name: number): Int32Array;
}

interface Bucket {
  words: Int32Array;
  count: number;
  readonly stored: number[];
}

export class ColdExpiry {
  readonly #lists: ListStore;
  /** Buckets by the millisecond at which all their entries are due. */
  readonly #buckets = new Map<number, Bucket>();
  #openBytes = 0;
  #earliest = Number.POSITIVE_INFINITY;

  constructor(lists: ListStore) {
    this.#lists = lists;
  }

  /** Bytes of RAM in open lists and names. */
  get byteCount(): number {
    return this.#openBytes + this.#buckets.size * 128;
  }

  /** Remembers that the key of a cold slot expires at a time. */
  add(
    expireAt: number,
    nowMs: number,
    partition: number,
    word0: number,
    word1: number,
    databaseId: number,
  ): void {
    const due = bucketOf(expireAt, nowMs);
    let bucket = this.#buckets.get(due);
    if (bucket === undefined) {
      bucket = { words: new Int32Array(ENTRY_WORDS * 8), count: 0, stored: [] };
      this.#openBytes += bucket.words.byteLength;
      this.#buckets.set(due, bucket);
      if (due < this.#earliest) this.#earliest = due;
    }
    if (bucket.count * ENTRY_WORDS === bucket.words.length) this.#grow(bucket);
    const at = bucket.count * ENTRY_WORDS;
    bucket.words[at] = partition;
    bucket.words[at + 1] = word0;
    bucket.words[at + 2] = word1;
    bucket.words[at + 3] = databaseId;
    bucket.count++;
    if (bucket.count === ENTRIES_PER_LIST) {
      bucket.stored.push(this.#lists.write(bucket.words.subarray(0, bucket.count * ENTRY_WORDS)));
      bucket.count = 0;
    }
  }

  /**
   * Hands the slots whose time has come to `visit`, at most about `limit` of them. Returns whether more are due.
   */
  due(nowMs: number, limit: number, visit: (slot: ExpiredSlot) => void): boolean {
    let visited = 0;
    while (this.#earliest <= nowMs) {
      const bucket = this.#buckets.get(this.#earliest);
      if (bucket !== undefined) {
        const name = bucket.stored.pop();
        const words =
          name === undefined ? bucket.words.subarray(0, bucket.count * ENTRY_WORDS) : this.#lists.take(name);
        if (name === undefined) {
          this.#buckets.delete(this.#earliest);
          this.#openBytes -= bucket.words.byteLength;
        }
        for (let at = 0; at < words.length; at += ENTRY_WORDS) {
          visit({
            partition: words[at],
            word0: words[at + 1],
            word1: words[at + 2],
            databaseId: words[at + 3],
          });
        }
        visited += words.length / ENTRY_WORDS;
        if (visited >= limit) return true;
        if (name !== undefined) continue;
      }
      this.#earliest = Number.POSITIVE_INFINITY;
      for (const due of this.#buckets.keys()) if (due < this.#earliest) this.#earliest = due;
    }
    return false;
  }

  #grow(bucket: Bucket): void {
    const larger = new Int32Array(Math.min(bucket.words.length * 2, ENTRIES_PER_LIST * ENTRY_WORDS));
    larger.set(bucket.words);
    this.#openBytes += larger.byteLength - bucket.words.byteLength;
    bucket.words = larger;
  }
}

/** The end of the bucket for an expiry: the time rounded up to a power of two of milliseconds near a sixteenth of the time to live. */
function bucketOf(expireAt: number, nowMs: number): number {
  const left = Math.max(1024, expireAt - nowMs);
  const width = 2 ** Math.max(6, Math.floor(Math.log2(left)) - 4);
  return (Math.floor(expireAt / width) + 1) * width;
}
