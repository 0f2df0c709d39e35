import { copyBytes, equalBytes, sliceBytes } from '../base/bytes.ts';
import {
  DATABASE_OUT_OF_RANGE,
  INVALID_CURSOR,
  NO_SUCH_KEY,
  NOT_AN_INTEGER,
  SAME_OBJECT,
  SYNTAX_ERROR,
} from '../base/error-replies.ts';
import { globMatch } from '../base/glob.ts';
import { parseInteger, parseInteger64, parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow } from '../command-table/row.ts';
import { lfuCounter, lruIdleMs } from '../heat/access.ts';
import { COUNT, type Database, OVERWRITE, PEEK, QUIET, REPLACE, TOUCH, WRITE } from '../keyspace/database.ts';
import { NOTIFY_GENERIC, NOTIFY_NEW } from '../keyspace/keyspace.ts';
import { type Entry, TYPE_NAMES } from '../keyspace/record.ts';
import { PARTITION_COUNT, TAG_LIMIT } from '../keyspace/slot-table.ts';
import type { Encoder } from '../resp/encoder.ts';
import { PAGED } from '../types/pages/head.ts';
import { copyPages } from '../types/pages/walk.ts';
import { readTimeoutMs } from './blocking.ts';
import { readCursor } from './collection-scan.ts';
import { firstKeyElements } from './elements.ts';
import { encodingNameOf } from './encodings.ts';
import { EX, EXAT, type ExpiryUnit, PX, PXAT, readExpiry } from './expiry-options.ts';
import { helpRow } from './help.ts';
import { keyAt, keysFrom } from './key-specs.ts';
import { KEY_DOCS, OBJECT_DOCS } from './keys-docs.ts';

const SCAN_COUNT_DEFAULT = 10;
const NOT_A_32_BIT_INTEGER = 'ERR value is out of range, value must between -2147483648 and 2147483647';

function del(call: Call): void {
  const { words, database } = call;
  let deleted = 0;
  for (let at = 1; at < words.count; at++) {
    if (!call.find(at, REPLACE)) continue;
    database.delete();
    deleted++;
  }
  call.reply.integer(deleted);
}

function exists(call: Call): void {
  let count = 0;
  for (let at = 1; at < call.words.count; at++) if (call.find(at, PEEK)) count++;
  call.reply.integer(count);
}

function touch(call: Call): void {
  let count = 0;
  for (let at = 1; at < call.words.count; at++) if (call.find(at, TOUCH | COUNT)) count++;
  call.reply.integer(count);
}

function type(call: Call): void {
  call.reply.simple(call.find(1, PEEK) ? TYPE_NAMES[call.database.entry.type] : 'none');
}

/** EXPIRE and its kin. */
function expire(call: Call, unit: ExpiryUnit): void {
  const { words, reply, database, keyspace } = call;
  let nx = false;
  let xx = false;
  let gt = false;
  let lt = false;
  for (let at = 3; at < words.count; at++) {
    if (words.is(at, 'nx')) nx = true;
    else if (words.is(at, 'xx')) xx = true;
    else if (words.is(at, 'gt')) gt = true;
    else if (words.is(at, 'lt')) lt = true;
    else {
      reply.error(`ERR Unsupported option ${words.text(at)}`);
      return;
    }
  }
  if (nx && (xx || gt || lt)) {
    reply.error('ERR NX and XX, GT or LT options at the same time are not compatible');
    return;
  }
  if (gt && lt) {
    reply.error('ERR GT and LT options at the same time are not compatible');
    return;
  }
  const expireAt = readExpiry(call, 2, unit, false);
  if (Number.isNaN(expireAt)) return;
  if (!call.find(1, WRITE)) {
    reply.integer(0);
    return;
  }
  const current = database.entry.expireAt;
  const has = current >= 0;
  if (
    (nx && has) ||
    (xx && !has) ||
    (gt && (!has || expireAt <= current)) ||
    (lt && has && expireAt >= current)
  ) {
    reply.integer(0);
    return;
  }
  // While a log is loaded a later command may take the time back.
  if (expireAt <= keyspace.nowMs && !keyspace.expiryPaused) {
    database.delete();
    call.propagateAs(call.services.config.values['lazyfree-lazy-expire'] ? 'UNLINK' : 'DEL', words.copy(1));
  } else {
    database.setExpiry(expireAt);
    database.notify(NOTIFY_GENERIC, 'expire');
    call.propagateAs('PEXPIREAT', words.copy(1), expireAt);
  }
  reply.integer(1);
}

