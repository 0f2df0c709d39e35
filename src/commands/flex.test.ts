import { describe, expect, test } from 'vitest';
import { createEngine, RESIDENCIES, type TestEngine, type Word } from '../../test/support/engine.ts';
import { WatchedDisk } from '../../test/support/watched-disk.ts';
import { SeededRandom } from '../base/random.ts';
import { Arguments } from '../resp/arguments.ts';
import { ReplyError } from '../resp/reply.ts';

const MIB = 1024 * 1024;

function withFlex(directives: Record<string, string> = {}, disk?: WatchedDisk): TestEngine {
  return createEngine({
    residency: 'demoted',
    directives: { maxmemory: `${32 * MIB}`, ...directives },
    ...(disk === undefined ? {} : { disk: disk.disk }),
  });
}

const errorOf = (engine: TestEngine, ...words: Word[]) => (engine.run(...words).value as ReplyError).message;

describe('FLEX PIN', () => {
  test('makes keys hot, and they stay so', () => {
    const engine = withFlex();
    engine.run('set', 'a', '1');
    engine.run('set', 'b', '2');
    expect(engine.run('flex', 'tier', 'a').raw).toBe('+cold\r\n');
    expect(engine.run('flex', 'pin', 'a', 'b', 'none', 'a').raw).toBe(':2\r\n');
    expect(engine.run('flex', 'tier', 'a').raw).toBe('+pinned\r\n');
    expect(engine.run('flex', 'pin', 'a').raw).toBe(':0\r\n');
    expect(engine.run('flex', 'demote', 'a').raw).toBe(':0\r\n');
    expect(engine.run('flex', 'pinned').value).toEqual(['a', 'b']);
    expect(engine.run('flex', 'unpin', 'a', 'none').raw).toBe(':1\r\n');
    expect(engine.run('flex', 'tier', 'a').raw).toBe('+cold\r\n');
    expect(engine.run('flex', 'tier', 'b').raw).toBe('+pinned\r\n');
  });

  test('holds for all pages of a value, those that are made later too', () => {
    const engine = withFlex();
    const pages = () => engine.keyspace.databases[0].pageRecords;
    const words = (from: number) => Array.from({ length: 4000 }, (_, at) => `word-${from + at}`);
    engine.run('hset', 'hash', ...words(0));
    expect(pages()?.coldCount).toBeGreaterThan(10);
    engine.run('flex', 'pin', 'hash');
    expect(pages()?.coldCount).toBe(0);
    const pinned = engine.tier?.pins.bytes ?? 0;
    expect(pinned).toBeGreaterThan(40_000);
    engine.run('hset', 'hash', ...words(4000));
    engine.runCron();
    expect(pages()?.coldCount).toBe(0);
    expect(engine.tier?.pins.bytes).toBeGreaterThan(pinned * 1.5);
    engine.run('flex', 'unpin', 'hash');
    engine.settle();
    expect(pages()?.coldCount).toBe(pages()?.size);
    expect(engine.tier?.pins).toMatchObject({ count: 0, bytes: 0, byteCount: 0 });
  });

  test('is of a name: it outlives the key, and RENAME leaves it behind', () => {
    const engine = withFlex();
    engine.run('set', 'a', '1');
    engine.run('flex', 'pin', 'a');
    engine.run('rename', 'a', 'b');
    engine.runCron();
    expect(engine.run('flex', 'tier', 'b').raw).toBe('+cold\r\n');
    expect(engine.tier?.pins.bytes).toBe(0);
    engine.run('hset', 'a', ...Array.from({ length: 4000 }, (_, at) => `word-${at}`));
    engine.runCron();
    expect(engine.run('flex', 'tier', 'a').raw).toBe('+pinned\r\n');
    expect(engine.keyspace.databases[0].pageRecords?.coldCount).toBe(0);
    engine.run('swapdb', '0', '1');
    expect(engine.run('flex', 'pinned').value).toEqual([]);
    engine.run('select', '1');
    expect(engine.run('flex', 'pinned').value).toEqual(['a']);
    expect(engine.run('flex', 'tier', 'a').raw).toBe('+pinned\r\n');
    engine.run('flushall');
    engine.runCron();
    expect(engine.run('flex', 'pinned').value).toEqual(['a']);
    expect(engine.tier?.pins.bytes).toBe(0);
    engine.run('set', 'a', '2');
    expect(engine.run('flex', 'tier', 'a').raw).toBe('+pinned\r\n');
  });

  test('is refused for more than half of the budget, and then pins none', () => {
    const engine = withFlex();
    for (const key of ['a', 'b', 'c']) engine.run('set', key, Buffer.alloc(7 * MIB));
    expect(engine.run('flex', 'pin', 'a', 'b').raw).toBe(':2\r\n');
    expect(errorOf(engine, 'flex', 'pin', 'c')).toMatch(
      /^ERR Pinned keys would take \d+ bytes of RAM, and may take 16777216, half of maxmemory$/,
    );
    engine.run('set', 'd', '1');
    expect(engine.run('flex', 'pin', 'c', 'd').value).toBeInstanceOf(ReplyError);
    expect(engine.run('flex', 'tier', 'd').raw).toBe('+cold\r\n');
    expect(engine.run('flex', 'pin', 'd').raw).toBe(':1\r\n');
    expect(engine.run('info', 'flex').value).toMatch(/flex_pinned_keys:3\r\n/);
  });

  test('does not hold while what is pinned has grown beyond that', async () => {
    const disk = new WatchedDisk();
    const engine = withFlex({}, disk);
    engine.run('set', 'a', '1');
    engine.run('flex', 'pin', 'a');
    engine.run('set', 'a', Buffer.alloc(18 * MIB));
    engine.runCron();
    expect(engine.run('info', 'flex').value).toMatch(/flex_pins_held:0\r\n/);
    for (let round = 0; round < 100 && engine.run('flex', 'tier', 'a').raw !== '+cold\r\n'; round++) {
      engine.runCron();
      await disk.settle();
    }
    expect(engine.run('flex', 'tier', 'a').raw).toBe('+cold\r\n');
    engine.run('set', 'a', '2');
    engine.runCron();
    expect(engine.run('flex', 'tier', 'a').raw).toBe('+pinned\r\n');
  });

  test.each([['pin'], ['unpin']])('%s is an error where there is no such key or no tier', (subcommand) => {
    const engine = withFlex();
    expect(engine.run('flex', subcommand, 'none').raw).toBe(
      subcommand === 'pin' ? '-ERR no such key\r\n' : ':0\r\n',
    );
    const off = createEngine();
    expect(off.run('flex', subcommand, 'none').raw).toMatch(/^-ERR Flex is off/);
  });
});

