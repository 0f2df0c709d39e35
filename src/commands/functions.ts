import { globMatch } from '../base/glob.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import type { FunctionLibrary, RestorePolicy } from '../command-table/script-control.ts';
import { replyHelp } from './help.ts';
import { READ_ONLY_SCRIPT_KEYS, SCRIPT_KEYS } from './scripting.ts';
import { FUNCTION_DOCS } from './scripting-docs.ts';

const HELP = [
  'LOAD [REPLACE] <FUNCTION CODE>',
  '    Create a new library with the given library name and code.',
  'DELETE <LIBRARY NAME>',
  '    Delete the given library.',
  'LIST [LIBRARYNAME PATTERN] [WITHCODE]',
  '    Return general information on all the libraries:',
  '    * Library name',
  '    * The engine used to run the Library',
  '    * Library description',
  '    * Functions list',
  '    * Library code (if WITHCODE is given)',
  '    It also possible to get only function that matches a pattern using LIBRARYNAME argument.',
  'STATS',
  '    Return information about the current function running:',
  '    * Function name',
  '    * Command used to run the function',
  '    * Duration in MS that the function is running',
  '    If no function is running, return nil',
  '    In addition, returns a list of available engines.',
  'KILL',
  '    Kill the current running function.',
  'FLUSH [ASYNC|SYNC]',
  '    Delete all the libraries.',
  '    When called without the optional mode argument, the behavior is determined by the',
  '    lazyfree-lazy-user-flush configuration directive. Valid modes are:',
  '    * ASYNC: Asynchronously flush the libraries.',
  '    * SYNC: Synchronously flush the libraries.',
  'DUMP',
  '    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command',
  'RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]',
  '    Restore the libraries represented by the given payload, it is possible to give a restore policy to',
  '    control how to handle existing libraries (default APPEND):',
  '    * FLUSH: delete all existing libraries.',
  '    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.',
  '    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old',
  '      libraries with the new libraries (notice that even on this option there is a chance of failure',
  '      in case of functions name conflict with another library).',
];

const POLICIES: readonly RestorePolicy[] = ['flush', 'append', 'replace'];

function load(call: Call): void {
  const { words, reply, services } = call;
  const last = words.count - 1;
  for (let at = 2; at < last; at++) {
    if (!words.is(at, 'replace')) {
      reply.error(`ERR Unknown option given: ${words.text(at)}`);
      return;
    }
  }
  const name = services.scripts.loadLibrary(words.copy(last), last > 2);
  call.keyspace.dirty++;
  reply.bulkText(name);
}

function remove(call: Call): void {
  if (!call.services.scripts.deleteLibrary(call.words.text(2))) {
    call.reply.error('ERR Library not found');
    return;
  }
  call.keyspace.dirty++;
  call.reply.ok();
}

function flush(call: Call): void {
  const { words, reply } = call;
  if (words.count > 3) {
    reply.error(
      `ERR unknown subcommand or wrong number of arguments for '${words.text(1)}'. Try FUNCTION HELP.`,
    );
    return;
  }
  if (words.count === 3 && !words.is(2, 'sync') && !words.is(2, 'async')) {
    reply.error('ERR FUNCTION FLUSH only supports SYNC|ASYNC option');
    return;
  }
  call.services.scripts.flushLibraries();
  call.keyspace.dirty++;
  reply.ok();
}

function list(call: Call): void {
  const { words, reply, services } = call;
  let withCode = false;
  let pattern = -1;
  for (let at = 2; at < words.count; at++) {
    if (!withCode && words.is(at, 'withcode')) {
      withCode = true;
    } else if (pattern < 0 && words.is(at, 'libraryname')) {
      pattern = ++at;
      if (pattern === words.count) {
        reply.error('ERR library name argument was not given');
        return;
      }
    } else {
      reply.error(`ERR Unknown argument ${words.text(at)}`);
      return;
    }
  }
  const shown = services.scripts.libraries.filter(({ name }) => pattern < 0 || matches(call, pattern, name));
  reply.array(shown.length);
  for (const library of shown) replyLibrary(call, library, withCode);
}

function matches(call: Call, pattern: number, name: string): boolean {
  const { words } = call;
  const bytes = Buffer.from(name, 'latin1');
  const offset = words.offsets[pattern];
  return globMatch(words.buffer, offset, words.lengths[pattern], bytes, 0, bytes.length, true);
}

function replyLibrary(call: Call, library: FunctionLibrary, withCode: boolean): void {
  const { reply } = call;
  reply.map(withCode ? 4 : 3);
  reply.bulkText('library_name');
  reply.bulkText(library.name);
  reply.bulkText('engine');
  reply.bulkText('LUA');
  reply.bulkText('functions');
  reply.array(library.functions.length);
  for (const { name, description, flagNames } of library.functions) {
    reply.map(3);
    reply.bulkText('name');
    reply.bulkText(name);
    reply.bulkText('description');
    if (description === null) reply.null();
    else reply.bulkText(description);
    reply.bulkText('flags');
    reply.set(flagNames.length);
    for (const flag of flagNames) reply.simple(flag);
  }
  if (!withCode) return;
  reply.bulkText('library_code');
  reply.bulkText(library.code);
}

