import { SYNTAX_ERROR } from '../base/error-replies.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow, ElementNeed } from '../command-table/row.ts';
import { READ } from '../keyspace/database.ts';
import { NOTIFY_STREAM } from '../keyspace/keyspace.ts';
import { TYPE_STREAM } from '../keyspace/record.ts';
import { Arguments } from '../resp/arguments.ts';
import type { Encoder } from '../resp/encoder.ts';
import { wantRanks } from '../types/pages/near.ts';
import { UNKNOWN_READS } from '../types/stream/groups.ts';
import { StreamId } from '../types/stream/id.ts';
import { entriesUpTo, hasDeletedFrom } from '../types/stream/lag.ts';
import { readTimeoutMs, replyNullArray } from './blocking.ts';
import { integer, wantEnd } from './elements.ts';
import { integerAt } from './integer-argument.ts';
import {
  changedGroups,
  findConsumer,
  findGroup,
  openStream,
  propagateClaim,
  readId,
  replyEntry,
  replyEntryParts,
  replyId,
  row,
  shown,
  stream,
  takeBound,
} from './stream-keys.ts';

/** The options of XREAD or XREADGROUP. */
interface Options {
  isGroupRead: boolean;
  /** Most entries of each stream; infinite for all. */
  count: number;
  /** Milliseconds to wait, 0 for no limit, or -1 for not at all. */
  blockMs: number;
  /** Entries that are pending for so long are claimed; -1 for none. */
  claimMs: number;
  isNoAck: boolean;
  /** Where the group's name is, before the consumer's. */
  groupWord: number;
  /** Where the first key is, and how many there are. */
  keyWord: number;
  keyCount: number;
}

const options: Options = {
  isGroupRead: false,
  count: 0,
  blockMs: -1,
  claimMs: -1,
  isNoAck: false,
  groupWord: 0,
  keyWord: 0,
  keyCount: 0,
};

const from = new StreamId();
const lastIdBefore = new StreamId();
/** How many entries are before those that are new to the group. */
let before = 0;

/** Reads the options; false after replying an error. */
function readOptions(call: Call, isGroupRead: boolean): boolean {
  const { words, reply } = call;
  Object.assign(options, {
    isGroupRead,
    count: 0,
    blockMs: -1,
    claimMs: -1,
    isNoAck: false,
    groupWord: 0,
    keyWord: 0,
  });
  for (let at = 1; at < words.count; at++) {
    const more = words.count - at - 1;
    if (words.is(at, 'streams') && more > 0) {
      options.keyWord = at + 1;
      break;
    }
    if (words.is(at, 'block') && more > 0) {
      if (call.services.scripts.caller === call.client) {
        call.reply.error(`ERR ${words.text(0)} command is not allowed with BLOCK option from scripts`);
        return false;
      }
      options.blockMs = readTimeoutMs(call, ++at);
      if (options.blockMs < 0) return false;
    } else if (words.is(at, 'count') && more > 0) {
      options.count = integerAt(call, ++at);
      if (Number.isNaN(options.count)) return false;
    } else if (words.is(at, 'claim') && more > 0) {
      if (!isGroupRead) return refused(call, notOfRead('CLAIM'));
      options.claimMs = integerAt(call, ++at, 'ERR min-idle-time is not an integer or out of range');
      if (Number.isNaN(options.claimMs)) return false;
      if (options.claimMs < 0) return refused(call, 'ERR min-idle-time must be a positive integer');
    } else if (words.is(at, 'group') && more > 1) {
      if (!isGroupRead) return refused(call, notOfRead('GROUP'));
      options.groupWord = at + 1;
      at += 2;
    } else if (words.is(at, 'noack')) {
      if (!isGroupRead) return refused(call, notOfRead('NOACK'));
      options.isNoAck = true;
    } else {
      return refused(call, SYNTAX_ERROR);
    }
  }
  if (options.keyWord === 0) return refused(call, SYNTAX_ERROR);
  const rest = words.count - options.keyWord;
  if (rest % 2 !== 0) {
    const name = isGroupRead ? 'xreadgroup' : 'xread';
    const ids = isGroupRead ? "ID or '>'" : "ID, '+', or '$'";
    reply.error(`ERR Unbalanced '${name}' list of streams: for each stream key an ${ids} must be specified.`);
    return false;
  }
  if (isGroupRead && options.groupWord === 0) return refused(call, 'ERR Missing GROUP option for XREADGROUP');
  options.keyCount = rest / 2;
  if (options.count <= 0) options.count = Number.POSITIVE_INFINITY;
  return true;
}

