import { beforeAll, describe, expect, test } from 'vitest';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import { decodeReply, type Reply, ReplyError } from '../../src/resp/reply.ts';
import { connect, encodeCommand, type TestClient } from '../support/client.ts';
import { hasRedis, startRedis, startThermocline, temporaryDirectory } from '../support/servers.ts';
import { chance, KEYS, key, number, pick, value, type Word } from './generate.ts';
import { commandCount } from './run.ts';

const SEQUENCE_LENGTH = 60;
const NAMES: readonly string[] = ['a', 'b', 'ab', 'news.x', '', '\x00\xff', '*', '[a]', 'x'.repeat(100)];
const PATTERNS: readonly string[] = ['a', '*', 'a*', '?', 'news.*', '[ab]', '[^a]', '\\*', '', '**', '*x'];

function some(random: Random, from: readonly string[]): string[] {
  return Array.from({ length: random.below(3) + 1 }, () => pick(random, from));
}

function someOrNone(random: Random, from: readonly string[]): string[] {
  return chance(random, 25) ? [] : some(random, from);
}

/** What a subscriber sends. */
const SUBSCRIBER: readonly ((random: Random) => Word[])[] = [
  (random) => ['SUBSCRIBE', ...some(random, NAMES)],
  (random) => ['SUBSCRIBE', ...some(random, NAMES)],
  (random) => ['PSUBSCRIBE', ...some(random, PATTERNS)],
  (random) => ['PSUBSCRIBE', ...some(random, PATTERNS)],
  (random) => ['SSUBSCRIBE', ...some(random, NAMES)],
  (random) => ['UNSUBSCRIBE', ...someOrNone(random, NAMES)],
  (random) => ['PUNSUBSCRIBE', ...someOrNone(random, PATTERNS)],
  (random) => ['SUNSUBSCRIBE', ...someOrNone(random, NAMES)],
  () => ['PING'],
  (random) => ['PING', value(random)],
  (random) => ['PING', 'x', value(random)],
  () => ['RESET'],
  (random) => ['HELLO', pick(random, ['2', '3', '3'])],
  (random) => ['GET', key(random)],
  () => ['EXEC'],
  () => ['SUBSCRIBE'],
  () => ['NOSUCH', 'x'],
  (random) => ['CONFIG', 'GET', value(random)],
  (random) => ['CLIENT', 'REPLY', pick(random, ['ON', 'x'])],
];

/** What the one sends that publishes. */
const PUBLISHER: readonly ((random: Random) => Word[])[] = [
  (random) => ['PUBLISH', pick(random, NAMES), value(random)],
  (random) => ['PUBLISH', pick(random, NAMES), value(random)],
  (random) => ['PUBLISH', pick(random, NAMES), value(random)],
  (random) => ['SPUBLISH', pick(random, NAMES), value(random)],
  (random) => ['PUBLISH', pick(random, NAMES)],
  (random) => ['PUBSUB', 'NUMSUB', ...someOrNone(random, NAMES)],
  (random) => ['PUBSUB', 'SHARDNUMSUB', ...someOrNone(random, NAMES)],
  () => ['PUBSUB', 'NUMPAT'],
  (random) => ['PUBSUB', 'CHANNELS', ...someOrNone(random, PATTERNS)],
  (random) => ['PUBSUB', 'SHARDCHANNELS', ...someOrNone(random, PATTERNS)],
  (random) => [
    'PUBSUB',
    pick(random, ['HELP', 'NOSUCH', 'CHANNELS', 'NUMPAT']),
    ...someOrNone(random, NAMES),
  ],
];

/** A value as text; lists whose order Redis leaves open are sorted. */
function shown(reply: Reply): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  if (reply instanceof ReplyError) return reply.message;
  if (reply instanceof Map)
    return [...reply].filter(([name]) => !['version', 'id'].includes(`${name}`)).map(shown as never);
  return Array.isArray(reply) ? reply.map(shown) : reply;
}

/** What a connection got for one step, where patterns and names without an order don't count by their place. */
function canonical(replies: readonly Buffer[], words: readonly Word[]): string {
  const values = replies.map((raw) => [raw[0], shown(decodeReply(raw, false))]);
  const name = String(words[0]);
  if (name === 'HELLO') return `${values.length}`;
  if (name === 'PUBSUB' && Array.isArray(values[0]?.[1]) && /CHANNELS/.test(String(words[1]))) {
    return JSON.stringify([...(values[0][1] as string[])].sort());
  }
  if (/UNSUBSCRIBE$/.test(name) && words.length === 1) {
    const lists = values.map(([, list]) => list as unknown[]);
    return JSON.stringify([lists.map((list) => list[1]).sort(), lists.map((list) => [list[0], list[2]])]);
  }
  return JSON.stringify(/PUBLISH$/.test(name) ? values.map((entry) => JSON.stringify(entry)).sort() : values);
}

