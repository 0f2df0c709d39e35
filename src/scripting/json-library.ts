import { latin1 } from '../base/bytes.ts';
import { parseDouble } from '../base/numbers.ts';
import { ByteWriter } from './byte-writer.ts';
import {
  BOOLEAN,
  LIGHT_USERDATA,
  type LuaFunction,
  type LuaMachine,
  NIL,
  NUMBER,
  STRING,
  TABLE,
  TYPE_NAMES,
  UPVALUE_1,
} from './lua-machine.ts';

const INT_MAX = 2 ** 31 - 1;

/** Where the settings of one copy of the library lie in the userdata that its functions share: 32-bit integers. */
const SPARSE_CONVERT = 0;
const SPARSE_RATIO = 4;
const SPARSE_SAFE = 8;
const ENCODE_DEPTH_MAX = 12;
const DECODE_DEPTH_MAX = 16;
const ENCODE_INVALID_NUMBERS = 20;
const DECODE_INVALID_NUMBERS = 24;
const KEEP_BUFFER = 28;
const PRECISION = 32;
const SETTINGS_BYTES = 36;

const DEFAULTS: readonly (readonly [setting: number, value: number])[] = [
  [SPARSE_CONVERT, 0],
  [SPARSE_RATIO, 2],
  [SPARSE_SAFE, 10],
  [ENCODE_DEPTH_MAX, 1000],
  [DECODE_DEPTH_MAX, 1000],
  [ENCODE_INVALID_NUMBERS, 0],
  [DECODE_INVALID_NUMBERS, 1],
  [KEEP_BUFFER, 1],
  [PRECISION, 14],
];

/** Values of `encode_invalid_numbers`: refused, written as C does, or written as null. */
const INVALID_REFUSED = 0;
const INVALID_WRITTEN = 1;
const PRECISION_MAX = 14;

type Token =
  | 'T_OBJ_BEGIN'
  | 'T_OBJ_END'
  | 'T_ARR_BEGIN'
  | 'T_ARR_END'
  | 'T_STRING'
  | 'T_NUMBER'
  | 'T_BOOLEAN'
  | 'T_NULL'
  | 'T_COLON'
  | 'T_COMMA'
  | 'T_END'
  | 'T_ERROR';

/** Tokens of one character. */
const SINGLE = new Map<number, Token>([
  [123, 'T_OBJ_BEGIN'],
  [125, 'T_OBJ_END'],
  [91, 'T_ARR_BEGIN'],
  [93, 'T_ARR_END'],
  [58, 'T_COLON'],
  [44, 'T_COMMA'],
  [0, 'T_END'],
]);

/** What each byte becomes within a string, or '' for itself. */
const ESCAPES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const short = new Map([
    [8, '\\b'],
    [9, '\\t'],
    [10, '\\n'],
    [12, '\\f'],
    [13, '\\r'],
    [34, '\\"'],
    [47, '\\/'],
    [92, '\\\\'],
  ]).get(byte);
  if (short !== undefined) return short;
  return byte < 32 || byte === 127 ? `\\u00${byte.toString(16).padStart(2, '0')}` : '';
});

/** What the character after a backslash stands for; -1 where there is no such escape. */
const UNESCAPED: readonly number[] = Array.from({ length: 256 }, (_, byte) => {
  const at = '"\\/btnfr'.indexOf(String.fromCharCode(byte));
  return at < 0 ? -1 : '"\\/\b\t\n\f\r'.charCodeAt(at);
});

