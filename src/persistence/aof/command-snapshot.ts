import { compareBytes, latin1Bytes } from '../../base/bytes.ts';
import { formatDouble } from '../../base/numbers.ts';
import { Encoder } from '../../resp/encoder.ts';
import { StreamId } from '../../types/stream/id.ts';
import { RdbType, STREAM_ID_BYTES } from '../rdb/types.ts';
import type { WriteTarget } from '../rdb/writer.ts';
import type { SnapshotFormat } from '../rdb-snapshot.ts';
import type { ValueOutput } from '../value-writer.ts';

/** Elements that one command adds (AOF_REWRITE_ITEMS_PER_CMD). */
const ELEMENTS_PER_COMMAND = 64;
const BUFFER_BYTES = 1 << 16;
const LINE_END = latin1Bytes('\r\n');
/** Bytes of an entry that is pending in a group, as it is kept until its consumer is told: id, time, deliveries. */
const PENDING_BYTES = STREAM_ID_BYTES + 16;

/** What a file of commands begins with. */
export interface CommandSnapshotOptions {
  /** The time in seconds that is noted at its head, or null. */
  readonly second: number | null;
  /** Sources of libraries of functions. */
  readonly functions: readonly Uint8Array[];
}

/** Commands on their way to a target, some 64 KiB at a time. */
class CommandWriter {
  readonly encoder = new Encoder();
  readonly #target: WriteTarget;

  constructor(target: WriteTarget) {
    this.#target = target;
  }

  /** Begins a command of so many words; the others are written to the encoder. */
  begin(command: string, words: number): void {
    if (this.encoder.length >= BUFFER_BYTES) this.flush();
    this.encoder.array(words);
    this.encoder.bulkText(command);
  }

  /** Hands bytes to the target behind what was written, without a copy. */
  pass(bytes: Uint8Array, offset: number, length: number): void {
    this.flush();
    this.#target(bytes, offset, length);
  }

  flush(): void {
    const { encoder } = this;
    if (encoder.length > 0) this.#target(encoder.buffer, 0, encoder.length);
    encoder.length = 0;
    if (encoder.buffer.length > BUFFER_BYTES * 4) encoder.release();
  }
}

/**
 * Writes a snapshot as the commands that make it (rewriteAppendOnlyFileRio of Redis 8): what the base of a log is with
 * `aof-use-rdb-preamble no`. It throws what its target throws.
 */
export class CommandSnapshot implements SnapshotFormat {
  readonly #writer: CommandWriter;
  readonly #values: ValueCommands;

  constructor(target: WriteTarget, options: CommandSnapshotOptions) {
    this.#writer = new CommandWriter(target);
    this.#values = new ValueCommands(this.#writer);
    const { encoder } = this.#writer;
    if (options.second !== null) encoder.raw(latin1Bytes(`#TS:${options.second}\r\n`));
    for (const source of options.functions) {
      this.#writer.begin('FUNCTION', 3);
      encoder.bulkText('LOAD');
      encoder.bulk(source, 0, source.length);
    }
  }

  selectDatabase(number: number): void {
    this.#writer.begin('SELECT', 2);
    this.#writer.encoder.bulkInteger(number);
  }

  beginKey(
    rdbType: number,
    _access: number,
    expireAt: number,
    key: Uint8Array,
    keyOffset: number,
    keyLength: number,
  ): ValueOutput {
    this.#values.open(rdbType, expireAt, key, keyOffset, keyLength);
    return this.#values;
  }

  end(): void {
    this.#writer.flush();
  }
}

/** Takes a value piece by piece, as ObjectWriter does. Of a group's pending entries all are held until its consumers are told. */
class ValueCommands implements ValueOutput {
  readonly #writer: CommandWriter;
  readonly #commands: Encoder;
  #key = new Uint8Array(256);
  #keyLength = 0;
  #expireAt = -1;
  #type: number = RdbType.STRING;
  /** Elements, or bytes of a string told in parts, that are still to come, and those of them that the command begun last takes. */
  #left = 0;
  #commandLeft = 0;
  readonly #streamId = new StreamId();
  #hasEntries = false;
  #group = new Uint8Array(0);
  #consumer = new Uint8Array(0);
  /** Pending entries of the group in the order of their ids: id, time, deliveries. */
  #pending = new Uint8Array(PENDING_BYTES);
  #pendingView = new DataView(this.#pending.buffer);
  #pendingCount = 0;

