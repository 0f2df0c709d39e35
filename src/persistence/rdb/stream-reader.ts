import { compareBytes } from '../../base/bytes.ts';
import { LentBytes } from './lent-bytes.ts';
import { ListpackCursor } from './listpack.ts';
import type { ObjectSink } from './object-sink.ts';
import { RdbError } from './rdb-error.ts';
import type { RdbReader } from './reader.ts';
import { RdbType, STREAM_ID_BYTES, StreamItemFlag } from './types.ts';

/** Fewest bytes of a node (id and listpack), a group, an entry pending in a group or at a consumer, and a consumer. */
const NODE_BYTES_MIN = STREAM_ID_BYTES + 2;
const GROUP_BYTES_MIN = 5;
const PENDING_BYTES_MIN = STREAM_ID_BYTES + 9;
const CONSUMER_BYTES_MIN = 10;

const UNKNOWN_ENTRIES_READ = -1n;

/** A stream id of 16 bytes, and its halves' halves. */
class StreamId {
  readonly bytes = new Uint8Array(STREAM_ID_BYTES);
  readonly view = new DataView(this.bytes.buffer);

  set(source: Uint8Array, offset: number): void {
    for (let at = 0; at < STREAM_ID_BYTES; at++) this.bytes[at] = source[offset + at];
  }

  clear(): void {
    this.bytes.fill(0);
  }

  compare(other: StreamId): number {
    return compareBytes(this.bytes, 0, STREAM_ID_BYTES, other.bytes, 0, STREAM_ID_BYTES);
  }

  /** Sets one half, at 0 or 8, to that of `base` plus a signed integer, modulo 2^64. */
  setSum(half: number, base: StreamId, low: number, high: number): void {
    const sum = base.view.getUint32(half + 4) + (low >>> 0);
    this.view.setUint32(half + 4, sum);
    this.view.setUint32(half, base.view.getUint32(half) + high + (sum >= 2 ** 32 ? 1 : 0));
  }
}

/**
 * Reads streams. A node is an id and a listpack, which begins with the master entry:
 *
 *     entries, deleted entries, number of fields, the fields' names …, 0
 *
 * and holds entries, whose ids are told as what is added to the node's:
 *
 *     flags, milliseconds, sequence, [number of fields, (name, value) … | value …], number of elements before this one
 *
 * With the flag SAME_FIELDS the names are the master entry's.
 */
export class StreamReader {
  readonly #reader: RdbReader;
  readonly #listpack = new ListpackCursor();
  /** Stands at the master entry's first name. */
  readonly #masterNames = new ListpackCursor();
  /** Goes through the master entry's names for an entry that has the same. */
  readonly #entryNames = new ListpackCursor();
  readonly #structure = new LentBytes();
  readonly #name = new LentBytes();
  readonly #value = new LentBytes();
  readonly #nodeId = new StreamId();
  readonly #entryId = new StreamId();
  readonly #previousId = new StreamId();
  readonly #firstId = new StreamId();
  readonly #lastId = new StreamId();
  readonly #maxDeletedId = new StreamId();
  readonly #id = new StreamId();
  #entryCount = 0;

  constructor(reader: RdbReader) {
    this.#reader = reader;
  }

