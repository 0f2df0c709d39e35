import { WRONG_TYPE } from '../base/error-replies.ts';
import type { Call } from '../command-table/call.ts';

/** What commands on keys of one type share: looking one up, making it, and telling of its changes. */

/** Looks the key in argument `at` up (see Database.find); replies WRONGTYPE and returns null if it is not of the type. */
export function findOfType(call: Call, at: number, type: number, how: number): 'found' | 'missing' | null {
  if (!call.find(at, how)) return 'missing';
  if (call.database.entry.type === type) return 'found';
  call.reply.error(WRONG_TYPE);
  return null;
}

/** Makes the key that was looked up last and is missing, as one change, with a payload of so many zeros. */
export function storeEmpty(call: Call, type: number, encoding: number, payloadLength: number): void {
  const { bytes, payloadOffset } = call.database.store(type, encoding, payloadLength, -1);
  bytes.fill(0, payloadOffset, payloadOffset + payloadLength);
}

/** Tells of `count` changes, one at least, of which making or removing the key was one already if it `isCounted`. */
export function tellChanges(call: Call, count: number, isCounted: boolean): void {
  if (!isCounted) call.database.changed(count);
  else if (count > 1) call.database.changed(count - 1);
}
