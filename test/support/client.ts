import net from 'node:net';
import { decodeReply, type Reply, ReplyError } from '../../src/resp/reply.ts';
import { atEnd } from './servers.ts';

const WAIT_MS_MAX = 20_000;

/** A command's words as a RESP array of bulk strings. */
export function encodeCommand(...words: readonly (string | number | Buffer)[]): Buffer {
  return encodeWords(words);
}

/** As {@link encodeCommand}, for more words than a call can spread. */
export function encodeWords(words: readonly (string | number | Buffer)[]): Buffer {
  const parts: Buffer[] = [];
  let text = `*${words.length}\r\n`;
  for (const word of words) {
    if (Buffer.isBuffer(word)) {
      parts.push(Buffer.from(`${text}$${word.length}\r\n`), word);
      text = '\r\n';
    } else {
      text += `$${Buffer.byteLength(`${word}`)}\r\n${word}\r\n`;
    }
  }
  return Buffer.concat([...parts, Buffer.from(text)]);
}

/** Finds where replies end in bytes that arrive in pieces; each byte is looked at once. */
class ReplyScanner {
  /** Values still to come until the reply is whole, and where the next begins. */
  #valuesLeft = 1;
  #position = 0;
  /** Bytes that must be there before it is worth looking again. */
  wantedBytes = 1;

  /** Where the reply ends that begins at `start`, or -1 if it has not arrived whole. */
  end(bytes: Buffer, start: number): number {
    let position = start + this.#position;
    while (this.#valuesLeft > 0) {
      const lineEnd = bytes.indexOf('\r\n', position);
      if (lineEnd < 0) return this.#wait(start, position, bytes.length + 1);
      const type = String.fromCharCode(bytes[position]);
      let next = lineEnd + 2;
      let values = 0;
      if (!'+-:_#,('.includes(type)) {
        const count = Number(bytes.toString('latin1', position + 1, lineEnd));
        if ('$=!'.includes(type)) next += count < 0 ? 0 : count + 2;
        else if ('*~>'.includes(type)) values = Math.max(0, count);
        else if (type === '%') values = count * 2;
        else
          throw new Error(
            `Not a reply: ${JSON.stringify(bytes.toString('latin1', position, position + 80))}`,
          );
      }
      if (next > bytes.length) return this.#wait(start, position, next);
      position = next;
      this.#valuesLeft += values - 1;
    }
    this.#valuesLeft = 1;
    this.#position = 0;
    this.wantedBytes = position + 1;
    return position;
  }

  #wait(start: number, position: number, wantedBytes: number): number {
    this.#position = position - start;
    this.wantedBytes = wantedBytes;
    return -1;
  }
}

/** A connection of a test: sends bytes as they are given, and takes replies one by one. */
export class TestClient {
  readonly socket: net.Socket;
  /** What has arrived and has not been taken. */
  received = Buffer.alloc(0);
  /** The server ended the connection, or it broke. */
  isClosed = false;
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #wake: (() => void) | null = null;

  constructor(socket: net.Socket) {
    this.socket = socket;
    const wake = () => this.#wake?.();
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#chunkBytes += chunk.length;
      wake();
    });
    socket.on('error', () => {});
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.isClosed = true;
        wake();
      });
    }
    atEnd(() => this.close());
  }

  close(): void {
    this.socket.destroy();
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Sends bytes and waits until the kernel has taken them. */
  async sent(bytes: string | Buffer): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** Sends a command and returns its reply; strings as UTF-8. */
  async call(...words: readonly (string | number | Buffer)[]): Promise<Reply> {
    this.send(encodeCommand(...words));
    return this.reply();
  }

  /** The next reply; strings as UTF-8, or with `asText` false as Buffers. */
  async reply(asText = true): Promise<Reply> {
    return decodeReply(await this.rawReply(), asText);
  }

  /** The bytes of the next reply. */
  async rawReply(): Promise<Buffer> {
    return (await this.rawReplies(1))[0];
  }

  /** The bytes of the next `count` replies, each by itself. Throws if the connection ends before. */
  async rawReplies(count: number): Promise<Buffer[]> {
    const replies: Buffer[] = [];
    const scanner = new ReplyScanner();
    let at = 0;
    for (;;) {
      if (this.received.length + this.#chunkBytes >= scanner.wantedBytes || this.isClosed) this.#join();
      while (replies.length < count && this.received.length >= scanner.wantedBytes) {
        const end = scanner.end(this.received, at);
        if (end < 0) break;
        replies.push(Buffer.from(this.received.subarray(at, end)));
        at = end;
      }
      if (replies.length === count) {
        this.received = this.received.subarray(at);
        return replies;
      }
      if (this.isClosed) {
        const left = this.received.toString('latin1', at, at + 200);
        throw new Error(
          `The connection ended after ${replies.length} of ${count} replies, with ${JSON.stringify(left)}`,
        );
      }
      await this.#arrival();
    }
  }

  /** All bytes until the server ends the connection. */
  async untilClosed(): Promise<Buffer> {
    while (!this.isClosed) await this.#arrival();
    this.#join();
    const all = this.received;
    this.received = Buffer.alloc(0);
    return all;
  }

  #join(): void {
    if (this.#chunks.length === 0) return;
    this.received = Buffer.concat([this.received, ...this.#chunks]);
    this.#chunks = [];
    this.#chunkBytes = 0;
  }

  async #arrival(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Nothing arrived for ${WAIT_MS_MAX} ms`)), WAIT_MS_MAX);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }
}

/** Connects to a port of 127.0.0.1, or with a path to a Unix socket. The connection ends with the test. */
export async function connect(to: number | string | net.NetConnectOpts): Promise<TestClient> {
  const options =
    typeof to === 'number' ? { port: to, host: '127.0.0.1' } : typeof to === 'string' ? { path: to } : to;
  const socket = net.connect({ noDelay: true, ...options } as net.NetConnectOpts);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      resolve();
    });
  });
  return new TestClient(socket);
}

/** Sends commands in pipelines, and throws unless each is answered by just these bytes. */
export async function callAll(
  client: TestClient,
  commands: (string | number)[][],
  expected: string,
): Promise<void> {
  for (let at = 0; at < commands.length; at += 1000) {
    const batch = commands.slice(at, at + 1000);
    client.send(Buffer.concat(batch.map((words) => encodeCommand(...words))));
    for (const reply of await client.rawReplies(batch.length)) {
      if (`${reply}` !== expected) throw new Error(`Expected ${expected}, got ${reply}`);
    }
  }
}

/** The text of an error reply; throws for any other. */
export function errorText(reply: Reply): string {
  if (!(reply instanceof ReplyError)) throw new Error(`Not an error: ${JSON.stringify(reply)}`);
  return reply.message;
}

/** The fields of INFO or of a line of CLIENT LIST, by name. */
export function fields(text: Reply): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of String(text).split(/\r?\n| (?=[a-z-]+=)/)) {
    const match = /^([\w-]+)[:=](.*)$/.exec(line);
    if (match !== null) found[match[1]] = match[2];
  }
  return found;
}
