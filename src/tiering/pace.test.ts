import { expect, test } from 'vitest';
import { ManualClock } from '../base/clock.ts';
import { WritePace } from './pace.ts';

const KIB = 1024;

/** Writes 16 KiB whenever there is room, for so many milliseconds, looking once in each; how much was written. */
function write(pace: WritePace, clock: ManualClock, milliseconds: number): number {
  let written = 0;
  for (let passed = 0; passed < milliseconds; passed++) {
    clock.advance(1);
    for (; pace.hasRoom; written += 16 * KIB) pace.take(16 * KIB);
  }
  return written;
}

test('lets through what the rate says, evenly', () => {
  const clock = new ManualClock(0);
  const pace = new WritePace(clock, () => 10_000 * KIB);
  write(pace, clock, 1000);
  for (const milliseconds of [100, 1000]) {
    const expected = milliseconds * 10 * KIB;
    expect(Math.abs(write(pace, clock, milliseconds) - expected)).toBeLessThan(32 * KIB);
  }
});

test('after a pause a twentieth of a second’s goes at once, and no more', () => {
  const clock = new ManualClock(0);
  const pace = new WritePace(clock, () => 10_000 * KIB);
  clock.advance(60_000);
  expect(Math.abs(write(pace, clock, 1) - 500 * KIB)).toBeLessThan(32 * KIB);
});

test('a long record is a debt that later ones wait for', () => {
  const clock = new ManualClock(0);
  const pace = new WritePace(clock, () => 1000 * KIB);
  clock.advance(1000);
  expect(pace.hasRoom).toBe(true);
  pace.take(564 * KIB);
  expect(pace.hasRoom).toBe(false);
  expect(pace.waitMs).toBe(500);
  clock.advance(499);
  expect(pace.hasRoom).toBe(false);
  clock.advance(2);
  expect(pace.hasRoom).toBe(true);
});

test('without a rate there is room always, and nothing is owed when there is one again', () => {
  const clock = new ManualClock(0);
  let rate = 0;
  const pace = new WritePace(clock, () => rate);
  expect(write(pace, clock, 0)).toBe(0);
  pace.take(1e9);
  expect(pace.hasRoom).toBe(true);
  rate = 1000 * KIB;
  clock.advance(10);
  expect(pace.hasRoom).toBe(true);
});
