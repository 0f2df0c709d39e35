import { describe, expect, test } from 'vitest';
import {
  createEngine,
  type ExpectedReply,
  expectSteps,
  RESIDENCIES,
  replyBytes,
  type Step,
} from '../../test/support/engine.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';

/** A command that is propagated as it came, its reply and its events. */
function told(command: string, reply: ExpectedReply, ...events: string[]): Step {
  return [command, reply, 'same', events];
}

describe.each(RESIDENCIES)('%s', (residency) => {
  test('elements come and go at both ends', () => {
    expectSteps(createEngine({ residency }), [
      told('RPUSH l a b', ':2', 'l rpush l'),
      told('LPUSH l c d', ':4', 'l lpush l'),
      ['LRANGE l 0 -1', ['$d', '$c', '$a', '$b']],
      ['LRANGE l -3 1', ['$c']],
      ['LRANGE l 5 9', []],
      ['LLEN l', ':4'],
      ['LINDEX l -1', '$b'],
      ['LINDEX l 4', '$-1'],
      told('LPOP l', '$d', 'l lpop l'),
      told('RPOP l 2', ['$b', '$a'], 'l rpop l'),
      ['LPOP l 0', []],
      ['OBJECT ENCODING l', '$listpack'],
      told('RPOP l', '$c', 'l rpop l', 'g del l'),
      ['LPOP l', '$-1'],
      ['LPOP l 2', '*-1'],
      ['LPUSHX l x', ':0'],
      ['RPUSHX l x', ':0'],
      ['LLEN l', ':0'],
    ]);
  });

  test('elements are changed in their place', () => {
    expectSteps(createEngine({ residency }), [
      told('RPUSH l a b a c a', ':5', 'l rpush l'),
      told('LSET l 1 B', '+OK', 'l lset l'),
      ['LSET l 9 x', '-ERR index out of range'],
      ['LSET none 0 x', '-ERR no such key'],
      told('LINSERT l BEFORE B x', ':6', 'l linsert l'),
      told('LINSERT l after B y', ':7', 'l linsert l'),
      ['LINSERT l AFTER none y', ':-1'],
      ['LINSERT none AFTER a y', ':0'],
      ['LRANGE l 0 -1', ['$a', '$x', '$B', '$y', '$a', '$c', '$a']],
      ['LPOS l a', ':0'],
      ['LPOS l a RANK -1', ':6'],
      ['LPOS l a COUNT 0', [':0', ':4', ':6']],
      ['LPOS l a RANK 2 COUNT 1 MAXLEN 5', [':4']],
      ['LPOS l none', '$-1'],
      ['LPOS l none COUNT 1', []],
      told('LREM l -2 a', ':2', 'l lrem l'),
      ['LREM l 0 none', ':0'],
      ['LRANGE l 0 -1', ['$a', '$x', '$B', '$y', '$c']],
      told('LTRIM l 1 -2', '+OK', 'l ltrim l'),
      ['LRANGE l 0 -1', ['$x', '$B', '$y']],
      told('LTRIM l 5 9', '+OK', 'l ltrim l', 'g del l'),
      ['EXISTS l', ':0'],
    ]);
  });

  test('elements move between lists', () => {
    expectSteps(createEngine({ residency }), [
      told('RPUSH from a b c', ':3', 'l rpush from'),
      told('LMOVE from to LEFT RIGHT', '$a', 'l rpush to', 'l lpop from'),
      told('RPOPLPUSH from to', '$c', 'l lpush to', 'l rpop from'),
      told('LMOVE to to LEFT RIGHT', '$c', 'l rpush to', 'l lpop to'),
      ['LRANGE to 0 -1', ['$a', '$c']],
      told('LMOVE from to LEFT LEFT', '$b', 'l lpush to', 'l lpop from', 'g del from'),
      ['LMOVE from to LEFT LEFT', '$-1'],
      ['LMOVE to to LEFT up', '-ERR syntax error'],
      ['LMPOP 2 from to RIGHT COUNT 2', ['$to', ['$c', '$a']], ['RPOP to 2'], ['l rpop to']],
      ['LMPOP 2 from none LEFT', '*-1'],
      ['LMPOP 0 to LEFT', '-ERR numkeys should be greater than 0'],
      ['LMPOP 1 to LEFT COUNT 0', '-ERR count should be greater than 0'],
      ['BLMPOP 0 1 to LEFT', ['$to', ['$b']], ['LPOP to 1'], ['l lpop to', 'g del to']],
    ]);
  });

  test('another type is refused, and nothing changes', () => {
    const commands = [
      'LPUSH s x',
      'RPUSHX s x',
      'LPOP s',
      'LLEN s',
      'LINDEX s 0',
      'LSET s 0 x',
      'LRANGE s 0 1',
      'LTRIM s 0 1',
      'LREM s 0 x',
      'LINSERT s BEFORE a b',
      'LPOS s a',
      'LMOVE s l LEFT LEFT',
      'LMOVE l s LEFT LEFT',
      'RPOPLPUSH l s',
      'LMPOP 2 none s LEFT',
      'BLPOP none s 0',
      'BLMOVE s l LEFT LEFT 0',
      'BLMOVE l s LEFT LEFT 0',
    ];
    expectSteps(createEngine({ residency }), [
      ['SET s text', '+OK', 'same', ['$ set s']],
      told('RPUSH l a', ':1', 'l rpush l'),
      ...commands.map((command): Step => [command, WRONG_TYPE]),
      ['LRANGE l 0 -1', ['$a']],
      ['GET s', '$text'],
    ]);
  });

  test('a list too large for its record is kept in pages', () => {
    const engine = createEngine({ residency });
    const elements = Array.from({ length: 1000 }, (_, at) => `element number ${at}`);
    engine.run('RPUSH', 'l', ...elements);
    expect(engine.keyspace.databases[0].pages.records.size).toBeGreaterThan(5);
    expect(engine.run('LRANGE', 'l', 0, -1).value).toEqual(elements);
    expect(engine.run('LINDEX', 'l', 500).value).toBe(elements[500]);
    expect(engine.run('OBJECT', 'ENCODING', 'l').value).toBe('quicklist');
    engine.run('COPY', 'l', 'copy');
    engine.run('RENAME', 'l', 'renamed');
    engine.run('MOVE', 'copy', 1);
    engine.run('SELECT', 1);
    expect(engine.run('LRANGE', 'copy', 0, -1).value).toEqual(elements);
    engine.run('SELECT', 0);
    engine.run('LTRIM', 'renamed', 0, 9);
    expect(engine.run('LRANGE', 'renamed', 0, -1).value).toEqual(elements.slice(0, 10));
    expect(engine.run('OBJECT', 'ENCODING', 'renamed').value).toBe('listpack');
    while (engine.pendingFreeCount > 0) engine.cron();
    expect(engine.keyspace.databases[0].pages.records.size).toBe(0);
    engine.run('FLUSHALL', 'SYNC');
    expect(engine.keyspace.arena.usedBytes).toBe(0);
  });

  test('who waits for a list is served in the order they came', () => {
    const engine = createEngine({ residency });
    const [first, second, third] = [engine.connect(), engine.connect(), engine.connect()];
    for (const client of [first, second, third]) engine.runAs(client, 'BLPOP', 'other', 'l', 0);
    expect(engine.blocking.clients.size).toBe(3);
    const outcome = engine.run('RPUSH', 'l', 'a', 'b');
    expect(outcome.raw).toBe(':2\r\n');
    expect(outcome.propagated).toEqual(['RPUSH l a b', 'LPOP l', 'LPOP l']);
    expect(outcome.events).toEqual(['l rpush l', 'l lpop l', 'l lpop l', 'g del l']);
    expect(engine.takePushes(first)).toBe(replyBytes(['$l', '$a']));
    expect(engine.takePushes(second)).toBe(replyBytes(['$l', '$b']));
    expect(third.blocked).not.toBeNull();
    engine.run('SET', 'l', 'text');
    expect(third.blocked).not.toBeNull();
    engine.run('DEL', 'l');
    engine.run('RPUSH', 'other', 'c');
    expect(engine.takePushes(third)).toBe(replyBytes(['$other', '$c']));
    expect(engine.blocking.keyCount).toBe(0);
  });

  test('an element that moves serves who waits for the list that it comes to', () => {
    const engine = createEngine({ residency });
    const [mover, taker] = [engine.connect(), engine.connect()];
    engine.runAs(taker, 'BRPOP', 'to', 0);
    engine.runAs(mover, 'BLMOVE', 'from', 'to', 'LEFT', 'RIGHT', 0);
    expect(engine.run('LPUSH', 'from', 'x').propagated).toEqual([
      'LPUSH from x',
      'LMOVE from to LEFT RIGHT',
      'RPOP to',
    ]);
    expect(engine.takePushes(mover)).toBe(replyBytes('$x'));
    expect(engine.takePushes(taker)).toBe(replyBytes(['$to', '$x']));
  });

  test('waiting ends with its time, and not at all within a transaction', () => {
    const engine = createEngine({ residency });
    const client = engine.connect();
    engine.runAs(client, 'BLPOP', 'l', 1.5);
    engine.clock.advance(1499);
    engine.cron();
    expect(client.blocked).not.toBeNull();
    engine.clock.advance(1);
    engine.cron();
    expect(engine.takePushes(client)).toBe('*-1\r\n');
    engine.run('MULTI');
    engine.run('BLPOP', 'l', 0);
    engine.run('BLMOVE', 'l', 'm', 'LEFT', 'LEFT', 0);
    expect(engine.run('EXEC').raw).toBe('*2\r\n*-1\r\n$-1\r\n');
    expect(engine.run('BLPOP', 'l', -1).raw).toBe('-ERR timeout is negative\r\n');
    expect(engine.run('BLPOP', 'l', 'soon').raw).toBe('-ERR timeout is not a float or out of range\r\n');
  });
});

test('the size of a listpack decides the encoding', () => {
  const engine = createEngine({ directives: { 'list-max-listpack-size': '3' } });
  const encoding = () => engine.run('OBJECT', 'ENCODING', 'l').value;
  engine.run('RPUSH', 'l', 'a', 'b', 'c');
  expect(encoding()).toBe('listpack');
  engine.run('RPUSH', 'l', 'd');
  expect(encoding()).toBe('quicklist');
  engine.run('RPOP', 'l', 2);
  expect(encoding()).toBe('quicklist');
  engine.run('RPOP', 'l');
  expect(encoding()).toBe('listpack');
});
