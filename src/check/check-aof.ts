import { join } from 'node:path';
import { errorReason, type Files, type OpenFile } from '../base/files.ts';
import { quoteBytes } from '../base/quote.ts';
import { CommandTable } from '../command-table/command.ts';
import { COMMANDS } from '../commands/all.ts';
import { type AofFile, Manifest, ManifestError } from '../persistence/aof/manifest.ts';
import { AofReader } from '../persistence/aof/reader.ts';
import type { ValueLimits } from '../persistence/value-builder.ts';
import type { Arguments } from '../resp/arguments.ts';
import { checkRdb } from './check-rdb.ts';
import type { CheckOptions, FileFindings, Findings, KeySummary } from './findings.ts';
import { readFrom } from './read-from.ts';

const RDB_SIGNATURE = 'REDIS';
const NAME_BYTES_MAX = 128;
const ZEROS_BYTES = 1 << 16;

/** What a log's file ends with that is not whole: where that begins, and why. */
interface Tail {
  readonly offset: number;
  readonly reason: string;
  /** It is the beginning of a command or a transaction, or nothing but zeros, as a power cut leaves them. */
  readonly isLossless: boolean;
}

/** Checks the files of logs. */
export class AofChecker {
  readonly commands: Record<string, number> = {};
  readonly #files: Files;
  readonly #limits: ValueLimits;
  readonly #options: CheckOptions;
  readonly #keys: KeySummary;
  readonly #table = new CommandTable(COMMANDS);

  constructor(files: Files, limits: ValueLimits, keys: KeySummary, options: CheckOptions) {
    this.#files = files;
    this.#limits = limits;
    this.#keys = keys;
    this.#options = options;
  }

  /** Checks the manifest of a log, and each file that it names. */
  checkDirectory(path: string, fileName: string): Findings {
    const found: FileFindings[] = [];
    const problems: string[] = [];
    const { manifest, findings } = this.#checkManifest(path, `${fileName}.manifest`);
    found.push(findings);
    const files = manifest?.files ?? [];
    for (const [at, file] of files.entries())
      found.push(this.#checkNamed(path, file, at === files.length - 1));
    if (manifest?.isEmpty) problems.push('The manifest names no file');
    return this.#findings('AOF directory', path, found, problems);
  }

  /** Checks a log that is one file. */
  checkFile(path: string, name: string): Findings {
    return this.#findings('AOF file', path, [this.#checkOne(path, name, true)], []);
  }

  #findings(
    kind: 'AOF directory' | 'AOF file',
    path: string,
    files: readonly FileFindings[],
    problems: readonly string[],
  ): Findings {
    return { path, kind, files, problems, keys: this.#keys, records: null, commands: this.commands };
  }

  #checkManifest(path: string, name: string): { manifest: Manifest | null; findings: FileFindings } {
    const problems: string[] = [];
    let bytes = 0;
    let manifest: Manifest | null = null;
    let facts = {};
    try {
      const text = this.#files.readBytes(join(path, name));
      bytes = text.length;
      manifest = Manifest.parse(text);
      const { increments, history } = manifest;
      facts = { base: manifest.base?.name ?? 'none', increments: increments.length, history: history.length };
    } catch (error) {
      problems.push(
        error instanceof ManifestError
          ? `${error.message}${error.line > 0 ? `, line ${error.line}: ${JSON.stringify(error.text)}` : ''}`
          : systemReason(error),
      );
    }
    return { manifest, findings: { name, kind: 'manifest', bytes, facts, problems, fixes: [] } };
  }

