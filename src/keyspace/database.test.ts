import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { latin1 } from '../base/bytes.ts';
import { SeededRandom } from '../base/random.ts';
import { ColdRecordError } from './cold-record-error.ts';
import { type Database, PEEK, READ, WRITE } from './database.ts';
import { type ColdTier, Keyspace, type KeyspaceEvents, NOTIFY_EXPIRED, NOTIFY_GENERIC } from './keyspace.ts';
import { Entry, TYPE_STRING, WARM } from './record.ts';

const START_MS = 1_700_000_000_123;

/** A cold tier in a Map, whose records are read into one Buffer that the next read overwrites, as LMDB's are. */
class MapTier implements ColdTier {
  relieve(): void {}
  abandon(): void {}

  readonly records = new Map<number, { entry: Entry; key: Buffer; payload: Buffer; databaseId: number }>();
  admitsAll = false;
  isBroken = false;
  #nextPlace = 0x7f_ffff_fff0;
  readonly #scratch = Buffer.alloc(200_000);

  static place(upper: number, lower: number): number {
    return upper * 0x100000000 + (lower >>> 0);
  }

  demote(database: Database): void {
    const { entry } = database;
    if ((entry.flags & WARM) !== 0) {
      database.demoteTo(database.warmUpper, database.warmLower);
      return;
    }
    const place = this.#nextPlace--;
    const copy = (from: number, length: number) => Buffer.from(entry.bytes.slice(from, from + length));
    this.records.set(place, {
      entry: Object.assign(new Entry(), entry),
      key: copy(entry.keyOffset, entry.keyLength),
      payload: copy(entry.payloadOffset, entry.payloadLength),
      databaseId: database.id,
    });
    database.demoteTo(Math.floor(place / 0x100000000), place | 0);
  }

  read(upper: number, lower: number, target: Entry): void {
    if (this.isBroken) throw new ColdRecordError('it is broken');
    const record = this.records.get(MapTier.place(upper, lower));
    if (record === undefined) throw new Error('a place that is no record');
    const { type, encoding, flags, access, expireAt } = record.entry;
    const at = 3;
    record.key.copy(this.#scratch, at);
    record.payload.copy(this.#scratch, at + record.key.length);
    Object.assign(target, { type, encoding, flags, access, expireAt, bytes: this.#scratch });
    target.keyOffset = at;
    target.keyLength = record.key.length;
    target.payloadOffset = at + record.key.length;
    target.payloadLength = record.payload.length;
  }

  release(
    upper: number,
    lower: number,
    databaseId: number,
    _partition: number,
    _tag: number,
    entry: Entry,
  ): void {
    const place = MapTier.place(upper, lower);
    const record = this.records.get(place);
    expect(record).toMatchObject({ databaseId });
    expect([entry.keyLength, entry.payloadLength]).toEqual([record?.key.length, record?.payload.length]);
    this.records.delete(place);
  }

  releaseDatabase(databaseId: number): void {
    for (const [place, record] of this.records)
      if (record.databaseId === databaseId) this.records.delete(place);
  }

  admits(): boolean {
    return this.admitsAll;
  }

  accessOf(_hash: number, stored: number): number {
    return stored;
  }
}

class Events implements KeyspaceEvents {
  fieldsDeleted(): void {}
  detached(): void {}

  readonly told: string[] = [];

  modified(database: Database, key: Uint8Array, offset: number, length: number): void {
    this.told.push(`modified ${database.number} ${latin1(key, offset, length)}`);
  }

  databaseChanged(database: Database): void {
    this.told.push(`changed ${database.number}`);
  }

  notify(
    _class: number,
    event: string,
    _of: Database,
    key: Uint8Array,
    offset: number,
    length: number,
  ): void {
    this.told.push(`event ${event} ${latin1(key, offset, length)}`);
  }

  deleted(_of: Database, key: Uint8Array, offset: number, length: number, lazily: boolean): void {
    this.told.push(`deleted ${latin1(key, offset, length)} ${lazily}`);
  }
}

function make() {
  const events = new Events();
  const keyspace = new Keyspace(2, new SeededRandom(3), events);
  const tier = new MapTier();
  keyspace.cold = tier;
  keyspace.nowMs = START_MS;
  return { keyspace, tier, events, database: keyspace.databases[0] };
}

const bytesOf = (text: string) => Buffer.from(text, 'latin1');

function find(database: Database, key: string, how = 0): boolean {
  const name = bytesOf(`..${key}`);
  return database.find(name, 2, key.length, how);
}

function set(database: Database, key: string, value: string, expireAt = -1): void {
  find(database, key, WRITE);
  const entry = database.store(TYPE_STRING, 0, value.length, expireAt);
  entry.bytes.set(bytesOf(value), entry.payloadOffset);
}

function get(database: Database, key: string, how = PEEK): string | null {
  if (!find(database, key, how)) return null;
  const { bytes, payloadOffset, payloadLength } = database.entry;
  return latin1(bytes, payloadOffset, payloadLength);
}

const key = fc.constantFrom('a', 'b', '', '\x00', 'key:17', 'k'.repeat(70_000), 'm'.repeat(65_534));
const value = fc.oneof(
  fc.string({ maxLength: 40, unit: 'grapheme-ascii' }),
  fc.constantFrom('', 'v'.repeat(2000)),
);
const step = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    key,
    value,
    ttl: fc.constantFrom(-1, -1, 5_000, 90_000_000_000),
  }),
  fc.record({
    kind: fc.constantFrom(
      'remove' as const,
      'demote' as const,
      'promote' as const,
      'read' as const,
      'relocate' as const,
    ),
    key,
  }),
  fc.record({ kind: fc.constant('expire' as const), key, ttl: fc.constantFrom(-1, 1000, 2 ** 40) }),
  fc.record({ kind: fc.constant('append' as const), key, value, room: fc.nat(500) }),
  fc.record({ kind: fc.constant('shorten' as const), key }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 999, 5_000) }),
  fc.record({ kind: fc.constant('admit' as const), yes: fc.boolean() }),
);

