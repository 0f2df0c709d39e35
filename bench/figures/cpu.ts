import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UniformPattern } from '../key-patterns.ts';
import { startInMemory, startRedis } from '../known-servers.ts';
import { LoadGenerator } from '../load-generator.ts';
import { loadKeys, measureRound } from '../measurement.ts';
import { ClosedLoop } from '../pacing.ts';
import { readProcessStatistics } from '../process-statistics.ts';
import { Random } from '../random.ts';
import type { LocalServer } from '../server-process.ts';
import { median, medianRatio } from '../statistics.ts';
import { formatNumber } from '../table.ts';
import { SizeDistribution, Values } from '../values.ts';
import { PatternWorkload } from '../workload.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';

const execute = promisify(execFile);

const KEYS = 1_000_000;
const CLIENTS = 50;
const PAIRS = 5;
const CASES = [
  { pipeline: 1, ratioMax: 1.25, operations: 300_000 },
  { pipeline: 16, ratioMax: 1.15, operations: 1_500_000 },
  { pipeline: 64, ratioMax: 1, operations: 3_000_000 },
] as const;

/**
 * Server CPU per GET and SET of 100 B values against redis-server: five pairs of neighbouring runs. The load comes
 * from redis-benchmark, as in the design's first figures, or from this program where that is not installed.
 */
export const cpu: Figure = {
  name: 'cpu',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const values = new Values(new SizeDistribution('100'), false);
    const keyCount = context.quick ? KEYS / 10 : KEYS;
    const load = (await hasRedisBenchmark()) ? loadByRedisBenchmark : loadByGenerator;
    const redis = await startRedis(context);
    try {
      const thermocline = await startInMemory(context);
      try {
        for (const server of [redis, thermocline])
          await loadKeys(server, { values, keyCount, title: `load ${server.name}` });
        for (const { pipeline, ratioMax, operations } of CASES) {
          for (const command of ['GET', 'SET'] as const) {
            context.log(
              `cpu: ${command}, pipeline ${pipeline}, ${load === loadByRedisBenchmark ? 'redis-benchmark' : 'own generator'}`,
            );
            const count = context.quick ? operations / 10 : operations;
            const own: number[] = [];
            const other: number[] = [];
            for (let pair = 0; pair < PAIRS; pair++) {
              other.push(await cpuPerOperation(redis, load, { command, pipeline, count, keyCount, values }));
              own.push(
                await cpuPerOperation(thermocline, load, { command, pipeline, count, keyCount, values }),
              );
            }
            const ratio = medianRatio(own, other);
            yield {
              what: `CPU per ${command}, 100 B, ${CLIENTS} clients, pipeline ${pipeline}`,
              measured: `${formatNumber(median(own))} µs = ${formatNumber(ratio)} × redis`,
              redis: `${formatNumber(median(other))} µs`,
              goal: `≤ ${ratioMax} × redis`,
              isMet: ratio <= ratioMax,
              numbers: { ratio, thermoclineUs: own, redisUs: other },
            };
          }
        }
      } finally {
        await thermocline.stop();
      }
    } finally {
      await redis.stop();
    }
  },
};

interface Load {
  readonly command: 'GET' | 'SET';
  readonly pipeline: number;
  readonly count: number;
  readonly keyCount: number;
  readonly values: Values;
}

type RunLoad = (server: LocalServer, load: Load) => Promise<void>;

/** Microseconds of CPU, all threads, for each operation. */
export async function cpuPerOperation(server: LocalServer, run: RunLoad, load: Load): Promise<number> {
  const before = readProcessStatistics(server.pid).cpuUs;
  await run(server, load);
  return (readProcessStatistics(server.pid).cpuUs - before) / load.count;
}

export async function loadByRedisBenchmark(server: LocalServer, load: Load): Promise<void> {
  const words = ['-h', server.address.host, '-p', server.address.port, '-c', CLIENTS, '-P', load.pipeline];
  words.push('-r', load.keyCount, '-d', 100, '-n', load.count, '-t', load.command.toLowerCase(), '-q');
  await execute('redis-benchmark', words.map(String));
}

export async function loadByGenerator(server: LocalServer, load: Load): Promise<void> {
  const generator = await LoadGenerator.connect(server.address, load.values, CLIENTS, load.pipeline);
  try {
    const random = new Random(1);
    await measureRound(server, generator, {
      workload: new PatternWorkload(
        new UniformPattern(random, load.keyCount),
        random,
        load.command === 'GET' ? 1 : 0,
      ),
      pacing: new ClosedLoop({ operations: load.count, durationMs: Infinity }),
      pipeline: load.pipeline,
      verify: false,
    });
  } finally {
    generator.close();
  }
}

export async function hasRedisBenchmark(): Promise<boolean> {
  try {
    await execute('redis-benchmark', ['--version']);
    return true;
  } catch {
    return false;
  }
}
