import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { SequentialPattern } from './key-patterns.ts';
import { LoadGenerator, type Phase, type PhaseOutcome } from './load-generator.ts';
import { ClosedLoop, OpenLoop } from './pacing.ts';
import { Random } from './random.ts';
import { SizeDistribution, Values } from './values.ts';
import { PatternWorkload } from './workload.ts';

const values = new Values(new SizeDistribution('0-2000'), false);
const unlimited = { durationMs: Infinity };
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A server of GET and SET on a Map. `change` may alter a reply, by the number of the command. */
async function listen(change: (reply: Buffer, command: number) => Buffer): Promise<number> {
  const store = new Map<string, string>();
  let commands = 0;
  const server = createServer((socket: Socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (;;) {
        const match = /^\*(\d)\r\n\$3\r\n(GET|SET)\r\n\$16\r\n(key:\d{12})\r\n(?:\$(\d+)\r\n)?/.exec(text);
        if (match === null) return;
        const [head, , name, key, size] = match;
        let reply = '+OK\r\n';
        let end = head.length;
        if (name === 'SET') {
          end += Number(size) + 2;
          if (text.length < end) return;
          store.set(key, text.slice(head.length, end - 2));
        } else {
          const value = store.get(key);
          reply = value === undefined ? '$-1\r\n' : `$${value.length}\r\n${value}\r\n`;
        }
        text = text.slice(end);
        socket.write(change(Buffer.from(reply, 'latin1'), commands++));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function runPhase(port: number, readRatio: number, phase: Partial<Phase>): Promise<PhaseOutcome> {
  const generator = await LoadGenerator.connect({ host: '127.0.0.1', port }, values, 3, 8);
  cleanups.push(() => generator.close());
  return generator.run({
    workload: new PatternWorkload(new SequentialPattern(100), new Random(1), readRatio),
    pacing: new ClosedLoop({ ...unlimited, operations: 100 }),
    pipeline: 8,
    verify: true,
    ...phase,
  });
}

it('sets and verifies values of many sizes', async () => {
  const port = await listen((reply) => reply);
  const written = await runPhase(port, 0, {});
  expect(written).toMatchObject({ replies: 100, errors: 0, misses: 0, mismatches: 0 });
  const read = await runPhase(port, 1, {});
  expect(read).toMatchObject({ replies: 100, errors: 0, misses: 0, mismatches: 0, unsent: 0 });
  expect(read.latencies.totalCount).toBe(100);
});

it('counts misses, errors and wrong values', async () => {
  const port = await listen((reply, command) => {
    if (command === 10) return Buffer.from('-ERR no\r\n');
    if (command >= 100 && command % 2 === 0 && reply.length > 10) reply[reply.length - 3] ^= 1;
    return reply;
  });
  expect(await runPhase(port, 1, { pacing: new ClosedLoop({ ...unlimited, operations: 5 }) })).toMatchObject({
    misses: 5,
  });
  expect(await runPhase(port, 0, { pacing: new ClosedLoop({ ...unlimited, operations: 95 }) })).toMatchObject(
    {
      errors: 1,
      lastError: 'ERR no',
    },
  );
  const pacing = new ClosedLoop({ ...unlimited, operations: 90 });
  const read = await runPhase(port, 1, { pacing });
  expect(read.misses).toBe(0);
  expect(read.mismatches).toBeGreaterThan(40);
});

it('charges a stall of the server to all operations that were due meanwhile', async () => {
  let stalled = false;
  const port = await listen((reply, command) => {
    if (command === 20 && !stalled) {
      stalled = true;
      const until = performance.now() + 100;
      while (performance.now() < until);
    }
    return reply;
  });
  const pacing = new OpenLoop({ ...unlimited, operations: 200 }, 1000);
  const outcome = await runPhase(port, 0, { pacing, pipeline: 1 });
  expect(outcome.replies).toBe(200);
  // 100 of the 200 fell due in the stall, and a quarter of all had to wait for more than half of it. A closed loop
  // would charge it to one operation of each connection.
  expect(outcome.latencies.getValueAtPercentile(80)).toBeGreaterThan(45_000);
});

it('ends early when it is told to', async () => {
  const stop = new AbortController();
  const port = await listen((reply, command) => {
    if (command === 50) stop.abort();
    return reply;
  });
  const pacing = new ClosedLoop({ ...unlimited, operations: Infinity });
  const outcome = await runPhase(port, 0, { pacing, signal: stop.signal });
  expect(outcome.replies).toBeGreaterThan(50);
  expect(outcome.replies).toBeLessThan(100);
});

it('fails when the server closes a connection', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  await expect(runPhase((server.address() as AddressInfo).port, 0, {})).rejects.toThrow();
});
