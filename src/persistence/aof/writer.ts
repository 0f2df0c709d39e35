import { errorReason, type OpenFile } from '../../base/files.ts';
import type { Arguments } from '../../resp/arguments.ts';
import { Encoder } from '../../resp/encoder.ts';

/** Between fsyncs of `everysec`. */
const SYNC_MS = 1000;
/** How long a write waits for an fsync that is still running. */
const POSTPONED_MS_MAX = 2000;
/** A failure that lasts is logged this often. */
const FAILURE_LOG_MS = 30_000;
/** A buffer that grew beyond this is not kept. */
const BUFFER_BYTES_KEPT = 1024 * 1024;
/** `always` promises that what was replied is on disk: what can't be written ends the process. */
const ALWAYS = "when the AOF fsync policy is 'always'";

/** When the log is synced: before any reply, once a second, or when the system pleases. */
export type SyncPolicy = 'always' | 'everysec' | 'no';

/** What the writer is told, each time anew. */
export interface WriterSettings {
  readonly policy: SyncPolicy;
  /** Nothing is to be synced now (`no-appendfsync-on-rewrite` during a rewrite or a snapshot). */
  readonly isSyncHeld: boolean;
  /** `aof-timestamp-enabled`: notes the time whenever it has changed. */
  readonly hasTimestamps: boolean;
  /** Milliseconds since the epoch, and microseconds that only go up. */
  readonly wallMs: number;
  readonly monotonicUs: number;
}

/** Who is told what became of it. */
export interface WriterHost {
  log(text: string, level: 'notice' | 'warning'): void;
  /** More of the log is on disk. */
  synced(): void;
  /** An fsync by the command's own thread took so long. */
  tookMs(event: 'aof-write' | 'aof-fsync-always', milliseconds: number): void;
  /** Ends the process before any reply is sent. */
  fail(reason: string): never;
}

/**
 * Writes commands to the newest increment of the log, by the rules of Redis (flushAppendOnlyFile). Commands are encoded into one
 * buffer; {@link flush} writes what a tick has brought with one call, and syncs it by policy.
 */
export class AofWriter {
  readonly #settings: WriterSettings;
  readonly #host: WriterHost;
  readonly #pending = new Encoder();
  #file: OpenFile | null = null;
  /** Files that were written to before, until they are synced and closed. */
  readonly #retiring = new Set<OpenFile>();
  #fileBytes = 0;
  #writtenBytes = 0;
  #syncedBytes = 0;
  #selectedDatabase = -1;
  #annotatedSecond = 0;
  #postponedSinceMs = -1;
  #syncedMs = 0;
  #failureLoggedMs = Number.NEGATIVE_INFINITY;
  /** Syncs in other threads, one after the other. */
  #syncing: Promise<void> = Promise.resolve();
  #writeFailure = '';
  #syncFailure = '';
  /** Syncs that have begun in another thread and are not done. */
  pendingSyncs = 0;
  /** Writes that did not wait any longer for an fsync. */
  delayedSyncs = 0;

  constructor(settings: WriterSettings, host: WriterHost) {
    this.#settings = settings;
    this.#host = host;
  }

  /** Bytes of the file that is written to. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** Bytes that wait to be written. */
  get pendingBytes(): number {
    return this.#pending.length;
  }

  /** Bytes of the buffer. */
  get bufferBytes(): number {
    return this.#pending.buffer.length;
  }

  /** Bytes given to the log since the process began, and how many of them are on disk. */
  get appendedBytes(): number {
    return this.#writtenBytes + this.#pending.length;
  }

  get syncedBytes(): number {
    return this.#syncedBytes;
  }

  /** Why the log can't be written, in the system's words; empty if it can. */
  get failure(): string {
    return this.#writeFailure === '' ? this.#syncFailure : this.#writeFailure;
  }

