import { connect, type Socket } from 'node:net';
import { KEY_BYTES, writeKey } from './keys.ts';
import {
  REPLY_ERROR,
  REPLY_NULL,
  ReplyCounter,
  type ReplyKind,
  type ReplyListener,
} from './reply-counter.ts';
import type { Values } from './values.ts';
import type { CommandWriter, Workload } from './workload.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What the replies of a phase added up to; shared by its connections. */
export interface ReplyTotals {
  replies: number;
  errors: number;
  /** The text of the newest error reply. */
  lastError: string;
  /** Reads that found no key. */
  misses: number;
  /** Values that differ from what the key's index says; counted when values are verified. */
  mismatches: number;
}

/** What a connection reports to whoever drives it. */
export interface ClientOwner {
  /** `count` replies have arrived; the client's `firstSequence` and `sentMs` belong to the oldest of them. */
  repliesArrived(client: LoadClient, count: number): void;
  /** All replies of the batch are here, and the next batch may be sent. */
  clientFree(client: LoadClient): void;
  clientFailed(error: Error): void;
}

/** Reads the replies of a server, see {@link ReplyCounter}. */
export interface ReplyReader {
  /** The text of the newest error reply. */
  readonly lastError: string;
  /** Takes the first `length` bytes of `bytes`. */
  feed(bytes: Buffer, length: number): void;
}

/** How reads and writes of keys are sent, each ended by a line's end, and how the replies are read. */
export interface Protocol {
  /** What stands before the key of a read and of a write, and between the key of a write and the size of its value. */
  readonly readHead: Buffer;
  readonly writeHead: Buffer;
  readonly sizeHead: Buffer;
  makeReader(listener: ReplyListener): ReplyReader;
}

/** The protocol of Redis. */
export const RESP: Protocol = {
  readHead: Buffer.from(`*2\r\n$3\r\nGET\r\n$${KEY_BYTES}\r\n`, 'latin1'),
  writeHead: Buffer.from(`*3\r\n$3\r\nSET\r\n$${KEY_BYTES}\r\n`, 'latin1'),
  sizeHead: Buffer.from('\r\n$', 'latin1'),
  makeReader: (listener) => new ReplyCounter(listener),
};

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const DIGIT_ZERO = 48;
/** Bytes of a command beside its value, at most. */
const COMMAND_BYTES_MAX = 80;

/** Every connection reads into this buffer: replies are counted before the read returns. */
const receiveBuffer = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * A connection that sends batches of commands and counts the replies. It encodes into one buffer of its own, which
 * it can reuse since a batch is sent only after all replies to the one before.
 */
export class LoadClient implements ReplyListener {
  /** The sequence number of the oldest operation that has no reply yet. */
  firstSequence = 0;
  sentMs = 0;
  private readonly socket: Socket;
  private readonly protocol: Protocol;
  private readonly counter: ReplyReader;
  private readonly values: Values;
  private readonly keys: Uint32Array;
  private output = Buffer.allocUnsafeSlow(16 * 1024);
  private owner: ClientOwner | null = null;
  private totals: ReplyTotals | null = null;
  private verify = false;
  private replyCount = 0;
  private batchCount = 0;
  private valueDiffers = false;

  /** Resolves once connected; `batchMax` is the largest batch it will send. */
  static connect(
    address: Address,
    values: Values,
    batchMax: number,
    protocol: Protocol = RESP,
  ): Promise<LoadClient> {
    return new Promise((resolve, reject) => {
      const client: LoadClient = new LoadClient(
        connect({
          host: address.host,
          port: address.port,
          noDelay: true,
          onread: {
            buffer: receiveBuffer,
            callback: (length) => {
              client.received(length);
              return true;
            },
          },
        }),
        values,
        batchMax,
        protocol,
      );
      client.socket.once('connect', () => {
        client.socket.off('error', reject);
        client.socket.on('error', (error) => client.owner?.clientFailed(error));
        client.socket.on('close', () =>
          client.owner?.clientFailed(new Error('the server closed a connection of the load')),
        );
        resolve(client);
      });
      client.socket.once('error', reject);
    });
  }

  private constructor(socket: Socket, values: Values, batchMax: number, protocol: Protocol) {
    this.socket = socket;
    this.protocol = protocol;
    this.values = values;
    this.keys = new Uint32Array(batchMax);
    this.counter = protocol.makeReader(this);
  }

