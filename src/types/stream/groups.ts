import { copyBytes } from '../../base/bytes.ts';
import { STRUCTURE_BYTES, structureAt } from '../pages/head.ts';
import { lengthBytes, writeLength } from '../pages/length-code.ts';
import type { PageStore } from '../pages/record-store.ts';
import { ID_BYTES, StreamId } from './id.ts';
import { KeyedTree, VARIABLE } from './keyed-tree.ts';
import { NameTree, writeOwner } from './name-tree.ts';

/** Structures of a stream with consumer groups, after its entries. */
const NAMES = 1;
const MEMBERS = 2;
const PENDING = 3;
const OWNED = 4;
const TIMED = 5;
/** How many structures a stream has before and after the first group was made. */
export const STRUCTURES_WITHOUT_GROUPS = 1;
export const STRUCTURES_WITH_GROUPS = 6;

/** Owner of the groups' names. */
const STREAM = 0;
const NUMBER_BYTES = 4;
const TIME_BYTES = 6;
const COUNT_BYTES = 8;
const GROUP_CONTENT_BYTES = ID_BYTES + COUNT_BYTES;
const CONSUMER_HEAD_BYTES = 2 * TIME_BYTES;
const PENDING_CONTENT_BYTES = NUMBER_BYTES + TIME_BYTES + COUNT_BYTES;
/** A time that stands for none. */
const NEVER_MS = 2 ** 48 - 1;
/** What is told of a group that does not know how many entries it has read. */
export const UNKNOWN_READS = -1n;

/**
 * The consumer groups of a stream. Groups and consumers have numbers; the trees are
 *
 *     names     owner (0 for groups, else the group) and name -> number
 *     members   group, 0 -> last delivered id, entries read; group, consumer -> seen time, active time, name
 *     pending   group, id -> consumer, delivery time, delivery count
 *     owned     group, consumer, id
 *     timed     group, delivery time, id
 *
 * so that how many entries a consumer has pending is a difference of ranks. One group, one consumer and one pending entry are
 * the current ones, as the members of this object tell. The trees share the store of pages with the entries.
 */
export class StreamGroups {
  /** The last number that a group or a consumer was given. */
  lastNumber = 0;
  /** The current group. */
  group = 0;
  readonly lastId = new StreamId();
  /** As Redis counts: {@link UNKNOWN_READS} if it is not known. */
  entriesRead = UNKNOWN_READS;
  /** The current consumer of it. */
  consumer = 0;
  seenMs = 0;
  /** -1 if it never got an entry. */
  activeMs = -1;
  /** The current pending entry. */
  readonly pendingId = new StreamId();
  owner = 0;
  deliveredMs = 0;
  deliveries = 1n;
  /** Name of the current group or consumer of a walk, or of the consumer that was asked for by its number. */
  name = new Uint8Array(64);
  nameLength = 0;

  #isThere = false;
  readonly #names = new NameTree(NAMES);
  readonly #members = new KeyedTree(MEMBERS, 2 * NUMBER_BYTES, VARIABLE);
  readonly #pending = new KeyedTree(PENDING, NUMBER_BYTES + ID_BYTES, PENDING_CONTENT_BYTES);
  readonly #owned = new KeyedTree(OWNED, 2 * NUMBER_BYTES + ID_BYTES, 0);
  readonly #timed = new KeyedTree(TIMED, NUMBER_BYTES + TIME_BYTES + ID_BYTES, 0);
  readonly #trees = [this.#names, this.#members, this.#pending, this.#owned, this.#timed];
  #item = new Uint8Array(128);
  #pendingGroup = 0;
  /** The name that a walk over groups or consumers has come to. */
  #groupName = new Uint8Array(64);
  #groupNameLength = 0;
  /** All groups, and the first of their last delivered ids, once they were asked for. */
  #all: number[] | null = null;
  readonly #firstLastId = new StreamId();
  readonly #afterId = new StreamId();

