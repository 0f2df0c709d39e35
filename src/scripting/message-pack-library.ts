import { ByteWriter } from './byte-writer.ts';
import { BOOLEAN, type LuaMachine, NUMBER, STRING, TABLE } from './lua-machine.ts';

/** Tables nested deeper are packed as nil. */
const DEPTH_MAX = 16;
const INT_MAX = 2 ** 31 - 1;

/** Pushes the library `cmsgpack`, as lua-cmsgpack 0.4.0 in Redis is. */
export function pushMessagePackLibrary(machine: LuaMachine): void {
  const { api, state } = machine;
  const packer = new Packer(machine);
  const unpacker = new Unpacker(machine);
  api.lua_createtable(state, 0, 8);
  machine.setFunction(state, 'pack', (at) => packer.pack(at));
  machine.setFunction(state, 'unpack', (at) => unpacker.unpack(at, 0, 0));
  machine.setFunction(state, 'unpack_one', (at) => {
    const offset = api.luaL_optinteger(at, 2, 0);
    api.lua_settop(at, 1);
    return unpacker.unpack(at, 1, offset);
  });
  machine.setFunction(state, 'unpack_limit', (at) => {
    const limit = api.luaL_checkinteger(at, 2);
    const offset = api.luaL_optinteger(at, 3, 0);
    api.lua_settop(at, 1);
    return unpacker.unpack(at, limit, offset);
  });
  machine.setTextField(state, '_NAME', 'cmsgpack');
  machine.setTextField(state, '_VERSION', 'lua-cmsgpack 0.4.0');
  machine.setTextField(state, '_COPYRIGHT', 'Copyright (C) 2012, Salvatore Sanfilippo');
  machine.setTextField(state, '_DESCRIPTION', 'MessagePack C implementation for Lua');
}

class Packer {
  readonly #machine: LuaMachine;
  readonly #output = new ByteWriter();
  #state = 0;

  constructor(machine: LuaMachine) {
    this.#machine = machine;
  }

  pack(state: number): number {
    const machine = this.#machine;
    const { api } = machine;
    this.#state = state;
    const count = api.lua_gettop(state);
    if (count === 0) machine.raiseArgument(state, 0, 'MessagePack pack needs input.');
    this.#output.reset();
    for (let argument = 1; argument <= count; argument++) {
      api.lua_pushvalue(state, argument);
      this.#packValue(0);
    }
    machine.pushBytes(state, this.#output.bytes, 0, this.#output.length);
    return 1;
  }

  /** Appends the value on top of the stack, and pops it. */
  #packValue(depth: number): void {
    const { api } = this.#machine;
    const state = this.#state;
    const output = this.#output;
    switch (api.lua_type(state, -1)) {
      case STRING:
        this.#packString();
        break;
      case BOOLEAN:
        output.byte(api.lua_toboolean(state, -1) !== 0 ? 0xc3 : 0xc2);
        break;
      case NUMBER:
        this.#packNumber(api.lua_tonumber(state, -1));
        break;
      case TABLE:
        if (depth === DEPTH_MAX) output.byte(0xc0);
        else this.#packTable(depth + 1);
        break;
      default:
        output.byte(0xc0);
    }
    api.lua_settop(state, -2);
  }

  #packString(): void {
    const machine = this.#machine;
    const output = this.#output;
    const pointer = machine.string(this.#state, -1);
    const { length } = machine;
    if (length < 32) output.byte(0xa0 | length);
    else if (length <= 0xff) {
      output.byte(0xd9);
      output.byte(length);
    } else this.#packCount(length, 0xda);
    output.copy(machine.heap, pointer, length);
  }

