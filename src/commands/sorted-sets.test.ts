import { describe, expect, test } from 'vitest';
import {
  createEngine,
  type ExpectedReply,
  expectSteps,
  RESIDENCIES,
  replyBytes,
  type Step,
  type TestEngine,
} from '../../test/support/engine.ts';

const SYNTAX = '-ERR syntax error';
const NOT_AN_INTEGER = '-ERR value is not an integer or out of range';
const NOT_A_FLOAT = '-ERR value is not a valid float';
const NOT_SCORES = '-ERR min or max is not a float';
const NOT_MEMBERS = '-ERR min or max not valid string range item';
const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const SET_S: Step = ['SET s x', '+OK', 'same', ['$ set s']];

function arity(name: string): string {
  return `-ERR wrong number of arguments for '${name}' command`;
}

/** Bulk strings. */
function bulks(line: string): ExpectedReply[] {
  return line.split(' ').map((word) => `$${word}`);
}

function adds(key: string, pairs: string): Step {
  return [`ZADD ${key} ${pairs}`, `:${pairs.split(' ').length / 2}`, 'same', [`z zadd ${key}`]];
}

const CASES: Record<string, Step[]> = {
  zadd: [
    ['ZADD a 1 x 2 y', ':2', 'same', ['z zadd a']],
    ['ZADD a 1 x 3 y 0.5 z', ':1', 'same', ['z zadd a']],
    ['ZADD a 1 x', ':0'],
    ['ZADD a CH 1 x 4 y 5 w', ':2', 'same', ['z zadd a']],
    ['ZRANGE a 0 -1 WITHSCORES', bulks('z 0.5 x 1 y 4 w 5')],
    ['ZADD a NX 9 x 6 v', ':1', 'same', ['z zadd a']],
    ['ZADD a XX CH 2 x 7 u', ':1', 'same', ['z zadd a']],
    ['ZADD a GT CH 1 x 9 y 3 t', ':2', 'same', ['z zadd a']],
    ['ZADD a LT CH 1 x 99 y', ':1', 'same', ['z zadd a']],
    ['ZADD a gt lt 1 x', '-ERR GT, LT, and/or NX options at the same time are not compatible'],
    ['ZADD a nx gt 1 x', '-ERR GT, LT, and/or NX options at the same time are not compatible'],
    ['ZADD a nx xx 1 x', '-ERR XX and NX options at the same time are not compatible'],
    ['ZADD a INCR 1 x 2 y', '-ERR INCR option supports a single increment-element pair'],
    ['ZADD a INCR 2.5 x', '$3.5', 'same', ['z zincr a']],
    ['ZADD a NX INCR 1 x', '$-1'],
    ['ZADD a XX INCR 1 none', '$-1'],
    ['ZADD a GT INCR -1 x', '$-1'],
    ['ZADD a INCR 0 x', '$3.5'],
    ['ZADD a 1 x 2', SYNTAX],
    ['ZADD a NX CH XX', SYNTAX],
    ['ZADD a 1', arity('zadd')],
    ['ZADD a one x', NOT_A_FLOAT],
    ['ZADD a 1 new two x', NOT_A_FLOAT],
    ['ZADD a nan x', NOT_A_FLOAT],
    ['ZSCORE a new', '$-1'],
    ['ZADD b XX 1 x', ':0'],
    ['ZADD b XX INCR 1 x', '$-1'],
    ['EXISTS b', ':0'],
    ['ZADD b inf x', ':1', 'same', ['z zadd b']],
    ['ZADD b INCR -inf x', '-ERR resulting score is not a number (NaN)'],
    SET_S,
    ['ZADD s 1 x', WRONG_TYPE],
    ['ZADD s one x', NOT_A_FLOAT],
  ],
  zcard: [['ZCARD a', ':0'], adds('a', '1 x 2 y'), ['ZCARD a', ':2'], SET_S, ['ZCARD s', WRONG_TYPE]],
  zcount: [
    ['ZCOUNT a 0 1', ':0'],
    adds('a', '1 a 2 b 2 c 3 d inf e -inf f'),
    ['ZCOUNT a -inf +inf', ':6'],
    ['ZCOUNT a 2 2', ':2'],
    ['ZCOUNT a (1 (3', ':2'],
    ['ZCOUNT a 3 1', ':0'],
    ['ZCOUNT a (2 2', ':0'],
    ['ZCOUNT a (inf inf', ':0'],
    ['ZCOUNT a x 1', NOT_SCORES],
    ['ZCOUNT a 1 nan', NOT_SCORES],
    SET_S,
    ['ZCOUNT s 0 1', WRONG_TYPE],
    ['ZCOUNT s x 1', NOT_SCORES],
  ],
  zdiff: [
    adds('a', '1 x 2 y 3 z'),
    adds('b', '9 y'),
    ['ZDIFF 2 a b', bulks('x z')],
    ['ZDIFF 3 a b none WITHSCORES', bulks('x 1 z 3')],
    ['ZDIFF 2 a a', []],
    ['ZDIFF 1 none', []],
    ['ZDIFF 2 a b WEIGHTS 1 2', SYNTAX],
    ['ZDIFF 0 a', "-ERR at least 1 input key is needed for 'zdiff' command"],
    ['ZDIFF x a', NOT_AN_INTEGER],
    ['ZDIFF 3 a b', SYNTAX],
    SET_S,
    ['ZDIFF 2 a s', WRONG_TYPE],
  ],
  zdiffstore: [
    adds('a', '1 x 2 y 3 z'),
    adds('b', '9 y'),
    ['ZDIFFSTORE d 2 a b', ':2', 'same', ['z zdiffstore d']],
    ['ZRANGE d 0 -1 WITHSCORES', bulks('x 1 z 3')],
    ['ZDIFFSTORE d 2 a b WITHSCORES', SYNTAX],
    ['ZDIFFSTORE d 2 b a', ':0', 'same', ['g del d']],
    ['ZDIFFSTORE d 2 b a', ':0'],
    ['ZDIFFSTORE a 2 a b', ':2', 'same', ['z zdiffstore a']],
    ['ZRANGE a 0 -1', bulks('x z')],
  ],
  zincrby: [
    ['ZINCRBY a 1.5 x', '$1.5', 'same', ['z zincr a']],
    ['ZINCRBY a -3 x', '$-1.5', 'same', ['z zincr a']],
    ['ZINCRBY a 0 x', '$-1.5'],
    ['ZINCRBY a inf x', '$inf', 'same', ['z zincr a']],
    ['ZINCRBY a -inf x', '-ERR resulting score is not a number (NaN)'],
    ['ZINCRBY a x x', NOT_A_FLOAT],
    ['ZINCRBY a NX 1', SYNTAX],
    ['ZINCRBY a 1', arity('zincrby')],
    SET_S,
    ['ZINCRBY s 1 x', WRONG_TYPE],
  ],
  zinter: [
    adds('a', '1 x 2 y 3 z'),
    adds('b', '10 x 20 y'),
    ['ZINTER 2 a b WITHSCORES', bulks('x 11 y 22')],
    ['ZINTER 2 a b WEIGHTS 2 0.5 WITHSCORES', bulks('x 7 y 14')],
    ['ZINTER 2 a b AGGREGATE MIN WITHSCORES', bulks('x 1 y 2')],
    ['ZINTER 2 a b aggregate max withscores', bulks('x 10 y 20')],
    ['ZINTER 2 a none', []],
    ['ZINTER 2 a b AGGREGATE AVG', SYNTAX],
    ['ZINTER 2 a b WEIGHTS 1', SYNTAX],
    ['ZINTER 2 a b WEIGHTS 1 x', '-ERR weight value is not a float'],
    ['ZINTER 2 a b LIMIT 1', SYNTAX],
    SET_S,
    ['ZINTER 2 a s', WRONG_TYPE],
  ],
  zintercard: [
    adds('a', '1 x 2 y 3 z'),
    adds('b', '1 x 2 y'),
    ['ZINTERCARD 2 a b', ':2'],
    ['ZINTERCARD 2 a b LIMIT 1', ':1'],
    ['ZINTERCARD 2 a b LIMIT 0', ':2'],
    ['ZINTERCARD 2 a none', ':0'],
    ['ZINTERCARD 2 a b LIMIT -1', "-ERR LIMIT can't be negative"],
    ['ZINTERCARD 2 a b WITHSCORES', SYNTAX],
    ['ZINTERCARD 0 a', "-ERR at least 1 input key is needed for 'zintercard' command"],
  ],
  zinterstore: [
    adds('a', '1 x 2 y inf i'),
    adds('b', '10 x -inf i'),
    ['ZINTERSTORE d 2 a b', ':2', 'same', ['z zinterstore d']],
    ['ZRANGE d 0 -1 WITHSCORES', bulks('i 0 x 11')],
    SET_S,
    ['ZINTERSTORE s 2 a b WEIGHTS 1 1', ':2', 'same', ['z zinterstore s']],
    ['TYPE s', '+zset'],
    ['ZINTERSTORE d 2 a none', ':0', 'same', ['g del d']],
  ],
  zlexcount: [
    ['ZLEXCOUNT a - +', ':0'],
    adds('a', '0 a 0 b 0 c 0 d'),
    ['ZLEXCOUNT a - +', ':4'],
    ['ZLEXCOUNT a [b (d', ':2'],
    ['ZLEXCOUNT a (b [bb', ':0'],
    ['ZLEXCOUNT a + -', ':0'],
    ['ZLEXCOUNT a b +', NOT_MEMBERS],
    ['ZLEXCOUNT a - ++', NOT_MEMBERS],
    SET_S,
    ['ZLEXCOUNT s - +', WRONG_TYPE],
  ],
  zmpop: [
    ['ZMPOP 2 a b MIN', '*-1'],
    adds('b', '1 x 2 y 3 z'),
    ['ZMPOP 2 a b MIN', ['$b', [bulks('x 1')]], ['ZPOPMIN b 1'], ['z zpopmin b']],
    [
      'ZMPOP 2 a b MAX COUNT 5',
      ['$b', [bulks('z 3'), bulks('y 2')]],
      ['ZPOPMAX b 2'],
      ['z zpopmax b', 'g del b'],
    ],
    ['ZMPOP 0 a MIN', '-ERR numkeys should be greater than 0'],
    ['ZMPOP x a MIN', '-ERR numkeys should be greater than 0'],
    ['ZMPOP 1 a NONE', SYNTAX],
    ['ZMPOP 2 a MIN', SYNTAX],
    ['ZMPOP 1 a MIN COUNT 0', '-ERR count should be greater than 0'],
    ['ZMPOP 1 a MIN COUNT 1 COUNT 2', SYNTAX],
    ['ZMPOP 1 a MIN COUNT', SYNTAX],
    SET_S,
    ['ZMPOP 2 a s MIN', WRONG_TYPE],
  ],
  zmscore: [
    ['ZMSCORE a x y', ['$-1', '$-1']],
    adds('a', '1 x'),
    ['ZMSCORE a x y x', ['$1', '$-1', '$1']],
    ['ZMSCORE a', arity('zmscore')],
    SET_S,
    ['ZMSCORE s x', WRONG_TYPE],
  ],
  zpopmax: [
    ['ZPOPMAX a', []],
    adds('a', '1 x 2 y 3 z'),
    ['ZPOPMAX a', bulks('z 3'), 'same', ['z zpopmax a']],
    ['ZPOPMAX a 0', []],
    ['ZPOPMAX a 9', bulks('y 2 x 1'), 'same', ['z zpopmax a', 'g del a']],
  ],
  zpopmin: [
    ['ZPOPMIN a', []],
    ['ZPOPMIN a 2', []],
    adds('a', '1 x 2 y 3 z'),
    ['ZPOPMIN a', bulks('x 1'), 'same', ['z zpopmin a']],
    ['ZPOPMIN a 1', bulks('y 2'), 'same', ['z zpopmin a']],
    ['ZPOPMIN a', bulks('z 3'), 'same', ['z zpopmin a', 'g del a']],
    ['ZPOPMIN a -1', '-ERR value is out of range, must be positive'],
    ['ZPOPMIN a x', '-ERR value is out of range, must be positive'],
    ['ZPOPMIN a 1 2', SYNTAX],
    SET_S,
    ['ZPOPMIN s 0', WRONG_TYPE],
  ],
  zrandmember: [
    ['ZRANDMEMBER a', '$-1'],
    ['ZRANDMEMBER a 2', []],
    adds('a', '1 x'),
    ['ZRANDMEMBER a', '$x'],
    ['ZRANDMEMBER a 0', []],
    ['ZRANDMEMBER a 3', ['$x']],
    ['ZRANDMEMBER a -3 WITHSCORES', bulks('x 1 x 1 x 1')],
    ['ZRANDMEMBER a x', NOT_AN_INTEGER],
    ['ZRANDMEMBER a 1 SCORES', SYNTAX],
    ['ZRANDMEMBER a 1 WITHSCORES 2', SYNTAX],
    [
      'ZRANDMEMBER a -9223372036854775808',
      '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
    ],
    ['ZRANDMEMBER a 4611686018427387904 WITHSCORES', '-ERR value is out of range'],
    ['ZRANDMEMBER a -4000000000000000000', '-ERR the reply is longer than a buffer can be'],
    SET_S,
    ['ZRANDMEMBER s', WRONG_TYPE],
    ['ZRANDMEMBER s 1', WRONG_TYPE],
  ],
  zrange: [
    ['ZRANGE a 0 -1', []],
    adds('a', '1 a 2 b 2 c 3 d'),
    ['ZRANGE a 0 -1', bulks('a b c d')],
    ['ZRANGE a 1 2 WITHSCORES', bulks('b 2 c 2')],
    ['ZRANGE a -2 -1 REV', bulks('b a')],
    ['ZRANGE a 0 0 REV WITHSCORES', bulks('d 3')],
    ['ZRANGE a -100 100', bulks('a b c d')],
    ['ZRANGE a 3 1', []],
    ['ZRANGE a 9223372036854775807 -9223372036854775808', []],
    ['ZRANGE a 2 (3 BYSCORE', bulks('b c')],
    ['ZRANGE a +inf -inf BYSCORE REV LIMIT 1 2', bulks('c b')],
    ['ZRANGE a -inf +inf BYSCORE LIMIT 1 -1 WITHSCORES', bulks('b 2 c 2 d 3')],
    ['ZRANGE a -inf +inf BYSCORE LIMIT -1 5', []],
    ['ZRANGE a -inf +inf BYSCORE LIMIT 9 5', []],
    [
      'ZRANGE a 0 1 LIMIT 0 1',
      '-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
    ],
    ['ZRANGE a 0 1 LIMIT 0 -1', bulks('a b')],
    [
      'ZRANGE a - + BYLEX WITHSCORES',
      '-ERR syntax error, WITHSCORES not supported in combination with BYLEX',
    ],
    ['ZRANGE a 0 1 BYLEX', NOT_MEMBERS],
    ['ZRANGE a x 1', NOT_AN_INTEGER],
    ['ZRANGE a 0 x BYSCORE', NOT_SCORES],
    ['ZRANGE a 0 1 LIMIT 0', SYNTAX],
    ['ZRANGE a 0 1 BYSCORE LIMIT x 1', NOT_AN_INTEGER],
    ['ZRANGE a 0 1 BYSCORE BYLEX', SYNTAX],
    ['ZRANGE a 0 1 REV REV', SYNTAX],
    ['ZRANGE a 0', arity('zrange')],
    SET_S,
    ['ZRANGE s 0 1', WRONG_TYPE],
  ],
  zrangebylex: [
    adds('a', '0 a 0 b 0 c'),
    ['ZRANGEBYLEX a - +', bulks('a b c')],
    ['ZRANGEBYLEX a (a + LIMIT 1 1', bulks('c')],
    ['ZRANGEBYLEX a - + BYLEX', SYNTAX],
    ['ZRANGEBYLEX a - + REV', SYNTAX],
    ['ZRANGE a + (a BYLEX REV', bulks('c b')],
  ],
  zrangebyscore: [
    adds('a', '1 a 2 b 3 c'),
    ['ZRANGEBYSCORE a (1 3 WITHSCORES LIMIT 0 1', bulks('b 2')],
    ['ZRANGEBYSCORE a 1 x', NOT_SCORES],
    ['ZRANGEBYSCORE a 1 2 REV', SYNTAX],
    // What C reads as a float.
    [['ZRANGEBYSCORE', 'a', '', ' 2'], bulks('a b')],
  ],
  zrangestore: [
    adds('a', '1 a 2 b 3 c'),
    ['ZRANGESTORE d a 1 -1', ':2', 'same', ['z zrangestore d']],
    ['ZRANGE d 0 -1 WITHSCORES', bulks('b 2 c 3')],
    ['ZRANGESTORE d a 3 (1 BYSCORE REV LIMIT 0 1', ':1', 'same', ['z zrangestore d']],
    ['ZRANGE d 0 -1', bulks('c')],
    ['ZRANGESTORE d a 5 6', ':0', 'same', ['g del d']],
    ['ZRANGESTORE d none 0 -1', ':0'],
    ['ZRANGESTORE d a 0 1 WITHSCORES', SYNTAX],
    ['ZRANGESTORE a a 0 0', ':1', 'same', ['z zrangestore a']],
    ['ZRANGE a 0 -1', bulks('a')],
    SET_S,
    ['ZRANGESTORE d s 0 1', WRONG_TYPE],
    ['ZRANGESTORE s a 0 0', ':1', 'same', ['z zrangestore s']],
  ],
  zrank: [
    ['ZRANK a x', '$-1'],
    ['ZRANK a x WITHSCORE', '*-1'],
    adds('a', '1 x 2 y 3 z'),
    ['ZRANK a z', ':2'],
    ['ZRANK a y WITHSCORE', [':1', '$2']],
    ['ZRANK a none', '$-1'],
    ['ZRANK a none WITHSCORE', '*-1'],
    ['ZRANK a x WITHSCORES', SYNTAX],
    ['ZRANK a x WITHSCORE 1', arity('zrank')],
    SET_S,
    ['ZRANK s x', WRONG_TYPE],
  ],
  zrem: [
    ['ZREM a x', ':0'],
    adds('a', '1 x 2 y 3 z'),
    ['ZREM a none', ':0'],
    ['ZREM a x none x', ':1', 'same', ['z zrem a']],
    ['ZREM a y z y', ':2', 'same', ['z zrem a', 'g del a']],
    SET_S,
    ['ZREM s x', WRONG_TYPE],
  ],
  zremrangebylex: [
    adds('a', '0 a 0 b 0 c'),
    ['ZREMRANGEBYLEX a [b (b', ':0'],
    ['ZREMRANGEBYLEX a [b [b', ':1', 'same', ['z zremrangebylex a']],
    ['ZREMRANGEBYLEX a - +', ':2', 'same', ['z zremrangebylex a', 'g del a']],
    ['ZREMRANGEBYLEX a b +', NOT_MEMBERS],
  ],
  zremrangebyrank: [
    ['ZREMRANGEBYRANK a 0 1', ':0'],
    adds('a', '1 a 2 b 3 c'),
    ['ZREMRANGEBYRANK a -1 -1', ':1', 'same', ['z zremrangebyrank a']],
    ['ZREMRANGEBYRANK a 5 9', ':0'],
    ['ZREMRANGEBYRANK a 0 -1', ':2', 'same', ['z zremrangebyrank a', 'g del a']],
    ['ZREMRANGEBYRANK a 0 x', NOT_AN_INTEGER],
  ],
  zremrangebyscore: [
    adds('a', '1 a 2 b 3 c'),
    ['ZREMRANGEBYSCORE a (1 2', ':1', 'same', ['z zremrangebyscore a']],
    ['ZREMRANGEBYSCORE a -inf inf', ':2', 'same', ['z zremrangebyscore a', 'g del a']],
    ['ZREMRANGEBYSCORE a x 2', NOT_SCORES],
    SET_S,
    ['ZREMRANGEBYSCORE s 0 2', WRONG_TYPE],
  ],
  zrevrange: [
    adds('a', '1 a 2 b 3 c'),
    ['ZREVRANGE a 0 1 WITHSCORES', bulks('c 3 b 2')],
    ['ZREVRANGE a 0 1 REV', SYNTAX],
    ['ZREVRANGE a 0 1 BYSCORE', SYNTAX],
  ],
  zrevrangebylex: [
    adds('a', '0 a 0 b 0 c'),
    ['ZREVRANGEBYLEX a + - LIMIT 1 5', bulks('b a')],
    ['ZREVRANGEBYLEX a [c (a', bulks('c b')],
    ['ZREVRANGEBYLEX a - +', []],
  ],
  zrevrangebyscore: [
    adds('a', '1 a 2 b 3 c'),
    ['ZREVRANGEBYSCORE a 3 (1 WITHSCORES', bulks('c 3 b 2')],
    ['ZREVRANGEBYSCORE a inf -inf LIMIT 2 9', bulks('a')],
    ['ZREVRANGEBYSCORE a 1 3', []],
  ],
  zrevrank: [
    adds('a', '1 x 2 y 3 z'),
    ['ZREVRANK a z', ':0'],
    ['ZREVRANK a x WITHSCORE', [':2', '$1']],
    ['ZREVRANK a x WITHSCORE 1', arity('zrevrank')],
  ],
  zscan: [
    ['ZSCAN a 0', ['$0', []]],
    ['ZSCAN a 0 COUNT x', ['$0', []]],
    adds('a', '1 x 2.5 y'),
    ['ZSCAN a 0', ['$0', bulks('x 1 y 2.5')]],
    ['ZSCAN a 0 COUNT 1', ['$0', bulks('x 1 y 2.5')]],
    ['ZSCAN a 0 MATCH y*', ['$0', bulks('y 2.5')]],
    ['ZSCAN a x', '-ERR invalid cursor'],
    ['ZSCAN a 0 COUNT x', NOT_AN_INTEGER],
    ['ZSCAN a 0 COUNT 0', SYNTAX],
    ['ZSCAN a 0 MATCH', SYNTAX],
    ['ZSCAN a 0 NOVALUES', '-ERR NOVALUES option can only be used in HSCAN'],
    SET_S,
    ['ZSCAN s 0', WRONG_TYPE],
  ],
  zscore: [
    ['ZSCORE a x', '$-1'],
    adds('a', '1 x 0.1 y 1e20 z -inf i'),
    ['ZSCORE a x', '$1'],
    ['ZSCORE a y', '$0.1'],
    ['ZSCORE a z', '$1e+20'],
    ['ZSCORE a i', '$-inf'],
    ['ZSCORE a none', '$-1'],
    SET_S,
    ['ZSCORE s x', WRONG_TYPE],
  ],
  zunion: [
    adds('a', '1 x 2 y'),
    adds('b', '10 x 5 z'),
    ['ZUNION 2 a b WITHSCORES', bulks('y 2 z 5 x 11')],
    ['ZUNION 2 a b WEIGHTS 3 -1 AGGREGATE MIN WITHSCORES', bulks('x -10 z -5 y 6')],
    ['ZUNION 3 a none a WITHSCORES', bulks('x 2 y 4')],
    ['ZUNION 1 none', []],
    adds('i', 'inf x'),
    ['ZUNION 2 i i WEIGHTS 1 -1 WITHSCORES', bulks('x 0')],
    ['ZUNION 1 i WEIGHTS 0 WITHSCORES', bulks('x 0')],
    ['ZUNION 2 a', SYNTAX],
    ['ZUNION -1 a', "-ERR at least 1 input key is needed for 'zunion' command"],
  ],
  zunionstore: [
    adds('a', '1 x 2 y'),
    adds('b', '10 x'),
    ['ZUNIONSTORE d 2 a b', ':2', 'same', ['z zunionstore d']],
    ['ZRANGE d 0 -1 WITHSCORES', bulks('y 2 x 11')],
    ['ZUNIONSTORE a 2 a b WEIGHTS 1 0', ':2', 'same', ['z zunionstore a']],
    ['ZRANGE a 0 -1 WITHSCORES', bulks('x 1 y 2')],
    ['ZUNIONSTORE d 1 none', ':0', 'same', ['g del d']],
    ['ZUNIONSTORE d 0 a', "-ERR at least 1 input key is needed for 'zunionstore' command"],
  ],
};

