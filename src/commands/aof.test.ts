import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  createEngine,
  type EngineOptions,
  expectSteps,
  RESIDENCIES,
  START_MS,
  type TestEngine,
} from '../../test/support/engine.ts';
import { type Files, type OpenFile, systemFiles } from '../base/files.ts';
import { lmdbStorage } from '../tiering/cold-store-environment.ts';

const SERVER_DIRECTIVES = { appendonly: 'yes', 'enable-debug-command': 'yes' };

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'thermocline-aof-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An engine with its log on, which has loaded what is in the folder. */
function start(
  folder: string,
  directives: Record<string, string> = {},
  options: EngineOptions = {},
): TestEngine {
  const engine = createEngine({
    ...options,
    directives: { ...SERVER_DIRECTIVES, dir: folder, ...directives },
  });
  engine.loadAtOnce();
  return engine;
}

/** Ends an engine in order, and loads what it left. */
async function restart(engine: TestEngine, directives: Record<string, string> = {}): Promise<TestEngine> {
  await engine.close();
  return start(engine.config.values.dir, directives);
}

function encode(...commands: string[]): Buffer {
  return Buffer.concat(
    commands.map((command) => {
      const words = command.split(' ');
      return Buffer.from(
        `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`,
      );
    }),
  );
}

/** Puts a log into a folder: its increments, and what the manifest names. */
function writeLog(folder: string, increments: readonly Uint8Array[]): void {
  const directory = join(folder, 'appendonlydir');
  mkdirSync(directory, { recursive: true });
  const lines = increments.map((bytes, at) => {
    const name = `appendonly.aof.${at + 1}.incr.aof`;
    writeFileSync(join(directory, name), bytes);
    return `file ${name} seq ${at + 1} type i\n`;
  });
  writeFileSync(join(directory, 'appendonly.aof.manifest'), lines.join(''));
}

function filesOf(folder: string): string[] {
  return readdirSync(join(folder, 'appendonlydir')).filter((name) => name !== 'thermocline.lock');
}

const incrementOf = (folder: string, sequence = 1) =>
  readFileSync(join(folder, 'appendonlydir', `appendonly.aof.${sequence}.incr.aof`));

const digestOf = (engine: TestEngine) => engine.run('DEBUG', 'DIGEST').value;

