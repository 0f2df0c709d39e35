import type { Environment } from './environment.ts';
import { type PolicyRow, RAM_SHARES } from './policy/compare.ts';
import { barChart, escapeHtml, htmlTable } from './report-page-charts.ts';
import {
  ALL_HOT_SHARE,
  CLIENTS,
  type Contender,
  PIPELINES,
  READ_RATIO,
  type ReportMeasurement,
  THETA,
} from './report-page-measure.ts';
import { formatMicroseconds, formatNumber } from './table.ts';

/** What the page tells besides what was measured. */
export interface ReportPage {
  readonly measurement: ReportMeasurement;
  readonly environment: Environment;
  readonly redisVersion: string;
  readonly ramBytes: number;
  readonly valueBytes: number;
  readonly rounds: number;
  readonly operations: number;
  readonly rate: number;
  readonly latencySeconds: number;
  /** Of a gigabyte (10⁹ bytes) for a month, in the same currency. */
  readonly ramPrice: number;
  readonly ssdPrice: number;
  readonly isQuick: boolean;
  /** The comparison of policies; none if it was not asked for. */
  readonly policies: readonly PolicyRow[];
}

/**
 * What a gigabyte of data that the server has costs a month: the RAM and the SSD that it takes, page cache counted where it is
 * known.
 */
export function costPerGigabyte(
  { ramBytes, cachedBytes, ssdBytes, dataBytes, keyCount, keptCount }: Contender,
  ramPrice: number,
  ssdPrice: number,
): number {
  const cost = (ramBytes + (cachedBytes ?? 0)) * ramPrice + ssdBytes * ssdPrice;
  return cost / (dataBytes * (keptCount / keyCount));
}

const percent = (share: number) =>
  Number.isFinite(share) ? `${formatNumber(Number((share * 100).toPrecision(3)))} %` : '–';
const megabytes = (bytes: number | null) =>
  bytes === null ? '–' : `${formatNumber(Math.round(bytes / 1e6))} MB`;
const price = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : '–');

