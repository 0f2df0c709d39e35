import { join } from 'node:path';
import { LOADING } from '../../base/error-replies.ts';
import { errorReason } from '../../base/files.ts';
import type { AppendLogControl, AppendLogReport } from '../../command-table/append-log-control.ts';
import type { Client } from '../../command-table/client.ts';
import type { Arguments } from '../../resp/arguments.ts';
import {
  delayLoad,
  keptBytesMax,
  LoadProgress,
  loadInParts,
  type PersistenceHost,
  SLICE_US,
} from '../host.ts';
import { RdbLoader } from '../rdb-loader.ts';
import { SnapshotWriting } from '../snapshot-writing.ts';
import { AofLoadError, AofLoader, type AofLoadHost, type AofLoadOptions, measure } from './loader.ts';
import { type AofFile, type AofOrigin, Manifest, ManifestError } from './manifest.ts';
import type { LogMark, LogPosition } from './position.ts';
import { AofWriter, type WriterSettings } from './writer.ts';

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
  /** The log has become whole: it was switched on, and now has a base. */
  completed(): void;
}

/**
 * What the log on disk is to a checkpoint of the tier: it goes on from it (`tail`); it holds nothing (`empty`); what it holds is
 * of before the checkpoint, or of after it and whole (`older`, `newer`); or it is not the tier's (`foreign`).
 */
export type LogRelation = 'tail' | 'empty' | 'older' | 'newer' | 'foreign';

