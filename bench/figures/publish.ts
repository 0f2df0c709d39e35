import { startInMemory, startRedis } from '../known-servers.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { compareCpu, connectAll, encodeWords, runFixedLoad } from './fixed-load.ts';

const SUBSCRIBERS = 100;
const MESSAGES = 40_000;
const TEXT = 'x'.repeat(100);
const MESSAGE_BYTES = encodeWords(['message', 'news', TEXT]).length;
const PIPELINES = [1, 16] as const;

/** Server CPU per delivered message of 100 B, of PUBLISH to a hundred subscribers, against redis-server. */
export const publish: Figure = {
  name: 'publish',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const redis = await startRedis(context);
    try {
      const thermocline = await startInMemory(context);
      try {
        for (const pipeline of PIPELINES) {
          const messages = MESSAGES / (context.quick ? 10 : 1) / (pipeline === 1 ? 4 : 1);
          const load = {
            clients: 1,
            batches: [Buffer.from(encodeWords(['PUBLISH', 'news', TEXT]).repeat(pipeline))],
            replyBytes: pipeline * `:${SUBSCRIBERS}\r\n`.length,
            batchCount: messages / pipeline,
          };
          yield await compareCpu(thermocline, redis, {
            what: `CPU per delivered message of 100 B, ${SUBSCRIBERS} subscribers, pipeline ${pipeline}`,
            ratioMax: 1.5,
            pairs: 5,
            run: async (server) => {
              const sockets = await connectAll(server.address, SUBSCRIBERS);
              const subscribe = encodeWords(['SUBSCRIBE', 'news']);
              const confirmedBytes = `*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n`.length;
              const confirmed = sockets.map((socket) => receive(socket, confirmedBytes));
              for (const socket of sockets) socket.write(subscribe);
              await Promise.all(confirmed);
              const delivered = sockets.map((socket) => receive(socket, messages * MESSAGE_BYTES));
              await runFixedLoad(server.address, load);
              await Promise.all(delivered);
              for (const socket of sockets) socket.destroy();
              return messages * SUBSCRIBERS;
            },
          });
        }
      } finally {
        await thermocline.stop();
      }
    } finally {
      await redis.stop();
    }
  },
};

/** Resolves when a socket has received so many bytes. */
function receive(socket: NodeJS.ReadableStream, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = bytes;
    const take = (chunk: Buffer) => {
      left -= chunk.length;
      if (left > 0) return;
      socket.off('data', take);
      socket.off('error', reject);
      resolve();
    };
    socket.on('data', take);
    socket.on('error', reject);
  });
}
