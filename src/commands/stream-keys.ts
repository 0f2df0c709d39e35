import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow, ElementNeed } from '../command-table/row.ts';
import { TYPE_STREAM } from '../keyspace/record.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { Encoder } from '../resp/encoder.ts';
import { isReached } from '../types/pages/near.ts';
import { ID_TEXT_BYTES, StreamId } from '../types/stream/id.ts';
import { StreamValue } from '../types/stream/stream.ts';
import type { ReferencePolicy } from '../types/stream/trim.ts';
import { STREAM_DOCS } from './streams-docs.ts';
import { findOfType } from './typed-keys.ts';

/** What the commands on streams share: keys that hold them, ids in arguments, and replies of entries. */

const INVALID_ID = 'ERR Invalid stream ID specified as stream command argument';
const PARENTHESIS = 40;
const MINUS = 45;
const PLUS = 43;

/** The stream of the command being run. */
export const stream = new StreamValue();

const checkedId = new StreamId();
const idText = new Uint8Array(ID_TEXT_BYTES);

/** Looks the stream in argument `at` up and opens it; replies WRONGTYPE and returns null for another type. */
export function openStream(
  call: Call,
  at: number,
  how: number,
  isForWriting: boolean,
): 'found' | 'missing' | null {
  const found = findOfType(call, at, TYPE_STREAM, how);
  if (found === 'found') stream.open(call.database, isForWriting);
  return found;
}

/** Makes the stream that was looked up last and is missing, which counts as a change, and opens it. */
export function createStream(call: Call): void {
  call.database.store(TYPE_STREAM, StreamValue.encoding, StreamValue.emptyBytes, -1);
  stream.create(call.database);
}

/** Makes the group that argument `at` names the current one of the open stream; false if there is none. */
export function findGroup(call: Call, at: number): boolean {
  const { words } = call;
  return stream.groups.findGroup(words.buffer, words.offsets[at], words.lengths[at]);
}

/** Makes the consumer that argument `at` names the current one of the current group; false if there is none. */
export function findConsumer(call: Call, at: number): boolean {
  const { words } = call;
  return stream.groups.findConsumer(words.buffer, words.offsets[at], words.lengths[at]);
}

/**
 * Counts changes of consumer groups. They are propagated, but to WATCH, client-side caching and those who wait for entries the
 * stream is the same.
 */
export function changedGroups(call: Call, count = 1): void {
  call.keyspace.dirty += count;
}

/** The id in argument `at`, which is no `-` or `+`; false after replying an error. */
export function readId(call: Call, at: number, id: StreamId): boolean {
  const { words } = call;
  if (id.parse(words.buffer, words.offsets[at], words.lengths[at], false) === 'id') return true;
  call.reply.error(INVALID_ID);
  return false;
}

/** As {@link readId}, where `-` and `+` are the first id and the last one. */
export function readIdOrEnd(call: Call, at: number, id: StreamId, isUpperBound: boolean): boolean {
  const { words } = call;
  const offset = words.offsets[at];
  if (words.lengths[at] === 1 && words.buffer[offset] === MINUS) id.setMin();
  else if (words.lengths[at] === 1 && words.buffer[offset] === PLUS) id.setMax();
  else if (id.parse(words.buffer, offset, words.lengths[at], isUpperBound) !== 'id') {
    call.reply.error(INVALID_ID);
    return false;
  }
  return true;
}

/** The end of an interval in argument `at`, exclusive after a parenthesis: the id as an inclusive one. False after an error. */
export function readBound(call: Call, at: number, id: StreamId, isUpperBound: boolean): boolean {
  const { words, reply } = call;
  const offset = words.offsets[at];
  const length = words.lengths[at];
  if (length < 2 || words.buffer[offset] !== PARENTHESIS) return readIdOrEnd(call, at, id, isUpperBound);
  if (id.parse(words.buffer, offset + 1, length - 1, isUpperBound) !== 'id') {
    reply.error(INVALID_ID);
    return false;
  }
  if (isUpperBound ? id.decrement() : id.increment()) return true;
  reply.error(`ERR invalid ${isUpperBound ? 'end' : 'start'} ID for the interval`);
  return false;
}

