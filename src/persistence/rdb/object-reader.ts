import { parseDouble } from '../../base/numbers.ts';
import { IntsetCursor } from './intset.ts';
import { LentBytes } from './lent-bytes.ts';
import { ListpackCursor } from './listpack.ts';
import type { ObjectSink } from './object-sink.ts';
import type { PackedCursor } from './packed.ts';
import { RdbError } from './rdb-error.ts';
import type { RdbReader } from './reader.ts';
import { StreamReader } from './stream-reader.ts';
import { FIELD_EXPIRE_MS_MAX, NodeContainer, RdbType } from './types.ts';
import { ZiplistCursor } from './ziplist.ts';
import { ZipmapCursor } from './zipmap.ts';

/** Elements, told one by one, between two pauses. */
const ELEMENTS_PER_STEP = 64;
/** Fewest bytes of an element: strings have one at least. */
const STRING_BYTES_MIN = 1;
const PAIR_BYTES_MIN = 2;
const TEXT_SCORE_BYTES_MIN = 2;
const BINARY_SCORE_BYTES_MIN = 9;
const EXPIRING_PAIR_BYTES_MIN = 3;

/**
 * Reads values of every encoding that Redis 2.x to 8.4 writes (rdbLoadObject in rdb.c), without building them: the sink
 * is told the elements. The reader's own memory is the largest string of the value.
 */
export class ObjectReader {
  readonly #reader: RdbReader;
  readonly #structure = new LentBytes();
  readonly #first = new LentBytes();
  readonly #second = new LentBytes();
  readonly #third = new LentBytes();
  readonly #listpack = new ListpackCursor();
  readonly #ziplist = new ZiplistCursor();
  readonly #intset = new IntsetCursor();
  readonly #zipmap = new ZipmapCursor();
  readonly #streams: StreamReader;

  constructor(reader: RdbReader) {
    this.#reader = reader;
    this.#streams = new StreamReader(reader);
  }

  /**
   * Reads the value of type `type` that begins at the reader's position. Returns whether it holds anything: an empty
   * collection, which Redis neither writes nor loads, is read to its end, but the sink's `end` is not called. Throws
   * RdbError for what is corrupt, unknown, or a module's.
   */
  read(type: number, sink: ObjectSink): boolean {
    if (type === RdbType.STRING) return this.#readString(sink);
    const steps = this.readInSteps(type, sink);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    return step.value;
  }

  /** As {@link read}, with a pause after every so many elements; nothing else may use the reader before the end. */
  *readInSteps(type: number, sink: ObjectSink): Generator<void, boolean> {
    switch (type) {
      case RdbType.STRING:
        return this.#readString(sink);
      case RdbType.LIST:
        return yield* this.#readStrings('list', sink);
      case RdbType.SET:
        return yield* this.#readStrings('set', sink);
      case RdbType.ZSET:
      case RdbType.ZSET_2:
        return yield* this.#readSortedSet(type === RdbType.ZSET_2, sink);
      case RdbType.HASH:
        return yield* this.#readHash(sink);
      case RdbType.HASH_METADATA:
      case RdbType.HASH_METADATA_PRE_GA:
        return yield* this.#readExpiringHash(type === RdbType.HASH_METADATA, sink);
      case RdbType.LIST_QUICKLIST:
      case RdbType.LIST_QUICKLIST_2:
        return yield* this.#readQuicklist(type === RdbType.LIST_QUICKLIST_2, sink);
      case RdbType.LIST_ZIPLIST:
        return this.#readPacked('list', this.#ziplist, sink);
      case RdbType.SET_INTSET:
        return this.#readPacked('set', this.#intset, sink);
      case RdbType.SET_LISTPACK:
        return this.#readPacked('set', this.#listpack, sink);
      case RdbType.ZSET_ZIPLIST:
        return this.#readPackedSortedSet(this.#ziplist, sink);
      case RdbType.ZSET_LISTPACK:
        return this.#readPackedSortedSet(this.#listpack, sink);
      case RdbType.HASH_ZIPMAP:
        return this.#readPackedHash(this.#zipmap, false, sink);
      case RdbType.HASH_ZIPLIST:
        return this.#readPackedHash(this.#ziplist, false, sink);
      case RdbType.HASH_LISTPACK:
        return this.#readPackedHash(this.#listpack, false, sink);
      case RdbType.HASH_LISTPACK_EX:
        // The soonest expiry, for a use that Redis has not found yet.
        this.#reader.readMilliseconds();
        return this.#readPackedHash(this.#listpack, true, sink);
      case RdbType.HASH_LISTPACK_EX_PRE_GA:
        return this.#readPackedHash(this.#listpack, true, sink);
      case RdbType.STREAM_LISTPACKS:
      case RdbType.STREAM_LISTPACKS_2:
      case RdbType.STREAM_LISTPACKS_3:
        yield* this.#streams.read(type, sink);
        sink.end();
        return true;
      case RdbType.MODULE_PRE_GA:
      case RdbType.MODULE_2:
        throw new RdbError("The RDB file contains module data I can't load");
      default:
        throw new RdbError(`Unknown RDB encoding type ${type}`);
    }
  }

