import { describe, expect, test } from 'vitest';
import {
  createEngine,
  expectSteps,
  RESIDENCIES,
  START_MS,
  type Step,
  type TestEngine,
} from '../../test/support/engine.ts';

const MISPLACED = '-ERR Mandatory argument FIELDS is missing or not at the right position';
const NOT_POSITIVE = '-ERR Number of fields must be a positive integer';
const MISMATCH = '-ERR The `numfields` parameter must match the number of arguments';
const NOT_AN_INTEGER = '-ERR value is not an integer or out of range';
const NEGATIVE = '-ERR invalid expire time, must be >= 0';
const HEXPIRE = ['h hexpire h'];
const HDEL = ['h hdel h'];
const FGI: Step = ['HSET h f 1 g 2 i 3', ':3', 'same', ['h hset h']];
/** The latest time that a field may expire at. */
const LATEST = 2 ** 46 - 1;

function arity(name: string): string {
  return `-ERR wrong number of arguments for '${name}' command`;
}

function invalid(name: string): string {
  return `-ERR invalid expire time in '${name}' command`;
}

/** What HEXPIRE and its kin propagate. */
function told(expireAt: number, ...fields: string[]): string[] {
  return [`HPEXPIREAT h ${expireAt} FIELDS ${fields.length} ${fields.join(' ')}`];
}

/** What the expiry of one field tells. */
function expired(field: string, isLast = false): [string[], string[]] {
  return [[`HDEL h ${field}`], ['h hexpired h', ...(isLast ? ['g del h'] : [])]];
}

