import { describe, expect, it } from 'vitest';
import { memcachedWords } from './memcached-server.ts';
import { costPerGigabyte, type ReportPage, reportPage } from './report-page.ts';
import { barChart, htmlTable } from './report-page-charts.ts';
import type { Contender } from './report-page-measure.ts';

const CONTENDER: Contender = {
  name: 'Thermocline, 10 × RAM',
  keyCount: 1_000_000,
  dataBytes: 1e9,
  keptCount: 1_000_000,
  ramBytes: 100e6,
  ssdBytes: 1.2e9,
  operationsPerSecond: [50_000, 200_000],
  cpuUsPerOperation: [12.3, 3.4],
  latency: { p50: 100, p99: 2500, p999: 12_000 },
  unsent: 3,
  foundShare: 1,
  ramHitShare: 0.75,
  groupBytes: 400e6,
  cachedBytes: 50e6,
};

const PAGE: ReportPage = {
  measurement: {
    contenders: [CONTENDER],
    remarks: ['memcached <1.7> is left out'],
    memcachedVersion: undefined,
  },
  environment: {
    commit: 'abc123',
    machine: '2 × "CPU" & more',
    node: 'v20.0.0',
    date: '2026-01-02',
    command: "thermocline-bench report --server '<x>'",
  },
  redisVersion: '7.0.15',
  ramBytes: 100e6,
  valueBytes: 1000,
  rounds: 5,
  operations: 200_000,
  rate: 5000,
  latencySeconds: 20,
  ramPrice: 3,
  ssdPrice: 0.1,
  isQuick: false,
  policies: [],
};

/** What stands in the rows of a table by its caption. */
function cells(html: string, caption: string): string[][] {
  const table = new RegExp(`<caption>${caption}</caption>.*?</table>`, 's').exec(html)?.[0] ?? '';
  return [...table.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) =>
    [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) => cell),
  );
}

describe('the report', () => {
  it('counts RAM, page cache and SSD as the cost of the data', () => {
    expect(costPerGigabyte(CONTENDER, 3, 0.1)).toBeCloseTo(0.15 * 3 + 1.2 * 0.1);
    expect(costPerGigabyte({ ...CONTENDER, cachedBytes: null }, 3, 0.1)).toBeCloseTo(0.1 * 3 + 1.2 * 0.1);
    expect(costPerGigabyte({ ...CONTENDER, keptCount: 500_000 }, 3, 0.1)).toBeCloseTo(
      2 * (0.15 * 3 + 1.2 * 0.1),
    );
  });

  it('has every figure in a table', () => {
    const html = reportPage(PAGE);
    expect(cells(html, 'Speed')[1]).toEqual([
      ...['Thermocline, 10 × RAM', '50,000', '200,000', '12.3', '3.4'],
      ...['100 µs', '2,500 µs', '12 ms', '3', '100 %', '75 %'],
    ]);
    expect(cells(html, 'Space and cost')[1]).toEqual([
      ...[
        'Thermocline, 10 × RAM',
        '1,000,000',
        '100 %',
        '1,000 MB',
        '100 MB',
        '100 B',
        '1,200 MB',
        '400 MB',
        '50 MB',
        '0.57',
      ],
    ]);
  });

  it('names conditions, prices, environment and command, and what is missing', () => {
    const html = reportPage(PAGE);
    for (const text of [
      '90 % GET, 10 % SET, keys zipfian(0.99)',
      'held to 400 MB of memory and page cache together',
      'at 3.00 for a GB of RAM and 0.10 for one of SSD',
      'memcached &lt;1.7&gt; is left out',
      'abc123',
      '2 × &quot;CPU&quot; &amp; more',
      "thermocline-bench report --server '&lt;x&gt;'",
      'redis-server 7.0.15',
    ])
      expect(html).toContain(text);
    expect(html).not.toContain('--quick');
    expect(reportPage({ ...PAGE, isQuick: true })).toContain('the figures do not count');
    const contender = { ...CONTENDER, groupBytes: null, cachedBytes: null };
    const measurement = { ...PAGE.measurement, contenders: [contender] };
    expect(reportPage({ ...PAGE, measurement })).toContain('The page cache was not limited');
  });

  it('shows the comparison of policies where it was made', () => {
    expect(reportPage(PAGE)).not.toContain('Bélády');
    const policies = [0.05, 0.1].map((ramShare) => ({
      trace: 'zipf 1',
      ramShare,
      hitRatios: { Thermocline: 81.2, 'Redis LRU': 74.5, Bélády: 88 },
    }));
    const html = reportPage({ ...PAGE, policies });
    expect(cells(html, 'Hit ratios in percent')).toEqual([
      ['trace', 'RAM', 'Thermocline', 'Redis LRU', 'Bélády'],
      ['zipf 1', '5 %', '81.2', '74.5', '88.0'],
      ['zipf 1', '10 %', '81.2', '74.5', '88.0'],
    ]);
    expect(html).toContain('zipf 1, 10 % of the keys in RAM: hit ratio');
  });

  it('needs no other file and runs no script', () => {
    const html = reportPage(PAGE);
    expect(html).not.toMatch(/<script|<link|<img|\ssrc=|\shref=|url\(|@import/);
  });
});

describe('a chart', () => {
  const chart = (values: readonly number[], isLogarithmic: boolean) =>
    [
      ...barChart({
        title: 'a <title>',
        series: values.map((_, at) => `series ${at}`),
        rows: [{ label: 'a & b', values }],
        isLogarithmic,
        format: String,
      }).matchAll(/<rect[^>]* width="([\d.]+)"/g),
    ].map(([, width]) => Number(width));

  it('has bars as long as their values, or as their logarithms', () => {
    expect(chart([100, 50, 0], false)).toEqual([420, 210, 0]);
    expect(chart([100, 10, Number.NaN], true)).toEqual([420, 210, 0]);
    expect(chart([Number.NaN], false)).toEqual([0]);
    expect(chart([], true)).toEqual([]);
  });

  it('and a table escape what they are given', () => {
    const html = barChart({
      title: '<a>',
      series: ['"s"', 't'],
      rows: [{ label: '<l>', values: [1, 2] }],
      format: () => '<v>',
    });
    expect(html).not.toMatch(/<[alv]>|"s"/);
    expect(htmlTable('<c>', ['<h>'], [['<r>', '<d>']])).not.toMatch(/<[chrd]>/);
  });
});

describe('memcached', () => {
  it('is started with so much RAM and a file of whole pages', () => {
    const words = memcachedWords('memcached -t 2', {
      port: 11_000,
      folder: '/data',
      ramBytes: 256 * 2 ** 20,
      fileBytes: 1e9,
    });
    expect(words.slice(0, 3)).toEqual(['memcached', '-t', '2']);
    expect(words.join(' ')).toContain('-p 11000');
    expect(words.join(' ')).toContain('-m 256');
    expect(words.at(-1)).toBe('ext_path=/data/values:960m');
  });
});