describe('Database', () => {
  test('random changes and moves between the tiers keep what a Map keeps, and every account exact', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { keyspace, tier, database } = make();
        const model = new Map<string, { value: string; expireAt: number }>();
        for (const each of steps) {
          if (each.kind === 'pass') keyspace.nowMs += each.ms;
          else if (each.kind === 'admit') tier.admitsAll = each.yes;
          if (!('key' in each)) continue;
          const old = model.get(each.key);
          if (old !== undefined && old.expireAt >= 0 && old.expireAt <= keyspace.nowMs)
            model.delete(each.key);
          const known = model.get(each.key);
          if (each.kind === 'set') {
            const expireAt = each.ttl < 0 ? -1 : keyspace.nowMs + each.ttl;
            set(database, each.key, each.value, expireAt);
            model.set(each.key, { value: each.value, expireAt });
            expect(get(database, each.key)).toBe(each.value);
            continue;
          }
          expect(find(database, each.key, each.kind === 'read' ? READ : 0)).toBe(known !== undefined);
          if (known === undefined) continue;
          if (each.kind === 'remove') {
            database.remove();
            model.delete(each.key);
          } else if (each.kind === 'demote') {
            if (database.entry.hot) tier.demote(database);
          } else if (each.kind === 'promote') database.promote();
          else if (each.kind === 'relocate') {
            if (database.entry.hot) database.relocate();
          } else if (each.kind === 'expire') {
            known.expireAt = each.ttl < 0 ? -1 : keyspace.nowMs + each.ttl;
            database.setExpiry(known.expireAt);
          } else if (each.kind === 'append') {
            const before = known.value.length;
            known.value += each.value;
            const entry = database.resize(known.value.length, known.value.length + each.room, 0);
            entry.bytes.set(bytesOf(each.value), entry.payloadOffset + before);
          } else if (each.kind === 'shorten') {
            known.value = known.value.slice(0, known.value.length >> 1);
            database.resize(known.value.length, known.value.length, 0);
          }
        }
        const isLive = (at: number) => at < 0 || at > keyspace.nowMs;
        let expiring = 0;
        for (const [name, { value: wanted, expireAt }] of model) {
          expect(get(database, name)).toBe(isLive(expireAt) ? wanted : null);
          if (!isLive(expireAt)) continue;
          expect(database.entry.expireAt).toBe(expireAt);
          if (expireAt >= 0) expiring++;
        }
        expect(database.expiringCount).toBe(expiring);
        expect(database.size).toBe([...model.values()].filter(({ expireAt }) => isLive(expireAt)).length);
        // A cold key's record, and a warm one's copy, are all that the tier keeps.
        let cold = 0;
        let warm = 0;
        for (const name of model.keys()) {
          if (!find(database, name)) continue;
          if (!database.entry.hot) cold++;
          else if ((database.entry.flags & WARM) !== 0) warm++;
        }
        expect(database.coldCount).toBe(cold);
        expect(tier.records.size).toBe(cold + warm);
        expect(keyspace.arena.blockCount).toBe(database.size - cold);
        for (const name of model.keys()) if (find(database, name)) database.remove();
        expect([
          database.size,
          keyspace.arena.usedBytes,
          keyspace.indexArena.usedBytes,
          tier.records.size,
        ]).toEqual([0, 0, 0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  test('mutations are counted and told with the name of the key, an expired key as deleted', () => {
    const { keyspace, database, events } = make();
    keyspace.settings.notifyFlags = NOTIFY_EXPIRED | NOTIFY_GENERIC;
    const dirty = keyspace.dirty;
    set(database, 'a', 'x', START_MS + 5);
    set(database, 'b', 'y');
    find(database, 'b');
    database.setExpiry(START_MS + 9);
    find(database, 'b');
    database.remove();
    database.notify(NOTIFY_GENERIC, 'del');
    expect(keyspace.dirty - dirty).toBe(4);
    keyspace.nowMs += 5;
    keyspace.settings.lazyExpire = true;
    expect(find(database, 'a', READ)).toBe(false);
    expect(events.told).toEqual([
      'modified 0 a',
      'modified 0 b',
      'modified 0 b',
      'modified 0 b',
      'event del b',
      'modified 0 a',
      'event expired a',
      'deleted a true',
    ]);
    expect(keyspace.statistics).toMatchObject({ expiredKeys: 1, misses: 1, hits: 0 });
  });

  test('a cold key with another name behind the same tag is none of ours', () => {
    const { database, tier } = make();
    const names = Array.from({ length: 3000 }, (_, at) => `name:${at}`);
    for (const name of names) set(database, name, `value of ${name}`);
    for (const name of names) {
      find(database, name);
      tier.demote(database);
    }
    expect(database.needsCold(bytesOf('name:5'), 0, 6)).toBe(true);
    for (const name of names) expect(get(database, name)).toBe(`value of ${name}`);
    expect(get(database, 'name:3000')).toBeNull();
    expect(find(database, 'name:7')).toBe(true);
    database.promote();
    expect(database.needsCold(bytesOf('name:7'), 0, 6)).toBe(false);
  });

  test('a cold record that cannot be read is an error, and the key stays', () => {
    const { database, tier } = make();
    set(database, 'a', 'x');
    find(database, 'a');
    tier.demote(database);
    tier.isBroken = true;
    expect(() => find(database, 'a')).toThrow(ColdRecordError);
    expect(database.size).toBe(1);
    tier.isBroken = false;
    expect(get(database, 'a')).toBe('x');
  });

  test('clearing frees everything in steps, and what is written meanwhile stays', () => {
    const { keyspace, database, tier } = make();
    for (let at = 0; at < 500; at++)
      set(database, `k${at}`, 'x'.repeat(at), at % 2 === 0 ? START_MS + 1000 : -1);
    for (let at = 0; at < 100; at++) {
      find(database, `k${at}`);
      tier.demote(database);
    }
    const id = database.id;
    const walk = database.clear();
    expect([database.size, database.coldCount, database.expiringCount, tier.records.size]).toEqual([
      0, 0, 0, 0,
    ]);
    expect(database.id).not.toBe(id);
    expect(find(database, 'k400')).toBe(false);
    set(database, 'k400', 'new');
    let steps = 0;
    while (walk.next().done !== true) steps++;
    expect(steps).toBeGreaterThan(100);
    expect(get(database, 'k400')).toBe('new');
    expect(keyspace.arena.blockCount).toBe(1);
  });

  test('SWAPDB exchanges the contents and tells of both', () => {
    const { keyspace, events } = make();
    set(keyspace.databases[0], 'a', 'zero');
    keyspace.swap(0, 1);
    expect(get(keyspace.databases[1], 'a')).toBe('zero');
    expect(get(keyspace.databases[0], 'a')).toBeNull();
    expect(keyspace.databases.map((database) => database.number)).toEqual([0, 1]);
    expect(events.told.slice(-2)).toEqual(['changed 1', 'changed 0']);
  });

  test('the owner of a record is found by its address, and no other', () => {
    const { keyspace, database } = make();
    set(database, 'a', 'x');
    set(keyspace.databases[1], 'b', 'y');
    find(database, 'a');
    const { address } = database.entry;
    expect(keyspace.databases[1].findOwner(address)).toBe(false);
    expect(database.findOwner(address)).toBe(true);
    database.relocate();
    expect(database.findOwner(address)).toBe(false);
    expect(get(database, 'a')).toBe('x');
  });
});