/** A connection to each server; what it gets is read up to the reply of a PING of the test's own. */
class Side {
  readonly clients: TestClient[];
  #tokens = 0;

  constructor(clients: TestClient[]) {
    this.clients = clients;
  }

  /** Sends a command; what it and the messages that it caused bring to each connection. */
  async step(at: number, words: readonly Word[]): Promise<Buffer[][]> {
    this.clients[at].send(encodeCommand(...words));
    const all: Buffer[][] = [];
    // The one that sent it first: then all messages are on their way.
    const order = [at, ...this.clients.keys()].filter((index, place) => place === 0 || index !== at);
    for (const index of order) all[index] = await this.#untilPong(this.clients[index]);
    return all;
  }

  async #untilPong(client: TestClient): Promise<Buffer[]> {
    const token = `token ${this.#tokens++} of the test`;
    client.send(encodeCommand('PING', token));
    const replies: Buffer[] = [];
    for (;;) {
      const reply = await client.rawReply();
      if (reply.includes(token)) return replies;
      replies.push(reply);
    }
  }
}

async function sides(
  ours: Record<string, string | boolean | number>,
  theirs: Record<string, string | boolean | number>,
  count: number,
): Promise<[Side, Side]> {
  const servers = await Promise.all([startThermocline(ours), startRedis(theirs)]);
  const made = servers.map(
    async ({ port }) => new Side(await Promise.all(Array.from({ length: count }, () => connect(port)))),
  );
  return Promise.all(made) as Promise<[Side, Side]>;
}

function quoted(words: readonly Word[]): string {
  return words
    .map((word) => JSON.stringify(Buffer.from(word as string, 'latin1').toString('latin1')))
    .join(' ');
}

describe.skipIf(!hasRedis)('subscribers and publishers are told the same as by Redis', () => {
  test('over RESP2 and RESP3', async () => {
    const both = await sides({}, {}, 3);
    const publisher = 2;
    for (let seed = 1; seed <= commandCount(3000) / SEQUENCE_LENGTH; seed++) {
      const random = new SeededRandom(seed);
      const steps: [number, Word[]][] = [
        [0, ['RESET']],
        [1, ['RESET']],
        [0, ['HELLO', `${2 + (seed % 2)}`]],
        [1, ['HELLO', `${2 + (seed % 3 === 0 ? 1 : 0)}`]],
      ];
      while (steps.length < SEQUENCE_LENGTH) {
        const at = random.below(3);
        steps.push([at, pick(random, at === publisher ? PUBLISHER : SUBSCRIBER)(random)]);
      }
      const told: string[] = [];
      for (const [at, words] of steps) {
        told.push(`${at}> ${quoted(words)}`);
        const [ours, theirs] = await Promise.all(both.map((side) => side.step(at, words)));
        for (const index of ours.keys()) {
          const [left, right] = [ours, theirs].map((all) => canonical(all[index], words));
          if (left !== right)
            expect.fail(
              `seed ${seed}\n${told.join('\n')}\n${index}< ours   ${left}\n${index}< theirs ${right}`,
            );
        }
      }
    }
  });
});

