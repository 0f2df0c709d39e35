import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  createEngine,
  expectSteps,
  RESIDENCIES,
  type Step,
  type TestEngine,
} from '../../test/support/engine.ts';

const SHA_OF_RETURN_1 = 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db';
const NO_SCRIPT = '-NOSCRIPT No matching script. Please use EVAL.';
const GET = "return redis.call('GET',KEYS[1])";
const SET = "return redis.call('SET',KEYS[1],ARGV[1])";
const READ_ONLY = '-ERR Write commands are not allowed from read-only scripts.';

/** The reply of a script that ended by an error at a line. */
function failed(script: string, text: string, line: number): string {
  return `-${text} script: ${createHash('sha1').update(script).digest('hex')}, on @user_script:${line}.`;
}

/** A step that runs a script. */
function evaluate(
  script: string,
  keysAndArguments: readonly string[],
  reply: Step extends number ? never : Exclude<Step, number>[1],
  propagated: readonly string[] = [],
  events: readonly string[] = [],
): Step {
  return [['EVAL', script, ...keysAndArguments], reply, propagated, events];
}

const CASES: Record<string, Step[]> = {
  'keys, arguments and replies': [
    evaluate('return {KEYS,ARGV}', ['2', 'a', 'b', 'c'], [['$a', '$b'], ['$c']]),
    evaluate('return {1,3.9,-3.9,{"x"},true,false}', ['0'], [':1', ':3', ':-3', ['$x'], ':1', '$-1']),
    evaluate('return {1,nil,3}', ['0'], [':1']),
    evaluate("return redis.status_reply('FINE')", ['0'], '+FINE'),
    evaluate("return redis.error_reply('MY error')", ['0'], '-MY error'),
    evaluate("return {err='MY error'}", ['0'], '-MY error'),
    evaluate('return', ['0'], '$-1'),
    evaluate(SET, ['1', 'k', 'a\0é\r\n'], '+OK', ['SET k a\0é\r\n'], ['$ set k']),
    evaluate(GET, ['1', 'k'], '$a\0é\r\n'),
    evaluate("return #redis.call('GET',KEYS[1])", ['1', 'k'], ':6'),
    evaluate(GET, ['1', 'missing'], '$-1'),
    evaluate("return redis.call('GET',KEYS[1]) == false", ['1', 'missing'], ':1'),
    evaluate("redis.setresp(3) return redis.call('GET',KEYS[1]) == nil", ['1', 'missing'], ':1'),
    evaluate("return type(redis.call('PING'))..redis.call('PING').ok", ['0'], '$tablePONG'),
  ],
  errors: [
    evaluate('return 1', ['x'], '-ERR value is not an integer or out of range'),
    evaluate('return 1', ['-1'], "-ERR Number of keys can't be negative"),
    evaluate('return 1', ['1'], "-ERR Number of keys can't be greater than number of args"),
    evaluate(
      'return =',
      ['0'],
      "-ERR Error compiling script (new function): user_script:1: unexpected symbol near '='",
    ),
    evaluate("\nerror('boom')", ['0'], failed("\nerror('boom')", 'ERR user_script:2: boom', 2)),
    ['SET k text', '+OK', 'same', ['$ set k']],
    evaluate(
      "return redis.pcall('INCR',KEYS[1])",
      ['1', 'k'],
      '-ERR value is not an integer or out of range',
    ),
    evaluate(
      "local ok, e = pcall(redis.call,'INCR',KEYS[1]) return {type(e), e}",
      ['1', 'k'],
      ['$string', '$ERR value is not an integer or out of range'],
    ),
    evaluate("return redis.pcall('NOSUCH')", ['0'], '-ERR Unknown Redis command called from script'),
    evaluate(
      "return redis.pcall('GET')",
      ['0'],
      '-ERR Wrong number of args calling Redis command from script',
    ),
    evaluate("return redis.pcall('MULTI')", ['0'], '-ERR This Redis command is not allowed from script'),
    evaluate(
      "return redis.pcall('EVAL','return 1',0)",
      ['0'],
      '-ERR This Redis command is not allowed from script',
    ),
  ],
  'what is propagated': [
    evaluate("redis.call('SET','a',1) redis.call('GET','a')", ['0'], '$-1', ['SET a 1'], ['$ set a']),
    evaluate(
      "redis.call('INCR','a') redis.call('INCR','b') return redis.call('DEL','a')",
      ['0'],
      ':1',
      ['MULTI', 'INCR a', 'INCR b', 'DEL a', 'EXEC'],
      ['$ incrby a', '$ incrby b', 'g del a'],
    ),
    evaluate(
      "redis.call('SET','a',1,'EX',100)",
      ['0'],
      '$-1',
      ['SET a 1 PXAT 1700000223456'],
      ['$ set a', 'g expire a'],
    ),
    evaluate("redis.call('SELECT',1) redis.call('SET','a',1)", ['0'], '$-1', ['1:SET a 1'], ['1:$ set a']),
    evaluate("return redis.call('EXISTS','a')", ['0'], ':1'),
    evaluate(
      "redis.set_repl(redis.REPL_NONE) redis.call('SET','x',1) redis.set_repl(redis.REPL_ALL) redis.call('SET','y',1)",
      ['0'],
      '$-1',
      ['SET y 1'],
      ['$ set x', '$ set y'],
    ),
    evaluate(
      "redis.call('SET','z',1) error('x')",
      ['0'],
      failed("redis.call('SET','z',1) error('x')", 'ERR user_script:1: x', 1),
      ['SET z 1'],
      ['$ set z'],
    ),
    ['MULTI', '+OK'],
    [['EVAL', SET, '1', 'm', '1'], '+QUEUED'],
    ['INCR m', '+QUEUED'],
    ['EXEC', ['+OK', ':2'], ['MULTI', 'SET m 1', 'INCR m', 'EXEC'], ['$ set m', '$ incrby m']],
  ],
  'time stands still': [
    evaluate(
      "redis.call('SET','a',1,'PX',10)",
      ['0'],
      '$-1',
      ['SET a 1 PXAT 1700000123466'],
      ['$ set a', 'g expire a'],
    ),
    evaluate("return redis.call('PTTL','a')", ['0'], ':10'),
    evaluate("local t = redis.call('TIME') return t[1]", ['0'], '$1700000123'),
    11,
    evaluate("return redis.call('GET','a')", ['0'], '$-1', ['DEL a'], ['x expired a']),
  ],
  'SCRIPT and EVALSHA': [
    [['SCRIPT', 'LOAD', 'return 1'], `$${SHA_OF_RETURN_1}`],
    [`EVALSHA ${SHA_OF_RETURN_1} 0`, ':1'],
    [`EVALSHA ${SHA_OF_RETURN_1.toUpperCase()} 0`, ':1'],
    [`SCRIPT EXISTS ${SHA_OF_RETURN_1} x`, [':1', ':0']],
    ['SCRIPT FLUSH SYNC', '+OK'],
    [`EVALSHA ${SHA_OF_RETURN_1} 0`, NO_SCRIPT],
    [`EVALSHA_RO ${SHA_OF_RETURN_1} 0`, NO_SCRIPT],
    ['EVALSHA x 0', NO_SCRIPT],
    evaluate('return 1', ['0'], ':1'),
    [`EVALSHA ${SHA_OF_RETURN_1} 0`, ':1'],
    ['SCRIPT FLUSH x', '-ERR SCRIPT FLUSH only support SYNC|ASYNC option'],
    ['SCRIPT KILL', '-NOTBUSY No scripts in execution right now.'],
    ['SCRIPT DEBUG NO', '+OK'],
    ['SCRIPT DEBUG YES', '-ERR The Lua debugger is not supported'],
    ['SCRIPT DEBUG x', '-ERR Use SCRIPT DEBUG YES/SYNC/NO'],
    ['SCRIPT', "-ERR wrong number of arguments for 'script' command"],
  ],
  'read-only scripts and flags': [
    [['EVAL_RO', "return redis.pcall('SET','a',1)", '0'], READ_ONLY],
    [['EVAL_RO', "return redis.call('GET','a')", '0'], '$-1'],
    [
      ['EVAL_RO', '#!lua\nreturn 1', '0'],
      '-ERR Can not execute a script with write flag using *_ro command.',
    ],
    evaluate("#!lua flags=no-writes\nreturn redis.pcall('SET','a',1)", ['0'], READ_ONLY),
    evaluate('#!lua flags=x\nreturn 1', ['0'], '-ERR Unexpected flag in script shebang: x'),
    evaluate('#!js\nreturn 1', ['0'], '-ERR Unexpected engine in script shebang: #!js'),
    evaluate('#!lua name=x\nreturn 1', ['0'], '-ERR Unknown lua shebang option: name=x'),
    evaluate('#!lua', ['0'], '-ERR Invalid script shebang'),
  ],
};

