import { copyBytes, readUint32, viewOf, writeUint32 } from '../../base/bytes.ts';
import { HashedPage, PAGE_HEAD_BYTES } from './hashed-page.ts';
import { FORM_NUMBERED, readDouble, writeDouble } from './head.ts';
import { RecordBytes } from './record-bytes.ts';
import { type PageStore, roomFor } from './record-store.ts';

/** Bytes of a page that growing aims at, and below which, on average, pages are merged. */
const PAGE_BYTES_AIM = 512;
const PAGE_BYTES_MIN = 160;
/** Two pages with less than this in both become one, which may become the value's own record. */
const TWO_PAGES_BYTES_MIN = 448;
/** What one element counts at most, so that a few large ones don't make many pages. */
const WEIGHT_MAX = 256;
const PAGE_COUNT_MAX = 2 ** 31;

const SCRATCH_BYTES = 4096;
/** Scratch larger than this is given up after use. */
const SCRATCH_BYTES_KEPT = 65536;
const scratches = [new Uint8Array(SCRATCH_BYTES), new Uint8Array(SCRATCH_BYTES)] as [Uint8Array, Uint8Array];

/** Scratch of at least so many bytes. */
function scratchOf(side: 0 | 1, bytes: number): Uint8Array {
  if (scratches[side].length < bytes) scratches[side] = new Uint8Array(bytes + (bytes >>> 1));
  return scratches[side];
}

function trimScratch(): void {
  for (let side = 0; side < 2; side++)
    if (scratches[side].length > SCRATCH_BYTES_KEPT) scratches[side] = new Uint8Array(SCRATCH_BYTES);
}

/**
 * Elements in pages by linear hashing (Litwin, 1980): with 2^level + split pages, the pages below `split` have been divided in
 * this round. A look-up is one page; growing divides one page at a time. A page without elements is not there.
 *
 * The state is small and belongs to the value's head: `read` and `write` move it.
 */
export class LinearHash {
  readonly page: HashedPage;
  pageCount = 1;
  count = 0;
  /** Most elements that a page has had. */
  pageCountMax = 0;
  #weight = 0;
  readonly #record = new RecordBytes();
  readonly #structure: number;
  #pages!: PageStore;
  #collection = 0;
  #hash = 0;
  #tag = 0;
  /** The page looked at last, and whether it is there. */
  #bucket = 0;
  #isThere = false;

  constructor(structure: number, valueWidth: number) {
    this.#structure = structure;
    this.page = new HashedPage(valueWidth);
  }

  /** Begins an empty table, of so many pages if it is known to need as many. */
  begin(pages: PageStore, collection: number, pageCount = 1): void {
    this.#pages = pages;
    this.#collection = collection;
    this.pageCount = pageCount;
    this.count = 0;
    this.pageCountMax = 0;
    this.#weight = 0;
  }

  read(pages: PageStore, collection: number, bytes: Uint8Array, at: number): void {
    this.#pages = pages;
    this.#collection = collection;
    this.pageCountMax = bytes[at + 2] | (bytes[at + 3] << 8);
    this.pageCount = readUint32(bytes, at + 4);
    this.count = readUint32(bytes, at + 12);
    this.#weight = readDouble(bytes, at + 16);
  }

