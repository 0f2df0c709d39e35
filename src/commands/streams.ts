import { NO_SUCH_KEY, NOT_AN_INTEGER, SYNTAX_ERROR, wrongArity } from '../base/error-replies.ts';
import { parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow, ElementNeed } from '../command-table/row.ts';
import { READ, WRITE } from '../keyspace/database.ts';
import { NOTIFY_STREAM } from '../keyspace/keyspace.ts';
import { TYPE_STREAM } from '../keyspace/record.ts';
import { wantRanks } from '../types/pages/near.ts';
import { StreamId } from '../types/stream/id.ts';
import { type ReferencePolicy, type Trim, trimStream } from '../types/stream/trim.ts';
import { endElements, integer, wantEnd } from './elements.ts';
import { integerAt } from './integer-argument.ts';
import { keyAt } from './key-specs.ts';
import { STREAM_CLAIM_COMMANDS } from './stream-claims.ts';
import { STREAM_DELETION_COMMANDS } from './stream-deletions.ts';
import { STREAM_GROUP_COMMANDS } from './stream-groups.ts';
import { STREAM_INFO_COMMANDS } from './stream-info.ts';
import {
  changedGroups,
  createStream,
  openStream,
  policyAt,
  readBound,
  readId,
  replyEntry,
  replyId,
  row,
  stream,
  takeBound,
} from './stream-keys.ts';
import { STREAM_READ_COMMANDS } from './stream-reads.ts';

const BOTH_STRATEGIES = 'ERR syntax error, MAXLEN and MINID options at the same time are not compatible';
const NO_STRATEGY_FOR_LIMIT = 'ERR syntax error, LIMIT cannot be used without specifying a trimming strategy';
const NO_STRATEGY = 'ERR syntax error, XTRIM must be called with a trimming strategy';
const LIMIT_OF_EXACT = 'ERR syntax error, LIMIT cannot be used without the special ~ option';
const INVALID_ID = 'ERR Invalid stream ID specified as stream command argument';
const ID_ZERO = 'ERR The ID specified in XADD must be greater than 0-0';
const ID_TOO_SMALL = 'ERR The ID specified in XADD is equal or smaller than the target stream top item';
const IDS_EXHAUSTED = 'ERR The stream has exhausted the last possible ID, unable to add more items';
const TOO_LARGE = 'ERR Elements are too large to be stored';
/** Most bytes of an entry's names and values. */
const ENTRY_BYTES_MAX = 2 ** 30;
/** Most entries that an approximate trim without LIMIT removes. */
const LIMIT_DEFAULT = 10_000;
const LIMIT_MAX = 1_000_000;
const NODES_PER_TRIM = 100;

/** The trim that the arguments ask for, and where its threshold is. */
const trim: Trim & { policy: ReferencePolicy } = {
  strategy: 'none',
  lengthMax: 0,
  idMin: new StreamId(),
  isApproximate: false,
  limit: 0,
  policy: 'keepref',
};
let thresholdWord = 0;
/** XADD's id, and how much of it is given. */
const id = new StreamId();
let idForm: 'id' | 'time' | 'none' = 'none';
let makesStream = true;

const start = new StreamId();
const end = new StreamId();

/** How Redis would divide streams into nodes. */
const limits = { bytes: 0, entries: 0 };

