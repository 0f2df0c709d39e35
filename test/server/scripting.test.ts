import { Redis } from 'ioredis';
import { createClient, defineScript } from 'redis';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect, type TestClient } from '../support/client.ts';
import { eventually, startThermocline, type TestServer } from '../support/servers.ts';

const BUSY = /^BUSY Redis is busy running a script\. You can only call SCRIPT KILL or SHUTDOWN NOSAVE\.$/;
const ENDLESS = 'while true do end';

let server: TestServer;
let client: TestClient;
let other: TestClient;

beforeAll(async () => {
  server = await startThermocline({ 'busy-reply-threshold': 100 });
});

beforeEach(async () => {
  client = await connect(server.port);
  other = await connect(server.port);
  await other.call('FLUSHALL');
});

/** Waits until the server answers that it is busy. */
async function untilBusy(): Promise<void> {
  await eventually(
    async () => BUSY.test(String((await other.call('PING')) as Error).slice(12)),
    'it is busy',
  );
}

function errorOf(reply: unknown): string {
  return reply instanceof Error ? reply.message : `no error: ${String(reply)}`;
}

/** A script that is slow, with its client waiting for the reply. */
function begin(...words: readonly (string | number)[]): Promise<unknown> {
  return client.call(...words);
}

describe('a script that runs longer than busy-reply-threshold', () => {
  test.each([
    ['a loop', ENDLESS],
    ['a loop of protected calls', 'while true do pcall(function() for i = 1, 100 do end end) end'],
    [
      'nested protected calls',
      'local function f() return pcall(pcall, function() end) end while true do f() end',
    ],
    ['an error that it catches', 'while true do pcall(error, "x") end'],
    ['calls of commands', "while true do redis.call('GET', 'a') end"],
  ])('is killed by SCRIPT KILL: %s', async (_, script) => {
    const reply = begin('EVAL', script, 0);
    await untilBusy();
    expect(errorOf(await other.call('GET', 'a'))).toMatch(BUSY);
    expect(errorOf(await other.call('FUNCTION', 'KILL'))).toMatch(BUSY);
    expect(await other.call('SCRIPT', 'KILL')).toBe('OK');
    expect(errorOf(await reply)).toMatch(/^ERR Script killed by user with SCRIPT KILL\.\.\. script: /);
    expect(await other.call('PING')).toBe('PONG');
    expect(await client.call('PING')).toBe('PONG');
  });

  test('can not be killed once it has written, and goes on to its end', async () => {
    const script = `redis.call('SET', 'a', '1')
      repeat until redis.call('TIME')[1] == '0' or os.clock() > ARGV[1] + 1
      redis.call('SET', 'b', '2') return redis.call('GET', 'a')`;
    const now = Number(await client.call('EVAL', 'return tostring(os.clock())', 0));
    const reply = begin('EVAL', script, 0, now);
    await untilBusy();
    expect(errorOf(await other.call('SCRIPT', 'KILL'))).toMatch(/^UNKILLABLE /);
    expect(errorOf(await other.call('GET', 'a'))).toMatch(BUSY);
    expect(await reply).toBe('1');
    expect(await other.call('GET', 'b')).toBe('2');
  });

  test('keeps what was sent after it in order', async () => {
    client.send('EVAL "for i = 1, 4e7 do end return 1" 0\r\nSET a 5\r\nGET a\r\n');
    expect(await client.reply()).toBe(1);
    expect(await client.reply()).toBe('OK');
    expect(await client.reply()).toBe('5');
  });

  test('is in the slow log with all its time', async () => {
    await other.call('CONFIG', 'SET', 'slowlog-log-slower-than', '50000');
    await other.call('SLOWLOG', 'RESET');
    const now = Number(await client.call('EVAL', 'return tostring(os.clock())', 0));
    await client.call('EVAL', 'repeat until os.clock() > ARGV[1] + 0.3', 0, now);
    const [[, , microseconds, words]] = (await other.call('SLOWLOG', 'GET')) as [
      [number, number, number, string[]],
    ];
    expect(words[0]).toBe('EVAL');
    expect(microseconds).toBeGreaterThan(250_000);
  });

  test('goes on when its client leaves, until it is killed', async () => {
    void begin('EVAL', ENDLESS, 0).catch(() => {});
    await untilBusy();
    client.socket.destroy();
    await untilBusy();
    expect(await other.call('SCRIPT', 'KILL')).toBe('OK');
    expect(await other.call('PING')).toBe('PONG');
  });

  test('is finished when its client leaves, if it has written', async () => {
    const script = "redis.call('SET', 'a', '1') for i = 1, 1e8 do end redis.call('SET', 'a', '2')";
    void begin('EVAL', script, 0).catch(() => {});
    await untilBusy();
    client.socket.destroy();
    await eventually(async () => (await other.call('GET', 'a')) === '2', 'it has finished');
  });

  test('a function is killed by FUNCTION KILL', async () => {
    const code = `#!lua name=lib\nredis.register_function('endless', function() ${ENDLESS} end)`;
    await other.call('FUNCTION', 'LOAD', 'REPLACE', code);
    const reply = begin('FCALL', 'endless', 0);
    await eventually(async () => (await other.call('PING')) !== 'PONG', 'it is busy');
    expect(errorOf(await other.call('GET', 'a'))).toMatch(
      /You can only call FUNCTION KILL or SHUTDOWN NOSAVE\.$/,
    );
    const stats = (await other.call('FUNCTION', 'STATS')) as unknown[][];
    expect(stats[1].slice(0, 4)).toEqual(['name', 'endless', 'command', ['FCALL', 'endless', '0']]);
    expect(await other.call('FUNCTION', 'KILL')).toBe('OK');
    expect(errorOf(await reply)).toMatch(
      /^ERR Script killed by user with FUNCTION KILL\.\.\. script: endless/,
    );
  });

  test('within MULTI it is stopped, since EXEC can not be left', async () => {
    await client.call('MULTI');
    await client.call('EVAL', ENDLESS, 0);
    await client.call('SET', 'a', '1');
    const replies = (await client.call('EXEC')) as unknown[];
    expect(errorOf(replies[0])).toMatch(/^ERR Script stopped: /);
    expect(replies[1]).toBe('OK');
  });
});

describe('clients of Redis', () => {
  test('ioredis defines commands', async () => {
    const redis = new Redis(server.port);
    redis.defineCommand('put', { numberOfKeys: 1, lua: "return redis.call('SET', KEYS[1], ARGV[1])" });
    const { put } = redis as unknown as { put(key: string, value: string): Promise<string> };
    expect(await put.call(redis, 'a', '1')).toBe('OK');
    expect(await put.call(redis, 'a', '2')).toBe('OK');
    expect(await redis.get('a')).toBe('2');
    redis.disconnect();
  });

  test('node-redis defines scripts', async () => {
    const add = defineScript({
      NUMBER_OF_KEYS: 1,
      SCRIPT: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
      parseCommand(parser, key: string, by: number) {
        parser.pushKey(key);
        parser.push(String(by));
      },
      transformReply: (reply: number) => reply,
    });
    const redis = createClient({ url: `redis://127.0.0.1:${server.port}`, scripts: { add } });
    await redis.connect();
    expect(await redis.add('n', 2)).toBe(2);
    expect(await redis.add('n', 3)).toBe(5);
    redis.destroy();
  });
});
