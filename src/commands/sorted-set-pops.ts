import { OUT_OF_RANGE_POSITIVE, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { WRITE } from '../keyspace/database.ts';
import { TYPE_SORTED_SET } from '../keyspace/record.ts';
import { findToWait, readMultiPop, readTimeout, waitForKeys } from './blocking.ts';
import { endElements, poppedElements } from './elements.ts';
import { countedKeys, keyAt, keysBeforeLast } from './key-specs.ts';
import {
  openSortedSet,
  removeMembers,
  replyMember,
  replyMemberCount,
  row,
  sortedSet,
} from './sorted-set-keys.ts';

/** Replies `count` members from an end of the open sorted set, as many as there must be, each as `replyMember` says, and removes them. */
function popMembers(call: Call, isMax: boolean, count: number, isPair: boolean): void {
  const rank = isMax ? sortedSet.count - count : 0;
  for (let done = 0; done < count; done++) {
    if (done === 0) sortedSet.seekRank(isMax ? sortedSet.count - 1 : 0);
    else if (isMax) sortedSet.previous();
    else sortedSet.next();
    if (isPair) replyMember(call, sortedSet, true, true);
    else {
      call.reply.bulk(sortedSet.bytes, sortedSet.memberOffset, sortedSet.memberLength);
      call.reply.double(sortedSet.score);
    }
  }
  removeMembers(call, rank, count, isMax ? 'zpopmax' : 'zpopmin');
}

/** ZPOPMIN and ZPOPMAX. */
function pop(call: Call, isMax: boolean): void {
  const { words, reply } = call;
  if (words.count > 3) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const hasCount = words.count === 3;
  const count = hasCount ? parseInteger64Rounded(words.buffer, words.offsets[2], words.lengths[2]) : 1;
  if (!(count >= 0)) {
    reply.error(OUT_OF_RANGE_POSITIVE);
    return;
  }
  const found = openSortedSet(call, 1, WRITE, true);
  if (found === null) return;
  if (found === 'missing' || count === 0) {
    reply.array(0);
    return;
  }
  const taken = Math.min(count, sortedSet.count);
  // Without a count the member and its score are in one array in RESP3 too.
  if (hasCount) replyMemberCount(call, taken, true);
  else reply.array(2);
  popMembers(call, isMax, taken, hasCount && reply.protocol === 3);
}

/** Whether the sorted set in argument `at` is there and open; null after replying an error. See `findToWait`. */
function openToWait(call: Call, at: number): boolean | null {
  const isThere = findToWait(call, at, TYPE_SORTED_SET);
  if (isThere === true) sortedSet.open(call.database, true);
  return isThere;
}

/** BZPOPMIN and BZPOPMAX. */
function blockingPop(call: Call, isMax: boolean): void {
  const { words, reply } = call;
  const last = words.count - 1;
  const timeoutMs = readTimeout(call, last);
  if (timeoutMs < 0) return;
  for (let at = 1; at < last; at++) {
    const isThere = openToWait(call, at);
    if (isThere === null) return;
    if (!isThere) continue;
    reply.array(3);
    call.replyWord(at);
    popMembers(call, isMax, 1, false);
    call.propagateAs(isMax ? 'ZPOPMAX' : 'ZPOPMIN', words.copy(at));
    return;
  }
  waitForKeys(call, 1, last, timeoutMs);
}

/** ZMPOP and BZMPOP, whose number of keys is in argument `at`. */
function popFromSeveral(call: Call, at: number, isBlocking: boolean): void {
  const { words, reply } = call;
  const asked = readMultiPop(call, at, 'min', 'max');
  if (asked === null) return;
  const isMax = asked.isSecond;
  let timeoutMs = 0;
  if (isBlocking) {
    timeoutMs = readTimeout(call, 1);
    if (timeoutMs < 0) return;
  }
  for (let key = at + 1; key < asked.keyEnd; key++) {
    const isThere = openToWait(call, key);
    if (isThere === null) return;
    if (!isThere) continue;
    const taken = Math.min(asked.count, sortedSet.count);
    reply.array(2);
    call.replyWord(key);
    reply.array(taken);
    popMembers(call, isMax, taken, true);
    call.propagateAs(isMax ? 'ZPOPMAX' : 'ZPOPMIN', words.copy(key), taken);
    return;
  }
  if (isBlocking) waitForKeys(call, at + 1, asked.keyEnd, timeoutMs);
  else reply.nullArray();
}

const IN_LOG_AND_POPPED = 'O(M log N) in the members popped and those of the sorted set.';
const IN_LOG = 'O(log N) in the members of the sorted set.';
const OF_SEVERAL = 'O(K + M log N) in the keys, the members popped and those of the sorted set.';
const BLOCKING_KEYS = keysBeforeLast(1, 'RW', 'access', 'delete');

/** The commands that take members from the ends of sorted sets. */
export const POP_COMMANDS: readonly CommandRow[] = [
  {
    ...row('bzmpop'),
    summary: 'Removes and returns members of one of several sorted sets, waiting until one has any.',
    since: '7.0.0',
    complexity: OF_SEVERAL,
    arity: -5,
    flags: ['write', 'blocking'],
    keys: [countedKeys(2, 1, 'RW', 'access', 'delete')],
    elements: poppedElements(2, 'min'),
    execute: (call) => popFromSeveral(call, 2, true),
  },
  {
    ...row('bzpopmax'),
    summary:
      'Removes and returns the member with the highest score of one of several sorted sets, waiting for one.',
    since: '5.0.0',
    complexity: IN_LOG,
    arity: -3,
    flags: ['write', 'noscript', 'blocking', 'fast'],
    keys: [BLOCKING_KEYS],
    elements: endElements(false),
    execute: (call) => blockingPop(call, true),
  },
  {
    ...row('bzpopmin'),
    summary:
      'Removes and returns the member with the lowest score of one of several sorted sets, waiting for one.',
    since: '5.0.0',
    complexity: IN_LOG,
    arity: -3,
    flags: ['write', 'noscript', 'blocking', 'fast'],
    keys: [BLOCKING_KEYS],
    elements: endElements(true),
    execute: (call) => blockingPop(call, false),
  },
  {
    ...row('zmpop'),
    summary: 'Removes and returns members with the lowest or highest scores of one of several sorted sets.',
    since: '7.0.0',
    complexity: OF_SEVERAL,
    arity: -4,
    flags: ['write'],
    keys: [countedKeys(1, 1, 'RW', 'access', 'delete')],
    elements: poppedElements(1, 'min'),
    execute: (call) => popFromSeveral(call, 1, false),
  },
  {
    ...row('zpopmax'),
    summary: 'Removes and returns the members with the highest scores of a sorted set.',
    since: '5.0.0',
    complexity: IN_LOG_AND_POPPED,
    arity: -2,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'delete')],
    elements: endElements(false, 2),
    execute: (call) => pop(call, true),
  },
  {
    ...row('zpopmin'),
    summary: 'Removes and returns the members with the lowest scores of a sorted set.',
    since: '5.0.0',
    complexity: IN_LOG_AND_POPPED,
    arity: -2,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'delete')],
    elements: endElements(true, 2),
    execute: (call) => pop(call, false),
  },
];
