import { latin1 } from '../../base/bytes.ts';
import { quoteBytes } from '../../base/quote.ts';
import { splitArguments } from '../../base/split-arguments.ts';

/** Longest line, its end included (MANIFEST_MAX_LINE). */
const LINE_BYTES_MAX = 1024;
const WORDS_MIN = 6;
const LINE_FEED = 10;
const NUMBER_SIGN = 35;
/** What a name is quoted for: anything but printable characters that neither separate nor quote (sdsneedsrepr). */
const NEEDS_QUOTES = /[^!-~]|["'\\]/;

/** One file of the log. */
export interface AofFile {
  /** Its name in the log's directory. */
  readonly name: string;
  /** From 1; among the files of one kind later ones have higher numbers. */
  readonly sequence: number;
  /** Of a base that was written with Flex on: the tier, and how many cuts of checkpoints had been made by then. */
  readonly origin?: AofOrigin;
}

/** Which tier's data a base holds. */
export interface AofOrigin {
  readonly tier: string;
  readonly cut: number;
}

/** A manifest that can't be relied on. */
export class ManifestError extends Error {
  override name = 'ManifestError';
  /** The line that is wrong, from 1; 0 if it is none in particular. */
  readonly line: number;
  /** That line. */
  readonly text: string;

  constructor(reason: string, line: number, text: string) {
    super(reason);
    this.line = line;
    this.text = text;
  }
}

/**
 * Which files make up the log: the base, which is the data set at some time, and the increments with the commands since then,
 * oldest first. History files are what they replaced, to be removed. The text is that of Redis 7 and later (aof.c):
 *
 *     file appendonly.aof.2.base.rdb seq 2 type b
 *     file appendonly.aof.1.incr.aof seq 1 type h
 *     file appendonly.aof.2.incr.aof seq 2 type i
 *
 * A base may have `tier` and `cut` besides (docs/formats/checkpoint.md). Pairs of other words, such as `startoffset 0` of Redis
 * 8, are passed over.
 */
export class Manifest {
  readonly base: AofFile | null;
  readonly increments: readonly AofFile[];
  readonly history: readonly AofFile[];
  /** The highest sequence numbers that were given. */
  readonly baseSequence: number;
  readonly incrementSequence: number;

  constructor(
    parts: Partial<Pick<Manifest, 'base' | 'increments' | 'history' | 'baseSequence' | 'incrementSequence'>>,
  ) {
    this.base = parts.base ?? null;
    this.increments = parts.increments ?? [];
    this.history = parts.history ?? [];
    this.baseSequence = Math.max(parts.baseSequence ?? 0, this.base?.sequence ?? 0);
    this.incrementSequence = Math.max(parts.incrementSequence ?? 0, this.increments.at(-1)?.sequence ?? 0);
  }

  /** Reads a manifest's text. Throws {@link ManifestError}. */
  static parse(bytes: Uint8Array): Manifest {
    return new Parser().parse(bytes);
  }

  /** No file is named that holds data. */
  get isEmpty(): boolean {
    return this.base === null && this.increments.length === 0;
  }

  /** The files to load, in order. */
  get files(): readonly AofFile[] {
    return this.base === null ? this.increments : [this.base, ...this.increments];
  }

  /** The same with another base in place of the one there is, which becomes history. `format` is the name's end, such as `rdb`. */
  withNewBase(fileName: string, format: 'rdb' | 'aof', origin: AofOrigin | null = null): Manifest {
    const sequence = this.baseSequence + 1;
    const history = this.base === null ? this.history : [...this.history, this.base];
    return new Manifest({
      ...this,
      base: {
        name: `${fileName}.${sequence}.base.${format}`,
        sequence,
        ...(origin === null ? {} : { origin }),
      },
      history,
    });
  }

  /** The same with one more increment. */
  withNewIncrement(fileName: string): Manifest {
    const sequence = this.incrementSequence + 1;
    return new Manifest({
      ...this,
      increments: [...this.increments, { name: `${fileName}.${sequence}.incr.aof`, sequence }],
    });
  }

  /** The same with all increments but the newest `keptCount` become history. */
  withoutOldIncrements(keptCount: number): Manifest {
    const kept = this.increments.length - keptCount;
    return new Manifest({
      ...this,
      increments: this.increments.slice(kept),
      history: [...this.history, ...this.increments.slice(0, kept)],
    });
  }

  /** The same without its history. */
  withoutHistory(): Manifest {
    return this.withHistory(() => false);
  }

  /** Increments from a sequence number on, in their order, those in the history too. */
  incrementsFrom(sequence: number): readonly AofFile[] {
    const old = this.history.filter(({ name }) => name.endsWith('.incr.aof'));
    return [...old, ...this.increments]
      .filter((file) => file.sequence >= sequence)
      .sort((left, right) => left.sequence - right.sequence);
  }

  /** The same with only such history as `keeps` says. */
  withHistory(keeps: (file: AofFile) => boolean): Manifest {
    return new Manifest({ ...this, history: this.history.filter(keeps) });
  }

  /** The manifest's text, ASCII. */
  toString(): string {
    return [
      ...(this.base === null ? [] : [lineOf(this.base, 'b')]),
      ...this.history.map((file) => lineOf(file, 'h')),
      ...this.increments.map((file) => lineOf(file, 'i')),
    ].join('');
  }
}

function lineOf({ name, sequence, origin }: AofFile, type: 'b' | 'h' | 'i'): string {
  const bytes = Buffer.from(name, 'utf8');
  const shown = NEEDS_QUOTES.test(name) ? quoteBytes(bytes, 0, bytes.length).toString('latin1') : name;
  const ofTier = origin === undefined ? '' : ` tier ${origin.tier} cut ${origin.cut}`;
  return `file ${shown} seq ${sequence} type ${type}${ofTier}\n`;
}

/** Takes a manifest apart, line by line (aofLoadManifestFromFile). */
class Parser {
  #line = 0;
  #text = '';
  #base: AofFile | null = null;
  readonly #increments: AofFile[] = [];
  readonly #history: AofFile[] = [];
  readonly #names = new Set<string>();

  parse(bytes: Uint8Array): Manifest {
    if (bytes.length === 0) this.#fail('Found an empty AOF manifest');
    for (let from = 0; from < bytes.length; ) {
      this.#line++;
      const lineFeed = bytes.indexOf(LINE_FEED, from);
      const end = lineFeed < 0 ? bytes.length : lineFeed;
      this.#text = latin1(bytes, from, Math.min(end - from, LINE_BYTES_MAX)).replace(
        /^[ \t\r]+|[ \t\r]+$/g,
        '',
      );
      if (bytes[from] !== NUMBER_SIGN) {
        if (lineFeed < 0 || lineFeed - from >= LINE_BYTES_MAX) {
          this.#fail('The AOF manifest file contains too long line');
        }
        this.#take(splitArguments(bytes, from, end - from) ?? []);
      }
      from = end + 1;
    }
    return new Manifest({ base: this.#base, increments: this.#increments, history: this.#history });
  }

  #take(words: readonly Uint8Array[]): void {
    if (words.length < WORDS_MIN || words.length % 2 !== 0) this.#failOnFormat();
    let name = '';
    let sequence = 0;
    let type = '';
    let tier = '';
    let cut = 0;
    for (let at = 0; at < words.length; at += 2) {
      const value = Buffer.from(words[at + 1]);
      switch (latin1(words[at], 0, words[at].length).toLowerCase()) {
        case 'file':
          name = value.toString('utf8');
          if (/[/\\]/.test(name)) this.#fail("File can't be a path, just a filename");
          break;
        case 'seq':
          sequence = /^\d{1,15}$/.test(value.toString('latin1')) ? Number(value.toString('latin1')) : 0;
          break;
        case 'type':
          type = value.toString('latin1', 0, 1);
          break;
        case 'tier':
          tier = value.toString('latin1');
          break;
        case 'cut':
          cut = Number(value.toString('latin1'));
          break;
      }
    }
    if (
      name === '' ||
      name === '.' ||
      name === '..' ||
      name.includes('\0') ||
      sequence === 0 ||
      type === ''
    ) {
      this.#failOnFormat();
    }
    this.#add({ name, sequence, ...(tier === '' ? {} : { origin: { tier, cut } }) }, type);
  }

  #add(file: AofFile, type: string): void {
    // Removing what one line calls history must not remove what another needs.
    if (this.#names.has(file.name)) this.#fail('Found the same file twice');
    this.#names.add(file.name);
    if (type === 'b') {
      if (this.#base !== null) this.#fail('Found duplicate base file information');
      this.#base = file;
    } else if (type === 'h') {
      this.#history.push(file);
    } else if (type === 'i') {
      if (file.sequence <= (this.#increments.at(-1)?.sequence ?? 0)) {
        this.#fail('Found a non-monotonic sequence number');
      }
      this.#increments.push(file);
    } else {
      this.#fail('Unknown AOF file type');
    }
  }

  #failOnFormat(): never {
    this.#fail('Invalid AOF manifest file format');
  }

  #fail(reason: string): never {
    throw new ManifestError(reason, this.#line, this.#text);
  }
}
