import { expect, it } from 'vitest';
import { ErrorReply, parseInfo, parseReply } from './control-client.ts';

it('parses whole RESP2 replies and waits for the rest of others', () => {
  const stream = Buffer.from('*4\r\n+OK\r\n:-7\r\n$5\r\na\r\nb\r\r\n*2\r\n$-1\r\n*-1\r\n');
  expect(parseReply(stream, 0)).toEqual({ reply: ['OK', -7, 'a\r\nb\r', [null, null]], end: stream.length });
  for (let length = 0; length < stream.length; length++) {
    expect(parseReply(stream.subarray(0, length), 0)).toBeNull();
  }
});

it('parses an error as an error', () => {
  const reply = parseReply(Buffer.from('-ERR unknown\r\n'), 0)?.reply;
  expect(reply).toBeInstanceOf(ErrorReply);
  expect((reply as ErrorReply).message).toBe('ERR unknown');
});

it('reads the fields of INFO', () => {
  const info = parseInfo('# Server\r\nprocess_id:12\r\n\r\n# Flex\r\npath:/a:b\r\n');
  expect([...info]).toEqual([
    ['process_id', '12'],
    ['path', '/a:b'],
  ]);
});
