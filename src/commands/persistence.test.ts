import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { createEngine, RESIDENCIES, START_MS, type TestEngine } from '../../test/support/engine.ts';

const LIBRARY = "#!lua name=numbers\nredis.register_function('one', function() return 1 end)";
const MISCONF = /^-MISCONF Redis is configured to save RDB snapshots/;

function fileOf(engine: TestEngine): string {
  return join(engine.config.values.dir, 'dump.rdb');
}

/** What INFO says of snapshots. */
function told(engine: TestEngine): Record<string, string> {
  const text = engine.run('INFO', 'persistence').value as string;
  return Object.fromEntries(text.split('\r\n').map((line) => line.split(':') as [string, string]));
}

/** Waits for the disk, after all keys were written. */
async function saved(engine: TestEngine): Promise<void> {
  engine.runCron();
  await vi.waitUntil(() => !engine.persistence.isSaving);
}

/** Has a time pass with each look at the clock. */
function hurry(engine: TestEngine, microseconds: number): void {
  let now = 0;
  engine.clock.monotonicUs = () => {
    now += microseconds;
    return now;
  };
}

describe.each(RESIDENCIES)('snapshots (%s)', (residency) => {
  test('SAVE writes all databases, which are loaded by another server', () => {
    const engine = createEngine({ residency, directives: { 'maxmemory-policy': 'allkeys-lru' } });
    engine.run('SET', 'a', '1', 'PX', '10000');
    engine.run('SET', 'short', '1', 'PX', '10');
    engine.run('FUNCTION', 'LOAD', LIBRARY);
    engine.run('SELECT', 2);
    engine.run('SADD', 'b', ...Array.from({ length: 2000 }, (_, at) => `member ${at}`));
    engine.run('HSET', 'h', 'f', 'v');
    engine.run('HPEXPIREAT', 'h', START_MS + 5000, 'FIELDS', 1, 'f');
    expect(told(engine)).toMatchObject({ rdb_changes_since_last_save: '2005', rdb_saves: '0' });
    expect(engine.run('SAVE').raw).toBe('+OK\r\n');
    expect(told(engine)).toMatchObject({ rdb_changes_since_last_save: '0', rdb_saves: '1' });

    const other = createEngine({
      directives: { dir: engine.config.values.dir, 'maxmemory-policy': 'allkeys-lru' },
    });
    other.clock.advance(100);
    other.persistence.loadAtOnce();
    expect(told(other)).toMatchObject({
      rdb_changes_since_last_save: '0',
      rdb_last_load_keys_loaded: '3',
      rdb_last_load_keys_expired: '1',
    });
    expect(other.run('PTTL', 'a').value).toBe(9900);
    expect(other.run('FCALL', 'one', 0).value).toBe(1);
    other.run('SELECT', 2);
    expect(other.run('SCARD', 'b').value).toBe(2000);
    expect(other.run('HPEXPIRETIME', 'h', 'FIELDS', 1, 'f').value).toEqual([START_MS + 5000]);
    expect(other.runCron()).toEqual({ propagated: [], events: [] });
  });

  test('BGSAVE goes on between commands', async () => {
    const engine = createEngine({ residency });
    for (let at = 0; at < 500; at++) engine.run('SET', `key ${at}`, at);
    hurry(engine, 1000);
    expect(engine.run('BGSAVE').raw).toBe('+Background saving started\r\n');
    expect(engine.run('BGSAVE').raw).toBe('-ERR Background save already in progress\r\n');
    expect(engine.run('BGSAVE', 'SCHEDULE').raw).toBe('-ERR Background save already in progress\r\n');
    expect(engine.run('SAVE').raw).toBe('-ERR Background save already in progress\r\n');
    expect(told(engine)).toMatchObject({
      rdb_bgsave_in_progress: '1',
      rdb_current_bgsave_time_sec: '0',
      current_save_keys_total: '500',
    });
    for (let at = 0; at < 500; at++) engine.run('SET', `key ${at}`, 'changed');
    engine.clock.advance(3000);
    while (engine.keyspace.watcher !== null) engine.runCron();
    await saved(engine);
    expect(told(engine)).toMatchObject({
      rdb_bgsave_in_progress: '0',
      rdb_last_bgsave_status: 'ok',
      rdb_last_bgsave_time_sec: '3',
      rdb_changes_since_last_save: '500',
    });
    expect(engine.run('LASTSAVE').value).toBe(Math.floor((START_MS + 3000) / 1000));
    const other = createEngine({ directives: { dir: engine.config.values.dir } });
    other.persistence.loadAtOnce();
    expect(other.run('MGET', 'key 0', 'key 499').value).toEqual(['0', '499']);
  });

  test('DEBUG RELOAD', () => {
    const engine = createEngine({ residency, directives: { 'enable-debug-command': 'yes' } });
    engine.run('SET', 'a', '1');
    engine.run('RPUSH', 'l', 'x', 'y');
    expect(engine.run('DEBUG', 'RELOAD').raw).toBe('+OK\r\n');
    expect(engine.run('LRANGE', 'l', 0, -1).value).toEqual(['x', 'y']);
    engine.run('SET', 'a', '2');
    engine.run('SET', 'b', '3');
    expect(engine.run('DEBUG', 'RELOAD', 'NOSAVE', 'NOFLUSH').raw).toMatch(
      /^-ERR Error trying to load the RDB/,
    );
    expect(engine.run('DEBUG', 'RELOAD', 'NOSAVE', 'NOFLUSH', 'MERGE').raw).toBe('+OK\r\n');
    expect(engine.run('MGET', 'a', 'b').value).toEqual(['1', '3']);
    expect(engine.run('DEBUG', 'RELOAD', 'NOSAVE').raw).toBe('+OK\r\n');
    expect(engine.run('DBSIZE').value).toBe(2);
    expect(engine.run('DEBUG', 'RELOAD', 'x').raw).toMatch(/^-ERR DEBUG RELOAD only supports/);
  });
});

