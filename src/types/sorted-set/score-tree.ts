import { compareBytes, copyBytes, equalBytes } from '../../base/bytes.ts';
import { CountedTree, LEAF_HEAD_BYTES } from '../pages/counted-tree.ts';
import { lengthBytes, readLength, writeLength } from '../pages/length-code.ts';
import {
  lowerHalf,
  NEGATIVE_ZERO_LOWER,
  NEGATIVE_ZERO_UPPER,
  readHalf,
  SCORE_BYTES,
  upperHalf,
  writeScore,
  ZERO_UPPER,
} from './score.ts';

const ZERO_BYTES = new Uint8Array(SCORE_BYTES);
writeScore(ZERO_BYTES, 0, 0);

/** What is looked for: an item, or a place among scores or among members. */
type Target = 'item' | 'score' | 'member';

/** Bytes of an item with a member of a length. */
export function itemBytes(memberLength: number): number {
  return SCORE_BYTES + lengthBytes(memberLength) + memberLength;
}

/** Writes an item; returns where it ends. */
export function writeItem(
  bytes: Uint8Array,
  at: number,
  score: number,
  member: Uint8Array,
  offset: number,
  length: number,
): number {
  writeScore(bytes, at, score);
  const memberAt = writeLength(bytes, at + SCORE_BYTES, length);
  copyBytes(member, offset, bytes, memberAt, length);
  return memberAt + length;
}

/**
 * The members of a sorted set in order of their scores, and of their bytes where scores are equal. An item is the score
 * (score.ts), the member's length (length-code.ts) and its bytes; a separator is as many bytes of a score, which is not -0, and
 * the member after it as tell it from the item before.
 */
export class ScoreTree extends CountedTree {
  /** Where in `leaf.bytes` the item begins that `numberInLeaf` found last. */
  foundAt = 0;
  #target: Target = 'item';
  /** For a place: it is after what equals the target rather than before it. */
  #isAfter = false;
  #upper = 0;
  #lower = 0;
  readonly #score = new Uint8Array(SCORE_BYTES);
  #member: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #length = 0;

  /**
   * Moves to the item with a score and a member, or to where it belongs: see `seekKey`, of `isAgain` too. The bytes are lent for
   * the call.
   */
  seekItem(score: number, member: Uint8Array, offset: number, length: number, isAgain = false): boolean {
    this.#target = 'item';
    this.#lookForScore(score);
    this.#lookForMember(member, offset, length);
    return this.seekKey(isAgain);
  }

  /**
   * Gives the item under the cursor, with that member, a higher score if it keeps its place in the order then; false if it does
   * not, or if that would take another page to tell.
   */
  raise(score: number, member: Uint8Array, offset: number, length: number): boolean {
    this.#target = 'item';
    this.#lookForScore(score);
    this.#lookForMember(member, offset, length);
    const isLast = this.leafRest === 1;
    if (isLast ? !this.isAtLast : this.compare(this.leaf.bytes, this.itemEnd) <= 0) return false;
    this.edit(this.itemStart, 0, 0);
    writeScore(this.leaf.bytes, this.itemStart, score);
    return true;
  }

  /** How many items have a score below `score`, or not above it. Moves there, as `seekKey` does. */
  rankOfScore(score: number, isAfter: boolean): number {
    this.#target = 'score';
    this.#isAfter = isAfter;
    this.#lookForScore(score);
    this.seekKey();
    return this.rank;
  }

  /** How many items have a member before `member`, or not after it, if all have the same score. Moves there, as `seekKey` does. */
  rankOfMember(member: Uint8Array, offset: number, length: number, isAfter: boolean): number {
    this.#target = 'member';
    this.#isAfter = isAfter;
    this.#lookForMember(member, offset, length);
    this.seekKey();
    return this.rank;
  }

  /** Number of the item with a member in the leaf, which is the only one; -1 if there is none. Does not move. */
  numberInLeaf(member: Uint8Array, offset: number, length: number): number {
    const { bytes } = this.leaf;
    const end = this.leaf.offset + this.leaf.length;
    let at = this.leaf.offset + LEAF_HEAD_BYTES;
    // Members differ in their last byte more often than in their first ones.
    const last = length - 1;
    const lastByte = length === 0 ? 0 : member[offset + last];
    for (let number = 0; at < end; number++) {
      const start = at;
      let memberLength = bytes[at + SCORE_BYTES];
      at += SCORE_BYTES + 1;
      if (memberLength >= 0x80) {
        memberLength = readLength(bytes, start + SCORE_BYTES);
        at = start + SCORE_BYTES + lengthBytes(memberLength);
      }
      if (
        memberLength === length &&
        (length === 0 || bytes[at + last] === lastByte) &&
        equalBytes(bytes, at, member, offset, length)
      ) {
        this.foundAt = start;
        return number;
      }
      at += memberLength;
    }
    return -1;
  }

