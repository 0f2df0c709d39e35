import { describe, expect, it } from 'vitest';
import { MemcachedReplyCounter } from './memcached-protocol.ts';
import { REPLY_ERROR, REPLY_NULL, REPLY_VALUE, type ReplyKind } from './reply-counter.ts';

/** Feeds pieces of a stream and returns what was told: the kinds of replies, the values and the last error. */
function count(pieces: readonly Buffer[]): { kinds: ReplyKind[]; values: string[]; error: string } {
  const kinds: ReplyKind[] = [];
  const values: string[] = [];
  const counter = new MemcachedReplyCounter({
    bulkPart(bytes, start, end, position, size) {
      if (position === 0) values.push('');
      const last = values.length - 1;
      expect(values[last].length).toBe(position);
      values[last] += bytes.toString('latin1', start, end);
      expect(values[last].length).toBeLessThanOrEqual(size);
    },
    replyDone(kind) {
      kinds.push(kind);
    },
  });
  // The counter may look at the given length only.
  for (const piece of pieces) counter.feed(Buffer.concat([piece, Buffer.from('END\r\n')]), piece.length);
  return { kinds, values, error: counter.lastError };
}

describe('replies of memcached', () => {
  const stream = Buffer.from(
    'STORED\r\nVALUE key:1 0 5\r\nEND\r\n\r\nEND\r\nEND\r\nVALUE 9 7 0\r\n\r\nEND\r\nSERVER_ERROR out of memory\r\nSTORED\r\nERROR\r\nVALUE k 0 12\r\nhello, world\r\nEND\r\n',
    'latin1',
  );
  const whole = {
    kinds: [
      REPLY_VALUE,
      REPLY_VALUE,
      REPLY_NULL,
      REPLY_VALUE,
      REPLY_ERROR,
      REPLY_VALUE,
      REPLY_ERROR,
      REPLY_VALUE,
    ],
    values: ['END\r\n', '', 'hello, world'],
    error: 'ERROR',
  };

  it('are counted, with values that look like replies', () => {
    expect(count([stream])).toEqual(whole);
    expect(count([Buffer.from('SERVER_ERROR out of memory storing object\r\n')]).error).toBe(
      'SERVER_ERROR out of memory storing object',
    );
  });

  it('may be cut at any byte', () => {
    for (let at = 1; at < stream.length; at++)
      expect([at, count([stream.subarray(0, at), stream.subarray(at)])]).toEqual([at, whole]);
    expect(count([...stream].map((byte) => Buffer.from([byte])))).toEqual(whole);
  });
});
