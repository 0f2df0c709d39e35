import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LockedError, systemFiles } from '../base/files.ts';
import {
  BLOCK_BYTES,
  damageOfEnvironment,
  Environment,
  emptyEnvironment,
  lockTier,
} from './cold-store-environment.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thermocline-environment-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const OPTIONS = {
  encoding: 'binary',
  keyEncoding: 'uint32',
  maxDbs: 1,
  overlappingSync: true,
  eventTurnBatching: false,
  mapSize: 1 << 23,
} as const;

describe('the files of an empty environment', () => {
  test('are those that LMDB makes', async () => {
    const path = join(folder, 'theirs.mdb');
    await open({ path, ...OPTIONS }).close();
    const theirs = readFileSync(path);
    const ours = Buffer.from(emptyEnvironment());
    for (const meta of [0, 2048, 4096]) {
      // The size of the map and the boot of the machine are no part of the format.
      theirs.fill(0, meta + 40, meta + 48).fill(0, meta + 160, meta + 168);
      ours.fill(0, meta + 40, meta + 48).fill(0, meta + 160, meta + 168);
    }
    expect(ours.equals(theirs)).toBe(true);
    new Environment(0, join(folder, 'ours'), 1024, systemFiles).remove();
    expect(statSync(`${path}-lock`).size).toBe(8272);
  });

  test('a failure leaves none', () => {
    const files = {
      ...systemFiles,
      write: () => {
        throw new Error('no room');
      },
    };
    expect(() => new Environment(0, join(folder, 'a'), 1024, files)).toThrow('no room');
    expect(systemFiles.exists(join(folder, 'a'))).toBe(false);
  });
});

describe('an environment', () => {
  const block = (byte: number) => Buffer.alloc(BLOCK_BYTES, byte);

  test('is read while it is written, and after it was sealed', async () => {
    const environment = new Environment(0, join(folder, 'a'), 1024, systemFiles);
    environment.usedBytes = 2 * BLOCK_BYTES;
    await environment.write(0, [block(1), block(2)], 2);
    expect(environment.get(1)?.subarray(0, BLOCK_BYTES).equals(block(2))).toBe(true);
    expect(environment.get(2)).toBeUndefined();
    await new Promise<void>((done) => environment.prefetch([0, 1], done));
    environment.sealed = true;
    environment.settle();
    await new Promise(setImmediate);
    expect(environment.get(0)?.subarray(0, BLOCK_BYTES).equals(block(1))).toBe(true);
    expect(environment.fileBytes).toBe(statSync(join(folder, 'a', 'blocks.mdb')).size);
    await environment.close();
  });

  test('is neither closed nor removed while a prefetch is under way', async () => {
    const environment = new Environment(0, join(folder, 'a'), 1024, systemFiles);
    environment.usedBytes = BLOCK_BYTES;
    await environment.write(0, [block(1)], 1);
    let isFetched = false;
    environment.prefetch([0], () => {
      isFetched = true;
    });
    environment.sealed = true;
    environment.settle();
    environment.remove();
    expect(isFetched).toBe(false);
    while (systemFiles.exists(environment.path)) await new Promise(setImmediate);
    expect(isFetched).toBe(true);
  });

  test('that was cut short is an error, not the end of the process', async () => {
    const environment = new Environment(0, join(folder, 'a'), 1024, systemFiles);
    environment.usedBytes = 2 * BLOCK_BYTES;
    await environment.write(0, [block(1), block(2)], 2);
    await environment.close();
    const path = join(folder, 'a', 'blocks.mdb');
    writeFileSync(path, readFileSync(path).subarray(0, 4096));
    expect(() => environment.get(0)).toThrow('its file is cut short');
    await new Promise<void>((done) => environment.prefetch([0], done));
    rmSync(path);
    expect(() => environment.get(0)).toThrow('its file is missing');
  });
});

describe('damage of an environment', () => {
  test('is told before LMDB opens it', () => {
    const whole = emptyEnvironment();
    expect(damageOfEnvironment(whole, 8192)).toBeUndefined();
    expect(damageOfEnvironment(whole.subarray(0, 4096), 4096)).toBe('is cut short');
    expect(damageOfEnvironment(new Uint8Array(8192).fill(0x5a), 8192)).toMatch('not an LMDB environment');
    const longer = whole.slice();
    longer[2048 + 144] = 9;
    expect(damageOfEnvironment(longer, 9 * 4096)).toBe('is cut short');
    expect(damageOfEnvironment(longer, 10 * 4096)).toBeUndefined();
    const pages = whole.slice();
    pages[4096 + 49] = 0x40;
    expect(damageOfEnvironment(pages, 8192)).toBe('has pages of another size');
  });
});

describe('the lock of a tier', () => {
  test('is held once in a process', async () => {
    const unlock = lockTier(folder, systemFiles);
    expect(() => lockTier(folder, systemFiles)).toThrow(LockedError);
    await unlock();
    await lockTier(folder, systemFiles)();
  });

  test('is held by one process, and free when that was killed', async () => {
    await lockTier(folder, systemFiles)();
    const code = `import { open } from 'lmdb';
      const held = open({ path: process.argv[1], ...${JSON.stringify(OPTIONS)} });
      console.log(held.getStats().numReaders);
      process.stdin.resume();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code, join(folder, 'lock.mdb')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout, 'data');
    expect(String(line).trim()).toBe('1');
    expect(() => lockTier(folder, systemFiles)).toThrow('Another process uses it');
    expect(() => lockTier(folder, systemFiles)).toThrow(LockedError);
    child.kill('SIGKILL');
    await once(child, 'close');
    await lockTier(folder, systemFiles)();
  });

  test('a damaged one is an error with its name', async () => {
    await lockTier(folder, systemFiles)();
    writeFileSync(join(folder, 'lock.mdb'), 'x');
    expect(() => lockTier(folder, systemFiles)).toThrow(/lock\.mdb is cut short/);
  });
});
