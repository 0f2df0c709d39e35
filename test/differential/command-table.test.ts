import { beforeAll, describe, expect, test } from 'vitest';
import type { Reply } from '../../src/resp/reply.ts';
import { connect, encodeCommand, type TestClient } from '../support/client.ts';
import { hasRedis, startRedis, startThermocline } from '../support/servers.ts';

/** Commands whose COMMAND INFO differs: their flags or tips are Redis 8's, or they are kept out of the slow log as a whole. */
const INFO_DIFFERS = ['acl|deluser', 'acl|save', 'acl|setuser', 'wait', 'zrank', 'zrevrank'];

const DEPRECATION = ['deprecated_since', 'doc_flags', 'replaced_by'];

/** What COMMAND DOCS tells of later versions than 7.0. */
const DOCS_DIFFER: Record<string, readonly string[]> = {
  bitcount: ['arguments'],
  bitfield: ['arguments'],
  bitfield_ro: ['arguments'],
  bitop: ['arguments', 'history'],
  bitpos: ['arguments'],
  'acl|cat': ['arguments'],
  'acl|log': ['history'],
  'client|kill': ['arguments', 'history'],
  'client|list': ['history'],
  'client|pause': ['since'],
  pfmerge: ['arguments'],
  hscan: ['arguments', 'history'],
  psetex: DEPRECATION,
  quit: DEPRECATION,
  set: ['arguments', 'history'],
  setex: DEPRECATION,
  setnx: DEPRECATION,
  zadd: ['arguments'],
  zrange: ['arguments'],
  zrangebylex: ['arguments'],
  zrangebyscore: ['arguments'],
  zrangestore: ['arguments'],
  zrank: ['arguments', 'history'],
  zrevrangebylex: ['arguments'],
  zrevrangebyscore: ['arguments'],
  zrevrank: ['arguments', 'history'],
  xadd: ['arguments', 'history'],
  xclaim: ['arguments'],
  'xinfo|consumers': ['history'],
  'xinfo|stream': ['history'],
  xreadgroup: ['arguments', 'history'],
  xtrim: ['arguments', 'history'],
};

/** Calls whose keys are asked for. */
const CALLS = [
  'get',
  'get a',
  'GET a b',
  'nosuch a',
  'ping x',
  'select 1',
  'mget a b c',
  'mset a 1 b 2',
  'mset a 1 b',
  'msetnx a 1 b 2 c 3',
  'set a b',
  'set a b get',
  'set a b EX get',
  'set a b nx px 100',
  'set a',
  'getex a ex 1',
  'append a b',
  'bitop and d a b',
  'bitfield a',
  'bitfield a get u8 0 overflow sat get u8 1',
  'bitfield a get u8 0 set u8 0 1',
  'bitfield a get u8',
  'bitfield_ro a get u8 0',
  'pfcount a b',
  'pfmerge d a b',
  'pfmerge d',
  'pfdebug encoding a',
  'lcs a b',
  'lcs a b idx',
  'lcs a',
  'del a b',
  'unlink a',
  'exists a a',
  'rename a b',
  'rename a',
  'copy a b',
  'copy a b db 1 replace',
  'move a 1',
  'expire a 1 nx',
  'watch a b',
  'object freq a',
  'object help x',
  'object nosuch a',
  'object',
  'object|freq a',
  'memory usage a',
  'memory stats a',
  'memory doctor a',
  'config get a',
  'config nosuch a',
  'command count a',
  'command nosuch',
  'cluster keyslot a',
  'xadd s maxlen 1 * a b',
  'xread count 1 streams a b 0 0',
  'xread block 0 streams a b 0',
  'xreadgroup group streams c streams a >',
  'xreadgroup group g c noack streams a b > 0',
  'xgroup create a g 0',
  'xgroup help a',
  'xinfo stream a full',
  'xclaim a g c 0 1-1',
  'debug object a',
  'zadd a 1 b',
  'zunion 2 a b',
  'zunionstore d 2 a b weights 1 2',
  'zinterstore d 2 a',
  'zmpop 2 a b min',
  'bzmpop 0 2 a b max count 3',
  'bzpopmin a b 0',
  'zrangestore d a 0 -1',
  'zintercard 1 a limit 2',
  'smove a b c',
  'sintercard 2 a b limit 1',
  'sintercard 3 a b',
  'sinterstore d a b',
  'sort a',
  'sort a by w_* get # limit 0 1',
  'sort a store b',
  'sort a get store desc store b store c',
  'sort a limit store store',
  'sort_ro a by w_*',
];

