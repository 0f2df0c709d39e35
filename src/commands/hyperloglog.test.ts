import { describe, expect, test } from 'vitest';
import {
  createEngine,
  expectSteps,
  RESIDENCIES,
  START_MS,
  type Step,
  type TestEngine,
} from '../../test/support/engine.ts';
import { NOTIFY_NEW } from '../keyspace/keyspace.ts';
import { TYPE_LIST } from '../keyspace/record.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_A_HYPERLOGLOG = '-WRONGTYPE Key is not a valid HyperLogLog string value.';
const CORRUPT = '-INVALIDOBJ Corrupted HLL object detected';

/** What Redis 7.0 keeps after `PFADD h a b c`, and after a PFCOUNT. */
const ABC_STALE = '48594c4c01000000000000000000008060f38050b1844bfb80425a';
const ABC_COUNTED = '48594c4c01000000030000000000000060f38050b1844bfb80425a';

const CASES: Record<string, Step[]> = {
  pfadd: [
    ['PFADD a', ':1', 'same', ['$ pfadd a']],
    ['PFADD a', ':0'],
    ['PFADD a x', ':1', 'same', ['$ pfadd a']],
    ['PFADD a x', ':0'],
    ['PFADD a x y z', ':1', 'same', ['$ pfadd a']],
    ['PFADD a z y x', ':0'],
    [['PFADD', 'a', ''], ':1', 'same', ['$ pfadd a']],
    ['PFCOUNT a', ':4', 'same'],
    ['TYPE a', '+string'],
    ['OBJECT ENCODING a', '$raw'],
    ['PEXPIRE a 5000', ':1', [`PEXPIREAT a ${START_MS + 5000}`], ['g expire a']],
    ['PFADD a new', ':1', 'same', ['$ pfadd a']],
    ['PTTL a', ':5000'],
    ['SET s text', '+OK', 'same', ['$ set s']],
    ['PFADD s x', NOT_A_HYPERLOGLOG],
    ['SET s 12', '+OK', 'same', ['$ set s']],
    ['PFADD s x', NOT_A_HYPERLOGLOG],
    ['SET s HYLL', '+OK', 'same', ['$ set s']],
    ['PFADD s x', NOT_A_HYPERLOGLOG],
    ['PFADD', "-ERR wrong number of arguments for 'pfadd' command"],
  ],
  pfcount: [
    ['PFCOUNT a', ':0'],
    ['PFADD a x y z', ':1', 'same', ['$ pfadd a']],
    // The estimate is kept, so the first one changes the value.
    ['PFCOUNT a', ':3', 'same'],
    ['PFCOUNT a', ':3'],
    ['PFADD b z p q', ':1', 'same', ['$ pfadd b']],
    ['PFCOUNT a b', ':5'],
    ['PFCOUNT a missing b a', ':5'],
    ['PFCOUNT missing none', ':0'],
    ['PFCOUNT b', ':3', 'same'],
    ['SET s text', '+OK', 'same', ['$ set s']],
    ['PFCOUNT s', NOT_A_HYPERLOGLOG],
    ['PFCOUNT a s', NOT_A_HYPERLOGLOG],
    ['PFCOUNT', "-ERR wrong number of arguments for 'pfcount' command"],
  ],
  pfmerge: [
    ['PFADD a x y', ':1', 'same', ['$ pfadd a']],
    ['PFADD b y z', ':1', 'same', ['$ pfadd b']],
    ['PFMERGE c a b missing', '+OK', 'same', ['$ pfadd c']],
    ['PFCOUNT c', ':3', 'same'],
    ['PFADD a p', ':1', 'same', ['$ pfadd a']],
    ['PEXPIRE c 5000', ':1', [`PEXPIREAT c ${START_MS + 5000}`], ['g expire c']],
    ['PFMERGE c a', '+OK', 'same', ['$ pfadd c']],
    ['PFCOUNT c', ':4', 'same'],
    ['PTTL c', ':5000'],
    ['PFDEBUG ENCODING c', '+sparse'],
    ['PFMERGE d', '+OK', 'same', ['$ pfadd d']],
    ['PFCOUNT d', ':0', 'same'],
    // One dense source makes the destination dense.
    ['PFDEBUG TODENSE b', ':1', 'same'],
    ['PFMERGE d a b', '+OK', 'same', ['$ pfadd d']],
    ['PFDEBUG ENCODING d', '+dense'],
    ['PFCOUNT d', ':4', 'same'],
    ['PFMERGE e b', '+OK', 'same', ['$ pfadd e']],
    ['PFDEBUG ENCODING e', '+dense'],
    ['SET s text', '+OK', 'same', ['$ set s']],
    ['PFMERGE s a', NOT_A_HYPERLOGLOG],
    ['PFMERGE e s', NOT_A_HYPERLOGLOG],
    ['PFMERGE', "-ERR wrong number of arguments for 'pfmerge' command"],
  ],
  pfdebug: [
    ['PFDEBUG ENCODING a', '-ERR The specified key does not exist'],
    ['PFADD a a b c', ':1', 'same', ['$ pfadd a']],
    ['PFDEBUG DECODE a', '$Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603'],
    ['PFDEBUG encoding a', '+sparse'],
    ['PFDEBUG NOSUCH a', "-ERR Unknown PFDEBUG subcommand 'NOSUCH'"],
    ['PFDEBUG TODENSE a', ':1', 'same'],
    ['PFDEBUG TODENSE a', ':0'],
    ['PFDEBUG ENCODING a', '+dense'],
    ['STRLEN a', ':12304'],
    ['PFDEBUG DECODE a', '-ERR HLL encoding is not sparse'],
    ['PFCOUNT a', ':3', 'same'],
    ['PFADD a a b c', ':0'],
    ['PFADD a d', ':1', 'same', ['$ pfadd a']],
    ['SET s text', '+OK', 'same', ['$ set s']],
    ['PFDEBUG ENCODING s', NOT_A_HYPERLOGLOG],
    ['PFDEBUG SIMD on', '+disabled'],
    ['PFDEBUG SIMD maybe', '-ERR Argument must be ON or OFF'],
    ['PFDEBUG ENCODING', "-ERR wrong number of arguments for 'pfdebug' command"],
  ],
};

