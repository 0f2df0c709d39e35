import { createRequire } from 'node:module';
import { copyBytes, latin1 } from '../base/bytes.ts';
import { readBytes } from '../base/files.ts';

/**
 * Lua 5.1 itself, as WebAssembly (package `wasmoon-lua5.1`), behind its C API.
 *
 * The package's own JavaScript is not used: the module is instantiated here, with imports that reach nothing. It has no
 * files, no environment and no processes, and its memory ends at a limit, at which Lua's allocator fails and the script
 * gets `not enough memory`.
 *
 * Lua raises errors by longjmp, which Emscripten renders as a JavaScript exception thrown by `_emscripten_throw_longjmp`
 * and caught by `invoke_vii`. It may pass through functions written here. Any other exception that passes Lua's frames
 * (a stack overflow, a trap, a bug) leaves the machine in an unknown state: it is lost and must be made anew.
 *
 * Numbers named `state` are addresses of a `lua_State`, and an index counts from its stack's bottom (1) or top (-1).
 */
interface LuaApi {
  lua_checkstack(state: number, slots: number): number;
  lua_concat(state: number, count: number): void;
  lua_createtable(state: number, listSlots: number, recordSlots: number): void;
  lua_error(state: number): number;
  lua_gc(state: number, what: number, data: number): number;
  lua_getfield(state: number, index: number, name: number): void;
  lua_getinfo(state: number, what: number, record: number): number;
  lua_getmetatable(state: number, index: number): number;
  lua_getstack(state: number, level: number, record: number): number;
  lua_gettable(state: number, index: number): void;
  lua_gettop(state: number): number;
  lua_insert(state: number, index: number): void;
  lua_isnumber(state: number, index: number): number;
  lua_isstring(state: number, index: number): number;
  lua_call(state: number, argumentCount: number, resultCount: number): void;
  lua_newthread(state: number): number;
  lua_newuserdata(state: number, bytes: number): number;
  lua_next(state: number, index: number): number;
  lua_objlen(state: number, index: number): number;
  lua_pcall(state: number, argumentCount: number, resultCount: number, handler: number): number;
  lua_pushboolean(state: number, value: number): void;
  lua_pushcclosure(state: number, address: number, upvalueCount: number): void;
  lua_pushlightuserdata(state: number, pointer: number): void;
  lua_pushlstring(state: number, pointer: number, length: number): void;
  lua_pushnil(state: number): void;
  lua_pushnumber(state: number, value: number): void;
  lua_pushthread(state: number): number;
  lua_pushvalue(state: number, index: number): void;
  lua_rawequal(state: number, left: number, right: number): number;
  lua_rawget(state: number, index: number): void;
  lua_rawgeti(state: number, index: number, key: number): void;
  lua_rawset(state: number, index: number): void;
  lua_rawseti(state: number, index: number, key: number): void;
  lua_remove(state: number, index: number): void;
  lua_replace(state: number, index: number): void;
  lua_resume(state: number, argumentCount: number): number;
  lua_sethook(state: number, address: number, mask: number, count: number): void;
  lua_setfield(state: number, index: number, name: number): void;
  lua_setmetatable(state: number, index: number): number;
  lua_settable(state: number, index: number): void;
  lua_settop(state: number, index: number): void;
  lua_toboolean(state: number, index: number): number;
  lua_tolstring(state: number, index: number, length: number): number;
  lua_tonumber(state: number, index: number): number;
  lua_topointer(state: number, index: number): number;
  lua_touserdata(state: number, index: number): number;
  lua_type(state: number, index: number): number;
  lua_xmove(from: number, to: number, count: number): void;
  lua_yield(state: number, resultCount: number): number;
  luaL_argerror(state: number, argument: number, message: number): number;
  luaL_callmeta(state: number, index: number, name: number): number;
  luaL_checkany(state: number, argument: number): void;
  luaL_checkinteger(state: number, argument: number): number;
  luaL_checklstring(state: number, argument: number, length: number): number;
  luaL_checknumber(state: number, argument: number): number;
  luaL_checkoption(state: number, argument: number, fallback: number, names: number): number;
  luaL_checktype(state: number, argument: number, type: number): void;
  luaL_getmetafield(state: number, index: number, name: number): number;
  luaL_loadbuffer(state: number, code: number, length: number, name: number): number;
  luaL_newstate(): number;
  luaL_optinteger(state: number, argument: number, fallback: number): number;
  luaL_ref(state: number, index: number): number;
  luaL_typerror(state: number, argument: number, name: number): number;
  luaL_unref(state: number, index: number, reference: number): void;
  luaL_where(state: number, level: number): void;
  luaopen_base(state: number): number;
  luaopen_math(state: number): number;
  luaopen_string(state: number): number;
  luaopen_table(state: number): number;
  free(pointer: number): void;
  malloc(bytes: number): number;
  setThrew(threw: number, value: number): void;
  stackRestore(pointer: number): void;
  stackSave(): number;
  __wasm_call_ctors(): void;
  readonly memory: WebAssemblyMemory;
  readonly __indirect_function_table: WebAssemblyTable;
}

