import type { CommandWriter, Workload } from './workload.ts';

/** A number in a command's word: after a prefix, in at least so many digits. */
export interface NumberWord {
  readonly prefix: string;
  readonly digits: number;
  /** The number for the present operation: a safe integer, 0 or above. Called once for each. */
  value(): number;
}

const NUMBER_DIGITS_MAX = 16;
const HEAD_BYTES_MAX = 16;
const DIGIT_ZERO = 48;
const DOLLAR = 36;
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;

/** Operations that are one and the same command with other numbers in it. */
export class CommandWorkload implements Workload, CommandWriter {
  readonly key = 0;
  readonly isRead = true;
  readonly bytesMax: number;
  readonly #advance: () => void;
  readonly #head: Buffer;
  readonly #words: readonly { readonly text: Buffer; readonly number: NumberWord | null }[];

  /** `advance` is called before each operation, for what its numbers have in common. */
  constructor(words: readonly (string | NumberWord)[], advance: () => void) {
    this.#advance = advance;
    this.#head = Buffer.from(`*${words.length}\r\n`, 'latin1');
    this.#words = words.map((word) =>
      typeof word === 'string'
        ? { text: Buffer.from(`$${Buffer.byteLength(word)}\r\n${word}\r\n`), number: null }
        : { text: Buffer.from(word.prefix, 'latin1'), number: word },
    );
    this.bytesMax = this.#head.length;
    for (const { text, number } of this.#words) {
      const digits = Math.max(NUMBER_DIGITS_MAX, number?.digits ?? 0);
      this.bytesMax += text.length + digits + HEAD_BYTES_MAX;
    }
  }

  get command(): CommandWriter {
    return this;
  }

  next(): void {
    this.#advance();
  }

  write(bytes: Uint8Array, offset: number): number {
    let at = copy(this.#head, bytes, offset);
    for (const { text, number } of this.#words) {
      if (number === null) {
        at = copy(text, bytes, at);
        continue;
      }
      const value = number.value();
      const digits = Math.max(number.digits, digitCount(value));
      const length = text.length + digits;
      bytes[at++] = DOLLAR;
      at = writeNumber(bytes, at, length, digitCount(length));
      bytes[at++] = CARRIAGE_RETURN;
      bytes[at++] = LINE_FEED;
      at = writeNumber(bytes, copy(text, bytes, at), value, digits);
      bytes[at++] = CARRIAGE_RETURN;
      bytes[at++] = LINE_FEED;
    }
    return at;
  }
}

function copy(source: Uint8Array, target: Uint8Array, offset: number): number {
  for (let at = 0; at < source.length; at++) target[offset + at] = source[at];
  return offset + source.length;
}

function digitCount(value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
}

function writeNumber(target: Uint8Array, offset: number, value: number, digits: number): number {
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    target[at] = DIGIT_ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return offset + digits;
}
