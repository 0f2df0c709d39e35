import { join } from 'node:path';
import { crc32 } from '../../base/crc32.ts';
import type { Files, OpenFile } from '../../base/files.ts';
import type { Database } from '../../keyspace/database.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import { EXPIRES, FLAGS_SHIFT, WARM } from '../../keyspace/record.ts';
import { coldWord, isHot, locationOf, PARTITION_COUNT, type SlotTable } from '../../keyspace/slot-table.ts';
import { SEGMENT_MASK, segmentOf } from '../../memory/arena.ts';
import { CheckpointError } from './checkpoint-error.ts';
import { ADDED, OPERATION_WORDS } from './place-log.ts';

/**
 * The index as it is on disk: the slots of every partition of every table, as if all were cold.
 *
 *     file     magic, version; then a section for each partition
 *     section  table, partition, operations of the log that it includes (lower word, upper), slots, CRC-32 of the five words
 *              and the slots; then two words for each slot, in hash order
 *
 * It is written while commands change the index. A section is the state of one moment, and says how many operations of the log
 * of places there had been by then; whoever reads it goes on from there. So a partition needs no copy, and nothing waits.
 */
const MAGIC = 0x42495054;
const VERSION = 1;
const HEADER_BYTES = 8;
const SECTION_WORDS = 6;
/** Bytes that are handed to the system at once, and after which the disk is asked to take them. */
const WRITE_BYTES = 256 * 1024;
const SYNCED_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 4 * 1024 * 1024;

/** A base that a checkpoint refers to. */
export interface SavedBase {
  readonly name: string;
  readonly bytes: number;
}

/** Writes a base, a partition at a time. Every method but `discard` throws the system's error. */
export class IndexBaseWriter {
  readonly name: string;
  bytes = 0;
  readonly #keyspace: Keyspace;
  readonly #file: OpenFile;
  readonly #tables: readonly (readonly [id: number, database: Database])[];
  #table = 0;
  #partition = 0;
  #words = new Int32Array(WRITE_BYTES / 4);
  #used = 0;
  #unsyncedBytes = 0;
  #syncing: Promise<void> = Promise.resolve();
  #syncFailure: unknown = null;

  /** Makes the file. Its tables are those of now: one that is made or emptied later has all it holds in the log. */
  constructor(files: Files, folder: string, name: string, keyspace: Keyspace) {
    this.name = name;
    this.#keyspace = keyspace;
    this.#tables = tablesOf(keyspace).map((database) => [database.id, database]);
    this.#file = files.open(join(folder, name), 'write');
    this.#words[0] = MAGIC;
    this.#words[1] = VERSION;
    this.#used = 2;
  }

