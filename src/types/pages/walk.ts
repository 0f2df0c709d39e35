import { readUint32, readUint48, writeUint48 } from '../../base/bytes.ts';
import { FORM_NUMBERED, STRUCTURE_COUNT_AT, structureAt } from './head.ts';
import { childCount, childPage } from './inner-page.ts';
import type { PageStore } from './record-store.ts';

/** So many missing pages in a row make a step. */
const MISSING_PER_STEP = 64;

/** A page by its name within its collection. */
export interface PageName {
  structure: number;
  page: number;
  /** There is a page, found last in the store; else only the walk has come so far. */
  isThere: boolean;
}

/**
 * Walks all pages of a value, each found last in `pages` when it is yielded, and below it in a tree before it, so that it may
 * be removed or changed. `head` is a copy of the payload of the value's record. The object yielded is one and the same. If it
 * `removes` them it yields on the way through many missing pages too, and goes past those that can't be read.
 */
export function* pagesOf(head: Uint8Array, pages: PageStore, removes = false): IterableIterator<PageName> {
  const collection = readUint48(head, 0);
  const name: PageName = { structure: 0, page: 0, isThere: true };
  for (let structure = 0; structure < head[STRUCTURE_COUNT_AT]; structure++) {
    const at = structureAt(0, structure);
    name.structure = structure;
    name.isThere = true;
    if (head[at] !== FORM_NUMBERED) {
      if (readUint32(head, at + 12) > 0)
        yield* treePages(collection, name, readUint32(head, at + 8), head[at + 1], pages, removes);
      continue;
    }
    const count = readUint32(head, at + 4);
    for (let page = 0; page < count; page++) {
      name.page = page;
      name.isThere = isThere(pages, collection, structure, page, removes);
      if (name.isThere || (removes && page % MISSING_PER_STEP === 0)) yield name;
    }
  }
}

function* treePages(
  collection: number,
  name: PageName,
  page: number,
  height: number,
  pages: PageStore,
  removes: boolean,
): IterableIterator<PageName> {
  if (!isThere(pages, collection, name.structure, page, removes)) return;
  if (height > 0) {
    const { bytes, payloadOffset, payloadLength } = pages.entry;
    const inner = bytes.slice(payloadOffset, payloadOffset + payloadLength);
    const count = childCount(inner, 0);
    for (let index = 0; index < count; index++)
      yield* treePages(collection, name, childPage(inner, 0, index), height - 1, pages, removes);
    isThere(pages, collection, name.structure, page, removes);
  }
  name.page = page;
  yield name;
}

function isThere(
  pages: PageStore,
  collection: number,
  structure: number,
  page: number,
  removes: boolean,
): boolean {
  return removes ? pages.findToRemove(collection, structure, page) : pages.find(collection, structure, page);
}

/** The numbers that pages of a value's structures have or had, from 0 on: how many in all. */
export function pageNumberCount(head: Uint8Array): number {
  let count = 0;
  for (let structure = 0; structure < head[STRUCTURE_COUNT_AT]; structure++)
    count += readUint32(head, structureAt(0, structure) + 4);
  return count;
}

/** The page that is number `number` of those; it may not be there. The object returned is `name`. */
export function pageNumbered(head: Uint8Array, number: number, name: PageName): PageName {
  let rest = number;
  let structure = 0;
  for (;;) {
    const count = readUint32(head, structureAt(0, structure) + 4);
    if (rest < count) break;
    rest -= count;
    structure++;
  }
  name.structure = structure;
  name.page = rest;
  return name;
}

/** Removes the pages of a value that is gone, one at a step; between steps other values may change. */
export function* freePages(head: Uint8Array, pages: PageStore): IterableIterator<void> {
  for (const { isThere } of pagesOf(head, pages, true)) {
    if (isThere) pages.remove();
    yield;
  }
}

/** Copies the pages of a value, and makes `head`, a copy of its record's payload, the head of the copy. Linear in the value. */
export function copyPages(head: Uint8Array, source: PageStore, target: PageStore): void {
  const collection = target.takeCollection();
  for (const { structure, page } of pagesOf(head, source)) {
    const { bytes, payloadOffset, payloadLength } = source.entry;
    const content = bytes.slice(payloadOffset, payloadOffset + payloadLength);
    const made = target.create(collection, structure, page, payloadLength, payloadLength);
    made.bytes.set(content, made.payloadOffset);
    if (source === target) source.find(readUint48(head, 0), structure, page);
  }
  writeUint48(head, 0, collection);
}
