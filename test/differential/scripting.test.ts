import { describe, expect, test } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { hasRedis } from '../support/servers.ts';
import { chance, float, key, number, pick, type Step, toBuffers, value, type Word } from './generate.ts';
import { commandCount, compareSequences, MODES, Pair } from './run.ts';
import { SCRIPTS } from './scripts.ts';

/** A Lua string of these bytes. */
function quoted(bytes: Buffer): string {
  return `'${[...bytes].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}'`;
}

function luaNumber(random: Random): string {
  const kind = random.below(6);
  if (kind < 2) return String(random.below(300) - 150);
  if (kind === 2) return `${random.below(2 ** 31)}e${random.below(30) - 15}`;
  if (kind === 3) return `${random.below(1000)}.${random.below(1000)}`;
  if (kind === 4) return `-2^${random.below(70)}`;
  return `${random.below(2 ** 31)}*${random.below(2 ** 31)}+${random.below(9)}`;
}

/** A Lua expression. Tables are lists, or have one field: Redis and Thermocline order more alike, but nothing promises it. */
function luaValue(random: Random, depth = 0): string {
  const kind = random.below(depth > 3 ? 5 : 8);
  if (kind < 2) return luaNumber(random);
  if (kind === 2) return quoted(toBuffers([value(random)])[0].subarray(0, 60));
  if (kind === 3) return pick(random, ['true', 'false']);
  if (kind === 4) return `'${pick(random, ['a', 'err', '10', '1e3', '0x1F', ' 5 ', 'é', '', '\\n"\\\\/'])}'`;
  if (kind === 5) return `{x=${luaValue(random, depth + 1)}}`;
  const length = random.below(depth === 0 ? 20 : 5);
  return `{${Array.from({ length }, () => luaValue(random, depth + 1)).join(',')}}`;
}

const FORMATS = [
  '%d',
  '%5d',
  '%-6d|',
  '%05d',
  '%+d',
  '%x',
  '%o',
  '%u',
  '%.3d',
  '%g',
  '%.3f',
  '%e',
  '%s',
  '%10s|',
  '%q',
];
const PACKED = [
  'b',
  'B',
  'h',
  'H',
  'l',
  'L',
  'i',
  'I',
  'i3',
  'I5',
  'i8',
  'f',
  'd',
  '>i',
  '<I',
  '!4i',
  '!8d',
  'x',
  's',
  'c3',
];

/** Expressions of the libraries; each fails or replies something that does not depend on the machine. */
const LIBRARY_SCRIPTS: readonly ((random: Random) => string)[] = [
  (random) => `return cjson.encode(${luaValue(random)})`,
  (random) => `local v = cjson.decode(cjson.encode({${luaValue(random)}})) return cjson.encode(v)`,
  (random) => `return cjson.decode(${quoted(json(random))})`,
  (random) => `return cmsgpack.pack(${luaValue(random)},${luaValue(random)})`,
  (random) => `return {cmsgpack.unpack(cmsgpack.pack(${luaValue(random)},${luaValue(random)}))}`,
  (random) => `return {cmsgpack.unpack(${quoted(toBuffers([value(random)])[0].subarray(0, 20))})}`,
  (random) => `return tostring(${luaNumber(random)})`,
  (random) =>
    `return string.format('${pick(random, FORMATS)}',${pick(random, [luaNumber(random), "'text'"])})`,
  (random) =>
    `return struct.pack('${pick(random, PACKED)}${pick(random, PACKED)}',${luaNumber(random)},'abc')`,
  (random) =>
    `return {struct.unpack('${pick(random, PACKED)}',${quoted(Buffer.from(`${random.below(1e9)}abcdefgh\0`))})}`,
  (random) => `return struct.size('${pick(random, PACKED)}${pick(random, PACKED)}')`,
  (random) =>
    `return bit.${pick(random, ['band', 'bor', 'bxor', 'lshift', 'rshift', 'arshift', 'rol', 'ror'])}(${luaNumber(random)},${random.below(70) - 5})`,
  (random) => `return bit.${pick(random, ['bnot', 'tobit', 'bswap'])}(${luaNumber(random)})`,
  (random) =>
    `return tonumber('${pick(random, ['10', 'ff', 'zz', '-7', ' 12 ', '1x'])}',${2 + random.below(35)})`,
  (random) => `math.randomseed(${random.below(2 ** 31)}) return {math.random(1,100),math.random(7)}`,
  (random) => `return ${luaValue(random)}`,
  (random) => `redis.setresp(3) return ${luaValue(random)}`,
];

/** JSON text, sometimes broken. */
function json(random: Random): Buffer {
  const text = pick(random, [
    `[${random.below(100)},"a\\u00e9\\n",{"k":[true,null]}]`,
    `{"a":${random.below(100)}.5e${random.below(9)}}`,
    '[[[[]]]]',
    ` [ 1 , 2 ] `,
    '"\\ud83d\\ude00"',
    '[0x1f,1.,.5,+1,nan]',
  ]);
  if (chance(random, 60)) return Buffer.from(text);
  const at = random.below(text.length);
  return Buffer.from(
    text.slice(0, at) + pick(random, ['', '"', '\\', '}', ',', '\0', 'x']) + text.slice(at + 1),
  );
}

