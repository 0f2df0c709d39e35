import { describeEnvironment } from './environment.ts';
import { type KeyPattern, Permutation, UniformPattern } from './key-patterns.ts';
import { KEY_BYTES } from './keys.ts';
import { type KnownServers, startInMemory, startRedis, startTiered } from './known-servers.ts';
import { LoadGenerator } from './load-generator.ts';
import { loadKeys, measureRound, type Round } from './measurement.ts';
import { ClosedLoop } from './pacing.ts';
import { settledAnonymousBytes } from './process-statistics.ts';
import { Random } from './random.ts';
import { phaseJson } from './report.ts';
import type { LocalServer } from './server-process.ts';
import { median } from './statistics.ts';
import { formatMicroseconds, formatNumber, terminalTable } from './table.ts';
import { SizeDistribution, Values } from './values.ts';
import { PatternWorkload } from './workload.ts';

const VALUE_BYTES = 1000;
const ROUNDS = 5;
const CLIENTS = 50;
const PIPELINES = [1, 16] as const;
/** The data is so many times the SSD tier's maxmemory. */
const DATA_PER_MAXMEMORY = 10;
/** Keys of the SSD tier that are read, each once: the first ones loaded, which have left RAM. */
const COLD_SHARE = 0.8;

interface Contender {
  readonly server: LocalServer;
  readonly patterns: readonly KeyPattern[];
  anonymousGrowth: number;
}

/** What `thermocline-bench headline` shows. */
export interface Headline {
  readonly text: string;
  readonly json: object;
}

/**
 * The one comparison that says what the project is for: GET on the RAM tier with all keys hot, on the SSD tier with
 * ten times its RAM and only keys never read before, and on redis-server, in alternating rounds.
 */
export async function runHeadline(servers: KnownServers, keyCount: number): Promise<Headline> {
  const values = new Values(new SizeDistribution(String(VALUE_BYTES)), false);
  const dataBytes = keyCount * (KEY_BYTES + VALUE_BYTES);
  const coldCount = Math.floor(keyCount * COLD_SHARE);
  const operations = Math.floor(coldCount / (ROUNDS * PIPELINES.length));
  const contenders: Contender[] = [];
  const uniform = () => PIPELINES.map(() => new UniformPattern(new Random(1), keyCount));
  try {
    contenders.push({
      server: await startInMemory(servers, 'RAM tier'),
      patterns: uniform(),
      anonymousGrowth: 0,
    });
    const cold = new Permutation(coldCount);
    contenders.push({
      server: await startTiered(servers, dataBytes / DATA_PER_MAXMEMORY, 'SSD tier'),
      patterns: PIPELINES.map(() => cold),
      anonymousGrowth: 0,
    });
    contenders.push({ server: await startRedis(servers), patterns: uniform(), anonymousGrowth: 0 });
    for (const contender of contenders) {
      const { server } = contender;
      const emptyBytes = await settledAnonymousBytes(server.pid);
      await loadKeys(server, { values, keyCount, title: `load ${server.name}` });
      contender.anonymousGrowth = (await settledAnonymousBytes(server.pid)) - emptyBytes;
    }
    const phases = [];
    for (const [index, pipeline] of PIPELINES.entries()) {
      phases.push({ pipeline, servers: await alternate(contenders, values, index, pipeline, operations) });
    }
    const rows = phases.flatMap(({ pipeline, servers: measured }) =>
      measured.map(({ name, rounds }, index) =>
        row(name, pipeline, rounds, contenders[index].anonymousGrowth, dataBytes),
      ),
    );
    const environment = describeEnvironment();
    const text = [
      `${formatNumber(keyCount)} keys of ${formatNumber(VALUE_BYTES)} B (${formatNumber(dataBytes / 1e6)} MB), GET with ${CLIENTS} clients, medians of ${ROUNDS} alternating rounds of ${formatNumber(operations)} operations.`,
      `RAM tier: every key in RAM. SSD tier: maxmemory a tenth of the data, each key read for the first time (the kernel may hold the file in its page cache).`,
      `commit ${environment.commit}, ${environment.machine}, node ${environment.node}, ${environment.date}`,
      '',
      terminalTable(HEAD, rows),
    ].join('\n');
    const json = {
      keyCount,
      dataBytes,
      anonymousGrowth: Object.fromEntries(
        contenders.map(({ server, anonymousGrowth }) => [server.name, anonymousGrowth]),
      ),
      phases: phases.map(({ pipeline, servers: measured }) =>
        phaseJson({ name: `pipeline ${pipeline}`, servers: measured }),
      ),
    };
    return { text, json };
  } finally {
    for (const { server } of contenders) await server.stop();
  }
}

async function alternate(
  contenders: readonly Contender[],
  values: Values,
  patternIndex: number,
  pipeline: number,
  operations: number,
): Promise<{ name: string; rounds: Round[] }[]> {
  const generators: LoadGenerator[] = [];
  const results = contenders.map(({ server }) => ({ name: server.name, rounds: [] as Round[] }));
  try {
    for (const { server } of contenders) {
      generators.push(await LoadGenerator.connect(server.address, values, CLIENTS, pipeline));
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, { server, patterns }] of contenders.entries()) {
        const measured = await measureRound(server, generators[index], {
          workload: new PatternWorkload(patterns[patternIndex], new Random(1), 1),
          pacing: new ClosedLoop({ operations, durationMs: Infinity }),
          pipeline,
          verify: true,
        });
        if (measured.errors + measured.misses + measured.mismatches > 0) {
          throw new Error(
            `${server.name}: ${measured.errors} errors, ${measured.misses} misses, ${measured.mismatches} wrong values ${measured.lastError}`,
          );
        }
        results[index].rounds.push(measured);
      }
    }
    return results;
  } finally {
    for (const generator of generators) generator.close();
  }
}

const HEAD = ['server', 'pipeline', 'GET/s', 'p50', 'p99', 'p99.9', 'CPU µs/GET', 'RAM for 1 GB of data'];

function row(
  name: string,
  pipeline: number,
  rounds: readonly Round[],
  anonymousGrowth: number,
  dataBytes: number,
): string[] {
  const of = (field: (round: Round) => number): number => median(rounds.map(field));
  return [
    name,
    String(pipeline),
    formatNumber(Math.round(of((round) => round.operationsPerSecond))),
    formatMicroseconds(of((round) => round.latency.p50)),
    formatMicroseconds(of((round) => round.latency.p99)),
    formatMicroseconds(of((round) => round.latency.p999)),
    formatNumber(of((round) => round.cpuUsPerOperation ?? Number.NaN)),
    `${formatNumber(Math.round((anonymousGrowth / dataBytes) * 1000))} MB`,
  ];
}
