import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import { ReplyError } from '../../src/resp/reply.ts';
import { connect, encodeCommand, type TestClient } from '../support/client.ts';
import { startThermocline, type TestServer, temporaryDirectory } from '../support/servers.ts';

const seedBase = Number(process.env.THERMOCLINE_CRASH_SEED ?? 1);
const roundCount = Number(process.env.THERMOCLINE_CRASH_COUNT ?? 8);

const MAIN = join(import.meta.dirname, '..', '..', 'dist', 'src', 'main.js');
const CLIENTS = 4;
/** A server is killed at some time within so many milliseconds of the load. */
const LOAD_MS_MAX = 700;
/** What `everysec` may lose at most. */
const LOST_MS_MAX = 2000;
const LOG = {
  appendonly: 'yes',
  save: '',
  'auto-aof-rewrite-min-size': '64kb',
  'auto-aof-rewrite-percentage': 100,
};

/** What one client has done: changes are numbered from 0, and each leaves a trace in values of several types. */
class History {
  sent = 0;
  /** When each was acknowledged, in milliseconds. */
  readonly acknowledgedMs: number[] = [];
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** The commands of the next change. */
  next(random: Random): { readonly bytes: Buffer; readonly replies: number } {
    const number = this.sent++;
    const { name } = this;
    const commands = [
      ['MULTI'],
      ['RPUSH', `${name}:list`, number],
      ['HSET', `${name}:hash`, `field:${number % 100}`, number],
      ['SET', `${name}:string`, `${number}:${'x'.repeat(random.below(200))}`],
      ['ZADD', `${name}:zset`, number, `member:${number % 50}`],
      ['EXEC'],
    ];
    return {
      bytes: Buffer.concat(commands.map((words) => encodeCommand(...words))),
      replies: commands.length,
    };
  }
}

/** Has a client make changes, several at a time, until the server is gone. */
async function load(client: TestClient, history: History, random: Random): Promise<void> {
  try {
    for (;;) {
      const count = 1 + random.below(8);
      const changes = Array.from({ length: count }, () => history.next(random));
      client.send(Buffer.concat(changes.map(({ bytes }) => bytes)));
      for (const { replies } of changes) {
        for (let left = replies; left > 0; left--) {
          const reply = await client.reply();
          if (reply instanceof ReplyError) throw new Error(`refused: ${reply.message}`);
        }
        history.acknowledgedMs.push(Date.now());
      }
    }
  } catch (error) {
    if (!`${error}`.includes('The connection ended')) throw error;
  }
}

/** How many of a client's changes are there; throws if there is a hole, or half of one. */
async function changesOf(client: TestClient, { name }: History): Promise<number> {
  const list = ((await client.call('LRANGE', `${name}:list`, 0, -1)) as string[]).map(Number);
  const count = list.length;
  expect(list).toEqual(Array.from({ length: count }, (_, at) => at));
  const last = count - 1;
  const string = (await client.call('GET', `${name}:string`)) as string | null;
  expect(string?.split(':')[0]).toBe(count === 0 ? undefined : `${last}`);
  for (const [key, size, words] of [
    ['hash', 100, (at: number) => ['HGET', `${name}:hash`, `field:${at}`]],
    ['zset', 50, (at: number) => ['ZSCORE', `${name}:zset`, `member:${at}`]],
  ] as const) {
    for (let at = 0; at < size; at++) {
      const expected = at > last ? null : `${last - ((last - at) % size)}`;
      const found = await client.call(...words(at));
      if (found !== expected) expect({ key, at, found }).toEqual({ key, at, found: expected });
    }
  }
  return count;
}

/** Loads a server from several clients, rewriting the log now and then, and kills it. Returns when it was killed. */
async function loadAndKill(
  server: TestServer,
  histories: readonly History[],
  random: Random,
): Promise<number> {
  const loads = [];
  for (const history of histories) {
    loads.push(load(await connect(server.port), history, new SeededRandom(random.uint32())));
  }
  const admin = await connect(server.port);
  const rewrites = async () => {
    try {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, random.below(100)));
        await admin.call('BGREWRITEAOF');
      }
    } catch {
      // The server is gone.
    }
  };
  loads.push(rewrites());
  await new Promise((resolve) => setTimeout(resolve, random.below(LOAD_MS_MAX)));
  const killedMs = Date.now();
  await server.kill();
  admin.close();
  await Promise.all(loads);
  return killedMs;
}

describe.each(['always', 'everysec'])('killed at any time under appendfsync %s', (policy) => {
  test.each(Array.from({ length: roundCount }, (_, at) => seedBase + at))('seed %i', async (seed) => {
    const random = new SeededRandom(seed);
    const directory = temporaryDirectory();
    let histories = Array.from({ length: CLIENTS }, (_, at) => new History(`client:${at}`));
    // A second life goes on where the first has ended.
    for (let life = 0; life < 2; life++) {
      const server = await startThermocline({ ...LOG, appendfsync: policy }, { directory });
      const killedMs = await loadAndKill(server, histories, random);
      const again = await startThermocline({ ...LOG, appendfsync: policy }, { directory });
      const client = await connect(again.port);
      const counts: number[] = [];
      for (const history of histories) {
        const count = await changesOf(client, history);
        const { acknowledgedMs, sent } = history;
        expect(count).toBeLessThanOrEqual(sent);
        const firstLost = acknowledgedMs[count];
        if (firstLost !== undefined) {
          expect(policy).toBe('everysec');
          expect(killedMs - firstLost).toBeLessThanOrEqual(LOST_MS_MAX);
        }
        counts.push(count);
      }
      await again.close();
      histories = histories.map(({ name }, at) => {
        const history = new History(name);
        history.sent = counts[at];
        history.acknowledgedMs.length = counts[at];
        history.acknowledgedMs.fill(0);
        return history;
      });
    }
  });
});

test('killed while it starts, again and again, it loses nothing', async () => {
  const random = new SeededRandom(seedBase);
  const directory = temporaryDirectory();
  const histories = Array.from({ length: CLIENTS }, (_, at) => new History(`client:${at}`));
  await loadAndKill(
    await startThermocline({ ...LOG, appendfsync: 'always' }, { directory }),
    histories,
    random,
  );
  const directives = Object.entries({
    ...LOG,
    appendfsync: 'always',
    dir: directory,
    port: '0',
    bind: '127.0.0.1',
  });
  for (let attempt = 0; attempt < roundCount; attempt++) {
    const args = directives.flatMap(([name, value]) => [`--${name}`, `${value}`]);
    const starting = spawn(process.execPath, [MAIN, ...args], { cwd: directory, stdio: 'ignore' });
    await new Promise((resolve) => setTimeout(resolve, 200 + random.below(600)));
    starting.kill('SIGKILL');
    await once(starting, 'exit');
  }
  const server = await startThermocline({ ...LOG, appendfsync: 'always' }, { directory });
  const client = await connect(server.port);
  for (const history of histories) {
    expect(await changesOf(client, history)).toBeGreaterThanOrEqual(history.acknowledgedMs.length);
  }
});
