import type { Keyspace } from '../keyspace/keyspace.ts';
import { Entry, WARM } from '../keyspace/record.ts';
import { coldWord, partitionOf, tagOf } from '../keyspace/slot-table.ts';
import { COLD_HEADER_BYTES_MAX, type ColdRecordReader, coldBytes } from './cold-record.ts';
import { BLOCK_BYTES, type ColdStore, type Environment, placeAt } from './cold-store.ts';

/** Dead space that is not worth reclaiming. */
const SLACK_BYTES = 4 * 1024 * 1024;
/** Files are kept within this multiple of what lives in them. */
const SPACE_FACTOR = 1.4;
/** The smallest record: its headers. */
const RECORD_BYTES_MIN = 24;
/** An environment of which this much lives is not reclaimed whatever the need. */
const LIVE_FRACTION_MAX = 0.95;

/** Told of a stored list of expiring slots that is met at a place: moves it to the head of the log if it is still needed. */
export type MoveList = (
  upper: number,
  lower: number,
  entry: Entry,
  bytes: Uint8Array,
  length: number,
) => void;

/**
 * Gives the space of dead records back: takes the environment with the least that lives, appends its living records to
 * the head of the log, and removes it (the cleaner of a log-structured file system: Rosenblum and Ousterhout, "The Design
 * and Implementation of a Log-Structured File System"). Which records live is asked of the index: a record lives if a
 * slot, or a warm record, refers to its place.
 */
export class Reclaimer {
  readonly #keyspace: Keyspace;
  readonly #store: ColdStore;
  readonly #reader: ColdRecordReader;
  readonly #entry = new Entry();
  readonly #moveList: MoveList;
  #environment: Environment | null = null;
  #position = 0;
  #removing = false;
  #record = new Uint8Array(0);
  reclaimedCount = 0;
  /** Records passed over since they could not be read: their environment stays. */
  damagedCount = 0;

  constructor(keyspace: Keyspace, store: ColdStore, reader: ColdRecordReader, moveList: MoveList) {
    this.#keyspace = keyspace;
    this.#store = store;
    this.#reader = reader;
    this.#moveList = moveList;
  }

  get isActive(): boolean {
    return this.#environment !== null;
  }

  /** Whether the files hold so much dead space that reclaiming should go on; `urgent` ignores how little it is. */
  isWanted(urgent: boolean): boolean {
    if (this.#environment !== null) return true;
    const live = this.#store.liveBytes;
    const files = this.#store.fileBytes;
    return urgent ? files > live * 1.1 + BLOCK_BYTES : files > live * SPACE_FACTOR + SLACK_BYTES;
  }

  /** Goes on for at most `bytesMax` bytes of log. Stops early when the store is busy. */
  step(bytesMax: number): void {
    if (this.#removing) return;
    if (this.#environment === null && !this.#choose()) return;
    const environment = this.#environment as Environment;
    const end = environment.blockCount * BLOCK_BYTES;
    const until = Math.min(end, this.#position + bytesMax);
    while (this.#position < until) {
      if (environment.liveBytes <= 0) {
        this.#position = end;
        break;
      }
      if (this.#store.isBusy) return;
      this.#position += this.#visit(environment, this.#position, end);
    }
    if (this.#position >= end) this.#finish(environment);
  }

  #choose(): boolean {
    let best: Environment | null = null;
    let bestFraction = LIVE_FRACTION_MAX;
    for (const environment of this.#store.environments) {
      if (environment === undefined || !environment.sealed || this.#damaged.has(environment)) continue;
      const fraction = environment.liveBytes / (environment.blockCount * BLOCK_BYTES);
      if (fraction < bestFraction) {
        best = environment;
        bestFraction = fraction;
      }
    }
    this.#environment = best;
    this.#position = 0;
    return best !== null;
  }

  readonly #damaged = new Set<Environment>();

  /** Looks at the record at a position and moves it if it lives. Returns the bytes to go on by. */
  #visit(environment: Environment, position: number, end: number): number {
    const store = this.#store;
    const upper = environment.number >>> 7;
    const lower = placeAt(environment.number, position);
    const entry = this.#entry;
    if (end - position < RECORD_BYTES_MIN) return end - position;
    let length: number;
    try {
      let bytes = store.read(upper, lower, Math.min(COLD_HEADER_BYTES_MAX, end - position));
      // The last block is filled up with zeros.
      if (isBlank(bytes, store.offset)) return end - position;
      this.#reader.measure(bytes, store.offset, end - position, entry);
      length = this.#reader.length;
      if (length > store.available) bytes = store.read(upper, lower, length);
      if (this.#record.length < length) this.#record = new Uint8Array(length * 2);
      this.#record.set(bytes.subarray(store.offset, store.offset + length));
      this.#reader.verify(this.#record, 0, entry);
    } catch {
      // Nothing after it can be told apart: what lives here stays here, and reads of the damaged record say so.
      this.damagedCount++;
      this.#damaged.add(environment);
      return end - position;
    }
    const databaseId = this.#reader.databaseId;
    if (databaseId === 0) {
      this.#moveList(upper, lower, entry, this.#record, length);
      return length;
    }
    this.#moveIfLiving(upper, lower, length, databaseId);
    return length;
  }

  #moveIfLiving(upper: number, lower: number, length: number, databaseId: number): void {
    const keyspace = this.#keyspace;
    const entry = this.#entry;
    const database = keyspace.databases.find((candidate) => candidate.id === databaseId);
    if (database === undefined) return;
    const hash = keyspace.keyHash.hashBytes(entry.bytes, entry.keyOffset, entry.keyLength);
    const tag = tagOf(hash);
    const partition = partitionOf(keyspace.keyHash.upper);
    const table = database.table;
    if (table.findLocation(partition, coldWord(tag, upper), lower)) {
      const live = coldBytes(entry.keyLength, entry.payloadLength, entry.flags);
      this.#store.append(this.#record, length, live, databaseId);
      this.#store.release(upper, lower, live, databaseId);
      table.replace(coldWord(tag, this.#store.placeUpper), this.#store.placeLower);
      return;
    }
    // A warm record gives its copy up: it is hot, and likely to change before it is demoted again.
    if (!database.peekRaw(entry.bytes, entry.keyOffset, entry.keyLength)) return;
    const found = database.entry;
    if (!found.hot || (found.flags & WARM) === 0) return;
    if (database.warmUpper === upper && database.warmLower === lower) database.makeHot();
  }

  #finish(environment: Environment): void {
    this.#environment = null;
    if (this.#damaged.has(environment)) return;
    this.#removing = true;
    const done = () => {
      this.#removing = false;
      this.reclaimedCount++;
    };
    // What was moved is in RAM until its batch is committed, and is tried again until it is.
    this.#store.remove(environment).then(done, done);
  }
}

function isBlank(bytes: Uint8Array, offset: number): boolean {
  for (let at = offset; at < offset + 12; at++) if (bytes[at] !== 0) return false;
  return true;
}
