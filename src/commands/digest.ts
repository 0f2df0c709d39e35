import { createHash } from 'node:crypto';
import { copyBytes } from '../base/bytes.ts';
import type { Database } from '../keyspace/database.ts';
import type { Entry } from '../keyspace/record.ts';
import { PARTITION_COUNT } from '../keyspace/slot-table.ts';

/**
 * Digests of values and data sets (debug.c of Redis: computeDatasetDigest, xorObjectDigest): SHA-1, mixed by exclusive-or
 * so that the order of keys does not matter. The same data give the same digest in Redis.
 */
const DIGEST_BYTES = 20;
const EXPIRES_MARK = Buffer.from('!!expire!!');

function sha1(bytes: Uint8Array): Buffer {
  return createHash('sha1').update(bytes).digest();
}

function exclusiveOr(digest: Uint8Array, bytes: Uint8Array): void {
  for (let at = 0; at < DIGEST_BYTES; at++) digest[at] ^= bytes[at];
}

/** Mixes bytes in so that their order among others matters. */
function mix(digest: Uint8Array, bytes: Uint8Array): void {
  exclusiveOr(digest, sha1(bytes));
  copyBytes(sha1(digest), 0, digest, 0, DIGEST_BYTES);
}

function mixInteger(digest: Uint8Array, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  mix(digest, bytes);
}

function mixValue(digest: Uint8Array, entry: Entry): void {
  mixInteger(digest, entry.type);
  mix(digest, entry.bytes.subarray(entry.payloadOffset, entry.payloadOffset + entry.payloadLength));
  if (entry.expireAt >= 0) exclusiveOr(digest, sha1(EXPIRES_MARK));
}

/** The digest of a string and of whether it expires, as hexadecimal digits; of null, for a missing key, zeros. */
export function valueDigest(entry: Entry | null): string {
  const digest = Buffer.alloc(DIGEST_BYTES);
  if (entry !== null) mixValue(digest, entry);
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
        mixValue(digest, entry);
        exclusiveOr(total, sha1(digest));
      }
    }
  }
  return total.toString('hex');
}
