import { spawnSync } from 'node:child_process';
import { describeEnvironment } from './environment.ts';
import type { KnownServers } from './known-servers.ts';
import { comparePolicies } from './policy/compare.ts';
import { reportPage } from './report-page.ts';
import { measureReport } from './report-page-measure.ts';
import { splitWords } from './server-process.ts';

export interface ReportRequest extends KnownServers {
  readonly memcached: string;
  readonly ramBytes: number;
  readonly valueBytes: number;
  readonly rate: number;
  readonly ramPrice: number;
  readonly ssdPrice: number;
  readonly withPolicies: boolean;
  readonly isQuick: boolean;
  log(line: string): void;
}

/** What a whole report and a quick one take. */
const FULL = {
  factors: [2, 5, 10, 50],
  memcachedFactors: [2, 5, 10],
  rounds: 5,
  operations: 200_000,
  latencySeconds: 20,
  policyKeys: 100_000,
};
const QUICK = {
  factors: [2, 5],
  memcachedFactors: [2],
  rounds: 1,
  operations: 10_000,
  latencySeconds: 1,
  policyKeys: 2000,
};
const QUICK_RAM_BYTES = 32 * 2 ** 20;

/** Measures the servers and makes the page. Rejects if not a single one could be measured. */
export async function makeReport(request: ReportRequest): Promise<{ html: string; json: object }> {
  const { isQuick, withPolicies, log } = request;
  const size = isQuick ? QUICK : FULL;
  const ramBytes = isQuick ? Math.min(QUICK_RAM_BYTES, request.ramBytes) : request.ramBytes;
  const measurement = await measureReport({ ...request, ...size, ramBytes });
  if (measurement.contenders.length === 0)
    throw new Error(`no server could be measured\n${measurement.remarks.join('\n')}`);
  const policies = withPolicies
    ? comparePolicies(size.policyKeys, ({ trace, ramShare }) => log(`${trace}, ${ramShare * 100} % in RAM`))
    : [];
  const html = reportPage({
    ...request,
    ...size,
    ramBytes,
    measurement,
    policies,
    environment: describeEnvironment(),
    redisVersion: redisVersion(request.redis),
  });
  return { html, json: { isQuick, ramBytes, ...measurement, policies } };
}

function redisVersion(commandLine: string): string {
  const [program, ...words] = splitWords(commandLine);
  const { stdout } = spawnSync(program, [...words, '--version'], { encoding: 'utf8' });
  return /\bv=(\S+)/.exec(stdout ?? '')?.[1] ?? 'of an unknown version';
}
