import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createEngine, START_MS, type TestEngine } from '../../test/support/engine.ts';
import { systemFiles } from '../base/files.ts';
import { Config } from '../config/config.ts';
import { Entry, EXPIRES, TYPE_PAGE, TYPE_STRING } from '../keyspace/record.ts';
import { RdbFileWriter } from '../persistence/rdb/file-writer.ts';
import { RdbType } from '../persistence/rdb/types.ts';
import { ColdRecordWriter } from '../tiering/cold-record.ts';
import { ColdStore } from '../tiering/cold-store.ts';
import { AofChecker } from './check-aof.ts';
import { checkRdbFile } from './check-rdb.ts';
import { checkTier } from './check-tier.ts';
import { type CheckOptions, type Findings, hasProblems, KeySummary } from './findings.ts';
import { textOf } from './report.ts';
import { findTargets } from './targets.ts';
import { exportRdb, importRdb, type TransferOptions } from './transfer.ts';

const { values } = new Config();
const OPTIONS: CheckOptions = {
  fixes: false,
  lastSecond: Number.POSITIVE_INFINITY,
  largestCount: 3,
  nowMs: START_MS,
  openProgress: () => ({ update() {}, end() {} }),
};
const TRANSFER: TransferOptions = {
  configFile: null,
  memoryBytes: null,
  openProgress: OPTIONS.openProgress,
  log() {},
};

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'thermocline-check-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const LINES = [
  'SET s value',
  'SET n 10 PX 1000',
  'RPUSH l a b c',
  'SADD set a b c d',
  'SADD ints 1 2 3',
  'HSET h f 1 g 2',
  'ZADD z 1 a 2 b 3 c',
  'XADD x 1-1 f v',
  'XGROUP CREATE x g 0',
  'XREADGROUP GROUP g c COUNT 1 STREAMS x >',
  'SELECT 2',
  'SET s other',
];

function fill(engine: TestEngine): void {
  for (const line of LINES) expect(engine.run(...line.split(' ')).raw).not.toMatch(/^-/);
}

function rdbFindings(path: string): Findings {
  const keys = new KeySummary(OPTIONS.largestCount);
  const file = checkRdbFile(path, 'file', systemFiles, values, keys, OPTIONS);
  return { path, kind: 'RDB file', files: [file], problems: [], keys, records: null, commands: null };
}

function logFindings(folder: string, options: Partial<CheckOptions> = {}): Findings {
  const all = { ...OPTIONS, ...options };
  const checker = new AofChecker(systemFiles, values, new KeySummary(3), all);
  return checker.checkDirectory(folder, 'appendonly.aof');
}

const problemsOf = ({ problems, files }: Findings) => [
  ...problems,
  ...files.flatMap((file) => file.problems),
];

function encode(...commands: string[]): Buffer {
  const words = commands.map((command) => command.split(' '));
  return Buffer.from(
    words
      .map((each) => `*${each.length}\r\n${each.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`)
      .join(''),
  );
}

/** A log of increments in a folder of its own. */
function writeLog(...increments: Uint8Array[]): string {
  const folder = temporaryFolder();
  const lines = increments.map((bytes, at) => {
    const name = `appendonly.aof.${at + 1}.incr.aof`;
    writeFileSync(join(folder, name), bytes);
    return `file ${name} seq ${at + 1} type i\n`;
  });
  writeFileSync(join(folder, 'appendonly.aof.manifest'), lines.join(''));
  return folder;
}

