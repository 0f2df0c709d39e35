import { describe, expect, test } from 'vitest';
import { createEngine, RESIDENCIES, type TestEngine } from '../../test/support/engine.ts';
import type { Client } from '../command-table/client.ts';
import { ReplyError } from '../resp/reply.ts';

const SHA_OF_P = '148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940';

/** Runs a line, split at spaces; an error is given as its text. */
function run(engine: TestEngine, line: string, client: Client = engine.client): unknown {
  const { value } = engine.runAs(client, ...line.split(' '));
  return value instanceof ReplyError ? `-${value.message}` : value;
}

/** A client of a user made by rules. */
function clientOf(engine: TestEngine, rules: string, name = 'alice'): Client {
  expect(run(engine, `ACL SETUSER ${name} on nopass ${rules}`)).toBe('OK');
  const client = engine.connect();
  expect(run(engine, `AUTH ${name} x`, client)).toBe('OK');
  return client;
}

const deniedCommand = (command: string, user = 'alice') =>
  `-NOPERM User ${user} has no permissions to run the '${command}' command`;
const DENIED_KEY = '-NOPERM No permissions to access a key';
const DENIED_CHANNEL = '-NOPERM No permissions to access a channel';

describe('ACL SETUSER, LIST, GETUSER, USERS, DELUSER', () => {
  test('the default user', () => {
    const engine = createEngine();
    expect(run(engine, 'ACL WHOAMI')).toBe('default');
    expect(run(engine, 'ACL USERS')).toEqual(['default']);
    expect(run(engine, 'ACL LIST')).toEqual(['user default on nopass sanitize-payload ~* &* +@all']);
  });

  test('a new user may do nothing; rules add up, all or none of a call', () => {
    const engine = createEngine();
    expect(run(engine, 'ACL SETUSER alice')).toBe('OK');
    const empty = 'user alice off sanitize-payload resetchannels -@all';
    expect((run(engine, 'ACL LIST') as string[])[0]).toBe(empty);
    expect(run(engine, 'ACL SETUSER alice on +get nosuch')).toBe(
      "-ERR Error in ACL SETUSER modifier 'nosuch': Syntax error",
    );
    expect((run(engine, 'ACL LIST') as string[])[0]).toBe(empty);
    run(engine, 'ACL SETUSER alice on >p +get ~a* &c (+set ~b) ( %W~d +@hash )');
    const full = `user alice on sanitize-payload #${SHA_OF_P} ~a* resetchannels &c -@all +get (~b resetchannels -@all +set) (%W~d resetchannels -@all +@hash)`;
    expect((run(engine, 'ACL LIST') as string[])[0]).toBe(full);
    expect(run(engine, `ACL SETUSER bob ${full.slice('user alice '.length)}`)).toBe('OK');
    expect((run(engine, 'ACL LIST') as string[])[1]).toBe(full.replace('alice', 'bob'));
    expect(run(engine, 'ACL USERS')).toEqual(['alice', 'bob', 'default']);
    run(engine, 'ACL SETUSER alice reset');
    expect((run(engine, 'ACL LIST') as string[])[0]).toBe(empty);
  });

  test('GETUSER in both protocols', () => {
    const engine = createEngine();
    run(engine, 'ACL SETUSER alice on >p skip-sanitize-payload ~a %R~b &c +get (+set ~d)');
    expect(run(engine, 'ACL GETUSER alice')).toEqual([
      ...['flags', ['on', 'skip-sanitize-payload'], 'passwords', [SHA_OF_P]],
      ...['commands', '-@all +get', 'keys', '~a %R~b', 'channels', '&c'],
      ...['selectors', [['commands', '-@all +set', 'keys', '~d', 'channels', '']]],
    ]);
    expect(engine.run('ACL', 'GETUSER', 'nosuch').raw).toBe('$-1\r\n');
    engine.client.protocol = 3;
    expect(engine.run('ACL', 'GETUSER', 'alice').raw).toMatch(
      /^%6\r\n\$5\r\nflags\r\n~2\r\n[\s\S]*\*1\r\n%3\r\n/,
    );
    expect(engine.run('ACL', 'GETUSER', 'nosuch').raw).toBe('_\r\n');
  });

  test.each([
    ['>p >q >p', `#${SHA_OF_P} #8e35c2cd3bf6641bdb0e2050b76932cbb2e6034a0ddacc1d9bea82a6ba57f7cf`],
    [`#${SHA_OF_P}`, `#${SHA_OF_P}`],
    ['>p >q <q', `#${SHA_OF_P}`],
    [`>p >q !${SHA_OF_P}`, '#8e35c2cd3bf6641bdb0e2050b76932cbb2e6034a0ddacc1d9bea82a6ba57f7cf'],
    ['>p resetpass', ''],
    ['>p nopass', 'nopass'],
    ['nopass >p', `#${SHA_OF_P}`],
  ])('passwords: %s', (rules, expected) => {
    const engine = createEngine();
    run(engine, `ACL SETUSER alice ${rules}`);
    const shown = (run(engine, 'ACL LIST') as string[])[0].replace('user alice off ', '');
    const [line] = shown.split(' resetchannels');
    expect(line.replace('sanitize-payload', '').trim()).toBe(expected);
  });

  test.each([
    ['<p', 'The password you are trying to remove from the user does not exist'],
    [`!${SHA_OF_P}`, 'The password you are trying to remove from the user does not exist'],
    [
      '#abc',
      'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters',
    ],
    [
      `#${SHA_OF_P.toUpperCase()}`,
      'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters',
    ],
    ['(+nosuch)', 'Unknown command or category name in ACL'],
    ['(on)', 'Syntax error'],
    ['((+get))', 'Syntax error'],
  ])('refuses %s', (rule, reason) => {
    expect(run(createEngine(), `ACL SETUSER alice ${rule}`)).toBe(
      `-ERR Error in ACL SETUSER modifier '${rule}': ${reason}`,
    );
  });

  test('names and parentheses that can’t be', () => {
    const engine = createEngine();
    const spaces = engine.run('ACL', 'SETUSER', 'a b').value;
    expect(spaces).toEqual(new ReplyError("ERR Usernames can't contain spaces or null characters"));
    expect(run(engine, 'ACL SETUSER alice on (+get ~a')).toBe(
      "-ERR Unmatched parenthesis in acl selector starting at '(+get'.",
    );
    expect(run(engine, 'ACL USERS')).toEqual(['default']);
  });

  test('acl-pubsub-default gives new users and selectors their channels', () => {
    const engine = createEngine({ directives: { 'acl-pubsub-default': 'allchannels' } });
    run(engine, 'ACL SETUSER alice (+get)');
    expect((run(engine, 'ACL LIST') as string[])[0]).toBe(
      'user alice off sanitize-payload &* -@all (&* -@all +get)',
    );
    run(engine, 'CONFIG SET acl-pubsub-default resetchannels');
    run(engine, 'ACL SETUSER alice reset');
    expect((run(engine, 'ACL LIST') as string[])[0]).toBe(
      'user alice off sanitize-payload resetchannels -@all',
    );
  });

  test('DELUSER takes users away but the default one', () => {
    const engine = createEngine();
    const client = clientOf(engine, '+@all');
    run(engine, 'ACL SETUSER bob');
    expect(run(engine, 'ACL DELUSER alice default')).toBe("-ERR The 'default' user cannot be removed");
    expect(run(engine, 'ACL DELUSER alice nosuch bob')).toBe(2);
    expect(run(engine, 'ACL USERS')).toEqual(['default']);
    expect(client.authenticated).toBe(false);
    expect(run(engine, 'GET a', client)).toBe('-NOAUTH Authentication required.');
  });
});

