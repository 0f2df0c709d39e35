import { join } from 'node:path';
import { crc32 } from '../../base/crc32.ts';
import type { Files, OpenFile } from '../../base/files.ts';
import { CheckpointError } from './checkpoint-error.ts';

/**
 * The log of changes of the index, as it is on disk: which places came to be keys' and pages', and which no longer are.
 *
 *     file     magic, version; then chunks
 *     chunk    operations in it, CRC-32 of them; then four words for each
 *     words    table; partition, with {@link ADDED}; the slot's two words as if it were cold
 *
 * docs/formats/checkpoint.md describes it.
 */
export const OPERATION_WORDS = 4;
/** Bit of an operation's second word: the slot came; else it went. */
export const ADDED = 1 << 12;
const MAGIC = 0x474c5054;
const VERSION = 1;
const HEADER_BYTES = 8;
const CHUNK_HEADER_WORDS = 2;
/** Operations of a chunk: 64 KiB. */
const CHUNK_OPERATIONS = 4096;
const HELD_WORDS_MIN = 4096;

/** A log, or the first part of one, that a checkpoint refers to. */
export interface SavedLog {
  readonly name: string;
  /** Operations, and the bytes of the file up to the last of them. */
  readonly count: number;
  readonly bytes: number;
}

/**
 * Writes a log. What belongs to a cut and what comes after it are told apart while the cut is open: what comes after is held
 * back, so that the log up to where the cut was closed holds exactly what belongs to it.
 */
export class PlaceLog {
  readonly name: string;
  /** Why it could not be written, or null: then it is of no use any more. */
  failure: unknown = null;
  #count = 0;
  #bytes = 0;
  readonly #file: OpenFile;
  readonly #chunk = new Int32Array(CHUNK_HEADER_WORDS + CHUNK_OPERATIONS * OPERATION_WORDS);
  readonly #chunkBytes = new Uint8Array(this.#chunk.buffer);
  #used = CHUNK_HEADER_WORDS;
  #held = new Int32Array(0);
  #heldUsed = 0;
  #isCutOpen = false;

  /** Makes the file. Throws the system's error. */
  constructor(files: Files, folder: string, name: string) {
    this.name = name;
    this.#file = files.open(join(folder, name), 'write');
    this.#write(new Uint8Array(Int32Array.of(MAGIC, VERSION).buffer), HEADER_BYTES);
  }

  /** Operations so far, those held back apart. */
  get count(): number {
    return this.#count;
  }

  get byteCount(): number {
    return this.#chunk.byteLength + this.#held.byteLength;
  }

  /** Adds an operation; one that is not `isOfCut` comes after a cut that is open. */
  add(table: number, partition: number, word0: number, word1: number, isOfCut: boolean): void {
    if (this.#isCutOpen && !isOfCut) {
      this.#hold(table, partition, word0, word1);
      return;
    }
    const chunk = this.#chunk;
    let at = this.#used;
    chunk[at++] = table;
    chunk[at++] = partition;
    chunk[at++] = word0;
    chunk[at++] = word1;
    this.#used = at;
    this.#count++;
    if (at === chunk.length) this.#writeChunk();
  }

  openCut(): void {
    this.#isCutOpen = true;
  }

  /** Closes the cut and writes what belongs to it; what came after follows. */
  closeCut(): SavedLog {
    const saved = this.save();
    this.#isCutOpen = false;
    const held = this.#held;
    for (let at = 0; at < this.#heldUsed; at += OPERATION_WORDS)
      this.add(held[at], held[at + 1], held[at + 2], held[at + 3], false);
    this.#held = new Int32Array(0);
    this.#heldUsed = 0;
    return saved;
  }

  /** Writes what there is but what is held back, and tells what the log is now. */
  save(): SavedLog {
    this.#writeChunk();
    return { name: this.name, count: this.#count, bytes: this.#bytes };
  }

  /** Waits in another thread until what was written is on the disk. Rejects with the system's error. */
  async sync(): Promise<void> {
    if (this.failure !== null) throw this.failure;
    await this.#file.syncAside();
  }

  close(): void {
    this.#file.close();
  }

  #hold(table: number, partition: number, word0: number, word1: number): void {
    if (this.#heldUsed === this.#held.length) {
      const wider = new Int32Array(Math.max(HELD_WORDS_MIN, this.#held.length * 2));
      wider.set(this.#held);
      this.#held = wider;
    }
    const held = this.#held;
    let at = this.#heldUsed;
    held[at++] = table;
    held[at++] = partition;
    held[at++] = word0;
    held[at++] = word1;
    this.#heldUsed = at;
  }

  #writeChunk(): void {
    const length = this.#used * 4;
    const operations = (this.#used - CHUNK_HEADER_WORDS) / OPERATION_WORDS;
    this.#used = CHUNK_HEADER_WORDS;
    if (operations === 0) return;
    this.#chunk[0] = operations;
    this.#chunk[1] = crc32(this.#chunkBytes, CHUNK_HEADER_WORDS * 4, length - CHUNK_HEADER_WORDS * 4);
    this.#write(this.#chunkBytes, length);
  }

  #write(bytes: Uint8Array, length: number): void {
    if (this.failure !== null) return;
    try {
      for (let done = 0; done < length; ) done += this.#file.write(bytes, done, length - done);
      this.#bytes += length;
    } catch (error) {
      this.failure = error;
    }
  }
}

/** The operations of a log, four words each. Throws {@link CheckpointError} where it is not what was written, or the system's error. */
export function readPlaceLog(files: Files, folder: string, saved: SavedLog): Int32Array {
  const path = join(folder, saved.name);
  const file = files.open(path, 'read');
  const bytes = new Uint8Array(saved.bytes);
  try {
    let done = 0;
    while (done < bytes.length) {
      const count = file.read(bytes, done, bytes.length - done, done);
      if (count === 0) throw new CheckpointError(`${path} is cut short`);
      done += count;
    }
  } finally {
    file.close();
  }
  const words = new Int32Array(bytes.buffer);
  if (words[0] !== MAGIC || words[1] !== VERSION)
    throw new CheckpointError(`${path} is no log of places, or of another version`);
  const operations = new Int32Array(saved.count * OPERATION_WORDS);
  let used = 0;
  for (let at = HEADER_BYTES / 4; at < words.length; ) {
    const length = words[at] * OPERATION_WORDS;
    const start = at + CHUNK_HEADER_WORDS;
    if (length <= 0 || start + length > words.length || used + length > operations.length)
      throw new CheckpointError(`${path} is damaged`);
    if ((crc32(bytes, start * 4, length * 4) | 0) !== words[at + 1])
      throw new CheckpointError(`${path} fails its checksum`);
    operations.set(words.subarray(start, start + length), used);
    used += length;
    at = start + length;
  }
  if (used !== operations.length) throw new CheckpointError(`${path} is cut short`);
  return operations;
}
