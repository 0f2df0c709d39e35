import { createHash } from 'node:crypto';
import { formatDouble } from '../base/numbers.ts';
import { Arguments } from '../resp/arguments.ts';
import { toLong } from './c-integers.ts';
import { type LuaMachine, NUMBER, STRING } from './lua-machine.ts';
import { pushError, type ReplyReader } from './reply-to-lua.ts';
import { callFromScript } from './script-call.ts';
import { PROPAGATES_TO_LOG, PROPAGATES_TO_REPLICAS, type ScriptRun } from './script-run.ts';

/** Bytes of a number's text. */
const NUMBER_BYTES = 32;
const NUMBERS_INITIAL = 16;

/** Levels of redis.log, from the least to the most important, as Redis numbers them. */
const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What the functions of `redis` need of the server. */
export interface RedisLibraryHost {
  readonly version: string;
  log(level: LogLevel, text: string): void;
}

/** SHA-1 of bytes in hexadecimal. */
export function sha1Hex(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}

/** The table `redis`: how a script reaches the server. */
export class RedisLibrary {
  readonly #machine: LuaMachine;
  readonly #host: RedisLibraryHost;
  readonly #run: ScriptRun;
  readonly #reader: ReplyReader;
  readonly #words = new Arguments();
  /** Where the texts of numbers among the arguments are put. */
  #numbers: number;
  #numberSlots = NUMBERS_INITIAL;

  constructor(machine: LuaMachine, run: ScriptRun, reader: ReplyReader, host: RedisLibraryHost) {
    this.#machine = machine;
    this.#run = run;
    this.#reader = reader;
    this.#host = host;
    this.#numbers = machine.api.malloc(NUMBERS_INITIAL * NUMBER_BYTES);
  }

