/** Charts of a page in SVG, as text. What they show is in the page's tables too. */

const WIDTH = 720;
const LABEL_WIDTH = 210;
const VALUE_WIDTH = 90;
const BAR_HEIGHT = 16;
const ROW_GAP = 10;

/** Text that may stand in HTML, attributes in double quotes included. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

export interface BarChart {
  readonly title: string;
  /** What the bars of a row are, one after the other. */
  readonly series: readonly string[];
  /** A value that is not finite has no bar. */
  readonly rows: readonly { readonly label: string; readonly values: readonly number[] }[];
  /** A scale whose marks are powers of ten, on which bars begin at the power below the least value. */
  readonly isLogarithmic?: boolean;
  format(value: number): string;
}

/** Bars to the right, one group a row. Values are not negative. */
export function barChart({ title, series, rows, isLogarithmic = false, format }: BarChart): string {
  const shown = rows.flatMap(({ values }) => values).filter((value) => Number.isFinite(value) && value > 0);
  const max = Math.max(...shown, Number.MIN_VALUE);
  const low = isLogarithmic && shown.length > 0 ? 10 ** Math.floor(Math.log10(Math.min(...shown)) - 1e-9) : 0;
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const lengthOf = (value: number) => {
    if (!Number.isFinite(value) || value <= 0) return 0;
    return room * (isLogarithmic ? Math.log(value / low) / Math.log(max / low) : value / max);
  };
  const rowHeight = series.length * BAR_HEIGHT + ROW_GAP;
  const parts: string[] = [];
  rows.forEach(({ label, values }, row) => {
    const top = row * rowHeight + ROW_GAP / 2;
    const middle = top + (series.length * BAR_HEIGHT) / 2 + 4;
    parts.push(`<text class="label" x="${LABEL_WIDTH - 8}" y="${middle}">${escapeHtml(label)}</text>`);
    values.forEach((value, at) => {
      const y = top + at * BAR_HEIGHT;
      const length = lengthOf(value).toFixed(1);
      parts.push(
        `<rect class="series${at}" x="${LABEL_WIDTH}" y="${y + 1}" width="${length}" height="${BAR_HEIGHT - 2}"/>`,
      );
      const end = (LABEL_WIDTH + Number(length) + 6).toFixed(1);
      parts.push(
        `<text class="value" x="${end}" y="${y + BAR_HEIGHT - 4}">${escapeHtml(format(value))}</text>`,
      );
    });
  });
  const height = Math.max(rows.length, 1) * rowHeight;
  const legend =
    series.length < 2
      ? ''
      : `<p class="legend">${series.map((name, at) => `<span class="series${at}">${escapeHtml(name)}</span>`).join(' ')}</p>`;
  const scale = isLogarithmic ? '<p class="note">Logarithmic scale.</p>' : '';
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>${legend}<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(title)}">${parts.join('')}</svg>${scale}</figure>`;
}

/** A table with a caption: the first column to the left, numbers to the right. */
export function htmlTable(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const headCells = head.map((title) => `<th scope="col">${escapeHtml(title)}</th>`).join('');
  const bodyRows = rows.map(
    ([first, ...others]) =>
      `<tr><th scope="row">${escapeHtml(first)}</th>${others.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`,
  );
  return `<div class="scroll"><table><caption>${escapeHtml(caption)}</caption><thead><tr>${headCells}</tr></thead><tbody>${bodyRows.join('')}</tbody></table></div>`;
}
