import { sliceBytes } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { lfuCounter, lruIdleMs } from '../heat/access.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { Entry, headerBytes, TYPE_NAMES } from '../keyspace/record.ts';
import { isHot, locationOf, PARTITION_COUNT } from '../keyspace/slot-table.ts';
import { elementBytes, PAGED } from '../types/pages/head.ts';

/** Time that a step may take, and the slots of a page of the index, between which the time is looked at. */
const STEP_US = 1000;
const SLOTS_PER_PAGE = 64;
const LARGEST_MAX = 10;
const HOTTEST_MAX = 10;
/** Keys that are watched for being hot, and how many of them may be others in a second. */
const WATCHED_MAX = 128;
const NEWCOMERS_MAX = 64;
/** What a second of use weighs in the share of seconds. */
const SHARE_WEIGHT = 0.1;
/** Keys with less are not told of. */
const SCORE_MIN = 0.02;
/** A key used within this time may be a hot one. */
const RECENT_MS = 2000;

/** A key with a large value. */
export interface LargeKey {
  readonly database: number;
  readonly name: Uint8Array;
  readonly type: string;
  /** Of the record, or about those of all elements of a value in pages. */
  readonly bytes: number;
  /** In RAM, or on SSD only. */
  readonly isHot: boolean;
}

/** A key that is used often. */
export interface HotKey {
  readonly database: number;
  readonly name: Uint8Array;
  readonly type: string;
  /** Redis's counter of uses, 0 to 255, under an LFU policy; else the share of the latest seconds with a use, 0 to 1. */
  readonly score: number;
}

interface Watched {
  readonly database: number;
  readonly name: Uint8Array;
  type: string;
  score: number;
}

/**
 * Finds the largest and the hottest keys as `redis-cli --bigkeys` and `--hotkeys` do, a step at a time: each goes a little
 * further through the index in hash order, and after the last partition begins anew.
 *
 * Keys on SSD are passed over, since nothing is known of them without reading them; a large one that was seen in RAM stays
 * known when it is demoted. Hot keys are judged by what Redis keeps of their use: under an LFU policy its counter; else the
 * second of the last use, from which those that were used lately are watched for how many of the following seconds they are
 * used in.
 */
export class KeyWalk {
  /** Keys that were looked at in this round. */
  keysSeen = 0;
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  readonly #entry = new Entry();
  readonly #slots = new Int32Array(SLOTS_PER_PAGE * 2);
  #database = 0;
  #partition = 0;
  #page = 0;
  #largest: LargeKey[] = [];
  readonly #watched = new Map<string, Watched>();
  #lookedMs = 0;
  /** Newcomers that may still be watched in this second, and the score that they must exceed under an LFU policy. */
  #newcomersLeft = NEWCOMERS_MAX;
  #scoreToExceed = -1;

  constructor(keyspace: Keyspace, clock: Clock) {
    this.#keyspace = keyspace;
    this.#clock = clock;
  }

  /** The largest keys, largest first; their sizes as they were when they were seen last. */
  largest(): LargeKey[] {
    return this.#largest.map((key) => ({ ...key, isHot: !this.#isCold(key) }));
  }