  /** A count of more than 4 bits: in 16 bits after `code`, or in 32 after the next code. */
  #packCount(count: number, code: number): void {
    if (count <= 0xffff) {
      this.#output.byte(code);
      this.#output.uint16(count);
    } else {
      this.#output.byte(code + 1);
      this.#output.uint32(count);
    }
  }

  #packNumber(value: number): void {
    // Doubles from 2^63 on are no 64-bit integers, and the smallest one is.
    if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) this.#packInteger(value);
    else if (Math.fround(value) === value) {
      this.#output.byte(0xca);
      this.#output.float32(value, false);
    } else {
      this.#output.byte(0xcb);
      this.#output.float64(value, false);
    }
  }

  #packInteger(value: number): void {
    const output = this.#output;
    if (value >= 0) {
      if (value <= 0x7f) output.byte(value);
      else if (value <= 0xff) {
        output.byte(0xcc);
        output.byte(value);
      } else if (value <= 0xffff) {
        output.byte(0xcd);
        output.uint16(value);
      } else if (value <= 0xffffffff) {
        output.byte(0xce);
        output.uint32(value);
      } else {
        output.byte(0xcf);
        output.uint64(BigInt(value));
      }
    } else if (value >= -32) output.byte(value & 0xff);
    else if (value >= -0x80) {
      output.byte(0xd0);
      output.byte(value & 0xff);
    } else if (value >= -0x8000) {
      output.byte(0xd1);
      output.uint16(value & 0xffff);
    } else if (value >= -0x80000000) {
      output.byte(0xd2);
      output.uint32(value >>> 0);
    } else {
      output.byte(0xd3);
      output.uint64(BigInt(value));
    }
  }

  #packTable(depth: number): void {
    const { api } = this.#machine;
    const state = this.#state;
    if (api.lua_checkstack(state, 4) === 0) this.#machine.raise(state, 'stack overflow (in function pack)');
    const output = this.#output;
    const length = this.#listLength();
    if (length >= 0) {
      if (length <= 15) output.byte(0x90 | length);
      else this.#packCount(length, 0xdc);
      for (let index = 1; index <= length; index++) {
        api.lua_pushnumber(state, index);
        api.lua_gettable(state, -2);
        this.#packValue(depth);
      }
      return;
    }
    let count = 0;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_settop(state, -2);
      count++;
    }
    if (count <= 15) output.byte(0x80 | count);
    else this.#packCount(count, 0xde);
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_pushvalue(state, -2);
      this.#packValue(depth);
      this.#packValue(depth);
    }
  }

  /** The length of a table whose keys are the integers from 1 on without a gap, 0 if it is empty; -1 for any other. */
  #listLength(): number {
    const { api } = this.#machine;
    const state = this.#state;
    const top = api.lua_gettop(state);
    let count = 0;
    let largest = 0;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_settop(state, -2);
      const key = api.lua_type(state, -1) === NUMBER ? api.lua_tonumber(state, -1) : 0;
      if (!(key > 0) || Math.floor(key) !== key) {
        api.lua_settop(state, top);
        return -1;
      }
      if (key > largest) largest = key;
      count++;
    }
    api.lua_settop(state, top);
    return largest === count ? count : -1;
  }
}

class Unpacker {
  readonly #machine: LuaMachine;
  #state = 0;
  #at = 0;
  #end = 0;

  constructor(machine: LuaMachine) {
    this.#machine = machine;
  }

