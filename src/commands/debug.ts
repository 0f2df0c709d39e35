import { assert } from '../base/assert.ts';
import { latin1Bytes } from '../base/bytes.ts';
import { NO_SUCH_KEY, NOT_AN_INTEGER, OUT_OF_RANGE_POSITIVE } from '../base/error-replies.ts';
import { globMatch } from '../base/glob.ts';
import { parseInteger } from '../base/numbers.ts';
import { secretHex } from '../base/random.ts';
import { sleep } from '../base/sleep.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { parseMemory } from '../config/value-types.ts';
import { ACCESS_MASK, lruIdleMs } from '../heat/access.ts';
import type { Database } from '../keyspace/database.ts';
import { type Entry, TYPE_STRING, WARM } from '../keyspace/record.ts';
import { PARTITION_COUNT } from '../keyspace/slot-table.ts';
import { ObjectWriter } from '../persistence/rdb/object-writer.ts';
import { RdbWriter } from '../persistence/rdb/writer.ts';
import { rdbTypeOf, ValueWriter, versionFor } from '../persistence/value-writer.ts';
import { LEAF_BYTES_MAX } from '../types/pages/counted-tree.ts';
import { elementBytes, PAGED } from '../types/pages/head.ts';
import { stringLength } from '../types/string/chunked-string.ts';
import { ENCODING_INTEGER, encodingOf } from '../types/string/encoding.ts';
import { rewriteConfig } from './config.ts';
import { datasetDigest, valueDigest } from './digest.ts';
import { encodingNameOf } from './encodings.ts';
import { replyHelp } from './help.ts';
import { setListPageBytesMax } from './lists.ts';
import { storeString } from './string-values.ts';

/** Most that Redis takes for `quicklist-packed-threshold`: a little less than 4 GiB. */
const PACKED_THRESHOLD_MAX = 2 ** 32 - 2 ** 20;

const values = new ValueWriter();
/** A larger value is not written to see how long it is in an RDB file. */
const SERIALIZED_BYTES_MAX = 64 * 1024;

const NOT_ALLOWED =
  'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.';

/** Whether `enable-debug-command` lets this client use DEBUG. */
function isAllowed(call: Call): boolean {
  const allowed = call.services.config.values['enable-debug-command'];
  if (allowed !== 'local') return allowed === 'yes';
  return call.client.isInternal || /^(127\.|\[?::1\]?:|\/)/.test(call.client.transport.address);
}

function sleepInCommand(call: Call): void {
  sleep(Number.parseFloat(call.words.text(2)) * 1000);
  call.reply.ok();
}

/** Looks a key up without leaving a trace; replies an error and returns null without it. */
function keyOrError(call: Call): Entry | null {
  const { words, database } = call;
  if (database.peekRaw(words.buffer, words.offsets[2], words.lengths[2])) return database.entry;
  call.reply.error(NO_SUCH_KEY);
  return null;
}

function object(call: Call): void {
  const entry = keyOrError(call);
  if (entry === null) return;
  const { nowMs, settings } = call.keyspace;
  const isWarm = (entry.flags & WARM) !== 0;
  const fields = [
    `Value at:0x${(entry.hot ? entry.address * 8 : 0).toString(16)}`,
    'refcount:1',
    `encoding:${encodingNameOf(entry.type, entry.encoding)}`,
    `serializedlength:${serializedLength(call, entry)}`,
    `lru:${entry.access & ACCESS_MASK}`,
    `lru_seconds_idle:${settings.lfu ? 0 : Math.floor(lruIdleMs(entry.access, nowMs) / 1000)}`,
    `tier:${entry.hot ? (isWarm ? 'warm' : 'hot') : 'cold'}`,
  ];
  call.reply.simple(fields.join(' '));
}

/** Bytes of a value in an RDB file; of a large one about as many, and of a string as many as it has if it is not compressed. */
function serializedLength(call: Call, entry: Entry): number {
  const { type, encoding } = entry;
  if (type === TYPE_STRING) return serializedStringLength(entry);
  if ((encoding & PAGED) !== 0 && elementBytes(entry) > SERIALIZED_BYTES_MAX) return elementBytes(entry);
  const writer = new RdbWriter();
  writer.compresses = call.services.config.values.rdbcompression;
  const rdbType = rdbTypeOf(type, entry, versionFor(type, encoding));
  values.begin(call.database, type, rdbType, new ObjectWriter(writer));
  values.finish();
  return writer.length;
}

