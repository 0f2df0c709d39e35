import { expect, test } from 'vitest';
import { ManualClock, systemClock } from './clock.ts';

test('the machine has the time of day and a clock that never goes back', () => {
  const before = Date.now();
  const wallMs = systemClock.wallMs();
  expect(wallMs).toBeGreaterThanOrEqual(before);
  expect(wallMs).toBeLessThanOrEqual(Date.now());
  const outerStartMs = performance.now();
  const startUs = systemClock.monotonicUs();
  const innerStartMs = performance.now();
  let endUs = startUs;
  while (Date.now() < before + 5) {
    const nextUs = systemClock.monotonicUs();
    expect(nextUs).toBeGreaterThanOrEqual(endUs);
    endUs = nextUs;
  }
  const innerEndMs = performance.now();
  endUs = systemClock.monotonicUs();
  expect(endUs - startUs).toBeGreaterThanOrEqual((innerEndMs - innerStartMs) * 1000 - 1);
  expect(endUs - startUs).toBeLessThanOrEqual((performance.now() - outerStartMs) * 1000 + 1);
});

test('a manual clock moves when told', () => {
  const clock = new ManualClock(1_700_000_000_000);
  const startUs = clock.monotonicUs();
  expect(clock.wallMs()).toBe(1_700_000_000_000);
  clock.advance(1500);
  expect(clock.wallMs()).toBe(1_700_000_001_500);
  expect(clock.monotonicUs() - startUs).toBe(1_500_000);
});
