import { describe, expect, test } from 'vitest';
import * as types from './value-types.ts';

function parse<Value>(type: types.ValueType<Value>, line: string, current?: Value): string {
  try {
    return type.format(type.parse(line.split(' '), current as Value, false));
  } catch (error) {
    if (error instanceof types.InvalidValue) return `! ${error.message}`;
    throw error;
  }
}

describe('one word', () => {
  test.each([
    [types.boolean(), 'YES', 'yes'],
    [types.boolean(), 'true', "! argument must be 'yes' or 'no'"],
    [types.enumeration('volatile-lru', 'noeviction'), 'VOLATILE-lru', 'volatile-lru'],
    [types.enumeration('a', 'b'), 'c', '! argument(s) must be one of the following: a, b'],
    [types.integer(0, 65535), '65535', '65535'],
    [types.integer(0, 65535), '65536', '! argument must be between 0 and 65535 inclusive'],
    [types.integer(-1), '-2', '! argument must be between -1 and 9007199254740991 inclusive'],
    [types.integer(0), '05', "! argument couldn't be parsed into an integer"],
    [types.integer(0), '+5', "! argument couldn't be parsed into an integer"],
    [types.integer(0), '', "! argument couldn't be parsed into an integer"],
    [types.clampedInteger(1, 500), '1000', '500'],
    [types.clampedInteger(1, 500), '0', '1'],
    [types.decimal(0, 1), '0.75', '0.75'],
    [types.decimal(0, 1), '.5', '0.5'],
    [types.decimal(0, 1), '1.01', '! argument must be between 0 and 1 inclusive'],
    [types.decimal(0, 1), '80%', "! argument couldn't be parsed into a number"],
    [types.octal(0, 0o777), '755', '755'],
    [types.octal(0, 0o777), '1000', '! argument must be between 0 and 777 inclusive'],
    [types.octal(0, 0o777), '8', "! argument couldn't be parsed as an octal number"],
    [types.memory(), '10', '10'],
    [types.memory(), '10b', '10'],
    [types.memory(), '1k', '1000'],
    [types.memory(), '1KB', '1024'],
    [types.memory(), '2m', '2000000'],
    [types.memory(), '2mb', '2097152'],
    [types.memory(), '3g', '3000000000'],
    [types.memory(), '3Gb', '3221225472'],
    [types.memory(), '1tb', '! argument must be a memory value'],
    [types.memory(), '1.5gb', '! argument must be a memory value'],
    [types.memory(), '-1', '! argument must be a memory value'],
    [types.memory(1024), '1', '! argument must be between 1024 and 9223372036854775807 inclusive'],
    [types.memory(1024), '9223372036854775807', '9223372036854775807'],
    [
      types.memory(1024),
      '9223372036854775808',
      '! argument must be between 1024 and 9223372036854775807 inclusive',
    ],
    [types.memory(0, types.UNSIGNED_BYTES_MAX), '9007199254740993', '9007199254740993'],
    [types.memory(0, types.UNSIGNED_BYTES_MAX), '16777216gb', '18014398509481984'],
    [types.memory(0, types.UNSIGNED_BYTES_MAX), '18446744073709551615', '18446744073709551615'],
    // Redis multiplies within 64 bits, and so takes 2^64 in gigabytes for 0.
    [types.memory(0, types.UNSIGNED_BYTES_MAX), '17179869184gb', '18446744073709551615'],
    [types.memoryOrPercent(), '10%', '10%'],
    [types.memoryOrPercent(), '1mb', '1048576'],
    [types.memoryOrPercent(), '101%', '! percentage argument must be less or equal to 100'],
    [types.memoryOrPercent(), '%', '! argument must be a memory or percent value'],
    [types.fileName('dbfilename', 'filename', true), 'a/b', "! dbfilename can't be a path, just a filename"],
    [types.fileName('appenddirname', 'dirname'), '', "! appenddirname can't be empty"],
    [types.directory(), '/nowhere/at/all', '! No such file or directory'],
    [types.directory(), '/proc/self/stat', '! Not a directory'],
    [types.keyspaceEvents(), 'KEA', 'AKE'],
    [types.keyspaceEvents(), 'g$lshzxetdK', 'AK'],
    [types.keyspaceEvents(), 'lK', 'lK'],
    [types.keyspaceEvents(), 'Kq', "! Invalid event class character. Use 'Ag$lshzxeKEtmdnoc'."],
  ] as [types.ValueType<unknown>, string, string][])('%#: %s', (type, word, expected) => {
    expect(parse(type, word)).toBe(expected);
  });

  test('a relative directory starts at the one before', () => {
    expect(parse(types.directory(), '..', '/proc/self')).toBe('/proc');
  });
});

