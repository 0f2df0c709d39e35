import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../base/random.ts';
import { Arena } from '../memory/arena.ts';
import {
  COLD,
  coldWord,
  hotWord,
  isHot,
  locationOf,
  NO_EXPIRY,
  PARTITION_COUNT,
  SlotTable,
  TAG_LIMIT,
} from './slot-table.ts';

interface Slot {
  readonly tag: number;
  word0: number;
  word1: number;
  /** Second at which its key expires, or NO_EXPIRY. */
  expiry: number;
}

/** A table beside a plain list of what each partition must hold. */
class Checked {
  readonly arena = new Arena();
  readonly table = new SlotTable(this.arena);
  readonly slots = new Map<number, Slot[]>();
  #nextLocation = 1;

  insert(partition: number, tag: number, expiry: number): Slot {
    const location = this.#nextLocation++;
    const word0 = location % 3 === 0 ? coldWord(tag, location & 0x7f) : hotWord(tag, location);
    const slot = { tag, word0, word1: location, expiry };
    this.table.insert(partition, word0, slot.word1);
    expect([this.table.word0, this.table.word1, this.table.tag]).toEqual([word0, slot.word1, tag]);
    if (expiry !== NO_EXPIRY) this.table.noteExpiry(expiry);
    this.slots.set(partition, [...(this.slots.get(partition) ?? []), slot]);
    return slot;
  }

  stopAt(partition: number, slot: Slot): void {
    expect(this.table.findLocation(partition, slot.word0, slot.word1)).toBe(true);
  }

  remove(partition: number, at: number): void {
    const slots = this.slots.get(partition) as Slot[];
    this.stopAt(partition, slots[at]);
    this.table.remove();
    slots.splice(at, 1);
  }

  replace(partition: number, at: number): void {
    const slot = (this.slots.get(partition) as Slot[])[at];
    this.stopAt(partition, slot);
    slot.word1 = this.#nextLocation++;
    slot.word0 = isHot(slot.word0) ? coldWord(slot.tag, 5) : hotWord(slot.tag, slot.word1);
    this.table.replace(slot.word0, slot.word1);
  }

  /** All slots of a partition from a tag on, as the table walks them. */
  walk(partition: number, tag: number): string[] {
    const found: string[] = [];
    const { table } = this;
    for (let more = table.seekAtLeast(partition, tag); more; more = table.next()) {
      expect(table.partition).toBe(partition);
      found.push(`${table.tag}:${table.word0}:${table.word1}`);
    }
    return found;
  }

  check(): void {
    let count = 0;
    for (const [partition, slots] of this.slots) {
      count += slots.length;
      expect(this.table.partitionCount(partition)).toBe(slots.length);
      const walked = this.walk(partition, 0);
      const tags = walked.map((text) => Number(text.split(':')[0]));
      expect(tags).toEqual(tags.toSorted((left, right) => left - right));
      expect(walked.toSorted()).toEqual(
        slots.map(({ tag, word0, word1 }) => `${tag}:${word0}:${word1}`).toSorted(),
      );
      this.#checkHints(partition, slots);
    }
    expect(this.table.count).toBe(count);
  }

  /** A page's hint is at most the expiry of each of its slots. */
  #checkHints(partition: number, slots: readonly Slot[]): void {
    const { table } = this;
    const page = new Int32Array(128);
    let copied = 0;
    for (let at = 0; at < table.pageCountOf(partition); at++) {
      const count = table.copyPage(partition, at, page);
      copied += count;
      for (let slot = 0; slot < count; slot++) {
        const { expiry } = slots.find(({ word1 }) => word1 === page[slot * 2 + 1]) as Slot;
        if (expiry !== NO_EXPIRY) expect(table.findExpiring(partition, at, expiry)).toBe(at);
      }
    }
    expect(copied).toBe(slots.length);
  }
}

