import { beforeAll, describe, expect, test } from 'vitest';
import { connect, encodeCommand, encodeWords } from '../support/client.ts';
import { createGenerator } from '../support/generator.ts';
import { hasRedis, startRedis, startThermocline, type TestServer } from '../support/servers.ts';

let server: TestServer;
let redis: TestServer;

beforeAll(async () => {
  server = await startThermocline({ 'proto-max-bulk-len': '200mb' });
  if (hasRedis) redis = await startRedis({ 'proto-max-bulk-len': '200mb' });
});

/** What a server answers to bytes that end with a FIN, up to its own end of the connection. */
async function exchange(port: number, bytes: Buffer | string): Promise<string> {
  const client = await connect(port);
  client.socket.end(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  return (await client.untilClosed()).toString('latin1');
}

describe('protocol errors are answered and end the connection', () => {
  const zeros = (count: number) => '0'.repeat(count);
  const cases: [string, string, string][] = [
    ['a count that is no number', '*x\r\n', 'invalid multibulk length'],
    ['a count with a sign', '*+1\r\n', 'invalid multibulk length'],
    ['an empty count', '*\r\n', 'invalid multibulk length'],
    ['a count beyond 32 bits', '*2147483648\r\n', 'invalid multibulk length'],
    ['a count beyond 64 bits', '*99999999999999999999\r\n', 'invalid multibulk length'],
    ['a count with leading zeros', '*01\r\n', 'invalid multibulk length'],
    ['a bulk without its mark', '*1\r\nPING\r\n', "expected '$', got 'P'"],
    ['an empty line for a bulk', '*1\r\n\r\n', "expected '$', got ' '"],
    ['a bulk of a high byte', '*1\r\n\xff\r\n', "expected '$', got '\xff'"],
    ['a second bulk without its mark', '*2\r\n$4\r\nPING\r\n:1\r\n', "expected '$', got ':'"],
    ['a bulk length that is no number', '*1\r\n$x\r\n', 'invalid bulk length'],
    ['an empty bulk length', '*1\r\n$\r\n', 'invalid bulk length'],
    ['a negative bulk length', '*1\r\n$-1\r\n', 'invalid bulk length'],
    ['a bulk length with a space', '*1\r\n$ 4\r\n', 'invalid bulk length'],
    ['a bulk length with leading zeros', '*1\r\n$04\r\n', 'invalid bulk length'],
    ['a bulk longer than proto-max-bulk-len', '*1\r\n$209715201\r\n', 'invalid bulk length'],
    ['unbalanced quotes', 'SET a "b\r\n', 'unbalanced quotes in request'],
    ['quotes that end within a word', 'SET a "b"c\r\n', 'unbalanced quotes in request'],
    ['single quotes unbalanced', "SET a 'b\r\n", 'unbalanced quotes in request'],
    ['an inline command without end', 'x'.repeat(70_000), 'too big inline request'],
    ['a count without end', `*${zeros(70_000)}`, 'too big mbulk count string'],
    ['a bulk length without end', `*1\r\n$${zeros(70_000)}`, 'too big bulk count string'],
  ];

  test.each(cases)('%s', async (_, bytes, reason) => {
    const expected = `-ERR Protocol error: ${reason}\r\n`;
    expect(await exchange(server.port, bytes)).toBe(expected);
    expect(await exchange(server.port, `PING\r\n${bytes}`)).toBe(`+PONG\r\n${expected}`);
  });

  test.skipIf(!hasRedis).each(cases)('as Redis: %s', async (_, bytes) => {
    expect(await exchange(server.port, bytes)).toBe(await exchange(redis.port, bytes));
  });

  test('what follows the error is not run', async () => {
    const bytes = `${encodeCommand('SET', 'after-error', '1')}*x\r\n${encodeCommand('DEL', 'after-error')}`;
    expect(await exchange(server.port, bytes)).toBe(
      '+OK\r\n-ERR Protocol error: invalid multibulk length\r\n',
    );
    const client = await connect(server.port);
    expect(await client.call('GET', 'after-error')).toBe('1');
  });
});

describe('bytes that Redis takes', () => {
  const cases: [string, string][] = [
    ['inline commands', 'PING\r\nping\nSET inline value\r\nGET inline\r\n'],
    ['inline words with spaces and tabs around', '  ECHO \t hi  \r\n'],
    ['inline quotes and escapes', 'SET "a b" "\\x00\\n\\"q"\r\nGET "a b"\r\nECHO \'it\\\'s\'\r\n'],
    ['an empty inline command', '\r\n\r\nPING\r\n\n'],
    ['empty and negative counts', '*0\r\n*-1\r\n*-5\r\nPING\r\n'],
    ['inline between arrays', `${encodeCommand('PING')}PING hi\r\n${encodeCommand('ECHO', 'x')}`],
    ['an empty command name', encodeCommand('').toString()],
    ['an unknown command', encodeCommand('nosuch', 'a', 'b c', 'd'.repeat(200), 'e').toString()],
    ['an unknown command of many words', encodeCommand('nosuch', ...Array(40).fill('word')).toString()],
    ['an unknown command with line ends', encodeCommand('no\r\nsuch', 'a\r\nb').toString('latin1')],
    ['a wrong number of words', encodeCommand('GET').toString()],
    ['an unknown subcommand', encodeCommand('CLIENT', 'nosuch').toString()],
    ['a container alone', encodeCommand('CLIENT').toString()],
    ['a subcommand with a wrong number of words', encodeCommand('CLIENT', 'SETNAME').toString()],
    ['commands in any case', 'pInG\r\nsEt Case 1\r\nGeT Case\r\nCLIENT getname\r\n'],
    ['empty keys and values', encodeCommand('SET', '', '').toString() + encodeCommand('GET', '').toString()],
    ['a command after QUIT', 'QUIT\r\nPING\r\n'],
    ['HELLO with a wrong version', 'HELLO 1\r\nHELLO 4\r\nHELLO x\r\nHELLO 99999999999999999999\r\n'],
    [
      'HELLO with wrong options',
      'HELLO 3 NOSUCH\r\nHELLO 3 SETNAME\r\nHELLO 3 AUTH x\r\nHELLO 3 SETNAME "a b"\r\n',
    ],
    ['HELLO with a wrong password', 'HELLO 3 AUTH nosuch wrong\r\nPING\r\n'],
    ['AUTH without a password set', 'AUTH x\r\nAUTH default x\r\nAUTH a b\r\nAUTH a b c\r\n'],
    ['RESP3 nulls', 'HELLO 3 SETNAME x\r\nGET nosuch\r\nMGET nosuch inline\r\nCLIENT GETNAME\r\n'],
    [
      'RESET',
      'HELLO 3\r\nSELECT 3\r\nCLIENT SETNAME x\r\nMULTI\r\nRESET\r\nCLIENT GETNAME\r\nGET nosuch\r\nEXEC\r\n',
    ],
    ['SELECT', 'SELECT 15\r\nSELECT 16\r\nSELECT -1\r\nSELECT x\r\nSELECT 99999999999999999999\r\n'],
    ['PING with words', 'PING a\r\nPING a b\r\n'],
    [
      'CLIENT REPLY',
      'CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nPING\r\nPING\r\nCLIENT REPLY x\r\n',
    ],
    ['CLIENT REPLY SKIP before errors', 'CLIENT REPLY SKIP\r\nGET\r\nGET\r\n'],
    [
      'CLIENT KILL with errors',
      'CLIENT KILL 1:2\r\nCLIENT KILL ID x\r\nCLIENT KILL ID 99999 TYPE nosuch\r\nCLIENT KILL USER nosuch\r\nCLIENT KILL a b c\r\nCLIENT KILL SKIPME x\r\nCLIENT KILL ID 999999\r\n',
    ],
    [
      'CLIENT LIST with errors',
      'CLIENT LIST x\r\nCLIENT LIST TYPE nosuch\r\nCLIENT LIST ID x\r\nCLIENT LIST ID\r\n',
    ],
    ['CLIENT NO-EVICT', 'CLIENT NO-EVICT on\r\nCLIENT NO-EVICT x\r\nCLIENT NO-EVICT\r\n'],
    [
      'CLIENT SETNAME',
      'CLIENT SETNAME ok\r\nCLIENT GETNAME\r\nCLIENT SETNAME "a\\nb"\r\nCLIENT SETNAME ""\r\nCLIENT GETNAME\r\n',
    ],
  ];

  test.skipIf(!hasRedis).each(cases)('%s', async (_, bytes) => {
    const strip = (text: string) => text.replace(/(id\r\n:)\d+|(redis_)?version\r\n\$\d\r\n[\d.]+/g, '$1');
    expect(strip(await exchange(server.port, bytes))).toBe(strip(await exchange(redis.port, bytes)));
  });

  test('HELLO describes the server in either protocol', async () => {
    const client = await connect(server.port);
    expect(await client.call('HELLO', '3', 'SETNAME', 'someone')).toEqual(
      new Map<string, unknown>([
        ['server', 'redis'],
        ['version', expect.stringMatching(/^8\./)],
        ['proto', 3],
        ['id', expect.any(Number)],
        ['mode', 'standalone'],
        ['role', 'master'],
        ['modules', []],
      ]),
    );
    expect(await client.call('CLIENT', 'GETNAME')).toBe('someone');
    expect(await client.call('HELLO', '2')).toEqual(expect.arrayContaining(['proto', 2]));
    expect(await client.call('HELLO')).toEqual(expect.arrayContaining(['proto', 2]));
  });
});

describe('a pipeline', () => {
  /** Commands whose replies depend on all bytes of all words, and the replies. */
  const binary = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const commands: (string | number | Buffer)[][] = [];
  for (let round = 0; round < 12; round++) {
    const key = Buffer.concat([Buffer.from(`key${round}\r\n`), binary.subarray(round * 16)]);
    const value = Buffer.concat([binary, Buffer.from(`${round}`), Buffer.alloc(round * 7, round)]);
    commands.push(['SET', key, value], ['GET', key], ['APPEND', key, `*${round}\r\n$3\r\n`], ['STRLEN', key]);
    commands.push(
      ['MSET', `a${round}`, '1', `b${round}`, value],
      ['MGET', `a${round}`, 'nosuch', `b${round}`],
    );
    commands.push(['ECHO', Buffer.alloc(0)], ['NOSUCH', 'x'], ['GET'], ['INCR', `a${round}`], ['DEL', key]);
  }
  const whole = Buffer.concat([
    ...commands.map((words) => encodeCommand(...words)),
    Buffer.from('SET inline "\\x01 \\r\\n"\r\nGET inline\n\r\n*0\r\nPING\r\n'),
  ]);
  const count = commands.length + 3;
  let expected: string;

  beforeAll(async () => {
    const client = await connect(server.port);
    client.send(whole);
    expected = Buffer.concat(await client.rawReplies(count)).toString('latin1');
  });

  test.skipIf(!hasRedis)('is answered as by Redis', async () => {
    const client = await connect(redis.port);
    client.send(whole);
    expect(expected).toBe(Buffer.concat(await client.rawReplies(count)).toString('latin1'));
  });

  test('is answered the same when its bytes come one by one', async () => {
    const client = await connect(server.port);
    for (let at = 0; at < whole.length; at++) await client.sent(whole.subarray(at, at + 1));
    expect(Buffer.concat(await client.rawReplies(count)).toString('latin1')).toBe(expected);
  });

  test('is answered the same when its bytes are cut anywhere, with clients taking turns', async () => {
    const generator = createGenerator(20250601);
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(server.port)));
    // The keys are shared by all, so only one runs the pipeline's changes at a time: all others read cut commands.
    for (const client of clients) {
      const other = clients[generator.below(clients.length)];
      const echo = encodeCommand('ECHO', binary);
      const cut = generator.below(echo.length);
      for (let at = 0; at < whole.length; ) {
        const size = 1 + generator.below(generator.below(4) === 0 ? 600 : 12);
        await client.sent(whole.subarray(at, at + size));
        at += size;
        if (other !== client && at < 3000) {
          await other.sent(echo.subarray(0, cut));
          await client.sent(Buffer.alloc(0));
          await other.sent(echo.subarray(cut));
          expect(await other.reply(false)).toEqual(binary);
        }
      }
      expect(Buffer.concat(await client.rawReplies(count)).toString('latin1')).toBe(expected);
    }
  });

  test('of a hundred thousand commands is answered in order', async () => {
    const client = await connect(server.port);
    const total = 100_000;
    client.send(Buffer.concat(Array.from({ length: total }, (_, index) => encodeCommand('ECHO', index))));
    const replies = await client.rawReplies(total);
    expect(replies.findIndex((reply, index) => `${reply}` !== `$${`${index}`.length}\r\n${index}\r\n`)).toBe(
      -1,
    );
  });
});

