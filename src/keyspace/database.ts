import {
  copyBytes,
  copyShort,
  equalBytes,
  equalViews,
  SHORT_BYTES_MAX,
  sliceBytes,
  viewOf,
} from '../base/bytes.ts';
import { blockBytesFor, SEGMENT_MASK, segmentOf } from '../memory/arena.ts';
import type { Arguments } from '../resp/arguments.ts';
import { PAGED } from '../types/pages/head.ts';
import { freePages } from '../types/pages/walk.ts';
import type { ChangeWatcher } from './change-watcher.ts';
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
import { PageTable } from './page-table.ts';
import {
  dueAt,
  Entry,
  EXPIRES,
  expiryOf,
  FLAGS_SHIFT,
  fieldsExpire,
  HEADER_BYTES,
  headerBytes,
  KEY_LENGTH_SHIFT,
  LONG_KEY,
  recordWord,
  SHORT_KEY_MAX,
  TYPE_HASH,
  WARM,
} from './record.ts';
import {
  COLD,
  coldWord,
  hotWord,
  isHot,
  LOCATION_UPPER_MASK,
  locationOf,
  NO_EXPIRY,
  PARTITION_COUNT,
  partitionOf,
  SlotTable,
  tagOf,
} from './slot-table.ts';

/** `find` records the access in the key's history. */
export const TOUCH = 1;
/** `find` counts as a keyspace hit or miss. */
export const COUNT = 2;
/** `find` may promote a cold key that has earned it. */
export const PROMOTE = 4;
/** A miss that `find` counts is not told as a keyspace event. */
export const QUIET = 8;
/** How a command that reads a value looks up. */
export const READ = TOUCH | COUNT | PROMOTE;
/** How a command that looks at a key without using it looks up (TTL, TYPE, OBJECT). */
export const PEEK = COUNT;
/** How a command that is about to change a key looks up. */
export const WRITE = TOUCH;

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
  readonly #holdsPages: boolean;
  #pages: PageTable | null = null;
  #table: SlotTable;
  /** Hash of the key that was looked up last, and where its name is. */
  #tag = 0;
  #partition = 0;
  #found = false;
  #key: Uint8Array = new Uint8Array(0);
  /** The key's bytes under a view, where it came with one. */
  #keyView: DataView | null = null;
  #keyOffset = 0;
  #keyLength = 0;

  constructor(keyspace: Keyspace, number: number, holdsPages = false) {
    this.#keyspace = keyspace;
    this.#holdsPages = holdsPages;
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
   * {@link TOUCH}, {@link COUNT}, {@link PROMOTE} and {@link QUIET}. The name's bytes are lent until the mutators that follow are done. Throws
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
    const found = this.#locate();
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
    if ((how & TOUCH) !== 0 && !keyspace.noTouch) this.#touch(how);
    return true;
  }

  /** As {@link find}, but sees what is there: no touch, no count, no removal of what expired. */
  peekRaw(key: Uint8Array, offset: number, length: number): boolean {
    const paused = this.#keyspace.expiryPaused;
    this.#keyspace.expiryPaused = true;
    try {
      return this.find(key, offset, length, 0);
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
    const keyLength = this.#keyLength;
    const flags = (expireAt >= 0 ? EXPIRES : 0) | (keyLength > SHORT_KEY_MAX ? LONG_KEY : 0);
    const bytes = headerBytes(flags) + keyLength + payloadLength;
    let access: number;
    let address: number;
    if (this.#found) {
      if ((entry.encoding & PAGED) !== 0) this.#freePages();
      access = keyspace.settings.lfu ? entry.access : keyspace.initialAccess();
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
    this.#found = true;
    this.#changed();
    if (added && (keyspace.settings.notifyFlags & NOTIFY_NEW) !== 0 && !this.#holdsPages)
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
    entry.words[entry.word + 1] = (entry.words[entry.word + 1] & ~0xffffff) | access;
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
    const { watcher } = this.#keyspace;
    if (watcher !== null) this.#showChange(watcher, true);
    const entry = this.entry;
    if (!entry.hot) this.#promote(false);
    else if ((entry.flags & WARM) !== 0) this.#dropWarm();
    return entry;
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
    this.#readSlot();
    this.#key = entry.bytes;
    this.#keyView = null;
    this.#keyOffset = entry.keyOffset;
    this.#keyLength = entry.keyLength;
    return entry;
  }

  /** Replaces the hot record found or loaded last by its cold copy at a place, freeing its memory. No change to users. */
  demoteTo(upper: number, lower: number): void {
    this.#keyspace.arena.free(this.entry.address);
    this.#table.replace(coldWord(this.#tag, upper), lower);
    this.coldCount++;
    this.entry.hot = false;
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
    const entry = this.entry;
    const arena = this.#keyspace.arena;
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

  /** Mean time to live of some hot keys that expire, in milliseconds; 0 if there are none. */
  averageTtlMs(nowMs: number): number {
    const slots = new Int32Array(128);
    let sum = 0;
    let count = 0;
    for (
      let partition = 0;
      partition < PARTITION_COUNT && count < 64 && this.expiringCount > 0;
      partition++
    ) {
      const page = this.#table.findExpiring(partition, 0, NO_EXPIRY - 1);
      if (page < 0) continue;
      const used = this.#table.copyPage(partition, page, slots);
      for (let at = 0; at < used; at++) {
        if (!isHot(slots[at * 2])) continue;
        this.#readHot(locationOf(slots[at * 2], slots[at * 2 + 1]));
        if (this.entry.expireAt < 0) continue;
        sum += Math.max(0, this.entry.expireAt - nowMs);
        count++;
      }
    }
    return count === 0 ? 0 : sum / count;
  }

  /** The 32-bit identity under which the tier's sketch knows a key. */
  identityOf(key: Uint8Array, offset: number, length: number): number {
    const hash = this.#keyspace.keyHash.hashBytes(key, offset, length);
    return (tagOf(hash) << 9) ^ partitionOf(this.#keyspace.keyHash.upper);
  }

  /** Removes all keys. Constant time but for the hot records, which are freed by the walk that is returned. */
  clear(): IterableIterator<void> {
    const old = this.#table;
    if (!this.#holdsPages) {
      this.#keyspace.watcher?.cleared(this);
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
    return this.#freeAll(old, this.pageRecords?.clear());
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

  /** Removes the expired key, if it is one, whose name is about to be taken. */
  #removeHeld(): void {
    const keyspace = this.#keyspace;
    keyspace.removalsHeld = false;
    this.#locate();
    keyspace.removalsHeld = true;
  }

  #readHot(address: number): void {
    const arena = this.#keyspace.arena;
    const entry = this.entry;
    const segment = segmentOf(address);
    const words = arena.words[segment];
    const word = (address & SEGMENT_MASK) << 1;
    const head = words[word];
    const flags = (head >>> FLAGS_SHIFT) & 0xff;
    entry.bytes = arena.bytes[segment];
    entry.words = words;
    entry.view = arena.views[segment];
    entry.word = word;
    entry.hot = true;
    entry.address = address;
    entry.type = head & 15;
    entry.encoding = (head >>> 4) & 15;
    entry.flags = flags;
    entry.access = words[word + 1] & 0xffffff;
    entry.payloadLength = words[word + 2];
    entry.expireAt = (flags & EXPIRES) !== 0 ? expiryOf(words[word + 3], words[word + 4]) : -1;
    const start = word * 4 + ((flags & 7) === 0 ? HEADER_BYTES : headerBytes(flags));
    const length = (flags & LONG_KEY) !== 0 ? words[(start >>> 2) - 1] : head >>> KEY_LENGTH_SHIFT;
    entry.keyOffset = start;
    entry.keyLength = length;
    entry.payloadOffset = start + length;
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
      entry.words[entry.word + 1] = (entry.words[entry.word + 1] & ~0xffffff) | access;
    } else if ((how & PROMOTE) !== 0 && keyspace.cold !== null) {
      const identity = (this.#tag << 9) ^ this.#partition;
      if (!keyspace.cold.admits(identity, entry.keyLength + entry.payloadLength)) return;
      this.#promote(true);
      this.#touch(TOUCH);
    }
  }

  #promote(keepWarm: boolean): void {
    const keyspace = this.#keyspace;
    const arena = keyspace.arena;
    const entry = this.entry;
    const table = this.#table;
    const upper = table.word0 & LOCATION_UPPER_MASK;
    const lower = table.word1;
    const { type, encoding, payloadLength, expireAt, bytes, keyOffset, keyLength } = entry;
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
    this.#writeHeaderWords(
      address,
      type,
      encoding,
      flags,
      entry.access,
      keyLength,
      payloadLength,
      expireAt,
      upper,
      lower,
    );
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
    const { type, encoding, access, keyOffset, keyLength, payloadLength, bytes, address } = entry;
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
    this.#writeHeaderWords(moved, type, encoding, flags, access, keyLength, payloadLength, expireAt, 0, 0);
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
    this.#writeHeaderWords(
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

  #writeHeaderWords(
    address: number,
    type: number,
    encoding: number,
    flags: number,
    access: number,
    keyLength: number,
    payloadLength: number,
    expireAt: number,
    upper: number,
    lower: number,
  ): void {
    const words = this.#keyspace.arena.words[segmentOf(address)];
    let word = (address & SEGMENT_MASK) << 1;
    words[word] = recordWord(type, encoding, flags, keyLength);
    words[word + 1] = access;
    words[word + 2] = payloadLength;
    word += 3;
    if ((flags & EXPIRES) !== 0) {
      words[word] = expireAt | 0;
      words[word + 1] = Math.floor(expireAt / 0x100000000);
      word += 2;
    }
    if ((flags & WARM) !== 0) {
      words[word] = lower;
      words[word + 1] = upper;
      word += 2;
    }
    if ((flags & LONG_KEY) !== 0) words[word] = keyLength;
  }

  #drop(freesPages: boolean): void {
    const { watcher } = this.#keyspace;
    if (watcher !== null) this.#showChange(watcher, true);
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

  /** The value of the key found last goes, and its pages with it, a few at a time. */
  #freePages(): void {
    const { bytes, payloadOffset, payloadLength } = this.entry;
    const head = sliceBytes(bytes, payloadOffset, payloadLength);
    const walk = freePages(head, this.pages);
    const { watcher, events } = this.#keyspace;
    if (watcher === null || !watcher.keepsPages(head, walk)) events.detached(walk);
  }

  /** Shows a watcher what is about to change: the key or page that was looked up last and found or missed. */
  #showChange(watcher: ChangeWatcher, isThere: boolean): void {
    if (this.#holdsPages) watcher.takePage(this, isThere, this.#key, this.#keyOffset);
    else if (watcher.takesPlace(this, this.#partition, this.#tag)) this.#showPlace(watcher, isThere);
  }

  /** Shows a watcher all keys whose hash is that of the key that was looked up last; hardly ever are there others. */
  #showPlace(watcher: ChangeWatcher, isThere: boolean): void {
    const table = this.#table;
    const { word0, word1 } = table;
    if (isThere) watcher.takeKey(this);
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
    if (this.#holdsPages) return;
    const keyspace = this.#keyspace;
    keyspace.dirty++;
    keyspace.events.modified(this, this.#key, this.#keyOffset, this.#keyLength);
  }

  /** The cold record that the present slot names is dead. */
  #releaseCold(): void {
    const table = this.#table;
    this.coldCount--;
    this.#release(table.word0 & LOCATION_UPPER_MASK, table.word1);
  }

  #releaseWarm(): void {
    this.#release(this.warmUpper, this.warmLower);
  }

  #release(upper: number, lower: number): void {
    const entry = this.entry;
    this.#keyspace.cold?.release(upper, lower, this.id, entry.keyLength, entry.payloadLength, entry.flags);
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
    this.#writeHeaderWords(
      entry.address,
      entry.type,
      entry.encoding,
      flags,
      entry.access,
      entry.keyLength,
      entry.payloadLength,
      entry.expireAt,
      0,
      0,
    );
    if (this.#key === entry.bytes) this.#keyOffset = target;
    this.#readHot(entry.address);
  }

  *#freeAll(table: SlotTable, ofPages: IterableIterator<void> | undefined): IterableIterator<void> {
    if (ofPages !== undefined) yield* ofPages;
    const arena = this.#keyspace.arena;
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      if (table.partitionCount(partition) === 0) continue;
      if (table.seekAtLeast(partition, 0)) {
        do {
          if ((table.word0 & COLD) === 0) arena.free(locationOf(table.word0, table.word1));
        } while (table.next());
      }
      table.clearPartition(partition);
      yield;
    }
  }
}

/** The second, rounded up, at or before which nothing expires at `expireAt`; far times count as the last second. */
export function expirySecond(expireAt: number): number {
  const second = Math.floor(expireAt / 1000);
  return second >= NO_EXPIRY ? NO_EXPIRY - 1 : second;
}
