import { SYNTAX_ERROR, WRONG_TYPE } from '../base/error-replies.ts';
import { parseDouble, parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { READ } from '../keyspace/database.ts';
import { TYPE_SET, TYPE_SORTED_SET } from '../keyspace/record.ts';
import { SetValue } from '../types/set/set.ts';
import { ENCODING_LISTPACK, ENCODING_SKIPLIST } from '../types/sorted-set/encoding.ts';
import { SortedSetValue } from '../types/sorted-set/sorted-set.ts';
import { allElements, sourceElements } from './elements.ts';
import { integerAt } from './integer-argument.ts';
import { countedKeys, keyAt } from './key-specs.ts';
import {
  buildSet,
  builtSet,
  encodingFor,
  replyMember,
  replyMemberCount,
  row,
  storeBuilt,
} from './sorted-set-keys.ts';

/** The members of a set or a sorted set, as the operations need them. The one found or moved to last is told until the next call. */
interface Members {
  readonly count: number;
  readonly bytes: Uint8Array;
  readonly memberOffset: number;
  readonly memberLength: number;
  /** 1 for the members of a set. */
  readonly score: number;
  find(member: Uint8Array, offset: number, length: number): boolean;
  /** Moves to the first one; false if there is none. */
  first(): boolean;
  next(): boolean;
}

/** One input of an operation. */
interface Source {
  readonly members: Members;
  weight: number;
}

type Operation = 'union' | 'intersection' | 'difference';
type Aggregate = 'sum' | 'min' | 'max';

class SortedMembers extends SortedSetValue implements Members {
  constructor() {
    super();
    this.copiesPages = true;
  }

  first(): boolean {
    return this.seekRank(0);
  }
}

class UnsortedMembers extends SetValue implements Members {
  readonly score = 1;

  get memberOffset(): number {
    return this.offset;
  }

  get memberLength(): number {
    return this.length;
  }

  find(member: Uint8Array, offset: number, length: number): boolean {
    return this.has(member, offset, length);
  }

  first(): boolean {
    this.rewind();
    return this.next();
  }
}

/** Sets that commands open as their inputs, reused. */
const sortedInputs: SortedMembers[] = [];
const unsortedInputs: UnsortedMembers[] = [];
const NO_MEMBERS: Members = {
  count: 0,
  bytes: new Uint8Array(0),
  memberOffset: 0,
  memberLength: 0,
  score: 0,
  find: () => false,
  first: () => false,
  next: () => false,
};

/** Opens the key in argument `at` as input number `number`; replies WRONGTYPE and returns null if it holds no set. */
function openInput(call: Call, at: number, number: number): Members | null {
  if (!call.find(at, READ)) return NO_MEMBERS;
  const { type } = call.database.entry;
  if (type === TYPE_SET) {
    unsortedInputs[number] ??= new UnsortedMembers();
    unsortedInputs[number].open(call.database, false);
    return unsortedInputs[number];
  }
  if (type !== TYPE_SORTED_SET) {
    call.reply.error(WRONG_TYPE);
    return null;
  }
  sortedInputs[number] ??= new SortedMembers();
  sortedInputs[number].open(call.database, false);
  return sortedInputs[number];
}

/** Adds a score to what is known of a member's others. What is no number counts as 0. */
function aggregated(score: number, value: number, aggregate: Aggregate): number {
  if (aggregate === 'sum') return numbered(score + value);
  const isTaken = aggregate === 'min' ? value < score : value > score;
  return isTaken ? value : score;
}

/** A product or a sum of infinities may be no number: it counts as 0. */
function numbered(score: number): number {
  return Number.isNaN(score) ? 0 : score;
}

/** What a command of this family asks for. */
interface Request {
  readonly operation: Operation;
  readonly sources: Source[];
  readonly aggregate: Aggregate;
  readonly withScores: boolean;
  /** Of ZINTERCARD: where it stops counting; 0 for nowhere. */
  readonly limit: number;
}

/** How a command is called. */
type Mode = 'reply' | 'store' | 'count';

/** Reads the arguments; replies an error and returns null if one is wrong (zunionInterDiffGenericCommand). */
function readRequest(call: Call, operation: Operation, mode: Mode): Request | null {
  const { words, reply } = call;
  const numkeys = mode === 'store' ? 2 : 1;
  const keyCount = integerAt(call, numkeys);
  if (Number.isNaN(keyCount)) return null;
  if (keyCount < 1) {
    reply.error(`ERR at least 1 input key is needed for '${call.command.fullName}' command`);
    return null;
  }
  if (keyCount > words.count - numkeys - 1) {
    reply.error(SYNTAX_ERROR);
    return null;
  }
  const sources: Source[] = [];
  for (let number = 0; number < keyCount; number++) {
    const members = openInput(call, numkeys + 1 + number, number);
    if (members === null) return null;
    sources.push({ members, weight: 1 });
  }
  let aggregate: Aggregate = 'sum';
  let withScores = false;
  let limit = 0;
  const isWeighed = operation !== 'difference' && mode !== 'count';
  for (let at = numkeys + 1 + keyCount; at < words.count; ) {
    const rest = words.count - at;
    if (isWeighed && rest >= keyCount + 1 && words.is(at, 'weights')) {
      at++;
      for (const source of sources) {
        source.weight = parseDouble(words.buffer, words.offsets[at], words.lengths[at]);
        at++;
        if (!Number.isNaN(source.weight)) continue;
        reply.error('ERR weight value is not a float');
        return null;
      }
    } else if (isWeighed && rest >= 2 && words.is(at, 'aggregate')) {
      const named = aggregateAt(call, at + 1);
      if (named === null) return null;
      aggregate = named;
      at += 2;
    } else if (mode === 'reply' && words.is(at, 'withscores')) {
      withScores = true;
      at++;
    } else if (mode === 'count' && rest >= 2 && words.is(at, 'limit')) {
      limit = parseInteger64Rounded(words.buffer, words.offsets[at + 1], words.lengths[at + 1]);
      if (!(limit >= 0)) {
        reply.error("ERR LIMIT can't be negative");
        return null;
      }
      at += 2;
    } else {
      reply.error(SYNTAX_ERROR);
      return null;
    }
  }
  return { operation, sources, aggregate, withScores, limit };
}

function aggregateAt(call: Call, at: number): Aggregate | null {
  const { words } = call;
  if (words.is(at, 'sum')) return 'sum';
  if (words.is(at, 'min')) return 'min';
  if (words.is(at, 'max')) return 'max';
  call.reply.error(SYNTAX_ERROR);
  return null;
}

function bySize(left: Source, right: Source): number {
  return left.members.count - right.members.count;
}

/** Adds the member that an input moved to, which `builtSet` missed last; returns the longest length of members so far. */
function build(members: Members, score: number, lengthMax: number): number {
  const { bytes, memberOffset, memberLength } = members;
  builtSet.insert(bytes, memberOffset, memberLength, score);
  return Math.max(lengthMax, memberLength);
}

/** Fills `builtSet` with the union; returns the longest member's length. */
function unite({ sources, aggregate }: Request): number {
  let lengthMax = 0;
  for (const { members, weight } of sources) {
    for (let more = members.first(); more; more = members.next()) {
      const { bytes, memberOffset, memberLength } = members;
      const score = numbered(weight * members.score);
      if (!builtSet.find(bytes, memberOffset, memberLength)) {
        lengthMax = build(members, score, lengthMax);
        continue;
      }
      const sum = aggregated(builtSet.score, score, aggregate);
      if (!Object.is(sum, builtSet.score)) builtSet.update(bytes, memberOffset, memberLength, sum);
    }
  }
  return lengthMax;
}

/** Walks over the intersection of inputs in order of their size; `visit` gets the score and answers whether to go on. */
function intersect(
  { sources, aggregate }: Request,
  visit: (members: Members, score: number) => boolean,
): void {
  const { members, weight } = sources[0];
  walk: for (let more = members.first(); more; more = members.next()) {
    const { bytes, memberOffset, memberLength } = members;
    let score = numbered(weight * members.score);
    for (let at = 1; at < sources.length; at++) {
      const other = sources[at];
      if (!other.members.find(bytes, memberOffset, memberLength)) continue walk;
      score = aggregated(score, other.members.score * other.weight, aggregate);
    }
    if (!visit(members, score)) return;
  }
}

/** Fills `builtSet` with the members of the first input that no other has; returns the longest one's length. */
function subtract({ sources }: Request): number {
  const [{ members }, ...others] = sources;
  // The larger ones first: there a member is found soonest.
  others.sort((left, right) => bySize(right, left));
  let lengthMax = 0;
  walk: for (let more = members.first(); more; more = members.next()) {
    const { bytes, memberOffset, memberLength } = members;
    for (const other of others) if (other.members.find(bytes, memberOffset, memberLength)) continue walk;
    builtSet.find(bytes, memberOffset, memberLength);
    lengthMax = build(members, members.score, lengthMax);
  }
  return lengthMax;
}

/** Fills `builtSet` with what is asked for; returns the longest member's length. */
function fill(request: Request): number {
  if (request.operation === 'difference') return subtract(request);
  request.sources.sort(bySize);
  if (request.operation === 'union') return unite(request);
  let lengthMax = 0;
  intersect(request, (members, score) => {
    builtSet.find(members.bytes, members.memberOffset, members.memberLength);
    lengthMax = build(members, score, lengthMax);
    return true;
  });
  return lengthMax;
}

function operate(call: Call, operation: Operation, event: string): void {
  const isStored = event !== '';
  const request = readRequest(call, operation, isStored ? 'store' : 'reply');
  if (request === null) return;
  buildSet(call, ENCODING_SKIPLIST, () => {
    const lengthMax = fill(request);
    if (isStored && encodingFor(call, builtSet.count, lengthMax) === ENCODING_LISTPACK) builtSet.compact();
  });
  if (isStored) {
    storeBuilt(call, event);
    return;
  }
  const { withScores } = request;
  try {
    replyMemberCount(call, builtSet.count, withScores);
    for (let more = builtSet.seekRank(0); more; more = builtSet.next())
      replyMember(call, builtSet, withScores);
  } finally {
    call.services.free(builtSet.drop(), false);
  }
}

function zintercard(call: Call): void {
  const request = readRequest(call, 'intersection', 'count');
  if (request === null) return;
  const { limit, sources } = request;
  sources.sort(bySize);
  let count = 0;
  intersect(request, () => ++count !== limit);
  call.reply.integer(count);
}

const SOURCES = countedKeys(1, 1, 'RO', 'access');
const STORED = [keyAt(1, 'OW', 'update'), countedKeys(2, 1, 'RO', 'access')];
const OF_UNION = 'O(N log M) in the members of all inputs and those of the result.';
const OF_INTERSECTION =
  'O(N K + M log M) in the members of the smallest input, the inputs, and the members of the result.';
const OF_DIFFERENCE =
  'O(N K + M log M) in the members of the first input, the inputs, and the members of the result.';

/** The commands that unite, intersect and subtract sorted sets and sets. */
export const OPERATION_COMMANDS: readonly CommandRow[] = [
  {
    ...row('zdiff'),
    summary: 'Returns the members of a sorted set that no other has.',
    since: '6.2.0',
    complexity: OF_DIFFERENCE,
    arity: -3,
    flags: ['readonly'],
    keys: [SOURCES],
    elements: allElements,
    execute: (call) => operate(call, 'difference', ''),
  },
  {
    ...row('zdiffstore'),
    summary: 'Stores the members of a sorted set that no other has under a key.',
    since: '6.2.0',
    complexity: OF_DIFFERENCE,
    arity: -4,
    flags: ['write', 'denyoom'],
    keys: STORED,
    elements: sourceElements,
    execute: (call) => operate(call, 'difference', 'zdiffstore'),
  },
  {
    ...row('zinter'),
    summary: 'Returns the members that all of several sorted sets have.',
    since: '6.2.0',
    complexity: OF_INTERSECTION,
    arity: -3,
    flags: ['readonly'],
    keys: [SOURCES],
    elements: allElements,
    execute: (call) => operate(call, 'intersection', ''),
  },
  {
    ...row('zintercard'),
    summary: 'Counts the members that all of several sorted sets have.',
    since: '7.0.0',
    complexity: 'O(N K) in the members of the smallest input and the inputs.',
    arity: -3,
    flags: ['readonly'],
    keys: [SOURCES],
    elements: allElements,
    execute: zintercard,
  },
  {
    ...row('zinterstore'),
    summary: 'Stores the members that all of several sorted sets have under a key.',
    since: '2.0.0',
    complexity: OF_INTERSECTION,
    arity: -4,
    flags: ['write', 'denyoom'],
    keys: STORED,
    elements: sourceElements,
    execute: (call) => operate(call, 'intersection', 'zinterstore'),
  },
  {
    ...row('zunion'),
    summary: 'Returns the members that any of several sorted sets has.',
    since: '6.2.0',
    complexity: OF_UNION,
    arity: -3,
    flags: ['readonly'],
    keys: [SOURCES],
    elements: allElements,
    execute: (call) => operate(call, 'union', ''),
  },
  {
    ...row('zunionstore'),
    summary: 'Stores the members that any of several sorted sets has under a key.',
    since: '2.0.0',
    complexity: OF_UNION,
    arity: -4,
    flags: ['write', 'denyoom'],
    keys: STORED,
    elements: sourceElements,
    execute: (call) => operate(call, 'union', 'zunionstore'),
  },
];
