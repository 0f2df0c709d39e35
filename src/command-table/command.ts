import { LatencyHistogram } from '../metrics/latency-histogram.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { Call } from './call.ts';
import type { Category, CommandFlag, CommandRow } from './row.ts';

/** Flags as bits, for the pipeline's checks. */
export const IS_WRITE = 1;
export const IS_DENIED_ON_OOM = 2;
export const IS_ALLOWED_UNAUTHENTICATED = 4;
export const IS_FORBIDDEN_IN_MULTI = 8;
export const IS_LEFT_OUT_OF_SLOWLOG = 16;
export const IS_FORBIDDEN_IN_SCRIPTS = 1 << 8;
export const IS_ALLOWED_WHEN_BUSY = 1 << 9;
export const MAY_REPLICATE = 1 << 10;
export const IS_READ = 1 << 11;
/** Clients that watch commands are not told of it (MONITOR). */
export const IS_UNMONITORED = 1 << 12;
/** Runs while data is being loaded. */
export const IS_ALLOWED_WHILE_LOADING = 1 << 14;
/** Runs a script, of which they are told before the commands that it runs. */
export const IS_SCRIPT = 1 << 13;

const FLAG_BITS: Partial<Record<CommandFlag, number>> = {
  write: IS_WRITE,
  denyoom: IS_DENIED_ON_OOM,
  no_auth: IS_ALLOWED_UNAUTHENTICATED,
  no_multi: IS_FORBIDDEN_IN_MULTI,
  skip_slowlog: IS_LEFT_OUT_OF_SLOWLOG,
  noscript: IS_FORBIDDEN_IN_SCRIPTS,
  allow_busy: IS_ALLOWED_WHEN_BUSY,
  may_replicate: MAY_REPLICATE,
  readonly: IS_READ,
  skip_monitor: IS_UNMONITORED,
  admin: IS_UNMONITORED,
  loading: IS_ALLOWED_WHILE_LOADING,
};

/** Statistics of one command, for INFO commandstats and LATENCY HISTOGRAM. */
export interface CommandStatistics {
  calls: number;
  /** Microseconds in the handler. */
  microseconds: number;
  rejectedCalls: number;
  failedCalls: number;
  readonly durations: LatencyHistogram;
}

/** A row made ready for running. */
export class Command {
  readonly row: CommandRow;
  /** `get`, or `config|get` for a subcommand. */
  readonly fullName: string;
  readonly bits: number;
  readonly arity: number;
  readonly execute: ((call: Call) => void) | undefined;
  readonly subcommands: CommandTable | undefined;
  readonly parent: Command | undefined;
  /** Number of the command among all of its table, subcommands included. */
  id = 0;
  readonly statistics: CommandStatistics = {
    calls: 0,
    microseconds: 0,
    rejectedCalls: 0,
    failedCalls: 0,
    durations: new LatencyHistogram(),
  };

  constructor(row: CommandRow, parent?: Command) {
    this.row = row;
    this.parent = parent;
    this.fullName = parent === undefined ? row.name : `${parent.row.name}|${row.name}`;
    let bits = 0;
    for (const flag of row.flags) bits |= FLAG_BITS[flag] ?? 0;
    if (row.group === 'scripting' && row.flags.includes('skip_monitor')) bits |= IS_SCRIPT;
    this.bits = bits;
    this.arity = row.arity;
    this.execute = row.execute;
    this.subcommands = row.subcommands === undefined ? undefined : new CommandTable(row.subcommands, this);
  }

  resetStatistics(): void {
    Object.assign(this.statistics, { calls: 0, microseconds: 0, rejectedCalls: 0, failedCalls: 0 });
    this.statistics.durations.reset();
  }

  /** Whether a call with this many arguments fits the arity. */
  accepts(count: number): boolean {
    return this.arity >= 0 ? count === this.arity : count >= -this.arity;
  }
}

