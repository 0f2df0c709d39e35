import { NO_SUCH_KEY } from '../base/error-replies.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { READ } from '../keyspace/database.ts';
import type { Encoder } from '../resp/encoder.ts';
import { UNKNOWN_READS } from '../types/stream/groups.ts';
import { StreamId } from '../types/stream/id.ts';
import { lagOf, readFirstId } from '../types/stream/lag.ts';
import { radixNodes } from '../types/stream/radix-nodes.ts';
import { helpRow } from './help.ts';
import { integerAt } from './integer-argument.ts';
import { keyAt } from './key-specs.ts';
import {
  findGroup,
  openStream,
  replyEntries,
  replyEntry,
  replyId,
  row,
  shown,
  stream,
  subcommandSyntaxError,
} from './stream-keys.ts';

/** Entries that XINFO STREAM FULL replies where no COUNT is given. */
const COUNT_DEFAULT = 10;
const KEY_WORD = 2;
const GROUP_WORD = 3;

const HELP = [
  'CONSUMERS <key> <groupname>',
  '    Show consumers of <groupname>.',
  'GROUPS <key>',
  '    Show the stream consumer groups.',
  'STREAM <key> [FULL [COUNT <count>]',
  '    Show information about the stream.',
];

const id = new StreamId();

/** Opens the stream; false after replying an error. */
function open(call: Call): boolean {
  const found = openStream(call, KEY_WORD, READ, false);
  if (found === 'missing') call.reply.error(NO_SUCH_KEY);
  return found === 'found';
}

function consumers(call: Call): void {
  const { reply, keyspace } = call;
  if (!open(call)) return;
  if (!findGroup(call, GROUP_WORD)) {
    reply.error(
      `NOGROUP No such consumer group '${shown(call, GROUP_WORD)}' for key name '${shown(call, KEY_WORD)}'`,
    );
    return;
  }
  const { groups } = stream;
  reply.array(groups.consumerCount);
  for (let more = groups.firstConsumer(); more; more = groups.nextConsumer()) {
    reply.map(4);
    reply.bulkText('name');
    reply.bulk(groups.name, 0, groups.nameLength);
    reply.bulkText('pending');
    reply.integer(groups.ownedCount);
    reply.bulkText('idle');
    reply.integer(Math.max(0, keyspace.nowMs - groups.seenMs));
    reply.bulkText('inactive');
    reply.integer(groups.activeMs < 0 ? -1 : keyspace.nowMs - groups.activeMs);
  }
}

function groupsOf(call: Call): void {
  const { reply } = call;
  if (!open(call)) return;
  const { groups } = stream;
  reply.array(groups.groupCount);
  for (let more = groups.firstGroup(); more; more = groups.nextGroup()) {
    reply.map(6);
    reply.bulkText('name');
    reply.bulk(groups.name, 0, groups.nameLength);
    reply.bulkText('consumers');
    reply.integer(groups.consumerCount);
    reply.bulkText('pending');
    reply.integer(groups.pendingCount);
    replyProgress(reply);
  }
}

/** Replies the last delivered id, the entries read and the lag of the current group. */
function replyProgress(reply: Encoder): void {
  const { groups } = stream;
  reply.bulkText('last-delivered-id');
  replyId(reply, groups.lastId);
  reply.bulkText('entries-read');
  if (groups.entriesRead === UNKNOWN_READS) reply.null();
  else reply.bigInteger(groups.entriesRead);
  reply.bulkText('lag');
  const lag = lagOf(stream);
  if (lag === null) reply.null();
  else reply.bigInteger(lag);
}

function streamOf(call: Call): void {
  const { words, reply } = call;
  if (!open(call)) return;
  const isFull = words.count > 3;
  let count = COUNT_DEFAULT;
  if (isFull) {
    const isValid = words.is(3, 'full') && (words.count === 4 || (words.count === 6 && words.is(4, 'count')));
    if (!isValid) {
      subcommandSyntaxError(call);
      return;
    }
    if (words.count === 6) {
      count = integerAt(call, 5);
      if (Number.isNaN(count)) return;
      if (count < 0) count = COUNT_DEFAULT;
      else if (count === 0) count = Number.POSITIVE_INFINITY;
    }
  }
  reply.map(isFull ? 9 : 10);
  reply.bulkText('length');
  reply.integer(stream.count);
  reply.bulkText('radix-tree-keys');
  reply.integer(stream.nodeCount);
  reply.bulkText('radix-tree-nodes');
  reply.integer(radixNodes(stream));
  reply.bulkText('last-generated-id');
  replyId(reply, stream.lastId);
  reply.bulkText('max-deleted-entry-id');
  replyId(reply, stream.maxDeletedId);
  reply.bulkText('entries-added');
  reply.bigInteger(stream.entriesAdded);
  reply.bulkText('recorded-first-entry-id');
  readFirstId(stream, id);
  replyId(reply, id);
  if (isFull) replyFull(reply, count);
  else replyEnds(reply);
}

