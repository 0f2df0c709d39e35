import type { CommandDocs } from '../command-table/row.ts';
import { argument, KEY, KEYS, oneOf, token } from './common-docs.ts';

/** Documentation of the list commands, by name. */
export const LIST_DOCS = {
  blmove: {
    arguments: [
      argument('source', 'key', { keySpec: 0 }),
      argument('destination', 'key', { keySpec: 1 }),
      oneOf('wherefrom', [token('left'), token('right')]),
      oneOf('whereto', [token('left'), token('right')]),
      argument('timeout', 'double'),
    ],
  },
  blmpop: {
    arguments: [
      argument('timeout', 'double'),
      argument('numkeys', 'integer'),
      KEYS,
      oneOf('where', [token('left'), token('right')]),
      argument('count', 'integer', { optional: true, token: 'COUNT' }),
    ],
  },
  blpop: {
    arguments: [KEYS, argument('timeout', 'double')],
    history: [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']],
  },
  brpop: {
    arguments: [KEYS, argument('timeout', 'double')],
    history: [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']],
  },
  brpoplpush: {
    arguments: [
      argument('source', 'key', { keySpec: 0 }),
      argument('destination', 'key', { keySpec: 1 }),
      argument('timeout', 'double'),
    ],
    history: [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']],
  },
  lindex: { arguments: [KEY, argument('index', 'integer')] },
  linsert: {
    arguments: [
      KEY,
      oneOf('where', [token('before'), token('after')]),
      argument('pivot', 'string'),
      argument('element', 'string'),
    ],
  },
  llen: { arguments: [KEY] },
  lmove: {
    arguments: [
      argument('source', 'key', { keySpec: 0 }),
      argument('destination', 'key', { keySpec: 1 }),
      oneOf('wherefrom', [token('left'), token('right')]),
      oneOf('whereto', [token('left'), token('right')]),
    ],
  },
  lmpop: {
    arguments: [
      argument('numkeys', 'integer'),
      KEYS,
      oneOf('where', [token('left'), token('right')]),
      argument('count', 'integer', { optional: true, token: 'COUNT' }),
    ],
  },
  lpop: {
    arguments: [KEY, argument('count', 'integer', { optional: true, since: '6.2.0' })],
    history: [['6.2.0', 'Added the `count` argument.']],
  },
  lpos: {
    arguments: [
      KEY,
      argument('element', 'string'),
      argument('rank', 'integer', { optional: true, token: 'RANK' }),
      argument('num-matches', 'integer', { optional: true, token: 'COUNT' }),
      argument('len', 'integer', { optional: true, token: 'MAXLEN' }),
    ],
  },
  lpush: {
    arguments: [KEY, argument('element', 'string', { multiple: true })],
    history: [['2.4.0', 'Accepts multiple `element` arguments.']],
  },
  lpushx: {
    arguments: [KEY, argument('element', 'string', { multiple: true })],
    history: [['4.0.0', 'Accepts multiple `element` arguments.']],
  },
  lrange: { arguments: [KEY, argument('start', 'integer'), argument('stop', 'integer')] },
  lrem: { arguments: [KEY, argument('count', 'integer'), argument('element', 'string')] },
  lset: { arguments: [KEY, argument('index', 'integer'), argument('element', 'string')] },
  ltrim: { arguments: [KEY, argument('start', 'integer'), argument('stop', 'integer')] },
  rpop: {
    arguments: [KEY, argument('count', 'integer', { optional: true, since: '6.2.0' })],
    history: [['6.2.0', 'Added the `count` argument.']],
  },
  rpoplpush: {
    arguments: [argument('source', 'key', { keySpec: 0 }), argument('destination', 'key', { keySpec: 1 })],
  },
  rpush: {
    arguments: [KEY, argument('element', 'string', { multiple: true })],
    history: [['2.4.0', 'Accepts multiple `element` arguments.']],
  },
  rpushx: {
    arguments: [KEY, argument('element', 'string', { multiple: true })],
    history: [['4.0.0', 'Accepts multiple `element` arguments.']],
  },
} as const satisfies Readonly<Record<string, CommandDocs>>;