  /** Pushes up to `limit` values of the string at index 1, after where the next one begins; with two zeros only the values. */
  unpack(state: number, limit: number, offset: number): number {
    const machine = this.#machine;
    const { api } = machine;
    const pointer = machine.checkString(state, 1);
    const { length } = machine;
    this.#state = state;
    if (offset < 0 || limit < 0) {
      machine.raise(state, `Invalid request to unpack with offset of ${offset} and limit of ${length}.`);
    }
    if (offset > length) {
      machine.raise(state, `Start offset ${offset} greater than input length ${length}.`);
    }
    const isWhole = limit === 0 && offset === 0;
    const countMax = isWhole ? INT_MAX : limit;
    this.#at = pointer + offset;
    this.#end = pointer + length;
    let count = 0;
    while (this.#at < this.#end && count < countMax) {
      this.#unpackValue();
      count++;
    }
    if (isWhole) return count;
    this.#checkStack();
    api.lua_pushnumber(state, this.#at === this.#end ? -1 : this.#at - pointer);
    api.lua_insert(state, 2);
    return count + 1;
  }

  #checkStack(): void {
    if (this.#machine.api.lua_checkstack(this.#state, 3) === 0) {
      this.#machine.raise(
        this.#state,
        'stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)',
      );
    }
  }

  /** Takes `count` bytes; returns where they begin. */
  #take(count: number): number {
    if (this.#end - this.#at < count) this.#machine.raise(this.#state, 'Missing bytes in input.');
    const start = this.#at;
    this.#at += count;
    return start;
  }

  #pushNumber(value: number): void {
    this.#machine.api.lua_pushnumber(this.#state, value);
  }

  #unpackValue(): void {
    const machine = this.#machine;
    const { api } = machine;
    const state = this.#state;
    this.#checkStack();
    const { view } = machine;
    const code = machine.heap[this.#take(1)];
    switch (code) {
      case 0xc0:
        api.lua_pushnil(state);
        return;
      case 0xc2:
      case 0xc3:
        api.lua_pushboolean(state, code & 1);
        return;
      case 0xca:
        this.#pushNumber(view.getFloat32(this.#take(4)));
        return;
      case 0xcb:
        this.#pushNumber(view.getFloat64(this.#take(8)));
        return;
      case 0xcc:
        this.#pushNumber(view.getUint8(this.#take(1)));
        return;
      case 0xcd:
        this.#pushNumber(view.getUint16(this.#take(2)));
        return;
      case 0xce:
        this.#pushNumber(view.getUint32(this.#take(4)));
        return;
      case 0xcf:
        this.#pushNumber(Number(view.getBigUint64(this.#take(8))));
        return;
      case 0xd0:
        this.#pushNumber(view.getInt8(this.#take(1)));
        return;
      case 0xd1:
        this.#pushNumber(view.getInt16(this.#take(2)));
        return;
      case 0xd2:
        this.#pushNumber(view.getInt32(this.#take(4)));
        return;
      case 0xd3:
        this.#pushNumber(Number(view.getBigInt64(this.#take(8))));
        return;
      case 0xd9:
        this.#pushString(view.getUint8(this.#take(1)));
        return;
      case 0xda:
        this.#pushString(view.getUint16(this.#take(2)));
        return;
      case 0xdb:
        this.#pushString(view.getUint32(this.#take(4)));
        return;
      case 0xdc:
        this.#pushList(view.getUint16(this.#take(2)));
        return;
      case 0xdd:
        this.#pushList(view.getUint32(this.#take(4)));
        return;
      case 0xde:
        this.#pushMap(view.getUint16(this.#take(2)));
        return;
      case 0xdf:
        this.#pushMap(view.getUint32(this.#take(4)));
        return;
      default:
    }
    if (code < 0x80) this.#pushNumber(code);
    else if (code >= 0xe0) this.#pushNumber(code - 0x100);
    else if (code < 0x90) this.#pushMap(code & 0xf);
    else if (code < 0xa0) this.#pushList(code & 0xf);
    else if (code < 0xc0) this.#pushString(code & 0x1f);
    else machine.raise(state, 'Bad data format in input.');
  }

  #pushString(length: number): void {
    this.#machine.api.lua_pushlstring(this.#state, this.#take(length), length);
  }

  #pushList(count: number): void {
    const { api } = this.#machine;
    api.lua_createtable(this.#state, 0, 0);
    for (let index = 1; index <= count; index++) {
      this.#unpackValue();
      api.lua_rawseti(this.#state, -2, index);
    }
  }

  #pushMap(count: number): void {
    const { api } = this.#machine;
    api.lua_createtable(this.#state, 0, 0);
    for (let pair = 0; pair < count; pair++) {
      this.#unpackValue();
      this.#unpackValue();
      api.lua_settable(this.#state, -3);
    }
  }
}
