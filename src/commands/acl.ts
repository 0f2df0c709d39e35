import { NOT_AN_INTEGER } from '../base/error-replies.ts';
import { parseInteger64Rounded } from '../base/numbers.ts';
import { secretHex } from '../base/random.ts';
import type { SelectorRecord } from '../command-table/access.ts';
import type { Call } from '../command-table/call.ts';
import { CATEGORIES, type CommandRow } from '../command-table/row.ts';
import { Arguments } from '../resp/arguments.ts';
import type { Encoder } from '../resp/encoder.ts';
import { ACL_DOCS } from './acl-docs.ts';
import { helpRow } from './help.ts';

const LOG_COUNT_DEFAULT = 10;
const PASSWORD_BITS_DEFAULT = 256;
const PASSWORD_BITS_MAX = 4096;
const NO_FILE =
  'ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.';

/** Arguments from number `at` on as texts. */
function textsFrom(words: Arguments, at: number): string[] {
  return Array.from({ length: words.count - at }, (_, index) => words.text(at + index));
}

/** The integer in argument 2, or `fallback` if there is none; replies an error and returns undefined for anything else. */
function optionalInteger(call: Call, fallback: number): number | undefined {
  const { words, reply } = call;
  if (words.count === 2) return fallback;
  const value = parseInteger64Rounded(words.buffer, words.offsets[2], words.lengths[2]);
  if (!Number.isNaN(value)) return value;
  reply.error(NOT_AN_INTEGER);
  return undefined;
}

/** Replies an error if there are more than `count` arguments, since the table knows no upper bound. */
function hasAtMost(call: Call, count: number): boolean {
  const { words, reply } = call;
  if (words.count <= count) return true;
  reply.error(
    `ERR unknown subcommand or wrong number of arguments for '${words.text(1).slice(0, 128)}'. Try ACL HELP.`,
  );
  return false;
}

function replyOutcome(call: Call, error: string | undefined): void {
  if (error === undefined) call.reply.ok();
  else call.reply.error(error);
}

function replyTexts(reply: Encoder, texts: readonly string[]): void {
  reply.array(texts.length);
  for (const text of texts) reply.bulkText(text);
}

function aclCat(call: Call): void {
  const { words, reply, services } = call;
  if (!hasAtMost(call, 3)) return;
  if (words.count === 2) {
    replyTexts(reply, CATEGORIES);
    return;
  }
  const names = services.users.commandsOf(words.text(2));
  if (names === undefined) reply.error(`ERR Unknown category '${words.text(2).slice(0, 128)}'`);
  else replyTexts(reply, names);
}

function aclDeluser(call: Call): void {
  const { words, reply, services, client } = call;
  call.holdsSecret = true;
  const names = textsFrom(words, 2);
  if (names.includes('default')) reply.error("ERR The 'default' user cannot be removed");
  else reply.integer(services.users.deleteUsers(names, client));
}

function aclDryrun(call: Call): void {
  const { words, reply, services } = call;
  const user = services.users.find(words.text(2));
  if (user === undefined) {
    reply.error(`ERR User '${words.text(2)}' not found`);
    return;
  }
  const tried = new Arguments();
  tried.buffer = words.buffer;
  tried.view = words.view;
  for (let at = 3; at < words.count; at++) tried.push(words.offsets[at], words.lengths[at]);
  const command = services.table.resolve(tried);
  if (command === null) {
    reply.error(`ERR Command '${words.text(3)}' not found`);
    return;
  }
  if (!command.accepts(tried.count)) {
    reply.error(`ERR wrong number of arguments for '${command.fullName}' command`);
    return;
  }
  const denial = user.check(command, tried);
  if (denial === null) reply.ok();
  else if (denial === 'command')
    reply.bulkText(`User ${user.name} has no permissions to run the '${command.fullName}' command`);
  else
    reply.bulkText(
      `User ${user.name} has no permissions to access the '${tried.text(user.deniedAt)}' ${denial}`,
    );
}

