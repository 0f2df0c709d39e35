/**
 * Which cold keys expire when: lists of slots by time bucket.
 *
 * A cold key has no header in RAM, so its expiry is remembered in a list for its time bucket, 16 bytes an entry. A full
 * list of 4 KiB is appended to the cold store and only its place is kept, so that the RAM is bounded by the open lists. An
 * entry is a hint: when its bucket is due, the slot it names is looked up, and if the key there has expired it goes. Keys that
 * were deleted, changed, promoted or moved meanwhile are passed over; nothing is ever removed from a list.
 * A bucket is at most a sixteenth of the time to live wide, so a cold key goes at the latest that much after its
 * time (a look-up removes it at once).
 */
const ENTRY_WORDS = 4;
const ENTRIES_PER_LIST = 255;
/** Bytes of a list that is full, as the store is given it. */
export const LIST_BYTES = ENTRIES_PER_LIST * ENTRY_WORDS * 4;
const ENTRIES_MIN = 8;
/** Words of a bucket that is saved, beside its lists' names and its open list. */
const BUCKET_WORDS = 4;
/** RAM of a bucket beside its list. */
const BUCKET_BYTES = 128;
/** Narrowest bucket, as a power of two of milliseconds. */
const WIDTH_BITS_MIN = 6;

/** Keeps the bytes of full lists. */
export interface ListStore {
  /** Keeps a copy of a list and returns a name for it, at least 0; -1 if that can't be done now. */
  write(words: Int32Array): number;
  /** The list of a name, which is given up by this call; an empty one if it can't be read. */
  take(name: number): Int32Array;
}

interface Bucket {
  words: Int32Array;
  count: number;
  readonly stored: number[];
}

const NOTHING = new Int32Array(0);

export class ColdExpiry {
  /** The slot that `next` came to. */
  partition = 0;
  word0 = 0;
  word1 = 0;
  databaseId = 0;

  readonly #lists: ListStore;
  /** Buckets by the millisecond at which all their entries are due. */
  readonly #buckets = new Map<number, Bucket>();
  #openBytes = 0;
  #earliest = Number.POSITIVE_INFINITY;
  /** The list that `next` goes through. */
  #due: Int32Array = NOTHING;
  #dueAt = 0;

  constructor(lists: ListStore) {
    this.#lists = lists;
  }

  /** Bytes of RAM in open lists. */
  get byteCount(): number {
    return this.#openBytes + this.#buckets.size * BUCKET_BYTES + this.#due.byteLength;
  }