/** Bytes of a string in an RDB file, were it not compressed (rdbSaveRawString, rdbEncodeInteger). */
function serializedStringLength(entry: Entry): number {
  const { bytes, payloadOffset, payloadLength } = entry;
  if (entry.type === TYPE_STRING && (entry.encoding & PAGED) !== 0) return stringLength(entry) + 5;
  if (payloadLength <= 11 && encodingOf(bytes, payloadOffset, payloadLength) === ENCODING_INTEGER) {
    const value = parseInteger(bytes, payloadOffset, payloadLength);
    if (value >= -0x80 && value < 0x80) return 2;
    if (value >= -0x8000 && value < 0x8000) return 3;
    if (value >= -0x80000000 && value < 0x80000000) return 5;
  }
  if (payloadLength < 1 << 6) return payloadLength + 1;
  return payloadLength + (payloadLength < 1 << 14 ? 2 : 5);
}

function stringMatch(call: Call): void {
  const { buffer, offsets, lengths } = call.words;
  const isMatch = globMatch(buffer, offsets[2], lengths[2], buffer, offsets[3], lengths[3], false);
  call.reply.integer(isMatch ? 1 : 0);
}

const PROTOCOL_TYPES: Readonly<Record<string, (call: Call) => void>> = {
  string: ({ reply }) => reply.bulkText('Hello World'),
  integer: ({ reply }) => reply.integer(12345),
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: the number that Redis replies
  double: ({ reply }) => reply.double(3.141),
  bignum: ({ reply }) => {
    const digits = '1234567999999999999999999999999999999';
    if (reply.protocol === 3) reply.raw(latin1Bytes(`(${digits}\r\n`));
    else reply.bulkText(digits);
  },
  null: ({ reply }) => reply.null(),
  array: ({ reply }) => {
    reply.array(3);
    for (let at = 0; at < 3; at++) reply.integer(at);
  },
  set: ({ reply }) => {
    reply.set(3);
    for (let at = 0; at < 3; at++) reply.integer(at);
  },
  map: ({ reply }) => {
    reply.map(3);
    for (let at = 0; at < 3; at++) {
      reply.integer(at);
      reply.boolean(at === 1);
    }
  },
  attrib: ({ reply }) => {
    if (reply.protocol === 3) {
      reply.raw(latin1Bytes('|1\r\n'));
      reply.bulkText('key-popularity');
      reply.array(2);
      reply.bulkText('key:123');
      reply.integer(90);
    }
    reply.bulkText('Some real reply following the attribute');
  },
  push: ({ reply }) => {
    if (reply.protocol !== 3) {
      reply.error('ERR RESP2 is not supported by this command');
      return;
    }
    reply.push(2);
    reply.bulkText('server-cpu-usage');
    reply.integer(42);
    reply.bulkText('Some real reply following the push reply');
  },
  verbatim: ({ reply }) => reply.verbatim('txt', 'This is a verbatim\nstring'),
  true: ({ reply }) => reply.boolean(true),
  false: ({ reply }) => reply.boolean(false),
};

function protocol(call: Call): void {
  const name = call.words.text(2).toLowerCase();
  const replyType = Object.hasOwn(PROTOCOL_TYPES, name) ? PROTOCOL_TYPES[name] : undefined;
  if (replyType !== undefined) replyType(call);
  else {
    const names = Object.keys(PROTOCOL_TYPES).join('|');
    call.reply.error(`ERR Wrong protocol type name. Please use one of the following: ${names}`);
  }
}

/** Makes string keys that are not there yet; they are not propagated, as in Redis. */
function populate(call: Call): void {
  const { words, database, reply } = call;
  const count = parseInteger(words.buffer, words.offsets[2], words.lengths[2]);
  const size = words.count > 4 ? parseInteger(words.buffer, words.offsets[4], words.lengths[4]) : 0;
  if (!(count >= 0) || !(size >= 0 && size <= 0x7fffffff)) {
    reply.error(OUT_OF_RANGE_POSITIVE);
    return;
  }
  const prefix = words.count > 3 ? words.text(3) : 'key';
  for (let at = 0; at < count; at++) {
    const key = latin1Bytes(`${prefix}:${at}`);
    if (database.find(key, 0, key.length, 0)) continue;
    const text = latin1Bytes(`value:${at}`);
    const value = size === 0 ? text : new Uint8Array(size);
    if (size > 0) value.set(text.subarray(0, size));
    storeString(database, value, 0, value.length, -1);
  }
  call.propagation = [];
  reply.ok();
}

