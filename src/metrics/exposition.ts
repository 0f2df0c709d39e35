import { type Metric, Registry } from 'prom-client';

export type Labels = Readonly<Record<string, string | number>>;

/** One line: a value with its labels, and what is put behind the metric's name. */
interface Sample {
  readonly value: number;
  readonly labels: Labels;
  readonly suffix?: string;
}

/** Part of a summary or a histogram: a quantile and its value, or an upper limit and how many do not exceed it. */
export type Point = readonly [at: number, value: number];

/** Figures of one moment in the text format of Prometheus. They are given when they are asked for, and kept nowhere. */
export class Exposition {
  readonly #registry = new Registry();

  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    this.#add(name, help, 'gauge', [{ value, labels }]);
  }

  counter(name: string, help: string, value: number, labels: Labels = {}): void {
    this.#add(name, help, 'counter', [{ value, labels }]);
  }

  /** One value for each of some labels; the metric is left out where there are none. */
  family(
    type: 'gauge' | 'counter',
    name: string,
    help: string,
    values: readonly (readonly [labels: Labels, value: number])[],
  ): void {
    if (values.length === 0) return;
    this.#add(
      name,
      help,
      type,
      values.map(([labels, value]) => ({ labels, value })),
    );
  }

  /** Distributions that were counted elsewhere; `key` names the limits: `quantile` of a summary, `le` of a histogram. */
  distributions(
    type: 'summary' | 'histogram',
    name: string,
    help: string,
    rows: readonly { labels: Labels; points: readonly Point[]; sum: number; count: number }[],
  ): void {
    if (rows.length === 0) return;
    const isHistogram = type === 'histogram';
    const samples = rows.flatMap(({ labels, points, sum, count }): Sample[] => [
      ...points.map(([at, value]) => ({
        value,
        labels: { ...labels, [isHistogram ? 'le' : 'quantile']: at },
        suffix: isHistogram ? '_bucket' : '',
      })),
      ...(isHistogram ? [{ value: count, labels: { ...labels, le: '+Inf' }, suffix: '_bucket' }] : []),
      { value: sum, labels, suffix: '_sum' },
      { value: count, labels, suffix: '_count' },
    ]);
    this.#add(name, help, type, samples);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All that was given, as text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #add(name: string, help: string, type: string, samples: readonly Sample[]): void {
    const values = samples.map(({ value, labels, suffix = '' }) => ({
      value,
      labels,
      metricName: name + suffix,
    }));
    // A registry asks its metrics for their values; one that has them takes no counting.
    const metric = { name, help, type, aggregator: 'sum', get: async () => ({ name, help, type, values }) };
    this.#registry.registerMetric(metric as unknown as Metric<string>);
  }
}
