import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allSettings, readCommandLine, readSettings, type Setting } from './parse.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thermocline-parse-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string): string[][] {
  return words(readSettings(Buffer.from(text), 'test.conf'));
}

function words(settings: Iterable<Setting>): string[][] {
  return [...settings].map((setting) => [setting.name, ...setting.words]);
}

describe('a file', () => {
  test('is lines of words; comments and blank lines are left out', () => {
    const text =
      '# comment\r\n\n  \t\n  Port\t 6380  \r\n#port 1\nbind 127.0.0.1 -::1\nsave 60 1 # no comment';
    const settings = [...readSettings(Buffer.from(text), 'test.conf')];
    expect(settings.map(({ name, line, text, source }) => [name, line, text, source])).toEqual([
      ['port', 4, 'Port\t 6380', 'test.conf'],
      ['bind', 6, 'bind 127.0.0.1 -::1', 'test.conf'],
      ['save', 7, 'save 60 1 # no comment', 'test.conf'],
    ]);
    expect(settings[2].words).toEqual(['60', '1', '#', 'no', 'comment']);
  });

  test.each([
    ['requirepass "a b"', ['a b']],
    ['requirepass ""', ['']],
    [`requirepass 'it\\'s "so" \\n'`, [`it's "so" \\n`]],
    ['requirepass "\\x41\\n\\r\\t\\b\\a\\"\\\\\\z"', ['A\n\r\t\b\u0007"\\z']],
    ['requirepass "\\xc3\\xa4"', ['ä']],
    ['requirepass grün', ['grün']],
  ])('%s', (line, expected) => {
    expect(read(line)).toEqual([['requirepass', ...expected]]);
  });

  test.each(['port "1', "port '1", 'port "1"2', 'port "\\xff"'])('%s is refused with its place', (line) => {
    expect(() => read(`\n\n${line}`)).toThrow(
      '*** FATAL CONFIG FILE ERROR (Thermocline) ***\n' +
        `Reading test.conf, at line 3\n>>> '${line}'\nUnbalanced quotes in configuration line`,
    );
  });
});

describe('include', () => {
  test('puts files in its place, those of a pattern in order', () => {
    mkdirSync(join(folder, 'conf.d'));
    mkdirSync(join(folder, 'conf.d', 'c.conf'));
    writeFileSync(join(folder, 'conf.d', 'b.conf'), 'port 3');
    writeFileSync(join(folder, 'conf.d', 'a.conf'), `port 2\ninclude "${folder}/one.conf"\n`);
    writeFileSync(join(folder, 'conf.d', '.hidden.conf'), 'port 9');
    writeFileSync(join(folder, 'conf.d', 'other.txt'), 'port 9');
    writeFileSync(join(folder, 'one.conf'), 'port 22');
    expect(read(`port 1\ninclude ${folder}/c*.d/[ab]*.conf\nport 4`).map((line) => line[1])).toEqual([
      '1',
      '2',
      '22',
      '3',
      '4',
    ]);
  });

  test('of a pattern that nothing matches is nothing', () => {
    expect(read(`include ${folder}/none/*.conf\nport 1`)).toEqual([['port', '1']]);
  });

  test('of a file that is not there is an error', () => {
    expect(() => read('include /none.conf')).toThrow(
      "Reading test.conf, at line 1\n>>> 'include /none.conf'\n" +
        "Fatal error, can't open config file '/none.conf': No such file or directory",
    );
    expect(() => read('include')).toThrow('Bad directive or wrong number of arguments');
  });

  test('of itself ends', () => {
    writeFileSync(join(folder, 'loop.conf'), `include ${folder}/loop.conf`);
    expect(() => read(`include ${folder}/loop.conf`)).toThrow('Files include each other more than 16 deep');
  });
});

describe('a command line', () => {
  const settingsOf = (...args: string[]): string[][] => words(readCommandLine(args).settings);

  test('holds options with their words', () => {
    expect(
      settingsOf(
        '--port',
        '6380',
        '--SAVE',
        '60',
        '1',
        '--bind',
        '127.0.0.1',
        '::1',
        '--flex-hot-threshold',
        '0.8',
      ),
    ).toEqual([
      ['port', '6380'],
      ['save', '60', '1'],
      ['bind', '127.0.0.1', '::1'],
      ['flex-hot-threshold', '0.8'],
    ]);
  });

  test('takes words in one argument, negative numbers, and first words that look like options', () => {
    expect(
      settingsOf('--port 6380', '--slowlog-log-slower-than', '-1', '--logfile', '--odd', '--hz', '5'),
    ).toEqual([
      ['port', '6380'],
      ['slowlog-log-slower-than', '-1'],
      ['logfile', '--odd'],
      ['hz', '5'],
    ]);
    expect(settingsOf('--requirepass', 'a "b')).toEqual([['requirepass', 'a "b']]);
  });

  test('takes --save alone for an empty one', () => {
    expect(settingsOf('--save', '--port', '1')).toEqual([
      ['save', ''],
      ['port', '1'],
    ]);
    expect(settingsOf('--port', '1', '--save')).toEqual([
      ['port', '1'],
      ['save', ''],
    ]);
    expect(settingsOf('--save', '')).toEqual([['save', '']]);
  });

  test('may name a file first, and standard input', () => {
    expect(readCommandLine(['a.conf', '-', '--port', '1'])).toMatchObject({
      file: join(process.cwd(), 'a.conf'),
      readsStandardInput: true,
      settings: [{ name: 'port' }],
    });
    expect(readCommandLine(['-'])).toMatchObject({ file: undefined, readsStandardInput: true });
    expect(readCommandLine(['--port', '1', '-']).readsStandardInput).toBe(true);
    expect(readCommandLine([])).toEqual({ file: undefined, readsStandardInput: false, settings: [] });
  });

  test('comes after the file', () => {
    writeFileSync(join(folder, 'a.conf'), 'port 1\n');
    const path = join(folder, 'a.conf');
    expect(words(allSettings(readCommandLine([path, '--port', '2'])))).toEqual([
      ['port', '1'],
      ['port', '2'],
    ]);
    expect(() => [...allSettings(readCommandLine([join(folder, 'none.conf')]))]).toThrow(
      `Fatal error, can't open config file '${folder}/none.conf': No such file or directory`,
    );
  });
});
