import { describe, expect, test } from 'vitest';
import {
  createEngine,
  expectSteps,
  RESIDENCIES,
  START_MS,
  type Step,
  type TestEngine,
} from '../../test/support/engine.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_AN_INTEGER = '-ERR value is not an integer or out of range';
const SYNTAX = '-ERR syntax error';
const HSET = ['h hset h'];
const LONG = 'v'.repeat(65);

function arity(name: string): string {
  return `-ERR wrong number of arguments for '${name}' command`;
}

const CASES: Record<string, Step[]> = {
  hdel: [
    ['HDEL h f', ':0'],
    ['HSET h f 1 g 2 i 3', ':3', 'same', HSET],
    ['HDEL h f x f i', ':2', 'same', ['h hdel h']],
    ['HDEL h x', ':0'],
    ['HDEL h g x', ':1', 'same', ['h hdel h', 'g del h']],
    ['EXISTS h', ':0'],
    ['HDEL h', arity('hdel')],
  ],
  hexists: [
    ['HEXISTS h f', ':0'],
    ['HSET h f 1', ':1', 'same', HSET],
    ['HEXISTS h f', ':1'],
    ['HEXISTS h g', ':0'],
  ],
  hget: [
    ['HGET h f', '$-1'],
    ['HSET h f value', ':1', 'same', HSET],
    ['HGET h f', '$value'],
    ['HGET h g', '$-1'],
    ['HGET h', arity('hget')],
    ['SET s x', '+OK', 'same', ['$ set s']],
    ['HGET s f', WRONG_TYPE],
    ['HSET s f v', WRONG_TYPE],
    ['HDEL s f', WRONG_TYPE],
    ['HSCAN s 0', WRONG_TYPE],
    ['HRANDFIELD s', WRONG_TYPE],
    ['HEXPIRE s 1 FIELDS 1 f', WRONG_TYPE],
    ['HTTL s FIELDS 1 f', WRONG_TYPE],
    ['HGETDEL s FIELDS 1 f', WRONG_TYPE],
    ['HSETEX s FIELDS 1 f v', WRONG_TYPE],
    ['GET h', WRONG_TYPE],
  ],
  hgetall: [
    ['HGETALL h', []],
    ['HKEYS h', []],
    ['HVALS h', []],
    ['HSET h f 1 g 2', ':2', 'same', HSET],
    ['HGETALL h', ['$f', '$1', '$g', '$2']],
    ['HKEYS h', ['$f', '$g']],
    ['HVALS h', ['$1', '$2']],
  ],
  hincrby: [
    ['HINCRBY h f 5', ':5', 'same', ['h hincrby h']],
    ['HINCRBY h f -7', ':-2', 'same', ['h hincrby h']],
    ['HINCRBY h f x', NOT_AN_INTEGER],
    ['HSET h f x', ':0', 'same', HSET],
    ['HINCRBY h f 1', '-ERR hash value is not an integer'],
    ['HSET h f 9223372036854775806', ':0', 'same', HSET],
    ['HINCRBY h f 1', ':9223372036854775807', 'same', ['h hincrby h']],
    ['HINCRBY h f 1', '-ERR increment or decrement would overflow'],
    ['HINCRBY h g -9223372036854775808', ':-9223372036854775808', 'same', ['h hincrby h']],
    ['HINCRBY h g 9223372036854775807', ':-1', 'same', ['h hincrby h']],
  ],
  hincrbyfloat: [
    ['HINCRBYFLOAT h f 0.1', '$0.1', ['HSET h f 0.1'], ['h hincrbyfloat h']],
    ['HINCRBYFLOAT h f 0.2', '$0.3', ['HSET h f 0.3'], ['h hincrbyfloat h']],
    ['HINCRBYFLOAT h f x', '-ERR value is not a valid float'],
    ['HINCRBYFLOAT h f nan', '-ERR value is not a valid float'],
    ['HINCRBYFLOAT h f -inf', '-ERR value is NaN or Infinity'],
    ['HSET h f x g inf', ':1', 'same', HSET],
    ['HINCRBYFLOAT h f 1', '-ERR hash value is not a float'],
    ['HINCRBYFLOAT h g 1', '-ERR increment would produce NaN or Infinity'],
  ],
  hlen: [
    ['HLEN h', ':0'],
    ['HSET h f 1 f 2 g 3', ':2', 'same', HSET],
    ['HLEN h', ':2'],
  ],
  hmget: [
    ['HMGET h f g', ['$-1', '$-1']],
    ['HSET h f 1 g ', ':2', 'same', HSET],
    ['HMGET h f x g f', ['$1', '$-1', '$', '$1']],
    ['HMGET h', arity('hmget')],
  ],
  hmset: [
    ['HMSET h f 1 g 2', '+OK', 'same', HSET],
    ['HMSET h f 3', '+OK', 'same', HSET],
    ['HGETALL h', ['$f', '$3', '$g', '$2']],
    ['HMSET h f', arity('hmset')],
    ['HMSET h f 1 g', arity('hmset')],
  ],
  hrandfield: [
    ['HRANDFIELD h', '$-1'],
    ['HRANDFIELD h 5', []],
    ['HRANDFIELD h -5 WITHVALUES', []],
    ['HRANDFIELD h x', NOT_AN_INTEGER],
    ['HRANDFIELD h 1 FOO', SYNTAX],
    ['HRANDFIELD h 1 WITHVALUES 1', SYNTAX],
    [
      'HRANDFIELD h -9223372036854775808',
      '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
    ],
    ['HRANDFIELD h 5000000000000000000 WITHVALUES', '-ERR value is out of range'],
    ['HSET h f 1', ':1', 'same', HSET],
    ['HRANDFIELD h', '$f'],
    ['HRANDFIELD h 0', []],
    ['HRANDFIELD h 3', ['$f']],
    ['HRANDFIELD h -3', ['$f', '$f', '$f']],
    ['HRANDFIELD h 3 WITHVALUES', ['$f', '$1']],
    ['HRANDFIELD h -2 WITHVALUES', ['$f', '$1', '$f', '$1']],
  ],
  hscan: [
    ['HSCAN h 0', ['$0', []]],
    ['HSCAN h 0 FOO', ['$0', []]],
    ['HSCAN h x', '-ERR invalid cursor'],
    ['HSET h f 1 g 2 fg 3', ':3', 'same', HSET],
    ['HSCAN h 0', ['$0', ['$f', '$1', '$g', '$2', '$fg', '$3']]],
    ['HSCAN h 7 COUNT 1', ['$0', ['$f', '$1', '$g', '$2', '$fg', '$3']]],
    ['HSCAN h 0 MATCH f*', ['$0', ['$f', '$1', '$fg', '$3']]],
    ['HSCAN h 0 MATCH f* NOVALUES', ['$0', ['$f', '$fg']]],
    ['HSCAN h 0 COUNT 0', SYNTAX],
    ['HSCAN h 0 COUNT x', NOT_AN_INTEGER],
    ['HSCAN h 0 MATCH', SYNTAX],
    ['HSCAN h 0 TYPE string', SYNTAX],
  ],
  hset: [
    ['HSET h f 1', ':1', 'same', HSET],
    ['HSET h f 2 g 3', ':1', 'same', HSET],
    ['HGETALL h', ['$f', '$2', '$g', '$3']],
    ['HSET h f', arity('hset')],
    ['HSET h f 1 g', arity('hset')],
    ['OBJECT ENCODING h', '$listpack'],
    [['HSET', 'h', 'f', LONG], ':0', 'same', HSET],
    ['OBJECT ENCODING h', '$hashtable'],
    ['HSET h f 1', ':0', 'same', HSET],
    ['OBJECT ENCODING h', '$hashtable'],
    ['TYPE h', '+hash'],
  ],
  hsetnx: [
    ['HSETNX h f 1', ':1', 'same', HSET],
    ['HSETNX h f 2', ':0'],
    ['HSETNX h g 2', ':1', 'same', HSET],
    ['HGETALL h', ['$f', '$1', '$g', '$2']],
  ],
  hstrlen: [
    ['HSTRLEN h f', ':0'],
    ['HSET h f value g ', ':2', 'same', HSET],
    ['HSTRLEN h f', ':5'],
    ['HSTRLEN h g', ':0'],
    ['HSTRLEN h x', ':0'],
  ],
};

