import type { KeyFlag, KeySpec } from '../command-table/row.ts';

/** One key at argument `index`. */
export function keyAt(index: number, ...flags: KeyFlag[]): KeySpec {
  return { flags, begin: { index }, find: { last: 0, step: 1, limit: 0 } };
}

/** Keys from argument `index` on, each `step` arguments, up to the last. */
export function keysFrom(index: number, step: number, ...flags: KeyFlag[]): KeySpec {
  return { flags, begin: { index }, find: { last: -1, step, limit: 0 } };
}

/** As many keys as argument `index` says, the first right after it, each `step` arguments. */
export function countedKeys(index: number, step: number, ...flags: KeyFlag[]): KeySpec {
  return { flags, begin: { index }, find: { count: 0, first: 1, step } };
}

/** Keys from argument `index` on, up to the last but one: a timeout follows them. */
export function keysBeforeLast(index: number, ...flags: KeyFlag[]): KeySpec {
  return { flags, begin: { index }, find: { last: -2, step: 1, limit: 0 } };
}
