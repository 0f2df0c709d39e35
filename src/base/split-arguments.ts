const ESCAPES: Record<string, number> = { n: 10, r: 13, t: 9, b: 8, a: 7 };

/**
 * Splits a line into arguments as Redis's `sdssplitargs` (sds.c): separated by white space, with double quotes (escapes
 * \n \r \t \b \a \xHH \" \\) and single quotes (escape \'). A zero byte ends the line. Undefined if quotes are
 * unbalanced or something follows a closing quote. The parts are new arrays.
 */
export function splitArguments(line: Uint8Array, offset: number, length: number): Uint8Array[] | undefined {
  const parts: Uint8Array[] = [];
  const zero = line.subarray(offset, offset + length).indexOf(0);
  const end = offset + (zero < 0 ? length : zero);
  let at = offset;
  for (;;) {
    while (at < end && isSpace(line[at])) at++;
    if (at >= end) return parts;
    const part: number[] = [];
    let quote = 0;
    for (;;) {
      const byte = at < end ? line[at] : -1;
      if (quote === 0) {
        if (byte < 0 || endsWord(byte)) break;
        if (byte === 34 || byte === 39) quote = byte;
        else part.push(byte);
        at++;
        continue;
      }
      if (byte < 0) return undefined;
      if (byte === quote) {
        at++;
        if (at < end && !isSpace(line[at])) return undefined;
        break;
      }
      if (byte === 92 && quote === 39 && at + 1 < end && line[at + 1] === 39) {
        part.push(39);
        at += 2;
      } else if (byte === 92 && quote === 34 && at + 1 < end) {
        const digits = String.fromCharCode(line[at + 2], line[at + 3]);
        if (line[at + 1] === 120 && at + 3 < end && /^[0-9a-fA-F]{2}$/.test(digits)) {
          part.push(Number.parseInt(digits, 16));
          at += 4;
        } else {
          part.push(ESCAPES[String.fromCharCode(line[at + 1])] ?? line[at + 1]);
          at += 2;
        }
      } else {
        part.push(byte);
        at++;
      }
    }
    parts.push(Uint8Array.from(part));
  }
}

/** Vertical tabs and form feeds stand between words as white space, but do not end a word. */
function endsWord(byte: number): boolean {
  return isSpace(byte) && byte !== 11 && byte !== 12;
}

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}