/** Sets fields `f:0` to `f:<count - 1>`, each with its number as the value. */
function fill(engine: TestEngine, key: string, count: number): void {
  for (let from = 0; from < count; from += 100) {
    const words = Array.from({ length: Math.min(100, count - from) }, (_, at) => [
      `f:${from + at}`,
      from + at,
    ]);
    engine.run('HSET', key, ...words.flat());
  }
}

describe.each(RESIDENCIES)('%s', (residency) => {
  test.each(Object.entries(CASES))('%s', (_, steps) => {
    expectSteps(createEngine({ residency }), steps);
  });

  test('a hash of many fields is kept in pages, and comes back', () => {
    const engine = createEngine({ residency });
    fill(engine, 'h', 1000);
    expect(engine.run('HLEN', 'h').value).toBe(1000);
    expect(engine.run('OBJECT', 'ENCODING', 'h').value).toBe('hashtable');
    for (let at = 0; at < 1000; at += 37) expect(engine.run('HGET', 'h', `f:${at}`).value).toBe(String(at));
    const all = engine.run('HGETALL', 'h').value as string[];
    expect(new Map(all.flatMap((field, at) => (at % 2 === 0 ? [[field, all[at + 1]]] : [])))).toEqual(
      new Map(Array.from({ length: 1000 }, (_, at) => [`f:${at}`, String(at)])),
    );
    expect(engine.run('COPY', 'h', 'copy').value).toBe(1);
    expect(engine.run('RENAME', 'h', 'renamed').value).toBe('OK');
    for (let at = 3; at < 1000; at++) expect(engine.run('HDEL', 'renamed', `f:${at}`).value).toBe(1);
    expect((engine.run('HKEYS', 'renamed').value as string[]).sort()).toEqual(['f:0', 'f:1', 'f:2']);
    expect(engine.run('OBJECT', 'ENCODING', 'renamed').value).toBe('hashtable');
    expect(engine.run('HLEN', 'copy').value).toBe(1000);
    expect(engine.run('HGET', 'copy', 'f:999').value).toBe('999');
  });

  test('HSCAN meets every field that is there throughout, in parts', () => {
    const engine = createEngine({ residency });
    fill(engine, 'h', 1000);
    const seen = new Set<string>();
    let cursor = '0';
    let calls = 0;
    do {
      const [next, fields] = engine.run('HSCAN', 'h', cursor, 'COUNT', 50, 'NOVALUES').value as [
        string,
        string[],
      ];
      for (const field of fields) seen.add(field);
      cursor = next;
      calls++;
      engine.run('HSET', 'h', `new:${calls}`, 'x'.repeat(200));
    } while (cursor !== '0');
    expect(calls).toBeGreaterThan(5);
    for (let at = 0; at < 1000; at++) expect(seen.has(`f:${at}`)).toBe(true);
  });

  test('HRANDFIELD replies each field once with a count, and any field', () => {
    const engine = createEngine({ residency });
    fill(engine, 'h', 600);
    for (const count of [1, 7, 199, 201, 599, 600, 700]) {
      const fields = engine.run('HRANDFIELD', 'h', count).value as string[];
      expect(fields.length).toBe(Math.min(600, count));
      expect(new Set(fields).size).toBe(fields.length);
    }
    const many = engine.run('HRANDFIELD', 'h', -6000).value as string[];
    expect(many.length).toBe(6000);
    expect(new Set(many).size).toBeGreaterThan(550);
  });
});

