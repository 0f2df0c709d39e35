import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ColdRecordError } from '../keyspace/cold-record-error.ts';
import { Entry, EXPIRES, LONG_KEY, WARM } from '../keyspace/record.ts';
import { COLD_HEADER_BYTES_MAX, ColdRecordReader, ColdRecordWriter, coldBytes } from './cold-record.ts';

function entryOf(key: Uint8Array, payload: Uint8Array, expireAt = -1, extraFlags = 0): Entry {
  const entry = new Entry();
  entry.bytes = new Uint8Array(3 + key.length + payload.length);
  entry.bytes.set(key, 3);
  entry.bytes.set(payload, 3 + key.length);
  entry.type = 3;
  entry.encoding = 2;
  entry.access = 0x123456;
  entry.expireAt = expireAt;
  entry.flags = (expireAt >= 0 ? EXPIRES : 0) | (key.length > 0xfffe ? LONG_KEY : 0) | extraFlags;
  entry.keyOffset = 3;
  entry.keyLength = key.length;
  entry.payloadOffset = 3 + key.length;
  entry.payloadLength = payload.length;
  return entry;
}

function encode(entry: Entry, compression = true, databaseId = 7): Uint8Array {
  const writer = new ColdRecordWriter();
  writer.encode(entry, databaseId, compression);
  return writer.bytes.slice(0, writer.length);
}

/** Reads a record that lies at offset 16 among other bytes. */
function decode(record: Uint8Array): {
  entry: Entry;
  reader: ColdRecordReader;
  key: Buffer;
  payload: Buffer;
} {
  const bytes = new Uint8Array(16 + record.length + COLD_HEADER_BYTES_MAX).fill(0xee);
  bytes.set(record, 16);
  const entry = new Entry();
  const reader = new ColdRecordReader();
  reader.measure(bytes, 16, record.length, entry);
  reader.verify(bytes, 16, entry);
  return {
    entry,
    reader,
    key: Buffer.from(entry.bytes.slice(entry.keyOffset, entry.keyOffset + entry.keyLength)),
    payload: Buffer.from(entry.bytes.slice(entry.payloadOffset, entry.payloadOffset + entry.payloadLength)),
  };
}

const text = (length: number) =>
  Buffer.from('{"name":"value","count":12345},'.repeat(length / 31 + 1)).subarray(0, length);