function refused(call: Call, error: string): false {
  call.reply.error(error);
  return false;
}

function notOfRead(option: string): string {
  return `ERR The ${option} option is only supported by XREADGROUP. You called XREAD instead.`;
}

/** Whether the stream in argument `at` is there and open. While the command waits, XREAD takes a key of another type for a missing one. */
function openToRead(call: Call, at: number, isForWriting: boolean): boolean | null {
  if (call.isRetry && !options.isGroupRead) {
    if (!call.find(at, READ) || call.database.entry.type !== TYPE_STREAM) return false;
    stream.open(call.database, isForWriting);
    return true;
  }
  const found = openStream(call, at, READ, isForWriting);
  return found === null ? null : found === 'found';
}

/** Replies XREAD of what there is; else waits, or replies that there is nothing. */
function xread(call: Call): void {
  if (!readOptions(call, false) || !checkIds(call)) return;
  const { words, reply } = call;
  const { keyWord, keyCount, count } = options;
  const mark = reply.open();
  let served = 0;
  for (let key = keyWord; key < keyWord + keyCount; key++) {
    if (openToRead(call, key, false) !== true || stream.count === 0) continue;
    const idWord = key + keyCount;
    if (words.is(idWord, '$')) continue;
    if (words.is(idWord, '+')) {
      stream.seekLast();
      stream.readId();
      from.copy(stream.id);
    } else {
      from.parse(words.buffer, words.offsets[idWord], words.lengths[idWord], false);
      if (!from.increment()) continue;
    }
    const there = Math.min(count, stream.count - stream.seekFrom(from));
    if (there === 0) continue;
    served++;
    replyKey(call, key);
    reply.array(there);
    for (let number = 0; number < there; number++) {
      if (number > 0) stream.next();
      replyEntry(reply);
    }
  }
  if (served > 0) closeStreams(reply, mark, served);
  else waitOrEnd(call, 0);
}

/** The entries that XREAD replies of a stream: those after the id that is as far behind its key as the others'. */
const newElements: ElementNeed = (value, words, at) => {
  if (value.entry.type !== TYPE_STREAM) return;
  let keyWord = 1;
  let count = Number.POSITIVE_INFINITY;
  for (; keyWord < words.count && !words.is(keyWord, 'streams'); keyWord++)
    if (words.is(keyWord, 'count')) count = integer(words, keyWord + 1);
  const idWord = at + (words.count - keyWord - 1) / 2;
  if (words.is(idWord, '+')) wantEnd(value, false, 1);
  if (!Number.isInteger(idWord) || !takeBound(words, idWord, from, false)) return;
  stream.open(value, false);
  const first = stream.seekFrom(from);
  wantRanks(value, first, first + 1 + (count > 0 ? count : Number.POSITIVE_INFINITY));
};

/** Replies a key, before its entries. */
function replyKey(call: Call, key: number): void {
  if (call.reply.protocol === 2) call.reply.array(2);
  call.replyWord(key);
}

function closeStreams(reply: Encoder, mark: number, count: number): void {
  if (reply.protocol === 2) reply.closeArray(mark, count);
  else reply.closeMap(mark, count);
}

