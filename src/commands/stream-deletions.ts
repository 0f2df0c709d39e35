import { SYNTAX_ERROR } from '../base/error-replies.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { READ, WRITE } from '../keyspace/database.ts';
import { NOTIFY_STREAM } from '../keyspace/keyspace.ts';
import { StreamId } from '../types/stream/id.ts';
import type { ReferencePolicy } from '../types/stream/trim.ts';
import { integerAt } from './integer-argument.ts';
import { keyAt } from './key-specs.ts';
import {
  areIds,
  changedGroups,
  findGroup,
  idElements,
  openStream,
  policyAt,
  readId,
  row,
  stream,
} from './stream-keys.ts';

const COUNT_NOT_POSITIVE = 'ERR Number of IDs must be a positive integer';
const COUNT_TOO_LARGE = 'ERR The `numids` parameter must match the number of arguments';
const NO_IDS = 'ERR IDS option is required';

/** What XDELEX and XACKDEL reply of an id. */
const NOT_FOUND = -1;
const DELETED = 1;
const STILL_REFERENCED = 2;

/** The policy and the ids that the arguments of XDELEX or XACKDEL give. */
let policy: ReferencePolicy = 'keepref';
let idsWord = 0;
let idCount = 0;
const id = new StreamId();

/** Removes the entry with an id; false if there is none. */
function deleteEntry(deleted: StreamId): boolean {
  if (!stream.remove(deleted)) return false;
  if (deleted.compare(stream.maxDeletedId) > 0) stream.maxDeletedId.copy(deleted);
  return true;
}

function xdel(call: Call): void {
  const { words, reply, database } = call;
  const found = openStream(call, 1, WRITE, true);
  if (found === null) return;
  if (found === 'missing') {
    reply.integer(0);
    return;
  }
  if (!areIds(call, 2, words.count - 2)) return;
  let deleted = 0;
  for (let at = 2; at < words.count; at++) if (readId(call, at, id) && deleteEntry(id)) deleted++;
  if (deleted > 0) {
    stream.save();
    database.changed(deleted);
    database.notify(NOTIFY_STREAM, 'xdel');
  }
  reply.integer(deleted);
}

/** The options from argument `from` on; false after replying an error (streamParseAckDelArgsOrReply). */
function readOptions(call: Call, from: number): boolean {
  const { words, reply } = call;
  let given: ReferencePolicy | null = null;
  idsWord = 0;
  for (let at = from; at < words.count; at++) {
    const policyHere = policyAt(call, at);
    if (policyHere !== null && given === null) {
      given = policyHere;
    } else if (words.is(at, 'ids') && at + 1 < words.count) {
      idCount = integerAt(call, at + 1, COUNT_NOT_POSITIVE);
      if (Number.isNaN(idCount)) return false;
      if (idCount < 1 || idCount > words.count - at - 2) {
        reply.error(idCount < 1 ? COUNT_NOT_POSITIVE : COUNT_TOO_LARGE);
        return false;
      }
      idsWord = at + 2;
      at = idsWord + idCount - 1;
    } else {
      reply.error(SYNTAX_ERROR);
      return false;
    }
  }
  policy = given ?? 'keepref';
  if (idsWord > 0) return true;
  reply.error(NO_IDS);
  return false;
}

function replyNotFound(call: Call): void {
  call.reply.array(idCount);
  for (let number = 0; number < idCount; number++) call.reply.integer(NOT_FOUND);
}

/** Ends a change by which so many entries were deleted, and so many others lost references. */
function save(call: Call, deleted: number, dereferenced: number): void {
  if (deleted + dereferenced === 0) return;
  const { database } = call;
  stream.save();
  changedGroups(call, dereferenced);
  if (deleted === 0) return;
  database.changed(deleted);
  database.notify(NOTIFY_STREAM, 'xdel');
}

