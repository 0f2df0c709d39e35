import { describe, expect, test } from 'vitest';
import { latin1Bytes } from './bytes.ts';
import { globMatch } from './glob.ts';

/** Matches ranges in the middle of arrays whose surroundings would match if they were read. */
function matches(pattern: string, text: string, ignoreCase = false): boolean {
  return globMatch(
    latin1Bytes(`**${pattern}**`),
    2,
    pattern.length,
    latin1Bytes(`]]${text}]]`),
    2,
    text.length,
    ignoreCase,
  );
}

// The outcomes are those of redis-server 7.0.15's KEYS, and of its stringmatchlen where case is ignored.
describe('globMatch', () => {
  test.each([
    ['', ''],
    ['*', 'anything'],
    ['***', 'a'],
    ['h?llo', 'hello'],
    ['h*llo', 'hllo'],
    ['h*llo', 'heeeello'],
    ['*a*b', 'xaxbxaxb'],
    ['a*', 'a'],
    ['a**', 'a'],
    ['[a-c]', 'b'],
    ['[c-a]', 'b'],
    ['[^a-z]', 'A'],
    ['[^a-z]', '5'],
    // A range up to the bracket: the class is not closed.
    ['[a-]', '^'],
    ['[-a]', '-'],
    ['[a^]', '^'],
    ['\\*', '*'],
    ['\\[a', '[a'],
    ['a\\', 'a\\'],
    ['[\\]]', ']'],
    ['[\\a]', 'a'],
    ['[a\\-z]', '-'],
    // A class that is not closed ends with the pattern.
    ['[abc', 'c'],
    ['[^', 'x'],
    ['[^a', 'b'],
    ['[a-z', 'q'],
    ['[\\', '\\'],
    // Bytes of a range compare as signed: -1 comes before 97.
    ['[a-\xff]', '\x00'],
    ['[\x80-\xff]', '\xc8'],
  ])('%j matches %j', (pattern, text) => {
    expect(matches(pattern, text)).toBe(true);
  });

  test.each([
    ['', 'a'],
    ['a', ''],
    ['?', ''],
    ['*?', ''],
    ['h?llo', 'hllo'],
    ['h[^e]llo', 'hello'],
    ['a*b', 'ab\n'],
    ['*a*b', 'xaxbxa'],
    ['[a-]', '-'],
    ['[]a]', ']'],
    ['[]', ']'],
    ['[', '['],
    ['[a\\-z]', 'm'],
    ['[^', ''],
    ['Hello', 'hello'],
    ['[a-z]', 'A'],
    ['[a-\xff]', 'z'],
  ])('%j does not match %j', (pattern, text) => {
    expect(matches(pattern, text)).toBe(false);
  });

  test('case is ignored if asked for, but for an escape in a class', () => {
    expect(matches('MAX*', 'maxmemory', true)).toBe(true);
    expect(matches('[A-C]x', 'bX', true)).toBe(true);
    expect(matches('[^A-C]', 'b', true)).toBe(false);
    expect(matches('[\\A]', 'a', true)).toBe(false);
    expect(matches('@', '`', true)).toBe(false);
    // Its ends are ordered first, so that it becomes the empty range from z to a.
    expect(matches('[a-Z]', 'b', true)).toBe(false);
  });

  test('stars match the empty text, which KEYS * relies on', () => {
    expect(matches('*', '')).toBe(true);
    expect(matches('**', '')).toBe(true);
  });

  test('many stars take no exponential time', () => {
    // A matcher that tries every star again for each byte would need about 10^30 steps.
    expect(matches(`${'a*'.repeat(50)}b`, 'a'.repeat(3000))).toBe(false);
    expect(matches(`${'*a'.repeat(50)}*b`, 'a'.repeat(3000))).toBe(false);
  });
});