  #readString(sink: ObjectSink): boolean {
    const reader = this.#reader;
    const part = this.#first;
    let left = reader.readPlainLength();
    if (left < 0) {
      reader.readString(part);
      sink.begin('string', part.length);
      sink.string(part.bytes, part.offset, part.length);
    } else {
      if (left > reader.bytesLeft) throw new RdbError('String longer than the bytes left');
      sink.begin('string', left);
      for (; left > 0; left -= part.length) {
        reader.readPart(left, part);
        sink.string(part.bytes, part.offset, part.length);
      }
    }
    sink.end();
    return true;
  }

  *#readStrings(kind: 'list' | 'set', sink: ObjectSink): Generator<void, boolean> {
    const element = this.#first;
    const count = this.#reader.readCount(STRING_BYTES_MIN);
    sink.begin(kind, count);
    for (let index = 0; index < count; index++) {
      this.#reader.readString(element);
      tellElement(kind, element, sink);
      if (isPause(index)) yield;
    }
    return finish(count, sink);
  }

  *#readSortedSet(isBinary: boolean, sink: ObjectSink): Generator<void, boolean> {
    const reader = this.#reader;
    const member = this.#first;
    const count = reader.readCount(isBinary ? BINARY_SCORE_BYTES_MIN : TEXT_SCORE_BYTES_MIN);
    sink.begin('sortedSet', count);
    for (let index = 0; index < count; index++) {
      reader.readString(member);
      member.keep();
      const score = isBinary ? reader.readDouble() : reader.readTextDouble();
      tellMember(member, score, sink);
      if (isPause(index)) yield;
    }
    return finish(count, sink);
  }

  *#readHash(sink: ObjectSink): Generator<void, boolean> {
    const count = this.#reader.readCount(PAIR_BYTES_MIN);
    sink.begin('hash', count);
    for (let index = 0; index < count; index++) {
      this.#readField(0, sink);
      if (isPause(index)) yield;
    }
    return finish(count, sink);
  }

  *#readExpiringHash(isRelative: boolean, sink: ObjectSink): Generator<void, boolean> {
    const reader = this.#reader;
    // Expiries are told from the soonest one on, plus one, since 0 stands for none.
    const base = isRelative ? reader.readMilliseconds() - 1 : 0;
    const count = reader.readCount(EXPIRING_PAIR_BYTES_MIN);
    sink.begin('hash', count);
    for (let index = 0; index < count; index++) {
      const stored = reader.readLength();
      this.#readField(stored === 0 ? 0 : checkExpiry(base + stored), sink);
      if (isPause(index)) yield;
    }
    return finish(count, sink);
  }

  #readField(expireAtMs: number, sink: ObjectSink): void {
    this.#reader.readString(this.#first);
    this.#first.keep();
    this.#reader.readString(this.#second);
    tellField(this.#first, this.#second, expireAtMs, sink);
  }

  *#readQuicklist(isSecond: boolean, sink: ObjectSink): Generator<void, boolean> {
    const reader = this.#reader;
    const structure = this.#structure;
    const element = this.#first;
    const cursor = isSecond ? this.#listpack : this.#ziplist;
    const nodes = reader.readCount(isSecond ? PAIR_BYTES_MIN : STRING_BYTES_MIN);
    sink.begin('list', -1);
    let count = 0;
    for (let node = 0; node < nodes; node++) {
      const container = isSecond ? reader.readLength() : NodeContainer.PACKED;
      reader.readString(structure);
      if (structure.length === 0) throw new RdbError('Empty node in a quicklist');
      if (container === NodeContainer.PLAIN) {
        tellElement('list', structure, sink);
        count++;
      } else if (container === NodeContainer.PACKED) {
        cursor.open(structure);
        for (; cursor.next(element); count++) tellElement('list', element, sink);
      } else {
        throw new RdbError('Quicklist integrity check failed.');
      }
      yield;
    }
    return finish(count, sink);
  }

  #readPacked(kind: 'list' | 'set', cursor: PackedCursor, sink: ObjectSink): boolean {
    const element = this.#first;
    this.#open(cursor);
    sink.begin(kind, cursor.declaredCount);
    let count = 0;
    for (; cursor.next(element); count++) tellElement(kind, element, sink);
    return finish(count, sink);
  }

  #readPackedSortedSet(cursor: PackedCursor, sink: ObjectSink): boolean {
    const member = this.#first;
    const score = this.#second;
    this.#open(cursor);
    sink.begin('sortedSet', tupleCount(cursor, 2));
    let count = 0;
    for (; cursor.next(member); count++) {
      nextOfTuple(cursor, score);
      const value = score.isInteger ? score.integer : parseDouble(score.bytes, score.offset, score.length);
      tellMember(member, value, sink);
    }
    return finish(count, sink);
  }

  #readPackedHash(cursor: PackedCursor, expires: boolean, sink: ObjectSink): boolean {
    const field = this.#first;
    const value = this.#second;
    const expiry = this.#third;
    this.#open(cursor);
    sink.begin('hash', tupleCount(cursor, expires ? 3 : 2));
    let count = 0;
    for (; cursor.next(field); count++) {
      nextOfTuple(cursor, value);
      let expireAtMs = 0;
      if (expires) {
        nextOfTuple(cursor, expiry);
        if (!expiry.isInteger) throw new RdbError('Expiry of a hash field is no integer');
        expireAtMs = checkExpiry(expiry.integer);
      }
      tellField(field, value, expireAtMs, sink);
    }
    return finish(count, sink);
  }

  #open(cursor: PackedCursor): void {
    this.#reader.readString(this.#structure);
    cursor.open(this.#structure);
  }
}

