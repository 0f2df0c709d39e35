import { lengthBytes, readLength } from './length-code.ts';

/**
 * An inner page of a tree: entries count (2 bytes), the last entry's offset (2), and for each child its page's number (4), how
 * many elements are below it (4), and its separator's length (length-code.ts) and bytes: no element below the child sorts before
 * it. The first child's separator is not looked at.
 */
export const INNER_HEAD_BYTES = 4;
const CHILD_BYTES = 8;

/** Where the entry that begins at `at` has its separator's bytes. */
export function separatorAt(bytes: Uint8Array, at: number): number {
  return at + CHILD_BYTES + lengthBytes(readLength(bytes, at + CHILD_BYTES));
}

export function separatorLength(bytes: Uint8Array, at: number): number {
  return readLength(bytes, at + CHILD_BYTES);
}

/** Bytes of an entry with a separator of a length. */
export function innerEntryBytes(length: number): number {
  return CHILD_BYTES + lengthBytes(length) + length;
}

/** Where the entry that begins at `at` ends. */
export function innerEntryEnd(bytes: Uint8Array, at: number): number {
  return at + innerEntryBytes(readLength(bytes, at + CHILD_BYTES));
}
