/**
 * CRC-64 of Redis's RDB files and DUMP payloads (crc64.c): the polynomial of David T. Jones, 0xad93d23594c935a9, with
 * bits reflected, from zero, without a final exclusive-or. JavaScript's integer operations have 32 bits, so the register
 * is two halves.
 */
const POLYNOMIAL_LOW = 0xac4bc9b5 | 0;
const POLYNOMIAL_HIGH = 0x95ac9329 | 0;

const tableLow = new Int32Array(256);
const tableHigh = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let low = byte;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = (low & 1) !== 0;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (isOdd) {
      low ^= POLYNOMIAL_LOW;
      high ^= POLYNOMIAL_HIGH;
    }
  }
  tableLow[byte] = low;
  tableHigh[byte] = high;
}

/** A checksum in progress; it is that of all bytes given to {@link update} so far. */
export class Crc64 {
  /** The lower and upper half as signed 32-bit integers. Stored lower half first, each little-endian, in RDB and DUMP. */
  low = 0;
  high = 0;

  update(bytes: Uint8Array, offset: number, length: number): void {
    let { low, high } = this;
    for (let at = offset; at < offset + length; at++) {
      const index = (low ^ bytes[at]) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ tableLow[index];
      high = (high >>> 8) ^ tableHigh[index];
    }
    this.low = low;
    this.high = high;
  }
}
