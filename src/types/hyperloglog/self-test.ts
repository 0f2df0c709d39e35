import type { Random } from '../../base/random.ts';
import { denseRegister, setDenseRegister } from './dense.ts';
import {
  DENSE,
  DENSE_BYTES,
  encodingAt,
  HEADER_BYTES,
  REGISTER_COUNT,
  REGISTER_MASK,
  SPARSE,
  writeHeader,
} from './format.ts';
import { INDEX_BITS, patternOf } from './hash.ts';
import {
  cardinalityOf,
  EMPTY_BYTES,
  makeDense,
  raiseRegister,
  type StringHolder,
  writeEmpty,
} from './value.ts';

const REGISTER_CYCLES = 1000;
const ELEMENT_COUNT = 10_000_000;
/** Standard deviations by which an estimate may be off. */
const DEVIATIONS_MAX = 6;

/** A string by itself. */
class OwnString implements StringHolder {
  readonly entry: { bytes: Uint8Array; payloadOffset: number; payloadLength: number };

  constructor(length: number) {
    this.entry = { bytes: new Uint8Array(length), payloadOffset: 0, payloadLength: length };
  }

  makeHot(): void {}

  reshape(length: number, room: number): void {
    const { entry } = this;
    if (length > entry.bytes.length) {
      const larger = new Uint8Array(Math.max(length, room));
      larger.set(entry.bytes);
      entry.bytes = larger;
    }
    entry.payloadLength = length;
  }

  get cardinality(): number {
    return cardinalityOf(this.entry.bytes, this.entry.payloadOffset, this.entry.payloadLength);
  }
}

/**
 * What PFSELFTEST does: registers of random values are read back, then ten million elements are added to a dense and a
 * sparse value, whose estimates must agree and be near enough at each power of ten. Takes seconds. Returns null or what
 * is wrong.
 */
export function selfTest(random: Random, sparseBytesMax: number): string | null {
  return testRegisters(random) ?? testEstimates(random, sparseBytesMax);
}

function testRegisters(random: Random): string | null {
  const dense = new Uint8Array(DENSE_BYTES);
  const expected = new Uint8Array(REGISTER_COUNT);
  for (let cycle = 0; cycle < REGISTER_CYCLES; cycle++) {
    for (let register = 0; register < REGISTER_COUNT; register++) {
      const value = random.uint32() & 63;
      expected[register] = value;
      setDenseRegister(dense, HEADER_BYTES, register, value);
    }
    for (let register = 0; register < REGISTER_COUNT; register++) {
      const value = denseRegister(dense, HEADER_BYTES, register);
      if (value !== expected[register]) {
        return `TESTFAILED Register ${register} should be ${expected[register]} but is ${value}`;
      }
    }
  }
  return null;
}

function testEstimates(random: Random, sparseBytesMax: number): string | null {
  const dense = new OwnString(DENSE_BYTES);
  writeHeader(dense.entry.bytes, 0, DENSE);
  const sparse = new OwnString(EMPTY_BYTES);
  writeEmpty(sparse.entry.bytes, 0);
  const element = new DataView(new ArrayBuffer(8));
  const seed = random.uint32();
  element.setUint32(4, random.uint32(), true);
  let checkpoint = 1;
  for (let count = 1; count <= ELEMENT_COUNT; count++) {
    element.setUint32(0, count ^ seed, true);
    const pattern = patternOf(element, 0, 8);
    raise(dense, pattern, sparseBytesMax);
    raise(sparse, pattern, sparseBytesMax);
    if (count !== checkpoint) continue;
    if (count < sparseBytesMax / 2 && encodingAt(sparse.entry.bytes, 0) !== SPARSE) {
      return 'TESTFAILED sparse encoding not used';
    }
    const estimate = dense.cardinality;
    if (estimate !== sparse.cardinality) return 'TESTFAILED dense/sparse disagree';
    const error = Math.abs(count - estimate);
    const deviation = (1.04 / Math.sqrt(REGISTER_COUNT)) * count;
    // Of ten elements two may well fall into one register.
    if (error > (count === 10 ? 1 : Math.ceil(deviation * DEVIATIONS_MAX))) {
      return `TESTFAILED Too big error. card:${count} abserr:${error}`;
    }
    checkpoint *= 10;
  }
  return null;
}

function raise(value: OwnString, pattern: number, sparseBytesMax: number): void {
  const register = pattern & REGISTER_MASK;
  const run = pattern >>> INDEX_BITS;
  if (raiseRegister(value, register, run, sparseBytesMax) !== 'too sparse') return;
  makeDense(value);
  raiseRegister(value, register, run, sparseBytesMax);
}
