import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/commands/all.ts';
import type { Reply } from '../../src/resp/reply.ts';
import { connect, encodeCommand, errorText, fields, type TestClient } from '../support/client.ts';
import { createGenerator } from '../support/generator.ts';
import { eventually, startThermocline, type TestServer, temporaryDirectory } from '../support/servers.ts';

let server: TestServer;
let admin: TestClient;

beforeAll(async () => {
  server = await startThermocline({ 'enable-debug-command': true });
});

beforeEach(async () => {
  admin = await connect(server.port);
});

async function lines(...words: string[]): Promise<Record<string, string>[]> {
  const text = String(await admin.call('CLIENT', 'LIST', ...words));
  return text.trimEnd().split('\n').filter(Boolean).map(fields);
}

describe('CLIENT', () => {
  test('LIST and INFO describe a connection', async () => {
    const client = await connect(server.port);
    const id = (await client.call('CLIENT', 'ID')) as number;
    await client.call('HELLO', '3', 'SETNAME', 'described');
    await client.call('CLIENT', 'SETINFO', 'LIB-NAME', 'library');
    await client.call('CLIENT', 'SETINFO', 'lib-ver', '1.2.3');
    await client.call('SELECT', '5');
    await client.call('WATCH', 'a', 'b');
    await client.call('MULTI');
    await client.call('SET', 'a', '1');
    const [line] = await lines('ID', `${id}`);
    expect(line).toMatchObject({
      id: `${id}`,
      addr: `127.0.0.1:${client.socket.localPort}`,
      laddr: `127.0.0.1:${server.port}`,
      name: 'described',
      flags: 'x',
      db: '5',
      multi: '1',
      watch: '2',
      resp: '3',
      user: 'default',
      'lib-name': 'library',
      'lib-ver': '1.2.3',
      'tot-cmds': '8',
      cmd: expect.stringMatching(/^(multi|set)$/),
      fd: expect.stringMatching(/^\d+$/),
    });
    await client.call('DISCARD');
    expect(fields(await client.call('CLIENT', 'INFO'))).toMatchObject({
      id: `${id}`,
      multi: '-1',
      watch: '0',
      flags: 'N',
      cmd: 'client|info',
    });
  });

  test('LIST selects by ids and by type', async () => {
    const ids = (await lines()).map((line) => line.id);
    expect(ids).toContain(String(await admin.call('CLIENT', 'ID')));
    expect(await lines('TYPE', 'normal')).toHaveLength(ids.length);
    expect(await lines('TYPE', 'pubsub')).toEqual([]);
    expect((await lines('ID', ids[0], '99999')).map((line) => line.id)).toEqual([ids[0]]);
  });

  test('KILL by address, id, name of user, age and type', async () => {
    const victims = await Promise.all(Array.from({ length: 4 }, () => connect(server.port)));
    const ids = await Promise.all(victims.map((victim) => victim.call('CLIENT', 'ID')));
    expect(await admin.call('CLIENT', 'KILL', `127.0.0.1:${victims[0].socket.localPort}`)).toBe('OK');
    expect(await admin.call('CLIENT', 'KILL', 'ID', `${ids[1]}`)).toBe(1);
    expect(await admin.call('CLIENT', 'KILL', 'ID', `${ids[1]}`)).toBe(0);
    expect(
      await admin.call(
        'CLIENT',
        'KILL',
        'ADDR',
        `127.0.0.1:${victims[2].socket.localPort}`,
        'USER',
        'default',
      ),
    ).toBe(1);
    expect(await admin.call('CLIENT', 'KILL', 'MAXAGE', '100000')).toBe(0);
    for (const victim of victims.slice(0, 3)) expect(await victim.untilClosed()).toHaveLength(0);
    const own = await connect(server.port);
    await own.call('CLIENT', 'SETNAME', 'own');
    const laddr = `127.0.0.1:${server.port}`;
    expect(
      await own.call('CLIENT', 'KILL', 'LADDR', laddr, 'TYPE', 'normal', 'SKIPME', 'no'),
    ).toBeGreaterThan(2);
    expect(await own.untilClosed()).toHaveLength(0);
    await victims[3].untilClosed();
    await admin.untilClosed();
    admin = await connect(server.port);
    expect(await lines()).toHaveLength(1);
  });

  test('NO-TOUCH leaves a key as cold as it was', async () => {
    const client = await connect(server.port);
    await client.call('SET', 'untouched', '1');
    await client.call('CLIENT', 'NO-TOUCH', 'on');
    expect((await lines('ID', `${await client.call('CLIENT', 'ID')}`))[0].flags).toBe('T');
    await admin.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu', 'lfu-log-factor', '0');
    await client.call('SET', 'counted', '1');
    const frequency = async () => Number(await admin.call('OBJECT', 'FREQ', 'counted'));
    const before = await frequency();
    for (let count = 0; count < 10; count++) await client.call('GET', 'counted');
    expect(await frequency()).toBe(before);
    await client.call('CLIENT', 'NO-TOUCH', 'off');
    await client.call('GET', 'counted');
    expect(await frequency()).toBeGreaterThan(before);
    await admin.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'lfu-log-factor', '10');
  });

  test('REPLY silences a pipeline', async () => {
    const client = await connect(server.port);
    client.send(
      'CLIENT REPLY OFF\r\nSET silent 1\r\nNOSUCH\r\nGET silent\r\nCLIENT REPLY ON\r\nGET silent\r\n',
    );
    expect((await client.rawReplies(2)).join('')).toBe('+OK\r\n$1\r\n1\r\n');
  });
});

