import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Encoder } from './encoder.ts';
import { decodeReply, type Reply, ReplyError } from './reply.ts';

/** Writes a value as the reply that decodes to it. */
function write(encoder: Encoder, value: Reply): void {
  if (value === null) encoder.null();
  else if (typeof value === 'string') encoder.bulkUtf8(value);
  else if (typeof value === 'bigint') encoder.bigInteger(value);
  else if (typeof value === 'boolean') encoder.boolean(value);
  else if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) encoder.integer(value);
    else encoder.double(value);
  } else if (Array.isArray(value)) {
    const mark = encoder.open();
    for (const each of value) write(encoder, each);
    encoder.closeArray(mark, value.length);
  } else if (value instanceof Map) {
    encoder.map(value.size);
    for (const [key, each] of value) {
      write(encoder, key);
      write(encoder, each);
    }
  } else if (value instanceof Set) {
    encoder.set(value.size);
    for (const each of value) write(encoder, each);
  } else if (value instanceof ReplyError) encoder.error(value.message);
  else encoder.bulk(value as Buffer, 0, (value as Buffer).length);
}

const { value } = fc.letrec<{ value: Reply }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }).filter((each) => !Number.isInteger(each) || Math.abs(each) > 2 ** 53),
    fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    fc.bigInt({ min: 2n ** 54n, max: 2n ** 63n - 1n }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 12 }),
    fc
      .array(fc.tuple(fc.string(), tie('value')), { maxLength: 6 })
      .map((pairs) => new Map<Reply, Reply>(pairs)),
    fc.array(fc.string(), { maxLength: 12 }).map((items) => new Set<Reply>(items)),
  ),
}));

describe('what the encoder writes', () => {
  test('decodes to the same value in RESP3', () => {
    fc.assert(
      fc.property(value, (each) => {
        const encoder = new Encoder();
        encoder.protocol = 3;
        write(encoder, each);
        expect(decodeReply(encoder.buffer.subarray(0, encoder.length), true)).toEqual(each);
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, (encoder: Encoder) => void, string, string]>([
    ['null', (to) => to.null(), '$-1\r\n', '_\r\n'],
    ['nullArray', (to) => to.nullArray(), '*-1\r\n', '_\r\n'],
    ['map', (to) => to.map(2), '*4\r\n', '%2\r\n'],
    ['set', (to) => to.set(3), '*3\r\n', '~3\r\n'],
    ['push', (to) => to.push(3), '*3\r\n', '>3\r\n'],
    ['double', (to) => to.double(1.5), '$3\r\n1.5\r\n', ',1.5\r\n'],
    ['double of a large exponent', (to) => to.double(1e300), '$6\r\n1e+300\r\n', ',1e+300\r\n'],
    ['infinity', (to) => to.double(Number.NEGATIVE_INFINITY), '$4\r\n-inf\r\n', ',-inf\r\n'],
    ['true', (to) => to.boolean(true), ':1\r\n', '#t\r\n'],
    ['false', (to) => to.boolean(false), ':0\r\n', '#f\r\n'],
    ['verbatim', (to) => to.verbatim('txt', 'é'), '$2\r\nÃ©\r\n', '=6\r\ntxt:Ã©\r\n'],
    ['error', (to) => to.error('ERR two\r\nlines'), '-ERR two  lines\r\n', '-ERR two  lines\r\n'],
    ['integer', (to) => to.integer(-9007199254740991), ':-9007199254740991\r\n', ':-9007199254740991\r\n'],
    ['zero', (to) => to.integer(0), ':0\r\n', ':0\r\n'],
    ['bulkInteger', (to) => to.bulkInteger(-12n), '$3\r\n-12\r\n', '$3\r\n-12\r\n'],
    [
      'a map closed later',
      (to) => {
        const mark = to.open();
        for (let at = 0; at < 20; at++) to.integer(at % 10);
        to.closeMap(mark, 10);
      },
      `*20\r\n${':0123456789:0123456789'.replace(/:(\d+)/g, (_, digits: string) => [...digits].map((digit) => `:${digit}\r\n`).join(''))}`,
      `%10\r\n${':0123456789:0123456789'.replace(/:(\d+)/g, (_, digits: string) => [...digits].map((digit) => `:${digit}\r\n`).join(''))}`,
    ],
  ])('%s in both protocols', (_, writeTo, resp2, resp3) => {
    for (const [protocol, expected] of [
      [2, resp2],
      [3, resp3],
    ] as const) {
      const encoder = new Encoder();
      encoder.protocol = protocol;
      writeTo(encoder);
      expect(encoder.buffer.toString('latin1', 0, encoder.length)).toBe(expected);
    }
  });

  test('integers of every length', () => {
    const encoder = new Encoder();
    const numbers = Array.from({ length: 16 }, (_, at) => [
      10 ** at,
      10 ** at - 1,
      -(10 ** at),
      2 ** (at * 3),
    ]).flat();
    for (const number of numbers) encoder.integer(number);
    expect(encoder.buffer.toString('latin1', 0, encoder.length)).toBe(
      numbers.map((each) => `:${each}\r\n`).join(''),
    );
  });

  test('the buffer grows past any reply, and can be given away', () => {
    const encoder = new Encoder();
    const long = Buffer.alloc(100_000, 'x');
    encoder.bulk(long, 10, 90_000);
    const given = encoder.release();
    expect(given.subarray(8, 90_008).equals(long.subarray(0, 90_000))).toBe(true);
    encoder.ok();
    expect(encoder.length).toBe(5);
    expect(encoder.buffer).not.toBe(given);
  });

  test('counts errors and keeps the last', () => {
    const encoder = new Encoder();
    encoder.error('ERR one');
    encoder.error('WRONGTYPE two');
    expect([encoder.errorCount, encoder.lastError]).toEqual([2, 'WRONGTYPE two']);
  });
});

describe('decodeReply', () => {
  test('bulk strings are Buffers of their own, or text', () => {
    const bytes = Buffer.from('*3\r\n$2\r\n\xc3\xa9\r\n+OK\r\n$-1\r\n', 'latin1');
    const [word] = decodeReply(bytes, false) as Buffer[];
    bytes.fill(0, 8);
    expect(word).toEqual(Buffer.from('é'));
    expect(decodeReply(Buffer.from('*1\r\n$2\r\né\r\n'), true)).toEqual(['é']);
  });

  test('an error keeps its code', () => {
    const error = decodeReply(Buffer.from('-WRONGTYPE Operation\r\n'), true) as ReplyError;
    expect(error).toBeInstanceOf(ReplyError);
    expect([error.code, error.message]).toEqual(['WRONGTYPE', 'WRONGTYPE Operation']);
  });

  test('verbatim text comes without its format, a push as a list, big numbers as bigint', () => {
    expect(decodeReply(Buffer.from('=7\r\nmkd:abc\r\n'), true)).toBe('abc');
    expect(decodeReply(Buffer.from('>2\r\n:1\r\n(12345678901234567890\r\n'), true)).toEqual([
      1,
      12345678901234567890n,
    ]);
    expect(decodeReply(Buffer.from(':9223372036854775807\r\n'), true)).toBe(9223372036854775807n);
    expect(decodeReply(Buffer.from('*-1\r\n'), true)).toBeNull();
  });

  test('what is no reply is refused', () => {
    expect(() => decodeReply(Buffer.from('hello\r\n'), true)).toThrow('Not a reply');
  });
});
