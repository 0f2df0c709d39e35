/** Counters of the server, for INFO stats and clients. CONFIG RESETSTAT zeroes those that `reset` names. */
export class ServerStatistics {
  connectionsReceived = 0;
  connectionsRejected = 0;
  commandsProcessed = 0;
  bytesReceived = 0;
  bytesSent = 0;
  errorReplies = 0;
  unexpectedErrorReplies = 0;
  clientQueryBufferLimitDisconnections = 0;
  clientOutputBufferLimitDisconnections = 0;
  evictedClients = 0;
  readsProcessed = 0;
  writesProcessed = 0;
  eventLoopCycles = 0;
  /** Microseconds of CPU the main thread used in its longest tick since the start or CONFIG RESETSTAT. */
  longestTickMicroseconds = 0;
  peakMemory = 0;
  /** Errors by their first word. */
  readonly errors = new Map<string, number>();
  readonly clientPeaks = new ClientPeaks();
  readonly operationsPerSecond = new Rate();
  readonly inputPerSecond = new Rate();
  readonly outputPerSecond = new Rate();

  /** Counts an error reply by its code. */
  countError(text: string): void {
    this.errorReplies++;
    const space = text.indexOf(' ');
    const code = space < 0 ? text : text.slice(0, space);
    if (this.errors.size >= 128 && !this.errors.has(code)) return;
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }

  reset(): void {
    this.connectionsReceived = 0;
    this.connectionsRejected = 0;
    this.commandsProcessed = 0;
    this.bytesReceived = 0;
    this.bytesSent = 0;
    this.errorReplies = 0;
    this.unexpectedErrorReplies = 0;
    this.clientQueryBufferLimitDisconnections = 0;
    this.clientOutputBufferLimitDisconnections = 0;
    this.evictedClients = 0;
    this.readsProcessed = 0;
    this.writesProcessed = 0;
    this.eventLoopCycles = 0;
    this.longestTickMicroseconds = 0;
    this.errors.clear();
  }
}

const PEAK_SECONDS = 8;

/** The largest buffers that any client had in the last seconds (ClientsPeakMemInput of server.c). */
export class ClientPeaks {
  readonly #input = new Float64Array(PEAK_SECONDS);
  readonly #output = new Float64Array(PEAK_SECONDS);
  #second = 0;

  /** Begins to note what clients have at a time; each second of silence is one in which they had nothing. */
  begin(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const passed = Math.min(Math.max(0, second - this.#second), PEAK_SECONDS);
    for (let at = 0; at < passed; at++) {
      this.#input[(second - at) % PEAK_SECONDS] = 0;
      this.#output[(second - at) % PEAK_SECONDS] = 0;
    }
    this.#second = second;
  }

  /** Notes one client's bytes. */
  note(inputBytes: number, outputBytes: number): void {
    const at = this.#second % PEAK_SECONDS;
    this.#input[at] = Math.max(this.#input[at], inputBytes);
    this.#output[at] = Math.max(this.#output[at], outputBytes);
  }

  get inputBytes(): number {
    return Math.max(...this.#input);
  }

  get outputBytes(): number {
    return Math.max(...this.#output);
  }
}

const SAMPLE_COUNT = 16;

/** A rate per second averaged over the last 16 samples (trackInstantaneousMetric). */
export class Rate {
  readonly #samples = new Float64Array(SAMPLE_COUNT);
  #next = 0;
  #lastMs = 0;
  #lastValue = 0;

  /** Takes a counter's value at a time. */
  sample(value: number, nowMs: number): void {
    const elapsed = nowMs - this.#lastMs;
    if (this.#lastMs > 0 && elapsed > 0) {
      this.#samples[this.#next] = ((value - this.#lastValue) * 1000) / elapsed;
      this.#next = (this.#next + 1) % SAMPLE_COUNT;
    }
    this.#lastMs = nowMs;
    this.#lastValue = value;
  }

  get perSecond(): number {
    let sum = 0;
    for (const sample of this.#samples) sum += sample;
    return Math.max(0, sum / SAMPLE_COUNT);
  }
}
