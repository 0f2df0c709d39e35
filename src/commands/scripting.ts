import { NO_DEBUGGER } from '../base/error-replies.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { replyHelp } from './help.ts';
import { countedKeys } from './key-specs.ts';
import { SCRIPTING_DOCS } from './scripting-docs.ts';

const HELP = [
  'DEBUG (YES|SYNC|NO)',
  '    Set the debug mode for subsequent scripts executed.',
  'EXISTS <sha1> [<sha1> ...]',
  '    Return information about the existence of the scripts in the script cache.',
  'FLUSH [ASYNC|SYNC]',
  '    Flush the Lua scripts cache. Very dangerous on replicas.',
  '    When called without the optional mode argument, the behavior is determined by the',
  '    lazyfree-lazy-user-flush configuration directive. Valid modes are:',
  '    * ASYNC: Asynchronously flush the scripts cache.',
  '    * SYNC: Synchronously flush the scripts cache.',
  'KILL',
  '    Kill the currently executing Lua script.',
  'LOAD <script>',
  '    Load a script into the scripts cache without executing it.',
];

function exists(call: Call): void {
  const { words, reply, services } = call;
  reply.array(words.count - 2);
  for (let at = 2; at < words.count; at++) reply.integer(services.scripts.hasScript(words.text(at)) ? 1 : 0);
}

function load(call: Call): void {
  call.reply.bulkText(call.services.scripts.loadScript(call.words.copy(2)));
}

function flush(call: Call): void {
  const { words, reply, services } = call;
  if (words.count > 3 || (words.count === 3 && !words.is(2, 'sync') && !words.is(2, 'async'))) {
    reply.error('ERR SCRIPT FLUSH only support SYNC|ASYNC option');
    return;
  }
  services.scripts.flushScripts();
  reply.ok();
}

function kill(call: Call): void {
  call.services.scripts.kill(false);
  call.reply.ok();
}

function debug(call: Call): void {
  const { words, reply, client } = call;
  if (words.is(2, 'no')) {
    client.wantsDebugger = false;
    reply.ok();
  } else if (words.is(2, 'yes') || words.is(2, 'sync')) {
    client.wantsDebugger = true;
    reply.error(NO_DEBUGGER);
  } else {
    reply.error('ERR Use SCRIPT DEBUG YES/SYNC/NO');
  }
}

const row = { group: 'scripting', categories: ['scripting'], need: 'none', keys: [] } as const;
const evaluation = {
  ...row,
  since: '2.6.0',
  complexity: 'Depends on the script that is executed.',
  arity: -3,
  flags: ['noscript', 'stale', 'skip_monitor', 'may_replicate', 'no_mandatory_keys'],
  need: 'value',
} as const;
const readOnlyEvaluation = {
  ...evaluation,
  since: '7.0.0',
  flags: ['noscript', 'readonly', 'stale', 'skip_monitor', 'no_mandatory_keys'],
} as const;

/** Where scripts and functions have their keys; how they use them is not known. */
export const SCRIPT_KEYS = [
  {
    ...countedKeys(2, 1, 'RW', 'access', 'update'),
    notes: 'We cannot tell how the keys will be used so we assume the worst, RW and UPDATE',
  },
];
export const READ_ONLY_SCRIPT_KEYS = [
  {
    ...countedKeys(2, 1, 'RO', 'access'),
    notes: 'We cannot tell how the keys will be used so we assume the worst, RO and ACCESS',
  },
];

const SLOW_SCRIPTS =
  'A slow script lets others in only where Lua can leave it: not within pcall, a sort or a metamethod. There, and within EXEC, others wait, and it is stopped after four times `busy-reply-threshold` if it has written nothing. A single call of `string.find` and its like can’t be interrupted at all, as in Redis.';
const MACHINE_LIMITS =
  'A script has up to 256 MiB of memory. `table.insert` into a library’s table is no error; it has no effect beyond the script.';

export const SCRIPTING_COMMANDS: readonly CommandRow[] = [
  {
    ...evaluation,
    ...SCRIPTING_DOCS.eval,
    name: 'eval',
    summary: 'Executes a server-side Lua script.',
    keys: SCRIPT_KEYS,
    differences: `${SLOW_SCRIPTS} ${MACHINE_LIMITS}`,
    execute: (call) => call.services.scripts.evaluate(call, false, false),
  },
  {
    ...readOnlyEvaluation,
    ...SCRIPTING_DOCS.eval_ro,
    name: 'eval_ro',
    summary: 'Executes a read-only server-side Lua script.',
    keys: READ_ONLY_SCRIPT_KEYS,
    differences: 'See EVAL.',
    execute: (call) => call.services.scripts.evaluate(call, false, true),
  },
  {
    ...evaluation,
    ...SCRIPTING_DOCS.evalsha,
    name: 'evalsha',
    summary: 'Executes a server-side Lua script by SHA1 digest.',
    keys: [countedKeys(2, 1, 'RW', 'access', 'update')],
    differences: 'See EVAL.',
    execute: (call) => call.services.scripts.evaluate(call, true, false),
  },
  {
    ...readOnlyEvaluation,
    ...SCRIPTING_DOCS.evalsha_ro,
    name: 'evalsha_ro',
    summary: 'Executes a read-only server-side Lua script by SHA1 digest.',
    keys: [countedKeys(2, 1, 'RO', 'access')],
    differences: 'See EVAL.',
    execute: (call) => call.services.scripts.evaluate(call, true, true),
  },
  {
    ...row,
    name: 'script',
    categories: [],
    summary: 'A container for Lua scripts management commands.',
    since: '2.6.0',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...row,
        ...SCRIPTING_DOCS['script|debug'],
        name: 'debug',
        summary: 'Sets the debug mode of server-side Lua scripts.',
        since: '3.2.0',
        complexity: 'O(1)',
        arity: 3,
        flags: ['noscript'],
        differences:
          'There is no debugger: `YES` and `SYNC` are errors, and so are the scripts that the client sends afterwards, until `NO`.',
        execute: debug,
      },
      {
        ...row,
        ...SCRIPTING_DOCS['script|exists'],
        name: 'exists',
        summary: 'Determines whether server-side Lua scripts exist in the script cache.',
        since: '2.6.0',
        complexity:
          'O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).',
        arity: -3,
        flags: ['noscript'],
        execute: exists,
      },
      {
        ...row,
        ...SCRIPTING_DOCS['script|flush'],
        name: 'flush',
        summary: 'Removes all server-side Lua scripts from the script cache.',
        since: '2.6.0',
        complexity: 'O(N) with N being the number of scripts in cache',
        arity: -2,
        flags: ['noscript'],
        execute: flush,
      },
      {
        ...row,
        name: 'help',
        summary: 'Returns helpful text about the different subcommands.',
        since: '5.0.0',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        execute: (call) => replyHelp(call, 'SCRIPT', HELP),
      },
      {
        ...row,
        ...SCRIPTING_DOCS['script|kill'],
        name: 'kill',
        summary: 'Terminates a server-side Lua script during execution.',
        since: '2.6.0',
        complexity: 'O(1)',
        arity: 2,
        flags: ['noscript', 'allow_busy'],
        execute: kill,
      },
      {
        ...row,
        ...SCRIPTING_DOCS['script|load'],
        name: 'load',
        summary: 'Loads a server-side Lua script to the script cache.',
        since: '2.6.0',
        complexity: 'O(N) with N being the length in bytes of the script body.',
        arity: 3,
        flags: ['noscript', 'stale'],
        execute: load,
      },
    ],
  },
];
