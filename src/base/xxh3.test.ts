import { expect, test } from 'vitest';
import { latin1Bytes } from './bytes.ts';
import { xxh3Hex } from './xxh3.ts';

test.each([
  // The reference implementation's value of no bytes.
  ['', '2d06800538d394c2'],
  // The example of the DIGEST page.
  ['Hello world', 'b6acb9d84a38ff74'],
  // Keeps its leading zeros: the example of redis/redis issue 14496.
  [
    'v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd',
    '00006c38adf31777',
  ],
])('XXH3 of %j', (text, digest) => {
  expect(xxh3Hex(latin1Bytes(`..${text}.`), 2, text.length)).toBe(digest);
});
