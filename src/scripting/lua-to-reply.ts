import { latin1 } from '../base/bytes.ts';
import type { Encoder } from '../resp/encoder.ts';
import { toLong } from './c-integers.ts';
import { BOOLEAN, type LuaMachine, NIL, NUMBER, STRING, TABLE } from './lua-machine.ts';

const SLOTS = 8;
/** Tables nested more deeply are refused; Redis too gives up at some thousands. */
const DEPTH_MAX = 1000;

/** Answers with what a script returned: turns a value into a reply, of RESP2 or RESP3 as the encoder is set. */
export class ReplyWriter {
  readonly #machine: LuaMachine;
  #reply!: Encoder;
  #scriptProtocol = 2;
  #depth = 0;
  readonly #names: Readonly<Record<string, number>>;

  constructor(machine: LuaMachine) {
    this.#machine = machine;
    const { api, state } = machine;
    // The names of fields that are looked for lie at the bottom of the main stack, so that none is made anew.
    const names = ['err', 'ok', 'double', 'big_number', 'verbatim_string', 'map', 'set', 'format', 'string'];
    const indices: Record<string, number> = {};
    for (const name of names) {
      machine.pushText(state, name);
      indices[name] = api.lua_gettop(state);
    }
    this.#names = indices;
  }

  /** Writes the value on top of the main stack, and pops it. `scriptProtocol` is what the script chose by redis.setresp. */
  write(reply: Encoder, scriptProtocol: number): void {
    this.#reply = reply;
    this.#scriptProtocol = scriptProtocol;
    this.#depth = 0;
    this.#write();
  }

  #write(): void {
    const machine = this.#machine;
    const { api, state } = machine;
    const reply = this.#reply;
    if (this.#depth === DEPTH_MAX || api.lua_checkstack(state, SLOTS) === 0) {
      reply.error('ERR reached lua stack limit');
      api.lua_settop(state, -2);
      return;
    }
    switch (api.lua_type(state, -1)) {
      case STRING: {
        const pointer = machine.string(state, -1);
        reply.bulk(machine.heap, pointer, machine.length);
        break;
      }
      case NUMBER: {
        const value = api.lua_tonumber(state, -1);
        if (Number.isSafeInteger(value)) reply.integer(value);
        else reply.bigInteger(toLong(value));
        break;
      }
      case BOOLEAN: {
        const value = api.lua_toboolean(state, -1) !== 0;
        if (this.#scriptProtocol === 3) reply.boolean(value);
        else if (value) reply.integer(1);
        else reply.null();
        break;
      }
      case TABLE:
        this.#depth++;
        this.#writeTable();
        this.#depth--;
        break;
      default:
        reply.null();
    }
    api.lua_settop(state, -2);
  }

  /** Pushes a field of the table on top; its type. */
  #field(name: string): number {
    const { api, state } = this.#machine;
    api.lua_pushvalue(state, this.#names[name]);
    api.lua_rawget(state, -2);
    return api.lua_type(state, -1);
  }

  /** Writes the table on top, which stays. */
  #writeTable(): void {
    const machine = this.#machine;
    const { api, state } = machine;
    const reply = this.#reply;
    const top = api.lua_gettop(state);
    if (this.#field('err') === STRING) reply.error(machine.textAt(state, -1));
    else if (this.#nextField(top, 'ok') === STRING) reply.simple(this.#line());
    else if (this.#nextField(top, 'double') === NUMBER) reply.double(api.lua_tonumber(state, -1));
    else if (this.#nextField(top, 'big_number') === STRING) this.#writeBigNumber(this.#line());
    else if (this.#nextField(top, 'verbatim_string') !== TABLE || !this.#writeVerbatim()) {
      if (this.#nextField(top, 'map') === TABLE) this.#writePairs('map');
      else if (this.#nextField(top, 'set') === TABLE) this.#writePairs('set');
      else {
        api.lua_settop(state, top);
        this.#writeList();
      }
    }
    api.lua_settop(state, top);
  }

  #nextField(top: number, name: string): number {
    this.#machine.api.lua_settop(this.#machine.state, top);
    return this.#field(name);
  }

  /** The string on top as C shows it, up to its first zero, without line ends. */
  #line(): string {
    return this.#machine
      .textAt(this.#machine.state, -1)
      .replace(/\0.*$/s, '')
      .replace(/[\r\n]/g, ' ');
  }

  #writeBigNumber(digits: string): void {
    const reply = this.#reply;
    if (reply.protocol === 3) reply.raw(Buffer.from(`(${digits}\r\n`, 'latin1'));
    else reply.bulkText(digits);
  }

  /** Writes the table on top if it is a verbatim string; else answers false. */
  #writeVerbatim(): boolean {
    const machine = this.#machine;
    const { state } = machine;
    if (this.#field('format') !== STRING) return false;
    const format = machine.textAt(state, -1);
    machine.api.lua_settop(state, -2);
    if (this.#field('string') !== STRING) return false;
    const pointer = machine.string(state, -1);
    const { length } = machine;
    const reply = this.#reply;
    if (reply.protocol !== 3) reply.bulk(machine.heap, pointer, length);
    else {
      const head = `=${length + 4}\r\n${format.slice(0, 3).padEnd(3)}:`;
      reply.raw(Buffer.from(`${head}${latin1(machine.heap, pointer, length)}\r\n`, 'latin1'));
    }
    return true;
  }

  /** Writes the table on top as a map, or its keys as a set. */
  #writePairs(kind: 'map' | 'set'): void {
    const { api, state } = this.#machine;
    const reply = this.#reply;
    const mark = reply.open();
    let count = 0;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      if (kind === 'set') api.lua_settop(state, -2);
      api.lua_pushvalue(state, kind === 'set' ? -1 : -2);
      this.#write();
      if (kind === 'map') this.#write();
      count++;
    }
    if (kind === 'map') reply.closeMap(mark, count);
    else reply.closeSet(mark, count);
  }

  /** Writes the values of the table on top from 1 on, up to the first nil. */
  #writeList(): void {
    const { api, state } = this.#machine;
    const reply = this.#reply;
    let count = api.lua_objlen(state, -1);
    // A length that is known beforehand saves moving what was written; a border is not always the first.
    const mark = reply.open();
    reply.array(count);
    let index = 1;
    for (; index <= count; index++) {
      api.lua_rawgeti(state, -1, index);
      if (api.lua_type(state, -1) === NIL) {
        api.lua_settop(state, -2);
        break;
      }
      this.#write();
    }
    if (index > count) return;
    count = index - 1;
    const head = Buffer.byteLength(`*${api.lua_objlen(state, -1)}\r\n`);
    reply.buffer.copyWithin(mark, mark + head, reply.length);
    reply.length -= head;
    reply.closeArray(mark, count);
  }
}
