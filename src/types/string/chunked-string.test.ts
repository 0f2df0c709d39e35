import { expect, test } from 'vitest';
import { createEngine } from '../../../test/support/engine.ts';
import { SeededRandom } from '../../base/random.ts';
import { countBits, findBit } from '../bitmap/bits.ts';
import { countBitsInChunks, findBitInChunks } from '../bitmap/chunked-bits.ts';
import { DetachedValue } from '../pages/detached-record.ts';
import { PAGED } from '../pages/head.ts';
import { freePages, pagesOf } from '../pages/walk.ts';
import { CHUNK_BYTES, ChunkedString } from './chunked-string.ts';

/** Places at and around the borders of chunks. */
function place(random: SeededRandom): number {
  const border = random.below(5) * CHUNK_BYTES;
  return Math.max(0, border + random.below(7) - 3);
}

function noise(random: SeededRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

test('bytes written anywhere are read back from anywhere, and zeros from where nothing was written', () => {
  const { keyspace } = createEngine();
  const random = new SeededRandom(11);
  for (let round = 0; round < 40; round++) {
    const value = new DetachedValue(0, 0, keyspace.databases[0].pages);
    const string = new ChunkedString();
    string.create(value);
    let expected = Buffer.alloc(0);
    for (let write = 0; write < 6; write++) {
      const at = place(random);
      const bytes = noise(
        random,
        random.below(3) === 0 ? CHUNK_BYTES * 2 + random.below(9) : random.below(9),
      );
      string.write(at, bytes, 0, bytes.length);
      string.save();
      const length = Math.max(expected.length, at + bytes.length);
      expected = Buffer.concat([expected, Buffer.alloc(length - expected.length)]);
      expected.set(bytes, at);
    }
    const opened = new ChunkedString();
    opened.open(value, false);
    expect(opened.length).toBe(expected.length);
    for (let read = 0; read < 6; read++) {
      const at = place(random);
      const length = random.below(2) === 0 ? random.below(9) : place(random);
      const target = new Uint8Array(length + 2).fill(7);
      opened.read(at, length, target, 1);
      const padded = Buffer.concat([expected, Buffer.alloc(at + length)]);
      expect(padded.compare(target, 1, length + 1, at, at + length)).toBe(0);
      expect([target[0], target[length + 1]]).toEqual([7, 7]);
    }
    const first = place(random) * 8 + random.below(8);
    const last = Math.min(expected.length * 8 - 1, place(random) * 8 + random.below(8));
    expect(countBitsInChunks(opened, first, last)).toBe(countBits(expected, 0, first, last));
    for (const bit of [0, 1]) {
      expect(findBitInChunks(opened, first, last, bit)).toBe(findBit(expected, 0, first, last, bit));
    }
    for (const step of freePages(value.bytes, keyspace.databases[0].pages)) expect(step).toBe(undefined);
  }
  expect(keyspace.databases[0].pages.records.size).toBe(0);
});

test('what is zeros throughout takes no chunk', () => {
  const { keyspace } = createEngine();
  const { pages } = keyspace.databases[0];
  const value = new DetachedValue(0, 0, pages);
  const string = new ChunkedString();
  string.create(value);
  expect(value.encoding).toBe(PAGED);
  string.write(CHUNK_BYTES * 1000, Uint8Array.of(0, 1), 0, 2);
  string.write(5, new Uint8Array(CHUNK_BYTES * 3), 0, CHUNK_BYTES * 3);
  string.extend(2 ** 32 + 17);
  string.save();
  expect([...pagesOf(value.bytes, pages)]).toHaveLength(1);
  expect(pages.records.entry.payloadLength).toBe(2);
  const opened = new ChunkedString();
  opened.open(value, false);
  expect(opened.length).toBe(2 ** 32 + 17);
  expect([opened.byteAt(CHUNK_BYTES * 1000 + 1), opened.byteAt(2 ** 32)]).toEqual([1, 0]);
  expect(findBitInChunks(opened, 0, 2 ** 35, 1)).toBe(CHUNK_BYTES * 8000 + 15);
});
