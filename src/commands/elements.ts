import { parseInteger64Rounded } from '../base/numbers.ts';
import type { ElementNeed } from '../command-table/row.ts';
import { TYPE_STRING } from '../keyspace/record.ts';
import type { Arguments } from '../resp/arguments.ts';
import {
  countInOrder,
  type NearValue,
  wantAll,
  wantDivided,
  wantElement,
  wantNumbered,
  wantRanks,
  wantScanned,
} from '../types/pages/near.ts';
import { CHUNK_BYTES, stringLength } from '../types/string/chunked-string.ts';
import { readCursor } from './collection-scan.ts';

/** What rows say of the elements that their calls look at, for the residency gate. */

const SCAN_COUNT_DEFAULT = 10;
/** What an element takes beside its bytes, at most. */
const ELEMENT_HEAD_BYTES = 10;

/** The elements named by arguments from `first` on, each `step`, up to `last`, which counts from the end where it is negative. */
export function namedElements(first: number, step = 1, last = -1): ElementNeed {
  return (value, words) => {
    const end = last < 0 ? words.count + last : last;
    for (let at = first; at <= end; at += step)
      wantElement(value, words.buffer, words.offsets[at], words.lengths[at]);
  };
}

/** The same of a command that adds those that are not there, which may divide a page. */
export function addedElements(first: number, step = 1, last = -1): ElementNeed {
  const named = namedElements(first, step, last);
  return (value, words, at) => {
    named(value, words, at);
    let bytes = 0;
    for (let word = first; word < words.count; word++) bytes += words.lengths[word] + ELEMENT_HEAD_BYTES;
    wantDivided(value, bytes);
  };
}

/** The elements named after `FIELDS` and their number, each `step`. */
export function fieldElements(step: number): ElementNeed {
  return (value, words) => {
    for (let at = 2; at < words.count; at++) {
      if (!words.is(at, 'fields')) continue;
      for (let field = at + 2; field < words.count; field += step)
        wantElement(value, words.buffer, words.offsets[field], words.lengths[field]);
      return;
    }
  };
}

/** All elements of each key. */
export const allElements: ElementNeed = (value) => wantAll(value);

/** All elements of the keys from argument 2 on: the one before them is overwritten. */
export const sourceElements: ElementNeed = (value, _, at) => {
  if (at > 1) wantAll(value);
};

/** All elements of the key in argument 1. */
export const firstKeyElements: ElementNeed = (value, _, at) => {
  if (at === 1) wantAll(value);
};

/** Those that HSCAN and its kin look at. */
export const scannedElements: ElementNeed = (value, words) => {
  const position = readCursor(words.text(2));
  let count = SCAN_COUNT_DEFAULT;
  for (let at = 3; at + 1 < words.count; at++) if (words.is(at, 'count')) count = integer(words, at + 1);
  if (position !== undefined && position < 2 ** 32 && count > 0) wantScanned(value, position, count);
};

/** The first or the last element in the value's order, or as many as an argument says, if it is there. */
export function endElements(isFirst: boolean, countAt = Number.POSITIVE_INFINITY): ElementNeed {
  return (value, words) => wantEnd(value, isFirst, countAt < words.count ? integer(words, countAt) : 1);
}

/** Asks for the first or the last `count` elements. */
export function wantEnd(value: NearValue, isFirst: boolean, count: number): void {
  const total = countInOrder(value);
  if (isFirst) wantRanks(value, 0, count);
  else wantRanks(value, total - count, total);
}

/** The elements at the places that arguments give, of which negative ones count from the end: from one to another, or one. */
export function placedElements(startAt: number, stopAt = startAt): ElementNeed {
  return (value, words) => {
    const total = countInOrder(value);
    const start = integer(words, startAt);
    const stop = integer(words, stopAt);
    if (Number.isNaN(start) || Number.isNaN(stop)) return;
    wantRanks(value, start < 0 ? total + start : start, (stop < 0 ? total + stop : stop) + 1);
  };
}

/** The bytes of a string from one place to another, both in arguments; negative ones count from the end. */
export function byteElements(startAt: number, stopAt: number): ElementNeed {
  return (value, words) => {
    if (value.entry.type !== TYPE_STRING) return;
    const total = stringLength(value.entry);
    const start = integer(words, startAt);
    const stop = integer(words, stopAt);
    wantBytes(value, start < 0 ? total + start : start, stop < 0 ? total + stop : stop);
  };
}

/** The byte of a string at the place in an argument, which counts bits if there are more than one to a unit, and those written there. */
export function byteElement(at: number, bitsPerUnit: 1 | 8, writtenAt = 0): ElementNeed {
  return (value, words) => {
    if (value.entry.type !== TYPE_STRING) return;
    const place = Math.floor(integer(words, at) / bitsPerUnit);
    wantBytes(value, place, place + (writtenAt > 0 ? words.lengths[writtenAt] : 0));
  };
}

/** The end of a string. */
export const lastBytes: ElementNeed = (value) => {
  if (value.entry.type !== TYPE_STRING) return;
  const end = stringLength(value.entry);
  wantBytes(value, end, end);
};

function wantBytes(value: NearValue, start: number, stop: number): void {
  if (start >= 0 || stop >= 0)
    wantNumbered(value, Math.floor(Math.max(0, start) / CHUNK_BYTES), Math.floor(stop / CHUNK_BYTES));
}

/** The integer in an argument; NaN if it is none. */
export function integer(words: Arguments, at: number): number {
  return parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
}

/** The elements at an end, of the command that pops from the first of several keys, whose number is in an argument. */
export function poppedElements(keyCountAt: number, first: string): ElementNeed {
  return (value, words) => {
    const sideAt = keyCountAt + integer(words, keyCountAt) + 1;
    if (!(sideAt > keyCountAt && sideAt < words.count)) return;
    const hasCount = sideAt + 2 < words.count;
    wantEnd(value, words.is(sideAt, first), hasCount ? integer(words, sideAt + 2) : 1);
  };
}
