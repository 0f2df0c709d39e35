/**
 * The configuration file and the command line, as redis-server reads them: lines of words with sdssplitargs quoting,
 * comments, `include`; then standard input; then `--name value ...`, which counts as lines after those of the file.
 */
import { isAbsolute, resolve } from 'node:path';
import { errorReason, list, readBytes, readStandardInput, statistics } from '../base/files.ts';
import { globMatch } from '../base/glob.ts';
import { splitArguments } from '../base/split-arguments.ts';

const INCLUDE_DEPTH_MAX = 16;

/** Where a line of configuration stands. */
export interface Origin {
  /** The file, or `standard input` or `command line`. */
  readonly source: string;
  /** Counted from 1; 0 where there are no lines. */
  readonly line: number;
  readonly text: string;
}

/** One line of configuration: the directive's name in lower case, and the words after it. */
export interface Setting extends Origin {
  readonly name: string;
  readonly words: readonly string[];
}

/** A configuration that can't be loaded. The message names the place and the reason, ready for standard error. */
export class ConfigError extends Error {
  override name = 'ConfigError';

  constructor(reason: string, origin?: Origin) {
    const place =
      origin === undefined
        ? ''
        : `Reading ${origin.source}${origin.line === 0 ? '' : `, at line ${origin.line}`}\n>>> '${origin.text}'\n`;
    super(`*** FATAL CONFIG FILE ERROR (Thermocline) ***\n${place}${reason}`);
  }
}

/** The words of a line, or undefined if its quotes are unbalanced or its bytes are not UTF-8. */
export function splitWords(line: Uint8Array): string[] | undefined {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return splitArguments(line, 0, line.length)?.map((word) => decoder.decode(word));
  } catch {
    return undefined;
  }
}

/** The settings of a text in their order, with those of included files in their places. Throws {@link ConfigError}. */
export function* readSettings(contents: Uint8Array, source: string, depth = 0): Generator<Setting> {
  let line = 0;
  let start = 0;
  while (start < contents.length) {
    const end = contents.indexOf(10, start);
    const bytes = Buffer.from(contents.subarray(start, end === -1 ? contents.length : end));
    start = end === -1 ? contents.length : end + 1;
    line++;
    const text = bytes.toString().trim();
    if (text === '' || text.startsWith('#')) continue;
    const origin = { source, line, text };
    const words = splitWords(bytes);
    if (words === undefined) throw new ConfigError('Unbalanced quotes in configuration line', origin);
    if (words.length === 0) continue;
    const name = words[0].toLowerCase();
    if (name !== 'include') {
      yield { name, words: words.slice(1), ...origin };
      continue;
    }
    if (words.length !== 2) throw new ConfigError('Bad directive or wrong number of arguments', origin);
    if (depth === INCLUDE_DEPTH_MAX) {
      throw new ConfigError(`Files include each other more than ${INCLUDE_DEPTH_MAX} deep`, origin);
    }
    for (const path of matchingFiles(words[1])) {
      yield* readSettings(readConfigFile(path, origin), path, depth + 1);
    }
  }
}

function readConfigFile(path: string, origin?: Origin): Uint8Array {
  try {
    return readBytes(path);
  } catch (error) {
    throw new ConfigError(`Fatal error, can't open config file '${path}': ${errorReason(error)}`, origin);
  }
}

/** The paths that a pattern stands for, sorted; a path without wildcards stands for itself, there or not. */
function matchingFiles(pattern: string): string[] {
  if (!/[*?[]/.test(pattern)) return [pattern];
  let paths = [isAbsolute(pattern) ? '/' : ''];
  for (const segment of pattern.split('/').filter((part) => part !== '')) {
    paths = paths.flatMap((path) => {
      if (!/[*?[]/.test(segment)) return [`${path}${segment}/`];
      return namesIn(path === '' ? '.' : path)
        .filter((name) => matches(segment, name) && (!name.startsWith('.') || segment.startsWith('.')))
        .map((name) => `${path}${name}/`);
    });
  }
  return paths.map((path) => path.slice(0, -1)).filter((path) => statistics(path)?.isDirectory === false);
}

function namesIn(path: string): string[] {
  try {
    return list(path);
  } catch {
    // glob(3) too skips what it can't read.
    return [];
  }
}

/** Whether a glob pattern matches, with the case of letters ignored if asked for. */
export function matches(pattern: string, text: string, ignoreCase = false): boolean {
  const patternBytes = Buffer.from(pattern);
  const textBytes = Buffer.from(text);
  return globMatch(patternBytes, 0, patternBytes.length, textBytes, 0, textBytes.length, ignoreCase);
}

/** What a command line asks for. */
export interface CommandLine {
  /** The configuration file, if one is given. */
  readonly file: string | undefined;
  readonly readsStandardInput: boolean;
  readonly settings: readonly Setting[];
}

/**
 * Reads `[file] [-] [--name value ...] [-]`, with the program's own name left out. The words of an option go on to the
 * next that begins with `--`; the first one after a name may itself begin so. Throws {@link ConfigError}.
 */
export function readCommandLine(args: readonly string[]): CommandLine {
  const hasFile = args.length > 0 && !args[0].startsWith('-');
  const options: string[][] = [];
  let readsStandardInput = false;
  let expectsValue = false;
  for (let at = hasFile ? 1 : 0; at < args.length; at++) {
    const argument = args[at];
    if (argument === '-' && (at === 0 || (at === 1 && hasFile) || at === args.length - 1)) {
      readsStandardInput = true;
    } else if (argument.startsWith('--') && !expectsValue) {
      const words = splitWords(Buffer.from(argument.slice(2)));
      if (words === undefined || words.length === 0) {
        throw new ConfigError('Unbalanced quotes in configuration line', {
          source: 'the command line',
          line: 0,
          text: argument,
        });
      }
      options.push(words);
      // `--save --port 1` means `--save "" --port 1`: it alone may stand without a value.
      const isEmptySave = words[0].toLowerCase() === 'save' && (args[at + 1] ?? '--').startsWith('--');
      if (words.length === 1 && isEmptySave) words.push('');
      expectsValue = words.length === 1;
    } else {
      // As in Redis, words before the first option belong to no directive.
      if (options.length === 0) options.push([]);
      options[options.length - 1].push(argument);
      expectsValue = false;
    }
  }
  return {
    file: hasFile ? resolve(args[0]) : undefined,
    readsStandardInput,
    settings: options.map(([name = '', ...words]) => ({
      name: name.toLowerCase(),
      words,
      source: 'the command line',
      line: 0,
      text: [name, ...words.map((word) => `"${word}"`)].join(' '),
    })),
  };
}

/** All settings that a command line stands for: those of its file, of standard input, and its own, in this order. */
export function* allSettings(commandLine: CommandLine): Generator<Setting> {
  if (commandLine.file !== undefined) {
    yield* readSettings(readConfigFile(commandLine.file), commandLine.file);
  }
  if (commandLine.readsStandardInput) yield* readSettings(readStandardInput(), 'standard input');
  yield* commandLine.settings;
}
