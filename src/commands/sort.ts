import { NOT_AN_INTEGER, SYNTAX_ERROR, WRONG_TYPE } from '../base/error-replies.ts';
import { parseDouble, parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow, KeySpec } from '../command-table/row.ts';
import { OVERWRITE, READ } from '../keyspace/database.ts';
import { NOTIFY_LIST } from '../keyspace/keyspace.ts';
import { TYPE_LIST, TYPE_SET, TYPE_SORTED_SET } from '../keyspace/record.ts';
import type { Arguments } from '../resp/arguments.ts';
import { ENCODING_LISTPACK, ENCODING_QUICKLIST, fitsListpack } from '../types/list/encoding.ts';
import { ListValue } from '../types/list/list.ts';
import { DetachedValue } from '../types/pages/detached-record.ts';
import { PAGED } from '../types/pages/head.ts';
import { freePages } from '../types/pages/walk.ts';
import { SetValue } from '../types/set/set.ts';
import { ENCODING_SKIPLIST } from '../types/sorted-set/encoding.ts';
import { SortedSetValue } from '../types/sorted-set/sorted-set.ts';
import { ByteStrings } from './byte-strings.ts';
import { firstKeyElements } from './elements.ts';
import { keyAt } from './key-specs.ts';
import { SORT_DOCS } from './sort-docs.ts';
import { SortPattern } from './sort-pattern.ts';

const NOT_DOUBLES = "ERR One or more scores can't be converted into double";
const BY_DENIED = 'ERR BY option of SORT denied due to insufficient ACL permissions.';
const GET_DENIED = 'ERR GET option of SORT denied due to insufficient ACL permissions.';

const list = new ListValue();
const set = new SetValue();
const sortedSet = new SortedSetValue();
/** The list that STORE makes. */
const stored = new ListValue();

/** What a call asks for. */
interface SortRequest {
  /** Elements are replied in the order that they have: BY a pattern that names no keys. */
  isUnsorted: boolean;
  by: SortPattern | null;
  readonly gets: SortPattern[];
  isDescending: boolean;
  isAlphabetic: boolean;
  start: number;
  /** Negative for all. */
  count: number;
  /** Argument that names the key to store the result under, or -1. */
  target: number;
}

/** Arguments after an option's name, and -1 if it is none that takes any. */
function argumentCount(words: Arguments, at: number, isReadOnly: boolean): number {
  if (words.is(at, 'limit')) return 2;
  const takesOne = words.is(at, 'by') || words.is(at, 'get') || (!isReadOnly && words.is(at, 'store'));
  return takesOne ? 1 : -1;
}

/** The argument that names the key of STORE, the last one if there are several; -1 without. */
function locateTarget(words: Arguments): number {
  let target = -1;
  for (let at = 2; at < words.count; at++) {
    const taken = argumentCount(words, at, false);
    if (taken < 0 || at + taken >= words.count) continue;
    if (words.is(at, 'store')) target = at + 1;
    at += taken;
  }
  return target;
}

/** Reads the options; replies an error and returns null if one is wrong or denied. */
function readRequest(call: Call, isReadOnly: boolean): SortRequest | null {
  const { words, reply } = call;
  const request: SortRequest = {
    isUnsorted: false,
    by: null,
    gets: [],
    isDescending: false,
    isAlphabetic: false,
    start: 0,
    count: -1,
    target: -1,
  };
  for (let at = 2; at < words.count; at++) {
    const taken = argumentCount(words, at, isReadOnly);
    if (words.is(at, 'asc')) {
      request.isDescending = false;
    } else if (words.is(at, 'desc')) {
      request.isDescending = true;
    } else if (words.is(at, 'alpha')) {
      request.isAlphabetic = true;
    } else if (taken < 0 || at + taken >= words.count) {
      reply.error(SYNTAX_ERROR);
      return null;
    } else {
      if (!readOption(call, at, request)) return null;
      at += taken;
    }
  }
  return request;
}

