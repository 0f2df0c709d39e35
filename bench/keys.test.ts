import { expect, it } from 'vitest';
import { KEY_BYTES, KEY_COUNT_MAX, keyText, writeKey } from './keys.ts';

it('writes keys as redis-benchmark does', () => {
  for (const index of [0, 1, 9, 10, 12_345, 999_999_999, KEY_COUNT_MAX - 1]) {
    expect(keyText(index)).toBe(`key:${String(index).padStart(12, '0')}`);
  }
});

it('overwrites all bytes of an earlier key and no others', () => {
  const bytes = Buffer.alloc(KEY_BYTES + 2, '.');
  writeKey(bytes, 1, 987_654_321);
  writeKey(bytes, 1, 7);
  expect(bytes.toString('latin1')).toBe('.key:000000000007.');
});