describe('an RDB file', () => {
  test('is whole, and its keys are counted', () => {
    const folder = temporaryFolder();
    const engine = createEngine({ directives: { dir: folder } });
    fill(engine);
    engine.run('SET', 'large', Buffer.alloc(5000, 'abcdefg'));
    engine.run('SAVE');
    const findings = rdbFindings(join(folder, 'dump.rdb'));
    expect(hasProblems([findings])).toBe(false);
    expect(findings.keys?.count).toBe(10);
    const { types } = findings.keys as KeySummary;
    expect(
      Object.fromEntries(
        Object.entries(types).map(([type, { count, elements }]) => [type, [count, elements]]),
      ),
    ).toEqual({
      string: [4, 5 + 2 + 5 + 5000],
      list: [1, 3],
      set: [2, 7],
      hash: [1, 2],
      zset: [1, 3],
      stream: [1, 1],
    });
    expect(findings.keys?.largest[0]).toMatchObject({
      type: 'stream',
      name: '"x"',
      elements: 1,
      database: 0,
    });
    expect(findings.files[0].facts).toMatchObject({
      version: 10,
      'keys that expire': 1,
      'expired keys': 0,
      databases: 2,
    });
    expect(textOf([findings])).toMatch(/\n {2}whole$/);
  });

  test('each byte changed, and each length, is found', () => {
    const folder = temporaryFolder();
    const engine = createEngine({ directives: { dir: folder } });
    fill(engine);
    engine.run('SAVE');
    const path = join(folder, 'dump.rdb');
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at += 5) {
      const changed = Buffer.from(bytes);
      changed[at] ^= 1 << (at % 8);
      writeFileSync(path, changed);
      expect({ at, problems: problemsOf(rdbFindings(path)).length }).toEqual({ at, problems: 1 });
      writeFileSync(path, bytes.subarray(0, at));
      expect({ at, problems: problemsOf(rdbFindings(path)).length }).toEqual({ at, problems: 1 });
    }
    writeFileSync(path, Buffer.concat([bytes, Buffer.from('more')]));
    expect(problemsOf(rdbFindings(path))).toEqual([`4 bytes follow its end, at offset ${bytes.length}`]);
  });

  test('what a server would refuse is found, and the key is told', () => {
    const path = join(temporaryFolder(), 'dump.rdb');
    const parts: Buffer[] = [];
    const writer = new RdbFileWriter((bytes, offset, length) =>
      parts.push(Buffer.from(bytes.subarray(offset, offset + length))),
    );
    const member = Buffer.from('twice');
    const output = writer.beginKey(RdbType.SET, Buffer.from('key'), 0, 3);
    output.begin(RdbType.SET, 2);
    output.setMember(member, 0, member.length);
    output.setMember(member, 0, member.length);
    output.end();
    writer.end();
    writeFileSync(path, Buffer.concat(parts));
    expect(problemsOf(rdbFindings(path))[0]).toMatch(
      /^Duplicate set members detected, at about offset \d+, key "key" of database 0$/,
    );
  });
});

describe('a log', () => {
  test('is whole, and its commands are counted', () => {
    const folder = temporaryFolder();
    const engine = createEngine({ directives: { dir: folder, appendonly: 'yes', appendfsync: 'always' } });
    engine.loadAtOnce();
    fill(engine);
    engine.flushLog();
    const findings = logFindings(join(folder, 'appendonlydir'));
    expect(problemsOf(findings)).toEqual([]);
    expect(findings.files.map(({ kind }) => kind)).toEqual(['manifest', 'RDB', 'AOF']);
    expect(findings.commands).toMatchObject({ set: 3, select: 2, sadd: 2, xadd: 1 });
  });

  test('an end that is not whole is told, and cut off where asked for', () => {
    const whole = encode('SELECT 0', 'SET a 1');
    const ends: [Buffer, string][] = [
      [encode('SET b 1').subarray(0, 15), '15 bytes from offset 50 on are a command that is cut off'],
      [encode('MULTI', 'SET b 1'), '42 bytes from offset 50 on are a transaction without its EXEC'],
      [Buffer.alloc(70_000), '70000 bytes from offset 50 on are zeros'],
    ];
    for (const [end, problem] of ends) {
      const folder = writeLog(encode('SET first 1'), Buffer.concat([whole, end]));
      const path = join(folder, 'appendonly.aof.2.incr.aof');
      expect(problemsOf(logFindings(folder))).toEqual([`${problem}; --fix cuts them off`]);
      const fixed = logFindings(folder, { fixes: true });
      expect(fixed.files.at(-1)?.fixes).toEqual([`Cut off: ${problem}`]);
      expect(hasProblems([fixed])).toBe(false);
      expect(readFileSync(path).equals(whole)).toBe(true);
      expect(hasProblems([logFindings(folder)])).toBe(false);
    }
  });

  test('what would be lost stays', () => {
    const rubbish = Buffer.concat([encode('SET a 1'), Buffer.from('rubbish\r\n'), encode('SET b 1')]);
    const folder = writeLog(rubbish);
    expect(problemsOf(logFindings(folder, { fixes: true }))[0]).toMatch(
      /^36 bytes from offset 27 on are bytes that are no command; to give them up/,
    );
    const torn = writeLog(encode('SET a 1').subarray(0, 12), encode('SET b 1'));
    expect(problemsOf(logFindings(torn, { fixes: true }))).toEqual([
      '12 bytes from offset 0 on are a command that is cut off, and it is not the last file',
    ]);
    expect(statSync(join(torn, 'appendonly.aof.1.incr.aof')).size).toBe(12);
  });

  test('commands that can not be run', () => {
    expect(problemsOf(logFindings(writeLog(encode('SET a 1', 'NOSUCH b'))))).toEqual([
      'Unknown command "NOSUCH", at offset 27',
    ]);
    expect(problemsOf(logFindings(writeLog(encode('SET a'))))).toEqual([
      'Wrong number of arguments of command "SET", at offset 0',
    ]);
    expect(problemsOf(logFindings(writeLog(encode('EXEC'))))).toEqual(['EXEC without MULTI, at offset 0']);
  });

  test('is cut off at a later time', () => {
    const time = (second: number) => Buffer.from(`#TS:${second}\r\n`);
    const first = Buffer.concat([time(1000), encode('SET a 1'), time(1001), encode('SET b 1')]);
    const folder = writeLog(
      encode('SET z 1'),
      Buffer.concat([first, time(1005), encode('SET c 1'), time(1006)]),
    );
    const path = join(folder, 'appendonly.aof.2.incr.aof');
    expect(hasProblems([logFindings(folder, { lastSecond: 1006 })])).toBe(false);
    expect(problemsOf(logFindings(folder, { lastSecond: 10 }))[0]).toMatch(
      /^There is nothing before that time/,
    );
    const cut = logFindings(folder, { lastSecond: 1003 });
    expect(cut.files.at(-1)?.fixes).toHaveLength(1);
    expect(hasProblems([cut])).toBe(false);
    expect(readFileSync(path).equals(first)).toBe(true);
  });

  test('a manifest that is wrong, and files that are missing', () => {
    const folder = writeLog(encode('SET a 1'));
    rmSync(join(folder, 'appendonly.aof.1.incr.aof'));
    expect(problemsOf(logFindings(folder))).toEqual(['No such file or directory']);
    appendFileSync(join(folder, 'appendonly.aof.manifest'), 'rubbish\n');
    expect(problemsOf(logFindings(folder))).toEqual(['Invalid AOF manifest file format, line 2: "rubbish"']);
    writeFileSync(join(folder, 'appendonly.aof.manifest'), '');
    expect(problemsOf(logFindings(folder))).toEqual(['Found an empty AOF manifest']);
  });

  test('each byte changed never ends otherwise than with an answer', () => {
    const bytes = Buffer.concat([encode(...LINES), encode('MULTI', 'SET a 1', 'EXEC')]);
    const folder = writeLog(bytes);
    const path = join(folder, 'appendonly.aof.1.incr.aof');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] ^= 1 << (at % 8);
      writeFileSync(path, changed);
      expect(Array.isArray(problemsOf(logFindings(folder)))).toBe(true);
    }
  });
});

