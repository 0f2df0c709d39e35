import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, encodeCommand, fields, type TestClient } from '../support/client.ts';
import {
  atEnd,
  eventually,
  hasRedisTools,
  startRedis,
  startThermocline,
  type TestServer,
  temporaryDirectory,
} from '../support/servers.ts';
import { expectTierUsed, MODES, startMode } from './modes.ts';

const run = promisify(execFile);

const DATA: (string | number)[][] = [
  ...Array.from({ length: 40 }, (_, index) => ['SET', `string:${index}`, 'x'.repeat(index * 10 + 1)]),
  ['RPUSH', 'list', ...Array.from({ length: 30 }, (_, index) => `element ${index}`)],
  ['HSET', 'hash', 'field', 'value', 'other', 'with "quotes"'],
  ['SADD', 'set', 'a', 'b', 'c'],
  ['ZADD', 'sorted', 1, 'one', 2.5, 'two'],
  ['XADD', 'stream', '1-1', 'field', 'value'],
];

/** Lines that tell how much, without what depends on the order of keys. */
function sorted(text: string, pattern: RegExp): string[] {
  return text
    .split('\n')
    .filter((line) => pattern.test(line))
    .sort();
}

describe.skipIf(!hasRedisTools).each(MODES)('redis-cli and a server $title', (mode) => {
  let server: TestServer;
  let redis: TestServer;
  let client: TestClient;

  beforeAll(async () => {
    const policy = { 'maxmemory-policy': 'allkeys-lfu' };
    [server, redis] = await Promise.all([startMode(mode, policy), startRedis(policy)]);
    for (const each of [server, redis]) {
      client = await connect(each.port);
      for (const words of DATA) await client.call(...words);
    }
    client = await connect(server.port);
  });

  afterAll(() => expectTierUsed(mode, server));

  /** What it prints; `input` is its standard input. */
  async function cli(port: number, args: readonly string[], input = ''): Promise<string> {
    const running = run('redis-cli', ['-p', `${port}`, ...args]);
    // It may end before it has read all.
    running.child.stdin?.on('error', () => {}).end(input);
    const { stdout, stderr } = await running.catch((error: { stdout: string; stderr: string }) => error);
    return stdout + stderr;
  }

  /** Asserts that it prints the same when it talks to redis-server, and answers it. */
  async function same(args: readonly string[], input = ''): Promise<string> {
    const output = await cli(server.port, args, input);
    expect(output).toBe(await cli(redis.port, args, input));
    return output;
  }

  /** Runs it until what it prints matches, then interrupts it as a user would. */
  function until(pattern: RegExp, args: readonly string[]): Promise<string> {
    return new Promise((resolve) => {
      const child = spawn('redis-cli', ['-p', `${server.port}`, ...args]);
      atEnd(() => {
        child.kill('SIGKILL');
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output += chunk;
          if (pattern.test(output)) child.kill('SIGINT');
        });
      }
      child.on('close', () => resolve(output));
    });
  }

  test.each([
    [['GET', 'string:3']],
    [['GET', 'missing']],
    [['LRANGE', 'list', '0', '3']],
    [['--csv', 'LRANGE', 'list', '0', '3']],
    [['--csv', 'HGETALL', 'hash']],
    [['-3', 'HGETALL', 'hash']],
    [['-3', 'ZRANGE', 'sorted', '0', '-1', 'WITHSCORES']],
    [['-3', '--json', 'HGETALL', 'hash']],
    [['-3', '--json', 'ZRANGE', 'sorted', '0', '-1', 'WITHSCORES']],
    [['-3', '--quoted-json', 'GET', 'string:2']],
    [['--json', 'XRANGE', 'stream', '-', '+']],
    [['--no-raw', 'XRANGE', 'stream', '-', '+']],
    [['--no-raw', 'INCR', 'list']],
    [['-e', 'INCR', 'list']],
    [['--no-raw', '-3', 'SMISMEMBER', 'set', 'a', 'x']],
    [['-d', ';', 'LRANGE', 'list', '0', '2']],
    [['-r', '3', 'PING']],
    [['-x', 'SET', 'from input']],
    [['-X', 'TAG', 'SET', 'from tag', 'TAG']],
    [['-n', '3', 'DBSIZE']],
    [['NOSUCH', 'command']],
    [['GET']],
    [['-u', 'URL', 'GET', 'string:1']],
  ])('%j', async (args) => {
    const words = args.filter((word) => word !== '-u' && word !== 'URL');
    await same(words, 'standard input');
  });

  test('a session with a transaction, help and errors', async () => {
    await same(
      ['--no-raw'],
      'MULTI\nSET session 1\nINCR session\nGET session extra\nEXEC\nMULTI\nINCR session\nEXEC\nSELECT 2\nDBSIZE\nHGETALL hash\nSELECT 0\nHGETALL hash\nRESET\n',
    );
  });

  test('--eval with keys and arguments', async () => {
    const file = join(temporaryDirectory(), 'script.lua');
    writeFileSync(
      file,
      "redis.call('SET', KEYS[1], ARGV[1]) return {KEYS[1], redis.call('GET', KEYS[1]), 2.9}",
    );
    expect(await same(['--no-raw', '--eval', file, 'evaluated', ',', 'value'])).toBe(
      '1) "evaluated"\n2) "value"\n3) (integer) 2\n',
    );
  });

  test.each(['--ldb', '--ldb-sync-mode'])(
    '%s is refused, and nothing of the script is run',
    async (option) => {
      const file = join(temporaryDirectory(), 'script.lua');
      writeFileSync(file, "redis.call('SET', 'debugged', '1') return 1");
      expect(await cli(server.port, [option, '--eval', file])).toContain(
        'ERR The Lua debugger is not supported',
      );
      expect(await client.call('EXISTS', 'debugged')).toBe(0);
    },
  );

  test('--scan, with a pattern, a type and a count', async () => {
    for (const more of [[], ['--pattern', 'string:1*'], ['--count', '1000', '--pattern', '*s*']]) {
      const found = (await cli(server.port, ['--scan', ...more])).trim().split('\n').sort();
      const expected = (await cli(redis.port, ['--scan', ...more])).trim().split('\n').sort();
      expect(found).toEqual(expected);
    }
    expect(await cli(server.port, ['--scan', '--quoted-pattern', '"\\x73trin*3"'])).toMatch(/string:3\n/);
  });

  test('--bigkeys finds what it finds in Redis', async () => {
    const output = await cli(server.port, ['--bigkeys', '-i', '0']);
    const pattern = /^(Sampled|Total|\d+ \w+ with|Biggest .* has )/;
    expect(sorted(output, pattern)).toEqual(sorted(await cli(redis.port, ['--bigkeys']), pattern));
    expect(output).toContain('Biggest string found \'"string:39"\' has 391 bytes');
  });

  test('--memkeys', async () => {
    const output = await cli(server.port, ['--memkeys', '--memkeys-samples', '0']);
    expect(output).toMatch(/Sampled 4\d keys in the keyspace!/);
    // A key on SSD takes nothing but its place in the index.
    if (mode.directives['enable-flex'] === true) expect(output).toMatch(/1 hashs with 8 bytes/);
    else expect(output).toMatch(/Biggest string found '"string:3[5-9]"' has \d{3} bytes/);
    expect(output).toMatch(/1 streams with \d+ bytes/);
  });

  test('--hotkeys', async () => {
    const busy = await connect(server.port);
    busy.send(Buffer.concat(Array.from({ length: 3000 }, () => encodeCommand('GET', 'string:7'))));
    await busy.rawReplies(3000);
    const output = await cli(server.port, ['--hotkeys']);
    expect(output).toMatch(/Sampled 4\d keys in the keyspace!/);
    expect(output).toMatch(/^hot key found with counter: \d+\tkeyname: "string:7"$/m);
  });

  test('--hotkeys without an LFU policy is refused as by Redis', async () => {
    const plain = await startThermocline();
    const reference = await startRedis();
    for (const port of [plain.port, reference.port]) await (await connect(port)).call('SET', 'a', '1');
    expect(await cli(plain.port, ['--hotkeys'])).toBe(await cli(reference.port, ['--hotkeys']));
  });

  test('--stat', async () => {
    expect(await until(/\n4\d .*\n/, ['--stat', '-i', '0.01'])).toMatch(
      /keys +mem +clients +blocked +requests +connections *\n4\d +[\d.]+[KMG] +\d+ +0 +\d+ \(\+0\) +\d+/,
    );
  });

  test('--latency, --latency-history, --latency-dist and --intrinsic-latency', async () => {
    expect(await cli(server.port, ['--latency', '-i', '0.2', '--raw'])).toMatch(/^\d+ \d+ \d+\.\d+ \d+\n$/);
    expect(await until(/\d+ \d+ \d+\.\d+ \d+\n/, ['--latency-history', '-i', '0.2', '--raw'])).toMatch(
      /^\d+ \d+ /,
    );
    expect(await until(/From 0 to 100%/, ['--latency-dist', '-i', '0.2'])).toContain('milliseconds');
    expect(await cli(server.port, ['--intrinsic-latency', '1'])).toMatch(/total runs \(avg latency/);
  });

  test('--pipe loads replies in any order, and counts errors', async () => {
    const commands = Array.from({ length: 5000 }, (_, index) => encodeCommand('SET', `pipe:${index}`, index));
    commands.push(encodeCommand('INCR', 'list'));
    const output = await cli(server.port, ['--pipe'], Buffer.concat(commands).toString());
    expect(output).toContain('errors: 1, replies: 5001');
    expect(await client.call('GET', 'pipe:4999')).toBe('4999');
    await client.call('DEL', ...Array.from({ length: 5000 }, (_, index) => `pipe:${index}`));
  });

  test('--pipe takes inline commands too', async () => {
    const input = 'SET inline:1 "a b"\r\nSET inline:2 c\r\n';
    expect(await cli(server.port, ['--pipe'], input)).toContain('errors: 0, replies: 2');
    expect(await client.call('GETDEL', 'inline:1')).toBe('a b');
    await client.call('DEL', 'inline:2');
  });

  test('monitor and subscribe', async () => {
    const monitoring = until(/"set" "seen" "1"/, ['monitor']);
    const subscribed = until(/hello/, ['--csv', 'subscribe', 'news']);
    const patterns = until(/hello/, ['-3', 'psubscribe', 'n*']);
    await eventually(async () => {
      const [, subscribers] = (await client.call('PUBSUB', 'NUMSUB', 'news')) as unknown[];
      return subscribers === 1 && (await client.call('PUBSUB', 'NUMPAT')) === 1;
    }, 'both are subscribed');
    expect(await client.call('PUBLISH', 'news', 'hello')).toBe(2);
    expect(await subscribed).toMatch(/^"subscribe","news",1\n"message","news","hello"/m);
    expect(await patterns).toContain('hello');
    const monitor = setInterval(() => void client.call('set', 'seen', '1').catch(() => {}), 20);
    expect(await monitoring).toMatch(/^OK\n/);
    clearInterval(monitor);
    await client.call('DEL', 'seen');
  });

  test('-a, --user and --pass, without showing them', async () => {
    await client.call('ACL', 'SETUSER', 'ada', 'on', '>secret', '+@all', '~*');
    expect(
      await cli(server.port, ['--user', 'ada', '--pass', 'secret', '--no-auth-warning', 'ACL', 'WHOAMI']),
    ).toBe('ada\n');
    expect(await cli(server.port, ['--user', 'ada', '-a', 'wrong', '--no-auth-warning', 'PING'])).toContain(
      'WRONGPASS',
    );
  });
});

