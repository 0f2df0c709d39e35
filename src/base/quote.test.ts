import { expect, test } from 'vitest';
import { quoteBytes } from './quote.ts';

test.each([
  ['', '""'],
  ['plain words', '"plain words"'],
  ['"\\', '"\\"\\\\"'],
  ['\x07\b\t\n\r', '"\\a\\b\\t\\n\\r"'],
  ['\0\x0b\x1b\x7f\x80\xff~ ', '"\\x00\\x0b\\x1b\\x7f\\x80\\xff~ "'],
])('%j', (text, quoted) => {
  const bytes = Buffer.from(`<${text}>`, 'latin1');
  expect(quoteBytes(bytes, 1, text.length).toString('latin1')).toBe(quoted);
});
