import { latin1, latin1Bytes } from '../../src/base/bytes.ts';
import type { ObjectKind, ObjectSink } from '../../src/persistence/rdb/object-sink.ts';
import type { ObjectWriter } from '../../src/persistence/rdb/object-writer.ts';
import { RdbType } from '../../src/persistence/rdb/types.ts';

/** Strings have one character per byte; ids are in hexadecimal. */
export interface StreamValue {
  entries: [id: string, fields: [name: string, value: string][]][];
  lastId: string;
  maxDeletedId: string;
  entriesAdded: bigint;
  groups: StreamGroupValue[];
}

export interface StreamGroupValue {
  name: string;
  lastId: string;
  entriesRead: bigint;
  pending: [id: string, deliveryTimeMs: number, deliveryCount: bigint][];
  consumers: StreamConsumerValue[];
}

export interface StreamConsumerValue {
  name: string;
  seenTimeMs: number;
  activeTimeMs: number;
  pending: string[];
}

/** A value of a key, for comparing. */
export type Value =
  | { kind: 'string'; value: string }
  | { kind: 'list'; elements: string[] }
  | { kind: 'set'; members: string[] }
  | { kind: 'sortedSet'; members: [member: string, score: number][] }
  | { kind: 'hash'; fields: [field: string, value: string, expireAtMs: number][] }
  | { kind: 'stream'; stream: StreamValue };

function hexadecimal(id: Uint8Array): string {
  return Buffer.from(id.subarray(0, 16)).toString('hex');
}

/** A stream's id of 16 bytes, in hexadecimal. */
export function streamId(milliseconds: number | bigint, sequence: number | bigint): string {
  return [milliseconds, sequence].map((half) => BigInt(half).toString(16).padStart(16, '0')).join('');
}

/** Builds plain values of what it is told. */
export class RecordingSink implements ObjectSink {
  kind: ObjectKind = 'string';
  count = 0;
  hasEnded = false;
  #text = '';
  #elements: string[] = [];
  #scored: [string, number][] = [];
  #fields: [string, string, number][] = [];
  #stream: StreamValue = { entries: [], lastId: '', maxDeletedId: '', entriesAdded: 0n, groups: [] };

  begin(kind: ObjectKind, count: number): void {
    this.kind = kind;
    this.count = count;
    this.hasEnded = false;
    this.#text = '';
    this.#elements = [];
    this.#scored = [];
    this.#fields = [];
    this.#stream = { entries: [], lastId: '', maxDeletedId: '', entriesAdded: 0n, groups: [] };
  }

  string(bytes: Uint8Array, offset: number, length: number): void {
    this.#text += latin1(bytes, offset, length);
  }

  listElement(bytes: Uint8Array, offset: number, length: number): void {
    this.#elements.push(latin1(bytes, offset, length));
  }

  setMember(bytes: Uint8Array, offset: number, length: number): void {
    this.#elements.push(latin1(bytes, offset, length));
  }

  sortedSetMember(bytes: Uint8Array, offset: number, length: number, score: number): void {
    this.#scored.push([latin1(bytes, offset, length), score]);
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
    const field = latin1(fieldBytes, fieldOffset, fieldLength);
    this.#fields.push([field, latin1(valueBytes, valueOffset, valueLength), expireAtMs]);
  }

  streamEntry(id: Uint8Array): void {
    this.#stream.entries.push([hexadecimal(id), []]);
  }

  streamField(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
  ): void {
    const name = latin1(nameBytes, nameOffset, nameLength);
    this.#stream.entries.at(-1)?.[1].push([name, latin1(valueBytes, valueOffset, valueLength)]);
  }

  streamState(lastId: Uint8Array, maxDeletedId: Uint8Array, entriesAdded: bigint): void {
    this.#stream.lastId = hexadecimal(lastId);
    this.#stream.maxDeletedId = hexadecimal(maxDeletedId);
    this.#stream.entriesAdded = entriesAdded;
  }

  streamGroup(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    lastId: Uint8Array,
    entriesRead: bigint,
  ): void {
    const name = latin1(nameBytes, nameOffset, nameLength);
    this.#stream.groups.push({ name, lastId: hexadecimal(lastId), entriesRead, pending: [], consumers: [] });
  }

  streamPending(id: Uint8Array, deliveryTimeMs: number, deliveryCount: bigint): void {
    this.#stream.groups.at(-1)?.pending.push([hexadecimal(id), deliveryTimeMs, deliveryCount]);
  }

  streamConsumers(): void {}

  streamConsumer(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    seenTimeMs: number,
    activeTimeMs: number,
  ): void {
    const name = latin1(nameBytes, nameOffset, nameLength);
    this.#stream.groups.at(-1)?.consumers.push({ name, seenTimeMs, activeTimeMs, pending: [] });
  }

