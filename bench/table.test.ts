import { expect, it } from 'vitest';
import { formatMicroseconds, formatNumber, markdownTable, terminalTable } from './table.ts';

it('aligns columns', () => {
  const text = terminalTable(
    ['name', 'n'],
    [
      ['a', '1,000'],
      ['longer', '2'],
    ],
  );
  expect(text.split('\n')).toEqual(['name        n', '──────  ─────', 'a       1,000', 'longer      2']);
});

it('writes Markdown and escapes bars', () => {
  expect(markdownTable(['a', 'b'], [['1|2', '3']])).toBe('| a | b |\n|---|---|\n| 1\\|2 | 3 |');
});

it('keeps three significant digits', () => {
  const texts = [0, 7, 1234567, 123.4, 12.34, 1.005, 0.012345, Number.NaN].map(formatNumber);
  expect(texts).toEqual(['0', '7', '1,234,567', '123', '12.3', '1', '0.0123', '–']);
  expect([formatMicroseconds(9999), formatMicroseconds(12_340)]).toEqual(['9,999 µs', '12.3 ms']);
});
