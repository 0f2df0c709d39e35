import { describe, expect, onTestFinished, test } from 'vitest';
import {
  createEngine,
  type EngineOptions,
  type ExpectedReply,
  expectSteps,
  RESIDENCIES,
  type Residency,
  replyBytes,
  START_MS,
  type Step,
  type TestEngine,
} from '../../test/support/engine.ts';
import { VERSION } from '../base/version.ts';
import { ReplyError } from '../resp/reply.ts';

const NOT_AN_INTEGER = '-ERR value is not an integer or out of range';
const SYNTAX = '-ERR syntax error';
const CLUSTER_DISABLED = '-ERR This instance has cluster support disabled';
const NOT_ALLOWED =
  '-ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.';
const SECONDS = Math.floor(START_MS / 1000);
const PACKED_THRESHOLD = '-ERR argument must be a memory value bigger than 1 and smaller than 4gb';
const DEBUG_ON: EngineOptions = { directives: { 'enable-debug-command': 'yes' } };

/** A verbatim string of RESP3, in short. */
function verbatim(text: string): string {
  return `=${text.length + 4}\r\ntxt:${text}`;
}

function debugUsage(name: string): string {
  return `-ERR unknown subcommand or wrong number of arguments for '${name}'. Try DEBUG HELP.`;
}

function fields(value: unknown): Map<string, unknown> {
  const list = value as unknown[];
  return new Map(
    Array.from({ length: list.length / 2 }, (_, at) => [list[at * 2] as string, list[at * 2 + 1]]),
  );
}

/** Steps that the same server takes in RESP3 too, with the same replies but for those given. */
function inBoth(steps: Step[], options: EngineOptions = {}): void {
  for (const protocol of [2, 3]) {
    const engine = createEngine(options);
    engine.client.protocol = protocol;
    expectSteps(engine, steps);
  }
}

describe('SLOWLOG', () => {
  test('tells of slow commands, the newest first', () => {
    const engine = createEngine();
    engine.client.name = 'joe';
    for (let at = 0; at < 12; at++) {
      engine.slowLog.add(
        SECONDS + at,
        12.9 + at,
        { count: 1, copy: () => Buffer.from(`c${at}`) },
        '1.2.3.4:5',
        'joe',
        128,
      );
    }
    const entry = (at: number): ExpectedReply => [
      `:${at}`,
      `:${SECONDS + at}`,
      `:${12 + at}`,
      [`$c${at}`],
      '$1.2.3.4:5',
      '$joe',
    ];
    expectSteps(engine, [
      ['SLOWLOG GET 2', [entry(11), entry(10)]],
      ['SLOWLOG GET', [11, 10, 9, 8, 7, 6, 5, 4, 3, 2].map(entry)],
      ['SLOWLOG GET 0', []],
      ['SLOWLOG LEN', ':12'],
    ]);
    expect(engine.run('SLOWLOG', 'GET', -1).value).toHaveLength(12);
    expect(engine.run('SLOWLOG', 'GET', 1000).value).toHaveLength(12);
    expectSteps(engine, [
      ['SLOWLOG RESET', '+OK'],
      ['SLOWLOG LEN', ':0'],
      ['SLOWLOG GET', []],
    ]);
  });

  test('refuses what it does not know', () => {
    inBoth([
      ['SLOWLOG', "-ERR wrong number of arguments for 'slowlog' command"],
      ['SLOWLOG foo', "-ERR unknown subcommand 'foo'. Try SLOWLOG HELP."],
      ['SLOWLOG GET x', '-ERR count should be greater than or equal to -1'],
      ['SLOWLOG GET -2', '-ERR count should be greater than or equal to -1'],
      [
        'SLOWLOG GET 1 2',
        "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.",
      ],
      ['SLOWLOG LEN 1', "-ERR wrong number of arguments for 'slowlog|len' command"],
    ]);
  });
});

