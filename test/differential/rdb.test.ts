import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import { endDump, verifyDump } from '../../src/persistence/rdb/dump.ts';
import { RdbFileReader } from '../../src/persistence/rdb/file-reader.ts';
import { RdbFileWriter } from '../../src/persistence/rdb/file-writer.ts';
import { ObjectReader } from '../../src/persistence/rdb/object-reader.ts';
import { ObjectWriter } from '../../src/persistence/rdb/object-writer.ts';
import { RdbError } from '../../src/persistence/rdb/rdb-error.ts';
import { RdbReader } from '../../src/persistence/rdb/reader.ts';
import { RdbType } from '../../src/persistence/rdb/types.ts';
import { RdbWriter } from '../../src/persistence/rdb/writer.ts';
import { connect, type TestClient } from '../support/client.ts';
import { ziplist, zipmap } from '../support/rdb-old-encodings.ts';
import { RecordingSink, streamId, type Value, writeValue } from '../support/rdb-values.ts';
import {
  bytes,
  call,
  configure,
  NODES,
  PACKED,
  populate,
  SCORES,
  serverValue,
  sorted,
  text,
  texts,
  UNPACKED,
} from '../support/server-values.ts';
import { hasRedis, startRedis, temporaryDirectory } from '../support/servers.ts';
import { chance, pick } from './generate.ts';

const hasCheck = spawnSync('redis-check-rdb', ['--version']).status === 0;

/** Whether a value has what is for the sink to check: no duplicates, and one owner for each pending entry of a stream. */
function isConsistent(value: Value): boolean {
  const isUnique = (names: string[]) => new Set(names).size === names.length;
  switch (value.kind) {
    case 'set':
      return isUnique(value.members);
    case 'sortedSet':
      return isUnique(value.members.map(([member]) => member));
    case 'hash':
      return isUnique(value.fields.map(([field]) => field));
    case 'stream':
      return (
        isUnique(value.stream.groups.map((group) => group.name)) &&
        value.stream.groups.every((group) => {
          const pending = group.pending.map(([id]) => id);
          const owned = group.consumers.flatMap((consumer) => consumer.pending).sort();
          return (
            isUnique(group.consumers.map(({ name }) => name)) &&
            `${pending}` === `${owned}` &&
            isUnique(owned)
          );
        })
      );
    default:
      return true;
  }
}

/** The value of a DUMP payload. */
function decode(payload: Buffer): Value {
  const length = verifyDump(payload, 0, payload.length);
  expect(length).toBeGreaterThan(0);
  const reader = new RdbReader();
  reader.openBytes(payload, 0, length);
  const sink = new RecordingSink();
  expect(new ObjectReader(reader).read(reader.readByte(), sink)).toBe(true);
  expect({ left: reader.bytesLeft, hasEnded: sink.hasEnded }).toEqual({ left: 0, hasEnded: true });
  return sorted(sink.value);
}

function encodeDump(type: number, value: Value, compresses: boolean, nodeCount: number): string {
  const writer = new RdbWriter();
  writer.compresses = compresses;
  writer.writeByte(type);
  writeValue(new ObjectWriter(writer), type, value, nodeCount);
  endDump(writer);
  return Buffer.from(writer.bytes.subarray(0, writer.length)).toString('latin1');
}

/** RESTOREs a type and a value, and expects the server to have what is decoded here. */
async function compareRestored(client: TestClient, writer: RdbWriter): Promise<void> {
  endDump(writer);
  const payload = Buffer.from(writer.bytes.subarray(0, writer.length));
  await call(client, 'RESTORE', 'old', 0, payload.toString('latin1'), 'REPLACE');
  expect(decode(payload)).toEqual(await serverValue(client, 'old'));
}

/** The types of version 10 in which a value may be written. */
function typesOf(value: Value): number[] {
  switch (value.kind) {
    case 'string':
      return [RdbType.STRING];
    case 'list':
      return [RdbType.LIST, RdbType.LIST_QUICKLIST_2];
    case 'set': {
      const isIntegers = value.members.every((member) => /^(0|-?[1-9]\d{0,15})$/.test(member));
      return isIntegers ? [RdbType.SET, RdbType.SET_INTSET] : [RdbType.SET];
    }
    case 'sortedSet':
      return [RdbType.ZSET_2, RdbType.ZSET_LISTPACK];
    case 'hash':
      return [RdbType.HASH, RdbType.HASH_LISTPACK];
    case 'stream':
      return [RdbType.STREAM_LISTPACKS_2];
  }
}