/** Looks at all keys and ids before any is served; false after replying an error. */
function checkIds(call: Call): boolean {
  const { keyWord, keyCount, isGroupRead, groupWord } = options;
  for (let key = keyWord; key < keyWord + keyCount; key++) {
    const isThere = openToRead(call, key, isGroupRead);
    if (isThere === null) return false;
    if (isGroupRead && !(isThere && findGroup(call, groupWord))) {
      call.reply.error(
        `NOGROUP No such key '${shown(call, key)}' or consumer group '${shown(call, groupWord)}' in XREADGROUP with GROUP option`,
      );
      return false;
    }
    if (!checkId(call, key + keyCount)) return false;
  }
  return true;
}

function checkId(call: Call, at: number): boolean {
  const { isGroupRead } = options;
  const { words } = call;
  if (words.is(at, '$') || words.is(at, '+')) {
    if (!isGroupRead) return true;
    const sign = words.text(at);
    return refused(
      call,
      `ERR The ${sign} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The ${sign} ID would just return an empty result set.`,
    );
  }
  if (!words.is(at, '>')) return readId(call, at, from);
  if (isGroupRead) return true;
  return refused(
    call,
    'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.',
  );
}

/** No stream has anything: waits if that is asked for, until `retryAtMs` unless it is 0. */
function waitOrEnd(call: Call, retryAtMs: number): void {
  const { keyWord, keyCount, blockMs } = options;
  if (blockMs < 0 || !call.mayBlock) {
    call.reply.nullArray();
    return;
  }
  call.block({
    keys: Array.from({ length: keyCount }, (_, key) => keyWord + key),
    timeoutMs: blockMs,
    replyTimeout: replyNullArray,
    isShared: true,
    endsWithKey: options.isGroupRead,
    words: call.isRetry ? undefined : wordsToWaitWith(call),
    retryAtMs: retryAtMs > 0 ? retryAtMs : undefined,
  });
}

/** The arguments with each `$` replaced by what it stands for now; undefined if there is none. */
function wordsToWaitWith(call: Call): Arguments | undefined {
  const { words } = call;
  const { keyWord, keyCount } = options;
  let parts: Uint8Array[] | undefined;
  for (let key = keyWord; key < keyWord + keyCount; key++) {
    const idWord = key + keyCount;
    if (!words.is(idWord, '$')) continue;
    parts ??= Array.from({ length: words.count }, (_, at) => words.copy(at));
    const isThere = openToRead(call, key, false) === true;
    parts[idWord] = Buffer.from(isThere ? stream.lastId.toString() : '0-0');
  }
  return parts === undefined ? undefined : Arguments.of(parts);
}

function xreadgroup(call: Call): void {
  if (!readOptions(call, true) || !checkIds(call)) return;
  const { reply, keyspace } = call;
  const { keyWord, keyCount, groupWord } = options;
  const { groups } = stream;
  call.propagation = [];
  const mark = reply.open();
  let served = 0;
  let firstDeliveryMs = Number.POSITIVE_INFINITY;
  for (let key = keyWord; key < keyWord + keyCount; key++) {
    // A single stream has been opened to be checked.
    if (keyCount > 1 && !(openStream(call, key, READ, true) === 'found' && findGroup(call, groupWord)))
      continue;
    const isHistory = readStart(call, key + keyCount);
    if (isHistory) options.claimMs = -1;
    const longestMs = options.claimMs >= 0 ? findClaimable() : Number.POSITIVE_INFINITY;
    firstDeliveryMs = Math.min(firstDeliveryMs, longestMs);
    const hasClaimable = keyspace.nowMs - longestMs >= options.claimMs;
    before = isHistory || from.isZero ? stream.count : stream.seekFrom(from);
    const isServed = isHistory || before < stream.count || hasClaimable;
    const { seenMs, activeMs } = takeConsumer(call, key);
    if (isServed) {
      served++;
      replyKey(call, key);
      if (isHistory) replyHistory(call);
      else deliver(call, key);
    }
    if ((isServed || !call.isRetry) && (seenMs !== groups.seenMs || activeMs !== groups.activeMs))
      groups.saveConsumer();
    stream.save();
  }
  if (served > 0) closeStreams(reply, mark, served);
  else waitOrEnd(call, claimAt(call, firstDeliveryMs));
}

