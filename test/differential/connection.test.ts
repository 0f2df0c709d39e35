import { describe, expect, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { connect } from '../support/client.ts';
import { hasRedis, startRedis, startThermocline } from '../support/servers.ts';
import { EDGES, key, number, pick, value, type Word } from './generate.ts';
import { commandCount, compareSequences, Pair } from './run.ts';

const NAMES: readonly Word[] = ['me', '', 'two words', 'new\nline', 'ünïcode', '\x00', 'x'.repeat(200), '~!'];

const TRACKING_OPTIONS: readonly Word[] = ['BCAST', 'OPTIN', 'OPTOUT', 'optin', 'noloop', 'x'];

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  () => ['PING'],
  (random) => ['PING', value(random)],
  (random) => ['ECHO', value(random)],
  () => ['HELLO'],
  (random) => ['HELLO', pick(random, ['2', '3', '2', '3', '1', '4', ...EDGES])],
  (random) => ['HELLO', '3', 'SETNAME', pick(random, NAMES)],
  (random) => ['HELLO', '2', 'AUTH', pick(random, ['default', 'other']), value(random)],
  (random) => ['HELLO', '3', pick(random, ['AUTH', 'SETNAME', 'X']), value(random)],
  (random) => ['SELECT', number(random)],
  (random) => ['AUTH', value(random)],
  (random) => ['AUTH', pick(random, ['default', 'Default', 'other', '']), value(random)],
  () => ['CLIENT', 'GETNAME'],
  (random) => ['CLIENT', 'SETNAME', pick(random, NAMES)],
  () => ['CLIENT', 'ID'],
  (random) => ['CLIENT', 'NO-EVICT', pick(random, ['on', 'OFF', 'x'])],
  (random) => ['CLIENT', 'REPLY', pick(random, ['on', 'ON', 'x', ''])],
  (random) => ['CLIENT', 'KILL', pick(random, ['1.2.3.4:5', 'x', '', ...EDGES])],
  (random) => ['CLIENT', 'KILL', 'ID', pick(random, ['999999', ...EDGES])],
  (random) => ['CLIENT', 'KILL', 'TYPE', pick(random, ['replica', 'slave', 'pubsub', 'master', 'x'])],
  (random) => ['CLIENT', 'KILL', 'ADDR', 'x', 'SKIPME', pick(random, ['yes', 'no', 'x'])],
  (random) => ['CLIENT', 'KILL', 'USER', pick(random, ['nobody', '']), 'ID', '999999'],
  (random) => ['CLIENT', 'LIST', 'TYPE', pick(random, ['normal', 'x', 'slave'])],
  (random) => ['CLIENT', 'LIST', 'ID', pick(random, ['1', 'x', '0', '-1', ...EDGES])],
  (random) => ['CLIENT', pick(random, ['INFO', 'LIST', 'NOSUCH', ''])],
  // Twice, so that NOLOOP is there however the command is spoilt: a client never hears of its own changes.
  (random) => ['CLIENT', 'TRACKING', 'on', 'NOLOOP', pick(random, TRACKING_OPTIONS), 'NOLOOP'],
  (random) => ['CLIENT', 'TRACKING', 'on', 'NOLOOP', 'BCAST', 'PREFIX', key(random), 'NOLOOP'],
  (random) => ['CLIENT', 'TRACKING', pick(random, ['off', 'OFF', 'x'])],
  (random) => ['CLIENT', 'CACHING', pick(random, ['yes', 'NO', 'x'])],
  () => ['CLIENT', 'TRACKINGINFO'],
  () => ['CLIENT', 'GETREDIR'],
  () => ['CLIENT', 'UNPAUSE'],
  (random) => ['CLIENT', 'UNBLOCK', pick(random, EDGES), pick(random, ['timeout', 'ERROR', 'x'])],
  () => ['RESET'],
  () => ['COMMAND', 'COUNT'],
  (random) => [
    'COMMAND',
    'GETKEYS',
    pick(random, ['GET', 'MSET', 'PING', 'nosuch']),
    key(random),
    key(random),
  ],
  (random) => ['COMMAND', pick(random, ['NOSUCH', 'GETKEYS'])],
  (random) => ['CONFIG', pick(random, ['NOSUCH', 'GET', 'SET'])],
  (random) => [
    'CONFIG',
    'SET',
    pick(random, ['nosuch', 'maxmemory-samples']),
    pick(random, ['5', '0', '-1', 'x']),
  ],
  (random) => ['CONFIG', 'GET', pick(random, ['nosuch', 'maxmemory-samples', 'timeou[t]'])],
  (random) => ['NOSUCH', value(random), value(random), value(random)],
  (random) => [value(random), value(random)],
  (random) => ['GET', key(random)],
  (random) => ['MSET', key(random)],
  (random) => ['DEBUG', pick(random, ['NOSUCH'])],
  (random) => ['SLOWLOG', pick(random, ['NOSUCH', 'GET', 'LEN', 'RESET']), number(random)],
  (random) => ['MEMORY', pick(random, ['NOSUCH', 'USAGE'])],
  (random) => ['OBJECT', pick(random, ['NOSUCH', 'FREQ'])],
  (random) => ['LATENCY', pick(random, ['NOSUCH', 'RESET', 'LATEST'])],
];

describe.skipIf(!hasRedis)('connection commands reply as Redis', () => {
  test('flex off', async () => {
    const pair = await Pair.start('flex off');
    await compareSequences(pair, (random) => pick(random, COMMANDS)(random), commandCount(40_000));
  });

  test('inline commands and broken protocol', async () => {
    const [thermocline, redis] = await Promise.all([startThermocline(), startRedis()]);
    const random = new SeededRandom(3);
    // No zero byte: Redis looks for the end of an inline command with strchr, and would wait for ever.
    const pieces: readonly string[] = [
      'PING',
      'SET',
      'GET',
      'a',
      '"a b"',
      "'it\\'s'",
      '"\\x41\\n"',
      '"',
      "'",
      ' ',
      '\t',
      '\r\n',
      '\n',
      '*1\r\n$4\r\nPING\r\n',
      '*2\r\n$3\r\nGET\r\n',
      '*-1\r\n',
      '*0\r\n',
      '*x\r\n',
      '*1\r\n',
      '*1048577\r\n',
      '*2147483648\r\n',
      '$3\r\nabc\r\n',
      '$-1\r\n',
      '$999999999999\r\n',
      '$01\r\n',
      '+OK\r\n',
      '\xff',
      'x'.repeat(100),
    ];
    for (let round = 0; round < 1500; round++) {
      const parts: string[] = [];
      for (let at = 1 + random.below(8); at > 0; at--) parts.push(pick(random, pieces));
      // What is unfinished ends with the connection; QUIT ends what is whole.
      const bytes = Buffer.from(`${parts.join('')}\r\nQUIT\r\n`, 'latin1');
      const [ours, theirs] = await Promise.all(
        [thermocline, redis].map(async ({ port }) => {
          const client = await connect(port);
          client.socket.end(bytes);
          const all = await client.untilClosed();
          client.close();
          return all.toString('latin1');
        }),
      );
      expect(ours, JSON.stringify(parts)).toBe(theirs);
    }
  });
});
