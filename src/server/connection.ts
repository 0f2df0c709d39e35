import net from 'node:net';
import { Client, type Transport } from '../command-table/client.ts';
import type { Arguments } from '../resp/arguments.ts';
import { COMMAND, Decoder, type DecoderLimits, INCOMPLETE } from '../resp/decoder.ts';
import type { Encoder } from '../resp/encoder.ts';

export type Listener = net.Server;
export type ListenOptions = net.ListenOptions;
export type Socket = net.Socket;

const RECEIVE_BYTES = 64 * 1024;
/** A bulk of at least this size gets a buffer of just its size, as Redis's PROTO_MBULK_BIG_ARG. */
const BIG_ARGUMENT_BYTES = 32 * 1024;

/** What connections need of the server. */
export interface ConnectionHost {
  readonly reply: Encoder;
  readonly limits: DecoderLimits & { queryBytesMax: number };
  /** Words shared by all connections whose command is not cut by the end of a buffer. */
  takeScratch(): Arguments;
  /** A batch of commands begins; commands of the batch see one time. */
  beginBatch(): void;
  /** Takes a command through the pipeline; false if it must wait for `Connection.resume`. */
  execute(connection: Connection, words: Arguments, mayWait: boolean): boolean;
  /** A connection left replies in the encoder's buffer, for `sendReplies` to send when the tick ends. */
  replied(connection: Connection): void;
  /** Sends what connections left in the encoder's buffer, which is empty then. */
  sendReplies(): void;
  received(connection: Connection, bytes: number): void;
  sent(bytes: number): void;
  /** The client broke the protocol or a limit; for the log. */
  complained(connection: Connection, reason: string): void;
  /** Checks a client's unsent replies against its limits; true if it must go. */
  exceedsOutputLimit(connection: Connection): boolean;
  closed(connection: Connection): void;
}

/**
 * One client's socket. All sockets read into one static buffer, which is safe since decoding and execution are
 * synchronous; only bytes of a command that did not arrive whole are copied to a buffer of the connection. The replies
 * of a batch are one write, and the writes of all batches of a tick are made together at its end: a peer that sleeps is
 * woken once for them, not by each.
 */
export class Connection implements Transport {
  readonly client: Client;
  readonly decoder: Decoder;
  readonly socket: net.Socket;
  readonly descriptor: number;
  readonly address: string;
  readonly localAddress: string;
  receivedBytes = 0;
  sentBytes = 0;
  /** Milliseconds since which the soft output limit is exceeded, or 0. */
  outputLimitSinceMs = 0;
  readonly #host: ConnectionHost;
  /** Bytes not yet decoded, from `#start` to `#end`, or null when there are none. */
  #pending: Buffer | null = null;
  #start = 0;
  #end = 0;
  /** Where in the encoder's buffer replies to this client wait for the end of the tick; none if both are 0. */
  #replyStart = 0;
  #replyEnd = 0;
  /** What the kernel had not taken when `hasTakenReplies` was asked last. */
  #queuedBytes = 0;
  #waiting = false;
  #closed = false;
  #closeAfterReplies = false;

