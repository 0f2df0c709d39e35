/** Charts in SVG, drawn anew each time at the size that the element has. What they show in text is the caller's to say. */

const NAMESPACE = 'http://www.w3.org/2000/svg';
const LEFT = 52;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;

/** Adds an element with these attributes. */
function add(parent, name, attributes, text) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

/** Empties a chart and gives it a coordinate of one for each pixel. */
function begin(svg) {
  const width = Math.max(160, svg.clientWidth);
  const height = Math.max(24, svg.clientHeight);
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.replaceChildren();
  return { width, height };
}

/** The least of 1, 2 and 5 times a power of ten that is not below a value. */
export function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * (1 - 1e-9));
}

/** Draws lines at 0, half and all of the maximum, with what they stand for; returns the area of the chart. */
function drawFrame(svg, max, format) {
  const { width, height } = begin(svg);
  const area = { left: LEFT, right: width - RIGHT, top: TOP, bottom: height - BOTTOM };
  for (const share of [0, 0.5, 1]) {
    const y = area.bottom - (area.bottom - area.top) * share;
    add(svg, 'line', { class: share === 0 ? 'edge' : 'grid', x1: area.left, x2: area.right, y1: y, y2: y });
    add(svg, 'text', { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' }, format(max * share));
  }
  return area;
}

/**
 * Layers over time, each on top of those before it, or a single line. `layers` are of `{ className, values }`; the newest value
 * is at the right edge, which stands for now, and `length` values fill the chart.
 */
export function drawTimes(svg, { layers, length, max, format, isLine = false, span }) {
  const area = drawFrame(svg, max, format);
  const step = (area.right - area.left) / (length - 1);
  const count = layers[0].values.length;
  const x = (at) => (area.right - (count - 1 - at) * step).toFixed(1);
  const y = (value) => (area.bottom - (Math.min(value, max) / max) * (area.bottom - area.top)).toFixed(1);
  const below = new Array(count).fill(0);
  for (const { className, values } of layers) {
    const lower = below.map((value, at) => `${x(at)},${y(value)}`).reverse();
    values.forEach((value, at) => {
      below[at] += value;
    });
    const upper = below.map((value, at) => `${x(at)},${y(value)}`);
    if (count > 1 && isLine) add(svg, 'polyline', { class: 'line', points: upper.join(' ') });
    else if (count > 1) add(svg, 'polygon', { class: className, points: [...upper, ...lower].join(' ') });
  }
  add(svg, 'text', { x: area.left, y: area.bottom + 15 }, span);
  add(svg, 'text', { x: area.right, y: area.bottom + 15, 'text-anchor': 'end' }, 'now');
}

/** Bars side by side. `bars` are of `{ label, value, text }`: below the bar, its height, and what it tells when pointed at. */
export function drawBars(svg, { bars, max, format }) {
  const area = drawFrame(svg, max, format);
  const step = (area.right - area.left) / bars.length;
  const labelled = Math.ceil(44 / step);
  bars.forEach(({ label, value, text }, at) => {
    const height = ((area.bottom - area.top) * value) / max;
    const left = area.left + at * step;
    const bar = add(svg, 'rect', {
      class: 'ssd',
      x: left + 1,
      y: area.bottom - height,
      width: Math.max(1, step - 2),
      height,
    });
    add(bar, 'title', {}, text);
    if (at % labelled === 0)
      add(svg, 'text', { x: left + step / 2, y: area.bottom + 15, 'text-anchor': 'middle' }, label);
  });
}

/** A line through points of `[x, y]` with `x` on a logarithmic scale, and a mark at one `x`. */
export function drawCurve(svg, { points, mark, max, format, formatX }) {
  const area = drawFrame(svg, max, format);
  const low = Math.log2(points[0][0]);
  const high = Math.log2(points[points.length - 1][0]);
  const x = (value) => area.left + ((area.right - area.left) * (Math.log2(value) - low)) / (high - low || 1);
  const y = (value) => area.bottom - ((area.bottom - area.top) * value) / max;
  const line = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  add(svg, 'polyline', { class: 'line', points: line.join(' ') });
  for (const [at, value] of points)
    add(
      add(svg, 'circle', { class: 'ssd', cx: x(at), cy: y(value), r: 4 }),
      'title',
      {},
      `${formatX(at)}: ${format(value)}`,
    );
  add(svg, 'line', { class: 'mark', x1: x(mark), x2: x(mark), y1: area.top, y2: area.bottom });
  add(svg, 'text', { x: x(mark) + 6, y: area.bottom - 6 }, 'now');
  const last = points.length - 1;
  for (const [at, anchor] of [
    [0, 'start'],
    [last, 'end'],
  ])
    add(
      svg,
      'text',
      { x: x(points[at][0]), y: area.bottom + 15, 'text-anchor': anchor },
      formatX(points[at][0]),
    );
}

/** Parts of a whole side by side, `{ className, value, text }` each, and marks across at `{ value, text }`. */
export function drawParts(svg, { parts, whole, marks }) {
  const { width, height } = begin(svg);
  const scale =
    width /
    Math.max(
      whole,
      parts.reduce((sum, { value }) => sum + value, 0),
      1,
    );
  add(svg, 'rect', { class: 'rest', x: 0, y: 4, width, height: height - 8, rx: 4 });
  let left = 0;
  for (const { className, value, text } of parts) {
    const part = add(svg, 'rect', {
      class: className,
      x: left,
      y: 4,
      width: value * scale,
      height: height - 8,
    });
    add(part, 'title', {}, text);
    left += value * scale;
  }
  for (const { value, text } of marks) {
    const mark = add(svg, 'line', { class: 'mark', x1: value * scale, x2: value * scale, y1: 0, y2: height });
    add(mark, 'title', {}, text);
  }
}
