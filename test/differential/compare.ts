import { decodeReply, type Reply, ReplyError } from '../../src/resp/reply.ts';

/**
 * Whether two raw replies to one command are the same to a client. They must be the same bytes, except for the commands
 * below, whose replies Redis leaves open or which speak of the time or the server itself.
 */
export function sameReply(words: readonly Buffer[], ours: Buffer, theirs: Buffer): boolean {
  if (ours.equals(theirs)) return true;
  const name = words[0].toString('latin1').toLowerCase();
  // Since 7.2 it looks at the largest deleted id before the last one.
  if (name === 'xsetid' && ours[0] === ERROR && theirs[0] === ERROR) return true;
  if (ours[0] === ERROR && theirs[0] === ERROR) return sameUpToZero(ours, theirs);
  const subcommand = words.length > 1 ? words[1].toString('latin1').toLowerCase() : '';
  const rule = RULES[name] ?? RULES[`${name} ${subcommand}`];
  if (rule === undefined || ours[0] !== theirs[0]) return false;
  const [left, right] = [decodeReply(ours, false), decodeReply(theirs, false)];
  if (left instanceof ReplyError || right instanceof ReplyError) return false;
  return rule(left, right, words);
}

const ERROR = 45;

/** Redis ends an argument that an error shows at its first zero byte, as C does; Thermocline shows it whole. */
function sameUpToZero(ours: Buffer, theirs: Buffer): boolean {
  const zero = ours.indexOf(0);
  return zero >= 0 && theirs.subarray(0, zero).equals(ours.subarray(0, zero));
}

type Rule = (ours: Reply, theirs: Reply, words: readonly Buffer[]) => boolean;

function sorted(reply: Reply): string {
  return JSON.stringify((reply as Buffer[]).map((name) => name.toString('latin1')).sort());
}

/** Members and scores in order of the members. */
function sortedScores(reply: Reply): string {
  const words = (reply as Buffer[]).map((word) => word.toString('latin1'));
  const pairs = words.flatMap((word, at) => (at % 2 === 0 ? [[word, String(Number(words[at + 1]))]] : []));
  return JSON.stringify(pairs.sort());
}

/** The same but for numbers written otherwise, which since 7.2 have as few digits as tell them apart. */
function sameScores(ours: Reply, theirs: Reply): boolean {
  if (Array.isArray(ours) && Array.isArray(theirs))
    return ours.length === theirs.length && ours.every((item, at) => sameScores(item, theirs[at]));
  const [left, right] = [String(ours), String(theirs)];
  return left === right || (/[.e]/.test(right) && Number(left) === Number(right));
}

const SCORED =
  'zadd zdiff zincrby zinter zmpop zmscore zpopmax zpopmin zrange zrangebyscore zrevrange zrevrangebyscore zscore zunion bzmpop bzpopmax bzpopmin';

function sameCount(ours: Reply, theirs: Reply): boolean {
  return Array.isArray(ours) ? ours.length === (theirs as Reply[]).length : ours !== null && theirs !== null;
}

/** Commands that reply members of sets in whatever order. */
const UNORDERED = ['smembers', 'sinter', 'sunion', 'sdiff', 'spop'];

function sameMembers(ours: Reply, theirs: Reply): boolean {
  const [left, right] = [ours, theirs].map((reply) => (reply instanceof Set ? [...reply] : reply));
  if (!Array.isArray(left) || !Array.isArray(right)) return ours !== null && theirs !== null;
  return sorted(left) === sorted(right);
}

/** Fields with their values, from a map or a flat list, in their order. */
function sortedPairs(reply: Reply): string {
  const flat = reply instanceof Map ? [...reply].flat() : (reply as Reply[]);
  const words = flat.map((word) => (Buffer.isBuffer(word) ? word.toString('latin1') : String(word)));
  return JSON.stringify(words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1]]] : [])).sort());
}

/** BY leaves the order of elements open whose texts are the same or missing, and that of a set if it names no keys. */
function sameSorted(ours: Reply, theirs: Reply, words: readonly Buffer[]): boolean {
  const options = words.map((word) => word.toString('latin1').toLowerCase());
  if (!options.includes('by') || !Array.isArray(ours) || !Array.isArray(theirs)) return false;
  if (options.includes('limit')) return ours.length === theirs.length;
  const texts = (reply: Reply[]) => JSON.stringify(reply.map((element) => String(element)).sort());
  return texts(ours) === texts(theirs);
}

/** Times beyond 2^53 ms are kept as 2^53 - 1. */
const TIME_MS_MAX = Number.MAX_SAFE_INTEGER;

/** A time or a time to live: within a second, since the two servers' clocks were read at different moments. */
function time(perSecond: number): Rule {
  const limit = (TIME_MS_MAX / 1000) * perSecond - 4e12;
  return (ours, theirs) => {
    const [left, right] = [Number(ours), Number(theirs)];
    if (left <= 0 || right <= 0) return false;
    return Math.abs(left - right) <= perSecond + 1 || (left > limit && right > limit);
  };
}

function anyInteger(ours: Reply, theirs: Reply): boolean {
  return typeof ours === 'number' && typeof theirs === 'number';
}

function anyText(ours: Reply, theirs: Reply): boolean {
  return (Buffer.isBuffer(ours) && Buffer.isBuffer(theirs)) || typeof ours === typeof theirs;
}

/** The map of HELLO but for the version and the connection's id. */
function hello(ours: Reply, theirs: Reply): boolean {
  const fixed = (reply: Reply) => {
    const flat = reply instanceof Map ? [...reply].flat() : (reply as Reply[]);
    return JSON.stringify(
      flat
        .map((part) => (Buffer.isBuffer(part) ? part.toString('latin1') : part))
        .filter((_, at, all) => at % 2 === 0 || (all[at - 1] !== 'version' && all[at - 1] !== 'id')),
    );
  };
  return fixed(ours) === fixed(theirs);
}

