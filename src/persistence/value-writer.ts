import {
  fieldsExpire,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_SORTED_SET,
  TYPE_STREAM,
  TYPE_STRING,
} from '../keyspace/record.ts';
import { ENCODING_HASH_TABLE, earliestFieldExpiry } from '../types/hash/encoding.ts';
import { HashValue } from '../types/hash/hash.ts';
import { ListValue } from '../types/list/list.ts';
import { PAGED } from '../types/pages/head.ts';
import type { Payload, ValueStore } from '../types/pages/record-store.ts';
import { ENCODING_INTSET, ENCODING_LISTPACK as SET_LISTPACK } from '../types/set/encoding.ts';
import { SetValue } from '../types/set/set.ts';
import { ENCODING_LISTPACK as SORTED_SET_LISTPACK } from '../types/sorted-set/encoding.ts';
import { SortedSetValue } from '../types/sorted-set/sorted-set.ts';
import { StreamId } from '../types/stream/id.ts';
import { StreamValue } from '../types/stream/stream.ts';
import { CHUNK_BYTES, ChunkedString } from '../types/string/chunked-string.ts';
import type { ObjectWriter } from './rdb/object-writer.ts';
import { RDB_VERSION_MAX, RDB_VERSION_WRITTEN, RdbType, STREAM_ID_BYTES } from './rdb/types.ts';

/** Where a value goes, piece by piece: see ObjectWriter. */
export type ValueOutput = Pick<ObjectWriter, keyof ObjectWriter>;

/** A longer string is not compressed, which would hold everybody up, and goes out as it is. */
const COMPRESSED_BYTES_MAX = 1 << 20;
/** An intset above this is told as a set: it comes back as what its size and the limits make of it. */
const INTSET_BYTES_MAX = 1 << 16;
/** The oldest version that has listpacks of sets and the active time of consumers. */
const VERSION_OF_7_2 = 11;
/** What a chunk of a string counts in elements. */
const ELEMENTS_PER_CHUNK = 16;
/** Entries pending in a group that are written in one step of a stream. */
const PENDING_PER_STEP = 256;

/**
 * The version of a file or a payload with a value of this type and encoding: that of Redis 7.0, unless fields of a hash expire.
 */
export function versionFor(type: number, encoding: number): number {
  return fieldsExpire(type, encoding) ? RDB_VERSION_MAX : RDB_VERSION_WRITTEN;
}

/** In which of RDB's types a value is written in a file of a version; `payload` is that of its record. */
export function rdbTypeOf(type: number, payload: Payload, version: number): number {
  const { encoding } = payload;
  const isPaged = (encoding & PAGED) !== 0;
  switch (type) {
    case TYPE_STRING:
      return RdbType.STRING;
    case TYPE_LIST:
      return isPaged ? RdbType.LIST : RdbType.LIST_QUICKLIST_2;
    case TYPE_SET: {
      if ((encoding & 7) === ENCODING_INTSET)
        return payload.payloadLength > INTSET_BYTES_MAX ? RdbType.SET : RdbType.SET_INTSET;
      const isPacked = (encoding & 7) === SET_LISTPACK && !isPaged && version >= VERSION_OF_7_2;
      return isPacked ? RdbType.SET_LISTPACK : RdbType.SET;
    }
    case TYPE_SORTED_SET:
      return (encoding & 7) === SORTED_SET_LISTPACK && !isPaged ? RdbType.ZSET_LISTPACK : RdbType.ZSET_2;
    case TYPE_HASH:
      if (fieldsExpire(type, encoding)) return RdbType.HASH_METADATA;
      return (encoding & ENCODING_HASH_TABLE) === 0 && !isPaged ? RdbType.HASH_LISTPACK : RdbType.HASH;
    case TYPE_STREAM:
      return version >= VERSION_OF_7_2 ? RdbType.STREAM_LISTPACKS_3 : RdbType.STREAM_LISTPACKS_2;
    default:
      throw new Error(`no values are known of type ${type}`);
  }
}

/**
 * Tells the elements of any value to an {@link ValueOutput}, in steps: between them commands may run, as long as the store goes
 * on answering as it did at the first.
 */
