import { equalBytes, latin1, latin1Bytes, sliceBytes } from '../base/bytes.ts';
import type { KeyHash } from '../base/hash.ts';
import type { Client } from '../command-table/client.ts';
import type { Command } from '../command-table/command.ts';
import { KeyPositions } from '../command-table/keys.ts';
import {
  BROADCASTS,
  CACHING,
  NO_LOOP,
  OPTS_IN,
  OPTS_OUT,
  REDIRECT_BROKEN,
  TRACKS,
  type Tracking,
} from '../command-table/tracking.ts';
import type { Arguments } from '../resp/arguments.ts';
import { Encoder } from '../resp/encoder.ts';
import { Outbox } from './outbox.ts';
import { TrackedKeys } from './tracked-keys.ts';

const CHANNEL = '__redis__:invalidate';
const ARRAY = 42;
const PUSH = 62;
/** What grew beyond this for a large key or many of them is given back. */
const SCRATCH_BYTES_KEPT = 256 * 1024;
/** Keys that are forgotten at once when there are too many. */
const EVICTIONS_MAX = 100;
/** Bytes of JavaScript objects that a prefix, a client's registration and a key to be broadcast cost besides their names. */
const PREFIX_BYTES = 384;
const CLIENT_BYTES = 64;
const BROADCAST_KEY_BYTES = 96;

/** A prefix with those who hear of its keys, and the keys that changed in this tick, each with who changed it last. */
interface Prefix {
  readonly bytes: Uint8Array;
  readonly clients: Set<Client>;
  readonly keys: Map<string, Client | null>;
}

/** What tracking needs of the server. */
export interface TrackingHost {
  readonly clients: ReadonlyMap<number, Client>;
  /** `tracking-table-max-keys`, 0 for no limit. */
  readonly keyCountMax: number;
}

/**
 * Client-side caching (tracking.c): remembers which clients have read which keys, and tells them when those change; or, to
 * clients that broadcast, of every key with their prefixes, once a tick. A key has one name for all databases.
 */
export class TrackingTable implements Tracking {
  clientCount = 0;
  readonly #host: TrackingHost;
  readonly #keys: TrackedKeys;
  readonly #positions = new KeyPositions();
  /** Clients that track or have tracked, by their number. */
  readonly #clients = new Map<number, Client>();
  #lastNumber = 0;
  readonly #prefixes = new Map<string, Prefix>();
  readonly #prefixesOfClients = new Map<Client, Set<Prefix>>();
  #broadcastBytes = 0;
  /** Keys, or null for all, whose invalidation the client hears of after the reply to the command that is being run. */
  readonly #pending: (Uint8Array | null)[] = [];
  /** What follows the head of a message: an array of keys, or null. */
  readonly #payload = new Encoder();
  readonly #message = new Encoder();
  readonly #arrays = new Outbox();
  readonly #pushes = new Outbox();
  /** The message with the present payload is in the outbox for its protocol. */
  #isArrayReady = false;
  #isPushReady = false;

  /** `hash` may be shared. */
  constructor(hash: KeyHash, host: TrackingHost) {
    this.#keys = new TrackedKeys(hash);
    this.#host = host;
  }

  get keyCount(): number {
    return this.#keys.keyCount;
  }

  get itemCount(): number {
    return this.#keys.itemCount;
  }

  get prefixCount(): number {
    return this.#prefixes.size;
  }

  /** Bytes that all of it takes. */
  get byteCount(): number {
    return (
      this.#keys.byteCount +
      this.#clients.size * CLIENT_BYTES +
      this.#prefixes.size * PREFIX_BYTES +
      this.#broadcastBytes
    );
  }

  /** Bytes held for keys to come. */
  get idleBytes(): number {
    return this.#keys.idleBytes;
  }

  enable(client: Client, redirect: number, mode: number, prefixes: readonly Uint8Array[]): void {
    if ((client.tracking & TRACKS) === 0) this.clientCount++;
    if (client.trackingNumber === 0) {
      client.trackingNumber = ++this.#lastNumber;
      this.#clients.set(client.trackingNumber, client);
    }
    client.tracking = TRACKS | mode | (client.tracking & CACHING);
    client.trackingRedirect = redirect;
    if ((mode & BROADCASTS) === 0) return;
    const own = this.#prefixesOfClients.get(client) ?? new Set();
    this.#prefixesOfClients.set(client, own);
    for (const bytes of prefixes.length === 0 ? [new Uint8Array(0)] : prefixes) {
      const prefix = this.#prefix(bytes);
      prefix.clients.add(client);
      own.add(prefix);
    }
    client.prefixCount = own.size;
  }

