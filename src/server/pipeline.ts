import { latin1 } from '../base/bytes.ts';
import {
  NOT_AUTHENTICATED,
  OUT_OF_MEMORY,
  unknownCommand,
  unknownSubcommand,
  wrongArity,
} from '../base/error-replies.ts';
import type { BlockedCommand, BlockRequest } from '../command-table/blocking-table.ts';
import { Call, type Services } from '../command-table/call.ts';
import type { Client } from '../command-table/client.ts';
import { PAUSES_ALL } from '../command-table/client-pause.ts';
import {
  type Command,
  IS_ALLOWED_UNAUTHENTICATED,
  IS_ALLOWED_WHEN_BUSY,
  IS_ALLOWED_WHILE_LOADING,
  IS_DENIED_ON_OOM,
  IS_FORBIDDEN_IN_MULTI,
  IS_LEFT_OUT_OF_SLOWLOG,
  IS_READ,
  IS_SCRIPT,
  IS_UNMONITORED,
  IS_WRITE,
  MAY_REPLICATE,
} from '../command-table/command.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import type { TrackingTable } from '../pubsub/tracking-table.ts';
import type { Arguments } from '../resp/arguments.ts';
import { type Encoder, REPLY_BYTES_MAX, ReplyLimitError } from '../resp/encoder.ts';
import { ReplyError } from '../resp/reply.ts';

/** What the pipeline asks of the memory budget and the tier before it runs a command. */
export interface Admission {
  /**
   * Before a command that may grow memory: makes room. 'run' lets it run, 'wait' asks it to wait until memory was
   * freed (`whenReady` is called then), 'full' refuses with OOM, any other text refuses with that error.
   */
  admitWrite(client: Client): 'run' | 'wait' | 'full' | string;
  /** Before a command within another that may grow memory: makes room, at once. */
  relieve(): void;
  /** Whether a command must wait until its keys' cold records were fetched. */
  mustFetch(command: Command, words: Arguments, client: Client): boolean;
}

/** What happened to commands, told as they are done. */
export interface Observer {
  /** A command that changed something, to be propagated: its own words, or what it put in their place. */
  propagated(databaseNumber: number, words: Arguments, replacement: (readonly Uint8Array[])[] | null): void;
  /** A command that changed nothing and that replicas are to run nevertheless. */
  replicated(databaseNumber: number, words: Arguments): void;
  /** A client waits for keys or for a time; it waits no more. */
  blocked(client: Client): void;
  unblocked(client: Client): void;
  /** Keys that expired under the command being run have opened a unit of propagation, which ends with the command. */
  readonly hasImplicitUnit: boolean;
  endImplicitUnit(): void;
  /** A bug: the handler threw. */
  crashed(error: unknown, command: Command, words: Arguments, client: Client): void;
}

/** What the pipeline needs of the server. */
export interface PipelineServices extends Services {
  readonly tracking: TrackingTable;
}

/** What an argument that is kept secret is shown as. */
const QUEUED = Buffer.from('+QUEUED\r\n');
const REDACTED = Buffer.from('(redacted)');
const TOUCHES_KEYSPACE = IS_READ | IS_WRITE | MAY_REPLICATE;

/** Names of commands that run at once within MULTI. */
const NOT_QUEUED = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset']);
/** Full names of the commands that a subscriber may send in RESP2, where nothing tells a reply from a message. */
const ALLOWED_TO_SUBSCRIBERS = new Set([
  'subscribe',
  'unsubscribe',
  'psubscribe',
  'punsubscribe',
  'ssubscribe',
  'sunsubscribe',
  'ping',
  'quit',
  'reset',
]);

/**
 * How a command flows, from the decoded words to the reply: look-up, arity, authentication, queueing in a transaction,
 * memory, residency, handler, propagation, accounting. One command at a time, each to its end.
 */
