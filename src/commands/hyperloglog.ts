import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow } from '../command-table/row.ts';
import { READ, WRITE } from '../keyspace/database.ts';
import { NOTIFY_STRING } from '../keyspace/keyspace.ts';
import { TYPE_STRING } from '../keyspace/record.ts';
import { denseRegister } from '../types/hyperloglog/dense.ts';
import {
  cardinalityAt,
  DENSE,
  encodingAt,
  HEADER_BYTES,
  isHyperLogLog,
  isStale,
  REGISTER_COUNT,
  REGISTER_MASK,
  SPARSE,
  setCardinality,
  setStale,
} from '../types/hyperloglog/format.ts';
import { INDEX_BITS, patternOf } from '../types/hyperloglog/hash.ts';
import { selfTest } from '../types/hyperloglog/self-test.ts';
import { describeSparse } from '../types/hyperloglog/sparse.ts';
import {
  cardinalityOf,
  cardinalityOfRegisters,
  EMPTY_BYTES,
  makeDense,
  mergeInto,
  raiseRegister,
  writeDense,
  writeEmpty,
} from '../types/hyperloglog/value.ts';
import { ENCODING_RAW } from '../types/string/encoding.ts';
import { HYPERLOGLOG_DOCS } from './hyperloglog-docs.ts';
import { keyAt, keysFrom } from './key-specs.ts';
import { isChunked, openChunks } from './string-values.ts';
import { findOfType } from './typed-keys.ts';

const NOT_A_HYPERLOGLOG = 'WRONGTYPE Key is not a valid HyperLogLog string value.';
const CORRUPT = 'INVALIDOBJ Corrupted HLL object detected';

/** The union of several values: each register's greatest value. */
const union = new Uint8Array(REGISTER_COUNT);
/** Copy of the first bytes of a string in chunks. */
const header = new Uint8Array(HEADER_BYTES);

/** As `findOfType`, for a key that must hold a HyperLogLog. */
function findHyperLogLog(call: Call, at: number, how: number): 'found' | 'missing' | null {
  const found = findOfType(call, at, TYPE_STRING, how);
  if (found !== 'found') return found;
  const { entry } = call.database;
  if (isChunked(call.database)) {
    // No registers are that long, whatever the header says.
    openChunks(call.database).read(0, HEADER_BYTES, header, 0);
    call.reply.error(isHyperLogLog(header, 0, HEADER_BYTES) ? CORRUPT : NOT_A_HYPERLOGLOG);
    return null;
  }
  if (isHyperLogLog(entry.bytes, entry.payloadOffset, entry.payloadLength)) return found;
  call.reply.error(NOT_A_HYPERLOGLOG);
  return null;
}

/** As in Redis a value that may be changed in place is `raw` from then on, changed or not. */
function makeRaw(call: Call): void {
  if (call.database.entry.encoding !== ENCODING_RAW) call.database.recode(ENCODING_RAW);
}

/** Makes the key that was looked up last, with a HyperLogLog without elements. */
function storeEmpty(call: Call): void {
  const entry = call.database.store(TYPE_STRING, ENCODING_RAW, EMPTY_BYTES, -1);
  writeEmpty(entry.bytes, entry.payloadOffset);
}

/**
 * Tells that registers changed, so that the cardinality in the header holds no longer; `count` are the changes besides
 * that of making the key.
 */
function registersChanged(call: Call, count: number): void {
  const { database } = call;
  const { bytes, payloadOffset } = database.makeHot();
  setStale(bytes, payloadOffset);
  if (count > 0) database.changed(count);
  database.notify(NOTIFY_STRING, 'pfadd');
}

