import { join } from 'node:path';
import { errorReason, type Files } from '../base/files.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import { Entry, TYPE_NAMES, TYPE_PAGE } from '../keyspace/record.ts';
import { COLD_HEADER_BYTES_MAX, ColdRecordReader, TIER_DATABASE } from '../tiering/cold-record.ts';
import { RECORD_BYTES_MAX } from '../tiering/cold-store.ts';
import { BLOCK_BYTES } from '../tiering/cold-store-environment.ts';
import type { CheckOptions, FileFindings, Findings, KeySummary, Progress } from './findings.ts';
import { LmdbFile, LmdbFileError } from './lmdb-file.ts';

const ENVIRONMENT_NAME = /^\d{8}$/;
const UNIT_BYTES = 8;
/** LZ4 does not expand more than this. */
const EXPANSION_MAX = 255;
/** Blocks are committed in batches of so many bytes (cold-store.ts). */
const BATCH_BYTES = 256 * BLOCK_BYTES;
/** Damaged records of an environment that are told one by one; what follows the last of them is not read. */
const DAMAGED_MAX = 16;

/** Checks the environments of a tier: the tree of each, its blocks, and the records in them. */
export function checkTier(path: string, files: Files, records: KeySummary, options: CheckOptions): Findings {
  const names = files.list(path).filter((name) => ENVIRONMENT_NAME.test(name));
  const sizes = names.map((name) => sizeOf(join(path, name, 'blocks.mdb'), files));
  const progress = options.openProgress(
    path,
    sizes.reduce((sum, size) => sum + size, 0),
  );
  let before = 0;
  const found = names.map((name, at) => {
    const findings = checkEnvironment(path, name, files, records, {
      update: (bytes) => progress.update(before + bytes),
      end() {},
    });
    before += sizes[at];
    progress.update(before);
    return findings;
  });
  progress.end();
  return { path, kind: 'tier', files: found, problems: [], keys: null, records, commands: null };
}

function sizeOf(path: string, files: Files): number {
  try {
    return files.statistics(path)?.sizeBytes ?? 0;
  } catch {
    return 0;
  }
}

function checkEnvironment(
  folder: string,
  name: string,
  files: Files,
  records: KeySummary,
  progress: Progress,
): FileFindings {
  const path = join(folder, name, 'blocks.mdb');
  const problems: string[] = [];
  const facts: Record<string, string | number> = {};
  let bytes = 0;
  try {
    const file = files.open(path, 'read');
    try {
      bytes = file.size();
      const blocks = new LmdbFile(file);
      facts.blocks = blocks.blockCount;
      facts['unused pages'] = blocks.unusedPages;
      const before = records.count;
      const stream = new RecordStream(blocks, records, problems, progress);
      stream.readAll();
      facts.records = records.count - before;
      if (stream.cutBytes > 0) facts['bytes of a record that was not written whole'] = stream.cutBytes;
    } finally {
      file.close();
    }
  } catch (error) {
    problems.push(reasonOf(error));
  }
  return { name: join(name, 'blocks.mdb'), kind: 'environment', bytes, facts, problems, fixes: [] };
}

function reasonOf(error: unknown): string {
  if (error instanceof LmdbFileError) return error.message;
  if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  return errorReason(error);
}

/** Goes through the records of an environment from its first block on (docs/formats/block-log.md). */
class RecordStream {
  readonly #blocks: LmdbFile;
  readonly #records: KeySummary;
  readonly #problems: string[];
  readonly #progress: Progress;
  readonly #reader = new ColdRecordReader();
  readonly #entry = new Entry();
  readonly #streamBytes: number;
  /** Bytes at the end that belong to a record whose rest was in a batch that was not committed. */
  cutBytes = 0;
  /** Bytes of the stream from `#windowStart` on, a multiple of a block; the first `#windowLength` are there. */
  #window = new Uint8Array(BLOCK_BYTES * 16);
  #windowStart = 0;
  #windowLength = 0;

  constructor(blocks: LmdbFile, records: KeySummary, problems: string[], progress: Progress) {
    this.#blocks = blocks;
    this.#records = records;
    this.#problems = problems;
    this.#progress = progress;
    this.#streamBytes = blocks.blockCount * BLOCK_BYTES;
  }

