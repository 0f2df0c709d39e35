import type { CommandDocs } from '../command-table/row.ts';
import { argument, block, EXPIRIES, KEY, OPTIONAL, oneOf, token, VALUE } from './common-docs.ts';

const FIELD = argument('field', 'string');
const MANY = { multiple: true } as const;
const KEY_ONLY: CommandDocs = { arguments: [KEY] };
const KEY_FIELD: CommandDocs = { arguments: [KEY, FIELD] };
const KEY_MANY_FIELDS = [KEY, argument('field', 'string', MANY)];
const WALK: CommandDocs = { arguments: [KEY], hints: ['nondeterministic_output_order'] };
const PAIRS = [KEY, block('field_value', [FIELD, VALUE], MANY)];

/** FIELDS, a count and so many fields. */
const FIELDS = block('fields', [argument('numfields', 'integer'), argument('field', 'string', MANY)], {
  token: 'FIELDS',
});
const KEY_FIELDS: CommandDocs = { arguments: [KEY, FIELDS] };
const CONDITION = oneOf('condition', [token('nx'), token('xx'), token('gt'), token('lt')], OPTIONAL);

function expiring(time: string, type: 'integer' | 'unix-time'): CommandDocs {
  return { arguments: [KEY, argument(time, type), CONDITION, FIELDS] };
}

/** Documentation of the hash commands, by name. */
export const HASH_DOCS = {
  hdel: { arguments: KEY_MANY_FIELDS, history: [['2.4.0', 'Accepts multiple `field` arguments.']] },
  hexists: KEY_FIELD,
  hexpire: expiring('seconds', 'integer'),
  hexpireat: expiring('unix-time-seconds', 'unix-time'),
  hexpiretime: KEY_FIELDS,
  hget: KEY_FIELD,
  hgetall: WALK,
  hgetdel: KEY_FIELDS,
  hgetex: {
    arguments: [KEY, oneOf('expiration', [...EXPIRIES, token('persist')], OPTIONAL), FIELDS],
  },
  hincrby: { arguments: [KEY, FIELD, argument('increment', 'integer')] },
  hincrbyfloat: { arguments: [KEY, FIELD, argument('increment', 'double')] },
  hkeys: WALK,
  hlen: KEY_ONLY,
  hmget: { arguments: KEY_MANY_FIELDS },
  hmset: { arguments: PAIRS },
  hpersist: KEY_FIELDS,
  hpexpire: expiring('milliseconds', 'integer'),
  hpexpireat: expiring('unix-time-milliseconds', 'unix-time'),
  hpexpiretime: KEY_FIELDS,
  hpttl: KEY_FIELDS,
  hrandfield: {
    arguments: [
      KEY,
      block('options', [argument('count', 'integer'), token('withvalues', OPTIONAL)], OPTIONAL),
    ],
    hints: ['nondeterministic_output'],
  },
  hscan: {
    arguments: [
      KEY,
      argument('cursor', 'integer'),
      argument('pattern', 'pattern', { token: 'MATCH', optional: true }),
      argument('count', 'integer', { token: 'COUNT', optional: true }),
      token('novalues', OPTIONAL),
    ],
    history: [['7.4.0', 'Added the `NOVALUES` argument.']],
    hints: ['nondeterministic_output'],
  },
  hset: {
    arguments: PAIRS,
    history: [['4.0.0', 'Accepts multiple `field` and `value` arguments.']],
  },
  hsetex: {
    arguments: [
      KEY,
      oneOf('condition', [token('fnx'), token('fxx')], OPTIONAL),
      oneOf('expiration', [...EXPIRIES, token('keepttl')], OPTIONAL),
      block('fields', [argument('numfields', 'integer'), block('data', [FIELD, VALUE], MANY)], {
        token: 'FIELDS',
      }),
    ],
  },
  hsetnx: { arguments: [KEY, FIELD, VALUE] },
  hstrlen: KEY_FIELD,
  httl: KEY_FIELDS,
  hvals: WALK,
} as const satisfies Record<string, CommandDocs>;