describe('CLIENT PAUSE', () => {
  /** Waits until so many clients are blocked. */
  async function blocked(count: number): Promise<void> {
    await eventually(
      async () => fields(await admin.call('INFO', 'clients')).blocked_clients === `${count}`,
      `${count} clients wait`,
    );
  }

  test('WRITE holds back what may change something, in its order', async () => {
    const clients = await Promise.all([1, 2, 3, 4, 5].map(() => connect(server.port)));
    const [writing, transaction, publishing, script, counting] = clients;
    await transaction.call('MULTI');
    expect(await admin.call('CLIENT', 'PAUSE', '100000', 'WRITE')).toBe('OK');
    writing.send('SET paused 1\r\nAPPEND paused 2\r\nGET paused\r\n');
    transaction.send('GET paused\r\nSET paused x\r\n');
    publishing.send('PUBLISH channel text\r\n');
    script.send('EVAL "return 1" 0\r\n');
    counting.send('PFCOUNT nothing\r\n');
    await blocked(5);
    expect(await transaction.reply()).toBe('QUEUED');
    expect(await admin.call('GET', 'paused')).toBe(null);
    expect(await admin.call('EVAL', '#!lua flags=no-writes\nreturn 2', '0')).toBe(2);
    expect(await admin.call('EVAL_RO', 'return 3', '0')).toBe(3);
    const [line] = await lines('ID', `${await idOf(writing.socket.localPort)}`);
    expect(line).toMatchObject({ flags: 'b', cmd: 'set' });
    // They have no timeout, so they are not unblocked.
    expect(await admin.call('CLIENT', 'UNBLOCK', line.id)).toBe(0);
    expect(await admin.call('CLIENT', 'UNPAUSE')).toBe('OK');
    expect((await writing.rawReplies(3)).join('')).toBe('+OK\r\n:2\r\n$2\r\n12\r\n');
    expect(await transaction.reply()).toBe('QUEUED');
    expect(await publishing.reply()).toBe(0);
    expect(await script.reply()).toBe(1);
    expect(await counting.reply()).toBe(0);
    await blocked(0);
    // A transaction waits as a whole.
    await admin.call('CLIENT', 'PAUSE', '100000', 'WRITE');
    transaction.send('EXEC\r\n');
    await blocked(1);
    await admin.call('CLIENT', 'UNPAUSE');
    expect(await transaction.reply()).toEqual(['12', 'OK']);
    await admin.call('DEL', 'paused');
  });

  async function idOf(port: number | undefined): Promise<string> {
    const all = await lines();
    return all.find(({ addr }) => addr === `127.0.0.1:${port}`)?.id ?? '';
  }

  test('ALL holds everything back until its time is over', async () => {
    const client = await connect(server.port);
    await client.call('PING');
    admin.send('CLIENT PAUSE 300\r\nCLIENT PAUSE 1 WRITE\r\nPING\r\n');
    expect(await admin.reply()).toBe('OK');
    client.send('PING\r\nCLIENT UNPAUSE\r\nNOSUCH\r\n');
    expect(await client.reply()).toBe('PONG');
    expect(await client.reply()).toBe('OK');
    expect(errorText(await client.reply())).toMatch(/^ERR unknown command/);
    expect(await admin.reply()).toBe('OK');
    expect(await admin.reply()).toBe('PONG');
  });

  test('keeps keys that expire, which are missing all the same', async () => {
    await admin.call('FLUSHALL');
    await admin.call('SET', 'held', '1', 'PX', '1');
    await admin.call('CLIENT', 'PAUSE', '100000', 'WRITE');
    await eventually(async () => (await admin.call('GET', 'held')) === null, 'it has expired');
    expect(await admin.call('DBSIZE')).toBe(1);
    expect(await admin.call('KEYS', '*')).toEqual([]);
    expect(await admin.call('RANDOMKEY')).toBe(null);
    await admin.call('CLIENT', 'UNPAUSE');
    expect(await admin.call('SET', 'held', '2', 'NX')).toBe('OK');
    expect(await admin.call('DBSIZE')).toBe(1);
    // Commands of a transaction that begins a pause run to its end, on keys that have expired too.
    await admin.call('SET', 'held', '1', 'PX', '1');
    await admin.call('CLIENT', 'PAUSE', '100000', 'WRITE');
    await eventually(async () => (await admin.call('GET', 'held')) === null, 'it has expired');
    expect(await admin.call('DEBUG', 'POPULATE', '1', 'held')).toBe('OK');
    await admin.call('CLIENT', 'UNPAUSE');
    await admin.call('FLUSHALL');
    admin.send('MULTI\r\nCLIENT PAUSE 100000 WRITE\r\nSET held 3\r\nEXEC\r\nCLIENT UNPAUSE\r\nGET held\r\n');
    expect((await admin.rawReplies(6)).at(-1)?.toString()).toBe('$1\r\n3\r\n');
  });

  test('ends with a client that is gone', async () => {
    const client = await connect(server.port);
    await client.call('PING');
    await admin.call('CLIENT', 'PAUSE', '100000', 'WRITE');
    client.send('SET gone 1\r\n');
    await blocked(1);
    client.close();
    await blocked(0);
    await admin.call('CLIENT', 'UNPAUSE');
    expect(await admin.call('GET', 'gone')).toBe(null);
  });

  test.each([
    ['PAUSE', "wrong number of arguments for 'client|pause' command"],
    ['PAUSE x', 'timeout is not an integer or out of range'],
    ['PAUSE -1', 'timeout is negative'],
    ['PAUSE 10 x', 'CLIENT PAUSE mode must be WRITE or ALL'],
    ['PAUSE 10 write x', "unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."],
    ['UNBLOCK x', 'value is not an integer or out of range'],
    ['UNBLOCK 1 x', 'CLIENT UNBLOCK reason should be TIMEOUT or ERROR'],
    ['UNBLOCK 1 error x', "unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP."],
  ])('CLIENT %s is refused', async (line, text) => {
    expect(errorText(await admin.call('CLIENT', ...line.split(' ')))).toBe(`ERR ${text}`);
  });
});

