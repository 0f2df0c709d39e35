import { latin1 } from '../base/bytes.ts';
import { Arguments } from '../resp/arguments.ts';
import type { Encoder } from '../resp/encoder.ts';
import type { Client } from './client.ts';
import type { Command } from './command.ts';

/** What a handler asks for that can't reply yet. */
export interface BlockRequest {
  /** Arguments that are the keys to wait for; none to wait for the time alone. */
  readonly keys: readonly number[];
  /** Milliseconds to wait, or 0 for no limit. */
  readonly timeoutMs: number;
  /** Writes the reply when the time has passed. */
  readonly replyTimeout: (reply: Encoder) => void;
  /** One change of a key may serve all who wait for it, as an entry of a stream does; else it serves one after another. */
  readonly isShared?: boolean;
  /** The client is to be woken when one of the keys is deleted, too. */
  readonly endsWithKey?: boolean;
  /** What is run again in place of the arguments as they came, with bytes of its own. */
  readonly words?: Arguments | undefined;
  /** When the command is run again though no key has changed, in milliseconds since the epoch. */
  readonly retryAtMs?: number | undefined;
}

/** A command that waits, with arguments of its own. */
export interface BlockedCommand extends Omit<BlockRequest, 'retryAtMs'> {
  readonly command: Command;
  readonly words: Arguments;
  /** The keys as the table names them. */
  readonly names: readonly string[];
  /** When it times out, in milliseconds since the epoch; infinite for never. */
  readonly deadlineMs: number;
  /** When it is run again at the latest; undefined if only a key's change has it run again. */
  retryAtMs?: number | undefined;
  /** The command has not been looked at yet: it waits for the end of CLIENT PAUSE, and is given again then. */
  readonly isPostponed?: boolean;
}

const NO_WORDS = new Arguments();

/**
 * Which clients wait for which keys (BLPOP and its like): first come, first served. A change to a key makes it ready; when the
 * command that made the change is done, those who wait for it have their commands run again.
 */
export class BlockingTable {
  /** All blocked clients. */
  readonly clients = new Set<Client>();
  /** Those of them that wait for the end of CLIENT PAUSE, in the order they came. */
  readonly postponed = new Set<Client>();
  readonly #waiting = new Map<string, Set<Client>>();
  readonly #ready = new Set<string>();

  get keyCount(): number {
    return this.#waiting.size;
  }

  /** Keys of clients that are to be woken when the key is deleted, too. */
  get endingKeyCount(): number {
    const names = new Set<string>();
    for (const { blocked } of this.clients) {
      if (blocked?.endsWithKey === true) for (const name of blocked.names) names.add(name);
    }
    return names.size;
  }

  /** Clients whose wait has an end. */
  get timedCount(): number {
    let count = 0;
    for (const { blocked } of this.clients) {
      if (blocked !== null && blocked.deadlineMs !== Number.POSITIVE_INFINITY) count++;
    }
    return count;
  }

  get hasReady(): boolean {
    return this.#ready.size > 0;
  }

  /** Blocks a client, whose command and arguments must be its own. */
  block(client: Client, command: Command, words: Arguments, request: BlockRequest, nowMs: number): void {
    const names = request.keys.map((at) =>
      nameOf(client.databaseNumber, words.buffer, words.offsets[at], words.lengths[at]),
    );
    for (const name of names) {
      const clients = this.#waiting.get(name);
      if (clients === undefined) this.#waiting.set(name, new Set([client]));
      else clients.add(client);
    }
    const deadlineMs = request.timeoutMs === 0 ? Number.POSITIVE_INFINITY : nowMs + request.timeoutMs;
    client.blocked = { ...request, command, words, names, deadlineMs };
    this.clients.add(client);
  }

  /** Has a client wait until CLIENT PAUSE ends. */
  postpone(client: Client, command: Command): void {
    client.blocked = {
      command,
      words: NO_WORDS,
      keys: [],
      names: [],
      timeoutMs: 0,
      deadlineMs: Number.POSITIVE_INFINITY,
      replyTimeout: () => {},
      isPostponed: true,
    };
    this.clients.add(client);
    this.postponed.add(client);
  }

  /** The client waits no more. */
  unblock(client: Client): void {
    if (client.blocked === null) return;
    for (const name of client.blocked.names) {
      const clients = this.#waiting.get(name);
      clients?.delete(client);
      if (clients?.size === 0) this.#waiting.delete(name);
    }
    client.blocked = null;
    this.clients.delete(client);
    this.postponed.delete(client);
  }

  /** A key changed. */
  touch(database: number, key: Uint8Array, offset: number, length: number): void {
    if (this.#waiting.size === 0) return;
    const name = nameOf(database, key, offset, length);
    if (this.#waiting.has(name)) this.#ready.add(name);
  }

  /** All keys of a database changed. */
  touchDatabase(database: number): void {
    for (const name of this.#waiting.keys()) if (name.startsWith(`${database}:`)) this.#ready.add(name);
  }

  /** Those who wait for the key that became ready first, in the order they came; null if none is ready. */
  takeReady(): readonly Client[] | null {
    for (const name of this.#ready) {
      this.#ready.delete(name);
      return [...(this.#waiting.get(name) ?? [])];
    }
    return null;
  }
}

function nameOf(database: number, key: Uint8Array, offset: number, length: number): string {
  return `${database}:${latin1(key, offset, length)}`;
}
