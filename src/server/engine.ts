import { Users } from '../acl/users.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { errorReason, type Files, systemFiles } from '../base/files.ts';
import { type Random, secretHex, systemRandom } from '../base/random.ts';
import { REDIS_VERSION, VERSION } from '../base/version.ts';
import { BlockingTable } from '../command-table/blocking-table.ts';
import type {
  Call,
  ListenerDescription,
  MemoryReport,
  Services,
  ShutdownOptions,
} from '../command-table/call.ts';
import { Client, silentTransport } from '../command-table/client.ts';
import { ClientPause, PAUSES_ALL } from '../command-table/client-pause.ts';
import { CommandTable } from '../command-table/command.ts';
import { DebugSwitches } from '../command-table/debug-switches.ts';
import { MonitorTable } from '../command-table/monitor-table.ts';
import { readRenames } from '../command-table/renames.ts';
import { WatchTable } from '../command-table/watch-table.ts';
import { COMMANDS } from '../commands/all.ts';
import { describeClient } from '../commands/connection.ts';
import type { Config } from '../config/config.ts';
import type { Database } from '../keyspace/database.ts';
import { ExpiryCycle } from '../keyspace/expiry-cycle.ts';
import { Keyspace, type KeyspaceEvents } from '../keyspace/keyspace.ts';
import { Ledger } from '../memory/ledger.ts';
import { LatencyMonitor } from '../metrics/latency.ts';
import { ServerStatistics } from '../metrics/server-statistics.ts';
import { SlowLog } from '../metrics/slow-log.ts';
import { AppendLog } from '../persistence/aof/append-log.ts';
import type { Checkpoint } from '../persistence/checkpoint/checkpoint-file.ts';
import type { Checkpoints } from '../persistence/checkpoint/checkpoints.ts';
import type { PersistenceHost } from '../persistence/host.ts';
import { Persistence } from '../persistence/persistence.ts';
import { keyspaceEventFlags } from '../pubsub/keyspace-events.ts';
import { Publisher } from '../pubsub/publisher.ts';
import { TrackingTable } from '../pubsub/tracking-table.ts';
import { Transfers } from '../replication/transfers.ts';
import { Arguments } from '../resp/arguments.ts';
import { Encoder } from '../resp/encoder.ts';
import { Random48 } from '../scripting/random48.ts';
import { ScriptEngine } from '../scripting/script-engine.ts';
import { type BlockStorage, lmdbStorage } from '../tiering/cold-store-environment.ts';
import { MEMORY_BYTES_MIN, Tier } from '../tiering/tier.ts';
import { MemoryAdmission } from './admission.ts';
import { Compaction } from './compaction.ts';
import { checkNoTier, DurableTier, recoverTier, tierPath } from './durable-tier.ts';
import type { Log } from './log.ts';
import { operatingSystem, RunDelay, residentMemory, systemMemory, tellsResidentMemory } from './machine.ts';
import { type Observer, Pipeline } from './pipeline.ts';

/** Share of the machine's memory that Flex takes when `maxmemory` is not given. */
const DERIVED_MEMORY_FRACTION = 0.5;
/** Microseconds of the expiry cycle and of demotion in one run of the cron. */
const EXPIRY_US = 1000;
const BALANCE_US = 2000;
/** Demotion after the commands of a tick. */
const TICK_BALANCE_US = 2000;
/** Age in microseconds up to which the time spent waiting for a processor need not be read again. */
const RUN_DELAY_AGE_US = 1000;
/** Microseconds of freeing what was flushed in one run of the cron. */
const FREE_US = 1000;
/** Microseconds of moving records together in one run of the cron. */
const COMPACT_US = 1000;
const RESIDENT_SAMPLE_MS = 100;
/** Most of the budget that pays for memory of the process which no account covers. */
const CHARGE_FRACTION_MAX = 1 / 4;

/** The disk of the tier: the machine's, or what a simulation puts in its place. */
export interface TierDisk {
  readonly files: Files;
  readonly storage: BlockStorage;
}

const systemDisk: TierDisk = { files: systemFiles, storage: lmdbStorage };

const MULTI = Buffer.from('MULTI');
const EXEC = Buffer.from('EXEC');
/** Where changes are propagated to: the log, and replicas. */
const TO_LOG = 1;
const TO_REPLICAS = 2;
const BOTH_TARGETS = TO_LOG | TO_REPLICAS;
/** It has changed nothing, and only replicas are to run it. */
const REPLICATED = 4;

/** Who runs the commands of the log when it is loaded. */
const LOG_TRANSPORT = silentTransport('log:0');
const NO_WORDS = new Arguments();