describe('save points', () => {
  test('begin a snapshot after a time and some changes', async () => {
    const engine = createEngine();
    engine.run('CONFIG', 'SET', 'save', '100 2');
    engine.run('SET', 'a', '1');
    engine.clock.advance(101_000);
    engine.runCron();
    expect(engine.persistence.isSaving).toBe(false);
    engine.run('SET', 'a', '2');
    engine.runCron();
    expect(engine.persistence.isSaving).toBe(true);
    await saved(engine);
    expect(told(engine).rdb_changes_since_last_save).toBe('0');
  });

  test('BGSAVE waits for the end of a transaction, and of what else is written', async () => {
    const engine = createEngine();
    engine.run('MULTI');
    engine.run('SET', 'a', '1');
    engine.run('BGSAVE');
    expect(engine.run('EXEC').value).toEqual(['OK', 'Background saving scheduled']);
    engine.persistence.isOccupied = true;
    engine.runCron();
    expect(engine.persistence.isSaving).toBe(false);
    expect(engine.run('BGSAVE').raw).toMatch(/^-ERR Another child process is active/);
    expect(engine.run('BGSAVE', 'SCHEDULE').raw).toBe('+Background saving scheduled\r\n');
    expect(engine.run('BGSAVE', 'x').raw).toBe('-ERR syntax error\r\n');
    engine.persistence.isOccupied = false;
    engine.runCron();
    await saved(engine);
    expect(existsSync(fileOf(engine))).toBe(true);
  });

  test('FLUSHALL gives a snapshot up and writes an empty one; FLUSHDB has it begin anew', async () => {
    const engine = createEngine();
    engine.run('CONFIG', 'SET', 'save', '1000 1000');
    for (let at = 0; at < 100; at++) engine.run('SET', `key ${at}`, at);
    engine.run('SELECT', 1);
    engine.run('SET', 'kept', 1);
    hurry(engine, 1000);
    engine.run('BGSAVE');
    engine.run('SELECT', 0);
    engine.run('FLUSHDB');
    while (engine.keyspace.watcher !== null || told(engine).current_save_keys_total === '101')
      engine.runCron();
    await saved(engine);
    expect(told(engine)).toMatchObject({ rdb_last_bgsave_status: 'ok', rdb_saves: '1' });
    const other = createEngine({ directives: { dir: engine.config.values.dir } });
    other.persistence.loadAtOnce();
    expect(other.run('INFO', 'keyspace').value).toContain('db1:keys=1');

    engine.run('SET', 'a', 1);
    engine.run('BGSAVE');
    engine.run('FLUSHALL');
    expect(engine.persistence.isSaving).toBe(false);
    expect(engine.keyspace.watcher).toBeNull();
    other.run('FLUSHALL');
    other.persistence.loadAtOnce();
    expect(other.run('INFO', 'keyspace').value).not.toContain('keys');
  });
});

