import { SYNTAX_ERROR, unknownSubcommand } from '../base/error-replies.ts';
import { globMatch } from '../base/glob.ts';
import type { Call } from '../command-table/call.ts';
import { type Command, categoriesOf } from '../command-table/command.ts';
import { KeyPositions, keyRange } from '../command-table/keys.ts';
import {
  type ArgumentDoc,
  CATEGORIES,
  COMMAND_FLAGS,
  type CommandRow,
  KEY_FLAGS,
  type KeyFlag,
  type KeySpec,
} from '../command-table/row.ts';
import { Arguments } from '../resp/arguments.ts';
import type { Encoder } from '../resp/encoder.ts';
import { helpRow } from './help.ts';

/** Replies a set of simple strings. */
function replyWords(reply: Encoder, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.simple(word);
}

/** Replies what there is under each name of a map of texts, in their order; undefined is left out. */
function replyTexts(
  reply: Encoder,
  texts: readonly (readonly [name: string, text: string | undefined])[],
): void {
  for (const [name, text] of texts) {
    if (text === undefined) continue;
    reply.bulkText(name);
    reply.bulkUtf8(text);
  }
}

function countOf(...values: unknown[]): number {
  return values.filter((value) => value !== undefined).length;
}

/** The command that a name such as `get` or `config|get` names, in argument `at`. */
function namedAt(call: Call, at: number): Command | null {
  const name = call.words.text(at);
  return name.split('|').length > 2 ? null : call.services.table.named(name);
}

/** A command and its subcommands, all the way down. */
function* withSubcommands(command: Command): Generator<Command> {
  yield command;
  for (const subcommand of command.subcommands?.commands ?? []) yield* withSubcommands(subcommand);
}

function sortedKeyFlags(flags: readonly KeyFlag[]): KeyFlag[] {
  return KEY_FLAGS.filter((flag) => flags.includes(flag));
}

function replyKeySpec(reply: Encoder, spec: KeySpec): void {
  const { begin, find } = spec;
  reply.map(3 + countOf(spec.notes));
  replyTexts(reply, [['notes', spec.notes]]);
  reply.bulkText('flags');
  replyWords(reply, sortedKeyFlags(spec.flags));
  reply.bulkText('begin_search');
  if (begin === 'unknown') {
    replySearch(reply, 'unknown', []);
  } else if ('index' in begin) {
    replySearch(reply, 'index', [['index', begin.index]]);
  } else {
    replySearch(reply, 'keyword', [
      ['keyword', begin.keyword],
      ['startfrom', begin.from],
    ]);
  }
  reply.bulkText('find_keys');
  if (find === 'unknown') {
    replySearch(reply, 'unknown', []);
  } else if ('last' in find) {
    replySearch(reply, 'range', [
      ['lastkey', find.last],
      ['keystep', find.step],
      ['limit', find.limit],
    ]);
  } else {
    replySearch(reply, 'keynum', [
      ['keynumidx', find.count],
      ['firstkey', find.first],
      ['keystep', find.step],
    ]);
  }
}

/** One of the two steps of a key specification, with its numbers. */
function replySearch(
  reply: Encoder,
  type: string,
  fields: readonly (readonly [string, number | string])[],
): void {
  reply.map(2);
  reply.bulkText('type');
  reply.bulkText(type);
  reply.bulkText('spec');
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkText(name);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkText(value);
  }
}

/** Replies a command as COMMAND INFO does, its subcommands within it. */
function replyInfo(reply: Encoder, command: Command): void {
  const { row } = command;
  const range = keyRange(row.keys);
  // Redis keeps `may_replicate` to itself.
  const flags = COMMAND_FLAGS.filter((flag) =>
    flag === 'movablekeys' ? range.isPartial : flag !== 'may_replicate' && row.flags.includes(flag),
  );
  const categories = categoriesOf(row);
  reply.array(10);
  reply.bulkText(command.fullName);
  reply.integer(row.arity);
  replyWords(reply, flags);
  reply.integer(range.first);
  reply.integer(range.last);
  reply.integer(range.step);
  replyWords(
    reply,
    CATEGORIES.filter((category) => categories.includes(category)).map((category) => `@${category}`),
  );
  const hints = row.hints ?? [];
  reply.set(hints.length);
  for (const hint of hints) reply.bulkText(hint);
  reply.set(row.keys.length);
  for (const spec of row.keys) replyKeySpec(reply, spec);
  if (command.subcommands === undefined) {
    reply.set(0);
    return;
  }
  const { commands } = command.subcommands;
  reply.array(commands.length);
  for (const subcommand of commands) replyInfo(reply, subcommand);
}

