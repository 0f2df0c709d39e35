import { describe, expect, test } from 'vitest';
import { createEngine, expectSteps, RESIDENCIES, START_MS, type Step } from '../../test/support/engine.ts';

const SYNTAX = '-ERR syntax error';
const NOT_AN_INTEGER = '-ERR value is not an integer or out of range';
const NOT_32_BITS = '-ERR value is out of range, value must between -2147483648 and 2147483647';
const NO_DATABASE = '-ERR DB index is out of range';
const SAME_OBJECT = '-ERR source and destination objects are the same';
const NO_SUCH_KEY = '-ERR no such key';
const LFU_OFF =
  '-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';
const LFU_ON =
  '-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';

const set = (key: string, value: string): Step => [`SET ${key} ${value}`, '+OK', 'same', [`$ set ${key}`]];
/** Sets a key with an expiry in milliseconds from the start of the test. */
const setFor = (key: string, value: string, ms: number): Step => [
  `SET ${key} ${value} PXAT ${START_MS + ms}`,
  '+OK',
  'same',
  [`$ set ${key}`, `g expire ${key}`],
];
const select = (number: number): Step => [`SELECT ${number}`, '+OK'];
const expires = (key: string, ms: number, command: string): Step => [
  command,
  ':1',
  [`PEXPIREAT ${key} ${START_MS + ms}`],
  [`g expire ${key}`],
];