describe('large commands', () => {
  test('a million arguments, arriving in pieces', async () => {
    const client = await connect(server.port);
    const keys = Array.from({ length: 1_000_000 }, (_, index) => `key:${index}`);
    for (const name of ['MGET', 'DEL', 'EXISTS']) {
      await client.call('MSET', 'key:17', 'a', 'key:999999', 'b');
      const bytes = encodeWords([name, ...keys]);
      for (let at = 0; at < bytes.length; at += 999_983) await client.sent(bytes.subarray(at, at + 999_983));
      const reply = await client.reply();
      if (name !== 'MGET') expect(reply).toBe(2);
      else {
        expect(reply).toHaveLength(1_000_000);
        expect([...(reply as unknown[]).entries()].filter(([, value]) => value !== null)).toEqual([
          [17, 'a'],
          [999_999, 'b'],
        ]);
      }
    }
  });

  test('a value of 100 MB', async () => {
    const client = await connect(server.port);
    const value = Buffer.alloc(100 * 1024 * 1024, 'thermocline');
    expect(await client.call('SET', 'big', value)).toBe('OK');
    expect(await client.call('STRLEN', 'big')).toBe(value.length);
    client.send(encodeCommand('GET', 'big'));
    const reply = (await client.reply(false)) as Buffer;
    expect(reply.equals(value)).toBe(true);
    expect(await client.call('GETRANGE', 'big', '-11', '-1')).toBe(
      value.toString('latin1', value.length - 11),
    );
    expect(await client.call('DEL', 'big')).toBe(1);
  });
});
