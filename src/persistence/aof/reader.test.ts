import { describe, expect, test } from 'vitest';
import type { OpenFile } from '../../base/files.ts';
import { type AofPart, AofReader } from './reader.ts';

/** A file in memory that hands out at most `readBytesMax` at a time. */
function fileOf(bytes: Uint8Array, readBytesMax = bytes.length): OpenFile {
  const refuse = () => {
    throw new Error('read only');
  };
  return {
    size: () => bytes.length,
    read: (target, offset, length, position) => {
      const count = Math.max(0, Math.min(length, readBytesMax, bytes.length - position));
      target.set(bytes.subarray(position, position + count), offset);
      return count;
    },
    write: refuse,
    truncate: refuse,
    sync: refuse,
    syncAside: refuse,
    close: () => {},
  };
}

interface Read {
  readonly commands: string[];
  readonly end: AofPart;
  readonly validBytes: number;
}

function readAll(bytes: Uint8Array, offset = 0, readBytesMax = bytes.length): Read {
  const reader = new AofReader(fileOf(bytes, readBytesMax), bytes.length, offset);
  const commands: string[] = [];
  for (;;) {
    const part = reader.next();
    if (part !== 'command') return { commands, end: part, validBytes: reader.validBytes };
    const { words } = reader;
    commands.push(Array.from({ length: words.count }, (_, at) => words.text(at)).join(' '));
  }
}

function encode(...commands: string[][]): Buffer {
  return Buffer.from(
    commands
      .map((words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`)
      .join(''),
    'latin1',
  );
}

const COMMANDS = [
  ['SELECT', '0'],
  ['SET', 'key', 'a\r\n$3\r\n*1'],
  ['SET', '', ''],
  ['MULTI'],
  ['INCR', 'n'],
  ['EXEC'],
];

test('commands and annotations', () => {
  const bytes = Buffer.concat([
    Buffer.from('#TS:1\r\n'),
    encode(...COMMANDS),
    Buffer.from('#TS:2\r\n#x\r\n'),
  ]);
  const read = readAll(bytes);
  expect(read.commands).toEqual(COMMANDS.map((words) => words.join(' ')));
  expect(read.end).toBe('end');
  expect(read.validBytes).toBe(bytes.length);
});

test('from an offset on, in reads of any size', () => {
  const bytes = Buffer.concat([Buffer.from('REDIS0011'), encode(...COMMANDS)]);
  for (let size = 1; size < 20; size++) {
    expect(readAll(bytes, 9, size)).toEqual({
      commands: COMMANDS.map((words) => words.join(' ')),
      end: 'end',
      validBytes: bytes.length,
    });
  }
});

test('commands longer than the buffer', () => {
  const long = 'x'.repeat(1_000_000);
  const bytes = encode(['SET', 'a', long], ['SET', 'b', 'y'], ['SET', long, long], ['GET', 'c']);
  for (const readBytesMax of [bytes.length, 65_537]) {
    const { commands, end } = readAll(bytes, 0, readBytesMax);
    expect(commands).toEqual([`SET a ${long}`, 'SET b y', `SET ${long} ${long}`, 'GET c']);
    expect(end).toBe('end');
  }
});

test('cut off at every byte: whole commands and where they end', () => {
  const bytes = encode(...COMMANDS);
  const ends = [0];
  for (const words of COMMANDS) ends.push((ends.at(-1) as number) + encode(words).length);
  for (let length = 0; length <= bytes.length; length++) {
    const { commands, end, validBytes } = readAll(bytes.subarray(0, length));
    const whole = ends.filter((position) => position <= length).length - 1;
    expect({ length, count: commands.length, end, validBytes }).toEqual({
      length,
      count: whole,
      end: ends.includes(length) ? 'end' : 'torn',
      validBytes: ends[whole],
    });
  }
});

describe('what is no log', () => {
  test.each<[string, AofPart]>([
    ['SET a b\r\n', 'broken'],
    ['*0\r\n', 'broken'],
    ['*-1\r\n', 'broken'],
    ['*x\r\n', 'broken'],
    ['*x', 'broken'],
    ['*1\n$1\na\n', 'broken'],
    ['*1\r\n+1\r\na\r\n', 'broken'],
    ['*1\r\n$x\r\n', 'broken'],
    ['*1\r\n$-1\r\n', 'broken'],
    ['*1\r\n$1\r\nab\r\n', 'broken'],
    ['*2\r\n$1\r\naXX$1\r\nb\r\n', 'broken'],
    ['*1\r\n$99999999999\r\na', 'broken'],
    ['*99999999999\r\n', 'broken'],
    // Lengths beyond the end of the file take no memory.
    ['*1\r\n$2000000000\r\na', 'torn'],
    ['*2000000000\r\n$1\r\na\r\n', 'torn'],
    ['#TS:12', 'torn'],
    [`#${'x'.repeat(100_000)}`, 'broken'],
    ['*', 'torn'],
    ['\0\0\0\0', 'broken'],
  ])('%j is %s', (text, part) => {
    const before = encode(['PING']);
    const { commands, end, validBytes } = readAll(Buffer.concat([before, Buffer.from(text, 'latin1')]));
    expect({ commands, end, validBytes }).toEqual({
      commands: ['PING'],
      end: part,
      validBytes: before.length,
    });
  });

  test('each byte changed: it ends, and never with a command that was not there whole', () => {
    const bytes = encode(...COMMANDS);
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0, 10, 13, 36, 42, 48, 57, 255]) {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        const { commands, validBytes } = readAll(changed);
        expect(commands.length).toBeLessThanOrEqual(COMMANDS.length + 2);
        expect(validBytes).toBeLessThanOrEqual(bytes.length);
      }
    }
  });
});
