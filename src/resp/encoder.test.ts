import { constants } from 'node:buffer';
import { expect, test } from 'vitest';
import { Encoder } from './encoder.ts';
import { ReplyError } from './reply.ts';

test('a reply longer than any buffer is an error that leaves what was written before', () => {
  const encoder = new Encoder();
  encoder.ok();
  expect(() => encoder.reserve(constants.MAX_LENGTH)).toThrow(ReplyError);
  expect(encoder.buffer.toString('latin1', 0, encoder.length)).toBe('+OK\r\n');
  encoder.simple('PONG');
  expect(encoder.buffer.toString('latin1', 0, encoder.length)).toBe('+OK\r\n+PONG\r\n');
});
