import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where Linux has version 1 of the memory controller of control groups, which counts page cache too. */
const ROOT = '/sys/fs/cgroup/memory';

/** A limit on what a process has in memory, the page cache that it filled among it. */
export interface MemoryGroup {
  readonly limitBytes: number;
  /** Bytes of it that are page cache at present. */
  cachedBytes(): number;
  /** Removes the group; its process must have ended. */
  remove(): void;
}

/**
 * Has the kernel hold a process, from now on, to so many bytes of memory and page cache together: beyond that it drops the pages
 * of files, so that they are read from the device again. What is in memory already is counted elsewhere. Returns why this can't
 * be had on this machine where it can't: it takes root, and version 1 of the controller.
 */
export function limitMemory(pid: number, limitBytes: number): MemoryGroup | string {
  if (!existsSync(join(ROOT, 'memory.limit_in_bytes')))
    return 'this machine has no memory controller of version 1 (memory.limit_in_bytes)';
  const folder = join(ROOT, `thermocline-bench-${pid}`);
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, 'memory.limit_in_bytes'), String(Math.round(limitBytes)));
    writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  } catch (error) {
    removeFolder(folder);
    return `the memory controller can't be used (${error instanceof Error ? error.message : error})`;
  }
  return {
    limitBytes,
    cachedBytes: () => {
      const text = readFileSync(join(folder, 'memory.stat'), 'latin1');
      return Number(/^cache (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
    },
    remove: () => removeFolder(folder),
  };
}

/** A group that still has a process stays: it is empty, and its limit harms nobody. */
function removeFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    return;
  }
}