/** The report as one page of HTML that needs no other file. */
export function reportPage(page: ReportPage): string {
  const { environment, isQuick } = page;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Thermocline: bench report</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Thermocline: bench report</h1>
${isQuick ? '<p class="alarm">Made with --quick, to see that it runs: the figures do not count.</p>' : ''}
${conditions(page)}
${charts(page)}
${tables(page)}
${page.policies.length === 0 ? '' : policySection(page.policies)}
<h2>How to repeat it</h2>
<dl>
<dt>Command</dt><dd><code>${escapeHtml(environment.command)}</code></dd>
<dt>Commit</dt><dd>${escapeHtml(environment.commit)}</dd>
<dt>Machine</dt><dd>${escapeHtml(environment.machine)}</dd>
<dt>Versions</dt><dd>${escapeHtml(
    [`Node ${environment.node}`, `redis-server ${page.redisVersion}`, page.measurement.memcachedVersion]
      .filter((text) => text !== undefined)
      .join(', '),
  )}</dd>
<dt>Date</dt><dd>${escapeHtml(environment.date)}</dd>
</dl>
</main>
</body>
</html>
`;
}

function conditions(page: ReportPage): string {
  const { measurement, ramBytes, valueBytes, rounds, operations, rate, latencySeconds } = page;
  const limited = measurement.contenders.find(({ groupBytes }) => groupBytes !== null)?.groupBytes ?? null;
  const cache =
    limited === null
      ? 'The page cache was not limited, so reads from SSD may have been answered from it.'
      : `Those that use the SSD were held to ${megabytes(limited)} of memory and page cache together (memory.limit_in_bytes), so that the device is really read.`;
  const sentences = [
    `RAM budget: ${megabytes(ramBytes)}. Values of ${formatNumber(valueBytes)} B under keys of 16 B. Servers in RAM hold ${ALL_HOT_SHARE} × the budget, without a limit.`,
    `${READ_RATIO * 100} % GET, ${formatNumber(100 - READ_RATIO * 100)} % SET, keys zipfian(${THETA}) over all data, ${CLIENTS} connections on the same machine; every value that was read was checked.`,
    `Throughput and CPU: medians of ${rounds} rounds of ${formatNumber(operations)} operations, each connection sending as soon as it may. Latency: ${formatNumber(rate)} operations a second for ${latencySeconds} s whatever the server does, counted from when each was due.`,
    `CPU is that of the server’s process, all threads. RAM is anonymous memory, less that of the empty server.`,
    cache,
    'memcached drops what it has not written in time: RAM per key and cost count the keys that were kept.',
  ];
  const remarks = measurement.remarks.map((remark) => `<li>${escapeHtml(remark)}</li>`).join('');
  return `<p>${sentences.map(escapeHtml).join(' ')}</p>${remarks === '' ? '' : `<ul class="alarm">${remarks}</ul>`}`;
}

function charts({ measurement: { contenders }, ramPrice, ssdPrice }: ReportPage): string {
  const rows = (values: (contender: Contender) => readonly number[]) =>
    contenders.map((contender) => ({ label: contender.name, values: values(contender) }));
  const pipelines = PIPELINES.map((pipeline) =>
    pipeline === 1 ? 'without pipelining' : `pipeline ${pipeline}`,
  );
  return [
    barChart({
      title: 'Throughput, operations per second (more is better)',
      series: pipelines,
      rows: rows(({ operationsPerSecond }) => operationsPerSecond),
      format: (value) => formatNumber(Math.round(value)),
    }),
    barChart({
      title: 'Latency at the same rate (less is better)',
      series: ['median', 'p99', 'p99.9'],
      rows: rows(({ latency: { p50, p99, p999 } }) => [p50, p99, p999]),
      isLogarithmic: true,
      format: formatMicroseconds,
    }),
    barChart({
      title: 'CPU per operation in µs (less is better)',
      series: pipelines,
      rows: rows(({ cpuUsPerOperation }) => cpuUsPerOperation),
      format: formatNumber,
    }),
    barChart({
      title: 'RAM per key in bytes, of its key and value and all else (less is better)',
      series: ['RAM'],
      rows: rows(({ ramBytes, keptCount }) => [ramBytes / keptCount]),
      format: (value) => formatNumber(Math.round(value)),
    }),
    barChart({
      title: `A GB of data for a month, at ${price(ramPrice)} for a GB of RAM and ${price(ssdPrice)} for one of SSD (less is better)`,
      series: ['cost'],
      rows: rows((contender) => [costPerGigabyte(contender, ramPrice, ssdPrice)]),
      format: price,
    }),
  ].join('\n');
}

function tables({ measurement: { contenders }, ramPrice, ssdPrice }: ReportPage): string {
  const speed = contenders.map(
    ({ name, operationsPerSecond, cpuUsPerOperation, latency, unsent, foundShare, ramHitShare }) => [
      name,
      ...operationsPerSecond.map((value) => formatNumber(Math.round(value))),
      ...cpuUsPerOperation.map(formatNumber),
      ...[latency.p50, latency.p99, latency.p999].map(formatMicroseconds),
      formatNumber(unsent),
      percent(foundShare),
      percent(ramHitShare),
    ],
  );
  const space = contenders.map((contender) => {
    const { name, keyCount, keptCount, dataBytes, ramBytes, ssdBytes, groupBytes, cachedBytes } = contender;
    return [
      name,
      formatNumber(keyCount),
      percent(keptCount / keyCount),
      megabytes(dataBytes),
      megabytes(ramBytes),
      `${formatNumber(Math.round(ramBytes / keptCount))} B`,
      megabytes(ssdBytes),
      megabytes(groupBytes),
      megabytes(cachedBytes),
      price(costPerGigabyte(contender, ramPrice, ssdPrice)),
    ];
  });
  const ofPipelines = (what: string) => PIPELINES.map((pipeline) => `${what}, pipeline ${pipeline}`);
  return [
    '<h2>The figures</h2>',
    htmlTable(
      'Speed',
      [
        'server',
        ...ofPipelines('op/s'),
        ...ofPipelines('CPU µs/op'),
        'p50',
        'p99',
        'p99.9',
        'not sent',
        'found',
        'of those in RAM',
      ],
      speed,
    ),
    htmlTable(
      'Space and cost',
      ['server', 'keys', 'kept', 'data', 'RAM', 'RAM per key', 'SSD', 'limit', 'page cache', 'cost of a GB'],
      space,
    ),
    `<p class="note">Cost: (RAM + page cache, where it is known) × ${price(ramPrice)} + SSD × ${price(ssdPrice)}, divided by the data that was kept. The prices are for a GB and month; set them with --ram-price and --ssd-price.</p>`,
  ].join('\n');
}

function policySection(policies: readonly PolicyRow[]): string {
  const names = Object.keys(policies[0].hitRatios);
  const shown = RAM_SHARES[Math.floor(RAM_SHARES.length / 2)];
  const traces = policies.filter(({ ramShare }) => ramShare === shown);
  return [
    '<h2>What is kept in RAM</h2>',
    '<p>Hit ratios of the policy by which Thermocline demotes beside those of other caches and of the bound that no policy can pass (Bélády), simulated over traces made from published parameters.</p>',
    ...traces.map(({ trace, hitRatios }) =>
      barChart({
        title: `${trace}, ${percent(shown)} of the keys in RAM: hit ratio`,
        series: ['hit ratio'],
        rows: names.map((name) => ({ label: name, values: [hitRatios[name]] })),
        format: (value) => `${value.toFixed(1)} %`,
      }),
    ),
    htmlTable(
      'Hit ratios in percent',
      ['trace', 'RAM', ...names],
      policies.map(({ trace, ramShare, hitRatios }) => [
        trace,
        percent(ramShare),
        ...names.map((name) => hitRatios[name].toFixed(1)),
      ]),
    ),
  ].join('\n');
}

const STYLE = `
:root{color-scheme:light dark;--page:#fff;--text:#18212d;--muted:#525d6b;--line:#d5dbe3;--a:#b9410a;--b:#1d4fd0;--c:#66707d;--alarm:#b3141e;font:16px/1.5 system-ui,sans-serif}
@media (prefers-color-scheme:dark){:root{--page:#10151b;--text:#e7ecf2;--muted:#aab6c4;--line:#33404f;--a:#fb9551;--b:#74a7ff;--c:#95a1b0;--alarm:#ff8b90}}
body{margin:0;background:var(--page);color:var(--text)}
main{max-width:70rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2rem}
figure{margin:1.5rem 0;max-width:60rem}figcaption,caption{font-weight:600;text-align:left;margin-bottom:.5rem}
svg{display:block;width:100%;height:auto;min-width:32rem}figure{overflow-x:auto}
svg text{fill:var(--text);font-size:13px}svg .label{text-anchor:end}svg .value{fill:var(--muted)}
svg .series0{fill:var(--a)}svg .series1{fill:var(--b)}svg .series2{fill:var(--c)}
.legend{margin:.25rem 0}.legend span{margin-right:1rem}.legend span::before{content:"";display:inline-block;width:.8rem;height:.8rem;margin-right:.4rem;background:currentColor}
.legend .series0{color:var(--a)}.legend .series1{color:var(--b)}.legend .series2{color:var(--c)}
.note{color:var(--muted);font-size:.875rem}.alarm{color:var(--alarm)}
.scroll{overflow-x:auto}table{border-collapse:collapse;margin:1rem 0;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:bottom}td{white-space:nowrap}
th:first-child{text-align:left;white-space:nowrap}tbody th{font-weight:400}
dt{color:var(--muted)}dd{margin:0 0 .5rem}code{overflow-wrap:anywhere}
`;
