import {
  copyBytes,
  copyShort,
  equalBytes,
  equalViews,
  SHORT_BYTES_MAX,
  sliceBytes,
  viewOf,
} from '../base/bytes.ts';
import { ACCESS_MASK } from '../heat/access.ts';
import { REFERENCES_MASK, withReference } from '../heat/references.ts';
import { blockBytesFor, SEGMENT_MASK, segmentOf } from '../memory/arena.ts';
import type { Arguments } from '../resp/arguments.ts';
import { PAGED } from '../types/pages/head.ts';
import type { ChangeWatcher } from './change-watcher.ts';
import { ColdRecordError } from './cold-record-error.ts';
import { freeRecords, freeValue } from './free-records.ts';
import {
  type Keyspace,
  NOTIFY_EXPIRED,
  NOTIFY_GENERIC,
  NOTIFY_HASH,
  NOTIFY_KEY_MISS,
  NOTIFY_NEW,
  NOTIFY_OVERWRITTEN,
  NOTIFY_TYPE_CHANGED,
} from './keyspace.ts';
import { COUNT, PROMOTE, QUIET, REPLACE, TOUCH } from './look-up.ts';
import { PageTable } from './page-table.ts';
import {
  dueAt,
  Entry,
  EXPIRES,
  fieldsExpire,
  headerBytes,
  LONG_KEY,
  recordWord,
  SHORT_KEY_MAX,
  TYPE_HASH,
  TYPE_STRING,
  WARM,
  writeHeader,
  writeHeaderOf,
} from './record.ts';
import {
  coldWord,
  hotWord,
  isHot,
  LOCATION_UPPER_MASK,
  locationOf,
  NO_EXPIRY,
  partitionOf,
  SlotTable,
  tagOf,
} from './slot-table.ts';

export { COUNT, OVERWRITE, PEEK, PROMOTE, QUIET, READ, REPLACE, TOUCH, WRITE } from './look-up.ts';

/** How a partition and a database's number are put together for the curve of reuse. */
const REUSE_DATABASE_SHIFT = 12;
const REUSE_DATABASE_MASK = 0xfffff;
/** Chunks of a string that is gone which are freed with it. */
const CHUNKS_FREED_AT_ONCE = 128;

/**
 * One database: the only place where keys are made, changed and removed.
 *
 * Use: `find` a key, look at `entry`, then call the mutators, which act on the key found last (or missed last, for
 * `store`). An entry holds until the next call. Every mutation counts in `keyspace.dirty` and is told to the
 * keyspace's events.
 */
export class Database {
  /** Its place among the databases: what SELECT names. SWAPDB changes it. */
  number: number;
  /** Number of its present contents, for cold records. */
  id: number;
  /** Keys that expire, hot and cold. */
  expiringCount = 0;
  /** Hashes of which fields expire, hot and cold. */
  fieldExpiringCount = 0;
  /** Keys in the cold tier only. */
  coldCount = 0;
  /** The key found last. */
  readonly entry = new Entry();

  readonly #keyspace: Keyspace;
  /** What this table holds are pages: they don't expire, and nobody is told of them. */
  readonly holdsPages: boolean;
  #pages: PageTable | null = null;
  #table: SlotTable;
  /** Hash of the key that was looked up last, and where its name is. */
  #tag = 0;
  #partition = 0;
  #found = false;
  /** The record of the key found last can't be read: `entry` tells of nothing but the name. */
  #isDamaged = false;
  #key: Uint8Array = new Uint8Array(0);
  /** The key's bytes under a view, where it came with one. */
  #keyView: DataView | null = null;
  #keyOffset = 0;
  #keyLength = 0;

  constructor(keyspace: Keyspace, number: number, holdsPages = false) {
    this.#keyspace = keyspace;
    this.holdsPages = holdsPages;
    this.number = number;
    this.id = keyspace.takeDatabaseId();
    this.#table = new SlotTable(keyspace.indexArena);
  }

  /** Keys, those that expired and were not yet removed included, as DBSIZE counts. */
  get size(): number {
    return this.#table.count;
  }

  get directoryBytes(): number {
    return this.#table.directoryBytes + (this.pageRecords?.directoryBytes ?? 0);
  }

