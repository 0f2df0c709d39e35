import { expect, test } from 'vitest';
import { latin1Bytes } from './bytes.ts';
import { crc32 } from './crc32.ts';

test('the check value of CRC-32', () => {
  expect(crc32(latin1Bytes('..123456789.'), 2, 9)).toBe(0xcbf43926);
  expect(crc32(new Uint8Array(0), 0, 0)).toBe(0);
});

test('short ranges and long ones are of one function', () => {
  // 32 bytes of zeros, and the four that their checksum appends, leave CRC-32's constant residue.
  for (const length of [1, 32, 95, 96, 97, 5000]) {
    const bytes = new Uint8Array(length + 7).map((_, at) => at * 31);
    const checksum = crc32(bytes, 3, length);
    new DataView(bytes.buffer).setUint32(3 + length, checksum, true);
    expect(crc32(bytes, 3, length + 4)).toBe(0x2144df1c);
  }
});