/** Fields of XINFO's maps that are of a time, later than 7.0, corrected since, or of Redis's own structures. */
const STREAM_FIELDS_APART = new Set([
  'active-time',
  'entries-read',
  'idle',
  'inactive',
  'lag',
  'radix-tree-nodes',
  'seen-time',
]);

/** XINFO's reply without those fields, and without the times of deliveries. */
function streamInfo(reply: Reply): unknown {
  if (reply instanceof Map) return streamInfo([...reply].flat());
  if (typeof reply === 'number') return reply > 1e12 && reply < 1e13 ? 'time' : reply;
  if (!Array.isArray(reply)) return Buffer.isBuffer(reply) ? reply.toString('latin1') : String(reply);
  return (reply as Reply[])
    .filter((_, at, all) => ![all[at], all[at - 1]].some((part) => STREAM_FIELDS_APART.has(String(part))))
    .filter((part, at, all) => !(String(all[at - 1]) === 'consumers' && typeof part === 'number'))
    .filter((part) => !isIdleConsumer(part))
    .map(streamInfo);
}

/** A consumer with nothing pending: since 7.2 those are made that claim and get nothing. */
function isIdleConsumer(reply: Reply): boolean {
  const parts = (reply instanceof Map ? [...reply].flat() : Array.isArray(reply) ? reply : []).map(String);
  const pending = Math.max(parts.indexOf('pel-count'), parts.indexOf('pending'));
  if (parts[0] !== 'name' || parts.includes('last-delivered-id') || pending < 0) return false;
  return ['0', ''].includes(parts[pending + 1]);
}

const sameStreamInfo: Rule = (ours, theirs) =>
  JSON.stringify(streamInfo(ours)) === JSON.stringify(streamInfo(theirs));

/** XPENDING's entries without the time since their delivery. */
function pendingEntries(reply: Reply): string {
  return JSON.stringify(
    (reply as Reply[]).map((entry) => (Array.isArray(entry) ? entry.filter((_, at) => at !== 2) : entry)),
  );
}

const RULES: Readonly<Record<string, Rule>> = {
  'xinfo consumers': sameStreamInfo,
  'xinfo groups': sameStreamInfo,
  'xinfo stream': sameStreamInfo,
  'xgroup createconsumer': anyInteger,
  xpending: (ours, theirs) => pendingEntries(ours) === pendingEntries(theirs),
  // Without order.
  keys: (ours, theirs) => sorted(ours) === sorted(theirs),
  // Without order, and with cursors of the server's own; a walk with a large COUNT sees everything at once.
  scan: (ours, theirs, words) => {
    const [left, right] = [ours as Reply[], theirs as Reply[]];
    const isWhole = String(left[0]) === '0' && String(right[0]) === '0' && String(words[1]) === '0';
    return !isWhole || sorted(left[1]) === sorted(right[1]);
  },
  ...Object.fromEntries(SCORED.split(' ').map((name) => [name, sameScores])),
  zscan: (ours, theirs, words) => {
    const [left, right] = [ours as Reply[], theirs as Reply[]];
    const isWhole = String(left[0]) === '0' && String(right[0]) === '0' && String(words[2]) === '0';
    return !isWhole || sortedScores(left[1]) === sortedScores(right[1]);
  },
  zrandmember: sameCount,
  srandmember: sameCount,
  ...Object.fromEntries(UNORDERED.map((name) => [name, sameMembers])),
  sscan: (ours, theirs, words) => {
    const [left, right] = [ours as Reply[], theirs as Reply[]];
    const isWhole = String(left[0]) === '0' && String(right[0]) === '0' && String(words[2]) === '0';
    return !isWhole || sameMembers(left[1], right[1]);
  },
  hgetall: (ours, theirs) => sortedPairs(ours) === sortedPairs(theirs),
  hkeys: sameMembers,
  hvals: sameMembers,
  hrandfield: sameCount,
  hscan: (ours, theirs, words) => {
    const [left, right] = [ours as Reply[], theirs as Reply[]];
    const isWhole = String(left[0]) === '0' && String(right[0]) === '0' && String(words[2]) === '0';
    return !isWhole || sortedPairs(left[1]) === sortedPairs(right[1]);
  },
  sort: sameSorted,
  sort_ro: sameSorted,
  randomkey: (ours, theirs) => ours !== null && theirs !== null,
  ttl: time(1),
  pttl: time(1000),
  expiretime: time(1),
  pexpiretime: time(1000),
  // Since 7.2 small lists and sets of strings are listpacks, which were quicklists and hash tables before.
  'object encoding': (ours, theirs) =>
    String(ours) === 'listpack' && ['quicklist', 'hashtable'].includes(String(theirs)),
  'object idletime': anyInteger,
  // Redis shares small integers between keys, and says so.
  'object refcount': anyInteger,
  'client id': anyInteger,
  'client list': anyText,
  'client info': anyText,
  // Of each server's own commands.
  'command ': (ours, theirs) => Array.isArray(ours) && Array.isArray(theirs),
  'command count': anyInteger,
  // Reworded, and with more subcommands, in later versions of Redis.
  'object help': (ours, theirs) =>
    (ours as string[]).slice(0, -1).join() === (theirs as string[]).slice(0, -1).join(),
  'client help': (ours, theirs) => Array.isArray(ours) && Array.isArray(theirs),
  'debug sleep': anyText,
  time: (ours, theirs) => (ours as Reply[]).length === (theirs as Reply[]).length,
  hello,
};
