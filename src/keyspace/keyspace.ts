import { KeyHash } from '../base/hash.ts';
import type { Random } from '../base/random.ts';
import { lfuInitial, lfuTouched, lruClock } from '../heat/access.ts';
import { REFERENCES_MASK, withReference } from '../heat/references.ts';
import { ReuseCurve } from '../heat/reuse-curve.ts';
import { Arena, SEGMENT_MASK, segmentOf } from '../memory/arena.ts';
import type { ChangeWatcher } from './change-watcher.ts';
import { Database } from './database.ts';
import { PageGrowth } from './page-growth.ts';
import { type Entry, TYPE_PAGE } from './record.ts';
import type { RecordKeeper } from './record-keeper.ts';

/** Classes of keyspace events, as `notify-keyspace-events` names them (notifications.md of the Redis docs). */
export const NOTIFY_KEYSPACE = 1;
export const NOTIFY_KEYEVENT = 1 << 1;
export const NOTIFY_GENERIC = 1 << 2;
export const NOTIFY_STRING = 1 << 3;
export const NOTIFY_LIST = 1 << 4;
export const NOTIFY_SET = 1 << 5;
export const NOTIFY_HASH = 1 << 6;
export const NOTIFY_SORTED_SET = 1 << 7;
export const NOTIFY_EXPIRED = 1 << 8;
export const NOTIFY_EVICTED = 1 << 9;
export const NOTIFY_STREAM = 1 << 10;
export const NOTIFY_KEY_MISS = 1 << 11;
export const NOTIFY_NEW = 1 << 14;
export const NOTIFY_OVERWRITTEN = 1 << 15;
export const NOTIFY_TYPE_CHANGED = 1 << 16;

/** What the keyspace needs of the cold store. A place is a cold slot's location: upper 7 and lower 32 bits. */
export interface ColdTier {
  /**
   * Reads the record at a place into `entry` (bytes, header fields, key and payload), whose bytes are scratch of the
   * tier until its next call. Throws ColdRecordError for a record that fails its checksum or can't be read.
   */
  read(upper: number, lower: number, entry: Entry): void;
  /** The record at a place is no longer any key's: its space may be reclaimed. Its slot was that of a partition and tag. */
  release(
    upper: number,
    lower: number,
    databaseId: number,
    partition: number,
    tag: number,
    entry: Entry,
  ): void;
  /** The same of a record that can't be read: its space is not reclaimed. */
  abandon(upper: number, lower: number, databaseId: number, partition: number, tag: number): void;
  /** All records of a database are dead. */
  releaseDatabase(databaseId: number): void;
  /** Within a command: demotes pages, and pages only, as long as they fill memory too much; waits for the device if it must. */
  relieve(): void;
  /** Whether a cold key that was just read has earned its place in RAM. `hash` and `tag` identify it. */
  admits(hash: number, entryBytes: number): boolean;
  /** OBJECT FREQ/IDLETIME of a cold key consult the sketch of touches: access bits to report. */
  accessOf(hash: number, stored: number): number;
}

/** A value whose pages are to be freed, of what the database held when it had this number. */
export interface FreedValue {
  readonly database: Database;
  readonly id: number;
  readonly head: Uint8Array;
}

/** Who is told of changes to keys. All calls are synchronous, within the command that makes the change. */
export interface KeyspaceEvents {
  /** A key was changed, expired or evicted: WATCH and client-side caching. The key's bytes are lent for the call. */
  modified(database: Database, key: Uint8Array, offset: number, length: number): void;
  /** All keys of a database changed: FLUSHDB, or SWAPDB with the database that it was swapped with. */
  databaseChanged(database: Database, swapped: Database | null): void;
  /** A keyspace event of a class that is switched on. */
  notify(
    eventClass: number,
    event: string,
    database: Database,
    key: Uint8Array,
    offset: number,
    length: number,
  ): void;
  /** A key was deleted by expiry or eviction, which is propagated as DEL or UNLINK. */
  deleted(database: Database, key: Uint8Array, offset: number, length: number, lazily: boolean): void;
  /** Fields of a hash were deleted since their time had come, which is propagated as HDEL. */
  fieldsDeleted(
    database: Database,
    key: Uint8Array,
    offset: number,
    length: number,
    fields: readonly Uint8Array[],
  ): void;
  /** The pages of a value that is gone are to be freed by this walk, a step at a time. */
  detached(walk: IterableIterator<void>): void;
}

/** For a keyspace that nobody is told of. */
export const UNTOLD: KeyspaceEvents = {
  modified() {},
  databaseChanged() {},
  notify() {},
  deleted() {},
  fieldsDeleted() {},
  detached() {},
};

/** Counters of the keyspace, for INFO stats. */
export class KeyspaceStatistics {
  hits = 0;
  misses = 0;
  /** Hits by tier. */
  hotHits = 0;
  coldHits = 0;
  promotions = 0;
  expiredKeys = 0;
  /** Fields of hashes. */
  expiredFields = 0;
  evictedKeys = 0;
  /** Cycles of the active expiry that ended since their time was up. */
  expiredTimeCapReached = 0;

  reset(): void {
    this.hits = 0;
    this.misses = 0;
    this.hotHits = 0;
    this.coldHits = 0;
    this.promotions = 0;
    this.expiredKeys = 0;
    this.expiredFields = 0;
    this.evictedKeys = 0;
    this.expiredTimeCapReached = 0;
  }
}

