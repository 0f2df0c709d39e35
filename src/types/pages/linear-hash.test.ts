import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RESIDENCIES } from '../../../test/support/engine.ts';
import { openValue, textOf } from '../../../test/support/values.ts';
import { ElementTable } from './element-table.ts';
import { VARIABLE } from './hashed-page.ts';
import { pagesOf } from './walk.ts';

const HASH = 4;

/** A value under a key of an engine, and what is known of it. */
function open(residency: (typeof RESIDENCIES)[number], seed = 1) {
  const record = { type: HASH, encoding: 1, payloadLength: ElementTable.emptyBytes };
  const opened = openValue(new ElementTable(VARIABLE, 1), record, residency, seed);
  const { engine, database, withValue: withTable } = opened;
  return { engine, database, withTable };
}

function put(table: ElementTable, key: string, value: string, expireAt = -1): void {
  const keyBytes = Buffer.from(key, 'latin1');
  const valueBytes = Buffer.from(value, 'latin1');
  if (table.find(keyBytes, 0, keyBytes.length)) {
    table.setValue(valueBytes, 0, valueBytes.length, expireAt);
  } else {
    table.insert(keyBytes, 0, keyBytes.length, valueBytes, 0, valueBytes.length, expireAt);
  }
}

function remove(table: ElementTable, key: string): boolean {
  const bytes = Buffer.from(key, 'latin1');
  if (!table.find(bytes, 0, bytes.length)) return false;
  table.remove();
  return true;
}

function contents(table: ElementTable): Map<string, readonly [string, number]> {
  const found = new Map<string, readonly [string, number]>();
  table.rewind();
  while (table.next()) {
    const { bytes, keyOffset, keyLength, valueOffset, valueLength, expireAt } = table.page;
    const key = textOf(bytes, keyOffset, keyLength);
    expect(found.has(key)).toBe(false);
    found.set(key, [textOf(bytes, valueOffset, valueLength), expireAt]);
  }
  return found;
}

test.each(RESIDENCIES)('random changes against a map, %s', (residency) => {
  const change = fc.record({
    key: fc.nat(400),
    length: fc.oneof(fc.nat(60), fc.constant(200), fc.constant(5000)),
    expireAt: fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 2 ** 48 - 1 })),
    isRemoval: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 500 }), fc.nat(), (changes, seed) => {
      const { withTable, engine, database } = open(residency, seed + 1);
      const model = new Map<string, readonly [string, number]>();
      for (let from = 0; from < changes.length; from += 20) {
        withTable(true, (table) => {
          for (const { key, length, expireAt, isRemoval } of changes.slice(from, from + 20)) {
            const name = `field:${key}`;
            if (isRemoval) {
              expect(remove(table, name)).toBe(model.delete(name));
            } else {
              const value = `${key}`.padEnd(length, 'x');
              put(table, name, value, expireAt);
              model.set(name, [value, expireAt]);
            }
          }
          expect(table.count).toBe(model.size);
        });
        withTable(false, (table) => expect(contents(table)).toEqual(model));
      }
      withTable(true, (table) => {
        for (const name of model.keys()) expect(remove(table, name)).toBe(true);
        expect(table.count).toBe(0);
        expect(table.isPaged).toBe(false);
      });
      expect(database.pages.records.size).toBe(0);
      void engine.close();
    }),
    { numRuns: residency === 'hot' ? 40 : 6 },
  );
});

test('a scan meets what is there throughout, whatever grows and shrinks meanwhile', () => {
  const { withTable } = open('hot');
  const names = Array.from({ length: 3000 }, (_, at) => `stays:${at}`);
  withTable(true, (table) => {
    for (const name of names) put(table, name, 'value');
  });
  const seen = new Set<string>();
  let position = 0;
  let parts = 0;
  do {
    position = withTable(false, (table) => {
      const next = table.scan(position);
      while (table.page.next())
        seen.add(textOf(table.page.bytes, table.page.keyOffset, table.page.keyLength));
      return next;
    });
    withTable(true, (table) => {
      for (let at = 0; at < 40; at++) {
        if (parts % 100 < 50) put(table, `comes:${parts}:${at}`, 'value'.repeat(8));
        else remove(table, `comes:${parts - 50}:${at}`);
      }
    });
    parts++;
  } while (position !== 0);
  expect(parts).toBeGreaterThan(30);
  for (const name of names) expect(seen.has(name)).toBe(true);
});

test('random elements are chosen uniformly', () => {
  const { engine, withTable } = open('hot');
  withTable(true, (table) => {
    for (let at = 0; at < 1000; at++) put(table, `member:${at}`, '');
  });
  const counts = new Map<string, number>();
  withTable(false, (table) => {
    for (let draw = 0; draw < 50_000; draw++) {
      table.seekRandom((limit) => engine.random.below(limit));
      const key = textOf(table.page.bytes, table.page.keyOffset, table.page.keyLength);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  });
  expect(counts.size).toBe(1000);
  // Each of 1,000 comes 50 times: chi-square of 999 degrees of freedom, which exceeds 1,150 once in a thousand times.
  let sum = 0;
  for (const count of counts.values()) sum += (count - 50) ** 2 / 50;
  expect(sum).toBeLessThan(1150);
});

test('pages are as full as growing and shrinking allow, and go with the value', () => {
  const { engine, database, withTable } = open('hot');
  withTable(true, (table) => {
    for (let at = 0; at < 20_000; at++) put(table, `field:${at}`, `value:${at}`);
  });
  const { size } = database.pages.records;
  expect(size).toBeGreaterThan(600);
  expect(size).toBeLessThan(1200);
  const { entry } = database;
  const head = entry.bytes.slice(entry.payloadOffset, entry.payloadOffset + entry.payloadLength);
  expect([...pagesOf(head, database.pages)]).toHaveLength(size);
  const key = Buffer.from('key');
  database.find(key, 0, key.length, 0);
  database.remove();
  while (engine.pendingFreeCount > 0) engine.cron();
  expect(database.pages.records.size).toBe(0);
  expect(engine.keyspace.arena.usedBytes).toBe(0);
});