test.skipIf(!hasRedisTools)('redis-cli --lru-test fills a cache of a limited size', async () => {
  const server = await startThermocline({ maxmemory: '4mb', 'maxmemory-policy': 'allkeys-lru' });
  const child = spawn('redis-cli', ['-p', `${server.port}`, '--lru-test', '1000000'], { stdio: 'ignore' });
  atEnd(() => {
    child.kill('SIGKILL');
  });
  const client = await connect(server.port);
  const statistic = async (name: string) => Number(fields(await client.call('INFO', 'stats'))[name]);
  await eventually(async () => (await statistic('evicted_keys')) > 1000, 'keys are evicted', 60_000);
  await eventually(async () => (await statistic('keyspace_hits')) > 1000, 'keys are found', 60_000);
  expect(await statistic('total_error_replies')).toBe(0);
});

describe.skipIf(!hasRedisTools).each(MODES)('redis-benchmark and a server $title', (mode) => {
  const NAMES = [
    'PING_INLINE',
    'PING_MBULK',
    'SET',
    'GET',
    'INCR',
    'LPUSH',
    'RPUSH',
    'LPOP',
    'RPOP',
    'SADD',
    'HSET',
    'SPOP',
    'ZADD',
    'ZPOPMIN',
    'LRANGE_100',
    'LRANGE_300',
    'LRANGE_500',
    'LRANGE_600',
    'MSET',
  ];

  test.each([
    ['as it is', []],
    ['-P', ['-P', '16']],
    ['-r', ['-r', '1000', '-P', '4']],
    ['--threads', ['--threads', '2', '-P', '8']],
    ['-3', ['-3', '-c', '5']],
    ['-k 0', ['-k', '0', '-n', '300']],
    ['-d', ['-d', '2000', '-n', '300', '-r', '20', '-c', '5']],
  ] as const)('runs all its tests, %s', async (_, more) => {
    const server = await startMode(mode);
    const { stdout, stderr } = await run('redis-benchmark', [
      '-p',
      `${server.port}`,
      '-n',
      '1000',
      '--csv',
      ...more,
    ]);
    expect(stderr.replace(/^WARNING: Keepalive disabled.*\n/m, '')).toBe('');
    const lines = stdout.split('\n').map((line) => line.split(/[",]/)[1]?.split(' ')[0]);
    for (const name of NAMES) expect(lines).toContain(name);
    const client = await connect(server.port);
    expect(fields(await client.call('INFO', 'stats')).total_error_replies).toBe('0');
  });

  test('runs any command, with random keys and values', async () => {
    const server = await startMode(mode);
    const args = ['-p', `${server.port}`, '-n', '2000', '-r', '100', '-P', '8', '-q', '--precision', '3'];
    const eval_ = ['EVAL', "return redis.call('SET', KEYS[1], ARGV[1])", '1', 'key:__rand_int__', '__data__'];
    expect((await run('redis-benchmark', [...args, ...eval_])).stdout).toMatch(/requests per second/);
    const client = await connect(server.port);
    expect(await client.call('DBSIZE')).toBe(100);
    expect(fields(await client.call('INFO', 'stats')).total_error_replies).toBe('0');
    await expectTierUsed(mode, server);
  });
});
