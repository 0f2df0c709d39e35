import { pushBitLibrary } from './bit-library.ts';
import { toInt } from './c-integers.ts';
import { pushJsonLibrary } from './json-library.ts';
import {
  ALL_RESULTS,
  BOOLEAN,
  FUNCTION,
  GLOBALS,
  type LuaMachine,
  NIL,
  NUMBER,
  REGISTRY,
  STATUS_OK,
  STRING,
  TABLE,
  TYPE_NAMES,
  UPVALUE_1,
} from './lua-machine.ts';
import { pushMessagePackLibrary } from './message-pack-library.ts';
import type { Random48 } from './random48.ts';
import { StringFormatter } from './string-format.ts';
import { pushStructLibrary } from './struct-library.ts';

/**
 * What a script can reach: Lua's own functions that reach nothing outside of it, the libraries that Redis adds, and no way
 * to leave anything behind for the next script.
 *
 * Redis marks tables as read-only by a change to Lua itself. Here each table that scripts share is hidden behind a proxy:
 * an empty table whose metatable reads from it and refuses to write. The functions that would pass by metatables
 * (`rawset`, `setmetatable` and their like) know the proxies. `table.insert` is left as fast as it is, and so can write to
 * a proxy; {@link Sandbox.isDirty} finds that after a script, whose machine is then thrown away.
 *
 * Functions are defined here rather than in Lua, so that errors name the script's own line as in Redis.
 */

const READ_ONLY = 'Attempt to modify a readonly table';
/** Significant digits of a number as text (luaconf.h). */
const NUMBER_PRECISION = 14;
const BINARY_SIGNATURE = 27;
/** Stands for the signature of precompiled code, which is refused as any other character that begins no statement. */
const NO_SIGNATURE = 28;

/** Globals that Redis leaves to scripts. */
const GLOBAL_NAMES = [
  '_VERSION',
  'assert',
  'collectgarbage',
  'coroutine',
  'error',
  'gcinfo',
  'getmetatable',
  'ipairs',
  'load',
  'loadstring',
  'math',
  'next',
  'pairs',
  'pcall',
  'rawequal',
  'rawget',
  'rawset',
  'select',
  'setmetatable',
  'string',
  'table',
  'tonumber',
  'tostring',
  'type',
  'unpack',
  'xpcall',
];

/** Where a `Table` (lobject.h) of a 32-bit build holds its parts. */
const TABLE_METATABLE = 8;
const TABLE_LIST = 12;
const TABLE_NODES = 16;
const TABLE_LIST_SIZE = 28;

interface Proxy {
  readonly pointer: number;
  /** Reference of the table behind it. */
  readonly target: number;
  readonly metatable: number;
  readonly list: number;
  readonly nodes: number;
}

export class Sandbox {
  readonly machine: LuaMachine;
  /** Reference of the table of globals, behind the proxy that scripts see. */
  readonly globals: number;
  readonly #proxies = new Map<number, Proxy>();
  readonly #readOnlyFunction: number;
  readonly #missingFunction: number;
  /** Reference of the metatable of the globals' proxy. */
  readonly #globalsMetatable: number;
  /** References of what `getmetatable` shows for the globals and for strings. */
  readonly #shownForGlobals: number;
  readonly #shownForStrings: number;
  readonly #globalsPointer: number;

