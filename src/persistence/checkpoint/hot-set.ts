import { join } from 'node:path';
import { crc32 } from '../../base/crc32.ts';
import { errorReason, type Files, type OpenFile } from '../../base/files.ts';
import { lfuCounter, lruIdleMs } from '../../heat/access.ts';
import { ColdRecordError } from '../../keyspace/cold-record-error.ts';
import type { Keyspace } from '../../keyspace/keyspace.ts';
import { FLAGS_SHIFT, WARM } from '../../keyspace/record.ts';
import { coldWord, LOCATION_UPPER_MASK } from '../../keyspace/slot-table.ts';
import { SEGMENT_MASK, SLAB_BLOCKS_MAX, segmentOf } from '../../memory/arena.ts';
import type { Tier } from '../../tiering/tier.ts';

/**
 * What was hot, so that another process can have it hot again: the cold copies of hot records with their access history, and the
 * touches of cold keys. It is a hint: a record that is gone or has changed is passed over, and without the file all is cold.
 *
 *     file     magic, version; then sections
 *     section  class, table, entries, CRC-32 of the three words and the entries; then four words for each entry
 *     entry    partition, the slot's two words as if it were cold, access history
 *     last     class {@link TOUCHES}, 0, words, CRC-32; then the memory of the sketch
 *
 * Sections have one class each of {@link CLASS_COUNT}, the hottest being 0, so that a reader takes the hottest first.
 * docs/formats/checkpoint.md describes it.
 */
const NAME = 'heat';
const MAGIC = 0x54485054;
const VERSION = 1;
const HEADER_BYTES = 8;
const SECTION_BYTES = 16;
const ENTRY_WORDS = 4;
const SECTION_ENTRIES = 1024;
const CLASS_COUNT = 8;
const TOUCHES = 255;
const WRITE_SECONDS = 300;
/** Microseconds of writing, and of warming, in one run of the cron. */
const SLICE_US = 500;
const WARMING_US = 1000;
/** A place without this many lower bits names a block. */
const BLOCK_SHIFT = 9;
/** The share of the memory before demotion starts that is filled. */
const FILLED_FRACTION = 0.97;

/** What the hot set needs of the server. */
export interface HotSetHost {
  readonly files: Files;
  readonly keyspace: Keyspace;
  readonly tier: Tier;
  /** Bytes of memory that count against the budget. */
  chargedBytes(): number;
  monotonicUs(): number;
  log(text: string, level: 'verbose' | 'notice' | 'warning'): void;
}

/** Keeps the file of what is hot, and warms by it. */
export class HotSet {
  readonly #host: HotSetHost;
  readonly #addresses = new Float64Array(SLAB_BLOCKS_MAX);
  #writer: HeatWriter | null = null;
  #warmer: Warmer | null = null;
  #writtenUs: number;
  warmedKeys = 0;
  keysToWarm = 0;

  constructor(host: HotSetHost) {
    this.#host = host;
    this.#writtenUs = host.monotonicUs();
  }

  get isWarming(): boolean {
    return this.#warmer !== null;
  }

  get byteCount(): number {
    return this.#addresses.byteLength + (this.#writer?.byteCount ?? 0);
  }

  /** Begins to bring back what was hot, if a file tells of it. */
  warm(): void {
    const { files, tier, log } = this.#host;
    const path = join(tier.store.path, NAME);
    try {
      if (!files.exists(path)) return;
      this.#warmer = new Warmer(this.#host, path);
      this.keysToWarm = this.#warmer.entryCount;
    } catch (error) {
      log(`What was hot can't be read: ${errorReason(error)}`, 'warning');
    }
  }

