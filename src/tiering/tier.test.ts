import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../base/clock.ts';
import { type Files, systemFiles } from '../base/files.ts';
import { SeededRandom } from '../base/random.ts';
import type { ColdRecordError } from '../keyspace/cold-record-error.ts';
import { type Database, READ, WRITE } from '../keyspace/database.ts';
import { Keyspace, UNTOLD } from '../keyspace/keyspace.ts';
import { WARM } from '../keyspace/record.ts';
import { PARTITION_COUNT } from '../keyspace/slot-table.ts';
import { Ledger } from '../memory/ledger.ts';
import { coldBytes, TIER_DATABASE } from './cold-record.ts';
import { Tier, type TierSettings } from './tier.ts';

const MIB = 1024 * 1024;
let folder = '';
const tiers: Tier[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thermocline-tier-'));
});
afterEach(async () => {
  for (const tier of tiers.splice(0)) await tier.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Setup {
  readonly keyspace: Keyspace;
  readonly database: Database;
  readonly tier: Tier;
  readonly clock: ManualClock;
  readonly ledger: Ledger;
  readonly settings: { -readonly [name in keyof TierSettings]: TierSettings[name] };
  readonly errors: ColdRecordError[];
}

function setUp(memoryBytes: number, files: Files = systemFiles, seed = 1): Setup {
  const keyspace = new Keyspace(3, new SeededRandom(seed), UNTOLD);
  const clock = new ManualClock(1_700_000_000_000);
  keyspace.nowMs = clock.nowMs;
  const ledger = new Ledger();
  ledger.open('records', () => keyspace.arena.usedBytes);
  ledger.open('index', () => keyspace.overheadBytes);
  const settings = {
    memoryBytes,
    hotThreshold: 0.8,
    storageBytes: 0,
    writeBytesPerSecond: 0,
    slowReadMicroseconds: -1,
    slowReadsMax: 128,
  };
  const errors: ColdRecordError[] = [];
  const tier = new Tier(keyspace, ledger, clock, settings, folder, files, (error) => errors.push(error));
  tiers.push(tier);
  return { keyspace, database: keyspace.databases[0], tier, clock, ledger, settings, errors };
}

function set(database: Database, name: string, value: Uint8Array, expireAt = -1): void {
  const key = Buffer.from(name);
  database.find(key, 0, key.length, WRITE);
  const entry = database.store(0, 0, value.length, expireAt);
  entry.bytes.set(value, entry.payloadOffset);
}

function find(database: Database, name: string, how = 0): boolean {
  const key = Buffer.from(name);
  return database.find(key, 0, key.length, how);
}

function get(database: Database, name: string, how = 0): Buffer | undefined {
  if (!find(database, name, how)) return undefined;
  const { bytes, payloadOffset, payloadLength } = database.entry;
  return Buffer.from(bytes.slice(payloadOffset, payloadOffset + payloadLength));
}

function value(number: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (number * 31 + at * 7 + ((at * number) >> 3)) & 255;
  if (length >= 4) bytes.writeUInt32LE(number, 0);
  return bytes;
}

async function demoteAll({ keyspace, tier }: Setup): Promise<void> {
  for (const database of keyspace.databases) {
    const { table } = database;
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      for (let more = table.seekAtLeast(partition, 0); more; more = table.next()) {
        if (!database.load(partition).hot) continue;
        while (tier.store.isBusy) await new Promise(setImmediate);
        tier.demote(database);
      }
    }
  }
}

/** What lives in the store by the index. */
function recount(keyspace: Keyspace): number {
  let bytes = 0;
  for (const database of keyspace.databases) {
    const { table } = database;
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      if (table.partitionCount(partition) === 0) continue;
      for (let more = table.seekAtLeast(partition, 0); more; more = table.next()) {
        const { hot, flags, keyLength, payloadLength } = database.load(partition);
        if (!hot || (flags & WARM) !== 0) bytes += coldBytes(keyLength, payloadLength, flags);
      }
    }
  }
  return bytes;
}

function expectExact({ keyspace, tier }: Setup): void {
  let live = 0;
  for (const environment of tier.store.environments) {
    if (environment === undefined) continue;
    let ofDatabases = 0;
    for (const bytes of environment.liveByDatabase.values()) ofDatabases += bytes;
    expect(ofDatabases).toBe(environment.liveBytes);
    live += environment.liveBytes - (environment.liveByDatabase.get(TIER_DATABASE) ?? 0);
  }
  expect(live).toBe(recount(keyspace));
}

