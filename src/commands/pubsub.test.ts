import { describe, expect, test } from 'vitest';
import {
  createEngine,
  type ExpectedReply,
  RESIDENCIES,
  replyBytes,
  type TestEngine,
  type Word,
} from '../../test/support/engine.ts';
import type { Client } from '../command-table/client.ts';

const SUBSCRIBER_ERROR = (name: string) =>
  `-ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`;

function words(line: string): string[] {
  return line.split(' ');
}

/** The bytes of replies or messages after each other. */
function bytes(...replies: ExpectedReply[]): string {
  return replies.map(replyBytes).join('');
}

/** A message of RESP3: as an array of RESP2, with its own first byte. */
function pushed(...replies: ExpectedReply[]): string {
  return replies.map((reply) => replyBytes(reply).replace('*', '>')).join('');
}

function run(engine: TestEngine, client: Client, line: string): string {
  return engine.runAs(client, ...words(line)).raw;
}

describe('subscriptions', () => {
  test('are confirmed one by one, with the count of channels and patterns', () => {
    const engine = createEngine();
    const client = engine.connect();
    expect(run(engine, client, 'SUBSCRIBE a b a')).toBe(
      bytes(['$subscribe', '$a', ':1'], ['$subscribe', '$b', ':2'], ['$subscribe', '$a', ':2']),
    );
    expect(run(engine, client, 'PSUBSCRIBE n*')).toBe(bytes(['$psubscribe', '$n*', ':3']));
    expect(run(engine, client, 'SSUBSCRIBE a')).toBe(bytes(['$ssubscribe', '$a', ':1']));
    expect(run(engine, client, 'UNSUBSCRIBE nosuch')).toBe(bytes(['$unsubscribe', '$nosuch', ':3']));
    expect(run(engine, client, 'UNSUBSCRIBE')).toBe(
      bytes(['$unsubscribe', '$a', ':2'], ['$unsubscribe', '$b', ':1']),
    );
    expect(run(engine, client, 'PUNSUBSCRIBE')).toBe(bytes(['$punsubscribe', '$n*', ':0']));
    expect(run(engine, client, 'SUNSUBSCRIBE')).toBe(bytes(['$sunsubscribe', '$a', ':0']));
    expect(run(engine, client, 'UNSUBSCRIBE')).toBe(bytes(['$unsubscribe', '$-1', ':0']));
    expect(run(engine, client, 'GET a')).toBe(bytes('$-1'));
  });

  test('in RESP3 they are confirmed by pushes', () => {
    const engine = createEngine();
    const client = engine.connect();
    client.protocol = 3;
    expect(run(engine, client, 'SUBSCRIBE a')).toBe(pushed(['$subscribe', '$a', ':1']));
    expect(run(engine, client, 'PUNSUBSCRIBE')).toBe(pushed(['$punsubscribe', '_', ':1']));
  });

  test('are confirmed whatever CLIENT REPLY says', () => {
    const engine = createEngine();
    const client = engine.connect();
    run(engine, client, 'CLIENT REPLY OFF');
    expect(run(engine, client, 'SUBSCRIBE a')).toBe('');
    expect(engine.takePushes(client)).toBe(bytes(['$subscribe', '$a', ':1']));
    expect(run(engine, client, 'PING')).toBe('');
    engine.run('PUBLISH', 'a', 'x');
    expect(engine.takePushes(client)).toBe(bytes(['$message', '$a', '$x']));
  });

  test('end with RESET', () => {
    const engine = createEngine();
    const client = engine.connect();
    for (const line of ['SUBSCRIBE a', 'PSUBSCRIBE *', 'SSUBSCRIBE a']) run(engine, client, line);
    expect(run(engine, client, 'RESET')).toBe(bytes('+RESET'));
    expect(client.isSubscriber).toBe(false);
    expect(engine.run('PUBLISH', 'a', 'x').value).toBe(0);
    expect(engine.run('SPUBLISH', 'a', 'x').value).toBe(0);
    expect(engine.publications.byteCount).toBe(0);
  });

  test('of an embedded store are refused', () => {
    const engine = createEngine();
    const internal = Object.assign(engine.connect(), { isInternal: true });
    expect(run(engine, internal, 'SUBSCRIBE a')).toBe(
      bytes('-ERR SUBSCRIBE needs a connection that messages can be sent to, and an embedded store has none'),
    );
    expect(engine.run('PUBSUB', 'CHANNELS').value).toEqual([]);
  });
});