/** Lets the work between commands go on until a rewrite is done. */
async function finishRewrite(engine: TestEngine): Promise<void> {
  for (let turn = 0; engine.appendLog.isRewriting || engine.appendLog.report.isRewriteScheduled; turn++) {
    if (turn > 10_000) throw new Error('the rewrite does not end');
    engine.runCron();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const ALL_TYPES = [
  'SET s value',
  'APPEND s more',
  'SET n 10 EX 1000',
  'INCRBYFLOAT n 1.5',
  'SETBIT bits 100 1',
  'RPUSH l a b c',
  'LMOVE l l LEFT RIGHT',
  'SADD set a b c d',
  'SPOP set',
  'SADD ints 1 2 3',
  'HSET h f 1 g 2',
  'HINCRBYFLOAT h f 0.5',
  'HPEXPIRE h 100000 FIELDS 1 g',
  'ZADD z 1 a 2 b 3 c',
  'ZPOPMIN z',
  'XADD x 1-1 f v',
  'XADD x * f v',
  'XGROUP CREATE x g 0',
  'XREADGROUP GROUP g c COUNT 1 STREAMS x >',
  'PFADD p a b c',
  'SELECT 2',
  'SET s other',
  'COPY s t DB 0',
  'SELECT 0',
  'RENAME t u',
  'MOVE u 3',
  'GETEX s PX 500000',
];

describe('what is propagated together is one transaction', () => {
  const SHORT = [
    'SET a 1 PX 10',
    '+OK',
    [`SET a 1 PXAT ${START_MS + 10}`],
    ['$ set a', 'g expire a'],
  ] as const;
  const EXPIRED = 'x expired a';

  test.each(RESIDENCIES)('a key that a change finds expired, %s', (residency) => {
    expectSteps(createEngine({ residency }), [
      SHORT,
      20,
      ['SET a 2', '+OK', ['MULTI', 'DEL a', 'SET a 2', 'EXEC'], [EXPIRED, '$ set a']],
    ]);
    expectSteps(createEngine({ residency }), [SHORT, 20, ['GET a', '$-1', ['DEL a'], [EXPIRED]]]);
    expectSteps(createEngine({ residency }), [
      SHORT,
      20,
      ['RENAME a b', '-ERR no such key', ['DEL a'], [EXPIRED]],
    ]);
  });

  test('several keys that a command finds expired', () => {
    const engine = createEngine();
    engine.run('SET', 'a', '1', 'PX', '10');
    engine.run('SET', 'b', '1', 'PX', '10');
    engine.clock.advance(20);
    expect(engine.run('MGET', 'a', 'b', 'c').propagated).toEqual(['MULTI', 'DEL a', 'DEL b', 'EXEC']);
    expect(engine.run('GET', 'a').propagated).toEqual([]);
  });

  test('those that expire between commands are deleted one by one', () => {
    const engine = createEngine();
    for (const key of ['a', 'b']) engine.run('SET', key, '1', 'PX', '10');
    engine.clock.advance(20);
    const { propagated } = engine.runCron();
    expect([...propagated].sort()).toEqual(['DEL a', 'DEL b']);
  });

  test('EXEC with none, one and more changes, in several databases', () => {
    const engine = createEngine();
    const exec = (...lines: string[]) => {
      engine.run('MULTI');
      for (const line of lines) engine.run(...line.split(' '));
      return engine.run('EXEC').propagated;
    };
    expect(exec()).toEqual([]);
    expect(exec('GET a', 'PING')).toEqual([]);
    expect(exec('GET a', 'SET a 1', 'GET a')).toEqual(['SET a 1']);
    expect(exec('SET a 1', 'INCR a')).toEqual(['MULTI', 'SET a 1', 'INCR a', 'EXEC']);
    expect(exec('SET a 1', 'INCR nosuch x', 'SELECT 1', 'SET b 1')).toEqual([]);
    expect(exec('SET a 1', 'LPUSH a x', 'SELECT 1', 'SET b 1')).toEqual([
      'MULTI',
      'SET a 1',
      '1:SET b 1',
      '1:EXEC',
    ]);
    engine.run('SELECT', '0');
    expect(exec('SET a 1 PX 10')).toEqual([`SET a 1 PXAT ${START_MS + 10}`]);
    engine.clock.advance(20);
    expect(exec('GET a', 'SET b 1')).toEqual(['MULTI', 'DEL a', 'SET b 1', 'EXEC']);
  });
});

describe('what was written comes back', () => {
  test.each(['always', 'everysec', 'no'])('appendfsync %s', async (policy) => {
    const folder = temporaryFolder();
    const engine = start(folder, { appendfsync: policy });
    for (const line of ALL_TYPES) expect(engine.run(...line.split(' ')).raw).not.toMatch(/^-/);
    engine.run('MULTI');
    engine.run('SET', 'm', '1');
    engine.run('INCR', 'm');
    engine.run('EXEC');
    engine.run('EVAL', "redis.call('SET', KEYS[1], 'x') redis.call('APPEND', KEYS[1], 'y')", '1', 'script');
    engine.run('FUNCTION', 'LOAD', "#!lua name=l\nredis.register_function('f', function() return 1 end)");
    const digest = digestOf(engine);
    const next = await restart(engine, { appendfsync: policy });
    expect(digestOf(next)).toEqual(digest);
    expect(next.run('GET', 'm').value).toBe('2');
    expect(next.run('GET', 'script').value).toBe('xy');
    expect(next.run('FCALL', 'f', '0').value).toBe(1);
    expect(next.run('PTTL', 's').value).toBe(500_000);
    expect(next.run('INFO', 'commandstats').value).not.toContain('cmdstat_set:');
    // The second part of the log is read after the first.
    next.run('SET', 'm', '5');
    expect((await restart(next)).run('GET', 'm').value).toBe('5');
  });

  test('with the tier on', async () => {
    const folder = temporaryFolder();
    const engine = start(folder, {}, { residency: 'demoted' });
    for (const line of ALL_TYPES) engine.run(...line.split(' '));
    const digest = digestOf(engine);
    expect(digestOf(await restart(engine))).toEqual(digest);
  });

  test('a time that has come since was not the end of a key that another command kept', () => {
    const folder = temporaryFolder();
    writeLog(folder, [
      encode('SELECT 0', `SET a 1 PXAT ${START_MS - 10}`, 'PERSIST a'),
      encode('SELECT 0', 'SET b 1', `PEXPIREAT b ${START_MS - 10}`, `PEXPIREAT b ${START_MS + 10}`),
      encode('SELECT 0', 'SET c 1', `PEXPIREAT c ${START_MS - 10}`),
    ]);
    const engine = start(folder);
    expect(engine.run('MGET', 'a', 'b', 'c').value).toEqual(['1', '1', null]);
  });

  test('in place of a snapshot', async () => {
    const folder = temporaryFolder();
    const engine = start(folder, { appendonly: 'no' });
    engine.run('SET', 'a', 'from the snapshot');
    engine.run('SAVE');
    await engine.close();
    const next = start(folder);
    expect(next.run('DBSIZE').value).toBe(0);
    next.run('SET', 'a', 'from the log');
    expect((await restart(next)).run('GET', 'a').value).toBe('from the log');
  });

  test('DEBUG LOADAOF', () => {
    const engine = start(temporaryFolder());
    engine.run('SET', 'a', '1');
    engine.run('DEBUG', 'POPULATE', '10');
    expect(engine.run('DBSIZE').value).toBe(11);
    expect(engine.run('DEBUG', 'LOADAOF').raw).toBe('+OK\r\n');
    expect(engine.run('KEYS', '*').value).toEqual(['a']);
    const appended = incrementOf(engine.config.values.dir).toString();
    expect(appended).toBe(encode('SELECT 0', 'SET a 1').toString());
  });
});

describe('a base of commands', () => {
  const COMMANDS = { 'aof-use-rdb-preamble': 'no' };
  const baseOf = (folder: string, sequence: number) =>
    readFileSync(join(folder, 'appendonlydir', `appendonly.aof.${sequence}.base.aof`)).toString('latin1');

  test('is an empty file at first', () => {
    const folder = temporaryFolder();
    start(folder, COMMANDS);
    expect(filesOf(folder)).toContain('appendonly.aof.1.base.aof');
    expect(baseOf(folder, 1)).toBe('');
  });

  test.each(RESIDENCIES)('makes the data set of the rewrite, %s', async (residency) => {
    const folder = temporaryFolder();
    const engine = start(folder, COMMANDS, { residency });
    const large = ['l', 's', 'z', 'h'].flatMap((key) =>
      Array.from(
        { length: 300 },
        (_, at) =>
          ({
            l: `RPUSH large:l e${at}`,
            s: `SADD large:s m${at}`,
            z: `ZADD large:z ${at / 8} m${at}`,
            h: `HSET large:h f${at} ${'v'.repeat(at)}`,
          })[key as 'l' | 's' | 'z' | 'h'],
      ),
    );
    for (const line of [...ALL_TYPES, ...large]) expect(engine.run(...line.split(' ')).raw).not.toMatch(/^-/);
    engine.run('SET', 'long', Buffer.alloc(3 << 20, 'x'));
    engine.run('SET', '', '');
    engine.run('FUNCTION', 'LOAD', "#!lua name=l\nredis.register_function('f', function() return 1 end)");
    engine.run('BGREWRITEAOF');
    await finishRewrite(engine);
    engine.run('SET', 'after', '1');
    const digest = digestOf(engine);
    const base = baseOf(folder, 2);
    expect(base.match(/\r\nRPUSH\r\n\$7\r\nlarge:l/g)).toHaveLength(5);
    const next = await restart(engine, COMMANDS);
    expect(incrementOf(folder, 2).toString()).toBe(encode('SELECT 0', 'SET after 1').toString());
    expect(digestOf(next)).toEqual(digest);
    expect(next.run('FCALL', 'f', '0').value).toBe(1);
    expect(next.run('HPTTL', 'h', 'FIELDS', '2', 'f', 'g').value).toEqual([-1, 100_000]);
  });

  test('has streams whole', async () => {
    const engine = start(temporaryFolder(), COMMANDS);
    const lines = [
      ...[1, 2, 3, 4].map((at) => `XADD x ${at}-1 f v g w`),
      'XADD x 5-1 f v',
      'XDEL x 5-1',
      'XGROUP CREATE x g 0 ENTRIESREAD 2',
      'XREADGROUP GROUP g one COUNT 3 STREAMS x >',
      'XCLAIM x g two 0 2-1 TIME 1600000000000 RETRYCOUNT 7',
      'XGROUP CREATECONSUMER x g idle',
      'XGROUP CREATE x h $',
      'XADD empty 7-7 a b',
      'XTRIM empty MAXLEN 0',
      'XGROUP CREATE none g $ MKSTREAM',
    ];
    for (const line of lines) expect(engine.run(...line.split(' ')).raw).not.toMatch(/^-/);
    const told = (from: TestEngine) =>
      ['x', 'empty', 'none'].map((key) => [
        from.run('XRANGE', key, '-', '+').value,
        from.run('XINFO', 'GROUPS', key).value,
        from.run('XPENDING', key, 'g', '-', '+', '10').value,
        ['length', 'last-generated-id', 'max-deleted-entry-id', 'entries-added'].map(
          (name) => (from.run('XINFO', 'STREAM', key).value as unknown[]).indexOf(name) >= 0,
        ),
      ]);
    const before = told(engine);
    engine.run('BGREWRITEAOF');
    await finishRewrite(engine);
    const next = await restart(engine, COMMANDS);
    expect(told(next)).toEqual(before);
  });

  test('notes the time', async () => {
    const folder = temporaryFolder();
    const engine = start(folder, { ...COMMANDS, 'aof-timestamp-enabled': 'yes' });
    engine.run('BGREWRITEAOF');
    await finishRewrite(engine);
    expect(baseOf(folder, 2)).toBe(`#TS:${Math.floor(START_MS / 1000)}\r\n`);
  });
});

describe('the end of the last file', () => {
  const LINES = ['SELECT 0', 'SET a 1', 'APPEND a 2', 'MULTI', 'SET b 1', 'SET c 1', 'EXEC', 'SET a 5'];
  /** Keys and values after so many of the lines. */
  const STATES: [number, unknown[]][] = [
    [1, [null, null, null]],
    [2, ['1', null, null]],
    [3, ['12', null, null]],
    [7, ['12', '1', '1']],
    [8, ['5', '1', '1']],
  ];

  test('is cut off anywhere, and loaded as far as it is whole', async () => {
    const bytes = encode(...LINES);
    for (let length = 0; length <= bytes.length; length += 9) {
      const folder = temporaryFolder();
      writeLog(folder, [encode('SELECT 0', 'SET first 1'), bytes.subarray(0, length)]);
      const engine = start(folder);
      const whole = STATES.filter(([count]) => encode(...LINES.slice(0, count)).length <= length).at(-1);
      const state = engine.run('MGET', 'a', 'b', 'c').value;
      expect({ length, state }).toEqual({ length, state: whole?.[1] ?? [null, null, null] });
      expect(engine.run('GET', 'first').value).toBe('1');
      const kept = whole === undefined ? 0 : encode(...LINES.slice(0, whole[0])).length;
      expect(incrementOf(folder, 2).length).toBe(kept);
      // What is appended next follows what was whole.
      engine.run('SET', 'next', `${length}`);
      const next = await restart(engine, { 'aof-load-truncated': 'no' });
      expect(next.run('GET', 'next').value).toBe(`${length}`);
      expect(next.run('MGET', 'a', 'b', 'c').value).toEqual(state);
      await next.close();
    }
  });

  test('is an error with aof-load-truncated no, and stays as it is', () => {
    const folder = temporaryFolder();
    const bytes = encode(...LINES);
    for (const length of [bytes.length - 1, encode(...LINES.slice(0, 5)).length]) {
      writeLog(folder, [bytes.subarray(0, length)]);
      expect(() => start(folder, { 'aof-load-truncated': 'no' })).toThrow(
        'Unexpected end of file reading the append only file appendonly.aof.1.incr.aof',
      );
      expect(incrementOf(folder).length).toBe(length);
    }
  });

  test('in another file than the last it is an error', () => {
    const folder = temporaryFolder();
    writeLog(folder, [encode('SET a 1').subarray(0, 10), encode('SET b 1')]);
    expect(() => start(folder)).toThrow('the truncated file is not the last file');
  });
});

describe('what can not be loaded is an error', () => {
  test.each<[string, (folder: string) => void, string]>([
    [
      'no log',
      (folder) => writeLog(folder, [Buffer.from('hello')]),
      'Bad file format reading the append only file',
    ],
    [
      'an unknown command',
      (folder) => writeLog(folder, [encode('SET a 1', 'NOSUCH b')]),
      "Unknown command 'NOSUCH'",
    ],
    [
      'a wrong arity',
      (folder) => writeLog(folder, [encode('SET a')]),
      "Wrong number of arguments of command 'SET'",
    ],
    [
      'a database that there is not',
      (folder) => writeLog(folder, [encode('SELECT 99')]),
      "Can't select a database",
    ],
    [
      'a file that is missing',
      (folder) => {
        writeLog(folder, [encode('SET a 1'), encode('SET b 1')]);
        rmSync(join(folder, 'appendonlydir', 'appendonly.aof.1.incr.aof'));
      },
      'Unable to obtain the AOF file appendonly.aof.1.incr.aof length',
    ],
    [
      'a wrong manifest',
      (folder) => {
        writeLog(folder, []);
        writeFileSync(join(folder, 'appendonlydir', 'appendonly.aof.manifest'), 'file a seq b type c\n');
      },
      'Invalid AOF manifest file format',
    ],
    [
      'a base that is no RDB file',
      (folder) => {
        writeLog(folder, []);
        writeFileSync(join(folder, 'appendonlydir', 'base'), 'REDIS0011\xff');
        writeFileSync(join(folder, 'appendonlydir', 'appendonly.aof.manifest'), 'file base seq 1 type b\n');
      },
      'Error reading the RDB base file base',
    ],
  ])('%s', (_, prepare, reason) => {
    const folder = temporaryFolder();
    prepare(folder);
    expect(() => start(folder)).toThrow(reason);
  });

  test('a directory that another process uses', () => {
    const folder = temporaryFolder();
    start(folder);
    expect(() => start(folder)).toThrow(`is held by process ${process.pid}`);
  });
});

describe('the log of Redis before 7', () => {
  test('is taken over', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'appendonly.aof'), encode('SELECT 0', 'SET a 1'));
    const engine = start(folder);
    expect(engine.run('GET', 'a').value).toBe('1');
    expect(existsSync(join(folder, 'appendonly.aof'))).toBe(false);
    expect(filesOf(folder)).toEqual([
      'appendonly.aof',
      'appendonly.aof.1.incr.aof',
      'appendonly.aof.manifest',
    ]);
    engine.run('SET', 'a', '2');
    expect((await restart(engine)).run('GET', 'a').value).toBe('2');
  });

  test('with a snapshot at its beginning', async () => {
    const folder = temporaryFolder();
    const engine = start(folder, { appendonly: 'no' });
    engine.run('SET', 'a', '1');
    engine.run('SAVE');
    await engine.close();
    const tail = encode('SELECT 0', 'INCR a', 'SET b 1').subarray(0, -5);
    writeFileSync(
      join(folder, 'appendonly.aof'),
      Buffer.concat([readFileSync(join(folder, 'dump.rdb')), tail]),
    );
    expect(start(folder).run('MGET', 'a', 'b').value).toEqual(['2', null]);
  });

  test('where the process had ended before it was moved', () => {
    const folder = temporaryFolder();
    writeLog(folder, []);
    writeFileSync(join(folder, 'appendonly.aof'), encode('SELECT 0', 'SET a 1'));
    writeFileSync(
      join(folder, 'appendonlydir', 'appendonly.aof.manifest'),
      'file appendonly.aof seq 1 type b\n',
    );
    expect(start(folder).run('GET', 'a').value).toBe('1');
  });

  test('beside a log of today it is left alone', () => {
    const folder = temporaryFolder();
    writeLog(folder, [encode('SELECT 0', 'SET a new')]);
    writeFileSync(join(folder, 'appendonly.aof'), encode('SELECT 0', 'SET a old'));
    expect(start(folder).run('GET', 'a').value).toBe('new');
    expect(existsSync(join(folder, 'appendonly.aof'))).toBe(true);
  });
});