  /** Pushes the whole table onto the main stack. */
  push(): void {
    const machine = this.#machine;
    const { api, state } = machine;
    api.lua_createtable(state, 0, 32);
    machine.setFunction(state, 'call', (at) => this.#call(at, true));
    machine.setFunction(state, 'pcall', (at) => this.#call(at, false));
    machine.setFunction(state, 'sha1hex', (at) => this.#sha1hex(at));
    machine.setFunction(state, 'error_reply', (at) => this.#errorReply(at));
    machine.setFunction(state, 'status_reply', (at) => this.#statusReply(at));
    machine.setFunction(state, 'setresp', (at) => this.#setProtocol(at));
    machine.setFunction(state, 'set_repl', (at) => this.#setTargets(at));
    machine.setFunction(state, 'acl_check_cmd', (at) => this.#checkAccess(at));
    machine.setFunction(state, 'replicate_commands', (at) => {
      api.lua_pushboolean(at, 1);
      return 1;
    });
    machine.setFunction(state, 'breakpoint', (at) => {
      api.lua_pushboolean(at, 0);
      return 1;
    });
    machine.setFunction(state, 'debug', () => 0);
    this.pushShared();
    machine.setNumberField(state, 'REPL_NONE', 0);
    machine.setNumberField(state, 'REPL_AOF', PROPAGATES_TO_LOG);
    machine.setNumberField(state, 'REPL_SLAVE', PROPAGATES_TO_REPLICAS);
    machine.setNumberField(state, 'REPL_REPLICA', PROPAGATES_TO_REPLICAS);
    machine.setNumberField(state, 'REPL_ALL', PROPAGATES_TO_LOG | PROPAGATES_TO_REPLICAS);
  }

  /** Adds to the table on top of the main stack what libraries see while they are loaded, too. */
  pushShared(): void {
    const machine = this.#machine;
    const { state } = machine;
    const { version } = this.#host;
    const [major, minor, patch] = version.split('.').map(Number);
    machine.setFunction(state, 'log', (at) => this.#log(at));
    for (const [level, name] of LOG_LEVELS.entries()) {
      machine.setNumberField(state, `LOG_${name.toUpperCase()}`, level);
    }
    machine.setTextField(state, 'REDIS_VERSION', version);
    machine.setNumberField(state, 'REDIS_VERSION_NUM', (major << 16) | (minor << 8) | patch);
  }

  #call(state: number, raises: boolean): number {
    const machine = this.#machine;
    const run = this.#run;
    if (!run.isActive) {
      this.#fail(state, 'redis.call/pcall can only be called inside a script invocation');
    }
    const words = this.#takeWords(state);
    if (words === null) return this.#refuse(state, raises);
    const { reply } = run.call;
    const start = reply.length;
    const error = callFromScript(run, words);
    if (error !== null) {
      run.commandError = error;
      pushError(machine, state, error, true);
      return raises ? machine.raiseTop(state) : 1;
    }
    const isError = reply.buffer[start] === 45;
    if (isError) run.commandError = reply.lastError;
    this.#reader.push(state, reply.buffer, start, reply.length);
    reply.length = start;
    return raises && isError ? machine.raiseTop(state) : 1;
  }

  /** The arguments on the stack as words over Lua's own memory; null if they can't be, with an error on top. */
  #takeWords(state: number): Arguments | null {
    const machine = this.#machine;
    const { api } = machine;
    const words = this.#words;
    const count = api.lua_gettop(state);
    words.count = 0;
    if (count === 0) {
      pushError(machine, state, 'ERR Please specify at least one argument for this redis lib call', false);
      return null;
    }
    let numbers = 0;
    for (let index = 1; index <= count; index++) {
      const type = api.lua_type(state, index);
      if (type === STRING) {
        const pointer = machine.string(state, index);
        words.push(pointer, machine.length);
      } else if (type === NUMBER) {
        const text = argumentText(api.lua_tonumber(state, index));
        if (numbers === this.#numberSlots) this.#growNumbers();
        const pointer = this.#numbers + numbers++ * NUMBER_BYTES;
        for (let at = 0; at < text.length; at++) machine.heap[pointer + at] = text.charCodeAt(at);
        words.push(pointer, text.length);
      } else {
        pushError(machine, state, 'ERR Lua redis lib command arguments must be strings or integers', false);
        return null;
      }
    }
    words.buffer = machine.heap;
    words.view = machine.view;
    return words;
  }

  /** Doubles the room for numbers; what is there moves. */
  #growNumbers(): void {
    const machine = this.#machine;
    const bytes = this.#numberSlots * NUMBER_BYTES;
    const larger = machine.api.malloc(bytes * 2);
    if (larger === 0) throw new RangeError('not enough memory');
    machine.heap.copyWithin(larger, this.#numbers, this.#numbers + bytes);
    const words = this.#words;
    for (let at = 0; at < words.count; at++) {
      const into = words.offsets[at] - this.#numbers;
      if (into >= 0 && into < bytes) words.offsets[at] = larger + into;
    }
    machine.api.free(this.#numbers);
    this.#numbers = larger;
    this.#numberSlots *= 2;
  }

  #refuse(state: number, raises: boolean): number {
    return raises ? this.#machine.raiseTop(state) : 1;
  }

  #fail(state: number, text: string): never {
    pushError(this.#machine, state, `ERR ${text}`, false);
    return this.#machine.raiseTop(state);
  }

  #sha1hex(state: number): number {
    const machine = this.#machine;
    if (machine.api.lua_gettop(state) !== 1) this.#fail(state, 'wrong number of arguments');
    const pointer = machine.string(state, 1);
    const length = pointer === 0 ? 0 : machine.length;
    machine.pushText(state, sha1Hex(machine.heap.subarray(pointer, pointer + length)));
    return 1;
  }

  #isOneString(state: number): boolean {
    const { api } = this.#machine;
    if (api.lua_gettop(state) === 1 && api.lua_type(state, 1) === STRING) return true;
    pushError(this.#machine, state, 'ERR wrong number or type of arguments', false);
    return false;
  }

  #errorReply(state: number): number {
    if (!this.#isOneString(state)) return 1;
    const text = this.#machine.textAt(state, 1).replace(/\0.*$/s, '');
    pushError(this.#machine, state, text.replace(/^-/, ''), false);
    return 1;
  }

  #statusReply(state: number): number {
    if (!this.#isOneString(state)) return 1;
    const { api } = this.#machine;
    api.lua_createtable(state, 0, 1);
    api.lua_pushvalue(state, 1);
    api.lua_setfield(state, -2, this.#machine.text('ok'));
    return 1;
  }

  #setProtocol(state: number): number {
    const { api } = this.#machine;
    if (!this.#run.isActive) this.#fail(state, 'redis.setresp can only be called inside a script invocation');
    if (api.lua_gettop(state) !== 1) this.#fail(state, 'redis.setresp() requires one argument.');
    const protocol = Math.trunc(api.lua_tonumber(state, 1));
    if (protocol !== 2 && protocol !== 3) this.#fail(state, 'RESP version must be 2 or 3.');
    this.#run.protocol = protocol;
    return 0;
  }

  #setTargets(state: number): number {
    const { api } = this.#machine;
    if (!this.#run.isActive)
      this.#fail(state, 'redis.set_repl can only be called inside a script invocation');
    if (api.lua_gettop(state) !== 1) this.#fail(state, 'redis.set_repl() requires two arguments.');
    const targets = Math.trunc(api.lua_tonumber(state, 1));
    if ((targets & ~(PROPAGATES_TO_LOG | PROPAGATES_TO_REPLICAS)) !== 0) {
      this.#fail(state, 'Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.');
    }
    this.#run.targets = targets;
    return 0;
  }

  #checkAccess(state: number): number {
    const run = this.#run;
    if (!run.isActive) this.#fail(state, 'redis.acl_check_cmd can only be called inside a script invocation');
    const words = this.#takeWords(state);
    if (words === null) return this.#machine.raiseTop(state);
    const { services, client } = run.call;
    const command = services.table.resolve(words);
    if (command === null) this.#fail(state, 'Invalid command passed to redis.acl_check_cmd()');
    this.#machine.api.lua_pushboolean(state, client.user.check(command, words) === null ? 1 : 0);
    return 1;
  }

  #log(state: number): number {
    const machine = this.#machine;
    const { api } = machine;
    const count = api.lua_gettop(state);
    if (count < 2) this.#fail(state, 'redis.log() requires two arguments or more.');
    if (api.lua_isnumber(state, 1) === 0) this.#fail(state, 'First argument must be a number (log level).');
    const level = LOG_LEVELS[Math.trunc(api.lua_tonumber(state, 1))];
    if (level === undefined) this.#fail(state, 'Invalid debug level.');
    const parts: string[] = [];
    for (let index = 2; index <= count; index++) {
      if (api.lua_isstring(state, index) !== 0) parts.push(machine.textAt(state, index));
    }
    this.#host.log(level, parts.join(' '));
    return 0;
  }
}

/** A number as an argument of a command: an integer in full, else its shortest digits. */
function argumentText(value: number): string {
  if (Number.isSafeInteger(value)) return (value + 0).toString();
  if (Number.isInteger(value) && Math.abs(value) <= 2 ** 62) return toLong(value).toString();
  return formatDouble(value);
}
