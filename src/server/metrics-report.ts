/** What `/metrics` tells, put together from INFO, the commands' statistics and the tier when it is asked for. */
import type { Command } from '../command-table/command.ts';
import { allCommands } from '../commands/config.ts';
import { infoFigures } from '../commands/info.ts';
import { averageTtlMs } from '../keyspace/average-ttl.ts';
import { COUNTERS, type FieldMetric, GAUGES, TIER_COUNTERS, TIER_GAUGES } from '../metrics/exporter-names.ts';
import { Exposition, type Labels } from '../metrics/exposition.ts';
import type { TierReport } from '../metrics/tier-report.ts';
import type { Engine } from './engine.ts';

/** Upper limits of the buckets of cold reads, in seconds. */
const COLD_READ_LIMITS = [
  1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1,
];

/** All metrics of a server at this moment. */
export function describeMetrics(engine: Engine): Exposition {
  const to = new Exposition();
  const figures = infoFigures(engine.call);
  to.gauge('redis_up', 'Whether the server answers.', 1);
  to.gauge('redis_exporter_last_scrape_error', 'Whether the figures could not be had.', 0, { err: '' });
  to.gauge('redis_cluster_enabled', 'Whether the server is a node of a cluster.', 0);
  addInstance(to, engine, figures);
  addFields(to, 'redis_', GAUGES, COUNTERS, figures);
  addCommands(to, engine);
  addDatabases(to, engine);
  addEvents(to, engine);
  addFields(to, 'thermocline_', TIER_GAUGES, TIER_COUNTERS, figures);
  const { tier, keyspace } = engine;
  if (tier !== null) addTier(to, tier.report(), keyspace.statistics);
  return to;
}

/** A field's value as a number; undefined where there is none. */
function numberOf(value: string | number | undefined): number | undefined {
  if (value === 'ok') return 1;
  if (value === 'err') return 0;
  return value === undefined || value === '' || Number.isNaN(Number(value)) ? undefined : Number(value);
}

function addFields(
  to: Exposition,
  prefix: string,
  gauges: readonly FieldMetric[],
  counters: readonly FieldMetric[],
  figures: ReadonlyMap<string, string | number>,
): void {
  const add = (type: 'gauge' | 'counter', { field, name, help, scale = 1 }: FieldMetric) => {
    const value = numberOf(figures.get(field));
    if (value !== undefined) to[type](prefix + name, help, value * scale);
  };
  for (const row of gauges) add('gauge', row);
  for (const row of counters) add('counter', row);
}

function addInstance(to: Exposition, engine: Engine, figures: ReadonlyMap<string, string | number>): void {
  const names = ['role', 'redis_version', 'redis_build_id', 'redis_mode', 'os', 'maxmemory_policy'];
  const more = ['tcp_port', 'run_id', 'process_id', 'master_replid', 'thermocline_version'];
  const labels = Object.fromEntries([...names, ...more].map((name) => [name, figures.get(name) ?? '']));
  to.gauge('redis_instance_info', 'What the server is.', 1, labels);
  const { startMs } = engine.server;
  to.gauge('redis_start_time_seconds', 'Unix time of the start.', Math.floor(startMs / 1000));
  const { maxmemory, maxclients, 'io-threads': ioThreads } = engine.config.values;
  to.gauge('redis_config_maxmemory', 'The directive maxmemory.', maxmemory);
  to.gauge('redis_config_maxclients', 'The directive maxclients.', maxclients);
  to.gauge('redis_config_io_threads', 'The directive io-threads.', ioThreads);
}

function addCommands(to: Exposition, engine: Engine): void {
  const used = [...allCommands(engine.table)].filter(
    ({ statistics }) => statistics.calls + statistics.rejectedCalls > 0,
  );
  const each = (value: (command: Command) => number) =>
    used.map((command): [Labels, number] => [{ cmd: command.fullName }, value(command)]);
  to.family(
    'counter',
    'redis_commands_total',
    'Calls of each command.',
    each(({ statistics }) => statistics.calls),
  );
  to.family(
    'counter',
    'redis_commands_duration_seconds_total',
    'Time spent in each command.',
    each(({ statistics }) => statistics.microseconds / 1e6),
  );
  to.family(
    'counter',
    'redis_commands_rejected_calls_total',
    'Calls of each command that were refused before it ran.',
    each(({ statistics }) => statistics.rejectedCalls),
  );
  to.family(
    'counter',
    'redis_commands_failed_calls_total',
    'Calls of each command that ended with an error.',
    each(({ statistics }) => statistics.failedCalls),
  );
  const errors = [...engine.statistics.errors].map(([err, count]): [Labels, number] => [{ err }, count]);
  to.family('counter', 'redis_errors_total', 'Error replies by their code.', errors);
  const timed = used.filter(({ statistics }) => statistics.durations.count > 0);
  const percentiles = engine.config.values['latency-tracking-info-percentiles'];
  to.distributions(
    'summary',
    'redis_latency_percentiles_usec',
    'Latency of each command in microseconds.',
    timed.map(({ fullName, statistics }) => ({
      labels: { cmd: fullName },
      points: percentiles.map((percent) => [percent, statistics.durations.percentile(percent)] as const),
      sum: statistics.microseconds,
      count: statistics.durations.count,
    })),
  );
  to.distributions(
    'histogram',
    'redis_commands_latencies_usec',
    'Latency of each command in microseconds.',
    timed.map(({ fullName, statistics }) => {
      const points: [number, number][] = [];
      statistics.durations.forEachBucket((limit, count) => points.push([limit, count]));
      return {
        labels: { cmd: fullName },
        points,
        sum: statistics.microseconds,
        count: statistics.durations.count,
      };
    }),
  );
}