describe('FLEX SLOWLOG', () => {
  const slow = (disk: WatchedDisk) => withFlex({ 'flex-slowlog-log-slower-than': '1000' }, disk);

  test('tells which reads of the device took long', () => {
    const disk = new WatchedDisk();
    const engine = slow(disk);
    engine.run('set', 'key', 'v'.repeat(100));
    engine.run('get', 'key');
    expect(engine.run('flex', 'slowlog', 'len').raw).toBe(':0\r\n');
    engine.run('config', 'set', 'flex-slowlog-log-slower-than', '0');
    engine.run('get', 'key');
    engine.run('config', 'set', 'flex-slowlog-log-slower-than', '-1');
    engine.run('get', 'key');
    const seconds = Math.floor(engine.keyspace.nowMs / 1000);
    const entries = engine.run('flex', 'slowlog', 'get', -1).value as unknown[][];
    expect(entries).toContainEqual([expect.any(Number), seconds, 0, ['in-place', '103', 'key'], '', '']);
    expect(engine.run('flex', 'slowlog', 'get', 0).raw).toBe('*0\r\n');
    expect(engine.run('flex', 'slowlog', 'reset').raw).toBe('+OK\r\n');
    expect(engine.run('flex', 'slowlog', 'len').raw).toBe(':0\r\n');
    expect(engine.run('info', 'flex').value).toMatch(/flex_slow_reads:[1-9]/);
  });

  test('tells of what was fetched aside, by all of its names', async () => {
    const disk = new WatchedDisk();
    const engine = slow(disk);
    const random = new SeededRandom(5);
    engine.run('set', 'key', 'v');
    engine.run('set', 'other', 'v');
    for (let number = 0; number < 40; number++) {
      const filler = Buffer.alloc(60 * 1024);
      for (let at = 0; at < filler.length; at += 4) filler.writeUInt32LE(random.uint32(), at);
      engine.run('set', `filler${number}`, filler);
    }
    await disk.settle();
    disk.onRead = () => engine.clock.advance(0.2);
    for (let number = 0; number < 10; number++) engine.run('strlen', `filler${number}`);
    expect(engine.tier?.isFetchingAside).toBe(true);
    engine.run('flex', 'slowlog', 'reset');
    disk.onRead = () => {};
    engine.beginBatch();
    const words = Arguments.of(['mget', 'key', 'other'].map((word) => Buffer.from(word)));
    expect(engine.pipeline.execute(engine.client, words, true)).toBe(false);
    engine.endTick();
    engine.clock.advance(30);
    disk.endFetch();
    const [entry] = engine.run('flex', 'slowlog', 'get', 1).value as unknown[][];
    expect(entry.slice(2)).toEqual([
      30_000,
      ['aside', expect.stringMatching(/^\d+$/), 'key', 'other'],
      '',
      '',
    ]);
  });

  test('keeps as many as it may, and values never', () => {
    const engine = withFlex({ 'flex-slowlog-log-slower-than': '0', 'flex-slowlog-max-len': '3' });
    for (let number = 0; number < 5; number++) engine.run('set', `key:${number}`, 'secret');
    for (let number = 0; number < 5; number++) engine.run('get', `key:${number}`);
    const { raw, value } = engine.run('flex', 'slowlog', 'get', -1);
    expect(value).toHaveLength(3);
    expect(raw).not.toContain('secret');
    engine.run('config', 'set', 'flex-slowlog-max-len', '1');
    expect(engine.run('flex', 'slowlog', 'len').raw).toBe(':1\r\n');
  });

  test('answers what it does not know with an error', () => {
    const engine = withFlex();
    expect(engine.run('flex', 'slowlog', 'get', -2).raw).toBe(
      '-ERR count should be greater than or equal to -1\r\n',
    );
    expect(engine.run('flex', 'slowlog', 'get', 1, 2).raw).toBe('-ERR syntax error\r\n');
    expect(engine.run('flex', 'slowlog', 'none').raw).toBe('-ERR syntax error\r\n');
    expect(createEngine().run('flex', 'slowlog', 'len').raw).toMatch(/^-ERR Flex is off/);
  });
});

