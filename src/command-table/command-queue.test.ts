import { describe, expect, test } from 'vitest';
import { Arguments } from '../resp/arguments.ts';
import type { Command } from './command.ts';
import { CommandQueue } from './command-queue.ts';

const GET = { fullName: 'get' } as Command;
const SET = { fullName: 'set' } as Command;

function words(...texts: string[]): Arguments {
  return Arguments.of(texts.map((text) => Buffer.from(text)));
}

function textsAt(queue: CommandQueue, at: number): string[] {
  const found = queue.wordsAt(at);
  return Array.from({ length: found.count }, (_, word) => found.text(word));
}

describe('a queue of commands', () => {
  test('keeps copies of small and large commands, in order', () => {
    const queue = new CommandQueue();
    const expected: string[][] = [];
    for (let at = 0; at < 300; at++) {
      const texts = [
        'SET',
        `key ${at}`,
        'v'.repeat(at % 50 === 7 ? 100_000 : at * 3),
        ...Array(at % 9).fill('x'),
      ];
      const given = words(...texts);
      queue.add(at % 2 === 0 ? GET : SET, given);
      given.buffer.fill(0);
      expected.push(texts);
    }
    expect(queue.length).toBe(300);
    expect(queue.commandAt(4)).toBe(GET);
    expect(queue.commandAt(5)).toBe(SET);
    expect(expected.map((_, at) => textsAt(queue, at))).toEqual(expected);
    expect(queue.byteCount).toBeGreaterThan(expected.flat().join('').length);
  });

  test('is empty when it is used again', () => {
    const queue = CommandQueue.take();
    queue.add(SET, words('SET', 'a', '1'));
    queue.add(SET, words('SET', 'a', 'x'.repeat(20_000)));
    queue.release();
    const again = CommandQueue.take();
    expect(again).toBe(queue);
    expect([again.length, again.byteCount]).toEqual([0, 0]);
    again.add(GET, words('GET', 'b'));
    expect(textsAt(again, 0)).toEqual(['GET', 'b']);
  });

  test('that has grown large is not kept', () => {
    const queue = new CommandQueue();
    for (let at = 0; at < 100; at++) queue.add(SET, words('SET', 'a', 'x'.repeat(10_000)));
    queue.release();
    expect(CommandQueue.take()).not.toBe(queue);
  });
});
