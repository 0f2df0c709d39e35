import { join } from 'node:path';
import { errorReason, type Files, type OpenFile } from '../../base/files.ts';
import type { Arguments } from '../../resp/arguments.ts';
import type { ReadSource } from '../rdb/reader.ts';
import type { Manifest } from './manifest.ts';
import { AofReader } from './reader.ts';

const RDB_SIGNATURE = 'REDIS';
/** Commands between two pauses. */
const COMMANDS_PER_STEP = 64;

/** Data that can't be loaded; the message is for people, and what led to it was logged. */
export class AofLoadError extends Error {
  override name = 'AofLoadError';
}

/** What loading the log needs of the store that it fills. */
export interface AofLoadHost {
  /** Runs a command of the log; a text says why it can't be run, and ends the load. */
  replay(words: Arguments): string | null;
  /** A MULTI has been run whose EXEC has not. */
  readonly isInTransaction: boolean;
  /** Forgets that MULTI and what came after it. Another file begins. */
  leaveTransaction(): void;
  /** Loads an RDB file in steps, of which `consumedBytes` tells how many bytes were read. Throws an Error with the reason. */
  loadRdb(
    source: ReadSource,
    totalBytes: number,
  ): { readonly steps: IterableIterator<void>; readonly consumedBytes: number };
  log(text: string, level: 'notice' | 'warning'): void;
  readonly monotonicUs: number;
  /** The load has come so far: bytes of all files. */
  progressed(loadedBytes: number): void;
}

export interface AofLoadOptions {
  /** The log's directory, and its configured name, which one of old may have. */
  readonly directory: string;
  readonly fileName: string;
  /** `aof-load-truncated`. */
  readonly loadsTruncated: boolean;
  /** `aof-load-corrupt-tail-max-size`: so much of the end may be cut off since it is no command; 0 for nothing. */
  readonly corruptTailBytesMax: number;
  /** What would be cut off is passed over, and stays where it is. */
  readonly leavesFiles?: boolean;
  /** Where to begin in the first file; what is before it has been loaded. */
  readonly firstOffset?: number;
}

/** Sizes of the files in bytes, before anything was cut off. */
export interface AofSizes {
  readonly totalBytes: number;
  readonly baseBytes: number;
}

/**
 * The sizes of the files that a manifest names. Throws {@link AofLoadError} if one is missing: a log with a hole is not loaded.
 */
export function measure(files: Files, directory: string, manifest: Manifest): AofSizes {
  let totalBytes = 0;
  let baseBytes = 0;
  for (const { name } of manifest.files) {
    let found: ReturnType<Files['statistics']>;
    let reason = 'No such file or directory';
    try {
      found = files.statistics(join(directory, name));
    } catch (error) {
      reason = errorReason(error);
    }
    if (found === undefined)
      throw new AofLoadError(`Unable to obtain the AOF file ${name} length. stat: ${reason}`);
    totalBytes += found.sizeBytes;
    if (name === manifest.base?.name) baseBytes = found.sizeBytes;
  }
  return { totalBytes, baseBytes };
}

/**
 * Loads the files of a log, oldest first (loadAppendOnlyFiles). What the last one ends with that is not whole, a command cut off or
 * a transaction without its EXEC, is cut off the file where the options allow it.
 */
export class AofLoader {
  readonly #files: Files;
  readonly #host: AofLoadHost;
  readonly #options: AofLoadOptions;
  #loadedBytes = 0;

  constructor(files: Files, host: AofLoadHost, options: AofLoadOptions) {
    this.#files = files;
    this.#host = host;
    this.#options = options;
  }

  /** Loads in steps. Throws {@link AofLoadError}; the reason was logged. */
  *load(manifest: Manifest): IterableIterator<void> {
    const host = this.#host;
    for (const [at, { name }] of manifest.files.entries()) {
      const kind = name === manifest.base?.name ? 'base' : 'incr';
      const startUs = host.monotonicUs;
      const offset = at === 0 ? this.#options.firstOffset : undefined;
      yield* this.#loadFile(name, at === manifest.files.length - 1, offset);
      const seconds = ((host.monotonicUs - startUs) / 1e6).toFixed(3);
      host.log(`DB loaded from ${kind} file ${name}: ${seconds} seconds`, 'notice');
    }
  }

