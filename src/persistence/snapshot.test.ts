import { describe, expect, test } from 'vitest';
import { createEngine, RESIDENCIES, type TestEngine, type Word } from '../../test/support/engine.ts';
import { type Random, SeededRandom } from '../base/random.ts';
import { RdbFileWriter } from './rdb/file-writer.ts';
import { RdbLoader } from './rdb-loader.ts';
import { Snapshot, type SnapshotSink } from './snapshot.ts';

const KEYS = Array.from({ length: 40 }, (_, at) => `key ${at}`);
const DATABASES = 3;
/** THERMOCLINE_SNAPSHOT_COUNT: how many sequences of changes are tried under each residency. */
const SEED_COUNT = Number(process.env.THERMOCLINE_SNAPSHOT_COUNT ?? 4);

/** An RDB file in memory. */
class MemoryFile implements SnapshotSink {
  readonly #parts: Buffer[] = [];
  readonly #writer: RdbFileWriter;

  constructor(version: number) {
    this.#writer = new RdbFileWriter(
      (bytes, offset, length) => this.#parts.push(Buffer.from(bytes.subarray(offset, offset + length))),
      { version },
    );
  }

  selectDatabase(number: number): void {
    this.#writer.selectDatabase(number);
  }

  beginKey: SnapshotSink['beginKey'] = (rdbType, _access, expireAt, key, keyOffset, keyLength) => {
    if (expireAt >= 0) this.#writer.writeExpiry(expireAt);
    return this.#writer.beginKey(rdbType, key, keyOffset, keyLength);
  };

  end(): Buffer {
    this.#writer.end();
    return Buffer.concat(this.#parts);
  }
}

const READS: Readonly<Record<string, (key: string) => readonly Word[][]>> = {
  string: (key) => [['GET', key]],
  list: (key) => [['LRANGE', key, 0, -1]],
  set: (key) => [['SMEMBERS', key]],
  zset: (key) => [['ZRANGE', key, 0, -1, 'WITHSCORES']],
  hash: (key) => [['HGETALL', key]],
  stream: (key) => [
    ['XRANGE', key, '-', '+'],
    ['XINFO', 'STREAM', key, 'FULL', 'COUNT', 0],
  ],
};

/** All that can be read of all keys, things without an order in one of theirs. */
function stateOf(engine: TestEngine): Record<string, unknown> {
  const state: Record<string, unknown> = {};
  for (let database = 0; database < DATABASES; database++) {
    engine.run('SELECT', database);
    for (const key of (engine.run('KEYS', '*').value as string[]).sort()) {
      const type = engine.run('TYPE', key).value as string;
      const replies: unknown[] = [type, engine.run('PEXPIRETIME', key).value];
      for (const words of READS[type](key)) {
        const { value } = engine.run(...words);
        if (type === 'set') replies.push((value as string[]).sort());
        else if (type === 'hash') replies.push(fieldsOf(engine, key, value as string[]));
        else replies.push(plain(value));
      }
      state[`${database}/${key}`] = replies;
    }
  }
  engine.run('SELECT', 0);
  return state;
}

function fieldsOf(engine: TestEngine, key: string, flat: string[]): unknown[] {
  const fields = flat.filter((_, at) => at % 2 === 0);
  const times = engine.run('HPEXPIRETIME', key, 'FIELDS', fields.length, ...fields).value as number[];
  return fields.map((field, at) => [field, flat[at * 2 + 1], times[at]]).sort();
}

/** Without what is of the server's own and not of the value: how Redis would store it, and when a consumer was active. */
function plain(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const found: unknown[] = [];
  for (let at = 0; at < value.length; at++) {
    if (['radix-tree-keys', 'radix-tree-nodes', 'active-time'].includes(value[at] as string)) at++;
    else found.push(plain(value[at]));
  }
  return found;
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.below(items.length)];
}

function word(random: Random): string {
  return `${pick(random, ['a', 'bb', 'x'.repeat(60)])} ${random.below(40)}`;
}

function words(random: Random, count: number): string[] {
  return Array.from({ length: count }, () => word(random));
}

/** A count: mostly small, sometimes so large that a value comes into pages. */
function some(random: Random): number {
  return random.below(5) === 0 ? 200 + random.below(300) : 1 + random.below(4);
}

function numbered(random: Random, count: number): string[] {
  const from = random.below(1000);
  return Array.from({ length: count }, (_, at) => `element ${from + at}`);
}

