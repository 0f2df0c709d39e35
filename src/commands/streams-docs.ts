import type { CommandDocs } from '../command-table/row.ts';
import { argument, block, KEY, KEYS, oneOf, token } from './common-docs.ts';

const OPTIONAL = { optional: true } as const;
const GROUP = argument('group', 'string');
const GROUP_NAME = argument('groupname', 'string');
const CONSUMER_NAME = argument('consumername', 'string');
const IDS = argument('id', 'string', { multiple: true });
const COUNT = argument('count', 'integer', { optional: true, token: 'COUNT' });
const STREAMS = block('streams', [KEYS, IDS], { token: 'STREAMS' });
const BLOCK = argument('milliseconds', 'integer', { optional: true, token: 'BLOCK' });
const TRIM = [
  oneOf('strategy', [token('maxlen'), token('minid', { since: '6.2.0' })]),
  oneOf('operator', [token('equal', { token: '=' }), token('approximately', { token: '~' })], OPTIONAL),
  argument('threshold', 'string'),
  argument('count', 'integer', { optional: true, since: '6.2.0', token: 'LIMIT' }),
];
const POLICIES = [token('keepref'), token('delref'), token('acked')];
const POLICY = oneOf('condition', POLICIES, OPTIONAL);
const POLICY_OF_TRIM = oneOf('condition', POLICIES, { optional: true, since: '8.2.0' });
const COUNTED_IDS = block('ids', [argument('numids', 'integer'), IDS], { token: 'IDS' });
const GROUP_ID = oneOf('id', [argument('id', 'string'), token('new_id', { token: '$' })]);
const ENTRIES_READ = argument('entries_read', 'integer', { optional: true, token: 'ENTRIESREAD' });
const POLICY_HISTORY = [
  '8.2.0',
  'Added the `KEEPREF`, `DELREF` and `ACKED` options.',
] as const satisfies readonly [string, string];

