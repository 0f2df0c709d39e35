import { describe, expect, test, vi } from 'vitest';
import { createEngine, expectSteps, RESIDENCIES, START_MS, type Step } from '../../test/support/engine.ts';
import { Arguments } from '../resp/arguments.ts';

const SYNTAX = '-ERR syntax error';
const NOT_AN_INTEGER = '-ERR value is not an integer or out of range';
const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_POSITIVE = '-ERR value is out of range, must be positive';

const SET_A: Step = ['SADD a 1 2 3', ':3', 'same', ['s sadd a']];
const SET_B: Step = ['SADD b 2 3 4', ':3', 'same', ['s sadd b']];
const STRING: Step = ['SET string x', '+OK', 'same', ['$ set string']];

/** Sets of integers come in ascending order, small sets of words in the order in which they were added. */
const CASES: Record<string, Step[]> = {
  sadd: [
    ['SADD a 3 1 2 1', ':3', 'same', ['s sadd a']],
    ['SADD a 1 2', ':0'],
    ['OBJECT ENCODING a', '$intset'],
    ['SADD a x', ':1', 'same', ['s sadd a']],
    ['OBJECT ENCODING a', '$listpack'],
    ['SMEMBERS a', ['$1', '$2', '$3', '$x']],
    ['TYPE a', '+set'],
    STRING,
    ['SADD string x', WRONG_TYPE],
    ['SADD a', "-ERR wrong number of arguments for 'sadd' command"],
    ['SADD b -9223372036854775808 9223372036854775807 0', ':3', 'same', ['s sadd b']],
    ['SMEMBERS b', ['$-9223372036854775808', '$0', '$9223372036854775807']],
    ['SADD b 9223372036854775808', ':1', 'same', ['s sadd b']],
    ['OBJECT ENCODING b', '$listpack'],
  ],
  srem: [
    SET_A,
    ['SREM a 7 x', ':0'],
    ['SREM a 1 1 7', ':1', 'same', ['s srem a']],
    ['SREM a 2 3 4', ':2', 'same', ['s srem a', 'g del a']],
    ['EXISTS a', ':0'],
    ['SREM a 1', ':0'],
    STRING,
    ['SREM string x', WRONG_TYPE],
    ['SREM a', "-ERR wrong number of arguments for 'srem' command"],
  ],
  scard: [
    SET_A,
    ['SCARD a', ':3'],
    ['SCARD none', ':0'],
    STRING,
    ['SCARD string', WRONG_TYPE],
    ['SCARD', "-ERR wrong number of arguments for 'scard' command"],
  ],
  sismember: [
    SET_A,
    ['SISMEMBER a 2', ':1'],
    ['SISMEMBER a 02', ':0'],
    ['SISMEMBER a 9', ':0'],
    ['SISMEMBER none 1', ':0'],
    STRING,
    ['SISMEMBER string x', WRONG_TYPE],
    ['SISMEMBER a', "-ERR wrong number of arguments for 'sismember' command"],
  ],
  smismember: [
    SET_A,
    ['SMISMEMBER a 2 x 3', [':1', ':0', ':1']],
    ['SMISMEMBER none 1 2', [':0', ':0']],
    STRING,
    ['SMISMEMBER string x', WRONG_TYPE],
    ['SMISMEMBER a', "-ERR wrong number of arguments for 'smismember' command"],
  ],
  smembers: [
    SET_A,
    ['SMEMBERS a', ['$1', '$2', '$3']],
    ['SMEMBERS none', []],
    STRING,
    ['SMEMBERS string', WRONG_TYPE],
    ['SMEMBERS a b', "-ERR wrong number of arguments for 'smembers' command"],
  ],
  smove: [
    SET_A,
    ['SMOVE a b 7', ':0'],
    ['SMOVE none b 1', ':0'],
    ['SMOVE a b 1', ':1', 'same', ['s srem a', 's sadd b']],
    ['SADD b 2', ':1', 'same', ['s sadd b']],
    ['SMOVE a b 2', ':1', 'same', ['s srem a']],
    ['SMOVE a a 3', ':1'],
    ['SMOVE a a 4', ':0'],
    ['SMOVE a b 3', ':1', 'same', ['s srem a', 'g del a', 's sadd b']],
    ['SMEMBERS b', ['$1', '$2', '$3']],
    STRING,
    ['SMOVE string b x', WRONG_TYPE],
    ['SMOVE b string x', WRONG_TYPE],
    ['SMOVE none string x', ':0'],
    ['SMOVE a b', "-ERR wrong number of arguments for 'smove' command"],
  ],
  spop: [
    ['SADD a 1', ':1', 'same', ['s sadd a']],
    ['SPOP a', '$1', ['SREM a 1'], ['s spop a', 'g del a']],
    ['SPOP a', '$-1'],
    ['SPOP a 3', []],
    SET_A,
    ['SPOP a 0', []],
    ['SPOP a -1', NOT_POSITIVE],
    ['SPOP a x', NOT_POSITIVE],
    ['SPOP a 1 2', SYNTAX],
    ['SPOP a 3', ['$1', '$2', '$3'], ['DEL a'], ['s spop a', 'g del a']],
    ['CONFIG SET lazyfree-lazy-server-del yes', '+OK'],
    SET_A,
    ['SPOP a 4', ['$1', '$2', '$3'], ['UNLINK a'], ['s spop a', 'g del a']],
    STRING,
    ['SPOP string', WRONG_TYPE],
    ['SPOP string 1', WRONG_TYPE],
  ],
  srandmember: [
    ['SADD a 1', ':1', 'same', ['s sadd a']],
    ['SRANDMEMBER a', '$1'],
    ['SRANDMEMBER a 5', ['$1']],
    ['SRANDMEMBER a -3', ['$1', '$1', '$1']],
    ['SRANDMEMBER a 0', []],
    ['SRANDMEMBER none', '$-1'],
    ['SRANDMEMBER none 2', []],
    ['SRANDMEMBER a x', NOT_AN_INTEGER],
    [
      'SRANDMEMBER a -9223372036854775808',
      '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
    ],
    ['SRANDMEMBER a 1 2', SYNTAX],
    STRING,
    ['SRANDMEMBER string', WRONG_TYPE],
    ['SRANDMEMBER string 1', WRONG_TYPE],
  ],
  sinter: [
    SET_A,
    SET_B,
    ['SINTER a b', ['$2', '$3']],
    ['SINTER a', ['$1', '$2', '$3']],
    ['SINTER a none', []],
    ['SINTER a a', ['$1', '$2', '$3']],
    STRING,
    ['SINTER none string', WRONG_TYPE],
    ['SINTER', "-ERR wrong number of arguments for 'sinter' command"],
  ],
  sintercard: [
    SET_A,
    SET_B,
    ['SINTERCARD 2 a b', ':2'],
    ['SINTERCARD 2 a b LIMIT 1', ':1'],
    ['SINTERCARD 2 a b limit 0', ':2'],
    ['SINTERCARD 2 a none', ':0'],
    ['SINTERCARD 0 a', '-ERR numkeys should be greater than 0'],
    ['SINTERCARD x a', '-ERR numkeys should be greater than 0'],
    ['SINTERCARD 2 a', "-ERR Number of keys can't be greater than number of args"],
    ['SINTERCARD 1 a LIMIT -1', "-ERR LIMIT can't be negative"],
    ['SINTERCARD 1 a LIMIT', SYNTAX],
    ['SINTERCARD 1 a b', SYNTAX],
    STRING,
    ['SINTERCARD 2 none string', WRONG_TYPE],
    ['SINTERCARD 1', "-ERR wrong number of arguments for 'sintercard' command"],
  ],
  sinterstore: [
    SET_A,
    SET_B,
    ['SINTERSTORE c a b', ':2', 'same', ['s sinterstore c']],
    ['SMEMBERS c', ['$2', '$3']],
    ['OBJECT ENCODING c', '$intset'],
    ['SINTERSTORE a a b', ':2', 'same', ['s sinterstore a']],
    ['SMEMBERS a', ['$2', '$3']],
    ['SINTERSTORE c a none', ':0', 'same', ['g del c']],
    ['SINTERSTORE c a none', ':0'],
    STRING,
    ['SINTERSTORE string a b', ':2', 'same', ['s sinterstore string']],
    ['TYPE string', '+set'],
    ['SADD words 2 x y', ':3', 'same', ['s sadd words']],
    ['SADD more 2 x z w', ':4', 'same', ['s sadd more']],
    ['SINTERSTORE c words more', ':2', 'same', ['s sinterstore c']],
    ['OBJECT ENCODING c', '$listpack'],
    ['SREM more x', ':1', 'same', ['s srem more']],
    ['SINTERSTORE c words more', ':1', 'same', ['s sinterstore c']],
    ['OBJECT ENCODING c', '$intset'],
    ['SET plain x', '+OK', 'same', ['$ set plain']],
    ['SINTERSTORE c words plain', WRONG_TYPE],
    ['SINTERSTORE c', "-ERR wrong number of arguments for 'sinterstore' command"],
  ],
  sunion: [
    SET_A,
    SET_B,
    ['SUNION a b', ['$1', '$2', '$3', '$4']],
    ['SUNION a none', ['$1', '$2', '$3']],
    ['SUNION none other', []],
    ['SUNION a a', ['$1', '$2', '$3']],
    STRING,
    ['SUNION none string', WRONG_TYPE],
    ['SUNION', "-ERR wrong number of arguments for 'sunion' command"],
  ],
  sunionstore: [
    SET_A,
    SET_B,
    ['SUNIONSTORE a a b', ':4', 'same', ['s sunionstore a']],
    ['SMEMBERS a', ['$1', '$2', '$3', '$4']],
    ['PEXPIRE a 5000', ':1', [`PEXPIREAT a ${START_MS + 5000}`], ['g expire a']],
    ['SUNIONSTORE a b', ':3', 'same', ['s sunionstore a']],
    ['TTL a', ':-1'],
    ['SUNIONSTORE a none', ':0', 'same', ['g del a']],
    STRING,
    ['SUNIONSTORE a string', WRONG_TYPE],
    ['SUNIONSTORE a', "-ERR wrong number of arguments for 'sunionstore' command"],
  ],
  sdiff: [
    SET_A,
    SET_B,
    ['SDIFF a b', ['$1']],
    ['SDIFF b a none', ['$4']],
    ['SDIFF a', ['$1', '$2', '$3']],
    ['SDIFF a b a', []],
    ['SDIFF none a', []],
    STRING,
    ['SDIFF none string', WRONG_TYPE],
    ['SDIFF', "-ERR wrong number of arguments for 'sdiff' command"],
  ],
  sdiffstore: [
    SET_A,
    SET_B,
    ['SDIFFSTORE c a b', ':1', 'same', ['s sdiffstore c']],
    ['SMEMBERS c', ['$1']],
    ['SDIFFSTORE c none a', ':0', 'same', ['g del c']],
    ['SDIFFSTORE a a b', ':1', 'same', ['s sdiffstore a']],
    STRING,
    ['SDIFFSTORE c a string', WRONG_TYPE],
    ['SDIFFSTORE c', "-ERR wrong number of arguments for 'sdiffstore' command"],
  ],
  sscan: [
    SET_A,
    ['SSCAN a 0', ['$0', ['$1', '$2', '$3']]],
    ['SSCAN a 0 MATCH [12] COUNT 1', ['$0', ['$1', '$2']]],
    ['SSCAN none 0 x', ['$0', []]],
    ['SSCAN a x', '-ERR invalid cursor'],
    ['SSCAN a 0 COUNT 0', SYNTAX],
    ['SSCAN a 0 COUNT x', NOT_AN_INTEGER],
    ['SSCAN a 0 TYPE set', SYNTAX],
    ['SSCAN a 0 NOVALUES', '-ERR NOVALUES option can only be used in HSCAN'],
    STRING,
    ['SSCAN string 0', WRONG_TYPE],
    ['SSCAN a', "-ERR wrong number of arguments for 'sscan' command"],
  ],
};