/** Adds `count` members `m:0`, `m:1` … with the scores 0, 1 … to a key. */
function addMany(engine: TestEngine, key: string, count: number): void {
  for (let from = 0; from < count; from += 200) {
    const pairs = Array.from({ length: Math.min(200, count - from) }, (_, at) => [
      from + at,
      `m:${from + at}`,
    ]);
    engine.run('ZADD', key, ...pairs.flat());
  }
}

describe.each(RESIDENCIES)('sorted sets %s', (residency) => {
  test.each(Object.entries(CASES))('%s', (_, steps) => {
    expectSteps(createEngine({ residency }), steps);
  });

  test('sets are inputs whose members have the score 1', () => {
    const engine = createEngine({ residency });
    engine.run('SADD', 'numbers', 1, 2, 3);
    engine.run('SADD', 'words', 'a', 'b', '3');
    expectSteps(engine, [
      adds('a', '10 a 30 3 5 x'),
      ['ZUNION 2 numbers words WITHSCORES', bulks('1 1 2 1 a 1 b 1 3 2')],
      ['ZUNION 2 a words WEIGHTS 1 5 WITHSCORES', bulks('b 5 x 5 a 15 3 35')],
      ['ZINTER 3 a words numbers WITHSCORES', bulks('3 32')],
      ['ZINTER 2 words a AGGREGATE MAX WITHSCORES', bulks('a 10 3 30')],
      ['ZINTERCARD 2 numbers words', ':1'],
      ['ZDIFF 2 a words WITHSCORES', bulks('x 5')],
      ['ZDIFF 2 words numbers WITHSCORES', bulks('a 1 b 1')],
      ['ZINTERSTORE numbers 2 numbers a', ':1', 'same', ['z zinterstore numbers']],
      ['ZRANGE numbers 0 -1 WITHSCORES', bulks('3 31')],
      ['ZRANGE words 0 -1', WRONG_TYPE],
      ['ZDIFFSTORE a 2 words a', ':1', 'same', ['z zdiffstore a']],
    ]);
    const many = Array.from({ length: 1500 }, (_, at) => `m:${at}`);
    engine.run('SADD', 'many', ...many);
    addMany(engine, 'b', 1000);
    expect(engine.run('ZINTERCARD', 2, 'many', 'b').value).toBe(1000);
    expect(engine.run('ZDIFFSTORE', 'c', 2, 'many', 'b').value).toBe(500);
    expect(engine.run('ZUNIONSTORE', 'c', 3, 'many', 'b', 'c').value).toBe(1500);
    expect(engine.run('ZCOUNT', 'c', 2, 2).value).toBe(501);
  });

  test('encodings follow the limits', () => {
    const engine = createEngine({ residency });
    const encoding = (key: string) => engine.run('OBJECT', 'ENCODING', key).value;
    addMany(engine, 'a', 128);
    expect(encoding('a')).toBe('listpack');
    engine.run('ZADD', 'a', 1, 'm:1');
    expect(encoding('a')).toBe('listpack');
    engine.run('ZADD', 'a', 1, 'one more');
    expect(encoding('a')).toBe('skiplist');
    engine.run('ZREMRANGEBYRANK', 'a', 0, 120);
    expect(encoding('a')).toBe('skiplist');
    engine.run('ZADD', 'b', 1, 'x'.repeat(64));
    expect(encoding('b')).toBe('listpack');
    engine.run('ZADD', 'b', 1, 'x'.repeat(65));
    expect(encoding('b')).toBe('skiplist');
    engine.run('ZRANGESTORE', 'c', 'b', 0, 0);
    expect(encoding('c')).toBe('listpack');
    engine.run('ZUNIONSTORE', 'd', 2, 'a', 'c');
    expect(encoding('d')).toBe('listpack');
    engine.run('ZUNIONSTORE', 'd', 2, 'a', 'b');
    expect(encoding('d')).toBe('skiplist');
    engine.run('CONFIG', 'SET', 'zset-max-listpack-entries', 2, 'zset-max-ziplist-value', 3);
    engine.run('ZADD', 'e', 1, 'abc', 2, 'x');
    expect(encoding('e')).toBe('listpack');
    engine.run('ZADD', 'e', 1, 'abcd');
    expect(encoding('e')).toBe('skiplist');
    engine.run('ZADD', 'f', 1, 'a', 2, 'a', 3, 'a');
    expect(encoding('f')).toBe('skiplist');
  });

  test('-0 is 0 in a listpack and stays in a skiplist', () => {
    const engine = createEngine({ residency });
    const score = (key: string) => engine.run('ZSCORE', key, 'x').raw;
    engine.run('ZADD', 'a', '-0', 'x');
    expect(score('a')).toBe('$1\r\n0\r\n');
    expect(engine.run('ZUNION', 1, 'a', 'WEIGHTS', -1, 'WITHSCORES').raw).toBe(replyBytes(bulks('x -0')));
    engine.run('ZUNIONSTORE', 'b', 1, 'a', 'WEIGHTS', -1);
    expect(score('b')).toBe('$1\r\n0\r\n');
    addMany(engine, 'c', 200);
    engine.run('ZADD', 'c', '-0', 'x');
    expect(score('c')).toBe('$2\r\n-0\r\n');
    // Equal to 0: no change.
    expect(engine.run('ZADD', 'c', 'CH', '0', 'x').raw).toBe(':0\r\n');
    expect(engine.run('ZRANK', 'c', 'x').raw).toBe(':1\r\n');
    expect(engine.run('ZCOUNT', 'c', '-0', '(1').raw).toBe(':2\r\n');
  });

  test('a large sorted set', () => {
    const engine = createEngine({ residency });
    const names = (from: number, to: number) =>
      Array.from({ length: Math.abs(to - from) }, (_, at) => `m:${from < to ? from + at : from - at}`);
    addMany(engine, 'a', 3000);
    expect(engine.run('ZCARD', 'a').value).toBe(3000);
    expect(engine.run('ZRANGE', 'a', 1000, 1500).value).toEqual(names(1000, 1501));
    expect(engine.run('ZREVRANGE', 'a', 0, 9).value).toEqual(names(2999, 2989));
    expect(engine.run('ZREVRANGEBYSCORE', 'a', 2000, '(1000', 'LIMIT', 100, 800).value).toEqual(
      names(1900, 1100),
    );
    expect(engine.run('ZCOUNT', 'a', '(10', 1500).value).toBe(1490);
    expect(engine.run('ZRANK', 'a', 'm:777').value).toBe(777);
    expect(engine.run('ZREVRANK', 'a', 'm:777').value).toBe(2222);
    expect(engine.run('ZINCRBY', 'a', 0.5, 'm:5').value).toBe('5.5');
    expect(engine.run('ZADD', 'a', -1, 'm:2000').value).toBe(0);
    expect(engine.run('ZRANGE', 'a', 0, 1).value).toEqual(['m:2000', 'm:0']);
    expect(engine.run('ZREMRANGEBYSCORE', 'a', 500, 2499).value).toBe(1999);
    expect(engine.run('ZCARD', 'a').value).toBe(1001);
    expect(engine.run('ZPOPMAX', 'a', 498).propagated).toEqual(['ZPOPMAX a 498']);
    expect(engine.run('ZRANGE', 'a', -3, -1).value).toEqual(['m:499', 'm:2500', 'm:2501']);
    expect(engine.run('ZRANGESTORE', 'b', 'a', 1, 401).value).toBe(401);
    expect(engine.run('ZDIFF', 2, 'a', 'b').value).toEqual([
      'm:2000',
      ...names(401, 500),
      'm:2500',
      'm:2501',
    ]);
    expect(engine.run('ZINTERCARD', 2, 'a', 'b').value).toBe(401);
    expect(engine.run('ZUNIONSTORE', 'b', 2, 'a', 'b', 'WEIGHTS', 1, -1).value).toBe(503);
    expect(engine.run('ZRANGE', 'b', 0, 0, 'WITHSCORES').value).toEqual(['m:2000', '-1']);
    expect(engine.run('ZCOUNT', 'b', 0, 0).value).toBe(401);
    expect(engine.run('DEL', 'a', 'b').value).toBe(2);
    for (let round = 0; round < 3; round++) engine.runCron();
    expect(engine.keyspace.databases[0].pages.records.size).toBe(0);
  });

  test('a scan finds what stays while the sorted set changes', () => {
    const engine = createEngine({ residency });
    addMany(engine, 'a', 1000);
    const found = new Map<string, string>();
    let cursor = '0';
    let steps = 0;
    do {
      const [next, pairs] = engine.run('ZSCAN', 'a', cursor, 'COUNT', 20).value as [string, string[]];
      for (let at = 0; at < pairs.length; at += 2) found.set(pairs[at], pairs[at + 1]);
      cursor = next;
      steps++;
      engine.run('ZADD', 'a', steps, `new:${steps}`);
      engine.run('ZADD', 'a', -1, `m:${steps}`);
    } while (cursor !== '0');
    expect(steps).toBeGreaterThan(5);
    for (let at = 0; at < 1000; at++) expect(found.has(`m:${at}`)).toBe(true);
    expect(found.get('m:999')).toBe('999');
  });

  test('random members are members, and each once where the count is positive', () => {
    const engine = createEngine({ residency });
    addMany(engine, 'a', 500);
    for (const count of [1, 5, 100, 200, 499, 500, 600]) {
      const members = engine.run('ZRANDMEMBER', 'a', count).value as string[];
      expect(new Set(members).size).toBe(Math.min(500, count));
      expect(members).toHaveLength(Math.min(500, count));
      const pairs = engine.run('ZRANDMEMBER', 'a', -count, 'WITHSCORES').value as string[];
      expect(pairs).toHaveLength(count * 2);
      for (let at = 0; at < pairs.length; at += 2) expect(pairs[at]).toBe(`m:${pairs[at + 1]}`);
    }
    const seen = new Set<string>();
    for (let round = 0; round < 60; round++) {
      for (const name of engine.run('ZRANDMEMBER', 'a', 100).value as string[]) seen.add(name);
    }
    expect(seen.size).toBe(500);
  });

  test('keys are served in the order in which clients began to wait', () => {
    const engine = createEngine({ residency });
    const [first, second, third] = [engine.connect(), engine.connect(), engine.connect()];
    expect(engine.runAs(first, 'BZPOPMIN', 'x', 'a', 0).raw).toBe('');
    expect(engine.runAs(second, 'BZPOPMAX', 'a', 0).raw).toBe('');
    expect(engine.runAs(third, 'BZMPOP', 0, 2, 'x', 'a', 'MAX', 'COUNT', 2).raw).toBe('');
    expectSteps(engine, [
      ['SET a x', '+OK', 'same', ['$ set a']],
      ['DEL a', ':1', 'same', ['g del a']],
      ['ZADD a 1 one', ':1', ['ZADD a 1 one', 'ZPOPMIN a'], ['z zadd a', 'z zpopmin a', 'g del a']],
    ]);
    expect(engine.takePushes(first)).toBe(replyBytes(bulks('a one 1')));
    expect(engine.takePushes(second)).toBe('');
    // One change may serve several.
    const told = engine.run('ZADD', 'a', 2, 'two', 3, 'three', 4, 'four', 5, 'five');
    expect(told.raw).toBe(':4\r\n');
    expect(told.propagated).toEqual(['ZADD a 2 two 3 three 4 four 5 five', 'ZPOPMAX a', 'ZPOPMAX a 2']);
    expect(engine.takePushes(second)).toBe(replyBytes(bulks('a five 5')));
    expect(engine.takePushes(third)).toBe(replyBytes(['$a', [bulks('four 4'), bulks('three 3')]]));
    expect(engine.run('ZRANGE', 'a', 0, -1).value).toEqual(['two']);
  });
});

