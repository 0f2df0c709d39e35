import { describe, expect, test } from 'vitest';
import { createEngine, expectSteps, RESIDENCIES, START_MS, type Step } from '../../test/support/engine.ts';
import { NOTIFY_NEW, NOTIFY_OVERWRITTEN } from '../keyspace/keyspace.ts';
import { TYPE_LIST } from '../keyspace/record.ts';

const SYNTAX = '-ERR syntax error';
const NOT_AN_INTEGER = '-ERR value is not an integer or out of range';
const INVALID_OFFSET = '-ERR bit offset is not an integer or out of range';
const INVALID_BIT = '-ERR bit is not an integer or out of range';
const INVALID_TYPE =
  '-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.';
const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';

/** Sets a key to bytes given in hexadecimal digits. */
function set(key: string, digits: string): Step {
  const value = Buffer.from(digits, 'hex');
  return [['SET', key, value], '+OK', [`SET ${key} ${value.toString('utf8')}`], [`$ set ${key}`]];
}

const CASES: Record<string, Step[]> = {
  setbit: [
    ['SETBIT a 7 1', ':0', 'same', ['$ setbit a']],
    ['GET a', '$\x01'],
    ['OBJECT ENCODING a', '$raw'],
    ['SETBIT a 7 1', ':1'],
    ['SETBIT a 7 0', ':1', 'same', ['$ setbit a']],
    ['SETBIT a 7 0', ':0'],
    // To grow is to change, whatever the bit.
    ['SETBIT a 17 0', ':0', 'same', ['$ setbit a']],
    ['GET a', '$\0\0\0'],
    ['PEXPIRE a 5000', ':1', [`PEXPIREAT a ${START_MS + 5000}`], ['g expire a']],
    ['SETBIT a 1 1', ':0', 'same', ['$ setbit a']],
    ['SETBIT a 47 1', ':0', 'same', ['$ setbit a']],
    ['GET a', '$@\0\0\0\0\x01'],
    ['PTTL a', ':5000'],
    ['SETBIT b 17 0', ':0', 'same', ['$ setbit b']],
    ['STRLEN b', ':3'],
    ['SETBIT a -1 1', INVALID_OFFSET],
    ['SETBIT a x 1', INVALID_OFFSET],
    ['SETBIT a #1 1', INVALID_OFFSET],
    ['SETBIT a 4294967296 1', INVALID_OFFSET],
    ['SETBIT a 9223372036854775807 1', INVALID_OFFSET],
    ['SETBIT a 0 2', INVALID_BIT],
    ['SETBIT a 0 -1', INVALID_BIT],
    ['SETBIT a 0 x', INVALID_BIT],
    ['SETBIT a 0 01', INVALID_BIT],
    ['SETBIT a 0', "-ERR wrong number of arguments for 'setbit' command"],
  ],
  'setbit of an integer': [
    ['SET a 12', '+OK', 'same', ['$ set a']],
    ['OBJECT ENCODING a', '$int'],
    ['SETBIT a 6 1', ':0', 'same', ['$ setbit a']],
    ['GET a', '$32'],
    ['OBJECT ENCODING a', '$raw'],
    ['SET b 12', '+OK', 'same', ['$ set b']],
    // Nothing changes but the encoding.
    ['SETBIT b 0 0', ':0'],
    ['OBJECT ENCODING b', '$raw'],
    ['INCR b', ':13', 'same', ['$ incrby b']],
  ],
  getbit: [
    ['GETBIT a 0', ':0'],
    set('a', '8001'),
    ['GETBIT a 0', ':1'],
    ['GETBIT a 1', ':0'],
    ['GETBIT a 15', ':1'],
    ['GETBIT a 16', ':0'],
    ['GETBIT a 4294967295', ':0'],
    ['GETBIT a 4294967296', INVALID_OFFSET],
    ['GETBIT a -1', INVALID_OFFSET],
    ['GETBIT a', "-ERR wrong number of arguments for 'getbit' command"],
    ['SET a 1', '+OK', 'same', ['$ set a']],
    ['GETBIT a 2', ':1'],
  ],
  bitcount: [
    ['BITCOUNT a', ':0'],
    ['BITCOUNT a 0 -1', ':0'],
    ['SET a foobar', '+OK', 'same', ['$ set a']],
    ['BITCOUNT a', ':26'],
    ['BITCOUNT a 0 0', ':4'],
    ['BITCOUNT a 1 1', ':6'],
    ['BITCOUNT a 1 1 BYTE', ':6'],
    ['BITCOUNT a 5 30 BIT', ':17'],
    ['BITCOUNT a 5 5 bit', ':1'],
    ['BITCOUNT a -2 -1', ':7'],
    ['BITCOUNT a -100 100', ':26'],
    ['BITCOUNT a -1 -2', ':0'],
    ['BITCOUNT a -9223372036854775807 -9223372036854775808', ':0'],
    ['BITCOUNT a -9223372036854775808 -9223372036854775807', ':4'],
    ['BITCOUNT a 3 1', ':0'],
    ['BITCOUNT a 6 9', ':0'],
    ['BITCOUNT a 0', SYNTAX],
    ['BITCOUNT a 0 1 bits', SYNTAX],
    ['BITCOUNT a 0 1 bit x', SYNTAX],
    ['BITCOUNT a 0 x', NOT_AN_INTEGER],
    // Since 7.2 a missing key is no excuse.
    ['BITCOUNT missing 0 x', NOT_AN_INTEGER],
    ['BITCOUNT missing 0 1 bits', SYNTAX],
    ['BITCOUNT', "-ERR wrong number of arguments for 'bitcount' command"],
    ['SET e ', '+OK', 'same', ['$ set e']],
    ['BITCOUNT e', ':0'],
    ['BITCOUNT e 0 -1 BIT', ':0'],
  ],
  bitpos: [
    ['BITPOS a 0', ':0'],
    ['BITPOS a 1', ':-1'],
    set('a', 'fff000'),
    ['BITPOS a 0', ':12'],
    ['BITPOS a 1', ':0'],
    ['BITPOS a 1 2', ':-1'],
    ['BITPOS a 0 2 -1', ':16'],
    ['BITPOS a 1 7 15 BIT', ':7'],
    ['BITPOS a 0 0 11 BIT', ':-1'],
    ['BITPOS a 1 -14 -1 bit', ':10'],
    set('a', 'ffff'),
    // Beyond the string are zeros, unless the range ends before.
    ['BITPOS a 0', ':16'],
    ['BITPOS a 0 1', ':16'],
    ['BITPOS a 0 0 -1', ':-1'],
    ['BITPOS a 0 0 100', ':-1'],
    ['BITPOS a 0 2', ':-1'],
    ['SET e ', '+OK', 'same', ['$ set e']],
    ['BITPOS e 0', ':-1'],
    ['BITPOS e 1', ':-1'],
    ['BITPOS a 2', '-ERR The bit argument must be 1 or 0.'],
    ['BITPOS a x', NOT_AN_INTEGER],
    ['BITPOS a 0 x', NOT_AN_INTEGER],
    ['BITPOS a 0 0 x', NOT_AN_INTEGER],
    ['BITPOS a 0 0 x bits', SYNTAX],
    ['BITPOS a 0 0 1 bit x', SYNTAX],
    ['BITPOS missing 0 x', NOT_AN_INTEGER],
    ['BITPOS a', "-ERR wrong number of arguments for 'bitpos' command"],
  ],
  bitop: [
    ['MSET a aaa b ab c c', '+OK', 'same', ['$ set a', '$ set b', '$ set c']],
    ['BITOP AND d a b', ':3', 'same', ['$ set d']],
    ['GET d', '$a`\0'],
    ['OBJECT ENCODING d', '$raw'],
    ['BITOP or d a b c', ':3', 'same', ['$ set d']],
    ['GET d', '$cca'],
    ['BITOP XOR d a b', ':3', 'same', ['$ set d']],
    ['GET d', '$\0\x03a'],
    ['BITOP XOR d a a', ':3', 'same', ['$ set d']],
    ['GET d', '$\0\0\0'],
    set('n', 'fff0'),
    ['BITOP NOT d n', ':2', 'same', ['$ set d']],
    ['GET d', '$\0\x0f'],
    ['BITOP DIFF d b c', ':2', 'same', ['$ set d']],
    ['GET d', '$\0b'],
    ['BITOP DIFF1 d c b', ':2', 'same', ['$ set d']],
    ['GET d', '$\0b'],
    ['BITOP ANDOR d a missing b c', ':3', 'same', ['$ set d']],
    ['GET d', '$a`\0'],
    ['BITOP ONE d a b c', ':3', 'same', ['$ set d']],
    ['GET d', '$\x02\x03a'],
    // The destination may be a source; its expiry goes.
    ['PEXPIRE a 5000', ':1', [`PEXPIREAT a ${START_MS + 5000}`], ['g expire a']],
    ['BITOP AND a a b', ':3', 'same', ['$ set a']],
    ['GET a', '$a`\0'],
    ['TTL a', ':-1'],
    // Without a byte in any source the destination is deleted.
    ['BITOP OR a missing none', ':0', 'same', ['g del a']],
    ['EXISTS a', ':0'],
    ['BITOP OR a missing', ':0'],
    ['BITOP NAND d b', SYNTAX],
    ['BITOP NOT d b c', '-ERR BITOP NOT must be called with a single source key.'],
    ['BITOP diff d b', '-ERR BITOP DIFF must be called with at least two source keys.'],
    ['BITOP DIFF1 d b', '-ERR BITOP DIFF1 must be called with at least two source keys.'],
    ['BITOP ANDOR d b', '-ERR BITOP ANDOR must be called with at least two source keys.'],
    ['BITOP ONE d b', ':2', 'same', ['$ set d']],
    ['BITOP AND d', "-ERR wrong number of arguments for 'bitop' command"],
  ],
  bitfield: [
    ['BITFIELD a', []],
    ['BITFIELD a GET u8 0 GET i64 100', [':0', ':0']],
    ['EXISTS a', ':0'],
    ['BITFIELD a SET u8 0 97 SET u8 #1 98 GET u16 0', [':0', ':0', ':24930'], 'same', ['$ setbit a']],
    ['GET a', '$ab'],
    ['OBJECT ENCODING a', '$raw'],
    ['BITFIELD a SET u8 0 97', [':97']],
    ['BITFIELD a INCRBY i5 100 1 GET u4 0', [':1', ':6'], 'same', ['$ setbit a']],
    ['STRLEN a', ':14'],
    ['PEXPIRE a 5000', ':1', [`PEXPIREAT a ${START_MS + 5000}`], ['g expire a']],
    ['BITFIELD a SET i8 0 -1', [':97'], 'same', ['$ setbit a']],
    ['PTTL a', ':5000'],
    ['BITFIELD a GET u8 0', [':255']],
    ['BITFIELD a SET u64 0 1', INVALID_TYPE],
    ['BITFIELD a SET i65 0 1', INVALID_TYPE],
    ['BITFIELD a GET u0 0', INVALID_TYPE],
    ['BITFIELD a GET x8 0', INVALID_TYPE],
    ['BITFIELD a GET I8 0', INVALID_TYPE],
    [['BITFIELD', 'a', 'GET', '', 0], INVALID_TYPE],
    ['BITFIELD a GET u8 -1', INVALID_OFFSET],
    ['BITFIELD a GET u8 #-1', INVALID_OFFSET],
    ['BITFIELD a GET u8 #536870912', INVALID_OFFSET],
    ['BITFIELD a GET u8 #9223372036854775807', INVALID_OFFSET],
    ['BITFIELD a SET u8 0 x', NOT_AN_INTEGER],
    ['BITFIELD a SET u8 0', SYNTAX],
    ['BITFIELD a GET u8', SYNTAX],
    ['BITFIELD a PUT u8 0 1', SYNTAX],
    ['BITFIELD a OVERFLOW', SYNTAX],
    ['BITFIELD a OVERFLOW none', '-ERR Invalid OVERFLOW type specified'],
    ['BITFIELD', "-ERR wrong number of arguments for 'bitfield' command"],
    // An error before the end undoes nothing, since nothing has been done.
    ['BITFIELD a SET u8 0 1 GET u8 x', INVALID_OFFSET],
    ['BITFIELD a GET u8 0', [':255']],
  ],
  'bitfield, what overflows': [
    ['BITFIELD a SET u2 0 3 INCRBY u2 0 2', [':0', ':1'], 'same', ['$ setbit a']],
    ['BITFIELD a OVERFLOW SAT INCRBY u2 0 9 INCRBY u2 0 -9', [':3', ':0'], 'same', ['$ setbit a']],
    ['BITFIELD a OVERFLOW FAIL INCRBY u2 0 9', ['$-1']],
    ['BITFIELD a SET i8 8 127 INCRBY i8 8 1', [':0', ':-128'], 'same', ['$ setbit a']],
    ['BITFIELD a OVERFLOW SAT INCRBY i8 8 -1 OVERFLOW FAIL INCRBY i8 8 -1', [':-128', '$-1']],
    ['BITFIELD a SET u8 8 -1', [':128'], 'same', ['$ setbit a']],
    ['BITFIELD a OVERFLOW SAT SET u4 8 -1 GET u4 8', [':15', ':15']],
    ['BITFIELD a OVERFLOW SAT SET i8 8 -999 GET i8 8', [':-1', ':-128'], 'same', ['$ setbit a']],
    [
      'BITFIELD w SET i64 0 9223372036854775807 INCRBY i64 0 1',
      [':0', ':-9223372036854775808'],
      'same',
      ['$ setbit w'],
    ],
    ['BITFIELD w GET i64 0 GET u63 1', [':-9223372036854775808', ':0']],
    ['BITFIELD w OVERFLOW SAT INCRBY i64 0 -1', [':-9223372036854775808']],
    ['BITFIELD w OVERFLOW FAIL INCRBY i64 0 -1', ['$-1']],
    [
      'BITFIELD w SET u63 1 9223372036854775807 INCRBY u63 1 2 GET i64 0',
      [':0', ':1', ':-9223372036854775807'],
      'same',
      ['$ setbit w'],
    ],
    [
      'BITFIELD w SET u53 3 9007199254740991 INCRBY u53 3 1 GET u53 3',
      [':0', ':0', ':0'],
      'same',
      ['$ setbit w'],
    ],
    // What fails has made room all the same, as in Redis.
    ['BITFIELD a OVERFLOW FAIL SET u8 800 256', ['$-1']],
    ['STRLEN a', ':101'],
  ],
  bitfield_ro: [
    ['BITFIELD_RO a GET u8 0', [':0']],
    ['SET a ab', '+OK', 'same', ['$ set a']],
    ['BITFIELD_RO a GET u8 0 GET u8 #1 GET u8 12', [':97', ':98', ':32']],
    ['BITFIELD_RO a', []],
    ['BITFIELD_RO a SET u8 0 1', '-ERR BITFIELD_RO only supports the GET subcommand'],
    ['BITFIELD_RO a OVERFLOW SAT GET u8 0', [':97']],
    ['BITFIELD_RO a GET u8 0 INCRBY u8 0 x', NOT_AN_INTEGER],
    ['BITFIELD_RO', "-ERR wrong number of arguments for 'bitfield_ro' command"],
  ],
};

