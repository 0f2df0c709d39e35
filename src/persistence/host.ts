import type { Clock } from '../base/clock.ts';
import type { Files } from '../base/files.ts';
import { sleep } from '../base/sleep.ts';
import type { DebugSwitches } from '../command-table/debug-switches.ts';
import type { ScriptControl } from '../command-table/script-control.ts';
import type { Config } from '../config/config.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';

/** Microseconds of writing a snapshot in one run of the cron. */
export const SLICE_US = 3000;
/** Share of the budget that a snapshot may keep of what changes, and what it may keep where there is no budget. */
const KEPT_FRACTION = 1 / 20;
const KEPT_BYTES_DEFAULT = 64 * 1024 * 1024;
/** Microseconds of loading between two looks at what else there is to do. */
const LOAD_SLICE_US = 20_000;
/** A load tells how far it has come at each such part. */
const PROGRESS_PARTS = 10;

/** What snapshots and the log need of the server. */
export interface PersistenceHost {
  readonly keyspace: Keyspace;
  readonly config: Config;
  readonly clock: Clock;
  readonly files: Files;
  readonly scripts: ScriptControl;
  readonly switches: DebugSwitches;
  /** Which tier's data it is that is written now, and how many cuts of checkpoints were made; null with Flex off. */
  origin(): { readonly tier: string; readonly cut: number } | null;
  /** Bytes of RAM that the server may take, 0 for no limit, and those that it takes. */
  memoryLimit(): number;
  usedBytes(): number;
  /** Makes room for more data: at once or, with 'wait', later; 'full' if there is none. */
  makeRoom(): 'run' | 'wait' | 'full';
  free(walk: IterableIterator<void>, atOnce: boolean): void;
  log(text: string, level?: 'debug' | 'verbose' | 'notice' | 'warning'): void;
}

/** Microseconds of a delay per key as the configuration gives it: below 0 it is a microsecond for so many keys. */
export function keyDelayUs(setting: number): number {
  return setting < 0 ? -1 / setting : setting;
}

/** Holds the process up after so many loaded keys, as `key-load-delay` asks for. */
export function delayLoad(host: PersistenceHost, keys: number): void {
  const setting = host.config.values['key-load-delay'];
  if (setting !== 0) sleep((keyDelayUs(setting) * keys) / 1000);
}

/** Bytes that a snapshot may keep of what changes. */
export function keptBytesMax(host: PersistenceHost): number {
  const limit = host.memoryLimit();
  return limit === 0 ? KEPT_BYTES_DEFAULT : limit * KEPT_FRACTION;
}

/**
 * Takes the steps of a load, in parts between which others run; waits where there is no room yet. Throws what `failure` makes of a
 * reason, for people, if there will be none.
 */
export async function loadInParts(
  host: PersistenceHost,
  steps: Iterable<void>,
  failure: (reason: string) => Error,
): Promise<void> {
  const { clock } = host;
  let startUs = clock.monotonicUs();
  for (const _ of steps) {
    let room = host.makeRoom();
    if (room === 'run' && clock.monotonicUs() - startUs < LOAD_SLICE_US) continue;
    do {
      if (room === 'full') throw failure('there is no room for its keys, neither in memory nor in the tier');
      await new Promise((resolve) => setTimeout(resolve, room === 'wait' ? 1 : 0));
      room = host.makeRoom();
    } while (room !== 'run');
    startUs = clock.monotonicUs();
  }
}

/** Logs how far a load has come, at each tenth of it. */
export class LoadProgress {
  readonly #host: PersistenceHost;
  readonly #what: string;
  readonly #totalBytes: number;
  #part = 1;

  constructor(host: PersistenceHost, what: string, totalBytes: number) {
    this.#host = host;
    this.#what = what;
    this.#totalBytes = totalBytes;
  }

  note(loadedBytes: number): void {
    const total = this.#totalBytes;
    if (loadedBytes * PROGRESS_PARTS < total * this.#part) return;
    const percent = Math.floor((loadedBytes / total) * 100);
    this.#host.log(`Loading ${this.#what}: ${percent} % done`, 'notice');
    this.#part = Math.floor((loadedBytes * PROGRESS_PARTS) / total) + 1;
  }
}
