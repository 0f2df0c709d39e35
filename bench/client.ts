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
import type { Workload } from './workload.ts';

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

const READ_HEAD = Buffer.from(`*2\r\n$3\r\nGET\r\n$${KEY_BYTES}\r\n`, 'latin1');
const WRITE_HEAD = Buffer.from(`*3\r\n$3\r\nSET\r\n$${KEY_BYTES}\r\n`, 'latin1');
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const DOLLAR = 36;
const DIGIT_ZERO = 48;
/** Bytes of a command beside its value. */
const COMMAND_BYTES_MAX = WRITE_HEAD.length + KEY_BYTES + 20;

/** Every connection reads into this buffer: replies are counted before the read returns. */
const receiveBuffer = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * A connection that sends batches of GET and SET and counts the replies. It encodes into one buffer of its own, which
 * it can reuse since a batch is sent only after all replies to the one before.
 */
export class LoadClient implements ReplyListener {
  /** The sequence number of the oldest operation that has no reply yet. */
  firstSequence = 0;
  sentMs = 0;
  private readonly socket: Socket;
  private readonly counter: ReplyCounter;
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
  static connect(address: Address, values: Values, batchMax: number): Promise<LoadClient> {
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

  private constructor(socket: Socket, values: Values, batchMax: number) {
    this.socket = socket;
    this.values = values;
    this.keys = new Uint32Array(batchMax);
    this.counter = new ReplyCounter(this);
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
      end = workload.isRead ? this.encodeRead(end, workload.key) : this.encodeWrite(end, workload.key);
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

  private encodeRead(offset: number, key: number): number {
    if (this.output.length - offset < COMMAND_BYTES_MAX) this.grow(offset, COMMAND_BYTES_MAX);
    const output = this.output;
    for (let index = 0; index < READ_HEAD.length; index++) output[offset + index] = READ_HEAD[index];
    return this.encodeKey(offset + READ_HEAD.length, key);
  }

  private encodeWrite(offset: number, key: number): number {
    const size = this.values.sizeOf(key);
    if (this.output.length - offset < COMMAND_BYTES_MAX + size) this.grow(offset, COMMAND_BYTES_MAX + size);
    const output = this.output;
    for (let index = 0; index < WRITE_HEAD.length; index++) output[offset + index] = WRITE_HEAD[index];
    let end = this.encodeKey(offset + WRITE_HEAD.length, key);
    output[end++] = DOLLAR;
    let digits = 1;
    for (let rest = size; rest >= 10; rest = (rest / 10) | 0) digits++;
    for (let rest = size, position = end + digits - 1; position >= end; position--, rest = (rest / 10) | 0) {
      output[position] = DIGIT_ZERO + (rest % 10);
    }
    end = this.endLine(end + digits);
    this.values.write(output, end, key);
    return this.endLine(end + size);
  }

  private encodeKey(offset: number, key: number): number {
    writeKey(this.output, offset, key);
    return this.endLine(offset + KEY_BYTES);
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
