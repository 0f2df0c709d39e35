import { copyBytes, copyShort, latin1, SHORT_BYTES_MAX } from '../base/bytes.ts';
import {
  NAN_OR_INFINITY,
  NOT_A_FLOAT,
  NOT_AN_INTEGER,
  OFFSET_OUT_OF_RANGE,
  OVERFLOW,
  STRING_TOO_LONG,
  SYNTAX_ERROR,
  WRONG_TYPE,
  wrongArity,
} from '../base/error-replies.ts';
import { addDecimals, classifyDecimal } from '../base/long-double.ts';
import {
  INT64_MAX,
  INT64_MIN,
  integerLength,
  parseInteger,
  parseInteger64,
  parseInteger64Rounded,
  writeInteger,
} from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow, KeyFlag } from '../command-table/row.ts';
import { OVERWRITE, READ, WRITE } from '../keyspace/database.ts';
import { NOTIFY_GENERIC, NOTIFY_STRING } from '../keyspace/keyspace.ts';
import { type Entry, TYPE_STRING } from '../keyspace/record.ts';
import type { Arguments } from '../resp/arguments.ts';
import { PAGED } from '../types/pages/head.ts';
import { INLINE_BYTES_MAX, stringLength } from '../types/string/chunked-string.ts';
import { ENCODING_INTEGER, ENCODING_RAW, encodingOf, textEncodingOf } from '../types/string/encoding.ts';
import { allElements, byteElement, byteElements, lastBytes } from './elements.ts';
import { EX, type ExpiryUnit, expiryUnit, PX, readExpiry } from './expiry-options.ts';
import { countedKeys, keyAt, keysFrom } from './key-specs.ts';
import { lcs } from './lcs.ts';
import {
  digestOf,
  equalsString,
  isChunked,
  needsChunks,
  replyRange,
  storeString,
  writeChunks,
} from './string-values.ts';
import { STRING_DOCS } from './strings-docs.ts';
import { findOfType } from './typed-keys.ts';

/** A growing string gets as much room again, up to this much (SDS_MAX_PREALLOC). */
const PREALLOCATED_BYTES_MAX = 1024 * 1024;
const EMPTY = new Uint8Array(0);

/** Writes argument `at` as the value of the key that was looked up last. */
function storeWord(call: Call, at: number, expireAt: number): void {
  const { words } = call;
  const offset = words.offsets[at];
  const length = words.lengths[at];
  if (length > INLINE_BYTES_MAX) {
    storeString(call.database, words.buffer, offset, length, expireAt);
    return;
  }
  const encoding = encodingOf(words.buffer, offset, length);
  const entry = call.database.overwrite(TYPE_STRING, encoding, length, expireAt);
  if (length <= SHORT_BYTES_MAX) copyShort(words.view, offset, entry.view, entry.payloadOffset, length);
  else copyBytes(words.buffer, offset, entry.bytes, entry.payloadOffset, length);
}

function replyValue(call: Call): void {
  const { entry } = call.database;
  if ((entry.encoding & PAGED) !== 0) replyRange(call.reply, call.database, 0, stringLength(entry));
  else if (entry.hot)
    call.reply.bulkViewed(entry.bytes, entry.view, entry.payloadOffset, entry.payloadLength);
  else call.reply.bulk(entry.bytes, entry.payloadOffset, entry.payloadLength);
}

function get(call: Call): void {
  if (!call.find(1, READ)) {
    call.reply.null();
    return;
  }
  const { entry } = call.database;
  if (entry.type !== TYPE_STRING) {
    call.reply.error(WRONG_TYPE);
    return;
  }
  replyValue(call);
}

/** A condition on the present value: IFEQ, IFNE, IFDEQ, IFDNE. */
type Comparison = 'ifeq' | 'ifne' | 'ifdeq' | 'ifdne';

function comparisonAt(call: Call, at: number): Comparison | null {
  const { words } = call;
  if (words.is(at, 'ifeq')) return 'ifeq';
  if (words.is(at, 'ifne')) return 'ifne';
  if (words.is(at, 'ifdeq')) return 'ifdeq';
  if (words.is(at, 'ifdne')) return 'ifdne';
  return null;
}

