/** What a {@link ReplyCounter} tells as replies arrive. Nothing it passes outlives the call. */
export interface ReplyListener {
  /**
   * A piece of a bulk string: `bytes[start, end)` holds it from `position` on, of `size` bytes in all. An empty bulk
   * string comes as one empty piece.
   */
  bulkPart(bytes: Buffer, start: number, end: number, position: number, size: number): void;
  /** A whole reply has arrived; nested values belong to their outermost reply. */
  replyDone(kind: ReplyKind): void;
}

export type ReplyKind = typeof REPLY_VALUE | typeof REPLY_NULL | typeof REPLY_ERROR;
export const REPLY_VALUE = 0;
export const REPLY_NULL = 1;
export const REPLY_ERROR = 2;

const STATE_TYPE = 0;
const STATE_LINE = 1;
const STATE_BULK = 2;

const LINE_FEED = 10;
const MINUS = 45;
const DIGIT_ZERO = 48;
const DIGIT_NINE = 57;
const BULK = 36; // $
const VERBATIM = 61; // =
const BLOB_ERROR = 33; // !
const ARRAY = 42; // *
const SET = 126; // ~
const PUSH = 62; // >
const MAP = 37; // %
const ERROR = 45; // -
const NULL = 95; // _

/** Bytes of an error reply that are kept for the report. */
const ERROR_TEXT_MAX = 200;

/**
 * Counts RESP2 and RESP3 replies in a stream that may be cut at any byte, without building strings or objects for
 * them, so that the load generator stays cheaper than the server it measures. Only the last error's text is kept.
 */
export class ReplyCounter {
  lastError = '';
  private readonly listener: ReplyListener;
  private state = STATE_TYPE;
  private type = 0;
  private number = 0;
  private negative = false;
  private errorText = '';
  private kind: ReplyKind = REPLY_VALUE;
  /** Values still to come before the outermost reply is whole. */
  private valuesLeft = 1;
  private bulkSize = 0;
  /** Bytes of the current bulk string already seen, its closing CR LF included. */
  private bulkSeen = 0;

  constructor(listener: ReplyListener) {
    this.listener = listener;
  }

  /** Takes the next `length` bytes of the stream from the start of `bytes`, which it doesn't keep. */
  feed(bytes: Buffer, length: number): void {
    let position = 0;
    while (position < length) {
      if (this.state === STATE_BULK) {
        position = this.feedBulk(bytes, position, length);
        continue;
      }
      const byte = bytes[position++];
      if (this.state === STATE_TYPE) {
        this.type = byte;
        this.number = 0;
        this.negative = false;
        this.errorText = '';
        this.state = STATE_LINE;
      } else if (byte === LINE_FEED) {
        this.endLine();
      } else if (byte >= DIGIT_ZERO && byte <= DIGIT_NINE) {
        this.number = this.number * 10 + byte - DIGIT_ZERO;
        if (this.type === ERROR) this.keepErrorByte(byte);
      } else if (this.type === ERROR) {
        this.keepErrorByte(byte);
      } else if (byte === MINUS) {
        this.negative = true;
      }
    }
  }

  private keepErrorByte(byte: number): void {
    if (this.errorText.length < ERROR_TEXT_MAX) this.errorText += String.fromCharCode(byte);
  }

  private endLine(): void {
    this.state = STATE_TYPE;
    switch (this.type) {
      case BULK:
      case VERBATIM:
      case BLOB_ERROR:
        if (this.negative) {
          this.endValue(REPLY_NULL);
        } else {
          this.bulkSize = this.number;
          this.bulkSeen = 0;
          this.state = STATE_BULK;
        }
        break;
      case ARRAY:
      case SET:
      case PUSH:
        this.valuesLeft += this.negative ? 0 : this.number;
        this.endValue(this.negative ? REPLY_NULL : REPLY_VALUE);
        break;
      case MAP:
        this.valuesLeft += this.number * 2;
        this.endValue(REPLY_VALUE);
        break;
      case ERROR:
        this.lastError = this.errorText.trimEnd();
        this.endValue(REPLY_ERROR);
        break;
      default:
        this.endValue(this.type === NULL ? REPLY_NULL : REPLY_VALUE);
    }
  }

  private feedBulk(bytes: Buffer, position: number, length: number): number {
    const end = Math.min(length, position + this.bulkSize + 2 - this.bulkSeen);
    const contentEnd = Math.min(end, position + this.bulkSize - this.bulkSeen);
    if (contentEnd > position || (this.bulkSize === 0 && this.bulkSeen === 0)) {
      this.listener.bulkPart(bytes, position, contentEnd, this.bulkSeen, this.bulkSize);
    }
    this.bulkSeen += end - position;
    if (this.bulkSeen === this.bulkSize + 2) {
      this.state = STATE_TYPE;
      this.endValue(this.type === BLOB_ERROR ? REPLY_ERROR : REPLY_VALUE);
    }
    return end;
  }

  private endValue(kind: ReplyKind): void {
    if (kind > this.kind) this.kind = kind;
    this.valuesLeft--;
    if (this.valuesLeft > 0) return;
    const whole = this.kind;
    this.kind = REPLY_VALUE;
    this.valuesLeft = 1;
    this.listener.replyDone(whole);
  }
}
