import { tmpdir } from 'node:os';
import { vi } from 'vitest';
import { latin1 } from '../../src/base/bytes.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { Config } from '../../src/config/config.ts';
import type { Database } from '../../src/keyspace/database.ts';
import { NOTIFY_EVICTED, NOTIFY_EXPIRED } from '../../src/keyspace/keyspace.ts';
import { WARM } from '../../src/keyspace/record.ts';
import { isHot, PAGE_BYTES, PARTITION_COUNT } from '../../src/keyspace/slot-table.ts';
import type { Checkpoints } from '../../src/persistence/checkpoint/checkpoints.ts';
import { Arguments } from '../../src/resp/arguments.ts';
import { coldBytes, TIER_DATABASE } from '../../src/tiering/cold-record.ts';
import { environmentNumber } from '../../src/tiering/cold-store.ts';
import type { Tier } from '../../src/tiering/tier.ts';
import { type EngineOptions, TestEngine } from '../support/engine.ts';
import { Commands, DATABASE_COUNT, DENIED_WITHOUT_MEMORY } from './commands.ts';
import { SimulatedDisk } from './disk.ts';
import { array, type Expected, Model } from './model.ts';

const MIB = 1024 * 1024;
/** Rounds of 5 ms that a command may wait while nothing is broken. */
const WAIT_ROUNDS_MAX = 400;
const CRON_MS = 100;
/** Steps after which everything is looked at. */
const FULL_CHECK_STEPS = 40;

/** An engine that tells of the keys that it removes of its own accord. */
class SimulatedEngine extends TestEngine {
  removals: { database: number; key: string; event: string }[] = [];

  override notify(...told: Parameters<TestEngine['notify']>): void {
    const [eventClass, event, database, key, offset, length] = told;
    if (eventClass !== NOTIFY_EXPIRED && eventClass !== NOTIFY_EVICTED) return;
    this.removals.push({ database: database.number, key: latin1(key, offset, length), event });
  }
}

/**
 * One run of the production engine with its tier, on a clock and a disk that are simulated: everything follows from the seed.
 * Timers are vitest's fake ones. Throws at the first reply that differs from the model, and at the first invariant that does
 * not hold.
 */
