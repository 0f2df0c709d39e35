import type { LentBytes } from './lent-bytes.ts';

/**
 * Goes through the elements of a packed structure (listpack, ziplist, intset, zipmap), and verifies each and, at the
 * end, the whole as Redis does with `sanitize-dump-payload yes`. Nothing is copied: elements are ranges of the
 * structure, or integers.
 */
export interface PackedCursor {
  /** Elements that the structure declares, verified only at the end; -1 if it does not tell. */
  readonly declaredCount: number;
  /** Begins a structure that is the whole of the string, which must stay as it is. Throws RdbError. */
  open(structure: LentBytes): void;
  /** Takes the next element into `element`; false after the last. Throws RdbError if the structure is corrupt. */
  next(element: LentBytes): boolean;
}
