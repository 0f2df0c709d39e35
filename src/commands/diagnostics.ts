import { NOT_AN_INTEGER } from '../base/error-replies.ts';
import { parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { DEBUG_COMMANDS } from './debug.ts';
import { LATENCY_COMMANDS } from './latency.ts';
import { MEMORY_COMMANDS } from './memory.ts';
import { SLOW_LOG_COMMANDS } from './slow-log.ts';
import { STANDALONE_COMMANDS } from './standalone.ts';

/** The time in whole seconds, and the microseconds besides, of which the clock knows the thousands. */
function time(call: Call): void {
  const { reply, services } = call;
  const nowMs = services.clock.wallMs();
  reply.array(2);
  reply.bulkInteger(Math.floor(nowMs / 1000));
  reply.bulkInteger((nowMs % 1000) * 1000);
}

/** The version, which is all that Redis shows for versions without a drawing of their own; VERSION asks for a drawing. */
function lolwut(call: Call): void {
  const { words, reply, services } = call;
  if (words.count >= 3 && words.is(1, 'version')) {
    if (parseInteger64(words.buffer, words.offsets[2], words.lengths[2]) === undefined) {
      reply.error(NOT_AN_INTEGER);
      return;
    }
  }
  reply.verbatim('txt', `Thermocline ver. ${services.server.version}\n`);
}

const row = { group: 'server', categories: [], need: 'none', keys: [], complexity: 'O(1)' } as const;

/** What tells about the server and its state, and helps to find out what is wrong. */
export const DIAGNOSTIC_COMMANDS: readonly CommandRow[] = [
  ...DEBUG_COMMANDS,
  ...LATENCY_COMMANDS,
  {
    ...row,
    name: 'lolwut',
    summary: 'Displays the version.',
    since: '5.0.0',
    arity: -1,
    flags: ['readonly', 'fast'],
    arguments: [{ name: 'version', type: 'integer', token: 'VERSION', optional: true }],
    differences: 'The version, without a drawing.',
    execute: lolwut,
  },
  ...MEMORY_COMMANDS,
  ...SLOW_LOG_COMMANDS,
  ...STANDALONE_COMMANDS,
  {
    ...row,
    name: 'time',
    summary: 'Returns the server time.',
    since: '2.6.0',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    hints: ['nondeterministic_output'],
    execute: time,
  },
];
