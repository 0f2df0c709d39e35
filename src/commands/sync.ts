import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseInteger64 } from '../base/numbers.ts';
import { splitArguments } from '../base/split-arguments.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import type { TransferRequest } from '../command-table/transfer-control.ts';
import { argument } from './common-docs.ts';

const NO_REPLICATION =
  'ERR This server has no replicas: what it sends is a copy of the data set that nothing follows. Ask for one with REPLCONF rdb-only 1, or with redis-cli --rdb';
const PENDING_OUTPUT = 'ERR SYNC and PSYNC are invalid with pending output';
const ADDRESS_BYTES_MAX = 255;

/** Sends the client the data set, and nothing after it. */
function sync(call: Call): void {
  const { client, reply, services, words } = call;
  const isPartial = words.count > 1;
  if (isPartial && parseInteger64(words.buffer, words.offsets[2], words.lengths[2]) === undefined) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  const request = services.transfers.requestOf(client);
  if (client.isInternal || (request.isReplica && !request.wantsCopyOnly)) {
    reply.error(NO_REPLICATION);
    return;
  }
  if (client.transport.outputBytes > 0) {
    reply.error(PENDING_OUTPUT);
    return;
  }
  if (isPartial) reply.simple(`FULLRESYNC ${services.server.replicationId} 0`);
  services.transfers.begin(client);
}

function replconf(call: Call): void {
  const { words, reply, services, client } = call;
  if (words.count % 2 === 0) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const request = services.transfers.requestOf(client);
  for (let at = 1; at < words.count; at += 2) {
    // These have no reply.
    if (words.is(at, 'ack') || words.is(at, 'getack')) return;
    const error = setOption(call, request, at);
    if (error === null) continue;
    reply.error(error);
    return;
  }
  reply.ok();
}

/** Takes an option of REPLCONF and the value behind it; an error text if that is wrong. */
function setOption(call: Call, request: TransferRequest, at: number): string | null {
  const { words } = call;
  const value = at + 1;
  if (words.is(at, 'listening-port')) {
    if (integerOf(call, value) === undefined) return NOT_AN_INTEGER;
    request.isReplica = true;
  } else if (words.is(at, 'ip-address')) {
    if (words.lengths[value] > ADDRESS_BYTES_MAX)
      return `ERR REPLCONF ip-address provided by replica instance is too long: ${words.lengths[value]} bytes`;
  } else if (words.is(at, 'capa')) {
    if (words.is(value, 'eof')) request.takesStream = true;
  } else if (words.is(at, 'rdb-only')) {
    const flag = integerOf(call, value);
    if (flag === undefined) return NOT_AN_INTEGER;
    request.wantsCopyOnly = flag === 1n;
  } else if (words.is(at, 'rdb-filter-only')) {
    return setFilter(request, words.copy(value));
  } else {
    return `ERR Unrecognized REPLCONF option: ${words.text(at)}`;
  }
  return null;
}

function setFilter(request: TransferRequest, value: Uint8Array): string | null {
  const names = splitArguments(value, 0, value.length);
  if (names === undefined) return 'ERR Missing rdb-filter-only values';
  request.wantsKeys = false;
  request.wantsFunctions = false;
  for (const name of names) {
    const text = Buffer.from(name).toString('latin1');
    if (text.toLowerCase() !== 'functions') return `ERR Unsupported rdb-filter-only option: ${text}`;
    request.wantsFunctions = true;
  }
  return null;
}

function integerOf({ words }: Call, at: number): bigint | undefined {
  return parseInteger64(words.buffer, words.offsets[at], words.lengths[at]);
}

const row = { group: 'server', categories: [], need: 'none', keys: [] } as const;
const COPY =
  'Sends an RDB file of the data set and closes the connection: no commands follow, and who announces itself as a replica gets an error.';

export const SYNC_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    name: 'psync',
    summary: 'Sends a copy of the data set, as a primary does at first.',
    since: '2.8.0',
    complexity: 'O(N) in the number of keys in all databases.',
    arity: -3,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    arguments: [argument('replicationid', 'string'), argument('offset', 'integer')],
    differences: COPY,
    execute: sync,
  },
  {
    ...row,
    name: 'replconf',
    summary: 'Says what a copy of the data set should be like.',
    since: '3.0.0',
    complexity: 'O(1)',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'allow_busy'],
    docFlags: ['syscmd'],
    differences: 'Only copies of the data set heed it.',
    execute: replconf,
  },
  {
    ...row,
    name: 'sync',
    summary: 'Sends a copy of the data set, as a primary does at first.',
    since: '1.0.0',
    complexity: 'O(N) in the number of keys in all databases.',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    differences: COPY,
    execute: sync,
  },
];
