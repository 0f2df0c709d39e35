import { NOT_AN_INTEGER } from '../base/error-replies.ts';
import { parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';

/** The 64-bit integer in argument `at`, rounded where it is beyond 2^53; NaN after replying `error`. */
export function integerAt(call: Call, at: number, error = NOT_AN_INTEGER): number {
  const { words } = call;
  const value = parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
  if (Number.isNaN(value)) call.reply.error(error);
  return value;
}
