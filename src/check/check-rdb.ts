import { errorReason, type Files } from '../base/files.ts';
import { quoteBytes } from '../base/quote.ts';
import { systemRandom } from '../base/random.ts';
import { Keyspace, UNTOLD } from '../keyspace/keyspace.ts';
import { RdbFileReader } from '../persistence/rdb/file-reader.ts';
import { IGNORING_SINK, type ObjectKind, type ObjectSink } from '../persistence/rdb/object-sink.ts';
import { RdbError } from '../persistence/rdb/rdb-error.ts';
import type { ReadSource } from '../persistence/rdb/reader.ts';
import { ValueBuilder, type ValueLimits } from '../persistence/value-builder.ts';
import type { CheckOptions, FileFindings, KeySummary } from './findings.ts';
import { readFrom } from './read-from.ts';

/** A value above this is not built to look for duplicates: that would take memory without bound. */
const BUILT_BYTES_MAX = 256 * 1024 * 1024;
/** Elements between two looks at that. */
const ELEMENTS_PER_LOOK = 1024;

const TYPE_NAMES: Readonly<Record<ObjectKind, string>> = {
  string: 'string',
  list: 'list',
  set: 'set',
  sortedSet: 'zset',
  hash: 'hash',
  stream: 'stream',
};

/** What an RDB file, or the beginning of a log, holds. */
export interface RdbContents {
  readonly facts: Record<string, string | number>;
  readonly problems: string[];
  /** Bytes up to where it ends, or where it is wrong. */
  readonly consumedBytes: number;
}

/** Checks an RDB file, and counts its keys. Throws the system's error if it can't be read. */
export function checkRdbFile(
  path: string,
  name: string,
  files: Files,
  limits: ValueLimits,
  keys: KeySummary,
  options: CheckOptions,
): FileFindings {
  const file = files.open(path, 'read');
  try {
    const bytes = file.size();
    const progress = options.openProgress(path, bytes);
    const contents = checkRdb(readFrom(file), bytes, limits, keys, options.nowMs, progress.update);
    progress.end();
    const { facts, problems, consumedBytes } = contents;
    if (problems.length === 0 && consumedBytes < bytes)
      problems.push(`${bytes - consumedBytes} bytes follow its end, at offset ${consumedBytes}`);
    return { name, kind: 'RDB', bytes, facts, problems, fixes: [] };
  } finally {
    file.close();
  }
}

/**
 * Reads RDB from a source, all values with all that a server verifies when it loads them but that a key comes once. A value of
 * more than 256 MiB is not looked through for duplicates.
 */
export function checkRdb(
  source: ReadSource,
  totalBytes: number,
  limits: ValueLimits,
  keys: KeySummary,
  nowMs: number,
  progressed: (bytes: number) => void,
): RdbContents {
  const facts: Record<string, string | number> = {};
  const problems: string[] = [];
  const values = new ValueChecker(limits);
  const databases = new Set<number>();
  let reader: RdbFileReader | null = null;
  let functions = 0;
  let keysThatExpire = 0;
  let expiredKeys = 0;
  let emptyKeys = 0;
  let key = '';
  try {
    reader = new RdbFileReader(source, totalBytes, true);
    facts.version = reader.version;
    for (let part = reader.next(); part !== 'end'; part = reader.next()) {
      if (part === 'auxiliary') {
        facts[reader.auxiliaryName] = reader.auxiliaryValue;
      } else if (part === 'function') {
        functions++;
      } else if (part === 'key') {
        const { bytes, offset, length } = reader.key;
        key = `, key ${quoteBytes(bytes, offset, Math.min(length, 128)).toString('latin1')} of database ${reader.database}`;
        databases.add(reader.database);
        if (reader.expireAtMs >= 0) keysThatExpire++;
        if (reader.expireAtMs >= 0 && reader.expireAtMs < nowMs) expiredKeys++;
        const before = reader.consumedBytes;
        if (!values.read(reader)) emptyKeys++;
        const size = length + reader.consumedBytes - before;
        keys.add(TYPE_NAMES[values.kind], reader.database, reader.key, values.elements, size);
        key = '';
        progressed(reader.consumedBytes);
      }
    }
  } catch (error) {
    problems.push(`${reasonOf(error)}, at about offset ${reader?.consumedBytes ?? 0}${key}`);
  }
  facts.keys = keys.count;
  facts['keys that expire'] = keysThatExpire;
  facts['expired keys'] = expiredKeys;
  if (emptyKeys > 0) facts['empty keys'] = emptyKeys;
  facts.databases = databases.size;
  facts['libraries of functions'] = functions;
  if (values.unbuiltCount > 0) facts['values not looked through for duplicates'] = values.unbuiltCount;
  return { facts, problems, consumedBytes: reader?.consumedBytes ?? 0 };
}

