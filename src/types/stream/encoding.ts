/** The encoding of streams, which have but one. */
export const ENCODING_STREAM = 0;

/** The encoding's name as OBJECT ENCODING tells it. */
export function encodingName(): string {
  return 'stream';
}
