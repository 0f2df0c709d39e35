import type { CommandDocs } from '../command-table/row.ts';
import { argument, block, EXPIRIES, KEY, KEYS, OPTIONAL, oneOf, token, VALUE } from './common-docs.ts';

const KEY_ONLY: CommandDocs = { arguments: [KEY] };
const KEY_VALUE: CommandDocs = { arguments: [KEY, VALUE] };
const RANGE: CommandDocs = { arguments: [KEY, argument('start', 'integer'), argument('end', 'integer')] };
const PAIRS = block('key_value', [KEY, VALUE], { multiple: true });
/** Conditions on the present value, by itself or by its digest. */
const COMPARISONS = [
  argument('ifeq-value', 'string', { token: 'IFEQ' }),
  argument('ifne-value', 'string', { token: 'IFNE' }),
  argument('ifdeq-digest', 'integer', { token: 'IFDEQ' }),
  argument('ifdne-digest', 'integer', { token: 'IFDNE' }),
];
const EXISTENCE = [token('nx'), token('xx')];

/** Documentation of the string commands, by name. */
export const STRING_DOCS = {
  append: KEY_VALUE,
  decr: KEY_ONLY,
  decrby: { arguments: [KEY, argument('decrement', 'integer')] },
  delex: { arguments: [KEY, oneOf('condition', COMPARISONS, OPTIONAL)] },
  digest: KEY_ONLY,
  get: KEY_ONLY,
  getdel: KEY_ONLY,
  getex: { arguments: [KEY, oneOf('expiration', [...EXPIRIES, token('persist')], OPTIONAL)] },
  getrange: RANGE,
  getset: KEY_VALUE,
  incr: KEY_ONLY,
  incrby: { arguments: [KEY, argument('increment', 'integer')] },
  incrbyfloat: { arguments: [KEY, argument('increment', 'double')] },
  lcs: {
    arguments: [
      argument('key1', 'key', { keySpec: 0 }),
      argument('key2', 'key', { keySpec: 0 }),
      token('len', OPTIONAL),
      token('idx', OPTIONAL),
      argument('len', 'integer', { token: 'MINMATCHLEN', optional: true }),
      token('withmatchlen', OPTIONAL),
    ],
  },
  mget: { arguments: [KEYS], hints: ['request_policy:multi_shard'] },
  mset: { arguments: [PAIRS], hints: ['request_policy:multi_shard', 'response_policy:all_succeeded'] },
  msetex: {
    arguments: [
      argument('numkeys', 'integer'),
      block('data', [KEY, VALUE], { multiple: true }),
      oneOf('condition', EXISTENCE, OPTIONAL),
      oneOf('expiration', [...EXPIRIES, token('keepttl')], OPTIONAL),
    ],
    hints: ['request_policy:multi_shard', 'response_policy:all_succeeded'],
  },
  msetnx: { arguments: [PAIRS], hints: ['request_policy:multi_shard', 'response_policy:agg_min'] },
  psetex: { arguments: [KEY, argument('milliseconds', 'integer'), VALUE] },
  set: {
    arguments: [
      KEY,
      VALUE,
      oneOf('condition', [...EXISTENCE, ...COMPARISONS.map((each) => ({ ...each, since: '8.4.0' }))], {
        since: '2.6.12',
        optional: true,
      }),
      token('get', { since: '6.2.0', optional: true }),
      oneOf(
        'expiration',
        [
          ...EXPIRIES.map((each) => ({ ...each, since: each.type === 'unix-time' ? '6.2.0' : '2.6.12' })),
          token('keepttl', { since: '6.0.0' }),
        ],
        OPTIONAL,
      ),
    ],
    history: [
      ['2.6.12', 'Added the `EX`, `PX`, `NX` and `XX` options.'],
      ['6.0.0', 'Added the `KEEPTTL` option.'],
      ['6.2.0', 'Added the `GET`, `EXAT` and `PXAT` options.'],
      ['7.0.0', '`NX` and `GET` may be used together.'],
      ['8.4.0', 'Added the `IFEQ`, `IFNE`, `IFDEQ` and `IFDNE` options.'],
    ],
  },
  setex: { arguments: [KEY, argument('seconds', 'integer'), VALUE] },
  setnx: KEY_VALUE,
  setrange: { arguments: [KEY, argument('offset', 'integer'), VALUE] },
  strlen: KEY_ONLY,
  substr: RANGE,
} as const satisfies Record<string, CommandDocs>;
