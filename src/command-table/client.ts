import type { Arguments } from '../resp/arguments.ts';
import type { Command } from './command.ts';

/** A command queued by MULTI, with arguments of its own. */
export interface QueuedCommand {
  readonly command: Command;
  readonly words: Arguments;
}

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
  /** Ends the connection: at once, or after the replies written so far. */
  close(afterReplies: boolean): void;
}

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
  user = 'default';
  authenticated = false;
  lastInteractionMs: number;
  lastCommand: Command | null = null;
  commandCount = 0;
  noEvict = false;
  noTouch = false;
  replyMode: ReplyMode = 'on';
  /** Commands queued since MULTI, or null outside a transaction. */
  queue: QueuedCommand[] | null = null;
  queueBytes = 0;
  /** A command could not be queued: EXEC will refuse. */
  queueFailed = false;
  /** A watched key changed: EXEC will answer null. */
  watchBroken = false;
  /** Keys watched, each as WatchTable names it. */
  readonly watched = new Set<string>();
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
}
