import { readUint32, readUint48 } from '../../base/bytes.ts';
import { FORM_NUMBERED, FORM_TREE, PAGED, readDouble, STRUCTURE_COUNT_AT, structureAt } from './head.ts';
import { childCount, childPage, countBelow } from './inner-page.ts';
import { pageAtPosition, pageOfHash, pageToDivide, positionAfter } from './linear-hash.ts';
import type { PageStore, Payload, ValueStore } from './record-store.ts';

/**
 * Which pages of a value a command is going to look at, found before it runs, so that those that are far, on the device, can be
 * fetched meanwhile. A page behind one that is far is not known yet: it is found when that one is near.
 *
 * The functions below name pages by an element, by a place in the order, or all of them. Where a type's own search has to tell,
 * it is run on a {@link NearValue}: it ends by {@link PAGE_IS_FAR} where it would have to wait.
 */

/** What `NearPages.find` throws. */
export const PAGE_IS_FAR = new Error('a page is to be fetched');

/** The pages that can be read without waiting. They are not changed, and looking at one is no access. */
export interface NearPages extends PageStore {
  /** Whether a page is near, or not there; one that is far is noted, to be fetched. */
  isNear(collection: number, structure: number, page: number): boolean;
  /** As many pages are noted as may be fetched at once. */
  readonly isFull: boolean;
  /** As for any store, but throws {@link PAGE_IS_FAR} for a page that is far, after noting it. */
  find(collection: number, structure: number, page: number): boolean;
}

/** A value in pages of which those that are near can be read. */
export interface NearValue extends ValueStore {
  readonly entry: Payload & { readonly type: number };
  readonly pages: NearPages;
}

/** Runs a search that may end at a page that is far; whether it came to its end. */
export function isReached(search: () => void): boolean {
  try {
    search();
    return true;
  } catch (error) {
    if (error === PAGE_IS_FAR) return false;
    throw error;
  }
}

/** Asks for the page of an element that is found by its name: a field, a member. */
export function wantElement(value: NearValue, name: Uint8Array, offset: number, length: number): void {
  const { bytes, payloadOffset } = value.entry;
  const { pages } = value;
  const at = structureAt(payloadOffset, 0);
  if (bytes[at] !== FORM_NUMBERED) return;
  const page = pageOfHash(pages.keyHash.hashBytes(name, offset, length), readUint32(bytes, at + 4));
  pages.isNear(readUint48(bytes, payloadOffset), 0, page);
}

/** Asks for the pages numbered `first` to `last` of a value whose pages have places, as the chunks of a string. */
export function wantNumbered(value: NearValue, first: number, last: number): void {
  const { bytes, payloadOffset } = value.entry;
  const at = structureAt(payloadOffset, 0);
  if (bytes[at] !== FORM_NUMBERED) return;
  const collection = readUint48(bytes, payloadOffset);
  const end = Math.min(last + 1, readUint32(bytes, at + 4));
  for (let page = Math.max(0, first); page < end && !value.pages.isFull; page++)
    value.pages.isNear(collection, 0, page);
}

/** Asks for the page that is divided when elements of so many bytes are added, if one is. */
export function wantDivided(value: NearValue, bytesAdded: number): void {
  const { bytes, payloadOffset } = value.entry;
  const at = structureAt(payloadOffset, 0);
  if (bytes[at] !== FORM_NUMBERED) return;
  const page = pageToDivide(readUint32(bytes, at + 4), readDouble(bytes, at + 16), bytesAdded);
  if (page >= 0) value.pages.isNear(readUint48(bytes, payloadOffset), 0, page);
}

