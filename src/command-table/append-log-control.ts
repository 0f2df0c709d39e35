import type { Client } from './client.ts';

/** What INFO tells of the append-only file. */
export interface AppendLogReport {
  readonly isRewriting: boolean;
  readonly isRewriteScheduled: boolean;
  /** How long the last rewrite took, and the present one so far; -1 for none. */
  readonly lastRewriteSeconds: number;
  readonly currentRewriteSeconds: number;
  readonly hasRewriteFailed: boolean;
  /** Rewrites that were begun, and how many failed since the last that did not. */
  readonly rewrites: number;
  readonly consecutiveFailures: number;
  readonly hasWriteFailed: boolean;
  /** Bytes kept in RAM of what changed during the last rewrite. */
  readonly lastKeptBytes: number;
  /** Sizes of all files that are loaded, and what they were after the last rewrite or the start. */
  readonly currentBytes: number;
  readonly baseBytes: number;
  /** Bytes that wait to be written, and the size of their buffer. */
  readonly pendingBytes: number;
  readonly bufferBytes: number;
  readonly pendingSyncs: number;
  readonly delayedSyncs: number;
}

/** What commands do with the append-only file. */
export interface AppendLogControl {
  /** `appendonly` is on, be it that the first rewrite is not finished. */
  readonly isOn: boolean;
  /** Some commands are refused at present: {@link refusalOf} tells which. */
  readonly isRestricting: boolean;
  /** The error with which a command is refused that changes data or does not, and that may run while data is loaded or not. */
  refusalOf(isWrite: boolean, isAllowedWhileLoading: boolean): string | null;
  /** Whether a rewrite is being written. */
  readonly isRewriting: boolean;
  /** Begins a rewrite; false if it fails, which is logged. */
  beginRewrite(): boolean;
  /** Has one begin when it can. */
  scheduleRewrite(): void;
  /** Writes what a rewrite keeps of what has changed, if that is too much; called before a command. */
  relieve(): void;
  /** Whether all that a client has changed is on disk. */
  hasSynced(client: Client): boolean;
  /** Clients whose command waits until more is on disk; those that no longer wait are dropped by and by. */
  readonly waiting: Set<Client>;
  /** Empties the keyspace and loads the log (DEBUG LOADAOF). False if it fails, which is logged. */
  reload(): boolean;
  /** How far a load of the log has come, null if there is none. */
  readonly loading: {
    readonly startSeconds: number;
    readonly totalBytes: number;
    readonly loadedBytes: number;
    readonly elapsedSeconds: number;
  } | null;
  readonly report: AppendLogReport;
}
