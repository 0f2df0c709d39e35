import { describe, expect, test } from 'vitest';
import {
  createEngine,
  expectSteps,
  RESIDENCIES,
  type TestEngine,
  type Word,
} from '../../test/support/engine.ts';
import { SeededRandom } from '../base/random.ts';
import { xxh3Hex } from '../base/xxh3.ts';
import { NOTIFY_OVERWRITTEN } from '../keyspace/keyspace.ts';
import { CHUNK_BYTES, INLINE_BYTES_MAX } from '../types/string/chunked-string.ts';

const TOO_LONG = '-ERR string exceeds maximum allowed size (proto-max-bulk-len)';
const BIT_OFFSET = '-ERR bit offset is not an integer or out of range';

function noise(seed: number, length: number): Buffer {
  const random = new SeededRandom(seed);
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

function replied(value: Uint8Array): string {
  return `$${value.length}\r\n${Buffer.from(value).toString('latin1')}\r\n`;
}

/** A string that changes beside a buffer with the same bytes. */
class Twin {
  bytes = Buffer.alloc(0);
  readonly #engine: TestEngine;

  constructor(engine: TestEngine) {
    this.#engine = engine;
  }

  set(value: Buffer): void {
    expect(this.#engine.run('SET', 'a', value).raw).toBe('+OK\r\n');
    this.bytes = Buffer.from(value);
  }

  write(at: number, part: Buffer, ...command: Word[]): void {
    const length = Math.max(this.bytes.length, at + part.length);
    this.bytes = Buffer.concat([this.bytes, Buffer.alloc(length - this.bytes.length)]);
    part.copy(this.bytes, at);
    expect(this.#engine.run(...command).raw).toBe(`:${length}\r\n`);
  }

  append(part: Buffer): void {
    this.write(this.bytes.length, part, 'APPEND', 'a', part);
  }

  setRange(at: number, part: Buffer): void {
    this.write(at, part, 'SETRANGE', 'a', at, part);
  }

  check(): void {
    const { bytes } = this;
    const run = this.#engine.run.bind(this.#engine);
    expect(run('STRLEN', 'a').value).toBe(bytes.length);
    expect(run('GET', 'a').raw === replied(bytes)).toBe(true);
    for (const from of [0, CHUNK_BYTES - 3, CHUNK_BYTES, 3 * CHUNK_BYTES - 1]) {
      for (const length of [1, 9, CHUNK_BYTES + 5]) {
        const range = run('GETRANGE', 'a', from, from + length - 1).raw;
        expect(range === replied(bytes.subarray(from, from + length))).toBe(true);
      }
    }
    expect(run('DIGEST', 'a').value).toBe(xxh3Hex(bytes, 0, bytes.length));
    expect(run('SET', 'a', bytes, 'IFNE', bytes).value).toBeNull();
    expect(run('DELEX', 'a', 'IFEQ', bytes.subarray(1)).value).toBe(0);
    expect(run('OBJECT', 'ENCODING', 'a').value).toBe('raw');
  }
}

describe.each(RESIDENCIES)('long strings (%s)', (residency) => {
  test('are what was written, at every length about the limits', () => {
    const twin = new Twin(createEngine({ residency }));
    const value = noise(1, 5 * CHUNK_BYTES + 7);
    for (const length of [
      INLINE_BYTES_MAX - 1,
      INLINE_BYTES_MAX,
      INLINE_BYTES_MAX + 1,
      5 * CHUNK_BYTES - 1,
      5 * CHUNK_BYTES,
      5 * CHUNK_BYTES + 7,
    ]) {
      twin.set(value.subarray(0, length));
      twin.check();
    }
  });

  test('grow over the limit, by parts of any length, and are overwritten within', () => {
    const twin = new Twin(createEngine({ residency }));
    twin.set(noise(2, INLINE_BYTES_MAX - 4));
    twin.append(noise(3, 3));
    twin.append(noise(4, 2));
    twin.check();
    twin.append(noise(5, 2 * CHUNK_BYTES));
    twin.setRange(CHUNK_BYTES - 2, noise(6, 5));
    twin.setRange(2 * CHUNK_BYTES, noise(7, CHUNK_BYTES));
    twin.setRange(9 * CHUNK_BYTES + 100, noise(8, 3));
    twin.append(noise(9, CHUNK_BYTES));
    twin.setRange(8 * CHUNK_BYTES - 1, noise(10, 2));
    twin.check();
  });

  test('become short when they are set anew, and leave nothing behind', () => {
    const engine = createEngine({ residency });
    const long = noise(1, 200_000);
    for (const command of [
      ['SET', 'a', 'b'],
      ['GETDEL', 'a'],
      ['GETSET', 'a', '7'],
      ['DEL', 'a'],
      ['RENAME', 'b', 'a'],
      ['PEXPIRE', 'a', -1],
      ['BITOP', 'NOT', 'a', 'b'],
      ['SORT', 'missing', 'STORE', 'a'],
    ]) {
      engine.run('MSET', 'a', long, 'b', 'short');
      engine.run(...command);
      while (engine.pendingFreeCount > 0) engine.runCron();
      expect([command[0], engine.keyspace.databases[0].pageRecords?.size]).toEqual([command[0], 0]);
    }
  });

  test('are copied, renamed and moved with all they have', () => {
    const engine = createEngine({ residency });
    const value = noise(1, 100_000);
    engine.run('SET', 'a', value, 'PX', 50_000);
    engine.run('COPY', 'a', 'b');
    engine.run('APPEND', 'b', 'x');
    engine.run('RENAME', 'a', 'c');
    engine.run('MOVE', 'c', 1);
    expect(engine.run('STRLEN', 'b').value).toBe(100_001);
    engine.run('SELECT', 1);
    expect(engine.run('GET', 'c').raw).toBe(replied(value));
    expect(engine.run('PTTL', 'c').value).toBe(50_000);
    const dump = Buffer.from(engine.run('DUMP', 'c').raw, 'latin1');
    const payload = dump.subarray(dump.indexOf('\n') + 1, -2);
    expect(engine.run('RESTORE', 'd', 0, payload).value).toBe('OK');
    expect(engine.run('GET', 'd').raw).toBe(replied(value));
    expect(engine.run('DEBUG', 'DIGEST-VALUE', 'd').raw).toBe(engine.run('DEBUG', 'DIGEST-VALUE', 'd').raw);
  });

  test('are what SORT, LCS and scripts read', () => {
    const engine = createEngine({ residency });
    const value = 'x'.repeat(70_000);
    engine.run('MSET', 'w_1', value, 'w_2', 'y');
    engine.run('RPUSH', 'list', 1, 2);
    expect(engine.run('SORT', 'list', 'BY', 'w_*', 'ALPHA', 'DESC', 'GET', 'w_*').value).toEqual([
      'y',
      value,
    ]);
    expect(engine.run('LCS', 'w_1', 'w_2', 'LEN').value).toBe(0);
    expect(engine.run('LCS', 'w_1', 'w_1', 'LEN').raw).toMatch(/^-ERR Insufficient memory/);
    expect(engine.run('EVAL', "return #redis.call('GET', KEYS[1])", 1, 'w_1').value).toBe(70_000);
  });

  test('bits far out take little memory', () => {
    const engine = createEngine({ residency });
    const far = 2 ** 32 - 1;
    expectSteps(engine, [
      [`SETBIT a ${far} 1`, ':0', 'same', ['$ setbit a']],
      ['STRLEN a', ':536870912'],
      [`SETBIT a ${far} 1`, ':1'],
      [`GETBIT a ${far}`, ':1'],
      [`GETBIT a ${far - 1}`, ':0'],
      ['BITCOUNT a', ':1'],
      ['BITPOS a 1', `:${far}`],
      ['BITPOS a 0', ':0'],
      ['BITCOUNT a -1 -1', ':1'],
      ['SETBIT a 100 1', ':0', 'same', ['$ setbit a']],
      ['BITPOS a 1', ':100'],
      ['BITPOS a 1 13', `:${far}`],
      ['BITFIELD a GET u4 97 SET u8 131063 255', [':1', ':0'], 'same', ['$ setbit a']],
      ['BITCOUNT a', ':10'],
      [`SETBIT a ${far + 1} 1`, BIT_OFFSET],
      ['APPEND a x', TOO_LONG],
      ['SETRANGE a 536870912 x', TOO_LONG],
      ['SETRANGE b 536870911 x', ':536870912', 'same', ['$ setrange b']],
      ['GETRANGE b -2 -1', '$\0x'],
      ['BITOP OR c a b', ':536870912', 'same', ['$ set c']],
      ['BITCOUNT c', ':14'],
    ]);
  });

  test('tell what happens to them as short ones do', () => {
    const engine = createEngine({ residency, notifyFlags: NOTIFY_OVERWRITTEN });
    const value = 'v'.repeat(70_000);
    expectSteps(engine, [
      [['SET', 'a', value], '+OK', 'same', ['$ set a']],
      [['APPEND', 'a', 'w'], ':70001', 'same', ['$ append a']],
      [['SET', 'a', value, 'XX'], '+OK', [`SET a ${value}`], ['o overwritten a', '$ set a']],
      ['SETRANGE a 5 x', ':70000', 'same', ['$ setrange a']],
      ['SETBIT a 560000 0', ':0', 'same', ['$ setbit a']],
      ['SETBIT a 560000 0', ':0'],
      ['BITFIELD a GET u8 0', [':118']],
      ['BITFIELD a OVERFLOW FAIL INCRBY u1 1 5', ['$-1']],
      ['INCR a', '-ERR value is not an integer or out of range'],
      ['INCRBYFLOAT a 1', '-ERR value is not a valid float'],
      ['PFCOUNT a', '-WRONGTYPE Key is not a valid HyperLogLog string value.'],
      ['LPUSH a 1', '-WRONGTYPE Operation against a key holding the wrong kind of value'],
      ['EXPIRE a 100', ':1', ['PEXPIREAT a 1700000223456'], ['g expire a']],
      ['PERSIST a', ':1', 'same', ['g persist a']],
      ['TYPE a', '+string'],
      ['DEL a', ':1', 'same', ['g del a']],
    ]);
  });

  test('a watched one that changes within breaks the watch', () => {
    const engine = createEngine({ residency });
    const other = engine.connect();
    for (const line of ['APPEND a 2', 'SETRANGE a 0 9', 'SETBIT a 7 1', 'BITFIELD a SET u8 400 7']) {
      engine.run('SET', 'a', 'x'.repeat(100_000));
      engine.run('WATCH', 'a');
      engine.run('MULTI');
      engine.run('PING');
      engine.runAs(other, ...line.split(' '));
      expect([line, engine.run('EXEC').raw]).toEqual([line, '*-1\r\n']);
    }
  });
});

test('MEMORY USAGE counts the chunks that are in RAM', () => {
  const engine = createEngine();
  engine.run('SET', 'a', noise(1, 1_000_000));
  const usage = engine.run('MEMORY', 'USAGE', 'a').value as number;
  expect(usage).toBeGreaterThan(1_000_000);
  expect(usage).toBeLessThan(1_050_000);
  engine.run('SETBIT', 'b', 2 ** 32 - 1, 1);
  expect(engine.run('MEMORY', 'USAGE', 'b').value).toBeLessThan(40_000);
});

test('keys with long strings are evicted for the memory that they take, and no more of them', () => {
  const engine = createEngine({ directives: { maxmemory: '48mb', 'maxmemory-policy': 'allkeys-lru' } });
  const value = noise(1, 1_000_000);
  for (let at = 0; at < 60; at++) expect(engine.run('SET', `key:${at}`, value).value).toBe('OK');
  expect(engine.run('DBSIZE').value).toBeGreaterThan(30);
  expect(engine.ledger.usedBytes).toBeLessThan(50 * 1024 * 1024);
});
