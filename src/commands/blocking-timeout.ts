import { parseDouble, parseInteger64 } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';

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