/** The reply of a script without the place that its error ends with. */
function replyOf(engine: TestEngine, script: string, ...words: string[]): string {
  const { raw } = engine.run('EVAL', script, ...(words.length === 0 ? ['0'] : words));
  return raw.replace(/ script: [0-9a-f]{40}, on .*:-?\d+\./, '').replace(/\r\n$/, '');
}

describe.each(RESIDENCIES)('scripts with keys %s', (residency) => {
  test.each(Object.entries(CASES))('%s', (_, steps) => {
    expectSteps(createEngine({ residency }), steps);
  });
});

describe('the sandbox', () => {
  const READ_ONLY_TABLE = '-ERR user_script:1: Attempt to modify a readonly table';
  const missing = (name: string) =>
    `-ERR user_script:1: Script attempted to access nonexistent global variable '${name}'`;

  test.each([
    ['x = 1', READ_ONLY_TABLE],
    ['return x', missing('x')],
    ['_G.x = 1', READ_ONLY_TABLE],
    ['rawset(_G, "x", 1)', '-ERR Attempt to modify a readonly table'],
    ['setmetatable(_G, {})', '-ERR Attempt to modify a readonly table'],
    ['getmetatable(_G).__index = {}', READ_ONLY_TABLE],
    ['getmetatable(_G).__newindex = nil', READ_ONLY_TABLE],
    ['string.len = function() return 0 end', READ_ONLY_TABLE],
    ['rawset(string, "len", 1)', '-ERR Attempt to modify a readonly table'],
    ['getmetatable("").__index = {}', READ_ONLY_TABLE],
    ['getmetatable("").__index.len = 1', READ_ONLY_TABLE],
    ['setmetatable(getmetatable(""), {})', '-ERR Attempt to modify a readonly table'],
    ['redis.call = print', missing('print')],
    ['redis.call = 1', READ_ONLY_TABLE],
    ['cjson.encode = 1', READ_ONLY_TABLE],
    ['KEYS = {}', READ_ONLY_TABLE],
    ['for _, t in pairs(_G) do if type(t) == "table" then t.x = 1 end end', READ_ONLY_TABLE],
    ['return io', missing('io')],
    ['return os.execute', '$-1'],
    ['return os.getenv', '$-1'],
    ['return require', missing('require')],
    ['return package', missing('package')],
    ['return debug', missing('debug')],
    ['return dofile', missing('dofile')],
    ['return loadfile', missing('loadfile')],
    ['return getfenv', missing('getfenv')],
    ['return setfenv', missing('setfenv')],
    ['return newproxy', missing('newproxy')],
    ['return print', missing('print')],
    ['loadstring("x = 1")()', '-ERR [string "x = 1"]:1: Attempt to modify a readonly table'],
    ['return loadstring(string.dump(function() end))', '$-1'],
    ['return load(function() return "\\27Lua" end)', '$-1'],
    [
      '\x1bLua',
      "-ERR Error compiling script (new function): user_script:1: unexpected symbol near 'char(27)'",
    ],
    [
      'coroutine.wrap(function() x = 1 end)()',
      '-ERR user_script:1: user_script:1: Attempt to modify a readonly table',
    ],
    ['xpcall(function() x = 1 end, function() y = 1 end) return 1', ':1'],
    ['return redis.register_function', '$-1'],
    ['return coroutine.running() == nil', ':1'],
    ['return type(os.clock())', '$number'],
  ])('%s', (script, reply) => {
    expect(replyOf(createEngine(), script)).toBe(
      reply.startsWith('$') && reply !== '$-1' ? `$${reply.length - 1}\r\n${reply.slice(1)}` : reply,
    );
  });

  test.each([
    'table.insert(_G, 1)',
    'table.insert(string, 5, 1)',
    'table.insert(redis, {})',
    'table.insert(getmetatable(""), 1)',
    'table.insert(getmetatable(_G), 1)',
  ])('nothing is left behind by %s', (script) => {
    const engine = createEngine();
    engine.run('EVAL', script, '0');
    expect(replyOf(engine, 'return {_G[1], #string, #redis}')).toContain('nonexistent global variable');
    expect(replyOf(engine, 'return {#_G, #string, #redis}')).toBe('*3\r\n:0\r\n:0\r\n:0');
  });

  test('KEYS and ARGV are those of each run', () => {
    const engine = createEngine();
    engine.run('EVAL', "KEYS[2] = 'left' ARGV.x = 1", '1', 'a');
    expect(replyOf(engine, 'return {#KEYS, #ARGV, tostring(ARGV.x)}')).toBe('*3\r\n:0\r\n:0\r\n$3\r\nnil');
  });

  test('iterates over what it protects', () => {
    const script =
      'local n = 0 for k, v in pairs(redis) do n = n + 1 end return {n, next(redis) ~= nil, rawget(redis, "LOG_DEBUG")}';
    expect(replyOf(createEngine(), script)).toMatch(/^\*3\r\n:\d\d\r\n:1\r\n:0$/);
  });
});