/** The options of XADD and XTRIM; where XADD's id is, or -1 after replying an error (streamParseAddOrTrimArgsOrReply). */
function readTrim(call: Call, isAdding: boolean): number {
  const { words, reply } = call;
  trim.strategy = 'none';
  trim.isApproximate = false;
  trim.limit = 0;
  let policy: ReferencePolicy | null = null;
  let hasLimit = false;
  idForm = 'none';
  makesStream = true;
  let at = 2;
  for (; at < words.count; at++) {
    const hasMore = at + 1 < words.count;
    if (isAdding && words.is(at, '*')) break;
    if (hasMore && (words.is(at, 'maxlen') || words.is(at, 'minid'))) {
      at = readThreshold(call, at);
      if (at < 0) return -1;
    } else if (hasMore && words.is(at, 'limit')) {
      trim.limit = integerAt(call, ++at);
      if (Number.isNaN(trim.limit)) return -1;
      if (trim.limit < 0) return refused(call, 'ERR The LIMIT argument must be >= 0.');
      hasLimit = true;
    } else if (policy === null && policyAt(call, at) !== null) {
      policy = policyAt(call, at);
    } else if (isAdding && words.is(at, 'nomkstream')) {
      makesStream = false;
    } else if (isAdding) {
      const form = id.parse(words.buffer, words.offsets[at], words.lengths[at], false);
      if (form === 'invalid') return refused(call, INVALID_ID);
      idForm = form;
      break;
    } else {
      return refused(call, SYNTAX_ERROR);
    }
  }
  if (trim.limit > 0 && trim.strategy === 'none') return refused(call, NO_STRATEGY_FOR_LIMIT);
  if (!isAdding && trim.strategy === 'none') return refused(call, NO_STRATEGY);
  const { values } = call.services.config;
  limits.bytes = values['stream-node-max-bytes'];
  limits.entries = values['stream-node-max-entries'];
  if (call.client.isInternal) {
    // What a log says was done is done as it says.
    trim.limit = 0;
  } else if (hasLimit) {
    if (!trim.isApproximate) {
      reply.error(LIMIT_OF_EXACT);
      return -1;
    }
  } else if (trim.isApproximate) {
    const limit = NODES_PER_TRIM * limits.entries;
    trim.limit = limit <= 0 ? LIMIT_DEFAULT : Math.min(limit, LIMIT_MAX);
  }
  trim.policy = policy ?? 'keepref';
  return at;
}

function refused(call: Call, error: string): -1 {
  call.reply.error(error);
  return -1;
}

/** MAXLEN or MINID at `at`; where its threshold is, or -1 after replying an error. */
function readThreshold(call: Call, at: number): number {
  const { words } = call;
  if (trim.strategy !== 'none') return refused(call, BOTH_STRATEGIES);
  const isLength = words.is(at, 'maxlen');
  trim.isApproximate = false;
  let word = at + 1;
  if (word + 1 < words.count && (words.is(word, '~') || words.is(word, '='))) {
    trim.isApproximate = words.is(word, '~');
    word++;
  }
  if (isLength) {
    trim.lengthMax = integerAt(call, word);
    if (Number.isNaN(trim.lengthMax)) return -1;
    if (trim.lengthMax < 0) return refused(call, 'ERR The MAXLEN argument must be >= 0.');
    trim.strategy = 'maxlen';
  } else {
    if (!readId(call, word, trim.idMin)) return -1;
    trim.strategy = 'minid';
  }
  thresholdWord = word;
  return word;
}

/** The id of the entry that XADD adds to a stream whose last one is given (streamAppendItem); false if there is none. */
function chooseId(lastId: StreamId, nowMs: number): boolean {
  if (idForm === 'none') {
    id.setTime(nowMs);
    if (id.compare(lastId) <= 0 || id.hasTimeOf(lastId)) {
      id.copy(lastId);
      id.increment();
    }
  } else if (idForm === 'time' && id.hasTimeOf(lastId)) {
    if (lastId.isLastOfTime) return false;
    id.copy(lastId);
    id.increment();
  }
  return id.compare(lastId) > 0;
}

const FIRST = new StreamId();

function xadd(call: Call): void {
  const { words, reply, database, keyspace } = call;
  const idWord = readTrim(call, true);
  if (idWord < 0) return;
  const fieldWord = idWord + 1;
  const fieldWords = words.count - fieldWord;
  if (fieldWords < 2 || fieldWords % 2 === 1) {
    reply.error(wrongArity('xadd'));
    return;
  }
  if (idForm === 'id' && id.isZero) {
    reply.error(ID_ZERO);
    return;
  }
  const found = openStream(call, 1, WRITE, true);
  if (found === null) return;
  const isMissing = found === 'missing';
  if (isMissing && !makesStream) {
    reply.null();
    return;
  }
  const lastId = isMissing ? FIRST : stream.lastId;
  if (lastId.isMax) {
    reply.error(IDS_EXHAUSTED);
    return;
  }
  if (!chooseId(lastId, keyspace.nowMs)) {
    reply.error(ID_TOO_SMALL);
    return;
  }
  let bytes = 0;
  for (let at = fieldWord; at < words.count; at++) bytes += words.lengths[at];
  if (bytes > ENTRY_BYTES_MAX) {
    reply.error(TOO_LARGE);
    return;
  }
  if (isMissing) createStream(call);
  stream.append(id, words, fieldWord, fieldWords / 2, limits);
  const removed = trimStream(stream, trim);
  stream.save();
  if (!isMissing) database.changed();
  database.notify(NOTIFY_STREAM, 'xadd');
  if (removed > 0) database.notify(NOTIFY_STREAM, 'xtrim');
  replyId(reply, id);
  if (call.services.isPropagating && (idForm !== 'id' || trim.isApproximate)) propagateExactly(call, idWord);
}

