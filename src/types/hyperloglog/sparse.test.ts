import { expect, test } from 'vitest';
import { SeededRandom } from '../../base/random.ts';
import { REGISTER_COUNT } from './format.ts';
import {
  countSparse,
  describeSparse,
  EMPTY_RUNS_BYTES,
  mergeSparse,
  SparseChange,
  writeEmptyRuns,
} from './sparse.ts';

const OFFSET = 5;

/** Sparse registers in a buffer that has room. */
class Runs {
  readonly bytes = new Uint8Array(40_000);
  length = EMPTY_RUNS_BYTES;
  readonly #change = new SparseChange();

  constructor() {
    writeEmptyRuns(this.bytes, OFFSET);
  }

  raise(register: number, value: number): string {
    const outcome = this.#change.plan(this.bytes, OFFSET, this.length, register, value);
    if (outcome === 'change') this.length = this.#change.apply(this.bytes, OFFSET, this.length);
    return outcome;
  }

  get text(): string {
    return describeSparse(this.bytes, OFFSET, this.length);
  }
}

test('a run is split around the register, and neighbours of one value are joined', () => {
  const runs = new Runs();
  expect(runs.text).toBe('Z:16384');
  const steps: [register: number, value: number, text: string][] = [
    [100, 3, 'Z:100 v:3,1 Z:16283'],
    [30, 3, 'z:30 v:3,1 Z:69 v:3,1 Z:16283'],
    [31, 3, 'z:30 v:3,2 Z:68 v:3,1 Z:16283'],
    [33, 3, 'z:30 v:3,2 z:1 v:3,1 Z:66 v:3,1 Z:16283'],
    [32, 3, 'z:30 v:3,4 Z:66 v:3,1 Z:16283'],
    [34, 3, 'z:30 v:3,4 v:3,1 Z:65 v:3,1 Z:16283'],
    [32, 9, 'z:30 v:3,2 v:9,1 v:3,2 Z:65 v:3,1 Z:16283'],
    [0, 32, 'v:32,1 z:29 v:3,2 v:9,1 v:3,2 Z:65 v:3,1 Z:16283'],
    [16383, 1, 'v:32,1 z:29 v:3,2 v:9,1 v:3,2 Z:65 v:3,1 Z:16282 v:1,1'],
  ];
  for (const [register, value, text] of steps) {
    expect(runs.raise(register, value)).toBe('change');
    expect(runs.text).toBe(text);
    expect(runs.raise(register, value)).toBe('no change');
  }
});

test('registers raised in any order read back', () => {
  const random = new SeededRandom(7);
  const runs = new Runs();
  const expected = new Uint8Array(REGISTER_COUNT);
  for (let round = 0; round < 6000; round++) {
    // Some of them close together, so that runs of values meet.
    const register = random.below(round % 2 === 0 ? REGISTER_COUNT : 300);
    const value = 1 + random.below(1 + random.below(32));
    expect(runs.raise(register, value)).toBe(value > expected[register] ? 'change' : 'no change');
    expected[register] = Math.max(expected[register], value);
  }
  const registers = new Uint8Array(REGISTER_COUNT);
  expect(mergeSparse(runs.bytes, OFFSET, runs.length, registers)).toBe(true);
  expect(Buffer.from(registers).equals(expected)).toBe(true);
  const histogram = new Int32Array(64);
  expect(countSparse(runs.bytes, OFFSET, runs.length, histogram)).toBe(true);
  expect(Array.from(histogram)).toEqual(
    Array.from({ length: 64 }, (_, value) => expected.filter((each) => each === value).length),
  );
});

test.each([
  ['nothing', []],
  ['too few registers', [0x7f, 0xfe]],
  ['too many registers', [0x7f, 0xff, 0x00]],
  ['a run that the end cuts off', [0x7f]],
])('%s is corrupt', (_, runs) => {
  const bytes = Uint8Array.from([...runs, 0xff, 0xff]);
  expect(countSparse(bytes, 0, runs.length, new Int32Array(64))).toBe(false);
  expect(mergeSparse(bytes, 0, runs.length, new Uint8Array(REGISTER_COUNT))).toBe(false);
});

test('a register that no run reaches is corrupt', () => {
  expect(new SparseChange().plan(Uint8Array.of(0x05), 0, 1, 6, 1)).toBe('corrupt');
});
