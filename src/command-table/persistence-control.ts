/** What INFO tells of snapshots. */
export interface PersistenceReport {
  /** Changes since the last snapshot. */
  readonly changes: number;
  readonly isSaving: boolean;
  /** Unix time of the last snapshot, or of the start. */
  readonly lastSaveSeconds: number;
  readonly hasFailed: boolean;
  /** How long the last snapshot in the background took, and the present one so far; -1 for none. */
  readonly lastDurationSeconds: number;
  readonly currentDurationSeconds: number;
  /** Snapshots that were begun. */
  readonly saves: number;
  /** Bytes kept in RAM of what has changed since the present snapshot began, at present and at most, and by the last one. */
  readonly keptBytes: number;
  readonly keptBytesPeak: number;
  readonly lastKeptBytes: number;
  /** Keys of the present snapshot, and those that are done. */
  readonly keyCount: number;
  readonly keysDone: number;
  /** Keys of the last file that was loaded, and those that had expired. */
  readonly loadedKeys: number;
  readonly expiredKeys: number;
  /** The load that is going on. */
  readonly loading: LoadingReport | null;
}

/** How far a load has come. */
export interface LoadingReport {
  readonly startSeconds: number;
  readonly totalBytes: number;
  readonly loadedBytes: number;
  readonly elapsedSeconds: number;
}

/** What commands do with snapshots. */
export interface PersistenceControl {
  /** Some commands are refused at present: {@link refusalOf} tells which. */
  readonly isRestricting: boolean;
  /** The error with which a command is refused that changes data or does not, and that may run while data is loaded or not. */
  refusalOf(isWrite: boolean, isAllowedWhileLoading: boolean): string | null;
  readonly isSaving: boolean;
  /** Something else is being written that a snapshot in the background has to wait for. */
  readonly isOccupied: boolean;
  /** Writes a snapshot at once; false if it fails, which is logged. */
  save(): boolean;
  /** Begins one in the background; false if it fails, which is logged. */
  beginSave(): boolean;
  /** Has one begin when it can. */
  scheduleSave(): void;
  /** All databases were emptied: gives the present snapshot up and, where there are save points, writes an empty one. */
  flushedAll(): void;
  /** Writes what a snapshot keeps of what has changed, if that is too much; called before a command. */
  relieve(): void;
  /**
   * Empties the keyspace, unless it `keeps` what is there, and loads the file of the snapshot; keys that are there are replaced
   * if it `merges`. False if it fails, which is logged.
   */
  reload(keeps: boolean, merges: boolean): boolean;
  readonly report: PersistenceReport;
}
