import { REGISTER_COUNT } from './format.ts';

/** Registers of 6 bits one after the other, from the least significant bit of the first byte on. */

const REGISTER_BITS = 6;
const REGISTER_MAX = (1 << REGISTER_BITS) - 1;

/** Register number `register` of those that begin at `offset`. */
export function denseRegister(bytes: Uint8Array, offset: number, register: number): number {
  const bit = register * REGISTER_BITS;
  const at = offset + (bit >>> 3);
  const shift = bit & 7;
  // Only a register that reaches into the next byte has one within the value.
  const upper = shift > 8 - REGISTER_BITS ? bytes[at + 1] << (8 - shift) : 0;
  return ((bytes[at] >>> shift) | upper) & REGISTER_MAX;
}

export function setDenseRegister(bytes: Uint8Array, offset: number, register: number, value: number): void {
  const bit = register * REGISTER_BITS;
  const at = offset + (bit >>> 3);
  const shift = bit & 7;
  bytes[at] = (bytes[at] & ~(REGISTER_MAX << shift)) | (value << shift);
  if (shift > 8 - REGISTER_BITS) {
    bytes[at + 1] = (bytes[at + 1] & ~(REGISTER_MAX >>> (8 - shift))) | (value >>> (8 - shift));
  }
}

/** Adds the number of registers of each value to `histogram`. */
export function countDense(bytes: Uint8Array, offset: number, histogram: Int32Array): void {
  for (let register = 0, at = offset; register < REGISTER_COUNT; register += 4, at += 3) {
    const four = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
    histogram[four & REGISTER_MAX]++;
    histogram[(four >>> 6) & REGISTER_MAX]++;
    histogram[(four >>> 12) & REGISTER_MAX]++;
    histogram[four >>> 18]++;
  }
}

/** Raises each of `registers`, a byte each, to the dense one where that is greater. */
export function mergeDense(bytes: Uint8Array, offset: number, registers: Uint8Array): void {
  for (let register = 0, at = offset; register < REGISTER_COUNT; register += 4, at += 3) {
    const four = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
    for (let index = 0; index < 4; index++) {
      const value = (four >>> (index * REGISTER_BITS)) & REGISTER_MAX;
      if (value > registers[register + index]) registers[register + index] = value;
    }
  }
}

/** Writes `registers`, a byte each, as dense ones. */
export function packDense(registers: Uint8Array, bytes: Uint8Array, offset: number): void {
  for (let register = 0, at = offset; register < REGISTER_COUNT; register += 4, at += 3) {
    const four =
      registers[register] |
      (registers[register + 1] << 6) |
      (registers[register + 2] << 12) |
      (registers[register + 3] << 18);
    bytes[at] = four;
    bytes[at + 1] = four >>> 8;
    bytes[at + 2] = four >>> 16;
  }
}
