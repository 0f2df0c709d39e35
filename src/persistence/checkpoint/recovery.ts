import { join } from 'node:path';
import { crc32 } from '../../base/crc32.ts';
import { errorReason, type Files } from '../../base/files.ts';
import type { Database } from '../../keyspace/database.ts';
import { freeValue } from '../../keyspace/free-records.ts';
import type { SlotTable } from '../../keyspace/slot-table.ts';
import { damageOfSaved } from '../../tiering/cold-store-environment.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { type Checkpoint, decodeCheckpoint, type SnapshotMark } from './checkpoint-file.ts';
import type { CheckpointHost } from './checkpoints.ts';
import { loadIndex } from './index-base.ts';
import { readPlaceLog } from './place-log.ts';

const CHECKPOINT_NAME = /^checkpoint-\d{8}$/;

/** Whether the folder of a tier holds the data of an earlier run. */
export function hasCheckpoint(files: Files, folder: string): boolean {
  return (
    files.statistics(folder)?.isDirectory === true &&
    files.list(folder).some((name) => CHECKPOINT_NAME.test(name))
  );
}

/**
 * The checkpoints in a tier's folder that can be gone on from, newest first; empty if there has never been one. What is wrong with
 * others is told to `log`. Throws {@link CheckpointError} if there are some and none is whole.
 */
export function findCheckpoints(files: Files, folder: string, log: (text: string) => void): Checkpoint[] {
  const names = files.list(folder).filter((name) => CHECKPOINT_NAME.test(name));
  const found: Checkpoint[] = [];
  let damage = '';
  for (const name of names.reverse()) {
    try {
      const checkpoint = decodeCheckpoint(files.readBytes(join(folder, name)));
      const reason = whatIsMissing(files, folder, checkpoint);
      if (reason !== undefined) throw new CheckpointError(`can't be used: ${reason}`);
      found.push(checkpoint);
    } catch (error) {
      const reason = error instanceof CheckpointError ? error.message : errorReason(error);
      damage = `${join(folder, name)} ${reason}`;
      // What an older one refers to has been removed since.
      if (found.length === 0) log(damage);
    }
  }
  if (found.length === 0 && names.length > 0)
    throw new CheckpointError(`no checkpoint can be used: ${damage}`);
  return found;
}

/** What a checkpoint refers to that is not there, or damaged; undefined if nothing is. */
function whatIsMissing(files: Files, folder: string, { state }: Checkpoint): string | undefined {
  for (const saved of state.store.environments) {
    const damage = damageOfSaved(folder, saved, files);
    if (damage !== undefined) return damage;
  }
  for (const { name, bytes } of state.base === null ? state.logs : [state.base, ...state.logs]) {
    const found = files.statistics(join(folder, name));
    if (found === undefined) return `${join(folder, name)} is missing`;
    if (found.sizeBytes < bytes) return `${join(folder, name)} is cut short`;
  }
  return undefined;
}

/**
 * Makes the data set that of a checkpoint, in steps; the keyspace must be empty and have the checkpoint's secret, and the store
 * its environments. Throws {@link CheckpointError}, and the system's error.
 */
export function* restore(host: CheckpointHost, { state, expiry }: Checkpoint): IterableIterator<void> {
  const { keyspace, tier, files, scripts } = host;
  const tables = new Map<number, SlotTable>();
  const databases: Database[] = [];
  // No number that is restored may be another's meanwhile.
  for (const keys of keyspace.databases) keys.id = 0;
  for (const { id, database: number, holdsPages } of state.tables) {
    if (number >= keyspace.databases.length) {
      throw new CheckpointError(
        `the tier has a database ${number}, and this server is configured for ${keyspace.databases.length} (databases)`,
      );
    }
    const keys = keyspace.databases[number];
    const table = holdsPages ? keys.pages.records : keys;
    table.id = id;
    databases.push(table);
    tables.set(id, table.table);
  }
  const logs = state.logs.map((log) => readPlaceLog(files, tier.store.path, log));
  yield* loadIndex(files, tier.store.path, state.base, logs, tables);
  for (const [at, { count, expiringCount, fieldExpiringCount }] of state.tables.entries()) {
    const database = databases[at];
    if (database.size !== count)
      throw new CheckpointError(`the index has ${database.size} places where there should be ${count}`);
    database.coldCount = count;
    database.expiringCount = expiringCount;
    database.fieldExpiringCount = fieldExpiringCount;
  }
  keyspace.nextNumbers = state.nextNumbers;
  // The logs may tell of other contents under the numbers that the empty ones have been given in this process.
  for (const keys of keyspace.databases) if (keys.id === 0) keys.id = keyspace.takeDatabaseId();
  tier.restoreExpiry(expiry);
  for (const code of state.functions) scripts.loadLibrary(Buffer.from(code, 'latin1'), true);
  for (const { database: number, head } of state.freeing) {
    const bytes = new Uint8Array(Buffer.from(head, 'base64'));
    host.free(freeValue(keyspace.databases[number], keyspace, bytes), false);
  }
}

/** What tells the file at a path from others; null if there is none. Throws the system's error. */
export function markOfSnapshot(files: Files, path: string): SnapshotMark | null {
  const found = files.statistics(path);
  if (found === undefined || found.isDirectory) return null;
  const part = new Uint8Array(1024);
  const file = files.open(path, 'read');
  try {
    // An RDB file ends with its checksum.
    const head = file.read(part, 0, part.length, 0);
    const checksum = crc32(part, 0, head);
    const tail = file.read(part, 0, part.length, Math.max(0, found.sizeBytes - part.length));
    return { sizeBytes: found.sizeBytes, checksum: crc32(part, 0, tail, checksum) };
  } finally {
    file.close();
  }
}
