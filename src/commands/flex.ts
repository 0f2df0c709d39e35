import { sliceBytes } from '../base/bytes.ts';
import { NO_SUCH_KEY, SYNTAX_ERROR } from '../base/error-replies.ts';
import type { Call } from '../command-table/call.ts';
import type { CheckpointReport } from '../command-table/checkpoint-control.ts';
import type { CommandRow } from '../command-table/row.ts';
import { WARM } from '../keyspace/record.ts';
import type { CurveReport, TierReport } from '../metrics/tier-report.ts';
import { PAGED } from '../types/pages/head.ts';
import { pagesOf } from '../types/pages/walk.ts';
import { argument, KEY, KEYS, oneOf, token } from './common-docs.ts';
import { helpRow } from './help.ts';
import { keyAt, keysFrom } from './key-specs.ts';
import { replyEntries } from './slow-log.ts';

const FLEX_OFF = 'ERR Flex is off: start the server with enable-flex yes';

function flexTier(call: Call): void {
  const { words, reply, database } = call;
  if (!database.peekRaw(words.buffer, words.offsets[2], words.lengths[2])) {
    reply.null();
    return;
  }
  const { entry } = database;
  const { tier } = call.services;
  const isPinned =
    tier?.arePinsHeld && tier.pins.has(database, words.buffer, words.offsets[2], words.lengths[2]);
  if (!entry.hot) reply.simple('cold');
  else if (isPinned) reply.simple('pinned');
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

/** Pins all of the keys or none. */
function flexPin(call: Call): void {
  const { words, reply, database, services } = call;
  const { tier } = services;
  if (tier === null) {
    reply.error(FLEX_OFF);
    return;
  }
  const { pins } = tier;
  pins.refresh();
  let wantedBytes = 0;
  let found = 0;
  for (let at = 2; at < words.count; at++) {
    const { buffer, offsets, lengths } = words;
    if (!database.find(buffer, offsets[at], lengths[at], 0)) continue;
    found++;
    if (!pins.has(database, buffer, offsets[at], lengths[at])) wantedBytes += pins.sizeOf(database);
  }
  if (found === 0 && words.count === 3) {
    reply.error(NO_SUCH_KEY);
    return;
  }
  if (wantedBytes > 0 && pins.bytes + wantedBytes > tier.pinnedBytesMax) {
    const total = Math.ceil(pins.bytes + wantedBytes);
    reply.error(
      `ERR Pinned keys would take ${total} bytes of RAM, and may take ${Math.floor(tier.pinnedBytesMax)}, half of maxmemory`,
    );
    return;
  }
  let pinned = 0;
  for (let at = 2; at < words.count; at++)
    if (database.find(words.buffer, words.offsets[at], words.lengths[at], 0) && pins.add(database)) pinned++;
  reply.integer(pinned);
}

function flexUnpin(call: Call): void {
  const { words, reply, database, services } = call;
  if (services.tier === null) {
    reply.error(FLEX_OFF);
    return;
  }
  let removed = 0;
  for (let at = 2; at < words.count; at++)
    if (services.tier.pins.remove(database, words.buffer, words.offsets[at], words.lengths[at])) removed++;
  reply.integer(removed);
}

function flexPinned(call: Call): void {
  const { reply, database, services } = call;
  if (services.tier === null) {
    reply.error(FLEX_OFF);
    return;
  }
  const names = services.tier.pins.namesIn(database);
  reply.array(names.length);
  for (const name of names) reply.bulk(name, 0, name.length);
}

function flexCurve(call: Call): void {
  const { words, reply, services } = call;
  const { tier } = services;
  if (tier === null) {
    reply.error(FLEX_OFF);
    return;
  }
  if (words.count > 2) {
    if (words.count > 3 || words.text(2).toLowerCase() !== 'reset') {
      reply.error(SYNTAX_ERROR);
      return;
    }
    tier.resetCurve();
    reply.ok();
    return;
  }
  const { sampledKeys, samplingRate, firstFraction, points } = tier.curve();
  reply.map(4);
  reply.bulkText('sampled_keys');
  reply.integer(sampledKeys);
  reply.bulkText('sampling_rate');
  reply.double(samplingRate);
  reply.bulkText('first_reads');
  reply.double(rounded(firstFraction));
  reply.bulkText('points');
  reply.array(points.length);
  for (const { factor, memoryBytes, hitRatio } of points) {
    reply.map(3);
    reply.bulkText('ram');
    reply.double(factor);
    reply.bulkText('bytes');
    reply.integer(Math.round(memoryBytes));
    reply.bulkText('hit_ratio');
    reply.double(rounded(hitRatio));
  }
}

/** A ratio to four places. */
function rounded(ratio: number): number {
  return Math.round(ratio * 10_000) / 10_000;
}

function flexSlowlog(call: Call): void {
  const { words, reply, services } = call;
  const { tier } = services;
  if (tier === null) {
    reply.error(FLEX_OFF);
    return;
  }
  const subcommand = words.text(2).toLowerCase();
  if (subcommand === 'get' && words.count <= 4) {
    replyEntries(call, tier.slowReads, 3);
  } else if (subcommand === 'len' && words.count === 3) {
    reply.integer(tier.slowReads.entries.length);
  } else if (subcommand === 'reset' && words.count === 3) {
    tier.slowReads.reset();
    reply.ok();
  } else {
    reply.error(SYNTAX_ERROR);
  }
}

function flexCheckpoint(call: Call): void {
  const { reply, services } = call;
  if (services.checkpoints === null) reply.error(FLEX_OFF);
  else if (services.checkpoints.request()) reply.simple('Checkpoint started');
  else reply.error('ERR A checkpoint is being taken already');
}

/** What INFO flex and FLEX STATS tell of checkpoints, by name. */
export function checkpointFields(report: CheckpointReport): [string, string | number][] {
  return [
    ['flex_checkpoint_in_progress', report.isActive ? 1 : 0],
    ['flex_checkpoints', report.count],
    ['flex_last_checkpoint', report.number],
    ['flex_last_checkpoint_time', Math.floor(report.lastMs / 1000)],
    ['flex_last_checkpoint_ms', report.lastDurationMs],
    ['flex_last_checkpoint_status', report.failure === '' ? 'ok' : 'err'],
    ['flex_checkpoint_bytes_copied', report.copiedBytes],
    ['flex_checkpoint_index_bytes', report.indexBytes],
    ['flex_checkpoint_log_bytes', report.logBytes],
    ['flex_checkpoint_held_bytes', report.heldBytes],
    ['flex_warming', report.isWarming ? 1 : 0],
    ['flex_warmed_keys', report.warmedKeys],
    ['flex_keys_to_warm', report.keysToWarm],
  ];
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
    ['flex_slow_reads', report.slowReads],
    ['flex_pinned_keys', report.pinnedKeys],
    ['flex_pinned_bytes', Math.round(report.pinnedBytes)],
    ['flex_pins_held', report.arePinsHeld ? 1 : 0],
    ['flex_write_rate_limit', report.writeBytesPerSecond],
    ['flex_write_pauses', report.writePauses],
    ['flex_curve_sampled_keys', report.curve.sampledKeys],
    ['flex_curve_hit_ratios', curveText(report.curve)],
  ];
}

