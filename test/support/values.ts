import { expect } from 'vitest';
import type { Database } from '../../src/keyspace/database.ts';
import type { ValueStore } from '../../src/types/pages/record-store.ts';
import { createEngine, type Residency, type TestEngine } from './engine.ts';

const NAME = Buffer.from('key');

/** A structure of a type, of which one object serves one value after another. */
interface OpenedValue {
  open(store: ValueStore, isForWriting: boolean): void;
  save(): void;
}

/** A value under a key of an engine, and a way to open it as commands do. */
export interface ValueUnderTest<Value> {
  readonly engine: TestEngine;
  readonly database: Database;
  readonly value: Value;
  /** Looks the value up: the database tells of its record then. */
  find(): void;
  /** Opens the value, lets `use` act, saves it if it is for writing, and moves records as the residency says. */
  withValue<Result>(isForWriting: boolean, use: (value: Value) => Result): Result;
}

/** Stores a payload of `payloadLength` zeros under a key of a new engine, as a record of a type and an encoding. */
export function openValue<Value extends OpenedValue>(
  value: Value,
  record: { readonly type: number; readonly encoding: number; readonly payloadLength: number },
  residency: Residency,
  seed: number,
): ValueUnderTest<Value> {
  const engine = createEngine({ residency, seed });
  const [database] = engine.keyspace.databases;
  database.find(NAME, 0, NAME.length, 0);
  const { bytes, payloadOffset } = database.store(record.type, record.encoding, record.payloadLength, -1);
  bytes.fill(0, payloadOffset, payloadOffset + record.payloadLength);
  const find = (): void => {
    expect(database.find(NAME, 0, NAME.length, 0)).toBe(true);
  };
  return {
    engine,
    database,
    value,
    find,
    withValue(isForWriting, use) {
      find();
      value.open(database, isForWriting);
      const result = use(value);
      if (isForWriting) value.save();
      engine.settle();
      return result;
    },
  };
}

/** A range of bytes as text, a character for each. */
export function textOf(bytes: Uint8Array, offset: number, length: number): string {
  return Buffer.from(bytes.subarray(offset, offset + length)).toString('latin1');
}