describe('BGREWRITEAOF', () => {
  test('replaces the files, and what is changed meanwhile counts', async () => {
    const folder = temporaryFolder();
    const engine = start(folder);
    for (const line of ALL_TYPES) engine.run(...line.split(' '));
    for (let at = 0; at < 2000; at++) engine.run('SET', `key:${at}`, `value ${at}`);
    expect(engine.run('BGREWRITEAOF').raw).toBe('+Background append only file rewriting started\r\n');
    expect(engine.run('BGREWRITEAOF').raw).toBe(
      '-ERR Background append only file rewriting already in progress\r\n',
    );
    expect(engine.run('BGSAVE').raw).toMatch(/^-ERR Another child process is active/);
    expect(engine.run('INFO', 'persistence').value).toContain('aof_rewrite_in_progress:1');
    for (let at = 0; at < 500; at++) {
      engine.run('APPEND', `key:${at * 3}`, 'x');
      engine.run('DEL', `key:${at * 3 + 1}`);
      engine.run('INCR', 'counter');
    }
    await finishRewrite(engine);
    const report = engine.run('INFO', 'persistence').value as string;
    for (const line of [
      'in_progress:0',
      'last_bgrewrite_status:ok',
      'rewrites:1',
      'rewrites_consecutive_failures:0',
    ]) {
      expect(report).toMatch(new RegExp(`aof_(rewrite_)?${line}`));
    }
    const digest = digestOf(engine);
    const base = `${readFileSync(join(folder, 'appendonlydir', 'appendonly.aof.manifest'))}`;
    expect(base).toBe(
      'file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n',
    );
    const next = await restart(engine);
    expect(digestOf(next)).toEqual(digest);
    expect(next.run('GET', 'counter').value).toBe('500');
    expect(filesOf(folder)).toEqual([
      'appendonly.aof.2.base.rdb',
      'appendonly.aof.2.incr.aof',
      'appendonly.aof.manifest',
    ]);
  });

  test('a process that ends at any time leaves a log that is whole', async () => {
    const folder = temporaryFolder();
    const engine = start(folder, { appendfsync: 'no' });
    for (let at = 0; at < 1000; at++) engine.run('SET', `key:${at}`, `${at}`);
    engine.run('CONFIG', 'SET', 'appendfsync', 'always');
    const copies: string[] = [];
    const digests: unknown[] = [];
    const keep = () => {
      engine.flushLog();
      const copy = temporaryFolder();
      mkdirSync(join(copy, 'appendonlydir'));
      for (const name of filesOf(folder)) {
        copyFileSync(join(folder, 'appendonlydir', name), join(copy, 'appendonlydir', name));
      }
      copies.push(copy);
      digests.push(digestOf(engine));
    };
    keep();
    engine.run('BGREWRITEAOF');
    keep();
    for (let at = 0; engine.appendLog.isRewriting; at++) {
      engine.run('SET', `key:${at}`, 'changed');
      engine.runCron();
      keep();
      await new Promise((resolve) => setImmediate(resolve));
    }
    keep();
    for (const [at, copy] of copies.entries()) expect(digestOf(start(copy))).toEqual(digests[at]);
  });

  test('a flush in the middle of it', async () => {
    const engine = start(temporaryFolder());
    for (let at = 0; at < 3000; at++) engine.run('SET', `key:${at}`, `${at}`);
    engine.run('BGREWRITEAOF');
    engine.run('FLUSHALL');
    engine.run('SET', 'a', '1');
    await finishRewrite(engine);
    expect(engine.run('INFO', 'persistence').value).toContain('aof_rewrites:1\r\n');
    expect((await restart(engine)).run('KEYS', '*').value).toEqual(['a']);
  });

  test('within a transaction, and during a snapshot, it is for later', async () => {
    const engine = start(temporaryFolder());
    engine.run('MULTI');
    engine.run('SET', 'a', '1');
    engine.run('BGREWRITEAOF');
    engine.run('INCR', 'a');
    expect(engine.run('EXEC').value).toEqual(['OK', 'Background append only file rewriting scheduled', 2]);
    expect(engine.run('INFO', 'persistence').value).toContain('aof_rewrite_scheduled:1');
    await finishRewrite(engine);
    engine.run('BGSAVE');
    expect(engine.run('BGREWRITEAOF').raw).toBe('+Background append only file rewriting scheduled\r\n');
    await finishRewrite(engine);
    expect(engine.run('INFO', 'persistence').value).toContain('aof_rewrites:2');
    expect((await restart(engine)).run('GET', 'a').value).toBe('2');
  });

  test('without the log it writes a base that the log begins with', async () => {
    const folder = temporaryFolder();
    const engine = start(folder, { appendonly: 'no' });
    engine.run('SET', 'a', '1');
    engine.run('BGREWRITEAOF');
    await finishRewrite(engine);
    expect(filesOf(folder)).toEqual(['appendonly.aof.1.base.rdb', 'appendonly.aof.manifest']);
    expect((await restart(engine)).run('GET', 'a').value).toBe('1');
  });

  test('begins by itself when the log has grown', async () => {
    const engine = start(temporaryFolder(), {
      appendfsync: 'always',
      'auto-aof-rewrite-min-size': '1000',
      'auto-aof-rewrite-percentage': '50',
    });
    engine.runCron();
    expect(engine.appendLog.isRewriting).toBe(false);
    for (let at = 0; at < 100; at++) engine.run('SET', 'a', 'x'.repeat(100));
    engine.runCron();
    expect(engine.appendLog.report.rewrites).toBe(1);
    await finishRewrite(engine);
    const { currentBytes, baseBytes } = engine.appendLog.report;
    expect(currentBytes).toBe(baseBytes);
    expect(currentBytes).toBeLessThan(1000);
    for (let at = 0; at < 20; at++) engine.run('SET', 'a', 'x'.repeat(100));
    engine.runCron();
    expect(engine.appendLog.report.rewrites).toBe(2);
    await finishRewrite(engine);
  });
});

