import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../base/error-replies.ts';
import { globMatch } from '../base/glob.ts';
import { parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';

const COUNT_DEFAULT = 10;

/** What a scan of a hash, a set or a sorted set asks for beside the cursor. */
export interface CollectionScan {
  /** Argument that is the pattern of the elements to reply, or -1 for all. */
  readonly pattern: number;
  /** Elements to look at before it replies. */
  readonly count: number;
  /** Fields are replied without their values. */
  readonly isWithoutValues: boolean;
}

/** A cursor as strtoul reads it: an empty one is 0, one beyond all hashes or below 0 ends the walk. */
export function readCursor(text: string): number | undefined {
  const digits = /^([+-]?\d+)?(?:\0|$)/.exec(text);
  if (digits === null) return undefined;
  const value = Number(digits[1] ?? 0);
  if (Math.abs(value) >= 2 ** 64) return undefined;
  return value < 0 ? Number.MAX_SAFE_INTEGER : value;
}

/** Reads the options of HSCAN, SSCAN or ZSCAN, from argument 3 on; replies an error and returns null if one is wrong. */
export function readCollectionScan(call: Call, isHash: boolean): CollectionScan | null {
  const { words, reply } = call;
  let pattern = -1;
  let count = COUNT_DEFAULT;
  let isWithoutValues = false;
  for (let at = 3; at < words.count; at++) {
    const hasMore = at + 1 < words.count;
    if (hasMore && words.is(at, 'match')) pattern = ++at;
    else if (hasMore && words.is(at, 'count')) {
      count = parseInteger64Rounded(words.buffer, words.offsets[++at], words.lengths[at]);
      if (Number.isNaN(count)) {
        reply.error(NOT_AN_INTEGER);
        return null;
      }
      if (count < 1) {
        reply.error(SYNTAX_ERROR);
        return null;
      }
    } else if (words.is(at, 'novalues')) {
      if (!isHash) {
        reply.error('ERR NOVALUES option can only be used in HSCAN');
        return null;
      }
      isWithoutValues = true;
    } else {
      reply.error(SYNTAX_ERROR);
      return null;
    }
  }
  return { pattern, count, isWithoutValues };
}

/** Whether an element is one to reply. */
export function isScanned(
  call: Call,
  scan: CollectionScan,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  const { buffer, offsets, lengths } = call.words;
  const at = scan.pattern;
  return at < 0 || globMatch(buffer, offsets[at], lengths[at], bytes, offset, length, false);
}
