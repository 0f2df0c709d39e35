import type { LuaFunction, LuaMachine } from './lua-machine.ts';

/** Added to a double, it brings the integer into the lower 32 bits of the mantissa, modulo 2^32 (Lua BitOp). */
const ROUNDING = 6755399441055744;
const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

const BITS_MASK = 31;
const HEX_DIGITS_MAX = 8;

/** Pushes the library `bit`: operations on integers of 32 bits, as Lua BitOp 1.0.2 has them. */
export function pushBitLibrary(machine: LuaMachine): void {
  const { api, state } = machine;

  const operand = (at: number, index: number): number => {
    double[0] = api.lua_tonumber(at, index) + ROUNDING;
    const bits = halves[0];
    if (bits === 0 && api.lua_isnumber(at, index) === 0) api.luaL_typerror(at, index, machine.text('number'));
    return bits;
  };
  const pushed = (at: number, bits: number): number => {
    api.lua_pushnumber(at, bits | 0);
    return 1;
  };
  const define = (name: string, call: LuaFunction) => machine.setFunction(state, name, call);
  const fold = (name: string, combine: (left: number, right: number) => number) =>
    define(name, (at) => {
      let bits = operand(at, 1);
      for (let index = api.lua_gettop(at); index > 1; index--) bits = combine(bits, operand(at, index));
      return pushed(at, bits);
    });
  const shift = (name: string, move: (bits: number, by: number) => number) =>
    define(name, (at) => pushed(at, move(operand(at, 1), operand(at, 2) & BITS_MASK)));

  api.lua_createtable(state, 0, 12);
  define('tobit', (at) => pushed(at, operand(at, 1)));
  define('bnot', (at) => pushed(at, ~operand(at, 1)));
  fold('band', (left, right) => left & right);
  fold('bor', (left, right) => left | right);
  fold('bxor', (left, right) => left ^ right);
  shift('lshift', (bits, by) => bits << by);
  shift('rshift', (bits, by) => bits >>> by);
  shift('arshift', (bits, by) => bits >> by);
  shift('rol', (bits, by) => (bits << by) | (bits >>> (32 - by)));
  shift('ror', (bits, by) => (bits << (32 - by)) | (bits >>> by));
  define('bswap', (at) => {
    const bits = operand(at, 1);
    return pushed(at, (bits >>> 24) | ((bits >> 8) & 0xff00) | ((bits & 0xff00) << 8) | (bits << 24));
  });
  define('tohex', (at) => {
    const bits = operand(at, 1);
    const wanted = api.lua_gettop(at) < 2 ? HEX_DIGITS_MAX : operand(at, 2);
    const digits = Math.min(Math.abs(wanted), HEX_DIGITS_MAX);
    const text = (bits >>> 0)
      .toString(16)
      .padStart(HEX_DIGITS_MAX, '0')
      .slice(HEX_DIGITS_MAX - digits);
    machine.pushText(at, wanted < 0 ? text.toUpperCase() : text);
    return 1;
  });
}
