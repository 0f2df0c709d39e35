import { assert } from '../base/assert.ts';

/**
 * Memory for records and index pages, outside the V8 heap.
 *
 * Problem: a Buffer per value costs 100 to 200 bytes and work for each major collection, and a V8 heap cannot hold
 * hundreds of gigabytes nor give memory back in parts.
 *
 * Design: segments of 32 MiB. That size is glibc's largest threshold for mapping an allocation by itself, so a segment
 * is always a mapping of its own, becomes resident page by page as it is touched, and goes back to the system when it
 * is dropped. A segment is cut into quads of 256 KiB, and a quad into four slabs of 64 KiB. A slab holds blocks of one
 * size class: up to 512 bytes every multiple of 8, above it 16 classes for each doubling. Blocks above 4 KiB live in
 * slabs of a whole quad, blocks above 64 KiB in a run of quads of their own, blocks above 8 MiB in a segment of their own
 * that is as large as they need, and is reached by its base alone. Within a slab free blocks form a list through the
 * blocks themselves.
 *
 * An address is a number in units of 8 bytes, `segment × 2^22 + offset`; 0 is no address. The first word of a free
 * block is {@link FREE_BLOCK}, which no record begins with, so that a slab's live blocks can be enumerated and moved.
 *
 * Invariants: `usedBytes` is the sum of the block sizes handed out; a slab is in its class's list exactly when it has a
 * free block; a slab without live blocks belongs to no class.
 */
export const SEGMENT_BYTES = 32 * 1024 * 1024;
/** Bytes per unit of an address. */
export const UNIT_BYTES = 8;
/** An address's segment is `address >>> SEGMENT_SHIFT` for addresses below 2^32; see {@link segmentOf}. */
export const SEGMENT_SHIFT = 22;
export const SEGMENT_MASK = (1 << SEGMENT_SHIFT) - 1;
const UNITS_PER_SEGMENT = 1 << SEGMENT_SHIFT;
/** First word of a block that is not in use. */
export const FREE_BLOCK = -1;

const SLAB_SHIFT = 13;
const UNITS_PER_SLAB = 1 << SLAB_SHIFT;
const SLABS_PER_QUAD = 4;
const SLABS_PER_SEGMENT = UNITS_PER_SEGMENT / UNITS_PER_SLAB;
const SEGMENT_SLABS_SHIFT = SEGMENT_SHIFT - SLAB_SHIFT;
const QUADS_PER_SEGMENT = SLABS_PER_SEGMENT / SLABS_PER_QUAD;
const UNITS_PER_QUAD = UNITS_PER_SLAB * SLABS_PER_QUAD;
/** Bytes of one slab of small blocks. */
export const SLAB_BYTES = UNITS_PER_SLAB * UNIT_BYTES;
/** Blocks that a slab has at most: a block is two units at least. */
export const SLAB_BLOCKS_MAX = UNITS_PER_SLAB / 2;

const EXACT_UNITS_MAX = 64;
const CLASSES_PER_DOUBLING = 16;
const SMALL_UNITS_MAX = 512;
const CLASSED_UNITS_MAX = 8192;
/** Longest run that shares a segment: 8 MiB. */
const SHARED_RUN_QUADS_MAX = 32;

/** Block size in units of each class. Class 0 is that of slabs without a class, class 1 the 16-byte block. */
const classUnits: number[] = [0];
for (let units = 2; units <= EXACT_UNITS_MAX; units++) classUnits.push(units);
for (let base = EXACT_UNITS_MAX; base < CLASSED_UNITS_MAX; base *= 2) {
  for (let step = 1; step <= CLASSES_PER_DOUBLING; step++) {
    classUnits.push(base + (base / CLASSES_PER_DOUBLING) * step);
  }
}
const CLASS_COUNT = classUnits.length;
const RUN_CLASS = CLASS_COUNT;
const FREE_CLASS = 0;
const CLASS_UNITS = Int32Array.from(classUnits);
const CLASS_OF_UNITS = new Uint8Array(CLASSED_UNITS_MAX + 1);
for (let units = 0, sizeClass = 1; units <= CLASSED_UNITS_MAX; units++) {
  while (CLASS_UNITS[sizeClass] < units) sizeClass++;
  CLASS_OF_UNITS[units] = sizeClass;
}

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));
const NONE = -1;

