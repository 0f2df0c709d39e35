/** Encodings that Redis no longer writes, built as its older versions did. */

function integer(value: bigint, bytes: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64LE(value);
  return buffer.subarray(0, bytes);
}

function ziplistInteger(value: bigint): Buffer {
  if (value >= 0n && value <= 12n) return Buffer.from([0xf1 + Number(value)]);
  const sizes: [code: number, bytes: number][] = [
    [0xfe, 1],
    [0xc0, 2],
    [0xf0, 3],
    [0xd0, 4],
    [0xe0, 8],
  ];
  for (const [code, bytes] of sizes) {
    if (BigInt.asIntN(bytes * 8, value) === value)
      return Buffer.concat([Buffer.from([code]), integer(value, bytes)]);
  }
  throw new Error(`${value} has more than 64 bits`);
}

function ziplistString(bytes: Buffer): Buffer {
  const { length } = bytes;
  if (length < 64) return Buffer.concat([Buffer.from([length]), bytes]);
  if (length < 16384) return Buffer.concat([Buffer.from([0x40 | (length >> 8), length & 0xff]), bytes]);
  const header = Buffer.from([0x80, 0, 0, 0, 0]);
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, bytes]);
}

/** A ziplist of strings with one character per byte; texts of integers are integers. */
export function ziplist(texts: readonly string[]): Buffer {
  const header = Buffer.alloc(10);
  const parts: Buffer[] = [header];
  let tail = header.length;
  let length = header.length;
  let previous = 0;
  for (const text of texts) {
    const isInteger = /^(0|-?[1-9]\d{0,17})$/.test(text);
    const prefix =
      previous < 254
        ? Buffer.from([previous])
        : Buffer.concat([Buffer.from([254]), integer(BigInt(previous), 4)]);
    const entry = Buffer.concat([
      prefix,
      isInteger ? ziplistInteger(BigInt(text)) : ziplistString(Buffer.from(text, 'latin1')),
    ]);
    tail = length;
    parts.push(entry);
    length += entry.length;
    previous = entry.length;
  }
  parts.push(Buffer.from([0xff]));
  header.writeUInt32LE(length + 1, 0);
  header.writeUInt32LE(tail, 4);
  header.writeUInt16LE(Math.min(texts.length, 0xffff), 8);
  return Buffer.concat(parts);
}

/** A zipmap of fields and values; each value has `unused` bytes behind it. */
export function zipmap(pairs: readonly (readonly [string, string])[], unused = 0): Buffer {
  const length = (text: string) =>
    text.length < 254
      ? Buffer.from([text.length])
      : Buffer.concat([Buffer.from([254]), integer(BigInt(text.length), 4)]);
  const parts = pairs.flatMap(([field, value]) => [
    length(field),
    Buffer.from(field, 'latin1'),
    length(value),
    Buffer.from([unused]),
    Buffer.from(value, 'latin1'),
    Buffer.alloc(unused),
  ]);
  return Buffer.concat([Buffer.from([Math.min(pairs.length, 254)]), ...parts, Buffer.from([0xff])]);
}