interface HeldPropagation {
  readonly databaseNumber: number;
  readonly words: Arguments;
  readonly replacement: (readonly Uint8Array[])[] | null;
  readonly targets: number;
}

/** What the engine tells its host. */
export interface EngineHost {
  readonly log: Log;
  readonly clients: ReadonlyMap<number, Client>;
  /** Commands that wait for memory or for fetched blocks may be tried again. */
  resumeWaiting(): void;
  readonly waitingClientCount: number;
  /** A client's command waits, until its deadline at most; it waits no more, and what the client sent after it may be run. */
  blocked(client: Client): void;
  unblocked(client: Client): void;
  /** Bytes in the buffers of connections. */
  clientBytes(): number;
  shutdown(options: ShutdownOptions): string | undefined;
  crashed(error: unknown, what: string): void;
  /** Ends the process at once, before any reply is sent. */
  exit(status: number): void;
  readonly port: number;
  /** What is listened on; none for a host without sockets. */
  listeners?(): readonly ListenerDescription[];
}

/**
 * The store without its sockets: keyspace, tier, command table and pipeline put together, and the work that goes on
 * between commands. A server puts connections before it, `open` an interface for the same process.
 */
export class Engine implements Services, KeyspaceEvents, Observer {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly watches = new WatchTable();
  readonly blocking = new BlockingTable();
  readonly publications: Publisher;
  readonly tracking: TrackingTable;
  readonly monitors = new MonitorTable();
  readonly pause = new ClientPause();
  readonly switches = new DebugSwitches();
  readonly scripts: ScriptEngine;
  readonly persistence: Persistence;
  readonly appendLog: AppendLog;
  readonly transfers: Transfers;
  readonly checkpoints: Checkpoints | null;
  propagationTargets = BOTH_TARGETS;
  readonly users: Users;
  readonly statistics = new ServerStatistics();
  readonly slowLog = new SlowLog();
  readonly latency = new LatencyMonitor();
  readonly tier: Tier | null;
  readonly reply = new Encoder();
  readonly pipeline: Pipeline;
  readonly admission: MemoryAdmission;
  readonly ledger = new Ledger();
  readonly server: Services['server'];
  /** Told of each change, as it would be written to a log or sent to a replica. */
  onPropagate:
    | ((databaseNumber: number, words: Arguments, replacement: (readonly Uint8Array[])[] | null) => void)
    | null = null;
  /** Told of each command that replicas are to run though it changed nothing; a log has no use for it. */
  onReplicate: ((databaseNumber: number, words: Arguments) => void) | null = null;

  readonly #host: EngineHost;
  readonly #files: Files;
  readonly #expiry: ExpiryCycle;
  readonly #compaction: Compaction;
  readonly #durable: DurableTier | null;
  #recovered: readonly Checkpoint[] = [];
  #freeing: IterableIterator<void>[] = [];
  #residentSampledMs = 0;
  /** Memory in use when there were neither keys nor clients. */
  #startupBytes = 0;
  /** When the first batch of the tick began, or 0. */
  #tickStartUs = 0;
  readonly #runDelay = new RunDelay();
  /** What it was, and when it was read: at most {@link RUN_DELAY_AGE_US} before the tick began. */
  #runDelayUs = 0;
  #runDelayReadUs = 0;
  #isFetching = false;
  #isScriptPlanned = false;
  /** Units of propagation that are open, one within the other. */
  #units = 0;
  /** The only change of the unit so far. */
  #held: HeldPropagation | null = null;
  /** MULTI has been propagated, in this database. */
  #isTransactionOpen = false;
  /** That of the last change of the unit. */
  #unitDatabaseNumber = 0;
  /** A unit is open since keys expired that the command being run has looked at. */
  hasImplicitUnit = false;