/** Takes a range's end from argument `at`, if it is one, where nothing is replied: an exclusive one is taken for an inclusive. */
export function takeBound(words: Arguments, at: number, id: StreamId, isUpperBound: boolean): boolean {
  if (words.is(at, '-')) id.setMin();
  else if (words.is(at, '+')) id.setMax();
  else {
    const isExclusive = words.buffer[words.offsets[at]] === PARENTHESIS ? 1 : 0;
    const length = words.lengths[at] - isExclusive;
    return id.parse(words.buffer, words.offsets[at] + isExclusive, length, isUpperBound) === 'id';
  }
  return true;
}

/** Of a stream that is in pages: asks for the entries with the ids that arguments from `first` on give. */
export function idElements(first: number): ElementNeed {
  return (value, words) => {
    if (value.entry.type !== TYPE_STREAM) return;
    stream.open(value, false);
    for (let at = first; at < words.count; at++)
      if (takeBound(words, at, checkedId, false)) isReached(() => stream.has(checkedId));
  };
}

/** Whether `count` arguments from `at` on are ids; else an error was replied. */
export function areIds(call: Call, at: number, count: number): boolean {
  for (let word = at; word < at + count; word++) if (!readId(call, word, checkedId)) return false;
  return true;
}

/** What argument `at` says of entries that consumer groups have pending; null if it is another word. */
export function policyAt(call: Call, at: number): ReferencePolicy | null {
  const { words } = call;
  if (words.is(at, 'keepref')) return 'keepref';
  if (words.is(at, 'delref')) return 'delref';
  return words.is(at, 'acked') ? 'acked' : null;
}

/**
 * Propagates the current pending entry of the current consumer as the claim that makes it so. The stream, its group and, unless its
 * name is given, the consumer are arguments.
 */
export function propagateClaim(
  call: Call,
  streamWord: number,
  groupWord: number,
  consumer: number | Uint8Array,
  id: StreamId | Uint8Array,
  lastId: StreamId,
): void {
  if (!call.services.isPropagating) return;
  const { words } = call;
  const { groups } = stream;
  call.propagateAs(
    'XCLAIM',
    words.copy(streamWord),
    words.copy(groupWord),
    typeof consumer === 'number' ? words.copy(consumer) : consumer,
    '0',
    id instanceof Uint8Array ? id : id.toString(),
    'TIME',
    groups.deliveredMs,
    'RETRYCOUNT',
    String(groups.deliveries),
    'FORCE',
    'JUSTID',
    'LASTID',
    lastId.toString(),
  );
}

export function replyId(reply: Encoder, id: StreamId): void {
  reply.bulk(idText, 0, id.writeText(idText, 0));
}

/** Replies the id and the fields of the entry under the stream's cursor, as two elements of an array. */
export function replyEntryParts(reply: Encoder): void {
  stream.readEntry();
  replyId(reply, stream.id);
  const { fieldCount } = stream;
  reply.array(fieldCount * 2);
  for (let field = 0; field < fieldCount; field++) {
    stream.nextField();
    reply.bulk(stream.nameBytes, stream.nameOffset, stream.nameLength);
    reply.bulk(stream.valueBytes, stream.valueOffset, stream.valueLength);
  }
}

/** Replies the entry under the stream's cursor. */
export function replyEntry(reply: Encoder): void {
  reply.array(2);
  replyEntryParts(reply);
}

/** Replies up to `count` entries from the one with an id on as an array; to the end with an infinite count. */
export function replyEntries(reply: Encoder, from: StreamId, count: number): void {
  const replied = Math.min(stream.count - stream.seekFrom(from), count);
  reply.array(replied);
  for (let number = 0; number < replied; number++) {
    replyEntry(reply);
    stream.next();
  }
}

/** An argument as the texts of errors show it. */
export function shown(call: Call, at: number): string {
  return call.words.text(at);
}

/** Refuses a call of a subcommand whose arguments it does not take. */
export function subcommandSyntaxError(call: Call): void {
  const container = call.words.text(0).toUpperCase();
  call.reply.error(
    `ERR unknown subcommand or wrong number of arguments for '${shown(call, 1)}'. Try ${container} HELP.`,
  );
}

/** What the rows of this family share, and the documentation of one. */
export function row(
  name: keyof typeof STREAM_DOCS,
): Pick<CommandRow, 'name' | 'group' | 'categories' | 'need'> & CommandDocs {
  const own = name.slice(name.indexOf('|') + 1);
  return { name: own, group: 'stream', categories: ['stream'], need: 'header', ...STREAM_DOCS[name] };
}