  /** Adds commands, words of a call or what is put in their place, to what waits to be written. */
  append(databaseNumber: number, words: Arguments, replacement: (readonly Uint8Array[])[] | null): void {
    const pending = this.#pending;
    if (this.#settings.hasTimestamps) this.#annotate();
    if (databaseNumber !== this.#selectedDatabase) {
      this.#selectedDatabase = databaseNumber;
      pending.array(2);
      pending.bulkText('SELECT');
      pending.bulkInteger(databaseNumber);
    }
    if (replacement === null) {
      const { buffer, view, offsets, lengths, count } = words;
      pending.array(count);
      for (let at = 0; at < count; at++) pending.bulkViewed(buffer, view, offsets[at], lengths[at]);
      return;
    }
    for (const command of replacement) {
      pending.array(command.length);
      for (const word of command) pending.bulk(word, 0, word.length);
    }
  }

  /** Writes what waits, and syncs by policy. With `isForced` it does not wait for an fsync that is running. */
  flush(isForced: boolean): void {
    if (this.#file === null) return;
    if (this.#pending.length === 0) {
      if (this.#syncedBytes !== this.#writtenBytes) this.#syncByPolicy();
      return;
    }
    const { policy } = this.#settings;
    // What follows in another file must not be on disk before what is in the one before it.
    const mustWait =
      policy === 'everysec' ? this.pendingSyncs > 0 : policy === 'no' && this.#retiring.size > 0;
    if (mustWait && !isForced && this.#postpones()) return;
    this.#postponedSinceMs = -1;
    if (this.#write(this.#file)) this.#syncByPolicy();
  }

  /**
   * Goes on in another file, of so many bytes, whose next command names its database; what waits belongs there. The file
   * before is synced and closed in another thread.
   */
  open(file: OpenFile, fileBytes: number): void {
    this.#retire();
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.#selectedDatabase = -1;
    this.#annotatedSecond = 0;
  }

  /** Where in the file what is appended next will be; that names its database. */
  mark(): number {
    this.#selectedDatabase = -1;
    this.#annotatedSecond = 0;
    return this.#fileBytes + this.#pending.length;
  }

  /** Has what was appended written, and synced in another thread, whatever the policy. */
  syncSoon(): void {
    const file = this.#file;
    if (file === null || this.pendingSyncs > 0 || !this.#write(file)) return;
    if (this.#syncedBytes < this.#writtenBytes) this.#syncAside(file, false);
  }

  /**
   * Writes and syncs everything, and closes. Returns why it could not, in the system's words, or an empty text; what waits
   * is lost then.
   */
  async close(): Promise<string> {
    const file = this.#file;
    if (file === null) return '';
    let failure = this.#write(file) ? '' : this.#writeFailure;
    await this.#syncing;
    try {
      file.sync();
      file.close();
      this.#syncedBytes = this.#writtenBytes;
    } catch (error) {
      failure ||= errorReason(error);
    }
    this.#forget();
    return failure;
  }

  /** Stops writing: what waits is written, and the file synced and closed in another thread. */
  stop(): void {
    if (this.#file === null) return;
    this.#write(this.#file);
    this.#retire();
    this.#forget();
  }

  /** Stops writing, since what was appended is of no use: the file stays as it is. */
  discard(): void {
    const file = this.#file;
    if (file !== null) this.#syncing = this.#syncing.then(() => this.#close(file));
    this.#writtenBytes = this.appendedBytes;
    this.#syncedBytes = this.#writtenBytes;
    this.#forget();
  }

  #forget(): void {
    this.#file = null;
    this.#fileBytes = 0;
    this.#pending.length = 0;
    this.#writeFailure = '';
    this.#syncFailure = '';
    this.#selectedDatabase = -1;
    this.#postponedSinceMs = -1;
  }

  get #nowMs(): number {
    return this.#settings.monotonicUs / 1000;
  }

  #annotate(): void {
    const second = Math.floor(this.#settings.wallMs / 1000);
    if (second <= this.#annotatedSecond) return;
    this.#annotatedSecond = second;
    this.#pending.raw(Buffer.from(`#TS:${second}\r\n`));
  }

  /** Whether a write waits for the fsync that is running. */
  #postpones(): boolean {
    const nowMs = this.#nowMs;
    if (this.#postponedSinceMs < 0) this.#postponedSinceMs = nowMs;
    if (nowMs - this.#postponedSinceMs < POSTPONED_MS_MAX) return true;
    this.delayedSyncs++;
    this.#host.log(
      'Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down the server.',
      'notice',
    );
    return false;
  }

  /** Writes what waits; false if it could not be written whole. */
  #write(file: OpenFile): boolean {
    const pending = this.#pending;
    const { length } = pending;
    if (length === 0) return true;
    const startUs = this.#settings.monotonicUs;
    let written = 0;
    let reason = 'No space left on device';
    try {
      written = file.write(pending.buffer, 0, length);
    } catch (error) {
      reason = errorReason(error);
      written = -1;
    }
    this.#host.tookMs('aof-write', (this.#settings.monotonicUs - startUs) / 1000);
    if (written !== length) {
      this.#failWrite(file, written, reason);
      return false;
    }
    if (this.#writeFailure !== '') {
      this.#writeFailure = '';
      this.#host.log('AOF write error looks solved. The server can write again.', 'notice');
    }
    this.#take(length);
    pending.length = 0;
    if (pending.buffer.length > BUFFER_BYTES_KEPT) pending.release();
    return true;
  }

  #take(bytes: number): void {
    this.#fileBytes += bytes;
    this.#writtenBytes += bytes;
  }

  /** `written` is how many bytes were taken, or -1 if the call failed. */
  #failWrite(file: OpenFile, written: number, reason: string): void {
    const pending = this.#pending;
    const nowMs = this.#nowMs;
    const isLogged = nowMs - this.#failureLoggedMs >= FAILURE_LOG_MS;
    const log = (text: string) => isLogged && this.#host.log(text, 'warning');
    if (isLogged) this.#failureLoggedMs = nowMs;
    let kept = 0;
    if (written < 0) {
      log(`Error writing to the AOF file: ${reason}`);
    } else {
      log(`Short write while writing to the AOF file: (nwritten=${written}, expected=${pending.length})`);
      try {
        file.truncate(this.#fileBytes);
      } catch (error) {
        kept = written;
        log(
          `Could not remove short write from the append-only file. The server may refuse to load the AOF the next time it starts. ftruncate: ${errorReason(error)}`,
        );
      }
    }
    if (this.#settings.policy === 'always') {
      this.#host.fail(`Can't recover from AOF write error ${ALWAYS}: ${reason}. Exiting...`);
    }
    this.#writeFailure = reason;
    if (kept === 0) return;
    this.#take(kept);
    pending.buffer.copyWithin(0, kept, pending.length);
    pending.length -= kept;
  }

  #syncByPolicy(): void {
    const { policy, isSyncHeld } = this.#settings;
    if (isSyncHeld) return;
    if (policy === 'always') this.#sync();
    else if (policy === 'everysec' && this.#nowMs - this.#syncedMs >= SYNC_MS) {
      if (this.pendingSyncs === 0) this.#syncAside(this.#file as OpenFile, false);
      this.#syncedMs = this.#nowMs;
    }
  }

  #sync(): void {
    const startUs = this.#settings.monotonicUs;
    try {
      for (const file of this.#retiring) file.sync();
      this.#file?.sync();
    } catch (error) {
      this.#host.fail(`Can't persist AOF for fsync error ${ALWAYS}: ${errorReason(error)}. Exiting...`);
    }
    this.#host.tookMs('aof-fsync-always', (this.#settings.monotonicUs - startUs) / 1000);
    this.#syncedMs = this.#nowMs;
    this.#syncedBytes = this.#writtenBytes;
    this.#host.synced();
  }

  #retire(): void {
    const file = this.#file;
    if (file === null) return;
    this.#retiring.add(file);
    this.#syncAside(file, true);
  }

  /** Syncs a file in another thread after those before it, and closes it if it `closes`. */
  #syncAside(file: OpenFile, closes: boolean): void {
    const bytes = this.#writtenBytes;
    this.pendingSyncs++;
    const sync = async (): Promise<void> => {
      try {
        await file.syncAside();
        this.#syncFailure = '';
        this.#syncedBytes = Math.max(this.#syncedBytes, bytes);
      } catch (error) {
        this.#syncFailure = errorReason(error);
        this.#host.log(`Fail to fsync the AOF file: ${this.#syncFailure}`, 'warning');
      }
      this.pendingSyncs--;
      if (closes) {
        this.#retiring.delete(file);
        this.#close(file);
      }
      this.#host.synced();
    };
    this.#syncing = this.#syncing.then(sync);
  }

  #close(file: OpenFile): void {
    try {
      file.close();
    } catch (error) {
      this.#host.log(`Closing an AOF file failed: ${errorReason(error)}`, 'warning');
    }
  }
}
