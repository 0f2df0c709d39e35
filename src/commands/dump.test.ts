import { describe, expect, test } from 'vitest';
import {
  createEngine,
  expectSteps,
  RESIDENCIES,
  START_MS,
  type TestEngine,
  type Word,
} from '../../test/support/engine.ts';
import { SeededRandom } from '../base/random.ts';
import { endDump } from '../persistence/rdb/dump.ts';
import { RdbWriter } from '../persistence/rdb/writer.ts';

/** The payload that DUMP replies for a key. */
function dumped(engine: TestEngine, key: string): Uint8Array {
  const { raw } = engine.run('DUMP', key);
  const start = raw.indexOf('\r\n') + 2;
  return Buffer.from(raw.slice(start, -2), 'latin1');
}

/** A payload of these bytes with a right version and checksum. */
function payload(bytes: Uint8Array): Uint8Array {
  const writer = new RdbWriter();
  writer.writeBytes(bytes, 0, bytes.length);
  endDump(writer);
  return writer.bytes.slice(0, writer.length);
}

/** Commands that make a value of each type and kind of storage under the key `k`, and how it is read. */
const VALUES: Readonly<Record<string, { makes: readonly Word[][]; reads: readonly Word[] }>> = {
  string: { makes: [['SET', 'k', 'x'.repeat(100)]], reads: ['GET', 'k'] },
  integer: { makes: [['SET', 'k', '-129']], reads: ['GET', 'k'] },
  'large string': { makes: [['SET', 'k', 'abc'.repeat(700_000)]], reads: ['STRLEN', 'k'] },
  list: { makes: [['RPUSH', 'k', 'a', '', '7']], reads: ['LRANGE', 'k', '0', '-1'] },
  'large list': { makes: [['RPUSH', 'k', ...many(3000)]], reads: ['LRANGE', 'k', '0', '-1'] },
  intset: { makes: [['SADD', 'k', '1', '-70000', '12345678901']], reads: ['SMEMBERS', 'k'] },
  set: { makes: [['SADD', 'k', 'a', 'b', '3']], reads: ['SINTERCARD', '1', 'k'] },
  'large set': { makes: [['SADD', 'k', ...many(3000)]], reads: ['SCARD', 'k'] },
  'sorted set': {
    makes: [['ZADD', 'k', '1', 'a', '-inf', 'b', '1.5', 'c']],
    reads: ['ZRANGE', 'k', '0', '-1'],
  },
  'large sorted set': {
    makes: [['ZADD', 'k', ...many(3000).flatMap((member, at) => [`${at % 100}`, member])]],
    reads: ['ZRANGE', 'k', '0', '-1', 'WITHSCORES'],
  },
  hash: { makes: [['HSET', 'k', 'f', 'v', 'g', '']], reads: ['HGETALL', 'k'] },
  'large hash': { makes: [['HSET', 'k', ...many(3000)]], reads: ['HLEN', 'k'] },
  'expiring hash': {
    makes: [
      ['HSET', 'k', 'f', 'v', 'g', 'w', 'h', 'x'],
      ['HPEXPIREAT', 'k', START_MS + 5000, 'FIELDS', '2', 'f', 'g'],
    ],
    reads: ['HPEXPIRETIME', 'k', 'FIELDS', '3', 'f', 'g', 'h'],
  },
  'large expiring hash': {
    makes: [
      ['HSET', 'k', ...many(3000)],
      ['HPEXPIREAT', 'k', START_MS + 5000, 'FIELDS', '2', 'element 0', 'element 2'],
    ],
    reads: ['HPEXPIRETIME', 'k', 'FIELDS', '3', 'element 0', 'element 2', 'element 4'],
  },
  stream: {
    makes: [
      ['XADD', 'k', '1-1', 'f', 'v'],
      ['XADD', 'k', '2-1', 'f', 'v', 'g', 'w'],
      ['XADD', 'k', '3-1', 'f', 'v'],
      ['XDEL', 'k', '2-1'],
      ['XGROUP', 'CREATE', 'k', 'group', '0'],
      ['XREADGROUP', 'GROUP', 'group', 'reader', 'COUNT', '1', 'STREAMS', 'k', '>'],
    ],
    reads: ['XINFO', 'STREAM', 'k', 'FULL'],
  },
  'large stream': {
    makes: [
      ...many(300).map((text, at): Word[] => ['XADD', 'k', `${at + 1}-0`, 'f', text.repeat(5)]),
      ['XGROUP', 'CREATE', 'k', 'group', '0'],
      ['XREADGROUP', 'GROUP', 'group', 'reader', 'COUNT', '200', 'STREAMS', 'k', '>'],
    ],
    reads: ['XPENDING', 'k', 'group', '-', '+', '300'],
  },
};

function many(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `element ${at}`);
}

