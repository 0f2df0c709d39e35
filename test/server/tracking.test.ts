import { beforeAll, describe, expect, test } from 'vitest';
import type { Reply } from '../../src/resp/reply.ts';
import { connect, encodeCommand, errorText, fields, type TestClient } from '../support/client.ts';
import { eventually, hasRedis, startRedis, startThermocline, type TestServer } from '../support/servers.ts';

const INVALIDATE = 'invalidate';
let lastMark = 0;

/** What a client has heard besides replies, up to now. */
async function heard(client: TestClient): Promise<Reply[]> {
  const mark = `mark ${++lastMark}`;
  client.send(encodeCommand('PING', mark));
  const messages: Reply[] = [];
  for (;;) {
    const reply = await client.reply();
    // A subscriber of RESP2 is answered by an array.
    if (reply === mark || (Array.isArray(reply) && reply[1] === mark)) return messages;
    messages.push(reply);
  }
}

/** The message that tells of keys. */
function keys(...names: string[]): Reply {
  return [INVALIDATE, names];
}

const ALL: Reply = [INVALIDATE, null];

const SERVERS = [
  { name: 'Thermocline', start: startThermocline, isMissing: false },
  { name: 'Redis', start: startRedis, isMissing: !hasRedis },
];

describe.each(SERVERS.filter(({ isMissing }) => !isMissing))('client-side caching by $name', ({ start }) => {
  let server: TestServer;
  let writer: TestClient;

  beforeAll(async () => {
    server = await start();
    writer = await connect(server.port);
  });

  async function reader(...options: string[]): Promise<TestClient> {
    const client = await connect(server.port);
    await client.call('HELLO', '3');
    expect(await client.call('CLIENT', 'TRACKING', 'on', ...options)).toBe('OK');
    return client;
  }

  async function idOf(client: TestClient): Promise<string> {
    return String(await client.call('CLIENT', 'ID'));
  }

  test('a key that was read is told of once, until it is read again', async () => {
    const client = await reader();
    await writer.call('SET', 'k', '1');
    expect(await heard(client)).toEqual([]);
    await client.call('GET', 'k');
    await writer.call('SET', 'k', '2');
    await writer.call('SET', 'k', '3');
    expect(await heard(client)).toEqual([keys('k')]);
    await client.call('MGET', 'k', 'missing', 'other');
    await writer.call('MSET', 'k', '1', 'missing', '2', 'unread', '3');
    expect(await heard(client)).toEqual([keys('k'), keys('missing')]);
  });

  test.each([
    ['DEL', 'a'],
    ['APPEND', 'a', 'x'],
    ['EXPIRE', 'a', '100'],
    ['RENAME', 'a', 'b'],
    ['RENAME', 'b', 'a'],
    ['COPY', 'b', 'a', 'REPLACE'],
    ['MOVE', 'a', '1'],
    ['GETDEL', 'a'],
    ['SETRANGE', 'a', '1', 'x'],
    ['EVAL', "return redis.call('set', 'a', '1')", '0'],
  ])('%s is a change', async (...words) => {
    await writer.call('FLUSHALL');
    await writer.call('MSET', 'a', '1', 'b', '2');
    const client = await reader();
    await client.call('GET', 'a');
    await writer.call(...words);
    expect(await heard(client)).toEqual([keys('a')]);
  });

  test('what a client changed itself it hears after the reply, and after a whole transaction', async () => {
    const client = await reader();
    client.send('GET k\r\nSET k 1\r\nPING\r\n');
    const replies = (await client.rawReplies(4)).map(String);
    expect(replies.slice(1)).toEqual([
      '+OK\r\n',
      '>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n',
      '+PONG\r\n',
    ]);
    client.send('MULTI\r\nGET k\r\nSET k 2\r\nGET l\r\nSET l 3\r\nEXEC\r\n');
    expect((await client.rawReplies(8)).map(String).slice(5)).toEqual([
      '*4\r\n$1\r\n1\r\n+OK\r\n_\r\n+OK\r\n',
      '>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n',
      '>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nl\r\n',
    ]);
  });

  test('a blocked client that is served hears of the key after the reply', async () => {
    const client = await reader();
    await writer.call('DEL', 'list', 'moved');
    await client.call('LLEN', 'list');
    await client.call('LLEN', 'moved');
    client.send(encodeCommand('BLMOVE', 'list', 'moved', 'LEFT', 'LEFT', '0'));
    await eventually(
      async () => fields(await writer.call('INFO', 'clients')).blocked_clients === '1',
      'it is blocked',
    );
    await writer.call('RPUSH', 'list', 'x');
    expect(await client.reply()).toEqual(keys('list'));
    expect(await client.reply()).toBe('x');
    expect(await heard(client)).toEqual([keys('moved')]);
  });

  test('keys read by a script and by a transaction are remembered', async () => {
    const client = await reader();
    await client.call('EVAL', "return redis.call('get', KEYS[1])", '1', 'script:k');
    await client.call('EVAL_RO', "return redis.call('get', KEYS[1])", '1', 'script:l');
    for (const words of [['MULTI'], ['GET', 'multi:k'], ['EXEC']]) await client.call(...words);
    await writer.call('MSET', 'script:k', '1', 'script:l', '1', 'multi:k', '1');
    expect(await heard(client)).toEqual([keys('script:k'), keys('script:l'), keys('multi:k')]);
  });

  test('FLUSHALL and FLUSHDB tell of all keys, once each', async () => {
    const client = await reader();
    const broadcast = await reader('BCAST', 'PREFIX', 'none');
    await client.call('GET', 'k');
    await writer.call('FLUSHALL');
    await writer.call('FLUSHDB');
    expect(await heard(client)).toEqual([ALL, ALL]);
    expect(await heard(broadcast)).toEqual([ALL, ALL]);
    await writer.call('SET', 'k', '1');
    expect(await heard(client)).toEqual([]);
    client.send('FLUSHALL\r\nPING\r\n');
    expect((await client.rawReplies(3)).join('')).toBe('+OK\r\n>2\r\n$10\r\ninvalidate\r\n_\r\n+PONG\r\n');
  });

  test('keys that expire and keys that are evicted', async () => {
    const client = await reader();
    await writer.call('SET', 'brief', '1', 'PX', '20');
    await client.call('GET', 'brief');
    await eventually(async () => (await writer.call('EXISTS', 'brief')) === 0, 'it has expired');
    expect(await heard(client)).toEqual([keys('brief')]);
    await writer.call('FLUSHALL');
    await writer.call('SET', 'evicted', '1');
    await client.call('GET', 'evicted');
    await heard(client);
    await writer.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random', 'maxmemory', '1');
    await writer.call('SET', 'k', '1');
    await writer.call('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
    expect(await heard(client)).toContainEqual(keys('evicted'));
  });

  test('NOLOOP', async () => {
    const client = await reader('NOLOOP');
    await client.call('GET', 'k');
    await client.call('SET', 'k', '1');
    expect(await heard(client)).toEqual([]);
    await client.call('GET', 'k');
    await writer.call('SET', 'k', '2');
    expect(await heard(client)).toEqual([keys('k')]);
  });

  test('OPTIN remembers only what follows CLIENT CACHING YES', async () => {
    const client = await reader('OPTIN');
    client.send('GET a\r\nCLIENT CACHING yes\r\nGET b\r\nGET c\r\n');
    client.send('CLIENT CACHING yes\r\nCLIENT ID\r\nGET d\r\n');
    client.send('CLIENT CACHING yes\r\nMULTI\r\nGET e\r\nGET f\r\nEXEC\r\nGET g\r\n');
    client.send('CLIENT CACHING yes\r\nNOSUCH\r\nGET h\r\n');
    await client.rawReplies(16);
    for (const key of 'abcdefgh') await writer.call('SET', key, '1');
    expect(await heard(client)).toEqual(['b', 'd', 'e', 'f'].map((key) => keys(key)));
  });

  test('OPTOUT remembers all but what follows CLIENT CACHING NO', async () => {
    const client = await reader('OPTOUT');
    client.send('GET a\r\nCLIENT CACHING no\r\nGET b\r\nGET c\r\n');
    await client.rawReplies(4);
    for (const key of 'abc') await writer.call('SET', key, '1');
    expect(await heard(client)).toEqual(['a', 'c'].map((key) => keys(key)));
  });

  test('BCAST tells of prefixes at the end of a tick, each key once, in order', async () => {
    const client = await reader('BCAST', 'PREFIX', 'b', 'PREFIX', 'a');
    const all = await reader('BCAST');
    await writer.call('MSET', 'b2', '1', 'a2', '1', 'a1', '1', 'c', '1', 'a', '1', 'a1', '2');
    expect(await heard(client)).toEqual([keys('a', 'a1', 'a2'), keys('b2')]);
    expect(await heard(all)).toEqual([keys('a', 'a1', 'a2', 'b2', 'c')]);
    const quiet = await reader('BCAST', 'NOLOOP');
    await quiet.call('SET', 'a1', '1');
    expect(await heard(quiet)).toEqual([]);
    expect(await heard(client)).toEqual([keys('a1')]);
    await writer.call('SET', 'a1', '1');
    expect(await heard(quiet)).toEqual([keys('a1')]);
  });

  test('REDIRECT tells another connection, in RESP2 by a channel', async () => {
    const listener = await connect(server.port);
    const client = await connect(server.port);
    const id = await idOf(listener);
    await client.call('CLIENT', 'TRACKING', 'on', 'REDIRECT', id);
    expect(await client.call('CLIENT', 'GETREDIR')).toBe(Number(id));
    await client.call('GET', 'k');
    await writer.call('SET', 'k', '1');
    expect(await heard(listener)).toEqual([]);
    await listener.call('SUBSCRIBE', '__redis__:invalidate');
    await client.call('GET', 'k');
    await writer.call('SET', 'k', '2');
    await writer.call('FLUSHALL');
    expect(await heard(listener)).toEqual([
      ['message', '__redis__:invalidate', ['k']],
      ['message', '__redis__:invalidate', null],
    ]);
  });

  test('a redirection that is gone is told of, and shows', async () => {
    const listener = await connect(server.port);
    const id = await idOf(listener);
    const client = await reader('REDIRECT', id);
    const own = await idOf(client);
    listener.close();
    await eventually(async () => (await writer.call('CLIENT', 'LIST', 'ID', id)) === '', 'it is gone');
    await client.call('GET', 'k');
    await writer.call('SET', 'k', '1');
    expect(await heard(client)).toEqual([['tracking-redir-broken', Number(id)]]);
    const info = (await client.call('CLIENT', 'TRACKINGINFO')) as Map<string, Reply>;
    expect(info.get('flags')).toEqual(new Set(['on', 'broken_redirect']));
    expect(info.get('redirect')).toBe(Number(id));
    expect(fields(await writer.call('CLIENT', 'LIST', 'ID', own))).toMatchObject({
      flags: 'tR',
      redir: id,
    });
  });

  test('CLIENT REPLY OFF does not silence messages', async () => {
    const client = await reader();
    await client.call('GET', 'k');
    client.send('CLIENT REPLY OFF\r\n');
    await writer.call('SET', 'k', '1');
    expect(await client.reply()).toEqual(keys('k'));
  });

  test('CLIENT TRACKINGINFO and CLIENT LIST tell how a client tracks', async () => {
    const client = await connect(server.port);
    const raw = async (...words: string[]) => {
      client.send(encodeCommand(...words));
      return `${await client.rawReply()}`;
    };
    const info = (flags: string[], redirect: number, prefixes: string[] = []) => {
      const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
      const list = (texts: string[]) => `*${texts.length}\r\n${texts.map(bulk).join('')}`;
      return `*6\r\n${bulk('flags')}${list(flags)}${bulk('redirect')}:${redirect}\r\n${bulk('prefixes')}${list(prefixes)}`;
    };
    const state = async () => fields(await writer.call('CLIENT', 'LIST', 'ID', id));
    const id = await idOf(client);
    expect(await raw('CLIENT', 'TRACKINGINFO')).toBe(info(['off'], -1));
    await client.call('CLIENT', 'TRACKING', 'on', 'BCAST', 'PREFIX', 'b', 'PREFIX', 'a', 'NOLOOP');
    expect(await raw('CLIENT', 'TRACKINGINFO')).toBe(info(['on', 'bcast', 'noloop'], 0, ['a', 'b']));
    expect(await state()).toMatchObject({ flags: 'tB', redir: '0' });
    await client.call('CLIENT', 'TRACKING', 'off');
    expect(await client.call('CLIENT', 'GETREDIR')).toBe(-1);
    await client.call('CLIENT', 'TRACKING', 'on', 'OPTIN');
    await client.call('CLIENT', 'CACHING', 'yes');
    expect(await raw('CLIENT', 'TRACKINGINFO')).toBe(info(['on', 'optin', 'caching-yes'], 0));
    await client.call('CLIENT', 'TRACKING', 'off');
    await client.call('CLIENT', 'TRACKING', 'on', 'OPTOUT');
    await client.call('CLIENT', 'CACHING', 'no');
    expect(await raw('CLIENT', 'TRACKINGINFO')).toBe(info(['on', 'optout', 'caching-no'], 0));
    await client.call('RESET');
    expect(await raw('CLIENT', 'TRACKINGINFO')).toBe(info(['off'], -1));
    expect(await state()).toMatchObject({ flags: 'N', redir: '-1' });
  });

  test.each([
    ['TRACKING x', 'syntax error'],
    ['TRACKING on PREFIX', 'syntax error'],
    ['TRACKING on nosuch', 'syntax error'],
    ['TRACKING on REDIRECT x', 'value is not an integer or out of range'],
    ['TRACKING on REDIRECT 0', 'The client ID you want redirect to does not exist'],
    ['TRACKING on REDIRECT SELF REDIRECT SELF', 'A client can only redirect to a single other client'],
    ['TRACKING on PREFIX a', 'PREFIX option requires BCAST mode to be enabled'],
    ['TRACKING on BCAST OPTIN', 'OPTIN and OPTOUT are not compatible with BCAST'],
    ['TRACKING on OPTIN OPTOUT', "You can't specify both OPTIN mode and OPTOUT mode"],
    [
      'TRACKING on BCAST PREFIX a PREFIX ab',
      "Prefix 'a' overlaps with another provided prefix 'ab'. Prefixes for a single client must not overlap.",
    ],
    [
      'TRACKING on BCAST PREFIX ab, TRACKING on BCAST PREFIX a',
      "Prefix 'a' overlaps with an existing prefix 'ab'. Prefixes for a single client must not overlap.",
    ],
    [
      'TRACKING on, TRACKING on BCAST',
      "You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
    ],
    [
      'TRACKING on OPTIN, TRACKING on OPTOUT',
      "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
    ],
    [
      'CACHING yes',
      'CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
    ],
    ['TRACKING on OPTIN, CACHING x', 'syntax error'],
    [
      'TRACKING on OPTOUT, CACHING yes',
      'CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.',
    ],
    [
      'TRACKING on OPTIN, CACHING no',
      'CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.',
    ],
  ])('CLIENT %s is refused', async (line, text) => {
    const client = await connect(server.port);
    const id = await idOf(client);
    const commands = line.split(', ');
    const last = commands.pop() as string;
    const words = (command: string) => ['CLIENT', ...command.replaceAll('SELF', id).split(' ')];
    for (const command of commands) expect(await client.call(...words(command))).toBe('OK');
    expect(errorText(await client.call(...words(last)))).toBe(`ERR ${text}`);
  });

  test('INFO counts clients, keys, readers and prefixes', async () => {
    const fresh = await start();
    const clients = await Promise.all([1, 2, 3].map(() => connect(fresh.port)));
    const [first, second, third] = clients;
    for (const client of clients) await client.call('HELLO', '3');
    await first.call('CLIENT', 'TRACKING', 'on');
    await second.call('CLIENT', 'TRACKING', 'on');
    await third.call('CLIENT', 'TRACKING', 'on', 'BCAST', 'PREFIX', 'a', 'PREFIX', 'b');
    await first.call('MGET', 'a', 'b');
    await second.call('MGET', 'b', 'c');
    const counts = async () => fields(await third.call('INFO', 'everything'));
    expect(await counts()).toMatchObject({
      tracking_clients: '3',
      tracking_total_keys: '3',
      tracking_total_items: '4',
      tracking_total_prefixes: '2',
    });
    await third.call('CLIENT', 'TRACKING', 'off');
    first.close();
    await eventually(async () => (await counts()).tracking_clients === '1', 'the client is gone');
    expect((await counts()).tracking_total_prefixes).toBe('0');
  });

  test('beyond tracking-table-max-keys keys are forgotten and told of', async () => {
    await writer.call('FLUSHALL');
    await writer.call('CONFIG', 'SET', 'tracking-table-max-keys', '20');
    const client = await reader();
    const names = Array.from({ length: 50 }, (_, at) => `limited:${at}`);
    client.send(Buffer.concat(names.map((key) => encodeCommand('GET', key))));
    await eventually(
      async () => Number(fields(await writer.call('INFO', 'stats')).tracking_total_keys) <= 20,
      'the table fits',
    );
    const told = (await heard(client)).filter((reply) => reply !== null) as [string, string[]][];
    expect(told.length).toBeGreaterThanOrEqual(30);
    expect(new Set(told.map(([, [key]]) => key)).size).toBe(told.length);
    await writer.call('CONFIG', 'SET', 'tracking-table-max-keys', '1000000');
  });
});
