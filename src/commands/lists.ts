import { copyBytes } from '../base/bytes.ts';
import { NO_SUCH_KEY, OUT_OF_RANGE_POSITIVE, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow, ElementNeed } from '../command-table/row.ts';
import { READ, WRITE } from '../keyspace/database.ts';
import { NOTIFY_LIST } from '../keyspace/keyspace.ts';
import { TYPE_LIST } from '../keyspace/record.ts';
import type { Encoder } from '../resp/encoder.ts';
import { ENCODING_LISTPACK, ENCODING_QUICKLIST, fitsListpack } from '../types/list/encoding.ts';
import { ListValue } from '../types/list/list.ts';
import { countInOrder, wantRanks } from '../types/pages/near.ts';
import { findToWait, readMultiPop, readTimeout, waitForKeys } from './blocking.ts';
import { allElements, endElements, integer, placedElements, poppedElements, wantEnd } from './elements.ts';
import { integerAt } from './integer-argument.ts';
import { countedKeys, keyAt, keysBeforeLast } from './key-specs.ts';
import { LIST_DOCS } from './lists-docs.ts';
import { findOfType, storeEmpty } from './typed-keys.ts';

const INDEX_OUT_OF_RANGE = 'ERR index out of range';

/** The list of the command being run: of its source, where it has two. */
const list = new ListValue();
/** An element that moves from one list to another. */
let carried = new Uint8Array(256);
let carriedLength = 0;

/** Sets the bytes above which pages of lists are divided (DEBUG QUICKLIST-PACKED-THRESHOLD). */
export function setListPageBytesMax(bytes: number): void {
  list.pageBytesMax = bytes;
}

/** Looks the list in argument `at` up and opens it; replies WRONGTYPE and returns null for another type. */
function openList(call: Call, at: number, isForWriting: boolean): 'found' | 'missing' | null {
  const found = findOfType(call, at, TYPE_LIST, isForWriting ? WRITE : READ);
  if (found === 'found') list.open(call.database, isForWriting);
  return found;
}

/** Makes the list that was looked up last and is missing, and opens it. */
function createList(call: Call): void {
  storeEmpty(call, TYPE_LIST, ENCODING_LISTPACK, ListValue.emptyBytes);
  list.open(call.database, true);
}

/** The end of a list that argument `at` names; null after replying an error. */
function sideAt(call: Call, at: number): 'left' | 'right' | null {
  if (call.words.is(at, 'left')) return 'left';
  if (call.words.is(at, 'right')) return 'right';
  call.reply.error(SYNTAX_ERROR);
  return null;
}

/** A list that is to grow becomes a quicklist where it does not fit one listpack any more (listTypeTryConversionAppend). */
function grow(call: Call, bytes: number, count: number): void {
  if (list.encoding !== ENCODING_LISTPACK) return;
  const setting = call.services.config.values['list-max-listpack-size'];
  if (!fitsListpack(setting, list.listpackBytes + bytes, list.count + count))
    list.encoding = ENCODING_QUICKLIST;
}

/**
 * Ends a change that removed elements of the open list: saves it, or removes the key if nothing is left. The event is told
 * first, as Redis does.
 */
function shrink(call: Call, event: string, changes: number): void {
  const { database } = call;
  const setting = call.services.config.values['list-max-listpack-size'];
  const isGone = list.count === 0;
  if (!isGone && list.encoding === ENCODING_QUICKLIST) {
    if (fitsListpack(setting, list.listpackBytes, list.count, 1 / 2)) list.encoding = ENCODING_LISTPACK;
  }
  list.save();
  database.notify(NOTIFY_LIST, event);
  if (!isGone) {
    database.changed(changes);
    return;
  }
  database.delete();
}

function replyElement(reply: Encoder): void {
  reply.bulk(list.bytes, list.offset, list.length);
}

function push(call: Call, isFirst: boolean, mustExist: boolean): void {
  const { words, database, reply } = call;
  const found = openList(call, 1, true);
  if (found === null) return;
  const isMissing = found === 'missing';
  if (isMissing) {
    if (mustExist) {
      reply.integer(0);
      return;
    }
    createList(call);
  }
  let bytes = 0;
  for (let at = 2; at < words.count; at++) bytes += words.lengths[at];
  grow(call, bytes, words.count - 2);
  for (let at = 2; at < words.count; at++)
    list.push(isFirst, words.buffer, words.offsets[at], words.lengths[at]);
  list.save();
  // Making the key was the first change.
  if (!isMissing || words.count > 3) database.changed(words.count - (isMissing ? 3 : 2));
  database.notify(NOTIFY_LIST, isFirst ? 'lpush' : 'rpush');
  reply.integer(list.count);
}

