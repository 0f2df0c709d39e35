import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { ManualClock } from '../../src/base/clock.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { Client, type Transport } from '../../src/command-table/client.ts';
import { Config } from '../../src/config/config.ts';
import {
  type KeyspaceEvents,
  NOTIFY_EVICTED,
  NOTIFY_EXPIRED,
  NOTIFY_GENERIC,
  NOTIFY_HASH,
  NOTIFY_KEY_MISS,
  NOTIFY_LIST,
  NOTIFY_NEW,
  NOTIFY_OVERWRITTEN,
  NOTIFY_SET,
  NOTIFY_SORTED_SET,
  NOTIFY_STREAM,
  NOTIFY_STRING,
  NOTIFY_TYPE_CHANGED,
} from '../../src/keyspace/keyspace.ts';
import { PARTITION_COUNT } from '../../src/keyspace/slot-table.ts';
import { Arguments } from '../../src/resp/arguments.ts';
import { decodeReply, type Reply } from '../../src/resp/reply.ts';
import { Engine, type EngineHost, type TierDisk } from '../../src/server/engine.ts';

/** Where keys are after each command: in RAM, all in the SSD tier, or each in one of them by chance. */
export type Residency = 'hot' | 'demoted' | 'random';
export const RESIDENCIES: readonly Residency[] = ['hot', 'demoted', 'random'];

/** When the test's clock starts: some time of which nothing is a round number. */
export const START_MS = 1_700_000_123_456;

export interface EngineOptions {
  readonly residency?: Residency;
  /** Directives by name, as in a configuration file. */
  readonly directives?: Readonly<Record<string, string>>;
  /** Classes of events besides those that `A` of notify-keyspace-events stands for, such as NOTIFY_NEW. */
  readonly notifyFlags?: number;
  readonly seed?: number;
  /** The tier's disk, in place of the machine's. */
  readonly disk?: TierDisk;
}

/** An argument of a command; strings are UTF-8. */
export type Word = string | number | bigint | Uint8Array;

/** What a command did. */
export interface Outcome {
  /** The reply's bytes, one character each. */
  readonly raw: string;
  /** The reply decoded, bulk strings as UTF-8; an error is a ReplyError. */
  readonly value: Reply;
  /**
   * Commands propagated, words joined by spaces; those of a database other than 0 as `1:DEL a`, those for replicas only
   * as `replicas:PUBLISH a b`.
   */
  readonly propagated: readonly string[];
  /** Events as class letter, name and key: `$ set a`; those of a database other than 0 as `1:$ set a`. */
  readonly events: readonly string[];
}

const EVENT_LETTERS = new Map([
  [NOTIFY_GENERIC, 'g'],
  [NOTIFY_STRING, '$'],
  [NOTIFY_LIST, 'l'],
  [NOTIFY_SET, 's'],
  [NOTIFY_HASH, 'h'],
  [NOTIFY_SORTED_SET, 'z'],
  [NOTIFY_EXPIRED, 'x'],
  [NOTIFY_EVICTED, 'e'],
  [NOTIFY_STREAM, 't'],
]);

/** Beside those: the classes that `A` leaves out. */
const EXTRA_LETTERS = new Map([
  [NOTIFY_KEY_MISS, 'm'],
  [NOTIFY_NEW, 'n'],
  [NOTIFY_OVERWRITTEN, 'o'],
  [NOTIFY_TYPE_CHANGED, 'c'],
]);

/**
 * A server without sockets, for a command's test: its handlers run through the real pipeline on a real keyspace, with a
 * clock that moves when told, and, where `residency` asks for it, a real tier in a temporary folder. Call it within a
 * test: it is closed when the test ends.
 */
