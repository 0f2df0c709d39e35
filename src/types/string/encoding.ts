import { isCanonicalInteger } from '../../base/numbers.ts';

/** Encodings of strings as OBJECT ENCODING tells them; the payload is the string's bytes under each. */
export const ENCODING_RAW = 0;
export const ENCODING_INTEGER = 1;
export const ENCODING_EMBEDDED = 2;
/** Longest embedded string (OBJ_ENCODING_EMBSTR_SIZE_LIMIT). */
const EMBEDDED_BYTES_MAX = 44;

/** The encoding that Redis gives a string that is set as a whole. */
export function encodingOf(bytes: Uint8Array, offset: number, length: number): number {
  if (isCanonicalInteger(bytes, offset, length)) return ENCODING_INTEGER;
  return textEncodingOf(length);
}

/** The encoding of a string of this length that is not tried as an integer: what INCRBYFLOAT writes. */
export function textEncodingOf(length: number): number {
  return length <= EMBEDDED_BYTES_MAX ? ENCODING_EMBEDDED : ENCODING_RAW;
}

/** Its name. */
export function encodingName(encoding: number): string {
  if (encoding === ENCODING_INTEGER) return 'int';
  return encoding === ENCODING_EMBEDDED ? 'embstr' : 'raw';
}
