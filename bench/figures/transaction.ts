import { startInMemory, startRedis } from '../known-servers.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { compareCpu, encodeWords, runFixedLoad } from './fixed-load.ts';

const SETS = 10;
const PIPELINE = 16;
const CLIENTS = 20;
const BATCHES = 200;
const TRANSACTIONS = 160_000;
const VALUE = 'x'.repeat(100);
const REPLY = `+OK\r\n${'+QUEUED\r\n'.repeat(SETS)}*${SETS}\r\n${'+OK\r\n'.repeat(SETS)}`;

/** Server CPU per SET of transactions of ten, sixteen transactions at once, against redis-server. */
export const transaction: Figure = {
  name: 'transaction',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const redis = await startRedis(context);
    try {
      const thermocline = await startInMemory(context);
      try {
        let key = 0;
        const batches = Array.from({ length: BATCHES }, () =>
          Buffer.from(
            Array.from({ length: PIPELINE }, () => {
              const sets = Array.from({ length: SETS }, () => encodeWords(['SET', `key:${key++}`, VALUE]));
              return encodeWords(['MULTI']) + sets.join('') + encodeWords(['EXEC']);
            }).join(''),
          ),
        );
        const batchCount = TRANSACTIONS / PIPELINE / (context.quick ? 10 : 1);
        yield await compareCpu(thermocline, redis, {
          what: `CPU per SET of 100 B in MULTI of ${SETS}, ${CLIENTS} clients, pipeline ${PIPELINE}`,
          ratioMax: 1.1,
          pairs: 5,
          run: async (server) => {
            const replyBytes = PIPELINE * REPLY.length;
            await runFixedLoad(server.address, { clients: CLIENTS, batches, replyBytes, batchCount });
            return batchCount * PIPELINE * SETS;
          },
        });
      } finally {
        await thermocline.stop();
      }
    } finally {
      await redis.stop();
    }
  },
};
