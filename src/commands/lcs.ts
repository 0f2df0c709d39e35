import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../base/error-replies.ts';
import { parseInteger64Rounded } from '../base/numbers.ts';
import type { Call } from '../command-table/call.ts';
import { READ } from '../keyspace/database.ts';
import { TYPE_STRING } from '../keyspace/record.ts';
import { stringLength } from '../types/string/chunked-string.ts';
import { longestCommonSubsequence, tableBytes } from '../types/string/lcs.ts';
import { copyString } from './string-values.ts';

const EMPTY = new Uint8Array(0);

/** LCS: the longest common subsequence of two strings, its length, or where it is. */
export function lcs(call: Call): void {
  const { words, reply } = call;
  const lengths: number[] = [];
  for (const at of [1, 2]) {
    const { entry } = call.database;
    if (!call.find(at, READ)) lengths.push(0);
    else if (entry.type !== TYPE_STRING) {
      reply.error('ERR The specified keys must contain string values');
      return;
    } else lengths.push(stringLength(entry));
  }
  let wantsLength = false;
  let wantsMatches = false;
  let wantsMatchLengths = false;
  let lengthMin = 0;
  for (let at = 3; at < words.count; at++) {
    if (words.is(at, 'idx')) wantsMatches = true;
    else if (words.is(at, 'len')) wantsLength = true;
    else if (words.is(at, 'withmatchlen')) wantsMatchLengths = true;
    else if (words.is(at, 'minmatchlen') && at + 1 < words.count) {
      at++;
      lengthMin = parseInteger64Rounded(words.buffer, words.offsets[at], words.lengths[at]);
      if (Number.isNaN(lengthMin)) {
        reply.error(NOT_AN_INTEGER);
        return;
      }
      if (lengthMin < 0) lengthMin = 0;
    } else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  if (wantsMatches && wantsLength) {
    reply.error('ERR If you want both the length and indexes, please just use IDX.');
    return;
  }
  if (tableBytes(lengths[0], lengths[1]) > call.services.config.values['proto-max-bulk-len']) {
    reply.error('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');
    return;
  }
  const [left, right] = [1, 2].map((at) => (call.find(at, 0) ? copyString(call.database) : EMPTY));
  const result = longestCommonSubsequence(left, right);
  if (wantsLength) {
    reply.integer(result.length);
    return;
  }
  if (!wantsMatches) {
    reply.bulk(result.bytes, 0, result.bytes.length);
    return;
  }
  const matches = result.matches.filter((match) => match.leftEnd - match.leftStart + 1 >= lengthMin);
  reply.map(2);
  reply.bulkText('matches');
  reply.array(matches.length);
  for (const match of matches) {
    reply.array(wantsMatchLengths ? 3 : 2);
    reply.array(2);
    reply.integer(match.leftStart);
    reply.integer(match.leftEnd);
    reply.array(2);
    reply.integer(match.rightStart);
    reply.integer(match.rightEnd);
    if (wantsMatchLengths) reply.integer(match.leftEnd - match.leftStart + 1);
  }
  reply.bulkText('len');
  reply.integer(result.length);
}
