import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';

/** What Linux knows of a process, from /proc. Bytes, and CPU in microseconds since the process began. */
export interface ProcessStatistics {
  /** User and system time of all threads. */
  readonly cpuUs: number;
  /** The main thread's share of it. */
  readonly mainThreadCpuUs: number;
  /** Anonymous resident memory: RssAnon and RssShmem. A memory map's page cache is not in it. */
  readonly anonymousBytes: number;
  readonly residentBytes: number;
}

/** Reads a process's statistics; throws if it has ended. */
export function readProcessStatistics(pid: number): ProcessStatistics {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return {
    cpuUs: readCpuUs(pid),
    mainThreadCpuUs: scheduledNs(`/proc/${pid}/task/${pid}/schedstat`) / 1000,
    anonymousBytes: anonymousBytes(status),
    residentBytes: kibibytes(status, 'VmRSS') * 1024,
  };
}

/**
 * Bytes written to the device that holds a path since the machine began, by whatever process, its file system's journal
 * included (sectors written of /sys/dev/block/…/stat). A process's own count (`write_bytes` of /proc/PID/io) is of no use
 * here: a page counts there as often as it or another page of its folio is changed. NaN where the system does not tell.
 */
export function deviceWrittenBytes(path: string): number {
  const { dev } = statSync(path);
  const file = `/sys/dev/block/${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}/stat`;
  if (!existsSync(file)) return Number.NaN;
  return Number(readFileSync(file, 'latin1').trim().split(/\s+/)[6]) * 512;
}

/**
 * The CPU time of a process in microseconds: the sum of its threads' schedstat, which counts nanoseconds, or the
 * process's own clock of 10 ms ticks where that is further ahead since threads have ended.
 */
function readCpuUs(pid: number): number {
  let threadsNs = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    threadsNs += scheduledNs(`/proc/${pid}/task/${thread}/schedstat`);
  }
  const ticks = parseCpuTicks(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  return Math.max(threadsNs / 1000, ticks * 10_000);
}

/** `utime + stime` of a /proc/PID/stat line, in ticks of 10 ms. The command's name may hold spaces and brackets. */
export function parseCpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** RssAnon and RssShmem of a /proc/PID/status text, in bytes. */
export function anonymousBytes(status: string): number {
  return (kibibytes(status, 'RssAnon') + kibibytes(status, 'RssShmem')) * 1024;
}

function kibibytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}

/** The first field of schedstat. A thread may end between the listing and the reading: it then counts nothing. */
function scheduledNs(path: string): number {
  try {
    return Number(readFileSync(path, 'latin1').split(' ', 1)[0]);
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ESRCH';
}

/** Watches a process's anonymous resident memory at a fixed interval and keeps the highest. */
export class AnonymousMemoryWatch {
  peakBytes = 0;
  sampleCount = 0;
  private readonly pid: number;
  private readonly timer: NodeJS.Timeout;

  constructor(pid: number, intervalMs: number) {
    this.pid = pid;
    this.sample();
    this.timer = setInterval(() => this.sample(), intervalMs);
  }

  /** Takes a last sample, ends the watch and returns the peak in bytes. */
  stop(): number {
    clearInterval(this.timer);
    this.sample();
    return this.peakBytes;
  }

  private sample(): void {
    this.sampleCount++;
    const bytes = anonymousBytes(readFileSync(`/proc/${this.pid}/status`, 'latin1'));
    if (bytes > this.peakBytes) this.peakBytes = bytes;
  }
}

/**
 * Waits until a process's anonymous memory rests: eight readings in a row, 250 ms apart, within 0.2 % of each other,
 * or until a minute has passed. Returns the last reading in bytes.
 */
export async function settledAnonymousBytes(pid: number): Promise<number> {
  const deadline = performance.now() + 60_000;
  let reference = readProcessStatistics(pid).anonymousBytes;
  let same = 1;
  while (same < 8 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    const bytes = readProcessStatistics(pid).anonymousBytes;
    if (Math.abs(bytes - reference) <= reference * 0.002) {
      same++;
    } else {
      reference = bytes;
      same = 1;
    }
  }
  return readProcessStatistics(pid).anonymousBytes;
}
