/** A run of bytes common to both strings: where it is in each, ends included. */
export interface LcsMatch {
  readonly leftStart: number;
  readonly leftEnd: number;
  readonly rightStart: number;
  readonly rightEnd: number;
}

/** The longest common subsequence of two strings. */
export interface LcsResult {
  readonly length: number;
  readonly bytes: Uint8Array;
  /** Its runs, from the last to the first, as LCS IDX replies them. */
  readonly matches: readonly LcsMatch[];
}

/** Bytes of a cell in Redis's table. */
const CELL_BYTES = 4;

/** Bytes of Redis's table for strings of these lengths, which `proto-max-bulk-len` limits. */
export function tableBytes(leftLength: number, rightLength: number): number {
  return (leftLength + 1) * (rightLength + 1) * CELL_BYTES;
}

/**
 * The LCS command's algorithm (t_string.c, lcsCommand): the lengths of the common subsequences of all prefixes by
 * dynamic programming, walked back from the end. The walk asks only which neighbour is larger, so a row of lengths and a bit
 * per cell are kept here, a thirty-second of Redis's table. Time is the product of the lengths.
 */
export function longestCommonSubsequence(left: Uint8Array, right: Uint8Array): LcsResult {
  const width = right.length + 1;
  const cellCount = (left.length + 1) * width;
  const lengths = new Uint32Array(width);
  /** Whether the cell above is larger than the one before, of cells whose bytes differ. */
  const isAboveLarger = new Uint8Array(Math.ceil(cellCount / 8));
  for (let row = 1; row <= left.length; row++) {
    const byte = left[row - 1];
    let cell = row * width;
    let diagonal = 0;
    let before = 0;
    for (let column = 1; column < width; column++) {
      cell++;
      const above = lengths[column];
      if (byte === right[column - 1]) {
        before = diagonal + 1;
      } else if (above > before) {
        isAboveLarger[Math.floor(cell / 8)] |= 1 << (cell & 7);
        before = above;
      }
      lengths[column] = before;
      diagonal = above;
    }
  }
  const length = lengths[right.length];
  const bytes = new Uint8Array(length);
  const matches: LcsMatch[] = [];
  let filled = length;
  let row = left.length;
  let column = right.length;
  let run: { leftStart: number; leftEnd: number; rightStart: number; rightEnd: number } | undefined;
  while (row > 0 && column > 0) {
    const cell = row * width + column;
    if (left[row - 1] === right[column - 1]) {
      bytes[--filled] = left[row - 1];
      if (run !== undefined && run.leftStart === row && run.rightStart === column) {
        run.leftStart--;
        run.rightStart--;
      } else {
        if (run !== undefined) matches.push(run);
        run = { leftStart: row - 1, leftEnd: row - 1, rightStart: column - 1, rightEnd: column - 1 };
      }
      row--;
      column--;
    } else if ((isAboveLarger[Math.floor(cell / 8)] & (1 << (cell & 7))) !== 0) {
      row--;
    } else {
      column--;
    }
  }
  if (run !== undefined) matches.push(run);
  return { length, bytes, matches };
}
