import { SUPERUSER, type User } from './access.ts';
import type { BlockedCommand } from './blocking-table.ts';
import type { Command } from './command.ts';
import type { CommandQueue } from './command-queue.ts';

/** What a client's connection tells and does. */
export interface Transport {
  /** Peer and own address as `host:port`, or the socket's path followed by `:0`. */
  readonly address: string;
  readonly localAddress: string;
  /** Number of the socket's file descriptor, or -1. */
  readonly descriptor: number;
  /** Bytes received and not yet decoded, and the size of their buffer. */
  readonly queryBytes: number;
  readonly queryCapacity: number;
  /** Bytes of replies that the client has not taken. */
  readonly outputBytes: number;
  /** Bytes received and sent since the connection was made. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /**
   * Sends `bytes[start … end)`, a whole message besides the replies, after the replies and messages left before it. The
   * bytes must never change again. Nothing is sent to a client that is going.
   */
  push(bytes: Buffer, start: number, end: number): void;
  /** Ends the connection: at once, or after the replies written so far. */
  close(afterReplies: boolean): void;
  /** The client is closed, since it was to be sent more than its limit allows. */
  exceededOutputLimit(): void;
}

/** The transport of a client of the server itself, of which nobody hears. */
export function silentTransport(address: string): Transport {
  return {
    address,
    localAddress: address,
    descriptor: -1,
    queryBytes: 0,
    queryCapacity: 0,
    outputBytes: 0,
    receivedBytes: 0,
    sentBytes: 0,
    push: () => {},
    exceededOutputLimit: () => {},
    close: () => {},
  };
}

/** Bytes of JavaScript objects that a connection costs besides its buffers. */
const CONNECTION_BYTES = 3 * 1024;
/** Of a watched key: its name in the sets of the client and of the server, and the map of its clients. */
const WATCH_BYTES = 320;
/** Of a channel or pattern and its subscription (subscription-table.ts), and of a prefix (tracking-table.ts). */
const SUBSCRIPTION_BYTES = 448;

/** CLIENT REPLY: everything is answered; nothing is; the next command is not, then all are. */
export type ReplyMode = 'on' | 'off' | 'skip-next' | 'skip';

/** The state of one client that commands see and change. */
export class Client {
  readonly id: number;
  readonly transport: Transport;
  readonly createdMs: number;
  name = '';
  libraryName = '';
  libraryVersion = '';
  protocol = 2;
  databaseNumber = 0;
  /** Whose permissions hold; a connection is put under the default user by `AccessControl.admit`. */
  user: User = SUPERUSER;
  authenticated = false;
  lastInteractionMs: number;
  lastCommand: Command | null = null;
  commandCount = 0;
  /** How much had been appended to the log when the client's last change was. */
  loggedBytes = 0;
  noEvict = false;
  noTouch = false;
  replyMode: ReplyMode = 'on';
  /** Commands queued since MULTI, or null outside a transaction. */
  queue: CommandQueue | null = null;
  /** A command could not be queued: EXEC will refuse. */
  queueFailed = false;
  /** A watched key changed: EXEC will answer null. */
  watchBroken = false;
  /** Keys watched, each as WatchTable names it. */
  readonly watched = new Set<string>();
  /** Channels, patterns and shard channels that the client is subscribed to; the tables of subscriptions count them. */
  channelCount = 0;
  patternCount = 0;
  shardChannelCount = 0;
  /** Prefixes of the keys whose changes the client is told of (CLIENT TRACKING with BCAST). */
  prefixCount = 0;
  /** The command that waits for keys or for a time, after which those that follow it wait too; else null. */
  blocked: BlockedCommand | null = null;
  /** The command has ended its wait, and what the client sent after it has not been run yet. */
  isUnblocked = false;
  /** How the client tracks keys for its cache: {@link TRACKS} and the other bits of tracking.ts, or 0. */
  tracking = 0;
  /** Id of the client that is told in its place, or 0. */
  trackingRedirect = 0;
  /** The number under which the table of tracked keys knows the client, or 0 until it first tracks. */
  trackingNumber = 0;
  /** SCRIPT DEBUG was asked for: scripts are refused rather than run without a debugger, which would keep their changes. */
  wantsDebugger = false;
  /** The client watches the commands of others; the table of monitors sets it. */
  isMonitor = false;
  /** How often the command that the client waits with was sent for cold records, and which fetch brings the last of them. */
  fetchRounds = 0;
  awaitedFetch = 0;
  /** The command is being run by EXEC or a script. */
  nested = false;
  /** To be closed when the batch's replies are written. */
  closing = false;
  /** Not a connection: the engine's own caller. Checks on authentication and protected mode don't apply. */
  readonly isInternal: boolean;

  constructor(id: number, transport: Transport, nowMs: number, isInternal = false) {
    this.id = id;
    this.transport = transport;
    this.createdMs = nowMs;
    this.lastInteractionMs = nowMs;
    this.isInternal = isInternal;
    this.authenticated = isInternal;
  }

  get isOnUnixSocket(): boolean {
    return this.transport.address.endsWith(':0');
  }

  /** Bytes of the commands queued by MULTI. */
  get queueBytes(): number {
    return this.queue === null ? 0 : this.queue.byteCount;
  }

  /** Bytes that the client takes: its buffers, what waits to be run, and an allowance for the objects of a connection. */
  get byteCount(): number {
    const { queryCapacity, outputBytes } = this.transport;
    return (
      CONNECTION_BYTES +
      queryCapacity +
      outputBytes +
      this.queueBytes +
      this.watched.size * WATCH_BYTES +
      (this.blocked?.words.buffer.length ?? 0)
    );
  }

  /** With what its subscriptions and prefixes take, which are accounted for as a whole: what the client is held to answer for. */
  get heldBytes(): number {
    const subscriptions = this.channelCount + this.patternCount + this.shardChannelCount;
    return this.byteCount + (subscriptions + this.prefixCount) * SUBSCRIPTION_BYTES;
  }

  get isSubscriber(): boolean {
    return this.channelCount + this.patternCount + this.shardChannelCount > 0;
  }

  /** Forgets the transaction; what is watched stays. */
  leaveTransaction(): void {
    this.queue = null;
    this.queueFailed = false;
  }
}