describe('CLIENT UNBLOCK', () => {
  test.each([
    ['BLPOP list 0', '*-1\r\n'],
    ['WAIT 1 0', ':0\r\n'],
    ['WAITAOF 0 1 0', '*2\r\n:0\r\n:0\r\n'],
  ])('%s', async (line, reply) => {
    const client = await connect(server.port);
    const id = String(await client.call('CLIENT', 'ID'));
    for (const [option, expected] of [
      [[], reply],
      [['timeout'], reply],
      [['error'], '-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n'],
    ] as const) {
      client.send(`${line}\r\nPING\r\n`);
      await eventually(async () => (await lines('ID', id))[0].flags === 'b', 'it waits');
      expect(await admin.call('CLIENT', 'UNBLOCK', id, ...option)).toBe(1);
      expect((await client.rawReplies(2)).join('')).toBe(`${expected}+PONG\r\n`);
    }
    expect(await admin.call('CLIENT', 'UNBLOCK', id)).toBe(0);
    expect(await admin.call('CLIENT', 'UNBLOCK', '99999')).toBe(0);
  });

  test('WAIT and WAITAOF answer when their time has passed, and at once where they can', async () => {
    const client = await connect(server.port);
    client.send('WAIT 0 0\r\nWAIT 1 20\r\nWAITAOF 0 0 0\r\nWAITAOF 0 1 20\r\nMULTI\r\nWAIT 1 0\r\nEXEC\r\n');
    expect((await client.rawReplies(7)).join('')).toBe(
      ':0\r\n:0\r\n*2\r\n:0\r\n:0\r\n*2\r\n:0\r\n:0\r\n+OK\r\n+QUEUED\r\n*1\r\n:0\r\n',
    );
  });

  test('INFO tells of those who wait', async () => {
    const clients = await Promise.all([1, 2, 3].map(() => connect(server.port)));
    await clients[0].call('WATCH', 'a', 'b');
    await clients[0].call('SUBSCRIBE', 'channel');
    clients[1].send('BLPOP one two 0\r\n');
    clients[2].send('BLPOP two three 1000\r\n');
    const info = async () => fields(await admin.call('INFO', 'clients'));
    await eventually(async () => (await info()).blocked_clients === '2', 'they wait');
    expect(await info()).toMatchObject({
      maxclients: '10000',
      pubsub_clients: '1',
      watching_clients: '1',
      total_watched_keys: '2',
      clients_in_timeout_table: '1',
      total_blocking_keys: '3',
      total_blocking_keys_on_nokey: '0',
      tracking_clients: '0',
    });
    for (const client of clients) client.close();
    await eventually(async () => (await info()).connected_clients === '1', 'they have gone');
    expect(await info()).toMatchObject({
      blocked_clients: '0',
      total_blocking_keys: '0',
      total_watched_keys: '0',
    });
  });

  test('INFO tells of the largest buffers of the last seconds', async () => {
    const client = await connect(server.port);
    await client.sent(`*2\r\n$4\r\nECHO\r\n$2000000\r\n${'x'.repeat(1_000_000)}`);
    await eventually(
      async () =>
        Number(fields(await admin.call('INFO', 'clients')).client_recent_max_input_buffer) >= 1_000_000,
      'the buffer is seen',
    );
  });
});

