import { readUint32, readUint48, writeUint32, writeUint48 } from '../../base/bytes.ts';
import type { Arguments } from '../../resp/arguments.ts';
import { FORM_TREE, PAGED, STRUCTURE_BYTES, STRUCTURE_COUNT_AT, structureAt } from '../pages/head.ts';
import { lengthBytes, readLength, writeLength } from '../pages/length-code.ts';
import { RecordBytes } from '../pages/record-bytes.ts';
import type { PageStore, ValueStore } from '../pages/record-store.ts';
import { ENCODING_STREAM } from './encoding.ts';
import { EntryTree, placeEnd } from './entry-tree.ts';
import { FieldLists, listBytes, writeList, writeWord } from './field-lists.ts';
import { STRUCTURES_WITH_GROUPS, STRUCTURES_WITHOUT_GROUPS, StreamGroups } from './groups.ts';
import { StreamId } from './id.ts';
import { integerElementBytes, LISTPACK_EMPTY_BYTES, stringElementBytes } from './listpack-size.ts';

/** Structure of the entries. */
const ENTRIES = 0;
const HALF = 0x100000000;
/** Redis's listpacks grow up to this whatever the setting is. */
const NODE_BYTES_LIMIT = 2 ** 30;
/** Most bytes of an item's length, and of all that is before its names and values. */
const LENGTH_BYTES_MAX = 5;
const ITEM_HEAD_BYTES_MAX = 32;
/** A scratch larger than this is given up after use. */
const ITEM_BYTES_KEPT = 65536;
/** Lists of names that take less outlive the entries. */
const LISTS_BYTES_KEPT = 1024;

/** What a head tells of a stream after its structures: where each is, and the bytes of all. */
const BASE = 0;
const LAST_ID = 8;
const MAX_DELETED_ID = 24;
const ENTRIES_ADDED = 40;
const NODE_COUNT = 48;
const TAIL_ID = 52;
const TAIL_COUNT = 68;
const TAIL_DELETED = 72;
const TAIL_BYTES = 76;
const TAIL_LIST = 80;
const LAST_NUMBER = 84;
const STATE_BYTES = 88;

/** How Redis divides a stream into nodes: `stream-node-max-bytes` and `stream-node-max-entries`, 0 for no limit. */
export interface NodeLimits {
  readonly bytes: number;
  readonly entries: number;
}

/**
 * A stream: its entries in a tree, lists of their field names and other state in its head, and its consumer groups in trees of
 * their own, once there are any. It is in pages from the first entry on.
 *
 * One object serves one value after another: `open` takes the one that a database found last. To change it open it for
 * writing, and call `save` at the end. The entry under the cursor is told by `readEntry` and `nextField`.
 *
 * Redis keeps entries in nodes, of which approximate trimming removes whole ones only. Where its nodes would begin is marked
 * in the entries, and the last one, which grows, is described in the head.
 */
export class StreamValue {
  /** Payload bytes of a new stream. */
  static readonly emptyBytes = structureAt(0, STRUCTURES_WITHOUT_GROUPS) + STATE_BYTES;
  /** The encoding of a stream's record. */
  static readonly encoding = ENCODING_STREAM | PAGED;

  /** The last id that was given to an entry. */
  readonly lastId = new StreamId();
  /** The largest id of an entry that was deleted, 0-0 for none; trimming does not count. */
  readonly maxDeletedId = new StreamId();
  /** How many nodes Redis would have. */
  nodeCount = 0;
  readonly groups = new StreamGroups();
  /** The entry that `readEntry` read last: its id and how many fields it has. */
  readonly id = new StreamId();
  fieldCount = 0;
  /** The field that `nextField` read last. */
  nameBytes: Uint8Array = new Uint8Array(0);
  nameOffset = 0;
  nameLength = 0;
  valueBytes: Uint8Array = new Uint8Array(0);
  valueOffset = 0;
  valueLength = 0;

