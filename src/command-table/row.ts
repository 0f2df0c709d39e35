import type { Arguments } from '../resp/arguments.ts';
import type { NearValue } from '../types/pages/near.ts';
import type { Call } from './call.ts';

/** Flags as COMMAND INFO names them, in its order. */
export const COMMAND_FLAGS = [
  'write',
  'readonly',
  'denyoom',
  'admin',
  'pubsub',
  'noscript',
  'blocking',
  'loading',
  'stale',
  'skip_monitor',
  'skip_slowlog',
  'asking',
  'fast',
  'no_auth',
  'may_replicate',
  'no_mandatory_keys',
  'no_async_loading',
  'no_multi',
  'movablekeys',
  'allow_busy',
] as const;
/** A flag that a row can have: `movablekeys` follows from its key specifications. */
export type CommandFlag = Exclude<(typeof COMMAND_FLAGS)[number], 'movablekeys'>;

/** ACL categories as COMMAND INFO names them, in its order. */
export const CATEGORIES = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
] as const;
export type Category = (typeof CATEGORIES)[number];

/** Groups as COMMAND DOCS names them. */
export type CommandGroup =
  | 'generic'
  | 'string'
  | 'list'
  | 'set'
  | 'sorted-set'
  | 'hash'
  | 'pubsub'
  | 'transactions'
  | 'connection'
  | 'server'
  | 'scripting'
  | 'hyperloglog'
  | 'geo'
  | 'stream'
  | 'bitmap'
  | 'cluster';

/** Flags of a key specification as COMMAND INFO names them, in its order. */
export const KEY_FLAGS = [
  'RO',
  'RW',
  'OW',
  'RM',
  'access',
  'update',
  'insert',
  'delete',
  'not_key',
  'incomplete',
  'variable_flags',
] as const;
export type KeyFlag = (typeof KEY_FLAGS)[number];

/** Where a command's keys are among its arguments ("Command key specifications" of the Redis docs). */
export interface KeySpec {
  readonly flags: readonly KeyFlag[];
  /** With `variable_flags`: the flags of one call. */
  readonly flagsOf?: (words: Arguments) => readonly KeyFlag[];
  readonly notes?: string;
  /**
   * Where to begin: an argument's number, or after a keyword looked for from an argument on (negative: from the end); or
   * unknown.
   */
  readonly begin:
    | { readonly index: number }
    | { readonly keyword: string; readonly from: number }
    | 'unknown';
  /**
   * Which are keys from there: up to `last` (relative to the beginning, or from the end where negative) by `step`, the
   * rest divided by `limit`; or as many as the argument at `count` says, the first being at `first`; or unknown.
   */
  readonly find:
    | { readonly last: number; readonly step: number; readonly limit: number }
    | { readonly count: number; readonly first: number; readonly step: number }
    | 'unknown';
  /**
   * Where the key is that neither of the two can tell, as that of SORT's STORE: an argument's number, or -1 if the call has
   * none. What COMMAND tells stays as the specification says; access control and the tier need to know.
   */
  readonly locate?: (words: Arguments) => number;
}

/** An argument's description for COMMAND DOCS. */
export interface ArgumentDoc {
  readonly name: string;
  readonly type:
    | 'string'
    | 'integer'
    | 'double'
    | 'key'
    | 'pattern'
    | 'unix-time'
    | 'pure-token'
    | 'oneof'
    | 'block';
  readonly token?: string;
  readonly keySpec?: number;
  readonly summary?: string;
  readonly since?: string;
  readonly deprecatedSince?: string;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  readonly multipleToken?: boolean;
  readonly arguments?: readonly ArgumentDoc[];
}

/** What COMMAND DOCS and COMMAND INFO tell of a command beyond what it needs to run. */
export type CommandDocs = Pick<CommandRow, 'arguments' | 'history' | 'hints'>;

/** What must be in RAM before a command's handler runs, for each of its keys. */
export type ResidencyNeed = 'none' | 'header' | 'value';

/**
 * Asks for the pages of a value that a call is going to look at, as far as can be told (types/pages/near.ts). The key is argument
 * `at`; its value, of any type, is in pages. Nothing is replied, and what the arguments get wrong is left to the handler.
 */
export type ElementNeed = (value: NearValue, words: Arguments, at: number) => void;

/**
 * All there is to say about a command, beside its handler. COMMAND, COMMAND DOCS, the ACL, the residency gate and the
 * docs read it; nothing is said twice.
 */
export interface CommandRow {
  /** Lower-case; of a subcommand only its own word. */
  readonly name: string;
  readonly summary: string;
  readonly since: string;
  readonly group: CommandGroup;
  readonly complexity: string;
  /** Number of arguments, the name included; negative for at least so many. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** Those besides what follows from `flags`. */
  readonly categories: readonly Category[];
  readonly keys: readonly KeySpec[];
  readonly need: ResidencyNeed;
  /** What is needed of values in pages beside their heads. */
  readonly elements?: ElementNeed;
  readonly arguments?: readonly ArgumentDoc[];
  readonly history?: readonly (readonly [since: string, change: string])[];
  readonly hints?: readonly string[];
  readonly docFlags?: readonly ('deprecated' | 'syscmd')[];
  readonly deprecatedSince?: string;
  readonly replacedBy?: string;
  /** What differs from Redis, in a sentence for docs/compatibility.md. */
  readonly differences?: string;
  /** Runs the command to its end and writes one reply. Absent for a container of subcommands that can't be called. */
  readonly execute?: (call: Call) => void;
  readonly subcommands?: readonly CommandRow[];
}
