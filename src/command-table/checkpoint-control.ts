/** What INFO tells of checkpoints of the tier. */
export interface CheckpointReport {
  /** One is being taken. */
  readonly isActive: boolean;
  /** Those that this process has put on the disk; the number of the newest and the moment that it holds, 0 for none. */
  readonly count: number;
  readonly number: number;
  readonly lastMs: number;
  readonly lastDurationMs: number;
  /** Why the last one could not be taken, or empty. */
  readonly failure: string;
  /** Bytes of keys and values that were copied to the tier for checkpoints. */
  readonly copiedBytes: number;
  /** Bytes of the index on the disk, and of the log of its changes. */
  readonly indexBytes: number;
  readonly logBytes: number;
  /** Bytes of the tier's files that can be removed when the next one is there. */
  readonly heldBytes: number;
  /** Keys of the hot set of before the start that are in RAM again, and all of them; whether that goes on. */
  readonly isWarming: boolean;
  readonly warmedKeys: number;
  readonly keysToWarm: number;
}

/** What commands do with checkpoints. */
export interface CheckpointControl {
  /** Has one taken as soon as it can be; false if one is being taken. */
  request(): boolean;
  readonly report: CheckpointReport;
}
