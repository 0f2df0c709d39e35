import { describeEnvironment } from '../environment.ts';
import { markdownTable, terminalTable } from '../table.ts';
import { appendOnly } from './append-only.ts';
import { bullmq } from './bullmq.ts';
import { coldCollection } from './cold-collection.ts';
import { coldKeyMemory } from './cold-key-memory.ts';
import { coldRead } from './cold-read.ts';
import { collectionBurst } from './collection-burst.ts';
import { collectionCpu } from './collection-cpu.ts';
import { collectionMemory } from './collection-memory.ts';
import { cpu } from './cpu.ts';
import { curve } from './curve.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { growthBurst } from './growth-burst.ts';
import { hotKeyMemory } from './hot-key-memory.ts';
import { idleConnections } from './idle-connections.ts';
import { memoryCap } from './memory-cap.ts';
import { publish } from './publish.ts';
import { restart } from './restart.ts';
import { script } from './script.ts';
import { snapshot } from './snapshot.ts';
import { transaction } from './transaction.ts';
import { writeAmplification } from './write-amplification.ts';

const FIGURES: readonly Figure[] = [
  cpu,
  hotKeyMemory,
  coldKeyMemory,
  memoryCap,
  growthBurst,
  ...writeAmplification,
  coldRead,
  curve,
  collectionMemory,
  collectionCpu,
  coldCollection,
  collectionBurst,
  appendOnly,
  snapshot,
  script,
  transaction,
  publish,
  idleConnections,
  bullmq,
  restart,
];

const HEAD = ['figure', 'measured', 'redis', 'goal', 'met'];

/** The results of a run of figures as a terminal's text, as Markdown to paste, and for JSON. */
export interface FigureResults {
  readonly text: string;
  readonly markdown: string;
  readonly json: object;
}

export function figureNames(): string[] {
  return FIGURES.map((figure) => figure.name);
}

/**
 * Measures the named figures one after the other, all without a name. A figure that fails becomes a row that says so,
 * so that a long run keeps what it has. Throws an Error for an unknown name, before measuring.
 */
export async function runFigures(names: readonly string[], context: FigureContext): Promise<FigureResults> {
  const wanted = names.length === 0 ? FIGURES : names.flatMap(figuresNamed);
  const results: { name: string; rows: FigureRow[] }[] = [];
  for (const figure of wanted) results.push({ name: figure.name, rows: await rowsOf(figure, context) });
  const environment = describeEnvironment();
  const cells = results.flatMap(({ rows }) => rows.map(cellsOf));
  const caption = `commit ${environment.commit}, ${environment.machine}, node ${environment.node}, ${environment.date}${context.quick ? ', QUICK: the figures do not count' : ''}`;
  return {
    text: [caption, environment.command, '', terminalTable(HEAD, cells)].join('\n'),
    markdown: [`\`${environment.command}\`  `, caption, '', markdownTable(HEAD, cells)].join('\n'),
    json: { figures: results },
  };
}

async function rowsOf(figure: Figure, context: FigureContext): Promise<FigureRow[]> {
  const rows: FigureRow[] = [];
  try {
    for await (const row of figure.measure(context)) {
      rows.push(row);
      context.log(`${figure.name}: ${cellsOf(row).join(' | ')}`);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    context.log(`${figure.name}: ${message}`);
    process.exitCode = 1;
    const measured = `failed: ${message.split('\n', 1)[0]}`;
    rows.push({ what: figure.name, measured, redis: '–', goal: '–', isMet: false, numbers: {} });
  }
  return rows;
}

/** A name stands for all figures whose names begin with it. */
function figuresNamed(name: string): Figure[] {
  const figures = FIGURES.filter((known) => known.name.startsWith(name));
  if (figures.length === 0) throw new Error(`unknown figure '${name}': use ${figureNames().join(', ')}`);
  return figures;
}

function cellsOf(row: FigureRow): string[] {
  return [row.what, row.measured, row.redis, row.goal, row.isMet === null ? '–' : row.isMet ? 'yes' : 'NO'];
}
