import { equalBytes, sliceBytes } from '../base/bytes.ts';
import {
  INVALID_CURSOR,
  NOT_AN_INTEGER,
  OUT_OF_RANGE_POSITIVE,
  SYNTAX_ERROR,
  WRONG_TYPE,
} from '../base/error-replies.ts';
import { isCanonicalInteger, parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow } from '../command-table/row.ts';
import { READ, WRITE } from '../keyspace/database.ts';
import { NOTIFY_SET } from '../keyspace/keyspace.ts';
import { TYPE_SET } from '../keyspace/record.ts';
import {
  ENCODING_HASHTABLE,
  ENCODING_INTSET,
  ENCODING_LISTPACK,
  encodingFor,
} from '../types/set/encoding.ts';
import { SetValue } from '../types/set/set.ts';
import { isScanned, readCollectionScan, readCursor } from './collection-scan.ts';
import { addedElements, allElements, namedElements, scannedElements, sourceElements } from './elements.ts';
import { countedKeys, keyAt, keysFrom } from './key-specs.ts';
import {
  replyMember,
  replyMembers,
  sdiff,
  sdiffstore,
  sinter,
  sintercard,
  sinterstore,
  storeValue,
  sunion,
  sunionstore,
  withBuilt,
} from './set-operations.ts';
import { SET_DOCS } from './sets-docs.ts';
import { findOfType, storeEmpty, tellChanges } from './typed-keys.ts';

/** Members that one SREM takes away, where SPOP is propagated so. */
const PROPAGATED_MEMBERS_MAX = 1024;
/** SPOP builds a new set of what is left where it pops more than so many times as much. */
const POP_RATIO_MAX = 5;
/** SRANDMEMBER walks over the whole set where that has less than so many members for each one wanted. */
const WALK_RATIO_MAX = 10;
/** Bytes of a reply that a member takes at least. */
const MEMBER_REPLY_BYTES_MIN = 6;
/** Parts of a set that a scan looks at for each element that it is to look at, since parts may be empty. */
const SCAN_PARTS_RATIO = 10;

/** The set of the command being run. */
const set = new SetValue();

/** Looks the set in argument `at` up and opens it; replies WRONGTYPE and returns null for another type. */
function openSet(call: Call, at: number, isForWriting: boolean): 'found' | 'missing' | null {
  const found = findOfType(call, at, TYPE_SET, isForWriting ? WRITE : READ);
  if (found === 'found') set.open(call.database, isForWriting);
  return found;
}

/** Makes the set that was looked up last and is missing, for `count` members from argument `at` on, as one change, and opens it. */
function createSet(call: Call, at: number, count: number): void {
  const { words, database } = call;
  const isInteger = isCanonicalInteger(words.buffer, words.offsets[at], words.lengths[at]);
  const encoding = encodingFor(call.services.config.values, isInteger, count);
  storeEmpty(call, TYPE_SET, encoding, SetValue.emptyBytes);
  set.open(database, true);
}

/** Ends a command that removed members of the open set: saves it, or removes the key if none is left. */
function endRemoval(call: Call, removed: number, event: string): void {
  const { database } = call;
  const isGone = set.count === 0;
  set.save();
  tellChanges(call, removed, isGone);
  database.notify(NOTIFY_SET, event);
  if (!isGone) return;
  database.delete();
}

function sadd(call: Call): void {
  const { words, database, reply } = call;
  const { values: limits } = call.services.config;
  const { buffer, offsets, lengths, count } = words;
  const found = openSet(call, 1, true);
  if (found === null) return;
  const isNew = found === 'missing';
  if (isNew) createSet(call, 2, count - 2);
  else set.anticipate(limits, count - 2);
  let added = 0;
  for (let at = 2; at < count; at++) if (set.add(limits, buffer, offsets[at], lengths[at])) added++;
  set.save();
  if (added > 0) {
    tellChanges(call, added, isNew);
    database.notify(NOTIFY_SET, 'sadd');
  }
  reply.integer(added);
}

function srem(call: Call): void {
  const { words, reply } = call;
  const found = openSet(call, 1, true);
  if (found === null) return;
  let removed = 0;
  if (found === 'found') {
    for (let at = 2; at < words.count && set.count > 0; at++)
      if (set.remove(words.buffer, words.offsets[at], words.lengths[at])) removed++;
    if (removed > 0) endRemoval(call, removed, 'srem');
  }
  reply.integer(removed);
}

