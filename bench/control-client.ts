import { connect, type Socket } from 'node:net';
import type { Address } from './client.ts';

export type Reply = string | number | null | Reply[] | ErrorReply;

/** An error reply of the server. */
export class ErrorReply extends Error {}

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/** One connection for the few commands around a measurement (PING, INFO, DBSIZE …), in RESP2. */
export class ControlClient {
  private readonly socket: Socket;
  private readonly waiting: Waiting[] = [];
  private received: Buffer = Buffer.alloc(0);

  static connect(address: Address): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: address.host, port: address.port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new ControlClient(socket));
      });
    });
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.take(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the server closed the connection')));
  }

  /** Sends a command and returns its reply; an error reply is thrown as {@link ErrorReply}. */
  async command(...words: string[]): Promise<Reply> {
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      this.socket.write(`*${words.length}\r\n${parts.join('')}`);
    });
    if (reply instanceof ErrorReply) throw reply;
    return reply;
  }

  /** The fields of an INFO section by name; none for a server that does not know INFO. */
  async info(section: string): Promise<Map<string, string>> {
    try {
      return parseInfo(String(await this.command('INFO', section)));
    } catch (error) {
      if (error instanceof ErrorReply) return new Map();
      throw error;
    }
  }

  close(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    for (;;) {
      const parsed = parseReply(this.received, 0);
      if (parsed === null) return;
      this.received = this.received.subarray(parsed.end);
      this.waiting.shift()?.resolve(parsed.reply);
    }
  }

  private fail(error: Error): void {
    for (const waiting of this.waiting.splice(0)) waiting.reject(error);
  }
}

/** The `name:value` lines of an INFO text. */
export function parseInfo(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** Parses the RESP2 reply at `offset`; null while it is not whole. */
export function parseReply(bytes: Buffer, offset: number): { reply: Reply; end: number } | null {
  const lineEnd = bytes.indexOf('\r\n', offset, 'latin1');
  if (lineEnd < 0) return null;
  const line = bytes.toString('utf8', offset + 1, lineEnd);
  const next = lineEnd + 2;
  switch (String.fromCharCode(bytes[offset])) {
    case '+':
      return { reply: line, end: next };
    case '-':
      return { reply: new ErrorReply(line), end: next };
    case ':':
      return { reply: Number(line), end: next };
    case '$': {
      const size = Number(line);
      if (size < 0) return { reply: null, end: next };
      if (bytes.length < next + size + 2) return null;
      return { reply: bytes.toString('utf8', next, next + size), end: next + size + 2 };
    }
    case '*': {
      const count = Number(line);
      if (count < 0) return { reply: null, end: next };
      const elements: Reply[] = [];
      let end = next;
      while (elements.length < count) {
        const element = parseReply(bytes, end);
        if (element === null) return null;
        elements.push(element.reply);
        end = element.end;
      }
      return { reply: elements, end };
    }
    default:
      throw new Error(`not a RESP2 reply: ${JSON.stringify(line.slice(0, 40))}`);
  }
}