/** Commands that change keys, and reads that miss. */
const CHANGES: readonly ((random: Random) => Word[])[] = [
  (random) => ['SET', key(random), value(random)],
  (random) => ['SET', key(random), value(random), pick(random, ['NX', 'XX', 'GET', 'KEEPTTL'])],
  (random) => ['SET', key(random), value(random), 'PXAT', '32503680000000'],
  (random) => ['SET', key(random), value(random), 'EX', pick(random, ['100000', '0'])],
  (random) => ['SETEX', key(random), '100000', value(random)],
  (random) => ['PSETEX', key(random), '100000000', value(random)],
  (random) => ['SETNX', key(random), value(random)],
  (random) => ['GETSET', key(random), value(random)],
  (random) => ['GETDEL', key(random)],
  (random) => ['GETEX', key(random), ...pick(random, [['PERSIST'], ['EX', '100000'], ['PXAT', '1'], []])],
  (random) => ['MSET', key(random), value(random), key(random), value(random)],
  (random) => ['MSETNX', key(random), value(random), key(random), value(random)],
  (random) => [pick(random, ['INCR', 'DECR']), key(random)],
  (random) => [pick(random, ['INCRBY', 'DECRBY', 'INCRBYFLOAT']), key(random), number(random)],
  (random) => ['APPEND', key(random), value(random)],
  (random) => ['SETRANGE', key(random), `${random.below(5)}`, value(random)],
  (random) => ['GET', key(random)],
  (random) => ['MGET', key(random), key(random)],
  (random) => [
    pick(random, ['STRLEN', 'TTL', 'TYPE', 'PERSIST', 'EXISTS', 'TOUCH', 'PEXPIRETIME']),
    key(random),
  ],
  (random) => ['OBJECT', 'ENCODING', key(random)],
  (random) => ['GETRANGE', key(random), '0', '-1'],
  (random) => [pick(random, ['DEL', 'UNLINK']), key(random), key(random)],
  (random) => [pick(random, ['RENAME', 'RENAMENX']), key(random), key(random)],
  (random) => [
    'COPY',
    key(random),
    key(random),
    ...pick(random, [[], ['REPLACE'], ['DB', '1'], ['DB', '1', 'REPLACE']]),
  ],
  (random) => ['MOVE', key(random), '1'],
  (random) => [
    'EXPIRE',
    key(random),
    pick(random, ['100000', '-1', '0']),
    ...pick(random, [[], ['NX'], ['XX'], ['GT']]),
  ],
  (random) => ['PEXPIREAT', key(random), pick(random, ['32503680000001', '1'])],
  (random) => ['LCS', key(random), key(random)],
  (random) => ['SELECT', pick(random, ['0', '0', '1'])],
  () => ['SWAPDB', '0', '1'],
  (random) => (chance(random, 20) ? ['FLUSHALL'] : ['DBSIZE']),
];

const FLEX = { 'enable-flex': true, maxmemory: '128mb', 'flex-hot-threshold': 1 };

describe.skipIf(!hasRedis)('keyspace events are those of Redis', () => {
  test.each(['hot', 'demoted'])('keys that are %s', async (residency) => {
    const isDemoted = residency === 'demoted';
    const events = { 'notify-keyspace-events': 'KEAmn' };
    const flex = isDemoted ? { ...FLEX, 'flex-storage-path': temporaryDirectory() } : {};
    const both = await sides({ ...events, ...flex }, events, 2);
    const admin = isDemoted ? both[0].clients[0] : null;
    for (const side of both) {
      await side.step(1, ['PSUBSCRIBE', '__key*__:*']);
    }
    for (let seed = 1; seed <= commandCount(3000) / SEQUENCE_LENGTH; seed++) {
      const random = new SeededRandom(seed);
      const told: string[] = [];
      for (let count = 0; count < SEQUENCE_LENGTH; count++) {
        const words = count === 0 ? ['FLUSHALL'] : pick(random, CHANGES)(random);
        told.push(quoted(words));
        const [ours, theirs] = await Promise.all(both.map((side) => side.step(0, words)));
        const [left, right] = [ours, theirs].map((all) =>
          all[1].map((raw) => JSON.stringify(shown(decodeReply(raw, false)))),
        );
        if (left.join('\n') !== right.join('\n'))
          expect.fail(
            `seed ${seed}\n${told.join('\n')}\nours\n${left.join('\n')}\ntheirs\n${right.join('\n')}`,
          );
        await admin?.call('FLEX', 'DEMOTE', ...KEYS);
      }
    }
  });
});

describe.skipIf(!hasRedis)('notify-keyspace-events', () => {
  let ours: TestClient;
  let theirs: TestClient;

  beforeAll(async () => {
    const servers = await Promise.all([startThermocline(), startRedis()]);
    [ours, theirs] = await Promise.all(servers.map(({ port }) => connect(port)));
  });

  test.each(['', 'K', 'E', 'KEA', 'AKE', 'g$lshzxetd', 'Kg', 'xE', 'nE', 'Km', 'mEnx', 'dtK', 'KK', 'AgK'])(
    '%j is given back as by Redis',
    async (letters) => {
      const read = async (client: TestClient) => [
        await client.call('CONFIG', 'SET', 'notify-keyspace-events', letters),
        await client.call('CONFIG', 'GET', 'notify-keyspace-events'),
      ];
      expect(await read(ours)).toEqual(await read(theirs));
    },
  );

  test.each(['q', 'KEq', 'k', ' K'])('%j is refused', async (letters) => {
    const [left, right] = await Promise.all(
      [ours, theirs].map((client) => client.call('CONFIG', 'SET', 'notify-keyspace-events', letters)),
    );
    const reason = (reply: Reply) => String((reply as ReplyError).message).replace(/Use '\w.*'/, '');
    expect(reason(left)).toBe(reason(right));
  });
});