describe('CONFIG SET appendonly', () => {
  test('yes begins with a rewrite, no ends, and yes again', async () => {
    const folder = temporaryFolder();
    const engine = start(folder, { appendonly: 'no' });
    engine.run('SET', 'a', '1');
    expect(engine.run('CONFIG', 'SET', 'appendonly', 'yes').raw).toBe('+OK\r\n');
    engine.run('SET', 'b', '1');
    // Until there is a base, no manifest names anything.
    expect(filesOf(folder)).not.toContain('appendonly.aof.manifest');
    expect(engine.run('INFO', 'persistence').value).toContain('aof_enabled:1');
    await finishRewrite(engine);
    engine.run('SET', 'c', '1');
    expect(engine.run('CONFIG', 'SET', 'appendonly', 'no').raw).toBe('+OK\r\n');
    engine.run('SET', 'd', '1');
    expect(engine.run('INFO', 'persistence').value).toContain('aof_enabled:0');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const copy = temporaryFolder();
    mkdirSync(join(copy, 'appendonlydir'));
    for (const name of filesOf(folder)) {
      copyFileSync(join(folder, 'appendonlydir', name), join(copy, 'appendonlydir', name));
    }
    expect(start(copy).run('MGET', 'a', 'b', 'c', 'd').value).toEqual(['1', '1', '1', null]);
    engine.run('CONFIG', 'SET', 'appendonly', 'yes');
    await finishRewrite(engine);
    engine.run('SET', 'e', '1');
    expect((await restart(engine)).run('MGET', 'a', 'd', 'e').value).toEqual(['1', '1', '1']);
  });

  test('no before the first rewrite is done', async () => {
    const folder = temporaryFolder();
    const engine = start(folder, { appendonly: 'no' });
    engine.run('SET', 'a', '1');
    engine.run('CONFIG', 'SET', 'appendonly', 'yes');
    engine.run('CONFIG', 'SET', 'appendonly', 'no');
    expect(engine.appendLog.isRewriting).toBe(false);
    engine.run('SET', 'a', '2');
    engine.run('CONFIG', 'SET', 'appendonly', 'yes');
    await finishRewrite(engine);
    expect((await restart(engine)).run('GET', 'a').value).toBe('2');
  });

  test('is refused where the directory can not be had', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'appendonlydir'), 'a file');
    const engine = start(folder, { appendonly: 'no' });
    expect(engine.run('CONFIG', 'SET', 'appendonly', 'yes').raw).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs.\r\n",
    );
    expect(engine.run('CONFIG', 'GET', 'appendonly').value).toEqual(['appendonly', 'no']);
    expect(engine.appendLog.isOn).toBe(false);
  });
});

