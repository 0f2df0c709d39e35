import { isAbsolute, join } from 'node:path';
import type { Files } from '../base/files.ts';
import type { KeyHash } from '../base/hash.ts';
import { secretHex } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { AppendLog } from '../persistence/aof/append-log.ts';
import type { Checkpoint, SnapshotMark } from '../persistence/checkpoint/checkpoint-file.ts';
import { type CheckpointHost, Checkpoints } from '../persistence/checkpoint/checkpoints.ts';
import { findCheckpoints, hasCheckpoint, markOfSnapshot } from '../persistence/checkpoint/recovery.ts';
import { startFromTier } from '../persistence/checkpoint/tier-start.ts';
import { loadInParts, type PersistenceHost } from '../persistence/host.ts';
import type { Persistence } from '../persistence/persistence.ts';
import type { SavedStore } from '../tiering/cold-store.ts';
import type { Tier } from '../tiering/tier.ts';

/** What the tier's life beyond a process needs of the server. */
export interface DurableTierHost {
  readonly persistenceHost: PersistenceHost;
  readonly tier: Tier;
  readonly appendLog: AppendLog;
  readonly persistence: Persistence;
  /** Bytes of memory that count against the budget. */
  chargedBytes(): number;
  /** A transaction is being run. */
  isInTransaction(): boolean;
}

/** The folder of the tier. */
export function tierPath(config: Config): string {
  const { dir, 'flex-storage-path': path } = config.values;
  return isAbsolute(path) ? path : join(dir, path);
}

/** With Flex off a data set in the tier would be passed over: throws an Error for people if there is one. */
export function checkNoTier(files: Files, config: Config): void {
  const path = tierPath(config);
  if (!hasCheckpoint(files, path)) return;
  throw new Error(
    `The SSD tier at ${path} holds a data set, and enable-flex is off. To export it, start with enable-flex yes and SAVE a snapshot; then move ${path} away`,
  );
}

/** The tier's data from one process to the next: found at the start, taken up, and kept by checkpoints. */
export class DurableTier {
  readonly checkpoints: Checkpoints;
  readonly #host: DurableTierHost;
  readonly #checkpointHost: CheckpointHost;
  readonly #recovered: readonly Checkpoint[];
  #isTakenUp = false;
  /** The snapshot that was there when a new tier was begun. */
  #firstSnapshot: SnapshotMark | null = null;

  /** `recovered` are the checkpoints that {@link recoverTier} has found. */
  constructor(host: DurableTierHost, recovered: readonly Checkpoint[]) {
    const { persistenceHost, tier, appendLog, persistence } = host;
    this.#host = host;
    this.#recovered = recovered;
    this.#checkpointHost = {
      ...persistenceHost,
      tier,
      appendLog,
      isInTransaction: () => host.isInTransaction() || persistence.isLoading || appendLog.loading !== null,
      chargedBytes: () => host.chargedBytes(),
      newTierName: () => secretHex(16),
    };
    const states = recovered.map(({ state }) => state);
    this.checkpoints = new Checkpoints(this.#checkpointHost, states, () => this.#firstSnapshot);
  }

  /** There is a data set of an earlier run, which is not taken up yet. */
  get hasData(): boolean {
    return this.#recovered.length > 0 && !this.#isTakenUp;
  }

  /** Takes up the data of an earlier run, or has `loadFiles` fill a new tier. Rejects with an Error for people. */
  async load(loadFiles: () => Promise<void>): Promise<void> {
    if (this.hasData) {
      await loadInParts(this.#host.persistenceHost, this.#takeUp(), (reason) => new Error(reason));
      return;
    }
    this.#prepare();
    await loadFiles();
    this.#begin();
  }

  /** As {@link load}, without letting others run. */
  loadAtOnce(loadFiles: () => void): void {
    if (this.hasData) {
      for (const _ of this.#takeUp()) this.#host.persistenceHost.makeRoom();
      return;
    }
    this.#prepare();
    loadFiles();
    this.#begin();
  }

  /** The steps that take the data of an earlier run up. They throw an Error with the reason, for people. */
  *#takeUp(): IterableIterator<void> {
    const { persistence, appendLog, persistenceHost } = this.#host;
    const { keyspace, clock, config } = persistenceHost;
    const [newest] = this.#recovered;
    this.#isTakenUp = true;
    const start = {
      host: this.#checkpointHost,
      checkpoints: this.checkpoints,
      appendLog,
      snapshotPath: persistence.path,
      isLogOn: config.values.appendonly,
    };
    const steps = startFromTier(start, newest);
    const startMs = clock.wallMs();
    const totalBytes = newest.state.base?.bytes ?? 0;
    const wasPaused = keyspace.expiryPaused;
    keyspace.expiryPaused = true;
    try {
      do {
        const elapsedSeconds = Math.floor((clock.wallMs() - startMs) / 1000);
        // What the log tells of its own load is told by it.
        const isOfLog = appendLog.loading !== null;
        persistence.restoring = isOfLog
          ? null
          : { startSeconds: Math.floor(startMs / 1000), totalBytes, loadedBytes: 0, elapsedSeconds };
        yield;
      } while (steps.next().done !== true);
    } finally {
      keyspace.expiryPaused = wasPaused;
      persistence.restoring = null;
    }
  }

  /** A new tier is begun with what is loaded next. */
  #prepare(): void {
    const { persistence, persistenceHost } = this.#host;
    this.#firstSnapshot = markOfSnapshot(persistenceHost.files, persistence.path);
  }

  /** A new tier has got its data, or there was none: has it outlive the process. */
  #begin(): void {
    const { databases } = this.#host.persistenceHost.keyspace;
    this.checkpoints.begin(false);
    if (databases.some(({ size }) => size > 0)) this.checkpoints.request();
  }
}

/**
 * The checkpoints in a tier's folder, newest first, by whose secret keys are found from now on. Throws an Error with the reason, for
 * people.
 */
export function recoverTier(
  files: Files,
  path: string,
  keyHash: KeyHash,
  log: (text: string) => void,
): { readonly found: readonly Checkpoint[]; readonly store: SavedStore | null } {
  const found = findCheckpoints(files, path, log);
  const newest = found.at(0);
  if (newest !== undefined) keyHash.rekey(newest.state.secret);
  return { found, store: newest?.state.store ?? null };
}