  /** The pages of this database's collections. */
  get pages(): PageTable {
    if (this.#pages === null) {
      const keyspace = this.#keyspace;
      this.#pages = new PageTable(
        new Database(keyspace, this.number, true),
        keyspace.keyHash,
        () => keyspace.takeCollection(),
        TOUCH | PROMOTE,
        keyspace.growth,
      );
    }
    return this.#pages;
  }

  /** The table of those pages, once there are any. */
  get pageRecords(): Database | undefined {
    return this.#pages?.records;
  }

  /** The index, for walks that sample or sweep it: demotion, eviction, expiry. They change it only through this class. */
  get table(): SlotTable {
    return this.#table;
  }

  /**
   * Looks a key up; `entry` tells of it when found. An expired key is removed and counts as missing. `how` is made of
   * {@link TOUCH}, {@link COUNT}, {@link PROMOTE}, {@link QUIET} and {@link REPLACE}. The name's bytes are lent until the mutators that follow are done. Throws
   * ColdRecordError when the key's cold record can't be read.
   */
  find(key: Uint8Array, offset: number, length: number, how: number): boolean {
    return this.findViewed(key, viewOf(key), offset, length, how);
  }

  /** As {@link find} for the key in argument `at`. Allocates nothing. */
  findWord(words: Arguments, at: number, how: number): boolean {
    return this.findViewed(words.buffer, words.view, words.offsets[at], words.lengths[at], how);
  }

  /** As {@link find} for a key whose bytes have a view at hand. Allocates nothing. */
  findViewed(key: Uint8Array, view: DataView, offset: number, length: number, how: number): boolean {
    const keyspace = this.#keyspace;
    const hash = keyspace.keyHash.hash(view, offset, length);
    this.#tag = tagOf(hash);
    this.#partition = partitionOf(keyspace.keyHash.upper);
    this.#key = key;
    this.#keyView = view;
    this.#keyOffset = offset;
    this.#keyLength = length;
    const found = (how & REPLACE) === 0 ? this.#locate() : this.#locateToReplace();
    this.#found = found;
    if ((how & COUNT) !== 0) {
      if (found) {
        keyspace.statistics.hits++;
        if (this.entry.hot) keyspace.statistics.hotHits++;
        else keyspace.statistics.coldHits++;
      } else {
        keyspace.statistics.misses++;
        if ((keyspace.settings.notifyFlags & NOTIFY_KEY_MISS) !== 0 && (how & QUIET) === 0)
          this.notify(NOTIFY_KEY_MISS, 'keymiss');
      }
    }
    if (!found) return false;
    if (this.#tag < keyspace.reuse.tagLimit && (how & (TOUCH | COUNT)) !== 0)
      this.#noteReuse((how & COUNT) !== 0);
    if ((how & TOUCH) !== 0 && !keyspace.noTouch) this.#touch(how);
    return true;
  }

  /** As {@link find}, but sees what is there: no touch, no count, no removal of what expired. */
  peekRaw(key: Uint8Array, offset: number, length: number): boolean {
    return this.#peek(key, viewOf(key), offset, length);
  }

  /** As {@link peekRaw} for the key in argument `at`. Allocates nothing. */
  peekWord(words: Arguments, at: number): boolean {
    return this.#peek(words.buffer, words.view, words.offsets[at], words.lengths[at]);
  }

  #peek(key: Uint8Array, view: DataView, offset: number, length: number): boolean {
    const paused = this.#keyspace.expiryPaused;
    this.#keyspace.expiryPaused = true;
    try {
      return this.findViewed(key, view, offset, length, 0);
    } finally {
      this.#keyspace.expiryPaused = paused;
    }
  }

  /** Whether the key is there and its time has passed. */
  isExpired(key: Uint8Array, offset: number, length: number): boolean {
    return (
      this.peekRaw(key, offset, length) &&
      this.entry.expireAt >= 0 &&
      this.entry.expireAt <= this.#keyspace.nowMs
    );
  }

  /**
   * Whether a look-up of this key would have to read the cold store: it has a cold slot with the key's tag and no hot
   * record of that name. The slot's location is left in `table`.
   */
  needsCold(key: Uint8Array, offset: number, length: number): boolean {
    if (this.coldCount === 0) return false;
    const keyspace = this.#keyspace;
    const hash = keyspace.keyHash.hashBytes(key, offset, length);
    const table = this.#table;
    if (!table.first(partitionOf(keyspace.keyHash.upper), tagOf(hash))) return false;
    do {
      if (isHot(table.word0)) {
        this.#readHot(locationOf(table.word0, table.word1));
        const entry = this.entry;
        if (entry.keyLength === length && equalBytes(entry.bytes, entry.keyOffset, key, offset, length))
          return false;
      } else {
        return true;
      }
    } while (table.nextSame());
    return false;
  }

  /**
   * Writes the key looked up last: replaces its value, or makes it. The caller then fills
   * `entry.bytes[entry.payloadOffset …]` with `payloadLength` bytes. `expireAt` is milliseconds or -1.
   */
  store(type: number, encoding: number, payloadLength: number, expireAt: number): Entry {
    const keyspace = this.#keyspace;
    const arena = keyspace.arena;
    const entry = this.entry;
    if (keyspace.watcher !== null) this.#showChange(keyspace.watcher, this.#found);
    if (keyspace.keeper !== null && this.#found) keyspace.keeper.beforeChange(this);
    const keyLength = this.#keyLength;
    const flags = (expireAt >= 0 ? EXPIRES : 0) | (keyLength > SHORT_KEY_MAX ? LONG_KEY : 0);
    const bytes = headerBytes(flags) + keyLength + payloadLength;
    let access: number;
    let address: number;
    if (this.#found) {
      if ((entry.encoding & PAGED) !== 0) this.#freePages();
      access = keyspace.settings.lfu ? entry.access & ACCESS_MASK : keyspace.initialAccess();
      if (entry.hot) access |= withReference(entry.access) & REFERENCES_MASK;
      if ((entry.flags & EXPIRES) !== 0) this.expiringCount--;
      if (fieldsExpire(entry.type, entry.encoding)) this.fieldExpiringCount--;
      if (entry.hot) {
        if ((entry.flags & WARM) !== 0) this.#releaseWarm();
        address = entry.address;
        if (arena.blockBytes(address) !== blockBytesFor(bytes)) {
          arena.free(address);
          address = arena.allocate(bytes);
          this.#table.replace(hotWord(this.#tag, address), address | 0);
        }
      } else {
        this.#releaseCold();
        address = arena.allocate(bytes);
        this.#table.replace(hotWord(this.#tag, address), address | 0);
      }
    } else {
      if (keyspace.removalsHeld) this.#removeHeld();
      access = keyspace.initialAccess();
      address = arena.allocate(bytes);
      this.#table.insert(this.#partition, hotWord(this.#tag, address), address | 0);
    }
    this.#writeHeader(address, type, encoding, flags, access, payloadLength, expireAt, 0, 0);
    if (fieldsExpire(type, encoding)) this.fieldExpiringCount++;
    const added = !this.#found;
    if (added && this.#tag < keyspace.reuse.tagLimit) this.#noteReuse(false);
    this.#found = true;
    this.#changed();
    if (added && (keyspace.settings.notifyFlags & NOTIFY_NEW) !== 0 && !this.holdsPages)
      this.notify(NOTIFY_NEW, 'new');
    return entry;
  }

  /** As {@link store} for a command that sets the key whatever it holds: tells that an old value was overwritten. */
  overwrite(type: number, encoding: number, payloadLength: number, expireAt: number): Entry {
    const oldType = this.#found ? this.entry.type : -1;
    const entry = this.store(type, encoding, payloadLength, expireAt);
    if (oldType >= 0 && this.#keyspace.settings.notifyFlags !== 0) this.notifyOverwritten(oldType, type);
    return entry;
  }

  /** Tells that the value of the key that was looked up last took the place of one of another or the same type. */
  notifyOverwritten(oldType: number, type: number): void {
    this.notify(NOTIFY_OVERWRITTEN, 'overwritten');
    if (oldType !== type) this.notify(NOTIFY_TYPE_CHANGED, 'type_changed');
  }

  /**
   * Changes the payload's length, keeping its bytes up to the shorter length; what is new is undefined. `room` is the
   * length to make room for at least, so that a growing value need not move each time. Makes the record hot.
   */
  resize(payloadLength: number, room: number, encoding: number): Entry {
    const entry = this.reshape(payloadLength, room, encoding);
    this.#changed();
    return entry;
  }

  /** As {@link resize}, for structures of values: that the key changed is told by `changed` once for all. */
  reshape(payloadLength: number, room: number, encoding: number): Entry {
    const entry = this.makeHot();
    const arena = this.#keyspace.arena;
    const head = entry.payloadOffset - entry.word * 4;
    const address = entry.address;
    const old = arena.blockBytes(address);
    if (head + payloadLength > old || blockBytesFor(head + Math.max(payloadLength, room)) * 2 < old) {
      const moved = arena.allocate(head + Math.max(payloadLength, room));
      const start = entry.word * 4;
      const target = arena.bytes[segmentOf(moved)];
      const targetStart = (moved & SEGMENT_MASK) << 3;
      copyBytes(entry.bytes, start, target, targetStart, head + Math.min(payloadLength, entry.payloadLength));
      arena.free(address);
      this.#table.replace(hotWord(this.#tag, moved), moved | 0);
      this.#readHot(moved);
    }
    this.#recode(encoding);
    entry.words[entry.word + 2] = payloadLength;
    entry.payloadLength = payloadLength;
    return entry;
  }

  /** Tells that the caller changed the value of the key found last, by so many changes as Redis counts. */
  changed(count = 1): void {
    this.#keyspace.dirty += count - 1;
    this.#changed();
  }

  /** Gives the key found last another encoding of the same bytes, which is no change to users. Makes the record hot. */
  recode(encoding: number): void {
    this.makeHot();
    this.#recode(encoding);
  }

  /** Copies the name of the key found or loaded last, so that the record that it may lie in can be moved or removed. */
  keepName(): Uint8Array {
    const name = sliceBytes(this.#key, this.#keyOffset, this.#keyLength);
    this.#key = name;
    this.#keyView = null;
    this.#keyOffset = 0;
    return name;
  }

  /** Tells the index of the expiry of fields of the hash found last, after they were given one or the hash its name. */
  noteFieldExpiry(): void {
    const { entry } = this;
    if (!entry.hot || !fieldsExpire(entry.type, entry.encoding)) return;
    const due = dueAt(entry);
    if (due >= 0) this.#table.noteExpiry(expirySecond(due));
  }

  /**
   * Tells that fields of the hash found last are gone since their time had come: counted, told as an event, propagated as their
   * deletion. The hash goes too if it is empty.
   */
  fieldsExpired(fields: readonly Uint8Array[], isEmpty: boolean): void {
    const keyspace = this.#keyspace;
    const name = this.keepName();
    keyspace.statistics.expiredFields += fields.length;
    keyspace.events.fieldsDeleted(this, name, 0, name.length, fields);
    if (isEmpty) this.#drop(true);
    else this.noteFieldExpiry();
    keyspace.events.modified(this, name, 0, name.length);
    this.notify(NOTIFY_HASH, 'hexpired');
    if (isEmpty) this.notify(NOTIFY_GENERIC, 'del');
  }

  /** Gives the key found or stored last another access history (heat/access.ts), if it is hot. No change to users. */
  setAccess(access: number): void {
    const { entry } = this;
    if (!entry.hot) return;
    entry.access = access;
    entry.words[entry.word + 1] = (entry.words[entry.word + 1] & ~(ACCESS_MASK | REFERENCES_MASK)) | access;
  }

  /** Gives the key found last another expiry, in milliseconds, or none (-1). */
  setExpiry(expireAt: number): void {
    const entry = this.makeHot();
    const had = (entry.flags & EXPIRES) !== 0;
    if (had && expireAt >= 0) {
      entry.words[entry.word + 3] = expireAt | 0;
      entry.words[entry.word + 4] = Math.floor(expireAt / 0x100000000);
      entry.expireAt = expireAt;
      this.#table.noteExpiry(expirySecond(expireAt));
    } else if (had || expireAt >= 0) {
      this.#relayout(expireAt);
    }
    this.#changed();
  }

  /** Removes the key found last. */
  remove(): void {
    this.#drop(true);
    this.#changed();
  }

  /** Removes the key found last, and tells so by the event of a deletion. */
  delete(): void {
    this.remove();
    this.notify(NOTIFY_GENERIC, 'del');
  }

  /** Removes the key found last, whose pages belong to another key now. */
  removeButPages(): void {
    this.#drop(false);
    this.#changed();
  }

  /** Makes the key found last hot, as a change to it needs, giving up its cold copy. */
  makeHot(): Entry {
    const { watcher, keeper } = this.#keyspace;
    if (watcher !== null) this.#showChange(watcher, true);
    if (keeper !== null) keeper.beforeChange(this);
    const entry = this.entry;
    if (!entry.hot) this.#promote(false);
    else if ((entry.flags & WARM) !== 0) this.#dropWarm();
    return entry;
  }

  /** Whether {@link makeHot} would do nothing to the key found last. */
  get isPlain(): boolean {
    const { watcher, keeper } = this.#keyspace;
    return watcher === null && keeper === null && this.entry.hot && (this.entry.flags & WARM) === 0;
  }

  /** Within a command: has the tier demote pages where they are more than memory holds. What was found last is lost. */
  relieve(): void {
    this.#keyspace.growth.bytes = 0;
    this.#keyspace.growth.reliefCount++;
    this.#keyspace.cold?.relieve();
  }

  /** Promotes the key found last if it is cold; it keeps its cold copy. */
  promote(): void {
    if (!this.entry.hot) this.#promote(true);
  }

  /**
   * Fills `entry` for the slot that the table stopped at, as after finding the key: mutators then act on it. Nothing
   * is touched, counted or expired.
   */
  load(partition: number): Entry {
    const table = this.#table;
    const entry = this.entry;
    this.#tag = table.tag;
    this.#partition = partition;
    this.#found = true;
    this.#isDamaged = false;
    this.#readSlot();
    this.#key = entry.bytes;
    this.#keyView = null;
    this.#keyOffset = entry.keyOffset;
    this.#keyLength = entry.keyLength;
    return entry;
  }

  /** Replaces the hot record found or loaded last by its cold copy at a place, freeing its memory. No change to users. */
  demoteTo(upper: number, lower: number): void {
    const { growth, arena } = this.#keyspace;
    if (growth.isWithinCommand) growth.hold(this.entry.address);
    else arena.free(this.entry.address);
    this.#table.replace(coldWord(this.#tag, upper), lower);
    this.coldCount++;
    this.entry.hot = false;
  }

  /** Notes the place of a cold copy in the hot record loaded last, which has none. It may be moved. No change to users. */
  makeWarm(upper: number, lower: number): void {
    const arena = this.#keyspace.arena;
    const entry = this.entry;
    const { address, keyOffset, keyLength, payloadLength, expireAt, bytes } = entry;
    const flags = entry.flags | WARM;
    const head = headerBytes(flags);
    let target = address;
    if (arena.blockBytes(address) < head + keyLength + payloadLength) {
      target = arena.allocate(head + keyLength + payloadLength);
      const segment = segmentOf(target);
      const start = (target & SEGMENT_MASK) << 3;
      copyBytes(bytes, keyOffset, arena.bytes[segment], start + head, keyLength + payloadLength);
      arena.free(address);
      this.#table.replace(hotWord(this.#tag, target), target | 0);
    } else {
      bytes.copyWithin(entry.word * 4 + head, keyOffset, keyOffset + keyLength + payloadLength);
    }
    writeHeaderOf(this.#keyspace, entry, target, flags, expireAt, upper, lower);
    this.load(this.#partition);
  }

  /** Where in the index the key found or loaded last is. */
  get partition(): number {
    return this.#partition;
  }

  get tag(): number {
    return this.#tag;
  }

  /** The cold place of a warm record found or loaded last: its lower 32 bits; `warmUpper` has the upper ones. */
  get warmLower(): number {
    return this.entry.words[this.entry.word + (this.entry.expireAt >= 0 ? 5 : 3)];
  }

  get warmUpper(): number {
    return this.entry.words[this.entry.word + (this.entry.expireAt >= 0 ? 6 : 4)];
  }

  /** Moves the hot record loaded last to another block, to empty a segment. */
  relocate(): void {
    const { arena, keeper } = this.#keyspace;
    if (keeper !== null) keeper.beforeChange(this);
    const entry = this.entry;
    const start = entry.word * 4;
    const bytes = entry.payloadOffset - start + entry.payloadLength;
    const moved = arena.allocate(bytes);
    copyBytes(entry.bytes, start, arena.bytes[segmentOf(moved)], (moved & SEGMENT_MASK) << 3, bytes);
    arena.free(entry.address);
    this.#table.replace(hotWord(this.#tag, moved), moved | 0);
    this.#readHot(moved);
  }

  /** Finds the slot that refers to a hot record by the name in the record itself; false if it is not this database's. */
  findOwner(address: number): boolean {
    const entry = this.entry;
    this.#readHot(address);
    const hash = this.#keyspace.keyHash.hash(entry.view, entry.keyOffset, entry.keyLength);
    const partition = partitionOf(this.#keyspace.keyHash.upper);
    if (!this.#table.findLocation(partition, hotWord(tagOf(hash), address), address | 0)) return false;
    this.load(partition);
    return true;
  }

  /** Loads a key chosen uniformly, expired ones included; `random(n)` answers an integer below n. False if there is none. */
  seekRandom(random: (limit: number) => number): boolean {
    if (!this.#table.seekRandom(random)) return false;
    this.load(this.#table.partition);
    return true;
  }

  /** The 32-bit identity under which the tier's sketch knows a key. */
  identityOf(key: Uint8Array, offset: number, length: number): number {
    const hash = this.#keyspace.keyHash.hashBytes(key, offset, length);
    return (tagOf(hash) << 9) ^ partitionOf(this.#keyspace.keyHash.upper);
  }

  /** Removes all keys. Constant time but for the hot records, which are freed by the walk that is returned. */
  clear(): IterableIterator<void> {
    const old = this.#table;
    const own = this.id & REUSE_DATABASE_MASK;
    this.#keyspace.reuse.forgetWhere((rest) => rest >>> REUSE_DATABASE_SHIFT === own);
    if (!this.holdsPages) {
      this.#keyspace.watcher?.cleared(this);
      this.#keyspace.keeper?.cleared();
      this.#keyspace.dirty++;
      this.#keyspace.events.databaseChanged(this, null);
    }
    if (this.#keyspace.cold !== null) this.#keyspace.cold.releaseDatabase(this.id);
    this.id = this.#keyspace.takeDatabaseId();
    this.#table = new SlotTable(this.#keyspace.indexArena);
    this.expiringCount = 0;
    this.fieldExpiringCount = 0;
    this.coldCount = 0;
    this.#found = false;
    const ofPages = this.pageRecords?.clear();
    return freeRecords(old, this.#keyspace.arena, ofPages);
  }

  /** Tells a keyspace event about the key that was looked up last. */
  notify(eventClass: number, event: string): void {
    const keyspace = this.#keyspace;
    if ((keyspace.settings.notifyFlags & eventClass) === 0) return;
    keyspace.events.notify(eventClass, event, this, this.#key, this.#keyOffset, this.#keyLength);
  }

  /**
   * Removes the key found or loaded last because it expired (or, with `evicted`, because memory is short): counted, told as
   * an event, propagated as a deletion.
   */
  removeBySystem(eventClass: number, event: string, lazily: boolean): void {
    const keyspace = this.#keyspace;
    const name = this.keepName();
    this.#drop(true);
    if (eventClass === NOTIFY_EXPIRED) keyspace.statistics.expiredKeys++;
    else keyspace.statistics.evictedKeys++;
    keyspace.events.modified(this, name, 0, name.length);
    this.notify(eventClass, event);
    keyspace.events.deleted(this, name, 0, name.length, lazily);
  }

  #recode(encoding: number): void {
    const { entry } = this;
    if (entry.type === TYPE_HASH) {
      if (fieldsExpire(TYPE_HASH, entry.encoding)) this.fieldExpiringCount--;
      if (fieldsExpire(TYPE_HASH, encoding)) this.fieldExpiringCount++;
    }
    entry.encoding = encoding;
    entry.words[entry.word] = recordWord(entry.type, encoding, entry.flags, entry.keyLength);
  }

  #locate(): boolean {
    this.#isDamaged = false;
    const table = this.#table;
    if (!table.first(this.#partition, this.#tag)) return false;
    const key = this.#key;
    const view = this.#keyView;
    const keyOffset = this.#keyOffset;
    const keyLength = this.#keyLength;
    const entry = this.entry;
    const keyspace = this.#keyspace;
    do {
      const word0 = table.word0;
      if (isHot(word0)) this.#readHot(locationOf(word0, table.word1));
      else this.#readCold(word0 & LOCATION_UPPER_MASK, table.word1);
      if (entry.keyLength !== keyLength) continue;
      const isSame =
        entry.hot && view !== null
          ? equalViews(entry.view, entry.keyOffset, view, keyOffset, keyLength)
          : equalBytes(entry.bytes, entry.keyOffset, key, keyOffset, keyLength);
      if (!isSame) continue;
      if (entry.expireAt >= 0 && entry.expireAt <= keyspace.nowMs && !keyspace.expiryPaused) {
        if (keyspace.removalsHeld) return false;
        this.removeBySystem(NOTIFY_EXPIRED, 'expired', keyspace.settings.lazyExpire);
        this.#key = key;
        this.#keyOffset = keyOffset;
        return false;
      }
      return true;
    } while (table.nextSame());
    return false;
  }

  /** As {@link #locate}; where a record can't be read, the key is there if no other record has its name. */
  #locateToReplace(): boolean {
    try {
      return this.#locate();
    } catch (error) {
      if (!(error instanceof ColdRecordError)) throw error;
    }
    const table = this.#table;
    let word0 = 0;
    let word1 = 0;
    table.first(this.#partition, this.#tag);
    do {
      if (this.#readsSameName()) return true;
      if (isHot(table.word0) || !this.#isDamaged) continue;
      word0 = table.word0;
      word1 = table.word1;
    } while (table.nextSame());
    table.findLocation(this.#partition, word0, word1);
    this.#isDamaged = true;
    this.entry.forget(this.#keyLength);
    return true;
  }

  /** Whether the slot that the table stopped at is that of the name that was looked up; a record that can't be read is not. */
  #readsSameName(): boolean {
    this.#isDamaged = false;
    try {
      this.#readSlot();
    } catch (error) {
      if (!(error instanceof ColdRecordError)) throw error;
      this.#isDamaged = true;
      return false;
    }
    const { bytes, keyOffset, keyLength } = this.entry;
    return (
      keyLength === this.#keyLength && equalBytes(bytes, keyOffset, this.#key, this.#keyOffset, keyLength)
    );
  }

  /** Removes the expired key, if it is one, whose name is about to be taken. */
  #removeHeld(): void {
    const keyspace = this.#keyspace;
    keyspace.removalsHeld = false;
    this.#locate();
    keyspace.removalsHeld = true;
  }

  #readHot(address: number): void {
    this.entry.readHot(this.#keyspace.arena, address);
  }

  #readCold(upper: number, lower: number): void {
    const cold = this.#keyspace.cold;
    if (cold === null) throw new Error('a cold slot without a cold tier');
    const entry = this.entry;
    entry.hot = false;
    cold.read(upper, lower, entry);
  }

  #touch(how: number): void {
    const keyspace = this.#keyspace;
    const entry = this.entry;
    if (entry.hot) {
      const access = keyspace.touched(entry.access);
      entry.access = access;
      entry.words[entry.word + 1] = (entry.words[entry.word + 1] & ~(ACCESS_MASK | REFERENCES_MASK)) | access;
    } else if ((how & PROMOTE) !== 0 && keyspace.cold !== null) {
      const identity = (this.#tag << 9) ^ this.#partition;
      if (!keyspace.cold.admits(identity, entry.keyLength + entry.payloadLength)) return;
      this.#promote(true);
      this.#touch(TOUCH);
    }
  }

  /** Tells of an access of the key found last, whose tag is one of those that are sampled. */
  #noteReuse(isRead: boolean): void {
    const { reuse, statistics } = this.#keyspace;
    const { flags, keyLength, payloadLength } = this.entry;
    const size = blockBytesFor(headerBytes(flags) + keyLength + payloadLength);
    reuse.note(this.#tag, this.#reuseRest(), size, isRead, statistics.hits);
  }

  /** What tells sampled keys of one tag apart. */
  #reuseRest(): number {
    return ((this.id & REUSE_DATABASE_MASK) << REUSE_DATABASE_SHIFT) | this.#partition;
  }

  #promote(keepWarm: boolean): void {
    const keyspace = this.#keyspace;
    const arena = keyspace.arena;
    const entry = this.entry;
    const table = this.#table;
    const upper = table.word0 & LOCATION_UPPER_MASK;
    const lower = table.word1;
    const { payloadLength, expireAt, bytes, keyOffset, keyLength } = entry;
    const flags = (entry.flags & ~WARM) | (keepWarm ? WARM : 0);
    if (!keepWarm) this.#releaseCold();
    else this.coldCount--;
    const total = headerBytes(flags) + keyLength + payloadLength;
    const address = arena.allocate(total);
    const segment = segmentOf(address);
    copyBytes(
      bytes,
      keyOffset,
      arena.bytes[segment],
      ((address & SEGMENT_MASK) << 3) + headerBytes(flags),
      keyLength + payloadLength,
    );
    table.replace(hotWord(this.#tag, address), address | 0);
    const fromTierKey = this.#key === bytes;
    writeHeaderOf(this.#keyspace, entry, address, flags, expireAt, upper, lower);
    this.#readHot(address);
    if (fromTierKey) {
      this.#key = entry.bytes;
      this.#keyView = null;
      this.#keyOffset = entry.keyOffset;
    }
    if (expireAt >= 0) table.noteExpiry(expirySecond(expireAt));
    this.noteFieldExpiry();
    keyspace.statistics.promotions++;
  }

  /** Moves the record into a block with or without an expiry's words. */
  #relayout(expireAt: number): void {
    const arena = this.#keyspace.arena;
    const entry = this.entry;
    const { keyOffset, keyLength, payloadLength, bytes, address } = entry;
    if ((entry.flags & EXPIRES) !== 0) this.expiringCount--;
    if (expireAt >= 0) this.expiringCount++;
    const flags = (entry.flags & ~(EXPIRES | WARM)) | (expireAt >= 0 ? EXPIRES : 0);
    const moved = arena.allocate(headerBytes(flags) + keyLength + payloadLength);
    const segment = segmentOf(moved);
    copyBytes(
      bytes,
      keyOffset,
      arena.bytes[segment],
      ((moved & SEGMENT_MASK) << 3) + headerBytes(flags),
      keyLength + payloadLength,
    );
    const ownKey = this.#key === bytes && this.#keyOffset === keyOffset;
    arena.free(address);
    this.#table.replace(hotWord(this.#tag, moved), moved | 0);
    writeHeaderOf(this.#keyspace, entry, moved, flags, expireAt, 0, 0);
    this.#readHot(moved);
    if (ownKey) {
      this.#key = entry.bytes;
      this.#keyView = null;
      this.#keyOffset = entry.keyOffset;
    }
    if (expireAt >= 0) this.#table.noteExpiry(expirySecond(expireAt));
  }

  #writeHeader(
    address: number,
    type: number,
    encoding: number,
    flags: number,
    access: number,
    payloadLength: number,
    expireAt: number,
    upper: number,
    lower: number,
  ): void {
    const keyLength = this.#keyLength;
    writeHeader(
      this.#keyspace,
      address,
      type,
      encoding,
      flags,
      access,
      keyLength,
      payloadLength,
      expireAt,
      upper,
      lower,
    );
    const entry = this.entry;
    this.#readHot(address);
    if (this.#keyView !== null && keyLength <= SHORT_BYTES_MAX) {
      copyShort(this.#keyView, this.#keyOffset, entry.view, entry.keyOffset, keyLength);
    } else {
      copyBytes(this.#key, this.#keyOffset, entry.bytes, entry.keyOffset, keyLength);
    }
    if (expireAt >= 0) {
      this.expiringCount++;
      this.#table.noteExpiry(expirySecond(expireAt));
    }
  }

  #drop(freesPages: boolean): void {
    const { watcher, keeper, reuse } = this.#keyspace;
    if (this.#tag < reuse.tagLimit) reuse.forget(this.#tag, this.#reuseRest());
    if (watcher !== null) this.#showChange(watcher, true);
    if (keeper !== null) keeper.beforeChange(this);
    const entry = this.entry;
    if (freesPages && (entry.encoding & PAGED) !== 0) this.#freePages();
    if ((entry.flags & EXPIRES) !== 0) this.expiringCount--;
    if (fieldsExpire(entry.type, entry.encoding)) this.fieldExpiringCount--;
    if (entry.hot) {
      if ((entry.flags & WARM) !== 0) this.#releaseWarm();
      this.#keyspace.arena.free(entry.address);
    } else {
      this.#releaseCold();
    }
    this.#table.remove();
    this.#found = false;
  }

  /**
   * The value of the key found last goes, and its pages with it, a few at a time; those of a string at once if they are not
   * many, so that one after another can be overwritten or evicted within the same memory.
   */
  #freePages(): void {
    const { type, hot, bytes, payloadOffset, payloadLength } = this.entry;
    const head = sliceBytes(bytes, payloadOffset, payloadLength);
    const walk = freeValue(this, this.#keyspace, head);
    const { watcher, events } = this.#keyspace;
    if (watcher?.keepsPages(head, walk)) return;
    if (type === TYPE_STRING && hot) {
      for (let step = 0; step < CHUNKS_FREED_AT_ONCE; step++) if (walk.next().done === true) return;
    }
    events.detached(walk);
  }

  /** Shows a watcher what is about to change: the key or page that was looked up last and found or missed. */
  #showChange(watcher: ChangeWatcher, isThere: boolean): void {
    if (this.holdsPages) watcher.takePage(this, isThere, this.#key, this.#keyOffset);
    else if (watcher.takesPlace(this, this.#partition, this.#tag)) this.#showPlace(watcher, isThere);
  }

  /** Shows a watcher all keys whose hash is that of the key that was looked up last; hardly ever are there others. */
  #showPlace(watcher: ChangeWatcher, isThere: boolean): void {
    const table = this.#table;
    const { word0, word1 } = table;
    if (isThere && !this.#isDamaged) watcher.takeKey(this);
    if (!table.first(this.#partition, this.#tag)) return;
    const isOwnKey = isThere && this.#key === this.entry.bytes;
    let hasOthers = false;
    try {
      do {
        if (isThere && table.word0 === word0 && table.word1 === word1) continue;
        hasOthers = true;
        this.#readSlot();
        watcher.takeKey(this);
      } while (table.nextSame());
    } catch (error) {
      watcher.failed(error);
    }
    if (!isThere) return;
    table.findLocation(this.#partition, word0, word1);
    if (!hasOthers) return;
    this.#readSlot();
    if (isOwnKey) {
      this.#key = this.entry.bytes;
      this.#keyView = null;
      this.#keyOffset = this.entry.keyOffset;
    }
  }

  /** Fills `entry` from the record of the slot that the table stopped at. */
  #readSlot(): void {
    const { word0, word1 } = this.#table;
    if (isHot(word0)) this.#readHot(locationOf(word0, word1));
    else this.#readCold(word0 & LOCATION_UPPER_MASK, word1);
  }

  #changed(): void {
    if (this.holdsPages) return;
    const keyspace = this.#keyspace;
    keyspace.dirty++;
    keyspace.events.modified(this, this.#key, this.#keyOffset, this.#keyLength);
  }

  /** The cold record that the present slot names is dead. */
  #releaseCold(): void {
    const table = this.#table;
    this.coldCount--;
    if (this.#isDamaged) {
      this.#isDamaged = false;
      this.#keyspace.cold?.abandon(
        table.word0 & LOCATION_UPPER_MASK,
        table.word1,
        this.id,
        this.#partition,
        this.#tag,
      );
      return;
    }
    this.#release(table.word0 & LOCATION_UPPER_MASK, table.word1);
  }

  #releaseWarm(): void {
    this.#release(this.warmUpper, this.warmLower);
  }

  #release(upper: number, lower: number): void {
    this.#keyspace.cold?.release(upper, lower, this.id, this.#partition, this.#tag, this.entry);
  }

  #dropWarm(): void {
    this.#releaseWarm();
    this.#clearWarm();
  }

  /** Takes the words of the cold copy's place out of the record, within its block. */
  #clearWarm(): void {
    const entry = this.entry;
    const flags = entry.flags & ~WARM;
    const start = entry.word * 4;
    const target = start + headerBytes(flags);
    entry.bytes.copyWithin(target, entry.keyOffset, entry.payloadOffset + entry.payloadLength);
    writeHeaderOf(this.#keyspace, entry, entry.address, flags, entry.expireAt, 0, 0);
    if (this.#key === entry.bytes) this.#keyOffset = target;
    this.#readHot(entry.address);
  }
}

/** The second, rounded up, at or before which nothing expires at `expireAt`; far times count as the last second. */
export function expirySecond(expireAt: number): number {
  const second = Math.floor(expireAt / 1000);
  return second >= NO_EXPIRY ? NO_EXPIRY - 1 : second;
}
