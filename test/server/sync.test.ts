import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { connect, encodeCommand } from '../support/client.ts';
import { populate } from '../support/server-values.ts';
import { atEnd, startThermocline, temporaryDirectory } from '../support/servers.ts';

const hasCli = spawnSync('redis-cli', ['--version']).status === 0;
const DEBUG = { 'enable-debug-command': 'yes', save: '' };

/** Sends commands, and returns all that comes until the server closes the connection. */
function receive(port: number, ...commands: string[]): Promise<Buffer> {
  const socket = net.connect(port, '127.0.0.1');
  atEnd(() => {
    socket.destroy();
  });
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  for (const command of commands) socket.write(encodeCommand(...command.split(' ')));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(parts)));
  });
}

/** The file in a bulk that a mark ends, behind so many replies of one line. */
function fileBetweenMarks(bytes: Buffer, lines: number): Buffer {
  let at = 0;
  for (; lines > 0; lines--) at = bytes.indexOf('\r\n', at) + 2;
  const head = bytes.toString('latin1', at, at + 47);
  expect(head).toMatch(/^\$EOF:[0-9a-f]{40}\r\n$/);
  expect(bytes.toString('latin1', bytes.length - 40)).toBe(head.slice(5, 45));
  return bytes.subarray(at + 47, -40);
}

async function filled(directives = {}) {
  const server = await startThermocline({ ...DEBUG, ...directives });
  const client = await connect(server.port);
  await populate(client, new SeededRandom(1), 'one');
  await client.call('SET', 'long', 'x'.repeat(3 << 20));
  await client.call(
    'FUNCTION',
    'LOAD',
    "#!lua name=l\nredis.register_function('f', function() return 7 end)",
  );
  return { server, client, digest: await client.call('DEBUG', 'DIGEST') };
}

/** What a server has that loads a file. */
async function digestOf(bytes: Buffer): Promise<{ digest: unknown; value: unknown; keys: unknown }> {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'dump.rdb'), bytes);
  const server = await startThermocline(DEBUG, { directory });
  const client = await connect(server.port);
  const value = await client.call('FCALL', 'f', 0);
  return { digest: await client.call('DEBUG', 'DIGEST'), value, keys: await client.call('DBSIZE') };
}

describe('a copy of the data set', () => {
  test('comes between marks, or with its length before it', async () => {
    const { server, digest } = await filled();
    const streamed = await receive(
      server.port,
      'REPLCONF capa eof capa psync2',
      'REPLCONF rdb-only 1',
      'SYNC',
    );
    expect(await digestOf(fileBetweenMarks(streamed, 2))).toMatchObject({ digest, value: 7 });
    const sized = await receive(server.port, 'SYNC');
    const lineEnd = sized.indexOf('\r\n');
    expect(sized.toString('latin1', 0, lineEnd)).toBe(`$${sized.length - lineEnd - 2}`);
    expect(await digestOf(sized.subarray(lineEnd + 2))).toMatchObject({ digest, value: 7 });
    expect(readdirSync(server.directory).filter((name) => name.endsWith('.rdb'))).toEqual([]);
    const full = await receive(server.port, 'REPLCONF capa eof', 'PSYNC ? -1');
    expect(full.toString('latin1', 5, 70)).toMatch(/^\+FULLRESYNC [0-9a-f]{40} 0\r\n/);
    expect(fileBetweenMarks(full, 2).subarray(0, 5).toString()).toBe('REDIS');
  });

  test('is that of its beginning while it is changed', async () => {
    const { server, client, digest } = await filled();
    const copy = receive(server.port, 'REPLCONF capa eof', 'SYNC');
    await server.logged(/Sending the data set/);
    for (let at = 0; at < 200; at++) await client.call('SET', `new:${at}`, 'x');
    expect((await digestOf(fileBetweenMarks(await copy, 1))).digest).toBe(digest);
  });

  test('of functions only', async () => {
    const { server } = await filled();
    const bytes = await receive(
      server.port,
      'REPLCONF capa eof',
      'REPLCONF rdb-filter-only functions',
      'SYNC',
    );
    expect(await digestOf(fileBetweenMarks(bytes, 2))).toMatchObject({ keys: 0, value: 7 });
  });

  test('waits for a snapshot, and one after the other', async () => {
    const { server, client, digest } = await filled();
    await client.call('BGSAVE');
    const copies = await Promise.all([1, 2, 3].map(() => receive(server.port, 'REPLCONF capa eof', 'SYNC')));
    for (const copy of copies) expect((await digestOf(fileBetweenMarks(copy, 1))).digest).toBe(digest);
    expect(existsSync(join(server.directory, 'dump.rdb'))).toBe(true);
    expect(await client.call('BGSAVE')).toBe('Background saving started');
  });

  test('a client that goes away is forgotten', async () => {
    const { server, client } = await filled();
    const socket = net.connect(server.port, '127.0.0.1');
    socket.write(Buffer.concat([encodeCommand('REPLCONF', 'capa', 'eof'), encodeCommand('SYNC')]));
    socket.once('data', () => socket.destroy());
    const copy = await receive(server.port, 'REPLCONF capa eof', 'SYNC');
    expect(fileBetweenMarks(copy, 1).length).toBeGreaterThan(0);
    expect(await client.call('PING')).toBe('PONG');
  });

  test.skipIf(!hasCli)('redis-cli --rdb and --functions-rdb', async () => {
    const { server, digest } = await filled();
    const run = (option: string) => {
      const path = join(temporaryDirectory(), 'copy.rdb');
      const result = spawnSync('redis-cli', ['-p', `${server.port}`, option, path], { encoding: 'utf8' });
      expect({ status: result.status, output: result.stderr }).toMatchObject({
        status: 0,
        output: expect.stringContaining('Transfer finished with success'),
      });
      return readFileSync(path);
    };
    expect(await digestOf(run('--rdb'))).toMatchObject({ digest, value: 7 });
    expect(await digestOf(run('--functions-rdb'))).toMatchObject({ keys: 0, value: 7 });
  });
});

test('who would be a replica is told that there are none', async () => {
  const server = await startThermocline(DEBUG);
  const client = await connect(server.port);
  expect(await client.call('REPLCONF', 'listening-port', '7000', 'capa', 'eof')).toBe('OK');
  expect(`${await client.call('PSYNC', '?', '-1')}`).toContain('This server has no replicas');
  expect(`${await client.call('SYNC')}`).toContain('This server has no replicas');
  expect(await client.call('PING')).toBe('PONG');
});

test('what REPLCONF and PSYNC refuse', async () => {
  const server = await startThermocline(DEBUG);
  const client = await connect(server.port);
  const error = async (...words: string[]) => ((await client.call(...words)) as Error).message;
  expect(await client.call('REPLCONF')).toBe('OK');
  expect(await error('REPLCONF', 'capa')).toBe('ERR syntax error');
  expect(await error('REPLCONF', 'no', 'such')).toBe('ERR Unrecognized REPLCONF option: no');
  expect(await error('REPLCONF', 'listening-port', 'x')).toBe('ERR value is not an integer or out of range');
  expect(await error('REPLCONF', 'rdb-only', 'x')).toBe('ERR value is not an integer or out of range');
  expect(await error('REPLCONF', 'rdb-filter-only', 'data')).toBe(
    'ERR Unsupported rdb-filter-only option: data',
  );
  expect(await error('PSYNC', '?', 'x')).toBe('ERR value is not an integer or out of range');
  expect(await error('SYNC', '1')).toBe("ERR wrong number of arguments for 'sync' command");
});