/** A disk whose log can't be written while `isBroken`. */
function breakableDisk() {
  const state = { isBroken: false };
  const fail = (): never => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  const open: Files['open'] = (path, how) => {
    const file = systemFiles.open(path, how);
    const guarded = <Method extends keyof OpenFile>(method: Method): OpenFile[Method] =>
      ((...args: never[]) =>
        state.isBroken
          ? fail()
          : (file[method] as (...all: never[]) => unknown)(...args)) as OpenFile[Method];
    return { ...file, write: guarded('write'), sync: guarded('sync') };
  };
  return { state, disk: { files: { ...systemFiles, open }, storage: lmdbStorage } };
}

describe('a disk that is full', () => {
  const REFUSAL = '-MISCONF Errors writing to the AOF file: No space left on device\r\n';

  test('writes are refused until there is room, and nothing is lost or done twice', async () => {
    const { state, disk } = breakableDisk();
    const engine = start(temporaryFolder(), { appendfsync: 'no' }, { disk });
    engine.run('INCR', 'n');
    state.isBroken = true;
    // This one was done before it was known.
    expect(engine.run('INCR', 'n').raw).toBe(':2\r\n');
    expect(engine.run('INCR', 'n').raw).toBe(REFUSAL);
    expect(engine.run('PING').raw).toBe(REFUSAL);
    expect(engine.run('GET', 'n').raw).toBe('$1\r\n2\r\n');
    engine.run('MULTI');
    expect(engine.run('SET', 'a', '1').raw).toBe(REFUSAL);
    expect(engine.run('EXEC').raw).toMatch(/^-EXECABORT/);
    expect(engine.run('INFO', 'persistence').value).toContain('aof_last_write_status:err');
    expect(engine.run('BGREWRITEAOF').raw).toMatch(/^-ERR Can't execute an AOF background rewriting/);
    engine.runCron();
    expect(engine.run('INCR', 'n').raw).toBe(REFUSAL);
    state.isBroken = false;
    engine.runCron();
    expect(engine.run('INFO', 'persistence').value).toContain('aof_last_write_status:ok');
    expect(engine.run('INCR', 'n').raw).toBe(':3\r\n');
    expect((await restart(engine)).run('GET', 'n').value).toBe('3');
  });

  test('a rewrite that fails leaves the log as it was', async () => {
    const { state, disk } = breakableDisk();
    const engine = start(temporaryFolder(), {}, { disk });
    for (let at = 0; at < 3000; at++) engine.run('SET', `key:${at}`, `${at}`);
    engine.run('BGREWRITEAOF');
    state.isBroken = true;
    while (engine.appendLog.isRewriting) {
      engine.runCron();
      await new Promise((resolve) => setImmediate(resolve));
    }
    state.isBroken = false;
    engine.runCron();
    expect(engine.run('INFO', 'persistence').value).toContain('aof_last_bgrewrite_status:err');
    engine.run('SET', 'key:0', 'last');
    const digest = digestOf(engine);
    const next = await restart(engine);
    expect(digestOf(next)).toEqual(digest);
    next.run('BGREWRITEAOF');
    await finishRewrite(next);
    expect(digestOf(await restart(next))).toEqual(digest);
  });

  test('with always the process ends before a reply is sent', () => {
    const { state, disk } = breakableDisk();
    const engine = start(temporaryFolder(), { appendfsync: 'always' }, { disk });
    state.isBroken = true;
    expect(() => engine.run('SET', 'a', '1')).toThrow('The process ends with status 1');
    state.isBroken = false;
  });
});

describe('WAITAOF', () => {
  test('without the log, and what is on disk already', () => {
    const engine = start(temporaryFolder(), { appendonly: 'no' });
    expect(engine.run('WAITAOF', '1', '0', '0').raw).toMatch(/appendonly is disabled/);
    const logging = start(temporaryFolder(), { appendfsync: 'always' });
    expect(logging.run('WAITAOF', '1', '0', '0').value).toEqual([1, 0]);
    logging.run('SET', 'a', '1');
    expect(logging.run('WAITAOF', '1', '0', '0').value).toEqual([1, 0]);
    expect(logging.run('WAITAOF', '0', '0', '0').value).toEqual([1, 0]);
  });

  test('waits for the disk, or for its time', async () => {
    const engine = start(temporaryFolder(), { appendfsync: 'no' });
    const { client } = engine;
    engine.run('SET', 'a', '1');
    expect(engine.run('WAITAOF', '0', '0', '0').value).toEqual([0, 0]);
    expect(engine.run('WAITAOF', '1', '0', '0').raw).toBe('');
    const hasty = engine.connect();
    engine.runAs(hasty, 'SET', 'b', '1');
    engine.runAs(hasty, 'WAITAOF', '1', '0', '50');
    engine.clock.advance(60);
    engine.runCron();
    expect(engine.takePushes(hasty)).toBe('*2\r\n:0\r\n:0\r\n');
    expect(engine.takePushes(client)).toBe('');
    engine.runAs(hasty, 'CONFIG', 'SET', 'appendfsync', 'always');
    engine.runAs(hasty, 'PING');
    expect(engine.takePushes(client)).toBe('*2\r\n:1\r\n:0\r\n');
  });

  test('ends with an error when the log is switched off', () => {
    const engine = start(temporaryFolder(), { appendfsync: 'no' });
    engine.run('SET', 'a', '1');
    engine.run('WAITAOF', '1', '0', '0');
    engine.runAs(engine.connect(), 'CONFIG', 'SET', 'appendonly', 'no');
    expect(engine.takePushes(engine.client)).toMatch(/^-ERR WAITAOF cannot be used/);
  });
});
