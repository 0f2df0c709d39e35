import { Collections } from '../collections.ts';
import { startTiered } from '../known-servers.ts';
import type { LocalServer } from '../server-process.ts';
import { formatMicroseconds, formatNumber } from '../table.ts';
import { demoted } from './cold-collection.ts';
import type { Figure, FigureContext, FigureRow } from './figure.ts';
import { infoNumber, LONGEST_TICK_US, PENDING_FREES } from './tier-fields.ts';

const MEMBERS = 10_000_000;
const MAXMEMORY_BYTES = 2 ** 30;
const BURST_US_MAX = 10_000;

/**
 * The longest stretch of main-thread CPU in one tick of the event loop, which the server measures itself, while a large sorted
 * set is built, demoted and deleted.
 */
export const collectionBurst: Figure = {
  name: 'collection-burst',
  async *measure(context: FigureContext): AsyncGenerator<FigureRow> {
    const scale = context.quick ? 20 : 1;
    const members = new Collections('sorted set', 1, MEMBERS / scale);
    const server = await startTiered(context, MAXMEMORY_BYTES / scale);
    const phases: readonly [string, () => Promise<unknown>][] = [
      ['built', () => members.load(server)],
      [
        'demoted',
        async () => {
          await server.control.command('CONFIG', 'SET', 'flex-hot-threshold', '0');
          await demoted(server);
        },
      ],
      [
        'deleted',
        async () => {
          await server.control.command('DEL', members.nameOf(0));
          await freed(server);
        },
      ],
    ];
    try {
      for (const [phase, run] of phases) {
        context.log(`collection-burst: ${phase}`);
        await server.control.command('CONFIG', 'RESETSTAT');
        await run();
        const burstUs = await infoNumber(server, LONGEST_TICK_US);
        yield {
          what: `longest main-thread CPU burst in a tick, sorted set of ${formatNumber(members.elementCount)} being ${phase}`,
          measured: formatMicroseconds(burstUs),
          redis: '–',
          goal: `≤ ${formatMicroseconds(BURST_US_MAX)}`,
          isMet: burstUs <= BURST_US_MAX,
          numbers: { burstUs },
        };
      }
    } finally {
      await server.stop();
    }
  },
};

/** Waits until all pages of what was deleted are gone. */
async function freed(server: LocalServer): Promise<void> {
  while ((await infoNumber(server, PENDING_FREES)) > 0)
    await new Promise((resolve) => setTimeout(resolve, 100));
}
