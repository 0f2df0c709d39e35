import { describe, expect, test } from 'vitest';
import { ManualClock } from '../base/clock.ts';
import { SeededRandom } from '../base/random.ts';
import type { Database } from './database.ts';
import { ExpiryCycle } from './expiry-cycle.ts';
import { Keyspace, UNTOLD } from './keyspace.ts';
import { TYPE_STRING } from './record.ts';

const START_MS = 1_700_000_000_123;

function make() {
  const keyspace = new Keyspace(2, new SeededRandom(3), UNTOLD);
  keyspace.nowMs = START_MS;
  return { keyspace, database: keyspace.databases[1] };
}

function find(database: Database, key: string): boolean {
  return database.find(Buffer.from(key), 0, key.length, 0);
}

function set(database: Database, key: string, expireAt: number): void {
  find(database, key);
  database.store(TYPE_STRING, 0, 1, expireAt);
}

describe('ExpiryCycle', () => {
  test('removes what expired and nothing else, however the keys came to their times', () => {
    const { keyspace, database } = make();
    const cycle = new ExpiryCycle(keyspace, new ManualClock(0));
    const random = new SeededRandom(8);
    const expiries = new Map<string, number>();
    for (let round = 0; round < 60; round++) {
      for (let at = 0; at < 200; at++) {
        const name = `k${random.below(3000)}`;
        const kind = random.below(4);
        const expireAt = kind === 0 ? -1 : keyspace.nowMs + 1 + random.below(20_000);
        if (kind === 3 && find(database, name)) database.setExpiry(expireAt);
        else set(database, name, expireAt);
        expiries.set(name, expireAt);
        if (random.below(5) === 0 && find(database, name)) {
          database.remove();
          expiries.delete(name);
        }
      }
      keyspace.nowMs += random.below(3000);
      expect(cycle.run(1)).toBe(true);
      for (const [name, at] of expiries) if (at >= 0 && at <= keyspace.nowMs) expiries.delete(name);
      expect(database.size).toBe(expiries.size);
      expect(database.expiringCount).toBe([...expiries.values()].filter((at) => at >= 0).length);
    }
    for (const name of expiries.keys()) expect(find(database, name)).toBe(true);
  });

  test('stops when its time is up, counts that, and goes on from there', () => {
    const { keyspace, database } = make();
    const clock = new ManualClock(0);
    const cycle = new ExpiryCycle(keyspace, {
      ...clock,
      monotonicUs: () => clock.nowMs++ * 1000,
      wallMs: () => 0,
    });
    for (let at = 0; at < 4000; at++) set(database, `k${at}`, START_MS + 1);
    keyspace.nowMs += 2000;
    expect(cycle.run(5000)).toBe(false);
    const left = database.size;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(4000);
    expect(keyspace.statistics.expiredTimeCapReached).toBe(1);
    for (let run = 0; run < 4000 && !cycle.run(5000); run++);
    cycle.run(Number.POSITIVE_INFINITY);
    expect(database.size).toBe(0);
    expect(keyspace.statistics.expiredKeys).toBe(4000);
  });
});