  readAll(): void {
    const last = this.#streamBytes;
    for (let at = 0; at < last && this.#problems.length <= DAMAGED_MAX; ) {
      const offset = this.#fill(at, Math.min(COLD_HEADER_BYTES_MAX, last - at));
      if (this.#isEnd(offset)) {
        const next = (Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES;
        if (!this.#isOfZeros(offset, next - at)) this.#tell(at, 'what should be zeros is not');
        at = next;
        continue;
      }
      const length = this.#readRecord(at);
      if (length < 0) {
        this.#problems.push(`The ${last - at} bytes from there on are not checked`);
        return;
      }
      at += length;
      this.#progress.update(at);
    }
  }

  /** The length of the record at a place; -1 if that can't be known. */
  #readRecord(at: number): number {
    const reader = this.#reader;
    const entry = this.#entry;
    const left = this.#streamBytes - at;
    try {
      let offset = this.#fill(at, Math.min(COLD_HEADER_BYTES_MAX, left));
      const isShort = left < COLD_HEADER_BYTES_MAX;
      reader.measure(this.#padded(offset, left), isShort ? 0 : offset, RECORD_BYTES_MAX, entry);
      const { length } = reader;
      if (length > left && (at === 0 || left < BATCH_BYTES)) {
        this.cutBytes = left;
        return left;
      }
      if (length > left || entry.payloadLength > length * EXPANSION_MAX)
        throw new ColdRecordError('its record is damaged');
      offset = this.#fill(at, length);
      const { keyLength, payloadLength, type } = entry;
      try {
        reader.verify(this.#window, offset, entry);
      } catch (error) {
        if (!(error instanceof ColdRecordError)) throw error;
        this.#tell(at, error.message);
        return length;
      }
      if (type === TYPE_PAGE || reader.databaseId === TIER_DATABASE) {
        const name = type === TYPE_PAGE ? 'page of a collection' : 'list of expiring slots';
        this.#records.addNameless(name, payloadLength, length);
        return length;
      }
      const key = { bytes: entry.bytes, offset: entry.keyOffset, length: keyLength };
      const name = TYPE_NAMES[type] ?? `type ${type}`;
      this.#records.add(name, reader.databaseId, key, payloadLength, length);
      return length;
    } catch (error) {
      if (!(error instanceof ColdRecordError)) throw error;
      this.#tell(at, error.message);
      return -1;
    }
  }

  #tell(at: number, reason: string): void {
    const block = Math.floor(at / BLOCK_BYTES);
    this.#problems.push(`Block ${block}, offset ${at - block * BLOCK_BYTES}: ${reason}`);
  }

  /** The window, or at the end of the stream a copy of what is left that has the bytes a header may take. */
  #padded(offset: number, left: number): Uint8Array {
    if (left >= COLD_HEADER_BYTES_MAX) return this.#window;
    const copy = new Uint8Array(COLD_HEADER_BYTES_MAX);
    copy.set(this.#window.subarray(offset, offset + left));
    return copy;
  }

  /** Where a record should begin eight zero bytes mean that the block has no more. */
  #isEnd(offset: number): boolean {
    return this.#isOfZeros(offset, UNIT_BYTES);
  }

  #isOfZeros(offset: number, length: number): boolean {
    const end = Math.min(offset + length, this.#windowLength);
    for (let at = offset; at < end; at++) if (this.#window[at] !== 0) return false;
    return true;
  }

  /** Sees to it that the window has the bytes at a place and the block that they are in, and returns where they are in it. */
  #fill(at: number, length: number): number {
    const first = Math.floor(at / BLOCK_BYTES);
    const wantedEnd = Math.ceil((at + length) / BLOCK_BYTES);
    if (at < this.#windowStart || at >= this.#windowStart + this.#windowLength) {
      this.#windowStart = first * BLOCK_BYTES;
      this.#windowLength = 0;
    }
    if (wantedEnd * BLOCK_BYTES > this.#windowStart + this.#windowLength) this.#extend(first, wantedEnd);
    return at - this.#windowStart;
  }

  #extend(first: number, wantedEnd: number): void {
    const { blockCount } = this.#blocks;
    const start = first * BLOCK_BYTES;
    const kept = this.#windowLength - (start - this.#windowStart);
    const capacity = Math.max(this.#window.length, (wantedEnd - first) * BLOCK_BYTES);
    const target = capacity > this.#window.length ? new Uint8Array(capacity) : this.#window;
    target.set(this.#window.subarray(start - this.#windowStart, this.#windowLength));
    this.#window = target;
    this.#windowStart = start;
    this.#windowLength = kept;
    const end = Math.min(blockCount, first + Math.floor(target.length / BLOCK_BYTES));
    for (let block = first + kept / BLOCK_BYTES; block < end; block++) {
      this.#blocks.read(block, target, this.#windowLength);
      this.#windowLength += BLOCK_BYTES;
    }
  }
}
