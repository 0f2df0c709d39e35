import { describe, expect, test } from 'vitest';
import { type Random, SeededRandom } from '../../src/base/random.ts';
import { ReplyError } from '../../src/resp/reply.ts';
import { connect, encodeCommand, fields, type TestClient } from '../support/client.ts';
import { startThermocline, type TestServer, temporaryDirectory } from '../support/servers.ts';

const seedBase = Number(process.env.THERMOCLINE_CRASH_SEED ?? 1);
const roundCount = Number(process.env.THERMOCLINE_CRASH_COUNT ?? 3);

const CLIENTS = 4;
const LIVES = 3;
/** A server is killed at some time within so many milliseconds of the load. */
const LOAD_MS_MAX = 1500;
/** What `everysec` may lose at most. */
const LOST_MS_MAX = 2000;
const FILLER = 'x'.repeat(3000);
const FLEX = {
  'enable-flex': 'yes',
  'flex-storage-path': 'ssd',
  'flex-checkpoint-interval': 1,
  'flex-hot-threshold': 0.3,
  maxmemory: '32mb',
  'auto-aof-rewrite-min-size': '1mb',
  'auto-aof-rewrite-percentage': 50,
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
      ['INCR', 'all'],
      ['RPUSH', `${name}:list`, number],
      ['HSET', `${name}:hash`, `field:${number % 500}`, `${number}:${FILLER.slice(0, random.below(200))}`],
      [
        'SET',
        `${name}:string:${number % 1000}`,
        `${number}:${FILLER.slice(random.below(3000))}`,
        'EX',
        '10000',
      ],
      ['ZADD', `${name}:zset`, number, `member:${number % 300}`],
      ['XADD', `${name}:stream`, `${number + 1}-1`, 'number', number],
      ...(number % 50 === 49
        ? [['DEL', `${name}:gone`]]
        : [['SADD', `${name}:gone`, number, `${number}:${FILLER}`]]),
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
      const changes = Array.from({ length: 1 + random.below(8) }, () => history.next(random));
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
  const lastOf = (at: number, size: number) => (at > last ? null : `${last - ((last - at) % size)}`);
  for (const [what, size, words] of [
    ['hash', 500, (at: number) => ['HGET', `${name}:hash`, `field:${at}`]],
    ['string', 1000, (at: number) => ['GET', `${name}:string:${at}`]],
    ['zset', 300, (at: number) => ['ZSCORE', `${name}:zset`, `member:${at}`]],
  ] as const) {
    for (let at = 0; at < size; at++) {
      const found = (await client.call(...words(at))) as string | null;
      const expected = lastOf(at, size);
      if (found?.split(':')[0] !== (expected ?? undefined))
        expect({ what, at, found }).toEqual({ what, at, expected });
    }
  }
  expect(await client.call('XLEN', `${name}:stream`)).toBe(count);
  const sinceGone = count % 50;
  expect(await client.call('SCARD', `${name}:gone`)).toBe(sinceGone * 2);
  return count;
}

/** Takes checkpoints one after the other, and says how many changes of each client the last whole one holds at least. */
async function checkpoints(admin: TestClient, histories: readonly History[], kept: number[]): Promise<void> {
  try {
    for (;;) {
      const before = Number(fields(await admin.call('INFO', 'flex')).flex_checkpoints);
      const reply = await admin.call('FLEX', 'CHECKPOINT');
      if (reply !== 'Checkpoint started') continue;
      const counts = histories.map(({ acknowledgedMs }) => acknowledgedMs.length);
      for (;;) {
        const figures = fields(await admin.call('INFO', 'flex'));
        if (figures.flex_last_checkpoint_status === 'err') throw new Error('a checkpoint failed');
        if (figures.flex_checkpoint_in_progress === '0' && Number(figures.flex_checkpoints) > before) break;
      }
      kept.splice(0, kept.length, ...counts);
    }
  } catch (error) {
    if (!`${error}`.includes('The connection ended')) throw error;
  }
}

/** Loads a server from several clients while checkpoints are taken, and kills it. */
async function loadAndKill(
  server: TestServer,
  histories: readonly History[],
  random: Random,
): Promise<{ killedMs: number; kept: readonly number[] }> {
  const loads = [];
  const kept = histories.map(() => 0);
  for (const history of histories) {
    loads.push(load(await connect(server.port), history, new SeededRandom(random.uint32())));
  }
  loads.push(checkpoints(await connect(server.port), histories, kept));
  await new Promise((resolve) => setTimeout(resolve, random.below(LOAD_MS_MAX)));
  const killedMs = Date.now();
  await server.kill();
  await Promise.all(loads);
  return { killedMs, kept };
}

describe.each(['off', 'everysec', 'always'])(
  'killed while checkpoints are taken, append-only file %s',
  (policy) => {
    test.each(Array.from({ length: roundCount }, (_, at) => seedBase + at))('seed %i', async (seed) => {
      const random = new SeededRandom(seed, 3);
      const directory = temporaryDirectory();
      const settings = {
        ...FLEX,
        appendonly: policy === 'off' ? 'no' : 'yes',
        ...(policy === 'off' ? {} : { appendfsync: policy }),
      };
      let histories = Array.from({ length: CLIENTS }, (_, at) => new History(`client:${at}`));
      for (let life = 0; life < LIVES; life++) {
        const server = await startThermocline(settings, { directory });
        const { killedMs, kept } = await loadAndKill(server, histories, random);
        const again = await startThermocline(settings, { directory });
        const client = await connect(again.port);
        const counts: number[] = [];
        for (const [at, history] of histories.entries()) {
          const count = await changesOf(client, history);
          const { acknowledgedMs, sent } = history;
          expect(count).toBeLessThanOrEqual(sent);
          expect(count).toBeGreaterThanOrEqual(kept[at]);
          const firstLost = acknowledgedMs[count];
          if (firstLost !== undefined) {
            expect(policy).not.toBe('always');
            if (policy === 'everysec') expect(killedMs - firstLost).toBeLessThanOrEqual(LOST_MS_MAX);
          }
          counts.push(count);
        }
        // One cut for all of them.
        expect(Number(await client.call('GET', 'all'))).toBe(counts.reduce((sum, count) => sum + count, 0));
        const size = Number(await client.call('DBSIZE'));
        const keys = new Set<string>();
        let cursor = '0';
        do {
          const [next, some] = (await client.call('SCAN', cursor, 'COUNT', '1000')) as [string, string[]];
          cursor = next;
          for (const key of some) keys.add(key);
        } while (cursor !== '0');
        expect(keys.size).toBe(size);
        // One goes on with what the other has left, orderly ended or not.
        if (random.below(2) === 0) await again.close();
        else await again.kill();
        histories = histories.map(({ name }, at) => {
          const history = new History(name);
          history.sent = counts[at];
          history.acknowledgedMs.length = counts[at];
          history.acknowledgedMs.fill(0);
          return history;
        });
      }
    });
  },
);
