import { expect, it } from 'vitest';
import { median, medianRatio } from './statistics.ts';

it('takes the middle, and the ratios of pairs', () => {
  expect(median([5, 1, 100])).toBe(5);
  expect(median([4, 1, 2, 100])).toBe(3);
  expect(median([])).toBeNaN();
  expect(medianRatio([2, 30, 9], [1, 10, 9])).toBe(2);
});
