import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connect, type TestClient } from '../support/client.ts';
import { eventually, hasRedis, startRedis, startThermocline } from '../support/servers.ts';

/** Lines of inline commands of clients `a` and `b`; `~` waits until the key after it has expired. */
type Script = readonly string[];

let ports: number[];

beforeAll(async () => {
  const server = await startThermocline({ 'enable-debug-command': 'yes' });
  ports = [server.port];
  if (hasRedis) ports.push((await startRedis()).port);
});

afterEach(async () => {
  for (const port of ports) await (await connect(port)).call('FLUSHALL');
});

/** Runs a script on a server; the replies in their order as they came. */
async function run(port: number, script: Script): Promise<string[]> {
  const clients: Record<string, TestClient> = { a: await connect(port), b: await connect(port) };
  const replies: string[] = [];
  for (const line of script) {
    if (line.startsWith('~')) {
      const key = line.slice(1);
      const observer = await connect(port);
      await eventually(async () => (await observer.call('EXISTS', key)) === 0, `${key} has expired`);
      continue;
    }
    const client = clients[line[0]];
    client.send(`${line.slice(2)}\r\n`);
    replies.push(`${line} -> ${(await client.rawReply()).toString('latin1')}`);
  }
  return replies;
}

const scripts: [string, Script][] = [
  ['a transaction', ['a MULTI', 'a SET k 1', 'a INCR k', 'a GET k', 'a EXEC', 'a GET k']],
  ['an empty transaction', ['a MULTI', 'a EXEC']],
  ['errors within it do not stop it', ['a SET k x', 'a MULTI', 'a INCR k', 'a SET k 2', 'a EXEC', 'a GET k']],
  ['DISCARD', ['a MULTI', 'a SET k 1', 'a DISCARD', 'a GET k', 'a EXEC']],
  ['EXEC and DISCARD without MULTI', ['a EXEC', 'a DISCARD', 'a UNWATCH']],
  ['nested MULTI', ['a MULTI', 'a MULTI', 'a SET k 1', 'a EXEC', 'a GET k']],
  ['WATCH inside MULTI', ['a MULTI', 'a WATCH k', 'a SET k 1', 'a EXEC', 'a GET k']],
  ['an unknown command aborts it', ['a MULTI', 'a SET k 1', 'a NOSUCH x', 'a EXEC', 'a GET k']],
  ['a wrong arity aborts it', ['a MULTI', 'a GET', 'a SET k 1', 'a EXEC', 'a GET k', 'a EXEC']],
  [
    'a wrong arity of EXEC aborts it, were there none',
    ['a WATCH k', 'a EXEC x', 'b SET k 1', 'a MULTI', 'a GET k', 'a EXEC'],
  ],
  [
    'an EXEC that is refused',
    [
      'a MULTI',
      'a CONFIG SET requirepass p',
      'a EXEC',
      'b EXEC',
      'b AUTH p',
      'b EXEC',
      'b CONFIG SET requirepass ""',
    ],
  ],
  ['DEBUG within it', ['a MULTI', 'a DEBUG SLEEP 0', 'a DEBUG OBJECT k', 'a DEBUG NOSUCH', 'a EXEC']],
  ['a wrong arity of EXEC aborts it', ['a MULTI', 'a SET k 1', 'a EXEC x', 'a EXEC', 'a GET k']],
  ['DISCARD after an error', ['a MULTI', 'a GET', 'a DISCARD', 'a MULTI', 'a SET k 1', 'a EXEC']],
  ['commands that may not be queued', ['a MULTI', 'a SHUTDOWN NOSAVE', 'a EXEC']],
  ['QUIT within it', ['a MULTI', 'a SET k 1', 'a QUIT', 'b GET k']],
  ['RESET within it', ['a MULTI', 'a SET k 1', 'a RESET', 'a EXEC', 'a GET k']],
  ['SELECT within it', ['a MULTI', 'a SELECT 3', 'a SET k 1', 'a EXEC', 'a GET k', 'b GET k']],
  ['HELLO within it', ['a MULTI', 'a HELLO x', 'a GET k', 'a EXEC']],
  ['UNWATCH within it', ['a WATCH k', 'a MULTI', 'a UNWATCH', 'a GET k', 'a EXEC']],
  ['CLIENT within it', ['a MULTI', 'a CLIENT SETNAME n', 'a CLIENT GETNAME', 'a EXEC']],
  [
    'others see all or nothing',
    ['a MULTI', 'a SET k 1', 'b GET k', 'a SET l 2', 'b MGET k l', 'a EXEC', 'b MGET k l'],
  ],
  ['a watch that holds', ['a SET k 1', 'a WATCH k', 'b GET k', 'a MULTI', 'a INCR k', 'a EXEC']],
  ['a watch broken by SET', ['a WATCH k', 'b SET k 1', 'a MULTI', 'a SET k 2', 'a EXEC', 'a GET k']],
  [
    'broken by the client itself',
    ['a WATCH k', 'a SET k 1', 'a MULTI', 'a GET k', 'a EXEC', 'a MULTI', 'a EXEC'],
  ],
  ['broken after MULTI', ['a WATCH k', 'a MULTI', 'a SET k 2', 'b SET k 1', 'a EXEC', 'a GET k']],
  ['broken by a value that stays the same', ['a SET k 1', 'a WATCH k', 'b SET k 1', 'a MULTI', 'a EXEC']],
  ['broken by DEL', ['a SET k 1', 'a WATCH k', 'b DEL k', 'a MULTI', 'a EXEC']],
  ['not broken by DEL of nothing', ['a WATCH k', 'b DEL k', 'a MULTI', 'a EXEC']],
  ['broken by a key that came and went', ['a WATCH k', 'b SET k 1', 'b DEL k', 'a MULTI', 'a EXEC']],
  ['broken by EXPIRE', ['a SET k 1', 'a WATCH k', 'b EXPIRE k 100', 'a MULTI', 'a EXEC']],
  ['not broken by EXPIRE of nothing', ['a WATCH k', 'b EXPIRE k 100', 'a MULTI', 'a EXEC']],
  ['broken by PERSIST', ['a SET k 1 EX 100', 'a WATCH k', 'b PERSIST k', 'a MULTI', 'a EXEC']],
  ['broken by RENAME', ['a SET k 1', 'a WATCH l', 'b RENAME k l', 'a MULTI', 'a EXEC']],
  [
    'broken by COPY and MOVE',
    [
      'a SET k 1',
      'a WATCH l',
      'b COPY k l',
      'a MULTI',
      'a EXEC',
      'a WATCH k',
      'b MOVE k 2',
      'a MULTI',
      'a EXEC',
    ],
  ],
  [
    'broken by APPEND, not by reads',
    [
      'a SET k 1',
      'a WATCH k',
      'b STRLEN k',
      'b TOUCH k',
      'b TTL k',
      'a MULTI',
      'a EXEC',
      'a WATCH k',
      'b APPEND k x',
      'a MULTI',
      'a EXEC',
    ],
  ],
  ['broken by FLUSHALL', ['a SET k 1', 'a WATCH k', 'b FLUSHALL', 'a MULTI', 'a EXEC']],
  ['broken by FLUSHALL ASYNC', ['a SET k 1', 'a WATCH k', 'b FLUSHALL ASYNC', 'a MULTI', 'a EXEC']],
  ['not broken by FLUSHALL of a missing key', ['b SET l 1', 'a WATCH k', 'b FLUSHALL', 'a MULTI', 'a EXEC']],
  [
    'broken by FLUSHDB, of its own database only',
    [
      'a SET k 1',
      'a WATCH k',
      'b SELECT 1',
      'b FLUSHDB',
      'a MULTI',
      'a EXEC',
      'a WATCH k',
      'b SELECT 0',
      'b FLUSHDB',
      'a MULTI',
      'a EXEC',
    ],
  ],
  ['broken by SWAPDB', ['a SET k 1', 'a WATCH k', 'b SWAPDB 0 1', 'a MULTI', 'a EXEC']],
  [
    'broken by SWAPDB that brings the key',
    ['b SELECT 1', 'b SET k 1', 'a WATCH k', 'b SWAPDB 0 1', 'a MULTI', 'a EXEC'],
  ],
  ['not broken by SWAPDB of a missing key', ['a WATCH k', 'b SWAPDB 0 1', 'a MULTI', 'a EXEC']],
  ['of a database, not of another', ['a SELECT 2', 'a WATCH k', 'b SET k 1', 'a MULTI', 'a EXEC']],
  ['broken by expiry', ['a SET k 1 PX 30', 'a WATCH k', '~k', 'a MULTI', 'a EXEC']],
  [
    'broken by expiry before a SET in it',
    ['a SET k 1 PX 30', 'a WATCH k', '~k', 'a MULTI', 'a SET k 2', 'a EXEC', 'a GET k'],
  ],
  [
    'of a key that had expired already',
    ['a SET k 1 PX 1', '~k', 'a WATCH k', 'b GET k', 'a MULTI', 'a EXEC'],
  ],
  ['given up by UNWATCH', ['a WATCH k', 'b SET k 1', 'a UNWATCH', 'a MULTI', 'a EXEC']],
  ['given up by EXEC', ['a WATCH k', 'b SET k 1', 'a MULTI', 'a EXEC', 'a MULTI', 'a GET k', 'a EXEC']],
  ['given up by DISCARD', ['a WATCH k', 'b SET k 1', 'a MULTI', 'a DISCARD', 'a MULTI', 'a EXEC']],
  ['of many keys, one broken', ['a WATCH k l m k', 'b SET m 1', 'a MULTI', 'a EXEC']],
  ['broken by another transaction', ['a WATCH k', 'b MULTI', 'b SET k 1', 'b EXEC', 'a MULTI', 'a EXEC']],
  [
    'refused by OOM while queueing',
    ['a CONFIG SET maxmemory 1', 'a MULTI', 'a SET k 1', 'a GET k', 'a EXEC', 'a CONFIG SET maxmemory 0'],
  ],
  [
    'refused by OOM at EXEC',
    [
      'a MULTI',
      'a SET k 1',
      'b CONFIG SET maxmemory 1',
      'a EXEC',
      'b CONFIG SET maxmemory 0',
      'a GET k',
      'a EXEC',
    ],
  ],
  [
    'of reads, allowed over the limit',
    [
      'a SET k 1',
      'a MULTI',
      'a GET k',
      'a DEL k',
      'b CONFIG SET maxmemory 1',
      'a EXEC',
      'b CONFIG SET maxmemory 0',
    ],
  ],
];

