import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/commands/all.ts';
import { connect, encodeCommand, errorText, fields, type TestClient } from '../support/client.ts';
import { createGenerator } from '../support/generator.ts';
import { eventually, startThermocline, type TestServer } from '../support/servers.ts';

let server: TestServer;
let admin: TestClient;

beforeAll(async () => {
  server = await startThermocline();
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

describe('a password', () => {
  test('is asked for before anything but AUTH, HELLO, QUIT and RESET', async () => {
    const locked = await startThermocline({ requirepass: 'p\u00e4ss' });
    const client = await connect(locked.port);
    const table = COMMANDS.map((row) => row.name);
    expect(table.length).toBeGreaterThan(50);
    for (const name of table) {
      if (['auth', 'hello', 'quit', 'reset'].includes(name)) continue;
      // Arity is looked at first, so some words may be too many or too few.
      const errors: string[] = [];
      for (const words of [[], ['x'], ['x', 'y'], ['x', 'y', 'z'], ['list'], ['help']]) {
        errors.push(errorText(await client.call(name, ...words)));
      }
      expect(errors.every((text) => /^(NOAUTH |ERR (wrong number|unknown subcommand))/.test(text))).toBe(
        true,
      );
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
    // A command that takes its time to arrive keeps its connection.
    const bytes = encodeCommand('ECHO', 'x'.repeat(40));
    let at = 0;
    const timer = setInterval(() => slow.send(bytes.subarray(at, ++at)), 30);
    expect(await idle.untilClosed()).toHaveLength(0);
    await eventually(() => at >= bytes.length, 'the command is sent');
    clearInterval(timer);
    expect(await slow.reply()).toBe('x'.repeat(40));
    expect(await large).toHaveLength(40_000_001);
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
