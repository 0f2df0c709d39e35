import { startTiered } from '../known-servers.ts';
import { loadKeys } from '../measurement.ts';
import { settledAnonymousBytes } from '../process-statistics.ts';
import type { LocalServer } from '../server-process.ts';
import { formatNumber } from '../table.ts';
import { SizeDistribution, Values } from '../values.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { COLD_KEYS, infoNumber } from './tier-fields.ts';

const KEY_COUNTS = [10_000_000, 14_000_000, 20_000_000];
const MAXMEMORY_BYTES = 384 * 2 ** 20;
const BYTES_PER_KEY_MAX = 12;
const COLD_SHARE_MIN = 0.999;
const DEMOTION_MS_MAX = 180_000;

/**
 * RAM for each cold key, name included: one server grows through the counts, and at each of them demotes all it has
 * (a threshold of 0). The growth of anonymous memory since the empty server is divided by all keys, so what hot keys
 * remain and whatever else has grown counts against the figure.
 */
export const coldKeyMemory: Figure = {
  name: 'cold-key-memory',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const values = new Values(new SizeDistribution('100'), false);
    const scale = context.quick ? 20 : 1;
    const server = await startTiered(context, MAXMEMORY_BYTES / scale);
    try {
      const empty = await settledAnonymousBytes(server.pid);
      let firstKey = 0;
      for (const fullCount of KEY_COUNTS) {
        const keyCount = fullCount / scale;
        context.log(`cold-key-memory: ${formatNumber(keyCount)} keys`);
        await loadKeys(server, { values, firstKey, keyCount: keyCount - firstKey, title: 'load' });
        firstKey = keyCount;
        await server.control.command('CONFIG', 'SET', 'flex-hot-threshold', '0');
        const coldKeys = await demoted(server, keyCount);
        const bytesPerKey = ((await settledAnonymousBytes(server.pid)) - empty) / keyCount;
        await server.control.command('CONFIG', 'SET', 'flex-hot-threshold', '0.8');
        yield {
          what: `RAM per cold key, ${formatNumber(keyCount)} keys of 100 B, ${formatNumber((coldKeys / keyCount) * 100)} % cold`,
          measured: `${formatNumber(bytesPerKey)} B`,
          redis: '–',
          goal: `≤ ${BYTES_PER_KEY_MAX} B`,
          isMet: bytesPerKey <= BYTES_PER_KEY_MAX && coldKeys >= keyCount * COLD_SHARE_MIN,
          numbers: { bytesPerKey, keyCount, coldKeys },
        };
      }
    } finally {
      await server.stop();
    }
  },
};

/** Waits until nearly all keys are cold, or three minutes; returns how many are. */
async function demoted(server: LocalServer, keyCount: number): Promise<number> {
  const deadline = performance.now() + DEMOTION_MS_MAX;
  for (;;) {
    const coldKeys = await infoNumber(server, COLD_KEYS);
    if (coldKeys >= keyCount * COLD_SHARE_MIN || performance.now() >= deadline) return coldKeys;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