interface WebAssemblyMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

interface WebAssemblyTable {
  grow(count: number): number;
  get(index: number): (...words: number[]) => number;
  set(index: number, entry: unknown): void;
}

/** What this file uses of WebAssembly, whose types are the browser's library's. */
interface WebAssemblyNamespace {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, unknown>>,
  ) => { readonly exports: unknown };
}
const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyNamespace })
  .WebAssembly;

/** Pseudo-indices (lua.h). */
export const REGISTRY = -10000;
export const GLOBALS = -10002;
export const UPVALUE_1 = GLOBALS - 1;

/** Types of values (lua.h). */
export const NIL = 0;
export const BOOLEAN = 1;
export const LIGHT_USERDATA = 2;
export const NUMBER = 3;
export const STRING = 4;
export const TABLE = 5;
export const FUNCTION = 6;
export const THREAD = 8;

/** Names of the types by their numbers. */
export const TYPE_NAMES = [
  'nil',
  'boolean',
  'userdata',
  'number',
  'string',
  'table',
  'function',
  'userdata',
  'thread',
];

/** What `lua_resume` and `lua_pcall` answer (lua.h). */
export const STATUS_OK = 0;
export const STATUS_YIELD = 1;
export const STATUS_NO_MEMORY = 4;

export const ALL_RESULTS = -1;

/** Events that a hook can be called for (lua.h). */
export const HOOK_LINES = 4;
export const HOOK_COUNT = 8;

const GC_COLLECT = 2;
const GC_COUNT = 3;
const GC_COUNT_REMAINDER = 4;
const GC_STEP = 5;

const PAGE_BYTES = 65536;
/** Memory grows by at least this share of what it was. */
const GROWTH_FRACTION = 0.25;
const SCRATCH_BYTES_INITIAL = 4096;
/** `lua_Debug` (lua.h) of a 32-bit build. */
const DEBUG_RECORD_BYTES = 100;
const DEBUG_WHAT = 12;
const DEBUG_SOURCE = 16;
const DEBUG_LINE = 20;

/** Thrown for longjmp; nothing else may be thrown through Lua's frames. */
const LONG_JUMP = Object.freeze({ name: 'longjmp' });

/** A function of a script's: takes its arguments from the stack and returns how many results it left on top. */
export type LuaFunction = (state: number) => number;

/** The machine can't go on: it was left by an exception that passed through it. */
export class LuaMachineLostError extends Error {
  override name = 'LuaMachineLostError';
}

let module: object | null = null;

function luaModule(): object {
  module ??= new Module(
    readBytes(createRequire(import.meta.url).resolve('wasmoon-lua5.1/dist/liblua5.1.wasm')),
  );
  return module;
}

/** Parameters of a function that Lua calls: an integer each. */
const WASM_I32 = 0x7f;

/** A module that hands on calls of its only export to its only import: what a table of WebAssembly functions can hold. */
function adapterModule(parameterCount: number, resultCount: number): object {
  const type = [
    0x60,
    parameterCount,
    ...new Array<number>(parameterCount).fill(WASM_I32),
    resultCount,
    ...new Array<number>(resultCount).fill(WASM_I32),
  ];
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const types = [1, type.length + 1, 1, ...type];
  const imports = [2, 7, 1, 1, 0x65, 1, 0x66, 0, 0];
  const exports = [7, 5, 1, 1, 0x66, 0, 0];
  return new Module(Uint8Array.from([...header, ...types, ...imports, ...exports]));
}

