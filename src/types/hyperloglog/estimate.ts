import { REGISTER_COUNT } from './format.ts';
import { INDEX_BITS } from './hash.ts';

/**
 * The number of different elements from how many registers have which value, by Otmar Ertl: "New cardinality estimation
 * algorithms for HyperLogLog sketches" (arXiv:1702.01284), algorithm 6, as in Redis (hyperloglog.c, hllCount).
 */

/** What a larger estimate becomes as a 64-bit integer. */
const CARDINALITY_MAX = 2 ** 63;
const RUN_MAX = 64 - INDEX_BITS;
const ALPHA_INFINITY = 0.7213475204444817;

/** `histogram` counts registers by value, 0 to 63. An integer, at most 2^63 for registers that no elements give. */
export function estimateCardinality(histogram: Int32Array): number {
  const count = REGISTER_COUNT;
  let sum = count * tau((count - histogram[RUN_MAX + 1]) / count);
  for (let value = RUN_MAX; value >= 1; value--) sum = (sum + histogram[value]) * 0.5;
  sum += count * sigma(histogram[0] / count);
  return Math.min(Math.round((ALPHA_INFINITY * count * count) / sum), CARDINALITY_MAX);
}

function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY;
  let power = x;
  let factor = 1;
  let sum = x;
  let before: number;
  do {
    power *= power;
    before = sum;
    sum += power * factor;
    factor += factor;
  } while (before !== sum);
  return sum;
}

function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let root = x;
  let factor = 1;
  let sum = 1 - x;
  let before: number;
  do {
    root = Math.sqrt(root);
    before = sum;
    factor *= 0.5;
    sum -= (1 - root) ** 2 * factor;
  } while (before !== sum);
  return sum / 3;
}
