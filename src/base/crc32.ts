import zlib from 'node:zlib';

/** Node has it natively from 20.15; up to this many bytes the call costs more than the table (docs/adr/0005). */
const TABLE_BYTES_MAX = 256;

const native = (zlib as { crc32?: (data: Uint8Array, seed?: number) => number }).crc32;

/** Table `n` is of a byte that `n` further bytes follow ("slicing by 4", Kounavis and Berry, 2005). */
const tables = [0, 1, 2, 3].map(() => new Int32Array(256));
const [table0, table1, table2, table3] = tables as [Int32Array, Int32Array, Int32Array, Int32Array];
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) !== 0 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  table0[byte] = value;
}
for (let byte = 0; byte < 256; byte++) {
  for (let at = 1; at < 4; at++) {
    const before = tables[at - 1][byte];
    tables[at][byte] = (before >>> 8) ^ table0[before & 0xff];
  }
}

/**
 * The CRC-32 of IEEE 802.3 of a byte range, from 0 to 2^32 - 1, as zlib computes it. `seed` is the checksum of what comes
 * before the range.
 */
export function crc32(bytes: Uint8Array, offset: number, length: number, seed = 0): number {
  if (length > TABLE_BYTES_MAX && native !== undefined)
    return native(bytes.subarray(offset, offset + length), seed);
  let value = ~seed;
  let at = offset;
  const end = offset + length;
  for (; at + 4 <= end; at += 4) {
    value ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    value =
      table3[value & 0xff] ^
      table2[(value >>> 8) & 0xff] ^
      table1[(value >>> 16) & 0xff] ^
      table0[value >>> 24];
  }
  for (; at < end; at++) value = (value >>> 8) ^ table0[(value ^ bytes[at]) & 0xff];
  return ~value >>> 0;
}
