import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ZipfianPattern } from './key-patterns.ts';
import { KEY_BYTES } from './keys.ts';
import { type KnownServers, startInMemory, startRedis, startTiered } from './known-servers.ts';
import { LoadGenerator } from './load-generator.ts';
import { loadKeys, type MeasuredServer, measureRound, type Round, warmUp } from './measurement.ts';
import { memcachedVersion, startMemcached } from './memcached-server.ts';
import { limitMemory, type MemoryGroup } from './memory-group.ts';
import { ClosedLoop, OpenLoop } from './pacing.ts';
import { settledAnonymousBytes } from './process-statistics.ts';
import { Random } from './random.ts';
import type { LocalServer } from './server-process.ts';
import { median } from './statistics.ts';
import { formatNumber } from './table.ts';
import { SizeDistribution, Values } from './values.ts';
import { PatternWorkload } from './workload.ts';

/** Commands under way on each connection while throughput is measured. */
export const PIPELINES = [1, 16] as const;
export const CLIENTS = 50;
export const READ_RATIO = 0.9;
export const THETA = 0.99;
/** Data that is all in RAM, as a share of the RAM budget of the others. */
export const ALL_HOT_SHARE = 0.5;
/** What a server in a memory group may have beyond its budget: its own memory and some page cache. */
const GROUP_ALLOWANCE_BYTES = 96 * 2 ** 20;
const GROUP_ALLOWANCE_SHARE = 0.25;
/** What the file of memcached may have beyond the data. */
const FILE_ALLOWANCE = 1.6;
const SEED = 1;

export interface ReportOptions extends KnownServers {
  /** How to start memcached, without its options. */
  readonly memcached: string;
  readonly ramBytes: number;
  readonly valueBytes: number;
  /** Sizes of the data in RAM budgets, for Thermocline and for memcached. */
  readonly factors: readonly number[];
  readonly memcachedFactors: readonly number[];
  readonly rounds: number;
  /** Operations of a round of throughput. */
  readonly operations: number;
  /** Operations a second at which latency is measured, and how long. */
  readonly rate: number;
  readonly latencySeconds: number;
  log(line: string): void;
}

/** What was measured of one server with one size of data. */
export interface Contender {
  readonly name: string;
  /** Keys and bytes of keys and values that were set, and keys that the server has at the end. */
  readonly keyCount: number;
  readonly dataBytes: number;
  readonly keptCount: number;
  /** Anonymous memory after the load, less that of the empty server; and bytes of its files. */
  readonly ramBytes: number;
  readonly ssdBytes: number;
  /** By {@link PIPELINES}: medians of the rounds. */
  readonly operationsPerSecond: readonly number[];
  readonly cpuUsPerOperation: readonly number[];
  /** Microseconds at the fixed rate; and operations that were due and not sent. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly p999: number };
  readonly unsent: number;
  /** Share of the reads that found their key, and of those that did, of the ones that found it in RAM; NaN where that is not told. */
  readonly foundShare: number;
  readonly ramHitShare: number;
  /** Limit on memory and page cache together, and how much page cache there was at the end; null for none. */
  readonly groupBytes: number | null;
  readonly cachedBytes: number | null;
}

export interface ReportMeasurement {
  readonly contenders: readonly Contender[];
  /** What could not be measured, and why. */
  readonly remarks: readonly string[];
  readonly memcachedVersion: string | undefined;
}

interface Plan {
  readonly name: string;
  readonly dataBytes: number;
  readonly groupBytes: number | null;
  start(): Promise<StartedServer>;
}

interface StartedServer extends MeasuredServer, Pick<LocalServer, 'folder' | 'stop'> {
  readonly pid: number;
  countKeys(): Promise<number>;
}

/** A server that speaks RESP. */
async function withCount(started: Promise<LocalServer>): Promise<StartedServer> {
  const server = await started;
  return { ...server, countKeys: async () => Number(await server.control.command('DBSIZE')) };
}

/** Measures the servers one after the other, each with its own data. One that fails leaves a remark. */
export async function measureReport(options: ReportOptions): Promise<ReportMeasurement> {
  const version = memcachedVersion(options.memcached);
  const remarks: string[] = [];
  if (version === undefined)
    remarks.push(`memcached is left out: '${options.memcached}' could not be started.`);
  const contenders: Contender[] = [];
  for (const plan of plansOf(options, version !== undefined)) {
    options.log(`${plan.name}: ${formatNumber(plan.dataBytes / 1e6)} MB of data`);
    try {
      contenders.push(await measure(plan, options, remarks));
    } catch (error) {
      const reason = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0];
      remarks.push(`${plan.name} was not measured: ${reason}`);
      options.log(`${plan.name}: ${reason}`);
    }
  }
  return { contenders, remarks: [...new Set(remarks)], memcachedVersion: version };
}