test('commands that wait reply at once where there is something, and null where they may not wait', () => {
  const engine = createEngine();
  expectSteps(engine, [
    adds('a', '1 x 2 y 3 z'),
    ['BZPOPMIN none a 0', bulks('a x 1'), ['ZPOPMIN a'], ['z zpopmin a']],
    ['BZPOPMAX a a 0', bulks('a z 3'), ['ZPOPMAX a'], ['z zpopmax a']],
    ['BZMPOP 0 1 a MIN COUNT 9', ['$a', [bulks('y 2')]], ['ZPOPMIN a 1'], ['z zpopmin a', 'g del a']],
    ['BZPOPMIN a x', '-ERR timeout is not a float or out of range'],
    ['BZPOPMIN a -1', '-ERR timeout is negative'],
    ['BZMPOP -1 1 a MIN', '-ERR timeout is negative'],
    ['BZMPOP x 0 a MIN', '-ERR numkeys should be greater than 0'],
    ['BZMPOP 1 1 a NONE', SYNTAX],
    SET_S,
    ['BZPOPMIN none s 0', WRONG_TYPE],
    ['MULTI', '+OK'],
    ['BZPOPMIN none 0', '+QUEUED'],
    ['BZMPOP 0 1 none MAX', '+QUEUED'],
    ['EXEC', ['*-1', '*-1']],
  ]);
  const client = engine.connect();
  expect(engine.runAs(client, 'BZPOPMIN', 'none', '0.5').raw).toBe('');
  engine.pipeline.endBlocking(client, null);
  expect(engine.takePushes(client)).toBe('*-1\r\n');
});

