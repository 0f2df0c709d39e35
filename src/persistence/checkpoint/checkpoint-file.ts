import { crc32 } from '../../base/crc32.ts';
import type { SavedStore } from '../../tiering/cold-store.ts';
import type { LogPosition } from '../aof/position.ts';
import { CheckpointError } from './checkpoint-error.ts';
import type { SavedBase } from './index-base.ts';
import type { SavedLog } from './place-log.ts';

/**
 * The file that a checkpoint is: all but what its base and logs hold.
 *
 *     magic (8 bytes), version, bytes of the description, words of the expiry lists
 *     description: JSON in UTF-8, spaces up to a multiple of 4 bytes
 *     expiry lists
 *     CRC-32 of all before
 *
 * docs/formats/checkpoint.md describes it.
 */
const MAGIC = Buffer.from('TCCHECKP');
const VERSION = 1;
const HEADER_BYTES = 20;

/** A table of keys, or of pages, as it was. */
export interface SavedTable {
  readonly id: number;
  /** What SELECT called its database. */
  readonly database: number;
  readonly holdsPages: boolean;
  readonly count: number;
  readonly expiringCount: number;
  readonly fieldExpiringCount: number;
}

/** A value that is gone and whose pages are being freed: a copy of the head that names them, in base 64. */
export interface SavedFreeing {
  readonly database: number;
  readonly head: string;
}

/** What tells a file of a snapshot from others. */
export interface SnapshotMark {
  readonly sizeBytes: number;
  readonly checksum: number;
}

/** What is in a checkpoint. */
export interface SavedState {
  /** Checkpoints of a tier are numbered from 1. */
  readonly number: number;
  readonly createdMs: number;
  /** Names the tier among all. */
  readonly tier: string;
  /** Of the hash that says where a key is in the index. */
  readonly secret: readonly [number, number];
  readonly nextNumbers: readonly [databaseId: number, collection: number];
  readonly tables: readonly SavedTable[];
  readonly base: SavedBase | null;
  readonly logs: readonly SavedLog[];
  readonly store: SavedStore;
  /** Where the append-only file goes on, if there was one. */
  readonly position: LogPosition | null;
  /** Sources of libraries of functions, a character per byte. */
  readonly functions: readonly string[];
  readonly freeing: readonly SavedFreeing[];
  /** The snapshot that was found when the tier was new, which is in the tier. */
  readonly snapshot: SnapshotMark | null;
}

/** A checkpoint with the lists of what expires. */
export interface Checkpoint {
  readonly state: SavedState;
  readonly expiry: Int32Array;
}

export function encodeCheckpoint({ state, expiry }: Checkpoint): Uint8Array {
  const json = Buffer.from(JSON.stringify(state), 'utf8');
  const described = (json.length + 3) & ~3;
  const bytes = Buffer.alloc(HEADER_BYTES + described + expiry.byteLength + 4, ' ');
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(described, 12);
  bytes.writeUInt32LE(expiry.length, 16);
  json.copy(bytes, HEADER_BYTES);
  bytes.set(new Uint8Array(expiry.buffer, expiry.byteOffset, expiry.byteLength), HEADER_BYTES + described);
  bytes.writeUInt32LE(crc32(bytes, 0, bytes.length - 4), bytes.length - 4);
  return bytes;
}

/** Throws {@link CheckpointError} if the bytes are not those of a checkpoint. */
export function decodeCheckpoint(bytes: Buffer): Checkpoint {
  if (bytes.length < HEADER_BYTES + 4 || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw new CheckpointError('is no checkpoint');
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION)
    throw new CheckpointError(`has version ${version}, and this server knows ${VERSION}`);
  const described = bytes.readUInt32LE(12);
  const expiryWords = bytes.readUInt32LE(16);
  if (bytes.length !== HEADER_BYTES + described + expiryWords * 4 + 4)
    throw new CheckpointError('is cut short or damaged');
  if (crc32(bytes, 0, bytes.length - 4) !== bytes.readUInt32LE(bytes.length - 4))
    throw new CheckpointError('fails its checksum');
  const listsAt = HEADER_BYTES + described;
  const expiry = new Int32Array(expiryWords);
  new Uint8Array(expiry.buffer).set(bytes.subarray(listsAt, listsAt + expiryWords * 4));
  const state = JSON.parse(bytes.toString('utf8', HEADER_BYTES, listsAt)) as SavedState;
  return { state, expiry };
}