  readonly #tree = new EntryTree(ENTRIES);
  readonly #root = new RecordBytes();
  readonly #lists = new FieldLists();
  #pages!: PageStore;
  #collection = 0;
  #addedHigh = 0;
  #addedLow = 0;
  /** The last node: its first id, its entries, how many of them are deleted, its bytes but for these two numbers, its fields. */
  readonly #tailId = new StreamId();
  #tailCount = 0;
  #tailDeleted = 0;
  #tailBytes = 0;
  #tailList = 0;
  #item = new Uint8Array(512);
  #nextName = 0;
  #nextValue = 0;

  /** Takes the value that a database found last. */
  open(store: ValueStore, isForWriting: boolean): void {
    if (isForWriting) store.makeHot();
    const { pages } = store;
    const root = this.#root;
    root.load(store);
    const { bytes, offset } = root;
    this.#pages = pages;
    this.#collection = readUint48(bytes, offset);
    this.#tree.read(pages, this.#collection, bytes, structureAt(offset, ENTRIES));
    const { groups } = this;
    groups.open();
    if (bytes[offset + STRUCTURE_COUNT_AT] === STRUCTURES_WITH_GROUPS)
      groups.read(pages, this.#collection, bytes, offset);
    const at = this.#stateAt;
    this.#tree.baseLow = readUint32(bytes, at + BASE);
    this.#tree.baseHigh = readUint32(bytes, at + BASE + 4);
    this.lastId.read(bytes, at + LAST_ID);
    this.maxDeletedId.read(bytes, at + MAX_DELETED_ID);
    this.#addedLow = readUint32(bytes, at + ENTRIES_ADDED);
    this.#addedHigh = readUint32(bytes, at + ENTRIES_ADDED + 4);
    this.nodeCount = readUint32(bytes, at + NODE_COUNT);
    this.#tailId.read(bytes, at + TAIL_ID);
    this.#tailCount = readUint32(bytes, at + TAIL_COUNT);
    this.#tailDeleted = readUint32(bytes, at + TAIL_DELETED);
    this.#tailBytes = readUint32(bytes, at + TAIL_BYTES);
    this.#tailList = readUint32(bytes, at + TAIL_LIST);
    groups.lastNumber = readUint32(bytes, at + LAST_NUMBER);
    this.#loadLists();
  }

  /** Makes the record that a database stored last, of {@link emptyBytes} and {@link encoding}, an empty stream and takes it. */
  create(store: ValueStore): void {
    const { pages } = store;
    const { bytes, payloadOffset, payloadLength } = store.entry;
    bytes.fill(0, payloadOffset, payloadOffset + payloadLength);
    writeUint48(bytes, payloadOffset, pages.takeCollection());
    bytes[payloadOffset + 6] = STRUCTURES_WITHOUT_GROUPS;
    bytes[structureAt(payloadOffset, ENTRIES)] = FORM_TREE;
    this.open(store, true);
  }

  /** Where in the root's bytes the state begins. */
  get #stateAt(): number {
    const { bytes, offset } = this.#root;
    return structureAt(offset, bytes[offset + 6]);
  }

