/** Encodings of lists as OBJECT ENCODING tells them. */
export const ENCODING_LISTPACK = 0;
export const ENCODING_QUICKLIST = 1;

/** The encoding's name. */
export function encodingName(encoding: number): string {
  return (encoding & 7) === ENCODING_LISTPACK ? 'listpack' : 'quicklist';
}

/** Bytes of a listpack by `list-max-listpack-size` from -1 to -5, and with a positive one, which limits the count. */
const BYTES_MAX = [4096, 8192, 16384, 32768, 65536] as const;
const BYTES_MAX_WITH_COUNT = 8192;

/**
 * Whether elements fit into one listpack by `list-max-listpack-size` (quicklistNodeExceedsLimit); with `factor` ½, into half of
 * one. `bytes` is about what Redis's listpack would take.
 */
export function fitsListpack(setting: number, bytes: number, count: number, factor = 1): boolean {
  if (setting >= 0) return count <= setting * factor && bytes <= BYTES_MAX_WITH_COUNT * factor;
  return bytes <= BYTES_MAX[Math.min(-setting, BYTES_MAX.length) - 1] * factor;
}
