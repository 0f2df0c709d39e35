import { quoteBytes } from '../base/quote.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { RdbFileReader } from './rdb/file-reader.ts';
import { RdbError } from './rdb/rdb-error.ts';
import type { ReadSource } from './rdb/reader.ts';
import { restoreAccess, storeBuilt } from './store-value.ts';
import { ValueBuilder, type ValueLimits } from './value-builder.ts';

/** Keys between two pauses of a load. */
const KEYS_PER_STEP = 16;

/** What a load needs beside the keyspace. */
export interface LoadHost {
  readonly limits: ValueLimits;
  /** Takes the source of a library of functions. Throws an Error with the reason. */
  loadFunction(source: Uint8Array): void;
  log(text: string): void;
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
          yield* this.#loadKey(file, database, replaces, keepsExpired);
          if (++keys % KEYS_PER_STEP === 0) yield;
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

  *#loadKey(
    file: RdbFileReader,
    database: Database,
    replaces: boolean,
    keepsExpired: boolean,
  ): IterableIterator<void> {
    const keyspace = this.#keyspace;
    const builder = this.#builder;
    const { bytes, offset, length } = file.key;
    if (!keepsExpired && file.expireAtMs !== -1 && file.expireAtMs < keyspace.nowMs) {
      // The value is passed over with the next part.
      this.expiredKeys++;
      return;
    }
    builder.use(database.pages);
    let isStored = false;
    try {
      if (!(yield* file.readValueInSteps(builder))) {
        this.emptyKeys++;
        return;
      }
      if (database.find(bytes, offset, length, 0) && !replaces) {
        const name = quoteBytes(bytes, offset, length).toString('latin1');
        throw new RdbError(`RDB has duplicated key ${name} in DB ${database.number}`);
      }
      storeBuilt(database, builder, file.expireAtMs);
      isStored = true;
    } finally {
      if (!isStored) this.#discard();
    }
    restoreAccess(keyspace, database, file.frequency, file.idleSeconds);
    this.loadedKeys++;
  }

  #discard(): void {
    const walk = this.#builder.drop();
    if (walk !== null) this.#keyspace.events.detached(walk);
  }
}
