import { parseInteger } from '../base/numbers.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { KeySpec } from './row.ts';

/** Where the keys of one call are, found by its row's key specifications (db.c, getKeysUsingKeySpecs). */
export class KeyPositions {
  /** Argument numbers of the keys, in the order of the specifications. */
  readonly positions: number[] = [];
  /** For each the specification that found it. */
  readonly specs: KeySpec[] = [];
  /** A specification did not fit the arguments: the call is malformed, or not all of its keys are known. */
  invalid = false;

  /** Finds the keys of a call, of those specifications that fit it. Linear in the arguments. */
  find(keys: readonly KeySpec[], words: Arguments): this {
    this.positions.length = 0;
    this.specs.length = 0;
    this.invalid = false;
    for (const spec of keys) {
      if (!spec.flags.includes('not_key') && !this.#findBy(spec, words)) this.invalid = true;
    }
    return this;
  }

  /** Whether the specification fits and finds all keys that it speaks of. */
  #findBy(spec: KeySpec, words: Arguments): boolean {
    if (spec.locate !== undefined) {
      const at = spec.locate(words);
      if (at < 0) return true;
      this.positions.push(at);
      this.specs.push(spec);
      return true;
    }
    let first = beginning(spec, words);
    if (first < 0 || spec.find === 'unknown') return false;
    let last: number;
    const { step } = spec.find;
    if ('count' in spec.find) {
      const at = first + spec.find.count;
      if (at >= words.count) return false;
      const count = parseInteger(words.buffer, words.offsets[at], words.lengths[at]);
      if (!(count >= 0)) return false;
      first += spec.find.first;
      last = first + (count - 1) * step;
    } else if (spec.find.last >= 0) {
      last = first + spec.find.last;
    } else if (spec.find.limit > 0) {
      last = first + Math.floor((words.count - first) / spec.find.limit) + spec.find.last;
    } else {
      last = words.count + spec.find.last;
    }
    if (last >= words.count || last < first) return false;
    for (let at = first; at <= last; at += step) {
      this.positions.push(at);
      this.specs.push(spec);
    }
    return !spec.flags.includes('incomplete');
  }
}

/** The argument from which a specification counts; -1 if the keyword that it looks for is not there. */
function beginning(spec: KeySpec, words: Arguments): number {
  if (spec.begin === 'unknown') return -1;
  if ('index' in spec.begin) return spec.begin.index;
  const { keyword, from } = spec.begin;
  const step = from < 0 ? -1 : 1;
  const word = keyword.toLowerCase();
  for (let at = from < 0 ? words.count + from : from; at >= 1 && at < words.count; at += step) {
    if (words.is(at, word)) return at + 1;
  }
  return -1;
}

/** The three numbers by which COMMAND told of keys before there were specifications. */
export interface KeyRange {
  /** First and last key and the step between keys; a negative last one counts from the end. All 0 without keys. */
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** The range does not tell of all keys: what the flag `movablekeys` says. */
  readonly isPartial: boolean;
}

/** The range of keys that specifications amount to, as far as they do (server.c, populateCommandLegacyRangeSpec). */
export function keyRange(keys: readonly KeySpec[]): KeyRange {
  let first = 0;
  let last = 0;
  let step = 0;
  let isPartial = false;
  for (const { flags, begin, find } of keys) {
    const isRange = begin !== 'unknown' && 'index' in begin && find !== 'unknown' && 'last' in find;
    // Ranges add up to one only where they are plain and each begins after the one before.
    if (!isRange || (keys.length > 1 && (find.step !== 1 || (last !== 0 && last !== begin.index - 1)))) {
      isPartial = true;
      continue;
    }
    if (flags.includes('incomplete')) isPartial = true;
    if (first === 0) first = begin.index;
    const end = find.last >= 0 ? begin.index + find.last : find.last;
    // Compared as unsigned numbers, those that count from the end are the larger ones.
    if (end >>> 0 > last >>> 0) last = end;
    step = find.step;
  }
  return { first, last, step, isPartial };
}