  /** Throws an error whose message is ready for people if the tier can't be opened. */
  constructor(
    config: Config,
    host: EngineHost,
    clock: Clock = systemClock,
    random: Random = systemRandom(),
    disk: TierDisk = systemDisk,
  ) {
    this.config = config;
    this.clock = clock;
    this.random = random;
    this.#host = host;
    this.#files = disk.files;
    this.keyspace = new Keyspace(config.values.databases, random, this);
    this.keyspace.nowMs = clock.wallMs();
    this.publications = new Publisher(this.keyspace.keyHash);
    this.tracking = new TrackingTable(this.keyspace.keyHash, {
      clients: host.clients,
      get keyCountMax() {
        return config.values['tracking-table-max-keys'];
      },
    });
    this.table = new CommandTable(COMMANDS, undefined, readRenames(config.renames, COMMANDS));
    this.users = new Users({
      config,
      table: this.table,
      clients: host.clients,
      publications: this.publications,
      nowMs: () => this.keyspace.nowMs,
      describe: (client) => describeClient(client, this.keyspace.nowMs),
      log: (text) => host.log.warning(text),
    });
    this.server = {
      runId: secretHex(20),
      replicationId: secretHex(20),
      startMs: this.keyspace.nowMs,
      processId: process.pid,
      executable: process.argv[1] ?? process.execPath,
      configFile: config.file ?? '',
      get port() {
        return host.port;
      },
      version: VERSION,
      redisVersion: REDIS_VERSION,
      operatingSystem: operatingSystem(),
      listeners: () => host.listeners?.() ?? [],
      systemMemory: systemMemory(),
    };
    this.ledger.open('records', () => this.keyspace.arena.usedBytes);
    this.ledger.open('index', () => this.keyspace.overheadBytes);
    this.scripts = this.#openScripts();
    this.ledger.open('scripts', () => this.scripts.byteCount);
    this.ledger.open(
      'clients',
      () => host.clientBytes() + this.publications.byteCount + this.tracking.byteCount,
    );
    if (!config.values['enable-flex']) checkNoTier(disk.files, config);
    this.tier = config.values['enable-flex'] ? this.#openTier(disk) : null;
    this.admission = new MemoryAdmission(this.keyspace, this.ledger, config, this.tier);
    this.persistence = new Persistence(this.#persistenceHost(disk.files));
    this.appendLog = this.#openAppendLog(disk.files);
    this.transfers = this.#openTransfers(disk.files);
    this.#durable = this.tier === null ? null : this.#openDurable(this.tier);
    this.checkpoints = this.#durable?.checkpoints ?? null;
    this.ledger.open(
      'other',
      () =>
        this.persistence.byteCount +
        this.appendLog.byteCount +
        this.transfers.byteCount +
        (this.checkpoints?.byteCount ?? 0),
    );
    this.pipeline = new Pipeline(this, this.reply, this.admission, this);
    this.#expiry = new ExpiryCycle(this.keyspace, clock);
    this.#compaction = new Compaction(this.keyspace, clock);
    this.#applySettings();
    this.#takeKeyspaceEvents();
    this.#watchSettings();
    this.#adviseBudget();
    this.admission.refresh();
    this.#startupBytes = this.ledger.usedBytes;
  }

  get clients(): ReadonlyMap<number, Client> {
    return this.#host.clients;
  }

  get waitingClientCount(): number {
    return this.#host.waitingClientCount;
  }

  get pendingFreeCount(): number {
    return this.#freeing.length;
  }

  get memoryLimit(): number {
    return this.admission.limitBytes;
  }

  /** A batch of commands begins: they see one time. */
  beginBatch(): void {
    this.keyspace.nowMs = this.clock.wallMs();
    if (this.pause.mode !== 0) this.#checkPause();
    // Before commands that only read too, which are told then what is gone.
    this.#evictExcess();
    const startUs = this.pipeline.begin();
    if (this.#tickStartUs === 0) this.#startTick(startUs);
  }

  /** Microseconds from the start of the tick to the end of the last command. */
  get tickMicroseconds(): number {
    return this.pipeline.lastStop - this.#tickStartUs;
  }

  /** The batches of a tick have ended: demotes what they put too much into memory, and sends for the blocks that commands wait for. */
  endTick(): void {
    this.flushLog();
    this.tier?.balance(TICK_BALANCE_US);
    if (!this.#isFetching) this.#fetch();
    if (this.#tickStartUs !== 0) this.#noteTick(this.#tickStartUs);
    this.#tickStartUs = 0;
    if (this.scripts.unfinishedClient !== null) this.#planScript();
  }

  /** Writes what was appended to the log, and syncs it by its policy; to be called before replies are sent. */
  flushLog(): void {
    if (this.appendLog.isOn) this.appendLog.flush();
  }

  /** The work between commands, ten times a second or `hz` times. Returns whether there is more to do at once. */
  cron(): boolean {
    const start = this.clock.monotonicUs();
    this.#refreshRunDelay(start);
    const { keyspace } = this;
    keyspace.nowMs = this.clock.wallMs();
    if (this.switches.isCronPaused) return false;
    if (keyspace.nowMs - this.#residentSampledMs >= RESIDENT_SAMPLE_MS) this.#sample();
    this.admission.refresh();
    this.flushLog();
    // Until a script is finished nothing else may change keys.
    if (this.scripts.unfinishedClient !== null) return false;
    if (this.pause.mode !== 0) this.#checkPause();
    let isDone =
      keyspace.expiryPaused || keyspace.removalsHeld || !keyspace.settings.activeExpire || this.#expire();
    // While the index is filled nothing can be told dead from living.
    if (this.tier !== null && this.persistence.restoring === null) {
      if (this.tier.balance(BALANCE_US)) isDone = false;
      this.tier.maintain();
      if (this.tier.isReclaiming) isDone = false;
      if (this.checkpoints?.cron() === true) isDone = false;
    }
    if (this.#freeing.length > 0) {
      this.#freeSome(FREE_US);
      isDone = isDone && this.#freeing.length === 0;
    }
    if (this.#evictExcess()) isDone = false;
    if (this.persistence.cron()) isDone = false;
    if (this.appendLog.cron()) isDone = false;
    if (this.transfers.cron()) isDone = false;
    if (this.#compaction.run(COMPACT_US)) isDone = false;
    if (this.blocking.hasReady) this.pipeline.serveBlocked();
    if (this.blocking.clients.size > 0) this.pipeline.timeOutBlocked(keyspace.nowMs);
    this.tracking.limit();
    this.tracking.broadcast();
    this.#host.resumeWaiting();
    this.#noteTick(start);
    return !isDone;
  }

  runNested(call: Call, nested: Parameters<Pipeline['run']>[1], nestedWords: Arguments): void {
    const { command, words, database, mayWait } = call;
    this.pipeline.run(call.client, nested, nestedWords);
    call.isForReplicas = false;
    call.command = command;
    call.words = words;
    call.database = database;
    call.mayWait = mayWait;
  }

  admitWrite(): 'run' | 'wait' | 'full' | string {
    return this.admission.admitWrite();
  }

  beginUnit(): void {
    this.#units++;
  }

  endUnit(): void {
    if (--this.#units > 0) return;
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#propagate(held.databaseNumber, held.words, held.replacement, held.targets);
    else if (this.#isTransactionOpen) {
      this.#propagate(this.#unitDatabaseNumber, NO_WORDS, [[EXEC]], BOTH_TARGETS);
    }
    this.#isTransactionOpen = false;
  }

  endImplicitUnit(): void {
    this.hasImplicitUnit = false;
    this.endUnit();
  }

  relieve(): void {
    this.persistence.relieve();
    this.appendLog.relieve();
    this.transfers.relieve();
  }

  free(walk: IterableIterator<void>, atOnce: boolean): void {
    if (!atOnce) {
      this.#freeing.push(walk);
      return;
    }
    let step = walk.next();
    while (step.done !== true) step = walk.next();
  }

  log(text: string, level: 'debug' | 'verbose' | 'notice' | 'warning' = 'warning'): void {
    this.#host.log[level](text);
  }

  purge(): void {
    this.#compaction.finish();
    this.#sample();
  }

  memory(): MemoryReport {
    const { ledger, keyspace } = this;
    const resident = tellsResidentMemory
      ? residentMemory()
      : { anonymous: 0, total: process.memoryUsage.rss() };
    const used = ledger.usedBytes;
    ledger.peakBytes = Math.max(ledger.peakBytes, used);
    return {
      used,
      peak: ledger.peakBytes,
      records: ledger.bytesOf('records'),
      index: ledger.bytesOf('index'),
      clientsNormal: ledger.bytesOf('clients'),
      tierBuffers: ledger.bytesOf('tier'),
      other: ledger.bytesOf('other'),
      resident: resident.total,
      residentAnonymous: resident.anonymous,
      slabs: keyspace.arena.slabBytes,
      touched: keyspace.arena.touchedBytes,
      startup: this.#startupBytes,
    };
  }

  shutdown(options: ShutdownOptions): string | undefined {
    return this.#host.shutdown(options);
  }

  async close(): Promise<void> {
    this.checkpoints?.close();
    await this.appendLog.close();
    await this.tier?.close();
    this.#runDelay.close();
  }

  modified(database: Database, key: Uint8Array, offset: number, length: number): void {
    this.watches.touch(database.number, key, offset, length);
    this.blocking.touch(database.number, key, offset, length);
    if (this.tracking.clientCount !== 0) this.tracking.modified(key, offset, length, this.pipeline.caller);
    if (this.tier !== null && this.tier.pins.count !== 0)
      this.tier.pins.changed(database, key, offset, length);
  }

  databaseChanged(database: Database, swapped: Database | null): void {
    this.blocking.touchDatabase(database.number);
    this.tier?.pins.databaseChanged(database);
    // Of databases that are exchanged, each has the other's number already.
    if (this.watches.keyCount !== 0)
      this.watches.touchDatabase(database.number, swapped ?? database, swapped === null ? null : database);
  }

  notify(
    _eventClass: number,
    event: string,
    database: Database,
    key: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const { notifyFlags } = this.keyspace.settings;
    this.publications.notify(notifyFlags, event, database.number, key, offset, length);
  }

  deleted(database: Database, key: Uint8Array, offset: number, length: number, lazily: boolean): void {
    if (this.tracking.clientCount !== 0) this.tracking.removed(key, offset, length);
    if (!this.isPropagating) return;
    this.#beginImplicitUnit();
    this.propagated(database.number, NO_WORDS, [
      [Buffer.from(lazily ? 'UNLINK' : 'DEL'), key.slice(offset, offset + length)],
    ]);
  }

  blocked(client: Client): void {
    this.#host.blocked(client);
  }

  unblocked(client: Client): void {
    this.#host.unblocked(client);
  }

  pauseClients(endMs: number, mode: number): void {
    this.pause.begin(endMs, mode);
    // The commands of a transaction that come after it run to the end.
    this.keyspace.removalsHeld = !this.call.client.nested;
  }

  unpauseClients(): void {
    this.pause.end();
    this.keyspace.removalsHeld = false;
    for (const client of [...this.blocking.postponed]) {
      this.blocking.unblock(client);
      this.#host.unblocked(client);
    }
  }

  #checkPause(): void {
    if (this.pause.isOver(this.keyspace.nowMs)) this.unpauseClients();
    else this.keyspace.removalsHeld = true;
  }

  endBlocking(client: Client, error: string | null): void {
    this.pipeline.endBlocking(client, error);
  }

  fieldsDeleted(
    database: Database,
    key: Uint8Array,
    offset: number,
    length: number,
    fields: readonly Uint8Array[],
  ): void {
    if (!this.isPropagating) return;
    this.#beginImplicitUnit();
    this.propagated(database.number, NO_WORDS, [
      [Buffer.from('HDEL'), key.slice(offset, offset + length), ...fields],
    ]);
  }

  detached(walk: IterableIterator<void>): void {
    this.free(walk, false);
  }

  get isPropagating(): boolean {
    return this.onPropagate !== null || this.appendLog.isAppending;
  }

  get call(): Call {
    return this.pipeline.call;
  }

  propagated(databaseNumber: number, words: Arguments, replacement: (readonly Uint8Array[])[] | null): void {
    if (this.#units === 0 && (replacement === null || replacement.length === 1)) {
      this.#propagate(databaseNumber, words, replacement, this.propagationTargets);
      return;
    }
    this.#units++;
    this.#propagateInUnit(databaseNumber, words, replacement, this.propagationTargets);
    this.endUnit();
  }

  /** What expires while a command runs goes together with what the command does. */
  #beginImplicitUnit(): void {
    if (this.#units > 0 || this.pipeline.running === null) return;
    this.hasImplicitUnit = true;
    this.#units++;
  }

  replicated(databaseNumber: number, words: Arguments): void {
    if (this.#units > 0) this.#propagateInUnit(databaseNumber, words, null, REPLICATED);
    else this.onReplicate?.(databaseNumber, words);
  }

  /** Has an unfinished script go on after what the sockets have brought. */
  #planScript(): void {
    if (this.#isScriptPlanned) return;
    this.#isScriptPlanned = true;
    setImmediate(() => {
      this.#isScriptPlanned = false;
      this.#host.resumeWaiting();
      if (this.scripts.unfinishedClient !== null) this.#planScript();
    });
  }

  /** Holds the first change of a unit back, since only a second one makes a transaction of them. */
  #propagateInUnit(
    databaseNumber: number,
    words: Arguments,
    replacement: (readonly Uint8Array[])[] | null,
    targets: number,
  ): void {
    if (!this.isPropagating || targets === 0 || replacement?.length === 0) return;
    this.#unitDatabaseNumber = databaseNumber;
    if (!this.#isTransactionOpen) {
      const held = this.#held;
      if (held === null && (replacement?.length ?? 1) === 1) {
        this.#held = { databaseNumber, words: words.detach(), replacement, targets };
        return;
      }
      this.#held = null;
      this.#isTransactionOpen = true;
      this.#propagate(held?.databaseNumber ?? databaseNumber, NO_WORDS, [[MULTI]], BOTH_TARGETS);
      if (held !== null) this.#propagate(held.databaseNumber, held.words, held.replacement, held.targets);
    }
    this.#propagate(databaseNumber, words, replacement, targets);
  }

  #propagate(
    databaseNumber: number,
    words: Arguments,
    replacement: (readonly Uint8Array[])[] | null,
    targets: number,
  ): void {
    if (targets === REPLICATED) {
      this.onReplicate?.(databaseNumber, words);
      return;
    }
    const { appendLog } = this;
    if ((targets & TO_LOG) !== 0 && appendLog.isAppending) {
      appendLog.append(databaseNumber, words, replacement);
      const { caller } = this.pipeline;
      if (caller !== null) caller.loggedBytes = appendLog.appendedBytes;
    }
    if (this.onPropagate === null || targets === 0) return;
    const present = this.propagationTargets;
    this.propagationTargets = targets;
    this.onPropagate(databaseNumber, words, replacement);
    this.propagationTargets = present;
  }

  /**
   * Loads what an earlier run left: the tier if there is one, else the log if it is on, else the snapshot. Throws an Error with the
   * reason, for people.
   */
  async load(): Promise<void> {
    const { appendLog, persistence, config } = this;
    const loadFiles = () => (config.values.appendonly ? appendLog.start() : persistence.load());
    await (this.#durable === null ? loadFiles() : this.#durable.load(loadFiles));
  }

  /** As {@link load}, without letting others run. */
  loadAtOnce(): void {
    const { appendLog, persistence, config } = this;
    const loadFiles = () => (config.values.appendonly ? appendLog.startAtOnce() : persistence.loadAtOnce());
    if (this.#durable === null) loadFiles();
    else this.#durable.loadAtOnce(loadFiles);
  }

  /** Whether there is a data set of an earlier run in the tier, which is not taken up yet. */
  get hasTierData(): boolean {
    return this.#durable?.hasData === true;
  }

  /** Takes the last checkpoint, while nobody runs commands. Rejects with the reason if it can't be taken. */
  async takeLastCheckpoint({ save }: ShutdownOptions): Promise<void> {
    if (this.checkpoints === null || save === 'nosave' || this.persistence.isRestricting) return;
    this.pause.begin(Number.POSITIVE_INFINITY, PAUSES_ALL);
    this.keyspace.removalsHeld = true;
    try {
      await this.checkpoints.finish();
    } catch (error) {
      this.unpauseClients();
      throw error;
    }
  }

  /** Gets ready for the end of the process; false if data would be lost by it. */
  prepareToEnd(options: ShutdownOptions): boolean {
    return this.appendLog.prepareToEnd(options.force) && this.persistence.prepareToEnd(options);
  }

  #openAppendLog(files: Files): AppendLog {
    const { config, persistence } = this;
    const log = new AppendLog({
      ...this.#persistenceHost(files),
      isInTransaction: () => this.#units > 0,
      isSaving: () => persistence.isSaving || persistence.isLoading || this.transfers.isActive,
      occupy: (isOccupied) => {
        persistence.isOccupied = isOccupied;
      },
      replayer: this.#openReplayer(),
      noteLatency: (event, milliseconds) => this.#noteLatency(event, milliseconds),
      synced: () => {
        if (log.waiting.size > 0) this.#retryWaitingForLog();
      },
      fail: (reason) => {
        this.log(reason);
        this.#host.exit(1);
        throw new Error(reason);
      },
      // Until a checkpoint names it, the log would have to be loaded whole.
      completed: () => void this.checkpoints?.request(),
    });
    config.onChange('appendonly', () => log.switch(config.values.appendonly));
    return log;
  }

  #noteLatency(event: string, milliseconds: number): void {
    const threshold = this.config.values['latency-monitor-threshold'];
    if (threshold === 0 || milliseconds < threshold) return;
    this.latency.record(event, milliseconds, Math.floor(this.keyspace.nowMs / 1000), threshold);
  }

  /** Has WAITAOF look again at how much of the log is on disk. */
  #retryWaitingForLog(): void {
    const { waiting } = this.appendLog;
    this.pipeline.begin();
    for (const client of [...waiting]) {
      const isWaiting = client.blocked?.command.row.name === 'waitaof';
      if (!isWaiting || this.pipeline.retry(client)) waiting.delete(client);
    }
  }

  /** A client of which nobody hears, that runs the commands of the log. */
  #openReplayer(): ConstructorParameters<typeof AppendLog>[0]['replayer'] {
    let client = new Client(0, LOG_TRANSPORT, this.keyspace.nowMs, true);
    return {
      replay: (words) => {
        const targets = this.propagationTargets;
        this.propagationTargets = 0;
        const reason = this.pipeline.replay(client, words);
        this.propagationTargets = targets;
        return reason;
      },
      get isInTransaction() {
        return client.queue !== null;
      },
      leaveTransaction: () => {
        client = new Client(0, LOG_TRANSPORT, this.keyspace.nowMs, true);
      },
    };
  }

  /** Makes room for data that is loaded. */
  #makeRoom(): 'run' | 'wait' | 'full' {
    if (this.tier === null) return 'run';
    const verdict = this.admission.admitWrite();
    return verdict === 'run' || verdict === 'wait' ? verdict : 'full';
  }

  #persistenceHost(files: Files): PersistenceHost {
    const { keyspace, config, clock, scripts, ledger, admission, switches } = this;
    return {
      keyspace,
      config,
      clock,
      files,
      scripts,
      switches,
      origin: () => this.#durable?.checkpoints.origin ?? null,
      memoryLimit: () => admission.limitBytes,
      usedBytes: () => ledger.usedBytes,
      makeRoom: () => this.#makeRoom(),
      free: (walk, atOnce) => this.free(walk, atOnce),
      log: (text, level) => this.log(text, level),
    };
  }

  #openTransfers(files: Files): Transfers {
    const { persistence, appendLog } = this;
    return new Transfers({
      ...this.#persistenceHost(files),
      isConnected: (client) => this.clients.has(client.id) && !client.closing,
      isBusy: () =>
        persistence.isOccupied || persistence.isSaving || persistence.isLoading || appendLog.isRewriting,
      occupy: (isOccupied) => {
        persistence.isOccupied = isOccupied;
      },
    });
  }

  #openDurable(tier: Tier): DurableTier {
    const { appendLog, persistence } = this;
    const persistenceHost = this.#persistenceHost(this.#files);
    const host = {
      persistenceHost,
      tier,
      appendLog,
      persistence,
      chargedBytes: () => this.ledger.chargedBytes,
      isInTransaction: () => this.#units > 0,
    };
    return new DurableTier(host, this.#recovered);
  }

  #openScripts(): ScriptEngine {
    const { config, clock } = this;
    const log = this.#host.log;
    return new ScriptEngine({
      version: REDIS_VERSION,
      random: new Random48(),
      get busyReplyThresholdMs() {
        return config.values['busy-reply-threshold'];
      },
      monotonicUs: () => clock.monotonicUs(),
      log: (level, text) => log[level](text),
    });
  }

