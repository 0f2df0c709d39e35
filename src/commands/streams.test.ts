import { describe, expect, test } from 'vitest';
import {
  createEngine,
  type ExpectedReply,
  expectSteps,
  RESIDENCIES,
  replyBytes,
  START_MS,
  type Step,
  type TestEngine,
} from '../../test/support/engine.ts';
import type { Client } from '../command-table/client.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const INVALID_ID = '-ERR Invalid stream ID specified as stream command argument';
const TOO_SMALL = '-ERR The ID specified in XADD is equal or smaller than the target stream top item';
const SYNTAX = '-ERR syntax error';

/** A command that is propagated as it came, its reply and its events. */
function told(command: string, reply: ExpectedReply, ...events: string[]): Step {
  return [command, reply, 'same', events];
}

function entry(id: string, ...fields: string[]): ExpectedReply {
  return [`$${id}`, fields.map((field) => `$${field}`)];
}

/** What is propagated of a command that makes several changes. */
function together(...commands: string[]): string[] {
  return ['MULTI', ...commands, 'EXEC'];
}

/** Entries 1-0 to `count`-0 with one field, of the stream `s`. */
function filled(engine: TestEngine, count: number): void {
  for (let ms = 1; ms <= count; ms++) engine.run('XADD', 's', `${ms}-0`, 'f', ms);
}

