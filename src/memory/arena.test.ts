import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../base/random.ts';
import {
  Arena,
  blockBytesFor,
  SEGMENT_BYTES,
  SEGMENT_MASK,
  SLAB_BLOCKS_MAX,
  SLAB_BYTES,
  segmentOf,
  UNIT_BYTES,
} from './arena.ts';

const UNITS_PER_SLAB = SLAB_BYTES / UNIT_BYTES;
const MEBIBYTE = 1024 * 1024;

/** An arena beside what it must hold: each block's address and the byte it is filled with. */
class Checked {
  readonly arena = new Arena();
  readonly blocks = new Map<number, { size: number; fill: number }>();
  #next = 0;

  range(address: number): Uint8Array {
    const { size } = this.blocks.get(address) as { size: number };
    const start = (address & SEGMENT_MASK) * UNIT_BYTES;
    return this.arena.bytes[segmentOf(address)].subarray(start, start + size);
  }

  allocate(size: number): number {
    const address = this.arena.allocate(size);
    expect(address).toBeGreaterThan(0);
    expect(this.blocks.has(address)).toBe(false);
    expect(this.arena.blockBytes(address)).toBe(blockBytesFor(size));
    expect(this.arena.isFree(address) && this.arena.words[segmentOf(address)].length === 0).toBe(false);
    this.blocks.set(address, { size, fill: 1 + (this.#next++ % 250) });
    this.fill(address);
    return address;
  }

  /** Fills a block whole, as records do; the first word of a record is never that of a free block. */
  fill(address: number): void {
    this.range(address).fill((this.blocks.get(address) as { fill: number }).fill);
  }

  free(address: number): void {
    this.blocks.delete(address);
    this.arena.free(address);
  }

  /** Moves a block as demotion's compaction does. */
  move(address: number): void {
    const { size, fill } = this.blocks.get(address) as { size: number; fill: number };
    const moved = this.allocate(size);
    this.blocks.set(moved, { size, fill });
    this.fill(moved);
    this.free(address);
  }

  /** Whether all blocks still hold what was written, so that none overlaps another, and the sums are right. */
  check(): void {
    let used = 0;
    for (const [address, { size, fill }] of this.blocks) {
      const range = this.range(address);
      // The ends tell: a block that overlaps another shares its first or last byte with it.
      expect([range[0], range[size >> 1], range[size - 1]]).toEqual([fill, fill, fill]);
      used += blockBytesFor(size);
    }
    const { arena } = this;
    expect(arena.usedBytes).toBe(used);
    expect(arena.blockCount).toBe(this.blocks.size);
    expect(arena.slabBytes).toBeGreaterThanOrEqual(used);
    expect(arena.touchedBytes).toBeGreaterThanOrEqual(arena.slabBytes);
  }

  pick(random: number): number | undefined {
    const { size } = this.blocks;
    return size === 0 ? undefined : [...this.blocks.keys()][Math.floor(random * size)];
  }
}

const size = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 12, max: 600 }) },
  { weight: 4, arbitrary: fc.integer({ min: 600, max: 70_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 70_000, max: 3 * MEBIBYTE }) },
  { weight: 1, arbitrary: fc.constantFrom(4096, 4097, 65536, 65537, 262144, 262145, 9 * MEBIBYTE) },
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('allocate' as const),
      size,
      count: fc.integer({ min: 1, max: 60 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('free' as const),
      at: fc.double({ min: 0, max: 0.999, noNaN: true }),
      count: fc.integer({ min: 1, max: 60 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('vacate' as const),
      slabCount: fc.constantFrom(1, 64, SEGMENT_BYTES / SLAB_BYTES),
      keepOne: fc.boolean(),
    }),
  },
);

describe('blockBytesFor', () => {
  test('is at least what is asked, by at most a sixteenth and a unit', () => {
    for (let bytes = 1; bytes <= 70_000; bytes += bytes < 1200 ? 1 : 37) {
      const block = blockBytesFor(bytes);
      expect(block).toBeGreaterThanOrEqual(bytes);
      if (bytes > 16 && bytes <= 65536) expect(block).toBeLessThan(bytes * 1.0626 + 8);
    }
  });
});

