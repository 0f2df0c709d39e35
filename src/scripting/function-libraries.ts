import { latin1 } from '../base/bytes.ts';
import { Crc64 } from '../base/crc64.ts';
import type { FunctionLibrary, RestorePolicy } from '../command-table/script-control.ts';
import { LentBytes } from '../persistence/rdb/lent-bytes.ts';
import { RdbError } from '../persistence/rdb/rdb-error.ts';
import { RdbReader } from '../persistence/rdb/reader.ts';
import { RDB_VERSION_MAX, RDB_VERSION_WRITTEN, RdbOpcode } from '../persistence/rdb/types.ts';
import { RdbWriter } from '../persistence/rdb/writer.ts';
import { ReplyError } from '../resp/reply.ts';
import { isName, LuaRuntime, type RegisteredFunction, type RuntimeHost } from './lua-runtime.ts';
import { flagNames, type ScriptFlags } from './script-run.ts';
import { libraryShebang } from './shebang.ts';

/** Bytes of a payload after the libraries: a version and a checksum. */
const FOOTER_BYTES = 10;
const VERSION_BYTES = 2;
/** Bytes of a library or function besides its text. */
const OVERHEAD_BYTES = 256;
const BAD_NAME =
  'ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long';

/** A function that FCALL can call. */
export interface LibraryFunction extends RegisteredFunction {
  readonly libraryName: string;
  readonly flags: ScriptFlags;
}

interface Library extends FunctionLibrary {
  readonly bytes: Uint8Array;
  readonly registered: readonly LibraryFunction[];
}

/** The libraries of functions, loaded into a machine of their own. */
export class FunctionLibraries {
  readonly #host: RuntimeHost;
  #runtime: LuaRuntime | null = null;
  #libraries = new Map<string, Library>();
  /** By name in lower case. */
  #functions = new Map<string, LibraryFunction>();

  constructor(host: RuntimeHost) {
    this.#host = host;
  }

  get libraryCount(): number {
    return this.#libraries.size;
  }

  get functionCount(): number {
    return this.#functions.size;
  }

  get machineBytes(): number {
    return this.#runtime?.usedBytes ?? 0;
  }

  get byteCount(): number {
    let bytes = 0;
    for (const { bytes: code, registered } of this.#libraries.values()) {
      bytes += code.length * 2 + OVERHEAD_BYTES * (1 + registered.length);
    }
    return bytes;
  }