  /** Writes the next partition; false at the end. `position` is the count of operations in the log. */
  step(position: number): boolean {
    if (this.#syncFailure !== null) throw this.#syncFailure;
    if (this.#table === this.#tables.length) return false;
    const [id, database] = this.#tables[this.#table];
    // A table that was emptied meanwhile is another.
    if (database.id === id) this.#addSection(database, this.#partition, position);
    this.#partition++;
    if (this.#partition === PARTITION_COUNT || database.id !== id) {
      this.#table++;
      this.#partition = 0;
    }
    if (this.#used * 4 >= WRITE_BYTES) this.#write();
    return true;
  }

  /** Writes what is left. */
  end(): SavedBase {
    this.#write();
    return { name: this.name, bytes: this.bytes };
  }

  /** Waits in another thread until all is on the disk. */
  async sync(): Promise<void> {
    await this.#syncing;
    if (this.#syncFailure !== null) throw this.#syncFailure;
    await this.#file.syncAside();
  }

  close(): void {
    void this.#syncing.then(() => this.#file.close());
  }

  #addSection({ id, table }: Database, partition: number, position: number): void {
    const room = SECTION_WORDS + table.partitionCount(partition) * 2;
    if (this.#words.length < this.#used + room) {
      const wider = new Int32Array((this.#used + room) * 2);
      wider.set(this.#words.subarray(0, this.#used));
      this.#words = wider;
    }
    const start = this.#used;
    const slots = this.#words.subarray(start + SECTION_WORDS, start + room);
    table.copyPartition(partition, slots);
    const used = this.#keepPlaces(slots);
    const words = this.#words;
    words[start] = id;
    words[start + 1] = partition;
    words[start + 2] = position | 0;
    words[start + 3] = Math.floor(position / 0x100000000);
    words[start + 4] = used / 2;
    words[start + 5] = checksumOf(words, start, used);
    this.#used = start + SECTION_WORDS + used;
  }

  /** Turns the slots of hot records into those of their cold copies, and leaves out those that have none. */
  #keepPlaces(slots: Int32Array): number {
    const { arena } = this.#keyspace;
    let used = 0;
    for (let at = 0; at < slots.length; at += 2) {
      let word0 = slots[at];
      let word1 = slots[at + 1];
      if (isHot(word0)) {
        const address = locationOf(word0, word1);
        const words = arena.words[segmentOf(address)];
        const record = (address & SEGMENT_MASK) << 1;
        const flags = words[record] >>> FLAGS_SHIFT;
        if ((flags & WARM) === 0) continue;
        const place = record + ((flags & EXPIRES) !== 0 ? 5 : 3);
        word0 = coldWord(word0 >>> 9, words[place + 1]);
        word1 = words[place];
      }
      slots[used++] = word0;
      slots[used++] = word1;
    }
    return used;
  }

  #write(): void {
    const length = this.#used * 4;
    const bytes = new Uint8Array(this.#words.buffer, 0, length);
    for (let done = 0; done < length; ) done += this.#file.write(bytes, done, length - done);
    this.bytes += length;
    this.#used = 0;
    this.#unsyncedBytes += length;
    if (this.#unsyncedBytes < SYNCED_BYTES) return;
    this.#unsyncedBytes = 0;
    this.#syncing = this.#syncing
      .then(() => this.#file.syncAside())
      .catch((error: unknown) => {
        this.#syncFailure ??= error;
      });
  }
}

/** The tables of keys and pages of all databases that hold something. */
function tablesOf(keyspace: Keyspace): Database[] {
  const tables: Database[] = [];
  for (const database of keyspace.databases) {
    if (database.size > 0) tables.push(database);
    if (database.pageRecords !== undefined && database.pageRecords.size > 0)
      tables.push(database.pageRecords);
  }
  return tables;
}

/**
 * Fills tables, which are empty, by their numbers from a base (null for none) and the log that follows it. A step is about 4 MiB
 * of it. Throws {@link CheckpointError} where they do not agree, and the system's error.
 */
export function* loadIndex(
  files: Files,
  folder: string,
  base: SavedBase | null,
  log: readonly Int32Array[],
  tables: ReadonlyMap<number, SlotTable>,
): IterableIterator<void> {
  const operations = new SortedOperations(log);
  yield;
  const isInBase = new Set<number>();
  if (base !== null) {
    const path = join(folder, base.name);
    const file = files.open(path, 'read');
    try {
      for (const section of readSections(file, path, base.bytes)) {
        if (section === null) {
          yield;
          continue;
        }
        const { words, start, count } = section;
        const id = words[start];
        const partition = words[start + 1];
        isInBase.add(id);
        const table = tables.get(id);
        if (table === undefined) continue;
        table.fillPartition(partition, words.subarray(start + SECTION_WORDS), count);
        const position = words[start + 3] * 0x100000000 + (words[start + 2] >>> 0);
        operations.apply(table, id, partition, position);
      }
    } finally {
      file.close();
    }
  }
  for (const [id, table] of tables) {
    if (isInBase.has(id)) continue;
    for (let partition = 0; partition < PARTITION_COUNT; partition++)
      operations.apply(table, id, partition, 0);
    yield;
  }
}

interface Section {
  readonly words: Int32Array;
  readonly start: number;
  readonly count: number;
}

/** The sections of a base, and null whenever more of the file was read. A section is good until the next is asked for. */
function* readSections(file: OpenFile, path: string, fileBytes: number): Generator<Section | null> {
  let buffer = new Uint8Array(READ_BYTES);
  let words = new Int32Array(buffer.buffer);
  let position = 0;
  let end = 0;
  let at = 0;
  const fill = (wordsWanted: number): boolean => {
    if ((at + wordsWanted) * 4 <= end) return false;
    const kept = end - at * 4;
    const room = Math.max(READ_BYTES, wordsWanted * 4);
    if (position + wordsWanted * 4 - kept > fileBytes) throw new CheckpointError(`${path} is cut short`);
    const target = room > buffer.length ? new Uint8Array(room) : buffer;
    target.set(buffer.subarray(at * 4, end));
    buffer = target;
    words = new Int32Array(buffer.buffer);
    at = 0;
    end = kept;
    while (end < Math.min(buffer.length, kept + fileBytes - position)) {
      const length = Math.min(buffer.length - end, fileBytes - position);
      const count = file.read(buffer, end, length, position);
      if (count === 0) throw new CheckpointError(`${path} is cut short`);
      end += count;
      position += count;
      if (position === fileBytes) break;
    }
    return true;
  };
  if (fill(HEADER_BYTES / 4)) yield null;
  if (words[0] !== MAGIC || words[1] !== VERSION)
    throw new CheckpointError(`${path} is no index, or of another version`);
  at = HEADER_BYTES / 4;
  while (at * 4 < end || position < fileBytes) {
    if (fill(SECTION_WORDS)) yield null;
    const count = words[at + 4];
    if (count < 0 || count * 8 > fileBytes || words[at + 1] < 0 || words[at + 1] >= PARTITION_COUNT)
      throw new CheckpointError(`${path} is damaged`);
    if (fill(SECTION_WORDS + count * 2)) yield null;
    if (checksumOf(words, at, count * 2) !== words[at + 5])
      throw new CheckpointError(`${path} fails its checksum`);
    yield { words, start: at, count };
    at += SECTION_WORDS + count * 2;
  }
}

/** The checksum of a section's five words and slots. */
function checksumOf(words: Int32Array, start: number, slotWords: number): number {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const head = crc32(bytes, start * 4, 20);
  return crc32(bytes, (start + SECTION_WORDS) * 4, slotWords * 4, head) | 0;
}

/** The operations of logs, one after the other, by partition: so each partition is visited once. */
class SortedOperations {
  readonly #logs: readonly Int32Array[];
  /** Where the operations of a partition begin in `#order`. */
  readonly #starts = new Uint32Array(PARTITION_COUNT + 1);
  /** Numbers of operations, sorted by partition. */
  readonly #order: Uint32Array;
  /** The number of each log's first operation, and behind the last. */
  readonly #firsts: number[] = [];

  constructor(logs: readonly Int32Array[]) {
    this.#logs = logs;
    const starts = this.#starts;
    let count = 0;
    for (const log of logs) {
      this.#firsts.push(count);
      count += log.length / OPERATION_WORDS;
      for (let at = 1; at < log.length; at += OPERATION_WORDS) starts[(log[at] & (ADDED - 1)) + 1]++;
    }
    this.#firsts.push(count);
    for (let partition = 0; partition < PARTITION_COUNT; partition++)
      starts[partition + 1] += starts[partition];
    this.#order = new Uint32Array(count);
    const next = starts.slice();
    let number = 0;
    for (const log of logs) {
      for (let at = 1; at < log.length; at += OPERATION_WORDS)
        this.#order[next[log[at] & (ADDED - 1)]++] = number++;
    }
  }

  /** Does to a partition of a table what was done to it from `position` on. Throws {@link CheckpointError} if it can't be. */
  apply(table: SlotTable, id: number, partition: number, position: number): void {
    const end = this.#starts[partition + 1];
    let log = 0;
    for (let at = this.#starts[partition]; at < end; at++) {
      const number = this.#order[at];
      if (number < position) continue;
      while (number >= this.#firsts[log + 1]) log++;
      const words = this.#logs[log];
      const word = (number - this.#firsts[log]) * OPERATION_WORDS;
      if (words[word] !== id) continue;
      const word0 = words[word + 2];
      const word1 = words[word + 3];
      if ((words[word + 1] & ADDED) !== 0) table.insert(partition, word0, word1);
      else if (table.findLocation(partition, word0, word1)) table.remove();
      else throw new CheckpointError('the index and its log do not agree');
    }
  }
}
