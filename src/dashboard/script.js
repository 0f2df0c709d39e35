import { drawBars, drawCurve, drawParts, drawTimes, roundUp } from './charts.js';

const POLL_MS = 1000;
const TIMEOUT_MS = 5000;
/** Points of the charts over time, and how many of them a row of their tables covers. */
const POINTS_MAX = 300;
const POINTS_PER_ROW = 10;
const SPAN = '5 minutes ago';
const FLEX_OFF = 'Flex is off: all keys are in RAM.';
const NOT_ALLOWED = 'The user you are may not see this.';

const element = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const oneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let scaled = value;
  for (; scaled >= 1024 && unit < units.length - 1; unit++) scaled /= 1024;
  return `${scaled < 10 && unit > 0 ? scaled.toFixed(1) : Math.round(scaled)} ${units[unit]}`;
}

function microseconds(value) {
  if (value < 1000) return `${oneDigit.format(value)} µs`;
  return value < 1e6 ? `${oneDigit.format(value / 1000)} ms` : `${oneDigit.format(value / 1e6)} s`;
}

function duration(seconds) {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0 s';
  let left = seconds;
  const words = [];
  for (const [name, size] of units.slice(first, first + 2)) {
    words.push(`${Math.floor(left / size)} ${name}`);
    left %= size;
  }
  return words.join(' ');
}

const timeOfDay = (milliseconds) => new Date(milliseconds).toLocaleTimeString();

/** Shows rows as a table: `columns` are of `[title, kinds]`, with `number`, `code` and `minor`, which is left out where space is short. */
function showTable(target, columns, rows) {
  const table = document.createElement('table');
  const head = table.createTHead().insertRow();
  for (const [title, kind] of columns) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.textContent = title;
    if (kind !== undefined) cell.className = kind;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((text, at) => {
      const cell = line.insertCell();
      const kind = columns[at][1];
      if (kind !== undefined) cell.className = kind;
      if (kind === 'code') cell.append(Object.assign(document.createElement('code'), { textContent: text }));
      else cell.textContent = text;
    });
  }
  target.replaceChildren(table);
}

/** Shows pairs in a list of terms, changing only what has changed. */
function showPairs(target, pairs) {
  if (target.children.length !== pairs.length) {
    target.replaceChildren(
      ...pairs.map(() => {
        const pair = document.createElement('div');
        pair.append(document.createElement('dt'), document.createElement('dd'));
        return pair;
      }),
    );
  }
  pairs.forEach(([term, value], at) => {
    const [name, text] = target.children[at].children;
    if (name.textContent !== term) name.textContent = term;
    if (text.textContent !== value) text.textContent = value;
  });
}

/** Draws a chart's table only while it is open. */
function showAlternative(id, columns, rows) {
  const target = element(`${id}-table`);
  if (target.parentElement.open) showTable(target, columns, rows());
}

