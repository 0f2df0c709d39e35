import { latin1 } from '../base/bytes.ts';
import type { LuaMachine } from './lua-machine.ts';

const LINE_END_BYTES = 2;
/** Integers of so many digits are exact as doubles at each step. */
const EXACT_DIGITS = 15;
const ARRAY = 42;
const BIG_NUMBER = 40;
const BOOLEAN_REPLY = 35;
const BULK = 36;
const DOUBLE = 44;
const ERROR = 45;
const INTEGER = 58;
const MAP = 37;
const NULL = 95;
const PUSH = 62;
const ATTRIBUTE = 124;
const SET = 126;
const SIMPLE = 43;
const VERBATIM = 61;

const FORMAT_BYTES = 4;

/** Gives a script the reply to a command: pushes what the bytes of a reply stand for, in RESP2 or RESP3. */
export class ReplyReader {
  readonly #machine: LuaMachine;
  readonly #okName: number;
  #state = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Where the reply's bytes lie in Lua's memory: so far behind where they lie in `#bytes`. */
  #distance = 0;

  constructor(machine: LuaMachine) {
    this.#machine = machine;
    this.#okName = machine.text('ok');
  }

  /** Pushes the reply in `bytes[start … end)`. Pushes a table with a field `err` for an error. */
  push(state: number, bytes: Uint8Array, start: number, end: number): void {
    const machine = this.#machine;
    const { api } = machine;
    this.#state = state;
    this.#bytes = bytes;
    this.#at = start;
    const type = bytes[start];
    if (type === INTEGER) {
      api.lua_pushnumber(state, this.#integer());
      return;
    }
    // Copied once as a whole, since Lua takes strings from its own memory only.
    const target = machine.scratch(end - start);
    const { heap } = machine;
    if (end - start <= 64) for (let at = start; at < end; at++) heap[target + at - start] = bytes[at];
    else heap.set(bytes.subarray(start, end), target);
    this.#distance = target - start;
    this.#pushValue();
  }

  #pushValue(): void {
    const { api } = this.#machine;
    const state = this.#state;
    const type = this.#bytes[this.#at];
    switch (type) {
      case BULK: {
        const length = this.#integer();
        if (length < 0) {
          api.lua_pushboolean(state, 0);
          return;
        }
        api.lua_pushlstring(state, this.#at + this.#distance, length);
        this.#at += length + LINE_END_BYTES;
        return;
      }
      case INTEGER:
        api.lua_pushnumber(state, this.#integer());
        return;
      case SIMPLE: {
        const start = this.#at + 1;
        const end = this.#lineEnd();
        api.lua_createtable(state, 0, 1);
        api.lua_pushlstring(state, start + this.#distance, end - start);
        api.lua_setfield(state, -2, this.#okName);
        return;
      }
      case ERROR: {
        const start = this.#at + 1;
        const text = latin1(this.#bytes, start, this.#lineEnd() - start);
        pushError(this.#machine, state, text, true);
        return;
      }
      case ARRAY:
      case PUSH: {
        const count = this.#integer();
        if (count < 0) api.lua_pushboolean(state, 0);
        else this.#pushList(count);
        return;
      }
      case NULL:
        this.#lineEnd();
        api.lua_pushnil(state);
        return;
      case BOOLEAN_REPLY:
        api.lua_pushboolean(state, this.#bytes[this.#at + 1] === 116 ? 1 : 0);
        this.#lineEnd();
        return;
      case DOUBLE: {
        const start = this.#at + 1;
        const text = latin1(this.#bytes, start, this.#lineEnd() - start);
        api.lua_createtable(state, 0, 1);
        api.lua_pushnumber(state, Number(text.replace('inf', 'Infinity')));
        api.lua_setfield(state, -2, this.#machine.text('double'));
        return;
      }
      case BIG_NUMBER: {
        const start = this.#at + 1;
        const end = this.#lineEnd();
        api.lua_createtable(state, 0, 1);
        api.lua_pushlstring(state, start + this.#distance, end - start);
        api.lua_setfield(state, -2, this.#machine.text('big_number'));
        return;
      }
      case VERBATIM: {
        const length = this.#integer();
        const start = this.#at + this.#distance;
        this.#at += length + LINE_END_BYTES;
        api.lua_createtable(state, 0, 1);
        api.lua_createtable(state, 0, 2);
        api.lua_pushlstring(state, start + FORMAT_BYTES, length - FORMAT_BYTES);
        api.lua_setfield(state, -2, this.#machine.text('string'));
        api.lua_pushlstring(state, start, FORMAT_BYTES - 1);
        api.lua_setfield(state, -2, this.#machine.text('format'));
        api.lua_setfield(state, -2, this.#machine.text('verbatim_string'));
        return;
      }
      case MAP:
        this.#pushPairs(this.#integer(), 'map');
        return;
      case SET:
        this.#pushPairs(this.#integer(), 'set');
        return;
      case ATTRIBUTE:
        // Scripts are not told of attributes; the reply follows.
        this.#pushPairs(this.#integer(), 'map');
        api.lua_settop(state, -2);
        this.#pushValue();
        return;
      default:
        throw new Error(`A reply begins with byte ${type}`);
    }
  }

  #pushList(count: number): void {
    const { api } = this.#machine;
    const state = this.#state;
    this.#descend();
    api.lua_createtable(state, count, 0);
    for (let index = 1; index <= count; index++) {
      this.#pushValue();
      api.lua_rawseti(state, -2, index);
    }
  }

  #pushPairs(count: number, kind: 'map' | 'set'): void {
    const { api } = this.#machine;
    const state = this.#state;
    this.#descend();
    api.lua_createtable(state, 0, 1);
    api.lua_createtable(state, 0, count);
    for (let pair = 0; pair < count; pair++) {
      this.#pushValue();
      if (kind === 'map') this.#pushValue();
      else api.lua_pushboolean(state, 1);
      api.lua_rawset(state, -3);
    }
    api.lua_setfield(state, -2, this.#machine.text(kind));
  }

  #descend(): void {
    if (this.#machine.api.lua_checkstack(this.#state, 8) === 0) {
      this.#machine.raise(this.#state, 'lua stack limit reach when parsing redis.call reply');
    }
  }

  /** The integer of the line at the position, which moves behind it. */
  #integer(): number {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    const isNegative = bytes[at] === 45;
    if (isNegative) at++;
    const start = at;
    let value = 0;
    while (bytes[at] !== 13) value = value * 10 + bytes[at++] - 48;
    this.#at = at + LINE_END_BYTES;
    if (at - start > EXACT_DIGITS) value = Number(latin1(bytes, start, at - start));
    return isNegative ? -value : value;
  }

  /** Where the line at the position ends; the position moves behind it. */
  #lineEnd(): number {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    while (bytes[at] !== 13) at++;
    this.#at = at + LINE_END_BYTES;
    return at;
  }
}

/**
 * Pushes an error as scripts see it, a table with a field `err`. `text` is what follows the dash of an error reply; without
 * a code of its own it gets `ERR`. `isCounted` marks errors that the statistics have counted already.
 */
export function pushError(machine: LuaMachine, state: number, text: string, isCounted: boolean): void {
  const { api } = machine;
  const trimmed = text.replace(/^([^ ]* )[\r\n]+/, '$1').replace(/[\r\n]+$/, '');
  api.lua_createtable(state, 0, 2);
  machine.setTextField(state, 'err', trimmed.includes(' ') ? trimmed : `ERR ${trimmed}`);
  if (!isCounted) return;
  api.lua_pushboolean(state, 1);
  api.lua_setfield(state, -2, machine.text('ignore_error_stats_update'));
}
