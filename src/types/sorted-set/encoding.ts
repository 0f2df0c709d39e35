/** What OBJECT ENCODING tells of a sorted set. */
export const ENCODING_LISTPACK = 0;
export const ENCODING_SKIPLIST = 1;

/** The encoding's name, of the lower 3 bits of a record's encoding. */
export function encodingName(encoding: number): string {
  return (encoding & 7) === ENCODING_LISTPACK ? 'listpack' : 'skiplist';
}
