import { SYNTAX_ERROR } from '../base/error-replies.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandRow } from '../command-table/row.ts';
import { READ, REPLACE, WRITE } from '../keyspace/database.ts';
import { NOTIFY_GENERIC, NOTIFY_NEW } from '../keyspace/keyspace.ts';
import { endDump, verifyDump } from '../persistence/rdb/dump.ts';
import { ObjectReader } from '../persistence/rdb/object-reader.ts';
import { ObjectWriter } from '../persistence/rdb/object-writer.ts';
import { RdbError } from '../persistence/rdb/rdb-error.ts';
import { RdbReader } from '../persistence/rdb/reader.ts';
import { RdbWriter } from '../persistence/rdb/writer.ts';
import { restoreAccess, storeBuilt } from '../persistence/store-value.ts';
import { ValueBuilder } from '../persistence/value-builder.ts';
import { rdbTypeOf, ValueWriter, versionFor } from '../persistence/value-writer.ts';
import { DUMP_DOCS } from './dump-docs.ts';
import { allElements } from './elements.ts';
import { integerAt } from './integer-argument.ts';
import { keyAt } from './key-specs.ts';

const BUSY_KEY = 'BUSYKEY Target key name already exists.';
const WRONG_PAYLOAD = 'ERR DUMP payload version or checksum are wrong';
const BAD_FORMAT = 'ERR Bad data format';
const FREQUENCY_MAX = 255;
const TIME_MS_LIMIT = 2 ** 63;
const FIRST_OPTION = 4;

const values = new ValueWriter();
const reader = new RdbReader();
const objects = new ObjectReader(reader);

/** Options of the RESTORE being run. */
const options = { replaces: false, isAbsolute: false, idleSeconds: -1, frequency: -1 };

function dump(call: Call): void {
  const { database, reply, services } = call;
  if (!call.find(1, READ)) {
    reply.null();
    return;
  }
  const { type, encoding } = database.entry;
  const writer = new RdbWriter();
  writer.compresses = services.config.values.rdbcompression;
  const rdbType = rdbTypeOf(type, database.entry, versionFor(type, encoding));
  writer.writeByte(rdbType);
  values.begin(database, type, rdbType, new ObjectWriter(writer));
  values.finish();
  endDump(writer);
  reply.bulk(writer.bytes, 0, writer.length);
}

/** False after replying an error. */
function readOptions(call: Call): boolean {
  const { words, reply } = call;
  options.replaces = false;
  options.isAbsolute = false;
  options.idleSeconds = -1;
  options.frequency = -1;
  for (let at = FIRST_OPTION; at < words.count; at++) {
    const hasMore = at + 1 < words.count;
    if (words.is(at, 'replace')) options.replaces = true;
    else if (words.is(at, 'absttl')) options.isAbsolute = true;
    else if (words.is(at, 'idletime') && hasMore && options.frequency < 0) {
      options.idleSeconds = integerAt(call, ++at);
      if (Number.isNaN(options.idleSeconds)) return false;
      if (options.idleSeconds < 0) {
        reply.error('ERR Invalid IDLETIME value, must be >= 0');
        return false;
      }
    } else if (words.is(at, 'freq') && hasMore && options.idleSeconds < 0) {
      options.frequency = integerAt(call, ++at);
      if (Number.isNaN(options.frequency)) return false;
      if (options.frequency < 0 || options.frequency > FREQUENCY_MAX) {
        reply.error('ERR Invalid FREQ value, must be >= 0 and <= 255');
        return false;
      }
    } else {
      reply.error(SYNTAX_ERROR);
      return false;
    }
  }
  return true;
}

/** Builds the value of the payload in argument 3; null after replying an error. */
function build(call: Call): ValueBuilder | null {
  const { words, reply, services, database } = call;
  const { buffer } = words;
  const offset = words.offsets[3];
  const length = verifyDump(buffer, offset, words.lengths[3], !call.services.switches.skipsChecksums);
  if (length < 0) {
    reply.error(WRONG_PAYLOAD);
    return null;
  }
  const builder = new ValueBuilder(services.config.values);
  builder.use(database.pages);
  try {
    reader.openBytes(buffer, offset, length);
    if (objects.read(reader.readByte(), builder)) return builder;
  } catch (error) {
    discard(call, builder);
    if (!(error instanceof RdbError)) throw error;
    services.log(`RESTORE refused a payload: ${error.message}`, 'verbose');
    reply.error(BAD_FORMAT);
    return null;
  }
  discard(call, builder);
  reply.error(BAD_FORMAT);
  return null;
}

