import { PARTITION_COUNT } from '../keyspace/slot-table.ts';

const TAGS_MIN = 16;
/** Fibonacci hashing: 2^32 divided by the golden ratio. */
const MULTIPLIER = 0x9e3779b1;

/** Places of an index: tags by partition, each set as an open table of 32-bit words. */
export class PlaceSet {
  /** Bytes of the tables. */
  byteCount = 0;
  /** Tags, plus 1, of each partition; 0 stands for none. */
  readonly #tables: (Uint32Array | null)[] = new Array<Uint32Array | null>(PARTITION_COUNT).fill(null);
  readonly #counts = new Uint32Array(PARTITION_COUNT);

  has(partition: number, tag: number): boolean {
    const table = this.#tables[partition];
    return table !== null && table[slotOf(table, tag)] !== 0;
  }

  /** Adds a place; false if it is there. */
  add(partition: number, tag: number): boolean {
    let table = this.#tables[partition];
    if (table === null || (this.#counts[partition] + 1) * 4 > table.length * 3) table = this.#grow(partition);
    const slot = slotOf(table, tag);
    if (table[slot] !== 0) return false;
    table[slot] = tag + 1;
    this.#counts[partition]++;
    return true;
  }

  /** Forgets the places of a partition. */
  clear(partition: number): void {
    const table = this.#tables[partition];
    if (table === null) return;
    this.byteCount -= table.byteLength;
    this.#tables[partition] = null;
    this.#counts[partition] = 0;
  }

  #grow(partition: number): Uint32Array {
    const old = this.#tables[partition];
    const table = new Uint32Array(old === null ? TAGS_MIN : old.length * 2);
    this.byteCount += table.byteLength - (old?.byteLength ?? 0);
    if (old !== null) for (const stored of old) if (stored !== 0) table[slotOf(table, stored - 1)] = stored;
    this.#tables[partition] = table;
    return table;
  }
}

/** Where a tag is in a table, or the empty slot where it belongs. */
function slotOf(table: Uint32Array, tag: number): number {
  const mask = table.length - 1;
  let slot = (Math.imul(tag, MULTIPLIER) >>> 9) & mask;
  while (table[slot] !== 0 && table[slot] !== tag + 1) slot = (slot + 1) & mask;
  return slot;
}
