import type { Call } from '../command-table/call.ts';
import type { Client } from '../command-table/client.ts';
import type { Arguments } from '../resp/arguments.ts';

/** Where effects go, as the argument of redis.set_repl: bits. */
export const PROPAGATES_TO_LOG = 1;
export const PROPAGATES_TO_REPLICAS = 2;

/** What a script or function has declared about itself. */
export interface ScriptFlags {
  readonly noWrites: boolean;
  readonly allowOom: boolean;
  readonly allowStale: boolean;
  readonly noCluster: boolean;
  readonly allowCrossSlotKeys: boolean;
}

export const NO_FLAGS: ScriptFlags = {
  noWrites: false,
  allowOom: false,
  allowStale: false,
  noCluster: false,
  allowCrossSlotKeys: false,
};

const FLAG_NAMES: readonly (readonly [name: string, flag: keyof ScriptFlags])[] = [
  ['no-writes', 'noWrites'],
  ['allow-oom', 'allowOom'],
  ['allow-stale', 'allowStale'],
  ['no-cluster', 'noCluster'],
  ['allow-cross-slot-keys', 'allowCrossSlotKeys'],
];

/** The flags that a list of names stands for; the first name that is none, instead. */
export function scriptFlags(names: readonly string[]): ScriptFlags | string {
  const flags: Record<keyof ScriptFlags, boolean> = { ...NO_FLAGS };
  for (const name of names) {
    const found = FLAG_NAMES.find(([known]) => known === name);
    if (found === undefined) return name;
    flags[found[1]] = true;
  }
  return flags;
}

/** The names of flags, in Redis's order. */
export function flagNames(flags: ScriptFlags): string[] {
  return FLAG_NAMES.filter(([, flag]) => flags[flag]).map(([name]) => name);
}

/** The script that is running; one is kept for each machine. */
export class ScriptRun {
  call!: Call;
  client!: Client;
  /** SHA-1 of a script, or a function's name. */
  name = '';
  isFunction = false;
  readOnly = false;
  allowOom = false;
  /** What replies to its commands are in: 2 or 3. */
  protocol = 2;
  hasWritten = false;
  /** {@link PROPAGATES_TO_LOG} and {@link PROPAGATES_TO_REPLICAS}. */
  targets = PROPAGATES_TO_LOG | PROPAGATES_TO_REPLICAS;
  startUs = 0;
  /** It has run longer than `busy-reply-threshold`. */
  isSlow = false;
  /** It is to end as soon as it can be stopped. */
  isKilled = false;
  isActive = false;
  /** Whether it may be left unfinished and gone on with later; see {@link LuaRuntime}. */
  maySuspend = false;
  databaseNumber = 0;
  /** The time that it sees. */
  nowMs = 0;
  /** How many errors the encoder had counted when it began. */
  errorCount = 0;
  /** The last error of a command that it called, which has been counted; empty if there was none. */
  commandError = '';
  /** The words of the command that runs it, while it is left unfinished. */
  words: Arguments | null = null;

  begin(call: Call, name: string, isFunction: boolean, readOnly: boolean, allowOom: boolean): void {
    this.call = call;
    this.client = call.client;
    this.name = name;
    this.isFunction = isFunction;
    this.readOnly = readOnly;
    this.allowOom = allowOom;
    this.protocol = 2;
    this.hasWritten = false;
    this.commandError = '';
    this.targets = PROPAGATES_TO_LOG | PROPAGATES_TO_REPLICAS;
    this.isSlow = false;
    this.isKilled = false;
    this.isActive = true;
    this.words = null;
  }
}
