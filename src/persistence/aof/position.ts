/** A place in the append-only file, between two commands. */
export interface LogPosition {
  /** The increment's file name and its number. */
  readonly name: string;
  readonly sequence: number;
  readonly offset: number;
}

/** Where the append-only file was at one moment. */
export interface LogMark {
  readonly position: LogPosition;
  /** Bytes appended by then since the process began. */
  readonly appendedBytes: number;
}
