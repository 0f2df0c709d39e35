import { LOADING, SYNTAX_ERROR } from '../base/error-replies.ts';
import type { Call } from '../command-table/call.ts';
import type { Command, CommandTable } from '../command-table/command.ts';
import type { CommandRow } from '../command-table/row.ts';
import { argument, block } from './common-docs.ts';
import { helpRow } from './help.ts';

/** Directives that say where data is, which can't be changed while it is loaded. */
const DENIED_WHILE_LOADING = new Set(['appendonly', 'dir', 'repl-diskless-load']);

function configGet(call: Call): void {
  const { words, reply, services } = call;
  const patterns: string[] = [];
  for (let at = 2; at < words.count; at++) patterns.push(words.text(at));
  const pairs = services.config.get(patterns);
  reply.map(pairs.length);
  for (const [name, value] of pairs) {
    reply.bulkText(name);
    reply.bulkUtf8(value);
  }
}

function configSet(call: Call): void {
  const { words, reply, services, client } = call;
  if (words.count % 2 !== 0) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const pairs: [string, string][] = [];
  for (let at = 2; at < words.count; at += 2) {
    if (services.config.isSensitive(words.text(at))) call.holdsSecret = true;
    pairs.push([words.text(at), Buffer.from(words.copy(at + 1)).toString('utf8')]);
  }
  const { persistence, appendLog } = services;
  const isLoading = persistence.report.loading !== null || appendLog.loading !== null;
  if (isLoading && pairs.some(([name]) => DENIED_WHILE_LOADING.has(name.toLowerCase()))) {
    reply.error(LOADING);
    return;
  }
  const isLocal = /^(127\.|\[?::1\]?|\/)/.test(client.transport.address);
  const error = services.config.set(pairs, isLocal);
  if (error === undefined) reply.ok();
  else reply.error(error);
}

function configRewrite(call: Call): void {
  rewriteConfig(call, false);
}

/** CONFIG REWRITE; with `isComplete` of all directives. */
export function rewriteConfig(call: Call, isComplete: boolean): void {
  const { config, users } = call.services;
  // Users that have a file of their own are not the configuration's.
  const error = config.rewrite(users.hasFile ? [] : users.lines(), isComplete);
  if (error === undefined) call.reply.ok();
  else call.reply.error(error);
}

function configResetstat(call: Call): void {
  const { services, keyspace } = call;
  services.statistics.reset();
  keyspace.statistics.reset();
  for (const command of allCommands(services.table)) command.resetStatistics();
  call.reply.ok();
}

/** All commands and subcommands of a table. */
export function* allCommands(table: CommandTable): IterableIterator<Command> {
  for (const command of table.commands) {
    yield command;
    if (command.subcommands !== undefined) yield* command.subcommands.commands;
  }
}

const CONFIG_HELP = [
  'GET <pattern>',
  '    Return parameters matching the glob-like <pattern> and their values.',
  'SET <directive> <value>',
  '    Set the configuration <directive> to <value>.',
  'RESETSTAT',
  '    Reset statistics reported by the INFO command.',
  'REWRITE',
  '    Rewrite the configuration file.',
];

const row = { group: 'server', categories: ['admin', 'dangerous'], need: 'none', keys: [] } as const;
const FLAGS = ['admin', 'noscript', 'loading', 'stale'] as const;

export const CONFIG_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'config',
    summary: 'A container for server configuration commands.',
    since: '2.0.0',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    categories: [],
    subcommands: [
      {
        ...row,
        name: 'get',
        summary: 'Returns the effective values of configuration parameters.',
        since: '2.0.0',
        complexity: 'O(N) in the number of configuration parameters.',
        arity: -3,
        flags: FLAGS,
        history: [['7.0.0', 'Takes several patterns.']],
        arguments: [block('parameter', [argument('parameter', 'string')], { multiple: true })],
        execute: configGet,
      },
      helpRow('CONFIG', CONFIG_HELP, { group: 'server', since: '5.0.0' }),
      {
        ...row,
        name: 'resetstat',
        summary: 'Resets the server’s statistics.',
        since: '2.0.0',
        complexity: 'O(1)',
        arity: 2,
        flags: FLAGS,
        execute: configResetstat,
      },
      {
        ...row,
        name: 'rewrite',
        summary: 'Persists the effective configuration to file.',
        since: '2.8.0',
        complexity: 'O(N) in the number of configuration parameters.',
        arity: 2,
        flags: FLAGS,
        execute: configRewrite,
      },
      {
        ...row,
        name: 'set',
        summary: 'Sets configuration parameters in-flight.',
        since: '2.0.0',
        complexity: 'O(N) in the number of configuration parameters given.',
        arity: -4,
        flags: FLAGS,
        history: [['7.0.0', 'Takes several parameters.']],
        hints: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        arguments: [
          block('parameter_value', [argument('parameter', 'string'), argument('value', 'string')], {
            multiple: true,
          }),
        ],
        execute: configSet,
      },
    ],
  },
];