function discard(call: Call, builder: ValueBuilder): void {
  const walk = builder.drop();
  if (walk !== null) call.services.free(walk, false);
}

function restore(call: Call): void {
  const { words, reply, database, keyspace, services } = call;
  if (!readOptions(call)) return;
  if (!options.replaces && call.find(1, WRITE)) {
    reply.error(BUSY_KEY);
    return;
  }
  const ttl = integerAt(call, 2);
  if (Number.isNaN(ttl)) return;
  if (ttl < 0) {
    reply.error('ERR Invalid TTL value, must be >= 0');
    return;
  }
  const builder = build(call);
  if (builder === null) return;
  const isThere = call.find(1, REPLACE);
  let expireAt = -1;
  if (ttl > 0) {
    expireAt = options.isAbsolute ? ttl : ttl + keyspace.nowMs;
    if ((expireAt <= keyspace.nowMs && !keyspace.expiryPaused) || expireAt >= TIME_MS_LIMIT) {
      discard(call, builder);
      if (isThere) {
        database.delete();
        call.propagateAs(
          services.config.values['lazyfree-lazy-server-del'] ? 'UNLINK' : 'DEL',
          words.copy(1),
        );
      }
      reply.ok();
      return;
    }
  }
  storeBuilt(database, builder, expireAt);
  database.setAccess(keyspace.initialAccess());
  restoreAccess(keyspace, database, options.frequency, options.idleSeconds);
  if (ttl > 0 && !options.isAbsolute) propagateAbsolute(call, expireAt);
  // To Redis a key that is replaced is deleted, without a word, and made anew.
  if (isThere) database.notify(NOTIFY_NEW, 'new');
  database.notify(NOTIFY_GENERIC, 'restore');
  reply.ok();
}

function propagateAbsolute(call: Call, expireAt: number): void {
  const { words } = call;
  const parts: (Uint8Array | string | number)[] = [];
  for (let at = 0; at < words.count; at++) parts.push(at === 2 ? expireAt : words.copy(at));
  call.propagateAs(...parts, 'ABSTTL');
}

const row = { group: 'generic', categories: ['keyspace'], need: 'value' } as const;
const RESTORE_COMPLEXITY =
  'O(1) to make the key, and O(N*M) to build its value of N elements with an average size of M; for sorted sets O(N*M*log(N)).';

export const DUMP_COMMANDS: readonly CommandRow[] = [
  {
    ...row,
    ...DUMP_DOCS.dump,
    name: 'dump',
    summary: 'Returns the value of a key in serialized form.',
    since: '2.6.0',
    complexity: 'O(1) to find the key, and O(N*M) to serialize its N elements with an average size of M.',
    arity: 2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: allElements,
    differences:
      'Replies what Redis 7.0 takes too, unless fields of a hash expire; the active time of the consumers of a stream is not in it.',
    execute: dump,
  },
  {
    ...row,
    ...DUMP_DOCS.restore,
    categories: ['keyspace', 'dangerous'],
    name: 'restore',
    summary: 'Makes a key of the value that DUMP serialized.',
    since: '2.6.0',
    complexity: RESTORE_COMPLEXITY,
    arity: -4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'OW', 'update')],
    execute: restore,
  },
  {
    ...row,
    ...DUMP_DOCS['restore-asking'],
    group: 'server',
    categories: ['keyspace', 'dangerous'],
    name: 'restore-asking',
    summary: 'As RESTORE, for keys that move within a cluster.',
    since: '3.0.0',
    complexity: RESTORE_COMPLEXITY,
    arity: -4,
    flags: ['write', 'denyoom', 'asking'],
    keys: [keyAt(1, 'OW', 'update')],
    docFlags: ['syscmd'],
    execute: restore,
  },
];
