import { expect, test } from 'vitest';
import { denseRegister, mergeDense, packDense, setDenseRegister } from './dense.ts';
import { estimateCardinality } from './estimate.ts';
import { DENSE_BYTES, HEADER_BYTES, REGISTER_COUNT, REGISTER_MASK } from './format.ts';
import { INDEX_BITS, patternOf } from './hash.ts';
import { cardinalityOf, cardinalityOfRegisters } from './value.ts';

test('the estimate is within four standard errors, up to a million elements', () => {
  const dense = new Uint8Array(DENSE_BYTES);
  const element = new DataView(new ArrayBuffer(8));
  for (let count = 1; count <= 1_000_000; count++) {
    element.setUint32(0, count);
    const pattern = patternOf(element, 0, 8);
    const register = pattern & REGISTER_MASK;
    const run = pattern >>> INDEX_BITS;
    if (run > denseRegister(dense, HEADER_BYTES, register)) {
      setDenseRegister(dense, HEADER_BYTES, register, run);
    }
    if (!/^10*$/.test(String(count))) continue;
    const estimate = cardinalityOf(dense, 0, dense.length);
    expect(Math.abs(estimate - count)).toBeLessThanOrEqual(Math.ceil(count * 4 * 0.0081));
    const registers = new Uint8Array(REGISTER_COUNT);
    mergeDense(dense, HEADER_BYTES, registers);
    expect(cardinalityOfRegisters(registers)).toBe(estimate);
    const packed = new Uint8Array(DENSE_BYTES);
    packDense(registers, packed, HEADER_BYTES);
    expect(Buffer.from(packed).equals(dense)).toBe(true);
  }
});

test('registers that no elements give', () => {
  const histogram = new Int32Array(64);
  histogram[63] = REGISTER_COUNT;
  expect(estimateCardinality(histogram)).toBe(2 ** 63);
  histogram[63] = 0;
  histogram[0] = REGISTER_COUNT;
  expect(estimateCardinality(histogram)).toBe(0);
});
