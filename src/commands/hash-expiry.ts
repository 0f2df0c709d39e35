import { invalidExpire, NOT_AN_INTEGER, wrongArity } from '../base/error-replies.ts';
import { parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow } from '../command-table/row.ts';
import { NOTIFY_HASH } from '../keyspace/keyspace.ts';
import { fieldElements } from './elements.ts';
import { EX, EXAT, type ExpiryUnit, expiryUnit, PX, PXAT } from './expiry-options.ts';
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
import { HASH_DOCS } from './hashes-docs.ts';
import { keyAt } from './key-specs.ts';

/** Latest expiry of a field: Redis keeps two of its 48 bits free (HFE_MAX_ABS_TIME_MSEC). */
const EXPIRY_MS_MAX = 2 ** 46 - 1;
const COUNT_MAX = 0x7fffffff;
/** What a field's part of a reply says. */
const NO_FIELD = -2;
const NO_EXPIRY = -1;
const NOT_MET = 0;
const DONE = 1;
const DELETED = 2;

const FIELDS_MISPLACED = 'ERR Mandatory argument FIELDS is missing or not at the right position';
const COUNT_NOT_POSITIVE = 'ERR Number of fields must be a positive integer';
const COUNT_MISMATCH = 'ERR The `numfields` parameter must match the number of arguments';
const FIELDS_REPEATED = 'ERR FIELDS keyword specified multiple times';
const FIELDS_MISSING = 'ERR missing FIELDS argument';

/** The fields that arguments name. */
let firstField = 0;
let fieldCount = 0;

/** The expiry that argument `at` gives, in milliseconds since the epoch; NaN after replying an error. */
function expiryAt(call: Call, at: number, unit: ExpiryUnit): number {
  const { words, reply, keyspace, command } = call;
  const value = parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
  if (Number.isNaN(value)) {
    reply.error(NOT_AN_INTEGER);
    return Number.NaN;
  }
  if (value < 0) {
    reply.error('ERR invalid expire time, must be >= 0');
    return Number.NaN;
  }
  const time = (unit.inSeconds ? value * 1000 : value) + (unit.isAbsolute ? 0 : keyspace.nowMs);
  if (time <= EXPIRY_MS_MAX) return time;
  reply.error(invalidExpire(command.fullName));
  return Number.NaN;
}

/** The count in argument `at`, from 1 to `most`; NaN after replying `error`. */
function countAt(call: Call, at: number, most: number, error: string): number {
  const { words } = call;
  const count = parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
  if (count >= 1 && count <= most) return count;
  call.reply.error(error);
  return Number.NaN;
}

/** Reads `FIELDS numfields field …` from argument 2 on, which is all there is; replies an error and returns false if it is not. */
function readFields(call: Call): boolean {
  const { words, reply } = call;
  if (!words.is(2, 'fields')) {
    reply.error(FIELDS_MISPLACED);
    return false;
  }
  fieldCount = countAt(call, 3, Number.POSITIVE_INFINITY, COUNT_NOT_POSITIVE);
  if (Number.isNaN(fieldCount)) return false;
  firstField = 4;
  if (fieldCount === words.count - 4) return true;
  reply.error(COUNT_MISMATCH);
  return false;
}

function unknownArgument(call: Call, at: number): void {
  call.reply.error(`ERR unknown argument: ${call.words.text(at)}`);
}

/** A time that has come deletes a field rather than let it expire. */
function isPast(call: Call, expireAt: number): boolean {
  return expireAt <= call.keyspace.nowMs && !call.keyspace.expiryPaused;
}

/** When a field expires: NX, XX, GT or LT, or no condition. */
type Condition = 'nx' | 'xx' | 'gt' | 'lt' | '';
const CONDITIONS: readonly Condition[] = ['nx', 'xx', 'gt', 'lt'];

/** Whether the field found last, to expire at a time, meets a condition. A field that does not expire does so never. */
function meets(condition: Condition, expireAt: number): boolean {
  const current = hash.page.expireAt;
  switch (condition) {
    case 'nx':
      return current < 0;
    case 'xx':
      return current >= 0;
    case 'gt':
      return current >= 0 && expireAt > current;
    case 'lt':
      return current < 0 || expireAt < current;
    default:
      return true;
  }
}

