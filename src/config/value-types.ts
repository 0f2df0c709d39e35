/**
 * The kinds of value that a directive takes: how words become a value, and how the value is written again. Limits and
 * reasons are worded as Redis words them (its `config.c`).
 */
import { resolve } from 'node:path';
import { errorReason, statistics } from '../base/files.ts';

/** A value that a directive doesn't take; the message is the reason as Redis gives it. */
export class InvalidValue extends Error {
  override name = 'InvalidValue';
}

/** How words become a value and are written again. */
export interface ValueType<Value> {
  /** For the documentation: what may be written. */
  readonly description: string;
  /** Whether a line holds any number of words after the name, or exactly one. */
  readonly takesManyWords: boolean;
  /**
   * The value that the words after the directive's name stand for. `current` is the value until now, and `repeated`
   * says that an earlier line of the same load has set it. Throws {@link InvalidValue}.
   */
  parse(words: readonly string[], current: Value, repeated: boolean): Value;
  /** The value as CONFIG GET answers it. */
  format(value: Value): string;
  /** What follows the name in a configuration file, for each line that the value takes; none removes the lines. */
  lines(value: Value): string[];
}

const INTEGER = /^(?:0|-?[1-9][0-9]*)$/;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A word in double quotes, as the configuration file reads it back. */
export function quote(word: string): string {
  const body = word.replace(/[\\"\u0000-\u001f\u007f]/g, (character) => {
    const escaped = ESCAPES[character];
    return escaped ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${body}"`;
}

/** Reads a number as Redis does where its parser is strict: of 64 bits, no sign but a minus, no leading zero, no space. */
function parseInteger(word: string): number | undefined {
  if (!INTEGER.test(word)) return undefined;
  const value = BigInt(word);
  return BigInt.asIntN(64, value) === value ? Number(value) : undefined;
}

function checkRange(value: number, min: number, max: number, radix = 10): number {
  if (value < min || value > max) throw outOfRange(min.toString(radix), max.toString(radix));
  return value;
}

function outOfRange(min: string, max: string): InvalidValue {
  return new InvalidValue(`argument must be between ${min} and ${max} inclusive`);
}

/** A type whose value is one word. */
function oneWord<Value>(
  description: string,
  parse: (word: string) => Value,
  format: (value: Value) => string,
  line: (value: Value) => string = format,
): ValueType<Value> {
  return {
    description,
    takesManyWords: false,
    parse: (words) => parse(words[0]),
    format,
    lines: (value) => [line(value)],
  };
}

/** `yes` or `no`. */
export function boolean(): ValueType<boolean> {
  return oneWord(
    'yes or no',
    (word) => {
      const lower = word.toLowerCase();
      if (lower !== 'yes' && lower !== 'no') throw new InvalidValue("argument must be 'yes' or 'no'");
      return lower === 'yes';
    },
    (value) => (value ? 'yes' : 'no'),
  );
}

/** One of some words. */
export function enumeration<const Name extends string>(...names: Name[]): ValueType<Name> {
  return oneWord(
    names.join(', '),
    (word) => {
      const found = names.find((name) => name === word.toLowerCase());
      if (found === undefined) {
        throw new InvalidValue(`argument(s) must be one of the following: ${names.join(', ')}`);
      }
      return found;
    },
    (value) => value,
  );
}

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): ValueType<number> {
  return oneWord(
    max >= 0x7fffffff ? `integer, at least ${min}` : `integer, ${min} to ${max}`,
    (word) => {
      const value = parseInteger(word);
      if (value === undefined) throw new InvalidValue("argument couldn't be parsed into an integer");
      return checkRange(value, min, max);
    },
    String,
  );
}

/** A whole number that is brought into its range instead of being refused, like `hz`. */
export function clampedInteger(min: number, max: number): ValueType<number> {
  const type = integer(0, 0x7fffffff);
  return {
    ...type,
    description: `integer, brought to ${min} to ${max}`,
    parse: (words, current, repeated) => Math.min(max, Math.max(min, type.parse(words, current, repeated))),
  };
}

/** A number with a fraction, from `min` to `max`. */
export function decimal(min: number, max: number): ValueType<number> {
  return oneWord(
    `number, ${min} to ${max}`,
    (word) => {
      if (!/^[0-9]*\.?[0-9]+$/.test(word))
        throw new InvalidValue("argument couldn't be parsed into a number");
      return checkRange(Number(word), min, max);
    },
    String,
  );
}

/** File permissions in octal. */
export function octal(min: number, max: number): ValueType<number> {
  return oneWord(
    `octal, ${min.toString(8)} to ${max.toString(8)}`,
    (word) => {
      if (!/^[0-7]+$/.test(word)) throw new InvalidValue("argument couldn't be parsed as an octal number");
      return checkRange(Number.parseInt(word, 8), min, max, 8);
    },
    (value) => value.toString(8),
  );
}

const UNIT_BYTES: Record<string, number> = {
  '': 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
};

/** The largest sizes that Redis keeps in 64 bits, with and without a sign. */
const SIGNED_BYTES_MAX = 2n ** 63n - 1n;
export const UNSIGNED_BYTES_MAX = 2n ** 64n - 1n;

/**
 * Bytes from a number with a unit (`k` is 1000 and `kb` 1024), or undefined. What is more than 64 bits hold is the most that
 * they do.
 */
function parseExactMemory(word: string): bigint | undefined {
  const match = /^([0-9]+)([a-z]*)$/i.exec(word);
  const unit = match === null ? undefined : UNIT_BYTES[match[2].toLowerCase()];
  if (match === null || unit === undefined) return undefined;
  const bytes = BigInt(match[1]) * BigInt(unit);
  return bytes > UNSIGNED_BYTES_MAX ? UNSIGNED_BYTES_MAX : bytes;
}

/** As {@link parseExactMemory}, to the precision of a number. */
export function parseMemory(word: string): number | undefined {
  const bytes = parseExactMemory(word);
  return bytes === undefined ? undefined : Number(bytes);
}

/** Bytes with the largest unit that divides them. */
function formatMemory(bytes: number): string {
  for (const unit of ['gb', 'mb', 'kb']) {
    if (bytes !== 0 && bytes % UNIT_BYTES[unit] === 0) return `${bytes / UNIT_BYTES[unit]}${unit}`;
  }
  return String(bytes);
}

/**
 * Bytes, with a unit or without. The value of a size beyond 2^53, more than any machine has, is the nearest number; it is
 * written again as it was given.
 */
export function memory(min = 0, max: number | bigint = SIGNED_BYTES_MAX): ValueType<number> {
  /** Sizes that no number tells exactly, by the nearest one. */
  const exact = new Map<number, bigint>();
  return oneWord(
    min === 0
      ? 'memory (b, k, kb, m, mb, g, gb)'
      : `memory (b, k, kb, m, mb, g, gb), at least ${formatMemory(min)}`,
    (word) => {
      const bytes = parseExactMemory(word);
      if (bytes === undefined) throw new InvalidValue('argument must be a memory value');
      if (bytes < min || bytes > max) throw outOfRange(`${min}`, `${max}`);
      const value = Number(bytes);
      if (!Number.isSafeInteger(value)) exact.set(value, bytes);
      return value;
    },
    (value) => String(exact.get(value) ?? value),
    (value) => exact.get(value)?.toString() ?? formatMemory(value),
  );
}

/** Bytes, or a percentage, which is kept as a negative number. */
export function memoryOrPercent(): ValueType<number> {
  return oneWord(
    'memory, or a percentage up to 100%',
    (word) => {
      const bytes = parseMemory(word);
      if (bytes !== undefined) return checkRange(bytes, 0, Number.MAX_SAFE_INTEGER);
      const percent = word.endsWith('%') ? parseInteger(word.slice(0, -1)) : undefined;
      if (percent === undefined || percent < 0) {
        throw new InvalidValue('argument must be a memory or percent value');
      }
      if (percent > 100) throw new InvalidValue('percentage argument must be less or equal to 100');
      return percent === 0 ? 0 : -percent;
    },
    (value) => (value < 0 ? `${-value}%` : String(value)),
    (value) => (value < 0 ? `${-value}%` : formatMemory(value)),
  );
}

/** Any text; `check` gives the reason to refuse it. */
export function text(description = 'text', check?: (word: string) => string | undefined): ValueType<string> {
  return oneWord(
    description,
    (word) => {
      const reason = check?.(word);
      if (reason !== undefined) throw new InvalidValue(reason);
      return word;
    },
    (value) => value,
    quote,
  );
}

/** Text that is not set at all when it is empty, so that the empty value takes no line. */
export function optionalText(
  description = 'text',
  check?: (word: string) => string | undefined,
): ValueType<string> {
  const type = text(description, check);
  return { ...type, lines: (value) => (value === '' ? [] : type.lines(value)) };
}

/** The name of a file without its directory, called `name` in reasons. */
export function fileName(name: string, kind: string, mayBeEmpty = false): ValueType<string> {
  return text(`${kind}, without a path`, (word) => {
    if (word === '' && !mayBeEmpty) return `${name} can't be empty`;
    return word.includes('/') ? `${name} can't be a path, just a ${kind}` : undefined;
  });
}

/** A directory that exists; the value is its absolute path, taken from the value before. */
export function directory(): ValueType<string> {
  return {
    description: 'path of a directory that exists',
    takesManyWords: false,
    parse: (words, current) => {
      const path = resolve(current, words[0]);
      try {
        const found = statistics(path);
        if (found === undefined) throw new InvalidValue('No such file or directory');
        if (!found.isDirectory) throw new InvalidValue('Not a directory');
      } catch (error) {
        throw error instanceof InvalidValue ? error : new InvalidValue(errorReason(error));
      }
      return path;
    },
    format: (value) => value,
    lines: (value) => [quote(value)],
  };
}

/** A set of words, none of which stands for `none`; `check` gives the reason to refuse a combination. */
export function flags<const Name extends string>(
  none: string,
  names: readonly Name[],
  check: (value: readonly Name[]) => string | undefined,
): ValueType<readonly Name[]> {
  const format = (value: readonly Name[]): string => (value.length === 0 ? none : value.join(' '));
  return {
    description: `${none}, or any of ${names.join(', ')}`,
    takesManyWords: true,
    parse: (words) => {
      const given = words.map((word) => word.toLowerCase()).filter((word) => word !== none);
      const value = names.filter((name) => given.includes(name));
      if (words.length === 0 || given.some((word) => !names.some((name) => name === word))) {
        throw new InvalidValue(`argument(s) must be one of the following: ${[none, ...names].join(', ')}`);
      }
      const reason = check(value);
      if (reason !== undefined) throw new InvalidValue(reason);
      return value;
    },
    format,
    lines: (value) => [format(value)],
  };
}

const BIND_ADDRESSES_MAX = 16;

/** Addresses to listen on; a leading minus means that one which isn't there is no error. */
export function addresses(fallback: string): ValueType<readonly string[]> {
  return {
    description: 'addresses',
    takesManyWords: true,
    parse: (words) => {
      if (words.length > BIND_ADDRESSES_MAX) throw new InvalidValue('Too many bind addresses specified.');
      return words.length === 1 && words[0] === '' ? [] : [...words];
    },
    format: (value) => value.join(' '),
    lines: (value) => {
      const line = value.join(' ');
      return line === fallback ? [] : [line === '' ? '""' : line];
    },
  };
}

/** One rule of `save`: snapshot when so many seconds have passed with so many changes. */
export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

/** Pairs of seconds and changes. Lines of one load add up, and an empty one takes back what came before. */
export function savePoints(): ValueType<readonly SavePoint[]> {
  return {
    description: '"" or pairs of seconds and changes',
    takesManyWords: true,
    parse: (given, current, repeated) => {
      // As in Redis, one quoted word may hold all pairs.
      const words = given.length === 1 ? given[0].split(' ') : given;
      if (words.length === 0 || (words.length === 1 && words[0] === '')) return [];
      const added: SavePoint[] = [];
      for (let at = 0; at < words.length; at += 2) {
        const seconds = parseInteger(words[at]);
        const changes = at + 1 < words.length ? parseInteger(words[at + 1]) : undefined;
        if (seconds === undefined || changes === undefined || seconds < 1 || changes < 0) {
          throw new InvalidValue('Invalid save parameters');
        }
        added.push({ seconds, changes });
      }
      return repeated ? [...current, ...added] : added;
    },
    format: (value) => value.map((point) => `${point.seconds} ${point.changes}`).join(' '),
    lines: (value) =>
      value.length === 0 ? ['""'] : value.map((point) => `${point.seconds} ${point.changes}`),
  };
}

/** When a client that doesn't read its replies is disconnected. 0 means no limit. */
export interface OutputBufferLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  /** How long `softBytes` may be exceeded. */
  readonly softSeconds: number;
}

