import { quoteBytes } from '../base/quote.ts';

/** Bytes of a key's name that are shown. */
const NAME_BYTES_MAX = 64;

/** Sums of the keys, or records, of one type. */
export interface TypeSums {
  count: number;
  /** Elements: members, fields, entries; bytes of strings. */
  elements: number;
  bytes: number;
}

/** One of the largest keys. */
export interface LargeKey {
  readonly database: number;
  readonly type: string;
  /** In quotes where that is needed, and cut short. */
  readonly name: string;
  readonly elements: number;
  /** Bytes in the file. */
  readonly bytes: number;
}

/** What keys there are, by type, and which are the largest. It takes the RAM of those that it names. */
export class KeySummary {
  readonly types: Record<string, TypeSums> = {};
  /** Largest first. */
  readonly largest: LargeKey[] = [];
  count = 0;
  readonly #largestCount: number;

  constructor(largestCount: number) {
    this.#largestCount = largestCount;
  }

  /** Counts a key, whose name is copied if it is a large one. */
  add(
    type: string,
    database: number,
    key: { readonly bytes: Uint8Array; readonly offset: number; readonly length: number },
    elements: number,
    bytes: number,
  ): void {
    this.addNameless(type, elements, bytes);
    const { largest } = this;
    const smallest = largest.at(-1)?.bytes ?? 0;
    if (this.#largestCount === 0 || (largest.length === this.#largestCount && bytes <= smallest)) return;
    let at = largest.length;
    while (at > 0 && largest[at - 1].bytes < bytes) at--;
    largest.splice(at, 0, { database, type, name: shownName(key), elements, bytes });
    if (largest.length > this.#largestCount) largest.pop();
  }

  /** Counts what has no name for people. */
  addNameless(type: string, elements: number, bytes: number): void {
    this.types[type] ??= { count: 0, elements: 0, bytes: 0 };
    const sums = this.types[type];
    sums.count++;
    sums.elements += elements;
    sums.bytes += bytes;
    this.count++;
  }
}

function shownName(key: {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
}): string {
  const shown = Math.min(key.length, NAME_BYTES_MAX);
  const name = quoteBytes(key.bytes, key.offset, shown).toString('latin1');
  return shown < key.length ? `${name} and ${key.length - shown} bytes more` : name;
}

/** What a path stands for. */
export type Target =
  | { readonly kind: 'RDB file'; readonly path: string }
  | { readonly kind: 'AOF file'; readonly path: string }
  | {
      readonly kind: 'AOF directory';
      readonly path: string;
      /** What the names of its files begin with: that of the manifest. */
      readonly fileName: string;
    }
  | { readonly kind: 'tier'; readonly path: string };

/** What was found out about one file. */
export interface FileFindings {
  readonly name: string;
  readonly kind: 'RDB' | 'AOF' | 'manifest' | 'environment';
  readonly bytes: number;
  /** Facts in the order in which they are shown. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** What is wrong with it. */
  readonly problems: readonly string[];
  /** What was put right. */
  readonly fixes: readonly string[];
}

/** What was found out about a file or a directory with all that belongs to it. */
export interface Findings {
  readonly path: string;
  readonly kind: Target['kind'];
  readonly files: readonly FileFindings[];
  /** What is wrong with the whole. */
  readonly problems: readonly string[];
  /** Null where there are none to be told. */
  readonly keys: KeySummary | null;
  /** Records of the tier, of which some are dead: nothing here tells which. */
  readonly records: KeySummary | null;
  /** Commands of a log by name. */
  readonly commands: Readonly<Record<string, number>> | null;
}

/** Whether something is wrong that was not put right. */
export function hasProblems(findings: readonly Findings[]): boolean {
  return findings.some(
    ({ problems, files }) => problems.length > 0 || files.some((file) => file.problems.length > 0),
  );
}

/** Told how far a check has come. */
export interface Progress {
  update(doneBytes: number): void;
  end(): void;
}

/** Shows the progress of what takes so many bytes to go through. */
export type OpenProgress = (what: string, totalBytes: number) => Progress;

/** How checks are made. */
export interface CheckOptions {
  /** Puts right what can be without loss. */
  readonly fixes: boolean;
  /** Cuts a log off at the first note of a later time, in seconds; Infinity for no such note. */
  readonly lastSecond: number;
  /** How many of the largest keys are told. */
  readonly largestCount: number;
  readonly nowMs: number;
  readonly openProgress: OpenProgress;
}