describe('a subscriber in RESP2', () => {
  test('may send a few commands only', () => {
    const engine = createEngine();
    const client = engine.connect();
    run(engine, client, 'SUBSCRIBE a');
    expect(run(engine, client, 'GET a')).toBe(bytes(SUBSCRIBER_ERROR('get')));
    expect(run(engine, client, 'config get a')).toBe(bytes(SUBSCRIBER_ERROR('config|get')));
    expect(run(engine, client, 'SLOWLOG RESET')).toBe(bytes(SUBSCRIBER_ERROR('slowlog|reset')));
    expect(run(engine, client, 'MULTI')).toBe(bytes(SUBSCRIBER_ERROR('multi')));
    expect(run(engine, client, 'EXEC')).toBe(
      bytes(`-EXECABORT Transaction discarded because of: ${SUBSCRIBER_ERROR('exec').slice(5)}`),
    );
    expect(run(engine, client, 'PING')).toBe(bytes(['$pong', '$']));
    expect(run(engine, client, 'PING hi')).toBe(bytes(['$pong', '$hi']));
    expect(run(engine, client, 'QUIT')).toBe(bytes('+OK'));
  });

  test('in RESP3 may send any', () => {
    const engine = createEngine();
    const client = engine.connect();
    client.protocol = 3;
    run(engine, client, 'SUBSCRIBE a');
    expect(run(engine, client, 'PING')).toBe(bytes('+PONG'));
    expect(run(engine, client, 'GET a')).toBe(bytes('_'));
  });
});

describe('messages', () => {
  test('go to the subscribers of the channel, then to those of patterns, each in its protocol', () => {
    const engine = createEngine();
    const [first, second] = [engine.connect(), engine.connect()];
    second.protocol = 3;
    run(engine, first, 'SUBSCRIBE news');
    run(engine, second, 'SUBSCRIBE news other');
    run(engine, second, 'PSUBSCRIBE n?ws x*');
    expect(engine.run('PUBLISH', 'news', 'hello').raw).toBe(bytes(':3'));
    expect(engine.takePushes(first)).toBe(bytes(['$message', '$news', '$hello']));
    expect(engine.takePushes(second)).toBe(
      pushed(['$message', '$news', '$hello'], ['$pmessage', '$n?ws', '$news', '$hello']),
    );
    expect(engine.run('PUBLISH', 'nobody', 'hello').raw).toBe(bytes(':0'));
  });

  test('of shard channels are apart from those of channels', () => {
    const engine = createEngine();
    const client = engine.connect();
    run(engine, client, 'SUBSCRIBE a');
    run(engine, client, 'PSUBSCRIBE *');
    run(engine, client, 'SSUBSCRIBE a');
    expect(engine.run('SPUBLISH', 'a', 'x').raw).toBe(bytes(':1'));
    expect(engine.takePushes(client)).toBe(bytes(['$smessage', '$a', '$x']));
  });

  test('may be empty, binary and large, as may the names', () => {
    const engine = createEngine();
    const client = engine.connect();
    const name = Buffer.from([0, 255, 13, 10]);
    engine.runAs(client, 'SUBSCRIBE', '', name);
    const large = Buffer.alloc(1_000_000, 7);
    const expected: [Word, Word][] = [
      ['', ''],
      [name, Buffer.from([1, 0, 200])],
      [name, large],
      ['', 'after it'],
    ];
    for (const [channel, message] of expected) {
      expect(engine.run('PUBLISH', channel, message).value).toBe(1);
      const bulk = (word: Word) => {
        const text = Buffer.from(word as string).toString('latin1');
        return `$${text.length}\r\n${text}\r\n`;
      };
      const expectedBytes = `*3\r\n${bulk('message')}${bulk(channel)}${bulk(message)}`;
      expect(engine.takePushes(client) === expectedBytes).toBe(true);
    }
  });

  test('the empty channel is matched by the empty pattern only', () => {
    const engine = createEngine();
    const client = engine.connect();
    engine.runAs(client, 'PSUBSCRIBE', '*', '**', '');
    expect(engine.run('PUBLISH', '', 'x').value).toBe(1);
    expect(engine.run('PUBLISH', 'a', 'x').value).toBe(2);
  });

  test('are for replicas, not for a log', () => {
    const engine = createEngine();
    expect(engine.run('PUBLISH', 'a', 'x').propagated).toEqual(['replicas:PUBLISH a x']);
    expect(engine.run('SPUBLISH', 'a', 'x').propagated).toEqual(['replicas:SPUBLISH a x']);
    engine.run('SELECT', '2');
    expect(engine.run('PUBLISH', 'a', 'x').propagated).toEqual(['replicas:2:PUBLISH a x']);
    engine.run('MULTI');
    engine.run('SET', 'k', 'v');
    engine.run('PUBLISH', 'a', 'x');
    expect(engine.run('EXEC').propagated).toEqual([
      '2:MULTI',
      '2:SET k v',
      'replicas:2:PUBLISH a x',
      '2:EXEC',
    ]);
    engine.run('MULTI');
    engine.run('PUBLISH', 'a', 'y');
    expect(engine.run('EXEC').propagated).toEqual(['replicas:2:PUBLISH a y']);
  });
});

