import type { CommandDocs } from '../command-table/row.ts';
import { argument, block, KEY, KEYS, OPTIONAL, oneOf, token } from './common-docs.ts';

const MEMBER = argument('member', 'string');
const MEMBERS = argument('member', 'string', { multiple: true });
const COUNT = argument('count', 'integer');
const NUMKEYS = argument('numkeys', 'integer');
const DESTINATION = argument('destination', 'key', { keySpec: 0 });
const SOURCES = argument('key', 'key', { keySpec: 1, multiple: true });
const TIMEOUT = argument('timeout', 'double');
const TIMEOUT_HISTORY = [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']] as const;
const SEVERAL_HISTORY = [['2.4.0', 'Accepts multiple elements.']] as const;
const RANKS = [argument('start', 'integer'), argument('stop', 'integer')];
const SCORES = [argument('min', 'double'), argument('max', 'double')];
const BOUNDS = [argument('min', 'string'), argument('max', 'string')];
const LIMIT_PARTS = [argument('offset', 'integer'), COUNT];
const LIMIT = block('limit', LIMIT_PARTS, { token: 'LIMIT', optional: true });
const SORT_BY = [token('byscore'), token('bylex')];
const WITH_SCORES = token('withscores', OPTIONAL);
const RANK = {
  arguments: [KEY, MEMBER, token('withscore', OPTIONAL)],
  history: [['7.2.0', 'Added the optional `WITHSCORE` argument.']],
} as const satisfies CommandDocs;
const WHERE = oneOf('where', [token('min'), token('max')]);
const POP_COUNT = argument('count', 'integer', { token: 'COUNT', optional: true });
const WEIGHTS = argument('weight', 'integer', { token: 'WEIGHTS', optional: true, multiple: true });
const AGGREGATE = oneOf('aggregate', [token('sum'), token('min'), token('max')], {
  token: 'AGGREGATE',
  optional: true,
});
const NONDETERMINISTIC = ['nondeterministic_output'] as const;

/** Documentation of the commands on sorted sets, by name. */
export const SORTED_SET_DOCS = {
  bzmpop: { arguments: [TIMEOUT, NUMKEYS, KEYS, WHERE, POP_COUNT] },
  bzpopmax: { arguments: [KEYS, TIMEOUT], history: TIMEOUT_HISTORY },
  bzpopmin: { arguments: [KEYS, TIMEOUT], history: TIMEOUT_HISTORY },
  zadd: {
    arguments: [
      KEY,
      oneOf('condition', [token('nx'), token('xx')], { optional: true, since: '3.0.2' }),
      oneOf('comparison', [token('gt'), token('lt')], { optional: true, since: '6.2.0' }),
      argument('change', 'pure-token', { token: 'CH', optional: true, since: '3.0.2' }),
      argument('increment', 'pure-token', { token: 'INCR', optional: true, since: '3.0.2' }),
      block('data', [argument('score', 'double'), MEMBER], { multiple: true }),
    ],
    history: [
      ...SEVERAL_HISTORY,
      ['3.0.2', 'Added the `XX`, `NX`, `CH` and `INCR` options.'],
      ['6.2.0', 'Added the `GT` and `LT` options.'],
    ],
  },
  zcard: { arguments: [KEY] },
  zcount: { arguments: [KEY, ...SCORES] },
  zdiff: { arguments: [NUMKEYS, KEYS, WITH_SCORES] },
  zdiffstore: { arguments: [DESTINATION, NUMKEYS, SOURCES] },
  zincrby: { arguments: [KEY, argument('increment', 'integer'), MEMBER] },
  zinter: { arguments: [NUMKEYS, KEYS, WEIGHTS, AGGREGATE, WITH_SCORES] },
  zintercard: {
    arguments: [NUMKEYS, KEYS, argument('limit', 'integer', { token: 'LIMIT', optional: true })],
  },
  zinterstore: { arguments: [DESTINATION, NUMKEYS, SOURCES, WEIGHTS, AGGREGATE] },
  zlexcount: { arguments: [KEY, ...BOUNDS] },
  zmpop: { arguments: [NUMKEYS, KEYS, WHERE, POP_COUNT] },
  zmscore: { arguments: [KEY, MEMBERS] },
  zpopmax: { arguments: [KEY, argument('count', 'integer', OPTIONAL)] },
  zpopmin: { arguments: [KEY, argument('count', 'integer', OPTIONAL)] },
  zrandmember: {
    arguments: [KEY, block('options', [COUNT, WITH_SCORES], OPTIONAL)],
    hints: NONDETERMINISTIC,
  },
  zrange: {
    arguments: [
      KEY,
      argument('start', 'string'),
      argument('stop', 'string'),
      oneOf('sortby', SORT_BY, { optional: true, since: '6.2.0' }),
      token('rev', { optional: true, since: '6.2.0' }),
      block('limit', LIMIT_PARTS, { token: 'LIMIT', optional: true, since: '6.2.0' }),
      WITH_SCORES,
    ],
    history: [['6.2.0', 'Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.']],
  },
  zrangebylex: { arguments: [KEY, ...BOUNDS, LIMIT] },
  zrangebyscore: {
    arguments: [KEY, ...SCORES, token('withscores', { optional: true, since: '2.0.0' }), LIMIT],
    history: [['2.0.0', 'Added the `WITHSCORES` modifier.']],
  },
  zrangestore: {
    arguments: [
      argument('dst', 'key', { keySpec: 0 }),
      argument('src', 'key', { keySpec: 1 }),
      ...BOUNDS,
      oneOf('sortby', SORT_BY, OPTIONAL),
      token('rev', OPTIONAL),
      LIMIT,
    ],
  },
  zrank: RANK,
  zrem: { arguments: [KEY, MEMBERS], history: SEVERAL_HISTORY },
  zremrangebylex: { arguments: [KEY, ...BOUNDS] },
  zremrangebyrank: { arguments: [KEY, ...RANKS] },
  zremrangebyscore: { arguments: [KEY, ...SCORES] },
  zrevrange: { arguments: [KEY, ...RANKS, WITH_SCORES] },
  zrevrangebylex: { arguments: [KEY, argument('max', 'string'), argument('min', 'string'), LIMIT] },
  zrevrangebyscore: {
    arguments: [KEY, argument('max', 'double'), argument('min', 'double'), WITH_SCORES, LIMIT],
    history: [['2.1.6', '`min` and `max` can be exclusive.']],
  },
  zrevrank: RANK,
  zscan: {
    arguments: [
      KEY,
      argument('cursor', 'integer'),
      argument('pattern', 'pattern', { token: 'MATCH', optional: true }),
      argument('count', 'integer', { token: 'COUNT', optional: true }),
    ],
    hints: NONDETERMINISTIC,
  },
  zscore: { arguments: [KEY, MEMBER] },
  zunion: { arguments: [NUMKEYS, KEYS, WEIGHTS, AGGREGATE, WITH_SCORES] },
  zunionstore: { arguments: [DESTINATION, NUMKEYS, SOURCES, WEIGHTS, AGGREGATE] },
} as const satisfies Record<string, CommandDocs>;
