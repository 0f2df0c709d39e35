import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandFlag, CommandRow } from '../command-table/row.ts';
import { CLUSTER_DOCS } from './standalone-docs.ts';

/** What clients ask of a server that is alone: a primary without replicas, outside any cluster. */

const CLUSTER_DISABLED = 'ERR This instance has cluster support disabled';

function clusterDisabled(call: Call): void {
  call.reply.error(CLUSTER_DISABLED);
}

function role(call: Call): void {
  const { reply } = call;
  reply.array(3);
  reply.bulkText('master');
  reply.integer(0);
  reply.array(0);
}

function replicaof(call: Call): void {
  const { words, reply } = call;
  if (words.is(1, 'no') && words.is(2, 'one')) {
    reply.ok();
    return;
  }
  const port = parseInteger64(words.buffer, words.offsets[2], words.lengths[2]);
  if (port === undefined || port < 0n || port > 65535n) reply.error('ERR Invalid master port');
  else reply.error("ERR Replication is not supported by this server yet, so it can't become a replica");
}

function failover(call: Call): void {
  const { words, reply } = call;
  let timeout = false;
  let target = false;
  let abort = false;
  let force = false;
  for (let at = 1; at < words.count; at++) {
    const isTimeout = words.is(at, 'timeout') && at + 1 < words.count && !timeout;
    if (isTimeout || (words.is(at, 'to') && at + 2 < words.count && !target)) {
      at += isTimeout ? 1 : 2;
      const value = parseInteger64(words.buffer, words.offsets[at], words.lengths[at]);
      if (value === undefined) {
        reply.error(NOT_AN_INTEGER);
        return;
      }
      if (isTimeout && value <= 0n) {
        reply.error('ERR FAILOVER timeout must be greater than 0');
        return;
      }
      if (isTimeout) timeout = true;
      else target = true;
    } else if (words.is(at, 'abort') && !abort) abort = true;
    else if (words.is(at, 'force') && !force) force = true;
    else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  if (!abort) reply.error('ERR FAILOVER requires connected replicas.');
  else if (timeout || target || force) reply.error(SYNTAX_ERROR);
  else reply.error('ERR No failover in progress.');
}

const row = { group: 'server', categories: [], need: 'none', keys: [], complexity: 'O(1)' } as const;
const cluster = {
  ...row,
  group: 'cluster',
  execute: clusterDisabled,
  differences: 'As in Redis without cluster mode: an error.',
} as const;
const STALE: readonly CommandFlag[] = ['stale'];
const ADMIN: readonly CommandFlag[] = ['admin', 'stale', 'no_async_loading'];
const ADMIN_READ: readonly CommandFlag[] = ['admin', 'stale'];

/** The subcommands of CLUSTER: name, arity, flags, version and what each does where there is a cluster. */
const CLUSTER_SUBCOMMANDS: readonly [string, number, readonly CommandFlag[], string, string][] = [
  ['addslots', -3, ADMIN, '3.0.0', 'Assigns hash slots to a node.'],
  ['addslotsrange', -4, ADMIN, '7.0.0', 'Assigns ranges of hash slots to a node.'],
  ['bumpepoch', 2, ADMIN, '3.0.0', 'Advances the cluster’s configuration epoch.'],
  [
    'count-failure-reports',
    3,
    ADMIN_READ,
    '3.0.0',
    'Returns the number of active failure reports for a node.',
  ],
  ['countkeysinslot', 3, STALE, '3.0.0', 'Returns the number of keys in a hash slot.'],
  ['delslots', -3, ADMIN, '3.0.0', 'Takes hash slots from a node.'],
  ['delslotsrange', -4, ADMIN, '7.0.0', 'Takes ranges of hash slots from a node.'],
  ['failover', -2, ADMIN, '3.0.0', 'Makes a replica take over from its primary.'],
  ['flushslots', 2, ADMIN, '3.0.0', 'Takes all hash slots from a node.'],
  ['forget', 3, ADMIN, '3.0.0', 'Removes a node from the nodes table.'],
  ['getkeysinslot', 4, STALE, '3.0.0', 'Returns the key names in a hash slot.'],
  ['help', 2, ['loading', 'stale'], '5.0.0', 'Returns helpful text about the subcommands.'],
  ['info', 2, STALE, '3.0.0', 'Returns information about the state of a node.'],
  ['keyslot', 3, STALE, '3.0.0', 'Returns the hash slot of a key.'],
  ['links', 2, STALE, '7.0.0', 'Returns all TCP links to and from peer nodes.'],
  ['meet', -4, ADMIN, '3.0.0', 'Makes a node join another’s cluster.'],
  ['myid', 2, STALE, '3.0.0', 'Returns the ID of a node.'],
  ['myshardid', 2, STALE, '7.2.0', 'Returns the shard ID of a node.'],
  ['nodes', 2, STALE, '3.0.0', 'Returns the cluster configuration of a node.'],
  ['replicas', 3, ADMIN_READ, '5.0.0', 'Lists the replicas of a primary.'],
  ['replicate', 3, ADMIN, '3.0.0', 'Makes a node a replica of a primary.'],
  ['reset', -2, ['admin', 'noscript', 'stale'], '3.0.0', 'Resets a node.'],
  ['saveconfig', 2, ADMIN, '3.0.0', 'Makes a node save its configuration.'],
  ['set-config-epoch', 3, ADMIN, '3.0.0', 'Sets the configuration epoch of a new node.'],
  ['setslot', -4, ADMIN, '3.0.0', 'Binds a hash slot to a node.'],
  ['shards', 2, STALE, '7.0.0', 'Returns the mapping of hash slots to shards.'],
  ['slaves', 3, ADMIN_READ, '3.0.0', 'Lists the replicas of a primary.'],
  ['slots', 2, STALE, '3.0.0', 'Returns the mapping of hash slots to nodes.'],
];

const REPLICAOF = {
  ...row,
  arity: 3,
  flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
  arguments: [
    {
      name: 'args',
      type: 'oneof',
      arguments: [
        {
          name: 'host-port',
          type: 'block',
          arguments: [
            { name: 'host', type: 'string' },
            { name: 'port', type: 'integer' },
          ],
        },
        {
          name: 'no-one',
          type: 'block',
          arguments: [
            { name: 'no', type: 'pure-token', token: 'NO' },
            { name: 'one', type: 'pure-token', token: 'ONE' },
          ],
        },
      ],
    },
  ],
  execute: replicaof,
  differences: 'There is no replication yet: only `NO ONE` succeeds.',
} as const;

export const STANDALONE_COMMANDS: readonly CommandRow[] = [
  {
    ...cluster,
    name: 'asking',
    summary: 'Signals that a cluster client follows an -ASK redirection.',
    since: '3.0.0',
    arity: 1,
    categories: ['connection'],
    flags: ['fast'],
  },
  {
    ...row,
    name: 'cluster',
    group: 'cluster',
    summary: 'A container for cluster commands. Cluster support is disabled.',
    since: '3.0.0',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: CLUSTER_SUBCOMMANDS.map(([name, arity, flags, since, summary]) => ({
      ...cluster,
      name,
      arity,
      flags,
      since,
      summary,
      ...CLUSTER_DOCS[name],
    })),
  },
  {
    ...row,
    name: 'failover',
    summary: 'Starts a coordinated failover from a server to one of its replicas.',
    since: '6.2.0',
    arity: -1,
    flags: ['admin', 'noscript', 'stale'],
    arguments: [
      {
        name: 'target',
        type: 'block',
        token: 'TO',
        optional: true,
        arguments: [
          { name: 'host', type: 'string' },
          { name: 'port', type: 'integer' },
          { name: 'force', type: 'pure-token', token: 'FORCE', optional: true },
        ],
      },
      { name: 'abort', type: 'pure-token', token: 'ABORT', optional: true },
      { name: 'milliseconds', type: 'integer', token: 'TIMEOUT', optional: true },
    ],
    execute: failover,
  },
  {
    ...cluster,
    name: 'readonly',
    summary: 'Enables read-only queries for a connection to a cluster replica.',
    since: '3.0.0',
    arity: 1,
    categories: ['connection'],
    flags: ['loading', 'stale', 'fast'],
  },
  {
    ...cluster,
    name: 'readwrite',
    summary: 'Enables read-write queries for a connection to a cluster replica.',
    since: '3.0.0',
    arity: 1,
    categories: ['connection'],
    flags: ['loading', 'stale', 'fast'],
  },
  {
    ...REPLICAOF,
    name: 'replicaof',
    summary: 'Makes a server a replica of another, or a primary again.',
    since: '5.0.0',
  },
  {
    ...row,
    name: 'role',
    summary: 'Returns the replication role.',
    since: '2.8.12',
    arity: 1,
    categories: ['admin', 'dangerous'],
    flags: ['noscript', 'loading', 'stale', 'fast'],
    execute: role,
  },
  {
    ...REPLICAOF,
    name: 'slaveof',
    summary: 'Makes a server a replica of another, or a primary again.',
    since: '1.0.0',
    docFlags: ['deprecated'],
    deprecatedSince: '5.0.0',
    replacedBy: '`REPLICAOF`',
  },
];
