import { describe, expect, test } from 'vitest';
import { createEngine, expectSteps, RESIDENCIES, type Step } from '../../test/support/engine.ts';
import { Arguments } from '../resp/arguments.ts';
import { SORT_COMMANDS } from './sort.ts';

const SYNTAX = '-ERR syntax error';
const NOT_AN_INTEGER = '-ERR value is not an integer or out of range';
const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_DOUBLES = "-ERR One or more scores can't be converted into double";

const LIST: Step = ['RPUSH list 3 1 10 2', ':4', 'same', ['l rpush list']];
const WEIGHTS: Step[] = [
  ['MSET w_1 30 w_2 20 w_3 10', '+OK', 'same', ['$ set w_1', '$ set w_2', '$ set w_3']],
  ['HSET h_1 f one', ':1', 'same', ['h hset h_1']],
  ['HSET h_2 f two', ':1', 'same', ['h hset h_2']],
];

const CASES: Record<string, Step[]> = {
  'a list': [
    LIST,
    ['SORT list', ['$1', '$2', '$3', '$10']],
    ['SORT list DESC', ['$10', '$3', '$2', '$1']],
    ['SORT list DESC asc', ['$1', '$2', '$3', '$10']],
    ['SORT list ALPHA', ['$1', '$10', '$2', '$3']],
    ['SORT_RO list alpha desc', ['$3', '$2', '$10', '$1']],
    ['SORT none', []],
    ['SORT', "-ERR wrong number of arguments for 'sort' command"],
    ['SORT list x', SYNTAX],
    ['SORT list GET', SYNTAX],
    ['SORT list BY', SYNTAX],
    ['SORT_RO list STORE x', SYNTAX],
    ['SET string x', '+OK', 'same', ['$ set string']],
    ['SORT string', WRONG_TYPE],
  ],
  limits: [
    LIST,
    ['SORT list LIMIT 1 2', ['$2', '$3']],
    ['SORT list LIMIT 2 -1', ['$3', '$10']],
    ['SORT list LIMIT -5 1', ['$1']],
    ['SORT list LIMIT 4 1', []],
    ['SORT list LIMIT 0 0', []],
    ['SORT list LIMIT 1 9223372036854775807', ['$2', '$3', '$10']],
    ['SORT list LIMIT 1', SYNTAX],
    ['SORT list LIMIT x 1', NOT_AN_INTEGER],
    ['SORT list LIMIT 1 9223372036854775808', NOT_AN_INTEGER],
  ],
  'elements that are no numbers': [
    [['RPUSH', 'list', '1e1', '', ' 5', '0x3'], ':4', ['RPUSH list 1e1   5 0x3'], ['l rpush list']],
    ['SORT list', ['$', '$0x3', '$ 5', '$1e1']],
    [['RPUSH', 'list', '5 '], ':5', ['RPUSH list 5 '], ['l rpush list']],
    ['SORT list', NOT_DOUBLES],
    ['SORT list STORE x', NOT_DOUBLES],
    ['SORT list BY nosort', ['$1e1', '$', '$ 5', '$0x3', '$5 ']],
  ],
  'by the values of other keys': [
    LIST,
    ...WEIGHTS,
    ['SORT list BY w_*', ['$10', '$3', '$2', '$1']],
    ['SORT list BY w_* DESC LIMIT 0 2', ['$1', '$2']],
    ['SORT list BY h_*->f ALPHA LIMIT 2 2', ['$1', '$2']],
    ['SORT list BY h_*->f', NOT_DOUBLES],
    // A hash is no string, and a string no hash.
    ['SORT list BY h_*', ['$1', '$10', '$2', '$3']],
    ['SORT list BY w_*->f', ['$1', '$10', '$2', '$3']],
    ['SORT list BY nosort', ['$3', '$1', '$10', '$2']],
    ['SORT list BY nosort DESC LIMIT 1 2', ['$10', '$1']],
  ],
  'what keys of other elements hold': [
    LIST,
    ...WEIGHTS,
    ['SORT list GET w_*', ['$30', '$20', '$10', '$-1']],
    [
      'SORT list LIMIT 0 2 GET # GET h_*->f GET h_*->g GET x',
      ['$1', '$one', '$-1', '$-1', '$2', '$two', '$-1', '$-1'],
    ],
    ['SORT list GET #->f LIMIT 0 1', ['$-1']],
    ['SET w_10-> arrow', '+OK', 'same', ['$ set w_10->']],
    ['SORT list DESC LIMIT 0 1 GET w_*->', ['$arrow']],
  ],
  'storing the result': [
    LIST,
    ...WEIGHTS,
    ['SORT list STORE to', ':4', 'same', ['l sortstore to']],
    ['LRANGE to 0 -1', ['$1', '$2', '$3', '$10']],
    ['OBJECT ENCODING to', '$listpack'],
    ['SORT list GET w_* STORE list', ':4', 'same', ['l sortstore list']],
    ['LRANGE list 0 -1', ['$30', '$20', '$10', '$']],
    ['SORT list STORE w_1 STORE w_2 BY nosort', ':4', 'same', ['l sortstore w_2']],
    ['TYPE w_1', '+string'],
    ['TYPE w_2', '+list'],
    ['SORT none STORE w_2', ':0', 'same', ['g del w_2']],
    ['SORT none STORE w_2', ':0'],
    ['CONFIG SET list-max-listpack-size 3', '+OK'],
    ['SORT list BY nosort STORE to', ':4', 'same', ['l sortstore to']],
    ['OBJECT ENCODING to', '$quicklist'],
  ],
  'a set': [
    ['SADD set b 10 9', ':3', 'same', ['s sadd set']],
    ['SORT set ALPHA', ['$10', '$9', '$b']],
    ['SORT set', NOT_DOUBLES],
    ['SORT set BY nosort LIMIT 1 5', ['$10', '$9']],
    // Stored, what has no order gets one.
    ['SORT set BY nosort DESC STORE to', ':3', 'same', ['l sortstore to']],
    ['LRANGE to 0 -1', ['$b', '$9', '$10']],
  ],
  'a sorted set': [
    ['ZADD zset 5 1 4 2 3 3', ':3', 'same', ['z zadd zset']],
    ['OBJECT ENCODING zset', '$listpack'],
    ['SORT_RO zset', ['$1', '$2', '$3']],
    ['OBJECT ENCODING zset', '$skiplist'],
    ['SORT zset BY nosort', ['$3', '$2', '$1']],
    ['SORT zset BY nosort DESC LIMIT 0 2', ['$1', '$2']],
    ['SORT zset BY nosort LIMIT 1 1', ['$2']],
    ['ZSCORE zset 1', '$5'],
  ],
};

