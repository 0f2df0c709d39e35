import { expect, test } from 'vitest';
import { createEngine, type TestEngine } from '../../test/support/engine.ts';
import { WatchedDisk } from '../../test/support/watched-disk.ts';
import { Arguments } from '../resp/arguments.ts';

const MEMORY_BYTES = 16 * 1024 * 1024;
/** A read of the device takes so long, and so many of them fit into the time that the cron has for all its work. */
const READ_MS = 0.05;
const READS_PER_CRON_MAX = 200;
/** The freeing is looked at for so long. */
const ROUNDS_MAX = 50;
const MEMBER_BYTES = 8192;
const MEMBERS_PER_COMMAND = 50;

/** Runs a command, of which the reply is given in short: its first line. */
function run(engine: TestEngine, ...words: (string | Uint8Array)[]): string {
  engine.beginBatch();
  const parts = words.map((word) => (typeof word === 'string' ? Buffer.from(word) : word));
  engine.pipeline.execute(engine.client, Arguments.of(parts), false);
  const [line] = engine.reply.buffer.toString('latin1', 0, Math.min(64, engine.reply.length)).split('\r\n');
  engine.reply.length = 0;
  engine.endTick();
  return line;
}

/** A member that takes little on the device, where it is compressed. */
function member(number: number): Buffer {
  const bytes = Buffer.alloc(MEMBER_BYTES, '.');
  bytes.write(String(number));
  return bytes;
}

test('a union ten times as large as memory is stored, read and deleted within memory', {
  timeout: 120_000,
}, async () => {
  const disk = new WatchedDisk();
  const engine = createEngine({
    directives: { 'enable-flex': 'yes', maxmemory: `${MEMORY_BYTES}`, 'flex-storage-path': 'tier' },
    disk: disk.disk,
  });
  let peakBytes = 0;
  disk.onWrite = () => {
    peakBytes = Math.max(peakBytes, engine.ledger.usedBytes);
  };
  disk.onRead = () => engine.clock.advance(READ_MS);
  let count = 0;
  while (count * MEMBER_BYTES < MEMORY_BYTES * 10) {
    const members = Array.from({ length: MEMBERS_PER_COMMAND }, (_, at) => member(count + at));
    const key = (count / MEMBERS_PER_COMMAND) % 3 === 0 ? 'a' : 'b';
    expect(run(engine, 'sadd', key, ...members)).toBe(`:${MEMBERS_PER_COMMAND}`);
    count += MEMBERS_PER_COMMAND;
    await disk.settle();
  }
  peakBytes = 0;
  expect(run(engine, 'sunionstore', 'target', 'a', 'b')).toBe(`:${count}`);
  expect(run(engine, 'sinterstore', 'common', 'target', 'b')).toBe(run(engine, 'scard', 'b'));
  expect(run(engine, 'copy', 'a', 'copy')).toBe(':1');
  expect(peakBytes).toBeGreaterThan(0);
  expect(peakBytes).toBeLessThan(MEMORY_BYTES);
  expect(run(engine, 'sismember', 'target', member(7))).toBe(':1');
  await disk.settle();

  // What a deletion frees, it frees a little at a time.
  const before = disk.readCount;
  expect(run(engine, 'del', 'target')).toBe(':1');
  run(engine, 'set', 'common', 'overwritten');
  run(engine, 'pexpire', 'copy', '1');
  engine.clock.advance(2);
  expect(run(engine, 'exists', 'copy')).toBe(':0');
  expect(disk.readCount - before).toBeLessThan(READS_PER_CRON_MAX);
  let rounds = 0;
  let readsMax = 0;
  for (; engine.pendingFreeCount > 0 && rounds < ROUNDS_MAX; rounds++) {
    const readBefore = disk.readCount;
    engine.runCron();
    readsMax = Math.max(readsMax, disk.readCount - readBefore);
    await disk.settle();
  }
  expect(readsMax).toBeLessThanOrEqual(READS_PER_CRON_MAX);
  expect(rounds).toBe(ROUNDS_MAX);
});
