import type { CommandDocs } from '../command-table/row.ts';
import { argument, KEY, KEYS, OPTIONAL, oneOf, token } from './common-docs.ts';

const KEY_ONLY: CommandDocs = { arguments: [KEY] };
const TIME_LEFT: CommandDocs = {
  arguments: [KEY],
  history: [['2.8.0', 'Replies -2 where the key does not exist.']],
  hints: ['nondeterministic_output'],
};
/** Commands that count what they did over keys in several shards. */
const COUNTED: CommandDocs = {
  arguments: [KEYS],
  hints: ['request_policy:multi_shard', 'response_policy:agg_sum'],
};
const FLUSH: CommandDocs = {
  arguments: [
    oneOf('async', [token('async', { since: '4.0.0' }), token('sync', { since: '6.2.0' })], OPTIONAL),
  ],
  history: [
    ['4.0.0', 'Added the `ASYNC` modifier.'],
    ['6.2.0', 'Added the `SYNC` modifier.'],
  ],
  hints: ['request_policy:all_shards', 'response_policy:all_succeeded'],
};
const RENAME = [KEY, argument('newkey', 'key', { keySpec: 1 })];

/** EXPIRE and its kin, which differ in how they say the time. */
function expire(name: string, type: 'integer' | 'unix-time'): CommandDocs {
  return {
    arguments: [
      KEY,
      argument(name, type),
      oneOf('condition', [token('nx'), token('xx'), token('gt'), token('lt')], {
        since: '7.0.0',
        optional: true,
      }),
    ],
    history: [['7.0.0', 'Added the `NX`, `XX`, `GT` and `LT` options.']],
  };
}

/** Documentation of the commands on keys of any type, by name. */
export const KEY_DOCS = {
  copy: {
    arguments: [
      argument('source', 'key', { keySpec: 0 }),
      argument('destination', 'key', { keySpec: 1 }),
      argument('destination-db', 'integer', { token: 'DB', optional: true }),
      token('replace', OPTIONAL),
    ],
  },
  dbsize: { hints: ['request_policy:all_shards', 'response_policy:agg_sum'] },
  del: COUNTED,
  exists: { ...COUNTED, history: [['3.0.3', 'Takes several keys.']] },
  expire: expire('seconds', 'integer'),
  expireat: expire('unix-time-seconds', 'unix-time'),
  expiretime: KEY_ONLY,
  flushall: FLUSH,
  flushdb: FLUSH,
  keys: {
    arguments: [argument('pattern', 'pattern')],
    hints: ['request_policy:all_shards', 'nondeterministic_output_order'],
  },
  move: { arguments: [KEY, argument('db', 'integer')] },
  object: {},
  persist: KEY_ONLY,
  pexpire: expire('milliseconds', 'integer'),
  pexpireat: expire('unix-time-milliseconds', 'unix-time'),
  pexpiretime: KEY_ONLY,
  pttl: TIME_LEFT,
  randomkey: { hints: ['request_policy:all_shards', 'nondeterministic_output'] },
  rename: { arguments: RENAME },
  renamenx: {
    arguments: RENAME,
    history: [['3.2.0', 'No error when source and destination are the same.']],
  },
  scan: {
    arguments: [
      argument('cursor', 'integer'),
      argument('pattern', 'pattern', { token: 'MATCH', optional: true }),
      argument('count', 'integer', { token: 'COUNT', optional: true }),
      argument('type', 'string', { token: 'TYPE', since: '6.0.0', optional: true }),
    ],
    history: [['6.0.0', 'Added the `TYPE` option.']],
    hints: ['nondeterministic_output', 'request_policy:special'],
  },
  select: { arguments: [argument('index', 'integer')] },
  swapdb: { arguments: [argument('index1', 'integer'), argument('index2', 'integer')] },
  touch: COUNTED,
  ttl: TIME_LEFT,
  type: KEY_ONLY,
  unlink: COUNTED,
  wait: {
    arguments: [argument('numreplicas', 'integer'), argument('timeout', 'integer')],
    hints: ['request_policy:all_shards', 'response_policy:agg_min'],
  },
} as const satisfies Record<string, CommandDocs>;

/** Documentation of OBJECT's subcommands that look at a key. */
export const OBJECT_DOCS: CommandDocs = { arguments: [KEY], hints: ['nondeterministic_output'] };
