import { describe, expect, test } from 'vitest';
import { DUMP_FOOTER_BYTES, endDump, verifyDump } from './dump.ts';
import { RdbWriter } from './writer.ts';

/** DUMP of `hello` by redis-server 7.0.15. */
const HELLO = '000568656c6c6f0a006372df766534200a';

function ended(hex: string): Buffer {
  const writer = new RdbWriter();
  const bytes = Buffer.from(hex, 'hex');
  writer.writeBytes(bytes, 0, bytes.length);
  endDump(writer);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

describe('a DUMP payload', () => {
  test('ends as that of Redis', () => {
    expect(ended('000568656c6c6f').toString('hex')).toBe(HELLO);
  });

  test('is verified, wherever it lies', () => {
    const bytes = Buffer.from(`ffff${HELLO}ff`, 'hex');
    expect(verifyDump(bytes, 2, bytes.length - 3)).toBe(bytes.length - 3 - DUMP_FOOTER_BYTES);
  });

  test.each([
    ['14', 11],
    ['15', 11],
    ['18', 12],
    ['13', 10],
    ['04', 10],
  ])('of type %s has version %d', (type, version) => {
    const payload = ended(`${type}00`);
    expect(payload.readUInt16LE(2)).toBe(version);
    expect(verifyDump(payload, 0, payload.length)).toBe(2);
  });

  test('with a bit changed, too short, or of a newer version is refused', () => {
    const payload = Buffer.from(HELLO, 'hex');
    for (let bit = 0; bit < payload.length * 8; bit++) {
      const changed = Buffer.from(payload);
      changed[bit >> 3] ^= 1 << (bit & 7);
      expect(verifyDump(changed, 0, changed.length)).toBe(-1);
    }
    expect(verifyDump(payload, 0, 9)).toBe(-1);
    // Redis verifies a checksum of 0 in payloads, unlike in files.
    expect(verifyDump(Buffer.alloc(12, 0x0a), 0, 12)).toBe(-1);
  });
});
