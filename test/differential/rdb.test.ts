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
import type { Reply } from '../../src/resp/reply.ts';
import { connect, type TestClient } from '../support/client.ts';
import { ziplist, zipmap } from '../support/rdb-old-encodings.ts';
import { RecordingSink, type StreamValue, streamId, type Value, writeValue } from '../support/rdb-values.ts';
import { hasRedis, startRedis, temporaryDirectory } from '../support/servers.ts';
import { chance, pick } from './generate.ts';

const hasCheck = spawnSync('redis-check-rdb', ['--version']).status === 0;

/** What makes Redis keep everything packed, or nothing. */
const PACKED = {
  'list-max-listpack-size': '-5',
  'hash-max-listpack-entries': '100000',
  'hash-max-listpack-value': '100000000',
  'zset-max-listpack-entries': '100000',
  'zset-max-listpack-value': '100000000',
  'set-max-intset-entries': '100000',
};
const UNPACKED = {
  'list-max-listpack-size': '3',
  'hash-max-listpack-entries': '0',
  'zset-max-listpack-entries': '0',
  'set-max-intset-entries': '0',
};
const NODES = { 'stream-node-max-entries': '3' };

const INTEGERS = [
  '0',
  '1',
  '12',
  '13',
  '63',
  '64',
  '127',
  '128',
  '-1',
  '-127',
  '-128',
  '-129',
  '255',
  '4095',
  '4096',
  '-4096',
  '-4097',
  '32767',
  '32768',
  '-32768',
  '-32769',
  '8388607',
  '8388608',
  '-8388608',
  '-8388609',
  '2147483647',
  '2147483648',
  '-2147483648',
  '-2147483649',
  '9007199254740991',
  '9007199254740993',
  '-9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '-0',
  '00',
  '+1',
  '1 ',
  ' 1',
  '1.0',
  '-',
];
const LENGTHS = [
  0, 1, 5, 20, 21, 62, 63, 64, 120, 125, 126, 127, 253, 254, 255, 500, 4095, 4096, 9000, 16383, 16384, 20_000,
];
const SCORES = [
  '0',
  '-0',
  '1',
  '-1',
  '1.5',
  '3.3',
  '1e300',
  '-1e-300',
  'inf',
  '-inf',
  '9007199254740993',
  '5e-324',
];

function text(random: Random): string {
  if (chance(random, 40)) return pick(random, INTEGERS);
  if (chance(random, 20)) return String(random.below(2 ** 53) - 2 ** 52);
  const length = chance(random, 60) ? random.below(30) : pick(random, LENGTHS);
  const alphabet = pick(random, [1, 2, 26, 256]);
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++)
    bytes[at] = alphabet === 256 ? random.below(256) : 97 + random.below(alphabet);
  return bytes.toString('latin1');
}

function texts(random: Random, count: number): string[] {
  return Array.from({ length: count }, () => text(random));
}

function bytes(word: string): Buffer {
  return Buffer.from(word, 'latin1');
}

/** Replies with strings of one character per byte. */
async function call(client: TestClient, ...words: (string | number)[]): Promise<Reply> {
  client.send(encode(words));
  const plain = (reply: Reply): Reply => {
    if (reply instanceof Error) throw reply;
    if (Buffer.isBuffer(reply)) return reply.toString('latin1');
    return Array.isArray(reply) ? reply.map(plain) : reply;
  };
  return plain(await client.reply(false));
}

function encode(words: readonly (string | number)[]): Buffer {
  const parts = words.map((word) => {
    const value = bytes(`${word}`);
    return Buffer.concat([bytes(`$${value.length}\r\n`), value, bytes('\r\n')]);
  });
  return Buffer.concat([bytes(`*${words.length}\r\n`), ...parts]);
}

async function configure(client: TestClient, directives: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(directives)) await call(client, 'CONFIG', 'SET', name, value);
}

/** Creates one key per kind and size in the selected database. */
async function populate(client: TestClient, random: Random, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  const add = (kind: string) => {
    const key = `${prefix}:${kind}:${keys.length}`;
    keys.push(key);
    return key;
  };
  for (let index = 0; index < 12; index++) await call(client, 'SET', add('string'), text(random));
  for (const count of [1, 2, 40, 300]) {
    await call(client, 'RPUSH', add('list'), ...texts(random, count));
    await call(client, 'SADD', add('set'), ...texts(random, count));
    const width = pick(random, [7, 30, 62]);
    const integers = Array.from({ length: count }, () => random.below(2 ** width) - 2 ** (width - 1));
    await call(client, 'SADD', add('integers'), ...integers.map(String));
    const pairs = texts(random, count).flatMap((member) => [pick(random, SCORES), member]);
    await call(client, 'ZADD', add('zset'), ...pairs);
    await call(client, 'HSET', add('hash'), ...texts(random, count * 2));
    await populateStream(client, random, add('stream'), count);
  }
  return keys;
}

