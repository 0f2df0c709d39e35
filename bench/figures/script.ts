import { createHash } from 'node:crypto';
import { startInMemory, startRedis } from '../known-servers.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { compareCpu, encodeWords, runFixedLoad } from './fixed-load.ts';

const SCRIPT = "local value = redis.call('GET', KEYS[1]) redis.call('SET', KEYS[2], ARGV[1]) return value";
const VALUE = 'x'.repeat(100);
const KEYS = 2000;
const CLIENTS = 50;
const PAIRS = 5;
const CALLS = 320_000;
const CASES = [
  { pipeline: 1, share: 4 },
  { pipeline: 16, share: 1 },
] as const;

/** Server CPU of EVALSHA of a script with one GET and one SET of 100 B values, against redis-server. */
export const script: Figure = {
  name: 'script',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const redis = await startRedis(context);
    try {
      const thermocline = await startInMemory(context);
      try {
        for (const server of [redis, thermocline]) {
          await server.control.command('SCRIPT', 'LOAD', SCRIPT);
          for (let key = 0; key < KEYS; key++) await server.control.command('SET', `read:${key}`, VALUE);
        }
        const sha = createHash('sha1').update(SCRIPT).digest('hex');
        for (const { pipeline, share } of CASES) {
          context.log(`script: pipeline ${pipeline}`);
          const batches = Array.from({ length: KEYS / pipeline }, (_, batch) =>
            Buffer.from(
              Array.from({ length: pipeline }, (_, index) => {
                const key = batch * pipeline + index;
                return encodeWords(['EVALSHA', sha, 2, `read:${key}`, `write:${key}`, VALUE]);
              }).join(''),
            ),
          );
          const replyBytes = pipeline * `$100\r\n${VALUE}\r\n`.length;
          const calls = CALLS / share / (context.quick ? 10 : 1);
          const batchCount = Math.round(calls / pipeline);
          yield await compareCpu(thermocline, redis, {
            what: `CPU per EVALSHA with a GET and a SET of 100 B, ${CLIENTS} clients, pipeline ${pipeline}`,
            ratioMax: 2,
            pairs: PAIRS,
            run: async (server) => {
              await runFixedLoad(server.address, { clients: CLIENTS, batches, replyBytes, batchCount });
              return batchCount * pipeline;
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
