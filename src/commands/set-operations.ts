import { NUMKEYS_NOT_POSITIVE, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import { OVERWRITE, READ } from '../keyspace/database.ts';
import { NOTIFY_SET } from '../keyspace/keyspace.ts';
import { TYPE_SET } from '../keyspace/record.ts';
import type { Encoder } from '../resp/encoder.ts';
import { ENCODING_INTSET, ENCODING_LISTPACK, intsetEntriesMax } from '../types/set/encoding.ts';
import { SetValue } from '../types/set/set.ts';
import { findOfType } from './typed-keys.ts';

/** Intersection, union and difference of sets, and what they share with other commands: sets that no key has yet. */

/** A set that a command builds before it is replied or stored. */
const built = new SetValue();
const integersBuilt = new SetValue();

/** The sets of the command being run that exist, in the order of their keys, and those objects that serve in turn. */
const sources: SetValue[] = [];
const pool: SetValue[] = [];
let sourceKeyCount = 0;
let isFirstThere = false;

/**
 * Opens the sets in `count` arguments from `first` on for reading; a missing one is empty. False after replying WRONGTYPE.
 */
function openSources(call: Call, first: number, count: number): boolean {
  sources.length = 0;
  sourceKeyCount = count;
  isFirstThere = false;
  for (let number = 0; number < count; number++) {
    const found = findOfType(call, first + number, TYPE_SET, READ);
    if (found === null) return false;
    if (found === 'missing') continue;
    if (number === 0) isFirstThere = true;
    if (pool.length === sources.length) pool.push(new SetValue());
    const source = pool[sources.length];
    source.open(call.database, false);
    sources.push(source);
  }
  return true;
}

/** Whether the member that `source` moved to is in all the sources from number 1 on, or in none of them. */
function isInAll(source: SetValue): boolean {
  const { bytes, offset, length } = source;
  for (let number = 1; number < sources.length; number++)
    if (!sources[number].has(bytes, offset, length)) return false;
  return true;
}

function isInNone(source: SetValue): boolean {
  const { bytes, offset, length } = source;
  for (let number = 1; number < sources.length; number++)
    if (sources[number].has(bytes, offset, length)) return false;
  return true;
}

/** Writes the member that a set moved to. */
export function replyMember(reply: Encoder, set: SetValue): void {
  reply.bulk(set.bytes, set.offset, set.length);
}

/** Writes all members of a set, whose number the caller has written. */
export function replyMembers(reply: Encoder, set: SetValue): void {
  set.rewind();
  while (set.next()) replyMember(reply, set);
}

/**
 * Has `fill` add members to a set that no key has, of an encoding at first, and passes it to `use`, which stores it or not:
 * true if a key has it now. Otherwise its pages are freed.
 */
export function withBuilt(
  call: Call,
  encoding: number,
  fill: (target: SetValue) => void,
  use: (target: SetValue) => boolean,
): void {
  built.begin(call.database, encoding);
  let isKept = false;
  try {
    fill(built);
    built.save();
    isKept = use(built);
  } finally {
    if (!isKept && built.isPaged) call.services.free(built.drop(), false);
  }
}

/** Gives the key that was looked up last a set that was built, as one change. */
export function storeValue(call: Call, target: SetValue, expireAt: number): void {
  const { bytes, offset, length, encoding } = target.payload;
  const entry = call.database.store(TYPE_SET, encoding, length, expireAt);
  entry.bytes.set(bytes.subarray(offset, offset + length), entry.payloadOffset);
}

/** Stores a set that was built under the key in argument 1 and replies its count; without members removes the key. */
function storeResult(call: Call, target: SetValue, event: string): boolean {
  const { database, reply } = call;
  const { count } = target;
  const isThere = call.find(1, OVERWRITE);
  reply.integer(count);
  if (count === 0) {
    if (isThere) database.delete();
    return false;
  }
  const oldType = isThere ? database.entry.type : -1;
  storeValue(call, target, -1);
  if (oldType >= 0) database.notifyOverwritten(oldType, TYPE_SET);
  database.notify(NOTIFY_SET, event);
  return true;
}

/** Sorts the sources from number `first` on by their counts. */
function sortSources(first: number, isAscending: boolean): void {
  const sorted = sources.splice(first).sort((left, right) => left.count - right.count);
  if (!isAscending) sorted.reverse();
  for (let at = 0; at < sorted.length; at++) sources.push(sorted[at]);
}

/** SINTER, and SMEMBERS: walks the smallest set and asks the others. */
export function sinter(call: Call): void {
  const { words, reply } = call;
  if (!openSources(call, 1, words.count - 1)) return;
  if (sources.length < sourceKeyCount) {
    reply.set(0);
    return;
  }
  sortSources(0, true);
  const [smallest] = sources;
  if (sources.length === 1) {
    reply.set(smallest.count);
    replyMembers(reply, smallest);
    return;
  }
  const mark = reply.open();
  let count = 0;
  smallest.rewind();
  while (smallest.next()) {
    if (!isInAll(smallest)) continue;
    replyMember(reply, smallest);
    count++;
  }
  reply.closeSet(mark, count);
}

/** SINTERCARD. */
export function sintercard(call: Call): void {
  const { words, reply } = call;
  const keyCount = parseInteger64Rounded(words.buffer, words.offsets[1], words.lengths[1]);
  if (Number.isNaN(keyCount) || keyCount < 1) {
    reply.error(NUMKEYS_NOT_POSITIVE);
    return;
  }
  if (keyCount > words.count - 2) {
    reply.error("ERR Number of keys can't be greater than number of args");
    return;
  }
  let limit = 0;
  for (let at = 2 + keyCount; at < words.count; at++) {
    if (!words.is(at, 'limit') || at + 1 === words.count) {
      reply.error(SYNTAX_ERROR);
      return;
    }
    at++;
    limit = parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
    if (Number.isNaN(limit) || limit < 0) {
      reply.error("ERR LIMIT can't be negative");
      return;
    }
  }
  if (!openSources(call, 2, keyCount)) return;
  let count = 0;
  if (sources.length === sourceKeyCount) {
    sortSources(0, true);
    const [smallest] = sources;
    smallest.rewind();
    while ((limit === 0 || count < limit) && smallest.next()) if (isInAll(smallest)) count++;
  }
  reply.integer(count);
}

/** SINTERSTORE. */
export function sinterstore(call: Call): void {
  if (!openSources(call, 2, call.words.count - 2)) return;
  const { values: limits } = call.services.config;
  const isEmpty = sources.length < sourceKeyCount;
  sortSources(0, true);
  // What may be integers begins as a listpack, and becomes an intset if it is that in the end.
  const isIntset = !isEmpty && sources[0].encoding === ENCODING_INTSET;
  let areIntegers = true;
  const fill = (target: SetValue): void => {
    if (isEmpty) return;
    const [smallest] = sources;
    smallest.rewind();
    while (smallest.next()) {
      if (!isInAll(smallest)) continue;
      if (areIntegers) areIntegers = smallest.isAtInteger;
      target.add(limits, smallest.bytes, smallest.offset, smallest.length);
    }
  };
  withBuilt(call, isIntset ? ENCODING_INTSET : ENCODING_LISTPACK, fill, (target) => {
    if (!areIntegers || isIntset || target.count > intsetEntriesMax(limits))
      return storeResult(call, target, 'sinterstore');
    const integers = integersBuilt;
    integers.begin(call.database, ENCODING_INTSET);
    target.rewind();
    while (target.next()) integers.add(limits, target.bytes, target.offset, target.length);
    storeResult(call, integers, 'sinterstore');
    return false;
  });
}

function fillUnion(call: Call, target: SetValue): void {
  const { values: limits } = call.services.config;
  sources.sort((left, right) => right.pageCount - left.pageCount);
  if (sources.length > 0) target.reserve(sources[0].pageCount);
  for (const source of sources) {
    source.rewind();
    while (source.next()) target.add(limits, source.bytes, source.offset, source.length);
  }
}

/** SUNION. */
export function sunion(call: Call): void {
  const { words, reply } = call;
  if (!openSources(call, 1, words.count - 1)) return;
  if (sources.length <= 1) {
    reply.set(sources.length === 0 ? 0 : sources[0].count);
    if (sources.length === 1) replyMembers(reply, sources[0]);
    return;
  }
  withBuilt(
    call,
    ENCODING_INTSET,
    (target) => fillUnion(call, target),
    (target) => replyBuilt(reply, target),
  );
}

function replyBuilt(reply: Encoder, target: SetValue): false {
  reply.set(target.count);
  replyMembers(reply, target);
  return false;
}

/** SUNIONSTORE. */
export function sunionstore(call: Call): void {
  if (!openSources(call, 2, call.words.count - 2)) return;
  withBuilt(
    call,
    ENCODING_INTSET,
    (target) => fillUnion(call, target),
    (target) => storeResult(call, target, 'sunionstore'),
  );
}

/**
 * Whether a difference is quicker found by asking the other sets for each member of the first one than by removing their
 * members from a copy of it (sunionDiffGenericCommand). The first source is there.
 */
function asksOthers(): boolean {
  let removals = 0;
  for (const source of sources) removals += source.count;
  return (sources[0].count * sources.length) / 2 <= removals;
}

function fillDifference(call: Call, target: SetValue): void {
  if (!isFirstThere) return;
  const { values: limits } = call.services.config;
  const [first] = sources;
  const asks = asksOthers();
  if (asks) sortSources(1, false);
  first.rewind();
  while (first.next())
    if (!asks || isInNone(first)) target.add(limits, first.bytes, first.offset, first.length);
  if (asks) return;
  for (let number = 1; number < sources.length && target.count > 0; number++) {
    const source = sources[number];
    source.rewind();
    while (source.next()) target.remove(source.bytes, source.offset, source.length);
  }
}

/** SDIFF. */
export function sdiff(call: Call): void {
  const { words, reply } = call;
  if (!openSources(call, 1, words.count - 1)) return;
  if (!isFirstThere) {
    reply.set(0);
    return;
  }
  if (!asksOthers()) {
    withBuilt(
      call,
      ENCODING_INTSET,
      (target) => fillDifference(call, target),
      (target) => replyBuilt(reply, target),
    );
    return;
  }
  sortSources(1, false);
  const [first] = sources;
  const mark = reply.open();
  let count = 0;
  first.rewind();
  while (first.next()) {
    if (!isInNone(first)) continue;
    replyMember(reply, first);
    count++;
  }
  reply.closeSet(mark, count);
}

/** SDIFFSTORE. */
export function sdiffstore(call: Call): void {
  if (!openSources(call, 2, call.words.count - 2)) return;
  withBuilt(
    call,
    ENCODING_INTSET,
    (target) => fillDifference(call, target),
    (target) => storeResult(call, target, 'sdiffstore'),
  );
}