export class Pipeline {
  readonly call: Call;
  readonly #services: PipelineServices;
  readonly #admission: Admission;
  readonly #observer: Observer;
  readonly #reply: Encoder;
  /** Words of the command in the handler, for the crash report. */
  running: Arguments | null = null;
  /** The client whose command is being run, by EXEC or a script too; null between commands. */
  caller: Client | null = null;
  /** A command that only reads is stopped, and its client closed, when its reply is longer than so many bytes; 0 for no limit. */
  replyBytesMax = 0;
  /** When the last command ended or the batch began, in microseconds. */
  lastStop = 0;
  #isReplaying = false;

  constructor(services: PipelineServices, reply: Encoder, admission: Admission, observer: Observer) {
    this.#services = services;
    this.#admission = admission;
    this.#observer = observer;
    this.#reply = reply;
    this.call = new Call(services, reply);
  }

  /** A batch begins: the next command's time counts from here. Returns that time in microseconds. */
  begin(): number {
    this.lastStop = this.#services.clock.monotonicUs();
    return this.lastStop;
  }

  /**
   * Takes one command of a client through. False if it must wait: it left no trace, and the caller offers it again
   * when the tier says so.
   */
  execute(client: Client, words: Arguments, mayWait: boolean): boolean {
    const reply = this.#reply;
    const services = this.#services;
    reply.protocol = client.protocol;
    client.commandCount++;
    const replyStart = reply.length;
    const command = services.table.resolve(words);
    if (command === null || command.execute === undefined) {
      this.#reject(client, null, this.#unknown(words));
      this.#finishReply(client, replyStart);
      if (services.tracking.clientCount !== 0) services.tracking.finish(client, command);
      return true;
    }
    const bits = command.bits;
    const { unfinishedClient } = services.scripts;
    if (unfinishedClient === client) {
      // The script goes on that passed all checks when it began.
      if (!this.#runFrom(client, command, words, mayWait)) return false;
    } else if (!command.accepts(words.count)) {
      this.#reject(client, command, wrongArity(command.fullName));
    } else if (!client.authenticated && (bits & IS_ALLOWED_UNAUTHENTICATED) === 0) {
      this.#reject(client, command, NOT_AUTHENTICATED);
    } else if (!client.user.isUnrestricted && this.#isDenied(client, command, words)) {
      // The client has been told.
    } else if (
      client.protocol === 2 &&
      client.isSubscriber &&
      !ALLOWED_TO_SUBSCRIBERS.has(command.fullName)
    ) {
      this.#reject(
        client,
        command,
        `ERR Can't execute '${command.fullName}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      );
    } else if (
      (services.persistence.isRestricting || services.appendLog.isRestricting) &&
      this.#isRestricted(client, command)
    ) {
      // The client has been told.
    } else if (unfinishedClient !== null && (bits & IS_ALLOWED_WHEN_BUSY) === 0) {
      this.#reject(client, command, services.scripts.busyError);
    } else if (client.isMonitor && (this.#effectsOf(client, command, words) & TOUCHES_KEYSPACE) !== 0) {
      // A monitor is a kind of replica to Redis.
      this.#reject(client, command, "ERR Replica can't interact with the keyspace");
    } else if (services.pause.mode !== 0 && this.#isPaused(client, command, words, mayWait)) {
      client.commandCount--;
      return false;
    } else if (client.queue !== null && !NOT_QUEUED.has(command.fullName)) {
      this.#queue(client, command, words);
    } else {
      if (
        (bits & IS_DENIED_ON_OOM) !== 0 ||
        (command.row.name === 'exec' && (bitsOf(client, command) & IS_DENIED_ON_OOM) !== 0)
      ) {
        const verdict = this.#admission.admitWrite(client);
        if (verdict === 'wait') {
          if (mayWait) {
            client.commandCount--;
            return false;
          }
        } else if (verdict !== 'run') {
          this.#reject(client, command, verdict === 'full' ? OUT_OF_MEMORY : verdict);
          this.#finishReply(client, replyStart);
          return true;
        }
      }
      if (mayWait && command.row.need !== 'none' && this.#admission.mustFetch(command, words, client)) {
        client.commandCount--;
        return false;
      }
      client.lastCommand = command;
      if (!this.#runFrom(client, command, words, mayWait)) return false;
    }
    this.#finishReply(client, replyStart);
    if (services.tracking.clientCount !== 0 && client.blocked === null)
      services.tracking.finish(client, command);
    if (services.blocking.hasReady && services.scripts.unfinishedClient === null) this.serveBlocked();
    return true;
  }

  /** Runs a client's own command; false if it is left unfinished, to be offered again. */
  #runFrom(client: Client, command: Command, words: Arguments, mayWait: boolean): boolean {
    const { call } = this;
    call.mayWait = mayWait;
    this.caller = client;
    this.run(client, command, words);
    this.caller = null;
    call.mayWait = false;
    if (!call.isUnfinished) return true;
    client.commandCount--;
    return false;
  }

  /** Has the commands that wait for keys that changed run again. */
  serveBlocked(): void {
    const { blocking } = this.#services;
    for (let clients = blocking.takeReady(); clients !== null; clients = blocking.takeReady()) {
      for (const client of clients) {
        if (client.blocked === null) continue;
        const { isShared } = client.blocked;
        if (!this.retry(client) && isShared !== true) break;
      }
    }
  }

  /** Ends the waiting of those whose time has passed, and has those try again who asked for that. */
  timeOutBlocked(nowMs: number): void {
    for (const client of this.#services.blocking.clients) {
      if (client.blocked === null) continue;
      if (client.blocked.deadlineMs <= nowMs) this.endBlocking(client, null);
      else if ((client.blocked.retryAtMs ?? nowMs + 1) <= nowMs) this.retry(client);
    }
  }

  /** Ends the waiting of a blocked client: by its timeout's reply, or by an error. */
  endBlocking(client: Client, error: string | null): void {
    const { blocked } = client;
    if (blocked === null) return;
    const reply = this.#reply;
    const start = reply.length;
    const { protocol } = reply;
    reply.protocol = client.protocol;
    const { statistics } = blocked.command;
    statistics.calls++;
    this.#services.statistics.commandsProcessed++;
    if (error === null) blocked.replyTimeout(reply);
    else {
      const { errorCount } = reply;
      reply.error(error);
      // It is not an error of the command that may be running.
      reply.errorCount = errorCount;
      statistics.failedCalls++;
      this.#services.statistics.countError(error);
    }
    reply.protocol = protocol;
    this.#unblock(client, start);
  }

  /** Has a blocked client's command run again. False if the client goes on waiting. */
  retry(client: Client): boolean {
    const blocked = client.blocked as BlockedCommand;
    const { command, words } = blocked;
    const reply = this.#reply;
    const start = reply.length;
    const { protocol } = reply;
    reply.protocol = client.protocol;
    this.call.isRetry = true;
    this.caller = client;
    this.run(client, command, words);
    this.caller = null;
    this.call.isRetry = false;
    reply.protocol = protocol;
    if (this.call.blocking !== null) {
      blocked.retryAtMs = this.call.blocking.retryAtMs;
      return false;
    }
    this.#unblock(client, start);
    return true;
  }

  /** Sends a client what was written from `start` on, and lets it go on. */
  #unblock(client: Client, start: number): void {
    const reply = this.#reply;
    const { tracking, blocking } = this.#services;
    const { command } = client.blocked as BlockedCommand;
    this.#finishReply(client, start);
    blocking.unblock(client);
    const bytes = Buffer.from(reply.buffer.subarray(start, reply.length));
    reply.length = start;
    if (bytes.length > 0) client.transport.push(bytes, 0, bytes.length);
    if (tracking.clientCount !== 0) tracking.finish(client, command);
    this.#observer.unblocked(client);
  }

  /** Runs a command that passed all checks, and accounts for it. */
  run(client: Client, command: Command, words: Arguments): void {
    const call = this.call;
    const { keyspace, monitors, tracking } = this.#services;
    const reply = this.#reply;
    // Commands within this one end before it does, and count from where the one before them ended.
    const startUs = this.lastStop;
    const dirty = keyspace.dirty;
    const errors = reply.errorCount;
    call.client = client;
    call.command = command;
    call.words = words;
    call.database = keyspace.databases[client.databaseNumber];
    call.propagation = null;
    call.isForReplicas = false;
    call.holdsSecret = false;
    if (call.redacted.length !== 0) call.redacted.length = 0;
    call.blocking = null;
    call.isUnfinished = false;
    call.isErrorCounted = false;
    call.startUs = 0;
    keyspace.noTouch = client.noTouch && command.row.name !== 'touch';
    const start = reply.length;
    this.running = words;
    keyspace.growth.reset();
    if (client.nested && (command.bits & IS_DENIED_ON_OOM) !== 0) this.#admission.relieve();
    if (keyspace.watcher !== null && (command.bits & IS_WRITE) !== 0) this.#services.relieve();
    if (monitors.size !== 0 && (command.bits & IS_SCRIPT) !== 0) this.#monitorScript(client, words);
    const isLimited =
      this.replyBytesMax !== 0 && (command.bits & IS_READ) !== 0 && !client.nested && !client.isInternal;
    if (isLimited) reply.lengthMax = Math.max(start + this.replyBytesMax, reply.buffer.length);
    try {
      (command.execute as (call: Call) => void)(call);
    } catch (error) {
      reply.length = start;
      if (error instanceof ReplyLimitError) client.transport.exceededOutputLimit();
      else if (error instanceof ColdRecordError) reply.error(error.reply);
      else if (error instanceof ReplyError) reply.error(error.message);
      else this.#observer.crashed(error, command, words, client);
    }
    if (isLimited) reply.lengthMax = REPLY_BYTES_MAX;
    this.running = null;
    keyspace.growth.reset();
    if (monitors.size !== 0 && (command.bits & IS_UNMONITORED) === 0 && !call.isRetry) {
      this.#monitor(client, words);
    }
    if (tracking.clientCount !== 0 && (command.bits & (IS_READ | IS_SCRIPT)) === IS_READ) {
      tracking.remember(client, command, words);
    }
    const blocking = call.blocking as BlockRequest | null;
    if (blocking !== null) {
      // A group's consumer may have been made before the wait.
      if (keyspace.dirty !== dirty) this.#observer.propagated(client.databaseNumber, words, call.propagation);
      if (this.#observer.hasImplicitUnit) this.#observer.endImplicitUnit();
      if (client.blocked === null) {
        const own = blocking.words ?? words.detach();
        this.#services.blocking.block(client, command, own, blocking, keyspace.nowMs);
        this.#observer.blocked(client);
      }
      return;
    }
    if (call.isUnfinished || this.#isReplaying) return;
    const stop = this.#services.clock.monotonicUs();
    const microseconds = stop - (call.startUs === 0 ? startUs : call.startUs);
    this.lastStop = stop;
    const statistics = command.statistics;
    statistics.calls++;
    statistics.microseconds += microseconds;
    const config = this.#services.config.values;
    if (config['latency-tracking']) statistics.durations.record(microseconds);
    this.#services.statistics.commandsProcessed++;
    if (reply.errorCount !== errors) {
      statistics.failedCalls++;
      if (!call.isErrorCounted) this.#services.statistics.countError(reply.lastError);
    }
    if (keyspace.dirty !== dirty) this.#observer.propagated(client.databaseNumber, words, call.propagation);
    else if (call.isForReplicas) this.#observer.replicated(client.databaseNumber, words);
    if (this.#observer.hasImplicitUnit) this.#observer.endImplicitUnit();
    if (
      microseconds >= config['slowlog-log-slower-than'] &&
      config['slowlog-log-slower-than'] >= 0 &&
      (command.bits & IS_LEFT_OUT_OF_SLOWLOG) === 0 &&
      !call.holdsSecret
    ) {
      this.#services.slowLog.add(
        Math.floor(keyspace.nowMs / 1000),
        microseconds,
        call.redacted.length === 0 ? words : this.#redacted(words),
        client.transport.address,
        client.name,
        config['slowlog-max-len'],
      );
    }
    const threshold = config['latency-monitor-threshold'];
    if (threshold > 0 && microseconds >= threshold * 1000) {
      const event = command.row.flags.includes('fast') ? 'fast-command' : 'command';
      this.#services.latency.record(event, microseconds / 1000, Math.floor(keyspace.nowMs / 1000), threshold);
    }
  }

  /** Runs a command of the log that is being loaded, past all checks, unaccounted for; a text says why it can't be run. */
  replay(client: Client, words: Arguments): string | null {
    const reply = this.#reply;
    const { table } = this.#services;
    // What was logged before commands were renamed, or by commands that change others, has their own names.
    const command = table.resolve(words) ?? table.resolveOwn(words);
    const name = latin1(words.buffer, words.offsets[0], Math.min(words.lengths[0], 128));
    if (command === null || command.execute === undefined) return `Unknown command '${name}'`;
    if (!command.accepts(words.count)) return `Wrong number of arguments of command '${name}'`;
    if (client.queue !== null && !NOT_QUEUED.has(command.fullName)) {
      client.queue.add(command, words);
      return null;
    }
    const start = reply.length;
    const errors = reply.errorCount;
    reply.protocol = client.protocol;
    this.#isReplaying = true;
    this.call.mayWait = false;
    this.run(client, command, words);
    this.#isReplaying = false;
    reply.length = start;
    if (reply.errorCount === errors) return null;
    // The commands after it would go to another database.
    if (command.row.name === 'select') return `Can't select a database (${reply.lastError})`;
    this.#services.log(
      `== CRITICAL == This server is sending an error to its AOF-loading-client: '${reply.lastError}' after processing the command '${command.fullName}'`,
    );
    return null;
  }

  /** Tells those who watch commands. */
  #monitor(client: Client, words: Arguments): void {
    const { monitors, scripts, clock } = this.#services;
    const isFromScript = client.nested && scripts.caller === client;
    monitors.feed(client, isFromScript, words, this.call.redacted, clock.wallMs());
  }

