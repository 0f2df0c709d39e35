import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect, encodeCommand, fields } from '../support/client.ts';
import { atEnd, hasRedisTools, startThermocline, type TestServer } from '../support/servers.ts';

const run = promisify(execFile);

let server: TestServer;

async function cli(...args: string[]): Promise<string> {
  return (await run('redis-cli', ['-p', `${server.port}`, ...args])).stdout;
}

/** Runs redis-cli with input, or for as long as it takes until the output matches. */
function cliUntil(args: string[], input: Buffer | string, pattern?: RegExp): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn('redis-cli', ['-p', `${server.port}`, ...args]);
    atEnd(() => {
      child.kill('SIGKILL');
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
        if (pattern?.test(output)) child.kill('SIGINT');
      });
    }
    child.on('close', () => resolve(output));
    child.stdin.end(input);
  });
}

describe.skipIf(!hasRedisTools)('redis-cli', () => {
  beforeAll(async () => {
    server = await startThermocline();
    const client = await connect(server.port);
    for (let index = 0; index < 300; index++)
      client.send(encodeCommand('SET', `key:${index}`, 'x'.repeat(index)));
    await client.rawReplies(300);
  });

  test('runs commands of either protocol', async () => {
    expect(await cli('PING')).toBe('PONG\n');
    expect(await cli('-3', 'CONFIG', 'GET', 'maxmemory')).toBe('maxmemory 0\n');
    expect(await cli('-3', '--json', 'CONFIG', 'GET', 'maxmemory')).toBe('{"maxmemory":"0"}\n');
    expect(await cli('-n', '2', 'SET', 'a', '1')).toBe('OK\n');
    expect(await cli('-n', '2', '-r', '3', 'INCR', 'a')).toBe('2\n3\n4\n');
    expect(await cli('INFO', 'keyspace')).toMatch(/db0:keys=\d+/);
    expect(await cli('NOSUCH')).toContain("ERR unknown command 'NOSUCH'");
    expect(await cli('-n', '2', 'FLUSHDB')).toBe('OK\n');
  });

  test('--scan finds all keys', async () => {
    const keys = (await cli('--scan', '--pattern', 'key:*')).trim().split('\n');
    expect(new Set(keys).size).toBe(300);
  });

  test('--bigkeys and --memkeys', async () => {
    const big = await cli('--bigkeys');
    expect(big).toMatch(/Sampled \d+ keys/);
    expect(big).toMatch(/Biggest string found '"key:299"' has 299 bytes/);
    expect(await cli('--memkeys')).toMatch(/Biggest string found '"key:\d+"' has \d+ bytes/);
  });

  test('--stat and --latency', async () => {
    // Its lines come out of a pipe a few thousand bytes at a time.
    expect(await cliUntil(['--stat', '-i', '0.01'], '', /\n\d+ .*\n/)).toMatch(
      /keys.*mem.*clients[^\n]*\n300 /,
    );
    expect(await cli('--latency', '-i', '1', '--raw')).toMatch(/^\d+ \d+ \d+\.\d+ \d+\n$/);
  });

  test('--pipe loads many commands at once', async () => {
    const commands = Array.from({ length: 20_000 }, (_, index) =>
      encodeCommand('SET', `pipe:${index}`, index),
    );
    const output = await cliUntil(['--pipe'], Buffer.concat(commands));
    expect(output).toContain('errors: 0, replies: 20000');
    expect(await cli('GET', 'pipe:19999')).toBe('19999\n');
  });

  test('a session over standard input', async () => {
    expect(await cliUntil([], 'MULTI\nSET session 1\nINCR session\nEXEC\nGET session\n')).toBe(
      'OK\nQUEUED\nQUEUED\nOK\n2\n2\n',
    );
  });
});

describe.skipIf(!hasRedisTools)('redis-benchmark', () => {
  test('runs its tests', async () => {
    const bench = await startThermocline();
    const args = [
      '-p',
      `${bench.port}`,
      '-t',
      'ping,ping_mbulk,set,get,incr,mset',
      '-n',
      '2000',
      '-r',
      '100',
    ];
    for (const more of [['-q'], ['-q', '-P', '16'], ['-q', '-c', '1', '-n', '200'], ['--csv', '-3']]) {
      const { stdout, stderr } = await run('redis-benchmark', [...args, ...more]);
      expect(stdout).not.toMatch(/error/i);
      expect(stderr).toBe('');
      for (const name of ['PING_INLINE', 'PING_MBULK', 'SET', 'GET', 'INCR', 'MSET']) {
        expect(stdout).toMatch(new RegExp(`(^|[\\r\\n"])${name}\\b`));
      }
    }
    const client = await connect(bench.port);
    expect(Number(fields(await client.call('INFO', 'stats')).total_commands_processed)).toBeGreaterThan(
      30_000,
    );
    expect(fields(await client.call('INFO', 'stats')).total_error_replies).toBe('0');
  });
});