describe('many words', () => {
  const shutdown = types.flags('default', ['save', 'nosave', 'now', 'force'], (value) =>
    value.includes('save') && value.includes('nosave') ? 'both' : undefined,
  );
  test.each([
    [types.addresses('*'), '127.0.0.1 -::1', '127.0.0.1 -::1'],
    [types.addresses('*'), '', ''],
    [types.addresses('*'), 'a b c d e f g h i j k l m n o p q', '! Too many bind addresses specified.'],
    [types.savePoints(), '', ''],
    [types.savePoints(), '3600 1 300 100', '3600 1 300 100'],
    [types.savePoints(), '60', '! Invalid save parameters'],
    [types.savePoints(), '0 1', '! Invalid save parameters'],
    [types.savePoints(), 'a 1', '! Invalid save parameters'],
    [types.oomScores(), '1 2', '! wrong number of arguments'],
    [
      types.oomScores(),
      '0 200 3000',
      '! Invalid oom-score-adj-values, elements must be between -2000 and 2000.',
    ],
    [types.percentiles(), '50.5 99', '50.5 99'],
    [types.percentiles(), '', ''],
    [
      types.percentiles(),
      '101',
      '! latency-tracking-info-percentiles parameters should sit between [0.0,100.0]',
    ],
    [types.percentiles(), 'a', '! Invalid latency-tracking-info-percentiles parameters'],
    [types.primaryAddress(), 'host 6379', 'host 6379'],
    [types.primaryAddress(), 'NO one', ''],
    [types.primaryAddress(), 'host 70000', '! Invalid master port'],
    [shutdown, 'now nosave', 'nosave now'],
    [shutdown, 'default', 'default'],
    [shutdown, 'save nosave', '! both'],
    [shutdown, 'foo', '! argument(s) must be one of the following: default, save, nosave, now, force'],
  ] as [types.ValueType<unknown>, string, string][])('%#: %s', (type, line, expected) => {
    expect(parse(type, line)).toBe(expected);
  });

  test('output buffer limits of classes that are not named stay', () => {
    const limit = { hardBytes: 0, softBytes: 0, softSeconds: 0 };
    const current = { normal: limit, replica: limit, pubsub: { ...limit, hardBytes: 7 } };
    const type = types.outputBufferLimits();
    expect(parse(type, 'slave 1mb 2kb 3', current)).toBe('normal 0 0 0 slave 1048576 2048 3 pubsub 7 0 0');
    expect(type.lines(current)).toEqual(['normal 0 0 0', 'replica 0 0 0', 'pubsub 7 0 0']);
    expect(parse(type, 'foo 1 1 1', current)).toMatch('! Invalid client class');
    expect(parse(type, 'normal 1 1', current)).toMatch('! Wrong number of arguments');
    expect(parse(type, 'normal 1 x 1', current)).toMatch('! Error in hard, soft');
  });

  test('lines of save add up, and an empty one takes back', () => {
    const type = types.savePoints();
    const first = type.parse(['60', '1'], [], false);
    const both = type.parse(['5', '9'], first, true);
    expect(type.format(both)).toBe('60 1 5 9');
    expect(type.lines(both)).toEqual(['60 1', '5 9']);
    expect(type.parse([''], both, true)).toEqual([]);
    expect(type.format(type.parse(['7', '7'], both, false))).toBe('7 7');
  });
});

test('quoted words read back', () => {
  expect(types.quote('a "b" \\ \n\r\t\u0001 ä')).toBe('"a \\"b\\" \\\\ \\n\\r\\t\\x01 ä"');
});