/** A rewrite under way. */
interface Running {
  readonly rewrite: SnapshotWriting;
  /** The files as they are while it goes on. */
  readonly manifest: Manifest;
  /** What the new base is, and of which tier. */
  readonly baseFormat: 'rdb' | 'aof';
  readonly origin: AofOrigin | null;
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
  /** The increment that is written to, and from which on a checkpoint needs them. */
  #increment: AofFile | null = null;
  #keptSequence = Number.POSITIVE_INFINITY;
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
      const base = manifest.withNewBase(this.#fileName, this.#baseFormat).base as AofFile;
      const rewrite = this.#makeRewrite(base.name, true);
      this.#running = { rewrite, manifest, baseFormat: this.#baseFormat, origin: host.origin() };
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

  /**
   * Adds what is in a log in another directory, which stays as it is, in parts between which others run. Throws an Error with
   * the reason, for people.
   */
  async loadFrom(directory: string, fileName: string, manifest: Manifest): Promise<void> {
    const steps = this.#load(manifest, { directory, fileName, leavesFiles: true });
    await loadInParts(this.#host, steps, (reason) => new AofLoadError(reason));
  }

  /** What the log on disk is to the checkpoint numbered `cut` of a tier. Throws an Error with the reason, for people. */
  relationTo(origin: AofOrigin, position: LogPosition | null): LogRelation {
    this.#lock();
    const { files, config } = this.#host;
    const manifest = this.#readManifest();
    if (position !== null) {
      const first = manifest.incrementsFrom(position.sequence).at(0);
      const isThere = first?.name === position.name && first.sequence === position.sequence;
      const found = isThere ? files.statistics(this.#pathOf(position.name)) : undefined;
      if (found !== undefined && found.sizeBytes >= position.offset) return 'tail';
    }
    if (manifest.isEmpty) {
      return files.exists(join(config.values.dir, this.#fileName)) ? 'foreign' : 'empty';
    }
    const base = manifest.base?.origin;
    if (base?.tier !== origin.tier) return 'foreign';
    if (base.cut >= origin.cut) return 'newer';
    // What no manifest has named yet had no base.
    return position === null || position.sequence > manifest.incrementSequence ? 'older' : 'foreign';
  }

  /** Loads what comes after a place in the log, in steps, and opens it. Throws an Error with the reason, for people. */
  *startFrom(position: LogPosition): IterableIterator<void> {
    this.#isStarting = true;
    try {
      const { clock, log } = this.#host;
      const manifest = this.#readManifest();
      this.#manifest = manifest;
      const startUs = clock.monotonicUs();
      const increments = manifest.incrementsFrom(position.sequence);
      yield* this.#load(new Manifest({ increments }), { firstOffset: position.offset });
      const seconds = ((clock.monotonicUs() - startUs) / 1e6).toFixed(3);
      log(`DB loaded from the end of the append only file: ${seconds} seconds`, 'notice');
      this.#open(manifest);
    } finally {
      this.#isStarting = false;
      if (!this.isOn) this.#release();
    }
    if (!this.#host.config.values.appendonly) this.#switchOff();
  }

  /** Begins a log of what is in memory: it is whole once its base is written. */
  startAnew(): void {
    const failure = this.#switchOn();
    if (failure !== undefined) throw new AofLoadError(failure);
  }

  /** As {@link startFrom} for the whole log. */
  startInSteps(): IterableIterator<void> {
    return this.#start();
  }

  mark(): LogMark | null {
    if (!this.isAppending || this.#increment === null) return null;
    const { name, sequence } = this.#increment;
    return { position: { name, sequence, offset: this.#writer.mark() }, appendedBytes: this.appendedBytes };
  }

  isSyncedTo(appendedBytes: number): boolean {
    return this.#writer.syncedBytes >= appendedBytes || !this.isOn;
  }

  syncSoon(): void {
    this.#writer.syncSoon();
  }

  keepFrom(position: LogPosition | null): void {
    this.#keptSequence = position?.sequence ?? Number.POSITIVE_INFINITY;
    if (this.#state === 'on' && this.#running === null) this.#removeHistory();
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
      this.#host.log(error.message);
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

  get #baseFormat(): 'rdb' | 'aof' {
    return this.#host.config.values['aof-use-rdb-preamble'] ? 'rdb' : 'aof';
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
    const increment = extended.increments.at(-1) as AofFile;
    const { name } = increment;
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
    this.#increment = increment;
    return extended;
  }

  /** As {@link #openIncrement}, but the manifest names it only when there is a base to it. */
  #openUnnamedIncrement(manifest: Manifest): Manifest {
    const extended = manifest.withNewIncrement(this.#fileName);
    this.#increment = extended.increments.at(-1) as AofFile;
    this.#writer.discard();
    this.#writer.open(this.#host.files.open(this.#pathOf(this.#increment.name), 'write'), 0);
    this.#closedBytes = 0;
    return extended;
  }

  #makeRewrite(baseName: string, isInBackground: boolean): SnapshotWriting {
    const host = this.#host;
    const syncsOften = host.config.values['aof-rewrite-incremental-fsync'];
    return new SnapshotWriting(host, {
      path: this.#pathOf(baseName),
      isLogBase: true,
      isOfCommands: this.#baseFormat === 'aof',
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
    const { rewrite, manifest, baseFormat, origin } = running;
    log('Background AOF rewrite terminated with success', 'notice');
    let baseBytes = 0;
    try {
      baseBytes = files.statistics(rewrite.path)?.sizeBytes ?? 0;
      const keptCount = this.#state === 'off' ? 0 : 1;
      this.#persist(manifest.withNewBase(this.#fileName, baseFormat, origin).withoutOldIncrements(keptCount));
    } catch (error) {
      this.#giveUp();
      this.#fail(error);
      return;
    }
    this.#running = null;
    occupy(false);
    if (this.#state === 'waiting') {
      this.#state = 'on';
      this.#host.completed();
    }
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
    const isKept = (file: AofFile): boolean =>
      file.sequence >= this.#keptSequence && file.name.endsWith('.incr.aof');
    const removed = manifest.history.filter((file) => !isKept(file));
    if (removed.length === 0) return;
    for (const { name } of removed) {
      files.removeAside(this.#pathOf(name)).then(
        () => log(`Removed the history file ${name}`, 'verbose'),
        (error) => log(`Failed to remove the AOF file ${name}: ${errorReason(error)}`),
      );
    }
    try {
      this.#persist(manifest.withHistory(isKept));
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
    this.#open(manifest);
  }

  #open(manifest: Manifest): void {
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
  *#load(manifest: Manifest, options: Partial<AofLoadOptions> = {}): IterableIterator<void> {
    const { directory = this.#directory, leavesFiles = false } = options;
    const { keyspace, clock, files, config, occupy } = this.#host;
    const { totalBytes, baseBytes } = measure(files, directory, manifest);
    if (!leavesFiles) this.#baseBytes = baseBytes;
    if (totalBytes === 0) return;
    const progress = { startMs: clock.wallMs(), totalBytes, loadedBytes: 0 };
    const loader = new AofLoader(files, this.#loadHost(progress), {
      directory,
      fileName: this.#fileName,
      ...options,
      loadsTruncated: config.values['aof-load-truncated'],
      corruptTailBytesMax: config.values['aof-load-corrupt-tail-max-size'],
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
          delay: (keys) => delayLoad(this.#host, keys),
        });
        const steps = loader.load(source, {
          totalBytes,
          verifiesChecksum: config.values.rdbchecksum && !this.#host.switches.skipsChecksums,
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
      manifest = manifest.withNewBase(this.#fileName, this.#baseFormat, this.#host.origin());
      const { name } = manifest.base as AofFile;
      log(`Creating AOF base file ${name} on server start`, 'notice');
      this.#makeRewrite(name, false).runToEnd();
    }
    const isNew = manifest.increments.length === 0;
    if (isNew) manifest = manifest.withNewIncrement(this.#fileName);
    const increment = manifest.increments.at(-1) as AofFile;
    const { name } = increment;
    const file = files.open(this.#pathOf(name), isNew ? 'write' : 'append');
    this.#persist(manifest);
    const fileBytes = file.size();
    const { totalBytes, baseBytes } = measure(files, this.#directory, manifest);
    this.#closedBytes = totalBytes - fileBytes;
    this.#baseBytes = baseBytes;
    this.#writer.open(file, fileBytes);
    this.#increment = increment;
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