function replyArgument(reply: Encoder, argument: ArgumentDoc): void {
  const flags: string[] = [];
  if (argument.optional) flags.push('optional');
  if (argument.multiple) flags.push('multiple');
  if (argument.multipleToken) flags.push('multiple_token');
  const { name, type, keySpec, token, summary, since, deprecatedSince } = argument;
  reply.map(
    countOf(name, type, keySpec, token, summary, since, deprecatedSince, argument.arguments) +
      (flags.length > 0 ? 1 : 0),
  );
  replyTexts(reply, [
    ['name', name],
    ['type', type],
  ]);
  if (keySpec !== undefined) {
    reply.bulkText('key_spec_index');
    reply.integer(keySpec);
  }
  replyTexts(reply, [
    ['token', token],
    ['summary', summary],
    ['since', since],
    ['deprecated_since', deprecatedSince],
  ]);
  if (flags.length > 0) {
    reply.bulkText('flags');
    replyWords(reply, flags);
  }
  if (argument.arguments !== undefined) replyArguments(reply, argument.arguments);
}

function replyArguments(reply: Encoder, list: readonly ArgumentDoc[]): void {
  reply.bulkText('arguments');
  reply.array(list.length);
  for (const argument of list) replyArgument(reply, argument);
}

/** Replies a command's name and what COMMAND DOCS tells of it, its subcommands within it. */
function replyDocs(reply: Encoder, command: Command): void {
  const { row, subcommands } = command;
  const { summary, since, group, complexity, docFlags, deprecatedSince, replacedBy, history } = row;
  reply.bulkText(command.fullName);
  reply.map(
    countOf(
      summary,
      since,
      group,
      complexity,
      docFlags,
      deprecatedSince,
      replacedBy,
      history,
      row.arguments,
      subcommands,
    ),
  );
  replyTexts(reply, [
    ['summary', summary],
    ['since', since],
    ['group', group],
    ['complexity', complexity],
  ]);
  if (docFlags !== undefined) {
    reply.bulkText('doc_flags');
    replyWords(reply, docFlags);
  }
  replyTexts(reply, [
    ['deprecated_since', deprecatedSince],
    ['replaced_by', replacedBy],
  ]);
  if (history !== undefined) {
    reply.bulkText('history');
    reply.set(history.length);
    for (const [version, change] of history) {
      reply.array(2);
      reply.bulkText(version);
      reply.bulkUtf8(change);
    }
  }
  if (row.arguments !== undefined) replyArguments(reply, row.arguments);
  if (subcommands !== undefined) {
    reply.bulkText('subcommands');
    reply.map(subcommands.commands.length);
    for (const subcommand of subcommands.commands) replyDocs(reply, subcommand);
  }
}

/** COMMAND alone; with a word after it that is no subcommand, an error. */
function command(call: Call): void {
  const { words, reply } = call;
  if (words.count > 1) reply.error(unknownSubcommand(words.text(1), 'COMMAND'));
  else replyAllInfo(call);
}

function replyAllInfo(call: Call): void {
  const { commands } = call.services.table;
  call.reply.array(commands.length);
  for (const each of commands) replyInfo(call.reply, each);
}

function commandInfo(call: Call): void {
  const { words, reply } = call;
  if (words.count === 2) {
    replyAllInfo(call);
    return;
  }
  reply.array(words.count - 2);
  for (let at = 2; at < words.count; at++) {
    const found = namedAt(call, at);
    if (found === null) reply.null();
    else replyInfo(reply, found);
  }
}

function commandDocs(call: Call): void {
  const { words, reply, services } = call;
  const found: Command[] = [];
  if (words.count === 2) found.push(...services.table.commands);
  for (let at = 2; at < words.count; at++) {
    const named = namedAt(call, at);
    if (named !== null) found.push(named);
  }
  reply.map(found.length);
  for (const each of found) replyDocs(reply, each);
}

/** The test of COMMAND LIST's filter in arguments 3 and 4; null if there is no such filter. */
function listFilter(call: Call): ((command: Command) => boolean) | null {
  const { words } = call;
  if (words.is(3, 'module')) return () => false;
  if (words.is(3, 'aclcat')) {
    const category = words.text(4).toLowerCase();
    return ({ row }) => categoriesOf(row).some((each) => each === category);
  }
  if (!words.is(3, 'pattern')) return null;
  const { buffer, offsets, lengths } = words;
  return ({ fullName }) =>
    globMatch(buffer, offsets[4], lengths[4], Buffer.from(fullName, 'latin1'), 0, fullName.length, true);
}

function commandList(call: Call): void {
  const { words, reply, services } = call;
  let filter: ((command: Command) => boolean) | null = () => true;
  if (words.count > 2) filter = words.count === 5 && words.is(2, 'filterby') ? listFilter(call) : null;
  if (filter === null) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const names: string[] = [];
  for (const each of services.table.commands) {
    for (const listed of withSubcommands(each)) if (filter(listed)) names.push(listed.fullName);
  }
  reply.array(names.length);
  for (const name of names) reply.bulkText(name);
}

