import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../base/random.ts';
import { TouchSketch } from './touch-sketch.ts';

const BYTES = 1 << 14;
/** Touches in which the hand comes round once. */
const ROUND = BYTES / 4;

describe('TouchSketch', () => {
  test('counts the touches of a key up to 15', () => {
    const sketch = new TouchSketch(BYTES);
    expect(sketch.estimate(12345)).toBe(0);
    const estimates = Array.from({ length: 20 }, () => sketch.touch(12345));
    expect(estimates).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15, 15, 15, 15, 15]);
    expect(sketch.estimate(12345)).toBe(15);
    expect(sketch.byteCount).toBe(BYTES);
  });

  test('a scan of keys that were never touched hardly ever looks like second touches', () => {
    const sketch = new TouchSketch(BYTES);
    const random = new SeededRandom(1);
    let second = 0;
    const total = ROUND * 20;
    for (let at = 0; at < total; at++) if (sketch.touch(random.uint32() | 0) > 1) second++;
    expect(second / total).toBeLessThan(0.02);
  });

  test('remembers a touch for a while, and forgets it after a round', () => {
    const sketch = new TouchSketch(BYTES);
    const random = new SeededRandom(2);
    for (let at = 0; at < ROUND; at++) sketch.touch(random.uint32() | 0);
    let remembered = 0;
    for (let key = 0; key < 200; key++) {
      sketch.touch(key);
      for (let at = 0; at < ROUND / 100; at++) sketch.touch(random.uint32() | 0);
      if (sketch.estimate(key) >= 1) remembered++;
    }
    expect(remembered).toBeGreaterThan(190);
    for (let at = 0; at < ROUND; at++) sketch.touch(random.uint32() | 0);
    let left = 0;
    for (let key = 0; key < 200; key++) if (sketch.estimate(key) >= 1) left++;
    expect(left).toBeLessThan(10);
  });

  test('halves each counter once a round', () => {
    const sketch = new TouchSketch(BYTES);
    for (let touch = 0; touch < 12; touch++) sketch.touch(77);
    const random = new SeededRandom(3);
    for (let at = 0; at < ROUND; at++) sketch.touch(random.uint32() | 0);
    expect(sketch.estimate(77)).toBeGreaterThanOrEqual(6);
    expect(sketch.estimate(77)).toBeLessThanOrEqual(7);
  });
});