export class Simulation {
  readonly trace: string[] = [];
  readonly #random: SeededRandom;
  readonly #commands: Commands;
  readonly #disk: SimulatedDisk;
  readonly #model = new Model(DATABASE_COUNT);
  #engine: SimulatedEngine;
  readonly restarts = { empty: 0, whole: 0 };
  /** The data set at each cut, and how many there were. */
  readonly #cuts = new Map<number, Model['databases']>();
  #cutCount = 0;
  #isClosing = false;
  #cronMs = 0;
  #step = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#commands = new Commands(this.#random);
    this.#disk = new SimulatedDisk(this.#random);
    this.#engine = this.#start(seed);
    this.#cuts.set(
      0,
      this.#model.databases.map(() => new Map()),
    );
  }

  get counts() {
    const { tier, keyspace } = this.#engine;
    const report = (tier as Tier).report();
    return {
      ...this.#disk.counts,
      demotions: report.demotions,
      promotions: report.promotions,
      reclaimed: report.reclaimedEnvironments,
      fetchRounds: report.fetchRounds,
      checkpoints: this.#checkpoints.report.count,
      expired: keyspace.statistics.expiredKeys,
      evicted: keyspace.statistics.evictedKeys,
    };
  }

  async run(stepCount: number): Promise<void> {
    for (let step = 0; step < stepCount; step++) {
      this.#step++;
      await this.#pass(this.#random.below(20) === 0 ? this.#random.below(3000) : this.#random.below(10));
      const kind = this.#random.below(100);
      if (kind < 2) this.#changeFaults();
      else if (kind < 4) await this.#changeSettings();
      else if (kind < 7) await this.#transaction();
      else if (kind < 9) await this.#readFault();
      else if (kind === 9) this.#checkpoints.request();
      else await this.#command(this.#commands.next());
      this.#checkCounts();
      if (this.#step % FULL_CHECK_STEPS === 0) this.#checkAll();
    }
  }

  /** Ends the faults: then every key is right, and writes are taken. */
  async heal(): Promise<void> {
    this.#trace('the disk is well');
    this.#heal();
    await this.#config('maxmemory', String(64 * MIB));
    await this.#config('flex-storage-limit', '0');
    for (let round = 0; round < 100 && this.#tier.fault !== ''; round++) await this.#pass(1000);
    if (this.#tier.fault !== '') throw new Error(`the fault stays: ${this.#tier.fault}`);
    this.#checkAll();
    const reply = await this.#execute(['SET', 'last', 'write']);
    this.#compare(
      ['SET', 'last', 'write'],
      reply,
      this.#model.execute(['SET', 'last', 'write'], this.#nowMs),
    );
  }

  /**
   * The process ends at once, and with `power` the machine; another starts on the same disk: the data set is that of the newest
   * checkpoint, whole.
   */
  async crash(seed: number, kind: 'process' | 'power' = 'process'): Promise<void> {
    const before = this.#checkpoints.newest?.number ?? 0;
    this.#trace(`crash of the ${kind} after checkpoint ${before}`);
    this.#heal();
    if (kind === 'process') this.#disk.crash();
    else this.#disk.cutPower();
    vi.clearAllTimers();
    const { nowMs } = this.#engine.clock;
    this.#engine = this.#start(seed);
    this.#engine.clock.advance(nowMs - this.#engine.clock.nowMs);
    this.#engine.loadAtOnce();
    const number = this.#checkpoints.newest?.number ?? 0;
    if (number < before) throw new Error(`checkpoint ${before} was on the disk, and ${number} was found`);
    const cut = this.#cuts.get(number);
    if (cut === undefined) throw new Error(`checkpoint ${number} is of no cut`);
    this.#trace(`goes on from checkpoint ${number}`);
    this.restarts[number === 0 ? 'empty' : 'whole']++;
    this.#model.databases = cut.map((database) => copyOf(database));
    this.#model.selected = 0;
    this.#cuts.clear();
    this.#cuts.set(number, cut);
    this.#cutCount = this.#tier.store.cutCount;
    if (number === 0 && this.#disk.folderCount > 0)
      throw new Error('environments of the process before are left');
    this.#checkAll();
  }

  get #checkpoints(): Checkpoints {
    return this.#engine.checkpoints as Checkpoints;
  }

  /** Notes what the data set was when a checkpoint's cut was made: in the cron, after whatever it removed. */
  #noteCut(): void {
    const { cutCount } = this.#tier.store;
    if (cutCount === this.#cutCount) return;
    this.#cutCount = cutCount;
    this.#trace(`cut ${cutCount}`);
    this.#cuts.set(
      cutCount,
      this.#model.databases.map((database) => copyOf(database)),
    );
  }

  async close(): Promise<void> {
    let isClosed = false;
    this.#isClosing = true;
    const closing = this.#engine.close().then(() => {
      isClosed = true;
    });
    for (let round = 0; round < 100 && !isClosed; round++) await this.#pass(10);
    if (!isClosed) throw new Error('the engine does not close');
    await closing;
  }

  get #nowMs(): number {
    return this.#engine.keyspace.nowMs;
  }

  get #tier(): Tier {
    return this.#engine.tier as Tier;
  }

  #start(seed: number): SimulatedEngine {
    const directives = {
      dir: tmpdir(),
      databases: DATABASE_COUNT,
      'enable-flex': 'yes',
      'flex-storage-path': '/simulated/tier',
      maxmemory: 16 * MIB,
      'flex-hot-threshold': 0.3,
      'flex-checkpoint-interval': 4,
      'maxmemory-policy': 'noeviction',
    };
    const words = Object.entries(directives).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const options: EngineOptions = { seed, disk: this.#disk.disk };
    const engine = new SimulatedEngine(new Config(words), 'hot', options);
    // What the process of the test takes is no part of the simulation.
    engine.ledger.observe = () => {};
    this.#disk.onRead = () => {};
    return engine;
  }

  /** Time passes: what the disk has done by then is told, and the work between commands goes on. */
  async #pass(ms: number): Promise<void> {
    const { clock } = this.#engine;
    const disk = this.#disk;
    let left = ms;
    // Between commands reads fail too: what does housekeeping must live with that.
    disk.readCallFailurePercent = disk.writeCallFailurePercent;
    do {
      const part = Math.min(left, CRON_MS);
      left -= part;
      clock.advance(part);
      disk.advanceTo(clock.nowMs);
      vi.advanceTimersByTime(part);
      await settled();
      if (clock.nowMs - this.#cronMs >= CRON_MS && !this.#isClosing) {
        this.#cronMs = clock.nowMs;
        this.#engine.cron();
        this.#takeRemovals();
        this.#noteCut();
      }
      vi.advanceTimersByTime(0);
      await settled();
    } while (left > 0);
    disk.readCallFailurePercent = 0;
  }

  /** Runs a command, which may wait; its reply's bytes, one character each. */
  async #execute(words: readonly string[]): Promise<string> {
    const engine = this.#engine;
    const { reply } = engine;
    const parts = Arguments.of(words.map((word) => Buffer.from(word, 'latin1')));
    for (let round = 0; round < WAIT_ROUNDS_MAX; round++) {
      engine.beginBatch();
      const start = reply.length;
      const hasRun = engine.pipeline.execute(engine.client, parts, true);
      const raw = latin1(reply.buffer, start, reply.length - start);
      reply.length = start;
      if (hasRun) {
        this.#takeRemovals();
        return raw;
      }
      engine.endTick();
      this.#takeRemovals();
      await this.#pass(5);
    }
    throw new Error(`waits for ever: ${words.join(' ').slice(0, 100)}`);
  }

  #takeRemovals(): void {
    for (const { database, key, event } of this.#engine.removals.splice(0))
      this.#model.removed(database, key, event, this.#nowMs);
  }

  async #command(words: readonly string[]): Promise<void> {
    const raw = await this.#execute(words);
    this.#trace(shown(words), raw);
    if (!this.#isRefused(words[0], raw)) this.#compare(words, raw, this.#model.execute(words, this.#nowMs));
    this.#engine.endTick();
    this.#takeRemovals();
  }

  /** Whether a reply refuses a write for a reason that there is. */
  #isRefused(name: string, raw: string): boolean {
    const text = raw.replace(/^-EXECABORT Transaction discarded because of: /, '-');
    if (!/^-(OOM|MISCONF) /.test(text) || !DENIED_WITHOUT_MEMORY.has(name)) return false;
    const tier = this.#tier;
    const { keyspace, memoryLimit } = this.#engine;
    if (text.startsWith('-MISCONF')) {
      const isRight = tier.isDiskFull
        ? text.startsWith('-MISCONF The disk of the SSD tier is full')
        : tier.fault !== '' && text.includes(tier.fault);
      if (!isRight) throw new Error(`refused without a fault: ${raw}`);
      return true;
    }
    const isFull =
      tier.isStorageExhausted ||
      keyspace.overheadBytes > tier.thresholdBytes ||
      keyspace.arena.usedBytes < memoryLimit / 64;
    if (!isFull) throw new Error(`refused though there is room: ${raw}`);
    return true;
  }

  /** Some commands in MULTI, run together. */
  async #transaction(): Promise<void> {
    const queued: string[][] = [];
    let hasFailed = false;
    this.#compare(['MULTI'], await this.#execute(['MULTI']), '+OK\r\n');
    for (let left = 1 + this.#random.below(4); left > 0; left--) {
      const words = this.#commands.next();
      const raw = await this.#execute(words);
      this.#trace(`MULTI: ${shown(words)}`, raw);
      if (raw === '+QUEUED\r\n') queued.push(words);
      // With memory full nothing is queued, not even what does not grow it.
      else if (this.#isRefused('SET', raw)) hasFailed = true;
      else throw new Error(`not queued: ${raw}`);
    }
    const raw = await this.#execute(['EXEC']);
    this.#trace('EXEC', raw);
    if (this.#isRefused('SET', raw)) {
      // Nothing of it has run.
    } else if (hasFailed) {
      this.#compare(['EXEC'], raw, '-EXECABORT Transaction discarded because of previous errors.\r\n');
    } else {
      const replies = queued.map((words) => this.#model.execute(words, this.#nowMs));
      // Those with a choice of replies are not told apart within the others.
      if (replies.every((expected) => typeof expected === 'string'))
        this.#compare(['EXEC'], raw, array(replies as string[]));
    }
    this.#engine.endTick();
    this.#takeRemovals();
  }

  /** A command of one key while reads of the disk fail: it answers what it should, or that the key can't be read. */
  async #readFault(): Promise<void> {
    const words = ['GET', this.#commands.key()];
    const kind = this.#random.below(3);
    if (kind < 2) this.#disk.readFault = kind === 0 ? 'fails' : 'damaged';
    else this.#disk.readCallFailurePercent = 100;
    const raw = await this.#execute(words);
    this.#trace(`reads ${['fail', 'are damaged', "can't begin"][kind]}: ${shown(words)}`, raw);
    const expected = this.#model.execute(words, this.#nowMs);
    if (!raw.startsWith("-IOERR the value of this key can't be read from the SSD tier: "))
      this.#compare(words, raw, expected);
    this.#disk.readFault = 'none';
    this.#disk.readCallFailurePercent = 0;
    this.#compare(words, await this.#execute(words), this.#model.execute(words, this.#nowMs));
  }

  #changeFaults(): void {
    const disk = this.#disk;
    this.#heal();
    const kind = this.#random.below(6);
    if (kind === 0) disk.commitFailurePercent = this.#random.below(101);
    if (kind === 1) disk.writeCallFailurePercent = this.#random.below(101);
    if (kind === 2) disk.capacityBytes = disk.usedBytes + this.#random.below(4 * MIB);
    if (kind === 3) {
      // Each read waits for the device.
      const { clock } = this.#engine;
      disk.onRead = () => clock.advance(0.1);
    }
    this.#trace(`disk: ${['commits fail', 'calls fail', 'fills', 'is slow'][kind] ?? 'is well'}`);
  }

  #heal(): void {
    this.#disk.commitFailurePercent = 0;
    this.#disk.writeCallFailurePercent = 0;
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.#disk.onRead = () => {};
  }

  async #changeSettings(): Promise<void> {
    const { below, pick } = { below: (limit: number) => this.#random.below(limit), pick: this.#commands };
    switch (below(4)) {
      case 0:
        await this.#config('maxmemory', String(pick.pick([8, 12, 16, 24, 64]) * MIB));
        break;
      case 1:
        await this.#config('flex-hot-threshold', pick.pick(['0.05', '0.2', '0.3', '0.5', '0.8']));
        break;
      case 2:
        await this.#config('flex-storage-limit', String(pick.pick([0, 0, 0, 12, 24]) * MIB));
        break;
      default:
        await this.#config(
          'maxmemory-policy',
          pick.pick(['noeviction', 'allkeys-lru', 'allkeys-lfu', 'volatile-ttl']),
        );
    }
  }

  async #config(name: string, value: string): Promise<void> {
    await this.#command(['CONFIG', 'SET', name, value]);
  }

  #compare(words: readonly string[], raw: string, expected: Expected): void {
    const isRight = typeof expected === 'string' ? raw === expected : expected(raw);
    if (isRight) return;
    const wanted = typeof expected === 'string' ? JSON.stringify(expected.slice(0, 300)) : 'another';
    throw new Error(`${shown(words)} replied ${JSON.stringify(raw.slice(0, 300))}, the model says ${wanted}`);
  }

  /** What can be counted without reading the disk. */
  #checkCounts(): void {
    const { keyspace } = this.#engine;
    for (const [number, database] of keyspace.databases.entries()) {
      const { table } = database;
      let cold = 0;
      let size = 0;
      for (let partition = 0; partition < PARTITION_COUNT; partition++) {
        if (table.partitionCount(partition) === 0) continue;
        for (let more = table.seekAtLeast(partition, 0); more; more = table.next()) {
          size++;
          if (!isHot(table.word0)) cold++;
        }
      }
      equal(`keys of database ${number}`, size, this.#model.databases[number].size);
      equal('DBSIZE', database.size, size);
      equal('cold keys', database.coldCount, cold);
    }
  }

  /** Every key and every account, by a walk over the index that reads all of it. */
  #checkAll(): void {
    const { keyspace, ledger } = this.#engine;
    const { onRead } = this.#disk;
    this.#disk.onRead = () => {};
    const liveBytes = new Map<number, number>();
    let recordBytes = 0;
    let pageBytes = 0;
    let directoryBytes = 0;
    for (const [number, database] of keyspace.databases.entries()) {
      const { table } = database;
      directoryBytes += database.directoryBytes;
      let expiring = 0;
      for (let partition = 0; partition < PARTITION_COUNT; partition++) {
        pageBytes += table.pageCountOf(partition) * PAGE_BYTES;
        if (table.partitionCount(partition) === 0) continue;
        for (let more = table.seekAtLeast(partition, 0); more; more = table.next()) {
          const place = table.word0 & 0x7f;
          const lower = table.word1;
          const { hot, flags, keyLength, payloadLength, expireAt, address } = database.load(partition);
          if (expireAt >= 0) expiring++;
          if (hot) recordBytes += keyspace.arena.blockBytes(address);
          if (!hot || (flags & WARM) !== 0) {
            const environment = hot
              ? environmentNumber(database.warmUpper, database.warmLower)
              : environmentNumber(place, lower);
            const live = liveBytes.get(environment) ?? 0;
            liveBytes.set(environment, live + coldBytes(keyLength, payloadLength, flags));
          }
          this.#checkKey(number, database);
        }
      }
      equal('keys that expire', database.expiringCount, expiring);
    }
    for (const environment of this.#tier.store.environments) {
      if (environment === undefined) continue;
      let sum = 0;
      for (const bytes of environment.liveByDatabase.values()) sum += bytes;
      equal('live bytes by database', sum, environment.liveBytes);
      const ofTier = environment.liveByDatabase.get(TIER_DATABASE) ?? 0;
      equal('live bytes', environment.liveBytes - ofTier, liveBytes.get(environment.number) ?? 0);
      liveBytes.delete(environment.number);
    }
    equal('environments of places that are gone', liveBytes.size, 0);
    // What was flushed is freed by and by.
    if (this.#engine.pendingFreeCount === 0) {
      equal('records in the ledger', ledger.bytesOf('records'), recordBytes);
      equal('the index in the ledger', ledger.bytesOf('index'), pageBytes + directoryBytes);
    }
    if (this.#disk.counts.failedCalls === 0)
      equal('environments that can not be reclaimed', this.#tier.report().damagedEnvironments, 0);
    equal('the tier in the ledger', ledger.bytesOf('tier'), this.#tier.byteCount);
    this.#disk.onRead = onRead;
  }

  #checkKey(number: number, { entry }: Database): void {
    const { bytes, keyOffset, keyLength, payloadOffset, payloadLength, expireAt } = entry;
    const key = latin1(bytes, keyOffset, keyLength);
    const item = this.#model.databases[number].get(key);
    const name = `${key.slice(0, 20)} of database ${number}`;
    if (item === undefined) throw new Error(`${name} should not be there`);
    equal(`the expiry of ${name}`, expireAt, item.expireAt);
    if (latin1(bytes, payloadOffset, payloadLength) !== item.value)
      throw new Error(`the value of ${name} is another`);
  }

  #trace(what: string, raw = ''): void {
    this.trace.push(`${this.#step} ${what}${raw === '' ? '' : ` -> ${JSON.stringify(raw.slice(0, 60))}`}`);
    if (this.trace.length > 60) this.trace.shift();
  }
}

function copyOf(database: Model['databases'][number]): Model['databases'][number] {
  return new Map([...database].map(([key, item]) => [key, { ...item }]));
}

/** Until the promises that settled are told. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve();
}

function shown(words: readonly string[]): string {
  return words
    .map((word) => (word.length > 40 ? `${JSON.stringify(word.slice(0, 30))}… (${word.length})` : word))
    .join(' ');
}

function equal(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: ${found}, not ${wanted}`);
}