const CALLS_OF_COMMAND = [
  'COMMAND COUNT x',
  'COMMAND INFO nosuch',
  'COMMAND INFO GET nosuch set config|get CONFIG|GET config|get|x config| |get',
  'COMMAND DOCS nosuch',
  'COMMAND LIST x',
  'COMMAND LIST FILTERBY',
  'COMMAND LIST FILTERBY PATTERN',
  'COMMAND LIST FILTERBY x y',
  'COMMAND LIST x PATTERN y',
  'COMMAND LIST FILTERBY PATTERN y z',
  'COMMAND LIST filterby module x',
  'COMMAND LIST filterby aclcat nosuch',
  'COMMAND LIST filterby pattern GETRAN?E',
  'COMMAND LIST filterby pattern config|[G]et',
  'COMMAND HELP',
  'COMMAND HELP x',
  'COMMAND nosuch',
  'COMMAND get',
];

/** A command's documentation without the texts that are in Thermocline's own words, and without its subcommands. */
function structureOf(docs: Map<Reply, Reply>): Map<Reply, Reply> {
  const structure = new Map(docs);
  for (const name of ['summary', 'complexity', 'subcommands']) structure.delete(name);
  const history = structure.get('history') as Set<[string, string]> | undefined;
  if (history !== undefined) {
    structure.set(
      'history',
      [...history].map(([version]) => version),
    );
  }
  return structure;
}

describe.skipIf(!hasRedis).each([2, 3])('COMMAND tells as Redis, in RESP%i', (protocol) => {
  let ours: TestClient;
  let theirs: TestClient;
  let names: string[];

  async function both(line: string): Promise<[Buffer, Buffer]> {
    const words = line.split(' ');
    ours.send(encodeCommand(...words));
    theirs.send(encodeCommand(...words));
    return [await ours.rawReply(), await theirs.rawReply()];
  }

  beforeAll(async () => {
    const [thermocline, redis] = await Promise.all([startThermocline(), startRedis()]);
    ours = await connect(thermocline.port);
    theirs = await connect(redis.port);
    for (const client of [ours, theirs]) await client.call('HELLO', protocol);
    const known = new Set((await theirs.call('COMMAND', 'LIST')) as string[]);
    names = ((await ours.call('COMMAND', 'LIST')) as string[]).filter((name) => known.has(name));
  });

  test('INFO', async () => {
    expect(names.length).toBeGreaterThan(120);
    const different: string[] = [];
    for (const name of names) {
      const [left, right] = await both(`COMMAND INFO ${name}`);
      if (left.equals(right)) continue;
      // Subcommands come in no order, and each of them is compared by itself.
      const [[container], [other]] = [
        (await ours.call('COMMAND', 'INFO', name)) as Reply[][],
        (await theirs.call('COMMAND', 'INFO', name)) as Reply[][],
      ];
      const hasSubcommands = Array.isArray(container[9]) && container[9].length > 0;
      if (hasSubcommands) expect(container.slice(0, 9), name).toEqual(other.slice(0, 9));
      else different.push(name);
    }
    expect(different.sort()).toEqual(INFO_DIFFERS);
  });

  test('DOCS', async () => {
    const different: Record<string, string[]> = {};
    for (const name of names) {
      const [left, right] = await Promise.all(
        [ours, theirs].map(async (client) => {
          const reply = await client.call('COMMAND', 'DOCS', name);
          const docs = reply instanceof Map ? reply.get(name) : (reply as Reply[])[1];
          return structureOf(docs instanceof Map ? docs : pairs(docs as Reply[]));
        }),
      );
      const fields = [...new Set([...left.keys(), ...right.keys()])] as string[];
      const differing = fields.filter(
        (field) => JSON.stringify(plain(left.get(field))) !== JSON.stringify(plain(right.get(field))),
      );
      if (differing.length > 0) different[name] = differing.sort();
      else expect([...left.keys()], name).toEqual([...right.keys()]);
    }
    expect(different).toEqual(DOCS_DIFFER);
  });

  test.each([
    ...CALLS_OF_COMMAND,
    ...CALLS.flatMap((call) => [`COMMAND GETKEYS ${call}`, `COMMAND GETKEYSANDFLAGS ${call}`]),
  ])('%s', async (line) => {
    const [left, right] = await both(line);
    expect(left.toString('latin1')).toBe(right.toString('latin1'));
  });
});

function pairs(list: Reply[]): Map<Reply, Reply> {
  const map = new Map<Reply, Reply>();
  for (let at = 0; at < list.length; at += 2) map.set(list[at], list[at + 1]);
  return map;
}

/** A reply without maps and sets, in their order. */
function plain(reply: Reply | undefined): unknown {
  if (reply instanceof Map || reply instanceof Set) return [...reply].map((part) => plain(part as Reply));
  return Array.isArray(reply) ? reply.map(plain) : reply;
}
