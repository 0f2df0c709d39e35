import { expect, test } from 'vitest';
import { LatencyHistogram } from './latency-histogram.ts';

function bucketsOf(...microseconds: number[]): [number, number][] {
  const histogram = new LatencyHistogram();
  for (const duration of microseconds) histogram.record(duration);
  const buckets: [number, number][] = [];
  histogram.forEachBucket((limit, count) => buckets.push([limit, count]));
  return buckets;
}

test('the limits are those that redis-server reports', () => {
  // 8, 16, 33, 66, 132, 264, 541065 and 1073741 were read off LATENCY HISTOGRAM of redis-server 7.0.15.
  const limits = bucketsOf(...Array.from({ length: 21 }, (_, at) => 2 ** at)).map(([limit]) => limit);
  expect(limits).toEqual([
    1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113, 4227, 8454, 16908, 33816, 67633, 135266, 270532,
    541065, 1073741,
  ]);
});

test('a duration counts for its bucket and the later ones, and empty buckets are left out', () => {
  expect(bucketsOf(5, 9, 9, 300)).toEqual([
    [8, 1],
    [16, 3],
    [528, 4],
  ]);
});

test.each([
  [0, 1],
  [1.031, 1],
  [1.032, 2],
  [8.255, 8],
  [8.256, 16],
  [536_870, 541_065],
  [600_000, 1_073_741],
  [5_000_000, 1_073_741],
])('%d microseconds are at most %d', (microseconds, limit) => {
  expect(bucketsOf(microseconds)).toEqual([[limit, 1]]);
});

test('reset forgets', () => {
  const histogram = new LatencyHistogram();
  histogram.record(3);
  histogram.reset();
  expect(histogram.count).toBe(0);
  histogram.forEachBucket(() => expect.unreachable());
});

test('percentiles are right to a 128th', () => {
  const histogram = new LatencyHistogram();
  for (let microseconds = 1; microseconds <= 1000; microseconds++) histogram.record(microseconds);
  // Read off INFO latencystats of redis-server 7.0.15, of durations of 9 and of 50 microseconds.
  const one = new LatencyHistogram();
  one.record(9);
  expect(one.percentile(50).toFixed(3)).toBe('9.023');
  one.record(50);
  expect(one.percentile(100).toFixed(3)).toBe('50.175');
  expect(one.percentile(0).toFixed(3)).toBe('8.960');
  for (const percent of [1, 10, 50, 99, 99.9, 100]) {
    const exact = percent * 10;
    expect(histogram.percentile(percent)).toBeGreaterThanOrEqual(Math.floor(exact));
    expect(histogram.percentile(percent)).toBeLessThanOrEqual(exact * (1 + 1 / 64));
  }
  histogram.record(1e9);
  expect(histogram.percentile(100)).toBeCloseTo(1e6, -4);
});