  /** Hands the connection to the driver of a phase. */
  attach(owner: ClientOwner, totals: ReplyTotals, verify: boolean): void {
    this.owner = owner;
    this.totals = totals;
    this.verify = verify;
  }

  detach(): void {
    this.owner = null;
  }

  close(): void {
    this.owner = null;
    this.socket.destroy();
  }

  /** Sends the workload's next `count` operations, whose sequence numbers start at `firstSequence`. */
  send(workload: Workload, count: number, firstSequence: number, nowMs: number): void {
    this.firstSequence = firstSequence;
    this.sentMs = nowMs;
    this.batchCount = count;
    this.replyCount = 0;
    let end = 0;
    for (let index = 0; index < count; index++) {
      workload.next();
      this.keys[index] = workload.key;
      const { command } = workload;
      if (command !== undefined) end = this.encodeCommand(end, command);
      else end = workload.isRead ? this.encodeRead(end, workload.key) : this.encodeWrite(end, workload.key);
    }
    this.socket.write(this.output.subarray(0, end));
  }

  bulkPart(bytes: Buffer, start: number, end: number, position: number, size: number): void {
    if (!this.verify) return;
    const key = this.keys[this.replyCount];
    if (size !== this.values.sizeOf(key) || !this.values.matches(key, position, bytes, start, end)) {
      this.valueDiffers = true;
    }
  }

  replyDone(kind: ReplyKind): void {
    const totals = this.totals as ReplyTotals;
    this.replyCount++;
    totals.replies++;
    if (kind === REPLY_NULL) {
      totals.misses++;
    } else if (kind === REPLY_ERROR) {
      totals.errors++;
      totals.lastError = this.counter.lastError;
    }
    if (this.valueDiffers) {
      this.valueDiffers = false;
      totals.mismatches++;
    }
  }

  private received(length: number): void {
    const before = this.replyCount;
    this.counter.feed(receiveBuffer, length);
    const owner = this.owner;
    if (owner === null || this.replyCount === before) return;
    if (this.replyCount > this.batchCount) {
      owner.clientFailed(new Error('the server sent more replies than it got commands'));
      return;
    }
    owner.repliesArrived(this, this.replyCount - before);
    this.firstSequence += this.replyCount - before;
    if (this.replyCount === this.batchCount) owner.clientFree(this);
  }

  private encodeCommand(offset: number, command: CommandWriter): number {
    if (this.output.length - offset < command.bytesMax) this.grow(offset, command.bytesMax);
    return command.write(this.output, offset);
  }

  private encodeRead(offset: number, key: number): number {
    if (this.output.length - offset < COMMAND_BYTES_MAX) this.grow(offset, COMMAND_BYTES_MAX);
    return this.endLine(this.encodeKey(this.encodeHead(offset, this.protocol.readHead), key));
  }

  private encodeWrite(offset: number, key: number): number {
    const size = this.values.sizeOf(key);
    if (this.output.length - offset < COMMAND_BYTES_MAX + size) this.grow(offset, COMMAND_BYTES_MAX + size);
    const { output } = this;
    let end = this.encodeKey(this.encodeHead(offset, this.protocol.writeHead), key);
    end = this.encodeHead(end, this.protocol.sizeHead);
    let digits = 1;
    for (let rest = size; rest >= 10; rest = (rest / 10) | 0) digits++;
    for (let rest = size, position = end + digits - 1; position >= end; position--, rest = (rest / 10) | 0) {
      output[position] = DIGIT_ZERO + (rest % 10);
    }
    end = this.endLine(end + digits);
    this.values.write(output, end, key);
    return this.endLine(end + size);
  }

  private encodeHead(offset: number, head: Buffer): number {
    const { output } = this;
    for (let index = 0; index < head.length; index++) output[offset + index] = head[index];
    return offset + head.length;
  }

  private encodeKey(offset: number, key: number): number {
    writeKey(this.output, offset, key);
    return offset + KEY_BYTES;
  }

  private endLine(offset: number): number {
    this.output[offset] = CARRIAGE_RETURN;
    this.output[offset + 1] = LINE_FEED;
    return offset + 2;
  }

  private grow(used: number, needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.output.length * 2, used + needed));
    this.output.copy(larger, 0, 0, used);
    this.output = larger;
  }
}