async function populateStream(client: TestClient, random: Random, key: string, count: number): Promise<void> {
  const ids: string[] = [];
  let milliseconds = random.below(2 ** 40);
  for (let entry = 0; entry < count; entry++) {
    milliseconds += random.below(3) * random.below(1_000_000);
    const id = await call(
      client,
      'XADD',
      key,
      `${milliseconds}-*`,
      'name',
      text(random),
      ...texts(random, random.below(3) * 2),
    );
    ids.push(id as string);
  }
  for (const id of ids) if (chance(random, 20)) await call(client, 'XDEL', key, id);
  if (chance(random, 30)) await call(client, 'XTRIM', key, 'MAXLEN', Math.ceil(count / 2));
  if (chance(random, 20))
    await call(client, 'XADD', key, '18446744073709551615-18446744073709551614', 'a', 'b');
  for (let group = 0; group < random.below(4); group++) {
    await call(client, 'XGROUP', 'CREATE', key, `group ${group}`, pick(random, ['0', '$', ids[0]]));
    if (chance(random, 50)) await call(client, 'XGROUP', 'CREATECONSUMER', key, `group ${group}`, 'idle');
    for (const consumer of ['first', 'second']) {
      await call(
        client,
        'XREADGROUP',
        'GROUP',
        `group ${group}`,
        consumer,
        'COUNT',
        random.below(20) + 1,
        'STREAMS',
        key,
        '>',
      );
    }
    if (chance(random, 50)) await call(client, 'XACK', key, `group ${group}`, ...ids.slice(0, count / 3 + 1));
  }
}

function pairs(flat: Reply): [string, string][] {
  const words = flat as string[];
  return Array.from({ length: words.length / 2 }, (_, index) => [words[index * 2], words[index * 2 + 1]]);
}

function fieldsOf(flat: Reply): Record<string, Reply> {
  return Object.fromEntries(pairs(flat)) as Record<string, Reply>;
}

function idOf(reply: Reply): string {
  const [milliseconds, sequence] = String(reply).split('-');
  return streamId(BigInt(milliseconds), BigInt(sequence));
}

/** What the server replies about a key, elements of sets and hashes sorted. */
async function serverValue(client: TestClient, key: string): Promise<Value> {
  switch (await call(client, 'TYPE', key)) {
    case 'string':
      return { kind: 'string', value: (await call(client, 'GET', key)) as string };
    case 'list':
      return { kind: 'list', elements: (await call(client, 'LRANGE', key, 0, -1)) as string[] };
    case 'set':
      return sorted({ kind: 'set', members: (await call(client, 'SMEMBERS', key)) as string[] });
    case 'zset': {
      const flat = pairs(await call(client, 'ZRANGE', key, 0, -1, 'WITHSCORES'));
      const members = flat.map(([member, score]): [string, number] => [
        member,
        Number(score.replace('inf', 'Infinity')),
      ]);
      return sorted({ kind: 'sortedSet', members });
    }
    case 'hash': {
      const fields = pairs(await call(client, 'HGETALL', key));
      return sorted({ kind: 'hash', fields: fields.map(([field, value]) => [field, value, 0]) });
    }
    default:
      return sorted({ kind: 'stream', stream: await streamOf(client, key) });
  }
}

async function streamOf(client: TestClient, key: string): Promise<StreamValue> {
  const info = fieldsOf(await call(client, 'XINFO', 'STREAM', key, 'FULL', 'COUNT', 0));
  return {
    entries: (info.entries as Reply[][]).map(([id, fields]) => [idOf(id), pairs(fields)]),
    lastId: idOf(info['last-generated-id']),
    maxDeletedId: idOf(info['max-deleted-entry-id']),
    entriesAdded: BigInt(info['entries-added'] as number),
    groups: (info.groups as Reply[]).map((reply) => {
      const group = fieldsOf(reply);
      return {
        name: group.name as string,
        lastId: idOf(group['last-delivered-id']),
        entriesRead: BigInt((group['entries-read'] as number | null) ?? -1),
        pending: (group.pending as Reply[][]).map(([id, , timeMs, count]) => [
          idOf(id),
          Number(timeMs),
          BigInt(count as number),
        ]),
        consumers: (group.consumers as Reply[]).map((found) => {
          const consumer = fieldsOf(found);
          const seenTimeMs = Number(consumer['seen-time']);
          const pending = (consumer.pending as Reply[][]).map(([id]) => idOf(id));
          return { name: consumer.name as string, seenTimeMs, activeTimeMs: seenTimeMs, pending };
        }),
      };
    }),
  };
}

function byFirst(left: readonly [string, ...unknown[]], right: readonly [string, ...unknown[]]): number {
  return left[0] < right[0] ? -1 : 1;
}

function byName(left: { name: string }, right: { name: string }): number {
  return left.name < right.name ? -1 : 1;
}

/** The value with everything in order that Redis keeps in an order of its own. */
function sorted(value: Value): Value {
  if (value.kind === 'set') value.members.sort();
  if (value.kind === 'hash') value.fields.sort(byFirst);
  if (value.kind === 'sortedSet') value.members.sort(byFirst);
  if (value.kind === 'stream') {
    value.stream.groups.sort(byName);
    for (const group of value.stream.groups) {
      group.pending.sort(byFirst);
      group.consumers.sort(byName);
      for (const consumer of group.consumers) consumer.pending.sort();
    }
  }
  return value;
}

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
