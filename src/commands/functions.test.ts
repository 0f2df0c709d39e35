import { describe, expect, test } from 'vitest';
import { createEngine, expectSteps, RESIDENCIES, type Step } from '../../test/support/engine.ts';

const LIBRARY = `#!lua name=lib
redis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
redis.register_function{
  function_name = 'read',
  callback = function(keys) return redis.call('GET', keys[1]) end,
  flags = {'no-writes'},
  description = 'reads',
}`;
const NAMES =
  '-ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long';

function load(code: string, reply: string): Step {
  return [['FUNCTION', 'LOAD', code], reply, reply.startsWith('$') ? 'same' : []];
}

/** A library whose code is one line after the shebang. */
function library(line: string, name = 'lib'): string {
  return `#!lua name=${name}\n${line}`;
}

const CASES: Record<string, Step[]> = {
  'loading and calling': [
    load(LIBRARY, '$lib'),
    load(LIBRARY, "-ERR Library 'lib' already exists"),
    ['FCALL put 1 a 1', '+OK', ['SET a 1'], ['$ set a']],
    ['FCALL PUT 1 a 2', '+OK', ['SET a 2'], ['$ set a']],
    ['FCALL read 1 a', '$2'],
    ['FCALL_RO read 1 a', '$2'],
    ['FCALL_RO put 1 a 3', '-ERR Can not execute a script with write flag using *_ro command.'],
    ['FCALL nosuch 0', '-ERR Function not found'],
    ['FCALL read x', '-ERR Bad number of keys provided'],
    ['FCALL read -1', "-ERR Number of keys can't be negative"],
    ['FCALL read 1', "-ERR Number of keys can't be greater than number of args"],
    [
      ['FUNCTION', 'LOAD', 'REPLACE', library("redis.register_function('other', function() return 5 end)")],
      '$lib',
      'same',
    ],
    ['FCALL read 1 a', '-ERR Function not found'],
    ['FCALL other 0', ':5'],
    ['FUNCTION DELETE lib', '+OK', 'same'],
    ['FUNCTION DELETE lib', '-ERR Library not found'],
    ['FCALL other 0', '-ERR Function not found'],
  ],
  'refusals of a library': [
    load('return 1', '-ERR Missing library metadata'),
    load('#!lua name=x', '-ERR Invalid library metadata'),
    load('#!lua\n', '-ERR Library name was not given'),
    load('#!lua name=a-b\n', NAMES),
    load('#!lua name=a name=b\n', '-ERR Invalid metadata value, name argument was given multiple times'),
    load('#!lua other=a\n', '-ERR Invalid metadata value given: other=a'),
    load('#!js name=a\n', "-ERR Engine 'js' not found"),
    load(library('return 1'), '-ERR No functions registered'),
    load(library('return ='), "-ERR Error compiling function: user_function:2: unexpected symbol near '='"),
    load(
      library("redis.call('PING')"),
      "-ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'call'",
    ),
    load(
      library('x = 1'),
      '-ERR Error registering functions: ERR user_function:2: Attempt to modify a readonly table',
    ),
    load(
      library('redis.register_function()'),
      '-ERR Error registering functions: ERR wrong number of arguments to redis.register_function',
    ),
    load(
      library("redis.register_function('a b', function() end)"),
      NAMES.replace('ERR', 'ERR Error registering functions: ERR'),
    ),
    load(
      library("redis.register_function{function_name='a', callback=function() end, flags={'x'}}"),
      '-ERR Error registering functions: ERR unknown flag given',
    ),
    load(
      library("redis.register_function('a', function() end) redis.register_function('a', function() end)"),
      '-ERR Error registering functions: ERR Function already exists in the library',
    ),
    load(LIBRARY, '$lib'),
    load(
      library("redis.register_function('READ', function() end)", 'two'),
      '-ERR Function READ already exists',
    ),
    [['FUNCTION', 'LOAD', 'x', LIBRARY], '-ERR Unknown option given: x'],
    ['FCALL read 1 a', '$-1'],
  ],
  'the state of functions': [
    load(library("local n = 0 redis.register_function('count', function() n = n + 1 return n end)"), '$lib'),
    ['FCALL count 0', ':1'],
    ['FCALL count 0', ':2'],
    [['EVAL', 'return KEYS', '1', 'a'], ['$a']],
    ['FCALL count 0', ':3'],
    ['SCRIPT FLUSH', '+OK'],
    ['FCALL count 0', ':4'],
    ['FUNCTION FLUSH', '+OK', 'same'],
    ['FCALL count 0', '-ERR Function not found'],
  ],
  'FUNCTION LIST and STATS': [
    ['FUNCTION LIST', []],
    load(LIBRARY, '$lib'),
    [
      'FUNCTION LIST LIBRARYNAME l*',
      [
        [
          '$library_name',
          '$lib',
          '$engine',
          '$LUA',
          '$functions',
          [
            ['$name', '$put', '$description', '$-1', '$flags', []],
            ['$name', '$read', '$description', '$reads', '$flags', ['+no-writes']],
          ],
        ],
      ],
    ],
    ['FUNCTION LIST LIBRARYNAME x', []],
    ['FUNCTION LIST LIBRARYNAME', '-ERR library name argument was not given'],
    ['FUNCTION LIST x', '-ERR Unknown argument x'],
    [
      'FUNCTION STATS',
      ['$running_script', '$-1', '$engines', ['$LUA', ['$libraries_count', ':1', '$functions_count', ':2']]],
    ],
    ['FUNCTION KILL', '-NOTBUSY No scripts in execution right now.'],
  ],
  'FUNCTION RESTORE refuses': [
    ['FUNCTION RESTORE x', '-ERR DUMP payload version or checksum are wrong'],
    [
      'FUNCTION RESTORE x y',
      '-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.',
    ],
    [
      'FUNCTION RESTORE x append y',
      "-ERR unknown subcommand or wrong number of arguments for 'RESTORE'. Try FUNCTION HELP.",
    ],
    ['FUNCTION FLUSH x', '-ERR FUNCTION FLUSH only supports SYNC|ASYNC option'],
  ],
};

