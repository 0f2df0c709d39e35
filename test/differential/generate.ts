import type { Random } from '../../src/base/random.ts';

/** One command of a sequence: which of the test's two connections sends it, and its words. */
export interface Step {
  readonly connection: 0 | 1;
  readonly words: readonly Buffer[];
}

export type Word = string | Buffer;

/** Makes the next command of a sequence. */
export type Generator = (random: Random) => Word[];

/** Few names, so that commands meet: ordinary ones, the empty one, binary ones, one of more than one header's length. */
export const KEYS: readonly Buffer[] = [
  'a',
  'b',
  'c',
  'd',
  '',
  '\x00\xff',
  'two words\r\n',
  'k{tag}',
  `long${'x'.repeat(300)}`,
].map((name) => Buffer.from(name, 'latin1'));

/** Numbers at and beyond the limits, and what merely looks like one. */
export const EDGES: readonly string[] = [
  '0',
  '-1',
  '1',
  '-0',
  '+1',
  ' 1',
  '1 ',
  '01',
  '00',
  '',
  '-',
  '1.0',
  '9007199254740991',
  '9007199254740992',
  '-9007199254740993',
  '9223372036854775806',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '18446744073709551616',
  '99999999999999999999999',
  '1e400',
  '1e3',
  'nan',
  'inf',
  '-inf',
  '0x10',
  'abc',
  '\x00',
  '1\x00',
  '\xff\xfe',
];

const FLOATS: readonly string[] = [
  '0.1',
  '-0.1',
  '3.0e3',
  '5e-1',
  '.5',
  '5.',
  '1e-17',
  '1e-20',
  '123456789.987654321',
  '1e17',
  '1e300',
  '-1e4932',
  '1e4932',
  '1e5000',
  '1e-5000',
  '+2.5',
  '0x1p3',
  '0x1.8',
  'infinity',
  '-INF',
  'NaN',
  '1e',
  '1e+',
  'e5',
  '--1',
  '1_0',
];

export function pick<Item>(random: Random, from: readonly Item[]): Item {
  return from[random.below(from.length)];
}

export function chance(random: Random, percent: number): boolean {
  return random.below(100) < percent;
}

export function key(random: Random): Buffer {
  // The first few most often.
  return KEYS[Math.min(random.below(KEYS.length), random.below(KEYS.length))];
}

export function number(random: Random): Word {
  return chance(random, 55) ? String(random.below(40) - 12) : pick(random, EDGES);
}

export function float(random: Random): Word {
  const kind = random.below(10);
  if (kind < 4) return pick(random, FLOATS);
  if (kind < 6) return number(random);
  const digits = String(random.below(2 ** (1 + random.below(52))));
  const fraction = String(random.below(2 ** (1 + random.below(52))));
  return `${chance(random, 30) ? '-' : ''}${digits}.${fraction}`;
}

export function bytes(random: Random, lengthMax: number): Buffer {
  const length = random.below(lengthMax + 1);
  const isBinary = chance(random, 50);
  return Buffer.from(Array.from({ length }, () => (isBinary ? random.below(256) : 97 + random.below(3))));
}

export function value(random: Random): Word {
  const kind = random.below(20);
  if (kind < 7) return number(random);
  if (kind < 9) return float(random);
  // Around 44 bytes, where strings stop being embedded.
  if (kind < 11) return Buffer.alloc(42 + random.below(5), 'e');
  if (kind < 19) return bytes(random, 12);
  return bytes(random, 300);
}

/**
 * An expiry by its option or command: far enough that no key expires during a test, or at once, or refused. Seconds or
 * milliseconds, from now or since the epoch.
 */
export function expiry(random: Random, inSeconds: boolean, isAbsolute: boolean): Word {
  const kind = random.below(10);
  if (kind < 2) return pick(random, EDGES);
  if (kind < 3) return pick(random, ['-100', '0', '-1', isAbsolute ? '1' : '-5']);
  const seconds = isAbsolute ? 32503680000 + random.below(5) : 1_000_000 + random.below(2 ** 30) * 4;
  return String(inSeconds ? seconds : seconds * 1000 + (isAbsolute ? random.below(3) : 0));
}

/** Random case, so that option names are met in all. */
function recased(random: Random, word: Word): Word {
  if (typeof word !== 'string') return word;
  return chance(random, 50) ? word.toLowerCase() : word.toUpperCase();
}

const SPOILT_PERCENT = 12;
/**
 * What blocks would wait for a spoilt time, or for ever. Since Redis 7.2 HELLO does nothing before all its options are read, where 7.0 goes as far as it gets; and WAIT would wait
 * for ever. BITCOUNT and BITPOS of a missing key look at their range since 7.2 only. Members added by another score than 0 have
 * no order of their bytes, ZRANK takes an option since 7.2, and SRANDMEMBER and ZRANDMEMBER would reply as much as a
 * number says. SPOP of some members leaves others on each server.
 */
const NOT_SPOILT =
  /^(HELLO|WAIT|BITCOUNT|BITPOS|BL?R?POP|BLMOVE|BRPOPLPUSH|BLMPOP|BZM?POP(MIN|MAX)?|ZADD|Z(REV)?RANK|[SZ]RANDMEMBER|SPOP)$/;

/** Now and then spoils a command: a word less, a word more, one doubled, one replaced. */
export function spoilt(random: Random, words: Word[]): Word[] {
  if (NOT_SPOILT.test(String(words[0]))) return words;
  const result = words.map((word) => (chance(random, 5) ? recased(random, word) : word));
  if (!chance(random, SPOILT_PERCENT)) return result;
  const at = 1 + random.below(result.length);
  const kind = random.below(5);
  if (kind === 0 && result.length > 1) result.splice(Math.min(at, result.length - 1), 1);
  else if (kind === 1) result.splice(at, 0, pick(random, EDGES));
  else if (kind === 2) result.splice(at, 0, result[Math.min(at, result.length - 1)]);
  else if (kind === 3 && at < result.length) result[at] = pick(random, EDGES);
  else result.push(pick(random, ['nx', 'xx', 'get', 'keepttl', 'ex', 'px', '0', 'persist', 'replace', 'db']));
  return result;
}

/** Whether a command would make a key expire while the test runs, which the two servers need not see at the same command. */
export function expiresSoon(words: readonly Word[]): boolean {
  const texts = words.map((word) => word.toString('latin1').toLowerCase());
  const isSoon = (text: string | undefined) => text !== undefined && /^[1-9]\d{0,5}$/.test(text);
  if (/^(p?setex|p?expire)$/.test(texts[0])) return isSoon(texts[2]);
  if (texts[0] === 'restore') return isSoon(texts[2]) && !texts.includes('absttl');
  return texts.some((text, at) => (text === 'ex' || text === 'px') && isSoon(texts[at + 1]));
}

/** A command's words as bytes. */
export function toBuffers(words: readonly Word[]): Buffer[] {
  return words.map((word) => (typeof word === 'string' ? Buffer.from(word, 'latin1') : word));
}