function aclGenpass(call: Call): void {
  if (!hasAtMost(call, 3)) return;
  const bits = optionalInteger(call, PASSWORD_BITS_DEFAULT);
  if (bits === undefined) return;
  if (bits <= 0 || bits > PASSWORD_BITS_MAX) {
    call.reply.error(
      `ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to ${PASSWORD_BITS_MAX}`,
    );
    return;
  }
  const digits = Math.ceil(bits / 4);
  call.reply.bulkText(secretHex(Math.ceil(digits / 2)).slice(0, digits));
}

function replySelector(reply: Encoder, { commands, keys, channels }: SelectorRecord): void {
  reply.bulkText('commands');
  reply.bulkText(commands);
  reply.bulkText('keys');
  reply.bulkText(keys);
  reply.bulkText('channels');
  reply.bulkText(channels);
}

function aclGetuser(call: Call): void {
  const { words, reply, services } = call;
  call.holdsSecret = true;
  const user = services.users.find(words.text(2));
  if (user === undefined) {
    reply.null();
    return;
  }
  reply.map(6);
  reply.bulkText('flags');
  reply.set(user.flags.length);
  for (const flag of user.flags) reply.bulkText(flag);
  reply.bulkText('passwords');
  replyTexts(reply, user.passwords);
  const [own, ...others] = user.selectors;
  replySelector(reply, own);
  reply.bulkText('selectors');
  reply.array(others.length);
  for (const selector of others) {
    reply.map(3);
    replySelector(reply, selector);
  }
}

function aclLog(call: Call): void {
  const { words, reply, services, keyspace } = call;
  if (!hasAtMost(call, 3)) return;
  if (words.count === 3 && words.is(2, 'reset')) {
    services.users.clearLog();
    reply.ok();
    return;
  }
  const asked = optionalInteger(call, LOG_COUNT_DEFAULT);
  if (asked === undefined) return;
  const entries = services.users.log.slice(0, Math.max(0, asked));
  reply.array(entries.length);
  for (const entry of entries) {
    reply.map(10);
    reply.bulkText('count');
    reply.integer(entry.count);
    reply.bulkText('reason');
    reply.bulkText(entry.reason);
    reply.bulkText('context');
    reply.bulkText(entry.context);
    reply.bulkText('object');
    reply.bulkText(entry.object);
    reply.bulkText('username');
    reply.bulkText(entry.userName);
    reply.bulkText('age-seconds');
    reply.double((keyspace.nowMs - entry.updatedMs) / 1000);
    reply.bulkText('client-info');
    reply.bulkText(entry.clientInfo);
    reply.bulkText('entry-id');
    reply.integer(entry.id);
    reply.bulkText('timestamp-created');
    reply.integer(entry.createdMs);
    reply.bulkText('timestamp-last-updated');
    reply.integer(entry.updatedMs);
  }
}

function aclLoad(call: Call): void {
  const { users } = call.services;
  replyOutcome(call, users.hasFile ? users.load(call.client) : NO_FILE);
}

function aclSave(call: Call): void {
  const { users } = call.services;
  replyOutcome(call, users.hasFile ? users.save() : NO_FILE);
}

function aclSetuser(call: Call): void {
  const { words, services, client } = call;
  call.holdsSecret = true;
  replyOutcome(call, services.users.setUser(words.text(2), textsFrom(words, 3), client));
}

const HELP = [
  'CAT [<category>]',
  '    List all commands that belong to <category>, or all command categories',
  '    when no category is specified.',
  'DELUSER <username> [<username> ...]',
  '    Delete a list of users.',
  'DRYRUN <username> <command> [<arg> ...]',
  '    Returns whether the user can execute the given command without executing the command.',
  'GETUSER <username>',
  "    Get the user's details.",
  'GENPASS [<bits>]',
  '    Generate a secure 256-bit user password. The optional `bits` argument can',
  '    be used to specify a different size.',
  'LIST',
  '    Show users details in config file format.',
  'LOAD',
  '    Reload users from the ACL file.',
  'LOG [<count> | RESET]',
  '    Show the ACL log entries.',
  'SAVE',
  '    Save the current config to the ACL file.',
  'SETUSER <username> <attribute> [<attribute> ...]',
  '    Create or modify a user with the specified attributes.',
  'USERS',
  '    List all the registered usernames.',
  'WHOAMI',
  '    Return the current connection username.',
];