/** A sorted set in the order of its listpack. */
function inOrder(value: Value): Value {
  if (value.kind !== 'sortedSet') return value;
  const members = [...value.members].sort(
    ([left, leftScore], [right, rightScore]) =>
      leftScore - rightScore || Buffer.compare(bytes(left), bytes(right)),
  );
  return { kind: 'sortedSet', members };
}

function chunked(contents: Buffer, random: Random): (target: Uint8Array) => number {
  let at = 0;
  return (target) => {
    const count = Math.min(target.length, contents.length - at, 1 + random.below(pick(random, [3, 50_000])));
    target.set(contents.subarray(at, at + count));
    at += count;
    return count;
  };
}

/** All keys of a file by database and name. */
function readFile(contents: Buffer, random: Random) {
  const file = new RdbFileReader(chunked(contents, random), contents.length);
  const keys = new Map<
    string,
    { value: Value; expireAtMs: number; idleSeconds: number; frequency: number }
  >();
  const auxiliary: Record<string, string> = {};
  const functions: string[] = [];
  for (let part = file.next(); part !== 'end'; part = file.next()) {
    if (part === 'auxiliary') auxiliary[file.auxiliaryName] = file.auxiliaryValue;
    if (part === 'function') {
      const { bytes: source, offset, length } = file.functionSource;
      functions.push(Buffer.from(source.subarray(offset, offset + length)).toString('latin1'));
    }
    if (part !== 'key') continue;
    const { bytes: key, offset, length } = file.key;
    const name = Buffer.from(key.subarray(offset, offset + length)).toString('latin1');
    const { expireAtMs, idleSeconds, frequency } = file;
    const sink = new RecordingSink();
    expect(file.readValue(sink)).toBe(true);
    keys.set(`${file.database}/${name}`, { value: sorted(sink.value), expireAtMs, idleSeconds, frequency });
  }
  expect(file.consumedBytes).toBe(contents.length);
  return { keys, auxiliary, functions, version: file.version };
}