function smove(call: Call): void {
  const { words, database, reply } = call;
  const { buffer, offsets, lengths } = words;
  const isThere = call.find(1, WRITE);
  const sourceType = isThere ? database.entry.type : TYPE_SET;
  const hasTarget = call.find(2, WRITE);
  if (!isThere) {
    reply.integer(0);
    return;
  }
  if (sourceType !== TYPE_SET || (hasTarget && database.entry.type !== TYPE_SET)) {
    reply.error(WRONG_TYPE);
    return;
  }
  call.find(1, 0);
  if (lengths[1] === lengths[2] && equalBytes(buffer, offsets[1], buffer, offsets[2], lengths[1])) {
    set.open(database, false);
    reply.integer(set.has(buffer, offsets[3], lengths[3]) ? 1 : 0);
    return;
  }
  set.open(database, true);
  if (!set.remove(buffer, offsets[3], lengths[3])) {
    reply.integer(0);
    return;
  }
  endRemoval(call, 1, 'srem');
  call.find(2, 0);
  if (hasTarget) set.open(database, true);
  else createSet(call, 3, 1);
  if (set.add(call.services.config.values, buffer, offsets[3], lengths[3])) {
    set.save();
    tellChanges(call, 1, !hasTarget);
    database.notify(NOTIFY_SET, 'sadd');
  }
  reply.integer(1);
}

function scard(call: Call): void {
  const found = openSet(call, 1, false);
  if (found !== null) call.reply.integer(found === 'found' ? set.count : 0);
}

function sismember(call: Call): void {
  const { words, reply } = call;
  const found = openSet(call, 1, false);
  if (found === null) return;
  const isThere = found === 'found' && set.has(words.buffer, words.offsets[2], words.lengths[2]);
  reply.integer(isThere ? 1 : 0);
}

function smismember(call: Call): void {
  const { words, reply } = call;
  const found = openSet(call, 1, false);
  if (found === null) return;
  reply.array(words.count - 2);
  for (let at = 2; at < words.count; at++) {
    const isThere = found === 'found' && set.has(words.buffer, words.offsets[at], words.lengths[at]);
    reply.integer(isThere ? 1 : 0);
  }
}

function spop(call: Call): void {
  const { words, reply } = call;
  if (words.count > 3) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  if (words.count === 3) {
    spopMany(call);
    return;
  }
  const found = openSet(call, 1, true);
  if (found === null) return;
  if (found === 'missing') {
    reply.null();
    return;
  }
  set.seekRandom(call.services.random);
  replyMember(reply, set);
  call.propagateAs('SREM', words.copy(1), sliceBytes(set.bytes, set.offset, set.length));
  set.removeFound();
  endRemoval(call, 1, 'spop');
}

/** Propagates members that were taken away as commands SREM of many. */
class Removals {
  readonly #call: Call;
  readonly #key: Uint8Array;
  #members: Uint8Array[] = [];

  constructor(call: Call) {
    this.#call = call;
    this.#key = call.words.copy(1);
  }

