import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a figure has to name to be repeatable. */
export interface Environment {
  /** The commit measured, with `+changes` if the tree differs from it. */
  readonly commit: string;
  readonly machine: string;
  readonly node: string;
  readonly date: string;
  /** The command line without the paths of node and of the program. */
  readonly command: string;
}

/** The folder that holds package.json, whether the program runs from source or from dist. */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

export function describeEnvironment(): Environment {
  const processors = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return {
    commit: describeCommit(),
    machine: `${processors.length} × ${processors[0]?.model.trim()}, ${gibibytes} GiB, Linux ${release()}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    command: ['thermocline-bench', ...process.argv.slice(2).map(quoted)].join(' '),
  };
}

function describeCommit(): string {
  try {
    const commit = git('rev-parse', '--short=12', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+changes`;
  } catch {
    return 'none';
  }
}

function git(...words: string[]): string {
  return execFileSync('git', words, {
    cwd: repositoryRoot(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

function quoted(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word}'`;
}