describe.each(RESIDENCIES)('DUMP and RESTORE (%s)', (residency) => {
  test.each(Object.keys(VALUES))('carry a value: %s', (name) => {
    const engine = createEngine({ residency });
    const { makes, reads } = VALUES[name];
    for (const words of makes) engine.run(...words);
    const before = [engine.run(...reads).raw, engine.run('OBJECT', 'ENCODING', 'k').raw];
    const bytes = dumped(engine, 'k');
    // Into another database, where the pages of the first are not.
    engine.run('SELECT', 1);
    expect(engine.run('RESTORE', 'k', 0, bytes).raw).toBe('+OK\r\n');
    engine.run('SELECT', 0);
    engine.run('DEL', 'k');
    while (engine.pendingFreeCount > 0) engine.runCron();
    engine.run('SELECT', 1);
    expect([engine.run(...reads).raw, engine.run('OBJECT', 'ENCODING', 'k').raw]).toEqual(before);
    expect(dumped(engine, 'k').length).toBe(bytes.length);
  });

  test('options, what is propagated and told', () => {
    const engine = createEngine({ residency });
    engine.run('SET', 'k', 'v');
    const bytes = dumped(engine, 'k');
    const text = Buffer.from(bytes).toString('utf8');
    expectSteps(engine, [
      [['RESTORE', 'k', '0', bytes], '-BUSYKEY Target key name already exists.'],
      [['RESTORE', 'k', '-1', bytes, 'REPLACE'], '-ERR Invalid TTL value, must be >= 0'],
      [['RESTORE', 'k', 'x', bytes, 'REPLACE'], '-ERR value is not an integer or out of range'],
      [['RESTORE', 'n', '0', 'x'], '-ERR DUMP payload version or checksum are wrong'],
      [['RESTORE', 'n', '0', payload(Buffer.from([0, 9]))], '-ERR Bad data format'],
      [['RESTORE', 'n', '0', bytes, 'x'], '-ERR syntax error'],
      [['RESTORE', 'n', '0', bytes, 'IDLETIME', '-1'], '-ERR Invalid IDLETIME value, must be >= 0'],
      [['RESTORE', 'n', '0', bytes, 'FREQ', '256'], '-ERR Invalid FREQ value, must be >= 0 and <= 255'],
      [['RESTORE', 'n', '0', bytes, 'FREQ', '1', 'IDLETIME', '1'], '-ERR syntax error'],
      [['RESTORE', 'n', '0', bytes, 'IDLETIME', '77'], '+OK', 'same', ['g restore n']],
      ['OBJECT IDLETIME n', ':77'],
      [
        ['RESTORE', 'k', '500', bytes, 'REPLACE'],
        '+OK',
        [`RESTORE k ${START_MS + 500} ${text} REPLACE ABSTTL`],
        ['g restore k'],
      ],
      ['PTTL k', ':500'],
      [['RESTORE', 'k', START_MS + 900, bytes, 'REPLACE', 'ABSTTL'], '+OK', 'same', ['g restore k']],
      ['PTTL k', ':900'],
      [['RESTORE', 'k', '1', bytes, 'REPLACE', 'ABSTTL'], '+OK', ['DEL k'], ['g del k']],
      [['RESTORE', 'k', '1', bytes, 'ABSTTL'], '+OK'],
      ['EXISTS k', ':0'],
      ['DUMP k', '$-1'],
    ]);
  });

  test('a frequency counts under an LFU policy', () => {
    const engine = createEngine({ residency, directives: { 'maxmemory-policy': 'allkeys-lfu' } });
    engine.run('SET', 'k', 'v');
    const bytes = dumped(engine, 'k');
    engine.run('RESTORE', 'n', '0', bytes, 'FREQ', '200');
    expect(engine.run('OBJECT', 'FREQ', 'n').value).toBe(200);
  });
});

test('hostile payloads cost neither data nor memory', () => {
  const engine = createEngine();
  const random = new SeededRandom(3);
  for (const [name, { makes }] of Object.entries(VALUES)) {
    if (name === 'large string') continue;
    for (const words of makes) engine.run(...words);
    const whole = dumped(engine, 'k').slice(0, -10);
    engine.run('DEL', 'k');
    engine.run('SET', 'there', 'value');
    while (engine.pendingFreeCount > 0) engine.runCron();
    const used = engine.keyspace.arena.usedBytes;
    for (let attempt = 0; attempt < 40; attempt++) {
      let bytes = Uint8Array.from(whole);
      if (attempt % 3 === 0) bytes = bytes.slice(0, random.below(bytes.length));
      else bytes[random.below(bytes.length)] ^= 1 << random.below(8);
      const { raw } = engine.run('RESTORE', 'hostile', 0, payload(bytes));
      expect(raw).toMatch(
        /^(\+OK|-ERR Bad data format|-ERR DUMP payload version or checksum are wrong)\r\n$/,
      );
      engine.run('DEL', 'hostile');
    }
    while (engine.pendingFreeCount > 0) engine.runCron();
    expect({ name, used: engine.keyspace.arena.usedBytes }).toEqual({ name, used });
    expect(engine.run('GET', 'there').value).toBe('value');
  }
});
