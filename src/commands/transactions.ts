import { EXEC_ABORTED } from '../base/error-replies.ts';
import type { Denial } from '../command-table/access.ts';
import type { Call } from '../command-table/call.ts';
import { CommandQueue } from '../command-table/command-queue.ts';
import type { CommandRow } from '../command-table/row.ts';
import { KEYS } from './common-docs.ts';
import { keysFrom } from './key-specs.ts';

function multi(call: Call): void {
  if (call.client.queue !== null) {
    call.reply.error('ERR MULTI calls can not be nested');
    return;
  }
  call.client.queue = CommandQueue.take();
  call.client.queueFailed = false;
  call.reply.ok();
}

/** Leaves the transaction and forgets what was watched. */
export function leaveTransaction(call: Call): void {
  const { client, services } = call;
  client.leaveTransaction();
  services.watches.unwatchAll(client);
}

function discard(call: Call): void {
  if (call.client.queue === null) {
    call.reply.error('ERR DISCARD without MULTI');
    return;
  }
  leaveTransaction(call);
  call.reply.ok();
}

const RULES_CHANGED =
  'NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: ';
const DENIAL_REASONS: Readonly<Record<Denial, string>> = {
  command: 'no permission to execute the command or subcommand',
  key: 'no permission to touch the specified keys',
  channel: 'no permission to access one of the channels used as arguments to the command',
};

function exec(call: Call): void {
  const { client, reply, services } = call;
  const { queue } = client;
  if (queue === null) {
    reply.error('ERR EXEC without MULTI');
    return;
  }
  const failed = client.queueFailed;
  const broken = client.watchBroken || services.watches.hasExpired(client, call.keyspace);
  leaveTransaction(call);
  if (failed) {
    reply.error(EXEC_ABORTED);
    return;
  }
  if (broken) {
    reply.nullArray();
    return;
  }
  const { errorCount } = reply;
  client.nested = true;
  services.beginUnit();
  reply.array(queue.length);
  for (let at = 0; at < queue.length; at++) {
    const command = queue.commandAt(at);
    const words = queue.wordsAt(at);
    reply.protocol = client.protocol;
    // Permissions, or the user, may have changed since the command was queued.
    const denial = client.user.isUnrestricted ? null : client.user.check(command, words);
    if (denial === null) {
      services.runNested(call, command, words);
      continue;
    }
    services.users.refuse(client, denial, command, words, 'multi');
    const reason = `${RULES_CHANGED}${DENIAL_REASONS[denial]}`;
    reply.error(reason);
    services.statistics.countError(reason);
  }
  client.nested = false;
  // The errors are of the commands that failed, and have been counted.
  reply.errorCount = errorCount;
  services.endUnit();
  // Each command was propagated as it ran.
  call.propagation = [];
  queue.release();
}

function watch(call: Call): void {
  const { client, words, services } = call;
  if (client.queue !== null) {
    call.reply.error('ERR WATCH inside MULTI is not allowed');
    return;
  }
  for (let at = 1; at < words.count; at++) {
    const expired = call.database.isExpired(words.buffer, words.offsets[at], words.lengths[at]);
    services.watches.watch(
      client,
      client.databaseNumber,
      words.buffer,
      words.offsets[at],
      words.lengths[at],
      expired,
    );
  }
  call.reply.ok();
}

function unwatch(call: Call): void {
  call.services.watches.unwatchAll(call.client);
  call.reply.ok();
}

/** What the rows of this family share. */
const row = { group: 'transactions', categories: ['transaction'], need: 'none', keys: [] } as const;

export const TRANSACTION_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'discard',
    summary: 'Discards a transaction.',
    since: '2.0.0',
    complexity: 'O(N) in the number of queued commands.',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    execute: discard,
  },
  {
    ...row,
    need: 'value',
    name: 'exec',
    summary: 'Executes all commands in a transaction.',
    since: '1.2.0',
    complexity: 'Depends on the commands in the transaction.',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
    execute: exec,
  },
  {
    ...row,
    name: 'multi',
    summary: 'Starts a transaction.',
    since: '1.2.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    execute: multi,
  },
  {
    ...row,
    name: 'unwatch',
    summary: 'Forgets about watched keys of a transaction.',
    since: '2.2.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    execute: unwatch,
  },
  {
    ...row,
    name: 'watch',
    summary: 'Monitors changes to keys to determine the execution of a transaction.',
    since: '2.2.0',
    complexity: 'O(1) for every key.',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    keys: [keysFrom(1, 1, 'RO')],
    arguments: [KEYS],
    execute: watch,
  },
];
