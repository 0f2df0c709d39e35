import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ColdExpiry, LIST_BYTES } from './cold-expiry.ts';

/** Lists in memory; `isFull` makes it refuse. */
class Lists {
  readonly kept = new Map<number, Int32Array>();
  isFull = false;
  #next = 0;

  write(words: Int32Array): number {
    expect(words.byteLength).toBe(LIST_BYTES);
    if (this.isFull) return -1;
    this.kept.set(this.#next, words.slice());
    return this.#next++;
  }

  take(name: number): Int32Array {
    const words = this.kept.get(name) as Int32Array;
    this.kept.delete(name);
    return words;
  }
}

function drain(expiry: ColdExpiry, nowMs: number): string[] {
  const slots: string[] = [];
  while (expiry.next(nowMs)) {
    slots.push([expiry.partition, expiry.word0, expiry.word1, expiry.databaseId].join());
  }
  return slots;
}

test('nothing comes before its time, and all within a sixteenth of the time to live', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          afterMs: fc.integer({ min: -5000, max: 2 ** 40 }),
          count: fc.integer({ min: 1, max: 600 }),
        }),
        {
          minLength: 1,
          maxLength: 12,
        },
      ),
      fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      (entries, refusals) => {
        const nowMs = 1_700_000_123_456;
        const lists = new Lists();
        const expiry = new ColdExpiry(lists);
        const times = new Map<string, { from: number; until: number }>();
        let word = 0;
        entries.forEach(({ afterMs, count }, at) => {
          lists.isFull = refusals[at];
          for (let repeat = 0; repeat < count; repeat++, word++) {
            expiry.add(nowMs + afterMs, nowMs, word & 4095, -word, word ^ 0x5a5a, 1 + (word % 3));
            times.set([word & 4095, 0 - word, word ^ 0x5a5a, 1 + (word % 3)].join(), {
              from: nowMs + afterMs,
              until: nowMs + afterMs + Math.max(64, afterMs / 16),
            });
          }
        });
        let atMs = nowMs - 10_000;
        for (const stop of [...new Set([...times.values()].map(({ until }) => until))].sort(
          (a, b) => a - b,
        )) {
          atMs = Math.max(atMs, stop);
          for (const slot of drain(expiry, atMs)) {
            const time = times.get(slot);
            if (time === undefined || time.from > atMs) throw new Error(`${slot} came twice, or too early`);
            times.delete(slot);
          }
          if (expiry.isDue(atMs)) throw new Error('more is due');
          for (const { until } of times.values()) if (until <= atMs) throw new Error('a slot is late');
        }
        expect(times.size).toBe(0);
        expect(lists.kept.size).toBe(0);
        expect(expiry.byteCount).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

test('entries may be added while due ones are taken', () => {
  const lists = new Lists();
  const expiry = new ColdExpiry(lists);
  for (let slot = 0; slot < 1000; slot++) expiry.add(1000, 0, 1, slot, slot, 1);
  expect(expiry.next(2000)).toBe(true);
  expiry.add(1000, 0, 1, 5000, 5000, 1);
  expect(new Set(drain(expiry, 2000)).size).toBe(1000);
  expect(expiry.isDue(2000)).toBe(false);
});

test('RAM is bounded by the open lists', () => {
  const expiry = new ColdExpiry(new Lists());
  for (let slot = 0; slot < 100_000; slot++) expiry.add(3_600_000, 0, 1, slot, slot, 1);
  expect(expiry.byteCount).toBeLessThan(2 * LIST_BYTES);
});

test('what is kept for another process comes there as it would have here', () => {
  const nowMs = 1_700_000_123_456;
  const lists = new Lists();
  const expiry = new ColdExpiry(lists);
  for (let at = 0; at < 3000; at++)
    expiry.add(nowMs + (at % 7) * 100_000, nowMs, at & 4095, -at, at, 1 + (at % 3));
  // A list that is being gone through.
  const first: string[] = [];
  for (let left = 5; left > 0 && expiry.next(nowMs + 64); left--)
    first.push([expiry.partition, expiry.word0, expiry.word1, expiry.databaseId].join());
  const other = new ColdExpiry(lists);
  other.restore(expiry.save());
  expect(other.isDue(nowMs + 64)).toBe(true);
  const later = nowMs + 2_000_000;
  const rest = drain(other, later);
  expect(new Set([...first, ...rest]).size).toBe(3000);
  expect(rest.length).toBe(2995);
});
