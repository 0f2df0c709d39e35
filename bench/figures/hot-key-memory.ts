import { KEY_BYTES } from '../keys.ts';
import { startInMemory, startRedis } from '../known-servers.ts';
import { loadKeys } from '../measurement.ts';
import { settledAnonymousBytes } from '../process-statistics.ts';
import type { LocalServer } from '../server-process.ts';
import { formatNumber } from '../table.ts';
import { SizeDistribution, Values } from '../values.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';

const KEYS = 10_000_000;
const VALUE_BYTES = 100;
const OVERHEAD_MAX = 28;

/** Growth of anonymous resident memory for each hot key, beyond the bytes of key and value; Flex off. */
export const hotKeyMemory: Figure = {
  name: 'hot-key-memory',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const keyCount = context.quick ? KEYS / 20 : KEYS;
    const redis = await overhead(await startRedis(context), keyCount, context);
    const thermocline = await overhead(await startInMemory(context), keyCount, context);
    yield {
      what: `RAM per hot key beyond key and value, ${formatNumber(keyCount)} keys of ${VALUE_BYTES} B`,
      measured: `${formatNumber(thermocline)} B`,
      redis: `${formatNumber(redis)} B`,
      goal: `≤ ${OVERHEAD_MAX} B and below redis`,
      isMet: thermocline <= OVERHEAD_MAX && thermocline < redis,
      numbers: { thermoclineBytes: thermocline, redisBytes: redis },
    };
  },
};

/** Stops the server when done. */
async function overhead(server: LocalServer, keyCount: number, context: FigureContext): Promise<number> {
  context.log(`hot-key-memory: ${server.name}`);
  try {
    const values = new Values(new SizeDistribution(String(VALUE_BYTES)), false);
    const empty = await settledAnonymousBytes(server.pid);
    await loadKeys(server, { values, keyCount, title: `load ${server.name}` });
    const full = await settledAnonymousBytes(server.pid);
    return (full - empty) / keyCount - KEY_BYTES - VALUE_BYTES;
  } finally {
    await server.stop();
  }
}
