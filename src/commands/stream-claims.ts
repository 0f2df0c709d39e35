import { SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { READ } from '../keyspace/database.ts';
import { NOTIFY_STREAM } from '../keyspace/keyspace.ts';
import type { Encoder } from '../resp/encoder.ts';
import { StreamId } from '../types/stream/id.ts';
import { integerAt } from './integer-argument.ts';
import { keyAt } from './key-specs.ts';
import {
  changedGroups,
  findConsumer,
  findGroup,
  openStream,
  propagateClaim,
  readBound,
  readId,
  replyEntry,
  replyId,
  row,
  shown,
  stream,
} from './stream-keys.ts';

const GROUP_WORD = 2;
const CONSUMER_WORD = 3;
const IDLE_WORD = 4;
const IDS_WORD = 5;
/** XAUTOCLAIM's COUNT where none is given, and the most that is taken. */
const COUNT_DEFAULT = 100;
const COUNT_MAX = Math.floor(2 ** 63 / 16);
/** Entries that XAUTOCLAIM looks at for each that it may claim. */
const ATTEMPTS_PER_CLAIM = 10;
const TIME_MS_MAX = 2 ** 48 - 2;

const id = new StreamId();
const lastId = new StreamId();

/** The options of XCLAIM. */
const options = {
  /** Where the ids end. */
  idsEnd: 0,
  deliveryMs: 0,
  /** -1 if the count is to be raised by one, unless only ids are replied. */
  retryCount: -1n,
  isForced: false,
  isJustId: false,
};

/** Opens the stream and makes the group the current one; false after replying an error. */
function openGroup(call: Call): boolean {
  const found = openStream(call, 1, READ, true);
  if (found === null) return false;
  if (found === 'found' && findGroup(call, GROUP_WORD)) return true;
  call.reply.error(`NOGROUP No such key '${shown(call, 1)}' or consumer group '${shown(call, GROUP_WORD)}'`);
  return false;
}

/** Makes the consumer that is to own what is claimed the current one, and makes it where there is none. */
function takeConsumer(call: Call): void {
  const { words, database, keyspace } = call;
  const { groups } = stream;
  if (findConsumer(call, CONSUMER_WORD)) {
    groups.seenMs = keyspace.nowMs;
    groups.saveConsumer();
    return;
  }
  groups.createConsumer(
    words.buffer,
    words.offsets[CONSUMER_WORD],
    words.lengths[CONSUMER_WORD],
    keyspace.nowMs,
  );
  changedGroups(call);
  database.notify(NOTIFY_STREAM, 'xgroup-createconsumer');
}

/** Reads XCLAIM's options, which follow the ids; false after replying an error. */
function readOptions(call: Call): boolean {
  const { words, reply, keyspace } = call;
  const { nowMs } = keyspace;
  let at = IDS_WORD;
  while (at < words.count && id.parse(words.buffer, words.offsets[at], words.lengths[at], false) === 'id')
    at++;
  options.idsEnd = at;
  options.retryCount = -1n;
  options.isForced = false;
  options.isJustId = false;
  let deliveryMs = -1;
  lastId.setMin();
  for (; at < words.count; at++) {
    const hasMore = at + 1 < words.count;
    if (words.is(at, 'force')) {
      options.isForced = true;
    } else if (words.is(at, 'justid')) {
      options.isJustId = true;
    } else if (hasMore && words.is(at, 'idle')) {
      const idleMs = integerAt(call, ++at, 'ERR Invalid IDLE option argument for XCLAIM');
      if (Number.isNaN(idleMs)) return false;
      deliveryMs = nowMs - idleMs;
    } else if (hasMore && words.is(at, 'time')) {
      deliveryMs = integerAt(call, ++at, 'ERR Invalid TIME option argument for XCLAIM');
      if (Number.isNaN(deliveryMs)) return false;
    } else if (hasMore && words.is(at, 'retrycount')) {
      at++;
      const count = parseInteger64(words.buffer, words.offsets[at], words.lengths[at]);
      if (count === undefined) {
        reply.error('ERR Invalid RETRYCOUNT option argument for XCLAIM');
        return false;
      }
      options.retryCount = count;
    } else if (hasMore && words.is(at, 'lastid')) {
      if (!readId(call, ++at, lastId)) return false;
    } else {
      reply.error(`ERR Unrecognized XCLAIM option '${shown(call, at)}'`);
      return false;
    }
  }
  // A time that makes no sense, as that of another clock may not, is now.
  options.deliveryMs = deliveryMs < 0 || deliveryMs > nowMs ? Math.min(nowMs, TIME_MS_MAX) : deliveryMs;
  return true;
}

function xclaim(call: Call): void {
  const { words, reply, keyspace } = call;
  if (!openGroup(call)) return;
  const minIdleMs = integerAt(call, IDLE_WORD, 'ERR Invalid min-idle-time argument for XCLAIM');
  if (Number.isNaN(minIdleMs) || !readOptions(call)) return;
  const { groups } = stream;
  call.propagation = [];
  let mustTellLastId = false;
  if (lastId.compare(groups.lastId) > 0) {
    groups.lastId.copy(lastId);
    groups.saveGroup();
    mustTellLastId = true;
  }
  takeConsumer(call);
  const { consumer } = groups;
  const mark = reply.open();
  let claimed = 0;
  for (let at = IDS_WORD; at < options.idsEnd; at++) {
    readId(call, at, id);
    const isThere = stream.has(id);
    const isPending = groups.findPending(id);
    if (!isThere) {
      if (!isPending) continue;
      groups.readName(groups.owner);
      propagateClaim(
        call,
        1,
        GROUP_WORD,
        groups.name.slice(0, groups.nameLength),
        words.copy(at),
        groups.lastId,
      );
      groups.removePending();
      mustTellLastId = false;
      changedGroups(call);
      continue;
    }
    if (!isPending && !options.isForced) continue;
    if (isPending && minIdleMs > 0 && keyspace.nowMs - groups.deliveredMs < minIdleMs) continue;
    let deliveries = isPending ? groups.deliveries : 1n;
    if (options.retryCount >= 0n) deliveries = options.retryCount;
    else if (!options.isJustId) deliveries++;
    if (isPending) groups.updatePending(consumer, options.deliveryMs, deliveries);
    else groups.addPending(id, consumer, options.deliveryMs, deliveries);
    if (options.isJustId) replyId(reply, id);
    else replyEntry(reply);
    claimed++;
    propagateClaim(call, 1, GROUP_WORD, CONSUMER_WORD, words.copy(at), groups.lastId);
    mustTellLastId = false;
    changedGroups(call);
  }
  if (claimed > 0) markActive(call);
  if (mustTellLastId) {
    propagateLastId(call);
    changedGroups(call);
  }
  stream.save();
  reply.closeArray(mark, claimed);
}

function markActive(call: Call): void {
  const { groups } = stream;
  groups.activeMs = call.keyspace.nowMs;
  groups.saveConsumer();
}

function propagateLastId(call: Call): void {
  const { words } = call;
  const { groups } = stream;
  call.propagateAs(
    'XGROUP',
    'SETID',
    words.copy(1),
    words.copy(GROUP_WORD),
    groups.lastId.toString(),
    'ENTRIESREAD',
    String(groups.entriesRead),
  );
}

function xautoclaim(call: Call): void {
  const { words, reply, keyspace } = call;
  const minIdleMs = integerAt(call, IDLE_WORD, 'ERR Invalid min-idle-time argument for XAUTOCLAIM');
  if (Number.isNaN(minIdleMs) || !readBound(call, IDS_WORD, id, false)) return;
  let count = COUNT_DEFAULT;
  let isJustId = false;
  for (let at = IDS_WORD + 1; at < words.count; at++) {
    if (words.is(at, 'count') && at + 1 < words.count) {
      count = integerAt(call, ++at, 'ERR COUNT must be > 0');
      if (Number.isNaN(count)) return;
      if (count < 1 || count > COUNT_MAX) {
        reply.error('ERR COUNT must be > 0');
        return;
      }
    } else if (words.is(at, 'justid')) {
      isJustId = true;
    } else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  if (!openGroup(call)) return;
  call.propagation = [];
  takeConsumer(call);
  const { groups } = stream;
  const { consumer } = groups;
  const { nowMs } = keyspace;
  const deleted: StreamId[] = [];
  reply.array(3);
  const mark = reply.open();
  let claimed = 0;
  let more = groups.seekPending(id);
  for (let attempts = count * ATTEMPTS_PER_CLAIM; more && attempts > 0 && count > 0; attempts--) {
    id.copy(groups.pendingId);
    if (!stream.has(id)) {
      groups.readName(groups.owner);
      propagateClaim(call, 1, GROUP_WORD, groups.name.slice(0, groups.nameLength), id, groups.lastId);
      changedGroups(call);
      groups.removePending();
      const gone = new StreamId();
      gone.copy(id);
      deleted.push(gone);
      more = groups.seekPending(id);
      count--;
      continue;
    }
    if (minIdleMs > 0 && nowMs - groups.deliveredMs < minIdleMs) {
      more = groups.nextPending();
      continue;
    }
    groups.updatePending(consumer, nowMs, groups.deliveries + (isJustId ? 0n : 1n));
    if (isJustId) replyId(reply, id);
    else replyEntry(reply);
    claimed++;
    count--;
    propagateClaim(call, 1, GROUP_WORD, CONSUMER_WORD, id, groups.lastId);
    changedGroups(call);
    more = id.increment() && groups.seekPending(id);
  }
  reply.closeArray(mark, claimed);
  if (more) id.copy(groups.pendingId);
  else id.setMin();
  insertId(reply, mark, id);
  reply.array(deleted.length);
  for (const gone of deleted) replyId(reply, gone);
  if (claimed > 0) markActive(call);
  stream.save();
}

/** Replies an id before what was written since a mark. */
function insertId(reply: Encoder, mark: number, inserted: StreamId): void {
  const end = reply.length;
  replyId(reply, inserted);
  const text = Buffer.from(reply.buffer.subarray(end, reply.length));
  reply.buffer.copyWithin(mark + text.length, mark, end);
  reply.buffer.set(text, mark);
}

export const STREAM_CLAIM_COMMANDS: readonly CommandRow[] = [
  {
    ...row('xautoclaim'),
    summary:
      'Changes (or acquires) ownership of messages in a consumer group, as if the messages were delivered to the specified consumer.',
    since: '6.2.0',
    complexity: 'O(1) if COUNT is small.',
    arity: -6,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    execute: xautoclaim,
  },
  {
    ...row('xclaim'),
    summary:
      'Changes (or acquires) ownership of a message in a consumer group, as if the message was delivered to the specified consumer.',
    since: '5.0.0',
    complexity: 'O(log N) with N being the number of messages in the PEL of the consumer group.',
    arity: -6,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    execute: xclaim,
  },
];
