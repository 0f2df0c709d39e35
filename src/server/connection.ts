import { spawnSync } from 'node:child_process';
import net from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { Client, type Transport } from '../command-table/client.ts';
import type { Arguments } from '../resp/arguments.ts';
import { COMMAND, Decoder, type DecoderLimits, INCOMPLETE } from '../resp/decoder.ts';
import type { Encoder } from '../resp/encoder.ts';
import { Backlog } from './backlog.ts';

export type Listener = net.Server;
export type Socket = net.Socket;

const RECEIVE_BYTES = 64 * 1024;
/** A bulk of at least this size gets a buffer of just its size, as Redis's PROTO_MBULK_BIG_ARG. */
const BIG_ARGUMENT_BYTES = 32 * 1024;
/** Messages are joined into one write up to this size. */
const JOINED_BYTES_MAX = 256 * 1024;
/** Less than this is not worth a look at the limits when one more message is left. */
const CHECKED_BYTES_MIN = 64 * 1024;
/** Replies of a batch up to so many bytes are sent whatever the limits are, as Redis keeps them outside of what it limits. */
const UNCHECKED_REPLY_BYTES = 16 * 1024;
/** So much is encrypted at a time: what waits after it waits as it is. */
const ENCRYPTED_BYTES_MAX = 256 * 1024;
const NO_BYTES = Buffer.alloc(0);

