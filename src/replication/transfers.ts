import { join } from 'node:path';
import { errorReason, type OpenFile } from '../base/files.ts';
import { secretHex } from '../base/random.ts';
import type { Client } from '../command-table/client.ts';
import type { TransferControl, TransferRequest } from '../command-table/transfer-control.ts';
import { keptBytesMax, type PersistenceHost, SLICE_US } from '../persistence/host.ts';
import { RDB_VERSION_WRITTEN } from '../persistence/rdb/types.ts';
import type { WriteTarget } from '../persistence/rdb/writer.ts';
import type { SnapshotFormat } from '../persistence/rdb-snapshot.ts';
import { Snapshot } from '../persistence/snapshot.ts';
import { openRdbSnapshot, SnapshotWriting } from '../persistence/snapshot-writing.ts';

/** Bytes that wait for a client to take them, beyond which no more are made for it. */
const WAITING_BYTES_MAX = 1024 * 1024;
/** Bytes of a file that are sent at once. */
const PART_BYTES = 64 * 1024;
/** A mark of 40 characters ends a file whose length is not told. */
const MARK_BYTES = 20;

/** What transfers need of the server. */
export interface TransferHost extends PersistenceHost {
  /** Whether a client is still connected. */
  isConnected(client: Client): boolean;
  /** Something else is being written or loaded, which a transfer has to wait for; and the other way round. */
  isBusy(): boolean;
  occupy(isOccupied: boolean): void;
}

/** A copy on its way to a client. */
interface Transfer {
  readonly client: Client;
  /** Goes on; true once all has been handed to the connection. Throws what a snapshot does. */
  run(): boolean;
  /** What is kept of changes is too much: false if that can't be helped. */
  relieve(byteLimit: number): boolean;
  /** Bytes of RAM that it takes. */
  readonly byteCount: number;
  discard(): void;
}

/**
 * Copies of the data set for clients that ask by SYNC or PSYNC, as a primary gives one to its replicas (replication.c): an RDB file as
 * a bulk, of the length that it has or up to a mark. They are made one after the other, without a file where the client can read
 * that. No commands follow, so the connection is closed behind it: who took itself for a replica would have a data set that grows old.
 */
export class Transfers implements TransferControl {
  readonly #host: TransferHost;
  readonly #requests = new WeakMap<Client, TransferRequest>();
  readonly #waiting: Client[] = [];
  #active: Transfer | null = null;

  constructor(host: TransferHost) {
    this.#host = host;
  }

  /** Whether a copy is being made. */
  get isActive(): boolean {
    return this.#active !== null;
  }

  /** Bytes of RAM that the present copy takes. */
  get byteCount(): number {
    return this.#active?.byteCount ?? 0;
  }

  requestOf(client: Client): TransferRequest {
    let request = this.#requests.get(client);
    if (request === undefined) {
      request = {
        takesStream: false,
        wantsCopyOnly: false,
        isReplica: false,
        wantsKeys: true,
        wantsFunctions: true,
      };
      this.#requests.set(client, request);
    }
    return request;
  }

  begin(client: Client): void {
    this.#waiting.push(client);
  }

