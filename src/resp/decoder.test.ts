import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Arguments } from './arguments.ts';
import { COMMAND, Decoder, INCOMPLETE, PROTOCOL_ERROR } from './decoder.ts';

const LIMITS = { bulkBytesMax: 1000 };

interface Decoded {
  readonly commands: string[][];
  readonly error: string | null;
  /** Bytes of the last command, which has not arrived whole. */
  readonly rest: number;
}

/** Decodes bytes that arrive in parts, keeping what is undecoded in a buffer of its own, as a connection does. */
function decode(bytes: Uint8Array, cuts: readonly number[] = [], authenticated = true): Decoded {
  const decoder = new Decoder(new Arguments(), LIMITS);
  const commands: string[][] = [];
  const ends = [
    ...cuts.map((cut) => cut % (bytes.length + 1)).sort((left, right) => left - right),
    bytes.length,
  ];
  let from = 0;
  for (const end of ends) {
    // A new place in a new buffer each time, with rubbish before and after.
    const start = decoder.start;
    const kept = decoder.end - start;
    const buffer = new Uint8Array(kept + end - from + 20).fill(0xee);
    buffer.set(decoder.buffer.subarray(start, start + kept), 10);
    buffer.set(bytes.subarray(from, end), 10 + kept);
    decoder.rebase(buffer, 10, 10 + kept + end - from);
    from = end;
    for (;;) {
      const status = decoder.next(authenticated);
      if (status === INCOMPLETE) break;
      if (status === PROTOCOL_ERROR) return { commands, error: decoder.error, rest: 0 };
      expect(status).toBe(COMMAND);
      const words = decoder.arguments;
      commands.push(Array.from({ length: words.count }, (_, at) => words.text(at)));
      decoder.start = decoder.position;
    }
  }
  return { commands, error: null, rest: decoder.end - decoder.start };
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('Decoder', () => {
  test('arrays of bulk strings, cut at any byte, come out whole', () => {
    const word = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(fc.array(word, { minLength: 1, maxLength: 40 }), { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (commands, cuts) => {
          const bytes = Buffer.concat(
            commands.flatMap((words) => [
              Buffer.from(`*${words.length}\r\n`),
              ...words.flatMap((each) => [Buffer.from(`$${each.length}\r\n`), each, Buffer.from('\r\n')]),
            ]),
          );
          const expected = commands.map((words) => words.map((each) => Buffer.from(each).toString('latin1')));
          expect(decode(bytes, cuts)).toEqual({ commands: expected, error: null, rest: 0 });
        },
      ),
    );
  });

  test('every cut of a mix of inline commands and arrays gives the same', () => {
    const bytes = latin1(
      'PING\r\n*2\r\n$3\r\nGET\r\n$1\r\n\n\r\n\r\nset "a b" \'c\'\n*0\r\n*-1\r\n*1\r\n$0\r\n\r\n',
    );
    const whole = decode(bytes);
    expect(whole.commands).toEqual([['PING'], ['GET', '\n'], [], ['set', 'a b', 'c'], [], [], ['']]);
    for (let cut = 0; cut <= bytes.length; cut++) expect(decode(bytes, [cut])).toEqual(whole);
    expect(
      decode(
        bytes,
        Array.from(bytes, (_, at) => at),
      ),
    ).toEqual(whole);
  });

  test.each([
    ['*x\r\n', 'invalid multibulk length'],
    ['*2147483648\r\n', 'invalid multibulk length'],
    ['*1\r\nGET\r\n', "expected '$', got 'G'"],
    ['*1\r\n$x\r\n', 'invalid bulk length'],
    ['*1\r\n$-1\r\n', 'invalid bulk length'],
    ['*1\r\n$01\r\n', 'invalid bulk length'],
    ['*1\r\n$1001\r\n', 'invalid bulk length'],
    ['"a\r\n', 'unbalanced quotes in request'],
    ["'a'b\r\n", 'unbalanced quotes in request'],
    [`*${'1'.repeat(70_000)}`, 'too big mbulk count string'],
    [`*1\r\n$${'1'.repeat(70_000)}`, 'too big bulk count string'],
    ['x'.repeat(70_000), 'too big inline request'],
  ])('%s', (text, error) => {
    expect(decode(latin1(`*1\r\n$4\r\nPING\r\n${text}`))).toEqual({
      commands: [['PING']],
      error: `ERR Protocol error: ${error}`,
      rest: 0,
    });
  });

  test('who has not given the password may send little', () => {
    expect(decode(latin1('*11\r\n'), [], false).error).toBe(
      'ERR Protocol error: unauthenticated multibulk length',
    );
    const long = new Decoder(new Arguments(), { bulkBytesMax: 1_000_000 });
    const bytes = latin1('*2\r\n$4\r\nAUTH\r\n$16385\r\n');
    long.rebase(bytes, 0, bytes.length);
    expect(long.next(false)).toBe(PROTOCOL_ERROR);
    expect(long.error).toBe('ERR Protocol error: unauthenticated bulk length');
  });

  test('tells how many bytes a long argument still needs', () => {
    const decoder = new Decoder(new Arguments(), LIMITS);
    const bytes = latin1('*2\r\n$3\r\nGET\r\n$900\r\nabc');
    decoder.rebase(bytes, 0, bytes.length);
    expect(decoder.next(true)).toBe(INCOMPLETE);
    expect(decoder.isInsideCommand).toBe(true);
    expect(decoder.bytesWanted).toBe(bytes.length - 3 + 902);
  });
});
