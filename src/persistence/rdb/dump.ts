import { Crc64 } from '../../base/crc64.ts';
import { RDB_VERSION_MAX, versionOfType } from './types.ts';
import type { RdbWriter } from './writer.ts';

/** A DUMP payload ends with the RDB version (16 bits) and the CRC-64 of all before it; both little-endian. */
export const DUMP_FOOTER_BYTES = 10;
const CHECKSUM_BYTES = 8;

/**
 * Ends a payload in a writer without a target, which holds nothing but the type's byte and the value: appends the
 * version, the oldest that has the type, and the checksum.
 */
export function endDump(writer: RdbWriter): void {
  const version = versionOfType(writer.bytes[0]);
  writer.writeByte(version & 0xff);
  writer.writeByte(version >> 8);
  const crc = new Crc64();
  crc.update(writer.bytes, 0, writer.length);
  writeChecksum(writer, crc);
}

/** Writes a checksum as it stands in payloads and files. */
export function writeChecksum(writer: RdbWriter, { low, high }: Crc64): void {
  for (let shift = 0; shift < 32; shift += 8) writer.writeByte((low >> shift) & 0xff);
  for (let shift = 0; shift < 32; shift += 8) writer.writeByte((high >> shift) & 0xff);
}

/**
 * The length of a payload's type and value, or -1 if its version is newer than is read here or its checksum is wrong
 * ("DUMP payload version or checksum are wrong", verifyDumpPayload in cluster.c). Without `verifiesChecksum` any checksum is right.
 */
export function verifyDump(
  payload: Uint8Array,
  offset: number,
  length: number,
  verifiesChecksum = true,
): number {
  const valueBytes = length - DUMP_FOOTER_BYTES;
  if (valueBytes < 0) return -1;
  const view = new DataView(payload.buffer, payload.byteOffset + offset, length);
  if (view.getUint16(valueBytes, true) > RDB_VERSION_MAX) return -1;
  if (!verifiesChecksum) return valueBytes;
  const summed = length - CHECKSUM_BYTES;
  const crc = new Crc64();
  crc.update(payload, offset, summed);
  const matches =
    view.getInt32(summed, true) === crc.low && view.getInt32(summed + CHECKSUM_BYTES / 2, true) === crc.high;
  return matches ? valueBytes : -1;
}
