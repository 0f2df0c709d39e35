import { describe, expect, test } from 'vitest';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import { connect, encodeCommand, type TestClient } from '../support/client.ts';
import { hasRedis, startRedis, startThermocline } from '../support/servers.ts';
import { bytes, chance, expiry, key, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

/** Elements of any bytes and lengths, many of them met again. */
function element(random: Random): Word {
  return chance(random, 70) ? String(random.below(5000)) : bytes(random, 40);
}

function elements(random: Random): Word[] {
  const words: Word[] = [];
  const count = chance(random, 80) ? random.below(5) : random.below(random.below(600) + 1);
  while (words.length < count) words.push(element(random));
  return words;
}

function keys(random: Random): Word[] {
  const words: Word[] = [];
  while (chance(random, 60)) words.push(key(random));
  return words;
}

/** Changes of the header: the mark, the encoding, the cardinality and whether it is stale. */
function forgery(random: Random): [offset: string, part: Word] {
  const kind = random.below(6);
  if (kind === 0) return ['0', pick(random, ['HYLX', 'HYLL'])];
  if (kind === 1) return ['4', Buffer.of(random.below(3))];
  if (kind === 2) return ['5', bytes(random, 3)];
  if (kind === 3) return ['8', bytes(random, 5)];
  return ['15', Buffer.of(pick(random, [0, 0x80]))];
}

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  (random) => ['PFADD', key(random), ...elements(random)],
  (random) => ['PFADD', key(random), ...elements(random)],
  (random) => ['PFADD', key(random), ...elements(random)],
  (random) => ['PFADD', key(random), element(random)],
  (random) => ['PFCOUNT', key(random)],
  (random) => ['PFCOUNT', key(random), ...keys(random)],
  (random) => ['PFMERGE', key(random), ...keys(random)],
  (random) => ['PFDEBUG', pick(random, ['GETREG', 'DECODE', 'ENCODING', 'TODENSE', 'nosuch']), key(random)],
  (random) => ['PFDEBUG', 'DECODE', key(random)],
  (random) => ['GET', key(random)],
  (random) => ['COPY', key(random), key(random), 'REPLACE'],
  (random) => ['OBJECT', 'ENCODING', key(random)],
  (random) => (chance(random, 30) ? ['SET', key(random), value(random)] : ['DEL', key(random)]),
  (random) => (chance(random, 30) ? ['SETRANGE', key(random), ...forgery(random)] : ['STRLEN', key(random)]),
  (random) => ['PEXPIRE', key(random), expiry(random, false, false)],
];

describe.skipIf(!hasRedis)('HyperLogLog commands reply as Redis', () => {
  test.each(MODES)('%s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(pair, (random) => pick(random, COMMANDS)(random), commandCount(12_000));
  });
});

describe.skipIf(!hasRedis)('values are those of Redis byte for byte', () => {
  async function both(clients: TestClient[], ...words: Word[]): Promise<string[]> {
    for (const client of clients) client.send(encodeCommand(...words));
    const replies = await Promise.all(clients.map((client) => client.rawReply()));
    return replies.map((reply) => reply.toString('latin1'));
  }

  test.each([0, 64, 1000, 3000, 6000])('with hll-sparse-max-bytes %i', async (sparseBytesMax) => {
    const directives = { 'hll-sparse-max-bytes': sparseBytesMax };
    const servers = await Promise.all([startThermocline(directives), startRedis(directives)]);
    const clients = await Promise.all(servers.map(({ port }) => connect(port)));
    const random = new SeededRandom(sparseBytesMax + 1);
    for (let step = 0; step < 250; step++) {
      const added = Array.from({ length: 1 + random.below(3 + step) }, () =>
        chance(random, 50) ? String(random.below(1e6)) : bytes(random, 60),
      );
      const name = pick(random, ['a', 'b', 'c']);
      const commands: Word[][] = [
        ['PFADD', name, ...added],
        ['GET', name],
        ['PFCOUNT', name],
        ['PFCOUNT', 'a', 'b', 'c'],
        ['GET', name],
        ['PFMERGE', `m${random.below(20)}`, ...(chance(random, 50) ? ['a'] : ['a', 'b', 'c'])],
        ['GET', `m${random.below(20)}`],
      ];
      for (const command of commands) {
        const [ours, theirs] = await both(clients, ...command);
        expect(ours === theirs, `step ${step}: ${command[0]} ${command[1]}`).toBe(true);
      }
    }
  });

  test('a value of one server goes on growing in the other', async () => {
    const servers = await Promise.all([startThermocline(), startRedis()]);
    const clients = await Promise.all(servers.map(({ port }) => connect(port)));
    const random = new SeededRandom(8);
    for (let step = 0; step < 60; step++) {
      const added = Array.from({ length: 1 + random.below(60) }, () => String(random.below(1e6)));
      const [from, to] = step % 2 === 0 ? clients : clients.toReversed();
      from.send(encodeCommand('GET', 'a'));
      const value = (await from.reply(false)) as Buffer | null;
      if (value !== null) await to.call('SET', 'a', value);
      const [ours, theirs] = await both(clients, 'PFADD', 'a', ...added);
      expect([step, ours]).toEqual([step, theirs]);
      const [left, right] = await both(clients, 'GET', 'a');
      expect(left === right, `step ${step}`).toBe(true);
    }
  });
});