describe('failures', () => {
  /** Nothing can be put in the place of a directory that is not empty. */
  function spoil(engine: TestEngine): void {
    mkdirSync(join(fileOf(engine), 'sub'), { recursive: true });
  }

  test('a snapshot that can not be written stops writes', async () => {
    const engine = createEngine();
    engine.run('CONFIG', 'SET', 'save', '3600 1');
    engine.run('SET', 'a', '1');
    spoil(engine);
    expect(engine.run('SAVE').raw).toBe('-ERR\r\n');
    expect(engine.run('SET', 'a', '2').raw).toBe('+OK\r\n');
    expect(engine.run('BGSAVE').raw).toBe('+Background saving started\r\n');
    await saved(engine);
    expect(told(engine)).toMatchObject({ rdb_last_bgsave_status: 'err', rdb_changes_since_last_save: '2' });
    expect(engine.run('SET', 'a', '3').raw).toMatch(MISCONF);
    expect(engine.run('PING').raw).toMatch(MISCONF);
    expect(engine.run('GET', 'a').value).toBe('2');
    engine.run('MULTI');
    expect(engine.run('SET', 'a', '3').raw).toMatch(MISCONF);
    expect(engine.run('EXEC').raw).toMatch(/^-EXECABORT/);
    engine.run('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
    expect(engine.run('SET', 'a', '4').raw).toBe('+OK\r\n');
    engine.run('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'yes');
    expect(engine.run('SET', 'a', '5').raw).toMatch(MISCONF);
    rmSync(fileOf(engine), { recursive: true });
    engine.run('BGSAVE');
    await saved(engine);
    expect(engine.run('SET', 'a', '5').raw).toBe('+OK\r\n');
  });

  test('nothing is left of it, and the old file stays', async () => {
    const engine = createEngine();
    engine.run('SET', 'a', '1');
    engine.run('SAVE');
    const before = readFileSync(fileOf(engine));
    engine.run('SET', 'a', '2');
    hurry(engine, 1000);
    engine.run('BGSAVE');
    engine.persistence.abandon();
    expect(engine.keyspace.watcher).toBeNull();
    expect(existsSync(join(engine.config.values.dir, `temp-${process.pid}.rdb`))).toBe(false);
    expect(readFileSync(fileOf(engine)).equals(before)).toBe(true);
    expect(statSync(fileOf(engine)).mode & 0o600).toBe(0o600);
  });

  test('a broken file is an error that says why', () => {
    const engine = createEngine();
    engine.run('SET', 'a', '1');
    engine.run('SAVE');
    const file = fileOf(engine);
    const whole = readFileSync(file);
    for (const [contents, reason] of [
      [Buffer.from('nonsense nonsense'), /Wrong signature/],
      [Buffer.from('REDIS9999'), /Can't handle RDB format version/],
      [whole.subarray(0, -12), /Unexpected end/],
      [
        Buffer.concat([whole.subarray(0, -1), Buffer.from([whole[whole.length - 1] ^ 1])]),
        /Wrong RDB checksum/,
      ],
    ] as const) {
      writeFileSync(file, contents);
      const other = createEngine({ directives: { dir: engine.config.values.dir } });
      expect(() => other.persistence.loadAtOnce()).toThrow(reason);
    }
    engine.run('FLUSHALL');
    engine.run('SELECT', 3);
    engine.run('SET', 'a', '1');
    engine.run('SAVE');
    const small = createEngine({ directives: { dir: engine.config.values.dir, databases: '2' } });
    expect(() => small.persistence.loadAtOnce()).toThrow(/databases/);
  });
});

test('while data is loaded only some commands run', async () => {
  const engine = createEngine();
  for (let at = 0; at < 200; at++) engine.run('SET', `key ${at}`, at);
  engine.run('SAVE');
  const other = createEngine({ directives: { dir: engine.config.values.dir } });
  hurry(other, 100_000);
  const loading = other.persistence.load();
  expect(other.run('GET', 'key 1').raw).toBe('-LOADING Redis is loading the dataset in memory\r\n');
  expect(other.run('INFO', 'persistence').value).toMatch(/loading:1[\s\S]*loading_total_bytes:\d+/);
  other.run('MULTI');
  expect(other.run('SET', 'a', '1').raw).toMatch(/^-LOADING/);
  other.run('DISCARD');
  await loading;
  expect(other.run('GET', 'key 1').value).toBe('1');
  expect(other.run('INFO', 'persistence').value).toContain('loading:0');
});
