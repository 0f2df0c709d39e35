import { parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import type { SlowLog } from '../metrics/slow-log.ts';
import { helpRow } from './help.ts';

const COUNT_DEFAULT = 10;

function slowlogGet(call: Call): void {
  const { words, reply, services } = call;
  if (words.count > 3) {
    const subcommand = words.text(1);
    reply.error(`ERR unknown subcommand or wrong number of arguments for '${subcommand}'. Try SLOWLOG HELP.`);
    return;
  }
  replyEntries(call, services.slowLog, 2);
}

/** Replies the newest entries of a log, as many as the word at `countAt` asks for if it is there. */
export function replyEntries({ words, reply }: Call, { entries }: SlowLog, countAt: number): void {
  let count = COUNT_DEFAULT;
  if (words.count > countAt) {
    const asked = parseInteger64(words.buffer, words.offsets[countAt], words.lengths[countAt]);
    if (asked === undefined || asked < -1n) {
      reply.error('ERR count should be greater than or equal to -1');
      return;
    }
    count = asked < 0n ? entries.length : Number(asked);
  }
  count = Math.min(count, entries.length);
  reply.array(count);
  for (let at = 0; at < count; at++) {
    const entry = entries[at];
    reply.array(6);
    reply.integer(entry.id);
    reply.integer(entry.timeSeconds);
    reply.integer(Math.floor(entry.microseconds));
    reply.array(entry.words.length);
    for (const word of entry.words) reply.bulk(word, 0, word.length);
    reply.bulkText(entry.address);
    reply.bulkText(entry.clientName);
  }
}

const HELP = [
  'GET [<count>]',
  '    Return top <count> entries from the slowlog (default: 10, -1 mean all).',
  '    Entries are made of:',
  '    id, timestamp, time in microseconds, arguments array, client IP and port,',
  '    client name',
  'LEN',
  '    Return the length of the slowlog.',
  'RESET',
  '    Reset the slowlog.',
];

const row = { group: 'server', categories: [], need: 'none', keys: [], since: '2.2.12' } as const;
const FLAGS = ['admin', 'loading', 'stale'] as const;
const ALL_NODES = 'request_policy:all_nodes';

export const SLOW_LOG_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'slowlog',
    summary: 'A container for slow log commands.',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...row,
        name: 'get',
        summary: 'Returns the slow log’s entries.',
        complexity: 'O(N) in the number of entries returned.',
        arity: -2,
        flags: FLAGS,
        hints: [ALL_NODES, 'nondeterministic_output'],
        history: [['4.0.0', 'Added client IP address, port and name to the reply.']],
        arguments: [{ name: 'count', type: 'integer', optional: true }],
        execute: slowlogGet,
      },
      helpRow('SLOWLOG', HELP, { group: 'server', since: '6.2.0' }),
      {
        ...row,
        name: 'len',
        summary: 'Returns the number of entries in the slow log.',
        complexity: 'O(1)',
        arity: 2,
        flags: FLAGS,
        hints: [ALL_NODES, 'response_policy:agg_sum', 'nondeterministic_output'],
        execute: (call) => call.reply.integer(call.services.slowLog.entries.length),
      },
      {
        ...row,
        name: 'reset',
        summary: 'Clears all entries from the slow log.',
        complexity: 'O(N) in the number of entries in the slow log.',
        arity: 2,
        flags: FLAGS,
        hints: [ALL_NODES, 'response_policy:all_succeeded'],
        execute: (call) => {
          call.services.slowLog.reset();
          call.reply.ok();
        },
      },
    ],
  },
];
