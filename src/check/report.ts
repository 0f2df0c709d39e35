import type { FileFindings, Findings, KeySummary } from './findings.ts';

const COMMANDS_SHOWN = 10;

/** What was found, for people. */
export function textOf(findings: readonly Findings[]): string {
  return findings.flatMap(linesOf).join('\n');
}

function linesOf(findings: Findings): string[] {
  const { path, kind, files, problems, keys, records, commands } = findings;
  const lines = [`${path}: ${kind}`];
  for (const file of files) lines.push(...fileLines(file));
  for (const problem of problems) lines.push(`  WRONG: ${problem}`);
  if (keys !== null) lines.push(...summaryLines(keys, 'key', 'keys'));
  if (records !== null) lines.push(...summaryLines(records, 'record', 'records, living and dead'));
  if (commands !== null) lines.push(...commandLines(commands));
  const isWhole = problems.length === 0 && files.every((file) => file.problems.length === 0);
  lines.push(isWhole ? '  whole' : '  NOT WHOLE');
  return lines;
}

function fileLines({ name, kind, bytes, facts, problems, fixes }: FileFindings): string[] {
  const told = Object.entries(facts).map(([fact, value]) => `${fact} ${value}`);
  return [
    `  ${name}: ${kind}, ${bytes} bytes${told.length === 0 ? '' : `; ${told.join(', ')}`}`,
    ...fixes.map((fix) => `    put right: ${fix}`),
    ...problems.map((problem) => `    WRONG: ${problem}`),
  ];
}

function summaryLines(summary: KeySummary, one: string, many: string): string[] {
  const lines = [`  ${summary.count} ${many}`];
  const types = Object.entries(summary.types).sort(([, left], [, right]) => right.bytes - left.bytes);
  for (const [type, { count, elements, bytes }] of types)
    lines.push(`    ${type}: ${count}, ${elements} ${elementsOf(type, one)}, ${bytes} bytes`);
  if (summary.largest.length === 0) return lines;
  lines.push(`  largest, as the ${one} is in the file`);
  for (const { database, type, name, elements, bytes } of summary.largest)
    lines.push(
      `    ${bytes} bytes: ${type} ${name} of database ${database}, ${elements} ${elementsOf(type, one)}`,
    );
  return lines;
}

/** Of records what is told is the size of what they hold, for its parts are in records of their own. */
function elementsOf(type: string, one: string): string {
  return one === 'key' && type !== 'string' ? 'elements' : 'bytes of data';
}

function commandLines(commands: Readonly<Record<string, number>>): string[] {
  const most = Object.entries(commands).sort(([, left], [, right]) => right - left);
  if (most.length === 0) return [];
  const shown = most.slice(0, COMMANDS_SHOWN).map(([name, count]) => `${name} ${count}`);
  const rest = most.length - shown.length;
  return [`  commands: ${shown.join(', ')}${rest > 0 ? `, and ${rest} others` : ''}`];
}
