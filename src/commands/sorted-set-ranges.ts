import { latin1 } from '../base/bytes.ts';
import { SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseDouble, parseInteger } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { READ, WRITE } from '../keyspace/database.ts';
import type { Arguments } from '../resp/arguments.ts';
import { ENCODING_LISTPACK } from '../types/sorted-set/encoding.ts';
import type { SortedSetValue } from '../types/sorted-set/sorted-set.ts';
import { integerAt } from './integer-argument.ts';
import { keyAt } from './key-specs.ts';
import {
  buildSet,
  builtSet,
  encodingFor,
  insertMember,
  openSortedSet,
  removeMembers,
  replyMember,
  replyMemberCount,
  row,
  sortedSet,
  storeBuilt,
} from './sorted-set-keys.ts';

const NOT_SCORES = 'ERR min or max is not a float';
const NOT_MEMBERS = 'ERR min or max not valid string range item';
const LIMIT_BY_RANK = 'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX';
const SCORES_BY_MEMBER = 'ERR syntax error, WITHSCORES not supported in combination with BYLEX';
const EXCLUSIVE = 40;
const INCLUSIVE = 91;
const FIRST = 45;
const LAST = 43;
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** What the ends of a range are: places, scores, or members of one score. */
type RangeKind = 'rank' | 'score' | 'member';

/** One end of a range of scores or members. */
class Bound {
  score = 0;
  isExclusive = false;
  /** Of members: before all or after all of them, or -1 and 1 for none of that. */
  #at = 0;
  #kind: 'member' | 'first' | 'last' = 'member';

  /** Takes a score from argument `at`; false if it is none. As in Redis, what C's strtod reads in full counts as one. */
  readScore(words: Arguments, at: number): boolean {
    const { buffer } = words;
    let offset = words.offsets[at];
    let length = words.lengths[at];
    this.isExclusive = length > 0 && buffer[offset] === EXCLUSIVE;
    if (this.isExclusive) {
      offset++;
      length--;
    }
    this.score = parseInteger(buffer, offset, length);
    if (Number.isNaN(this.score)) this.score = readFloat(buffer, offset, length);
    return !Number.isNaN(this.score);
  }

  /** Takes a member from argument `at`: `[` or `(` and its bytes, `-` or `+`; false if it is none. */
  readMember(words: Arguments, at: number): boolean {
    const { buffer, lengths } = words;
    const offset = words.offsets[at];
    const first = lengths[at] > 0 ? buffer[offset] : 0;
    const isBare = lengths[at] === 1 || buffer[offset + 1] === 0;
    this.#at = at;
    this.#kind = 'member';
    this.isExclusive = first === EXCLUSIVE;
    if (first === EXCLUSIVE || first === INCLUSIVE) return true;
    this.#kind = first === FIRST ? 'first' : 'last';
    return (first === FIRST || first === LAST) && isBare;
  }

  /** How many members of a set sort before this bound; with `isAfter`, not after it. */
  rankIn(set: SortedSetValue, words: Arguments, kind: RangeKind, isAfter: boolean): number {
    if (kind === 'score') return set.rankOfScore(this.score, isAfter);
    if (this.#kind !== 'member') return this.#kind === 'first' ? 0 : set.count;
    const at = this.#at;
    return set.rankOfMember(words.buffer, words.offsets[at] + 1, words.lengths[at] - 1, isAfter);
  }
}

/** A float as strtod(3) reads it, up to the first zero byte; NaN if there is more than that. */
function readFloat(bytes: Uint8Array, offset: number, length: number): number {
  let text = latin1(bytes, offset, length);
  const end = text.indexOf('\x00');
  if (end >= 0) text = text.slice(0, end);
  if (text === '') return 0;
  text = text.replace(/^[ \t-\r]+/, '');
  if (DECIMAL.test(text)) return Number(text);
  const word = Buffer.from(text, 'latin1');
  return parseDouble(word, 0, word.length);
}

/** A range of the command being run: read from its arguments, then found in a sorted set as places from `first` up to `end`. */
class Range {
  first = 0;
  end = 0;
  #kind: RangeKind = 'rank';
  #start = 0;
  #stop = 0;
  readonly #minimum = new Bound();
  readonly #maximum = new Bound();