// Tags that collide, the first and the last among them, that lie close together, and any.
const tag = fc.oneof(
  fc.constantFrom(0, 1, 2, 5, 7_000_000, TAG_LIMIT - 2, TAG_LIMIT - 1),
  fc.integer({ min: 4_000_000, max: 4_000_300 }),
  fc.integer({ min: 0, max: TAG_LIMIT - 1 }),
);
const partition = fc.constantFrom(0, 1, 63, 64, PARTITION_COUNT - 1);
const expiry = fc.oneof(fc.constant(NO_EXPIRY), fc.integer({ min: 1, max: 1000 }));
const place = fc.double({ min: 0, max: 0.999, noNaN: true });
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('insert' as const),
      partition,
      tags: fc.array(tag, { maxLength: 90 }),
      expiry,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('remove' as const), partition, place, count: fc.nat(90) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('replace' as const), partition, place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), partition }) },
);

describe('words', () => {
  test('keep tag, state and location, beyond 32 bits too', () => {
    for (const location of [1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 2 ** 39 - 8]) {
      const word0 = hotWord(TAG_LIMIT - 1, location);
      expect(isHot(word0)).toBe(true);
      expect(word0 >>> 9).toBe(TAG_LIMIT - 1);
      expect(locationOf(word0, location | 0)).toBe(location);
    }
    expect(isHot(coldWord(3, 0x7f))).toBe(false);
    expect(locationOf(coldWord(3, 0x7f), -1)).toBe(2 ** 39 - 1);
    expect(coldWord(3, 0) & COLD).toBe(COLD);
  });
});

describe('SlotTable', () => {
  test('holds what a plain list holds, in the order of tags, while it grows and shrinks', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), tag, (steps, from) => {
        const checked = new Checked();
        for (const each of steps) {
          const count = () => checked.slots.get(each.partition)?.length ?? 0;
          if (each.kind === 'insert') {
            for (const inserted of each.tags) checked.insert(each.partition, inserted, each.expiry);
          } else if (each.kind === 'remove') {
            for (let at = 0; at < each.count && count() > 0; at++)
              checked.remove(each.partition, Math.floor(each.place * count()));
          } else if (each.kind === 'replace') {
            if (count() > 0) checked.replace(each.partition, Math.floor(each.place * count()));
          } else if (checked.slots.has(each.partition)) {
            checked.table.clearPartition(each.partition);
            checked.slots.set(each.partition, []);
          }
          checked.check();
        }
        for (const [each, slots] of checked.slots) {
          const later = slots.filter((slot) => slot.tag >= from);
          expect(checked.walk(each, from)).toHaveLength(later.length);
          const same = slots.filter((slot) => slot.tag === from);
          let found = 0;
          for (let more = checked.table.first(each, from); more; more = checked.table.nextSame()) found++;
          expect(found).toBe(same.length);
        }
        for (const each of checked.slots.keys()) checked.table.clearPartition(each);
        expect([checked.table.count, checked.arena.usedBytes, checked.table.capacity]).toEqual([0, 0, 0]);
      }),
      { numRuns: 80 },
    );
  });

  test.each([5, TAG_LIMIT - 1])(
    'many slots of tag %i among others are all found, in no more room than their count asks for',
    (same) => {
      const checked = new Checked();
      const random = new SeededRandom(7);
      for (let at = 0; at < 1000; at++) {
        checked.insert(9, same, NO_EXPIRY);
        if (at % 4 === 0) checked.insert(9, random.below(TAG_LIMIT), NO_EXPIRY);
      }
      checked.check();
      expect(checked.table.capacity * 0.7).toBeLessThan(checked.table.count);
      for (let left = 1250; left > 10; left--) checked.remove(9, random.below(left));
      checked.check();
    },
  );

  test('a walk by cursor returns every slot that is there throughout, while others come and go', () => {
    const checked = new Checked();
    const random = new SeededRandom(4);
    const stays = new Set(
      Array.from({ length: 400 }, () => checked.insert(3, random.below(TAG_LIMIT), NO_EXPIRY)),
    );
    const seen = new Set<number>();
    for (let from = 0; checked.table.seekAtLeast(3, from); ) {
      // All slots of one tag at once, as SCAN does.
      const { tag: at } = checked.table;
      do seen.add(checked.table.word1);
      while (checked.table.nextSame());
      from = at + 1;
      const grows = seen.size < 250;
      for (let change = 0; change < 12; change++) {
        const slots = checked.slots.get(3) as Slot[];
        if (grows) checked.insert(3, random.below(TAG_LIMIT), NO_EXPIRY);
        else {
          const other = slots.findIndex((slot) => !stays.has(slot));
          if (other >= 0) checked.remove(3, other);
        }
      }
    }
    for (const slot of stays) expect(seen.has(slot.word1)).toBe(true);
  });

  test('seekRandom reaches every slot, and seekSlot every part', () => {
    const checked = new Checked();
    const random = new SeededRandom(11);
    for (let at = 0; at < 300; at++) checked.insert([0, 7, 4095][at % 3], random.below(TAG_LIMIT), NO_EXPIRY);
    const seen = new Map<number, number>();
    for (let at = 0; at < 30_000; at++) {
      expect(checked.table.seekRandom((limit) => random.below(limit))).toBe(true);
      seen.set(checked.table.word1, (seen.get(checked.table.word1) ?? 0) + 1);
    }
    expect(seen.size).toBe(300);
    // Each is expected 100 times.
    expect(Math.min(...seen.values())).toBeGreaterThan(50);
    expect(Math.max(...seen.values())).toBeLessThan(170);
    expect(checked.table.seekSlot(7, 0)).toBe(true);
    const lowest = Math.min(...checked.slots.get(7)!.map((slot) => slot.tag));
    expect(checked.table.tag).toBe(lowest);
    expect(checked.table.seekSlot(8, 0.5)).toBe(false);
    expect(new SlotTable(new Arena()).seekRandom(() => 0)).toBe(false);
  });

  test('an exact hint lowers what a visit finds to nothing', () => {
    const checked = new Checked();
    checked.insert(5, 100, 50);
    expect(checked.table.findExpiring(5, 0, 49)).toBe(-1);
    expect(checked.table.findExpiring(5, 0, 50)).toBe(0);
    checked.table.setExpiryHint(5, 0, NO_EXPIRY);
    expect(checked.table.findExpiring(5, 0, 1000)).toBe(-1);
    expect(checked.table.findExpiring(6, 0, 1000)).toBe(-1);
  });

  test.each([
    // With about one page to a partition the steps are coarse.
    [300_000, 16],
    [700_000, 12],
    [1_000_000, 11],
    [2_000_000, 10.5],
  ])('%i slots take at most %f bytes each', (count, bytesMax) => {
    const arena = new Arena();
    const table = new SlotTable(arena);
    const random = new SeededRandom(count);
    for (let at = 1; at <= count; at++) {
      const hash = random.uint32();
      table.insert(hash & (PARTITION_COUNT - 1), hotWord(random.below(TAG_LIMIT), at), at);
    }
    expect(table.count).toBe(count);
    const bytes = (arena.usedBytes + table.directoryBytes) / count;
    expect(bytes).toBeGreaterThan(8);
    expect(bytes).toBeLessThan(bytesMax);
    // What most of them leave is given back.
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      while (table.partitionCount(partition) > count / PARTITION_COUNT / 4) {
        if (table.seekSlot(partition, random.below(1000) / 1000)) table.remove();
      }
    }
    expect(table.capacity).toBeLessThan(table.count / 0.55 + PARTITION_COUNT * 64);
  });
});