describe('MONITOR', () => {
  const line = /^\+\d{10}\.\d{6} \[(\d+) (\S+)\] (.*)\r\n$/;

  async function monitored(client: TestClient, count: number): Promise<string[]> {
    return (await client.rawReplies(count)).map((bytes) => {
      const [, database, origin, words] = line.exec(bytes.toString('latin1')) ?? [];
      return `${database} ${origin.startsWith('127.') ? 'tcp' : origin} ${words}`;
    });
  }

  test('shows commands as they are run', async () => {
    const monitor = await connect(server.port);
    expect(await monitor.call('MONITOR')).toBe('OK');
    const client = await connect(server.port);
    client.send(
      'SELECT 1\r\nSET "a\\"b\\x00\\xff\\n\\r\\t\\a\\b\\\\~" ""\r\nSELECT 99\r\nMULTI\r\nINCR n\r\nEXEC\r\nBLPOP none 0.01\r\n',
    );
    client.send(
      'EVAL "return redis.call(\'get\', KEYS[1])" 1 n\r\nMULTI\r\nEVAL "return 1" 0\r\nEXEC\r\nDEL n\r\n',
    );
    expect(await monitored(monitor, 13)).toEqual([
      '1 tcp "SELECT" "1"',
      '1 tcp "SET" "a\\"b\\x00\\xff\\n\\r\\t\\a\\b\\\\~" ""',
      '1 tcp "SELECT" "99"',
      '1 tcp "MULTI"',
      '1 tcp "INCR" "n"',
      '1 tcp "EXEC"',
      '1 tcp "BLPOP" "none" "0.01"',
      '1 tcp "EVAL" "return redis.call(\'get\', KEYS[1])" "1" "n"',
      '1 lua "get" "n"',
      '1 tcp "MULTI"',
      '1 tcp "EVAL" "return 1" "0"',
      '1 tcp "EXEC"',
      '1 tcp "DEL" "n"',
    ]);
  });

  test('leaves out what is not for all eyes', async () => {
    const monitor = await connect(server.port);
    await monitor.call('MONITOR');
    const client = await connect(server.port);
    const hidden = [
      'CONFIG GET port',
      'ACL SETUSER x >secret',
      'CLIENT LIST',
      'SLOWLOG GET',
      'DEBUG SLEEP 0',
      'NOSUCH x',
      'GET',
    ];
    const shown = ['AUTH secret', 'AUTH name secret', 'HELLO 3 SETNAME x AUTH name secret', 'ACL WHOAMI'];
    client.send([...hidden, ...shown].map((text) => `${text}\r\n`).join(''));
    expect(await monitored(monitor, 4)).toEqual([
      '0 tcp "AUTH" "(redacted)"',
      '0 tcp "AUTH" "(redacted)" "(redacted)"',
      '0 tcp "HELLO" "3" "SETNAME" "x" "AUTH" "(redacted)" "(redacted)"',
      '0 tcp "ACL" "WHOAMI"',
    ]);
    await admin.call('ACL', 'DELUSER', 'x');
  });

  test('makes a client that does not touch keys, until RESET', async () => {
    const monitor = await connect(server.port);
    const id = String(await monitor.call('CLIENT', 'ID'));
    expect(errorText(((await transaction(monitor, 'MONITOR')) as Reply[])[0])).toBe(
      "ERR MONITOR isn't allowed for DENY BLOCKING client",
    );
    monitor.send('MONITOR\r\nMONITOR\r\nGET a\r\nSET a b\r\nEVAL "return 1" 0\r\n');
    const refused = "-ERR Replica can't interact with the keyspace\r\n";
    expect((await monitor.rawReplies(4)).join('')).toBe(`+OK\r\n${refused.repeat(3)}`);
    expect((await lines('ID', id))[0].flags).toBe('O');
    expect(await lines('TYPE', 'normal')).toContainEqual(expect.objectContaining({ id }));
    expect(await monitor.call('RESET')).toBe('RESET');
    await admin.call('ECHO', 'x');
    expect(await monitor.call('PING')).toBe('PONG');
    expect((await lines('ID', id))[0].flags).toBe('N');
  });

  async function transaction(client: TestClient, ...words: string[]): Promise<Reply> {
    await client.call('MULTI');
    await client.call(...words);
    return client.call('EXEC');
  }

  test('through a Unix socket', async () => {
    const path = join(temporaryDirectory(), 'socket');
    await startThermocline({ unixsocket: path });
    const monitor = await connect(path);
    await monitor.call('MONITOR');
    await (await connect(path)).call('PING');
    expect(await monitored(monitor, 1)).toEqual([`0 unix:${path} "PING"`]);
  });

  test('ends when its output is not read', async () => {
    await admin.call('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 1mb 0 0');
    const monitor = await connect(server.port);
    await monitor.call('MONITOR');
    const id = String((await lines()).find(({ flags }) => flags === 'O')?.id);
    monitor.socket.pause();
    const word = 'x'.repeat(100_000);
    await eventually(async () => {
      for (let at = 0; at < 20; at++) await admin.call('STRLEN', word);
      return (await lines('ID', id)).length === 0;
    }, 'it is disconnected');
    await admin.call('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 0 0 0');
  });
});

