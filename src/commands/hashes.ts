import { sliceBytes } from '../base/bytes.ts';
import {
  INVALID_CURSOR,
  NAN_OR_INFINITY,
  NOT_A_FLOAT,
  NOT_AN_INTEGER,
  OUT_OF_RANGE,
  OVERFLOW,
  SYNTAX_ERROR,
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
import type { CommandDocs, CommandRow } from '../command-table/row.ts';
import { removeExpiredFields } from '../keyspace/field-expiry.ts';
import { dueAt, TYPE_HASH } from '../keyspace/record.ts';
import { ENCODING_HASH_TABLE } from '../types/hash/encoding.ts';
import { isScanned, readCollectionScan, readCursor } from './collection-scan.ts';
import { addedElements, allElements, namedElements, scannedElements } from './elements.ts';
import {
  createHash,
  endRemoving,
  endSetting,
  findField,
  fitListpack,
  hash,
  KEEP,
  openHash,
  setField,
} from './hash-access.ts';
import { HASH_EXPIRY_COMMANDS } from './hash-expiry.ts';
import { HASH_DOCS } from './hashes-docs.ts';
import { keyAt } from './key-specs.ts';

/** Fields removed at a step where all whose time has come have to go. */
const EXPIRED_PER_STEP = 1024;
/** Random fields that are kept apart by remembering them; for more of them the hash is walked. */
const DISTINCT_MAX = 100_000;
/** Bytes of a reply that an empty field takes. */
const FIELD_REPLY_BYTES = 6;

/** HSET and HMSET. */
function hset(call: Call, repliesCount: boolean): void {
  const { words, reply } = call;
  if (words.count % 2 !== 0) {
    reply.error(wrongArity(call.command.fullName));
    return;
  }
  if (openHash(call, true) === null) return;
  const isNew = createHash(call);
  const count = (words.count - 2) / 2;
  fitListpack(call, count, 2, words.count - 1);
  let added = 0;
  for (let at = 2; at < words.count; at += 2) {
    if (setField(call, at, words.buffer, words.offsets[at + 1], words.lengths[at + 1], -1)) added++;
  }
  endSetting(call, count, isNew, 'hset');
  if (repliesCount) reply.integer(added);
  else reply.ok();
}

function hsetnx(call: Call): void {
  const { words, reply } = call;
  if (openHash(call, true) === null) return;
  if (findField(call, 2)) {
    reply.integer(0);
    return;
  }
  const isNew = createHash(call);
  fitListpack(call, 1, 2, 3);
  setField(call, 2, words.buffer, words.offsets[3], words.lengths[3], -1);
  endSetting(call, 1, isNew, 'hset');
  reply.integer(1);
}

function replyField(call: Call): void {
  const { page } = hash;
  call.reply.bulk(page.bytes, page.keyOffset, page.keyLength);
}

function replyValue(call: Call): void {
  const { page } = hash;
  call.reply.bulk(page.bytes, page.valueOffset, page.valueLength);
}

function hget(call: Call): void {
  if (openHash(call, false) === null) return;
  if (findField(call, 2)) replyValue(call);
  else call.reply.null();
}

function hmget(call: Call): void {
  const { words, reply } = call;
  if (openHash(call, false) === null) return;
  reply.array(words.count - 2);
  for (let at = 2; at < words.count; at++) {
    if (findField(call, at)) replyValue(call);
    else reply.null();
  }
}

/** HGETALL, HKEYS and HVALS. */
function hgetall(call: Call, withFields: boolean, withValues: boolean): void {
  const { reply, keyspace } = call;
  const found = openHash(call, false);
  if (found === null) return;
  const isMap = withFields && withValues;
  const total = found === 'missing' ? 0 : hash.count;
  const mayBeExpired = total > 0 && hash.fieldsExpire && !keyspace.expiryPaused;
  const mark = reply.open();
  if (!mayBeExpired) {
    if (isMap) reply.map(total);
    else reply.array(total);
    if (total === 0) return;
  }
  let count = 0;
  hash.rewind();
  while (hash.next()) {
    if (mayBeExpired && hash.isExpired(keyspace.nowMs)) continue;
    if (withFields) replyField(call);
    if (withValues) replyValue(call);
    count++;
  }
  if (!mayBeExpired) return;
  if (isMap) reply.closeMap(mark, count);
  else reply.closeArray(mark, count);
}

function hlen(call: Call): void {
  const found = openHash(call, false);
  if (found !== null) call.reply.integer(found === 'found' ? hash.count : 0);
}

function hstrlen(call: Call): void {
  if (openHash(call, false) === null) return;
  call.reply.integer(findField(call, 2) ? hash.page.valueLength : 0);
}

function hexists(call: Call): void {
  if (openHash(call, false) === null) return;
  call.reply.integer(findField(call, 2) ? 1 : 0);
}

function hdel(call: Call): void {
  const { words, reply } = call;
  const found = openHash(call, true);
  if (found === null) return;
  let deleted = 0;
  if (found === 'found') {
    for (let at = 2; at < words.count && hash.count > 0; at++) {
      if (!hash.find(words.buffer, words.offsets[at], words.lengths[at])) continue;
      hash.remove();
      deleted++;
    }
    if (deleted > 0) endRemoving(call, deleted);
  }
  reply.integer(deleted);
}

const digits = new Uint8Array(32);

function hincrby(call: Call): void {
  const { words, reply } = call;
  const by = parseInteger64(words.buffer, words.offsets[3], words.lengths[3]);
  if (by === undefined) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (openHash(call, true) === null) return;
  let sum: number | bigint = by;
  if (findField(call, 2)) {
    const { bytes, valueOffset, valueLength } = hash.page;
    const value = parseInteger(bytes, valueOffset, valueLength);
    sum = value + Number(by);
    if (!Number.isSafeInteger(sum) || !Number.isSafeInteger(Number(by))) {
      const wide = parseInteger64(bytes, valueOffset, valueLength);
      if (wide === undefined) {
        reply.error('ERR hash value is not an integer');
        return;
      }
      sum = wide + by;
      if (sum > INT64_MAX || sum < INT64_MIN) {
        reply.error(OVERFLOW);
        return;
      }
    }
  }
  const small = Number(sum);
  const text = Number.isSafeInteger(small) ? null : sum.toString();
  const length = text === null ? integerLength(small) : text.length;
  if (text === null) writeInteger(digits, 0, small);
  else for (let at = 0; at < length; at++) digits[at] = text.charCodeAt(at);
  setNumber(call, digits, length, 'hincrby');
  if (text === null) reply.integer(small);
  else reply.bigInteger(BigInt(text));
}

/** Gives the field in argument 2, which keeps its expiry, a number as its value; makes the hash if it is missing. */
function setNumber(call: Call, value: Uint8Array, length: number, event: string): void {
  const isNew = createHash(call);
  fitListpack(call, 1, 2, 2);
  if (length > call.services.config.values['hash-max-listpack-value']) hash.becomeHashTable();
  setField(call, 2, value, 0, length, KEEP);
  endSetting(call, 1, isNew, event);
}

function hincrbyfloat(call: Call): void {
  const { words, reply } = call;
  const by = words.text(3);
  const kind = classifyDecimal(by);
  if (kind !== 'finite') {
    reply.error(kind === 'invalid' ? NOT_A_FLOAT : 'ERR value is NaN or Infinity');
    return;
  }
  if (openHash(call, true) === null) return;
  let value = '0';
  if (findField(call, 2)) {
    const { bytes, valueOffset, valueLength } = hash.page;
    value = Buffer.from(sliceBytes(bytes, valueOffset, valueLength)).toString('latin1');
  }
  const valueKind = classifyDecimal(value);
  if (valueKind === 'invalid') {
    reply.error('ERR hash value is not a float');
    return;
  }
  const sum = valueKind === 'infinite' ? undefined : addDecimals(value, by);
  if (sum === undefined) {
    reply.error(NAN_OR_INFINITY);
    return;
  }
  const bytes = Buffer.from(sum, 'latin1');
  setNumber(call, bytes, bytes.length, 'hincrbyfloat');
  // HSET would take the field's expiry away; where there is none, older servers are to understand it.
  if (hash.fieldsExpire) {
    call.propagateAs('HSETEX', words.copy(1), 'KEEPTTL', 'FIELDS', 1, words.copy(2), bytes);
  } else {
    call.propagateAs('HSET', words.copy(1), words.copy(2), bytes);
  }
  reply.bulk(bytes, 0, bytes.length);
}

/** Opens the hash in argument 1 for reading after its fields whose time has come were removed. */
function openWithoutExpired(call: Call): 'found' | 'missing' | null {
  const { database, keyspace } = call;
  let found = openHash(call, false);
  if (found !== 'found' || !hash.fieldsExpire || keyspace.expiryPaused || keyspace.removalsHeld) return found;
  call.find(1, 0);
  const due = dueAt(database.entry);
  if (database.entry.type !== TYPE_HASH || due < 0 || due > keyspace.nowMs) return openHash(call, false);
  while (removeExpiredFields(keyspace, database, EXPIRED_PER_STEP));
  found = openHash(call, false);
  return found;
}

function replyPair(call: Call, withValues: boolean): void {
  if (withValues && call.reply.protocol === 3) call.reply.array(2);
  replyField(call);
  if (withValues) replyValue(call);
}

function hrandfield(call: Call): void {
  const { words, reply, services } = call;
  if (words.count === 2) {
    const found = openWithoutExpired(call);
    if (found === null) return;
    if (found === 'missing') {
      reply.null();
      return;
    }
    hash.seekRandom((limit) => services.random.below(limit));
    replyField(call);
    return;
  }
  const count = parseInteger64Rounded(words.buffer, words.offsets[2], words.lengths[2]);
  if (Number.isNaN(count)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (parseInteger64(words.buffer, words.offsets[2], words.lengths[2]) === INT64_MIN) {
    reply.error(`${OUT_OF_RANGE}, value must between ${-INT64_MAX} and ${INT64_MAX}`);
    return;
  }
  const withValues = words.count === 4 && words.is(3, 'withvalues');
  if (words.count > 4 || (words.count === 4 && !withValues)) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  if (withValues && Math.abs(count) >= 2 ** 62) {
    reply.error(OUT_OF_RANGE);
    return;
  }
  const found = openWithoutExpired(call);
  if (found === null) return;
  const total = found === 'missing' ? 0 : count < 0 ? -count : Math.min(count, hash.count);
  reply.reserve(total * FIELD_REPLY_BYTES);
  reply.array(withValues && reply.protocol === 2 ? total * 2 : total);
  if (count < 0) replyRandom(call, total, withValues);
  else if (total * 3 > hash.count || total > DISTINCT_MAX) replySelection(call, total, withValues);
  else replyDistinct(call, total, withValues);
}

/** Replies random fields, each chosen among all. */
function replyRandom(call: Call, total: number, withValues: boolean): void {
  const { random } = call.services;
  for (let done = 0; done < total; done++) {
    hash.seekRandom((limit) => random.below(limit));
    replyPair(call, withValues);
  }
}

/** Replies random fields, each once: each is taken as likely as so many of the rest are needed (Knuth, algorithm S). */
function replySelection(call: Call, total: number, withValues: boolean): void {
  const { random } = call.services;
  let needed = total;
  hash.rewind();
  for (let left = hash.count; needed > 0 && hash.next(); left--) {
    if (random.below(left) >= needed) continue;
    replyPair(call, withValues);
    needed--;
  }
}

/** Replies random fields, each once, which are few of all. */
function replyDistinct(call: Call, total: number, withValues: boolean): void {
  const { random } = call.services;
  const taken = new Set<string>();
  while (taken.size < total) {
    hash.seekRandom((limit) => random.below(limit));
    const { bytes, keyOffset, keyLength } = hash.page;
    const name = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + keyOffset, keyLength).toString(
      'latin1',
    );
    if (taken.has(name)) continue;
    taken.add(name);
    replyPair(call, withValues);
  }
}

function hscan(call: Call): void {
  const { words, reply, keyspace } = call;
  const cursor = readCursor(words.text(2));
  if (cursor === undefined) {
    reply.error(INVALID_CURSOR);
    return;
  }
  const found = openHash(call, false);
  if (found === null) return;
  const isEmpty = found === 'missing';
  const scan = isEmpty ? null : readCollectionScan(call, true);
  if (scan === null) {
    if (!isEmpty) return;
    reply.array(2);
    reply.bulkText('0');
    reply.array(0);
    return;
  }
  const parts: Uint8Array[] = [];
  // What Redis keeps in a listpack it replies at once.
  const isWhole = (hash.encoding & ENCODING_HASH_TABLE) === 0;
  let position = isWhole ? 0 : cursor;
  let visited = 0;
  do {
    position = hash.scan(position);
    const { page } = hash;
    for (; page.next(); visited++) {
      const { bytes, keyOffset, keyLength, valueOffset, valueLength } = page;
      if (hash.isExpired(keyspace.nowMs) && !keyspace.expiryPaused) continue;
      if (!isScanned(call, scan, bytes, keyOffset, keyLength)) continue;
      parts.push(sliceBytes(bytes, keyOffset, keyLength));
      if (!scan.isWithoutValues) parts.push(sliceBytes(bytes, valueOffset, valueLength));
    }
  } while (position !== 0 && (isWhole || visited < scan.count));
  reply.array(2);
  reply.bulkInteger(position);
  reply.array(parts.length);
  for (let at = 0; at < parts.length; at++) reply.bulk(parts[at], 0, parts[at].length);
}

/** What the rows of this family share, and the documentation of one. */
function row(
  name: keyof typeof HASH_DOCS,
): Pick<CommandRow, 'name' | 'group' | 'categories' | 'need'> & CommandDocs {
  return { name, group: 'hash', categories: ['hash'], need: 'value', ...HASH_DOCS[name] };
}

const PER_FIELD = 'O(N) in the number of fields given.';
const PER_SIZE = 'O(N) in the size of the hash.';

/** The commands on hashes. */
export const HASH_COMMANDS: readonly CommandRow[] = [
  {
    ...row('hdel'),
    summary: 'Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain.',
    since: '2.0.0',
    complexity: PER_FIELD,
    arity: -3,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    elements: namedElements(2),
    execute: hdel,
  },
  {
    ...row('hexists'),
    summary: 'Determines whether a field exists in a hash.',
    since: '2.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    elements: namedElements(2, 1, 2),
    execute: hexists,
  },
  {
    ...row('hget'),
    summary: 'Returns the value of a field in a hash.',
    since: '2.0.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: namedElements(2, 1, 2),
    execute: hget,
  },
  {
    ...row('hgetall'),
    summary: 'Returns all fields and values in a hash.',
    since: '2.0.0',
    complexity: PER_SIZE,
    arity: 2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: allElements,
    execute: (call) => hgetall(call, true, true),
  },
  {
    ...row('hincrby'),
    summary:
      'Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn’t exist.',
    since: '2.0.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    elements: addedElements(2, 1, 2),
    execute: hincrby,
  },
  {
    ...row('hincrbyfloat'),
    summary:
      'Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn’t exist.',
    since: '2.6.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    elements: addedElements(2, 1, 2),
    execute: hincrbyfloat,
  },
  {
    ...row('hkeys'),
    summary: 'Returns all fields in a hash.',
    since: '2.0.0',
    complexity: PER_SIZE,
    arity: 2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: allElements,
    execute: (call) => hgetall(call, true, false),
  },
  {
    ...row('hlen'),
    summary: 'Returns the number of fields in a hash.',
    since: '2.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    execute: hlen,
  },
  {
    ...row('hmget'),
    summary: 'Returns the values of the given fields in a hash.',
    since: '2.0.0',
    complexity: PER_FIELD,
    arity: -3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: namedElements(2),
    execute: hmget,
  },
  {
    ...row('hmset'),
    summary: 'Sets the values of multiple fields of a hash.',
    since: '2.0.0',
    complexity: PER_FIELD,
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    docFlags: ['deprecated'],
    deprecatedSince: '4.0.0',
    replacedBy: '`HSET` with multiple field-value pairs',
    keys: [keyAt(1, 'RW', 'update')],
    elements: addedElements(2, 2),
    execute: (call) => hset(call, false),
  },
  {
    ...row('hrandfield'),
    summary: 'Returns one or more random fields from a hash.',
    since: '6.2.0',
    complexity:
      'O(N) in the number of fields returned, or in the size of the hash if that is a large part of it.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: hrandfield,
  },
  {
    ...row('hscan'),
    summary: 'Iterates over fields and values of a hash.',
    since: '2.8.0',
    complexity: 'O(1) for every call. O(N) for a complete iteration.',
    arity: -3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: scannedElements,
    execute: hscan,
  },
  {
    ...row('hset'),
    summary: 'Creates or modifies the values of fields in a hash.',
    since: '2.0.0',
    complexity: PER_FIELD,
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    elements: addedElements(2, 2),
    execute: (call) => hset(call, true),
  },
  {
    ...row('hsetnx'),
    summary: 'Sets the value of a field in a hash only when the field doesn’t exist.',
    since: '2.0.0',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    elements: addedElements(2, 1, 2),
    execute: hsetnx,
  },
  {
    ...row('hstrlen'),
    summary: 'Returns the length of the value of a field.',
    since: '3.2.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    elements: namedElements(2, 1, 2),
    execute: hstrlen,
  },
  {
    ...row('hvals'),
    summary: 'Returns all values in a hash.',
    since: '2.0.0',
    complexity: PER_SIZE,
    arity: 2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: allElements,
    execute: (call) => hgetall(call, false, true),
  },
  ...HASH_EXPIRY_COMMANDS,
];
