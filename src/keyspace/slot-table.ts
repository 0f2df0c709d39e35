import { assert } from '../base/assert.ts';
import { type Arena, SEGMENT_MASK } from '../memory/arena.ts';

/**
 * The index: a table of 8-byte slots in hash order.
 *
 * Problem: a billion keys at about 10 bytes each, most of them cold. A cold key is its slot and nothing else in RAM, so
 * growing the table must not need the key's name, no growth may stop the world, and the bytes per key must hold at
 * every size.
 *
 * Design: 35 bits of a key's hash place it. 12 choose one of 4,096 partitions, 23 are the slot's tag. A partition is a
 * linear-probing table kept sorted by tag ("ordered hash table", Amble and Knuth 1974), whose home position is
 * `tag × homes / 2^23`, so that positions follow the tags at every size. Growing is then one sequential pass over one
 * partition (5,000 slots at 20 million keys, 250,000 at a billion) that needs nothing but the tags, a look-up stops at
 * the first larger tag, deleting shifts back without tombstones, and SCAN walks the hash space in order: its cursor is
 * a hash, which no growth, shrinking or change of tier can upset. At a billion keys 15 of the 23 bits are consumed by
 * the position; 8 remain to tell cold keys apart before their names are read.
 *
 * A partition's slots lie in pages of 64 in an arena of their own, reached through a small directory, and it grows by
 * about an eighth when it is 90 % full. The first sizes differ from partition to partition, so that they do not grow in
 * step: the load stays near 85 %, 9.4 bytes per key.
 *
 * A slot is two 32-bit words. Word 0: tag (23 bits), state (2 bits: 0 empty, {@link HOT}, {@link COLD}), upper 7 bits
 * of the location; word 1: its lower 32 bits. A hot location is an arena address, a cold one a record's place in the
 * cold store.
 *
 * Each page has an expiry hint beside its directory entry: no hot key in the page expires before that second. It moves
 * with the slots as a lower bound, and the active expiry cycle makes it exact when it visits the page.
 *
 * Rejected: extendible hashing over segments of 2,048 slots (all split at nearly the same time: 9.4 to 18.8 bytes per
 * key); buckets with overflow (need flags or tombstones for deletes, and a second cursor for SCAN).
 */
export const PARTITION_COUNT = 4096;
export const TAG_BITS = 23;
export const TAG_LIMIT = 1 << TAG_BITS;
/** States of a slot, as they stand in word 0. */
export const HOT = 1 << 7;
export const COLD = 2 << 7;
const STATE_MASK = 3 << 7;
/** Upper bits of a location in word 0. */
export const LOCATION_UPPER_MASK = 0x7f;
const TAG_SHIFT = 9;

const PAGE_SHIFT = 6;
const SLOTS_PER_PAGE = 1 << PAGE_SHIFT;
const PAGE_MASK = SLOTS_PER_PAGE - 1;
export const PAGE_BYTES = SLOTS_PER_PAGE * 8;

/** Partitions whose directories share an array. */
const GROUP_SHIFT = 6;
const GROUP_MASK = (1 << GROUP_SHIFT) - 1;
const GROUP_COUNT = PARTITION_COUNT >>> GROUP_SHIFT;

const GROW_LOAD = 0.9;
const SHRINK_LOAD = 0.6;
const SHRUNK_LOAD = 0.82;
/** Positions left free behind the last run when a partition is laid out, so that keys of its last tag find room. */
const TAIL_ROOM_MAX = 8;

/** An expiry hint that says no hot key of the page expires. */
export const NO_EXPIRY = 0xffffffff;

/** The tag of a 32-bit hash. */
export function tagOf(hash: number): number {
  return hash >>> TAG_SHIFT;
}

/** The partition for the upper word of a hash. */
export function partitionOf(upper: number): number {
  return upper & (PARTITION_COUNT - 1);
}

