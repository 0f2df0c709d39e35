/** What DEBUG switches on and off, for tests; parts of the server look at it. */
export class DebugSwitches {
  /** The work between commands rests. */
  isCronPaused = false;
  /** Checksums of RDB files and of payloads for RESTORE are not compared. */
  skipsChecksums = false;
  /** Scripts may call what is forbidden to them by its flag `noscript`. */
  allowsScriptsAll = false;
}
