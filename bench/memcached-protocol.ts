import type { Protocol, ReplyReader } from './client.ts';
import { REPLY_ERROR, REPLY_NULL, REPLY_VALUE, type ReplyListener } from './reply-counter.ts';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const DIGIT_ZERO = 48;
const LETTER_E = 69;
const LETTER_N = 78;
const LETTER_S = 83;
const LETTER_T = 84;
const LETTER_V = 86;
/** Bytes of an error that are kept for the report. */
const ERROR_TEXT_MAX = 200;

/**
 * Counts the replies to `get` and `set` of memcached's text protocol in a stream that may be cut at any byte, without building
 * strings for them: `VALUE <key> <flags> <bytes>`, the bytes and `END` for a read that found its key, `END` for one that did not,
 * `STORED` for a write (protocol.txt of memcached).
 */
export class MemcachedReplyCounter implements ReplyReader {
  lastError = '';
  private readonly listener: ReplyListener;
  /** The first two letters of the line, how much of it has come, and the number that it ends with. */
  private first = 0;
  private second = 0;
  private lineLength = 0;
  private number = 0;
  private errorText = '';
  private hasValue = false;
  private size = 0;
  /** Bytes of the value that are still to come, its line's end included. */
  private left = 0;

  constructor(listener: ReplyListener) {
    this.listener = listener;
  }

  feed(bytes: Buffer, length: number): void {
    let at = 0;
    while (at < length) at = this.left > 0 ? this.takeValue(bytes, at, length) : this.takeByte(bytes, at);
  }

  private takeValue(bytes: Buffer, at: number, length: number): number {
    const seen = this.size + 2 - this.left;
    const end = Math.min(length, at + this.left);
    const valueEnd = Math.min(end, at + this.size - seen);
    if (valueEnd > at || (this.size === 0 && seen === 0))
      this.listener.bulkPart(bytes, at, Math.max(at, valueEnd), seen, this.size);
    this.left -= end - at;
    return end;
  }

  private takeByte(bytes: Buffer, at: number): number {
    const byte = bytes[at];
    if (byte === LINE_FEED) {
      this.endLine();
      return at + 1;
    }
    if (this.lineLength === 0) this.first = byte;
    else if (this.lineLength === 1) this.second = byte;
    this.lineLength++;
    if (byte === SPACE) this.number = 0;
    else if (byte !== CARRIAGE_RETURN) this.number = this.number * 10 + byte - DIGIT_ZERO;
    if (this.first !== LETTER_V && this.isError && this.errorText.length < ERROR_TEXT_MAX)
      this.errorText += String.fromCharCode(byte);
    return at + 1;
  }

  /** Neither `END` nor `STORED`. */
  private get isError(): boolean {
    if (this.lineLength < 2) return true;
    return (
      !(this.first === LETTER_E && this.second === LETTER_N) &&
      !(this.first === LETTER_S && this.second === LETTER_T)
    );
  }

  private endLine(): void {
    const { first, isError } = this;
    if (first === LETTER_V) {
      this.size = this.number;
      this.left = this.size + 2;
      this.hasValue = true;
    } else if (isError) {
      this.lastError = this.errorText.trimEnd();
      this.listener.replyDone(REPLY_ERROR);
    } else {
      const isFound = this.hasValue || first === LETTER_S;
      this.hasValue = false;
      this.listener.replyDone(isFound ? REPLY_VALUE : REPLY_NULL);
    }
    this.lineLength = 0;
    this.number = 0;
    this.errorText = '';
  }
}

/** The text protocol of memcached. */
export const MEMCACHED: Protocol = {
  readHead: Buffer.from('get ', 'latin1'),
  writeHead: Buffer.from('set ', 'latin1'),
  sizeHead: Buffer.from(' 0 0 ', 'latin1'),
  makeReader: (listener) => new MemcachedReplyCounter(listener),
};