describe.each(RESIDENCIES)('%s', (residency) => {
  test.each(Object.keys(CASES))('%s', (name) => {
    expectSteps(createEngine({ residency }), CASES[name]);
  });

  test('sets of RESP3', () => {
    const engine = createEngine({ residency });
    engine.client.protocol = 3;
    engine.run('SADD', 'a', 1, 2);
    engine.run('SADD', 'b', 2);
    const set = '~1\r\n$1\r\n2\r\n';
    for (const line of ['SMEMBERS b', 'SINTER a b', 'SUNION b', 'SDIFF b none', 'SPOP b 1'])
      expect([line, engine.run(...line.split(' ')).raw]).toEqual([line, set]);
    for (const line of ['SMEMBERS b', 'SINTER a b', 'SUNION b', 'SDIFF b a', 'SPOP b 1'])
      expect([line, engine.run(...line.split(' ')).raw]).toEqual([line, '~0\r\n']);
    expect(engine.run('SRANDMEMBER', 'a', 2).raw).toBe('*2\r\n$1\r\n1\r\n$1\r\n2\r\n');
    expect(engine.run('SPOP', 'b').raw).toBe('_\r\n');
  });

  test('large sets: every command against JS sets', () => {
    const engine = createEngine({ residency });
    const names = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, at) => `member:${from + at}`);
    const [left, right] = [names(0, 1500), names(1000, 2200)];
    engine.run('SADD', 'left', ...left);
    engine.run('SADD', 'right', ...right);
    const reply = (...words: string[]) => [...(engine.run(...words).value as string[])].sort();
    expect(engine.run('SCARD', 'left').value).toBe(1500);
    expect(engine.run('OBJECT', 'ENCODING', 'left').value).toBe('hashtable');
    expect(reply('SMEMBERS', 'left')).toEqual([...left].sort());
    expect(reply('SINTER', 'left', 'right')).toEqual(names(1000, 1500).sort());
    expect(reply('SUNION', 'left', 'right')).toEqual(names(0, 2200).sort());
    expect(reply('SDIFF', 'left', 'right')).toEqual(names(0, 1000).sort());
    // A small set less large ones, and a large set less many small ones.
    engine.run('SADD', 'few', 'member:1', 'member:1600');
    expect(reply('SDIFF', 'few', 'left')).toEqual(['member:1600']);
    expect(reply('SDIFF', 'left', 'few', 'few', 'few', 'few', 'few')).toEqual(
      left.filter((name) => name !== 'member:1').sort(),
    );
    expect(engine.run('SINTERCARD', 2, 'left', 'right', 'LIMIT', 100).value).toBe(100);
    expect(engine.run('SUNIONSTORE', 'union', 'left', 'right').value).toBe(2200);
    expect(engine.run('SDIFFSTORE', 'difference', 'left', 'right').value).toBe(1000);
    expect(engine.run('SDIFFSTORE', 'difference', 'left', 'few', 'few', 'few', 'few').value).toBe(1499);
    expect(engine.run('SINTERSTORE', 'left', 'left', 'right').value).toBe(500);
    expect(reply('SMEMBERS', 'left')).toEqual(names(1000, 1500).sort());
    expect(engine.run('SMOVE', 'right', 'left', 'member:2000').events).toEqual([
      's srem right',
      's sadd left',
    ]);
    expect(engine.run('SREM', 'union', ...names(0, 2200)).events).toEqual(['s srem union', 'g del union']);
    expect(engine.run('EXISTS', 'union').value).toBe(0);
  });

  test('a scan of a large set meets every member', () => {
    const engine = createEngine({ residency });
    const all = Array.from({ length: 2000 }, (_, at) => `member:${at}`);
    engine.run('SADD', 'a', ...all);
    const found = new Set<string>();
    let cursor = '0';
    let calls = 0;
    do {
      const [next, members] = engine.run('SSCAN', 'a', cursor, 'COUNT', 50).value as [string, string[]];
      for (const member of members) found.add(member);
      cursor = next;
      calls++;
    } while (cursor !== '0');
    expect(found.size).toBe(2000);
    expect(calls).toBeGreaterThan(10);
    const [, matching] = engine.run('SSCAN', 'a', 0, 'COUNT', 100_000, 'MATCH', '*:19?').value as [
      string,
      string[],
    ];
    expect(matching.sort()).toEqual(Array.from({ length: 10 }, (_, at) => `member:19${at}`));
  });

  test.each([
    ['few', 100, 3000],
    ['half', 1500, 3000],
    ['nearly all', 2900, 3000],
    ['nearly all of an intset', 290, 300],
    ['nearly all of a listpack', 95, 100],
  ])('SPOP of %s', (kind, count, size) => {
    const engine = createEngine({ residency });
    const prefix = kind.includes('intset') ? '' : 'member:';
    const all = new Set(Array.from({ length: size }, (_, at) => `${prefix}${at}`));
    engine.run('SADD', 'a', ...all);
    engine.run('EXPIRE', 'a', 1000);
    const { value, propagated, events } = engine.run('SPOP', 'a', count);
    const popped = value as string[];
    expect(new Set(popped).size).toBe(count);
    const commands = propagated
      .filter((command) => command !== 'MULTI' && command !== 'EXEC')
      .map((command) => command.split(' '));
    expect(commands.every(([name, key]) => name === 'SREM' && key === 'a')).toBe(true);
    expect(commands.flatMap((words) => words.slice(2))).toEqual(popped);
    expect(commands.length).toBe(Math.ceil(count / 1024));
    expect(events).toEqual(['s spop a']);
    for (const member of popped) expect(all.delete(member)).toBe(true);
    expect([...(engine.run('SMEMBERS', 'a').value as string[])].sort()).toEqual([...all].sort());
    expect(engine.run('TTL', 'a').value).toBe(1000);
  });

  test.each([10, 290, 1000, 2999])('SRANDMEMBER of %i of 3000 different members', (count) => {
    const engine = createEngine({ residency });
    const all = new Set(Array.from({ length: 3000 }, (_, at) => `member:${at}`));
    engine.run('SADD', 'a', ...all);
    const drawn = engine.run('SRANDMEMBER', 'a', count).value as string[];
    expect(new Set(drawn).size).toBe(count);
    expect(drawn.every((member) => all.has(member))).toBe(true);
    expect((engine.run('SRANDMEMBER', 'a', -count).value as string[]).length).toBe(count);
    // What was built to draw is freed.
    const { databases } = engine.keyspace;
    for (let round = 0; round < 200; round++) engine.runCron();
    const pages = databases[0].pageRecords?.size;
    engine.run('DEL', 'a');
    for (let round = 0; round < 200; round++) engine.runCron();
    expect(pages).toBeGreaterThan(0);
    expect(databases[0].pageRecords?.size).toBe(0);
  });
});