describe('Arena', () => {
  test('random allocating, freeing and vacating never overlaps, loses or miscounts a block', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const checked = new Checked();
        const { arena } = checked;
        for (const each of steps) {
          if (each.kind === 'allocate') {
            const count = each.size > 70_000 ? 1 : each.count;
            for (let at = 0; at < count; at++) checked.allocate(each.size);
          } else if (each.kind === 'free') {
            for (let at = 0; at < each.count; at++) {
              const address = checked.pick(each.at);
              if (address !== undefined) checked.free(address);
            }
          } else if (arena.isVacating || arena.vacate(SEGMENT_BYTES)) {
            let isFirst = true;
            arena.vacateSome(each.slabCount, (address) => {
              expect(checked.blocks.has(address)).toBe(true);
              if (!isFirst || !each.keepOne) checked.move(address);
              isFirst = false;
            });
          }
          checked.check();
        }
        for (const address of [...checked.blocks.keys()]) checked.free(address);
        checked.check();
        // Nothing is left but what the first segment keeps for good.
        expect(arena.slabBytes).toBe(0);
        expect(arena.bytes.slice(1).every((segment) => segment.length === 0)).toBe(true);
        expect(arena.touchedBytes).toBeLessThanOrEqual(SEGMENT_BYTES);
      }),
      { numRuns: 40 },
    );
  });

  test('the first block of all does not have address 0, whatever its size', () => {
    for (const bytes of [16, 4096, 5000, 65536, 100_000, MEBIBYTE, 9 * MEBIBYTE, 40 * MEBIBYTE]) {
      expect(new Arena().allocate(bytes)).toBeGreaterThan(0);
    }
  });

  test('the first segment is given back when it is emptied, and its first block never has address 0', () => {
    const arena = new Arena();
    const addresses = Array.from({ length: 1000 }, () => arena.allocate(1000));
    const kept = addresses[999];
    for (const address of addresses) if (address !== kept) arena.free(address);
    expect(arena.vacate(SEGMENT_BYTES)).toBe(true);
    let moved = 0;
    while (arena.isVacating) {
      arena.vacateSome(100, (address) => {
        moved = arena.allocate(1000);
        arena.free(address);
      });
    }
    expect([arena.bytes[0].length, arena.isFree(kept), segmentOf(moved)]).toEqual([0, true, 1]);
    expect(arena.touchedBytes).toBe(4 * SLAB_BYTES);
    arena.free(moved);
    expect(arena.allocate(16)).toBeGreaterThan(0);
    expect(arena.blockCount).toBe(1);
  });

  test('an empty first segment goes when it is asked for', () => {
    const arena = new Arena();
    arena.free(arena.allocate(1000));
    expect(arena.touchedBytes).toBe(4 * SLAB_BYTES);
    expect([arena.vacate(SEGMENT_BYTES), arena.isVacating, arena.mappedBytes]).toEqual([true, false, 0]);
    expect(arena.vacate(SEGMENT_BYTES)).toBe(false);
  });

  test('a freed slab serves another size', () => {
    const arena = new Arena();
    const addresses = Array.from({ length: 4 * (SLAB_BYTES / 64) - 1 }, () => arena.allocate(64));
    expect(arena.slabBytes).toBe(4 * SLAB_BYTES);
    for (const address of addresses) arena.free(address);
    expect([arena.slabBytes, arena.usedBytes]).toEqual([0, 0]);
    arena.allocate(3000);
    expect([arena.slabBytes, arena.touchedBytes]).toEqual([SLAB_BYTES, 4 * SLAB_BYTES]);
  });

  test('a segment is given back when its last block goes, and mapped again when needed', () => {
    const arena = new Arena();
    const addresses: number[] = [];
    while (arena.bytes.length < 3) addresses.push(arena.allocate(65536));
    const last = addresses.filter((address) => segmentOf(address) === 2);
    for (const address of last) arena.free(address);
    expect(arena.bytes.map((segment) => segment.length)).toEqual([SEGMENT_BYTES, SEGMENT_BYTES, 0]);
    expect(arena.isFree(last[0])).toBe(true);
    for (const address of addresses) if (segmentOf(address) === 1) arena.free(address);
    expect(arena.mappedBytes).toBe(SEGMENT_BYTES);
    expect(segmentOf(arena.allocate(100_000))).toBe(1);
  });

  test.each([8 * MEBIBYTE + 1, 31 * MEBIBYTE, 33 * MEBIBYTE, 513 * MEBIBYTE])(
    'a block of %i bytes has a segment of its own, given back with it',
    (bytes) => {
      const arena = new Arena();
      const small = arena.allocate(100);
      const address = arena.allocate(bytes);
      const segment = segmentOf(address);
      expect(address & SEGMENT_MASK).toBe(0);
      expect(arena.blockBytes(address)).toBe(blockBytesFor(bytes));
      expect(arena.bytes[segment].length).toBeGreaterThanOrEqual(bytes);
      arena.bytes[segment][bytes - 1] = 7;
      expect(arena.words[segment].length).toBe(arena.bytes[segment].length / 4);
      expect(arena.views[segment].getUint8(bytes - 1)).toBe(7);
      expect(arena.touchedBytes).toBe(4 * SLAB_BYTES + blockBytesFor(bytes));
      // Others are not put into it.
      for (let at = 0; at < 600; at++) expect(segmentOf(arena.allocate(65536))).not.toBe(segment);
      expect(arena.vacate(Number.MAX_SAFE_INTEGER) && arena.isVacating).toBe(true);
      arena.free(address);
      expect(arena.bytes[segment].length).toBe(0);
      expect(arena.isFree(small)).toBe(false);
    },
  );

  test('vacating a segment moves what lives there and gives it back', () => {
    const checked = new Checked();
    const { arena } = checked;
    const random = new SeededRandom(5);
    while (arena.bytes.length < 4) checked.allocate(20 + random.below(random.below(3) === 0 ? 60_000 : 2000));
    for (const address of [...checked.blocks.keys()]) if (random.below(10) > 2) checked.free(address);
    const touched = arena.touchedBytes;
    let rounds = 0;
    while (arena.vacate(SEGMENT_BYTES / 2)) {
      rounds++;
      while (arena.isVacating) {
        arena.vacateSome(40, (address) => checked.move(address));
        // Meanwhile others come and go, also in the segment being emptied.
        checked.allocate(300);
        const [first] = checked.blocks.keys();
        checked.free(first);
      }
      checked.check();
      if (rounds > 20) break;
    }
    expect(rounds).toBeGreaterThan(0);
    expect(arena.touchedBytes).toBeLessThan(touched);
  });

  test('a walk by slabs finds live blocks only, and from any slab on in time most of them', () => {
    const checked = new Checked();
    const random = new SeededRandom(9);
    for (let at = 0; at < 3000; at++) checked.allocate(20 + random.below(400));
    checked.allocate(100_000);
    for (const address of [...checked.blocks.keys()]) if (random.below(4) > 0) checked.free(address);
    const target = new Float64Array(SLAB_BLOCKS_MAX);
    const seen = new Set<number>();
    const lastAddress = Math.max(...checked.blocks.keys());
    for (let round = 0; round < 2000; round++) {
      const from = random.below(Math.floor(lastAddress / UNITS_PER_SLAB) + 1) * UNITS_PER_SLAB;
      const count = checked.arena.slabBlocks(from, target);
      expect(count).toBeGreaterThan(0);
      for (const address of target.subarray(0, count)) {
        expect(checked.blocks.has(address)).toBe(true);
        seen.add(address);
      }
    }
    expect(seen.size).toBeGreaterThan(checked.blocks.size * 0.7);
    const walked: number[] = [];
    for (let at = 0; ; at = checked.arena.sweptTo) {
      const count = checked.arena.slabBlocks(at, target);
      if (count === 0) break;
      walked.push(...target.subarray(0, count));
    }
    expect(walked).toEqual([...checked.blocks.keys()].sort((left, right) => left - right));
    expect(new Arena().slabBlocks(0, target)).toBe(0);
  });

  test('a sweep meets every live block once a round, whatever their sizes', () => {
    const arena = new Arena();
    const live = new Set<number>();
    const random = new SeededRandom(5);
    for (let at = 0; at < 3000; at++)
      live.add(arena.allocate(8 + random.below(at % 50 === 0 ? 400_000 : 3000)));
    for (const address of [...live]) {
      if (random.below(3) === 0) {
        live.delete(address);
        arena.free(address);
      }
    }
    const target = new Float64Array(7);
    const met: number[] = [];
    for (let hand = 0; met.length < live.size; hand = arena.sweptTo) {
      const found = arena.sweep(hand, target.length, target);
      expect(found).toBeGreaterThan(0);
      met.push(...target.subarray(0, found));
    }
    // The last sweep may have begun the next round.
    met.length = live.size;
    expect(new Set(met)).toEqual(live);
    expect([...met].sort((left, right) => left - right)).toEqual(met);
    expect(new Arena().sweep(0, 7, target)).toBe(0);
  });

  test.each([5000, 8192, 20_000, 65_536, 300_000])(
    'a sweep meets all of many blocks of %i bytes',
    (bytes) => {
      const arena = new Arena();
      const live = Array.from({ length: 150 }, () => arena.allocate(bytes)).sort(
        (left, right) => left - right,
      );
      const target = new Float64Array(7);
      const met: number[] = [];
      for (let hand = 0; met.length < live.length; hand = arena.sweptTo) {
        const found = arena.sweep(hand, target.length, target);
        expect(found).toBeGreaterThan(0);
        met.push(...target.subarray(0, found));
      }
      expect(met.slice(0, live.length)).toEqual(live);
    },
  );
});
