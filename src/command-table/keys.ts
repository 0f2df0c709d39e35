import type { Arguments } from '../resp/arguments.ts';
import type { KeySpec } from './row.ts';

/** Where the keys of one call are, found by its row's key specifications. */
export class KeyPositions {
  /** Argument numbers of the keys, in the order of the specifications. */
  readonly positions: number[] = [];
  /** For each the specification that found it. */
  readonly specs: KeySpec[] = [];
  /** A specification did not fit the arguments: the call is malformed. */
  invalid = false;

  /** Finds all keys of a call. Linear in the arguments. */
  find(keys: readonly KeySpec[], words: Arguments): this {
    this.positions.length = 0;
    this.specs.length = 0;
    this.invalid = false;
    for (const spec of keys) if (!spec.flags.includes('not_key')) this.#findBy(spec, words);
    return this;
  }

  #findBy(spec: KeySpec, words: Arguments): void {
    let first = 0;
    if ('index' in spec.begin) {
      first = spec.begin.index;
    } else {
      const { keyword, from } = spec.begin;
      const step = from < 0 ? -1 : 1;
      let at = from < 0 ? words.count + from : from;
      const word = keyword.toLowerCase();
      while (at >= 1 && at < words.count && !words.is(at, word)) at += step;
      if (at < 1 || at >= words.count) return;
      first = at + 1;
    }
    if (spec.find === 'unknown') return;
    let last: number;
    let step: number;
    if ('last' in spec.find) {
      step = spec.find.step;
      if (spec.find.last >= 0) {
        last = first + spec.find.last;
      } else if (spec.find.limit > 1) {
        last = first + Math.floor((words.count - first) / spec.find.limit) + spec.find.last;
      } else {
        last = words.count + spec.find.last;
      }
    } else {
      const at = first + spec.find.count;
      const count = at < words.count ? Number(words.text(at)) : Number.NaN;
      if (!Number.isInteger(count) || count < 0) {
        this.invalid = true;
        return;
      }
      step = spec.find.step;
      first += spec.find.first;
      last = first + (count - 1) * step;
    }
    if (last >= words.count) {
      this.invalid = true;
      return;
    }
    for (let at = first; at <= last; at += step) {
      this.positions.push(at);
      this.specs.push(spec);
    }
  }
}
