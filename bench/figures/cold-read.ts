import { type KeyPattern, Permutation, SequentialPattern, UniformPattern } from '../key-patterns.ts';
import { startTiered } from '../known-servers.ts';
import { LoadGenerator } from '../load-generator.ts';
import { loadKeys, measureRound, type Round, warmUp } from '../measurement.ts';
import { ClosedLoop } from '../pacing.ts';
import { settledAnonymousBytes } from '../process-statistics.ts';
import { Random } from '../random.ts';
import { median, medianRatio } from '../statistics.ts';
import { formatNumber } from '../table.ts';
import { SizeDistribution, Values } from '../values.ts';
import { KeyDomains, PatternWorkload } from '../workload.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { COLD_READS } from './tier-fields.ts';

const KEYS = 2_000_000;
const HOT_KEYS = 5000;
const MAXMEMORY_BYTES = 80 * 2 ** 20;
const RATIO_MAX = 3;
const CLIENTS = 50;
const PIPELINE = 16;
const PAIRS = 5;
const OPERATIONS = 150_000;

/**
 * CPU of a GET whose key is cold and whose page is in the page cache (it was written a moment ago) against a GET of a
 * hot key, in alternating rounds on one server. Each cold key is read once.
 */
export const coldRead: Figure = {
  name: 'cold-read',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const scale = context.quick ? 10 : 1;
    const values = new Values(new SizeDistribution('100'), false);
    const domains = new KeyDomains(KEYS / scale, HOT_KEYS, true);
    const operations = OPERATIONS / scale;
    const server = await startTiered(context, MAXMEMORY_BYTES / scale);
    try {
      context.log(`cold-read: ${formatNumber(domains.keyCount)} keys`);
      await loadKeys(server, { values, keyCount: domains.keyCount, title: 'load' });
      const generator = await LoadGenerator.connect(server.address, values, CLIENTS, PIPELINE);
      try {
        const hotPattern = new UniformPattern(new Random(1), domains.hotCount);
        const coldPattern = domains.cold(new Permutation(domains.reserveCount));
        const read = async (pattern: KeyPattern): Promise<Round> => {
          await settledAnonymousBytes(server.pid);
          const round = await measureRound(server, generator, {
            workload: new PatternWorkload(pattern, new Random(1), 1),
            pacing: new ClosedLoop({ operations, durationMs: Infinity }),
            pipeline: PIPELINE,
            verify: true,
          });
          const wrong = round.errors + round.misses + round.mismatches;
          if (wrong > 0) throw new Error(`${wrong} of ${operations} reads were wrong ${round.lastError}`);
          return round;
        };
        const hot: Round[] = [];
        const cold: Round[] = [];
        for (let pair = 0; pair < PAIRS; pair++) {
          await warmUp(generator, new SequentialPattern(domains.hotCount), domains.hotCount * 3, PIPELINE);
          hot.push(await read(hotPattern));
          cold.push(await read(coldPattern));
        }
        const hotUs = hot.map((round) => round.cpuUsPerOperation ?? Number.NaN);
        const coldUs = cold.map((round) => round.cpuUsPerOperation ?? Number.NaN);
        const coldReads = cold.map((round) => round.flex[COLD_READS]?.change ?? 0);
        const coldShare = median(coldReads) / operations;
        const ratio = medianRatio(coldUs, hotUs);
        yield {
          what: `CPU of a cold GET, page cached, pipeline ${PIPELINE} (${formatNumber(coldShare * 100)} % read from the tier)`,
          measured: `${formatNumber(median(coldUs))} µs = ${formatNumber(ratio)} × hot (${formatNumber(median(hotUs))} µs)`,
          redis: '–',
          goal: `≤ ${RATIO_MAX} × hot`,
          isMet: ratio <= RATIO_MAX && coldShare >= 0.95,
          numbers: { ratio, hotUs, coldUs, coldReads },
        };
      } finally {
        generator.close();
      }
    } finally {
      await server.stop();
    }
  },
};