  disable(client: Client): void {
    if ((client.tracking & TRACKS) === 0) return;
    for (const prefix of this.#prefixesOfClients.get(client) ?? []) {
      prefix.clients.delete(client);
      if (prefix.clients.size === 0) this.#prefixes.delete(latin1(prefix.bytes, 0, prefix.bytes.length));
    }
    this.#prefixesOfClients.delete(client);
    client.prefixCount = 0;
    client.tracking = 0;
    this.clientCount--;
    // Nobody is left to be told of what is remembered.
    if (this.clientCount === 0) this.#keys.clear();
  }

  leave(client: Client): void {
    this.disable(client);
    this.#clients.delete(client.trackingNumber);
  }

  prefixesOf(client: Client): readonly Uint8Array[] {
    return [...(this.#prefixesOfClients.get(client) ?? [])].map(({ bytes }) => bytes).sort(Buffer.compare);
  }

  /** Remembers the keys of a command that a client has read by, as far as it asks for that. */
  remember(client: Client, command: Command, words: Arguments): void {
    const { tracking } = client;
    if ((tracking & (TRACKS | BROADCASTS)) !== TRACKS) return;
    const isCaching = (tracking & CACHING) !== 0;
    if (((tracking & OPTS_IN) !== 0 && !isCaching) || ((tracking & OPTS_OUT) !== 0 && isCaching)) return;
    for (const at of this.#positions.find(command.row.keys, words).positions) {
      this.#keys.add(words.buffer, words.offsets[at], words.lengths[at], client.trackingNumber);
    }
    this.limit();
  }

  /** Forgets keys, telling their readers, while there are more than the configuration allows; a part of them at a time. */
  limit(): void {
    const { keyCountMax } = this.#host;
    if (keyCountMax === 0) return;
    for (let count = 0; count < EVICTIONS_MAX && this.#keys.keyCount > keyCountMax; count++) {
      const key = this.#keys.takeAny();
      if (key !== null) this.#invalidate(key, 0, key.length, null);
    }
  }

  /** A key changed, by a command of the caller, if it was by one. */
  modified(key: Uint8Array, offset: number, length: number, caller: Client | null): void {
    if (this.#prefixes.size > 0) this.#noteBroadcast(key, offset, length, caller);
    if (this.#keys.keyCount > 0 && this.#keys.take(key, offset, length)) {
      this.#invalidate(key, offset, length, caller);
    }
  }

  /** The key that {@link modified} told of last expired or was evicted: no client's change, so all who broadcast hear of it. */
  removed(key: Uint8Array, offset: number, length: number): void {
    if (this.#prefixes.size > 0) this.#noteBroadcast(key, offset, length, null);
  }

  flushed(caller: Client | null): void {
    for (const client of this.#clients.values()) {
      if ((client.tracking & TRACKS) === 0) continue;
      if (client === caller) this.#pending.push(null);
      else this.#sendNull(client);
    }
    this.#keys.clear();
  }

  /** The command of a client has ended and its reply is written: tells it of what it changed itself. */
  finish(client: Client, command: Command | null): void {
    if (this.#pending.length > 0) {
      for (const key of this.#pending) {
        if (key === null) this.#sendNull(client);
        else this.#sendKey(client, key, 0, key.length);
      }
      this.#pending.length = 0;
    }
    // CLIENT CACHING holds for the next command, or the transaction that it begins.
    if (
      (client.tracking & CACHING) !== 0 &&
      client.queue === null &&
      command?.parent?.row.name !== 'client'
    ) {
      client.tracking &= ~CACHING;
    }
  }

  /** Tells those who broadcast which keys changed in this tick. */
  broadcast(): void {
    if (this.#broadcastBytes === 0) return;
    this.#broadcastBytes = 0;
    for (const name of [...this.#prefixes.keys()].sort()) {
      const { keys, clients } = this.#prefixes.get(name) as Prefix;
      if (keys.size === 0) continue;
      const names = [...keys.keys()].sort();
      this.#beginKeys(names);
      for (const client of clients) if ((client.tracking & NO_LOOP) === 0) this.#send(client);
      for (const client of clients) {
        if ((client.tracking & NO_LOOP) === 0) continue;
        const others = names.filter((key) => keys.get(key) !== client);
        if (others.length === 0) continue;
        this.#beginKeys(others);
        this.#send(client);
      }
      keys.clear();
    }
    this.#releaseScratch();
  }

  #prefix(bytes: Uint8Array): Prefix {
    const name = latin1(bytes, 0, bytes.length);
    const known = this.#prefixes.get(name);
    if (known !== undefined) return known;
    const prefix: Prefix = { bytes, clients: new Set(), keys: new Map() };
    this.#prefixes.set(name, prefix);
    return prefix;
  }

  #noteBroadcast(key: Uint8Array, offset: number, length: number, caller: Client | null): void {
    for (const { bytes, keys } of this.#prefixes.values()) {
      if (bytes.length > length || !equalBytes(bytes, 0, key, offset, bytes.length)) continue;
      const count = keys.size;
      keys.set(latin1(key, offset, length), caller);
      if (keys.size > count) this.#broadcastBytes += length + BROADCAST_KEY_BYTES;
    }
  }

  /** Tells the readers of the key that was taken last. */
  #invalidate(key: Uint8Array, offset: number, length: number, caller: Client | null): void {
    const { readers, readerCount } = this.#keys;
    this.#beginKey(key, offset, length);
    for (let at = 0; at < readerCount; at++) {
      const client = this.#clients.get(readers[at]);
      if (client === undefined || (client.tracking & (TRACKS | BROADCASTS)) !== TRACKS) continue;
      if (client !== caller) this.#send(client);
      else if ((client.tracking & NO_LOOP) === 0) this.#pending.push(sliceBytes(key, offset, length));
    }
    this.#releaseScratch();
  }

  #sendKey(client: Client, key: Uint8Array, offset: number, length: number): void {
    this.#beginKey(key, offset, length);
    this.#send(client);
  }

  #sendNull(client: Client): void {
    this.#begin();
    // The null of the client's own protocol, whoever is told.
    this.#payload.protocol = client.protocol;
    this.#payload.null();
    this.#send(client);
  }

  #begin(): void {
    this.#payload.length = 0;
    this.#isArrayReady = false;
    this.#isPushReady = false;
  }

