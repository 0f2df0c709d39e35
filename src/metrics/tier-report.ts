import type { QuantileHistogram } from './quantile-histogram.ts';

/** The estimate of the miss-ratio curve. */
export interface CurveReport {
  readonly sampledKeys: number;
  /** Share of the keys that is sampled, and of the reads those whose key was never seen before: 0 to 1. */
  readonly samplingRate: number;
  readonly firstFraction: number;
  /** Hit ratios, 0 to 1, by RAM, of which `factor` tells how many times the present one it is. */
  readonly points: readonly {
    readonly factor: number;
    readonly memoryBytes: number;
    readonly hitRatio: number;
  }[];
}

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
  /** All of them, which go on being counted. */
  readonly coldReadTimes: QuantileHistogram;
  /** Blocks fetched aside since the device was slow, and rounds of it. */
  readonly fetchedBlocks: number;
  readonly fetchRounds: number;
  readonly isFetchingAside: boolean;
  readonly writeErrors: number;
  /** Why writes fail, or empty; whether that is because the disk is full. */
  readonly fault: string;
  readonly isDiskFull: boolean;
  readonly storageBytes: number;
  /** Cold reads slower than `flex-slowlog-log-slower-than`. */
  readonly slowReads: number;
  /** Names that are pinned, the RAM of what they name, and whether that is little enough to hold it there. */
  readonly pinnedKeys: number;
  readonly pinnedBytes: number;
  readonly arePinsHeld: boolean;
  /** What demotion may write in a second, 0 for no limit, and how often it has waited for that. */
  readonly writeBytesPerSecond: number;
  readonly writePauses: number;
  readonly curve: CurveReport;
}
