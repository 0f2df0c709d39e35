import { describe, expect, test } from 'vitest';
import {
  createEngine,
  expectSteps,
  RESIDENCIES,
  replyBytes,
  START_MS,
  type Step,
} from '../../test/support/engine.ts';
import { NOTIFY_KEY_MISS, NOTIFY_NEW } from '../keyspace/keyspace.ts';

const SYNTAX = '-ERR syntax error';
const NOT_AN_INTEGER = '-ERR value is not an integer or out of range';
const OVERFLOW = '-ERR increment or decrement would overflow';
const INT64_MAX = '9223372036854775807';
const LONG = 'x'.repeat(100_000);
const SET_EXPIRE = (key: string) => [`$ set ${key}`, `g expire ${key}`];

/** Digest of `hello`, as DIGEST of Redis 8.4 gives it: XXH3 with 64 bits. */
const HELLO_DIGEST = '9555e8555c62dcfd';

const CASES: Record<string, Step[]> = {
  append: [
    ['APPEND a 12', ':2', 'same', ['$ append a']],
    ['OBJECT ENCODING a', '$int'],
    ['APPEND a x', ':3', 'same', ['$ append a']],
    ['GET a', '$12x'],
    ['OBJECT ENCODING a', '$raw'],
    ['APPEND a ', ':3', 'same', ['$ append a']],
    ['PEXPIRE a 5000', ':1', [`PEXPIREAT a ${START_MS + 5000}`], ['g expire a']],
    [['APPEND', 'a', LONG], ':100003', 'same', ['$ append a']],
    ['PTTL a', ':5000'],
    ['STRLEN a', ':100003'],
    ['GETRANGE a 0 4', '$12xxx'],
    ['GETRANGE a -2 -1', '$xx'],
    ['APPEND a', "-ERR wrong number of arguments for 'append' command"],
  ],
  decr: [
    ['DECR a', ':-1', 'same', ['$ incrby a']],
    ['DECR a', ':-2', 'same', ['$ incrby a']],
    ['SET a -9223372036854775808', '+OK', 'same', ['$ set a']],
    ['DECR a', OVERFLOW],
  ],
  decrby: [
    ['DECRBY a 7', ':-7', 'same', ['$ incrby a']],
    ['DECRBY a -10', ':3', 'same', ['$ incrby a']],
    ['DECRBY a x', NOT_AN_INTEGER],
    ['DECRBY a -9223372036854775808', '-ERR decrement would overflow'],
    ['DECRBY a 9223372036854775807', ':-9223372036854775804', 'same', ['$ incrby a']],
    ['DECRBY a 4', ':-9223372036854775808', 'same', ['$ incrby a']],
    ['DECRBY a 1', OVERFLOW],
  ],
  delex: [
    ['DELEX a', ':0'],
    ['SET a hello', '+OK', 'same', ['$ set a']],
    ['DELEX a IFEQ other', ':0'],
    ['DELEX a IFNE hello', ':0'],
    ['DELEX a IFDEQ 0000000000000000', ':0'],
    [`DELEX a IFDNE ${HELLO_DIGEST}`, ':0'],
    ['DELEX a IFDEQ 12', '-ERR must be exactly 16 hexadecimal characters'],
    ['DELEX a FOO hello', '-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE'],
    ['DELEX a IFEQ', "-ERR wrong number of arguments for 'delex' command"],
    ['DELEX a IFEQ hello', ':1', ['DEL a'], ['g del a']],
    ['DELEX a IFEQ hello', ':0'],
    ['SET a hello', '+OK', 'same', ['$ set a']],
    [`DELEX a ifdeq ${HELLO_DIGEST.toUpperCase()}`, ':1', ['DEL a'], ['g del a']],
    ['SET a hello', '+OK', 'same', ['$ set a']],
    ['DELEX a', ':1', ['DEL a'], ['g del a']],
    ['EXISTS a', ':0'],
  ],
  digest: [
    ['DIGEST a', '$-1'],
    ['SET a hello', '+OK', 'same', ['$ set a']],
    ['DIGEST a', `$${HELLO_DIGEST}`],
  ],
  get: [
    ['GET a', '$-1'],
    ['SET a ', '+OK', 'same', ['$ set a']],
    ['GET a', '$'],
    ['SET a b PX 10', '+OK', [`SET a b PXAT ${START_MS + 10}`], SET_EXPIRE('a')],
    9,
    ['GET a', '$b'],
    1,
    ['GET a', '$-1', ['DEL a'], ['x expired a']],
    ['GET a', '$-1'],
    ['GET', "-ERR wrong number of arguments for 'get' command"],
  ],
  getdel: [
    ['GETDEL a', '$-1'],
    ['SET a b', '+OK', 'same', ['$ set a']],
    ['GETDEL a', '$b', ['DEL a'], ['g del a']],
    ['GET a', '$-1'],
  ],
  getex: [
    ['GETEX a EX 10', '$-1'],
    ['GETEX a EX 0', '$-1'],
    ['GETEX a EX x', '$-1'],
    ['GETEX a EX', SYNTAX],
    ['SET a b', '+OK', 'same', ['$ set a']],
    ['GETEX a', '$b'],
    ['GETEX a PERSIST', '$b'],
    ['GETEX a EX 10', '$b', [`PEXPIREAT a ${START_MS + 10_000}`], ['g expire a']],
    ['TTL a', ':10'],
    ['GETEX a PX 1500', '$b', [`PEXPIREAT a ${START_MS + 1500}`], ['g expire a']],
    ['PTTL a', ':1500'],
    ['GETEX a EXAT 1700000200', '$b', ['PEXPIREAT a 1700000200000'], ['g expire a']],
    ['GETEX a PXAT 1700000200001', '$b', ['PEXPIREAT a 1700000200001'], ['g expire a']],
    ['PEXPIRETIME a', ':1700000200001'],
    ['GETEX a PERSIST', '$b', ['PERSIST a'], ['g persist a']],
    ['TTL a', ':-1'],
    ['GETEX a EX 0', "-ERR invalid expire time in 'getex' command"],
    ['GETEX a EX -1', "-ERR invalid expire time in 'getex' command"],
    ['GETEX a EX 9223372036854775807', "-ERR invalid expire time in 'getex' command"],
    ['GETEX a EX x', NOT_AN_INTEGER],
    ['GETEX a FOO', SYNTAX],
    ['GETEX a KEEPTTL', SYNTAX],
    ['GETEX a EX 1 PX 1', SYNTAX],
    ['GETEX a EX 1 PERSIST', SYNTAX],
    ['GETEX a PERSIST EX 1', SYNTAX],
    ['GETEX a PXAT 1', '$b', ['DEL a'], ['g del a']],
    ['GET a', '$-1'],
  ],
  getrange: [
    ['GETRANGE a 0 -1', '$'],
    [['SET', 'a', 'Hello World'], '+OK', 'same', ['$ set a']],
    ['GETRANGE a 0 4', '$Hello'],
    ['GETRANGE a 6 100', '$World'],
    ['GETRANGE a -5 -1', '$World'],
    ['GETRANGE a -100 1', '$He'],
    ['GETRANGE a -100 -50', '$H'],
    ['GETRANGE a -50 -100', '$'],
    ['GETRANGE a -1 -5', '$'],
    ['GETRANGE a 5 3', '$'],
    ['GETRANGE a 11 20', '$'],
    ['GETRANGE a 0 9223372036854775807', '$Hello World'],
    ['GETRANGE a x 1', NOT_AN_INTEGER],
    ['GETRANGE a 1 x', NOT_AN_INTEGER],
    ['SUBSTR a -5 -2', '$Worl'],
  ],
  getset: [
    ['GETSET a b', '$-1', ['SET a b'], ['$ set a']],
    ['PEXPIRE a 5000', ':1', [`PEXPIREAT a ${START_MS + 5000}`], ['g expire a']],
    ['GETSET a c', '$b', ['SET a c'], ['$ set a']],
    ['PTTL a', ':-1'],
    ['GET a', '$c'],
  ],
  incr: [
    ['INCR a', ':1', 'same', ['$ incrby a']],
    ['OBJECT ENCODING a', '$int'],
    ['PEXPIRE a 5000', ':1', [`PEXPIREAT a ${START_MS + 5000}`], ['g expire a']],
    ['SET b 9', '+OK', 'same', ['$ set b']],
    ['INCR b', ':10', 'same', ['$ incrby b']],
    ['INCR a', ':2', 'same', ['$ incrby a']],
    ['PTTL a', ':5000'],
    ['SET c x', '+OK', 'same', ['$ set c']],
    ['INCR c', NOT_AN_INTEGER],
    ['SET c 007', '+OK', 'same', ['$ set c']],
    ['INCR c', NOT_AN_INTEGER],
    [['SET', 'c', ' 7'], '+OK', 'same', ['$ set c']],
    ['INCR c', NOT_AN_INTEGER],
    ['SET c ', '+OK', 'same', ['$ set c']],
    ['INCR c', NOT_AN_INTEGER],
    ['SET d 9007199254740991', '+OK', 'same', ['$ set d']],
    ['INCR d', ':9007199254740992', 'same', ['$ incrby d']],
    ['INCR d', ':9007199254740993', 'same', ['$ incrby d']],
    ['GET d', '$9007199254740993'],
    [`SET d ${INT64_MAX}`, '+OK', 'same', ['$ set d']],
    ['INCR d', OVERFLOW],
    ['GET d', `$${INT64_MAX}`],
  ],
  incrby: [
    ['INCRBY a 9223372036854775807', `:${INT64_MAX}`, 'same', ['$ incrby a']],
    ['INCRBY a 1', OVERFLOW],
    ['INCRBY a -9223372036854775808', ':-1', 'same', ['$ incrby a']],
    ['INCRBY a x', NOT_AN_INTEGER],
    ['INCRBY a 1.5', NOT_AN_INTEGER],
    ['INCRBY a 99999999999999999999', NOT_AN_INTEGER],
    ['INCRBY a 1001', ':1000', 'same', ['$ incrby a']],
    ['INCRBY a -1', ':999', 'same', ['$ incrby a']],
  ],
  incrbyfloat: [
    ['INCRBYFLOAT a 10.5', '$10.5', ['SET a 10.5 KEEPTTL'], ['$ incrbyfloat a']],
    ['INCRBYFLOAT a 0.1', '$10.6', ['SET a 10.6 KEEPTTL'], ['$ incrbyfloat a']],
    ['INCRBYFLOAT a -5', '$5.6', ['SET a 5.6 KEEPTTL'], ['$ incrbyfloat a']],
    ['PEXPIRE a 5000', ':1', [`PEXPIREAT a ${START_MS + 5000}`], ['g expire a']],
    // Redis computes with 80 bits, and the sum shows it.
    [
      'INCRBYFLOAT a 5.0e3',
      '$5005.60000000000000009',
      ['SET a 5005.60000000000000009 KEEPTTL'],
      ['$ incrbyfloat a'],
    ],
    ['PTTL a', ':5000'],
    ['INCRBYFLOAT a x', '-ERR value is not a valid float'],
    ['INCRBYFLOAT a inf', '-ERR increment would produce NaN or Infinity'],
    ['INCRBYFLOAT a -inf', '-ERR increment would produce NaN or Infinity'],
    ['SET b x', '+OK', 'same', ['$ set b']],
    ['INCRBYFLOAT b 1', '-ERR value is not a valid float'],
    ['SET b 3.0e3', '+OK', 'same', ['$ set b']],
    ['INCRBYFLOAT b 200', '$3200', ['SET b 3200 KEEPTTL'], ['$ incrbyfloat b']],
  ],
  lcs: [
    ['MSET a ohmytext b mynewtext', '+OK', 'same', ['$ set a', '$ set b']],
    ['LCS a b', '$mytext'],
    ['LCS a b LEN', ':6'],
    [
      'LCS a b IDX',
      [
        '$matches',
        [
          [
            [':4', ':7'],
            [':5', ':8'],
          ],
          [
            [':2', ':3'],
            [':0', ':1'],
          ],
        ],
        '$len',
        ':6',
      ],
    ],
    [
      'LCS a b IDX MINMATCHLEN 4',
      [
        '$matches',
        [
          [
            [':4', ':7'],
            [':5', ':8'],
          ],
        ],
        '$len',
        ':6',
      ],
    ],
    [
      'LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN',
      ['$matches', [[[':4', ':7'], [':5', ':8'], ':4']], '$len', ':6'],
    ],
    ['LCS a missing', '$'],
    ['LCS a missing LEN', ':0'],
    ['LCS a missing IDX', ['$matches', [], '$len', ':0']],
    ['LCS a b LEN IDX', '-ERR If you want both the length and indexes, please just use IDX.'],
    ['LCS a b MINMATCHLEN x', NOT_AN_INTEGER],
    ['LCS a b MINMATCHLEN', SYNTAX],
    ['LCS a b FOO', SYNTAX],
  ],
  mget: [
    ['MSET a 1 b 2', '+OK', 'same', ['$ set a', '$ set b']],
    ['MGET a missing b a', ['$1', '$-1', '$2', '$1']],
  ],
  mset: [
    ['SET a 0 PX 5000', '+OK', [`SET a 0 PXAT ${START_MS + 5000}`], SET_EXPIRE('a')],
    ['MSET a 1 b 2 a 3', '+OK', 'same', ['$ set a', '$ set b', '$ set a']],
    ['MGET a b', ['$3', '$2']],
    ['PTTL a', ':-1'],
    ['MSET a', "-ERR wrong number of arguments for 'mset' command"],
    ['MSET a 1 b', "-ERR wrong number of arguments for 'mset' command"],
  ],
  msetex: [
    ['MSETEX 2 a 1 b 2', ':1', ['MSET a 1 b 2'], ['$ set a', '$ set b']],
    ['MSETEX 2 a 3 c 4 NX', ':0'],
    ['MSETEX 2 a 3 c 4 XX', ':0'],
    ['MGET a c', ['$1', '$-1']],
    ['MSETEX 1 a 5 XX EX 10', ':1', [`MSETEX 1 a 5 PXAT ${START_MS + 10_000}`], ['$ set a', 'g expire a']],
    ['PTTL a', ':10000'],
    ['MSETEX 2 a 6 b 7 KEEPTTL', ':1', ['MSETEX 2 a 6 b 7 KEEPTTL'], ['$ set a', '$ set b']],
    ['PTTL a', ':10000'],
    ['PTTL b', ':-1'],
    ['MSETEX 0 a 1', '-ERR invalid numkeys value'],
    ['MSETEX x a 1', '-ERR invalid numkeys value'],
    ['MSETEX 2 a 1', '-ERR wrong number of key-value pairs'],
    ['MSETEX 1 a 1 FOO', SYNTAX],
    ['MSETEX 1 a 1 NX XX', SYNTAX],
    ['MSETEX 1 a 1 EX 1 KEEPTTL', SYNTAX],
    ['MSETEX 1 a 1 EX 0', "-ERR invalid expire time in 'msetex' command"],
    ['MSETEX 1 a 1 EX x', NOT_AN_INTEGER],
  ],
  msetnx: [
    ['MSETNX a 1 b 2', ':1', ['MSET a 1 b 2'], ['$ set a', '$ set b']],
    ['MSETNX c 1 b 3', ':0'],
    ['MGET c b', ['$-1', '$2']],
    ['MSETNX c', "-ERR wrong number of arguments for 'msetnx' command"],
    ['MSETNX c 1 d', "-ERR wrong number of arguments for 'msetnx' command"],
  ],
  psetex: [
    ['PSETEX a 5000 b', '+OK', [`SET a b PXAT ${START_MS + 5000}`], SET_EXPIRE('a')],
    ['PTTL a', ':5000'],
    ['PSETEX a 0 b', "-ERR invalid expire time in 'psetex' command"],
    ['PSETEX a x b', NOT_AN_INTEGER],
  ],
  set: [
    ['SET a b', '+OK', 'same', ['$ set a']],
    ['SET a c NX', '$-1'],
    ['SET a c XX', '+OK', ['SET a c'], ['$ set a']],
    ['SET b c XX', '$-1'],
    ['SET b c NX', '+OK', ['SET b c'], ['$ set b']],
    ['SET a d GET', '$c', ['SET a d'], ['$ set a']],
    ['SET a e NX GET', '$d'],
    ['SET new e NX GET', '$-1', ['SET new e'], ['$ set new']],
    ['SET a b EX 10', '+OK', [`SET a b PXAT ${START_MS + 10_000}`], SET_EXPIRE('a')],
    ['SET a c KEEPTTL', '+OK', ['SET a c KEEPTTL'], ['$ set a']],
    ['PTTL a', ':10000'],
    ['SET a b PX 1500', '+OK', [`SET a b PXAT ${START_MS + 1500}`], SET_EXPIRE('a')],
    ['PTTL a', ':1500'],
    ['SET a b EXAT 1700000200', '+OK', ['SET a b PXAT 1700000200000'], SET_EXPIRE('a')],
    ['SET a b PXAT 1700000200001', '+OK', ['SET a b PXAT 1700000200001'], SET_EXPIRE('a')],
    ['SET a b', '+OK', 'same', ['$ set a']],
    ['TTL a', ':-1'],
    ['set a b xx get ex 1', '$b', [`SET a b PXAT ${START_MS + 1000}`], SET_EXPIRE('a')],
    ['SET a b EX', SYNTAX],
    ['SET a b EX 1 PX 1', SYNTAX],
    ['SET a b NX XX', SYNTAX],
    ['SET a b KEEPTTL EX 1', SYNTAX],
    ['SET a b EX 1 KEEPTTL', SYNTAX],
    ['SET a b FOO', SYNTAX],
    ['SET a b EX 0', "-ERR invalid expire time in 'set' command"],
    ['SET a b EX -1', "-ERR invalid expire time in 'set' command"],
    ['SET a b PX 9223372036854775807', "-ERR invalid expire time in 'set' command"],
    ['SET a b EX x', NOT_AN_INTEGER],
    ['SET a', "-ERR wrong number of arguments for 'set' command"],
    ['SET past b PXAT 1', '+OK', ['SET past b PXAT 1'], SET_EXPIRE('past')],
    ['GET past', '$-1', ['DEL past'], ['x expired past']],
  ],
  'set with a comparison': [
    ['SET a hello IFEQ x', '$-1'],
    ['SET a hello IFNE x', '+OK', ['SET a hello'], ['$ set a']],
    ['SET a x IFEQ other', '$-1'],
    ['SET a x IFNE hello', '$-1'],
    [`SET a x IFDNE ${HELLO_DIGEST}`, '$-1'],
    [`SET a hello IFDEQ ${HELLO_DIGEST} GET`, '$hello', ['SET a hello'], ['$ set a']],
    ['SET a x IFEQ other GET', '$hello'],
    ['SET a x IFEQ hello', '+OK', ['SET a x'], ['$ set a']],
    ['SET b x IFDEQ 0000000000000000', '$-1'],
    ['SET b x IFDNE 0000000000000000', '+OK', ['SET b x'], ['$ set b']],
    ['SET a x IFDEQ 12', '-ERR must be exactly 16 hexadecimal characters'],
    ['SET a x IFEQ', SYNTAX],
    ['SET a x NX IFEQ x', SYNTAX],
    ['SET a x IFEQ x IFNE y', SYNTAX],
  ],
  setex: [
    ['SETEX a 10 b', '+OK', [`SET a b PXAT ${START_MS + 10_000}`], SET_EXPIRE('a')],
    ['TTL a', ':10'],
    ['SETEX a 0 b', "-ERR invalid expire time in 'setex' command"],
    ['SETEX a -1 b', "-ERR invalid expire time in 'setex' command"],
    ['SETEX a x b', NOT_AN_INTEGER],
  ],
  setnx: [
    ['SETNX a b', ':1', 'same', ['$ set a']],
    ['SETNX a c', ':0'],
    ['GET a', '$b'],
  ],
  setrange: [
    ['SETRANGE a 5 ', ':0'],
    ['EXISTS a', ':0'],
    ['SETRANGE a 2 xy', ':4', 'same', ['$ setrange a']],
    ['GET a', '$\0\0xy'],
    ['SETRANGE a 0 ab', ':4', 'same', ['$ setrange a']],
    ['GET a', '$abxy'],
    ['SETRANGE a 6 z', ':7', 'same', ['$ setrange a']],
    ['GET a', '$abxy\0\0z'],
    ['SETRANGE a 1 ', ':7'],
    ['OBJECT ENCODING a', '$raw'],
    ['SETRANGE a -1 x', '-ERR offset is out of range'],
    ['SETRANGE a x x', NOT_AN_INTEGER],
    ['SETRANGE a 536870912 x', '-ERR string exceeds maximum allowed size (proto-max-bulk-len)'],
    ['SETRANGE missing 536870912 x', '-ERR string exceeds maximum allowed size (proto-max-bulk-len)'],
    ['SET b 12345 PX 5000', '+OK', [`SET b 12345 PXAT ${START_MS + 5000}`], SET_EXPIRE('b')],
    ['SETRANGE b 1 x', ':5', 'same', ['$ setrange b']],
    ['GET b', '$1x345'],
    ['PTTL b', ':5000'],
  ],
  strlen: [
    ['STRLEN a', ':0'],
    ['SET a Grüße', '+OK', 'same', ['$ set a']],
    ['STRLEN a', ':7'],
  ],
};