  #loadLists(): void {
    const root = this.#root;
    this.#lists.load(root.bytes, this.#stateAt + STATE_BYTES, root.offset + root.length);
  }

  /** Writes what the head tells of. Call after changes. */
  save(): void {
    const root = this.#root;
    root.write();
    const { bytes, offset } = root;
    this.#tree.write(bytes, structureAt(offset, ENTRIES));
    this.groups.write(bytes, offset);
    const at = this.#stateAt;
    writeUint32(bytes, at + BASE, this.#tree.baseLow);
    writeUint32(bytes, at + BASE + 4, this.#tree.baseHigh);
    this.lastId.write(bytes, at + LAST_ID);
    this.maxDeletedId.write(bytes, at + MAX_DELETED_ID);
    writeUint32(bytes, at + ENTRIES_ADDED, this.#addedLow);
    writeUint32(bytes, at + ENTRIES_ADDED + 4, this.#addedHigh);
    writeUint32(bytes, at + NODE_COUNT, this.nodeCount);
    this.#tailId.write(bytes, at + TAIL_ID);
    writeUint32(bytes, at + TAIL_COUNT, this.#tailCount);
    writeUint32(bytes, at + TAIL_DELETED, this.#tailDeleted);
    writeUint32(bytes, at + TAIL_BYTES, this.#tailBytes);
    writeUint32(bytes, at + TAIL_LIST, this.#tailList);
    writeUint32(bytes, at + LAST_NUMBER, this.groups.lastNumber);
  }

  /** Makes room for consumer groups, which a stream has none of at first. */
  prepareGroups(): void {
    if (this.groups.isThere) return;
    const root = this.#root;
    const added = (STRUCTURES_WITH_GROUPS - STRUCTURES_WITHOUT_GROUPS) * STRUCTURE_BYTES;
    root.splice(structureAt(0, STRUCTURES_WITHOUT_GROUPS), 0, added);
    const { bytes, offset } = root;
    bytes.fill(
      0,
      structureAt(offset, STRUCTURES_WITHOUT_GROUPS),
      structureAt(offset, STRUCTURES_WITH_GROUPS),
    );
    bytes[offset + STRUCTURE_COUNT_AT] = STRUCTURES_WITH_GROUPS;
    this.groups.begin(this.#pages, this.#collection);
    this.#loadLists();
  }

  /** How many entries there are. */
  get count(): number {
    return this.#tree.count;
  }

  /** How many entries were ever added, which XSETID may say; a signed 64-bit integer. */
  get entriesAdded(): bigint {
    return this.#addedHigh === 0
      ? BigInt(this.#addedLow)
      : BigInt.asIntN(64, (BigInt(this.#addedHigh) << 32n) | BigInt(this.#addedLow));
  }

  set entriesAdded(count: bigint) {
    this.#addedLow = Number(BigInt.asUintN(32, count));
    this.#addedHigh = Number(BigInt.asUintN(32, count >> 32n));
  }

  /** Moves to the first entry that is not before an id; false if there is none. */
  seek(id: StreamId): boolean {
    this.#tree.seek(id);
    return this.#tree.settle();
  }

  /** As {@link seek}; how many entries are before that. */
  seekFrom(id: StreamId): number {
    this.seek(id);
    return this.#tree.rank;
  }

  /** Moves to the last entry that is not after an id, if there is one; how many entries are not after it. */
  seekUpTo(id: StreamId): number {
    if (this.#tree.seek(id)) return this.#tree.rank + 1;
    const { rank } = this.#tree;
    if (rank > 0) this.#tree.previous();
    return rank;
  }

  /** Whether there is an entry with an id, to which it moves. */
  has(id: StreamId): boolean {
    return this.#tree.seek(id);
  }

  seekFirst(): boolean {
    return this.#tree.seekFirst();
  }

  seekLast(): boolean {
    return this.#tree.seekLast();
  }

  next(): boolean {
    return this.#tree.next();
  }

  previous(): boolean {
    return this.#tree.previous();
  }

  /** Reads the id of the entry under the cursor. */
  readId(): void {
    this.#tree.readId(this.id);
  }

  /** Whether a node of Redis begins with the entry under the cursor. */
  get beginsNode(): boolean {
    const { bytes } = this.#tree.leaf;
    return (bytes[placeEnd(bytes, this.#tree.placeStart)] & 1) !== 0;
  }

  /** Reads the id of the entry under the cursor and how many fields it has, of which the first is to be read next. */
  readEntry(): void {
    const tree = this.#tree;
    tree.readId(this.id);
    const { bytes } = tree.leaf;
    let at = placeEnd(bytes, tree.placeStart);
    const code = readLength(bytes, at);
    at += lengthBytes(code);
    this.valueBytes = bytes;
    const list = code >>> 1;
    if (list === 0) {
      this.nameBytes = bytes;
      const length = readLength(bytes, at);
      this.#nextName = at + lengthBytes(length);
      this.#nextValue = this.#nextName + length;
    } else {
      this.nameBytes = this.#lists.bytes;
      this.#nextName = this.#lists.startOf(list);
      this.#nextValue = at;
    }
    this.fieldCount = readLength(this.nameBytes, this.#nextName);
    this.#nextName += lengthBytes(this.fieldCount);
  }

  /** Reads the next field of the entry that was read last; there must be one. */
  nextField(): void {
    let at = this.#nextName;
    this.nameLength = readLength(this.nameBytes, at);
    this.nameOffset = at + lengthBytes(this.nameLength);
    this.#nextName = this.nameOffset + this.nameLength;
    at = this.#nextValue;
    this.valueLength = readLength(this.valueBytes, at);
    this.valueOffset = at + lengthBytes(this.valueLength);
    this.#nextValue = this.valueOffset + this.valueLength;
  }

  /**
   * Adds an entry with an id after the last one: its fields are `fieldCount` pairs of arguments from `at` on, which must not lie
   * in this value.
   */
  append(id: StreamId, words: Arguments, at: number, fieldCount: number, limits: NodeLimits): void {
    const tree = this.#tree;
    if (tree.count === 0) this.#restart(id);
    let list = this.#lists.find(words, at, fieldCount);
    if (list === 0) list = this.#addList(words, at, fieldCount);
    const beginsNode = this.#enterNode(id, words, at, fieldCount, list, limits);
    const size = this.#makeItem(id, words, at, fieldCount, list, beginsNode);
    tree.seekEnd();
    tree.insert(this.#item, 0, size);
    if (this.#item.length > ITEM_BYTES_KEPT) this.#item = new Uint8Array(512);
    this.lastId.copy(id);
    this.#addedLow = (this.#addedLow + 1) >>> 0;
    if (this.#addedLow === 0) this.#addedHigh = (this.#addedHigh + 1) >>> 0;
  }

  /** The first entry of an empty stream: nothing refers to the base, nor to lists. */
  #restart(id: StreamId): void {
    this.#tree.baseHigh = id.msHigh;
    this.#tree.baseLow = id.msLow;
    this.nodeCount = 0;
    this.#tailCount = 0;
    const root = this.#root;
    const end = this.#stateAt - root.offset + STATE_BYTES;
    if (root.length - end <= LISTS_BYTES_KEPT) return;
    root.splice(end, root.length - end, 0);
    this.#loadLists();
  }

  /** Keeps the list of an entry's names; 0 if there is no room, so that the entry must have them itself. */
  #addList(words: Arguments, at: number, fieldCount: number): number {
    const length = listBytes(words, at, fieldCount);
    if (this.#lists.isFull(length)) return 0;
    const root = this.#root;
    const end = root.length;
    root.splice(end, 0, length);
    writeList(root.bytes, root.offset + end, words, at, fieldCount);
    this.#loadLists();
    return this.#lists.count;
  }

  /** Writes an entry's item into scratch; returns its length. */
  #makeItem(
    id: StreamId,
    words: Arguments,
    at: number,
    fieldCount: number,
    list: number,
    beginsNode: boolean,
  ): number {
    const end = at + fieldCount * 2;
    let room = ITEM_HEAD_BYTES_MAX + (list === 0 ? listBytes(words, at, fieldCount) : 0);
    for (let word = at + 1; word < end; word += 2)
      room += lengthBytes(words.lengths[word]) + words.lengths[word];
    if (this.#item.length < room) this.#item = new Uint8Array(room);
    const item = this.#item;
    // The length comes first, and how many bytes it takes is known when the rest is written.
    let to = this.#tree.writePlace(item, LENGTH_BYTES_MAX, id);
    to = writeLength(item, to, list * 2 + (beginsNode ? 1 : 0));
    if (list === 0) {
      writeList(item, to, words, at, fieldCount);
      to += listBytes(words, at, fieldCount);
    }
    for (let word = at + 1; word < end; word += 2) to = writeWord(item, to, words, word);
    const length = to - LENGTH_BYTES_MAX;
    const start = writeLength(item, 0, length);
    item.copyWithin(start, LENGTH_BYTES_MAX, to);
    return start + length;
  }

  /** Counts an entry in the last node, or begins one with it, which is told (streamAppendItem). */
  #enterNode(
    id: StreamId,
    words: Arguments,
    at: number,
    fieldCount: number,
    list: number,
    limits: NodeLimits,
  ): boolean {
    const end = at + fieldCount * 2;
    let wordBytes = 0;
    let nameBytes = 0;
    let valueBytes = 0;
    for (let word = at; word < end; word += 2) {
      wordBytes += words.lengths[word] + words.lengths[word + 1];
      nameBytes += stringElementBytes(words.buffer, words.offsets[word], words.lengths[word]);
      valueBytes += stringElementBytes(words.buffer, words.offsets[word + 1], words.lengths[word + 1]);
    }
    const bytesMax = limits.bytes === 0 ? NODE_BYTES_LIMIT : Math.min(limits.bytes, NODE_BYTES_LIMIT);
    const bytesNow =
      this.#tailBytes +
      integerElementBytes(this.#tailCount - this.#tailDeleted) +
      integerElementBytes(this.#tailDeleted);
    const beginsNode =
      this.#tailCount === 0 ||
      bytesNow + wordBytes >= bytesMax ||
      (limits.entries > 0 && this.#tailCount >= limits.entries);
    if (beginsNode) {
      this.nodeCount++;
      this.#tailId.copy(id);
      this.#tailCount = 0;
      this.#tailDeleted = 0;
      this.#tailList = list;
      this.#tailBytes =
        LISTPACK_EMPTY_BYTES + integerElementBytes(fieldCount) + nameBytes + integerElementBytes(0);
    }
    const hasSameFields = beginsNode || (list !== 0 && list === this.#tailList);
    const tail = this.#tailId;
    this.#tailCount++;
    this.#tailBytes +=
      integerElementBytes(0) +
      integerElementBytes((id.msHigh - tail.msHigh) * HALF + id.msLow - tail.msLow) +
      integerElementBytes((id.sequenceHigh - tail.sequenceHigh) * HALF + id.sequenceLow - tail.sequenceLow) +
      valueBytes +
      (hasSameFields
        ? integerElementBytes(fieldCount + 3)
        : integerElementBytes(fieldCount) + nameBytes + integerElementBytes(fieldCount * 2 + 4));
    return beginsNode;
  }

  /** Removes the entry with an id; false if there is none. */
  remove(id: StreamId): boolean {
    const tree = this.#tree;
    if (!tree.seek(id)) return false;
    const { beginsNode } = this;
    tree.remove(1);
    if (this.#tailCount > 0 && id.compare(this.#tailId) >= 0) this.#countDeleted(1);
    if (beginsNode) {
      if (this.seek(id) && !this.beginsNode) this.#markNode();
      else this.nodeCount--;
    }
    return true;
  }

  /** Removes the first entries, as many as there must be. */
  removeFirst(count: number): void {
    const tree = this.#tree;
    for (let left = count; left > 0; ) {
      tree.seekFirst();
      const removed = Math.min(left, tree.leafRest);
      for (let number = 0; number < removed; number++) {
        if (this.beginsNode) this.nodeCount--;
        if (number + 1 < removed) tree.next();
      }
      tree.seekFirst();
      left -= tree.remove(removed);
    }
    if (!tree.seekFirst()) {
      this.#tailCount = 0;
      return;
    }
    this.readId();
    if (this.id.compare(this.#tailId) >= 0)
      this.#countDeleted(this.#tailCount - this.#tailDeleted - tree.count);
    if (this.beginsNode) return;
    this.nodeCount++;
    this.#markNode();
  }

  /** The last node has lost entries; when it has none left it is gone. */
  #countDeleted(count: number): void {
    this.#tailDeleted += count;
    if (this.#tailDeleted === this.#tailCount) this.#tailCount = 0;
  }

  /** Marks that a node begins with the entry under the cursor. */
  #markNode(): void {
    const tree = this.#tree;
    const at = placeEnd(tree.leaf.bytes, tree.placeStart) - tree.itemStart;
    tree.edit(tree.itemStart + at, 1, 1);
    tree.leaf.bytes[tree.itemStart + at] |= 1;
  }
}
