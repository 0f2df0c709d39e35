import type { Bench } from 'tinybench';
import { Entry } from '../../src/keyspace/record.ts';
import { ColdRecordReader, ColdRecordWriter } from '../../src/tiering/cold-record.ts';
import { KEY_BYTES, writeKey } from '../keys.ts';
import { OPERATIONS, sink } from './base.ts';

/** Benches of src/tiering. */
export function addTieringBenches(bench: Bench): void {
  for (const size of [100, 1000, 4000]) {
    addColdRecord(bench, `${size} B`, noise(size));
  }
  addColdRecord(bench, '4000 B, compressible', Buffer.from('compressible '.repeat(308).slice(0, 4000)));
}

function addColdRecord(bench: Bench, title: string, value: Uint8Array): void {
  const entry = entryOf(value);
  const writer = new ColdRecordWriter();
  bench.add(`cold record: encode, ${title}`, () => {
    for (let at = 0; at < OPERATIONS; at++) writer.encode(entry, 1, true);
    sink.value = writer.length;
  });
  const stored = new ColdRecordWriter();
  stored.encode(entry, 1, true);
  const { bytes, length } = stored;
  const reader = new ColdRecordReader();
  const found = new Entry();
  bench.add(`cold record: decode, ${title}`, () => {
    for (let at = 0; at < OPERATIONS; at++) {
      reader.measure(bytes, 0, length, found);
      reader.verify(bytes, 0, found);
    }
    sink.value = found.payloadLength;
  });
}

function entryOf(value: Uint8Array): Entry {
  const entry = new Entry();
  entry.bytes = new Uint8Array(KEY_BYTES + value.length);
  writeKey(entry.bytes, 0, 7919);
  entry.bytes.set(value, KEY_BYTES);
  entry.keyOffset = 0;
  entry.keyLength = KEY_BYTES;
  entry.payloadOffset = KEY_BYTES;
  entry.payloadLength = value.length;
  return entry;
}

/** Bytes that can't be compressed. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state, 1103515245) + 12345;
    return state >>> 16;
  });
}
