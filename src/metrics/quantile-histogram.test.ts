import fc from 'fast-check';
import { expect, test } from 'vitest';
import { QuantileHistogram } from './quantile-histogram.ts';

test('without durations all quantiles are 0', () => {
  expect(new QuantileHistogram().quantile(0.5)).toBe(0);
});

test('quantiles are right to a sixteenth, the largest exactly', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e8, noNaN: true }), { minLength: 1 }), (durations) => {
      const histogram = new QuantileHistogram();
      for (const duration of durations) histogram.record(duration);
      const sorted = [...durations].sort((left, right) => left - right);
      for (const share of [0.5, 0.99, 1]) {
        const exact = sorted[Math.ceil(sorted.length * share) - 1];
        expect(histogram.quantile(share)).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
        expect(histogram.quantile(share)).toBeLessThanOrEqual(exact * (1 + 1 / 16) + 1 / 16);
      }
      for (const limit of [0, 1, 1000, 1e6]) {
        const counted = histogram.countUpTo(limit);
        expect(counted).toBeLessThanOrEqual(sorted.filter((duration) => duration <= limit).length);
        const surely = limit * (1 - 1 / 16) - 1 / 16;
        expect(counted).toBeGreaterThanOrEqual(sorted.filter((duration) => duration <= surely).length);
      }
      expect(histogram.sum).toBeCloseTo(
        durations.reduce((sum, duration) => sum + duration, 0),
        0,
      );
      expect(histogram.max).toBe(sorted[sorted.length - 1]);
    }),
  );
});
