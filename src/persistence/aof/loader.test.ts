import { expect, test } from 'vitest';
import { type Files, type OpenFile, systemFiles } from '../../base/files.ts';
import type { Arguments } from '../../resp/arguments.ts';
import { AofLoadError, AofLoader, type AofLoadHost } from './loader.ts';
import { Manifest } from './manifest.ts';

/** Files in memory, by their names in the log's directory. */
function memoryFiles(contents: Map<string, Buffer>): Files {
  const bytesOf = (path: string): Buffer => contents.get(path.slice('/log/'.length)) as Buffer;
  return {
    ...systemFiles,
    open: (path) => {
      const file: Partial<OpenFile> = {
        size: () => bytesOf(path).length,
        read: (target, offset, length, position) =>
          bytesOf(path).copy(target, offset, position, position + length),
        close: () => {},
      };
      return file as OpenFile;
    },
    truncate: (path, sizeBytes) => {
      contents.set(path.slice('/log/'.length), bytesOf(path).subarray(0, sizeBytes));
    },
  };
}

/** A store that keeps the commands that took effect. */
class Recorder implements AofLoadHost {
  done: string[] = [];
  readonly logged: string[] = [];
  readonly monotonicUs = 0;
  #queue: string[] | null = null;

  replay(words: Arguments): string | null {
    const line = Array.from({ length: words.count }, (_, at) => words.text(at)).join(' ');
    if (line === 'MULTI') this.#queue = [];
    else if (line === 'EXEC') {
      this.done.push(...(this.#queue ?? []));
      this.#queue = null;
    } else (this.#queue ?? this.done).push(line);
    return null;
  }

  get isInTransaction(): boolean {
    return this.#queue !== null;
  }

  leaveTransaction(): void {
    this.#queue = null;
  }

  loadRdb(): never {
    throw new Error('there is none');
  }

  log(text: string): void {
    this.logged.push(text);
  }

  progressed(): void {}
}

function encode(commands: readonly string[]): Buffer {
  return Buffer.from(
    commands
      .map((command) => command.split(' '))
      .map((words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`)
      .join(''),
  );
}

const LINES = ['SELECT 0', 'SET a 1', 'MULTI', 'SET b 1', 'SET c 1', 'EXEC', 'MULTI', 'EXEC', 'SET d 1'];
/** After so many of the lines a file may end. */
const STOPS = [0, 1, 2, 6, 8, 9];
const FILE = 'a.1.incr.aof';

function load(bytes: Buffer, loadsTruncated = true, corruptTailBytesMax = 0) {
  const contents = new Map([[FILE, bytes]]);
  const host = new Recorder();
  const options = { directory: '/log', fileName: 'a', loadsTruncated, corruptTailBytesMax };
  const loader = new AofLoader(memoryFiles(contents), host, options);
  for (const _ of loader.load(new Manifest({ increments: [{ name: FILE, sequence: 1 }] })));
  return { done: host.done, logged: host.logged, left: contents.get(FILE) as Buffer };
}

test('a file cut off at every byte is loaded as far as it is whole, and cut off there', () => {
  const bytes = encode(LINES);
  for (let length = 0; length <= bytes.length; length++) {
    const stop = STOPS.filter((count) => encode(LINES.slice(0, count)).length <= length).at(-1) as number;
    const kept = encode(LINES.slice(0, stop)).length;
    const { done, logged, left } = load(bytes.subarray(0, length));
    const expected = LINES.slice(0, stop).filter((line) => !['MULTI', 'EXEC'].includes(line));
    expect({ length, done, kept: left.length }).toEqual({ length, done: expected, kept });
    expect(logged.some((line) => line.includes(`Truncating the AOF ${FILE} at offset ${kept}`))).toBe(
      kept < length,
    );
    if (kept === length) load(bytes.subarray(0, length), false);
    else expect(() => load(bytes.subarray(0, length), false)).toThrow(AofLoadError);
  }
});

test('what it says', () => {
  const bytes = encode(LINES.slice(0, 4));
  expect(load(bytes).logged).toEqual([
    `Revert incomplete MULTI/EXEC transaction from AOF file ${FILE}`,
    `!!! Warning: short read while loading the AOF file ${FILE}!!!`,
    `AOF ${FILE} loaded anyway because aof-load-truncated is enabled`,
    `Truncating the AOF ${FILE} at offset ${encode(LINES.slice(0, 2)).length}`,
    `DB loaded from incr file ${FILE}: 0.000 seconds`,
  ]);
});

test('an end that is no command is cut off if it is short enough', () => {
  const whole = encode(LINES);
  const bytes = Buffer.concat([whole, encode(['MULTI', 'SET e 1']), Buffer.from('*1\r\n?rubbish')]);
  const tailBytes = bytes.length - whole.length;
  const { done, logged, left } = load(bytes, false, tailBytes);
  expect(done.at(-1)).toBe('SET d 1');
  expect(left.length).toBe(whole.length);
  expect(logged).toContain(`!!! Warning: corrupt AOF file tail of ${tailBytes} bytes in ${FILE}!!!`);
  expect(() => load(bytes, true, tailBytes - 1)).toThrow('Bad file format');
  expect(() => load(bytes)).toThrow('Bad file format');
});

test('the end of another file than the last is left as it is', () => {
  const first = encode(LINES).subarray(0, -3);
  const contents = new Map([
    ['a.1.incr.aof', first],
    ['a.2.incr.aof', encode(LINES)],
  ]);
  const options = { directory: '/log', fileName: 'a', loadsTruncated: true, corruptTailBytesMax: 1e6 };
  const loader = new AofLoader(memoryFiles(contents), new Recorder(), options);
  const increments = [1, 2].map((sequence) => ({ name: `a.${sequence}.incr.aof`, sequence }));
  const loads = () => {
    for (const _ of loader.load(new Manifest({ increments })));
  };
  expect(loads).toThrow('the truncated file is not the last file');
  expect(contents.get('a.1.incr.aof')).toBe(first);
});

test('each byte changed: it is loaded, cut off or refused', () => {
  const bytes = encode(LINES);
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0, 13, 36, 42, 57, bytes[at] ^ 0x80]) {
      const changed = Buffer.from(bytes);
      changed[at] = value;
      try {
        const { left } = load(changed);
        expect(changed.subarray(0, left.length)).toEqual(left);
      } catch (error) {
        expect(error).toBeInstanceOf(AofLoadError);
      }
    }
  }
});
