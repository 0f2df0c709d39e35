import { createHash, type Hash } from 'node:crypto';
import { copyBytes, latin1Bytes } from '../base/bytes.ts';
import { formatDouble } from '../base/numbers.ts';
import type { Database } from '../keyspace/database.ts';
import { PARTITION_COUNT } from '../keyspace/slot-table.ts';
import { RDB_VERSION_MAX } from '../persistence/rdb/types.ts';
import { rdbTypeOf, type ValueOutput, ValueWriter } from '../persistence/value-writer.ts';

/**
 * Digests of values and data sets (debug.c of Redis: computeDatasetDigest, xorObjectDigest): SHA-1, mixed by exclusive-or
 * so that the order of keys does not matter. The same data give the same digest in Redis.
 */
const DIGEST_BYTES = 20;
const EXPIRES_MARK = Buffer.from('!!expire!!');
const FIELD_EXPIRES_MARK = Buffer.from('!!hexpire!!');

function sha1(bytes: Uint8Array): Buffer {
  return createHash('sha1').update(bytes).digest();
}

function exclusiveOr(digest: Uint8Array, bytes: Uint8Array): void {
  for (let at = 0; at < DIGEST_BYTES; at++) digest[at] ^= bytes[at];
}

/** Mixes bytes in so that their order among others matters. */
function mix(digest: Uint8Array, bytes: Uint8Array): void {
  mixHash(digest, sha1(bytes));
}

/** As {@link mix} for bytes of which this is the SHA-1. */
function mixHash(digest: Uint8Array, hash: Uint8Array): void {
  exclusiveOr(digest, hash);
  copyBytes(sha1(digest), 0, digest, 0, DIGEST_BYTES);
}

function mixInteger(digest: Uint8Array, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  mix(digest, bytes);
}

/** Mixes elements in as they are told. */
class DigestOutput implements ValueOutput {
  /** What is mixed into. */
  digest: Uint8Array = new Uint8Array(DIGEST_BYTES);
  readonly #element = new Uint8Array(DIGEST_BYTES);

  #whole: Hash | null = null;

  begin(): void {}
  node(): void {}
  streamState(): void {}
  streamGroup(): void {}
  streamPending(): void {}
  streamConsumers(): void {}
  streamConsumer(): void {}
  streamConsumerPending(): void {}

  string(bytes: Uint8Array, offset: number, length: number): void {
    mix(this.digest, bytes.subarray(offset, offset + length));
  }

  stringLength(): void {
    this.#whole = createHash('sha1');
  }

  stringPart(bytes: Uint8Array, offset: number, length: number): void {
    this.#whole?.update(bytes.subarray(offset, offset + length));
  }

  end(): void {
    if (this.#whole === null) return;
    mixHash(this.digest, this.#whole.digest());
    this.#whole = null;
  }

  listElement(bytes: Uint8Array, offset: number, length: number): void {
    this.string(bytes, offset, length);
  }

  setMember(bytes: Uint8Array, offset: number, length: number): void {
    exclusiveOr(this.digest, sha1(bytes.subarray(offset, offset + length)));
  }

  sortedSetMember(bytes: Uint8Array, offset: number, length: number, score: number): void {
    const element = this.#element.fill(0);
    mix(element, bytes.subarray(offset, offset + length));
    mix(element, latin1Bytes(formatDouble(score)));
    exclusiveOr(this.digest, sha1(element));
  }

  hashField(
    fieldBytes: Uint8Array,
    fieldOffset: number,
    fieldLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
    expireAtMs: number,
  ): void {
    const element = this.#element.fill(0);
    mix(element, fieldBytes.subarray(fieldOffset, fieldOffset + fieldLength));
    mix(element, valueBytes.subarray(valueOffset, valueOffset + valueLength));
    if (expireAtMs > 0) exclusiveOr(element, sha1(FIELD_EXPIRES_MARK));
    exclusiveOr(this.digest, sha1(element));
  }

  streamEntry(id: Uint8Array): void {
    const view = Buffer.from(id.buffer, id.byteOffset, id.length);
    mix(this.digest, latin1Bytes(`${view.readBigUInt64BE(0)}.${view.readBigUInt64BE(8)}`));
  }

  streamField(
    nameBytes: Uint8Array,
    nameOffset: number,
    nameLength: number,
    valueBytes: Uint8Array,
    valueOffset: number,
    valueLength: number,
  ): void {
    this.string(nameBytes, nameOffset, nameLength);
    this.string(valueBytes, valueOffset, valueLength);
  }
}

const values = new ValueWriter();
const output = new DigestOutput();

/** Mixes the value that a database has loaded in. */
function mixValue(digest: Uint8Array, database: Database): void {
  const { entry } = database;
  const { type, expireAt } = entry;
  mixInteger(digest, type);
  output.digest = digest;
  values.begin(database, type, rdbTypeOf(type, entry, RDB_VERSION_MAX), output);
  values.finish();
  if (expireAt >= 0) exclusiveOr(digest, sha1(EXPIRES_MARK));
}

/**
 * The digest of the value that a database has loaded and of whether it expires, as hexadecimal digits; of null, for a missing key,
 * zeros. Reads all of the value.
 */
export function valueDigest(database: Database | null): string {
  const digest = Buffer.alloc(DIGEST_BYTES);
  if (database !== null) mixValue(digest, database);
  return digest.toString('hex');
}

/** The digest of all databases, as hexadecimal digits. Reads every value; throws ColdRecordError for one it can't read. */
export function datasetDigest(databases: readonly Database[]): string {
  const total = Buffer.alloc(DIGEST_BYTES);
  const digest = Buffer.alloc(DIGEST_BYTES);
  for (const database of databases) {
    if (database.size === 0) continue;
    mixInteger(total, database.number);
    const { table } = database;
    for (let partition = 0; partition < PARTITION_COUNT; partition++) {
      if (table.partitionCount(partition) === 0) continue;
      for (let more = table.seekAtLeast(partition, 0); more; more = table.next()) {
        const entry = database.load(partition);
        digest.fill(0);
        mix(digest, entry.bytes.subarray(entry.keyOffset, entry.keyOffset + entry.keyLength));
        mixValue(digest, database);
        exclusiveOr(total, sha1(digest));
      }
    }
  }
  return total.toString('hex');
}