/** Reads the options of HEXPIRE and its kin, in any order; replies an error and returns null if they are wrong. */
function readCondition(call: Call): Condition | null {
  const { words, reply } = call;
  let condition: Condition = '';
  let conditionCount = 0;
  firstField = 0;
  for (let at = 3; at < words.count; at++) {
    const named = CONDITIONS.find((name) => words.is(at, name));
    if (named !== undefined) {
      if (named !== condition) conditionCount++;
      condition = named;
    } else if (!words.is(at, 'fields')) {
      unknownArgument(call, at);
      return null;
    } else {
      if (firstField > 0) {
        reply.error(FIELDS_REPEATED);
        return null;
      }
      if (at >= words.count - 2) {
        reply.error('ERR FIELDS requires at least numfields and one field argument');
        return null;
      }
      fieldCount = countAt(call, at + 1, COUNT_MAX, 'ERR Parameter `numFields` should be greater than 0');
      if (Number.isNaN(fieldCount)) return null;
      firstField = at + 2;
      if (fieldCount > words.count - firstField) {
        reply.error('ERR wrong number of arguments');
        return null;
      }
      at = firstField + fieldCount - 1;
    }
  }
  if (firstField === 0) {
    reply.error(FIELDS_MISSING);
    return null;
  }
  if (conditionCount > 1) {
    reply.error('ERR Multiple condition flags specified');
    return null;
  }
  return condition;
}

/** HEXPIRE and its kin. */
function hexpire(call: Call, unit: ExpiryUnit): void {
  const { words, reply } = call;
  const found = openHash(call, true);
  if (found === null) return;
  const expireAt = expiryAt(call, 2, unit);
  if (Number.isNaN(expireAt)) return;
  const condition = readCondition(call);
  if (condition === null) return;
  reply.array(fieldCount);
  if (found === 'found') hash.becomeExpiring();
  const deletes = isPast(call, expireAt);
  const done: Uint8Array[] = [];
  for (let at = firstField; at < firstField + fieldCount; at++) {
    if (!findField(call, at)) reply.integer(NO_FIELD);
    else if (!meets(condition, expireAt)) reply.integer(NOT_MET);
    else {
      if (deletes) hash.remove();
      else hash.setExpiry(expireAt);
      done.push(words.copy(at));
      reply.integer(deletes ? DELETED : DONE);
    }
  }
  endExpiring(call, done, expireAt, deletes);
}

/** Ends a command that gave fields an expiry, or deleted them since it is past. */
function endExpiring(call: Call, fields: readonly Uint8Array[], expireAt: number, deletes: boolean): void {
  if (fields.length === 0) return;
  const { words, database } = call;
  if (deletes) {
    endRemoving(call, fields.length);
    call.propagateAs('HDEL', words.copy(1), ...fields);
    return;
  }
  endSetting(call, fields.length, false, 'hexpire');
  database.noteFieldExpiry();
  call.propagateAs('HPEXPIREAT', words.copy(1), expireAt, 'FIELDS', fields.length, ...fields);
}

/** HTTL and its kin: the time to live, or the time, of each field. */
function httl(call: Call, inSeconds: boolean, isAbsolute: boolean): void {
  const { reply, keyspace } = call;
  if (openHash(call, false) === null || !readFields(call)) return;
  const base = isAbsolute ? 0 : keyspace.nowMs;
  reply.array(fieldCount);
  for (let at = firstField; at < firstField + fieldCount; at++) {
    if (!findField(call, at)) reply.integer(NO_FIELD);
    else {
      const { expireAt } = hash.page;
      if (expireAt < 0) reply.integer(NO_EXPIRY);
      else reply.integer(inSeconds ? Math.ceil((expireAt - base) / 1000) : expireAt - base);
    }
  }
}

function hpersist(call: Call): void {
  const { reply } = call;
  if (openHash(call, true) === null || !readFields(call)) return;
  reply.array(fieldCount);
  let persisted = 0;
  for (let at = firstField; at < firstField + fieldCount; at++) {
    if (!findField(call, at)) reply.integer(NO_FIELD);
    else if (hash.page.expireAt < 0) reply.integer(NO_EXPIRY);
    else {
      hash.setExpiry(-1);
      persisted++;
      reply.integer(DONE);
    }
  }
  if (persisted > 0) endSetting(call, 1, false, 'hpersist');
}

/** Replies the value of the field in argument `at`, or null; whether it is there. */
function replyValueAt(call: Call, at: number): boolean {
  if (!findField(call, at)) {
    call.reply.null();
    return false;
  }
  const { bytes, valueOffset, valueLength } = hash.page;
  call.reply.bulk(bytes, valueOffset, valueLength);
  return true;
}

function hgetdel(call: Call): void {
  const { words, reply } = call;
  if (openHash(call, true) === null || !readFields(call)) return;
  reply.array(fieldCount);
  const deleted: Uint8Array[] = [];
  for (let at = firstField; at < firstField + fieldCount; at++) {
    if (!replyValueAt(call, at)) continue;
    hash.remove();
    deleted.push(words.copy(at));
  }
  if (deleted.length === 0) return;
  endRemoving(call, deleted.length);
  call.propagateAs('HDEL', words.copy(1), ...deleted);
}

