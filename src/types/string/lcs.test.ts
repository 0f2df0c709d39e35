import { describe, expect, test } from 'vitest';
import { latin1, latin1Bytes } from '../../base/bytes.ts';
import { SeededRandom } from '../../base/random.ts';
import { longestCommonSubsequence, tableBytes } from './lcs.ts';

function lcs(left: string, right: string) {
  const result = longestCommonSubsequence(latin1Bytes(left), latin1Bytes(right));
  return {
    text: latin1(result.bytes, 0, result.bytes.length),
    length: result.length,
    matches: result.matches.map((match) => [
      match.leftStart,
      match.leftEnd,
      match.rightStart,
      match.rightEnd,
    ]),
  };
}

/** By the recurrence itself. */
function lengthOf(left: string, right: string): number {
  const rows = [new Array<number>(right.length + 1).fill(0)];
  for (let row = 1; row <= left.length; row++) {
    rows.push([0]);
    for (let column = 1; column <= right.length; column++) {
      rows[row][column] =
        left[row - 1] === right[column - 1]
          ? rows[row - 1][column - 1] + 1
          : Math.max(rows[row - 1][column], rows[row][column - 1]);
    }
  }
  return rows[left.length][right.length];
}

describe('longestCommonSubsequence', () => {
  test('the example of the LCS page', () => {
    expect(lcs('ohmytext', 'mynewtext')).toEqual({
      text: 'mytext',
      length: 6,
      matches: [
        [4, 7, 5, 8],
        [2, 3, 0, 1],
      ],
    });
  });

  // Which of several equally long ones is chosen is as redis-server 7.0.15 does.
  test.each([
    ['', '', '', []],
    ['abc', '', '', []],
    ['abc', 'xyz', '', []],
    ['abc', 'abc', 'abc', [[0, 2, 0, 2]]],
    ['ab', 'ba', 'b', [[1, 1, 0, 0]]],
    ['abcabc', 'cabcab', 'abcab', [[0, 4, 1, 5]]],
    [
      'abcbdab',
      'bdcaba',
      'bdab',
      [
        [5, 6, 3, 4],
        [3, 4, 0, 1],
      ],
    ],
  ])('%j and %j', (left, right, text, matches) => {
    expect(lcs(left, right)).toEqual({ text, length: text.length, matches });
  });

  test('its length is the longest and its runs are common to both', () => {
    const random = new SeededRandom(1);
    const word = () => Array.from({ length: random.below(30) }, () => 'abcd'[random.below(4)]).join('');
    for (let round = 0; round < 300; round++) {
      const left = word();
      const right = word();
      const { text, length, matches } = lcs(left, right);
      expect(length).toBe(lengthOf(left, right));
      const runs = [...matches].reverse();
      expect(runs.map((run) => left.slice(run[0], run[1] + 1)).join('')).toBe(text);
      expect(runs.map((run) => right.slice(run[2], run[3] + 1)).join('')).toBe(text);
    }
  });
});

test("Redis's table has four bytes for each pair of prefixes", () => {
  expect(tableBytes(9, 9)).toBe(400);
});
