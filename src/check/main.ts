#!/usr/bin/env node
import { basename } from 'node:path';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../base/clock.ts';
import { systemFiles } from '../base/files.ts';
import { VERSION } from '../base/version.ts';
import { Config } from '../config/config.ts';
import { AofChecker } from './check-aof.ts';
import { checkRdbFile } from './check-rdb.ts';
import { checkTier } from './check-tier.ts';
import {
  type CheckOptions,
  type Findings,
  hasProblems,
  KeySummary,
  type OpenProgress,
  type Target,
} from './findings.ts';
import { textOf } from './report.ts';
import { findTargets } from './targets.ts';
import { exportRdb, importRdb, type TransferOptions } from './transfer.ts';

/** Where there is no terminal, how far a smaller file has come is not told. */
const TOLD_BYTES_MIN = 64 * 1024 * 1024;
const TENTHS = 10;

interface Options {
  readonly fix?: true;
  readonly truncateToTimestamp?: number;
  readonly largest: number;
  readonly json?: true;
  readonly config?: string;
  readonly memory?: number;
  readonly export?: readonly string[];
  readonly import?: readonly string[];
}

const program = new Command('thermocline-check')
  .description(
    'Verifies an RDB file, an append-only file or its directory, the SSD tier, or a data directory, while no server uses it.',
  )
  .version(VERSION, '-v, --version')
  .argument('[path]', 'what to verify, or where --export reads from and --import writes to')
  .option('--fix', 'cut off what a log ends with that is not whole')
  .option('--truncate-to-timestamp <seconds>', 'cut a log off where a later time is noted', integer)
  .option('--largest <count>', 'how many of the largest keys to tell', integer, 10)
  .option('--json', 'tell what is found as JSON')
  .option('--config <file>', "the server's configuration, for names and limits that are not the usual ones")
  .option('--export <words...>', 'rdb <file>: write what a server would load from the path as an RDB file')
  .option('--import <words...>', 'rdb <file>: add the keys of an RDB file to the data directory')
  .option('--memory <bytes>', 'RAM that --export and --import may take (half of the machine’s)', integer)
  .addHelpText(
    'after',
    `
Ends with status 1 if something is wrong that was not put right.

Examples:
  thermocline-check dump.rdb
  thermocline-check appendonlydir --fix
  thermocline-check /var/lib/thermocline --json
  thermocline-check /var/lib/thermocline --export rdb backup.rdb
  thermocline-check /var/lib/thermocline --import rdb dump.rdb`,
  )
  .action(async (path: string | undefined, options: Options) => {
    const wordsOfExport = fileOf(options.export, '--export');
    const wordsOfImport = fileOf(options.import, '--import');
    const target = path ?? wordsOfExport?.path ?? wordsOfImport?.path;
    if (target === undefined) throw new Error('name what to verify; --help tells more');
    if (wordsOfExport !== null) await exportTo(target, wordsOfExport.file, options);
    else if (wordsOfImport !== null) await importFrom(wordsOfImport.file, target, options);
    else check(target, options);
  });

program.parseAsync().catch((error: unknown) => {
  console.error(`thermocline-check: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});

function check(path: string, options: Options): void {
  const { values } = configOf(options);
  const checkOptions: CheckOptions = {
    fixes: options.fix === true,
    lastSecond: options.truncateToTimestamp ?? Number.POSITIVE_INFINITY,
    largestCount: options.largest,
    nowMs: systemClock.wallMs(),
    openProgress,
  };
  const findings = findTargets(path, values, systemFiles).map((target) =>
    checkTarget(target, values, checkOptions),
  );
  console.log(options.json ? JSON.stringify(findings, null, 2) : textOf(findings));
  if (hasProblems(findings)) process.exitCode = 1;
}

function checkTarget(target: Target, limits: Config['values'], options: CheckOptions): Findings {
  const { kind, path } = target;
  const summary = new KeySummary(options.largestCount);
  const aof = () => new AofChecker(systemFiles, limits, summary, options);
  switch (kind) {
    case 'RDB file': {
      const file = checkRdbFile(path, basename(path), systemFiles, limits, summary, options);
      return { path, kind, files: [file], problems: [], keys: summary, records: null, commands: null };
    }
    case 'AOF file':
      return aof().checkFile(path, basename(path));
    case 'AOF directory':
      return aof().checkDirectory(path, target.fileName);
    case 'tier':
      return checkTier(path, systemFiles, summary, options);
  }
}

async function exportTo(path: string, file: string, options: Options): Promise<void> {
  const sources = findTargets(path, configOf(options).values, systemFiles);
  tell(await exportRdb(path, sources, file, systemFiles, transferOptions(options)), options);
}

async function importFrom(file: string, directory: string, options: Options): Promise<void> {
  const [source] = findTargets(file, configOf(options).values, systemFiles);
  if (source.kind !== 'RDB file') throw new Error(`${file} is not an RDB file`);
  tell(await importRdb(file, directory, systemFiles, transferOptions(options)), options);
}

function tell(result: { readonly path: string; readonly keys: number }, { json }: Options): void {
  console.log(json ? JSON.stringify(result, null, 2) : `${result.keys} keys are in ${result.path}`);
}

function transferOptions({ config, memory }: Options): TransferOptions {
  return {
    configFile: config ?? null,
    memoryBytes: memory ?? null,
    openProgress,
    log: (text) => console.error(text),
  };
}

function configOf({ config }: Options): Config {
  return new Config(config === undefined ? [] : [config]);
}

/** The words `rdb <file>` of an option, and what follows them. */
function fileOf(
  words: readonly string[] | undefined,
  option: string,
): { readonly file: string; readonly path: string | undefined } | null {
  if (words === undefined) return null;
  const [format, file, path, ...rest] = words;
  if (format !== 'rdb' || file === undefined || rest.length > 0)
    throw new Error(`${option} takes two words: rdb <file>`);
  return { file, path };
}

function openProgress(what: string, totalBytes: number): ReturnType<OpenProgress> {
  if (process.stderr.isTTY !== true) return progressLines(what, totalBytes);
  const bar = new SingleBar({
    format: `${what} [{bar}] {percentage} %, {eta_formatted} left`,
    clearOnComplete: true,
  });
  bar.start(totalBytes, 0);
  return { update: (bytes) => bar.update(bytes), end: () => bar.stop() };
}

function progressLines(what: string, totalBytes: number): ReturnType<OpenProgress> {
  let told = 0;
  return {
    update: (bytes) => {
      const tenth = Math.floor((bytes * TENTHS) / totalBytes);
      if (tenth <= told || totalBytes < TOLD_BYTES_MIN) return;
      told = tenth;
      console.error(`${what}: ${tenth * TENTHS} %`);
    },
    end() {},
  };
}

function integer(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('use a whole number.');
  return Number(text);
}
