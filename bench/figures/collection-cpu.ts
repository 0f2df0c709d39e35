import { COLLECTION_TYPES, Collections, operationsOf, runCommands } from '../collections.ts';
import { startInMemory, startRedis } from '../known-servers.ts';
import { Random } from '../random.ts';
import type { LocalServer } from '../server-process.ts';
import { median, medianRatio } from '../statistics.ts';
import { formatNumber } from '../table.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';

const ELEMENTS = 1_000_000;
const SMALL_ELEMENTS = 100;
const CLIENTS = 50;
const PIPELINE = 16;
const PAIRS = 5;
const OPERATIONS = 200_000;
const RATIO_MAX = 1.3;

/** Operations that take much longer than others, whose rounds are shorter. */
const LONG_OPERATIONS = ['LRANGE 100'];

/**
 * Server CPU for each operation on collections, against redis-server: five pairs of neighbouring runs, on one collection of a
 * million elements and on ten thousand of a hundred.
 */
export const collectionCpu: Figure = {
  name: 'collection-cpu',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const redis = await startRedis(context);
    try {
      const thermocline = await startInMemory(context);
      try {
        yield* measurePair(context, redis, thermocline);
      } finally {
        await thermocline.stop();
      }
    } finally {
      await redis.stop();
    }
  },
};

async function* measurePair(
  context: FigureContext,
  redis: LocalServer,
  thermocline: LocalServer,
): AsyncGenerator<FigureRow> {
  const total = context.quick ? ELEMENTS / 10 : ELEMENTS;
  for (const type of COLLECTION_TYPES) {
    for (const elementCount of [SMALL_ELEMENTS, total]) {
      const collections = new Collections(type, total / elementCount, elementCount);
      for (const server of [redis, thermocline]) {
        await server.control.command('FLUSHALL');
        await collections.load(server);
      }
      for (const operation of operationsOf(type)) {
        const isLong = LONG_OPERATIONS.includes(operation);
        const count = OPERATIONS / (context.quick ? 5 : 1) / (isLong ? 5 : 1);
        const own: number[] = [];
        const other: number[] = [];
        for (let pair = 0; pair <= PAIRS; pair++) {
          for (const server of [redis, thermocline]) {
            // Both see the same operations, and the first pair warms up.
            const workload = collections.operation(operation, new Random(pair + 1));
            const round = await runCommands(server, workload, count, PIPELINE, CLIENTS);
            if (pair > 0) (server === redis ? other : own).push(round.cpuUsPerOperation ?? Number.NaN);
          }
        }
        const ratio = medianRatio(own, other);
        yield {
          what: `CPU per ${operation}, ${type} of ${formatNumber(elementCount)}, pipeline ${PIPELINE}`,
          measured: `${formatNumber(median(own))} µs = ${formatNumber(ratio)} × redis`,
          redis: `${formatNumber(median(other))} µs`,
          goal: `≤ ${RATIO_MAX} × redis`,
          isMet: ratio <= RATIO_MAX,
          numbers: { ratio, thermoclineUs: own, redisUs: other },
        };
      }
    }
  }
}
