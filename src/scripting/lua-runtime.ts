import type { Arguments } from '../resp/arguments.ts';
import {
  BOOLEAN,
  FUNCTION,
  HOOK_COUNT,
  HOOK_LINES,
  LuaMachine,
  NIL,
  NUMBER,
  REGISTRY,
  STATUS_OK,
  STATUS_YIELD,
  STRING,
  TABLE,
} from './lua-machine.ts';
import { ReplyWriter } from './lua-to-reply.ts';
import type { Random48 } from './random48.ts';
import { type LogLevel, RedisLibrary } from './redis-library.ts';
import { pushError, ReplyReader } from './reply-to-lua.ts';
import { Sandbox } from './sandbox.ts';
import { NO_FLAGS, type ScriptFlags, ScriptRun, scriptFlags } from './script-run.ts';

/** Most memory that one machine takes. */
export const MEMORY_BYTES_MAX = 256 * 1024 * 1024;
/** Instructions between two looks at the clock, as in Redis; fewer once a script is slow. */
const HOOK_INSTRUCTIONS = 100_000;
const HOOK_INSTRUCTIONS_SLOW = 5_000;
/** Microseconds that a slow script runs before others are served again. */
const SLICE_US = 5_000;
/** A slow script that can't be left unfinished and has written nothing is stopped after so many times the threshold. */
const UNSUSPENDED_FACTOR_MAX = 4;
const LOAD_US_MAX = 500_000;
/** Scripts after which garbage is collected by so many steps, as in Redis. */
const COLLECTION_PERIOD = 50;
/** Where a `lua_State` (lstate.h) of a 32-bit build counts the C calls within it, and those that were there at resume. */
const STATE_C_CALLS = 52;
const STATE_BASE_C_CALLS = 54;

/** What a machine's scripts need of the server. */
export interface RuntimeHost {
  readonly version: string;
  /** Milliseconds after which a script is slow; 0 for never. */
  readonly busyReplyThresholdMs: number;
  readonly random: Random48;
  monotonicUs(): number;
  log(level: LogLevel, text: string): void;
}

/** A function that a library has registered. */
export interface RegisteredFunction {
  readonly name: string;
  readonly description: string | null;
  readonly flags: ScriptFlags;
  /** Where the machine keeps it. */
  readonly reference: number;
}

/**
 * A Lua machine with all that Redis gives to scripts, and one thread to run them in.
 *
 * A script that has become slow is left unfinished from time to time, so that the server can serve others: the hook that
 * Lua calls every so many instructions yields the thread. Lua can do that only where no C function is running below, such as
 * pcall or the comparison of table.sort; there the script goes on until it comes out of it.
 */
export class LuaRuntime {
  readonly machine: LuaMachine;
  readonly run = new ScriptRun();
  readonly #host: RuntimeHost;
  readonly #sandbox: Sandbox;
  readonly #writer: ReplyWriter;
  readonly #hook: number;
  /** What libraries see as globals while they are loaded. */
  readonly #loadingGlobals: number;
  #thread = 0;
  #threadReference = 0;
  #hasSlowHook = false;
  #isYielding = false;
  /** The script is slow, and could not be left when it was time. */
  #wantsYield = false;
  #sliceStartUs = 0;
  #runsSinceCollection = 0;
  #loadStartUs = 0;
  #registered: RegisteredFunction[] | null = null;