test('in RESP3 scores are doubles, and members with scores are pairs', () => {
  const engine = createEngine();
  engine.run('HELLO', 3);
  const pair = (name: string, score: number): ExpectedReply => [`$${name}`, `,${score}`];
  expectSteps(engine, [
    adds('a', '1 x 2.5 y 3 z'),
    ['ZSCORE a y', ',2.5'],
    ['ZSCORE a none', '_'],
    ['ZMSCORE a x none', [',1', '_']],
    ['ZADD a INCR 1 x', ',2', 'same', ['z zincr a']],
    ['ZADD a NX INCR 1 x', '_'],
    ['ZRANGE a 0 -1', bulks('x y z')],
    ['ZRANGE a 0 1 WITHSCORES', [pair('x', 2), pair('y', 2.5)]],
    ['ZREVRANGEBYSCORE a 3 2.5 WITHSCORES', [pair('z', 3), pair('y', 2.5)]],
    ['ZUNION 1 a WITHSCORES', [pair('x', 2), pair('y', 2.5), pair('z', 3)]],
    ['ZRANK a y WITHSCORE', [':1', ',2.5']],
    ['ZRANK a none WITHSCORE', '_'],
    ['ZRANDMEMBER none', '_'],
    ['ZSCAN a 0', ['$0', bulks('x 2 y 2.5 z 3')]],
    ['ZPOPMIN a', ['$x', ',2'], 'same', ['z zpopmin a']],
    ['ZPOPMIN a 1', [pair('y', 2.5)], 'same', ['z zpopmin a']],
    ['BZPOPMAX a 0', ['$a', '$z', ',3'], ['ZPOPMAX a'], ['z zpopmax a', 'g del a']],
    ['ZMPOP 1 a MIN', '_'],
    adds('a', '1 x'),
    ['ZRANDMEMBER a 1 WITHSCORES', [pair('x', 1)]],
    ['ZMPOP 1 a MIN', ['$a', [pair('x', 1)]], ['ZPOPMIN a 1'], ['z zpopmin a', 'g del a']],
  ]);
});