/** The limits of each class of client. */
export interface OutputBufferLimits {
  readonly normal: OutputBufferLimit;
  readonly replica: OutputBufferLimit;
  readonly pubsub: OutputBufferLimit;
}

const CLIENT_CLASSES = ['normal', 'replica', 'pubsub'] as const;

/** Groups of class, hard limit, soft limit and seconds; classes that are not named keep their limits. */
export function outputBufferLimits(): ValueType<OutputBufferLimits> {
  const describe = (name: string, limit: OutputBufferLimit, bytes: (value: number) => string): string =>
    `${name} ${bytes(limit.hardBytes)} ${bytes(limit.softBytes)} ${limit.softSeconds}`;
  return {
    description: 'groups of: class (normal, replica, pubsub), hard limit, soft limit, seconds',
    takesManyWords: true,
    parse: (words, current) => {
      if (words.length === 0 || words.length % 4 !== 0) {
        throw new InvalidValue('Wrong number of arguments in buffer limit configuration.');
      }
      const limits = { ...current };
      for (let at = 0; at < words.length; at += 4) {
        const name = words[at].toLowerCase() === 'slave' ? 'replica' : words[at].toLowerCase();
        const clientClass = CLIENT_CLASSES.find((candidate) => candidate === name);
        if (clientClass === undefined) {
          throw new InvalidValue('Invalid client class specified in buffer limit configuration.');
        }
        const hardBytes = parseMemory(words[at + 1]);
        const softBytes = parseMemory(words[at + 2]);
        const softSeconds = parseInteger(words[at + 3]);
        if (
          hardBytes === undefined ||
          softBytes === undefined ||
          softSeconds === undefined ||
          softSeconds < 0
        ) {
          throw new InvalidValue(
            'Error in hard, soft or soft_seconds setting in buffer limit configuration.',
          );
        }
        limits[clientClass] = { hardBytes, softBytes, softSeconds };
      }
      return limits;
    },
    // CONFIG GET still says "slave", which clients of Redis parse.
    format: (value) =>
      CLIENT_CLASSES.map((name) => describe(name === 'replica' ? 'slave' : name, value[name], String)).join(
        ' ',
      ),
    lines: (value) => CLIENT_CLASSES.map((name) => describe(name, value[name], formatMemory)),
  };
}