  write(bytes: Uint8Array, at: number): void {
    bytes[at] = FORM_NUMBERED;
    bytes[at + 1] = 0;
    bytes[at + 2] = this.pageCountMax;
    bytes[at + 3] = this.pageCountMax >>> 8;
    writeUint32(bytes, at + 4, this.pageCount);
    writeUint32(bytes, at + 8, 0);
    writeUint32(bytes, at + 12, this.count);
    writeDouble(bytes, at + 16, this.#weight);
  }

  /** Moves `page` to the element with a key; false if there is none, and then `insert` would put it where it belongs. */
  find(key: Uint8Array, offset: number, length: number): boolean {
    const { keyHash } = this.#pages;
    this.#hash = keyHash.hashBytes(key, offset, length);
    this.#tag = keyHash.upper & 0xff;
    return (
      this.#load(pageOfHash(this.#hash, this.pageCount)) && this.page.find(this.#tag, key, offset, length)
    );
  }

  /** Moves `page` to an element by the two words of its key's hash and its expiry; false if there is none. */
  findHashed(hash: number, upper: number, expireAt: number): boolean {
    if (!this.#load(pageOfHash(hash, this.pageCount))) return false;
    const { page } = this;
    const { keyHash } = this.#pages;
    const tag = upper & 0xff;
    while (page.next()) {
      if (page.tag !== tag || page.expireAt !== expireAt) continue;
      if (keyHash.hashBytes(page.bytes, page.keyOffset, page.keyLength) === hash && keyHash.upper === upper)
        return true;
    }
    return false;
  }

  /**
   * Makes an element with the key that was missed last and a value; their bytes must not lie in a page. `page` is anywhere
   * afterwards.
   */
  insert(
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
    value: Uint8Array,
    valueOffset: number,
    valueLength: number,
    expireAt: number,
  ): void {
    const { page } = this;
    const size = page.elementBytes(keyLength, valueLength, expireAt);
    this.#makeRoom(size);
    page.append(
      this.#record,
      size,
      this.#tag,
      key,
      keyOffset,
      keyLength,
      value,
      valueOffset,
      valueLength,
      expireAt,
    );
    this.#noteCount();
    this.count++;
    this.#weight += Math.min(size, WEIGHT_MAX);
    if (this.#weight > this.pageCount * PAGE_BYTES_AIM && this.pageCount < PAGE_COUNT_MAX) this.#split();
  }

  /**
   * Gives the element found last a value of another length or expiry; its bytes are undefined then, at `page.valueOffset`. The
   * key's bytes are kept.
   */
  resizeValue(valueLength: number, expireAt: number): void {
    const before = this.page.elementEnd - this.page.elementStart;
    this.page.resizeValue(this.#record, valueLength, expireAt);
    const after = this.page.elementEnd - this.page.elementStart;
    this.#weight += Math.min(after, WEIGHT_MAX) - Math.min(before, WEIGHT_MAX);
  }

  /** Removes the element found last. */
  remove(): void {
    const { page } = this;
    const size = page.elementEnd - page.elementStart;
    this.count--;
    this.#weight -= Math.min(size, WEIGHT_MAX);
    if (page.count === 1) {
      this.#pages.remove();
      this.#isThere = false;
    } else {
      page.remove(this.#record);
    }
    if (this.pageCount === 1) return;
    const bytesMin = this.pageCount === 2 ? TWO_PAGES_BYTES_MIN : this.pageCount * PAGE_BYTES_MIN;
    if (this.#weight < bytesMin) this.#merge();
  }

  /** Sets `page` to the page numbered `number`, which stays as it is while others change; false if it has no elements. */
  loadPage(number: number): boolean {
    this.#record.copies = true;
    const isThere = this.#load(number);
    this.#record.copies = false;
    return isThere;
  }

  /**
   * Sets `page` to the page at a position of a scan, from 0 to 2^32 - 1, and returns the position after it, or 0 at the end.
   * Positions are hashes with their bits reversed, so that a scan meets each element that is there throughout whatever
   * divides or merges meanwhile. A page without elements is empty then.
   */
  scan(position: number): number {
    const { pageCount } = this;
    if (!this.#load(pageAtPosition(position, pageCount)))
      this.page.reset(this.page.bytes, 0, PAGE_HEAD_BYTES);
    return positionAfter(position, pageCount);
  }

  /** Moves `page` to an element chosen uniformly. Call while there are elements. */
  seekRandom(random: (limit: number) => number): void {
    for (;;) {
      if (!this.#load(random(this.pageCount))) continue;
      const number = random(this.pageCountMax);
      if (number >= this.page.count) continue;
      this.page.seek(number);
      return;
    }
  }

  get #low(): number {
    return lowOf(this.pageCount);
  }

  #load(bucket: number): boolean {
    this.#bucket = bucket;
    this.#isThere = this.#pages.find(this.#collection, this.#structure, bucket);
    if (!this.#isThere) return false;
    const record = this.#record;
    record.load(this.#pages);
    this.page.reset(record.bytes, record.offset, record.length);
    return true;
  }

  /** Makes room for `size` bytes of elements at the end of the page looked at last, which is made if it is not there. */
  #makeRoom(size: number): void {
    const record = this.#record;
    if (this.#isThere) {
      record.splice(record.length, 0, size);
      return;
    }
    const length = PAGE_HEAD_BYTES + size;
    this.#pages.create(this.#collection, this.#structure, this.#bucket, length, roomFor(length));
    record.load(this.#pages);
    record.bytes[record.offset] = 0;
    record.bytes[record.offset + 1] = 0;
    this.#isThere = true;
  }

  #noteCount(): void {
    const { count } = this.page;
    if (count > this.pageCountMax) this.pageCountMax = count;
  }

  #split(): void {
    const low = this.#low;
    const from = this.pageCount - low;
    const to = this.pageCount++;
    if (!this.#load(from)) return;
    const { page } = this;
    const { keyHash } = this.#pages;
    const mask = low * 2 - 1;
    const kept = scratchOf(0, page.end - page.start);
    const moved = scratchOf(1, page.end - page.start);
    const view = viewOf(page.bytes);
    let keptEnd = PAGE_HEAD_BYTES;
    let movedEnd = PAGE_HEAD_BYTES;
    let keptCount = 0;
    let movedCount = 0;
    while (page.next()) {
      const size = page.elementEnd - page.elementStart;
      const hash = keyHash.hash(view, page.keyOffset, page.keyLength);
      if ((hash & mask) >>> 0 === to) {
        copyBytes(page.bytes, page.elementStart, moved, movedEnd, size);
        movedEnd += size;
        movedCount++;
      } else {
        copyBytes(page.bytes, page.elementStart, kept, keptEnd, size);
        keptEnd += size;
        keptCount++;
      }
    }
    if (movedCount === 0) {
      trimScratch();
      return;
    }
    if (keptCount === 0) this.#pages.remove();
    else this.#rewrite(kept, keptEnd, keptCount);
    this.#pages.create(this.#collection, this.#structure, to, movedEnd, movedEnd);
    this.#record.load(this.#pages);
    this.#fill(moved, movedEnd, movedCount);
    trimScratch();
  }

  /** Puts the last page's elements into the one that it was divided from. */
  #merge(): void {
    const from = this.pageCount - 1;
    const isThere = this.#load(from);
    this.pageCount--;
    if (!isThere) return;
    const { page } = this;
    const count = page.count;
    const size = page.end - page.start - PAGE_HEAD_BYTES;
    const bytes = scratchOf(0, size);
    copyBytes(page.bytes, page.start + PAGE_HEAD_BYTES, bytes, 0, size);
    this.#pages.remove();
    this.#isThere = this.#load(from - this.#low);
    this.#makeRoom(size);
    const record = this.#record;
    page.reset(record.bytes, record.offset, record.length);
    copyBytes(bytes, 0, page.bytes, page.end - size, size);
    page.count += count;
    this.#noteCount();
    trimScratch();
  }

  #rewrite(bytes: Uint8Array, length: number, count: number): void {
    this.#record.replace(length);
    this.#fill(bytes, length, count);
  }

  #fill(bytes: Uint8Array, length: number, count: number): void {
    const record = this.#record;
    copyBytes(bytes, 0, record.bytes, record.offset, length);
    record.bytes[record.offset] = count;
    record.bytes[record.offset + 1] = count >>> 8;
  }
}

/** Pages at the start of the round. */
function lowOf(pageCount: number): number {
  return (0x80000000 >>> Math.clz32(pageCount)) >>> 0;
}

/** Which of so many pages has the elements whose keys have a hash. */
export function pageOfHash(hash: number, pageCount: number): number {
  const low = lowOf(pageCount);
  const page = (hash & (low * 2 - 1)) >>> 0;
  return page < pageCount ? page : page - low;
}

/**
 * Which page is divided when elements of so many bytes are added to those in `pageCount` pages, of `weight` bytes; -1 if none is.
 */
export function pageToDivide(pageCount: number, weight: number, added: number): number {
  return weight + added > pageCount * PAGE_BYTES_AIM ? pageCount - lowOf(pageCount) : -1;
}

/** Which of so many pages a scan looks at that has come to a position. */
export function pageAtPosition(position: number, pageCount: number): number {
  return pageOfHash(reverseBits(position), pageCount);
}

/** Where the scan goes on after that page; 0 at the end. */
export function positionAfter(position: number, pageCount: number): number {
  const page = pageAtPosition(position, pageCount);
  const low = lowOf(pageCount);
  const depthSize = page < pageCount - low || page >= low ? low * 2 : low;
  const next = reverseBits(page) + 0x100000000 / depthSize;
  return next >= 0x100000000 ? 0 : next;
}

function reverseBits(value: number): number {
  let bits = value >>> 0;
  bits = ((bits >>> 1) & 0x55555555) | ((bits & 0x55555555) << 1);
  bits = ((bits >>> 2) & 0x33333333) | ((bits & 0x33333333) << 2);
  bits = ((bits >>> 4) & 0x0f0f0f0f) | ((bits & 0x0f0f0f0f) << 4);
  bits = ((bits >>> 8) & 0x00ff00ff) | ((bits & 0x00ff00ff) << 8);
  return ((bits >>> 16) | (bits << 16)) >>> 0;
}
