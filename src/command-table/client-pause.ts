/** How much is paused: nothing, commands that may change something, all commands. */
export const PAUSES_NOTHING = 0;
export const PAUSES_WRITES = 1;
export const PAUSES_ALL = 2;

/** Whether the commands of clients wait (CLIENT PAUSE), and until when. */
export class ClientPause {
  /** {@link PAUSES_NOTHING}, {@link PAUSES_WRITES} or {@link PAUSES_ALL}. */
  mode = PAUSES_NOTHING;
  /** Milliseconds since the epoch. */
  #endMs = 0;

  /** Pauses, or extends a pause: the later end and the wider mode hold (pauseClientsByClient of networking.c). */
  begin(endMs: number, mode: number): void {
    this.#endMs = Math.max(this.#endMs, endMs);
    this.mode = Math.max(this.mode, mode);
  }

  end(): void {
    this.mode = PAUSES_NOTHING;
    this.#endMs = 0;
  }

  /** Whether the time of a pause is over. */
  isOver(nowMs: number): boolean {
    return nowMs >= this.#endMs;
  }
}