describe('authentication', () => {
  test('by name and password', () => {
    const engine = createEngine();
    run(engine, 'ACL SETUSER alice on >p >q +@all');
    const client = engine.connect();
    const wrong = '-WRONGPASS invalid username-password pair or user is disabled.';
    expect(run(engine, 'AUTH alice x', client)).toBe(wrong);
    expect(run(engine, 'AUTH nosuch p', client)).toBe(wrong);
    expect(run(engine, 'ACL WHOAMI', client)).toBe('default');
    expect(run(engine, 'AUTH alice q', client)).toBe('OK');
    expect(run(engine, 'ACL WHOAMI', client)).toBe('alice');
    expect(run(engine, 'HELLO 2 AUTH default anything', client)).toContain('standalone');
    expect(run(engine, 'ACL WHOAMI', client)).toBe('default');
    expect(run(engine, 'HELLO 2 AUTH alice x', client)).toBe(wrong);
    run(engine, 'ACL SETUSER alice off');
    expect(run(engine, 'AUTH alice p', client)).toBe(wrong);
  });

  test('requirepass is the password of the default user', () => {
    const engine = createEngine({ directives: { requirepass: 'p' } });
    const client = engine.connect();
    engine.users.admit(client);
    expect((run(engine, 'ACL LIST') as string[])[0]).toBe(
      `user default on sanitize-payload #${SHA_OF_P} ~* &* +@all`,
    );
    expect(run(engine, 'GET a', client)).toBe('-NOAUTH Authentication required.');
    expect(run(engine, 'AUTH p', client)).toBe('OK');
    run(engine, 'ACL SETUSER default >q');
    expect(run(engine, 'AUTH default q', client)).toBe('OK');
    run(engine, 'CONFIG SET requirepass r');
    expect(run(engine, 'AUTH q', client)).toMatch(/^-WRONGPASS/);
    expect(run(engine, 'AUTH r', client)).toBe('OK');
    run(engine, 'RESET', client);
    expect(run(engine, 'PING', client)).toBe('-NOAUTH Authentication required.');
    engine.runAs(engine.client, 'CONFIG', 'SET', 'requirepass', '');
    expect(run(engine, 'PING', client)).toBe('PONG');
    expect(run(engine, 'AUTH r', client)).toMatch(/^-ERR AUTH <password> called without any password/);
  });

  test('a default user that is off lets nobody in', () => {
    const engine = createEngine();
    run(engine, 'ACL SETUSER admin on nopass +@all ~* &*');
    run(engine, 'ACL SETUSER default off');
    const client = engine.connect();
    engine.users.admit(client);
    expect(run(engine, 'PING', client)).toBe('-NOAUTH Authentication required.');
    expect(run(engine, 'AUTH admin x', client)).toBe('OK');
    expect(run(engine, 'ACL SETUSER default on', client)).toBe('OK');
  });
});