function pfadd(call: Call): void {
  const { words, database, reply } = call;
  const found = findHyperLogLog(call, 1, WRITE);
  if (found === null) return;
  if (found === 'missing') storeEmpty(call);
  else makeRaw(call);
  const sparseBytesMax = call.services.config.values['hll-sparse-max-bytes'];
  let raised = 0;
  for (let at = 2; at < words.count; at++) {
    const pattern = patternOf(words.view, words.offsets[at], words.lengths[at]);
    const register = pattern & REGISTER_MASK;
    const run = pattern >>> INDEX_BITS;
    let outcome = raiseRegister(database, register, run, sparseBytesMax);
    if (outcome === 'too sparse') {
      outcome = makeDense(database) ? raiseRegister(database, register, run, sparseBytesMax) : 'corrupt';
    }
    if (outcome === 'corrupt') {
      reply.error(CORRUPT);
      return;
    }
    if (outcome === 'raised') raised++;
  }
  const hasChanged = found === 'missing' || raised > 0;
  if (hasChanged) registersChanged(call, raised);
  reply.integer(hasChanged ? 1 : 0);
}

/** Replies an estimate. One beyond 2^53 is of a forged value; as in Redis 2^63 has become negative. */
function replyCardinality(call: Call, cardinality: number): void {
  if (Number.isSafeInteger(cardinality)) call.reply.integer(cardinality);
  else call.reply.bigInteger(BigInt.asIntN(64, BigInt(cardinality)));
}

function pfcount(call: Call): void {
  const { words, database, reply } = call;
  if (words.count > 2) {
    if (uniteFrom(call, 1) !== null) replyCardinality(call, cardinalityOfRegisters(union));
    return;
  }
  const found = findHyperLogLog(call, 1, READ);
  if (found === null) return;
  if (found === 'missing') {
    reply.integer(0);
    return;
  }
  makeRaw(call);
  const { entry } = database;
  if (!isStale(entry.bytes, entry.payloadOffset)) {
    replyCardinality(call, cardinalityAt(entry.bytes, entry.payloadOffset));
    return;
  }
  const cardinality = cardinalityOf(entry.bytes, entry.payloadOffset, entry.payloadLength);
  if (Number.isNaN(cardinality)) {
    reply.error(CORRUPT);
    return;
  }
  // The estimate is kept in the value, so a command that only reads is propagated.
  database.makeHot();
  setCardinality(entry.bytes, entry.payloadOffset, cardinality);
  database.changed();
  replyCardinality(call, cardinality);
}

/**
 * Leaves the union of the keys from argument `from` on in `union`. Returns whether any of them is dense; null after
 * replying an error.
 */
function uniteFrom(call: Call, from: number): boolean | null {
  union.fill(0);
  let isDense = false;
  for (let at = from; at < call.words.count; at++) {
    const found = findHyperLogLog(call, at, READ);
    if (found === null) return null;
    if (found === 'missing') continue;
    const { entry } = call.database;
    if (encodingAt(entry.bytes, entry.payloadOffset) === DENSE) isDense = true;
    if (!mergeInto(entry.bytes, entry.payloadOffset, entry.payloadLength, union)) {
      call.reply.error(CORRUPT);
      return null;
    }
  }
  return isDense;
}

function pfmerge(call: Call): void {
  const { database } = call;
  // The destination's own registers are part of the union.
  const isDense = uniteFrom(call, 1);
  if (isDense === null) return;
  const isThere = call.find(1, WRITE);
  if (isThere) makeRaw(call);
  else storeEmpty(call);
  if (isDense || !raiseToUnion(call)) writeDense(database, union);
  registersChanged(call, isThere ? 1 : 0);
  call.reply.ok();
}

/** Raises the registers of a sparse value to those of the union; false where it must become dense for that. */
function raiseToUnion(call: Call): boolean {
  const sparseBytesMax = call.services.config.values['hll-sparse-max-bytes'];
  for (let register = 0; register < REGISTER_COUNT; register++) {
    if (union[register] === 0) continue;
    if (raiseRegister(call.database, register, union[register], sparseBytesMax) === 'too sparse')
      return false;
  }
  return true;
}