/**
 * Where argument `at` asks to begin, `from`: among what is pending for the consumer, which is told, or with what is new to the
 * group; 0-0 if nothing can be. The largest id asks for what is new, as `>` does.
 */
function readStart(call: Call, at: number): boolean {
  const { words } = call;
  if (!words.is(at, '>')) {
    from.parse(words.buffer, words.offsets[at], words.lengths[at], false);
    if (from.increment()) return true;
  }
  from.copy(stream.groups.lastId);
  from.increment();
  return false;
}

/** When the first entry that is pending can be claimed; 0 if none is to be. */
function claimAt(call: Call, firstDeliveryMs: number): number {
  if (options.claimMs < 0) return 0;
  const sinceMs = firstDeliveryMs === Number.POSITIVE_INFINITY ? call.keyspace.nowMs : firstDeliveryMs;
  return sinceMs + options.claimMs + 1;
}

/** Looks for the entry that is pending longest; when it was delivered, infinite if there is none. */
function findClaimable(): number {
  const { groups } = stream;
  for (let more = groups.firstTimed(); more; more = groups.nextTimed())
    if (stream.has(groups.pendingId)) return groups.deliveredMs;
  return Number.POSITIVE_INFINITY;
}

/** The times of the consumer as they were, or those of a new one. */
const times = { seenMs: 0, activeMs: 0 };

/** Makes the consumer that the arguments name the current one, seen now, and makes it where there is none. */
function takeConsumer(call: Call, key: number): typeof times {
  const { words, database, keyspace } = call;
  const { groups } = stream;
  const consumerWord = options.groupWord + 1;
  if (!findConsumer(call, consumerWord)) {
    groups.createConsumer(
      words.buffer,
      words.offsets[consumerWord],
      words.lengths[consumerWord],
      keyspace.nowMs,
    );
    changedGroups(call);
    database.notify(NOTIFY_STREAM, 'xgroup-createconsumer');
    if (options.isNoAck) {
      call.propagateAs(
        'XGROUP',
        'CREATECONSUMER',
        words.copy(key),
        words.copy(options.groupWord),
        words.copy(consumerWord),
      );
    }
  }
  times.seenMs = groups.seenMs;
  times.activeMs = groups.activeMs;
  groups.seenMs = keyspace.nowMs;
  return times;
}

/** Replies what the current consumer has pending, and counts it as delivered again. */
function replyHistory(call: Call): void {
  const { reply, keyspace } = call;
  const { groups } = stream;
  const mark = reply.open();
  let replied = 0;
  for (let more = groups.seekOwned(from); more && replied < options.count; more = groups.nextOwned()) {
    replied++;
    if (stream.has(groups.pendingId)) {
      replyEntry(reply);
      groups.updatePending(groups.owner, keyspace.nowMs, groups.deliveries + 1n);
    } else {
      reply.array(2);
      replyId(reply, groups.pendingId);
      reply.nullArray();
    }
  }
  reply.closeArray(mark, replied);
}

/** Replies the entries that are claimed, and then new ones, which become pending for the current consumer. */
function deliver(call: Call, key: number): void {
  const { reply, words } = call;
  const { groups } = stream;
  lastIdBefore.copy(groups.lastId);
  const mark = reply.open();
  let replied = options.claimMs >= 0 ? claim(call, key) : 0;
  if (before < stream.count && replied < options.count) {
    replied += deliverNew(call, key, options.count - replied);
    groups.saveGroup();
    if (call.services.isPropagating) {
      call.propagateAs(
        'XGROUP',
        'SETID',
        words.copy(key),
        words.copy(options.groupWord),
        groups.lastId.toString(),
        'ENTRIESREAD',
        String(groups.entriesRead),
      );
    }
  }
  if (replied > 0) changedGroups(call);
  reply.closeArray(mark, replied);
}