/** Asks for the pages that a scan of about `count` elements looks at from a position on. */
export function wantScanned(value: NearValue, position: number, count: number): void {
  const { bytes, payloadOffset } = value.entry;
  const at = structureAt(payloadOffset, 0);
  if (bytes[at] !== FORM_NUMBERED) return;
  const collection = readUint48(bytes, payloadOffset);
  const pageCount = readUint32(bytes, at + 4);
  const elementsPerPage = Math.max(1, readUint32(bytes, at + 12) / pageCount);
  let next = position;
  for (let left = count; left > 0 && !value.pages.isFull; left -= elementsPerPage) {
    value.pages.isNear(collection, 0, pageAtPosition(next, pageCount));
    next = positionAfter(next, pageCount);
    if (next === 0) return;
  }
}

/** Elements of a value that has an order, as far as its head tells; 0 for one without. */
export function countInOrder(value: NearValue): number {
  const at = treeOf(value);
  return at < 0 ? 0 : readUint32(value.entry.bytes, at + 12);
}

/** Asks for the pages of the elements with `from` to `end` - 1 elements before them in the value's order, and of the way there. */
export function wantRanks(value: NearValue, from: number, end: number): void {
  const at = treeOf(value);
  if (at < 0) return;
  const { bytes, payloadOffset } = value.entry;
  const count = readUint32(bytes, at + 12);
  const first = Math.max(0, from);
  const last = Math.min(end, count);
  if (first >= last) return;
  const structure = (at - structureAt(payloadOffset, 0)) / (structureAt(0, 1) - structureAt(0, 0));
  const collection = readUint48(bytes, payloadOffset);
  wantBelow(value.pages, collection, structure, readUint32(bytes, at + 8), bytes[at + 1], first, last);
}

/** Asks for all pages of a value, as many as may be fetched at once. */
export function wantAll(value: NearValue): void {
  const { bytes, payloadOffset } = value.entry;
  const { pages } = value;
  const collection = readUint48(bytes, payloadOffset);
  for (let structure = 0; structure < bytes[payloadOffset + STRUCTURE_COUNT_AT]; structure++) {
    const at = structureAt(payloadOffset, structure);
    const root = readUint32(bytes, at + 8);
    const count = readUint32(bytes, at + 12);
    if (bytes[at] === FORM_TREE) {
      if (count > 0) wantBelow(pages, collection, structure, root, bytes[at + 1], 0, count);
      continue;
    }
    const pageCount = readUint32(bytes, at + 4);
    for (let page = 0; page < pageCount && !pages.isFull; page++) pages.isNear(collection, structure, page);
  }
}

/** Whether the record found last in a store is the head of a value in pages. */
export function isHead(entry: Payload): boolean {
  return (entry.encoding & PAGED) !== 0;
}

/** Where in the head the value's order is described; -1 if it has none. */
function treeOf({ entry }: NearValue): number {
  const { bytes, payloadOffset } = entry;
  for (let structure = 0; structure < bytes[payloadOffset + STRUCTURE_COUNT_AT]; structure++) {
    const at = structureAt(payloadOffset, structure);
    if (bytes[at] === FORM_TREE) return at;
  }
  return -1;
}

/** The part of a tree from `page` on, below which the elements `from` to `end` - 1 are asked for. */
function wantBelow(
  pages: NearPages,
  collection: number,
  structure: number,
  page: number,
  height: number,
  from: number,
  end: number,
): void {
  if (pages.isFull || !pages.isNear(collection, structure, page) || height === 0) return;
  if (!pages.find(collection, structure, page)) return;
  const { entry } = pages;
  const { payloadLength, hot } = entry;
  // A cold page's bytes are the tier's scratch, which the pages below it come into as well.
  const start = hot ? entry.payloadOffset : 0;
  const bytes = hot
    ? entry.bytes
    : entry.bytes.slice(entry.payloadOffset, entry.payloadOffset + payloadLength);
  const count = childCount(bytes, start);
  for (let index = 0, before = 0; index < count && before < end; index++) {
    const below = countBelow(bytes, start, index);
    if (before + below > from) {
      const child = childPage(bytes, start, index);
      wantBelow(pages, collection, structure, child, height - 1, from - before, end - before);
    }
    before += below;
  }
}
