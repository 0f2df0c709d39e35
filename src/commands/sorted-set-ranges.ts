import { latin1 } from '../base/bytes.ts';
import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseDouble, parseInteger } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow, ElementNeed } from '../command-table/row.ts';
import { READ, WRITE } from '../keyspace/database.ts';
import { TYPE_SORTED_SET } from '../keyspace/record.ts';
import type { Arguments } from '../resp/arguments.ts';
import { wantRanks } from '../types/pages/near.ts';
import { ENCODING_LISTPACK } from '../types/sorted-set/encoding.ts';
import type { SortedSetValue } from '../types/sorted-set/sorted-set.ts';
import { integer } from './elements.ts';
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

const NOT_ENDS = {
  rank: NOT_AN_INTEGER,
  score: 'ERR min or max is not a float',
  member: 'ERR min or max not valid string range item',
} as const;
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

  /** Takes the ends from two arguments, the lower one from `minimumAt`; false if one is wrong. */
  take(words: Arguments, kind: RangeKind, minimumAt: number, maximumAt: number): boolean {
    this.#kind = kind;
    const minimum = this.#minimum;
    const maximum = this.#maximum;
    if (kind === 'score') return minimum.readScore(words, minimumAt) && maximum.readScore(words, maximumAt);
    if (kind === 'member')
      return minimum.readMember(words, minimumAt) && maximum.readMember(words, maximumAt);
    this.#start = integer(words, minimumAt);
    this.#stop = integer(words, maximumAt);
    return !Number.isNaN(this.#start) && !Number.isNaN(this.#stop);
  }

  /** As {@link take}; false after replying an error. */
  read(call: Call, kind: RangeKind, minimumAt: number, maximumAt: number): boolean {
    const isValid = this.take(call.words, kind, minimumAt, maximumAt);
    if (!isValid) call.reply.error(NOT_ENDS[kind]);
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

/** What a call of the family asks for. */
const asked = { kind: 'rank' as RangeKind, isReverse: false, withScores: false, offset: 0, limit: -1 };

/** Reads the options, which follow the range's ends; why they are wrong, or null. */
function readOptions(words: Arguments, command: RangeCommand): string | null {
  const isStored = command.isStored === true;
  let { kind, isReverse } = command;
  asked.withScores = false;
  asked.offset = 0;
  asked.limit = -1;
  for (let at = isStored ? 5 : 4; at < words.count; at++) {
    if (!isStored && words.is(at, 'withscores')) asked.withScores = true;
    else if (words.is(at, 'limit') && at + 2 < words.count) {
      asked.offset = integer(words, at + 1);
      asked.limit = integer(words, at + 2);
      if (Number.isNaN(asked.offset) || Number.isNaN(asked.limit)) return NOT_AN_INTEGER;
      at += 2;
    } else if (isReverse === undefined && words.is(at, 'rev')) isReverse = true;
    else if (kind === undefined && words.is(at, 'bylex')) kind = 'member';
    else if (kind === undefined && words.is(at, 'byscore')) kind = 'score';
    else return SYNTAX_ERROR;
  }
  asked.kind = kind ?? 'rank';
  asked.isReverse = isReverse ?? false;
  if (asked.limit !== -1 && asked.kind === 'rank') return LIMIT_BY_RANK;
  return asked.withScores && asked.kind === 'member' ? SCORES_BY_MEMBER : null;
}

/** Where the lower end of the range is that is asked for, and where the upper one, behind the source's key. */
function minimumAt(source: number): number {
  return source + (asked.isReverse && asked.kind !== 'rank' ? 2 : 1);
}

function maximumAt(source: number): number {
  return source + (asked.isReverse && asked.kind !== 'rank' ? 1 : 2);
}

/** Finds the range that is asked for in the sorted set. */
function locateAsked(words: Arguments): void {
  range.locate(sortedSet, words, asked.isReverse);
  if (asked.kind !== 'rank') range.limit(asked.offset, asked.limit, asked.isReverse);
}

/** The ZRANGE family (zrangeGenericCommand). */
function rangeMembers(call: Call, command: RangeCommand): void {
  const { words, reply } = call;
  const isStored = command.isStored === true;
  const source = isStored ? 2 : 1;
  const error = readOptions(words, command);
  if (error !== null) {
    reply.error(error);
    return;
  }
  if (!range.read(call, asked.kind, minimumAt(source), maximumAt(source))) return;
  const found = openSortedSet(call, source, READ, false);
  if (found === null) return;
  if (found === 'found') locateAsked(words);
  else range.first = range.end = 0;
  if (isStored) storeRange(call, asked.kind, asked.isReverse);
  else replyRange(call, asked.isReverse, asked.withScores);
}

/** The members of the range that a call of the family asks for. */
function rangeElements(command: RangeCommand): ElementNeed {
  const source = command.isStored === true ? 2 : 1;
  return (value, words, at) => {
    if (at !== source || value.entry.type !== TYPE_SORTED_SET || readOptions(words, command) !== null) return;
    if (!range.take(words, asked.kind, minimumAt(source), maximumAt(source))) return;
    sortedSet.open(value, false);
    locateAsked(words);
    wantRanks(value, range.first, range.end);
  };
}

/** The members of a range without options, or where it begins and ends. */
function boundElements(kind: RangeKind, endsOnly: boolean): ElementNeed {
  return (value, words) => {
    if (value.entry.type !== TYPE_SORTED_SET || !range.take(words, kind, 2, 3)) return;
    sortedSet.open(value, false);
    range.locate(sortedSet, words, false);
    if (!endsOnly) wantRanks(value, range.first, range.end);
  };
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
  sortedSet.copiesPages = true;
  try {
    buildSet(call, kind === 'rank' ? encodingFor(call, total, 0) : ENCODING_LISTPACK, () => {
      for (let done = 0; done < total; done++) {
        step(isReverse, done);
        const { bytes, memberOffset, memberLength, score } = sortedSet;
        builtSet.find(bytes, memberOffset, memberLength);
        insertMember(call, builtSet, bytes, memberOffset, memberLength, score);
      }
    });
  } finally {
    sortedSet.copiesPages = false;
  }
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
    elements: boundElements('score', true),
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
    elements: boundElements('member', true),
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
    elements: rangeElements(RANGE),
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
    elements: rangeElements(RANGE_BY_LEX),
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
    elements: rangeElements(RANGE_BY_SCORE),
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
    elements: rangeElements(RANGE_STORE),
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
    elements: boundElements('member', false),
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
    elements: boundElements('rank', false),
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
    elements: boundElements('score', false),
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
    elements: rangeElements(REVERSE_RANGE),
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
    elements: rangeElements(REVERSE_RANGE_BY_LEX),
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
    elements: rangeElements(REVERSE_RANGE_BY_SCORE),
    execute: (call) => rangeMembers(call, REVERSE_RANGE_BY_SCORE),
  },
];