/** Claims what has been pending for long enough, what was delivered first to begin with; how many entries it replied. */
function claim(call: Call, key: number): number {
  const { reply, keyspace } = call;
  const { nowMs } = keyspace;
  const { groups } = stream;
  const { consumer } = groups;
  let replied = 0;
  const ids: StreamId[] = [];
  for (let more = groups.firstTimed(); more && ids.length < options.count; more = groups.nextTimed()) {
    if (nowMs - groups.deliveredMs < options.claimMs) break;
    const pendingId = new StreamId();
    pendingId.copy(groups.pendingId);
    ids.push(pendingId);
  }
  for (const pendingId of ids) {
    if (!stream.has(pendingId)) continue;
    groups.findPending(pendingId);
    reply.array(4);
    replyEntryParts(reply);
    reply.integer(nowMs - groups.deliveredMs);
    reply.bigInteger(groups.deliveries);
    groups.updatePending(consumer, nowMs, groups.deliveries + 1n);
    propagateClaim(call, key, options.groupWord, options.groupWord + 1, pendingId, lastIdBefore);
    replied++;
  }
  if (replied > 0) groups.activeMs = nowMs;
  if (ids.length > 0) stream.seek(from);
  return replied;
}

/** Replies up to `count` entries from the cursor on, which the group has not read, and makes them pending; how many. */
function deliverNew(call: Call, key: number, count: number): number {
  const { reply, keyspace } = call;
  const { groups } = stream;
  const { consumer } = groups;
  const { isNoAck, claimMs } = options;
  const there = Math.min(count, stream.count - before);
  for (let number = 0; number < there; number++) {
    if (number > 0) stream.next();
    stream.readId();
    countRead(number);
    reply.array(claimMs >= 0 ? 4 : 2);
    replyEntryParts(reply);
    if (claimMs >= 0) {
      reply.integer(0);
      reply.integer(0);
    }
    if (isNoAck) continue;
    if (groups.findPending(stream.id)) groups.updatePending(consumer, keyspace.nowMs, 1n);
    else groups.addPending(stream.id, consumer, keyspace.nowMs, 1n);
    propagateClaim(call, key, options.groupWord, options.groupWord + 1, stream.id, lastIdBefore);
  }
  if (!isNoAck) groups.activeMs = keyspace.nowMs;
  return there;
}

/** Counts the entry that was read last, the next one after `number` others, as delivered to the group. */
function countRead(number: number): void {
  const { groups, id } = stream;
  const isExact =
    groups.entriesRead !== UNKNOWN_READS && before + number > 0 && !hasDeletedFrom(stream, groups.lastId);
  groups.lastId.copy(id);
  if (isExact) {
    groups.entriesRead++;
    return;
  }
  groups.entriesRead = entriesUpTo(stream, groups.lastId);
  // That has moved the cursor.
  stream.seek(groups.lastId);
}

export const STREAM_READ_COMMANDS: readonly CommandRow[] = [
  {
    ...row('xread'),
    summary:
      'Return never seen elements in multiple streams, with IDs greater than the ones reported by the caller for each stream. Can block.',
    since: '5.0.0',
    complexity:
      'For each stream mentioned: O(N) with N being the number of elements being returned, it means that XREAD-ing with a fixed COUNT is O(1). Note that when the BLOCK option is used, XADD will pay O(M) time in order to serve the M clients blocked on the stream getting new data.',
    arity: -4,
    flags: ['readonly', 'blocking'],
    keys: [
      {
        flags: ['RO', 'access'],
        begin: { keyword: 'STREAMS', from: 1 },
        find: { last: -1, step: 1, limit: 2 },
      },
    ],
    elements: newElements,
    execute: xread,
  },
  {
    ...row('xreadgroup'),
    summary:
      'Return new entries from a stream using a consumer group, or access the history of the pending entries for a given consumer. Can block.',
    since: '5.0.0',
    complexity:
      'For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.',
    arity: -7,
    flags: ['write', 'blocking'],
    keys: [
      {
        flags: ['RO', 'access'],
        begin: { keyword: 'STREAMS', from: 4 },
        find: { last: -1, step: 1, limit: 2 },
      },
    ],
    execute: xreadgroup,
  },
];
