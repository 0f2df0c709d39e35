import type { Round } from './measurement.ts';
import type { PhaseReport } from './run.ts';
import { median, medianRatio } from './statistics.ts';
import { formatMebibytes, formatMicroseconds, formatNumber, terminalTable } from './table.ts';

const HEAD = ['server', 'op/s', 'p50', 'p95', 'p99', 'p99.9', 'max', 'CPU µs/op', 'anonymous', 'resident'];

/** The figures of a phase as text: the medians of each server's rounds, ratios to the first server, remarks. */
export function phaseText(phase: PhaseReport): string {
  const lines = [
    '',
    `${phase.name}: ${formatNumber(phase.servers[0].rounds[0]?.operations ?? 0)} operations a round, ${phase.servers[0].rounds.length} round(s)`,
    terminalTable(
      HEAD,
      phase.servers.map((server) => row(server.name, server.rounds)),
    ),
    ...ratioLines(phase),
  ];
  for (const server of phase.servers) lines.push(...remarks(server.name, server.rounds));
  return lines.join('\n');
}

/** A phase for JSON: every round, and the medians that the table shows. */
export function phaseJson(phase: PhaseReport): object {
  return {
    name: phase.name,
    servers: phase.servers.map((server) => ({
      name: server.name,
      medians: medians(server.rounds),
      rounds: server.rounds,
    })),
  };
}

interface Medians {
  readonly operationsPerSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly cpuUsPerOperation: number | null;
  readonly anonymousBytes: number | null;
  readonly residentBytes: number | null;
}

function medians(rounds: readonly Round[]): Medians {
  const of = (field: (round: Round) => number): number => median(rounds.map(field));
  const ofSeen = (field: (round: Round) => number | null): number | null => {
    const seen = rounds.map(field).filter((value) => value !== null);
    return seen.length === 0 ? null : median(seen);
  };
  return {
    operationsPerSecond: of((round) => round.operationsPerSecond),
    p50: of((round) => round.latency.p50),
    p95: of((round) => round.latency.p95),
    p99: of((round) => round.latency.p99),
    p999: of((round) => round.latency.p999),
    max: Math.max(...rounds.map((round) => round.latency.max)),
    cpuUsPerOperation: ofSeen((round) => round.cpuUsPerOperation),
    anonymousBytes: ofSeen((round) => round.anonymousBytes),
    residentBytes: ofSeen((round) => round.residentBytes),
  };
}

function row(name: string, rounds: readonly Round[]): string[] {
  const values = medians(rounds);
  const latencies = [values.p50, values.p95, values.p99, values.p999, values.max];
  return [
    name,
    formatNumber(Math.round(values.operationsPerSecond)),
    ...latencies.map(formatMicroseconds),
    values.cpuUsPerOperation === null ? '–' : formatNumber(values.cpuUsPerOperation),
    values.anonymousBytes === null ? '–' : formatMebibytes(values.anonymousBytes),
    values.residentBytes === null ? '–' : formatMebibytes(values.residentBytes),
  ];
}

/** Medians of the ratios of neighbouring rounds, each server against the first. */
function ratioLines(phase: PhaseReport): string[] {
  const [first, ...others] = phase.servers;
  return others.map((other) => {
    const ratio = (field: (round: Round) => number): string =>
      formatNumber(
        medianRatio(other.rounds.map(field), first.rounds.slice(0, other.rounds.length).map(field)),
      );
    return (
      `${other.name} against ${first.name}, median of ${other.rounds.length} pair(s): ` +
      `op/s × ${ratio((round) => round.operationsPerSecond)}, ` +
      `p99 × ${ratio((round) => round.latency.p99)}, ` +
      `CPU/op × ${ratio((round) => round.cpuUsPerOperation ?? Number.NaN)}`
    );
  });
}

/** What a reader must know before believing the figures, and what the tier did. */
function remarks(name: string, rounds: readonly Round[]): string[] {
  const sum = (field: (round: Round) => number): number =>
    rounds.reduce((total, round) => total + field(round), 0);
  const lines: string[] = [];
  const errors = sum((round) => round.errors);
  if (errors > 0)
    lines.push(
      `${name}: ${errors} error replies, such as: ${rounds.find((round) => round.errors > 0)?.lastError}`,
    );
  const misses = sum((round) => round.misses);
  if (misses > 0) lines.push(`${name}: ${misses} reads found no key`);
  const mismatches = sum((round) => round.mismatches);
  if (mismatches > 0) lines.push(`${name}: ${mismatches} WRONG VALUES`);
  const unsent = sum((round) => round.unsent);
  if (unsent > 0)
    lines.push(
      `${name}: ${unsent} operations were due and not sent: the server does not keep up with the rate`,
    );
  const flex = new Map<string, number>();
  for (const round of rounds) {
    for (const [field, { change }] of Object.entries(round.flex))
      flex.set(field, (flex.get(field) ?? 0) + change);
  }
  if (flex.size > 0) {
    const changes = [...flex].map(
      ([field, change]) => `${field} ${change > 0 ? '+' : ''}${formatNumber(change)}`,
    );
    lines.push(`${name}, changes of INFO flex: ${changes.join(', ')}`);
  }
  return lines;
}