describe('a tier', () => {
  /** The folder of a tier with strings, an expiry, and a page, in several blocks. */
  async function makeTier(): Promise<string> {
    const tier = temporaryFolder();
    const store = new ColdStore(tier, systemFiles);
    const writer = new ColdRecordWriter();
    const entry = new Entry();
    for (let at = 0; at < 300; at++) {
      const key = Buffer.from(`key:${at}`);
      const payload = Buffer.alloc(at * 10, at % 3 === 0 ? 'x' : `${at * 7919}`);
      entry.bytes = Buffer.concat([key, payload]);
      entry.type = at === 1 ? TYPE_PAGE : TYPE_STRING;
      entry.flags = at % 2 === 0 ? EXPIRES : 0;
      entry.expireAt = at % 2 === 0 ? START_MS : -1;
      entry.keyLength = key.length;
      entry.payloadOffset = key.length;
      entry.payloadLength = payload.length;
      writer.encode(entry, 1, true);
      expect(store.append('moved', writer.bytes, 0, writer.length, writer.length, 1, 0)).toBe(true);
      if (at !== 150 && at !== 299) continue;
      const committed = new Promise<void>((resolve) => {
        store.onProgress = resolve;
      });
      store.flushMoved();
      await committed;
    }
    await store.close();
    return tier;
  }

  const findingsOf = (path: string) => checkTier(path, systemFiles, new KeySummary(3), OPTIONS);

  test('is whole, its records are counted; damage is told', async () => {
    const tier = await makeTier();
    const findings = findingsOf(tier);
    expect(problemsOf(findings)).toEqual([]);
    expect(findings.records?.types).toMatchObject({
      string: { count: 299 },
      'page of a collection': { count: 1 },
    });
    const name = '00000000';
    const path = join(tier, name, 'blocks.mdb');
    const bytes = readFileSync(path);
    let found = 0;
    for (let at = 1; at < bytes.length; at += 997) {
      const changed = Buffer.from(bytes);
      changed[at] ^= 1 << (at % 8);
      writeFileSync(path, changed);
      found += Math.min(1, problemsOf(findingsOf(tier)).length);
    }
    expect(found).toBeGreaterThan(0);
    for (let length = 0; length < bytes.length; length += 4999) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(problemsOf(findingsOf(tier))[0]).toMatch(/cut short/);
    }
    rmSync(path);
    expect(problemsOf(findingsOf(tier))).toEqual(['No such file or directory']);
  });
});

