import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ReplyError } from '../../src/resp/reply.ts';
import { connect, errorText, type TestClient } from '../support/client.ts';
import { startThermocline, type TestServer } from '../support/servers.ts';

const SECRET = 'correct horse battery staple';
const WRONG = 'incorrect horse battery staple';

describe('before it has authenticated', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startThermocline({ requirepass: SECRET });
  });

  test('a client may run only what Redis lets it', async () => {
    const admin = await connect(server.port);
    expect(await admin.call('AUTH', SECRET)).toBe('OK');
    type Info = [name: string, arity: number, ...rest: unknown[]];
    const containers = (await admin.call('COMMAND')) as unknown as Info[];
    const commands = containers.flatMap((info) => {
      const subcommands = info[9] as Info[];
      return subcommands.length === 0 ? [info] : subcommands;
    });
    expect(commands.length).toBeGreaterThan(300);
    const allowed: string[] = [];
    for (const [name, arity] of commands) {
      const client = await connect(server.port);
      const words = name.split('|');
      while (words.length < Math.abs(arity)) words.push('1');
      const reply = await client.call(...words);
      if (!(reply instanceof ReplyError && reply.message.includes('NOAUTH'))) allowed.push(name);
      client.close();
    }
    expect(allowed.sort()).toEqual(['auth', 'quit', 'reset']);
    expect(await admin.call('DBSIZE')).toBe(0);
  });

  test('neither HELLO nor a transaction lets it in', async () => {
    const client = await connect(server.port);
    expect(errorText(await client.call('HELLO', '3'))).toMatch(
      /^NOAUTH HELLO must be called with the client already/,
    );
    expect(errorText(await client.call('HELLO', '3', 'AUTH', 'default', WRONG))).toMatch(/^WRONGPASS/);
    for (const words of [
      ['MULTI'],
      ['SET', 'a', '1'],
      ['EXEC'],
      ['SUBSCRIBE', 'a'],
      ['MONITOR'],
      ['CLIENT', 'ID'],
    ])
      expect(errorText(await client.call(...words))).toMatch(/^(EXECABORT .*)?NOAUTH/);
    expect(await client.call('RESET')).toBe('RESET');
    expect(errorText(await client.call('GET', 'a'))).toMatch(/^NOAUTH/);
    expect(await client.call('HELLO', '2', 'AUTH', 'default', SECRET)).toContain('server');
    expect(await client.call('RESET')).toBe('RESET');
    expect(errorText(await client.call('GET', 'a'))).toMatch(/^NOAUTH/);
  });
});

