import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../base/random.ts';
import {
  ACCESS_MASK,
  LFU_COUNTER_INITIAL,
  lfuCounter,
  lfuInitial,
  lfuTouched,
  lruClock,
  lruIdleMs,
} from './access.ts';

const MINUTE_MS = 60_000;
const NOW_MS = 1_700_000_000_000;

describe('LRU', () => {
  test('idle time counts whole seconds, across the wrap of the 24-bit clock too', () => {
    expect(lruIdleMs(lruClock(NOW_MS), NOW_MS + 5_000)).toBe(5000);
    const beforeWrap = (ACCESS_MASK - 2) * 1000;
    expect(lruClock(beforeWrap + 3000)).toBe(0);
    expect(lruIdleMs(lruClock(beforeWrap), beforeWrap + 10_000)).toBe(10_000);
  });
});

describe('LFU', () => {
  test('a new key has the initial counter and loses one for each decay period', () => {
    const access = lfuInitial(NOW_MS);
    expect(lfuCounter(access, NOW_MS, 1)).toBe(LFU_COUNTER_INITIAL);
    expect(lfuCounter(access, NOW_MS + 3 * MINUTE_MS, 1)).toBe(2);
    expect(lfuCounter(access, NOW_MS + 3 * MINUTE_MS, 2)).toBe(4);
    expect(lfuCounter(access, NOW_MS + 300 * MINUTE_MS, 1)).toBe(0);
    expect(lfuCounter(access, NOW_MS + 300 * MINUTE_MS, 0)).toBe(LFU_COUNTER_INITIAL);
  });

  test('minutes wrap at 16 bits', () => {
    const lastMinuteMs = 0xffff * MINUTE_MS;
    expect(lfuCounter(lfuInitial(lastMinuteMs), lastMinuteMs + 2 * MINUTE_MS, 1)).toBe(3);
  });

  test('below the initial counter every access counts, above it the rarer the higher', () => {
    expect(lfuTouched(LFU_COUNTER_INITIAL, 0, 10, 1, 0.999) & 0xff).toBe(LFU_COUNTER_INITIAL + 1);
    // 1 / ((15 - 5) × 10 + 1)
    expect(lfuTouched(15, 0, 10, 1, 1 / 101.1) & 0xff).toBe(16);
    expect(lfuTouched(15, 0, 10, 1, 1 / 100.9) & 0xff).toBe(15);
    expect(lfuTouched(255, 0, 10, 1, 0) & 0xff).toBe(255);
    expect(lfuTouched(LFU_COUNTER_INITIAL, 7 * MINUTE_MS, 10, 1, 0.5)).toBe((7 << 8) | 1);
  });

  test.each([
    // After so many hits with the default factor of 10: the table in redis.conf.
    [100, 10],
    [1000, 18],
    [100_000, 142],
  ])('%i hits make a counter of about %i', (hits, counter) => {
    const random = new SeededRandom(1);
    let sum = 0;
    const runs = 20;
    for (let run = 0; run < runs; run++) {
      let access = lfuInitial(0);
      for (let hit = 0; hit < hits; hit++) access = lfuTouched(access, 0, 10, 1, random.uint32() / 2 ** 32);
      sum += access & 0xff;
    }
    expect(Math.abs(sum / runs - counter)).toBeLessThan(counter * 0.12);
  });
});