let functionAdapter: object | null = null;
let hookAdapter: object | null = null;

/** Where code is: the name of its chunk, which begins with `@` or `=`, and the line. */
export interface CodePlace {
  readonly source: string;
  readonly line: number;
}

/** One Lua machine: an instance of the module with its memory, its main state, and the ways to talk to it. */
export class LuaMachine {
  readonly api: LuaApi;
  readonly state: number;
  /** The whole memory; replaced when it grows, so it holds only until something is allocated in Lua. */
  heap!: Uint8Array;
  view!: DataView;
  /** Length of the string that {@link string} found last. */
  length = 0;
  /** An exception passed through: nothing may be asked of the machine any more. */
  isLost = false;
  readonly #memory: WebAssemblyMemory;
  readonly #functions: WebAssemblyTable;
  readonly #memoryBytesMax: number;
  readonly #texts = new Map<string, number>();
  readonly #lengthAt: number;
  readonly #debugRecord: number;
  /** Reference of `string.format`. */
  readonly #format: number;
  #scratch: number;
  #scratchBytes = SCRATCH_BYTES_INITIAL;

  constructor(memoryBytesMax: number) {
    this.#memoryBytesMax = memoryBytesMax;
    this.api = new Instance(luaModule(), this.#imports()).exports as LuaApi;
    const { api } = this;
    this.#memory = api.memory;
    this.#functions = api.__indirect_function_table;
    this.#takeMemory();
    api.__wasm_call_ctors();
    this.#lengthAt = api.malloc(8);
    this.#debugRecord = api.malloc(DEBUG_RECORD_BYTES);
    this.#scratch = api.malloc(SCRATCH_BYTES_INITIAL);
    this.state = api.luaL_newstate();
    this.#openLibraries();
    api.lua_getfield(this.state, GLOBALS, this.text('string'));
    api.lua_getfield(this.state, -1, this.text('format'));
    this.#format = api.luaL_ref(this.state, REGISTRY);
    api.lua_settop(this.state, 0);
  }

  /** Bytes that Lua's values take. */
  get usedBytes(): number {
    const { api, state } = this;
    return api.lua_gc(state, GC_COUNT, 0) * 1024 + api.lua_gc(state, GC_COUNT_REMAINDER, 0);
  }

  /** Bytes of WebAssembly memory, which never shrinks. */
  get memoryBytes(): number {
    return this.heap.length;
  }

  collectGarbage(): void {
    this.api.lua_gc(this.state, GC_COLLECT, 0);
  }

  /** Goes on with collecting garbage by so many steps, even if a script had it stopped. */
  stepGarbageCollection(steps: number): void {
    this.api.lua_gc(this.state, GC_STEP, steps);
  }

  /** Makes a function callable from Lua; returns the address to give to `lua_pushcclosure`. */
  define(call: LuaFunction): number {
    functionAdapter ??= adapterModule(1, 1);
    return this.#adapt(functionAdapter, (state: number) => {
      try {
        return call(state);
      } catch (error) {
        throw this.#passed(error);
      }
    });
  }

  /** Makes a function usable as a hook; returns the address to give to `lua_sethook`. */
  defineHook(call: (state: number) => void): number {
    hookAdapter ??= adapterModule(2, 0);
    return this.#adapt(hookAdapter, (state: number) => {
      try {
        call(state);
      } catch (error) {
        throw this.#passed(error);
      }
    });
  }

  /** Runs what calls the machine from outside; an exception that came out of it makes the machine lost. */
  guard<Result>(run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      this.isLost = true;
      throw error;
    }
  }

  /** The address of a constant, zero-terminated text of characters below 256, which is made once and kept. */
  text(text: string): number {
    let pointer = this.#texts.get(text);
    if (pointer === undefined) {
      pointer = this.api.malloc(text.length + 1);
      for (let at = 0; at < text.length; at++) this.heap[pointer + at] = text.charCodeAt(at);
      this.heap[pointer + text.length] = 0;
      this.#texts.set(text, pointer);
    }
    return pointer;
  }

  /** Pushes a string of characters below 256. */
  pushText(state: number, text: string): void {
    const scratch = this.scratch(text.length);
    const { heap } = this;
    for (let at = 0; at < text.length; at++) heap[scratch + at] = text.charCodeAt(at);
    this.api.lua_pushlstring(state, scratch, text.length);
  }

  /** Pushes a string of bytes. */
  pushBytes(state: number, bytes: Uint8Array, offset: number, length: number): void {
    const scratch = this.scratch(length);
    copyBytes(bytes, offset, this.heap, scratch, length);
    this.api.lua_pushlstring(state, scratch, length);
  }

  /** The address of `bytes` bytes to use at once; the next call of any method that copies takes them again. */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      const size = Math.max(bytes, Math.min(this.#scratchBytes * 2, 1 << 20));
      this.api.free(this.#scratch);
      this.#scratch = this.api.malloc(size);
      if (this.#scratch === 0) {
        this.#scratchBytes = 0;
        throw new LuaMachineLostError('not enough memory');
      }
      this.#scratchBytes = size;
    }
    return this.#scratch;
  }

  /**
   * The address of the bytes of the string or number at an index, their count in {@link length}; 0 for any other type.
   * A number is made a string in its place. They stay where they are for as long as the value is on a stack.
   */
  string(state: number, index: number): number {
    const pointer = this.api.lua_tolstring(state, index, this.#lengthAt);
    if (pointer !== 0) this.length = this.view.getUint32(this.#lengthAt, true);
    return pointer;
  }

  /** As {@link string} for an argument that must be one, else an error is raised. */
  checkString(state: number, argument: number): number {
    const pointer = this.api.luaL_checklstring(state, argument, this.#lengthAt);
    this.length = this.view.getUint32(this.#lengthAt, true);
    return pointer;
  }

  /** The string or number at an index as one character per byte; '' for any other type. */
  textAt(state: number, index: number): string {
    const pointer = this.string(state, index);
    return pointer === 0 ? '' : latin1(this.heap, pointer, this.length);
  }

  /** A number with so many significant digits, as printf writes it by `%g`. */
  numberText(state: number, value: number, precision: number): string {
    if (Number.isInteger(value) && Math.abs(value) < 10 ** precision && !Object.is(value, -0))
      return String(value);
    const { api } = this;
    api.lua_rawgeti(state, REGISTRY, this.#format);
    this.pushText(state, `%.${precision}g`);
    api.lua_pushnumber(state, value);
    api.lua_call(state, 2, 1);
    const text = this.textAt(state, -1);
    api.lua_settop(state, -2);
    return text;
  }

  /** Raises an error with the place of the caller before its message, as luaL_error does. */
  raise(state: number, message: string): never {
    const { api } = this;
    api.luaL_where(state, 1);
    this.pushText(state, message);
    api.lua_concat(state, 2);
    return this.raiseTop(state);
  }

  /** Raises an error with no place before its message. */
  raisePlain(state: number, message: string): never {
    this.pushText(state, message);
    return this.raiseTop(state);
  }

  /** Raises the value on top of the stack as an error. */
  raiseTop(state: number): never {
    this.api.lua_error(state);
    throw new LuaMachineLostError('an error was raised and nothing happened');
  }

  /** Raises an error about an argument, whose function Lua names. */
  raiseArgument(state: number, argument: number, message: string): never {
    this.api.luaL_argerror(state, argument, this.text(message));
    throw new LuaMachineLostError('an error was raised and nothing happened');
  }

  /** Sets a field of the table on top of a stack to a function. */
  setFunction(state: number, name: string, call: LuaFunction): void {
    this.api.lua_pushcclosure(state, this.define(call), 0);
    this.api.lua_setfield(state, -2, this.text(name));
  }

  setTextField(state: number, name: string, value: string): void {
    this.pushText(state, value);
    this.api.lua_setfield(state, -2, this.text(name));
  }

  setNumberField(state: number, name: string, value: number): void {
    this.api.lua_pushnumber(state, value);
    this.api.lua_setfield(state, -2, this.text(name));
  }

  /**
   * Where the error was raised that a thread ended by: in the function on top of its stack, or, if that one is no Lua
   * function, in its caller.
   */
  placeOfError(thread: number): CodePlace | null {
    const { api } = this;
    const record = this.#debugRecord;
    for (let level = 0; level < 2; level++) {
      if (api.lua_getstack(thread, level, record) === 0) return null;
      api.lua_getinfo(thread, this.text('Sl'), record);
      if (level === 0 && this.#cText(this.view.getUint32(record + DEBUG_WHAT, true)) === 'C') continue;
      return {
        source: this.#cText(this.view.getUint32(record + DEBUG_SOURCE, true)),
        line: this.view.getInt32(record + DEBUG_LINE, true),
      };
    }
    return null;
  }

  /** Opens the libraries of Lua that reach nothing outside of it. */
  #openLibraries(): void {
    const { api, state } = this;
    for (const open of [api.luaopen_base, api.luaopen_table, api.luaopen_string, api.luaopen_math]) {
      // They take their environment from the function that is running, and outside of any it is the globals.
      open(state);
      api.lua_settop(state, 0);
    }
  }

  #cText(pointer: number): string {
    return latin1(this.heap, pointer, this.heap.indexOf(0, pointer) - pointer);
  }

  #passed(error: unknown): unknown {
    if (error !== LONG_JUMP) this.isLost = true;
    return error;
  }

  #adapt(adapter: object, call: (state: number) => unknown): number {
    const instance = new Instance(adapter, { e: { f: call } });
    const address = this.#functions.grow(1);
    this.#functions.set(address, (instance.exports as { readonly f: unknown }).f);
    return address;
  }

  #takeMemory(): void {
    this.heap = new Uint8Array(this.#memory.buffer);
    this.view = new DataView(this.#memory.buffer);
  }

  #grow(bytes: number): number {
    const present = this.heap.length;
    if (bytes > this.#memoryBytesMax) return 0;
    const wanted = Math.min(Math.max(bytes, present * (1 + GROWTH_FRACTION)), this.#memoryBytesMax);
    try {
      this.#memory.grow(Math.ceil((wanted - present) / PAGE_BYTES));
    } catch {
      return 0;
    }
    this.#takeMemory();
    return 1;
  }

  /** The world as the module sees it: memory that grows, longjmp, and a clock that stands still. */
  #imports(): Readonly<Record<string, unknown>> {
    const refuse = () => -1;
    const stop = () => {
      throw new LuaMachineLostError('Lua gave up: an error was raised outside of any call');
    };
    return {
      env: {
        exit: stop,
        invoke_vii: (index: number, first: number, second: number) => {
          const { api } = this;
          const stack = api.stackSave();
          try {
            this.#functions.get(index)(first, second);
          } catch (error) {
            api.stackRestore(stack);
            if (error !== LONG_JUMP) throw this.#passed(error);
            api.setThrew(1, 0);
          }
        },
        _emscripten_throw_longjmp: () => {
          throw LONG_JUMP;
        },
        emscripten_memcpy_js: (target: number, source: number, length: number) => {
          this.heap.copyWithin(target, source, source + length);
        },
        emscripten_resize_heap: (bytes: number) => this.#grow(bytes >>> 0),
        emscripten_date_now: () => 0,
        _emscripten_get_now_is_monotonic: () => 1,
        strftime: () => 0,
        _tzset_js: () => 0,
        _mktime_js: refuse,
        _localtime_js: refuse,
        _gmtime_js: refuse,
        _emscripten_system: refuse,
        __syscall_openat: refuse,
        __syscall_fcntl64: refuse,
        __syscall_ioctl: refuse,
        __syscall_dup3: refuse,
        __syscall_unlinkat: refuse,
        __syscall_rmdir: refuse,
        __syscall_renameat: refuse,
        __syscall_readlinkat: refuse,
      },
      wasi_snapshot_preview1: {
        environ_sizes_get: (countAt: number, bytesAt: number) => {
          this.view.setUint32(countAt, 0, true);
          this.view.setUint32(bytesAt, 0, true);
          return 0;
        },
        environ_get: () => 0,
        fd_write: refuse,
        fd_read: refuse,
        fd_close: refuse,
        fd_seek: refuse,
      },
    };
  }
}