describe.each(RESIDENCIES)('keys %s', (residency) => {
  test.each(Object.entries(CASES))('%s', (_, steps) => {
    expectSteps(createEngine({ residency }), steps);
  });

  test('long strings, as bits were set one by one', () => {
    const engine = createEngine({ residency });
    const expected = Buffer.alloc(40_000);
    for (let bit = 1; bit < 320_000; bit += 2777) {
      expected[bit >> 3] |= 0x80 >> (bit & 7);
      engine.run('SETBIT', 'a', bit, 1);
    }
    const { raw } = engine.run('GET', 'a');
    const length = Number(/^\$(\d+)/.exec(raw)?.[1]);
    expect(raw).toBe(`$${length}\r\n${expected.toString('latin1', 0, length)}\r\n`);
    expectSteps(engine, [
      ['BITCOUNT a', ':116'],
      ['BITPOS a 1 1', ':2778'],
      ['BITOP NOT b a', `:${length}`, 'same', ['$ set b']],
      ['BITCOUNT b', `:${length * 8 - 116}`],
      ['BITOP XOR b a b', `:${length}`, 'same', ['$ set b']],
      ['BITPOS b 0 0 -1', ':-1'],
    ]);
  });

  test('a watched key breaks the watch only when a bit changes', () => {
    const engine = createEngine({ residency });
    const other = engine.connect();
    engine.run('SET', 'a', '1');
    for (const [line, reply] of [
      ['SETBIT a 7 1', '*1\r\n+PONG\r\n'],
      ['BITFIELD a SET u8 0 49', '*1\r\n+PONG\r\n'],
      ['BITCOUNT a', '*1\r\n+PONG\r\n'],
      ['SETBIT a 0 1', '*-1\r\n'],
      ['BITFIELD a INCRBY u8 0 1', '*-1\r\n'],
      ['BITOP NOT a a', '*-1\r\n'],
    ]) {
      engine.run('WATCH', 'a');
      engine.run('MULTI');
      engine.run('PING');
      engine.runAs(other, ...line.split(' '));
      expect([line, engine.run('EXEC').raw]).toEqual([line, reply]);
    }
  });

  test('classes of events that are off by default', () => {
    const engine = createEngine({ residency, notifyFlags: NOTIFY_NEW | NOTIFY_OVERWRITTEN });
    expectSteps(engine, [
      ['SETBIT a 0 0', ':0', 'same', ['n new a', '$ setbit a']],
      ['BITFIELD b SET u8 0 1', [':0'], 'same', ['n new b', '$ setbit b']],
      ['BITOP NOT c a', ':1', 'same', ['n new c', '$ set c']],
      ['BITOP NOT c b', ':1', 'same', ['o overwritten c', '$ set c']],
    ]);
  });
});

