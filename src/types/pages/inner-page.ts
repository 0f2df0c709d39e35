import { copyBytes, readUint32, writeUint32 } from '../../base/bytes.ts';
import type { RecordBytes } from './record-bytes.ts';

/**
 * An inner page of a tree: count of children (2 bytes); for each child its page's number (4), how many elements are below it (4)
 * and where its separator ends (4), from the first separator's beginning on; then the separators, one after the other. No element
 * below a child sorts before its separator, and all elements below the children before it do. The first child's separator is not
 * looked at.
 */
const HEAD_BYTES = 2;
const CHILD_BYTES = 12;

/** A child that an inner page begins with. */
export interface Child {
  readonly page: number;
  readonly count: number;
  readonly separator: Uint8Array;
}

/** Bytes of an inner page with two children. */
export function twoChildrenBytes(first: Child, second: Child): number {
  return HEAD_BYTES + CHILD_BYTES * 2 + first.separator.length + second.separator.length;
}

/** Writes an inner page with two children. */
export function writeTwoChildren(bytes: Uint8Array, offset: number, first: Child, second: Child): void {
  setChildCount(bytes, offset, 2);
  const separators = offset + HEAD_BYTES + CHILD_BYTES * 2;
  const firstEnd = first.separator.length;
  writeChild(bytes, offset, 0, first, firstEnd);
  writeChild(bytes, offset, 1, second, firstEnd + second.separator.length);
  bytes.set(first.separator, separators);
  bytes.set(second.separator, separators + firstEnd);
}

export function childCount(bytes: Uint8Array, offset: number): number {
  return bytes[offset] | (bytes[offset + 1] << 8);
}

export function childPage(bytes: Uint8Array, offset: number, index: number): number {
  return readUint32(bytes, offset + HEAD_BYTES + index * CHILD_BYTES);
}

/** How many elements are below a child. */
export function countBelow(bytes: Uint8Array, offset: number, index: number): number {
  return readUint32(bytes, offset + HEAD_BYTES + index * CHILD_BYTES + 4);
}

export function setCountBelow(bytes: Uint8Array, offset: number, index: number, count: number): void {
  writeUint32(bytes, offset + HEAD_BYTES + index * CHILD_BYTES + 4, count);
}

/** How many elements are below the children from `first` to before `end`. Linear in them. */
export function sumBelow(bytes: Uint8Array, offset: number, first: number, end: number): number {
  let sum = 0;
  const until = offset + HEAD_BYTES + end * CHILD_BYTES;
  for (let at = offset + HEAD_BYTES + first * CHILD_BYTES; at < until; at += CHILD_BYTES)
    sum += readUint32(bytes, at + 4);
  return sum;
}

/** Where in the page's bytes the separators begin, and where the one of a child begins from there on. */
export function separatorsAt(bytes: Uint8Array, offset: number): number {
  return offset + HEAD_BYTES + childCount(bytes, offset) * CHILD_BYTES;
}

export function separatorStart(bytes: Uint8Array, offset: number, index: number): number {
  return index === 0 ? 0 : separatorEnd(bytes, offset, index - 1);
}

export function separatorEnd(bytes: Uint8Array, offset: number, index: number): number {
  return readUint32(bytes, offset + HEAD_BYTES + index * CHILD_BYTES + 8);
}

/** Makes a child the one with a number; those from there on come after it. */
export function insertChild(inner: RecordBytes, index: number, child: Child): void {
  const { length } = child.separator;
  const entry = HEAD_BYTES + index * CHILD_BYTES;
  const start = separatorStart(inner.bytes, inner.offset, index);
  const separator = separatorsAt(inner.bytes, inner.offset) - inner.offset + start;
  inner.splice(separator, 0, CHILD_BYTES + length);
  const { bytes, offset } = inner;
  bytes.copyWithin(offset + entry + CHILD_BYTES, offset + entry, offset + separator);
  copyBytes(child.separator, 0, bytes, offset + separator + CHILD_BYTES, length);
  const count = childCount(bytes, offset) + 1;
  setChildCount(bytes, offset, count);
  writeChild(bytes, offset, index, child, start + length);
  moveEnds(bytes, offset, index + 1, count, length);
}

/** Takes a child out. */
export function removeChild(inner: RecordBytes, index: number): void {
  const start = separatorStart(inner.bytes, inner.offset, index);
  const length = separatorEnd(inner.bytes, inner.offset, index) - start;
  const entry = HEAD_BYTES + index * CHILD_BYTES;
  const separator = separatorsAt(inner.bytes, inner.offset) - inner.offset + start;
  inner.write();
  const { bytes, offset } = inner;
  bytes.copyWithin(offset + entry, offset + entry + CHILD_BYTES, offset + separator);
  const count = childCount(bytes, offset) - 1;
  setChildCount(bytes, offset, count);
  moveEnds(bytes, offset, index, count, -length);
  inner.splice(separator - CHILD_BYTES, CHILD_BYTES + length, 0);
}

/** How many children are in about the first half of the page's bytes: one at least, and not all. */
export function halfOf(bytes: Uint8Array, offset: number, length: number): number {
  const count = childCount(bytes, offset);
  let half = 1;
  while (half < count - 1 && half * CHILD_BYTES + separatorEnd(bytes, offset, half - 1) < length >>> 1)
    half++;
  return half;
}

/** Takes the children from `first` on, which is not 0, out of a page, and returns a page of them; the first has no separator in it. */
export function splitChildren(inner: RecordBytes, first: number): Uint8Array {
  const { length } = inner;
  const count = childCount(inner.bytes, inner.offset);
  const separators = separatorsAt(inner.bytes, inner.offset) - inner.offset;
  const kept = separatorStart(inner.bytes, inner.offset, first);
  const dropped = separatorEnd(inner.bytes, inner.offset, first);
  const moved = new Uint8Array(HEAD_BYTES + (count - first) * CHILD_BYTES + length - separators - dropped);
  const entry = HEAD_BYTES + first * CHILD_BYTES;
  moved.set(inner.bytes.subarray(inner.offset + entry, inner.offset + separators), HEAD_BYTES);
  moved.set(
    inner.bytes.subarray(inner.offset + separators + dropped, inner.offset + length),
    HEAD_BYTES + (count - first) * CHILD_BYTES,
  );
  setChildCount(moved, 0, count - first);
  moveEnds(moved, 0, 0, count - first, -dropped);
  inner.write();
  const { bytes, offset } = inner;
  bytes.copyWithin(offset + entry, offset + separators, offset + separators + kept);
  setChildCount(bytes, offset, first);
  inner.splice(entry + kept, length - entry - kept, 0);
  return moved;
}

function setChildCount(bytes: Uint8Array, offset: number, count: number): void {
  bytes[offset] = count;
  bytes[offset + 1] = count >>> 8;
}

function writeChild(bytes: Uint8Array, offset: number, index: number, child: Child, end: number): void {
  const at = offset + HEAD_BYTES + index * CHILD_BYTES;
  writeUint32(bytes, at, child.page);
  writeUint32(bytes, at + 4, child.count);
  writeUint32(bytes, at + 8, end);
}

/** Moves the ends of the separators of the children from `first` to before `end`. */
function moveEnds(bytes: Uint8Array, offset: number, first: number, end: number, by: number): void {
  for (let index = first; index < end; index++) {
    const at = offset + HEAD_BYTES + index * CHILD_BYTES + 8;
    writeUint32(bytes, at, readUint32(bytes, at) + by);
  }
}