/** Propagates XADD or XTRIM with the id that was given, and what was trimmed approximately as exactly that. */
function propagateExactly(call: Call, idWord: number): void {
  const { words } = call;
  const parts: (Uint8Array | string)[] = [];
  for (let at = 0; at < words.count; at++) parts.push(words.copy(at));
  if (trim.isApproximate) {
    parts[thresholdWord - 1] = '=';
    parts[thresholdWord] = trim.strategy === 'maxlen' ? String(stream.count) : firstIdText();
  }
  if (idWord >= 0) parts[idWord] = id.toString();
  call.propagateAs(...parts);
}

function firstIdText(): string {
  if (stream.seekFirst()) {
    stream.readId();
    return stream.id.toString();
  }
  end.setMax();
  return end.toString();
}

function xtrim(call: Call): void {
  const { reply, database } = call;
  if (readTrim(call, false) < 0) return;
  const found = openStream(call, 1, WRITE, true);
  if (found === null) return;
  const removed = found === 'found' ? trimStream(stream, trim) : 0;
  if (removed > 0) {
    stream.save();
    database.changed(removed);
    database.notify(NOTIFY_STREAM, 'xtrim');
    if (trim.isApproximate) propagateExactly(call, -1);
  }
  reply.integer(removed);
}

function xlen(call: Call): void {
  const found = openStream(call, 1, READ, false);
  if (found !== null) call.reply.integer(found === 'found' ? stream.count : 0);
}

/** XRANGE and XREVRANGE, whose smaller id is in argument `startWord`. */
function range(call: Call, startWord: number, endWord: number): void {
  const { words, reply } = call;
  if (!readBound(call, startWord, start, false) || !readBound(call, endWord, end, true)) return;
  let count = Number.POSITIVE_INFINITY;
  for (let at = 4; at < words.count; at += 2) {
    if (!words.is(at, 'count') || at + 1 >= words.count) {
      reply.error(SYNTAX_ERROR);
      return;
    }
    const value = integerAt(call, at + 1);
    if (Number.isNaN(value)) return;
    count = Math.max(0, value);
  }
  const found = openStream(call, 1, READ, false);
  if (found === null) return;
  if (found === 'missing') {
    reply.array(0);
    return;
  }
  if (count === 0) {
    reply.nullArray();
    return;
  }
  const isReversed = startWord > endWord;
  const other = isReversed ? stream.seekFrom(start) : stream.seekUpTo(end);
  const there = isReversed ? stream.seekUpTo(end) - other : other - stream.seekFrom(start);
  const replied = Math.min(count, Math.max(0, there));
  reply.array(replied);
  if (replied === 0) return;
  for (let number = 1; ; number++) {
    replyEntry(reply);
    if (number === replied) return;
    if (isReversed) stream.previous();
    else stream.next();
  }
}

/** The entries of XRANGE and XREVRANGE. */
function rangeElements(startWord: number, endWord: number): ElementNeed {
  return (value, words) => {
    if (value.entry.type !== TYPE_STREAM) return;
    if (!takeBound(words, startWord, start, false) || !takeBound(words, endWord, end, true)) return;
    const isReversed = startWord > endWord;
    const count = words.count === 6 ? integer(words, 5) : Number.POSITIVE_INFINITY;
    stream.open(value, false);
    const first = stream.seekFrom(start);
    const last = stream.seekUpTo(end);
    wantRanks(
      value,
      isReversed ? Math.max(first, last - count) : first,
      isReversed ? last : Math.min(last, first + count),
    );
  };
}

/** Of XADD: the last entry, and the first one, which may be trimmed. */
const endsOfStream: ElementNeed = (value) => {
  wantEnd(value, false, 1);
  wantEnd(value, true, 1);
};

