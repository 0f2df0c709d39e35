/**
 * Whether a text matches a glob pattern with `*`, `?`, `[a-z]`, `[^a-z]` and backslash escapes, as Redis's
 * `stringmatchlen` (util.c). After one `*` that could not be matched further on, no earlier one is tried again, so the
 * time is bounded by the product of the lengths.
 *
 * One difference: a pattern of stars only matches the empty text. Redis's function denies it, and KEYS and SCAN work
 * around that for a single star, so that to them `*` finds the empty name and `**` does not.
 */
export function globMatch(
  pattern: Uint8Array,
  patternOffset: number,
  patternLength: number,
  text: Uint8Array,
  textOffset: number,
  textLength: number,
  ignoreCase: boolean,
): boolean {
  const patternEnd = patternOffset + patternLength;
  const textEnd = textOffset + textLength;
  let at = patternOffset;
  let position = textOffset;
  /** Where to go on after the last star, with one more byte taken by it. */
  let starPattern = -1;
  let starText = 0;
  for (;;) {
    if (at < patternEnd && pattern[at] === 42) {
      while (at < patternEnd && pattern[at] === 42) at++;
      if (at === patternEnd) return true;
      starPattern = at;
      starText = position;
      continue;
    }
    if (position === textEnd) return at === patternEnd;
    const next = at < patternEnd ? matchOne(pattern, at, patternEnd, text[position], ignoreCase) : -1;
    if (next >= 0) {
      at = next;
      position++;
    } else if (starPattern >= 0) {
      at = starPattern;
      position = ++starText;
    } else {
      return false;
    }
  }
}

/** The pattern's position after what matches one byte, or -1. */
function matchOne(pattern: Uint8Array, at: number, end: number, byte: number, ignoreCase: boolean): number {
  let expected = pattern[at];
  if (expected === 63) return at + 1;
  if (expected === 91) return matchClass(pattern, at + 1, end, byte, ignoreCase);
  if (expected === 92 && at + 1 < end) expected = pattern[++at];
  return fold(expected, ignoreCase) === fold(byte, ignoreCase) ? at + 1 : -1;
}

/** As {@link matchOne} for a class, from after its bracket. A class that is not closed ends with the pattern. */
function matchClass(
  pattern: Uint8Array,
  from: number,
  end: number,
  byte: number,
  ignoreCase: boolean,
): number {
  let at = from;
  const negated = at < end && pattern[at] === 94;
  if (negated) at++;
  let matched = false;
  const folded = fold(byte, ignoreCase);
  for (;;) {
    if (at + 1 < end && pattern[at] === 92) {
      at++;
      if (pattern[at] === byte) matched = true;
    } else if (at >= end) {
      at--;
      break;
    } else if (pattern[at] === 93) {
      break;
    } else if (at + 2 < end && pattern[at + 1] === 45) {
      if (inRange(pattern[at], pattern[at + 2], folded, ignoreCase)) matched = true;
      at += 2;
    } else if (fold(pattern[at], ignoreCase) === folded) {
      matched = true;
    }
    at++;
  }
  return matched !== negated ? at + 1 : -1;
}

/**
 * Whether a folded byte is within a range of a class, its ends in any order. Bytes compare as signed, as C's `char` does
 * on x86, and the ends are put in order before their case is folded: so `[a-Z]` is empty when case is ignored.
 */
function inRange(first: number, last: number, folded: number, ignoreCase: boolean): boolean {
  const isOrdered = signed(first) <= signed(last);
  const low = fold(isOrdered ? first : last, ignoreCase);
  const high = fold(isOrdered ? last : first, ignoreCase);
  return signed(folded) >= signed(low) && signed(folded) <= signed(high);
}

function signed(byte: number): number {
  return (byte << 24) >> 24;
}

function fold(byte: number, ignoreCase: boolean): number {
  return ignoreCase && byte >= 65 && byte <= 90 ? byte | 32 : byte;
}
