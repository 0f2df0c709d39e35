import { expect, test } from 'vitest';
import { latin1Bytes } from './bytes.ts';
import { Crc64 } from './crc64.ts';

function hex(crc: Crc64): string {
  const half = (word: number) => (word >>> 0).toString(16).padStart(8, '0');
  return half(crc.high) + half(crc.low);
}

test('the check value of Redis', () => {
  const crc = new Crc64();
  expect(hex(crc)).toBe('0000000000000000');
  crc.update(latin1Bytes('..123456789.'), 2, 9);
  expect(hex(crc)).toBe('e9c6d914c4b8d9ca');
});

test('parts give the checksum of the whole', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, at) => at * 7);
  const whole = new Crc64();
  whole.update(bytes, 0, 1000);
  const parts = new Crc64();
  parts.update(bytes, 0, 1);
  parts.update(bytes, 1, 0);
  parts.update(bytes, 1, 999);
  expect(hex(parts)).toBe(hex(whole));
});

test.each([0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 65])('%i bytes at once are as byte by byte', (length) => {
  const bytes = Uint8Array.from({ length: length + 3 }, (_, at) => at * 151 + 7);
  const whole = new Crc64();
  const parts = new Crc64();
  whole.update(bytes, 3, length);
  for (let at = 0; at < length; at++) parts.update(bytes, 3 + at, 1);
  expect(hex(whole)).toBe(hex(parts));
});

test('the checksum that redis-server 7.0.15 appends to DUMP of the integer 12', () => {
  const payload = Buffer.from('00c00c0a003c2af8515c04bcd5', 'hex');
  const crc = new Crc64();
  crc.update(payload, 0, payload.length - 8);
  expect(crc.low).toBe(payload.readInt32LE(payload.length - 8));
  expect(crc.high).toBe(payload.readInt32LE(payload.length - 4));
});