/** Bytes that no compressor makes smaller. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

const GOLDEN_PLAIN = 'b2453e2c07000000230103005634120007000000ab896745230100006b65797061796c6f61640000';
const GOLDEN_PACKED =
  '8fad420d070000012300030056341200d0070000180000006b6579d00700002f61620200ffffffffffffffbc606162616261620000000000';

describe('a cold record', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(70_000).fill(9))),
        fc.oneof(
          fc.uint8Array({ maxLength: 3000 }),
          fc.integer({ min: 0, max: 40_000 }).map((length) => new Uint8Array(text(length))),
          fc.integer({ min: 0, max: 40_000 }).map(noise),
        ),
        fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 2 ** 52 })),
        fc.boolean(),
        (key, payload, expireAt, isWarm) => {
          const entry = entryOf(key, payload, expireAt, isWarm ? WARM : 0);
          const record = encode(entry);
          expect(record.length % 8).toBe(0);
          expect(record.length).toBeLessThanOrEqual(coldBytes(key.length, payload.length, entry.flags));
          const found = decode(record);
          expect(found.key.equals(key)).toBe(true);
          expect(found.payload.equals(payload)).toBe(true);
          expect(found.reader.databaseId).toBe(7);
          expect(found.reader.length).toBe(record.length);
          expect(found.entry).toMatchObject({ type: 3, encoding: 2, access: 0x123456, expireAt });
          expect(found.entry.flags).toBe(entry.flags & ~WARM);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('has the bytes that docs/formats/cold-record.md tells', () => {
    const record = encode(
      entryOf(Buffer.from('key'), Buffer.from('payload'), 0x123456789ab),
      false,
      0x030201,
    );
    expect(Buffer.from(record).toString('hex')).toBe(
      ['5f8ac953', '01020300', '23010300', '56341200', '07000000', 'ab896745', '23010000'].join('') +
        `${Buffer.from('keypayload').toString('hex')}0000`,
    );
  });

  test('that was changed in any bit is an error, never another value', () => {
    for (const payload of [Buffer.from('a short value'), text(2000)]) {
      const record = encode(entryOf(Buffer.from('key'), payload, 5000));
      const { length } = record;
      for (let bit = 0; bit < length * 8; bit++) {
        const damaged = record.slice();
        damaged[bit >> 3] ^= 1 << (bit & 7);
        let found: Buffer;
        try {
          found = decode(damaged).payload;
        } catch (error) {
          expect(error).toBeInstanceOf(ColdRecordError);
          continue;
        }
        // Only the padding is not summed.
        expect(found.equals(payload)).toBe(true);
        expect(bit >> 3).toBeGreaterThanOrEqual(length - 7);
      }
    }
  });

  test('is compressed from a kilobyte on, where an eighth is saved', () => {
    expect(encode(entryOf(Buffer.from('k'), text(1023))).length).toBe(coldBytes(1, 1023, 0));
    expect(encode(entryOf(Buffer.from('k'), text(1024))).length).toBeLessThan(600);
    expect(encode(entryOf(Buffer.from('k'), text(1024)), false).length).toBe(coldBytes(1, 1024, 0));
    expect(encode(entryOf(Buffer.from('k'), noise(5000))).length).toBe(coldBytes(1, 5000, 0));
    // Of 8,000 bytes 800 can be saved, a tenth, and then 1,600, a fifth.
    const tenth = Buffer.concat([noise(7200), Buffer.alloc(800)]);
    const fifth = Buffer.concat([noise(6400), Buffer.alloc(1600)]);
    expect(encode(entryOf(Buffer.from('k'), tenth)).length).toBe(coldBytes(1, 8000, 0));
    expect(encode(entryOf(Buffer.from('k'), fifth)).length).toBeLessThan(7000);
    expect(encode(entryOf(Buffer.from('k'), text(1024 * 1024 + 1))).length).toBe(
      coldBytes(1, 1024 * 1024 + 1, 0),
    );
  });

  test('is not tried to compress for a while where that did not pay', () => {
    const writer = new ColdRecordWriter();
    const attempt = (payload: Uint8Array) => {
      writer.encode(entryOf(Buffer.from('k'), payload), 7, true);
      return writer.length < coldBytes(1, payload.length, 0);
    };
    expect(attempt(noise(2000))).toBe(false);
    expect(attempt(text(2000))).toBe(false);
    expect(attempt(text(2000))).toBe(true);
    expect(attempt(text(2000))).toBe(true);
  });

  test('may be written as its head and then its payload', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 3000 }), (key, payload) => {
        const entry = entryOf(key, payload, 99);
        const writer = new ColdRecordWriter();
        writer.encodeHead(entry, 7);
        const whole = encode(entry, false);
        const head = writer.bytes.slice(0, writer.length);
        expect(Buffer.concat([head, payload]).equals(whole.subarray(0, head.length + payload.length))).toBe(
          true,
        );
        expect(writer.isCurrent(entry)).toBe(true);
        if (payload.length === 0) return;
        entry.bytes[entry.payloadOffset + (payload.length >> 1)] ^= 4;
        expect(writer.isCurrent(entry)).toBe(false);
      }),
    );
  });
});

test('the format is that of version 1', () => {
  const plain = encode(entryOf(Buffer.from('key'), Buffer.from('payload'), 0x123456789ab));
  expect(Buffer.from(plain).toString('hex')).toBe(GOLDEN_PLAIN);
  // Another compressor may pack otherwise, but what this one has packed is read for ever.
  const { key, payload } = decode(Buffer.from(GOLDEN_PACKED, 'hex'));
  expect([key.toString(), payload.toString()]).toEqual(['key', 'ab'.repeat(1000)]);
});