  /** Keeps what the present copy holds of changes within its bounds; a client that is too slow for that is given up. */
  relieve(): void {
    const active = this.#active;
    if (active === null || active.byteCount <= keptBytesMax(this.#host)) return;
    try {
      if (active.relieve(keptBytesMax(this.#host) / 2)) return;
      this.#giveUp('the client is too slow for what changes meanwhile');
    } catch (error) {
      this.#giveUp(errorReason(error));
    }
  }

  /** The work between commands. Whether there is more to do soon. */
  cron(): boolean {
    const active = this.#active;
    if (active === null) return this.#beginNext();
    if (!this.#host.isConnected(active.client)) {
      this.#giveUp('the client has gone');
      return this.#waiting.length > 0;
    }
    if (active.client.transport.outputBytes > WAITING_BYTES_MAX) return true;
    try {
      if (!active.run()) return true;
    } catch (error) {
      this.#giveUp(errorReason(error));
      return this.#waiting.length > 0;
    }
    this.#host.log(`The data set was sent to ${active.client.transport.address}`, 'notice');
    this.#end();
    active.client.transport.close(true);
    return this.#waiting.length > 0;
  }

  #beginNext(): boolean {
    const host = this.#host;
    const client = this.#waiting[0];
    if (client === undefined) return false;
    if (!host.isConnected(client)) {
      this.#waiting.shift();
      return this.#waiting.length > 0;
    }
    if (host.isBusy() || host.keyspace.watcher !== null) return false;
    this.#waiting.shift();
    const { address } = client.transport;
    try {
      const request = this.requestOf(client);
      this.#active = request.takesStream
        ? new Stream(host, client, request)
        : new SentFile(host, client, request);
    } catch (error) {
      host.log(`The data set can't be sent to ${address}: ${errorReason(error)}`);
      client.transport.close(false);
      return false;
    }
    host.occupy(true);
    host.log(`Sending the data set to ${address}`, 'notice');
    return true;
  }

  #giveUp(reason: string): void {
    const active = this.#active as Transfer;
    this.#host.log(`Sending the data set to ${active.client.transport.address} was given up: ${reason}`);
    this.#end();
    active.client.transport.close(false);
  }

  #end(): void {
    this.#active?.discard();
    this.#active = null;
    this.#host.occupy(false);
  }
}

/** Sends bytes of which a copy may be kept. */
function send(client: Client, bytes: Uint8Array, offset: number, length: number): void {
  const copy = Buffer.from(bytes.subarray(offset, offset + length));
  client.transport.push(copy, 0, length);
}

function sendText(client: Client, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  client.transport.push(bytes, 0, bytes.length);
}

/** A copy that is sent as it is made, between two marks. */
class Stream implements Transfer {
  readonly client: Client;
  readonly #snapshot: Snapshot | null;
  readonly #format: SnapshotFormat;
  readonly #mark = secretHex(MARK_BYTES);

  constructor(host: TransferHost, client: Client, request: TransferRequest) {
    this.client = client;
    this.#snapshot = request.wantsKeys ? new Snapshot(host.keyspace, host.clock, true) : null;
    try {
      sendText(client, `$EOF:${this.#mark}\r\n`);
      const target: WriteTarget = (bytes, offset, length) => send(client, bytes, offset, length);
      const version = this.#snapshot?.version ?? RDB_VERSION_WRITTEN;
      this.#format = openRdbSnapshot(host, target, version, false, request.wantsFunctions);
      this.#snapshot?.attach(this.#format);
    } catch (error) {
      this.#snapshot?.end();
      throw error;
    }
  }

  get byteCount(): number {
    return this.#snapshot?.byteCount ?? 0;
  }

  run(): boolean {
    const snapshot = this.#snapshot;
    if (snapshot !== null) {
      if (snapshot.wasCleared) throw new Error('a database was emptied');
      snapshot.run(SLICE_US);
      if (!snapshot.isDone) return false;
    }
    this.#format.end();
    sendText(this.client, this.#mark);
    return true;
  }

  relieve(byteLimit: number): boolean {
    if (this.client.transport.outputBytes > WAITING_BYTES_MAX) return false;
    this.#snapshot?.relieve(byteLimit);
    return true;
  }

  discard(): void {
    this.#snapshot?.end();
  }
}

/** A copy that is a file first, since the client must be told its length. */
class SentFile implements Transfer {
  readonly client: Client;
  readonly #host: TransferHost;
  readonly #writing: SnapshotWriting;
  readonly #part = new Uint8Array(PART_BYTES);
  #file: OpenFile | null = null;
  #sentBytes = 0;
  #fileBytes = 0;
  #isFinished = false;
  #failure: unknown = null;

  constructor(host: TransferHost, client: Client, request: TransferRequest) {
    this.client = client;
    this.#host = host;
    const path = join(host.config.values.dir, `temp-${process.pid}.sync.rdb`);
    this.#writing = new SnapshotWriting(host, {
      path,
      isLogBase: false,
      syncsOften: false,
      isInBackground: true,
      parts: { keys: request.wantsKeys, functions: request.wantsFunctions },
    });
  }

  get byteCount(): number {
    return this.#writing.byteCount;
  }

  run(): boolean {
    if (this.#failure !== null) throw this.#failure;
    const writing = this.#writing;
    if (this.#isFinished) return this.#sendSome();
    if (writing.isFinishing) return false;
    if (writing.wasCleared) throw new Error('a database was emptied');
    if (writing.run(SLICE_US)) this.#finish();
    return false;
  }

  relieve(byteLimit: number): boolean {
    if (!this.#writing.isFinishing && this.#writing.relieve(byteLimit)) this.#finish();
    return true;
  }

  discard(): void {
    this.#file?.close();
    this.#writing.discard();
    this.#host.files.remove(this.#writing.path);
  }

  #finish(): void {
    this.#writing.finish().then(
      () => {
        this.#isFinished = true;
      },
      (error: unknown) => {
        this.#failure = error;
      },
    );
  }

  #sendSome(): boolean {
    if (this.#file === null) {
      this.#file = this.#host.files.open(this.#writing.path, 'read');
      this.#fileBytes = this.#file.size();
      sendText(this.client, `$${this.#fileBytes}\r\n`);
    }
    const part = this.#part;
    while (this.client.transport.outputBytes < WAITING_BYTES_MAX && this.#sentBytes < this.#fileBytes) {
      const count = this.#file.read(part, 0, part.length, this.#sentBytes);
      if (count === 0) throw new Error('the file was cut short');
      send(this.client, part, 0, count);
      this.#sentBytes += count;
    }
    return this.#sentBytes === this.#fileBytes;
  }
}