describe('balancing', () => {
  test('keeps memory below the threshold and every key right', async () => {
    const setup = setUp(12 * MIB);
    const { database, tier, keyspace, ledger } = setup;
    for (let number = 0; number < 20_000; number++) {
      set(database, `key:${number}`, value(number, 500 + (number % 1500)));
      while (ledger.chargedBytes > tier.waitBytes) {
        tier.balance(500);
        if (ledger.chargedBytes > tier.waitBytes) await new Promise(setImmediate);
      }
    }
    await new Promise(setImmediate);
    tier.balance(500);
    expect(ledger.chargedBytes).toBeLessThan(12 * MIB);
    expect(database.size).toBe(20_000);
    expect(database.coldCount).toBeGreaterThan(10_000);
    for (let number = 0; number < 20_000; number++) {
      expect(get(database, `key:${number}`)?.equals(value(number, 500 + (number % 1500)))).toBe(true);
    }
    expectExact(setup);
    const report = tier.report();
    expect(report).toMatchObject({ coldKeys: database.coldCount, demotions: database.coldCount });
    expect(report.hotBytes).toBe(keyspace.arena.usedBytes);
    expect(report.writtenBytes).toBe(report.freshBytes + report.movedBytes);
    expect(tier.byteCount).toBeGreaterThan(MIB);
  });

  test('another budget comes with another memory of touches, which begins anew', () => {
    const { tier, settings } = setUp(128 * MIB);
    const before = tier.byteCount;
    const entryBytes = 100;
    expect([tier.admits(1, entryBytes), tier.admits(1, entryBytes)]).toEqual([false, true]);
    tier.fitToBudget();
    expect([tier.admits(1, entryBytes), tier.byteCount]).toEqual([true, before]);
    settings.memoryBytes = 512 * MIB;
    tier.fitToBudget();
    expect(tier.byteCount).toBe(before + 6 * MIB);
    expect([tier.admits(1, entryBytes), tier.admits(1, entryBytes)]).toEqual([false, true]);
    settings.memoryBytes = 1 * MIB;
    tier.fitToBudget();
    expect(tier.byteCount).toBe(before - MIB);
  });

  test('ends where nothing can be demoted', async () => {
    const setup = setUp(2 * MIB);
    const { database, tier, settings } = setup;
    // Memory is full without a single record.
    setup.ledger.open('other', () => 8 * MIB);
    tier.balance(500);
    for (let number = 0; number < 100; number++) set(database, `key:${number}`, value(number, 500));
    settings.storageBytes = 1;
    await demoteAll(setup);
    // The first one fills the storage.
    expect(database.coldCount).toBe(1);
    expect(tier.isStorageFull).toBe(true);
    tier.balance(500);
    expect(setup.ledger.chargedBytes).toBeGreaterThan(tier.waitBytes);
    expect(database.coldCount).toBe(1);
    settings.storageBytes = 0;
    tier.balance(500);
    expect(database.coldCount).toBe(100);
  });

  test('with a fault demotes what has a cold copy, and only that', async () => {
    const setup = setUp(2 * MIB);
    const { database, tier, ledger } = setup;
    for (let number = 0; number < 200; number++) set(database, `key:${number}`, value(number, 500));
    await demoteAll(setup);
    for (let number = 0; number < 100; number++) {
      find(database, `key:${number}`);
      database.promote();
    }
    for (let number = 200; number < 250; number++) set(database, `key:${number}`, value(number, 500));
    ledger.open('other', () => 4 * MIB);
    tier.store.fault = 'a test';
    for (let round = 0; round < 50; round++) tier.balance(500);
    expect(tier.fault).toBe('a test');
    expect(database.coldCount).toBe(200);
    expect(tier.demote(database)).toBe(false);
    tier.store.fault = '';
    for (let round = 0; round < 50; round++) tier.balance(500);
    expect(database.coldCount).toBe(250);
    expectExact(setup);
  });
});

