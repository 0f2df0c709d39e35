import type { OpenFile } from '../base/files.ts';
import { BLOCK_BYTES, damageOfEnvironment } from '../tiering/cold-store-environment.ts';

/**
 * A data file of LMDB that holds the blocks of an environment, read without LMDB, which ends the process when it meets pages
 * that make no sense (docs/adr/0004). The layout is that of the LMDB in lmdb 3.5.6 (lmdb.h and mdb.c, data version 2):
 *
 *     page     number (64 bits), transaction (64), 0 (16), kind (16), two offsets (16 each) or a count of pages (32)
 *     branch   offsets (16) of its nodes, relative to the end of the header; node: page (48), key length (16), key
 *     leaf     likewise; node: size (32), flags (16), key length (16), key, and for what is large page, transaction and pages
 *     meta     table at +96: flags at +100, depth at +102, entries at +128, root at +136; last page at +144, transaction at +152
 */
const PAGE_BYTES = 4096;
const PAGE_HEADER_BYTES = 24;
const NODE_HEADER_BYTES = 8;
const KEY_BYTES = 4;
const HEAD_BYTES = 2 * PAGE_BYTES;
const BRANCH = 1;
const LEAF = 2;
const OVERFLOW = 4;
const KIND_MASK = 0xf;
const BIG_DATA = 1;
/** A tree of 65,536 blocks has three levels. */
const DEPTH_MAX = 8;
const BLOCKS_MAX = 1 << 16;

/** A file that is not what LMDB has written for blocks. */
export class LmdbFileError extends Error {
  override name = 'LmdbFileError';
}

/** The blocks of a file by number, and what its head tells. */
export class LmdbFile {
  readonly bytes: number;
  /** Pages that belong to nothing that was found. */
  readonly unusedPages: number;
  readonly #file: OpenFile;
  readonly #pageCount: number;
  /** The page of each block. */
  readonly #pages: number[] = [];
  readonly #used: Uint8Array;
  readonly #depth: number;
  readonly #page = Buffer.alloc(PAGE_BYTES);

  /** Reads the tree. The file stays the caller's. Throws LmdbFileError, and the system's error. */
  constructor(file: OpenFile) {
    this.#file = file;
    this.bytes = file.size();
    const head = Buffer.alloc(HEAD_BYTES);
    const count = file.read(head, 0, HEAD_BYTES, 0);
    const damage = damageOfEnvironment(head.subarray(0, count), this.bytes);
    if (damage !== undefined) throw new LmdbFileError(`The file ${damage}`);
    const meta = head.readBigUInt64LE(152) >= head.readBigUInt64LE(PAGE_BYTES + 152) ? 0 : PAGE_BYTES;
    this.#pageCount = Number(head.readBigUInt64LE(meta + 144)) + 1;
    this.#depth = head.readUInt16LE(meta + 102);
    const entries = Number(head.readBigUInt64LE(meta + 128));
    const root = head.readBigUInt64LE(meta + 136);
    if (this.#pageCount * PAGE_BYTES > this.bytes) throw new LmdbFileError('The file is cut short');
    if (entries > BLOCKS_MAX) throw new LmdbFileError('It tells of more blocks than there can be');
    if (this.#depth > DEPTH_MAX) throw new LmdbFileError('Its tree is deeper than it can be');
    this.#used = new Uint8Array(this.#pageCount);
    if (this.#depth > 0) this.#walk(Number(root), 1);
    if (this.#pages.length !== entries)
      throw new LmdbFileError(`It tells of ${entries} blocks and has ${this.#pages.length}`);
    let used = 2;
    for (let page = 2; page < this.#pageCount; page++) used += this.#used[page];
    this.unusedPages = this.#pageCount - used;
  }

  get blockCount(): number {
    return this.#pages.length;
  }

  /** Copies a block's bytes to `target`. Throws LmdbFileError for a page that is not a block's, and the system's error. */
  read(block: number, target: Uint8Array, offset: number): void {
    const page = this.#pages[block];
    this.#load(page, OVERFLOW);
    if (this.#page.readUInt32LE(20) !== 1) throw new LmdbFileError(`Page ${page} is not a block's`);
    target.set(this.#page.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + BLOCK_BYTES), offset);
  }

  #walk(pageNumber: number, level: number): void {
    const isLeaf = level === this.#depth;
    this.#take(pageNumber);
    this.#load(pageNumber, isLeaf ? LEAF : BRANCH);
    const page = Buffer.from(this.#page);
    const count = page.readUInt16LE(20) >>> 1;
    if (PAGE_HEADER_BYTES + count * 2 > PAGE_BYTES) throw badPage(pageNumber);
    for (let at = 0; at < count; at++) {
      const node = PAGE_HEADER_BYTES + page.readUInt16LE(PAGE_HEADER_BYTES + at * 2);
      if (node + NODE_HEADER_BYTES > PAGE_BYTES) throw badPage(pageNumber);
      if (isLeaf) this.#takeBlock(page, node, pageNumber);
      else this.#walk(page.readUIntLE(node, 6), level + 1);
    }
  }

  #takeBlock(page: Buffer, node: number, pageNumber: number): void {
    const data = node + NODE_HEADER_BYTES + KEY_BYTES;
    if (data + 8 > PAGE_BYTES) throw badPage(pageNumber);
    const isBlock =
      page.readUInt32LE(node) === BLOCK_BYTES &&
      page.readUInt16LE(node + 4) === BIG_DATA &&
      page.readUInt16LE(node + 6) === KEY_BYTES;
    if (!isBlock) throw badPage(pageNumber);
    const block = page.readUInt32LE(node + NODE_HEADER_BYTES);
    if (block !== this.#pages.length)
      throw new LmdbFileError(`Block ${block} comes where ${this.#pages.length} should`);
    const blockPage = page.readBigUInt64LE(data);
    if (blockPage >= BigInt(this.#pageCount)) throw badPage(pageNumber);
    this.#take(Number(blockPage));
    this.#pages.push(Number(blockPage));
  }

  /** A page belongs to one thing only, so the walk ends. */
  #take(page: number): void {
    if (page < 2 || page >= this.#pageCount)
      throw new LmdbFileError(`Page ${page} is named, and is not there`);
    if (this.#used[page] !== 0) throw new LmdbFileError(`Page ${page} is named twice`);
    this.#used[page] = 1;
  }

  #load(page: number, kind: number): void {
    const count = this.#file.read(this.#page, 0, PAGE_BYTES, page * PAGE_BYTES);
    if (count < PAGE_BYTES) throw new LmdbFileError('The file is cut short');
    const isRight =
      this.#page.readBigUInt64LE(0) === BigInt(page) && (this.#page.readUInt16LE(18) & KIND_MASK) === kind;
    if (!isRight) throw badPage(page);
  }
}

function badPage(page: number): LmdbFileError {
  return new LmdbFileError(`Page ${page} is damaged`);
}
