import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RESIDENCIES } from '../../../test/support/engine.ts';
import { openValue, textOf } from '../../../test/support/values.ts';
import { SeededRandom } from '../../base/random.ts';
import { encodingName } from './encoding.ts';
import { SetValue } from './set.ts';

const SET = 2;
const LIMITS = {
  'set-max-intset-entries': 512,
  'set-max-listpack-entries': 128,
  'set-max-listpack-value': 64,
};

function open(residency: (typeof RESIDENCIES)[number], seed = 1) {
  const record = { type: SET, encoding: 0, payloadLength: SetValue.emptyBytes };
  const opened = openValue(new SetValue(), record, residency, seed);
  const { engine, database, value: set, withValue: withSet } = opened;
  const add = (member: string) => {
    const bytes = Buffer.from(member, 'latin1');
    return withSet(true, (value) => value.add(LIMITS, bytes, 0, bytes.length));
  };
  const remove = (member: string) => {
    const bytes = Buffer.from(member, 'latin1');
    return withSet(true, (value) => value.remove(bytes, 0, bytes.length));
  };
  const encoding = () => withSet(false, (value) => encodingName(value.encoding));
  return { engine, database, set, withSet, add, remove, encoding };
}

function members(set: SetValue): string[] {
  const found: string[] = [];
  set.rewind();
  while (set.next()) found.push(textOf(set.bytes, set.offset, set.length));
  return found;
}

describe.each(RESIDENCIES)('%s', (residency) => {
  test('random changes against a JS set', () => {
    const integer = fc.oneof(
      fc.integer({ min: -40, max: 40 }).map(String),
      fc.integer({ min: -40000, max: 40000 }).map(String),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
      fc.constantFrom('2147483648', '-2147483648', '4294967296', '-9223372036854775808', '32768', '-32769'),
    );
    const word = fc.oneof(
      { weight: 9, arbitrary: integer },
      { weight: 3, arbitrary: fc.string({ maxLength: 8, unit: 'binary-ascii' }) },
      { weight: 1, arbitrary: fc.nat(400).map((length) => 'x'.repeat(length)) },
    );
    const change = fc.tuple(fc.constantFrom('add', 'add', 'add', 'remove'), fc.boolean(), integer, word);
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 300 }),
        fc.nat(),
        fc.boolean(),
        (changes, seed, areIntegers) => {
          const { engine, withSet, add, remove, encoding } = open(residency, seed + 1);
          const model = new Set<string>();
          for (const [kind, isOld, number, any] of changes) {
            const [first] = model;
            const member =
              kind === 'remove' && isOld && first !== undefined ? first : areIntegers ? number : any;
            if (kind === 'add') expect(add(member)).toBe(!model.has(member));
            else expect(remove(member)).toBe(model.has(member));
            if (kind === 'add') model.add(member);
            else model.delete(member);
          }
          const found = withSet(false, members);
          expect([...found].sort()).toEqual([...model].sort());
          if (areIntegers) {
            expect(encoding()).toBe('intset');
            const values = found.map(BigInt);
            expect(values.every((value, at) => at === 0 || values[at - 1] < value)).toBe(true);
          }
          withSet(false, (set) => {
            for (const member of model) {
              const bytes = Buffer.from(member, 'latin1');
              expect(set.has(bytes, 0, bytes.length)).toBe(true);
            }
          });
          void engine.close();
        },
      ),
      { numRuns: residency === 'hot' ? 60 : 6 },
    );
  });

  test('a large set: walks, scans and random members', () => {
    const { withSet } = open(residency);
    const count = 3000;
    withSet(true, (set) => {
      for (let number = 0; number < count; number++) {
        const bytes = Buffer.from(`member:${number}`);
        expect(set.add(LIMITS, bytes, 0, bytes.length)).toBe(true);
      }
    });
    withSet(false, (set) => {
      expect([set.isPaged, set.count, encodingName(set.encoding)]).toEqual([true, count, 'hashtable']);
      expect(new Set(members(set)).size).toBe(count);
      const scanned = new Set<string>();
      let position = 0;
      do {
        position = set.scan(position);
        while (set.next()) scanned.add(textOf(set.bytes, set.offset, set.length));
      } while (position !== 0);
      expect(scanned.size).toBe(count);
      const random = new SeededRandom(7);
      const drawn = new Set<string>();
      for (let draw = 0; draw < 500; draw++) {
        set.seekRandom(random);
        drawn.add(textOf(set.bytes, set.offset, set.length));
      }
      expect(drawn.size).toBeGreaterThan(420);
    });
    withSet(true, (set) => {
      const random = new SeededRandom(8);
      for (let left = count; left > 0; left--) {
        set.seekRandom(random);
        set.removeFound();
      }
      expect([set.isPaged, set.count]).toEqual([false, 0]);
    });
  });
});

test('random members of an intset come equally often', () => {
  const { withSet, add } = open('hot');
  for (let number = 0; number < 10; number++) add(String(number - 5));
  const random = new SeededRandom(3);
  const counts = new Map<string, number>();
  withSet(false, (set) => {
    for (let draw = 0; draw < 10_000; draw++) {
      set.seekRandom(random);
      const member = textOf(set.bytes, set.offset, set.length);
      counts.set(member, (counts.get(member) ?? 0) + 1);
    }
  });
  expect(counts.size).toBe(10);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

describe('encodings', () => {
  test('too many integers make a hash table, and it stays one', () => {
    const { add, remove, encoding } = open('hot');
    for (let number = 0; number < 512; number++) add(String(number));
    expect(encoding()).toBe('intset');
    add('512');
    expect(encoding()).toBe('hashtable');
    for (let number = 10; number <= 512; number++) remove(String(number));
    expect(encoding()).toBe('hashtable');
  });

  test('a word makes a listpack of a small intset and a hash table of a large one', () => {
    const small = open('hot');
    for (let number = 0; number < 127; number++) small.add(String(number));
    small.add('word');
    expect(small.encoding()).toBe('listpack');
    small.add('other');
    expect(small.encoding()).toBe('hashtable');
    const large = open('hot');
    for (let number = 0; number < 128; number++) large.add(String(number));
    large.add('word');
    expect(large.encoding()).toBe('hashtable');
  });

  test('a long member makes a hash table', () => {
    const { add, encoding } = open('hot');
    add('x'.repeat(64));
    expect(encoding()).toBe('listpack');
    add('x'.repeat(65));
    expect(encoding()).toBe('hashtable');
  });
});

test('a value that no key has is built in pages and dropped whole', () => {
  const { database } = open('hot');
  const pages = () => database.pageRecords?.size ?? 0;
  const set = new SetValue();
  set.begin(database, 0);
  for (let number = 0; number < 2000; number++) {
    const bytes = Buffer.from(`member:${number}`);
    set.add(LIMITS, bytes, 0, bytes.length);
  }
  expect(pages()).toBeGreaterThan(10);
  const walk = set.drop();
  set.begin(database, 0);
  for (const _ of walk);
  expect(pages()).toBe(0);
});
