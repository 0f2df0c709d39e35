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
 * (score.ts), the member's length (length-code.ts) and its bytes; a separator is a score and the bytes of a member.
 */
export class ScoreTree extends CountedTree {
  /** Where in `leaf.bytes` the item begins that `numberInLeaf` found last. */
  foundAt = 0;
  #target: Target = 'item';
  /** For a place: it is after what equals the target rather than before it. */
  #isAfter = false;
  #upper = 0;
  #lower = 0;
  #member: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #length = 0;

  /** Moves to the item with a score and a member, or to where it belongs: see `seekKey`. The bytes are lent for the call. */
  seekItem(score: number, member: Uint8Array, offset: number, length: number): boolean {
    this.#target = 'item';
    this.#lookForScore(score);
    this.#lookForMember(member, offset, length);
    return this.seekKey();
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
    if (isLast ? this.rank < this.count - 1 : this.compare(this.leaf.bytes, this.itemEnd) <= 0) return false;
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
    for (let number = 0; at < end; number++) {
      const memberLength = readLength(bytes, at + SCORE_BYTES);
      at += SCORE_BYTES + lengthBytes(memberLength);
      if (memberLength === length && equalBytes(bytes, at, member, offset, length)) {
        this.foundAt = at - SCORE_BYTES - lengthBytes(memberLength);
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

  protected compareSeparator(bytes: Uint8Array, at: number, length: number): number {
    if (this.#target !== 'member') {
      const order = this.#compareScore(bytes, at);
      if (order !== 0) return order;
      if (this.#target === 'score') return this.#isAfter ? -1 : 1;
    }
    return this.#compareMember(bytes, at + SCORE_BYTES, length - SCORE_BYTES);
  }

  protected separatorOf(bytes: Uint8Array, at: number): Uint8Array {
    const length = readLength(bytes, at + SCORE_BYTES);
    const memberAt = at + SCORE_BYTES + lengthBytes(length);
    const separator = new Uint8Array(SCORE_BYTES + length);
    copyBytes(bytes, at, separator, 0, SCORE_BYTES);
    copyBytes(bytes, memberAt, separator, SCORE_BYTES, length);
    return separator;
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