  /** How far the round has come, 0 to 1. */
  get share(): number {
    const { databases } = this.#keyspace;
    let size = 0;
    let done = 0;
    for (let at = 0; at < databases.length; at++) {
      size += databases[at].size;
      if (at < this.#database) done += databases[at].size;
      else if (at === this.#database) done += (databases[at].size * this.#partition) / PARTITION_COUNT;
    }
    return size === 0 ? 1 : Math.min(1, done / size);
  }

  /** Begins anew and forgets what was found. */
  reset(): void {
    this.#database = 0;
    this.#partition = 0;
    this.#page = 0;
    this.keysSeen = 0;
    this.#largest = [];
    this.#watched.clear();
    this.#newcomersLeft = NEWCOMERS_MAX;
    this.#scoreToExceed = -1;
  }

  /** Goes on for a millisecond at most, and no further than to the end of the round. */
  step(): void {
    const { databases } = this.#keyspace;
    const end = this.#clock.monotonicUs() + STEP_US;
    if (this.#database >= databases.length) this.#beginRound();
    while (this.#database < databases.length) {
      const database = databases[this.#database];
      const { table } = database;
      if (database.size === 0 || this.#partition === PARTITION_COUNT) {
        this.#database++;
        this.#partition = 0;
      } else if (this.#page >= table.pageCountOf(this.#partition)) {
        this.#partition++;
        this.#page = 0;
      } else {
        const count = table.copyPage(this.#partition, this.#page++, this.#slots);
        for (let slot = 0; slot < count; slot++) {
          const word0 = this.#slots[slot * 2];
          if (!isHot(word0)) continue;
          this.#entry.readHot(this.#keyspace.arena, locationOf(word0, this.#slots[slot * 2 + 1]));
          this.#consider(database);
        }
        if (this.#clock.monotonicUs() > end) return;
      }
    }
  }

  /** The hottest keys, hottest first. To be called about once a second, since it looks whether each was used meanwhile. */
  hottest(): HotKey[] {
    const keyspace = this.#keyspace;
    const { nowMs, settings } = keyspace;
    const passedMs = Math.max(1000, nowMs - this.#lookedMs);
    this.#lookedMs = nowMs;
    for (const [identity, key] of this.#watched) {
      const { name } = key;
      const database = keyspace.databases[key.database];
      const isThere = !database.needsCold(name, 0, name.length) && database.peekRaw(name, 0, name.length);
      if (!isThere) {
        this.#watched.delete(identity);
        continue;
      }
      const { access, type } = database.entry;
      key.type = TYPE_NAMES[type];
      if (settings.lfu) key.score = lfuCounter(access, nowMs, settings.lfuDecayMinutes);
      else {
        const wasUsed = lruIdleMs(access, nowMs) <= passedMs ? 1 : 0;
        key.score += (wasUsed - key.score) * SHARE_WEIGHT;
      }
    }
    const sorted = [...this.#watched].sort(([, left], [, right]) => right.score - left.score);
    this.#makeRoom(sorted, settings.lfu);
    return sorted.slice(0, HOTTEST_MAX).flatMap(([, key]) => (key.score > SCORE_MIN ? [{ ...key }] : []));
  }

  /** Has the least hot make room for newcomers: all of them where a counter tells who is hot, else those seldom used. */
  #makeRoom(sorted: readonly [string, Watched][], isCounted: boolean): void {
    this.#scoreToExceed = isCounted && sorted.length > HOTTEST_MAX ? sorted[HOTTEST_MAX - 1][1].score : -1;
    for (let at = WATCHED_MAX - NEWCOMERS_MAX; at < sorted.length; at++) {
      const [identity, { score }] = sorted[at];
      if (isCounted || score < 1 / 2) this.#watched.delete(identity);
    }
    this.#newcomersLeft = WATCHED_MAX - this.#watched.size;
  }

  #beginRound(): void {
    this.#database = 0;
    this.#partition = 0;
    this.#page = 0;
    this.keysSeen = 0;
    // Those that are gone are not met again.
    this.#largest = this.#largest.filter(
      (key) =>
        this.#isCold(key) || this.#keyspace.databases[key.database].peekRaw(key.name, 0, key.name.length),
    );
  }

  #isCold({ database, name }: LargeKey): boolean {
    return this.#keyspace.databases[database].needsCold(name, 0, name.length);
  }

  /** Takes the key in `#entry` among the largest and the watched ones if it belongs there. */
  #consider(database: Database): void {
    const entry = this.#entry;
    this.keysSeen++;
    const bytes =
      (entry.encoding & PAGED) === 0
        ? headerBytes(entry.flags) + entry.keyLength + entry.payloadLength
        : entry.keyLength + elementBytes(entry);
    const largest = this.#largest;
    if (largest.length < LARGEST_MAX || bytes > largest[largest.length - 1].bytes)
      this.#takeLarge(database.number, bytes);
    this.#considerHot(database.number);
  }

  #takeLarge(database: number, bytes: number): void {
    const { type } = this.#entry;
    const name = this.#nameOfEntry();
    const others = this.#largest.filter((key) => key.database !== database || !isSame(key.name, name));
    others.push({ database, name, type: TYPE_NAMES[type], bytes, isHot: true });
    others.sort((left, right) => right.bytes - left.bytes);
    this.#largest = others.slice(0, LARGEST_MAX);
  }

  #considerHot(database: number): void {
    if (this.#newcomersLeft === 0) return;
    const { nowMs, settings } = this.#keyspace;
    const { access, type } = this.#entry;
    const counter = settings.lfu ? lfuCounter(access, nowMs, settings.lfuDecayMinutes) : 0;
    if (settings.lfu ? counter <= this.#scoreToExceed : lruIdleMs(access, nowMs) > RECENT_MS) return;
    const name = this.#nameOfEntry();
    const identity = `${database} ${Buffer.from(name).toString('latin1')}`;
    if (this.#watched.has(identity)) return;
    this.#newcomersLeft--;
    this.#watched.set(identity, { database, name, type: TYPE_NAMES[type], score: counter });
  }

  #nameOfEntry(): Uint8Array {
    const { bytes, keyOffset, keyLength } = this.#entry;
    return sliceBytes(bytes, keyOffset, keyLength);
  }
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && Buffer.compare(left, right) === 0;
}
