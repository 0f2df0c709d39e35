import type { Bench } from 'tinybench';
import { viewOf } from '../../src/base/bytes.ts';
import { Arguments } from '../../src/resp/arguments.ts';
import { COMMAND, Decoder } from '../../src/resp/decoder.ts';
import { Encoder } from '../../src/resp/encoder.ts';
import { keyText } from '../keys.ts';
import { OPERATIONS, sink } from './base.ts';

/** Benches of src/resp. */
export function addRespBenches(bench: Bench): void {
  /** Adds a bench that decodes the same commands each time, from one buffer as they come from a socket. */
  const addDecoding = (name: string, wordsOf: (index: number) => string[]): void => {
    const commands = Array.from({ length: OPERATIONS }, (_, index) => encode(wordsOf(index)));
    const bytes = Buffer.from(commands.join(''), 'latin1');
    const decoder = new Decoder(new Arguments(), { bulkBytesMax: 1 << 29 });
    bench.add(`decoder: ${name}`, () => {
      decoder.buffer = bytes;
      decoder.position = 0;
      decoder.end = bytes.length;
      let words = 0;
      while (decoder.next(true) === COMMAND) words += decoder.arguments.count;
      sink.value = words;
    });
  };
  addDecoding('GET', (index) => ['GET', keyText(index)]);
  addDecoding('SET, 100 B', (index) => ['SET', keyText(index), 'v'.repeat(100)]);
  addDecoding('MGET of 10 keys', (index) => [
    'MGET',
    ...Array.from({ length: 10 }, (_, at) => keyText(index + at)),
  ]);

  /** Adds a bench that writes replies into one buffer, as a batch does. */
  const addEncoding = (name: string, write: (reply: Encoder, index: number) => void): void => {
    const reply = new Encoder();
    bench.add(`encoder: ${name}`, () => {
      reply.length = 0;
      for (let index = 0; index < OPERATIONS; index++) write(reply, index);
      sink.value = reply.length;
    });
  };
  addEncoding('OK', (reply) => reply.ok());
  addEncoding('integer', (reply, index) => reply.integer(index * 7919));
  for (const size of [16, 100, 1000]) {
    const value = new Uint8Array(size).fill(7);
    const view = viewOf(value);
    addEncoding(`bulk string, ${size} B`, (reply) => reply.bulk(value, 0, size));
    addEncoding(`bulk string with a view, ${size} B`, (reply) => reply.bulkViewed(value, view, 0, size));
  }
  addEncoding('double', (reply, index) => reply.double(index + 0.5));
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}
