import { startWith } from '../known-servers.ts';
import { loadKeys } from '../measurement.ts';
import { median, medianRatio } from '../statistics.ts';
import { formatNumber } from '../table.ts';
import { SizeDistribution, Values } from '../values.ts';
import { cpuPerOperation, hasRedisBenchmark, loadByGenerator, loadByRedisBenchmark } from './cpu.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';

const KEYS = 1_000_000;
const OPERATIONS = 1_500_000;
const PIPELINE = 16;
const PAIRS = 5;
const RATIO_MAX = 1.15;
/** The log is not rewritten meanwhile. */
const DIRECTIVES = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'];
const NO_REWRITE = ['--auto-aof-rewrite-percentage', '0'];

/** Server CPU per SET of 100 B values with the append-only file on, against redis-server: pairs of neighbouring runs. */
export const appendOnly: Figure = {
  name: 'append-only',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const values = new Values(new SizeDistribution('100'), false);
    const keyCount = context.quick ? KEYS / 10 : KEYS;
    const count = context.quick ? OPERATIONS / 10 : OPERATIONS;
    const load = (await hasRedisBenchmark()) ? loadByRedisBenchmark : loadByGenerator;
    const work = { command: 'SET', pipeline: PIPELINE, count, keyCount, values } as const;
    const redis = await startWith(context, 'redis', [...DIRECTIVES, ...NO_REWRITE]);
    try {
      const thermocline = await startWith(context, 'thermocline', [...DIRECTIVES, ...NO_REWRITE]);
      try {
        for (const server of [redis, thermocline])
          await loadKeys(server, { values, keyCount, title: `load ${server.name}` });
        const own: number[] = [];
        const other: number[] = [];
        for (let pair = 0; pair < PAIRS; pair++) {
          other.push(await cpuPerOperation(redis, load, work));
          own.push(await cpuPerOperation(thermocline, load, work));
        }
        const ratio = medianRatio(own, other);
        yield {
          what: `CPU per SET, 100 B, appendfsync everysec, pipeline ${PIPELINE}`,
          measured: `${formatNumber(median(own))} µs = ${formatNumber(ratio)} × redis`,
          redis: `${formatNumber(median(other))} µs`,
          goal: `≤ ${RATIO_MAX} × redis`,
          isMet: ratio <= RATIO_MAX,
          numbers: { ratio, thermoclineUs: own, redisUs: other },
        };
      } finally {
        await thermocline.stop();
      }
    } finally {
      await redis.stop();
    }
  },
};
