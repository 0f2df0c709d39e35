import { startTiered } from '../known-servers.ts';
import { loadKeys, readBackKeys } from '../measurement.ts';
import { AnonymousMemoryWatch } from '../process-statistics.ts';
import { formatMebibytes, formatNumber } from '../table.ts';
import { SizeDistribution, Values } from '../values.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';

const KEYS = 3_000_000;
const VALUE_BYTES = 1000;
const MAXMEMORY_BYTES = 256 * 2 ** 20;
const EXCESS_BYTES_MAX = 80 * 2 ** 20;
const SAMPLE_MS = 50;

/**
 * The highest anonymous resident memory while twelve times `maxmemory` is loaded and then read back whole, with every
 * value checked and the keys counted.
 */
export const memoryCap: Figure = {
  name: 'memory-cap',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const keyCount = context.quick ? KEYS / 10 : KEYS;
    const maxmemory = context.quick ? MAXMEMORY_BYTES / 4 : MAXMEMORY_BYTES;
    const values = new Values(new SizeDistribution(String(VALUE_BYTES)), false);
    const server = await startTiered(context, maxmemory);
    let watch: AnonymousMemoryWatch | null = null;
    try {
      context.log(`memory-cap: load ${formatNumber(keyCount)} keys`);
      watch = new AnonymousMemoryWatch(server.pid, SAMPLE_MS);
      const load = await loadKeys(server, { values, keyCount, title: 'load' });
      const loadPeak = watch.stop();
      const { sampleCount } = watch;
      context.log('memory-cap: read back');
      watch = new AnonymousMemoryWatch(server.pid, SAMPLE_MS);
      const readBack = await readBackKeys(server, { values, keyCount, title: 'read back' });
      const readPeak = watch.stop();
      const databaseSize = Number(await server.control.command('DBSIZE'));
      const limit = maxmemory + EXCESS_BYTES_MAX;
      const isRight = readBack.misses === 0 && readBack.mismatches === 0 && databaseSize === keyCount;
      yield {
        what: `peak of anonymous memory, ${formatNumber((keyCount * VALUE_BYTES) / 1e6)} MB of 1,000 B loaded under maxmemory ${formatMebibytes(maxmemory)}`,
        measured: `${formatMebibytes(loadPeak)} (read back: ${formatMebibytes(readPeak)})`,
        redis: '–',
        goal: `≤ ${formatMebibytes(limit)}`,
        isMet: Math.max(loadPeak, readPeak) <= limit,
        numbers: {
          loadPeak,
          readPeak,
          sampleCount,
          setsPerSecond: load.operationsPerSecond,
          cpuUsPerSet: load.cpuUsPerOperation ?? Number.NaN,
        },
      };
      yield {
        what: 'every key read back afterwards, and counted',
        measured: `${readBack.misses} missing, ${readBack.mismatches} wrong, DBSIZE ${formatNumber(databaseSize)}`,
        redis: '–',
        goal: `0, 0, ${formatNumber(keyCount)}`,
        isMet: isRight,
        numbers: {
          misses: readBack.misses,
          mismatches: readBack.mismatches,
          databaseSize,
          getsPerSecond: readBack.operationsPerSecond,
          cpuUsPerGet: readBack.cpuUsPerOperation ?? Number.NaN,
        },
      };
    } finally {
      watch?.stop();
      await server.stop();
    }
  },
};
