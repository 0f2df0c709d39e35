import type { Address } from './client.ts';
import { type KeyPattern, keyPattern, Permutation, SequentialPattern } from './key-patterns.ts';
import { LoadGenerator } from './load-generator.ts';
import { loadKeys, measureRound, type Round, warmUp } from './measurement.ts';
import { ClosedLoop, OpenLoop, type PhaseLimit } from './pacing.ts';
import { Random } from './random.ts';
import { attachServer, type Server, type ServerCommand, startServer } from './server-process.ts';
import { SizeDistribution, Values } from './values.ts';
import { KeyDomains, PatternWorkload } from './workload.ts';

export const PHASE_NAMES = ['hot', 'mixed', 'cold'] as const;
export type PhaseName = (typeof PHASE_NAMES)[number];

export interface RunOptions {
  /** Servers to start, or the address of one that runs. */
  readonly servers: readonly ServerCommand[] | Address;
  readonly keyCount: number;
  /** Operations and time of each round; Infinity for no limit. */
  readonly limit: PhaseLimit;
  readonly keyPattern: string;
  readonly valueSize: string;
  readonly readRatio: number;
  readonly clients: number;
  readonly pipeline: number;
  /** Operations per second of an open loop; null for a closed loop. */
  readonly rate: number | null;
  readonly load: boolean;
  /** Empty: one phase over all keys. */
  readonly phases: readonly PhaseName[];
  readonly hotKeys: number;
  readonly compressible: boolean;
  readonly verify: boolean;
  readonly rounds: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Everything measured in one phase: for each server its rounds, in the order of measuring. */
export interface PhaseReport {
  readonly name: string;
  readonly servers: readonly { readonly name: string; readonly rounds: readonly Round[] }[];
}

/** A server with its connections and its place in the workload. */
interface Target {
  readonly server: Server;
  readonly generator: LoadGenerator;
}

/**
 * Runs a benchmark. With several servers, the rounds alternate between them (A B A B …), so that noise of the machine
 * meets all of them alike and ratios can be taken of neighbours; each server sees the same operations.
 */
export async function run(options: RunOptions, report: (phase: PhaseReport) => void): Promise<PhaseReport[]> {
  const values = new Values(new SizeDistribution(options.valueSize), options.compressible);
  const domains = new KeyDomains(options.keyCount, options.hotKeys, options.phases.includes('cold'));
  const servers: Server[] = [];
  const targets: Target[] = [];
  try {
    await openServers(options.servers, servers);
    const reports: PhaseReport[] = [];
    const keep = (phase: PhaseReport): void => {
      reports.push(phase);
      report(phase);
    };
    if (options.load) keep(await loadServers(options, values, servers));
    for (const server of servers) {
      const generator = await LoadGenerator.connect(
        server.address,
        values,
        options.clients,
        options.pipeline,
      );
      targets.push({ server, generator });
    }
    for (const phase of options.phases.length === 0 ? (['run'] as const) : options.phases) {
      if (!options.signal.aborted) keep(await runPhase(options, phase, domains, targets));
    }
    return reports;
  } finally {
    for (const target of targets) target.generator.close();
    for (const server of servers) await server.stop();
  }
}

/** Fills `servers` one by one, so that the caller can stop those that started when a later one fails. */
async function openServers(wanted: readonly ServerCommand[] | Address, servers: Server[]): Promise<void> {
  if ('host' in wanted) {
    servers.push(await attachServer(`${wanted.host}:${wanted.port}`, wanted));
    return;
  }
  for (const command of wanted) servers.push(await startServer(command));
}

async function loadServers(
  { keyCount, signal }: RunOptions,
  values: Values,
  servers: readonly Server[],
): Promise<PhaseReport> {
  const loaded: { name: string; rounds: Round[] }[] = [];
  for (const server of servers) {
    const round = await loadKeys(server, { values, keyCount, signal, title: `load ${server.name}` });
    loaded.push({ name: server.name, rounds: [round] });
  }
  return { name: 'load', servers: loaded };
}

async function runPhase(
  options: RunOptions,
  phase: PhaseName | 'run',
  domains: KeyDomains,
  targets: readonly Target[],
): Promise<PhaseReport> {
  const readRatio = phase === 'cold' ? 1 : options.readRatio;
  const operationsMax = phase === 'cold' ? Math.floor(domains.reserveCount / options.rounds) : Infinity;
  if (operationsMax === 0) throw new Error('the cold phase has no keys: raise --keys or lower --hot-keys');
  const limit = {
    operations: Math.min(options.limit.operations, operationsMax),
    durationMs: options.limit.durationMs,
  };
  const results = targets.map((target) => ({ name: target.server.name, rounds: [] as Round[] }));
  const workloads = targets.map(() => {
    const random = new Random(options.seed);
    return new PatternWorkload(patternOf(options, phase, domains, random), random, readRatio);
  });
  if (phase === 'hot') {
    for (const target of targets) {
      // Two touches earn a promotion.
      const pattern = new SequentialPattern(domains.hotCount);
      await warmUp(target.generator, pattern, domains.hotCount * 2, options.pipeline);
    }
  }
  for (let round = 0; round < options.rounds && !options.signal.aborted; round++) {
    for (const [index, target] of targets.entries()) {
      const measured = await measureRound(target.server, target.generator, {
        workload: workloads[index],
        pacing: options.rate === null ? new ClosedLoop(limit) : new OpenLoop(limit, options.rate),
        pipeline: options.pipeline,
        verify: options.verify,
        signal: options.signal,
      });
      results[index].rounds.push(measured);
    }
  }
  return { name: phase, servers: results };
}

function patternOf(
  options: RunOptions,
  phase: PhaseName | 'run',
  domains: KeyDomains,
  random: Random,
): KeyPattern {
  switch (phase) {
    case 'hot':
      return keyPattern(options.keyPattern, random, domains.hotCount);
    case 'mixed':
      return domains.mixed(keyPattern(options.keyPattern, random, domains.mixedCount));
    case 'cold':
      return domains.cold(new Permutation(domains.reserveCount));
    case 'run':
      return keyPattern(options.keyPattern, random, domains.keyCount);
  }
}