describe.runIf(hasRedis)('values and redis-server', () => {
  for (const [name, directives] of Object.entries({ packed: PACKED, unpacked: UNPACKED, default: {} })) {
    test(`DUMP of ${name} values is decoded, and what is encoded RESTOREs to the same`, async () => {
      const server = await startRedis();
      const client = await connect(server.port);
      await configure(client, { ...directives, ...NODES });
      for (let seed = 1; seed <= 6; seed++) {
        const random = new SeededRandom(seed);
        await call(client, 'FLUSHALL');
        await call(client, 'CONFIG', 'SET', 'rdbcompression', seed % 2 === 0 ? 'no' : 'yes');
        for (const key of await populate(client, random, name)) {
          const theirs = await serverValue(client, key);
          const payload = bytes((await call(client, 'DUMP', key)) as string);
          expect({ key, seed, value: decode(payload) }).toEqual({ key, seed, value: theirs });
          for (const type of typesOf(theirs)) {
            const dump = encodeDump(type, inOrder(theirs), chance(random, 50), 1 + random.below(50));
            expect(decode(bytes(dump))).toEqual(theirs);
            await call(client, 'RESTORE', `copy of ${key}`, 0, dump, 'REPLACE');
            const restored = await serverValue(client, `copy of ${key}`);
            expect({ key, seed, type, value: restored }).toEqual({ key, seed, type, value: theirs });
          }
        }
      }
    });
  }

  test('old encodings are read as the server reads them', async () => {
    const server = await startRedis({ 'sanitize-dump-payload': 'yes' });
    const client = await connect(server.port);
    const random = new SeededRandom(3);
    for (const count of [1, 2, 30, 300]) {
      const distinct = [...new Set(texts(random, count))];
      const fields = distinct.map((field): [string, string] => [field, text(random)]);
      const scored = distinct.flatMap((member) => [member, pick(random, SCORES)]);
      const structures: [type: number, structure: Buffer][] = [
        [RdbType.LIST_ZIPLIST, ziplist(texts(random, count))],
        [RdbType.HASH_ZIPLIST, ziplist(fields.flat())],
        [RdbType.ZSET_ZIPLIST, ziplist(scored)],
        [RdbType.HASH_ZIPMAP, zipmap(fields, random.below(3))],
      ];
      for (const [type, structure] of structures) {
        const writer = new RdbWriter();
        writer.writeByte(type);
        writer.writeString(structure, 0, structure.length);
        await compareRestored(client, writer);
      }
      const quicklist = new RdbWriter();
      quicklist.writeByte(RdbType.LIST_QUICKLIST);
      quicklist.writeLength(count);
      for (let node = 0; node < count; node++) {
        const structure = ziplist(texts(random, random.below(4) + 1));
        quicklist.writeString(structure, 0, structure.length);
      }
      await compareRestored(client, quicklist);
      const scores = new RdbWriter();
      scores.writeByte(RdbType.ZSET);
      scores.writeLength(distinct.length);
      for (const member of distinct) {
        scores.writeString(bytes(member), 0, member.length);
        const score = pick(random, SCORES);
        const special = { inf: 254, '-inf': 255 }[score];
        scores.writeByte(special ?? score.length);
        if (special === undefined) scores.writeBytes(bytes(score), 0, score.length);
      }
      await compareRestored(client, scores);
    }
  });

  test('the groups of a stream of Redis 5 have read what the server estimates', async () => {
    const server = await startRedis();
    const client = await connect(server.port);
    for (const last of [0, 3, 5, 6, 7, 9, 12]) {
      const writer = new RdbWriter();
      const objects = new ObjectWriter(writer);
      writer.writeByte(RdbType.STREAM_LISTPACKS);
      objects.begin(RdbType.STREAM_LISTPACKS_2, 1);
      objects.node(3);
      for (const milliseconds of [5, 7, 9]) {
        objects.streamEntry(Buffer.from(streamId(milliseconds, 0), 'hex'), 1);
        objects.streamField(bytes('name'), 0, 4, bytes('value'), 0, 5);
      }
      objects.end();
      writer.writeLength(3);
      writer.writeStreamId(Buffer.from(streamId(9, 0), 'hex'));
      writer.writeLength(1);
      writer.writeString(bytes('group'), 0, 5);
      writer.writeStreamId(Buffer.from(streamId(last, 0), 'hex'));
      writer.writeLength(0);
      writer.writeLength(0);
      await compareRestored(client, writer);
    }
  });

  test('what the server finds wrong with a payload is found too', async () => {
    const server = await startRedis({ 'sanitize-dump-payload': 'yes' });
    const client = await connect(server.port);
    await configure(client, NODES);
    const random = new SeededRandom(1);
    const reader = new RdbReader();
    const objects = new ObjectReader(reader);
    let accepted = 0;
    for (const key of await populate(client, random, 'hostile')) {
      const payload = bytes((await call(client, 'DUMP', key)) as string);
      if (payload.length > 2000) continue;
      for (let attempt = 0; attempt < 100; attempt++) {
        const writer = new RdbWriter();
        const changed = Buffer.from(payload.subarray(0, -10));
        const at = random.below(changed.length - 1) + 1;
        changed[at] = chance(random, 50) ? random.below(256) : changed[at] ^ (1 << random.below(8));
        writer.writeBytes(changed, 0, changed.length);
        endDump(writer);
        // Redis reads on into the footer.
        reader.openBytes(writer.bytes, 0, writer.length);
        const sink = new RecordingSink();
        try {
          if (!objects.read(reader.readByte(), sink)) continue;
        } catch (error) {
          expect(error).toBeInstanceOf(RdbError);
          continue;
        }
        const value = sorted(sink.value);
        const mutated = Buffer.from(writer.bytes.subarray(0, writer.length)).toString('latin1');
        const reply = await call(client, 'RESTORE', 'mutated', 0, mutated, 'REPLACE').catch(String);
        const theirs = reply === 'OK' ? await serverValue(client, 'mutated') : reply;
        const expected = isConsistent(value) ? value : 'ReplyError: ERR Bad data format';
        expect({ key, at, payload: changed.toString('hex'), value: theirs }).toEqual({
          key,
          at,
          payload: changed.toString('hex'),
          value: expected,
        });
        if (reply === 'OK') accepted++;
      }
    }
    expect(accepted).toBeGreaterThan(100);
  });
});