  /** Fills the machine with what scripts see. `pushApi` pushes the table `redis`. */
  constructor(machine: LuaMachine, random: Random48, processSeconds: () => number, pushApi: () => void) {
    this.machine = machine;
    const { api, state } = machine;
    this.#readOnlyFunction = machine.define((at) => machine.raise(at, READ_ONLY));
    this.#missingFunction = machine.define((at) => this.#refuseMissing(at));

    api.lua_createtable(state, 0, 64);
    for (const name of GLOBAL_NAMES) {
      api.lua_getfield(state, GLOBALS, machine.text(name));
      api.lua_setfield(state, -2, machine.text(name));
    }
    this.#defineBase();
    this.#defineMath(random);
    this.#defineStrings();
    this.#defineCoroutines();
    for (const name of ['coroutine', 'math', 'string', 'table']) {
      api.lua_getfield(state, -1, machine.text(name));
      this.protect();
      api.lua_setfield(state, -2, machine.text(name));
    }
    const libraries: readonly (readonly [name: string, push: () => void])[] = [
      ['bit', () => pushBitLibrary(machine)],
      ['cjson', () => pushJsonLibrary(machine)],
      ['cmsgpack', () => pushMessagePackLibrary(machine)],
      ['struct', () => pushStructLibrary(machine)],
      ['os', () => this.#pushClock(processSeconds)],
      ['redis', pushApi],
    ];
    for (const [name, push] of libraries) {
      push();
      this.protect();
      api.lua_setfield(state, -2, machine.text(name));
    }
    api.lua_getfield(state, -1, machine.text('redis'));
    api.lua_setfield(state, -2, machine.text('server'));
    this.refuseMissing();

    // The metatable of strings leads to the library's proxy, and is shown as a proxy itself.
    machine.pushText(state, '');
    api.lua_getmetatable(state, -1);
    api.lua_getfield(state, -3, machine.text('string'));
    api.lua_setfield(state, -2, machine.text('__index'));
    this.protect();
    this.#shownForStrings = api.luaL_ref(state, REGISTRY);
    api.lua_settop(state, -2);
    api.lua_createtable(state, 0, 0);
    this.protect();
    this.#shownForGlobals = api.luaL_ref(state, REGISTRY);

    api.lua_pushvalue(state, -1);
    this.globals = api.luaL_ref(state, REGISTRY);
    this.protect();
    this.#globalsPointer = api.lua_topointer(state, -1);
    api.lua_rawgeti(state, REGISTRY, this.globals);
    api.lua_pushvalue(state, -2);
    api.lua_setfield(state, -2, machine.text('_G'));
    api.lua_settop(state, -2);
    api.lua_getmetatable(state, -1);
    this.#globalsMetatable = api.luaL_ref(state, REGISTRY);
    api.lua_replace(state, GLOBALS);
    this.#checkLayout();
  }

  /** Puts a proxy in place of the table on top of the main stack. */
  protect(): void {
    const { api, state, view } = this.machine;
    api.lua_createtable(state, 0, 0);
    api.lua_createtable(state, 0, 3);
    api.lua_pushvalue(state, -3);
    api.lua_setfield(state, -2, this.machine.text('__index'));
    api.lua_pushcclosure(state, this.#readOnlyFunction, 0);
    api.lua_setfield(state, -2, this.machine.text('__newindex'));
    api.lua_setmetatable(state, -2);
    api.lua_insert(state, -2);
    const target = api.luaL_ref(state, REGISTRY);
    // The proxies are part of the machine for good: nothing may collect one while its address is known here.
    api.lua_pushvalue(state, -1);
    api.luaL_ref(state, REGISTRY);
    const pointer = api.lua_topointer(state, -1);
    this.#proxies.set(pointer, {
      pointer,
      target,
      metatable: view.getUint32(pointer + TABLE_METATABLE, true),
      list: view.getUint32(pointer + TABLE_LIST, true),
      nodes: view.getUint32(pointer + TABLE_NODES, true),
    });
  }