  /** The work between commands; whether there is more at once. With `mayWrite` the file is written where that is due. */
  cron(mayWrite: boolean): boolean {
    const { monotonicUs, log } = this.#host;
    const nowUs = monotonicUs();
    try {
      if (this.#warmer !== null) return this.#warm(nowUs + WARMING_US);
      if (this.#writer === null) {
        if (!mayWrite || nowUs - this.#writtenUs < WRITE_SECONDS * 1e6) return false;
        this.#writer = new HeatWriter(this.#host, this.#addresses);
      }
      if (!this.#writer.step(nowUs + SLICE_US)) return true;
      this.#finish(this.#writer).catch(() => {});
    } catch (error) {
      log(`What is hot can't be written: ${errorReason(error)}`, 'verbose');
      this.#abandon();
    }
    return false;
  }

  /** Writes the file at once. Without it the next process begins cold, so a failure is only logged. */
  async writeNow(): Promise<void> {
    // What has not come back yet is still in the file.
    if (this.#warmer !== null) return;
    this.#abandon();
    try {
      const writer = new HeatWriter(this.#host, this.#addresses);
      this.#writer = writer;
      writer.step(Number.POSITIVE_INFINITY);
      await this.#finish(writer);
    } catch (error) {
      this.#host.log(`What is hot can't be written: ${errorReason(error)}`, 'warning');
    }
  }

  close(): void {
    this.#abandon();
    this.#warmer?.close();
    this.#warmer = null;
  }

  #warm(endUs: number): boolean {
    const warmer = this.#warmer as Warmer;
    const isDone = warmer.step(endUs);
    this.warmedKeys = warmer.warmedCount;
    // While blocks are fetched there is little to do, but soon.
    if (!isDone) return true;
    this.#host.log(`Warmed ${warmer.warmedCount} of ${warmer.entryCount} keys and pages`, 'notice');
    warmer.close();
    this.#warmer = null;
    this.#writtenUs = this.#host.monotonicUs();
    return false;
  }

  async #finish(writer: HeatWriter): Promise<void> {
    this.#writer = null;
    this.#writtenUs = this.#host.monotonicUs();
    try {
      await writer.finish();
    } catch (error) {
      writer.discard();
      throw error;
    }
  }

  #abandon(): void {
    this.#writer?.discard();
    this.#writer = null;
  }
}

/** Writes the file, under another name until it is whole. Its methods throw the system's error. */
class HeatWriter {
  readonly #host: HotSetHost;
  readonly #addresses: Float64Array;
  readonly #path: string;
  readonly #file: OpenFile;
  /** Open sections by class and table. */
  readonly #sections = new Map<number, { readonly words: Int32Array; count: number }>();
  /** The address in the arena up to which records were looked at. */
  #at = 0;

  constructor(host: HotSetHost, addresses: Float64Array) {
    this.#host = host;
    this.#addresses = addresses;
    this.#path = join(host.tier.store.path, NAME);
    this.#file = host.files.open(`${this.#path}.tmp`, 'write');
    this.#write(Int32Array.of(MAGIC, VERSION), HEADER_BYTES / 4);
  }

  get byteCount(): number {
    return this.#sections.size * (SECTION_BYTES + SECTION_ENTRIES * ENTRY_WORDS * 4);
  }

  /** Looks at some more records; true when all were. */
  step(endUs: number): boolean {
    const { keyspace, monotonicUs } = this.#host;
    const { arena } = keyspace;
    const addresses = this.#addresses;
    for (;;) {
      const count = arena.slabBlocks(this.#at, addresses);
      if (count === 0) break;
      this.#at = arena.sweptTo;
      for (let at = 0; at < count; at++) this.#add(addresses[at]);
      if (monotonicUs() >= endUs) return false;
    }
    for (const [key, { words, count }] of this.#sections) this.#writeSection(key, words, count);
    this.#sections.clear();
    const { touches } = this.#host.tier;
    const words = new Int32Array(SECTION_BYTES / 4 + touches.length / 4);
    new Uint8Array(words.buffer).set(touches, SECTION_BYTES);
    this.#writeWords(words, TOUCHES, 0, touches.length / 4, touches.length / 4);
    return true;
  }

  /** Puts the file in the place of the one before. */
  async finish(): Promise<void> {
    const { files, tier } = this.#host;
    await this.#file.syncAside();
    this.#file.close();
    files.rename(`${this.#path}.tmp`, this.#path);
    await files.syncDirectoryAside(tier.store.path);
  }

  discard(): void {
    try {
      this.#file.close();
    } catch {
      // It was closed.
    }
  }

  #add(address: number): void {
    const { keyspace } = this.#host;
    const { arena, settings, nowMs } = keyspace;
    const head = arena.words[segmentOf(address)][(address & SEGMENT_MASK) << 1];
    if (((head >>> FLAGS_SHIFT) & WARM) === 0 || arena.isFree(address)) return;
    const database = keyspace.ownerOf(address);
    if (database === undefined) return;
    const { access } = database.entry;
    const heat = settings.lfu
      ? classOfCounter(lfuCounter(access, nowMs, settings.lfuDecayMinutes))
      : classOfIdle(lruIdleMs(access, nowMs));
    const key = heat + database.id * CLASS_COUNT;
    let section = this.#sections.get(key);
    if (section === undefined) {
      section = { words: new Int32Array(SECTION_BYTES / 4 + SECTION_ENTRIES * ENTRY_WORDS), count: 0 };
      this.#sections.set(key, section);
    }
    const { words } = section;
    let at = SECTION_BYTES / 4 + section.count * ENTRY_WORDS;
    words[at++] = database.partition;
    words[at++] = coldWord(database.tag, database.warmUpper);
    words[at++] = database.warmLower;
    words[at++] = access;
    if (++section.count < SECTION_ENTRIES) return;
    this.#writeSection(key, words, section.count);
    section.count = 0;
  }

  #writeSection(key: number, words: Int32Array, count: number): void {
    if (count === 0) return;
    this.#writeWords(words, key % CLASS_COUNT, Math.floor(key / CLASS_COUNT), count, count * ENTRY_WORDS);
  }

  #writeWords(words: Int32Array, heat: number, table: number, count: number, length: number): void {
    words[0] = heat;
    words[1] = table;
    words[2] = count;
    words[3] = checksumOf(words, length);
    this.#write(words, SECTION_BYTES / 4 + length);
  }

  #write(words: Int32Array, length: number): void {
    const bytes = new Uint8Array(words.buffer, 0, length * 4);
    for (let done = 0; done < bytes.length; ) done += this.#file.write(bytes, done, bytes.length - done);
  }
}

interface Section {
  readonly table: number;
  readonly count: number;
  readonly position: number;
}

/** Brings records back by the file: a batch is fetched aside, and then promoted. */
class Warmer {
  readonly entryCount: number;
  warmedCount = 0;
  readonly #host: HotSetHost;
  readonly #file: OpenFile;
  readonly #sections: readonly Section[];
  #next = 0;
  #table = 0;
  #entries: Int32Array = new Int32Array(0);
  /** The numbers of the entries in the order of their places, and how many of them are done. */
  #order: readonly number[] = [];
  #at = 0;
  /** The blocks of the entries are being fetched, or are in the page cache. */
  #fetching: 'no' | 'under way' | 'done' = 'no';

