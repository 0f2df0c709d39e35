import { basename, dirname, join, resolve } from 'node:path';
import { errorReason, type Files } from '../base/files.ts';
import type { Client } from '../command-table/client.ts';
import { Config } from '../config/config.ts';
import { Manifest } from '../persistence/aof/manifest.ts';
import { Engine, type EngineHost } from '../server/engine.ts';
import type { Log } from '../server/log.ts';
import type { OpenProgress, Progress, Target } from './findings.ts';
import { dataDirectoryTargets } from './targets.ts';

const TURN_MS = 2;

/** How data sets are moved. */
export interface TransferOptions {
  /** The server's configuration file, which gives the names in a data directory; null for the defaults. */
  readonly configFile: string | null;
  /** RAM in bytes beyond which keys wait in a tier beside what is written; null for what the server would take. */
  readonly memoryBytes: number | null;
  readonly openProgress: OpenProgress;
  /** What the server would log, for people. */
  readonly log: (text: string) => void;
}

/** How many keys were written, and where. */
export interface Transferred {
  readonly path: string;
  readonly keys: number;
}

/**
 * Writes an RDB file of what a server would load from what is at a path: an RDB file, a log, or a data directory with all that is
 * in it. Files and logs stay as they are; a tier is taken up, as a server would. Keys that have expired are left out. Throws an Error
 * with the reason, for people.
 */
export async function exportRdb(
  from: string,
  sources: readonly Target[],
  path: string,
  files: Files,
  options: TransferOptions,
): Promise<Transferred> {
  const target = resolve(path);
  if (files.exists(target)) throw new Error(`${path} exists already`);
  const tier = sources.find(({ kind }) => kind === 'tier');
  if (tier !== undefined) return exportTier(from, sources, tier.path, target, files, options);
  const directives = ['--dir', dirname(target), '--dbfilename', basename(target), '--appendonly', 'no'];
  return withEngine(directives, null, dirname(target), files, options, async (store) => {
    await store.load(sources[0], false);
    await store.save();
    return { path: target, keys: store.keyCount };
  });
}

async function exportTier(
  from: string,
  sources: readonly Target[],
  tier: string,
  target: string,
  files: Files,
  options: TransferOptions,
): Promise<Transferred> {
  const directory = from === tier ? dirname(resolve(tier)) : from;
  const name = `temp-${process.pid}.export.rdb`;
  const appendonly = sources.some(isLog) ? 'yes' : 'no';
  const directives = ['--dir', directory, '--dbfilename', name, '--appendonly', appendonly];
  return withEngine(directives, tier, directory, files, options, async (store) => {
    await store.loadOwn();
    await store.save();
    const written = join(directory, name);
    try {
      files.rename(written, target);
    } catch (error) {
      throw new Error(`The file is whole, and stays at ${written}: ${errorReason(error)}`);
    }
    return { path: target, keys: store.keyCount };
  });
}

/**
 * Adds the keys of an RDB file to those in a data directory, where they replace keys that are there, and writes all of them as the
 * directory has them: as the base of its log and a checkpoint of its tier if it has these, else as the snapshot. Throws an Error with
 * the reason, for people.
 */
export async function importRdb(
  path: string,
  directory: string,
  files: Files,
  options: TransferOptions,
): Promise<Transferred> {
  const names = new Config(options.configFile === null ? [] : [options.configFile]).values;
  if (files.statistics(directory)?.isDirectory !== true) throw new Error(`${directory} is no directory`);
  const found = targetsIn(directory, names, files);
  const tier = found.find(({ kind }) => kind === 'tier')?.path ?? null;
  const hasLog = found.some(isLog);
  const directives = ['--dir', directory, '--appendonly', hasLog ? 'yes' : 'no'];
  return withEngine(directives, tier, directory, files, options, async (store) => {
    await store.loadOwn();
    await store.load({ kind: 'RDB file', path }, true);
    if (hasLog) await store.rewrite();
    if (tier !== null) await store.takeCheckpoint();
    if (!hasLog && tier === null) await store.save();
    const { values } = store.engine.config;
    const written = hasLog
      ? join(directory, values.appenddirname)
      : (tier ?? join(directory, values.dbfilename));
    return { path: written, keys: store.keyCount };
  });
}

function isLog({ kind }: Target): boolean {
  return kind === 'AOF directory' || kind === 'AOF file';
}

function targetsIn(directory: string, names: Config['values'], files: Files): Target[] {
  const snapshot = join(directory, names.dbfilename);
  const isEmpty =
    !files.exists(snapshot) &&
    !files.exists(join(directory, names.appenddirname)) &&
    !files.exists(join(directory, names.appendfilename)) &&
    !files.exists(resolve(directory, names['flex-storage-path']));
  return isEmpty ? [] : dataDirectoryTargets(directory, names, files);
}