  constructor(writer: CommandWriter) {
    this.#writer = writer;
    this.#commands = writer.encoder;
  }

  /** Begins a key, whose bytes are copied. */
  open(rdbType: number, expireAt: number, key: Uint8Array, keyOffset: number, keyLength: number): void {
    if (this.#key.length < keyLength) this.#key = new Uint8Array(keyLength * 2);
    this.#key.set(key.subarray(keyOffset, keyOffset + keyLength));
    this.#keyLength = keyLength;
    this.#expireAt = expireAt;
    this.#type = rdbType;
  }

  begin(_rdbType: number, count: number): void {
    this.#left = count;
    this.#commandLeft = 0;
    this.#hasEntries = false;
  }

  string(bytes: Uint8Array, offset: number, length: number): void {
    this.#beginOnKey('SET', 3);
    this.#commands.bulk(bytes, offset, length);
  }

  stringLength(length: number): void {
    this.#beginOnKey('SET', 3);
    this.#commands.raw(latin1Bytes(`$${length}\r\n`));
    this.#left = length;
  }

  stringPart(bytes: Uint8Array, offset: number, length: number): void {
    this.#writer.pass(bytes, offset, length);
    this.#left -= length;
    if (this.#left === 0) this.#commands.raw(LINE_END);
  }

  /** A node of a list is its elements; one of a stream tells nothing. */
  node(count: number): void {
    if (this.#type === RdbType.LIST_QUICKLIST_2) this.#left = count;
  }

  listElement(bytes: Uint8Array, offset: number, length: number): void {
    this.#element('RPUSH', 1);
    this.#commands.bulk(bytes, offset, length);
  }

  setMember(bytes: Uint8Array, offset: number, length: number): void {
    this.#element('SADD', 1);
    this.#commands.bulk(bytes, offset, length);
  }

  sortedSetMember(bytes: Uint8Array, offset: number, length: number, score: number): void {
    this.#element('ZADD', 2);
    this.#commands.bulkText(formatDouble(score));
    this.#commands.bulk(bytes, offset, length);
  }

  hashField(
    fieldBytes: Uint8Array,
    fieldOffset: number,
    fieldLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
    expireAtMs = 0,
  ): void {
    if (this.#type === RdbType.HASH_METADATA) this.#beginOnKey('HMSET', 4);
    else this.#element('HMSET', 2);
    const commands = this.#commands;
    commands.bulk(fieldBytes, fieldOffset, fieldLength);
    commands.bulk(valueBytes, valueOffset, valueLength);
    if (expireAtMs === 0) return;
    this.#beginOnKey('HPEXPIREAT', 6);
    commands.bulkInteger(expireAtMs);
    commands.bulkText('FIELDS');
    commands.bulkText('1');
    commands.bulk(fieldBytes, fieldOffset, fieldLength);
  }

  streamEntry(id: Uint8Array, fieldCount: number): void {
    this.#hasEntries = true;
    this.#beginOnKey('XADD', 3 + fieldCount * 2);
    this.#id(id, 0);
  }

  streamField(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
  ): void {
    this.#commands.bulk(nameBytes, nameOffset, nameLength);
    this.#commands.bulk(valueBytes, valueOffset, valueLength);
  }

  streamState(lastId: Uint8Array, maxDeletedId: Uint8Array, entriesAdded: bigint, _groupCount: number): void {
    const commands = this.#commands;
    if (!this.#hasEntries) {
      // An entry that is trimmed at once makes a stream without any.
      this.#beginOnKey('XADD', 7);
      commands.bulkText('MAXLEN');
      commands.bulkText('0');
      this.#streamId.read(lastId, 0);
      if (this.#streamId.isZero) this.#streamId.increment();
      commands.bulkText(this.#streamId.toString());
      commands.bulkText('x');
      commands.bulkText('y');
    }
    this.#beginOnKey('XSETID', 7);
    this.#id(lastId, 0);
    commands.bulkText('ENTRIESADDED');
    commands.bulkInteger(entriesAdded);
    commands.bulkText('MAXDELETEDID');
    this.#id(maxDeletedId, 0);
  }

  streamGroup(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    lastId: Uint8Array,
    entriesRead: bigint,
    _pendingCount: number,
  ): void {
    this.#group = nameBytes.slice(nameOffset, nameOffset + nameLength);
    this.#pendingCount = 0;
    this.#writer.begin('XGROUP', 7);
    this.#commands.bulkText('CREATE');
    this.#keyAndGroup();
    this.#id(lastId, 0);
    this.#commands.bulkText('ENTRIESREAD');
    this.#commands.bulkInteger(entriesRead);
  }

  streamPending(id: Uint8Array, deliveryTimeMs: number, deliveryCount: bigint): void {
    const at = this.#pendingCount * PENDING_BYTES;
    if (at === this.#pending.length) {
      const larger = new Uint8Array(this.#pending.length * 2);
      larger.set(this.#pending);
      this.#pending = larger;
      this.#pendingView = new DataView(larger.buffer);
    }
    this.#pending.set(id.subarray(0, STREAM_ID_BYTES), at);
    this.#pendingView.setFloat64(at + STREAM_ID_BYTES, deliveryTimeMs);
    this.#pendingView.setBigUint64(at + STREAM_ID_BYTES + 8, BigInt.asUintN(64, deliveryCount));
    this.#pendingCount++;
  }

  streamConsumers(): void {}

  streamConsumer(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    _seenTimeMs: number,
    _activeTimeMs: number,
    pendingCount: number,
  ): void {
    this.#consumer = nameBytes.slice(nameOffset, nameOffset + nameLength);
    if (pendingCount > 0) return;
    this.#writer.begin('XGROUP', 5);
    this.#commands.bulkText('CREATECONSUMER');
    this.#keyAndGroup();
    this.#commands.bulk(this.#consumer, 0, this.#consumer.length);
  }

  streamConsumerPending(id: Uint8Array): void {
    const commands = this.#commands;
    const at = this.#findPending(id) * PENDING_BYTES + STREAM_ID_BYTES;
    this.#writer.begin('XCLAIM', 12);
    this.#keyAndGroup();
    commands.bulk(this.#consumer, 0, this.#consumer.length);
    commands.bulkText('0');
    this.#id(id, 0);
    commands.bulkText('TIME');
    commands.bulkInteger(this.#pendingView.getFloat64(at));
    commands.bulkText('RETRYCOUNT');
    commands.bulkInteger(this.#pendingView.getBigUint64(at + 8));
    commands.bulkText('JUSTID');
    commands.bulkText('FORCE');
  }

  end(): void {
    if (this.#expireAt < 0) return;
    this.#beginOnKey('PEXPIREAT', 3);
    this.#commands.bulkInteger(this.#expireAt);
  }

  /** Counts an element, with which a command begins where the one before it is full. */
  #element(command: string, words: number): void {
    if (this.#commandLeft === 0) {
      this.#commandLeft = Math.min(this.#left, ELEMENTS_PER_COMMAND);
      this.#beginOnKey(command, 2 + this.#commandLeft * words);
    }
    this.#commandLeft--;
    this.#left--;
  }

  #beginOnKey(command: string, words: number): void {
    this.#writer.begin(command, words);
    this.#commands.bulk(this.#key, 0, this.#keyLength);
  }

  #keyAndGroup(): void {
    this.#commands.bulk(this.#key, 0, this.#keyLength);
    this.#commands.bulk(this.#group, 0, this.#group.length);
  }

  #id(bytes: Uint8Array, at: number): void {
    this.#streamId.read(bytes, at);
    this.#commands.bulkText(this.#streamId.toString());
  }

  #findPending(id: Uint8Array): number {
    let from = 0;
    let to = this.#pendingCount;
    while (to - from > 1) {
      const middle = (from + to) >>> 1;
      if (compareBytes(this.#pending, middle * PENDING_BYTES, STREAM_ID_BYTES, id, 0, STREAM_ID_BYTES) <= 0)
        from = middle;
      else to = middle;
    }
    return from;
  }
}
