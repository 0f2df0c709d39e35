import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { READ, WRITE } from '../keyspace/database.ts';
import { NOTIFY_STREAM } from '../keyspace/keyspace.ts';
import { UNKNOWN_READS } from '../types/stream/groups.ts';
import { StreamId } from '../types/stream/id.ts';
import { helpRow } from './help.ts';
import { integerAt } from './integer-argument.ts';
import { keyAt } from './key-specs.ts';
import {
  changedGroups,
  createStream,
  findConsumer,
  findGroup,
  openStream,
  readBound,
  readId,
  readIdOrEnd,
  replyId,
  row,
  shown,
  stream,
  subcommandSyntaxError,
} from './stream-keys.ts';

const GROUP_EXISTS = 'BUSYGROUP Consumer Group name already exists';
const NO_KEY =
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.';
const READS_NEGATIVE = 'ERR value for ENTRIESREAD must be positive or -1';
const KEY_WORD = 2;
const GROUP_WORD = 3;
const CONSUMER_WORD = 4;

const HELP = [
  'CREATE <key> <groupname> <id|$> [option]',
  '    Create a new consumer group. Options are:',
  '    * MKSTREAM',
  '      Create the empty stream if it does not exist.',
  '    * ENTRIESREAD entries_read',
  "      Set the group's entries_read counter (internal use).",
  'CREATECONSUMER <key> <groupname> <consumer>',
  '    Create a new consumer in the specified group.',
  'DELCONSUMER <key> <groupname> <consumer>',
  '    Remove the specified consumer.',
  'DESTROY <key> <groupname>',
  '    Remove the specified group.',
  'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
  '    Set the current group ID and entries_read counter.',
];

const start = new StreamId();
const end = new StreamId();
/** The options of CREATE and SETID. */
let makesStream = false;
let entriesRead = UNKNOWN_READS;

/** Reads the options of CREATE or SETID; false after replying an error. */
function readOptions(call: Call, isCreating: boolean): boolean {
  const { words, reply } = call;
  makesStream = false;
  entriesRead = UNKNOWN_READS;
  for (let at = 5; at < words.count; at++) {
    if (isCreating && words.is(at, 'mkstream')) {
      makesStream = true;
    } else if (words.is(at, 'entriesread') && at + 1 < words.count) {
      at++;
      const value = parseInteger64(words.buffer, words.offsets[at], words.lengths[at]);
      if (value === undefined || value < UNKNOWN_READS) {
        reply.error(value === undefined ? NOT_AN_INTEGER : READS_NEGATIVE);
        return false;
      }
      entriesRead = value;
    } else {
      subcommandSyntaxError(call);
      return false;
    }
  }
  return true;
}

/** Opens the stream for a subcommand, which the key must be there for unless `mayMake`; null after replying an error. */
function open(call: Call, mayMake: boolean): 'found' | 'missing' | null {
  const found = openStream(call, KEY_WORD, WRITE, true);
  if (found !== 'missing' || mayMake) return found;
  call.reply.error(NO_KEY);
  return null;
}

/** Opens the stream and makes the group the current one; false after replying an error. */
function openGroup(call: Call): boolean {
  if (open(call, false) === null) return false;
  if (findGroup(call, GROUP_WORD)) return true;
  call.reply.error(
    `NOGROUP No such consumer group '${shown(call, GROUP_WORD)}' for key name '${shown(call, KEY_WORD)}'`,
  );
  return false;
}

/** Ends a change of the groups: saves the stream and tells the event. */
function save(call: Call, event: string): void {
  stream.save();
  changedGroups(call);
  call.database.notify(NOTIFY_STREAM, event);
}

/** A group has not read more than there was. */
function limitedReads(): bigint {
  const { entriesAdded } = stream;
  if (entriesRead > entriesAdded) return entriesAdded;
  return entriesRead;
}