test('the thresholds of encodings are configured', () => {
  const engine = createEngine({
    directives: {
      'set-max-intset-entries': '3',
      'set-max-listpack-entries': '5',
      'set-max-listpack-value': '4',
    },
  });
  const encodingAfter = (...members: (string | number)[]) => {
    engine.run('DEL', 'a');
    for (const member of members) engine.run('SADD', 'a', member);
    return engine.run('OBJECT', 'ENCODING', 'a').value;
  };
  expect(encodingAfter(1, 2, 3)).toBe('intset');
  expect(encodingAfter(1, 2, 3, 4)).toBe('hashtable');
  expect(encodingAfter('a', 1, 2, 3, 4)).toBe('listpack');
  expect(encodingAfter('a', 1, 2, 3, 4, 5)).toBe('hashtable');
  expect(encodingAfter('a', 'long!')).toBe('hashtable');
  expect(encodingAfter(12345, 'a')).toBe('hashtable');
  expect(encodingAfter(1234, 'a')).toBe('listpack');
  // By the number of members that are to be added, whatever they are.
  engine.run('DEL', 'a');
  engine.run('SADD', 'a', 1, 1, 1, 1);
  expect(engine.run('OBJECT', 'ENCODING', 'a').value).toBe('listpack');
  engine.run('DEL', 'a');
  engine.run('SADD', 'a', 1, 1, 1, 1, 1, 1);
  expect(engine.run('OBJECT', 'ENCODING', 'a').value).toBe('hashtable');
  engine.run('DEL', 'a');
  engine.run('SADD', 'a', 1);
  engine.run('SADD', 'a', 1, 1, 1, 1);
  expect(engine.run('OBJECT', 'ENCODING', 'a').value).toBe('hashtable');
  // What was stored by an intersection of a hash table is an intset again if it may be.
  engine.run('SADD', 'b', 1, 2, 3, 4, 'word');
  engine.run('SINTERSTORE', 'c', 'b', 'a');
  expect(engine.run('OBJECT', 'ENCODING', 'c').value).toBe('intset');
});

test('more random members than a reply can hold are an error at once', () => {
  const engine = createEngine();
  engine.run('SADD', 'a', 1);
  expect(engine.run('SRANDMEMBER', 'a', '-9223372036854775807').raw).toBe(
    '-ERR the reply is longer than a buffer can be\r\n',
  );
});

test('one member of a large set costs few pages', () => {
  const engine = createEngine({ residency: 'demoted' });
  engine.run('SADD', 'a', ...Array.from({ length: 20_000 }, (_, at) => `member:${at}`));
  const [database] = engine.keyspace.databases;
  expect(database.pageRecords?.size).toBeGreaterThan(200);
  const { cold } = engine.keyspace;
  if (cold === null) throw new Error('no tier');
  const reads = vi.spyOn(cold, 'read');
  for (const line of ['SISMEMBER a member:77', 'SADD a new', 'SREM a member:5', 'SPOP a', 'SRANDMEMBER a']) {
    reads.mockClear();
    engine.pipeline.execute(
      engine.client,
      Arguments.of(line.split(' ').map((word) => Buffer.from(word))),
      false,
    );
    expect([line, reads.mock.calls.length < 16]).toEqual([line, true]);
    engine.settle();
  }
});
