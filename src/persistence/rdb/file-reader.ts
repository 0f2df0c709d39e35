import { latin1 } from '../../base/bytes.ts';
import { LentBytes } from './lent-bytes.ts';
import { ObjectReader } from './object-reader.ts';
import { IGNORING_SINK, type ObjectSink } from './object-sink.ts';
import { RdbError } from './rdb-error.ts';
import { RdbReader, type ReadSource } from './reader.ts';
import { ModuleOpcode, RDB_VERSION_MAX, RdbOpcode } from './types.ts';

const MAGIC = 'REDIS';
const VERSION_DIGITS = 4;
/** Files before this version have no checksum. */
const CHECKSUM_VERSION_MIN = 5;
/** A key, of a string's one byte at least, and as little of a value. */
const KEY_BYTES_MIN = 2;

/** What {@link RdbFileReader.next} has found. */
export type RdbFilePart = 'auxiliary' | 'database' | 'sizes' | 'slot' | 'function' | 'key' | 'end';

/**
 * Reads an RDB file part by part from a source, holding a buffer and the longest string only. Throws RdbError, after
 * which {@link consumedBytes} is about where the file is corrupt. Modules' auxiliary data is skipped.
 */
export class RdbFileReader {
  readonly #reader = new RdbReader();
  readonly #objects = new ObjectReader(this.#reader);
  readonly #verifiesChecksum: boolean;
  #hasValue = false;
  /** The file's version, from 1 to 12. */
  readonly version: number;

  /** Of part `auxiliary`: its name and value, one character per byte. */
  auxiliaryName = '';
  auxiliaryValue = '';
  /** Of part `database`: the number of the database that the next keys are in; 0 at first. */
  database = 0;
  /** Of part `slot`: the slot that the next keys are in. */
  slot = -1;
  /** Of parts `sizes` and `slot`: keys to come, and how many of them expire; never more than the file can hold. */
  keyCount = 0;
  expireCount = 0;
  /** Of part `function`: the library's source; lent until the next call. */
  readonly functionSource = new LentBytes();
  /** Of part `key`: the key, lent until the next call of {@link next}, and its value's type. */
  readonly key = new LentBytes();
  type = 0;
  /** Of part `key`: when it expires, in milliseconds since the epoch; -1 if never. */
  expireAtMs = -1;
  /** Of part `key`: for how long it was not used; -1 if the file does not tell. */
  idleSeconds = -1;
  /** Of part `key`: its logarithmic access counter; -1 if the file does not tell. */
  frequency = -1;

  /**
   * Reads the file's head. `totalBytes` is the file's size; Infinity where that is unknown. Without `verifiesChecksum`
   * (`rdbchecksum no`) the checksum at the end is not compared.
   */
  constructor(source: ReadSource, totalBytes: number, verifiesChecksum = true) {
    this.#verifiesChecksum = verifiesChecksum;
    this.#reader.openSource(source, totalBytes, verifiesChecksum);
    if (this.#reader.readText(MAGIC.length) !== MAGIC) {
      throw new RdbError('Wrong signature trying to load DB from file');
    }
    const digits = this.#reader.readText(VERSION_DIGITS);
    this.version = /^\d+$/.test(digits) ? Number(digits) : 0;
    if (this.version < 1 || this.version > RDB_VERSION_MAX) {
      throw new RdbError(`Can't handle RDB format version ${digits}`);
    }
  }

  /** Bytes of the file read so far. */
  get consumedBytes(): number {
    return this.#reader.consumedBytes;
  }