function xsetid(call: Call): void {
  const { words, reply, database } = call;
  if (!readId(call, 2, id)) return;
  let entriesAdded: bigint | undefined;
  end.setMin();
  for (let at = 3; at < words.count; at += 2) {
    const hasMore = at + 1 < words.count;
    if (hasMore && words.is(at, 'entriesadded')) {
      entriesAdded = parseInteger64(words.buffer, words.offsets[at + 1], words.lengths[at + 1]);
      if (entriesAdded === undefined || entriesAdded < 0n) {
        reply.error(entriesAdded === undefined ? NOT_AN_INTEGER : 'ERR entries_added must be positive');
        return;
      }
    } else if (hasMore && words.is(at, 'maxdeletedid')) {
      if (!readId(call, at + 1, end)) return;
      if (id.compare(end) < 0) {
        reply.error('ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id');
        return;
      }
    } else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  const found = openStream(call, 1, WRITE, true);
  if (found === null) return;
  const error = found === 'missing' ? NO_SUCH_KEY : refusalOfId(entriesAdded);
  if (error !== null) {
    reply.error(error);
    return;
  }
  stream.lastId.copy(id);
  if (entriesAdded !== undefined) stream.entriesAdded = entriesAdded;
  if (!end.isZero) stream.maxDeletedId.copy(end);
  stream.save();
  changedGroups(call);
  database.notify(NOTIFY_STREAM, 'xsetid');
  reply.ok();
}

/** Why XSETID may not set the id of the open stream; null if it may. */
function refusalOfId(entriesAdded: bigint | undefined): string | null {
  if (id.compare(stream.maxDeletedId) < 0)
    return 'ERR The ID specified in XSETID is smaller than current max_deleted_entry_id';
  if (!stream.seekLast()) return null;
  stream.readId();
  if (id.compare(stream.id) < 0)
    return 'ERR The ID specified in XSETID is smaller than the target stream top item';
  if (entriesAdded !== undefined && BigInt(stream.count) > entriesAdded)
    return 'ERR The entries_added specified in XSETID is smaller than the target stream length';
  return null;
}

export const STREAM_COMMANDS: readonly CommandRow[] = [
  {
    ...row('xadd'),
    summary: 'Appends a new entry to a stream',
    since: '5.0.0',
    complexity:
      'O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.',
    arity: -5,
    flags: ['write', 'denyoom', 'fast'],
    keys: [
      {
        flags: ['RW', 'update'],
        notes: 'UPDATE instead of INSERT because of the optional trimming feature',
        begin: { index: 1 },
        find: { last: 0, step: 1, limit: 0 },
      },
    ],
    elements: endsOfStream,
    execute: xadd,
  },
  {
    ...row('xlen'),
    summary: 'Return the number of entries in a stream',
    since: '5.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    execute: xlen,
  },
  {
    ...row('xrange'),
    summary: 'Return a range of elements in a stream, with IDs matching the specified IDs interval',
    since: '5.0.0',
    complexity:
      'O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).',
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: rangeElements(2, 3),
    execute: (call) => range(call, 2, 3),
  },
  {
    ...row('xrevrange'),
    summary:
      'Return a range of elements in a stream, with IDs matching the specified IDs interval, in reverse order (from greater to smaller IDs) compared to XRANGE',
    since: '5.0.0',
    complexity:
      'O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).',
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: rangeElements(3, 2),
    execute: (call) => range(call, 3, 2),
  },
  {
    ...row('xsetid'),
    summary: 'An internal command for replicating stream values',
    since: '5.0.0',
    complexity: 'O(1)',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    execute: xsetid,
  },
  {
    ...row('xtrim'),
    summary: 'Trims the stream to (approximately if ’~’ is passed) a certain size',
    since: '5.0.0',
    complexity:
      'O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.',
    arity: -4,
    flags: ['write'],
    keys: [keyAt(1, 'RW', 'delete')],
    elements: endElements(true),
    execute: xtrim,
  },
  ...STREAM_READ_COMMANDS,
  ...STREAM_DELETION_COMMANDS,
  ...STREAM_GROUP_COMMANDS,
  ...STREAM_CLAIM_COMMANDS,
  ...STREAM_INFO_COMMANDS,
];
