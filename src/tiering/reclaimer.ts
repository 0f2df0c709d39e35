import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { dueAt, Entry, EXPIRES, FLAGS_SHIFT, WARM } from '../keyspace/record.ts';
import { coldWord, isHot, locationOf, partitionOf, tagOf } from '../keyspace/slot-table.ts';
import { SEGMENT_MASK, segmentOf } from '../memory/arena.ts';
import { COLD_HEADER_BYTES_MAX, type ColdRecordReader, coldBytes, TIER_DATABASE } from './cold-record.ts';
import { type ColdStore, placeAt, placeUpperOf } from './cold-store.ts';
import { BLOCK_BYTES, type Environment } from './cold-store-environment.ts';

/** Dead space that is not worth reclaiming. */
const SLACK_BYTES = 4 * 1024 * 1024;
/** Multiple of what lives at which reclaiming starts, goes before demotion, and holds demotion up. */
const SPACE_FACTOR = 1.5;
const SPACE_FACTOR_BEHIND = 1.54;
const SPACE_FACTOR_MAX = 1.58;
/** The same where the SSD budget is used up. */
const SPACE_FACTOR_URGENT = 1.1;
/** Log bytes that one step looks at: with records of 100 bytes about a millisecond. */
const STEP_BYTES = 64 * 1024;
/** The smallest record: its headers. */
const RECORD_BYTES_MIN = 24;
/** An environment of which this much lives is not reclaimed whatever the need. */
const LIVE_FRACTION_MAX = 0.95;
/** A head of which less than this lives is sealed where nothing else can be reclaimed. */
const HEAD_LIVE_FRACTION_MAX = 0.5;

/** What the reclaimer asks of the tier. */
export interface Movings {
  /**
   * A stored list of expiring slots is met at a place: moves it to the log's head if it is still needed. False if the store
   * can't take it now. The record is `bytes[offset … offset + length)`.
   */
  moveList(
    upper: number,
    lower: number,
    entry: Entry,
    bytes: Uint8Array,
    offset: number,
    length: number,
    youngest: number,
  ): boolean;
  /**
   * The slot that a database's table stopped at had other words before its record was moved; its key, or a field of it, expires
   * at a time, or never (-1).
   */
  moved(database: Database, word0: number, word1: number, liveBytes: number, expireAt: number): void;
}

/**
 * Gives the space of dead records back: takes the environment with the greatest (1 − u) × ∛age / (1 + u), u being the
 * fraction that lives, appends its living records to the log's head of moved records, and has it removed (docs/adr/0003; the
 * cleaner of a log-structured file system: Rosenblum and Ousterhout, "The Design and Implementation of a Log-Structured File
 * System"). Which records live is asked of the index: a record lives if a slot, or a warm record, refers to its place.
 *
 * Fractions are of records as they are without compression, since a dead record's stored length is not known; files are
 * taken to hold dead and living ones alike.
 */
export class Reclaimer {
  reclaimedCount = 0;
  /** Environments that stay since a record in them could not be read. */
  damagedCount = 0;

  readonly #keyspace: Keyspace;
  readonly #store: ColdStore;
  readonly #reader: ColdRecordReader;
  readonly #movings: Movings;
  readonly #entry = new Entry();
  readonly #damaged = new WeakSet<Environment>();
  #environment: Environment | null = null;
  #position = 0;

  constructor(keyspace: Keyspace, store: ColdStore, reader: ColdRecordReader, movings: Movings) {
    this.#keyspace = keyspace;
    this.#store = store;
    this.#reader = reader;
    this.#movings = movings;
  }

  get isActive(): boolean {
    return this.#environment !== null;
  }

