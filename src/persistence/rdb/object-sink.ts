/** The families of values. */
export type ObjectKind = 'string' | 'list' | 'set' | 'sortedSet' | 'hash' | 'stream';

/**
 * Takes a value piece by piece as it is read. Byte ranges and ids are lent for the call. Elements come in the order in
 * which they were stored: a list's from its head; a sorted set's by score, up or down, or in no order; a stream's
 * entries by id, ascending. Nobody looks for duplicates but the sink.
 *
 * What was told so far may turn out to be of a corrupt value: then the read throws, and the sink drops what it built.
 * A sink that finds its own reason to refuse throws RdbError too.
 */
export interface ObjectSink {
  /**
   * The first call. `count` is how many elements (a string's bytes, a hash's pairs, a stream's nodes) are declared, never
   * more than the bytes that are left can hold, where that is known; -1 if nothing is declared.
   */
  begin(kind: ObjectKind, count: number): void;
  /** The next part of a string: one call for the whole, unless it is long and comes from a file; none if it is empty. */
  string(bytes: Uint8Array, offset: number, length: number): void;
  listElement(bytes: Uint8Array, offset: number, length: number): void;
  setMember(bytes: Uint8Array, offset: number, length: number): void;
  /** The score is never NaN. */
  sortedSetMember(bytes: Uint8Array, offset: number, length: number, score: number): void;
  /** `expireAtMs` is 0 for a field that does not expire. */
  hashField(
    fieldBytes: Uint8Array,
    fieldOffset: number,
    fieldLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
    expireAtMs: number,
  ): void;
  /** An entry that was not deleted; `fieldCount` calls of {@link streamField} follow. Ids have 16 bytes, big-endian. */
  streamEntry(id: Uint8Array, fieldCount: number): void;
  streamField(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
  ): void;
  /** Follows the entries; `groupCount` groups come after it. */
  streamState(lastId: Uint8Array, maxDeletedId: Uint8Array, entriesAdded: bigint, groupCount: number): void;
  /** `entriesRead` is -1 if it is not known. `pendingCount` calls of {@link streamPending} follow. */
  streamGroup(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    lastId: Uint8Array,
    entriesRead: bigint,
    pendingCount: number,
  ): void;
  /** An entry pending in the group; its consumer names it later. */
  streamPending(id: Uint8Array, deliveryTimeMs: number, deliveryCount: bigint): void;
  /** Follows a group's pending entries; so many consumers come. */
  streamConsumers(count: number): void;
  /** `activeTimeMs` is -1 if it never got an entry. `pendingCount` calls of {@link streamConsumerPending} follow. */
  streamConsumer(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    seenTimeMs: number,
    activeTimeMs: number,
    pendingCount: number,
  ): void;
  /** An entry that the consumer owns. Whether the group has it pending is for the sink to check. */
  streamConsumerPending(id: Uint8Array): void;
  /** The last call, when the whole value has been verified. */
  end(): void;
}

/** Takes a value and forgets it. */
export const IGNORING_SINK: ObjectSink = {
  begin() {},
  string() {},
  listElement() {},
  setMember() {},
  sortedSetMember() {},
  hashField() {},
  streamEntry() {},
  streamField() {},
  streamState() {},
  streamGroup() {},
  streamPending() {},
  streamConsumers() {},
  streamConsumer() {},
  streamConsumerPending() {},
  end() {},
};
