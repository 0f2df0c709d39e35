import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** A folder of src/ may import only folders of a strictly lower rank (docs/ARCHITECTURE.md). */
const FOLDER_RANKS: Record<string, number> = {
  base: 0,
  resp: 1,
  config: 1,
  metrics: 1,
  heat: 1,
  memory: 2,
  types: 3,
  keyspace: 4,
  tiering: 5,
  'command-table': 5,
  persistence: 6,
  acl: 6,
  pubsub: 6,
  replication: 7,
  scripting: 7,
  commands: 8,
  server: 9,
  check: 10,
};

/** Files directly in src/ (main.ts, index.ts), and what is outside src/. */
const TOP_RANK = 10;

/** A package, or a module of Node, and the only files that may import it. */
const OWNERS: Record<string, RegExp> = {
  lmdb: /^src\/tiering\/cold-store[a-z-]*(\.test)?\.ts$/,
  'wasmoon-lua5.1': /^src\/scripting\/lua-machine\.ts$/,
  'lz4-napi': /^src\/tiering\/cold-record\.ts$/,
  pino: /^src\/server\/log\.ts$/,
  commander: /^(src|src\/check|bench)\/main\.ts$/,
  'hash-wasm': /^src\/base\//,
  'prom-client': /^src\/metrics\/exposition\.ts$/,
  'node:http': /^src\/server\/(metrics|dashboard)-endpoint\.ts$/,
  'node:net': /^(src\/server\/(connection|listener)[a-z-]*\.ts|bench\/.*)$/,
  'node:tls': /^(src\/server\/(connection|listener)[a-z-]*\.ts|bench\/.*)$/,
  'node:fs': /^(src\/base|bench)\//,
  'node:fs/promises': /^(src\/base|bench)\//,
};

/** Ambient time and randomness: src/base/ hands them out, so that a simulation can replace them. */
const AMBIENT =
  /\bDate\.now\b|\bnew Date\(\s*\)|(?<![.\w])performance\s*\.|\bprocess\.hrtime\b|\bMath\.random\b|\brandom(?:Bytes|UUID|Int|FillSync|Fill)\b|\bgetRandomValues\b/;

const LINES_MAX = 1000;

/** Files over LINES_MAX lines that are waiting to be split; empty is the aim. */
const LONG_FILES: string[] = [];

interface SourceFile {
  path: string;
  text: string;
}

function sourceFiles(folder: string): SourceFile[] {
  const root = join(import.meta.dirname, '..');
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return { path: path.slice(root.length + 1), text: readFileSync(path, 'utf8') };
    });
}

/** The text with comments blanked out, line numbers kept; strings that hold comment marks survive. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (match, literal: string | undefined) => literal ?? match.replace(/[^\n]/g, ' '),
  );
}

/** The module names that a file imports, re-exports, or loads at run time. */
function importsOf(text: string): string[] {
  const code = withoutComments(text);
  const found: string[] = [];
  const pattern =
    /(?:^|[;\n])\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|[;\n])\s*import\s*['"]([^'"]+)['"]|\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g;
  for (const match of code.matchAll(pattern)) found.push((match[1] ?? match[2] ?? match[3]) as string);
  return found;
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

/** The folder of src/ that a file is in; '' for a file directly in src/ and for what is outside it. */
function folderOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? '';
}

function rankProblems(file: SourceFile): string[] {
  const problems: string[] = [];
  const folder = folderOf(file.path);
  const rank = folder === '' ? TOP_RANK : FOLDER_RANKS[folder];
  if (rank === undefined) return [`${file.path}: src/${folder}/ has no rank`];
  for (const name of importsOf(file.text)) {
    if (!name.startsWith('.')) continue;
    const target = join(file.path, '..', name);
    if (!target.endsWith('.ts') && !target.endsWith('.json')) {
      problems.push(`${file.path}: ${name}: a relative import ends in .ts`);
    }
    const targetFolder = folderOf(target);
    if (folder === '' || targetFolder === folder) continue;
    const targetRank = targetFolder === '' ? TOP_RANK : (FOLDER_RANKS[targetFolder] ?? TOP_RANK);
    // A test may lean on the support code in test/, which no product file can.
    if (isTest(file.path) && target.startsWith('test/')) continue;
    if (targetRank >= rank)
      problems.push(`${file.path} (rank ${rank}) imports ${target} (rank ${targetRank})`);
  }
  return problems;
}

function ownerProblems(file: SourceFile): string[] {
  const problems: string[] = [];
  for (const name of importsOf(file.text)) {
    if (name.startsWith('.')) continue;
    // Node's own modules go by both names, so the one without a prefix must not slip through.
    const module = OWNERS[name] === undefined && OWNERS[`node:${name}`] !== undefined ? `node:${name}` : name;
    const packageName = module.startsWith('node:')
      ? module
      : (/^(@[^/]+\/)?[^/]+/.exec(module)?.[0] ?? module);
    const owner = OWNERS[packageName];
    if (owner === undefined || owner.test(file.path)) continue;
    if (isTest(file.path) && packageName.startsWith('node:')) continue;
    problems.push(`${file.path} imports ${packageName}, which belongs to ${owner.source}`);
  }
  return problems;
}