  /** Takes the groups of a stream of which nothing has been looked at. */
  open(): void {
    this.#isThere = false;
    this.#all = null;
    this.lastNumber = 0;
  }

  get isThere(): boolean {
    return this.#isThere;
  }

  /** Begins the trees of a stream that had no group. */
  begin(pages: PageStore, collection: number): void {
    for (const tree of this.#trees) tree.begin(pages, collection);
    this.#isThere = true;
  }

  /** Reads what a stream's head, which begins at `at`, tells of the trees. */
  read(pages: PageStore, collection: number, bytes: Uint8Array, at: number): void {
    const trees = this.#trees;
    for (let tree = 0; tree < trees.length; tree++)
      trees[tree].read(pages, collection, bytes, structureAt(at, NAMES + tree));
    this.#isThere = true;
  }

  /** Writes it. */
  write(bytes: Uint8Array, at: number): void {
    if (!this.#isThere) return;
    const trees = this.#trees;
    for (let tree = 0; tree < trees.length; tree++)
      trees[tree].write(bytes, structureAt(at, NAMES) + tree * STRUCTURE_BYTES);
  }

  get groupCount(): number {
    return this.#isThere ? this.#names.countOf(STREAM) : 0;
  }

  /** Makes the group of a name the current one; false if there is none. */
  findGroup(name: Uint8Array, offset: number, length: number): boolean {
    if (!this.#isThere || !this.#names.seek(STREAM, name, offset, length)) return false;
    this.#takeGroup(this.#names.number);
    return true;
  }

  /** Makes the first group by name the current one, and tells its name; false if there is none. */
  firstGroup(): boolean {
    return this.#isThere && this.#names.seekOwner(STREAM) && this.#enterGroup();
  }

  /** Goes on to the next group of the walk. */
  nextGroup(): boolean {
    const names = this.#names;
    if (!names.seek(STREAM, this.#groupName, 0, this.#groupNameLength)) names.settle();
    else if (!names.next()) return false;
    return names.leafRest > 0 && names.owner === STREAM && this.#enterGroup();
  }

  #enterGroup(): true {
    const number = this.#takeName();
    if (this.#groupName.length < this.nameLength) this.#groupName = new Uint8Array(this.nameLength * 2);
    copyBytes(this.name, 0, this.#groupName, 0, this.nameLength);
    this.#groupNameLength = this.nameLength;
    this.#takeGroup(number);
    return true;
  }

  /** Copies the name under the cursor; returns its number. */
  #takeName(): number {
    const names = this.#names;
    this.#keepName(names.leaf.bytes, names.nameOffset, names.nameLength);
    return names.number;
  }

  #keepName(bytes: Uint8Array, offset: number, length: number): void {
    if (this.name.length < length) this.name = new Uint8Array(length * 2);
    copyBytes(bytes, offset, this.name, 0, length);
    this.nameLength = length;
  }

  #takeGroup(number: number): void {
    this.group = number;
    const members = this.#members;
    this.#seekMember(0);
    const at = members.contentStart;
    const { bytes } = members.leaf;
    this.lastId.read(bytes, at);
    this.entriesRead = readInteger64(bytes, at + ID_BYTES);
  }

  #seekMember(consumer: number): void {
    const { key } = this.#members;
    writeOwner(key, 0, this.group);
    writeOwner(key, NUMBER_BYTES, consumer);
    if (!this.#members.seekKey()) throw new Error('a member of a consumer group is missing');
  }

  /** Makes a group, whose name `findGroup` missed last, the current one. */
  createGroup(name: Uint8Array, offset: number, length: number, lastId: StreamId, entriesRead: bigint): void {
    this.#all = null;
    const number = ++this.lastNumber;
    this.#names.seek(STREAM, name, offset, length);
    this.#names.add(STREAM, name, offset, length, number);
    this.group = number;
    this.lastId.copy(lastId);
    this.entriesRead = entriesRead;
    const item = this.#memberItem(0, GROUP_CONTENT_BYTES);
    this.#writeGroup(item.bytes, item.at);
    this.#insertMember(item.at + GROUP_CONTENT_BYTES);
  }

  /** Writes the last delivered id and the entries read of the current group. */
  saveGroup(): void {
    this.#all = null;
    const members = this.#members;
    this.#seekMember(0);
    members.edit(members.contentStart, GROUP_CONTENT_BYTES, GROUP_CONTENT_BYTES);
    this.#writeGroup(members.leaf.bytes, members.contentStart);
  }

  #writeGroup(bytes: Uint8Array, at: number): void {
    this.lastId.write(bytes, at);
    writeInteger64(bytes, at + ID_BYTES, this.entriesRead);
  }

  /** Removes the current group, whose name is given again, with all that belongs to it. */
  destroyGroup(name: Uint8Array, offset: number, length: number): void {
    this.#all = null;
    for (const tree of [this.#members, this.#pending, this.#owned, this.#timed]) {
      tree.key.fill(0);
      writeOwner(tree.key, 0, this.group);
      tree.removePrefix(NUMBER_BYTES);
    }
    this.#names.removeOwner(this.group);
    this.#names.seek(STREAM, name, offset, length);
    this.#names.remove(1);
  }

  get consumerCount(): number {
    return this.#names.countOf(this.group);
  }

  /** Makes the consumer of a name in the current group the current one; false if there is none. */
  findConsumer(name: Uint8Array, offset: number, length: number): boolean {
    if (!this.#names.seek(this.group, name, offset, length)) return false;
    this.#takeConsumer(this.#names.number);
    return true;
  }

  firstConsumer(): boolean {
    return this.#names.seekOwner(this.group) && this.#enterConsumer();
  }

  /** Goes on to the consumer after the one whose name was told. */
  nextConsumer(): boolean {
    const names = this.#names;
    if (!names.seek(this.group, this.name, 0, this.nameLength)) names.settle();
    else if (!names.next()) return false;
    return names.leafRest > 0 && names.owner === this.group && this.#enterConsumer();
  }

  #enterConsumer(): true {
    this.#takeConsumer(this.#takeName());
    return true;
  }

  #takeConsumer(number: number): void {
    this.consumer = number;
    const members = this.#members;
    this.#seekMember(number);
    const at = members.contentStart;
    const { bytes } = members.leaf;
    this.seenMs = readTime(bytes, at);
    const activeMs = readTime(bytes, at + TIME_BYTES);
    this.activeMs = activeMs === NEVER_MS ? -1 : activeMs;
  }

  /** Tells the name of a consumer of the current group. */
  readName(consumer: number): void {
    const members = this.#members;
    this.#seekMember(consumer);
    const at = members.contentStart + CONSUMER_HEAD_BYTES;
    this.#keepName(members.leaf.bytes, at, members.itemEnd - at);
  }

  /** Makes a consumer of the current group, whose name `findConsumer` missed last, the current one. */
  createConsumer(name: Uint8Array, offset: number, length: number, nowMs: number): void {
    const number = ++this.lastNumber;
    this.#names.seek(this.group, name, offset, length);
    this.#names.add(this.group, name, offset, length, number);
    this.consumer = number;
    this.seenMs = nowMs;
    this.activeMs = -1;
    const { bytes, at } = this.#memberItem(number, CONSUMER_HEAD_BYTES + length);
    this.#writeConsumer(bytes, at);
    copyBytes(name, offset, bytes, at + CONSUMER_HEAD_BYTES, length);
    this.#insertMember(at + CONSUMER_HEAD_BYTES + length);
  }

  /** Writes the times of the current consumer. */
  saveConsumer(): void {
    const members = this.#members;
    this.#seekMember(this.consumer);
    members.edit(members.contentStart, CONSUMER_HEAD_BYTES, CONSUMER_HEAD_BYTES);
    this.#writeConsumer(members.leaf.bytes, members.contentStart);
  }

  #writeConsumer(bytes: Uint8Array, at: number): void {
    writeTime(bytes, at, this.seenMs);
    writeTime(bytes, at + TIME_BYTES, this.activeMs < 0 ? NEVER_MS : this.activeMs);
  }

  /** Begins an item of `members` in scratch: where its content belongs. */
  #memberItem(consumer: number, contentBytes: number): { bytes: Uint8Array; at: number } {
    const size = 2 * NUMBER_BYTES + lengthBytes(contentBytes) + contentBytes;
    if (this.#item.length < size) this.#item = new Uint8Array(size);
    const bytes = this.#item;
    writeOwner(bytes, 0, this.group);
    writeOwner(bytes, NUMBER_BYTES, consumer);
    return { bytes, at: writeLength(bytes, 2 * NUMBER_BYTES, contentBytes) };
  }

  #insertMember(size: number): void {
    const { key } = this.#members;
    copyBytes(this.#item, 0, key, 0, key.length);
    this.#members.seekKey();
    this.#members.insert(this.#item, 0, size);
  }

  /** Removes the current consumer, whose name is given again, and its pending entries. */
  deleteConsumer(name: Uint8Array, offset: number, length: number): void {
    while (this.firstOwned()) this.removePending();
    const members = this.#members;
    this.#seekMember(this.consumer);
    members.remove(1);
    this.#names.seek(this.group, name, offset, length);
    this.#names.remove(1);
  }

  /** Entries that are pending in the current group. */
  get pendingCount(): number {
    return this.#countOf(this.#pending, this.group, -1);
  }

  /** Entries that are pending for the current consumer. */
  get ownedCount(): number {
    return this.#countOf(this.#owned, this.group, this.consumer);
  }

  /** How many keys of a tree begin with a group, and a consumer unless that is -1. */
  #countOf(tree: KeyedTree, group: number, consumer: number): number {
    const { key } = tree;
    key.fill(0);
    writeOwner(key, 0, group);
    if (consumer >= 0) writeOwner(key, NUMBER_BYTES, consumer);
    const first = tree.rankOfKey();
    if (consumer >= 0) writeOwner(key, NUMBER_BYTES, consumer + 1);
    else writeOwner(key, 0, group + 1);
    return tree.rankOfKey() - first;
  }

