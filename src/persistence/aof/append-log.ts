import { join } from 'node:path';
import { errorReason } from '../../base/files.ts';
import type { AppendLogControl, AppendLogReport } from '../../command-table/append-log-control.ts';
import type { Client } from '../../command-table/client.ts';
import type { Arguments } from '../../resp/arguments.ts';
import { keptBytesMax, LoadProgress, loadInParts, type PersistenceHost, SLICE_US } from '../host.ts';
import { RdbLoader } from '../rdb-loader.ts';
import { SnapshotWriting } from '../snapshot-writing.ts';
import { AofLoadError, AofLoader, type AofLoadHost, measure } from './loader.ts';
import { type AofFile, Manifest, ManifestError } from './manifest.ts';
import { AofWriter, type WriterSettings } from './writer.ts';

const LOADING = 'LOADING Redis is loading the dataset in memory';
/** In the log's directory: who uses it. */
const LOCK_NAME = 'thermocline.lock';
/** The load of a smaller log is over before anybody asks. */
const TOLD_BYTES_MIN = 16 * 1024 * 1024;
/** After so many failures in a row rewrites are begun less often, at most after so many minutes (aofRewriteLimited). */
const FAILURES_UNLIMITED = 3;
const DELAY_MINUTES_MAX = 60;

/** What the log needs of the server. */
export interface AppendLogHost extends PersistenceHost {
  /** A transaction is being run: what belongs together must stay in one file. */
  isInTransaction(): boolean;
  /** A snapshot is being written or loaded, which a rewrite has to wait for; and the other way round. */
  isSaving(): boolean;
  occupy(isOccupied: boolean): void;
  /** Runs a command of the log, and what else loading needs. */
  readonly replayer: Pick<AofLoadHost, 'replay' | 'isInTransaction' | 'leaveTransaction'>;
  noteLatency(event: string, milliseconds: number): void;
  /** More of the log is on disk. */
  synced(): void;
  /** Ends the process before any reply is sent. */
  fail(reason: string): never;
}

/** A rewrite under way. */
interface Running {
  readonly rewrite: SnapshotWriting;
  /** The files as they are while it goes on. */
  readonly manifest: Manifest;
}

/** How far a load has come. */
interface Progress {
  readonly startMs: number;
  readonly totalBytes: number;
  loadedBytes: number;
}

/**
 * The append-only file: what it is made of, when it is written, rewritten and loaded (aof.c of Redis 7 and later; docs/formats/aof.md).
 *
 * It is off; or on; or it has been switched on and waits for the first rewrite: what is appended meanwhile is in a file that no
 * manifest names until there is a base to it.
 */
export class AppendLog implements AppendLogControl {
  readonly waiting = new Set<Client>();
  readonly #host: AppendLogHost;
  readonly #writer: AofWriter;
  #state: 'off' | 'waiting' | 'on' = 'off';
  /** What the manifest on disk says; null before it was read. */
  #manifest: Manifest | null = null;
  #running: Running | null = null;
  #isScheduled = false;
  /** Bytes of all files but the one that is written to. */
  #closedBytes = 0;
  #baseBytes = 0;
  #rewrites = 0;
  #failures = 0;
  #hasFailed = false;
  #lastDurationMs = -1;
  #lastKeptBytes = 0;
  #delayMinutes = 0;
  #delayedUntilMs = 0;
  #loading: Progress | null = null;
  #isStarting = false;
  #unlock: (() => void) | null = null;

