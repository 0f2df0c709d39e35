import { describe, expect, it } from 'vitest';
import { ClosedLoop, OpenLoop } from './pacing.ts';

describe('OpenLoop', () => {
  it('hands out operations when they are due and not before', () => {
    const loop = new OpenLoop({ operations: 10, durationMs: Infinity }, 100);
    loop.begin(1000);
    expect(loop.take(1000, 5)).toBe(1);
    expect(loop.take(1009.9, 5)).toBe(0);
    expect(loop.nextDueMs()).toBe(1010);
    expect(loop.take(1010, 5)).toBe(1);
    expect(loop.issued).toBe(2);
  });

  it('counts from the intended start of operations that a stall held up', () => {
    const loop = new OpenLoop({ operations: 100, durationMs: Infinity }, 1000);
    loop.begin(0);
    expect(loop.take(0, 1)).toBe(1);
    // No connection is free for 50 ms: 50 operations have become due, and a batch takes 20 of them.
    expect(loop.take(50, 20)).toBe(20);
    const sequences = Array.from({ length: 20 }, (_, index) => loop.issued - 20 + index);
    expect(sequences.map((sequence) => loop.startOf(sequence, 50))).toEqual(sequences);
    expect(loop.nextDueMs()).toBe(21);
    expect(loop.take(50, 100)).toBe(30);
  });

  it('ends after its operations', () => {
    const loop = new OpenLoop({ operations: 3, durationMs: Infinity }, 1000);
    loop.begin(0);
    expect(loop.take(100, 100)).toBe(3);
    expect(loop.finished(100)).toBe(true);
    expect(loop.take(200, 100)).toBe(0);
    expect(loop.unsent()).toBe(0);
  });

  it('ends after its time and says what was due and not sent', () => {
    const loop = new OpenLoop({ operations: Infinity, durationMs: 1000 }, 100);
    loop.begin(500);
    expect(loop.take(1400, 30)).toBe(30);
    expect(loop.finished(1499)).toBe(false);
    expect(loop.finished(1500)).toBe(true);
    expect(loop.take(1500, 30)).toBe(0);
    expect(loop.unsent()).toBe(70);
  });
});

describe('ClosedLoop', () => {
  it('hands out what is asked for until its operations are used up', () => {
    const loop = new ClosedLoop({ operations: 10, durationMs: Infinity });
    loop.begin(0);
    expect([loop.take(0, 4), loop.take(1, 4), loop.take(2, 4), loop.take(3, 4)]).toEqual([4, 4, 2, 0]);
    expect(loop.finished(3)).toBe(true);
    expect(loop.startOf(5, 77)).toBe(77);
  });

  it('ends after its time', () => {
    const loop = new ClosedLoop({ operations: Infinity, durationMs: 10 });
    loop.begin(100);
    expect(loop.take(109, 4)).toBe(4);
    expect(loop.finished(109)).toBe(false);
    expect(loop.take(110, 4)).toBe(0);
    expect(loop.finished(110)).toBe(true);
  });
});
