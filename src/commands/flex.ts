import { sliceBytes } from '../base/bytes.ts';
import { NO_SUCH_KEY } from '../base/error-replies.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { WARM } from '../keyspace/record.ts';
import type { TierReport } from '../metrics/tier-report.ts';
import { PAGED } from '../types/pages/head.ts';
import { pagesOf } from '../types/pages/walk.ts';
import { KEY, KEYS } from './common-docs.ts';
import { helpRow } from './help.ts';
import { keyAt, keysFrom } from './key-specs.ts';

const FLEX_OFF = 'ERR Flex is off: start the server with enable-flex yes';

function flexTier(call: Call): void {
  const { words, reply, database } = call;
  if (!database.peekRaw(words.buffer, words.offsets[2], words.lengths[2])) {
    reply.null();
    return;
  }
  const { entry } = database;
  if (!entry.hot) reply.simple('cold');
  else reply.simple((entry.flags & WARM) !== 0 ? 'warm' : 'hot');
}

/** Moves keys between the tiers; replies how many were moved. */
function moveKeys(call: Call, move: (call: Call) => boolean): void {
  const { words, reply, database, services } = call;
  if (services.tier === null) {
    reply.error(FLEX_OFF);
    return;
  }
  let moved = 0;
  let found = 0;
  for (let at = 2; at < words.count; at++) {
    if (!database.find(words.buffer, words.offsets[at], words.lengths[at], 0)) continue;
    found++;
    if (move(call)) moved++;
  }
  if (found === 0 && words.count === 3) reply.error(NO_SUCH_KEY);
  else reply.integer(moved);
}

function flexDemote(call: Call): void {
  const { services, database } = call;
  moveKeys(call, () => {
    forEachPage(call, () => services.tier?.demote(database.pages.records));
    return services.tier?.demote(database) === true;
  });
}

function flexPromote(call: Call): void {
  const { database } = call;
  moveKeys(call, () => {
    const wasCold = !database.entry.hot;
    database.promote();
    forEachPage(call, () => database.pages.records.promote());
    return wasCold;
  });
}

/** Calls `visit` with each page of the value found last, which the database's table of pages has found then. */
function forEachPage(call: Call, visit: () => void): void {
  const { entry, pages } = call.database;
  if ((entry.encoding & PAGED) === 0) return;
  const head = sliceBytes(entry.bytes, entry.payloadOffset, entry.payloadLength);
  for (const _ of pagesOf(head, pages)) visit();
}

/** The tier's figures by name, as INFO flex and FLEX STATS tell them. */
export function tierFields(
  report: TierReport,
  hotHits: number,
  coldHits: number,
): [string, string | number][] {
  const hits = hotHits + coldHits;
  return [
    ['flex_storage_path', report.path],
    ['flex_storage_limit', report.storageBytes],
    ['flex_hot_keys', report.hotKeys],
    ['flex_cold_keys', report.coldKeys],
    ['flex_hot_bytes', report.hotBytes],
    ['flex_cold_bytes', report.coldLiveBytes],
    ['flex_file_bytes', report.fileBytes],
    ['flex_environments', report.environmentCount],
    ['flex_write_buffer_bytes', report.bufferBytes],
    ['flex_hot_hits', hotHits],
    ['flex_cold_hits', coldHits],
    ['flex_ram_hit_ratio', hits === 0 ? '0.0000' : (hotHits / hits).toFixed(4)],
    ['flex_promotions', report.promotions],
    ['flex_demotions', report.demotions],
    ['flex_warm_demotions', report.warmDemotions],
    ['flex_bytes_demoted', report.demotedBytes],
    ['flex_bytes_written', report.writtenBytes],
    ['flex_fresh_bytes_written', report.freshBytes],
    ['flex_moved_bytes_written', report.movedBytes],
    ['flex_retired_bytes', report.retiredBytes],
    ['flex_reclaimed_environments', report.reclaimedEnvironments],
    ['flex_damaged_environments', report.damagedEnvironments],
    ['flex_cold_reads', report.coldReads],
    ['flex_cold_read_errors', report.coldReadErrors],
    ['flex_cold_read_p50_us', Math.round(report.coldReadMicrosecondsP50)],
    ['flex_cold_read_p99_us', Math.round(report.coldReadMicrosecondsP99)],
    ['flex_cold_read_max_us', Math.round(report.coldReadMicrosecondsMax)],
    ['flex_fetching_aside', report.isFetchingAside ? 1 : 0],
    ['flex_fetch_rounds', report.fetchRounds],
    ['flex_fetched_blocks', report.fetchedBlocks],
    ['flex_write_errors', report.writeErrors],
    ['flex_fault', report.fault === '' ? 'none' : report.fault],
    ['flex_disk_full', report.isDiskFull ? 1 : 0],
  ];
}

function flexStats(call: Call): void {
  const { reply, services, keyspace } = call;
  if (services.tier === null) {
    reply.error(FLEX_OFF);
    return;
  }
  const { hotHits, coldHits } = keyspace.statistics;
  const fields = tierFields(services.tier.report(), hotHits, coldHits);
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkText(name.slice('flex_'.length));
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkUtf8(value);
  }
}

const FLEX_HELP = [
  'DEMOTE <key> [<key> ...]',
  '    Move keys to the SSD tier. Returns how many were moved.',
  'PROMOTE <key> [<key> ...]',
  '    Move keys to RAM. Returns how many were moved.',
  'STATS',
  '    Return the figures of the tier.',
  'TIER <key>',
  '    Return where a key lives: hot (RAM), warm (RAM, with a valid copy on SSD) or cold (SSD).',
];

const row = { group: 'server', since: '0.1.0', need: 'none', categories: [], complexity: 'O(1)' } as const;

export const FLEX_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'flex',
    summary: 'A container for commands of the SSD tier.',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    keys: [],
    subcommands: [
      {
        ...row,
        name: 'demote',
        summary: 'Moves keys to the SSD tier.',
        complexity: 'O(N) in the number of keys.',
        arity: -3,
        flags: ['admin'],
        keys: [keysFrom(2, 1, 'RO')],
        arguments: [KEYS],
        execute: flexDemote,
      },
      helpRow('FLEX', FLEX_HELP, { group: 'server', since: '0.1.0' }),
      {
        ...row,
        name: 'promote',
        summary: 'Moves keys to RAM.',
        complexity: 'O(N) in the number of keys.',
        arity: -3,
        flags: ['admin'],
        keys: [keysFrom(2, 1, 'RO')],
        arguments: [KEYS],
        execute: flexPromote,
      },
      {
        ...row,
        name: 'stats',
        summary: 'Returns the figures of the tier.',
        arity: 2,
        flags: ['loading', 'stale'],
        keys: [],
        execute: flexStats,
      },
      {
        ...row,
        name: 'tier',
        summary: 'Returns the tier that a key lives in.',
        arity: 3,
        flags: ['readonly', 'fast'],
        keys: [keyAt(2, 'RO')],
        arguments: [KEY],
        execute: flexTier,
      },
    ],
  },
];