describe('what is written', () => {
  const SECOND_MS = 1000;

  test('is no more than the rate says, but a record with a cold copy needs none of it', async () => {
    const setup = setUp(2 * MIB);
    const { database, tier, clock, settings, ledger } = setup;
    for (let number = 0; number < 400; number++) set(database, `key:${number}`, value(number, 1000));
    await demoteAll(setup);
    for (let number = 0; number < 200; number++) {
      find(database, `key:${number}`);
      database.promote();
    }
    for (let number = 400; number < 800; number++) set(database, `key:${number}`, value(number, 1000));
    ledger.open('other', () => 4 * MIB);
    settings.writeBytesPerSecond = 100_000;
    const balanceFor = (milliseconds: number) => {
      const before = tier.store.freshBytes;
      for (let passed = 0; passed < milliseconds; passed += 10) {
        clock.advance(10);
        tier.balance(500);
      }
      return tier.store.freshBytes - before;
    };
    balanceFor(SECOND_MS);
    const second = balanceFor(SECOND_MS);
    expect(second).toBeGreaterThan(90_000);
    expect(second).toBeLessThan(110_000);
    expect(tier.warmDemotions).toBe(200);
    expect(tier.writePauses).toBeGreaterThan(0);
    settings.writeBytesPerSecond = 0;
    for (let round = 0; round < 50; round++) tier.balance(500);
    expect(database.coldCount).toBe(800);
    expectExact(setup);
  });

  test('is not what expires within seconds, unless writers wait for memory', async () => {
    const setup = setUp(16 * MIB);
    const { database, tier, clock, keyspace, settings, ledger } = setup;
    for (let number = 0; number < 600; number++) {
      const timeToLive = number % 3 === 0 ? 4 * SECOND_MS : 60 * SECOND_MS;
      set(database, `key:${number}`, value(number, 1000), number % 3 === 2 ? -1 : clock.nowMs + timeToLive);
    }
    settings.hotThreshold = 0;
    expect(ledger.chargedBytes).toBeLessThan(tier.waitBytes);
    for (let round = 0; round < 50; round++) tier.balance(500);
    expect(database.coldCount).toBe(400);
    for (let number = 0; number < 600; number++) {
      find(database, `key:${number}`);
      expect(database.entry.hot).toBe(number % 3 === 0);
    }
    ledger.open('other', () => 12 * MIB);
    for (let round = 0; round < 50; round++) tier.balance(500);
    expect(database.coldCount).toBe(600);
    keyspace.nowMs = clock.nowMs + 5 * SECOND_MS;
    tier.maintain();
    expect(database.size).toBe(400);
  });
});

describe('a pinned key', () => {
  test('stays while all others leave, unless there are too many of them', async () => {
    const setup = setUp(16 * MIB);
    const { database, tier, settings, ledger } = setup;
    const count = 4000;
    for (let number = 0; number < count; number++) {
      set(database, `key:${number}`, value(number, 1000));
      find(database, `key:${number}`);
      if (number % 2 === 0 || number > count / 2) tier.pins.add(database);
    }
    const { pins } = tier;
    expect(pins.count).toBe((count * 3) / 4);
    expect(pins.bytes).toBeLessThan(tier.pinnedBytesMax);
    settings.hotThreshold = 0;
    for (let round = 0; round < 50; round++) {
      tier.balance(500);
      await new Promise(setImmediate);
    }
    expect(database.coldCount).toBe(count - pins.count);
    // With half as much memory they have become too many.
    settings.memoryBytes = 4 * MIB;
    ledger.open('other', () => 4 * MIB);
    expect(tier.arePinsHeld).toBe(false);
    for (let round = 0; round < 50; round++) {
      tier.balance(500);
      await new Promise(setImmediate);
    }
    expect(database.coldCount).toBe(count);
    expectExact(setup);
  });

  test('is not demoted by a copy that was begun before', async () => {
    const setup = setUp(64 * MIB);
    const { database, tier } = setup;
    set(database, 'large', value(1, 6 * MIB));
    find(database, 'large');
    expect(tier.demote(database)).toBe(true);
    find(database, 'large');
    tier.pins.add(database);
    tier.balance(500);
    for (let round = 0; round < 200; round++) {
      tier.maintain();
      await new Promise(setImmediate);
    }
    expect(database.coldCount).toBe(0);
    expect(tier.store.liveBytes).toBe(0);
  });
});

