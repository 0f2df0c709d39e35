/** An error reply: `message` is its text without the dash, code included. */
export class ReplyError extends Error {
  override name = 'ReplyError';

  /** The first word of the text, such as `ERR` or `WRONGTYPE`. */
  get code(): string {
    return this.message.split(' ', 1)[0];
  }
}

/** A reply as a value of JavaScript. Maps become `Map`, sets `Set`, big numbers `bigint`. */
export type Reply =
  | string
  | Buffer
  | number
  | bigint
  | boolean
  | null
  | ReplyError
  | Reply[]
  | Map<Reply, Reply>
  | Set<Reply>;

/** Decodes one whole RESP2 or RESP3 reply. Bulk strings become Buffers of their own, or with `asText` UTF-8 strings. */
export function decodeReply(bytes: Buffer, asText: boolean): Reply {
  return new ReplyReader(bytes, asText).read();
}

class ReplyReader {
  readonly #bytes: Buffer;
  readonly #asText: boolean;
  #at = 0;

  constructor(bytes: Buffer, asText: boolean) {
    this.#bytes = bytes;
    this.#asText = asText;
  }

  read(): Reply {
    const type = String.fromCharCode(this.#bytes[this.#at]);
    const end = this.#bytes.indexOf('\r\n', this.#at);
    const line = this.#bytes.toString('latin1', this.#at + 1, end);
    this.#at = end + 2;
    switch (type) {
      case '+':
        return line;
      case '-':
        return new ReplyError(line);
      case ':':
        return Number.isSafeInteger(Number(line)) ? Number(line) : BigInt(line);
      case '(':
        return BigInt(line);
      case '_':
        return null;
      case '#':
        return line === 't';
      case ',':
        return double(line);
      case '$':
        return this.#bulk(Number(line));
      case '=':
        return this.#verbatim(Number(line));
      case '*':
      case '>':
        return line === '-1' ? null : this.#list(Number(line));
      case '~':
        return new Set(this.#list(Number(line)));
      case '%': {
        const map = new Map<Reply, Reply>();
        for (let pair = Number(line); pair > 0; pair--) {
          const key = this.read();
          map.set(key, this.read());
        }
        return map;
      }
      default:
        throw new Error(`Not a reply: it begins with ${JSON.stringify(type)}`);
    }
  }

  #list(count: number): Reply[] {
    const list: Reply[] = [];
    for (let at = 0; at < count; at++) list.push(this.read());
    return list;
  }

  #bulk(length: number): Reply {
    if (length < 0) return null;
    const start = this.#at;
    this.#at += length + 2;
    if (this.#asText) return this.#bytes.toString('utf8', start, start + length);
    return Buffer.from(this.#bytes.subarray(start, start + length));
  }

  #verbatim(length: number): Reply {
    const start = this.#at + 4;
    this.#at += length + 2;
    return this.#bytes.toString('utf8', start, start + length - 4);
  }
}

function double(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  if (text === '-inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}