  /** Goes on to the next part, past a value that was not taken. After `end` there is none. */
  next(): RdbFilePart {
    if (this.#hasValue) this.readValue(IGNORING_SINK);
    const reader = this.#reader;
    this.expireAtMs = -1;
    this.idleSeconds = -1;
    this.frequency = -1;
    for (;;) {
      const opcode = reader.readByte();
      switch (opcode) {
        case RdbOpcode.EXPIRETIME:
          this.expireAtMs = reader.readSeconds() * 1000;
          break;
        case RdbOpcode.EXPIRETIME_MS:
          this.expireAtMs = reader.readMilliseconds();
          break;
        case RdbOpcode.FREQ:
          this.frequency = reader.readByte();
          break;
        case RdbOpcode.IDLE:
          this.idleSeconds = reader.readLength();
          break;
        case RdbOpcode.MODULE_AUX:
          this.#skipModuleAuxiliary();
          break;
        case RdbOpcode.SELECTDB:
          this.database = reader.readLength();
          return 'database';
        case RdbOpcode.RESIZEDB:
          this.#readSizes();
          return 'sizes';
        case RdbOpcode.SLOT_INFO:
          this.slot = reader.readLength();
          this.#readSizes();
          return 'slot';
        case RdbOpcode.AUX:
          this.auxiliaryName = this.#readText();
          this.auxiliaryValue = this.#readText();
          return 'auxiliary';
        case RdbOpcode.FUNCTION2:
          reader.readString(this.functionSource);
          return 'function';
        case RdbOpcode.FUNCTION_PRE_GA:
          throw new RdbError('Pre-release function format not supported.');
        case RdbOpcode.EOF:
          this.#readChecksum();
          return 'end';
        default:
          this.type = opcode;
          reader.readString(this.key);
          this.key.keep();
          this.#hasValue = true;
          return 'key';
      }
    }
  }

  /** Reads the value of the key that was found last, once; as {@link ObjectReader.read}. */
  readValue(sink: ObjectSink): boolean {
    this.#hasValue = false;
    return this.#objects.read(this.type, sink);
  }

  /** As {@link readValue}, in steps; see {@link ObjectReader.readInSteps}. */
  readValueInSteps(sink: ObjectSink): Generator<void, boolean> {
    this.#hasValue = false;
    return this.#objects.readInSteps(this.type, sink);
  }

  #readSizes(): void {
    const keyCount = this.#reader.readLength();
    const expireCount = this.#reader.readLength();
    // A hint, which Redis lets be wrong.
    const keysMax = Math.floor(this.#reader.bytesLeftKnown / KEY_BYTES_MIN);
    this.keyCount = Math.min(keyCount, keysMax);
    this.expireCount = Math.min(expireCount, keysMax);
  }

  #readText(): string {
    const text = this.functionSource;
    this.#reader.readString(text);
    return latin1(text.bytes, text.offset, text.length);
  }

  #skipModuleAuxiliary(): void {
    const reader = this.#reader;
    reader.readLength64();
    if (reader.readLength() !== ModuleOpcode.UINT) throw new RdbError('Bad when_opcode of module data');
    reader.readLength();
    for (;;) {
      switch (reader.readLength()) {
        case ModuleOpcode.EOF:
          return;
        case ModuleOpcode.SINT:
        case ModuleOpcode.UINT:
          reader.readLength64();
          break;
        case ModuleOpcode.FLOAT:
          reader.skipBytes(4);
          break;
        case ModuleOpcode.DOUBLE:
          reader.skipBytes(8);
          break;
        case ModuleOpcode.STRING:
          reader.skipString();
          break;
        default:
          throw new RdbError('Unknown part of module data');
      }
    }
  }

  #readChecksum(): void {
    if (this.version < CHECKSUM_VERSION_MIN) return;
    const reader = this.#reader;
    const { low, high } = reader.checksum();
    const stored = this.key;
    reader.readBytes(8, stored);
    const view = new DataView(stored.bytes.buffer, stored.bytes.byteOffset + stored.offset, 8);
    const storedLow = view.getInt32(0, true);
    const storedHigh = view.getInt32(4, true);
    const isAbsent = storedLow === 0 && storedHigh === 0;
    if (this.#verifiesChecksum && !isAbsent && (storedLow !== low || storedHigh !== high)) {
      throw new RdbError('Wrong RDB checksum: RDB CRC error');
    }
  }
}