function reasonOf(error: unknown): string {
  if (error instanceof RdbError) return error.message;
  // What a string declares may be more than this machine has.
  if (error instanceof RangeError) return `Not enough memory for a string: ${error.message}`;
  if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  return errorReason(error);
}

/** Reads values and builds them, which finds what is wrong with them as a whole, as long as they are not too large. */
class ValueChecker implements ObjectSink {
  kind: ObjectKind = 'string';
  elements = 0;
  /** Values that were too large to be built. */
  unbuiltCount = 0;
  readonly #keyspace = new Keyspace(1, systemRandom(), UNTOLD);
  readonly #builder: ValueBuilder;
  #sink: ObjectSink = IGNORING_SINK;

  constructor(limits: ValueLimits) {
    this.#builder = new ValueBuilder(limits);
    this.#builder.use(this.#keyspace.databases[0].pages);
  }

  /** Whether the value of the key that a reader has found holds anything. Throws RdbError. */
  read(reader: RdbFileReader): boolean {
    try {
      return reader.readValue(this);
    } finally {
      this.#drop();
    }
  }

  begin(kind: ObjectKind, count: number): void {
    this.kind = kind;
    this.elements = kind === 'string' ? count : 0;
    // There is nothing to a string beyond its bytes.
    this.#sink = kind === 'string' ? IGNORING_SINK : this.#builder;
    this.#sink.begin(kind, count);
  }

  string(): void {}

  listElement(bytes: Uint8Array, offset: number, length: number): void {
    this.#count();
    this.#sink.listElement(bytes, offset, length);
  }

  setMember(bytes: Uint8Array, offset: number, length: number): void {
    this.#count();
    this.#sink.setMember(bytes, offset, length);
  }

  sortedSetMember(bytes: Uint8Array, offset: number, length: number, score: number): void {
    this.#count();
    this.#sink.sortedSetMember(bytes, offset, length, score);
  }

  hashField(...field: Parameters<ObjectSink['hashField']>): void {
    this.#count();
    this.#sink.hashField(...field);
  }

  streamEntry(id: Uint8Array, fieldCount: number): void {
    this.#count();
    this.#sink.streamEntry(id, fieldCount);
  }

  streamField(...field: Parameters<ObjectSink['streamField']>): void {
    this.#sink.streamField(...field);
  }

  streamState(...state: Parameters<ObjectSink['streamState']>): void {
    this.#sink.streamState(...state);
  }

  streamGroup(...group: Parameters<ObjectSink['streamGroup']>): void {
    this.#sink.streamGroup(...group);
  }

  streamPending(...pending: Parameters<ObjectSink['streamPending']>): void {
    this.#look();
    this.#sink.streamPending(...pending);
  }

  streamConsumers(count: number): void {
    this.#sink.streamConsumers(count);
  }

  streamConsumer(...consumer: Parameters<ObjectSink['streamConsumer']>): void {
    this.#sink.streamConsumer(...consumer);
  }

  streamConsumerPending(id: Uint8Array): void {
    this.#sink.streamConsumerPending(id);
  }

  end(): void {
    this.#sink.end();
  }

  #count(): void {
    if (++this.elements % ELEMENTS_PER_LOOK === 0) this.#look();
  }

  #look(): void {
    const { arena, indexArena } = this.#keyspace;
    if (this.#sink === IGNORING_SINK || arena.usedBytes + indexArena.usedBytes < BUILT_BYTES_MAX) return;
    this.unbuiltCount++;
    this.#drop();
  }

  #drop(): void {
    const isBuilt = this.#sink !== IGNORING_SINK;
    this.#sink = IGNORING_SINK;
    const walk = isBuilt ? this.#builder.drop() : null;
    if (walk !== null) for (const _ of walk);
  }
}