/** Whether there is a pause after the element at a place. */
function isPause(index: number): boolean {
  return index % ELEMENTS_PER_STEP === ELEMENTS_PER_STEP - 1;
}

function tellElement(kind: 'list' | 'set', { bytes, offset, length }: LentBytes, sink: ObjectSink): void {
  if (kind === 'list') sink.listElement(bytes, offset, length);
  else sink.setMember(bytes, offset, length);
}

function tellMember(member: LentBytes, score: number, sink: ObjectSink): void {
  if (Number.isNaN(score)) throw new RdbError('Zset with NAN score detected');
  sink.sortedSetMember(member.bytes, member.offset, member.length, score);
}

function tellField(field: LentBytes, value: LentBytes, expireAtMs: number, sink: ObjectSink): void {
  sink.hashField(
    field.bytes,
    field.offset,
    field.length,
    value.bytes,
    value.offset,
    value.length,
    expireAtMs,
  );
}

function checkExpiry(expireAtMs: number): number {
  if (expireAtMs < 0 || expireAtMs > FIELD_EXPIRE_MS_MAX) {
    throw new RdbError(`invalid expireAt time: ${expireAtMs}`);
  }
  return expireAtMs;
}

function nextOfTuple(cursor: PackedCursor, element: LentBytes): void {
  if (!cursor.next(element)) throw new RdbError('A packed structure ends within a pair');
}

function tupleCount(cursor: PackedCursor, size: number): number {
  return cursor.declaredCount < 0 ? -1 : Math.floor(cursor.declaredCount / size);
}

function finish(count: number, sink: ObjectSink): boolean {
  if (count === 0) return false;
  sink.end();
  return true;
}
