import { dirname, join } from 'node:path';
import { LOADING } from '../base/error-replies.ts';
import { errorReason } from '../base/files.ts';
import type { ShutdownOptions } from '../command-table/call.ts';
import type {
  LoadingReport,
  PersistenceControl,
  PersistenceReport,
} from '../command-table/persistence-control.ts';
import {
  delayLoad,
  keptBytesMax,
  LoadProgress,
  loadInParts,
  type PersistenceHost,
  SLICE_US,
} from './host.ts';
import { RdbError } from './rdb/rdb-error.ts';
import { RdbLoader } from './rdb-loader.ts';
import { SnapshotWriting } from './snapshot-writing.ts';

const WRITES_STOPPED =
  "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";
/** Seconds before a snapshot that failed is begun again by itself. */
const RETRY_SECONDS = 5;
/** A snapshot that is being written. */
interface Running {
  readonly writing: SnapshotWriting;
  /** The keyspace's count of changes when it began. */
  readonly dirty: number;
}

/** Snapshots to a file, by command or at save points, and loading it at the start (rdb.c). */
export class Persistence implements PersistenceControl {
  /** Something else is being written: snapshots in the background wait for it. */
  isOccupied = false;
  /** The tier is being taken up: how far that has come. */
  restoring: LoadingReport | null = null;
  readonly #host: PersistenceHost;
  #running: Running | null = null;
  #isScheduled = false;
  #savedDirty: number;
  #lastSaveMs: number;
  #lastTryMs = 0;
  #hasFailed = false;
  #lastDurationMs = -1;
  #lastKeptBytes = 0;
  #saves = 0;
  #loadedKeys = 0;
  #expiredKeys = 0;
  #loader: RdbLoader | null = null;
  #loadStartMs = 0;
  #loadBytes = 0;

  constructor(host: PersistenceHost) {
    this.#host = host;
    this.#savedDirty = host.keyspace.dirty;
    this.#lastSaveMs = host.keyspace.nowMs;
  }

  get isRestricting(): boolean {
    return this.#loader !== null || this.restoring !== null || this.#hasFailed;
  }