  /** Makes the pending entry of the current group with an id the current one; false if there is none. */
  findPending(id: StreamId): boolean {
    return this.#findPending(this.group, id);
  }

  #findPending(group: number, id: StreamId): boolean {
    const pending = this.#pending;
    writeOwner(pending.key, 0, group);
    id.write(pending.key, NUMBER_BYTES);
    if (!pending.seekKey()) return false;
    this.#takePending();
    return true;
  }

  /** Moves to the first pending entry of the current group that is not before an id. */
  seekPending(id: StreamId): boolean {
    const pending = this.#pending;
    writeOwner(pending.key, 0, this.group);
    id.write(pending.key, NUMBER_BYTES);
    pending.seekKey();
    if (!pending.settle() || !pending.hasPrefix(NUMBER_BYTES)) return false;
    this.#takePending();
    return true;
  }

  /** From a pending entry that `seekPending` led to, while nothing is changed: moves to the next one. */
  nextPending(): boolean {
    const pending = this.#pending;
    if (!pending.next() || !pending.hasPrefix(NUMBER_BYTES)) return false;
    this.#takePending();
    return true;
  }

  /** Moves to the last pending entry of the current group. */
  lastPending(): boolean {
    const pending = this.#pending;
    pending.key.fill(0xff);
    writeOwner(pending.key, 0, this.group);
    if (!pending.seekKey() && !pending.previous()) return false;
    if (!pending.hasPrefix(NUMBER_BYTES)) return false;
    this.#takePending();
    return true;
  }

  #takePending(): void {
    const pending = this.#pending;
    const { bytes } = pending.leaf;
    const start = pending.itemStart;
    this.#pendingGroup = readNumber(bytes, start);
    this.pendingId.read(bytes, start + NUMBER_BYTES);
    const at = pending.contentStart;
    this.owner = readNumber(bytes, at);
    this.deliveredMs = readTime(bytes, at + NUMBER_BYTES);
    this.deliveries = readInteger64(bytes, at + NUMBER_BYTES + TIME_BYTES);
  }

  /** Moves to the current consumer's first pending entry; false if it has none. */
  firstOwned(): boolean {
    this.pendingId.setMin();
    return this.seekOwned(this.pendingId);
  }

  /** Moves to the current consumer's first pending entry that is not before an id. */
  seekOwned(id: StreamId): boolean {
    const owned = this.#owned;
    const { key } = owned;
    writeOwner(key, 0, this.group);
    writeOwner(key, NUMBER_BYTES, this.consumer);
    id.write(key, 2 * NUMBER_BYTES);
    owned.seekKey();
    return owned.settle() && this.#takeOwned();
  }

  /** From a pending entry that `seekOwned` led to: moves to the consumer's next one, whatever was done to the entry's times. */
  nextOwned(): boolean {
    return this.#owned.next() && this.#takeOwned();
  }

  #takeOwned(): boolean {
    const owned = this.#owned;
    if (!owned.hasPrefix(2 * NUMBER_BYTES)) return false;
    this.pendingId.read(owned.leaf.bytes, owned.itemStart + 2 * NUMBER_BYTES);
    if (this.findPending(this.pendingId)) return true;
    throw new Error('a pending entry of a consumer is missing');
  }

  /** Moves to the pending entry of the current group that was delivered first; false if there is none. */
  firstTimed(): boolean {
    this.#afterId.setMin();
    return this.#seekTimed(0);
  }

  /** From the current pending entry: moves to the one that was delivered next, at the same time in the order of ids. */
  nextTimed(): boolean {
    this.#afterId.copy(this.pendingId);
    return this.#seekTimed(this.deliveredMs + (this.#afterId.increment() ? 0 : 1));
  }

  #seekTimed(ms: number): boolean {
    const timed = this.#timed;
    writeOwner(timed.key, 0, this.group);
    writeTime(timed.key, NUMBER_BYTES, ms);
    this.#afterId.write(timed.key, NUMBER_BYTES + TIME_BYTES);
    timed.seekKey();
    if (!timed.settle() || !timed.hasPrefix(NUMBER_BYTES)) return false;
    this.pendingId.read(timed.leaf.bytes, timed.itemStart + NUMBER_BYTES + TIME_BYTES);
    if (this.findPending(this.pendingId)) return true;
    throw new Error('a pending entry of a time is missing');
  }

  /** Makes the entry that `findPending` missed right before pending in the current group. It becomes the current one. */
  addPending(id: StreamId, consumer: number, ms: number, deliveries: bigint): void {
    this.#pendingGroup = this.group;
    this.pendingId.copy(id);
    this.owner = consumer;
    this.deliveredMs = ms;
    this.deliveries = deliveries;
    const pending = this.#pending;
    copyBytes(pending.key, 0, this.#item, 0, pending.key.length);
    this.#writePending(this.#item, pending.key.length);
    pending.insert(this.#item, 0, pending.key.length + PENDING_CONTENT_BYTES);
    this.#insertOwned();
    this.#insertTimed();
  }

  /** Gives the current pending entry another owner, delivery time and count. */
  updatePending(consumer: number, ms: number, deliveries: bigint): void {
    if (consumer !== this.owner) {
      this.#removeOwned();
      this.owner = consumer;
      this.#insertOwned();
    }
    if (ms !== this.deliveredMs) {
      this.#removeTimed();
      this.deliveredMs = ms;
      this.#insertTimed();
    }
    this.deliveries = deliveries;
    const pending = this.#pending;
    this.#seekCurrent();
    pending.edit(pending.contentStart, PENDING_CONTENT_BYTES, PENDING_CONTENT_BYTES);
    this.#writePending(pending.leaf.bytes, pending.contentStart);
  }

  /** Removes the current pending entry. */
  removePending(): void {
    this.#removeOwned();
    this.#removeTimed();
    this.#seekCurrent();
    this.#pending.remove(1);
  }

  #seekCurrent(): void {
    const { key } = this.#pending;
    writeOwner(key, 0, this.#pendingGroup);
    this.pendingId.write(key, NUMBER_BYTES);
    this.#pending.seekKey();
  }

  #writePending(bytes: Uint8Array, at: number): void {
    writeOwner(bytes, at, this.owner);
    writeTime(bytes, at + NUMBER_BYTES, this.deliveredMs);
    writeInteger64(bytes, at + NUMBER_BYTES + TIME_BYTES, this.deliveries);
  }

  #seekOwnedKey(): void {
    const { key } = this.#owned;
    writeOwner(key, 0, this.#pendingGroup);
    writeOwner(key, NUMBER_BYTES, this.owner);
    this.pendingId.write(key, 2 * NUMBER_BYTES);
    this.#owned.seekKey();
  }

  #insertOwned(): void {
    this.#seekOwnedKey();
    this.#owned.insert(this.#owned.key, 0, this.#owned.key.length);
  }

  #removeOwned(): void {
    this.#seekOwnedKey();
    this.#owned.remove(1);
  }

  #seekTimedKey(): void {
    const { key } = this.#timed;
    writeOwner(key, 0, this.#pendingGroup);
    writeTime(key, NUMBER_BYTES, this.deliveredMs);
    this.pendingId.write(key, NUMBER_BYTES + TIME_BYTES);
    this.#timed.seekKey();
  }

  #insertTimed(): void {
    this.#seekTimedKey();
    this.#timed.insert(this.#timed.key, 0, this.#timed.key.length);
  }

  #removeTimed(): void {
    this.#seekTimedKey();
    this.#timed.remove(1);
  }

  /** Whether a group has not read an entry yet, or has it pending (streamEntryIsReferenced). */
  isReferenced(id: StreamId): boolean {
    const all = this.#allGroups();
    if (all.length === 0) return false;
    if (this.#firstLastId.compare(id) < 0) return true;
    for (const group of all) if (this.#findPending(group, id)) return true;
    return false;
  }

  /** Removes an entry from the pending ones of all groups; whether it was among any. */
  removeReferences(id: StreamId): boolean {
    let isChanged = false;
    for (const group of this.#allGroups()) {
      if (!this.#findPending(group, id)) continue;
      this.removePending();
      isChanged = true;
    }
    return isChanged;
  }

  #allGroups(): number[] {
    if (this.#all !== null) return this.#all;
    const all: number[] = [];
    const { group, entriesRead } = this;
    const lastId = new StreamId();
    lastId.copy(this.lastId);
    this.#firstLastId.setMax();
    for (let more = this.firstGroup(); more; more = this.nextGroup()) {
      all.push(this.group);
      if (this.lastId.compare(this.#firstLastId) < 0) this.#firstLastId.copy(this.lastId);
    }
    this.group = group;
    this.lastId.copy(lastId);
    this.entriesRead = entriesRead;
    this.#all = all;
    return all;
  }
}

function readNumber(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** A time in milliseconds in 6 bytes, whose order is that of times. */
function writeTime(bytes: Uint8Array, at: number, ms: number): void {
  const upper = Math.floor(ms / 0x100000000);
  bytes[at] = upper >>> 8;
  bytes[at + 1] = upper;
  writeOwner(bytes, at + 2, ms >>> 0);
}

function readTime(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 8) | bytes[at + 1]) * 0x100000000 + readNumber(bytes, at + 2);
}

function readInteger64(bytes: Uint8Array, at: number): bigint {
  const high = readNumber(bytes, at);
  const low = readNumber(bytes, at + 4);
  return high === 0 ? BigInt(low) : BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
}

function writeInteger64(bytes: Uint8Array, at: number, value: bigint): void {
  writeOwner(bytes, at, Number(BigInt.asUintN(32, value >> 32n)));
  writeOwner(bytes, at + 4, Number(BigInt.asUintN(32, value)));
}