/** What HGETEX or HSETEX asks for beside the fields. */
interface FieldOptions {
  /** Milliseconds since the epoch, or -1. */
  readonly expireAt: number;
  /** PERSIST, or KEEPTTL. */
  readonly keeps: boolean;
  readonly existence: 'fnx' | 'fxx' | '';
}

/**
 * Reads the options of HGETEX, or of HSETEX, in any order (t_hash.c: parseHashFieldExpireArgs); replies an error and returns
 * null if they are wrong. `keeper` is the word that stands in place of an expiry, `width` the arguments of a field.
 */
function readOptions(call: Call, keeper: 'persist' | 'keepttl', width: 1 | 2): FieldOptions | null {
  const { words, reply, command } = call;
  let expireAt = -1;
  let keeps = false;
  let existence: FieldOptions['existence'] = '';
  firstField = 0;
  for (let at = 2; at < words.count; at++) {
    const unit = expiryUnit(call, at);
    const isKeeper = words.is(at, keeper);
    if (words.is(at, 'fields')) {
      if (firstField > 0) {
        reply.error(FIELDS_REPEATED);
        return null;
      }
      if (at >= words.count - 1 - width) {
        reply.error(wrongArity(command.fullName));
        return null;
      }
      fieldCount = countAt(call, at + 1, COUNT_MAX, 'ERR invalid number of fields');
      if (Number.isNaN(fieldCount)) return null;
      firstField = at + 2;
      if (fieldCount * width > words.count - firstField) {
        reply.error(wrongArity(command.fullName));
        return null;
      }
      at = firstField + fieldCount * width - 1;
    } else if (unit !== null || isKeeper) {
      if (expireAt >= 0 || keeps) {
        const names = `EX, PX, EXAT, PXAT or ${keeper.toUpperCase()}`;
        reply.error(`ERR Only one of ${names} arguments can be specified`);
        return null;
      }
      if (unit === null) {
        keeps = true;
        continue;
      }
      if (++at === words.count) {
        reply.error('ERR missing expire time');
        return null;
      }
      expireAt = expiryAt(call, at, unit);
      if (Number.isNaN(expireAt)) return null;
    } else if (width === 2 && (words.is(at, 'fnx') || words.is(at, 'fxx'))) {
      if (existence !== '') {
        reply.error('ERR Only one of FXX or FNX arguments can be specified');
        return null;
      }
      existence = words.is(at, 'fnx') ? 'fnx' : 'fxx';
    } else {
      unknownArgument(call, at);
      return null;
    }
  }
  if (firstField > 0) return { expireAt, keeps, existence };
  reply.error(FIELDS_MISSING);
  return null;
}

function hgetex(call: Call): void {
  const { words, reply } = call;
  const options = readOptions(call, 'persist', 1);
  if (options === null) return;
  const { expireAt, keeps: persists } = options;
  const changes = persists || expireAt >= 0;
  const found = openHash(call, changes);
  if (found === null) return;
  if (found === 'found' && changes) hash.becomeExpiring();
  const deletes = expireAt >= 0 && isPast(call, expireAt);
  const changed: Uint8Array[] = [];
  reply.array(fieldCount);
  for (let at = firstField; at < firstField + fieldCount; at++) {
    if (!replyValueAt(call, at) || !changes || (persists && hash.page.expireAt < 0)) continue;
    if (deletes) hash.remove();
    else hash.setExpiry(expireAt);
    changed.push(words.copy(at));
  }
  if (!persists) {
    endExpiring(call, changed, expireAt, deletes);
  } else if (changed.length > 0) {
    endSetting(call, changed.length, false, 'hpersist');
    call.propagateAs('HPERSIST', words.copy(1), 'FIELDS', changed.length, ...changed);
  }
}

/** Whether all fields of HSETEX are there, or none of them, as it asks for. */
function existAsAsked(call: Call, existence: FieldOptions['existence']): boolean {
  if (existence === '') return true;
  const isWanted = existence === 'fxx';
  for (let at = firstField; at < firstField + fieldCount * 2; at += 2) {
    if (findField(call, at) !== isWanted) return false;
  }
  return true;
}

