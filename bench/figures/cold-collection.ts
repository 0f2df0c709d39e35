import { Collections, runCommands } from '../collections.ts';
import { startTiered } from '../known-servers.ts';
import { AnonymousMemoryWatch, settledAnonymousBytes } from '../process-statistics.ts';
import { Random } from '../random.ts';
import type { LocalServer } from '../server-process.ts';
import { formatMebibytes, formatNumber } from '../table.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { COLD_KEYS, COLD_READS, HOT_BYTES, infoNumber } from './tier-fields.ts';

const FIELDS = 10_000_000;
const MAXMEMORY_BYTES = 256 * 2 ** 20;
/** The server itself needs some of it. */
const MAXMEMORY_BYTES_MIN = 64 * 2 ** 20;
const READS = 20_000;
const UNIFORM_READS = 4_000_000;
const RECORDS_MAX = 3;
/** Beyond the budget: the process itself, as in the figure of the memory's cap. */
const EXCESS_BYTES_MAX = 80 * 2 ** 20;
const HOT_BYTES_MAX = 2 ** 20;
const DEMOTION_MS_MAX = 180_000;
const SAMPLE_MS = 50;

/**
 * HGET in a hash that was demoted whole: how many cold records it reads, and how much RAM a long uniform read takes, which
 * would promote all of it if it could.
 */
export const coldCollection: Figure = {
  name: 'cold-collection',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const scale = context.quick ? 20 : 1;
    const hash = new Collections('hash', 1, FIELDS / scale);
    const maxmemory = Math.max(MAXMEMORY_BYTES / scale, MAXMEMORY_BYTES_MIN);
    const server = await startTiered(context, maxmemory);
    try {
      context.log(`cold-collection: a hash of ${formatNumber(hash.elementCount)} fields`);
      await hash.load(server);
      await server.control.command('CONFIG', 'SET', 'flex-hot-threshold', '0');
      await demoted(server);
      const before = await infoNumber(server, COLD_READS);
      const reads = READS / scale;
      await runCommands(server, hash.operation('HGET', new Random(1)), reads, 16, 10);
      const recordsPerRead = ((await infoNumber(server, COLD_READS)) - before) / reads;
      yield {
        what: `cold records read for an HGET in a cold hash of ${formatNumber(hash.elementCount)} fields`,
        measured: formatNumber(recordsPerRead),
        redis: '–',
        goal: `≤ ${RECORDS_MAX}`,
        isMet: recordsPerRead <= RECORDS_MAX && recordsPerRead > 0.5,
        numbers: { recordsPerRead, coldRecords: await infoNumber(server, COLD_KEYS) },
      };
      await server.control.command('CONFIG', 'SET', 'flex-hot-threshold', '0.8');
      const empty = await settledAnonymousBytes(server.pid);
      const watch = new AnonymousMemoryWatch(server.pid, SAMPLE_MS);
      const uniform = UNIFORM_READS / scale;
      try {
        await runCommands(server, hash.operation('HGET', new Random(2)), uniform, 16, 10);
      } finally {
        watch.stop();
      }
      const limit = maxmemory + EXCESS_BYTES_MAX;
      yield {
        what: `peak of anonymous memory in ${formatNumber(uniform)} uniform HGETs of it, maxmemory ${formatMebibytes(maxmemory)}`,
        measured: `${formatMebibytes(watch.peakBytes)} (before: ${formatMebibytes(empty)})`,
        redis: '–',
        goal: `≤ ${formatMebibytes(limit)}`,
        isMet: watch.peakBytes <= limit,
        numbers: { peakBytes: watch.peakBytes, bytesBefore: empty },
      };
    } finally {
      await server.stop();
    }
  },
};

/** Waits until nearly nothing is hot, or three minutes. */
export async function demoted(server: LocalServer): Promise<void> {
  const deadline = performance.now() + DEMOTION_MS_MAX;
  while ((await infoNumber(server, HOT_BYTES)) > HOT_BYTES_MAX && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 100));
}
