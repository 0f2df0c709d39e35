import { latin1 } from '../base/bytes.ts';
import {
  NOT_AUTHENTICATED,
  OUT_OF_MEMORY,
  unknownCommand,
  unknownSubcommand,
  wrongArity,
} from '../base/error-replies.ts';
import { Call, type Services } from '../command-table/call.ts';
import type { Client } from '../command-table/client.ts';
import {
  type Command,
  IS_ALLOWED_UNAUTHENTICATED,
  IS_DENIED_ON_OOM,
  IS_FORBIDDEN_IN_MULTI,
  IS_LEFT_OUT_OF_SLOWLOG,
} from '../command-table/command.ts';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import type { Arguments } from '../resp/arguments.ts';
import type { Encoder } from '../resp/encoder.ts';
import { ReplyError } from '../resp/reply.ts';

/** What the pipeline asks of the memory budget and the tier before it runs a command. */
export interface Admission {
  /**
   * Before a command that may grow memory: makes room. 'run' lets it run, 'wait' asks it to wait until memory was
   * freed (`whenReady` is called then), 'full' refuses with OOM, any other text refuses with that error.
   */
  admitWrite(client: Client): 'run' | 'wait' | 'full' | string;
  /** Whether a command must wait until its keys' cold records were fetched. */
  mustFetch(command: Command, words: Arguments, client: Client): boolean;
}

/** What happened to commands, told as they are done. */
export interface Observer {
  /** A command that changed something, to be propagated: its own words, or what it put in their place. */
  propagated(databaseNumber: number, words: Arguments, replacement: (readonly Uint8Array[])[] | null): void;
  /** A bug: the handler threw. */
  crashed(error: unknown, command: Command, words: Arguments, client: Client): void;
}

/** Names of commands that run at once within MULTI. */
const NOT_QUEUED = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset']);

/**
 * How a command flows, from the decoded words to the reply: look-up, arity, authentication, queueing in a transaction,
 * memory, residency, handler, propagation, accounting. One command at a time, each to its end.
 */
export class Pipeline {
  readonly call: Call;
  readonly #services: Services;
  readonly #admission: Admission;
  readonly #observer: Observer;
  readonly #reply: Encoder;
  /** Words of the command in the handler, for the crash report. */
  running: Arguments | null = null;
  #lastStop = 0;

  constructor(services: Services, reply: Encoder, admission: Admission, observer: Observer) {
    this.#services = services;
    this.#admission = admission;
    this.#observer = observer;
    this.#reply = reply;
    this.call = new Call(services, reply);
  }

  /** A batch begins: the next command's time counts from here. Returns that time in microseconds. */
  begin(): number {
    this.#lastStop = this.#services.clock.monotonicUs();
    return this.#lastStop;
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
      return true;
    }
    const bits = command.bits;
    if (!command.accepts(words.count)) {
      const text = wrongArity(command.fullName);
      if (command.row.name === 'exec' && client.queue !== null) this.#abortTransaction(client, command, text);
      else this.#reject(client, command, text);
    } else if (!client.authenticated && (bits & IS_ALLOWED_UNAUTHENTICATED) === 0) {
      this.#reject(client, command, NOT_AUTHENTICATED);
    } else if (client.queue !== null && !NOT_QUEUED.has(command.row.name)) {
      this.#queue(client, command, words);
    } else {
      if ((bits & IS_DENIED_ON_OOM) !== 0 || (command.row.name === 'exec' && growsMemory(client))) {
        const verdict = this.#admission.admitWrite(client);
        if (verdict === 'wait') {
          if (mayWait) {
            client.commandCount--;
            return false;
          }
        } else if (verdict !== 'run') {
          const text = verdict === 'full' ? OUT_OF_MEMORY : verdict;
          if (command.row.name === 'exec') this.#abortTransaction(client, command, text);
          else this.#reject(client, command, text);
          this.#finishReply(client, replyStart);
          return true;
        }
      }
      if (mayWait && command.row.need !== 'none' && this.#admission.mustFetch(command, words, client)) {
        client.commandCount--;
        return false;
      }
      client.lastCommand = command;
      this.run(client, command, words);
    }
    this.#finishReply(client, replyStart);
    return true;
  }

  /** Runs a command that passed all checks, and accounts for it. */
  run(client: Client, command: Command, words: Arguments): void {
    const call = this.call;
    const keyspace = this.#services.keyspace;
    const reply = this.#reply;
    const dirty = keyspace.dirty;
    const errors = reply.errorCount;
    call.client = client;
    call.command = command;
    call.words = words;
    call.database = keyspace.databases[client.databaseNumber];
    call.propagation = null;
    call.holdsSecret = false;
    keyspace.noTouch = client.noTouch && command.row.name !== 'touch';
    const start = reply.length;
    this.running = words;
    try {
      (command.execute as (call: Call) => void)(call);
    } catch (error) {
      reply.length = start;
      if (error instanceof ColdRecordError) reply.error(error.reply);
      else if (error instanceof ReplyError) reply.error(error.message);
      else this.#observer.crashed(error, command, words, client);
    }
    this.running = null;
    const stop = this.#services.clock.monotonicUs();
    const microseconds = stop - this.#lastStop;
    this.#lastStop = stop;
    const statistics = command.statistics;
    statistics.calls++;
    statistics.microseconds += microseconds;
    const config = this.#services.config.values;
    if (config['latency-tracking']) statistics.durations.record(microseconds);
    this.#services.statistics.commandsProcessed++;
    if (reply.errorCount !== errors) {
      statistics.failedCalls++;
      this.#services.statistics.countError(reply.lastError);
    }
    if (keyspace.dirty !== dirty) this.#observer.propagated(client.databaseNumber, words, call.propagation);
    if (
      microseconds >= config['slowlog-log-slower-than'] &&
      config['slowlog-log-slower-than'] >= 0 &&
      (command.bits & IS_LEFT_OUT_OF_SLOWLOG) === 0 &&
      !call.holdsSecret
    ) {
      this.#services.slowLog.add(
        Math.floor(keyspace.nowMs / 1000),
        microseconds,
        words,
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
    const own = words.detach();
    client.queueBytes += own.buffer.length + own.count * 8 + 64;
    client.queue?.push({ command, words: own });
    this.#reply.simple('QUEUED');
  }

  #abortTransaction(client: Client, command: Command, text: string): void {
    client.queue = null;
    client.queueBytes = 0;
    client.queueFailed = false;
    this.#services.watches.unwatchAll(client);
    this.#reject(client, command, `EXECABORT Transaction discarded because of: ${text.replace(/^ERR /, '')}`);
  }

  #reject(client: Client, command: Command | null, text: string): void {
    if (command !== null) command.statistics.rejectedCalls++;
    if (client.queue !== null) client.queueFailed = true;
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

/** Whether a transaction holds a command that may grow memory. */
function growsMemory(client: Client): boolean {
  if (client.queue === null) return false;
  for (const { command } of client.queue) if ((command.bits & IS_DENIED_ON_OOM) !== 0) return true;
  return false;
}
