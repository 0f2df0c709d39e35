import { describe, expect, test } from 'vitest';
import { ReuseCurve } from '../../src/heat/reuse-curve.ts';
import { mix32 } from '../random.ts';
import { ExactCurve } from './exact-curve.ts';
import { drawTrace, TRACE_SOURCES, type Trace } from './traces.ts';

const TAG_SHIFT = 9;
const KEY_COUNT = 100_000;
/** The curve is asked for so many sizes, from a hundredth of all keys to one and a half times as much. */
const SIZES_ASKED = 20;
const SIZE_RANGE = 150;

/** Runs all accesses of a trace past a curve, as the keyspace does. */
function sample(curve: ReuseCurve, { keys }: Trace, sizes: Float64Array): void {
  curve.begin(0);
  for (let at = 0; at < keys.length; at++) {
    const tag = mix32(keys[at]) >>> TAG_SHIFT;
    if (tag < curve.tagLimit) curve.note(tag, keys[at], sizes[keys[at]], true, at + 1);
  }
}

/** The mean of how far off the hit ratio is, in points. */
function meanError(trace: Trace, sizes: Float64Array): number {
  const curve = new ReuseCurve();
  sample(curve, trace, sizes);
  const exact = new ExactCurve(trace, sizes);
  let total = 0;
  for (let key = 0; key < trace.keyLimit; key++) total += sizes[key];
  let sum = 0;
  for (let at = 0; at < SIZES_ASKED; at++) {
    const bytes = (total / 100) * SIZE_RANGE ** (at / (SIZES_ASKED - 1));
    sum += Math.abs(curve.hitRatio(bytes, trace.keys.length) - exact.hitRatio(bytes)) * 100;
  }
  expect(curve.byteCount).toBeLessThan(2 * 2 ** 20);
  return sum / SIZES_ASKED;
}

describe('the curve of a trace', () => {
  test.each(TRACE_SOURCES.map((source) => [source.name, source] as const))(
    'is that of an exact LRU, within 2 points on average: %s',
    (_, source) => {
      const trace = drawTrace(source, 7, KEY_COUNT, KEY_COUNT * 8);
      expect(meanError(trace, new Float64Array(trace.keyLimit).fill(100))).toBeLessThan(2);
    },
  );

  test('is, with keys of many sizes', () => {
    const trace = drawTrace(TRACE_SOURCES[1], 7, KEY_COUNT, KEY_COUNT * 8);
    const sizes = new Float64Array(trace.keyLimit);
    for (let key = 0; key < sizes.length; key++) sizes[key] = 50 + (mix32(key ^ 0x5bd1e995) % 2000);
    expect(meanError(trace, sizes)).toBeLessThan(2);
  });

  test('is, with more keys than can be sampled at the first rate', () => {
    const trace = drawTrace(TRACE_SOURCES[0], 3, 600_000, 1_200_000);
    expect(meanError(trace, new Float64Array(trace.keyLimit).fill(100))).toBeLessThan(2);
  });
});

describe('samples', () => {
  const SIZE = 1000;
  /** One key in so many is sampled at first, and stands for so many. */
  const EACH = 32;

  /** Notes a read or write of a key that is sampled. */
  const note = (curve: ReuseCurve, key: number, reads: number, isRead = true) =>
    curve.note(key & 63, key, SIZE, isRead, reads);

  test('are as many as fit, and sampled the more seldom then', () => {
    const curve = new ReuseCurve();
    expect(curve.tagLimit).toBe(0);
    curve.begin(0);
    const rate = curve.rate;
    let most = 0;
    for (let key = 0; key < 1_000_000; key++) {
      const tag = mix32(key) >>> TAG_SHIFT;
      if (tag < curve.tagLimit) curve.note(tag, key, SIZE, true, key);
      most = Math.max(most, curve.sampleCount);
    }
    expect(most).toBe(2 ** 13);
    expect(curve.rate).toBeLessThan(rate);
    expect(curve.sampleCount).toBeGreaterThan(2 ** 12);
    expect(curve.firstFraction).toBe(1);
    curve.begin(0);
    expect([curve.rate, curve.sampleCount, curve.firstFraction]).toEqual([rate, 0, 0]);
  });

  test('that are gone take no room in the cache', () => {
    const withAll = new ReuseCurve();
    const withFew = new ReuseCurve();
    for (const curve of [withAll, withFew]) {
      curve.begin(0);
      for (let key = 0; key < 100; key++) note(curve, key, 0, false);
      for (let key = 1; key < 100; key += 2) if (curve === withFew) curve.forget(key & 63, key);
      for (let key = 0; key < 20; key += 2) note(curve, key, (key / 2 + 1) * EACH);
    }
    const bytes = 70 * SIZE * EACH;
    expect(withAll.hitRatio(bytes, 10 * EACH)).toBe(0);
    expect(withFew.hitRatio(bytes, 10 * EACH)).toBe(1);
    expect(withFew.sampleCount).toBe(50);
    withFew.forget(1, 1);
    expect(withFew.sampleCount).toBe(50);
  });

  test('that are written are used, and no reads', () => {
    const curve = new ReuseCurve();
    curve.begin(100);
    for (let round = 0; round < 3; round++) for (let key = 0; key < 64; key++) note(curve, key, 100, false);
    expect(curve.hitRatio(1e9, 100)).toBe(0);
    note(curve, 63, 100 + EACH);
    expect(curve.hitRatio(SIZE * 2, 100 + EACH)).toBe(1);
    expect(curve.firstFraction).toBe(0);
  });

  test('count the less the older they are, across a count of reads that begins anew', () => {
    const curve = new ReuseCurve();
    curve.begin(0);
    let reads = 0;
    const read = (key: number) => {
      reads += EACH;
      note(curve, key, reads);
    };
    for (let at = 0; at < 500_000; at++) read(at % 1000);
    expect(curve.hitRatio(500 * SIZE * EACH, reads)).toBe(0);
    reads = 0;
    for (let at = 0; at < 2_000_000; at++) read(at % 100);
    expect(curve.hitRatio(500 * SIZE * EACH, reads)).toBeGreaterThan(0.9);
  });
});