  /** Tells them of a script before it runs, once. */
  #monitorScript(client: Client, words: Arguments): void {
    if (this.#services.scripts.caller !== client) this.#monitor(client, words);
  }

  /** The arguments as logs show them. */
  #redacted(words: Arguments): { readonly count: number; copy(at: number): Uint8Array } {
    const { redacted } = this.call;
    return { count: words.count, copy: (at) => (redacted.includes(at) ? REDACTED : words.copy(at)) };
  }

  /** Whether a command must wait for the end of CLIENT PAUSE. Its client is blocked then, but for the engine's own caller. */
  #isPaused(client: Client, command: Command, words: Arguments, mayWait: boolean): boolean {
    const { pause, blocking } = this.#services;
    const changes = this.#effectsOf(client, command, words) & (IS_WRITE | MAY_REPLICATE);
    if (pause.mode !== PAUSES_ALL && changes === 0) return false;
    if (client.isInternal) return mayWait;
    client.lastCommand = command;
    blocking.postpone(client, command);
    return true;
  }

  /** The flags of a command that a client sends; a script that has declared that it changes nothing may not replicate. */
  #effectsOf(client: Client, command: Command, words: Arguments): number {
    const bits = bitsOf(client, command);
    const isScript = (bits & IS_SCRIPT) !== 0 && command.row.name !== 'exec';
    return isScript && this.#services.scripts.declaresNoWrites(words) ? bits & ~MAY_REPLICATE : bits;
  }

  /** Whether a command is refused while data is loaded, or since snapshots can't be written. */
  #isRestricted(client: Client, command: Command): boolean {
    const isWrite = (bitsOf(client, command) & IS_WRITE) !== 0 || command.row.name === 'ping';
    const isAllowed = (command.bits & IS_ALLOWED_WHILE_LOADING) !== 0;
    const { persistence, appendLog } = this.#services;
    const refusal = persistence.refusalOf(isWrite, isAllowed) ?? appendLog.refusalOf(isWrite, isAllowed);
    if (refusal === null) return false;
    this.#reject(client, command, refusal);
    return true;
  }

  /** Whether the client's user may not run a command, which is refused then. */
  #isDenied(client: Client, command: Command, words: Arguments): boolean {
    const isQueueing = client.queue !== null;
    // A command that no transaction takes is refused for that.
    if (isQueueing && (command.bits & IS_FORBIDDEN_IN_MULTI) !== 0) return false;
    const denial = client.user.check(command, words);
    if (denial === null) return false;
    const context = isQueueing ? 'multi' : 'toplevel';
    this.#reject(client, command, this.#services.users.refuse(client, denial, command, words, context));
    return true;
  }

  #queue(client: Client, command: Command, words: Arguments): void {
    if ((command.bits & IS_FORBIDDEN_IN_MULTI) !== 0) {
      this.#reject(client, command, 'ERR Command not allowed inside a transaction');
      return;
    }
    // As in Redis, with memory full nothing is queued, not even reads: the queue takes memory too.
    const verdict = this.#admission.admitWrite(client);
    if (verdict !== 'run' && verdict !== 'wait') {
      this.#reject(client, command, verdict === 'full' ? OUT_OF_MEMORY : verdict);
      return;
    }
    client.queue?.add(command, words);
    this.#reply.raw(QUEUED);
  }

  /** Refuses a command: one to be queued makes its transaction fail, and an EXEC ends it, were there none (rejectCommand). */
  #reject(client: Client, command: Command | null, reason: string): void {
    let text = reason;
    if (command !== null) command.statistics.rejectedCalls++;
    if (command?.row.name === 'exec') {
      client.leaveTransaction();
      this.#services.watches.unwatchAll(client);
      text = `EXECABORT Transaction discarded because of: ${reason.replace(/^ERR /, '')}`;
    } else if (client.queue !== null) {
      client.queueFailed = true;
    }
    this.#reply.error(text);
    this.#services.statistics.countError(text);
  }

  #unknown(words: Arguments): string {
    const container = this.#services.table.find(words, 0);
    if (container !== null) {
      if (words.count < 2) return wrongArity(container.fullName);
      return unknownSubcommand(words.text(1), container.row.name.toUpperCase());
    }
    const rest: string[] = [];
    let length = 0;
    for (let at = 1; at < words.count && length < 128; at++) {
      const shown = Math.min(words.lengths[at], 128 - length);
      const text = `'${latin1(words.buffer, words.offsets[at], shown)}' `;
      rest.push(text);
      length += text.length;
    }
    return unknownCommand(
      latin1(words.buffer, words.offsets[0], Math.min(words.lengths[0], 128)),
      rest.join(''),
    );
  }

  /** CLIENT REPLY: takes back what the client asked not to hear. */
  #finishReply(client: Client, start: number): void {
    if (client.replyMode === 'on') return;
    if (client.replyMode === 'skip-next') client.replyMode = 'skip';
    else if (client.replyMode === 'skip') client.replyMode = 'on';
    this.#reply.length = start;
  }
}

/** The flags of a command, and for EXEC those of the commands that it runs. */
function bitsOf(client: Client, command: Command): number {
  let { bits } = command;
  if (client.queue === null || command.row.name !== 'exec') return bits;
  for (let at = 0; at < client.queue.length; at++) bits |= client.queue.commandAt(at).bits;
  return bits;
}
