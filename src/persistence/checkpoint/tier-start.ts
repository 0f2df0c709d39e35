import { errorReason, type Files } from '../../base/files.ts';
import type { AppendLog } from '../aof/append-log.ts';
import { RdbFileReader } from '../rdb/file-reader.ts';
import { CheckpointError } from './checkpoint-error.ts';
import type { Checkpoint, SavedState, SnapshotMark } from './checkpoint-file.ts';
import type { CheckpointHost, Checkpoints } from './checkpoints.ts';
import { markOfSnapshot, restore } from './recovery.ts';

/** Name of the auxiliary field of an RDB file that tells which tier's data it holds. */
export const ORIGIN_FIELD = 'thermocline-tier';

/** What the start needs. */
export interface TierStart {
  readonly host: CheckpointHost;
  readonly checkpoints: Checkpoints;
  readonly appendLog: AppendLog;
  /** Where a snapshot would be. */
  readonly snapshotPath: string;
  /** `appendonly`. */
  readonly isLogOn: boolean;
}

/**
 * Makes the data set that of a checkpoint and of the append-only file after it, in steps. A snapshot or an append-only file that is
 * not the tier's own is an error that tells what to do. Throws an Error with the reason, for people.
 */
export function* startFromTier(start: TierStart, checkpoint: Checkpoint): IterableIterator<void> {
  const { host, checkpoints, appendLog, snapshotPath, isLogOn } = start;
  const { state } = checkpoint;
  const { path } = host.tier.store;
  checkSnapshot(host.files, snapshotPath, state, path);
  appendLog.keepFrom(state.position);
  const relation = isLogOn
    ? appendLog.relationTo({ tier: state.tier, cut: state.number }, state.position)
    : 'empty';
  if (relation === 'foreign') {
    throw new CheckpointError(
      `The append-only file is not that of the SSD tier at ${path}, which holds a data set. ${choices(path, 'it')}`,
    );
  }
  if (relation === 'newer') {
    host.log('The append-only file is newer than the last checkpoint of the tier: loading it', 'notice');
    host.tier.store.forgetAll();
    checkpoints.begin(false);
    yield* appendLog.startInSteps();
    checkpoints.request();
    return;
  }
  const startUs = host.clock.monotonicUs();
  try {
    yield* restore(host, checkpoint);
  } catch (error) {
    const reason = error instanceof CheckpointError ? error.message : errorReason(error);
    throw new CheckpointError(
      `Can't use checkpoint ${state.number} of the SSD tier at ${path}: ${reason}. Move that directory away to start from the append-only file or a snapshot`,
    );
  }
  checkpoints.begin(true);
  let count = 0;
  for (const table of state.tables) if (!table.holdsPages) count += table.count;
  const seconds = ((host.clock.monotonicUs() - startUs) / 1e6).toFixed(3);
  host.log(`Checkpoint ${state.number} of the tier taken up: ${count} keys, ${seconds} seconds`, 'notice');
  if (!isLogOn) return;
  if (relation === 'tail' && state.position !== null) {
    yield* appendLog.startFrom(state.position);
    return;
  }
  if (relation === 'older')
    host.log('The append-only file is older than the last checkpoint of the tier: it is written anew');
  appendLog.startAnew();
}

/** A snapshot that the tier neither wrote nor was begun with is not passed over silently. */
function checkSnapshot(files: Files, path: string, state: SavedState, tierPath: string): void {
  const mark = markOfSnapshot(files, path);
  if (mark === null || isSame(mark, state.snapshot) || tierOfSnapshot(files, path) === state.tier) return;
  throw new CheckpointError(
    `${path} is not a snapshot of the SSD tier at ${tierPath}, which holds a data set. ${choices(tierPath, path)}`,
  );
}

function choices(tierPath: string, what: string): string {
  return `To import it, move ${tierPath} away, and it is loaded into a new tier; to go on with the tier, move ${what} away`;
}

function isSame(left: SnapshotMark, right: SnapshotMark | null): boolean {
  return left.sizeBytes === right?.sizeBytes && left.checksum === right.checksum;
}

/** The name of the tier whose data an RDB file holds, or empty. */
function tierOfSnapshot(files: Files, path: string): string {
  const file = files.open(path, 'read');
  try {
    let position = 0;
    const source = (target: Uint8Array): number => {
      const count = file.read(target, 0, target.length, position);
      position += count;
      return count;
    };
    const reader = new RdbFileReader(source, file.size(), false);
    while (reader.next() === 'auxiliary') {
      if (reader.auxiliaryName === ORIGIN_FIELD) return reader.auxiliaryValue.split(':')[0];
    }
  } catch {
    // It is no RDB file, or damaged; whoever loads it says so.
  } finally {
    file.close();
  }
  return '';
}
