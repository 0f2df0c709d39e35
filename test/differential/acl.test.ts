import { beforeAll, describe, expect, test } from 'vitest';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import { CATEGORIES } from '../../src/command-table/row.ts';
import { decodeReply, type Reply, ReplyError } from '../../src/resp/reply.ts';
import { connect, encodeCommand, type TestClient } from '../support/client.ts';
import { hasRedis, startRedis, startThermocline } from '../support/servers.ts';
import { chance, pick } from './generate.ts';
import { commandCount } from './run.ts';

const USERS = ['alice', 'bob'];
const KEYS = ['a', 'ab', 'b', 'ba', 'c'];
const CHANNELS = ['a', 'ab', 'b', 'a*', '*'];
const HASH = '148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940';
/** Commands that both have, and that do no harm to the connection. */
const COMMANDS = [
  'get',
  'set',
  'append',
  'mget',
  'mset',
  'copy',
  'rename',
  'exists',
  'strlen',
  'select',
  'ping',
];
const PARTS = [
  'config',
  'config|get',
  'config|set',
  'object|freq',
  'acl|whoami',
  'acl|nosuch',
  'nosuch',
  'GET',
];

const RULES: readonly ((random: Random) => string)[] = [
  (random) =>
    pick(random, ['on', 'on', 'off', 'ON', 'nopass', 'nopass', 'resetpass', 'reset', 'clearselectors']),
  (random) =>
    pick(random, ['>p', '>q', '<p', '<q', `#${HASH}`, `!${HASH}`, '#abc', `#${HASH.toUpperCase()}`]),
  (random) => pick(random, ['~*', 'allkeys', 'resetkeys', 'RESETKEYS', '&*', 'allchannels', 'resetchannels']),
  (random) =>
    `${pick(random, ['~', '~', '%R~', '%W~', '%RW~', '%wr~'])}${pick(random, ['a', 'a*', '*', '?b', 'b*'])}`,
  (random) => pick(random, ['%X~a', '%RR~a', '~a b', 'nosuch', '+', '-', '@read', '&a b']),
  (random) => `&${pick(random, CHANNELS)}`,
  (random) => pick(random, ['+@all', '-@all', 'allcommands', 'nocommands']),
  (random) => `${pick(random, ['+', '-'])}${pick(random, COMMANDS)}`,
  (random) => `${pick(random, ['+', '+', '-'])}${pick(random, PARTS)}`,
  (random) => `${pick(random, ['+', '-'])}@${pick(random, [...CATEGORIES, 'READ', 'nosuch'])}`,
  (random) => `+${pick(random, ['select|0', 'select|1', 'get|x', 'config|get|x', 'config|', 'nosuch|x'])}`,
];

function rule(random: Random): string {
  const rules = (count: number) => Array.from({ length: count }, () => pick(random, RULES)(random)).join(' ');
  if (chance(random, 85)) return rules(1);
  // Now and then without its end.
  return `(${rules(1 + random.below(3))}${chance(random, 90) ? ')' : ''}`;
}

/** Commands whose categories are those of a later version. */
const CATEGORIES_DIFFER = ['wait'];

/** What a user's client does. */
const USES: readonly ((random: Random) => string)[] = [
  (random) => `GET ${pick(random, KEYS)}`,
  (random) => `SET ${pick(random, KEYS)} v`,
  (random) => `SET ${pick(random, KEYS)} v GET`,
  (random) => `APPEND ${pick(random, KEYS)} v`,
  (random) => `STRLEN ${pick(random, KEYS)}`,
  (random) => `EXISTS ${pick(random, KEYS)} ${pick(random, KEYS)}`,
  (random) => `MGET ${pick(random, KEYS)} ${pick(random, KEYS)}`,
  (random) => `MSET ${pick(random, KEYS)} 1 ${pick(random, KEYS)} 2`,
  (random) => `COPY ${pick(random, KEYS)} ${pick(random, KEYS)} REPLACE`,
  (random) => `RENAME ${pick(random, KEYS)} ${pick(random, KEYS)}`,
  (random) => `OBJECT ENCODING ${pick(random, KEYS)}`,
  (random) => `OBJECT HELP`.slice(0, 7 + random.below(5)),
  (random) => `PUBLISH ${pick(random, CHANNELS)} m`,
  (random) => `SELECT ${pick(random, ['0', '0', '1'])}`,
  (random) =>
    pick(random, [
      'MULTI',
      'EXEC',
      'EXEC',
      'DISCARD',
      'PING',
      'ACL WHOAMI',
      'KEYS z',
      'CONFIG GET timeout x',
    ]),
  (random) => pick(random, ['WATCH a', 'UNWATCH', 'NOSUCH a', 'GET', 'CONFIG', 'DBSIZE', 'WATCH b']),
  (random) => `AUTH ${pick(random, [...USERS, 'default', 'nosuch'])} ${pick(random, ['p', 'q'])}`,
  (random) => `AUTH ${pick(random, ['p', 'q'])}`,
];

const TRIED: readonly ((random: Random) => string)[] = [
  ...USES.slice(0, 15),
  (random) => `SUBSCRIBE ${pick(random, CHANNELS)} ${pick(random, CHANNELS)}`,
  (random) => `PSUBSCRIBE ${pick(random, CHANNELS)}`,
  (random) => `UNSUBSCRIBE ${pick(random, CHANNELS)}`,
  (random) => pick(random, ['AUTH x', 'HELLO 3', 'ACL', 'ACL NOSUCH', 'FLUSHALL', 'WATCH a b']),
];

