import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect, encodeCommand, fields, type TestClient } from '../support/client.ts';
import { eventually, startThermocline, type TestServer } from '../support/servers.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startThermocline({ 'notify-keyspace-events': 'Ex' });
});

async function subscriber(protocol: 2 | 3, ...channels: string[]): Promise<TestClient> {
  const client = await connect(server.port);
  await client.call('HELLO', protocol);
  client.send(encodeCommand('SUBSCRIBE', ...channels));
  await client.rawReplies(channels.length);
  return client;
}

/** Messages of a channel as they are sent in RESP2. */
function messages(channel: string, texts: readonly string[], first = '*'): string {
  return texts
    .map(
      (text) =>
        `${first}3\r\n$7\r\nmessage\r\n$${channel.length}\r\n${channel}\r\n$${text.length}\r\n${text}\r\n`,
    )
    .join('');
}

describe.each([2, 3] as const)('node-redis over RESP%i', (RESP) => {
  test('subscribes to channels, patterns and shard channels', async () => {
    const client = createClient({ RESP, url: `redis://127.0.0.1:${server.port}` });
    const listening = client.duplicate();
    for (const each of [client, listening]) {
      each.on('error', () => {});
      await each.connect();
    }
    const heard: string[] = [];
    const hear = (message: string, channel: string) => heard.push(`${channel} ${message}`);
    await listening.subscribe(['one', 'two'], hear);
    await listening.pSubscribe('t*', hear);
    await listening.sSubscribe('shard', hear);
    expect(await client.publish('one', 'a')).toBe(1);
    expect(await client.publish('two', 'b')).toBe(2);
    expect(await client.sPublish('shard', 'c')).toBe(1);
    expect(await client.pubSubNumSub(['one', 'two'])).toEqual({ one: 1, two: 1 });
    await eventually(() => heard.length === 4, 'four messages were heard');
    expect(heard).toEqual(['one a', 'two b', 'two b', 'shard c']);
    await listening.unsubscribe();
    await listening.pUnsubscribe();
    await listening.sUnsubscribe();
    expect(await client.publish('two', 'b')).toBe(0);
    expect(`${await listening.ping()}`).toBe('PONG');
    client.destroy();
    listening.destroy();
  });
});

