import type { Arguments } from '../resp/arguments.ts';
import type { Call } from './call.ts';
import type { Client } from './client.ts';

/** A library of functions, as FUNCTION LIST shows it. Names and code are strings of one character per byte. */
export interface FunctionLibrary {
  readonly name: string;
  readonly code: string;
  readonly functions: readonly {
    readonly name: string;
    readonly description: string | null;
    readonly flagNames: readonly string[];
  }[];
}

/** What to do with the libraries that are there when others are restored. */
export type RestorePolicy = 'flush' | 'append' | 'replace';

/** What runs at this moment. */
export interface RunningScript {
  readonly client: Client;
  /** SHA-1 of a script, or a function's name. */
  readonly name: string;
  readonly isFunction: boolean;
  readonly words: readonly Uint8Array[];
  readonly durationMs: number;
}

/** Sums for INFO. */
export interface ScriptReport {
  readonly scriptCount: number;
  readonly evictedScripts: number;
  readonly libraryCount: number;
  readonly functionCount: number;
  /** Bytes in the machines of scripts and of functions. */
  readonly scriptMachineBytes: number;
  readonly functionMachineBytes: number;
  /** Bytes of cached scripts, and of libraries, besides. */
  readonly scriptBytes: number;
  readonly functionBytes: number;
}

/** What commands do with scripts and functions. Refusals are thrown as a ReplyError. */
export interface ScriptControl {
  /**
   * The client whose script has run longer than `busy-reply-threshold` and is left unfinished; until it is finished, other
   * commands are refused by {@link busyError}.
   */
  readonly unfinishedClient: Client | null;
  readonly busyError: string;
  readonly running: RunningScript | null;
  /** The client whose script runs, or is left unfinished. */
  readonly caller: Client | null;
  readonly report: ScriptReport;
  /** In the order of their names. */
  readonly libraries: readonly FunctionLibrary[];
  /** EVAL and EVALSHA: runs a script and writes its reply. */
  evaluate(call: Call, isBySha: boolean, readOnly: boolean): void;
  /** FCALL: runs a function and writes its reply. */
  callFunction(call: Call, readOnly: boolean): void;
  /** Whether what a call of EVAL or FCALL runs has declared that it changes nothing. */
  declaresNoWrites(words: Arguments): boolean;
  /** Keeps a script for EVALSHA; returns its SHA-1. */
  loadScript(body: Uint8Array): string;
  hasScript(sha: string): boolean;
  flushScripts(): void;
  /** Ends the script or function that runs, if it has written nothing. */
  kill(isFunction: boolean): void;
  /** Takes a library; returns its name. */
  loadLibrary(code: Uint8Array, replaces: boolean): string;
  /** False if there is no such library. */
  deleteLibrary(name: string): boolean;
  flushLibraries(): void;
  /** All libraries as RDB opcodes, then the version and the checksum. */
  dumpLibraries(): Uint8Array;
  restoreLibraries(payload: Uint8Array, policy: RestorePolicy): void;
  /** A client is gone: what it left unfinished is ended, or finished at once. */
  leave(client: Client): void;
}
