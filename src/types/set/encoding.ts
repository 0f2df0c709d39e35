/** Encodings of sets as OBJECT ENCODING tells them. */
export const ENCODING_INTSET = 0;
export const ENCODING_LISTPACK = 1;
export const ENCODING_HASHTABLE = 2;

const NAMES = ['intset', 'listpack', 'hashtable'] as const;

/** The encoding's name, of the lower 3 bits of a record's encoding. */
export function encodingName(encoding: number): string {
  return NAMES[encoding & 7];
}

/** The directives that say up to which size a set has which encoding. */
export interface SetLimits {
  readonly 'set-max-intset-entries': number;
  readonly 'set-max-listpack-entries': number;
  readonly 'set-max-listpack-value': number;
}

/** Most integers of an intset, whatever is configured. */
const INTSET_ENTRIES_MAX = 2 ** 30;

/** Most integers that stay an intset. */
export function intsetEntriesMax(limits: SetLimits): number {
  return Math.min(limits['set-max-intset-entries'], INTSET_ENTRIES_MAX);
}

/** The encoding of a new set that is to have `count` members, of which the first is an integer or not (setTypeCreate). */
export function encodingFor(limits: SetLimits, isInteger: boolean, count: number): number {
  if (isInteger && count <= limits['set-max-intset-entries']) return ENCODING_INTSET;
  return count <= limits['set-max-listpack-entries'] ? ENCODING_LISTPACK : ENCODING_HASHTABLE;
}
