import { describe, expect, it } from 'vitest';
import { REPLY_ERROR, REPLY_NULL, REPLY_VALUE, ReplyCounter, type ReplyKind } from './reply-counter.ts';

/** Feeds pieces of a stream and returns what was told: the kinds of replies, bulk bytes and the last error. */
function count(pieces: readonly Buffer[]): { kinds: ReplyKind[]; bulks: string[]; error: string } {
  const kinds: ReplyKind[] = [];
  const bulks: string[] = [];
  const counter = new ReplyCounter({
    bulkPart(bytes, start, end, position, size) {
      if (position === 0) bulks.push('');
      const last = bulks.length - 1;
      expect(bulks[last].length).toBe(position);
      bulks[last] += bytes.toString('latin1', start, end);
      expect(bulks[last].length).toBeLessThanOrEqual(size);
    },
    replyDone(kind) {
      kinds.push(kind);
    },
  });
  for (const piece of pieces) {
    // The counter may look at the given length only.
    counter.feed(Buffer.concat([piece, Buffer.from('+X\r\n')]), piece.length);
  }
  return { kinds, bulks, error: counter.lastError };
}

const STREAM = Buffer.from(
  '+OK\r\n$5\r\nhello\r\n$-1\r\n:-12\r\n-ERR wrong 3 type\r\n$0\r\n\r\n*0\r\n*-1\r\n_\r\n$4\r\n\r\n-1\r\n' +
    '*2\r\n*2\r\n$1\r\na\r\n:1\r\n$2\r\nbc\r\n%1\r\n+k\r\n,3.14\r\n#t\r\n=7\r\ntxt:abc\r\n~1\r\n:1\r\n!3\r\nbad\r\n$1\r\nz\r\n',
  'latin1',
);
const KINDS = [
  REPLY_VALUE,
  REPLY_VALUE,
  REPLY_NULL,
  REPLY_VALUE,
  REPLY_ERROR,
  REPLY_VALUE,
  REPLY_VALUE,
  REPLY_NULL,
  REPLY_NULL,
  REPLY_VALUE,
  REPLY_VALUE,
  REPLY_VALUE,
  REPLY_VALUE,
  REPLY_VALUE,
  REPLY_VALUE,
  REPLY_ERROR,
  REPLY_VALUE,
];
const BULKS = ['hello', '', '\r\n-1', 'a', 'bc', 'txt:abc', 'bad', 'z'];

describe('ReplyCounter', () => {
  it('counts every type of reply', () => {
    expect(count([STREAM])).toEqual({ kinds: KINDS, bulks: BULKS, error: 'ERR wrong 3 type' });
  });

  it('counts the same for a stream cut at any two bytes', () => {
    for (let first = 0; first <= STREAM.length; first++) {
      for (let second = first; second <= STREAM.length; second += 7) {
        const pieces = [STREAM.subarray(0, first), STREAM.subarray(first, second), STREAM.subarray(second)];
        expect(count(pieces)).toEqual({ kinds: KINDS, bulks: BULKS, error: 'ERR wrong 3 type' });
      }
    }
  });

  it('counts the same byte by byte', () => {
    const pieces = Array.from(STREAM, (_, index) => STREAM.subarray(index, index + 1));
    expect(count(pieces)).toEqual({ kinds: KINDS, bulks: BULKS, error: 'ERR wrong 3 type' });
  });

  it('counts an array with an error or a null inside as such', () => {
    expect(count([Buffer.from('*2\r\n$-1\r\n:1\r\n+OK\r\n')]).kinds).toEqual([REPLY_NULL, REPLY_VALUE]);
    expect(count([Buffer.from('*2\r\n-ERR a\r\n:1\r\n+OK\r\n')]).kinds).toEqual([REPLY_ERROR, REPLY_VALUE]);
  });
});
