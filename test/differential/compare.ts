import { decodeReply, type Reply, ReplyError } from '../../src/resp/reply.ts';

/**
 * Whether two raw replies to one command are the same to a client. They must be the same bytes, except for the commands
 * below, whose replies Redis leaves open or which speak of the time or the server itself.
 */
export function sameReply(words: readonly Buffer[], ours: Buffer, theirs: Buffer): boolean {
  if (ours.equals(theirs)) return true;
  const name = words[0].toString('latin1').toLowerCase();
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

const RULES: Readonly<Record<string, Rule>> = {
  // Without order.
  keys: (ours, theirs) => sorted(ours) === sorted(theirs),
  // Without order, and with cursors of the server's own; a walk with a large COUNT sees everything at once.
  scan: (ours, theirs, words) => {
    const [left, right] = [ours as Reply[], theirs as Reply[]];
    const isWhole = String(left[0]) === '0' && String(right[0]) === '0' && String(words[1]) === '0';
    return !isWhole || sorted(left[1]) === sorted(right[1]);
  },
  randomkey: (ours, theirs) => ours !== null && theirs !== null,
  ttl: time(1),
  pttl: time(1000),
  expiretime: time(1),
  pexpiretime: time(1000),
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