function stats(call: Call): void {
  const { reply, services } = call;
  const { running, report, busyError } = services.scripts;
  if (running !== null && !running.isFunction) {
    reply.error(busyError);
    return;
  }
  reply.map(2);
  reply.bulkText('running_script');
  if (running === null) {
    reply.null();
  } else {
    reply.map(3);
    reply.bulkText('name');
    reply.bulkText(running.name);
    reply.bulkText('command');
    reply.array(running.words.length);
    for (const word of running.words) reply.bulk(word, 0, word.length);
    reply.bulkText('duration_ms');
    reply.integer(running.durationMs);
  }
  reply.bulkText('engines');
  reply.map(1);
  reply.bulkText('LUA');
  reply.map(2);
  reply.bulkText('libraries_count');
  reply.integer(report.libraryCount);
  reply.bulkText('functions_count');
  reply.integer(report.functionCount);
}

function dump(call: Call): void {
  const payload = call.services.scripts.dumpLibraries();
  call.reply.bulk(payload, 0, payload.length);
}

function restore(call: Call): void {
  const { words, reply, services } = call;
  if (words.count > 4) {
    reply.error(
      `ERR unknown subcommand or wrong number of arguments for '${words.text(1)}'. Try FUNCTION HELP.`,
    );
    return;
  }
  const policy = words.count === 4 ? POLICIES.find((name) => words.is(3, name)) : 'append';
  if (policy === undefined) {
    reply.error('ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.');
    return;
  }
  services.scripts.restoreLibraries(words.copy(2), policy);
  call.keyspace.dirty++;
  reply.ok();
}

function kill(call: Call): void {
  call.services.scripts.kill(true);
  call.reply.ok();
}

const row = {
  group: 'scripting',
  categories: ['scripting'],
  need: 'none',
  keys: [],
  since: '7.0.0',
} as const;
const invocation = {
  ...row,
  complexity: 'Depends on the function that is executed.',
  arity: -3,
  need: 'value',
  differences: 'See EVAL.',
} as const;

export const FUNCTION_COMMANDS: readonly CommandRow[] = [
  {
    ...invocation,
    ...FUNCTION_DOCS.fcall,
    name: 'fcall',
    summary: 'Invokes a function.',
    flags: ['noscript', 'stale', 'skip_monitor', 'may_replicate', 'no_mandatory_keys'],
    keys: SCRIPT_KEYS,
    execute: (call) => call.services.scripts.callFunction(call, false),
  },
  {
    ...invocation,
    ...FUNCTION_DOCS.fcall_ro,
    name: 'fcall_ro',
    summary: 'Invokes a read-only function.',
    flags: ['noscript', 'readonly', 'stale', 'skip_monitor', 'no_mandatory_keys'],
    keys: READ_ONLY_SCRIPT_KEYS,
    execute: (call) => call.services.scripts.callFunction(call, true),
  },
  {
    ...row,
    name: 'function',
    categories: [],
    summary: 'A container for function commands.',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...row,
        ...FUNCTION_DOCS['function|delete'],
        name: 'delete',
        summary: 'Deletes a library and its functions.',
        complexity: 'O(1)',
        arity: 3,
        flags: ['noscript', 'write'],
        execute: remove,
      },
      {
        ...row,
        name: 'dump',
        summary: 'Dumps all libraries into a serialized binary payload.',
        complexity: 'O(N) where N is the number of functions',
        arity: 2,
        flags: ['noscript'],
        execute: dump,
      },
      {
        ...row,
        ...FUNCTION_DOCS['function|flush'],
        name: 'flush',
        summary: 'Deletes all libraries and functions.',
        complexity: 'O(N) where N is the number of functions deleted',
        arity: -2,
        flags: ['noscript', 'write'],
        execute: flush,
      },
      {
        ...row,
        name: 'help',
        summary: 'Returns helpful text about the different subcommands.',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        execute: (call) => replyHelp(call, 'FUNCTION', HELP),
      },
      {
        ...row,
        ...FUNCTION_DOCS['function|kill'],
        name: 'kill',
        summary: 'Terminates a function during execution.',
        complexity: 'O(1)',
        arity: 2,
        flags: ['noscript', 'allow_busy'],
        execute: kill,
      },
      {
        ...row,
        ...FUNCTION_DOCS['function|list'],
        name: 'list',
        summary: 'Returns information about all libraries.',
        complexity: 'O(N) where N is the number of functions',
        arity: -2,
        flags: ['noscript'],
        execute: list,
      },
      {
        ...row,
        ...FUNCTION_DOCS['function|load'],
        name: 'load',
        summary: 'Creates a library.',
        complexity: 'O(1) (considering compilation time is redundant)',
        arity: -3,
        flags: ['noscript', 'write', 'denyoom'],
        execute: load,
      },
      {
        ...row,
        ...FUNCTION_DOCS['function|restore'],
        name: 'restore',
        summary: 'Restores all libraries from a payload.',
        complexity: 'O(N) where N is the number of functions on the payload',
        arity: -3,
        flags: ['noscript', 'write', 'denyoom'],
        execute: restore,
      },
      {
        ...row,
        ...FUNCTION_DOCS['function|stats'],
        name: 'stats',
        summary: 'Returns information about a function during execution.',
        complexity: 'O(1)',
        arity: 2,
        flags: ['noscript', 'allow_busy'],
        execute: stats,
      },
    ],
  },
];
