/** Conversions of doubles to integers as C compiled for the machines of Redis (64 bits, x86) does them. */

const INT_LIMIT = 2 ** 31;
const LONG_LIMIT = 2 ** 63;
const ULONG_LIMIT = 2 ** 64;

/** `(long)value`: what does not fit becomes the smallest one. */
export function toLong(value: number): bigint {
  if (!(value >= -LONG_LIMIT && value < LONG_LIMIT)) return -(1n << 63n);
  return BigInt(Math.trunc(value));
}

/** `(unsigned long)value`: what is negative wraps around. */
export function toUnsignedLong(value: number): bigint {
  if (value >= ULONG_LIMIT) return 0n;
  if (value >= LONG_LIMIT) return BigInt(value);
  return BigInt.asUintN(64, toLong(value));
}

/** `(int)(long)value`: the lower 32 bits. */
export function toInt(value: number): number {
  if (value > -INT_LIMIT && value < INT_LIMIT) return Math.trunc(value);
  return Number(BigInt.asIntN(32, toLong(value)));
}