/** Hit ratios by how many times the present RAM: `0.125=0.41,0.25=0.58`. */
function curveText({ points }: CurveReport): string {
  return points.map(({ factor, hitRatio }) => `${factor}=${hitRatio.toFixed(4)}`).join(',');
}

function flexStats(call: Call): void {
  const { reply, services, keyspace } = call;
  if (services.tier === null) {
    reply.error(FLEX_OFF);
    return;
  }
  const { hotHits, coldHits } = keyspace.statistics;
  const fields = tierFields(services.tier.report(), hotHits, coldHits);
  if (services.checkpoints !== null) fields.push(...checkpointFields(services.checkpoints.report));
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkText(name.slice('flex_'.length));
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkUtf8(value);
  }
}

const FLEX_HELP = [
  'CHECKPOINT',
  '    Begin to take a checkpoint, from which the next start goes on.',
  'CURVE [RESET]',
  '    Return the hit ratio that other sizes of RAM would have, estimated, or begin to estimate anew.',
  'DEMOTE <key> [<key> ...]',
  '    Move keys to the SSD tier. Returns how many were moved.',
  'PIN <key> [<key> ...]',
  '    Keep keys in RAM whatever is used less. Returns how many were not pinned before.',
  'PINNED',
  '    Return the names that are pinned in this database.',
  'PROMOTE <key> [<key> ...]',
  '    Move keys to RAM. Returns how many were moved.',
  'SLOWLOG GET [<count>]|LEN|RESET',
  '    Return the slowest reads of the SSD (default: 10, -1 mean all), how many there are, or forget them.',
  'STATS',
  '    Return the figures of the tier.',
  'TIER <key>',
  '    Return where a key lives: hot (RAM), warm (RAM, with a valid copy on SSD), pinned (RAM) or cold (SSD).',
  'UNPIN <key> [<key> ...]',
  '    Let keys move to the SSD tier again. Returns how many were pinned.',
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
        name: 'checkpoint',
        summary: 'Begins to take a checkpoint, from which the next start goes on.',
        arity: 2,
        flags: ['admin', 'noscript'],
        keys: [],
        execute: flexCheckpoint,
      },
      {
        ...row,
        name: 'curve',
        summary: 'Returns an estimate of the hit ratio that other sizes of RAM would have.',
        arity: -2,
        flags: ['admin', 'loading', 'stale'],
        keys: [],
        arguments: [token('reset', { optional: true })],
        execute: flexCurve,
      },
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
        name: 'pin',
        summary: 'Keeps keys in RAM.',
        complexity: 'O(N) in the number of keys and of the pages of their values.',
        arity: -3,
        flags: ['admin', 'denyoom'],
        keys: [keysFrom(2, 1, 'RO')],
        arguments: [KEYS],
        execute: flexPin,
      },
      {
        ...row,
        name: 'pinned',
        summary: 'Returns the names of the keys that are kept in RAM.',
        complexity: 'O(N) in the number of pinned keys.',
        arity: 2,
        flags: ['admin'],
        keys: [],
        execute: flexPinned,
      },
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
        name: 'slowlog',
        summary: 'Returns or forgets the slow reads of the SSD tier.',
        complexity: 'O(N) in the number of entries returned.',
        arity: -3,
        flags: ['admin', 'loading', 'stale'],
        keys: [],
        arguments: [
          oneOf('subcommand', [
            {
              name: 'get',
              type: 'block',
              arguments: [token('get'), argument('count', 'integer', { optional: true })],
            },
            token('len'),
            token('reset'),
          ]),
        ],
        execute: flexSlowlog,
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
      {
        ...row,
        name: 'unpin',
        summary: 'Lets keys move to the SSD tier again.',
        complexity: 'O(N) in the number of keys.',
        arity: -3,
        flags: ['admin'],
        keys: [keysFrom(2, 1, 'RO')],
        arguments: [KEYS],
        execute: flexUnpin,
      },
    ],
  },
];
