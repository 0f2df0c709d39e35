import type { Random } from '../../src/base/random.ts';
import type { Reply } from '../../src/resp/reply.ts';
import { chance, pick } from '../differential/generate.ts';
import type { TestClient } from './client.ts';
import { type StreamValue, streamId, type Value } from './rdb-values.ts';

/** What makes Redis keep everything packed, or nothing. */
export const PACKED = {
  'list-max-listpack-size': '-5',
  'hash-max-listpack-entries': '100000',
  'hash-max-listpack-value': '100000000',
  'zset-max-listpack-entries': '100000',
  'zset-max-listpack-value': '100000000',
  'set-max-intset-entries': '100000',
};
export const UNPACKED = {
  'list-max-listpack-size': '3',
  'hash-max-listpack-entries': '0',
  'zset-max-listpack-entries': '0',
  'set-max-intset-entries': '0',
};
export const NODES = { 'stream-node-max-entries': '3' };

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
export const SCORES = [
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

export function text(random: Random): string {
  if (chance(random, 40)) return pick(random, INTEGERS);
  if (chance(random, 20)) return String(random.below(2 ** 53) - 2 ** 52);
  const length = chance(random, 60) ? random.below(30) : pick(random, LENGTHS);
  const alphabet = pick(random, [1, 2, 26, 256]);
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++)
    bytes[at] = alphabet === 256 ? random.below(256) : 97 + random.below(alphabet);
  return bytes.toString('latin1');
}

export function texts(random: Random, count: number): string[] {
  return Array.from({ length: count }, () => text(random));
}

export function bytes(word: string): Buffer {
  return Buffer.from(word, 'latin1');
}

/** Replies with strings of one character per byte. */
export async function call(client: TestClient, ...words: (string | number)[]): Promise<Reply> {
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

export async function configure(client: TestClient, directives: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(directives)) await call(client, 'CONFIG', 'SET', name, value);
}

/** Creates one key per kind and size in the selected database. */
export async function populate(client: TestClient, random: Random, prefix: string): Promise<string[]> {
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
export async function serverValue(client: TestClient, key: string): Promise<Value> {
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
export function sorted(value: Value): Value {
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
