import type { CommandDocs } from '../command-table/row.ts';
import { argument, KEY, KEYS } from './common-docs.ts';

/** Documentation of the set commands, by name. */
export const SET_DOCS = {
  sadd: {
    arguments: [KEY, argument('member', 'string', { multiple: true })],
    history: [['2.4.0', 'Accepts multiple `member` arguments.']],
  },
  scard: { arguments: [KEY] },
  sdiff: { arguments: [KEYS], hints: ['nondeterministic_output_order'] },
  sdiffstore: {
    arguments: [
      argument('destination', 'key', { keySpec: 0 }),
      argument('key', 'key', { keySpec: 1, multiple: true }),
    ],
  },
  sinter: { arguments: [KEYS], hints: ['nondeterministic_output_order'] },
  sintercard: {
    arguments: [
      argument('numkeys', 'integer'),
      KEYS,
      argument('limit', 'integer', { optional: true, token: 'LIMIT' }),
    ],
  },
  sinterstore: {
    arguments: [
      argument('destination', 'key', { keySpec: 0 }),
      argument('key', 'key', { keySpec: 1, multiple: true }),
    ],
  },
  sismember: { arguments: [KEY, argument('member', 'string')] },
  smembers: { arguments: [KEY], hints: ['nondeterministic_output_order'] },
  smismember: { arguments: [KEY, argument('member', 'string', { multiple: true })] },
  smove: {
    arguments: [
      argument('source', 'key', { keySpec: 0 }),
      argument('destination', 'key', { keySpec: 1 }),
      argument('member', 'string'),
    ],
  },
  spop: {
    arguments: [KEY, argument('count', 'integer', { optional: true, since: '3.2.0' })],
    history: [['3.2.0', 'Added the `count` argument.']],
    hints: ['nondeterministic_output'],
  },
  srandmember: {
    arguments: [KEY, argument('count', 'integer', { optional: true, since: '2.6.0' })],
    history: [['2.6.0', 'Added the optional `count` argument.']],
    hints: ['nondeterministic_output'],
  },
  srem: {
    arguments: [KEY, argument('member', 'string', { multiple: true })],
    history: [['2.4.0', 'Accepts multiple `member` arguments.']],
  },
  sscan: {
    arguments: [
      KEY,
      argument('cursor', 'integer'),
      argument('pattern', 'pattern', { optional: true, token: 'MATCH' }),
      argument('count', 'integer', { optional: true, token: 'COUNT' }),
    ],
    hints: ['nondeterministic_output'],
  },
  sunion: { arguments: [KEYS], hints: ['nondeterministic_output_order'] },
  sunionstore: {
    arguments: [
      argument('destination', 'key', { keySpec: 0 }),
      argument('key', 'key', { keySpec: 1, multiple: true }),
    ],
  },
} as const satisfies Readonly<Record<string, CommandDocs>>;