  /** Throws the system's error, or an Error with the reason if the file is damaged. */
  constructor(host: HotSetHost, path: string) {
    this.#host = host;
    this.#file = host.files.open(path, 'read');
    try {
      this.#sections = this.#readSections();
    } catch (error) {
      this.#file.close();
      throw error;
    }
    let count = 0;
    for (const section of this.#sections) count += section.count;
    this.entryCount = count;
  }

  /** Goes on for a while; true when there is no more, or no more room. */
  step(endUs: number): boolean {
    const { tier, monotonicUs, chargedBytes } = this.#host;
    if (this.#fetching === 'under way') return false;
    while (monotonicUs() < endUs) {
      if (chargedBytes() > tier.thresholdBytes * FILLED_FRACTION) return true;
      if (this.#at * ENTRY_WORDS === this.#entries.length) {
        if (this.#next === this.#sections.length) return true;
        this.#readEntries(this.#sections[this.#next++]);
        continue;
      }
      if (this.#fetching === 'no') {
        this.#fetch();
        return false;
      }
      this.#promote(this.#order[this.#at++] * ENTRY_WORDS);
    }
    return false;
  }

  close(): void {
    this.#file.close();
  }

  /** Has the blocks of the entries fetched. Small records share blocks, and are taken in the order of their places. */
  #fetch(): void {
    const entries = this.#entries;
    const upperOf = (entry: number) => entries[entry * ENTRY_WORDS + 1] & LOCATION_UPPER_MASK;
    const lowerOf = (entry: number) => entries[entry * ENTRY_WORDS + 2] >>> 0;
    const order = Array.from({ length: entries.length / ENTRY_WORDS }, (_, entry) => entry);
    order.sort((left, right) => upperOf(left) - upperOf(right) || lowerOf(left) - lowerOf(right));
    const blocks: { readonly upper: number; readonly lower: number }[] = [];
    for (const entry of order) {
      const last = blocks.at(-1);
      const upper = upperOf(entry);
      const lower = lowerOf(entry);
      if (last?.upper !== upper || last.lower >>> BLOCK_SHIFT !== lower >>> BLOCK_SHIFT)
        blocks.push({ upper, lower });
    }
    this.#order = order;
    this.#fetching = 'under way';
    this.#host.tier.store.prefetch(blocks, () => {
      this.#fetching = 'done';
    });
  }

