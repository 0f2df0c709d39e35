import { once } from 'node:events';
import { startInMemory, startRedis } from '../known-servers.ts';
import { settledAnonymousBytes } from '../process-statistics.ts';
import type { LocalServer } from '../server-process.ts';
import { formatNumber } from '../table.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { connectAll, encodeWords } from './fixed-load.ts';

const CONNECTIONS = 10_000;
const RATIO_MAX = 1.5;

/** Growth of anonymous resident memory for each connection that has sent a command and then nothing more. */
export const idleConnections: Figure = {
  name: 'idle-connections',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const count = context.quick ? CONNECTIONS / 10 : CONNECTIONS;
    const redis = await bytesPerConnection(await startRedis(context), count, context);
    const thermocline = await bytesPerConnection(await startInMemory(context), count, context);
    const ratio = thermocline / redis;
    yield {
      what: `RAM per idle connection, ${formatNumber(count)} connections`,
      measured: `${formatNumber(thermocline)} B = ${formatNumber(ratio)} × redis`,
      redis: `${formatNumber(redis)} B`,
      goal: `≤ ${RATIO_MAX} × redis`,
      isMet: ratio <= RATIO_MAX,
      numbers: { ratio, thermoclineBytes: thermocline, redisBytes: redis },
    };
  },
};

/** Stops the server when done. */
async function bytesPerConnection(
  server: LocalServer,
  count: number,
  context: FigureContext,
): Promise<number> {
  context.log(`idle-connections: ${server.name}`);
  try {
    await server.control.command('CONFIG', 'SET', 'maxclients', String(count + 100));
    const empty = await settledAnonymousBytes(server.pid);
    const sockets = await connectAll(server.address, count);
    for (const socket of sockets) {
      const answered = once(socket, 'data');
      socket.write(encodeWords(['GET', 'key']));
      await answered;
    }
    const full = await settledAnonymousBytes(server.pid);
    for (const socket of sockets) socket.destroy();
    return (full - empty) / count;
  } finally {
    await server.stop();
  }
}