/** Reads an option with arguments. */
function readOption(call: Call, at: number, request: SortRequest): boolean {
  const { words, reply } = call;
  if (words.is(at, 'limit')) {
    request.start = parseInteger64Rounded(words.buffer, words.offsets[at + 1], words.lengths[at + 1]);
    request.count = parseInteger64Rounded(words.buffer, words.offsets[at + 2], words.lengths[at + 2]);
    if (!Number.isNaN(request.start) && !Number.isNaN(request.count)) return true;
    reply.error(NOT_AN_INTEGER);
    return false;
  }
  if (words.is(at, 'store')) {
    request.target = at + 1;
    return true;
  }
  const pattern = new SortPattern(words.copy(at + 1));
  if (words.is(at, 'by')) {
    request.by = pattern;
    if (!pattern.hasStar) {
      request.isUnsorted = true;
      return true;
    }
    if (canReadKeyspace(call)) return true;
    reply.error(BY_DENIED);
    return false;
  }
  request.gets.push(pattern);
  if (canReadKeyspace(call)) return true;
  reply.error(GET_DENIED);
  return false;
}

/** Whether the user may read whatever keys the patterns name. */
function canReadKeyspace({ client, command, words }: Call): boolean {
  return client.user.isUnrestricted || client.user.canReadKeyspace(command, words);
}

/** Elements of the value to sort, with numbers `from` up to `to` in the order that they have there, backwards if so asked for. */
function readElements(type: number, from: number, to: number, isBackwards: boolean): ByteStrings {
  const elements = new ByteStrings(Math.max(0, to - from));
  if (to <= from) return elements;
  if (type === TYPE_LIST) {
    list.seek(isBackwards ? list.count - 1 - from : from);
    for (let number = from; number < to; number++) {
      elements.push(list.bytes, list.offset, list.length);
      if (isBackwards) list.previous();
      else list.next();
    }
  } else if (type === TYPE_SORTED_SET) {
    sortedSet.seekRank(isBackwards ? sortedSet.count - 1 - from : from);
    for (let number = from; number < to; number++) {
      elements.push(sortedSet.bytes, sortedSet.memberOffset, sortedSet.memberLength);
      if (isBackwards) sortedSet.previous();
      else sortedSet.next();
    }
  } else {
    set.rewind();
    for (let number = 0; number < to && set.next(); number++)
      if (number >= from) elements.push(set.bytes, set.offset, set.length);
  }
  return elements;
}

/** Opens the value of a type that was looked up last; returns how many elements it has. */
function openElements(call: Call, type: number): number {
  const { database } = call;
  if (type === TYPE_LIST) list.open(database, false);
  else if (type === TYPE_SET) set.open(database, false);
  else sortedSet.open(database, false);
  if (type === TYPE_LIST) return list.count;
  return type === TYPE_SET ? set.count : sortedSet.count;
}

/**
 * The number that a text is as strtod reads it, up to its first zero byte: spaces may come before it, and nothing at all is 0.
 * NaN if it is none.
 */
function scoreOf(bytes: Uint8Array, offset: number, length: number): number {
  let end = offset;
  while (end < offset + length && bytes[end] !== 0) end++;
  if (end === offset) return 0;
  let at = offset;
  while (at < end && (bytes[at] === 32 || (bytes[at] >= 9 && bytes[at] <= 13))) at++;
  return parseDouble(bytes, at, end - at);
}

/** Scores to sort elements by: their own or those of the keys that they name, 0 where there is none; null if one is no number. */
function readScores(call: Call, elements: ByteStrings, by: SortPattern | null): Float64Array | null {
  const { count } = elements;
  const scores = new Float64Array(count);
  let areNumbers = true;
  for (let number = 0; number < count; number++) {
    const { bytes } = elements;
    const offset = elements.offset(number);
    const length = elements.length(number);
    if (by === null) scores[number] = scoreOf(bytes, offset, length);
    else if (by.find(call, bytes, offset, length)) scores[number] = scoreOf(by.bytes, by.offset, by.length);
    if (Number.isNaN(scores[number])) areNumbers = false;
  }
  return areNumbers ? scores : null;
}