/** What the rows of this family share. */
const row = { group: 'server', since: '6.0.0', categories: [], need: 'none', keys: [] } as const;
const FLAGS = ['noscript', 'loading', 'stale'] as const;
const ADMIN_FLAGS = ['admin', ...FLAGS] as const;
const PER_USER = 'O(N), where N is the number of users.';

export const ACL_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'acl',
    summary: 'A container for commands of access control lists.',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        ...row,
        ...ACL_DOCS.cat,
        name: 'cat',
        summary: 'Lists the categories of commands, or the commands of one.',
        complexity: 'O(1) since the categories and commands are a fixed set.',
        arity: -2,
        flags: FLAGS,
        execute: aclCat,
      },
      {
        ...row,
        ...ACL_DOCS.deluser,
        name: 'deluser',
        summary: 'Removes users, and ends their connections.',
        complexity: 'O(1) amortized time considering the typical user.',
        arity: -3,
        flags: ADMIN_FLAGS,
        hints: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        differences: 'Never in the slow log; Redis logs it without its arguments.',
        execute: aclDeluser,
      },
      {
        ...row,
        ...ACL_DOCS.dryrun,
        name: 'dryrun',
        summary: 'Tells whether a user may run a command, without running it.',
        since: '7.0.0',
        complexity: 'O(1).',
        arity: -4,
        flags: ADMIN_FLAGS,
        execute: aclDryrun,
      },
      {
        ...row,
        ...ACL_DOCS.genpass,
        name: 'genpass',
        summary: 'Generates a random password.',
        complexity: 'O(1)',
        arity: -2,
        flags: FLAGS,
        execute: aclGenpass,
      },
      {
        ...row,
        ...ACL_DOCS.getuser,
        name: 'getuser',
        summary: 'Returns the rules of a user.',
        complexity: 'O(N), where N is the number of passwords, commands and patterns of the user.',
        arity: 3,
        flags: ADMIN_FLAGS,
        differences: 'Never in the slow log; Redis logs it without its arguments.',
        execute: aclGetuser,
      },
      helpRow('ACL', HELP, { group: 'server', since: '6.0.0' }),
      {
        ...row,
        ...ACL_DOCS.list,
        name: 'list',
        summary: 'Returns the users as lines of an ACL file.',
        complexity: PER_USER,
        arity: 2,
        flags: ADMIN_FLAGS,
        execute: (call) => replyTexts(call.reply, call.services.users.lines()),
      },
      {
        ...row,
        ...ACL_DOCS.load,
        name: 'load',
        summary: 'Reads the users from the ACL file anew.',
        complexity: PER_USER,
        arity: 2,
        flags: ADMIN_FLAGS,
        execute: aclLoad,
      },
      {
        ...row,
        ...ACL_DOCS.log,
        name: 'log',
        summary: 'Lists what was refused to users lately.',
        complexity: 'O(N) with N being the number of entries shown.',
        arity: -2,
        flags: ADMIN_FLAGS,
        execute: aclLog,
      },
      {
        ...row,
        ...ACL_DOCS.save,
        name: 'save',
        summary: 'Writes the users to the ACL file.',
        complexity: PER_USER,
        arity: 2,
        flags: ADMIN_FLAGS,
        hints: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        execute: aclSave,
      },
      {
        ...row,
        ...ACL_DOCS.setuser,
        name: 'setuser',
        summary: 'Makes or changes a user by rules.',
        complexity: 'O(N), where N is the number of rules given.',
        arity: -3,
        flags: ADMIN_FLAGS,
        hints: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        differences: 'Never in the slow log; Redis logs it without its arguments.',
        execute: aclSetuser,
      },
      {
        ...row,
        ...ACL_DOCS.users,
        name: 'users',
        summary: 'Lists the names of the users.',
        complexity: PER_USER,
        arity: 2,
        flags: ADMIN_FLAGS,
        execute: (call) => replyTexts(call.reply, call.services.users.names()),
      },
      {
        ...row,
        ...ACL_DOCS.whoami,
        name: 'whoami',
        summary: 'Returns the name of the connection’s user.',
        complexity: 'O(1)',
        arity: 2,
        flags: FLAGS,
        execute: (call) => call.reply.bulkText(call.client.user.name),
      },
    ],
  },
];