/** Three numbers, for the server as a primary, as a replica, and for its background processes. */
export function oomScores(): ValueType<readonly number[]> {
  const format = (value: readonly number[]): string => value.join(' ');
  return {
    description: 'three integers, -2000 to 2000',
    takesManyWords: true,
    parse: (words) => {
      if (words.length !== 3) throw new InvalidValue('wrong number of arguments');
      return words.map((word) => {
        const value = parseInteger(word);
        if (value === undefined || value < -2000 || value > 2000) {
          throw new InvalidValue('Invalid oom-score-adj-values, elements must be between -2000 and 2000.');
        }
        return value;
      });
    },
    format,
    lines: (value) => [format(value)],
  };
}

/** Percentiles from 0 to 100. */
export function percentiles(): ValueType<readonly number[]> {
  return {
    description: '"" or numbers, 0 to 100',
    takesManyWords: true,
    parse: (words) => {
      if (words.length === 1 && words[0] === '') return [];
      return words.map((word) => {
        const value = word.trim() === word && word !== '' ? Number(word) : Number.NaN;
        if (Number.isNaN(value))
          throw new InvalidValue('Invalid latency-tracking-info-percentiles parameters');
        if (value < 0 || value > 100) {
          throw new InvalidValue(
            'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]',
          );
        }
        return value;
      });
    },
    format: (value) => value.join(' '),
    lines: (value) => [value.length === 0 ? '""' : value.join(' ')],
  };
}