function replyEnds(reply: Encoder): void {
  reply.bulkText('groups');
  reply.integer(stream.groups.groupCount);
  reply.bulkText('first-entry');
  if (stream.seekFirst()) replyEntry(reply);
  else reply.null();
  reply.bulkText('last-entry');
  if (stream.seekLast()) replyEntry(reply);
  else reply.null();
}

/** Replies up to `count` entries, and as many of those pending in each group and for each consumer. */
function replyFull(reply: Encoder, count: number): void {
  const { groups } = stream;
  reply.bulkText('entries');
  id.setMin();
  replyEntries(reply, id, count);
  reply.bulkText('groups');
  reply.array(groups.groupCount);
  for (let more = groups.firstGroup(); more; more = groups.nextGroup()) {
    reply.map(7);
    reply.bulkText('name');
    reply.bulk(groups.name, 0, groups.nameLength);
    replyProgress(reply);
    const { pendingCount } = groups;
    reply.bulkText('pel-count');
    reply.integer(pendingCount);
    reply.bulkText('pending');
    replyPending(reply, Math.min(pendingCount, count));
    reply.bulkText('consumers');
    replyConsumers(reply, count);
  }
}

/** Replies `count` entries that are pending in the current group. */
function replyPending(reply: Encoder, count: number): void {
  const { groups } = stream;
  reply.array(count);
  id.setMin();
  let more = count > 0 && groups.seekPending(id);
  for (let replied = 1; more; replied++) {
    reply.array(4);
    replyId(reply, groups.pendingId);
    groups.readName(groups.owner);
    reply.bulk(groups.name, 0, groups.nameLength);
    reply.integer(groups.deliveredMs);
    reply.bigInteger(groups.deliveries);
    more = replied < count && groups.nextPending();
  }
}

/** Replies the consumers of the current group, and up to `count` entries that are pending for each. */
function replyConsumers(reply: Encoder, count: number): void {
  const { groups } = stream;
  reply.array(groups.consumerCount);
  for (let more = groups.firstConsumer(); more; more = groups.nextConsumer()) {
    reply.map(5);
    reply.bulkText('name');
    reply.bulk(groups.name, 0, groups.nameLength);
    reply.bulkText('seen-time');
    reply.integer(groups.seenMs);
    reply.bulkText('active-time');
    reply.integer(groups.activeMs);
    const { ownedCount } = groups;
    reply.bulkText('pel-count');
    reply.integer(ownedCount);
    reply.bulkText('pending');
    const limit = Math.min(ownedCount, count);
    reply.array(limit);
    let isOwned = limit > 0 && groups.firstOwned();
    for (let replied = 1; isOwned; replied++) {
      reply.array(3);
      replyId(reply, groups.pendingId);
      reply.integer(groups.deliveredMs);
      reply.bigInteger(groups.deliveries);
      isOwned = replied < limit && groups.nextOwned();
    }
  }
}

export const STREAM_INFO_COMMANDS: readonly CommandRow[] = [
  {
    ...row('xinfo'),
    categories: [],
    summary: 'A container for stream introspection commands',
    since: '5.0.0',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    keys: [],
    need: 'none',
    subcommands: [
      {
        ...row('xinfo|consumers'),
        summary: 'List the consumers in a consumer group',
        since: '5.0.0',
        complexity: 'O(1)',
        arity: 4,
        flags: ['readonly'],
        keys: [keyAt(KEY_WORD, 'RO', 'access')],
        execute: consumers,
      },
      {
        ...row('xinfo|groups'),
        summary: 'List the consumer groups of a stream',
        since: '5.0.0',
        complexity: 'O(1)',
        arity: 3,
        flags: ['readonly'],
        keys: [keyAt(KEY_WORD, 'RO', 'access')],
        execute: groupsOf,
      },
      helpRow('XINFO', HELP, { group: 'stream', since: '5.0.0', categories: ['stream'] }),
      {
        ...row('xinfo|stream'),
        summary: 'Get information about a stream',
        since: '5.0.0',
        complexity: 'O(1)',
        arity: -3,
        flags: ['readonly'],
        keys: [keyAt(KEY_WORD, 'RO', 'access')],
        differences:
          '`radix-tree-nodes` is estimated from the first entries of a long stream, since there is no radix tree.',
        execute: streamOf,
      },
    ],
  },
];
