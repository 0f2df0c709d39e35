import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RESIDENCIES, type Residency } from '../../../test/support/engine.ts';
import { openValue, textOf } from '../../../test/support/values.ts';
import { ENCODING_SKIPLIST } from './encoding.ts';
import { SortedSetValue } from './sorted-set.ts';

/** The type of a record. */
const SORTED_SET = 3;

type Pair = readonly [member: string, score: number];

/** An empty sorted set under a key of an engine. */
function open(residency: Residency, seed: number) {
  const record = { type: SORTED_SET, encoding: ENCODING_SKIPLIST, payloadLength: SortedSetValue.emptyBytes };
  return openValue(new SortedSetValue(), record, residency, seed);
}

function pairOf(value: SortedSetValue): Pair {
  const { bytes, memberOffset, memberLength, score } = value;
  return [textOf(bytes, memberOffset, memberLength), score];
}

function all(value: SortedSetValue): Pair[] {
  const pairs: Pair[] = [];
  for (let more = value.seekRank(0); more; more = value.next()) pairs.push(pairOf(value));
  return pairs;
}

/** Those that a scan finds, in order. */
function scanned(value: SortedSetValue): Pair[] {
  const pairs: Pair[] = [];
  let position = 0;
  do {
    position = value.scan(position);
    while (value.nextScanned()) pairs.push(pairOf(value));
  } while (position !== 0);
  return pairs.sort(compare);
}

function compare([leftMember, left]: Pair, [rightMember, right]: Pair): number {
  if (left !== right) return left < right ? -1 : 1;
  return Buffer.compare(Buffer.from(leftMember, 'latin1'), Buffer.from(rightMember, 'latin1'));
}

function put(value: SortedSetValue, name: string, score: number): void {
  const member = Buffer.from(name, 'latin1');
  if (value.find(member, 0, member.length)) value.update(member, 0, member.length, score);
  else value.insert(member, 0, member.length, score);
}

const RUNS: Readonly<Record<Residency, number>> = { hot: 25, demoted: 6, random: 6 };

test.each(RESIDENCIES)('members and scores against a model, %s', (residency) => {
  const change = fc.record({
    kind: fc.constantFrom('put', 'put', 'put', 'remove', 'removeRange'),
    key: fc.nat(400),
    length: fc.oneof({ weight: 30, arbitrary: fc.nat(40) }, fc.constant(200), fc.constant(3000)),
    score: fc.oneof(
      fc.integer({ min: -5, max: 5 }),
      fc.constantFrom(0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
      fc.double({ noNaN: true }),
    ),
    count: fc.nat(150),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 500 }), fc.nat(), (changes, seed) => {
      const { engine, database, withValue } = open(residency, seed + 1);
      let model: Pair[] = [];
      for (let from = 0; from < changes.length; from += 25) {
        withValue(true, (value) => {
          for (const { kind, key, length, score, count } of changes.slice(from, from + 25)) {
            const name = `${key}`.padEnd(length, 'x');
            if (kind === 'removeRange') {
              const rank = Math.min(key, model.length);
              const removed = model.splice(rank, count).length;
              value.removeRange(rank, removed);
              continue;
            }
            const member = Buffer.from(name, 'latin1');
            const rank = model.findIndex(([other]) => other === name);
            expect(value.find(member, 0, member.length)).toBe(rank >= 0);
            if (rank >= 0) {
              expect(pairOf(value)).toEqual(model[rank]);
              expect(value.rank(member, 0, member.length)).toBe(rank);
              // A rank moves within the value.
              value.find(member, 0, member.length);
            }
            if (kind === 'put') {
              model = model.filter((_, at) => at !== rank);
              model.push([name, score]);
              model.sort(compare);
              if (rank >= 0) value.update(member, 0, member.length, score);
              else value.insert(member, 0, member.length, score);
            } else if (rank >= 0) {
              value.remove(member, 0, member.length);
              model.splice(rank, 1);
            }
            expect(value.count).toBe(model.length);
          }
        });
        withValue(false, (value) => {
          expect(all(value)).toEqual(model);
          expect(scanned(value)).toEqual(model);
          for (const { score, count } of changes.slice(from, from + 25)) {
            expect(value.rankOfScore(score, false)).toBe(model.filter((pair) => pair[1] < score).length);
            expect(value.rankOfScore(score, true)).toBe(model.filter((pair) => pair[1] <= score).length);
            expect(value.seekRank(count)).toBe(count < model.length);
            if (count >= model.length) continue;
            expect(pairOf(value)).toEqual(model[count]);
            expect(value.previous()).toBe(count > 0);
            if (count > 0) expect(pairOf(value)).toEqual(model[count - 1]);
          }
        });
      }
      withValue(true, (value) => value.removeRange(0, value.count));
      expect(database.pages.records.size).toBe(0);
      void engine.close();
    }),
    { numRuns: RUNS[residency] },
  );
});

test.each(RESIDENCIES)('places among members of one score, %s', (residency) => {
  const { withValue } = open(residency, 1);
  const names = Array.from({ length: 2000 }, (_, at) => `member:${at}`).sort();
  withValue(true, (value) => {
    for (const name of names) put(value, name, 7);
  });
  withValue(false, (value) => {
    expect(value.isPaged).toBe(true);
    for (let at = 0; at < names.length; at += 37) {
      const name = Buffer.from(names[at]);
      expect(value.rankOfMember(name, 0, name.length, false)).toBe(at);
      expect(value.rankOfMember(name, 0, name.length, true)).toBe(at + 1);
      const between = Buffer.from(`${names[at]}\x00`);
      expect(value.rankOfMember(between, 0, between.length, false)).toBe(at + 1);
    }
  });
});

test('a value that is small again comes back into its record', () => {
  const { database, withValue } = open('hot', 1);
  withValue(true, (value) => {
    for (let at = 0; at < 1000; at++) put(value, `${at}`, at);
  });
  expect(database.pages.records.size).toBeGreaterThan(1);
  withValue(true, (value) => value.removeRange(10, 970));
  withValue(true, (value) => {
    expect(value.isPaged).toBe(false);
    expect(all(value).map(([member]) => Number(member))).toEqual([
      ...Array.from({ length: 10 }, (_, at) => at),
      ...Array.from({ length: 20 }, (_, at) => 980 + at),
    ]);
  });
  expect(database.pages.records.size).toBe(0);
});

test('a value that no key has yet, and what is left when it is dropped', () => {
  const { database, withValue } = open('hot', 1);
  const built = new SortedSetValue();
  built.begin(database, ENCODING_SKIPLIST);
  withValue(true, (value) => {
    for (let at = 0; at < 1000; at++) put(value, `${at}`, at);
    for (let more = value.seekRank(0); more; more = value.next()) {
      expect(built.find(value.bytes, value.memberOffset, value.memberLength)).toBe(false);
      built.insert(value.bytes, value.memberOffset, value.memberLength, -value.score);
    }
  });
  expect(all(built).map(([member]) => Number(member))).toEqual(
    Array.from({ length: 1000 }, (_, at) => 999 - at),
  );
  const before = database.pages.records.size;
  for (const _ of built.drop());
  expect(database.pages.records.size).toBeLessThan(before);
  withValue(true, (value) => value.removeRange(0, 1000));
  expect(database.pages.records.size).toBe(0);
});
