import type { Arena } from '../memory/arena.ts';

/** So many bytes of pages more in memory, and the tier is asked to demote others. */
const BYTES_UNTIL_RELIEF = 128 * 1024;
/** Blocks of pages demoted by a command that are kept for its readers. */
const HELD_BLOCKS_MAX = 2048;
const HELD_BYTES_MAX = 1024 * 1024;
/** What a command may take beyond what the tier was asked to stay below. */
export const GROWTH_BYTES_MAX = BYTES_UNTIL_RELIEF + HELD_BYTES_MAX;

/**
 * How a command stays within memory that makes more pages than memory holds, such as one that stores a union: it counts the bytes
 * of those that it makes or makes hot, and from time to time, when it looks for another page, the tier demotes some.
 *
 * Only pages are demoted then, and whoever changes a page looks it up first; but a reader may have come half through one. So their
 * blocks stay what they are for a while: until many others were demoted, or the command ends. Readers that change others for
 * longer than that read a copy (RecordBytes.copies).
 */
export class PageGrowth {
  /** Bytes of pages made or made hot since the command began or the tier was asked. */
  bytes = 0;
  /** How often the tier was asked to demote pages within a command: who remembers where a page was looks at this. */
  reliefCount = 0;
  /** Bytes of blocks that are kept. */
  heldBytes = 0;
  /** What is demoted now is demoted within a command. */
  isWithinCommand = false;
  readonly #arena: Arena;
  readonly #held = new Float64Array(HELD_BLOCKS_MAX);
  #first = 0;
  #heldCount = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get asksForRelief(): boolean {
    return this.bytes >= BYTES_UNTIL_RELIEF;
  }

  /** Keeps the block of a record that was demoted, which nothing refers to. */
  hold(address: number): void {
    while (this.#heldCount > 0 && (this.#heldCount === HELD_BLOCKS_MAX || this.heldBytes > HELD_BYTES_MAX))
      this.#freeFirst();
    this.#held[(this.#first + this.#heldCount++) % HELD_BLOCKS_MAX] = address;
    this.heldBytes += this.#arena.blockBytes(address);
  }

  /** A command begins or ends: nobody reads what was kept. */
  reset(): void {
    this.bytes = 0;
    while (this.#heldCount > 0) this.#freeFirst();
  }

  #freeFirst(): void {
    const address = this.#held[this.#first];
    this.#first = (this.#first + 1) % HELD_BLOCKS_MAX;
    this.#heldCount--;
    this.heldBytes -= this.#arena.blockBytes(address);
    this.#arena.free(address);
  }
}
