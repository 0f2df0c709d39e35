import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SizeDistribution, Values } from './values.ts';

describe('SizeDistribution', () => {
  it('takes one size', () => {
    const sizes = new SizeDistribution('100');
    expect([sizes.at(0), sizes.at(0.999_999), sizes.bytesMax, sizes.bytesMean]).toEqual([100, 100, 100, 100]);
  });

  it('spreads a range evenly, both ends included', () => {
    const sizes = new SizeDistribution('10-13');
    expect([0, 0.249, 0.25, 0.5, 0.75, 0.999].map((place) => sizes.at(place))).toEqual([
      10, 10, 11, 12, 13, 13,
    ]);
    expect(sizes.bytesMean).toBe(11.5);
  });

  it('takes weights', () => {
    const sizes = new SizeDistribution('100:50,1000:30,4000:20');
    expect([0, 0.499, 0.501, 0.799, 0.801, 0.999].map((place) => sizes.at(place))).toEqual([
      100, 100, 1000, 1000, 4000, 4000,
    ]);
    expect(sizes.bytesMax).toBe(4000);
    expect(sizes.bytesMean).toBeCloseTo(1150);
  });

  it('rejects what it cannot mean', () => {
    for (const text of ['', 'x', '-1', '5-4', '10:0', '10,', '10:1:2', '1.5', '999999999999']) {
      expect(() => new SizeDistribution(text), text).toThrow(/bad value size/);
    }
  });
});

describe('Values', () => {
  const bytesOf = (values: Values, index: number): Buffer => {
    const bytes = Buffer.alloc(values.sizeOf(index));
    values.write(bytes, 0, index);
    return bytes;
  };

  it('derives the same value from an index every time, and others from others', () => {
    const sizes = new SizeDistribution('0-300');
    const values = new Values(sizes, false);
    const again = new Values(sizes, false);
    const seen = new Set<string>();
    let distinguishable = 0;
    for (let index = 0; index < 2000; index++) {
      const value = bytesOf(values, index);
      expect(value.equals(bytesOf(again, index))).toBe(true);
      if (value.length < 4) continue;
      distinguishable++;
      seen.add(value.toString('latin1'));
    }
    expect(seen.size).toBe(distinguishable);
  });

  it('follows the distribution of sizes over the keys', () => {
    const values = new Values(new SizeDistribution('10:75,20:25'), false);
    let small = 0;
    for (let index = 0; index < 10_000; index++) if (values.sizeOf(index) === 10) small++;
    expect(Math.abs(small - 7500)).toBeLessThan(5 * Math.sqrt(10_000 * 0.75 * 0.25));
  });

  it('recognises a value cut at any byte, and every single wrong byte', () => {
    const values = new Values(new SizeDistribution('0-40'), false);
    for (let index = 0; index < 60; index++) {
      const value = Buffer.concat([Buffer.from('ab'), bytesOf(values, index), Buffer.from('cd')]);
      const end = value.length - 2;
      for (let cut = 2; cut <= end; cut++) {
        expect(values.matches(index, 0, value, 2, cut)).toBe(true);
        expect(values.matches(index, cut - 2, value, cut, end)).toBe(true);
      }
      for (let position = 2; position < end; position++) {
        value[position] ^= 1;
        expect(values.matches(index, 0, value, 2, end)).toBe(false);
        value[position] ^= 1;
      }
    }
  });

  it('is compressible when asked to be', () => {
    const size = new SizeDistribution('4000');
    expect(gzipSync(bytesOf(new Values(size, false), 1)).length).toBeGreaterThan(3900);
    expect(gzipSync(bytesOf(new Values(size, true), 1)).length).toBeLessThan(1500);
  });
});