/** The segment of an address, for addresses of any size. */
export function segmentOf(address: number): number {
  return address < 0x80000000 ? address >>> SEGMENT_SHIFT : Math.floor(address / UNITS_PER_SEGMENT);
}

/** The size in bytes of the block that `allocate(bytes)` would hand out. */
export function blockBytesFor(bytes: number): number {
  const units = (bytes + 7) >>> 3;
  if (units <= CLASSED_UNITS_MAX) return CLASS_UNITS[CLASS_OF_UNITS[units]] * UNIT_BYTES;
  return Math.ceil(units / UNITS_PER_QUAD) * UNITS_PER_QUAD * UNIT_BYTES;
}

export class Arena {
  /** Bytes of each segment; owned by the arena, valid until the next `allocate` or `free` may drop the segment. */
  readonly bytes: Uint8Array[] = [];
  /** The same memory as 32-bit words, and under views for unaligned access. */
  readonly words: Int32Array[] = [];
  readonly views: DataView[] = [];
  /** Sum of the sizes of all blocks in use. */
  usedBytes = 0;
  /** Bytes of the slabs that hold them: `usedBytes` and what lies free between them. */
  slabBytes = 0;
  /** Live blocks. */
  blockCount = 0;
  /** Where the last {@link sweep}, or {@link slabBlocks}, ended. */
  sweptTo = 0;
  /** Bytes of the mapped segments that were ever handed out, which are resident whether in use or not. */
  touchedBytes = 0;

  #slabClass = new Uint8Array(0);
  /** Offset in units of the slab's first free block, or NONE. */
  #slabFree = new Int32Array(0);
  /** Offset in units of the part never handed out, or NONE. */
  #slabFresh = new Int32Array(0);
  #slabUsed = new Int32Array(0);
  #slabNext = new Int32Array(0);
  #slabPrevious = new Int32Array(0);
  /** For each quad 1 if it was handed out since its segment was mapped. */
  #quadTouched = new Uint8Array(0);
  /** For each quad: 0 free, 1 cut into slabs, 2 the first of a larger slab or run, 3 a further one of a run. */
  #quadState = new Uint8Array(0);
  readonly #freeQuads: number[] = [];
  #firstOpenSegment = 0;
  /** The segment that is being emptied, none of whose slabs is in a list, and the next of them to visit. */
  #vacating = NONE;
  #vacatingSlab = 0;
  readonly #classHead = new Int32Array(CLASS_COUNT).fill(NONE);