describe.each(RESIDENCIES)('functions with keys %s', (residency) => {
  test.each(Object.entries(CASES))('%s', (_, steps) => {
    expectSteps(createEngine({ residency }), steps);
  });
});

/** The payload that redis-server 7.0.15 makes of one library with the function `one`. */
const REDIS_PAYLOAD = Buffer.from(
  '9UBQIyFsdWEgbmFtZT1saWIKcmVkaXMucmVnaXN0ZXJfZnVuY3Rpb24oJ29uZScsIGZ1bmN0aW9uKGtleXMsIGFyZ3MpIHJldHVybiAxIGVuZCkKAMBJiAtVJvnW',
  'base64',
);

/** Bytes of a reply that is a bulk string. */
function bulk(raw: string): Buffer {
  const bytes = Buffer.from(raw, 'latin1');
  return bytes.subarray(bytes.indexOf('\r\n') + 2, -2);
}

describe('FUNCTION DUMP and RESTORE', () => {
  test('restore what was dumped, by each policy', () => {
    const source = createEngine();
    source.run('FUNCTION', 'LOAD', LIBRARY);
    const payload = bulk(source.run('FUNCTION', 'DUMP').raw);

    const engine = createEngine();
    engine.run(
      'FUNCTION',
      'LOAD',
      library("redis.register_function('mine', function() return 1 end)", 'mine'),
    );
    expect(engine.run('FUNCTION', 'RESTORE', payload).raw).toBe('+OK\r\n');
    expect(engine.run('FCALL', 'put', '1', 'a', '1').raw).toBe('+OK\r\n');
    expect(engine.run('FUNCTION', 'RESTORE', payload).raw).toBe('-ERR Library lib already exists\r\n');
    expect(engine.run('FUNCTION', 'RESTORE', payload, 'REPLACE').raw).toBe('+OK\r\n');
    expect(engine.run('FCALL', 'mine', '0').raw).toBe(':1\r\n');
    const told = engine.run('FUNCTION', 'RESTORE', payload, 'FLUSH');
    expect(told.raw).toBe('+OK\r\n');
    expect(told.propagated).toHaveLength(1);
    expect(engine.run('FCALL', 'mine', '0').raw).toBe('-ERR Function not found\r\n');
    expect(engine.run('FCALL', 'read', '1', 'a').raw).toBe('$1\r\n1\r\n');
  });

  test('a collision of functions changes nothing', () => {
    const source = createEngine();
    source.run(
      'FUNCTION',
      'LOAD',
      library("redis.register_function('same', function() return 1 end)", 'one'),
    );
    const payload = bulk(source.run('FUNCTION', 'DUMP').raw);
    const engine = createEngine();
    engine.run(
      'FUNCTION',
      'LOAD',
      library("redis.register_function('same', function() return 2 end)", 'two'),
    );
    expect(engine.run('FUNCTION', 'RESTORE', payload, 'REPLACE').raw).toBe(
      '-ERR Function same already exists\r\n',
    );
    expect(engine.run('FCALL', 'same', '0').raw).toBe(':2\r\n');
    expect(engine.run('FUNCTION', 'LIST').value).toHaveLength(1);
  });

  test('takes what Redis has dumped', () => {
    const engine = createEngine();
    expect(engine.run('FUNCTION', 'RESTORE', REDIS_PAYLOAD).raw).toBe('+OK\r\n');
    expect(engine.run('FCALL', 'one', '0').raw).toBe(':1\r\n');
    expect(bulk(engine.run('FUNCTION', 'DUMP').raw)).toEqual(REDIS_PAYLOAD);
  });

  test('a flipped bit is found', () => {
    const engine = createEngine();
    for (let at = 0; at < REDIS_PAYLOAD.length; at++) {
      const payload = Buffer.from(REDIS_PAYLOAD);
      payload[at] ^= 1;
      expect(engine.run('FUNCTION', 'RESTORE', payload).raw).toBe(
        '-ERR DUMP payload version or checksum are wrong\r\n',
      );
    }
  });
});

test('a library lives on when its machine is lost', () => {
  const engine = createEngine();
  const code = `redis.register_function('deep', function()
    return string.find(string.rep('a', 200000), string.rep('a?', 200000)) end)
    redis.register_function('one', function() return 1 end)`;
  engine.run('FUNCTION', 'LOAD', library(code));
  engine.run('FCALL', 'deep', '0');
  expect(engine.run('FCALL', 'one', '0').raw).toBe(':1\r\n');
});

test('INFO tells of scripts and functions', () => {
  const engine = createEngine();
  engine.run('FUNCTION', 'LOAD', LIBRARY);
  engine.run('EVAL', 'return 1', '0');
  const info = String(engine.run('INFO', 'memory').value);
  for (const line of [
    /^number_of_cached_scripts:1\r$/m,
    /^number_of_functions:2\r$/m,
    /^number_of_libraries:1\r$/m,
    /^used_memory_vm_eval:[1-9]\d{3,}\r$/m,
    /^used_memory_vm_functions:[1-9]\d{3,}\r$/m,
    /^used_memory_scripts:[1-9]\d+\r$/m,
  ]) {
    expect(info).toMatch(line);
  }
});