describe('LATENCY', () => {
  /** The spikes of an oracle's run: 20 ms, and 1,100 ms a second later. */
  function withSpikes(): TestEngine {
    const engine = createEngine({
      directives: { 'latency-monitor-threshold': '5', 'slowlog-log-slower-than': '10000' },
    });
    engine.latency.record('command', 20.1, SECONDS - 1, 5);
    engine.latency.record('command', 1100.9, SECONDS, 5);
    return engine;
  }

  test('LATEST, HISTORY and RESET', () => {
    const engine = withSpikes();
    engine.latency.record('fast-command', 7, SECONDS, 5);
    expectSteps(engine, [
      [
        'LATENCY LATEST',
        [
          ['$command', `:${SECONDS}`, ':1100', ':1100'],
          ['$fast-command', `:${SECONDS}`, ':7', ':7'],
        ],
      ],
      [
        'LATENCY HISTORY command',
        [
          [`:${SECONDS - 1}`, ':20'],
          [`:${SECONDS}`, ':1100'],
        ],
      ],
      ['LATENCY HISTORY none', []],
      ['LATENCY RESET none command', ':1'],
      ['LATENCY RESET', ':1'],
      ['LATENCY LATEST', []],
      ['LATENCY HISTORY', "-ERR wrong number of arguments for 'latency|history' command"],
    ]);
  });

  test('GRAPH draws what redis-server draws', () => {
    const engine = withSpikes();
    const graph =
      'command - high 1100 ms, low 20 ms (all time high 1100 ms)\n' +
      `${'-'.repeat(80)}\n #\n |\n |\n_|\n  \n10\nss\n`;
    expectSteps(engine, [
      ['LATENCY GRAPH none', "-ERR No samples available for event 'none'"],
      ['LATENCY GRAPH command', `$${graph}`],
    ]);
    engine.client.protocol = 3;
    expectSteps(engine, [['LATENCY GRAPH command', verbatim(graph)]]);
    engine.client.protocol = 2;
    engine.clock.advance(7_200_000);
    expect(engine.run('LATENCY', 'GRAPH', 'command').value).toContain('_|\n  \n22\nhh\n');
  });

  test('DOCTOR says what redis-server says', () => {
    const engine = withSpikes();
    const report =
      "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n" +
      '1. command: 2 latency spikes (average 560ms, mean deviation 540ms, period 0.50 sec). Worst all time event 1100ms.\n\n' +
      'I have a few advices for you:\n\n' +
      "- Your current Slow Log configuration only logs events that are slower than your configured latency monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than 5000'.\n" +
      '- Check your Slow Log to understand what are the commands you are running which are too slow to execute. Please check https://redis.io/commands/slowlog for more information.\n' +
      '- Deleting, expiring or evicting (because of maxmemory policy) large objects is a blocking operation. If you have very large objects that are often deleted, expired, or evicted, try to fragment those objects into multiple smaller objects.\n';
    expectSteps(engine, [['LATENCY DOCTOR', `$${report}`]]);
    engine.client.protocol = 3;
    expectSteps(engine, [['LATENCY DOCTOR', verbatim(report)]]);
    engine.client.protocol = 2;
    engine.run('CONFIG', 'SET', 'slowlog-log-slower-than', '-1');
    expect(engine.run('LATENCY', 'DOCTOR').value).toContain(
      "the command 'CONFIG SET slowlog-log-slower-than 5000'.",
    );
    engine.run('LATENCY', 'RESET');
    expectSteps(engine, [
      [
        'LATENCY DOCTOR',
        '$Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n',
      ],
      ['CONFIG SET latency-monitor-threshold 0', '+OK'],
      [
        'LATENCY DOCTOR',
        "$I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n",
      ],
    ]);
  });

  test('HISTOGRAM', () => {
    const engine = createEngine();
    for (const command of engine.table.commands) command.resetStatistics();
    const durationsOf = (name: string) => engine.table.named(name)?.statistics.durations;
    durationsOf('get')?.record(5);
    durationsOf('get')?.record(9);
    durationsOf('config|resetstat')?.record(200);
    const get: ExpectedReply = ['$calls', ':2', '$histogram_usec', [':8', ':1', ':16', ':2']];
    const reset: ExpectedReply = ['$calls', ':1', '$histogram_usec', [':264', ':1']];
    expectSteps(engine, [
      ['LATENCY HISTOGRAM GET', ['$get', get]],
      ['LATENCY HISTOGRAM none get SET', ['$get', get]],
      ['LATENCY HISTOGRAM config', ['$config|resetstat', reset]],
      ['LATENCY HISTOGRAM config|resetstat', ['$config|resetstat', reset]],
      ['LATENCY HISTOGRAM none', []],
    ]);
    engine.client.protocol = 3;
    const pairs = `%2\r\n${replyBytes('$calls')}:2\r\n${replyBytes('$histogram_usec')}%2\r\n:8\r\n:1\r\n:16\r\n:2\r\n`;
    expect(engine.run('LATENCY', 'HISTOGRAM', 'get').raw).toBe(`%1\r\n${replyBytes('$get')}${pairs}`);
    const all = engine.run('LATENCY', 'HISTOGRAM').value as Map<string, unknown>;
    expect([...all.keys()]).toEqual(expect.arrayContaining(['get', 'config|resetstat']));
  });
});