/** Documentation of the stream commands, by full name. */
export const STREAM_DOCS = {
  xack: { arguments: [KEY, GROUP, IDS] },
  xackdel: { arguments: [KEY, GROUP, POLICY, COUNTED_IDS] },
  xadd: {
    arguments: [
      KEY,
      token('nomkstream', { optional: true, since: '6.2.0' }),
      POLICY_OF_TRIM,
      block('trim', TRIM, OPTIONAL),
      oneOf('id_or_auto', [token('auto_id', { token: '*' }), argument('id', 'string')]),
      block('field_value', [argument('field', 'string'), argument('value', 'string')], { multiple: true }),
    ],
    history: [
      ['6.2.0', 'Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option.'],
      ['7.0.0', 'Added support for the `<ms>-*` explicit ID form.'],
      POLICY_HISTORY,
    ],
    hints: ['nondeterministic_output'],
  },
  xautoclaim: {
    arguments: [
      KEY,
      GROUP,
      argument('consumer', 'string'),
      argument('min-idle-time', 'string'),
      argument('start', 'string'),
      COUNT,
      token('justid', OPTIONAL),
    ],
    history: [
      [
        '7.0.0',
        'Added an element to the reply array, containing deleted entries the command cleared from the PEL',
      ],
    ],
    hints: ['nondeterministic_output'],
  },
  xclaim: {
    arguments: [
      KEY,
      GROUP,
      argument('consumer', 'string'),
      argument('min-idle-time', 'string'),
      IDS,
      argument('ms', 'integer', { optional: true, token: 'IDLE' }),
      argument('unix-time-milliseconds', 'unix-time', { optional: true, token: 'TIME' }),
      argument('count', 'integer', { optional: true, token: 'RETRYCOUNT' }),
      token('force', OPTIONAL),
      token('justid', OPTIONAL),
      argument('lastid', 'string', { optional: true, token: 'LASTID' }),
    ],
    hints: ['nondeterministic_output'],
  },
  xdel: { arguments: [KEY, IDS] },
  xdelex: { arguments: [KEY, POLICY, COUNTED_IDS] },
  xgroup: {},
  'xgroup|create': {
    arguments: [KEY, GROUP_NAME, GROUP_ID, token('mkstream', OPTIONAL), ENTRIES_READ],
    history: [['7.0.0', 'Added the `entries_read` named argument.']],
  },
  'xgroup|createconsumer': { arguments: [KEY, GROUP_NAME, CONSUMER_NAME] },
  'xgroup|delconsumer': { arguments: [KEY, GROUP_NAME, CONSUMER_NAME] },
  'xgroup|destroy': { arguments: [KEY, GROUP_NAME] },
  'xgroup|setid': {
    arguments: [KEY, GROUP_NAME, GROUP_ID, ENTRIES_READ],
    history: [['7.0.0', 'Added the optional `entries_read` argument.']],
  },
  xinfo: {},
  'xinfo|consumers': {
    arguments: [KEY, GROUP_NAME],
    history: [['7.2.0', 'Added the `inactive` field, and changed the meaning of `idle`.']],
    hints: ['nondeterministic_output'],
  },
  'xinfo|groups': {
    arguments: [KEY],
    history: [['7.0.0', 'Added the `entries-read` and `lag` fields']],
  },
  'xinfo|stream': {
    arguments: [KEY, block('full', [COUNT], { optional: true, token: 'FULL' })],
    history: [
      ['6.0.0', 'Added the `FULL` modifier.'],
      [
        '7.0.0',
        'Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields',
      ],
      ['7.2.0', 'Added the `active-time` field, and changed the meaning of `seen-time`.'],
    ],
  },
  xlen: { arguments: [KEY] },
  xpending: {
    arguments: [
      KEY,
      GROUP,
      block(
        'filters',
        [
          argument('min-idle-time', 'integer', { optional: true, since: '6.2.0', token: 'IDLE' }),
          argument('start', 'string'),
          argument('end', 'string'),
          argument('count', 'integer'),
          argument('consumer', 'string', OPTIONAL),
        ],
        OPTIONAL,
      ),
    ],
    history: [['6.2.0', 'Added the `IDLE` option and exclusive range intervals.']],
    hints: ['nondeterministic_output'],
  },
  xrange: {
    arguments: [KEY, argument('start', 'string'), argument('end', 'string'), COUNT],
    history: [['6.2.0', 'Added exclusive ranges.']],
  },
  xread: { arguments: [COUNT, BLOCK, STREAMS] },
  xreadgroup: {
    arguments: [
      block('group_consumer', [GROUP, argument('consumer', 'string')], { token: 'GROUP' }),
      COUNT,
      BLOCK,
      argument('min-idle-time', 'integer', { optional: true, since: '8.4.0', token: 'CLAIM' }),
      token('noack', OPTIONAL),
      STREAMS,
    ],
    history: [['8.4.0', 'Added the `CLAIM` option.']],
  },
  xrevrange: {
    arguments: [KEY, argument('end', 'string'), argument('start', 'string'), COUNT],
    history: [['6.2.0', 'Added exclusive ranges.']],
  },
  xsetid: {
    arguments: [
      KEY,
      argument('last-id', 'string'),
      argument('entries_added', 'integer', { optional: true, since: '7.0.0', token: 'ENTRIESADDED' }),
      argument('max_deleted_entry_id', 'string', { optional: true, since: '7.0.0', token: 'MAXDELETEDID' }),
    ],
    history: [['7.0.0', 'Added the `entries_added` and `max_deleted_entry_id` arguments.']],
  },
  xtrim: {
    arguments: [KEY, block('trim', TRIM), POLICY_OF_TRIM],
    history: [['6.2.0', 'Added the `MINID` trimming strategy and the `LIMIT` option.'], POLICY_HISTORY],
    hints: ['nondeterministic_output'],
  },
} as const satisfies Readonly<Record<string, CommandDocs>>;
