import { Client, silentTransport } from './command-table/client.ts';
import { Config } from './config/config.ts';
import { Arguments } from './resp/arguments.ts';
import { decodeReply, type Reply, ReplyError } from './resp/reply.ts';
import { Engine, type EngineHost } from './server/engine.ts';
import { type Log, openLog } from './server/log.ts';

export { type Reply, ReplyError };

/** Settings of an embedded store: the directives of docs/config.md by name, with values as in a configuration file. */
export type Directives = Readonly<Record<string, string | number | boolean>>;

/** What a command's argument may be; numbers are written in decimal. */
export type Argument = string | number | bigint | Uint8Array;

/** A store in this process: the commands of the server, without a socket. */
export interface Store {
  /**
   * Runs a command. Bulk strings of the reply are UTF-8 text. Rejects with {@link ReplyError} where the server would
   * reply an error. Commands run in the order of the calls, except that one whose value is fetched from the SSD, or
   * that waits for memory, may be overtaken by later ones.
   */
  call(command: string, ...words: Argument[]): Promise<Reply>;
  /** As `call`, with bulk strings as Buffers that the caller owns. */
  callBuffer(command: string, ...words: Argument[]): Promise<Reply>;
  /** Stops the work in the background, writes a snapshot if there are save points, and closes the SSD tier. */
  close(): Promise<void>;
}

/** A command that waits for the tier. */
interface Waiting {
  run(): boolean;
}

const IN_PROCESS = silentTransport('in-process:0');

/**
 * Opens a store in this process. With `enable-flex` it keeps what is cold under `flex-storage-path`, which one process
 * uses at a time. Throws an error with the reason if a directive or the tier's path is not usable.
 */
export function open(directives: Directives = {}): Store {
  // A library does not leave files that nobody has asked for.
  const words: string[] = ['--save', ''];
  for (const [name, value] of Object.entries(directives)) {
    words.push(`--${name}`, typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value));
  }
  return new EmbeddedStore(new Config(words), openLog('warning', ''));
}

class EmbeddedStore implements Store, EngineHost {
  readonly log: Log;
  readonly clients = new Map<number, Client>();
  readonly port = 0;
  readonly #engine: Engine;
  readonly #client: Client;
  #waiting: Waiting[] = [];
  #cron: NodeJS.Timeout | null = null;
  #failure: unknown = null;

  constructor(config: Config, log: Log) {
    this.log = log;
    this.#engine = new Engine(config, this);
    this.#client = new Client(1, IN_PROCESS, this.#engine.keyspace.nowMs, true);
    this.#client.protocol = 3;
    this.clients.set(1, this.#client);
    const { save, appendonly } = config.values;
    if (save.length > 0 || appendonly || this.#engine.hasTierData) this.#engine.loadAtOnce();
    const intervalMs = Math.max(2, Math.floor(1000 / config.values.hz));
    const run = () => {
      const more = this.#engine.cron();
      this.#cron = setTimeout(run, more ? 1 : intervalMs).unref();
    };
    this.#cron = setTimeout(run, intervalMs).unref();
  }

  get waitingClientCount(): number {
    return this.#waiting.length;
  }

  call(command: string, ...words: Argument[]): Promise<Reply> {
    return this.#run([command, ...words], true);
  }

  callBuffer(command: string, ...words: Argument[]): Promise<Reply> {
    return this.#run([command, ...words], false);
  }

  async close(): Promise<void> {
    if (this.#cron !== null) clearTimeout(this.#cron);
    this.#cron = null;
    const options = { save: 'default', now: true, force: true } as const;
    this.#engine.prepareToEnd(options);
    try {
      await this.#engine.takeLastCheckpoint(options);
    } finally {
      await this.#engine.close();
    }
  }

  resumeWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const command of waiting) if (!command.run()) this.#waiting.push(command);
  }

  blocked(): void {}
  unblocked(): void {}

  clientBytes(): number {
    return 0;
  }

  shutdown(): string {
    return 'ERR An embedded store is closed by its close()';
  }

  exit(): void {
    this.#failure = new Error('The append only file can not be written: the store has ended');
  }

  crashed(error: unknown, what: string): void {
    this.log.warning(`A bug in Thermocline while running ${what}`);
    this.#failure = error;
  }

  #run(parts: readonly Argument[], asText: boolean): Promise<Reply> {
    const words = Arguments.of(
      parts.map((part) => (part instanceof Uint8Array ? part : Buffer.from(String(part)))),
    );
    return new Promise((resolve, reject) => {
      const run = (): boolean => {
        const { pipeline, reply } = this.#engine;
        this.#engine.beginBatch();
        const start = reply.length;
        const ran = pipeline.execute(this.#client, words, true);
        if (ran) {
          this.#engine.flushLog();
          const decoded =
            reply.length > start ? decodeReply(reply.buffer.subarray(start, reply.length), asText) : null;
          reply.length = start;
          if (this.#failure !== null) reject(this.#failure);
          else if (decoded instanceof ReplyError) reject(decoded);
          else resolve(decoded);
        }
        this.#engine.endTick();
        return ran;
      };
      if (!run()) this.#waiting.push({ run });
    });
  }
}