/** Settings that the keyspace reads on its hot path. */
export interface KeyspaceSettings {
  /** Access bits hold LFU counters rather than the LRU clock: `maxmemory-policy` is an LFU one. */
  lfu: boolean;
  lfuLogFactor: number;
  lfuDecayMinutes: number;
  /** Classes of keyspace events that are switched on, and where to: bits as in `notify-keyspace-events`. */
  notifyFlags: number;
  lazyExpire: boolean;
  /** Keys that expired are removed without being looked up; DEBUG SET-ACTIVE-EXPIRE. */
  activeExpire: boolean;
}

/** All databases of one server and what they share: the memory, the hash's secret, the clock of the tick. */
export class Keyspace {
  readonly arena = new Arena();
  readonly indexArena = new Arena();
  readonly growth = new PageGrowth(this.arena);
  readonly keyHash: KeyHash;
  readonly random: Random;
  readonly events: KeyspaceEvents;
  readonly databases: Database[] = [];
  readonly statistics = new KeyspaceStatistics();
  /** Is told of accesses once it has begun, which is the tier's to decide. */
  readonly reuse = new ReuseCurve();
  readonly settings: KeyspaceSettings = {
    lfu: false,
    lfuLogFactor: 10,
    lfuDecayMinutes: 1,
    notifyFlags: 0,
    lazyExpire: false,
    activeExpire: true,
  };
  /** Milliseconds since the epoch that all commands of one tick see. */
  nowMs = 0;
  /** Changes since the start; a command that raises it is propagated. */
  dirty = 0;
  /** The connection asked that its reads leave no trace in the access history (CLIENT NO-TOUCH). */
  noTouch = false;
  /** Set where expired keys must be kept as they are: while data is loaded. */
  expiryPaused = false;
  /** Nothing is expired or evicted, since clients are paused; keys that have expired are missing all the same. */
  removalsHeld = false;
  cold: ColdTier | null = null;
  /** Told of all before it changes, while a snapshot is taken. */
  watcher: ChangeWatcher | null = null;
  /** Told of hot records before they change, while a checkpoint is taken. */
  keeper: RecordKeeper | null = null;
  /** 0 or {@link EPOCH}: a record in RAM without a cold copy that has this bit was changed since the last cut. */
  epoch = 0;
  /** Values that are gone, by copies of their heads, while their pages are freed. */
  readonly freeing = new Set<FreedValue>();
  #nextDatabaseId = 1;
  #nextCollection = 1;

  constructor(databaseCount: number, random: Random, events: KeyspaceEvents) {
    this.random = random;
    this.events = events;
    this.keyHash = new KeyHash(random.uint32(), random.uint32());
    for (let at = 0; at < databaseCount; at++) this.databases.push(new Database(this, at));
  }

  /** A number for a database's contents, never given twice: emptying a database is taking a new one. */
  takeDatabaseId(): number {
    return this.#nextDatabaseId++;
  }

  /** A number for a collection kept in pages, never given twice. */
  takeCollection(): number {
    return this.#nextCollection++;
  }

  /** The next numbers that the two above give, to go on with in another process. */
  get nextNumbers(): readonly [databaseId: number, collection: number] {
    return [this.#nextDatabaseId, this.#nextCollection];
  }

  set nextNumbers([databaseId, collection]: readonly [databaseId: number, collection: number]) {
    this.#nextDatabaseId = databaseId;
    this.#nextCollection = collection;
  }

  /** The database, or the table of a database's pages, whose present contents have this number, if they still exist. */
  databaseOf(id: number): Database | undefined {
    for (const database of this.databases) {
      if (database.id === id) return database;
      if (database.pageRecords?.id === id) return database.pageRecords;
    }
    return undefined;
  }

  /**
   * The database, or the table of a database's pages, that a hot record belongs to, which has loaded it then; undefined if no
   * slot refers to it.
   */
  ownerOf(address: number): Database | undefined {
    const word = this.arena.words[segmentOf(address)][(address & SEGMENT_MASK) << 1];
    const isPage = (word & 15) === TYPE_PAGE;
    for (const keys of this.databases) {
      const database = isPage ? keys.pageRecords : keys;
      if (database === undefined) continue;
      if (database.size > database.coldCount && database.findOwner(address)) return database;
    }
    return undefined;
  }

  /** Access bits of a key that is made now. */
  initialAccess(): number {
    return this.settings.lfu ? lfuInitial(this.nowMs) : lruClock(this.nowMs);
  }

  /** Access bits and references after one more access. */
  touched(access: number): number {
    const settings = this.settings;
    const references = withReference(access) & REFERENCES_MASK;
    if (!settings.lfu) return lruClock(this.nowMs) | references;
    const random = this.random.uint32() / 0x100000000;
    return (
      lfuTouched(access, this.nowMs, settings.lfuLogFactor, settings.lfuDecayMinutes, random) | references
    );
  }

  /** Exchanges the contents of two databases (SWAPDB). Constant time. */
  swap(left: number, right: number): void {
    const first = this.databases[left];
    const second = this.databases[right];
    this.databases[left] = second;
    this.databases[right] = first;
    second.number = left;
    first.number = right;
    this.dirty++;
    this.events.databaseChanged(first, second);
    this.events.databaseChanged(second, first);
  }

  /** Bytes of records, index pages and directories. */
  get usedBytes(): number {
    return this.arena.usedBytes + this.overheadBytes;
  }

  /** Bytes of the index alone. */
  get overheadBytes(): number {
    let bytes = this.indexArena.usedBytes;
    for (const database of this.databases) bytes += database.directoryBytes;
    return bytes;
  }
}