function command(random: Random, nowMs: number): Word[] {
  const key = pick(random, KEYS);
  const other = pick(random, KEYS);
  const member = `element ${random.below(1500)}`;
  switch (random.below(40)) {
    case 0:
    case 1:
      return ['SET', key, pick(random, [word(random), '12', 'y'.repeat(100_000)])];
    case 2:
      return ['APPEND', key, random.below(4) === 0 ? 'z'.repeat(70_000) : word(random)];
    case 3:
      return ['SETRANGE', key, random.below(pick(random, [50, 50, 200_000, 1_500_000])), 'range'];
    case 4:
    case 5:
      return ['DEL', key, other];
    case 6:
      return ['PEXPIREAT', key, nowMs + random.below(3000)];
    case 7:
      return pick(random, [
        ['PERSIST', key],
        ['INCRBY', key, 7],
        ['SETBIT', key, random.below(pick(random, [900, 1_600_000])), random.below(2)],
        ['BITFIELD', key, 'SET', 'u8', random.below(300), random.below(256)],
        ['PFADD', key, word(random)],
        ['PFCOUNT', key],
        ['PFMERGE', key, other],
        ['LREM', key, 0, word(random)],
        ['LTRIM', key, 1, 200],
        ['SPOP', key, 3],
        ['ZPOPMIN', key, 2],
        ['HINCRBY', key, 'count', 1],
        ['XACK', key, 'group', '0-1'],
        ['XGROUP', 'DESTROY', key, 'group'],
        ['SORT', key, 'ALPHA', 'STORE', other],
        ['GEOADD', key, 13.36, 38.11, word(random)],
      ] as Word[][]);
    case 8:
      return ['RENAME', key, other];
    case 9:
      return ['COPY', key, other, 'DB', random.below(DATABASES), 'REPLACE'];
    case 10:
      return ['MOVE', key, random.below(DATABASES)];
    case 11:
      return random.below(6) === 0
        ? ['SWAPDB', random.below(DATABASES), random.below(DATABASES)]
        : ['GET', key];
    case 12:
    case 13:
      return ['RPUSH', key, ...words(random, some(random))];
    case 14:
      return ['LPUSH', key, ...words(random, some(random))];
    case 15:
      return ['LPOP', key, some(random)];
    case 16:
      return ['LINSERT', key, 'AFTER', word(random), word(random)];
    case 17:
      return ['LSET', key, random.below(10), word(random)];
    case 18:
    case 19:
      return ['SADD', key, ...numbered(random, some(random))];
    case 20:
      return ['SADD', key, random.below(100), random.below(2 ** 40)];
    case 21:
      return ['SREM', key, ...numbered(random, some(random))];
    case 22:
      return ['SMOVE', key, other, member];
    case 23:
      return [pick(random, ['SUNIONSTORE', 'SDIFFSTORE']), key, other, pick(random, KEYS)];
    case 24:
    case 25:
      return ['ZADD', key, ...numbered(random, some(random)).flatMap((each) => [random.below(100), each])];
    case 26:
      return ['ZREM', key, ...numbered(random, some(random))];
    case 27:
      return ['ZREMRANGEBYRANK', key, 0, random.below(100)];
    case 28:
      return ['ZINCRBY', key, 3, member];
    case 29:
    case 30:
      return ['HSET', key, ...numbered(random, some(random)).flatMap((each) => [each, word(random)])];
    case 31:
      return ['HDEL', key, ...numbered(random, some(random))];
    case 32:
      return ['HPEXPIREAT', key, nowMs + random.below(3000), 'FIELDS', 2, ...numbered(random, 2)];
    case 33:
    case 34:
      return [
        'XADD',
        key,
        '*',
        'field',
        word(random),
        ...(random.below(2) === 0 ? ['more', word(random)] : []),
      ];
    case 35:
      return ['XTRIM', key, 'MAXLEN', random.below(20)];
    case 36:
      return ['XGROUP', 'CREATE', key, 'group', '0'];
    case 37:
      return ['XREADGROUP', 'GROUP', 'group', pick(random, ['one', 'two']), 'COUNT', 5, 'STREAMS', key, '>'];
    case 38:
      return ['XAUTOCLAIM', key, 'group', 'one', 0, '-', 'COUNT', 3];
    default:
      return ['DEL', key];
  }
}

function change(engine: TestEngine, random: Random, count: number): void {
  for (let done = 0; done < count; done++) {
    if (random.below(20) === 0) engine.run('SELECT', random.below(DATABASES));
    engine.run(...command(random, engine.clock.wallMs()));
    if (random.below(15) === 0) engine.clock.advance(random.below(200));
    if (random.below(10) === 0) engine.runCron();
  }
}

