import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { endDump } from '../../src/persistence/rdb/dump.ts';
import { RdbWriter } from '../../src/persistence/rdb/writer.ts';
import { connect, type TestClient } from '../support/client.ts';
import {
  bytes,
  call,
  configure,
  NODES,
  PACKED,
  populate,
  serverValue,
  UNPACKED,
} from '../support/server-values.ts';
import { hasRedis, startRedis, startThermocline, temporaryDirectory } from '../support/servers.ts';
import { chance, key, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';

const SANITIZED = { 'sanitize-dump-payload': 'yes' };

/** Takes a key from one server to the other and compares what they reply of it; a list's encoding is another since Redis 7.2. */
async function carry(from: TestClient, to: TestClient, name: string): Promise<void> {
  const payload = (await call(from, 'DUMP', name)) as string;
  await call(to, 'RESTORE', 'carried', 0, payload, 'REPLACE');
  const [sent, received] = [await serverValue(from, name), await serverValue(to, 'carried')];
  expect({ name, value: received }).toEqual({ name, value: sent });
  if (sent.kind !== 'sortedSet') {
    // Redis 7.0 writes scores with more digits.
    const digests = [
      await call(from, 'DEBUG', 'DIGEST-VALUE', name),
      await call(to, 'DEBUG', 'DIGEST-VALUE', 'carried'),
    ];
    expect({ name, digest: digests[1] }).toEqual({ name, digest: digests[0] });
  }
  if (sent.kind === 'list' || sent.kind === 'set') return;
  const encodings = [
    await call(from, 'OBJECT', 'ENCODING', name),
    await call(to, 'OBJECT', 'ENCODING', 'carried'),
  ];
  expect({ name, encoding: encodings[1] }).toEqual({ name, encoding: encodings[0] });
}

describe.runIf(hasRedis)('DUMP and RESTORE between the servers', () => {
  for (const [name, directives] of Object.entries({ packed: PACKED, unpacked: UNPACKED, default: {} })) {
    test(`${name} values of all types go both ways`, async () => {
      const flex = { 'enable-flex': true, 'flex-storage-path': temporaryDirectory(), maxmemory: '128mb' };
      const [ours, theirs] = await Promise.all([
        startThermocline({ save: '', 'enable-debug-command': true, ...flex }),
        startRedis(SANITIZED),
      ]);
      const [own, other] = [await connect(ours.port), await connect(theirs.port)];
      for (const client of [own, other]) await configure(client, { ...directives, ...NODES });
      for (let seed = 1; seed <= 3; seed++) {
        const random = new SeededRandom(seed);
        for (const client of [own, other]) {
          await call(client, 'FLUSHALL');
          await call(client, 'CONFIG', 'SET', 'rdbcompression', seed % 2 === 0 ? 'no' : 'yes');
        }
        for (const found of await populate(other, random, name)) await carry(other, own, found);
        const made = await populate(own, random, name);
        if (seed === 2) await call(own, 'FLEX', 'DEMOTE', ...made);
        for (const found of made) await carry(own, other, found);
      }
    });
  }

  test('what one server refuses the other refuses, and what it takes is the same', async () => {
    const [ours, theirs] = await Promise.all([startThermocline({ save: '' }), startRedis(SANITIZED)]);
    const [own, other] = [await connect(ours.port), await connect(theirs.port)];
    for (const client of [own, other]) await configure(client, NODES);
    const random = new SeededRandom(5);
    let accepted = 0;
    for (const name of await populate(other, random, 'hostile')) {
      const payload = bytes((await call(other, 'DUMP', name)) as string);
      if (payload.length > 2000) continue;
      for (let attempt = 0; attempt < 60; attempt++) {
        const changed = Buffer.from(payload.subarray(0, -10));
        const at = random.below(changed.length);
        changed[at] = chance(random, 50) ? random.below(256) : changed[at] ^ (1 << random.below(8));
        const writer = new RdbWriter();
        writer.writeBytes(changed, 0, changed.length);
        endDump(writer);
        const spoilt = Buffer.from(writer.bytes.subarray(0, writer.length)).toString('latin1');
        const [mine, its] = await Promise.all(
          [own, other].map((client) => call(client, 'RESTORE', 'spoilt', 0, spoilt, 'REPLACE').catch(String)),
        );
        // What else Redis lets pass is told in docs/formats/rdb.md.
        if (mine !== 'OK') {
          expect(mine).toMatch(
            /^ReplyError: ERR (Bad data format|DUMP payload version or checksum are wrong)$/,
          );
          continue;
        }
        expect({ name, at, payload: changed.toString('hex'), reply: its }).toMatchObject({ reply: mine });
        accepted++;
        expect({ name, at, value: await serverValue(own, 'spoilt') }).toEqual({
          name,
          at,
          value: await serverValue(other, 'spoilt'),
        });
      }
    }
    expect(accepted).toBeGreaterThan(100);
    expect(await call(own, 'PING')).toBe('PONG');
  });
});

describe.runIf(hasRedis).each(MODES)('RESTORE (%s)', (mode) => {
  test('options, errors and what it leaves', async () => {
    const pair = await Pair.start(mode);
    const PAYLOADS = await payloads();
    await compareSequences(
      pair,
      (random): Word[] => {
        if (chance(random, 30)) return ['DUMP', pick(random, ['missing', 'gone'])];
        if (chance(random, 15)) return ['SET', key(random), value(random)];
        if (chance(random, 15)) return [pick(random, ['TTL', 'TYPE', 'EXISTS']), key(random)];
        const words: Word[] = [
          'RESTORE',
          key(random),
          pick(random, ['0', '0', '1', '1000000000', '-1', number(random)]),
        ];
        words.push(chance(random, 80) ? pick(random, PAYLOADS) : value(random));
        while (chance(random, 40)) {
          words.push(pick(random, ['REPLACE', 'replace', 'ABSTTL', 'IDLETIME', 'FREQ', 'x']));
          if (chance(random, 40)) words.push(pick(random, ['0', '5', '255', '256', '-1', 'x']));
        }
        return words;
      },
      commandCount(400),
    );
  });
});

/** Payloads of a few values. */
async function payloads(): Promise<Buffer[]> {
  const server = await startRedis();
  const client = await connect(server.port);
  const found: Buffer[] = [];
  for (const [name, ...words] of [
    ['SET', 'text'],
    ['SET', '12345'],
    ['RPUSH', 'a', 'b', 'c'],
    ['SADD', '1', '2', '3'],
    ['ZADD', '1', 'a', '2', 'b'],
    ['HSET', 'field', 'value'],
    ['XADD', '5-5', 'field', 'value'],
  ]) {
    await call(client, name, name, ...words);
    found.push(bytes((await call(client, 'DUMP', name)) as string));
    await call(client, 'DEL', name);
  }
  return found;
}