describe.each(RESIDENCIES)('%s', (residency) => {
  test('entries are added with ids that grow', () => {
    expectSteps(createEngine({ residency }), [
      ['XADD s NOMKSTREAM 1-1 f v', '$-1'],
      told('XADD s 1-1 f v', '$1-1', 't xadd s'),
      ['XADD s 1-1 f v', TOO_SMALL],
      ['XADD s 0-* f v', TOO_SMALL],
      ['XADD s 1-* f v', '$1-2', ['XADD s 1-2 f v'], ['t xadd s']],
      told('XADD s 5 f v g w', '$5-0', 't xadd s'),
      ['XADD s * f v', `$${START_MS}-0`, [`XADD s ${START_MS}-0 f v`], ['t xadd s']],
      ['XADD s NOMKSTREAM * f v', `$${START_MS}-1`, [`XADD s NOMKSTREAM ${START_MS}-1 f v`], ['t xadd s']],
      ['XLEN s', ':5'],
      ['XLEN none', ':0'],
      ['XADD s 0-0 f v', '-ERR The ID specified in XADD must be greater than 0-0'],
      ['XADD s x f v', INVALID_ID],
      ['XADD s + f v', INVALID_ID],
      ['XADD s * f', "-ERR wrong number of arguments for 'xadd' command"],
      ['XADD s * f v g', "-ERR wrong number of arguments for 'xadd' command"],
      ['XADD s', "-ERR wrong number of arguments for 'xadd' command"],
      ['XADD z 0-* f v', '$0-1', ['XADD z 0-1 f v'], ['t xadd z']],
      told(
        'XADD m 18446744073709551615-18446744073709551614 f v',
        '$18446744073709551615-18446744073709551614',
        't xadd m',
      ),
      [
        'XADD m * f v',
        '$18446744073709551615-18446744073709551615',
        ['XADD m 18446744073709551615-18446744073709551615 f v'],
        ['t xadd m'],
      ],
      ['XADD m * f v', '-ERR The stream has exhausted the last possible ID, unable to add more items'],
      ['TYPE s', '+stream'],
      ['OBJECT ENCODING s', '$stream'],
    ]);
  });

  test('ranges go both ways', () => {
    const engine = createEngine({ residency });
    filled(engine, 4);
    expectSteps(engine, [
      ['XRANGE s - +', [1, 2, 3, 4].map((ms) => entry(`${ms}-0`, 'f', `${ms}`))],
      ['XRANGE s 2 3', [entry('2-0', 'f', '2'), entry('3-0', 'f', '3')]],
      ['XRANGE s (2 (3', [entry('3-0', 'f', '3')]],
      ['XRANGE s (2-0 (4-0', [entry('3-0', 'f', '3')]],
      ['XRANGE s - + COUNT 1', [entry('1-0', 'f', '1')]],
      ['XRANGE s - + COUNT 0', '*-1'],
      ['XRANGE s - + COUNT -1', '*-1'],
      ['XRANGE none - +', []],
      ['XRANGE s 3 2', []],
      ['XREVRANGE s + -', [4, 3, 2, 1].map((ms) => entry(`${ms}-0`, 'f', `${ms}`))],
      ['XREVRANGE s (4 2 COUNT 1', [entry('4-0', 'f', '4')]],
      ['XREVRANGE s (4-0 2 COUNT 1', [entry('3-0', 'f', '3')]],
      ['XREVRANGE s 0 -', []],
      ['XRANGE s (18446744073709551615-18446744073709551615 +', '-ERR invalid start ID for the interval'],
      ['XRANGE s - (0-0', '-ERR invalid end ID for the interval'],
      ['XRANGE s (- +', INVALID_ID],
      ['XRANGE s x +', INVALID_ID],
      ['XRANGE s - + COUNT', SYNTAX],
      ['XRANGE s - + COUNT x', '-ERR value is not an integer or out of range'],
    ]);
  });

  test('entries are deleted, and the stream stays', () => {
    const engine = createEngine({ residency });
    filled(engine, 3);
    expectSteps(engine, [
      told('XDEL s 1-0 2-0 9-9', ':2', 't xdel s'),
      ['XDEL s 1-0', ':0'],
      ['XDEL s 3-0 x', INVALID_ID],
      ['XDEL none 1-0', ':0'],
      told('XDEL s 3', ':1', 't xdel s'),
      ['XLEN s', ':0'],
      ['EXISTS s', ':1'],
      ['XRANGE s - +', []],
      ['XADD s 3-0 f v', TOO_SMALL],
      told('XADD s 3-1 f v', '$3-1', 't xadd s'),
    ]);
  });

  test('trimming is propagated as what it did', () => {
    const engine = createEngine({ residency, directives: { 'stream-node-max-entries': '10' } });
    filled(engine, 35);
    expectSteps(engine, [
      ['XTRIM s MAXLEN ~ 30', ':0'],
      ['XTRIM s MAXLEN ~ 22', ':10', ['XTRIM s MAXLEN = 25'], ['t xtrim s']],
      told('XTRIM s MAXLEN 20', ':5', 't xtrim s'),
      told('XTRIM s MAXLEN = 19', ':1', 't xtrim s'),
      ['XTRIM s MINID ~ 21', ':4', ['XTRIM s MINID = 21-0'], ['t xtrim s']],
      told('XTRIM s MINID 23-1', ':3', 't xtrim s'),
      ['XTRIM s MAXLEN ~ 0 LIMIT 8', ':7', ['XTRIM s MAXLEN = 5 LIMIT 8'], ['t xtrim s']],
      ['XADD s MAXLEN ~ 1 99-0 f v', '$99-0', ['XADD s MAXLEN = 6 99-0 f v'], ['t xadd s']],
      told('XADD s MAXLEN 2 100-0 f v', '$100-0', 't xadd s', 't xtrim s'),
      ['XRANGE s - +', [entry('99-0', 'f', 'v'), entry('100-0', 'f', 'v')]],
      [
        'XTRIM s MAXLEN 1 MINID 2',
        '-ERR syntax error, MAXLEN and MINID options at the same time are not compatible',
      ],
      ['XTRIM s MAXLEN 1 LIMIT 5', '-ERR syntax error, LIMIT cannot be used without the special ~ option'],
      [
        'XTRIM s KEEPREF LIMIT 5',
        '-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy',
      ],
      ['XTRIM s KEEPREF ACKED', SYNTAX],
      ['XTRIM s KEEPREF LIMIT 0', '-ERR syntax error, XTRIM must be called with a trimming strategy'],
      ['XTRIM s MAXLEN -1', '-ERR The MAXLEN argument must be >= 0.'],
      ['XTRIM s MAXLEN ~ 1 LIMIT -1', '-ERR The LIMIT argument must be >= 0.'],
      ['XTRIM s MINID x', INVALID_ID],
      ['XTRIM none MAXLEN 1', ':0'],
      told('XTRIM s MAXLEN 0', ':2', 't xtrim s'),
      [
        'XINFO STREAM s',
        [
          '$length',
          ':0',
          '$radix-tree-keys',
          ':0',
          '$radix-tree-nodes',
          ':1',
          '$last-generated-id',
          '$100-0',
          '$max-deleted-entry-id',
          '$0-0',
          '$entries-added',
          ':37',
          '$recorded-first-entry-id',
          '$0-0',
          '$groups',
          ':0',
          '$first-entry',
          '$-1',
          '$last-entry',
          '$-1',
        ],
      ],
    ]);
  });

  test('XSETID sets what the stream counts', () => {
    const engine = createEngine({ residency });
    filled(engine, 2);
    expectSteps(engine, [
      told('XSETID s 9-1', '+OK', 't xsetid s'),
      ['XSETID s 1-0', '-ERR The ID specified in XSETID is smaller than the target stream top item'],
      told('XSETID s 9-1 ENTRIESADDED 9223372036854775807 MAXDELETEDID 5-0', '+OK', 't xsetid s'),
      ['XSETID s 4-0', '-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id'],
      [
        'XSETID s 9-1 ENTRIESADDED 1',
        '-ERR The entries_added specified in XSETID is smaller than the target stream length',
      ],
      ['XSETID s 9-1 ENTRIESADDED -1', '-ERR entries_added must be positive'],
      [
        'XSETID s 9-1 MAXDELETEDID 9-2',
        '-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id',
      ],
      ['XSETID s 9-1 x', SYNTAX],
      ['XSETID none 9-1', '-ERR no such key'],
    ]);
    const { raw } = engine.run('XINFO', 'STREAM', 's');
    expect(raw).toContain('$13\r\nentries-added\r\n:9223372036854775807\r\n');
    expect(raw).toContain('$20\r\nmax-deleted-entry-id\r\n$3\r\n5-0\r\n');
  });

  test('XREAD replies what comes after an id', () => {
    const engine = createEngine({ residency });
    filled(engine, 3);
    expectSteps(engine, [
      told('XADD t 7-7 a b', '$7-7', 't xadd t'),
      [
        'XREAD COUNT 1 STREAMS s t none 1-0 0 0',
        [
          ['$s', [entry('2-0', 'f', '2')]],
          ['$t', [entry('7-7', 'a', 'b')]],
        ],
      ],
      ['XREAD STREAMS s t 3-0 7-6', [['$t', [entry('7-7', 'a', 'b')]]]],
      ['XREAD STREAMS s 3', '*-1'],
      ['XREAD STREAMS s $', '*-1'],
      ['XREAD STREAMS s none + +', [['$s', [entry('3-0', 'f', '3')]]]],
      ['XREAD COUNT 0 STREAMS s 1', [['$s', [entry('2-0', 'f', '2'), entry('3-0', 'f', '3')]]]],
      ['XREAD STREAMS s 18446744073709551615-18446744073709551615', '*-1'],
      ['XREAD STREAMS s', "-ERR wrong number of arguments for 'xread' command"],
      [
        'XREAD STREAMS s t 0',
        "-ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified.",
      ],
      ['XREAD COUNT 1 s 0', SYNTAX],
      ['XREAD COUNT x STREAMS s 0', '-ERR value is not an integer or out of range'],
      ['XREAD BLOCK -1 STREAMS s 0', '-ERR timeout is negative'],
      ['XREAD BLOCK x STREAMS s 0', '-ERR timeout is not an integer or out of range'],
      [
        'XREAD NOACK STREAMS s 0',
        '-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.',
      ],
      [
        'XREAD GROUP g c STREAMS s 0',
        '-ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.',
      ],
      [
        'XREAD CLAIM 5 STREAMS s 0',
        '-ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.',
      ],
      [
        'XREAD STREAMS s >',
        '-ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.',
      ],
    ]);
    engine.run('HELLO', '3');
    expect(engine.run('XREAD', 'STREAMS', 's', '2').raw).toBe(
      `%1\r\n${replyBytes('$s')}${replyBytes([entry('3-0', 'f', '3')])}`,
    );
    expect(engine.run('XREAD', 'STREAMS', 's', '3').raw).toBe('_\r\n');
  });

  test('a group delivers each entry to one consumer', () => {
    const engine = createEngine({ residency });
    filled(engine, 3);
    const pending = (id: string, consumer: string, last: string): string =>
      `XCLAIM s g ${consumer} 0 ${id} TIME ${START_MS} RETRYCOUNT 1 FORCE JUSTID LASTID ${last}`;
    expectSteps(engine, [
      told('XGROUP CREATE s g 0', '+OK', 't xgroup-create s'),
      ['XGROUP CREATE s g 0', '-BUSYGROUP Consumer Group name already exists'],
      [
        'XREADGROUP GROUP g alice COUNT 2 STREAMS s >',
        [['$s', [entry('1-0', 'f', '1'), entry('2-0', 'f', '2')]]],
        together(
          pending('1-0', 'alice', '0-0'),
          pending('2-0', 'alice', '0-0'),
          'XGROUP SETID s g 2-0 ENTRIESREAD 2',
        ),
        ['t xgroup-createconsumer s'],
      ],
      [
        'XREADGROUP GROUP g bob STREAMS s >',
        [['$s', [entry('3-0', 'f', '3')]]],
        together(pending('3-0', 'bob', '2-0'), 'XGROUP SETID s g 3-0 ENTRIESREAD 3'),
        ['t xgroup-createconsumer s'],
      ],
      ['XREADGROUP GROUP g bob STREAMS s >', '*-1'],
      [
        'XPENDING s g',
        [
          ':3',
          '$1-0',
          '$3-0',
          [
            ['$alice', '$2'],
            ['$bob', '$1'],
          ],
        ],
      ],
      1000,
      ['XREADGROUP GROUP g alice STREAMS s 1-0', [['$s', [entry('2-0', 'f', '2')]]]],
      [
        'XPENDING s g - + 10',
        [
          ['$1-0', '$alice', ':1000', ':1'],
          ['$2-0', '$alice', ':0', ':2'],
          ['$3-0', '$bob', ':1000', ':1'],
        ],
      ],
      ['XPENDING s g IDLE 500 - + 1', [['$1-0', '$alice', ':1000', ':1']]],
      ['XPENDING s g (1-0 + 10 alice', [['$2-0', '$alice', ':0', ':2']]],
      ['XPENDING s g - + 10 carol', []],
      told('XACK s g 1-0 3-0 9-9', ':2'),
      ['XACK s g 1-0', ':0'],
      ['XACK s none 1-0', ':0'],
      ['XACK s g 2-0 x', INVALID_ID],
      told('XDEL s 2-0', ':1', 't xdel s'),
      ['XREADGROUP GROUP g alice STREAMS s 0', [['$s', [['$2-0', '*-1']]]]],
      told('XGROUP DELCONSUMER s g alice', ':1', 't xgroup-delconsumer s'),
      ['XGROUP DELCONSUMER s g alice', ':0'],
      ['XPENDING s g', [':0', '$-1', '$-1', '*-1']],
      told('XGROUP CREATECONSUMER s g carol', ':1', 't xgroup-createconsumer s'),
      ['XGROUP CREATECONSUMER s g carol', ':0'],
      told('XGROUP SETID s g 0', '+OK', 't xgroup-setid s'),
      [
        'XREADGROUP GROUP g carol NOACK STREAMS s >',
        [['$s', [entry('1-0', 'f', '1'), entry('3-0', 'f', '3')]]],
        ['XGROUP SETID s g 3-0 ENTRIESREAD 3'],
      ],
      [
        'XREADGROUP GROUP g dave NOACK STREAMS s >',
        '*-1',
        ['XGROUP CREATECONSUMER s g dave'],
        ['t xgroup-createconsumer s'],
      ],
      ['XREADGROUP GROUP g dave STREAMS s 0', [['$s', []]]],
      told('XGROUP DESTROY s g', ':1', 't xgroup-destroy s'),
      ['XGROUP DESTROY s g', ':0'],
      ['XINFO GROUPS s', []],
    ]);
  });

  test('what groups refuse', () => {
    const engine = createEngine({ residency });
    filled(engine, 1);
    const noKey =
      '-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.';
    expectSteps(engine, [
      ['XGROUP CREATE none g $', noKey],
      ['XGROUP CREATE none g x MKSTREAM', INVALID_ID],
      ['EXISTS none', ':0'],
      told('XGROUP CREATE none g $ MKSTREAM', '+OK', 't xgroup-create none'),
      ['XLEN none', ':0'],
      ['XGROUP CREATE s h 0 ENTRIESREAD -2', '-ERR value for ENTRIESREAD must be positive or -1'],
      ['XGROUP CREATE s h 0 ENTRIESREAD x', '-ERR value is not an integer or out of range'],
      [
        'XGROUP CREATE s h 0 NOSUCH',
        "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.",
      ],
      ['XGROUP SETID s g 0', "-NOGROUP No such consumer group 'g' for key name 's'"],
      ['XGROUP CREATECONSUMER s g c', "-NOGROUP No such consumer group 'g' for key name 's'"],
      ['XGROUP DELCONSUMER none h c', "-NOGROUP No such consumer group 'h' for key name 'none'"],
      ['XGROUP NOSUCH', "-ERR unknown subcommand 'NOSUCH'. Try XGROUP HELP."],
      [
        'XREADGROUP GROUP g c STREAMS s >',
        "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option",
      ],
      [
        'XREADGROUP GROUP g c STREAMS none $',
        '-ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.',
      ],
      ['XREADGROUP COUNT 1 NOACK STREAMS s >', '-ERR Missing GROUP option for XREADGROUP'],
      ['XREADGROUP GROUP g c CLAIM -1 STREAMS none >', '-ERR min-idle-time must be a positive integer'],
      ['XREADGROUP GROUP g c CLAIM x STREAMS none >', '-ERR min-idle-time is not an integer or out of range'],
      ['XPENDING s g', "-NOGROUP No such key 's' or consumer group 'g'"],
      ['XPENDING none g - +', SYNTAX],
      ['XPENDING none g IDLE 5 - +', SYNTAX],
      ['XCLAIM s g c 0 1-0', "-NOGROUP No such key 's' or consumer group 'g'"],
      ['XCLAIM none g c x 1-0', '-ERR Invalid min-idle-time argument for XCLAIM'],
      ['XCLAIM none g c 0 1-0 NOSUCH', "-ERR Unrecognized XCLAIM option 'NOSUCH'"],
      ['XCLAIM none g c 0 1-0 IDLE x', '-ERR Invalid IDLE option argument for XCLAIM'],
      ['XCLAIM none g c 0 1-0 TIME x', '-ERR Invalid TIME option argument for XCLAIM'],
      ['XCLAIM none g c 0 1-0 RETRYCOUNT x', '-ERR Invalid RETRYCOUNT option argument for XCLAIM'],
      ['XAUTOCLAIM s g c 0 0', "-NOGROUP No such key 's' or consumer group 'g'"],
      ['XAUTOCLAIM none g c 0 0 COUNT 0', '-ERR COUNT must be > 0'],
      ['XAUTOCLAIM none g c x 0', '-ERR Invalid min-idle-time argument for XAUTOCLAIM'],
      ['XINFO CONSUMERS s g', "-NOGROUP No such consumer group 'g' for key name 's'"],
      ['XINFO STREAM nokey', '-ERR no such key'],
      [
        'XINFO STREAM s FULL COUNT',
        "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.",
      ],
    ]);
  });

  test('pending entries change their owner', () => {
    const engine = createEngine({ residency });
    filled(engine, 4);
    engine.run('XGROUP', 'CREATE', 's', 'g', '0');
    engine.run('XREADGROUP', 'GROUP', 'g', 'alice', 'STREAMS', 's', '>');
    const claimed = (id: string, consumer: string, time: number, count: number): string =>
      `XCLAIM s g ${consumer} 0 ${id} TIME ${time} RETRYCOUNT ${count} FORCE JUSTID LASTID 4-0`;
    const now = START_MS + 5000;
    expectSteps(engine, [
      5000,
      ['XCLAIM s g bob 9000 1-0', [], [], ['t xgroup-createconsumer s']],
      ['XCLAIM s g bob 5000 1 9-9', [entry('1-0', 'f', '1')], [claimed('1', 'bob', now, 2)]],
      ['XCLAIM s g bob 0 2-0 JUSTID IDLE 400', ['$2-0'], [claimed('2-0', 'bob', now - 400, 1)]],
      ['XCLAIM s g bob 0 3-0 RETRYCOUNT 9 TIME 77', [entry('3-0', 'f', '3')], [claimed('3-0', 'bob', 77, 9)]],
      told('XACK s g 4-0', ':1'),
      ['XCLAIM s g bob 0 4-0', []],
      ['XCLAIM s g bob 0 4-0 FORCE JUSTID', ['$4-0'], [claimed('4-0', 'bob', now, 1)]],
      ['XCLAIM s g bob 0 9-9 LASTID 8-0', [], ['XGROUP SETID s g 8-0 ENTRIESREAD 4']],
      told('XGROUP SETID s g 4-0', '+OK', 't xgroup-setid s'),
      told('XDEL s 2-0', ':1', 't xdel s'),
      ['XCLAIM s g alice 0 2-0', [], [claimed('2-0', 'bob', now - 400, 1)]],
      [
        'XAUTOCLAIM s g carol 0 - COUNT 2',
        ['$4-0', [entry('1-0', 'f', '1'), entry('3-0', 'f', '3')], []],
        together(claimed('1-0', 'carol', now, 3), claimed('3-0', 'carol', now, 10)),
        ['t xgroup-createconsumer s'],
      ],
      told('XDEL s 3-0', ':1', 't xdel s'),
      1,
      [
        'XAUTOCLAIM s g alice 1 (1-0 JUSTID',
        ['$0-0', ['$4-0'], ['$3-0']],
        together(claimed('3-0', 'carol', now, 10), claimed('4-0', 'alice', now + 1, 1)),
      ],
      ['XAUTOCLAIM s g alice 5 0', ['$0-0', [], []]],
      [
        'XPENDING s g',
        [
          ':2',
          '$1-0',
          '$4-0',
          [
            ['$alice', '$1'],
            ['$carol', '$1'],
          ],
        ],
      ],
    ]);
  });

  test('XREADGROUP claims what was pending for long first', () => {
    const engine = createEngine({ residency });
    filled(engine, 3);
    engine.run('XGROUP', 'CREATE', 's', 'g', '0');
    engine.run('XREADGROUP', 'GROUP', 'g', 'alice', 'COUNT', '1', 'STREAMS', 's', '>');
    const four = (ms: number, idle: number, count: number): ExpectedReply => [
      `$${ms}-0`,
      ['$f', `$${ms}`],
      `:${idle}`,
      `:${count}`,
    ];
    const now = START_MS + 100;
    expectSteps(engine, [
      100,
      [
        'XREADGROUP GROUP g bob COUNT 2 CLAIM 50 STREAMS s >',
        [['$s', [four(1, 100, 1), four(2, 0, 0)]]],
        together(
          `XCLAIM s g bob 0 1-0 TIME ${now} RETRYCOUNT 2 FORCE JUSTID LASTID 1-0`,
          `XCLAIM s g bob 0 2-0 TIME ${now} RETRYCOUNT 1 FORCE JUSTID LASTID 1-0`,
          'XGROUP SETID s g 2-0 ENTRIESREAD 2',
        ),
        ['t xgroup-createconsumer s'],
      ],
      60,
      [
        'XREADGROUP GROUP g alice COUNT 1 CLAIM 60 STREAMS s >',
        [['$s', [four(1, 60, 2)]]],
        [`XCLAIM s g alice 0 1-0 TIME ${now + 60} RETRYCOUNT 3 FORCE JUSTID LASTID 2-0`],
      ],
      ['XREADGROUP GROUP g alice CLAIM 5 STREAMS s 0', [['$s', [entry('1-0', 'f', '1')]]]],
      told('XDEL s 2-0 3-0', ':2', 't xdel s'),
      ['XREADGROUP GROUP g alice CLAIM 60 STREAMS s >', '*-1'],
    ]);
  });

  test('entries are deleted with what groups know of them, or kept for it', () => {
    const engine = createEngine({ residency });
    filled(engine, 6);
    engine.run('XGROUP', 'CREATE', 's', 'g', '0');
    engine.run('XGROUP', 'CREATE', 's', 'h', '0');
    engine.run('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '4', 'STREAMS', 's', '>');
    engine.run('XREADGROUP', 'GROUP', 'h', 'c', 'COUNT', '3', 'STREAMS', 's', '>');
    expectSteps(engine, [
      ['XDELEX s ACKED IDS 2 1-0 5-0', [':2', ':2']],
      told('XDELEX s DELREF IDS 2 1-0 9-9', [':1', ':-1'], 't xdel s'),
      ['XPENDING s g - + 1', [['$2-0', '$c', ':0', ':1']]],
      told('XACKDEL s g ACKED IDS 2 2-0 9-9', [':2', ':-1']),
      ['XDELEX s ACKED IDS 1 2-0', [':2']],
      told('XACKDEL s h ACKED IDS 1 2-0', [':1'], 't xdel s'),
      told('XDELEX s IDS 1 3-0', [':1'], 't xdel s'),
      ['XPENDING s h', [':1', '$3-0', '$3-0', [['$c', '$1']]]],
      told('XACKDEL s h DELREF IDS 1 3-0', [':1']),
      ['XPENDING s g', [':1', '$4-0', '$4-0', [['$c', '$1']]]],
      ['XTRIM s MAXLEN 0 ACKED', ':0'],
      told('XACK s g 4-0', ':1'),
      told('XGROUP SETID s h 4-0', '+OK', 't xgroup-setid s'),
      told('XADD s MAXLEN 1 ACKED 7-0 f 7', '$7-0', 't xadd s', 't xtrim s'),
      ['XRANGE s - + COUNT 2', [entry('5-0', 'f', '5'), entry('6-0', 'f', '6')]],
      [
        'XREADGROUP GROUP g c COUNT 1 STREAMS s >',
        [['$s', [entry('5-0', 'f', '5')]]],
        together(
          `XCLAIM s g c 0 5-0 TIME ${START_MS} RETRYCOUNT 1 FORCE JUSTID LASTID 4-0`,
          'XGROUP SETID s g 5-0 ENTRIESREAD 5',
        ),
      ],
      told('XTRIM s MINID 6 DELREF', ':1', 't xtrim s'),
      ['XPENDING s g', [':0', '$-1', '$-1', '*-1']],
      ['XDELEX none IDS 2 1-0 2-0', [':-1', ':-1']],
      ['XACKDEL s none IDS 1 1-0', [':-1']],
      ['XDELEX s KEEPREF IDS 1 x', INVALID_ID],
      ['XDELEX s KEEPREF IDS 0 1-0', '-ERR Number of IDs must be a positive integer'],
      ['XDELEX s IDS 3 1-0 2-0', '-ERR The `numids` parameter must match the number of arguments'],
      ['XDELEX s KEEPREF DELREF IDS 1 1-0', SYNTAX],
      ['XDELEX s IDS 1 1-0 2-0', SYNTAX],
      ['XDELEX s KEEPREF', "-ERR wrong number of arguments for 'xdelex' command"],
    ]);
  });

  test('XINFO tells of all', () => {
    const engine = createEngine({ residency });
    filled(engine, 3);
    engine.run('XGROUP', 'CREATE', 's', 'g', '0');
    engine.run('XREADGROUP', 'GROUP', 'g', 'alice', 'COUNT', '2', 'STREAMS', 's', '>');
    engine.run('XGROUP', 'CREATECONSUMER', 's', 'g', 'bob');
    engine.run('XGROUP', 'CREATE', 's', 'h', '1-5');
    expectSteps(engine, [
      70,
      [
        'XINFO GROUPS s',
        [
          [
            '$name',
            '$g',
            '$consumers',
            ':2',
            '$pending',
            ':2',
            '$last-delivered-id',
            '$2-0',
            '$entries-read',
            ':2',
            '$lag',
            ':1',
          ],
          [
            '$name',
            '$h',
            '$consumers',
            ':0',
            '$pending',
            ':0',
            '$last-delivered-id',
            '$1-5',
            '$entries-read',
            '$-1',
            '$lag',
            '$-1',
          ],
        ],
      ],
      [
        'XINFO CONSUMERS s g',
        [
          ['$name', '$alice', '$pending', ':2', '$idle', ':70', '$inactive', ':70'],
          ['$name', '$bob', '$pending', ':0', '$idle', ':70', '$inactive', ':-1'],
        ],
      ],
      [
        'XINFO STREAM s FULL COUNT 1',
        [
          '$length',
          ':3',
          '$radix-tree-keys',
          ':1',
          '$radix-tree-nodes',
          ':2',
          '$last-generated-id',
          '$3-0',
          '$max-deleted-entry-id',
          '$0-0',
          '$entries-added',
          ':3',
          '$recorded-first-entry-id',
          '$1-0',
          '$entries',
          [entry('1-0', 'f', '1')],
          '$groups',
          [
            [
              '$name',
              '$g',
              '$last-delivered-id',
              '$2-0',
              '$entries-read',
              ':2',
              '$lag',
              ':1',
              '$pel-count',
              ':2',
              '$pending',
              [['$1-0', '$alice', `:${START_MS}`, ':1']],
              '$consumers',
              [
                [
                  '$name',
                  '$alice',
                  '$seen-time',
                  `:${START_MS}`,
                  '$active-time',
                  `:${START_MS}`,
                  '$pel-count',
                  ':2',
                  '$pending',
                  [['$1-0', `:${START_MS}`, ':1']],
                ],
                [
                  '$name',
                  '$bob',
                  '$seen-time',
                  `:${START_MS}`,
                  '$active-time',
                  ':-1',
                  '$pel-count',
                  ':0',
                  '$pending',
                  [],
                ],
              ],
            ],
            [
              '$name',
              '$h',
              '$last-delivered-id',
              '$1-5',
              '$entries-read',
              '$-1',
              '$lag',
              '$-1',
              '$pel-count',
              ':0',
              '$pending',
              [],
              '$consumers',
              [],
            ],
          ],
        ],
      ],
      told('XDEL s 1-0', ':1', 't xdel s'),
      told('XGROUP SETID s h 3-0', '+OK', 't xgroup-setid s'),
    ]);
    const { raw } = engine.run('XINFO', 'GROUPS', 's');
    expect(raw.match(/lag\r\n(.*)\r\n/g)).toEqual(['lag\r\n:1\r\n', 'lag\r\n:0\r\n']);
    engine.run('HELLO', '3');
    expect(engine.run('XINFO', 'STREAM', 's').raw).toContain('%10\r\n$6\r\nlength\r\n:2\r\n');
    expect(engine.run('XINFO', 'STREAM', 's', 'FULL').raw).toContain('%9\r\n');
  });

  test('a long stream is read, trimmed and copied', () => {
    const engine = createEngine({ residency, directives: { 'stream-node-max-entries': '10' } });
    const count = residency === 'hot' ? 3000 : 400;
    filled(engine, count);
    engine.run('XGROUP', 'CREATE', 's', 'g', '0');
    engine.run('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 's', '>');
    expectSteps(engine, [
      [
        `XRANGE s ${count - 1} +`,
        [entry(`${count - 1}-0`, 'f', `${count - 1}`), entry(`${count}-0`, 'f', `${count}`)],
      ],
      ['XREVRANGE s 200 - COUNT 1', [entry('200-0', 'f', '200')]],
      ['COPY s t', ':1', 'same', ['g copy_to t']],
      told('XTRIM s MINID 301', ':300', 't xtrim s'),
      ['XLEN s', `:${count - 300}`],
      ['XLEN t', `:${count}`],
      ['XPENDING t g 150 + 1', [['$150-0', '$c', ':0', ':1']]],
      told('XGROUP DESTROY s g', ':1', 't xgroup-destroy s'),
      ['XPENDING t g - + 1', [['$1-0', '$c', ':0', ':1']]],
      ['DEL s', ':1', 'same', ['g del s']],
    ]);
    while (engine.cron());
    expectSteps(engine, [['DEL t', ':1', 'same', ['g del t']]]);
    while (engine.cron());
    expect(engine.keyspace.databases[0].pages.records.size).toBe(0);
  });

  test('a key of another type is refused', () => {
    const engine = createEngine({ residency });
    engine.run('SET', 'k', 'v');
    const commands = [
      'XADD k * f v',
      'XLEN k',
      'XRANGE k - +',
      'XREVRANGE k + -',
      'XDEL k 1',
      'XDELEX k IDS 1 1',
      'XACKDEL k g IDS 1 1',
      'XTRIM k MAXLEN 1',
      'XSETID k 1',
      'XREAD STREAMS k 0',
      'XREADGROUP GROUP g c STREAMS k >',
      'XGROUP CREATE k g 0',
      'XGROUP DESTROY k g',
      'XACK k g 1',
      'XPENDING k g',
      'XCLAIM k g c 0 1',
      'XAUTOCLAIM k g c 0 0',
      'XINFO STREAM k',
      'XINFO GROUPS k',
    ];
    expectSteps(
      engine,
      commands.map((command): Step => [command, WRONG_TYPE]),
    );
  });
});

describe('waiting', () => {
  /** A client whose command waits. */
  function waiting(engine: TestEngine, command: string): Client {
    const client = engine.connect();
    engine.runAs(client, ...command.split(' '));
    expect(client.blocked).not.toBeNull();
    return client;
  }

  test('an entry serves all who wait for it', () => {
    const engine = createEngine();
    engine.run('XADD', 's', '1-0', 'f', 'v');
    const first = waiting(engine, 'XREAD BLOCK 0 STREAMS none s 0 $');
    const second = waiting(engine, 'XREAD BLOCK 0 COUNT 1 STREAMS s 1-0');
    const third = waiting(engine, 'XREAD BLOCK 0 STREAMS s 2-0');
    expectSteps(engine, [told('XADD s 2-0 f v', '$2-0', 't xadd s')]);
    const reply = replyBytes([['$s', [entry('2-0', 'f', 'v')]]]);
    expect(engine.takePushes(first)).toBe(reply);
    expect(engine.takePushes(second)).toBe(reply);
    expect(third.blocked).not.toBeNull();
    engine.run('DEL', 's');
    engine.run('SET', 's', 'x');
    expect(third.blocked).not.toBeNull();
    engine.run('DEL', 's');
    engine.run('XADD', 's', '3-0', 'f', 'v');
    expect(engine.takePushes(third)).toBe(replyBytes([['$s', [entry('3-0', 'f', 'v')]]]));
  });

  test('+ waits for the last entry', () => {
    const engine = createEngine();
    const client = waiting(engine, 'XREAD BLOCK 0 STREAMS s +');
    engine.run('XADD', 's', '3-0', 'f', 'v');
    expect(engine.takePushes(client)).toBe(replyBytes([['$s', [entry('3-0', 'f', 'v')]]]));
  });

  test('consumers of a group get an entry each, and are told that the group is gone', () => {
    const engine = createEngine();
    engine.run('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    const client = engine.connect();
    const made = engine.runAs(
      client,
      'XREADGROUP',
      'GROUP',
      'g',
      'a',
      'BLOCK',
      '0',
      'NOACK',
      'STREAMS',
      's',
      '>',
    );
    expect(made.propagated).toEqual(['XGROUP CREATECONSUMER s g a']);
    expect(made.events).toEqual(['t xgroup-createconsumer s']);
    const second = waiting(engine, 'XREADGROUP GROUP g b BLOCK 0 STREAMS s >');
    expectSteps(engine, [
      ['XADD s 1-0 f v', '$1-0', ['XADD s 1-0 f v', 'XGROUP SETID s g 1-0 ENTRIESREAD 1'], ['t xadd s']],
    ]);
    expect(engine.takePushes(client)).toBe(replyBytes([['$s', [entry('1-0', 'f', 'v')]]]));
    expect(second.blocked).not.toBeNull();
    engine.run('XGROUP', 'DESTROY', 's', 'g');
    const gone = replyBytes("-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option");
    expect(engine.takePushes(second)).toBe(gone);
    engine.run('XGROUP', 'CREATE', 's', 'g', '$');
    const third = waiting(engine, 'XREADGROUP GROUP g b BLOCK 0 STREAMS s >');
    engine.run('DEL', 's');
    expect(engine.takePushes(third)).toBe(gone);
    engine.run('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
    const fourth = waiting(engine, 'XREADGROUP GROUP g b BLOCK 0 STREAMS s >');
    engine.run('SET', 's', 'x');
    expect(engine.takePushes(fourth)).toBe(replyBytes(WRONG_TYPE));
  });

  test('time passes, and what is pending becomes old enough', () => {
    const engine = createEngine();
    engine.run('XADD', 's', '1-0', 'f', 'v');
    engine.run('XGROUP', 'CREATE', 's', 'g', '0');
    engine.run('XREADGROUP', 'GROUP', 'g', 'a', 'STREAMS', 's', '>');
    const timed = waiting(engine, 'XREAD BLOCK 10 STREAMS s $');
    const client = waiting(engine, 'XREADGROUP GROUP g b BLOCK 0 CLAIM 50 STREAMS s >');
    engine.clock.advance(20);
    engine.runCron();
    expect(engine.takePushes(timed)).toBe('*-1\r\n');
    engine.clock.advance(30);
    engine.runCron();
    expect(client.blocked).not.toBeNull();
    engine.clock.advance(1);
    engine.runCron();
    expect(engine.takePushes(client)).toBe(replyBytes([['$s', [['$1-0', ['$f', '$v'], ':51', ':1']]]]));
    expect(client.blocked).toBeNull();
  });

  test('a transaction does not wait', () => {
    const engine = createEngine();
    engine.run('MULTI');
    engine.run('XREAD', 'BLOCK', '0', 'STREAMS', 's', '$');
    expect(engine.run('EXEC').raw).toBe('*1\r\n*-1\r\n');
  });

  test('a change of groups alone breaks no WATCH', () => {
    const engine = createEngine();
    engine.run('XADD', 's', '1-0', 'f', 'v');
    engine.run('XGROUP', 'CREATE', 's', 'g', '0');
    engine.run('WATCH', 's');
    const other = engine.connect();
    engine.runAs(other, 'XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 's', '>');
    engine.runAs(other, 'XACK', 's', 'g', '1-0');
    engine.run('MULTI');
    expect(engine.run('EXEC').raw).toBe('*0\r\n');
    engine.run('WATCH', 's');
    engine.runAs(other, 'XADD', 's', '2-0', 'f', 'v');
    engine.run('MULTI');
    expect(engine.run('EXEC').raw).toBe('*-1\r\n');
  });
});
