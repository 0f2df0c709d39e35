import { beforeAll, describe, expect, test } from 'vitest';
import { connect, encodeCommand, errorText, fields, type TestClient } from '../support/client.ts';
import { eventually, startThermocline, type TestServer } from '../support/servers.ts';

const MB = 1024 * 1024;
let server: TestServer;
let admin: TestClient;

beforeAll(async () => {
  server = await startThermocline();
  admin = await connect(server.port);
  await admin.call('SET', 'value', 'x'.repeat(MB));
});

async function statistic(name: string): Promise<number> {
  return Number(fields(await admin.call('INFO', 'stats', 'clients', 'memory'))[name]);
}

/** A client that sends commands and does not read. */
async function deafClient(): Promise<TestClient> {
  const client = await connect(server.port);
  client.socket.pause();
  return client;
}

describe('what a client may send', () => {
  test('an argument up to proto-max-bulk-len, changed at run time', async () => {
    await admin.call('CONFIG', 'SET', 'proto-max-bulk-len', '1mb');
    const client = await connect(server.port);
    expect(await client.call('ECHO', Buffer.alloc(MB, 'y'))).toHaveLength(MB);
    client.send(`*2\r\n$4\r\nECHO\r\n$${MB + 1}\r\n`);
    expect(errorText(await client.reply())).toBe('ERR Protocol error: invalid bulk length');
    await client.untilClosed();
    await admin.call('CONFIG', 'SET', 'proto-max-bulk-len', '512mb');
  });

  test('a command up to client-query-buffer-limit', async () => {
    await admin.call('CONFIG', 'SET', 'client-query-buffer-limit', '2mb');
    const before = await statistic('client_query_buffer_limit_disconnections');
    const client = await connect(server.port);
    expect(await client.call('MSET', 'a', Buffer.alloc(MB), 'b', Buffer.alloc(MB - 1000))).toBe('OK');
    client.send(encodeCommand('MSET', 'a', Buffer.alloc(MB), 'b', Buffer.alloc(MB)));
    expect(await client.untilClosed()).toHaveLength(0);
    expect(await statistic('client_query_buffer_limit_disconnections')).toBe(before + 1);
    await admin.call('CONFIG', 'SET', 'client-query-buffer-limit', '1gb');
  });

  test('commands queued by MULTI count as bytes of the query', async () => {
    await admin.call('CONFIG', 'SET', 'client-query-buffer-limit', '2mb');
    const client = await connect(server.port);
    await client.call('MULTI');
    expect(await client.call('SET', 'a', Buffer.alloc(MB))).toBe('QUEUED');
    client.send(encodeCommand('SET', 'a', Buffer.alloc(MB)));
    await client.untilClosed();
    await admin.call('CONFIG', 'SET', 'client-query-buffer-limit', '1gb');
  });

  test('little before it has authenticated', async () => {
    const locked = await startThermocline({ requirepass: 'secret' });
    const cases: [string, string][] = [
      ['*11\r\n', 'unauthenticated multibulk length'],
      ['*2\r\n$4\r\nAUTH\r\n$16385\r\n', 'unauthenticated bulk length'],
    ];
    for (const [bytes, reason] of cases) {
      const client = await connect(locked.port);
      client.send(bytes);
      expect(`${await client.untilClosed()}`).toBe(`-ERR Protocol error: ${reason}\r\n`);
    }
    const client = await connect(locked.port);
    expect(errorText(await client.call('SET', 'a', 'x'.repeat(16384)))).toBe(
      'NOAUTH Authentication required.',
    );
    expect(await client.call('AUTH', 'secret')).toBe('OK');
    expect(await client.call('SET', 'a', 'x'.repeat(16385))).toBe('OK');
    expect(await client.call('MGET', ...Array(100).fill('b'))).toHaveLength(100);
  });
});