describe('promotion', () => {
  test('is earned by a second touch, and leaves a cold copy', async () => {
    const setup = setUp(8 * MIB);
    const { database, tier } = setup;
    set(database, 'key', value(1, 500));
    await demoteAll(setup);
    expect(get(database, 'key', READ)?.equals(value(1, 500))).toBe(true);
    expect(database.entry.hot).toBe(false);
    get(database, 'key', READ);
    expect(database.entry.hot).toBe(true);
    expectExact(setup);
    const appended = tier.store.freshBytes;
    await demoteAll(setup);
    expect(tier.report()).toMatchObject({
      demotions: 2,
      warmDemotions: 1,
      promotions: 1,
      freshBytes: appended,
    });
    expect(get(database, 'key')?.equals(value(1, 500))).toBe(true);
  });

  test('is not for values of a sixteenth of the budget, nor when memory is full', async () => {
    const setup = setUp(8 * MIB);
    const { database, ledger } = setup;
    set(database, 'large', value(1, MIB));
    set(database, 'small', value(1, 500));
    await demoteAll(setup);
    for (let touch = 0; touch < 4; touch++) find(database, 'large', READ);
    expect(database.entry.hot).toBe(false);
    ledger.open('other', () => 8 * MIB);
    for (let touch = 0; touch < 4; touch++) find(database, 'small', READ);
    expect(database.entry.hot).toBe(false);
  });
});

describe('expiry of cold keys', () => {
  test('removes them soon after their time, also those that reclaiming moved', async () => {
    const setup = setUp(64 * MIB);
    const { database, tier, clock, keyspace } = setup;
    const start = clock.nowMs;
    const count = 12_000;
    for (let number = 0; number < count; number++) {
      set(database, `key:${number}`, value(number, 900), start + 60_000 + number * 10);
    }
    await demoteAll(setup);
    // Two thirds die, so that the rest is moved.
    for (let number = 0; number < count; number++) {
      if (number % 3 === 0) continue;
      find(database, `key:${number}`);
      database.remove();
    }
    while (tier.isReclaiming || tier.store.isBusy) {
      tier.maintain();
      await new Promise(setImmediate);
    }
    expect(tier.store.movedBytes).toBeGreaterThan(MIB);
    expect(database.expiringCount).toBe(count / 3);
    const errors = setup.errors.length;
    for (const passed of [50_000, 60_000, 100_000, 150_000, 200_000]) {
      clock.nowMs = start + passed;
      keyspace.nowMs = clock.nowMs;
      do {
        tier.maintain();
        await new Promise(setImmediate);
      } while (tier.isReclaiming || tier.store.isBusy);
      const expired = Math.max(0, Math.min(count, (passed - 60_000) / 10));
      expect(database.size).toBeGreaterThanOrEqual(Math.floor((count - expired) / 3));
      // At most a sixteenth of the time to live late.
      const late = Math.max(0, Math.min(count, (passed / (1 + 1 / 16) - 60_000) / 10));
      expect(database.size).toBeLessThanOrEqual(Math.ceil((count - late) / 3) + 1);
    }
    expect(database.size).toBe(0);
    expect(database.expiringCount).toBe(0);
    expect(setup.errors.length).toBe(errors);
    expect(tier.store.liveBytes).toBe(0);
    expectExact(setup);
  });

  test('passes over keys that changed meanwhile', async () => {
    const setup = setUp(64 * MIB);
    const { database, tier, clock, keyspace } = setup;
    for (const name of ['kept', 'hot', 'later', 'gone'])
      set(database, name, value(1, 50), clock.nowMs + 1000);
    await demoteAll(setup);
    find(database, 'kept');
    database.setExpiry(-1);
    find(database, 'later');
    database.setExpiry(clock.nowMs + 90_000);
    await demoteAll(setup);
    find(database, 'hot');
    database.promote();
    keyspace.nowMs = clock.nowMs + 2000;
    tier.maintain();
    expect(find(database, 'kept')).toBe(true);
    expect(find(database, 'later')).toBe(true);
    // What is hot is the other cycle's.
    expect(database.size).toBe(3);
    expect(database.expiringCount).toBe(2);
    expectExact(setup);
  });
});

