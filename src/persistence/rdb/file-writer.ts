import { latin1Bytes } from '../../base/bytes.ts';
import { Crc64 } from '../../base/crc64.ts';
import { writeChecksum } from './dump.ts';
import { ObjectWriter } from './object-writer.ts';
import { RDB_VERSION_WRITTEN, RdbOpcode } from './types.ts';
import { RdbWriter, type WriteTarget } from './writer.ts';

/** How a file is written. */
export interface RdbFileOptions {
  /** The file's version; values of a type that {@link versionOfType} puts above it may not be written. */
  readonly version?: number;
  /** `rdbcompression`. */
  readonly compresses?: boolean;
  /** `rdbchecksum`: without it the checksum is 0, which no reader verifies. */
  readonly hasChecksum?: boolean;
}

/**
 * Writes an RDB file through `target`, which is given its parts in order, some 64 KiB each:
 *
 *     REDIS, version in four digits
 *     auxiliary fields, functions
 *     for each database: number, sizes, for each key: expiry and access, type, key, value
 *     0xff, CRC-64
 *
 * The order is the caller's.
 */
export class RdbFileWriter {
  readonly #writer: RdbWriter;
  readonly #objects: ObjectWriter;
  readonly #crc = new Crc64();

  constructor(target: WriteTarget, options: RdbFileOptions = {}) {
    const { version = RDB_VERSION_WRITTEN, compresses = true, hasChecksum = true } = options;
    this.#writer = new RdbWriter(
      hasChecksum
        ? (bytes, offset, length) => {
            this.#crc.update(bytes, offset, length);
            target(bytes, offset, length);
          }
        : target,
    );
    this.#writer.compresses = compresses;
    this.#objects = new ObjectWriter(this.#writer);
    const magic = latin1Bytes(`REDIS${String(version).padStart(4, '0')}`);
    this.#writer.writeBytes(magic, 0, magic.length);
  }

  /** An auxiliary field, such as `redis-ver`; name and value have one character per byte. */
  writeAuxiliary(name: string, value: string): void {
    this.#writer.writeByte(RdbOpcode.AUX);
    for (const text of [name, value]) {
      const bytes = latin1Bytes(text);
      this.#writer.writeString(bytes, 0, bytes.length);
    }
  }

  /** The source of a function library. */
  writeFunction(bytes: Uint8Array, offset: number, length: number): void {
    this.#writer.writeByte(RdbOpcode.FUNCTION2);
    this.#writer.writeString(bytes, offset, length);
  }

  /** Begins a database with so many keys, some of which expire. */
  beginDatabase(index: number, keyCount: number, expireCount: number): void {
    this.selectDatabase(index);
    this.#writer.writeByte(RdbOpcode.RESIZEDB);
    this.#writer.writeLength(keyCount);
    this.#writer.writeLength(expireCount);
  }

  /** Goes back to a database that was begun before. */
  selectDatabase(index: number): void {
    this.#writer.writeByte(RdbOpcode.SELECTDB);
    this.#writer.writeLength(index);
  }

  /** Announces the keys of a cluster's slot (Redis 7.4 and later: version 12). */
  writeSlot(slot: number, keyCount: number, expireCount: number): void {
    this.#writer.writeByte(RdbOpcode.SLOT_INFO);
    this.#writer.writeLength(slot);
    this.#writer.writeLength(keyCount);
    this.#writer.writeLength(expireCount);
  }

  /** When the next key expires, in milliseconds since the epoch. */
  writeExpiry(expireAtMs: number): void {
    this.#writer.writeByte(RdbOpcode.EXPIRETIME_MS);
    this.#writer.writeMilliseconds(expireAtMs);
  }

  /** For how many seconds the next key was not used. */
  writeIdle(idleSeconds: number): void {
    this.#writer.writeByte(RdbOpcode.IDLE);
    this.#writer.writeLength(idleSeconds);
  }

  /** The next key's logarithmic access counter, 0 to 255. */
  writeFrequency(frequency: number): void {
    this.#writer.writeByte(RdbOpcode.FREQ);
    this.#writer.writeByte(frequency);
  }

  /** Begins a key with a value of this type, and returns what its value is written with, `begin` first. */
  beginKey(type: number, bytes: Uint8Array, offset: number, length: number): ObjectWriter {
    this.#writer.writeByte(type);
    this.#writer.writeString(bytes, offset, length);
    return this.#objects;
  }

  /** Ends the file and hands its last part to the target. */
  end(): void {
    this.#writer.writeByte(RdbOpcode.EOF);
    this.#writer.flush();
    writeChecksum(this.#writer, this.#crc);
    this.#writer.flush();
  }
}