  get libraries(): readonly FunctionLibrary[] {
    return [...this.#libraries.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  find(name: string): LibraryFunction | undefined {
    return this.#functions.get(name.toLowerCase());
  }

  /** The machine that the functions live in; all libraries are loaded anew if the last one was thrown away. */
  runtime(): LuaRuntime {
    if (this.#runtime !== null && !this.#runtime.machine.isLost) return this.#runtime;
    const runtime = new LuaRuntime(this.#host);
    this.#runtime = runtime;
    const libraries = [...this.#libraries.values()];
    this.#libraries.clear();
    this.#functions.clear();
    for (const { name, bytes } of libraries) {
      try {
        this.#add(this.#read(bytes));
      } catch (error) {
        this.#host.log('warning', `The library ${name} can't be loaded again: ${(error as Error).message}`);
      }
    }
    return runtime;
  }

  /** Throws a machine away. */
  discard(runtime: LuaRuntime): void {
    if (this.#runtime === runtime) this.#runtime = null;
  }

  load(code: Uint8Array, replaces: boolean): string {
    this.runtime();
    const { name } = checkedShebang(code);
    const old = this.#libraries.get(name);
    if (old !== undefined && !replaces) throw new ReplyError(`ERR Library '${name}' already exists`);
    const library = this.#read(code);
    this.#checkCollisions([library], old === undefined ? [] : [old]);
    if (old !== undefined) this.#remove(old);
    this.#add(library);
    return name;
  }

  delete(name: string): boolean {
    const library = this.#libraries.get(name);
    if (library === undefined) return false;
    this.#remove(library);
    return true;
  }

  flush(): void {
    this.#libraries.clear();
    this.#functions.clear();
    this.#runtime = null;
  }

  dump(): Uint8Array {
    const writer = new RdbWriter();
    for (const { bytes } of this.#libraries.values()) {
      writer.writeByte(RdbOpcode.FUNCTION2);
      writer.writeString(bytes, 0, bytes.length);
    }
    writer.writeByte(RDB_VERSION_WRITTEN & 0xff);
    writer.writeByte(RDB_VERSION_WRITTEN >> 8);
    const checksum = new Crc64();
    checksum.update(writer.bytes, 0, writer.length);
    for (const half of [checksum.low, checksum.high]) {
      for (let shift = 0; shift < 32; shift += 8) writer.writeByte((half >>> shift) & 0xff);
    }
    return writer.bytes.subarray(0, writer.length);
  }

  restore(payload: Uint8Array, policy: RestorePolicy): void {
    this.runtime();
    const codes = libraryCodes(payload);
    const incoming: Library[] = [];
    try {
      for (const code of codes) {
        const { name } = checkedShebang(code);
        if (incoming.some((each) => each.name === name)) {
          throw new ReplyError(`ERR Library '${name}' already exists`);
        }
        incoming.push(this.#read(code));
      }
      const replaced =
        policy === 'flush'
          ? [...this.#libraries.values()]
          : incoming.flatMap(({ name }) => this.#libraries.get(name) ?? []);
      if (policy === 'append' && replaced.length > 0) {
        throw new ReplyError(`ERR Library ${replaced[0].name} already exists`);
      }
      this.#checkCollisions(incoming, replaced);
      for (const library of replaced) this.#remove(library);
    } catch (error) {
      for (const library of incoming) this.#release(library);
      throw error;
    }
    for (const library of incoming) this.#add(library);
  }

  /** Runs a library's code in the machine, without making its functions known. */
  #read(code: Uint8Array): Library {
    const runtime = this.runtime();
    const { name, codeAt } = checkedShebang(code);
    const read = runtime.machine.guard(() => {
      const reference = runtime.compile(code, codeAt, code.length - codeAt, '@user_function');
      if (typeof reference === 'string') return `ERR Error compiling function: ${reference}`;
      const registered = runtime.load(reference);
      runtime.release(reference);
      return typeof registered === 'string' ? `ERR Error registering functions: ${registered}` : registered;
    });
    if (runtime.isDirty()) this.#runtime = null;
    if (typeof read === 'string') throw new ReplyError(read);
    if (read.length === 0) throw new ReplyError('ERR No functions registered');
    return {
      name,
      code: latin1(code, 0, code.length),
      bytes: code,
      registered: read.map((each) => ({ ...each, libraryName: name })),
      functions: read.map((each) => ({
        name: each.name,
        description: each.description,
        flagNames: flagNames(each.flags),
      })),
    };
  }

  /** Refuses libraries with a function whose name is taken by one that is not replaced. */
  #checkCollisions(incoming: readonly Library[], replaced: readonly Library[]): void {
    const names = new Set<string>();
    for (const { registered } of incoming) {
      for (const { name } of registered) {
        const present = this.find(name);
        const isTaken =
          present !== undefined && !replaced.some((library) => library.name === present.libraryName);
        if (isTaken || names.has(name.toLowerCase())) {
          for (const library of incoming) this.#release(library);
          throw new ReplyError(`ERR Function ${name} already exists`);
        }
        names.add(name.toLowerCase());
      }
    }
  }

  #add(library: Library): void {
    this.#libraries.set(library.name, library);
    for (const each of library.registered) this.#functions.set(each.name.toLowerCase(), each);
  }

  #remove(library: Library): void {
    this.#libraries.delete(library.name);
    for (const { name } of library.registered) this.#functions.delete(name.toLowerCase());
    this.#release(library);
  }

  #release(library: Library): void {
    for (const { reference } of library.registered) this.#runtime?.release(reference);
  }
}

function checkedShebang(code: Uint8Array): { readonly name: string; readonly codeAt: number } {
  const { engine, name, codeAt } = libraryShebang(code);
  if (!isName(name)) throw new ReplyError(BAD_NAME);
  if (engine.toLowerCase() !== 'lua') throw new ReplyError(`ERR Engine '${engine}' not found`);
  return { name, codeAt };
}

/** The code of each library in a payload of FUNCTION DUMP. */
function libraryCodes(payload: Uint8Array): Uint8Array[] {
  if (!isIntact(payload)) throw new ReplyError('ERR DUMP payload version or checksum are wrong');
  const reader = new RdbReader();
  reader.openBytes(payload, 0, payload.length - FOOTER_BYTES);
  const codes: Uint8Array[] = [];
  const lent = new LentBytes();
  try {
    while (reader.bytesLeft > 0) {
      const type = reader.readByte();
      if (type === RdbOpcode.FUNCTION_PRE_GA) {
        throw new ReplyError('ERR Pre-GA function format not supported');
      }
      if (type !== RdbOpcode.FUNCTION2) throw new ReplyError('ERR given type is not a function');
      reader.readString(lent);
      codes.push(Uint8Array.from(lent.bytes.subarray(lent.offset, lent.offset + lent.length)));
    }
  } catch (error) {
    if (error instanceof RdbError) throw new ReplyError('ERR Failed loading library name');
    throw error;
  }
  return codes;
}

function isIntact(payload: Uint8Array): boolean {
  const length = payload.length - FOOTER_BYTES;
  if (length < 0) return false;
  const version = payload[length] | (payload[length + 1] << 8);
  if (version > RDB_VERSION_MAX) return false;
  const checksum = new Crc64();
  checksum.update(payload, 0, length + VERSION_BYTES);
  const expected = [checksum.low, checksum.high];
  for (let at = 0; at < 8; at++) {
    const byte = (expected[at >> 2] >>> ((at & 3) * 8)) & 0xff;
    if (payload[length + VERSION_BYTES + at] !== byte) return false;
  }
  return true;
}