  /** Takes the ends from two arguments, the lower one from `minimumAt`; false after replying an error. */
  read(call: Call, kind: RangeKind, minimumAt: number, maximumAt: number): boolean {
    this.#kind = kind;
    const { words } = call;
    if (kind === 'rank') {
      this.#start = integerAt(call, minimumAt);
      if (Number.isNaN(this.#start)) return false;
      this.#stop = integerAt(call, maximumAt);
      return !Number.isNaN(this.#stop);
    }
    const isScore = kind === 'score';
    const isValid = isScore
      ? this.#minimum.readScore(words, minimumAt) && this.#maximum.readScore(words, maximumAt)
      : this.#minimum.readMember(words, minimumAt) && this.#maximum.readMember(words, maximumAt);
    if (!isValid) call.reply.error(isScore ? NOT_SCORES : NOT_MEMBERS);
    return isValid;
  }

  /** Finds the range in a set; ranks count from its end if it `isReverse`. */
  locate(set: SortedSetValue, words: Arguments, isReverse: boolean): void {
    const { count } = set;
    if (this.#kind !== 'rank') {
      this.first = this.#minimum.rankIn(set, words, this.#kind, this.#minimum.isExclusive);
      this.end = this.#maximum.rankIn(set, words, this.#kind, !this.#maximum.isExclusive);
    } else {
      const start = Math.max(0, this.#start < 0 ? count + this.#start : this.#start);
      const end = Math.min(count, (this.#stop < 0 ? count + this.#stop : this.#stop) + 1);
      this.first = isReverse ? count - end : start;
      this.end = isReverse ? count - start : end;
    }
    if (this.end < this.first) this.end = this.first;
  }

  /** Leaves out the first `offset` of the range and all but `limit` after them, none of these if negative. */
  limit(offset: number, limit: number, isReverse: boolean): void {
    const skipped = offset < 0 ? Number.POSITIVE_INFINITY : offset;
    const kept = limit < 0 ? Number.POSITIVE_INFINITY : limit;
    if (isReverse) {
      this.end = Math.max(this.first, this.end - skipped);
      this.first = Math.max(this.first, this.end - kept);
    } else {
      this.first = Math.min(this.end, this.first + skipped);
      this.end = Math.min(this.end, this.first + kept);
    }
  }

  get count(): number {
    return this.end - this.first;
  }
}

const range = new Range();

/** ZCOUNT and ZLEXCOUNT. */
function count(call: Call, kind: RangeKind): void {
  if (!range.read(call, kind, 2, 3)) return;
  const found = openSortedSet(call, 1, READ, false);
  if (found === null) return;
  if (found === 'found') range.locate(sortedSet, call.words, false);
  call.reply.integer(found === 'found' ? range.count : 0);
}

function removeRange(call: Call, kind: RangeKind, event: string): void {
  if (!range.read(call, kind, 2, 3)) return;
  const found = openSortedSet(call, 1, WRITE, true);
  if (found === null) return;
  if (found === 'found') range.locate(sortedSet, call.words, false);
  const removed = found === 'found' ? range.count : 0;
  if (removed > 0) removeMembers(call, range.first, removed, event);
  call.reply.integer(removed);
}

/** What a command of the ZRANGE family says by its name; what is left open its options say. */
interface RangeCommand {
  readonly kind?: RangeKind;
  readonly isReverse?: boolean;
  /** The range is stored under the key in argument 1. */
  readonly isStored?: true;
}

const RANGE: RangeCommand = {};
const RANGE_STORE: RangeCommand = { isStored: true };
const RANGE_BY_LEX: RangeCommand = { kind: 'member', isReverse: false };
const RANGE_BY_SCORE: RangeCommand = { kind: 'score', isReverse: false };
const REVERSE_RANGE: RangeCommand = { kind: 'rank', isReverse: true };
const REVERSE_RANGE_BY_LEX: RangeCommand = { kind: 'member', isReverse: true };
const REVERSE_RANGE_BY_SCORE: RangeCommand = { kind: 'score', isReverse: true };

/** The ZRANGE family (zrangeGenericCommand). */
function rangeMembers(call: Call, command: RangeCommand): void {
  const { words, reply } = call;
  const isStored = command.isStored === true;
  const source = isStored ? 2 : 1;
  let { kind, isReverse } = command;
  let withScores = false;
  let offset = 0;
  let limit = -1;
  for (let at = source + 3; at < words.count; at++) {
    if (!isStored && words.is(at, 'withscores')) withScores = true;
    else if (words.is(at, 'limit') && at + 2 < words.count) {
      offset = integerAt(call, at + 1);
      if (Number.isNaN(offset)) return;
      limit = integerAt(call, at + 2);
      if (Number.isNaN(limit)) return;
      at += 2;
    } else if (isReverse === undefined && words.is(at, 'rev')) isReverse = true;
    else if (kind === undefined && words.is(at, 'bylex')) kind = 'member';
    else if (kind === undefined && words.is(at, 'byscore')) kind = 'score';
    else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  kind ??= 'rank';
  isReverse ??= false;
  if (limit !== -1 && kind === 'rank') {
    reply.error(LIMIT_BY_RANK);
    return;
  }
  if (withScores && kind === 'member') {
    reply.error(SCORES_BY_MEMBER);
    return;
  }
  const isTurned = isReverse && kind !== 'rank';
  if (!range.read(call, kind, source + (isTurned ? 2 : 1), source + (isTurned ? 1 : 2))) return;
  const found = openSortedSet(call, source, READ, false);
  if (found === null) return;
  if (found === 'found') {
    range.locate(sortedSet, words, isReverse);
    if (kind !== 'rank') range.limit(offset, limit, isReverse);
  } else {
    range.first = range.end = 0;
  }
  if (isStored) storeRange(call, kind, isReverse);
  else replyRange(call, isReverse, withScores);
}

/** Moves the sorted set to the next member of the range after `done` of them. */
function step(isReverse: boolean, done: number): void {
  if (done === 0) sortedSet.seekRank(isReverse ? range.end - 1 : range.first);
  else if (isReverse) sortedSet.previous();
  else sortedSet.next();
}

function replyRange(call: Call, isReverse: boolean, withScores: boolean): void {
  const total = range.count;
  replyMemberCount(call, total, withScores);
  for (let done = 0; done < total; done++) {
    step(isReverse, done);
    replyMember(call, sortedSet, withScores);
  }
}

function storeRange(call: Call, kind: RangeKind, isReverse: boolean): void {
  const total = range.count;
  buildSet(call, kind === 'rank' ? encodingFor(call, total, 0) : ENCODING_LISTPACK, () => {
    for (let done = 0; done < total; done++) {
      step(isReverse, done);
      const { bytes, memberOffset, memberLength, score } = sortedSet;
      builtSet.find(bytes, memberOffset, memberLength);
      insertMember(call, builtSet, bytes, memberOffset, memberLength, score);
    }
  });
  storeBuilt(call, 'zrangestore');
}

/** What the deprecated ones of the family share. */
function replaced(by: string): Pick<CommandRow, 'docFlags' | 'deprecatedSince' | 'replacedBy'> {
  return { docFlags: ['deprecated'], deprecatedSince: '6.2.0', replacedBy: by };
}

const IN_LOG_AND_RESULT = 'O(log N + M) in the members of the sorted set and those returned.';
const IN_LOG_AND_REMOVED = 'O(log N + M) in the members of the sorted set and those removed.';
const IN_LOG = 'O(log N) in the members of the sorted set.';

/** The commands on ranges of sorted sets. */
export const RANGE_COMMANDS: readonly CommandRow[] = [
  {
    ...row('zcount'),
    summary: 'Counts the members of a sorted set with scores in a range.',
    since: '2.0.0',
    complexity: IN_LOG,
    arity: 4,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => count(call, 'score'),
  },
  {
    ...row('zlexcount'),
    summary: 'Counts the members of a sorted set in a range of bytes, where all scores are equal.',
    since: '2.8.9',
    complexity: IN_LOG,
    arity: 4,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => count(call, 'member'),
  },
  {
    ...row('zrange'),
    summary: 'Returns the members of a sorted set in a range of places, scores or bytes.',
    since: '1.2.0',
    complexity: IN_LOG_AND_RESULT,
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => rangeMembers(call, RANGE),
  },
  {
    ...row('zrangebylex'),
    ...replaced('`ZRANGE` with the `BYLEX` argument'),
    summary: 'Returns the members of a sorted set in a range of bytes, where all scores are equal.',
    since: '2.8.9',
    complexity: IN_LOG_AND_RESULT,
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => rangeMembers(call, RANGE_BY_LEX),
  },
  {
    ...row('zrangebyscore'),
    ...replaced('`ZRANGE` with the `BYSCORE` argument'),
    summary: 'Returns the members of a sorted set with scores in a range.',
    since: '1.0.5',
    complexity: IN_LOG_AND_RESULT,
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => rangeMembers(call, RANGE_BY_SCORE),
  },
  {
    ...row('zrangestore'),
    summary: 'Stores a range of the members of a sorted set under another key.',
    since: '6.2.0',
    complexity: 'O(log N + M) in the members of the sorted set and those stored.',
    arity: -5,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'OW', 'update'), keyAt(2, 'RO', 'access')],
    execute: (call) => rangeMembers(call, RANGE_STORE),
  },
  {
    ...row('zremrangebylex'),
    summary: 'Removes the members of a sorted set in a range of bytes, where all scores are equal.',
    since: '2.8.9',
    complexity: IN_LOG_AND_REMOVED,
    arity: 4,
    flags: ['write'],
    keys: [keyAt(1, 'RW', 'delete')],
    execute: (call) => removeRange(call, 'member', 'zremrangebylex'),
  },
  {
    ...row('zremrangebyrank'),
    summary: 'Removes the members of a sorted set in a range of places.',
    since: '2.0.0',
    complexity: IN_LOG_AND_REMOVED,
    arity: 4,
    flags: ['write'],
    keys: [keyAt(1, 'RW', 'delete')],
    execute: (call) => removeRange(call, 'rank', 'zremrangebyrank'),
  },
  {
    ...row('zremrangebyscore'),
    summary: 'Removes the members of a sorted set with scores in a range.',
    since: '1.2.0',
    complexity: IN_LOG_AND_REMOVED,
    arity: 4,
    flags: ['write'],
    keys: [keyAt(1, 'RW', 'delete')],
    execute: (call) => removeRange(call, 'score', 'zremrangebyscore'),
  },
  {
    ...row('zrevrange'),
    ...replaced('`ZRANGE` with the `REV` argument'),
    summary: 'Returns the members of a sorted set in a range of places, from the highest score on.',
    since: '1.2.0',
    complexity: IN_LOG_AND_RESULT,
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => rangeMembers(call, REVERSE_RANGE),
  },
  {
    ...row('zrevrangebylex'),
    ...replaced('`ZRANGE` with the `REV` and `BYLEX` arguments'),
    summary:
      'Returns the members of a sorted set in a range of bytes, backwards, where all scores are equal.',
    since: '2.8.9',
    complexity: IN_LOG_AND_RESULT,
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => rangeMembers(call, REVERSE_RANGE_BY_LEX),
  },
  {
    ...row('zrevrangebyscore'),
    ...replaced('`ZRANGE` with the `REV` and `BYSCORE` arguments'),
    summary: 'Returns the members of a sorted set with scores in a range, from the highest score on.',
    since: '2.2.0',
    complexity: IN_LOG_AND_RESULT,
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => rangeMembers(call, REVERSE_RANGE_BY_SCORE),
  },
];