/** The longest prefix that strtod(3) reads. */
const NUMBER_PATTERN =
  /[+-]?(?:0x(?:[\da-f]+\.?[\da-f]*|\.[\da-f]+)(?:p[+-]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan(?:\(\w*\))?)/iy;
/** Characters that may be part of a number; others end it. */
const NUMBER_CHARACTER = /[-+.\w()]/;
/** Numbers that JSON does not know: signs, hexadecimal digits, leading zeros, infinity and NaN. */
const INVALID_NUMBER = /^(?:\+|-?(?:0[x\d]|inf|nan))/i;

/** Pushes the library `cjson`, as lua-cjson 2.1.0 in Redis is. */
export function pushJsonLibrary(machine: LuaMachine): void {
  new JsonLibrary(machine).push(machine.state);
}

class JsonLibrary {
  readonly #machine: LuaMachine;
  readonly #functions: readonly (readonly [name: string, address: number])[];
  readonly #output = new ByteWriter();
  readonly #reader: JsonReader;
  #state = 0;
  #settings = 0;

  constructor(machine: LuaMachine) {
    this.#machine = machine;
    this.#reader = new JsonReader(machine);
    const functions: Record<string, LuaFunction> = {
      encode: (state) => this.#encode(state),
      decode: (state) => this.#decode(state),
      encode_sparse_array: (state) => this.#configureSparse(state),
      encode_max_depth: (state) => this.#configureInteger(state, ENCODE_DEPTH_MAX, 1, INT_MAX),
      decode_max_depth: (state) => this.#configureInteger(state, DECODE_DEPTH_MAX, 1, INT_MAX),
      encode_number_precision: (state) => this.#configureInteger(state, PRECISION, 1, PRECISION_MAX),
      encode_keep_buffer: (state) => this.#configureOption(state, KEEP_BUFFER, ['off', 'on']),
      encode_invalid_numbers: (state) =>
        this.#configureOption(state, ENCODE_INVALID_NUMBERS, ['off', 'on', 'null']),
      decode_invalid_numbers: (state) => this.#configureOption(state, DECODE_INVALID_NUMBERS, ['off', 'on']),
      new: (state) => {
        this.push(state);
        return 1;
      },
    };
    this.#functions = Object.entries(functions).map(([name, call]) => [name, machine.define(call)] as const);
  }

  /** Pushes a copy of the library with settings of its own. */
  push(state: number): void {
    const machine = this.#machine;
    const { api } = machine;
    api.lua_createtable(state, 0, this.#functions.length + 3);
    const settings = api.lua_newuserdata(state, SETTINGS_BYTES);
    for (const [setting, value] of DEFAULTS) machine.view.setInt32(settings + setting, value, true);
    for (const [name, address] of this.#functions) {
      api.lua_pushvalue(state, -1);
      api.lua_pushcclosure(state, address, 1);
      api.lua_setfield(state, -3, machine.text(name));
    }
    api.lua_settop(state, -2);
    api.lua_pushlightuserdata(state, 0);
    api.lua_setfield(state, -2, machine.text('null'));
    machine.setTextField(state, '_NAME', 'cjson');
    machine.setTextField(state, '_VERSION', '2.1.0');
  }

  #setting(setting: number): number {
    return this.#machine.view.getInt32(this.#settings + setting, true);
  }

  #begin(state: number): void {
    this.#state = state;
    this.#settings = this.#machine.api.lua_touserdata(state, UPVALUE_1);
  }

  #beginSettings(state: number, argumentCount: number): void {
    const { api } = this.#machine;
    if (api.lua_gettop(state) > argumentCount) {
      this.#machine.raiseArgument(state, argumentCount + 1, 'found too many arguments');
    }
    api.lua_settop(state, argumentCount);
    this.#begin(state);
  }

  #integerOption(argument: number, setting: number, min: number, max: number): void {
    const { api, view } = this.#machine;
    const state = this.#state;
    if (api.lua_type(state, argument) !== NIL) {
      const value = api.luaL_checkinteger(state, argument);
      if (value < min || value > max) {
        this.#machine.raiseArgument(state, 1, `expected integer between ${min} and ${max}`);
      }
      view.setInt32(this.#settings + setting, value, true);
    }
    api.lua_pushnumber(state, this.#setting(setting));
  }

  #namedOption(argument: number, setting: number, names: readonly string[]): void {
    const { api } = this.#machine;
    const state = this.#state;
    const type = api.lua_type(state, argument);
    if (type === BOOLEAN) {
      this.#machine.view.setInt32(this.#settings + setting, api.lua_toboolean(state, argument), true);
    } else if (type !== NIL) {
      this.#machine.checkString(state, argument);
      const name = this.#machine.textAt(state, argument);
      const value = names.indexOf(name);
      if (value < 0) this.#machine.raiseArgument(state, argument, `invalid option '${name}'`);
      this.#machine.view.setInt32(this.#settings + setting, value, true);
    }
    const value = this.#setting(setting);
    if (value <= 1) api.lua_pushboolean(state, value);
    else this.#machine.pushText(state, names[value]);
  }

  #configureInteger(state: number, setting: number, min: number, max: number): number {
    this.#beginSettings(state, 1);
    this.#integerOption(1, setting, min, max);
    return 1;
  }

  #configureOption(state: number, setting: number, names: readonly string[]): number {
    this.#beginSettings(state, 1);
    this.#namedOption(1, setting, names);
    return 1;
  }

  #configureSparse(state: number): number {
    this.#beginSettings(state, 3);
    this.#namedOption(1, SPARSE_CONVERT, ['off', 'on']);
    this.#integerOption(2, SPARSE_RATIO, 0, INT_MAX);
    this.#integerOption(3, SPARSE_SAFE, 0, INT_MAX);
    return 3;
  }

  #encode(state: number): number {
    const machine = this.#machine;
    if (machine.api.lua_gettop(state) !== 1) machine.raiseArgument(state, 1, 'expected 1 argument');
    this.#begin(state);
    this.#output.reset();
    this.#appendValue(0);
    machine.pushBytes(state, this.#output.bytes, 0, this.#output.length);
    return 1;
  }

  /** Appends the value on top of the stack, which stays. */
  #appendValue(depth: number): void {
    const { api } = this.#machine;
    const state = this.#state;
    const output = this.#output;
    const type = api.lua_type(state, -1);
    switch (type) {
      case STRING:
        this.#appendString(-1);
        break;
      case NUMBER:
        this.#appendNumber(-1);
        break;
      case BOOLEAN:
        output.text(api.lua_toboolean(state, -1) !== 0 ? 'true' : 'false');
        break;
      case TABLE:
        this.#appendTable(depth + 1);
        break;
      case NIL:
        output.text('null');
        break;
      default:
        if (type !== LIGHT_USERDATA || api.lua_touserdata(state, -1) !== 0) {
          this.#refuse(-1, 'type not supported');
        }
        output.text('null');
    }
  }

  #appendTable(depth: number): void {
    const { api } = this.#machine;
    const state = this.#state;
    if (depth > this.#setting(ENCODE_DEPTH_MAX) || api.lua_checkstack(state, 3) === 0) {
      this.#machine.raise(state, `Cannot serialise, excessive nesting (${depth})`);
    }
    const length = this.#listLength();
    if (length > 0) this.#appendList(depth, length);
    else this.#appendObject(depth);
  }

  /** The largest index of a table that has none but positive integers as keys; -1 for any other. */
  #listLength(): number {
    const { api } = this.#machine;
    const state = this.#state;
    let largest = 0;
    let count = 0;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      const key = api.lua_type(state, -2) === NUMBER ? api.lua_tonumber(state, -2) : 0;
      if (!(key >= 1) || Math.floor(key) !== key) {
        api.lua_settop(state, -3);
        return -1;
      }
      if (key > largest) largest = key;
      count++;
      api.lua_settop(state, -2);
    }
    const ratio = this.#setting(SPARSE_RATIO);
    if (ratio > 0 && largest > count * ratio && largest > this.#setting(SPARSE_SAFE)) {
      if (this.#setting(SPARSE_CONVERT) === 0) this.#refuse(-1, 'excessively sparse array');
      return -1;
    }
    return largest;
  }

  #appendList(depth: number, length: number): void {
    const { api } = this.#machine;
    const state = this.#state;
    this.#output.byte(91);
    for (let index = 1; index <= length; index++) {
      if (index > 1) this.#output.byte(44);
      api.lua_rawgeti(state, -1, index);
      this.#appendValue(depth);
      api.lua_settop(state, -2);
    }
    this.#output.byte(93);
  }

  #appendObject(depth: number): void {
    const { api } = this.#machine;
    const state = this.#state;
    const output = this.#output;
    output.byte(123);
    let isFirst = true;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      if (!isFirst) output.byte(44);
      isFirst = false;
      const type = api.lua_type(state, -2);
      if (type === NUMBER) {
        output.byte(34);
        this.#appendNumber(-2);
        output.byte(34);
      } else if (type === STRING) {
        this.#appendString(-2);
      } else {
        this.#refuse(-2, 'table key must be a number or string');
      }
      output.byte(58);
      this.#appendValue(depth);
      api.lua_settop(state, -2);
    }
    output.byte(125);
  }

  #appendString(index: number): void {
    const machine = this.#machine;
    const output = this.#output;
    const start = machine.string(this.#state, index);
    const { heap } = machine;
    const end = start + machine.length;
    output.byte(34);
    let plain = start;
    for (let at = start; at < end; at++) {
      const escaped = ESCAPES[heap[at]];
      if (escaped === '') continue;
      output.copy(heap, plain, at - plain);
      output.text(escaped);
      plain = at + 1;
    }
    output.copy(heap, plain, end - plain);
    output.byte(34);
  }

  #appendNumber(index: number): void {
    const { api } = this.#machine;
    const output = this.#output;
    const value = api.lua_tonumber(this.#state, index);
    if (!Number.isFinite(value)) {
      const how = this.#setting(ENCODE_INVALID_NUMBERS);
      if (how === INVALID_REFUSED) this.#refuse(index, 'must not be NaN or Inf');
      if (how !== INVALID_WRITTEN) {
        output.text('null');
        return;
      }
      // C prints the sign of a NaN, so this writes what it is without.
      if (Number.isNaN(value)) {
        output.text('nan');
        return;
      }
    }
    output.text(this.#machine.numberText(this.#state, value, this.#setting(PRECISION)));
  }

  #refuse(index: number, reason: string): never {
    const { api } = this.#machine;
    const name = TYPE_NAMES[api.lua_type(this.#state, index)];
    return this.#machine.raise(this.#state, `Cannot serialise ${name}: ${reason}`);
  }

  #decode(state: number): number {
    const machine = this.#machine;
    if (machine.api.lua_gettop(state) !== 1) machine.raiseArgument(state, 1, 'expected 1 argument');
    this.#begin(state);
    const pointer = machine.checkString(state, 1);
    const { length, heap } = machine;
    if (length >= 2 && (heap[pointer] === 0 || heap[pointer + 1] === 0)) {
      machine.raise(state, 'JSON parser does not support UTF-16 or UTF-32');
    }
    this.#reader.begin(
      state,
      pointer,
      this.#setting(DECODE_DEPTH_MAX),
      this.#setting(DECODE_INVALID_NUMBERS) !== 0,
    );
    this.#reader.readAll();
    return 1;
  }
}