  /**
   * A block of at least `bytes` bytes, whose content is undefined. Throws RangeError if the system gives no such memory.
   * Constant time, but for one search over quads per 256 KiB handed out.
   */
  allocate(bytes: number): number {
    const units = (bytes + 7) >>> 3;
    if (units > CLASSED_UNITS_MAX) return this.#allocateRun(units);
    const sizeClass = CLASS_OF_UNITS[units];
    const blockUnits = CLASS_UNITS[sizeClass];
    let slab = this.#classHead[sizeClass];
    if (slab === NONE) slab = this.#openSlab(sizeClass, blockUnits);
    const slabAddress = slab * UNITS_PER_SLAB;
    const slabUnits = blockUnits > SMALL_UNITS_MAX ? UNITS_PER_QUAD : UNITS_PER_SLAB;
    let offset = this.#slabFree[slab];
    if (offset !== NONE) {
      const address = slabAddress + offset;
      this.#slabFree[slab] = this.words[segmentOf(address)][((address & SEGMENT_MASK) << 1) + 1];
    } else {
      offset = this.#slabFresh[slab];
      this.#slabFresh[slab] = offset + 2 * blockUnits > slabUnits ? NONE : offset + blockUnits;
    }
    this.#slabUsed[slab]++;
    if (this.#slabFree[slab] === NONE && this.#slabFresh[slab] === NONE) this.#unlink(slab, sizeClass);
    this.usedBytes += blockUnits * UNIT_BYTES;
    this.blockCount++;
    return slabAddress + offset;
  }

  /** Gives a block back. Constant time. */
  free(address: number): void {
    const slab = this.#slabOf(address);
    const sizeClass = this.#slabClass[slab];
    if (sizeClass === RUN_CLASS) {
      this.#freeRun(slab);
      return;
    }
    const blockUnits = CLASS_UNITS[sizeClass];
    const words = this.words[segmentOf(address)];
    const word = (address & SEGMENT_MASK) << 1;
    words[word] = FREE_BLOCK;
    words[word + 1] = this.#slabFree[slab];
    const wasFull = this.#slabFree[slab] === NONE && this.#slabFresh[slab] === NONE;
    this.#slabFree[slab] = address - slab * UNITS_PER_SLAB;
    this.usedBytes -= blockUnits * UNIT_BYTES;
    this.blockCount--;
    this.#slabUsed[slab]--;
    if (this.#slabUsed[slab] === 0) {
      if (!wasFull) this.#unlink(slab, sizeClass);
      this.#closeSlab(slab, blockUnits);
    } else if (wasFull) {
      this.#link(slab, sizeClass);
    }
  }

  /** The size in bytes of the block at `address`. */
  blockBytes(address: number): number {
    const slab = this.#slabOf(address);
    const sizeClass = this.#slabClass[slab];
    return (
      (sizeClass === RUN_CLASS ? this.#slabUsed[slab] * UNITS_PER_QUAD : CLASS_UNITS[sizeClass]) * UNIT_BYTES
    );
  }

  /** Whether the block that began at `address` has been freed since. */
  isFree(address: number): boolean {
    const words = this.words[segmentOf(address)];
    return words.length === 0 || words[(address & SEGMENT_MASK) << 1] === FREE_BLOCK;
  }

  /** Bytes of the segments that are mapped; what of it was never touched is not resident. */
  get mappedBytes(): number {
    let count = 0;
    for (const segment of this.bytes) count += segment.length;
    return count;
  }

  /**
   * Puts the live blocks of the first slab that has any, from the address `from` on, into `target`, which takes
   * {@link SLAB_BLOCKS_MAX}, in the order of their addresses, and returns how many; 0 if there is none up to the arena's end. Goes
   * on at `sweptTo`.
   */
  slabBlocks(from: number, target: Float64Array): number {
    const end = this.slabTotal * UNITS_PER_SLAB;
    for (this.sweptTo = from; this.sweptTo < end; ) {
      const found = this.#collect(this.sweptTo, target.length, 0, target);
      if (found > 0) return found;
    }
    return 0;
  }

  /**
   * Puts up to `count` live blocks into `target`, in the order of their addresses from `from` on and around, and returns how
   * many. The next sweep begins at `sweptTo`. Slabs without blocks cost a step each.
   */
  sweep(from: number, count: number, target: Float64Array): number {
    const end = this.slabTotal * UNITS_PER_SLAB;
    this.sweptTo = from < end ? from : 0;
    let found = 0;
    // A round ends where the slab begins in which it began.
    let left = end - (end === 0 ? 0 : this.sweptTo - this.#slabOf(this.sweptTo) * UNITS_PER_SLAB);
    while (left > 0 && found < count) {
      const start = this.sweptTo;
      found = this.#collect(start, count, found, target);
      left -= this.sweptTo - start;
      if (this.sweptTo >= end) this.sweptTo = 0;
    }
    return found;
  }

  /**
   * Puts live blocks of the slab at an address, from there on, into `target` behind the `found` that it holds, until it holds
   * `count`. Returns how many it holds; `sweptTo` is where that ended.
   */
  #collect(from: number, count: number, found: number, target: Float64Array): number {
    const slab = this.#slabOf(from);
    const sizeClass = this.#slabClass[slab];
    const base = slab * UNITS_PER_SLAB;
    this.sweptTo = base + this.#slabUnits(slab);
    if (sizeClass === FREE_CLASS) return found;
    if (sizeClass === RUN_CLASS) {
      if (from === base) target[found++] = base;
      return found;
    }
    const blockUnits = CLASS_UNITS[sizeClass];
    const end = this.#usedUnits(slab, blockUnits);
    const words = this.words[segmentOf(base)];
    let offset = Math.ceil((from - base) / blockUnits) * blockUnits;
    for (; offset < end && found < count; offset += blockUnits) {
      if (words[((base + offset) & SEGMENT_MASK) << 1] !== FREE_BLOCK) target[found++] = base + offset;
    }
    if (offset < end) this.sweptTo = base + offset;
    return found;
  }

  /** Units up to the next slab; a run that is larger than a segment ends with its segment. */
  #slabUnits(slab: number): number {
    const sizeClass = this.#slabClass[slab];
    if (sizeClass === RUN_CLASS) return Math.min(this.#slabUsed[slab] * UNITS_PER_QUAD, UNITS_PER_SEGMENT);
    return CLASS_UNITS[sizeClass] > SMALL_UNITS_MAX ? UNITS_PER_QUAD : UNITS_PER_SLAB;
  }

  get slabTotal(): number {
    return this.bytes.length * SLABS_PER_SEGMENT;
  }

  /** Bytes that are resident and free to be handed out. */
  get idleBytes(): number {
    return this.touchedBytes - this.usedBytes;
  }

  /** Whether a segment is being emptied. */
  get isVacating(): boolean {
    return this.#vacating !== NONE;
  }

  /**
   * Begins to empty the segment with the fewest live bytes, if those are at most `liveBytesMax`: from now on nothing is
   * handed out from it, and {@link vacateSome} moves what lives there; one without any goes at once. False if
   * there is none.
   */
  vacate(liveBytesMax: number): boolean {
    let best = NONE;
    let bestBytes = liveBytesMax;
    for (let segment = 0; segment < this.bytes.length; segment++) {
      if (this.bytes[segment].length === 0) continue;
      const live = this.#liveBytesOf(segment);
      if (live <= bestBytes) {
        best = segment;
        bestBytes = live;
      }
    }
    if (best === NONE) return false;
    if (this.#freeQuads[best] === QUADS_PER_SEGMENT) {
      this.#unmapSegment(best);
      return true;
    }
    const first = best * SLABS_PER_SEGMENT;
    for (let slab = first; slab < first + SLABS_PER_SEGMENT; slab++) {
      if (this.#isListed(slab)) this.#unlink(slab, this.#slabClass[slab]);
    }
    this.#vacating = best;
    this.#vacatingSlab = first;
    return true;
  }

  /**
   * Goes on emptying a segment: calls `move`, which must free it, with the address of each live block of `slabCount` slabs.
   * A segment of which something stays is used again. Call while {@link isVacating}.
   */
  vacateSome(slabCount: number, move: (address: number) => void): void {
    const segment = this.#vacating;
    const end = (segment + 1) * SLABS_PER_SEGMENT;
    const until = Math.min(end, this.#vacatingSlab + slabCount);
    for (; this.#vacatingSlab < until && this.#vacating !== NONE; this.#vacatingSlab++) {
      const slab = this.#vacatingSlab;
      const sizeClass = this.#slabClass[slab];
      if (sizeClass === RUN_CLASS) move(slab * UNITS_PER_SLAB);
      else if (sizeClass !== FREE_CLASS) for (const address of this.#liveBlocks(slab)) move(address);
    }
    if (this.#vacating === NONE || this.#vacatingSlab < end) return;
    this.#vacating = NONE;
    for (let slab = segment * SLABS_PER_SEGMENT; slab < end; slab++) {
      const isUsable =
        this.#slabClass[slab] === FREE_CLASS ? this.#quadState[slab >>> 2] === 1 : this.#hasRoom(slab);
      if (isUsable) this.#link(slab, this.#slabClass[slab]);
    }
  }

  /** Whether a slab is in the list of its class. */
  #isListed(slab: number): boolean {
    const sizeClass = this.#slabClass[slab];
    if (sizeClass === RUN_CLASS) return false;
    return this.#slabPrevious[slab] !== NONE || this.#classHead[sizeClass] === slab;
  }

  /** Whether a slab of blocks has a free one. */
  #hasRoom(slab: number): boolean {
    if (this.#slabClass[slab] === RUN_CLASS) return false;
    return this.#slabFree[slab] !== NONE || this.#slabFresh[slab] !== NONE;
  }

  /** Live bytes of a segment; infinite for one that is a single block, which has nowhere to go. */
  #liveBytesOf(segment: number): number {
    let units = 0;
    const first = segment * SLABS_PER_SEGMENT;
    if (this.#slabClass[first] === RUN_CLASS && this.#slabUsed[first] > SHARED_RUN_QUADS_MAX) {
      return Number.POSITIVE_INFINITY;
    }
    for (let slab = first; slab < first + SLABS_PER_SEGMENT; slab++) {
      const sizeClass = this.#slabClass[slab];
      if (sizeClass === RUN_CLASS) units += this.#slabUsed[slab] * UNITS_PER_QUAD;
      else if (sizeClass !== FREE_CLASS) units += this.#slabUsed[slab] * CLASS_UNITS[sizeClass];
    }
    return units * UNIT_BYTES;
  }

  /** Units of a slab up to the end of the last block that was ever handed out. */
  #usedUnits(slab: number, blockUnits: number): number {
    const fresh = this.#slabFresh[slab];
    if (fresh !== NONE) return fresh;
    return Math.floor(this.#slabUnits(slab) / blockUnits) * blockUnits;
  }

  /** Addresses of the live blocks of a slab. */
  #liveBlocks(slab: number): number[] {
    const blockUnits = CLASS_UNITS[this.#slabClass[slab]];
    const end = this.#usedUnits(slab, blockUnits);
    const base = slab * UNITS_PER_SLAB;
    const words = this.words[segmentOf(base)];
    const live: number[] = [];
    for (let offset = 0; offset < end; offset += blockUnits) {
      if (words[((base + offset) & SEGMENT_MASK) << 1] !== FREE_BLOCK) live.push(base + offset);
    }
    assert(live.length === this.#slabUsed[slab], 'the marks of a slab differ from its count of live blocks');
    return live;
  }

  #slabOf(address: number): number {
    const slab = Math.floor(address / UNITS_PER_SLAB);
    const quad = (slab / SLABS_PER_QUAD) | 0;
    return this.#quadState[quad] === 2 ? quad * SLABS_PER_QUAD : slab;
  }

  #openSlab(sizeClass: number, blockUnits: number): number {
    let slab: number;
    if (blockUnits > SMALL_UNITS_MAX) {
      const quad = this.#takeQuads(1, false);
      this.#quadState[quad] = 2;
      slab = quad * SLABS_PER_QUAD;
      this.slabBytes += UNITS_PER_QUAD * UNIT_BYTES;
    } else {
      slab = this.#classHead[FREE_CLASS];
      if (slab === NONE) {
        const quad = this.#takeQuads(1, false);
        this.#quadState[quad] = 1;
        for (let part = SLABS_PER_QUAD - 1; part >= 0; part--)
          this.#link(quad * SLABS_PER_QUAD + part, FREE_CLASS);
        slab = quad * SLABS_PER_QUAD;
      }
      this.#unlink(slab, FREE_CLASS);
      this.slabBytes += SLAB_BYTES;
    }
    this.#slabClass[slab] = sizeClass;
    this.#slabFree[slab] = NONE;
    // Address 0 means none, so the very first block of the first segment is never handed out.
    this.#slabFresh[slab] = slab === 0 ? blockUnits : 0;
    if (slab === 0) this.#markFirstBlock();
    this.#slabUsed[slab] = 0;
    this.#link(slab, sizeClass);
    return slab;
  }

  #markFirstBlock(): void {
    this.words[0][0] = FREE_BLOCK;
  }

  #closeSlab(slab: number, blockUnits: number): void {
    this.#slabClass[slab] = FREE_CLASS;
    const quad = (slab / SLABS_PER_QUAD) | 0;
    if (blockUnits > SMALL_UNITS_MAX) {
      this.slabBytes -= UNITS_PER_QUAD * UNIT_BYTES;
      this.#giveQuads(quad, 1);
      return;
    }
    this.slabBytes -= SLAB_BYTES;
    this.#link(slab, FREE_CLASS);
    const first = quad * SLABS_PER_QUAD;
    for (let part = 0; part < SLABS_PER_QUAD; part++)
      if (this.#slabClass[first + part] !== FREE_CLASS) return;
    for (let part = 0; part < SLABS_PER_QUAD; part++) this.#unlink(first + part, FREE_CLASS);
    this.#giveQuads(quad, 1);
  }

  #allocateRun(units: number): number {
    const quadCount = Math.ceil(units / UNITS_PER_QUAD);
    let quad: number;
    if (quadCount > SHARED_RUN_QUADS_MAX) {
      quad = this.#takeSegment(quadCount) * QUADS_PER_SEGMENT;
      this.#quadState[quad] = 2;
    } else {
      quad = this.#takeQuads(quadCount, true);
      for (let at = 0; at < quadCount; at++) this.#quadState[quad + at] = at === 0 ? 2 : 3;
    }
    const slab = quad * SLABS_PER_QUAD;
    this.#slabClass[slab] = RUN_CLASS;
    this.#slabUsed[slab] = quadCount;
    const bytes = quadCount * UNITS_PER_QUAD * UNIT_BYTES;
    this.usedBytes += bytes;
    this.slabBytes += bytes;
    this.blockCount++;
    return slab * UNITS_PER_SLAB;
  }

  #freeRun(slab: number): void {
    const quadCount = this.#slabUsed[slab];
    const bytes = quadCount * UNITS_PER_QUAD * UNIT_BYTES;
    this.usedBytes -= bytes;
    this.slabBytes -= bytes;
    this.blockCount--;
    this.#slabClass[slab] = FREE_CLASS;
    const address = slab * UNITS_PER_SLAB;
    this.words[segmentOf(address)][(address & SEGMENT_MASK) << 1] = FREE_BLOCK;
    const quad = (slab / SLABS_PER_QUAD) | 0;
    if (quadCount > SHARED_RUN_QUADS_MAX) this.#giveSegment(quad, bytes);
    else this.#giveQuads(quad, quadCount);
  }