describe.each(RESIDENCIES)('permissions, %s', (residency) => {
  test('commands, keys by what is done to them, and selectors', () => {
    const engine = createEngine({ residency });
    for (const key of ['own:1', 'other', 'ro:1']) run(engine, `SET ${key} v`);
    const client = clientOf(engine, '~own:* %R~ro:* %W~wo:* +@all -@dangerous (+append ~sel)');
    const as = (line: string) => run(engine, line, client);
    expect(as('GET own:1')).toBe('v');
    expect(as('GET other')).toBe(DENIED_KEY);
    expect(as('MGET own:1 other')).toBe(DENIED_KEY);
    expect(as('GET ro:1')).toBe('v');
    expect(as('SET ro:1 x')).toBe(DENIED_KEY);
    expect(as('SET wo:1 x')).toBe('OK');
    expect(as('SET wo:1 x GET')).toBe(DENIED_KEY);
    expect(as('GETSET wo:1 x')).toBe(DENIED_KEY);
    expect(as('STRLEN wo:1')).toBe(1);
    expect(as('APPEND sel x')).toBe(1);
    expect(as('APPEND other x')).toBe(DENIED_KEY);
    expect(as('KEYS *')).toBe(deniedCommand('keys'));
    expect(as('CONFIG GET x')).toBe(deniedCommand('config|get'));
    expect(as('FLUSHALL')).toBe(deniedCommand('flushall'));
    expect(run(engine, 'GET other')).toBe('v');
  });

  test('no way around through commands of two keys', () => {
    const engine = createEngine({ residency });
    run(engine, 'SET secret v');
    run(engine, 'SET own v');
    const client = clientOf(engine, '~own* %R~ro +@all');
    const as = (line: string) => run(engine, line, client);
    for (const line of [
      'COPY secret own',
      'COPY own secret',
      'COPY own ro',
      'RENAME secret own',
      'RENAME own secret',
      'RENAME ro own',
      'RENAMENX secret own',
      'LCS own secret',
      'MSET own 1 secret 2',
      'MSETNX own 1 secret 2',
      'DEL own secret',
      'DEL ro',
      'UNLINK ro',
      'EXPIRE ro 1',
      'PERSIST ro',
      'GETDEL ro',
      'GETEX ro PERSIST',
      'MOVE secret 1',
      'EXISTS own secret',
      'TYPE secret',
      'TTL secret',
      'TOUCH secret',
      'WATCH secret',
      'OBJECT ENCODING secret',
      'OBJECT FREQ secret',
      'MEMORY USAGE secret',
      'DUMP secret',
    ]) {
      if (engine.table.named(line.split(' ')[0]) === null) continue;
      expect([line, as(line)]).toEqual([line, DENIED_KEY]);
    }
    expect(as('COPY ro own2')).toBe(0);
    expect(run(engine, 'MGET secret own')).toEqual(['v', 'v']);
  });

  test('within MULTI, and at EXEC by the permissions of then', () => {
    const engine = createEngine({ residency });
    const client = clientOf(engine, '~own* &own* +@all -acl');
    const as = (line: string) => run(engine, line, client);
    expect(as('MULTI')).toBe('OK');
    expect(as('SET other 1')).toBe(DENIED_KEY);
    expect(as('SET own 1')).toBe('QUEUED');
    expect(as('EXEC')).toBe('-EXECABORT Transaction discarded because of previous errors.');
    expect(run(engine, 'EXISTS own other')).toBe(0);

    for (const line of ['MULTI', 'SET own 1', 'SET own2 2', 'PUBLISH own x', 'PING']) as(line);
    run(engine, 'ACL SETUSER alice -set resetkeys ~own2 resetchannels');
    const changed = (reason: string) =>
      new ReplyError(
        `NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: ${reason}`,
      );
    const setDenied = changed('no permission to execute the command or subcommand');
    expect(as('EXEC')).toEqual([
      setDenied,
      setDenied,
      changed('no permission to access one of the channels used as arguments to the command'),
      'PONG',
    ]);
    run(engine, 'ACL SETUSER alice +@all ~own*');
    as('MULTI');
    as('SET own 1');
    run(engine, 'ACL SETUSER alice resetkeys ~x');
    expect(as('EXEC')).toEqual([changed('no permission to touch the specified keys')]);
    expect(run(engine, 'EXISTS own own2')).toBe(0);
    const multi = (run(engine, 'ACL LOG') as string[][]).map((entry) => [entry[3], entry[5], entry[7]]);
    expect(multi).toEqual([
      ['key', 'multi', 'own'],
      ['channel', 'multi', 'own'],
      ['command', 'multi', 'set'],
      ['key', 'multi', 'other'],
    ]);
  });

  test('AUTH within a transaction changes what follows', () => {
    const engine = createEngine({ residency });
    run(engine, 'ACL SETUSER admin on >p +@all ~* &*');
    const client = clientOf(engine, '~own +@all');
    for (const line of ['MULTI', 'SET own 1', 'AUTH admin wrong', 'AUTH admin p', 'ACL WHOAMI'])
      run(engine, line, client);
    expect(run(engine, 'EXEC', client)).toEqual([
      'OK',
      new ReplyError('WRONGPASS invalid username-password pair or user is disabled.'),
      'OK',
      'admin',
    ]);
  });
});