test('a partition that is filled at once is as one that has grown', () => {
  const random = new SeededRandom(3);
  for (const count of [1, 7, 57, 64, 500, 4000]) {
    const table = new SlotTable(new Arena());
    const partition = count % PARTITION_COUNT;
    const tags = Int32Array.from({ length: count }, () => random.below(TAG_LIMIT)).sort();
    // Some that are the same, at the end too.
    tags.fill(TAG_LIMIT - 1, Math.ceil(count * 0.9));
    const slots = Int32Array.from({ length: count * 2 }, (_, at) =>
      at % 2 === 0 ? coldWord(tags[at / 2], at & 0x7f) : at,
    );
    table.fillPartition(partition, slots, count);
    const copy = new Int32Array(count * 2);
    table.copyPartition(partition, copy);
    expect(copy).toEqual(slots);
    for (let at = 0; at < slots.length; at += 2)
      expect(table.findLocation(partition, slots[at], slots[at + 1])).toBe(true);
    for (let at = 0; at < 200; at++) table.insert(partition, coldWord(random.below(TAG_LIMIT), 1), -at);
    for (let at = 0; at < slots.length; at += 2) {
      expect(table.findLocation(partition, slots[at], slots[at + 1])).toBe(true);
      table.remove();
    }
    expect(table.count).toBe(200);
  }
});
