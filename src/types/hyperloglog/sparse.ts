import { REGISTER_COUNT } from './format.ts';

/**
 * Registers as runs of equal values, in order, that add up to all registers:
 *
 *     00llllll            a run of 1 to 64 zeros
 *     01llllll llllllll   a run of 1 to 16,384 zeros
 *     1vvvvvll            a run of 1 to 4 times a value of 1 to 32
 *
 * Lengths and values are stored less one. Raising one register splits the run that holds it into up to three, and then
 * joins neighbours of one value. Which of them are joined is as in Redis (hyperloglog.c, hllSparseSet), so that the same
 * elements in the same order give the same bytes.
 */

/** Greatest value that a run can have. */
export const SPARSE_VALUE_MAX = 32;
const VALUE_RUN_MAX = 4;
const ZERO_RUN_MAX = 64;
const VALUE_FLAG = 0x80;
const LONG_FLAG = 0x40;
/** Bytes that a run may become: a long run of zeros, a value, a long run of zeros. */
const SPLIT_BYTES_MAX = 5;
/** Runs that are looked at for neighbours to join, from the one before the register's on. */
const JOINS_MAX = 5;

/** Bytes of the runs of a HyperLogLog without elements. */
export const EMPTY_RUNS_BYTES = 2;

export function writeEmptyRuns(bytes: Uint8Array, offset: number): void {
  writeZeros(bytes, offset, REGISTER_COUNT);
}

/** Bytes of the run that begins with `head`. */
function runBytes(head: number): number {
  return (head & (VALUE_FLAG | LONG_FLAG)) === LONG_FLAG ? 2 : 1;
}

/** Registers of the run at `at`. A long run that the end cuts off reads as if a zero followed. */
function runLength(bytes: Uint8Array, at: number, end: number): number {
  const head = bytes[at];
  if ((head & VALUE_FLAG) !== 0) return (head & 3) + 1;
  if ((head & LONG_FLAG) === 0) return head + 1;
  return (((head & 0x3f) << 8) | (at + 1 < end ? bytes[at + 1] : 0)) + 1;
}

/** Value of the registers of the run that begins with `head`. */
function runValue(head: number): number {
  return (head & VALUE_FLAG) === 0 ? 0 : ((head >>> 2) & 0x1f) + 1;
}

function valueRun(value: number, length: number): number {
  return VALUE_FLAG | ((value - 1) << 2) | (length - 1);
}

/** Writes a run of zeros; returns its bytes. */
function writeZeros(bytes: Uint8Array, at: number, length: number): number {
  if (length <= ZERO_RUN_MAX) {
    bytes[at] = length - 1;
    return 1;
  }
  bytes[at] = LONG_FLAG | ((length - 1) >>> 8);
  bytes[at + 1] = length - 1;
  return 2;
}

/** Adds the number of registers of each value to `histogram`; false if the runs are corrupt. */
export function countSparse(
  bytes: Uint8Array,
  offset: number,
  length: number,
  histogram: Int32Array,
): boolean {
  const end = offset + length;
  let register = 0;
  for (let at = offset; at < end; at += runBytes(bytes[at])) {
    const run = runLength(bytes, at, end);
    if (register + run > REGISTER_COUNT) return false;
    register += run;
    histogram[runValue(bytes[at])] += run;
  }
  return register === REGISTER_COUNT;
}

/** Raises each of `registers`, a byte each, to the run's value where that is greater; false if the runs are corrupt. */
export function mergeSparse(
  bytes: Uint8Array,
  offset: number,
  length: number,
  registers: Uint8Array,
): boolean {
  const end = offset + length;
  let register = 0;
  for (let at = offset; at < end; at += runBytes(bytes[at])) {
    const last = register + runLength(bytes, at, end);
    if (last > REGISTER_COUNT) return false;
    const value = runValue(bytes[at]);
    if (value === 0) register = last;
    for (; register < last; register++) if (value > registers[register]) registers[register] = value;
  }
  return register === REGISTER_COUNT;
}

/** The runs as PFDEBUG DECODE shows them: `z:length`, `Z:length` for a long run of zeros, `v:value,length`. */
export function describeSparse(bytes: Uint8Array, offset: number, length: number): string {
  const end = offset + length;
  const runs: string[] = [];
  for (let at = offset; at < end; at += runBytes(bytes[at])) {
    const run = runLength(bytes, at, end);
    const value = runValue(bytes[at]);
    if (value > 0) runs.push(`v:${value},${run}`);
    else runs.push(`${runBytes(bytes[at]) === 1 ? 'z' : 'Z'}:${run}`);
  }
  return runs.join(' ');
}

/** A change of one register, in two steps between which the caller makes room. */
export class SparseChange {
  /** Bytes by which the runs grow before neighbours are joined: -1 to 3. */
  growth = 0;
  /** Places relative to the first run: of the run that holds the register and of the one before it. */
  #at = 0;
  #previous = 0;
  /** The runs that take the place of that one. */
  readonly #split = new Uint8Array(SPLIT_BYTES_MAX);
  #splitBytes = 0;

  /** Works out what raising a register to `value`, at most {@link SPARSE_VALUE_MAX}, takes. */
  plan(
    bytes: Uint8Array,
    offset: number,
    length: number,
    register: number,
    value: number,
  ): 'change' | 'no change' | 'corrupt' {
    const end = offset + length;
    let first = 0;
    let run = 0;
    let previous = offset;
    let at = offset;
    while (at < end) {
      run = runLength(bytes, at, end);
      if (register < first + run) break;
      previous = at;
      at += runBytes(bytes[at]);
      first += run;
    }
    if (at >= end) return 'corrupt';
    const before = register - first;
    const after = run - before - 1;
    const head = bytes[at];
    const present = runValue(head);
    if (present >= value) return 'no change';
    const split = this.#split;
    let count = 0;
    if (before > 0) {
      if (present === 0) count += writeZeros(split, count, before);
      else split[count++] = valueRun(present, before);
    }
    split[count++] = valueRun(value, 1);
    if (after > 0) {
      if (present === 0) count += writeZeros(split, count, after);
      else split[count++] = valueRun(present, after);
    }
    this.#splitBytes = count;
    this.#at = at - offset;
    this.#previous = previous - offset;
    this.growth = count - runBytes(head);
    return 'change';
  }

  /** Makes the change in runs of `length` bytes that have room for `growth` more; returns their new length. */
  apply(bytes: Uint8Array, offset: number, length: number): number {
    const at = offset + this.#at;
    const next = at + this.#splitBytes - this.growth;
    let end = offset + length;
    if (this.growth !== 0) bytes.copyWithin(next + this.growth, next, end);
    for (let index = 0; index < this.#splitBytes; index++) bytes[at + index] = this.#split[index];
    end += this.growth;
    return joinRuns(bytes, offset + this.#previous, end) - offset;
  }
}

/** Joins neighbouring runs of one value from `at` on; returns the new end. */
function joinRuns(bytes: Uint8Array, at: number, end: number): number {
  for (let left = JOINS_MAX; at < end && left > 0; left--) {
    const head = bytes[at];
    if ((head & VALUE_FLAG) !== 0 && at + 1 < end) {
      const next = bytes[at + 1];
      const length = (head & 3) + (next & 3) + 2;
      if ((next & VALUE_FLAG) !== 0 && runValue(next) === runValue(head) && length <= VALUE_RUN_MAX) {
        bytes[at + 1] = valueRun(runValue(head), length);
        bytes.copyWithin(at, at + 1, end);
        end--;
        continue;
      }
    }
    at += runBytes(head);
  }
  return end;
}
