import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemFiles } from '../../base/files.ts';
import { SeededRandom } from '../../base/random.ts';
import { Keyspace, UNTOLD } from '../../keyspace/keyspace.ts';
import { coldWord, PARTITION_COUNT, type SlotTable } from '../../keyspace/slot-table.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { IndexBaseWriter, loadIndex, type SavedBase } from './index-base.ts';
import { ADDED, PlaceLog, readPlaceLog, type SavedLog } from './place-log.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thermocline-index-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function newKeyspace(): Keyspace {
  return new Keyspace(2, new SeededRandom(1), UNTOLD);
}

/** The slots of a table, by partition and in order. */
function slotsOf(table: SlotTable): string[] {
  const found: string[] = [];
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const slots = new Int32Array(table.partitionCount(partition) * 2);
    table.copyPartition(partition, slots);
    for (let at = 0; at < slots.length; at += 2) found.push(`${partition} ${slots[at]} ${slots[at + 1]}`);
  }
  return found.sort();
}

function load(base: SavedBase | null, logs: readonly SavedLog[], ids: readonly number[]): Keyspace {
  const keyspace = newKeyspace();
  const tables = new Map(ids.map((id, at) => [id, keyspace.databases[at].table]));
  const operations = logs.map((log) => readPlaceLog(systemFiles, folder, log));
  Array.from(loadIndex(systemFiles, folder, base, operations, tables));
  return keyspace;
}

/** Adds and takes slots at random, and logs it. */
class Churn {
  readonly #random: SeededRandom;
  readonly #slots: (readonly [partition: number, word0: number, word1: number])[] = [];
  #next = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  step(id: number, table: SlotTable, log: PlaceLog | null): void {
    const random = this.#random;
    if (this.#slots.length > 0 && random.below(5) < 2) {
      const [[partition, word0, word1]] = this.#slots.splice(random.below(this.#slots.length), 1);
      expect(table.findLocation(partition, word0, word1)).toBe(true);
      table.remove();
      log?.add(id, partition, word0, word1, false);
      return;
    }
    const partition = random.below(40);
    const slot = [partition, coldWord(random.below(1 << 23), 5), this.#next++] as const;
    this.#slots.push(slot);
    table.insert(...slot);
    log?.add(id, partition | ADDED, slot[1], slot[2], false);
  }
}

describe('a base and its log', () => {
  test('give the index of the end, however it changed while the base was written', () => {
    const keyspace = newKeyspace();
    const [first, second] = keyspace.databases;
    const churn = new Churn(1);
    const other = new Churn(2);
    for (let left = 5000; left > 0; left--) churn.step(first.id, first.table, null);
    const log = new PlaceLog(systemFiles, folder, 'places');
    const writer = new IndexBaseWriter(systemFiles, folder, 'index', keyspace);
    // The second database is not in the base at all.
    while (writer.step(log.count)) {
      churn.step(first.id, first.table, log);
      other.step(second.id, second.table, log);
    }
    const base = writer.end();
    for (let left = 3000; left > 0; left--) churn.step(first.id, first.table, log);
    const saved = log.save();
    for (let left = 300; left > 0; left--) churn.step(first.id, first.table, log);
    const expected = slotsOf(second.table);
    const loaded = load(base, [saved], [first.id, second.id]);
    expect(slotsOf(loaded.databases[1].table)).toEqual(expected);
    const whole = load(base, [log.save()], [first.id, second.id]);
    expect(slotsOf(whole.databases[0].table)).toEqual(slotsOf(first.table));
    expect(whole.databases[0].table.count).toBe(first.table.count);
    log.close();
    writer.close();
  });

  test('several logs go on one from the other', () => {
    const keyspace = newKeyspace();
    const [first] = keyspace.databases;
    const churn = new Churn(3);
    const logs: SavedLog[] = [];
    for (let at = 0; at < 3; at++) {
      const log = new PlaceLog(systemFiles, folder, `places-${at}`);
      for (let left = 6000; left > 0; left--) churn.step(first.id, first.table, log);
      logs.push(log.save());
      log.close();
    }
    expect(slotsOf(load(null, logs, [first.id]).databases[0].table)).toEqual(slotsOf(first.table));
  });

  test('what is damaged or cut off is an error', () => {
    const keyspace = newKeyspace();
    const [first] = keyspace.databases;
    const churn = new Churn(4);
    for (let left = 500; left > 0; left--) churn.step(first.id, first.table, null);
    const log = new PlaceLog(systemFiles, folder, 'places');
    const writer = new IndexBaseWriter(systemFiles, folder, 'index', keyspace);
    while (writer.step(0));
    const base = writer.end();
    for (let left = 200; left > 0; left--) churn.step(first.id, first.table, log);
    const saved = log.save();
    const random = new SeededRandom(9);
    for (const name of ['index', 'places']) {
      const path = join(folder, name);
      const bytes = readFileSync(path);
      for (let round = 0; round < 60; round++) {
        const damaged = Buffer.from(bytes);
        damaged[random.below(bytes.length)] ^= 1 << random.below(8);
        writeFileSync(path, damaged);
        expect(() => load(base, [saved], [first.id])).toThrow(CheckpointError);
      }
      writeFileSync(path, bytes.subarray(0, bytes.length - 1));
      expect(() => load(base, [saved], [first.id])).toThrow(CheckpointError);
      writeFileSync(path, bytes);
    }
    expect(slotsOf(load(base, [saved], [first.id]).databases[0].table)).toEqual(slotsOf(first.table));
    log.close();
    writer.close();
  });
});