describe('a client that does not read', () => {
  test('is disconnected beyond the hard limit, and others are served', async () => {
    await admin.call('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 20mb 0 0');
    const before = await statistic('client_output_buffer_limit_disconnections');
    const client = await deafClient();
    for (let count = 0; count < 60; count++) client.send(encodeCommand('GET', 'value'));
    await eventually(
      async () => (await statistic('client_output_buffer_limit_disconnections')) === before + 1,
      'the client is disconnected',
    );
    expect(await admin.call('PING')).toBe('PONG');
    client.socket.resume();
    const received = await client.untilClosed();
    expect(received.length).toBeLessThan(60 * MB);
  });

  test('is disconnected by one reply beyond the hard limit, of which it gets nothing', async () => {
    await admin.call('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 100kb 0 0');
    const before = await statistic('client_output_buffer_limit_disconnections');
    for (const name of ['small', 'list', 'counter']) await admin.call('DEL', name);
    await admin.call('RPUSH', 'list', ...Array(50).fill('x'.repeat(1000)));
    const client = await connect(server.port);
    expect(await client.call('LRANGE', 'list', 0, -1)).toHaveLength(50);
    client.send(encodeCommand('SRANDMEMBER', 'none'));
    client.send(encodeCommand('INCR', 'counter'));
    await client.rawReplies(2);
    client.send(encodeCommand('LRANGE', 'list', 0, -1));
    client.send(encodeCommand('LRANGE', 'list', 0, -1));
    client.send(encodeCommand('LRANGE', 'list', 0, -1));
    expect(`${await client.untilClosed()}`).toBe('');
    expect(await statistic('client_output_buffer_limit_disconnections')).toBe(before + 1);
    // What would never fit is not made, and a transaction runs to its end.
    await admin.call('HSET', 'small', 'field', 'value');
    const greedy = await connect(server.port);
    greedy.send(encodeCommand('HRANDFIELD', 'small', '-999999999'));
    expect(`${await greedy.untilClosed()}`).toBe('');
    const transacting = await connect(server.port);
    transacting.send(encodeCommand('MULTI'));
    for (let count = 0; count < 3; count++) transacting.send(encodeCommand('LRANGE', 'list', 0, -1));
    transacting.send(encodeCommand('INCR', 'counter'));
    transacting.send(encodeCommand('EXEC'));
    await transacting.untilClosed();
    expect(await admin.call('GET', 'counter')).toBe('2');
  });

  test('is disconnected when it stays beyond the soft limit', async () => {
    await admin.call('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 0 8mb 1');
    const before = await statistic('client_output_buffer_limit_disconnections');
    const client = await deafClient();
    for (let count = 0; count < 30; count++) client.send(encodeCommand('GET', 'value'));
    await eventually(
      async () => (await statistic('client_recent_max_output_buffer')) > 8 * MB,
      'replies are waiting',
    );
    expect(await statistic('client_output_buffer_limit_disconnections')).toBe(before);
    await eventually(
      async () => (await statistic('client_output_buffer_limit_disconnections')) === before + 1,
      'the client is disconnected',
    );
  });

  test('gets everything without a limit, once it reads', async () => {
    await admin.call('CONFIG', 'SET', 'client-output-buffer-limit', 'normal 0 0 0');
    const client = await deafClient();
    const commands: Buffer[] = [];
    for (let index = 0; index < 20_000; index++) commands.push(encodeCommand('ECHO', `reply ${index}`));
    for (let count = 0; count < 12; count++) client.send(encodeCommand('GET', 'value'));
    await eventually(async () => (await statistic('mem_clients_normal')) > MB, 'replies are waiting');
    expect(await statistic('client_recent_max_output_buffer')).toBeGreaterThan(MB);
    client.send(Buffer.concat(commands));
    client.send(encodeCommand('CLIENT', 'SETNAME', 'done'));
    await eventually(
      async () => `${await admin.call('CLIENT', 'LIST')}`.includes('name=done'),
      'all commands have run',
    );
    client.socket.resume();
    const replies = await client.rawReplies(12 + 20_000 + 1);
    expect(replies.slice(0, 12).every((reply) => reply.length === MB + 12)).toBe(true);
    expect(
      replies.slice(12, -1).findIndex((reply, index) => !`${reply}`.endsWith(`\r\nreply ${index}\r\n`)),
    ).toBe(-1);
  });

  test('and sends one command after another holds little memory', async () => {
    const client = await deafClient();
    for (let count = 0; count < 12; count++) client.send(encodeCommand('GET', 'value'));
    await eventually(
      async () => (await statistic('client_recent_max_output_buffer')) > MB,
      'replies are waiting',
    );
    const before = await statistic('used_memory_rss');
    for (let index = 0; index < 5000; index++) {
      await client.sent(encodeCommand('ECHO', 'x'.repeat(40)));
      if (index % 100 === 0) await admin.call('PING');
    }
    // 5,000 buffers of 16 KiB would be 80 MB.
    expect((await statistic('used_memory_rss')) - before).toBeLessThan(40 * MB);
  });
});

describe('half-closed connections', () => {
  test('get the replies to what was sent before the end', async () => {
    const client = await connect(server.port);
    client.socket.end(Buffer.concat([encodeCommand('GET', 'value'), encodeCommand('PING')]));
    const received = await client.untilClosed();
    expect(received.length).toBe(`$${MB}\r\n`.length + MB + 2 + 7);
    expect(received.toString('latin1', received.length - 7)).toBe('+PONG\r\n');
  });

  test('end without a reply to a command cut short', async () => {
    const client = await connect(server.port);
    client.socket.end('PING\r\n*2\r\n$4\r\nECHO\r\n$10\r\nabc');
    expect(`${await client.untilClosed()}`).toBe('+PONG\r\n');
  });
});