function pfdebug(call: Call): void {
  const { words, database, reply } = call;
  if (words.is(1, 'simd')) {
    if (words.is(2, 'on') || words.is(2, 'off')) reply.simple('disabled');
    else reply.error('ERR Argument must be ON or OFF');
    return;
  }
  const found = findHyperLogLog(call, 2, WRITE);
  if (found === null) return;
  if (found === 'missing') {
    reply.error('ERR The specified key does not exist');
    return;
  }
  makeRaw(call);
  const { entry } = database;
  const isSparse = encodingAt(entry.bytes, entry.payloadOffset) === SPARSE;
  if (isSparse && (words.is(1, 'getreg') || words.is(1, 'todense'))) {
    if (!makeDense(database)) {
      reply.error(CORRUPT);
      return;
    }
    database.changed();
  }
  if (words.is(1, 'getreg')) {
    reply.array(REGISTER_COUNT);
    for (let register = 0; register < REGISTER_COUNT; register++) {
      reply.integer(denseRegister(entry.bytes, entry.payloadOffset + HEADER_BYTES, register));
    }
  } else if (words.is(1, 'decode')) {
    if (!isSparse) {
      reply.error('ERR HLL encoding is not sparse');
      return;
    }
    const runsBytes = entry.payloadLength - HEADER_BYTES;
    reply.bulkText(describeSparse(entry.bytes, entry.payloadOffset + HEADER_BYTES, runsBytes));
  } else if (words.is(1, 'encoding')) {
    reply.simple(isSparse ? 'sparse' : 'dense');
  } else if (words.is(1, 'todense')) {
    reply.integer(isSparse ? 1 : 0);
  } else {
    reply.error(`ERR Unknown PFDEBUG subcommand '${words.text(1)}'`);
  }
}

function pfselftest(call: Call): void {
  const { config, random } = call.services;
  const failure = selfTest(random, config.values['hll-sparse-max-bytes']);
  if (failure === null) call.reply.ok();
  else call.reply.error(`ERR ${failure}`);
}

/** What the rows of this family share, and the documentation of one. */
function row(
  name: keyof typeof HYPERLOGLOG_DOCS,
): Pick<CommandRow, 'name' | 'since' | 'group' | 'categories' | 'need'> & CommandDocs {
  return {
    name,
    since: '2.8.9',
    group: 'hyperloglog',
    categories: ['hyperloglog'],
    need: 'value',
    ...HYPERLOGLOG_DOCS[name],
  };
}

export const HYPERLOGLOG_COMMANDS: readonly CommandRow[] = [
  {
    ...row('pfadd'),
    summary: 'Adds elements to a HyperLogLog key. Creates the key if it doesn’t exist.',
    complexity: 'O(1) for each element.',
    arity: -2,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    execute: pfadd,
  },
  {
    ...row('pfcount'),
    summary:
      'Returns the approximate number of different elements that the HyperLogLog keys have seen together.',
    complexity:
      'O(1) with a small constant for one key; O(N) in the number of keys for several, with a much larger constant.',
    arity: -2,
    flags: ['readonly', 'may_replicate'],
    keys: [
      {
        ...keysFrom(1, 1, 'RW', 'access'),
        notes: 'RW because it may change the internal representation of the key, and propagate to replicas',
      },
    ],
    execute: pfcount,
  },
  {
    ...row('pfdebug'),
    summary: 'Shows or changes the internal representation of a HyperLogLog.',
    complexity: 'N/A',
    arity: 3,
    flags: ['write', 'denyoom', 'admin'],
    docFlags: ['syscmd'],
    keys: [keyAt(2, 'RW', 'access')],
    execute: pfdebug,
  },
  {
    ...row('pfmerge'),
    summary: 'Merges HyperLogLogs into one key.',
    complexity: 'O(N) in the number of keys, with a large constant.',
    arity: -2,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'access', 'insert'), keysFrom(2, 1, 'RO', 'access')],
    execute: pfmerge,
  },
  {
    ...row('pfselftest'),
    summary: 'Tests the implementation of HyperLogLog.',
    complexity: 'N/A',
    arity: 1,
    flags: ['admin'],
    docFlags: ['syscmd'],
    keys: [],
    need: 'none',
    execute: pfselftest,
  },
];