export class ValueWriter {
  readonly #string = new ChunkedString();
  /** Bytes of the string that were told. */
  #told = 0;
  readonly #list = new ListValue();
  readonly #set = new SetValue();
  readonly #sortedSet = new SortedSetValue();
  readonly #hash = new HashValue();
  readonly #stream = new StreamValue();
  readonly #id = new Uint8Array(STREAM_ID_BYTES);
  readonly #maxDeletedId = new Uint8Array(STREAM_ID_BYTES);
  #output!: ValueOutput;
  #type = TYPE_STRING;
  #rdbType = 0;
  /** There is an element to be written, on which the cursor is. */
  #hasMore = false;
  #streamSteps: IterableIterator<void> | null = null;

  /** Begins with the value that `store` found last, in the RDB type that {@link rdbTypeOf} told. */
  begin(store: ValueStore, type: number, rdbType: number, output: ValueOutput): void {
    this.#output = output;
    this.#type = type;
    this.#rdbType = rdbType;
    switch (type) {
      case TYPE_STRING:
        this.#writeString(store);
        break;
      case TYPE_LIST: {
        const list = this.#list;
        list.open(store, false);
        if (rdbType === RdbType.LIST) output.begin(rdbType, list.count);
        else {
          // Small enough for one node.
          output.begin(rdbType, 1);
          output.node(list.count);
        }
        this.#hasMore = list.seek(0);
        break;
      }
      case TYPE_SET: {
        const set = this.#set;
        set.open(store, false);
        output.begin(rdbType, set.count);
        set.rewind();
        this.#hasMore = set.next();
        break;
      }
      case TYPE_SORTED_SET: {
        const set = this.#sortedSet;
        set.open(store, false);
        output.begin(rdbType, set.count);
        // From the last member on, which is how a skiplist of Redis is built fastest.
        this.#hasMore = set.seekRank(rdbType === RdbType.ZSET_2 ? set.count - 1 : 0);
        break;
      }
      case TYPE_HASH:
        this.#beginHash(store);
        break;
      default:
        this.#streamSteps = this.#writeStream(store);
        this.#hasMore = this.#streamSteps.next().done !== true;
    }
    if (!this.#hasMore) this.#end();
  }

  /** Whether the value is not finished. */
  get isActive(): boolean {
    return this.#hasMore;
  }

  /** Writes up to about `count` elements. */
  step(count: number): void {
    const weight = this.#type === TYPE_STRING ? ELEMENTS_PER_CHUNK : 1;
    for (let left = count; left > 0 && this.#hasMore; left -= weight) this.#hasMore = this.#writeElement();
    if (!this.#hasMore) this.#end();
  }

  /** Writes what is left of the value. */
  finish(): void {
    while (this.#hasMore) this.step(Number.POSITIVE_INFINITY);
  }

  /** Gives a value up that is not finished. */
  abandon(): void {
    this.#hasMore = false;
    this.#streamSteps = null;
  }

  #end(): void {
    this.#streamSteps = null;
    this.#output.end();
  }

  #writeString(store: ValueStore): void {
    const output = this.#output;
    const { encoding, bytes, payloadOffset, payloadLength } = store.entry;
    output.begin(RdbType.STRING, 1);
    this.#hasMore = false;
    if ((encoding & PAGED) === 0) {
      output.string(bytes, payloadOffset, payloadLength);
      return;
    }
    const string = this.#string;
    string.open(store, false);
    if (string.length <= COMPRESSED_BYTES_MAX) {
      const whole = new Uint8Array(string.length);
      string.read(0, whole.length, whole, 0);
      output.string(whole, 0, whole.length);
      return;
    }
    output.stringLength(string.length);
    this.#told = 0;
    this.#hasMore = true;
  }

  /** Writes the next chunk of a long string; false if it was the last one. */
  #writeChunk(): boolean {
    const string = this.#string;
    const output = this.#output;
    const end = Math.min(string.length, this.#told + CHUNK_BYTES);
    string.tell(this.#told, end, (bytes, offset, length) => output.stringPart(bytes, offset, length));
    this.#told = end;
    return end < string.length;
  }

  #beginHash(store: ValueStore): void {
    const hash = this.#hash;
    const { encoding, bytes, payloadOffset, payloadLength } = store.entry;
    const soonest = earliestFieldExpiry(encoding, bytes, payloadOffset, payloadLength);
    hash.open(store, false);
    this.#output.begin(this.#rdbType, hash.count, Math.max(0, soonest));
    hash.rewind();
    this.#hasMore = hash.next();
  }

  /** Writes the element under the cursor; false if it was the last one. */
  #writeElement(): boolean {
    const output = this.#output;
    switch (this.#type) {
      case TYPE_STRING:
        return this.#writeChunk();
      case TYPE_LIST: {
        const list = this.#list;
        output.listElement(list.bytes, list.offset, list.length);
        return list.next();
      }
      case TYPE_SET: {
        const set = this.#set;
        output.setMember(set.bytes, set.offset, set.length);
        return set.next();
      }
      case TYPE_SORTED_SET: {
        const set = this.#sortedSet;
        output.sortedSetMember(set.bytes, set.memberOffset, set.memberLength, set.score);
        return this.#rdbType === RdbType.ZSET_2 ? set.previous() : set.next();
      }
      case TYPE_HASH: {
        const { page } = this.#hash;
        const { bytes, keyOffset, keyLength, valueOffset, valueLength } = page;
        const expireAt = Math.max(0, page.expireAt);
        output.hashField(bytes, keyOffset, keyLength, bytes, valueOffset, valueLength, expireAt);
        return this.#hash.next();
      }
      default:
        return this.#streamSteps?.next().done === false;
    }
  }

  *#writeStream(store: ValueStore): IterableIterator<void> {
    const stream = this.#stream;
    const output = this.#output;
    stream.open(store, false);
    const { groups } = stream;
    output.begin(this.#rdbType, stream.nodeCount);
    const next = new StreamId();
    for (let more = stream.seekFirst(); more; ) {
      more = this.#writeNode(next);
      yield;
      if (more) stream.seek(next);
    }
    const id = this.#id;
    stream.lastId.write(id, 0);
    stream.maxDeletedId.write(this.#maxDeletedId, 0);
    output.streamState(id, this.#maxDeletedId, stream.entriesAdded, groups.groupCount);
    for (let more = groups.firstGroup(); more; more = groups.nextGroup()) {
      groups.lastId.write(id, 0);
      const { name, nameLength, entriesRead, pendingCount } = groups;
      output.streamGroup(name, 0, nameLength, id, entriesRead, pendingCount);
      yield* this.#writePending();
      yield* this.#writeConsumers();
    }
  }

  /** Writes the node that begins with the entry under the cursor; false if it was the last, else the next one begins with `next`. */
  #writeNode(next: StreamId): boolean {
    const stream = this.#stream;
    const output = this.#output;
    stream.readId();
    next.copy(stream.id);
    let count = 0;
    let more: boolean;
    do {
      count++;
      more = stream.next();
    } while (more && !stream.beginsNode);
    stream.seek(next);
    output.node(count);
    for (; count > 0; count--) {
      stream.readEntry();
      stream.id.write(this.#id, 0);
      output.streamEntry(this.#id, stream.fieldCount);
      for (let field = stream.fieldCount; field > 0; field--) {
        stream.nextField();
        const { nameBytes, nameOffset, nameLength, valueBytes, valueOffset, valueLength } = stream;
        output.streamField(nameBytes, nameOffset, nameLength, valueBytes, valueOffset, valueLength);
      }
      stream.next();
    }
    if (!more) return false;
    stream.readId();
    next.copy(stream.id);
    return true;
  }

  *#writePending(): IterableIterator<void> {
    const { groups } = this.#stream;
    const first = new StreamId();
    let count = 0;
    for (let more = groups.seekPending(first); more; more = groups.nextPending()) {
      groups.pendingId.write(this.#id, 0);
      this.#output.streamPending(this.#id, groups.deliveredMs, groups.deliveries);
      if (++count % PENDING_PER_STEP === 0) yield;
    }
  }

  *#writeConsumers(): IterableIterator<void> {
    const { groups } = this.#stream;
    const output = this.#output;
    output.streamConsumers(groups.consumerCount);
    for (let more = groups.firstConsumer(); more; more = groups.nextConsumer()) {
      const { name, nameLength, seenMs, activeMs, ownedCount } = groups;
      output.streamConsumer(name, 0, nameLength, seenMs, activeMs, ownedCount);
      let count = 0;
      for (let owned = groups.firstOwned(); owned; owned = groups.nextOwned()) {
        groups.pendingId.write(this.#id, 0);
        output.streamConsumerPending(this.#id);
        if (++count % PENDING_PER_STEP === 0) yield;
      }
    }
  }
}