describe('the memory of clients', () => {
  test('beyond maxmemory-clients the largest are disconnected', async () => {
    const limited = await startThermocline({ 'maxmemory-clients': '3mb' });
    const small = await connect(limited.port);
    const [large, larger, kept] = await Promise.all([1, 2, 3].map(() => connect(limited.port)));
    await kept.call('CLIENT', 'NO-EVICT', 'on');
    const begin = (client: TestClient, bytes: number) =>
      client.sent(`*2\r\n$4\r\nECHO\r\n$${bytes + 100}\r\n${'x'.repeat(bytes)}`);
    await begin(large, 600_000);
    await begin(larger, 4_000_000);
    expect(await larger.untilClosed()).toHaveLength(0);
    const stats = async () => fields(await small.call('INFO', 'stats'));
    expect((await stats()).evicted_clients).toBe('1');
    // One that is not to be evicted counts nevertheless.
    await begin(kept, 4_000_000);
    expect(await large.untilClosed()).toHaveLength(0);
    await small.untilClosed();
    expect(limited.log()).not.toMatch(/BUG REPORT/);
  });

  test('a percentage is one of maxmemory', async () => {
    const limited = await startThermocline({ 'maxmemory-clients': '5%', maxmemory: '100mb' });
    const small = await connect(limited.port);
    expect(await small.call('CONFIG', 'GET', 'maxmemory-clients')).toEqual(['maxmemory-clients', '5%']);
    const large = await connect(limited.port);
    await large.sent(`*2\r\n$4\r\nECHO\r\n$9000000\r\n${'x'.repeat(6_000_000)}`);
    expect(await large.untilClosed()).toHaveLength(0);
    expect(await small.call('PING')).toBe('PONG');
  });
});