test('in RESP3 HGETALL replies a map, and HRANDFIELD pairs', () => {
  const engine = createEngine();
  engine.run('HELLO', 3);
  expect(engine.run('HGETALL', 'h').raw).toBe('%0\r\n');
  expect(engine.run('HGET', 'h', 'f').raw).toBe('_\r\n');
  engine.run('HSET', 'h', 'f', 1);
  expect(engine.run('HGETALL', 'h').raw).toBe('%1\r\n$1\r\nf\r\n$1\r\n1\r\n');
  expect(engine.run('HKEYS', 'h').raw).toBe('*1\r\n$1\r\nf\r\n');
  expect(engine.run('HRANDFIELD', 'h', 1).raw).toBe('*1\r\n$1\r\nf\r\n');
  expect(engine.run('HRANDFIELD', 'h', -2, 'WITHVALUES').raw).toBe(
    `*2\r\n${'*2\r\n$1\r\nf\r\n$1\r\n1\r\n'.repeat(2)}`,
  );
  expect(engine.run('HGETEX', 'h', 'FIELDS', 2, 'f', 'g').raw).toBe('*2\r\n$1\r\n1\r\n_\r\n');
});

test('the limits of a listpack are configured, under either name', () => {
  const engine = createEngine({
    directives: { 'hash-max-ziplist-entries': '2', 'hash-max-listpack-value': '3' },
  });
  expectSteps(engine, [
    ['HSET a f 1 g 2', ':2', 'same', ['h hset a']],
    ['OBJECT ENCODING a', '$listpack'],
    ['HSETNX a i 1', ':1', 'same', ['h hset a']],
    ['OBJECT ENCODING a', '$hashtable'],
    ['HSET b long 1', ':1', 'same', ['h hset b']],
    ['OBJECT ENCODING b', '$hashtable'],
    ['HINCRBY c f 1000', ':1000', 'same', ['h hincrby c']],
    ['OBJECT ENCODING c', '$hashtable'],
    ['HSET d f 1', ':1', 'same', ['h hset d']],
    ['HPEXPIRE d 1000 FIELDS 1 f', [':1'], [`HPEXPIREAT d ${START_MS + 1000} FIELDS 1 f`], ['h hexpire d']],
    ['OBJECT ENCODING d', '$listpackex'],
    ['HSET d g 1 i 1', ':2', 'same', ['h hset d']],
    ['OBJECT ENCODING d', '$hashtable'],
    ['HPTTL d FIELDS 2 f g', [':1000', ':-1']],
  ]);
});