  /** Makes reading a field that the table on top of the main stack does not have an error. */
  refuseMissing(): void {
    const { api, state } = this.machine;
    api.lua_createtable(state, 0, 1);
    api.lua_pushcclosure(state, this.#missingFunction, 0);
    api.lua_setfield(state, -2, this.machine.text('__index'));
    api.lua_setmetatable(state, -2);
  }

  /** Has scripts see the table of a reference as their globals. */
  showGlobals(reference: number): void {
    const { api, state } = this.machine;
    api.lua_rawgeti(state, REGISTRY, this.#globalsMetatable);
    api.lua_rawgeti(state, REGISTRY, reference);
    api.lua_setfield(state, -2, this.machine.text('__index'));
    api.lua_settop(state, -2);
  }

  /** Whether a script has left something in a table that all scripts see. */
  isDirty(): boolean {
    const { view } = this.machine;
    for (const { pointer, metatable, list, nodes } of this.#proxies.values()) {
      if (
        view.getUint32(pointer + TABLE_NODES, true) !== nodes ||
        view.getUint32(pointer + TABLE_LIST, true) !== list ||
        view.getUint32(pointer + TABLE_LIST_SIZE, true) !== 0 ||
        view.getUint32(pointer + TABLE_METATABLE, true) !== metatable
      ) {
        return true;
      }
    }
    return false;
  }

  /** The proxy at an index, if the value there is one. */
  #proxyAt(state: number, index: number): Proxy | undefined {
    return this.#proxies.get(this.machine.api.lua_topointer(state, index));
  }

  /** {@link isDirty} reads the memory of tables: makes sure that it knows how they lie there. */
  #checkLayout(): void {
    const { api, state, view } = this.machine;
    const clean = !this.isDirty();
    const [first] = this.#proxies.values();
    api.lua_createtable(state, 0, 0);
    const pointer = api.lua_topointer(state, -1);
    const emptyNodes = view.getUint32(pointer + TABLE_NODES, true);
    api.lua_pushboolean(state, 1);
    api.lua_rawseti(state, -2, 1);
    const hasGrown =
      view.getUint32(pointer + TABLE_NODES, true) !== emptyNodes ||
      view.getUint32(pointer + TABLE_LIST_SIZE, true) !== 0;
    api.lua_settop(state, -2);
    if (!clean || emptyNodes !== first.nodes || first.metatable === 0 || !hasGrown) {
      throw new Error('The Lua machine lays its tables out in a way that is not known');
    }
  }

