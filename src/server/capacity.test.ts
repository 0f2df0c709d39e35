import { describe, expect, test } from 'vitest';
import { createEngine, type TestEngine, type Word } from '../../test/support/engine.ts';
import { WatchedDisk } from '../../test/support/watched-disk.ts';
import { SeededRandom } from '../base/random.ts';
import { Arguments } from '../resp/arguments.ts';

const MIB = 1024 * 1024;
const MEMORY_BYTES = 32 * MIB;
const VALUE_BYTES = 32 * 1024;
/** The cron runs ten times a second, in which so many keys may be set. */
const KEYS_PER_CRON = 16;
/** Many more turns than anything takes that ends. */
const TURNS_MAX = 500;

interface Setup {
  readonly engine: TestEngine;
  readonly disk: WatchedDisk;
}

function setUp(directives: Record<string, string> = {}): Setup {
  const disk = new WatchedDisk();
  const engine = createEngine({
    directives: {
      'enable-flex': 'yes',
      maxmemory: `${MEMORY_BYTES}`,
      'flex-storage-path': 'tier',
      'flex-checkpoint-interval': '0',
      ...directives,
    },
    disk: disk.disk,
  });
  return { engine, disk };
}

/** Offers a command once: the first line of its reply, or null if it waits. */
function offer({ engine }: Setup, ...words: Word[]): string | null {
  engine.beginBatch();
  const parts = words.map((word) => (word instanceof Uint8Array ? word : Buffer.from(String(word))));
  const ran = engine.pipeline.execute(engine.client, Arguments.of(parts), true);
  const [line] = engine.reply.buffer.toString('latin1', 0, Math.min(200, engine.reply.length)).split('\r\n');
  engine.reply.length = 0;
  engine.endTick();
  return ran ? line : null;
}

/** What goes on between commands. */
async function turn({ engine, disk }: Setup): Promise<void> {
  engine.clock.advance(1);
  engine.runCron();
  disk.endFetch();
  if (disk.holdsWrites === null) await disk.settle();
  await new Promise(setImmediate);
}

/** Offers a command until it runs; its reply, or null if it still waits in the end. */
async function run(setup: Setup, ...words: Word[]): Promise<string | null> {
  for (let at = 0; at < TURNS_MAX; at++) {
    const reply = offer(setup, ...words);
    if (reply !== null) return reply;
    await turn(setup);
  }
  return null;
}

async function turns(setup: Setup, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await turn(setup);
}

/** Goes on until something is so. */
async function until(setup: Setup, isSo: () => boolean): Promise<void> {
  for (let at = 0; at < TURNS_MAX && !isSo(); at++) await turn(setup);
  expect(isSo()).toBe(true);
}

/** Its first bytes tell the key; the others can't be compressed. */
function value(number: number): Buffer {
  const random = new SeededRandom(number + 1);
  const bytes = Buffer.alloc(VALUE_BYTES);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(random.uint32(), at);
  return bytes;
}

/** Sets keys one after the other; replies by how often they came. */
async function fill(setup: Setup, from: number, to: number): Promise<Map<string, number>> {
  const replies = new Map<string, number>();
  for (let number = from; number < to; number++) {
    if (number % KEYS_PER_CRON === 0) await turn(setup);
    const reply = String(await run(setup, 'set', `key:${number}`, value(number)));
    replies.set(reply, (replies.get(reply) ?? 0) + 1);
    if (reply === 'null') break;
  }
  return replies;
}

/** How many of so many keys are there, each with the value that it was given. */
async function countRight(setup: Setup, count: number): Promise<number> {
  const { engine } = setup;
  let found = 0;
  for (let number = 0; number < count; number++) {
    const [database] = engine.keyspace.databases;
    const key = Buffer.from(`key:${number}`);
    if (!database.peekRaw(key, 0, key.length)) continue;
    const { bytes, payloadOffset, payloadLength } = database.entry;
    if (!value(number).equals(bytes.subarray(payloadOffset, payloadOffset + payloadLength)))
      throw new Error(`key:${number} has another's value`);
    found++;
  }
  return found;
}

const size = ({ engine }: Setup): number => engine.keyspace.databases[0].size;
const coldCount = ({ engine }: Setup): number => engine.keyspace.databases[0].coldCount;
const usedBytes = ({ engine }: Setup): number => engine.ledger.usedBytes;

