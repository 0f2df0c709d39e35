import { SingleBar } from 'cli-progress';
import { type Address, type Protocol, RESP } from './client.ts';
import type { ControlClient } from './control-client.ts';
import { type KeyPattern, SequentialPattern } from './key-patterns.ts';
import { LoadGenerator, type Phase, type PhaseOutcome } from './load-generator.ts';
import { ClosedLoop } from './pacing.ts';
import { readProcessStatistics } from './process-statistics.ts';
import { Random } from './random.ts';
import type { Values } from './values.ts';
import { PatternWorkload } from './workload.ts';

/** One phase of load on one server, measured. Null where the server's process can't be seen. */
export interface Round {
  readonly operations: number;
  readonly seconds: number;
  readonly operationsPerSecond: number;
  /** Microseconds. */
  readonly latency: Latency;
  readonly cpuUsPerOperation: number | null;
  readonly mainThreadCpuUsPerOperation: number | null;
  /** RssAnon + RssShmem at the end. */
  readonly anonymousBytes: number | null;
  readonly residentBytes: number | null;
  readonly errors: number;
  readonly lastError: string;
  readonly misses: number;
  readonly mismatches: number;
  readonly unsent: number;
  readonly generatorCpuShare: number;
  /** The numbers of `INFO flex` that the phase changed. */
  readonly flex: Readonly<Record<string, FlexChange>>;
}

export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface FlexChange {
  readonly change: number;
  readonly after: number;
}

/** The parts of a server that measuring needs. */
export interface MeasuredServer {
  readonly address: Address;
  readonly control: Pick<ControlClient, 'info'>;
  /** Null for a process that can't be seen. */
  readonly pid: number | null;
  /** That of Redis if there is none. */
  readonly protocol?: Protocol;
}

/** Runs a phase on a server and measures it: the server's CPU is read right before and right after. */
export async function measureRound(
  server: MeasuredServer,
  generator: LoadGenerator,
  phase: Phase,
): Promise<Round> {
  const flexBefore = await readFlex(server.control);
  const before = server.pid === null ? null : readProcessStatistics(server.pid);
  const outcome = await generator.run(phase);
  const after = server.pid === null ? null : readProcessStatistics(server.pid);
  const flexAfter = await readFlex(server.control);
  const perOperation = (from: number, to: number): number => (to - from) / Math.max(1, outcome.replies);
  return {
    operations: outcome.replies,
    seconds: outcome.seconds,
    operationsPerSecond: outcome.replies / outcome.seconds,
    latency: latencyOf(outcome),
    cpuUsPerOperation: before && after && perOperation(before.cpuUs, after.cpuUs),
    mainThreadCpuUsPerOperation:
      before && after && perOperation(before.mainThreadCpuUs, after.mainThreadCpuUs),
    anonymousBytes: after?.anonymousBytes ?? null,
    residentBytes: after?.residentBytes ?? null,
    errors: outcome.errors,
    lastError: outcome.lastError,
    misses: outcome.misses,
    mismatches: outcome.mismatches,
    unsent: outcome.unsent,
    generatorCpuShare: outcome.generatorCpuShare,
    flex: changes(flexBefore, flexAfter),
  };
}

function latencyOf({ latencies }: PhaseOutcome): Latency {
  // The histogram answers with the upper end of a bucket, which may lie above the largest value.
  const at = (percentile: number): number =>
    Math.min(latencies.maxValue, latencies.getValueAtPercentile(percentile));
  return { p50: at(50), p95: at(95), p99: at(99), p999: at(99.9), max: latencies.maxValue };
}

/** The numeric fields of `INFO flex`; none for a server without a tier. */
export async function readFlex(control: MeasuredServer['control']): Promise<Map<string, number>> {
  const numbers = new Map<string, number>();
  for (const [name, text] of await control.info('flex')) {
    if (/^-?\d+(\.\d+)?$/.test(text)) numbers.set(name, Number(text));
  }
  return numbers;
}

function changes(before: Map<string, number>, after: Map<string, number>): Record<string, FlexChange> {
  const changed: Record<string, FlexChange> = {};
  for (const [name, value] of after) {
    const change = value - (before.get(name) ?? 0);
    if (change !== 0) changed[name] = { change, after: value };
  }
  return changed;
}

/** Commands under way on each connection while keys are loaded or read back. */
const BULK_PIPELINE = 32;
const BULK_CLIENTS = 8;

export interface BulkOptions {
  readonly values: Values;
  /** Where to start; 0 if not given. */
  readonly firstKey?: number;
  readonly keyCount: number;
  readonly signal?: AbortSignal;
  /** The title of a progress bar on standard error; it shows on a terminal only. */
  readonly title: string;
}

/** Sets each of the keys once, in ascending order. Rejects on the first phase with an error reply, and says which. */
export async function loadKeys(server: MeasuredServer, options: BulkOptions): Promise<Round> {
  return bulkRound(server, options, 0);
}

/** Reads each of the keys once, in ascending order, and checks each value. The caller looks at misses and mismatches. */
export async function readBackKeys(server: MeasuredServer, options: BulkOptions): Promise<Round> {
  return bulkRound(server, options, 1);
}

async function bulkRound(server: MeasuredServer, options: BulkOptions, readRatio: 0 | 1): Promise<Round> {
  const { values, firstKey = 0, keyCount, title, signal } = options;
  const bar = new SingleBar({
    format: `${title} [{bar}] {percentage} % {value}/{total} keys, {eta_formatted} left`,
  });
  const { address, protocol = RESP } = server;
  const generator = await LoadGenerator.connect(address, values, BULK_CLIENTS, BULK_PIPELINE, protocol);
  bar.start(keyCount, 0);
  try {
    const round = await measureRound(server, generator, {
      workload: new PatternWorkload(new SequentialPattern(keyCount, firstKey), new Random(1), readRatio),
      pacing: new ClosedLoop({ operations: keyCount, durationMs: Infinity }),
      pipeline: BULK_PIPELINE,
      verify: readRatio === 1,
      ...(signal && { signal }),
      onProgress: (replies) => bar.update(replies),
    });
    if (round.errors > 0) {
      throw new Error(`${title}: ${round.errors} of ${round.operations} commands failed: ${round.lastError}`);
    }
    return round;
  } finally {
    bar.stop();
    generator.close();
  }
}

/** Reads a pattern's keys `count` times without measuring, so that what follows finds them hot. */
export async function warmUp(
  generator: LoadGenerator,
  pattern: KeyPattern,
  count: number,
  pipeline: number,
): Promise<void> {
  await generator.run({
    workload: new PatternWorkload(pattern, new Random(1), 1),
    pacing: new ClosedLoop({ operations: count, durationMs: Infinity }),
    pipeline,
    verify: false,
  });
}
