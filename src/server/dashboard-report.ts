/** What the page of `dashboard-port` shows, put together when it is asked for. */
import { quoteBytes } from '../base/quote.ts';
import { infoFigures } from '../commands/info.ts';
import type { SlowLogEntry } from '../metrics/slow-log.ts';
import type { CurveReport } from '../metrics/tier-report.ts';
import type { DashboardPart } from './dashboard.ts';
import type { KeyWalk } from './dashboard-keys.ts';
import type { Engine } from './engine.ts';

/** Upper limits of the bars of cold reads, in microseconds. */
const COLD_READ_LIMITS_US = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 1_000_000,
];
/** Entries of a slow log, and characters of a name, that are shown. */
const SLOW_MAX = 10;
const NAME_LENGTH_MAX = 128;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The figures at this moment, for JSON. Counts go on from the start of the server or CONFIG RESETSTAT; sizes are in bytes. Parts
 * that are not allowed are null.
 */
export function describeFigures(engine: Engine, walk: KeyWalk, allowed: ReadonlySet<DashboardPart>): object {
  const fields = infoFigures(engine.call);
  const number = (name: string) => Number(fields.get(name) ?? 0);
  const { statistics } = engine.keyspace;
  const tier = engine.tier?.report() ?? null;
  const { values } = engine.config;
  return {
    server: {
      version: engine.server.version,
      port: engine.server.port,
      timeMs: engine.keyspace.nowMs,
      uptimeSeconds: number('uptime_in_seconds'),
      isLoading: number('loading') === 1,
      operationsPerSecond: number('instantaneous_ops_per_sec'),
      operations: number('total_commands_processed'),
      clients: number('connected_clients'),
      clientsMax: values.maxclients,
      waitingClients: engine.waitingClientCount,
      longestTickUs: number('eventloop_longest_cycle_us'),
    },
    look: {
      hot: statistics.hotHits,
      cold: statistics.coldHits,
      missed: statistics.misses,
    },
    memory: {
      used: number('used_memory'),
      records: number('used_memory_dataset'),
      index: number('used_memory_index'),
      resident: number('used_memory_rss_anonymous'),
      budget: engine.memoryLimit,
      policy: values['maxmemory-policy'],
      evictedKeys: number('evicted_keys'),
    },
    keys: {
      all: engine.keyspace.databases.reduce((sum, database) => sum + database.size, 0),
      expiring: engine.keyspace.databases.reduce((sum, database) => sum + database.expiringCount, 0),
      expired: number('expired_keys'),
    },
    tier: tier && {
      hotKeys: tier.hotKeys,
      coldKeys: tier.coldKeys,
      threshold: values['flex-hot-threshold'],
      liveBytes: tier.coldLiveBytes,
      fileBytes: tier.fileBytes,
      budget: tier.storageBytes,
      writtenBytes: tier.writtenBytes,
      demotions: tier.demotions,
      promotions: tier.promotions,
      fault: tier.fault,
      isDiskFull: tier.isDiskFull,
      isFetchingAside: tier.isFetchingAside,
      coldReads: {
        count: tier.coldReadTimes.count,
        errors: tier.coldReadErrors,
        p50Us: tier.coldReadMicrosecondsP50,
        p99Us: tier.coldReadMicrosecondsP99,
        maxUs: tier.coldReadMicrosecondsMax,
        upToUs: COLD_READ_LIMITS_US.map((limit) => [limit, tier.coldReadTimes.countUpTo(limit)]),
      },
    },
    curve: tier !== null && allowed.has('curve') ? curveOf(tier.curve, engine.memoryLimit) : null,
    keyWalk: allowed.has('keys')
      ? {
          share: walk.share,
          isCounted: engine.keyspace.settings.lfu,
          hottest: walk.hottest().map((key) => ({ ...key, name: shownName(key.name) })),
          largest: walk.largest().map((key) => ({ ...key, name: shownName(key.name) })),
        }
      : null,
    slowLog: allowed.has('slowLog') ? engine.slowLog.entries.slice(0, SLOW_MAX).map(slowCommand) : null,
    coldSlowLog:
      engine.tier !== null && allowed.has('coldSlowLog')
        ? engine.tier.slowReads.entries.slice(0, SLOW_MAX).map(slowCommand)
        : null,
  };
}

function curveOf({ firstFraction, points }: CurveReport, presentBytes: number): object {
  // Of each read either the key was never seen before, or it is found in enough RAM.
  const hasReads = firstFraction > 0 || points.some(({ hitRatio }) => hitRatio > 0);
  return {
    presentBytes,
    points: hasReads ? points.map(({ memoryBytes, hitRatio }) => [memoryBytes, hitRatio]) : [],
  };
}

function slowCommand({ id, timeSeconds, microseconds, words, address, clientName }: SlowLogEntry): object {
  return { id, timeSeconds, microseconds, words: words.map(shownName), address, clientName };
}

/** A name of a key as people read it: its text if it is one that can be shown, else its bytes escaped as `redis-cli` does. */
export function shownName(name: Uint8Array): string {
  const text = textOf(name) ?? quoteBytes(name, 0, name.length).toString('latin1');
  return text.length <= NAME_LENGTH_MAX ? text : `${text.slice(0, NAME_LENGTH_MAX)}…`;
}

/** UTF-8 without control characters and marks that change the direction of what follows; undefined for all else. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(bytes);
    return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