const CASES: Record<string, Step[]> = {
  hexpire: [
    ['HEXPIRE h 10 FIELDS 2 f g', [':-2', ':-2']],
    FGI,
    ['HEXPIRE h 10 FIELDS 2 f x', [':1', ':-2'], told(START_MS + 10_000, 'f'), HEXPIRE],
    ['OBJECT ENCODING h', '$listpackex'],
    ['HTTL h FIELDS 3 f g x', [':10', ':-1', ':-2']],
    ['HEXPIRE h 20 NX FIELDS 2 f g', [':0', ':1'], told(START_MS + 20_000, 'g'), HEXPIRE],
    ['HEXPIRE h 30 XX FIELDS 2 f i', [':1', ':0'], told(START_MS + 30_000, 'f'), HEXPIRE],
    ['HEXPIRE h 25 GT FIELDS 3 f g i', [':0', ':1', ':0'], told(START_MS + 25_000, 'g'), HEXPIRE],
    ['HEXPIRE h 5 LT FIELDS 3 f g i', [':1', ':1', ':1'], told(START_MS + 5000, 'f', 'g', 'i'), HEXPIRE],
    ['HEXPIRE h 5 LT FIELDS 1 f', [':0']],
    ['HEXPIRE h FIELDS 1 f 5', NOT_AN_INTEGER],
    ['HEXPIRE h 7 FIELDS 1 f GT', [':1'], told(START_MS + 7000, 'f'), HEXPIRE],
    ['HEXPIRE h 0 FIELDS 2 g x', [':2', ':-2'], ['HDEL h g'], HDEL],
    ['HEXPIRE h 0 GT FIELDS 1 f', [':0']],
    ['HEXPIRE h 0 FIELDS 2 f i', [':2', ':2'], ['HDEL h f i'], ['h hdel h', 'g del h']],
    ['EXISTS h', ':0'],
  ],
  'errors of hexpire': [
    ['HEXPIRE h 10 FIELDS 1', arity('hexpire')],
    ['HEXPIRE h x FIELDS 1 f', NOT_AN_INTEGER],
    ['HEXPIRE h -1 FIELDS 1 f', NEGATIVE],
    ['HEXPIRE h 9223372036854775807 FIELDS 1 f', invalid('hexpire')],
    ['HPEXPIREAT h 9223372036854775807 FIELDS 1 f', invalid('hpexpireat')],
    [`HPEXPIREAT h ${LATEST + 1} FIELDS 1 f`, invalid('hpexpireat')],
    ['HEXPIRE h 10 FIELDS 0 f', '-ERR Parameter `numFields` should be greater than 0'],
    ['HEXPIRE h 10 FIELDS x f', '-ERR Parameter `numFields` should be greater than 0'],
    ['HEXPIRE h 10 FIELDS 2 f', '-ERR wrong number of arguments'],
    ['HEXPIRE h 10 FIELDS 1 f g', '-ERR unknown argument: g'],
    ['HEXPIRE h 10 FOO FIELDS 1 f', '-ERR unknown argument: FOO'],
    ['HEXPIRE h 10 NX XX FIELDS 1 f', '-ERR Multiple condition flags specified'],
    ['HEXPIRE h 10 FIELDS 1 f GT LT', '-ERR Multiple condition flags specified'],
    ['HEXPIRE h 10 NX XX GT', '-ERR missing FIELDS argument'],
    ['HEXPIRE h 10 FIELDS 1 f FIELDS 1 g', '-ERR FIELDS keyword specified multiple times'],
    ['HEXPIRE h 10 NX FIELDS 1', '-ERR FIELDS requires at least numfields and one field argument'],
  ],
  hexpireat: [
    FGI,
    ['HEXPIREAT h 1700000200 FIELDS 1 f', [':1'], told(1700000200000, 'f'), HEXPIRE],
    ['HEXPIRETIME h FIELDS 2 f g', [':1700000200', ':-1']],
    ['HPEXPIRETIME h FIELDS 1 f', [':1700000200000']],
    ['HEXPIREAT h 1 FIELDS 1 f', [':2'], ['HDEL h f'], HDEL],
  ],
  hgetdel: [
    ['HGETDEL h FIELDS 2 f g', ['$-1', '$-1']],
    FGI,
    ['HGETDEL h FIELDS 3 f x g', ['$1', '$-1', '$2'], ['HDEL h f g'], HDEL],
    ['HGETDEL h FIELDS 1 x', ['$-1']],
    ['HGETDEL h FIELDS 2 i i', ['$3', '$-1'], ['HDEL h i'], ['h hdel h', 'g del h']],
    ['EXISTS h', ':0'],
    ['HGETDEL h FOO 1 f', MISPLACED],
    ['HGETDEL h FIELDS 0 f', NOT_POSITIVE],
    ['HGETDEL h FIELDS 2 f', MISMATCH],
    ['HGETDEL h FIELDS 1', arity('hgetdel')],
  ],
  hgetex: [
    ['HGETEX h EX 10 FIELDS 2 f g', ['$-1', '$-1']],
    FGI,
    ['HGETEX h FIELDS 2 f x', ['$1', '$-1']],
    ['HGETEX h EX 10 FIELDS 2 f x', ['$1', '$-1'], told(START_MS + 10_000, 'f'), HEXPIRE],
    ['HGETEX h FIELDS 1 g PX 1500', ['$2'], told(START_MS + 1500, 'g'), HEXPIRE],
    ['HPTTL h FIELDS 3 f g i', [':10000', ':1500', ':-1']],
    ['HGETEX h EXAT 1700000200 FIELDS 1 i', ['$3'], told(1700000200000, 'i'), HEXPIRE],
    ['HGETEX h PXAT 1700000200001 FIELDS 1 i', ['$3'], told(1700000200001, 'i'), HEXPIRE],
    ['HGETEX h PERSIST FIELDS 2 f x', ['$1', '$-1'], ['HPERSIST h FIELDS 1 f'], ['h hpersist h']],
    ['HGETEX h PERSIST FIELDS 1 f', ['$1']],
    ['HGETEX h PXAT 1 FIELDS 2 f g', ['$1', '$2'], ['HDEL h f g'], HDEL],
    ['HGETEX h EX 0 FIELDS 1 i', ['$3'], ['HDEL h i'], ['h hdel h', 'g del h']],
    [
      'HGETEX h EX 1 PX 1 FIELDS 1 f',
      '-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified',
    ],
    [
      'HGETEX h PERSIST EX 1 FIELDS 1 f',
      '-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified',
    ],
    ['HGETEX h EX -1 FIELDS 1 f', NEGATIVE],
    ['HGETEX h EX x FIELDS 1 f', NOT_AN_INTEGER],
    ['HGETEX h EX 99999999999999 FIELDS 1 f', invalid('hgetex')],
    ['HGETEX h FIELDS 1 f EX', '-ERR missing expire time'],
    ['HGETEX h FIELDS 0 f', '-ERR invalid number of fields'],
    ['HGETEX h FIELDS 2 f', arity('hgetex')],
    ['HGETEX h KEEPTTL FIELDS 1 f', '-ERR unknown argument: KEEPTTL'],
    ['HGETEX h FNX FIELDS 1 f', '-ERR unknown argument: FNX'],
    ['HGETEX h EX 1', arity('hgetex')],
    ['HGETEX h EX 1 EX', '-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified'],
    ['HGETEX h PERSIST FIELDS 1', arity('hgetex')],
    ['HGETEX h FIELDS 1 f FIELDS 1 g', '-ERR FIELDS keyword specified multiple times'],
    ['HGETEX h FOO 1 f', '-ERR unknown argument: FOO'],
    ['HGETEX h PX 1 PX', '-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified'],
  ],
  hpersist: [
    ['HPERSIST h FIELDS 1 f', [':-2']],
    FGI,
    ['HPERSIST h FIELDS 2 f x', [':-1', ':-2']],
    ['HEXPIRE h 10 FIELDS 2 f g', [':1', ':1'], told(START_MS + 10_000, 'f', 'g'), HEXPIRE],
    ['HPERSIST h FIELDS 3 f i x', [':1', ':-1', ':-2'], 'same', ['h hpersist h']],
    ['HTTL h FIELDS 2 f g', [':-1', ':10']],
    ['HPERSIST h FOO 1 f', MISPLACED],
    ['HPERSIST h FIELDS x f', NOT_POSITIVE],
    ['HPERSIST h FIELDS 2 f', MISMATCH],
  ],
  hpexpire: [
    FGI,
    ['HPEXPIRE h 1500 FIELDS 1 f', [':1'], told(START_MS + 1500, 'f'), HEXPIRE],
    ['HPTTL h FIELDS 1 f', [':1500']],
    ['HTTL h FIELDS 1 f', [':2']],
    ['HPEXPIRETIME h FIELDS 1 f', [`:${START_MS + 1500}`]],
    ['HEXPIRETIME h FIELDS 1 f', [`:${Math.ceil((START_MS + 1500) / 1000)}`]],
    [`HPEXPIREAT h ${LATEST} FIELDS 1 f`, [':1'], told(LATEST, 'f'), HEXPIRE],
    ['HPEXPIRETIME h FIELDS 1 f', [`:${LATEST}`]],
    ['HTTL h FOO 1 f', MISPLACED],
    ['HTTL h FIELDS 0 f', NOT_POSITIVE],
    ['HTTL h FIELDS 2 f', MISMATCH],
    ['HTTL nosuch FIELDS 2 f g', [':-2', ':-2']],
  ],
  hsetex: [
    ['HSETEX h FIELDS 2 f 1 g 2', ':1', 'same', ['h hset h']],
    [
      'HSETEX h EX 10 FIELDS 2 f 3 i 4',
      ':1',
      [`HSETEX h PXAT ${START_MS + 10_000} FIELDS 2 f 3 i 4`],
      ['h hset h', 'h hexpire h'],
    ],
    ['HGETALL h', ['$f', '$3', '$g', '$2', '$i', '$4']],
    ['HTTL h FIELDS 3 f g i', [':10', ':-1', ':10']],
    ['HSETEX h FNX EX 5 FIELDS 2 x 1 f 2', ':0'],
    ['HSETEX h FXX EX 5 FIELDS 2 x 1 f 2', ':0'],
    ['HSETEX h FIELDS 1 f 5 FXX KEEPTTL', ':1', 'same', ['h hset h']],
    ['HTTL h FIELDS 1 f', [':10']],
    ['HSETEX h FIELDS 1 f 6', ':1', 'same', ['h hset h']],
    ['HTTL h FIELDS 1 f', [':-1']],
    ['HSETEX h FNX PXAT 1 FIELDS 2 x 1 y 2', ':1', ['HDEL h x y'], ['h hset h', 'h hdel h']],
    ['HSETEX h PX 0 FIELDS 3 f 1 g 2 i 3', ':1', ['HDEL h f g i'], ['h hset h', 'h hdel h', 'g del h']],
    ['HSETEX h FXX FIELDS 1 f 1', ':0'],
    ['EXISTS h', ':0'],
    ['HSETEX h FNX FXX FIELDS 1 f 1', '-ERR Only one of FXX or FNX arguments can be specified'],
    [
      'HSETEX h EX 1 KEEPTTL FIELDS 1 f 1',
      '-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified',
    ],
    ['HSETEX h EX -1 FIELDS 1 f 1', NEGATIVE],
    ['HSETEX h EX 1 FIELDS 2 f 1', arity('hsetex')],
    ['HSETEX h FIELDS 1 f 1 g 2', '-ERR unknown argument: g'],
    ['HSETEX h FIELDS x f 1', '-ERR invalid number of fields'],
    ['HSETEX h PERSIST FIELDS 1 f 1', '-ERR unknown argument: PERSIST'],
  ],
  'what changes a value and its expiry': [
    FGI,
    ['HPEXPIRE h 1000 FIELDS 3 f g i', [':1', ':1', ':1'], told(START_MS + 1000, 'f', 'g', 'i'), HEXPIRE],
    ['HSET h f 2', ':0', 'same', ['h hset h']],
    ['HINCRBY h g 1', ':3', 'same', ['h hincrby h']],
    ['HINCRBYFLOAT h i 1', '$4', ['HSETEX h KEEPTTL FIELDS 1 i 4'], ['h hincrbyfloat h']],
    ['HPTTL h FIELDS 3 f g i', [':-1', ':1000', ':1000']],
    ['HDEL h g', ':1', 'same', HDEL],
    ['HSET h g 5', ':1', 'same', ['h hset h']],
    ['HPTTL h FIELDS 1 g', [':-1']],
  ],
  'a field whose time has come': [
    ['HSET h a 1 b 2 c 3 d 4 e 5 f 6 g 7 i 8 k 9', ':9', 'same', ['h hset h']],
    [
      'HPEXPIRE h 100 FIELDS 8 a b c d e f g i',
      Array(8).fill(':1'),
      told(START_MS + 100, ...'abcdefgi'),
      HEXPIRE,
    ],
    99,
    ['HGET h a', '$1'],
    1,
    ['HLEN h', ':9'],
    ['HGETALL h', ['$k', '$9']],
    ['HSCAN h 0', ['$0', ['$k', '$9']]],
    ['HGET h a', '$-1', ...expired('a')],
    ['HLEN h', ':8'],
    ['HEXISTS h b', ':0', ...expired('b')],
    ['HSTRLEN h c', ':0', ...expired('c')],
    ['HSETNX h d 5', ':1', ['MULTI', 'HDEL h d', 'HSETNX h d 5', 'EXEC'], ['h hexpired h', 'h hset h']],
    ['HINCRBY h e 2', ':2', ['MULTI', 'HDEL h e', 'HINCRBY h e 2', 'EXEC'], ['h hexpired h', 'h hincrby h']],
    ['HMGET h f k', ['$-1', '$9'], ...expired('f')],
    ['HTTL h FIELDS 1 g', [':-2'], ...expired('g')],
    ['HEXPIRE h 10 FIELDS 1 i', [':-2'], ...expired('i')],
    ['HKEYS h', ['$k', '$d', '$e']],
  ],
  'the last field': [
    [
      'HSETEX h PX 100 FIELDS 2 f 1 g 2',
      ':1',
      [`HSETEX h PXAT ${START_MS + 100} FIELDS 2 f 1 g 2`],
      ['h hset h', 'h hexpire h'],
    ],
    100,
    ['EXISTS h', ':1'],
    ['HGETALL h', []],
    ['HGET h g', '$-1', ...expired('g')],
    ['HMGET h f g', ['$-1', '$-1'], ...expired('f', true)],
    ['EXISTS h', ':0'],
    [
      'HSETEX h PX 100 FIELDS 1 f 1',
      ':1',
      [`HSETEX h PXAT ${START_MS + 200} FIELDS 1 f 1`],
      ['h hset h', 'h hexpire h'],
    ],
    100,
    [
      'HINCRBY h f 3',
      ':3',
      ['MULTI', 'HDEL h f', 'HINCRBY h f 3', 'EXEC'],
      ['h hexpired h', 'g del h', 'h hincrby h'],
    ],
    [
      'HSETEX h PX 100 FIELDS 1 f 1',
      ':1',
      [`HSETEX h PXAT ${START_MS + 300} FIELDS 1 f 1`],
      ['h hset h', 'h hexpire h'],
    ],
    100,
    ['HRANDFIELD h', '$-1', ...expired('f', true)],
    ['HRANDFIELD h 5', []],
  ],
};

