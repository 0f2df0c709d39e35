import { isAbsolute, join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { errorReason, makeDirectory, systemFiles } from '../base/files.ts';
import { type Random, secretHex, systemRandom } from '../base/random.ts';
import { REDIS_VERSION, VERSION } from '../base/version.ts';
import type { Call, MemoryReport, Services, ShutdownOptions } from '../command-table/call.ts';
import type { Client } from '../command-table/client.ts';
import { CommandTable } from '../command-table/command.ts';
import { WatchTable } from '../command-table/watch-table.ts';
import { COMMANDS } from '../commands/all.ts';
import type { Config } from '../config/config.ts';
import type { Database } from '../keyspace/database.ts';
import { ExpiryCycle } from '../keyspace/expiry-cycle.ts';
import { Keyspace, type KeyspaceEvents } from '../keyspace/keyspace.ts';
import { SEGMENT_BYTES } from '../memory/arena.ts';
import { Ledger } from '../memory/ledger.ts';
import { LatencyMonitor } from '../metrics/latency.ts';
import { ServerStatistics } from '../metrics/server-statistics.ts';
import { SlowLog } from '../metrics/slow-log.ts';
import type { Arguments } from '../resp/arguments.ts';
import { Encoder } from '../resp/encoder.ts';
import { Tier } from '../tiering/tier.ts';
import { MemoryAdmission } from './admission.ts';
import type { Log } from './log.ts';
import { residentMemory, systemMemory, tellsResidentMemory } from './machine.ts';
import { type Observer, Pipeline } from './pipeline.ts';

/** Share of the machine's memory that Flex takes when `maxmemory` is not given. */
const DERIVED_MEMORY_FRACTION = 0.5;
/** Microseconds of the expiry cycle and of demotion in one run of the cron. */
const EXPIRY_US = 1000;
const BALANCE_US = 2000;
/** Demotion after the commands of a tick. */
const TICK_BALANCE_US = 2000;
/** Microseconds of freeing what was flushed in one run of the cron. */
const FREE_US = 1000;
/** Microseconds of moving records together in one run of the cron. */
const COMPACT_US = 1000;
/** Idle memory that is kept for growth, and the share of the arena that may be idle besides. */
const IDLE_BYTES_MIN = 16 * 1024 * 1024;
const IDLE_FRACTION_MIN = 0.05;
/** A segment fuller than this is not worth emptying. */
const VACATED_FRACTION_MAX = 0.9;
const RESIDENT_SAMPLE_MS = 100;
/** Most of the budget that pays for memory of the process which no account covers. */
const CHARGE_FRACTION_MAX = 1 / 4;

/** What the engine tells its host. */
export interface EngineHost {
  readonly log: Log;
  readonly clients: ReadonlyMap<number, Client>;
  /** Commands that wait for memory or for fetched blocks may be tried again. */
  resumeWaiting(): void;
  readonly waitingClientCount: number;
  /** Bytes in the buffers of connections. */
  clientBytes(): number;
  shutdown(options: ShutdownOptions): string | undefined;
  crashed(error: unknown, what: string): void;
  readonly port: number;
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

  readonly #host: EngineHost;
  readonly #expiry: ExpiryCycle;
  #freeing: IterableIterator<void>[] = [];
  #residentSampledMs = 0;
  /** When the first batch of the tick began, or 0. */
  #tickStartUs = 0;
  #isFetching = false;

  /** Throws an error whose message is ready for people if the tier can't be opened. */
  constructor(config: Config, host: EngineHost, clock: Clock = systemClock, random: Random = systemRandom()) {
    this.config = config;
    this.clock = clock;
    this.random = random;
    this.#host = host;
    this.keyspace = new Keyspace(config.values.databases, random, this);
    this.keyspace.nowMs = clock.wallMs();
    this.table = new CommandTable(COMMANDS);
    this.server = {
      runId: secretHex(20),
      startMs: this.keyspace.nowMs,
      processId: process.pid,
      executable: process.argv[1] ?? process.execPath,
      configFile: config.file ?? '',
      get port() {
        return host.port;
      },
      version: VERSION,
      redisVersion: REDIS_VERSION,
      operatingSystem: `${process.platform} ${process.arch}`,
      systemMemory: systemMemory(),
    };
    this.ledger.open('records', () => this.keyspace.arena.usedBytes);
    this.ledger.open('index', () => this.keyspace.overheadBytes);
    this.ledger.open('clients', () => host.clientBytes());
    this.tier = config.values['enable-flex'] ? this.#openTier() : null;
    this.admission = new MemoryAdmission(this.keyspace, this.ledger, config, this.tier);
    this.pipeline = new Pipeline(this, this.reply, this.admission, this);
    this.#expiry = new ExpiryCycle(this.keyspace, clock);
    this.#applySettings();
    this.#watchSettings();
    this.admission.refresh();
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
    const startUs = this.pipeline.begin();
    if (this.#tickStartUs === 0) this.#tickStartUs = startUs;
  }

  /** The batches of a tick have ended: demotes what they put too much into memory, and sends for the blocks that commands wait for. */
  endTick(): void {
    this.tier?.balance(TICK_BALANCE_US);
    if (!this.#isFetching) this.#fetch();
    this.#noteTick(this.#tickStartUs);
    this.#tickStartUs = 0;
  }

  /** The work between commands, ten times a second or `hz` times. Returns whether there is more to do at once. */
  cron(): boolean {
    const start = this.clock.monotonicUs();
    const { keyspace } = this;
    keyspace.nowMs = this.clock.wallMs();
    this.statistics.eventLoopCycles++;
    if (keyspace.nowMs - this.#residentSampledMs >= RESIDENT_SAMPLE_MS) this.#sample();
    this.admission.refresh();
    let isDone =
      keyspace.expiryPaused ||
      !keyspace.settings.activeExpire ||
      this.#expiry.run(EXPIRY_US * this.config.values['active-expire-effort']);
    if (this.tier !== null) {
      this.tier.balance(BALANCE_US);
      this.tier.maintain();
      if (this.tier.isReclaiming) isDone = false;
    }
    if (this.#freeing.length > 0) {
      this.#freeSome(FREE_US);
      isDone = isDone && this.#freeing.length === 0;
    }
    if (this.#compact()) isDone = false;
    this.#host.resumeWaiting();
    this.#noteTick(start);
    return !isDone;
  }

  runNested(call: Call, command: Parameters<Pipeline['run']>[1], words: Arguments): void {
    const outer = { command: call.command, words: call.words, database: call.database };
    this.pipeline.run(call.client, command, words);
    call.command = outer.command;
    call.words = outer.words;
    call.database = outer.database;
  }

  free(walk: IterableIterator<void>, atOnce: boolean): void {
    if (!atOnce) {
      this.#freeing.push(walk);
      return;
    }
    let step = walk.next();
    while (step.done !== true) step = walk.next();
  }

  log(text: string): void {
    this.#host.log.warning(text);
  }

  /** Moves the blocks of sparse slabs together until none is left, and takes memory again. */
  purge(): void {
    const { arena } = this.keyspace;
    for (let from = 0; from < arena.slabTotal; from++) {
      const slab = arena.findSparseSlab(from, 1, 0.75);
      if (slab < 0) continue;
      arena.evacuate(slab, (address) => this.keyspace.ownerOf(address)?.relocate());
    }
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
    };
  }

  shutdown(options: ShutdownOptions): string | undefined {
    return this.#host.shutdown(options);
  }

  async close(): Promise<void> {
    await this.tier?.close();
  }

  modified(database: Database, key: Uint8Array, offset: number, length: number): void {
    this.watches.touch(database.number, key, offset, length);
  }

  databaseChanged(database: Database, swapped: Database | null): void {
    if (this.watches.keyCount === 0) return;
    this.watches.touchDatabase(
      database.number,
      (key) => database.peekRaw(key, 0, key.length) || swapped?.peekRaw(key, 0, key.length) === true,
    );
  }

  notify(): void {}

  deleted(database: Database, key: Uint8Array, offset: number, length: number, lazily: boolean): void {
    this.onPropagate?.(database.number, this.call.words, [
      [Buffer.from(lazily ? 'UNLINK' : 'DEL'), key.slice(offset, offset + length)],
    ]);
  }

  get call(): Call {
    return this.pipeline.call;
  }

  propagated(databaseNumber: number, words: Arguments, replacement: (readonly Uint8Array[])[] | null): void {
    this.onPropagate?.(databaseNumber, words, replacement);
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

  #openTier(): Tier {
    const { values } = this.config;
    const path = isAbsolute(values['flex-storage-path'])
      ? values['flex-storage-path']
      : join(values.dir, values['flex-storage-path']);
    try {
      makeDirectory(path);
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
    };
    const tier = new Tier(this.keyspace, this.ledger, this.clock, settings, path, systemFiles, (error) =>
      this.#host.log.warning(`A cold record can't be read: ${error.message}`),
    );
    if (tier.removedEnvironments > 0) {
      this.#host.log.notice(
        'Removed what an earlier run left in the tier: it does not outlive its process yet',
      );
    }
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

  /** Takes the settings that parts keep copies of. */
  #applySettings(): void {
    const { values } = this.config;
    const { settings } = this.keyspace;
    this.admission.limitBytes = this.#memoryLimit();
    settings.lfu = values['maxmemory-policy'].endsWith('-lfu');
    settings.lfuLogFactor = values['lfu-log-factor'];
    settings.lfuDecayMinutes = values['lfu-decay-time'];
    settings.lazyExpire = values['lazyfree-lazy-expire'];
    this.slowLog.trim(values['slowlog-max-len']);
  }

  #watchSettings(): void {
    this.config.onChange(
      [
        'maxmemory',
        'maxmemory-policy',
        'lfu-log-factor',
        'lfu-decay-time',
        'lazyfree-lazy-expire',
        'slowlog-max-len',
        'flex-hot-threshold',
      ],
      () => {
        this.#applySettings();
        this.admission.refresh();
        return undefined;
      },
    );
  }

  #fetch(): void {
    this.#isFetching = this.admission.fetch(() => {
      this.#isFetching = false;
      this.#host.resumeWaiting();
      if (!this.#isFetching) this.#fetch();
    });
  }

  #freeSome(microseconds: number): void {
    const start = this.clock.monotonicUs();
    while (this.#freeing.length > 0) {
      if (this.#freeing[0].next().done === true) this.#freeing.shift();
      if (this.clock.monotonicUs() - start > microseconds) return;
    }
  }

  #sample(): void {
    const { keyspace, ledger, statistics } = this;
    const { arena, indexArena } = keyspace;
    this.#residentSampledMs = keyspace.nowMs;
    const resident = tellsResidentMemory ? residentMemory().anonymous : 0;
    const chargeBytesMax = this.admission.limitBytes * CHARGE_FRACTION_MAX;
    ledger.observe(resident, arena.idleBytes + indexArena.idleBytes, chargeBytesMax);
    statistics.operationsPerSecond.sample(statistics.commandsProcessed, keyspace.nowMs);
    statistics.inputPerSecond.sample(statistics.bytesReceived, keyspace.nowMs);
    statistics.outputPerSecond.sample(statistics.bytesSent, keyspace.nowMs);
  }

  /** Gives memory back that lies idle between records: empties the emptiest segment, a little at a time. True while at it. */
  #compact(): boolean {
    const { arena } = this.keyspace;
    if (!arena.isVacating) {
      const idle = arena.idleBytes - IDLE_BYTES_MIN - arena.touchedBytes * IDLE_FRACTION_MIN;
      if (idle <= 0 || !arena.vacate(Math.min(idle, SEGMENT_BYTES * VACATED_FRACTION_MAX))) return false;
    }
    const start = this.clock.monotonicUs();
    while (arena.isVacating && this.clock.monotonicUs() - start < COMPACT_US) {
      arena.vacateSome(1, (address) => this.keyspace.ownerOf(address)?.relocate());
    }
    return arena.isVacating;
  }

  #noteTick(startUs: number): void {
    const microseconds = this.clock.monotonicUs() - startUs;
    if (microseconds > this.statistics.longestTickMicroseconds)
      this.statistics.longestTickMicroseconds = microseconds;
  }
}
