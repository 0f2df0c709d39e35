import { expect, test } from 'vitest';
import { hasReferences, withoutReference, withoutReferences, withReference } from './references.ts';

test('a record counts up to three uses, and loses one each time the hand passes', () => {
  const access = 0x1abcdef;
  let word = access;
  expect(hasReferences(word)).toBe(false);
  for (let use = 0; use < 5; use++) word = withReference(word);
  let passes = 0;
  for (; hasReferences(word); passes++) word = withoutReference(word);
  expect([passes, word]).toEqual([3, access]);
});

test('the bits beside are left alone', () => {
  for (const word of [0, 0xffffff, 0x1ffffff, -1 & ~(3 << 25)]) {
    expect(withoutReferences(withReference(withReference(word)))).toBe(word);
  }
});