test('EXEC itself may be denied, and ends the transaction', () => {
  const engine = createEngine();
  const client = clientOf(engine, '~* +@all -exec');
  const denied =
    "-EXECABORT Transaction discarded because of: NOPERM User alice has no permissions to run the 'exec' command";
  run(engine, 'MULTI', client);
  run(engine, 'SET a 1', client);
  expect(run(engine, 'EXEC', client)).toBe(denied);
  expect(run(engine, 'DISCARD', client)).toBe('-ERR DISCARD without MULTI');
  expect(run(engine, 'EXISTS a')).toBe(0);
});

test('channels: names match the patterns, patterns must be given as such', () => {
  const engine = createEngine();
  const client = clientOf(engine, '+@all &news.* &a');
  const as = (line: string) => run(engine, line, client);
  expect(as('PUBLISH news.x m')).toBe(0);
  expect(as('PUBLISH other m')).toBe(DENIED_CHANNEL);
  expect(as('SPUBLISH other m')).toBe(DENIED_CHANNEL);
  expect(as('SUBSCRIBE a other')).toBe(DENIED_CHANNEL);
  expect(as('PSUBSCRIBE news.1*')).toBe(DENIED_CHANNEL);
  expect(as('PSUBSCRIBE *')).toBe(DENIED_CHANNEL);
  expect(client.isSubscriber).toBe(false);
  engine.runAs(client, 'PSUBSCRIBE', 'news.*');
  expect(client.isSubscriber).toBe(true);
});