describe('a password', () => {
  test('is asked for before anything but AUTH, HELLO, QUIT and RESET', async () => {
    const locked = await startThermocline({ requirepass: 'p\u00e4ss' });
    const client = await connect(locked.port);
    const table = COMMANDS.map((row) => row.name);
    expect(table.length).toBeGreaterThan(50);
    for (const name of table) {
      if (['auth', 'hello', 'quit', 'reset'].includes(name)) continue;
      // Arity is looked at first, so some words may be too many or too few; EXEC tells why it ends its transaction.
      const errors: string[] = [];
      for (const words of [[], ['x'], ['x', 'y'], ['x', 'y', 'z'], ['list'], ['help']]) {
        errors.push(errorText(await client.call(name, ...words)));
      }
      expect(
        errors.every((text) =>
          /^(NOAUTH |EXECABORT .*: (NOAUTH |wrong number)|ERR (wrong number|unknown subcommand))/.test(text),
        ),
      ).toBe(true);
    }
    expect(errorText(await client.call('AUTH', 'wrong'))).toMatch(/^WRONGPASS /);
    expect(errorText(await client.call('HELLO', '3'))).toMatch(/^NOAUTH HELLO must be called/);
    expect(errorText(await client.call('HELLO', '3', 'AUTH', 'default', 'wrong'))).toMatch(/^WRONGPASS /);
    expect(await client.call('HELLO', '3', 'AUTH', 'default', 'p\u00e4ss')).toBeInstanceOf(Map);
    expect(await client.call('GET', 'x')).toBe(null);
    expect(await client.call('RESET')).toBe('RESET');
    expect(errorText(await client.call('GET', 'x'))).toBe('NOAUTH Authentication required.');
    expect(await client.call('QUIT')).toBe('OK');
    await client.untilClosed();
  });

  test('can be set and taken away while the server runs', async () => {
    await admin.call('CONFIG', 'SET', 'requirepass', 'late');
    const client = await connect(server.port);
    expect(errorText(await client.call('PING'))).toBe('NOAUTH Authentication required.');
    expect(await admin.call('PING')).toBe('PONG');
    expect(await admin.call('CONFIG', 'SET', 'requirepass', '')).toBe('OK');
    expect(await client.call('PING')).toBe('PONG');
  });
});

