import { describe, expect, test } from 'vitest';
import { KeyHash } from '../base/hash.ts';
import { SeededRandom } from '../base/random.ts';
import { TrackedKeys } from './tracked-keys.ts';

/** A hash by which many names meet. */
class PoorHash extends KeyHash {
  override hashBytes(_bytes: Uint8Array, _offset: number, length: number): number {
    return length & 3;
  }
}

function taken(table: TrackedKeys): number[] {
  return [...table.readers.subarray(0, table.readerCount)];
}

describe.each([
  ['a good hash', new KeyHash(1, 2)],
  ['a poor hash', new PoorHash(1, 2)],
])('with %s', (_, hash) => {
  test('keys and readers come and go as in a model', () => {
    const random = new SeededRandom(1);
    const table = new TrackedKeys(hash);
    const model = new Map<string, Set<number>>();
    for (let step = 0; step < 20_000; step++) {
      const name = `${'k'.repeat(random.below(20))}${random.below(60)}`;
      const bytes = Buffer.from(`<${name}>`);
      if (random.below(10) > 0) {
        // Some keys have many readers, so that their records move to larger blocks.
        const reader = 1 + random.below(name.length < 3 ? 500 : 5);
        table.add(bytes, 1, name.length, reader);
        const readers = model.get(name) ?? new Set();
        model.set(name, readers.add(reader));
      } else {
        const expected = model.get(name);
        model.delete(name);
        expect(table.take(bytes, 1, name.length)).toBe(expected !== undefined);
        if (expected !== undefined) expect(taken(table)).toEqual([...expected].sort((a, b) => a - b));
      }
    }
    expect(table.keyCount).toBe(model.size);
    expect(table.itemCount).toBe([...model.values()].reduce((sum, readers) => sum + readers.size, 0));
    for (let key = table.takeAny(); key !== null; key = table.takeAny()) {
      const name = Buffer.from(key).toString();
      expect(new Set(taken(table))).toEqual(model.get(name));
      model.delete(name);
    }
    expect(model.size).toBe(0);
    expect([table.keyCount, table.itemCount]).toEqual([0, 0]);
  });
});

test('the bytes of a hundred thousand keys', () => {
  const table = new TrackedKeys(new KeyHash(1, 2));
  const empty = table.byteCount;
  for (let at = 0; at < 100_000; at++) {
    const key = Buffer.from(`user:${100_000 + at}`);
    table.add(key, 0, key.length, 1);
  }
  // Header, name and reader in one block, and a bucket.
  expect((table.byteCount - empty) / 100_000).toBeLessThan(40);
  table.clear();
  expect(table.byteCount).toBe(empty);
  expect(table.take(Buffer.from('user:100000'), 0, 11)).toBe(false);
});
