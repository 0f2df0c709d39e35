const QUOTE = 34;
const BACKSLASH = 92;
const LETTER_X = 120;
const HEX_DIGITS = '0123456789abcdef';
/** Bytes that are written as a backslash and a letter. */
const LETTERS: Readonly<Record<number, string>> = {
  7: 'a',
  8: 'b',
  9: 't',
  10: 'n',
  13: 'r',
  [QUOTE]: '"',
  [BACKSLASH]: '\\',
};

/** Bytes in double quotes, those that can't be printed escaped as in C (sdscatrepr). The result is the caller's. */
export function quoteBytes(bytes: Uint8Array, offset: number, length: number): Buffer {
  const quoted = Buffer.allocUnsafe(length * 4 + 2);
  let to = 0;
  quoted[to++] = QUOTE;
  for (let at = offset; at < offset + length; at++) {
    const byte = bytes[at];
    const letter = LETTERS[byte];
    if (letter !== undefined) {
      quoted[to++] = BACKSLASH;
      quoted[to++] = letter.charCodeAt(0);
    } else if (byte >= 32 && byte < 127) {
      quoted[to++] = byte;
    } else {
      quoted[to++] = BACKSLASH;
      quoted[to++] = LETTER_X;
      quoted[to++] = HEX_DIGITS.charCodeAt(byte >> 4);
      quoted[to++] = HEX_DIGITS.charCodeAt(byte & 15);
    }
  }
  quoted[to++] = QUOTE;
  return quoted.subarray(0, to);
}
