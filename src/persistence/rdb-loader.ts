import { viewOf } from '../base/bytes.ts';
import { quoteBytes } from '../base/quote.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { RdbFileReader } from './rdb/file-reader.ts';
import { RdbError } from './rdb/rdb-error.ts';
import type { ReadSource } from './rdb/reader.ts';
import { RdbType } from './rdb/types.ts';
import { restoreAccess, storeBuilt } from './store-value.ts';
import { ValueBuilder, type ValueLimits } from './value-builder.ts';

/** Keys between two pauses of a load. */
const KEYS_PER_STEP = 16;

const NONE = new Uint8Array(0);

/** What a load needs beside the keyspace. */
export interface LoadHost {
  readonly limits: ValueLimits;
  /** Takes the source of a library of functions. Throws an Error with the reason. */
  loadFunction(source: Uint8Array): void;
  log(text: string): void;
  /** Waits where loading is to be slow: called with how many keys were loaded since the last call. */
  delay?(keys: number): void;
}

/** How a file is loaded. */
export interface LoadOptions {
  readonly totalBytes: number;
  readonly verifiesChecksum: boolean;
  /** A key that is there is replaced; else it is an error. */
  readonly replaces: boolean;
  /** Keys that have expired are loaded too: the base of a log, since later commands may give them another time. */
  readonly keepsExpired?: boolean;
}

/**
 * Loads the keys of an RDB file, and the functions (rdbLoadRio). Keys that have expired are left out. Nothing is told to those who
 * watch keys or wait for them, and no events are.
 */
export class RdbLoader {
  loadedKeys = 0;
  expiredKeys = 0;
  /** Keys with an empty collection, which are left out. */
  emptyKeys = 0;
  readonly #keyspace: Keyspace;
  readonly #host: LoadHost;
  readonly #builder: ValueBuilder;
  #file: RdbFileReader | null = null;
  /** The bytes that keys are lent in, and a view of them. */
  #keyBytes: Uint8Array = NONE;
  #keyView: DataView = viewOf(NONE);

  constructor(keyspace: Keyspace, host: LoadHost) {
    this.#keyspace = keyspace;
    this.#host = host;
    this.#builder = new ValueBuilder(host.limits);
  }

  /** Bytes of the file that were read. */
  get consumedBytes(): number {
    return this.#file?.consumedBytes ?? 0;
  }

  /**
   * Loads what a source gives, some keys or elements at a step; between steps the tier may move records, and nothing else may
   * change. Throws RdbError for what is wrong with the file, and what is loaded by then stays.
   */
  *load(source: ReadSource, options: LoadOptions): IterableIterator<void> {
    const { totalBytes, verifiesChecksum, replaces, keepsExpired = false } = options;
    const file = new RdbFileReader(source, totalBytes, verifiesChecksum);
    this.#file = file;
    let database = this.#keyspace.databases[0];
    let keys = 0;
    for (let part = file.next(); part !== 'end'; part = file.next()) {
      switch (part) {
        case 'database':
          database = this.#databaseAt(file.database);
          break;
        case 'auxiliary':
          this.#tell(file.auxiliaryName, file.auxiliaryValue);
          break;
        case 'function': {
          const { bytes, offset, length } = file.functionSource;
          try {
            this.#host.loadFunction(bytes.slice(offset, offset + length));
          } catch (error) {
            throw new RdbError(`Failed loading a library of functions: ${(error as Error).message}`);
          }
          break;
        }
        case 'key':
          // A string is most often short, and there are many of them: no steps are made for each.
          if (this.#isLeftOut(file, keepsExpired)) this.expiredKeys++;
          else if (file.type === RdbType.STRING) this.#loadString(file, database, replaces);
          else yield* this.#loadValue(file, database, replaces);
          if (++keys % KEYS_PER_STEP === 0) {
            this.#host.delay?.(KEYS_PER_STEP);
            yield;
          }
          break;
      }
    }
  }

  #databaseAt(number: number): Database {
    const { databases } = this.#keyspace;
    if (number < databases.length) return databases[number];
    throw new RdbError(
      `The file has a database ${number}, and this server is configured for ${databases.length} (databases)`,
    );
  }

  #tell(name: string, value: string): void {
    const { log } = this.#host;
    const { nowMs } = this.#keyspace;
    if (name === 'redis-ver') log(`Loading RDB produced by version ${value}`);
    else if (name === 'ctime')
      log(`RDB age ${Math.max(0, Math.floor(nowMs / 1000) - Number(value))} seconds`);
  }

  /** Whether a key has expired; its value is passed over with the next part then. */
  #isLeftOut({ expireAtMs }: RdbFileReader, keepsExpired: boolean): boolean {
    return !keepsExpired && expireAtMs !== -1 && expireAtMs < this.#keyspace.nowMs;
  }

  #loadString(file: RdbFileReader, database: Database, replaces: boolean): void {
    this.#builder.use(database.pages);
    let isStored = false;
    try {
      file.readValue(this.#builder);
      this.#store(file, database, replaces);
      isStored = true;
    } finally {
      if (!isStored) this.#discard();
    }
  }

  *#loadValue(file: RdbFileReader, database: Database, replaces: boolean): IterableIterator<void> {
    const builder = this.#builder;
    builder.use(database.pages);
    let isStored = false;
    try {
      if (!(yield* file.readValueInSteps(builder))) {
        this.emptyKeys++;
        return;
      }
      this.#store(file, database, replaces);
      isStored = true;
    } finally {
      if (!isStored) this.#discard();
    }
  }

  /** Stores the value that was built under the file's key. */
  #store(file: RdbFileReader, database: Database, replaces: boolean): void {
    const { bytes, offset, length } = file.key;
    if (bytes !== this.#keyBytes) {
      this.#keyBytes = bytes;
      this.#keyView = viewOf(bytes);
    }
    if (database.findViewed(bytes, this.#keyView, offset, length, 0) && !replaces) {
      const name = quoteBytes(bytes, offset, length).toString('latin1');
      throw new RdbError(`RDB has duplicated key ${name} in DB ${database.number}`);
    }
    storeBuilt(database, this.#builder, file.expireAtMs);
    restoreAccess(this.#keyspace, database, file.frequency, file.idleSeconds);
    this.loadedKeys++;
  }

  #discard(): void {
    const walk = this.#builder.drop();
    if (walk !== null) this.#keyspace.events.detached(walk);
  }
}