  #beginKey(key: Uint8Array, offset: number, length: number): void {
    this.#begin();
    this.#payload.array(1);
    this.#payload.bulk(key, offset, length);
  }

  #beginKeys(names: readonly string[]): void {
    this.#begin();
    this.#payload.array(names.length);
    for (const name of names) {
      const bytes = latin1Bytes(name);
      this.#payload.bulk(bytes, 0, bytes.length);
    }
  }

  /** Sends the payload to a client, or to whom it redirects (sendTrackingMessage). */
  #send(client: Client): void {
    let target = client;
    if (client.trackingRedirect !== 0) {
      const other = this.#host.clients.get(client.trackingRedirect);
      if (other === undefined) {
        this.#breakRedirect(client);
        return;
      }
      target = other;
    }
    if (target.protocol === 3) {
      if (!this.#isPushReady) {
        const message = this.#beginMessage();
        message.push(2);
        message.bulkText('invalidate');
        this.#endMessage(this.#pushes, PUSH);
        this.#isPushReady = true;
      }
      target.transport.push(this.#pushes.block, this.#pushes.start, this.#pushes.end);
    } else if (target !== client && target.isSubscriber) {
      if (!this.#isArrayReady) {
        const message = this.#beginMessage();
        message.array(3);
        message.bulkText('message');
        message.bulkText(CHANNEL);
        this.#endMessage(this.#arrays, ARRAY);
        this.#isArrayReady = true;
      }
      target.transport.push(this.#arrays.block, this.#arrays.start, this.#arrays.end);
    }
  }

  #beginMessage(): Encoder {
    this.#message.length = 0;
    return this.#message;
  }

  #endMessage(outbox: Outbox, first: number): void {
    const message = this.#message;
    message.raw(this.#payload.buffer.subarray(0, this.#payload.length));
    outbox.append(message.buffer, message.length, first);
  }

  #breakRedirect(client: Client): void {
    client.tracking |= REDIRECT_BROKEN;
    if (client.protocol !== 3) return;
    const message = this.#beginMessage();
    message.push(2);
    message.bulkText('tracking-redir-broken');
    message.integer(client.trackingRedirect);
    const bytes = Buffer.from(message.buffer.subarray(0, message.length));
    bytes[0] = PUSH;
    client.transport.push(bytes, 0, bytes.length);
  }

  #releaseScratch(): void {
    if (this.#payload.buffer.length <= SCRATCH_BYTES_KEPT) return;
    this.#payload.release();
    this.#message.release();
    this.#arrays.release();
    this.#pushes.release();
  }
}