function pop(call: Call, isFirst: boolean): void {
  const { words, reply } = call;
  if (words.count > 3) {
    reply.error(`ERR wrong number of arguments for '${isFirst ? 'lpop' : 'rpop'}' command`);
    return;
  }
  const hasCount = words.count === 3;
  let count = 1;
  if (hasCount) {
    count = parseInteger64Rounded(words.buffer, words.offsets[2], words.lengths[2]);
    if (Number.isNaN(count) || count < 0) {
      reply.error(OUT_OF_RANGE_POSITIVE);
      return;
    }
  }
  const found = openList(call, 1, true);
  if (found === null) return;
  if (found === 'missing') {
    if (hasCount) reply.nullArray();
    else reply.null();
    return;
  }
  if (!hasCount) {
    list.seekEnd(isFirst);
    replyElement(reply);
    list.removeAt(isFirst ? 0 : list.count - 1, 1);
    shrink(call, isFirst ? 'lpop' : 'rpop', 1);
    return;
  }
  if (count === 0) {
    reply.array(0);
    return;
  }
  popMany(call, isFirst, count);
}

/** Replies up to `count` elements from an end of the open list as an array, and removes them. */
function popMany(call: Call, isFirst: boolean, count: number): void {
  const { reply } = call;
  const taken = Math.min(count, list.count);
  reply.array(taken);
  list.seekEnd(isFirst);
  for (let number = 0; number < taken; number++) {
    replyElement(reply);
    if (isFirst) list.next();
    else list.previous();
  }
  list.removeAt(isFirst ? 0 : list.count - taken, taken);
  shrink(call, isFirst ? 'lpop' : 'rpop', taken);
}

function llen(call: Call): void {
  const found = openList(call, 1, false);
  if (found !== null) call.reply.integer(found === 'found' ? list.count : 0);
}

function lindex(call: Call): void {
  const { reply } = call;
  const found = openList(call, 1, false);
  if (found === null) return;
  if (found === 'missing') {
    reply.null();
    return;
  }
  const index = integerAt(call, 2);
  if (Number.isNaN(index)) return;
  const place = index < 0 ? index + list.count : index;
  if (place >= 0 && list.seek(place)) replyElement(reply);
  else reply.null();
}

function lset(call: Call): void {
  const { words, reply, database } = call;
  const found = openList(call, 1, true);
  if (found === null) return;
  if (found === 'missing') {
    reply.error(NO_SUCH_KEY);
    return;
  }
  const index = integerAt(call, 2);
  if (Number.isNaN(index)) return;
  const place = index < 0 ? index + list.count : index;
  if (place < 0 || place >= list.count) {
    reply.error(INDEX_OUT_OF_RANGE);
    return;
  }
  grow(call, words.lengths[3], 0);
  list.seek(place);
  list.replace(words.buffer, words.offsets[3], words.lengths[3]);
  list.save();
  database.changed();
  database.notify(NOTIFY_LIST, 'lset');
  reply.ok();
}

function lrange(call: Call): void {
  const { reply } = call;
  const first = integerAt(call, 2);
  if (Number.isNaN(first)) return;
  const last = integerAt(call, 3);
  if (Number.isNaN(last)) return;
  const found = openList(call, 1, false);
  if (found === null) return;
  if (found === 'missing') {
    reply.array(0);
    return;
  }
  const { count } = list;
  const from = Math.max(0, first < 0 ? first + count : first);
  const to = Math.min(count - 1, last < 0 ? last + count : last);
  if (from > to || !list.seek(from)) {
    reply.array(0);
    return;
  }
  reply.array(to - from + 1);
  for (let place = from; place <= to; place++) {
    replyElement(reply);
    list.next();
  }
}

function ltrim(call: Call): void {
  const { reply } = call;
  const first = integerAt(call, 2);
  if (Number.isNaN(first)) return;
  const last = integerAt(call, 3);
  if (Number.isNaN(last)) return;
  const found = openList(call, 1, true);
  if (found === null) return;
  if (found === 'found') {
    const { count } = list;
    const from = Math.max(0, first < 0 ? first + count : first);
    const to = Math.min(count - 1, last < 0 ? last + count : last);
    const kept = Math.max(0, to - from + 1);
    if (kept === 0) {
      list.removeAt(0, count);
    } else {
      list.removeAt(to + 1, count - to - 1);
      list.removeAt(0, from);
    }
    shrink(call, 'ltrim', count - kept);
  }
  reply.ok();
}

