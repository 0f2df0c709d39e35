import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect, errorText, fields, type TestClient } from '../support/client.ts';
import { runThermocline, startThermocline, type TestServer, temporaryDirectory } from '../support/servers.ts';

const ADMIN = 'user admin on >admin ~* &* +@all';

async function connectAs(server: TestServer, name: string, password: string): Promise<TestClient> {
  const client = await connect(server.port);
  expect(await client.call('AUTH', name, password)).toBe('OK');
  return client;
}

/** A server whose users are in a file. */
async function withFile(text: string): Promise<{ server: TestServer; file: string; admin: TestClient }> {
  const directory = temporaryDirectory();
  const file = join(directory, 'users.acl');
  writeFileSync(file, text);
  const server = await startThermocline({ aclfile: 'users.acl' }, { directory });
  return { server, file, admin: await connectAs(server, 'admin', 'admin') };
}

describe('users in the configuration', () => {
  const configText = `requirepass "main word"
${ADMIN}
user alice on >p ~a* (+set ~b) resetchannels -@all +get
user bob off nopass
`;

  test('are there from the start, and CONFIG REWRITE keeps them', async () => {
    const server = await startThermocline({}, { configText });
    const admin = await connectAs(server, 'admin', 'admin');
    expect(await admin.call('ACL', 'USERS')).toEqual(['admin', 'alice', 'bob', 'default']);
    const list = (await admin.call('ACL', 'LIST')) as string[];
    expect(server.log()).toContain("The user 'bob' is disabled");
    await admin.call('ACL', 'SETUSER', 'carol', 'on', '>c', '+@all');
    await admin.call('ACL', 'DELUSER', 'bob');
    expect(await admin.call('CONFIG', 'REWRITE')).toBe('OK');
    const text = readFileSync(join(server.directory, 'thermocline.conf'), 'utf8');
    expect(text).toContain(`${list[1]}\n`);
    expect(text).toContain('user carol on sanitize-payload #');
    expect(text).not.toContain('bob');
    expect(text).not.toContain('>');
    const again = await startThermocline({}, { configText: text });
    const second = await connectAs(again, 'admin', 'admin');
    expect(await second.call('ACL', 'LIST')).toEqual(await admin.call('ACL', 'LIST'));
    await connectAs(again, 'default', 'main word');
    await connectAs(again, 'carol', 'c');
  });

  test('the default user of a line has no password of requirepass', async () => {
    const server = await startThermocline(
      {},
      { configText: 'requirepass x\nuser default on nopass ~* +@all\n' },
    );
    const client = await connect(server.port);
    expect(await client.call('PING')).toBe('PONG');
    expect(await client.call('ACL', 'LIST')).toEqual([
      'user default on nopass sanitize-payload ~* resetchannels +@all',
    ]);
  });

  test.each([
    ['user', /wrong number of arguments/],
    ['user alice on >secret nosuch', /at line 1\n>>> 'user alice \.\.\.'[\s\S]*Syntax error/],
    ['user alice on >secret +nosuch', /rule '\+nosuch': Unknown command or category name in ACL/],
    ['user alice on >secret (+get', /Unmatched parenthesis/],
    ['user alice on\nuser alice off', /at line 2\n[\s\S]*Duplicate user found/],
    ['user default on\nuser default off', /at line 2\n[\s\S]*'default': Duplicate user found/],
    ['user "a b" on', /Spaces not allowed in ACL usernames/],
    ['aclfile a\nuser alice on', /please define either an ACL file or declare users directly/],
    ['aclfile /nosuch/a', /Error loading ACLs, opening file '\/nosuch\/a': No such file or directory/],
  ])('%j is no configuration', async (text, reason) => {
    const directory = temporaryDirectory();
    const file = join(directory, 'thermocline.conf');
    writeFileSync(file, `${text}\n`);
    const { status, output } = await runThermocline([file, '--port', '0', '--dir', directory]);
    expect(status).toBe(1);
    expect(output).toMatch(reason);
    expect(output).not.toContain('secret');
  });
});