function digest(call: Call): void {
  call.reply.simple(datasetDigest(call.keyspace.databases));
}

function digestValue(call: Call): void {
  const { words, reply, database } = call;
  reply.array(words.count - 2);
  for (let at = 2; at < words.count; at++) {
    const isThere = database.peekRaw(words.buffer, words.offsets[at], words.lengths[at]);
    reply.simple(valueDigest(isThere ? database : null));
  }
}

function indexStatistics(call: Call): void {
  const { words, reply, keyspace } = call;
  const number = parseInteger(words.buffer, words.offsets[2], words.lengths[2]);
  if (Number.isNaN(number)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  const database = keyspace.databases[number];
  if (database === undefined) reply.error('ERR Out of range database');
  else reply.verbatim('txt', describeIndex(database));
}

/** The index of a database as it is: one table of slots in hash order, for all keys, hot, cold and expiring alike. */
function describeIndex(database: Database): string {
  const { table, size, coldCount, expiringCount } = database;
  const title = '[Slot table]\n';
  if (size === 0) return `${title}No stats available for empty tables\n`;
  let used = 0;
  let longest = 0;
  let sameTag = 0;
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const count = table.partitionCount(partition);
    if (count === 0) continue;
    used++;
    longest = Math.max(longest, count);
    let tag = -1;
    for (let more = table.seekAtLeast(partition, 0); more; more = table.next()) {
      if (table.tag === tag) sameTag++;
      tag = table.tag;
    }
  }
  return [
    title,
    ` table size: ${table.capacity}\n`,
    ` number of elements: ${size}\n`,
    ` load: ${((size / table.capacity) * 100).toFixed(2)}%\n`,
    ` bytes per element: ${((table.capacity * 8 + database.directoryBytes) / size).toFixed(2)}\n`,
    ` hot elements: ${size - coldCount}\n`,
    ` cold elements: ${coldCount}\n`,
    ` expiring elements: ${expiringCount}\n`,
    ` partitions in use: ${used} of ${PARTITION_COUNT}\n`,
    ` max partition length: ${longest}\n`,
    ` avg partition length: ${(size / used).toFixed(2)}\n`,
    ` elements with the tag of the one before: ${sameTag}\n`,
  ].join('');
}

function valueStatistics(call: Call): void {
  if (keyOrError(call) === null) return;
  call.reply.error('ERR The value stored at the specified key is not represented using an hash table');
}

function log(call: Call): void {
  call.services.log(`DEBUG LOG: ${call.words.text(2)}`);
  call.reply.ok();
}

function setActiveExpire(call: Call): void {
  call.keyspace.settings.activeExpire = isOn(call);
  call.reply.ok();
}

/** A number that is a switch: 0 is off. */
function isOn(call: Call): boolean {
  return (Number.parseInt(call.words.text(2), 10) || 0) !== 0;
}

function pauseCron(call: Call): void {
  call.services.switches.isCronPaused = isOn(call);
  call.reply.ok();
}

function setSkipChecksumValidation(call: Call): void {
  call.services.switches.skipsChecksums = isOn(call);
  call.reply.ok();
}

function setDisableDenyScripts(call: Call): void {
  call.services.switches.allowsScriptsAll = isOn(call);
  call.reply.ok();
}

function quicklistPackedThreshold(call: Call): void {
  const bytes = parseMemory(call.words.text(2));
  if (bytes === undefined || bytes > PACKED_THRESHOLD_MAX) {
    call.reply.error('ERR argument must be a memory value bigger than 1 and smaller than 4gb');
    return;
  }
  setListPageBytesMax(bytes === 0 ? LEAF_BYTES_MAX : Math.min(bytes, LEAF_BYTES_MAX));
  call.reply.ok();
}