/** Whether the value of the key found last meets the condition with the operand in argument `at`. */
function compares(call: Call, comparison: Comparison, at: number): boolean {
  const { words } = call;
  let same: boolean;
  if (comparison === 'ifeq' || comparison === 'ifne') {
    same = equalsString(call.database, words.buffer, words.offsets[at], words.lengths[at]);
  } else {
    same = digestOf(call.database) === words.text(at).toLowerCase();
  }
  return same === (comparison === 'ifeq' || comparison === 'ifdeq');
}

/** A digest operand must be 16 hexadecimal digits. */
function isDigest(call: Call, at: number): boolean {
  return /^[0-9a-fA-F]{16}$/.test(call.words.text(at));
}

const INVALID_DIGEST = 'ERR must be exactly 16 hexadecimal characters';

/**
 * Propagates that the key in argument 1 was set to argument `at`, with an expiry, none (-1), or the one that it keeps. Where
 * nobody is told, a long value is not copied.
 */
function propagateSet(call: Call, at: number, expireAt: number | 'keeps'): void {
  if (!call.services.isPropagating) return;
  const { words } = call;
  const command = ['SET', words.copy(1), words.copy(at)];
  if (expireAt === 'keeps') call.propagateAs(...command, 'KEEPTTL');
  else if (expireAt >= 0) call.propagateAs(...command, 'PXAT', expireAt);
  else call.propagateAs(...command);
}