  /** Loads one file, of which only the last may have its end cut off. */
  *#loadFile(name: string, isLast: boolean, offset: number | undefined): IterableIterator<void> {
    let file: OpenFile;
    try {
      file = this.#files.open(join(this.#options.directory, name), 'read');
    } catch (error) {
      throw this.#failure(
        `Fatal error: can't open the append log file ${name} for reading: ${errorReason(error)}`,
      );
    }
    try {
      yield* this.#loadOpen(name, file, isLast, offset);
    } catch (error) {
      if (error instanceof AofLoadError) throw error;
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      throw this.#failure(`Unrecoverable error reading the append only file ${name}: ${errorReason(error)}`);
    } finally {
      file.close();
    }
  }

  *#loadOpen(
    name: string,
    file: OpenFile,
    isLast: boolean,
    offset: number | undefined,
  ): IterableIterator<void> {
    const host = this.#host;
    const fileBytes = file.size();
    const before = this.#loadedBytes;
    const start = offset ?? (yield* this.#loadPreamble(name, file, fileBytes));
    const reader = new AofReader(file, fileBytes, start);
    host.leaveTransaction();
    /** All before it may stay in the file. */
    let keptBytes = start;
    for (let commands = 1; ; commands++) {
      const part = reader.next();
      if (part === 'command') {
        const reason = host.replay(reader.words);
        if (reason !== null) throw this.#failure(`${reason} reading the append only file ${name}`);
        if (!host.isInTransaction) keptBytes = reader.validBytes;
        if (commands % COMMANDS_PER_STEP === 0) {
          this.#progress(before + reader.validBytes);
          yield;
        }
      } else if (part === 'end' && !host.isInTransaction) {
        this.#progress(before + fileBytes);
        return;
      } else if (part === 'broken') {
        const tailBytes = fileBytes - keptBytes;
        if (tailBytes <= this.#options.corruptTailBytesMax) {
          host.log(`!!! Warning: corrupt AOF file tail of ${tailBytes} bytes in ${name}!!!`, 'warning');
          host.leaveTransaction();
          this.#truncate(name, keptBytes, isLast, 'aof-load-corrupt-tail-max-size allows for it');
          this.#progress(before + fileBytes);
          return;
        }
        throw this.#failure(
          `Bad file format reading the append only file ${name}: make a backup of your AOF file, then use redis-check-aof --fix <filename.manifest>`,
        );
      } else {
        if (part === 'end')
          host.log(`Revert incomplete MULTI/EXEC transaction from AOF file ${name}`, 'warning');
        host.leaveTransaction();
        this.#cut(name, keptBytes, isLast);
        this.#progress(before + fileBytes);
        return;
      }
    }
  }

  /** Loads the RDB file that a file is or begins with; returns where the commands begin. */
  *#loadPreamble(name: string, file: OpenFile, fileBytes: number): Generator<void, number> {
    const signature = Buffer.alloc(RDB_SIGNATURE.length);
    const count = file.read(signature, 0, signature.length, 0);
    if (count < signature.length || signature.toString('latin1') !== RDB_SIGNATURE) return 0;
    const host = this.#host;
    const before = this.#loadedBytes;
    const isOld = name === this.#options.fileName;
    host.log(
      isOld ? 'Reading RDB preamble from AOF file...' : 'Reading RDB base file on AOF loading...',
      'notice',
    );
    let position = 0;
    const source: ReadSource = (target) => {
      const read = file.read(target, 0, target.length, position);
      position += read;
      return read;
    };
    const load = host.loadRdb(source, fileBytes);
    try {
      for (const _ of load.steps) {
        this.#progress(before + load.consumedBytes);
        yield;
      }
    } catch (error) {
      host.log(error instanceof Error ? error.message : String(error), 'warning');
      throw this.#failure(
        isOld
          ? `Error reading the RDB preamble of the AOF file ${name}, AOF loading aborted`
          : `Error reading the RDB base file ${name}, AOF loading aborted`,
      );
    }
    if (isOld) host.log('Reading the remaining AOF tail...', 'notice');
    return load.consumedBytes;
  }

  /** Cuts off what a file ends with that is not whole. */
  #cut(name: string, keptBytes: number, isLast: boolean): void {
    const host = this.#host;
    if (!this.#options.loadsTruncated) {
      throw this.#failure(
        `Unexpected end of file reading the append only file ${name}. You can: 1) Make a backup of your AOF file, then use redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server.`,
      );
    }
    host.log(`!!! Warning: short read while loading the AOF file ${name}!!!`, 'warning');
    this.#truncate(name, keptBytes, isLast, 'aof-load-truncated is enabled');
  }

  #truncate(name: string, keptBytes: number, isLast: boolean, reason: string): void {
    const host = this.#host;
    if (!isLast) throw this.#failure('Fatal error: the truncated file is not the last file');
    host.log(`AOF ${name} loaded anyway because ${reason}`, 'warning');
    if (this.#options.leavesFiles === true) return;
    host.log(`Truncating the AOF ${name} at offset ${keptBytes}`, 'warning');
    try {
      this.#files.truncate(join(this.#options.directory, name), keptBytes);
    } catch (error) {
      throw this.#failure(`Error truncating the AOF file ${name}: ${errorReason(error)}`);
    }
  }

  #progress(loadedBytes: number): void {
    this.#loadedBytes = loadedBytes;
    this.#host.progressed(loadedBytes);
  }

  #failure(reason: string): AofLoadError {
    this.#host.log(reason, 'warning');
    return new AofLoadError(reason);
  }
}
