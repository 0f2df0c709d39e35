import { copyShort, viewOf } from '../base/bytes.ts';
import { Arguments } from '../resp/arguments.ts';
import type { Command } from './command.ts';

const BUFFER_BYTES_INITIAL = 4096;
const WORDS_INITIAL = 64;
/** A command of more bytes is kept by itself, so that the queue's buffer need not grow by leaps. */
const SHARED_BYTES_MAX = 16 * 1024;
/** Up to so many bytes a loop copies faster than `set`. */
const SHORT_BYTES_MAX = 250;
/** Queues that wait for the next transaction: so many, and none with a larger buffer. */
const SPARE_QUEUES_MAX = 32;
const SPARE_BYTES_MAX = 64 * 1024;
/** Of a queued command beyond its words, as an allowance; each word has two numbers. */
const COMMAND_BYTES = 64;
const WORD_BYTES = 8;

const spares: CommandQueue[] = [];

/**
 * The commands that MULTI has queued, their words one after the other in buffers that are used again by later transactions, so
 * that queueing makes no garbage.
 */
export class CommandQueue {
  length = 0;
  /** Bytes that the commands take. */
  byteCount = 0;
  readonly #commands: (Command | null)[] = [];
  /** The words of a large command, or null. */
  readonly #own: (Arguments | null)[] = [];
  /** Where the words of a command begin; they end where those of the next begin. */
  #firstWords = new Int32Array(WORDS_INITIAL);
  #offsets = new Int32Array(WORDS_INITIAL);
  #lengths = new Int32Array(WORDS_INITIAL);
  #wordCount = 0;
  #used = 0;
  /** The words of the command that was asked for last. */
  readonly #words = new Arguments();

  constructor() {
    this.#setBuffer(new Uint8Array(BUFFER_BYTES_INITIAL));
  }

  /** An empty queue. */
  static take(): CommandQueue {
    return spares.pop() ?? new CommandQueue();
  }

  /** Copies a command's words, and with them what the protocol has between them. */
  add(command: Command, words: Arguments): void {
    const last = words.count - 1;
    const bytes = words.offsets[last] + words.lengths[last] - words.offsets[0];
    const isShared = bytes >= 0 && bytes <= SHARED_BYTES_MAX;
    const at = this.length++;
    this.#commands[at] = command;
    this.#own[at] = isShared ? null : words.detach();
    this.byteCount += Math.max(bytes, 0) + words.count * WORD_BYTES + COMMAND_BYTES;
    if (this.length === this.#firstWords.length) this.#firstWords = doubled(this.#firstWords);
    if (isShared) this.#append(words, bytes);
    this.#firstWords[this.length] = this.#wordCount;
  }

  commandAt(at: number): Command {
    return this.#commands[at] as Command;
  }

  /** The words of a command, good until those of another are asked for. */
  wordsAt(at: number): Arguments {
    const own = this.#own[at];
    if (own !== null) return own;
    const words = this.#words;
    words.count = 0;
    const end = this.#firstWords[at + 1];
    for (let word = this.#firstWords[at]; word < end; word++) {
      words.push(this.#offsets[word], this.#lengths[word]);
    }
    return words;
  }

  /** Gives the queue up, for a later transaction. */
  release(): void {
    if (spares.length === SPARE_QUEUES_MAX || this.#words.buffer.length > SPARE_BYTES_MAX) return;
    for (let at = 0; at < this.length; at++) {
      this.#commands[at] = null;
      this.#own[at] = null;
    }
    this.length = 0;
    this.byteCount = 0;
    this.#wordCount = 0;
    this.#used = 0;
    spares.push(this);
  }

  #append(words: Arguments, bytes: number): void {
    const { count } = words;
    const start = words.offsets[0];
    let target = this.#words.buffer;
    if (this.#used + bytes > target.length) {
      const larger = new Uint8Array(Math.max(target.length * 2, this.#used + bytes));
      larger.set(target.subarray(0, this.#used));
      this.#setBuffer(larger);
      target = larger;
    }
    while (this.#wordCount + count > this.#offsets.length) {
      this.#offsets = doubled(this.#offsets);
      this.#lengths = doubled(this.#lengths);
    }
    const distance = this.#used - start;
    if (bytes <= SHORT_BYTES_MAX) copyShort(words.view, start, this.#words.view, this.#used, bytes);
    else target.set(words.buffer.subarray(start, start + bytes), this.#used);
    this.#used += bytes;
    for (let at = 0; at < count; at++) {
      this.#offsets[this.#wordCount] = words.offsets[at] + distance;
      this.#lengths[this.#wordCount++] = words.lengths[at];
    }
  }

  #setBuffer(buffer: Uint8Array): void {
    this.#words.buffer = buffer;
    this.#words.view = viewOf(buffer);
  }
}

function doubled(numbers: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}
