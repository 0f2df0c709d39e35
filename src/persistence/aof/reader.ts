import type { OpenFile } from '../../base/files.ts';
import { Arguments } from '../../resp/arguments.ts';
import { COMMAND, Decoder, INCOMPLETE } from '../../resp/decoder.ts';

const BUFFER_BYTES = 256 * 1024;
/** Offsets of arguments are 32-bit integers. */
const COMMAND_BYTES_MAX = 0x7fffffff - BUFFER_BYTES;
/** A line, such as `*3` or an annotation, that is longer is none. */
const LINE_BYTES_MAX = 64 * 1024;
const ASTERISK = 42;
const NUMBER_SIGN = 35;
const TIMESTAMP = /^#TS:(\d{1,15})\r\n$/;
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;

/** What {@link AofReader.next} has found: a command, the end, a command that the end cuts off, or what is no command. */
export type AofPart = 'command' | 'end' | 'torn' | 'broken';

/**
 * Reads the commands of an append-only file one by one, holding a buffer and the longest of them only. Annotations (lines that
 * begin with `#`) are passed over. Throws the system's error if the file can't be read.
 */
export class AofReader {
  /** The command found last; lent until the next call of {@link next}. */
  readonly words = new Arguments();
  /** Where in the file the command found last ends, or where to begin: all before it is whole. */
  validBytes: number;
  /** Told of each note of the time, in seconds, and where in the file it begins. */
  onTimestamp: ((second: number, offset: number) => void) | null = null;
  readonly #file: OpenFile;
  readonly #fileBytes: number;
  readonly #decoder: Decoder;
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** Where in the file the buffer's first byte is. */
  #bufferStart: number;
  #end = 0;

  /** Reads `file`, of `fileBytes`, from an offset on. The file stays the caller's. */
  constructor(file: OpenFile, fileBytes: number, offset: number) {
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.validBytes = offset;
    this.#bufferStart = offset;
    this.#decoder = new Decoder(this.words, { bulkBytesMax: COMMAND_BYTES_MAX });
    this.#decoder.buffer = this.#buffer;
  }

  /** Goes on to the next command. After anything else there is none. */
  next(): AofPart {
    const decoder = this.#decoder;
    for (;;) {
      if (!decoder.isInsideCommand) {
        this.validBytes = this.#bufferStart + decoder.position;
        decoder.start = decoder.position;
        if (decoder.position === this.#end) {
          if (!this.#fill(1)) return 'end';
          continue;
        }
        const first = this.#buffer[decoder.position];
        if (first === NUMBER_SIGN) {
          const part = this.#skipLine();
          if (part !== null) return part;
          continue;
        }
        if (first !== ASTERISK) return 'broken';
      }
      const status = decoder.next(true);
      if (status === COMMAND) return this.#checked();
      if (status !== INCOMPLETE) return 'broken';
      const wanted = Math.max(decoder.bytesWanted, this.#end - decoder.start + 1);
      if (wanted > COMMAND_BYTES_MAX) return 'broken';
      // A length that goes beyond the file's end must not have memory taken for it.
      if (this.#bufferStart + decoder.start + wanted > this.#fileBytes) return this.#torn();
      if (!this.#fill(wanted)) return this.#torn();
    }
  }

  /** Every argument must be followed by a line end, which the decoder leaves unlooked at. */
  #checked(): AofPart {
    const { words } = this;
    const buffer = this.#buffer;
    if (words.count === 0) return 'broken';
    for (let at = 0; at < words.count; at++) {
      const end = words.offsets[at] + words.lengths[at];
      if (buffer[end] !== CARRIAGE_RETURN || buffer[end + 1] !== LINE_FEED) return 'broken';
    }
    this.validBytes = this.#bufferStart + this.#decoder.position;
    return 'command';
  }

  /** The end of the file cuts off what is there from `start` on; is it the beginning of a command? */
  #torn(): AofPart {
    const buffer = this.#buffer;
    const end = this.#end;
    let at = this.#decoder.start;
    let lineLeft = true;
    while (lineLeft) {
      // Heads up to the argument that is cut off; its own bytes may be anything.
      const lineEnd = buffer.subarray(at, end).indexOf(LINE_FEED);
      lineLeft = lineEnd >= 0;
      const line = buffer.toString('latin1', at, lineLeft ? at + lineEnd + 1 : Math.min(end, at + 32));
      const isFirst = at === this.#decoder.start;
      if (!(isFirst ? /^\*(\d+(\r\n?)?)?$/ : /^(\$(\d+(\r\n?)?)?)?$/).test(line)) return 'broken';
      if (!lineLeft) break;
      at += lineEnd + 1;
      if (isFirst) continue;
      const next = at + Number(line.slice(1)) + 2;
      if (next > end) break;
      at = next;
    }
    return 'torn';
  }

  #skipLine(): AofPart | null {
    const decoder = this.#decoder;
    for (;;) {
      const lineEnd = this.#buffer.subarray(decoder.position, this.#end).indexOf(LINE_FEED);
      if (lineEnd >= 0) {
        if (this.onTimestamp !== null) this.#tellTimestamp(lineEnd + 1);
        decoder.position += lineEnd + 1;
        decoder.start = decoder.position;
        return null;
      }
      const length = this.#end - decoder.position;
      if (length > LINE_BYTES_MAX) return 'broken';
      if (!this.#fill(length + 1)) return 'torn';
    }
  }

  #tellTimestamp(length: number): void {
    const { position } = this.#decoder;
    const second = TIMESTAMP.exec(this.#buffer.toString('latin1', position, position + length))?.[1];
    if (second !== undefined) this.onTimestamp?.(Number(second), this.#bufferStart + position);
  }

  /** Reads until `wanted` bytes from the decoder's start on are there; false if the file has no more. */
  #fill(wanted: number): boolean {
    const decoder = this.#decoder;
    const kept = this.#end - decoder.start;
    if (decoder.start + wanted > this.#buffer.length) {
      const capacity = wanted > BUFFER_BYTES / 2 ? wanted + BUFFER_BYTES / 2 : BUFFER_BYTES;
      const larger = capacity === this.#buffer.length ? this.#buffer : Buffer.allocUnsafeSlow(capacity);
      this.#buffer.copy(larger, 0, decoder.start, this.#end);
      this.#bufferStart += decoder.start;
      this.#buffer = larger;
      this.#end = kept;
      decoder.rebase(larger, 0, kept);
    }
    while (this.#end - decoder.start < wanted) {
      const position = this.#bufferStart + this.#end;
      const room = Math.min(this.#buffer.length - this.#end, this.#fileBytes - position);
      const count = room <= 0 ? 0 : this.#file.read(this.#buffer, this.#end, room, position);
      if (count === 0) break;
      this.#end += count;
    }
    decoder.end = this.#end;
    return this.#end - decoder.start >= wanted;
  }
}
