import { copyBytes, viewOf } from '../base/bytes.ts';
import {
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_SORTED_SET,
  TYPE_STREAM,
  TYPE_STRING,
} from '../keyspace/record.ts';
import { Arguments } from '../resp/arguments.ts';
import { ENCODING_HASH_TABLE, ENCODING_LISTPACK as HASH_LISTPACK } from '../types/hash/encoding.ts';
import { HashValue } from '../types/hash/hash.ts';
import {
  ENCODING_QUICKLIST,
  fitsListpack,
  ENCODING_LISTPACK as LIST_LISTPACK,
} from '../types/list/encoding.ts';
import { ListValue } from '../types/list/list.ts';
import { DetachedValue } from '../types/pages/detached-record.ts';
import { PAGED } from '../types/pages/head.ts';
import type { PageStore } from '../types/pages/record-store.ts';
import { freePages } from '../types/pages/walk.ts';
import { ENCODING_HASHTABLE, ENCODING_INTSET, type SetLimits } from '../types/set/encoding.ts';
import { SetValue } from '../types/set/set.ts';
import { ENCODING_SKIPLIST } from '../types/sorted-set/encoding.ts';
import { SortedSetValue } from '../types/sorted-set/sorted-set.ts';
import { StreamId } from '../types/stream/id.ts';
import { StreamValue } from '../types/stream/stream.ts';
import { ChunkedString, INLINE_BYTES_MAX } from '../types/string/chunked-string.ts';
import { ENCODING_RAW, encodingOf } from '../types/string/encoding.ts';
import type { ObjectKind, ObjectSink } from './rdb/object-sink.ts';
import { RdbError } from './rdb/rdb-error.ts';

const NONE = new Uint8Array(0);
const STRING_BYTES_MIN = 4096;
/** Scratch for the fields of an entry above this is not kept. */
const FIELDS_BYTES_KEPT = 1 << 20;
const FIELDS_BYTES_MIN = 1024;
/** Times are kept in 48 bits, of which the last stands for none. */
const TIME_MS_MAX = 2 ** 48 - 2;
/** Number of no consumer: who owns a pending entry before its consumer is told. */
const NO_CONSUMER = 0;

const TYPES: Readonly<Record<ObjectKind, number>> = {
  string: TYPE_STRING,
  list: TYPE_LIST,
  set: TYPE_SET,
  sortedSet: TYPE_SORTED_SET,
  hash: TYPE_HASH,
  stream: TYPE_STREAM,
};

/** The directives that decide which encoding a value has. */
export interface ValueLimits extends SetLimits {
  readonly 'hash-max-listpack-entries': number;
  readonly 'hash-max-listpack-value': number;
  readonly 'list-max-listpack-size': number;
  readonly 'zset-max-listpack-entries': number;
  readonly 'zset-max-listpack-value': number;
  readonly 'stream-node-max-bytes': number;
  readonly 'stream-node-max-entries': number;
}

/**
 * Builds values that no key has yet of what a reader tells, with the encodings that Redis would give them (rdbLoadObject). Pages
 * are made as elements come. Throws RdbError for what Redis refuses: duplicates, pending entries that no consumer or no group
 * has. Whoever gets an error, or does not store the value, calls {@link drop}.
 */
export class ValueBuilder implements ObjectSink {
  /** Once `end` was called: the type, the encoding and the payload of a record of the value; good until the next value. */
  type = TYPE_STRING;
  encoding = 0;
  bytes: Uint8Array = NONE;
  length = 0;

  readonly #limits: ValueLimits;
  #pages!: PageStore;
  #value: DetachedValue | null = null;
  readonly #list = new ListValue();
  readonly #set = new SetValue();
  readonly #sortedSet = new SortedSetValue();
  readonly #hash = new HashValue();
  readonly #stream = new StreamValue();
  readonly #string = new ChunkedString();
  /** Bytes of a string that is not in chunks, as far as they were told. */
  #text = new Uint8Array(STRING_BYTES_MIN);
  #textLength = 0;
  /** Longest member of a sorted set. */
  #lengthMax = 0;
  /** Names and values of the entry of a stream, which wait for the last of them. */
  readonly #fields = new Arguments();
  #fieldsLength = 0;
  #fieldsLeft = 0;
  readonly #nodeLimits = { bytes: 0, entries: 0 };
  readonly #entryId = new StreamId();
  readonly #id = new StreamId();
  /** Entries pending in the group that no consumer was told to own. */
  #ownerless = 0;

  constructor(limits: ValueLimits) {
    this.#limits = limits;
  }

  /** Says where the pages of the values that follow are made: those of the database that their keys are in. */
  use(pages: PageStore): void {
    this.#pages = pages;
  }

