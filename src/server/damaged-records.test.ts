import { beforeEach, expect, test } from 'vitest';
import { createEngine, type TestEngine, type Word } from '../../test/support/engine.ts';
import { WatchedDisk } from '../../test/support/watched-disk.ts';
import { SeededRandom } from '../base/random.ts';
import { Arguments } from '../resp/arguments.ts';

let disk: WatchedDisk;
let engine: TestEngine;
let propagated: string[];

/** Runs a command and leaves keys where they are; its reply. */
function run(...words: Word[]): string {
  engine.beginBatch();
  const parts = words.map((word) => (word instanceof Uint8Array ? word : Buffer.from(String(word))));
  engine.pipeline.execute(engine.client, Arguments.of(parts), false);
  const reply = engine.reply.buffer.toString('latin1', 0, engine.reply.length);
  engine.reply.length = 0;
  engine.endTick();
  return reply;
}

/** Long enough to be damaged. */
const storedValue = (key: string): string => `value of ${key}`.padEnd(200);

/** Keys whose only copy is on the device, where it is damaged from now on. */
beforeEach(async () => {
  disk = new WatchedDisk();
  engine = createEngine({ residency: 'demoted', disk: disk.disk });
  for (const key of ['a', 'b', 'c']) engine.run('set', key, storedValue(key));
  engine.run('set', 'expiring', storedValue('expiring'), 'ex', 100);
  engine.run('hset', 'hash', ...Array.from({ length: 4000 }, (_, at) => `word-${at}`));
  const random = new SeededRandom(2);
  const filler = Buffer.alloc(64 * 1024);
  for (let number = 0; number < 40; number++) {
    for (let at = 0; at < filler.length; at += 4) filler.writeUInt32LE(random.uint32(), at);
    engine.run('set', `filler${number}`, filler);
  }
  await disk.settle();
  disk.damages = true;
  propagated = [];
  engine.onPropagate = (_, words, replacement) => {
    const commands = replacement ?? [Array.from({ length: words.count }, (_, at) => words.copy(at))];
    for (const words of commands) propagated.push(words.map((word) => Buffer.from(word)).join(' '));
  };
});

test('reading a damaged record is an error', () => {
  expect(run('get', 'a')).toMatch(/^-IOERR /);
  expect(run('append', 'a', 'more')).toMatch(/^-IOERR /);
  expect(run('expire', 'a', 10)).toMatch(/^-IOERR /);
  expect(propagated).toEqual([]);
});

test('its key can be deleted', () => {
  const keys = Number(/\d+/.exec(run('dbsize'))?.[0]);
  expect(run('del', 'a', 'none', 'b')).toBe(':2\r\n');
  expect(run('unlink', 'c')).toBe(':1\r\n');
  expect(propagated).toEqual(['del a none b', 'unlink c']);
  expect(run('get', 'a')).toBe('$-1\r\n');
  expect(run('dbsize')).toBe(`:${keys - 3}\r\n`);
  expect(run('set', 'a', 'new')).toBe('+OK\r\n');
  expect(run('get', 'a')).toBe('$3\r\nnew\r\n');
});

test('its key can be overwritten', () => {
  expect(run('set', 'a', 'new')).toBe('+OK\r\n');
  expect(run('setex', 'b', 100, 'new')).toBe('+OK\r\n');
  expect(run('mset', 'x', '1', 'c', '2', 'y', '3')).toBe('+OK\r\n');
  expect(run('mget', 'a', 'b', 'c', 'x', 'y')).toBe(
    '*5\r\n$3\r\nnew\r\n$3\r\nnew\r\n$1\r\n2\r\n$1\r\n1\r\n$1\r\n3\r\n',
  );
  expect(run('rename', 'x', 'expiring')).toBe('+OK\r\n');
  expect(run('ttl', 'expiring')).toBe(':-1\r\n');
  expect(run('sadd', 's', '1')).toBe(':1\r\n');
  expect(run('sunionstore', 'hash', 's')).toBe(':1\r\n');
});

test('a command that needs what it holds changes nothing', () => {
  expect(run('msetnx', 'x', '1', 'a', '2')).toMatch(/^-IOERR /);
  expect(run('msetex', 2, 'x', '1', 'a', '2', 'keepttl')).toMatch(/^-IOERR /);
  expect(run('set', 'a', 'new', 'get')).toMatch(/^-IOERR /);
  expect(run('set', 'a', 'new', 'keepttl')).toMatch(/^-IOERR /);
  expect(run('exists', 'x')).toBe(':0\r\n');
  expect(propagated).toEqual([]);
});

test('a value with damaged pages can be deleted, and what else there is stays', () => {
  disk.damages = false;
  expect(run('hlen', 'hash')).toBe(':2000\r\n');
  expect(run('del', 'hash')).toBe(':1\r\n');
  disk.damages = true;
  while (engine.pendingFreeCount > 0) engine.runCron();
  disk.damages = false;
  expect(run('get', 'a')).toBe(`$200\r\n${storedValue('a')}\r\n`);
  expect(engine.keyspace.databases[0].pageRecords?.size).toBe(0);
});

test('all keys can be removed', () => {
  expect(run('flushall')).toBe('+OK\r\n');
  expect(run('dbsize')).toBe(':0\r\n');
});