function create(call: Call): void {
  const { words, reply } = call;
  if (!readOptions(call, true)) return;
  const found = open(call, makesStream);
  if (found === null) return;
  const isMissing = found === 'missing';
  if (words.is(4, '$')) {
    if (isMissing) start.setMin();
    else start.copy(stream.lastId);
  } else if (!readId(call, 4, start)) return;
  if (!isMissing && findGroup(call, GROUP_WORD)) {
    reply.error(GROUP_EXISTS);
    return;
  }
  if (isMissing) createStream(call);
  stream.prepareGroups();
  stream.groups.createGroup(
    words.buffer,
    words.offsets[GROUP_WORD],
    words.lengths[GROUP_WORD],
    start,
    limitedReads(),
  );
  save(call, 'xgroup-create');
  reply.ok();
}

function setId(call: Call): void {
  const { words, reply } = call;
  if (!readOptions(call, false) || !openGroup(call)) return;
  const { groups } = stream;
  if (words.is(4, '$')) start.copy(stream.lastId);
  else if (!readIdOrEnd(call, 4, start, false)) return;
  groups.lastId.copy(start);
  groups.entriesRead = limitedReads();
  groups.saveGroup();
  save(call, 'xgroup-setid');
  reply.ok();
}

function destroy(call: Call): void {
  const { words, reply, database } = call;
  if (open(call, false) === null) return;
  if (!findGroup(call, GROUP_WORD)) {
    reply.integer(0);
    return;
  }
  stream.groups.destroyGroup(words.buffer, words.offsets[GROUP_WORD], words.lengths[GROUP_WORD]);
  save(call, 'xgroup-destroy');
  // Those who wait for the group's entries are told that it is gone.
  call.services.blocking.touch(
    database.number,
    words.buffer,
    words.offsets[KEY_WORD],
    words.lengths[KEY_WORD],
  );
  reply.integer(1);
}

function createConsumer(call: Call): void {
  const { words, reply, keyspace } = call;
  if (!openGroup(call)) return;
  if (findConsumer(call, CONSUMER_WORD)) {
    reply.integer(0);
    return;
  }
  stream.groups.createConsumer(
    words.buffer,
    words.offsets[CONSUMER_WORD],
    words.lengths[CONSUMER_WORD],
    keyspace.nowMs,
  );
  save(call, 'xgroup-createconsumer');
  reply.integer(1);
}

function deleteConsumer(call: Call): void {
  const { words, reply } = call;
  if (!openGroup(call)) return;
  if (!findConsumer(call, CONSUMER_WORD)) {
    reply.integer(0);
    return;
  }
  const { groups } = stream;
  const pending = groups.ownedCount;
  groups.deleteConsumer(words.buffer, words.offsets[CONSUMER_WORD], words.lengths[CONSUMER_WORD]);
  save(call, 'xgroup-delconsumer');
  reply.integer(pending);
}

function xpending(call: Call): void {
  const { words, reply } = call;
  const hasRange = words.count > 3;
  if (hasRange && (words.count < 6 || words.count > 9)) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  let at = 3;
  let idleMs = 0;
  let count = 0;
  if (hasRange) {
    if (words.is(3, 'idle')) {
      idleMs = integerAt(call, 4);
      if (Number.isNaN(idleMs)) return;
      if (words.count < 8) {
        reply.error(SYNTAX_ERROR);
        return;
      }
      at += 2;
    }
    count = integerAt(call, at + 2);
    if (Number.isNaN(count)) return;
    if (!readBound(call, at, start, false) || !readBound(call, at + 1, end, true)) return;
  }
  const found = openStream(call, 1, READ, false);
  if (found === null) return;
  if (found === 'missing' || !findGroup(call, 2)) {
    reply.error(`NOGROUP No such key '${shown(call, 1)}' or consumer group '${shown(call, 2)}'`);
    return;
  }
  if (!hasRange) {
    replySummary(call);
    return;
  }
  const consumerWord = at + 3 < words.count ? at + 3 : 0;
  if (consumerWord > 0 && !findConsumer(call, consumerWord)) {
    reply.array(0);
    return;
  }
  replyPending(call, consumerWord > 0, Math.max(0, count), idleMs);
}

