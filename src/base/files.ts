/** The files of the machine: the sole user of `node:fs`, so that a simulation can stand in for the disk. */
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open as openAside, rm, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

/** The whole file as bytes that the caller owns. Throws the system's error. */
export function readBytes(path: string): Buffer {
  return readFileSync(path);
}

/** The whole file as UTF-8 text. Throws the system's error. */
export function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

/** What is left on standard input, up to its end; waits for it. */
export function readStandardInput(): Buffer {
  return readFileSync(0);
}

/**
 * Replaces a file so that after a power cut there is either the old one or the whole new one: a temporary file beside
 * it is written and synced, renamed over it, and the directory synced. Throws the system's error, leaving the old file.
 */
export function writeAtomic(path: string, contents: string | Uint8Array, mode = 0o644): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(temporary, 'w', mode);
    try {
      writeFileSync(file, contents);
      fchmodSync(file, mode);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Makes a file of these bytes, or replaces it, without waiting for the disk. Throws the system's error. */
export function write(path: string, contents: Uint8Array): void {
  writeFileSync(path, contents);
}

/** A file that is read or written a part at a time. Its methods throw the system's error. */
export interface OpenFile {
  /** The file's size in bytes. */
  size(): number;
  /** Reads up to `length` bytes from `position` on into `target` at `offset`; fewer at the end of the file, 0 there. */
  read(target: Uint8Array, offset: number, length: number, position: number): number;
  /** Writes behind what was written, or at the end of a file that is appended to; returns how many bytes were taken. */
  write(bytes: Uint8Array, offset: number, length: number): number;
  /** Cuts the file off. */
  truncate(sizeBytes: number): void;
  /** Waits until what was written survives a power cut. */
  sync(): void;
  /** As {@link sync} in another thread. The file must not be closed before it is done. */
  syncAside(): Promise<void>;
  close(): void;
}

/** Opens a file: to `read` one that exists, to `append` to one, or to `write` one anew; the latter two make it. Throws the system's error. */
export function open(path: string, how: 'read' | 'append' | 'write'): OpenFile {
  const file = openSync(path, how[0]);
  return {
    size: () => fstatSync(file).size,
    read: (target, offset, length, position) => readSync(file, target, offset, length, position),
    write: (bytes, offset, length) => writeSync(file, bytes, offset, length),
    truncate: (sizeBytes) => ftruncateSync(file, sizeBytes),
    sync: () => fdatasyncSync(file),
    syncAside: () =>
      new Promise((resolve, reject) => {
        fdatasync(file, (error) => (error === null ? resolve() : reject(error)));
      }),
    close: () => closeSync(file),
  };
}

/** Cuts a file off after so many bytes, durably. Throws the system's error. */
export function truncate(path: string, sizeBytes: number): void {
  const file = openSync(path, 'r+');
  try {
    ftruncateSync(file, sizeBytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Gives a file another name, in place of the file that had it. Throws the system's error. */
export function rename(from: string, to: string): void {
  renameSync(from, to);
}

/** Makes the names in a directory durable: creations, renames and removals before this call survive a power cut. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** As {@link syncDirectory}, in another thread. */
export async function syncDirectoryAside(path: string): Promise<void> {
  const directory = await openAside(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Whether something is at the path. */
export function exists(path: string): boolean {
  return existsSync(path);
}

/** Makes a directory and those above it; one that exists is fine. Throws the system's error. */
export function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true });
}

/** The names in a directory, sorted by code unit. Throws the system's error. */
export function list(path: string): string[] {
  return readdirSync(path).sort();
}

/** Removes a file; none there is fine. Throws the system's other errors. */
export function remove(path: string): void {
  rmSync(path, { force: true });
}

/** Removes a directory with all it holds; none there is fine. */
export function removeTree(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** What is known of a file without reading it. */
export interface FileStatistics {
  readonly sizeBytes: number;
  /** Bytes that the file takes on the device; less than its size where it has holes. */
  readonly allocatedBytes: number;
  readonly modifiedMs: number;
  readonly isDirectory: boolean;
}

/** Sets the permissions of a file or a Unix socket. Throws the system's error. */
export function setPermissions(path: string, mode: number): void {
  chmodSync(path, mode);
}

/** As {@link remove}, in another thread: removing a large file takes tens of milliseconds. */
export async function removeAside(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** As {@link removeTree}, in another thread. */
export function removeTreeAside(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}

/** What is known of the file at a path, or undefined if there is none. Throws the system's other errors. */
export function statistics(path: string): FileStatistics | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined
    ? undefined
    : {
        sizeBytes: found.size,
        allocatedBytes: found.blocks * 512,
        modifiedMs: found.mtimeMs,
        isDirectory: found.isDirectory(),
      };
}

/** Bytes that an unprivileged process may still write to the file system that holds a path. */
export function freeBytes(path: string): number {
  const found = statfsSync(path);
  return found.bavail * found.bsize;
}

/** The system's message for an error of this module, such as `No such file or directory`. */
export function errorReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node's text is "ENOENT: no such file or directory, open '/path'"; strerror's is the middle with a capital.
  const reason = /^[A-Z0-9]+: ([^,]+)/.exec(error.message)?.[1];
  return reason === undefined ? error.message : reason[0].toUpperCase() + reason.slice(1);
}

/** A lock that another process holds. */
export class LockedError extends Error {
  override name = 'LockedError';
}

/** Who holds a lock file. A process id alone says little: ids are reused, and each container counts its own. */
interface LockHolder {
  processId: number;
  /** Clock ticks since boot at which the process started. */
  startTicks: string;
  bootId: string;
  processNamespace: string;
  host: string;
}

function processStartTicks(processId: number): string | undefined {
  try {
    // proc(5): the name in parentheses may hold spaces; field 22 is the 20th after it.
    const text = readText(`/proc/${processId}/stat`);
    const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // A process that has ended and that nobody waits for is still listed.
    return state === 'Z' || state === 'X' ? undefined : fields[18];
  } catch {
    return undefined;
  }
}

function thisHolder(): LockHolder {
  return {
    processId: process.pid,
    startTicks: processStartTicks(process.pid) ?? '',
    bootId: readText('/proc/sys/kernel/random/boot_id').trim(),
    processNamespace: readlinkSync('/proc/self/ns/pid'),
    host: hostname(),
  };
}

function isAlive(holder: LockHolder, self: LockHolder): boolean {
  if (holder.bootId !== self.bootId) return false;
  if (holder.processNamespace !== self.processNamespace) {
    // The process can't be seen from here. A container that was restarted keeps its host name and gets a new
    // namespace, so its former self is gone; any other host may well be running.
    return holder.host !== self.host;
  }
  return processStartTicks(holder.processId) === holder.startTicks;
}

/**
 * Takes a lock file for this process and returns what gives it back. The lock of a process that has ended, by a crash
 * or a power cut, is taken over. Throws {@link LockedError} if a running process holds it (this one too), and the
 * system's error if the file can't be written.
 */
export function lockFile(path: string): () => void {
  const self = thisHolder();
  // The file appears whole or not at all: it is written under its own name and linked to the lock's.
  const own = `${path}.${self.processId}.${self.startTicks}`;
  try {
    writeFileSync(own, JSON.stringify(self));
    for (;;) {
      try {
        linkSync(own, path);
        return () => remove(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = readHolder(path);
      if (holder === undefined) continue;
      if (isAlive(holder, self)) {
        throw new LockedError(
          `${path} is held by process ${holder.processId} on ${holder.host}; if that process is gone, remove the file`,
        );
      }
      // Of two processes that both find a dead holder, one renames what the other has not yet taken.
      const stale = `${own}.stale`;
      try {
        renameSync(path, stale);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        continue;
      }
      const moved = readHolder(stale);
      if (moved !== undefined && isAlive(moved, self)) linkSync(stale, path);
      remove(stale);
    }
  } finally {
    remove(own);
  }
}

/** Undefined if the lock has just been given back. */
function readHolder(path: string): LockHolder | undefined {
  try {
    return JSON.parse(readText(path)) as LockHolder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // The file came whole or not at all, so only a power cut leaves one that can't be read.
    if (error instanceof SyntaxError)
      return { processId: 0, startTicks: '', bootId: '', processNamespace: '', host: '' };
    throw error;
  }
}

/** The machine's files, for what takes its disk as a parameter. */
export const systemFiles = {
  readBytes,
  readText,
  write,
  writeAtomic,
  open,
  truncate,
  rename,
  syncDirectory,
  syncDirectoryAside,
  exists,
  makeDirectory,
  list,
  remove,
  removeAside,
  removeTree,
  removeTreeAside,
  statistics,
  freeBytes,
  lockFile,
};

/** A disk: {@link systemFiles}, or what a simulation puts in its place. */
export type Files = typeof systemFiles;