test('DRYRUN tells without running', () => {
  const engine = createEngine();
  run(engine, 'ACL SETUSER alice ~a &c +set +publish +config|get');
  const dry = (line: string) => run(engine, `ACL DRYRUN alice ${line}`);
  expect(dry('SET a 1')).toBe('OK');
  expect(dry('set b 1')).toBe("User alice has no permissions to access the 'b' key");
  expect(dry('get a')).toBe("User alice has no permissions to run the 'get' command");
  expect(dry('publish d m')).toBe("User alice has no permissions to access the 'd' channel");
  expect(dry('config set a b')).toBe("User alice has no permissions to run the 'config|set' command");
  expect(dry('config get a')).toBe('OK');
  expect(dry('nosuch a')).toBe("-ERR Command 'nosuch' not found");
  expect(dry('set a')).toBe("-ERR wrong number of arguments for 'set' command");
  expect(run(engine, 'ACL DRYRUN nosuch get a')).toBe("-ERR User 'nosuch' not found");
  expect(run(engine, 'EXISTS a')).toBe(0);
});

test('CAT and GENPASS', () => {
  const engine = createEngine();
  expect(run(engine, 'ACL CAT')).toContain('scripting');
  expect(run(engine, 'ACL CAT TRANSACTION')).toEqual(['discard', 'exec', 'multi', 'unwatch', 'watch']);
  expect(run(engine, 'ACL CAT nosuch')).toBe("-ERR Unknown category 'nosuch'");
  expect(run(engine, 'ACL GENPASS')).toMatch(/^[0-9a-f]{64}$/);
  expect(run(engine, 'ACL GENPASS 1')).toMatch(/^[0-9a-f]$/);
  expect(run(engine, 'ACL GENPASS 5')).toMatch(/^[0-9a-f]{2}$/);
  expect(run(engine, 'ACL GENPASS 4096')).toMatch(/^[0-9a-f]{1024}$/);
  expect(run(engine, 'ACL GENPASS')).not.toBe(run(engine, 'ACL GENPASS'));
  const range =
    '-ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096';
  for (const bits of ['0', '-1', '4097']) expect(run(engine, `ACL GENPASS ${bits}`)).toBe(range);
  expect(run(engine, 'ACL GENPASS x')).toBe('-ERR value is not an integer or out of range');
  expect(run(engine, 'ACL genpass 1 2')).toBe(
    "-ERR unknown subcommand or wrong number of arguments for 'genpass'. Try ACL HELP.",
  );
});