test('SCRIPT DEBUG is refused, and so is every script until it is given up', () => {
  const engine = createEngine();
  const run = (...words: string[]) => engine.run(...words).raw.trimEnd();
  const refused = '-ERR The Lua debugger is not supported';
  const script = "return redis.call('SET', 'a', '1')";
  for (const mode of ['YES', 'sync']) {
    expect(run('SCRIPT', 'DEBUG', mode)).toBe(refused);
    expect(run('EVAL', script, '0')).toBe(refused);
  }
  expect(run('SCRIPT', 'DEBUG', 'x')).toBe('-ERR Use SCRIPT DEBUG YES/SYNC/NO');
  expect(run('EXISTS', 'a')).toBe(':0');
  expect(run('SCRIPT', 'DEBUG', 'NO')).toBe('+OK');
  expect(run('EVAL', script, '0')).toBe('+OK');
});

describe('limits of a script', () => {
  test.each([
    ['string.rep("x", 1e9)'],
    ['local t = {} while true do t[#t + 1] = {} end'],
    ['local s = "x" while true do s = s .. s end'],
  ])('memory: %s', (script) => {
    const engine = createEngine();
    expect(replyOf(engine, script)).toBe('-ERR not enough memory');
    expect(replyOf(engine, 'return 1')).toBe(':1');
  });

  test.each([
    ['a pattern too deep', `return string.find(string.rep('a', 200000), string.rep('a?', 200000))`],
    ['a table that holds itself', 'local t = {} t[1] = t return t'],
    ['calls without end', 'local function f() return 1 + f() end return f()'],
    ['nested pcall', 'local function f() return pcall(f) end return f()'],
    ['nested tables in JSON', `return cjson.decode(string.rep('[', 100000))`],
    ['nested parentheses', `return loadstring('return ' .. string.rep('(', 100000))`],
    ['an error handler that fails', 'xpcall(error, function() error("x") end) return 1'],
  ])('%s harms nobody', (_, script) => {
    const engine = createEngine();
    engine.run('EVAL', script, '0');
    expect(replyOf(engine, "redis.call('SET','a','1') return redis.call('GET','a')")).toBe('$1\r\n1');
  });

  test('many arguments of a command, numbers and strings', () => {
    const engine = createEngine();
    const script = `local a = {} for i = 1, 100 do a[#a + 1] = 'k' .. i a[#a + 1] = i * 1.5 end
      redis.call('MSET', unpack(a)) return redis.call('MGET', 'k1', 'k2', 'k99', 'k100')`;
    expect(replyOf(engine, script)).toBe('*4\r\n$3\r\n1.5\r\n$1\r\n3\r\n$5\r\n148.5\r\n$3\r\n150');
  });

  test('memory that is full refuses the first write only', () => {
    const engine = createEngine({ directives: { maxmemory: '1' } });
    expect(replyOf(engine, "return redis.call('SET','a',1)")).toBe(
      "-OOM command not allowed when used memory > 'maxmemory'.",
    );
    expect(replyOf(engine, '#!lua\nreturn 1')).toBe(
      "-OOM command not allowed when used memory > 'maxmemory'.",
    );
    expect(replyOf(engine, "redis.call('DEL','a') return redis.call('SET','a',1)")).toBe('+OK');
    expect(replyOf(engine, "#!lua flags=allow-oom\nreturn redis.call('SET','a',2)")).toBe('+OK');
    expect(replyOf(engine, "#!lua flags=no-writes\nreturn redis.call('GET','a')")).toBe('$1\r\n2');
  });

  test('keeps 500 scripts of EVAL, and all of SCRIPT LOAD', () => {
    const engine = createEngine();
    const { value: loaded } = engine.run('SCRIPT', 'LOAD', 'return 0');
    engine.run('EVAL', 'return 1', '0');
    for (let at = 2; at <= 500; at++) engine.run('EVAL', `return ${at}`, '0');
    engine.run('EVAL', 'return 1', '0');
    engine.run('EVAL', 'return 501', '0');
    const exists = (script: string) =>
      engine.run(
        'SCRIPT',
        'EXISTS',
        engine.run('EVAL', `return redis.sha1hex('${script}')`, '0').value as string,
      ).value;
    expect(engine.run('SCRIPT', 'EXISTS', loaded as string, SHA_OF_RETURN_1).value).toEqual([1, 1]);
    expect(exists('return 2')).toEqual([0]);
    expect(engine.run('INFO', 'stats').value).toMatch(/evicted_scripts:[1-9]/);
  });
});