describe('with the SSD budget used up', () => {
  const FULL = { 'flex-storage-limit': `${24 * MIB}` };
  const COUNT = 1800;

  test('under noeviction writes are refused, reads and deletions go on, and then writes again', async () => {
    const setup = setUp(FULL);
    const replies = await fill(setup, 0, COUNT);
    const stored = replies.get('+OK') ?? 0;
    expect([...replies.keys()].filter((reply) => reply !== '+OK')).toEqual([
      "-OOM command not allowed when used memory > 'maxmemory'.",
    ]);
    expect(stored).toBeGreaterThan(1000);
    expect(size(setup)).toBe(stored);
    expect(await countRight(setup, COUNT)).toBe(stored);
    expect(await run(setup, 'strlen', 'key:0')).toBe(`:${VALUE_BYTES}`);
    for (let number = 0; number < stored; number += 2) await run(setup, 'del', `key:${number}`);
    await turns(setup, 200);
    expect((await fill(setup, COUNT, COUNT + 100)).get('+OK')).toBe(100);
    expect(usedBytes(setup)).toBeLessThan(MEMORY_BYTES);
  });

  test('keys of both tiers are evicted by the policy, which can be changed meanwhile', async () => {
    const setup = setUp({ ...FULL, 'maxmemory-policy': 'allkeys-lru' });
    let set = 0;
    for (const policy of ['allkeys-lru', 'allkeys-random', 'noeviction', 'allkeys-lfu']) {
      expect(await run(setup, 'config', 'set', 'maxmemory-policy', policy)).toBe('+OK');
      const replies = await fill(setup, set, set + 800);
      set += 800;
      if (policy !== 'noeviction') expect([...replies.keys()]).toEqual(['+OK']);
      expect(usedBytes(setup)).toBeLessThan(MEMORY_BYTES * 1.01);
    }
    const { statistics } = setup.engine.keyspace;
    expect(statistics.evictedKeys).toBeGreaterThan(500);
    expect(await countRight(setup, set)).toBe(size(setup));
    expect(coldCount(setup)).toBeGreaterThan(200);
    expect(setup.engine.tier?.store.fileBytes).toBeLessThan(36 * MIB);
  });

  test('volatile keys are evicted, and where there are none writes are refused', async () => {
    const setup = setUp({ ...FULL, 'maxmemory-policy': 'volatile-ttl' });
    await fill(setup, 0, COUNT);
    expect(await run(setup, 'set', 'x', value(1))).toMatch(/^-OOM /);
    for (let number = 0; number < 20; number++) await run(setup, 'expire', `key:${number}`, 1000);
    await fill(setup, COUNT, COUNT + 10);
    const { statistics } = setup.engine.keyspace;
    expect(statistics.evictedKeys).toBeGreaterThan(0);
    expect(await run(setup, 'exists', 'key:0')).toBe(':0');
    expect(await run(setup, 'exists', 'key:20')).toBe(':1');
  });
});

test('a storage limit below what is used already loses nothing, and holds up nothing once it is raised', async () => {
  const setup = setUp();
  await fill(setup, 0, 1200);
  expect(await run(setup, 'config', 'set', 'flex-storage-limit', `${MIB}`)).toBe('+OK');
  const replies = await fill(setup, 1200, 1700);
  expect(replies.get("-OOM command not allowed when used memory > 'maxmemory'.")).toBeGreaterThan(0);
  expect(await countRight(setup, 1700)).toBe(size(setup));
  expect(await run(setup, 'config', 'set', 'flex-storage-limit', '0')).toBe('+OK');
  expect((await fill(setup, 1700, 2000)).get('+OK')).toBe(300);
  expect(await countRight(setup, 2000)).toBe(size(setup));
});

describe('flex-hot-threshold', () => {
  test('of 0 has all moved to the SSD', async () => {
    const setup = setUp({ 'flex-hot-threshold': '0' });
    expect((await fill(setup, 0, 600)).get('+OK')).toBe(600);
    await until(setup, () => coldCount(setup) === 600);
    expect(await countRight(setup, 600)).toBe(600);
  });

  test('of 1 has nothing moved before memory is full', async () => {
    const setup = setUp({ 'flex-hot-threshold': '1' });
    await fill(setup, 0, 300);
    await turns(setup, 20);
    expect(coldCount(setup)).toBe(0);
    expect((await fill(setup, 300, 1200)).get('+OK')).toBe(900);
    expect(usedBytes(setup)).toBeLessThan(MEMORY_BYTES * 1.02);
    expect(coldCount(setup)).toBeGreaterThan(200);
    expect(await run(setup, 'config', 'set', 'flex-hot-threshold', '0')).toBe('+OK');
    await until(setup, () => coldCount(setup) === 1200);
    expect(await run(setup, 'config', 'set', 'flex-hot-threshold', '1')).toBe('+OK');
    expect(await countRight(setup, 1200)).toBe(1200);
  });
});

