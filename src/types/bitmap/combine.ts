/** Bitwise operations over strings of any lengths, a shorter one counting as padded with zeros (BITOP). */

/** What the bits of one more source do to those of the result. */
type Step = 'and' | 'or' | 'xor' | 'not' | 'without' | 'except' | 'once';

interface Operation {
  /** What the first source does. */
  readonly first: Step;
  /** What each of the others does. */
  readonly others: Step;
  /** The first source comes last, after all the others. */
  readonly firstComesLast: boolean;
}

/** The operations of BITOP by name, with X the first source and Y all the others. */
export const OPERATIONS = {
  and: { first: 'or', others: 'and', firstComesLast: false },
  or: { first: 'or', others: 'or', firstComesLast: false },
  xor: { first: 'xor', others: 'xor', firstComesLast: false },
  not: { first: 'not', others: 'not', firstComesLast: false },
  /** In X and in no Y. */
  diff: { first: 'without', others: 'or', firstComesLast: true },
  /** In some Y and not in X. */
  diff1: { first: 'except', others: 'or', firstComesLast: true },
  /** In X and in some Y. */
  andor: { first: 'and', others: 'or', firstComesLast: true },
  /** In exactly one source. */
  one: { first: 'once', others: 'once', firstComesLast: false },
} as const satisfies Record<string, Operation>;

const CHUNK_WORDS = 16 * 1024;
const CHUNK_BYTES = CHUNK_WORDS * 4;

/** A part of a source, aligned and padded with zeros. */
const chunk = new Int32Array(CHUNK_WORDS);
const chunkBytes = new Uint8Array(chunk.buffer);

/** The result of an operation, as long as its longest source, to which sources are added one by one. */
export class Combination {
  readonly #words: Int32Array;
  /** For `once`: the bits that came more than once. */
  readonly #repeated: Int32Array | null;
  readonly #length: number;

  /** Begins with no bit set. Throws RangeError where the system gives no such memory. */
  constructor(operation: Operation, length: number) {
    const wordCount = Math.ceil(length / 4);
    this.#length = length;
    this.#words = new Int32Array(wordCount);
    this.#repeated = operation.first === 'once' ? new Int32Array(wordCount) : null;
  }

  /** Adds a source, whose bytes are only read. */
  add(step: Step, bytes: Uint8Array, offset: number, length: number): void {
    for (let from = 0; from < this.#words.length; from += CHUNK_WORDS) {
      const start = from * 4;
      const present = Math.max(0, Math.min(CHUNK_BYTES, length - start));
      if (present > 0) chunkBytes.set(bytes.subarray(offset + start, offset + start + present));
      chunkBytes.fill(0, present);
      this.#apply(step, from, Math.min(CHUNK_WORDS, this.#words.length - from));
    }
  }

  #apply(step: Step, from: number, count: number): void {
    const words = this.#words;
    switch (step) {
      case 'and':
        for (let at = 0; at < count; at++) words[from + at] &= chunk[at];
        break;
      case 'or':
        for (let at = 0; at < count; at++) words[from + at] |= chunk[at];
        break;
      case 'xor':
        for (let at = 0; at < count; at++) words[from + at] ^= chunk[at];
        break;
      case 'not':
        for (let at = 0; at < count; at++) words[from + at] = ~chunk[at];
        break;
      case 'without':
        for (let at = 0; at < count; at++) words[from + at] = chunk[at] & ~words[from + at];
        break;
      case 'except':
        for (let at = 0; at < count; at++) words[from + at] &= ~chunk[at];
        break;
      case 'once': {
        const repeated = this.#repeated as Int32Array;
        for (let at = 0; at < count; at++) {
          const seen = words[from + at] | repeated[from + at];
          repeated[from + at] |= seen & chunk[at];
          words[from + at] = (seen | chunk[at]) & ~repeated[from + at];
        }
      }
    }
  }

  /** The result so far; owned by the combination. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#words.buffer, 0, this.#length);
  }
}