describe.each(RESIDENCIES)('keys %s', (residency) => {
  test.each(Object.entries(CASES))('%s', (_, steps) => {
    expectSteps(createEngine({ residency }), steps);
  });

  test('encodings are those of Redis', () => {
    const engine = createEngine({ residency });
    for (const [value, encoding] of [
      ['12', 'int'],
      ['-9223372036854775808', 'int'],
      ['9223372036854775808', 'embstr'],
      ['x'.repeat(44), 'embstr'],
      ['x'.repeat(45), 'raw'],
    ]) {
      engine.run('SET', 'a', value);
      expect([value, engine.run('OBJECT', 'ENCODING', 'a').value]).toEqual([value, encoding]);
    }
  });

  test('values of any bytes and lengths come back', () => {
    const engine = createEngine({ residency });
    const binary = Uint8Array.from({ length: 256 }, (_, at) => at);
    for (const value of [binary, Buffer.alloc(5000, 7), Buffer.alloc(300_000, 9)]) {
      engine.run('SET', binary, value);
      const text = Buffer.from(value).toString('latin1');
      expect(engine.run('GET', binary).raw).toBe(`$${text.length}\r\n${text}\r\n`);
    }
  });

  test('classes of events that are off by default', () => {
    const engine = createEngine({ residency, notifyFlags: NOTIFY_NEW | NOTIFY_KEY_MISS });
    expectSteps(engine, [
      ['GET a', '$-1', [], ['m keymiss a']],
      ['SET a b', '+OK', 'same', ['n new a', '$ set a']],
      ['SET a c', '+OK', 'same', ['$ set a']],
      ['INCR n', ':1', 'same', ['n new n', '$ incrby n']],
    ]);
  });

  test('a watched key that a string command changes breaks the watch', () => {
    const engine = createEngine({ residency });
    const other = engine.connect();
    for (const line of ['SET a 1', 'APPEND a 2', 'INCR a', 'SETRANGE a 0 9', 'GETEX a EX 100', 'GETDEL a']) {
      engine.run('WATCH', 'a');
      engine.run('MULTI');
      engine.run('PING');
      engine.runAs(other, ...line.split(' '));
      expect([line, engine.run('EXEC').raw]).toEqual([line, '*-1\r\n']);
    }
  });
});

test('in RESP3 nulls and maps have types of their own', () => {
  const engine = createEngine();
  engine.run('HELLO', 3);
  expectSteps(engine, [
    ['GET a', '_'],
    ['SET a b XX', '_'],
    ['MGET a', ['_']],
    ['GETEX a', '_'],
  ]);
  engine.run('MSET', 'a', 'xy', 'b', 'xy');
  expect(engine.run('LCS', 'a', 'b', 'IDX').raw).toBe(
    `%2\r\n${replyBytes('$matches')}${replyBytes([
      [
        [':0', ':1'],
        [':0', ':1'],
      ],
    ])}${replyBytes('$len')}:2\r\n`,
  );
});