describe('what a script is given and gives', () => {
  test('XREAD and XREADGROUP are refused with BLOCK', () => {
    const engine = createEngine();
    for (const command of ["'xread'", "'XREADGROUP','group','g','c'"]) {
      const script = `return redis.call(${command},'BLOCK',0,'STREAMS','s','1')`;
      expect(engine.run('EVAL', script, 0).value).toHaveProperty(
        'message',
        expect.stringMatching(/(xread|XREADGROUP) command is not allowed with BLOCK option from scripts/),
      );
    }
    engine.run('MULTI');
    engine.run('XREAD', 'BLOCK', 0, 'STREAMS', 's', '0');
    expect(engine.run('EXEC').value).toEqual([null]);
  });

  test('a table that holds itself is replied as deep as it goes, and an error', () => {
    const engine = createEngine();
    const { raw } = engine.run('EVAL', 'local a = {}; local b = {a}; a[1] = b; return a', 0);
    expect(raw).toMatch(/^(\*1\r\n)+-ERR reached lua stack limit\r\n$/);
    expect(engine.run('EVAL', 'return {{{1}}}', 0).value).toEqual([[[1]]]);
  });

  test('an attribute of a reply is passed over', () => {
    const engine = createEngine({ directives: { 'enable-debug-command': 'yes' } });
    engine.run('DEBUG', 'SET-DISABLE-DENY-SCRIPTS', 1);
    const script = "redis.setresp(3); return redis.call('debug', 'protocol', 'attrib')";
    expect(engine.run('EVAL', script, 0).value).toBe('Some real reply following the attribute');
  });
});

describe('a slow script', () => {
  /** An engine whose clock moves by a millisecond each time it is read. */
  function createRunningClock(): TestEngine {
    const engine = createEngine({ directives: { 'busy-reply-threshold': '50' } });
    const { clock } = engine;
    const read = clock.monotonicUs.bind(clock);
    clock.monotonicUs = () => {
      clock.advance(1);
      return read();
    };
    return engine;
  }

  const STOPPED = /^-ERR Script stopped: it had run for 4 times busy-reply-threshold/;

  test.each([
    'while true do end',
    'while true do pcall(function() while true do end end) end',
    'local function f() return f() end f()',
  ])('that has written nothing is stopped where it can not be left: %s', (script) => {
    const engine = createRunningClock();
    expect(engine.run('EVAL', script, '0').raw).toMatch(STOPPED);
    expect(replyOf(engine, 'return 1')).toBe(':1');
  });

  test('that has written goes on to its end', () => {
    const engine = createRunningClock();
    expect(
      engine.run('EVAL', "redis.call('SET','a',1) for i = 1, 5e7 do end return redis.call('GET','a')", '0')
        .raw,
    ).toBe('$1\r\n1\r\n');
  });
});
