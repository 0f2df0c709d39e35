import { ByteWriter } from './byte-writer.ts';
import { toUnsignedLong } from './c-integers.ts';
import type { LuaMachine } from './lua-machine.ts';

const INT_BYTES = 4;
const LONG_BYTES = 8;
const ALIGNMENT_MAX = 8;
const INTEGER_BYTES_MAX = 32;
const INT_MAX = 2 ** 31 - 1;

/** A format being read: its options one by one, and the byte order and alignment they set. */
class Format {
  readonly #machine: LuaMachine;
  #state = 0;
  #text = '';
  #at = 0;
  isLittleEndian = true;
  #alignment = 1;
  option = '';
  /** Bytes that the option takes, without its padding. */
  size = 0;
  /** Zeros before the option, so that it is aligned. */
  padding = 0;

  constructor(machine: LuaMachine) {
    this.#machine = machine;
  }

  begin(state: number, text: string): void {
    this.#state = state;
    const end = text.indexOf('\0');
    this.#text = end < 0 ? text : text.slice(0, end);
    this.#at = 0;
    this.isLittleEndian = true;
    this.#alignment = 1;
  }

  /** Reads the next option, which begins `offset` bytes into the data; false at the end. */
  next(offset: number): boolean {
    if (this.#at >= this.#text.length) return false;
    this.option = this.#text[this.#at++];
    this.size = this.#sizeOf(this.option);
    this.padding = this.#paddingOf(offset);
    return true;
  }

  /** Takes an option that stands for no data. */
  control(): void {
    switch (this.option) {
      case '>':
        this.isLittleEndian = false;
        break;
      case '<':
        this.isLittleEndian = true;
        break;
      case '!': {
        const alignment = this.#number(ALIGNMENT_MAX);
        if (!isPowerOfTwo(alignment))
          this.#machine.raise(this.#state, `alignment ${alignment} is not a power of 2`);
        this.#alignment = alignment;
        break;
      }
      default:
    }
  }

  #sizeOf(option: string): number {
    switch (option) {
      case 'b':
      case 'B':
      case 'x':
        return 1;
      case 'h':
      case 'H':
        return 2;
      case 'l':
      case 'L':
        return LONG_BYTES;
      case 'f':
        return 4;
      case 'd':
        return 8;
      case 'c':
        return this.#number(1);
      case 's':
      case ' ':
      case '<':
      case '>':
      case '!':
        return 0;
      case 'i':
      case 'I': {
        const size = this.#number(INT_BYTES);
        if (size > INTEGER_BYTES_MAX) {
          this.#machine.raise(
            this.#state,
            `integral size ${size} is larger than limit of ${INTEGER_BYTES_MAX}`,
          );
        }
        return size;
      }
      default:
        return this.#machine.raiseArgument(this.#state, 1, `invalid format option '${option}'`);
    }
  }

  #number(fallback: number): number {
    let value = -1;
    while (this.#at < this.#text.length) {
      const digit = this.#text.charCodeAt(this.#at) - 48;
      if (digit < 0 || digit > 9) break;
      value = Math.max(value, 0);
      if (value > Math.floor(INT_MAX / 10) || value * 10 > INT_MAX - digit) {
        this.#machine.raise(this.#state, 'integral size overflow');
      }
      value = value * 10 + digit;
      this.#at++;
    }
    return value < 0 ? fallback : value;
  }

  #paddingOf(offset: number): number {
    if (this.size === 0 || this.option === 'c') return 0;
    const size = Math.min(this.size, this.#alignment);
    return size > 1 ? (size - (offset & (size - 1))) & (size - 1) : 0;
  }
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** Pushes the library `struct`: packs values into bytes by a format (R. Ierusalimschy's struct 0.2, as in Redis). */
export function pushStructLibrary(machine: LuaMachine): void {
  const { api, state } = machine;
  const format = new Format(machine);
  const output = new ByteWriter();

  const checkedText = (at: number, argument: number): string => {
    machine.checkString(at, argument);
    return machine.textAt(at, argument);
  };

  const packInteger = (at: number, argument: number) => {
    const bits = toUnsignedLong(api.luaL_checknumber(at, argument));
    const { size } = format;
    for (let index = 0; index < size; index++) {
      const place = format.isLittleEndian ? index : size - 1 - index;
      output.byte(Number((bits >> BigInt(8 * place)) & 0xffn));
    }
  };

  const packString = (at: number, argument: number) => {
    const pointer = machine.checkString(at, argument);
    const { length } = machine;
    const size = format.size === 0 ? length : format.size;
    if (length < size) machine.raiseArgument(at, argument + 1, 'string too short');
    output.copy(machine.heap, pointer, size);
    if (format.option === 's') output.byte(0);
  };

  const pack = (at: number): number => {
    format.begin(at, checkedText(at, 1));
    output.reset();
    let argument = 2;
    while (format.next(output.length)) {
      output.zeros(format.padding);
      switch (format.option) {
        case 'b':
        case 'B':
        case 'h':
        case 'H':
        case 'l':
        case 'L':
        case 'i':
        case 'I':
          packInteger(at, argument++);
          break;
        case 'x':
          output.byte(0);
          break;
        case 'f':
          output.float32(api.luaL_checknumber(at, argument++), format.isLittleEndian);
          break;
        case 'd':
          output.float64(api.luaL_checknumber(at, argument++), format.isLittleEndian);
          break;
        case 'c':
        case 's':
          packString(at, argument++);
          break;
        default:
          format.control();
      }
    }
    machine.pushBytes(at, output.bytes, 0, output.length);
    return 1;
  };

  const integerAt = (pointer: number): number => {
    const { size, isLittleEndian, option } = format;
    let bits = 0n;
    for (let index = 0; index < size; index++) {
      const byte = machine.heap[pointer + (isLittleEndian ? index : size - 1 - index)];
      bits |= BigInt(byte) << BigInt(8 * index);
    }
    bits = BigInt.asUintN(64, bits);
    if (option === option.toUpperCase()) return Number(bits);
    return Number(BigInt.asIntN(64, size < 8 ? BigInt.asIntN(8 * size, bits) : bits));
  };

  const unpack = (at: number): number => {
    format.begin(at, checkedText(at, 1));
    const data = machine.checkString(at, 2);
    const { length } = machine;
    let offset = api.luaL_optinteger(at, 3, 1) - 1;
    if (offset < 0) machine.raiseArgument(at, 3, 'offset must be 1 or greater');
    api.lua_settop(at, 2);
    let count = 0;
    const checkRoom = (bytes: number) => {
      if (offset > length || bytes > length - offset) machine.raiseArgument(at, 2, 'data string too short');
    };
    while (format.next(offset)) {
      offset += format.padding;
      checkRoom(format.size);
      if (api.lua_checkstack(at, 2) === 0) machine.raise(at, 'stack overflow (too many results)');
      switch (format.option) {
        case 'b':
        case 'B':
        case 'h':
        case 'H':
        case 'l':
        case 'L':
        case 'i':
        case 'I':
          api.lua_pushnumber(at, integerAt(data + offset));
          count++;
          break;
        case 'x':
          break;
        case 'f':
          api.lua_pushnumber(at, machine.view.getFloat32(data + offset, format.isLittleEndian));
          count++;
          break;
        case 'd':
          api.lua_pushnumber(at, machine.view.getFloat64(data + offset, format.isLittleEndian));
          count++;
          break;
        case 'c':
          if (format.size === 0) {
            if (count === 0 || api.lua_isnumber(at, -1) === 0) {
              machine.raise(at, "format 'c0' needs a previous size");
            }
            format.size = Number(toUnsignedLong(api.lua_tonumber(at, -1)));
            api.lua_settop(at, -2);
            count--;
            checkRoom(format.size);
          }
          api.lua_pushlstring(at, data + offset, format.size);
          count++;
          break;
        case 's': {
          const end = machine.heap.indexOf(0, data + offset);
          if (end >= data + length) machine.raise(at, 'unfinished string in data');
          format.size = end - data - offset + 1;
          api.lua_pushlstring(at, data + offset, format.size - 1);
          count++;
          break;
        }
        default:
          format.control();
      }
      offset += format.size;
    }
    api.lua_pushnumber(at, offset + 1);
    return count + 1;
  };

  const size = (at: number): number => {
    format.begin(at, checkedText(at, 1));
    let total = 0;
    while (format.next(total)) {
      total += format.padding;
      if (format.option === 's') machine.raiseArgument(at, 1, "option 's' has no fixed size");
      if (format.option === 'c' && format.size === 0) {
        machine.raiseArgument(at, 1, "option 'c0' has no fixed size");
      }
      if (format.size === 0) format.control();
      total += format.size;
      if (total > INT_MAX) machine.raise(at, 'integral size overflow');
    }
    api.lua_pushnumber(at, total);
    return 1;
  };

  api.lua_createtable(state, 0, 3);
  machine.setFunction(state, 'pack', pack);
  machine.setFunction(state, 'unpack', unpack);
  machine.setFunction(state, 'size', size);
}