  /** Reads a stream of one of its three types, with a pause after each node and group; the caller ends it. */
  *read(type: number, sink: ObjectSink): Generator<void, void> {
    const reader = this.#reader;
    const hasCounters = type !== RdbType.STREAM_LISTPACKS;
    this.#entryCount = 0;
    this.#firstId.clear();
    this.#previousId.clear();
    const nodes = reader.readCount(NODE_BYTES_MIN);
    sink.begin('stream', nodes);
    for (let node = 0; node < nodes; node++) {
      this.#readNode(sink);
      yield;
    }
    const length = reader.readLength();
    if (length > 0 && nodes === 0) throw new RdbError('Stream length inconsistent with its entries');
    reader.readStreamId(this.#lastId.view);
    if (this.#previousId.compare(this.#lastId) > 0)
      throw new RdbError("Stream entry above the stream's last ID");
    this.#maxDeletedId.clear();
    let entriesAdded = BigInt(this.#entryCount);
    if (hasCounters) {
      // The first id: the entries have told it.
      reader.readStreamId(this.#id.view);
      reader.readStreamId(this.#maxDeletedId.view);
      entriesAdded = reader.readLength64();
    }
    const groups = reader.readCount(GROUP_BYTES_MIN);
    sink.streamState(this.#lastId.bytes, this.#maxDeletedId.bytes, entriesAdded, groups);
    for (let group = 0; group < groups; group++) {
      this.#readGroup(hasCounters, type === RdbType.STREAM_LISTPACKS_3, sink);
      yield;
    }
  }

  #readNode(sink: ObjectSink): void {
    const structure = this.#structure;
    const cursor = this.#listpack;
    this.#reader.readString(structure);
    if (structure.length !== STREAM_ID_BYTES) {
      throw new RdbError('Stream node key entry is not the size of a stream ID');
    }
    this.#nodeId.set(structure.bytes, structure.offset);
    this.#reader.readString(structure);
    cursor.open(structure);
    const present = this.#count();
    const deleted = this.#count();
    const masterFields = this.#count();
    this.#masterNames.openAt(cursor);
    for (let field = 0; field < masterFields; field++) this.#next(cursor, this.#value);
    if (this.#count() !== 0) corrupt();
    let deletedFound = 0;
    for (let entry = 0; entry < present + deleted; entry++) {
      if (this.#readEntry(masterFields, sink)) deletedFound++;
    }
    if (deletedFound !== deleted || cursor.next(this.#value)) corrupt();
  }

  /** Returns whether the entry is a deleted one. */
  #readEntry(masterFields: number, sink: ObjectSink): boolean {
    const cursor = this.#listpack;
    const name = this.#name;
    const value = this.#value;
    const flags = this.#count();
    if (flags > (StreamItemFlag.DELETED | StreamItemFlag.SAME_FIELDS)) corrupt();
    this.#integer();
    this.#entryId.setSum(0, this.#nodeId, value.low, value.high);
    this.#integer();
    this.#entryId.setSum(8, this.#nodeId, value.low, value.high);
    const isDeleted = (flags & StreamItemFlag.DELETED) !== 0;
    const hasMasterFields = (flags & StreamItemFlag.SAME_FIELDS) !== 0;
    const fields = hasMasterFields ? masterFields : this.#count();
    if (fields > cursor.bytesLeft) corrupt();
    if (!isDeleted) this.#tellEntry(fields, sink);
    this.#entryNames.openAt(this.#masterNames);
    const names = hasMasterFields ? this.#entryNames : cursor;
    for (let field = 0; field < fields; field++) {
      this.#next(names, name);
      this.#next(cursor, value);
      if (isDeleted) continue;
      sink.streamField(name.bytes, name.offset, name.length, value.bytes, value.offset, value.length);
    }
    if (this.#count() !== (hasMasterFields ? fields + 3 : 2 * fields + 4)) corrupt();
    return isDeleted;
  }

  #tellEntry(fields: number, sink: ObjectSink): void {
    if (this.#entryCount === 0) this.#firstId.set(this.#entryId.bytes, 0);
    // Id 0-0 is no entry's, so the first one is above it too.
    if (this.#entryId.compare(this.#previousId) <= 0) throw new RdbError('Stream entries out of order');
    this.#previousId.set(this.#entryId.bytes, 0);
    this.#entryCount++;
    sink.streamEntry(this.#entryId.bytes, fields);
  }

  #readGroup(hasCounters: boolean, hasActiveTime: boolean, sink: ObjectSink): void {
    const reader = this.#reader;
    const name = this.#name;
    reader.readString(name);
    name.keep();
    reader.readStreamId(this.#id.view);
    const entriesRead = hasCounters ? BigInt.asIntN(64, reader.readLength64()) : this.#entriesRead();
    const pending = reader.readCount(PENDING_BYTES_MIN);
    sink.streamGroup(name.bytes, name.offset, name.length, this.#id.bytes, entriesRead, pending);
    for (let index = 0; index < pending; index++) {
      this.#readRawId();
      const deliveryTimeMs = reader.readMilliseconds();
      sink.streamPending(this.#id.bytes, deliveryTimeMs, reader.readLength64());
    }
    const consumers = reader.readCount(CONSUMER_BYTES_MIN);
    sink.streamConsumers(consumers);
    for (let index = 0; index < consumers; index++) this.#readConsumer(hasActiveTime, sink);
  }

  #readConsumer(hasActiveTime: boolean, sink: ObjectSink): void {
    const reader = this.#reader;
    const name = this.#name;
    reader.readString(name);
    name.keep();
    const seenTimeMs = reader.readMilliseconds();
    const activeTimeMs = hasActiveTime ? reader.readMilliseconds() : seenTimeMs;
    const pending = reader.readCount(STREAM_ID_BYTES);
    sink.streamConsumer(name.bytes, name.offset, name.length, seenTimeMs, activeTimeMs, pending);
    for (let index = 0; index < pending; index++) {
      this.#readRawId();
      sink.streamConsumerPending(this.#id.bytes);
    }
  }

  /**
   * How many entries a group with the last id in `#id` has read, where the format does not tell: what Redis estimates
   * (streamEstimateDistanceFromFirstEverEntry) for a stream from which nothing was deleted.
   */
  #entriesRead(): bigint {
    if (this.#entryCount === 0) return 0n;
    const toLast = this.#id.compare(this.#lastId);
    if (toLast === 0) return BigInt(this.#entryCount);
    if (toLast > 0) return UNKNOWN_ENTRIES_READ;
    const toFirst = this.#id.compare(this.#firstId);
    if (toFirst > 0) return UNKNOWN_ENTRIES_READ;
    return toFirst < 0 ? 0n : 1n;
  }

  #readRawId(): void {
    this.#reader.readBytes(STREAM_ID_BYTES, this.#value);
    this.#id.set(this.#value.bytes, this.#value.offset);
  }

  #next(cursor: ListpackCursor, element: LentBytes): void {
    if (!cursor.next(element)) corrupt();
  }

  /** The next element of the node, an integer, into `#value`. */
  #integer(): void {
    this.#next(this.#listpack, this.#value);
    if (!this.#value.isInteger) corrupt();
  }

  /** The next element of the node, which is no negative number. */
  #count(): number {
    this.#integer();
    const count = this.#value.integer;
    return count < 0 ? corrupt() : count;
  }
}

function corrupt(): never {
  throw new RdbError('Stream listpack integrity check failed.');
}