describe.each([2, 3] as const)('ioredis over RESP%i', (protocol) => {
  test('subscribes, and subscribes again after the connection was lost', async () => {
    const open = () => new Redis({ port: server.port, host: '127.0.0.1', protocol });
    const [client, listening] = [open(), open()];
    for (const each of [client, listening]) each.on('error', () => {});
    const heard: string[] = [];
    listening.on('message', (channel, message) => heard.push(`${channel} ${message}`));
    listening.on('pmessage', (pattern, channel, message) => heard.push(`${pattern} ${channel} ${message}`));
    expect(await listening.subscribe('ioredis')).toBe(1);
    expect(await listening.psubscribe('io*')).toBe(2);
    expect(await client.publish('ioredis', 'x')).toBe(2);
    await eventually(() => heard.length === 2, 'both messages were heard');
    expect(heard).toEqual(['ioredis x', 'io* ioredis x']);
    expect(await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(1);
    await eventually(async () => (await client.publish('ioredis', 'y')) === 2, 'the subscriptions are back');
    await eventually(() => heard.includes('io* ioredis y'), 'messages are heard again');
    client.disconnect();
    listening.disconnect();
  });
});

test('an expiry that nobody asked for reaches a subscriber', async () => {
  const client = await subscriber(2, '__keyevent@0__:expired');
  const other = await connect(server.port);
  await other.call('SET', 'short', 'v', 'PX', '20');
  expect(await client.reply()).toEqual(['message', '__keyevent@0__:expired', 'short']);
});

test('messages of one tick keep their order, across channels and protocols', async () => {
  const texts = Array.from({ length: 500 }, (_, index) => `text ${index}`);
  const [all, odd, modern] = await Promise.all([
    subscriber(2, 'even', 'odd'),
    subscriber(2, 'odd'),
    subscriber(3, 'odd'),
  ]);
  const publisher = await connect(server.port);
  const channel = (at: number) => (at % 3 === 0 ? 'even' : 'odd');
  publisher.send(Buffer.concat(texts.map((text, at) => encodeCommand('PUBLISH', channel(at), text))));
  const expected = texts.map((text, at) => messages(channel(at), [text]));
  const odds = texts.filter((_, at) => at % 3 !== 0);
  expect(Buffer.concat(await all.rawReplies(500)).toString()).toBe(expected.join(''));
  expect(Buffer.concat(await odd.rawReplies(odds.length)).toString()).toBe(messages('odd', odds));
  expect(Buffer.concat(await modern.rawReplies(odds.length)).toString()).toBe(messages('odd', odds, '>'));
  expect(`${Buffer.concat(await publisher.rawReplies(500))}`).toBe(
    texts.map((_, at) => (at % 3 === 0 ? ':1\r\n' : ':3\r\n')).join(''),
  );
});

test('a message to oneself follows the reply of the command that sends it', async () => {
  const client = await subscriber(3, 'self');
  const commands = [
    'PUBLISH self a',
    'PING',
    'MULTI',
    'PUBLISH self b',
    'PING',
    'EXEC',
    'PUBLISH self c',
    'PING',
  ];
  client.send(Buffer.concat(commands.map((line) => encodeCommand(...line.split(' ')))));
  const message = (text: string) => messages('self', [text], '>');
  expect(Buffer.concat(await client.rawReplies(11)).toString()).toBe(
    `:1\r\n${message('a')}+PONG\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n+PONG\r\n${message('b')}:1\r\n${message('c')}+PONG\r\n`,
  );
});

test('subscriptions end with the connection', async () => {
  const client = await subscriber(2, 'gone');
  const other = await connect(server.port);
  expect(await other.call('PUBLISH', 'gone', 'x')).toBe(1);
  client.close();
  await eventually(
    async () => (await other.call('PUBLISH', 'gone', 'x')) === 0,
    'the subscription has ended',
  );
});

test('a subscriber is never idle', async () => {
  const impatient = await startThermocline({ timeout: 1, hz: 100 });
  const [client, other] = [await connect(impatient.port), await connect(impatient.port)];
  await client.call('SUBSCRIBE', 'a');
  expect(`${await other.untilClosed()}`).toBe('');
  const third = await connect(impatient.port);
  expect(await third.call('PUBLISH', 'a', 'x')).toBe(1);
  expect(await client.reply()).toEqual(['message', 'a', 'x']);
});

test('a large message arrives whole', async () => {
  const clients = await Promise.all([subscriber(2, 'large'), subscriber(2, 'large')]);
  const publisher = await connect(server.port);
  const text = 'x'.repeat(20 * 1024 * 1024);
  expect(await publisher.call('PUBLISH', 'large', text)).toBe(2);
  expect(await publisher.call('PUBLISH', 'large', 'after')).toBe(2);
  for (const client of clients) {
    expect(((await client.reply()) as string[])[2].length).toBe(text.length);
    expect(await client.reply()).toEqual(['message', 'large', 'after']);
  }
});

describe('a subscriber that does not read', () => {
  test('is told everything in order once it reads, where no limit is set', async () => {
    const publisher = await connect(server.port);
    await publisher.call('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 0 0 0');
    const client = await subscriber(2, 'slow');
    client.socket.pause();
    const texts = Array.from({ length: 20_000 }, (_, index) => `${index}:${'x'.repeat(index % 2000)}`);
    for (let at = 0; at < texts.length; at += 100) {
      const batch = texts.slice(at, at + 100);
      publisher.send(Buffer.concat(batch.map((text) => encodeCommand('PUBLISH', 'slow', text))));
      await publisher.rawReplies(batch.length);
    }
    const told = fields(await publisher.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
    expect(Number(told.omem)).toBeGreaterThan(1024 * 1024);
    client.socket.resume();
    expect(Buffer.concat(await client.rawReplies(texts.length)).toString()).toBe(messages('slow', texts));
    await publisher.call('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
    client.close();
  });

  test.each([
    ['small', 'x'.repeat(20), 500],
    ['large', 'x'.repeat(300_000), 2],
  ])('is disconnected at the limit of its class, messages being %s', async (_, text, perBatch) => {
    const publisher = await connect(server.port);
    await publisher.call('CONFIG', 'RESETSTAT');
    await publisher.call('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 2mb 0 0');
    const client = await subscriber(2, 'slow');
    client.socket.pause();
    const batch = Buffer.concat(
      Array.from({ length: perBatch }, () => encodeCommand('PUBLISH', 'slow', text)),
    );
    await eventually(
      async () => {
        publisher.send(batch);
        return (await publisher.rawReplies(perBatch)).at(-1)?.toString() === ':0\r\n';
      },
      'the subscriber is gone',
      25_000,
    );
    const told = fields(await publisher.call('INFO', 'stats'));
    expect(told.client_output_buffer_limit_disconnections).toBe('1');
    await publisher.call('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
  });
});