describe('large values', () => {
  const large = value(5, 9 * MIB + 3);

  test('are demoted in steps, other keys meanwhile', async () => {
    const setup = setUp(4 * MIB);
    const { database, tier } = setup;
    set(database, 'large', large);
    set(database, 'small', value(2, 100));
    find(database, 'large');
    expect(tier.demote(database)).toBe(true);
    expect(database.entry.hot).toBe(true);
    expect(tier.demote(database)).toBe(false);
    find(database, 'small');
    expect(tier.demote(database)).toBe(true);
    while (database.coldCount < 2) {
      tier.maintain();
      expect(tier.store.bufferBytes).toBeLessThan(8 * MIB);
      await new Promise(setImmediate);
    }
    expect(get(database, 'large')?.equals(large)).toBe(true);
    expect(database.entry.hot).toBe(false);
    expect(get(database, 'small')?.equals(value(2, 100))).toBe(true);
    expectExact(setup);
  });

  test.each<[string, (setup: Setup) => void]>([
    [
      'changed in place',
      ({ database }) => {
        find(database, 'large');
        database.makeHot();
        database.entry.bytes[database.entry.payloadOffset + 7]++;
        database.changed();
      },
    ],
    [
      'given an expiry',
      ({ database, clock }) => {
        find(database, 'large');
        database.setExpiry(clock.nowMs + 5000);
      },
    ],
    [
      'deleted',
      ({ database }) => {
        find(database, 'large');
        database.remove();
      },
    ],
    ['flushed', ({ database }) => Array.from(database.clear())],
  ])('that are %s meanwhile stay as they are', async (_, change) => {
    const setup = setUp(64 * MIB);
    const { database, tier } = setup;
    set(database, 'large', large);
    find(database, 'large');
    tier.demote(database);
    tier.maintain();
    change(setup);
    const before = get(database, 'large');
    while (tier.store.report().environmentCount > 0) {
      tier.maintain();
      await new Promise(setImmediate);
    }
    expect(database.coldCount).toBe(0);
    const after = get(database, 'large');
    expect(after === undefined ? before === undefined : before !== undefined && after.equals(before)).toBe(
      true,
    );
    expect(tier.store.liveBytes).toBe(0);
  });
});

describe('reclaiming', () => {
  test('holds the files within 1.6 times what lives, and every key right', async () => {
    const setup = setUp(12 * MIB);
    const { database, tier, ledger } = setup;
    const random = new SeededRandom(9);
    const versions = new Map<number, number>();
    const count = 20_000;
    let worst = 0;
    for (let step = 0; step < count * 5; step++) {
      const number = step < count ? step : random.below(count);
      const version = step;
      versions.set(number, version);
      set(database, `key:${number}`, value(version, 900 + (number % 300)));
      tier.balance(500);
      while (ledger.chargedBytes > tier.waitBytes) {
        await new Promise(setImmediate);
        tier.maintain();
        tier.balance(500);
      }
      if (step % 100 === 0) {
        tier.maintain();
        // Of so small a store the slack, an environment being emptied and one being removed are a large part.
        if (step > count)
          worst = Math.max(worst, (tier.store.fileBytes - 12 * MIB) / tier.store.liveFileBytes);
      }
    }
    expect(worst).toBeLessThan(1.6);
    const report = tier.report();
    expect(report.reclaimedEnvironments).toBeGreaterThan(5);
    expect(report.writtenBytes / report.demotedBytes).toBeLessThan(2);
    for (const [number, version] of versions) {
      const found = get(database, `key:${number}`);
      if (found?.equals(value(version, 900 + (number % 300))) !== true)
        throw new Error(`key:${number} is wrong`);
    }
    expectExact(setup);
    expect(readdirSync(folder).filter((name) => /^\d+$/.test(name)).length).toBeLessThanOrEqual(
      report.environmentCount + 1,
    );
  });

  test('gives up the copy of a warm key, and keeps an environment with a damaged record', async () => {
    const setup = setUp(64 * MIB);
    const { database, tier, errors } = setup;
    const count = 12_000;
    for (let number = 0; number < count; number++) set(database, `key:${number}`, value(number, 900));
    await demoteAll(setup);
    while (tier.store.environments[0]?.sealed !== true || tier.store.environments[0].pendingBatches > 0) {
      await new Promise(setImmediate);
    }
    // Damage one living record in the file of the first environment.
    const path = join(folder, '00000000', 'blocks.mdb');
    await new Promise(setImmediate);
    const file = readFileSync(path);
    let damaged = -1;
    for (let number = 0; damaged < 0; number++) {
      find(database, `key:${number}`);
      const at = file.indexOf(value(number, 900).subarray(0, 200));
      if (at < 0) continue;
      file[at + 20] ^= 1;
      damaged = number;
    }
    writeFileSync(path, file);
    for (let number = 0; number < count; number++) {
      if (number % 4 === 0 || number === damaged) continue;
      find(database, `key:${number}`);
      database.remove();
    }
    find(database, `key:${count - 4}`);
    database.promote();
    while (tier.isReclaiming || tier.store.isBusy || tier.store.hasRetired) {
      tier.maintain();
      await new Promise(setImmediate);
    }
    expect(tier.report().damagedEnvironments).toBe(1);
    expect(tier.store.environments[0]?.liveBytes).toBeGreaterThan(0);
    expect(() => find(database, `key:${damaged}`)).toThrow('its record fails its checksum');
    expect(errors.map(({ message }) => message)).toEqual(['its record fails its checksum']);
    for (let number = 0; number < count; number += 4) {
      if (number === damaged) continue;
      if (get(database, `key:${number}`)?.equals(value(number, 900)) !== true)
        throw new Error(`key:${number}`);
    }
  });
});

