import { CHUNK_BYTES, type ChunkedString } from '../string/chunked-string.ts';

/** Bitwise operations over strings of any lengths, a shorter one counting as padded with zeros (BITOP). */

/** What the bits of one more source do to those of the result. */
type Step = 'and' | 'or' | 'xor' | 'not' | 'without' | 'except' | 'once';

export interface Operation {
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

/** A source of an operation: a string in chunks, or all the bytes of one that is not. */
export type BitSource = ChunkedString | Uint8Array;

/**
 * Combines strings into one of `length` bytes, that of the longest, a chunk at a time: `take` is told, in order, where each part
 * that is not all zeros begins and its bytes, which are lent for the call.
 */
export function combine(
  operation: Operation,
  sources: readonly BitSource[],
  length: number,
  take: (at: number, bytes: Uint8Array) => void,
): void {
  const result = new Combination(operation, Math.min(length, CHUNK_BYTES));
  const first = operation.firstComesLast ? 1 : 0;
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    const count = Math.min(CHUNK_BYTES, length - at);
    result.begin(count);
    let stored = 0;
    for (let number = 0; number < sources.length; number++) {
      const source = (number + first) % sources.length;
      const step = source === 0 ? operation.first : operation.others;
      stored += addPart(result, step, sources[source], at, at + count);
    }
    if (stored > 0 || operation.first === 'not') take(at, result.bytes);
  }
}

/** Adds the bytes of a source from `at` up to `end`, which lie in one chunk; how many there are. */
function addPart(result: Combination, step: Step, source: BitSource, at: number, end: number): number {
  if (source instanceof Uint8Array) {
    const count = Math.max(0, Math.min(end, source.length) - at);
    result.add(step, source, at, count);
    return count;
  }
  source.stored = 0;
  if (at < source.length) source.part(at, Math.min(end, source.length));
  result.add(step, source.bytes, source.offset, source.stored);
  return source.stored;
}

/** The result of an operation, as long as its longest source, to which sources are added one by one. */
export class Combination {
  readonly #words: Int32Array<ArrayBuffer>;
  /** For `once`: the bits that came more than once. */
  readonly #repeated: Int32Array | null;
  /** The source being added, aligned and padded with zeros. */
  readonly #source: Int32Array<ArrayBuffer>;
  readonly #sourceBytes: Uint8Array;
  #length = 0;
  #wordCount = 0;

  /** For results of up to `capacity` bytes. */
  constructor(operation: Operation, capacity: number) {
    const wordCount = Math.ceil(capacity / 4);
    this.#words = new Int32Array(wordCount);
    this.#repeated = operation.first === 'once' ? new Int32Array(wordCount) : null;
    this.#source = new Int32Array(wordCount);
    this.#sourceBytes = new Uint8Array(this.#source.buffer);
  }

  /** Begins a result of `length` bytes with no bit set. */
  begin(length: number): void {
    this.#length = length;
    this.#wordCount = Math.ceil(length / 4);
    this.#words.fill(0);
    this.#repeated?.fill(0);
  }

  /** Adds a source, whose bytes are only read. */
  add(step: Step, bytes: Uint8Array, offset: number, length: number): void {
    this.#sourceBytes.set(bytes.subarray(offset, offset + length));
    this.#sourceBytes.fill(0, length);
    this.#apply(step);
  }

  #apply(step: Step): void {
    const words = this.#words;
    const source = this.#source;
    const count = this.#wordCount;
    switch (step) {
      case 'and':
        for (let at = 0; at < count; at++) words[at] &= source[at];
        break;
      case 'or':
        for (let at = 0; at < count; at++) words[at] |= source[at];
        break;
      case 'xor':
        for (let at = 0; at < count; at++) words[at] ^= source[at];
        break;
      case 'not':
        for (let at = 0; at < count; at++) words[at] = ~source[at];
        break;
      case 'without':
        for (let at = 0; at < count; at++) words[at] = source[at] & ~words[at];
        break;
      case 'except':
        for (let at = 0; at < count; at++) words[at] &= ~source[at];
        break;
      case 'once': {
        const repeated = this.#repeated as Int32Array;
        for (let at = 0; at < count; at++) {
          const seen = words[at] | repeated[at];
          repeated[at] |= seen & source[at];
          words[at] = (seen | source[at]) & ~repeated[at];
        }
      }
    }
  }

  /** The result so far; owned by the combination. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#words.buffer, 0, this.#length);
  }
}