  constructor(host: RuntimeHost) {
    this.#host = host;
    const machine = new LuaMachine(MEMORY_BYTES_MAX);
    this.machine = machine;
    const library = new RedisLibrary(machine, this.run, new ReplyReader(machine), host);
    const processSeconds = () => host.monotonicUs() / 1e6;
    this.#sandbox = new Sandbox(machine, host.random, processSeconds, () => library.push());
    const { api, state } = machine;
    api.lua_createtable(state, 0, 2);
    api.lua_createtable(state, 0, 16);
    machine.setFunction(state, 'register_function', (at) => this.#registerFunction(at));
    library.pushShared();
    this.#sandbox.refuseMissing();
    this.#sandbox.protect();
    api.lua_pushvalue(state, -1);
    api.lua_setfield(state, -3, machine.text('redis'));
    api.lua_setfield(state, -2, machine.text('server'));
    this.#sandbox.refuseMissing();
    this.#loadingGlobals = api.luaL_ref(state, REGISTRY);
    this.#writer = new ReplyWriter(machine);
    this.#hook = machine.defineHook((at) => this.#onHook(at));
    this.#sandbox.onProtectedCallEnd = () => {
      // The next instruction may be one at which the script can be left.
      if (this.#wantsYield) this.#setHook(1);
    };
    this.#takeThread();
  }

  /** Bytes that scripts and their values take. */
  get usedBytes(): number {
    return this.machine.usedBytes;
  }

  /** A script has left something that the next one would see: this machine should run no more. */
  isDirty(): boolean {
    return this.#sandbox.isDirty();
  }

  /** Compiles code; the reference of the function, or the text of an error. `name` begins with `@`. */
  compile(code: Uint8Array, offset: number, length: number, name: string): number | string {
    const { machine } = this;
    const { api, state } = machine;
    const scratch = machine.scratch(length + 1);
    machine.heap.set(code.subarray(offset, offset + length), scratch);
    // Precompiled code is refused like text that begins with an unknown character.
    const isBinary = length > 0 && code[offset] === 27;
    if (isBinary) machine.heap[scratch] = 28;
    if (api.luaL_loadbuffer(state, scratch, length, machine.text(name)) === STATUS_OK) {
      return api.luaL_ref(state, REGISTRY);
    }
    const error = machine.textAt(state, -1);
    api.lua_settop(state, -2);
    return isBinary ? error.replace('char(28)', 'char(27)') : error;
  }

  /** Forgets a function. */
  release(reference: number): void {
    this.machine.api.luaL_unref(this.machine.state, REGISTRY, reference);
  }

  /**
   * Runs the function of a reference, set up in {@link run}, with the words from `keysAt` on as its keys and arguments, and
   * writes its reply. False if it was left unfinished, to be gone on with by {@link proceed}.
   */
  start(reference: number, words: Arguments, keysAt: number, keyCount: number): boolean {
    const { machine, run } = this;
    const { api, state } = machine;
    const thread = this.#thread;
    const now = this.#host.monotonicUs();
    run.startUs = now;
    this.#sliceStartUs = now;
    api.lua_rawgeti(thread, REGISTRY, reference);
    if (run.isFunction) {
      this.#pushList(thread, words, keysAt, keysAt + keyCount);
      this.#pushList(thread, words, keysAt + keyCount, words.count);
      return this.#resume(2);
    }
    api.lua_rawgeti(state, REGISTRY, this.#sandbox.globals);
    this.#pushList(state, words, keysAt, keysAt + keyCount);
    api.lua_setfield(state, -2, machine.text('KEYS'));
    this.#pushList(state, words, keysAt + keyCount, words.count);
    api.lua_setfield(state, -2, machine.text('ARGV'));
    api.lua_settop(state, -2);
    return this.#resume(0);
  }

  /** Goes on with what {@link start} left unfinished; false if it is not finished yet. */
  proceed(): boolean {
    this.#sliceStartUs = this.#host.monotonicUs();
    return this.#resume(0);
  }

  /** Runs a library's code, which registers functions; the text of an error instead. */
  load(reference: number): RegisteredFunction[] | string {
    const { machine } = this;
    const { api } = machine;
    const registered: RegisteredFunction[] = [];
    this.#registered = registered;
    this.#loadStartUs = this.#host.monotonicUs();
    this.#sandbox.showGlobals(this.#loadingGlobals);
    api.lua_rawgeti(this.#thread, REGISTRY, reference);
    const status = api.lua_resume(this.#thread, 0);
    this.#sandbox.showGlobals(this.#sandbox.globals);
    this.#registered = null;
    if (status === STATUS_OK) {
      api.lua_settop(this.#thread, 0);
      return registered;
    }
    const error = this.#errorText();
    this.#takeThread();
    for (const each of registered) this.release(each.reference);
    return error;
  }

  #takeThread(): void {
    const { api, state } = this.machine;
    if (this.#threadReference !== 0) api.luaL_unref(state, REGISTRY, this.#threadReference);
    this.#thread = api.lua_newthread(state);
    this.#threadReference = api.luaL_ref(state, REGISTRY);
    this.#sandbox.scriptThread = this.#thread;
    this.#setHook(HOOK_INSTRUCTIONS);
  }

  #setHook(instructions: number): void {
    this.machine.api.lua_sethook(this.#thread, this.#hook, HOOK_COUNT, instructions);
    this.#hasSlowHook = instructions !== HOOK_INSTRUCTIONS;
  }

  #pushList(state: number, words: Arguments, from: number, to: number): void {
    const { machine } = this;
    const { api } = machine;
    api.lua_createtable(state, to - from, 0);
    for (let at = from; at < to; at++) {
      machine.pushBytes(state, words.buffer, words.offsets[at], words.lengths[at]);
      api.lua_rawseti(state, -2, at - from + 1);
    }
  }

  #resume(argumentCount: number): boolean {
    const { machine, run } = this;
    const { api, state } = machine;
    const thread = this.#thread;
    this.#isYielding = false;
    this.#wantsYield = false;
    const status = api.lua_resume(thread, argumentCount);
    if (status === STATUS_YIELD && this.#isYielding) return false;
    const { reply, client } = run.call;
    reply.protocol = client.protocol;
    if (status === STATUS_OK) {
      api.lua_settop(thread, 1);
      api.lua_xmove(thread, state, 1);
      reply.errorCount = run.errorCount;
      this.#writer.write(reply, run.protocol);
      if (this.#hasSlowHook) this.#setHook(HOOK_INSTRUCTIONS);
    } else {
      if (status === STATUS_YIELD) {
        pushError(machine, thread, 'ERR attempt to yield across metamethod/C-call boundary', false);
      }
      const place = machine.placeOfError(thread);
      const where = place === null ? '' : ` script: ${run.name}, on ${place.source}:${place.line}.`;
      reply.error(`${this.#errorText()}${where}`);
      this.#takeThread();
      if (machine.memoryBytes > MEMORY_BYTES_MAX / 2) machine.collectGarbage();
    }
    if (++this.#runsSinceCollection === COLLECTION_PERIOD) {
      machine.stepGarbageCollection(COLLECTION_PERIOD);
      this.#runsSinceCollection = 0;
    }
    return true;
  }

  /** The error on top of the thread's stack as the text of an error reply. */
  #errorText(): string {
    const { machine } = this;
    const { api } = machine;
    const thread = this.#thread;
    const type = api.lua_type(thread, -1);
    if (type === TABLE) {
      machine.pushText(thread, 'err');
      api.lua_rawget(thread, -2);
      const hasText = api.lua_isstring(thread, -1) !== 0;
      const text = hasText ? cText(machine.textAt(thread, -1)) : 'ERR unknown error';
      api.lua_settop(thread, -2);
      return text;
    }
    if (type === STRING || type === NUMBER) return `ERR ${cText(machine.textAt(thread, -1))}`;
    if (type === BOOLEAN) return api.lua_toboolean(thread, -1) !== 0 ? 'ERR true' : 'ERR false';
    if (type === NIL) return 'ERR nil';
    return 'ERR unknown error';
  }

  #onHook(state: number): void {
    const { machine, run } = this;
    const { api } = machine;
    const now = this.#host.monotonicUs();
    if (this.#registered !== null) {
      if (now - this.#loadStartUs > LOAD_US_MAX) this.#stop(state, 'ERR FUNCTION LOAD timeout');
      return;
    }
    if (!run.isActive) return;
    const command = run.isFunction ? 'FUNCTION KILL' : 'SCRIPT KILL';
    if (run.isKilled) this.#stop(state, `ERR Script killed by user with ${command}...`);
    const thresholdUs = this.#host.busyReplyThresholdMs * 1000;
    const elapsedUs = now - run.startUs;
    if (thresholdUs === 0 || elapsedUs < thresholdUs) return;
    if (!run.isSlow) {
      run.isSlow = true;
      this.#sliceStartUs = 0;
      this.#host.log(
        'warning',
        `Slow script detected: still in execution after ${Math.floor(elapsedUs / 1000)} milliseconds. You can try killing the script using the ${command} command.`,
      );
      this.#setHook(HOOK_INSTRUCTIONS_SLOW);
    }
    if (run.maySuspend && now - this.#sliceStartUs < SLICE_US) return;
    if (run.maySuspend && this.#canYield(state)) {
      this.#setHook(HOOK_INSTRUCTIONS_SLOW);
      this.#wantsYield = false;
      this.#isYielding = true;
      api.lua_yield(state, 0);
      return;
    }
    if (this.#wantsYield) this.#setHook(HOOK_INSTRUCTIONS_SLOW);
    this.#wantsYield = run.maySuspend;
    if (!run.hasWritten && elapsedUs > thresholdUs * UNSUSPENDED_FACTOR_MAX) {
      this.#stop(
        state,
        `ERR Script stopped: it had run for ${UNSUSPENDED_FACTOR_MAX} times busy-reply-threshold where it can't be interrupted`,
      );
    }
  }

  #canYield(state: number): boolean {
    if (state !== this.#thread) return false;
    const { view } = this.machine;
    return view.getUint16(state + STATE_C_CALLS, true) <= view.getUint16(state + STATE_BASE_C_CALLS, true);
  }

  /** Raises an error, and again at each line after it, so that no pcall can hold it. */
  #stop(state: number, text: string): never {
    const { machine } = this;
    machine.api.lua_sethook(state, this.#hook, HOOK_LINES, 0);
    if (state !== this.#thread) machine.api.lua_sethook(this.#thread, this.#hook, HOOK_LINES, 0);
    pushError(machine, state, text, false);
    return machine.raiseTop(state);
  }

  /** `redis.register_function`, of a library that is being loaded. */
  #registerFunction(state: number): number {
    const { machine } = this;
    const registered = this.#registered;
    if (registered === null) {
      this.#refuse(state, 'redis.register_function can only be called on FUNCTION LOAD command');
    }
    const count = machine.api.lua_gettop(state);
    if (count < 1 || count > 2) {
      this.#refuse(state, 'wrong number of arguments to redis.register_function');
    }
    const found = count === 1 ? this.#readNamed(state) : this.#readPositional(state);
    if (!isName(found.name)) {
      this.#refuse(
        state,
        'Library names can only contain letters, numbers, or underscores(_) and must be at least one character long',
      );
    }
    if (registered.some((each) => each.name === found.name)) {
      this.#refuse(state, 'Function already exists in the library');
    }
    registered.push(found);
    return 0;
  }

  #readPositional(state: number): RegisteredFunction {
    const { machine } = this;
    const { api } = machine;
    if (api.lua_isstring(state, 1) === 0) {
      this.#refuse(state, 'first argument to redis.register_function must be a string');
    }
    if (api.lua_type(state, 2) !== FUNCTION) {
      this.#refuse(state, 'second argument to redis.register_function must be a function');
    }
    const name = machine.textAt(state, 1);
    return { name, description: null, flags: NO_FLAGS, reference: api.luaL_ref(state, REGISTRY) };
  }

  #readNamed(state: number): RegisteredFunction {
    const { machine } = this;
    const { api } = machine;
    if (api.lua_type(state, 1) !== TABLE) {
      this.#refuse(
        state,
        'calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).',
      );
    }
    let name: string | null = null;
    let description: string | null = null;
    let flags = NO_FLAGS;
    let hasCallback = false;
    api.lua_pushnil(state);
    while (api.lua_next(state, 1) !== 0) {
      const type = api.lua_type(state, -1);
      const isText = type === STRING || type === NUMBER;
      const keyType = api.lua_type(state, -2);
      if (keyType !== STRING && keyType !== NUMBER) {
        this.#refuse(state, 'named argument key given to redis.register_function is not a string');
      }
      switch (keyType === STRING ? machine.textAt(state, -2).toLowerCase() : '') {
        case 'function_name':
          if (!isText) this.#refuse(state, mustBe('function_name', 'string'));
          name = machine.textAt(state, -1);
          break;
        case 'description':
          if (!isText) this.#refuse(state, mustBe('description', 'string'));
          description = machine.textAt(state, -1);
          break;
        case 'callback':
          if (type !== FUNCTION) this.#refuse(state, mustBe('callback', 'function'));
          hasCallback = true;
          api.lua_pushvalue(state, -1);
          api.lua_insert(state, 2);
          break;
        case 'flags': {
          if (type !== TABLE) {
            this.#refuse(
              state,
              'flags argument to redis.register_function must be a table representing function flags',
            );
          }
          const read = this.#readFlags(state);
          if (typeof read === 'string') this.#refuse(state, 'unknown flag given');
          flags = read;
          break;
        }
        default:
          this.#refuse(state, 'unknown argument given to redis.register_function');
      }
      api.lua_settop(state, -2);
    }
    if (name === null) this.#refuse(state, 'redis.register_function must get a function name argument');
    if (!hasCallback) this.#refuse(state, 'redis.register_function must get a callback argument');
    api.lua_pushvalue(state, 2);
    return { name, description, flags, reference: api.luaL_ref(state, REGISTRY) };
  }

  /** The flags in the list on top; a name that is none, instead. */
  #readFlags(state: number): ScriptFlags | string {
    const { machine } = this;
    const { api } = machine;
    const names: string[] = [];
    for (let index = 1; ; index++) {
      api.lua_rawgeti(state, -1, index);
      const type = api.lua_type(state, -1);
      const name = type === STRING || type === NUMBER ? machine.textAt(state, -1) : '';
      api.lua_settop(state, -2);
      if (type === NIL) return scriptFlags(names);
      names.push(name.toLowerCase());
    }
  }

  #refuse(state: number, text: string): never {
    pushError(this.machine, state, `ERR ${text}`, false);
    return this.machine.raiseTop(state);
  }
}

function mustBe(argument: string, type: string): string {
  return `${argument} argument given to redis.register_function must be a ${type}`;
}

/** Whether a name is one for a library or function. */
export function isName(name: string): boolean {
  return /^\w+$/.test(name);
}

/** What C shows of a text: up to its first zero. */
function cText(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
