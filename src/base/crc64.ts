/**
 * CRC-64 of Redis's RDB files and DUMP payloads (crc64.c): the polynomial of David T. Jones, 0xad93d23594c935a9, with
 * bits reflected, from zero, without a final exclusive-or. JavaScript's integer operations have 32 bits, so the register
 * is two halves, and so is each table.
 */
const POLYNOMIAL_LOW = 0xac4bc9b5 | 0;
const POLYNOMIAL_HIGH = 0x95ac9329 | 0;
const SLICE_BYTES = 8;

/** Table `n` is of a byte that `n` further bytes follow ("slicing by 8", Kounavis and Berry, 2005). */
const lowTables = Array.from({ length: SLICE_BYTES }, () => new Int32Array(256));
const highTables = Array.from({ length: SLICE_BYTES }, () => new Int32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let low = byte;
  let high = 0;
  for (let following = 0; following < SLICE_BYTES; following++) {
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = (low & 1) !== 0;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (isOdd) {
        low ^= POLYNOMIAL_LOW;
        high ^= POLYNOMIAL_HIGH;
      }
    }
    lowTables[following][byte] = low;
    highTables[following][byte] = high;
  }
}
const [low0, low1, low2, low3, low4, low5, low6, low7] = lowTables;
const [high0, high1, high2, high3, high4, high5, high6, high7] = highTables;

/** A checksum in progress; it is that of all bytes given to {@link update} so far. */
export class Crc64 {
  /** The lower and upper half as signed 32-bit integers. Stored lower half first, each little-endian, in RDB and DUMP. */
  low = 0;
  high = 0;

  update(bytes: Uint8Array, offset: number, length: number): void {
    let { low, high } = this;
    const end = offset + length;
    let at = offset;
    for (; at + SLICE_BYTES <= end; at += SLICE_BYTES) {
      const byte7 = (low ^ bytes[at]) & 0xff;
      const byte6 = ((low >>> 8) ^ bytes[at + 1]) & 0xff;
      const byte5 = ((low >>> 16) ^ bytes[at + 2]) & 0xff;
      const byte4 = (low >>> 24) ^ bytes[at + 3];
      const byte3 = (high ^ bytes[at + 4]) & 0xff;
      const byte2 = ((high >>> 8) ^ bytes[at + 5]) & 0xff;
      const byte1 = ((high >>> 16) ^ bytes[at + 6]) & 0xff;
      const byte0 = (high >>> 24) ^ bytes[at + 7];
      low =
        low7[byte7] ^
        low6[byte6] ^
        low5[byte5] ^
        low4[byte4] ^
        low3[byte3] ^
        low2[byte2] ^
        low1[byte1] ^
        low0[byte0];
      high =
        high7[byte7] ^
        high6[byte6] ^
        high5[byte5] ^
        high4[byte4] ^
        high3[byte3] ^
        high2[byte2] ^
        high1[byte1] ^
        high0[byte0];
    }
    for (; at < end; at++) {
      const index = (low ^ bytes[at]) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ low0[index];
      high = (high >>> 8) ^ high0[index];
    }
    this.low = low;
    this.high = high;
  }
}