describe.runIf(hasRedis)('files and redis-server', () => {
  const LIBRARY = "#!lua name=numbers\nredis.register_function('one', function() return 1 end)";

  test.each(['yes', 'no'])('what SAVE writes is read (compression and checksum: %s)', async (flag) => {
    const server = await startRedis({
      rdbcompression: flag,
      rdbchecksum: flag,
      'maxmemory-policy': 'allkeys-lfu',
    });
    const client = await connect(server.port);
    await configure(client, NODES);
    const random = new SeededRandom(7);
    await call(client, 'FUNCTION', 'LOAD', LIBRARY);
    const expected = new Map<string, Value>();
    for (const [database, directives] of [PACKED, UNPACKED].entries()) {
      await call(client, 'SELECT', database * 5);
      await configure(client, directives);
      const keys = await populate(client, random, 'saved');
      for (const key of keys) expected.set(`${database * 5}/${key}`, await serverValue(client, key));
      await call(client, 'PEXPIREAT', keys[0], 9_999_999_999_999);
    }
    await call(client, 'SAVE');
    const found = readFile(readFileSync(join(server.directory, 'dump.rdb')), random);
    expect(found.version).toBe(10);
    expect(found.auxiliary['redis-ver']).toMatch(/^7/);
    expect(found.functions).toEqual([LIBRARY]);
    expect([...found.keys.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [key, { value, expireAtMs, frequency }] of found.keys) {
      expect({ key, value }).toEqual({ key, value: expected.get(key) });
      expect(expireAtMs).toBe(key.endsWith('/saved:string:0') ? 9_999_999_999_999 : -1);
      expect(frequency).toBeGreaterThanOrEqual(0);
    }
  });

  test.runIf(hasCheck).each([
    [true, true],
    [false, false],
  ])('what is written is loaded (compression %s, checksum %s)', async (compresses, hasChecksum) => {
    const random = new SeededRandom(11);
    const server = await startRedis();
    const client = await connect(server.port);
    await configure(client, NODES);
    const keys = await populate(client, random, 'written');
    const values = new Map<string, Value>();
    for (const key of keys) values.set(key, await serverValue(client, key));

    const parts: Buffer[] = [];
    const target = (part: Uint8Array, offset: number, length: number) =>
      parts.push(Buffer.from(part.subarray(offset, offset + length)));
    const file = new RdbFileWriter(target, { compresses, hasChecksum });
    file.writeAuxiliary('redis-ver', '7.0.15');
    file.writeFunction(bytes(LIBRARY), 0, LIBRARY.length);
    for (const database of [0, 9]) {
      file.beginDatabase(database, keys.length, 1);
      for (const [key, value] of values) {
        if (key === keys[0]) file.writeExpiry(9_999_999_999_999);
        if (key === keys[1]) file.writeIdle(1000);
        if (key === keys[2]) file.writeFrequency(77);
        const type = typesOf(value).at(database === 0 ? 0 : -1) ?? 0;
        writeValue(file.beginKey(type, bytes(key), 0, key.length), type, inOrder(value), 20);
      }
    }
    file.end();
    const directory = temporaryDirectory();
    const path = join(directory, 'dump.rdb');
    writeFileSync(path, Buffer.concat(parts));
    const check = spawnSync('redis-check-rdb', [path], { encoding: 'utf8' });
    expect({ status: check.status, output: check.stdout }).toMatchObject({ status: 0 });

    const loaded = await startRedis({ dir: directory });
    const other = await connect(loaded.port);
    expect(await call(other, 'FUNCTION', 'LIST')).toHaveLength(1);
    for (const database of [0, 9]) {
      await call(other, 'SELECT', database);
      expect(await call(other, 'DBSIZE')).toBe(keys.length);
      for (const [key, value] of values)
        expect({ key, value: await serverValue(other, key) }).toEqual({ key, value });
      expect(await call(other, 'PEXPIRETIME', keys[0])).toBe(9_999_999_999_999);
    }
  });
});