  crashed(
    error: unknown,
    command: Parameters<Observer['crashed']>[1],
    words: Arguments,
    client: Client,
  ): void {
    const parts = [command.fullName];
    for (let at = 1; at < Math.min(words.count, 8); at++) parts.push(`(${words.lengths[at]} bytes)`);
    this.#host.crashed(error, `${parts.join(' ')} from ${client.transport.address}`);
  }

  #openTier({ files, storage }: TierDisk): Tier {
    const { values } = this.config;
    const path = tierPath(this.config);
    try {
      files.makeDirectory(path);
    } catch (error) {
      throw new Error(`Can't use the SSD tier at ${path}: ${errorReason(error)}`);
    }
    const engine = this;
    const settings = {
      get memoryBytes() {
        return engine.admission?.limitBytes ?? engine.#memoryLimit();
      },
      get hotThreshold() {
        return values['flex-hot-threshold'];
      },
      get storageBytes() {
        return values['flex-storage-limit'];
      },
      get writeBytesPerSecond() {
        return values['flex-write-rate-limit'];
      },
      get slowReadMicroseconds() {
        return values['flex-slowlog-log-slower-than'];
      },
      get slowReadsMax() {
        return values['flex-slowlog-max-len'];
      },
    };
    const tier = new Tier(
      this.keyspace,
      this.ledger,
      this.clock,
      settings,
      path,
      files,
      (error) => this.#host.log.warning(`A cold record can't be read: ${error.message}`),
      storage,
      () => {
        const { found, store } = recoverTier(files, path, this.keyspace.keyHash, (text) =>
          this.#host.log.warning(text),
        );
        this.#recovered = found;
        return store;
      },
    );
    if (tier.removedEnvironments > 0)
      this.#host.log.notice('Removed what an earlier run left in the tier after its last checkpoint');
    this.ledger.open('tier', () => tier.byteCount);
    tier.onProgress = () => this.#host.resumeWaiting();
    tier.store.onFault = (reason) => {
      if (reason === '') this.#host.log.notice('The SSD tier can be written again');
      else
        this.#host.log.warning(
          `The SSD tier can't be written: ${reason}. Trying again; writes that need room wait`,
        );
    };
    return tier;
  }

  #memoryLimit(): number {
    const { maxmemory, 'enable-flex': flex } = this.config.values;
    if (maxmemory > 0 || !flex) return maxmemory;
    return Math.floor(this.server.systemMemory * DERIVED_MEMORY_FRACTION);
  }

  /** Warns of a budget that is too small for its purpose. */
  #adviseBudget(): void {
    const { limitBytes } = this.admission;
    if (this.tier === null || limitBytes >= MEMORY_BYTES_MIN) return;
    this.#host.log.warning(
      `A RAM budget of ${limitBytes} bytes leaves next to nothing for hot data with Flex on: maxmemory should be ${MEMORY_BYTES_MIN / 2 ** 20}mb at least`,
    );
  }

  /** Takes the settings that parts keep copies of. */
  #applySettings(): void {
    const { values } = this.config;
    const { settings } = this.keyspace;
    this.admission.limitBytes = this.#memoryLimit();
    this.tier?.fitToBudget();
    settings.lfu = values['maxmemory-policy'].endsWith('-lfu');
    settings.lfuLogFactor = values['lfu-log-factor'];
    settings.lfuDecayMinutes = values['lfu-decay-time'];
    settings.lazyExpire = values['lazyfree-lazy-expire'];
    this.slowLog.trim(values['slowlog-max-len']);
    this.tier?.slowReads.trim(values['flex-slowlog-max-len']);
    this.pipeline.replyBytesMax = values['client-output-buffer-limit'].normal.hardBytes;
  }

  #takeKeyspaceEvents(): void {
    this.keyspace.settings.notifyFlags = keyspaceEventFlags(this.config.values['notify-keyspace-events']);
  }

  #watchSettings(): void {
    this.config.onChange('notify-keyspace-events', () => {
      this.#takeKeyspaceEvents();
      return undefined;
    });
    this.config.onChange(
      [
        'maxmemory',
        'maxmemory-policy',
        'lfu-log-factor',
        'lfu-decay-time',
        'lazyfree-lazy-expire',
        'slowlog-max-len',
        'client-output-buffer-limit',
        'flex-hot-threshold',
        'flex-slowlog-max-len',
      ],
      () => {
        this.#applySettings();
        this.admission.refresh();
        return undefined;
      },
    );
    this.config.onChange('maxmemory', () => {
      this.#adviseBudget();
      return undefined;
    });
  }

  #fetch(): void {
    this.#isFetching = this.admission.fetch(() => {
      this.#isFetching = false;
      this.#host.resumeWaiting();
      if (!this.#isFetching) this.#fetch();
    });
  }

  #expire(): boolean {
    const startUs = this.clock.monotonicUs();
    const isDone = this.#expiry.run(EXPIRY_US * this.config.values['active-expire-effort']);
    const elapsedUs = this.clock.monotonicUs() - startUs;
    this.statistics.expiryMicroseconds += elapsedUs;
    this.#noteLatency('expire-cycle', elapsedUs / 1000);
    return isDone;
  }

  /** Evicts what is over `maxmemory` with Flex off, where nothing stands against it; whether there is more (isSafeToPerformEvictions). */
  #evictExcess(): boolean {
    const isLoading = this.persistence.isLoading || this.appendLog.loading !== null;
    return !isLoading && this.scripts.unfinishedClient === null && this.admission.evictExcess();
  }

  #freeSome(microseconds: number): void {
    const start = this.clock.monotonicUs();
    while (this.#freeing.length > 0) {
      if (this.#freeing[0].next().done === true) {
        this.#freeing.shift();
        this.statistics.lazyFreedObjects++;
      }
      if (this.clock.monotonicUs() - start > microseconds) return;
    }
  }

  #sample(): void {
    const { keyspace, ledger, statistics } = this;
    const { arena, indexArena } = keyspace;
    this.#residentSampledMs = keyspace.nowMs;
    const resident = tellsResidentMemory ? residentMemory().anonymous : 0;
    const chargeBytesMax = this.admission.limitBytes * CHARGE_FRACTION_MAX;
    const idleBytes = arena.idleBytes + indexArena.idleBytes + this.tracking.idleBytes;
    ledger.observe(resident, idleBytes, chargeBytesMax);
    statistics.sample(keyspace.nowMs);
    const { limitBytes } = this.admission;
    statistics.overLimit.note(limitBytes > 0 && ledger.usedBytes > limitBytes, keyspace.nowMs);
  }

  #startTick(startUs: number): void {
    this.#tickStartUs = startUs;
    this.#refreshRunDelay(startUs);
  }

  #refreshRunDelay(nowUs: number): void {
    if (nowUs - this.#runDelayReadUs < RUN_DELAY_AGE_US) return;
    this.#runDelayReadUs = nowUs;
    this.#runDelayUs = this.#runDelay.read();
  }

  #noteTick(startUs: number): void {
    const { statistics } = this;
    const wallUs = this.clock.monotonicUs() - startUs;
    statistics.eventLoopCycles++;
    statistics.eventLoopMicroseconds += wallUs;
    if (wallUs <= statistics.longestTickMicroseconds) return;
    const us = wallUs - (this.#runDelay.read() - this.#runDelayUs);
    if (us > statistics.longestTickMicroseconds) statistics.longestTickMicroseconds = us;
  }
}
