import { expect, test } from 'vitest';
import { Arguments } from './arguments.ts';

/** Words that lie in a receive buffer, which is a Buffer and soon holds other bytes. */
function received() {
  const buffer = Buffer.from('..GET.key.');
  const words = new Arguments();
  words.buffer = buffer;
  words.push(2, 3);
  words.push(6, 3);
  return { words, reuse: () => buffer.fill('x') };
}

test('a copied or detached argument outlives the buffer', () => {
  const { words, reuse } = received();
  const copy = words.copy(1);
  const detached = words.detach();
  const clone = words.clone();
  reuse();
  expect(Buffer.from(copy).toString()).toBe('key');
  expect([detached.text(0), detached.text(1), detached.byteCount]).toEqual(['GET', 'key', 6]);
  expect(clone.text(1)).toBe('xxx');
});

test('grows with the arguments, and moves with the bytes', () => {
  const words = new Arguments();
  words.buffer = Uint8Array.from({ length: 200 }, (_, at) => at);
  for (let at = 0; at < 100; at++) words.push(at, 1);
  words.shift(50);
  expect(Array.from({ length: 100 }, (_, at) => words.copy(at)[0])).toEqual(
    Array.from({ length: 100 }, (_, at) => at + 50),
  );
});

test('compares a word in any case', () => {
  const words = Arguments.of([Buffer.from('gEt'), Buffer.from('gets')]);
  expect([words.is(0, 'get'), words.is(1, 'get'), words.is(1, 'gets')]).toEqual([true, false, true]);
});
