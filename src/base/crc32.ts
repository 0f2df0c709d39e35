import zlib from 'node:zlib';

/** CRC-32 of IEEE 802.3, as zlib computes it. Node has it natively from 20.15; below this many bytes the call costs more. */
const NATIVE_BYTES_MIN = 96;

const native = (zlib as { crc32?: (data: Uint8Array) => number }).crc32;

const table = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) !== 0 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  table[byte] = value;
}

/** The checksum of a byte range, from 0 to 2^32 - 1. */
export function crc32(bytes: Uint8Array, offset: number, length: number): number {
  if (length >= NATIVE_BYTES_MIN && native !== undefined)
    return native(bytes.subarray(offset, offset + length));
  let value = -1;
  for (let at = offset; at < offset + length; at++) value = (value >>> 8) ^ table[(value ^ bytes[at]) & 0xff];
  return (value ^ -1) >>> 0;
}