const CASES: Record<string, Step[]> = {
  copy: [
    ['COPY a b', ':0'],
    set('a', '1'),
    ['COPY a b', ':1', 'same', ['g copy_to b']],
    ['GET b', '$1'],
    setFor('c', '2', 5000),
    ['COPY c b', ':0'],
    ['COPY c b REPLACE', ':1', 'same', ['g copy_to b']],
    ['GET b', '$2'],
    ['PTTL b', ':5000'],
    ['COPY c c DB 1', ':1', 'same', ['1:g copy_to c']],
    ['COPY c c DB 1', ':0'],
    ['COPY c c DB 1 replace', ':1', 'same', ['1:g copy_to c']],
    ['COPY a a', SAME_OBJECT],
    ['COPY a a DB 0', SAME_OBJECT],
    ['COPY a b DB 99', NO_DATABASE],
    ['COPY a b DB -1', NO_DATABASE],
    ['COPY a b DB x', NOT_AN_INTEGER],
    ['COPY a b DB 99999999999', NOT_32_BITS],
    ['COPY a b DB', SYNTAX],
    ['COPY a b FOO', SYNTAX],
    select(1),
    ['PTTL c', ':5000'],
    ['OBJECT ENCODING c', '$int'],
  ],
  dbsize: [
    ['DBSIZE', ':0'],
    set('a', '1'),
    set('b', '1'),
    ['DBSIZE', ':2'],
    ['DEL a', ':1', 'same', ['g del a']],
    ['DBSIZE', ':1'],
    select(1),
    ['DBSIZE', ':0'],
  ],
  del: [
    ['DEL a', ':0'],
    ['MSET a 1 b 2 c 3', '+OK', 'same', ['$ set a', '$ set b', '$ set c']],
    ['DEL a missing c a', ':2', 'same', ['g del a', 'g del c']],
    ['EXISTS a b c', ':1'],
    ['DEL', "-ERR wrong number of arguments for 'del' command"],
  ],
  exists: [
    ['EXISTS a', ':0'],
    setFor('a', '1', 10),
    ['EXISTS a a b', ':2'],
    10,
    ['EXISTS a', ':0', ['DEL a'], ['x expired a']],
  ],
  expire: [
    ['EXPIRE a 10', ':0'],
    ['EXPIRE a -9223372036854776', "-ERR invalid expire time in 'expire' command"],
    ['EXPIRE a 9223372036854776', "-ERR invalid expire time in 'expire' command"],
    set('a', '1'),
    expires('a', 10_000, 'EXPIRE a 10'),
    ['TTL a', ':10'],
    ['EXPIRE a 20 NX', ':0'],
    expires('a', 20_000, 'EXPIRE a 20 XX'),
    ['EXPIRE a 20 GT', ':0'],
    ['EXPIRE a 10 gt', ':0'],
    expires('a', 30_000, 'EXPIRE a 30 GT'),
    ['EXPIRE a 30 LT', ':0'],
    ['EXPIRE a 40 LT', ':0'],
    expires('a', 5000, 'EXPIRE a 5 XX LT'),
    ['GET a', '$1'],
    set('b', '1'),
    ['EXPIRE b 10 XX', ':0'],
    ['EXPIRE b 10 GT', ':0'],
    expires('b', 10_000, 'EXPIRE b 10 LT'),
    ['EXPIRE a x', NOT_AN_INTEGER],
    ['EXPIRE a 1.5', NOT_AN_INTEGER],
    ['EXPIRE a 9223372036854775807', "-ERR invalid expire time in 'expire' command"],
    ['EXPIRE a 9223372036854775', "-ERR invalid expire time in 'expire' command"],
    ['EXPIRE a -9223372036854775808', "-ERR invalid expire time in 'expire' command"],
    ['EXPIRE a 1 FOO', '-ERR Unsupported option FOO'],
    ['EXPIRE a 1 NX XX', '-ERR NX and XX, GT or LT options at the same time are not compatible'],
    ['EXPIRE a 1 NX GT', '-ERR NX and XX, GT or LT options at the same time are not compatible'],
    ['EXPIRE a 1 GT LT', '-ERR GT and LT options at the same time are not compatible'],
    ['EXPIRE a 0', ':1', ['DEL a'], ['g del a']],
    ['EXISTS a', ':0'],
    ['EXPIRE b -1', ':1', ['DEL b'], ['g del b']],
    setFor('c', '1', 1000),
    1000,
    ['EXPIRE c 10', ':0', ['DEL c'], ['x expired c']],
  ],
  expireat: [
    set('a', '1'),
    ['EXPIREAT a 1700000200', ':1', ['PEXPIREAT a 1700000200000'], ['g expire a']],
    ['EXPIRETIME a', ':1700000200'],
    ['EXPIREAT a 1', ':1', ['DEL a'], ['g del a']],
  ],
  'expiry of cold and hot keys': [
    setFor('a', '1', 1000),
    set('b', '1'),
    ['SETEX c 2 1', '+OK', [`SET c 1 PXAT ${START_MS + 2000}`], ['$ set c', 'g expire c']],
    999,
    ['MGET a b c', ['$1', '$1', '$1']],
    1,
    ['MGET a b c', ['$-1', '$1', '$1'], ['DEL a'], ['x expired a']],
    1000,
    ['RENAME c d', NO_SUCH_KEY, ['DEL c'], ['x expired c']],
    ['DBSIZE', ':1'],
  ],
  flushall: [
    ['FLUSHALL', '+OK', 'same'],
    set('a', '1'),
    ['COPY a a DB 1', ':1', 'same', ['1:g copy_to a']],
    ['FLUSHALL SYNC', '+OK', 'same'],
    ['DBSIZE', ':0'],
    ['GET a', '$-1'],
    set('a', '2'),
    ['FLUSHALL async', '+OK', 'same'],
    ['GET a', '$-1'],
    ['FLUSHALL FOO', SYNTAX],
    ['FLUSHALL SYNC ASYNC', SYNTAX],
  ],
  flushdb: [
    set('a', '1'),
    ['COPY a a DB 1', ':1', 'same', ['1:g copy_to a']],
    ['FLUSHDB', '+OK', 'same'],
    ['DBSIZE', ':0'],
    select(1),
    ['GET a', '$1'],
    ['FLUSHDB ASYNC', '+OK', ['1:FLUSHDB ASYNC']],
    ['GET a', '$-1'],
    ['FLUSHDB FOO', SYNTAX],
  ],
  keys: [
    ['KEYS *', []],
    set('one', '1'),
    ['KEYS *', ['$one']],
    setFor('two', '2', 1000),
    ['KEYS t*', ['$two']],
    ['KEYS ?ne', ['$one']],
    ['KEYS [a-o]ne', ['$one']],
    ['KEYS [^o]*', ['$two']],
    ['KEYS x', []],
    1000,
    ['KEYS t*', []],
  ],
  move: [
    ['MOVE a 1', ':0'],
    setFor('a', '1', 5000),
    ['MOVE a 1', ':1', 'same', ['g move_from a', '1:g move_to a']],
    ['EXISTS a', ':0'],
    set('a', '2'),
    ['MOVE a 1', ':0'],
    ['MOVE a 0', SAME_OBJECT],
    ['MOVE a 99', NO_DATABASE],
    ['MOVE a -1', NO_DATABASE],
    ['MOVE a x', NOT_AN_INTEGER],
    ['MOVE a 99999999999', NOT_32_BITS],
    select(1),
    ['GET a', '$1'],
    ['PTTL a', ':5000'],
  ],
  object: [
    ['OBJECT ENCODING a', '$-1'],
    ['OBJECT FREQ a', '$-1'],
    ['OBJECT IDLETIME a', '$-1'],
    ['OBJECT REFCOUNT a', '$-1'],
    set('a', 'hello'),
    ['OBJECT ENCODING a', '$embstr'],
    ['OBJECT FREQ a', LFU_OFF],
    ['OBJECT IDLETIME a', ':0'],
    90_000,
    ['OBJECT IDLETIME a', ':90'],
    ['TYPE a', '+string'],
    ['OBJECT IDLETIME a', ':90'],
    ['OBJECT REFCOUNT a', ':1'],
    ['OBJECT ENCODING', "-ERR wrong number of arguments for 'object|encoding' command"],
    ['OBJECT', "-ERR wrong number of arguments for 'object' command"],
    ['OBJECT FOO a', "-ERR unknown subcommand 'FOO'. Try OBJECT HELP."],
  ],
  persist: [
    ['PERSIST a', ':0'],
    set('a', '1'),
    ['PERSIST a', ':0'],
    setFor('a', '1', 5000),
    ['PERSIST a', ':1', 'same', ['g persist a']],
    ['PTTL a', ':-1'],
    ['GET a', '$1'],
  ],
  pexpire: [
    set('a', '1'),
    expires('a', 1500, 'PEXPIRE a 1500'),
    ['PTTL a', ':1500'],
    ['PEXPIRE a 9223372036854775807', "-ERR invalid expire time in 'pexpire' command"],
    ['PEXPIRE a -1', ':1', ['DEL a'], ['g del a']],
  ],
  pexpireat: [
    set('a', '1'),
    ['PEXPIREAT a 1700000200001', ':1', 'same', ['g expire a']],
    ['PEXPIRETIME a', ':1700000200001'],
    ['EXPIRETIME a', ':1700000200'],
    ['PEXPIREAT a -1', ':1', ['DEL a'], ['g del a']],
  ],
  randomkey: [
    ['RANDOMKEY', '$-1'],
    setFor('a', '1', 1000),
    ['RANDOMKEY', '$a'],
    1000,
    ['RANDOMKEY', '$-1', ['DEL a'], ['x expired a']],
  ],
  rename: [
    ['RENAME a b', NO_SUCH_KEY],
    ['RENAME a a', NO_SUCH_KEY],
    setFor('a', '1', 5000),
    ['RENAME a a', '+OK'],
    ['RENAME a b', '+OK', 'same', ['g rename_from a', 'g rename_to b']],
    ['MGET a b', ['$-1', '$1']],
    ['PTTL b', ':5000'],
    set('c', '2'),
    ['RENAME c b', '+OK', 'same', ['g rename_from c', 'g rename_to b']],
    ['GET b', '$2'],
    ['PTTL b', ':-1'],
    ['DBSIZE', ':1'],
  ],
  renamenx: [
    ['RENAMENX a b', NO_SUCH_KEY],
    ['MSET a 1 b 2', '+OK', 'same', ['$ set a', '$ set b']],
    ['RENAMENX a b', ':0'],
    ['RENAMENX a a', ':0'],
    ['RENAMENX a c', ':1', 'same', ['g rename_from a', 'g rename_to c']],
    ['MGET a b c', ['$-1', '$2', '$1']],
  ],
  scan: [
    ['SCAN 0', ['$0', []]],
    setFor('one', '1', 1000),
    ['SCAN 0', ['$0', ['$one']]],
    ['SCAN 0 TYPE string COUNT 5 MATCH o*', ['$0', ['$one']]],
    ['SCAN 0 MATCH x*', ['$0', []]],
    ['SCAN 0 TYPE list', ['$0', []]],
    ['SCAN 0 TYPE foo', ['$0', []]],
    ['SCAN x', '-ERR invalid cursor'],
    ['SCAN 0x', '-ERR invalid cursor'],
    ['SCAN 0 COUNT 0', SYNTAX],
    ['SCAN 0 COUNT x', NOT_AN_INTEGER],
    ['SCAN 0 MATCH', SYNTAX],
    ['SCAN 0 FOO 1', SYNTAX],
    1000,
    ['SCAN 0', ['$0', []], ['DEL one'], ['x expired one']],
  ],
  select: [
    select(1),
    ['SET a 1', '+OK', ['1:SET a 1'], ['1:$ set a']],
    select(0),
    ['GET a', '$-1'],
    ['SELECT 99', NO_DATABASE],
    ['SELECT -1', NO_DATABASE],
    ['SELECT x', NOT_AN_INTEGER],
    ['SELECT 99999999999', NOT_32_BITS],
  ],
  swapdb: [
    set('a', '0'),
    select(1),
    ['SET a 1', '+OK', ['1:SET a 1'], ['1:$ set a']],
    ['SWAPDB 0 1', '+OK', ['1:SWAPDB 0 1']],
    ['GET a', '$0'],
    select(0),
    ['GET a', '$1'],
    ['SWAPDB 0 0', '+OK'],
    ['SWAPDB x 1', '-ERR invalid first DB index'],
    ['SWAPDB 1 x', '-ERR invalid second DB index'],
    ['SWAPDB 0 99999999999', '-ERR invalid second DB index'],
    ['SWAPDB 99 1', NO_DATABASE],
    ['SWAPDB 1 99', NO_DATABASE],
  ],
  touch: [set('a', '1'), 90_000, ['TOUCH a a b', ':2'], ['OBJECT ENCODING a', '$int']],
  ttl: [
    ['TTL a', ':-2'],
    ['PTTL a', ':-2'],
    ['EXPIRETIME a', ':-2'],
    ['PEXPIRETIME a', ':-2'],
    set('a', '1'),
    ['TTL a', ':-1'],
    ['PTTL a', ':-1'],
    ['EXPIRETIME a', ':-1'],
    ['PEXPIRETIME a', ':-1'],
    setFor('a', '1', 10_500),
    ['TTL a', ':11'],
    1,
    ['TTL a', ':10'],
    ['PTTL a', ':10499'],
    ['PEXPIRETIME a', `:${START_MS + 10_500}`],
    ['EXPIRETIME a', `:${Math.floor((START_MS + 11_000) / 1000)}`],
  ],
  type: [['TYPE a', '+none'], set('a', '1'), ['TYPE a', '+string']],
  unlink: [
    ['MSET a 1 b 2', '+OK', 'same', ['$ set a', '$ set b']],
    ['UNLINK a missing b', ':2', 'same', ['g del a', 'g del b']],
    ['DBSIZE', ':0'],
  ],
  wait: [
    ['WAIT 0 0', ':0'],
    ['WAIT -1 0', ':0'],
    ['WAIT x 1', NOT_AN_INTEGER],
    ['WAIT 1 x', '-ERR timeout is not an integer or out of range'],
    ['WAIT 1 -1', '-ERR timeout is negative'],
  ],
  waitaof: [
    ['WAITAOF 0 0 0', [':0', ':0']],
    ['WAITAOF 1 0 0', '-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.'],
    ['WAITAOF 2 0 0', '-ERR value is out of range, value must between 0 and 1'],
    ['WAITAOF x 0 0', NOT_AN_INTEGER],
    ['WAITAOF 0 -1 0', '-ERR value is out of range, must be positive'],
    ['WAITAOF 0 0 x', '-ERR timeout is not an integer or out of range'],
  ],
};

