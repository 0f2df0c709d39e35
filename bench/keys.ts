/** Bytes of every key: `key:` and 12 digits, which is the form redis-benchmark uses, so both can share a data set. */
export const KEY_BYTES = 16;

/** The largest number of keys a run may use: indices stay 31-bit integers. */
export const KEY_COUNT_MAX = 2 ** 31 - 1;

const DIGIT_ZERO = 48;
const TEMPLATE = Buffer.from('key:000000000000', 'latin1');

/** Writes the key of an index (0 to {@link KEY_COUNT_MAX}) into `target` at `offset`: {@link KEY_BYTES} bytes. */
export function writeKey(target: Uint8Array, offset: number, index: number): void {
  for (let position = 0; position < KEY_BYTES; position++) {
    target[offset + position] = TEMPLATE[position];
  }
  let rest = index | 0;
  for (let position = offset + KEY_BYTES - 1; rest > 0; position--) {
    const quotient = (rest / 10) | 0;
    target[position] = DIGIT_ZERO + rest - quotient * 10;
    rest = quotient;
  }
}

/** The key of an index as text, for messages and control commands. */
export function keyText(index: number): string {
  const bytes = Buffer.allocUnsafe(KEY_BYTES);
  writeKey(bytes, 0, index);
  return bytes.toString('latin1');
}
