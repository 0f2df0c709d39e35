import { expect, test } from 'vitest';
import { Backlog } from './backlog.ts';

test('bytes come back in their order, and small ones share blocks', () => {
  const backlog = new Backlog();
  const parts = [1, 5, 20_000, 3, 900, 40_000, 2].map((length, at) => Buffer.alloc(length, at + 1));
  for (const [at, part] of parts.entries()) {
    if (part.length > 30_000) backlog.add(part);
    else backlog.addCopy(part);
    expect(backlog.byteCount).toBe(parts.slice(0, at + 1).reduce((sum, each) => sum + each.length, 0));
  }
  const blocks = backlog.take();
  expect(blocks.length).toBeLessThan(parts.length);
  expect(Buffer.concat(blocks).equals(Buffer.concat(parts))).toBe(true);
  expect([backlog.byteCount, backlog.take()]).toEqual([0, []]);
});

test('the first bytes are taken, so many at a time', () => {
  const backlog = new Backlog();
  const parts = [700, 5, 20_000, 3000, 1].map((length, at) => Buffer.alloc(length, at + 1));
  for (const part of parts) backlog.add(part);
  const taken: Buffer[] = [];
  while (backlog.byteCount > 0) {
    const before = backlog.byteCount;
    const some = backlog.takeFirst(1000);
    const length = some.reduce((sum, each) => sum + each.length, 0);
    expect(length).toBe(Math.min(1000, before));
    expect(backlog.byteCount).toBe(before - length);
    taken.push(...some);
  }
  expect(Buffer.concat(taken).equals(Buffer.concat(parts))).toBe(true);
  expect(backlog.takeFirst(1000)).toEqual([]);
});

test('ten thousand small messages take few blocks', () => {
  const backlog = new Backlog();
  const message = Buffer.from('*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n');
  for (let count = 0; count < 10_000; count++) backlog.addCopy(message);
  message.fill(0);
  const blocks = backlog.take();
  expect(blocks.length).toBeLessThan(30);
  expect(Buffer.concat(blocks).toString().split('message').length).toBe(10_001);
});
