import { expect, test } from 'vitest';
import { ClientPause, PAUSES_ALL, PAUSES_NOTHING, PAUSES_WRITES } from './client-pause.ts';

test('of several pauses the later end and the wider mode hold', () => {
  const pause = new ClientPause();
  pause.begin(200, PAUSES_ALL);
  pause.begin(100, PAUSES_WRITES);
  expect(pause.mode).toBe(PAUSES_ALL);
  expect([pause.isOver(199), pause.isOver(200)]).toEqual([false, true]);
  pause.begin(300, PAUSES_WRITES);
  expect(pause.isOver(299)).toBe(false);
  pause.end();
  expect(pause.mode).toBe(PAUSES_NOTHING);
  pause.begin(50, PAUSES_WRITES);
  expect([pause.mode, pause.isOver(50)]).toEqual([PAUSES_WRITES, true]);
});