describe('FLEX CURVE', () => {
  const COUNT = 2000;

  function used(): TestEngine {
    const engine = createEngine({
      residency: 'random',
      directives: { maxmemory: `${20 * MIB}`, 'flex-hot-threshold': '0.5' },
    });
    const database = engine.keyspace.databases[0];
    // Many more than commands could make here, all of them read three times in turn.
    for (let round = 0; round < 4; round++) {
      for (let number = 0; number < COUNT * 20; number++) {
        const key = Buffer.from(`key:${number}`);
        if (database.find(key, 0, key.length, round === 0 ? 0 : 3)) continue;
        database.store(0, 0, 500, -1);
      }
    }
    return engine;
  }

  test('tells the hit ratio at other sizes of RAM', () => {
    const engine = used();
    const { value, raw } = engine.run('flex', 'curve');
    const fields = value as unknown[];
    expect(fields.filter((_, at) => at % 2 === 0)).toEqual([
      'sampled_keys',
      'sampling_rate',
      'first_reads',
      'points',
    ]);
    expect(fields[1]).toBeGreaterThan(1000);
    expect(fields[3]).toBe('0.03125');
    expect(fields[5]).toBe('0');
    const points = (fields[7] as unknown[][]).map((point) => [Number(point[1]), Number(point[5])]);
    expect(points.map(([factor]) => factor)).toEqual([0.125, 0.25, 0.5, 1, 2, 4, 8]);
    // In turn, so that what does not fit as a whole is of no use: 40,000 keys of half a KiB and more.
    expect(points.map(([, ratio]) => Math.abs(ratio) < 0.05)).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(points.slice(5).map(([, ratio]) => ratio)).toEqual([1, 1]);
    expect(raw).toContain('$5\r\nbytes\r\n:41943040\r\n');
    expect(engine.run('info', 'flex').value).toMatch(
      /flex_curve_hit_ratios:0.125=0.0\d+,.*,4=1.0000,8=1.0000\r\n/,
    );
  });

  test('is a map of RESP3, and begins anew', () => {
    const engine = used();
    engine.run('hello', 3);
    expect(engine.run('flex', 'curve').raw).toMatch(
      /^%4\r\n\$12\r\nsampled_keys\r\n:\d+\r\n\$13\r\nsampling_rate\r\n,0.03125\r\n/,
    );
    expect(engine.run('flex', 'curve', 'reset').raw).toBe('+OK\r\n');
    expect(engine.run('flex', 'curve').raw).toMatch(/sampled_keys\r\n:0\r\n/);
  });

  test('counts keys that are gone no more', () => {
    const engine = used();
    const database = engine.keyspace.databases[0];
    const before = engine.keyspace.reuse.sampleCount;
    for (let number = 0; number < COUNT * 10; number++) {
      const key = Buffer.from(`key:${number}`);
      database.find(key, 0, key.length, 0);
      database.remove();
    }
    expect(engine.keyspace.reuse.sampleCount / before).toBeCloseTo(0.5, 1);
    Array.from(database.clear());
    expect(engine.keyspace.reuse.sampleCount).toBe(0);
  });

  test('answers what it does not know with an error', () => {
    const engine = withFlex();
    expect(engine.run('flex', 'curve', 'none').raw).toBe('-ERR syntax error\r\n');
    expect(engine.run('flex', 'curve', 'reset', 'x').raw).toBe('-ERR syntax error\r\n');
    expect(createEngine().run('flex', 'curve').raw).toMatch(/^-ERR Flex is off/);
  });
});

test.each(RESIDENCIES)('FLEX HELP lists all subcommands, keys %s', (residency) => {
  const help = createEngine({ residency }).run('flex', 'help').value as string[];
  for (const subcommand of [
    'CURVE',
    'DEMOTE',
    'PIN',
    'PINNED',
    'PROMOTE',
    'SLOWLOG',
    'STATS',
    'TIER',
    'UNPIN',
  ])
    expect(help.some((line) => line.startsWith(subcommand))).toBe(true);
});
