import { sliceBytes } from '../base/bytes.ts';
import { INVALID_CURSOR, NOT_A_FLOAT, SYNTAX_ERROR, wrongArity } from '../base/error-replies.ts';
import { formatDouble, INT64_MIN, parseDouble, parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow, ElementNeed } from '../command-table/row.ts';
import { READ, WRITE } from '../keyspace/database.ts';
import { NOTIFY_SORTED_SET } from '../keyspace/keyspace.ts';
import { TYPE_SORTED_SET } from '../keyspace/record.ts';
import type { Arguments } from '../resp/arguments.ts';
import { isReached, wantDivided } from '../types/pages/near.ts';
import { ENCODING_LISTPACK } from '../types/sorted-set/encoding.ts';
import { isScanned, readCollectionScan, readCursor } from './collection-scan.ts';
import { namedElements, scannedElements } from './elements.ts';
import { integerAt } from './integer-argument.ts';
import { keyAt } from './key-specs.ts';
import {
  createSortedSet,
  encodingFor,
  endRemoval,
  insertMember,
  openSortedSet,
  replyMember,
  replyMemberCount,
  row,
  sortedSet,
} from './sorted-set-keys.ts';
import { OPERATION_COMMANDS } from './sorted-set-operations.ts';
import { POP_COMMANDS } from './sorted-set-pops.ts';
import { RANGE_COMMANDS } from './sorted-set-ranges.ts';
import { tellChanges } from './typed-keys.ts';

const NOT_A_NUMBER = 'ERR resulting score is not a number (NaN)';
const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;
const CH = 16;
const INCR = 32;

/** About what a member takes beside its bytes. */
const PAIR_BYTES = 8;

/** Scores of the ZADD being run. */
let scores = new Float64Array(64);

/**
 * The members named by arguments from `first` on, up to `last`, and their places in the order: those they have, and those of the
 * scores before them, if they have.
 */
function rankedElements(first: number, last = -1, hasScores = false): ElementNeed {
  return (value, words) => {
    if (value.entry.type !== TYPE_SORTED_SET) return;
    const { buffer, offsets, lengths } = words;
    const end = last < 0 ? words.count + last : last;
    sortedSet.open(value, false);
    for (let at = first; at <= end; at += hasScores ? 2 : 1) {
      isReached(() => {
        const isThere = sortedSet.find(buffer, offsets[at], lengths[at]);
        if (isThere) sortedSet.rank(buffer, offsets[at], lengths[at]);
      });
      if (!hasScores) continue;
      const score = parseDouble(buffer, offsets[at - 1], lengths[at - 1]);
      if (!Number.isNaN(score)) isReached(() => sortedSet.rankOfScore(score, false));
    }
  };
}

/** Of ZADD, whose pairs begin behind its options. */
const addedElements: ElementNeed = (value, words, at) => {
  let first = 2;
  while (first < words.count && addOption(words, first) !== 0) first++;
  rankedElements(first + 1, -1, true)(value, words, at);
  wantDivided(value, words.byteCount + PAIR_BYTES * words.count);
};

/** The option in argument `at`, or 0. */
function addOption(words: Arguments, at: number): number {
  if (words.lengths[at] > 4) return 0;
  if (words.is(at, 'nx')) return NX;
  if (words.is(at, 'xx')) return XX;
  if (words.is(at, 'gt')) return GT;
  if (words.is(at, 'lt')) return LT;
  if (words.is(at, 'ch')) return CH;
  return words.is(at, 'incr') ? INCR : 0;
}

/** Why options don't go together, or an empty text. */
function conflict(options: number, pairCount: number): string {
  const both = (pair: number) => (options & pair) === pair;
  if (both(NX | XX)) return 'ERR XX and NX options at the same time are not compatible';
  if (both(GT | NX) || both(LT | NX) || both(GT | LT))
    return 'ERR GT, LT, and/or NX options at the same time are not compatible';
  if ((options & INCR) !== 0 && pairCount > 1)
    return 'ERR INCR option supports a single increment-element pair';
  return '';
}

