import { expect, test } from 'vitest';
import { ManualClock, systemClock } from './clock.ts';

test('the machine has the time of day and a clock that never goes back', () => {
  const before = Date.now();
  const wallMs = systemClock.wallMs();
  expect(wallMs).toBeGreaterThanOrEqual(before);
  expect(wallMs).toBeLessThanOrEqual(Date.now());
  const startUs = systemClock.monotonicUs();
  let endUs = systemClock.monotonicUs();
  while (Date.now() < before + 5) {
    const nextUs = systemClock.monotonicUs();
    expect(nextUs).toBeGreaterThanOrEqual(endUs);
    endUs = nextUs;
  }
  // It counts microseconds: several thousand of them went by.
  expect(endUs - startUs).toBeGreaterThan(2000);
});

test('a manual clock moves when told', () => {
  const clock = new ManualClock(1_700_000_000_000);
  const startUs = clock.monotonicUs();
  expect(clock.wallMs()).toBe(1_700_000_000_000);
  clock.advance(1500);
  expect(clock.wallMs()).toBe(1_700_000_001_500);
  expect(clock.monotonicUs() - startUs).toBe(1_500_000);
});
