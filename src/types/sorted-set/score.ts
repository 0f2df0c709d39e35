/**
 * Scores as items hold them: 8 bytes, big-endian, in the order of the numbers. The sign's bit of a double is turned over, and of
 * a negative one all others too. -0 comes immediately before 0 and is the same place in the order.
 */
export const SCORE_BYTES = 8;

/** The two halves of -0 and of 0. */
export const NEGATIVE_ZERO_UPPER = 0x7fffffff;
export const NEGATIVE_ZERO_LOWER = 0xffffffff;
export const ZERO_UPPER = 0x80000000;

const double = new Float64Array(1);
/** The double's halves, the lower one first. */
const halves = new Uint32Array(double.buffer);

/** Upper half of a score's form, below 2^32; {@link lowerHalf} has the lower one until the next call. */
export function upperHalf(score: number): number {
  double[0] = score;
  const upper = halves[1];
  return (upper >= 0x80000000 ? ~upper : upper ^ 0x80000000) >>> 0;
}

/** Lower half of the score that {@link upperHalf} was asked for last. */
export function lowerHalf(): number {
  return (halves[1] >= 0x80000000 ? ~halves[0] : halves[0]) >>> 0;
}

export function writeScore(bytes: Uint8Array, at: number, score: number): void {
  const upper = upperHalf(score);
  const lower = lowerHalf();
  bytes[at] = upper >>> 24;
  bytes[at + 1] = upper >>> 16;
  bytes[at + 2] = upper >>> 8;
  bytes[at + 3] = upper;
  bytes[at + 4] = lower >>> 24;
  bytes[at + 5] = lower >>> 16;
  bytes[at + 6] = lower >>> 8;
  bytes[at + 7] = lower;
}

export function readScore(bytes: Uint8Array, at: number): number {
  const upper = readHalf(bytes, at);
  const lower = readHalf(bytes, at + 4);
  const isNegative = upper < 0x80000000;
  halves[1] = isNegative ? ~upper : upper ^ 0x80000000;
  halves[0] = isNegative ? ~lower : lower;
  return double[0];
}

/** Half of a score's form, big-endian. */
export function readHalf(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