describe('users in a file', () => {
  test('are loaded, saved, and loaded anew', async () => {
    const { server, file, admin } = await withFile(`${ADMIN}\n\n  user alice on  >p ~a +get\r\n`);
    expect(await admin.call('ACL', 'USERS')).toEqual(['admin', 'alice', 'default']);
    await admin.call('ACL', 'SETUSER', 'bob', 'on', '>b', '+get', '(~x +set)');
    expect(await admin.call('ACL', 'SAVE')).toBe('OK');
    const list = (await admin.call('ACL', 'LIST')) as string[];
    expect(readFileSync(file, 'utf8')).toBe(list.map((line) => `${line}\n`).join(''));
    expect(statSync(file).mode & 0o777).toBe(0o644);
    await admin.call('ACL', 'SETUSER', 'bob', 'reset');
    expect(await admin.call('ACL', 'LOAD')).toBe('OK');
    expect(await admin.call('ACL', 'LIST')).toEqual(list);
    await connectAs(server, 'bob', 'b');
    expect(errorText(await admin.call('CONFIG', 'SET', 'aclfile', 'x'))).toMatch(/immutable/);
  });

  test('LOAD disconnects the users that are gone, and the others go on under new rules', async () => {
    const { server, file, admin } = await withFile(
      `${ADMIN}\nuser alice on >p ~* +@all\nuser bob on >p ~* +@all\n`,
    );
    const alice = await connectAs(server, 'alice', 'p');
    const bob = await connectAs(server, 'bob', 'p');
    const anonymous = await connect(server.port);
    expect(await anonymous.call('PING')).toBe('PONG');
    writeFileSync(file, `${ADMIN}\nuser bob on >p ~* +get\nuser default off\n`);
    expect(await admin.call('ACL', 'LOAD')).toBe('OK');
    expect(await alice.untilClosed()).toHaveLength(0);
    expect(errorText(await bob.call('SET', 'a', '1'))).toMatch(/^NOPERM User bob/);
    expect(await bob.call('GET', 'a')).toBe(null);
    expect(errorText(await (await connect(server.port)).call('PING'))).toMatch(/^NOAUTH/);
    writeFileSync(file, 'user bob on >p ~* +get\n');
    expect(await admin.call('ACL', 'LOAD')).toBe('OK');
    expect(await admin.untilClosed()).toHaveLength(0);
  });

  test('LOAD takes all of a file or nothing, and tells every error', async () => {
    const { file, admin } = await withFile(`${ADMIN}\n`);
    writeFileSync(
      file,
      [
        'user alice on >secret +@all',
        'nosuch line',
        'user alice off',
        'user bob on >secret +nosuch <secret2 ~a b +@none',
        '# a comment',
      ].join('\n'),
    );
    expect(errorText(await admin.call('ACL', 'LOAD'))).toBe(
      'ERR users.acl:2 should start with user keyword followed by the username. ' +
        "WARNING: Duplicate user 'alice' found on line 3. " +
        "users.acl:4: Error in applying operation '+nosuch': Unknown command or category name in ACL. " +
        'users.acl:4: The password you are trying to remove from the user does not exist. ' +
        "users.acl:4: Error in applying operation '+@none': Unknown command or category name in ACL. " +
        'users.acl:5 should start with user keyword followed by the username. ' +
        'WARNING: ACL errors detected, no change to the previously active ACL rules was performed',
    );
    expect(await admin.call('ACL', 'USERS')).toEqual(['admin', 'default']);
  });

  test('without a file there is nothing to load or save', async () => {
    const client = await connect((await startThermocline()).port);
    const text = /^ERR This Redis instance is not configured to use an ACL file\./;
    expect(errorText(await client.call('ACL', 'LOAD'))).toMatch(text);
    expect(errorText(await client.call('ACL', 'SAVE'))).toMatch(text);
  });
});

describe('clients of users', () => {
  test('DELUSER disconnects them, the caller after its reply', async () => {
    const server = await startThermocline({}, { configText: `${ADMIN}\nuser alice on >p\n` });
    const admin = await connectAs(server, 'admin', 'admin');
    const other = await connectAs(server, 'admin', 'admin');
    const alice = await connectAs(server, 'alice', 'p');
    expect(await admin.call('ACL', 'DELUSER', 'alice', 'admin')).toBe(2);
    for (const client of [admin, other, alice]) expect(await client.untilClosed()).toHaveLength(0);
  });

  test('who loses a channel is disconnected', async () => {
    const server = await startThermocline({}, { configText: `${ADMIN}\nuser alice on >p &* +@all\n` });
    const admin = await connectAs(server, 'admin', 'admin');
    const [kept, lost, pattern] = await Promise.all([1, 2, 3].map(() => connectAs(server, 'alice', 'p')));
    await kept.call('SUBSCRIBE', 'c1');
    await lost.call('SUBSCRIBE', 'd');
    await pattern.call('PSUBSCRIBE', 'c1');
    await admin.call('ACL', 'SETUSER', 'alice', 'resetchannels', '&c*');
    expect(await lost.untilClosed()).toHaveLength(0);
    expect(await pattern.untilClosed()).toHaveLength(0);
    expect(await admin.call('PUBLISH', 'c1', 'm')).toBe(1);
    await admin.call('ACL', 'SETUSER', 'alice', '&e');
    expect(await admin.call('PUBLISH', 'c1', 'm')).toBe(1);
  });

  test('who has not authenticated may come in when the default user’s password goes', async () => {
    const server = await startThermocline({ requirepass: 'p' });
    const [admin, waiting] = await Promise.all([connectAs(server, 'default', 'p'), connect(server.port)]);
    expect(errorText(await waiting.call('PING'))).toMatch(/^NOAUTH/);
    await admin.call('ACL', 'SETUSER', 'default', 'nopass');
    expect(await waiting.call('PING')).toBe('PONG');
    expect(await admin.call('CONFIG', 'GET', 'requirepass')).toEqual(['requirepass', 'p']);
  });

  test('CLIENT LIST and INFO tell of users, never of passwords', async () => {
    const server = await startThermocline({ loglevel: 'debug' }, { configText: `${ADMIN}\n` });
    const admin = await connectAs(server, 'admin', 'admin');
    await admin.call('ACL', 'SETUSER', 'alice', 'on', '>topsecret', '+@all');
    await (await connect(server.port)).call('AUTH', 'alice', 'not topsecret');
    const alice = await connectAs(server, 'alice', 'topsecret');
    expect(fields(await alice.call('CLIENT', 'INFO')).user).toBe('alice');
    expect(fields(await admin.call('INFO', 'stats')).acl_access_denied_auth).toBe('1');
    for (const line of [
      ['CLIENT', 'LIST'],
      ['ACL', 'LOG'],
      ['SLOWLOG', 'GET'],
      ['ACL', 'LIST'],
    ])
      expect(JSON.stringify(await admin.call(...line))).not.toContain('topsecret');
    expect(server.log()).not.toContain('topsecret');
  });
});