/** What Node keeps behind a socket, as far as it tells what the kernel has not taken. */
interface QueueHandle {
  readonly writeQueueSize?: number;
  readonly _parent?: QueueHandle;
}

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
  /** A batch ended, whose replies were left. */
  endBatch(): void;
  /** A connection has replies in the encoder's buffer or messages, for `sendReplies` to send when the tick ends. */
  replied(connection: Connection): void;
  /** Sends what connections left in the encoder's buffer, which is empty then, and their messages. */
  sendReplies(): void;
  received(connection: Connection, bytes: number): void;
  sent(bytes: number): void;
  /** The client broke the protocol or a limit; for the log. */
  complained(connection: Connection, reason: string): void;
  /** Checks a client's unsent replies against its limits; true if it must go. */
  exceedsOutputLimit(connection: Connection): boolean;
  /** Whether so many bytes more are too much for a client's hard limit. */
  exceedsHardLimit(connection: Connection, bytes: number): boolean;
  /** A connection is ended at once: it is no client any more, and `closed` follows. */
  left(connection: Connection): void;
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
  /** Bytes that the host has counted for the client, and whether it counts them again soon; the host's. */
  countedBytes = 0;
  isUnsettled = false;
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
  /** Messages to be sent after those replies: ranges of bytes, and the last one, which goes on while they follow each other. */
  #pushes: Buffer[] = [];
  #pushBlock: Buffer = NO_BYTES;
  #pushStart = 0;
  #pushEnd = 0;
  #pushBytes = 0;
  /** The host will call `sendReplies` when the tick ends. */
  #isDue = false;
  /** What waits while the kernel does not take what was written before; null while it takes all. */
  #backlog: Backlog | null = null;
  /** What the kernel had not taken when `hasTakenReplies` was asked last. */
  #queuedBytes = 0;
  #waiting = false;
  #closed = false;
  #closeAfterReplies = false;
  /** TLS: Node encrypts what is written at once, and says only after the tick that the kernel has taken it. */
  readonly #isEncrypted: boolean;
  readonly #written = (): void => this.#sendBacklog();

  constructor(socket: net.Socket, id: number, descriptor: number, nowMs: number, host: ConnectionHost) {
    this.socket = socket;
    this.descriptor = descriptor;
    this.#host = host;
    this.#isEncrypted = 'encrypted' in socket;
    const isUnix = socket.remoteAddress === undefined;
    const local = socket.address() as { address?: string; port?: number };
    this.address = isUnix
      ? `${unixPath(socket)}:0`
      : hostAndPort(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    this.localAddress = isUnix ? `${unixPath(socket)}:0` : hostAndPort(local.address ?? '', local.port ?? 0);
    this.client = new Client(id, this, nowMs);
    this.decoder = new Decoder(host.takeScratch(), host.limits);
    socket.on('drain', () => {
      if (this.#backlog === null) this.outputLimitSinceMs = 0;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#closed = true;
      host.closed(this);
    });
    socket.on('end', () => {
      // What the peer sends no more commands for is still its due.
      this.close(true);
      if (!this.#isDue) this.#finish();
    });
  }

  get queryBytes(): number {
    return this.#end - this.#start;
  }

  get queryCapacity(): number {
    return this.#pending === null ? 0 : this.#pending.length;
  }

  get outputBytes(): number {
    return this.socket.writableLength + this.#pushBytes + (this.#backlog?.byteCount ?? 0);
  }

  /** Whether the peer took replies since this was asked last. */
  hasTakenReplies(): boolean {
    const handle = (this.socket as unknown as { _handle?: QueueHandle | null })._handle;
    // That of TLS stands on the one of TCP.
    const queued = (handle?._parent ?? handle)?.writeQueueSize ?? 0;
    const hasTaken = queued !== this.#queuedBytes;
    this.#queuedBytes = queued;
    return hasTaken;
  }

  push(bytes: Buffer, start: number, end: number): void {
    if (this.#closed || this.client.closing) return;
    if (bytes === this.#pushBlock && start === this.#pushEnd) {
      this.#pushEnd = end;
    } else {
      if (this.#pushBytes > 0) this.#pushes.push(this.#pushBlock.subarray(this.#pushStart, this.#pushEnd));
      this.#pushBlock = bytes;
      this.#pushStart = start;
      this.#pushEnd = end;
    }
    this.#pushBytes += end - start;
    this.#becomeDue();
    if (this.#pushBytes > CHECKED_BYTES_MIN || this.#backlog !== null) this.#checkOutputLimit();
  }

  close(afterReplies: boolean): void {
    if (this.#closed) return;
    if (afterReplies) {
      this.#closeAfterReplies = true;
      this.client.closing = true;
    } else {
      this.client.closing = true;
      this.#host.left(this);
      this.socket.destroy();
    }
  }

  /** Decodes and runs what arrived: `bytes[0 … length)`, lent for the call. */
  receive(bytes: Buffer, length: number): void {
    if (this.#closed || this.client.closing) return;
    this.receivedBytes += length;
    this.#host.received(this, length);
    if (this.#pending === null && !this.#waiting && this.client.blocked === null) {
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
    if (!this.#waiting && this.client.blocked === null && this.queryBytes >= this.decoder.bytesWanted)
      this.#process();
    this.#trim();
  }

  /** Goes on with what came after a command that blocked the client. */
  goOn(): void {
    this.client.isUnblocked = false;
    if (this.#closed || this.client.closing || this.client.blocked !== null || this.#pending === null) return;
    this.#process();
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
   * Sends the replies that wait in the encoder's buffer, and the messages after them. False if the socket keeps a part of
   * that buffer, since the kernel did not take all.
   */
  sendReplies(): boolean {
    const start = this.#replyStart;
    const length = this.#replyEnd - start;
    this.#replyStart = 0;
    this.#replyEnd = 0;
    this.#isDue = false;
    if (this.#closed || this.socket.destroyed) {
      this.#forgetPushes();
      return true;
    }
    let isKept = false;
    if (length > UNCHECKED_REPLY_BYTES && this.#host.exceedsHardLimit(this, length)) {
      this.exceededOutputLimit();
      return true;
    }
    if (length > 0) {
      const { buffer } = this.#host.reply;
      // What waits is copied to its size, so that small replies to a slow client don't hold large buffers.
      isKept = this.#send(buffer.subarray(start, start + length), length * 2 < buffer.length);
    }
    if (this.#pushBytes > 0) this.#sendPushes();
    if (this.#closeAfterReplies) this.#finish();
    return !isKept;
  }

  /** Writes to the socket. Returns whether it keeps the bytes themselves, as it does when the kernel did not take all. */
  #send(bytes: Buffer, isCopiedToWait: boolean): boolean {
    const { socket } = this;
    this.sentBytes += bytes.length;
    this.#host.sent(bytes.length);
    if (this.#backlog !== null) {
      if (isCopiedToWait) this.#backlog.addCopy(bytes);
      else this.#backlog.add(bytes);
      this.#checkOutputLimit();
      return !isCopiedToWait;
    }
    if (this.#isEncrypted) {
      const backlog = new Backlog();
      this.#backlog = backlog;
      if (bytes.length <= ENCRYPTED_BYTES_MAX) {
        socket.write(bytes, this.#written);
        this.#checkOutputLimit();
        return false;
      }
      const rest = bytes.subarray(ENCRYPTED_BYTES_MAX);
      if (isCopiedToWait) backlog.addCopy(rest);
      else backlog.add(rest);
      socket.write(bytes.subarray(0, ENCRYPTED_BYTES_MAX), this.#written);
      this.#checkOutputLimit();
      return !isCopiedToWait;
    }
    socket.write(bytes);
    if (socket.writableLength === 0) return false;
    this.#beginBacklog();
    this.#checkOutputLimit();
    return true;
  }

  /** From now on bytes wait, until the kernel has taken what was written. */
  #beginBacklog(): void {
    this.#backlog = new Backlog();
    this.socket.write(NO_BYTES, this.#written);
  }

  #sendBacklog(): void {
    const backlog = this.#backlog;
    if (backlog === null || this.#closed) return;
    if (this.#isEncrypted && backlog.byteCount > 0) {
      const pieces = backlog.takeFirst(ENCRYPTED_BYTES_MAX);
      const last = pieces.length - 1;
      for (let at = 0; at < last; at++) this.socket.write(pieces[at]);
      this.socket.write(pieces[last], this.#written);
      return;
    }
    this.#backlog = null;
    if (backlog.byteCount === 0) this.outputLimitSinceMs = 0;
    for (const bytes of backlog.take()) this.socket.write(bytes);
    if (this.socket.writableLength > 0) this.#beginBacklog();
  }

  /** Ends the connection when all that was left to send is sent. */
  #finish(): void {
    const { socket } = this;
    if (socket.writableEnded) return;
    for (const bytes of this.#backlog?.take() ?? []) socket.write(bytes);
    this.#backlog = null;
    socket.end(() => socket.destroy());
  }

  #becomeDue(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#host.replied(this);
  }

  /** The messages that wait, each range by itself; none waits then. */
  #takePushes(): Buffer[] {
    const pushes = this.#pushes;
    pushes.push(this.#pushBlock.subarray(this.#pushStart, this.#pushEnd));
    this.#forgetPushes();
    return pushes;
  }

  #forgetPushes(): void {
    if (this.#pushes.length > 0) this.#pushes = [];
    this.#pushBlock = NO_BYTES;
    this.#pushStart = 0;
    this.#pushEnd = 0;
    this.#pushBytes = 0;
  }

  #sendPushes(): void {
    if (this.#pushes.length === 0) {
      const bytes = this.#pushBlock.subarray(this.#pushStart, this.#pushEnd);
      this.#forgetPushes();
      this.#sendMessages(bytes);
      return;
    }
    const pushes = this.#takePushes();
    for (let from = 0; from < pushes.length; ) {
      let to = from;
      let length = 0;
      do length += pushes[to++].length;
      while (to < pushes.length && length + pushes[to].length <= JOINED_BYTES_MAX);
      this.#sendMessages(to - from === 1 ? pushes[from] : Buffer.concat(pushes.slice(from, to), length));
      from = to;
    }
  }

  #sendMessages(bytes: Buffer): void {
    this.#send(bytes, bytes.length < CHECKED_BYTES_MIN);
  }

  /** Puts the messages that wait among the replies to the commands of this connection that are being run. */
  #replyPushes(): void {
    for (const bytes of this.#takePushes()) this.#host.reply.raw(bytes);
  }

  #checkOutputLimit(): void {
    if (this.socket.destroyed || !this.#host.exceedsOutputLimit(this)) return;
    this.exceededOutputLimit();
  }

  exceededOutputLimit(): void {
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
    if (this.#pushBytes > 0) this.#replyPushes();
    let status = INCOMPLETE;
    while (!client.closing) {
      status = decoder.next(client.authenticated);
      if (status !== COMMAND) break;
      if (decoder.arguments.count > 0 && !host.execute(this, decoder.arguments, true)) {
        // Offered again from its first byte: nothing of it has happened.
        decoder.position = decoder.start;
        // One that is blocked until CLIENT PAUSE ends goes on by `goOn`.
        if (client.blocked === null) {
          this.#waiting = true;
          this.socket.pause();
        }
        break;
      }
      // Messages that a command of the client sends to itself follow its reply.
      if (this.#pushBytes > 0) this.#replyPushes();
      if (host.reply.length > RECEIVE_BYTES * 4) {
        this.#leaveReplies();
        host.sendReplies();
      }
      decoder.start = decoder.position;
      if (client.blocked !== null) {
        status = INCOMPLETE;
        break;
      }
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
    host.endBatch();
    if (this.#closeAfterReplies) host.sendReplies();
    if (this.#closeAfterReplies && !this.#closed) this.#finish();
  }

  #leaveReplies(): void {
    const end = this.#host.reply.length;
    if (end === this.#replyStart) {
      this.#replyStart = 0;
      return;
    }
    this.#replyEnd = end;
    this.#becomeDue();
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

/** An address to listen on. */
export interface TcpAddress {
  readonly host: string;
  /** 0 for one that the system chooses. */
  readonly port: number;
  readonly backlog: number;
}

/** What Node keeps behind a TCP listener (lib/net.js): its calls answer 0 or a negative error number. */
interface TcpHandle {
  bind(host: string, port: number): number;
  bind6(host: string, port: number, flags: number): number;
  listen(backlog: number): number;
  close(): void;
}

const SERVER_HANDLE = 1;
const IPV6_ONLY = 1;

/**
 * Has a listener listen on an address before this returns, where Node's `listen` looks the host up first and tells of an error
 * by and by. A name that is not an address is looked up in another process meanwhile. Throws an Error with the system's code.
 */
export function listenAtOnce(listener: Listener, { host, port, backlog }: TcpAddress): void {
  const address = net.isIP(host) !== 0 ? host : lookUp(host);
  const handle = new (tcpHandleClass())(SERVER_HANDLE);
  const isBound = net.isIPv6(address) ? handle.bind6(address, port, IPV6_ONLY) : handle.bind(address, port);
  const failure = isBound === 0 ? handle.listen(backlog) : isBound;
  if (failure !== 0) {
    handle.close();
    const [code, text] = getSystemErrorMap().get(failure) ?? [`${failure}`, 'unknown error'];
    throw Object.assign(new Error(`listen ${code}: ${text}`), { code });
  }
  listener.listen(handle, backlog);
}

/** The IPv4 address of a name, as Redis looks it up. Throws an Error that says so if there is none. */
function lookUp(name: string): string {
  const script =
    "require('node:dns').lookup(process.argv[1], 4, (error, address) => process.stdout.write(address ?? ''))";
  const { stdout } = spawnSync(process.execPath, ['-e', script, name], { encoding: 'utf8' });
  if (net.isIPv4(stdout)) return stdout;
  throw new Error('Name or service not known');
}

/** Node's class of TCP handles, which it gives to nobody: taken from a socket that is never connected. */
function tcpHandleClass(): new (kind: number) => TcpHandle {
  const socket = net.connect(1, '127.0.0.1');
  const handle = (socket as unknown as { _handle: { constructor: new (kind: number) => TcpHandle } })._handle;
  socket.destroy();
  return handle.constructor;
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
