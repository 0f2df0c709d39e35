import { viewOf } from '../base/bytes.ts';
import { splitArguments } from '../base/split-arguments.ts';
import { Arguments } from './arguments.ts';

/** The buffer ends before the command does. */
export const INCOMPLETE = 0;
/** `arguments` holds a command. */
export const COMMAND = 1;
/** The client broke the protocol: answer `error`, then close. */
export const PROTOCOL_ERROR = -1;

const INLINE_BYTES_MAX = 64 * 1024;
const ARGUMENT_COUNT_MAX = 0x7fffffff;
const UNAUTHENTICATED_ARGUMENTS_MAX = 10;
const UNAUTHENTICATED_BULK_MAX = 16384;
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;

/** Limits on what a client may send. */
export interface DecoderLimits {
  /** `proto-max-bulk-len`. */
  bulkBytesMax: number;
}

/**
 * Decodes the commands that a client sends: RESP arrays of bulk strings, and inline commands (the protocol
 * specification of Redis; limits and errors as `processMultibulkBuffer` words them). It keeps its place in a command
 * that has not arrived whole, so each byte is looked at once.
 *
 * The caller sets `buffer`, `position` and `end`, calls `next` until INCOMPLETE, and keeps the bytes from `start` on for
 * the next time; `rebase` tells of their new place.
 */
export class Decoder {
  #buffer: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  position = 0;
  end = 0;
  /** Where the command being decoded begins. */
  start = 0;
  error = '';
  arguments: Arguments;
  /** Bytes that the buffer must hold from `start` on before decoding can go on, as far as is known. */
  bytesWanted = 0;
  readonly #limits: DecoderLimits;
  #argumentsLeft = 0;
  #bulkLength = -1;

  constructor(scratch: Arguments, limits: DecoderLimits) {
    this.arguments = scratch;
    this.#limits = limits;
  }

  /** Whether part of a command has been decoded. */
  get isInsideCommand(): boolean {
    return this.#argumentsLeft > 0;
  }

  /** The bytes to decode, between `position` and `end`. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  set buffer(bytes: Uint8Array) {
    if (bytes === this.#buffer) return;
    this.#buffer = bytes;
    this.#view = viewOf(bytes);
  }

  /** The bytes from `start` on now lie at `offset` of another buffer, with `end` its new end. */
  rebase(buffer: Uint8Array, offset: number, end: number): void {
    const by = offset - this.start;
    this.buffer = buffer;
    this.position += by;
    this.start = offset;
    this.end = end;
    if (this.#argumentsLeft > 0) {
      if (by !== 0) this.arguments.shift(by);
      this.arguments.buffer = buffer;
      this.arguments.view = this.#view;
    }
  }

  /** Decodes one command. `authenticated` is false while the client may only send little. */
  next(authenticated: boolean): number {
    const buffer = this.#buffer;
    const end = this.end;
    if (this.#argumentsLeft === 0) {
      this.start = this.position;
      this.bytesWanted = 0;
      if (this.position >= end) return INCOMPLETE;
      if (buffer[this.position] !== 42 /* * */) return this.#inline();
      const line = this.#line(this.position + 1);
      if (line < 0) {
        return end - this.position > INLINE_BYTES_MAX ? this.#fail('too big mbulk count string') : INCOMPLETE;
      }
      const count = decimal(buffer, this.position + 1, line);
      if (Number.isNaN(count) || count > ARGUMENT_COUNT_MAX) return this.#fail('invalid multibulk length');
      if (count > UNAUTHENTICATED_ARGUMENTS_MAX && !authenticated)
        return this.#fail('unauthenticated multibulk length');
      this.position = line + 2;
      this.arguments.count = 0;
      this.arguments.buffer = buffer;
      this.arguments.view = this.#view;
      if (count <= 0) return COMMAND;
      this.#argumentsLeft = count;
      this.#bulkLength = -1;
    }
    const into = this.arguments;
    let position = this.position;
    while (this.#argumentsLeft > 0) {
      if (this.#bulkLength < 0) {
        if (position >= end) break;
        if (buffer[position] !== 36 /* $ */) {
          return this.#fail(`expected '$', got '${String.fromCharCode(buffer[position])}'`);
        }
        // One or two digits are by far the most frequent.
        let length = buffer[position + 1] - 48;
        let line = position + 2;
        if (length < 0 || length > 9 || line + 1 >= end || buffer[line] !== CARRIAGE_RETURN) {
          line = this.#line(position + 1);
          if (line < 0) {
            if (end - position > INLINE_BYTES_MAX) return this.#fail('too big bulk count string');
            break;
          }
          length = decimal(buffer, position + 1, line);
          if (Number.isNaN(length) || length < 0 || length > this.#limits.bulkBytesMax) {
            return this.#fail('invalid bulk length');
          }
          if (length > UNAUTHENTICATED_BULK_MAX && !authenticated)
            return this.#fail('unauthenticated bulk length');
        }
        position = line + 2;
        this.#bulkLength = length;
      }
      if (end - position < this.#bulkLength + 2) {
        this.bytesWanted = position + this.#bulkLength + 2 - this.start;
        break;
      }
      into.push(position, this.#bulkLength);
      position += this.#bulkLength + 2;
      this.#bulkLength = -1;
      this.#argumentsLeft--;
    }
    this.position = position;
    return this.#argumentsLeft === 0 ? COMMAND : INCOMPLETE;
  }

  /** Position of the next carriage return whose line feed has arrived too, or -1. */
  #line(from: number): number {
    const last = this.end - 1;
    for (let at = from; at < last; at++) if (this.buffer[at] === CARRIAGE_RETURN) return at;
    return -1;
  }

  #inline(): number {
    let at = this.position;
    while (at < this.end && this.buffer[at] !== LINE_FEED) at++;
    if (at === this.end) {
      return this.end - this.position > INLINE_BYTES_MAX ? this.#fail('too big inline request') : INCOMPLETE;
    }
    if (at - this.position > INLINE_BYTES_MAX) return this.#fail('too big inline request');
    const length =
      at - this.position - (at > this.position && this.buffer[at - 1] === CARRIAGE_RETURN ? 1 : 0);
    const parts = splitArguments(this.buffer, this.position, length);
    if (parts === undefined) return this.#fail('unbalanced quotes in request');
    this.position = at + 1;
    const split = Arguments.of(parts);
    this.arguments.count = 0;
    this.arguments.buffer = split.buffer;
    this.arguments.view = split.view;
    for (let part = 0; part < split.count; part++)
      this.arguments.push(split.offsets[part], split.lengths[part]);
    return COMMAND;
  }

  #fail(reason: string): number {
    this.error = `ERR Protocol error: ${reason}`;
    return PROTOCOL_ERROR;
  }
}

/** A decimal integer as string2ll takes it, or NaN. */
function decimal(buffer: Uint8Array, from: number, to: number): number {
  let at = from;
  const negative = buffer[at] === 45;
  if (negative) at++;
  const digits = to - at;
  if (digits < 1 || digits > 15) return Number.NaN;
  if (buffer[at] === 48) return digits === 1 && !negative ? 0 : Number.NaN;
  let value = 0;
  for (; at < to; at++) {
    const digit = buffer[at] - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}