/** Sets fields `f:0` to `f:<count - 1>` that expire after a tenth of their number in milliseconds, or not at all. */
function fill(engine: TestEngine, key: string, count: number): void {
  for (let at = 0; at < count; at++) {
    if (at % 4 === 0) engine.run('HSET', key, `f:${at}`, `value of ${at}`);
    else engine.run('HSETEX', key, 'PX', 1 + Math.floor(at / 10), 'FIELDS', 1, `f:${at}`, `value of ${at}`);
  }
}

/** Runs the work between commands as often as is enough for all that is due; the events that it told. */
function expireAll(engine: TestEngine): string[] {
  return Array.from({ length: 30 }, () => engine.runCron().events).flat();
}

function expiringCount(engine: TestEngine): number {
  return engine.keyspace.databases[0].fieldExpiringCount;
}

describe.each(RESIDENCIES)('%s', (residency) => {
  test.each(Object.entries(CASES))('%s', (_, steps) => {
    expectSteps(createEngine({ residency }), steps);
  });

  test('fields go by themselves soon after their time, from a small hash and from one in pages', () => {
    for (const count of [20, 1000]) {
      const engine = createEngine({ residency });
      fill(engine, 'h', count);
      expect(expiringCount(engine)).toBe(1);
      const last = Math.floor(count / 10) + 1;
      const gone: string[] = [];
      let events = new Set<string>();
      for (let ms = 0; ms < last * 2 + 2000; ms += Math.ceil(last / 4)) {
        engine.clock.advance(Math.ceil(last / 4));
        const told = engine.runCron();
        for (const line of told.propagated) {
          const [command, key, ...fields] = line.split(' ');
          expect([command, key]).toEqual(['HDEL', 'h']);
          gone.push(...fields);
        }
        events = new Set([...events, ...told.events]);
        engine.settle();
      }
      expect([...events]).toEqual(['h hexpired h']);
      expect(gone.length).toBe(count - Math.ceil(count / 4));
      expect(new Set(gone).size).toBe(gone.length);
      expect(engine.run('HLEN', 'h').value).toBe(Math.ceil(count / 4));
      expect(engine.run('HGET', 'h', 'f:4').value).toBe('value of 4');
      expect(expiringCount(engine)).toBe(0);
      expect(engine.keyspace.statistics.expiredFields).toBe(gone.length);
    }
  });

  test('a hash goes with its last field', () => {
    const engine = createEngine({ residency });
    for (const key of ['a', 'b'])
      for (let at = 0; at < 300; at++)
        engine.run('HSETEX', key, 'PX', 50, 'FIELDS', 1, `f:${at}`, 'x'.repeat(key === 'a' ? 1 : 40));
    engine.clock.advance(5000);
    const events = expireAll(engine);
    expect(events.filter((event) => event.startsWith('g')).sort()).toEqual(['g del a', 'g del b']);
    expect(engine.run('DBSIZE').value).toBe(0);
    expect(expiringCount(engine)).toBe(0);
    expect(engine.keyspace.databases[0].pageRecords?.size ?? 0).toBe(0);
  });

  test('expiries come along with RENAME, COPY and MOVE', () => {
    for (const count of [20, 600]) {
      const engine = createEngine({ residency });
      fill(engine, 'h', count);
      engine.run('COPY', 'h', 'copy');
      engine.run('RENAME', 'h', 'renamed');
      engine.run('COPY', 'copy', 'moved');
      engine.run('MOVE', 'moved', 1);
      expect(expiringCount(engine)).toBe(2);
      expect(engine.keyspace.databases[1].fieldExpiringCount).toBe(1);
      engine.clock.advance(5000);
      expireAll(engine);
      const left = Math.ceil(count / 4);
      expect(engine.run('HLEN', 'copy').value).toBe(left);
      expect(engine.run('HLEN', 'renamed').value).toBe(left);
      engine.run('SELECT', 1);
      expect(engine.run('HLEN', 'moved').value).toBe(left);
      expect(expiringCount(engine) + engine.keyspace.databases[1].fieldExpiringCount).toBe(0);
    }
  });

  test('HRANDFIELD has no field whose time has come', () => {
    const engine = createEngine({ residency });
    fill(engine, 'h', 400);
    engine.clock.advance(20);
    const fields = engine.run('HRANDFIELD', 'h', -2000).value as string[];
    for (const field of fields) {
      const number = Number(field.slice(2));
      expect(number % 4 === 0 || 1 + Math.floor(number / 10) > 20).toBe(true);
    }
    const all = engine.run('HRANDFIELD', 'h', 1000).value as string[];
    expect(all.length).toBe(engine.run('HLEN', 'h').value);
  });
});

