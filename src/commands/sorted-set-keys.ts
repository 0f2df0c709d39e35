import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow } from '../command-table/row.ts';
import { OVERWRITE } from '../keyspace/database.ts';
import { NOTIFY_SORTED_SET } from '../keyspace/keyspace.ts';
import { TYPE_SORTED_SET } from '../keyspace/record.ts';
import { ENCODING_LISTPACK, ENCODING_SKIPLIST } from '../types/sorted-set/encoding.ts';
import { SortedSetValue } from '../types/sorted-set/sorted-set.ts';
import { SORTED_SET_DOCS } from './sorted-sets-docs.ts';
import { findOfType, storeEmpty, tellChanges } from './typed-keys.ts';

/** What the commands on sorted sets share: keys that hold them, their encodings, and replies of their members. */

/** The sorted set of the command being run: the source of one that stores what it finds. */
export const sortedSet = new SortedSetValue();
/** One that a command builds before it is stored. */
export const builtSet = new SortedSetValue();

/** Looks the sorted set in argument `at` up and opens it; replies WRONGTYPE and returns null for another type. */
export function openSortedSet(
  call: Call,
  at: number,
  how: number,
  isForWriting: boolean,
): 'found' | 'missing' | null {
  const found = findOfType(call, at, TYPE_SORTED_SET, how);
  if (found === 'found') sortedSet.open(call.database, isForWriting);
  return found;
}

/** Makes the sorted set that was looked up last and is missing, which counts as a change, and opens it. */
export function createSortedSet(call: Call, encoding: number): void {
  storeEmpty(call, TYPE_SORTED_SET, encoding, SortedSetValue.emptyBytes);
  sortedSet.open(call.database, true);
}

/** The encoding of a sorted set of so many members of which the longest has a length. */
export function encodingFor(call: Call, count: number, length: number): number {
  const { values } = call.services.config;
  const isSmall = count <= values['zset-max-listpack-entries'] && length <= values['zset-max-listpack-value'];
  return isSmall ? ENCODING_LISTPACK : ENCODING_SKIPLIST;
}

/** Adds the member that `set` missed last, changing the encoding where it needs to be (zsetAdd). */
export function insertMember(
  call: Call,
  set: SortedSetValue,
  bytes: Uint8Array,
  offset: number,
  length: number,
  score: number,
): void {
  if (set.encoding === ENCODING_LISTPACK) set.encoding = encodingFor(call, set.count + 1, length);
  set.insert(bytes, offset, length, score);
}

/** Ends a command that removed `removed` members, one at least, of the open sorted set: saves it, or removes the key if none is left. */
export function endRemoval(call: Call, removed: number, event: string): void {
  const { database } = call;
  sortedSet.save();
  const isGone = sortedSet.count === 0;
  tellChanges(call, removed, isGone);
  database.notify(NOTIFY_SORTED_SET, event);
  if (isGone) {
    database.delete();
  }
}

/** Removes members from the one with `rank` members before it on, one at least, and tells so. */
export function removeMembers(call: Call, rank: number, count: number, event: string): void {
  if (count < sortedSet.count) {
    sortedSet.removeRange(rank, count);
    endRemoval(call, count, event);
    return;
  }
  const { database } = call;
  tellChanges(call, count, true);
  database.notify(NOTIFY_SORTED_SET, event);
  database.delete();
}

/** Replies the member that `set` moved to last, with its score where asked for: within an array of its own in RESP3, or if `isPair`. */
export function replyMember(call: Call, set: SortedSetValue, withScores: boolean, isPair = false): void {
  const { reply } = call;
  if (withScores && (isPair || reply.protocol === 3)) reply.array(2);
  reply.bulk(set.bytes, set.memberOffset, set.memberLength);
  if (withScores) reply.double(set.score);
}

/** The head of an array of members: in RESP2 they and their scores are in one. */
export function replyMemberCount(call: Call, count: number, withScores: boolean): void {
  call.reply.array(withScores && call.reply.protocol !== 3 ? count * 2 : count);
}

/**
 * Stores the sorted set that was built under the key in argument 1 and replies its count; without members removes the key. Tells
 * so by `event`.
 */
export function storeBuilt(call: Call, event: string): void {
  const { database, reply } = call;
  builtSet.save();
  if (builtSet.count === 0) {
    if (call.find(1, OVERWRITE)) database.delete();
    reply.integer(0);
    return;
  }
  const { bytes, offset, length, encoding } = builtSet.payload;
  call.find(1, OVERWRITE);
  const entry = database.overwrite(TYPE_SORTED_SET, encoding, length, -1);
  entry.bytes.set(bytes.subarray(offset, offset + length), entry.payloadOffset);
  database.notify(NOTIFY_SORTED_SET, event);
  reply.integer(builtSet.count);
}

/** Runs `build`, which fills the set to be stored, whose pages are freed if that fails. */
export function buildSet(call: Call, encoding: number, build: () => void): void {
  builtSet.begin(call.database, encoding);
  try {
    build();
  } catch (error) {
    call.services.free(builtSet.drop(), false);
    throw error;
  }
}

/** What the rows of this family share, and the documentation of one. */
export function row(
  name: keyof typeof SORTED_SET_DOCS,
): Pick<CommandRow, 'name' | 'group' | 'categories' | 'need'> & CommandDocs {
  return { name, group: 'sorted-set', categories: ['sortedset'], need: 'value', ...SORTED_SET_DOCS[name] };
}