  /** Remembers that the key of a cold slot expires at a time. May append a list to the store. */
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
      bucket = { words: new Int32Array(ENTRY_WORDS * ENTRIES_MIN), count: 0, stored: [] };
      this.#openBytes += bucket.words.byteLength;
      this.#buckets.set(due, bucket);
      if (due < this.#earliest) this.#earliest = due;
    }
    // A list that could not be written grows on in RAM.
    if (bucket.count > 0 && bucket.count % ENTRIES_PER_LIST === 0) this.#store(bucket);
    if (bucket.count * ENTRY_WORDS === bucket.words.length) this.#grow(bucket);
    const at = bucket.count * ENTRY_WORDS;
    bucket.words[at] = partition;
    bucket.words[at + 1] = word0;
    bucket.words[at + 2] = word1;
    bucket.words[at + 3] = databaseId;
    bucket.count++;
  }

  /** Whether `next` has something to come to. */
  isDue(nowMs: number): boolean {
    return this.#dueAt < this.#due.length || this.#earliest <= nowMs;
  }

  /** Goes on to the next slot whose time has come, which is given up by this; false if there is none. */
  next(nowMs: number): boolean {
    while (this.#dueAt === this.#due.length) {
      this.#due = NOTHING;
      this.#dueAt = 0;
      if (this.#earliest > nowMs) return false;
      this.#due = this.#takeList();
    }
    const words = this.#due;
    const at = this.#dueAt;
    this.partition = words[at];
    this.word0 = words[at + 1];
    this.word1 = words[at + 2];
    this.databaseId = words[at + 3];
    this.#dueAt = at + ENTRY_WORDS;
    return true;
  }

  /** All that is remembered, the lists in the store by their names: words that {@link restore} takes. */
  save(): Int32Array {
    const due = this.#due.subarray(this.#dueAt);
    let length = due.length === 0 ? 0 : BUCKET_WORDS + due.length;
    for (const { stored, count } of this.#buckets.values())
      length += BUCKET_WORDS + stored.length + count * ENTRY_WORDS;
    const words = new Int32Array(length);
    let at = 0;
    const addBucket = (dueMs: number, stored: readonly number[], open: Int32Array): void => {
      words[at++] = dueMs | 0;
      words[at++] = Math.floor(dueMs / 0x100000000);
      words[at++] = stored.length;
      for (const name of stored) words[at++] = name;
      words[at++] = open.length;
      words.set(open, at);
      at += open.length;
    };
    // What is being gone through is due at once.
    if (due.length > 0) addBucket(0, [], due);
    for (const [dueMs, { stored, words: open, count }] of this.#buckets)
      addBucket(dueMs, stored, open.subarray(0, count * ENTRY_WORDS));
    return words;
  }

  /** Takes what {@link save} has told; nothing may be remembered yet. */
  restore(words: Int32Array): void {
    for (let at = 0; at < words.length; ) {
      const due = words[at + 1] * 0x100000000 + (words[at] >>> 0);
      const storedEnd = at + 3 + words[at + 2];
      const stored = Array.from(words.subarray(at + 3, storedEnd));
      const openEnd = storedEnd + 1 + words[storedEnd];
      const open = words.subarray(storedEnd + 1, openEnd);
      const room = Math.max(ENTRY_WORDS * ENTRIES_MIN, open.length);
      const bucket = { words: new Int32Array(room), count: open.length / ENTRY_WORDS, stored };
      bucket.words.set(open);
      this.#openBytes += bucket.words.byteLength;
      this.#buckets.set(due, bucket);
      if (due < this.#earliest) this.#earliest = due;
      at = openEnd;
    }
  }

  /** A list of the bucket that is due first. */
  #takeList(): Int32Array {
    const bucket = this.#buckets.get(this.#earliest) as Bucket;
    const name = bucket.stored.pop();
    if (name !== undefined) return this.#lists.take(name);
    this.#buckets.delete(this.#earliest);
    this.#openBytes -= bucket.words.byteLength;
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const due of this.#buckets.keys()) if (due < this.#earliest) this.#earliest = due;
    return bucket.words.subarray(0, bucket.count * ENTRY_WORDS);
  }

  #store(bucket: Bucket): void {
    const words = bucket.words.subarray(0, ENTRIES_PER_LIST * ENTRY_WORDS);
    while (bucket.count >= ENTRIES_PER_LIST) {
      const name = this.#lists.write(words);
      if (name < 0) return;
      bucket.stored.push(name);
      bucket.words.copyWithin(0, words.length, bucket.count * ENTRY_WORDS);
      bucket.count -= ENTRIES_PER_LIST;
    }
    if (bucket.words.length > words.length) this.#resize(bucket, words.length);
  }

  #grow(bucket: Bucket): void {
    const length = bucket.words.length;
    const full = ENTRIES_PER_LIST * ENTRY_WORDS;
    this.#resize(bucket, length < full ? Math.min(length * 2, full) : length * 2);
  }

  #resize(bucket: Bucket, length: number): void {
    const words = new Int32Array(length);
    words.set(bucket.words.subarray(0, bucket.count * ENTRY_WORDS));
    this.#openBytes += words.byteLength - bucket.words.byteLength;
    bucket.words = words;
  }
}

/** The end of the bucket for an expiry: the time rounded up to a power of two of milliseconds near a sixteenth of the time to live. */
function bucketOf(expireAt: number, nowMs: number): number {
  const left = Math.max(1, expireAt - nowMs);
  const width = 2 ** Math.max(WIDTH_BITS_MIN, Math.floor(Math.log2(left)) - 4);
  return (Math.floor(expireAt / width) + 1) * width;
}