  #checkNamed(directory: string, { name }: AofFile, isLast: boolean): FileFindings {
    try {
      return this.#checkOne(join(directory, name), name, isLast);
    } catch (error) {
      return { name, kind: 'AOF', bytes: 0, facts: {}, problems: [systemReason(error)], fixes: [] };
    }
  }

  /** Throws the system's error. */
  #checkOne(path: string, name: string, isLast: boolean): FileFindings {
    const file = this.#files.open(path, 'read');
    const problems: string[] = [];
    const fixes: string[] = [];
    const facts: Record<string, string | number> = {};
    const bytes = file.size();
    let tail: Tail | null = null;
    let isRdb = false;
    try {
      const progress = this.#options.openProgress(path, bytes);
      let start = 0;
      if (hasPreamble(file)) {
        isRdb = true;
        const { nowMs } = this.#options;
        const contents = checkRdb(readFrom(file), bytes, this.#limits, this.#keys, nowMs, progress.update);
        Object.assign(facts, contents.facts);
        problems.push(...contents.problems);
        start = contents.consumedBytes;
      }
      if (problems.length === 0) {
        isRdb &&= start === bytes;
        tail = this.#readCommands(file, bytes, start, facts, problems, progress.update);
      }
      progress.end();
    } finally {
      file.close();
    }
    if (tail !== null) this.#treatTail(path, tail, bytes, isLast, problems, fixes);
    return { name, kind: isRdb ? 'RDB' : 'AOF', bytes, facts, problems, fixes };
  }

  /** Goes through the commands of a file; what it ends with that is not whole, or is to be cut off, else null. */
  #readCommands(
    file: OpenFile,
    bytes: number,
    start: number,
    facts: Record<string, string | number>,
    problems: string[],
    progressed: (bytes: number) => void,
  ): Tail | null {
    const reader = new AofReader(file, bytes, start);
    const { lastSecond } = this.#options;
    let later: Tail | null = null;
    reader.onTimestamp = (second, offset) => {
      facts['last time noted'] = new Date(second * 1000).toISOString();
      if (second <= lastSecond || later !== null) return;
      const reason = `what comes after ${new Date(lastSecond * 1000).toISOString()}`;
      later = { offset, reason, isLossless: true };
    };
    let commands = 0;
    let transactionStart = -1;
    let before = start;
    for (;;) {
      const part = reader.next();
      if (later !== null) break;
      if (part === 'command') {
        const { words } = reader;
        const name = this.#nameOf(words);
        if (name === null) {
          problems.push(`${this.#fault(words)}, at offset ${before}`);
          break;
        }
        commands++;
        this.commands[name] = (this.commands[name] ?? 0) + 1;
        if (name === 'multi') {
          if (transactionStart >= 0) {
            problems.push(`MULTI within a transaction, at offset ${before}`);
            break;
          }
          transactionStart = before;
        } else if (name === 'exec') {
          if (transactionStart < 0) {
            problems.push(`EXEC without MULTI, at offset ${before}`);
            break;
          }
          transactionStart = -1;
        }
        before = reader.validBytes;
        progressed(before);
        continue;
      }
      facts.commands = commands;
      // Before a transaction that has no end all is whole.
      const offset = transactionStart >= 0 ? transactionStart : reader.validBytes;
      if (part === 'broken') {
        const isZeros = isOfZeros(file, reader.validBytes, bytes);
        const reason = isZeros ? 'zeros' : 'bytes that are no command';
        return { offset, reason, isLossless: isZeros };
      }
      if (part === 'torn') return { offset, reason: 'a command that is cut off', isLossless: true };
      if (transactionStart < 0) return null;
      return { offset, reason: 'a transaction without its EXEC', isLossless: true };
    }
    facts.commands = commands;
    return later;
  }

  /** Tells of an end that is not whole, or cuts it off. */
  #treatTail(
    path: string,
    tail: Tail,
    bytes: number,
    isLast: boolean,
    problems: string[],
    fixes: string[],
  ): void {
    const { offset, reason, isLossless } = tail;
    const { lastSecond, fixes: fixesAll } = this.#options;
    const isWanted = fixesAll || lastSecond !== Number.POSITIVE_INFINITY;
    const what = `${bytes - offset} bytes from offset ${offset} on are ${reason}`;
    if (!isLast) {
      problems.push(`${what}, and it is not the last file`);
    } else if (offset === 0 && lastSecond !== Number.POSITIVE_INFINITY) {
      problems.push(`There is nothing before that time: ${what}`);
    } else if (!isWanted) {
      problems.push(`${what}${isLossless ? '; --fix cuts them off' : ''}`);
    } else if (!isLossless) {
      problems.push(
        `${what}; to give them up, start the server once with aof-load-corrupt-tail-max-size ${bytes - offset}`,
      );
    } else {
      this.#files.truncate(path, offset);
      fixes.push(`Cut off: ${what}`);
    }
  }

  /** The command's name, or null if it can't be run. */
  #nameOf(words: Arguments): string | null {
    const command = this.#table.resolve(words);
    if (command === null || command.execute === undefined || !command.accepts(words.count)) return null;
    return command.fullName;
  }

  #fault(words: Arguments): string {
    const length = Math.min(words.lengths[0], NAME_BYTES_MAX);
    const name = quoteBytes(words.buffer, words.offsets[0], length).toString('latin1');
    const command = this.#table.resolve(words);
    return command === null || command.execute === undefined
      ? `Unknown command ${name}`
      : `Wrong number of arguments of command ${name}`;
  }
}

function hasPreamble(file: OpenFile): boolean {
  const head = Buffer.alloc(RDB_SIGNATURE.length);
  return file.read(head, 0, head.length, 0) === head.length && head.toString('latin1') === RDB_SIGNATURE;
}

function isOfZeros(file: OpenFile, from: number, to: number): boolean {
  const bytes = new Uint8Array(ZEROS_BYTES);
  for (let at = from; at < to; ) {
    const count = file.read(bytes, 0, Math.min(bytes.length, to - at), at);
    if (count === 0) return false;
    for (let index = 0; index < count; index++) if (bytes[index] !== 0) return false;
    at += count;
  }
  return true;
}

function systemReason(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  return errorReason(error);
}
