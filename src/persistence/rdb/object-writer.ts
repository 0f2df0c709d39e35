import { assert } from '../../base/assert.ts';
import { latin1Bytes } from '../../base/bytes.ts';
import { formatDouble, parseInteger64 } from '../../base/numbers.ts';
import { encodeIntset } from './intset.ts';
import { ListpackBuilder } from './listpack.ts';
import { StreamNodeBuilder } from './stream-node-builder.ts';
import { NodeContainer, RdbType } from './types.ts';
import type { RdbWriter } from './writer.ts';

/** A list element above this in a node of its own is stored plain, outside of a listpack (SIZE_SAFETY_LIMIT). */
const PACKED_ELEMENT_BYTES_MAX = 8192;

/**
 * Writes a value piece by piece, in the order in which an ObjectSink is told one (rdbSaveObject in rdb.c). The caller
 * chooses the type among those that {@link begin} lists, and announces what comes; nothing but a packed structure, a
 * node, or an entry is held. The type byte itself is not written: in a file the key stands between it and the value.
 */
export class ObjectWriter {
  readonly #writer: RdbWriter;
  readonly #listpack = new ListpackBuilder();
  readonly #node: StreamNodeBuilder;
  readonly #firstId = new Uint8Array(16);
  #type: number = RdbType.STRING;
  /** Elements, or nodes, that are still to come. */
  #left = 0;
  /** Elements of a list's node, or entries of a stream's, that are still to come. */
  #nodeLeft = 0;
  #nodeSize = 0;
  #soonestExpiryMs = 0;
  #integers = new BigInt64Array(0);
  #entryCount = 0;

  constructor(writer: RdbWriter) {
    this.#writer = writer;
    this.#node = new StreamNodeBuilder(this.#listpack);
  }

  /**
   * Begins a value. `count` is the number of
   *
   * - elements for STRING (1), LIST, SET, SET_INTSET (integers in any order), SET_LISTPACK, ZSET_2 and ZSET_LISTPACK
   *   (members in order of score and bytes);
   * - fields for HASH, HASH_LISTPACK, and HASH_METADATA, where fields may expire, the first of them at
   *   `soonestExpiryMs`;
   * - nodes for LIST_QUICKLIST_2, STREAM_LISTPACKS_2 and STREAM_LISTPACKS_3.
   *
   * A packed structure has to stay below 1 GiB.
   */
  begin(type: number, count: number, soonestExpiryMs = 0): void {
    this.#type = type;
    this.#left = count;
    this.#nodeLeft = 0;
    switch (type) {
      case RdbType.STRING:
        break;
      case RdbType.LIST:
      case RdbType.SET:
      case RdbType.ZSET_2:
      case RdbType.HASH:
      case RdbType.LIST_QUICKLIST_2:
        this.#writer.writeLength(count);
        break;
      case RdbType.HASH_METADATA:
        this.#soonestExpiryMs = soonestExpiryMs;
        this.#writer.writeMilliseconds(soonestExpiryMs);
        this.#writer.writeLength(count);
        break;
      case RdbType.SET_INTSET:
        this.#integers = new BigInt64Array(count);
        break;
      case RdbType.SET_LISTPACK:
      case RdbType.ZSET_LISTPACK:
      case RdbType.HASH_LISTPACK:
        this.#listpack.reset();
        break;
      case RdbType.STREAM_LISTPACKS_2:
      case RdbType.STREAM_LISTPACKS_3:
        this.#entryCount = 0;
        this.#firstId.fill(0);
        this.#writer.writeLength(count);
        break;
      default:
        assert(false, `No value of RDB type ${type} is written`);
    }
  }

  string(bytes: Uint8Array, offset: number, length: number): void {
    this.#left--;
    this.#writer.writeString(bytes, offset, length);
  }

  /** Writes the length of a STRING that {@link stringPart} then writes in parts, never compressed. */
  stringLength(length: number): void {
    this.#left--;
    this.#writer.writeLength(length);
  }

  stringPart(bytes: Uint8Array, offset: number, length: number): void {
    this.#writer.writeBytes(bytes, offset, length);
  }