  #lookForScore(score: number): void {
    this.#upper = upperHalf(score);
    this.#lower = lowerHalf();
    if (this.#upper === NEGATIVE_ZERO_UPPER && this.#lower === NEGATIVE_ZERO_LOWER) {
      this.#upper = ZERO_UPPER;
      this.#lower = 0;
    }
    writeScore(this.#score, 0, score === 0 ? 0 : score);
  }

  #lookForMember(member: Uint8Array, offset: number, length: number): void {
    this.#member = member;
    this.#offset = offset;
    this.#length = length;
  }

  protected endOf(bytes: Uint8Array, at: number): number {
    const length = bytes[at + SCORE_BYTES];
    if (length < 0x80) return at + SCORE_BYTES + 1 + length;
    return at + itemBytes(readLength(bytes, at + SCORE_BYTES));
  }

  protected compare(bytes: Uint8Array, at: number): number {
    if (this.#target !== 'member') {
      const order = this.#compareScore(bytes, at);
      if (order !== 0) return order;
      if (this.#target === 'score') return this.#isAfter ? -1 : 1;
    }
    const length = readLength(bytes, at + SCORE_BYTES);
    return this.#compareMember(bytes, at + SCORE_BYTES + lengthBytes(length), length);
  }

  protected override seekInLeaf(bytes: Uint8Array, start: number, count: number): boolean {
    if (this.#target === 'member') return super.seekInLeaf(bytes, start, count);
    // Items are passed over by the upper halves of their scores; where that is equal or about 0 the rest tells.
    const upper = this.#upper;
    let at = start;
    let number = 0;
    for (; number < count; number++) {
      const half = ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
      if (half >= upper || half === NEGATIVE_ZERO_UPPER) {
        const order = this.compare(bytes, at);
        if (order >= 0) {
          this.moveInLeaf(at, number);
          return order === 0;
        }
      }
      const length = bytes[at + SCORE_BYTES];
      at = length < 0x80 ? at + SCORE_BYTES + 1 + length : this.endOf(bytes, at);
    }
    this.moveInLeaf(at, number);
    return false;
  }

  protected compareSeparator(bytes: Uint8Array, at: number, length: number): number {
    if (this.#target !== 'member') {
      const score = this.#score;
      const scoreBytes = Math.min(length, SCORE_BYTES);
      for (let byte = 0; byte < scoreBytes; byte++) {
        const difference = bytes[at + byte] - score[byte];
        if (difference !== 0) return difference;
      }
      // All of the separator that there is equals the beginning of what is looked for.
      if (length < SCORE_BYTES) return -1;
      if (this.#target === 'score') return this.#isAfter ? -1 : 1;
    }
    return this.#compareMember(bytes, at + SCORE_BYTES, Math.max(0, length - SCORE_BYTES));
  }

  protected separatorOf(bytes: Uint8Array, at: number, before: Uint8Array, beforeAt: number): Uint8Array {
    const separator = new Uint8Array(SCORE_BYTES);
    copyBytes(bytes, at, separator, 0, SCORE_BYTES);
    if (isNegativeZero(bytes, at)) writeScore(separator, 0, 0);
    const isBeforeZero = isNegativeZero(before, beforeAt);
    for (let byte = 0; byte < SCORE_BYTES; byte++) {
      const other = isBeforeZero ? ZERO_BYTES[byte] : before[beforeAt + byte];
      if (separator[byte] !== other) return separator.slice(0, byte + 1);
    }
    const length = readLength(bytes, at + SCORE_BYTES);
    const memberAt = at + SCORE_BYTES + lengthBytes(length);
    const beforeLength = readLength(before, beforeAt + SCORE_BYTES);
    const beforeMemberAt = beforeAt + SCORE_BYTES + lengthBytes(beforeLength);
    let common = 0;
    while (common < beforeLength && bytes[memberAt + common] === before[beforeMemberAt + common]) common++;
    const whole = new Uint8Array(SCORE_BYTES + common + 1);
    whole.set(separator);
    copyBytes(bytes, memberAt, whole, SCORE_BYTES, common + 1);
    return whole;
  }

  #compareScore(bytes: Uint8Array, at: number): number {
    let upper = readHalf(bytes, at);
    let lower = readHalf(bytes, at + 4);
    if (upper === NEGATIVE_ZERO_UPPER && lower === NEGATIVE_ZERO_LOWER) {
      upper = ZERO_UPPER;
      lower = 0;
    }
    if (upper !== this.#upper) return upper < this.#upper ? -1 : 1;
    if (lower !== this.#lower) return lower < this.#lower ? -1 : 1;
    return 0;
  }

  #compareMember(bytes: Uint8Array, at: number, length: number): number {
    const order = compareBytes(bytes, at, length, this.#member, this.#offset, this.#length);
    if (order !== 0 || this.#target === 'item') return order;
    return this.#isAfter ? -1 : 1;
  }
}

function isNegativeZero(bytes: Uint8Array, at: number): boolean {
  return readHalf(bytes, at) === NEGATIVE_ZERO_UPPER && readHalf(bytes, at + 4) === NEGATIVE_ZERO_LOWER;
}
