import { UNKNOWN_READS } from './groups.ts';
import { StreamId } from './id.ts';
import type { StreamValue } from './stream.ts';

/** How far consumer groups are behind, as Redis tells it (t_stream.c, streamReplyWithCGLag and what it calls). */

const first = new StreamId();

/** Reads the id of a stream's first entry; 0-0 if there is none. */
export function readFirstId(stream: StreamValue, id: StreamId): void {
  if (!stream.seekFirst()) {
    id.setMin();
    return;
  }
  stream.readId();
  id.copy(stream.id);
}

/** Whether an entry was deleted at or after an id, of a stream that has entries (streamRangeHasTombstones). */
export function hasDeletedFrom(stream: StreamValue, id: StreamId): boolean {
  if (stream.count === 0 || stream.maxDeletedId.isZero) return false;
  return id.compare(stream.maxDeletedId) <= 0;
}

/** How many entries were added up to an id, or {@link UNKNOWN_READS} (streamEstimateDistanceFromFirstEverEntry). */
export function entriesUpTo(stream: StreamValue, id: StreamId): bigint {
  const { entriesAdded, lastId, maxDeletedId } = stream;
  if (entriesAdded === 0n) return 0n;
  const order = id.compare(lastId);
  if (stream.count === 0 && order <= 0) return entriesAdded;
  if (!id.isZero && id.compare(maxDeletedId) < 0) return UNKNOWN_READS;
  if (order === 0) return entriesAdded;
  if (order > 0) return UNKNOWN_READS;
  readFirstId(stream, first);
  if (!maxDeletedId.isZero && maxDeletedId.compare(first) >= 0) return UNKNOWN_READS;
  const orderToFirst = id.compare(first);
  if (orderToFirst > 0) return UNKNOWN_READS;
  return entriesAdded - BigInt(stream.count) + (orderToFirst === 0 ? 1n : 0n);
}

/** How many entries the current group has not read yet; null if it can't be told. */
export function lagOf(stream: StreamValue): bigint | null {
  const { groups, entriesAdded, maxDeletedId } = stream;
  if (entriesAdded === 0n || stream.count === 0) return 0n;
  readFirstId(stream, first);
  if (groups.lastId.compare(first) < 0 && maxDeletedId.compare(first) < 0) return BigInt(stream.count);
  if (groups.entriesRead !== UNKNOWN_READS && !hasDeletedFrom(stream, groups.lastId))
    return entriesAdded - groups.entriesRead;
  const read = entriesUpTo(stream, groups.lastId);
  return read === UNKNOWN_READS ? null : entriesAdded - read;
}
