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

/** Cells of the table that may be allocated. */
const CELLS_MAX = 0x7fffffff / 4;

/**
 * The LCS command's algorithm (t_string.c, lcsCommand): dynamic programming over a table of both lengths, walked back
 * from its end. Undefined if the table would be too large. Time and memory are the product of the lengths.
 */
export function longestCommonSubsequence(left: Uint8Array, right: Uint8Array): LcsResult | undefined {
  const width = right.length + 1;
  if ((left.length + 1) * width > CELLS_MAX) return undefined;
  const table = new Uint32Array((left.length + 1) * width);
  for (let row = 1; row <= left.length; row++) {
    const byte = left[row - 1];
    const at = row * width;
    for (let column = 1; column < width; column++) {
      if (byte === right[column - 1]) {
        table[at + column] = table[at - width + column - 1] + 1;
      } else {
        const above = table[at - width + column];
        const before = table[at + column - 1];
        table[at + column] = above > before ? above : before;
      }
    }
  }
  const length = table[left.length * width + right.length];
  const bytes = new Uint8Array(length);
  const matches: LcsMatch[] = [];
  let filled = length;
  let row = left.length;
  let column = right.length;
  let run: { leftStart: number; leftEnd: number; rightStart: number; rightEnd: number } | undefined;
  while (row > 0 && column > 0) {
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
    } else {
      if (table[(row - 1) * width + column] > table[row * width + column - 1]) row--;
      else column--;
    }
  }
  if (run !== undefined) matches.push(run);
  return { length, bytes, matches };
}