test('scores of a skiplist are scanned with 17 digits, as Redis writes them', () => {
  const engine = createEngine({ directives: { 'zset-max-listpack-entries': '0' } });
  for (const [score, text] of [
    ['0.1', '0.10000000000000001'],
    ['1e17', '1e+17'],
    ['-2.5e-7', '-2.4999999999999999e-07'],
    ['123456', '123456'],
    ['1.5', '1.5'],
    ['inf', 'inf'],
    ['-0', '-0'],
    ['100', '100'],
    ['1e300', '1.0000000000000001e+300'],
  ]) {
    engine.run('DEL', 'a');
    engine.run('ZADD', 'a', score, 'x');
    expect([score, engine.run('ZSCAN', 'a', 0).value]).toEqual([score, ['0', ['x', text]]]);
  }
});

test('how many changes are counted', () => {
  const engine = createEngine();
  const changes = (line: string) => {
    const before = engine.keyspace.dirty;
    engine.run(...line.split(' '));
    return engine.keyspace.dirty - before;
  };
  expect(changes('ZADD a 1 x 2 y 3 z')).toBe(3);
  expect(changes('ZADD a 1 x 3 y 4 w')).toBe(2);
  expect(changes('ZREM a x y')).toBe(2);
  expect(changes('ZUNIONSTORE b 1 a')).toBe(1);
  expect(changes('ZPOPMIN a 5')).toBe(2);
  expect(changes('ZREMRANGEBYRANK b 0 -1')).toBe(2);
});