  refusalOf(isWrite: boolean, isAllowedWhileLoading: boolean): string | null {
    const { values } = this.#host.config;
    if (this.#loader !== null || this.restoring !== null) return isAllowedWhileLoading ? null : LOADING;
    const stopsWrites = values['stop-writes-on-bgsave-error'] && values.save.length > 0 && this.#hasFailed;
    return isWrite && stopsWrites ? WRITES_STOPPED : null;
  }

  get isSaving(): boolean {
    return this.#running !== null;
  }

  get isLoading(): boolean {
    return this.#loader !== null;
  }

  /** Bytes of RAM that the present snapshot takes. */
  get byteCount(): number {
    return this.#running?.writing.byteCount ?? 0;
  }

  /** Whether a snapshot is to be written when the server ends in order. */
  get hasSavePoints(): boolean {
    return this.#host.config.values.save.length > 0;
  }

  save(): boolean {
    const { keyspace, clock } = this.#host;
    this.#saves++;
    let writing: SnapshotWriting | null = null;
    try {
      writing = this.#begin(false);
      writing.runToEnd();
    } catch (error) {
      writing?.discard();
      this.#tellFailure(error);
      return false;
    }
    this.#savedDirty = keyspace.dirty;
    this.#lastSaveMs = clock.wallMs();
    this.#hasFailed = false;
    this.#host.log('DB saved on disk', 'notice');
    return true;
  }

  beginSave(): boolean {
    const { keyspace, clock } = this.#host;
    this.#isScheduled = false;
    this.#saves++;
    this.#lastTryMs = clock.wallMs();
    try {
      this.#running = { writing: this.#begin(true), dirty: keyspace.dirty };
    } catch (error) {
      this.#hasFailed = true;
      this.#tellFailure(error);
      return false;
    }
    this.#host.log('Background saving started', 'notice');
    return true;
  }

  scheduleSave(): void {
    this.#isScheduled = true;
  }

  /**
   * Before the server ends in order: gives the snapshot in the background up, and writes one where there are save points or it is
   * asked for. False, which is logged, if that fails and the end is not forced: then the server must go on.
   */
  prepareToEnd({ save, force }: ShutdownOptions): boolean {
    this.abandon();
    if (this.#loader !== null || save === 'nosave' || (save === 'default' && !this.hasSavePoints))
      return true;
    this.#host.log('Saving the final RDB snapshot before exiting.', 'notice');
    if (this.save()) return true;
    this.#host.log("Error trying to save the DB, can't exit.");
    return force;
  }

  /** Gives the snapshot in the background up, if there is one. */
  abandon(): void {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    running.writing.discard();
    this.#host.log('Background saving given up', 'warning');
  }

  flushedAll(): void {
    this.abandon();
    if (this.hasSavePoints) this.save();
  }

  relieve(): void {
    const running = this.#running;
    if (running === null || running.writing.isFinishing || running.writing.wasCleared) return;
    const byteLimit = keptBytesMax(this.#host);
    if (running.writing.isAbove(byteLimit))
      this.#advance(running, () => running.writing.relieve(byteLimit / 2));
  }

  /** The work between commands: goes on with a snapshot, or begins one where it is time. Whether there is more to do at once. */
  cron(): boolean {
    if (this.#loader !== null) return true;
    const running = this.#running;
    if (running === null) {
      this.#beginWhereDue();
      return this.#running !== null;
    }
    const { writing } = running;
    if (writing.isFinishing) return false;
    if (writing.wasCleared) {
      this.#host.log('A database was emptied: saving begins anew', 'notice');
      writing.discard();
      this.#running = null;
      this.#saves--;
      this.beginSave();
      return true;
    }
    this.#advance(running, () => writing.run(SLICE_US));
    return !writing.isFinishing;
  }

  reload(keeps: boolean, merges: boolean): boolean {
    const { keyspace, files, scripts } = this.#host;
    if (!keeps) {
      for (const database of keyspace.databases) this.#host.free(database.clear(), false);
      scripts.flushLibraries();
    }
    const { path } = this;
    try {
      if (files.exists(path)) for (const _ of this.#load(path, merges));
    } catch (error) {
      this.#host.log(`Loading ${path} failed: ${loadFailure(error)}`);
      return false;
    }
    return true;
  }

  /** Loads the file of the snapshot, if there is one, without letting others run. Throws an Error with the reason, for people. */
  loadAtOnce(): void {
    const { path } = this;
    if (!this.#host.files.exists(path)) return;
    try {
      for (const _ of this.#load(path, false)) this.#host.makeRoom();
    } catch (error) {
      throw new Error(`Can't load ${path}: ${loadFailure(error)}`);
    }
  }

  /**
   * As {@link loadAtOnce}, in parts between which others run, who are told that data is being loaded; waits where there is no room
   * yet. Another file may be given, and then whether keys that are there are replaced.
   */
  async load(path = this.path, replaces = false): Promise<void> {
    if (!this.#host.files.exists(path)) return;
    try {
      await loadInParts(this.#host, this.#load(path, replaces), (reason) => new RdbError(reason));
    } catch (error) {
      throw new Error(`Can't load ${path}: ${loadFailure(error)}`);
    }
  }

  /** Where snapshots are. */
  get path(): string {
    const { dir, dbfilename } = this.#host.config.values;
    return join(dir, dbfilename);
  }

  get report(): PersistenceReport {
    const running = this.#running;
    const { keyspace, clock } = this.#host;
    const nowMs = clock.wallMs();
    return {
      changes: keyspace.dirty - this.#savedDirty,
      isSaving: running !== null,
      lastSaveSeconds: Math.floor(this.#lastSaveMs / 1000),
      hasFailed: this.#hasFailed,
      lastDurationSeconds: this.#lastDurationMs < 0 ? -1 : Math.floor(this.#lastDurationMs / 1000),
      currentDurationSeconds: running === null ? -1 : Math.floor((nowMs - running.writing.startMs) / 1000),
      saves: this.#saves,
      keptBytes: running?.writing.byteCount ?? 0,
      keptBytesPeak: running?.writing.keptBytesPeak ?? 0,
      lastKeptBytes: this.#lastKeptBytes,
      keyCount: running?.writing.keyCount ?? 0,
      keysDone: running?.writing.keysDone ?? 0,
      loadedKeys: this.#loadedKeys,
      expiredKeys: this.#expiredKeys,
      loading: this.#loadingReport(nowMs),
    };
  }

  #loadingReport(nowMs: number): LoadingReport | null {
    if (this.#loader === null) return this.restoring;
    return {
      startSeconds: Math.floor(this.#loadStartMs / 1000),
      totalBytes: this.#loadBytes,
      loadedBytes: this.#loader.consumedBytes,
      elapsedSeconds: Math.floor((nowMs - this.#loadStartMs) / 1000),
    };
  }

  *#load(path: string, replaces: boolean): IterableIterator<void> {
    const { keyspace, config, clock, files, scripts, log } = this.#host;
    const startMs = clock.wallMs();
    keyspace.nowMs = startMs;
    const loader = new RdbLoader(keyspace, {
      limits: config.values,
      loadFunction: (source) => void scripts.loadLibrary(source, replaces),
      log: (text) => log(text, 'notice'),
      delay: (keys) => delayLoad(this.#host, keys),
    });
    const wasPaused = keyspace.expiryPaused;
    const file = files.open(path, 'read');
    this.#loader = loader;
    this.#loadStartMs = startMs;
    try {
      const totalBytes = file.size();
      this.#loadBytes = totalBytes;
      let position = 0;
      const source = (target: Uint8Array): number => {
        const count = file.read(target, 0, target.length, position);
        position += count;
        return count;
      };
      const steps = loader.load(source, {
        totalBytes,
        verifiesChecksum: config.values.rdbchecksum && !this.#host.switches.skipsChecksums,
        replaces,
      });
      const progress = new LoadProgress(this.#host, path, totalBytes);
      keyspace.expiryPaused = true;
      while (!this.#quietly(steps)) {
        progress.note(loader.consumedBytes);
        yield;
      }
      const seconds = ((clock.wallMs() - startMs) / 1000).toFixed(3);
      const { loadedKeys, expiredKeys } = loader;
      log(
        `Done loading RDB, keys loaded: ${loadedKeys}, keys expired: ${expiredKeys}, empty keys skipped: ${loader.emptyKeys}`,
        'notice',
      );
      log(`DB loaded from disk: ${seconds} seconds`, 'notice');
    } finally {
      file.close();
      keyspace.expiryPaused = wasPaused;
      this.#loader = null;
      this.#loadedKeys = loader.loadedKeys;
      this.#expiredKeys = loader.expiredKeys;
      this.#savedDirty = keyspace.dirty;
    }
  }

  /** Takes one step of a load, of which no events are told; whether it was the last. */
  #quietly(steps: IterableIterator<void>): boolean {
    const { settings } = this.#host.keyspace;
    const { notifyFlags } = settings;
    settings.notifyFlags = 0;
    try {
      return steps.next().done === true;
    } finally {
      settings.notifyFlags = notifyFlags;
    }
  }

  #beginWhereDue(): void {
    const { keyspace, clock, config } = this.#host;
    if (this.isOccupied || keyspace.watcher !== null) return;
    const nowMs = clock.wallMs();
    const mayTry = !this.#hasFailed || nowMs - this.#lastTryMs > RETRY_SECONDS * 1000;
    if (!mayTry) return;
    const changes = keyspace.dirty - this.#savedDirty;
    const point = config.values.save.find(
      (each) => changes >= each.changes && nowMs - this.#lastSaveMs > each.seconds * 1000,
    );
    if (point !== undefined) {
      this.#host.log(`${point.changes} changes in ${point.seconds} seconds. Saving...`, 'notice');
      this.beginSave();
    } else if (this.#isScheduled) {
      this.beginSave();
    }
  }

  /** Goes on with a snapshot, and ends it when all is told, or fails. */
  #advance(running: Running, goOn: () => boolean): void {
    const { writing } = running;
    try {
      if (!goOn() || writing.isFinishing) return;
    } catch (error) {
      this.#fail(running, error);
      return;
    }
    this.#lastKeptBytes = writing.keptBytesPeak;
    writing.finish().then(
      () => this.#succeed(running),
      (error) => this.#fail(running, error),
    );
  }

  #succeed(running: Running): void {
    if (this.#running !== running) return;
    this.#running = null;
    const nowMs = this.#host.clock.wallMs();
    this.#savedDirty = running.dirty;
    this.#lastSaveMs = nowMs;
    this.#lastDurationMs = nowMs - running.writing.startMs;
    this.#hasFailed = false;
    this.#host.log('Background saving terminated with success', 'notice');
  }

  #fail(running: Running, error: unknown): void {
    if (this.#running !== running) return;
    this.#running = null;
    running.writing.discard();
    this.#lastDurationMs = this.#host.clock.wallMs() - running.writing.startMs;
    this.#hasFailed = true;
    this.#tellFailure(error);
    this.#host.log('Background saving error');
  }

  #tellFailure(error: unknown): void {
    this.#host.log(`Writing the snapshot ${this.path} failed: ${errorReason(error)}`);
  }

  #begin(isInBackground: boolean): SnapshotWriting {
    const host = this.#host;
    const { path } = this;
    if (host.files.statistics(dirname(path)) === undefined)
      throw new Error(`there is no directory ${dirname(path)}`);
    const syncsOften = host.config.values['rdb-save-incremental-fsync'];
    return new SnapshotWriting(host, { path, isLogBase: false, syncsOften, isInBackground });
  }
}

/** Why a load failed, for people. */
function loadFailure(error: unknown): string {
  return error instanceof RdbError ? error.message : errorReason(error);
}