/** Word 0 of a hot slot for an arena address. */
export function hotWord(tag: number, address: number): number {
  return (tag << TAG_SHIFT) | HOT | (address < 0x80000000 ? 0 : Math.floor(address / 0x100000000));
}

/** Word 0 of a cold slot; `upper` is the upper 7 bits of the location. */
export function coldWord(tag: number, upper: number): number {
  return (tag << TAG_SHIFT) | COLD | upper;
}

export function isHot(word0: number): boolean {
  return (word0 & HOT) !== 0;
}

/** The location in a slot's two words as one number. */
export function locationOf(word0: number, word1: number): number {
  const upper = word0 & LOCATION_UPPER_MASK;
  return upper === 0 ? word1 >>> 0 : upper * 0x100000000 + (word1 >>> 0);
}

export class SlotTable {
  /** Keys in the table. */
  count = 0;

  /**
   * The slot that the last `first`, `next`, `seekAtLeast` or `seekSlot` stopped at, valid until the table changes.
   */
  word0 = 0;
  word1 = 0;
  #partition = 0;
  #position = 0;

  readonly #arena: Arena;
  /**
   * The directories: addresses of pages. Partitions of a group share one array, each with the group's stride of entries, so
   * that a look-up goes through few arrays, which stay in the processor's cache, and a directory that grows moves those of
   * its group only.
   */
  readonly #directories: Int32Array[] = [];
  readonly #strides = new Int32Array(GROUP_COUNT);
  /** Of each partition the expiry hints of its pages, or null while none of its keys expires. */
  readonly #hints: (Uint32Array | null)[] = [];
  readonly #pageCounts = new Int32Array(PARTITION_COUNT);
  readonly #counts = new Int32Array(PARTITION_COUNT);
  readonly #scales = new Float64Array(PARTITION_COUNT);
  #pageCountMax = 0;
  #directoryBytes = 0;
  #scratch = new Int32Array(0);

  /** `arena` holds the pages and nothing but index pages. */
  constructor(arena: Arena) {
    this.#arena = arena;
    const none = new Int32Array(0);
    for (let group = 0; group < GROUP_COUNT; group++) this.#directories.push(none);
    for (let partition = 0; partition < PARTITION_COUNT; partition++) this.#hints.push(null);
  }

  /** Bytes of the directories; the pages are counted by the arena. */
  get directoryBytes(): number {
    return this.#directoryBytes + PARTITION_COUNT * 24;
  }

  /** Slots that exist, used or not. */
  get capacity(): number {
    let pages = 0;
    for (let partition = 0; partition < PARTITION_COUNT; partition++) pages += this.#pageCounts[partition];
    return pages * SLOTS_PER_PAGE;
  }

  partitionCount(partition: number): number {
    return this.#counts[partition];
  }

  /** Stops at the first slot with this tag; false if there is none. Expected constant time. */
  first(partition: number, tag: number): boolean {
    return this.seekAtLeast(partition, tag) && this.word0 >>> TAG_SHIFT === tag;
  }

