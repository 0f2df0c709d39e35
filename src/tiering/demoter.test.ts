import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../base/random.ts';
import type { Database } from '../keyspace/database.ts';
import { Keyspace, UNTOLD } from '../keyspace/keyspace.ts';
import { Demoter } from './demoter.ts';

const START_MS = 1_700_000_000_000;

function keyspaceOf(count: number): Keyspace {
  const keyspace = new Keyspace(2, new SeededRandom(1), UNTOLD);
  for (let number = 0; number < count; number++) {
    const key = Buffer.from(`key:${number}`);
    keyspace.nowMs = START_MS + number * 1000;
    const database = keyspace.databases[number & 1];
    database.find(key, 0, key.length, 0);
    database.store(0, 0, 100, -1);
  }
  return keyspace;
}

/** The number in the name of the key that a database has loaded. */
function numberOf(database: Database): number {
  const { bytes, keyOffset, keyLength } = database.entry;
  return Number(Buffer.from(bytes.subarray(keyOffset + 4, keyOffset + keyLength)).toString());
}

describe('the demoter', () => {
  test('takes what was not used for longest, of all databases', () => {
    const total = 4000;
    const keyspace = keyspaceOf(total);
    const demoter = new Demoter(keyspace);
    const taken: number[] = [];
    for (let step = 0; step < 100; step++) {
      const demoted = demoter.step(false, (database) => {
        taken.push(numberOf(database));
        database.demoteTo(0, taken.length);
        return 'demoted';
      });
      expect(demoted).toBeGreaterThan(0);
    }
    expect(new Set(taken).size).toBe(taken.length);
    expect(new Set(taken.map((number) => number & 1)).size).toBe(2);
    // By chance it would be the middle.
    const mean = taken.reduce((sum, number) => sum + number, 0) / taken.length;
    expect(mean).toBeLessThan(total * 0.2);
    expect(keyspace.arena.blockCount).toBe(total - taken.length);
  });

  test('takes the least used under an LFU policy', () => {
    const keyspace = keyspaceOf(0);
    keyspace.settings.lfu = true;
    keyspace.nowMs = START_MS;
    const [database] = keyspace.databases;
    for (let number = 0; number < 1000; number++) {
      const key = Buffer.from(`key:${number}`);
      database.find(key, 0, key.length, 0);
      const entry = database.store(0, 0, 100, -1);
      if (number % 2 === 0) entry.words[entry.word + 1] |= 200;
    }
    const demoter = new Demoter(keyspace);
    const taken: number[] = [];
    for (let step = 0; step < 20; step++) {
      demoter.step(false, (candidate) => {
        taken.push(numberOf(candidate));
        candidate.demoteTo(0, taken.length);
        return 'demoted';
      });
    }
    expect(taken.length).toBeGreaterThan(100);
    expect(taken.every((number) => number % 2 === 1)).toBe(true);
  });

  test('says what it did where nothing can be demoted', () => {
    const demoter = new Demoter(keyspaceOf(100));
    expect(demoter.step(true, () => 'skipped')).toBe(0);
    let calls = 0;
    const full = () => {
      calls++;
      return 'full' as const;
    };
    expect(demoter.step(true, full)).toBe(-1);
    expect(calls).toBe(1);
    expect(new Demoter(keyspaceOf(0)).step(true, full)).toBe(0);
  });
});
