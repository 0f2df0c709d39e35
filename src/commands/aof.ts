import { NOT_AN_INTEGER, OUT_OF_RANGE_POSITIVE } from '../base/error-replies.ts';
import { parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import type { Encoder } from '../resp/encoder.ts';
import { readTimeoutMs } from './blocking.ts';
import { argument } from './common-docs.ts';

const IN_PROGRESS = 'ERR Background append only file rewriting already in progress';
const FAILED =
  "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.";
const IS_OFF = 'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.';

function bgrewriteaof(call: Call): void {
  const { reply, client, services } = call;
  const { appendLog, persistence } = services;
  if (appendLog.isRewriting) {
    reply.error(IN_PROGRESS);
  } else if (persistence.isSaving || persistence.isOccupied || client.nested) {
    // What a transaction changes must not be divided between two files.
    appendLog.scheduleRewrite();
    reply.simple('Background append only file rewriting scheduled');
  } else if (appendLog.beginRewrite()) {
    reply.simple('Background append only file rewriting started');
  } else {
    reply.error(FAILED);
  }
}

function waitaof(call: Call): void {
  const { words, reply, client } = call;
  const { appendLog } = call.services;
  const local = parseInteger64(words.buffer, words.offsets[1], words.lengths[1]);
  const replicas = parseInteger64(words.buffer, words.offsets[2], words.lengths[2]);
  if (local === undefined) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (local < 0n || local > 1n) {
    reply.error('ERR value is out of range, value must between 0 and 1');
    return;
  }
  if (replicas === undefined || replicas < 0n) {
    reply.error(OUT_OF_RANGE_POSITIVE);
    return;
  }
  const timeoutMs = readTimeoutMs(call, 3);
  if (timeoutMs < 0) return;
  if (local > 0n && !appendLog.isOn) {
    reply.error(IS_OFF);
    return;
  }
  const replySynced = (to: Encoder): void => {
    to.array(2);
    to.integer(appendLog.hasSynced(client) ? 1 : 0);
    to.integer(0);
  };
  const isDone = (local === 0n || appendLog.hasSynced(client)) && replicas === 0n;
  if (isDone || !call.mayBlock) {
    replySynced(reply);
    return;
  }
  call.block({ keys: [], timeoutMs, replyTimeout: replySynced });
  if (local > 0n) appendLog.waiting.add(client);
}

/** What INFO tells of the append-only file. */
export function appendLogFields(call: Call): [name: string, value: string | number][] {
  const { isOn, report } = call.services.appendLog;
  const fields: [string, string | number][] = [
    ['aof_enabled', isOn ? 1 : 0],
    ['aof_rewrite_in_progress', report.isRewriting ? 1 : 0],
    ['aof_rewrite_scheduled', report.isRewriteScheduled ? 1 : 0],
    ['aof_last_rewrite_time_sec', report.lastRewriteSeconds],
    ['aof_current_rewrite_time_sec', report.currentRewriteSeconds],
    ['aof_last_bgrewrite_status', report.hasRewriteFailed ? 'err' : 'ok'],
    ['aof_rewrites', report.rewrites],
    ['aof_rewrites_consecutive_failures', report.consecutiveFailures],
    ['aof_last_write_status', report.hasWriteFailed ? 'err' : 'ok'],
    ['aof_last_cow_size', report.lastKeptBytes],
    ['module_fork_in_progress', 0],
    ['module_fork_last_cow_size', 0],
  ];
  if (!isOn) return fields;
  fields.push(
    ['aof_current_size', report.currentBytes],
    ['aof_base_size', report.baseBytes],
    ['aof_pending_rewrite', report.isRewriteScheduled ? 1 : 0],
    ['aof_buffer_length', report.pendingBytes],
    ['aof_pending_bio_fsync', report.pendingSyncs],
    ['aof_delayed_fsync', report.delayedSyncs],
  );
  return fields;
}

export const APPEND_LOG_COMMANDS: readonly CommandRow[] = [
  {
    group: 'server',
    name: 'bgrewriteaof',
    categories: [],
    summary: 'Begins to write the append-only file anew, as short as the data set allows.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading'],
    need: 'none',
    keys: [],
    differences:
      'Without a fork: the server writes the new base between commands. FLUSHDB while it does so has it begin anew.',
    execute: bgrewriteaof,
  },
  {
    group: 'generic',
    name: 'waitaof',
    categories: ['connection'],
    summary: 'Waits until the writes before it were fsynced here and on the given number of replicas.',
    since: '7.2.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['blocking'],
    need: 'none',
    keys: [],
    arguments: [
      argument('numlocal', 'integer'),
      argument('numreplicas', 'integer'),
      argument('timeout', 'integer'),
    ],
    hints: ['request_policy:all_shards', 'response_policy:agg_min'],
    differences: 'There are no replicas yet.',
    execute: waitaof,
  },
];
