import { latin1 } from '../base/bytes.ts';
import { ByteWriter } from './byte-writer.ts';
import { toInt, toLong, toUnsignedLong } from './c-integers.ts';
import { type LuaMachine, REGISTRY } from './lua-machine.ts';

const PERCENT = 37;
const FLAGS = '-+ #0';
/** A string from this length on is inserted whole unless a precision is given (lstrlib.c). */
const LONG_STRING_BYTES = 100;

/** A conversion such as `%-5.2f`, without what it converts. */
interface Conversion {
  readonly flags: string;
  readonly width: number;
  /** -1 if there is none. */
  readonly precision: number;
}

/**
 * `string.format` of Lua 5.1. Lua's own converts integers to a C `long`, which has 32 bits on this machine; Redis's has 64,
 * and scripts format times in milliseconds.
 */
export class StringFormatter {
  readonly #machine: LuaMachine;
  readonly #output = new ByteWriter();
  /** Reference of Lua's own `string.format`, for numbers with a point. */
  readonly #original: number;

  /** Lua's own function is taken from the table on top of the main stack. */
  constructor(machine: LuaMachine) {
    this.#machine = machine;
    const { api, state } = machine;
    api.lua_getfield(state, -1, machine.text('string'));
    api.lua_getfield(state, -1, machine.text('format'));
    this.#original = api.luaL_ref(state, REGISTRY);
    api.lua_settop(state, -2);
  }

  format(state: number): number {
    const machine = this.#machine;
    const output = this.#output;
    const start = machine.checkString(state, 1);
    const format = latin1(machine.heap, start, machine.length);
    output.reset();
    const count = machine.api.lua_gettop(state);
    let argument = 1;
    let plain = 0;
    for (let at = format.indexOf('%'); at >= 0; at = format.indexOf('%', at)) {
      output.text(format.slice(plain, at));
      at++;
      if (format.charCodeAt(at) === PERCENT) {
        output.byte(PERCENT);
        at++;
      } else {
        if (++argument > count) machine.raiseArgument(state, argument, 'no value');
        const spec = this.#read(state, format, at);
        at += spec.length;
        this.#append(state, argument, spec, format.charAt(at));
        at++;
      }
      plain = at;
    }
    output.text(format.slice(plain));
    machine.pushBytes(state, output.bytes, 0, output.length);
    return 1;
  }

  /** The flags, width and precision at a position, checked as Lua does. */
  #read(state: number, format: string, start: number): string {
    let at = start;
    while (at < format.length && FLAGS.includes(format[at])) at++;
    if (at - start > FLAGS.length) this.#machine.raise(state, 'invalid format (repeated flags)');
    const isDigit = () => format[at] >= '0' && format[at] <= '9';
    for (let digits = 0; digits < 2 && isDigit(); digits++) at++;
    if (format[at] === '.') {
      at++;
      for (let digits = 0; digits < 2 && isDigit(); digits++) at++;
    }
    if (isDigit()) this.#machine.raise(state, 'invalid format (width or precision too long)');
    return format.slice(start, at);
  }

  #append(state: number, argument: number, spec: string, option: string): void {
    const machine = this.#machine;
    const { api } = machine;
    const output = this.#output;
    switch (option) {
      case 'c': {
        const byte = toInt(api.luaL_checknumber(state, argument)) & 0xff;
        const text = padded(byte === 0 ? '\0' : String.fromCharCode(byte), conversionOf(spec));
        const end = text.indexOf('\0');
        output.text(end < 0 ? text : text.slice(0, end));
        break;
      }
      case 'd':
      case 'i': {
        const value = api.luaL_checknumber(state, argument);
        if (spec === '' && Number.isSafeInteger(value)) output.text(String(value));
        else output.text(signed(toLong(value), conversionOf(spec)));
        break;
      }
      case 'o':
      case 'u':
      case 'x':
      case 'X':
        output.text(
          unsigned(toUnsignedLong(api.luaL_checknumber(state, argument)), option, conversionOf(spec)),
        );
        break;
      case 'e':
      case 'E':
      case 'f':
      case 'g':
      case 'G': {
        const value = api.luaL_checknumber(state, argument);
        api.lua_rawgeti(state, REGISTRY, this.#original);
        machine.pushText(state, `%${spec}${option}`);
        api.lua_pushnumber(state, value);
        api.lua_call(state, 2, 1);
        const pointer = machine.string(state, -1);
        output.copy(machine.heap, pointer, machine.length);
        api.lua_settop(state, -2);
        break;
      }
      case 'q':
        this.#appendQuoted(machine.checkString(state, argument), machine.length);
        break;
      case 's': {
        const pointer = machine.checkString(state, argument);
        const { length } = machine;
        if (!spec.includes('.') && length >= LONG_STRING_BYTES) {
          output.copy(machine.heap, pointer, length);
          break;
        }
        // C's strings end at a zero.
        const end = machine.heap.indexOf(0, pointer);
        if (spec === '') output.copy(machine.heap, pointer, end - pointer);
        else {
          const conversion = conversionOf(spec);
          const text = latin1(machine.heap, pointer, end - pointer);
          const shown = conversion.precision < 0 ? text : text.slice(0, conversion.precision);
          output.text(padded(shown, conversion));
        }
        break;
      }
      default:
        machine.raise(state, `invalid option '%${option}' to 'format'`);
    }
  }

  #appendQuoted(pointer: number, length: number): void {
    const { heap } = this.#machine;
    const output = this.#output;
    output.byte(34);
    for (let at = pointer; at < pointer + length; at++) {
      const byte = heap[at];
      if (byte === 13) output.text('\\r');
      else if (byte === 0) output.text('\\000');
      else {
        if (byte === 34 || byte === 92 || byte === 10) output.byte(92);
        output.byte(byte);
      }
    }
    output.byte(34);
  }
}

function conversionOf(spec: string): Conversion {
  const match = /^([-+ #0]*)(\d*)(?:\.(\d*))?$/.exec(spec);
  return {
    flags: match?.[1] ?? '',
    width: Number(match?.[2] ?? 0),
    precision: match?.[3] === undefined ? -1 : Number(match[3]),
  };
}

function padded(text: string, { flags, width }: Conversion): string {
  return flags.includes('-') ? text.padEnd(width) : text.padStart(width);
}

/** Digits with their sign or prefix, brought to the width as printf does. */
function aligned(prefix: string, value: string, conversion: Conversion): string {
  const { flags, width, precision } = conversion;
  let digits = precision === 0 && value === '0' ? '' : value;
  if (precision >= 0) digits = digits.padStart(precision, '0');
  else if (flags.includes('0') && !flags.includes('-')) digits = digits.padStart(width - prefix.length, '0');
  return padded(prefix + digits, conversion);
}

function signed(value: bigint, conversion: Conversion): string {
  const { flags } = conversion;
  let sign = '';
  if (value < 0n) sign = '-';
  else if (flags.includes('+')) sign = '+';
  else if (flags.includes(' ')) sign = ' ';
  return aligned(sign, (value < 0n ? -value : value).toString(), conversion);
}

function unsigned(value: bigint, option: string, conversion: Conversion): string {
  const base = option === 'u' ? 10 : option === 'o' ? 8 : 16;
  let digits = value.toString(base);
  let prefix = '';
  if (conversion.flags.includes('#')) {
    if (base === 8 && value !== 0n) digits = `0${digits}`;
    if (base === 16 && value !== 0n) prefix = '0x';
  }
  const text = aligned(prefix, digits, conversion);
  return option === 'X' ? text.toUpperCase() : text;
}