type Order = (left: number, right: number) => number;

/** Order by scores, and where they are the same by the elements' bytes. */
function orderByScores(elements: ByteStrings, scores: Float64Array): Order {
  return (left, right) => {
    if (scores[left] !== scores[right]) return scores[left] < scores[right] ? -1 : 1;
    return elements.compare(left, right);
  };
}

/** Order of texts: by all their bytes where the result is stored; else as C compares strings, in the locale `C`. */
function orderOfTexts(texts: ByteStrings, isStored: boolean): Order {
  return isStored
    ? (left, right) => texts.compare(left, right)
    : (left, right) => texts.compareText(left, right);
}

/** Order by the values of the keys that elements name; those without come first. */
function orderByValues(call: Call, elements: ByteStrings, by: SortPattern, isStored: boolean): Order {
  const { count } = elements;
  const values = new ByteStrings(count);
  const areThere = new Uint8Array(count);
  for (let number = 0; number < count; number++) {
    const isThere = by.find(call, elements.bytes, elements.offset(number), elements.length(number));
    areThere[number] = isThere ? 1 : 0;
    values.push(by.bytes, by.offset, isThere ? by.length : 0);
  }
  const order = orderOfTexts(values, isStored);
  return (left, right) => areThere[left] - areThere[right] || order(left, right);
}

/** Numbers of the elements in the order that is asked for; null after replying an error. */
function sortElements(call: Call, elements: ByteStrings, request: SortRequest): Uint32Array | null {
  const { by, isDescending } = request;
  let order: Order;
  if (request.isAlphabetic) {
    const isStored = request.target >= 0;
    order = by === null ? orderOfTexts(elements, isStored) : orderByValues(call, elements, by, isStored);
  } else {
    const scores = readScores(call, elements, by);
    if (scores === null) {
      call.reply.error(NOT_DOUBLES);
      return null;
    }
    order = orderByScores(elements, scores);
  }
  const numbers = inOrder(elements.count);
  return numbers.sort(isDescending ? (left, right) => order(right, left) : order);
}

function inOrder(count: number): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let number = 0; number < count; number++) numbers[number] = number;
  return numbers;
}

function sort(call: Call, isReadOnly: boolean): void {
  const { database, reply, services } = call;
  const request = readRequest(call, isReadOnly);
  if (request === null) return;
  const isThere = call.find(1, READ);
  const type = isThere ? database.entry.type : TYPE_LIST;
  if (type !== TYPE_LIST && type !== TYPE_SET && type !== TYPE_SORTED_SET) {
    reply.error(WRONG_TYPE);
    return;
  }
  // A set has no order that its copies would share: where it matters it gets one.
  if (request.isUnsorted && type === TYPE_SET && (request.target >= 0 || services.scripts.running !== null)) {
    request.isUnsorted = false;
    request.isAlphabetic = true;
    request.by = null;
  }
  // Redis sorts no listpack, and the sorted set stays what it was made.
  if (type === TYPE_SORTED_SET && (database.entry.encoding & 7) !== ENCODING_SKIPLIST)
    database.recode(ENCODING_SKIPLIST | (database.entry.encoding & PAGED));
  const total = isThere ? openElements(call, type) : 0;
  const start = Math.min(Math.max(request.start, 0), total);
  const end = request.count < 0 ? total : Math.min(start + request.count, total);
  let elements: ByteStrings;
  let numbers: Uint32Array;
  if (request.isUnsorted) {
    elements = readElements(type, start, end, request.isDescending && type !== TYPE_SET);
    numbers = inOrder(elements.count);
  } else {
    elements = readElements(type, 0, total, false);
    const sorted = sortElements(call, elements, request);
    if (sorted === null) return;
    numbers = sorted.subarray(start, end);
  }
  if (request.target < 0) replyElements(call, elements, numbers, request.gets);
  else storeElements(call, elements, numbers, request);
}

