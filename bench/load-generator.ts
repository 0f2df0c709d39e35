import { build, type Histogram } from 'hdr-histogram-js';
import {
  type Address,
  type ClientOwner,
  LoadClient,
  type Protocol,
  RESP,
  type ReplyTotals,
} from './client.ts';
import type { Pacing } from './pacing.ts';
import type { Values } from './values.ts';
import type { Workload } from './workload.ts';

export interface Phase {
  readonly workload: Workload;
  readonly pacing: Pacing;
  /** The most operations a connection has under way. */
  readonly pipeline: number;
  /** Checks every value that is read against the one its key says. */
  readonly verify: boolean;
  /** Ends the phase early: nothing more is sent, replies under way are waited for. */
  readonly signal?: AbortSignal;
  /** Called now and then with the number of replies so far. */
  readonly onProgress?: (replies: number) => void;
}

export interface PhaseOutcome extends ReplyTotals {
  readonly seconds: number;
  /** Latencies in microseconds, by {@link Pacing.startOf}. The caller owns it. */
  readonly latencies: Histogram;
  /** CPU of this process as a share of one core: near 1, the generator was the limit. */
  readonly generatorCpuShare: number;
  /** Operations of an open loop that were due and never sent. */
  readonly unsent: number;
}

/** Replies between two calls of {@link Phase.onProgress}. */
const PROGRESS_REPLIES = 4096;
/** An open loop sleeps when the next operation is further away than this … */
const SLEEP_MS_MIN = 4;
/** … so much less than that … */
const TIMER_ERROR_MS = 2;
/** … and not longer than this, so that an interruption is noticed. */
const SLEEP_MS_MAX = 100;
const LATENCY_MAX_US = 600_000_000;

/** A set of connections to one server that phases are run on, one at a time. */
export class LoadGenerator {
  private readonly clients: LoadClient[];

  /** Opens `clientCount` connections, which send batches of at most `pipelineMax` operations. */
  static async connect(
    address: Address,
    values: Values,
    clientCount: number,
    pipelineMax: number,
    protocol: Protocol = RESP,
  ): Promise<LoadGenerator> {
    const clients: LoadClient[] = [];
    try {
      for (let index = 0; index < clientCount; index++) {
        clients.push(await LoadClient.connect(address, values, pipelineMax, protocol));
      }
    } catch (error) {
      for (const client of clients) client.close();
      throw error;
    }
    return new LoadGenerator(clients);
  }

  private constructor(clients: LoadClient[]) {
    this.clients = clients;
  }

  /** Runs a phase to its end; rejects if a connection fails. Error replies are counted, not thrown. */
  run(phase: Phase): Promise<PhaseOutcome> {
    return new PhaseRun(this.clients, phase).done;
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

class PhaseRun implements ClientOwner {
  readonly done: Promise<PhaseOutcome>;
  private readonly phase: Phase;
  private readonly clients: readonly LoadClient[];
  private readonly totals: ReplyTotals = { replies: 0, errors: 0, lastError: '', misses: 0, mismatches: 0 };
  private readonly latencies = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_MAX_US,
    numberOfSignificantValueDigits: 3,
  });
  private readonly free: LoadClient[];
  private readonly beganMs = performance.now();
  private readonly cpuBefore = process.cpuUsage();
  private progressAt = PROGRESS_REPLIES;
  private ended = false;
  private polling = false;
  private resolve: (outcome: PhaseOutcome) => void = () => {};
  private reject: (error: Error) => void = () => {};

  constructor(clients: readonly LoadClient[], phase: Phase) {
    this.phase = phase;
    this.clients = clients;
    this.free = clients.slice();
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    for (const client of clients) client.attach(this, this.totals, phase.verify);
    phase.pacing.begin(this.beganMs);
    this.pump();
  }

  repliesArrived(client: LoadClient, count: number): void {
    const now = performance.now();
    const { pacing } = this.phase;
    // The first and the last of a closed loop's batch have the same start: then one entry does for all of them.
    const oldest = pacing.startOf(client.firstSequence, client.sentMs);
    if (count === 1 || pacing.startOf(client.firstSequence + count - 1, client.sentMs) === oldest) {
      this.latencies.recordValueWithCount(microseconds(now - oldest), count);
    } else {
      for (let index = 0; index < count; index++) {
        const start = pacing.startOf(client.firstSequence + index, client.sentMs);
        this.latencies.recordValue(microseconds(now - start));
      }
    }
    if (this.totals.replies >= this.progressAt) {
      this.progressAt = this.totals.replies + PROGRESS_REPLIES;
      this.phase.onProgress?.(this.totals.replies);
    }
  }

  clientFree(client: LoadClient): void {
    if (this.sendNext(client, performance.now())) return;
    this.free.push(client);
    this.endIfFinished();
    this.pollLater();
  }

  clientFailed(error: Error): void {
    if (this.ended) return;
    this.ended = true;
    for (const client of this.clients) client.detach();
    this.reject(error);
  }

  /** Sends what is due on the free connections. */
  private pump(): void {
    if (this.ended) return;
    const now = performance.now();
    while (this.free.length > 0 && this.sendNext(this.free[this.free.length - 1], now)) this.free.pop();
    this.endIfFinished();
    this.pollLater();
  }

  /**
   * Only an open loop has free connections before its end. It sleeps while nothing is due for long, then polls the
   * clock on each turn of the event loop, since a timer's resolution of 1 ms would show up in the latencies.
   */
  private pollLater(): void {
    const now = performance.now();
    if (this.ended || this.polling || this.free.length === 0 || this.isFinished(now)) return;
    this.polling = true;
    const poll = () => {
      this.polling = false;
      this.pump();
    };
    const waitMs = this.phase.pacing.nextDueMs() - now;
    if (waitMs > SLEEP_MS_MIN) setTimeout(poll, Math.min(waitMs - TIMER_ERROR_MS, SLEEP_MS_MAX));
    else setImmediate(poll);
  }

  private sendNext(client: LoadClient, now: number): boolean {
    const { pacing, workload, pipeline, signal } = this.phase;
    if (signal?.aborted === true) return false;
    const count = pacing.take(now, pipeline);
    if (count === 0) return false;
    client.send(workload, count, pacing.issued - count, now);
    return true;
  }

  private isFinished(now: number): boolean {
    return this.phase.signal?.aborted === true || this.phase.pacing.finished(now);
  }

  private endIfFinished(): void {
    const now = performance.now();
    if (this.ended || this.free.length < this.clients.length || !this.isFinished(now)) return;
    this.ended = true;
    for (const client of this.clients) client.detach();
    const cpu = process.cpuUsage(this.cpuBefore);
    const seconds = (now - this.beganMs) / 1000;
    this.phase.onProgress?.(this.totals.replies);
    this.resolve({
      ...this.totals,
      seconds,
      latencies: this.latencies,
      generatorCpuShare: (cpu.user + cpu.system) / 1e6 / seconds,
      unsent: this.phase.pacing.unsent(),
    });
  }
}

function microseconds(ms: number): number {
  return Math.min(LATENCY_MAX_US, Math.max(0, Math.round(ms * 1000)));
}