  #refuseMissing(state: number): never {
    const { api } = this.machine;
    const type = api.lua_type(state, 2);
    if (type !== STRING && type !== NUMBER) {
      this.machine.raise(state, 'Second argument to luaProtectedTableError must be a string or number');
    }
    const name = this.machine.textAt(state, 2);
    return this.machine.raise(state, `Script attempted to access nonexistent global variable '${name}'`);
  }

  #defineBase(): void {
    const { machine } = this;
    const { api, state } = machine;
    api.lua_getfield(state, GLOBALS, machine.text('next'));
    const next = api.luaL_ref(state, REGISTRY);
    machine.setFunction(state, 'next', (at) => {
      api.luaL_checktype(at, 1, TABLE);
      api.lua_settop(at, 2);
      const proxy = this.#proxyAt(at, 1);
      if (proxy !== undefined) {
        api.lua_rawgeti(at, REGISTRY, proxy.target);
        api.lua_replace(at, 1);
      }
      if (api.lua_next(at, 1) !== 0) return 2;
      api.lua_pushnil(at);
      return 1;
    });
    api.lua_getfield(state, -1, machine.text('next'));
    const proxyNext = api.luaL_ref(state, REGISTRY);
    machine.setFunction(state, 'pairs', (at) => {
      api.luaL_checktype(at, 1, TABLE);
      api.lua_rawgeti(at, REGISTRY, this.#proxyAt(at, 1) === undefined ? next : proxyNext);
      api.lua_pushvalue(at, 1);
      api.lua_pushnil(at);
      return 3;
    });
    // Lua's own shows pointers as the C library does, and takes long for numbers.
    machine.setFunction(state, 'tostring', (at) => {
      api.luaL_checkany(at, 1);
      if (api.luaL_callmeta(at, 1, machine.text('__tostring')) !== 0) return 1;
      const type = api.lua_type(at, 1);
      switch (type) {
        case NUMBER:
          machine.pushText(at, machine.numberText(at, api.lua_tonumber(at, 1), NUMBER_PRECISION));
          break;
        case STRING:
          api.lua_pushvalue(at, 1);
          break;
        case BOOLEAN:
          machine.pushText(at, api.lua_toboolean(at, 1) !== 0 ? 'true' : 'false');
          break;
        case NIL:
          machine.pushText(at, 'nil');
          break;
        default: {
          const pointer = api.lua_topointer(at, 1);
          const shown = pointer === 0 ? '(nil)' : `0x${pointer.toString(16)}`;
          machine.pushText(at, `${TYPE_NAMES[type]}: ${shown}`);
        }
      }
      return 1;
    });
    // Lua's own reads integers of another base into 32 bits on this machine.
    machine.setFunction(state, 'tonumber', (at) => {
      const base = api.luaL_optinteger(at, 2, 10);
      if (base === 10) {
        api.luaL_checkany(at, 1);
        if (api.lua_isnumber(at, 1) !== 0) api.lua_pushnumber(at, api.lua_tonumber(at, 1));
        else api.lua_pushnil(at);
        return 1;
      }
      machine.checkString(at, 1);
      if (base < 2 || base > 36) machine.raiseArgument(at, 2, 'base out of range');
      const value = integerOfBase(machine.textAt(at, 1), base);
      if (Number.isNaN(value)) api.lua_pushnil(at);
      else api.lua_pushnumber(at, value);
      return 1;
    });
    machine.setFunction(state, 'rawget', (at) => {
      api.luaL_checktype(at, 1, TABLE);
      api.luaL_checkany(at, 2);
      api.lua_settop(at, 2);
      const proxy = this.#proxyAt(at, 1);
      if (proxy !== undefined) {
        api.lua_rawgeti(at, REGISTRY, proxy.target);
        api.lua_replace(at, 1);
      }
      api.lua_rawget(at, 1);
      return 1;
    });
    machine.setFunction(state, 'rawset', (at) => {
      api.luaL_checktype(at, 1, TABLE);
      api.luaL_checkany(at, 2);
      api.luaL_checkany(at, 3);
      api.lua_settop(at, 3);
      if (this.#proxyAt(at, 1) !== undefined) machine.raisePlain(at, READ_ONLY);
      if (api.lua_type(at, 2) === NIL) machine.raisePlain(at, 'table index is nil');
      api.lua_rawset(at, 1);
      return 1;
    });
    machine.setFunction(state, 'setmetatable', (at) => {
      api.luaL_checktype(at, 1, TABLE);
      const type = api.lua_type(at, 2);
      if (type !== NIL && type !== TABLE) machine.raiseArgument(at, 2, 'nil or table expected');
      if (api.luaL_getmetafield(at, 1, machine.text('__metatable')) !== 0) {
        machine.raise(at, 'cannot change a protected metatable');
      }
      if (this.#proxyAt(at, 1) !== undefined) machine.raisePlain(at, READ_ONLY);
      api.lua_settop(at, 2);
      api.lua_setmetatable(at, 1);
      return 1;
    });
    machine.setFunction(state, 'getmetatable', (at) => {
      api.luaL_checkany(at, 1);
      const proxy = this.#proxyAt(at, 1);
      if (api.lua_type(at, 1) === STRING) api.lua_rawgeti(at, REGISTRY, this.#shownForStrings);
      else if (proxy?.pointer === this.#globalsPointer) api.lua_rawgeti(at, REGISTRY, this.#shownForGlobals);
      else if (proxy !== undefined || api.lua_getmetatable(at, 1) === 0) api.lua_pushnil(at);
      else api.luaL_getmetafield(at, 1, machine.text('__metatable'));
      return 1;
    });
    machine.setFunction(state, 'loadstring', (at) => {
      const code = machine.checkString(at, 1);
      const { length } = machine;
      const name = api.lua_type(at, 2) <= NIL ? 1 : 2;
      machine.checkString(at, name);
      return this.#load(at, code, length, name);
    });
    api.lua_getfield(state, GLOBALS, machine.text('load'));
    const load = api.luaL_ref(state, REGISTRY);
    const reader = machine.define((at) => this.#readPiece(at));
    machine.setFunction(state, 'load', (at) => this.#loadPieces(at, load, reader));
    machine.setFunction(state, 'pcall', (at) => {
      api.luaL_checkany(at, 1);
      const count = api.lua_gettop(at) - 1;
      const status = api.lua_pcall(at, count, ALL_RESULTS, 0);
      this.onProtectedCallEnd();
      if (status === STATUS_OK) {
        api.lua_pushboolean(at, 1);
        api.lua_insert(at, 1);
        return api.lua_gettop(at);
      }
      // Errors of commands are tables, and scripts that were written before they were expect text.
      if (api.lua_type(at, -1) === TABLE) {
        machine.pushText(at, 'err');
        api.lua_rawget(at, -2);
        if (api.lua_isstring(at, -1) !== 0) api.lua_replace(at, -2);
        else api.lua_settop(at, -2);
      }
      api.lua_pushboolean(at, 0);
      api.lua_insert(at, -2);
      return 2;
    });
  }

  /** Compiles text: pushes the function, or nil and an error. The chunk's name is the string at index `name`. */
  #load(state: number, code: number, length: number, name: number): number {
    const { machine } = this;
    const { api } = machine;
    const isBinary = machine.heap[code] === BINARY_SIGNATURE && length > 0;
    let start = code;
    if (isBinary) {
      start = machine.scratch(length);
      machine.heap.copyWithin(start, code, code + length);
      machine.heap[start] = NO_SIGNATURE;
    }
    const status = api.luaL_loadbuffer(state, start, length, machine.string(state, name));
    if (status === STATUS_OK) return 1;
    if (isBinary) {
      const message = machine.textAt(state, -1);
      machine.pushText(state, message.replace(`char(${NO_SIGNATURE})`, `char(${BINARY_SIGNATURE})`));
      api.lua_replace(state, -2);
    }
    api.lua_pushnil(state);
    api.lua_insert(state, -2);
    return 2;
  }

  /** `load`: Lua's own, over a function that refuses precompiled code. */
  #loadPieces(state: number, original: number, reader: number): number {
    const { machine } = this;
    const { api } = machine;
    api.luaL_checktype(state, 1, FUNCTION);
    if (api.lua_type(state, 2) > NIL) machine.checkString(state, 2);
    api.lua_settop(state, 2);
    if (api.lua_type(state, 2) === NIL) {
      machine.pushText(state, '=(load)');
      api.lua_replace(state, 2);
    }
    api.lua_rawgeti(state, REGISTRY, original);
    api.lua_pushvalue(state, 1);
    api.lua_pushboolean(state, 0);
    api.lua_pushcclosure(state, reader, 2);
    api.lua_pushvalue(state, 2);
    api.lua_call(state, 2, ALL_RESULTS);
    const count = api.lua_gettop(state) - 2;
    if (count === 2 && api.lua_type(state, -1) === STRING) {
      const message = machine.textAt(state, -1);
      machine.pushText(state, message.replace(`char(${NO_SIGNATURE})`, `char(${BINARY_SIGNATURE})`));
      api.lua_replace(state, -2);
    }
    return count;
  }

  /** Hands a piece on from the function that `load` was given, changed if it is the first and begins as precompiled code. */
  #readPiece(state: number): number {
    const { machine } = this;
    const { api } = machine;
    api.lua_pushvalue(state, UPVALUE_1);
    api.lua_call(state, 0, 1);
    if (api.lua_type(state, -1) === NIL) return 1;
    if (api.lua_isstring(state, -1) === 0) {
      // Above this function are Lua's own `load`, ours, and then the script.
      api.luaL_where(state, 3);
      machine.pushText(state, 'reader function must return a string');
      api.lua_concat(state, 2);
      machine.raiseTop(state);
    }
    if (api.lua_toboolean(state, UPVALUE_1 - 1) !== 0) return 1;
    const pointer = machine.string(state, -1);
    const { length } = machine;
    if (length > 0 && machine.heap[pointer] === BINARY_SIGNATURE) {
      const changed = machine.scratch(length);
      machine.heap.copyWithin(changed, pointer, pointer + length);
      machine.heap[changed] = NO_SIGNATURE;
      api.lua_pushlstring(state, changed, length);
    }
    api.lua_pushboolean(state, 1);
    api.lua_replace(state, UPVALUE_1 - 1);
    return 1;
  }

  #defineMath(random: Random48): void {
    const { machine } = this;
    const { api, state } = machine;
    const range = 2 ** 31 - 1;
    api.lua_getfield(state, -1, machine.text('math'));
    machine.setFunction(state, 'random', (at) => {
      const fraction = (random.next() % range) / range;
      const count = api.lua_gettop(at);
      if (count === 0) {
        api.lua_pushnumber(at, fraction);
        return 1;
      }
      if (count > 2) machine.raise(at, 'wrong number of arguments');
      const low = count === 1 ? 1 : toInt(api.luaL_checknumber(at, 1));
      const high = toInt(api.luaL_checknumber(at, count));
      if (low > high) machine.raiseArgument(at, count, 'interval is empty');
      api.lua_pushnumber(at, Math.floor(fraction * (high - low + 1)) + low);
      return 1;
    });
    machine.setFunction(state, 'randomseed', (at) => {
      random.seed(toInt(api.luaL_checknumber(at, 1)));
      return 0;
    });
    api.lua_settop(state, -2);
  }

  #defineStrings(): void {
    const { machine } = this;
    const { api, state } = machine;
    const formatter = new StringFormatter(machine);
    api.lua_getfield(state, -1, machine.text('string'));
    machine.setFunction(state, 'format', (at) => formatter.format(at));
    // Lua's own can't be interrupted, and takes as many steps as it is told even for an empty string.
    machine.setFunction(state, 'rep', (at) => {
      const source = machine.checkString(at, 1);
      const { length } = machine;
      const count = api.luaL_checkinteger(at, 2);
      const bytes = length * Math.max(0, count);
      if (bytes === 0) {
        machine.pushText(at, '');
        return 1;
      }
      const target = bytes > 0x7fffffff ? 0 : api.malloc(bytes);
      if (target === 0) machine.raisePlain(at, 'not enough memory');
      try {
        machine.heap.copyWithin(target, source, source + length);
        for (let filled = length; filled < bytes; filled *= 2) {
          machine.heap.copyWithin(target + filled, target, target + Math.min(filled, bytes - filled));
        }
        api.lua_pushlstring(at, target, bytes);
      } finally {
        api.free(target);
      }
      return 1;
    });
    api.lua_settop(state, -2);
  }

  #defineCoroutines(): void {
    const { machine } = this;
    const { api, state } = machine;
    api.lua_getfield(state, -1, machine.text('coroutine'));
    machine.setFunction(state, 'running', (at) => {
      // A script runs in a thread of its own, of which it is to know nothing.
      if (at === this.scriptThread) api.lua_pushnil(at);
      else api.lua_pushthread(at);
      return 1;
    });
    api.lua_settop(state, -2);
  }

  /** The thread that scripts are run in. */
  scriptThread = 0;
  /** Called when a `pcall` returns, within which the thread could not be left. */
  onProtectedCallEnd: () => void = () => {};

  #pushClock(processSeconds: () => number): void {
    const { machine } = this;
    machine.api.lua_createtable(machine.state, 0, 1);
    machine.setFunction(machine.state, 'clock', (at) => {
      machine.api.lua_pushnumber(at, processSeconds());
      return 1;
    });
  }
}

/** What strtoul(3) makes of a text that is an integer of a base, with spaces around it; NaN of any other. */
function integerOfBase(text: string, base: number): number {
  const match = /^[ \t\n\v\f\r]*([+-]?)(0x)?([\da-z]+)[ \t\n\v\f\r]*(?:\0.*)?$/is.exec(text);
  if (match === null) return Number.NaN;
  let digits = match[3].toLowerCase();
  // A prefix of base 16 is none elsewhere.
  if (match[2] !== undefined && base !== 16) digits = `${match[2].toLowerCase()}${digits}`;
  let value = 0n;
  for (const digit of digits) {
    const worth = Number.parseInt(digit, 36);
    if (worth >= base) return Number.NaN;
    value = value * BigInt(base) + BigInt(worth);
  }
  const largest = 2n ** 64n - 1n;
  if (value > largest) return Number(largest);
  return Number(match[1] === '-' ? BigInt.asUintN(64, -value) : value);
}