  /** Adds the member that the set moved to. */
  add(): void {
    this.#members.push(sliceBytes(set.bytes, set.offset, set.length));
    if (this.#members.length === PROPAGATED_MEMBERS_MAX) this.end();
  }

  end(): void {
    if (this.#members.length > 0) this.#call.propagateAs('SREM', this.#key, ...this.#members);
    this.#members = [];
  }
}

function spopMany(call: Call): void {
  const { words, database, reply } = call;
  const wanted = parseInteger64Rounded(words.buffer, words.offsets[2], words.lengths[2]);
  if (Number.isNaN(wanted) || wanted < 0) {
    reply.error(OUT_OF_RANGE_POSITIVE);
    return;
  }
  const found = openSet(call, 1, true);
  if (found === null) return;
  if (found === 'missing' || wanted === 0) {
    reply.set(0);
    return;
  }
  const { count } = set;
  if (wanted >= count) {
    reply.set(count);
    replyMembers(reply, set);
    tellChanges(call, count, true);
    database.notify(NOTIFY_SET, 'spop');
    database.delete();
    call.propagateAs(
      call.services.config.values['lazyfree-lazy-server-del'] ? 'UNLINK' : 'DEL',
      words.copy(1),
    );
    return;
  }
  reply.set(wanted);
  const removals = new Removals(call);
  if (wanted >= (count - wanted) * POP_RATIO_MAX) {
    keepFew(call, wanted, removals);
    tellChanges(call, wanted, true);
    database.notify(NOTIFY_SET, 'spop');
  } else {
    for (let popped = 0; popped < wanted; popped++) {
      set.seekRandom(call.services.random);
      replyMember(reply, set);
      removals.add();
      set.removeFound();
    }
    endRemoval(call, wanted, 'spop');
  }
  removals.end();
}

/** Replies all members of the open set but a few, which become a new set under its key, as one change. */
function keepFew(call: Call, wanted: number, removals: Removals): void {
  const { database, reply } = call;
  const { random } = call.services;
  const { values: limits } = call.services.config;
  const { expireAt } = database.entry;
  const fill = (kept: SetValue): void => {
    let left = set.count;
    let toPop = wanted;
    for (set.rewind(); set.next(); left--) {
      if (random.below(left) < toPop) {
        toPop--;
        replyMember(reply, set);
        removals.add();
      } else {
        kept.add(limits, set.bytes, set.offset, set.length);
      }
    }
  };
  const encoding = set.encoding === ENCODING_INTSET ? ENCODING_INTSET : ENCODING_LISTPACK;
  withBuilt(call, encoding, fill, (kept) => {
    call.find(1, 0);
    storeValue(call, kept, expireAt);
    return true;
  });
}

function srandmember(call: Call): void {
  const { words, reply } = call;
  if (words.count > 3) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  if (words.count === 3) {
    srandmemberMany(call);
    return;
  }
  const found = openSet(call, 1, false);
  if (found === null) return;
  if (found === 'missing') {
    reply.null();
    return;
  }
  set.seekRandom(call.services.random);
  replyMember(reply, set);
}

function srandmemberMany(call: Call): void {
  const { words, reply } = call;
  const wanted = parseInteger64Rounded(words.buffer, words.offsets[2], words.lengths[2]);
  if (Number.isNaN(wanted)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (wanted < -Number.MAX_SAFE_INTEGER && words.text(2) === '-9223372036854775808') {
    reply.error('ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807');
    return;
  }
  const found = openSet(call, 1, false);
  if (found === null) return;
  if (found === 'missing' || wanted === 0) {
    reply.array(0);
    return;
  }
  const { random } = call.services;
  if (wanted < 0) {
    reply.reserve(-wanted * MEMBER_REPLY_BYTES_MIN);
    reply.array(-wanted);
    for (let drawn = wanted; drawn < 0; drawn++) {
      set.seekRandom(random);
      replyMember(reply, set);
    }
  } else if (wanted >= set.count) {
    reply.array(set.count);
    replyMembers(reply, set);
  } else {
    reply.array(wanted);
    if (!set.isPaged || wanted * WALK_RATIO_MAX > set.count) drawByWalk(call, wanted);
    else drawDistinct(call, wanted);
  }
}

/** Replies that many members of the open set, each with the same chance, in a walk over all of them (Knuth's algorithm S). */
function drawByWalk(call: Call, wanted: number): void {
  const { random } = call.services;
  let left = set.count;
  for (set.rewind(); wanted > 0 && set.next(); left--) {
    if (random.below(left) >= wanted) continue;
    wanted--;
    replyMember(call.reply, set);
  }
}

/** Replies that many members of the open set, drawing anew what was drawn before. */
function drawDistinct(call: Call, wanted: number): void {
  const { random } = call.services;
  const { values: limits } = call.services.config;
  const fill = (drawn: SetValue): void => {
    for (let left = wanted; left > 0; ) {
      set.seekRandom(random);
      if (!drawn.add(limits, set.bytes, set.offset, set.length)) continue;
      left--;
      replyMember(call.reply, set);
    }
  };
  withBuilt(call, ENCODING_HASHTABLE, fill, () => false);
}

function sscan(call: Call): void {
  const { words, reply } = call;
  const cursor = readCursor(words.text(2));
  if (cursor === undefined) {
    reply.error(INVALID_CURSOR);
    return;
  }
  const found = openSet(call, 1, false);
  if (found === null) return;
  if (found === 'missing') {
    reply.array(2);
    reply.bulkText('0');
    reply.array(0);
    return;
  }
  const scan = readCollectionScan(call, false);
  if (scan === null) return;
  // What Redis keeps in an intset or a listpack it replies at once.
  const isWhole = set.encoding !== ENCODING_HASHTABLE;
  const members: Uint8Array[] = [];
  let position = isWhole ? 0 : cursor;
  let visited = 0;
  let parts = 0;
  do {
    position = set.scan(position);
    parts++;
    for (; set.next(); visited++) {
      if (isScanned(call, scan, set.bytes, set.offset, set.length))
        members.push(sliceBytes(set.bytes, set.offset, set.length));
    }
  } while (position !== 0 && (isWhole || (visited < scan.count && parts < scan.count * SCAN_PARTS_RATIO)));
  reply.array(2);
  reply.bulkInteger(position);
  reply.array(members.length);
  for (const member of members) reply.bulk(member, 0, member.length);
}

/** What the rows of this family share, and the documentation of one. */
function row(
  name: keyof typeof SET_DOCS,
): Pick<CommandRow, 'name' | 'group' | 'categories' | 'need'> & CommandDocs {
  return { name, group: 'set', categories: ['set'], need: 'value', ...SET_DOCS[name] };
}

/** The commands on sets. */
export const SET_COMMANDS: readonly CommandRow[] = [
  {
    ...row('sadd'),
    summary: 'Add one or more members to a set',
    since: '1.0.0',
    complexity:
      'O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    elements: addedElements(2),
    execute: sadd,
  },
  {
    ...row('scard'),
    summary: 'Get the number of members in a set',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    execute: scard,
  },
  {
    ...row('sdiff'),
    summary: 'Subtract multiple sets',
    since: '1.0.0',
    complexity: 'O(N) where N is the total number of elements in all given sets.',
    arity: -2,
    flags: ['readonly'],
    keys: [keysFrom(1, 1, 'RO', 'access')],
    elements: allElements,
    execute: sdiff,
  },
  {
    ...row('sdiffstore'),
    summary: 'Subtract multiple sets and store the resulting set in a key',
    since: '1.0.0',
    complexity: 'O(N) where N is the total number of elements in all given sets.',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'OW', 'update'), keysFrom(2, 1, 'RO', 'access')],
    elements: sourceElements,
    execute: sdiffstore,
  },
  {
    ...row('sinter'),
    summary: 'Intersect multiple sets',
    since: '1.0.0',
    complexity:
      'O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.',
    arity: -2,
    flags: ['readonly'],
    keys: [keysFrom(1, 1, 'RO', 'access')],
    elements: allElements,
    execute: sinter,
  },
  {
    ...row('sintercard'),
    summary: 'Intersect multiple sets and return the cardinality of the result',
    since: '7.0.0',
    complexity:
      'O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.',
    arity: -3,
    flags: ['readonly'],
    keys: [countedKeys(1, 1, 'RO', 'access')],
    elements: allElements,
    execute: sintercard,
  },
  {
    ...row('sinterstore'),
    summary: 'Intersect multiple sets and store the resulting set in a key',
    since: '1.0.0',
    complexity:
      'O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'update'), keysFrom(2, 1, 'RO', 'access')],
    elements: sourceElements,
    execute: sinterstore,
  },
  {
    ...row('sismember'),
    summary: 'Determine if a given value is a member of a set',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    elements: namedElements(2, 1, 2),
    execute: sismember,
  },
  {
    ...row('smembers'),
    summary: 'Get all the members in a set',
    since: '1.0.0',
    complexity: 'O(N) where N is the set cardinality.',
    arity: 2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: allElements,
    execute: sinter,
  },
  {
    ...row('smismember'),
    summary: 'Returns the membership associated with the given elements for a set',
    since: '6.2.0',
    complexity: 'O(N) where N is the number of elements being checked for membership',
    arity: -3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: namedElements(2),
    execute: smismember,
  },
  {
    ...row('smove'),
    summary: 'Move a member from one set to another',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'delete'), keyAt(2, 'RW', 'insert')],
    elements: namedElements(3, 1, 3),
    execute: smove,
  },
  {
    ...row('spop'),
    summary: 'Remove and return one or multiple random members from a set',
    since: '1.0.0',
    complexity: 'Without the count argument O(1), otherwise O(N) where N is the value of the passed count.',
    arity: -2,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'delete')],
    execute: spop,
  },
  {
    ...row('srandmember'),
    summary: 'Get one or multiple random members from a set',
    since: '1.0.0',
    complexity:
      'Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: srandmember,
  },
  {
    ...row('srem'),
    summary: 'Remove one or more members from a set',
    since: '1.0.0',
    complexity: 'O(N) where N is the number of members to be removed.',
    arity: -3,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    elements: namedElements(2),
    execute: srem,
  },
  {
    ...row('sscan'),
    summary: 'Incrementally iterate Set elements',
    since: '2.8.0',
    complexity:
      'O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..',
    arity: -3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: scannedElements,
    execute: sscan,
  },
  {
    ...row('sunion'),
    summary: 'Add multiple sets',
    since: '1.0.0',
    complexity: 'O(N) where N is the total number of elements in all given sets.',
    arity: -2,
    flags: ['readonly'],
    keys: [keysFrom(1, 1, 'RO', 'access')],
    elements: allElements,
    execute: sunion,
  },
  {
    ...row('sunionstore'),
    summary: 'Add multiple sets and store the resulting set in a key',
    since: '1.0.0',
    complexity: 'O(N) where N is the total number of elements in all given sets.',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'OW', 'update'), keysFrom(2, 1, 'RO', 'access')],
    elements: sourceElements,
    execute: sunionstore,
  },
];