/** TTL and its kin: -2 without the key, -1 without an expiry. */
function remaining(call: Call, inSeconds: boolean, isAbsolute: boolean): void {
  if (!call.find(1, PEEK)) {
    call.reply.integer(-2);
    return;
  }
  const { expireAt } = call.database.entry;
  if (expireAt < 0) {
    call.reply.integer(-1);
    return;
  }
  const ms = isAbsolute ? expireAt : Math.max(0, expireAt - call.keyspace.nowMs);
  call.reply.integer(inSeconds ? Math.floor((ms + 500) / 1000) : ms);
}

function persist(call: Call): void {
  const { database } = call;
  if (!call.find(1, WRITE) || database.entry.expireAt < 0) {
    call.reply.integer(0);
    return;
  }
  database.setExpiry(-1);
  database.notify(NOTIFY_GENERIC, 'persist');
  call.reply.integer(1);
}

/** A value taken out of its record, to be written elsewhere. */
interface Taken {
  readonly type: number;
  readonly encoding: number;
  readonly expireAt: number;
  readonly payload: Uint8Array;
}

function take(entry: Entry): Taken {
  return {
    type: entry.type,
    encoding: entry.encoding,
    expireAt: entry.expireAt,
    payload: sliceBytes(entry.bytes, entry.payloadOffset, entry.payloadLength),
  };
}

/** Gives a value taken from `source` pages of its own in `target`, if it has pages. */
function takeCopy(source: Database, target: Database): Taken {
  const taken = take(source.entry);
  if ((taken.encoding & PAGED) !== 0) copyPages(taken.payload, source.pages, target.pages);
  return taken;
}

/** Writes a value under the key in argument `at`, which was looked up in `database` last. */
function put(database: Database, taken: Taken): void {
  const entry = database.store(taken.type, taken.encoding, taken.payload.length, taken.expireAt);
  copyBytes(taken.payload, 0, entry.bytes, entry.payloadOffset, taken.payload.length);
  database.noteFieldExpiry();
}

function sameWords(call: Call, left: number, right: number): boolean {
  const { words } = call;
  const length = words.lengths[left];
  return (
    length === words.lengths[right] &&
    equalBytes(words.buffer, words.offsets[left], words.buffer, words.offsets[right], length)
  );
}

function rename(call: Call, onlyIfNew: boolean): void {
  const { reply, database } = call;
  if (!call.find(1, WRITE)) {
    reply.error(NO_SUCH_KEY);
    return;
  }
  if (sameWords(call, 1, 2)) {
    if (onlyIfNew) reply.integer(0);
    else reply.ok();
    return;
  }
  const taken = take(database.entry);
  const oldType = call.find(2, onlyIfNew ? 0 : REPLACE) ? database.entry.type : -1;
  if (oldType >= 0 && onlyIfNew) {
    reply.integer(0);
    return;
  }
  put(database, taken);
  // To Redis the key is deleted, without a word, and made anew.
  if (oldType >= 0) database.notify(NOTIFY_NEW, 'new');
  call.find(1, 0);
  database.removeButPages();
  database.notify(NOTIFY_GENERIC, 'rename_from');
  call.find(2, 0);
  database.notify(NOTIFY_GENERIC, 'rename_to');
  if (oldType >= 0) database.notifyOverwritten(oldType, taken.type);
  if (onlyIfNew) reply.integer(1);
  else reply.ok();
}

/** The 32-bit integer in argument `at`; NaN after replying an error. */
function databaseNumber(call: Call, at: number, error: string): number {
  const { words } = call;
  const number = parseInteger(words.buffer, words.offsets[at], words.lengths[at]);
  if (number === (number | 0)) return number;
  call.reply.error(error);
  return Number.NaN;
}

/** A database by the number in argument `at`, or null after replying an error. */
function databaseAt(call: Call, at: number): Database | null {
  const { words } = call;
  const isInteger = parseInteger64(words.buffer, words.offsets[at], words.lengths[at]) !== undefined;
  const number = databaseNumber(call, at, isInteger ? NOT_A_32_BIT_INTEGER : NOT_AN_INTEGER);
  if (Number.isNaN(number)) return null;
  const database = call.keyspace.databases[number];
  if (database !== undefined) return database;
  call.reply.error(DATABASE_OUT_OF_RANGE);
  return null;
}