  /** Stops at the first slot of the partition, in hash order, whose tag is at least `tag`; false at its end. */
  seekAtLeast(partition: number, tag: number): boolean {
    const pageCount = this.#pageCounts[partition];
    if (pageCount === 0) return false;
    const directory = this.#directories[partition >>> GROUP_SHIFT];
    const base = (partition & GROUP_MASK) * this.#strides[partition >>> GROUP_SHIFT];
    const capacity = pageCount << PAGE_SHIFT;
    let position = (tag * this.#scales[partition]) | 0;
    this.#partition = partition;
    for (;;) {
      const page = directory[base + (position >>> PAGE_SHIFT)];
      const words = this.#arena.words[page >>> 22];
      let at = ((page & SEGMENT_MASK) << 1) + ((position & PAGE_MASK) << 1);
      const end = at + ((SLOTS_PER_PAGE - (position & PAGE_MASK)) << 1);
      for (; at < end; at += 2, position++) {
        const word0 = words[at];
        // An empty slot ends the run, and what follows it has a larger home, but only a look-up may stop there.
        if ((word0 & STATE_MASK) === 0) return this.#nextUsed(position, capacity);
        if (word0 >>> TAG_SHIFT >= tag) {
          this.word0 = word0;
          this.word1 = words[at + 1];
          this.#position = position;
          return true;
        }
      }
      if (position >= capacity) return false;
    }
  }

  /** Goes on to the following slot of the partition in hash order; false at its end. */
  next(): boolean {
    return this.#nextUsed(this.#position + 1, this.#pageCounts[this.#partition] << PAGE_SHIFT);
  }

  /** Goes on to the following slot if it has the same tag. */
  nextSame(): boolean {
    const tag = this.word0 >>> TAG_SHIFT;
    const position = this.#position + 1;
    if (position >= this.#pageCounts[this.#partition] << PAGE_SHIFT) return false;
    const word0 = this.#wordAt(position);
    if ((word0 & STATE_MASK) === 0 || word0 >>> TAG_SHIFT !== tag) return false;
    this.word0 = word0;
    this.word1 = this.#lowerWordAt(position);
    this.#position = position;
    return true;
  }

  /** The partition and the tag of the slot that the table stopped at. */
  get partition(): number {
    return this.#partition;
  }

  get tag(): number {
    return this.word0 >>> TAG_SHIFT;
  }

  /** Stops at the slot of a partition that refers to this location; false if none does. */
  findLocation(partition: number, word0: number, word1: number): boolean {
    if (!this.first(partition, word0 >>> TAG_SHIFT)) return false;
    do {
      if (this.word0 === word0 && this.word1 === word1) return true;
    } while (this.nextSame());
    return false;
  }

  /**
   * Stops at the slot at a fraction of the partition's length, or the next used one after it; for sampling, with
   * `fraction` from 0 up to but without 1. False if none follows.
   */
  seekSlot(partition: number, fraction: number): boolean {
    this.#partition = partition;
    const capacity = this.#pageCounts[partition] << PAGE_SHIFT;
    return this.#nextUsed((capacity * fraction) | 0, capacity);
  }

  /** Stops at a slot chosen uniformly; `random(n)` answers an integer below n. False if the table is empty. */
  seekRandom(random: (limit: number) => number): boolean {
    if (this.count === 0) return false;
    for (let attempt = 0; attempt < 16; attempt++) {
      const partition = random(PARTITION_COUNT);
      const position = random(this.#pageCountMax << PAGE_SHIFT);
      if (position >= this.#pageCounts[partition] << PAGE_SHIFT) continue;
      if ((this.#wordAtIn(partition, position) & STATE_MASK) === 0) continue;
      this.#partition = partition;
      return this.#nextUsed(position, position + 1);
    }
    let rank = random(this.count);
    let partition = 0;
    while (rank >= this.#counts[partition]) rank -= this.#counts[partition++];
    this.#partition = partition;
    const capacity = this.#pageCounts[partition] << PAGE_SHIFT;
    this.#nextUsed(0, capacity);
    while (rank-- > 0) this.#nextUsed(this.#position + 1, capacity);
    return true;
  }

  /** Changes the slot that the table stopped at, keeping its tag. */
  replace(word0: number, word1: number): void {
    const page = this.#pageAt(this.#partition, this.#position >>> PAGE_SHIFT);
    const words = this.#arena.words[page >>> 22];
    const at = ((page & SEGMENT_MASK) + (this.#position & PAGE_MASK)) << 1;
    words[at] = word0;
    words[at + 1] = word1;
    this.word0 = word0;
    this.word1 = word1;
  }

  /** Adds a slot and stops at it. Expected constant time; the pass of a growing partition is linear in its size. */
  insert(partition: number, word0: number, word1: number): void {
    if (this.#counts[partition] + 1 > (this.#pageCounts[partition] << PAGE_SHIFT) * GROW_LOAD)
      this.#grow(partition);
    if (!this.#tryInsert(partition, word0, word1)) {
      // The last run has come to the end of the partition, which is laid out anew with room behind it.
      this.#rebuild(partition, this.#pageCounts[partition]);
      assert(this.#tryInsert(partition, word0, word1), 'slot table: no room behind the last run');
    }
    this.#counts[partition]++;
    this.count++;
  }

  /** Removes the slot that the table stopped at; it stops at none then. */
  remove(): void {
    const partition = this.#partition;
    const capacity = this.#pageCounts[partition] << PAGE_SHIFT;
    const scale = this.#scales[partition];
    const hints = this.#hints[partition];
    let position = this.#position;
    for (;;) {
      const following = position + 1;
      if (following >= capacity) break;
      const word0 = this.#wordAt(following);
      if ((word0 & STATE_MASK) === 0 || (((word0 >>> TAG_SHIFT) * scale) | 0) >= following) break;
      this.#write(position, word0, this.#lowerWordAt(following));
      if (hints !== null && (following & PAGE_MASK) === 0)
        lowerHint(hints, position >>> PAGE_SHIFT, hints[following >>> PAGE_SHIFT]);
      position = following;
    }
    this.#write(position, 0, 0);
    this.count--;
    const count = --this.#counts[partition];
    const pageCount = this.#pageCounts[partition];
    if (count === 0 || (pageCount > 1 && count < capacity * SHRINK_LOAD)) {
      const pages = Math.ceil(count / (SLOTS_PER_PAGE * SHRUNK_LOAD));
      if (pages < pageCount) this.#rebuild(partition, pages);
    }
  }

  /** Notes that the key in the slot that the table stopped at expires at this second. */
  noteExpiry(second: number): void {
    let hints = this.#hints[this.#partition];
    if (hints === null) {
      hints = new Uint32Array(this.#strides[this.#partition >>> GROUP_SHIFT]).fill(NO_EXPIRY);
      this.#hints[this.#partition] = hints;
      this.#directoryBytes += hints.byteLength;
    }
    lowerHint(hints, this.#position >>> PAGE_SHIFT, second);
  }

  /** The first page from `page` on whose hint is at most `second`, or -1. */
  findExpiring(partition: number, page: number, second: number): number {
    const hints = this.#hints[partition];
    if (hints === null) return -1;
    const pageCount = this.#pageCounts[partition];
    for (let at = page; at < pageCount; at++) if (hints[at] <= second) return at;
    return -1;
  }

  /**
   * Starts a walk over one page: copies its used slots to `target`, two words each, and returns how many. Used where
   * the visited keys may be removed meanwhile.
   */
  copyPage(partition: number, page: number, target: Int32Array): number {
    const address = this.#pageAt(partition, page);
    const words = this.#arena.words[address >>> 22];
    const start = (address & SEGMENT_MASK) << 1;
    let count = 0;
    for (let at = start; at < start + SLOTS_PER_PAGE * 2; at += 2) {
      if ((words[at] & STATE_MASK) === 0) continue;
      target[count * 2] = words[at];
      target[count * 2 + 1] = words[at + 1];
      count++;
    }
    return count;
  }

  /** Sets a page's hint to what a visit found; the page may have gone meanwhile. */
  setExpiryHint(partition: number, page: number, second: number): void {
    const hints = this.#hints[partition];
    if (hints !== null && page < this.#pageCounts[partition]) hints[page] = second;
  }

  pageCountOf(partition: number): number {
    return this.#pageCounts[partition];
  }

  /** Copies the slots of a partition in hash order to `target`, two words each; it has room for `partitionCount` of them. */
  copyPartition(partition: number, target: Int32Array): void {
    this.#partition = partition;
    const pageCount = this.#pageCounts[partition];
    let used = 0;
    for (let page = 0; page < pageCount; page++) {
      const address = this.#pageAt(partition, page);
      const words = this.#arena.words[address >>> 22];
      const start = (address & SEGMENT_MASK) << 1;
      for (let at = start; at < start + SLOTS_PER_PAGE * 2; at += 2) {
        if ((words[at] & STATE_MASK) === 0) continue;
        target[used++] = words[at];
        target[used++] = words[at + 1];
      }
    }
  }

  /** Fills an empty partition with `count` slots, two words each, in the order of their tags. Linear. */
  fillPartition(partition: number, slots: Int32Array, count: number): void {
    assert(this.#counts[partition] === 0, 'slot table: only an empty partition is filled');
    if (count === 0) return;
    this.#counts[partition] = count;
    this.count += count;
    // As full as partitions are that have grown by themselves, each at a point of its own between two sizes.
    const load = SHRUNK_LOAD + (GROW_LOAD - SHRUNK_LOAD) * phaseOf(partition);
    this.#layOut(partition, Math.ceil(count / (SLOTS_PER_PAGE * load)), slots, count * 2, 2);
  }

  /** Gives all pages of one partition back; its keys are gone. */
  clearPartition(partition: number): void {
    this.count -= this.#counts[partition];
    this.#counts[partition] = 0;
    this.#rebuild(partition, 0);
  }

  #nextUsed(from: number, capacity: number): boolean {
    for (let position = from; position < capacity; position++) {
      const word0 = this.#wordAt(position);
      if ((word0 & STATE_MASK) === 0) continue;
      this.word0 = word0;
      this.word1 = this.#lowerWordAt(position);
      this.#position = position;
      return true;
    }
    return false;
  }

  #wordAt(position: number): number {
    return this.#wordAtIn(this.#partition, position);
  }

  #wordAtIn(partition: number, position: number): number {
    const page = this.#pageAt(partition, position >>> PAGE_SHIFT);
    return this.#arena.words[page >>> 22][((page & SEGMENT_MASK) + (position & PAGE_MASK)) << 1];
  }

  #lowerWordAt(position: number): number {
    const page = this.#pageAt(this.#partition, position >>> PAGE_SHIFT);
    return this.#arena.words[page >>> 22][(((page & SEGMENT_MASK) + (position & PAGE_MASK)) << 1) + 1];
  }

  #write(position: number, word0: number, word1: number): void {
    const page = this.#pageAt(this.#partition, position >>> PAGE_SHIFT);
    const words = this.#arena.words[page >>> 22];
    const at = ((page & SEGMENT_MASK) + (position & PAGE_MASK)) << 1;
    words[at] = word0;
    words[at + 1] = word1;
  }

  /** False if the partition has no room behind the tag's place. */
  #tryInsert(partition: number, word0: number, word1: number): boolean {
    const capacity = this.#pageCounts[partition] << PAGE_SHIFT;
    if (capacity === 0) return false;
    const tag = word0 >>> TAG_SHIFT;
    const hints = this.#hints[partition];
    let position = (tag * this.#scales[partition]) | 0;
    let placed = -1;
    let carry0 = word0;
    let carry1 = word1;
    this.#partition = partition;
    while (position < capacity) {
      const page = this.#pageAt(partition, position >>> PAGE_SHIFT);
      const words = this.#arena.words[page >>> 22];
      let at = ((page & SEGMENT_MASK) + (position & PAGE_MASK)) << 1;
      const end = at + ((SLOTS_PER_PAGE - (position & PAGE_MASK)) << 1);
      // Entering a page with a slot carried over from the one before: its expiry comes along.
      if (placed >= 0 && hints !== null && (position & PAGE_MASK) === 0) {
        lowerHint(hints, position >>> PAGE_SHIFT, hints[(position >>> PAGE_SHIFT) - 1]);
      }
      for (; at < end; at += 2, position++) {
        const old0 = words[at];
        if ((old0 & STATE_MASK) === 0) {
          words[at] = carry0;
          words[at + 1] = carry1;
          this.#position = placed < 0 ? position : placed;
          this.word0 = word0;
          this.word1 = word1;
          return true;
        }
        if (placed >= 0 || old0 >>> TAG_SHIFT > tag) {
          if (placed < 0) {
            // Nothing may move before it is sure that the run ends inside the partition.
            if (!this.#hasRoom(position, capacity)) return false;
            placed = position;
          }
          const old1 = words[at + 1];
          words[at] = carry0;
          words[at + 1] = carry1;
          carry0 = old0;
          carry1 = old1;
        }
      }
    }
    return false;
  }

  #hasRoom(from: number, capacity: number): boolean {
    // Only a run that reaches the end can lack room, and runs rarely reach it from afar.
    if (capacity - from > 1024) return true;
    for (let position = from; position < capacity; position++) {
      if ((this.#wordAt(position) & STATE_MASK) === 0) return true;
    }
    return false;
  }

  #grow(partition: number): void {
    const pageCount = this.#pageCounts[partition];
    // Between a sixteenth and three sixteenths.
    this.#rebuild(
      partition,
      Math.max(pageCount + 1, Math.floor(pageCount * (1.0625 + phaseOf(partition) / 8))),
    );
  }

  /** Lays a partition out anew on this many pages, whose load may be {@link GROW_LOAD} at most. */
  #rebuild(partition: number, pageCount: number): void {
    this.#partition = partition;
    const oldPageCount = this.#pageCounts[partition];
    const count = this.#counts[partition];
    const scratch = this.#takeScratch(count);
    const oldHints = this.#hints[partition];
    let used = 0;
    const copied = count === 0 ? 0 : oldPageCount << PAGE_SHIFT;
    for (let position = 0; position < copied; position++) {
      const word0 = this.#wordAt(position);
      if ((word0 & STATE_MASK) === 0) continue;
      scratch[used] = word0;
      scratch[used + 1] = this.#lowerWordAt(position);
      scratch[used + 2] = oldHints === null ? -1 : oldHints[position >>> PAGE_SHIFT] | 0;
      used += 3;
    }
    this.#layOut(partition, pageCount, scratch, used, 3);
  }

  /** Room for so many slots of three words. */
  #takeScratch(count: number): Int32Array {
    if (this.#scratch.length < count * 3) this.#scratch = new Int32Array(Math.ceil(count * 3.75));
    return this.#scratch;
  }

  /**
   * Lays slots out on this many pages of a partition, as its new content. They are the first `used` words of `slots`, `stride`
   * words each: the slot's own two, and if there is a third, what its expiry hint was.
   */
  #layOut(partition: number, pageCount: number, slots: Int32Array, used: number, stride: number): void {
    this.#partition = partition;
    this.#resizeDirectory(partition, pageCount);
    const capacity = pageCount << PAGE_SHIFT;
    const scale = scaleFor(slots, used, stride, capacity);
    this.#scales[partition] = scale;
    for (let at = 0; at < pageCount; at++) {
      const page = this.#pageAt(partition, at);
      const start = (page & SEGMENT_MASK) << 1;
      this.#arena.words[page >>> 22].fill(0, start, start + SLOTS_PER_PAGE * 2);
    }
    const hints = this.#hints[partition];
    if (hints !== null) hints.fill(NO_EXPIRY);
    let position = -1;
    let pageNumber = -1;
    let words: Int32Array = slots;
    let start = 0;
    for (let at = 0; at < used; at += stride) {
      const word0 = slots[at];
      const home = ((word0 >>> TAG_SHIFT) * scale) | 0;
      position = home > position ? home : position + 1;
      if (position >>> PAGE_SHIFT !== pageNumber) {
        pageNumber = position >>> PAGE_SHIFT;
        assert(pageNumber < pageCount, 'slot table: a partition overflowed');
        const page = this.#pageAt(partition, pageNumber);
        words = this.#arena.words[page >>> 22];
        start = (page & SEGMENT_MASK) << 1;
      }
      const target = start + ((position & PAGE_MASK) << 1);
      words[target] = word0;
      words[target + 1] = slots[at + 1];
      if (hints !== null && stride === 3) lowerHint(hints, pageNumber, slots[at + 2] >>> 0);
    }
  }

  #pageAt(partition: number, page: number): number {
    const group = partition >>> GROUP_SHIFT;
    return this.#directories[group][(partition & GROUP_MASK) * this.#strides[group] + page];
  }

  /** Gives a partition this many pages, of which the new ones are not cleared. */
  #resizeDirectory(partition: number, pageCount: number): void {
    const group = partition >>> GROUP_SHIFT;
    if (pageCount > this.#strides[group]) this.#widen(group, pageCount);
    const oldPageCount = this.#pageCounts[partition];
    const directory = this.#directories[group];
    const base = (partition & GROUP_MASK) * this.#strides[group];
    for (let at = oldPageCount; at < pageCount; at++) directory[base + at] = this.#arena.allocate(PAGE_BYTES);
    for (let at = pageCount; at < oldPageCount; at++) this.#arena.free(directory[base + at] >>> 0);
    this.#pageCounts[partition] = pageCount;
    if (pageCount > this.#pageCountMax) this.#pageCountMax = pageCount;
    const hints = this.#hints[partition];
    if (hints !== null && (pageCount === 0 || hints.length < pageCount)) {
      const wider = pageCount === 0 ? null : new Uint32Array(this.#strides[group]);
      this.#directoryBytes += (wider?.byteLength ?? 0) - hints.byteLength;
      this.#hints[partition] = wider;
    }
  }

  /** Gives all partitions of a group room for directories of this many pages. */
  #widen(group: number, pageCount: number): void {
    const oldStride = this.#strides[group];
    const stride = Math.ceil(pageCount * 1.125);
    const old = this.#directories[group];
    const directory = new Int32Array(stride << GROUP_SHIFT);
    for (let member = 0; member <= GROUP_MASK; member++) {
      directory.set(old.subarray(member * oldStride, (member + 1) * oldStride), member * stride);
    }
    this.#directoryBytes += directory.byteLength - old.byteLength;
    this.#directories[group] = directory;
    this.#strides[group] = stride;
  }
}

/** From 0 up to but without 1, by partition, so that partitions do not grow in step. */
function phaseOf(partition: number): number {
  return ((partition * 2654435761) >>> 20) / 4096;
}

/**
 * Positions per tag for slots of `stride` words. Some positions at the end are no tag's home, so that the last run has somewhere
 * to go: a few, or as many as it takes where many keys share the last tags.
 */
function scaleFor(slots: Int32Array, used: number, stride: number, capacity: number): number {
  if (capacity === 0) return 0;
  const room = Math.min(TAIL_ROOM_MAX, Math.floor(capacity * (1 - GROW_LOAD)));
  let spare = capacity === SLOTS_PER_PAGE ? 8 : 24;
  for (;;) {
    const scale = (capacity - spare) / TAG_LIMIT;
    const missing = endOf(slots, used, stride, scale) + room - capacity;
    if (missing <= 0) return scale;
    spare = Math.min(capacity, spare + missing);
  }
}

/** The position behind the last of these slots. */
function endOf(slots: Int32Array, used: number, stride: number, scale: number): number {
  let position = -1;
  for (let at = 0; at < used; at += stride) {
    const home = ((slots[at] >>> TAG_SHIFT) * scale) | 0;
    position = home > position ? home : position + 1;
  }
  return position + 1;
}

function lowerHint(hints: Uint32Array, page: number, second: number): void {
  if (second < hints[page]) hints[page] = second;
}
