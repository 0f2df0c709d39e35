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
  /** Ticks that ran commands, and runs of the cron; and their time in microseconds. */
  eventLoopCycles = 0;
  eventLoopMicroseconds = 0;
  /** Time of looking for expired keys besides commands. */
  expiryMicroseconds = 0;
  /** Values and databases that were freed in the background. */
  lazyFreedObjects = 0;
  /** How long memory has been above its limit. */
  readonly overLimit = new Stretch();
  /** Microseconds of CPU the main thread used in its longest tick since the start or CONFIG RESETSTAT. */
  longestTickMicroseconds = 0;
  peakMemory = 0;
  /** Errors by their first word. */
  readonly errors = new Map<string, number>();
  readonly clientPeaks = new ClientPeaks();
  readonly operationsPerSecond = new Rate();
  readonly inputPerSecond = new Rate();
  readonly outputPerSecond = new Rate();
  readonly cyclesPerSecond = new Rate();
  readonly eventLoopPerSecond = new Rate();

  /** Takes what the rates are made of; to be called some ten times a second. */
  sample(nowMs: number): void {
    this.operationsPerSecond.sample(this.commandsProcessed, nowMs);
    this.inputPerSecond.sample(this.bytesReceived, nowMs);
    this.outputPerSecond.sample(this.bytesSent, nowMs);
    this.cyclesPerSecond.sample(this.eventLoopCycles, nowMs);
    this.eventLoopPerSecond.sample(this.eventLoopMicroseconds, nowMs);
  }

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
    this.eventLoopMicroseconds = 0;
    this.expiryMicroseconds = 0;
    this.lazyFreedObjects = 0;
    this.overLimit.reset();
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

/** How long something has been so, in all and at present. */
export class Stretch {
  #sinceMs = 0;
  #beforeMs = 0;

  /** Notes whether it is so at a time. */
  note(isSo: boolean, nowMs: number): void {
    if (isSo === this.#sinceMs > 0) return;
    if (isSo) {
      this.#sinceMs = nowMs;
      return;
    }
    this.#beforeMs += this.presentMs(nowMs);
    this.#sinceMs = 0;
  }

  presentMs(nowMs: number): number {
    return this.#sinceMs === 0 ? 0 : Math.max(0, nowMs - this.#sinceMs);
  }

  totalMs(nowMs: number): number {
    return this.#beforeMs + this.presentMs(nowMs);
  }

  /** Forgets what has been; what is so goes on. */
  reset(): void {
    this.#beforeMs = 0;
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
