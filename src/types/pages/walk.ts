import { readUint32, readUint48, writeUint48 } from '../../base/bytes.ts';
import { FORM_NUMBERED, STRUCTURE_COUNT_AT, structureAt } from './head.ts';
import { INNER_HEAD_BYTES, innerEntryEnd } from './inner-page.ts';
import type { PageStore } from './record-store.ts';

/** A page by its name within its collection. */
export interface PageName {
  structure: number;
  page: number;
}

/**
 * Walks all pages of a value, each found last in `pages` when it is yielded, and below it in a tree before it, so that it may
 * be removed or changed. `head` is a copy of the payload of the value's record. The object yielded is one and the same.
 */
export function* pagesOf(head: Uint8Array, pages: PageStore): IterableIterator<PageName> {
  const collection = readUint48(head, 0);
  const name: PageName = { structure: 0, page: 0 };
  for (let structure = 0; structure < head[STRUCTURE_COUNT_AT]; structure++) {
    const at = structureAt(0, structure);
    name.structure = structure;
    if (head[at] !== FORM_NUMBERED) {
      if (readUint32(head, at + 12) > 0)
        yield* treePages(collection, name, readUint32(head, at + 8), head[at + 1], pages);
      continue;
    }
    const count = readUint32(head, at + 4);
    for (let page = 0; page < count; page++) {
      if (!pages.find(collection, structure, page)) continue;
      name.page = page;
      yield name;
    }
  }
}

function* treePages(
  collection: number,
  name: PageName,
  page: number,
  height: number,
  pages: PageStore,
): IterableIterator<PageName> {
  if (!pages.find(collection, name.structure, page)) return;
  if (height > 0) {
    const { bytes, payloadOffset, payloadLength } = pages.entry;
    const inner = bytes.slice(payloadOffset, payloadOffset + payloadLength);
    for (let at = INNER_HEAD_BYTES; at < inner.length; at = innerEntryEnd(inner, at))
      yield* treePages(collection, name, readUint32(inner, at), height - 1, pages);
    pages.find(collection, name.structure, page);
  }
  name.page = page;
  yield name;
}

/** Removes the pages of a value that is gone, one at a step; between steps other values may change. */
export function* freePages(head: Uint8Array, pages: PageStore): IterableIterator<void> {
  for (const _ of pagesOf(head, pages)) {
    pages.remove();
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