function move(call: Call): void {
  const { words, reply, database } = call;
  const target = databaseAt(call, 2);
  if (target === null) return;
  if (target === database) {
    reply.error(SAME_OBJECT);
    return;
  }
  if (!call.find(1, WRITE)) {
    reply.integer(0);
    return;
  }
  if (target.find(words.buffer, words.offsets[1], words.lengths[1], WRITE)) {
    reply.integer(0);
    return;
  }
  call.find(1, 0);
  const taken = takeCopy(database, target);
  put(target, taken);
  call.find(1, 0);
  database.remove();
  database.notify(NOTIFY_GENERIC, 'move_from');
  target.notify(NOTIFY_GENERIC, 'move_to');
  reply.integer(1);
}

function copy(call: Call): void {
  const { words, reply, database } = call;
  let target = database;
  let replaces = false;
  for (let at = 3; at < words.count; at++) {
    if (words.is(at, 'replace')) replaces = true;
    else if (words.is(at, 'db') && at + 1 < words.count) {
      const named = databaseAt(call, ++at);
      if (named === null) return;
      target = named;
    } else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  if (target === database && sameWords(call, 1, 2)) {
    reply.error(SAME_OBJECT);
    return;
  }
  if (!call.find(1, TOUCH | COUNT)) {
    reply.integer(0);
    return;
  }
  const how = replaces ? OVERWRITE : WRITE;
  const exists = target.find(words.buffer, words.offsets[2], words.lengths[2], how);
  const oldType = exists ? target.entry.type : -1;
  if (exists && !replaces) {
    reply.integer(0);
    return;
  }
  call.find(1, 0);
  const taken = takeCopy(database, target);
  target.find(words.buffer, words.offsets[2], words.lengths[2], REPLACE);
  put(target, taken);
  if (exists) target.notify(NOTIFY_NEW, 'new');
  target.notify(NOTIFY_GENERIC, 'copy_to');
  if (exists) target.notifyOverwritten(oldType, taken.type);
  reply.integer(1);
}

function keys(call: Call): void {
  const { words, reply, database } = call;
  const mark = reply.open();
  let count = 0;
  const { table } = database;
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    if (table.partitionCount(partition) === 0) continue;
    for (let more = table.seekAtLeast(partition, 0); more; more = table.next()) {
      const entry = database.load(partition);
      if (isExpired(call, entry)) continue;
      const { bytes, keyOffset, keyLength } = entry;
      if (!globMatch(words.buffer, words.offsets[1], words.lengths[1], bytes, keyOffset, keyLength, false))
        continue;
      reply.bulk(bytes, keyOffset, keyLength);
      count++;
    }
  }
  reply.closeArray(mark, count);
}

function isExpired(call: Call, entry: Entry): boolean {
  return entry.expireAt >= 0 && entry.expireAt <= call.keyspace.nowMs;
}

/**
 * SCAN. The index is in hash order, so the cursor is the hash to go on at: partition and tag, plus one so that 0 stays
 * the beginning and the end. Growth and changes of tier leave hashes as they are.
 */