describe('a user with few permissions', () => {
  let server: TestServer;
  let admin: TestClient;
  let alice: TestClient;

  beforeAll(async () => {
    server = await startThermocline();
  });

  beforeEach(async () => {
    admin = await connect(server.port);
    await admin.call('FLUSHALL');
    await admin.call('MSET', 'secret', 'treasure', 'w_1', '1', 'a:1', 'x');
    await admin.call('RPUSH', 'a:list', '1', '2');
    await admin.call(
      'ACL',
      'SETUSER',
      'alice',
      'reset',
      'on',
      '>p',
      '~a:*',
      '&a:*',
      '+@all',
      '-@admin',
      '-keys',
    );
    alice = await connect(server.port);
    await alice.call('AUTH', 'alice', 'p');
  });

  test.each([
    ['GET', 'secret'],
    ['EVAL', "return redis.call('GET', 'secret')", '0'],
    ['EVAL', "return redis.call('GET', KEYS[1])", '1', 'secret'],
    ['EVAL', "return redis.pcall('GET', 'secret')", '0'],
    ['EVAL', "return redis.call('EVAL', 'return 1', 0)", '0'],
    ['EVAL', "return redis.call('CONFIG', 'GET', '*')", '0'],
    ['EVAL', "return redis.call('KEYS', '*')", '0'],
    ['EVAL', "return redis.call('PUBLISH', 'other', 'x')", '0'],
    ['EVAL_RO', "return redis.call('GET', 'secret')", '0'],
    ['SORT', 'a:list', 'BY', 'w_*'],
    ['SORT', 'a:list', 'BY', 'nosort', 'GET', 'secr*'],
    ['SORT', 'a:list', 'GET', '#', 'GET', 'w_*'],
    ['SORT', 'a:list', 'STORE', 'secret'],
    ['SORT_RO', 'a:list', 'GET', 'w_*'],
    ['COPY', 'secret', 'a:copy'],
    ['COPY', 'a:1', 'secret', 'REPLACE'],
    ['RENAME', 'secret', 'a:2'],
    ['RENAME', 'a:1', 'secret'],
    ['LCS', 'a:1', 'secret'],
    ['SUNIONSTORE', 'a:2', 'secret'],
    ['ZRANGESTORE', 'secret', 'a:2', '0', '-1'],
    ['BITOP', 'AND', 'a:2', 'secret'],
    ['GEOSEARCHSTORE', 'a:2', 'secret', 'FROMLONLAT', '0', '0', 'BYRADIUS', '1', 'm'],
    ['XREAD', 'STREAMS', 'secret', '0'],
    ['LMPOP', '2', 'a:list', 'secret', 'LEFT'],
    ['BLPOP', 'a:none', 'secret', '1'],
    ['OBJECT', 'ENCODING', 'secret'],
    ['MEMORY', 'USAGE', 'secret'],
    ['DUMP', 'secret'],
    ['TOUCH', 'secret'],
    ['PUBLISH', 'other', 'x'],
    ['SPUBLISH', 'other', 'x'],
    ['SUBSCRIBE', 'other'],
    ['PSUBSCRIBE', '*'],
    ['PSUBSCRIBE', 'a:*', 'b:*'],
    ['SSUBSCRIBE', 'other'],
    ['CONFIG', 'GET', 'requirepass'],
    ['ACL', 'SETUSER', 'alice', '~*'],
    ['ACL', 'LIST'],
    ['MONITOR'],
    ['DEBUG', 'OBJECT', 'secret'],
    ['CLIENT', 'KILL', 'ID', '1'],
    ['KEYS', '*'],
    ['SHUTDOWN'],
    ['REPLICAOF', 'NO', 'ONE'],
    ['SLOWLOG', 'GET'],
    ['LATENCY', 'HISTORY', 'x'],
  ])('is refused: %s %s %s', async (...words) => {
    const reply = await alice.call(...words);
    expect(`${reply}`).toMatch(
      /NOPERM|BY option of SORT denied|GET option of SORT denied|not allowed from script/,
    );
    expect(`${reply}`).not.toContain('treasure');
    await alice.call('MULTI');
    await alice.call(...words);
    const replies = await alice.call('EXEC');
    expect(JSON.stringify(replies)).not.toContain('treasure');
    expect(await admin.call('GET', 'secret')).toBe('treasure');
    expect(await admin.call('EXISTS', 'a:copy', 'a:2')).toBe(0);
  });

  test('MULTI is checked when it is queued, and again when it runs', async () => {
    await alice.call('MULTI');
    expect(errorText(await alice.call('GET', 'secret'))).toMatch(/^NOPERM/);
    expect(errorText(await alice.call('EXEC'))).toMatch(/^EXECABORT/);
    await alice.call('MULTI');
    expect(await alice.call('GET', 'a:1')).toBe('QUEUED');
    await admin.call('ACL', 'SETUSER', 'alice', 'resetkeys');
    const [reply] = (await alice.call('EXEC')) as ReplyError[];
    expect(reply.message).toMatch(/^NOPERM/);
  });

  test('WATCH and tracking tell nothing of keys that are not its own', async () => {
    expect(errorText(await alice.call('WATCH', 'secret'))).toMatch(/^NOPERM/);
    await alice.call('HELLO', '3');
    const reply = await alice.call('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'a:');
    expect(reply).toBe('OK');
    await admin.call('SET', 'secret', 'treasure');
    await admin.call('SET', 'a:1', 'y');
    expect(await alice.reply()).toEqual(['invalidate', ['a:1']]);
  });

  test('a function runs as its caller', async () => {
    await admin.call(
      'FUNCTION',
      'LOAD',
      'REPLACE',
      "#!lua name=l\nredis.register_function('f', function(keys) return redis.call('GET', 'secret') end)",
    );
    expect(errorText(await alice.call('FCALL', 'f', '0'))).toMatch(/NOPERM|ACL failure/);
    expect(await admin.call('FCALL', 'f', '0')).toBe('treasure');
  });

  test('what it waits for is checked when it comes', async () => {
    alice.send('*3\r\n$5\r\nBLPOP\r\n$6\r\na:wait\r\n$1\r\n0\r\n');
    await expect.poll(async () => `${await admin.call('CLIENT', 'LIST')}`).toContain('cmd=blpop');
    await admin.call('ACL', 'SETUSER', 'alice', 'off');
    await admin.call('ACL', 'DELUSER', 'alice');
    expect(await alice.untilClosed()).toHaveLength(0);
    await admin.call('RPUSH', 'a:wait', 'x');
    expect(await admin.call('LLEN', 'a:wait')).toBe(1);
  });
});

describe('known ways out of the Lua sandbox', () => {
  let client: TestClient;

  beforeAll(async () => {
    client = await connect((await startThermocline()).port);
  });

  test.each([
    // Bytecode that reads and writes memory (CVE-2015-4335).
    ['return loadstring(string.dump(function() end))()'],
    ['local f = loadstring("\\27Lua") return f()'],
    ['return load(function() return "\\27LuaQ" end)()'],
    // Debian's package table (CVE-2022-0543).
    ["return package.loadlib('/usr/lib/x86_64-linux-gnu/liblua5.1.so.0', 'luaopen_io')"],
    ["return require('os').execute('id')"],
    ["return io.popen('id'):read('*a')"],
    ["return os.execute('id')"],
    ["return os.getenv('HOME')"],
    ['return os.exit(1)'],
    ["return dofile('/etc/passwd')"],
    ["return loadfile('/etc/passwd')"],
    ['return debug.getregistry()'],
    ["return debug.sethook(function() end, '', 1)"],
    ['return getfenv(0)'],
    ['return setfenv(1, {})'],
    ['return newproxy(true)'],
    ['return module("x")'],
    // Metatables of shared values (CVE-2025-46818), and of the globals.
    ["getmetatable('').__index = function() return 'hacked' end return ('x').y"],
    ["getmetatable('').__index.upper = function() return 'hacked' end return ('x'):upper()"],
    ["setmetatable(_G, {__index = function() return 'hacked' end}) return x"],
    ["rawset(_G, 'x', 'hacked') return x"],
    ["_G.redis = {call = function() return 'hacked' end} return redis.call()"],
    ["redis.call = function() return 'hacked' end return redis.call()"],
    ["local t = getmetatable(redis) t.__index = nil return 'hacked'"],
    ["table.concat = nil rawset(table, 'concat', 1) return 'hacked'"],
    ["for name, value in pairs(_G) do rawset(_G, name, nil) end return 'hacked'"],
  ])('%s', async (script) => {
    const reply = await client.call('EVAL', script, '0');
    expect(reply).toBeInstanceOf(ReplyError);
    expect(
      await client.call('EVAL', "return {('a'):upper(), redis.call('ECHO', 'fine'), tostring(1)}", '0'),
    ).toEqual(['A', 'fine', '1']);
  });

  test.each([
    // Stacks and lengths that overflowed (CVE-2014-…, 2018-11218, 2020-14147, 2024-31449, 2024-46981, 2025-49844).
    ['return cmsgpack.pack(unpack({}, 1, 7999))'],
    ['local t = {} for i = 1, 100 do t = {t} end return cmsgpack.pack(t)'],
    ["return cmsgpack.unpack(string.rep('\\145', 100000))"],
    ["return cmsgpack.unpack('\\221\\255\\255\\255\\255')"],
    ["return struct.pack('>I2147483648', 1)"],
    ["return struct.unpack('i9223372036854775807', 'x')"],
    ["return struct.unpack('s', string.rep('x', 10), -1)"],
    ['return bit.tohex(65535, -2147483648)'],
    ['return bit.tohex(1, 2147483647)'],
    ["return string.rep('x', 2^40)"],
    ["local s = 'x' for i = 1, 60 do s = s .. s end return #s"],
    ["return string.format('%99999d', 1)"],
    ["return ('x'):rep(100000):find(('x?'):rep(100000) .. 'y')"],
    ["return cjson.decode(string.rep('[', 200000))"],
    ['local t = {} t.t = t return cjson.encode(t)'],
    ['return select(-1000000, 1)'],
    ['return unpack({}, 0, 1e8)'],
    ["return table.concat({}, 'x', 1, 2^31)"],
    [
      'local co = {} for i = 1, 1e6 do co[i] = coroutine.create(function() coroutine.yield() end) coroutine.resume(co[i]) end return 1',
    ],
    ["local function f() return pcall(f) end f() return string.rep('x', 10)"],
    ["collectgarbage('setpause', 1e9) collectgarbage('stop') local t for i = 1, 1e6 do t = {i} end return 1"],
    // The collector running while a chunk is being parsed (CVE-2025-49844).
    [
      "for i = 1, 200 do loadstring('return ' .. ('\"x\" .. '):rep(100) .. '1', ('n'):rep(1000)) collectgarbage('step') end return 1",
    ],
    ["return redis.sha1hex(string.rep('x', 2^28))"],
    ["return redis.status_reply('a\\r\\nb')"],
    ["return {err = 'x\\r\\n$5\\r\\nhello'}"],
  ])(
    'harms nobody: %s',
    async (script) => {
      await client.call('EVAL', script, '0');
      expect(await client.call('EVAL', "return redis.call('ECHO', ARGV[1])", '0', 'fine')).toBe('fine');
      expect(await client.call('PING')).toBe('PONG');
    },
    60_000,
  );
});

describe('passwords', () => {
  test('are seen nowhere', async () => {
    const server = await startThermocline({
      requirepass: SECRET,
      loglevel: 'debug',
      'slowlog-log-slower-than': 0,
    });
    const admin = await connect(server.port);
    const monitor = await connect(server.port);
    for (const client of [admin, monitor]) await client.call('AUTH', SECRET);
    await monitor.call('MONITOR');
    const words: string[][] = [
      ['ACL', 'SETUSER', 'alice', 'on', `>${SECRET}`, '+@all', '~*'],
      ['CONFIG', 'SET', 'requirepass', SECRET],
      ['CONFIG', 'SET', 'masterauth', SECRET],
      ['AUTH', 'alice', SECRET],
      ['AUTH', 'alice', WRONG],
      ['AUTH', WRONG],
      ['HELLO', '3', 'AUTH', 'alice', SECRET, 'SETNAME', 'me'],
      ['HELLO', '2', 'AUTH', 'alice', WRONG],
      ['MIGRATE', '127.0.0.1', '1', 'a', '0', '10', 'AUTH', SECRET],
      ['MIGRATE', '127.0.0.1', '1', 'a', '0', '10', 'AUTH2', 'alice', SECRET],
    ];
    const client = await connect(server.port);
    await client.call('AUTH', SECRET);
    for (const each of words) await client.call(...each);
    await admin.call('SET', 'last', '1');
    const seen: string[] = [];
    do seen.push(`${await monitor.reply()}`);
    while (!seen.at(-1)?.includes('"last"'));
    const shown = [seen.join('\n'), server.log()];
    for (const each of [
      ['SLOWLOG', 'GET', '100'],
      ['CLIENT', 'LIST'],
      ['ACL', 'LOG'],
      ['ACL', 'LIST'],
      ['INFO', 'everything'],
      ['LATENCY', 'LATEST'],
    ])
      shown.push(JSON.stringify(await admin.call(...each)));
    for (const text of shown) expect(text).not.toMatch(/horse battery/);
  });
});