test('other types than strings', () => {
  const engine = createEngine();
  const [database] = engine.keyspace.databases;
  database.find(Buffer.from('list'), 0, 4, 0);
  database.store(TYPE_LIST, 0, 0, -1);
  expectSteps(engine, [
    ['SETBIT list 0 1', WRONG_TYPE],
    ['GETBIT list 0', WRONG_TYPE],
    ['BITCOUNT list', WRONG_TYPE],
    ['BITPOS list 0', WRONG_TYPE],
    ['BITOP AND d missing list', WRONG_TYPE],
    ['BITFIELD list GET u8 0', WRONG_TYPE],
    ['BITFIELD list SET u8 0 1', WRONG_TYPE],
    ['BITFIELD_RO list GET u8 0', WRONG_TYPE],
    ['SET a 1', '+OK', 'same', ['$ set a']],
    // A destination of any type is replaced.
    ['BITOP AND list a', ':1', 'same', ['$ set list']],
    ['GET list', '$1'],
  ]);
});

test('the longest string is as long as a bulk string may be', () => {
  const engine = createEngine({ directives: { 'proto-max-bulk-len': '1mb' } });
  expectSteps(engine, [
    ['SETBIT a 8388607 1', ':0', 'same', ['$ setbit a']],
    ['STRLEN a', ':1048576'],
    ['BITCOUNT a', ':1'],
    ['SETBIT a 8388608 1', INVALID_OFFSET],
    ['BITFIELD a GET u8 8388608', INVALID_OFFSET],
    ['BITFIELD a GET u8 8388607', [':128']],
  ]);
});

test('the null of RESP3 for a field that fails', () => {
  const engine = createEngine();
  engine.run('HELLO', 3);
  expectSteps(engine, [['BITFIELD a OVERFLOW FAIL INCRBY u2 0 9', ['_'], 'same']]);
});