test('live bytes equal a recount over the index, whatever was done', async () => {
  const operation = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('set'), key: fc.nat(60), size: fc.nat(6000) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('expiring'), key: fc.nat(60), size: fc.nat(6000) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete'), key: fc.nat(60), size: fc.nat(1) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('expire'), key: fc.nat(60), size: fc.nat(60_000) }),
    },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('demote'), key: fc.nat(60), size: fc.nat(1) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('promote'), key: fc.nat(60), size: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('append'), key: fc.nat(60), size: fc.nat(500) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass'), key: fc.nat(1), size: fc.nat(20_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush'), key: fc.nat(60), size: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('swap'), key: fc.nat(1), size: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('reclaim'), key: fc.nat(1), size: fc.nat(1) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 20, maxLength: 250 }), async (operations) => {
      const setup = setUp(64 * MIB);
      const { keyspace, tier, clock, settings } = setup;
      const model = new Map<string, Buffer>();
      // All the space is wanted back, however little.
      settings.storageBytes = 1 << 14;
      let step = 0;
      for (const { kind, key, size } of operations) {
        step++;
        const number = key % 3;
        const database = keyspace.databases[number];
        const name = `key:${key}`;
        const id = `${database.id} ${name}`;
        if (kind === 'set' || kind === 'expiring') {
          set(database, name, value(step, size), kind === 'set' ? -1 : clock.nowMs + size * 10);
          model.set(id, value(step, size));
        } else if (kind === 'flush') {
          Array.from(database.clear());
        } else if (kind === 'swap') {
          keyspace.swap(0, 1);
        } else if (kind === 'pass') {
          clock.nowMs += size;
          keyspace.nowMs = clock.nowMs;
          tier.maintain();
        } else if (kind === 'reclaim') {
          tier.store.sealHeads(0.9);
          for (let round = 0; round < 4; round++) tier.maintain();
          await new Promise(setImmediate);
        } else if (find(database, name)) {
          const { entry } = database;
          if (entry.expireAt < 0) {
            const { bytes, payloadOffset, payloadLength } = entry;
            const found = Buffer.from(bytes.slice(payloadOffset, payloadOffset + payloadLength));
            expect(model.get(id)?.equals(found)).toBe(true);
          }
          if (kind === 'delete') database.remove();
          else if (kind === 'expire') database.setExpiry(size % 3 === 0 ? -1 : clock.nowMs + size);
          else if (kind === 'promote') database.promote();
          else if (kind === 'append') {
            const { payloadLength } = entry;
            const changed = database.resize(payloadLength + size, payloadLength + size, 0);
            changed.bytes.fill(
              7,
              changed.payloadOffset + payloadLength,
              changed.payloadOffset + payloadLength + size,
            );
            model.set(id, Buffer.concat([model.get(id) ?? Buffer.alloc(0), Buffer.alloc(size, 7)]));
          } else if (kind === 'demote') {
            settings.storageBytes = 0;
            tier.demote(database);
            settings.storageBytes = 1 << 14;
          }
        }
        if (step % 16 === 0) expectExact(setup);
      }
      expectExact(setup);
      await tier.close();
      tiers.length = 0;
    }),
    { numRuns: 40 },
  );
});