/** A value's bytes as hexadecimal digits. */
function digitsOf(engine: TestEngine, key: string): string {
  const { raw } = engine.run('GET', key);
  return Buffer.from(raw.slice(raw.indexOf('\n') + 1, -2), 'latin1').toString('hex');
}

describe.each(RESIDENCIES)('keys %s', (residency) => {
  test.each(Object.entries(CASES))('%s', (_, steps) => {
    expectSteps(createEngine({ residency }), steps);
  });

  test('the bytes are those of Redis', () => {
    const engine = createEngine({ residency });
    engine.run('PFADD', 'h', 'a', 'b', 'c');
    expect(digitsOf(engine, 'h')).toBe(ABC_STALE);
    engine.run('PFCOUNT', 'h');
    expect(digitsOf(engine, 'h')).toBe(ABC_COUNTED);
    engine.run('PFADD', 'empty');
    expect(digitsOf(engine, 'empty')).toBe('48594c4c0100000000000000000000807fff');
  });

  test('a value set as bytes goes on', () => {
    const engine = createEngine({ residency });
    engine.run('SET', 'h', Buffer.from(ABC_COUNTED, 'hex'));
    expectSteps(engine, [
      ['OBJECT ENCODING h', '$embstr'],
      ['PFCOUNT h', ':3'],
      ['OBJECT ENCODING h', '$raw'],
      ['PFADD h a', ':0'],
      ['PFADD h d', ':1', 'same', ['$ pfadd h']],
      ['PFCOUNT h', ':4', 'same'],
    ]);
  });

  test('a value becomes dense beyond hll-sparse-max-bytes', () => {
    const engine = createEngine({ residency, directives: { 'hll-sparse-max-bytes': '60' } });
    const lengths = new Set<number>();
    for (let element = 0; element < 60; element++) {
      engine.run('PFADD', 'a', element);
      lengths.add(Number(engine.run('STRLEN', 'a').value));
    }
    const sorted = [...lengths].sort((left, right) => left - right);
    expect(sorted.at(-1)).toBe(12304);
    expect(sorted.at(-2)).toBeLessThanOrEqual(60);
    expectSteps(engine, [['PFCOUNT a', ':60', 'same']]);
    engine.run('CONFIG', 'SET', 'hll-sparse-max-bytes', '0');
    expectSteps(engine, [
      ['PFADD b', ':1', 'same', ['$ pfadd b']],
      ['PFDEBUG ENCODING b', '+sparse'],
      ['PFADD b x', ':1', 'same', ['$ pfadd b']],
      ['PFDEBUG ENCODING b', '+dense'],
    ]);
  });

  test('a union becomes dense where it grows beyond hll-sparse-max-bytes', () => {
    const engine = createEngine({ residency, directives: { 'hll-sparse-max-bytes': '200' } });
    const elements = Array.from({ length: 100 }, (_, at) => at);
    engine.run('PFADD', 'a', ...elements.slice(0, 50));
    engine.run('PFADD', 'b', ...elements.slice(50));
    engine.run('PFMERGE', 'c', 'a', 'b');
    engine.run('PFADD', 'd', ...elements);
    engine.run('PFCOUNT', 'c');
    engine.run('PFCOUNT', 'd');
    expect(engine.run('PFDEBUG', 'ENCODING', 'a').value).toBe('sparse');
    expect(engine.run('PFDEBUG', 'ENCODING', 'c').value).toBe('dense');
    expect(digitsOf(engine, 'c')).toBe(digitsOf(engine, 'd'));
  });

  test('registers by number', () => {
    const engine = createEngine({ residency });
    engine.run('PFADD', 'a', 'a', 'b', 'c');
    const told = engine.run('PFDEBUG', 'GETREG', 'a');
    const registers = told.value as number[];
    expect(registers).toHaveLength(16384);
    expect(registers.flatMap((value, at) => (value > 0 ? [[at, value]] : []))).toEqual([
      [8436, 1],
      [12711, 2],
      [15780, 1],
    ]);
    // It made the value dense.
    expect(told.propagated).toEqual(['PFDEBUG GETREG a']);
    expect(engine.run('PFDEBUG', 'GETREG', 'a').propagated).toEqual([]);
  });

  test.each([
    ['runs that end early', '48594c4c0100000000000000000000807ffe'],
    ['runs that are too many', '48594c4c0100000000000000000000807fff00'],
    ['no runs', '48594c4c010000000000000000000080'],
  ])('a corrupt value: %s', (_, digits) => {
    const engine = createEngine({ residency, directives: { 'hll-sparse-max-bytes': '0' } });
    engine.run('SET', 'a', Buffer.from(digits, 'hex'));
    engine.run('PFADD', 'b', 'x');
    expectSteps(engine, [
      ['PFCOUNT a', CORRUPT],
      ['PFCOUNT b a', CORRUPT],
      ['PFMERGE c a', CORRUPT],
      ['PFADD a x', CORRUPT],
      ['PFDEBUG TODENSE a', CORRUPT],
      ['PFDEBUG GETREG a', CORRUPT],
      ['EXISTS c', ':0'],
    ]);
    expect(digitsOf(engine, 'a')).toBe(digits);
  });

  test('a dense value must have its length', () => {
    const engine = createEngine({ residency });
    const dense = Buffer.alloc(12304);
    dense.write('HYLL');
    engine.run('SET', 'a', dense);
    engine.run('SET', 'b', dense.subarray(1));
    engine.run('SET', 'c', Buffer.concat([dense, Buffer.of(0)]));
    dense[4] = 2;
    engine.run('SET', 'd', dense);
    expectSteps(engine, [
      ['PFADD a x', ':1', 'same', ['$ pfadd a']],
      ['PFADD b x', NOT_A_HYPERLOGLOG],
      ['PFADD c x', NOT_A_HYPERLOGLOG],
      ['PFADD d x', NOT_A_HYPERLOGLOG],
    ]);
  });

  test('a new key is told as such', () => {
    const engine = createEngine({ residency, notifyFlags: NOTIFY_NEW });
    expectSteps(engine, [
      ['PFADD a x', ':1', 'same', ['n new a', '$ pfadd a']],
      ['PFMERGE b a', '+OK', 'same', ['n new b', '$ pfadd b']],
    ]);
  });

  test('a watched key breaks the watch when its registers or its estimate change', () => {
    const engine = createEngine({ residency });
    const other = engine.connect();
    engine.run('PFADD', 'a', 'x');
    for (const [line, reply] of [
      ['PFADD a x', '*1\r\n+PONG\r\n'],
      ['PFCOUNT a', '*-1\r\n'],
      ['PFCOUNT a', '*1\r\n+PONG\r\n'],
      ['PFADD a y', '*-1\r\n'],
      ['PFMERGE a a', '*-1\r\n'],
    ]) {
      engine.run('WATCH', 'a');
      engine.run('MULTI');
      engine.run('PING');
      engine.runAs(other, ...line.split(' '));
      expect([line, engine.run('EXEC').raw]).toEqual([line, reply]);
    }
  });
});

test('other types than strings', () => {
  const engine = createEngine();
  const [database] = engine.keyspace.databases;
  database.find(Buffer.from('list'), 0, 4, 0);
  database.store(TYPE_LIST, 0, 0, -1);
  expectSteps(engine, [
    ['PFADD list x', WRONG_TYPE],
    ['PFCOUNT list', WRONG_TYPE],
    ['PFCOUNT missing list', WRONG_TYPE],
    ['PFMERGE a list', WRONG_TYPE],
    ['PFDEBUG ENCODING list', WRONG_TYPE],
  ]);
});

test('the self-test passes', () => {
  expectSteps(createEngine(), [['PFSELFTEST', '+OK']]);
});