  /**
   * Begins a node of a LIST_QUICKLIST_2 with so many elements, or of a stream with so many entries. A list element above
   * 8 KiB should have a node of its own.
   */
  node(count: number): void {
    assert(this.#nodeLeft === 0 && count > 0, 'A node begins in another, or is empty');
    this.#left--;
    this.#nodeLeft = count;
    this.#nodeSize = count;
    this.#listpack.reset();
  }

  listElement(bytes: Uint8Array, offset: number, length: number): void {
    const writer = this.#writer;
    if (this.#type === RdbType.LIST) {
      this.#left--;
      writer.writeString(bytes, offset, length);
      return;
    }
    this.#nodeLeft--;
    if (this.#nodeSize === 1 && length > PACKED_ELEMENT_BYTES_MAX) {
      writer.writeLength(NodeContainer.PLAIN);
      writer.writeString(bytes, offset, length);
      return;
    }
    this.#listpack.append(bytes, offset, length);
    if (this.#nodeLeft === 0) {
      writer.writeLength(NodeContainer.PACKED);
      this.#writeListpack();
    }
  }

  setMember(bytes: Uint8Array, offset: number, length: number): void {
    this.#left--;
    if (this.#type === RdbType.SET) {
      this.#writer.writeString(bytes, offset, length);
    } else if (this.#type === RdbType.SET_LISTPACK) {
      this.#listpack.append(bytes, offset, length);
    } else {
      const integer = parseInteger64(bytes, offset, length);
      assert(integer !== undefined, 'A member of an intset is no integer');
      this.#integers[this.#left] = integer;
    }
  }

  sortedSetMember(bytes: Uint8Array, offset: number, length: number, score: number): void {
    this.#left--;
    if (this.#type === RdbType.ZSET_2) {
      this.#writer.writeString(bytes, offset, length);
      this.#writer.writeDouble(score);
      return;
    }
    this.#listpack.append(bytes, offset, length);
    if (Number.isSafeInteger(score) && !Object.is(score, -0)) {
      this.#listpack.appendInteger(score);
    } else {
      const text = latin1Bytes(formatDouble(score));
      this.#listpack.append(text, 0, text.length);
    }
  }

  /** `expireAtMs` is 0 for none, and is not before the soonest one that was announced. */
  hashField(
    fieldBytes: Uint8Array,
    fieldOffset: number,
    fieldLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
    expireAtMs = 0,
  ): void {
    const writer = this.#writer;
    this.#left--;
    if (this.#type === RdbType.HASH_LISTPACK) {
      this.#listpack.append(fieldBytes, fieldOffset, fieldLength);
      this.#listpack.append(valueBytes, valueOffset, valueLength);
      return;
    }
    if (this.#type === RdbType.HASH_METADATA) {
      assert(expireAtMs === 0 || expireAtMs >= this.#soonestExpiryMs, 'A field expires before the soonest');
      writer.writeLength(expireAtMs === 0 ? 0 : expireAtMs - this.#soonestExpiryMs + 1);
    }
    writer.writeString(fieldBytes, fieldOffset, fieldLength);
    writer.writeString(valueBytes, valueOffset, valueLength);
  }

  /** Begins an entry of the node, whose id is above the one before; so many fields follow. */
  streamEntry(id: Uint8Array, fieldCount: number): void {
    if (this.#entryCount === 0) this.#firstId.set(id.subarray(0, 16));
    this.#entryCount++;
    this.#node.beginEntry(id, fieldCount);
    if (fieldCount === 0) this.#endEntry();
  }

  streamField(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
  ): void {
    this.#node.addField(nameBytes, nameOffset, nameLength, valueBytes, valueOffset, valueLength);
    if (this.#node.fieldsLeft === 0) this.#endEntry();
  }

  /** Follows the entries. */
  streamState(lastId: Uint8Array, maxDeletedId: Uint8Array, entriesAdded: bigint, groupCount: number): void {
    const writer = this.#writer;
    writer.writeLength(this.#entryCount);
    writer.writeStreamId(lastId);
    writer.writeStreamId(this.#firstId);
    writer.writeStreamId(maxDeletedId);
    writer.writeLength64(entriesAdded);
    writer.writeLength(groupCount);
  }

  streamGroup(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    lastId: Uint8Array,
    entriesRead: bigint,
    pendingCount: number,
  ): void {
    this.#writer.writeString(nameBytes, nameOffset, nameLength);
    this.#writer.writeStreamId(lastId);
    this.#writer.writeLength64(entriesRead);
    this.#writer.writeLength(pendingCount);
  }

  streamPending(id: Uint8Array, deliveryTimeMs: number, deliveryCount: bigint): void {
    this.#writer.writeBytes(id, 0, 16);
    this.#writer.writeMilliseconds(deliveryTimeMs);
    this.#writer.writeLength64(deliveryCount);
  }

  streamConsumers(count: number): void {
    this.#writer.writeLength(count);
  }

  /** The active time is written in STREAM_LISTPACKS_3 only. */
  streamConsumer(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    seenTimeMs: number,
    activeTimeMs: number,
    pendingCount: number,
  ): void {
    this.#writer.writeString(nameBytes, nameOffset, nameLength);
    this.#writer.writeMilliseconds(seenTimeMs);
    if (this.#type === RdbType.STREAM_LISTPACKS_3) this.#writer.writeMilliseconds(activeTimeMs);
    this.#writer.writeLength(pendingCount);
  }

  streamConsumerPending(id: Uint8Array): void {
    this.#writer.writeBytes(id, 0, 16);
  }

  /** Ends the value. */
  end(): void {
    assert(this.#left === 0 && this.#nodeLeft === 0, 'A value has not the size that was announced');
    if (this.#type === RdbType.SET_INTSET) {
      const intset = encodeIntset(this.#integers);
      this.#writer.writeString(intset, 0, intset.length);
    } else if (
      this.#type === RdbType.SET_LISTPACK ||
      this.#type === RdbType.ZSET_LISTPACK ||
      this.#type === RdbType.HASH_LISTPACK
    ) {
      this.#writeListpack();
    }
  }

  #endEntry(): void {
    this.#node.endEntry(this.#nodeSize);
    if (--this.#nodeLeft > 0) return;
    this.#writer.writeString(this.#node.id, 0, 16);
    this.#writeListpack();
  }

  #writeListpack(): void {
    this.#listpack.finish();
    this.#writer.writeString(this.#listpack.bytes, 0, this.#listpack.length);
  }
}