/** Replies how many entries are pending in the current group, from which id to which, and for whom. */
function replySummary(call: Call): void {
  const { reply } = call;
  const { groups } = stream;
  const { pendingCount } = groups;
  reply.array(4);
  reply.integer(pendingCount);
  start.setMin();
  if (!groups.seekPending(start)) {
    reply.null();
    reply.null();
    reply.nullArray();
    return;
  }
  replyId(reply, groups.pendingId);
  groups.lastPending();
  replyId(reply, groups.pendingId);
  const mark = reply.open();
  let consumers = 0;
  for (let more = groups.firstConsumer(); more; more = groups.nextConsumer()) {
    const { ownedCount } = groups;
    if (ownedCount === 0) continue;
    consumers++;
    reply.array(2);
    reply.bulk(groups.name, 0, groups.nameLength);
    reply.bulkInteger(ownedCount);
  }
  reply.closeArray(mark, consumers);
}

/** Replies the entries from `start` to `end` that are pending in the group, or for the current consumer, for a time at least. */
function replyPending(call: Call, isOfConsumer: boolean, count: number, idleMs: number): void {
  const { reply, keyspace } = call;
  const { groups } = stream;
  const mark = reply.open();
  let replied = 0;
  let named = -1;
  let more = isOfConsumer ? groups.seekOwned(start) : groups.seekPending(start);
  while (more && replied < count && groups.pendingId.compare(end) <= 0) {
    const elapsedMs = keyspace.nowMs - groups.deliveredMs;
    if (idleMs === 0 || elapsedMs >= idleMs) {
      replied++;
      reply.array(4);
      replyId(reply, groups.pendingId);
      if (groups.owner !== named) groups.readName(groups.owner);
      named = groups.owner;
      reply.bulk(groups.name, 0, groups.nameLength);
      reply.integer(Math.max(0, elapsedMs));
      reply.bigInteger(groups.deliveries);
    }
    more = isOfConsumer ? groups.nextOwned() : groups.nextPending();
  }
  reply.closeArray(mark, replied);
}

export const STREAM_GROUP_COMMANDS: readonly CommandRow[] = [
  {
    ...row('xgroup'),
    categories: [],
    summary: 'A container for consumer groups commands',
    since: '5.0.0',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    keys: [],
    need: 'none',
    subcommands: [
      {
        ...row('xgroup|create'),
        summary: 'Create a consumer group.',
        since: '5.0.0',
        complexity: 'O(1)',
        arity: -5,
        flags: ['write', 'denyoom'],
        keys: [keyAt(KEY_WORD, 'RW', 'insert')],
        execute: create,
      },
      {
        ...row('xgroup|createconsumer'),
        summary: 'Create a consumer in a consumer group.',
        since: '6.2.0',
        complexity: 'O(1)',
        arity: 5,
        flags: ['write', 'denyoom'],
        keys: [keyAt(KEY_WORD, 'RW', 'insert')],
        execute: createConsumer,
      },
      {
        ...row('xgroup|delconsumer'),
        summary: 'Delete a consumer from a consumer group.',
        since: '5.0.0',
        complexity: 'O(1)',
        arity: 5,
        flags: ['write'],
        keys: [keyAt(KEY_WORD, 'RW', 'delete')],
        execute: deleteConsumer,
      },
      {
        ...row('xgroup|destroy'),
        summary: 'Destroy a consumer group.',
        since: '5.0.0',
        complexity: "O(N) where N is the number of entries in the group's pending entries list (PEL).",
        arity: 4,
        flags: ['write'],
        keys: [keyAt(KEY_WORD, 'RW', 'delete')],
        execute: destroy,
      },
      helpRow('XGROUP', HELP, { group: 'stream', since: '5.0.0', categories: ['stream'] }),
      {
        ...row('xgroup|setid'),
        summary: 'Set a consumer group to an arbitrary last delivered ID value.',
        since: '5.0.0',
        complexity: 'O(1)',
        arity: -5,
        flags: ['write'],
        keys: [keyAt(KEY_WORD, 'RW', 'update')],
        execute: setId,
      },
    ],
  },
  {
    ...row('xpending'),
    summary:
      'Return information and entries from a stream consumer group pending entries list, that are messages fetched but never acknowledged.',
    since: '5.0.0',
    complexity:
      'O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.',
    arity: -3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: xpending,
  },
];