  constructor(socket: net.Socket, id: number, descriptor: number, nowMs: number, host: ConnectionHost) {
    this.socket = socket;
    this.descriptor = descriptor;
    this.#host = host;
    const isUnix = socket.remoteAddress === undefined;
    const local = socket.address() as { address?: string; port?: number };
    this.address = isUnix
      ? `${unixPath(socket)}:0`
      : hostAndPort(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    this.localAddress = isUnix ? `${unixPath(socket)}:0` : hostAndPort(local.address ?? '', local.port ?? 0);
    this.client = new Client(id, this, nowMs);
    this.decoder = new Decoder(host.takeScratch(), host.limits);
    socket.on('drain', () => {
      this.outputLimitSinceMs = 0;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#closed = true;
      host.closed(this);
    });
    socket.on('end', () => socket.end());
  }

  get queryBytes(): number {
    return this.#end - this.#start;
  }

  get queryCapacity(): number {
    return this.#pending === null ? 0 : this.#pending.length;
  }

  get outputBytes(): number {
    return this.socket.writableLength;
  }

  /** Whether the peer took replies since this was asked last. */
  hasTakenReplies(): boolean {
    const queued =
      (this.socket as unknown as { _handle?: { writeQueueSize?: number } })._handle?.writeQueueSize ?? 0;
    const hasTaken = queued !== this.#queuedBytes;
    this.#queuedBytes = queued;
    return hasTaken;
  }

  close(afterReplies: boolean): void {
    if (this.#closed) return;
    if (afterReplies) {
      this.#closeAfterReplies = true;
      this.client.closing = true;
    } else {
      this.client.closing = true;
      this.socket.destroy();
    }
  }

  /** Decodes and runs what arrived: `bytes[0 … length)`, lent for the call. */
  receive(bytes: Buffer, length: number): void {
    if (this.#closed || this.client.closing) return;
    this.receivedBytes += length;
    this.#host.received(this, length);
    if (this.#pending === null && !this.#waiting) {
      const decoder = this.decoder;
      decoder.buffer = bytes;
      decoder.position = 0;
      decoder.end = length;
      this.#process();
      if (decoder.start < length && !this.client.closing) this.#keep(bytes, decoder.start, length);
      if (this.client.queueBytes > 0) this.#checkQueryLimit();
      return;
    }
    this.#keep(bytes, 0, length);
    this.#checkQueryLimit();
    if (this.client.closing) return;
    if (!this.#waiting && this.#end - this.#start >= this.decoder.bytesWanted) this.#process();
    this.#trim();
  }

  /** Goes on with the command that had to wait and what came after it. */
  resume(): void {
    if (!this.#waiting || this.#closed) return;
    this.#waiting = false;
    this.#process();
    this.#trim();
    if (!this.#waiting && !this.client.closing) this.socket.resume();
  }

  /**
   * Sends the replies that wait in the encoder's buffer. False if the socket keeps a part of that buffer, since the kernel
   * did not take all.
   */
  sendReplies(): boolean {
    const start = this.#replyStart;
    const length = this.#replyEnd - start;
    this.#replyStart = 0;
    this.#replyEnd = 0;
    if (this.#closed || length === 0) return true;
    const { socket } = this;
    const host = this.#host;
    const { buffer } = host.reply;
    this.sentBytes += length;
    host.sent(length);
    // What will be queued is copied to its size, so that small replies to a slow client don't hold large buffers.
    const isCopied = socket.writableLength > 0 && length * 2 < buffer.length;
    const bytes = buffer.subarray(start, start + length);
    socket.write(isCopied ? Buffer.from(bytes) : bytes);
    if (this.#closeAfterReplies) socket.end(() => socket.destroy());
    if (socket.writableLength === 0) return true;
    this.#checkOutputLimit();
    return isCopied;
  }

  #checkOutputLimit(): void {
    if (!this.#host.exceedsOutputLimit(this)) return;
    this.#host.complained(this, 'output buffer limit exceeded');
    this.close(false);
  }

  /** Commands queued by MULTI have not been run, so they count as bytes of the query. */
  #checkQueryLimit(): void {
    if (this.#end - this.#start + this.client.queueBytes <= this.#host.limits.queryBytesMax) return;
    this.#host.complained(this, 'query buffer limit exceeded');
    this.close(false);
  }

  #process(): void {
    const host = this.#host;
    const decoder = this.decoder;
    const client = this.client;
    if (this.#replyEnd > 0) host.sendReplies();
    host.beginBatch();
    this.#replyStart = host.reply.length;
    let status = INCOMPLETE;
    while (!client.closing) {
      status = decoder.next(client.authenticated);
      if (status !== COMMAND) break;
      if (decoder.arguments.count > 0 && !host.execute(this, decoder.arguments, true)) {
        // Offered again from its first byte: nothing of it has happened.
        decoder.position = decoder.start;
        this.#waiting = true;
        this.socket.pause();
        break;
      }
      if (host.reply.length > RECEIVE_BYTES * 4) {
        this.#leaveReplies();
        host.sendReplies();
      }
      decoder.start = decoder.position;
    }
    if (!this.#waiting && status !== COMMAND && status !== INCOMPLETE) {
      host.complained(this, decoder.error);
      host.reply.protocol = client.protocol;
      host.reply.error(decoder.error);
      this.close(true);
    }
    // The shared words serve other connections next: those of a command cut by the buffer's end become its own.
    if (decoder.isInsideCommand && decoder.arguments === host.takeScratch()) {
      decoder.arguments = decoder.arguments.clone();
    }
    this.#leaveReplies();
    if (this.#closeAfterReplies) host.sendReplies();
    if (this.#closeAfterReplies && !this.#closed && !this.socket.writableEnded)
      this.socket.end(() => this.socket.destroy());
  }

  #leaveReplies(): void {
    const end = this.#host.reply.length;
    if (end === this.#replyStart) {
      this.#replyStart = 0;
      return;
    }
    this.#replyEnd = end;
    this.#host.replied(this);
  }

  /** Appends bytes to the connection's own buffer. */
  #keep(bytes: Buffer, from: number, to: number): void {
    const decoder = this.decoder;
    const count = to - from;
    if (this.#pending === null) {
      const capacity = Math.max(count, decoder.bytesWanted, 1024);
      this.#pending = Buffer.allocUnsafeSlow(capacity);
      bytes.copy(this.#pending, 0, from, to);
      this.#start = 0;
      this.#end = count;
      decoder.rebase(this.#pending, 0, count);
      return;
    }
    let pending = this.#pending;
    if (this.#end + count > pending.length) {
      const used = this.#end - this.#start;
      const wanted = Math.max(used + count, decoder.bytesWanted);
      const capacity =
        decoder.bytesWanted >= BIG_ARGUMENT_BYTES && decoder.bytesWanted >= used + count
          ? wanted
          : wanted * 2;
      const larger =
        capacity > pending.length || used + count > pending.length
          ? Buffer.allocUnsafeSlow(capacity)
          : pending;
      pending.copy(larger, 0, this.#start, this.#end);
      pending = larger;
      this.#pending = larger;
      this.#start = 0;
      this.#end = used;
    }
    bytes.copy(pending, this.#end, from, to);
    this.#end += count;
    decoder.rebase(pending, this.#start, this.#end);
  }

  /** Gives the own buffer back once all of it was decoded. */
  #trim(): void {
    if (this.#pending === null) return;
    this.#start = this.decoder.start;
    if (this.#start >= this.#end && !this.#waiting) {
      this.#pending = null;
      this.#start = 0;
      this.#end = 0;
    }
  }
}

function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function unixPath(socket: net.Socket): string {
  const server = (socket as { server?: net.Server }).server;
  const address = server?.address();
  return typeof address === 'string' ? address : '/unixsocket';
}

/**
 * Listens and makes sockets that read into one static buffer. Node offers that buffer (`onread`) to outgoing
 * connections only; an accepted one is taken over by its handle. Where the handle is not to be had, chunks are
 * received as events.
 */
export function listenForConnections(
  accept: (socket: net.Socket, descriptor: number) => Connection | null,
): net.Server {
  const shared = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
    const handle = (accepted as unknown as { _handle?: { fd?: number } })._handle;
    let connection: Connection | null = null;
    if (handle === undefined || handle === null) {
      accepted.destroy();
      return;
    }
    const options = {
      handle,
      allowHalfOpen: true,
      onread: {
        buffer: shared,
        callback: (length: number, bytes: Buffer): boolean => {
          connection?.receive(bytes, length);
          return true;
        },
      },
    };
    const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
    Object.assign(socket, { server, _server: server });
    connection = accept(socket, handle.fd ?? -1);
    if (connection === null) return;
    socket.resume();
  });
  return server;
}
