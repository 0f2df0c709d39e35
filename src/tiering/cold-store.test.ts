import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Files, LockedError, systemFiles } from '../base/files.ts';
import { SeededRandom } from '../base/random.ts';
import { ColdStore, type HeadName } from './cold-store.ts';

let folder = '';
const stores: ColdStore[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thermocline-store-'));
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function openStore(files: Files = systemFiles): ColdStore {
  const store = new ColdStore(folder, files);
  stores.push(store);
  return store;
}

interface Kept {
  readonly upper: number;
  readonly lower: number;
  readonly byte: number;
  readonly length: number;
}

/** Appends a record of one byte's value, with its length in its first words. */
function append(store: ColdStore, name: HeadName, byte: number, length: number): Kept {
  const bytes = new Uint8Array(length + 5).fill(byte);
  expect(store.append(name, bytes, 5, length, length, 1, store.freshBytes)).toBe(true);
  return { upper: store.placeUpper, lower: store.placeLower, byte, length };
}

function expectKept(store: ColdStore, { upper, lower, byte, length }: Kept): void {
  const bytes = store.read(upper, lower, length);
  expect(store.available).toBeGreaterThanOrEqual(length);
  const found = bytes.subarray(store.offset, store.offset + length);
  expect(found.every((value) => value === byte)).toBe(true);
}

async function settle(store: ColdStore): Promise<void> {
  while (store.isBusy) await new Promise(setImmediate);
}

function environments(): string[] {
  return readdirSync(folder).filter((name) => /^\d+$/.test(name));
}

describe('what is appended', () => {
  test('is read at once, while it is committed, and from sealed environments', async () => {
    const store = openStore();
    const random = new SeededRandom(1);
    const kept: Kept[] = [];
    for (let at = 0; at < 3000; at++) {
      await settle(store);
      const length = 8 + 8 * (at % 100 === 0 ? random.below(20_000) : random.below(1000));
      const record = append(store, at % 3 === 0 ? 'moved' : 'fresh', 1 + (at % 255), length);
      kept.push(record);
      expectKept(store, record);
      expectKept(store, kept[random.below(kept.length)]);
    }
    expect(store.report().environmentCount).toBeGreaterThan(4);
    expect(store.freshBytes + store.movedBytes).toBe(kept.reduce((sum, { length }) => sum + length, 0));
    for (const record of kept) expectKept(store, record);
    await new Promise<void>((done) => store.prefetch(kept, done));
    for (const record of kept) expectKept(store, record);
  });

  test('is found where a flush left a block partly filled', async () => {
    const store = openStore();
    const kept: Kept[] = [];
    for (let at = 1; at < 50; at++) {
      kept.push(append(store, 'moved', at, 800));
      if (at % 7 === 0) store.flushMoved();
    }
    for (const record of kept) expectKept(store, record);
    store.flushMoved();
    while (store.environments[0]?.pendingBatches !== 0) await new Promise(setImmediate);
    for (const record of kept) expectKept(store, record);
  });

  test('in steps has an environment of its own, which is removed if it is given up', async () => {
    const store = openStore();
    const piece = new Uint8Array(1 << 20).fill(3);
    expect(store.beginLarge(6 << 20)).toBe(true);
    const other = append(store, 'fresh', 9, 80);
    for (let at = 0; at < 6; at++) store.extendLarge(piece, 0, piece.length);
    store.finishLarge(6 << 20, 1);
    const large = { upper: store.placeUpper, lower: store.placeLower, byte: 3, length: 6 << 20 };
    expectKept(store, large);
    expect(store.beginLarge(6 << 20)).toBe(true);
    store.extendLarge(piece, 0, piece.length);
    expect(environments()).toHaveLength(3);
    store.abandonLarge();
    while (environments().length > 2) await new Promise(setImmediate);
    expectKept(store, large);
    expectKept(store, other);
    expect(store.liveBytes).toBe((6 << 20) + 80);
  });

  test('is forgotten by record and by database', () => {
    const store = openStore();
    const bytes = new Uint8Array(800);
    for (const databaseId of [1, 2, 2]) store.append('fresh', bytes, 0, 800, 1000, databaseId, 0);
    expect(store.liveBytes).toBe(3000);
    store.release(store.placeUpper, store.placeLower, 1000, 2);
    expect(store.liveBytes).toBe(2000);
    store.releaseDatabase(2);
    expect(store.liveBytes).toBe(1000);
    // It went with its database.
    store.release(store.placeUpper, store.placeLower, 1000, 2);
    expect(store.liveBytes).toBe(1000);
  });
});

describe('a sealed environment', () => {
  test('goes when what was moved out of it is on the disk', async () => {
    const store = openStore();
    const old = append(store, 'fresh', 1, 2 << 20);
    store.release(old.upper, old.lower, old.length, 1);
    expect(store.sealHeads(0.5)).toBe(true);
    const [environment] = store.environments;
    if (environment === undefined) throw new Error('no environment');
    const moved = append(store, 'moved', 2, 800);
    store.retire(environment);
    await settle(store);
    while (environment.pendingBatches > 0) await new Promise(setImmediate);
    expect(store.isRetired(environment)).toBe(true);
    expect(store.retiredBytes).toBe(environment.fileBytes);
    store.flushMoved();
    while (environments().length > 1) await new Promise(setImmediate);
    expect(store.hasRetired).toBe(false);
    expectKept(store, moved);
    expect(() => store.read(old.upper, old.lower, 8)).toThrow('its place is unknown');
  });
});

describe('the folder', () => {
  test('of an earlier run is emptied, but for what is not the tier’s', async () => {
    const store = openStore();
    append(store, 'fresh', 1, 800);
    append(store, 'moved', 1, 800);
    await store.close();
    stores.length = 0;
    writeFileSync(join(folder, 'dump.rdb'), 'x');
    expect(openStore().removedEnvironments).toBe(2);
    expect(environments()).toEqual([]);
    expect(readdirSync(folder)).toContain('dump.rdb');
  });

  test('must be there, be a directory, and be free', () => {
    const path = join(folder, 'none');
    expect(() => new ColdStore(path, systemFiles)).toThrow(
      `Can't use the SSD tier at ${path}: There is no such directory`,
    );
    writeFileSync(path, '');
    expect(() => new ColdStore(path, systemFiles)).toThrow('no such directory');
    openStore();
    expect(() => new ColdStore(folder, systemFiles)).toThrow(LockedError);
    expect(() => new ColdStore(folder, systemFiles)).toThrow(
      `Can't use the SSD tier at ${folder}: This process uses it already`,
    );
  });

  test('must be writable and have room', async () => {
    const fails = (code: string, text: string) => () => {
      throw Object.assign(new Error(`${code}: ${text}, open 'x'`), { code });
    };
    const readOnly = { ...systemFiles, lockFile: fails('EROFS', 'read-only file system') };
    expect(() => new ColdStore(folder, readOnly)).toThrow(
      `Can't use the SSD tier at ${folder}: Read-only file system`,
    );
    const full = { ...systemFiles, freeBytes: () => 4096 };
    expect(() => new ColdStore(folder, full)).toThrow('No space left on device');
    await new Promise(setImmediate);
    // Neither holds the folder afterwards.
    mkdirSync(join(folder, '00000000'));
    expect(openStore().removedEnvironments).toBe(1);
  });
});

describe('a full disk', () => {
  test('where an environment is to be made is a fault that ends when there is room', async () => {
    let isFull = false;
    const files: Files = {
      ...systemFiles,
      freeBytes: (path) => (isFull ? 0 : systemFiles.freeBytes(path)),
      write: (path, contents) => {
        if (isFull)
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        systemFiles.write(path, contents);
      },
    };
    const store = openStore(files);
    const faults: string[] = [];
    store.onFault = (reason) => faults.push(reason);
    const bytes = new Uint8Array(800);
    isFull = true;
    expect(store.append('fresh', bytes, 0, 800, 800, 1, 0)).toBe(false);
    expect(store).toMatchObject({ fault: 'No space left on device', isDiskFull: true, isBusy: true });
    expect(environments()).toEqual([]);
    isFull = false;
    while (store.fault !== '') await new Promise((resolve) => setTimeout(resolve, 20));
    expect(faults).toEqual(['No space left on device', '']);
    expectKept(store, append(store, 'fresh', 4, 800));
    // The environment that was made to see whether there is room is the one that is used.
    expect(environments()).toHaveLength(1);
  });

  test('while batches are committed loses nothing, and goes on when there is room', () => {
    const code = `
      import { spawnSync } from 'node:child_process';
      import { ColdStore } from ${JSON.stringify(join(import.meta.dirname, '../../dist/src/tiering/cold-store.js'))};
      import { systemFiles } from ${JSON.stringify(join(import.meta.dirname, '../../dist/src/base/files.js'))};
      process.on('unhandledRejection', (error) => console.log('unhandled', error));
      console.error = () => {};
      const store = new ColdStore(process.argv[1], systemFiles);
      const faults = [];
      store.onFault = (reason) => faults.push(reason);
      const turn = () => new Promise(setImmediate);
      const places = [];
      const bytes = new Uint8Array(40000);
      const append = () => {
        bytes.fill(places.length);
        if (!store.append('fresh', bytes, 0, 40000, 40000, 1, 0)) return;
        places.push([store.placeUpper, store.placeLower]);
      };
      const isWhole = () => places.every(([upper, lower], at) => {
        const found = store.read(upper, lower, 40000);
        for (let byte = 0; byte < 40000; byte++) if (found[store.offset + byte] !== (at & 255)) return false;
        return true;
      });
      while (store.fault === '') {
        if (!store.isBusy) append();
        await turn();
      }
      console.log('refuses', store.isBusy, 'whole', isWhole());
      spawnSync('prlimit', ['--fsize=unlimited:unlimited', '--pid', String(process.pid)]);
      const keepAlive = setInterval(() => {}, 1000);
      while (store.fault !== '') await turn();
      clearInterval(keepAlive);
      for (let more = 0; more < 100; more++) {
        while (store.isBusy) await turn();
        append();
      }
      console.log('faults', faults.length, 'last', JSON.stringify(faults.at(-1)), 'whole', isWhole());
      await store.close();
      console.log('closed', places.length > 100, 'live', store.liveBytes);`;
    // A limit on the length of files, 2 MiB here, fails a commit as a full disk does.
    const ended = spawnSync(
      'bash',
      ['-c', 'ulimit -S -f 2048; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, code, folder],
      { encoding: 'utf8' },
    );
    expect(ended.stdout.split('\n')).toEqual([
      'refuses true whole true',
      'faults 2 last "" whole true',
      'closed true live 0',
      '',
    ]);
    expect(ended.status).toBe(0);
  });
});