describe.each(RESIDENCIES)('keys %s', (residency) => {
  test.each(Object.entries(CASES))('%s', (_, steps) => {
    expectSteps(createEngine({ residency }), steps);
  });

  test('OBJECT FREQ under an LFU policy', () => {
    const engine = createEngine({ residency, directives: { 'maxmemory-policy': 'allkeys-lfu' } });
    engine.run('SET', 'a', '1');
    expect(engine.run('OBJECT', 'FREQ', 'a').value).toBe(5);
    expectSteps(engine, [
      ['OBJECT FREQ missing', '$-1'],
      ['OBJECT IDLETIME a', LFU_ON],
      ['OBJECT IDLETIME missing', '$-1'],
    ]);
  });

  test('SCAN returns what is there throughout, while keys come and go', () => {
    const engine = createEngine({ residency });
    const steady = Array.from({ length: 300 }, (_, at) => `steady:${at}`);
    for (const key of steady) engine.run('SET', key, '1');
    const seen = new Set<string>();
    let cursor = '0';
    let round = 0;
    do {
      const [next, keys] = engine.run('SCAN', cursor, 'COUNT', 7).value as [string, string[]];
      for (const key of keys) seen.add(key);
      cursor = next;
      for (let at = 0; at < 5; at++) engine.run('SET', `passing:${round}:${at}`, '1');
      if (round % 2 === 1)
        engine.run('DEL', ...Array.from({ length: 5 }, (_, at) => `passing:${round - 1}:${at}`));
      expect(++round).toBeLessThan(1000);
    } while (cursor !== '0');
    expect(steady.filter((key) => !seen.has(key))).toEqual([]);
  });

  test('the cron removes what expired', () => {
    const engine = createEngine({ residency });
    for (let at = 0; at < 20; at++) engine.run('SET', `key:${at}`, at, 'PX', 1000 + (at % 2) * 60_000);
    engine.clock.advance(2500);
    const removed: string[] = [];
    for (let run = 0; run < 50; run++) {
      const { propagated, events } = engine.runCron();
      expect(events).toEqual(propagated.map((line) => `x expired ${line.slice('DEL '.length)}`));
      removed.push(...propagated);
      engine.clock.advance(100);
    }
    expect(removed.sort()).toEqual(Array.from({ length: 10 }, (_, at) => `DEL key:${at * 2}`).sort());
    expect(engine.run('DBSIZE').value).toBe(10);
  });

  test.each([
    ['WAIT 1 50', ':0\r\n'],
    ['WAITAOF 0 1 50', '*2\r\n:0\r\n:0\r\n'],
  ])('%s waits for replicas, of which there are none, until its time has passed', (line, reply) => {
    const engine = createEngine({ residency });
    const { client } = engine;
    const after = (ms: number) => {
      engine.clock.advance(ms);
      engine.runCron();
      return engine.takePushes(client);
    };
    expect(engine.run(...line.split(' ')).raw).toBe('');
    expect([after(49), after(1), after(1000)]).toEqual(['', reply, '']);
    // Without a time, for ever.
    engine.run(...line.replace('50', '0').split(' '));
    expect(after(1_000_000_000)).toBe('');
    engine.pipeline.endBlocking(client, null);
    expect(engine.takePushes(client)).toBe(reply);
    // Within a transaction not at all.
    engine.run('MULTI');
    engine.run(...line.split(' '));
    expect(engine.run('EXEC').raw).toBe(`*1\r\n${reply}`);
  });

  test('a watched key breaks by what other clients do to it', () => {
    const engine = createEngine({ residency });
    const other = engine.connect();
    for (const line of [
      'RENAME b a',
      'EXPIRE a 100',
      'PERSIST a',
      'COPY c a REPLACE',
      'MOVE a 1',
      'FLUSHALL',
    ]) {
      engine.run('MSET', 'a', '1', 'b', '2', 'c', '3');
      if (line.startsWith('PERSIST')) engine.run('EXPIRE', 'a', 50);
      engine.run('WATCH', 'a');
      engine.run('MULTI');
      engine.run('PING');
      engine.runAs(other, ...line.split(' '));
      expect([line, engine.run('EXEC').raw]).toEqual([line, '*-1\r\n']);
    }
  });
});
