import { copyBytes } from '../base/bytes.ts';

const BYTES_INITIAL = 1024;
const KEPT_BYTES_MAX = 1 << 20;

/** Bytes being put together outside Lua's memory; one is kept and used again. */
export class ByteWriter {
  /** What was written is `bytes[0 … length)`; replaced when it grows. */
  bytes: Uint8Array = new Uint8Array(BYTES_INITIAL);
  length = 0;
  #view = new DataView(this.bytes.buffer);

  reset(): void {
    if (this.bytes.length > KEPT_BYTES_MAX) this.#replace(new Uint8Array(BYTES_INITIAL));
    this.length = 0;
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  copy(source: Uint8Array, offset: number, length: number): void {
    this.reserve(length);
    copyBytes(source, offset, this.bytes, this.length, length);
    this.length += length;
  }

  /** Text of characters below 256. */
  text(text: string): void {
    this.reserve(text.length);
    for (let at = 0; at < text.length; at++) this.bytes[this.length++] = text.charCodeAt(at);
  }

  zeros(count: number): void {
    this.reserve(count);
    this.bytes.fill(0, this.length, this.length + count);
    this.length += count;
  }

  uint16(value: number): void {
    this.reserve(2);
    this.#view.setUint16(this.length, value);
    this.length += 2;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.length, value);
    this.length += 4;
  }

  uint64(value: bigint): void {
    this.reserve(8);
    this.#view.setBigUint64(this.length, BigInt.asUintN(64, value));
    this.length += 8;
  }

  float32(value: number, isLittleEndian: boolean): void {
    this.reserve(4);
    this.#view.setFloat32(this.length, value, isLittleEndian);
    this.length += 4;
  }

  float64(value: number, isLittleEndian: boolean): void {
    this.reserve(8);
    this.#view.setFloat64(this.length, value, isLittleEndian);
    this.length += 8;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.#replace(larger);
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