  /** Whether reclaiming should go on and can; `urgent` ignores how little there is to gain. Linear in the environments. */
  isWanted(urgent: boolean): boolean {
    if (this.#environment !== null) return true;
    const isAbove = urgent
      ? this.#isAbove(SPACE_FACTOR_URGENT, BLOCK_BYTES)
      : this.#isAbove(SPACE_FACTOR, SLACK_BYTES);
    return isAbove && this.#best() !== null;
  }

  /** Whether reclaiming should go before demotion. */
  get isBehind(): boolean {
    return this.#isAbove(SPACE_FACTOR_BEHIND, SLACK_BYTES) && this.isWanted(false);
  }

  /** Whether demotion has to wait for reclaiming, or for the removal of what was reclaimed. */
  get isOverdue(): boolean {
    const { retiredBytes } = this.#store;
    return (
      this.#isAbove(SPACE_FACTOR_MAX, SLACK_BYTES - retiredBytes) &&
      (retiredBytes > 0 || this.isWanted(false))
    );
  }

  /** Looks at a further piece of the log. Stops early when the store is busy. */
  step(): void {
    this.#environment ??= this.#best();
    const environment = this.#environment;
    if (environment === null) return;
    const end = environment.usedBytes;
    const until = Math.min(end, this.#position + STEP_BYTES);
    while (this.#position < until && environment.liveBytes > 0) {
      if (this.#store.isBusy) return;
      const length = this.#visit(environment, this.#position, end);
      if (length === 0) return;
      this.#position += length;
    }
    if (this.#position >= end || environment.liveBytes === 0) this.#finish(environment);
  }

  /** Whether the files, but for those that wait for their removal, are above a multiple of what lives and some slack. */
  #isAbove(factor: number, slackBytes: number): boolean {
    const store = this.#store;
    return store.fileBytes - store.retiredBytes > store.liveFileBytes * factor + slackBytes;
  }

  #best(): Environment | null {
    const found = this.#bestSealed();
    if (found !== null || !this.#store.sealHeads(HEAD_LIVE_FRACTION_MAX)) return found;
    return this.#bestSealed();
  }

  #bestSealed(): Environment | null {
    const store = this.#store;
    let best: Environment | null = null;
    let bestScore = 0;
    for (const environment of store.environments) {
      if (environment === undefined || !environment.sealed) continue;
      const living = environment.liveFraction;
      if (living > LIVE_FRACTION_MAX) continue;
      const age = store.freshBytes - environment.youngest + 1;
      const score = ((1 - living) * Math.cbrt(age)) / (1 + living);
      if (score <= bestScore || this.#damaged.has(environment) || store.isRetired(environment)) continue;
      best = environment;
      bestScore = score;
    }
    this.#position = 0;
    return best;
  }

  /**
   * Looks at the record at a position and moves it if it lives. Returns the bytes to go on by, or 0 if the store can't take
   * it now.
   */
  #visit(environment: Environment, position: number, end: number): number {
    const store = this.#store;
    const reader = this.#reader;
    const entry = this.#entry;
    const upper = placeUpperOf(environment.number);
    const lower = placeAt(environment.number, position);
    if (end - position < RECORD_BYTES_MIN) return end - position;
    try {
      let bytes = store.read(upper, lower, Math.min(COLD_HEADER_BYTES_MAX, end - position));
      // A block that a flush left partly filled ends in zeros.
      if (isBlank(bytes, store.offset))
        return Math.min(end - position, BLOCK_BYTES - (position % BLOCK_BYTES));
      reader.measure(bytes, store.offset, end - position, entry);
      const length = reader.length;
      if (length > store.available) {
        bytes = store.read(upper, lower, length);
        reader.measure(bytes, store.offset, end - position, entry);
      }
      const offset = store.offset;
      if (reader.databaseId === TIER_DATABASE) {
        reader.verify(bytes, offset, entry);
        const { youngest } = environment;
        return this.#movings.moveList(upper, lower, entry, bytes, offset, length, youngest) ? length : 0;
      }
      const database = this.#keyspace.databaseOf(reader.databaseId);
      if (database === undefined) return length;
      return this.#moveIfLiving(environment, database, upper, lower, bytes, offset, length) ? length : 0;
    } catch (error) {
      if (!(error instanceof ColdRecordError)) throw error;
      // Nothing after it can be told apart. What lives stays here, and reads of the damaged record say so.
      return end - position;
    }
  }

  /** False if the store can't take it now. Throws ColdRecordError if it lives and is damaged. */
  #moveIfLiving(
    environment: Environment,
    database: Database,
    upper: number,
    lower: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    const { keyHash } = this.#keyspace;
    const store = this.#store;
    const entry = this.#entry;
    const tag = tagOf(keyHash.hashBytes(bytes, entry.keyOffset, entry.keyLength));
    const partition = partitionOf(keyHash.upper);
    const { table } = database;
    if (!table.findLocation(partition, coldWord(tag, upper), lower)) {
      // A warm record gives its copy up: it is hot, and likely to change before it is demoted again.
      if (this.#findWarm(database, partition, tag, upper, lower)) database.makeHot();
      return true;
    }
    const { flags, keyLength, payloadLength } = entry;
    this.#reader.verify(bytes, offset, entry);
    const due = dueAt(entry);
    const live = coldBytes(keyLength, payloadLength, flags);
    const databaseId = this.#reader.databaseId;
    if (!store.append('moved', bytes, offset, length, live, databaseId, environment.youngest)) return false;
    store.release(upper, lower, live, databaseId);
    table.replace(coldWord(tag, store.placeUpper), store.placeLower);
    this.#movings.moved(database, coldWord(tag, upper), lower, live, due);
    return true;
  }

  /** Loads the hot record whose cold copy is at a place; false if there is none. Names need not be compared, nor anything read. */
  #findWarm(database: Database, partition: number, tag: number, upper: number, lower: number): boolean {
    const { table } = database;
    const { arena } = this.#keyspace;
    if (!table.first(partition, tag)) return false;
    do {
      if (!isHot(table.word0)) continue;
      const address = locationOf(table.word0, table.word1);
      const words = arena.words[segmentOf(address)];
      const word = (address & SEGMENT_MASK) << 1;
      const flags = words[word] >>> FLAGS_SHIFT;
      if ((flags & WARM) === 0) continue;
      const place = word + ((flags & EXPIRES) !== 0 ? 5 : 3);
      if (words[place] !== lower || words[place + 1] !== upper) continue;
      database.load(partition);
      return true;
    } while (table.nextSame());
    return false;
  }

  #finish(environment: Environment): void {
    this.#environment = null;
    if (environment.liveBytes > 0) {
      this.#damaged.add(environment);
      this.damagedCount++;
      return;
    }
    this.#store.retire(environment);
    this.reclaimedCount++;
  }
}

function isBlank(bytes: Uint8Array, offset: number): boolean {
  for (let at = offset; at < offset + 8; at++) if (bytes[at] !== 0) return false;
  return true;
}
