import { machine, release, totalmem, type } from 'node:os';
import { exists, open, readText } from '../base/files.ts';

/** Bytes of the process's memory that is not mapped files: RssAnon and RssShmem, and all of VmRSS. */
export function residentMemory(): { anonymous: number; total: number } {
  const status = readText('/proc/self/status');
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return {
    anonymous: (kilobytes('RssAnon') + kilobytes('RssShmem')) * 1024,
    total: kilobytes('VmRSS') * 1024,
  };
}

/** The system's name and release, and the machine's, as uname tells them. */
export function operatingSystem(): string {
  return `${type()} ${release()} ${machine()}`;
}

/** Whether the system tells what {@link residentMemory} reads. */
export const tellsResidentMemory = exists('/proc/self/status');

/** Bytes of RAM of the machine, or the limit of the control group where that is less. */
export function systemMemory(): number {
  let bytes = totalmem();
  for (const path of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    if (!exists(path)) continue;
    const limit = Number(readText(path).trim());
    if (limit > 0 && limit < bytes) bytes = limit;
  }
  return bytes;
}

/** Files that this process may have open at once, or infinity where the system does not tell. */
export function openFilesMax(): number {
  const path = '/proc/self/limits';
  if (!exists(path)) return Number.POSITIVE_INFINITY;
  const soft = /^Max open files\s+(\S+)/m.exec(readText(path))?.[1];
  return soft === undefined || soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

const SCHEDULER_STATISTICS = '/proc/self/schedstat';
const ZERO = 0x30;

/**
 * Microseconds that the main thread has waited for a processor since the process began, as the kernel counts them
 * (proc(5), the second number of `schedstat`): what a stretch of wall time has of it was no work of this process. Always 0
 * where the system does not tell.
 */
export class RunDelay {
  #file = exists(SCHEDULER_STATISTICS) ? open(SCHEDULER_STATISTICS, 'read') : null;
  readonly #text = new Uint8Array(64);

  read(): number {
    if (this.#file === null) return 0;
    const length = this.#file.read(this.#text, 0, this.#text.length, 0);
    let at = this.#text.indexOf(0x20) + 1;
    let nanoseconds = 0;
    for (; at < length && this.#text[at] >= ZERO; at++)
      nanoseconds = nanoseconds * 10 + this.#text[at] - ZERO;
    return nanoseconds / 1000;
  }

  /** Gives the file back; called again it does nothing. */
  close(): void {
    this.#file?.close();
    this.#file = null;
  }
}
