import { totalmem } from 'node:os';
import { exists, readText } from '../base/files.ts';

/** Bytes of the process's memory that is not mapped files: RssAnon and RssShmem, and all of VmRSS. */
export function residentMemory(): { anonymous: number; total: number } {
  const status = readText('/proc/self/status');
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return {
    anonymous: (kilobytes('RssAnon') + kilobytes('RssShmem')) * 1024,
    total: kilobytes('VmRSS') * 1024,
  };
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