describe('what a path stands for', () => {
  test('is told by what is there', () => {
    const folder = temporaryFolder();
    const kinds = (path: string) => findTargets(path, values, systemFiles).map(({ kind }) => kind);
    expect(() => kinds(folder)).toThrow('has neither a manifest nor');
    expect(() => kinds(join(folder, 'nosuch'))).toThrow('No such file or directory');
    writeFileSync(join(folder, 'text'), 'hello');
    expect(() => kinds(join(folder, 'text'))).toThrow('neither an RDB file nor an append-only file');
    writeFileSync(join(folder, 'dump.rdb'), 'REDIS0010');
    expect(kinds(folder)).toEqual(['RDB file']);
    mkdirSync(join(folder, 'appendonlydir'));
    writeFileSync(join(folder, 'appendonlydir', 'appendonly.aof.manifest'), '');
    expect(kinds(folder)).toEqual(['AOF directory', 'RDB file']);
    expect(kinds(join(folder, 'appendonlydir'))).toEqual(['AOF directory']);
    expect(kinds(join(folder, 'appendonlydir', 'appendonly.aof.manifest'))).toEqual(['AOF directory']);
    mkdirSync(join(folder, 'data', 'flex', '00000000'), { recursive: true });
    expect(kinds(folder)).toEqual(['AOF directory', 'tier', 'RDB file']);
    writeFileSync(join(folder, 'a.aof'), encode('SET a 1'));
    expect(kinds(join(folder, 'a.aof'))).toEqual(['AOF file']);
  });
});

describe('moving data sets', () => {
  const digest = (directives: Record<string, string>) => {
    const engine = createEngine({
      directives: { ...directives, 'enable-debug-command': 'yes', databases: '16' },
    });
    engine.loadAtOnce();
    const { value } = engine.run('DEBUG', 'DIGEST');
    return value;
  };

  test('from a log to an RDB file, and into an empty directory', async () => {
    const folder = temporaryFolder();
    const engine = createEngine({
      directives: { dir: folder, appendonly: 'yes', appendfsync: 'always', 'enable-debug-command': 'yes' },
    });
    engine.loadAtOnce();
    for (const line of LINES.filter((each) => !each.includes(' PX '))) engine.run(...line.split(' '));
    engine.run('FUNCTION', 'LOAD', "#!lua name=l\nredis.register_function('f', function() return 1 end)");
    const expected = engine.run('DEBUG', 'DIGEST').value;
    engine.flushLog();
    const copy = temporaryFolder();
    const log = join(copy, 'appendonlydir');
    mkdirSync(log);
    for (const name of readdirSync(join(folder, 'appendonlydir')))
      if (name !== 'thermocline.lock') copyFileSync(join(folder, 'appendonlydir', name), join(log, name));
    const torn = join(log, 'appendonly.aof.1.incr.aof');
    appendFileSync(torn, '*3\r\n$3\r\nSE');
    const before = readFileSync(torn);
    const path = join(temporaryFolder(), 'out.rdb');
    const sources = findTargets(log, values, systemFiles);
    const result = await exportRdb(log, sources, path, systemFiles, TRANSFER);
    expect(result.keys).toBe(8);
    expect(readFileSync(torn).equals(before)).toBe(true);
    expect(problemsOf(rdbFindings(path))).toEqual([]);
    await expect(exportRdb(log, sources, path, systemFiles, TRANSFER)).rejects.toThrow('exists already');

    const empty = temporaryFolder();
    await importRdb(path, empty, systemFiles, TRANSFER);
    expect(readdirSync(empty)).toEqual(['dump.rdb']);
    expect(digest({ dir: empty })).toEqual(expected);

    truncateSync(torn, before.length - 10);
    await importRdb(path, copy, systemFiles, TRANSFER);
    expect(digest({ dir: copy, appendonly: 'yes' })).toEqual(expected);
    expect(problemsOf(logFindings(log))).toEqual([]);
    expect(readdirSync(copy)).toEqual(['appendonlydir']);
  });

  test('keys that are there are replaced, others stay', async () => {
    const folders = [temporaryFolder(), temporaryFolder()];
    for (const [at, dir] of folders.entries()) {
      const engine = createEngine({ directives: { dir } });
      engine.run('SET', 'both', `${at}`);
      engine.run('SET', `only:${at}`, '1');
      engine.run('SAVE');
    }
    await importRdb(join(folders[1], 'dump.rdb'), folders[0], systemFiles, TRANSFER);
    const engine = createEngine({ directives: { dir: folders[0] } });
    engine.loadAtOnce();
    expect(engine.run('MGET', 'both', 'only:0', 'only:1').value).toEqual(['1', '1', '1']);
  });

  test('a file that is damaged is an error, and nothing is written', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'broken.rdb');
    writeFileSync(path, Buffer.from('REDIS0010\xff\x01\x02\x03\x04\x05\x06\x07\x08', 'latin1'));
    const target = temporaryFolder();
    await expect(importRdb(path, target, systemFiles, TRANSFER)).rejects.toThrow('Wrong RDB checksum');
    expect(readdirSync(target)).toEqual([]);
  });
});
