import { describe, expect, test } from 'vitest';
import { latin1, latin1Bytes } from './bytes.ts';
import { splitArguments } from './split-arguments.ts';

/** Splits a range in the middle of an array whose surroundings would change the outcome if they were read. */
function split(text: string): string[] | undefined {
  return splitArguments(latin1Bytes(`"x${text}'"`), 2, text.length)?.map((part) =>
    latin1(part, 0, part.length),
  );
}

// As redis-server 7.0.15 splits inline commands.
describe('splitArguments', () => {
  test.each<[string, string[]]>([
    ['', []],
    [' \t\v\f ', []],
    ['SET key value', ['SET', 'key', 'value']],
    ['  a \t b\r\n', ['a', 'b']],
    ['"a b" \'c d\'', ['a b', 'c d']],
    ['"" \'\'', ['', '']],
    ['ab"c d"', ['abc d']],
    ['"\\x41\\xfF\\x4"', ['A\xffx4']],
    ['"\\n\\r\\t\\b\\a\\"\\\\\\q"', ['\n\r\t\b\x07"\\q']],
    ["'it\\'s \\n'", ["it's \\n"]],
    ['a\\nb', ['a\\nb']],
    ['\va\vb\fc', ['a\vb\fc']],
    ['"a"\vb', ['a', 'b']],
    ['a\0b c', ['a']],
    ['a b\0"', ['a', 'b']],
  ])('%j', (text, parts) => {
    expect(split(text)).toEqual(parts);
  });

  test.each(['"a', "'a", '"a\\"', "'a\\'", '"a\\', "'a\\", '"a"b', "'a'b", '"a"\'b\'', '"a\0"', 'a"'])(
    '%j is unbalanced',
    (text) => {
      expect(split(text)).toBeUndefined();
    },
  );
});
