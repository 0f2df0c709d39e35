import type { CommandDocs } from '../command-table/row.ts';
import { argument, KEY, OPTIONAL, oneOf, token } from './common-docs.ts';

const KEY_COUNT = argument('numkeys', 'integer');
const OPTIONAL_KEYS = { ...KEY, optional: true, multiple: true } as const;
const ARGUMENTS = argument('arg', 'string', { optional: true, multiple: true });
const FLUSH_MODE = [token('async'), token('sync')];
const EVERYWHERE = ['request_policy:all_nodes', 'response_policy:all_succeeded'];
const EVERY_SHARD = ['request_policy:all_shards', 'response_policy:all_succeeded'];
const ONE_SUCCEEDS = ['request_policy:all_shards', 'response_policy:one_succeeded'];

function run(name: string): CommandDocs {
  return { arguments: [argument(name, 'string'), KEY_COUNT, OPTIONAL_KEYS, ARGUMENTS] };
}

/** Documentation of the commands of scripts, by name; those of SCRIPT by `script|name`. */
export const SCRIPTING_DOCS = {
  eval: run('script'),
  evalsha: run('sha1'),
  eval_ro: run('script'),
  evalsha_ro: run('sha1'),
  'script|debug': {
    arguments: [oneOf('mode', [token('yes'), token('sync'), token('no')])],
  },
  'script|exists': {
    hints: ['request_policy:all_shards', 'response_policy:agg_logical_and'],
    arguments: [argument('sha1', 'string', { multiple: true })],
  },
  'script|flush': {
    history: [['6.2.0', 'Added the `ASYNC` and `SYNC` modes.']],
    hints: EVERYWHERE,
    arguments: [oneOf('async', FLUSH_MODE, { since: '6.2.0', optional: true })],
  },
  'script|kill': { hints: ONE_SUCCEEDS },
  'script|load': { hints: EVERYWHERE, arguments: [argument('script', 'string')] },
} as const satisfies Record<string, CommandDocs>;

/** Documentation of the commands of functions, by name; those of FUNCTION by `function|name`. */
export const FUNCTION_DOCS = {
  fcall: run('function'),
  fcall_ro: run('function'),
  'function|delete': { hints: EVERY_SHARD, arguments: [argument('library-name', 'string')] },
  'function|flush': { hints: EVERY_SHARD, arguments: [oneOf('async', FLUSH_MODE, OPTIONAL)] },
  'function|kill': { hints: ONE_SUCCEEDS },
  'function|list': {
    hints: ['nondeterministic_output_order'],
    arguments: [
      argument('library-name-pattern', 'string', { token: 'LIBRARYNAME', optional: true }),
      token('withcode', OPTIONAL),
    ],
  },
  'function|load': {
    hints: EVERY_SHARD,
    arguments: [token('replace', OPTIONAL), argument('function-code', 'string')],
  },
  'function|restore': {
    hints: EVERY_SHARD,
    arguments: [
      argument('serialized-value', 'string'),
      oneOf('policy', [token('flush'), token('append'), token('replace')], OPTIONAL),
    ],
  },
  'function|stats': {
    hints: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  },
} as const satisfies Record<string, CommandDocs>;
