import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keyPattern } from '../key-patterns.ts';
import { KEY_BYTES } from '../keys.ts';
import { startTiered, tierFolder } from '../known-servers.ts';
import { LoadGenerator } from '../load-generator.ts';
import { loadKeys } from '../measurement.ts';
import { ClosedLoop } from '../pacing.ts';
import { deviceWrittenBytes } from '../process-statistics.ts';
import { Random } from '../random.ts';
import type { LocalServer } from '../server-process.ts';
import { formatNumber } from '../table.ts';
import { SizeDistribution, Values } from '../values.ts';
import { PatternWorkload } from '../workload.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { BYTES_DEMOTED, BYTES_WRITTEN, COLD_BYTES, infoNumber } from './tier-fields.ts';

const LIVE_BYTES = 768 * 2 ** 20;
const MAXMEMORY_BYTES = 128 * 2 ** 20;
const SPACE_RATIO_MAX = 1.6;
const CLIENTS = 50;
const PIPELINE = 16;
/** Overwrites before the measurement and during it, in multiples of the number of keys. */
const PASSES = { settling: 3, measured: 2 };
const QUICK_PASSES = { settling: 0.5, measured: 0.5 };
const CASES = [
  { name: '100', valueSize: '100', pattern: 'uniform', ratioMax: 2.5 },
  { name: '1000', valueSize: '1000', pattern: 'uniform', ratioMax: 2.5 },
  { name: '4096', valueSize: '4096', pattern: 'uniform', ratioMax: 2.5 },
  { name: 'mixed', valueSize: '100-4096', pattern: 'uniform', ratioMax: 2.5 },
  { name: 'zipfian', valueSize: '100-4096', pattern: 'zipfian(0.99)', ratioMax: 1.7 },
] as const;

/**
 * Bytes written to the device for each byte of names and values demoted, under overwrites at a steady state, and the tier's
 * files against the records that live in them: those of cold keys, and the valid copies of warm ones. The device's bytes are
 * all that the machine wrote there meanwhile, LMDB's own pages and the file system's journal among them, so that nothing
 * else should write; the server's count of what it handed to the store stands beside it.
 */
export const writeAmplification: readonly Figure[] = CASES.map((each) => ({
  name: `write-amplification-${each.name}`,
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    yield await measureCase(context, each);
  },
}));

async function measureCase(
  context: FigureContext,
  { valueSize, pattern, ratioMax }: (typeof CASES)[number],
): Promise<FigureRow> {
  const passes = context.quick ? QUICK_PASSES : PASSES;
  const scale = context.quick ? 2 : 1;
  const sizes = new SizeDistribution(valueSize);
  const values = new Values(sizes, false);
  const keyCount = Math.floor(LIVE_BYTES / scale / (KEY_BYTES + sizes.bytesMean));
  const server = await startTiered(context, MAXMEMORY_BYTES / scale);
  try {
    context.log(`write-amplification: ${valueSize} B, ${pattern}, ${formatNumber(keyCount)} keys`);
    await loadKeys(server, { values, keyCount, title: 'load' });
    const generator = await LoadGenerator.connect(server.address, values, CLIENTS, PIPELINE);
    const random = new Random(1);
    const workload = new PatternWorkload(keyPattern(pattern, random, keyCount), random, 0);
    try {
      await overwrite(generator, workload, Math.floor(keyCount * passes.settling));
      const before = await counters(server);
      await overwrite(generator, workload, Math.floor(keyCount * passes.measured));
      const after = await counters(server);
      const demotedBytes = after.demotedBytes - before.demotedBytes;
      const deviceRatio = (after.deviceBytes - before.deviceBytes) / demotedBytes;
      const storeRatio = (after.storeBytes - before.storeBytes) / demotedBytes;
      const liveBytes = await infoNumber(server, COLD_BYTES);
      const fileBytes = allocatedBytes(tierFolder(server));
      const spaceRatio = fileBytes / liveBytes;
      return {
        what: `bytes written / demoted, overwrites ${pattern}, ${valueSize} B; files / living records`,
        measured: `${formatNumber(deviceRatio)} (store: ${formatNumber(storeRatio)}); ${formatNumber(spaceRatio)}`,
        redis: '–',
        goal: `≤ ${ratioMax}; ≤ ${SPACE_RATIO_MAX}`,
        isMet: deviceRatio <= ratioMax && spaceRatio <= SPACE_RATIO_MAX,
        numbers: { deviceRatio, storeRatio, spaceRatio, demotedBytes, fileBytes, liveBytes, keyCount },
      };
    } finally {
      generator.close();
    }
  } finally {
    await server.stop();
  }
}

async function overwrite(
  generator: LoadGenerator,
  workload: PatternWorkload,
  operations: number,
): Promise<void> {
  const outcome = await generator.run({
    workload,
    pacing: new ClosedLoop({ operations, durationMs: Infinity }),
    pipeline: PIPELINE,
    verify: false,
  });
  if (outcome.errors > 0) throw new Error(`${outcome.errors} overwrites failed: ${outcome.lastError}`);
}

interface WriteCounters {
  readonly deviceBytes: number;
  readonly storeBytes: number;
  readonly demotedBytes: number;
}

async function counters(server: LocalServer): Promise<WriteCounters> {
  return {
    deviceBytes: deviceWrittenBytes(server.folder),
    storeBytes: await infoNumber(server, BYTES_WRITTEN),
    demotedBytes: await infoNumber(server, BYTES_DEMOTED),
  };
}

/** Bytes that the files under a folder take on the device. A file that goes away meanwhile takes none. */
function allocatedBytes(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const status = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    if (status?.isFile()) sum += status.blocks * 512;
  }
  return sum;
}