/** ZADD, and ZINCRBY with the option that it stands for (zaddGenericCommand). */
export function add(call: Call, implied: number): void {
  const { words, database, reply } = call;
  const { buffer, offsets, lengths } = words;
  let options = implied;
  let first = 2;
  for (let option = 0; first < words.count; first++) {
    option = addOption(words, first);
    if (option === 0) break;
    options |= option;
  }
  const pairCount = (words.count - first) / 2;
  if (pairCount === 0 || !Number.isInteger(pairCount)) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  if (options !== 0) {
    const error = conflict(options, pairCount);
    if (error !== '') {
      reply.error(error);
      return;
    }
  }
  if (scores.length < pairCount) scores = new Float64Array(pairCount * 2);
  for (let pair = 0; pair < pairCount; pair++) {
    const at = first + pair * 2;
    scores[pair] = parseDouble(buffer, offsets[at], lengths[at]);
    if (Number.isNaN(scores[pair])) {
      reply.error(NOT_A_FLOAT);
      return;
    }
  }
  const found = openSortedSet(call, 1, WRITE, true);
  if (found === null) return;
  const isIncrement = (options & INCR) !== 0;
  if (found === 'missing') {
    if ((options & XX) !== 0) {
      if (isIncrement) reply.null();
      else reply.integer(0);
      return;
    }
    createSortedSet(call, encodingFor(call, pairCount, lengths[first + 1]));
  } else if (sortedSet.encoding === ENCODING_LISTPACK) {
    sortedSet.encoding = encodingFor(call, pairCount, 0);
  }
  let added = 0;
  let updated = 0;
  let isDone = false;
  let score = 0;
  for (let pair = 0; pair < pairCount; pair++) {
    const at = first + pair * 2 + 1;
    score = scores[pair];
    if (!sortedSet.find(buffer, offsets[at], lengths[at])) {
      if ((options & XX) !== 0) continue;
      insertMember(call, sortedSet, buffer, offsets[at], lengths[at], score);
      added++;
      isDone = true;
      continue;
    }
    if ((options & NX) !== 0) continue;
    const before = sortedSet.score;
    if (isIncrement) score += before;
    if (Number.isNaN(score)) {
      reply.error(NOT_A_NUMBER);
      return;
    }
    if (((options & LT) !== 0 && score >= before) || ((options & GT) !== 0 && score <= before)) continue;
    isDone = true;
    if (score === before) continue;
    sortedSet.update(buffer, offsets[at], lengths[at], score);
    updated++;
  }
  if (added + updated > 0) {
    sortedSet.save();
    tellChanges(call, added + updated, found === 'missing');
    database.notify(NOTIFY_SORTED_SET, isIncrement ? 'zincr' : 'zadd');
  }
  if (!isIncrement) reply.integer((options & CH) !== 0 ? added + updated : added);
  else if (isDone) reply.double(score);
  else reply.null();
}

function zrem(call: Call): void {
  const { buffer, offsets, lengths, count } = call.words;
  const found = openSortedSet(call, 1, WRITE, true);
  if (found === null) return;
  if (found === 'missing') {
    call.reply.integer(0);
    return;
  }
  let removed = 0;
  for (let at = 2; at < count && sortedSet.count > 0; at++) {
    if (!sortedSet.find(buffer, offsets[at], lengths[at])) continue;
    sortedSet.remove(buffer, offsets[at], lengths[at]);
    removed++;
  }
  if (removed > 0) endRemoval(call, removed, 'zrem');
  call.reply.integer(removed);
}

/** Whether the open sorted set has the member in argument `at`, to which it moves. */
function findWord(call: Call, at: number): boolean {
  const { buffer, offsets, lengths } = call.words;
  return sortedSet.find(buffer, offsets[at], lengths[at]);
}

function zscore(call: Call): void {
  const found = openSortedSet(call, 1, READ, false);
  if (found === null) return;
  if (found === 'found' && findWord(call, 2)) call.reply.double(sortedSet.score);
  else call.reply.null();
}

function zmscore(call: Call): void {
  const { words, reply } = call;
  const found = openSortedSet(call, 1, READ, false);
  if (found === null) return;
  reply.array(words.count - 2);
  for (let at = 2; at < words.count; at++) {
    if (found === 'found' && findWord(call, at)) reply.double(sortedSet.score);
    else reply.null();
  }
}

function zcard(call: Call): void {
  const found = openSortedSet(call, 1, READ, false);
  if (found !== null) call.reply.integer(found === 'found' ? sortedSet.count : 0);
}

