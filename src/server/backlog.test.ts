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

test('ten thousand small messages take few blocks', () => {
  const backlog = new Backlog();
  const message = Buffer.from('*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n');
  for (let count = 0; count < 10_000; count++) backlog.addCopy(message);
  message.fill(0);
  const blocks = backlog.take();
  expect(blocks.length).toBeLessThan(30);
  expect(Buffer.concat(blocks).toString().split('message').length).toBe(10_001);
});