describe('the log of places', () => {
  const operationsOf = (saved: SavedLog) => Array.from(readPlaceLog(systemFiles, folder, saved));

  test('what comes after a cut follows what belongs to it', () => {
    const log = new PlaceLog(systemFiles, folder, 'places');
    log.add(1, 1, 10, 100, false);
    log.openCut();
    log.add(1, 2, 20, 200, false);
    log.add(1, 3 | ADDED, 30, 300, true);
    const cut = log.closeCut();
    log.add(1, 4, 40, 400, false);
    expect(operationsOf(cut)).toEqual([1, 1, 10, 100, 1, 3 | ADDED, 30, 300]);
    expect(operationsOf(log.save())).toEqual([...operationsOf(cut), ...[1, 2, 20, 200], ...[1, 4, 40, 400]]);
    log.close();
  });

  test('the format is that of version 1', () => {
    const log = new PlaceLog(systemFiles, folder, 'places');
    log.add(1, 4095 | ADDED, 0x12345180, -2, false);
    const { bytes, count } = log.save();
    log.close();
    expect({ bytes, count }).toEqual({ bytes: 32, count: 1 });
    const crc = readFileSync(join(folder, 'places')).subarray(12, 16).toString('hex');
    expect(readFileSync(join(folder, 'places')).toString('hex')).toBe(
      `54504c4701000000${'01000000'}${crc}01000000ff1f000080513412feffffff`,
    );
  });
});

test('the format of the base is that of version 1', () => {
  const keyspace = newKeyspace();
  const [{ table, id }] = keyspace.databases;
  table.insert(7, coldWord(3, 1), 42);
  const writer = new IndexBaseWriter(systemFiles, folder, 'index', keyspace);
  while (writer.step(2 ** 32 + 5));
  const { bytes } = writer.end();
  writer.close();
  // A section of 24 bytes for each partition, and one slot.
  expect(bytes).toBe(8 + PARTITION_COUNT * 24 + 8);
  const words = new Int32Array(readFileSync(join(folder, 'index')).buffer.slice(0, bytes));
  expect(Buffer.from(words.buffer, 0, 8).toString('hex')).toBe('5450494201000000');
  const section = 2 + 7 * 6;
  expect(Array.from(words.subarray(section, section + 5))).toEqual([id, 7, 5, 1, 1]);
  expect(Array.from(words.subarray(section + 6, section + 8))).toEqual([coldWord(3, 1), 42]);
});