/** Runs an engine on a tier, or one whose tier is a temporary folder, which is removed. */
async function withEngine<Result>(
  directives: readonly string[],
  ownTier: string | null,
  folder: string,
  files: Files,
  options: TransferOptions,
  work: (store: OfflineStore) => Promise<Result>,
): Promise<Result> {
  const temporary = join(resolve(folder), `temp-${process.pid}.tier`);
  const tier = ownTier === null ? temporary : resolve(ownTier);
  const words = options.configFile === null ? [] : [options.configFile];
  words.push(...directives, '--save', '', '--enable-flex', 'yes', '--flex-storage-path', tier);
  if (options.memoryBytes !== null) words.push('--maxmemory', `${options.memoryBytes}`);
  try {
    const store = new OfflineStore(new Config(words), files, options);
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  } finally {
    files.removeTree(temporary);
  }
}

/** An engine that nobody is connected to. */
class OfflineStore implements EngineHost {
  readonly log: Log;
  readonly clients = new Map<number, Client>();
  readonly port = 0;
  readonly waitingClientCount = 0;
  readonly engine: Engine;
  readonly #files: Files;
  readonly #openProgress: OpenProgress;

  constructor(config: Config, files: Files, options: TransferOptions) {
    this.#files = files;
    this.log = {
      debug() {},
      verbose() {},
      notice() {},
      warning: options.log,
      setLevel() {},
      flush() {},
    };
    this.#openProgress = options.openProgress;
    this.engine = new Engine(config, this);
    // What expires meanwhile is told as it is, with its time.
    this.engine.keyspace.settings.activeExpire = false;
  }

  get keyCount(): number {
    let count = 0;
    for (const { size } of this.engine.keyspace.databases) count += size;
    return count;
  }

  /** Adds what another file or log has. */
  async load(source: Target, replaces: boolean): Promise<void> {
    const { persistence, appendLog } = this.engine;
    const { path } = source;
    if (source.kind === 'AOF directory') {
      const manifest = Manifest.parse(this.#readManifest(path, source.fileName));
      await this.#drive(appendLog.loadFrom(path, source.fileName, manifest), `load ${path}`);
    } else if (source.kind === 'AOF file') {
      const name = basename(path);
      const manifest = new Manifest({ base: { name, sequence: 1 } });
      await this.#drive(appendLog.loadFrom(dirname(path), name, manifest), `load ${path}`);
    } else {
      await this.#drive(persistence.load(path, replaces), `load ${path}`);
    }
  }

  /** Loads what the data directory has. */
  async loadOwn(): Promise<void> {
    await this.#drive(this.engine.load(), `load ${this.engine.config.values.dir}`);
  }

  async save(): Promise<void> {
    const { persistence } = this.engine;
    if (!persistence.beginSave()) throw new Error(`Can't write ${persistence.path}`);
    await this.#drive(null, `write ${persistence.path}`, () => persistence.isSaving);
    if (persistence.report.hasFailed) throw new Error(`Can't write ${persistence.path}`);
  }

  async rewrite(): Promise<void> {
    const { appendLog, config } = this.engine;
    if (!appendLog.beginRewrite()) throw new Error('The log can not be written');
    await this.#drive(null, `write ${config.values.appenddirname}`, () => appendLog.isRewriting);
    if (appendLog.report.hasRewriteFailed) throw new Error('The log can not be written');
  }

  /** Makes the tier hold what the store does. */
  async takeCheckpoint(): Promise<void> {
    await this.#drive(
      this.engine.takeLastCheckpoint({ save: 'default', now: true, force: false }),
      'write a checkpoint',
    );
  }

  async close(): Promise<void> {
    await this.engine.close();
  }

  resumeWaiting(): void {}
  blocked(): void {}
  unblocked(): void {}

  clientBytes(): number {
    return 0;
  }

  shutdown(): string {
    return 'ERR not while keys are moved';
  }

  crashed(error: unknown): void {
    throw error;
  }

  exit(): void {
    throw new Error('The append only file can not be written');
  }

  #readManifest(path: string, fileName: string): Uint8Array {
    return this.#files.readBytes(join(path, `${fileName}.manifest`));
  }

  /** Does the engine's work between commands until a promise has settled, or something is over. */
  async #drive(work: Promise<void> | null, what: string, isGoingOn = () => true): Promise<void> {
    let isSettled = false;
    const settled = work?.finally(() => {
      isSettled = true;
    });
    settled?.catch(() => {});
    let progress: Progress | null = null;
    while (!isSettled && isGoingOn()) {
      const hasMore = this.engine.cron();
      const { persistence, appendLog } = this.engine;
      const { loading, keyCount, keysDone } = persistence.report;
      const load = loading ?? appendLog.loading;
      const total = load?.totalBytes ?? keyCount;
      if (total > 0) {
        progress ??= this.#openProgress(what, total);
        progress.update(load?.loadedBytes ?? keysDone);
      }
      await new Promise((done) => setTimeout(done, hasMore && work === null ? 0 : TURN_MS));
    }
    progress?.end();
    await settled;
  }
}
