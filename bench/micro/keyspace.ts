import type { Bench } from 'tinybench';
import { SeededRandom } from '../../src/base/random.ts';
import type { Database } from '../../src/keyspace/database.ts';
import { READ, WRITE } from '../../src/keyspace/database.ts';
import { Keyspace, UNTOLD } from '../../src/keyspace/keyspace.ts';
import { coldWord, PARTITION_COUNT, SlotTable, TAG_LIMIT } from '../../src/keyspace/slot-table.ts';
import { Arena } from '../../src/memory/arena.ts';
import { Arguments } from '../../src/resp/arguments.ts';
import { KEY_BYTES, writeKey } from '../keys.ts';
import { OPERATIONS, sink } from './base.ts';

/** Keys in each structure: more than the processor's cache holds. */
const KEY_COUNT = 1_000_000;
const VALUE_BYTES = 100;

/** Benches of src/keyspace. What they work on is made when the first of them runs. */
export function addKeyspaceBenches(bench: Bench): void {
  addSlotTable(bench);
  addDatabase(bench);
}

function addSlotTable(bench: Bench): void {
  const random = new SeededRandom(1);
  let table: SlotTable;
  const partitions = new Int32Array(KEY_COUNT);
  const tags = new Int32Array(KEY_COUNT);
  const prepare = () => {
    if (table !== undefined) return;
    table = new SlotTable(new Arena());
    for (let key = 0; key < KEY_COUNT; key++) {
      partitions[key] = random.below(PARTITION_COUNT);
      tags[key] = random.below(TAG_LIMIT);
      table.insert(partitions[key], coldWord(tags[key], 0), key);
    }
  };
  bench.add(
    'slot table: find one of a million',
    () => {
      let sum = 0;
      for (let at = 0; at < OPERATIONS; at++) {
        const key = random.below(KEY_COUNT);
        if (table.first(partitions[key], tags[key])) sum += table.word1;
      }
      sink.value = sum;
    },
    { beforeAll: prepare },
  );
  bench.add(
    'slot table: remove and insert one of a million',
    () => {
      for (let at = 0; at < OPERATIONS; at++) {
        const key = random.below(KEY_COUNT);
        table.findLocation(partitions[key], coldWord(tags[key], 0), key);
        table.remove();
        table.insert(partitions[key], coldWord(tags[key], 0), key);
      }
      sink.value = table.count;
    },
    { beforeAll: prepare },
  );
}

function addDatabase(bench: Bench): void {
  const random = new SeededRandom(2);
  const name = new Uint8Array(KEY_BYTES);
  const words = Arguments.of([Buffer.from(name.buffer)]);
  const value = new Uint8Array(VALUE_BYTES).fill(7);
  let database: Database;
  const store = (key: number): void => {
    writeKey(words.buffer, words.offsets[0], key);
    database.findWord(words, 0, WRITE);
    const entry = database.store(0, 0, VALUE_BYTES, -1);
    entry.bytes.set(value, entry.payloadOffset);
  };
  const prepare = () => {
    if (database !== undefined) return;
    database = new Keyspace(1, random, UNTOLD).databases[0];
    for (let key = 0; key < KEY_COUNT; key++) store(key);
  };
  const add = (title: string, work: (key: number) => void): void => {
    bench.add(
      `database: ${title}`,
      () => {
        for (let at = 0; at < OPERATIONS; at++) work(random.below(KEY_COUNT));
        sink.value = database.size;
      },
      { beforeAll: prepare },
    );
  };
  add('find one of a million', (key) => {
    writeKey(words.buffer, words.offsets[0], key);
    database.findWord(words, 0, READ);
  });
  add('miss beside a million', (key) => {
    writeKey(words.buffer, words.offsets[0], KEY_COUNT + key);
    database.findWord(words, 0, READ);
  });
  add('store over one of a million, 100 B', store);
  add('remove and store one of a million, 100 B', (key) => {
    writeKey(words.buffer, words.offsets[0], key);
    if (database.findWord(words, 0, WRITE)) database.remove();
    store(key);
  });
}
