import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../base/random.ts';
import type { Database } from '../keyspace/database.ts';
import { Keyspace, UNTOLD } from '../keyspace/keyspace.ts';
import { TOUCH } from '../keyspace/look-up.ts';
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
  test('takes what was not used since the hand passed, of all databases', () => {
    const total = 4000;
    const keyspace = keyspaceOf(total);
    for (let number = 0; number < total; number += 4) {
      const key = Buffer.from(`key:${number}`);
      keyspace.databases[number & 1].find(key, 0, key.length, TOUCH);
    }
    const demoter = new Demoter(keyspace);
    const taken: number[] = [];
    while (taken.length < total / 2) {
      const moved = demoter.step(false, (database) => {
        taken.push(numberOf(database));
        database.demoteTo(0, taken.length);
        return 'demoted';
      });
      expect(moved).toBeGreaterThan(0);
    }
    expect(new Set(taken).size).toBe(taken.length);
    expect(new Set(taken.map((number) => number & 1)).size).toBe(2);
    expect(taken.every((number) => number % 4 !== 0)).toBe(true);
    expect(keyspace.arena.blockCount).toBe(total - taken.length);
  });

  test('takes the references of what it leaves, and then that too', () => {
    const keyspace = keyspaceOf(20);
    const key = Buffer.from('key:7');
    for (let use = 0; use < 2; use++) keyspace.databases[1].find(key, 0, key.length, TOUCH);
    const demoter = new Demoter(keyspace);
    const taken: number[] = [];
    const demote = (database: Database) => {
      taken.push(numberOf(database));
      database.demoteTo(0, taken.length);
      return 'demoted' as const;
    };
    expect(demoter.step(false, demote)).toBe(20);
    expect(taken).toHaveLength(19);
    expect([demoter.step(false, demote), taken.length]).toEqual([1, 19]);
    expect([demoter.step(false, demote), taken.at(-1)]).toEqual([1, 7]);
    expect(demoter.step(false, demote)).toBe(0);
  });

  test('under pressure takes what has references where there is nothing else', () => {
    const keyspace = keyspaceOf(20);
    for (let number = 0; number < 20; number++) {
      const key = Buffer.from(`key:${number}`);
      keyspace.databases[number & 1].find(key, 0, key.length, TOUCH);
    }
    let taken = 0;
    const moved = new Demoter(keyspace).step(true, (database) => {
      database.demoteTo(0, ++taken);
      return 'demoted';
    });
    expect([moved, taken]).toEqual([40, 20]);
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