/** Shows the packed page of a small value. */
function listpack(call: Call): void {
  const entry = keyOrError(call);
  if (entry === null) return;
  const { bytes, payloadOffset, payloadLength } = entry;
  if (encodingNameOf(entry.type, entry.encoding) !== 'listpack' || (entry.encoding & PAGED) !== 0) {
    call.reply.error('ERR Not a listpack encoded object.');
    return;
  }
  const page = Buffer.from(bytes.buffer, bytes.byteOffset + payloadOffset, payloadLength);
  call.reply.verbatim('txt', `{total bytes ${payloadLength}}\n${page.toString('hex')}\n`);
}

function changeReplicationId(call: Call): void {
  call.services.server.replicationId = secretHex(20);
  call.reply.ok();
}

/** CONFIG REWRITE of all directives, whether they have their defaults or not. */
function rewriteWholeConfig(call: Call): void {
  rewriteConfig(call, true);
}

function panic(): void {
  throw new Error('called by DEBUG PANIC');
}

function failAssertion(): void {
  assert(false, 'called by DEBUG ASSERT');
}

/** Has the system end the process as it ends one that touches memory that is not its own. */
function segfault(): void {
  process.kill(process.pid, 'SIGSEGV');
}

/** Writes a snapshot and loads it again. */
function reload(call: Call): void {
  const { words, reply, services } = call;
  let saves = true;
  let keeps = false;
  let merges = false;
  for (let at = 2; at < words.count; at++) {
    if (words.is(at, 'merge')) merges = true;
    else if (words.is(at, 'noflush')) keeps = true;
    else if (words.is(at, 'nosave')) saves = false;
    else {
      reply.error('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
      return;
    }
  }
  const { persistence } = services;
  if (saves && !persistence.save()) reply.error('ERR');
  else if (!persistence.reload(keeps, merges)) {
    reply.error('ERR Error trying to load the RDB dump, check server logs.');
  } else {
    services.log('DB reloaded by DEBUG RELOAD');
    reply.ok();
  }
  call.propagation = [];
}

/** Has the append-only file loaded in place of what is there. */
function loadLog(call: Call): void {
  const { reply, services } = call;
  if (services.appendLog.reload()) {
    services.log('Append Only File loaded by DEBUG LOADAOF');
    reply.ok();
  } else {
    reply.error('ERR Error trying to load the AOF files, check server logs.');
  }
  call.propagation = [];
}

const HELP = [
  'ASSERT',
  '    Crash by assertion failed.',
  'CHANGE-REPL-ID',
  '    Change the replication ID of the instance.',
  'CONFIG-REWRITE-FORCE-ALL',
  '    Like CONFIG REWRITE but writes all configuration options, including',
  '    keywords not listed in original configuration file or default values.',
  'DIGEST',
  '    Output a hex signature representing the current DB content.',
  'DIGEST-VALUE <key> [<key> ...]',
  '    Output a hex signature of the values of all the specified keys.',
  'ERROR <string>',
  '    Return a Redis protocol error with <string> as message. Useful for clients',
  '    unit tests to simulate Redis errors.',
  'HTSTATS <dbid>',
  '    Return statistics of the index of the specified database.',
  'HTSTATS-KEY <key>',
  "    Like HTSTATS but for the hash table stored at <key>'s value.",
  'LISTPACK <key>',
  '    Show the packed bytes of a small value.',
  'LOADAOF',
  '    Flush the AOF buffers on disk and reload the AOF in memory.',
  'LOG <message>',
  '    Write <message> to the server log.',
  'OBJECT <key>',
  '    Show low level info about `key` and associated value.',
  'PANIC',
  '    Crash the server simulating a panic.',
  'PAUSE-CRON <0|1>',
  '    Stop periodic cron job processing.',
  'POPULATE <count> [<prefix>] [<size>]',
  '    Create <count> string keys named key:<num>. If <prefix> is specified then',
  "    it is used instead of the 'key' prefix. These are not propagated to",
  '    replicas.',
  'PROTOCOL <type>',
  '    Reply with a test value of the specified type. <type> can be: string,',
  '    integer, double, bignum, null, array, set, map, attrib, push, verbatim,',
  '    true, false.',
  'QUICKLIST-PACKED-THRESHOLD <size>',
  '    Divide pages of lists above <size>, so that elements of this size or more',
  '    come to have pages of their own. Setting to 0 restores the default.',
  'RELOAD [option ...]',
  '    Save the RDB on disk and reload it back to memory. Valid <option> values:',
  '    * MERGE: conflicting keys will be loaded from RDB.',
  '    * NOFLUSH: the existing database will not be removed before load.',
  '    * NOSAVE: the database will be loaded from an existing RDB file.',
  'SEGFAULT',
  '    Crash the server with sigsegv.',
  'SET-ACTIVE-EXPIRE <0|1>',
  '    Setting it to 0 disables expiring keys (both hot and cold) in background.',
  'SET-DISABLE-DENY-SCRIPTS <0|1>',
  '    Let scripts call commands that are not allowed from scripts.',
  'SET-SKIP-CHECKSUM-VALIDATION <0|1>',
  "    Enables or disables checksum checks for RDB files and RESTORE's payload.",
  'SLEEP <seconds>',
  '    Stop the server for <seconds>. Decimals allowed.',
  'STRINGMATCH-LEN <pattern> <string>',
  '    Return 1 if the glob-style <pattern> matches <string>, else 0.',
];

interface Subcommand {
  /** Number of arguments, the two words of the command included. */
  readonly countMin: number;
  readonly countMax: number;
  readonly execute: (call: Call) => void;
}

function subcommand(countMin: number, countMax: number, execute: (call: Call) => void): Subcommand {
  return { countMin, countMax, execute };
}

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map([
  ['assert', subcommand(2, 2, failAssertion)],
  ['change-repl-id', subcommand(2, 2, changeReplicationId)],
  ['config-rewrite-force-all', subcommand(2, 2, rewriteWholeConfig)],
  ['digest', subcommand(2, 2, digest)],
  ['digest-value', subcommand(2, Number.POSITIVE_INFINITY, digestValue)],
  ['error', subcommand(3, 3, (call) => call.reply.error(call.words.text(2)))],
  ['help', subcommand(2, 2, (call) => replyHelp(call, 'DEBUG', HELP))],
  ['htstats', subcommand(3, 3, indexStatistics)],
  ['htstats-key', subcommand(3, 3, valueStatistics)],
  ['listpack', subcommand(3, 3, listpack)],
  ['loadaof', subcommand(2, 2, loadLog)],
  ['log', subcommand(3, 3, log)],
  ['object', subcommand(3, 3, object)],
  ['panic', subcommand(2, 2, panic)],
  ['pause-cron', subcommand(3, 3, pauseCron)],
  ['populate', subcommand(3, 5, populate)],
  ['protocol', subcommand(3, 3, protocol)],
  ['quicklist-packed-threshold', subcommand(3, 3, quicklistPackedThreshold)],
  ['reload', subcommand(2, Number.POSITIVE_INFINITY, reload)],
  ['segfault', subcommand(2, 2, segfault)],
  ['set-active-expire', subcommand(3, 3, setActiveExpire)],
  ['set-disable-deny-scripts', subcommand(3, 3, setDisableDenyScripts)],
  ['set-skip-checksum-validation', subcommand(3, 3, setSkipChecksumValidation)],
  ['sleep', subcommand(3, 3, sleepInCommand)],
  ['stringmatch-len', subcommand(4, 4, stringMatch)],
]);

function debug(call: Call): void {
  const { words, reply } = call;
  if (!isAllowed(call)) {
    reply.error(NOT_ALLOWED);
    return;
  }
  const name = words.text(1);
  const found = SUBCOMMANDS.get(name.toLowerCase());
  if (found === undefined || words.count < found.countMin || words.count > found.countMax) {
    reply.error(`ERR unknown subcommand or wrong number of arguments for '${name}'. Try DEBUG HELP.`);
    return;
  }
  found.execute(call);
}

export const DEBUG_COMMANDS: readonly CommandRow[] = [
  {
    name: 'debug',
    summary: 'A container for debugging commands.',
    since: '1.0.0',
    group: 'server',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: [],
    keys: [],
    need: 'none',
    differences: 'A part of the subcommands: see its HELP.',
    docFlags: ['syscmd'],
    execute: debug,
  },
];
