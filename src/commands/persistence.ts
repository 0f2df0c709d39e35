import { SYNTAX_ERROR } from '../base/error-replies.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { token } from './common-docs.ts';

const IN_PROGRESS = 'ERR Background save already in progress';
const OCCUPIED =
  "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.";
/** What Redis replies for a failure that is told in the log. */
const FAILED = 'ERR';

function save(call: Call): void {
  const { reply } = call;
  const { persistence } = call.services;
  if (persistence.isSaving) reply.error(IN_PROGRESS);
  else if (persistence.save()) reply.ok();
  else reply.error(FAILED);
}

function bgsave(call: Call): void {
  const { words, reply, client } = call;
  const { persistence } = call.services;
  if (words.count > 2 || (words.count === 2 && !words.is(1, 'schedule'))) {
    reply.error(SYNTAX_ERROR);
  } else if (persistence.isSaving) {
    reply.error(IN_PROGRESS);
  } else if (persistence.isOccupied || client.nested) {
    // Within a transaction it waits until all of it is done.
    if (words.count === 2 || client.nested) {
      persistence.scheduleSave();
      reply.simple('Background saving scheduled');
    } else {
      reply.error(OCCUPIED);
    }
  } else if (persistence.beginSave()) {
    reply.simple('Background saving started');
  } else {
    reply.error(FAILED);
  }
}

function lastsave(call: Call): void {
  call.reply.integer(call.services.persistence.report.lastSaveSeconds);
}

const row = { group: 'server', categories: [], need: 'none', keys: [] } as const;

export const PERSISTENCE_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'bgsave',
    summary: 'Begins to write a snapshot of all databases to disk.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: -1,
    flags: ['admin', 'noscript', 'no_async_loading'],
    arguments: [token('schedule', { optional: true, since: '3.2.2' })],
    history: [['3.2.2', 'Added the `SCHEDULE` option.']],
    differences:
      'Without a fork: the server writes the snapshot between commands. FLUSHDB while it does so has it begin anew.',
    execute: bgsave,
  },
  {
    ...row,
    name: 'lastsave',
    summary: 'Returns the Unix time of the last snapshot, or of the start where there was none.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 1,
    categories: ['admin', 'dangerous'],
    flags: ['loading', 'stale', 'fast'],
    hints: ['nondeterministic_output'],
    execute: lastsave,
  },
  {
    ...row,
    name: 'save',
    summary: 'Writes a snapshot of all databases to disk, and lets nobody else run meanwhile.',
    since: '1.0.0',
    complexity: 'O(N) in the number of keys in all databases.',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    execute: save,
  },
];
