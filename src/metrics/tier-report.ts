/** Counters and sizes for INFO flex, FLEX STATS and the bench. */
export interface TierReport {
  readonly path: string;
  readonly hotKeys: number;
  readonly coldKeys: number;
  readonly hotBytes: number;
  /** Bytes of records that a key refers to, and of all files. */
  readonly coldLiveBytes: number;
  readonly fileBytes: number;
  readonly environmentCount: number;
  readonly bufferBytes: number;
  readonly demotions: number;
  /** Demotions of warm keys, which wrote nothing. */
  readonly warmDemotions: number;
  readonly promotions: number;
  /** Key and value bytes demoted, not counting warm ones; bytes appended to the log, reclaiming included. */
  readonly demotedBytes: number;
  readonly writtenBytes: number;
  /** The latter in parts: of fresh records, and of those that reclaiming moved. */
  readonly freshBytes: number;
  readonly movedBytes: number;
  /** Bytes of files that only wait for their removal. */
  readonly retiredBytes: number;
  /** Environments that can't be reclaimed since a record in them is damaged. */
  readonly damagedEnvironments: number;
  readonly reclaimedEnvironments: number;
  readonly coldReads: number;
  readonly coldReadErrors: number;
  readonly coldReadMicrosecondsP50: number;
  readonly coldReadMicrosecondsP99: number;
  readonly coldReadMicrosecondsMax: number;
  /** Blocks fetched aside since the device was slow, and rounds of it. */
  readonly fetchedBlocks: number;
  readonly fetchRounds: number;
  readonly isFetchingAside: boolean;
  readonly writeErrors: number;
  /** Why writes fail, or empty; whether that is because the disk is full. */
  readonly fault: string;
  readonly isDiskFull: boolean;
  readonly storageBytes: number;
}