function hsetex(call: Call): void {
  const { words, reply, database } = call;
  const options = readOptions(call, 'keepttl', 2);
  if (options === null) return;
  const { expireAt, keeps, existence } = options;
  if (openHash(call, true) === null) return;
  if (!existAsAsked(call, existence)) {
    reply.integer(0);
    return;
  }
  const isNew = createHash(call);
  const end = firstField + fieldCount * 2;
  fitListpack(call, fieldCount, firstField, end - 1);
  if (expireAt >= 0) hash.becomeExpiring();
  const deletes = expireAt >= 0 && isPast(call, expireAt);
  const expiry = keeps ? KEEP : deletes ? -1 : expireAt;
  const parts: Uint8Array[] = [];
  for (let at = firstField; at < end; at += 2) {
    setField(call, at, words.buffer, words.offsets[at + 1], words.lengths[at + 1], expiry);
    parts.push(words.copy(at));
    if (!deletes) parts.push(words.copy(at + 1));
  }
  // The fields may name one twice.
  for (let at = firstField; at < end && deletes; at += 2) {
    if (hash.find(words.buffer, words.offsets[at], words.lengths[at])) hash.remove();
  }
  reply.integer(1);
  endSetting(call, fieldCount, isNew, 'hset');
  if (deletes) {
    endRemoving(call, 0);
    call.propagateAs('HDEL', words.copy(1), ...parts);
  } else if (expireAt >= 0) {
    database.notify(NOTIFY_HASH, 'hexpire');
    database.noteFieldExpiry();
    call.propagateAs('HSETEX', words.copy(1), 'PXAT', expireAt, 'FIELDS', fieldCount, ...parts);
  }
}

/** What these rows share, and the documentation of one. */
function row(
  name: keyof typeof HASH_DOCS,
): Pick<CommandRow, 'name' | 'group' | 'categories' | 'need' | 'complexity'> & CommandDocs {
  return {
    name,
    group: 'hash',
    categories: ['hash'],
    need: 'value',
    complexity: 'O(N) in the number of fields given, each with O(log M) in the fields that expire.',
    ...HASH_DOCS[name],
  };
}

/** A row of HEXPIRE and its kin. */
function expiring(name: keyof typeof HASH_DOCS, time: string, unit: ExpiryUnit): CommandRow {
  return {
    ...row(name),
    summary: `Sets the expiry of fields of a hash ${time}.`,
    since: '7.4.0',
    arity: -6,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    elements: fieldElements(1),
    execute: (call) => hexpire(call, unit),
  };
}

/** A row of HTTL and its kin. */
function telling(
  name: keyof typeof HASH_DOCS,
  what: string,
  inSeconds: boolean,
  isAbsolute: boolean,
): CommandRow {
  return {
    ...row(name),
    complexity: 'O(N) in the number of fields given.',
    summary: `Returns ${what} of fields of a hash.`,
    since: '7.4.0',
    arity: -5,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: fieldElements(1),
    execute: (call) => httl(call, inSeconds, isAbsolute),
  };
}

/** The commands on the expiry of fields of hashes. */
export const HASH_EXPIRY_COMMANDS: readonly CommandRow[] = [
  expiring('hexpire', 'in seconds', EX),
  expiring('hexpireat', 'to a Unix time in seconds', EXAT),
  telling('hexpiretime', 'the expiry as a Unix time in seconds', true, true),
  {
    ...row('hgetdel'),
    summary: 'Returns the values of fields of a hash and deletes them. Deletes the hash if no fields remain.',
    since: '8.0.0',
    arity: -5,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'delete')],
    elements: fieldElements(1),
    execute: hgetdel,
  },
  {
    ...row('hgetex'),
    summary: 'Returns the values of fields of a hash and sets or removes their expiry.',
    since: '8.0.0',
    arity: -5,
    flags: ['write', 'fast'],
    keys: [{ ...keyAt(1, 'RW', 'access', 'update'), notes: 'RW and UPDATE because it changes the TTL' }],
    elements: fieldElements(1),
    execute: hgetex,
  },
  {
    ...row('hpersist'),
    summary: 'Removes the expiry of fields of a hash.',
    since: '7.4.0',
    arity: -5,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    elements: fieldElements(1),
    execute: hpersist,
  },
  expiring('hpexpire', 'in milliseconds', PX),
  expiring('hpexpireat', 'to a Unix time in milliseconds', PXAT),
  telling('hpexpiretime', 'the expiry as a Unix time in milliseconds', false, true),
  telling('hpttl', 'the time to live in milliseconds', false, false),
  {
    ...row('hsetex'),
    summary: 'Sets the values of fields of a hash and their expiry, depending on whether the fields exist.',
    since: '8.0.0',
    arity: -6,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    elements: fieldElements(2),
    execute: hsetex,
  },
  telling('httl', 'the time to live in seconds', true, false),
];
