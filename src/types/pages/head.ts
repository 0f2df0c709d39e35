import type { Payload } from './record-store.ts';

/**
 * The payload of a value that is kept in pages (docs/formats/pages.md), little-endian:
 *
 *     0   number of the collection (6 bytes)
 *     6   how many structures it has (1), 0 (1)
 *     8   for each structure 24 bytes: form (1), height (1), largest page's count (2), pages (4), root (4), elements (4),
 *         weight (8, a double)
 *     …   what the type keeps besides
 *
 * The page numbered n of structure s of collection c is a record of its own, whose name is c, s (1 byte) and n (4).
 */
export const HEAD_BYTES = 8;
export const STRUCTURE_BYTES = 24;
/** Where in a head the number of its structures is. */
export const STRUCTURE_COUNT_AT = 6;
/** Bit of a record's encoding: its payload is such a head. */
export const PAGED = 8;

/** Pages 0 to `pages` - 1, some of which may be missing: linear hashing, or chunks. */
export const FORM_NUMBERED = 0;
/** A tree from page `root` on, `height` levels of inner pages above its leaves; `pages` numbers were given to pages so far. */
export const FORM_TREE = 1;

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

export function readDouble(bytes: Uint8Array, at: number): number {
  for (let byte = 0; byte < 8; byte++) doubleBytes[byte] = bytes[at + byte];
  return double[0];
}

export function writeDouble(bytes: Uint8Array, at: number, value: number): void {
  double[0] = value;
  for (let byte = 0; byte < 8; byte++) bytes[at + byte] = doubleBytes[byte];
}

/** About the bytes of all elements of a value in pages, by its record: those of the structure that has most. */
export function elementBytes({ bytes, payloadOffset }: Payload): number {
  let most = 0;
  for (let structure = 0; structure < bytes[payloadOffset + STRUCTURE_COUNT_AT]; structure++)
    most = Math.max(most, readDouble(bytes, structureAt(payloadOffset, structure) + 16));
  return most;
}

/** Where structure `structure` is described in a head that begins at `at`. */
export function structureAt(at: number, structure: number): number {
  return at + HEAD_BYTES + structure * STRUCTURE_BYTES;
}