test('in a transaction, subscriptions are confirmed within its reply', () => {
  const engine = createEngine();
  const client = engine.connect();
  for (const line of ['MULTI', 'SUBSCRIBE a', 'PUBLISH a x', 'SSUBSCRIBE a', 'PING', 'SLOWLOG RESET'])
    run(engine, client, line);
  expect(run(engine, client, 'EXEC')).toBe(
    bytes([
      ['$subscribe', '$a', ':1'],
      ':1',
      "-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client",
      ['$pong', '$'],
      '+OK',
    ]),
  );
  expect(engine.takePushes(client)).toBe(bytes(['$message', '$a', '$x']));
});

describe('PUBSUB', () => {
  const NUMSUB_ERROR =
    "-ERR unknown subcommand or wrong number of arguments for 'Channels'. Try PUBSUB HELP.";

  test.each<[string, ExpectedReply]>([
    ['PUBSUB CHANNELS', ['$news.a', '$news.b']],
    ['PUBSUB CHANNELS *a', ['$news.a']],
    ['PUBSUB CHANNELS x*', []],
    ['PUBSUB Channels a b', NUMSUB_ERROR],
    ['PUBSUB SHARDCHANNELS', ['$shard']],
    ['PUBSUB SHARDCHANNELS news*', []],
    ['PUBSUB NUMSUB', []],
    ['PUBSUB NUMSUB news.a news.b nosuch', ['$news.a', ':2', '$news.b', ':1', '$nosuch', ':0']],
    ['PUBSUB SHARDNUMSUB shard news.a', ['$shard', ':1', '$news.a', ':0']],
    ['PUBSUB NUMPAT', ':1'],
    ['PUBSUB NUMPAT x', "-ERR wrong number of arguments for 'pubsub|numpat' command"],
    ['PUBSUB', "-ERR wrong number of arguments for 'pubsub' command"],
    ['PUBSUB nosuch', "-ERR unknown subcommand 'nosuch'. Try PUBSUB HELP."],
    ['PUBLISH a', "-ERR wrong number of arguments for 'publish' command"],
    ['SUBSCRIBE', "-ERR wrong number of arguments for 'subscribe' command"],
  ])('%s', (line, reply) => {
    const engine = createEngine();
    const [first, second] = [engine.connect(), engine.connect()];
    run(engine, first, 'SUBSCRIBE news.a news.b');
    run(engine, second, 'SUBSCRIBE news.a');
    run(engine, first, 'PSUBSCRIBE p*');
    run(engine, second, 'PSUBSCRIBE p*');
    run(engine, first, 'SSUBSCRIBE shard');
    expect(run(engine, engine.client, line)).toBe(bytes(reply));
  });

  test('subscribers are told of by CLIENT LIST and INFO', () => {
    const engine = createEngine();
    const client = engine.connect();
    run(engine, client, 'SUBSCRIBE a b c');
    run(engine, client, 'PSUBSCRIBE a b');
    run(engine, client, 'SSUBSCRIBE a');
    const list = String(engine.run('CLIENT', 'LIST', 'TYPE', 'pubsub').value);
    expect(list).toMatch(new RegExp(`^id=${client.id} .* flags=P .* sub=3 psub=2 ssub=1 .*\n$`));
    expect(String(engine.run('CLIENT', 'LIST', 'TYPE', 'normal').value)).not.toContain('flags=P');
    const info = String(engine.run('INFO').value);
    for (const field of [
      'pubsub_clients:1',
      'pubsub_channels:3',
      'pubsub_patterns:2',
      'pubsubshard_channels:1',
    ])
      expect(info).toContain(`${field}\r\n`);
  });
});

