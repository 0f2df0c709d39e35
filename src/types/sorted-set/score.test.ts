import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes } from '../../base/bytes.ts';
import { readScore, SCORE_BYTES, writeScore } from './score.ts';

function formOf(score: number): Uint8Array {
  const bytes = new Uint8Array(SCORE_BYTES + 3);
  writeScore(bytes, 3, score);
  return bytes.subarray(3);
}

test('scores come back, and their forms sort as they do', () => {
  const score = fc.oneof(
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.constantFrom(0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, -5e-324),
  );
  fc.assert(
    fc.property(score, score, (left, right) => {
      expect(readScore(formOf(left), 0)).toBe(left);
      const order = compareBytes(formOf(left), 0, SCORE_BYTES, formOf(right), 0, SCORE_BYTES);
      if (left !== right) expect(order < 0).toBe(left < right);
      else expect(order === 0).toBe(Object.is(left, right));
    }),
  );
});