describe('MEMORY', () => {
  const usage = (residency: Residency) => {
    const engine = createEngine({ residency });
    engine.run('SET', 'a', 'x'.repeat(1000));
    return engine.run('MEMORY', 'USAGE', 'a', 'SAMPLES', 0).value;
  };

  test('USAGE is the record and its slot, of a cold key the slot', () => {
    expect(usage('hot')).toBeGreaterThan(1000);
    expect(usage('hot')).toBeLessThan(1200);
    expect(usage('demoted')).toBe(8);
  });

  test.each([
    ['RPUSH', 'list', 1],
    ['HSET', 'hash', 2],
    ['SADD', 'set', 1],
  ])('USAGE counts the pages of a value that are in RAM, %s', (command, key, words) => {
    const elements = Array.from({ length: 20_000 * words }, (_, at) => `element-${at}`);
    const engine = createEngine();
    const { arena, databases } = engine.keyspace;
    const before = arena.usedBytes;
    engine.run(command, key, ...elements);
    const slots = 1 + (databases[0].pageRecords?.size ?? 0);
    const usage = Number(engine.run('MEMORY', 'USAGE', key, 'SAMPLES', 0).value);
    expect(usage).toBe(arena.usedBytes - before + slots * 8);
    const estimate = Number(engine.run('MEMORY', 'USAGE', key).value);
    expect(estimate).toBeGreaterThan(usage * 0.8);
    expect(estimate).toBeLessThan(usage * 1.2);

    const demoted = createEngine({ residency: 'demoted' });
    demoted.run(command, key, ...elements);
    expect(demoted.run('MEMORY', 'USAGE', key, 'SAMPLES', 0).value).toBe(slots * 8);
  });

  test('USAGE replies errors, and null without the key', () => {
    inBoth([
      ['MEMORY USAGE a SAMPLES -1', SYNTAX],
      ['MEMORY USAGE a SAMPLES x', NOT_AN_INTEGER],
      ['MEMORY USAGE a SAMPLES', SYNTAX],
      ['MEMORY USAGE a foo', SYNTAX],
      ['MEMORY USAGE', "-ERR wrong number of arguments for 'memory|usage' command"],
      ['MEMORY foo', "-ERR unknown subcommand 'foo'. Try MEMORY HELP."],
    ]);
    const engine = createEngine();
    expectSteps(engine, [['MEMORY USAGE none', '$-1']]);
    engine.client.protocol = 3;
    expectSteps(engine, [['MEMORY USAGE none', '_']]);
  });

  test('STATS are the ledger’s', () => {
    const engine = createEngine();
    for (let at = 0; at < 100; at++) engine.run('SET', `key:${at}`, 'x'.repeat(100));
    engine.client.databaseNumber = 1;
    engine.run('SET', 'a', '1');
    const report = engine.memory();
    const stats = fields(engine.run('MEMORY', 'STATS').value);
    expect(stats.get('total.allocated')).toBe(report.used);
    expect(stats.get('dataset.bytes')).toBe(report.records);
    expect(stats.get('keys.count')).toBe(101);
    expect(stats.get('overhead.total')).toBe(report.used - report.records);
    expect(Number(stats.get('dataset.percentage'))).toBeCloseTo((report.records * 100) / report.used, 5);
    const indexes = ['db.0', 'db.1'].map(
      (name) => fields(stats.get(name)).get('overhead.hashtable.main') as number,
    );
    expect(indexes[0]).toBeGreaterThan(indexes[1]);
    expect(stats.has('db.2')).toBe(false);
    engine.client.protocol = 3;
    expect(engine.run('MEMORY', 'STATS').value).toBeInstanceOf(Map);
  });

  test('PURGE gives memory back', () => {
    const engine = createEngine();
    const value = 'x'.repeat(40_000);
    for (let at = 0; at < 3000; at++) engine.run('SET', `key:${at}`, value);
    for (let at = 0; at < 3000; at++) if (at % 20 !== 0) engine.run('DEL', `key:${at}`);
    expect(engine.memory().touched).toBeGreaterThan(120_000_000);
    expectSteps(engine, [['MEMORY PURGE', '+OK']]);
    expect(engine.memory().touched).toBeLessThan(34 * 1024 * 1024);
    for (let at = 0; at < 3000; at += 20) expect(engine.run('GET', `key:${at}`).value).toBe(value);
    expectSteps(engine, [['MEMORY PURGE', '+OK']]);
  });

  test('DOCTOR and MALLOC-STATS', () => {
    const engine = createEngine();
    expectSteps(engine, [
      [
        'MEMORY DOCTOR',
        "$Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n",
      ],
    ]);
    engine.run('SET', 'a', Buffer.alloc(16 * 1024 * 1024, 1));
    engine.run('SET', 'b', Buffer.alloc(8 * 1024 * 1024, 1));
    engine.memory();
    engine.run('DEL', 'a');
    while (engine.pendingFreeCount > 0) engine.runCron();
    const report = engine.run('MEMORY', 'DOCTOR').value;
    expect(report).toMatch(
      /^Sam, I detected a few issues in this Redis instance memory implants:\n\n \* Peak memory: /,
    );
    expect(report).toMatch(/\n\nI'm here to keep you safe, Sam\. I want to help you\.\n$/);
    expect(engine.run('MEMORY', 'MALLOC-STATS').value).toContain(
      `Arena of records\n  blocks: ${engine.keyspace.arena.blockCount}\n  used bytes: ${engine.keyspace.arena.usedBytes}\n`,
    );
  });
});

describe('DEBUG', () => {
  test.each([
    ['no', '127.0.0.1:1', false],
    ['local', '127.0.0.1:1', true],
    ['local', '[::1]:1', true],
    ['local', '/run/socket:0', true],
    ['local', '192.0.2.1:1', false],
    ['local', '[::12]:1', false],
    ['yes', '192.0.2.1:1', true],
  ])('with enable-debug-command %s from %s', (allowed, address, isAllowed) => {
    const engine = createEngine({ directives: { 'enable-debug-command': allowed } });
    const client = engine.connect(address);
    expect(engine.runAs(client, 'DEBUG', 'SLEEP', '0').raw).toBe(`${isAllowed ? '+OK' : NOT_ALLOWED}\r\n`);
    expect(engine.runAs(client, 'DEBUG', 'HELP').value instanceof ReplyError).toBe(!isAllowed);
    expect(engine.runAs(client, 'DEBUG').value).toHaveProperty(
      'message',
      "ERR wrong number of arguments for 'debug' command",
    );
  });

  const PROTOCOL: [string, string, string][] = [
    ['string', '$11\r\nHello World\r\n', '$11\r\nHello World\r\n'],
    ['integer', ':12345\r\n', ':12345\r\n'],
    ['double', '$5\r\n3.141\r\n', ',3.141\r\n'],
    [
      'bignum',
      '$37\r\n1234567999999999999999999999999999999\r\n',
      '(1234567999999999999999999999999999999\r\n',
    ],
    ['null', '$-1\r\n', '_\r\n'],
    ['array', '*3\r\n:0\r\n:1\r\n:2\r\n', '*3\r\n:0\r\n:1\r\n:2\r\n'],
    ['set', '*3\r\n:0\r\n:1\r\n:2\r\n', '~3\r\n:0\r\n:1\r\n:2\r\n'],
    ['map', '*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n', '%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n'],
    [
      'attrib',
      '$39\r\nSome real reply following the attribute\r\n',
      '|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n$39\r\nSome real reply following the attribute\r\n',
    ],
    [
      'push',
      '-ERR RESP2 is not supported by this command\r\n',
      '>2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n$40\r\nSome real reply following the push reply\r\n',
    ],
    ['verbatim', '$25\r\nThis is a verbatim\nstring\r\n', '=29\r\ntxt:This is a verbatim\nstring\r\n'],
    ['true', ':1\r\n', '#t\r\n'],
    ['false', ':0\r\n', '#f\r\n'],
  ];

  test.each(PROTOCOL)('PROTOCOL %s', (type, inResp2, inResp3) => {
    const engine = createEngine(DEBUG_ON);
    expect(engine.run('DEBUG', 'PROTOCOL', type).raw).toBe(inResp2);
    engine.client.protocol = 3;
    expect(engine.run('DEBUG', 'PROTOCOL', type.toUpperCase()).raw).toBe(inResp3);
  });

  test('what it refuses, and small things', () => {
    inBoth(
      [
        ['DEBUG foo', debugUsage('foo')],
        ['DEBUG sleep', debugUsage('sleep')],
        ['DEBUG sleep x', '+OK'],
        ['DEBUG sleep -1', '+OK'],
        ['DEBUG PROTOCOL', debugUsage('PROTOCOL')],
        [
          'DEBUG PROTOCOL foo',
          '-ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false',
        ],
        [
          'DEBUG PROTOCOL constructor',
          '-ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false',
        ],
        ['DEBUG ERROR hello', '-hello'],
        [['DEBUG', 'ERROR', 'hello there\r\nx'], '-hello there  x'],
        [['DEBUG', 'ERROR', '-CODE there'], '--CODE there'],
        ['DEBUG STRINGMATCH-LEN a*c abbc', ':1'],
        ['DEBUG STRINGMATCH-LEN a*d abbc', ':0'],
        ['DEBUG QUICKLIST-PACKED-THRESHOLD 5gb', PACKED_THRESHOLD],
        ['DEBUG QUICKLIST-PACKED-THRESHOLD x', PACKED_THRESHOLD],
        ['DEBUG LISTPACK none', '-ERR no such key'],
        ['DEBUG CONFIG-REWRITE-FORCE-ALL', '-ERR The server is running without a config file'],
        ['DEBUG JMAP', debugUsage('JMAP')],
      ],
      DEBUG_ON,
    );
  });

  test('SLEEP stops the server', () => {
    const engine = createEngine(DEBUG_ON);
    const start = process.hrtime.bigint();
    expectSteps(engine, [['DEBUG SLEEP 0.02', '+OK']]);
    expect(Number(process.hrtime.bigint() - start) / 1e6).toBeGreaterThanOrEqual(19);
  });

  test.each(RESIDENCIES)('OBJECT, %s', (residency) => {
    const engine = createEngine({ ...DEBUG_ON, residency });
    expectSteps(engine, [['DEBUG OBJECT none', '-ERR no such key']]);
    for (const [value, encoding, length] of [
      ['12', 'int', 2],
      ['200', 'int', 3],
      ['100000', 'int', 5],
      ['99999999999', 'int', 12],
      ['abc', 'embstr', 4],
      ['x'.repeat(79), 'raw', 81],
      ['x'.repeat(20_000), 'raw', 20_005],
    ]) {
      engine.run('SET', 'a', value);
      engine.clock.advance(3000);
      const tier = residency === 'hot' ? 'hot' : '(warm|cold|hot)';
      expect(engine.run('DEBUG', 'OBJECT', 'a').value).toMatch(
        new RegExp(
          `^Value at:0x[0-9a-f]+ refcount:1 encoding:${encoding} serializedlength:${length} lru:\\d+ lru_seconds_idle:3 tier:${tier}$`,
        ),
      );
    }
  });

  test.each(RESIDENCIES)('OBJECT tells how long a collection is in an RDB file, %s', (residency) => {
    const engine = createEngine({ ...DEBUG_ON, residency });
    for (const command of ['RPUSH a x y z', 'SADD b x y', 'HSET c x 1 y 2', 'ZADD d 1 x', 'XADD e 1-1 x y']) {
      const [name, key, ...rest] = command.split(' ');
      engine.run(name, key, ...rest);
      const header = /^\$(\d+)/.exec(engine.run('DUMP', key).raw);
      // A payload has the type before the value, and a version and a checksum after it.
      const length = Number(header?.[1]) - 11;
      expect(engine.run('DEBUG', 'OBJECT', key).value).toMatch(new RegExp(` serializedlength:${length} `));
    }
    engine.run('RPUSH', 'long', ...Array.from({ length: 10_000 }, (_, at) => `element-${at}`));
    expect(engine.run('DEBUG', 'OBJECT', 'long').value).toMatch(/ serializedlength:128890 /);
  });

  test.each(RESIDENCIES)('DIGEST and DIGEST-VALUE are those of redis-server, %s', (residency) => {
    const engine = createEngine({ ...DEBUG_ON, residency });
    engine.run('SET', 'a', 'x'.repeat(79));
    engine.run('SET', 'b', '12345', 'EX', 1000);
    engine.run('APPEND', 'b', 'foo');
    const zeros = '0'.repeat(40);
    expectSteps(engine, [
      ['DEBUG DIGEST', '+319e8b089516fb63b097b9eb24fcd0c8dca7dbcb'],
      [
        'DEBUG DIGEST-VALUE a b none',
        [
          '+c201ba95debd8fe59a59c2debf06e99a17220b3a',
          '+508bbe878ca7bad768cd3fe0b7ce792615d73bf6',
          `+${zeros}`,
        ],
      ],
      ['DEBUG DIGEST-VALUE', []],
      ['FLUSHALL', '+OK', 'same'],
      ['DEBUG DIGEST', `+${zeros}`],
    ]);
  });

  test.each(RESIDENCIES)('POPULATE makes keys that are not propagated, %s', (residency) => {
    const engine = createEngine({ ...DEBUG_ON, residency });
    expectSteps(engine, [
      ['DEBUG POPULATE', debugUsage('POPULATE')],
      ['DEBUG POPULATE x', '-ERR value is out of range, must be positive'],
      ['DEBUG POPULATE -1', '-ERR value is out of range, must be positive'],
      ['DEBUG POPULATE 1 a x', '-ERR value is out of range, must be positive'],
      ['DEBUG POPULATE 1 a b c', debugUsage('POPULATE')],
      ['SET key:1 mine', '+OK', 'same', ['$ set key:1']],
      ['DEBUG POPULATE 3', '+OK'],
      ['DEBUG POPULATE 2 pre', '+OK'],
      ['DEBUG POPULATE 2 sized 10', '+OK'],
      ['DEBUG POPULATE 2 short 3', '+OK'],
      ['MGET key:0 key:1 key:2 key:3', ['$value:0', '$mine', '$value:2', '$-1']],
      ['MGET pre:0 pre:1 pre:2', ['$value:0', '$value:1', '$-1']],
      ['MGET sized:1 short:1', ['$value:1\0\0\0', '$val']],
    ]);
  });

  test('HTSTATS tells of the index', () => {
    const engine = createEngine({ ...DEBUG_ON, residency: 'demoted' });
    expectSteps(engine, [
      ['DEBUG HTSTATS 99', '-ERR Out of range database'],
      ['DEBUG HTSTATS x', NOT_AN_INTEGER],
      ['DEBUG HTSTATS 0', '$[Slot table]\nNo stats available for empty tables\n'],
      ['SET a 1', '+OK', 'same', ['$ set a']],
      ['DEBUG HTSTATS-KEY none', '-ERR no such key'],
      [
        'DEBUG HTSTATS-KEY a',
        '-ERR The value stored at the specified key is not represented using an hash table',
      ],
      ['SET b 1 EX 100', '+OK', [`SET b 1 PXAT ${START_MS + 100_000}`], ['$ set b', 'g expire b']],
    ]);
    const text = engine.run('DEBUG', 'HTSTATS', 0).value;
    expect(text).toContain(' number of elements: 2\n');
    expect(text).toContain(' hot elements: 0\n cold elements: 2\n expiring elements: 1\n');
    expect(text).toContain(' partitions in use: 2 of 4096\n');
    engine.client.protocol = 3;
    expect(engine.run('DEBUG', 'HTSTATS', 0).raw).toMatch(/^=\d+\r\ntxt:\[Slot table\]\n/);
  });
});

describe('what DEBUG switches', () => {
  test('CHANGE-REPL-ID gives the history of the data set another name', () => {
    const engine = createEngine(DEBUG_ON);
    const idOf = () => /master_replid:(\w{40})/.exec(engine.run('INFO', 'replication').value as string)?.[1];
    const before = idOf();
    expect(engine.run('DEBUG', 'CHANGE-REPL-ID').raw).toBe('+OK\r\n');
    expect(idOf()).not.toBe(before);
  });

  test('SET-SKIP-CHECKSUM-VALIDATION lets RESTORE take a payload with a wrong checksum', () => {
    const engine = createEngine(DEBUG_ON);
    engine.run('SET', 'a', 'text');
    const payload = Buffer.from(engine.run('DUMP', 'a').raw.replace(/^\$\d+\r\n|\r\n$/g, ''), 'latin1');
    payload[payload.length - 1] ^= 1;
    const wrong = '-ERR DUMP payload version or checksum are wrong\r\n';
    expect(engine.run('RESTORE', 'b', 0, payload).raw).toBe(wrong);
    engine.run('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', 1);
    expect(engine.run('RESTORE', 'b', 0, payload).raw).toBe('+OK\r\n');
    expect(engine.run('GET', 'b').value).toBe('text');
    engine.run('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', 0);
    expect(engine.run('RESTORE', 'c', 0, payload).raw).toBe(wrong);
  });

  test('SET-DISABLE-DENY-SCRIPTS lets scripts call all commands', () => {
    const engine = createEngine(DEBUG_ON);
    const call = () => engine.run('EVAL', "return redis.call('client', 'getname')", 0).value;
    expect(call()).toHaveProperty('message', expect.stringContaining('not allowed from script'));
    engine.run('DEBUG', 'SET-DISABLE-DENY-SCRIPTS', 1);
    expect(call()).toBeNull();
  });

  test('PAUSE-CRON leaves what expired where it is', () => {
    const engine = createEngine(DEBUG_ON);
    engine.run('SET', 'a', '1', 'PX', 1);
    engine.run('DEBUG', 'PAUSE-CRON', 1);
    engine.clock.advance(100);
    for (let at = 0; at < 3; at++) engine.cron();
    expect(engine.run('DBSIZE').value).toBe(1);
    engine.run('DEBUG', 'PAUSE-CRON', 0);
    while (engine.cron());
    expect(engine.run('DBSIZE').value).toBe(0);
  });

  test.each(RESIDENCIES)(
    'QUICKLIST-PACKED-THRESHOLD divides lists into pages (%s)',
    (residency: Residency) => {
      const engine = createEngine({ ...DEBUG_ON, residency });
      onTestFinished(() => void engine.run('DEBUG', 'QUICKLIST-PACKED-THRESHOLD', 0));
      expect(engine.run('DEBUG', 'QUICKLIST-PACKED-THRESHOLD', '5b').raw).toBe('+OK\r\n');
      const elements = Array.from({ length: 40 }, (_, at) => 'x'.repeat(at));
      engine.run('RPUSH', 'a', ...elements);
      expect(engine.keyspace.databases[0].pages.records.size).toBeGreaterThan(30);
      expect(engine.run('LRANGE', 'a', 0, -1).value).toEqual(elements);
      engine.run('LREM', 'a', 0, 'xxx');
      engine.run('LSET', 'a', 0, 'first');
      engine.run('LINSERT', 'a', 'AFTER', 'xxxx', 'y');
      expect(engine.run('LRANGE', 'a', 0, 4).value).toEqual(['first', 'x', 'xx', 'xxxx', 'y']);
      engine.run('DEBUG', 'QUICKLIST-PACKED-THRESHOLD', 0);
      expect(engine.run('LTRIM', 'a', 0, 3).raw).toBe('+OK\r\n');
      expect(engine.run('LRANGE', 'a', 0, -1).value).toEqual(['first', 'x', 'xx', 'xxxx']);
    },
  );

  test('LISTPACK shows the bytes of a small value only', () => {
    const engine = createEngine(DEBUG_ON);
    engine.run('RPUSH', 'a', 'element');
    const bytes = Buffer.from('element').toString('hex');
    expect(engine.run('DEBUG', 'LISTPACK', 'a').value).toMatch(new RegExp(`^{total bytes \\d+}\n.*${bytes}`));
    engine.run('SET', 'b', 'text');
    expect(engine.run('DEBUG', 'LISTPACK', 'b').raw).toBe('-ERR Not a listpack encoded object.\r\n');
  });

  test('PANIC and ASSERT end the process with a report', () => {
    const engine = createEngine(DEBUG_ON);
    expect(() => engine.run('DEBUG', 'PANIC')).toThrow('called by DEBUG PANIC');
    expect(() => engine.run('DEBUG', 'ASSERT')).toThrow('called by DEBUG ASSERT');
  });
});

test('HELP names each subcommand that there is', () => {
  const engine = createEngine(DEBUG_ON);
  for (const container of ['SLOWLOG', 'LATENCY', 'MEMORY', 'DEBUG']) {
    const lines = engine.run(container, 'HELP').value as string[];
    expect(lines[0]).toBe(`${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
    const names = lines
      .slice(1)
      .filter((line) => !line.startsWith(' '))
      .map((line) => line.split(' ')[0].toLowerCase());
    const subcommands = engine.table
      .named(container)
      ?.subcommands?.commands.map((command) => command.row.name);
    if (subcommands !== undefined) expect(names.sort()).toEqual([...subcommands].sort());
    else
      for (const name of names)
        if (!['panic', 'assert', 'segfault'].includes(name))
          expect(engine.run(container, name).raw).not.toContain('unknown command');
  }
});

test('TIME is the clock’s', () => {
  const engine = createEngine();
  expectSteps(engine, [
    ['TIME', ['$1700000123', '$456000']],
    1,
    ['TIME', ['$1700000123', '$457000']],
    ['TIME 1', "-ERR wrong number of arguments for 'time' command"],
  ]);
});

test('LOLWUT shows the version', () => {
  const text = `Thermocline ver. ${VERSION}\n`;
  const engine = createEngine();
  expectSteps(engine, [
    ['LOLWUT', `$${text}`],
    ['LOLWUT VERSION 7', `$${text}`],
    ['LOLWUT VERSION', `$${text}`],
    ['LOLWUT VERSION x', NOT_AN_INTEGER],
  ]);
  engine.client.protocol = 3;
  expectSteps(engine, [['LOLWUT', verbatim(text)]]);
});

test('a server that is alone', () => {
  inBoth([
    ['ROLE', ['$master', ':0', []]],
    ['ROLE 1', "-ERR wrong number of arguments for 'role' command"],
    ['LASTSAVE', `:${SECONDS}`],
    ['REPLICAOF NO ONE', '+OK'],
    ['SLAVEOF no one', '+OK'],
    ['REPLICAOF no x', '-ERR Invalid master port'],
    ['REPLICAOF x one', '-ERR Invalid master port'],
    ['REPLICAOF foo 65536', '-ERR Invalid master port'],
    [
      'REPLICAOF foo 6379',
      "-ERR Replication is not supported by this server yet, so it can't become a replica",
    ],
    ['REPLICAOF foo', "-ERR wrong number of arguments for 'replicaof' command"],
    ['CLUSTER INFO', CLUSTER_DISABLED],
    ['CLUSTER HELP', CLUSTER_DISABLED],
    ['CLUSTER SLOTS', CLUSTER_DISABLED],
    ['CLUSTER KEYSLOT', "-ERR wrong number of arguments for 'cluster|keyslot' command"],
    ['CLUSTER foo', "-ERR unknown subcommand 'foo'. Try CLUSTER HELP."],
    ['CLUSTER', "-ERR wrong number of arguments for 'cluster' command"],
    ['READONLY', CLUSTER_DISABLED],
    ['READWRITE', CLUSTER_DISABLED],
    ['ASKING', CLUSTER_DISABLED],
    ['FAILOVER', '-ERR FAILOVER requires connected replicas.'],
    ['FAILOVER ABORT', '-ERR No failover in progress.'],
    ['FAILOVER ABORT FORCE', SYNTAX],
    ['FAILOVER TO', SYNTAX],
    ['FAILOVER TO x', SYNTAX],
    ['FAILOVER TO x y', NOT_AN_INTEGER],
    ['FAILOVER TO x 1', '-ERR FAILOVER requires connected replicas.'],
    ['FAILOVER TO x 1 TO x 1', SYNTAX],
    ['FAILOVER TO x 1 FORCE', '-ERR FAILOVER requires connected replicas.'],
    ['FAILOVER FORCE TIMEOUT 5', '-ERR FAILOVER requires connected replicas.'],
    ['FAILOVER TIMEOUT -1', '-ERR FAILOVER timeout must be greater than 0'],
    ['FAILOVER TIMEOUT x', NOT_AN_INTEGER],
    ['FAILOVER TIMEOUT', SYNTAX],
    ['FAILOVER bad', SYNTAX],
  ]);
});