  /** Maps a segment for one block of `quadCount` quads. Never segment 0, whose base is no address. */
  #takeSegment(quadCount: number): number {
    let segment = 1;
    while (segment < this.bytes.length && this.bytes[segment].length > 0) segment++;
    const bytes = quadCount * UNITS_PER_QUAD * UNIT_BYTES;
    // Below a segment's size it would not be sure to be a mapping of its own; what is not touched is not resident.
    const memory = new ArrayBuffer(Math.max(bytes, SEGMENT_BYTES));
    while (segment >= this.bytes.length) this.#addSegment();
    this.bytes[segment] = new Uint8Array(memory);
    this.words[segment] = new Int32Array(memory);
    this.views[segment] = new DataView(memory);
    this.#freeQuads[segment] = 0;
    this.touchedBytes += bytes;
    return segment;
  }

  #giveSegment(quad: number, bytes: number): void {
    const segment = quad / QUADS_PER_SEGMENT;
    this.#quadState[quad] = 0;
    this.#freeQuads[segment] = QUADS_PER_SEGMENT;
    if (segment < this.#firstOpenSegment) this.#firstOpenSegment = segment;
    this.bytes[segment] = NO_BYTES;
    this.words[segment] = NO_WORDS;
    this.views[segment] = NO_VIEW;
    this.touchedBytes -= bytes;
  }

  /**
   * The first quad of `count` free ones side by side in one segment, lowest first so that the top can be dropped. For a run
   * never quad 0, where it would have address 0.
   */
  #takeQuads(count: number, isRun: boolean): number {
    for (let segment = this.#firstOpenSegment; segment < this.bytes.length; segment++) {
      if (segment === this.#vacating) continue;
      if (this.#freeQuads[segment] < count) {
        if (this.#freeQuads[segment] === 0 && segment === this.#firstOpenSegment) this.#firstOpenSegment++;
        continue;
      }
      const first = segment * QUADS_PER_SEGMENT;
      let run = 0;
      for (let at = segment === 0 && isRun ? 1 : 0; at < QUADS_PER_SEGMENT; at++) {
        run = this.#quadState[first + at] === 0 ? run + 1 : 0;
        if (run === count) {
          this.#freeQuads[segment] -= count;
          if (this.bytes[segment].length === 0) this.#mapSegment(segment);
          this.#touch(first + at - count + 1, count);
          return first + at - count + 1;
        }
      }
    }
    this.#addSegment();
    return this.#takeQuads(count, isRun);
  }

  #giveQuads(quad: number, count: number): void {
    for (let at = 0; at < count; at++) this.#quadState[quad + at] = 0;
    const segment = (quad / QUADS_PER_SEGMENT) | 0;
    this.#freeQuads[segment] += count;
    if (segment < this.#firstOpenSegment) this.#firstOpenSegment = segment;
    // The first segment stays, so that a few keys that come and go do not map it each time.
    const isDropped = segment > 0 || this.#vacating === 0;
    if (isDropped && this.#freeQuads[segment] === QUADS_PER_SEGMENT) this.#unmapSegment(segment);
  }

  #unmapSegment(segment: number): void {
    if (segment === this.#vacating) this.#vacating = NONE;
    this.bytes[segment] = NO_BYTES;
    this.words[segment] = NO_WORDS;
    this.views[segment] = NO_VIEW;
    const first = segment * QUADS_PER_SEGMENT;
    for (let at = first; at < first + QUADS_PER_SEGMENT; at++) {
      if (this.#quadTouched[at] !== 0) this.touchedBytes -= UNITS_PER_QUAD * UNIT_BYTES;
      this.#quadTouched[at] = 0;
    }
  }

  #touch(quad: number, count: number): void {
    for (let at = quad; at < quad + count; at++) {
      if (this.#quadTouched[at] === 0) this.touchedBytes += UNITS_PER_QUAD * UNIT_BYTES;
      this.#quadTouched[at] = 1;
    }
  }

  #mapSegment(segment: number): void {
    const memory = new ArrayBuffer(SEGMENT_BYTES);
    this.bytes[segment] = new Uint8Array(memory);
    this.words[segment] = new Int32Array(memory);
    this.views[segment] = new DataView(memory);
  }

  /** One more segment, which is mapped when it is first used. */
  #addSegment(): void {
    this.bytes.push(NO_BYTES);
    this.words.push(NO_WORDS);
    this.views.push(NO_VIEW);
    const segment = this.bytes.length - 1;
    this.#freeQuads.push(QUADS_PER_SEGMENT);
    const slabs = (segment + 1) * SLABS_PER_SEGMENT;
    if (slabs > this.#slabClass.length) {
      const room = Math.max(slabs, Math.ceil(this.#slabClass.length * 1.25));
      this.#slabClass = grown(this.#slabClass, new Uint8Array(room));
      this.#slabFree = grown(this.#slabFree, new Int32Array(room));
      this.#slabFresh = grown(this.#slabFresh, new Int32Array(room));
      this.#slabUsed = grown(this.#slabUsed, new Int32Array(room));
      this.#slabNext = grown(this.#slabNext, new Int32Array(room).fill(NONE));
      this.#slabPrevious = grown(this.#slabPrevious, new Int32Array(room).fill(NONE));
      this.#quadTouched = grown(this.#quadTouched, new Uint8Array(Math.ceil(room / SLABS_PER_QUAD)));
      this.#quadState = grown(this.#quadState, new Uint8Array(Math.ceil(room / SLABS_PER_QUAD)));
    }
  }

  #link(slab: number, sizeClass: number): void {
    if (this.#vacating !== NONE && slab >>> SEGMENT_SLABS_SHIFT === this.#vacating) return;
    const head = this.#classHead[sizeClass];
    this.#slabNext[slab] = head;
    this.#slabPrevious[slab] = NONE;
    if (head !== NONE) this.#slabPrevious[head] = slab;
    this.#classHead[sizeClass] = slab;
  }

  #unlink(slab: number, sizeClass: number): void {
    if (this.#vacating !== NONE && slab >>> SEGMENT_SLABS_SHIFT === this.#vacating) return;
    const next = this.#slabNext[slab];
    const previous = this.#slabPrevious[slab];
    if (next !== NONE) this.#slabPrevious[next] = previous;
    if (previous !== NONE) this.#slabNext[previous] = next;
    else this.#classHead[sizeClass] = next;
    this.#slabNext[slab] = NONE;
    this.#slabPrevious[slab] = NONE;
  }
}

function grown<Array extends { set(source: Array): void }>(from: Array, to: Array): Array {
  to.set(from);
  return to;
}