/** COMMAND GETKEYS, and COMMAND GETKEYSANDFLAGS. */
function commandGetkeys(call: Call, withFlags: boolean): void {
  const { reply, services } = call;
  const words = new Arguments();
  words.buffer = call.words.buffer;
  words.view = call.words.view;
  for (let at = 2; at < call.words.count; at++) words.push(call.words.offsets[at], call.words.lengths[at]);
  const asked = services.table.resolve(words);
  if (asked === null || asked.subcommands !== undefined) {
    reply.error('ERR Invalid command specified');
    return;
  }
  const { row } = asked;
  if (row.keys.every((spec) => spec.flags.includes('not_key'))) {
    reply.error('ERR The command has no key arguments');
    return;
  }
  if (!asked.accepts(words.count)) {
    reply.error('ERR Invalid number of arguments specified for command');
    return;
  }
  const { positions, specs, invalid } = new KeyPositions().find(row.keys, words);
  if (invalid && !row.flags.includes('no_mandatory_keys')) {
    reply.error('ERR Invalid arguments specified for command');
    return;
  }
  const count = invalid ? 0 : positions.length;
  reply.array(count);
  for (let at = 0; at < count; at++) {
    if (withFlags) reply.array(2);
    const position = positions[at];
    reply.bulk(words.buffer, words.offsets[position], words.lengths[position]);
    if (withFlags) replyWords(reply, sortedKeyFlags(specs[at].flagsOf?.(words) ?? specs[at].flags));
  }
}

const HELP = [
  '(no subcommand)',
  '    Return details about all Redis commands.',
  'COUNT',
  '    Return the total number of commands in this Redis server.',
  'LIST',
  '    Return a list of all commands in this Redis server.',
  'INFO [<command-name> ...]',
  '    Return details about multiple Redis commands.',
  '    If no command names are given, documentation details for all',
  '    commands are returned.',
  'DOCS [<command-name> ...]',
  '    Return documentation details about multiple Redis commands.',
  '    If no command names are given, documentation details for all',
  '    commands are returned.',
  'GETKEYS <full-command>',
  '    Return the keys from a full Redis command.',
  'GETKEYSANDFLAGS <full-command>',
  '    Return the keys and the access flags from a full Redis command.',
];

/** What the rows of this family share. */
const row = {
  group: 'server',
  categories: ['connection'],
  flags: ['loading', 'stale'],
  need: 'none',
  keys: [],
} as const;
const ANY_ORDER = ['nondeterministic_output_order'] as const;
const NAMES = [{ name: 'command-name', type: 'string', optional: true, multiple: true }] as const;

export const COMMAND_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'command',
    summary: 'Returns detailed information about all commands.',
    since: '2.8.13',
    complexity: 'O(N) in the number of commands.',
    arity: -1,
    hints: ANY_ORDER,
    execute: command,
    subcommands: [
      {
        ...row,
        name: 'count',
        summary: 'Returns how many commands there are.',
        since: '2.8.13',
        complexity: 'O(1)',
        arity: 2,
        execute: (call) => call.reply.integer(call.services.table.commands.length),
      },
      {
        ...row,
        name: 'docs',
        summary: 'Returns the documentation of one, several or all commands.',
        since: '7.0.0',
        complexity: 'O(N) in the number of commands looked up.',
        arity: -2,
        hints: ANY_ORDER,
        arguments: NAMES,
        execute: commandDocs,
      },
      {
        ...row,
        name: 'getkeys',
        summary: 'Extracts the key names from a call of any command.',
        since: '2.8.13',
        complexity: 'O(N) in the number of arguments of the call.',
        arity: -4,
        execute: (call) => commandGetkeys(call, false),
      },
      {
        ...row,
        name: 'getkeysandflags',
        summary: 'Extracts the key names from a call of any command, and how each is accessed.',
        since: '7.0.0',
        complexity: 'O(N) in the number of arguments of the call.',
        arity: -4,
        execute: (call) => commandGetkeys(call, true),
      },
      helpRow('COMMAND', HELP, { group: 'server', since: '5.0.0', categories: ['connection'] }),
      {
        ...row,
        name: 'info',
        summary: 'Returns information about one, several or all commands.',
        since: '2.8.13',
        complexity: 'O(N) in the number of commands looked up.',
        arity: -2,
        history: [['7.0.0', 'Without names, it tells of all commands.']],
        hints: ANY_ORDER,
        arguments: NAMES,
        execute: commandInfo,
      },
      {
        ...row,
        name: 'list',
        summary: 'Returns the names of commands and subcommands.',
        since: '7.0.0',
        complexity: 'O(N) in the number of commands.',
        arity: -2,
        hints: ANY_ORDER,
        arguments: [
          {
            name: 'filterby',
            type: 'oneof',
            token: 'FILTERBY',
            optional: true,
            arguments: [
              { name: 'module-name', type: 'string', token: 'MODULE' },
              { name: 'category', type: 'string', token: 'ACLCAT' },
              { name: 'pattern', type: 'pattern', token: 'PATTERN' },
            ],
          },
        ],
        execute: commandList,
      },
    ],
  },
];