function replyElements(
  call: Call,
  elements: ByteStrings,
  numbers: Uint32Array,
  gets: readonly SortPattern[],
): void {
  const { reply } = call;
  const { bytes } = elements;
  reply.array(numbers.length * Math.max(1, gets.length));
  for (let at = 0; at < numbers.length; at++) {
    const offset = elements.offset(numbers[at]);
    const length = elements.length(numbers[at]);
    if (gets.length === 0) reply.bulk(bytes, offset, length);
    for (let number = 0; number < gets.length; number++) {
      const get = gets[number];
      if (get.find(call, bytes, offset, length)) reply.bulk(get.bytes, get.offset, get.length);
      else reply.null();
    }
  }
}

/** Stores the elements, or what GET names of each, as a list; where there is nothing an empty string. */
function storeElements(
  call: Call,
  elements: ByteStrings,
  numbers: Uint32Array,
  { gets, target }: SortRequest,
): void {
  const { database, reply } = call;
  const count = numbers.length * Math.max(1, gets.length);
  if (count === 0) {
    if (call.find(target, OVERWRITE)) database.delete();
    reply.integer(0);
    return;
  }
  const value = new DetachedValue(ENCODING_QUICKLIST, ListValue.emptyBytes, database.pages);
  try {
    stored.open(value, true);
    const { bytes } = elements;
    for (let at = 0; at < numbers.length; at++) {
      const offset = elements.offset(numbers[at]);
      const length = elements.length(numbers[at]);
      if (gets.length === 0) stored.push(false, bytes, offset, length);
      for (let number = 0; number < gets.length; number++) {
        const get = gets[number];
        const isThere = get.find(call, bytes, offset, length);
        stored.push(false, get.bytes, get.offset, isThere ? get.length : 0);
      }
    }
    const setting = call.services.config.values['list-max-listpack-size'];
    if (fitsListpack(setting, stored.listpackBytes, stored.count)) stored.encoding = ENCODING_LISTPACK;
    stored.save();
  } catch (error) {
    if ((value.encoding & PAGED) !== 0) {
      stored.save();
      call.services.free(freePages(value.bytes, database.pages), false);
    }
    throw error;
  }
  call.find(target, OVERWRITE);
  const entry = database.overwrite(TYPE_LIST, value.encoding, value.payloadLength, -1);
  entry.bytes.set(value.bytes.subarray(0, value.payloadLength), entry.payloadOffset);
  if (count > 1) database.changed(count - 1);
  database.notify(NOTIFY_LIST, 'sortstore');
  reply.integer(count);
}

const PATTERN_KEYS: KeySpec = {
  flags: ['RO', 'access'],
  notes:
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
  begin: 'unknown',
  find: 'unknown',
  // The command itself asks for the permission to read them.
  locate: () => -1,
};

const TARGET_KEY: KeySpec = {
  flags: ['OW', 'update'],
  notes:
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
  begin: 'unknown',
  find: 'unknown',
  locate: locateTarget,
};

const COMPLEXITY =
  'O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).';

/** What the rows of this family share, and the documentation of one. */
function row(
  name: keyof typeof SORT_DOCS,
): Pick<CommandRow, 'name' | 'group' | 'categories' | 'need' | 'complexity' | 'arity'> & CommandDocs {
  return {
    name,
    group: 'generic',
    categories: ['set', 'sortedset', 'list', 'dangerous'],
    need: 'value',
    complexity: COMPLEXITY,
    arity: -2,
    ...SORT_DOCS[name],
  };
}

/** The commands that sort. */
export const SORT_COMMANDS: readonly CommandRow[] = [
  {
    ...row('sort'),
    summary: 'Sort the elements in a list, set or sorted set',
    since: '1.0.0',
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RO', 'access'), PATTERN_KEYS, TARGET_KEY],
    elements: firstKeyElements,
    execute: (call) => sort(call, false),
  },
  {
    ...row('sort_ro'),
    summary: 'Sort the elements in a list, set or sorted set. Read-only variant of SORT.',
    since: '7.0.0',
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access'), PATTERN_KEYS],
    elements: firstKeyElements,
    execute: (call) => sort(call, true),
  },
];
