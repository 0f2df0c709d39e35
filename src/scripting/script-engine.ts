import { equalsIgnoringCase, latin1, latin1Bytes } from '../base/bytes.ts';
import { NO_DEBUGGER, NOT_AN_INTEGER, OUT_OF_MEMORY } from '../base/error-replies.ts';
import { parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import type { Client } from '../command-table/client.ts';
import type {
  FunctionLibrary,
  RestorePolicy,
  RunningScript,
  ScriptControl,
  ScriptReport,
} from '../command-table/script-control.ts';
import type { Arguments } from '../resp/arguments.ts';
import { ReplyError } from '../resp/reply.ts';
import { FunctionLibraries, type LibraryFunction } from './function-libraries.ts';
import { LuaRuntime, type RuntimeHost } from './lua-runtime.ts';
import { sha1Hex } from './redis-library.ts';
import type { ScriptFlags } from './script-run.ts';
import { scriptShebang } from './shebang.ts';

const NO_SCRIPT = 'NOSCRIPT No matching script. Please use EVAL.';
const SHA_LENGTH = 40;
const KEY_COUNT_AT = 2;
const KEYS_AT = 3;
/** Scripts that EVAL has brought and that are kept; the longest unused go first. */
const EVALUATED_SCRIPTS_MAX = 500;
/** Bytes of a cached script besides its text. */
const SCRIPT_OVERHEAD_BYTES = 256;
/**
 * The machine of scripts is thrown away when its memory has grown beyond, since it never shrinks. That of functions is not:
 * they keep values between calls.
 */
const KEPT_MEMORY_BYTES_MAX = 64 * 1024 * 1024;

interface Script {
  readonly sha: string;
  /** The whole script, one character per byte. */
  readonly text: string;
  /** Where the code begins, after a shebang line. */
  readonly codeAt: number;
  /** Null without a shebang: what the script does is known only as it does it. */
  readonly flags: ScriptFlags | null;
  /** The machine that it was compiled in, and where it is there. */
  runtime: LuaRuntime;
  reference: number;
  /** EVAL has brought it, so it may go when there are too many. */
  isEvictable: boolean;
}

/**
 * EVAL, EVALSHA and functions: the cache of compiled scripts, the libraries, and running them. Scripts and functions have
 * a Lua machine each, made when it is first needed. A machine that was left by an exception, or that a script has left
 * something in, is thrown away: the scripts are compiled anew from their text as they are called, and the libraries loaded
 * again.
 */
export class ScriptEngine implements ScriptControl {
  readonly #host: RuntimeHost;
  readonly #functions: FunctionLibraries;
  readonly #scripts = new Map<string, Script>();
  /** Scripts by their text, so that EVAL need not hash it. */
  readonly #texts = new Map<string, Script>();
  /** Scripts that EVAL has brought, the longest unused first. */
  readonly #evaluated = new Set<Script>();
  #newest: Script | null = null;
  /** What EVALSHA found last. */
  #last: Script | null = null;
  #evictedCount = 0;
  #scriptBytes = 0;
  #runtime: LuaRuntime | null = null;
  /** The machine whose script runs or is left unfinished. */
  #active: LuaRuntime | null = null;
  unfinishedClient: Client | null = null;

  constructor(host: RuntimeHost) {
    this.#host = host;
    this.#functions = new FunctionLibraries(host);
  }

  get busyError(): string {
    const kill = this.#active?.run.isFunction === true ? 'FUNCTION KILL' : 'SCRIPT KILL';
    return `BUSY Redis is busy running a script. You can only call ${kill} or SHUTDOWN NOSAVE.`;
  }

  get running(): RunningScript | null {
    const run = this.#active?.run;
    if (run === undefined) return null;
    const words = run.words ?? run.call.words;
    return {
      client: run.client,
      name: run.name,
      isFunction: run.isFunction,
      words: Array.from({ length: words.count }, (_, at) => words.copy(at)),
      durationMs: Math.floor((this.#host.monotonicUs() - run.startUs) / 1000),
    };
  }

  get caller(): Client | null {
    return this.#active?.run.call.client ?? null;
  }

  get report(): ScriptReport {
    return {
      scriptCount: this.#scripts.size,
      evictedScripts: this.#evictedCount,
      libraryCount: this.#functions.libraryCount,
      functionCount: this.#functions.functionCount,
      scriptMachineBytes: this.#runtime?.usedBytes ?? 0,
      functionMachineBytes: this.#functions.machineBytes,
      scriptBytes: this.#scriptBytes,
      functionBytes: this.#functions.byteCount,
    };
  }

  /** Bytes of all of it, for the ledger. */
  get byteCount(): number {
    const { scriptMachineBytes, functionMachineBytes, scriptBytes, functionBytes } = this.report;
    return scriptMachineBytes + functionMachineBytes + scriptBytes + functionBytes;
  }

  get libraries(): readonly FunctionLibrary[] {
    return this.#functions.libraries;
  }

  evaluate(call: Call, isBySha: boolean, readOnly: boolean): void {
    if (this.#proceeds(call)) return;
    if (call.client.wantsDebugger) throw new ReplyError(NO_DEBUGGER);
    if (isBySha && call.words.lengths[1] !== SHA_LENGTH) throw new ReplyError(NO_SCRIPT);
    const keyCount = keyCountOf(call, NOT_AN_INTEGER);
    let script = isBySha ? this.#findBySha(call) : this.#texts.get(call.words.text(1));
    if (script === undefined) {
      if (isBySha) throw new ReplyError(NO_SCRIPT);
      script = this.#take(call.words.copy(1), true);
    }
    this.#touch(script);
    const { flags } = script;
    this.#check(call, flags, readOnly);
    if (script.runtime !== this.#runtime) this.#compile(script);
    const { runtime } = script;
    runtime.run.begin(
      call,
      script.sha,
      false,
      readOnly || flags?.noWrites === true,
      flags?.allowOom === true,
    );
    this.#start(call, runtime, script.reference, keyCount);
  }

  callFunction(call: Call, readOnly: boolean): void {
    if (this.#proceeds(call)) return;
    const found = this.#functions.find(call.words.text(1));
    if (found === undefined) throw new ReplyError('ERR Function not found');
    const keyCount = keyCountOf(call, 'ERR Bad number of keys provided');
    const { flags } = found;
    this.#check(call, flags, readOnly);
    const runtime = this.#functions.runtime();
    const { reference } = this.#functions.find(call.words.text(1)) as LibraryFunction;
    runtime.run.begin(call, found.name, true, readOnly || flags.noWrites, flags.allowOom);
    this.#start(call, runtime, reference, keyCount);
  }

  declaresNoWrites(words: Arguments): boolean {
    if (words.is(0, 'fcall')) return this.#functions.find(words.text(1))?.flags.noWrites === true;
    if (words.is(0, 'evalsha'))
      return this.#scripts.get(words.text(1).toLowerCase())?.flags?.noWrites === true;
    try {
      return scriptShebang(words.copy(1)).flags?.noWrites === true;
    } catch {
      return false;
    }
  }

  loadScript(body: Uint8Array): string {
    const script = this.#take(body, false);
    return script.sha;
  }

  hasScript(sha: string): boolean {
    return this.#scripts.has(sha.toLowerCase());
  }

  flushScripts(): void {
    for (const { runtime, reference } of this.#scripts.values()) {
      if (runtime === this.#runtime) runtime.release(reference);
    }
    this.#runtime?.machine.collectGarbage();
    this.#scripts.clear();
    this.#texts.clear();
    this.#evaluated.clear();
    this.#newest = null;
    this.#last = null;
    this.#scriptBytes = 0;
  }

  kill(isFunction: boolean): void {
    const run = this.#active?.run;
    if (run === undefined) throw new ReplyError('NOTBUSY No scripts in execution right now.');
    if (run.hasWritten) {
      throw new ReplyError(
        'UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.',
      );
    }
    if (run.isFunction !== isFunction) throw new ReplyError(this.busyError);
    run.isKilled = true;
  }

  loadLibrary(code: Uint8Array, replaces: boolean): string {
    return this.#functions.load(code, replaces);
  }

  deleteLibrary(name: string): boolean {
    return this.#functions.delete(name);
  }

  flushLibraries(): void {
    this.#functions.flush();
  }

  dumpLibraries(): Uint8Array {
    return this.#functions.dump();
  }

  restoreLibraries(payload: Uint8Array, policy: RestorePolicy): void {
    this.#functions.restore(payload, policy);
  }

  leave(client: Client): void {
    const runtime = this.#active;
    if (this.unfinishedClient !== client || runtime === null) return;
    const { run } = runtime;
    if (!run.hasWritten) run.isKilled = true;
    run.maySuspend = false;
    const { call } = run;
    const { reply } = call;
    const start = reply.length;
    call.client = client;
    call.words = run.words ?? call.words;
    call.database = call.keyspace.databases[client.databaseNumber];
    this.#proceed(call, runtime);
    reply.length = start;
  }

  /** What is refused before anything of it runs (script.c, scriptPrepareForRun). */
  #check(call: Call, flags: ScriptFlags | null, readOnly: boolean): void {
    if (flags === null) return;
    if (!flags.allowOom && !flags.noWrites && call.services.admitWrite() === 'full') {
      throw new ReplyError(OUT_OF_MEMORY);
    }
    if (!flags.noWrites && readOnly) {
      throw new ReplyError('ERR Can not execute a script with write flag using *_ro command.');
    }
  }

  #findBySha({ words }: Call): Script | undefined {
    const last = this.#last;
    if (last !== null && equalsIgnoringCase(words.buffer, words.offsets[1], SHA_LENGTH, last.sha))
      return last;
    this.#last = this.#scripts.get(words.text(1).toLowerCase()) ?? null;
    return this.#last ?? undefined;
  }

  /** The script of a body, compiled; `isEvaluated` says that EVAL brought it. */
  #take(body: Uint8Array, isEvaluated: boolean): Script {
    const sha = sha1Hex(body);
    const known = this.#scripts.get(sha);
    if (known !== undefined) {
      if (!isEvaluated && known.isEvictable) {
        // Asked for by SCRIPT LOAD, it stays from now on.
        known.isEvictable = false;
        this.#evaluated.delete(known);
      }
      return known;
    }
    const { codeAt, flags } = scriptShebang(body);
    const text = latin1(body, 0, body.length);
    const runtime = this.#takeRuntime();
    const script: Script = { sha, text, codeAt, flags, runtime, reference: 0, isEvictable: isEvaluated };
    this.#compile(script);
    this.#scripts.set(sha, script);
    this.#texts.set(text, script);
    this.#scriptBytes += text.length + SCRIPT_OVERHEAD_BYTES;
    if (isEvaluated) {
      this.#evaluated.add(script);
      this.#newest = script;
      if (this.#evaluated.size > EVALUATED_SCRIPTS_MAX) this.#evict();
    }
    return script;
  }

  #compile(script: Script): void {
    const runtime = this.#takeRuntime();
    const code = latin1Bytes(script.text);
    const compiled = runtime.machine.guard(() =>
      runtime.compile(code, script.codeAt, code.length - script.codeAt, '@user_script'),
    );
    if (typeof compiled === 'string') {
      throw new ReplyError(`ERR Error compiling script (new function): ${compiled}`);
    }
    script.runtime = runtime;
    script.reference = compiled;
  }

  #takeRuntime(): LuaRuntime {
    if (this.#runtime?.machine.isLost === true) this.#runtime = null;
    this.#runtime ??= new LuaRuntime(this.#host);
    return this.#runtime;
  }

  /** Notes that a script was used, for the order in which they go. */
  #touch(script: Script): void {
    if (!script.isEvictable || script === this.#newest) return;
    this.#evaluated.delete(script);
    this.#evaluated.add(script);
    this.#newest = script;
  }

  #evict(): void {
    for (const script of this.#evaluated) {
      this.#evaluated.delete(script);
      this.#scripts.delete(script.sha);
      this.#texts.delete(script.text);
      if (this.#last === script) this.#last = null;
      this.#scriptBytes -= script.text.length + SCRIPT_OVERHEAD_BYTES;
      this.#evictedCount++;
      if (script.runtime === this.#runtime) script.runtime.release(script.reference);
      return;
    }
  }

  #start(call: Call, runtime: LuaRuntime, reference: number, keyCount: number): void {
    const { services, client, reply, keyspace } = call;
    const { run } = runtime;
    run.maySuspend = call.mayWait && !client.nested && !client.isInternal;
    run.databaseNumber = client.databaseNumber;
    run.errorCount = reply.errorCount;
    run.nowMs = keyspace.nowMs;
    this.#active = runtime;
    services.beginUnit();
    this.#drive(call, runtime, () => runtime.start(reference, call.words, KEYS_AT, keyCount));
  }

  /** Goes on with this client's unfinished script, if it has one. */
  #proceeds(call: Call): boolean {
    const runtime = this.#active;
    if (this.unfinishedClient !== call.client || runtime === null) return false;
    this.#proceed(call, runtime);
    return true;
  }

  #proceed(call: Call, runtime: LuaRuntime): void {
    call.keyspace.nowMs = runtime.run.nowMs;
    this.#drive(call, runtime, () => runtime.proceed());
  }

  /** Runs a script as far as it goes now. */
  #drive(call: Call, runtime: LuaRuntime, go: () => boolean): void {
    const { client, reply, services } = call;
    const { run } = runtime;
    const { words } = call;
    const wasNested = client.nested;
    const start = reply.length;
    client.nested = true;
    let isFinished = true;
    let failure: unknown;
    try {
      isFinished = go();
    } catch (error) {
      runtime.machine.isLost = true;
      failure = error;
    }
    client.nested = wasNested;
    if (!isFinished) {
      run.words ??= words.detach();
      this.unfinishedClient = client;
      call.isUnfinished = true;
      return;
    }
    if (run.words !== null) call.startUs = run.startUs;
    client.databaseNumber = run.databaseNumber;
    run.isActive = false;
    this.#active = null;
    this.unfinishedClient = null;
    services.propagationTargets = 3;
    services.endUnit();
    // Its effects were propagated as they came.
    call.propagation = [];
    if (failure !== undefined) {
      reply.length = start;
      reply.protocol = client.protocol;
      const reason = failure instanceof Error ? failure.message : String(failure);
      services.log(`A Lua machine was lost: ${reason}`);
      reply.error(`ERR Error running script ${run.name}: ${reason}`);
    }
    const { commandError } = run;
    call.isErrorCounted = commandError !== '' && reply.lastError.startsWith(commandError);
    const { machine } = runtime;
    const isTooLarge = runtime === this.#runtime && machine.memoryBytes > KEPT_MEMORY_BYTES_MAX;
    if (machine.isLost || isTooLarge || runtime.isDirty()) this.#discard(runtime);
  }

  #discard(runtime: LuaRuntime): void {
    if (runtime === this.#runtime) this.#runtime = null;
    else this.#functions.discard(runtime);
  }
}

/** The number of keys, in argument 2 of EVAL and FCALL. */
function keyCountOf(call: Call, notAnInteger: string): number {
  const { words } = call;
  const count = parseInteger64Rounded(words.buffer, words.offsets[KEY_COUNT_AT], words.lengths[KEY_COUNT_AT]);
  if (Number.isNaN(count)) throw new ReplyError(notAnInteger);
  if (count > words.count - KEYS_AT) {
    throw new ReplyError("ERR Number of keys can't be greater than number of args");
  }
  if (count < 0) throw new ReplyError("ERR Number of keys can't be negative");
  return count;
}