  #promote(at: number): void {
    const { keyspace } = this.#host;
    const entries = this.#entries;
    const database = keyspace.databaseOf(this.#table);
    const partition = entries[at];
    if (database?.table.findLocation(partition, entries[at + 1], entries[at + 2]) !== true) return;
    try {
      database.load(partition);
    } catch (error) {
      if (error instanceof ColdRecordError) return;
      throw error;
    }
    database.promote();
    database.setAccess(entries[at + 3]);
    this.warmedCount++;
  }

  #readEntries({ table, count, position }: Section): void {
    const words = this.#readWords(position, count * ENTRY_WORDS);
    this.#at = 0;
    this.#fetching = 'no';
    this.#table = table;
    // One that is damaged is passed over.
    this.#entries = words ?? new Int32Array(0);
  }

  /** The words of a section behind its head; null if it fails its checksum. */
  #readWords(position: number, length: number): Int32Array | null {
    const words = new Int32Array(SECTION_BYTES / 4 + length);
    const bytes = new Uint8Array(words.buffer);
    for (let done = 0; done < bytes.length; ) {
      const count = this.#file.read(bytes, done, bytes.length - done, position + done);
      if (count === 0) return null;
      done += count;
    }
    return checksumOf(words, length) === words[3] ? words.subarray(SECTION_BYTES / 4) : null;
  }

  /** The sections, hottest first; what is known of touches is taken at once. */
  #readSections(): Section[] {
    const fileBytes = this.#file.size();
    const head = new Int32Array(SECTION_BYTES / 4);
    const bytes = new Uint8Array(head.buffer);
    this.#file.read(bytes, 0, HEADER_BYTES, 0);
    if (head[0] !== MAGIC || head[1] !== VERSION) throw new Error('it is damaged, or of another version');
    const byClass: Section[][] = Array.from({ length: CLASS_COUNT }, () => []);
    for (let position = HEADER_BYTES; position + SECTION_BYTES <= fileBytes; ) {
      this.#file.read(bytes, 0, SECTION_BYTES, position);
      const [heat, table, count] = head;
      const length = heat === TOUCHES ? count : count * ENTRY_WORDS;
      if (length < 0 || position + SECTION_BYTES + length * 4 > fileBytes) break;
      if (heat === TOUCHES) this.#takeTouches(position, length);
      else byClass.at(heat)?.push({ table, count, position });
      position += SECTION_BYTES + length * 4;
    }
    return byClass.flat();
  }

  #takeTouches(position: number, length: number): void {
    const { touches } = this.#host.tier;
    if (touches.length !== length * 4) return;
    const words = this.#readWords(position, length);
    if (words !== null) touches.set(new Uint8Array(words.buffer, words.byteOffset, touches.length));
  }
}

/** The checksum of a section's head, without that word, and `length` words behind it. */
function checksumOf(words: Int32Array, length: number): number {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  return crc32(bytes, SECTION_BYTES, length * 4, crc32(bytes, 0, 12)) | 0;
}

/** The class of a key that was not used for so long: the latest 16 seconds, and then each time four times as long. */
function classOfIdle(idleMs: number): number {
  return Math.min(CLASS_COUNT - 1, Math.floor(Math.log2(idleMs / 16_000 + 1) / 2));
}

/** The class of a key with this access counter. */
function classOfCounter(counter: number): number {
  return CLASS_COUNT - 1 - Math.min(CLASS_COUNT - 1, Math.floor(Math.log2(counter + 1)));
}