/** ZRANK and ZREVRANK. */
function rank(call: Call, isReverse: boolean): void {
  const { words, reply } = call;
  if (words.count > 4) {
    reply.error(wrongArity(call.command.fullName));
    return;
  }
  const withScore = words.count === 4;
  if (withScore && !words.is(3, 'withscore')) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const found = openSortedSet(call, 1, READ, false);
  if (found === null) return;
  if (found === 'missing' || !findWord(call, 2)) {
    if (withScore) reply.nullArray();
    else reply.null();
    return;
  }
  const { score } = sortedSet;
  const before = sortedSet.rank(words.buffer, words.offsets[2], words.lengths[2]);
  if (withScore) reply.array(2);
  reply.integer(isReverse ? sortedSet.count - 1 - before : before);
  if (withScore) reply.double(score);
}

/** Bytes of a reply that an empty member takes. */
const MEMBER_REPLY_BYTES = 6;

function zrandmember(call: Call): void {
  const { words, reply, services } = call;
  if (words.count === 2) {
    const found = openSortedSet(call, 1, READ, false);
    if (found === null) return;
    if (found === 'missing') {
      reply.null();
      return;
    }
    sortedSet.seekRank(services.random.below(sortedSet.count));
    replyMember(call, sortedSet, false);
    return;
  }
  const count = integerAt(call, 2);
  if (Number.isNaN(count)) return;
  if (parseInteger64(words.buffer, words.offsets[2], words.lengths[2]) === INT64_MIN) {
    reply.error(`ERR value is out of range, value must between ${INT64_MIN + 1n} and ${-INT64_MIN - 1n}`);
    return;
  }
  const withScores = words.count === 4 && words.is(3, 'withscores');
  if (words.count > 4 || (words.count === 4 && !withScores)) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  if (withScores && Math.abs(count) >= 2 ** 62) {
    reply.error('ERR value is out of range');
    return;
  }
  const found = openSortedSet(call, 1, READ, false);
  if (found === null) return;
  const total = found === 'missing' ? 0 : count < 0 ? -count : Math.min(count, sortedSet.count);
  reply.reserve(total * MEMBER_REPLY_BYTES);
  replyMemberCount(call, total, withScores);
  if (count < 0) replyRandom(call, total, withScores);
  else if (total * 3 > sortedSet.count) replySelection(call, total, withScores);
  else replyDistinct(call, total, withScores);
}

/** Replies random members, each chosen among all. */
function replyRandom(call: Call, total: number, withScores: boolean): void {
  const { random } = call.services;
  for (let done = 0; done < total; done++) {
    sortedSet.seekRank(random.below(sortedSet.count));
    replyMember(call, sortedSet, withScores);
  }
}

/** Replies random members, each once, in their order: each is taken as likely as so many of the rest are needed (Knuth, algorithm S). */
function replySelection(call: Call, total: number, withScores: boolean): void {
  const { random } = call.services;
  let needed = total;
  for (let left = sortedSet.count; needed > 0; left--) {
    if (needed === total && left === sortedSet.count) sortedSet.seekRank(0);
    else sortedSet.next();
    if (random.below(left) >= needed) continue;
    replyMember(call, sortedSet, withScores);
    needed--;
  }
}

/** Replies random members, each once, which are few of all. */
function replyDistinct(call: Call, total: number, withScores: boolean): void {
  const { random } = call.services;
  const taken = new Set<number>();
  while (taken.size < total) {
    const place = random.below(sortedSet.count);
    if (taken.has(place)) continue;
    taken.add(place);
    sortedSet.seekRank(place);
    replyMember(call, sortedSet, withScores);
  }
}

/** The digits that `%.17g` of C writes. */
const PRECISE_DIGITS = 17;