const INCREMENT = "return redis.call('INCR',KEYS[1])";
const INCREMENT_SHA = 'da8455f0535fd532821b3713a4eccd80fc4b8457';

const COMMANDS: readonly ((random: Random) => Word[])[] = [
  (random) => ['EVAL', pick(random, LIBRARY_SCRIPTS)(random), '0'],
  (random) => ['EVAL', pick(random, LIBRARY_SCRIPTS)(random), '0'],
  (random) => ['EVAL', pick(random, LIBRARY_SCRIPTS)(random), '0'],
  (random) => ['EVAL', "return redis.call('SET',KEYS[1],ARGV[1])", '1', key(random), value(random)],
  (random) => ['EVAL', "return redis.call('GET',KEYS[1])", '1', key(random)],
  (random) => ['EVAL', INCREMENT, '1', key(random)],
  (random) => ['EVAL', "return redis.pcall('INCR',KEYS[1])", '1', key(random)],
  (random) => ['EVAL', "return redis.pcall('INCR',KEYS[1]).err or 'none'", '1', key(random)],
  (random) => ['EVAL', "return {pcall(redis.call,'INCR',KEYS[1])}", '1', key(random)],
  (random) => ['EVAL', "return redis.call('INCRBY',KEYS[1],ARGV[1])", '1', key(random), number(random)],
  (random) => ['EVAL', "return redis.call('INCRBYFLOAT',KEYS[1],ARGV[1])", '1', key(random), float(random)],
  (random) => ['EVAL', "return redis.call('MGET',unpack(KEYS))", '3', key(random), key(random), key(random)],
  (random) => ['EVAL', 'return {KEYS,ARGV}', '1', key(random), value(random), value(random)],
  (random) => [
    'EVAL',
    "redis.call('SET',KEYS[1],1) return redis.call(ARGV[1],KEYS[1])",
    '1',
    key(random),
    pick(random, ['GET', 'nosuch', 'MULTI', 'TYPE', 'STRLEN', 'DEL', 'TTL']),
  ],
  (random) => [
    'EVAL',
    "redis.call('SELECT',ARGV[1]) return redis.call('DBSIZE')",
    '0',
    pick(random, ['0', '1', '99']),
  ],
  (random) => ['EVAL_RO', pick(random, [INCREMENT, "return redis.call('GET',KEYS[1])"]), '1', key(random)],
  (random) => [
    'EVAL',
    `#!lua flags=${pick(random, ['no-writes', 'allow-oom', 'no-writes,allow-stale', 'nosuch', ''])}\n${INCREMENT}`,
    '1',
    key(random),
  ],
  (random) => [
    'EVAL',
    "return redis.call('SET',KEYS[1],ARGV[1],'KEEPTTL','GET')",
    '1',
    key(random),
    value(random),
  ],
  (random) => ['SCRIPT', 'LOAD', pick(random, [INCREMENT, 'return 1', 'return ='])],
  () => ['SCRIPT', 'EXISTS', INCREMENT_SHA, 'x'],
  (random) => ['EVALSHA', pick(random, [INCREMENT_SHA, 'x']), '1', key(random)],
  (random) => ['FCALL', pick(random, ['incr', 'INCR', 'read', 'nosuch']), '1', key(random)],
  (random) => ['FCALL_RO', pick(random, ['incr', 'read']), '1', key(random)],
  () => [
    'FUNCTION',
    'LOAD',
    'REPLACE',
    "#!lua name=lib\nredis.register_function('incr',function(k) return redis.call('INCR',k[1]) end) redis.register_function{function_name='read',callback=function(k) return redis.call('GET',k[1]) end,flags={'no-writes'}}",
  ],
  (random) => ['FUNCTION', pick(random, ['STATS', 'STATS', 'STATS', 'FLUSH', 'KILL'])],
  (random) => ['FUNCTION', 'DELETE', pick(random, ['lib', 'other'])],
  (random) => [pick(random, ['MULTI', 'EXEC', 'EXEC', 'DISCARD'])],
];

describe.skipIf(!hasRedis)('scripts reply as in Redis', () => {
  test.each([2, 3])('a list of them in RESP%d', async (protocol) => {
    const pair = await Pair.start('flex off');
    const steps: Step[] = SCRIPTS.map((script) => ({
      connection: 0,
      words: toBuffers(['EVAL', script, '0']),
    }));
    const difference = await pair.run(steps, protocol);
    if (difference === null) return;
    const { index, ours, theirs } = difference;
    expect([SCRIPTS[index], ours.toString('latin1')]).toEqual([SCRIPTS[index], theirs.toString('latin1')]);
  });

  test.each(MODES)('random ones, %s', async (mode) => {
    const pair = await Pair.start(mode);
    await compareSequences(
      pair,
      (random) => pick(random, COMMANDS)(random),
      commandCount(8_000),
      (random) => (chance(random, 65) ? 0 : 1),
    );
  });
});