describe('ACL LOG and the counts in INFO', () => {
  test('what was refused, latest first, grouped', () => {
    const engine = createEngine();
    const client = clientOf(engine, '+get +publish ~a');
    client.name = 'me';
    for (const line of ['SET a 1', 'GET b', 'GET b', 'PUBLISH c m', 'AUTH alice', 'AUTH bob secret'])
      run(engine, line, client);
    engine.clock.advance(1500);
    engine.client.protocol = 3;
    const log = run(engine, 'ACL LOG') as Map<string, unknown>[];
    expect(log.map((entry) => [entry.get('reason'), entry.get('object'), entry.get('count')])).toEqual([
      ['auth', 'AUTH', 1],
      ['channel', 'c', 1],
      ['key', 'b', 2],
      ['command', 'set', 1],
    ]);
    expect(log.map((entry) => entry.get('username'))).toEqual(['bob', 'alice', 'alice', 'alice']);
    expect([...log[2].keys()]).toEqual([
      ...['count', 'reason', 'context', 'object', 'username', 'age-seconds', 'client-info'],
      ...['entry-id', 'timestamp-created', 'timestamp-last-updated'],
    ]);
    expect(log[2].get('age-seconds')).toBe(1.5);
    expect(log[2].get('client-info')).toMatch(/^id=2 addr=.* name=me .* user=alice /);
    expect(log[2].get('entry-id')).toBe(1);
    expect(log[2].get('timestamp-created')).toBe(engine.clock.nowMs - 1500);
    expect(JSON.stringify(log.map((entry) => [...entry]))).not.toContain('secret');
    expect(run(engine, 'ACL LOG 1')).toHaveLength(1);
    expect(run(engine, 'ACL LOG -1')).toHaveLength(0);
    expect(run(engine, 'ACL LOG x')).toBe('-ERR value is not an integer or out of range');
    expect(run(engine, 'ACL LOG RESET')).toBe('OK');
    expect(run(engine, 'ACL LOG')).toEqual([]);
    const info = run(engine, 'INFO stats');
    expect(info).toContain('acl_access_denied_auth:1\r\n');
    expect(info).toContain('acl_access_denied_cmd:1\r\n');
    expect(info).toContain('acl_access_denied_key:2\r\n');
    expect(info).toContain('acl_access_denied_channel:1\r\n');
  });

  test('keeps as many as acllog-max-len', () => {
    const engine = createEngine({ directives: { 'acllog-max-len': '2' } });
    const client = clientOf(engine, '+get');
    for (const key of ['a', 'b', 'c']) run(engine, `GET ${key}`, client);
    expect(run(engine, 'ACL LOG')).toHaveLength(2);
    run(engine, 'CONFIG SET acllog-max-len 0');
    run(engine, 'GET d', client);
    expect(run(engine, 'ACL LOG')).toEqual([]);
  });
});

test('passwords and rules are never in the slow log', () => {
  const engine = createEngine({ directives: { 'slowlog-log-slower-than': '0' } });
  run(engine, 'ACL SETUSER alice on >secret +@all');
  run(engine, 'ACL SETUSER alice >secret nosuch');
  run(engine, 'AUTH alice secret');
  run(engine, 'AUTH default secret');
  run(engine, 'HELLO 2 AUTH alice secret');
  run(engine, 'MULTI');
  run(engine, 'ACL SETUSER bob >secret');
  run(engine, 'AUTH alice secret');
  run(engine, 'EXEC');
  const log = engine.run('SLOWLOG', 'GET', '-1').raw;
  expect(log).toContain('MULTI');
  expect(log).not.toContain('secret');
  expect(engine.run('CLIENT', 'LIST').raw).not.toContain('secret');
});

test('CLIENT KILL by user', () => {
  const engine = createEngine();
  clientOf(engine, '+@all');
  expect(run(engine, 'CLIENT KILL USER nosuch')).toBe("-ERR No such user 'nosuch'");
  expect(run(engine, 'CLIENT KILL USER alice')).toBe(1);
});

test('what is asked for elsewhere: the keyspace of SORT, single channels', () => {
  const engine = createEngine();
  run(engine, 'ACL SETUSER alice +get ~a %R~* &c (+set ~* )');
  const user = engine.users.find('alice');
  const words = (line: string) => {
    const client = engine.connect();
    engine.runAs(client, 'MULTI');
    engine.runAs(client, ...line.split(' '));
    const { queue } = client;
    if (queue === null) throw new Error('nothing is queued');
    return [queue.commandAt(0), queue.wordsAt(0)] as const;
  };
  expect(user?.canReadKeyspace(...words('GET x'))).toBe(true);
  expect(user?.canReadKeyspace(...words('SET x 1'))).toBe(true);
  expect(user?.canReadKeyspace(...words('DEL x'))).toBe(false);
  run(engine, 'ACL SETUSER alice resetkeys ~a');
  expect(user?.canReadKeyspace(...words('GET a'))).toBe(false);
  const channel = Buffer.from('c');
  expect(user?.canUseChannel(channel, 0, 1, false)).toBe(true);
  expect(user?.canUseChannel(Buffer.from('d'), 0, 1, false)).toBe(false);
});