function ambientProblems(file: SourceFile): string[] {
  if (isTest(file.path) || !file.path.startsWith('src/') || folderOf(file.path) === 'base') return [];
  return withoutComments(file.text)
    .split('\n')
    .flatMap((line, index) => {
      const match = AMBIENT.exec(line);
      return match === null ? [] : [`${file.path}:${index + 1}: ${match[0]} outside src/base/`];
    });
}

function shapeProblems(file: SourceFile): string[] {
  const problems: string[] = [];
  for (const part of file.path.split('/')) {
    if (!/^[a-z0-9]+(-[a-z0-9]+)*((\.[a-z0-9]+)*\.ts)?$/.test(part)) {
      problems.push(`${file.path}: ${part} is not kebab-case`);
    }
  }
  const lines = file.text.split('\n').length - 1;
  if (file.path.startsWith('src/') && lines > LINES_MAX && !LONG_FILES.includes(file.path)) {
    problems.push(`${file.path}: ${lines} lines, more than ${LINES_MAX}`);
  }
  return problems;
}

const product = [...sourceFiles('src'), ...sourceFiles('bench')];
const everything = [...product, ...sourceFiles('test')];

describe('the tree', () => {
  test('imports go to folders of lower rank', () => {
    expect(product.length).toBeGreaterThan(0);
    expect(product.flatMap(rankProblems)).toEqual([]);
  });

  test('a vendor package is imported by its one owner', () => {
    expect(product.flatMap(ownerProblems)).toEqual([]);
  });

  test('time and randomness come from src/base/', () => {
    expect(product.flatMap(ambientProblems)).toEqual([]);
  });

  test('files are kebab-case and of readable length', () => {
    expect(everything.flatMap(shapeProblems)).toEqual([]);
  });

  test('the list of long files holds only long files', () => {
    const tooLong = product
      .filter((file) => file.text.split('\n').length - 1 > LINES_MAX)
      .map((file) => file.path);
    expect(LONG_FILES.filter((path) => !tooLong.includes(path))).toEqual([]);
  });
});

describe('the rules themselves', () => {
  const problemsOf = (path: string, text: string) => {
    const file = { path, text };
    return [...rankProblems(file), ...ownerProblems(file), ...ambientProblems(file), ...shapeProblems(file)];
  };

  test.each([
    ['src/resp/decoder.ts', "import { x } from '../config/config.ts';"],
    ['src/memory/arena.ts', "import type {\n  x,\n} from '../server/server.ts';"],
    ['src/base/bytes.ts', "export { x } from '../memory/arena.ts';"],
    ['src/base/bytes.ts', "const x = await import('../memory/arena.ts');"],
    ['src/types/string/x.ts', "import '../../keyspace/index.ts';"],
    ['src/server/pipeline.ts', "import { x } from '../index.ts';"],
    ['src/server/pipeline.ts', "import { x } from './connection.js';"],
    ['src/unknown/file.ts', ''],
    ['src/keyspace/index.ts', "import { open } from 'lmdb';"],
    ['src/tiering/cold-store.ts', "import { compressSync } from 'lz4-napi';"],
    ['src/server/server.ts', "import { readFileSync } from 'fs';"],
    ['src/server/server.ts', "import net from 'node:net';"],
    ['src/server/cron.ts', '// why\nconst now = Date.now();'],
    ['src/server/cron.ts', 'const now = performance.now();'],
    ['src/heat/sample.ts', 'const x = Math.random();'],
    ['src/heat/sample.ts', "import { randomBytes } from 'node:crypto';"],
    ['src/heat/LruPolicy.ts', ''],
    ['src/heat/policy.ts', 'x\n'.repeat(LINES_MAX + 1)],
  ])('%s may not hold %j', (path, text) => {
    expect(problemsOf(path, text)).toHaveLength(1);
  });

  test.each([
    ['src/memory/arena.ts', "import { x } from '../base/bytes.ts';\nimport { y } from './ledger.ts';"],
    [
      'src/types/string/x.ts',
      "import { x } from '../../memory/arena.ts';\nimport { y } from '../list/y.ts';",
    ],
    ['src/main.ts', "import { Command } from 'commander';\nimport { x } from './server/server.ts';"],
    ['src/tiering/cold-store-log.ts', "import { open } from 'lmdb';"],
    ['src/base/clock.ts', 'export const now = () => Date.now();'],
    ['src/base/files.ts', "import { openSync } from 'node:fs';"],
    ['src/server/cron.ts', '// Date.now() would be ambient\n/* Math.random() too */\nconst url = "a//b";'],
    ['src/server/cron.test.ts', "import { rmSync } from 'node:fs';\nconst now = Date.now();"],
    ['src/server/listener-unix.ts', "import net from 'node:net';"],
    ['src/server/cron.ts', 'metrics.performance.add(1);'],
  ])('%s may hold %j', (path, text) => {
    expect(problemsOf(path, text)).toEqual([]);
  });
});