function lrem(call: Call): void {
  const { words, reply } = call;
  const wanted = integerAt(call, 2);
  if (Number.isNaN(wanted)) return;
  const found = openList(call, 1, true);
  if (found === null) return;
  if (found === 'missing') {
    reply.integer(0);
    return;
  }
  const most = wanted === 0 ? Number.POSITIVE_INFINITY : Math.abs(wanted);
  const isForwards = wanted >= 0;
  let removed = 0;
  let place = isForwards ? 0 : list.count - 1;
  for (let more = list.seekEnd(isForwards); more && removed < most; ) {
    if (list.equals(words.buffer, words.offsets[3], words.lengths[3])) {
      list.removeAt(place, 1);
      removed++;
      if (!isForwards) place--;
      more = place >= 0 && list.seek(place);
    } else if (isForwards) {
      place++;
      more = list.next();
    } else {
      place--;
      more = list.previous();
    }
  }
  if (removed > 0) shrink(call, 'lrem', removed);
  reply.integer(removed);
}

function linsert(call: Call): void {
  const { words, reply, database } = call;
  const isAfter = words.is(2, 'after');
  if (!isAfter && !words.is(2, 'before')) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const found = openList(call, 1, true);
  if (found === null) return;
  if (found === 'missing') {
    reply.integer(0);
    return;
  }
  grow(call, words.lengths[4], 1);
  let place = 0;
  for (let more = list.seekEnd(true); more; more = list.next(), place++) {
    if (!list.equals(words.buffer, words.offsets[3], words.lengths[3])) continue;
    list.insertAt(isAfter ? place + 1 : place, words.buffer, words.offsets[4], words.lengths[4]);
    list.save();
    database.changed();
    database.notify(NOTIFY_LIST, 'linsert');
    reply.integer(list.count);
    return;
  }
  reply.integer(-1);
}