function addDatabases(to: Exposition, engine: Engine): void {
  const { databases, nowMs } = engine.keyspace;
  const each = (value: (database: (typeof databases)[number]) => number) =>
    databases.map((database): [Labels, number] => [{ db: `db${database.number}` }, value(database)]);
  to.family(
    'gauge',
    'redis_db_keys',
    'Keys of each database.',
    each((database) => database.size),
  );
  to.family(
    'gauge',
    'redis_db_keys_expiring',
    'Those that expire.',
    each((database) => database.expiringCount),
  );
  to.family(
    'gauge',
    'redis_db_avg_ttl_seconds',
    'How long they have, on average.',
    databases
      .filter(({ size }) => size > 0)
      .map((database) => [{ db: `db${database.number}` }, averageTtlMs(database, nowMs) / 1000]),
  );
  to.family(
    'gauge',
    'redis_db_keys_with_expiring_items',
    'Hashes with fields that expire.',
    each((database) => database.fieldExpiringCount),
  );
}

function addEvents(to: Exposition, { slowLog, latency }: Engine): void {
  const [latest] = slowLog.entries;
  to.gauge('redis_slowlog_length', 'Entries of the slow log.', slowLog.entries.length);
  if (latest !== undefined) {
    to.gauge('redis_slowlog_last_id', 'Number of its latest entry.', latest.id);
    to.gauge(
      'redis_last_slow_execution_duration_seconds',
      'Duration of its latest entry.',
      latest.microseconds / 1e6,
    );
  }
  const spikes = [...latency.events].map(([name, event]) => ({
    labels: { event_name: name },
    sample: event.samples[event.samples.length - 1],
  }));
  to.family(
    'gauge',
    'redis_latency_spike_last',
    'Unix time of the latest spike of each event.',
    spikes.map(({ labels, sample }) => [labels, sample.timeSeconds]),
  );
  to.family(
    'gauge',
    'redis_latency_spike_duration_seconds',
    'Its duration.',
    spikes.map(({ labels, sample }) => [labels, sample.milliseconds / 1000]),
  );
}

function addTier(to: Exposition, report: TierReport, hits: { hotHits: number; coldHits: number }): void {
  to.family('gauge', 'thermocline_keys', 'Keys in RAM and on SSD.', [
    [{ tier: 'hot' }, report.hotKeys],
    [{ tier: 'cold' }, report.coldKeys],
  ]);
  to.family(
    'gauge',
    'thermocline_bytes',
    'Bytes of records in RAM, and of those on SSD that a key refers to.',
    [
      [{ tier: 'hot' }, report.hotBytes],
      [{ tier: 'cold' }, report.coldLiveBytes],
    ],
  );
  to.family('counter', 'thermocline_hits_total', 'Look-ups that found a key in RAM, and on SSD.', [
    [{ tier: 'hot' }, hits.hotHits],
    [{ tier: 'cold' }, hits.coldHits],
  ]);
  to.family(
    'gauge',
    'thermocline_curve_hit_ratio',
    'Estimate of the share of reads that would find their key in RAM, with so many times the present RAM.',
    report.curve.points.map(({ factor, hitRatio }) => [{ ram: String(factor) }, hitRatio]),
  );
  to.gauge('thermocline_tier_fault', 'Whether the tier can’t be written.', report.fault === '' ? 0 : 1);
  const times = report.coldReadTimes;
  to.distributions(
    'histogram',
    'thermocline_cold_read_duration_seconds',
    'Latency of reads of cold records.',
    [
      {
        labels: {},
        points: COLD_READ_LIMITS.map((limit) => [limit, times.countUpTo(limit * 1e6)] as const),
        sum: times.sum / 1e6,
        count: times.count,
      },
    ],
  );
}