describe.each(RESIDENCIES)('%s', (residency) => {
  test.each(Object.keys(CASES))('%s', (name) => {
    expectSteps(createEngine({ residency }), CASES[name]);
  });

  test('large values of each type', () => {
    const engine = createEngine({ residency });
    const numbers = Array.from({ length: 3000 }, (_, at) => (at * 1777) % 3000);
    const inOrder = Array.from({ length: 3000 }, (_, at) => String(at));
    engine.run('RPUSH', 'list', ...numbers);
    engine.run('SADD', 'set', ...numbers);
    engine.run('ZADD', 'zset', ...numbers.flatMap((number) => [number % 7, number]));
    for (const key of ['list', 'set', 'zset']) expect(engine.run('SORT', key).value).toEqual(inOrder);
    expect(engine.run('SORT', 'list', 'BY', 'x', 'LIMIT', 1000, 3).value).toEqual(
      numbers.slice(1000, 1003).map(String),
    );
    expect(engine.run('SORT', 'set', 'STORE', 'to').value).toBe(3000);
    expect(engine.run('LRANGE', 'to', 0, -1).value).toEqual(inOrder);
    expect(engine.run('OBJECT', 'ENCODING', 'to').value).toBe('quicklist');
  });
});

test('patterns look for stars and arrows before a zero byte, and take the whole rest', () => {
  const engine = createEngine();
  engine.run('RPUSH', 'list', 1);
  engine.run('SET', 'k1\0*->f', 'string');
  engine.run('HSET', 'h1', 'f\0g', 'field');
  expect(engine.run('SORT', 'list', 'GET', 'k*\0*->f', 'GET', 'h*->f\0g', 'GET', '\0*').value).toEqual([
    'string',
    'field',
    null,
  ]);
});

test('null of RESP3 for what is missing', () => {
  const engine = createEngine();
  engine.client.protocol = 3;
  engine.run('RPUSH', 'list', 1);
  expect(engine.run('SORT', 'list', 'GET', 'w_*').raw).toBe('*1\r\n_\r\n');
});

test('a field whose time has come is missing', () => {
  const engine = createEngine();
  engine.run('RPUSH', 'list', 1);
  engine.run('HSET', 'h_1', 'f', 5, 'g', 6);
  engine.run('HPEXPIRE', 'h_1', 10, 'FIELDS', 1, 'f');
  expect(engine.run('SORT', 'list', 'GET', 'h_*->f', 'GET', 'h_*->g').value).toEqual(['5', '6']);
  engine.clock.advance(11);
  expect(engine.run('SORT', 'list', 'GET', 'h_*->f', 'GET', 'h_*->g').value).toEqual([null, '6']);
});

test('patterns ask for the permission to read every key', () => {
  const engine = createEngine();
  engine.run('RPUSH', 'list', 1);
  engine.run('ACL', 'SETUSER', 'limited', 'on', 'nopass', '+@all', '~list', '~to');
  engine.run('ACL', 'SETUSER', 'reader', 'on', 'nopass', '+@all', '%R~*');
  const client = engine.connect();
  const run = (line: string) => engine.runAs(client, ...line.split(' ')).raw;
  run('AUTH limited x');
  expect(run('SORT list')).toBe('*1\r\n$1\r\n1\r\n');
  expect(run('SORT list BY nosort')).toBe('*1\r\n$1\r\n1\r\n');
  expect(run('SORT list BY w_*')).toBe(
    '-ERR BY option of SORT denied due to insufficient ACL permissions.\r\n',
  );
  expect(run('SORT_RO list GET #')).toBe(
    '-ERR GET option of SORT denied due to insufficient ACL permissions.\r\n',
  );
  expect(run('SORT list STORE to')).toBe(':1\r\n');
  expect(run('SORT list STORE to STORE other')).toMatch(/^-NOPERM/);
  expect(run('SORT list LIMIT 0 1 STORE other')).toMatch(/^-NOPERM/);
  run('AUTH reader x');
  expect(run('SORT list BY w_* GET #')).toBe('*1\r\n$1\r\n1\r\n');
  expect(run('SORT list STORE to')).toMatch(/^-NOPERM/);
});

test.each([
  ['SORT a STORE b', 3],
  ['SORT a STORE b STORE c', 5],
  ['SORT a GET store STORE b', 5],
  ['SORT a LIMIT store store', -1],
  ['SORT a STORE limit STORE b', 5],
  ['SORT a STORE', -1],
  ['SORT a', -1],
])('the key of STORE in %s', (line, position) => {
  const words = Arguments.of(line.split(' ').map((word) => Buffer.from(word)));
  expect(SORT_COMMANDS[0].keys[2].locate?.(words)).toBe(position);
});
