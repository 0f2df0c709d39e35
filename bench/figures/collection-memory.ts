import { COLLECTION_TYPES, Collections, type CollectionType, runCommands } from '../collections.ts';
import { CommandWorkload } from '../command-workload.ts';
import { startInMemory, startRedis } from '../known-servers.ts';
import { settledAnonymousBytes } from '../process-statistics.ts';
import type { LocalServer } from '../server-process.ts';
import { formatNumber } from '../table.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';

const ELEMENTS = 1_000_000;
/** So many collections are loaded side by side, against which what a process takes in any case counts little. */
const COLLECTIONS = 4;
const SMALL_HASHES = 1_000_000;
const SMALL_HASH_RATIO_MAX = 0.8;
const RATIO_MAX: Record<CollectionType, number> = {
  hash: 0.65,
  set: 0.65,
  'sorted set': 0.65,
  list: 1.1,
  stream: 1.1,
};
/** What is loaded and removed again before a server counts as empty. */
const WARM_UP_SHARE = 0.05;
const PIPELINE = 256;

/** Growth of anonymous resident memory for each element of one large collection, and for each small hash; Flex off. */
export const collectionMemory: Figure = {
  name: 'collection-memory',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const elementCount = context.quick ? ELEMENTS / 10 : ELEMENTS;
    for (const type of COLLECTION_TYPES) {
      const load = async (server: LocalServer, share: number): Promise<void> => {
        await new Collections(type, COLLECTIONS, elementCount * share).load(server);
      };
      const total = elementCount * COLLECTIONS;
      const redis = await bytesEach(await startRedis(context), load, total);
      const own = await bytesEach(await startInMemory(context), load, total);
      yield row(`${type} of ${formatNumber(elementCount)}, each element`, own, redis, RATIO_MAX[type]);
    }
    const hashCount = context.quick ? SMALL_HASHES / 10 : SMALL_HASHES;
    const load = (server: LocalServer, share: number) => loadSmallHashes(server, hashCount * share);
    const redis = await bytesEach(await startRedis(context), load, hashCount);
    const own = await bytesEach(await startInMemory(context), load, hashCount);
    yield row(`${formatNumber(hashCount)} hashes of 5 fields, each hash`, own, redis, SMALL_HASH_RATIO_MAX);
  },
};

function row(what: string, own: number, redis: number, ratioMax: number): FigureRow {
  const ratio = own / redis;
  return {
    what: `RAM of a ${what}`,
    measured: `${formatNumber(own)} B = ${formatNumber(ratio)} × redis`,
    redis: `${formatNumber(redis)} B`,
    goal: `≤ ${ratioMax} × redis`,
    isMet: ratio <= ratioMax,
    numbers: { ratio, thermoclineBytes: own, redisBytes: redis },
  };
}

/** Stops the server when done. `load` fills it with a share of all there is. */
async function bytesEach(
  server: LocalServer,
  load: (server: LocalServer, share: number) => Promise<void>,
  count: number,
): Promise<number> {
  try {
    await load(server, WARM_UP_SHARE);
    await server.control.command('FLUSHALL');
    const empty = await settledAnonymousBytes(server.pid);
    await load(server, 1);
    return ((await settledAnonymousBytes(server.pid)) - empty) / count;
  } finally {
    await server.stop();
  }
}

/** Hashes of five fields of 6 B with values of 16 B. */
async function loadSmallHashes(server: LocalServer, count: number): Promise<void> {
  let hash = -1;
  const words = ['HSET', { prefix: 'hash:', digits: 10, value: () => hash }];
  for (let field = 1; field <= 5; field++)
    words.push(`field${field}`, { prefix: 'value:', digits: 10, value: () => hash });
  const workload = new CommandWorkload(words, () => hash++);
  await runCommands(server, workload, count, PIPELINE, 1);
}