/** A score as ZSCAN tells it: by 17 digits where it is one of a skiplist (scanCallback, ld2string). */
function formatScanned(score: number): string {
  if (sortedSet.encoding === ENCODING_LISTPACK || !Number.isFinite(score)) return formatDouble(score);
  const [mantissa, power] = score.toExponential(PRECISE_DIGITS - 1).split('e');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < PRECISE_DIGITS) {
    const text = score.toFixed(PRECISE_DIGITS - 1 - exponent);
    const digits = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
    return Object.is(score, -0) ? '-0' : digits;
  }
  const sign = exponent < 0 ? '-' : '+';
  return `${mantissa.replace(/\.?0+$/, '')}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function zscan(call: Call): void {
  const { words, reply } = call;
  const cursor = readCursor(words.text(2));
  if (cursor === undefined) {
    reply.error(INVALID_CURSOR);
    return;
  }
  const found = openSortedSet(call, 1, READ, false);
  if (found === null) return;
  if (found === 'missing') {
    reply.array(2);
    reply.bulkText('0');
    reply.array(0);
    return;
  }
  const scan = readCollectionScan(call, false);
  if (scan === null) return;
  const members: Uint8Array[] = [];
  const scores: string[] = [];
  // What Redis keeps in a listpack it replies at once.
  const isWhole = sortedSet.encoding === ENCODING_LISTPACK;
  let position = isWhole ? 0 : cursor;
  let visited = 0;
  do {
    position = sortedSet.scan(position);
    for (; sortedSet.nextScanned(); visited++) {
      const { bytes, memberOffset, memberLength } = sortedSet;
      if (!isScanned(call, scan, bytes, memberOffset, memberLength)) continue;
      members.push(sliceBytes(bytes, memberOffset, memberLength));
      scores.push(formatScanned(sortedSet.score));
    }
  } while (position !== 0 && (isWhole || visited < scan.count));
  reply.array(2);
  reply.bulkInteger(position);
  reply.array(members.length * 2);
  for (let at = 0; at < members.length; at++) {
    reply.bulk(members[at], 0, members[at].length);
    reply.bulkText(scores[at]);
  }
}

const IN_LOG = 'O(log N) in the members of the sorted set.';
const IN_LOG_EACH = 'O(log N) for each member.';

/** The commands on sorted sets. */
export const SORTED_SET_COMMANDS: readonly CommandRow[] = [
  {
    ...row('zadd'),
    summary: 'Adds members to a sorted set, or gives them other scores. Creates the key if it doesn’t exist.',
    since: '1.2.0',
    complexity: IN_LOG_EACH,
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    elements: addedElements,
    execute: (call) => add(call, 0),
  },
  {
    ...row('zcard'),
    summary: 'Returns the number of members of a sorted set.',
    since: '1.2.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    execute: zcard,
  },
  {
    ...row('zincrby'),
    summary: 'Increments the score of a member of a sorted set.',
    since: '1.2.0',
    complexity: IN_LOG,
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    elements: rankedElements(3),
    execute: (call) => add(call, INCR),
  },
  {
    ...row('zmscore'),
    summary: 'Returns the scores of members of a sorted set.',
    since: '6.2.0',
    complexity: 'O(1) for each member.',
    arity: -3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: namedElements(2),
    execute: zmscore,
  },
  {
    ...row('zrandmember'),
    summary: 'Returns random members of a sorted set.',
    since: '6.2.0',
    complexity: 'O(log N) for each member returned.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: zrandmember,
  },
  {
    ...row('zrank'),
    summary: 'Returns the place of a member of a sorted set, from the lowest score on.',
    since: '2.0.0',
    complexity: IN_LOG,
    arity: -3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: rankedElements(2, 2),
    execute: (call) => rank(call, false),
  },
  {
    ...row('zrem'),
    summary: 'Removes members of a sorted set.',
    since: '1.2.0',
    complexity: IN_LOG_EACH,
    arity: -3,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    elements: rankedElements(2),
    execute: zrem,
  },
  {
    ...row('zrevrank'),
    summary: 'Returns the place of a member of a sorted set, from the highest score on.',
    since: '2.0.0',
    complexity: IN_LOG,
    arity: -3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: rankedElements(2, 2),
    execute: (call) => rank(call, true),
  },
  {
    ...row('zscan'),
    summary: 'Iterates over the members and scores of a sorted set.',
    since: '2.8.0',
    complexity: 'O(1) for each call, O(N) for a whole iteration.',
    arity: -3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: scannedElements,
    execute: zscan,
  },
  {
    ...row('zscore'),
    summary: 'Returns the score of a member of a sorted set.',
    since: '1.2.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: namedElements(2, 1, 2),
    execute: zscore,
  },
  ...RANGE_COMMANDS,
  ...POP_COMMANDS,
  ...OPERATION_COMMANDS,
];