function lpos(call: Call): void {
  const { words, reply } = call;
  let rank = 1;
  let count = -1;
  let lengthMax = 0;
  for (let at = 3; at < words.count; at++) {
    const hasValue = at + 1 < words.count;
    if (words.is(at, 'rank') && hasValue) {
      rank = integerAt(call, ++at);
      if (Number.isNaN(rank)) return;
      if (rank === 0) {
        reply.error(
          "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
        );
        return;
      }
      if (rank < -Number.MAX_SAFE_INTEGER && words.text(at) === '-9223372036854775808') {
        reply.error(
          'ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
        );
        return;
      }
    } else if (words.is(at, 'count') && hasValue) {
      at++;
      count = parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
      if (Number.isNaN(count) || count < 0) {
        reply.error("ERR COUNT can't be negative");
        return;
      }
    } else if (words.is(at, 'maxlen') && hasValue) {
      at++;
      lengthMax = parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
      if (Number.isNaN(lengthMax) || lengthMax < 0) {
        reply.error("ERR MAXLEN can't be negative");
        return;
      }
    } else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  const found = openList(call, 1, false);
  if (found === null) return;
  if (found === 'missing') {
    if (count < 0) reply.null();
    else reply.array(0);
    return;
  }
  replyPlaces(call, rank, count, lengthMax);
}

/** Replies where the element in argument 2 is: one place with `count` -1, else an array of up to `count`, all with 0. */
function replyPlaces(call: Call, rank: number, count: number, lengthMax: number): void {
  const { words, reply } = call;
  const isForwards = rank > 0;
  const most = count < 0 ? 1 : count === 0 ? Number.POSITIVE_INFINITY : count;
  const mark = count < 0 ? -1 : reply.open();
  let skipped = Math.abs(rank) - 1;
  let matches = 0;
  let place = isForwards ? 0 : list.count - 1;
  let more = list.seekEnd(isForwards);
  for (let seen = 0; more && matches < most && (lengthMax === 0 || seen < lengthMax); seen++) {
    if (list.equals(words.buffer, words.offsets[2], words.lengths[2])) {
      if (skipped > 0) {
        skipped--;
      } else {
        reply.integer(place);
        matches++;
      }
    }
    place += isForwards ? 1 : -1;
    more = isForwards ? list.next() : list.previous();
  }
  if (mark >= 0) reply.closeArray(mark, matches);
  else if (matches === 0) reply.null();
}

/** Copies the element at an end of the open list. */
function carry(isFirst: boolean): void {
  list.seekEnd(isFirst);
  const { length } = list;
  if (carried.length < length) carried = new Uint8Array(length * 2);
  copyBytes(list.bytes, list.offset, carried, 0, length);
  carriedLength = length;
}

/** Moves an element from the list in argument 1, which must exist, to that in argument 2, and replies it, or WRONGTYPE. */
function moveElement(call: Call, fromFirst: boolean, toFirst: boolean): void {
  const { words, database, reply } = call;
  openList(call, 1, true);
  carry(fromFirst);
  const length = carriedLength;
  const popEvent = fromFirst ? 'lpop' : 'rpop';
  const pushEvent = toFirst ? 'lpush' : 'rpush';
  const isSame = words.lengths[1] === words.lengths[2] && Buffer.compare(words.copy(1), words.copy(2)) === 0;
  if (isSame) {
    list.removeAt(fromFirst ? 0 : list.count - 1, 1);
    list.push(toFirst, carried, 0, length);
    list.save();
    database.notify(NOTIFY_LIST, pushEvent);
    database.changed(2);
    database.notify(NOTIFY_LIST, popEvent);
    reply.bulk(carried, 0, length);
    return;
  }
  const found = openList(call, 2, true);
  if (found === null) return;
  if (found === 'missing') createList(call);
  grow(call, length, 1);
  list.push(toFirst, carried, 0, length);
  list.save();
  if (found === 'found') database.changed();
  database.notify(NOTIFY_LIST, pushEvent);
  openList(call, 1, true);
  list.removeAt(fromFirst ? 0 : list.count - 1, 1);
  shrink(call, popEvent, 1);
  reply.bulk(carried, 0, length);
  if (carried.length > 65536) carried = new Uint8Array(256);
}

function lmove(call: Call, fromFirst: boolean, toFirst: boolean): void {
  const found = openList(call, 1, false);
  if (found === null) return;
  if (found === 'missing') call.reply.null();
  else moveElement(call, fromFirst, toFirst);
}

function lmoveBySides(call: Call): void {
  const from = sideAt(call, 3);
  if (from === null) return;
  const to = sideAt(call, 4);
  if (to !== null) lmove(call, from === 'left', to === 'left');
}

/** Of LMOVE: an element at the end of each list that an argument names. */
const movedElements: ElementNeed = (value, words, at) => wantEnd(value, words.is(at + 2, 'left'), 1);

/** Of RPOPLPUSH: the last element of the one list, the first of the other. */
const turnedElements: ElementNeed = (value, _, at) => wantEnd(value, at === 2, 1);

/** Of LTRIM: those that are removed. */
const trimmedElements: ElementNeed = (value, words) => {
  const total = countInOrder(value);
  const start = integer(words, 2);
  const stop = integer(words, 3);
  if (Number.isNaN(start) || Number.isNaN(stop)) return;
  wantRanks(value, 0, start < 0 ? total + start : start);
  wantRanks(value, (stop < 0 ? total + stop : stop) + 1, total);
};

/** Whether the list in argument `at` is there and open; null after replying an error. See `findToWait`. */
function openToWait(call: Call, at: number): boolean | null {
  const isThere = findToWait(call, at, TYPE_LIST);
  if (isThere === true) list.open(call.database, true);
  return isThere;
}

function blockingMove(call: Call, timeoutMs: number, fromFirst: boolean, toFirst: boolean): void {
  const { words, reply } = call;
  const isThere = openToWait(call, 1);
  if (isThere === null) return;
  if (isThere) {
    moveElement(call, fromFirst, toFirst);
    const side = (isFirst: boolean): string => (isFirst ? 'LEFT' : 'RIGHT');
    if (words.is(0, 'brpoplpush')) call.propagateAs('RPOPLPUSH', words.copy(1), words.copy(2));
    else call.propagateAs('LMOVE', words.copy(1), words.copy(2), side(fromFirst), side(toFirst));
  } else if (call.mayBlock) {
    waitForKeys(call, 1, 2, timeoutMs);
  } else {
    reply.null();
  }
}

function blmove(call: Call): void {
  const from = sideAt(call, 3);
  if (from === null) return;
  const to = sideAt(call, 4);
  if (to === null) return;
  const timeoutMs = readTimeout(call, 5);
  if (timeoutMs >= 0) blockingMove(call, timeoutMs, from === 'left', to === 'left');
}

function brpoplpush(call: Call): void {
  const timeoutMs = readTimeout(call, 3);
  if (timeoutMs >= 0) blockingMove(call, timeoutMs, false, true);
}

function blockingPop(call: Call, isFirst: boolean): void {
  const { words, reply } = call;
  const last = words.count - 1;
  const timeoutMs = readTimeout(call, last);
  if (timeoutMs < 0) return;
  for (let at = 1; at < last; at++) {
    const isThere = openToWait(call, at);
    if (isThere === null) return;
    if (!isThere) continue;
    reply.array(2);
    call.replyWord(at);
    list.seekEnd(isFirst);
    replyElement(reply);
    list.removeAt(isFirst ? 0 : list.count - 1, 1);
    shrink(call, isFirst ? 'lpop' : 'rpop', 1);
    call.propagateAs(isFirst ? 'LPOP' : 'RPOP', words.copy(at));
    return;
  }
  waitForKeys(call, 1, last, timeoutMs);
}

/** LMPOP and BLMPOP, whose number of keys is in argument `at`; `timeoutMs` is -1 for the one that does not wait. */
function multiPop(call: Call, at: number, timeoutMs: number): void {
  const { words, reply } = call;
  const asked = readMultiPop(call, at, 'left', 'right');
  if (asked === null) return;
  const isFirst = !asked.isSecond;
  for (let key = at + 1; key < asked.keyEnd; key++) {
    const isThere = openToWait(call, key);
    if (isThere === null) return;
    if (!isThere) continue;
    const taken = Math.min(asked.count, list.count);
    reply.array(2);
    call.replyWord(key);
    popMany(call, isFirst, taken);
    call.propagateAs(isFirst ? 'LPOP' : 'RPOP', words.copy(key), taken);
    return;
  }
  if (timeoutMs < 0) reply.nullArray();
  else waitForKeys(call, at + 1, asked.keyEnd, timeoutMs);
}

function blmpop(call: Call): void {
  const timeoutMs = readTimeout(call, 1);
  if (timeoutMs >= 0) multiPop(call, 2, timeoutMs);
}

/** What the rows of this family share, and the documentation of one. */
function row(
  name: keyof typeof LIST_DOCS,
): Pick<CommandRow, 'name' | 'group' | 'categories' | 'need'> & CommandDocs {
  return { name, group: 'list', categories: ['list'], need: 'header', ...LIST_DOCS[name] };
}

export const LIST_COMMANDS: readonly CommandRow[] = [
  {
    ...row('blmove'),
    summary:
      'Pop an element from a list, push it to another list and return it; or block until one is available',
    since: '6.2.0',
    complexity: 'O(1)',
    arity: 6,
    flags: ['write', 'denyoom', 'noscript', 'blocking'],
    keys: [keyAt(1, 'RW', 'access', 'delete'), keyAt(2, 'RW', 'insert')],
    elements: movedElements,
    execute: blmove,
  },
  {
    ...row('blmpop'),
    summary: 'Pop elements from a list, or block until one is available',
    since: '7.0.0',
    complexity: 'O(N+M) where N is the number of provided keys and M is the number of elements returned.',
    arity: -5,
    flags: ['write', 'blocking'],
    keys: [countedKeys(2, 1, 'RW', 'access', 'delete')],
    elements: poppedElements(2, 'left'),
    execute: blmpop,
  },
  {
    ...row('blpop'),
    summary: 'Remove and get the first element in a list, or block until one is available',
    since: '2.0.0',
    complexity: 'O(N) where N is the number of provided keys.',
    arity: -3,
    flags: ['write', 'noscript', 'blocking'],
    keys: [keysBeforeLast(1, 'RW', 'access', 'delete')],
    elements: endElements(true),
    execute: (call) => blockingPop(call, true),
  },
  {
    ...row('brpop'),
    summary: 'Remove and get the last element in a list, or block until one is available',
    since: '2.0.0',
    complexity: 'O(N) where N is the number of provided keys.',
    arity: -3,
    flags: ['write', 'noscript', 'blocking'],
    keys: [keysBeforeLast(1, 'RW', 'access', 'delete')],
    elements: endElements(false),
    execute: (call) => blockingPop(call, false),
  },
  {
    ...row('brpoplpush'),
    summary:
      'Pop an element from a list, push it to another list and return it; or block until one is available',
    since: '2.2.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom', 'noscript', 'blocking'],
    keys: [keyAt(1, 'RW', 'access', 'delete'), keyAt(2, 'RW', 'insert')],
    elements: turnedElements,
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`BLMOVE` with the `RIGHT` and `LEFT` arguments',
    execute: brpoplpush,
  },
  {
    ...row('lindex'),
    summary: 'Get an element from a list by its index',
    since: '1.0.0',
    complexity:
      'O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).',
    arity: 3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: placedElements(2),
    execute: lindex,
  },
  {
    ...row('linsert'),
    summary: 'Insert an element before or after another element in a list',
    since: '2.2.0',
    complexity:
      'O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).',
    arity: 5,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'insert')],
    elements: allElements,
    execute: linsert,
  },
  {
    ...row('llen'),
    summary: 'Get the length of a list',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    execute: llen,
  },
  {
    ...row('lmove'),
    summary: 'Pop an element from a list, push it to another list and return it',
    since: '6.2.0',
    complexity: 'O(1)',
    arity: 5,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'access', 'delete'), keyAt(2, 'RW', 'insert')],
    elements: movedElements,
    execute: lmoveBySides,
  },
  {
    ...row('lmpop'),
    summary: 'Pop elements from a list',
    since: '7.0.0',
    complexity: 'O(N+M) where N is the number of provided keys and M is the number of elements returned.',
    arity: -4,
    flags: ['write'],
    keys: [countedKeys(1, 1, 'RW', 'access', 'delete')],
    elements: poppedElements(1, 'left'),
    execute: (call) => multiPop(call, 1, -1),
  },
  {
    ...row('lpop'),
    summary: 'Remove and get the first elements in a list',
    since: '1.0.0',
    complexity: 'O(N) where N is the number of elements returned',
    arity: -2,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'delete')],
    elements: endElements(true, 2),
    execute: (call) => pop(call, true),
  },
  {
    ...row('lpos'),
    summary: 'Return the index of matching elements on a list',
    since: '6.0.6',
    complexity:
      'O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.',
    arity: -3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: allElements,
    execute: lpos,
  },
  {
    ...row('lpush'),
    summary: 'Prepend one or multiple elements to a list',
    since: '1.0.0',
    complexity:
      'O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    elements: endElements(true),
    execute: (call) => push(call, true, false),
  },
  {
    ...row('lpushx'),
    summary: 'Prepend an element to a list, only if the list exists',
    since: '2.2.0',
    complexity:
      'O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    elements: endElements(true),
    execute: (call) => push(call, true, true),
  },
  {
    ...row('lrange'),
    summary: 'Get a range of elements from a list',
    since: '1.0.0',
    complexity:
      'O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.',
    arity: 4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: placedElements(2, 3),
    execute: lrange,
  },
  {
    ...row('lrem'),
    summary: 'Remove elements from a list',
    since: '1.0.0',
    complexity: 'O(N+M) where N is the length of the list and M is the number of elements removed.',
    arity: 4,
    flags: ['write'],
    keys: [keyAt(1, 'RW', 'delete')],
    elements: allElements,
    execute: lrem,
  },
  {
    ...row('lset'),
    summary: 'Set the value of an element in a list by its index',
    since: '1.0.0',
    complexity:
      'O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'update')],
    elements: placedElements(2),
    execute: lset,
  },
  {
    ...row('ltrim'),
    summary: 'Trim a list to the specified range',
    since: '1.0.0',
    complexity: 'O(N) where N is the number of elements to be removed by the operation.',
    arity: 4,
    flags: ['write'],
    keys: [keyAt(1, 'RW', 'delete')],
    elements: trimmedElements,
    execute: ltrim,
  },
  {
    ...row('rpop'),
    summary: 'Remove and get the last elements in a list',
    since: '1.0.0',
    complexity: 'O(N) where N is the number of elements returned',
    arity: -2,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'delete')],
    elements: endElements(false, 2),
    execute: (call) => pop(call, false),
  },
  {
    ...row('rpoplpush'),
    summary: 'Remove the last element in a list, prepend it to another list and return it',
    since: '1.2.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'access', 'delete'), keyAt(2, 'RW', 'insert')],
    elements: turnedElements,
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`LMOVE` with the `RIGHT` and `LEFT` arguments',
    execute: (call) => lmove(call, false, true),
  },
  {
    ...row('rpush'),
    summary: 'Append one or multiple elements to a list',
    since: '1.0.0',
    complexity:
      'O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    elements: endElements(false),
    execute: (call) => push(call, false, false),
  },
  {
    ...row('rpushx'),
    summary: 'Append an element to a list, only if the list exists',
    since: '2.2.0',
    complexity:
      'O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    elements: endElements(false),
    execute: (call) => push(call, false, true),
  },
];
