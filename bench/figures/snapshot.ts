import { UniformPattern } from '../key-patterns.ts';
import { startWith } from '../known-servers.ts';
import { LoadGenerator } from '../load-generator.ts';
import { loadKeys } from '../measurement.ts';
import { OpenLoop } from '../pacing.ts';
import { Random } from '../random.ts';
import type { LocalServer } from '../server-process.ts';
import { median, medianRatio } from '../statistics.ts';
import { formatMicroseconds, formatNumber } from '../table.ts';
import { SizeDistribution, Values } from '../values.ts';
import { PatternWorkload } from '../workload.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { infoNumber, LONGEST_TICK_US } from './tier-fields.ts';

const KEYS = 2_000_000;
const PAIRS = 3;
const CLIENTS = 8;
/** GETs and SETs a second, half of each, while the snapshot is written: what leaves both servers time for it. */
const RATE = 10_000;
const RATIO_MIN = 0.35;
const BURST_US_MAX = 10_000;
const POLL_MS = 20;

/**
 * Keys a second that BGSAVE writes while GETs and SETs go on, against redis-server, which forks, and the longest stretch of
 * main-thread CPU in one tick meanwhile; and keys a second of SAVE, which has the server to itself.
 */
export const snapshot: Figure = {
  name: 'snapshot',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const values = new Values(new SizeDistribution('100'), false);
    const keyCount = context.quick ? KEYS / 10 : KEYS;
    const redis = await startWith(context, 'redis', ['--save', '']);
    try {
      const thermocline = await startWith(context, 'thermocline', ['--save', '']);
      try {
        for (const server of [redis, thermocline])
          await loadKeys(server, { values, keyCount, title: `load ${server.name}` });
        const bursts: number[] = [];
        const inBackground = await pairs(redis, thermocline, async (server) => {
          await server.control.command('CONFIG', 'RESETSTAT');
          const seconds = await saveUnderLoad(server, values, keyCount);
          if (server === thermocline) bursts.push(await infoNumber(server, LONGEST_TICK_US));
          return keyCount / seconds;
        });
        yield rowOf(
          `BGSAVE of ${formatNumber(keyCount)} keys of 100 B under ${RATE} GET and SET/s`,
          inBackground,
          RATIO_MIN,
        );
        const burstUs = Math.max(...bursts);
        yield {
          what: 'longest main-thread CPU burst in a tick meanwhile',
          measured: formatMicroseconds(burstUs),
          redis: '–',
          goal: `≤ ${formatMicroseconds(BURST_US_MAX)}`,
          isMet: burstUs <= BURST_US_MAX,
          numbers: { burstUs },
        };
        const atOnce = await pairs(
          redis,
          thermocline,
          async (server) => keyCount / (await timeOf(server, 'SAVE')),
        );
        yield rowOf('SAVE', atOnce, null);
      } finally {
        await thermocline.stop();
      }
    } finally {
      await redis.stop();
    }
  },
};

interface Rates {
  readonly redis: readonly number[];
  readonly thermocline: readonly number[];
}

async function pairs(
  redis: LocalServer,
  thermocline: LocalServer,
  rate: (server: LocalServer) => Promise<number>,
): Promise<Rates> {
  const rates = { redis: [] as number[], thermocline: [] as number[] };
  for (let pair = 0; pair < PAIRS; pair++) {
    rates.redis.push(await rate(redis));
    rates.thermocline.push(await rate(thermocline));
  }
  return rates;
}

function rowOf(what: string, { redis, thermocline }: Rates, ratioMin: number | null): FigureRow {
  const ratio = medianRatio(thermocline, redis);
  return {
    what: `${what}, keys/s`,
    measured: `${formatNumber(median(thermocline))} = ${formatNumber(ratio)} × redis`,
    redis: formatNumber(median(redis)),
    goal: ratioMin === null ? '–' : `≥ ${ratioMin} × redis`,
    isMet: ratioMin === null ? null : ratio >= ratioMin,
    numbers: { ratio, thermoclinePerSecond: thermocline, redisPerSecond: redis },
  };
}

/** Seconds that a command takes. */
async function timeOf(server: LocalServer, command: string): Promise<number> {
  const startMs = performance.now();
  await server.control.command(command);
  return (performance.now() - startMs) / 1000;
}

/** Seconds that a snapshot in the background takes while clients go on. */
async function saveUnderLoad(server: LocalServer, values: Values, keyCount: number): Promise<number> {
  const generator = await LoadGenerator.connect(server.address, values, CLIENTS, 1);
  const stop = new AbortController();
  const random = new Random(1);
  const load = generator.run({
    workload: new PatternWorkload(new UniformPattern(random, keyCount), random, 0.5),
    pacing: new OpenLoop({ operations: Number.POSITIVE_INFINITY, durationMs: 3_600_000 }, RATE),
    pipeline: 1,
    verify: false,
    signal: stop.signal,
  });
  try {
    const startMs = performance.now();
    await server.control.command('BGSAVE');
    while ((await server.control.info('persistence')).get('rdb_bgsave_in_progress') === '1')
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    return (performance.now() - startMs) / 1000;
  } finally {
    stop.abort();
    await load;
    generator.close();
  }
}