function xdelex(call: Call): void {
  const { reply } = call;
  const found = openStream(call, 1, WRITE, true);
  if (found === null || !readOptions(call, 2)) return;
  if (found === 'missing') {
    replyNotFound(call);
    return;
  }
  if (!areIds(call, idsWord, idCount)) return;
  let deleted = 0;
  let dereferenced = 0;
  reply.array(idCount);
  for (let at = idsWord; at < idsWord + idCount; at++) {
    readId(call, at, id);
    if (policy === 'acked' && stream.groups.isReferenced(id)) {
      reply.integer(STILL_REFERENCED);
      continue;
    }
    const isDereferenced = policy === 'delref' && stream.groups.removeReferences(id);
    if (deleteEntry(id)) {
      deleted++;
      reply.integer(DELETED);
    } else {
      if (isDereferenced) dereferenced++;
      reply.integer(NOT_FOUND);
    }
  }
  save(call, deleted, dereferenced);
}

function xackdel(call: Call): void {
  const { reply } = call;
  const found = openStream(call, 1, READ, true);
  if (found === null || !readOptions(call, 3)) return;
  if (found === 'missing' || !findGroup(call, 2)) {
    replyNotFound(call);
    return;
  }
  if (!areIds(call, idsWord, idCount)) return;
  const { groups } = stream;
  let deleted = 0;
  let acknowledged = 0;
  reply.array(idCount);
  for (let at = idsWord; at < idsWord + idCount; at++) {
    readId(call, at, id);
    if (!groups.findPending(id)) {
      reply.integer(NOT_FOUND);
      continue;
    }
    groups.removePending();
    acknowledged++;
    if (policy === 'acked' && groups.isReferenced(id)) {
      reply.integer(STILL_REFERENCED);
      continue;
    }
    if (policy === 'delref') groups.removeReferences(id);
    if (deleteEntry(id)) deleted++;
    reply.integer(DELETED);
  }
  save(call, deleted, acknowledged - deleted);
}

function xack(call: Call): void {
  const { words, reply } = call;
  const found = openStream(call, 1, READ, true);
  if (found === null) return;
  if (found === 'missing' || !findGroup(call, 2)) {
    reply.integer(0);
    return;
  }
  if (!areIds(call, 3, words.count - 3)) return;
  let acknowledged = 0;
  for (let at = 3; at < words.count; at++) {
    readId(call, at, id);
    if (!stream.groups.findPending(id)) continue;
    stream.groups.removePending();
    acknowledged++;
  }
  save(call, 0, acknowledged);
  reply.integer(acknowledged);
}

export const STREAM_DELETION_COMMANDS: readonly CommandRow[] = [
  {
    ...row('xack'),
    summary:
      'Marks a pending message as correctly processed, effectively removing it from the pending entries list of the consumer group. Return value of the command is the number of messages successfully acknowledged, that is, the IDs we were actually able to resolve in the PEL.',
    since: '5.0.0',
    complexity: 'O(1) for each message ID processed.',
    arity: -4,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    execute: xack,
  },
  {
    ...row('xackdel'),
    summary: 'Acknowledges and deletes one or multiple messages for a stream consumer group.',
    since: '8.2.0',
    complexity: 'O(1) for each message ID processed.',
    arity: -6,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'update', 'delete')],
    execute: xackdel,
  },
  {
    ...row('xdel'),
    summary:
      'Removes the specified entries from the stream. Returns the number of items actually deleted, that may be different from the number of IDs passed in case certain IDs do not exist.',
    since: '5.0.0',
    complexity: 'O(1) for each single item to delete in the stream, regardless of the stream size.',
    arity: -3,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    elements: idElements(2),
    execute: xdel,
  },
  {
    ...row('xdelex'),
    summary: 'Deletes one or multiple entries from the stream.',
    since: '8.2.0',
    complexity: 'O(1) for each single item to delete in the stream, regardless of the stream size.',
    arity: -5,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    elements: idElements(2),
    execute: xdelex,
  },
];
