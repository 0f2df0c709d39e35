import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RESIDENCIES } from '../../../test/support/engine.ts';
import { openValue, textOf } from '../../../test/support/values.ts';
import { earliestFieldExpiry, FIELDS_EXPIRE } from './encoding.ts';
import { HashValue } from './hash.ts';

const TYPE_HASH = 4;

/** A hash under a key of an engine. */
function open(residency: (typeof RESIDENCIES)[number], seed: number) {
  const record = { type: TYPE_HASH, encoding: 0, payloadLength: HashValue.emptyBytes };
  const opened = openValue(new HashValue(), record, residency, seed);
  const { engine, database, withValue: withHash } = opened;
  const earliest = () => {
    opened.find();
    const { encoding, bytes, payloadOffset, payloadLength } = database.entry;
    return earliestFieldExpiry(encoding, bytes, payloadOffset, payloadLength);
  };
  return { engine, database, withHash, earliest };
}

type Model = Map<string, { value: string; expireAt: number }>;

function contents(hash: HashValue): Model {
  const found: Model = new Map();
  hash.rewind();
  while (hash.next()) {
    const { bytes, keyOffset, keyLength, valueOffset, valueLength, expireAt } = hash.page;
    const value = textOf(bytes, valueOffset, valueLength);
    found.set(textOf(bytes, keyOffset, keyLength), { value, expireAt });
  }
  return found;
}

function earliestOf(model: Model): number {
  const times = [...model.values()].map(({ expireAt }) => expireAt).filter((expireAt) => expireAt >= 0);
  return times.length === 0 ? -1 : Math.min(...times);
}

test.each(RESIDENCIES)(
  'random changes, expiries and removals of what is due against a map, %s',
  (residency) => {
    const change = fc.record({
      kind: fc.constantFrom('set', 'set', 'set', 'expire', 'expire', 'remove', 'due'),
      field: fc.nat(300),
      length: fc.oneof(fc.nat(40), fc.constant(300), fc.constant(5000)),
      // Few times, so that many fields share one.
      expireAt: fc.oneof(
        fc.constant(-1),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 2 ** 46 }),
      ),
      most: fc.oneof(fc.constant(1000), fc.integer({ min: 1, max: 5 })),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 600 }), fc.nat(), (changes, seed) => {
        const { withHash, earliest, database } = open(residency, seed + 1);
        const model: Model = new Map();
        for (let from = 0; from < changes.length; from += 15) {
          withHash(true, (hash) => {
            for (const { kind, field, length, expireAt, most } of changes.slice(from, from + 15)) {
              const name = Buffer.from(`field:${field}`);
              if (kind === 'due') {
                const names: Uint8Array[] = [];
                const due = [...model].filter(([, { expireAt: at }]) => at >= 0 && at <= 15).length;
                const isMore = hash.removeExpired(15, most, names);
                expect(names.length).toBe(Math.min(due, most));
                expect(isMore || due === names.length).toBe(true);
                for (const removed of names) {
                  const key = Buffer.from(removed).toString();
                  const at = model.get(key)?.expireAt ?? -1;
                  expect(at >= 0 && at <= 15).toBe(true);
                  model.delete(key);
                }
                continue;
              }
              const isThere = hash.find(name, 0, name.length);
              expect(isThere).toBe(model.has(name.toString()));
              const known = model.get(name.toString());
              if (kind === 'remove') {
                if (isThere) hash.remove();
                model.delete(name.toString());
              } else if (kind === 'expire') {
                if (isThere) hash.setExpiry(expireAt);
                if (known !== undefined) known.expireAt = expireAt;
              } else {
                const value = Buffer.alloc(length, 65 + (field % 26));
                if (isThere) hash.setValue(value, 0, length, expireAt);
                else hash.insert(name, 0, name.length, value, 0, length, expireAt);
                model.set(name.toString(), { value: value.toString(), expireAt });
              }
            }
          });
          expect(earliest()).toBe(earliestOf(model));
          withHash(false, (hash) => {
            expect(hash.count).toBe(model.size);
            expect((hash.encoding & FIELDS_EXPIRE) !== 0).toBe(earliestOf(model) >= 0);
          });
          expect(database.fieldExpiringCount).toBe(earliestOf(model) >= 0 ? 1 : 0);
        }
        expect(withHash(false, contents)).toEqual(model);
        // All pages go with the value.
        const names: Uint8Array[] = [];
        withHash(true, (hash) => {
          hash.removeExpired(2 ** 47, Number.POSITIVE_INFINITY, names);
          for (const name of model.keys()) {
            const bytes = Buffer.from(name);
            if (hash.find(bytes, 0, bytes.length)) hash.remove();
          }
          expect(hash.count).toBe(0);
        });
        expect(names.length).toBe([...model.values()].filter(({ expireAt }) => expireAt >= 0).length);
        expect(database.pageRecords?.size ?? 0).toBe(0);
      }),
      { numRuns: residency === 'hot' ? 60 : 15 },
    );
  },
);
