import { expect, test } from 'vitest';
import { AclLog } from './log.ts';

const EVENT = {
  reason: 'command',
  context: 'toplevel',
  object: 'get',
  userName: 'alice',
  clientInfo: 'id=1',
} as const;

test('the same event within a minute is counted where it is', () => {
  const log = new AclLog();
  log.add(EVENT, 1000, 128);
  log.add({ ...EVENT, object: 'set' }, 2000, 128);
  log.add({ ...EVENT, clientInfo: 'id=2' }, 61_000, 128);
  expect(log.entries).toEqual([
    { ...EVENT, clientInfo: 'id=2', id: 0, count: 2, createdMs: 1000, updatedMs: 61_000 },
    { ...EVENT, object: 'set', id: 1, count: 1, createdMs: 2000, updatedMs: 2000 },
  ]);
  log.add(EVENT, 121_001, 128);
  expect(log.entries.map(({ id, count }) => [id, count])).toEqual([
    [2, 1],
    [0, 2],
    [1, 1],
  ]);
});

test.each(['reason', 'context', 'object', 'userName'])('another %s is another event', (field) => {
  const log = new AclLog();
  log.add(EVENT, 0, 128);
  log.add({ ...EVENT, [field]: 'key' }, 0, 128);
  expect(log.entries).toHaveLength(2);
});

test('only ten entries are compared, and only so many kept', () => {
  const log = new AclLog();
  for (let at = 0; at < 11; at++) log.add({ ...EVENT, object: `${at}` }, 0, 128);
  log.add({ ...EVENT, object: '0' }, 0, 128);
  expect(log.entries).toHaveLength(12);
  log.add({ ...EVENT, object: 'new' }, 0, 3);
  expect(log.entries.map(({ object }) => object)).toEqual(['new', '0', '10']);
  log.add({ ...EVENT, object: 'x' }, 0, 0);
  expect(log.entries).toEqual([]);
  log.add(EVENT, 0, 3);
  expect(log.entries[0].id).toBe(13);
  log.clear();
  expect(log.entries).toEqual([]);
});
