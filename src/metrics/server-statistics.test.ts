import { expect, test } from 'vitest';
import { ServerStatistics, Stretch } from './server-statistics.ts';

test('a stretch adds up what has been and what is', () => {
  const stretch = new Stretch();
  stretch.note(false, 100);
  expect(stretch.totalMs(200)).toBe(0);
  stretch.note(true, 300);
  stretch.note(true, 400);
  expect([stretch.presentMs(450), stretch.totalMs(450)]).toEqual([150, 150]);
  stretch.note(false, 500);
  expect([stretch.presentMs(900), stretch.totalMs(900)]).toEqual([0, 200]);
  stretch.note(true, 1000);
  expect([stretch.presentMs(1001), stretch.totalMs(1001)]).toEqual([1, 201]);
  stretch.reset();
  expect([stretch.presentMs(1002), stretch.totalMs(1002)]).toEqual([2, 2]);
});

test('rates are averages of the last samples', () => {
  const statistics = new ServerStatistics();
  for (let second = 1; second <= 17; second++) {
    statistics.commandsProcessed += 100;
    statistics.eventLoopCycles += 10;
    statistics.sample(second * 1000);
  }
  expect(statistics.operationsPerSecond.perSecond).toBe(100);
  expect(statistics.cyclesPerSecond.perSecond).toBe(10);
  expect(statistics.eventLoopPerSecond.perSecond).toBe(0);
});