/** Loads a file into an engine of its own, at the same time. */
function loaded(contents: Buffer, nowMs: number): TestEngine {
  const engine = createEngine();
  engine.clock.advance(nowMs - engine.clock.wallMs());
  engine.keyspace.nowMs = nowMs;
  const loader = new RdbLoader(engine.keyspace, {
    limits: engine.config.values,
    loadFunction() {},
    log() {},
  });
  let at = 0;
  const source = (target: Uint8Array): number => {
    const count = Math.min(target.length, contents.length - at);
    target.set(contents.subarray(at, at + count));
    at += count;
    return count;
  };
  for (const _ of loader.load(source, {
    totalBytes: contents.length,
    verifiesChecksum: true,
    replaces: false,
  }));
  expect(loader.emptyKeys).toBe(0);
  return engine;
}

function freeAll(engine: TestEngine): void {
  while (engine.pendingFreeCount > 0) engine.runCron();
}

/** Has keys share their places in the index, as hardly any two do. */
function crowd(engine: TestEngine): void {
  const { keyHash } = engine.keyspace;
  for (const name of ['hash', 'hashBytes'] as const) {
    const hash = keyHash[name].bind(keyHash) as (bytes: unknown, offset: number, length: number) => number;
    keyHash[name] = (bytes: unknown, offset: number, length: number): number => {
      const found = hash(bytes, offset, length);
      keyHash.upper &= 1;
      return found & 0x800001ff;
    };
  }
}

describe.each(RESIDENCIES)('a snapshot (%s)', (residency) => {
  const seeds = Array.from({ length: SEED_COUNT }, (_, at) => at + 1);

  test.each(seeds)('is the state of its beginning, whatever changes meanwhile (seed %i)', (seed) => {
    const random = new SeededRandom(seed);
    const engine = createEngine({ residency, seed, directives: { 'set-max-listpack-entries': '20' } });
    if (seed % 3 === 0) crowd(engine);
    change(engine, random, 400);
    const expected = stateOf(engine);
    const nowMs = engine.clock.wallMs();
    const snapshot = new Snapshot(engine.keyspace, engine.clock, true);
    const file = new MemoryFile(snapshot.version);
    snapshot.attach(file);
    for (let step = 0; !snapshot.isDone; step++) {
      change(engine, random, step < 100 ? random.below(6) : 0);
      snapshot.run(0);
      if (random.below(30) === 0) {
        snapshot.relieve(10_000);
        expect(snapshot.isDone || snapshot.byteCount <= 10_000).toBe(true);
      }
      expect(engine.ledger.usedBytes).toBeGreaterThan(0);
    }
    snapshot.end();
    expect(snapshot.keysDone).toBe(snapshot.keyCount);
    expect(engine.keyspace.watcher).toBeNull();
    expect(stateOf(loaded(file.end(), nowMs))).toEqual(expected);
  });

  test('gives the pages of what was deleted back when they were written', () => {
    const engine = createEngine({ residency });
    const random = new SeededRandom(1);
    engine.run('SADD', 'set', ...numbered(random, 3000));
    engine.run('SET', 'other', 'value');
    freeAll(engine);
    engine.run('DEL', 'set');
    freeAll(engine);
    const without = engine.keyspace.arena.usedBytes;
    engine.run('SADD', 'set', ...numbered(random, 3000));
    const expected = stateOf(engine);
    const snapshot = new Snapshot(engine.keyspace, engine.clock, true);
    const file = new MemoryFile(snapshot.version);
    snapshot.attach(file);
    engine.run('DEL', 'set');
    freeAll(engine);
    while (!snapshot.isDone) snapshot.run(0);
    snapshot.end();
    freeAll(engine);
    if (residency === 'hot') expect(engine.keyspace.arena.usedBytes).toBe(without);
    expect(engine.keyspace.databases[0].pageRecords?.size).toBe(0);
    expect(stateOf(loaded(file.end(), engine.clock.wallMs()))).toEqual(expected);
  });

  test('is useless once a database was emptied, and leaves nothing behind', () => {
    const engine = createEngine({ residency });
    engine.run('SADD', 'set', ...numbered(new SeededRandom(1), 3000));
    const snapshot = new Snapshot(engine.keyspace, engine.clock, true);
    snapshot.attach(new MemoryFile(snapshot.version));
    engine.run('DEL', 'set');
    engine.run('SET', 'key', 'value');
    expect(snapshot.byteCount).toBeGreaterThan(0);
    engine.run('FLUSHDB');
    expect(snapshot.wasCleared).toBe(true);
    expect(engine.keyspace.watcher).toBeNull();
    freeAll(engine);
    expect(engine.run('DBSIZE').value).toBe(0);
    expect(engine.keyspace.databases[0].pageRecords?.size ?? 0).toBe(0);
  });
});