  begin(kind: ObjectKind, count: number): void {
    this.type = TYPES[kind];
    switch (kind) {
      case 'string':
        this.#textLength = 0;
        this.#value = null;
        break;
      case 'list':
        this.#list.open(this.#begin(LIST_LISTPACK, ListValue.emptyBytes), true);
        break;
      case 'set': {
        const isSmall = count >= 0 && count <= this.#limits['set-max-intset-entries'];
        this.#set.open(
          this.#begin(isSmall ? ENCODING_INTSET : ENCODING_HASHTABLE, SetValue.emptyBytes),
          true,
        );
        break;
      }
      case 'sortedSet':
        this.#lengthMax = 0;
        this.#sortedSet.open(this.#begin(ENCODING_SKIPLIST, SortedSetValue.emptyBytes), true);
        break;
      case 'hash': {
        const isSmall = count <= this.#limits['hash-max-listpack-entries'];
        this.#hash.open(
          this.#begin(isSmall ? HASH_LISTPACK : ENCODING_HASH_TABLE, HashValue.emptyBytes),
          true,
        );
        break;
      }
      case 'stream':
        this.#nodeLimits.bytes = this.#limits['stream-node-max-bytes'];
        this.#nodeLimits.entries = this.#limits['stream-node-max-entries'];
        this.#ownerless = 0;
        this.#stream.create(this.#begin(StreamValue.encoding, StreamValue.emptyBytes));
        break;
    }
  }

  string(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#value !== null || this.#textLength + length > INLINE_BYTES_MAX) {
      this.#writeChunks(bytes, offset, length);
      return;
    }
    this.#text = withRoom(this.#text, this.#textLength, length);
    copyBytes(bytes, offset, this.#text, this.#textLength, length);
    this.#textLength += length;
  }

  listElement(bytes: Uint8Array, offset: number, length: number): void {
    this.#list.push(false, bytes, offset, length);
  }

  setMember(bytes: Uint8Array, offset: number, length: number): void {
    if (!this.#set.add(this.#limits, bytes, offset, length))
      throw new RdbError('Duplicate set members detected');
  }

  sortedSetMember(bytes: Uint8Array, offset: number, length: number, score: number): void {
    const set = this.#sortedSet;
    if (set.find(bytes, offset, length)) throw new RdbError('Duplicate zset fields detected');
    set.insert(bytes, offset, length, score);
    if (length > this.#lengthMax) this.#lengthMax = length;
  }

  hashField(
    fieldBytes: Uint8Array,
    fieldOffset: number,
    fieldLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
    expireAtMs: number,
  ): void {
    const hash = this.#hash;
    const lengthMax = this.#limits['hash-max-listpack-value'];
    if (fieldLength > lengthMax || valueLength > lengthMax) hash.becomeHashTable();
    if (expireAtMs > 0) hash.becomeExpiring();
    if (hash.find(fieldBytes, fieldOffset, fieldLength)) throw new RdbError('Duplicate hash fields detected');
    const expireAt = expireAtMs === 0 ? -1 : expireAtMs;
    hash.insert(fieldBytes, fieldOffset, fieldLength, valueBytes, valueOffset, valueLength, expireAt);
    if (hash.count > this.#limits['hash-max-listpack-entries']) hash.becomeHashTable();
  }

  streamEntry(id: Uint8Array, fieldCount: number): void {
    this.#entryId.read(id, 0);
    this.#fields.count = 0;
    this.#fieldsLength = 0;
    this.#fieldsLeft = fieldCount;
    if (fieldCount === 0) this.#appendEntry();
  }

  streamField(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
  ): void {
    this.#keepWord(nameBytes, nameOffset, nameLength);
    this.#keepWord(valueBytes, valueOffset, valueLength);
    if (--this.#fieldsLeft === 0) this.#appendEntry();
  }

  streamState(lastId: Uint8Array, maxDeletedId: Uint8Array, entriesAdded: bigint, groupCount: number): void {
    const stream = this.#stream;
    stream.lastId.read(lastId, 0);
    stream.maxDeletedId.read(maxDeletedId, 0);
    stream.entriesAdded = entriesAdded;
    if (groupCount > 0) stream.prepareGroups();
  }

  streamGroup(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    lastId: Uint8Array,
    entriesRead: bigint,
    _pendingCount: number,
  ): void {
    this.#endGroup();
    const { groups } = this.#stream;
    if (groups.findGroup(nameBytes, nameOffset, nameLength))
      throw new RdbError('Duplicated consumer group name detected');
    this.#id.read(lastId, 0);
    groups.createGroup(nameBytes, nameOffset, nameLength, this.#id, entriesRead);
  }

  streamPending(id: Uint8Array, deliveryTimeMs: number, deliveryCount: bigint): void {
    const { groups } = this.#stream;
    this.#id.read(id, 0);
    if (groups.findPending(this.#id))
      throw new RdbError('Duplicated global PEL entry loading stream consumer group');
    groups.addPending(this.#id, NO_CONSUMER, keptTime(deliveryTimeMs), deliveryCount);
    this.#ownerless++;
  }

  streamConsumers(): void {}

  streamConsumer(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    seenTimeMs: number,
    activeTimeMs: number,
    _pendingCount: number,
  ): void {
    const { groups } = this.#stream;
    if (groups.findConsumer(nameBytes, nameOffset, nameLength))
      throw new RdbError('Duplicate stream consumer detected');
    groups.createConsumer(nameBytes, nameOffset, nameLength, keptTime(seenTimeMs));
    if (activeTimeMs < 0) return;
    groups.activeMs = keptTime(activeTimeMs);
    groups.saveConsumer();
  }

  streamConsumerPending(id: Uint8Array): void {
    const { groups } = this.#stream;
    this.#id.read(id, 0);
    if (!groups.findPending(this.#id)) throw new RdbError('Consumer entry not found in group global PEL');
    if (groups.owner !== NO_CONSUMER)
      throw new RdbError('Duplicated consumer PEL entry loading a stream consumer group');
    groups.updatePending(groups.consumer, groups.deliveredMs, groups.deliveries);
    this.#ownerless--;
  }

  end(): void {
    if (this.type === TYPE_STRING && this.#value === null) {
      this.bytes = this.#text;
      this.length = this.#textLength;
      this.encoding = encodingOf(this.bytes, 0, this.length);
      return;
    }
    this.#endCollection();
    const value = this.#value as DetachedValue;
    this.bytes = value.bytes;
    this.length = value.payloadLength;
    this.encoding = value.encoding;
  }

  /** The value is not to be stored: a walk that frees its pages, null if it has none. */
  drop(): IterableIterator<void> | null {
    const value = this.#value;
    this.#value = null;
    if (value === null || (value.encoding & PAGED) === 0) return null;
    this.#save();
    return freePages(value.bytes.slice(0, value.payloadLength), this.#pages);
  }

  /** The value was stored: its pages are the key's. */
  release(): void {
    this.#value = null;
  }

  #begin(encoding: number, emptyBytes: number): DetachedValue {
    this.#value = new DetachedValue(encoding, emptyBytes, this.#pages);
    return this.#value;
  }

  #endCollection(): void {
    const limits = this.#limits;
    if (this.type === TYPE_LIST) {
      const list = this.#list;
      if (!fitsListpack(limits['list-max-listpack-size'], list.listpackBytes, list.count))
        list.encoding = ENCODING_QUICKLIST;
    } else if (this.type === TYPE_SORTED_SET) {
      const set = this.#sortedSet;
      const isSmall =
        set.count <= limits['zset-max-listpack-entries'] &&
        this.#lengthMax <= limits['zset-max-listpack-value'];
      if (isSmall) set.compact();
    } else if (this.type === TYPE_STREAM) {
      this.#endGroup();
    }
    this.#save();
  }

  /** Writes what the heads of values in pages tell. */
  #save(): void {
    switch (this.type) {
      case TYPE_STRING:
        this.#string.save();
        break;
      case TYPE_LIST:
        this.#list.save();
        break;
      case TYPE_SET:
        this.#set.save();
        break;
      case TYPE_SORTED_SET:
        this.#sortedSet.save();
        break;
      case TYPE_HASH:
        this.#hash.save();
        break;
      case TYPE_STREAM:
        this.#stream.save();
        break;
    }
  }

  /** Adds a part of a string that is long: what was told before it goes into chunks with the first. */
  #writeChunks(bytes: Uint8Array, offset: number, length: number): void {
    const string = this.#string;
    if (this.#value === null) {
      string.create(this.#begin(ENCODING_RAW, 0));
      string.write(0, this.#text, 0, this.#textLength);
      string.extend(this.#textLength);
    }
    string.write(string.length, bytes, offset, length);
  }

  #keepWord(bytes: Uint8Array, offset: number, length: number): void {
    const fields = this.#fields;
    const grown = withRoom(fields.buffer, this.#fieldsLength, length);
    if (grown !== fields.buffer) {
      fields.buffer = grown;
      fields.view = viewOf(grown);
    }
    copyBytes(bytes, offset, grown, this.#fieldsLength, length);
    fields.push(this.#fieldsLength, length);
    this.#fieldsLength += length;
  }

  #appendEntry(): void {
    const fields = this.#fields;
    this.#stream.append(this.#entryId, fields, 0, fields.count / 2, this.#nodeLimits);
    if (fields.buffer.length > FIELDS_BYTES_KEPT) fields.buffer = new Uint8Array(FIELDS_BYTES_MIN);
  }

  #endGroup(): void {
    if (this.#ownerless > 0) throw new RdbError('NACK entry without consumer');
  }
}

/** A time as a stream keeps it. */
function keptTime(ms: number): number {
  return Math.min(Math.max(0, ms), TIME_MS_MAX);
}

/** An array with room for `added` bytes behind the first `used`, which it has. */
function withRoom(bytes: Uint8Array<ArrayBuffer>, used: number, added: number): Uint8Array<ArrayBuffer>;
function withRoom(bytes: Uint8Array, used: number, added: number): Uint8Array;
function withRoom(bytes: Uint8Array, used: number, added: number): Uint8Array {
  if (used + added <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(bytes.length * 2, used + added));
  larger.set(bytes.subarray(0, used));
  return larger;
}
