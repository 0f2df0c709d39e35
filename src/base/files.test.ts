import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  errorReason,
  exists,
  freeBytes,
  LockedError,
  list,
  lockFile,
  makeDirectory,
  readText,
  remove,
  removeTree,
  statistics,
  writeAtomic,
} from './files.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thermocline-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('writeAtomic', () => {
  test('replaces the file and leaves nothing beside it', () => {
    const path = join(folder, 'a.conf');
    writeAtomic(path, 'one');
    writeAtomic(path, 'two', 0o600);
    expect(readText(path)).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(list(folder)).toEqual(['a.conf']);
  });

  test('keeps the old file when it fails', () => {
    const path = join(folder, 'directory');
    makeDirectory(join(path, 'full'));
    expect(() => writeAtomic(path, 'text')).toThrow();
    expect(list(folder)).toEqual(['directory']);
  });
});

test('directories, statistics and removal', () => {
  const path = join(folder, 'a', 'b');
  makeDirectory(path);
  makeDirectory(path);
  expect(statistics(path)).toMatchObject({ isDirectory: true });
  writeFileSync(join(path, 'z'), 'hello');
  writeFileSync(join(path, 'c'), '');
  expect(list(path)).toEqual(['c', 'z']);
  expect(statistics(join(path, 'z'))).toMatchObject({ sizeBytes: 5, isDirectory: false });
  expect(statistics(join(path, 'none'))).toBeUndefined();
  remove(join(path, 'z'));
  remove(join(path, 'z'));
  expect(exists(join(path, 'z'))).toBe(false);
  removeTree(join(folder, 'a'));
  removeTree(join(folder, 'a'));
  expect(exists(join(folder, 'a'))).toBe(false);
  expect(freeBytes(folder)).toBeGreaterThan(0);
});

test('reasons are the words of the system', () => {
  const reasonOf = (action: () => unknown): string => {
    try {
      action();
      return '';
    } catch (error) {
      return errorReason(error);
    }
  };
  expect(reasonOf(() => readText(join(folder, 'none')))).toBe('No such file or directory');
  expect(reasonOf(() => list(join('/proc', 'self', 'stat')))).toBe('Not a directory');
  symlinkSync(join(folder, 'loop'), join(folder, 'loop'));
  expect(reasonOf(() => readText(join(folder, 'loop')))).toBe('Too many symbolic links encountered');
});

describe('lockFile', () => {
  test('is held by one, and given back', () => {
    const path = join(folder, 'lock');
    const release = lockFile(path);
    expect(() => lockFile(path)).toThrow(LockedError);
    expect(() => lockFile(path)).toThrow(`process ${process.pid}`);
    release();
    expect(list(folder)).toEqual([]);
    lockFile(path)();
  });

  const holder = (): Record<string, unknown> => {
    const path = join(folder, 'probe');
    const release = lockFile(path);
    const found = JSON.parse(readText(path));
    release();
    return found;
  };

  test.each([
    ['another boot', () => ({ bootId: 'other' })],
    ['a process that ended', () => ({ processId: spawnSync('true').pid })],
    ['a process whose id was given again', () => ({ startTicks: '1' })],
    ['the same container before it was restarted', () => ({ processNamespace: 'pid:[1]' })],
  ])('of %s is taken over', (_, change) => {
    const path = join(folder, 'lock');
    writeFileSync(path, JSON.stringify({ ...holder(), ...change() }));
    const release = lockFile(path);
    expect(JSON.parse(readText(path))).toEqual(holder());
    expect(list(folder)).toEqual(['lock']);
    release();
  });

  test('that a power cut left empty is taken over', () => {
    const path = join(folder, 'lock');
    writeFileSync(path, '');
    lockFile(path)();
    expect(exists(path)).toBe(false);
  });

  test('of another container is respected', () => {
    const path = join(folder, 'lock');
    writeFileSync(path, JSON.stringify({ ...holder(), processNamespace: 'pid:[1]', host: 'elsewhere' }));
    expect(() => lockFile(path)).toThrow('on elsewhere');
    expect(list(folder)).toEqual(['lock']);
  });
});