/** What the administrator does. */
const CHANGES: readonly ((random: Random) => string[])[] = [
  (random) => [
    'SETUSER',
    pick(random, USERS),
    ...Array.from({ length: 1 + random.below(4) }, () => rule(random)),
  ],
  (random) => ['SETUSER', pick(random, USERS), ...pick(random, GOOD)],
  (random) => ['GETUSER', pick(random, [...USERS, 'default', 'nosuch'])],
  () => ['LIST'],
  () => ['USERS'],
  (random) => [
    'DRYRUN',
    pick(random, [...USERS, ...USERS, 'nosuch']),
    ...pick(random, TRIED)(random).split(' '),
  ],
  (random) => ['DRYRUN', pick(random, USERS), ...pick(random, TRIED)(random).split(' ')],
  (random) => ['SETUSER', pick(random, ['a b', 'c\0', 'carol'])],
  (random) => ['DELUSER', pick(random, ['carol', 'nosuch', 'default'])],
  (random) => ['LOG', pick(random, ['3', '1', '-1', 'x', 'RESET'])],
  (random) => ['GENPASS', pick(random, ['0', '-1', '4097', 'x'])],
  (random) => ['CAT', pick(random, ['nosuch', '', 'x y'])],
];

/** Rules that make a user to whom some things are allowed and others are not. */
const GOOD = [
  ['reset', 'on', 'nopass', '+@all', '~a*', '&a*'],
  ['reset', 'on', '>p', '+@all', '-acl', '%R~a*', '%W~b*', '&a'],
  ['reset', 'on', '>p', '+@string', '~*', '(+copy ~a ~b)', '(+@keyspace %R~* %W~c)'],
  ['reset', 'on', 'nopass', '+@read', '+@transaction', '+select|0', '~a', '~b'],
];

/** Texts that Redis words otherwise since 7.2, and rules that it then keeps as they were given. */
function normalized(reply: Reply): unknown {
  if (reply instanceof ReplyError) return { error: normalizedText(reply.message) };
  if (reply instanceof Map) {
    return [...reply]
      .filter(([name]) => !/^(entry-id|timestamp-|age-|client-info)/.test(`${name}`))
      .map(([name, value]) => [name, name === 'commands' ? '' : normalized(value)]);
  }
  if (reply instanceof Set) return [...reply].filter((flag) => flag !== 'sanitize-payload');
  if (Array.isArray(reply)) return reply.map(normalized);
  return typeof reply === 'string' ? normalizedText(reply) : reply;
}

function normalizedText(text: string): string {
  return text
    .replace(/^(NOPERM )?(?:User \S+|[Tt]his user) has no permissions/, '$1User has no permissions')
    .replace(/^NOPERM No permissions to access a (key|channel)/, 'NOPERM $1')
    .replace(
      /^NOPERM User has no permissions to access one of the (key|channel)s used as arguments/,
      'NOPERM $1',
    )
    .replace(/(EXECABORT Transaction discarded because of: NOPERM )(?:User \S+|this user)/, '$1User')
    .replace(/ sanitize-payload/g, '')
    .replace(/(?<=^user .*) [+-]@all[^()]*/g, '');
}

describe.skipIf(!hasRedis)('access control as Redis', () => {
  let servers: [ours: number, theirs: number];

  beforeAll(async () => {
    const [thermocline, redis] = await Promise.all([startThermocline(), startRedis()]);
    servers = [thermocline.port, redis.port];
  });

  test('ACL CAT', async () => {
    const [ours, theirs] = await Promise.all(servers.map((port) => connect(port)));
    expect(await ours.call('ACL', 'CAT')).toEqual(await theirs.call('ACL', 'CAT'));
    const [ownNames, theirNames] = await Promise.all(
      [ours, theirs].map(async (client) => new Set((await client.call('COMMAND', 'LIST')) as string[])),
    );
    const common = (names: Reply) =>
      (names as string[])
        .filter((name) => ownNames.has(name) && theirNames.has(name) && !CATEGORIES_DIFFER.includes(name))
        .sort();
    for (const category of CATEGORIES) {
      const own = common(await ours.call('ACL', 'CAT', category));
      expect([category, own]).toEqual([category, common(await theirs.call('ACL', 'CAT', category))]);
    }
    expect(await ours.call('ACL', 'HELP')).toEqual(await theirs.call('ACL', 'HELP'));
  });

  test.each([1, 2, 3, 4])('random rules and uses, seed %i', async (seed) => {
    const random = new SeededRandom(seed);
    const admins = await Promise.all(servers.map((port) => connect(port)));
    const clients = await Promise.all(servers.map((port) => connect(port)));
    const told: string[] = [];
    const both = async (pair: TestClient[], label: string, words: string[]) => {
      for (const client of pair) client.send(encodeCommand(...words));
      const [own, their] = await Promise.all(pair.map((client) => client.rawReply()));
      const line = `${label}> ${words.join(' ')}`;
      told.push(line);
      const [ourReply, theirReply] = [own, their].map((raw) => normalized(decodeReply(raw, true)));
      expect({ line, reply: ourReply, before: told.slice(-30) }).toEqual({
        line,
        reply: theirReply,
        before: told.slice(-30),
      });
    };
    for (const name of [...USERS, 'carol']) await both(admins, 'admin', ['ACL', 'DELUSER', name]);
    await both(admins, 'admin', ['FLUSHALL']);
    await both(admins, 'admin', ['ACL', 'LOG', 'RESET']);
    for (const pair of [admins, clients]) await Promise.all(pair.map((client) => client.call('HELLO', '3')));
    for (let done = 0; done < commandCount(12_000) / 4; done++) {
      if (chance(random, 30)) await both(admins, 'admin', ['ACL', ...pick(random, CHANGES)(random)]);
      else await both(clients, 'client', pick(random, USES)(random).split(' '));
    }
  });
});
