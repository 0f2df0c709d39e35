import { NUMKEYS_NOT_POSITIVE, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseDouble, parseInteger64, parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import { WRITE } from '../keyspace/database.ts';
import type { Encoder } from '../resp/encoder.ts';
import { findOfType } from './typed-keys.ts';

/** What commands share that wait for one of several keys, and those that pop from the first of several that has elements. */

/** Beyond this many milliseconds a time does not fit Redis's clock. */
const TIMEOUT_MS_MAX = 2 ** 63;

/** The timeout in seconds in argument `at`, in milliseconds, 0 for none; -1 after replying an error (getTimeoutFromObjectOrReply). */
export function readTimeout(call: Call, at: number): number {
  const { words } = call;
  const seconds = parseDouble(words.buffer, words.offsets[at], words.lengths[at]);
  let error = '';
  const milliseconds = Math.ceil(seconds * 1000);
  if (Number.isNaN(seconds)) error = 'ERR timeout is not a float or out of range';
  else if (milliseconds + call.keyspace.nowMs >= TIMEOUT_MS_MAX) error = 'ERR timeout is out of range';
  else if (milliseconds < 0) error = 'ERR timeout is negative';
  if (error === '') return milliseconds;
  call.reply.error(error);
  return -1;
}

/** The timeout in milliseconds in argument `at`, 0 for none; -1 after replying an error. */
export function readTimeoutMs(call: Call, at: number): number {
  const { words } = call;
  const timeout = parseInteger64(words.buffer, words.offsets[at], words.lengths[at]);
  let error = '';
  if (timeout === undefined) error = 'ERR timeout is not an integer or out of range';
  else if (timeout < 0n) error = 'ERR timeout is negative';
  else if (Number(timeout) + call.keyspace.nowMs >= TIMEOUT_MS_MAX) error = 'ERR timeout is out of range';
  else return Number(timeout);
  call.reply.error(error);
  return -1;
}

export const replyNullArray = (reply: Encoder): void => reply.nullArray();

/**
 * Whether the key in argument `at` is there and of a type; for a command that waited and is run again, a key of another type is
 * missing. Null after replying WRONGTYPE.
 */
export function findToWait(call: Call, at: number, type: number): boolean | null {
  if (call.isRetry) return call.find(at, WRITE) && call.database.entry.type === type;
  const found = findOfType(call, at, type, WRITE);
  return found === null ? null : found === 'found';
}

/** Has the client wait for the keys in arguments `from` up to `end`; where it may not, its time has passed. */
export function waitForKeys(call: Call, from: number, end: number, timeoutMs: number): void {
  if (!call.mayBlock) {
    call.reply.nullArray();
    return;
  }
  const keys = Array.from({ length: end - from }, (_, at) => from + at);
  call.block({ keys, timeoutMs, replyTimeout: replyNullArray });
}

/** What LMPOP and ZMPOP, and those that wait, are asked for. */
export interface MultiPop {
  /** The argument after the keys. */
  readonly keyEnd: number;
  /** It is the second of the two words that it may be. */
  readonly isSecond: boolean;
  /** How many elements at most. */
  readonly count: number;
}

/** Reads the arguments from the number of keys, which is argument `at`, on; null after replying an error. */
export function readMultiPop(call: Call, at: number, first: string, second: string): MultiPop | null {
  const { words, reply } = call;
  const keyCount = parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
  if (!(keyCount >= 1)) {
    reply.error(NUMKEYS_NOT_POSITIVE);
    return null;
  }
  const keyEnd = at + keyCount + 1;
  const isSecond = keyEnd < words.count && words.is(keyEnd, second);
  if (keyEnd >= words.count || (!isSecond && !words.is(keyEnd, first))) {
    reply.error(SYNTAX_ERROR);
    return null;
  }
  let count = -1;
  for (let option = keyEnd + 1; option < words.count; option += 2) {
    if (count !== -1 || !words.is(option, 'count') || option + 1 === words.count) {
      reply.error(SYNTAX_ERROR);
      return null;
    }
    count = parseInteger64Rounded(words.buffer, words.offsets[option + 1], words.lengths[option + 1]);
    if (!(count >= 1)) {
      reply.error('ERR count should be greater than 0');
      return null;
    }
  }
  return { keyEnd, isSecond, count: count === -1 ? 1 : count };
}