  streamConsumerPending(id: Uint8Array): void {
    this.#stream.groups.at(-1)?.consumers.at(-1)?.pending.push(hexadecimal(id));
  }

  end(): void {
    this.hasEnded = true;
  }

  /** The value that was told, whole or not. */
  get value(): Value {
    switch (this.kind) {
      case 'string':
        return { kind: 'string', value: this.#text };
      case 'list':
        return { kind: 'list', elements: this.#elements };
      case 'set':
        return { kind: 'set', members: this.#elements };
      case 'sortedSet':
        return { kind: 'sortedSet', members: this.#scored };
      case 'hash':
        return { kind: 'hash', fields: this.#fields };
      default:
        return { kind: 'stream', stream: this.#stream };
    }
  }
}

/** Writes a value as `type`; lists and streams in nodes of up to `nodeCount` elements. */
export function writeValue(objects: ObjectWriter, type: number, value: Value, nodeCount = 100): void {
  switch (value.kind) {
    case 'string': {
      objects.begin(type, 1);
      withBytes(value.value, (bytes) => objects.string(bytes, 0, bytes.length));
      break;
    }
    case 'list': {
      const nodes = chunks(value.elements, nodeCount);
      objects.begin(type, type === RdbType.LIST ? value.elements.length : nodes.length);
      for (const node of nodes) {
        if (type !== RdbType.LIST) objects.node(node.length);
        for (const element of node)
          withBytes(element, (bytes) => objects.listElement(bytes, 0, bytes.length));
      }
      break;
    }
    case 'set': {
      objects.begin(type, value.members.length);
      for (const member of value.members) {
        withBytes(member, (bytes) => objects.setMember(bytes, 0, bytes.length));
      }
      break;
    }
    case 'sortedSet': {
      objects.begin(type, value.members.length);
      for (const [member, score] of value.members) {
        withBytes(member, (bytes) => objects.sortedSetMember(bytes, 0, bytes.length, score));
      }
      break;
    }
    case 'hash': {
      const expiries = value.fields.map((field) => field[2]).filter((expireAtMs) => expireAtMs > 0);
      objects.begin(type, value.fields.length, Math.min(...expiries));
      for (const [name, text, expireAtMs] of value.fields) {
        const [field, content] = [latin1Bytes(name), latin1Bytes(text)];
        objects.hashField(field, 0, field.length, content, 0, content.length, expireAtMs);
      }
      break;
    }
    case 'stream':
      writeStream(objects, type, value.stream, nodeCount);
  }
  objects.end();
}

function writeStream(objects: ObjectWriter, type: number, stream: StreamValue, nodeCount: number): void {
  const nodes = chunks(stream.entries, nodeCount);
  objects.begin(type, nodes.length);
  for (const node of nodes) {
    objects.node(node.length);
    for (const [id, fields] of node) {
      objects.streamEntry(Buffer.from(id, 'hex'), fields.length);
      for (const [name, text] of fields) {
        const [nameBytes, value] = [latin1Bytes(name), latin1Bytes(text)];
        objects.streamField(nameBytes, 0, nameBytes.length, value, 0, value.length);
      }
    }
  }
  const { lastId, maxDeletedId, entriesAdded, groups } = stream;
  objects.streamState(
    Buffer.from(lastId, 'hex'),
    Buffer.from(maxDeletedId, 'hex'),
    entriesAdded,
    groups.length,
  );
  for (const group of groups) {
    const name = latin1Bytes(group.name);
    const id = Buffer.from(group.lastId, 'hex');
    objects.streamGroup(name, 0, name.length, id, group.entriesRead, group.pending.length);
    for (const [pending, timeMs, count] of group.pending) {
      objects.streamPending(Buffer.from(pending, 'hex'), timeMs, count);
    }
    objects.streamConsumers(group.consumers.length);
    for (const { name, seenTimeMs, activeTimeMs, pending } of group.consumers) {
      const bytes = latin1Bytes(name);
      objects.streamConsumer(bytes, 0, bytes.length, seenTimeMs, activeTimeMs, pending.length);
      for (const entry of pending) objects.streamConsumerPending(Buffer.from(entry, 'hex'));
    }
  }
}

function withBytes(text: string, take: (bytes: Uint8Array) => void): void {
  take(latin1Bytes(text));
}

function chunks<Element>(elements: readonly Element[], size: number): Element[][] {
  const found: Element[][] = [];
  for (let at = 0; at < elements.length; at += size) found.push(elements.slice(at, at + size));
  return found;
}