describe('a device', () => {
  test('that is slow to write has writers wait, and holds up nobody else', async () => {
    const setup = setUp();
    const { engine } = setup;
    // What is on its way to the device stays there.
    const held: (() => void)[] = [];
    setup.disk.holdsWrites = (proceed) => held.push(proceed);
    let number = 0;
    for (; offer(setup, 'set', `key:${number}`, value(number)) === '+OK'; number++)
      if (number % KEYS_PER_CRON === 0) engine.runCron();
    expect(usedBytes(setup)).toBeLessThan(MEMORY_BYTES);
    expect(await run(setup, 'strlen', 'key:0')).toBe(`:${VALUE_BYTES}`);
    expect(await run(setup, 'del', 'key:1')).toBe(':1');
    expect(engine.tier?.fault).toBe('');
    setup.disk.holdsWrites = null;
    for (const proceed of held.splice(0)) proceed();
    expect(await run(setup, 'set', `key:${number}`, value(number))).toBe('+OK');
    expect(await countRight(setup, number + 1)).toBe(size(setup));
  });

  test('that can’t be read makes errors of the keys on it, and of no others', async () => {
    const setup = setUp();
    await fill(setup, 0, 1500);
    await setup.disk.settle();
    const [database] = setup.engine.keyspace.databases;
    const keyOf = (hot: boolean) => {
      for (let number = hot ? 1499 : 0; ; number += hot ? -1 : 1) {
        const key = Buffer.from(`key:${number}`);
        if (database.peekRaw(key, 0, key.length) && database.entry.hot === hot) return `key:${number}`;
      }
    };
    const hot = keyOf(true);
    const cold = keyOf(false);
    setup.disk.readError = new Error('EIO: i/o error, read');
    setup.engine.tier?.store.forgetBlock();
    expect(await run(setup, 'get', cold)).toMatch(/^-IOERR /);
    expect(await run(setup, 'get', hot)).toBe(`$${VALUE_BYTES}`);
    expect(await run(setup, 'set', 'new', '1')).toBe('+OK');
    expect(await run(setup, 'ping')).toBe('+PONG');
    setup.disk.readError = null;
    expect(await run(setup, 'get', cold)).toBe(`$${VALUE_BYTES}`);
    expect(await countRight(setup, 1500)).toBe(1500);
  });

  test('that can’t be written has writes refused once memory is full, and they go on when it can', async () => {
    const setup = setUp();
    setup.disk.writeError = new Error('EIO: i/o error, write');
    const replies = await fill(setup, 0, 1200);
    const refusal = [...replies.keys()].find((reply) => reply !== '+OK');
    expect(refusal).toMatch(/^-MISCONF The SSD tier can't be written \(.*\), and memory is full/);
    const stored = replies.get('+OK') ?? 0;
    expect(stored).toBeGreaterThan(300);
    expect(usedBytes(setup)).toBeLessThan(MEMORY_BYTES * 1.01);
    expect(await run(setup, 'get', 'key:0')).toBe(`$${VALUE_BYTES}`);
    expect(await run(setup, 'del', 'key:0')).toBe(':1');
    expect(setup.engine.tier?.report().writeErrors).toBeGreaterThan(0);
    setup.disk.writeError = null;
    while (setup.engine.tier?.fault !== '') await turn(setup);
    expect((await fill(setup, 1200, 1600)).get('+OK')).toBe(400);
    expect(await countRight(setup, 1600)).toBe(stored - 1 + 400);
  });
});

describe('flex-write-rate-limit', () => {
  const RATE = 8 * MIB;

  test('paces what demotion writes; writers are delayed by little each, and none is refused', async () => {
    const setup = setUp({ 'flex-write-rate-limit': `${RATE}` });
    const { engine } = setup;
    await fill(setup, 0, 700);
    for (let at = 0; at < 100; at++) {
      engine.clock.advance(20);
      await turn(setup);
    }
    const startMs = engine.clock.nowMs;
    const startBytes = engine.tier?.store.freshBytes ?? 0;
    let longestMs = 0;
    for (let number = 700; number < 900; number++) {
      const before = engine.clock.nowMs;
      expect(await run(setup, 'set', `key:${number}`, value(number))).toBe('+OK');
      longestMs = Math.max(longestMs, engine.clock.nowMs - before);
      engine.clock.advance(0.01);
    }
    const seconds = (engine.clock.nowMs - startMs) / 1000;
    const written = (engine.tier?.store.freshBytes ?? 0) - startBytes;
    expect(written / seconds / RATE).toBeGreaterThan(0.8);
    expect(written / seconds / RATE).toBeLessThan(1.25);
    // Batches of records, not seconds.
    expect(longestMs).toBeLessThan(50);
    expect(usedBytes(setup)).toBeLessThan(MEMORY_BYTES);
    expect(engine.run('info', 'flex').value).toMatch(/flex_write_pauses:[1-9]/);
  });
});
