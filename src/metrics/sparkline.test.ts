import { expect, test } from 'vitest';
import { sparkline } from './sparkline.ts';

test('each row has three levels, labels hang below', () => {
  const samples = [0, 1, 2, 3, 4, 5, 6].map((value) => ({ value, label: `${value}s` }));
  expect(sparkline(samples, 80, 2)).toBe('   _o##\n_o#||||\n       \n0123456\nsssssss\n');
});

test('equal values lie at the bottom, and a long graph is wrapped', () => {
  const samples = ['1', '23', '4'].map((label) => ({ value: 9, label }));
  expect(sparkline(samples, 2, 1)).toBe('__\n  \n12\n 3\n\n_\n \n4\n');
});