function scan(call: Call): void {
  const { words, reply, database } = call;
  const cursor = readCursor(words.text(1));
  if (cursor === undefined) {
    reply.error(INVALID_CURSOR);
    return;
  }
  let pattern = -1;
  let count = SCAN_COUNT_DEFAULT;
  let typeWanted = -1;
  let typeUnknown = false;
  for (let at = 2; at < words.count; at += 2) {
    const more = at + 1 < words.count;
    if (more && words.is(at, 'match')) pattern = at + 1;
    else if (more && words.is(at, 'count')) {
      count = parseInteger64Rounded(words.buffer, words.offsets[at + 1], words.lengths[at + 1]);
      if (Number.isNaN(count)) {
        reply.error(NOT_AN_INTEGER);
        return;
      }
      if (count < 1) {
        reply.error(SYNTAX_ERROR);
        return;
      }
    } else if (more && words.is(at, 'type')) {
      typeWanted = TYPE_NAMES.indexOf(words.text(at + 1).toLowerCase());
      typeUnknown = typeWanted < 0;
    } else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  const { table } = database;
  let partition = cursor === 0 ? 0 : Math.floor((cursor - 1) / TAG_LIMIT);
  let tag = cursor === 0 ? 0 : (cursor - 1) % TAG_LIMIT;
  const expired: [number, number, number][] = [];
  const found: Uint8Array[] = [];
  let visited = 0;
  let next = 0;
  scanning: for (; partition < PARTITION_COUNT; partition++, tag = 0) {
    if (table.partitionCount(partition) === 0) continue;
    for (let more = table.seekAtLeast(partition, tag); more; more = table.next()) {
      // All keys of one hash are returned together: the cursor can't stand between them.
      if (table.tag !== tag && visited >= count) {
        next = partition * TAG_LIMIT + table.tag + 1;
        break scanning;
      }
      tag = table.tag;
      visited++;
      const entry = database.load(partition);
      if (isExpired(call, entry)) {
        expired.push([partition, table.word0, table.word1]);
        continue;
      }
      if (typeUnknown || (typeWanted >= 0 && entry.type !== typeWanted)) continue;
      const { bytes, keyOffset, keyLength } = entry;
      if (
        pattern >= 0 &&
        !globMatch(
          words.buffer,
          words.offsets[pattern],
          words.lengths[pattern],
          bytes,
          keyOffset,
          keyLength,
          false,
        )
      ) {
        continue;
      }
      found.push(sliceBytes(bytes, keyOffset, keyLength));
    }
  }
  for (const [of, word0, word1] of expired) {
    if (!table.findLocation(of, word0, word1)) continue;
    const entry = database.load(of);
    const name = sliceBytes(entry.bytes, entry.keyOffset, entry.keyLength);
    database.find(name, 0, name.length, 0);
  }
  reply.array(2);
  reply.bulkText(String(next));
  reply.array(found.length);
  for (const key of found) reply.bulk(key, 0, key.length);
}

function randomkey(call: Call): void {
  const { database, keyspace, reply } = call;
  for (let attempt = 0; attempt < 100; attempt++) {
    if (!database.seekRandom((limit) => keyspace.random.below(limit))) {
      reply.null();
      return;
    }
    const { entry } = database;
    const name = sliceBytes(entry.bytes, entry.keyOffset, entry.keyLength);
    if (database.find(name, 0, name.length, 0)) {
      reply.bulk(name, 0, name.length);
      return;
    }
  }
  reply.null();
}

/** Empties databases; what they held is freed in steps, or at once with SYNC. */
function flush(call: Call, databases: readonly Database[]): void {
  const { words, reply, services } = call;
  let isAsynchronous = services.config.values['lazyfree-lazy-user-flush'];
  if (words.count > 2 || (words.count === 2 && !words.is(1, 'sync') && !words.is(1, 'async'))) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  if (words.count === 2) isAsynchronous = words.is(1, 'async');
  for (const database of databases) services.free(database.clear(), !isAsynchronous);
  services.tracking.flushed(call.client);
  if (databases === call.keyspace.databases) services.persistence.flushedAll();
  reply.ok();
}

function swapdb(call: Call): void {
  const left = databaseNumber(call, 1, 'ERR invalid first DB index');
  if (Number.isNaN(left)) return;
  const right = databaseNumber(call, 2, 'ERR invalid second DB index');
  if (Number.isNaN(right)) return;
  const { databases } = call.keyspace;
  if (databases[left] === undefined || databases[right] === undefined) {
    call.reply.error(DATABASE_OUT_OF_RANGE);
    return;
  }
  if (left !== right) call.keyspace.swap(left, right);
  call.reply.ok();
}

function select(call: Call): void {
  const database = databaseAt(call, 1);
  if (database === null) return;
  call.client.databaseNumber = database.number;
  call.reply.ok();
}

const OBJECT_HELP = [
  'ENCODING <key>',
  '    Return the kind of internal representation used in order to store the value',
  '    associated with a <key>.',
  'FREQ <key>',
  '    Return the access frequency index of the <key>. The returned integer is',
  '    proportional to the logarithm of the recent access frequency of the key.',
  'IDLETIME <key>',
  '    Return the idle time of the <key>, that is the approximated number of',
  '    seconds elapsed since the last access to the key.',
  'REFCOUNT <key>',
  '    Return the number of references of the value associated with the specified',
  '    <key>.',
];

/** Looks an object's key up for OBJECT; replies null and returns null without it. */
function object(call: Call): Entry | null {
  if (call.find(2, PEEK | QUIET)) return call.database.entry;
  call.reply.null();
  return null;
}

function accessOf(call: Call, entry: Entry): number {
  const { words, keyspace } = call;
  if (entry.hot || keyspace.cold === null) return entry.access;
  const hash = call.database.identityOf(words.buffer, words.offsets[2], words.lengths[2]);
  return keyspace.cold.accessOf(hash, entry.access);
}

function objectFreq(call: Call): void {
  const { settings, nowMs } = call.keyspace;
  const entry = object(call);
  if (entry === null) return;
  if (settings.lfu) {
    call.reply.integer(lfuCounter(accessOf(call, entry), nowMs, settings.lfuDecayMinutes));
    return;
  }
  call.reply.error(
    'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
  );
}

function objectIdletime(call: Call): void {
  const { settings, nowMs } = call.keyspace;
  const entry = object(call);
  if (entry === null) return;
  if (!settings.lfu) {
    call.reply.integer(Math.floor(lruIdleMs(accessOf(call, entry), nowMs) / 1000));
    return;
  }
  call.reply.error(
    'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
  );
}

function objectEncoding(call: Call): void {
  const entry = object(call);
  if (entry === null) return;
  call.reply.bulkText(encodingNameOf(entry.type, entry.encoding));
}

function dbsize(call: Call): void {
  call.reply.integer(call.database.size);
}

/** WAIT: with no replicas that could acknowledge, the time is waited for. */
function wait(call: Call): void {
  const { words, reply } = call;
  const replicas = parseInteger64(words.buffer, words.offsets[1], words.lengths[1]);
  if (replicas === undefined) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  const timeoutMs = readTimeoutMs(call, 2);
  if (timeoutMs < 0) return;
  if (replicas > 0n && call.mayBlock) call.block({ keys: [], timeoutMs, replyTimeout: replyNone });
  else replyNone(reply);
}

function replyNone(reply: Encoder): void {
  reply.integer(0);
}

/** What the rows of this family share. */
const shared = { group: 'generic', categories: ['keyspace'], complexity: 'O(1)' } as const;

/** What they share, and the documentation of one. */
function row(name: keyof typeof KEY_DOCS): typeof shared & Pick<CommandRow, 'name'> & CommandDocs {
  return { ...shared, name, ...KEY_DOCS[name] };
}

export const KEY_COMMANDS: readonly CommandRow[] = [
  {
    ...row('copy'),
    summary: 'Copies the value of a key to a new key.',
    since: '6.2.0',
    complexity: 'O(N) in the size of the value.',
    arity: -3,
    flags: ['write', 'denyoom'],
    need: 'value',
    keys: [keyAt(1, 'RO', 'access'), keyAt(2, 'OW', 'update')],
    elements: firstKeyElements,
    execute: copy,
  },
  {
    ...row('dbsize'),
    group: 'server',
    summary: 'Returns the number of keys in the database.',
    since: '1.0.0',
    arity: 1,
    flags: ['readonly', 'fast'],
    need: 'none',
    keys: [],
    execute: dbsize,
  },
  {
    ...row('del'),
    summary: 'Deletes one or more keys.',
    since: '1.0.0',
    complexity: 'O(N) in the number of keys.',
    arity: -2,
    flags: ['write'],
    need: 'header',
    keys: [keysFrom(1, 1, 'RM', 'delete')],
    execute: del,
  },
  {
    ...row('exists'),
    summary: 'Determines whether one or more keys exist.',
    since: '1.0.0',
    complexity: 'O(N) in the number of keys.',
    arity: -2,
    flags: ['readonly', 'fast'],
    need: 'header',
    keys: [keysFrom(1, 1, 'RO')],
    execute: exists,
  },
  {
    ...row('expire'),
    summary: 'Sets the expiry of a key in seconds.',
    since: '1.0.0',
    arity: -3,
    flags: ['write', 'fast'],
    need: 'header',
    keys: [keyAt(1, 'RW', 'update')],
    execute: (call) => expire(call, EX),
  },
  {
    ...row('expireat'),
    summary: 'Sets the expiry of a key to a Unix time in seconds.',
    since: '1.2.0',
    arity: -3,
    flags: ['write', 'fast'],
    need: 'header',
    keys: [keyAt(1, 'RW', 'update')],
    execute: (call) => expire(call, EXAT),
  },
  {
    ...row('expiretime'),
    summary: 'Returns the Unix time in seconds at which a key expires.',
    since: '7.0.0',
    arity: 2,
    flags: ['readonly', 'fast'],
    need: 'header',
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => remaining(call, true, true),
  },
  {
    ...row('flushall'),
    group: 'server',
    categories: ['keyspace', 'dangerous'],
    summary: 'Removes all keys from all databases.',
    since: '1.0.0',
    complexity: 'O(N) in the number of keys in RAM; with ASYNC they are freed in the background.',
    arity: -1,
    flags: ['write'],
    need: 'none',
    keys: [],
    execute: (call) => flush(call, call.keyspace.databases),
  },
  {
    ...row('flushdb'),
    group: 'server',
    categories: ['keyspace', 'dangerous'],
    summary: 'Removes all keys from the current database.',
    since: '1.0.0',
    complexity: 'O(N) in the number of keys in RAM; with ASYNC they are freed in the background.',
    arity: -1,
    flags: ['write'],
    need: 'none',
    keys: [],
    execute: (call) => flush(call, [call.database]),
  },
  {
    ...row('keys'),
    categories: ['keyspace', 'dangerous'],
    summary: 'Returns all key names that match a pattern.',
    since: '1.0.0',
    complexity: 'O(N) in the number of keys in the database.',
    arity: 2,
    flags: ['readonly'],
    need: 'none',
    keys: [],
    execute: keys,
  },
  {
    ...row('move'),
    summary: 'Moves a key to another database.',
    since: '1.0.0',
    arity: 3,
    flags: ['write', 'fast'],
    need: 'value',
    keys: [keyAt(1, 'RW', 'access', 'update')],
    execute: move,
  },
  {
    ...row('object'),
    summary: 'A container for commands that look at a value’s representation.',
    since: '2.2.3',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    categories: [],
    need: 'none',
    keys: [],
    subcommands: [
      {
        ...shared,
        ...OBJECT_DOCS,
        name: 'encoding',
        summary: 'Returns the internal encoding of a value.',
        since: '2.2.3',
        arity: 3,
        flags: ['readonly'],
        need: 'header',
        keys: [keyAt(2, 'RO')],
        execute: objectEncoding,
      },
      {
        ...shared,
        ...OBJECT_DOCS,
        name: 'freq',
        summary: 'Returns the logarithmic access frequency counter of a value.',
        since: '4.0.0',
        arity: 3,
        flags: ['readonly'],
        need: 'header',
        keys: [keyAt(2, 'RO')],
        execute: objectFreq,
      },
      helpRow('OBJECT', OBJECT_HELP, { group: 'generic', since: '6.2.0', categories: ['keyspace'] }),
      {
        ...shared,
        ...OBJECT_DOCS,
        name: 'idletime',
        summary: 'Returns the time since the last access to a value.',
        since: '2.2.3',
        arity: 3,
        flags: ['readonly'],
        need: 'header',
        keys: [keyAt(2, 'RO')],
        execute: objectIdletime,
      },
      {
        ...shared,
        ...OBJECT_DOCS,
        name: 'refcount',
        summary: 'Returns the reference count of a value.',
        since: '2.2.3',
        arity: 3,
        flags: ['readonly'],
        need: 'header',
        keys: [keyAt(2, 'RO')],
        differences: 'Always 1: values are not shared.',
        execute: (call) => {
          if (object(call) !== null) call.reply.integer(1);
        },
      },
    ],
  },
  {
    ...row('persist'),
    summary: 'Removes the expiry of a key.',
    since: '2.2.0',
    arity: 2,
    flags: ['write', 'fast'],
    need: 'header',
    keys: [keyAt(1, 'RW', 'update')],
    execute: persist,
  },
  {
    ...row('pexpire'),
    summary: 'Sets the expiry of a key in milliseconds.',
    since: '2.6.0',
    arity: -3,
    flags: ['write', 'fast'],
    need: 'header',
    keys: [keyAt(1, 'RW', 'update')],
    execute: (call) => expire(call, PX),
  },
  {
    ...row('pexpireat'),
    summary: 'Sets the expiry of a key to a Unix time in milliseconds.',
    since: '2.6.0',
    arity: -3,
    flags: ['write', 'fast'],
    need: 'header',
    keys: [keyAt(1, 'RW', 'update')],
    execute: (call) => expire(call, PXAT),
  },
  {
    ...row('pexpiretime'),
    summary: 'Returns the Unix time in milliseconds at which a key expires.',
    since: '7.0.0',
    arity: 2,
    flags: ['readonly', 'fast'],
    need: 'header',
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => remaining(call, false, true),
  },
  {
    ...row('pttl'),
    summary: 'Returns the time to live of a key in milliseconds.',
    since: '2.6.0',
    arity: 2,
    flags: ['readonly', 'fast'],
    need: 'header',
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => remaining(call, false, false),
  },
  {
    ...row('randomkey'),
    summary: 'Returns a random key name from the database.',
    since: '1.0.0',
    arity: 1,
    flags: ['readonly'],
    need: 'none',
    keys: [],
    execute: randomkey,
  },
  {
    ...row('rename'),
    summary: 'Renames a key and overwrites the destination.',
    since: '1.0.0',
    complexity: 'O(N) in the size of the value.',
    arity: 3,
    flags: ['write'],
    need: 'value',
    keys: [keyAt(1, 'RW', 'access', 'delete'), keyAt(2, 'OW', 'update')],
    execute: (call) => rename(call, false),
  },
  {
    ...row('renamenx'),
    summary: 'Renames a key only when the target key name doesn’t exist.',
    since: '1.0.0',
    complexity: 'O(N) in the size of the value.',
    arity: 3,
    flags: ['write', 'fast'],
    need: 'value',
    keys: [keyAt(1, 'RW', 'access', 'delete'), keyAt(2, 'OW', 'insert')],
    execute: (call) => rename(call, true),
  },
  {
    ...row('scan'),
    summary: 'Iterates over the key names in the database.',
    since: '2.8.0',
    complexity: 'O(1) for every call. O(N) for a complete iteration.',
    arity: -2,
    flags: ['readonly'],
    need: 'none',
    keys: [],
    execute: scan,
  },
  {
    ...row('select'),
    group: 'connection',
    categories: ['connection'],
    summary: 'Changes the selected database.',
    since: '1.0.0',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    need: 'none',
    keys: [],
    execute: select,
  },
  {
    ...row('swapdb'),
    group: 'server',
    categories: ['keyspace', 'dangerous'],
    summary: 'Swaps two databases.',
    since: '4.0.0',
    arity: 3,
    flags: ['write', 'fast'],
    need: 'none',
    keys: [],
    execute: swapdb,
  },
  {
    ...row('touch'),
    summary: 'Returns how many of the keys exist after updating the time they were last accessed.',
    since: '3.2.1',
    complexity: 'O(N) in the number of keys.',
    arity: -2,
    flags: ['readonly', 'fast'],
    need: 'header',
    keys: [keysFrom(1, 1, 'RO')],
    execute: touch,
  },
  {
    ...row('ttl'),
    summary: 'Returns the time to live of a key in seconds.',
    since: '1.0.0',
    arity: 2,
    flags: ['readonly', 'fast'],
    need: 'header',
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => remaining(call, true, false),
  },
  {
    ...row('type'),
    summary: 'Determines the type of the value stored at a key.',
    since: '1.0.0',
    arity: 2,
    flags: ['readonly', 'fast'],
    need: 'header',
    keys: [keyAt(1, 'RO')],
    execute: type,
  },
  {
    ...row('unlink'),
    summary: 'Deletes one or more keys, freeing large values in the background.',
    since: '4.0.0',
    complexity: 'O(N) in the number of keys.',
    arity: -2,
    flags: ['write', 'fast'],
    need: 'header',
    keys: [keysFrom(1, 1, 'RM', 'delete')],
    execute: del,
  },
  {
    ...row('wait'),
    categories: ['connection'],
    summary: 'Waits until the given number of replicas acknowledged the writes before it.',
    since: '3.0.0',
    arity: 3,
    flags: ['blocking'],
    need: 'none',
    keys: [],
    execute: wait,
  },
];
