import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../base/error-replies.ts';
import { INT64_MIN, parseInteger, parseInteger64, parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { CommandDocs, CommandRow, KeyFlag } from '../command-table/row.ts';
import { OVERWRITE, READ, WRITE } from '../keyspace/database.ts';
import { NOTIFY_STRING } from '../keyspace/keyspace.ts';
import { TYPE_STRING } from '../keyspace/record.ts';
import type { Arguments } from '../resp/arguments.ts';
import { countBits, findBit } from '../types/bitmap/bits.ts';
import {
  countBitsInChunks,
  findBitInChunks,
  readFieldInChunks,
  writeFieldInChunks,
} from '../types/bitmap/chunked-bits.ts';
import { type BitSource, combine, OPERATIONS, type Operation } from '../types/bitmap/combine.ts';
import {
  addFields,
  type FieldValue,
  fitField,
  type Overflow,
  readField,
  writeField,
} from '../types/bitmap/field.ts';
import { DetachedValue } from '../types/pages/detached-record.ts';
import { PAGED } from '../types/pages/head.ts';
import { freePages } from '../types/pages/walk.ts';
import { ChunkedString, INLINE_BYTES_MAX, stringLength } from '../types/string/chunked-string.ts';
import { ENCODING_RAW } from '../types/string/encoding.ts';
import { BITMAP_DOCS } from './bitmaps-docs.ts';
import { allElements, byteElement } from './elements.ts';
import { keyAt, keysFrom } from './key-specs.ts';
import { copyString, isChunked, needsChunks, openChunks, writeChunks } from './string-values.ts';
import { roomFor } from './strings.ts';
import { findOfType } from './typed-keys.ts';

const INVALID_BIT = 'ERR bit is not an integer or out of range';
const INVALID_BIT_OFFSET = 'ERR bit offset is not an integer or out of range';
const INVALID_FIELD_TYPE =
  'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.';
const NO_BYTES = new Uint8Array(0);
const oneByte = new Uint8Array(1);
const NUMBER_SIGN = 35;
const LETTER_I = 105;
const LETTER_U = 117;

/**
 * Argument `at` as the offset of a bit; for a field of `width` bits it may be `#` and a count of such fields. Replies an
 * error and returns NaN for one that is none or beyond the longest string.
 */
function readBitOffset(call: Call, at: number, width: number): number {
  const { buffer, offsets, lengths } = call.words;
  const counted = width > 0 && lengths[at] > 0 && buffer[offsets[at]] === NUMBER_SIGN ? 1 : 0;
  const number = parseInteger64Rounded(buffer, offsets[at] + counted, lengths[at] - counted);
  const offset = counted === 1 ? number * width : number;
  if (offset >= 0 && offset < call.services.config.values['proto-max-bulk-len'] * 8) return offset;
  call.reply.error(INVALID_BIT_OFFSET);
  return Number.NaN;
}

/**
 * Makes the string of the key that was looked up last `raw` and at least `length` bytes long, adding zeros, or makes the
 * key; `found` as `findOfType` told. Returns whether it grew, which for a key that was there is yet to be told as a change.
 */
function extend(call: Call, found: 'found' | 'missing', length: number): boolean {
  const { database } = call;
  const before = found === 'found' ? database.entry.payloadLength : 0;
  if (found === 'found' && before >= length) {
    if (database.entry.encoding !== ENCODING_RAW) database.recode(ENCODING_RAW);
    return false;
  }
  if (found === 'missing') database.store(TYPE_STRING, ENCODING_RAW, length, -1);
  else database.reshape(length, roomFor(length), ENCODING_RAW);
  const { entry } = database;
  entry.bytes.fill(0, entry.payloadOffset + before, entry.payloadOffset + length);
  return true;
}

function setbit(call: Call): void {
  const { words, database, reply } = call;
  const offset = readBitOffset(call, 2, 0);
  if (Number.isNaN(offset)) return;
  const bit = parseInteger(words.buffer, words.offsets[3], words.lengths[3]);
  if (bit !== 0 && bit !== 1) {
    reply.error(INVALID_BIT);
    return;
  }
  const found = findOfType(call, 1, TYPE_STRING, WRITE);
  if (found === null) return;
  const byte = Math.floor(offset / 8);
  const shift = 7 - (offset & 7);
  if (needsChunks(database, found, byte + 1)) {
    reply.integer(setBitInChunks(call, found, byte, shift, bit));
    return;
  }
  const hasGrown = extend(call, found, byte + 1);
  const { entry } = database;
  const before = (entry.bytes[entry.payloadOffset + byte] >> shift) & 1;
  if (hasGrown || before !== bit) {
    database.makeHot();
    entry.bytes[entry.payloadOffset + byte] ^= (before ^ bit) << shift;
    if (found === 'found') database.changed();
    database.notify(NOTIFY_STRING, 'setbit');
  }
  reply.integer(before);
}

/** SETBIT of a string in chunks, or one that has to be; returns the bit that was there. */
function setBitInChunks(
  { database }: Call,
  found: 'found' | 'missing',
  byte: number,
  shift: number,
  bit: number,
): number {
  const string = writeChunks(database, found);
  const hasGrown = byte >= string.length;
  const old = string.byteAt(byte);
  const before = (old >> shift) & 1;
  if (hasGrown || before !== bit) {
    oneByte[0] = old ^ ((before ^ bit) << shift);
    string.write(byte, oneByte, 0, 1);
    string.save();
    if (found === 'found') database.changed();
    database.notify(NOTIFY_STRING, 'setbit');
  }
  return before;
}

function getbit(call: Call): void {
  const offset = readBitOffset(call, 2, 0);
  if (Number.isNaN(offset)) return;
  const found = findOfType(call, 1, TYPE_STRING, READ);
  if (found === null) return;
  const { entry } = call.database;
  const byte = Math.floor(offset / 8);
  if (found === 'found' && isChunked(call.database)) {
    call.reply.integer((openChunks(call.database).byteAt(byte) >> (7 - (offset & 7))) & 1);
    return;
  }
  const isWithin = found === 'found' && byte < entry.payloadLength;
  call.reply.integer(isWithin ? (entry.bytes[entry.payloadOffset + byte] >> (7 - (offset & 7))) & 1 : 0);
}

/** Argument `at` as the unit of a range, in bits; NaN for none. */
function unitBits(words: Arguments, at: number): number {
  if (words.is(at, 'bit')) return 1;
  return words.is(at, 'byte') ? 8 : Number.NaN;
}

/** An end of a range of `total` units, where negative numbers count from the end. */
function fromStart(position: number, total: number): number {
  return Math.max(0, position < 0 ? total + position : position);
}

function bitcount(call: Call): void {
  const { words, database, reply } = call;
  const { buffer, offsets, lengths } = words;
  let start = 0n;
  let end = -1n;
  let unit = 8;
  if (words.count === 3 || words.count > 5) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  if (words.count > 3) {
    const first = parseInteger64(buffer, offsets[2], lengths[2]);
    const last = parseInteger64(buffer, offsets[3], lengths[3]);
    if (first === undefined || last === undefined) {
      reply.error(NOT_AN_INTEGER);
      return;
    }
    start = first;
    end = last;
    if (words.count === 5) unit = unitBits(words, 4);
    if (Number.isNaN(unit)) {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  const found = findOfType(call, 1, TYPE_STRING, READ);
  if (found === null) return;
  if (found === 'missing' || (start < 0n && end < 0n && start > end)) {
    reply.integer(0);
    return;
  }
  const { bytes, payloadOffset } = database.entry;
  const total = (stringLength(database.entry) * 8) / unit;
  const first = fromStart(Number(start), total) * unit;
  const last = Math.min(fromStart(Number(end), total), total - 1) * unit + unit - 1;
  if (isChunked(database)) reply.integer(countBitsInChunks(openChunks(database), first, last));
  else reply.integer(countBits(bytes, payloadOffset, first, last));
}

function bitpos(call: Call): void {
  const { words, database, reply } = call;
  const { buffer, offsets, lengths } = words;
  const bit = parseInteger64Rounded(buffer, offsets[2], lengths[2]);
  if (Number.isNaN(bit)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (bit !== 0 && bit !== 1) {
    reply.error('ERR The bit argument must be 1 or 0.');
    return;
  }
  if (words.count > 6) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const start = words.count > 3 ? parseInteger64Rounded(buffer, offsets[3], lengths[3]) : 0;
  if (Number.isNaN(start)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  const unit = words.count > 5 ? unitBits(words, 5) : 8;
  if (Number.isNaN(unit)) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const end = words.count > 4 ? parseInteger64Rounded(buffer, offsets[4], lengths[4]) : -1;
  if (Number.isNaN(end)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  const found = findOfType(call, 1, TYPE_STRING, READ);
  if (found === null) return;
  if (found === 'missing') {
    reply.integer(bit === 1 ? -1 : 0);
    return;
  }
  const { bytes, payloadOffset } = database.entry;
  const length = stringLength(database.entry);
  const total = (length * 8) / unit;
  const first = fromStart(start, total) * unit;
  const last = Math.min(fromStart(end, total), total - 1) * unit + unit - 1;
  const position = isChunked(database)
    ? findBitInChunks(openChunks(database), first, last, bit)
    : findBit(bytes, payloadOffset, first, last, bit);
  // Without an end of the range, what comes after the string counts as zeros.
  const isBeyond = position < 0 && bit === 0 && words.count < 5 && first <= last;
  reply.integer(isBeyond ? length * 8 : position);
}

function bitop(call: Call): void {
  const { words, database, reply } = call;
  const name = words.text(1).toLowerCase();
  if (!Object.hasOwn(OPERATIONS, name)) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const operation = OPERATIONS[name as keyof typeof OPERATIONS];
  if (name === 'not' && words.count !== 4) {
    reply.error('ERR BITOP NOT must be called with a single source key.');
    return;
  }
  if (operation.firstComesLast && words.count < 5) {
    reply.error(`ERR BITOP ${name.toUpperCase()} must be called with at least two source keys.`);
    return;
  }
  let length = 0;
  for (let at = 3; at < words.count; at++) {
    const found = findOfType(call, at, TYPE_STRING, READ);
    if (found === null) return;
    if (found === 'found') length = Math.max(length, stringLength(database.entry));
  }
  if (length === 0) {
    if (call.find(2, OVERWRITE)) database.delete();
    reply.integer(0);
    return;
  }
  const sources: BitSource[] = [];
  for (let at = 3; at < words.count; at++) sources.push(bitSource(call, at));
  const isLong = length > INLINE_BYTES_MAX;
  const result = isLong ? combineIntoChunks(call, operation, sources, length) : new Uint8Array(length);
  if (!isLong) combine(operation, sources, length, (at, bytes) => result.set(bytes, at));
  call.find(2, OVERWRITE);
  const encoding = isLong ? ENCODING_RAW | PAGED : ENCODING_RAW;
  const entry = database.overwrite(TYPE_STRING, encoding, result.length, -1);
  entry.bytes.set(result, entry.payloadOffset);
  database.notify(NOTIFY_STRING, 'set');
  reply.integer(length);
}

/** The string at the key in argument `at` as a source; an empty one if it is missing. */
function bitSource(call: Call, at: number): BitSource {
  const { database } = call;
  if (!call.find(at, 0)) return NO_BYTES;
  if (!isChunked(database)) return copyString(database);
  const source = new ChunkedString();
  source.open(database, false);
  return source;
}

/** Combines sources into new chunks; returns the payload of their head. */
function combineIntoChunks(
  { services, database }: Call,
  operation: Operation,
  sources: readonly BitSource[],
  length: number,
): Uint8Array {
  const built = new DetachedValue(ENCODING_RAW, 0, database.pages);
  const result = new ChunkedString();
  result.create(built);
  try {
    combine(operation, sources, length, (at, bytes) => result.write(at, bytes, 0, bytes.length));
  } catch (error) {
    result.save();
    services.free(freePages(built.bytes, database.pages), false);
    throw error;
  }
  result.extend(length);
  result.save();
  return built.bytes.subarray(0, built.payloadLength);
}

/** One operation of BITFIELD. */
interface FieldOperation {
  readonly kind: 'get' | 'set' | 'incrby';
  readonly isSigned: boolean;
  /** Bits of the field. */
  readonly width: number;
  /** Its first bit. */
  readonly bit: number;
  /** The value or the increment. */
  readonly operand: FieldValue;
  readonly overflow: Overflow;
}

const OVERFLOWS: readonly Overflow[] = ['wrap', 'sat', 'fail'];

/** Reads the operations; replies an error and returns null if one is wrong. */
function readFieldOperations(call: Call): FieldOperation[] | null {
  const { words, reply } = call;
  const operations: FieldOperation[] = [];
  let overflow: Overflow = 'wrap';
  for (let at = 2; at < words.count; ) {
    const left = words.count - at - 1;
    if (words.is(at, 'overflow') && left >= 1) {
      const named = OVERFLOWS.find((candidate) => words.is(at + 1, candidate));
      if (named === undefined) {
        reply.error('ERR Invalid OVERFLOW type specified');
        return null;
      }
      overflow = named;
      at += 2;
      continue;
    }
    const kind = fieldOperationAt(words, at);
    if (kind === null || left < (kind === 'get' ? 2 : 3)) {
      reply.error(SYNTAX_ERROR);
      return null;
    }
    const { buffer, offsets, lengths } = words;
    const sign = lengths[at + 1] > 0 ? buffer[offsets[at + 1]] : 0;
    const width = parseInteger(buffer, offsets[at + 1] + 1, lengths[at + 1] - 1);
    if ((sign !== LETTER_I && sign !== LETTER_U) || !(width >= 1 && width <= (sign === LETTER_I ? 64 : 63))) {
      reply.error(INVALID_FIELD_TYPE);
      return null;
    }
    const bit = readBitOffset(call, at + 2, width);
    if (Number.isNaN(bit)) return null;
    let operand: FieldValue = 0;
    if (kind !== 'get') {
      const value = parseInteger64(buffer, offsets[at + 3], lengths[at + 3]);
      if (value === undefined) {
        reply.error(NOT_AN_INTEGER);
        return null;
      }
      operand = Number.isSafeInteger(Number(value)) ? Number(value) : value;
    }
    operations.push({ kind, isSigned: sign === LETTER_I, width, bit, operand, overflow });
    at += kind === 'get' ? 3 : 4;
  }
  return operations;
}

function fieldOperationAt(words: Arguments, at: number): FieldOperation['kind'] | null {
  if (words.is(at, 'get')) return 'get';
  if (words.is(at, 'set')) return 'set';
  return words.is(at, 'incrby') ? 'incrby' : null;
}

function bitfield(call: Call, isReadOnly: boolean): void {
  const { database, reply } = call;
  const operations = readFieldOperations(call);
  if (operations === null) return;
  let length = 0;
  for (const { kind, bit, width } of operations) {
    if (kind !== 'get') length = Math.max(length, Math.floor((bit + width - 1) / 8) + 1);
  }
  if (length > 0 && isReadOnly) {
    reply.error('ERR BITFIELD_RO only supports the GET subcommand');
    return;
  }
  const found = findOfType(call, 1, TYPE_STRING, length > 0 ? WRITE : READ);
  if (found === null) return;
  const chunks = needsChunks(database, found, length) ? openField(call, found, length) : null;
  const hasGrown = chunks === null ? length > 0 && extend(call, found, length) : length > chunks.length;
  chunks?.extend(length);
  const isThere = found === 'found' || length > 0;
  let changes = 0;
  reply.array(operations.length);
  for (const operation of operations) {
    const { kind, bit, width, isSigned } = operation;
    const { bytes, payloadOffset, payloadLength } = database.entry;
    const before =
      chunks === null
        ? readField(bytes, payloadOffset, isThere ? payloadLength : 0, bit, width, isSigned)
        : readFieldInChunks(chunks, bit, width, isSigned);
    if (kind === 'get') {
      replyField(call, before);
      continue;
    }
    const after = fitField(asked(operation, before), width, isSigned, operation.overflow);
    if (after === null) {
      reply.null();
      continue;
    }
    replyField(call, kind === 'set' ? before : after);
    if (after !== before && chunks !== null) writeFieldInChunks(chunks, bit, width, after);
    else if (after !== before) {
      const entry = database.makeHot();
      writeField(entry.bytes, entry.payloadOffset, bit, width, after);
    }
    if (after !== before || hasGrown) changes++;
  }
  if (length > 0) chunks?.save();
  if (changes === 0) return;
  // Making the key was told as a change by itself.
  const untold = found === 'found' ? changes : changes - 1;
  if (untold > 0) database.changed(untold);
  database.notify(NOTIFY_STRING, 'setbit');
}

/** The string in chunks, or one that has to be, that BITFIELD is about: for writing if it is to have `length` bytes. */
function openField({ database }: Call, found: 'found' | 'missing', length: number): ChunkedString {
  return length > 0 ? writeChunks(database, found) : openChunks(database);
}

/**
 * What a write would put into its field if that could hold it. As in Redis a negative value that is set counts as one
 * above 2^63 in an unsigned field, and in a signed one where it is more than 2^63 below the field's greatest value.
 */
function asked({ kind, isSigned, width, operand }: FieldOperation, before: FieldValue): FieldValue {
  if (kind === 'incrby') return addFields(before, operand);
  const least = isSigned ? (width === 64 ? INT64_MIN : INT64_MIN + (1n << BigInt(width - 1))) : 0n;
  return operand < least ? BigInt.asUintN(64, BigInt(operand)) : operand;
}

function replyField(call: Call, value: FieldValue): void {
  if (typeof value === 'number') call.reply.integer(value);
  else call.reply.bigInteger(value);
}

/** BITFIELD only reads where all its operations are GET (db.c, bitfieldGetKeys). */
function bitfieldKeyFlags(words: Arguments): readonly KeyFlag[] {
  for (let at = 2; at < words.count; ) {
    const left = words.count - at - 1;
    if (words.is(at, 'get') && left >= 2) at += 3;
    else if (words.is(at, 'overflow') && left >= 1) at += 2;
    else return ['RW', 'access', 'update'];
  }
  return ['RO', 'access'];
}

/** What the rows of this family share, and the documentation of one. */
function row(
  name: keyof typeof BITMAP_DOCS,
): Pick<CommandRow, 'name' | 'group' | 'categories' | 'need'> & CommandDocs {
  return { name, group: 'bitmap', categories: ['bitmap'], need: 'value', ...BITMAP_DOCS[name] };
}

export const BITMAP_COMMANDS: readonly CommandRow[] = [
  {
    ...row('bitcount'),
    summary: 'Counts the bits set in a string.',
    since: '2.6.0',
    complexity: 'O(N) in the length of the range.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: allElements,
    execute: bitcount,
  },
  {
    ...row('bitfield'),
    summary: 'Reads, sets and increments integers of any width at any bit of a string.',
    since: '3.2.0',
    complexity: 'O(1) for each operation.',
    arity: -2,
    flags: ['write', 'denyoom'],
    keys: [
      {
        ...keyAt(1, 'RW', 'access', 'update', 'variable_flags'),
        flagsOf: bitfieldKeyFlags,
        notes: 'This command allows both access and modification of the key',
      },
    ],
    execute: (call) => bitfield(call, false),
  },
  {
    ...row('bitfield_ro'),
    summary: 'Reads integers of any width at any bit of a string.',
    since: '6.0.0',
    complexity: 'O(1) for each operation.',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    execute: (call) => bitfield(call, true),
  },
  {
    ...row('bitop'),
    summary: 'Performs a bitwise operation on strings and stores the result.',
    since: '2.6.0',
    complexity: 'O(N) in the lengths of the strings.',
    arity: -4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(2, 'OW', 'update'), keysFrom(3, 1, 'RO', 'access')],
    execute: bitop,
  },
  {
    ...row('bitpos'),
    summary: 'Finds the first bit set or clear in a string.',
    since: '2.8.7',
    complexity: 'O(N) in the length of the range.',
    arity: -3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: allElements,
    execute: bitpos,
  },
  {
    ...row('getbit'),
    summary: 'Returns a bit of a string by its offset.',
    since: '2.2.0',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    elements: byteElement(2, 8),
    execute: getbit,
  },
  {
    ...row('setbit'),
    summary: 'Sets or clears the bit at an offset of a string. Creates the key if it doesn’t exist.',
    since: '2.2.0',
    complexity: 'O(1), but for a string that grows.',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    elements: byteElement(2, 8),
    execute: setbit,
  },
];