test('without active expiry fields stay until they are accessed', () => {
  const engine = createEngine();
  engine.keyspace.settings.activeExpire = false;
  engine.run('HSETEX', 'h', 'PX', 50, 'FIELDS', 2, 'f', 1, 'g', 2);
  engine.clock.advance(5000);
  engine.runCron();
  expect(engine.run('HLEN', 'h').value).toBe(2);
  expect(engine.run('HGET', 'h', 'f').value).toBe(null);
  expect(engine.run('HLEN', 'h').value).toBe(1);
});

test('INFO tells how many hashes have fields that expire, and how many fields did', () => {
  const engine = createEngine();
  engine.run('HSETEX', 'h', 'PX', 50, 'FIELDS', 1, 'f', 1);
  engine.run('HSET', 'h', 'g', 2);
  expect(engine.run('INFO', 'keyspace').raw).toContain('subexpiry=1');
  engine.clock.advance(5000);
  engine.runCron();
  expect(engine.run('INFO', 'keyspace').raw).toContain('subexpiry=0');
  expect(engine.run('INFO', 'stats').raw).toContain('expired_subkeys:1\r\n');
});

test('fields that expired stay while writing clients are paused, and are missing', () => {
  const engine = createEngine();
  engine.run('hset', 'h', 'a', '1', 'b', '2');
  engine.run('hpexpire', 'h', 100, 'fields', 1, 'a');
  engine.run('client', 'pause', 1000, 'write');
  engine.clock.advance(200);
  expect(engine.run('hget', 'h', 'a')).toMatchObject({ raw: '$-1\r\n', propagated: [], events: [] });
  expect(engine.run('hexists', 'h', 'a')).toMatchObject({ raw: ':0\r\n', propagated: [] });
  expect(engine.run('hrandfield', 'h', 2).propagated).toEqual([]);
  expect(engine.runCron().propagated).toEqual([]);
  engine.run('client', 'unpause');
  expect(engine.run('hget', 'h', 'a')).toMatchObject({ raw: '$-1\r\n', propagated: ['HDEL h a'] });
});