function set(call: Call): void {
  const { words, database, reply } = call;
  if (words.count === 3) {
    call.find(1, OVERWRITE);
    storeWord(call, 2, -1);
    database.notify(NOTIFY_STRING, 'set');
    reply.ok();
    return;
  }
  let existence = '';
  let comparison: Comparison | null = null;
  let operand = 0;
  let wantsOld = false;
  let keepsTtl = false;
  let unit: ExpiryUnit | null = null;
  let expiryArgument = 0;
  for (let at = 3; at < words.count; at++) {
    const more = at + 1 < words.count;
    const found: Comparison | null = more ? comparisonAt(call, at) : null;
    const expiry = more ? expiryUnit(call, at) : null;
    // As in Redis an option may be said twice, but two that exclude each other may not both be given.
    if (words.is(at, 'nx') && existence !== 'xx' && comparison === null) existence = 'nx';
    else if (words.is(at, 'xx') && existence !== 'nx' && comparison === null) existence = 'xx';
    else if (found !== null && existence === '' && comparison === null) {
      comparison = found;
      operand = ++at;
    } else if (words.is(at, 'get')) wantsOld = true;
    else if (words.is(at, 'keepttl') && unit === null) keepsTtl = true;
    else if (expiry !== null && (unit === null || unit === expiry) && !keepsTtl) {
      unit = expiry;
      expiryArgument = ++at;
    } else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  if ((comparison === 'ifdeq' || comparison === 'ifdne') && !isDigest(call, operand)) {
    reply.error(INVALID_DIGEST);
    return;
  }
  let expireAt = -1;
  if (unit !== null) {
    expireAt = readExpiry(call, expiryArgument, unit, true);
    if (Number.isNaN(expireAt)) return;
  }
  const overwrites = existence === '' && comparison === null && !keepsTtl;
  const exists = call.find(1, wantsOld ? READ : overwrites ? OVERWRITE : WRITE);
  if (exists && (wantsOld || comparison !== null) && database.entry.type !== TYPE_STRING) {
    reply.error(WRONG_TYPE);
    return;
  }
  const start = reply.length;
  if (wantsOld) {
    if (exists) replyValue(call);
    else reply.null();
  }
  let allowed = true;
  if (existence === 'nx') allowed = !exists;
  else if (existence === 'xx') allowed = exists;
  else if (comparison !== null) {
    allowed = exists ? compares(call, comparison, operand) : comparison === 'ifne' || comparison === 'ifdne';
  }
  if (!allowed) {
    if (reply.length === start) reply.null();
    return;
  }
  storeWord(call, 2, keepsTtl && exists ? database.entry.expireAt : expireAt);
  database.notify(NOTIFY_STRING, 'set');
  if (unit !== null) database.notify(NOTIFY_GENERIC, 'expire');
  propagateSet(call, 2, unit !== null ? expireAt : keepsTtl ? 'keeps' : -1);
  if (!wantsOld) reply.ok();
}

function setWithExpiry(call: Call, unit: ExpiryUnit): void {
  const expireAt = readExpiry(call, 2, unit, true);
  if (Number.isNaN(expireAt)) return;
  call.find(1, OVERWRITE);
  storeWord(call, 3, expireAt);
  call.database.notify(NOTIFY_STRING, 'set');
  call.database.notify(NOTIFY_GENERIC, 'expire');
  propagateSet(call, 3, expireAt);
  call.reply.ok();
}

function setnx(call: Call): void {
  if (call.find(1, WRITE)) {
    call.reply.integer(0);
    return;
  }
  storeWord(call, 2, -1);
  call.database.notify(NOTIFY_STRING, 'set');
  call.reply.integer(1);
}

function getset(call: Call): void {
  const found = findOfType(call, 1, TYPE_STRING, READ);
  if (found === null) return;
  if (found === 'found') replyValue(call);
  else call.reply.null();
  storeWord(call, 2, -1);
  call.database.notify(NOTIFY_STRING, 'set');
  propagateSet(call, 2, -1);
}

function getdel(call: Call): void {
  const found = findOfType(call, 1, TYPE_STRING, READ);
  if (found === null) return;
  if (found === 'missing') {
    call.reply.null();
    return;
  }
  replyValue(call);
  call.database.delete();
  call.propagateAs('DEL', call.words.copy(1));
}

function getex(call: Call): void {
  const { words, reply, database } = call;
  let unit: ExpiryUnit | null = null;
  let expiryArgument = 0;
  let persists = false;
  for (let at = 2; at < words.count; at++) {
    const expiry = at + 1 < words.count ? expiryUnit(call, at) : null;
    if (words.is(at, 'persist') && unit === null) persists = true;
    else if (expiry !== null && (unit === null || unit === expiry) && !persists) {
      unit = expiry;
      expiryArgument = ++at;
    } else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  const found = findOfType(call, 1, TYPE_STRING, READ);
  if (found === null) return;
  if (found === 'missing') {
    reply.null();
    return;
  }
  let expireAt = -1;
  if (unit !== null) {
    expireAt = readExpiry(call, expiryArgument, unit, true);
    if (Number.isNaN(expireAt)) return;
  }
  replyValue(call);
  if (unit !== null) {
    if (expireAt <= call.keyspace.nowMs) {
      database.delete();
      call.propagateAs('DEL', words.copy(1));
    } else {
      database.setExpiry(expireAt);
      database.notify(NOTIFY_GENERIC, 'expire');
      call.propagateAs('PEXPIREAT', words.copy(1), expireAt);
    }
  } else if (persists && database.entry.expireAt >= 0) {
    database.setExpiry(-1);
    database.notify(NOTIFY_GENERIC, 'persist');
    call.propagateAs('PERSIST', words.copy(1));
  }
}

function strlen(call: Call): void {
  const found = findOfType(call, 1, TYPE_STRING, READ);
  if (found !== null) call.reply.integer(found === 'found' ? stringLength(call.database.entry) : 0);
}

/** Replies STRING_TOO_LONG and returns true if a string may not have this length. */
function isTooLong(call: Call, length: number): boolean {
  if (length <= call.services.config.values['proto-max-bulk-len']) return false;
  call.reply.error(STRING_TOO_LONG);
  return true;
}

/** Room to make for a string of this length that has grown. */
export function roomFor(length: number): number {
  return length + Math.min(length, PREALLOCATED_BYTES_MAX);
}

function append(call: Call): void {
  const { words, database, reply } = call;
  const found = findOfType(call, 1, TYPE_STRING, WRITE);
  if (found === null) return;
  const added = words.lengths[2];
  if (found === 'missing') {
    storeWord(call, 2, -1);
    database.notify(NOTIFY_STRING, 'append');
    reply.integer(added);
    return;
  }
  const before = stringLength(database.entry);
  if (isTooLong(call, before + added)) return;
  if (needsChunks(database, found, before + added)) {
    const string = writeChunks(database, found);
    string.write(before, words.buffer, words.offsets[2], added);
    string.save();
    database.changed();
  } else {
    const entry = database.resize(before + added, roomFor(before + added), ENCODING_RAW);
    copyBytes(words.buffer, words.offsets[2], entry.bytes, entry.payloadOffset + before, added);
  }
  database.notify(NOTIFY_STRING, 'append');
  reply.integer(before + added);
}

function setrange(call: Call): void {
  const { words, database, reply } = call;
  const offset = parseInteger64Rounded(words.buffer, words.offsets[2], words.lengths[2]);
  if (Number.isNaN(offset)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (offset < 0) {
    reply.error(OFFSET_OUT_OF_RANGE);
    return;
  }
  const found = findOfType(call, 1, TYPE_STRING, WRITE);
  if (found === null) return;
  const length = words.lengths[3];
  const before = found === 'found' ? stringLength(database.entry) : 0;
  if (length === 0) {
    reply.integer(before);
    return;
  }
  if (isTooLong(call, offset + length)) return;
  const after = Math.max(before, offset + length);
  if (needsChunks(database, found, after)) {
    const string = writeChunks(database, found);
    string.write(offset, words.buffer, words.offsets[3], length);
    string.save();
    if (found === 'found') database.changed();
  } else {
    let entry: Entry;
    if (found === 'missing') {
      entry = database.store(TYPE_STRING, ENCODING_RAW, after, -1);
      entry.bytes.fill(0, entry.payloadOffset, entry.payloadOffset + after);
    } else {
      entry = database.resize(after, after > before ? roomFor(after) : after, ENCODING_RAW);
      if (offset > before) entry.bytes.fill(0, entry.payloadOffset + before, entry.payloadOffset + offset);
    }
    copyBytes(words.buffer, words.offsets[3], entry.bytes, entry.payloadOffset + offset, length);
  }
  database.notify(NOTIFY_STRING, 'setrange');
  reply.integer(after);
}

function getrange(call: Call): void {
  const { words, reply, database } = call;
  const first = parseInteger64(words.buffer, words.offsets[2], words.lengths[2]);
  const last = parseInteger64(words.buffer, words.offsets[3], words.lengths[3]);
  if (first === undefined || last === undefined) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  const found = findOfType(call, 1, TYPE_STRING, READ);
  if (found === null) return;
  const length = found === 'found' ? stringLength(database.entry) : 0;
  let start = Number(first);
  let end = Number(last);
  if (start < 0 && end < 0 && start > end) end = -1 - length;
  if (start < 0) start = Math.max(0, start + length);
  if (end < 0) end = Math.max(0, end + length);
  end = Math.min(end, length - 1);
  if (
    length === 0 ||
    start > end ||
    (Number(first) < 0 && Number(last) < 0 && Number(first) > Number(last))
  ) {
    reply.bulk(EMPTY, 0, 0);
    return;
  }
  replyRange(reply, database, start, end - start + 1);
}

function mget(call: Call): void {
  const { words, reply, database } = call;
  reply.array(words.count - 1);
  for (let at = 1; at < words.count; at++) {
    if (call.find(at, READ) && database.entry.type === TYPE_STRING) replyValue(call);
    else reply.null();
  }
}

function mset(call: Call): void {
  const { words, database } = call;
  if (words.count % 2 === 0) {
    call.reply.error(wrongArity('mset'));
    return;
  }
  for (let at = 1; at < words.count; at += 2) {
    call.find(at, OVERWRITE);
    storeWord(call, at + 1, -1);
    database.notify(NOTIFY_STRING, 'set');
  }
  call.reply.ok();
}

function msetnx(call: Call): void {
  const { words, database, reply } = call;
  if (words.count % 2 === 0) {
    reply.error(wrongArity('msetnx'));
    return;
  }
  for (let at = 1; at < words.count; at += 2) {
    if (call.find(at, 0)) {
      reply.integer(0);
      return;
    }
  }
  for (let at = 1; at < words.count; at += 2) {
    call.find(at, WRITE);
    storeWord(call, at + 1, -1);
    database.notify(NOTIFY_STRING, 'set');
  }
  if (call.services.isPropagating) call.propagateAs('MSET', ...wordsFrom(call, 1));
  reply.integer(1);
}

function wordsFrom(call: Call, from: number, to = call.words.count): Uint8Array[] {
  const copies: Uint8Array[] = [];
  for (let at = from; at < to; at++) copies.push(call.words.copy(at));
  return copies;
}

function msetex(call: Call): void {
  const { words, database, reply } = call;
  const count = parseInteger(words.buffer, words.offsets[1], words.lengths[1]);
  if (Number.isNaN(count) || count <= 0 || count > 0x7fffffff) {
    reply.error('ERR invalid numkeys value');
    return;
  }
  const options = 2 + count * 2;
  if (options > words.count) {
    reply.error('ERR wrong number of key-value pairs');
    return;
  }
  let existence = '';
  let unit: ExpiryUnit | null = null;
  let expiryArgument = 0;
  let keepsTtl = false;
  for (let at = options; at < words.count; at++) {
    const expiry = at + 1 < words.count ? expiryUnit(call, at) : null;
    if (words.is(at, 'nx') && existence !== 'xx') existence = 'nx';
    else if (words.is(at, 'xx') && existence !== 'nx') existence = 'xx';
    else if (words.is(at, 'keepttl') && unit === null) keepsTtl = true;
    else if (expiry !== null && (unit === null || unit === expiry) && !keepsTtl) {
      unit = expiry;
      expiryArgument = ++at;
    } else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  let expireAt = -1;
  if (unit !== null) {
    expireAt = readExpiry(call, expiryArgument, unit, true);
    if (Number.isNaN(expireAt)) return;
  }
  if (existence !== '') {
    for (let at = 2; at < options; at += 2) {
      if (call.find(at, 0) === (existence === 'nx')) {
        reply.integer(0);
        return;
      }
    }
  }
  // A key that can't be read keeps all from being set.
  if (keepsTtl) for (let at = 2; at < options; at += 2) call.find(at, 0);
  for (let at = 2; at < options; at += 2) {
    const exists = call.find(at, OVERWRITE);
    storeWord(call, at + 1, keepsTtl && exists ? database.entry.expireAt : expireAt);
    database.notify(NOTIFY_STRING, 'set');
    if (unit !== null) database.notify(NOTIFY_GENERIC, 'expire');
  }
  reply.integer(1);
  if (!call.services.isPropagating) return;
  const pairs = wordsFrom(call, 2, options);
  if (unit !== null) call.propagateAs('MSETEX', count, ...pairs, 'PXAT', expireAt);
  else if (keepsTtl) call.propagateAs('MSETEX', count, ...pairs, 'KEEPTTL');
  else call.propagateAs('MSET', ...pairs);
}

const scratch = new Uint8Array(32);

/** Adds to the integer at the key in argument 1, which is made if missing. */
function incrementBy(call: Call, by: bigint): void {
  const { database, reply } = call;
  const found = findOfType(call, 1, TYPE_STRING, WRITE);
  if (found === null) return;
  let sum: number | bigint;
  if (found === 'found') {
    const { entry } = database;
    const value = parseInteger(entry.bytes, entry.payloadOffset, entry.payloadLength);
    sum = value + Number(by);
    if (Number.isNaN(value) || !Number.isSafeInteger(sum) || !Number.isSafeInteger(Number(by))) {
      const wide = parseInteger64(entry.bytes, entry.payloadOffset, entry.payloadLength);
      if (wide === undefined || isChunked(database)) {
        reply.error(NOT_AN_INTEGER);
        return;
      }
      sum = wide + by;
      if (sum > INT64_MAX || sum < INT64_MIN) {
        reply.error(OVERFLOW);
        return;
      }
    }
  } else {
    sum = by;
  }
  const small = Number(sum);
  const text = Number.isSafeInteger(small) ? null : sum.toString();
  const length = text === null ? integerLength(small) : text.length;
  if (text === null) writeInteger(scratch, 0, small);
  else for (let at = 0; at < length; at++) scratch[at] = text.charCodeAt(at);
  if (found === 'found' && database.entry.hot && length === database.entry.payloadLength) {
    const entry = database.resize(length, length, ENCODING_INTEGER);
    copyBytes(scratch, 0, entry.bytes, entry.payloadOffset, length);
  } else {
    const entry = database.store(
      TYPE_STRING,
      ENCODING_INTEGER,
      length,
      found === 'found' ? database.entry.expireAt : -1,
    );
    copyBytes(scratch, 0, entry.bytes, entry.payloadOffset, length);
  }
  database.notify(NOTIFY_STRING, 'incrby');
  if (text === null) reply.integer(small);
  else reply.bigInteger(BigInt(text));
}

function incrementByArgument(call: Call, negative: boolean): void {
  const { words, reply } = call;
  const by = parseInteger64(words.buffer, words.offsets[2], words.lengths[2]);
  if (by === undefined) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (negative && by === INT64_MIN) {
    reply.error('ERR decrement would overflow');
    return;
  }
  incrementBy(call, negative ? -by : by);
}

function incrbyfloat(call: Call): void {
  const { words, database, reply } = call;
  const found = findOfType(call, 1, TYPE_STRING, WRITE);
  if (found === null) return;
  const { entry } = database;
  if (found === 'found' && isChunked(database)) {
    reply.error(NOT_A_FLOAT);
    return;
  }
  const value = found === 'found' ? latin1(entry.bytes, entry.payloadOffset, entry.payloadLength) : '0';
  const by = words.text(2);
  const kinds = [classifyDecimal(value), classifyDecimal(by)];
  if (kinds.includes('invalid')) {
    reply.error(NOT_A_FLOAT);
    return;
  }
  const sum = kinds.includes('infinite') ? undefined : addDecimals(value, by);
  if (sum === undefined) {
    reply.error(NAN_OR_INFINITY);
    return;
  }
  const bytes = Buffer.from(sum, 'latin1');
  const expireAt = found === 'found' ? entry.expireAt : -1;
  database.store(TYPE_STRING, textEncodingOf(bytes.length), bytes.length, expireAt);
  copyBytes(bytes, 0, entry.bytes, entry.payloadOffset, bytes.length);
  database.notify(NOTIFY_STRING, 'incrbyfloat');
  call.propagateAs('SET', words.copy(1), bytes, 'KEEPTTL');
  reply.bulk(bytes, 0, bytes.length);
}

function delex(call: Call): void {
  const { words, database, reply } = call;
  const comparison = words.count === 4 ? comparisonAt(call, 2) : null;
  if (words.count !== 2 && comparison === null) {
    reply.error(
      words.count === 4 ? 'ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE' : wrongArity('delex'),
    );
    return;
  }
  if ((comparison === 'ifdeq' || comparison === 'ifdne') && !isDigest(call, 3)) {
    reply.error(INVALID_DIGEST);
    return;
  }
  if (!call.find(1, WRITE)) {
    reply.integer(0);
    return;
  }
  if (comparison !== null) {
    if (database.entry.type !== TYPE_STRING) {
      reply.error(WRONG_TYPE);
      return;
    }
    if (!compares(call, comparison, 3)) {
      reply.integer(0);
      return;
    }
  }
  database.delete();
  call.propagateAs('DEL', words.copy(1));
  reply.integer(1);
}

function digest(call: Call): void {
  const found = findOfType(call, 1, TYPE_STRING, READ);
  if (found === null) return;
  if (found === 'missing') {
    call.reply.null();
    return;
  }
  call.reply.bulkText(digestOf(call.database));
}

/** SET reads the key with GET or a comparison, and else overwrites it (db.c, setGetKeys). */
function setKeyFlags(words: Arguments): readonly KeyFlag[] {
  let flags: readonly KeyFlag[] = ['OW', 'update'];
  for (let at = 3; at < words.count; at++) {
    if (words.is(at, 'get')) return ['RW', 'access', 'update'];
    if (/^if(eq|ne|deq|dne)$/i.test(words.text(at))) flags = ['RW', 'update'];
  }
  return flags;
}

/** What the rows of this family share, and the documentation of one. */
function row(
  name: keyof typeof STRING_DOCS,
): Pick<CommandRow, 'name' | 'group' | 'categories' | 'need'> & CommandDocs {
  return { name, group: 'string', categories: ['string'], need: 'value', ...STRING_DOCS[name] };
}

export const STRING_COMMANDS: readonly CommandRow[] = [
  {
    ...row('append'),
    summary: 'Appends a string to the value of a key. Creates the key if it doesn’t exist.',
    since: '2.0.0',
    complexity: 'O(1) amortized in the length of what is appended.',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    elements: lastBytes,
    execute: append,
  },
  {
    ...row('decr'),
    summary:
      'Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn’t exist.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    execute: (call) => incrementBy(call, -1n),
  },
  {
    ...row('decrby'),
    summary:
      'Decrements the integer value of a key by a number. Uses 0 as initial value if the key doesn’t exist.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    execute: (call) => incrementByArgument(call, true),
  },
  {
    ...row('delex'),
    summary: 'Deletes a key if its value or digest compares as asked.',
    since: '8.4.0',
    complexity: 'O(1) for IFEQ and IFNE, O(N) for IFDEQ and IFDNE in the length of the value.',
    arity: -2,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    execute: delex,
  },
  {
    ...row('digest'),
    summary: 'Returns the XXH3 digest of a string value.',
    since: '8.4.0',
    complexity: 'O(N) in the length of the value.',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: digest,
  },
  {
    ...row('get'),
    summary: 'Returns the string value of a key.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: allElements,
    execute: get,
  },
  {
    ...row('getdel'),
    summary: 'Returns the string value of a key and deletes the key.',
    since: '6.2.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'delete')],
    elements: allElements,
    execute: getdel,
  },
  {
    ...row('getex'),
    summary: 'Returns the string value of a key and sets or removes its expiry.',
    since: '6.2.0',
    complexity: 'O(1)',
    arity: -2,
    flags: ['write', 'fast'],
    keys: [{ ...keyAt(1, 'RW', 'access', 'update'), notes: 'RW and UPDATE because it changes the TTL' }],
    elements: allElements,
    execute: getex,
  },
  {
    ...row('getrange'),
    summary: 'Returns a substring of the string stored at a key.',
    since: '2.4.0',
    complexity: 'O(N) in the length of the reply.',
    arity: 4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: byteElements(2, 3),
    execute: getrange,
  },
  {
    ...row('getset'),
    summary: 'Returns the previous string value of a key after setting it to a new value.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    docFlags: ['deprecated'],
    deprecatedSince: '6.2.0',
    replacedBy: '`SET` with the `!GET` argument',
    keys: [keyAt(1, 'RW', 'access', 'update')],
    elements: allElements,
    execute: getset,
  },
  {
    ...row('incr'),
    summary:
      'Increments the integer value of a key by one. Uses 0 as initial value if the key doesn’t exist.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    execute: (call) => incrementBy(call, 1n),
  },
  {
    ...row('incrby'),
    summary:
      'Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn’t exist.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    execute: (call) => incrementByArgument(call, false),
  },
  {
    ...row('incrbyfloat'),
    summary:
      'Increments the floating point value of a key by a number. Uses 0 as initial value if the key doesn’t exist.',
    since: '2.6.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    execute: incrbyfloat,
  },
  {
    ...row('lcs'),
    summary: 'Finds the longest common substring.',
    since: '7.0.0',
    complexity: 'O(N*M) in the lengths of the two strings.',
    arity: -3,
    flags: ['readonly'],
    keys: [{ flags: ['RO', 'access'], begin: { index: 1 }, find: { last: 1, step: 1, limit: 0 } }],
    execute: lcs,
  },
  {
    ...row('mget'),
    summary: 'Atomically returns the string values of one or more keys.',
    since: '1.0.0',
    complexity: 'O(N) in the number of keys.',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [keysFrom(1, 1, 'RO', 'access')],
    elements: allElements,
    execute: mget,
  },
  {
    ...row('mset'),
    summary: 'Atomically creates or modifies the string values of one or more keys.',
    since: '1.0.1',
    complexity: 'O(N) in the number of keys.',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [keysFrom(1, 2, 'OW', 'update')],
    execute: mset,
  },
  {
    ...row('msetex'),
    summary:
      'Atomically sets several string values with one shared expiry, depending on whether the keys exist.',
    since: '8.4.0',
    complexity: 'O(N) in the number of keys.',
    arity: -4,
    flags: ['write', 'denyoom'],
    keys: [countedKeys(1, 2, 'OW', 'update')],
    execute: msetex,
  },
  {
    ...row('msetnx'),
    summary: 'Atomically sets the string values of one or more keys only when none of them exists.',
    since: '1.0.1',
    complexity: 'O(N) in the number of keys.',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [keysFrom(1, 2, 'OW', 'insert')],
    execute: msetnx,
  },
  {
    ...row('psetex'),
    summary: 'Sets the string value and the expiry in milliseconds of a key.',
    since: '2.6.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom'],
    docFlags: ['deprecated'],
    deprecatedSince: '2.6.12',
    replacedBy: '`SET` with the `PX` argument',
    keys: [keyAt(1, 'OW', 'update')],
    execute: (call) => setWithExpiry(call, PX),
  },
  {
    ...row('set'),
    summary: 'Sets the string value of a key, whatever its type was. The key is created if it doesn’t exist.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [
      {
        ...keyAt(1, 'RW', 'access', 'update', 'variable_flags'),
        flagsOf: setKeyFlags,
        notes: 'RW and ACCESS due to the optional `GET` argument',
      },
    ],
    execute: set,
  },
  {
    ...row('setex'),
    summary: 'Sets the string value and the expiry in seconds of a key.',
    since: '2.0.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom'],
    docFlags: ['deprecated'],
    deprecatedSince: '2.6.12',
    replacedBy: '`SET` with the `EX` argument',
    keys: [keyAt(1, 'OW', 'update')],
    execute: (call) => setWithExpiry(call, EX),
  },
  {
    ...row('setnx'),
    summary: 'Sets the string value of a key only when the key doesn’t exist.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    docFlags: ['deprecated'],
    deprecatedSince: '2.6.12',
    replacedBy: '`SET` with the `NX` argument',
    keys: [keyAt(1, 'OW', 'insert')],
    execute: setnx,
  },
  {
    ...row('setrange'),
    summary: 'Overwrites a part of a string value from an offset on. Creates the key if it doesn’t exist.',
    since: '2.2.0',
    complexity: 'O(M) in the length of what is written, and of the string where it must grow.',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'update')],
    elements: byteElement(2, 1, 3),
    execute: setrange,
  },
  {
    ...row('strlen'),
    summary: 'Returns the length of a string value.',
    since: '2.2.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    execute: strlen,
  },
  {
    ...row('substr'),
    summary: 'Returns a substring from a string value.',
    since: '1.0.0',
    complexity: 'O(N) in the length of the reply.',
    arity: 4,
    flags: ['readonly'],
    docFlags: ['deprecated'],
    deprecatedSince: '2.0.0',
    replacedBy: '`GETRANGE`',
    keys: [keyAt(1, 'RO', 'access')],
    elements: byteElements(2, 3),
    execute: getrange,
  },
];