/** Commands by name, in any case of letters; finds one without making a string. */
export class CommandTable {
  readonly commands: readonly Command[];
  /** The commands, each followed by its subcommands: each is at its id. */
  readonly all: readonly Command[];
  readonly #names: (Uint8Array | null)[];
  readonly #commands: (Command | null)[];
  readonly #mask: number;

  /** `renames` are the names by which commands are found, where those are not their own; with an empty one a command is not found. */
  constructor(rows: readonly CommandRow[], parent?: Command, renames?: ReadonlyMap<string, string>) {
    this.commands = rows.map((row) => new Command(row, parent));
    this.all = this.commands.flatMap((command) => [command, ...(command.subcommands?.all ?? [])]);
    if (parent === undefined) {
      this.all.forEach((command, id) => {
        command.id = id;
      });
    }
    let size = 8;
    while (size < rows.length * 4) size *= 2;
    this.#mask = size - 1;
    this.#names = new Array<Uint8Array | null>(size).fill(null);
    this.#commands = new Array<Command | null>(size).fill(null);
    for (const command of this.commands) {
      const given = renames?.get(command.row.name) ?? command.row.name;
      if (given === '') continue;
      const name = Uint8Array.from(Buffer.from(given, 'latin1'));
      let at = nameHash(name, 0, name.length) & this.#mask;
      while (this.#commands[at] !== null) at = (at + 1) & this.#mask;
      this.#names[at] = name;
      this.#commands[at] = command;
    }
  }

  /** The command that argument `at` names, or null. */
  find(words: Arguments, at: number): Command | null {
    const buffer = words.buffer;
    const offset = words.offsets[at];
    const length = words.lengths[at];
    let slot = nameHash(buffer, offset, length) & this.#mask;
    for (;;) {
      const name = this.#names[slot];
      if (name === null) return null;
      if (name.length === length) {
        let same = 0;
        while (same < length && lower(buffer[offset + same]) === name[same]) same++;
        if (same === length) return this.#commands[slot];
      }
      slot = (slot + 1) & this.#mask;
    }
  }

  /** The command, or the subcommand where the first argument names a container, that `words` calls. */
  resolve(words: Arguments): Command | null {
    const command = this.find(words, 0);
    if (command === null || command.subcommands === undefined || words.count < 2) return command;
    return command.subcommands.find(words, 1) ?? (command.execute === undefined ? null : command);
  }

  /** As {@link resolve} where a command is called by its own name, whatever it is renamed to. */
  resolveOwn(words: Arguments): Command | null {
    const command = this.named(words.text(0).split('|')[0]);
    if (command?.subcommands === undefined || words.count < 2) return command;
    return command.subcommands.find(words, 1) ?? (command.execute === undefined ? null : command);
  }

  /** As {@link resolve} for a command's own name such as `get` or `config|get`. */
  named(fullName: string): Command | null {
    const [name, subcommand] = fullName.toLowerCase().split('|');
    const command = this.commands.find((candidate) => candidate.row.name === name) ?? null;
    if (command === null || subcommand === undefined) return command;
    return command.subcommands?.commands.find((candidate) => candidate.row.name === subcommand) ?? null;
  }
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte | 32 : byte;
}

function nameHash(bytes: Uint8Array, offset: number, length: number): number {
  let hash = length;
  for (let at = 0; at < length; at++) hash = (Math.imul(hash, 31) + (bytes[offset + at] | 32)) | 0;
  return hash ^ (hash >>> 7);
}

/** All ACL categories of a row: its own and those that its flags imply (ACL CAT of the Redis docs). */
export function categoriesOf(row: CommandRow): Category[] {
  const categories = new Set<Category>(row.categories);
  const flags = new Set(row.flags);
  if (flags.has('write')) categories.add('write');
  if (flags.has('readonly') && !categories.has('scripting')) categories.add('read');
  if (flags.has('admin')) {
    categories.add('admin');
    categories.add('dangerous');
  }
  if (flags.has('pubsub')) categories.add('pubsub');
  if (flags.has('blocking')) categories.add('blocking');
  if (flags.has('fast')) categories.add('fast');
  else categories.add('slow');
  return [...categories];
}