describe.each(RESIDENCIES)('keyspace events, keys being %s', (residency) => {
  function subscribed(letters: string, pattern = '*'): { engine: TestEngine; client: Client } {
    const engine = createEngine({
      residency,
      directives: { 'notify-keyspace-events': letters },
    });
    // The engine for tests switches all classes on; those of the directive are wanted here.
    engine.run('CONFIG', 'SET', 'notify-keyspace-events', '');
    engine.run('CONFIG', 'SET', 'notify-keyspace-events', letters);
    const client = engine.connect();
    engine.runAs(client, 'PSUBSCRIBE', pattern);
    return { engine, client };
  }

  /** What the client was told, as `channel message`. */
  function told(engine: TestEngine, client: Client): string[] {
    const parts = engine
      .takePushes(client)
      .split(/\*4\r\n\$8\r\npmessage\r\n/)
      .slice(1);
    return parts.map((part) => {
      const lines = part.split('\r\n');
      return `${lines[3]} ${lines[5]}`;
    });
  }

  test('are published by key and by event', () => {
    const { engine, client } = subscribed('KEA');
    engine.run('SET', 'k', 'v');
    expect(told(engine, client)).toEqual(['__keyspace@0__:k set', '__keyevent@0__:set k']);
    engine.run('EXPIRE', 'k', '10');
    expect(told(engine, client)).toEqual(['__keyspace@0__:k expire', '__keyevent@0__:expire k']);
    engine.run('RENAME', 'k', 'l');
    expect(told(engine, client)).toEqual([
      '__keyspace@0__:k rename_from',
      '__keyevent@0__:rename_from k',
      '__keyspace@0__:l rename_to',
      '__keyevent@0__:rename_to l',
    ]);
    engine.run('MOVE', 'l', '2');
    expect(told(engine, client)).toEqual([
      '__keyspace@0__:l move_from',
      '__keyevent@0__:move_from l',
      '__keyspace@2__:l move_to',
      '__keyevent@2__:move_to l',
    ]);
    engine.run('GET', 'l');
    expect(told(engine, client)).toEqual([]);
  });

  test('are of the classes and channels that the directive names', () => {
    const { engine, client } = subscribed('Kg$', '__key*');
    engine.run('SET', 'k', 'v');
    engine.run('DEL', 'k');
    expect(told(engine, client)).toEqual(['__keyspace@0__:k set', '__keyspace@0__:k del']);
    engine.run('CONFIG', 'SET', 'notify-keyspace-events', 'Eg');
    engine.run('SET', 'k', 'v');
    engine.run('DEL', 'k');
    expect(told(engine, client)).toEqual(['__keyevent@0__:del k']);
    engine.run('CONFIG', 'SET', 'notify-keyspace-events', 'A');
    engine.run('SET', 'k', 'v');
    engine.run('CONFIG', 'SET', 'notify-keyspace-events', '');
    engine.run('SET', 'k', 'v');
    expect(told(engine, client)).toEqual([]);
  });

  test('of expiry are told when a look-up or the cron removes the key', () => {
    const { engine, client } = subscribed('Ex');
    engine.run('SET', 'looked-up', 'v', 'PX', '10');
    engine.run('SET', 'left', 'v', 'PX', '10');
    engine.clock.advance(11);
    engine.run('GET', 'looked-up');
    expect(told(engine, client)).toEqual(['__keyevent@0__:expired looked-up']);
    for (let round = 0; round < 200 && engine.run('DBSIZE').value !== 0; round++) {
      engine.clock.advance(100);
      engine.runCron();
    }
    expect(told(engine, client)).toEqual(['__keyevent@0__:expired left']);
  });

  test('tell of misses, new and overwritten keys where asked for', () => {
    const { engine, client } = subscribed('Kmno$g');
    engine.run('GET', 'k');
    engine.run('OBJECT', 'ENCODING', 'k');
    expect(told(engine, client)).toEqual(['__keyspace@0__:k keymiss']);
    engine.run('SET', 'k', 'v');
    expect(told(engine, client)).toEqual(['__keyspace@0__:k new', '__keyspace@0__:k set']);
    engine.run('SET', 'k', 'w');
    expect(told(engine, client)).toEqual(['__keyspace@0__:k overwritten', '__keyspace@0__:k set']);
    engine.run('APPEND', 'k', 'w');
    expect(told(engine, client)).toEqual(['__keyspace@0__:k append']);
    engine.run('MSET', 'k', 'x', 'l', 'y');
    expect(told(engine, client)).toEqual([
      '__keyspace@0__:k overwritten',
      '__keyspace@0__:k set',
      '__keyspace@0__:l new',
      '__keyspace@0__:l set',
    ]);
    engine.run('COPY', 'k', 'l', 'REPLACE');
    expect(told(engine, client)).toEqual([
      '__keyspace@0__:l new',
      '__keyspace@0__:l copy_to',
      '__keyspace@0__:l overwritten',
    ]);
    engine.run('RENAME', 'k', 'l');
    expect(told(engine, client)).toEqual([
      '__keyspace@0__:l new',
      '__keyspace@0__:k rename_from',
      '__keyspace@0__:l rename_to',
      '__keyspace@0__:l overwritten',
    ]);
  });

  test('reach the client that made the change after its reply', () => {
    const { engine } = subscribed('KEA');
    const client = engine.connect();
    client.protocol = 3;
    engine.runAs(client, 'SUBSCRIBE', '__keyspace@0__:k');
    expect(run(engine, client, 'SET k v')).toBe(bytes('+OK'));
    expect(engine.takePushes(client)).toBe(pushed(['$message', '$__keyspace@0__:k', '$set']));
  });
});