function show(id, text) {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

/** Hides the chart, with the words in its place, where there is nothing to draw. */
function showNothing(id, text) {
  element(id).closest('section').classList.add('empty');
  show(`${id}-text`, text);
}

function showSomething(id) {
  element(id).closest('section').classList.remove('empty');
}

const history = [];
let before = null;
let isPaused = false;
let timer = 0;

/** Rates since the last answer; none for the first, and none where the counts have begun anew. */
function note(figures) {
  const { server, look } = figures;
  if (before !== null && server.timeMs > before.server.timeMs) {
    const seconds = (server.timeMs - before.server.timeMs) / 1000;
    const rate = (now, then) => Math.max(0, now - then) / seconds;
    history.push({
      timeMs: server.timeMs,
      operations: rate(server.operations, before.server.operations),
      hot: rate(look.hot, before.look.hot),
      cold: rate(look.cold, before.look.cold),
      missed: rate(look.missed, before.look.missed),
    });
    if (history.length > POINTS_MAX) history.shift();
  }
  before = figures;
}

/** The points of the history, some at a time, newest first, each with the mean of its rates. */
function rowsOfHistory(fields) {
  const rows = [];
  for (let end = history.length; end > 0; end -= POINTS_PER_ROW) {
    const points = history.slice(Math.max(0, end - POINTS_PER_ROW), end);
    const mean = (field) => points.reduce((sum, point) => sum + point[field], 0) / points.length;
    rows.push([
      timeOfDay(points[points.length - 1].timeMs),
      ...fields.map((field) => whole.format(mean(field))),
    ]);
  }
  return rows;
}

function showNow({ server, keys, tier, memory }) {
  const latest = history[history.length - 1];
  const found = latest === undefined ? 0 : latest.hot + latest.cold;
  const looks = latest === undefined ? 0 : found + latest.missed;
  show('server', `${server.version}, port ${server.port}, up ${duration(server.uptimeSeconds)}`);
  const pairs = [
    ['Operations per second', latest === undefined ? '–' : whole.format(latest.operations)],
    ['Found in RAM', found === 0 ? '–' : percent.format(latest.hot / found)],
    ['Found at all', looks === 0 ? '–' : percent.format(found / looks)],
    ['Keys', whole.format(keys.all)],
    ['Clients', whole.format(server.clients)],
    ['RAM', bytes(memory.used)],
  ];
  if (tier !== null) pairs.splice(4, 0, ['Keys on SSD', whole.format(tier.coldKeys)]);
  showPairs(element('now'), pairs);
}

function showOperations() {
  if (history.length === 0) return;
  const values = history.map(({ operations }) => operations);
  const max = roundUp(Math.max(10, ...values));
  drawTimes(element('operations'), {
    layers: [{ className: 'ssd', values }],
    length: POINTS_MAX,
    max,
    format: (value) => short.format(value),
    isLine: true,
    span: SPAN,
  });
  const latest = values[values.length - 1];
  const low = whole.format(Math.min(...values));
  const high = whole.format(Math.max(...values));
  show(
    'operations-text',
    `Now ${whole.format(latest)}; between ${low} and ${high} since the page was opened, 5 minutes at most.`,
  );
  showAlternative('operations', [['Until'], ['Operations per second', 'number']], () =>
    rowsOfHistory(['operations']),
  );
}

function showLooks() {
  if (history.length === 0) return;
  const layer = (field) =>
    history.map((point) => {
      const sum = point.hot + point.cold + point.missed;
      return sum === 0 ? 0 : point[field] / sum;
    });
  drawTimes(element('looks'), {
    layers: [
      { className: 'ram', values: layer('hot') },
      { className: 'ssd', values: layer('cold') },
      { className: 'missed', values: layer('missed') },
    ],
    length: POINTS_MAX,
    max: 1,
    format: (value) => percent.format(value),
    span: SPAN,
  });
  const { hot, cold, missed } = history[history.length - 1];
  const sum = hot + cold + missed;
  show(
    'looks-text',
    sum === 0
      ? 'No look-ups at present.'
      : `Now ${percent.format(hot / sum)} found in RAM, ${percent.format(cold / sum)} on SSD, ${percent.format(missed / sum)} not found.`,
  );
  showAlternative(
    'looks',
    [
      ['Until'],
      ['In RAM per second', 'number'],
      ['On SSD per second', 'number'],
      ['Not found per second', 'number'],
    ],
    () => rowsOfHistory(['hot', 'cold', 'missed']),
  );
}

function showMemory({ memory, tier }) {
  const other = Math.max(0, memory.used - memory.records - memory.index);
  const threshold = tier === null || memory.budget === 0 ? null : memory.budget * tier.threshold;
  drawParts(element('memory'), {
    parts: [
      { className: 'ram', value: memory.records, text: `records ${bytes(memory.records)}` },
      { className: 'dead', value: memory.index, text: `index ${bytes(memory.index)}` },
      { className: 'missed', value: other, text: `other ${bytes(other)}` },
    ],
    whole: memory.budget,
    marks: threshold === null ? [] : [{ value: threshold, text: `demotion starts at ${bytes(threshold)}` }],
  });
  const budget =
    memory.budget === 0
      ? 'no limit'
      : `${percent.format(memory.used / memory.budget)} of ${bytes(memory.budget)}`;
  const demotion = threshold === null ? '' : `; demotion starts at ${bytes(threshold)}`;
  show('memory-text', `${bytes(memory.used)} used, ${budget}${demotion}.`);
  showPairs(element('memory-figures'), [
    ['Records', bytes(memory.records)],
    ['Index', bytes(memory.index)],
    ['Other', bytes(other)],
    ['Resident, anonymous', bytes(memory.resident)],
    ['Policy', memory.policy],
    ['Evicted keys', whole.format(memory.evictedKeys)],
  ]);
}

function showStorage({ tier }) {
  if (tier === null) {
    showNothing('storage', FLEX_OFF);
    return;
  }
  const dead = Math.max(0, tier.fileBytes - tier.liveBytes);
  drawParts(element('storage'), {
    parts: [
      { className: 'ssd', value: tier.liveBytes, text: `live ${bytes(tier.liveBytes)}` },
      { className: 'dead', value: dead, text: `dead ${bytes(dead)}` },
    ],
    whole: tier.budget,
    marks: [],
  });
  const budget = tier.budget === 0 ? 'no limit but the disk' : bytes(tier.budget);
  show(
    'storage-text',
    `${bytes(tier.fileBytes)} of files, ${bytes(tier.liveBytes)} of them live; budget: ${budget}.`,
  );
  showPairs(element('storage-figures'), [
    ['Keys on SSD', whole.format(tier.coldKeys)],
    ['Written', bytes(tier.writtenBytes)],
    ['Demotions', whole.format(tier.demotions)],
    ['Promotions', whole.format(tier.promotions)],
    ['Reads', tier.isFetchingAside ? 'aside: the device is slow' : 'in place'],
    ['Read errors', whole.format(tier.coldReads.errors)],
  ]);
}

function showReads({ tier }) {
  if (tier === null || tier.coldReads.count === 0) {
    showNothing('reads', 'There were no cold reads.');
    return;
  }
  showSomething('reads');
  const { count, p50Us, p99Us, maxUs, upToUs } = tier.coldReads;
  let counted = 0;
  const bars = upToUs.map(([limit, upTo]) => {
    const value = upTo - counted;
    counted = upTo;
    const label = microseconds(limit);
    return { label, value, text: `up to ${label}: ${whole.format(value)}` };
  });
  drawBars(element('reads'), {
    bars,
    max: roundUp(Math.max(...bars.map(({ value }) => value))),
    format: (value) => short.format(value),
  });
  const median = microseconds(p50Us);
  show(
    'reads-text',
    `${whole.format(count)} reads: half within ${median}, 99 % within ${microseconds(p99Us)}, the longest ${microseconds(maxUs)}.`,
  );
  showAlternative('reads', [['Up to'], ['Reads', 'number']], () =>
    bars.map(({ label, value }) => [label, whole.format(value)]),
  );
}

function showCurve({ curve, tier }) {
  if (curve === null || curve.points.length < 2) {
    const reason = curve === null ? NOT_ALLOWED : 'Not sampled yet.';
    showNothing('curve', tier === null ? FLEX_OFF : reason);
    return;
  }
  showSomething('curve');
  const { points, presentBytes } = curve;
  drawCurve(element('curve'), {
    points,
    mark: presentBytes,
    max: 1,
    format: (value) => percent.format(value),
    formatX: bytes,
  });
  const ratioAt = (factor) => points.find(([size]) => size >= presentBytes * factor * 0.999)?.[1];
  const words = [
    [0.5, 'half'],
    [1, 'the present'],
    [2, 'twice'],
    [4, 'four times the'],
  ]
    .filter(([factor]) => ratioAt(factor) !== undefined)
    .map(([factor, name]) => `${percent.format(ratioAt(factor))} with ${name} RAM`);
  show('curve-text', `Estimated share of reads found in RAM: ${words.join(', ')}.`);
  showAlternative(
    'curve',
    [
      ['RAM for records', 'number'],
      ['Found in RAM', 'number'],
    ],
    () => points.map(([size, ratio]) => [bytes(size), percent.format(ratio)]),
  );
}

/** Shows a table of rows, or why there is none. */
function showRows(id, rows, columns, { caption, nothing }) {
  show(`${id}-text`, rows === null ? NOT_ALLOWED : rows.length === 0 ? nothing : caption);
  const target = element(id);
  target.toggleAttribute('hidden', rows === null || rows.length === 0);
  const content = JSON.stringify(rows);
  if (target.dataset.content === content) return;
  target.dataset.content = content;
  showTable(target, columns, rows ?? []);
}

function showKeys({ keyWalk }) {
  const share = keyWalk === null ? '' : percent.format(keyWalk.share);
  const isCounted = keyWalk?.isCounted === true;
  showRows(
    'hottest',
    keyWalk?.hottest.map(({ database, name, type, score }) => [
      name,
      whole.format(database),
      type,
      isCounted ? whole.format(score) : percent.format(score),
    ]) ?? null,
    [
      ['Key', 'code'],
      ['DB', 'number minor'],
      ['Type', 'minor'],
      [isCounted ? 'Counter' : 'Seconds used', 'number'],
    ],
    {
      caption: isCounted
        ? 'By the counter of the LFU policy, 0 to 255.'
        : 'By the share of the latest seconds in which the key was used. An LFU policy counts uses.',
      nothing: 'No key in RAM was used lately.',
    },
  );
  showRows(
    'largest',
    keyWalk?.largest.map(({ database, name, type, bytes: size, isHot }) => [
      name,
      whole.format(database),
      type,
      isHot ? 'RAM' : 'SSD',
      bytes(size),
    ]) ?? null,
    [['Key', 'code'], ['DB', 'number minor'], ['Type', 'minor'], ['Where'], ['Size', 'number']],
    {
      caption: `Seen on a walk over the keys, of which ${share} is done; those on SSD are passed over.`,
      nothing: 'There are no keys.',
    },
  );
}

function showSlow({ slowLog, coldSlowLog, tier }) {
  const rows = (entries, cellsOf) =>
    entries?.map((entry) => [
      timeOfDay(entry.timeSeconds * 1000),
      microseconds(entry.microseconds),
      ...cellsOf(entry),
    ]) ?? null;
  showRows(
    'slow',
    rows(slowLog, ({ words, address }) => [words.join(' '), address]),
    [['Time'], ['Took', 'number'], ['Command', 'code'], ['Client', 'minor']],
    {
      caption: 'Commands that took longer than slowlog-log-slower-than, latest first.',
      nothing: 'No command took longer than slowlog-log-slower-than.',
    },
  );
  showRows(
    'cold-slow',
    tier === null
      ? []
      : rows(coldSlowLog, ({ words: [way, size, ...names] }) => [way, bytes(Number(size)), names.join(' ')]),
    [['Time'], ['Took', 'number'], ['How', 'minor'], ['Read', 'number minor'], ['Keys', 'code']],
    {
      caption: 'Reads from the SSD that took longer than flex-slowlog-log-slower-than, latest first.',
      nothing: tier === null ? FLEX_OFF : 'No read took longer than flex-slowlog-log-slower-than.',
    },
  );
}

function showStatus({ server, tier }) {
  const fault = tier?.fault ?? '';
  if (fault !== '') setStatus(`The SSD tier can’t be written: ${fault}`, true);
  else setStatus(server.isLoading ? 'Loading data' : 'Live', false);
}

/** The status is read out by screen readers, so it changes only when there is something new. */
function setStatus(text, isAlarm) {
  show('status', text);
  element('status').classList.toggle('alarm', isAlarm);
}

function draw(figures) {
  for (const showPart of [
    showNow,
    showOperations,
    showLooks,
    showMemory,
    showStorage,
    showReads,
    showCurve,
    showKeys,
    showSlow,
  ])
    showPart(figures);
}

async function poll() {
  clearTimeout(timer);
  if (isPaused || document.hidden) return;
  try {
    // The page's own address may hold a name and password, with which nothing can be fetched.
    const response = await fetch(new URL('/figures.json', location.origin), {
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok)
      throw new Error(response.status === 401 ? 'a password is asked for' : (await response.text()).trim());
    const figures = await response.json();
    note(figures);
    draw(figures);
    showStatus(figures);
  } catch (error) {
    setStatus(`No figures from the server: ${error.message}`, true);
  }
  clearTimeout(timer);
  timer = setTimeout(poll, POLL_MS);
}

element('pause').addEventListener('click', () => {
  isPaused = !isPaused;
  element('pause').setAttribute('aria-pressed', `${isPaused}`);
  setStatus(isPaused ? 'Paused' : 'Connecting …', false);
  poll();
});
for (const details of document.querySelectorAll('details'))
  details.addEventListener('toggle', () => {
    if (before !== null) draw(before);
  });
addEventListener('resize', () => {
  if (before !== null) draw(before);
});
document.addEventListener('visibilitychange', poll);
poll();