describe('MULTI and WATCH', () => {
  test.skipIf(!hasRedis).each(scripts)('as Redis: %s', async (_, script) => {
    const [ours, theirs] = await Promise.all(ports.map((port) => run(port, script)));
    expect(ours).toEqual(theirs);
  });

  test('a transaction runs whole or not at all, without a Redis to compare with', async () => {
    const replies = await run(ports[0], [
      ...['a WATCH k', 'a MULTI', 'a SET k 1', 'a INCR k', 'a EXEC'],
      ...['a WATCH k', 'b SET k 9', 'a MULTI', 'a SET k 1', 'a EXEC', 'a GET k'],
      ...['a MULTI', 'a GET', 'a EXEC'],
    ]);
    expect(replies[4]).toBe('a EXEC -> *2\r\n+OK\r\n:2\r\n');
    expect(replies[9]).toBe('a EXEC -> *-1\r\n');
    expect(replies[10]).toBe('a GET k -> $1\r\n9\r\n');
    expect(replies[13]).toBe('a EXEC -> -EXECABORT Transaction discarded because of previous errors.\r\n');
  });

  test('EXEC of a broken watch is a null of the protocol', async () => {
    const [client, other] = [await connect(ports[0]), await connect(ports[0])];
    await client.call('HELLO', '3');
    await client.call('WATCH', 'k');
    await other.call('SET', 'k', '1');
    await client.call('MULTI');
    client.send('EXEC\r\n');
    expect(`${await client.rawReply()}`).toBe('_\r\n');
  });
});