  constructor(host: AppendLogHost) {
    this.#host = host;
    const { config, clock } = host;
    const log = this;
    const settings: WriterSettings = {
      get policy() {
        return config.values.appendfsync;
      },
      get isSyncHeld() {
        return config.values['no-appendfsync-on-rewrite'] && (log.isRewriting || host.isSaving());
      },
      get hasTimestamps() {
        return config.values['aof-timestamp-enabled'];
      },
      get wallMs() {
        return host.keyspace.nowMs;
      },
      get monotonicUs() {
        return clock.monotonicUs();
      },
    };
    this.#writer = new AofWriter(settings, {
      log: (text, level) => host.log(text, level),
      synced: () => host.synced(),
      tookMs: (event, milliseconds) => host.noteLatency(event, milliseconds),
      fail: (reason) => host.fail(reason),
    });
  }

  get isOn(): boolean {
    return this.#state !== 'off';
  }

  /** Whether changes are to be appended. */
  get isAppending(): boolean {
    if (this.#loading !== null) return false;
    return this.#state === 'on' || (this.#state === 'waiting' && this.#running !== null);
  }

  get isRewriting(): boolean {
    return this.#running !== null;
  }

  /** Bytes of RAM that a rewrite and the buffer take. */
  get byteCount(): number {
    return (this.#running?.rewrite.byteCount ?? 0) + (this.isOn ? this.#writer.bufferBytes : 0);
  }

  get isRestricting(): boolean {
    return this.#loading !== null || (this.isOn && this.#writer.failure !== '');
  }

  refusalOf(isWrite: boolean, isAllowedWhileLoading: boolean): string | null {
    if (this.#loading !== null) return isAllowedWhileLoading ? null : LOADING;
    const { failure } = this.#writer;
    if (!isWrite || !this.isOn || failure === '') return null;
    return `MISCONF Errors writing to the AOF file: ${failure}`;
  }

  /** Bytes that were appended since the process began. */
  get appendedBytes(): number {
    return this.#writer.appendedBytes;
  }

  /** Appends a change; call only if {@link isAppending}. */
  append(databaseNumber: number, words: Arguments, replacement: (readonly Uint8Array[])[] | null): void {
    this.#writer.append(databaseNumber, words, replacement);
  }

  /** Writes what was appended, and syncs it by policy: at the end of a tick, before its replies are sent. */
  flush(): void {
    if (this.isAppending) this.#writer.flush(false);
  }

  hasSynced(client: Client): boolean {
    return this.#state === 'on' && this.#writer.syncedBytes >= client.loggedBytes;
  }

  /** The work between commands: goes on with a rewrite, or begins one where it is time. Whether there is more to do at once. */
  cron(): boolean {
    if (this.#loading !== null) return false;
    this.flush();
    const running = this.#running;
    if (running === null) {
      this.#beginWhereDue();
      return this.#running !== null;
    }
    const { rewrite } = running;
    if (rewrite.isFinishing) return false;
    this.#advance(running, () => rewrite.run(SLICE_US));
    if (!rewrite.wasCleared || this.#running !== running) return !rewrite.isFinishing;
    this.#host.log('A database was emptied: the AOF rewrite begins anew', 'notice');
    this.#giveUp();
    this.#rewrites--;
    return this.beginRewrite();
  }

  relieve(): void {
    const running = this.#running;
    if (running === null || running.rewrite.isFinishing || running.rewrite.wasCleared) return;
    const byteLimit = keptBytesMax(this.#host);
    if (running.rewrite.isAbove(byteLimit))
      this.#advance(running, () => running.rewrite.relieve(byteLimit / 2));
  }

  scheduleRewrite(): void {
    this.#isScheduled = true;
    this.#failures = 0;
  }

  beginRewrite(): boolean {
    const host = this.#host;
    const writer = this.#writer;
    this.#isScheduled = false;
    try {
      this.#lock();
      let manifest = this.#manifest ?? this.#readManifest();
      writer.flush(true);
      if (this.#state === 'on') {
        if (writer.pendingBytes > 0) throw new Error(writer.failure);
        manifest = this.#openIncrement(manifest);
      } else if (this.#state === 'waiting') {
        manifest = this.#openUnnamedIncrement(manifest);
      }
      const base = manifest.withNewBase(this.#fileName, 'rdb').base as AofFile;
      const rewrite = this.#makeRewrite(base.name, true);
      this.#running = { rewrite, manifest };
    } catch (error) {
      this.#fail(error);
      return false;
    }
    this.#rewrites++;
    host.occupy(true);
    host.log('Background append only file rewriting started', 'notice');
    return true;
  }

  /** Puts a changed `appendonly` into force; a text says why it could not. */
  switch(isOn: boolean): string | undefined {
    // At the start what holds in the end decides.
    if (isOn === this.isOn || this.#isStarting) return undefined;
    if (isOn) return this.#switchOn();
    this.#switchOff();
    return undefined;
  }

  /** Loads the log and opens it, in parts between which others run. Throws an Error with the reason, for people. */
  async start(): Promise<void> {
    await loadInParts(this.#host, this.#start(), (reason) => new AofLoadError(reason));
  }

  /** As {@link start}, without letting others run. */
  startAtOnce(): void {
    for (const _ of this.#start()) this.#host.makeRoom();
  }

  reload(): boolean {
    const { keyspace, scripts, free } = this.#host;
    this.#writer.flush(true);
    for (const database of keyspace.databases) free(database.clear(), false);
    scripts.flushLibraries();
    try {
      const manifest = this.#readManifest();
      this.#manifest = manifest;
      for (const _ of this.#load(manifest)) this.#host.makeRoom();
    } catch (error) {
      if (!(error instanceof AofLoadError)) throw error;
      return false;
    }
    return true;
  }

  /** Gets ready for the end of the process; false if data would be lost by it. */
  prepareToEnd(force: boolean): boolean {
    const { log } = this.#host;
    if (this.#state === 'waiting') {
      if (!force) {
        log("Writing initial AOF, can't exit.");
        return false;
      }
      log('Writing initial AOF. Exit anyway.');
    }
    if (this.#running !== null) log('The AOF is being rewritten. Giving the rewrite up!');
    this.#giveUp();
    return true;
  }

  /** Writes and syncs what was appended, and closes. */
  async close(): Promise<void> {
    this.#giveUp();
    if (this.isOn) await this.#closeWriter();
    this.#state = 'off';
    this.#release();
  }

  async #closeWriter(): Promise<void> {
    this.#host.log('Calling fsync() on the AOF file.', 'notice');
    const failure = await this.#writer.close();
    if (failure !== '') this.#host.log(`Fail to fsync the AOF file: ${failure}.`);
  }

  get loading(): AppendLogControl['loading'] {
    const loading = this.#loading;
    if (loading === null) return null;
    const elapsedMs = this.#host.clock.wallMs() - loading.startMs;
    return {
      startSeconds: Math.floor(loading.startMs / 1000),
      totalBytes: loading.totalBytes,
      loadedBytes: loading.loadedBytes,
      elapsedSeconds: Math.floor(elapsedMs / 1000),
    };
  }

  get report(): AppendLogReport {
    const running = this.#running;
    const writer = this.#writer;
    const { isOn } = this;
    const elapsedMs = running === null ? -1 : this.#host.clock.wallMs() - running.rewrite.startMs;
    return {
      isRewriting: running !== null,
      isRewriteScheduled: this.#isScheduled,
      lastRewriteSeconds: this.#lastDurationMs < 0 ? -1 : Math.floor(this.#lastDurationMs / 1000),
      currentRewriteSeconds: elapsedMs < 0 ? -1 : Math.floor(elapsedMs / 1000),
      hasRewriteFailed: this.#hasFailed,
      rewrites: this.#rewrites,
      consecutiveFailures: this.#failures,
      hasWriteFailed: isOn && writer.failure !== '',
      lastKeptBytes: this.#lastKeptBytes,
      currentBytes: isOn ? this.#currentBytes : 0,
      baseBytes: isOn ? this.#baseBytes : 0,
      pendingBytes: isOn ? writer.pendingBytes : 0,
      bufferBytes: isOn ? writer.bufferBytes : 0,
      pendingSyncs: writer.pendingSyncs,
      delayedSyncs: writer.delayedSyncs,
    };
  }

  get #currentBytes(): number {
    return this.#closedBytes + this.#writer.fileBytes;
  }

  get #directory(): string {
    const { dir, appenddirname } = this.#host.config.values;
    return join(dir, appenddirname);
  }

  get #fileName(): string {
    return this.#host.config.values.appendfilename;
  }

  get #manifestPath(): string {
    return join(this.#directory, `${this.#fileName}.manifest`);
  }

  #pathOf(name: string): string {
    return join(this.#directory, name);
  }

  /** Throws {@link AofLoadError} if it can't be read or relied on. */
  #readManifest(): Manifest {
    const { files, log } = this.#host;
    const path = this.#manifestPath;
    if (!files.exists(path)) return new Manifest({});
    let bytes: Uint8Array;
    try {
      bytes = files.readBytes(path);
    } catch (error) {
      throw new AofLoadError(
        `Fatal error: can't open the AOF manifest file ${path} for reading: ${errorReason(error)}`,
      );
    }
    try {
      return Manifest.parse(bytes);
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      if (error.line > 0) {
        log('*** FATAL AOF MANIFEST FILE ERROR ***');
        log(`Reading the manifest file, at line ${error.line}`);
        log(`>>> '${error.text}'`);
      }
      log(error.message);
      throw new AofLoadError(`The AOF manifest ${path} can't be used: ${error.message}`);
    }
  }

  /** Replaces the manifest on disk. Throws the system's error, and then nothing has changed. */
  #persist(manifest: Manifest): void {
    this.#host.files.writeAtomic(this.#manifestPath, manifest.toString());
    this.#manifest = manifest;
  }

  /** What is appended goes to a new file from now on, which the manifest names. */
  #openIncrement(manifest: Manifest): Manifest {
    const { files } = this.#host;
    const extended = manifest.withNewIncrement(this.#fileName);
    const { name } = extended.increments.at(-1) as AofFile;
    const file = files.open(this.#pathOf(name), 'write');
    try {
      this.#persist(extended);
    } catch (error) {
      file.close();
      files.remove(this.#pathOf(name));
      throw error;
    }
    this.#closedBytes = this.#currentBytes;
    this.#writer.open(file, 0);
    return extended;
  }

  /** As {@link #openIncrement}, but the manifest names it only when there is a base to it. */
  #openUnnamedIncrement(manifest: Manifest): Manifest {
    const extended = manifest.withNewIncrement(this.#fileName);
    const { name } = extended.increments.at(-1) as AofFile;
    this.#writer.discard();
    this.#writer.open(this.#host.files.open(this.#pathOf(name), 'write'), 0);
    this.#closedBytes = 0;
    return extended;
  }

  #makeRewrite(baseName: string, isInBackground: boolean): SnapshotWriting {
    const host = this.#host;
    const syncsOften = host.config.values['aof-rewrite-incremental-fsync'];
    return new SnapshotWriting(host, {
      path: this.#pathOf(baseName),
      isLogBase: true,
      syncsOften,
      isInBackground,
    });
  }

  #beginWhereDue(): void {
    const host = this.#host;
    if (host.isSaving() || host.keyspace.watcher !== null || host.isInTransaction()) return;
    if (this.#state === 'waiting') this.#isScheduled = true;
    if (this.#isScheduled) {
      if (!this.#isDelayed()) this.beginRewrite();
      return;
    }
    const { values } = host.config;
    const percentage = values['auto-aof-rewrite-percentage'];
    const bytes = this.#currentBytes;
    if (this.#state !== 'on' || percentage === 0 || bytes <= values['auto-aof-rewrite-min-size']) return;
    const growth = Math.floor((bytes * 100) / Math.max(1, this.#baseBytes)) - 100;
    if (growth < percentage || this.#isDelayed()) return;
    host.log(`Starting automatic rewriting of AOF on ${growth}% growth`, 'notice');
    this.beginRewrite();
  }

  /** Whether rewrites have failed so often that the next one has to wait. */
  #isDelayed(): boolean {
    if (this.#failures < FAILURES_UNLIMITED) {
      this.#delayMinutes = 0;
      this.#delayedUntilMs = 0;
      return false;
    }
    const nowMs = this.#host.clock.wallMs();
    if (this.#delayedUntilMs !== 0) {
      if (nowMs < this.#delayedUntilMs) return true;
      this.#delayedUntilMs = 0;
      return false;
    }
    this.#delayMinutes = Math.min(Math.max(1, this.#delayMinutes * 2), DELAY_MINUTES_MAX);
    this.#delayedUntilMs = nowMs + this.#delayMinutes * 60_000;
    this.#host.log(
      `Background AOF rewrite has repeatedly failed and triggered the limit, will retry in ${this.#delayMinutes} minutes`,
    );
    return true;
  }

  /** Goes on with a rewrite, and ends it when all is told, or fails. */
  #advance(running: Running, goOn: () => boolean): void {
    const { rewrite } = running;
    try {
      if (!goOn() || rewrite.isFinishing) return;
    } catch (error) {
      this.#giveUp();
      this.#fail(error);
      return;
    }
    rewrite.finish().then(
      () => this.#succeed(running),
      (error) => {
        if (this.#running !== running) return;
        this.#giveUp();
        this.#fail(error);
      },
    );
  }

  /** The new base is on the disk under its name: has the manifest name it, and removes what it replaces. */
  #succeed(running: Running): void {
    if (this.#running !== running) return;
    const { files, clock, log, occupy } = this.#host;
    const { rewrite, manifest } = running;
    log('Background AOF rewrite terminated with success', 'notice');
    let baseBytes = 0;
    try {
      baseBytes = files.statistics(rewrite.path)?.sizeBytes ?? 0;
      const keptCount = this.#state === 'off' ? 0 : 1;
      this.#persist(manifest.withNewBase(this.#fileName, 'rdb').withoutOldIncrements(keptCount));
    } catch (error) {
      this.#giveUp();
      this.#fail(error);
      return;
    }
    this.#running = null;
    occupy(false);
    this.#state = this.#state === 'waiting' ? 'on' : this.#state;
    this.#closedBytes = baseBytes;
    this.#baseBytes = this.#currentBytes;
    this.#lastDurationMs = clock.wallMs() - rewrite.startMs;
    this.#lastKeptBytes = rewrite.keptBytesPeak;
    this.#failures = 0;
    this.#hasFailed = false;
    this.#removeHistory();
    log('Background AOF rewrite finished successfully', 'notice');
    this.#host.synced();
  }

  #fail(error: unknown): void {
    this.#failures++;
    this.#hasFailed = true;
    this.#host.log(`Rewriting the append only file failed: ${errorReason(error)}`);
  }

  /** Drops the rewrite, if there is one. */
  #giveUp(): void {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    this.#lastDurationMs = this.#host.clock.wallMs() - running.rewrite.startMs;
    running.rewrite.discard();
    // What was appended without a base is of no use.
    if (this.#state === 'waiting') this.#writer.discard();
    this.#host.occupy(false);
  }

  /** Removes the files that the present ones replaced, in the background. */
  #removeHistory(): void {
    const { files, config, log } = this.#host;
    const manifest = this.#manifest;
    if (manifest === null || manifest.history.length === 0 || config.values['aof-disable-auto-gc']) return;
    for (const { name } of manifest.history) {
      files.removeAside(this.#pathOf(name)).then(
        () => log(`Removed the history file ${name}`, 'verbose'),
        (error) => log(`Failed to remove the AOF file ${name}: ${errorReason(error)}`),
      );
    }
    try {
      this.#persist(manifest.withoutHistory());
    } catch (error) {
      log(`Failed to write the AOF manifest: ${errorReason(error)}`);
    }
  }

  #switchOn(): string | undefined {
    const host = this.#host;
    this.#state = 'waiting';
    if (host.isSaving() || host.isInTransaction()) {
      this.#isScheduled = true;
      host.log(
        'AOF was enabled while something else is being done. A rewrite was scheduled to start when possible.',
        'notice',
      );
      return undefined;
    }
    if (this.#running !== null) {
      host.log(
        'AOF was enabled but there is already a rewrite. Giving it up and starting one now.',
        'notice',
      );
      this.#state = 'off';
      this.#giveUp();
      this.#state = 'waiting';
    }
    if (this.beginRewrite()) return undefined;
    this.#state = 'off';
    return 'Unable to turn on AOF. Check server logs.';
  }

  #switchOff(): void {
    this.#giveUp();
    this.#isScheduled = false;
    if (this.#state === 'on') this.#writer.stop();
    this.#state = 'off';
    // Those that wait for the log are told that it is off.
    this.#host.synced();
  }

  /** Loads the log and opens it. Throws an Error with the reason, for people. */
  *#start(): IterableIterator<void> {
    this.#lock();
    this.#isStarting = true;
    try {
      yield* this.#loadAndOpen();
    } finally {
      this.#isStarting = false;
      if (!this.isOn) this.#release();
    }
    if (!this.#host.config.values.appendonly) this.#switchOff();
  }

  *#loadAndOpen(): IterableIterator<void> {
    const { clock, log } = this.#host;
    const manifest = this.#upgraded(this.#readManifest());
    this.#manifest = manifest;
    if (!manifest.isEmpty) {
      const startUs = clock.monotonicUs();
      yield* this.#load(manifest);
      const seconds = ((clock.monotonicUs() - startUs) / 1e6).toFixed(3);
      log(`DB loaded from append only file: ${seconds} seconds`, 'notice');
    }
    try {
      this.#openAtStart(manifest);
    } catch (error) {
      throw new AofLoadError(`Can't open the append only file in ${this.#directory}: ${errorReason(error)}`);
    }
  }

  /** Makes the log this process's own. Throws an Error with the reason, for people. */
  #lock(): void {
    const { files } = this.#host;
    try {
      files.makeDirectory(this.#directory);
      this.#unlock ??= files.lockFile(this.#pathOf(LOCK_NAME));
    } catch (error) {
      throw new AofLoadError(`Can't use the append only directory ${this.#directory}: ${errorReason(error)}`);
    }
  }

  #release(): void {
    this.#unlock?.();
    this.#unlock = null;
  }

  /** Moves a log of Redis before 7, a single file, into the directory (aofUpgradePrepare); returns the manifest that holds then. */
  #upgraded(manifest: Manifest): Manifest {
    const { files, config, log } = this.#host;
    const { dir, appenddirname } = config.values;
    const name = this.#fileName;
    const old = join(dir, name);
    const { base, increments } = manifest;
    const wasBegun = increments.length === 0 && base?.name === name && !files.exists(this.#pathOf(name));
    if (files.statistics(old)?.isDirectory !== false || !(manifest.isEmpty || wasBegun)) return manifest;
    const upgraded = new Manifest({ base: { name, sequence: 1 } });
    try {
      this.#persist(upgraded);
      files.rename(old, this.#pathOf(name));
      files.syncDirectory(this.#directory);
      files.syncDirectory(dir);
    } catch (error) {
      throw new AofLoadError(
        `Error trying to move the old AOF file ${name} into ${appenddirname}: ${errorReason(error)}`,
      );
    }
    log(
      `Successfully migrated an old-style AOF configuration (${name}) into the AOF directory (${appenddirname}).`,
      'notice',
    );
    return upgraded;
  }

  /** Loads the files that a manifest names. */
  *#load(manifest: Manifest): IterableIterator<void> {
    const { keyspace, clock, files, config, occupy } = this.#host;
    const { totalBytes, baseBytes } = measure(files, this.#directory, manifest);
    this.#baseBytes = baseBytes;
    if (totalBytes === 0) return;
    const progress = { startMs: clock.wallMs(), totalBytes, loadedBytes: 0 };
    const loader = new AofLoader(files, this.#loadHost(progress), {
      directory: this.#directory,
      fileName: this.#fileName,
      loadsTruncated: config.values['aof-load-truncated'],
    });
    const wasPaused = keyspace.expiryPaused;
    const told = totalBytes >= TOLD_BYTES_MIN ? new LoadProgress(this.#host, 'the AOF', totalBytes) : null;
    this.#loading = progress;
    keyspace.expiryPaused = true;
    occupy(true);
    try {
      keyspace.nowMs = clock.wallMs();
      for (const _ of loader.load(manifest)) {
        told?.note(progress.loadedBytes);
        yield;
        keyspace.nowMs = clock.wallMs();
      }
    } finally {
      this.#loading = null;
      keyspace.expiryPaused = wasPaused;
      occupy(false);
    }
  }

  #loadHost(progress: Progress): AofLoadHost {
    const { keyspace, config, clock, scripts, log, replayer } = this.#host;
    return {
      replay: (words) => replayer.replay(words),
      get isInTransaction() {
        return replayer.isInTransaction;
      },
      leaveTransaction: () => replayer.leaveTransaction(),
      loadRdb: (source, totalBytes) => {
        const loader = new RdbLoader(keyspace, {
          limits: config.values,
          loadFunction: (code) => void scripts.loadLibrary(code, false),
          log: (text) => log(text, 'notice'),
        });
        const steps = loader.load(source, {
          totalBytes,
          verifiesChecksum: config.values.rdbchecksum,
          replaces: false,
          // A later command may give a key that has expired by now another time.
          keepsExpired: true,
        });
        return {
          steps,
          get consumedBytes() {
            return loader.consumedBytes;
          },
        };
      },
      log,
      get monotonicUs() {
        return clock.monotonicUs();
      },
      progressed: (loadedBytes) => {
        progress.loadedBytes = loadedBytes;
      },
    };
  }

  /** Opens the newest increment, or makes the first files of a log (aofOpenIfNeededOnServerStart). */
  #openAtStart(loaded: Manifest): void {
    const { files, log } = this.#host;
    let manifest = loaded;
    this.#removeTemporaryFiles();
    if (manifest.isEmpty) {
      manifest = manifest.withNewBase(this.#fileName, 'rdb');
      const { name } = manifest.base as AofFile;
      log(`Creating AOF base file ${name} on server start`, 'notice');
      this.#makeRewrite(name, false).runToEnd();
    }
    const isNew = manifest.increments.length === 0;
    if (isNew) manifest = manifest.withNewIncrement(this.#fileName);
    const { name } = manifest.increments.at(-1) as AofFile;
    const file = files.open(this.#pathOf(name), isNew ? 'write' : 'append');
    this.#persist(manifest);
    const fileBytes = file.size();
    const { totalBytes, baseBytes } = measure(files, this.#directory, manifest);
    this.#closedBytes = totalBytes - fileBytes;
    this.#baseBytes = baseBytes;
    this.#writer.open(file, fileBytes);
    this.#state = 'on';
    log(`${isNew ? 'Creating' : 'Opening'} AOF incr file ${name} on server start`, 'notice');
    this.#removeHistory();
  }

  /** Removes what a process that ended in the middle of something has left. */
  #removeTemporaryFiles(): void {
    const { files, log } = this.#host;
    const fileName = this.#fileName;
    for (const name of files.list(this.#directory)) {
      const isOurs = /^temp-\d+\.rdb$/.test(name) || name === `temp-${fileName}.incr`;
      const isManifest =
        name === `temp-${fileName}.manifest` ||
        (name.startsWith(`${fileName}.manifest.`) && name.endsWith('.tmp'));
      if (!isOurs && !isManifest) continue;
      log(`Removing the temporary file ${name}`, 'notice');
      files.remove(this.#pathOf(name));
    }
  }
}