/** Reads JSON text, which lies in Lua's memory with a zero after it, and pushes what it stands for. */
class JsonReader {
  readonly #machine: LuaMachine;
  readonly #unescaped = new ByteWriter();
  #state = 0;
  #start = 0;
  #at = 0;
  #depth = 0;
  #depthMax = 0;
  #allowsInvalidNumbers = true;
  /** Where the present token begins, and its value. */
  #tokenAt = 0;
  #number = 0;
  #boolean = 0;
  #reason = '';
  /** The string's bytes: in Lua's memory, or, if it had escapes, in `#unescaped`. */
  #stringAt = 0;
  #stringLength = 0;
  #hasEscapes = false;

  constructor(machine: LuaMachine) {
    this.#machine = machine;
  }

  begin(state: number, start: number, depthMax: number, allowsInvalidNumbers: boolean): void {
    this.#state = state;
    this.#start = start;
    this.#at = start;
    this.#depth = 0;
    this.#depthMax = depthMax;
    this.#allowsInvalidNumbers = allowsInvalidNumbers;
  }

  readAll(): void {
    this.#pushValue(this.#next());
    const token = this.#next();
    if (token !== 'T_END') this.#fail('the end', token);
  }

  #pushValue(token: Token): void {
    const { api } = this.#machine;
    const state = this.#state;
    switch (token) {
      case 'T_STRING':
        this.#pushString();
        break;
      case 'T_NUMBER':
        api.lua_pushnumber(state, this.#number);
        break;
      case 'T_BOOLEAN':
        api.lua_pushboolean(state, this.#boolean);
        break;
      case 'T_OBJ_BEGIN':
        this.#pushObject();
        break;
      case 'T_ARR_BEGIN':
        this.#pushList();
        break;
      case 'T_NULL':
        api.lua_pushlightuserdata(state, 0);
        break;
      default:
        this.#fail('value', token);
    }
  }

  #descend(slots: number): void {
    this.#depth++;
    if (this.#depth > this.#depthMax || this.#machine.api.lua_checkstack(this.#state, slots) === 0) {
      const at = this.#at - this.#start;
      this.#machine.raise(
        this.#state,
        `Found too many nested data structures (${this.#depth}) at character ${at}`,
      );
    }
  }

  #pushObject(): void {
    const { api } = this.#machine;
    const state = this.#state;
    this.#descend(3);
    api.lua_createtable(state, 0, 0);
    let token = this.#next();
    while (token !== 'T_OBJ_END') {
      if (token !== 'T_STRING') this.#fail('object key string', token);
      this.#pushString();
      token = this.#next();
      if (token !== 'T_COLON') this.#fail('colon', token);
      this.#pushValue(this.#next());
      api.lua_rawset(state, -3);
      token = this.#next();
      if (token === 'T_OBJ_END') break;
      if (token !== 'T_COMMA') this.#fail('comma or object end', token);
      token = this.#next();
      // A comma is followed by a key, not by the end.
      if (token === 'T_OBJ_END') this.#fail('object key string', token);
    }
    this.#depth--;
  }

  #pushList(): void {
    const { api } = this.#machine;
    const state = this.#state;
    this.#descend(2);
    api.lua_createtable(state, 0, 0);
    let token = this.#next();
    if (token !== 'T_ARR_END') {
      for (let index = 1; ; index++) {
        this.#pushValue(token);
        api.lua_rawseti(state, -2, index);
        token = this.#next();
        if (token === 'T_ARR_END') break;
        if (token !== 'T_COMMA') this.#fail('comma or array end', token);
        token = this.#next();
      }
    }
    this.#depth--;
  }

  #pushString(): void {
    const machine = this.#machine;
    if (this.#hasEscapes) {
      machine.pushBytes(this.#state, this.#unescaped.bytes, 0, this.#unescaped.length);
    } else {
      machine.api.lua_pushlstring(this.#state, this.#stringAt, this.#stringLength);
    }
  }

  #next(): Token {
    const { heap } = this.#machine;
    let byte = heap[this.#at];
    while (byte === 32 || byte === 9 || byte === 10 || byte === 13) byte = heap[++this.#at];
    this.#tokenAt = this.#at;
    const single = SINGLE.get(byte);
    if (single !== undefined) {
      if (byte !== 0) this.#at++;
      return single;
    }
    if (byte === 34) return this.#readString();
    if (byte === 45 || (byte >= 48 && byte <= 57)) {
      if (!this.#allowsInvalidNumbers && this.#isInvalidNumber()) return this.#wrong('invalid number');
      return this.#readNumber();
    }
    if (this.#takes('true')) {
      this.#boolean = 1;
      return 'T_BOOLEAN';
    }
    if (this.#takes('false')) {
      this.#boolean = 0;
      return 'T_BOOLEAN';
    }
    if (this.#takes('null')) return 'T_NULL';
    const mayBeNumber = byte === 43 || byte === 105 || byte === 73 || byte === 110 || byte === 78;
    if (mayBeNumber && this.#allowsInvalidNumbers && this.#isInvalidNumber()) return this.#readNumber();
    return this.#wrong('invalid token');
  }

  #takes(word: string): boolean {
    const { heap } = this.#machine;
    for (let at = 0; at < word.length; at++) {
      if (heap[this.#at + at] !== word.charCodeAt(at)) return false;
    }
    this.#at += word.length;
    return true;
  }

  #isInvalidNumber(): boolean {
    return INVALID_NUMBER.test(latin1(this.#machine.heap, this.#at, 4));
  }

  #readNumber(): Token {
    const { heap } = this.#machine;
    const start = this.#at;
    let at = start;
    const isNegative = heap[at] === 45;
    if (isNegative) at++;
    let value = 0;
    const digitsAt = at;
    while (heap[at] >= 48 && heap[at] <= 57) value = value * 10 + heap[at++] - 48;
    const digits = at - digitsAt;
    const isPlain = digits > 0 && digits <= 15 && !NUMBER_CHARACTER.test(String.fromCharCode(heap[at]));
    if (isPlain) {
      this.#number = isNegative ? -value : value;
      this.#at = at;
      return 'T_NUMBER';
    }
    while (NUMBER_CHARACTER.test(String.fromCharCode(heap[at]))) at++;
    NUMBER_PATTERN.lastIndex = 0;
    const text = NUMBER_PATTERN.exec(latin1(heap, start, at - start))?.[0];
    if (text === undefined) return this.#wrong('invalid number');
    this.#number = numberOf(text);
    this.#at = start + text.length;
    return 'T_NUMBER';
  }

  #readString(): Token {
    const { heap } = this.#machine;
    const output = this.#unescaped;
    this.#at++;
    let plain = this.#at;
    this.#hasEscapes = false;
    output.reset();
    for (;;) {
      const byte = heap[this.#at];
      if (byte === 34) break;
      if (byte === 0) return this.#wrong('unexpected end of string');
      if (byte !== 92) {
        this.#at++;
        continue;
      }
      this.#hasEscapes = true;
      output.copy(heap, plain, this.#at - plain);
      const code = heap[this.#at + 1];
      if (code === 117) {
        const length = this.#appendUnicode();
        if (length === 0) return this.#wrong('invalid unicode escape code');
        this.#at += length;
      } else {
        if (UNESCAPED[code] < 0) return this.#wrong('invalid escape code');
        output.byte(UNESCAPED[code]);
        this.#at += 2;
      }
      plain = this.#at;
    }
    if (this.#hasEscapes) output.copy(heap, plain, this.#at - plain);
    this.#stringAt = plain;
    this.#stringLength = this.#at - plain;
    this.#at++;
    return 'T_STRING';
  }

  /** Appends the character of a `\u` escape, or of two that are a surrogate pair. Returns its length, 0 if it is none. */
  #appendUnicode(): number {
    let code = this.#hexadecimal(this.#at + 2);
    if (code < 0) return 0;
    let length = 6;
    if ((code & 0xf800) === 0xd800) {
      const { heap } = this.#machine;
      if ((code & 0x400) !== 0 || heap[this.#at + 6] !== 92 || heap[this.#at + 7] !== 117) return 0;
      const low = this.#hexadecimal(this.#at + 8);
      if (low < 0 || (low & 0xfc00) !== 0xdc00) return 0;
      code = ((code & 0x3ff) << 10) + (low & 0x3ff) + 0x10000;
      length = 12;
    }
    const output = this.#unescaped;
    if (code < 0x80) {
      output.byte(code);
    } else if (code < 0x800) {
      output.byte(0xc0 | (code >> 6));
      output.byte(0x80 | (code & 0x3f));
    } else {
      if (code < 0x10000) {
        output.byte(0xe0 | (code >> 12));
      } else {
        output.byte(0xf0 | (code >> 18));
        output.byte(0x80 | ((code >> 12) & 0x3f));
      }
      output.byte(0x80 | ((code >> 6) & 0x3f));
      output.byte(0x80 | (code & 0x3f));
    }
    return length;
  }

  #hexadecimal(at: number): number {
    const text = latin1(this.#machine.heap, at, 4);
    return /^[\da-f]{4}$/i.test(text) ? Number.parseInt(text, 16) : -1;
  }

  #wrong(reason: string): Token {
    this.#reason = reason;
    this.#tokenAt = this.#at;
    return 'T_ERROR';
  }

  #fail(expected: string, token: Token): never {
    const found = token === 'T_ERROR' ? this.#reason : token;
    const at = this.#tokenAt - this.#start + 1;
    return this.#machine.raise(this.#state, `Expected ${expected} but found ${found} at character ${at}`);
  }
}

/** The double that strtod(3) reads from all of a text. */
function numberOf(text: string): number {
  if (/nan/i.test(text)) return Number.NaN;
  if (/x/i.test(text)) {
    const bytes = Buffer.from(text, 'latin1');
    return parseDouble(bytes, 0, bytes.length);
  }
  if (/^[+-]?inf/i.test(text)) return text[0] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}