const EVENT_CLASSES_IN_A = 'g$lshzxetd';
const EVENT_CLASSES_BESIDE_A = 'nocKEm';

/**
 * The letters of `notify-keyspace-events` in the order in which Redis gives them, `A` for all that it stands for. (Redis
 * itself leaves `n`, `o` and `c` out beside an `A`, so that its CONFIG REWRITE loses them.)
 */
export function keyspaceEvents(): ValueType<string> {
  return oneWord(
    'letters of KEg$lshzxetdmnocA',
    (word) => {
      const given = new Set(word.replaceAll('A', EVENT_CLASSES_IN_A));
      for (const letter of given) {
        if (!EVENT_CLASSES_IN_A.includes(letter) && !EVENT_CLASSES_BESIDE_A.includes(letter)) {
          throw new InvalidValue("Invalid event class character. Use 'Ag$lshzxeKEtmdnoc'.");
        }
      }
      const inA = [...EVENT_CLASSES_IN_A].filter((letter) => given.has(letter)).join('');
      const besideA = [...EVENT_CLASSES_BESIDE_A].filter((letter) => given.has(letter)).join('');
      return (inA === EVENT_CLASSES_IN_A ? 'A' : inA) + besideA;
    },
    (value) => value,
    quote,
  );
}

/** The primary to replicate, as `host port`; empty for `no one`. */
export function primaryAddress(): ValueType<string> {
  return {
    description: 'host and port, or "no one"',
    takesManyWords: true,
    parse: (words) => {
      if (words.length !== 2) throw new InvalidValue('wrong number of arguments');
      if (words[0].toLowerCase() === 'no' && words[1].toLowerCase() === 'one') return '';
      const port = parseInteger(words[1]);
      if (port === undefined || port < 0 || port > 65535) throw new InvalidValue('Invalid master port');
      return `${words[0]} ${port}`;
    },
    format: (value) => value,
    lines: (value) => (value === '' ? [] : [value]),
  };
}
