import type { Client } from './client.ts';

/** What `Client.tracking` is made of (CLIENT TRACKING). */
export const TRACKS = 1;
/** The client hears of all keys with its prefixes, whether it has read them or not. */
export const BROADCASTS = 1 << 1;
/** Only keys of commands after CLIENT CACHING YES are remembered; all but those after CLIENT CACHING NO. */
export const OPTS_IN = 1 << 2;
export const OPTS_OUT = 1 << 3;
/** The client does not hear of its own changes. */
export const NO_LOOP = 1 << 4;
/** CLIENT CACHING was given for the command that comes next. */
export const CACHING = 1 << 5;
/** The connection that messages are sent to is gone. */
export const REDIRECT_BROKEN = 1 << 6;

/** What commands do with client-side caching: who is told when keys that were read change. */
export interface Tracking {
  /** Clients that track. */
  readonly clientCount: number;
  /** Keys that are remembered, and how often altogether, counting each client that has read one. */
  readonly keyCount: number;
  readonly itemCount: number;
  /** Prefixes that are broadcast. */
  readonly prefixCount: number;
  /**
   * Begins to track for a client, or changes how: `mode` is made of {@link BROADCASTS}, {@link OPTS_IN}, {@link OPTS_OUT} and
   * {@link NO_LOOP}, `redirect` the id of the client that is told, or 0 for the client itself. With BROADCASTS the prefixes
   * are added to those that the client has; none stand for all keys.
   */
  enable(client: Client, redirect: number, mode: number, prefixes: readonly Uint8Array[]): void;
  disable(client: Client): void;
  /** The prefixes of a client that broadcasts, in order of their bytes. */
  prefixesOf(client: Client): readonly Uint8Array[];
  /** All keys are gone (FLUSHALL, FLUSHDB), by a command of the caller. */
  flushed(caller: Client | null): void;
  /** Forgets a client that is gone. */
  leave(client: Client): void;
}