function plansOf(options: ReportOptions, hasMemcached: boolean): Plan[] {
  const { ramBytes, factors, memcachedFactors, memcached } = options;
  const allHotBytes = ramBytes * ALL_HOT_SHARE;
  const groupBytes = ramBytes * (1 + GROUP_ALLOWANCE_SHARE) + GROUP_ALLOWANCE_BYTES;
  const plans: Plan[] = [
    {
      name: 'redis-server, in RAM',
      dataBytes: allHotBytes,
      groupBytes: null,
      start: () => withCount(startRedis(options)),
    },
    {
      name: 'Thermocline, in RAM',
      dataBytes: allHotBytes,
      groupBytes: null,
      start: () => withCount(startInMemory(options)),
    },
  ];
  for (const factor of factors)
    plans.push({
      name: `Thermocline, ${factor} × RAM`,
      dataBytes: ramBytes * factor,
      groupBytes,
      start: () => withCount(startTiered(options, ramBytes)),
    });
  for (const factor of hasMemcached ? memcachedFactors : [])
    plans.push({
      name: `memcached extstore, ${factor} × RAM`,
      dataBytes: ramBytes * factor,
      groupBytes,
      start: () => startMemcached(memcached, 'memcached', ramBytes, ramBytes * factor * FILE_ALLOWANCE),
    });
  return plans;
}

async function measure(plan: Plan, options: ReportOptions, remarks: string[]): Promise<Contender> {
  const { valueBytes, rounds, operations, rate, latencySeconds } = options;
  const values = new Values(new SizeDistribution(String(valueBytes)), false);
  const keyCount = Math.floor(plan.dataBytes / (KEY_BYTES + valueBytes));
  const server = await plan.start();
  let group: MemoryGroup | null = null;
  let generator: LoadGenerator | null = null;
  try {
    if (plan.groupBytes !== null) {
      const limited = limitMemory(server.pid, plan.groupBytes);
      if (typeof limited === 'string') remarks.push(`The page cache was not limited: ${limited}.`);
      else group = limited;
    }
    const emptyBytes = await settledAnonymousBytes(server.pid);
    await loadKeys(server, { values, keyCount, title: `load ${plan.name}` });
    const pipelineMax = Math.max(...PIPELINES);
    generator = await LoadGenerator.connect(server.address, values, CLIENTS, pipelineMax, server.protocol);
    const random = new Random(SEED);
    const pattern = new ZipfianPattern(random, keyCount, THETA);
    const workload = new PatternWorkload(pattern, random, READ_RATIO);
    await warmUp(generator, pattern, Math.min(keyCount, operations * rounds), pipelineMax);
    const measured: Round[][] = [];
    for (const pipeline of PIPELINES) {
      const ofPipeline: Round[] = [];
      for (let round = 0; round < rounds; round++) {
        const pacing = new ClosedLoop({ operations, durationMs: Number.POSITIVE_INFINITY });
        ofPipeline.push(await measureRound(server, generator, { workload, pacing, pipeline, verify: true }));
      }
      measured.push(ofPipeline);
    }
    const pacing = new OpenLoop(
      { operations: Number.POSITIVE_INFINITY, durationMs: latencySeconds * 1000 },
      rate,
    );
    const paced = await measureRound(server, generator, { workload, pacing, pipeline: 1, verify: true });
    const all = [...measured.flat(), paced];
    const wrong = all.reduce((sum, { errors, mismatches }) => sum + errors + mismatches, 0);
    if (wrong > 0)
      throw new Error(
        `${wrong} errors or wrong values, such as: ${all.find(({ errors }) => errors > 0)?.lastError}`,
      );
    const sum = (field: (round: Round) => number) => all.reduce((total, round) => total + field(round), 0);
    const hotHits = sum(({ flex }) => flex.flex_hot_hits?.change ?? 0);
    const coldHits = sum(({ flex }) => flex.flex_cold_hits?.change ?? 0);
    return {
      name: plan.name,
      keyCount,
      dataBytes: keyCount * (KEY_BYTES + valueBytes),
      keptCount: await server.countKeys(),
      ramBytes: (await settledAnonymousBytes(server.pid)) - emptyBytes,
      ssdBytes: plan.groupBytes === null ? 0 : fileBytes(server.folder),
      operationsPerSecond: measured.map((some) => median(some.map((round) => round.operationsPerSecond))),
      cpuUsPerOperation: measured.map((some) =>
        median(some.map((round) => round.cpuUsPerOperation ?? Number.NaN)),
      ),
      latency: paced.latency,
      unsent: paced.unsent,
      foundShare: 1 - sum(({ misses }) => misses) / (READ_RATIO * sum((round) => round.operations)),
      ramHitShare:
        plan.groupBytes === null ? 1 : hotHits + coldHits === 0 ? Number.NaN : hotHits / (hotHits + coldHits),
      groupBytes: group?.limitBytes ?? null,
      cachedBytes: group?.cachedBytes() ?? null,
    };
  } finally {
    generator?.close();
    await server.stop();
    group?.remove();
  }
}

/** Bytes that the files in a folder take on the device. */
function fileBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }) as Dirent[]) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512;
  }
  return bytes;
}
