import { markdownTable, terminalTable } from '../table.ts';
import { beladyHits } from './belady.ts';
import { Lru, type Policy, RedisSampled, S3Fifo, Sieve, WindowTinyLfu } from './rivals.ts';
import { Tiered } from './tiered.ts';
import { drawTrace, TRACE_SOURCES, type Trace } from './traces.ts';

/** Accesses for each key of a trace; the first third only fills the cache. */
const ACCESSES_PER_KEY = 30;
const WARM_UP_SHARE = 1 / 3;
const SEED = 1;
/** Shares of a trace's keys that fit into RAM. */
export const RAM_SHARES: readonly number[] = [0.01, 0.05, 0.1, 0.2, 0.5];

const POLICIES: readonly {
  readonly name: string;
  readonly make: (capacity: number, keyLimit: number) => Policy;
}[] = [
  { name: 'Thermocline', make: (capacity, keyLimit) => new Tiered(capacity, keyLimit) },
  { name: 'LRU', make: (capacity, keyLimit) => new Lru(capacity, keyLimit) },
  { name: 'Redis LRU', make: (capacity, keyLimit) => new RedisSampled(capacity, keyLimit, false) },
  { name: 'Redis LFU', make: (capacity, keyLimit) => new RedisSampled(capacity, keyLimit, true) },
  { name: 'SIEVE', make: (capacity, keyLimit) => new Sieve(capacity, keyLimit) },
  { name: 'S3-FIFO', make: (capacity, keyLimit) => new S3Fifo(capacity, keyLimit) },
  { name: 'W-TinyLFU', make: (capacity, keyLimit) => new WindowTinyLfu(capacity, keyLimit) },
];

/** Hit ratios in percent of one trace at one RAM size. */
export interface PolicyRow {
  readonly trace: string;
  readonly ramShare: number;
  readonly hitRatios: Readonly<Record<string, number>>;
}

/** Runs every policy over every trace at every RAM size; `progress` is told each row. */
export function comparePolicies(keyCount: number, progress: (row: PolicyRow) => void): PolicyRow[] {
  const rows: PolicyRow[] = [];
  for (const source of TRACE_SOURCES) {
    const trace = drawTrace(source, SEED, keyCount, keyCount * ACCESSES_PER_KEY);
    for (const ramShare of RAM_SHARES) {
      const row = {
        trace: trace.name,
        ramShare,
        hitRatios: hitRatios(trace, Math.floor(keyCount * ramShare)),
      };
      rows.push(row);
      progress(row);
    }
  }
  return rows;
}

function hitRatios(trace: Trace, capacity: number): Record<string, number> {
  const from = Math.floor(trace.keys.length * WARM_UP_SHARE);
  const percent = 100 / (trace.keys.length - from);
  const ratios: Record<string, number> = {};
  for (const { name, make } of POLICIES) {
    ratios[name] = hitsOf(make(capacity, trace.keyLimit), trace.keys, from) * percent;
  }
  ratios.Bélády = beladyHits(trace, capacity, from) * percent;
  return ratios;
}

function hitsOf(policy: Policy, keys: Uint32Array, from: number): number {
  let hits = 0;
  for (let at = 0; at < keys.length; at++) if (policy.access(keys[at]) && at >= from) hits++;
  return hits;
}

/** The rows as a table, for a terminal or in Markdown. */
export function policyTable(rows: readonly PolicyRow[], isMarkdown: boolean): string {
  const names = [...POLICIES.map(({ name }) => name), 'Bélády'];
  const cells = rows.map(({ trace, ramShare, hitRatios: ratios }) => [
    trace,
    `${ramShare * 100} %`,
    ...names.map((name) => ratios[name].toFixed(1)),
  ]);
  return (isMarkdown ? markdownTable : terminalTable)(['trace', 'RAM', ...names], cells);
}
