import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Address } from '../client.ts';
import { readProcessStatistics } from '../process-statistics.ts';
import type { LocalServer } from '../server-process.ts';
import { median, medianRatio } from '../statistics.ts';
import { formatNumber } from '../table.ts';
import type { FigureRow } from './figure.ts';

/** Commands that are sent as they are, over and over: what they cost to make is not measured. */
export interface FixedLoad {
  readonly clients: number;
  /** What a client sends at once; it takes them in turn. All are answered by the same number of bytes. */
  readonly batches: readonly Buffer[];
  readonly replyBytes: number;
  /** Batches in all. */
  readonly batchCount: number;
}

/** A command's words as a RESP array. */
export function encodeWords(words: readonly (string | number)[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(`${word}`)}\r\n${word}\r\n`).join('')}`;
}

/** Connections that are open when this resolves. */
export async function connectAll(address: Address, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(200, count - sockets.length) }, () =>
      connect({ ...address, noDelay: true }),
    );
    await Promise.all(batch.map((socket) => once(socket, 'connect')));
    sockets.push(...batch);
  }
  return sockets;
}

/** Sends a load, each client the next batch when its last is answered. Rejects if a connection ends or gets other replies. */
export async function runFixedLoad(address: Address, load: FixedLoad): Promise<void> {
  const sockets = await connectAll(address, load.clients);
  let begun = 0;
  const runClient = (socket: Socket, index: number) =>
    new Promise<void>((resolve, reject) => {
      let received = 0;
      let next = index;
      const send = () => {
        if (begun === load.batchCount) {
          resolve();
          return;
        }
        begun++;
        received = 0;
        socket.write(load.batches[next++ % load.batches.length]);
      };
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received > load.replyBytes)
          reject(new Error(`unexpected reply: ${chunk.toString('latin1', 0, 200)}`));
        else if (received === load.replyBytes) send();
      });
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('the server closed the connection')));
      send();
    });
  try {
    await Promise.all(sockets.map(runClient));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** What is compared between redis-server and Thermocline by the CPU that it takes. */
export interface CpuComparison {
  readonly what: string;
  readonly ratioMax: number;
  readonly pairs: number;
  /** Puts the load on a server and returns how many operations it was. */
  run(server: LocalServer): Promise<number>;
}

/** Measures pairs of neighbouring runs, after one that warms both servers up. */
export async function compareCpu(
  thermocline: LocalServer,
  redis: LocalServer,
  { what, ratioMax, pairs, run }: CpuComparison,
): Promise<FigureRow> {
  const measure = async (server: LocalServer) => {
    const before = readProcessStatistics(server.pid).cpuUs;
    const operations = await run(server);
    return (readProcessStatistics(server.pid).cpuUs - before) / operations;
  };
  await run(redis);
  await run(thermocline);
  const own: number[] = [];
  const other: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    other.push(await measure(redis));
    own.push(await measure(thermocline));
  }
  const ratio = medianRatio(own, other);
  return {
    what,
    measured: `${formatNumber(median(own))} µs = ${formatNumber(ratio)} × redis`,
    redis: `${formatNumber(median(other))} µs`,
    goal: `≤ ${ratioMax} × redis`,
    isMet: ratio <= ratioMax,
    numbers: { ratio, thermoclineUs: own, redisUs: other },
  };
}