describe('connections', () => {
  test('beyond maxclients are told so', async () => {
    const full = await startThermocline({ maxclients: 3 });
    const clients = await Promise.all([1, 2, 3].map(() => connect(full.port)));
    for (const client of clients) expect(await client.call('PING')).toBe('PONG');
    const refused = await connect(full.port);
    expect(`${await refused.untilClosed()}`).toBe('-ERR max number of clients reached\r\n');
    expect(fields(await clients[0].call('INFO', 'stats')).rejected_connections).toBe('1');
    clients[2].close();
    await eventually(
      async () => fields(await clients[0].call('INFO', 'clients')).connected_clients === '2',
      'a client has gone',
    );
    expect(await (await connect(full.port)).call('PING')).toBe('PONG');
  });

  test('that are idle for longer than timeout are ended', async () => {
    await admin.call('CONFIG', 'SET', 'timeout', '1');
    const idle = await connect(server.port);
    const reading = await connect(server.port);
    // So does one that takes its time to read a reply: 64 KiB at a time.
    await reading.call('SETRANGE', 'large', 40_000_000, 'x');
    reading.socket.on('data', () => {
      reading.socket.pause();
      setTimeout(() => reading.socket.resume(), 4);
    });
    const large = reading.call('STRLEN', 'large').then(() => reading.call('GET', 'large'));
    const slow = await connect(server.port);
    await idle.call('PING');
    // Neither do those go that wait for something.
    const waiting = await Promise.all([1, 2, 3].map(() => connect(server.port)));
    waiting[0].send('BLPOP nothing 0\r\n');
    await waiting[1].call('SUBSCRIBE', 'channel');
    await waiting[2].call('MONITOR');
    // A command that takes its time to arrive keeps its connection.
    const bytes = encodeCommand('ECHO', 'x'.repeat(40));
    let at = 0;
    const timer = setInterval(() => slow.send(bytes.subarray(at, ++at)), 30);
    expect(await idle.untilClosed()).toHaveLength(0);
    await eventually(() => at >= bytes.length, 'the command is sent');
    clearInterval(timer);
    expect(await slow.reply()).toBe('x'.repeat(40));
    expect(await large).toHaveLength(40_000_001);
    expect(waiting.some((client) => client.isClosed)).toBe(false);
    for (const client of waiting) client.close();
    admin = await connect(server.port);
    await admin.call('CONFIG', 'SET', 'timeout', '0');
  });

  test.skipIf(!existsSync('/proc/net/tcp'))('are probed as tcp-keepalive says', async () => {
    /** The timer of the server's end: kind (2 for keepalive) and the seconds left, of which proc(5) has hundredths. */
    const timer = (client: TestClient) => {
      const hex = (port = 0) => port.toString(16).toUpperCase().padStart(4, '0');
      const ends = `0100007F:${hex(server.port)} 0100007F:${hex(client.socket.localPort)}`;
      const line = readFileSync('/proc/net/tcp', 'utf8')
        .split('\n')
        .find((text) => text.includes(ends));
      const [, kind, ticks] = / (\d\d):([0-9A-F]+) /.exec(line ?? '') ?? [];
      return { kind: Number(kind), seconds: Number.parseInt(ticks, 16) / 100 };
    };
    expect(await admin.call('CONFIG', 'GET', 'tcp-keepalive')).toEqual(['tcp-keepalive', '300']);
    expect(timer(admin).kind).toBe(2);
    expect(timer(admin).seconds).toBeGreaterThan(290);
    await admin.call('CONFIG', 'SET', 'tcp-keepalive', '60');
    const next = await connect(server.port);
    await next.call('PING');
    expect(timer(next).seconds).toBeLessThan(61);
    await admin.call('CONFIG', 'SET', 'tcp-keepalive', '0');
    const last = await connect(server.port);
    await last.call('PING');
    expect(timer(last).kind).toBe(0);
    await admin.call('CONFIG', 'SET', 'tcp-keepalive', '300');
  });

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((address) => address !== undefined && address.family === 'IPv4' && !address.internal)?.address;

  test.skipIf(outside === undefined)('from elsewhere are refused in protected mode', async () => {
    const open = await startThermocline({ bind: '*' });
    const host = outside as string;
    const refused = await connect({ host, port: open.port });
    expect(`${await refused.untilClosed()}`).toMatch(/^-DENIED Redis is running in protected mode .*\r\n$/);
    const local = await connect(open.port);
    expect(await local.call('CONFIG', 'SET', 'protected-mode', 'no')).toBe('OK');
    expect(await (await connect({ host, port: open.port })).call('PING')).toBe('PONG');
    await local.call('CONFIG', 'SET', 'protected-mode', 'yes', 'requirepass', 'x');
    expect(errorText(await (await connect({ host, port: open.port })).call('PING'))).toMatch(/^NOAUTH/);
  });
});

test('random bytes on thousands of connections do not hurt others', async () => {
  const generator = createGenerator(7);
  const pieces = [
    '*',
    '$',
    '\r\n',
    '1',
    '0',
    '-1',
    '3',
    '*3\r\n$3\r\nSET\r\n',
    '$4\r\nPING\r\n',
    '999999999',
    '"',
    "'",
  ];
  pieces.push(
    '\\x',
    'GET ',
    'SET a ',
    'EXEC\r\n',
    'MULTI\r\n',
    'HELLO 3\r\n',
    '\0',
    '\xff',
    '$-1\r\n',
    '*-1\r\n',
    ' ',
  );
  const message = (): Buffer => {
    const parts: Buffer[] = [];
    for (let count = 1 + generator.below(12); count > 0; count--) {
      parts.push(
        generator.below(6) === 0 ? generator.bytes(40) : Buffer.from(generator.pick(pieces), 'latin1'),
      );
    }
    return Buffer.concat(parts);
  };
  for (let round = 0; round < 40; round++) {
    const clients = await Promise.all(Array.from({ length: 50 }, () => connect(server.port)));
    for (const client of clients) {
      client.send(message());
      if (generator.below(2) === 0) client.send(message());
      if (generator.below(3) === 0) client.close();
      else client.socket.end(message());
    }
    await admin.call('SET', 'fuzzed', `${round}`);
    expect(await admin.call('GET', 'fuzzed')).toBe(`${round}`);
    await Promise.all(
      clients.filter((client) => !client.socket.destroyed).map((client) => client.untilClosed()),
    );
  }
  await eventually(async () => (await lines()).length === 1, 'the connections have ended');
  expect(server.log()).not.toMatch(/BUG REPORT/);
});
