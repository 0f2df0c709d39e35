/** Characters of a filled graph, from the bottom of a row to its top. */
const LEVELS = '_o#';

/** A value and what is written below it, from top to bottom. */
export interface SparklineSample {
  readonly value: number;
  readonly label: string;
}

/**
 * A graph of text, filled below the curve, `rowCount` rows high and wrapped after `columnCount` samples, each with its
 * label below it after an empty row (sparkline.c of Redis). Ends with a line end.
 */
export function sparkline(
  samples: readonly SparklineSample[],
  columnCount: number,
  rowCount: number,
): string {
  const values = samples.map((sample) => sample.value);
  const low = Math.min(...values);
  const range = Math.max(...values) - low || 1;
  const steps = LEVELS.length * rowCount;
  const parts: string[] = [];
  for (let from = 0; from < samples.length; from += columnCount) {
    const part = samples.slice(from, from + columnCount);
    const lines: string[] = [];
    for (let row = rowCount - 1; row >= 0; row--) {
      lines.push(part.map(({ value }) => levelAt(((value - low) * steps) / range, steps, row)).join(''));
    }
    lines.push(' '.repeat(part.length));
    const labelRows = Math.max(...part.map(({ label }) => label.length));
    for (let row = 0; row < labelRows; row++) lines.push(part.map(({ label }) => label[row] ?? ' ').join(''));
    parts.push(`${lines.join('\n')}\n`);
  }
  return parts.join('\n');
}

/** The character of a height, in steps, in one row, counted from the bottom. */
function levelAt(height: number, steps: number, row: number): string {
  const level = Math.min(Math.floor(height), steps - 1) - row * LEVELS.length;
  if (level < 0) return ' ';
  return LEVELS[level] ?? '|';
}