export function createEngine(options: EngineOptions = {}): TestEngine {
  const residency = options.residency ?? 'hot';
  const folder = mkdtempSync(join(tmpdir(), 'thermocline-engine-'));
  const directives: Record<string, string> = { dir: folder, databases: '4', ...options.directives };
  if (residency !== 'hot') {
    directives['enable-flex'] = 'yes';
    directives['flex-storage-path'] = join(folder, 'tier');
    directives['flex-checkpoint-interval'] ??= '0';
  }
  const words = Object.entries(directives).flatMap(([name, value]) => [`--${name}`, value]);
  const engine = new TestEngine(new Config(words), residency, options);
  onTestFinished(async () => {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return engine;
}

const silentLog: EngineHost['log'] = {
  debug() {},
  verbose() {},
  notice() {},
  warning() {},
  setLevel() {},
  flush() {},
};

class Host implements EngineHost {
  readonly clients = new Map<number, Client>();
  readonly log = silentLog;
  readonly waitingClientCount = 0;
  readonly port = 6379;
  resumeWaiting(): void {}
  blocked(): void {}
  unblocked(): void {}
  clientBytes(): number {
    return 0;
  }
  shutdown(): string | undefined {
    return undefined;
  }
  crashed(error: unknown): void {
    throw error;
  }
  exit(status: number): void {
    throw new Error(`The process ends with status ${status}`);
  }
}

export class TestEngine extends Engine {
  declare readonly clock: ManualClock;
  readonly client: Client;
  readonly #host: Host;
  readonly #residency: Residency;
  readonly #chance: SeededRandom;
  #propagated: string[] = [];
  #events: string[] = [];
  readonly #pushed = new Map<Client, string>();

  constructor(config: Config, residency: Residency, options: EngineOptions) {
    const seed = options.seed ?? 1;
    const host = new Host();
    super(config, host, new ManualClock(START_MS), new SeededRandom(seed), options.disk);
    this.#host = host;
    this.#residency = residency;
    this.#chance = new SeededRandom(seed + 1);
    let flags = options.notifyFlags ?? 0;
    for (const flag of EVENT_LETTERS.keys()) flags |= flag;
    this.keyspace.settings.notifyFlags = flags;
    this.onPropagate = (databaseNumber, words, replacement) => {
      const commands = replacement ?? [Array.from({ length: words.count }, (_, at) => words.copy(at))];
      for (const command of commands) {
        const text = command.map((word) => Buffer.from(word).toString('utf8')).join(' ');
        this.#propagated.push(inDatabase(databaseNumber, text));
      }
    };
    this.onReplicate = (databaseNumber, words) => {
      const text = Array.from({ length: words.count }, (_, at) =>
        Buffer.from(words.copy(at)).toString('utf8'),
      );
      this.#propagated.push(`replicas:${inDatabase(databaseNumber, text.join(' '))}`);
    };
    this.client = this.connect();
  }

  /** The bytes of messages that a client was sent besides replies since this was asked last, one character each. */
  takePushes(client: Client): string {
    const text = this.#pushed.get(client) ?? '';
    this.#pushed.delete(client);
    return text;
  }

  /** A further client. */
  connect(address = '127.0.0.1:50000'): Client {
    const transport: Transport = {
      address,
      localAddress: '127.0.0.1:6379',
      descriptor: 8,
      queryBytes: 0,
      queryCapacity: 0,
      outputBytes: 0,
      receivedBytes: 0,
      sentBytes: 0,
      push: (bytes, start, end) => {
        this.#pushed.set(client, (this.#pushed.get(client) ?? '') + bytes.toString('latin1', start, end));
      },
      close: () => {},
      exceededOutputLimit: () => {},
    };
    const client: Client = new Client(this.clients.size + 1, transport, this.clock.nowMs);
    this.users.admit(client);
    client.authenticated = true;
    this.#host.clients.set(client.id, client);
    return client;
  }

  /** Runs a command of the first client, then moves keys between the tiers as the residency says. */
  run(...words: Word[]): Outcome {
    return this.runAs(this.client, ...words);
  }

  runAs(client: Client, ...words: Word[]): Outcome {
    this.#propagated = [];
    this.#events = [];
    this.beginBatch();
    const start = this.reply.length;
    const parts = words.map((word) => (word instanceof Uint8Array ? word : Buffer.from(String(word))));
    if (!this.pipeline.execute(client, Arguments.of(parts), false)) throw new Error('the command waits');
    const reply = Buffer.from(this.reply.buffer.subarray(start, this.reply.length));
    this.reply.length = start;
    this.endTick();
    const outcome: Outcome = {
      raw: reply.toString('latin1'),
      get value() {
        return reply.length === 0 ? null : decodeReply(reply, true);
      },
      propagated: this.#propagated,
      events: this.#events,
    };
    this.settle();
    return outcome;
  }

  /** Runs the work between commands once; what it removed is told as of a command. */
  runCron(): Pick<Outcome, 'propagated' | 'events'> {
    this.#propagated = [];
    this.#events = [];
    this.cron();
    return { propagated: this.#propagated, events: this.#events };
  }

  override notify(...told: Parameters<KeyspaceEvents['notify']>): void {
    super.notify(...told);
    const [eventClass, event, database, key, offset, length] = told;
    const letter = EVENT_LETTERS.get(eventClass) ?? EXTRA_LETTERS.get(eventClass);
    const name = Buffer.from(key.subarray(offset, offset + length)).toString('utf8');
    this.#events.push(inDatabase(database.number, `${letter} ${event} ${name}`));
  }

  /** Moves keys, and pages of values, between the tiers as the residency says. */
  settle(): void {
    const { tier } = this;
    if (tier === null) return;
    const tables = this.keyspace.databases.flatMap((database) =>
      [database, database.pageRecords ?? []].flat(),
    );
    for (const database of tables) {
      const { table } = database;
      for (let partition = 0; partition < PARTITION_COUNT; partition++) {
        if (table.partitionCount(partition) === 0) continue;
        for (let more = table.seekAtLeast(partition, 0); more; more = table.next()) {
          const { entry } = database;
          const { hot, access } = database.load(partition);
          const wantsHot = this.#residency === 'random' && this.#chance.below(2) === 0;
          if (hot && !wantsHot) tier.demote(database);
          if (hot || !wantsHot) continue;
          database.promote();
          // A promotion comes with an access; the test's is none.
          entry.words[entry.word + 1] = (entry.words[entry.word + 1] & ~0xffffff) | access;
        }
      }
    }
  }
}

function inDatabase(number: number, text: string): string {
  return number === 0 ? text : `${number}:${text}`;
}

/**
 * A reply in short: `+OK`, `-ERR text`, `:1`, `$text` for a bulk string, `$-1` and `*-1` for the nulls of RESP2; a list
 * for an array. What begins otherwise, such as `_`, stands for itself.
 */
export type ExpectedReply = string | readonly ExpectedReply[];

/** The bytes of a reply given in short, one character each. */
export function replyBytes(reply: ExpectedReply): string {
  if (typeof reply !== 'string') return `*${reply.length}\r\n${reply.map(replyBytes).join('')}`;
  if (!reply.startsWith('$') || reply === '$-1') return `${reply}\r\n`;
  const text = Buffer.from(reply.slice(1)).toString('latin1');
  return `$${text.length}\r\n${text}\r\n`;
}

/**
 * One step of a test: a command (words, or a line that is split at spaces), its reply, what it propagates (`same`: the
 * command as it came) and its events; or a number of milliseconds by which the clock moves on.
 */
export type Step =
  | number
  | readonly [
      command: string | readonly Word[],
      reply: ExpectedReply,
      propagated?: 'same' | readonly string[],
      events?: readonly string[],
    ];

/** Takes the steps one by one and expects of each exactly what it says. */
export function expectSteps(engine: TestEngine, steps: readonly Step[]): void {
  for (const step of steps) {
    if (typeof step === 'number') {
      engine.clock.advance(step);
      continue;
    }
    const [command, reply, propagated = [], events = []] = step;
    const words = typeof command === 'string' ? command.split(' ') : command;
    const told = engine.run(...words);
    const line = words.join(' ');
    expect({ line, raw: told.raw, propagated: told.propagated, events: told.events }).toEqual({
      line,
      raw: replyBytes(reply),
      propagated: propagated === 'same' ? [inDatabase(engine.client.databaseNumber, line)] : propagated,
      events,
    });
  }
}
